"""``dbmcp config``: what each host reads."""

from __future__ import annotations

import json
import sys
import tomllib

import pytest

from dbmcp_core import Engine, Registry, Secret, Settings, hookimpl, setting
from dbmcp_server.cli.hosts import HostName

KEYS = {"vscode": "servers", "zed": "context_servers", "codex": "mcp_servers"}
URL = "postgresql://me:geheim@db.example.org/shop"


def entry(host: str, stdout: str, name: str = "dbmcp") -> dict:
    """Return the entry as the host would read it."""
    found = tomllib.loads(stdout) if host == "codex" else json.loads(stdout)
    return found[KEYS.get(host, "mcpServers")][name]


class PostgresSettings(Settings):
    """Some settings with a secret."""

    host: str = setting(doc="Host.")
    user: str | None = setting(None, doc="User.")
    password: Secret | None = setting(None, doc="Password.")
    database: str | None = setting(None, doc="Database.")


class Postgres(Engine):
    """An engine for postgresql: URLs, whose driver is not needed here."""

    name = "postgres"
    aliases = ("postgresql",)
    settings = PostgresSettings

    def open(self, settings):
        raise NotImplementedError


class Plugin:
    """The plugin of Postgres."""

    @hookimpl
    def dbmcp_engines(self):
        return [Postgres]


@pytest.fixture
def postgres(monkeypatch):
    """Have an engine for PostgreSQL installed, and no other plugin."""

    def load_all(self):
        self._all_loaded = True
        self.register(Plugin(), "postgres", distribution="dbmcp-postgres", version="0.1")
        return self.plugins()

    monkeypatch.setattr(Registry, "load_all", load_all)


@pytest.mark.parametrize("host", HostName)
def test_each_host_can_read_its_entry(run, shop, host):
    done = run("config", host.value, "--source", "shop.db")
    assert done.exit_code == 0
    found = entry(host.value, done.stdout)
    assert found["command"] == "uvx"
    assert found["args"] == ["dbmcp-server", str(shop)]
    assert done.stderr  # where it belongs


@pytest.mark.parametrize("host", HostName)
def test_no_secret_is_printed(run, postgres, host):
    done = run("config", host.value, "--source", URL)
    assert done.exit_code == 0
    assert "geheim" not in done.output
    found = entry(host.value, done.stdout)
    assert found["args"] == ["--with=dbmcp-postgres", "dbmcp-server"]
    assert "DBMCP_URL" in (found["env_vars"] if host.value == "codex" else found["env"])


@pytest.mark.parametrize(
    ("host", "placeholder"),
    [
        ("claude-code", "${DBMCP_URL}"),
        ("cursor", "${env:DBMCP_URL}"),
        ("windsurf", "${env:DBMCP_URL}"),
        ("gemini", "${DBMCP_URL}"),
        ("vscode", "${input:DBMCP_URL}"),
        ("claude-desktop", "postgresql://me:***@db.example.org/shop"),
    ],
)
def test_a_secret_is_a_placeholder(run, postgres, host, placeholder):
    done = run("config", host, "--source", URL)
    assert entry(host, done.stdout)["env"] == {"DBMCP_URL": placeholder}
    if host == "vscode":
        (asked,) = json.loads(done.stdout)["inputs"]
        assert (asked["id"], asked["password"]) == ("DBMCP_URL", True)


def test_beside_a_secret_source_others_are_named(run, postgres, shop):
    done = run("config", "cursor", "--source", URL, "--source", "s=shop.db")
    assert entry("cursor", done.stdout)["args"][-2:] == ["shop", f"s={shop}"]


def test_two_secret_sources_dont_fit(run, postgres):
    done = run("config", "cursor", "--source", URL, "--source", f"other={URL}")
    assert done.exit_code == 2
    assert "geheim" not in done.output


def test_a_configuration_file_with_references(run, shop, tmp_path, monkeypatch):
    (tmp_path / "dbmcp.toml").write_text('[sources]\ncrm = "sqlite:///${CRM_FILE}"\n', encoding="utf-8")
    monkeypatch.setenv("CRM_FILE", "shop.db")
    found = entry("cursor", run("config", "cursor").stdout)
    assert found["args"] == ["dbmcp-server", "--config", str(tmp_path / "dbmcp.toml")]
    assert found["env"] == {"CRM_FILE": "${env:CRM_FILE}"}
    found = entry("codex", run("config", "codex", "--source", "crm").stdout)
    assert found["args"] == ["dbmcp-server", "crm", "--config", str(tmp_path / "dbmcp.toml")]
    assert found["env_vars"] == ["CRM_FILE"]


def test_a_source_of_the_environment(run, shop):
    found = entry("codex", run("config", "codex", env={"MCP_SQLITE_FILENAME": str(shop)}).stdout)
    assert found["env"] == {"MCP_SQLITE_FILENAME": str(shop)}
    assert found["args"] == ["dbmcp-server"]


@pytest.mark.parametrize("source", ["sqlite:///shop.db", "sqlite:shop.db", "shop.db"])
def test_paths_are_absolute(run, shop, source):
    found = entry("cursor", run("config", "cursor", "-s", source).stdout)
    assert found["args"][-1] in (str(shop), f"sqlite:///{shop}")


def test_the_interpreter_by_its_path(run, shop):
    found = entry("zed", run("config", "zed", "--absolute", "-s", "shop.db", "--name", "shop").stdout, "shop")
    assert found["command"] == sys.executable
    assert found["args"] == ["-m", "dbmcp_server", "serve", str(shop)]


def test_wrong_calls(run):
    assert run("config", "emacs").exit_code == 2
    assert run("config", "cursor", "--name", "a b").exit_code == 2
    assert run("config", "cursor", "-s", "nosuch").exit_code == 3

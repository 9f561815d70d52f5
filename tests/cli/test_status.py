"""``dbmcp sources``, ``doctor`` and ``plugins``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from dbmcp_core import Engine, Lock, PluginInfo, Registry, Secret, Settings, hookimpl, setting
from dbmcp_core.sqlite import SQLite


class VaultSettings(Settings):
    """Settings with secrets in them."""

    filename: str = setting(doc="A file.")
    user: str | None = setting(None, doc="Who.")
    password: Secret | None = setting(None, doc="A secret.")
    note: str = setting("", doc="A text that may quote a secret.")


class Vault(SQLite):
    """SQLite with a password, and with a lock that doesn't hold."""

    name = "vault"
    aliases = ()
    settings = VaultSettings  # type: ignore[assignment]

    def settings_from_url(self, url: Any) -> dict[str, object]:
        found = Engine.settings_from_url(self, url)
        return {"filename": "/" + str(found.pop("database", "")), **{k: v for k, v in found.items() if k != "host"}}

    def open(self, settings: Any) -> Any:
        from dbmcp_core.sqlite.settings import SQLiteSettings

        database = super().open(SQLiteSettings(filename=settings.filename, read_only=settings.read_only))
        locks = database.locks
        database.locks = lambda: [*locks(), Lock("role", False, "the role is a superuser")]  # type: ignore[method-assign]
        return database


class Plugin:
    """The plugin of Vault."""

    @hookimpl
    def dbmcp_engines(self) -> Iterable[type[Engine]]:
        return [Vault]


@pytest.fixture
def vault(monkeypatch):
    """Have Vault installed beside what is."""

    def load_all(self):
        self.register(Plugin(), "vault", distribution="dbmcp-vault", version="1.2")
        return original(self)

    original = Registry.load_all
    monkeypatch.setattr(Registry, "load_all", load_all)


@pytest.fixture
def broken(monkeypatch):
    """Have a plugin installed that can't be loaded."""

    def load_all(self):
        self._plugins["bad"] = PluginInfo("bad", "dbmcp-bad", "0.1", error="ImportError: no driver")
        return original(self)

    original = Registry.load_all
    monkeypatch.setattr(Registry, "load_all", load_all)


def test_sources_from_everywhere(run, shop, tmp_path):
    (tmp_path / "dbmcp.toml").write_text('[sources]\nfirst = "sqlite:///shop.db"\n', encoding="utf-8")
    found = json.loads(
        run("sources", "--json", env={"MCP_SQLITE_FILENAME": str(shop), "DBMCP_URL": "sqlite:///other.db"}).stdout
    )["sources"]
    assert {one["name"]: (one["engine"], one["origin"]) for one in found} == {
        "first": ("sqlite", "dbmcp.toml"),
        "sqlite": ("sqlite", "environment"),
        "other": ("sqlite", "environment"),
    }
    assert all(one["read_only"] for one in found)


def test_another_configuration_file(run, shop, tmp_path):
    (tmp_path / "mine.toml").write_text('[sources.mine]\nengine = "sqlite"\nfilename = "shop.db"\n', encoding="utf-8")
    assert "mine" in run("sources", "--config", "mine.toml").stdout
    assert run("tables", "mine", "--config", "mine.toml").stdout.split()[0] == "cheap"
    done = run("sources", "--config", "missing.toml")
    assert done.exit_code == 3
    assert done.stderr.startswith("dbmcp: config_invalid: ")


@pytest.mark.parametrize("args", [[], ["--json"]])
def test_secrets_are_masked_in_sources(run, vault, args):
    done = run("sources", *args, env={"DBMCP_URL": "vault://me:geheim@host/tmp/x.db?note=it-is-geheim"})
    assert done.exit_code == 0
    assert "geheim" not in done.output
    assert "***" in done.stdout
    assert "me" in done.stdout


def test_no_sources(run):
    done = run("sources")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr


def test_doctor_of_a_source_that_is_well(run, shop):
    done = run("doctor", shop, "--json")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert {"python", "sqlite", "dbmcp-server", "dbmcp-core"} <= report["versions"].keys()
    assert "sqlite" in [plugin["name"] for plugin in report["plugins"]]
    (source,) = report["sources"]
    assert source["reachable"]
    assert source["warnings"] == []
    assert {"guard", "policy"} < {lock["name"] for lock in source["locks"]}
    assert all(lock["holds"] for lock in source["locks"])


def test_doctor_in_words(run, shop):
    done = run("doctor", shop)
    assert done.exit_code == 0
    assert "guard" in done.stdout
    assert "WARNING" not in done.stdout


def test_doctor_warns_of_a_layer_that_doesnt_hold(run, vault, shop):
    done = run("doctor", f"vault://me:geheim@host{shop}", "--json")
    assert done.exit_code == 0
    assert "geheim" not in done.output
    assert any("superuser" in warning for warning in json.loads(done.stdout)["sources"][0]["warnings"])
    assert "WARNING" in run("doctor", f"vault://host{shop}").stdout


def test_doctor_of_a_writable_source_does_not_warn(run, shop):
    (source,) = json.loads(run("doctor", f"sqlite:///{shop}?read_only=false", "--json").stdout)["sources"]
    assert not all(lock["holds"] for lock in source["locks"])
    assert source["warnings"] == []


def test_doctor_of_a_source_that_isnt_reached(run, shop, tmp_path):
    done = run("doctor", "--json", shop, f"gone=sqlite:///{tmp_path}/gone.db")
    assert done.exit_code == 1
    well, gone = json.loads(done.stdout)["sources"]
    assert well["reachable"]
    assert gone["error"]["code"] == "connection_failed"
    assert run("doctor", f"gone=sqlite:///{tmp_path}/gone.db").exit_code == 1


def test_doctor_of_a_broken_configuration(run, tmp_path):
    (tmp_path / "dbmcp.toml").write_text("[sorces]\n", encoding="utf-8")
    done = run("doctor", "--json")
    assert done.exit_code == 3
    report = json.loads(done.stdout)
    assert report["problem"]["code"] == "config_invalid"
    assert report["versions"]


def test_a_broken_plugin(run, broken, shop):
    found = {one["name"]: one for one in json.loads(run("plugins", "--json").stdout)["plugins"]}
    assert found["bad"]["error"] == "ImportError: no driver"
    assert found["sqlite"]["error"] is None
    assert found["sqlite"]["schemes"][0] == "sqlite:"
    assert "no driver" in run("plugins").stdout
    assert run("doctor", shop).exit_code == 3
    assert run("tables", shop).exit_code == 0


def test_plugins(run, vault):
    (found,) = (one for one in json.loads(run("plugins", "--json").stdout)["plugins"] if one["name"] == "vault")
    assert (found["distribution"], found["version"], found["engines"]) == ("dbmcp-vault", "1.2", ["vault"])


def test_an_installed_policy_holds_on_the_command_line(run, shop, monkeypatch):
    class Strict:
        @hookimpl
        def dbmcp_policies(self):
            return [lambda request: "Not on my watch."]

    load_all = Registry.load_all
    monkeypatch.setattr(Registry, "load_all", lambda self: [self.register(Strict(), "strict"), *load_all(self)])
    done = run("query", shop, "SELECT 1")
    assert done.exit_code == 4
    assert "Not on my watch." in done.stderr

"""MXCP's two files and its variables: every key known, references resolved, the rest told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import ConfigError, Registry, hookimpl
from dbmcp_core.tools.mxcp.config import Loaded, load
from dbmcp_core.tools.problems import ProjectInvalid

pytest.importorskip("dbmcp_duckdb")

Write = Callable[[str, str], Path]

SITE = """\
mxcp: 1
project: shop
profile: dev
secrets: [api]
plugin:
  - {name: cipher, module: my_cipher, config: rot}
extensions: [json, {name: h3, repo: community}]
sql_tools:
  enabled: true
  list_tables: {description: Which tables there are}
paths: {tools: endpoints}
profiles:
  prod:
    duckdb: {path: /data/prod.duckdb, readonly: true}
    drift: {path: prod.json}
    audit: {enabled: true, path: logs/prod.jsonl}
"""
USER = """\
mxcp: 1
transport: {provider: streamable-http, http: {port: 8123, host: 127.0.0.1}}
projects:
  shop:
    profiles:
      dev:
        secrets:
          - {name: api, type: python, parameters: {key: "${API_KEY}", url: "https://example.org/${PATH_PART}"}}
          - {name: other, type: http, parameters: {BEARER_TOKEN: never}}
        plugin: {config: {rot: {rotation: "13"}}}
      prod: {secrets: [{name: api, type: python, parameters: {key: prod-key}}]}
"""
VARIABLES = {"API_KEY": "k-12345", "PATH_PART": "v2"}


@pytest.fixture
def loaded(write: Write, tmp_path: Path) -> Callable[..., Loaded]:
    def load_it(
        site: str = SITE, user: str | None = USER, variables: Mapping[str, str] = VARIABLES, **more: Any
    ) -> Loaded:
        registry = more.pop("registry", None) or Registry()
        environment = dict(variables)
        if user is not None:
            environment["MXCP_CONFIG"] = str(write("user.yml", user))
        return load(write("mxcp-site.yml", site), registry, {"HOME": str(tmp_path), **environment}, **more)

    return load_it


def settings(found: Loaded) -> Any:
    (source,) = found.config.sources
    return source.settings


def test_the_files_make_a_project(loaded: Callable[..., Loaded], tmp_path: Path) -> None:
    found = loaded()
    config = found.config
    assert (config.name, found.profile, config.connection) == ("shop", "dev", "duckdb")
    assert config.kinds["tool"] == tmp_path / "endpoints"
    assert config.secrets["api"] == {"key": "k-12345", "url": "https://example.org/v2"}
    assert [(one.name, one.module, one.config) for one in config.plugins] == [
        ("cipher", "my_cipher", {"rotation": "13"})
    ]
    assert dict(config.sql_tools) == {
        "execute_sql_query": None,
        "list_tables": "Which tables there are",
        "get_table_schema": None,
    }
    assert (config.audit, config.drift) == (None, tmp_path / "drift" / "drift-dev.json")
    assert (found.transport.http.port, found.transport.http.host) == (8123, "127.0.0.1")
    assert found.notes == ()


def test_the_database_of_the_profile(loaded: Callable[..., Loaded], tmp_path: Path) -> None:
    dev, prod = settings(loaded()), settings(loaded(profile="prod"))
    assert (dev.filename, dev.read_only) == (str(tmp_path / "data" / "db-dev.duckdb"), False)
    assert (prod.filename, prod.read_only) == ("/data/prod.duckdb", True)
    assert dev.extensions == ("json", "h3@community")


def test_a_profile_has_its_own_secrets_drift_and_records(loaded: Callable[..., Loaded], tmp_path: Path) -> None:
    config = loaded(profile="prod").config
    assert config.secrets == {"api": {"key": "prod-key"}}
    assert (config.audit, config.drift) == (tmp_path / "logs" / "prod.jsonl", tmp_path / "prod.json")


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("MXCP_PROFILE", "prod", lambda found: found.profile == "prod"),
        ("MXCP_DUCKDB_PATH", "other.duckdb", lambda found: settings(found).filename.endswith("/other.duckdb")),
        ("MXCP_READONLY", "true", lambda found: settings(found).read_only),
        ("MXCP_AUDIT_ENABLED", "1", lambda found: found.config.audit is not None),
    ],
)
def test_variables_are_stronger_than_the_files(
    loaded: Callable[..., Loaded], variable: str, value: str, expected: Callable[[Loaded], bool]
) -> None:
    assert not expected(loaded())
    assert expected(loaded(variables={**VARIABLES, variable: value}))


@pytest.mark.parametrize("variable", ["MXCP_READONLY", "MXCP_AUDIT_ENABLED"])
def test_a_switch_that_is_neither_on_nor_off_is_an_error(loaded: Callable[..., Loaded], variable: str) -> None:
    assert loaded(variables={**VARIABLES, variable: "off"}) is not None
    with pytest.raises(ConfigError, match=f"{variable} wants true or false, not 'ture'"):
        loaded(variables={**VARIABLES, variable: "ture"})


def test_the_command_line_is_stronger_than_variables(loaded: Callable[..., Loaded]) -> None:
    variables = {**VARIABLES, "MXCP_READONLY": "true", "MXCP_PROFILE": "prod"}
    found = loaded(variables=variables, read_only=False, profile="dev")
    assert (found.profile, settings(found).read_only) == ("dev", False)


def test_only_secrets_that_the_site_lists_reach_the_database(loaded: Callable[..., Loaded]) -> None:
    found = loaded()
    assert "never" not in str(settings(found).secrets())
    assert found.config.secrets["other"] == {"BEARER_TOKEN": "never"}  # Python's code may ask for it


def test_a_secret_that_is_not_listed_need_not_resolve(loaded: Callable[..., Loaded]) -> None:
    found = loaded(user=USER.replace("BEARER_TOKEN: never", 'BEARER_TOKEN: "${NOT_SET}"'))
    assert list(found.config.secrets) == ["api"]


def test_code_sees_the_paths_that_go_without_saying(loaded: Callable[..., Loaded], tmp_path: Path) -> None:
    profiles = loaded().config.site_config["profiles"]
    assert profiles["dev"]["duckdb"]["path"] == str(tmp_path / "data" / "db-dev.duckdb")
    prod = loaded(profile="prod").config.site_config["profiles"]["prod"]
    assert prod["duckdb"] == {"path": "/data/prod.duckdb", "readonly": True}


def test_no_secret_shows(loaded: Callable[..., Loaded]) -> None:
    found = loaded()
    assert "k-12345" not in repr(found.config.sources[0])


def test_a_secret_that_the_user_does_not_have_is_said(loaded: Callable[..., Loaded]) -> None:
    found = loaded(SITE.replace("secrets: [api]", "secrets: [api, missing]"))
    assert any("'missing'" in note for note in found.notes)


def test_without_a_user_configuration(loaded: Callable[..., Loaded]) -> None:
    found = loaded(user=None)
    assert found.config.secrets == {}
    assert any("'api'" in note for note in found.notes)


def test_what_is_not_taken_over_is_said(loaded: Callable[..., Loaded]) -> None:
    user = USER.replace("      dev:\n", "      dev:\n        auth: {provider: github, github: {client_id: x}}\n")
    found = loaded(SITE + "dbt: {enabled: true}\n", user)
    notes = " ".join(found.notes)
    assert "'auth' is not taken over" in notes
    assert "'dbt' is not taken over" in notes
    assert found.signs_in
    assert not loaded(user=user.replace("provider: github", "provider: none")).signs_in


BESIDE = """\
[project]
timeout_s = 30
decimals = "exact"
[project.duckdb]
timeout_s = 7
max_concurrent = 2
[sources]
crm = "sqlite:///crm.db"
[server]
port = 9999
[records]
file = "calls.jsonl"
"""


def test_our_file_beside_it_says_what_it_has_no_key_for(loaded: Callable[..., Loaded], write: Write) -> None:
    without = loaded().config
    assert (without.timeout_s, without.decimals, without.sources[0].settings.timeout_s) == (600, "float", 600)
    write("dbmcp.toml", BESIDE)
    found = loaded()
    config = found.config
    assert (config.name, config.timeout_s, config.decimals, config.max_bytes) == ("shop", 30, "exact", 50_000_000)
    assert config.connection == "duckdb"
    duckdb, crm = config.sources
    assert (duckdb.name, duckdb.settings.timeout_s, duckdb.settings.max_concurrent) == ("duckdb", 7, 2)
    assert duckdb.settings.max_rows == without.sources[0].settings.max_rows
    assert (crm.name, crm.engine.name, crm.settings.read_only) == ("crm", "sqlite", True)
    assert (found.ours.server, found.ours.records) == ({"port": 9999}, {"file": "calls.jsonl"})


@pytest.mark.parametrize(
    ("beside", "message"),
    [
        ("[project]\nname = 'other'", "timeout_s, max_bytes, decimals, audit_results, duckdb, and no 'name'"),
        ("[project.duckdb]\nread_only = false", "no say in 'read_only'"),
        ("[project.duckdb]\nreadOnly = false", "'read_only' is set twice"),
        ("[project.duckdb]\npath = '/etc/other.duckdb'", "'filename' is set twice"),
        ("[project.duckdb]\nurl = 'duckdb:////data/other.duckdb'", "no say in 'url'"),
        ("[project]\nduckdb = 'duckdb:////data/other.duckdb'", "wants a table"),
        ("[sources]\nduckdb = 'duckdb:////data/other.duckdb'", "is the project's own database"),
        ("[project.duckdb]\ntimeout = 5", "timeout_s"),
        ("[projects]\ntimeout_s = 5", "unknown table 'projects'"),
    ],
)
def test_what_its_own_files_say_stands(loaded: Callable[..., Loaded], write: Write, beside: str, message: str) -> None:
    write("dbmcp.toml", beside)
    with pytest.raises(ConfigError, match=message):
        loaded(read_only=True)


def test_a_secret_of_the_users_configuration_is_not_read_as_a_reference(
    loaded: Callable[..., Loaded], write: Write
) -> None:
    write("dbmcp.toml", "[project.duckdb]\nmax_rows = 5\n")
    user = USER.replace(
        "type: python, parameters: {key: prod-key}", "type: http, parameters: {BEARER_TOKEN: '${API_KEY}'}"
    )
    found = loaded(user=user, profile="prod", variables={"API_KEY": "a-${HOME}-b"})
    assert found.config.secrets["api"] == {"BEARER_TOKEN": "a-${HOME}-b"}
    assert "a-${HOME}-b" in found.config.sources[0].settings.secrets()


@pytest.mark.parametrize(
    ("before", "after", "place", "message"),
    [
        ("profile: dev", "profil: dev", "3:1", "unknown key 'profil' (did you mean 'profile'?)"),
        ("project: shop", "", "1:1", "'project' is missing"),
        ("mxcp: 1", "mxcp: 3", "1:1", "version 3 of the format isn't known"),
        ("readonly: true", "readonly: maybe", "14:39", "'readonly' wants true or false, not 'maybe'"),
        ("enabled: true, path", "enable: true, path", "16:13", "unknown key 'enable' (did you mean 'enabled'?)"),
        ("repo: community", "repo: mine", "7:31", "'repo' wants one of core, community, core_nightly, not 'mine'"),
    ],
)
def test_a_mistake_in_the_site_is_told_with_its_place(
    loaded: Callable[..., Loaded], before: str, after: str, place: str, message: str
) -> None:
    assert before in SITE
    with pytest.raises(ProjectInvalid) as caught:
        loaded(SITE.replace(before, after))
    assert any(f"mxcp-site.yml:{place}: " in str(one) and message in str(one) for one in caught.value.problems), str(
        caught.value
    )


def test_a_mistake_in_the_users_configuration(loaded: Callable[..., Loaded]) -> None:
    with pytest.raises(ProjectInvalid, match=r"user.yml:8:\d+: 'type' is missing"):
        loaded(user=USER.replace("name: api, type: python, ", "name: api, "))


class TestReferences:
    def test_one_that_leads_nowhere(self, loaded: Callable[..., Loaded]) -> None:
        with pytest.raises(ConfigError, match="the secret 'api' refers to the environment variable API_KEY"):
            loaded(variables={"PATH_PART": "v2"})

    def test_those_of_other_profiles_are_not_resolved(self, loaded: Callable[..., Loaded]) -> None:
        assert loaded(variables={}, profile="prod").config.secrets == {"api": {"key": "prod-key"}}

    def test_a_file(self, loaded: Callable[..., Loaded], write: Write) -> None:
        path = write("key.txt", "from-a-file\n")
        found = loaded(user=USER.replace("${API_KEY}", f"file://{path}"))
        assert found.config.secrets["api"]["key"] == "from-a-file"

    def test_a_file_that_is_not_there(self, loaded: Callable[..., Loaded]) -> None:
        with pytest.raises(ConfigError, match="can't be read: No such file"):
            loaded(user=USER.replace("${API_KEY}", "file:///nowhere/key.txt"))

    def test_a_vault_without_a_plugin(self, loaded: Callable[..., Loaded]) -> None:
        with pytest.raises(ConfigError, match="vault://, which no plugin can read"):
            loaded(user=USER.replace("${API_KEY}", "vault://secret/shop#key"))

    def test_a_vault_with_a_plugin(self, loaded: Callable[..., Loaded]) -> None:
        class Vault:
            @hookimpl
            def dbmcp_secrets(self, scheme: str, reference: str) -> str | None:
                return f"of {reference}" if scheme == "vault" else None

        registry = Registry()
        registry.register(Vault(), "vault")
        found = loaded(user=USER.replace("${API_KEY}", "vault://secret/shop#key"), registry=registry)
        assert found.config.secrets["api"]["key"] == "of secret/shop#key"


def test_a_database_in_memory_is_refused(loaded: Callable[..., Loaded]) -> None:
    with pytest.raises(ConfigError, match="wants to be a file"):
        loaded(variables={**VARIABLES, "MXCP_DUCKDB_PATH": ":memory:"})


def test_a_configuration_that_is_not_there(loaded: Callable[..., Loaded]) -> None:
    with pytest.raises(ConfigError, match="MXCP_CONFIG leads to /nowhere"):
        loaded(user=None, variables={"MXCP_CONFIG": "/nowhere/config.yml"})


def test_code_gets_every_secret_of_the_profile_and_duckdb_those_of_the_site(loaded: Callable[..., Loaded]) -> None:
    user = USER.replace("BEARER_TOKEN: never", 'BEARER_TOKEN: "${NOWHERE}"')
    found = loaded(user=user)
    assert [one[0] for one in settings(found).duckdb_secrets.entries] == ["api"]
    assert list(found.config.secrets) == ["api"]
    (note,) = (note for note in found.notes if "'other'" in note)
    assert "NOWHERE" in note
    assert loaded(user=user, variables=VARIABLES | {"NOWHERE": "t"}).config.secrets["other"] == {"BEARER_TOKEN": "t"}


def test_code_reads_the_paths_of_the_active_profile(loaded: Callable[..., Loaded], tmp_path: Path) -> None:
    profiles = loaded().config.site_config["profiles"]
    assert profiles["dev"] == {
        "duckdb": {"path": str(tmp_path / "data" / "db-dev.duckdb")},
        "drift": {"path": str(tmp_path / "drift" / "drift-dev.json")},
        "audit": {"path": str(tmp_path / "audit" / "logs-dev.jsonl")},
    }
    chosen = loaded(profile="prod").config.site_config["profiles"]
    assert "dev" not in chosen
    assert chosen["prod"]["duckdb"] == {"path": "/data/prod.duckdb", "readonly": True}

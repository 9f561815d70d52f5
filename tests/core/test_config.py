"""Where sources come from, which wins, and what is said when something is wrong."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import NoReturn
from urllib.parse import SplitResult

import pytest

from dbmcp_core import ConfigError, Engine, Registry, Secret, Settings, UnknownSource, hookimpl, setting
from dbmcp_core.config import load, source
from dbmcp_core.sqlite.settings import SQLiteSettings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def registry() -> Registry:
    return Registry()


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def filename(settings: Settings) -> str:
    assert isinstance(settings, SQLiteSettings)
    return settings.filename


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///shop.db", "shop.db"),
        ("sqlite:////data/shop.db", "/data/shop.db"),
        ("sqlite:shop.db", "shop.db"),
        ("sqlite:///my%20shop.db", "my shop.db"),
        ("sqlite://", ":memory:"),
        ("sqlite:///:memory:", ":memory:"),
        ("sqlite3:///shop.db", "shop.db"),
    ],
)
def test_an_sqlite_url_leads_to_its_file(registry: Registry, url: str, name: str) -> None:
    assert filename(source(registry, "shop", url).settings) == name


def test_a_url_has_settings_in_its_query(registry: Registry) -> None:
    settings = source(registry, "shop", "sqlite:///shop.db?readOnly=false&timeout_s=3").settings
    assert (settings.read_only, settings.timeout_s) == (False, 3.0)


def test_the_known_camel_case_keys_are_taken(registry: Registry) -> None:
    one = source(registry, "shop", {"type": "sqlite", "filename": "a.db", "createIfNotExists": True, "readOnly": False})
    assert isinstance(one.settings, SQLiteSettings)
    assert one.settings.create_if_not_exists
    assert not one.settings.read_only


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({}, "neither 'url' nor 'engine'"),
        ("shop.db", "begins with its engine"),
        ("sqlite://shop.db", "three slashes"),
        ("nosuch://h/db", "No engine is called 'nosuch'"),
        ({"engine": "sqlite"}, "'filename' is missing"),
        ({"engine": "sqlite", "filenam": "x"}, "did you mean 'filename'"),
        ({"url": "sqlite:///a.db", "engine": "nosuch"}, "No engine is called 'nosuch'"),
        ("postgres://u:hunter2@[::1/db", "can't be read"),
        ("postgres://u:hunter2/x@h/db", "write .* / as %2F"),
        ("postgres://h:1;user=u;password=hunter2", "can't be read"),
    ],
)
def test_what_is_wrong_with_a_source_is_named_without_its_password(
    registry: Registry, spec: str | dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        source(registry, "shop", spec)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "-x", "x" * 65])
def test_a_name_must_fit_into_a_uri(registry: Registry, name: str) -> None:
    with pytest.raises(ConfigError, match="can't name a source"):
        source(registry, name, "sqlite:///a.db")


def test_the_file_of_the_working_directory_is_read(registry: Registry, tmp_path: Path) -> None:
    write(
        tmp_path / "dbmcp.toml",
        '[sources]\nshop = "sqlite:///shop.db"\n[sources.crm]\nengine = "sqlite"\nfilename = "c.db"',
    )
    sources = load(registry, environment={}).sources
    assert [one.name for one in sources] == ["shop", "crm"]
    assert filename(sources[0].settings) == str(tmp_path / "shop.db")


def test_paths_are_relative_to_the_file_that_names_them(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    file = write(tmp_path / "conf" / "my.toml", '[sources]\nshop = "sqlite:///shop.db"\nmem = "sqlite://"')
    shop, memory = load(registry, file=file, environment={}).sources
    assert filename(shop.settings) == str(tmp_path / "conf" / "shop.db")
    assert filename(memory.settings) == ":memory:"


def test_the_environment_makes_a_source(registry: Registry) -> None:
    environment = {"MCP_SQLITE_FILENAME": "shop.db", "MCP_SQLITE_READ_ONLY": "false", "MCP_TOOL_TIMEOUT": "60000"}
    (one,) = load(registry, environment=environment).sources
    assert (one.name, one.origin, filename(one.settings), one.settings.read_only) == (
        "sqlite",
        "environment",
        "shop.db",
        False,
    )


def test_a_url_in_the_environment_makes_a_source(registry: Registry) -> None:
    (one,) = load(registry, environment={"DBMCP_URL": "sqlite:///data/shop.db"}).sources
    assert one.name == "shop"


class FamousSettings(Settings):
    host: str = setting(doc="Where.", environment=("FAMOUS_HOST",))
    token: Secret | None = setting(None, doc="The token.", environment=("FAMOUS_TOKEN",))


class Famous(Engine):
    name = "famous"
    settings = FamousSettings

    def open(self, settings: Settings) -> NoReturn:
        raise NotImplementedError


class ReplicatedSettings(Settings):
    uri: Secret | None = setting(None, doc="All of the URL.")


class Replicated(Engine):
    name = "replicated"
    settings = ReplicatedSettings
    has_many_hosts = True

    def open(self, settings: Settings) -> NoReturn:
        raise NotImplementedError

    def settings_from_url(self, url: SplitResult) -> dict[str, object]:
        return {"uri": url.geturl()}


@pytest.fixture
def with_famous(registry: Registry) -> Registry:
    class Plugin:
        @hookimpl
        def dbmcp_engines(self) -> list[type[Engine]]:
            return [Famous, Replicated]

    registry.register(Plugin(), "famous")
    return registry


def famous(registry: Registry, environment: dict[str, str], named: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    found = []
    for one in load(registry, environment=environment, named=named).sources:
        if isinstance(one.settings, FamousSettings):
            token = one.settings.token
            found.append((one.settings.host, token.reveal() if token is not None else ""))
    return found


@pytest.mark.parametrize(
    "url",
    [
        "replicated://u:hunter2@h1:1,h2:2/shop?replicaSet=rs",
        "replicated://h1,h2:2/shop",
        "replicated://[::1]:1,[::2]:2/shop",
        "replicated://h1:1/shop",
    ],
)
def test_a_url_may_name_several_hosts_where_the_engine_takes_them(with_famous: Registry, url: str) -> None:
    (one,) = load(with_famous, named=[url], environment={}).sources
    assert isinstance(one.settings, ReplicatedSettings)
    assert one.settings.uri is not None
    assert (one.name, one.settings.uri.reveal()) == ("shop", url)
    assert "hunter2" not in repr(one)


@pytest.mark.parametrize(
    "url",
    [
        "replicated://u:hunter2@h1:1,h2:x/shop",
        "replicated://u:hunter2@h1:1,h2:99999/shop",
        "replicated://u:hunter2/x@h1:1,h2:2/shop",
        "replicated://h1:1,u:hunter2/shop",
        "famous://u:hunter2@h1:1,h2:2/shop",
    ],
)
def test_hosts_that_cannot_be_read_are_an_error_without_a_password(with_famous: Registry, url: str) -> None:
    for named in (url, f"shop={url}"):
        with pytest.raises(ConfigError, match="no valid host and port") as caught:
            load(with_famous, named=[named], environment={})
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_variables_of_a_databases_own_tools_make_a_source_where_they_hold_what_it_needs(with_famous: Registry) -> None:
    assert famous(with_famous, {"FAMOUS_HOST": "h", "FAMOUS_TOKEN": "t"}) == [("h", "t")]
    assert famous(with_famous, {"FAMOUS_TOKEN": "t"}) == []
    assert famous(with_famous, {"FAMOUS_HOST": ""}) == []


def test_our_variables_win_over_those_of_a_databases_own_tools(with_famous: Registry) -> None:
    theirs = {"FAMOUS_HOST": "h", "FAMOUS_TOKEN": "t"}
    assert famous(with_famous, {**theirs, "MCP_FAMOUS_HOST": "mine"}) == [("mine", "t")]
    assert famous(with_famous, {**theirs, "MCP_FAMOUS_TOKEN": "mine"}) == [("h", "mine")]


def test_variables_of_a_databases_own_tools_add_nothing_to_what_is_configured(
    with_famous: Registry, tmp_path: Path
) -> None:
    theirs = {"FAMOUS_HOST": "h", "FAMOUS_TOKEN": "t"}
    write(tmp_path / "dbmcp.toml", '[sources]\nlake = { engine = "famous", host = "lake" }')
    assert famous(with_famous, theirs) == [("lake", "")]
    (tmp_path / "dbmcp.toml").unlink()
    assert famous(with_famous, theirs, ("famous",)) == [("h", "t")]
    assert famous(with_famous, theirs, ("sqlite://",)) == []


def test_a_misspelt_variable_of_an_engine_is_an_error(registry: Registry) -> None:
    with pytest.raises(ConfigError, match="did you mean 'filename'"):
        load(registry, environment={"MCP_SQLITE_FILENAM": "x"})


def test_the_environment_wins_over_the_file(registry: Registry, tmp_path: Path) -> None:
    write(tmp_path / "dbmcp.toml", '[sources]\nsqlite = "sqlite:///file.db"\nother = "sqlite:///other.db"')
    sources = {one.name: one for one in load(registry, environment={"MCP_SQLITE_FILENAME": "env.db"}).sources}
    assert filename(sources["sqlite"].settings) == "env.db"
    assert set(sources) == {"sqlite", "other"}


def test_the_command_line_wins_over_both(registry: Registry, tmp_path: Path) -> None:
    write(tmp_path / "dbmcp.toml", '[sources]\nshop = "sqlite:///file.db"\nother = "sqlite:///other.db"')
    write(tmp_path / "here.db", "")
    named = ["other", "crm=sqlite:///crm.db", "here.db", "sqlite:///x/log.db"]
    sources = load(registry, named=named, environment={"MCP_SQLITE_FILENAME": "env.db"}).sources
    assert [one.name for one in sources] == ["other", "crm", "here", "log"]


def test_a_name_that_leads_nowhere_tells_what_there_is(registry: Registry, tmp_path: Path) -> None:
    write(tmp_path / "dbmcp.toml", '[sources]\nshop = "sqlite:///file.db"')
    with pytest.raises(UnknownSource, match="did you mean 'shop'"):
        load(registry, named=["shpo"], environment={})


def test_two_sources_of_one_name_are_an_error(registry: Registry) -> None:
    with pytest.raises(ConfigError, match="one name"):
        load(registry, named=["sqlite:///a/shop.db", "sqlite:///b/shop.db"], environment={})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[sources", "not valid TOML"),
        ("[source.x]", "did you mean 'sources'"),
        ("sources = 1", "wants a table"),
        ("[sources]\nx = 1", "wants a URL or a table"),
        ('[sources]\nx = "sqlite:///${NOWHERE}"', "the environment has no NOWHERE"),
        ('[sources]\nx = "sqlite:///${vault:a/b}"', "nothing gives a 'vault' secret"),
    ],
)
def test_what_is_wrong_with_the_file_is_named(registry: Registry, tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load(registry, file=write(tmp_path / "x.toml", text), environment={})


def test_a_file_that_was_asked_for_must_be_there(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load(registry, file=tmp_path / "none.toml", environment={})


def test_references_are_filled_in(registry: Registry, tmp_path: Path) -> None:
    class Vault:
        @hookimpl
        def dbmcp_secrets(self, scheme: str, reference: str) -> str | None:
            return f"from-{reference}" if scheme == "vault" else None

    registry.register(Vault(), "vault")
    secret = write(tmp_path / "secret", "from-file\n")
    urls = {"a": "${NAME}.db", "b": "${vault:v}", "c": f"${{file:{secret}}}", "d": "$$x"}
    text = "[sources]\n" + "\n".join(f'{name} = "sqlite:///{path}"' for name, path in urls.items())
    file = write(tmp_path / "x.toml", text)
    names = [Path(filename(s.settings)).name for s in load(registry, file=file, environment={"NAME": "shop"}).sources]
    assert names == ["shop.db", "from-v", "from-file", "$x"]


def test_other_tables_are_handed_on(registry: Registry, tmp_path: Path) -> None:
    file = write(tmp_path / "x.toml", '[server]\nport = 4000\n[records]\nfile = "${LOG}"')
    config = load(registry, file=file, environment={"LOG": "calls.jsonl"})
    assert (config.server, config.records) == ({"port": 4000}, {"file": "calls.jsonl"})

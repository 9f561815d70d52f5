"""Plugins: found, loaded, left out when broken, and never two for one name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dbmcp_core import Database, Engine, PluginError, Registry, hookimpl
from dbmcp_core import registry as module


def engine_plugin(name: str, *aliases: str) -> object:
    class Made(Engine):
        def open(self, settings: Any) -> Database:
            raise NotImplementedError

    Made.name, Made.aliases = name, aliases

    class Plugin:
        @hookimpl
        def dbmcp_engines(self) -> list[type[Engine]]:
            return [Made]

    return Plugin()


class Point:
    """An entry point of a distribution that isn't installed."""

    def __init__(self, name: str, load: Callable[[], object], distribution: str = "dbmcp-test") -> None:
        self.name = name
        self.load = load
        self.dist = type("Dist", (), {"read_text": lambda _, __: f"Name: {distribution}\nVersion: 1.0\n\nText"})()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[Point]:
    points: list[Point] = []
    monkeypatch.setattr(module, "_entry_points", lambda: points)
    return points


def fail() -> object:
    raise ImportError("no module named driver")


def test_sqlite_is_always_there() -> None:
    assert Registry().engine("sqlite").name == "sqlite"


def test_an_engine_goes_by_name_alias_and_in_any_case(installed: list[Point]) -> None:
    installed.append(Point("post", lambda: engine_plugin("post", "postish")))
    registry = Registry()
    assert registry.engine("POSTISH") is registry.engine("post")


def test_only_the_plugin_that_is_named_is_loaded(installed: list[Point]) -> None:
    loaded = []
    installed += [
        Point("one", lambda: loaded.append("one") or engine_plugin("one")),
        Point("two", lambda: loaded.append("two") or engine_plugin("two")),
    ]
    Registry().engine("two")
    assert loaded == ["two"]


def test_a_broken_plugin_is_told_and_leaves_the_others_working(installed: list[Point]) -> None:
    installed += [Point("bad", fail, "dbmcp-bad"), Point("good", lambda: engine_plugin("good"))]
    registry = Registry()
    plugins = {plugin.name: plugin for plugin in registry.load_all()}
    assert plugins["bad"].error == "ImportError: no module named driver"
    assert plugins["bad"].distribution == "dbmcp-bad"
    assert registry.engine("good").name == "good"
    with pytest.raises(PluginError, match="no module named driver"):
        registry.engine("bad")


def test_two_plugins_for_one_engine_are_an_error_that_names_both(installed: list[Point]) -> None:
    installed += [
        Point("a", lambda: engine_plugin("same"), "dbmcp-first"),
        Point("b", lambda: engine_plugin("other", "same"), "dbmcp-second"),
    ]
    registry = Registry()
    error = {plugin.name: plugin.error for plugin in registry.load_all()}["b"]
    assert error is not None
    assert "dbmcp-first" in error
    assert "dbmcp-second" in error
    assert registry.engine("same").name == "same"
    with pytest.raises(PluginError):
        registry.engine("other")


def test_a_plugin_can_not_take_a_built_in_name() -> None:
    with pytest.raises(PluginError, match="dbmcp-core"):
        Registry().register(engine_plugin("fake", "sqlite"), "fake")


def test_a_misspelt_hook_is_found() -> None:
    class Misspelt:
        @hookimpl
        def dbmcp_engine(self) -> list[type[Engine]]:
            return []

    registry = Registry()
    with pytest.raises(PluginError, match="dbmcp_engine"):
        registry.register(Misspelt(), "misspelt", distribution="dbmcp-misspelt")
    registry.register(engine_plugin("after"), "after")


def test_what_is_not_installed_says_what_to_install_where_that_is_known() -> None:
    with pytest.raises(PluginError, match=r"did you mean 'sqlite'\?") as raised:
        Registry().engine("sqllite")
    assert "pip install" not in str(raised.value)
    assert "'dbmcp plugins' lists" in str(raised.value)

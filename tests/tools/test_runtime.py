"""What tools' code uses of its project: the call's own, copies, and clear errors outside of a call."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import runtime
from dbmcp_core.errors import QueryCancelled, ToolFailed, UnsupportedError
from dbmcp_core.runtime import config, current_user, db, log, mcp, plugins, reload_duckdb, user
from dbmcp_core.tools.context import CallContext, entered
from dbmcp_core.tools.python.modules import Modules
from dbmcp_core.tools.python.plugins import Plugins, PluginSpec, marked
from dbmcp_core.tools.user import User

Write = Callable[[str, str], Path]


def test_statements_go_to_the_host_with_the_call(context: CallContext) -> None:
    with entered(context):
        assert db.execute("SELECT 1") == [{"n": 1}]
        db.query("SELECT $a", {"a": 1}, source="other")
    assert [one[:3] for one in context.host.asked] == [  # type: ignore[attr-defined]
        (None, "SELECT 1", ()),
        ("other", "SELECT $a", {"a": 1}),
    ]
    assert context.host.asked[0][3] is context  # type: ignore[attr-defined]


def test_a_stopped_call_gets_nothing_more(context: CallContext) -> None:
    context.running.cancel()
    with entered(context):
        for use in (lambda: db.execute("SELECT 1"), lambda: config.get_secret("key"), lambda: log.info("x")):
            with pytest.raises(QueryCancelled):
                use()
    assert context.host.asked == []  # type: ignore[attr-defined]


def test_configuration_comes_as_copies(context: CallContext) -> None:
    with entered(context):
        secret = config.get_secret("key")
        assert secret == {"value": "s3cr3t-value", "headers": {"X": "1"}}
        assert secret is not None
        secret["headers"]["X"] = "changed"
        assert config.get_secret("key") != secret
        assert config.get_secret("none") is None
        assert config.get_setting("project") == "shop"
        assert config.get_setting("dbt.enabled") is False
        assert config.get_setting("dbt.none", 3) == config.get_setting("project.x", 3) == 3
        assert config.get_setting("none") is None
        config.site_config["project"] = "changed"
        assert type(config.site_config) is type(config.user_config) is dict
        assert config.site_config["project"] == "shop"


def test_plugins_by_name(context: CallContext) -> None:
    with entered(context):
        assert plugins.list() == ["one"]
        assert plugins.get("one") is context.host.plugins["one"]
        assert plugins.get("none") is None


def test_log_and_progress_from_plain_and_async_code(context: CallContext) -> None:
    told: list[tuple[str, Any]] = []
    context = dataclasses.replace(context, tell=lambda kind, what: told.append((kind, what)))

    async def work() -> None:
        await mcp.debug("a")
        await mcp.info("b", extra=1)
        await mcp.warning("c")
        await mcp.error(4)
        await mcp.progress(1, 4, "quarter")

    with entered(context):
        asyncio.run(work())
        log.info("d")
        log.progress(2)
    assert told == [
        ("debug", "a"),
        ("info", "b"),
        ("warning", "c"),
        ("error", "4"),
        ("progress", (1, 4, "quarter")),
        ("info", "d"),
        ("progress", (2, None, None)),
    ]


def test_the_user_is_the_calls(context: CallContext) -> None:
    for name in ("ada", "grace"):
        with entered(dataclasses.replace(context, user=User(username=name))):
            assert user.username == current_user().username == name


@pytest.mark.parametrize(
    "use",
    [
        lambda: db.execute("SELECT 1"),
        lambda: config.get_secret("key"),
        lambda: config.site_config,
        plugins.list,
        lambda: log.info("x"),
        lambda: user.role,
        reload_duckdb,
    ],
)
def test_outside_of_a_call_the_error_says_so(use: Callable[[], object]) -> None:
    with pytest.raises(ToolFailed, match="outside of a tool's call"):
        use()


def test_a_thread_of_the_tools_own_is_outside(context: CallContext) -> None:
    found: list[object] = []

    def work() -> None:
        try:
            db.execute("SELECT 1")
        except ToolFailed as exc:
            found.append(exc.code)

    with entered(context):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert found == ["tool_failed"]


def test_hooks_outside_of_a_project_change_nothing() -> None:
    def hook() -> int:
        return 1

    assert runtime.on_init(hook) is hook
    assert runtime.on_shutdown(hook) is hook


def test_reload_is_the_hosts(context: CallContext) -> None:
    with entered(context), pytest.raises(UnsupportedError):
        reload_duckdb()
    asked: list[object] = []
    context.host.reload = lambda *given: asked.append(given)  # type: ignore[attr-defined]
    with entered(context):
        reload_duckdb(print, "new data")
    assert asked == [(print, "new data")]


PLUGIN = """
from dbmcp_core.runtime import Plugin, udf

class Cipher(Plugin):
    made = []
    closed = []

    def __init__(self, config):
        super().__init__(config)
        if "password" in config and not config["password"].startswith("long"):
            raise ValueError(f"wrong: {config['password']}")
        self.made.append(self)

    @udf
    def twice(self, text: str) -> str:
        return text * 2

    @staticmethod
    @udf
    def half(text: str) -> str:
        return text[: len(text) // 2]

    def other(self):
        return self.user

    def on_shutdown(self):
        self.closed.append(self)
"""


def test_plugins_are_made_once_and_closed(tmp_path: Path, write: Write, context: CallContext) -> None:
    write("plugins/cipher.py", PLUGIN)
    modules = Modules(tmp_path, [tmp_path / "plugins"])
    found = Plugins(
        [
            PluginSpec("a", "cipher", {"x": "1"}),
            PluginSpec("b", "cipher", {"password": "sh0rt-one"}),
            PluginSpec("c", "missing_module"),
            PluginSpec("d", "json"),
        ],
        modules,
    )
    try:
        assert list(found) == ["a", "b", "c", "d"]
        one = found["a"]
        assert found["a"] is one
        assert [name for name, _ in marked(one)] == ["half", "twice"]
        assert marked(one)[1][1]("ab") == "abab"
        with entered(dataclasses.replace(context, user=User(username="ada"))):
            assert one.other().username == "ada"
        for _ in range(2):
            with pytest.raises(ToolFailed, match=r"plugin 'b' can't be made: ValueError: wrong: \*\*\*"):
                found["b"]
        with pytest.raises(ToolFailed, match="No module named 'missing_module'"):
            found["c"]
        with pytest.raises(ToolFailed, match="wants one class under Plugin"):
            found["d"]
        assert found.get("none") is None
        assert "sh0rt-one" not in repr(PluginSpec("b", "cipher", {"password": "sh0rt-one"}))
        found.close()
        found.close()
        assert type(one).closed == [one]
    finally:
        modules.close()

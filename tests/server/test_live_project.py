"""A project that is edited while it is served, by a process of its own: loaded whole or not at all, and told."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError, StdioServerParameters

pytestmark = pytest.mark.anyio


def structured(result: Any) -> Any:
    assert not result.is_error, result.content
    return result.structured_content["result"]


class Live:
    """A client of a server on the folder, and what it heard."""

    def __init__(self, folder: Any, errlog: Any) -> None:
        self.folder, self._errlog = folder, errlog
        self.client: Client
        #: What the server said without being asked.
        self.lines: list[str] = []
        self._changed = anyio.Event()

    def log(self) -> str:
        return self._errlog.read_text()

    def hear(self) -> None:
        self._changed.set()

    async def change(self, edit: Callable[[], object]) -> None:
        """Make an edit, and wait until the server tells of it."""
        self._changed = anyio.Event()
        edit()
        with anyio.fail_after(20):
            await self._changed.wait()

    async def names(self) -> list[str]:
        return [tool.name for tool in (await self.client.list_tools()).tools if tool.name != "read-on"]

    async def call(self, name: str) -> Any:
        return structured(await self.client.call_tool(name, {}))


@asynccontextmanager
async def living(folder: Any, era: str, how: str = "stdio") -> AsyncIterator[Live]:
    errlog = folder.path / "stderr.txt"
    live = Live(folder, errlog)

    async def hear(message: object) -> None:
        if type(message).__name__ == "ToolListChangedNotification":
            live.hear()
        elif type(message).__name__ == "LoggingMessageNotification":
            live.lines.append(message.params.data)

    async with AsyncExitStack() as stack:
        if how == "http":
            target = await stack.enter_async_context(listening(folder, errlog))
        else:
            # The shell sends stderr into a file; the server takes its place.
            command = ["-c", 'exec "$@" 2>"$0"', str(errlog), *folder.command]
            target = StdioServerParameters(command="sh", args=command)
        live.client = await stack.enter_async_context(Client(target, mode=era, message_handler=hear))
        tasks = await stack.enter_async_context(anyio.create_task_group())
        if era == "auto":
            changes = await stack.enter_async_context(live.client.listen(tools_list_changed=True))

            async def listen() -> None:
                async for _ in changes:
                    live.hear()

            tasks.start_soon(listen)
            yield live
            tasks.cancel_scope.cancel()
        else:
            await live.client.list_tools()
            yield live


@asynccontextmanager
async def listening(folder: Any, errlog: Any) -> AsyncIterator[str]:
    """Serve the folder over HTTP; yield its address."""
    with errlog.open("wb") as stderr:
        process = subprocess.Popen([*folder.command, "--port", "0"], stdin=subprocess.DEVNULL, stderr=stderr)
    try:
        with anyio.fail_after(30):
            while "listens on" not in errlog.read_text():
                assert process.poll() is None, errlog.read_text()
                await anyio.sleep(0.01)
        yield next(line.split()[-1] for line in errlog.read_text().splitlines() if "listens on" in line)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.fixture(params=["stdio", "http"])
def how(request: pytest.FixtureRequest) -> str:
    """The two ways to a server."""
    return request.param


async def test_tools_come_change_and_go(folder, era, how):
    path = folder.tool("one")
    async with living(folder, era, how) as live:
        assert await live.call("one") == [{"n": 1}]
        await live.change(lambda: folder.tool("one", "SELECT 2 AS n"))
        assert await live.call("one") == [{"n": 2}]
        await live.change(lambda: folder.tool("two"))
        assert await live.names() == ["one", "two"]
        await live.change(
            lambda: path.rename(path.with_name("renamed.yml")) and folder.tool("one", "SELECT 3 AS n") and path.unlink()
        )
        assert await live.names() == ["one", "two"]
        await live.change(lambda: (folder.path / "tools" / "two.yml").unlink())
        assert await live.names() == ["one"]


KEPT = "The change is not taken, and what was there goes on"


async def test_what_is_broken_is_not_taken_and_clients_can_know(folder, era, how, until):
    folder.tool("one")
    async with living(folder, era, how) as live:
        folder.write("tools/one.yml", "dbmcp: 1\ntool:\n  name: one\n  sorce: {code: SELECT 2}\n")
        await until(lambda: "one.yml:4:3: unknown key 'sorce'" in live.log(), 20)
        result = await live.client.call_tool("one", {})
        assert structured(result) == [{"n": 1}]
        told = [result.meta["dbmcp"]["note"]]
        if era == "legacy":
            await until(lambda: live.lines)
            told += live.lines
        for text in told:
            assert text.startswith(KEPT)
            assert ("sorce" in text) == (how == "stdio")  # who asks over HTTP may be anybody
        await live.change(lambda: folder.tool("one", "SELECT 2 AS n"))
        result = await live.client.call_tool("one", {})
        assert structured(result) == [{"n": 2}]
        assert "dbmcp" not in (result.meta or {})


TOOL = "dbmcp: 1\ntool: {{name: one, {}}}\n"
BROKEN = {
    "no YAML": ("tools/one.yml", "dbmcp: 1\ntool: {name: one", "one.yml"),
    "no UTF-8": ("tools/one.yml", b"dbmcp: 1\ntool: {name: \xff}", "one.yml"),
    "nothing": ("tools/one.yml", "", "one.yml"),
    "no SQL": ("tools/one.yml", TOOL.format("source: {code: SELECT FROM WHERE (}"), "one.yml"),
    "two statements": ("tools/one.yml", TOOL.format("source: {code: SELECT 1; SELECT 2}"), "one.yml"),
    "an unknown parameter": ("tools/one.yml", TOOL.format("source: {code: SELECT $x}"), "'$x'"),
    "no template": ("tools/one.yml", TOOL.format('language: jinja, source: {code: "SELECT {% if %}"}'), "one.yml"),
    "a policy": (
        "tools/one.yml",
        TOOL.format("source: {code: SELECT 1}, policies: {input: [{condition: 'user.', action: deny}]}"),
        "one.yml",
    ),
    "a name that is taken": ("tools/two.yml", TOOL.format("source: {code: SELECT 2 AS n}"), "two.yml"),
    "no file": ("tools/two.yml", "dbmcp: 1\ntool: {name: two, source: {file: ../sql/none.sql}}\n", "none.sql"),
    "a file of SQL": ("sql/filed.sql", "SELECT FROM WHERE (", "filed.yml"),
    "no Python": ("python/py.py", "def py(:\n", "py.py, line 1"),
    "Python that raises": ("python/py.py", "import shared\nshared.missing\n", "py.py, line 2"),
    "Python without the function": ("python/shared.py", "def helped(:\n", "shared.py"),
}


async def test_each_kind_of_broken_file_leaves_what_was_there(folder, until):
    folder.tool("one")
    folder.write("sql/filed.sql", "SELECT 1 AS n")
    folder.write("tools/filed.yml", "dbmcp: 1\ntool: {name: filed, source: {file: ../sql/filed.sql}}\n")
    folder.write("python/shared.py", "def helped():\n    return 1\n")
    folder.python("py", "import shared\ndef py():\n    return shared.helped()\n")
    async with living(folder, "auto") as live:

        async def works() -> None:
            assert [await live.call(name) for name in ("one", "filed", "py")] == [[{"n": 1}], [{"n": 1}], 1]
            assert await live.names() == ["filed", "one", "py"]

        for number, (what, (name, text, told)) in enumerate(BROKEN.items(), 1):
            path = folder.path / name
            before = path.read_bytes() if path.exists() else None
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            await until(lambda count=number: live.log().count(KEPT) == count, 20)
            assert told in live.log().rpartition(KEPT)[2], what
            await works()
            await live.change(partial(path.write_bytes, before) if before is not None else path.unlink)
            await works()
            assert live.log().count(KEPT) == number, what


async def test_mistakes_that_a_start_does_not_look_for_are_told(folder, until):
    folder.write("tools/a.yml", "dbmcp: 1\ntool: {name: a, description: A., source: {code: 'SELECT $b'}}\n")
    folder.write(
        "tools/c.yml",
        "dbmcp: 1\ntool:\n  {name: c, description: C., language: jinja, source: {code: 'SELECT 1 {% if x %}; SELECT 2{%"
        " endif %}'}, parameters: [{name: x, type: boolean}]}\n",
    )
    async with living(folder, "auto") as live:
        await until(lambda: "tool:a can't be used" in live.log() and "tool:c can't be used" in live.log())
        assert "a tool runs one statement" in live.log()
        assert await live.names() == ["a", "c"]


async def test_a_file_that_was_missing_is_noticed_wherever_it_comes(folder, until):
    folder.tool("one")
    async with living(folder, "auto") as live:
        folder.write("tools/two.yml", "dbmcp: 1\ntool: {name: two, source: {file: ../elsewhere/two.sql}}\n")
        await until(lambda: "elsewhere/two.sql" in live.log(), 20)
        await live.change(lambda: folder.write("elsewhere/two.sql", "SELECT 2 AS n"))
        assert await live.call("two") == [{"n": 2}]
        await live.change(lambda: folder.write("elsewhere/two.sql", "SELECT 22 AS n"))
        assert await live.call("two") == [{"n": 22}]


async def listed(client: Client, *names: str) -> None:
    """Wait until exactly these are the tools."""
    with anyio.fail_after(20):
        while {tool.name for tool in (await client.list_tools()).tools} - {"read-on"} != set(names):
            await anyio.sleep(0.01)


async def test_an_edit_while_clients_are_told_of_another_is_noticed(folder, serve_project, monkeypatch):
    folder.tool("one")
    folder.tool("three")
    server = serve_project()
    change = server.change

    def change_and_edit(old: Any, new: Any) -> None:
        change(old, new)
        folder.tool("two")
        (folder.path / "tools" / "three.yml").unlink(missing_ok=True)

    monkeypatch.setattr(server, "change", change_and_edit)
    async with Client(server) as client:
        folder.tool("one", "SELECT 2 AS n")
        await listed(client, "one", "two")


async def test_a_mistake_that_is_mended_while_clients_are_told_is_noticed(folder, serve_project, monkeypatch):
    folder.tool("one")
    server = serve_project()
    monkeypatch.setattr(server, "tell", lambda _level, _text: folder.write("elsewhere/two.sql", "SELECT 2 AS n"))
    async with Client(server) as client:
        folder.write("tools/two.yml", "dbmcp: 1\ntool: {name: two, source: {file: ../elsewhere/two.sql}}\n")
        await listed(client, "one", "two")


def in_place(path: Any, text: str) -> None:
    path.write_text(text)


def by_renaming(path: Any, text: str) -> None:
    """As most editors save: a new file takes the place of the old one."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.replace(path)


def by_moving_away(path: Any, text: str) -> None:
    """As vim may: the old file becomes a copy beside the new one, which for a moment isn't there."""
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text(text)


def with_locks(path: Any, text: str) -> None:
    """As Emacs does: a link that leads nowhere, and a copy, while the file is open."""
    path.with_name(f".#{path.name}").symlink_to("ada@host.1234")
    path.with_name(f"#{path.name}#").write_text("dbmcp: 1\ntool: {nam")
    path.write_text(text)


@pytest.mark.parametrize("save", [in_place, by_renaming, by_moving_away, with_locks])
async def test_however_editors_save(folder, save):
    path = folder.tool("one")
    text = path.read_text()
    async with living(folder, "legacy") as live:
        await live.change(lambda: save(path, text.replace("SELECT 1", "SELECT 2")))
        assert await live.call("one") == [{"n": 2}]
        assert KEPT not in live.log()


async def test_a_rapid_series_of_edits_settles_at_the_last(folder, era, how):
    folder.tool("one", "SELECT 1 AS n")
    async with living(folder, era, how) as live:
        found = set()
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                while True:
                    found.update(row["n"] for row in await live.call("one"))

            tasks.start_soon(ask)
            for number in range(2, 42):
                folder.tool("one", f"SELECT {number} AS n" if number % 3 else "SELECT FROM (")
                await anyio.sleep(0.02)
            await live.change(lambda: folder.tool("one", "SELECT 100 AS n"))
            tasks.cancel_scope.cancel()
        assert await live.call("one") == [{"n": 100}]
        assert found <= {*range(1, 42), 100}


async def test_calls_of_a_tool_that_goes_end(folder, era, how, until):
    folder.tool("other")
    folder.python("slow", SLOW.replace("{version}", "old"))
    folder.write("python/helper.py", "NAME = 'helper'\n")
    async with living(folder, era, how) as live:
        answers = []

        async def call() -> None:
            answers.append(await live.call("slow"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await until(lambda: (folder.path / "begun").exists())
            await live.change((folder.path / "tools" / "slow.yml").unlink)
            assert await live.names() == ["other"]
            with pytest.raises(MCPError, match="Unknown tool"):
                await live.client.call_tool("slow", {})
            (folder.path / "go").touch()
        assert answers == [["old", "helper"]]


async def test_files_of_sql_and_python_are_watched(folder):
    folder.write("sql/one.sql", "SELECT 1 AS n")
    folder.write("tools/one.yml", "dbmcp: 1\ntool: {name: one, source: {file: ../sql/one.sql}}\n")
    folder.write("python/shared.py", "N = 1\n")
    folder.python("py", "import shared\ndef py():\n    return shared.N\n")
    async with living(folder, "auto") as live:
        assert (await live.call("one"), await live.call("py")) == ([{"n": 1}], 1)
        await live.change(lambda: folder.write("sql/one.sql", "SELECT 22 AS n"))
        await live.change(lambda: folder.write("python/shared.py", "N = 22\n"))
        assert (await live.call("one"), await live.call("py")) == ([{"n": 22}], 22)


async def test_a_function_that_no_longer_fits_is_not_taken(folder, until):
    folder.python("py", "def py():\n    return 1\n")
    async with living(folder, "auto") as live:
        assert await live.call("py") == 1
        folder.write("python/py.py", "def qy():\n    return 2\n")
        await until(lambda: "py.py has no function 'py' (its functions: qy)" in live.log(), 20)
        folder.write("python/py.py", "def py(wanted):\n    return 2\n")
        await until(lambda: "the function py() wants 'wanted', which is no parameter" in live.log(), 20)
        assert await live.call("py") == 1
        await live.change(lambda: folder.write("python/py.py", "def py():\n    return 3\n"))
        assert await live.call("py") == 3


SLOW = """import pathlib
from dbmcp_core.runtime import on_init, on_shutdown
HERE = pathlib.Path(__file__).parent.parent
held = []

@on_init
def begin():
    held.append("{version}")

@on_shutdown
def end():
    held.clear()
    with (HERE / "ended.txt").open("a") as file:
        file.write("{version} ")

async def slow():
    import asyncio
    (HERE / "begun").touch()
    while not (HERE / "go").exists():
        await asyncio.sleep(0.01)
    from helper import NAME
    return [*held, NAME]
"""


async def test_a_call_ends_with_what_it_began_with(folder, until):
    folder.write("python/helper.py", "NAME = 'helper'\n")
    folder.python("slow", SLOW.replace("{version}", "old"))
    async with living(folder, "auto") as live:
        answers = []

        async def call() -> None:
            answers.append(await live.call("slow"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await until(lambda: (folder.path / "begun").exists())
            await live.change(lambda: folder.python("slow", SLOW.replace("{version}", "new!")))
            assert not (folder.path / "ended.txt").exists()
            (folder.path / "go").touch()
        assert answers == [["old", "helper"]]
        await until(lambda: (folder.path / "ended.txt").exists())
        assert await live.call("slow") == ["new!", "helper"]
    await until(lambda: (folder.path / "ended.txt").read_text() == "old new! ")


async def test_sources_that_are_new_come_and_others_want_a_restart(folder, shop, until):
    folder.tool("one", "SELECT count(*) AS n FROM product")
    toml = (folder.path / "dbmcp.toml").read_text()
    (folder.path / "second.db").write_bytes(shop.read_bytes())
    async with living(folder, "auto") as live:
        added = toml.replace("[project]", '[project]\nconnection = "shop"') + 'second = "sqlite:///second.db"\n'
        await live.change(lambda: folder.write("dbmcp.toml", added))
        await live.change(lambda: folder.tool("two", "SELECT count(*) AS n FROM product", "connection: second"))
        assert await live.call("two") == [{"n": 3}]
        assert "restart" not in live.log()
        await live.change(lambda: folder.write("dbmcp.toml", added.replace("shop.db", "second.db")))
        await until(lambda: "A restart is needed: sources were changed or removed (shop)" in live.log())
        assert await live.call("one") == [{"n": 3}]


def write_many(folder: Any, version: int) -> None:
    for number in range(200):
        folder.tool(f"tool_{number:03}", f"SELECT {number + version} AS n")


async def test_two_hundred_tools_are_edited_under_load(folder):
    write_many(folder, 0)
    async with living(folder, "auto") as live:
        wrong = []
        done = anyio.Event()

        async def load() -> None:
            while not done.is_set():
                for number in range(0, 200, 20):
                    found = await live.call(f"tool_{number:03}")
                    wrong.extend(row for row in found if row["n"] % 1000 != number)

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(load)
            await live.change(lambda: write_many(folder, 1000))
            write_many(folder, 2000)
            with anyio.fail_after(20):
                while await live.call("tool_199") != [{"n": 2199}]:
                    await anyio.sleep(0.01)
            done.set()
        assert wrong == []


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
HOOKS = """import os, sys
from dbmcp_core.runtime import on_init, on_shutdown
print("from the module")

@on_init
def begin():
    print("from on_init")

@on_shutdown
def end():
    print("from on_shutdown")
    sys.stderr.write("it has ended\\n")

def py():
    print("from the call")
    sys.stdout.write("and again\\n")
    sys.stdout.flush()
    return 1
"""


@pytest.mark.parametrize("ends", ["signal", "eof"])
async def test_nothing_that_python_prints_reaches_the_stream(folder, ends):
    folder.python("py", HOOKS)
    with subprocess.Popen(
        folder.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:

        def send(message: dict[str, Any]) -> None:
            process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()

        send(INITIALIZE)
        assert json.loads(process.stdout.readline())["id"] == 0
        send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "py", "arguments": {}}})
        answer = json.loads(process.stdout.readline())
        assert answer["result"]["structuredContent"] == {"result": 1}
        if ends == "signal":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        rest = process.stdout.read()
        told = process.stderr.read().decode()
        assert process.wait(20) == 0
    assert rest == b""
    for line in ("from the module", "from on_init", "from the call", "and again", "from on_shutdown", "it has ended"):
        assert told.count(line) == 1, (line, told)


async def test_over_http(folder, era, until, endless):
    folder.tool("one")
    folder.tool("slow", endless)
    with subprocess.Popen(
        [*folder.command, "--port", "0"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        line = process.stderr.readline().decode()
        assert "listens on" in line, line
        async with Client(line.split()[-1], mode=era) as client:
            assert structured(await client.call_tool("one", {})) == [{"n": 1}]
            with anyio.move_on_after(0.5):
                await client.call_tool("slow", {})
            await until(lambda: len(folder.records) == 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert folder.records[1]["execution_events"][0]["decision"] == "stopped"

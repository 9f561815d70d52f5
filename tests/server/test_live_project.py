"""A project that is edited while it is served, by a process of its own: loaded whole or not at all, and told."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

pytestmark = pytest.mark.anyio


def structured(result: Any) -> Any:
    assert not result.is_error, result.content
    return result.structured_content["result"]


class Live:
    """A client of a server on the folder, and what it heard."""

    def __init__(self, folder: Any, errlog: Any) -> None:
        self.folder, self._errlog = folder, errlog
        self.client: Client
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
async def living(folder: Any, era: str) -> AsyncIterator[Live]:
    errlog = folder.path / "stderr.txt"
    live = Live(folder, errlog)

    async def hear(message: object) -> None:
        if type(message).__name__ == "ToolListChangedNotification":
            live.hear()

    # The shell sends stderr into a file; the server takes its place.
    command = ["-c", 'exec "$@" 2>"$0"', str(errlog), *folder.command]
    parameters = StdioServerParameters(command="sh", args=command)
    async with Client(parameters, mode=era, message_handler=hear) as client, anyio.create_task_group() as tasks:
        live.client = client
        if era == "auto":
            async with client.listen(tools_list_changed=True) as changes:

                async def listen() -> None:
                    async for _ in changes:
                        live.hear()

                tasks.start_soon(listen)
                yield live
                tasks.cancel_scope.cancel()
        else:
            await client.list_tools()
            yield live


async def test_tools_come_change_and_go(folder, era):
    path = folder.tool("one")
    async with living(folder, era) as live:
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


async def test_what_is_broken_is_not_taken(folder, era, until):
    folder.tool("one")
    async with living(folder, era) as live:
        folder.write("tools/one.yml", "dbmcp: 1\ntool:\n  name: one\n  sorce: {code: SELECT 2}\n")
        await until(lambda: "one.yml:4:3: unknown key 'sorce'" in live.log(), 20)
        assert await live.call("one") == [{"n": 1}]
        await live.change(lambda: folder.tool("one", "SELECT 2 AS n"))
        assert await live.call("one") == [{"n": 2}]


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

"""A real server at the other end of two pipes."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import anyio
import pytest
from mcp import Client, StdioServerParameters

pytestmark = pytest.mark.anyio

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


def client(program, mode: str, **more) -> Client:
    command, *arguments = program.command
    return Client(StdioServerParameters(command=command, args=arguments), mode=mode, **more)


class Raw:
    """A client that sends what it is told to."""

    def __init__(self, program, **pipes) -> None:
        self.process = program.start(**{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **pipes})

    def send(self, *messages: dict | bytes) -> None:
        for message in messages:
            line = message if isinstance(message, bytes) else json.dumps(message).encode()
            self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def read(self) -> dict:
        return json.loads(self.process.stdout.readline())

    def open(self) -> None:
        self.send(INITIALIZE)
        assert self.read()["result"]["serverInfo"]["name"] == "dbmcp"
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def query(self, text: str, number: int = 1) -> None:
        params = {"name": "execute-query", "arguments": {"query": text}, "_meta": {"progressToken": number}}
        self.send({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})

    def ping(self) -> None:
        self.send({"jsonrpc": "2.0", "id": 99, "method": "ping"})
        assert self.read() == {"jsonrpc": "2.0", "id": 99, "result": {}}


async def test_a_query(program, era):
    async with client(program("stdio"), era) as session:
        result = await session.call_tool("execute-query", {"query": "SELECT 1 AS x"})
        listed = await session.list_tools()
    assert result.content[0].text == "x\n1\n"
    assert len(listed.tools) == 3


async def test_progress(program, era, endless):
    heard = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))

    async with client(program("stdio"), era) as session:
        arguments = {"query": endless, "timeout": 2.4}
        await session.call_tool("execute-query", arguments, progress_callback=hear)
        heard_fast = []
        await session.call_tool("execute-query", {"query": "SELECT 1"}, progress_callback=heard_fast.append)
    assert heard == [(1.0, "running for 1 s"), (2.0, "running for 2 s")]
    assert heard_fast == []


async def test_a_cancel_stops_the_statement(program, era, endless, until):
    one = program("stdio")
    async with client(one, era) as session:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.call_tool, "execute-query", {"query": endless})
            await anyio.sleep(0.5)
            tasks.cancel_scope.cancel()
        await until(lambda: one.decisions() == ["stopped"], 2)
        assert not (await session.call_tool("execute-query", {"query": "SELECT 1"})).is_error


async def test_a_big_result_and_a_big_request(program, era):
    async with client(program("stdio"), era) as session:
        big = await session.call_tool("execute-query", {"query": "SELECT hex(zeroblob(1500000)) AS x"})
        assert len(big.content[0].text) > 3_000_000
        text = "x" * 600_000
        long = await session.call_tool("execute-query", {"query": "SELECT length(?) AS n", "params": [text]})
    assert long.content[0].text == "n\n600000\n"


async def test_many_at_once(program, era):
    async with client(program("stdio"), era) as session:
        found = {}

        async def ask(number: int) -> None:
            result = await session.call_tool("execute-query", {"query": "SELECT ? AS n", "params": [number]})
            found[number] = result.content[0].text

        async with anyio.create_task_group() as tasks:
            for number in range(60):
                tasks.start_soon(ask, number)
    assert found == {number: f"n\n{number}\n" for number in range(60)}


def test_the_servers_own_output_stays_off_the_wire(program, tmp_path):
    one = program("stdio")
    one.command[2] = one.command[2].replace("serve(", 'import atexit\nprint("early", file=sys.stderr)\nserve(')
    raw = Raw(one)
    raw.open()
    raw.ping()
    raw.process.stdin.close()
    assert raw.process.wait(10) == 0
    assert raw.process.stdout.read() == b""


def test_nonsense_on_the_wire_is_survived(program):
    raw = Raw(program("stdio"))
    raw.open()
    raw.send(b"{", b"", b"[]", b"\xff\xfe", b'"text"', b'{"jsonrpc":"1.0"}', b'{"jsonrpc":"2.0","id":{},"method":5}')
    raw.ping()


def test_a_request_that_is_none_is_answered_where_it_can_be(program):
    raw = Raw(program("stdio"))
    raw.open()
    raw.query("SELECT '\ud800'", 7)  # half a character: JSON to Python and to JavaScript, not to the SDK
    answer = raw.read()
    assert (answer["id"], answer["error"]["code"]) == (7, -32600)
    raw.ping()


def test_the_end_of_stdin_ends_the_server(program):
    raw = Raw(program("stdio"))
    raw.open()
    raw.process.stdin.close()
    assert raw.process.wait(10) == 0


def test_stdin_that_ends_at_once(program):
    raw = Raw(program("stdio"))
    raw.process.stdin.close()
    assert raw.process.wait(10) == 0


@pytest.mark.parametrize("leave", ["stdin", "stdout"])
def test_a_client_that_leaves_stops_its_statement(program, endless, leave):
    one = program("stdio")
    raw = Raw(one)
    raw.open()
    raw.query(endless)
    raw.ping()
    getattr(raw.process, leave).close()
    assert raw.process.wait(10) == 0
    assert one.decisions() == ["stopped"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_what_runs_and_ends_with_0(program, endless, number):
    one = program("stdio")
    raw = Raw(one)
    raw.open()
    for each in range(5):
        raw.query(endless, each)
    # One that has no thread yet when the signal comes never began, and isn't recorded: all five tell of themselves.
    assert {raw.read()["params"]["progressToken"] for _ in range(5)} == set(range(5))
    assert one.end(number) == 0
    assert one.decisions() == ["stopped"] * 5
    assert "Traceback" not in one.heard


def sockets() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


def test_sockets_as_nodes_children_get_them(program):
    (ours_in, theirs_in), (ours_out, theirs_out) = sockets(), sockets()
    with ours_in, theirs_in, ours_out, theirs_out:
        process = program("stdio").start(stdin=theirs_in, stdout=theirs_out)
        theirs_in.close()
        theirs_out.close()
        ours_in.sendall(json.dumps(INITIALIZE).encode() + b"\n")
        with ours_out.makefile() as lines:
            assert json.loads(lines.readline())["id"] == 0
        ours_in.shutdown(socket.SHUT_WR)
        assert process.wait(10) == 0


def test_a_terminal_or_a_file_goes_the_sdks_way(program, tmp_path):
    asked, answered = tmp_path / "asked", tmp_path / "answered"
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    asked.write_text(json.dumps(INITIALIZE) + "\n" + json.dumps(ping) + "\n")
    with asked.open() as stdin, answered.open("w") as stdout:
        assert program("stdio").start(stdin=stdin, stdout=stdout).wait(10) == 0
    assert json.loads(answered.read_text().splitlines()[0])["result"]["serverInfo"]["name"] == "dbmcp"


def test_nothing_is_opened_at_the_start(program):
    one = program("stdio", {"down": "sqlite:////nowhere/x.db"})
    raw = Raw(one)
    raw.open()
    raw.send({"jsonrpc": "2.0", "id": 5, "method": "tools/list"})
    assert raw.read()["result"]["tools"]
    assert one.records() == []


def test_importing_the_package_imports_no_sdk():
    program = "import sys, dbmcp_server, dbmcp_server.options, dbmcp_server.mcp; assert 'mcp' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_stdio_loads_no_web_server(program):
    program = (
        "import sys, dbmcp_server.mcp.assembly, dbmcp_server.mcp.ending, dbmcp_server.mcp.stdio;"
        "assert not {'dbmcp_server.mcp.http', 'sqlglot', 'sqlite3'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

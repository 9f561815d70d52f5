"""A shop in SQLite, servers on it in this process and in others, and what they recorded."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from dbmcp_core import CallRecord, Executor, Registry, hookimpl
from dbmcp_core.config import source
from dbmcp_server.cli.project import find, running
from dbmcp_server.mcp import ServedProject, build_server
from dbmcp_server.options import ServerOptions

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"

SHOP = """
CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price NUMERIC(10,2) DEFAULT 0);
CREATE TABLE sale (id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES product(id), at TEXT);
CREATE INDEX sale_product ON sale (product_id);
CREATE VIEW dear AS SELECT * FROM product WHERE price > 10;
CREATE TABLE "odd/name.x y" (a);
INSERT INTO product VALUES (1, 'tea', 4.5), (2, 'pot', 21), (3, 'cup', NULL);
INSERT INTO sale VALUES (1, 1, '2026-01-01'), (2, 1, '2026-01-02');
"""

#: A server in a process of its own. Its one argument: {"how", "sources", "options", "records"}.
SCRIPT = """
import json, sys
from dbmcp_core import Executor, JsonLines, Registry
from dbmcp_core.config import source
from dbmcp_server.mcp import serve_http, serve_stdio
from dbmcp_server.options import ServerOptions
given = json.loads(sys.argv[1])
registry = Registry()
registry.register(JsonLines(given["records"]), "records")
executor = Executor(registry, [source(registry, name, url) for name, url in given["sources"].items()])
serve = serve_http if given["how"] == "http" else serve_stdio
serve(executor, registry, ServerOptions.build(given["options"], where="test"))
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    """The protocol's two eras, as the client's modes."""
    return request.param


@pytest.fixture
def endless() -> str:
    return ENDLESS


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.executescript(SHOP)
    connection.close()
    return path


class Records(list[CallRecord]):
    """A sink."""

    @hookimpl
    def dbmcp_record(self, record: CallRecord) -> None:
        self.append(record)


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def registry(records: Records) -> Registry:
    registry = Registry()
    registry.register(records, "records")
    return registry


@pytest.fixture
def serve(registry: Registry, shop: Path) -> Iterator[Callable[..., Any]]:
    """Make a server in this process: ``serve({"shop": url}, transport="stdio", allow_writes=True)``."""
    executors: list[Executor] = []

    def make(sources: dict[str, Any] | None = None, *, transport: str = "stdio", **options: Any) -> Any:
        sources = {"shop": f"sqlite:///{shop}"} if sources is None else sources
        executor = Executor(registry, [source(registry, name, spec) for name, spec in sources.items()])
        executors.append(executor)
        return build_server(executor, registry, ServerOptions(**options), transport=transport)

    yield make
    for executor in executors:
        executor.close()


async def until(is_so: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait until *is_so*; what takes too long is a failure."""
    with anyio.fail_after(seconds):
        while not (found := is_so()):
            await anyio.sleep(0.01)
    return found


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Any]:
    return until


class Process:
    """A server in a process of its own."""

    def __init__(self, how: str, folder: Path, sources: dict[str, str], options: dict[str, Any]) -> None:
        self.records_file = folder / "records.jsonl"
        given = {"how": how, "sources": sources, "options": options, "records": str(self.records_file)}
        self.command = [sys.executable, "-c", SCRIPT, json.dumps(given)]
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.heard = ""

    def start(self, **pipes: Any) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, **pipes)
        return self.process

    def listen(self) -> Process:
        """Start, and wait for the line that says where it listens."""
        process = self.start(stdin=subprocess.DEVNULL)
        line = process.stderr.readline().decode()
        assert "listens on" in line, line + process.stderr.read().decode()
        self.url = line.split()[-1]
        return self

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.heard += self.process.stderr.read().decode()
        return code

    def records(self) -> list[dict[str, Any]]:
        if not self.records_file.exists():
            return []
        return [json.loads(line) for line in self.records_file.read_text().splitlines()]

    def decisions(self) -> list[str]:
        return [record["decision"] for record in self.records()]

    def kill(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
                if pipe is not None:
                    pipe.close()


@pytest.fixture
def program(tmp_path: Path, shop: Path) -> Iterator[Callable[..., Process]]:
    """Make a server's process, not started yet: ``program("http", allow_writes=True)``."""
    made: list[Process] = []

    def make(how: str, sources: dict[str, str] | None = None, **options: Any) -> Process:
        if how == "http":
            options = {"port": 0, **options}
        found = {"shop": f"sqlite:///{shop}"} if sources is None else sources
        made.append(Process(how, tmp_path, found, options))
        return made[-1]

    yield make
    for one in made:
        one.kill()


class Folder:
    """A project on the shop, in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("dbmcp.toml", '[project]\naudit = "audit/calls.jsonl"\n[sources]\nshop = "sqlite:///shop.db"\n')

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def tool(self, name: str, code: str = "SELECT 1 AS n", more: str = "") -> Path:
        """Write one tool in SQL."""
        text = f"dbmcp: 1\ntool:\n  name: {name}\n  description: A tool.\n  source:\n    code: |\n      {code}\n"
        return self.write(f"tools/{name}.yml", text + "".join(f"  {line}\n" for line in more.splitlines()))

    def python(self, name: str, code: str, more: str = "") -> Path:
        """Write one tool in Python."""
        text = f"dbmcp: 1\ntool:\n  name: {name}\n  description: A tool.\n  language: python\n"
        text += f"  source: {{file: ../python/{name}.py}}\n" + "".join(f"  {line}\n" for line in more.splitlines())
        self.write(f"tools/{name}.yml", text)
        return self.write(f"python/{name}.py", code)

    @property
    def records(self) -> list[dict[str, Any]]:
        path = self.path / "audit" / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "dbmcp_server", "serve", str(self.path)]


@pytest.fixture
def folder(shop: Path) -> Folder:
    return Folder(shop.parent)


class MxcpFolder(Folder):
    """A project of MXCP on DuckDB, in a folder, and its user's configuration."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.site("")
        self.user("[]")

    def site(self, more: str) -> Path:
        return self.write("mxcp-site.yml", f"mxcp: 1\nproject: shop\nprofile: dev\n{more}")

    def user(self, secrets: str) -> Path:
        return self.write("user.yml", f"mxcp: 1\nprojects: {{shop: {{profiles: {{dev: {{secrets: {secrets}}}}}}}}}\n")


@pytest.fixture
def mxcp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MxcpFolder:
    pytest.importorskip("dbmcp_duckdb")
    monkeypatch.setenv("MXCP_CONFIG", str(tmp_path / "user.yml"))
    return MxcpFolder(tmp_path)


@pytest.fixture
def serve_project(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Serve the folder in this process."""
    folder = request.getfixturevalue("mxcp" if "mxcp" in request.fixturenames else "folder")
    with ExitStack() as stack:

        def make(sink: Any = None) -> Any:
            found = find(folder.path)
            assert found is not None
            if sink is not None:
                found.registry.register(sink, "sink of a test")
            executor = stack.enter_context(running(found))
            served = ServedProject(found.load().require(), lambda: found.load().require())
            server = build_server(executor, found.registry, ServerOptions(), transport="stdio", project=served)
            for last in server.at_end:
                stack.callback(last)
            return server

        yield make

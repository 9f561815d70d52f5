"""Chroma for the tests: a folder and a server of their own, with an empty database for each test, and embeddings."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmcp_chroma import Chroma
from dbmcp_core.config import Source
from dbmcp_core.executor import Executor
from dbmcp_core.registry import Registry
from dbmcp_core.testing import Caller
from dbmcp_core.testing.server_process import ServerProcess, free_port

URL = "DBMCP_TEST_CHROMA_URL"


class Hashed:
    """Bags of words, hashed to a few numbers: no model of language, but near where words are shared."""

    def __call__(self, input: list[str]) -> list[list[float]]:  # noqa: A002 - Chroma's name for it
        return [self._vector(text) for text in input]

    def embed_query(self, input: list[str]) -> list[list[float]]:  # noqa: A002 - Chroma's name for it
        return self(input)

    @staticmethod
    def _vector(text: str) -> list[float]:
        vector = [0.0] * 64
        for word in re.findall(r"\w+", text.lower()):
            vector[zlib.crc32(word.encode()) % 64] += 1.0
        return vector


class Failing:
    """A function that can't do its work."""

    def __call__(self, input: list[str]) -> list[list[float]]:  # noqa: A002 - Chroma's name for it
        raise RuntimeError("no network here")

    embed_query = __call__


def required() -> bool:
    """Say whether Chroma must be there."""
    asked = os.environ.get("DBMCP_REQUIRE", "")
    return asked == "all" or "chroma" in asked.split(",")


class Server:
    """A server of Chroma's in a process of its own, or the one that the URL leads to."""

    def __init__(self) -> None:
        self.url = os.environ.get(URL, "").rstrip("/")
        self.process: ServerProcess | None = None
        if not self.url:
            self._start()

    def _start(self) -> None:
        program = shutil.which("chroma", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
        if program is None:
            (pytest.fail if required() else pytest.skip)(f"chroma: no program 'chroma', and {URL} is not set")
        self.process = ServerProcess("chroma")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        folder = self.process.folder / "data"
        self.command = [str(program), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
        self.process.start(self.command, self.answers)

    def answers(self) -> bool:
        """Say whether it is up."""
        try:
            self.ask("GET", "heartbeat")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def restart(self) -> None:
        """End it as a crash would, and start it again on the same port and data."""
        if self.process is None:
            pytest.skip("the server is not ours to restart")
        self.process.end("KILL")
        self.process.start(self.command, self.answers)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the server itself, past everything that is tested."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/api/v2/{path}", data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def settings(self, database: str = "default_database") -> dict[str, object]:
        """Return the settings of one of its databases."""
        host, _, port = self.url.partition("://")[2].partition(":")
        return {"host": host, "port": int(port or 8000), "database": database}

    @contextlib.contextmanager
    def database(self) -> Iterator[dict[str, object]]:
        """Make an empty database, and take it away afterwards."""
        name = f"dbmcp-{secrets.token_hex(6)}"
        self.ask("POST", "tenants/default_tenant/databases", {"name": name})
        try:
            yield self.settings(name)
        finally:
            if self.process is None:  # ours goes as a whole; and deleting leaves lists behind (Chroma's issue 7594)
                with contextlib.suppress(urllib.error.URLError, OSError):
                    self.ask("DELETE", f"tenants/default_tenant/databases/{name}")

    def close(self) -> None:
        """End it, if it is ours."""
        if self.process is not None:
            self.process.close()


class Folder:
    """A folder with empty databases in it, which stays open as long as the tests run: opening one takes seconds."""

    def __init__(self) -> None:
        from dbmcp_chroma.library import folder_system, server_of

        self.path = tempfile.mkdtemp(prefix="dbmcp-chroma-test-")
        self._system = folder_system(self.path, read_only=False)
        self._server = server_of(self._system)
        self._open: Any = None

    def settings(self, *, open_it: bool = True) -> dict[str, object]:
        """Return the settings of a new, empty database; the folder stays open from then on, unless *open_it* is not."""
        name = f"dbmcp-{secrets.token_hex(6)}"
        self._server.create_database(name, "default_tenant")
        if self._open is None and open_it:
            engine = Chroma()
            built = engine.settings.build({"path": self.path, "read_only": False}, where="test")
            self._open = engine.open(built)
            self._open.connect()
        return {"path": self.path, "database": name}

    def close(self) -> None:
        """Give everything back."""
        if self._open is not None:
            self._open.disconnect()
        self._system.stop()
        shutil.rmtree(self.path, ignore_errors=True)


@contextlib.contextmanager
def calling(settings: dict[str, object], **more: object) -> Iterator[Caller]:
    """Return a caller on a writable source ``main`` of these settings, and on ``reader``, which only reads."""
    engine = Chroma()
    sources = []
    for name, read_only in (("main", False), ("reader", True)):
        built = engine.settings.build({**settings, "read_only": read_only, **more}, where="test")
        sources.append(Source(name, engine, built, "test"))
    executor = Executor(Registry(), sources)
    try:
        yield Caller(executor)
    finally:
        executor.close()

"""What Chroma's plugin does when things go wrong: hostile servers, processes that end, folders that aren't there."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core.errors import ConnectionFailed, DbmcpError, NotFound, QueryCancelled, QueryTimeout, UnsupportedError
from dbmcp_core.running import Running
from dbmcp_core.statement import Limits, Statement
from dbmcp_core.testing import Caller, WatchedRunning, in_threads

pytest.importorskip("chromadb")

from dbmcp_chroma import Chroma, library_names, links, process
from dbmcp_chroma.errors import translated

_PATH = Path(__file__).parents[1] / "servers" / "chroma" / "harness.py"
_spec = importlib.util.spec_from_file_location("chroma_harness", _PATH)
assert _spec is not None
assert _spec.loader is not None
harness = sys.modules.setdefault("chroma_harness", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(harness)

PATIENCE_S = 20.0
COUNT = '{"count": "notes"}'


@pytest.fixture
def place(tmp_path: Path) -> dict[str, object]:
    """Settings of a folder with a collection of two records."""
    found: dict[str, object] = {"path": str(tmp_path / "data"), "create_if_not_exists": True}
    with harness.calling(found) as caller:
        caller.execute('{"create": "notes"}')
        caller.execute('{"add": "notes", "ids": ["a", "b"], "embeddings": [[1], [2]], "documents": ["sun", "wind"]}')
    return {"path": str(tmp_path / "data")}


# Folders


@pytest.mark.parametrize("read_only", [True, False])
def test_a_folder_that_is_not_there_is_told_and_not_made(tmp_path: Path, read_only: bool) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    file = tmp_path / "file"
    file.write_text("x")
    for path in (
        tmp_path / "missing",
        empty,
        file,
        tmp_path / "missing" / "deeper",
        Path("no\0good"),
        Path("x" * 5_000),
    ):
        with harness.calling({"path": str(path)}) as caller, pytest.raises(ConnectionFailed) as caught:
            caller.on("reader" if read_only else "main").tables()
        assert caught.value.details["reason"] in ("missing", "permission")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["empty", "file"]
    assert list(empty.iterdir()) == []


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "chroma.sqlite3").write_bytes(b"this is no database at all, is it?" * 100)
    before = hashlib.sha256((tmp_path / "chroma.sqlite3").read_bytes()).digest()
    with harness.calling({"path": str(tmp_path)}) as caller, pytest.raises(ConnectionFailed, match="can't open"):
        caller.on("reader").tables()
    assert hashlib.sha256((tmp_path / "chroma.sqlite3").read_bytes()).digest() == before


def test_reading_leaves_the_records_as_they_were(place: dict[str, object]) -> None:
    def snapshot() -> Any:
        with harness.calling(place) as caller:
            return caller.query('{"peek": "notes"}').rows

    before = snapshot()
    with harness.calling(place) as caller:
        reader = caller.on("reader")
        for text in (COUNT, '{"collection": "notes"}', '{"collection": "notes", "query_embeddings": [[1]]}'):
            reader.query(text)
        reader.schema()
    assert snapshot() == before


def test_a_read_only_source_reads_a_folder_alone(place: dict[str, object]) -> None:
    with harness.calling(place) as caller:
        assert caller.on("reader").query(COUNT).rows == ((2,),)
        (worker,) = process.workers.children.values()
        assert worker.read_only
        caller.execute('{"add": "notes", "ids": ["c"], "embeddings": [[3]]}')  # opens it anew, for writing
        (worker,) = process.workers.children.values()
        assert not worker.read_only
        assert caller.on("reader").query(COUNT).rows == ((3,),)
    assert process.workers.children == {}


@pytest.mark.parametrize("operation", sorted(library_names.WRITES))
def test_the_process_of_a_folder_takes_no_write_of_a_reader(place: dict[str, object], operation: str) -> None:
    """Both locks behind the judgement, each without the other: the link's, and the process's own."""
    engine = Chroma()
    reading = engine.settings.build({**place, "read_only": True}, where="test")
    writing = engine.settings.build({**place, "read_only": False}, where="test")
    with engine.open(writing) as writable, contextlib.closing(links.open_link(reading)) as link:
        assert writable.get_tables()
        with pytest.raises(ConnectionFailed, match="is not sent by this source"):
            link.call(None, operation, "notes", {})
        session = link.session()
        with pytest.raises(DbmcpError, match="is not allowed here"):
            session.call(operation, "notes", {})
        session.close()


@pytest.mark.parametrize(
    "operation", ["reset", "_server", "__init__", "__class__", "_find_place", "create_database", ""]
)
def test_nothing_else_is_taken_of_anybody(place: dict[str, object], operation: str) -> None:
    settings = Chroma().settings.build({**place, "read_only": False}, where="test")
    with contextlib.closing(links.open_link(settings)) as link:
        with pytest.raises(ConnectionFailed):
            link.call(None, operation)
        session = link.session()
        with pytest.raises(DbmcpError, match="is not allowed here"):
            session.call(operation)
        session.close()


# A process that ends, or stands still


def test_a_process_that_ends_fails_one_statement(place: dict[str, object]) -> None:
    with harness.calling(place) as caller:
        caller.ping()
        for _ in range(3):
            (worker,) = process.workers.children.values()
            worker.process.kill()
            worker.process.wait()
            with contextlib.suppress(ConnectionFailed):  # told once is fine
                caller.query(COUNT)
            assert caller.query(COUNT).rows == ((2,),)


def test_a_filter_that_ends_chromas_process_leaves_ours(place: dict[str, object]) -> None:
    """What is refused before: past the judgement, 20,000 conditions overrun the stack of Chroma's process."""
    with harness.calling(place) as caller:
        caller.ping()
        settings = Chroma().settings.build({**place, "read_only": False}, where="test")
        with contextlib.closing(links.open_link(settings)) as link:
            (collection,) = link.call(None, "collections")
            where = {"$and": [{"x": number} for number in range(20_000)]}
            with pytest.raises(ConnectionFailed, match="process has ended"):
                link.call(None, "get", collection.id, {"where": where, "limit": 1, "offset": 0, "include": []})
        with contextlib.suppress(ConnectionFailed):
            caller.query(COUNT)
        assert caller.query(COUNT).rows == ((2,),)


@pytest.fixture
def standing_still(place: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    """A caller whose folder's process stands still."""
    monkeypatch.setattr(process, "_STUCK_S", 0.2)
    with harness.calling(place) as caller:
        caller.ping()
        (worker,) = process.workers.children.values()
        os.kill(worker.process.pid, signal.SIGSTOP)
        yield caller


def test_a_deadline_ends_what_stands_still(standing_still: Caller) -> None:
    with pytest.raises(QueryTimeout):
        in_threads([lambda: standing_still.query(COUNT, limits=Limits(timeout_s=0.1))])
    assert standing_still.query(COUNT).rows == ((2,),)


def test_a_cancel_ends_what_stands_still(standing_still: Caller) -> None:
    running = WatchedRunning()

    def stop() -> None:
        assert running.corded.wait(PATIENCE_S)
        running.cancel()

    def read() -> None:
        with pytest.raises(QueryCancelled):
            standing_still.query(COUNT, running=running)

    in_threads([read, stop])
    assert standing_still.query(COUNT).rows == ((2,),)


def test_a_source_closes_over_a_write_that_stands_still(
    standing_still: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_WRITE_S", 0.5)
    running = WatchedRunning()

    def write() -> None:
        with pytest.raises(DbmcpError):
            standing_still.execute('{"upsert": "notes", "ids": ["c"], "embeddings": [[3]]}', running=running)

    def close() -> None:
        assert running.corded.wait(PATIENCE_S)
        standing_still.executor.close()

    in_threads([write, close])
    assert standing_still.query(COUNT).rows == ((2,),)


def test_a_write_under_way_is_not_ended_for_a_read(place: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    with harness.calling(place) as caller:
        caller.ping()
        (worker,) = process.workers.children.values()
        worker.writes += 1
        worker.kill_reader()
        assert worker.is_alive
        worker.writes -= 1
        assert caller.query(COUNT).rows == ((2,),)


def test_the_process_knows_no_secret(place: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_SECRET", "5up3r")
    with harness.calling(place) as caller:
        caller.ping()
        (worker,) = process.workers.children.values()
        environment = Path(f"/proc/{worker.process.pid}/environ")
        if not environment.exists():
            pytest.skip("the environment of a process can't be read here")
        assert b"5up3r" not in environment.read_bytes()
        assert b"PATH=" in environment.read_bytes()
        folder = Path(worker.temporary)
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


def test_settings_of_one_folder_must_agree(place: dict[str, object]) -> None:
    with harness.calling(place) as one:
        one.ping()
        with (
            harness.calling(place, memory_limit_mb=512) as other,
            pytest.raises(ConnectionFailed, match="other settings"),
        ):
            other.ping()


def test_memory_is_limited(place: dict[str, object]) -> None:
    if sys.platform != "linux":
        pytest.skip("memory is limited on Linux alone")
    with harness.calling(place, memory_limit_mb=512) as caller:
        caller.ping()
        (worker,) = process.workers.children.values()
        limits = Path(f"/proc/{worker.process.pid}/limits").read_text()
        (line,) = [one for one in limits.splitlines() if one.startswith("Max data size")]
        assert str((512 + 1_024) << 20) in line
        locks = {one.name: one.holds for one in caller.executor.locks("reader")}
        assert locks["memory is limited"]
        assert locks["requests"]


# Servers


class Hostile:
    """A server of HTTP that answers as it is told, and keeps what it was asked."""

    def __init__(self, answer: Callable[[str], bytes | None]) -> None:
        self._answer = answer
        self.asked: list[str] = []
        self.got = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def settings(self) -> dict[str, object]:
        """The settings that lead here."""
        return {"host": "127.0.0.1", "port": self._listener.getsockname()[1], "token": "canary-t0k3n"}

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            data = b""
            while True:
                while b"\r\n\r\n" not in data:
                    if not (piece := connection.recv(65_536)):
                        return
                    data += piece
                head, _, data = data.partition(b"\r\n\r\n")
                data = b""
                line = head.decode().splitlines()[0]
                self.asked.append(line)
                answer = self._answer(line)
                self.got.set()
                if answer is not None:
                    connection.sendall(answer)

    def close(self) -> None:
        """Hang up."""
        for one in (self._listener, *self._open):
            one.close()


def answered(body: Any, status: str = "200 OK", *more: str) -> bytes:
    """Return an answer of HTTP."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(data)}", *more, "", ""]
    return "\r\n".join(lines).encode() + data


def good(line: str) -> bytes:
    """Answer as Chroma does, as far as a source is opened by it."""
    if "/pre-flight-checks" in line:
        return answered({"max_batch_size": 100})
    if "/version" in line:
        return answered("1.0.0")
    return answered({"id": "00000000-0000-0000-0000-000000000000", "name": "x", "tenant": "y"})


@contextlib.contextmanager
def hostile(answer: Callable[[str], bytes | None], **more: object) -> Iterator[tuple[Hostile, Caller]]:
    """Return a hostile server, and a caller on it."""
    server = Hostile(answer)
    try:
        with harness.calling(server.settings, **more) as caller:
            yield server, caller
    finally:
        server.close()


def test_a_server_that_never_answers_is_left_at_the_deadline() -> None:
    def answer(line: str) -> bytes | None:
        return None if "/collections/" in line else good(line)

    with hostile(answer) as (server, caller):
        caller.ping()  # connected: all of the time is for the answer
        with pytest.raises(QueryTimeout):
            in_threads([lambda: caller.query(COUNT, limits=Limits(timeout_s=1))])
        assert any("/collections/notes" in line for line in server.asked)
        caller.ping()


def test_a_cancel_cuts_the_connection() -> None:
    def answer(line: str) -> bytes | None:
        return None if "/collections/" in line else good(line)

    with hostile(answer) as (server, caller):
        caller.ping()
        running = Running()

        def stop() -> None:
            while not any("/collections/" in line for line in server.asked):
                assert server.got.wait(PATIENCE_S)
                server.got.clear()
            running.cancel()

        def read() -> None:
            with pytest.raises(QueryCancelled):
                caller.query(COUNT, running=running)

        in_threads([read, stop])
        caller.ping()


@pytest.mark.parametrize(
    "body",
    [
        answered(b"not json"),
        answered(b""),
        answered([]),
        answered(None),
        answered({"id": "../../reset", "name": "notes"}),
        answered(b"[" * 100_000),
        answered({"error": "InternalError", "message": "canary-t0k3n"}, "500 Internal Server Error"),
        answered(b"Bearer canary-t0k3n is wrong", "401 Unauthorized"),
        answered(b"", "302 Found", "Location: http://127.0.0.1:9/stolen"),
        answered(b"\x1f\x8b\x08", "200 OK", "Content-Encoding: gzip"),
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\nContent-Type: x\r\n\r\n{",
    ],
    ids=lambda body: repr(body[:40]) if len(body) < 200 else "deep",
)
def test_an_odd_answer_is_an_error_without_a_secret(body: bytes) -> None:
    def answer(line: str) -> bytes | None:
        return body if "/collections/" in line else good(line)

    with hostile(answer, timeout_s=0.5) as (_, caller):
        with pytest.raises(DbmcpError) as caught:
            caller.query(COUNT)
        assert "canary" not in f"{caught.value} {caught.value.details} {caught.value!r}"


def test_a_server_that_sends_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    from dbmcp_chroma import wire

    monkeypatch.setattr(wire, "_MOST", 1 << 20)

    def answer(line: str) -> bytes | None:
        return answered(b'"' + b"x" * (4 << 20) + b'"') if "/collections/" in line else good(line)

    with hostile(answer) as (_, caller), pytest.raises(DbmcpError) as caught:
        caller.query(COUNT)
    assert caught.value.code == "resource_exhausted"


def test_a_reader_sends_reads_alone(request: pytest.FixtureRequest) -> None:
    """Whatever is asked of a read-only source: the wire sees gets, and the posts that read."""
    texts = [*_hostile_statements(), COUNT, '{"collection": "notes"}', '{"operation": "list_collections"}']
    with hostile(good) as (server, caller):
        for text in texts:
            for run in (caller.on("reader").query, caller.on("reader").execute):
                with contextlib.suppress(DbmcpError):
                    run(text)
        with contextlib.suppress(DbmcpError):
            caller.on("reader").schema()
        posts = [line for line in server.asked if not line.startswith("GET ")]
    assert server.asked
    assert [line for line in posts if not line.split()[1].endswith(("/get", "/query"))] == []


def _hostile_statements() -> list[str]:
    writes = (
        "add",
        "upsert",
        "update",
        "delete",
        "create_collection",
        "delete_collection",
        "modify_collection",
        "reset",
    )
    fields = {"ids": ["a"], "embeddings": [[1]], "new_name": "stolen"}
    return [json.dumps({"collection": "notes", "operation": one, **some}) for one in writes for some in (fields, {})]


def test_no_environment_and_no_file_leads_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """chromadb's settings come from the environment and from ``.env``, and name classes to load and servers to tell."""
    (tmp_path / ".env").write_text("CHROMA_API_IMPL=evil.Api\nCHROMA_SERVER_HOST=evil.example\nALLOW_RESET=TRUE\n")
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "CHROMA_API_IMPL": "evil.Api",
        "CHROMA_PRODUCT_TELEMETRY_IMPL": "evil.Telemetry",
        "CHROMA_CLIENT_AUTH_PROVIDER": "evil.Auth",
        "CHROMA_SERVER_HOST": "evil.example",
        "CHROMA_OTEL_COLLECTION_ENDPOINT": "http://127.0.0.1:9",
        "CHROMA_OTEL_GRANULARITY": "all",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
        "ANONYMIZED_TELEMETRY": "true",
        "ALLOW_RESET": "true",
    }.items():
        monkeypatch.setenv(name, value)
    with hostile(good) as (server, caller):
        caller.ping()
    assert server.asked
    with harness.calling({"path": str(tmp_path / "data"), "create_if_not_exists": True}) as caller:
        assert caller.tables() == []


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("NotFoundError", "Collection [x] does not exist", "not_found"),
        ("InvalidArgumentError", "bad", "query_failed"),
        ("InternalError", "Error sending message to compactor", "connection_failed"),
        ("InternalError", "Expression tree is too large (maximum depth 1000)", "resource_exhausted"),
        ("InternalError", "(code: 5) database is locked", "database_busy"),
        ("ConnectError", "refused", "connection_failed"),
        ("ReadTimeout", "timed out", "connection_failed"),
        ("AuthorizationError", "Unauthorized", "connection_failed"),
        ("RateLimitError", "slow down", "database_busy"),
        ("QuotaError", "too much", "resource_exhausted"),
        ("MemoryError", "", "resource_exhausted"),
        ("Exception", "what?", "query_failed"),
    ],
)
def test_errors_have_codes(name: str, text: str, code: str) -> None:
    assert translated(name, text).code == code


def test_errors_hide_secrets() -> None:
    error = translated("Exception", "http://ann:pw@host said s3cret", ("s3cret",))
    assert "s3cret" not in str(error)
    assert ":pw@" not in str(error)


def test_a_read_only_source_writes_nothing_off_the_road(place: dict[str, object]) -> None:
    engine = Chroma()
    with engine.open(engine.settings.build({**place, "read_only": True}, where="test")) as database:
        for text in _hostile_statements():
            with pytest.raises(DbmcpError):
                database.query(Statement(text), Running())
            with pytest.raises(UnsupportedError):
                database.execute(Statement(text), Running())
        with pytest.raises(NotFound):
            database.query(Statement('{"collection": "notess"}'), Running())

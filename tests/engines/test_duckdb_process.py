"""DuckDB's process: one for each file, shared by its sources, gone with them, and replaced when it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import psutil  # type: ignore[import-untyped]
import pytest

from dbmcp_core import (
    Client,
    ColumnInfo,
    ConfigError,
    ConnectionFailed,
    CursorExpired,
    DatabaseBusy,
    DatabaseError,
    DbmcpError,
    Executor,
    Limits,
    QueryFailed,
    QueryTimeout,
    Registry,
    Source,
    TableName,
    connect,
)
from dbmcp_core.testing import Caller, in_threads
from dbmcp_duckdb import DuckDB, process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS a FROM range(1000)")
    return path


@pytest.fixture
def executor(path: Path) -> Iterator[Executor]:
    engine = DuckDB()

    def source(name: str, **more: object) -> Source:
        return Source(name, engine, engine.settings.build({"filename": str(path), **more}, where=name), "test")

    executor = Executor(
        Registry(),
        [source("reader"), source("writer", read_only=False), source("other", threads=1)],
    )
    yield executor
    executor.close()


def until(done: Callable[[], bool]) -> None:
    """Wait for it, for a long while at the most."""
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def workers() -> list[psutil.Process]:
    """The processes of ours that DuckDB runs in."""
    return [child for child in psutil.Process().children() if "dbmcp_duckdb.worker" in child.cmdline()]


def test_importing_the_package_does_not_import_the_driver() -> None:
    code = "import sys, dbmcp_duckdb; sys.exit('duckdb' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_sources_of_one_file_share_a_process(executor: Executor) -> None:
    writer, reader = Caller(executor, "writer"), Caller(executor, "reader")
    writer.execute("INSERT INTO t VALUES (-1)")
    assert reader.query("SELECT min(a) FROM t").rows == ((-1,),)
    assert len(workers()) == 1
    executor.remove("writer")
    assert reader.query("SELECT min(a) FROM t").rows == ((-1,),)
    executor.close()
    assert workers() == []


def test_a_reader_makes_way_for_a_writer_and_goes_on(executor: Executor) -> None:
    reader, writer = Caller(executor, "reader"), Caller(executor, "writer")
    assert "reading alone" in str(executor.locks("reader"))
    parked = reader.query("FROM t", limits=Limits(max_rows=10))
    writer.execute("INSERT INTO t VALUES (-1)")
    assert reader.query("SELECT min(a) FROM t").rows == ((-1,),)
    assert "writing source" in str(executor.locks("reader"))
    assert all(lock.holds for lock in executor.locks("reader"))
    assert parked.cursor is not None
    with pytest.raises((CursorExpired, ConnectionFailed)):
        reader.read_on(parked.cursor)
    assert reader.query("SELECT count(*) FROM t").rows == ((1_001,),)


def test_a_paused_reader_stops_no_writer_and_sees_what_it_saw(executor: Executor) -> None:
    writer, reader = Caller(executor, "writer"), Caller(executor, "reader")
    writer.ping()
    page = reader.query("SELECT a FROM t ORDER BY a", limits=Limits(max_rows=10))
    assert page.cursor is not None
    assert writer.execute("DELETE FROM t").affected_rows == 1_000
    writer.execute("DROP TABLE t")
    assert [row[0] for row in reader.read_on(page.cursor, limits=Limits(max_rows=2_000))] == list(range(10, 1_000))


def test_sources_of_one_file_must_agree(executor: Executor) -> None:
    Caller(executor, "reader").ping()
    with pytest.raises(ConnectionFailed, match="other settings"):
        Caller(executor, "other").ping()


def test_a_file_that_another_process_holds_is_busy(path: Path) -> None:
    code = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(DatabaseBusy, match=f"PID {other.pid}"), connect(f"duckdb:///{path}") as client:
            client.query("SELECT 1")
        other.communicate(b"\n")
    with connect(f"duckdb:///{path}") as client:
        assert client.query("SELECT count(*) FROM t").rows == ((1_000,),)


def test_two_processes_may_read_one_file(path: Path) -> None:
    with connect(f"duckdb:///{path}") as client:
        client.query("SELECT 1")
        code = f"import duckdb; print(duckdb.connect({str(path)!r}, read_only=True).execute('FROM t').fetchone())"
        assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout == b"(0,)\n"


def test_a_process_that_ends_is_replaced(path: Path) -> None:
    with connect(f"duckdb:///{path}", read_only=False) as client:
        client.execute("INSERT INTO t VALUES (-1)")
        [worker] = workers()
        worker.kill()
        worker.wait(20)
        with contextlib.suppress(ConnectionFailed):  # told once is fine
            client.query("SELECT 1")
        assert client.query("SELECT min(a), count(*) FROM t").rows == ((-1, 1_001),)
        assert len(workers()) == 1
    assert workers() == []


def test_a_lost_database_in_memory_is_said(tmp_path: Path) -> None:
    with connect("duckdb://", read_only=False) as client:
        client.execute("CREATE TABLE t (a INTEGER)")
        [worker] = workers()
        worker.kill()
        worker.wait(20)
        with pytest.raises(ConnectionFailed, match="lost"):
            client.query("FROM t")
        assert client.get_tables() == []


def test_a_function_that_does_not_heed_its_deadline_is_ended(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_STUCK_S", 0.3)
    with connect(f"duckdb:///{path}", memory_limit_mb=2_048) as client:
        client.query("SELECT 1")
        [worker] = workers()
        with pytest.raises(QueryTimeout):
            client.query("SELECT length(rpad('x', 1000000000, 'y'))", limits=Limits(timeout_s=0.2))
        until(lambda: not worker.is_running())
        assert client.query("SELECT count(*) FROM t").rows == ((1_000,),)


def test_nothing_is_left_of_a_parent_that_is_killed(path: Path) -> None:
    code = (
        "import sys; from dbmcp_core import connect\n"
        f"with connect('duckdb:///{path}', read_only=False) as c:\n"
        "    c.execute('INSERT INTO t VALUES (-1)'); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        [worker] = psutil.Process(parent.pid).children()
        temporary = Path(worker.environ()["HOME"])
        assert temporary.is_dir()
        assert temporary.stat().st_mode & 0o077 == 0
        os.kill(parent.pid, signal.SIGKILL)
    until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    until(lambda: not temporary.exists())
    with connect(f"duckdb:///{path}") as client:
        assert client.query("SELECT min(a) FROM t").rows == ((-1,),)


def test_the_process_knows_no_secret_of_ours(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_OTHER_PASSWORD", "hunter2")
    with connect(f"duckdb:///{path}") as client:
        client.query("SELECT 1")
        [worker] = workers()
        assert "hunter2" not in str(worker.environ())


def test_a_read_only_source_leaves_the_file_as_it_is(path: Path) -> None:
    before = path.read_bytes()
    with connect(f"duckdb:///{path}") as client:
        client.query("SELECT sum(a) FROM t")
        assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == before


def test_writers_wait_for_each_other(executor: Executor) -> None:
    writer = Caller(executor, "writer")
    writer.execute("CREATE TABLE n (a INTEGER)")
    writer.execute("INSERT INTO n VALUES (0)")
    in_threads([lambda: [writer.execute("UPDATE n SET a = a + 1") for _ in range(5)] for _ in range(6)])
    assert writer.query("FROM n").rows == ((30,),)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_text("not a database" * 100), "not_a_database"),
        (lambda path: path.mkdir(), "not_a_database"),
        (lambda path: os.mkfifo(path), "not_a_database"),
        (lambda path: None, "missing"),
    ],
    ids=["text", "folder", "pipe", "missing"],
)
def test_what_is_no_database_says_so(tmp_path: Path, make: Callable[[Path], object], reason: str) -> None:
    make(tmp_path / "x.duckdb")
    with pytest.raises(ConnectionFailed) as caught, connect(f"duckdb:///{tmp_path}/x.duckdb") as client:
        client.query("SELECT 1")
    assert caught.value.details["reason"] == reason
    assert workers() == []


@pytest.mark.parametrize("read_only", [True, False])
def test_a_missing_file_is_made_where_that_is_wanted(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "new.duckdb"
    with connect(f"duckdb:///{path}", read_only=read_only, create_if_not_exists=True) as client:
        assert client.get_tables() == []
    assert path.is_file()


def test_the_urls_of_the_engine() -> None:
    engine, read = DuckDB(), urlsplit
    assert engine.settings_from_url(read("duckdb://")) == {"filename": ":memory:"}
    assert engine.settings_from_url(read("duckdb:///:memory:")) == {"filename": ":memory:"}
    assert engine.settings_from_url(read("duckdb:///a%20b.duckdb?threads=4")) == {
        "filename": "a b.duckdb",
        "threads": "4",
    }
    assert engine.settings_from_url(read("duckdb:////data/a.duckdb")) == {"filename": "/data/a.duckdb"}
    with pytest.raises(ConfigError), connect("duckdb://a.duckdb"):
        pass


def test_errors_have_their_place_and_their_remedy(path: Path) -> None:
    with connect(f"duckdb:///{path}") as client:
        for text, message, hint, place in (
            ("SELECT b\nFROM t", 'Referenced column "b" not found', 'Candidate bindings: "a"', (1, 8)),
            ("SELECT a\nFROM tt", "Table with name tt does not exist", 'Did you mean "t"', (2, 6)),
            ("SELECT a\n  FROM t WHERE sinn(a) = 1", "sinn", "Did you mean", (2, 16)),
        ):
            with pytest.raises(QueryFailed) as caught:
                client.query(text)
            assert message in caught.value.message
            assert "LINE" not in caught.value.message
            assert hint in (caught.value.hint or "")
            assert (caught.value.details["line"], caught.value.details["column"]) == place


def test_a_plan_runs_nothing(path: Path) -> None:
    with connect(f"duckdb:///{path}") as client:
        assert "t" in client.explain("SELECT * FROM t WHERE a = $1", [1])
        for text in ("ANALYZE SELECT 1", "ANALYZE COPY t TO 'x'", "(ANALYZE) SELECT 1", "DELETE FROM t"):
            with pytest.raises(DbmcpError):
                client.explain(text)


SCHEMA = """
CREATE SCHEMA more;
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE author (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL UNIQUE);
CREATE TABLE book (
    id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author (id), title VARCHAR DEFAULT 'x',
    twice INTEGER GENERATED ALWAYS AS (id * 2) VIRTUAL, mood mood
);
CREATE TABLE more.pair (a INTEGER, b INTEGER, PRIMARY KEY (b, a));
CREATE TABLE more.child (x INTEGER, y INTEGER, FOREIGN KEY (y, x) REFERENCES more.pair (b, a));
CREATE TABLE more."we""ird na.me" ("a b" INTEGER);
CREATE INDEX by_title ON book (title, "author_id");
CREATE INDEX by_lower ON book (lower(title));
CREATE UNIQUE INDEX once ON author (id, name);
CREATE VIEW seen AS SELECT id, title FROM book;
CREATE TABLE gone (a INTEGER);
CREATE VIEW broken AS SELECT a FROM gone;
DROP TABLE gone;
COMMENT ON TABLE book IS 'the books';
COMMENT ON COLUMN book.title IS 'the title';
INSERT INTO author VALUES (1, 'Ada'), (2, 'Grace');
"""


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Client]:
    path = tmp_path / "library.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(SCHEMA)
    with connect(f"duckdb:///{path}") as client:
        yield client


def test_the_schema_in_full(library: Client) -> None:
    schema = library.get_schema()
    assert schema.database_name == "library"
    names = [str(table.name) for table in schema.tables]
    assert names == ["author", "book", "broken", "more.child", "more.pair", 'more.we"ird na.me', "seen"]
    tables = {str(table.name): table for table in schema.tables}
    book = tables["book"]
    assert (book.kind, book.primary_key, book.comment, book.estimated_rows) == ("table", ("id",), "the books", 0)
    assert tables["author"].estimated_rows == 2
    assert book.columns[:3] == (
        ColumnInfo("id", "INTEGER", nullable=False, is_primary_key=True),
        ColumnInfo("author_id", "INTEGER", nullable=False),
        ColumnInfo("title", "VARCHAR", default_value="'x'", comment="the title"),
    )
    assert (book.columns[3].generated, book.columns[4].type) == ("virtual", "ENUM('sad', 'glad')")
    assert [(index.name, index.columns, index.unique) for index in book.indexes] == [
        ("by_lower", (None,), False),
        ("by_title", ("title", "author_id"), False),
    ]
    assert [(index.columns, index.unique) for index in tables["author"].indexes] == [
        (("name",), True),
        (("id", "name"), True),
    ]
    assert tables["more.pair"].primary_key == ("b", "a")
    [key] = tables["more.child"].foreign_keys
    assert (key.columns, key.target, key.target_columns) == (("y", "x"), TableName("pair", "more"), ("b", "a"))
    assert tables["seen"].kind == "view"


def test_names_of_tables_are_found_with_their_schema_and_without_case(library: Client) -> None:
    assert library.get_table_schema("BOOK") == library.get_table_schema(TableName("book", "main"))
    assert library.get_table_schema(TableName("pair", "MORE")).name == TableName("pair", "more")
    with pytest.raises(DatabaseError):
        library.get_table_schema("pair")

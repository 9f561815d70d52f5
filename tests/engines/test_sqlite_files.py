"""SQLite's file: what can be wrong with it, who else has it open, and when a reader is in nobody's way."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from dbmcp_core import (
    ConfigError,
    ConnectionFailed,
    CursorExpired,
    DatabaseBusy,
    DatabaseError,
    Limits,
    UnsupportedError,
    connect,
)

_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_elsewhere(path: Path) -> Iterator[None]:
    """Another process holds the whole file for the length of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", _LOCK, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        try:
            yield
        finally:
            process.communicate()


def write(path: Path, *texts: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for text in texts:
            connection.execute(text)
        connection.commit()


def test_a_missing_file_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match=r"no\.db.* does not exist") as caught:
        connect(f"sqlite:///{tmp_path}/no.db")
    assert caught.value.details == {"reason": "missing"}
    assert "create_if_not_exists" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_of_a_writable_source_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="does not exist"):
        connect(f"sqlite:///{tmp_path}/no.db", read_only=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_made_when_asked_for(tmp_path: Path) -> None:
    with connect(f"sqlite:///{tmp_path}/new.db", read_only=False, create_if_not_exists=True) as client:
        client.execute("CREATE TABLE a (b)")
    with connect(f"sqlite:///{tmp_path}/new.db") as client:
        assert [name.name for name in client.get_tables()] == ["a"]


def test_an_operator_may_have_an_empty_file_made_for_reading(tmp_path: Path) -> None:
    with connect(f"sqlite:///{tmp_path}/new.db", create_if_not_exists=True) as client:
        assert client.get_tables() == []


def test_nobody_else_makes_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="does not exist"):
        connect(f"sqlite:///{tmp_path}/new.db")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_told_from_a_lock(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed):
        connect(f"sqlite:///{tmp_path}/no/folder/new.db", read_only=False, create_if_not_exists=True)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="is a folder") as caught:
        connect(f"sqlite:///{tmp_path}")
    assert caught.value.details == {"reason": "directory"}


def test_a_pipe_is_no_database_and_not_waited_for(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConnectionFailed, match="not a regular file"):
        connect(f"sqlite:///{tmp_path}/pipe")


@pytest.mark.parametrize("name", ["no%00thing.db", "x" * 300])
def test_a_name_that_no_file_can_have_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConnectionFailed):
        connect(f"sqlite:///{tmp_path}/{name}")


@pytest.mark.parametrize("content", [b"id,name\n1,pen\n", b"SQLite format 2\0" + b"x" * 100, b"\0" * 4096])
def test_another_file_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(ConnectionFailed, match="not an SQLite database") as caught:
        connect(f"sqlite:///{path}")
    assert caught.value.details == {"reason": "not_a_database"}
    assert path.read_bytes() == content


def test_an_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    with connect(f"sqlite:///{path}") as client:
        assert client.get_tables() == []
        assert client.query("SELECT 1").rows == ((1,),)
    assert path.read_bytes() == b""


def test_a_torn_file_is_told_and_not_touched(shop: Path) -> None:
    torn = shop.read_bytes()[:5000]
    shop.write_bytes(torn + b"\xff" * 3000)
    before = shop.read_bytes()
    with pytest.raises(DatabaseError), connect(f"sqlite:///{shop}") as client:
        client.query("SELECT * FROM purchase, product, customer")
    assert shop.read_bytes() == before


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Give up root for the block, since root may read everything."""
    if not hasattr(os, "geteuid"):
        pytest.skip("file permissions of this kind are not known here")
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_without_permission_is_told_from_a_missing_one(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    path = folder / "shop.db"
    write(path, "CREATE TABLE a (b)")
    for parent in tmp_path.parents[:3] if os.geteuid() == 0 else ():
        if parent.owner() == "root" and parent.name.startswith(("pytest-", "test_")):
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    folder.chmod(0o755 if what == "file" else 0o000)
    path.chmod(0o000) if what == "file" else None
    try:
        with as_somebody_else(), pytest.raises(ConnectionFailed, match="Permission denied") as caught:
            connect(f"sqlite:///{path}")
        assert caught.value.details == {"reason": "permission"}
    finally:
        folder.chmod(0o755)


def test_a_read_only_file_of_a_writable_source_says_so(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    write(path, "CREATE TABLE a (b)")
    path.chmod(0o444)
    if os.access(path, os.W_OK):
        pytest.skip("this user may write every file")
    with connect(f"sqlite:///{path}", read_only=False) as client, pytest.raises(DatabaseError, match="readonly"):
        client.execute("INSERT INTO a VALUES (1)")


def test_a_locked_file_is_busy_when_it_is_opened(shop: Path) -> None:
    with locked_elsewhere(shop), pytest.raises(DatabaseBusy, match="locked by somebody else"):
        connect(f"sqlite:///{shop}?busy_timeout_s=0")


def test_a_locked_file_is_busy_for_reads_and_writes_and_free_again(shop: Path) -> None:
    with connect(f"sqlite:///{shop}?busy_timeout_s=0.05", read_only=False) as client:
        with locked_elsewhere(shop):
            with pytest.raises(DatabaseBusy):
                client.query("SELECT * FROM product")
            with pytest.raises(DatabaseBusy):
                client.execute("DELETE FROM purchase")
            with pytest.raises(DatabaseBusy):
                client.get_schema()
        assert client.execute("DELETE FROM purchase").affected_rows == 3
        assert client.query("SELECT count(*) FROM purchase").rows == ((0,),)


def test_columns_keep_their_types_after_a_lock(shop: Path) -> None:
    with connect(f"sqlite:///{shop}?busy_timeout_s=0") as client:
        with locked_elsewhere(shop), pytest.raises(DatabaseBusy):
            client.query("SELECT id, name FROM product")
        assert [column.type for column in client.query("SELECT id, name FROM product").columns] == ["INTEGER", "TEXT"]


def test_a_read_only_source_opens_its_file_read_only(shop: Path) -> None:
    shop.chmod(0o444)
    before = (shop.read_bytes(), shop.stat().st_mtime_ns)
    with connect(f"sqlite:///{shop}") as client:
        client.query("SELECT * FROM product")
        client.get_schema()
        with pytest.raises(UnsupportedError, match="read-only"):
            client._executor._slots["main"].open().execute(None, None)  # type: ignore[arg-type]
        assert {path.name for path in shop.parent.iterdir()} == {"shop.db"}
    assert (shop.read_bytes(), shop.stat().st_mtime_ns) == before


# Readers and writers


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.db"
    write(
        path,
        "CREATE TABLE number (n INTEGER PRIMARY KEY)",
        "INSERT INTO number "
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 500) SELECT n FROM c",
    )
    return path


def wal(path: Path) -> Path:
    write(path, "PRAGMA journal_mode = WAL")
    return path


@pytest.mark.parametrize("ours", [True, False], ids=["our writer", "another process's writer"])
def test_a_parked_read_is_in_no_writers_way(rows: Path, ours: bool) -> None:
    with connect(f"sqlite:///{rows}?busy_timeout_s=0", read_only=False) as client:
        page = client.query("SELECT n FROM number ORDER BY n", limits=Limits(max_rows=10))
        assert page.cursor is not None
        if ours:
            client.execute("INSERT INTO number VALUES (1000)")
        else:
            write(rows, "INSERT INTO number VALUES (1000)")
        with pytest.raises(CursorExpired, match="changed"):
            client.read_on(page.cursor)
        assert client.query("SELECT count(*) FROM number").rows == ((501,),)


def test_a_parked_read_goes_on_where_nothing_was_written(rows: Path) -> None:
    with connect(f"sqlite:///{rows}?busy_timeout_s=0", read_only=False) as client:
        page = client.query("SELECT n FROM number ORDER BY n", limits=Limits(max_rows=10))
        assert page.cursor is not None
        with pytest.raises(DatabaseError):
            client.execute("INSERT INTO number VALUES (1), (2000)")
        with closing(sqlite3.connect(rows, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("INSERT INTO number VALUES (2000)")
            other.execute("ROLLBACK")
        page = client.read_on(page.cursor, limits=Limits(max_rows=1000))
        assert [row[0] for row in page] == list(range(11, 501))


def test_with_a_write_ahead_log_a_parked_read_reads_what_it_began_with(rows: Path) -> None:
    with connect(f"sqlite:///{wal(rows)}?busy_timeout_s=0", read_only=False) as client:
        page = client.query("SELECT n FROM number ORDER BY n", limits=Limits(max_rows=10))
        assert page.cursor is not None
        client.execute("DELETE FROM number WHERE n > 20")
        write(rows, "INSERT INTO number VALUES (1000)")
        page = client.read_on(page.cursor, limits=Limits(max_rows=1000))
        assert [row[0] for row in page] == list(range(11, 501))
        assert client.query("SELECT count(*) FROM number").rows == ((21,),)


def test_with_a_write_ahead_log_readers_and_a_writer_do_not_wait(rows: Path) -> None:
    with connect(f"sqlite:///{wal(rows)}?busy_timeout_s=0", read_only=False) as client:
        pages = client.pages("SELECT n FROM number ORDER BY n", limits=Limits(max_rows=100))
        got = list(next(pages))
        with closing(sqlite3.connect(rows, isolation_level=None, timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE number SET n = -n")
            got += [row for page in pages for row in page]
            assert client.query("SELECT min(n) FROM number").rows == ((1,),)
            other.execute("COMMIT")
        assert [row[0] for row in got] == list(range(1, 501))
        assert client.query("SELECT min(n) FROM number").rows == ((-500,),)


@pytest.mark.parametrize("text", ["SELECT n, random() FROM number", "SELECT n, datetime('now') FROM number"])
def test_a_read_that_would_differ_the_second_time_is_not_read_on(rows: Path, text: str) -> None:
    with connect(f"sqlite:///{rows}") as client:
        page = client.query(text, limits=Limits(max_rows=10))
        assert page.truncated
        assert page.cursor is None


def test_a_file_that_was_replaced_is_seen_after_reconnect(rows: Path) -> None:
    with connect(f"sqlite:///{rows}") as client:
        assert client.query("SELECT count(*) FROM number").rows == ((500,),)
    rows.unlink()
    write(rows, "CREATE TABLE number (n)")
    with connect(f"sqlite:///{rows}") as client:
        assert client.query("SELECT count(*) FROM number").rows == ((0,),)


@pytest.mark.parametrize(
    "name", ["with blank.db", "q?mark=1.db", "hash#1.db", "per%20cent.db", "ünï 🐍.db", "quote'.db"]
)
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(path, "CREATE TABLE a (b)")
    with connect(f"sqlite:///{quote(str(path))}") as client:
        assert [table.name for table in client.get_tables()] == ["a"]
    assert {one.name for one in tmp_path.iterdir()} == {name}


@pytest.mark.parametrize("query", ["vfs=unix-none", "mode=rwc", "immutable=1", "nolock=1", "cache=shared"])
def test_a_url_carries_no_options_of_the_driver(shop: Path, query: str) -> None:
    with pytest.raises(ConfigError, match="unknown setting"):
        connect(f"sqlite:///{shop}?{query}")


def test_a_filename_is_no_uri(shop: Path) -> None:
    with pytest.raises(ConnectionFailed, match="does not exist"):
        connect(f"sqlite:file:{shop}%3Fmode=rwc")


def test_a_file_that_is_replaced_is_followed_and_one_that_goes_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = tmp_path / "a.db", tmp_path / "b.db"
    for file, name in ((path, "old"), (other, "new")):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(f"CREATE TABLE {name} (a)")
    with connect(f"sqlite:///{path}") as client:
        assert [table.name for table in client.get_tables()] == ["old"]
        other.replace(path)
        monkeypatch.setattr("dbmcp_core.sqlite.database._LOOK_S", 0)
        assert [table.name for table in client.get_tables()] == ["new"]
        assert client.query("SELECT * FROM new").columns[0].name == "a"
        path.unlink()
        with pytest.raises(ConnectionFailed, match="not there any more"):
            client.query("SELECT * FROM new")


def test_looking_at_a_file_gives_up_nobodys_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as mine:
        mine.execute("CREATE TABLE t (a)")
        mine.execute("BEGIN IMMEDIATE")
        with connect(f"sqlite:///{path}") as client:
            client.query("SELECT * FROM t")
        # Another process finds the lock still held.
        code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
        other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
        assert "database is locked" in other.stderr

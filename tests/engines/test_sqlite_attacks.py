"""What only SQLite can be attacked with: files, extensions, pragmas, and memory in our own process."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbmcp_core import Client, DbmcpError, Limits, Running, Statement, connect
from dbmcp_core.sqlite import SQLite
from dbmcp_core.testing import drain

Picture = dict[str, str]

ATTACKS = [
    "VACUUM INTO '{folder}/out.db'",
    "VACUUM main INTO '{folder}/out.db'",
    "ATTACH '{folder}/other.db' AS other",
    "ATTACH 'file:{folder}/other.db?mode=rwc' AS other",
    "ATTACH ':memory:' AS other",
    "ATTACH '' AS other",
    "SELECT load_extension('{folder}/x.so')",
    "SELECT load_extension('{folder}/x.so', 'entry')",
    "SELECT 1 WHERE load_extension('{folder}/x') IS NULL",
    "SELECT writefile('{folder}/out', 'x')",
    "SELECT readfile('{folder}/shop.db')",
    "SELECT * FROM fsdir('{folder}')",
    "SELECT edit('x', 'sh')",
    "SELECT fts3_tokenizer('x', x'0000000000000000')",
    "PRAGMA user_version = 9",
    "PRAGMA user_version(9)",
    "PRAGMA application_id = 9",
    "PRAGMA journal_mode = WAL",
    "PRAGMA journal_mode(WAL)",
    "PRAGMA journal_mode = MEMORY",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA query_only = 0",
    "PRAGMA query_only(0)",
    "PRAGMA writable_schema = 1",
    "PRAGMA writable_schema = RESET",
    "PRAGMA trusted_schema = 1",
    "PRAGMA hard_heap_limit = 1",
    "PRAGMA soft_heap_limit = 1",
    "PRAGMA temp_store_directory = '{folder}'",
    "PRAGMA data_store_directory = '{folder}'",
    "PRAGMA wal_checkpoint",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA incremental_vacuum",
    "PRAGMA optimize",
    "PRAGMA shrink_memory",
    "PRAGMA foreign_keys = 0",
    "PRAGMA case_sensitive_like = 1",
    "PRAGMA schema.user_version = 9",
    "EXPLAIN PRAGMA user_version = 9",
    "SELECT * FROM pragma_user_version(9)",
    "SELECT * FROM pragma_journal_mode('WAL')",
    "SELECT * FROM pragma_query_only(0)",
    "SELECT * FROM pragma_wal_checkpoint",
    "SELECT * FROM pragma_incremental_vacuum(1)",
    "SELECT * FROM pragma_optimize",
    "CREATE TEMP TABLE t (a)",
    "CREATE TEMP TABLE product AS SELECT 1",
    "CREATE TEMP VIEW v AS SELECT 1",
    "CREATE TABLE temp.t (a)",
    "CREATE TEMP TRIGGER g AFTER INSERT ON product BEGIN SELECT 1; END",
    "CREATE VIRTUAL TABLE f USING fts5(a)",
    "CREATE VIRTUAL TABLE temp.f USING fts5(a)",
    "CREATE VIRTUAL TABLE d USING dbstat",
    "UPDATE sqlite_master SET sql = 'x'",
    "DELETE FROM sqlite_schema",
    "INSERT INTO sqlite_sequence VALUES ('product', 99)",
    "UPDATE sqlite_stat1 SET stat = '1'",
    "BEGIN IMMEDIATE",
    "BEGIN EXCLUSIVE",
    "BEGIN",
    "SAVEPOINT s",
    "RELEASE s",
    "ROLLBACK",
    "END",
    "ANALYZE",
    "REINDEX",
    "VACUUM",
    "INSERT OR REPLACE INTO product (id, name) VALUES (1, 'x')",
    "WITH a AS (SELECT 1) INSERT INTO product (id, name) SELECT 9, 'x'",
    "DELETE FROM product RETURNING id",
    "SELECT 1;DELETE FROM product",
    "SELECT 1\x00;DELETE FROM product",
    "/* a /* b */ DELETE FROM product -- */",
    "SELECT '--' ;\n DELETE FROM product",
    "ALTER TABLE product RENAME TO gone",
    "DROP TABLE product",
]


def picture(folder: Path) -> Picture:
    """Every file of *folder* with the hash of its bytes."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*"))}


@pytest.fixture
def reader(shop: Path) -> Iterator[Client]:
    with connect(f"sqlite:///{shop}") as client:
        yield client


def test_no_attack_passes_the_road_or_changes_a_byte(shop: Path, reader: Client) -> None:
    before = picture(shop.parent)
    passed = []
    for attack in ATTACKS:
        text = attack.format(folder=shop.parent)
        for attempt in (reader.query, reader.execute, reader.explain):
            try:
                attempt(text)
            except DbmcpError as exc:
                if exc.code == "database_error":
                    passed.append(f"{text}: {exc}")
            else:
                passed.append(f"{attempt.__name__}: {text}")
            if picture(shop.parent) != before:
                passed.append(f"changed a file: {text}")
    assert passed == []


def test_the_engines_own_lock_holds_without_the_guard(shop: Path) -> None:
    before = picture(shop.parent)
    settings = SQLite.settings.build({"filename": str(shop)}, where="test")
    changed = []
    with SQLite().open(settings) as database:
        for attack in ATTACKS:
            text = attack.format(folder=shop.parent)
            with contextlib.suppress(DbmcpError):
                drain(database.query(Statement(text), Running()))
            if picture(shop.parent) != before:
                changed.append(text)
            names = [table.name for table in database.get_tables()]
            rows = drain(database.query(Statement("SELECT name FROM product ORDER BY id"), Running()))
            temporary = drain(database.query(Statement("SELECT name FROM sqlite_temp_master"), Running()))
            if (names, rows, temporary) != (
                ["cheap", "customer", "product", "purchase"],
                [("pen",), ("ink",), ("desk",)],
                [],
            ):
                changed.append(text)
        assert [lock for lock in database.locks() if not lock.holds] == []
    assert changed == []


def test_a_session_is_the_same_after_every_attack(shop: Path) -> None:
    """A pragma that passed on one connection would stay for whoever gets it next."""
    pragmas = [
        "query_only",
        "trusted_schema",
        "foreign_keys",
        "hard_heap_limit",
        "temp_store",
        "locking_mode",
        "synchronous",
    ]

    def session(client: Client) -> list[object]:
        return [client.query(f"PRAGMA {name}").rows for name in pragmas]

    with connect(f"sqlite:///{shop}") as client:
        before = session(client)
        for attack in ATTACKS:
            with pytest.raises(DbmcpError):
                client.query(attack.format(folder=shop.parent))
        assert session(client) == before


def test_a_writer_cannot_reach_beyond_its_file(shop: Path) -> None:
    before = set(picture(shop.parent))
    passed = []
    with connect(f"sqlite:///{shop}", read_only=False) as client:
        for text in (
            "VACUUM INTO '{folder}/out.db'",
            "ATTACH '{folder}/other.db' AS other",
            "PRAGMA journal_mode = WAL",
            "PRAGMA writable_schema = ON",
            "PRAGMA foreign_keys = OFF",
            "INSERT INTO product (id, name) SELECT 9, load_extension('{folder}/x.so')",
            "INSERT INTO product (id, name) VALUES (9, readfile('/etc/hostname'))",
            "UPDATE product SET name = writefile('{folder}/out', 'x')",
            "UPDATE sqlite_master SET sql = 'x'",
            "BEGIN",
        ):
            try:
                client.execute(text.format(folder=shop.parent))
            except DbmcpError:
                continue
            passed.append(text)
        assert passed == []
        assert client.query("SELECT count(*) FROM product").rows == ((3,),)
    assert set(picture(shop.parent)) == before


@pytest.mark.parametrize(
    "text",
    [
        "CREATE INDEX a ON product (name)",
        "CREATE UNIQUE INDEX a ON product (name) WHERE price > 1",
        "CREATE TABLE a (b INTEGER PRIMARY KEY AUTOINCREMENT)",
        "CREATE TABLE a AS SELECT * FROM product",
        "CREATE VIEW a AS SELECT 1",
        "CREATE TRIGGER a AFTER INSERT ON product BEGIN UPDATE customer SET name = name; END",
        "CREATE VIRTUAL TABLE a USING fts5(text)",
        "ALTER TABLE product ADD COLUMN extra TEXT",
        "ALTER TABLE product RENAME COLUMN note TO remark",
        "ALTER TABLE product DROP COLUMN note",
        "ALTER TABLE customer RENAME TO client",
        "DROP INDEX purchase_by_customer",
        "DROP VIEW cheap",
        "DROP TABLE purchase",
        "INSERT INTO product (id, name) VALUES (9, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        "REPLACE INTO product (id, name) VALUES (1, 'x')",
        "UPDATE product SET price = price * 2 FROM customer WHERE customer.id = product.id",
        "DELETE FROM product WHERE id = 3",
    ],
)
def test_a_writer_writes_and_defines(shop: Path, text: str) -> None:
    with connect(f"sqlite:///{shop}", read_only=False) as client:
        client.execute(text)


# Memory, in a process of its own so that its peak is that of one statement

_PEAK = """
import resource, sys
from dbmcp_core import DbmcpError, Limits, connect
client = connect(sys.argv[1])
client.query("SELECT 1")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    client.query(sys.argv[2], limits=Limits(timeout_s=3))
    outcome = "rows"
except DbmcpError as exc:
    outcome = exc.code
assert len(client.query("SELECT * FROM product").rows) == 3
print(outcome, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
_COUNT = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) "


@pytest.mark.parametrize(
    "text",
    [
        "SELECT hex(zeroblob(1000000000))",
        "SELECT zeroblob(2000000000)",
        "SELECT randomblob(1000000000)",
        "SELECT printf('%.*c', 1000000000, 'x')",
        "SELECT format('%1000000000d', 1)",
        "SELECT replace(hex(zeroblob(4000000)), '0', '0123456789')",
        _COUNT.format(count=3_000) + "SELECT group_concat(hex(zeroblob(100000))) FROM c",
        _COUNT.format(count=300) + "SELECT json_group_array(hex(zeroblob(1000000))) FROM c",
        "WITH RECURSIVE t(x) AS (SELECT 'aaaaaaaaaa' UNION ALL SELECT x || x FROM t) SELECT length(x) FROM t",
        _COUNT.format(count=300) + "SELECT CASE WHEN n < 130 THEN 'a' ELSE hex(zeroblob(8000000)) END FROM c",
        "SELECT " + ", ".join(["hex(zeroblob(7000000))"] * 200),
    ],
    ids=[
        "hex",
        "zeroblob",
        "randomblob",
        "printf",
        "format",
        "replace",
        "group_concat",
        "json",
        "double",
        "late",
        "wide",
    ],
)
def test_a_memory_bomb_stays_small(shop: Path, text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, f"sqlite:///{shop}?max_memory_mb=64", text],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    outcome, grown = done.stdout.split()
    assert outcome in ("rows", "resource_exhausted", "query_timeout")
    assert int(grown) < 160, f"{outcome}: {grown} MiB"


def test_a_hundred_megabytes_of_rows_are_given_in_part(shop: Path, reader: Client) -> None:
    text = _COUNT.format(count=1_000) + "SELECT n, hex(zeroblob(50000)) FROM c"
    result = reader.query(text, limits=Limits(max_rows=1_000))
    assert result.truncated
    assert sum(len(row[1]) for row in result) <= 5_000_000


def test_a_schema_from_elsewhere_runs_nothing(tmp_path: Path) -> None:
    """A hostile file: its view and its generated column call what only a trusted schema may."""
    path = tmp_path / "hostile.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.execute("INSERT INTO t VALUES (1)")
    connection.execute("CREATE VIEW v AS SELECT load_extension('/tmp/x') AS a FROM t")
    connection.commit()
    connection.close()
    with connect(f"sqlite:///{path}") as client:
        with pytest.raises(DbmcpError):
            client.query("SELECT * FROM v")
        assert client.query("SELECT * FROM t").rows == ((1,),)
        assert [table.name.name for table in client.get_schema().tables] == ["t", "v"]

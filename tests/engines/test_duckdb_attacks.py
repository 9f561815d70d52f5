"""What only DuckDB can be attacked with: files, extensions, settings, SQL in strings, memory; and what must pass."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dbmcp_core import Client, DbmcpError, Limits, QueryTimeout, ResourceExhausted, Running, Statement, connect
from dbmcp_core.testing import drain
from dbmcp_duckdb import DuckDB

SCRIPT = """
CREATE TABLE product (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL, price DECIMAL(10, 2), sold DATE, tags VARCHAR[]);
INSERT INTO product VALUES
    (1, 'pen', 1.5, '2024-01-01', ['a', 'b']), (2, 'ink', 7, '2024-02-01', []), (3, 'desk', 120, '2024-02-29', ['b']);
CREATE TABLE price (product_id INTEGER, since DATE, price DOUBLE);
INSERT INTO price VALUES (1, '2023-12-01', 1), (1, '2024-01-15', 2), (2, '2024-01-01', 7);
CREATE VIEW cheap AS SELECT id, name FROM product WHERE price < 10;
CREATE SEQUENCE counter;
CREATE MACRO twice(a) AS a * 2;
"""

ATTACKS = [
    "COPY product TO '{folder}/out.csv'",
    "COPY product TO '{folder}/shop.duckdb.wal'",
    "COPY product TO '{folder}/shop.duckdb'",
    "COPY (SELECT 1) TO '{folder}/out.parquet' (FORMAT parquet)",
    "COPY (PIVOT product ON name USING count(*)) TO '{folder}/out.csv'",
    "COPY (PIVOT product ON name USING count(*)) TO '{folder}/shop.duckdb.wal'",
    "COPY product FROM '{folder}/secret.csv'",
    "COPY FROM DATABASE shop TO memory",
    "EXPLAIN ANALYZE COPY product TO '{folder}/shop.duckdb.wal'",
    "EXPLAIN /* x */ ANALYZE COPY product TO '{folder}/shop.duckdb.wal'",
    "EXPLAIN (ANALYZE) COPY product TO '{folder}/shop.duckdb.wal'",
    "EXPLAIN (ANALYZE, FORMAT json) COPY product TO '{folder}/shop.duckdb.wal'",
    "EXPLAIN ANALYZE DELETE FROM product",
    "EXPORT DATABASE '{folder}/out'",
    "IMPORT DATABASE '{folder}'",
    "ATTACH '{folder}/other.duckdb' AS other",
    "ATTACH ':memory:' AS other",
    "ATTACH '{folder}/shop.duckdb' AS again (READ_WRITE)",
    "DETACH shop",
    "USE shop.main",
    "INSTALL httpfs",
    "FORCE INSTALL httpfs FROM 'http://127.0.0.1:9/'",
    "LOAD httpfs",
    "LOAD '{folder}/x.duckdb_extension'",
    "SET threads = 1",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET GLOBAL memory_limit = '100GB'",
    "SET SESSION schema = 'main'",
    "SET VARIABLE a = 1",
    "SET temp_directory = '{folder}'",
    "SET log_query_path = '{folder}/log'",
    "SET profile_output = '{folder}/profile'",
    "RESET memory_limit",
    "PRAGMA enable_profiling",
    "PRAGMA enable_profiling = 'json'",
    "PRAGMA profile_output = '{folder}/profile'",
    "PRAGMA enable_checkpoint_on_shutdown",
    "PRAGMA force_checkpoint",
    "PRAGMA import_database('{folder}')",
    "PRAGMA memory_limit = '100GB'",
    "CHECKPOINT",
    "FORCE CHECKPOINT shop",
    "FROM checkpoint()",
    "FROM force_checkpoint()",
    "VACUUM",
    "ANALYZE",
    "CALL enable_logging()",
    "FROM enable_logging(storage = 'file', storage_path = '{folder}/log')",
    "FROM query('SELECT * FROM product')",
    "FROM query_table('product')",
    "FROM query_table(['product', 'price'])",
    "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "PRAGMA json_execute_serialized_sql('x')",
    "SELECT nextval('counter')",
    "SELECT * FROM product WHERE nextval('counter') > 0",
    "SELECT getenv('HOME')",
    "FROM duckdb_secrets()",
    "FROM which_secret('s3://x', 's3')",
    "CREATE SECRET (TYPE s3, KEY_ID 'x')",
    "CREATE PERSISTENT SECRET s (TYPE http)",
    "DROP SECRET s",
    "FROM read_text('/etc/passwd')",
    "FROM read_blob('{folder}/shop.duckdb')",
    "FROM read_csv('{folder}/secret.csv')",
    "FROM read_csv_auto(['{folder}/secret.csv'])",
    "FROM read_json('{folder}/secret.json')",
    "FROM read_parquet('{folder}/*.parquet')",
    "FROM parquet_metadata('{folder}/secret.parquet')",
    "FROM sniff_csv('{folder}/secret.csv')",
    "FROM glob('/etc/*')",
    "FROM '{folder}/secret.csv'",
    'FROM "{folder}/secret.csv"',
    "FROM 'secret.csv'",
    "SELECT * FROM product JOIN '{folder}/secret.csv' ON true",
    "DESCRIBE '{folder}/secret.csv'",
    "SUMMARIZE '{folder}/secret.csv'",
    "PIVOT '{folder}/secret.csv' ON password",
    "FROM 'https://127.0.0.1/x.parquet'",
    "FROM 's3://bucket/x.parquet'",
    "FROM read_csv('http://127.0.0.1:9/x.csv')",
    "FROM duckdb_scan('{folder}/shop.duckdb')",
    "FROM seq_scan('product')",
    "FROM sqlite_scan('{folder}/x.db', 't')",
    "FROM postgres_scan('host=127.0.0.1', 'public', 't')",
    "CREATE TABLE stolen (a INTEGER)",
    "CREATE TEMP TABLE stolen (a INTEGER)",
    "CREATE TEMP TABLE product AS SELECT 1 AS id",
    "CREATE TEMP VIEW stolen AS SELECT 1",
    "CREATE OR REPLACE TEMP MACRO twice(a) AS a * 3",
    "CREATE TYPE stolen AS ENUM ('a')",
    "CREATE TABLE stolen AS PIVOT product ON name USING count(*)",
    "INSERT INTO product (id, name) PIVOT product ON name USING count(*)",
    "INSERT OR REPLACE INTO product (id, name) VALUES (1, 'x')",
    "MERGE INTO product USING price ON product.id = price.product_id WHEN MATCHED THEN DELETE",
    "TRUNCATE product",
    "UPDATE product SET name = 'x'",
    "DELETE FROM product RETURNING id",
    "WITH gone AS (SELECT 1) DELETE FROM product",
    "ALTER TABLE product RENAME TO gone",
    "COMMENT ON TABLE product IS 'x'",
    "PREPARE a AS DELETE FROM product",
    "EXECUTE a",
    "DEALLOCATE a",
    "BEGIN TRANSACTION",
    "COMMIT",
    "ROLLBACK",
    "COMMIT; DELETE FROM product",
    "SELECT 1; DELETE FROM product",
    "SELECT 1 \x00; DELETE FROM product",
    "CALL pragma_version()",
    "UPDATE EXTENSIONS",
    "FROM start_ui()",
]

READS = [
    "FROM product",
    "FROM product SELECT name WHERE price > 2",
    "SELECT * EXCLUDE (price) FROM product",
    "SELECT * REPLACE (upper(name) AS name) FROM product",
    "SELECT * RENAME (name AS label) FROM product",
    "SELECT COLUMNS('n.*') FROM product",
    "SELECT COLUMNS(lambda c: c LIKE 'n%') FROM product",
    "SELECT min(COLUMNS(*)) FROM product",
    "SELECT product.* FROM product",
    "SELECT product FROM product",
    "SELECT {'a': name}.a AS a FROM product",
    "SELECT struct_pack(a := 1).a",
    "SELECT s.a FROM (SELECT {'a': 1, 'b': 2} AS s)",
    "SELECT s.* FROM (SELECT {'a': 1, 'b': 2} AS s)",
    "SELECT [x * 2 FOR x IN [1, 2, 3] IF x > 1] AS l",
    "SELECT list_transform([1, 2], lambda x: x + 1)",
    "SELECT list_filter(tags, lambda t: t = 'b') FROM product",
    "SELECT tags[1], tags[-1], tags[1:2] FROM product",
    "SELECT 'hello'[1:3]",
    "SELECT MAP {'a': 1}['a']",
    "SELECT unnest(tags) AS tag FROM product",
    "SELECT id, t FROM product, unnest(tags) AS u(t)",
    "SELECT unnest({'a': 1, 'b': 2})",
    "SELECT name, count(*) FROM product GROUP BY ALL ORDER BY ALL",
    "SELECT sold, sum(price) FROM product GROUP BY ROLLUP (sold)",
    "SELECT name, row_number() OVER (ORDER BY price) AS r FROM product QUALIFY r = 1",
    "SELECT name, lag(price) OVER w FROM product WINDOW w AS (ORDER BY id)",
    "SELECT p.name, q.price FROM product p ASOF JOIN price q ON p.id = q.product_id AND p.sold >= q.since",
    "SELECT * FROM product POSITIONAL JOIN price",
    "SELECT * FROM product SEMI JOIN price ON product.id = price.product_id",
    "SELECT * FROM product ANTI JOIN price ON product.id = price.product_id",
    "SELECT * FROM product p, LATERAL (SELECT max(price) AS m FROM price WHERE product_id = p.id)",
    "SELECT * FROM product USING SAMPLE 2",
    "SELECT * FROM product TABLESAMPLE reservoir(50%)",
    "PIVOT product ON name USING sum(price)",
    "PIVOT product ON name IN ('pen', 'ink') USING sum(price) GROUP BY sold",
    "SELECT * FROM (PIVOT product ON name USING sum(price))",
    "UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b INTO NAME n VALUE v",
    "WITH p AS (PIVOT product ON name USING count(*)) SELECT * FROM p",
    "SUMMARIZE product",
    "SUMMARIZE SELECT name FROM product",
    "DESCRIBE product",
    "DESCRIBE SELECT * FROM product",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SHOW DATABASES",
    "SHOW product",
    "PRAGMA table_info('product')",
    "PRAGMA show_tables",
    "PRAGMA database_list",
    "PRAGMA version",
    "EXPLAIN SELECT * FROM product",
    "EXPLAIN ANALYZE SELECT * FROM product",
    "EXPLAIN (FORMAT json) SELECT 1",
    "VALUES (1, 'a'), (2, 'b')",
    "TABLE product",
    "FROM range(3)",
    "FROM generate_series(1, 10, 3) AS g(n)",
    "FROM generate_series(DATE '2024-01-01', DATE '2024-03-01', INTERVAL 1 month)",
    "SELECT 1_000 + 1e3 + .5 AS n",
    "SELECT 7 // 2, 7 % 2, 2 ** 3, 2 ^ 3, @(-1), NOT true OR false",
    "SELECT 'a' || 'b', 'abc' LIKE 'a%', 'abc' GLOB 'a*', 'abc' ~ 'a.c', 'abc' SIMILAR TO 'a.c'",
    "SELECT name.upper().substring(1, 2) FROM product",
    "SELECT $$it's; DELETE FROM product$$ AS x",
    "SELECT '{\"a\": [1, 2]}'::JSON ->> '$.a[0]' AS x",
    "SELECT json_extract('{\"a\": 1}', '$.a'), '{\"a\": 1}'::JSON -> 'a'",
    "SELECT CASE WHEN price > 5 THEN 'dear' ELSE 'cheap' END AS k FROM product",
    "SELECT try_cast('x' AS INTEGER), CAST(1 AS VARCHAR), 1::VARCHAR",
    "SELECT coalesce(NULL, 1), ifnull(NULL, 2), nullif(1, 1)",
    "SELECT date_trunc('month', sold), extract(year FROM sold), sold + INTERVAL 1 month FROM product",
    "SELECT strftime(sold, '%Y') AS y, epoch(sold), age(DATE '2024-03-01', sold) FROM product",
    "SELECT arg_max(name, price), quantile_cont(price, 0.5), approx_count_distinct(name), list(name) FROM product",
    "SELECT string_agg(name, ', ' ORDER BY name) FILTER (WHERE price < 10) FROM product",
    "SELECT count(*) FROM product WHERE name IN ('pen', 'ink') AND sold BETWEEN '2024-01-01' AND '2024-12-31'",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n",
    "WITH a AS MATERIALIZED (SELECT 1 AS x) FROM a",
    "SELECT * FROM product UNION BY NAME SELECT id, name FROM cheap",
    "SELECT id FROM product EXCEPT SELECT product_id FROM price",
    "SELECT name AS 'label' FROM product LIMIT 1 OFFSET 1",
    "SELECT * FROM product LIMIT 50%",
    "SELECT * FROM product ORDER BY price DESC NULLS LAST",
    "SELECT x: 1, y: 2",
    "SELECT twice(price) FROM product",
    "SELECT replace(name, 'p', 'b'), 'update' AS \"delete\" FROM product -- INSERT",
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_name = 'product'",
    "SELECT table_name, estimated_size FROM duckdb_tables()",
    "SELECT name FROM pragma_table_info('product')",
    "SELECT current_database(), current_schema(), version()",
    "SELECT shop.main.product.name FROM shop.main.product",
    "SELECT grouping(name) FROM product GROUP BY GROUPING SETS ((name), ())",
    "SELECT list_sum([1, 2]), list_sort([2, 1]), array_length(tags), len(tags) FROM product",
    "SELECT hash(name), md5(name), uuid() IS NOT NULL FROM product",
    "SELECT name IS DISTINCT FROM 'x.csv', trim('p' FROM name) FROM product",
]

#: Each wants far more memory than it may have; DuckDB's own limit stops about half of them.
BOMBS = [
    "SELECT length(repeat('x', 4000000000))",
    "SELECT sum(length(x)) FROM (SELECT repeat('x', 100000000 + n::INTEGER) AS x FROM range(1000) t(n))",
    "SELECT printf('%2000000000d', 1)",
    "SELECT format('{:>2000000000}', 'x')",
    "SELECT list_resize([1], 2000000000)",
    "SELECT bitstring('1', 2000000000)",
    "SELECT array_to_string(list_transform(range(200000000), lambda x: 'abcdefgh'), ',')",
    "SELECT repeat([1, 2, 3], 1000000000)",
    "SELECT len(list(range)) FROM range(10000000000)",
    "SELECT string_agg(repeat('x', 1000)) FROM range(100000000)",
    "SELECT len(array_agg(a.range ORDER BY b.range)) FROM range(100000) a, range(100000) b",
]


def picture(folder: Path) -> dict[str, str]:
    """Every file of *folder* with the hash of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(SCRIPT)
        connection.execute(f"COPY (SELECT 'hunter2' AS password) TO '{tmp_path}/secret.parquet'")
    (tmp_path / "secret.csv").write_text("password\nhunter2\n")
    (tmp_path / "secret.json").write_text('[{"password": "hunter2"}]')
    return path


@pytest.fixture
def reader(shop: Path) -> Iterator[Client]:
    with connect(f"duckdb:///{shop}") as client:
        yield client


@pytest.mark.parametrize("in_reach", [False, True], ids=["alone", "with the folder"])
def test_no_attack_passes_the_road_or_changes_a_byte(shop: Path, in_reach: bool) -> None:
    """Also where the folder with the database and the secrets is the source's own: nothing is written all the same."""
    before = picture(shop.parent)
    passed = []
    with connect(f"duckdb:///{shop}", folder=str(shop.parent) if in_reach else None) as client:
        for attack in ATTACKS:
            text = attack.format(folder=shop.parent)
            for attempt in (client.query, client.execute, client.explain):
                try:
                    attempt(text)
                except DbmcpError as exc:
                    if exc.code == "database_error":
                        passed.append(f"{text}: {exc}")
                else:
                    if not (in_reach and ("secret." in text or "*.parquet" in text)):  # what a folder is for
                        passed.append(f"{attempt.__name__}: {text}")
                if picture(shop.parent) != before:
                    passed.append(f"changed a file: {text}")
    assert passed == []


@pytest.mark.parametrize("read_only", [True, False], ids=["read-only", "writable"])
@pytest.mark.parametrize("in_reach", [False, True], ids=["alone", "with the folder"])
def test_the_engines_own_locks_hold_without_the_guard(shop: Path, read_only: bool, in_reach: bool) -> None:
    settings = DuckDB.settings.build(
        {"filename": str(shop), "read_only": read_only, **({"folder": str(shop.parent)} if in_reach else {})},
        where="test",
    )
    changed = []
    with DuckDB().open(settings) as database:
        names = database.get_tables()
        before = picture(shop.parent)
        locked = database.locks()
        for attack in ATTACKS:
            text = attack.format(folder=shop.parent)
            with contextlib.suppress(DbmcpError):
                rows = drain(database.query(Statement(text), Running()))
                if not in_reach and "hunter2" in str(rows):
                    changed.append(f"read a file: {text}")
            after = picture(shop.parent)
            if {name: after[name] for name in after if not name.endswith((".duckdb", ".wal"))} != {
                name: before[name] for name in before if not name.endswith((".duckdb", ".wal"))
            } or (read_only and after != before):
                changed.append(f"changed a file: {text}")
            found = drain(database.query(Statement("SELECT name FROM product ORDER BY id"), Running()))
            if (database.get_tables(), found, database.locks()) != (names, [("pen",), ("ink",), ("desk",)], locked):
                changed.append(f"changed something: {text}")
        assert [lock for lock in locked if not lock.holds] == []
    assert changed == []
    with duckdb.connect(str(shop)) as connection:  # it is a whole database still, and the sequence was never counted
        assert connection.execute("SELECT count(*), nextval('counter') FROM product").fetchall() == [(3, 1)]


@pytest.mark.parametrize("text", READS)
def test_an_honest_read_passes(reader: Client, text: str) -> None:
    result = reader.query(text)
    assert result.columns
    assert result.rows or "information_schema" in text


@pytest.mark.parametrize("text", BOMBS)
def test_a_bomb_ends_in_its_own_process(shop: Path, text: str) -> None:
    with connect(f"duckdb:///{shop}", memory_limit_mb=64, max_temp_mb=64) as client:
        with pytest.raises((ResourceExhausted, QueryTimeout)):  # some releases are slow to run into their limit
            client.query(text, limits=Limits(timeout_s=20))
        assert client.query("SELECT count(*) FROM product").rows == ((3,),)


def test_a_row_that_is_too_large_to_hand_over_is_not(reader: Client) -> None:
    with pytest.raises(ResourceExhausted):
        reader.query("SELECT repeat('x', 300000000)")
    assert reader.query("SELECT 1").rows == ((1,),)


def test_a_billion_rows_begin_at_once(reader: Client) -> None:
    page = reader.query("SELECT n, n * 2, 'row ' || n FROM range(1000000000) t(n)", limits=Limits(timeout_s=10))
    assert (len(page), page.truncated, page.rows[-1]) == (1_000, True, (999, 1998, "row 999"))
    assert page.cursor is not None

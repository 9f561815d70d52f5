"""DuckDB for projects: files, secrets, functions and plugins for tools' statements, and none of it for clients'."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dbmcp_core import (
    Call,
    ConfigError,
    DbmcpError,
    Executor,
    Intent,
    Limits,
    Outcome,
    QueryFailed,
    Registry,
    Result,
    Running,
    Secret,
    Statement,
    StatementRefused,
)
from dbmcp_core.config import Source
from dbmcp_core.tools.context import CallContext, entered
from dbmcp_core.tools.user import User
from dbmcp_duckdb import DuckDB, DuckDBSettings

SCRIPT = """
CREATE TABLE product (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL, price DECIMAL(10, 2), sold DATE, tags VARCHAR[]);
INSERT INTO product VALUES
    (1, 'pen', 1.5, '2024-01-01', ['a', 'b']), (2, 'ink', 7, '2024-02-01', []), (3, 'desk', 120, '2024-02-29', ['b']);
CREATE SCHEMA other;
CREATE TABLE other.price (product_id INTEGER, since DATE, price DOUBLE);
CREATE VIEW cheap AS SELECT id, name FROM product WHERE price < 10;
CREATE SEQUENCE counter;
CREATE MACRO twice(a) AS a * 2;
CREATE MACRO anything(a) AS TABLE FROM read_text(a);
"""

PLUGIN = """
import dataclasses, datetime, decimal, os, sys
from typing import Any, Optional, TypedDict

from mxcp.plugins import MXCPBasePlugin, udf
from mxcp.sdk.auth.context import get_user_context
from mxcp.runtime import db


class Pair(TypedDict):
    name: str
    value: int


@dataclasses.dataclass
class Point:
    x: int
    y: float


print("loading a plugin", flush=True)
sys.stdout.write("x" * 100_000)


class MXCPPlugin(MXCPBasePlugin):
    def __init__(self, config: dict[str, Any], user_context=None):
        super().__init__(config, user_context)
        self.word = config.get("word", "")

    @udf
    def tell(self, text: str) -> str:
        print("called")
        return f"{self.word}:{text}"

    @udf
    def who(self) -> Optional[str]:
        return self.get_username()

    @udf
    def token(self, times: int) -> str:
        context = get_user_context()
        return f"{context.external_token if context else None}" * times

    @udf
    def fails(self, text: Optional[str]) -> str:
        raise ValueError(f"bad {text} {self.get_user_token()} {self.word}")

    @udf
    def asks(self) -> str:
        return str(db.execute("SELECT 1"))

    @udf
    def environment(self) -> list[str]:
        return sorted(os.environ)

    @udf
    def integer(self, a: int, b: Optional[int]) -> int:
        return a + (b or 0)

    @udf
    def number(self, a: float) -> float:
        return a / 2

    @udf
    def truth(self, a: bool) -> bool:
        return not a

    @udf
    def exact(self, a: decimal.Decimal) -> decimal.Decimal:
        return a * 2

    @udf
    def day(self, a: datetime.date) -> datetime.date:
        return a + datetime.timedelta(days=1)

    @udf
    def clock(self, a: datetime.time) -> datetime.time:
        return a.replace(hour=1)

    @udf
    def moment(self, a: datetime.datetime) -> datetime.datetime:
        return a + datetime.timedelta(days=1)

    @udf
    def span(self, a: datetime.timedelta) -> datetime.timedelta:
        return a * 2

    @udf
    def raw(self, a: bytes) -> bytes:
        return a[::-1]

    @udf
    def total(self, a: list[int]) -> int:
        return sum(a)

    @udf
    def mapping(self, a: dict[str, int]) -> dict[str, int]:
        return {key: value + 1 for key, value in a.items()}

    @udf
    def pair(self, a: Pair) -> Pair:
        return {"name": a["name"], "value": a["value"] + 1}

    @udf
    def point(self, a: Point) -> Point:
        return Point(a.x + 1, a.y)

    @udf
    def null(self, a: Optional[str]) -> bool:
        return a is None
"""


class Shop:
    """A source with one database file, asked as a tool and as a client."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.path = path
        given = {"filename": str(path), "timeout_s": 30, **settings}
        registry = Registry()
        self.settings = DuckDBSettings.build(given, where="the test")
        self.executor = Executor(registry, [Source("main", DuckDB(), self.settings, "")])

    def _run(self, text: str, params: Any, intent: Intent, *, trusted: bool) -> Result | Outcome:
        call = Call("main", Statement(text, params, trusted), intent, limits=Limits(max_rows=100))
        return self.executor.run(call)

    def tool(self, text: str, params: Any = ()) -> list[tuple[Any, ...]]:
        found = self._run(text, params, Intent.READ, trusted=True)
        assert isinstance(found, Result)
        return list(found.rows)

    def client(self, text: str, params: Any = ()) -> list[tuple[Any, ...]]:
        found = self._run(text, params, Intent.READ, trusted=False)
        assert isinstance(found, Result)
        return list(found.rows)

    def write(self, text: str, params: Any = (), *, trusted: bool) -> int | None:
        found = self._run(text, params, Intent.WRITE, trusted=trusted)
        assert isinstance(found, Outcome)
        return found.affected_rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/secret.csv").write_text("login,password\nada,hunter2\n")
    (tmp_path / "data/secret.json").write_text('[{"password": "hunter2"}]')
    (tmp_path / "data/note.txt").write_text("hunter2")
    (tmp_path / "data/main.csv").write_text("password\nhunter2\n")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/my_plugin.py").write_text(PLUGIN)
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as driver:
        driver.execute(SCRIPT)
        driver.execute(f"COPY product TO '{tmp_path}/data/secret.parquet'")
    return tmp_path


Make = Callable[..., Shop]


@pytest.fixture
def make(folder: Path) -> Iterator[Make]:
    made: list[Shop] = []

    def make(**settings: Any) -> Shop:
        made.append(Shop(folder / "shop.duckdb", **settings))
        return made[-1]

    yield make
    for shop in made:
        shop.executor.close()


@pytest.fixture
def plugins(make: Make, folder: Path) -> Shop:
    return make(
        plugins=[{"name": "mine", "module": "my_plugin", "config": {"word": "w0rd-of-mine"}}],
        plugin_path=[str(folder / "plugins")],
        caller_functions=True,
    )


@pytest.fixture(params=[True, False], ids=["read-only", "writable"])
def open_shop(request: pytest.FixtureRequest, make: Make, folder: Path) -> Shop:
    return make(external_access=True, working_directory=str(folder / "data"), read_only=request.param)


class _Nobody:
    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def by(user: User | None = None, headers: Mapping[str, str] | None = None) -> CallContext:
    return CallContext(_Nobody(), Running(), user=user or User(), headers=headers or {})  # type: ignore[arg-type]


ADA = User("admin", username="ada", email="ada@example.org", provider="github", external_token=Secret("t0ken-of-ada"))

# Files


def test_a_tool_reads_files_from_the_working_directory(open_shop: Shop, folder: Path) -> None:
    assert open_shop.tool("SELECT password FROM 'secret.csv'") == [("hunter2",)]
    assert open_shop.tool('SELECT password FROM "secret.csv" AS s') == [("hunter2",)]
    assert open_shop.tool("SELECT password FROM read_csv('secret.csv', header = true)") == [("hunter2",)]
    assert open_shop.tool("SELECT password FROM read_json_auto($1)", ["secret.json"]) == [("hunter2",)]
    assert open_shop.tool("SELECT content FROM read_text('note.txt')") == [("hunter2",)]
    assert open_shop.tool("SELECT count(*) FROM read_parquet('*.parquet')") == [(3,)]
    assert open_shop.tool("SELECT parse_filename(file) FROM glob('*.txt')") == [("note.txt",)]
    assert open_shop.tool(f"SELECT count(*) FROM '{folder}/data/secret.csv' s JOIN product p ON p.id = 1") == [(1,)]
    two = "SELECT a.login, b.password\nFROM 'secret.csv' a,\n  'secret.json' b WHERE b.password = 'x' OR a.login = $1"
    assert open_shop.tool(two, ["ada"]) == [("ada", "hunter2")]
    assert open_shop.tool("WITH c AS (FROM 'secret.csv') SELECT count(*) FROM c") == [(1,)]
    assert len(open_shop.tool("DESCRIBE 'secret.csv'")) == 2


@pytest.mark.parametrize(
    "text",
    [
        "COPY product TO 'out.csv'",
        "COPY (FROM 'secret.csv') TO 'out.csv'",
        "ATTACH 'other.duckdb' AS other",
        "INSTALL httpfs",
        "SET threads = 1",
        "FROM query('SELECT 1')",
        "FROM 'secret.csv'; DELETE FROM product",
        "SELECT nextval('counter') FROM 'secret.csv'",
        "DELETE FROM product",
        "EXPLAIN ANALYZE COPY product TO 'out.csv'",
        "CREATE SECRET s (TYPE http)",
    ],
)
def test_what_a_tool_may_not_read_either(open_shop: Shop, folder: Path, text: str) -> None:
    with pytest.raises(StatementRefused):
        open_shop.tool(text)
    assert not (folder / "data/out.csv").exists()


def test_a_tool_that_writes_loads_files(make: Make, folder: Path) -> None:
    shop = make(external_access=True, working_directory=str(folder / "data"), read_only=False)
    shop.write("CREATE TABLE loaded AS FROM 'secret.csv'", trusted=True)
    shop.write("INSERT INTO loaded SELECT * FROM read_csv('secret.csv')", trusted=True)
    assert shop.client("SELECT count(*) FROM loaded") == [(2,)]
    for text in ("COPY loaded TO 'out.csv'", "ATTACH 'x.duckdb' AS x", "CREATE SECRET s (TYPE http)", "DROP SECRET s"):
        with pytest.raises(StatementRefused):
            shop.write(text, trusted=True)
    assert not (folder / "data/out.csv").exists()


@pytest.mark.parametrize(
    "text",
    ["SELECT * FROM 'data/secret.csv'", "FROM read_csv('data/secret.csv')", "FROM glob('*')", "FROM read_text('x')"],
)
def test_without_external_access_a_tool_reads_no_file(make: Make, folder: Path, text: str) -> None:
    with pytest.raises(StatementRefused):
        make(working_directory=str(folder)).tool(text)


READS = [
    "SELECT * FROM 'secret.csv'",
    'SELECT * FROM "secret.csv"',
    "SELECT * FROM secret.csv",
    "SELECT * FROM main.csv",
    "FROM t POSITIONAL JOIN 'secret.csv'",
    "SELECT list_transform([1], lambda x: (SELECT content FROM read_text('note.txt')))",
    "FROM product LIMIT (SELECT 1 FROM 'secret.csv')",
    "SELECT * FROM product, 'secret.csv'",
    "SELECT * FROM product p JOIN 'secret.csv' ON true",
    "SELECT * FROM product WHERE EXISTS (FROM 'secret.csv')",
    "SELECT (SELECT password FROM 'secret.csv')",
    "WITH c AS (FROM 'secret.csv') FROM c",
    "WITH c AS MATERIALIZED (SELECT 1) SELECT * FROM c UNION ALL SELECT password FROM 'secret.csv'",
    "FROM '{folder}/data/secret.parquet'",
    "FROM 'https://127.0.0.1:9/x.parquet'",
    "FROM 's3://bucket/x.parquet'",
    "FROM read_csv('secret.csv')",
    "FROM \"read_csv\"('secret.csv')",
    "FROM main.read_csv('secret.csv')",
    "FROM system.main.read_csv('secret.csv')",
    "FROM read_csv_auto(['secret.csv'])",
    "FROM read_json('secret.json')",
    "FROM read_text('note.txt')",
    "FROM read_blob('note.txt')",
    "FROM read_parquet('secret.parquet')",
    "FROM parquet_metadata('secret.parquet')",
    "FROM parquet_schema('secret.parquet')",
    "FROM sniff_csv('secret.csv')",
    "FROM glob('*')",
    "SELECT * FROM (VALUES (1)) t, LATERAL (FROM read_text('note.txt'))",
    "FROM anything('note.txt')",
    "FROM query('FROM read_text(''note.txt'')')",
    "FROM query_table('secret.csv')",
    "FROM duckdb_secrets()",
    "FROM which_secret('s3://x', 's3')",
    "DESCRIBE 'secret.csv'",
    "DESCRIBE FROM 'secret.csv'",
    "SUMMARIZE 'secret.csv'",
    "SUMMARIZE FROM read_csv('secret.csv')",
    "PIVOT 'secret.csv' ON login USING count(*)",
    "PIVOT 'secret.csv' ON login IN ('ada') USING count(*)",
    "UNPIVOT 'secret.csv' ON login, password INTO NAME a VALUE b",
    "EXPLAIN FROM 'secret.csv'",
    "EXPLAIN ANALYZE FROM read_csv('secret.csv')",
    "EXPLAIN (FORMAT json) FROM 'secret.csv'",
    "PRAGMA table_info('secret.csv')",
    "COPY product TO 'out.csv'",
    "COPY product FROM 'secret.csv'",
    "ATTACH 'other.duckdb' AS other",
    "ATTACH '{folder}/shop.duckdb' AS again",
    "FROM duckdb_scan('{folder}/shop.duckdb')",
    "FROM sqlite_scan('x.db', 't')",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET threads = 1",
    "CREATE SECRET s (TYPE http)",
]


@pytest.mark.parametrize("text", READS)
def test_a_client_reaches_no_file_though_tools_do(open_shop: Shop, folder: Path, text: str) -> None:
    with pytest.raises(StatementRefused):
        open_shop.client(text.format(folder=folder))
    assert not (folder / "data/out.csv").exists()


@pytest.mark.parametrize("text", [text for text in READS if not text.startswith(("LOAD", "INSTALL"))])
def test_the_process_holds_clients_back_where_the_guard_doesnt(open_shop: Shop, folder: Path, text: str) -> None:
    """As if the guard had let everything pass."""
    database = DuckDB().open(open_shop.settings)
    with database, pytest.raises(DbmcpError) as caught:
        database.query(Statement(text.format(folder=folder)), Running())
    assert isinstance(caught.value, StatementRefused) or "does not exist" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert not (folder / "data/out.csv").exists()


WRITES = [
    "CREATE TABLE stolen AS FROM 'secret.csv'",
    "CREATE TABLE stolen AS SELECT * FROM secret.csv",
    "CREATE TABLE stolen AS TABLE 'secret.csv'",
    "CREATE VIEW stolen AS FROM 'secret.csv'",
    "CREATE VIEW stolen AS FROM read_text('note.txt')",
    "CREATE MACRO stolen(a) AS a || 'x'",
    "CREATE MACRO stolen(a) AS TABLE FROM read_text(a)",
    "CREATE OR REPLACE MACRO twice(a) AS (SELECT content FROM read_text(a))",
    "INSERT INTO product SELECT 9, content, 1, NULL, [] FROM read_text('note.txt')",
    "INSERT INTO product (id, name) VALUES (9, (FROM 'secret.csv'))",
    "UPDATE product SET name = s.password FROM 'secret.csv' s",
    "UPDATE product SET name = (SELECT content FROM read_text('note.txt'))",
    "UPDATE 'secret.csv' SET login = 1",
    "UPDATE main.csv SET password = 1",
    "DELETE FROM main.csv",
    "INSERT INTO main.csv VALUES (1)",
    "INSERT INTO product TABLE main.csv",
    "CREATE TABLE stolen AS TABLE main.csv",
    "CREATE OR REPLACE TEMP TABLE stolen AS TABLE 'secret.csv'",
    "CREATE TABLE IF NOT EXISTS stolen AS (TABLE secret.csv)",
    "CREATE TABLE stolen AS VALUES ((TABLE secret.csv))",
    "DELETE FROM product WHERE name = ANY (TABLE main.csv)",
    "CREATE INDEX stolen ON main.csv (password)",
    "CREATE OR REPLACE VIEW cheap AS VALUES (1)",
    "CREATE TEMP MACRO stolen() AS 1",
    "CREATE TYPE stolen AS ENUM (FROM 'secret.csv')",
    "DELETE FROM 'secret.csv'",
    "DELETE FROM product USING 'secret.csv' s WHERE s.login = name",
    "MERGE INTO product USING 'secret.csv' s ON s.login = name WHEN MATCHED THEN DELETE",
    "CREATE TABLE stolen (a VARCHAR DEFAULT (anything('note.txt')))",
    "CREATE OR REPLACE SECRET s (TYPE http, BEARER_TOKEN 'x')",
    "CREATE TEMPORARY SECRET s (TYPE http)",
    "DROP SECRET s",
    "COPY product TO 'out.csv'",
    "ATTACH 'other.duckdb' AS other",
    "EXPORT DATABASE 'out'",
]


@pytest.mark.parametrize("text", WRITES)
def test_a_clients_write_reaches_no_file_either(make: Make, folder: Path, text: str) -> None:
    shop = make(external_access=True, working_directory=str(folder / "data"), read_only=False)
    with pytest.raises(StatementRefused):
        shop.write(text, trusted=False)
    database = DuckDB().open(shop.settings)
    with database, pytest.raises((StatementRefused, QueryFailed)) as caught:
        database.execute(Statement(text), Running())
    assert "hunter2" not in str(caught.value)
    assert not (folder / "data/out.csv").exists()
    assert not (folder / "data/out").exists()


HONEST = [
    "SELECT name, price * 2 FROM product WHERE name LIKE 'p%' AND price BETWEEN 1 AND 100 ORDER BY 1",
    "FROM product SELECT name",
    "FROM cheap",
    "FROM other.price",
    "FROM shop.other.price",
    "FROM shop.product",
    "FROM main.product",
    "SELECT table_name FROM information_schema.tables",
    "SELECT relname FROM pg_catalog.pg_class LIMIT 1",
    "SELECT column_name FROM duckdb_columns() LIMIT 1",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "DESCRIBE product",
    "DESCRIBE SELECT 1",
    "SUMMARIZE product",
    "PIVOT product ON name IN ('pen', 'ink') USING sum(price)",
    "PRAGMA table_info('product')",
    "EXPLAIN SELECT * FROM product",
    "EXPLAIN ANALYZE SELECT * FROM product",
    "VALUES (1, 'a/b.csv')",
    "TABLE product",
    "SELECT 'secret.csv' AS a, 'https://x/y.parquet' AS b, 'it''s; --'",
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT sum(i) FROM n",
    "WITH c AS (SELECT * FROM product) SELECT count(*) FROM c a JOIN c b USING (id)",
    (
        "SELECT row_number() OVER (PARTITION BY name ORDER BY price) AS r, lag(price) OVER (ORDER BY id) FROM product "
        "QUALIFY r = 1"
    ),
    (
        "SELECT list_transform(tags, lambda x: upper(x)), [i FOR i IN tags], tags[1], len(tags), "
        "list_contains(tags, 'a') FROM product"
    ),
    "SELECT {'a': 1}.a, MAP {'k': 2}['k'], [1, 2][1], struct_pack(x := 1), row(1, 2), '{\"a\": 1}'::JSON -> '$.a'",
    "SELECT date_trunc('month', sold), extract(year FROM sold), sold + INTERVAL 1 DAY FROM product",
    "SELECT strftime(sold, '%Y'), date_diff('day', sold, DATE '2024-01-01') FROM product",
    (
        "SELECT name || '!', -price, NOT true, price::VARCHAR, TRY_CAST(name AS INTEGER), CASE WHEN id = 1 THEN 1 END "
        "FROM product"
    ),
    (
        "SELECT count(DISTINCT name), sum(price) FILTER (WHERE id > 1), string_agg(name, ',' ORDER BY id), "
        "list(id), median(price), max_by(name, price), quantile_cont(price, 0.5) FROM product"
    ),
    "SELECT * EXCLUDE (tags) REPLACE (upper(name) AS name) FROM product",
    "SELECT COLUMNS('na.*') FROM product",
    "SELECT unnest(tags) FROM product",
    "SELECT * FROM unnest([1, 2])",
    "SELECT * FROM range(3) r, generate_series(1, 2) g",
    (
        "SELECT regexp_matches(name, 'p.*'), name ~ 'p', name SIMILAR TO 'p.*', name ILIKE 'P%', name NOT LIKE 'x' "
        "FROM product"
    ),
    "SELECT coalesce(NULL, 1), nullif(1, 1), greatest(1, 2), ifnull(NULL, 1), if(true, 1, 2), 1 IN (1, 2)",
    "SELECT current_date, now() IS NOT NULL, current_timestamp IS NOT NULL, today() IS NOT NULL, version()",
    "SELECT name, sum(price) FROM product GROUP BY ALL HAVING sum(price) > 1 ORDER BY ALL LIMIT 1 OFFSET 0",
    "SELECT a.id FROM product a ASOF JOIN other.price b ON a.id = b.product_id AND a.sold >= b.since",
    "SELECT id FROM product UNION SELECT 2 EXCEPT SELECT 3 INTERSECT SELECT 3",
    "SELECT grouping(name) FROM product GROUP BY ROLLUP (name)",
    "SELECT md5('x'), sha256('x'), hash(1), uuid() IS NOT NULL, random() < 2, round(1.5), 5 // 2, 5 % 2, 2 ** 3, 1 & 3",
    "SELECT trim(' x '), substring('abc' FROM 2 FOR 1), position('b' IN 'abc'), format('{}', 1), printf('%d', 1)",
    "SELECT name FROM product WHERE id = ANY (SELECT 1) OR id > ALL (SELECT 5) OR EXISTS (SELECT 1)",
    "SELECT * FROM product TABLESAMPLE 50%",
    "SELECT json_extract('{\"a\": 1}', '$.a'), json_object('a', 1), to_json([1])",
    "SELECT * FROM json_each('{\"a\": 1}')",
    "SELECT typeof(1), array_agg(id), bool_and(true), any_value(id), first(id), arg_max(id, id) FROM product",
]


@pytest.mark.parametrize("text", HONEST)
def test_honest_questions_of_clients_are_answered(open_shop: Shop, text: str) -> None:
    open_shop.client(text)


HONEST_WRITES = [
    "INSERT INTO product VALUES (10, 'a/b.csv', 1.5, '2024-01-01', ['x'])",
    "INSERT INTO product (id, name) VALUES ($1, upper($2)) ON CONFLICT DO NOTHING",
    "UPDATE product SET price = round(price * 1.1, 2), name = 'https://x/y.json' WHERE id IN (1, 2)",
    "DELETE FROM product WHERE name LIKE '%.csv'",
    "CREATE TABLE fresh (id INTEGER PRIMARY KEY, name VARCHAR(10) DEFAULT 'x', n DECIMAL(10, 2) CHECK (n > 0))",
    "CREATE INDEX product_name ON product (name)",
    "ALTER TABLE product ADD COLUMN note VARCHAR",
    "DROP VIEW cheap",
    "DROP TABLE IF EXISTS other.price",
    "ALTER TABLE other.price RENAME TO cost",
    "INSERT INTO other.price VALUES (1, '2024-01-01', 2)",
    "UPDATE shop.other.price SET price = 1",
    "DELETE FROM other.price",
    "CREATE OR REPLACE TABLE other.fresh (secret VARCHAR, view INTEGER)",
    "CREATE UNIQUE INDEX product_id ON main.product (id)",
    "CREATE SCHEMA more",
]


@pytest.mark.parametrize("text", HONEST_WRITES)
def test_honest_writes_of_clients_are_done(make: Make, folder: Path, text: str) -> None:
    shop = make(external_access=True, working_directory=str(folder / "data"), read_only=False)
    shop.write(text, [11, "x"] if "$1" in text else (), trusted=False)


def test_status_says_that_files_are_in_reach(open_shop: Shop) -> None:
    database = DuckDB().open(open_shop.settings)
    with database:
        lock = next(lock for lock in database.locks() if lock.name == "files out of reach")
    assert not lock.holds
    assert "external_access" in lock.detail


def test_a_missing_working_directory_is_named(make: Make, folder: Path) -> None:
    with pytest.raises(DbmcpError, match=r"none' is not a folder\. Check the setting 'working_directory'"):
        make(working_directory=str(folder / "none")).client("SELECT 1")


# Secrets

SECRETS = [
    {"name": "web", "type": "http", "parameters": {"BEARER_TOKEN": "it's-s3cret"}},
    {
        "name": 'odd "name',
        "type": "http",
        "parameters": {
            "EXTRA_HTTP_HEADERS": {"X-Key": "O'Hara-s3cret", "Y": "2"},
            "SCOPE": ["https://a", "https://b'"],
        },
    },
    {"name": "plain", "type": "value", "parameters": {"value": "python-s3cret"}},
    {"name": "wrong", "type": "http", "parameters": {"NOPE": "wrong-s3cret"}},
]


def test_secrets_are_made_and_never_show(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    shop = make(secrets=SECRETS)
    names = shop.tool("SELECT name, type FROM duckdb_secrets() ORDER BY name")
    assert names == [('odd "name', "http"), ("web", "http")]
    assert shop.tool("SELECT scope FROM duckdb_secrets() WHERE name LIKE 'odd%'") == [(["https://a", "https://b'"],)]
    shown = [repr(shop.settings), str(shop.settings)]
    if duckdb.__version__ >= "2":  # DuckDB 1 shows what it doesn't know to be secret
        shown.append(str(shop.tool("SELECT secret_string FROM duckdb_secrets()")))
    with pytest.raises(DbmcpError) as caught:
        shop.tool("SELECT error('it''s-s3cret')")
    shown += [str(caught.value), repr(shop.settings.duckdb_secrets), "".join(capfd.readouterr())]
    with pytest.raises(DbmcpError) as caught:
        shop.tool("FROM duckdb_secrets(redact = false)")
    shown.append(str(caught.value))
    assert not [text for text in shown if "it's-s3cret" in text or "python-s3cret" in text or "wrong-s3cret" in text]
    assert set(shop.settings.secrets()) >= {"it's-s3cret", "O'Hara-s3cret", "python-s3cret"}
    assert "https://a" not in shop.settings.secrets()


@pytest.mark.parametrize("text", ["FROM duckdb_secrets()", "FROM duckdb_secrets", "FROM which_secret('a', 'http')"])
@pytest.mark.parametrize("external", [True, False])
def test_clients_dont_see_the_secrets(make: Make, text: str, external: bool) -> None:
    with pytest.raises(StatementRefused):
        make(secrets=SECRETS, external_access=external).client(text)


def test_clients_dont_change_the_secrets(make: Make) -> None:
    shop = make(secrets=SECRETS, read_only=False)
    for text in (
        "CREATE OR REPLACE SECRET web (TYPE http, BEARER_TOKEN 'mine')",
        "CREATE OR REPLACE TEMPORARY SECRET web (TYPE http)",
        "CREATE SECRET IF NOT EXISTS x (TYPE http)",
        "DROP SECRET web",
        "DROP TEMPORARY SECRET IF EXISTS web",
    ):
        with pytest.raises(StatementRefused):
            shop.write(text, trusted=False)
    assert ("web",) in shop.tool("SELECT name FROM duckdb_secrets()")


@pytest.mark.parametrize(
    "value",
    [
        "not json",
        3,
        [{"name": "a"}],
        [{"name": "a", "type": "x y", "parameters": {}}],
        [{"name": "a", "type": "http", "parameters": {"A B": "s3cret-value"}}],
        [{"name": "a", "type": "http", "nope": 1}],
    ],
)
def test_wrong_secrets_are_an_error_that_shows_none(value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        DuckDBSettings.build({"secrets": value}, where="x")
    assert "s3cret-value" not in str(caught.value)


def test_secrets_may_be_json() -> None:
    settings = DuckDBSettings.build({"duckdb_secrets": json.dumps(SECRETS)}, where="x")
    assert settings.duckdb_secrets == DuckDBSettings.build({"secrets": SECRETS}, where="x").duckdb_secrets


# Extensions


def test_an_extension_that_isnt_there_fails_only_what_needs_it(make: Make, tmp_path: Path) -> None:
    shop = make(extensions=["json", "nosuchthing"], extension_directory=str(tmp_path / "none"))
    assert shop.tool("SELECT json_extract('{\"a\": 1}', '$.a')") == [("1",)]
    with pytest.raises(QueryFailed, match=r"The extension nosuchthing doesn't work: "):
        shop.tool("SELECT nosuchthing_function(1)")
    with pytest.raises(QueryFailed) as caught:
        shop.tool("SELECT no_column FROM product")
    assert "nosuchthing" not in str(caught.value)


def test_all_of_it_is_the_operators() -> None:
    settings = DuckDBSettings.build(
        {
            "external_access": True,
            "working_directory": "x",
            "extensions": ["a"],
            "install_extensions": True,
            "extension_directory": "x",
            "secrets": [],
            "caller_functions": True,
            "plugins": [],
            "plugin_path": ["x"],
        },
        where="x",
    )
    assert len(settings.operators_own()) == 9


# Who calls

FUNCTIONS = (
    "SELECT get_username(), get_user_email(), get_user_provider(), get_user_external_token(), "
    "get_request_header('X-Tenant'), get_request_headers_json()"
)


def test_the_functions_tell_of_the_calls_user(make: Make) -> None:
    shop = make(caller_functions=True)
    with entered(by(ADA, {"x-tenant": "it's", "authorization": "Bearer b"})):
        [row] = shop.tool(FUNCTIONS)
    assert row[:5] == ("ada", "ada@example.org", "github", "t0ken-of-ada", "it's")
    assert json.loads(row[5]) == {"x-tenant": "it's", "authorization": "Bearer b"}
    with entered(by()):
        assert shop.tool(FUNCTIONS) == [(None,) * 6]
    assert shop.tool(FUNCTIONS) == [(None,) * 6]
    with entered(by(ADA)):
        assert shop.tool("SELECT count(*) FROM product WHERE get_username() = 'ada'") == [(3,)]


def test_they_are_there_in_views_and_writes(make: Make, folder: Path) -> None:
    shop = make(caller_functions=True, read_only=False)
    with entered(by(ADA)):
        shop.write("CREATE VIEW mine AS SELECT get_username() AS u, get_user_external_token() AS t", trusted=True)
        shop.write("INSERT INTO product (id, name) VALUES (9, get_username())", trusted=True)
        assert shop.tool("SELECT * FROM mine") == [("ada", "t0ken-of-ada")]
        assert shop.tool("SELECT name FROM product WHERE id = 9") == [("ada",)]
        with pytest.raises(QueryFailed):
            shop.client("SELECT * FROM mine")


def test_clients_learn_their_own_name_and_no_more(make: Make) -> None:
    shop = make(caller_functions=True)
    with entered(by(ADA, {"authorization": "Bearer b"})):
        assert shop.client("SELECT get_username(), get_user_email()") == [("ada", "ada@example.org")]
        for call in ("get_user_external_token()", "get_request_header('authorization')", "get_request_headers_json()"):
            with pytest.raises(StatementRefused, match="for the project's tools alone"):
                shop.client(f"SELECT {call}")
            database = DuckDB().open(shop.settings)
            with database, pytest.raises(QueryFailed):
                database.query(Statement(f"SELECT {call}"), Running())
        found = shop.client("SELECT getvariable('dbmcp_token'), getvariable('dbmcp_headers'), 'get_username'")
    assert found == [(None, None, "get_username")]
    assert "t0ken" not in str(shop.client("SELECT * FROM duckdb_settings()"))


def test_without_the_setting_there_are_none(make: Make) -> None:
    with entered(by(ADA)), pytest.raises(QueryFailed):
        make().tool("SELECT get_username()")


def test_many_callers_at_once_are_never_mixed_up(plugins: Shop) -> None:
    wrong: list[object] = []

    def work(name: str) -> None:
        user = dataclasses.replace(ADA, username=name, external_token=Secret(f"token-{name}"))
        for _ in range(15):
            with entered(by(user, {"x-tenant": name})):
                rows = plugins.tool(
                    "SELECT DISTINCT get_username(), get_request_header('x-tenant'), who_mine(), token_mine(1) "
                    "FROM range(5000)"
                )
            if rows != [(name, name, name, f"token-{name}")]:
                wrong.append(rows)

    threads = [threading.Thread(target=work, args=[f"u{number}"]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Plugins

VALUES = [
    ("tell_mine('x')", "w0rd-of-mine:x"),
    ("TELL_MINE('x')", "w0rd-of-mine:x"),
    ("integer_mine(1, 2)", 3),
    ("integer_mine(1, NULL)", 1),
    ("number_mine(3)", 1.5),
    ("truth_mine(true)", False),
    ("exact_mine(1.25)", Decimal("2.5")),
    ("day_mine(DATE '2024-02-28')", dt.date(2024, 2, 29)),
    ("clock_mine(TIME '05:06:07')", dt.time(1, 6, 7)),
    ("moment_mine(TIMESTAMP '2024-02-28 01:02:03')", dt.datetime.fromisoformat("2024-02-29 01:02:03")),
    ("span_mine(INTERVAL 36 HOUR)::VARCHAR", "3 days"),
    ("raw_mine('ab'::BLOB)", b"ba"),
    ("total_mine([1, 2, 3])", 6),
    ("mapping_mine(MAP {'a': 1})", {"a": 2}),
    ("pair_mine({'name': 'x', 'value': 1})", {"name": "x", "value": 2}),
    ("point_mine({'x': 1, 'y': 2.5})", {"x": 2, "y": 2.5}),
    ("null_mine(NULL)", True),
    ("who_mine()", None),
]


@pytest.mark.parametrize(("call", "expected"), VALUES)
def test_a_plugins_methods_are_functions_of_every_type(plugins: Shop, call: str, expected: object) -> None:
    assert plugins.tool(f"SELECT {call}") == [(expected,)]


def test_they_work_on_tables_and_with_placeholders(plugins: Shop) -> None:
    assert plugins.tool("SELECT tell_mine(name) FROM product WHERE id = $1", [1]) == [("w0rd-of-mine:pen",)]
    assert plugins.tool("SELECT tell_mine($1)", ["a"]) == [("w0rd-of-mine:a",)]
    assert plugins.tool("SELECT count(DISTINCT tell_mine(i::VARCHAR)) FROM range(5000) t(i)") == [(5000,)]


def test_an_error_of_a_plugin_shows_no_secret(plugins: Shop) -> None:
    with entered(by(ADA)), pytest.raises(QueryFailed) as caught:
        plugins.tool("SELECT fails_mine('x')")
    assert "ValueError: bad x" in str(caught.value)
    assert "t0ken" not in str(caught.value)
    assert "w0rd" not in str(caught.value)
    with pytest.raises(QueryFailed, match="can't use the project's database"):
        plugins.tool("SELECT asks_mine()")


def test_clients_may_not_call_plugins(plugins: Shop) -> None:
    with pytest.raises(StatementRefused, match=r"tell_mine\(\) is for the project's tools alone"):
        plugins.client("SELECT tell_mine('x')")
    hidden = plugins.tool(
        "SELECT function_name, len(parameters) FROM duckdb_functions() WHERE function_name LIKE 'dbmcp_udf_%'"
    )
    assert len(hidden) == 20
    name = next(name for name, count in hidden if count == 1)
    database = DuckDB().open(plugins.settings)
    with database:
        for text in (
            "SELECT tell_mine('x')",
            f"SELECT {name}(NULL)",
            f"SELECT {name}('')",
            f"SELECT {name}(getvariable('dbmcp_call'))",
        ):
            with pytest.raises((QueryFailed, StatementRefused), match=r"does not exist|for the project's tools alone"):
                database.query(Statement(text), Running())
        # Told to be a tool's, but with a token that it made up.
        with pytest.raises(QueryFailed, match="only statements of the project's tools"):
            database.query(Statement(f"SELECT {name}('0123456789abcdef')", trusted=True), Running())


def test_a_client_leaves_no_call_of_a_plugin_for_a_tool(folder: Path, make: Make) -> None:
    given = [{"name": "mine", "module": "my_plugin"}]
    shop = make(plugins=given, plugin_path=[str(folder / "plugins")], read_only=False)
    for text in (
        "CREATE OR REPLACE VIEW cheap AS SELECT dbmcp_udf_0(getvariable('dbmcp_call')) AS name",
        "CREATE OR REPLACE MACRO twice(a) AS \"DBMCP_udf_0\"(getvariable('dbmcp_call'))",
    ):
        with pytest.raises(StatementRefused, match="for the project's tools alone"):
            shop.write(text, trusted=False)


def test_a_plugin_gets_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch, make: Make, folder: Path) -> None:
    monkeypatch.setenv("MY_PASSWORD", "x")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    shop = make(plugins=[{"name": "p", "module": "my_plugin"}], plugin_path=[str(folder / "plugins")])
    [(found,)] = shop.tool("SELECT environment_p()")
    assert "MY_PASSWORD" not in found
    assert "HTTPS_PROXY" in found


def test_a_plugin_that_cant_be_loaded_fails_only_what_needs_it(make: Make, folder: Path) -> None:
    (folder / "plugins/bad.py").write_text("import none_such\n")
    (folder / "plugins/odd.py").write_text(
        "from dbmcp_core.runtime import Plugin, udf\nclass P(Plugin):\n"
        "    @udf\n    def f(self, a: complex) -> str: ...\n"
    )
    names = ["my_plugin", "bad", "odd"]
    shop = make(
        plugins=[{"name": name.split("_", 1)[0], "module": name} for name in names],
        plugin_path=[str(folder / "plugins")],
    )
    assert shop.tool("SELECT integer_my(1, 1)") == [(2,)]
    with pytest.raises(QueryFailed, match=r"plugin bad doesn't work: .*No module named 'none_such'"):
        shop.tool("SELECT f_bad('x')")
    with pytest.raises(QueryFailed, match=r"plugin odd doesn't work: TypeError: .*complex"):
        shop.tool("SELECT f_odd('x')")


def test_two_sources_with_other_plugins_dont_share_a_process(make: Make, folder: Path) -> None:
    make().client("SELECT 1")
    with pytest.raises(DbmcpError, match="with other settings"):
        make(caller_functions=True).client("SELECT 1")

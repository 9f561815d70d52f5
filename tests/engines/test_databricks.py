"""Databricks keeps the contract, as far as Spark without Delta does; the real connector on a service of our own.

With ``DBMCP_TEST_DATABRICKS_URL`` (``databricks://token:TOKEN@host/catalog?http_path=…``), a real workspace, and then
what only Delta can do too.
"""

from __future__ import annotations

import functools
import importlib.util
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dbmcp_core import Engine, Statement
from dbmcp_core.errors import QueryCancelled, QueryFailed, StatementRefused
from dbmcp_core.testing import (
    AUTHOR,
    BOOK,
    FLOATS,
    INTEGERS,
    TEXTS,
    VIEW,
    SQLContract,
    Table,
    WatchedRunning,
    in_threads,
)
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.servers import require

_START = Path(__file__).parents[1] / "servers" / "databricks" / "start.py"


def load_start() -> Any:
    """Return the module that starts the server: one for all test files, so that there is one server."""
    name = "dbmcp_test_databricks_start"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _START)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


start = load_start()
REAL: Mapping[str, Any] | None = start.real_settings()


@pytest.fixture(scope="module", autouse=True)
def _required() -> None:
    require("databricks", None if REAL is not None else start.why_missing())


@functools.cache
def engine_() -> Any:
    from dbmcp_databricks import Databricks

    return Databricks()


_admin: list[Any] = []


def run_as_admin(given: Mapping[str, object], *statements: str) -> None:
    """Run statements outside of what is tested, in a session of their own."""
    from databricks.sql.exc import Error

    from dbmcp_databricks.connection import Connection

    settings = engine_().settings.build({**given, "schema": None}, where="tests")
    for statement in statements:
        try:
            _admin[0].run(statement)
        except (IndexError, Error):  # none yet, or one that a test has ended
            for ended in _admin:
                ended.close()
            _admin[:] = [Connection(settings, statement_s=60, wait_s=30)]
            _admin[0].run(statement)


@functools.cache
def files_of(table: str) -> Path:
    """Return the files that hold a table of the data set, written once."""
    server = start.running()
    source = next(one for one in (AUTHOR, BOOK) if one.name == table)
    values = ", ".join(f"({', '.join(map(_literal, row))})" for row in source.rows)
    kinds = ", ".join(f"{name} {TestDatabricks.types[kind]}" for name, kind in source.columns)
    run_as_admin(
        server.settings(),
        "CREATE SCHEMA IF NOT EXISTS kept",
        f"CREATE TABLE kept.{table} ({kinds}) USING parquet",
        f"INSERT INTO kept.{table} VALUES {values}",
    )
    return Path(server.folder) / "data" / "kept.db" / table


def _literal(value: object) -> str:
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "NULL" if value is None else f"{value!r}{'D' if isinstance(value, float) else ''}"


_NO_DELTA = "Spark's own files take no UPDATE and DELETE; a Delta table does, on DBMCP_TEST_DATABRICKS_URL"
_LOOSE_KEYS = "Databricks doesn't enforce keys"


class TestDatabricks(SQLContract):
    types: ClassVar[Mapping[str, str | None]] = {
        "integer": "INT",
        "bigint": "BIGINT",
        "float": "DOUBLE",
        "text": "STRING",
        "blob": None,  # bytes are no parameters of Databricks
    }
    unstorable: ClassVar[str] = ""
    # Spark ends a range when it is told to; a join of two it would finish, unseen.
    runaway: ClassVar[str | None] = "SELECT max(hash(id)) FROM range(100000000000000)"
    runaway_write: ClassVar[str | None] = (
        "INSERT INTO author SELECT max(hash(id)), 'run away' FROM range(100000000000000)"
    )

    @pytest.fixture
    def engine(self) -> Engine:
        found: Engine = engine_()
        return found

    @pytest.fixture
    def settings(self) -> Iterator[dict[str, object]]:
        given = dict(REAL or start.running().settings(catalog="spark_catalog"))
        schema = f"dbmcp_test_{secrets.token_hex(6)}"
        run_as_admin(given, f"CREATE SCHEMA {schema}")
        self.schema = schema
        yield {**given, "schema": schema}
        run_as_admin(given, f"DROP SCHEMA IF EXISTS {schema} CASCADE")

    def fill(self, main: Caller) -> None:
        for table in (AUTHOR, BOOK):
            main.execute(self.creating(table))
            if REAL is not None:
                marks = ", ".join(f"({', '.join('?' * len(row))})" for row in table.rows)
                main.execute(f"INSERT INTO {table.name} VALUES {marks}", [value for row in table.rows for value in row])
            else:
                target = Path(start.running().folder) / "data" / f"{self.schema}.db" / table.name
                shutil.copytree(files_of(table.name), target, dirs_exist_ok=True)
        main.execute(f"CREATE VIEW {VIEW} AS SELECT id, title FROM book")

    def creating(self, table: Table) -> str:
        if REAL is not None:
            return super().creating(table)
        columns = ", ".join(f"{name} {self.types[kind]}" for name, kind in table.columns)
        facts = {"not_null": ",".join(table.column_names[:2]), "primary_key": table.column_names[0]}
        if table.references is not None:
            facts["foreign_key"] = f"{table.references[0]}:{table.references[1]}:id"
        properties = ", ".join(f"'test.{name}' = '{value}'" for name, value in facts.items())
        return f"CREATE TABLE {table.name} ({columns}) USING parquet TBLPROPERTIES ({properties})"

    def counting(self, main: Caller, count: int) -> Statement:
        return Statement(f"SELECT id + 1 AS n FROM range({count}) ORDER BY 1")

    def unreachable(self, settings: dict[str, object]) -> dict[str, object] | None:
        return {**settings, "http_path": "/sql/1.0/warehouses/none"}

    def drop_connections(self) -> None:
        if REAL is not None:
            pytest.skip("a workspace's sessions are not ours to end")
        start.running().control("forget")

    # What is otherwise in Databricks

    def test_hostile_statements_do_nothing_off_the_road(self, *_: object) -> None:
        pytest.skip("Databricks has no lock behind the guard")

    @pytest.mark.parametrize("kind", ["integer", "bigint", "float", "text"])
    def test_values_go_in_and_come_out(self, main: Caller, kind: str) -> None:
        every: dict[str, Sequence[Any]] = {"bigint": INTEGERS, "float": FLOATS, "text": TEXTS}
        every["integer"] = [number for number in INTEGERS if abs(number) < 2**31]
        main.execute(f"CREATE TABLE kept (id INT, value {self.types[kind]})")
        expected = [*enumerate(every[kind]), (len(every[kind]), None)]
        marks = ", ".join("(?, ?)" for _ in expected)
        main.execute(f"INSERT INTO kept VALUES {marks}", [value for row in expected for value in row])
        rows = main.query("SELECT id, value FROM kept ORDER BY id").rows
        assert rows == tuple(expected)
        assert [type(value) for _, value in rows] == [type(value) for _, value in expected]

    def test_column_names_are_given_as_they_are(self, main: Caller) -> None:
        names = ["plain", "with blank", "Ünï 🐍", "a.b", "semi;colon", "x" * 60]
        result = main.query("SELECT " + ", ".join(f"1 AS `{name}`" for name in names))
        assert [column.name for column in result.columns] == names

    @pytest.mark.parametrize(
        "text",
        [
            "SELECT 'DELETE FROM book; --' AS x",
            "SELECT 1 AS x -- DELETE FROM book",
            "/* DROP TABLE book; */ SELECT 1 AS x",
            "SELECT 1 AS `DELETE`",
            "WITH x AS (SELECT 1 AS n) SELECT n FROM x",
            "SELECT id, row_number() OVER (ORDER BY id) AS r FROM book",
            "SELECT id FROM book UNION SELECT id FROM author",
            "SELECT replace('a', 'a', 'b') AS x",
            "SELECT * FROM book_title",
            "SELECT id FROM book ;  \n",
        ],
    )
    def test_a_read_that_looks_dangerous_passes(self, filled: Caller, text: str) -> None:
        assert len(filled.query(text).rows) >= 1

    def test_a_write_says_how_many_rows_it_changed(self, filled: Caller, records: Any) -> None:
        if REAL is None:
            pytest.skip(_NO_DELTA)
        super().test_a_write_says_how_many_rows_it_changed(filled, records)

    def test_a_failed_write_leaves_nothing(self, filled: Caller, records: Any) -> None:
        with pytest.raises(QueryFailed):
            filled.execute("INSERT INTO author SELECT 10, assert_true(id < 2) FROM book")
        assert (records[-1].decision, records[-1].code) == ("failed", "query_failed")
        assert filled.query(self.reading(AUTHOR)).rows == AUTHOR.rows

    def test_a_constraint_holds_and_says_so(self) -> None:  # type: ignore[override]
        pytest.skip(_LOOSE_KEYS)

    @pytest.mark.parametrize("text", ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "USE default", "SET a = 1"])
    def test_a_caller_controls_no_transaction(self, filled: Caller, text: str) -> None:
        with pytest.raises(StatementRefused):
            filled.execute(text)

    def test_a_write_that_is_stopped_leaves_nothing(self, filled: Caller) -> None:
        running = WatchedRunning()

        def stop() -> None:
            assert running.corded.wait(20)
            running.cancel()

        with pytest.raises(QueryCancelled):
            in_threads([lambda: filled.execute(str(self.runaway_write), running=running), stop])
        assert filled.query(self.reading(AUTHOR)).rows == AUTHOR.rows

    def test_a_write_that_waits_for_another_can_be_stopped(self, filled: Caller) -> None:
        pytest.skip("no write waits for another: the later one fails")

    def test_readers_beside_a_writer_see_whole_writes(self, filled: Caller) -> None:
        if REAL is None:
            pytest.skip("Spark's own files have no snapshots; a Delta table has, on DBMCP_TEST_DATABRICKS_URL")
        super().test_readers_beside_a_writer_see_whole_writes(filled)

    def test_many_callers_get_their_own_rows(self, filled: Caller) -> None:
        def look(number: int) -> None:
            for turn in range(3):
                row = BOOK.rows[(number + turn) % len(BOOK.rows)]
                assert filled.named(f"caller-{number}").query(self.finding(row[2])).rows == (row,)

        in_threads([functools.partial(look, number) for number in range(6)])

    def test_a_primary_key_of_several_columns_keeps_its_order(self, main: Caller) -> None:
        text = "CREATE TABLE pair (a INT NOT NULL, b INT NOT NULL"
        main.execute(f"{text}, PRIMARY KEY (b, a))" if REAL else f"{text}) TBLPROPERTIES ('test.primary_key' = 'b,a')")
        table = main.table("pair")
        assert table.primary_key == ("b", "a")
        assert [column.is_primary_key for column in table.columns] == [True, True]

    def test_an_index_is_told(self, filled: Caller) -> None:
        pytest.skip("Databricks has no indexes")

    def test_a_unique_index_is_told(self, filled: Caller) -> None:
        pytest.skip("Databricks has no indexes")

    def test_the_schema_is_not_older_than_the_last_write(self, filled: Caller) -> None:
        before = {table.name.name for table in filled.schema().tables}
        filled.execute("CREATE TABLE later (a INT)")
        assert {table.name.name for table in filled.schema().tables} == before | {"later"}
        filled.execute("ALTER TABLE later ADD COLUMN b INT")
        later = next(table for table in filled.schema().tables if table.name.name == "later")
        assert [column.name for column in later.columns] == ["a", "b"]
        filled.execute("DROP TABLE later")
        assert {table.name.name for table in filled.schema().tables} == before

"""The road: what every call goes through, whichever way it ends."""

from __future__ import annotations

import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dbmcp_core import (
    Call,
    CallRecord,
    Column,
    ConfigError,
    ConnectionFailed,
    CursorExpired,
    Database,
    DatabaseError,
    DbmcpError,
    Engine,
    Executor,
    Intent,
    LimitExceeded,
    Limits,
    Outcome,
    PolicyDenied,
    QueryCancelled,
    QueryTimeout,
    RecordFailed,
    Registry,
    Request,
    ResourceExhausted,
    Result,
    Rows,
    Running,
    SchemaInfo,
    Secret,
    Settings,
    Statement,
    StatementRefused,
    TableName,
    TableSchema,
    UnknownSource,
    hookimpl,
    setting,
)
from dbmcp_core.config import source as make_source
from dbmcp_core.slots import Slot

RUNAWAY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


class Captured:
    """A record sink that remembers."""

    def __init__(self) -> None:
        self.records: list[CallRecord] = []

    @hookimpl
    def dbmcp_record(self, record: CallRecord) -> None:
        self.records.append(record)


@pytest.fixture
def captured() -> Captured:
    return Captured()


@pytest.fixture
def registry(captured: Captured) -> Registry:
    registry = Registry()
    registry.register(captured, "captured")
    return registry


Open = Callable[..., Executor]


@pytest.fixture
def open_executor(registry: Registry) -> Iterator[Open]:
    executors = []

    def open_executor(path: Path, **settings: object) -> Executor:
        executor = Executor(registry, [make_source(registry, "shop", {"url": f"sqlite:///{path}", **settings})])
        executors.append(executor)
        return executor

    yield open_executor
    for executor in executors:
        executor.close()


def read(executor: Executor, text: str, params: Any = (), **options: Any) -> Result:
    result = executor.run(Call("shop", Statement(text, params), **options))
    assert isinstance(result, Result)
    return result


def write(executor: Executor, text: str, params: Any = ()) -> Outcome:
    outcome = executor.run(Call("shop", Statement(text, params), Intent.WRITE))
    assert isinstance(outcome, Outcome)
    return outcome


def test_a_read_gives_rows_with_their_types(open_executor: Open, shop: Path) -> None:
    result = read(open_executor(shop), "SELECT id, name FROM product WHERE price < ?", [10])
    assert result.columns == (Column("id", "INTEGER"), Column("name", "TEXT"))
    assert result.rows == ((1, "pen"), (2, "ink"))
    assert not result.truncated


@pytest.mark.parametrize("text", ["DELETE FROM product", "SELECT 1; SELECT 2", "ATTACH 'x' AS y", "", "nonsense"])
def test_what_is_no_read_is_refused_on_every_source(open_executor: Open, shop: Path, text: str) -> None:
    executor = open_executor(shop, read_only=False)
    with pytest.raises(StatementRefused):
        read(executor, text)
    assert len(read(executor, "SELECT * FROM product")) == 3


def test_a_write_needs_a_writable_source(open_executor: Open, shop: Path) -> None:
    with pytest.raises(PolicyDenied, match="read-only"):
        write(open_executor(shop), "DELETE FROM product")
    executor = open_executor(shop, read_only=False)
    assert write(executor, "INSERT INTO product (name) VALUES (?)", ["cup"]).affected_rows == 1
    assert len(read(executor, "SELECT * FROM product")) == 4


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT 1", "not_a_write"),
        ("PRAGMA user_version = 3", "admin_statement"),
        ("BEGIN", "admin_statement"),
        ("ATTACH ':memory:' AS other", "admin_statement"),
        ("DELETE FROM product; DELETE FROM customer", "multiple_statements"),
    ],
)
def test_the_road_for_writes_takes_writes_alone(open_executor: Open, shop: Path, text: str, code: str) -> None:
    with pytest.raises(StatementRefused) as caught:
        write(open_executor(shop, read_only=False), text)
    assert caught.value.code == code


@pytest.mark.parametrize("rows", [1, 999, 1_000, 1_001, 2_500])
def test_truncated_is_exact(open_executor: Open, big: Path, rows: int) -> None:
    result = read(open_executor(big), f"SELECT * FROM number LIMIT {rows}")
    assert len(result) == min(rows, 1_000)
    assert result.truncated == (rows > 1_000)
    assert (result.cursor is not None) == result.truncated


def test_a_cursor_reads_on_to_the_end_without_loss(open_executor: Open, big: Path) -> None:
    executor = open_executor(big)
    result = read(executor, "SELECT id FROM number", limits=Limits(max_rows=700))
    found = [row[0] for row in result]
    while result.cursor is not None:
        result = executor.read_on(result.cursor, limits=Limits(max_rows=700))
        found += [row[0] for row in result]
    assert found == list(range(1, 2_501))


def test_a_cursor_is_good_once_and_for_its_caller(open_executor: Open, big: Path) -> None:
    executor = open_executor(big)
    cursor = read(executor, "SELECT id FROM number", caller="ada").cursor
    assert cursor is not None
    with pytest.raises(CursorExpired):
        executor.read_on(cursor, caller="eve")
    assert executor.read_on(cursor, caller="ada").rows[0] == (1_001,)
    with pytest.raises(CursorExpired):
        executor.read_on(cursor, caller="ada")


def test_bytes_are_capped_but_a_first_row_always_comes(open_executor: Open, big: Path) -> None:
    executor = open_executor(big)
    result = read(executor, "SELECT text FROM number", limits=Limits(max_bytes=1_000))
    assert 10 < len(result) < 200
    assert result.truncated
    wide = read(executor, "SELECT printf('%.*c', 5000, 'x') FROM number", limits=Limits(max_bytes=1_000))
    assert len(wide) == 1
    assert wide.truncated


def test_tokens_are_capped(open_executor: Open, big: Path) -> None:
    result = read(open_executor(big), "SELECT text FROM number", limits=Limits(max_tokens=100))
    assert 10 < len(result) < 60
    assert result.truncated


def test_a_caller_can_not_lift_the_limits_of_the_source(open_executor: Open, big: Path) -> None:
    executor = open_executor(big, max_bytes=1_000, timeout_s=0.2)
    assert len(read(executor, "SELECT text FROM number", limits=Limits(max_bytes=10**9))) < 200
    with pytest.raises(QueryTimeout):
        read(executor, RUNAWAY, limits=Limits(timeout_s=60))


def test_a_statement_over_its_deadline_is_stopped_and_the_source_works_on(open_executor: Open, shop: Path) -> None:
    executor = open_executor(shop)
    for _ in range(5):
        with pytest.raises(QueryTimeout, match=r"0\.1 s"):
            read(executor, RUNAWAY, limits=Limits(timeout_s=0.1))
    assert read(executor, "SELECT 1").rows == ((1,),)


def test_cancel_reaches_the_database(open_executor: Open, shop: Path, captured: Captured) -> None:
    executor = open_executor(shop)
    running = Running()
    threading.Timer(0.1, running.cancel).start()
    with pytest.raises(QueryCancelled):
        executor.run(Call("shop", Statement(RUNAWAY)), running)
    assert captured.records[-1].decision == "stopped"
    assert captured.records[-1].elapsed_ms < 2_000


def test_a_cancel_before_the_start_is_not_lost(open_executor: Open, shop: Path) -> None:
    running = Running()
    running.cancel()
    with pytest.raises(QueryCancelled):
        open_executor(shop).run(Call("shop", Statement(RUNAWAY)), running)


def test_cancel_reaches_a_page_that_is_read_on(open_executor: Open, shop: Path) -> None:
    executor = open_executor(shop)
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 9"
    cursor = read(executor, slow, limits=Limits(max_rows=1)).cursor
    assert cursor is not None
    running = Running()
    threading.Timer(0.1, running.cancel).start()
    with pytest.raises(QueryCancelled):
        executor.read_on(cursor, running=running)


def test_every_end_leaves_one_record(open_executor: Open, shop: Path, captured: Captured) -> None:
    executor = open_executor(shop)
    read(executor, "SELECT * FROM product")
    for text in ("DELETE FROM product", "SELECT * FROM nowhere"):
        with pytest.raises(DbmcpError):
            read(executor, text)
    with pytest.raises(QueryTimeout):
        read(executor, RUNAWAY, limits=Limits(timeout_s=0.05))
    executor.schema("shop")
    assert [(r.action, r.decision, r.code) for r in captured.records] == [
        ("read", "done", None),
        ("read", "refused", "not_a_read"),
        ("read", "failed", "query_failed"),
        ("read", "stopped", "query_timeout"),
        ("schema", "done", None),
    ]
    first = captured.records[0]
    assert (first.source, first.engine, first.kind, first.tables, first.rows) == (
        "shop",
        "sqlite",
        "read",
        ("product",),
        3,
    )


def test_what_can_not_be_recorded_is_not_answered(registry: Registry, open_executor: Open, shop: Path) -> None:
    class Full:
        @hookimpl
        def dbmcp_record(self, record: CallRecord) -> None:
            raise OSError("no space left on device")

    registry.register(Full(), "full")
    with pytest.raises(RecordFailed):
        read(open_executor(shop), "SELECT 1")


def test_all_policies_are_heard(registry: Registry, shop: Path) -> None:
    class Strict:
        @hookimpl
        def dbmcp_policies(self) -> list[Callable[[Request], str | None]]:
            return [lambda _: "No reads on Sundays.", lambda request: f"Not for {request.call.caller}."]

    registry.register(Strict(), "strict")
    executor = Executor(registry, [make_source(registry, "shop", f"sqlite:///{shop}")])
    with pytest.raises(PolicyDenied, match=r"No reads on Sundays\. Not for local\."):
        read(executor, "SELECT 1")
    executor.close()


def test_a_policy_that_fails_refuses(registry: Registry, shop: Path) -> None:
    def broken(request: Request) -> str | None:
        raise KeyError("department")

    class Broken:
        @hookimpl
        def dbmcp_policies(self) -> list[Callable[[Request], str | None]]:
            return [broken]

    registry.register(Broken(), "broken")
    executor = Executor(registry, [make_source(registry, "shop", f"sqlite:///{shop}")])
    with pytest.raises(PolicyDenied, match="broken failed"):
        read(executor, "SELECT 1")
    executor.close()


def test_an_unknown_source_names_the_nearest(open_executor: Open, shop: Path) -> None:
    with pytest.raises(UnknownSource, match="did you mean 'shop'"):
        open_executor(shop).run(Call("shpo", Statement("SELECT 1")))


def test_a_name_is_taken_once(open_executor: Open, shop: Path, registry: Registry) -> None:
    executor = open_executor(shop)
    with pytest.raises(ConfigError, match="already"):
        executor.add(make_source(registry, "shop", f"sqlite:///{shop}"))


def test_removing_a_source_takes_its_parked_rows_along(open_executor: Open, big: Path) -> None:
    executor = open_executor(big)
    cursor = read(executor, "SELECT id FROM number").cursor
    assert cursor is not None
    executor.remove("shop")
    with pytest.raises(CursorExpired):
        executor.read_on(cursor)


def test_the_schema_is_read_again_after_it_changed(open_executor: Open, shop: Path) -> None:
    executor = open_executor(shop, read_only=False)
    before = executor.schema("shop")
    assert executor.schema("shop") is before
    write(executor, "CREATE TABLE extra (id INTEGER)")
    assert "extra" in [table.name.name for table in executor.schema("shop").tables]


def test_explain_is_guarded_and_does_not_run(open_executor: Open, shop: Path) -> None:
    executor = open_executor(shop)
    assert "product" in executor.explain("shop", Statement("SELECT * FROM product WHERE id = 1"))
    with pytest.raises(StatementRefused):
        executor.explain("shop", Statement("DELETE FROM product"))


def test_every_lock_of_a_read_only_sqlite_source_holds(open_executor: Open, shop: Path) -> None:
    locks = open_executor(shop).locks("shop")
    assert {lock.name for lock in locks} >= {"guard", "policy", "file opened read-only", "query_only", "authorizer"}
    assert all(lock.holds for lock in locks), locks


# An engine that fails as told: what no real database does on demand.


class FlakySettings(Settings):
    password: Secret = setting(Secret("hunter2"), doc="A password.")


class Flaky(Database):
    connects = 0
    fail: Exception | None = None
    closed: ClassVar[list[bool]] = []

    def connect(self) -> None:
        type(self).connects += 1
        if self.fail is not None:
            raise self.fail

    def disconnect(self) -> None:
        pass

    def query(self, statement: Statement, running: Running) -> Rows:
        if "lost" in statement.text:
            raise ConnectionFailed("The connection was lost.")
        if "leak" in statement.text:
            raise RuntimeError("could not connect with hunter2 at flaky://u:hunter2@h")
        if "tell" in statement.text:
            details = {"dsn": "p=hunter2", "tried": ["hunter2"], "options": {"password": "hunter2"}}
            raise DatabaseError("wrong password hunter2", hint="try hunter2", details=details)
        if "park" in statement.text:
            return Rows([Column("x")], iter([[(1,), (2,)]]), lambda: self.closed.append(True), self.fail_to_park)
        return Rows([Column("x")], iter([[(1,)]]))

    def fail_to_park(self) -> bool:
        raise DatabaseError("The pause failed.")

    def execute(self, statement: Statement, running: Running) -> Outcome:
        return Outcome()

    def get_tables(self, schema: str | None = None) -> list[TableName]:
        return []

    def get_table_schema(self, table: TableName) -> TableSchema:
        return TableSchema(table, "table", ())

    def get_schema(self) -> SchemaInfo:
        return SchemaInfo("flaky", ())

    def ping(self) -> None:
        pass


class FlakyEngine(Engine):
    name = "flaky"
    dialect = "sqlite"
    settings = FlakySettings

    def open(self, settings: FlakySettings) -> Database:
        return Flaky()


class FlakyPlugin:
    @hookimpl
    def dbmcp_engines(self) -> list[type[Engine]]:
        return [FlakyEngine]


@pytest.fixture
def flaky(registry: Registry) -> Iterator[Executor]:
    registry.register(FlakyPlugin(), "flaky")
    Flaky.connects, Flaky.fail = 0, None
    executor = Executor(registry, [make_source(registry, "shop", {"engine": "flaky"})])
    yield executor
    executor.close()


def test_a_source_is_opened_once_however_many_ask(flaky: Executor) -> None:
    threads = [threading.Thread(target=read, args=(flaky, "SELECT 1")) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Flaky.connects == 1


def test_after_a_failure_the_source_is_left_alone_for_a_while(flaky: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("dbmcp_core.slots.time.monotonic", lambda: clock[0])
    Flaky.fail = ConnectionFailed("The database is down.")
    for _ in range(3):
        with pytest.raises(ConnectionFailed, match="down"):
            flaky.ping("shop")
    assert Flaky.connects == 1
    clock[0] += 60
    Flaky.fail = None
    flaky.ping("shop")
    assert Flaky.connects == 2


def test_a_stream_that_can_not_be_parked_is_closed(flaky: Executor) -> None:
    Flaky.closed.clear()
    with pytest.raises(DatabaseError, match="pause"):
        read(flaky, "SELECT 'park'", limits=Limits(max_rows=1))
    assert Flaky.closed == [True]


def test_a_lost_connection_is_opened_anew_by_the_next_call(flaky: Executor) -> None:
    with pytest.raises(ConnectionFailed):
        read(flaky, "SELECT 'lost'")
    assert not flaky.is_open("shop")
    assert read(flaky, "SELECT 1").rows == ((1,),)
    assert Flaky.connects == 2


@pytest.mark.parametrize("text", ["SELECT 'leak'", "SELECT 'tell'"])
def test_no_secret_leaves_in_error_or_record(
    flaky: Executor, captured: Captured, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DatabaseError) as caught:
        read(flaky, text)
    error = caught.value
    told = f"{error} {error.args} {error.hint} {error.details} {captured.records[-1]} {caplog.text}"
    assert "hunter2" not in told


def test_too_many_waiting_calls_are_refused_at_once(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.register(FlakyPlugin(), "flaky")
    monkeypatch.setattr("dbmcp_core.slots._MOST_WAITING", 0)
    slot = Slot(make_source(registry, "one", {"engine": "flaky", "max_concurrent": 1}))
    with slot.turn(Running()), pytest.raises(LimitExceeded), slot.turn(Running()):
        pass


def test_a_call_that_waits_for_its_turn_can_be_cancelled(registry: Registry) -> None:
    registry.register(FlakyPlugin(), "flaky")
    slot = Slot(make_source(registry, "one", {"engine": "flaky", "max_concurrent": 1}))
    running = Running()
    threading.Timer(0.05, running.cancel).start()
    with slot.turn(Running()), pytest.raises(QueryCancelled), slot.turn(running):
        pass


def test_a_row_beyond_all_reason_is_an_error_and_not_a_flood(open_executor: Open, shop: Path) -> None:
    executor = open_executor(shop, max_bytes=1_000_000)
    assert len(read(executor, "SELECT printf('%.*c', 3900000, 'x')").rows[0][0]) == 3_900_000
    with pytest.raises(ResourceExhausted, match="5 MB"):
        read(executor, "SELECT printf('%.*c', 2500000, 'x'), printf('%.*c', 2500000, 'y')")


def test_the_deadline_holds_while_somebody_else_has_the_lock(open_executor: Open, shop: Path) -> None:
    executor = open_executor(shop, busy_timeout_s=30, read_only=False)
    executor.ping("shop")
    other = sqlite3.connect(shop, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for intent, text in ((Intent.READ, "SELECT * FROM product"), (Intent.WRITE, "DELETE FROM purchase")):
        with pytest.raises(QueryTimeout):
            executor.run(Call("shop", Statement(text), intent, limits=Limits(timeout_s=0.2)))
    other.close()
    assert len(read(executor, "SELECT * FROM purchase")) == 3


def test_calls_that_lead_nowhere_are_recorded_too(open_executor: Open, shop: Path, captured: Captured) -> None:
    executor = open_executor(shop)
    with pytest.raises(UnknownSource):
        executor.run(Call("nowhere", Statement("SELECT 1")))
    with pytest.raises(CursorExpired):
        executor.read_on("no-such-cursor", caller="eve")
    first, second = captured.records
    assert (first.source, first.decision, first.code) == ("nowhere", "failed", "unknown_source")
    assert (second.caller, second.decision, second.code) == ("eve", "failed", "cursor_expired")


def test_a_cause_that_tells_a_secret_is_let_go(flaky: Executor) -> None:
    with pytest.raises(DatabaseError) as caught:
        read(flaky, "SELECT 'leak'")
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))

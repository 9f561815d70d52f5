"""The road under faults, on an engine that fails as it is told: nothing leaks, nothing shows, nobody waits for long."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

import pytest

from dbmcp_core import (
    Call,
    ConnectionFailed,
    CursorExpired,
    DatabaseError,
    DbmcpError,
    Executor,
    Limits,
    QueryCancelled,
    QueryFailed,
    Registry,
    Running,
    Secret,
    Source,
    Statement,
    UnknownSource,
)
from dbmcp_core.testing import Caller, FakeEngine, FakeSettings, captured_records, in_threads

PATIENCE_S = 10.0


def road(engine: FakeEngine, **settings: object) -> tuple[Caller, list]:
    registry = Registry()
    records = captured_records(registry)
    values = FakeSettings(**{"read_only": False, **settings})  # type: ignore[arg-type]
    return Caller(Executor(registry, [Source("main", engine, values)])), records


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does in a moment."""
    waiting = threading.Event()
    for _ in range(int(PATIENCE_S / 0.01)):
        if condition():
            return
        waiting.wait(0.01)
    raise AssertionError("it doesn't happen")


def test_a_secret_shows_nowhere() -> None:
    canary = "canary-5up3r"
    failure = QueryFailed(f"no {canary}", hint=f"try {canary}", details={"dsn": canary})
    engine = FakeEngine(failures={"query": [failure, RuntimeError(f"driver says {canary}")]})
    caller, records = road(engine, password=Secret(canary))
    shown = [repr(caller.executor.sources()), str(caller.executor.sources()[0].settings)]
    for _ in range(2):
        with pytest.raises(DatabaseError) as caught:
            caller.query(f"read {canary}")
        shown += [str(caught.value), repr(caught.value), str(caught.value.details)]
        shown += traceback.format_exception_only(caught.value)
    shown += [str(record.as_dict()) for record in records]
    assert [text for text in shown if canary in text] == []


def test_a_stream_that_fails_is_closed() -> None:
    engine = FakeEngine([(n,) for n in range(100)], failures={"row": [None] * 10 + [QueryFailed("torn")]})
    caller, records = road(engine)
    with pytest.raises(QueryFailed, match="torn"):
        caller.query("read")
    assert engine.databases[0].open_streams == 0
    assert records[-1].decision == "failed"
    assert len(caller.query("read")) == 100


def test_a_stream_that_fails_on_a_later_page_is_closed() -> None:
    engine = FakeEngine([(n,) for n in range(100)], failures={"row": [None] * 50 + [QueryFailed("torn")]})
    caller, records = road(engine)
    page = caller.query("read", limits=Limits(max_rows=10))
    assert page.cursor is not None
    with pytest.raises(QueryFailed, match="torn"):
        caller.read_on(page.cursor, limits=Limits(max_rows=90))
    assert engine.databases[0].open_streams == 0
    assert (records[-1].action, records[-1].decision) == ("read_on", "failed")


@pytest.mark.parametrize("parks", [True, False])
def test_a_truncated_stream_is_parked_or_closed(parks: bool) -> None:
    engine = FakeEngine([(n,) for n in range(100)], parks=parks)
    caller, _ = road(engine)
    page = caller.query("read", limits=Limits(max_rows=10))
    assert (page.truncated, page.cursor is not None) == (True, parks)
    assert engine.databases[0].open_streams == int(parks)
    caller.executor.remove("main")
    assert engine.databases[0].open_streams == 0


def test_a_wrong_limit_on_a_later_page_closes_the_stream() -> None:
    engine = FakeEngine([(n,) for n in range(100)])
    caller, _ = road(engine)
    page = caller.query("read", limits=Limits(max_rows=10))
    assert page.cursor is not None
    with pytest.raises(DbmcpError):
        caller.read_on(page.cursor, limits=Limits(max_rows=-1))
    assert engine.databases[0].open_streams == 0


def test_a_broken_connection_is_replaced() -> None:
    engine = FakeEngine(failures={"query": [ConnectionFailed("gone")]})
    caller, _ = road(engine)
    with pytest.raises(ConnectionFailed):
        caller.query("read")
    assert caller.query("read").rows == ((1,),)
    assert [database.connected for database in engine.databases] == [False, True]


def test_one_connect_for_many_callers() -> None:
    engine = FakeEngine()
    caller, _ = road(engine)
    in_threads([lambda: caller.query("read")] * 12)
    assert engine.calls.count("connect") == 1


def test_a_source_that_is_down_is_not_hammered_and_comes_back() -> None:
    engine = FakeEngine(failures={"connect": [ConnectionFailed("down")]})
    caller, records = road(engine)
    for _ in range(5):
        with pytest.raises(ConnectionFailed, match="down"):
            caller.ping()
    assert engine.calls.count("connect") == 1
    assert len(records) == 5
    until(lambda: _answers(caller))


def _answers(caller: Caller) -> bool:
    try:
        caller.ping()
    except ConnectionFailed:
        return False
    return True


def test_a_driver_that_raises_anything_is_an_error_with_a_code() -> None:
    for failure in (ValueError("x"), KeyError("x"), RecursionError(), MemoryError(), OSError(5, "x"), StopIteration()):
        engine = FakeEngine(failures={"query": [failure], "ping": [failure]})
        caller, records = road(engine)
        for call in (lambda caller=caller: caller.query("read"), caller.ping):
            with pytest.raises(DatabaseError, match="failed unexpectedly"):
                call()
            assert records[-1].decision == "failed"
        assert caller.query("read").rows == ((1,),)


def test_removing_a_source_stops_who_runs_and_who_waits_and_opens_nothing_anew() -> None:
    engine = FakeEngine()
    caller, _ = road(engine, max_concurrent=1)
    hold = engine.hold("query")
    errors: list[DbmcpError] = []

    def run() -> None:
        with pytest.raises(DbmcpError) as caught:
            caller.query("read")
        errors.append(caught.value)

    def remove() -> None:
        assert hold.entered.wait(PATIENCE_S)
        caller.executor.remove("main")

    in_threads([run, run, run, remove])
    assert len(errors) == 3
    assert all(isinstance(error, (QueryCancelled, UnknownSource)) for error in errors)
    assert len(engine.databases) == 1
    assert not engine.databases[0].connected


def test_what_is_parked_after_its_source_was_removed_is_closed() -> None:
    engine = FakeEngine([(n,) for n in range(100)])
    caller, _ = road(engine)
    cursors: list[str | None] = []
    hold = engine.hold("row")

    def run() -> None:
        try:
            cursors.append(caller.query("read", limits=Limits(max_rows=10)).cursor)
        except DbmcpError:
            cursors.append(None)

    def remove() -> None:
        assert hold.entered.wait(PATIENCE_S)
        caller.executor.remove("main")
        engine.let_go("row")

    in_threads([run, remove])
    for cursor in cursors:
        if cursor is not None:
            with pytest.raises(CursorExpired):
                caller.read_on(cursor)
    assert engine.databases[0].open_streams == 0


def test_a_cancel_while_waiting_for_a_turn_is_heard() -> None:
    engine = FakeEngine()
    caller, records = road(engine, max_concurrent=1)
    hold = engine.hold("query")
    running = Running()

    def wait() -> None:
        assert hold.entered.wait(PATIENCE_S)
        running_call = threading.Thread(target=running.cancel)
        running_call.start()
        with pytest.raises(QueryCancelled):
            caller.query("read", running=running)
        engine.let_go("query")

    in_threads([lambda: caller.query("read"), wait])
    assert sorted(record.decision for record in records) == ["done", "stopped"]


def test_a_policy_of_a_plugin_is_heard_and_one_that_raises_refuses() -> None:
    class Strict:
        from dbmcp_core import hookimpl

        @hookimpl
        def dbmcp_policies(self) -> list:
            def fail(request: object) -> str:
                raise RuntimeError("undecided")

            return [lambda request: "Not today." if "today" in request.call.statement.text else None, fail]

    registry = Registry()
    registry.register(Strict(), "strict")
    records = captured_records(registry)
    engine = FakeEngine()
    executor = Executor(registry, [Source("main", engine, FakeSettings())])
    for text in ("read today", "read tomorrow"):
        with pytest.raises(DbmcpError):
            executor.run(Call("main", Statement(text)))
    assert "query" not in engine.calls
    assert [record.decision for record in records] == ["refused", "refused"]

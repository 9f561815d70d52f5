"""What MongoDB is told when a statement is stopped, or its rows are no longer wanted: seen on the wire."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dbmcp_core.config import Source
from dbmcp_core.errors import QueryCancelled, QueryTimeout
from dbmcp_core.executor import Executor
from dbmcp_core.registry import Registry
from dbmcp_core.running import Running
from dbmcp_core.statement import Limits, Statement
from dbmcp_core.testing import Caller

pymongo = pytest.importorskip("pymongo")

from pymongo import monitoring  # noqa: E402

from dbmcp_mongo import Mongo, client  # noqa: E402

#: Some seconds of work, which SecantusDB does to its end whoever tells it to stop.
SLOW = (
    "db.aggregate([{$documents: [{n: 1}]}, {$project: {n: {$range: [0, 300000]}}}, {$unwind: '$n'},"
    " {$group: {_id: null, n: {$sum: '$n'}}}])"
)


class Recorder(monitoring.CommandListener):
    """Every command, and a signal for each name."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.seen: dict[str, threading.Event] = {}

    def event(self, name: str) -> threading.Event:
        return self.seen.setdefault(name, threading.Event())

    def named(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self.sent if name in one]

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.sent.append(dict(event.command))
        self.event(event.command_name).set()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder, fixed = Recorder(), client._fixed
    monkeypatch.setattr(client, "_fixed", lambda one: {**fixed(one), "event_listeners": [recorder]})
    return recorder


@pytest.fixture
def caller(mongo: dict[str, Any], recorder: Recorder) -> Iterator[Caller]:
    engine = Mongo()
    settings = engine.settings.build({**mongo, "read_only": False, "max_rows": 2}, where="test")
    executor = Executor(Registry(), [Source("main", engine, settings, "test")])
    try:
        yield Caller(executor)
    finally:
        executor.close()


def test_at_its_deadline_a_statement_s_session_is_killed(caller: Caller, recorder: Recorder) -> None:
    caller.query("db.u.find()")  # connected, so that the time is the statement's own
    with pytest.raises(QueryTimeout):
        caller.query(SLOW, limits=Limits(timeout_s=0.2))
    (slow,) = recorder.named("aggregate")
    killed = recorder.named("killSessions")
    assert killed
    assert all(one["killSessions"] == [slow["lsid"]] for one in killed)
    assert slow["maxTimeMS"] == 32_000


def test_a_cancel_kills_the_session_too(mongo: dict[str, Any], recorder: Recorder) -> None:
    database = Mongo().open(Mongo.settings.build(mongo, where="test"))
    database.connect()
    running = Running()

    def cancel() -> None:
        recorder.event("aggregate").wait()
        running.cancel()

    other = threading.Thread(target=cancel)
    other.start()
    try:
        with pytest.raises(QueryCancelled), running.within(30):
            list(database.query(Statement(SLOW), running))
    finally:
        other.join()
        database.disconnect()
    (slow,) = recorder.named("aggregate")
    assert [slow["lsid"]] in [one["killSessions"] for one in recorder.named("killSessions")]


def test_rows_that_nobody_wants_any_more_leave_no_cursor(caller: Caller, recorder: Recorder) -> None:
    caller.execute("db.u.insertMany(?)", [[{"_id": n, "text": "x" * 2_500_000} for n in range(5)]])
    first = caller.query("db.u.find().batchSize(4)", limits=Limits(max_rows=1))
    assert first.truncated
    assert not recorder.named("getMore")  # large documents are not read ahead of whoever asked for one
    caller.executor.close()
    (killed,) = recorder.named("killCursors")
    assert killed["killCursors"] == "u"
    assert len(killed["cursors"]) == 1

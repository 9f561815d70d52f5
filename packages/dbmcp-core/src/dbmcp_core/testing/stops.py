"""What every engine promises of stops: cancel and deadline end a statement in the database, and nothing else."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable

import pytest

from dbmcp_core.call import CallRecord
from dbmcp_core.database import Engine
from dbmcp_core.errors import DbmcpError, LimitExceeded, QueryCancelled, QueryTimeout
from dbmcp_core.executor import Executor
from dbmcp_core.running import Running
from dbmcp_core.statement import Limits
from dbmcp_core.testing.base import PATIENCE_S, Contract, in_threads
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.data import BOOK
from dbmcp_core.testing.fakes import WatchedRunning

__all__ = ["StopsContract", "ends_when_removed"]


def ends_when_removed(executor: Executor, call: Callable[[Running], object]) -> None:
    """Assert that *call*, whose statement on source ``main`` runs on, ends with an error when the source is removed."""
    running = WatchedRunning()

    def run() -> None:
        with pytest.raises(DbmcpError):
            call(running)

    def remove() -> None:
        assert running.corded.wait(PATIENCE_S)
        executor.remove("main")

    try:
        in_threads([run, remove])
    finally:
        running.cancel()


class StopsContract(Contract):
    """Cancel and deadline. A stop that takes longer than a generous while counts as none."""

    def test_a_cancel_stops_a_running_statement(self, main: Caller, records: list[CallRecord]) -> None:
        with pytest.raises(QueryCancelled):
            self._run_and_cancel(main)
        assert (records[-1].decision, records[-1].code) == ("stopped", "query_cancelled")
        main.ping()

    def test_twenty_cancels_leave_nothing_behind(
        self, engine: Engine, settings: dict[str, object], executor: Executor
    ) -> None:
        executor.add(self.source(engine, settings, "narrow", max_concurrent=2))
        narrow = Caller(executor, "narrow")
        with pytest.raises(QueryCancelled):
            self._run_and_cancel(narrow)
        before = threading.active_count()
        for _ in range(20):
            with pytest.raises(QueryCancelled):
                self._run_and_cancel(narrow)
        narrow.ping()
        for thread in threading.enumerate():
            if thread.name == "dbmcp-stop":
                thread.join(PATIENCE_S)
        assert threading.active_count() <= before + 1

    def test_many_are_stopped_at_once_and_others_are_not(self, filled: Caller) -> None:
        runaway = self._runaway()
        handles = [WatchedRunning() for _ in range(4)]

        def run(running: Running) -> None:
            with pytest.raises(QueryCancelled):
                filled.query(runaway, running=running)

        def stop() -> None:
            for handle in handles:
                assert handle.corded.wait(PATIENCE_S)
            assert filled.query(self.reading(BOOK)).rows == BOOK.rows
            for handle in handles:
                handle.cancel()

        in_threads([*(functools.partial(run, handle) for handle in handles), stop])
        assert filled.query(self.reading(BOOK)).rows == BOOK.rows

    def test_a_deadline_stops_a_running_statement(self, filled: Caller, records: list[CallRecord]) -> None:
        runaway = self._runaway()
        for _ in range(5):
            with pytest.raises(QueryTimeout):
                in_threads([lambda: filled.query(runaway, limits=Limits(timeout_s=0.1))])
            assert (records[-1].decision, records[-1].code) == ("stopped", "query_timeout")
            assert filled.query(self.reading(BOOK)).rows == BOOK.rows

    def test_a_caller_cannot_lift_the_sources_deadline(
        self, engine: Engine, settings: dict[str, object], executor: Executor
    ) -> None:
        runaway = self._runaway()
        executor.add(self.source(engine, settings, "hasty", timeout_s=0.1))
        hasty = Caller(executor, "hasty")
        for timeout_s in (None, 1e9, math.inf):
            with pytest.raises(QueryTimeout):
                in_threads([functools.partial(hasty.query, runaway, limits=Limits(timeout_s=timeout_s))])
        with pytest.raises((QueryTimeout, LimitExceeded)):
            in_threads([lambda: hasty.query(runaway, limits=Limits(timeout_s=math.nan))])

    def test_a_statement_cancelled_before_it_runs_does_not_run(self, main: Caller) -> None:
        running = Running()
        running.cancel()
        running.cancel()
        with pytest.raises(QueryCancelled):
            main.query(self.counting(main, 1), running=running)
        main.ping()

    def test_reading_on_can_be_cancelled(self, main: Caller, records: list[CallRecord]) -> None:
        page = main.query(self.counting(main, 300), limits=Limits(max_rows=10))
        if page.cursor is None:
            pytest.skip("this engine's results can't be read on after a pause")
        running = Running()
        running.cancel()
        with pytest.raises(QueryCancelled):
            main.read_on(page.cursor, running=running)
        assert (records[-1].action, records[-1].decision) == ("read_on", "stopped")
        main.ping()

    def test_a_cancel_after_the_end_stops_nothing(self, filled: Caller) -> None:
        running = Running()
        filled.query(self.reading(BOOK), running=running)
        running.cancel()
        assert filled.query(self.reading(BOOK)).rows == BOOK.rows

    def test_removing_a_source_stops_its_statements(self, executor: Executor, main: Caller) -> None:
        runaway = self._runaway()
        ends_when_removed(executor, lambda running: main.query(runaway, running=running))

    def _run_and_cancel(self, caller: Caller) -> None:
        runaway = self._runaway()
        running = WatchedRunning()

        def stop() -> None:
            assert running.corded.wait(PATIENCE_S)
            running.cancel()

        in_threads([lambda: caller.query(runaway, running=running), stop])

    def _runaway(self) -> str:
        if self.runaway is None:
            pytest.skip("this engine has no statement that runs on")
        return self.runaway

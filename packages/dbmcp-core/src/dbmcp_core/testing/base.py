"""What the author of an engine tells the contract, and what the contract's tests get from it."""

# ruff: noqa: ARG002 - methods to override, and fixtures that are wanted for what they do

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import pytest

from dbmcp_core.call import CallRecord
from dbmcp_core.config import Source
from dbmcp_core.database import Database, Engine
from dbmcp_core.executor import Executor
from dbmcp_core.registry import Registry
from dbmcp_core.statement import Rows, Statement
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.data import Table
from dbmcp_core.testing.fakes import captured_records

__all__ = ["Contract"]

#: Seconds after which something that should have ended counts as hanging.
PATIENCE_S = 20.0


class Contract:
    """The author's side. What is ``None`` here is something that a database may lack: its tests skip, and say so."""

    #: A read that wouldn't end within a minute, for the tests of cancel and deadline.
    runaway: ClassVar[str | None] = None
    #: A text that the engine can't understand.
    rejected: ClassVar[str | None] = None
    #: Statements that must neither pass as a read nor change anything on a read-only source.
    hostile: ClassVar[tuple[str, ...]] = ()
    #: Whether two databases with the same settings hold the same data (a database in memory doesn't).
    shared: ClassVar[bool] = True

    @pytest.fixture
    def engine(self) -> Engine:
        """Return the engine under test."""
        raise NotImplementedError("A contract's class has a fixture 'engine'.")

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        """Return the settings of a database that is writable and empty, made for this test."""
        raise NotImplementedError("A contract's class has a fixture 'settings'.")

    def fill(self, main: Caller) -> None:
        """Put ``AUTHOR`` and ``BOOK`` into the empty database, and the view where there are views."""
        raise NotImplementedError

    def reading(self, table: Table) -> Statement:
        """Return the read of all columns and rows of *table*, in the order of its first column."""
        raise NotImplementedError

    def finding(self, title: str) -> Statement:
        """Return the read of the rows of ``BOOK`` with this *title*, which is a parameter."""
        raise NotImplementedError

    def counting(self, main: Caller, count: int) -> Statement:
        """Return a read of *count* rows (up to 10,000), the numbers from 1 in their first column, in order."""
        raise NotImplementedError

    def described(self, table: Table) -> tuple[str, ...]:
        """Return the names of the columns that the engine tells of *table*: its own, where it has some, among them."""
        return table.column_names

    def adding(self, table: Table, row: Sequence[Any]) -> Statement | None:
        """Return the write that adds *row* to *table*, or None if this engine writes nothing."""
        return None

    def unreachable(self, settings: dict[str, object]) -> dict[str, object] | None:
        """Return settings like these that lead to no database, or None if there are none such."""
        return None

    def drop_connections(self) -> None:
        """Cut every connection to the database from outside, as a restart of the server would."""
        pytest.skip("this contract has no way to drop the database's connections")

    # The contract's side

    def source(
        self,
        engine: Engine,
        settings: dict[str, object],
        name: str = "main",
        *,
        read_only: bool = False,
        **more: object,
    ) -> Source:
        """Return a source of these settings."""
        values = {**settings, "read_only": read_only, **more}
        return Source(name, engine, engine.settings.build(values, where="contract"), "contract")

    @pytest.fixture
    def registry(self) -> Registry:
        """Return a registry with what the core brings."""
        return Registry()

    @pytest.fixture
    def records(self, registry: Registry) -> list[CallRecord]:
        """Return the list that every call's record goes to."""
        return captured_records(registry)

    @pytest.fixture
    def executor(
        self, engine: Engine, settings: dict[str, object], registry: Registry, records: list[CallRecord]
    ) -> Iterator[Executor]:
        """Return an executor with the source ``main``, writable, and ``reader``, the same one for reading alone."""
        main = self.source(engine, settings)
        executor = Executor(registry, [main, self.source(engine, settings, "reader", read_only=True)])
        try:
            yield executor
        finally:
            executor.close()

    @pytest.fixture
    def main(self, executor: Executor) -> Caller:
        """Return a caller on the writable source."""
        return Caller(executor)

    @pytest.fixture
    def filled(self, main: Caller) -> Caller:
        """Return a caller on the writable source, with the data set in it."""
        self.fill(main)
        return main

    @pytest.fixture
    def reader(self, main: Caller) -> Caller:
        """Return a caller on the read-only source."""
        return main.on("reader")

    @pytest.fixture
    def database(self, engine: Engine, settings: dict[str, object]) -> Iterator[Database]:
        """Return an open database, off the road."""
        with engine.open(self.source(engine, settings).settings) as database:
            yield database


def drain(rows: Rows) -> list[tuple[Any, ...]]:
    """Read a stream to its end and close it."""
    try:
        return [row for batch in rows for row in batch]
    finally:
        rows.close()


def in_threads(works: Sequence[Callable[[], object]]) -> None:
    """Run all of *works* at once, each on a thread of its own; raise the first one's error.

    A thread that is still running after a long while is a failure, not a hang.
    """
    errors: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        try:
            start.wait(PATIENCE_S)
            work()
        except BaseException as exc:  # noqa: BLE001 - raised again on the test's own thread
            errors.append(exc)

    threads = [threading.Thread(target=run, args=[work], daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if errors:
        raise errors[0]

"""Stand-ins for tests of the road: records kept in a list, a handle that tells when it is used, an engine to script."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dbmcp_core.call import CallRecord
from dbmcp_core.database import Database, Engine, batches
from dbmcp_core.errors import ConnectionFailed, DatabaseError, NotFound
from dbmcp_core.hookspecs import hookimpl
from dbmcp_core.registry import Registry
from dbmcp_core.running import Running
from dbmcp_core.schema import ColumnInfo, SchemaInfo, TableName, TableSchema
from dbmcp_core.settings import Secret, Settings, setting
from dbmcp_core.statement import Column, Kind, Outcome, RefusalCode, Rows, Statement, Verdict

__all__ = ["FakeDatabase", "FakeEngine", "FakeSettings", "Hold", "WatchedRunning", "captured_records"]


class _Captured:
    def __init__(self) -> None:
        self.records: list[CallRecord] = []

    @hookimpl
    def dbmcp_record(self, record: CallRecord) -> None:
        self.records.append(record)


def captured_records(registry: Registry, name: str = "captured-records") -> list[CallRecord]:
    """Return a list that takes the record of every call of *registry*'s executors from now on."""
    captured = _Captured()
    registry.register(captured, name)
    return captured.records


class WatchedRunning(Running):
    """A handle that says when the engine has hung its stop cord on it: from then on a statement is under way."""

    def __init__(self) -> None:
        super().__init__()
        self.corded = threading.Event()

    @contextmanager
    def cord(self, stop: Callable[[], None]) -> Iterator[None]:
        """Hang *stop* on this handle, and tell."""
        with super().cord(stop):
            self.corded.set()
            yield


class FakeSettings(Settings):
    """Settings with a secret, and with one that is required of nobody."""

    password: Secret | None = setting(None, doc="Never shows.")
    place: str = setting("nowhere", doc="Means nothing.")


@dataclass(frozen=True, slots=True)
class Hold:
    """A method of a fake database that waits: until ``release`` is set, or until its statement is stopped."""

    entered: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


class FakeEngine(Engine):
    """An engine without a database: it answers every read with the same rows, and fails as it is told.

    Its language: a text that begins with ``write``, ``define`` or ``admin`` is one, ``refuse …`` isn't understood,
    and everything else is a read.

    Args:
        rows: What a read returns.
        columns: The names of their columns.
        failures: By method name, what its next calls raise, one after the other; ``None`` is a call that works, and
            so are all calls after the last.
        parks: Whether a stream can be read on after a pause.
    """

    name = "fake"
    settings = FakeSettings

    def __init__(
        self,
        rows: Sequence[tuple[Any, ...]] = ((1,),),
        *,
        columns: Sequence[str] = ("n",),
        failures: Mapping[str, Sequence[BaseException | None]] | None = None,
        parks: bool = True,
    ) -> None:
        self.rows = rows
        self.columns = columns
        self.parks = parks
        self.failures = {name: list(some) for name, some in (failures or {}).items()}
        #: The methods that were called, in order.
        self.calls: list[str] = []
        self.databases: list[FakeDatabase] = []
        self._holds: dict[str, Hold] = {}
        self._lock = threading.Lock()

    def open(self, settings: FakeSettings) -> FakeDatabase:
        """Return a database on *settings*, and remember it in ``databases``."""
        database = FakeDatabase(self, settings)
        self.databases.append(database)
        return database

    def hold(self, method: str) -> Hold:
        """Let every call of *method* wait from now on."""
        return self._holds.setdefault(method, Hold())

    def let_go(self, method: str) -> None:
        """Let the waiting calls of *method* go on, and no call wait any more."""
        self._holds.pop(method).release.set()

    def step(self, method: str, running: Running | None = None) -> None:
        """Note one call of *method*, wait if it is held, and fail if it is its turn."""
        with self._lock:
            self.calls.append(method)
            failures = self.failures.get(method)
            failure = failures.pop(0) if failures else None
        hold = self._holds.get(method)
        if hold is not None:
            self._wait(hold, running)
        if failure is not None:
            raise failure

    def _wait(self, hold: Hold, running: Running | None) -> None:
        hold.entered.set()
        if running is None:
            hold.release.wait()
            return
        end = threading.Event()
        with running.cord(end.set):
            while not hold.release.wait(0.01):
                if end.is_set():
                    raise DatabaseError("The fake statement was interrupted.")


class FakeDatabase(Database):
    """What ``FakeEngine`` opens. ``open_streams`` counts the streams that nobody has ended or closed."""

    def __init__(self, engine: FakeEngine, settings: FakeSettings) -> None:
        self.engine = engine
        self.settings = settings
        self.connected = False
        self.open_streams = 0
        self.statements: list[Statement] = []

    def connect(self) -> None:
        """Connect, if it isn't to fail."""
        self.engine.step("connect")
        self.connected = True

    def disconnect(self) -> None:
        """Disconnect."""
        self.engine.step("disconnect")
        self.connected = False

    def query(self, statement: Statement, running: Running) -> Rows:
        """Return the engine's rows."""
        self._begin("query", running)
        self.statements.append(statement)
        self.open_streams += 1

        def close() -> None:
            self.open_streams -= 1

        def rows() -> Iterator[tuple[Any, ...]]:
            for row in self.engine.rows:
                self.engine.step("row", running)
                yield row

        columns = [Column(name) for name in self.engine.columns]
        return Rows(columns, batches(rows()), close, lambda: self.engine.parks)

    def execute(self, statement: Statement, running: Running) -> Outcome:
        """Say that one row was written."""
        self._begin("execute", running)
        self.statements.append(statement)
        return Outcome(1)

    def judge(self, statement: Statement, verdict: Verdict) -> Verdict:  # noqa: ARG002
        """Go by the first word."""
        word = statement.text.partition(" ")[0]
        if word == "refuse":
            return Verdict(Kind.UNKNOWN, code=RefusalCode.UNPARSABLE, reason="It says refuse.", line=1, column=1)
        if word in ("write", "define", "admin"):
            return Verdict(Kind(word), code=RefusalCode.NOT_A_READ, reason=f"It says {word}.")
        return Verdict(Kind.READ, frozenset({TableName("fake")}))

    def get_tables(self, schema: str | None = None) -> list[TableName]:  # noqa: ARG002
        """Return the one table."""
        self._begin("get_tables")
        return [TableName("fake")]

    def get_table_schema(self, table: TableName) -> TableSchema:
        """Return the one table's columns."""
        self._begin("get_table_schema")
        if table.name != "fake":
            raise NotFound(f"There is no table {str(table)!r}.", hint="Did you mean fake?")
        return TableSchema(table, "table", tuple(ColumnInfo(name, "any") for name in self.engine.columns))

    def get_schema(self) -> SchemaInfo:
        """Return the one table."""
        self._begin("get_schema")
        return SchemaInfo("fake", (self.get_table_schema(TableName("fake")),))

    def ping(self) -> None:
        """Do nothing, if it isn't to fail."""
        self._begin("ping")

    def _begin(self, method: str, running: Running | None = None) -> None:
        if not self.connected:
            raise ConnectionFailed("The fake database is not connected.")
        self.engine.step(method, running)

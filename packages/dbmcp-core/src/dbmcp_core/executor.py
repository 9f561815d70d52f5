"""The one road to a database: open → guard → policies → engine → cap → record. Every door leads here."""

from __future__ import annotations

import dataclasses
import functools
import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

from dbmcp_core import policy
from dbmcp_core.call import Call, Intent, Request
from dbmcp_core.config import Source
from dbmcp_core.database import (
    Database,
    Lock,
    SupportsExplain,
    SupportsJudge,
    SupportsLocks,
    SupportsPrepare,
    SupportsSchemaVersion,
)
from dbmcp_core.errors import (
    ConfigError,
    DatabaseError,
    LimitExceeded,
    StatementRefused,
    UnknownSource,
    UnsupportedError,
)
from dbmcp_core.guard import judge
from dbmcp_core.journal import Entry, recorded
from dbmcp_core.parking import Page, Parking, Stream
from dbmcp_core.registry import Registry
from dbmcp_core.running import Running
from dbmcp_core.settings import nearest
from dbmcp_core.slots import Slot
from dbmcp_core.statement import Kind, Limits, Outcome, RefusalCode, Result, Statement, Verdict

if TYPE_CHECKING:
    from dbmcp_core.schema import SchemaInfo, TableName, TableSchema

__all__ = ["Executor"]

_log = logging.getLogger("dbmcp")
_T = TypeVar("_T")

#: A first row may be this many times as large as an answer should be: there must be a way to read one large value.
_ROW_TIMES = 4
#: What whoever calls a tool can do, whose text isn't theirs.
_OF_A_TOOL = "Ask for less at once; whoever runs this server sets the source's 'timeout_s'."
#: Seconds that a schema is taken from memory where the engine can't tell whether it changed.
_SCHEMA_S = 30.0


class Executor:
    """Runs calls on sources. Safe from many threads; everything blocks.

    Args:
        registry: Whose policies and records hold.
        sources: The sources to begin with; none is opened before it is used.
    """

    def __init__(self, registry: Registry, sources: Iterable[Source] = ()) -> None:
        self._registry = registry
        self._policies = [one for given in registry.hook.dbmcp_policies() for one in given]
        self._slots: dict[str, Slot] = {}
        self._changing = threading.Lock()
        self._parking = Parking()
        self._schemas: dict[str, tuple[Hashable, float, SchemaInfo]] = {}
        for source in sources:
            self.add(source)

    # Sources

    def sources(self) -> list[Source]:
        """Return the sources, in the order in which they came."""
        return [slot.source for slot in self._slots.values()]

    def is_open(self, name: str) -> bool:
        """Return whether the source called *name* is connected now; opens nothing."""
        return self._slot(name).is_open

    def add(self, source: Source) -> None:
        """Add a source; it is opened by its first call.

        Raises:
            ConfigError: if its name is taken.
        """
        with self._changing:
            if source.name in self._slots:
                raise ConfigError(f"There is a source {source.name!r} already.", hint="Choose another name.")
            self._slots = {**self._slots, source.name: Slot(source)}

    def remove(self, name: str) -> None:
        """Disconnect a source and forget it; its statements are stopped."""
        with self._changing:
            slot = self._slot(name)
            self._slots = {key: other for key, other in self._slots.items() if other is not slot}
        self._parking.clear(name)
        self._schemas.pop(name, None)
        slot.stop(removed=True)

    def disconnect(self, name: str) -> None:
        """Disconnect a source; its next call opens it anew."""
        self._parking.clear(name)
        self._schemas.pop(name, None)
        self._slot(name).drop()

    def close(self) -> None:
        """Disconnect every source."""
        self._parking.clear()
        for slot in self._slots.values():
            slot.stop()

    def _slot(self, name: str, entry: Entry | None = None) -> Slot:
        slot = self._slots.get(name)
        if slot is None:
            known = nearest(name, self._slots) or " (there is none)"
            raise UnknownSource(f"There is no source {name!r}{known}.")
        if entry is not None:
            entry.source = slot.source
        return slot

    # Statements

    def run(self, call: Call, running: Running | None = None) -> Result | Outcome:
        """Run one statement and return its first page of rows, or what a write did.

        Args:
            call: What to run, where, for whom.
            running: The handle to stop it by, from another thread.

        Raises:
            DbmcpError: whatever went wrong; the database is left usable.
        """
        running = running or Running()
        entry = Entry(call.intent.value, call.caller, call.door, call.source, call.statement, parent=call.parent)
        entry.private = call.private
        with recorded(self._registry, entry):
            slot = self._slot(call.source, entry)
            page, timeout_s = _limits(slot.source, call.limits)
            started = time.perf_counter()
            call = _bound(slot.source, call)
            hint = _OF_A_TOOL if call.parent is not None else None
            with running.within(timeout_s, hint=hint), self._using(slot, running) as database:
                call = self._guard(database, slot.source, call, entry)
                if call.intent is Intent.WRITE:
                    outcome = database.execute(call.statement, running)
                    entry.rows = outcome.affected_rows
                    self._schemas.pop(call.source, None)
                    return _timed(outcome, started)
                rows = database.query(call.statement, running)
                return self._page(Stream(call.source, call.caller, rows, running), page, entry, started)

    def read_on(
        self,
        cursor: str,
        *,
        caller: str = "local",
        door: str = "python",
        limits: Limits | None = None,
        running: Running | None = None,
    ) -> Result:
        """Return the next page of a result that was truncated.

        Raises:
            CursorExpired: if the cursor was used, is too old or is another caller's.
        """
        running = running or Running()
        entry = Entry("read_on", caller, door)
        with recorded(self._registry, entry):
            started = time.perf_counter()
            stream = self._parking.take(cursor, caller)
            entry.name = stream.source
            try:
                slot = self._slot(stream.source, entry)
                page, timeout_s = _limits(slot.source, limits)
                with running.cord(stream.running.cancel), stream.running.within(timeout_s), slot.turn(stream.running):
                    return self._page(stream, page, entry, started)
            except BaseException:
                stream.rows.close()
                raise

    def _page(self, stream: Stream, page: Page, entry: Entry, started: float) -> Result:
        try:
            rows, more = stream.take(page)
            cursor = self._parking.park(stream) if more else None
        except BaseException:
            stream.rows.close()
            raise
        if not more:
            stream.rows.close()
        elif stream.source not in self._slots:  # removed since, together with what was parked on it
            self._parking.clear(stream.source)
        entry.rows, entry.truncated = len(rows), more
        return Result(stream.rows.columns, tuple(rows), more, cursor, time.perf_counter() - started)

    def explain(self, source: str, statement: Statement, *, caller: str = "local", door: str = "python") -> str:
        """Return the plan of a read, without running it."""
        call = Call(source, statement, Intent.READ, caller, door)
        entry = Entry("explain", caller, door, source, statement)

        def explain(database: Database) -> str:
            if not isinstance(database, SupportsExplain):
                raise UnsupportedError("This engine has no plans to show.")
            bound = _bound(self._slot(source).source, call)
            self._guard(database, self._slot(source).source, bound, entry)
            return database.explain(bound.statement)

        return self._look(entry, explain, Running())

    def prepare(self, call: Call) -> None:
        """Have a statement looked at by all who do when it runs: guard, policies and database. It isn't run.

        The database is asked where its engine can: about reads, and about statements that change rows.

        Raises:
            DbmcpError: What the call would meet with, as far as anybody can tell without running it.
        """
        entry = Entry("prepare", call.caller, call.door, call.source, call.statement)

        def look(database: Database) -> None:
            source = self._slot(call.source).source
            checked = self._guard(database, source, _bound(source, call), entry)
            entry.action = "prepare"
            if checked.intent is Intent.READ:
                if isinstance(database, SupportsExplain):
                    database.explain(checked.statement)
            elif isinstance(database, SupportsPrepare) and entry.verdict and entry.verdict.kind is Kind.WRITE:
                database.prepare(checked.statement)

        self._look(entry, look, Running())

    def _guard(self, database: Database, source: Source, call: Call, entry: Entry) -> Call:
        """Find out what the statement does; return the call, or raise if the guard or a policy doesn't let it pass."""
        dialect = source.engine.dialect
        if dialect is not None:
            verdict = judge(call.statement.text, dialect)
        else:
            verdict = Verdict(
                Kind.UNKNOWN, code=RefusalCode.UNPARSABLE, reason="Nothing judges this engine's language."
            )
        if _supports(type(database), SupportsJudge):
            verdict = cast("SupportsJudge", database).judge(call.statement, verdict)
        entry.verdict = verdict
        if call.intent is Intent.EITHER:
            call = dataclasses.replace(call, intent=Intent.READ if verdict.kind is Kind.READ else Intent.WRITE)
            entry.action = call.intent.value
        refusal = _refusal(verdict, call.intent)
        if refusal is not None:
            raise refusal
        policy.check(Request(call, verdict, source.engine.name, source.settings.read_only), self._policies)
        return call

    # Schema

    def tables(
        self, source: str, *, caller: str = "local", door: str = "python", running: Running | None = None
    ) -> list[TableName]:
        """Return the names of the tables and views of *source*."""
        return self._inspect("tables", source, caller, door, lambda database: database.get_tables(), running)

    def table(
        self,
        source: str,
        table: TableName,
        *,
        caller: str = "local",
        door: str = "python",
        running: Running | None = None,
    ) -> TableSchema:
        """Return one table in full."""
        return self._inspect("table", source, caller, door, lambda database: database.get_table_schema(table), running)

    def schema(
        self, source: str, *, caller: str = "local", door: str = "python", running: Running | None = None
    ) -> SchemaInfo:
        """Return every table in full; from memory while the schema is known, or young enough, not to have changed."""

        def read(database: Database) -> SchemaInfo:
            version = database.schema_version() if isinstance(database, SupportsSchemaVersion) else None
            known = self._schemas.get(source)
            if known is not None and known[0] == version and (version is not None or time.monotonic() < known[1]):
                return known[2]
            schema = database.get_schema()
            self._schemas[source] = (version, time.monotonic() + _SCHEMA_S, schema)
            return schema

        return self._inspect("schema", source, caller, door, read, running)

    def ping(self, source: str, *, caller: str = "local", door: str = "python", running: Running | None = None) -> None:
        """Open *source* if it isn't, and make one round trip."""
        self._inspect("ping", source, caller, door, lambda database: database.ping(), running)

    def locks(self, source: str, *, caller: str = "local", door: str = "python") -> list[Lock]:
        """Return which layers of read-only hold on *source*; the guard and the policy are two of them everywhere."""

        def look(database: Database) -> list[Lock]:
            settings = self._slot(source).source.settings
            ours = [
                Lock("guard", True, "every statement is parsed; what isn't known to read is refused"),
                Lock("policy", settings.read_only, f"read_only = {str(settings.read_only).lower()}"),
            ]
            return ours + (database.locks() if isinstance(database, SupportsLocks) else [])

        return self._inspect("locks", source, caller, door, look)

    def _inspect(
        self,
        action: str,
        source: str,
        caller: str,
        door: str,
        look: Callable[[Database], _T],
        running: Running | None = None,
    ) -> _T:
        return self._look(Entry(action, caller, door, source), look, running or Running())

    def _look(self, entry: Entry, look: Callable[[Database], _T], running: Running) -> _T:
        with recorded(self._registry, entry):
            slot = self._slot(entry.name, entry)
            with running.within(slot.source.settings.timeout_s), self._using(slot, running) as database:
                return look(database)

    @contextmanager
    def _using(self, slot: Slot, running: Running) -> Iterator[Database]:
        """Open the source and hold one of its turns; a connection that broke is given up."""
        with slot.turn(running):
            database = slot.open()
            try:
                yield database
            except DatabaseError as exc:
                if exc.broken:
                    slot.drop(database)
                raise


@functools.cache
def _supports(database: type[Database], protocol: type) -> bool:
    """Return what ``isinstance`` says of a database of this class; asking it takes longer than a small statement."""
    return issubclass(database, protocol)


def _bound(source: Source, call: Call) -> Call:
    """Return *call* with its statement as the driver gets it, so that what is judged is what is run."""
    bound = source.engine.bind(call.statement)
    return call if bound is call.statement else dataclasses.replace(call, statement=bound)


def _limits(source: Source, asked: Limits | None) -> tuple[Page, float]:
    """Return what *asked* comes to under the settings of *source*."""
    settings, asked = source.settings, asked or Limits()
    for name in ("max_rows", "max_bytes", "max_tokens", "timeout_s"):
        number = getattr(asked, name)
        if number is not None and not number >= 0:  # NaN isn't either, and would be a deadline that never comes
            raise LimitExceeded(f"{name!r} wants a number from 0, not {number!r}.")
    page = Page(
        asked.max_rows if asked.max_rows is not None else settings.max_rows,
        _least(asked.max_bytes, settings.max_bytes),
        _least(asked.max_tokens, settings.max_tokens),
        settings.max_bytes * _ROW_TIMES,
    )
    return page, settings.timeout_s if asked.timeout_s is None else min(asked.timeout_s, settings.timeout_s)


def _least(*numbers: int | None) -> int | None:
    return min((number for number in numbers if number is not None), default=None)


def _refusal(verdict: Verdict, intent: Intent) -> StatementRefused | None:
    """Return why a statement with this verdict may not come this way, if so."""
    code, reason = verdict.code, verdict.reason or "The statement is not understood."
    if intent is Intent.READ:
        if verdict.kind is Kind.READ:
            return None
        hint = "Only a single statement that reads may run as a query."
    elif verdict.kind in (Kind.WRITE, Kind.DEFINE) and code is not RefusalCode.MULTIPLE:
        return None
    elif verdict.kind is Kind.READ:
        code, reason = RefusalCode.NOT_A_WRITE, "The statement only reads."
        hint = "Ask for it as a query."
    elif verdict.kind is Kind.ADMIN:
        code = RefusalCode.ADMIN
        hint = "Only statements that change rows or tables may run as an update; each is a transaction of its own."
    elif intent is Intent.EITHER:
        hint = "Send one single statement."
    else:
        hint = "Send one statement that changes rows or tables."
    if code is RefusalCode.UNPARSABLE:
        hint = "Correct it, or write it another way: what can't be read isn't run."
    where = {"line": verdict.line, "column": verdict.column} if verdict.line is not None else {}
    return StatementRefused(_at(reason, verdict), code=code or RefusalCode.NOT_A_READ, hint=hint, details=where)


def _at(reason: str, verdict: Verdict) -> str:
    place = f" (line {verdict.line}, column {verdict.column})" if verdict.line is not None else ""
    return f"{reason.rstrip('.')}{'' if place in reason else place}."


def _timed(outcome: Outcome, started: float) -> Outcome:
    return Outcome(outcome.affected_rows, outcome.generated_keys, outcome.returned, time.perf_counter() - started)

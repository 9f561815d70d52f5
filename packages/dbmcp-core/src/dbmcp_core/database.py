"""What an engine is, and what an open database can do: a plugin implements both, and what fits of ``Supports…``."""

from __future__ import annotations

import itertools
import marshal
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable
from urllib.parse import SplitResult, parse_qsl, unquote

from dbmcp_core.running import Running
from dbmcp_core.settings import Settings
from dbmcp_core.statement import Outcome, Rows, Statement, Verdict

if TYPE_CHECKING:
    from dbmcp_core.schema import SchemaInfo, TableName, TableSchema

__all__ = [
    "Database",
    "Engine",
    "Lock",
    "SupportsExplain",
    "SupportsJudge",
    "SupportsLocks",
    "SupportsPrepare",
    "SupportsSchemaVersion",
    "batches",
]


class Database(ABC):
    """One open handle on one source, with its pool. Blocking; used from several threads at once.

    Every method but ``connect`` and ``disconnect`` may raise ``DatabaseError``: drivers' errors are wrapped where the
    driver is called, ``from exc``. An error whose class says ``broken`` makes the executor disconnect and open anew.
    """

    @abstractmethod
    def connect(self) -> None:
        """Reach the database, so that the next statement can run.

        Raises:
            ConnectionFailed: with the reason, and without the password.
        """

    @abstractmethod
    def disconnect(self) -> None:
        """Give everything back. Statements still running are stopped; calling it twice is harmless."""

    @abstractmethod
    def query(self, statement: Statement, running: Running) -> Rows:
        """Run a read, on a session that can't write, and return its rows as a stream.

        The header is there when this returns; batches come as they are asked for (``batches`` helps). The session
        is bound to the stream until its end or its ``close``.
        """

    @abstractmethod
    def execute(self, statement: Statement, running: Running) -> Outcome:
        """Run a write, and commit it; on an error nothing of it stays.

        Raises:
            UnsupportedError: if the source was opened read-only.
        """

    @abstractmethod
    def get_tables(self, schema: str | None = None) -> list[TableName]:
        """Return the names of all tables and views (of one *schema*), sorted; cheap."""

    @abstractmethod
    def get_table_schema(self, table: TableName) -> TableSchema:
        """Return one table in full.

        Raises:
            NotFound: naming the nearest table that there is.
        """

    @abstractmethod
    def get_schema(self) -> SchemaInfo:
        """Return every table in full, if possible in a number of queries that doesn't grow with them."""

    @abstractmethod
    def ping(self) -> None:
        """Make one round trip to the database, or raise."""

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.disconnect()


class Engine(ABC):
    """One kind of database, as a plugin registers it; stateless."""

    #: The engine's one name: that of its entry point, in ``dbmcp.toml`` and in ``MCP_<NAME>_…``.
    name: ClassVar[str]
    #: Other names, also good as URL schemes: ``("postgresql",)``.
    aliases: ClassVar[tuple[str, ...]] = ()
    #: The SQL dialect that the guard judges its statements in; ``None`` where ``SupportsJudge`` does it alone.
    dialect: ClassVar[str | None] = None
    settings: ClassVar[type[Settings]] = Settings
    #: Whether a URL of its may name several hosts, each with its port: ``mongodb://h1:27017,h2:27017/shop``.
    has_many_hosts: ClassVar[bool] = False

    @abstractmethod
    def open(self, settings: Any) -> Database:
        """Return a database on *settings* (an instance of ``self.settings``), not yet connected. Touches nothing."""

    def bind(self, statement: Statement) -> Statement:
        """Return *statement* with its placeholders as the driver takes them, before anything judges it.

        Left out, it is taken as it is. ``dbmcp_core.binding.bind`` does it for engines that speak SQL.
        """
        return statement

    def settings_from_url(self, url: SplitResult) -> dict[str, object]:
        """Return the settings that *url* spells: user, password, host, port, database, and its query's."""
        parts: dict[str, object] = {
            "user": unquote(url.username) if url.username else None,
            "password": unquote(url.password) if url.password else None,
            "host": url.hostname,
            "port": url.port,
            "database": unquote(url.path.lstrip("/")) or None,
        }
        found = {name: value for name, value in parts.items() if value is not None}
        return found | dict(parse_qsl(url.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Lock:
    """One layer of read-only: its name, whether it holds on this source, and how one sees that."""

    name: str
    holds: bool
    detail: str


@runtime_checkable
class SupportsExplain(Protocol):
    """The engine can show a plan."""

    def explain(self, statement: Statement) -> str:
        """Return the plan of *statement* as text; never run it."""
        ...


@runtime_checkable
class SupportsPrepare(Protocol):
    """The engine can have its database look at a write, as ``explain`` has it look at a read."""

    def prepare(self, statement: Statement) -> None:
        """Raise what the database finds wrong with *statement*, which changes rows; never run it."""
        ...


@runtime_checkable
class SupportsJudge(Protocol):
    """The engine has its own judgement of a statement, beside or in place of the guard's."""

    def judge(self, statement: Statement, verdict: Verdict) -> Verdict:
        """Return the verdict that counts, given the guard's (``UNKNOWN`` where the engine has no dialect).

        It may make a verdict stricter for any reason. It may turn ``UNPARSABLE`` into a read only where the
        database's own parser says so without running the statement.
        """
        ...


@runtime_checkable
class SupportsLocks(Protocol):
    """The engine can tell which layers of read-only hold on this source."""

    def locks(self) -> list[Lock]:
        """Return the layers, looked up in the open database rather than remembered."""
        ...


@runtime_checkable
class SupportsSchemaVersion(Protocol):
    """The engine can tell cheaply whether its schema has changed."""

    def schema_version(self) -> Hashable:
        """Return a value that differs after every change of a table's definition, whoever made it."""
        ...


#: A batch is this many rows at the most …
_BATCH_ROWS = 256
#: … and ends where it has this size, in bytes, …
_BATCH_BYTES = 262_144
#: … looked at after every so many rows: as many wide ones may wait in memory side by side.
_LOOK_ROWS = 4


class Batch(list[tuple[Any, ...]]):
    """Some rows, about how many bytes their values take, and whether they are known to be the last ones."""

    __slots__ = ("bytes", "is_last")

    def __init__(self, rows: Iterable[tuple[Any, ...]] = (), size: int = 0, *, is_last: bool = False) -> None:
        super().__init__(rows)
        self.bytes = size
        self.is_last = is_last


def batches(rows: Iterable[tuple[Any, ...]]) -> Iterator[Batch]:
    """Cut a driver's cursor into batches: a few rows first, more as long as they stay small.

    Wide rows never pile up, wherever in the result they come.
    """
    source = iter(rows)
    most = _LOOK_ROWS
    while batch := _batch(source, most):
        yield batch
        if batch.is_last:
            return
        most = min(most * 2, _BATCH_ROWS)


def _batch(source: Iterator[tuple[Any, ...]], most: int) -> Batch:
    batch = Batch()
    while len(batch) < most and batch.bytes < _BATCH_BYTES:
        some = list(itertools.islice(source, _LOOK_ROWS))
        batch += some
        batch.bytes += batch_bytes(some)
        if len(some) < _LOOK_ROWS:
            batch.is_last = True
            break
    return batch


def batch_bytes(batch: Sequence[tuple[Any, ...]]) -> int:
    """Return about how many bytes the values of *batch* take, at the speed of C."""
    if isinstance(batch, Batch):
        return batch.bytes
    try:
        return len(marshal.dumps(batch, 2))  # type: ignore[arg-type]  # it says what it can't take
    except ValueError:  # a value of a type that marshal doesn't know, such as Decimal or datetime
        from dbmcp_core.values import size  # not needed by most engines

        return sum(size(value) for row in batch for value in row)

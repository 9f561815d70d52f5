"""What a caller asks to run, what the guard makes of it, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbmcp_core.schema import TableName

__all__ = ["Column", "Kind", "Limits", "Outcome", "Params", "RefusalCode", "Result", "Rows", "Statement", "Verdict"]

#: Values for the placeholders of a statement: in order, or by name.
Params = Sequence[Any] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement in the engine's own language, with the values that the driver binds to it.

    ``trusted`` says that its text was written by whoever runs the server, not by a client: a tool's, for instance. An
    engine may then let it do what its operator has switched on for such statements; the guard judges it all the same.
    """

    text: str
    params: Params = ()
    trusted: bool = False


class Kind(StrEnum):
    """What a statement does. Only ``READ`` passes where reading is all that is allowed."""

    READ = "read"
    WRITE = "write"  # changes rows
    DEFINE = "define"  # changes tables, views, indexes, …
    ADMIN = "admin"  # sessions, settings, accounts, files, transactions, maintenance
    UNKNOWN = "unknown"  # not understood, so not trusted


class RefusalCode(StrEnum):
    """Why a statement is not taken; stable, like the codes of errors."""

    EMPTY = "empty_statement"
    MULTIPLE = "multiple_statements"
    UNPARSABLE = "unparsable_statement"
    AMBIGUOUS = "ambiguous_text"  # a parser and the server could read the text differently
    NOT_A_READ = "not_a_read"
    UNSAFE_FUNCTION = "unsafe_function"
    NOT_A_WRITE = "not_a_write"  # a read, asked for as a write
    ADMIN = "admin_statement"  # neither: sessions, settings, accounts, files, transactions


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guard makes of one statement.

    ``kind`` is ``READ`` exactly when ``code`` is ``None``. ``tables`` are those that the statement names, as spelled,
    without its own CTEs. ``reason`` is one sentence naming the construct; ``line`` and ``column`` (both from 1) say
    where it stands, where that is known. ``functions`` are the functions it calls, lower case, with their schema
    where written.
    """

    kind: Kind
    tables: frozenset[TableName] = frozenset()
    functions: frozenset[str] = frozenset()
    code: RefusalCode | None = None
    reason: str | None = None
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may cost. ``None`` stands for the source's own setting.

    Args:
        max_rows: Rows in the answer; one more is probed, so ``truncated`` is exact.
        max_bytes: Size of the answer's values, in bytes. Can't be more than the source's setting.
        max_tokens: Size of the answer's values in model tokens, as ``dbmcp_core.values.tokens`` estimates them.
            Can't be more than the source's setting.
        timeout_s: Seconds until the statement is stopped in the database. Can't be more than the source's setting.

    A first row that is over ``max_bytes`` or ``max_tokens`` by itself is given all the same, up to four times the
    source's ``max_bytes``.
    """

    max_rows: int | None = None
    max_bytes: int | None = None
    max_tokens: int | None = None
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a result. ``type`` is the database's own name for it, empty where it has none."""

    name: str
    type: str = ""


class Rows:
    """The rows of one statement as a stream: the header at once, batches of tuples as the database yields them.

    Iterate it for batches. ``close`` gives the connection back and is safe to call twice; whoever drops a stream
    before its end calls it. ``park`` is called when the reader pauses: it gives up every lock, and returns whether
    the stream can be read on later. Left out, a paused stream is closed.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        batches: Iterator[Sequence[tuple[Any, ...]]],
        close: Callable[[], None] | None = None,
        park: Callable[[], bool] | None = None,
    ) -> None:
        self.columns = tuple(columns)
        self._batches = batches
        self._close = close
        self._park = park

    def __iter__(self) -> Iterator[Sequence[tuple[Any, ...]]]:
        return self._batches

    def park(self) -> bool:
        """Hold no lock while nobody reads, and return whether the stream can be read on later."""
        return self._park is not None and self._park()

    def close(self) -> None:
        """End the stream and give its connection back."""
        close, self._close = self._close, None
        if close is not None:
            close()


@dataclass(frozen=True, slots=True)
class Result:
    """One page of rows, within the limits of its call.

    ``truncated`` is exact. ``cursor`` reads on where the rest is parked; a truncated result without one can't be
    continued. ``elapsed_s`` is the time from the call to the last row of this page, in seconds.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool = False
    cursor: str | None = None
    elapsed_s: float = 0.0

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a write did.

    ``affected_rows`` is ``None`` where the database doesn't say (a definition, for instance). ``generated_keys`` are
    the keys that the database made up. ``returned`` holds the rows of a ``RETURNING`` clause.
    """

    affected_rows: int | None = None
    generated_keys: tuple[Any, ...] = ()
    returned: Result | None = None
    elapsed_s: float = field(default=0.0)

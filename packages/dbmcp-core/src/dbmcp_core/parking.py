"""Rows within the limits of a call, and the rest of them: parked for a while, to be read on by cursor."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dbmcp_core.database import batch_bytes
from dbmcp_core.errors import CursorExpired, ResourceExhausted
from dbmcp_core.running import Running
from dbmcp_core.statement import Rows

__all__ = ["Page", "Parking", "Stream"]

Row = tuple[Any, ...]

#: Seconds that the rest of a result waits for its reader.
_KEEP_S = 120.0
#: Results that wait on one source; one more and the oldest goes.
_MOST_PARKED = 8


@dataclass(frozen=True, slots=True)
class Page:
    """The limits of one page, each a number or None for none; and that of a first row, which may go over them."""

    max_rows: int | None
    max_bytes: int | None
    max_tokens: int | None
    max_row_bytes: int


@dataclass(eq=False)
class Stream:
    """One open result: its rows, what was fetched and not given yet, and whose it is."""

    source: str
    caller: str
    rows: Rows
    running: Running
    ahead: list[Row] = field(default_factory=list)

    def take(self, page: Page) -> tuple[list[Row], bool]:
        """Return the next rows within *page*, and whether there are more after them: exactly, one row is probed."""
        taken: list[Row] = []
        size = tokens = 0
        for batch in self._batches():
            room = len(batch) if page.max_rows is None else page.max_rows - len(taken)
            head = batch if room >= len(batch) else batch[:room]
            room = len(head)
            grown = size + batch_bytes(head)
            if (page.max_bytes is not None and grown > page.max_bytes) or page.max_tokens is not None:
                room, grown, tokens = _fitting(head, page, size, tokens, first=not taken)
            size = grown
            taken += head[:room]
            if room < len(batch):
                self.ahead = list(batch[room:])
                return taken, True
        return taken, False

    def _batches(self) -> Iterator[Sequence[Row]]:
        while self.ahead:
            ahead, self.ahead = self.ahead, []
            yield ahead
        for batch in self.rows:  # noqa: UP028 - `yield from` would close the stream together with this page
            yield batch


def _fitting(batch: Sequence[Row], page: Page, size: int, tokens: int, *, first: bool) -> tuple[int, int, int]:
    """Return how many rows of *batch* fit, and the size and tokens with them. A very first row fits, within reason."""
    for number, row in enumerate(batch):
        size += batch_bytes([row])
        if page.max_tokens is not None:
            tokens += _row_tokens(row)
        over = (page.max_bytes is not None and size > page.max_bytes) or (
            page.max_tokens is not None and tokens > page.max_tokens
        )
        if over and not (first and number == 0):
            return number, size, tokens
        if over and size > page.max_row_bytes:
            raise ResourceExhausted(
                f"One row alone has about {size // 1_000_000} MB; the limit is {page.max_row_bytes // 1_000_000} MB.",
                hint="Select fewer columns, or parts of the values (substr(), length()).",
            )
    return len(batch), size, tokens


def _row_tokens(row: Row) -> int:
    from dbmcp_core import values

    return values.tokens(",".join(values.to_text(value) for value in row)) + 1


class Parking:
    """The open results that wait for their readers, by cursor."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parked: dict[str, tuple[Stream, threading.Timer]] = {}

    def park(self, stream: Stream) -> str | None:
        """Keep *stream* for its caller and return the cursor for it, or close it and return None if it can't wait."""
        if not stream.rows.park():
            stream.rows.close()
            return None
        cursor = secrets.token_urlsafe(12)
        timer = threading.Timer(_KEEP_S, self._expire, [cursor])
        timer.daemon = True
        with self._lock:
            same = [key for key, (other, _) in self._parked.items() if other.source == stream.source]
            oldest = self._parked.pop(same[0]) if len(same) >= _MOST_PARKED else None
            self._parked[cursor] = (stream, timer)
        timer.start()
        if oldest is not None:
            _end(oldest)
        return cursor

    def take(self, cursor: str, caller: str) -> Stream:
        """Return what is parked under *cursor* for *caller*, and forget it.

        Raises:
            CursorExpired: if there is nothing; somebody else's cursor looks the same as none.
        """
        with self._lock:
            found = self._parked.get(cursor)
            if found is None or found[0].caller != caller:
                raise CursorExpired(
                    "That cursor leads nowhere: its rows were read, or it is too old.",
                    hint=f"A cursor is good once, for {_KEEP_S:g} s. Ask again.",
                )
            stream, timer = self._parked.pop(cursor)
        timer.cancel()
        return stream

    def clear(self, source: str | None = None) -> None:
        """Close everything that is parked, on *source* or anywhere."""
        with self._lock:
            gone = [key for key, (stream, _) in self._parked.items() if source in (None, stream.source)]
            entries = [self._parked.pop(key) for key in gone]
        for entry in entries:
            _end(entry)

    def _expire(self, cursor: str) -> None:
        with self._lock:
            found = self._parked.pop(cursor, None)
        if found is not None:
            _end(found)


def _end(parked: tuple[Stream, threading.Timer]) -> None:
    stream, timer = parked
    timer.cancel()
    stream.rows.close()

"""SQLite's errors as dbmcp's: what happened, where in the statement, and what to try next."""

from __future__ import annotations

import difflib
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from dbmcp_core.errors import (
    ConnectionFailed,
    DatabaseBusy,
    DatabaseError,
    QueryFailed,
    ResourceExhausted,
    StatementRefused,
)
from dbmcp_core.sqlite.locks import BUSY
from dbmcp_core.statement import RefusalCode

__all__ = ["locate", "wrapped"]

#: Names that a misspelt one is compared with: ``names("table")``, ``names("column")``.
Names = Callable[[str], Iterable[str]]

_EXHAUSTED = {sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_FULL}
_BROKEN = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR}
_NAMED = re.compile(r"no such (?P<kind>table|column|function): (?P<name>.+)|near \"(?P<near>.+)\": syntax error", re.S)


@contextmanager
def wrapped(text: str = "", names: Names | None = None) -> Iterator[None]:
    """Turn what ``sqlite3`` raises in the block into a DatabaseError.

    Args:
        text: The statement, to find the error's place in it.
        names: Gives the tables or columns that there are, to name the nearest.
    """
    try:
        yield
    except sqlite3.Error as exc:
        raise _translate(exc, text, names) from exc
    except MemoryError as exc:  # sqlite3 raises it for SQLITE_NOMEM: the heap limit holds, the process is fine
        raise _exhausted("out of memory") from exc
    except OverflowError as exc:
        raise QueryFailed(f"SQLite can't take a parameter: {exc}.", hint="SQLite's integers have 64 bits.") from exc
    except UnicodeEncodeError as exc:
        raise QueryFailed(f"SQLite can't take this text: {exc.reason} at character {exc.start}.") from exc


def locate(text: str, token: str) -> dict[str, object]:
    """Return line and column (from 1) of *token* in *text*, if it stands there exactly once."""
    found = list(
        re.finditer(rf"(?<![\w$]){re.escape(token)}(?![\w$])" if token[:1].isalnum() else re.escape(token), text)
    )
    if len(found) != 1:
        return {}
    before = text[: found[0].start()]
    return {"line": before.count("\n") + 1, "column": len(before) - before.rfind("\n")}


def _translate(exc: sqlite3.Error, text: str, names: Names | None) -> DatabaseError | StatementRefused:
    message = str(exc)
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    if code in BUSY:
        return DatabaseBusy(
            f"The database is locked by somebody else: {message}.",
            hint="Try again in a moment, or set a longer busy_timeout_s.",
        )
    if code in _EXHAUSTED or isinstance(exc, sqlite3.DataError):
        return _exhausted(message)
    if code == sqlite3.SQLITE_NOTADB:
        return ConnectionFailed("The file is not an SQLite database.", details={"reason": "not_a_database"})
    if code in _BROKEN:
        return ConnectionFailed(f"SQLite can't use the database file: {message}.")
    if code == sqlite3.SQLITE_AUTH or "not authorized" in message or "prohibited" in message:
        return StatementRefused(
            f"SQLite's own lock refused the statement: {message}.",
            code=RefusalCode.NOT_A_READ,
            hint="Only statements that read are allowed here.",
        )
    return _query_failed(message, text, names)


def _exhausted(message: str) -> ResourceExhausted:
    return ResourceExhausted(
        f"The statement went over a limit of this source: {message}.",
        hint="Ask for less at once: fewer or shorter values (substr(), length()), or an aggregate.",
    )


def _query_failed(message: str, text: str, names: Names | None) -> QueryFailed:
    match = _NAMED.search(message)
    if match is None:
        return QueryFailed(f"SQLite: {message}.")
    token = match["name"] or match["near"]
    place = locate(text, token)
    where = f" (line {place['line']}, column {place['column']})" if place else ""
    hint = _nearest(match["kind"], token, names) if match["kind"] else None
    return QueryFailed(f"SQLite: {message}{where}.", hint=hint, details=place)


def _nearest(kind: str, name: str, names: Names | None) -> str | None:
    if names is None or kind == "function":
        return None
    known = {candidate.lower(): candidate for candidate in names(kind)}
    close = difflib.get_close_matches(name.rpartition(".")[2].strip('"').lower(), known, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {', '.join(known[one] for one in close)}?"
    return f"The tables are: {', '.join(sorted(known.values())[:30])}." if kind == "table" and known else None

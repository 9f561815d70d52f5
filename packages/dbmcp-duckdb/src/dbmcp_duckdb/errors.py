"""DuckDB's errors as dbmcp's: what happened, where in the statement, and what to try next."""

from __future__ import annotations

import re

from dbmcp_core import (
    ConnectionFailed,
    DatabaseBusy,
    DatabaseError,
    QueryFailed,
    RefusalCode,
    ResourceExhausted,
    StatementRefused,
    UnsupportedError,
)

__all__ = ["opening", "translated"]

#: ``Binder Error: …``, which the message says a second time.
_KIND = re.compile(r"\A(?:[A-Z][\w -]{0,30} Error: |[A-Z]+ Error: )")
#: The line that DuckDB quotes, with a caret below.
_PLACE = re.compile(r"\n+LINE (?P<line>\d+): (?P<quoted>[^\n]*)(?:\n(?P<caret> *)\^[~^]*)?\s*\Z")
_HINT = re.compile(r"\s*\n(?P<hint>(?:Did you mean|Candidate|Hint|HINT).*)\Z", re.S)
_READ_ONLY = re.compile(r"read-only mode|Cannot write to database")
_LOCKED = re.compile(r"Conflicting lock is held in (?P<who>[^\n]*?PID \d+\)?)")


def translated(name: str, message: str, shift: int = 0) -> DatabaseError | StatementRefused | UnsupportedError:
    """Return the error for DuckDB's exception called *name*; *shift* is the number of lines before the statement."""
    text, hint, where = _parts(message, shift)
    match name:
        case "OutOfMemoryException" | "MemoryError" | "TooLarge":
            return ResourceExhausted(
                text.split("\n")[0], hint="Ask for less at once, or set a larger memory_limit_mb or max_temp_mb."
            )
        case "NotTaken":
            return StatementRefused(text, code=RefusalCode.NOT_A_READ)
        case "NotExact":
            return UnsupportedError(text, hint="Cast columns with times and intervals to VARCHAR in the statement.")
        case "FatalException" | "InternalException":
            return ConnectionFailed(f"DuckDB has failed: {text}", hint="Try again: the database is opened anew.")
        case "PermissionException":
            hint = "Only files in the source's folder can be read; its setting 'folder' names it."
        case "TransactionException" if "onflict" in text:
            return DatabaseBusy(text, hint="Somebody else has changed the same rows. Try again.")
    if name in ("TransactionException", "InvalidInputException") and _READ_ONLY.search(text):
        return StatementRefused(text, code=RefusalCode.NOT_A_READ)
    return QueryFailed(text, hint=hint, details=where)


def opening(name: str, message: str, path: str) -> DatabaseError:
    """Return the error for a database that couldn't be opened."""
    text, _, _ = _parts(message, 0)
    if locked := _LOCKED.search(message):
        return DatabaseBusy(
            f"The file {path!r} is open in another process: {locked['who']}.",
            hint="DuckDB lets one process write a file, or several read it. Close it there, or open it for reading "
            "alone in both.",
            details={"reason": "locked"},
        )
    reason = "not_a_database" if "not a valid DuckDB" in message else "failed"
    if name in ("ModuleNotFoundError", "ImportError"):
        text, reason = f"the driver can't be loaded: {text}", "driver"
    return ConnectionFailed(f"DuckDB can't open {path!r}: {text}", details={"reason": reason})


def _parts(message: str, shift: int) -> tuple[str, str | None, dict[str, object]]:
    """Return what happened, DuckDB's own hint, and the place in the statement."""
    where: dict[str, object] = {}
    if place := _PLACE.search(message):
        message = message[: place.start()]
        line = int(place["line"]) - shift
        before = len(f"LINE {place['line']}: ")
        if line >= 1:
            where["line"] = line
            if place["caret"] is not None and not place["quoted"].startswith("..."):
                where["column"] = len(place["caret"]) - before + 1
    hint = None
    if found := _HINT.search(message):
        message, hint = message[: found.start()], " ".join(found["hint"].split())
    text = _KIND.sub("", message.strip()).strip()
    return text if text.endswith((".", "!", "?")) else f"{text}.", hint, where

"""What chromadb, and the way to a server, say went wrong, as an error of dbmcp."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dbmcp_core.errors import (
    ConnectionFailed,
    DatabaseBusy,
    DatabaseError,
    NotFound,
    QueryFailed,
    ResourceExhausted,
)
from dbmcp_core.settings import redact

__all__ = ["is_dead", "translated"]

_EXHAUSTED = re.compile(r"Expression tree is too large|too many SQL variables|MemoryError|413|[Pp]ayload too large")
#: What is said when Chroma's background worker has ended: nothing works any more until it is opened anew.
_DEAD = re.compile(r"compactor|channel closed|[Ff]ailed to send request|PanicException")
_BUSY = re.compile(r"database is locked|database table is locked")
_UNREACHED = frozenset(
    [
        *("ConnectError", "ReadError", "WriteError", "CloseError", "NetworkError", "ProxyError"),
        *("ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout", "TimeoutException"),
        *("RemoteProtocolError", "LocalProtocolError", "UnsupportedProtocol", "InvalidURL"),
    ]
)
_ACCOUNT = frozenset({"AuthorizationError", "ChromaAuthError"})
_HINTS = {"ReadTimeout": "The server took longer than the source's timeout_s.", "ConnectError": "Is it running there?"}
_EXISTS = re.compile(r"Collection \[.{0,600}\] already exists|UniqueConstraint")


def is_dead(name: str, text: str) -> bool:
    """Return whether a folder's process is good for nothing after this error."""
    return name in ("InternalError", "PanicException", "ChromaError") and _DEAD.search(text) is not None


def translated(name: str, text: str, secrets: Iterable[str] = ()) -> DatabaseError:
    """Return the error for an exception of the class *name* that said *text*, without one of *secrets*."""
    said = _said(redact(text, secrets)) or name
    details: dict[str, object] = {"error": name}
    if name in _UNREACHED:
        return ConnectionFailed(f"Chroma can't be reached: {said}.", hint=_HINTS.get(name), details=details)
    if name in _ACCOUNT or "Forbidden" in said or "Unauthorized" in said:
        hint = "Check token, user and password, or api_key; and that tenant and database are theirs."
        return ConnectionFailed(f"Chroma doesn't let this account in: {said}.", hint=hint, details=details)
    if is_dead(name, text):
        hint = "A folder is opened anew by the next call; a server has to be started again."
        return ConnectionFailed(f"Chroma has failed inside: {said}.", hint=hint, details=details)
    if _EXHAUSTED.search(f"{name} {text}") or name in ("MemoryError", "QuotaError", "BatchSizeExceededError"):
        return ResourceExhausted(f"Chroma: {said}.", hint="Ask for less at once.", details=details)
    if name == "NotFoundError":
        return NotFound(f"Chroma: {said}.", details=details)
    if name == "RateLimitError" or _BUSY.search(text):
        return DatabaseBusy(f"Chroma: {said}.", hint="Try again in a moment.", details=details)
    exists = "get_or_create = true takes the one that is there." if _EXISTS.search(said) else None
    return QueryFailed(f"Chroma: {said}.", hint=exists, details=details)


def _said(text: str) -> str:
    return " ".join(text.split())[:500].rstrip(" .")

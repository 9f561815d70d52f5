"""What Databricks says went wrong, as an error of dbmcp."""

from __future__ import annotations

import re
from typing import Any

import urllib3.exceptions
from databricks.sql import exc

from dbmcp_core.errors import (
    ConnectionFailed,
    DatabaseBusy,
    DbmcpError,
    QueryCancelled,
    QueryFailed,
    QueryTimeout,
    ResourceExhausted,
)
from dbmcp_databricks.connection import Stopped, unreachable
from dbmcp_databricks.settings import DatabricksSettings

__all__ = ["translate"]

#: ``[CLASS] text. SQLSTATE: 42P01; line 1 pos 14;`` and behind it the statement, or a plan.
_CLASS = re.compile(r"\[(?P<name>[A-Z][A-Z0-9_]*(?:\.[A-Z0-9_]+)*)\]\s*")
_STATE = re.compile(r"\s*\(?SQLSTATE[:=]\s*(?P<state>[0-9A-Z]{5})\)?")
_JAVA = re.compile(r"^(?:Error running query:\s*)?(?:\s*[\w.$]+(?:Exception|Error):\s*)+")
#: A "pos" counts from 0, a "position" from 1.
_PLACE = re.compile(r"\(?line (?P<line>\d+),? (?P<unit>pos|position) (?P<at>\d+)\)?")
_TABLE = re.compile(r"The table or view (?P<name>`[^\n]*?`) cannot be found")
_REST = re.compile(r"\n\n?== |;\n\s*['+A-Z]|\n\s*at [\w.$]+\(")
_BUSY = ("40", "2D521")
_EXHAUSTED = ("53", "54")
_GONE = (
    "Invalid SessionHandle",
    "SESSION_NOT_FOUND",
    "INVALID_HANDLE",
    "SESSION_CLOSED",
    "unexpectedly closed server side",
)
_NO_NAMESPACE = ("SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND", "NO_SUCH_CATALOG_EXCEPTION")
_STARTING = re.compile(r"TEMPORARILY_UNAVAILABLE|is (?:starting|stopped|terminated|pending)|INVALID_STATE", re.I)
#: What to try for a status of HTTP.
_HINTS = {
    400: "Check http_path, and that the catalog and schema are there.",
    401: "Check the token: it may have expired or belong to another workspace.",
    403: "Check the token (expired, revoked, another workspace's?) and that its account may use this warehouse.",
    404: "Check http_path: copy it from the warehouse's connection details.",
    429: "The workspace takes no more requests for now; try again in a minute.",
    503: "The warehouse may still be starting; try again in a minute, or set connect_timeout_s higher.",
}

_NETWORK = "Check the host, http_path and the network; ask again."


def translate(error: Exception, settings: DatabricksSettings) -> DbmcpError:
    """Return the error for one of the connector's, or of what is beneath it."""
    if isinstance(error, Stopped):
        return _stopped(str(error))
    if (ours := _ours(error)) is not None:
        return ours
    if isinstance(error, exc.ServerOperationError):
        return _said(str(error))
    if isinstance(error, exc.MaxRetryDurationError):
        return _given_up(error)
    if isinstance(error, exc.RequestError):
        return _request(error)
    if isinstance(error, (exc.Error, urllib3.exceptions.HTTPError)):
        return _driver(str(error))
    if isinstance(error, OSError):
        return unreachable(error, settings)
    return QueryFailed(f"Databricks' driver can't take this: {error}.")


def _ours(error: BaseException) -> DbmcpError | None:
    """Return our own error, of asking for a token, that the connector has wrapped in its own."""
    parts = (*error.args, error.__cause__, error.__context__)
    return next((part for part in parts if isinstance(part, DbmcpError)), None)


def _stopped(text: str) -> DbmcpError:
    if "cancel" in text:
        return QueryCancelled("The statement was cancelled in Databricks, by somebody else or its time limit.")
    return QueryFailed(f"Databricks: {text}")


def _driver(text: str) -> DbmcpError:
    if any(mark in text for mark in _GONE):
        return ConnectionFailed("Databricks has ended the session.", hint="Ask again: a new one is opened.")
    if _STATE.search(text) or _CLASS.match(text.strip()):
        found = _said(text)
        if found.details.get("condition") in _NO_NAMESPACE:
            return ConnectionFailed(found.message, hint="Check catalog and schema.", details=found.details)
        return found
    code = next((number for number in _HINTS if f"{number} error" in text or f"code {number}" in text), None)
    return _unavailable(" ".join(text.split()), code)


def _request(error: Any) -> DbmcpError:
    context = error.context if isinstance(error.context, dict) else {}
    cause = error.args[1] if len(error.args) > 1 else None
    if isinstance(cause, exc.MaxRetryDurationError):
        return _given_up(cause)
    code = context.get("http-code")
    said = context.get("error-message") or cause or str(error)
    return _unavailable(" ".join(str(said).split()), code if isinstance(code, int) else None)


def _given_up(error: BaseException) -> ConnectionFailed:
    """Return why the connector has stopped trying: it keeps neither the status nor the message of the last answer."""
    if error.__context__ is None:
        return ConnectionFailed(
            "Databricks is not available (HTTP 429, 503 or another error of its own).", hint=_HINTS[503]
        )
    return ConnectionFailed(
        f"The connection to Databricks was lost: {type(error.__context__).__name__}.", hint=_NETWORK
    )


def _unavailable(text: str, code: int | None) -> ConnectionFailed:
    if code is None and _STARTING.search(text):
        code = 503
    status = f" (HTTP {code})" if code is not None and code != 200 else ""
    return ConnectionFailed(
        f"Databricks{status}: {text[:500].rstrip('.') or 'no answer'}.", hint=_HINTS.get(code or 0, _NETWORK)
    )


def _said(text: str) -> DbmcpError:
    """Return the error of a statement, from Spark's message."""
    state, condition, place = _STATE.search(text), _CLASS.search(text), _place(text)
    said = text[: state.start()] if state else _REST.split(text, maxsplit=1)[0]
    said = _JAVA.sub("", _CLASS.sub("", said.strip(), count=1)).strip()
    details: dict[str, object] = dict(place)
    if state:
        details["sqlstate"] = state["state"]
    if condition:
        details["condition"] = condition["name"]
    if missing := _TABLE.search(said):
        name = missing["name"].replace("`", "")
        said = said.splitlines()[0]
        if "information_schema" not in name:  # else the search for a nearer name would fail in the same way
            details["table"] = name
    where = f" (line {place['line']}, column {place['column']})" if place else ""
    message = f"Databricks: {' '.join(said.split()).rstrip('.')}{where}."
    kind = _kind(state["state"] if state else "", condition["name"] if condition else "", said)
    hint = "Ask for the privilege, or use another account." if details.get("sqlstate") == "42501" else None
    return kind(message, hint=hint, details=details)


def _kind(state: str, condition: str, said: str) -> type[DbmcpError]:
    if "STATEMENT_TIMEOUT" in said or "TIMEOUT" in condition or "timed out after" in said:
        return QueryTimeout
    if state == "HY008" or "cancelled" in said.lower()[:80]:
        return QueryCancelled
    if state.startswith("08"):
        return ConnectionFailed
    if state.startswith(_BUSY):
        return DatabaseBusy
    return ResourceExhausted if state.startswith(_EXHAUSTED) or "OutOfMemory" in said else QueryFailed


def _place(text: str) -> dict[str, object]:
    found = _PLACE.search(text)
    if found is None:
        return {}
    return {"line": int(found["line"]), "column": int(found["at"]) + (found["unit"] == "pos")}

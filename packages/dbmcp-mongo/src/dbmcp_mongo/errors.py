"""What pymongo and the server say went wrong, as an error of dbmcp."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo import errors as driver

from dbmcp_core.errors import (
    ConnectionFailed,
    DatabaseBusy,
    DatabaseError,
    DbmcpError,
    NotFound,
    QueryFailed,
    QueryTimeout,
    ResourceExhausted,
)

__all__ = ["wrapped"]

#: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
_ACCOUNT = {13, 18, 8000}
_TIMES = {50, 262}
_EXHAUSTED = {39, 146, 292, 10334, 16819, 17419, 17420}
_BUSY = {24, 46, 112, 117}
_GONE = {6, 7, 43, 89, 91, 189, 9001, 10107, 11600, 11602, 13435, 13436}


@contextmanager
def wrapped(secrets: tuple[str, ...] = ()) -> Iterator[None]:
    """Turn what pymongo raises in the block into an error of dbmcp, without one of *secrets*."""
    try:
        yield
    except (driver.PyMongoError, BSONError, OverflowError, UnicodeError) as exc:
        raise _translate(exc, secrets) from exc


def _translate(exc: Exception, secrets: tuple[str, ...]) -> DbmcpError:
    said = _said(exc, secrets)
    code = exc.code if isinstance(exc, driver.OperationFailure) else None
    details: dict[str, object] = {} if code is None else {"code": code}
    if isinstance(exc, (driver.ConnectionFailure, driver.ConfigurationError)) or code in _GONE:
        # A cursor that is gone (43) can't be read on, while everything else can.
        if code == 43:
            return QueryFailed(f"MongoDB: {said}.", details=details)
        return ConnectionFailed(f"MongoDB can't be reached: {said}.", hint=_hint(exc), details=details)
    if isinstance(exc, driver.InvalidOperation) and ("closed" in said or "after close" in said):
        return ConnectionFailed("The database is not connected.")
    if code in _TIMES or isinstance(exc, driver.ExecutionTimeout):
        return QueryTimeout("The server stopped the statement at its time limit.", hint="Narrow it.", details=details)
    if code == 18:
        account = "Are user and password right, and is auth_source the database that has the account (often 'admin')?"
        return ConnectionFailed(f"MongoDB doesn't know this account: {said}.", hint=account, details=details)
    if code == 26:
        return NotFound(f"MongoDB: {said}.", details=details)
    kind: type[DatabaseError] = (
        DatabaseBusy if code in _BUSY else ResourceExhausted if code in _EXHAUSTED else QueryFailed
    )
    hint = "The account may not do that." if code in _ACCOUNT else None
    return kind(f"MongoDB: {said}.", hint=hint, details=details)


def _hint(exc: Exception) -> str | None:
    """Return what to look at where no server was found."""
    if not isinstance(exc, driver.ServerSelectionTimeoutError):
        return None
    return "Does a server listen there, and are TLS and the name of the replica set as it has them?"


def _said(exc: Exception, secrets: tuple[str, ...]) -> str:
    text = str(exc)
    if isinstance(exc, driver.OperationFailure) and exc.details:
        errors = exc.details.get("writeErrors") or [exc.details]
        text = str(errors[0].get("errmsg", text))
    text = " ".join(text.split(", Timeout:")[0].split(", full error:")[0].split(" (configured timeouts")[0].split())[
        :500
    ].rstrip(".")
    for secret in secrets:
        text = text.replace(secret, "***")
    return text

"""What the server says went wrong, as an error of dbmcp. https://mariadb.com/kb/en/mariadb-error-code-reference/"""

from __future__ import annotations

import re

from pymysql.err import InterfaceError, MySQLError  # type: ignore[import-untyped]

from dbmcp_core.errors import (
    ConnectionFailed,
    DatabaseBusy,
    DbmcpError,
    QueryCancelled,
    QueryFailed,
    QueryTimeout,
    ResourceExhausted,
    StatementRefused,
)
from dbmcp_core.statement import RefusalCode

__all__ = ["translate"]

#: Killed, shut down, or given up while waiting for us; numbers from 2000 to 2999 are the client's own.
_LOST = frozenset((1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 3169, 4031))
_BUSY = frozenset((1205, 1213, 1614, 3058, 3572, 1099))
_EXHAUSTED = frozenset((1021, 1037, 1038, 1041, 1104, 1114, 1135, 1153, 1162, 1301, 1436, 3170, 3675, 1206, 1637, 4166))
_TIMEOUT = frozenset((1969, 3024))
_CANCELLED = 1317
_HINTS = {
    1045: "Check user and password, and from where the account may come.",
    1044: "Check the account's rights on that database.",
    1049: "Check the database's name.",
    1040: "The server has no connection left: try again later, or with a lower max_concurrent.",
}
_UNREACHED = "Check host and port, and that the server is up."
_READ_ONLY = frozenset((1792, 3101))
_NEAR = re.compile(r"near '(?P<near>.*)' at line (?P<line>\d+)\Z", re.DOTALL)
_MISSING = re.compile(r"Table '(?P<table>[^']+)' doesn't exist")


def translate(error: Exception, text: str, product: str) -> DbmcpError:
    """Return the error for one of PyMySQL's that the statement *text* (empty: none) raised on a *product*."""
    if not isinstance(error, MySQLError):
        message = f"{product}'s driver can't go on: {error}."
        return QueryFailed(message) if text else ConnectionFailed(message)
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    said = " ".join(str(error.args[-1] if error.args else error).split()).rstrip(".")
    state = getattr(error, "sqlstate", "")
    details: dict[str, object] = ({"errno": number} if number else {}) | ({"sqlstate": state} if state else {})
    if _is_lost(error, number, text):
        message = f"{product}: {said or 'the connection is closed'}."
        return ConnectionFailed(
            message, hint=_HINTS.get(number, _UNREACHED if number in (2002, 2003) else None), details=details
        )
    if number in _TIMEOUT:
        hint = "Narrow it; a result that is read on by cursor must be read within the time limit, too."
        return QueryTimeout(f"{product} stopped the statement at its own time limit.", hint=hint, details=details)
    if number == _CANCELLED:
        return QueryCancelled(f"{product}: {said}.", details=details)
    if number in _READ_ONLY:
        message = f"{product}'s own lock refused the statement: {said}."
        hint = "Only statements that read are allowed here."
        return StatementRefused(message, code=RefusalCode.NOT_A_READ, hint=hint, details=details)
    kind = DatabaseBusy if number in _BUSY else ResourceExhausted if number in _EXHAUSTED else QueryFailed
    place = _place(text, str(error.args[-1]))
    where = f" (column {place['column']})" if "column" in place else ""
    missing = _MISSING.search(said) if number == 1146 else None
    found = {"table": missing["table"]} if missing else {}
    return kind(f"{product}: {said}{where}.", details={**details, **place, **found})


def _is_lost(error: MySQLError, number: int, text: str) -> bool:
    """Tell whether there is no connection: whatever fails before there is a statement, or what ends one."""
    return not text or isinstance(error, InterfaceError) or 2000 <= number < 3000 or number in _LOST


def _place(text: str, said: str) -> dict[str, object]:
    """Return line and column, from 1, of the words that the server quotes."""
    found = _NEAR.search(said)
    if not found:
        return {}
    line = int(found["line"])
    begin = sum(len(one) + 1 for one in text.split("\n")[: line - 1])
    offset = text.find(found["near"], begin) if found["near"] else -1
    place: dict[str, object] = {"line": line}
    if offset >= 0 and text.count("\n", 0, offset) == line - 1:
        place["column"] = offset - text.rfind("\n", 0, offset)
    return place

"""What SQL Server and its drivers say went wrong, as an error of dbmcp; by SQL Server's number, else by SQLSTATE."""

from __future__ import annotations

import re

import pyodbc  # type: ignore[import-not-found]

from dbmcp_core.errors import (
    ConnectionFailed,
    DatabaseBusy,
    DatabaseError,
    DbmcpError,
    QueryFailed,
    QueryTimeout,
    ResourceExhausted,
)

__all__ = ["translate"]

#: Wrong account, no such database, too many connections, not available at the moment (Azure), shut down, killed.
_CONNECTION = {233, 4060, 4064, 6005, 10053, 10054, 10060, 10928, 10929, 17142, 18451, 18452, 18456, 18461, 18470}
_CONNECTION |= {18486, 18487, 18488, 40197, 40501, 40532, 40613, 40615, 49918, 49919, 49920, 596}
#: FreeTDS' own numbers: it can't read, can't write, can't connect, was hung up on, is disconnected.
_CONNECTION |= {20002, 20004, 20006, 20009, 20017, 20047}
_BUSY = {1205, 1222, 3960, 3961}
_EXHAUSTED = {701, 802, 1101, 1105, 1204, 8623, 8631, 8632, 8645, 8651, 8657, 9002, 191}
_DENIED = {229, 230, 262, 297, 300, 371, 916}
_LOST = ("08", "IM", "28")
#: ``[42S02] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Invalid object name 'a'. (208) (SQLExecDirectW)``
_MESSAGE = re.compile(r"(?:\[\w{5}\] *)?(?:\[[^\]]*\])*(?P<said>.*?) \((?P<number>-?\d+)\)(?: \(SQL\w+\)|;|\Z)", re.S)
_UNREACHED = "Is the server there, its port open, and does it take 'encrypt' as it is set?"
_HINTS = {
    262: "The account lacks a right: for plans, GRANT SHOWPLAN.",
    207: "The schema tells the columns' names.",
    18456: "Is the account's password right, and may it use this database?",
    4060: "Is the database's name right, and may the account use it?",
}


def translate(error: Exception, text: str, where: str) -> DbmcpError:
    """Return the error for one of pyodbc's that the statement *text* raised; empty while connecting, to *where*."""
    if not isinstance(error, pyodbc.Error):
        return QueryFailed(f"SQL Server's driver can't take this: {error}.")
    state, said, number = _parts(error)
    details: dict[str, object] = {"sqlstate": state} if state else {}
    details |= {"number": number} if number else {}
    if state.startswith("HYT"):
        if text and state == "HYT00":
            return QueryTimeout("The driver stopped the statement at its own time limit.", hint="Narrow it.")
        return ConnectionFailed(f"SQL Server at {where}: {said}.", hint=_UNREACHED, details=details)
    hint = _HINTS.get(number) or ("The account lacks the right to do this." if number in _DENIED else _about_tls(said))
    if not text and number not in _BUSY | _EXHAUSTED:
        return ConnectionFailed(f"SQL Server at {where}: {said}.", hint=hint or _UNREACHED, details=details)
    if number == 208 and (missing := re.search(r"'([^']+)'", said)):
        details["table"] = missing[1]
    if (
        not number and said.lower() == "unknown error"
    ):  # what FreeTDS says of a connection that was cut in mid-statement
        return ConnectionFailed("SQL Server: the connection was lost.", hint="Ask again.", details=details)
    return _kind(state, number)(f"SQL Server: {said}.", hint=hint, details=details)


def _kind(state: str, number: int) -> type[DatabaseError]:
    if number in _BUSY or state == "40001":
        return DatabaseBusy
    if number in _EXHAUSTED:
        return ResourceExhausted
    if number in _CONNECTION or state.startswith(_LOST):
        return ConnectionFailed
    return QueryFailed


def _parts(error: pyodbc.Error) -> tuple[str, str, int]:
    """Return SQLSTATE, what was said without the names of drivers, and SQL Server's number."""
    arguments = [str(argument) for argument in error.args]
    state = next((argument for argument in arguments if re.fullmatch(r"[0-9A-Z]{5}", argument)), "")
    text = next((argument for argument in arguments if argument != state), str(error))
    match = _MESSAGE.match(text)
    said = match["said"] if match else text
    return state, " ".join(said.split()).rstrip("."), int(match["number"]) if match else 0


def _about_tls(said: str) -> str | None:
    if "certificate" in said.lower():
        return "Trust the authority that signed it, or set trust_server_certificate = true if the network is yours."
    if "encryption not supported" in said.lower():
        return "The server has no TLS: set encrypt = no if the network is yours."
    return None

"""Writes: one statement, one transaction, all of it or nothing."""

from __future__ import annotations

import re
import sqlite3

from dbmcp_core.running import Running
from dbmcp_core.sqlite.binding import bindable
from dbmcp_core.sqlite.locks import Authorizer, patient
from dbmcp_core.sqlite.settings import SQLiteSettings
from dbmcp_core.statement import Column, Outcome, Result, Statement

__all__ = ["write"]

_INSERT = re.compile(r"\b(insert|replace)\b", re.I)
#: Rows of a RETURNING clause that are handed back; the others are written all the same.
_RETURNED = 1_000


def write(connection: sqlite3.Connection, statement: Statement, running: Running, settings: SQLiteSettings) -> Outcome:
    """Run *statement* on *connection*, a new one, and commit it."""
    authorizer = Authorizer("write")
    with running.cord(connection.interrupt):
        patient(settings, running, lambda: connection.execute("BEGIN IMMEDIATE"))
        connection.set_authorizer(authorizer)
        try:
            cursor = connection.execute(statement.text, bindable(statement.text, statement.params))
            returned = _returned(cursor)
            affected, key = cursor.rowcount, cursor.lastrowid
            connection.set_authorizer(None)
            running.raise_if_stopped()
            patient(settings, running, connection.commit)
        except BaseException:
            connection.set_authorizer(None)
            connection.rollback()
            raise
    # The connection is new, so a key that isn't 0 comes from this statement.
    keys = (key,) if key and affected > 0 and _INSERT.search(statement.text) else ()
    return Outcome(affected if affected >= 0 else None, keys, returned)


def _returned(cursor: sqlite3.Cursor) -> Result | None:
    if cursor.description is None:
        return None
    rows = cursor.fetchmany(_RETURNED)
    more = sum(1 for _ in cursor) > 0  # the statement is done, and counted, only when its rows are read to the end
    return Result(tuple(Column(entry[0]) for entry in cursor.description), tuple(rows), truncated=more)

"""What an SQLite connection may do: the second lock, behind the guard, held by SQLite itself.

A connection for reading is opened ``mode=ro`` and ``query_only``, can't load extensions, has limits on memory and on
the length of values, and an authorizer that allows what a read compiles to and nothing else. The authorizer is asked
by SQLite's own parser, so nothing depends on how somebody else reads the text.
https://sqlite.org/c3ref/c_alter_table.html lists the actions, https://sqlite.org/security.html the reasons.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dbmcp_core.running import Running
from dbmcp_core.sqlite.pragmas import reads_pragma
from dbmcp_core.sqlite.settings import MEMORY, SQLiteSettings
from dbmcp_core.statement import Kind

__all__ = ["BEGIN", "ROLLBACK", "SCRATCH_VIEW", "Authorizer", "address", "open_reader", "open_scratch", "open_writer"]

_T = TypeVar("_T")

#: Our own statements carry a mark, so that a caller's text never meets them in the connection's statement cache.
_MARK = secrets.token_hex(8)
BEGIN, ROLLBACK = f"BEGIN /* {_MARK} */", f"ROLLBACK /* {_MARK} */"

#: Seconds that SQLite waits for a lock by itself.
_MOMENT_S = 0.05
BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_WRITES = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}
_ADMIN = {
    sqlite3.SQLITE_PRAGMA,
    sqlite3.SQLITE_ATTACH,
    sqlite3.SQLITE_DETACH,
    sqlite3.SQLITE_TRANSACTION,
    sqlite3.SQLITE_SAVEPOINT,
    sqlite3.SQLITE_REINDEX,
    sqlite3.SQLITE_ANALYZE,
}
#: What describing a result in a temporary view takes, beyond reading. The file itself is open for reading alone.
_SCRATCH = {sqlite3.SQLITE_CREATE_TEMP_VIEW, sqlite3.SQLITE_DROP_TEMP_VIEW}
SCRATCH_VIEW = "dbmcp_types"
_SCHEMA_TABLES = {"sqlite_master", "sqlite_temp_master"}

#: Functions that reach outside the database, or into SQLite's own machinery.
_UNSAFE_FUNCTIONS = {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "fsdir", "zipfile"}


class Authorizer:
    """Allows a connection what its role needs, and remembers the last thing that it denied.

    ``role`` is ``read``; ``scratch`` may also make temporary views; ``write`` may change rows and tables, but not
    attach files, change settings or control transactions.
    """

    def __init__(self, role: str) -> None:
        self._role = role
        #: Set for the length of our own BEGIN and ROLLBACK.
        self.own = False
        self.denied: int | None = None
        self.denied_name: str | None = None
        self.tables: set[str] = set()

    def __call__(self, action: int, one: str | None, two: str | None, *_: str | None) -> int:
        if self._allows(action, one, two):
            if action == sqlite3.SQLITE_READ and one:
                self.tables.add(one)
            return sqlite3.SQLITE_OK
        self.denied, self.denied_name = action, one
        return sqlite3.SQLITE_DENY

    def _allows(self, action: int, one: str | None, two: str | None) -> bool:
        if self.own and action == sqlite3.SQLITE_TRANSACTION:
            return True
        if action == sqlite3.SQLITE_FUNCTION:
            return (two or "").lower() not in _UNSAFE_FUNCTIONS
        if action == sqlite3.SQLITE_PRAGMA:
            return reads_pragma(one or "", two)
        if action in _READS:
            return True
        if action == sqlite3.SQLITE_UPDATE and one == "sqlite_master":
            # Compiled by SQLite for the first use of a table-valued function. A caller's own UPDATE of it is an error
            # in SQLite's parser, since nobody here can switch writable_schema on.
            return True
        if self._role == "write":
            return action not in _ADMIN or action == sqlite3.SQLITE_REINDEX  # CREATE INDEX compiles to one
        if self._role == "scratch":
            return action in _SCRATCH or (action in _WRITES and one in {*_SCHEMA_TABLES, SCRATCH_VIEW})
        return False

    def kind_denied(self) -> Kind:
        """Return what the denied action would have done."""
        if self.denied in _WRITES and self.denied_name not in _SCHEMA_TABLES:
            return Kind.WRITE
        return Kind.ADMIN if self.denied in _ADMIN or self.denied == sqlite3.SQLITE_FUNCTION else Kind.DEFINE


def open_reader(settings: SQLiteSettings, uri: str) -> sqlite3.Connection:
    """Open a connection that can read and nothing else."""
    connection = _open(settings, f"{uri}mode=ro")
    _limit(connection, settings)
    connection.execute("PRAGMA query_only = ON")
    return connection


def open_scratch(settings: SQLiteSettings, uri: str) -> sqlite3.Connection:
    """Open a connection that can read, and make temporary views in memory to ask for their columns' types."""
    connection = _open(settings, f"{uri}mode=ro")
    _limit(connection, settings)
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def open_writer(settings: SQLiteSettings, uri: str, *, create: bool = False) -> sqlite3.Connection:
    """Open a connection that can change rows and tables of this one file."""
    connection = _open(settings, f"{uri}mode={'rwc' if create else 'rw'}")
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def address(settings: SQLiteSettings) -> str:
    """Return the URI of the database file, ready for ``mode=…``; one of its own for a database in memory."""
    if settings.filename == MEMORY:
        return f"file:/dbmcp-{secrets.token_hex(8)}?vfs=memdb&"
    return f"{Path(settings.filename).expanduser().absolute().as_uri()}?"


def patient(settings: SQLiteSettings, running: Running, attempt: Callable[[], _T]) -> _T:
    """Return what *attempt* returns, as soon as nobody else's lock is in its way.

    SQLite's own waiting can't be interrupted, so it waits for moments only, and we do the rest.

    Raises:
        sqlite3.OperationalError: SQLITE_BUSY, after ``busy_timeout_s``.
        QueryStopped: if *running* is stopped meanwhile.
    """
    until = time.monotonic() + settings.busy_timeout_s
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as exc:
            if getattr(exc, "sqlite_errorcode", 0) & 0xFF not in BUSY or time.monotonic() >= until:
                raise
            running.raise_if_stopped()


def _open(settings: SQLiteSettings, uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=min(settings.busy_timeout_s, _MOMENT_S),
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    if hasattr(connection, "setconfig"):  # Python 3.12
        connection.setconfig(getattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE"), True)  # noqa: B009 - mypy reads 3.11
    return connection


def _limit(connection: sqlite3.Connection, settings: SQLiteSettings) -> None:
    if settings.max_memory_mb:
        connection.execute(f"PRAGMA hard_heap_limit = {settings.max_memory_mb * 2**20}")
    for limit, value in {
        sqlite3.SQLITE_LIMIT_LENGTH: settings.max_value_mb * 2**20,
        sqlite3.SQLITE_LIMIT_SQL_LENGTH: 2**20,
        sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 1_000,
        sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 500,
        sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 500,
        sqlite3.SQLITE_LIMIT_ATTACHED: 0,
        sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
    }.items():
        connection.setlimit(limit, value)

"""One open DuckDB database: reads in read-only transactions, writes one at a time, files as tables."""

from __future__ import annotations

import difflib
import re
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dbmcp_core import (
    Column,
    ColumnInfo,
    ConnectionFailed,
    Database,
    DatabaseError,
    Kind,
    Lock,
    NotFound,
    Outcome,
    QueryFailed,
    Result,
    Rows,
    Running,
    SchemaInfo,
    Statement,
    StatementRefused,
    TableName,
    TableSchema,
    UnsupportedError,
    Verdict,
)
from dbmcp_duckdb import introspect
from dbmcp_duckdb.caller import ASKS_ALL, ASKS_OPEN, About, about
from dbmcp_duckdb.files import Folder
from dbmcp_duckdb.process import Session, Worker, lease, workers, write_turn
from dbmcp_duckdb.settings import MEMORY, DuckDBSettings
from dbmcp_duckdb.trust import judge_client, judge_tool

__all__ = ["DuckDBDatabase"]

_SETTINGS = "SELECT " + ", ".join(
    f"CAST(current_setting('{name}') AS VARCHAR)"
    for name in ("enable_external_access", "autoload_known_extensions", "lock_configuration", "memory_limit")
)

#: What DuckDB says where a function, a type or an extension is missing.
_MISSING = re.compile(r"function with name|type with name|secret type|extension")


class DuckDBDatabase(Database):
    """A database file, or a database in memory that lives until ``disconnect``."""

    def __init__(self, settings: DuckDBSettings) -> None:
        self.settings = settings
        self._folder = Folder(settings.folder) if settings.folder is not None else None
        self._worker: Worker | None = None
        self._open: set[Session] = set()
        self._changing = threading.Lock()
        self._described: dict[tuple[str, float], TableSchema] = {}

    def connect(self) -> None:
        """Open the file, so that a wrong one is found now and not by the first statement."""
        with self._changing:
            if self._worker is None:
                self._check()
                self._worker = lease(self.settings)

    def _check(self) -> None:
        settings = self.settings
        if settings.folder is not None and not Path(settings.folder).expanduser().is_dir():
            raise _wrong(settings.folder, "is not a folder", "missing", "Check the setting 'folder'.")
        if settings.working_directory is not None and not Path(settings.working_directory).expanduser().is_dir():
            hint = "Check the setting 'working_directory'."
            raise _wrong(settings.working_directory, "is not a folder", "missing", hint)
        if settings.filename == MEMORY:
            return
        path = Path(settings.filename).expanduser()
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError, ValueError):
            if settings.create_if_not_exists:
                return
            hint = "Check the path, or set create_if_not_exists = true to make it."
            raise _wrong(path, "does not exist", "missing", hint) from None
        except OSError as exc:
            raise _wrong(path, f"can't be read: {exc.strerror}", "permission") from exc
        if not stat.S_ISREG(mode):
            raise _wrong(path, "is not a regular file", "not_a_database")

    def disconnect(self) -> None:
        """Stop every statement, and close the file unless another source uses it."""
        with self._changing:
            worker, self._worker = self._worker, None
            sessions, self._open = self._open, set()
        if worker is None:
            return
        if worker.path == MEMORY:
            worker.kill()  # there is nothing to keep
        for session in sessions:
            session.close()
        workers.give_up(worker)

    def query(self, statement: Statement, running: Running) -> Rows:
        """Run a read in a read-only transaction."""
        session = self._take()

        def close() -> None:
            self._give(session)

        try:
            with running.cord(session.interrupt), self._explained(session.worker):
                columns, rows, is_last = session.call("query", *self._located(statement))
        except BaseException:
            close()
            raise
        first = rows, is_last
        return Rows([Column(*one) for one in columns], _batches(session, running, first), close, lambda: True)

    def execute(self, statement: Statement, running: Running) -> Outcome:
        """Run a write in a transaction of its own, and commit it."""
        if self.settings.read_only:
            raise UnsupportedError("This source was opened read-only.")
        with (
            self._session() as session,
            write_turn(session.worker, running),
            running.cord(session.interrupt),
            self._explained(session.worker),
        ):
            columns, rows, count = session.call("execute", *self._located(statement))
        if [name for name, _ in columns] == ["Count"]:
            return Outcome(rows[0][0] if rows else None)
        returned = Result(tuple(Column(*one) for one in columns), tuple(rows), truncated=count > len(rows))
        return Outcome(count, returned=returned) if columns else Outcome()

    def explain(self, statement: Statement) -> str:
        """Return DuckDB's plan, as it draws it."""
        with self._session() as session, self._explained(session.worker):
            return str(session.call("explain", *self._located(statement)))

    def prepare(self, statement: Statement) -> None:
        """Have DuckDB plan a write."""
        with self._session() as session, self._explained(session.worker):
            session.call("prepare", *self._located(statement))

    def judge(self, statement: Statement, verdict: Verdict) -> Verdict:
        """Let statements read the files of the folder, where there is one, and tools' what they may."""
        text = statement.text
        if self._folder is not None and verdict.kind is not Kind.READ:
            verdict = self._folder.judge(text, verdict)
        if statement.trusted:
            return judge_tool(text, verdict, reads_files=self.settings.external_access)
        worker = self._worker
        plugins = worker.functions if worker is not None else frozenset()
        return judge_client(text, verdict, tools_alone=plugins | (ASKS_ALL - ASKS_OPEN))

    def _located(self, statement: Statement) -> tuple[str, Any, About | None]:
        text = statement.text if self._folder is None else self._folder.located(statement.text)
        params = statement.params
        told = about(trusted=statement.trusted, has_functions=self.settings.has_functions)
        return text, (params if isinstance(params, dict) else list(params)) or None, told

    @contextmanager
    def _explained(self, worker: Worker) -> Iterator[None]:
        """Say in the block's error what of the extensions, secrets and plugins doesn't work, if it may be that."""
        try:
            yield
        except QueryFailed as exc:
            message = exc.message.lower()
            is_missing = _MISSING.search(message) is not None
            reasons = [
                f"The {what} doesn't work: {why}"
                for what, why in worker.problems.items()
                if is_missing or what.split()[-1].lower() in message
            ]
            if reasons:
                exc.hint = " ".join(reasons)
            raise

    def get_tables(self, schema: str | None = None) -> list[TableName]:
        """Return all tables and views, and the files of the folder."""
        [rows] = self._look([(introspect.NAMES, None)])
        names = [introspect.name_of(*row) for row in rows] + self._files()
        return sorted((name for name in names if schema in (None, name.schema or "main")), key=str)

    def get_table_schema(self, table: TableName) -> TableSchema:
        """Return one table; names are compared as DuckDB does, without regard to case."""
        wanted = ((table.schema or "main").lower(), table.name.lower())
        names = self.get_tables()
        found = [name for name in names if ((name.schema or "main").lower(), name.name.lower()) == wanted]
        if not found or table.catalog is not None:
            known = {str(name).lower(): str(name) for name in names}
            close = difflib.get_close_matches(str(table).lower(), known, n=3)
            hint = f"Did you mean {', '.join(known[one] for one in close)}?" if close else None
            raise NotFound(f"There is no table {str(table)!r}.", hint=hint, details={"table": str(table)})
        if found[0] in self._files():
            return self._file(found[0])
        return next(one for one in introspect.tables(self._look(introspect.TABLES)) if one.name == found[0])

    def get_schema(self) -> SchemaInfo:
        """Return every table, view and file."""
        found = introspect.tables(self._look(introspect.TABLES)) + [self._file(name) for name in self._files()]
        name = self.settings.filename
        return SchemaInfo(
            name if name == MEMORY else Path(name).stem, tuple(sorted(found, key=lambda one: str(one.name)))
        )

    def _files(self) -> list[TableName]:
        return self._folder.names() if self._folder is not None else []

    def _file(self, name: TableName) -> TableSchema:
        """Return the columns of a file, which DuckDB has to look into unless it is as it was the last time."""
        assert self._folder is not None  # noqa: S101 - for the type checker
        text, changed = self._folder.describing(name)
        key = (name.name, changed)
        if key not in self._described:
            try:
                [rows] = self._look([(text, None)])
            except DatabaseError as exc:
                if exc.broken:
                    raise
                return TableSchema(name, "file", (), comment=f"broken: {exc.message}")
            columns = tuple(ColumnInfo(row[0], row[1]) for row in rows)
            self._described[key] = TableSchema(name, "file", columns)
        return self._described[key]

    def ping(self) -> None:
        """Make one round trip."""
        self._look([("SELECT 1", None)])

    def locks(self) -> list[Lock]:
        """Try what must not be possible, and ask the settings of the open database."""
        with self._session() as session:
            can_write = session.call("attempts", "CREATE TABLE dbmcp_attempt (a INTEGER)")
            [[(external, autoload, locked, memory)]] = session.call("look", [(_SETTINGS, None)])
            try:
                session.call("query", "CHECKPOINT", None)
                is_picky = False
            except StatementRefused:
                is_picky = True
            worker = session.worker
        files = "it reads " + (
            "no file but its own" if self.settings.folder is None else "its own file and those of the folder"
        )
        if self.settings.external_access:
            files = "external_access: tools' statements reach files and the network, clients' are held to a list"
        how = "the file is open for reading alone" if worker.read_only else "the file is open for a writing source, too"
        if worker.path == MEMORY:
            how = "a database in memory can't be opened for reading alone"
        return [
            Lock("read-only transactions", not can_write, f"each read runs in one; {how}"),
            Lock("kinds of statements", is_picky, "DuckDB's own parser says what a statement is; no other kind runs"),
            Lock("files out of reach", external == "false", files),
            Lock("no extensions", autoload == "false" and not self.settings.extensions, self._extensions()),
            Lock("settings are locked", locked == "true", "lock_configuration"),
            Lock("memory is limited", self.settings.memory_limit_mb > 0, f"{memory}, in a process of its own"),
        ]

    def _extensions(self) -> str:
        return ", ".join(self.settings.extensions) or "none is installed or loaded"

    # Sessions

    def _look(self, queries: Sequence[tuple[str, Any]]) -> list[list[tuple[Any, ...]]]:
        with self._session() as session:
            found: list[list[tuple[Any, ...]]] = session.call("look", list(queries))
            return found

    @contextmanager
    def _session(self) -> Iterator[Session]:
        session = self._take()
        try:
            yield session
        finally:
            self._give(session, ended=True)

    def _take(self) -> Session:
        with self._changing:
            worker = self._worker
            if worker is None:
                raise ConnectionFailed("The database is not connected.")
            if not worker.is_alive and worker.path != MEMORY:  # it ended, or made way for a source that writes
                workers.give_up(worker)
                self._worker = None
                worker = self._worker = lease(self.settings)
        session = worker.take()
        session.begin()
        with self._changing:
            if self._worker is worker:
                self._open.add(session)
                return session
        session.close()
        raise ConnectionFailed("The database is not connected.")

    def _give(self, session: Session, *, ended: bool = False) -> None:
        """Give a session back, without the statement that it may still have."""
        with self._changing:
            is_ours = session in self._open
            self._open.discard(session)
        if not is_ours:
            session.close()
            return
        try:
            if not ended:
                session.call("end")
        except DatabaseError:  # its process is gone
            session.close()
        else:
            session.worker.give(session)


def _batches(session: Session, running: Running, batch: tuple[list[Any], bool]) -> Iterator[list[Any]]:
    with running.cord(session.interrupt):
        while True:
            rows, is_last = batch
            if rows:
                yield rows
            if is_last:
                return
            batch = session.call("fetch")


def _wrong(path: Path | str, what: str, reason: str, hint: str | None = None) -> ConnectionFailed:
    return ConnectionFailed(f"{str(path)!r} {what}.", hint=hint, details={"reason": reason})

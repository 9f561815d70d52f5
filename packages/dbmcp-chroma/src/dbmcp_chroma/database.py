"""One open Chroma database: requests of the allow-list, answers as streams."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from dbmcp_chroma import reading, sampling, writing
from dbmcp_chroma.judge import judge
from dbmcp_chroma.links import Link, open_link
from dbmcp_chroma.model import Collection
from dbmcp_chroma.request import Request
from dbmcp_chroma.settings import ChromaSettings
from dbmcp_core.database import Database, Lock, batches
from dbmcp_core.errors import ConnectionFailed, NotFound, StatementRefused, UnsupportedError
from dbmcp_core.running import Running
from dbmcp_core.schema import SchemaInfo, TableName, TableSchema
from dbmcp_core.settings import nearest
from dbmcp_core.statement import Kind, Outcome, RefusalCode, Rows, Statement, Verdict

__all__ = ["ChromaDatabase"]


class ChromaDatabase(Database):
    """One tenant's database, in a folder or on a server."""

    def __init__(self, settings: ChromaSettings) -> None:
        self.settings = settings
        self._link: Link | None = None
        self._name = settings.database or "default_database"
        self._tenant = settings.tenant or "default_tenant"
        self._most = 1
        self._changing = threading.Lock()

    def connect(self) -> None:
        """Open the folder or reach the server, and see that tenant and database are there."""
        with self._changing:
            if self._link is not None:
                return
            link = open_link(self.settings)
            try:
                self._tenant, self._name, _, self._most = self._hello(link)
            except BaseException:
                link.close()
                raise
            self._link = link

    def _hello(self, link: Link) -> tuple[str, str, str, int]:
        try:
            found: tuple[str, str, str, int] = link.call(None, "hello")
        except NotFound as exc:
            raise ConnectionFailed(
                exc.message, hint="Check the settings 'tenant' and 'database'.", details={"reason": "database"}
            ) from exc
        return found

    def disconnect(self) -> None:
        """Hang up; statements still running end with an error."""
        with self._changing:
            link, self._link = self._link, None
        if link is not None:
            link.close()

    def judge(self, statement: Statement, verdict: Verdict) -> Verdict:  # noqa: ARG002 - there is no other verdict
        """Return what the statement does."""
        return judge(statement)[0]

    def query(self, statement: Statement, running: Running) -> Rows:
        """Run a read."""
        request = _allowed(statement, reading=True)
        link = self._open()

        def ask(operation: str, *args: Any) -> Any:
            running.raise_if_stopped()
            if not link.is_open:
                raise ConnectionFailed("The database was disconnected.")
            return link.call(running, operation, *args)

        columns, rows = reading.read(ask, request)
        return Rows(columns, batches(_until_stopped(rows, running)), None, lambda: link.is_open)

    def execute(self, statement: Statement, running: Running) -> Outcome:
        """Run a write."""
        if self.settings.read_only:
            raise UnsupportedError("This source was opened read-only.")
        request = _allowed(statement, reading=False)
        link = self._open()
        return writing.write(lambda *args: link.call(running, *args), request, self._most)

    def get_tables(self, schema: str | None = None) -> list[TableName]:
        """Return all collections; there are no schemas."""
        if schema is not None:
            return []
        return [TableName(one.name) for one in self._collections()]

    def get_table_schema(self, table: TableName) -> TableSchema:
        """Return one collection, as its records show it."""
        found = {one.name: one for one in self._collections()}
        if table.name not in found or table.schema is not None:
            hint = nearest(table.name[:100], found).strip(" ()").capitalize() or None
            raise NotFound(f"There is no collection {str(table)[:100]!r}.", hint=hint, details={"table": str(table)})
        return self._describe(found[table.name])

    def get_schema(self) -> SchemaInfo:
        """Return every collection, each as its records show it."""
        return SchemaInfo(self._name, tuple(self._describe(one) for one in self._collections()))

    def _describe(self, collection: Collection) -> TableSchema:
        return sampling.describe(self._ask, collection, max(self.settings.sample_size, 1))

    def _collections(self) -> list[Collection]:
        found: list[Collection] = self._ask("collections")
        return found

    def ping(self) -> None:
        """Ask whether the database is there."""
        self._hello(self._open())

    def locks(self) -> list[Lock]:
        """Return the layers; a read-only source's session sends nothing that writes, and its process takes nothing."""
        self.ping()
        reads = self.settings.read_only
        found = [
            Lock("one database", True, f"every request goes to {self._name!r} of {self._tenant!r}; none names another"),
            Lock("requests", reads, "only those that read leave this source" if reads else "writes may be sent too"),
        ]
        if self.settings.path is not None:
            limit = self.settings.memory_limit_mb
            found.append(Lock("a process of its own", True, "what ends Chroma's process ends that one statement"))
            found.append(Lock("memory is limited", limit > 0, f"memory_limit_mb = {limit}"))
        else:
            found.append(Lock("account", False, "Chroma tells nobody's rights; use a token that may only read"))
        return found

    def _ask(self, operation: str, *args: Any) -> Any:
        return self._open().call(None, operation, *args)

    def _open(self) -> Link:
        link = self._link
        if link is None:
            raise ConnectionFailed("The database is not connected.")
        return link


def _until_stopped(rows: Iterator[tuple[Any, ...]], running: Running) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        running.raise_if_stopped()  # what has been fetched already
        yield row


def _allowed(statement: Statement, *, reading: bool) -> Request:
    """Return the request of *statement* if it may run; the same judgement that the road makes, once more."""
    verdict, request = judge(statement)
    if request is None or (verdict.kind is Kind.READ) is not reading:
        code = verdict.code or RefusalCode.NOT_A_WRITE
        raise StatementRefused(f"{verdict.reason or 'The statement only reads'}.", code=code)
    return request

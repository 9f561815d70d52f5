"""A caller of one source on an executor, with a caller's verbs: what the tests of the contract speak through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from dbmcp_core.call import Call, Intent
from dbmcp_core.executor import Executor
from dbmcp_core.running import Running
from dbmcp_core.schema import SchemaInfo, TableName, TableSchema
from dbmcp_core.statement import Limits, Outcome, Params, Result, Statement

__all__ = ["Caller"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and which source. A statement is a ``Statement``, or a text with parameters."""

    executor: Executor
    source: str = "main"
    name: str = "local"

    def on(self, source: str) -> Caller:
        """Return the same caller on another source."""
        return replace(self, source=source)

    def named(self, name: str) -> Caller:
        """Return another caller of the same source."""
        return replace(self, name=name)

    def query(
        self,
        statement: Statement | str,
        params: Params = (),
        *,
        limits: Limits | None = None,
        running: Running | None = None,
    ) -> Result:
        """Run a read."""
        return cast("Result", self._run(Intent.READ, statement, params, limits, running))

    def execute(
        self,
        statement: Statement | str,
        params: Params = (),
        *,
        limits: Limits | None = None,
        running: Running | None = None,
    ) -> Outcome:
        """Run a write."""
        return cast("Outcome", self._run(Intent.WRITE, statement, params, limits, running))

    def read_on(self, cursor: str, *, limits: Limits | None = None, running: Running | None = None) -> Result:
        """Read the next page."""
        return self.executor.read_on(cursor, caller=self.name, limits=limits, running=running)

    def pages(self, statement: Statement | str, params: Params = (), *, limits: Limits) -> list[Result]:
        """Read page by page to the end."""
        pages = [self.query(statement, params, limits=limits)]
        while (cursor := pages[-1].cursor) is not None:
            pages.append(self.read_on(cursor, limits=limits))
        return pages

    def tables(self) -> list[TableName]:
        """Return the names of all tables."""
        return self.executor.tables(self.source, caller=self.name)

    def table(self, name: str | TableName) -> TableSchema:
        """Return one table."""
        return self.executor.table(self.source, TableName(name) if isinstance(name, str) else name, caller=self.name)

    def schema(self) -> SchemaInfo:
        """Return every table."""
        return self.executor.schema(self.source, caller=self.name)

    def ping(self) -> None:
        """Make one round trip."""
        self.executor.ping(self.source, caller=self.name)

    def _run(
        self,
        intent: Intent,
        statement: Statement | str,
        params: Params,
        limits: Limits | None,
        running: Running | None,
    ) -> Result | Outcome:
        if isinstance(statement, str):
            statement = Statement(statement, params)
        return self.executor.run(Call(self.source, statement, intent, self.name, "contract", limits), running)

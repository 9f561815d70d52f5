"""Python's own door: one source, and a caller's verbs on it. ``dbmcp_core.aio`` has the same for ``await``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Self, cast

from dbmcp_core.call import Call, Intent
from dbmcp_core.config import source as make_source
from dbmcp_core.executor import Executor
from dbmcp_core.registry import Registry
from dbmcp_core.running import Running
from dbmcp_core.statement import Limits, Outcome, Params, Result, Statement

if TYPE_CHECKING:
    from dbmcp_core.schema import SchemaInfo, TableName, TableSchema

__all__ = ["Client", "connect"]


def connect(url: str, *, registry: Registry | None = None, **settings: object) -> Client:
    """Open the database that *url* leads to, for reading unless ``read_only=False``.

    Args:
        url: As in ``sqlite:///shop.db``; the scheme names the engine.
        registry: The plugins to choose from; left out, those that are installed.
        settings: The source's settings, over those of the URL.

    Raises:
        ConfigError: if the URL or a setting is wrong.
        ConnectionFailed: if the database can't be reached.
    """
    client = Client(url, registry=registry, **settings)
    try:
        client.ping()
    except BaseException:
        client.close()
        raise
    return client


class Client:
    """One open source. Every statement takes the same road as a server's: guard, policies, limits, records.

    Safe from many threads. A context manager; ``close`` gives everything back.
    """

    def __init__(self, url: str, *, registry: Registry | None = None, **settings: object) -> None:
        if registry is None:
            registry = Registry()
            registry.load_all()  # all of them: a policy that is installed holds, whichever engine is asked
        source = make_source(registry, "main", {"url": url, **settings}, origin="connect()")
        self._executor = Executor(registry, [source])

    def query(
        self, text: str, params: Params = (), *, limits: Limits | None = None, running: Running | None = None
    ) -> Result:
        """Run a read and return its first rows; ``result.cursor`` leads to the next ones.

        Raises:
            StatementRefused: if it isn't one statement that reads.
            DatabaseError: if the database rejects it, or it was stopped.
        """
        return cast("Result", self._run(Intent.READ, text, params, limits, running))

    def read_on(self, cursor: str, *, limits: Limits | None = None, running: Running | None = None) -> Result:
        """Return the next rows of a truncated result."""
        return self._executor.read_on(cursor, limits=limits, running=running)

    def pages(self, text: str, params: Params = (), *, limits: Limits | None = None) -> Iterator[Result]:
        """Run a read and yield its rows page by page, to the end."""
        page = self.query(text, params, limits=limits)
        yield page
        while page.cursor is not None:
            page = self.read_on(page.cursor, limits=limits)
            yield page

    def execute(
        self, text: str, params: Params = (), *, limits: Limits | None = None, running: Running | None = None
    ) -> Outcome:
        """Run a write and commit it.

        Raises:
            PolicyDenied: if the source is read-only.
        """
        return cast("Outcome", self._run(Intent.WRITE, text, params, limits, running))

    def explain(self, text: str, params: Params = ()) -> str:
        """Return the plan of a read, without running it."""
        return self._executor.explain("main", Statement(text, params))

    def get_tables(self) -> list[TableName]:
        """Return the names of all tables and views."""
        return self._executor.tables("main")

    def get_table_schema(self, table: str | TableName) -> TableSchema:
        """Return one table in full."""
        from dbmcp_core.schema import TableName

        return self._executor.table("main", TableName(table) if isinstance(table, str) else table)

    def get_schema(self) -> SchemaInfo:
        """Return every table in full."""
        return self._executor.schema("main")

    def ping(self) -> None:
        """Make one round trip to the database."""
        self._executor.ping("main")

    def close(self) -> None:
        """Disconnect; statements still running are stopped."""
        self._executor.close()

    def _run(
        self, intent: Intent, text: str, params: Params, limits: Limits | None, running: Running | None
    ) -> Result | Outcome:
        return self._executor.run(Call("main", Statement(text, params), intent, limits=limits), running)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

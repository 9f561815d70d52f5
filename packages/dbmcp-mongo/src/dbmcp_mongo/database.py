"""One open MongoDB database: commands of the allow-list, answers as streams, stops in the server."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from bson import json_util
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from dbmcp_core.database import Database, Lock, batches
from dbmcp_core.errors import ConnectionFailed, NotFound, QueryFailed, StatementRefused, UnsupportedError
from dbmcp_core.running import Running
from dbmcp_core.schema import SchemaInfo, TableName, TableSchema
from dbmcp_core.settings import nearest
from dbmcp_core.statement import Column, Kind, Outcome, RefusalCode, Rows, Statement, Verdict
from dbmcp_mongo import locks, sampling, values, writing
from dbmcp_mongo.client import SERVER_MARGIN_S, open_client
from dbmcp_mongo.command import Command, Document
from dbmcp_mongo.errors import wrapped
from dbmcp_mongo.judge import judge
from dbmcp_mongo.settings import MongoSettings
from dbmcp_mongo.table import Table, known_fields

__all__ = ["MongoDatabase"]

_T = TypeVar("_T")
_Client = MongoClient[Document]


class MongoDatabase(Database):
    """One database of a server, through pymongo's own pool."""

    def __init__(self, settings: MongoSettings) -> None:
        self.settings = settings
        self._secrets = settings.secrets()
        self._client: _Client | None = None
        self._name = settings.database or "test"
        self._has_transactions = False
        self._changing = threading.Lock()

    def connect(self) -> None:
        """Reach a server, and ask what it can."""
        with self._changing:
            if self._client is not None:
                return
            values.register()
            client, self._name = open_client(self.settings)
            try:
                with self._wrapped():
                    hello = client.admin.command("hello")
                    client[self._name].command("ping")
            except BaseException:
                client.close()
                raise
            self._has_transactions = "setName" in hello or hello.get("msg") == "isdbgrid"
            self._client = client

    def disconnect(self) -> None:
        """Close the pool; statements still running end with an error."""
        with self._changing:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def judge(self, statement: Statement, verdict: Verdict) -> Verdict:  # noqa: ARG002 - there is no other verdict
        """Return what the statement does."""
        return judge(statement)[0]

    def query(self, statement: Statement, running: Running) -> Rows:
        """Run a read."""
        command = _allowed(statement, reading=True)
        client = self._open()
        with self._wrapped():
            session = client.start_session()
        try:
            return self._rows(client, session, command, running)
        except BaseException:
            _end(session)
            raise

    def _rows(self, client: _Client, session: ClientSession, command: Command, running: Running) -> Rows:
        document = self._limited(command)
        with self._running(client, session, running):
            if command.shape == "cursor":
                return self._stream(client, session, command, document, running)
            table = self._answer(client, session, command, document)
        return Rows(table[0], batches(table[1]), lambda: _end(session), lambda: True)

    def _answer(
        self, client: _Client, session: ClientSession, command: Command, document: Document
    ) -> tuple[list[Column], list[tuple[Any, ...]]]:
        database = client[self._name]
        reply = database.command(document, session=session, **_options(database))
        if command.shape == "count":
            number = reply["n"] if command.name == "count" else sum(one["n"] for one in reply["cursor"]["firstBatch"])
            return [Column("count", "long")], [(int(number),)]
        if command.shape == "version":
            return [Column("version", "string")], [(str(reply["version"]),)]
        if command.shape == "values":
            found = reply["values"]
            kinds = dict.fromkeys(map(values.kind, found))
            return [Column(document["key"], "|".join(kinds))], [(one,) for one in found]
        for key in ("$clusterTime", "operationTime"):
            reply.pop(key, None)
        single = Table([reply], None)
        return single.columns, list(single.rows())

    def _stream(
        self, client: _Client, session: ClientSession, command: Command, document: Document, running: Running
    ) -> Rows:
        database = client[self._name]
        cursor = database.cursor_command(document, session=session, **_options(database))
        table = Table(_until_stopped(cursor, running), known_fields(command))

        def close() -> None:
            try:
                cursor.close()
            except PyMongoError:  # the server forgets it by itself
                pass
            finally:
                _end(session)

        def stream() -> Iterator[Any]:
            found = batches(table.rows())
            while True:
                if self._client is not client:
                    raise ConnectionFailed("The database was disconnected.")
                with self._running(client, session, running):
                    batch = next(found, None)
                if batch is None:
                    return
                yield batch

        return Rows(table.columns, stream(), close, lambda: self._client is client)

    @contextmanager
    def _running(self, client: _Client, session: ClientSession, running: Running) -> Iterator[None]:
        """Let *running* stop what runs in *session*; the server ends its statements and cursors."""

        def stop() -> None:
            with contextlib.suppress(PyMongoError):  # tried again in a moment
                client.admin.command("killSessions", [session.session_id])

        with self._wrapped(), running.cord(stop):
            yield

    def _most_ms(self) -> int:
        return int((self.settings.timeout_s + SERVER_MARGIN_S) * 1000)

    def _limited(self, command: Command) -> Document:
        """Return the command's document with the server's own time limit."""
        most = self._most_ms()
        asked = command.document.get("maxTimeMS") or most
        if isinstance(asked, bool) or not isinstance(asked, (int, float)) or asked < 0:
            raise QueryFailed("maxTimeMS is a number of milliseconds.")
        return {**command.document, "maxTimeMS": min(int(asked), most)}

    def execute(self, statement: Statement, running: Running) -> Outcome:
        """Run a write, in a transaction where the server has them."""
        if self.settings.read_only:
            raise UnsupportedError("This source was opened read-only.")
        command = _allowed(statement, reading=False)
        client = self._open()
        with self._wrapped():
            session = client.start_session()
        try:
            with self._running(client, session, running):
                has = self._has_transactions
                replies = writing.send(client[self._name], command, session, transactions=has)
            return writing.outcome(statement, command, replies)
        finally:
            _end(session)

    def explain(self, statement: Statement) -> str:
        """Return the server's plan, as JSON; the statement is not run."""
        command = _allowed(statement, reading=True)
        if command.name not in ("find", "aggregate", "count", "distinct"):
            raise UnsupportedError(f"There is no plan for {command.name!r}.")
        plan = Command("explain", {"explain": command.document, "verbosity": "queryPlanner"})
        document = self._limited(plan)
        reply = self._look(lambda client: client[self._name].command(document))
        shown = {key: value for key, value in reply.items() if key not in ("$clusterTime", "operationTime", "ok")}
        return json_util.dumps(shown, indent=2, json_options=json_util.RELAXED_JSON_OPTIONS)

    def get_tables(self, schema: str | None = None) -> list[TableName]:
        """Return all collections and views; there are no schemas."""
        if schema is not None:
            return []
        return [TableName(name) for name in self._collections()]

    def get_table_schema(self, table: TableName) -> TableSchema:
        """Return one collection, as its documents show it."""
        found = self._collections()
        if table.name not in found or table.schema is not None:
            hint = nearest(table.name[:100], found).strip(" ()").capitalize() or None
            raise NotFound(f"There is no collection {str(table)[:100]!r}.", hint=hint, details={"table": str(table)})
        return self._look(lambda client: self._describe(client, found[table.name]))

    def get_schema(self) -> SchemaInfo:
        """Return every collection, each as its documents show it."""
        found = self._collections()
        tables = self._look(lambda client: tuple(self._describe(client, one) for one in found.values()))
        return SchemaInfo(self._name, tables)

    def _describe(self, client: _Client, info: Document) -> TableSchema:
        return sampling.describe(client[self._name], info, max(self.settings.sample_size, 1), self._most_ms())

    def _collections(self) -> dict[str, Document]:
        return self._look(lambda client: sampling.list_collections(client[self._name]))

    def ping(self) -> None:
        """Ask the server for a sign of life."""
        self._look(lambda client: client[self._name].command("ping"))

    def locks(self) -> list[Lock]:
        """Return the layers that the server can tell of."""
        status = self._look(lambda client: client[self._name].command("connectionStatus", showPrivileges=True))
        return [
            Lock("one database", True, f"every command goes to {self._name!r}; none names another"),
            Lock("time limit", True, f"maxTimeMS = {self._most_ms()}, on every command that reads"),
            locks.account(status),
        ]

    def _open(self) -> _Client:
        client = self._client
        if client is None:
            raise ConnectionFailed("The database is not connected.")
        return client

    def _look(self, look: Callable[[_Client], _T]) -> _T:
        client = self._open()
        with self._wrapped():
            return look(client)

    def _wrapped(self) -> Any:
        return wrapped(self._secrets)


def _options(database: Any) -> dict[str, Any]:
    """Return what the driver's own methods take from the client, and its bare commands don't."""
    return {"codec_options": database.codec_options, "read_preference": database.read_preference}


def _until_stopped(documents: Iterable[Document], running: Running) -> Iterator[Document]:
    for document in documents:
        running.raise_if_stopped()  # what the driver has fetched already, no server can stop
        yield document


def _end(session: ClientSession) -> None:
    with contextlib.suppress(PyMongoError):  # of a client that was closed meanwhile
        session.end_session()


def _allowed(statement: Statement, *, reading: bool) -> Command:
    """Return the command of *statement* if it may run; the same judgement that the road makes, once more."""
    verdict, command = judge(statement)
    if command is None or (verdict.kind is Kind.READ) is not reading:
        code = verdict.code or RefusalCode.NOT_A_WRITE
        raise StatementRefused(f"{verdict.reason or 'The statement only reads'}.", code=code)
    return command

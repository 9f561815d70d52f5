"""The Thrift service that the Databricks connector speaks, over any engine that runs SQL and answers with Arrow."""

# ruff: noqa: N802 - the names of methods are the protocol's

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes as t

__all__ = ["Engine", "Result", "Service", "SqlError"]

OK = t.TStatus(statusCode=t.TStatusCode.SUCCESS_STATUS)
UNKNOWN = t.TStatus(
    statusCode=t.TStatusCode.INVALID_HANDLE_STATUS, errorMessage="Invalid SessionHandle or OperationHandle"
)
DONE = (t.TOperationState.FINISHED_STATE, t.TOperationState.ERROR_STATE, t.TOperationState.CANCELED_STATE)
#: Seconds that a question for the state of a statement waits for its end, as Databricks' service does.
LONG_POLL_S = 0.1


class SqlError(Exception):
    """What the engine says went wrong."""

    def __init__(self, message: str, state: str | None = None) -> None:
        super().__init__(message)
        self.state = state


@dataclass
class Result:
    """The rows of a statement, in tables as long as they come, and the type of each column."""

    schema: pa.Schema
    types: list[str]  # Thrift's names: INT_TYPE, DECIMAL_TYPE, …
    tables: Iterator[pa.Table]


class Engine(Protocol):
    """What runs the statements of all sessions."""

    def open(self, configuration: Mapping[str, str], catalog: str | None, schema: str | None) -> Any:
        """Return a new session."""

    def run(self, session: Any, text: str, parameters: list[t.TSparkParameter], tag: str) -> Result:
        """Run a statement; *tag* is what cancels it."""

    def cancel(self, tag: str) -> None:
        """End the statement of this tag, if it runs."""


@dataclass
class Operation:
    """One statement, and how far its rows were read."""

    tag: str
    ended: threading.Event = field(default_factory=threading.Event)
    state: int = t.TOperationState.RUNNING_STATE
    error: SqlError | None = None
    result: Result | None = None
    rest: pa.Table | None = None
    row: int = 0

    def take(self, rows: int, size: int) -> tuple[pa.Table, bool]:
        """Return the next rows, within both limits, and whether there are more."""
        assert self.result is not None
        while self.rest is None or self.rest.num_rows <= rows:
            following = next(self.result.tables, None)
            if following is None:
                break
            self.rest = following if self.rest is None else pa.concat_tables([self.rest, following])
        table = self.rest if self.rest is not None else self.result.schema.empty_table()
        count = min(rows, max(1, int(size / max(1.0, table.nbytes / max(1, table.num_rows)))))
        self.rest = table.slice(count)
        self.row += min(count, table.num_rows)
        return table.slice(0, count), self.rest.num_rows > 0


class Service:
    """A handler for ``TCLIService.Processor``: sessions, statements, their states and rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions: dict[bytes, Any] = {}
        self._operations: dict[bytes, Operation] = {}

    def forget(self) -> None:
        """Drop every session, as a restart of the service would."""
        self._sessions.clear()
        self._operations.clear()

    def OpenSession(self, request: t.TOpenSessionReq) -> t.TOpenSessionResp:
        space = request.initialNamespace
        names = (space.catalogName, space.schemaName) if space else (None, None)
        try:
            session = self._engine.open(request.configuration or {}, *names)
        except SqlError as error:
            return t.TOpenSessionResp(status=_failed(error), serverProtocolVersion=0)
        key = uuid.uuid4().bytes
        self._sessions[key] = session
        return t.TOpenSessionResp(
            status=OK,
            serverProtocolVersion=t.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8,
            sessionHandle=t.TSessionHandle(t.THandleIdentifier(key, key)),
            configuration={},
            initialNamespace=space,
            canUseMultipleCatalogs=True,
        )

    def CloseSession(self, request: t.TCloseSessionReq) -> t.TCloseSessionResp:
        known = self._sessions.pop(request.sessionHandle.sessionId.guid, None)
        return t.TCloseSessionResp(status=UNKNOWN if known is None else OK)

    def ExecuteStatement(self, request: t.TExecuteStatementReq) -> t.TExecuteStatementResp:
        session = self._sessions.get(request.sessionHandle.sessionId.guid)
        if session is None:
            return t.TExecuteStatementResp(status=UNKNOWN)
        key = uuid.uuid4().bytes
        operation = self._operations[key] = Operation(key.hex())
        work = (
            operation,
            lambda: self._engine.run(session, request.statement, request.parameters or [], operation.tag),
        )
        threading.Thread(target=_work, args=work, daemon=True).start()
        handle = t.TOperationHandle(t.THandleIdentifier(key, key), t.TOperationType.EXECUTE_STATEMENT, True)
        direct = None
        if request.getDirectResults and operation.ended.wait(5):
            direct = self._direct(handle, request.getDirectResults)
        return t.TExecuteStatementResp(status=OK, operationHandle=handle, directResults=direct)

    def _direct(self, handle: t.TOperationHandle, limits: t.TSparkGetDirectResults) -> t.TSparkDirectResults:
        direct = t.TSparkDirectResults(self.GetOperationStatus(t.TGetOperationStatusReq(handle)))
        if direct.operationStatus.operationState == t.TOperationState.FINISHED_STATE:
            direct.resultSetMetadata = self.GetResultSetMetadata(t.TGetResultSetMetadataReq(handle))
            direct.resultSet = self.FetchResults(
                t.TFetchResultsReq(handle, maxRows=limits.maxRows, maxBytes=limits.maxBytes)
            )
        return direct

    def GetOperationStatus(self, request: t.TGetOperationStatusReq) -> t.TGetOperationStatusResp:
        operation = self._operations.get(request.operationHandle.operationId.guid)
        if operation is None:
            return t.TGetOperationStatusResp(status=UNKNOWN)
        operation.ended.wait(LONG_POLL_S)
        answer = t.TGetOperationStatusResp(status=OK, operationState=operation.state, hasResultSet=True)
        if operation.error is not None:
            answer.sqlState, answer.errorMessage = operation.error.state, str(operation.error)
            answer.displayMessage, answer.diagnosticInfo = str(operation.error), "no stack here"
        return answer

    def CancelOperation(self, request: t.TCancelOperationReq) -> t.TCancelOperationResp:
        operation = self._operations.get(request.operationHandle.operationId.guid)
        if operation is None:
            return t.TCancelOperationResp(status=UNKNOWN)
        if operation.state not in DONE:
            operation.state = t.TOperationState.CANCELED_STATE
            operation.ended.set()
        self._engine.cancel(operation.tag)
        return t.TCancelOperationResp(status=OK)

    def CloseOperation(self, request: t.TCloseOperationReq) -> t.TCloseOperationResp:
        operation = self._operations.pop(request.operationHandle.operationId.guid, None)
        if operation is None:
            return t.TCloseOperationResp(status=UNKNOWN)
        if not operation.ended.is_set():
            self._engine.cancel(operation.tag)
        return t.TCloseOperationResp(status=OK)

    def GetResultSetMetadata(self, request: t.TGetResultSetMetadataReq) -> t.TGetResultSetMetadataResp:
        operation = self._operations.get(request.operationHandle.operationId.guid)
        if operation is None or operation.result is None:
            return t.TGetResultSetMetadataResp(status=UNKNOWN)
        result = operation.result
        columns = [
            t.TColumnDesc(field.name, t.TTypeDesc([_entry(kind, field.type)]), number)
            for number, (field, kind) in enumerate(zip(result.schema, result.types, strict=True), 1)
        ]
        return t.TGetResultSetMetadataResp(
            status=OK,
            schema=t.TTableSchema(columns),
            resultFormat=t.TSparkRowSetType.ARROW_BASED_SET,
            lz4Compressed=False,
            arrowSchema=result.schema.serialize().to_pybytes(),
            isStagingOperation=False,
        )

    def FetchResults(self, request: t.TFetchResultsReq) -> t.TFetchResultsResp:
        operation = self._operations.get(request.operationHandle.operationId.guid)
        if operation is None or operation.state != t.TOperationState.FINISHED_STATE:
            return t.TFetchResultsResp(status=UNKNOWN)
        start = operation.row
        try:
            table, more = operation.take(request.maxRows or 1_000, request.maxBytes or 1_000_000)
        except SqlError as error:
            return t.TFetchResultsResp(status=_failed(error))
        batches = [t.TSparkArrowBatch(batch.serialize().to_pybytes(), batch.num_rows) for batch in table.to_batches()]
        metadata = self.GetResultSetMetadata(t.TGetResultSetMetadataReq(request.operationHandle))
        rows = t.TRowSet(startRowOffset=start, rows=[], arrowBatches=batches)
        return t.TFetchResultsResp(status=OK, hasMoreRows=more, results=rows, resultSetMetadata=metadata)


def _work(operation: Operation, run: Callable[[], Result]) -> None:
    state = t.TOperationState.FINISHED_STATE
    try:
        operation.result = run()
    except SqlError as error:
        operation.error, state = error, t.TOperationState.ERROR_STATE
    if operation.state not in DONE:  # a statement that was cancelled stays so
        operation.state = state
    elif operation.state == t.TOperationState.CANCELED_STATE:
        operation.error = None
    operation.ended.set()


def _failed(error: SqlError) -> t.TStatus:
    return t.TStatus(statusCode=t.TStatusCode.ERROR_STATUS, sqlState=error.state, errorMessage=str(error))


def _entry(kind: str, arrow: pa.DataType) -> t.TTypeEntry:
    entry = t.TPrimitiveTypeEntry(t.TTypeId._NAMES_TO_VALUES[kind])
    if kind == "DECIMAL_TYPE":
        sizes = {"precision": arrow.precision, "scale": arrow.scale}
        entry.typeQualifiers = t.TTypeQualifiers({n: t.TTypeQualifierValue(i32Value=v) for n, v in sizes.items()})
    return t.TTypeEntry(primitiveEntry=entry)

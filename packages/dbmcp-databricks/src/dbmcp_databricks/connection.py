"""One session of the connector: statements that are told to stop at any time, and their rows as Arrow."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import time
import urllib.request
from typing import Any

from databricks import sql
from databricks.sql.backend.types import CommandState

from dbmcp_core.errors import ConnectionFailed
from dbmcp_databricks.oauth import ClientCredentials
from dbmcp_databricks.parameters import parameters
from dbmcp_databricks.settings import DatabricksSettings
from dbmcp_databricks.values import columns_of, rows_of

__all__ = ["Connection", "Cursor", "Stopped", "knock", "unreachable"]

#: Rows, and about the bytes, that the server sends at a time.
_FETCH_ROWS = 2_048
_FETCH_BYTES = 1 << 20
#: Seconds between two questions for a statement's state. The service itself waits a moment before it answers.
_ASK_S, _ASK_AT_MOST_S = 0.01, 0.25
_STOP_S = 5.0
#: The first column of what a change of rows answers.
_COUNT = "num_affected_rows"
# The connector logs what its errors say again; whoever wants that sets a level of its own.
if logging.getLogger("databricks").level == logging.NOTSET:
    logging.getLogger("databricks").setLevel(logging.CRITICAL)
_WAITING = (CommandState.PENDING, CommandState.RUNNING)


class Stopped(Exception):
    """The statement ended before its end."""


def _verifier(settings: DatabricksSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ssl_ca)
    if not settings.ssl_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def knock(settings: DatabricksSettings) -> None:
    """Reach the host once, so that a wrong name, port or certificate is told at once: the connector would try on."""
    host, port = settings.server_hostname, settings.port
    if "_connection_uri" in settings.private_options():
        return
    if "https" in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return  # it isn't for us to reach
    with (
        socket.create_connection((host, port), timeout=min(settings.connect_timeout_s, 10.0)) as plain,
        _verifier(settings).wrap_socket(plain, server_hostname=host),
    ):
        pass


class Connection:
    """A session of the connector, for one statement at a time."""

    def __init__(self, settings: DatabricksSettings, *, statement_s: float, wait_s: float) -> None:
        self._settings = settings
        self._wait_s = wait_s
        self._statement_s = statement_s
        self._stopping = False
        self.used_at = time.monotonic()
        #: Whether the session may differ from a new one.
        self.wrote = False
        self._driver = sql.connect(**self._options())
        self._cursor = self._driver.cursor(arraysize=_FETCH_ROWS, buffer_size_bytes=_FETCH_BYTES)

    def _options(self) -> dict[str, Any]:
        settings = self._settings
        options: dict[str, Any] = {
            "server_hostname": settings.server_hostname,
            "http_path": settings.http_path.strip(),
            "catalog": settings.catalog,
            "schema": settings.schema,
            "session_configuration": {"STATEMENT_TIMEOUT": str(int(self._statement_s))},
            "user_agent_entry": "dbmcp",
            "enable_telemetry": False,
            # Else a server could have us read from any address that it names.
            "use_cloud_fetch": False,
            "_port": settings.port,
            "_tls_no_verify": not settings.ssl_verify,
            "_tls_trusted_ca_file": settings.ssl_ca,
            "_socket_timeout": max(self._wait_s, 10.0),
            "_retry_stop_after_attempts_duration": max(self._wait_s, 1.0),
            "_retry_delay_max": 5.0,
        }
        if token := settings.token():
            options["access_token"] = token
        else:
            options["credentials_provider"] = ClientCredentials(settings, _verifier(settings))
        return options | settings.private_options()

    def run(self, text: str, values: tuple[Any, ...] = ()) -> Cursor:
        """Run a statement to its end; its rows are on the server until they are fetched."""
        given = parameters(values)
        text.encode()  # what fails in the middle of a request would spoil the next one
        self.finish()
        self._stopping = False
        cursor: Any = self._cursor
        # Not execute(): that would wait for the first rows in the same request, where nothing can be cancelled.
        cursor.execute_async(text, given or None)
        wait_s = _ASK_S
        while (state := cursor.get_query_state()) in _WAITING:
            if self._stopping:
                cursor.backend.cancel_command(cursor.active_command_id)
            time.sleep(wait_s)
            wait_s = min(wait_s * 1.5, _ASK_AT_MOST_S)
        if state is not CommandState.SUCCEEDED:
            raise Stopped(f"The statement ended as {state.value.lower()}.")
        # Not get_async_execution_result(): it asks for the state twice more, and may copy files for the server.
        cursor.active_result_set = cursor.backend.get_execution_result(cursor.active_command_id, cursor)
        if cursor.active_result_set.is_staging_operation:
            raise Stopped("The statement asks for a copy of local files, which isn't done here.")
        return Cursor(cursor)

    def stop(self) -> None:
        """Have the statement end: first by its own thread, between two questions, then by a session of our own."""
        if not self._stopping:
            self._stopping = True
            return
        command = self._cursor.active_command_id
        if command is None:  # not accepted yet; its own thread will see
            return
        with contextlib.closing(Connection(self._settings, statement_s=_STOP_S, wait_s=_STOP_S)) as other:
            other._cursor.backend.cancel_command(command)

    def finish(self) -> None:
        """Have the server forget the last statement."""
        cursor, command = self._cursor, self._cursor.active_command_id
        cursor.active_command_id = None
        result, cursor.active_result_set = cursor.active_result_set, None
        if result is not None:
            result.close()
        elif command is not None:
            cursor.backend.close_command(command)
        self.used_at = time.monotonic()

    def close(self) -> None:
        """End the session; what is still running in it ends too."""
        self._driver.close()
        # The connector leaves its socket to the garbage collector.
        transport = getattr(self._driver.session.backend, "_transport", None)
        pool = getattr(transport, "_THttpClient__pool", None)
        if pool is not None:
            pool.close()


class Cursor:
    """The rows of one statement."""

    def __init__(self, cursor: Any) -> None:
        self._result = cursor.active_result_set
        described = self._result.description or []
        self.columns = columns_of(described, self._result.fetchmany_arrow(0)) if described else []
        self.description: list[Any] | None = described or None
        self.rowcount = -1
        if self.columns and self.columns[0].name == _COUNT:
            # What changed rows answers with their number, as a table.
            rows = self.fetchmany(1)
            self.rowcount = rows[0][0] if rows and rows[0][0] is not None else -1
            self.description = None

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        """Return the next rows, at most *size*; fewer only at the end."""
        return rows_of(self._result.fetchmany_arrow(size)) if self.description is not None else []

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows."""
        rows: list[tuple[Any, ...]] = []
        while some := self.fetchmany(_FETCH_ROWS):
            rows += some
        return rows


def unreachable(error: OSError, settings: DatabricksSettings) -> ConnectionFailed:
    """Return why the host can't be reached."""
    host, port = settings.server_hostname, settings.port
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConnectionFailed(
            f"Databricks: {host} doesn't prove who it is: {error.verify_message}.",
            hint="Check the host; name the authority that signed its certificate in ssl_ca.",
        )
    if isinstance(error, FileNotFoundError):
        return ConnectionFailed(f"The file of ssl_ca, {settings.ssl_ca!r}, isn't there.")
    if isinstance(error, socket.gaierror):
        return ConnectionFailed(f"Databricks: there is no host {host!r}.", hint="Copy it from the connection details.")
    return ConnectionFailed(
        f"Databricks: {host}:{port} can't be reached: {error}.", hint="Check the host, the network and the proxy."
    )

"""SQL Server for tests: what ``DBMCP_TEST_MSSQL_URL`` names, else the test server in a process of its own."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from dbmcp_core.testing.servers import DatabaseServer, ServerError, ServerProcess, require

__all__ = ["MSSQLServer", "driver", "running"]

HERE = Path(__file__).parent


def driver(kind: str) -> str:
    """Return the driver *kind*, ``freetds`` or ``microsoft``; without it the test skips, or fails where required."""
    why = _missing()
    found = None if why else _driver(kind)
    require("mssql", why or (None if found else f"there is no ODBC driver of {kind} here"))
    return str(found)


def _missing() -> str | None:
    for package in ("pyodbc", "duckdb"):
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed"
    try:
        import pyodbc  # noqa: F401 - it needs the system's unixODBC
    except ImportError as exc:
        return str(exc)
    return None


def _driver(kind: str) -> str | None:
    import pyodbc

    from dbmcp_mssql.drivers import is_freetds, packaged_driver

    names = [name for name in pyodbc.drivers() if is_freetds(name) == (kind == "freetds")]
    names = [name for name in names if kind == "freetds" or name.startswith("ODBC Driver 1")]
    packaged = packaged_driver() if kind == "microsoft" else None
    return max(names, default=None) or (str(packaged) if packaged else None)


class MSSQLServer(DatabaseServer):
    """The test server, or a real one by its URL; its client is pyodbc."""

    engine = "mssql"
    variable = "DBMCP_TEST_MSSQL_URL"
    user = "sa"
    database = "master"
    default_port = 1433
    #: What the test server says of TLS: ``optional``, ``required`` or ``unsupported``.
    encryption = "optional"

    def missing_client(self) -> str | None:
        return _missing() or (None if _driver("freetds") or _driver("microsoft") else "there is no ODBC driver here")

    def missing_program(self) -> str | None:
        return _missing()

    def program_version(self) -> str:
        return "the test server of TDS (no SQL Server)"

    def server_version(self) -> str:
        return self.execute("SELECT CAST(SERVERPROPERTY('ProductVersion') AS NVARCHAR(128)) AS version")

    def prepare(self, process: ServerProcess, password: str) -> None:
        if self.ca_file is None:
            raise ServerError("the test server wants openssl for its certificate")
        process.write_secret("password", password)

    def server_command(self, folder: Path, port: int) -> list[str]:
        files = [f"{folder}/cert.pem", f"{folder}/key.pem", f"{folder}/password", self.encryption]
        return [sys.executable, str(HERE), str(port), *files, *sorted(self._made)]

    def client_command(self, settings: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
        raise NotImplementedError("pyodbc is the client")

    def execute(self, sql: Any, database: str | None = None) -> str:
        """Run one batch, each as its own transaction, and return its rows, tab-separated."""
        import pyodbc

        try:
            with self.connected(database) as connection:
                cursor = connection.execute(str(sql))
                rows = cursor.fetchall() if cursor.description else []
                return "\n".join("\t".join(map(str, row)) for row in rows)
        except pyodbc.Error as exc:
            raise ServerError(str(exc)) from exc

    @contextmanager
    def connected(self, database: str | None = None) -> Iterator[Any]:
        """Connect as the one who may do everything; every statement is committed at once."""
        import pyodbc

        from dbmcp_mssql import MSSQLSettings
        from dbmcp_mssql.drivers import connection_string

        private = {"encrypt": "no", "trust_server_certificate": True} if self.is_private else {}
        wanted = self.settings | private | {"database": database or self.settings["database"], "read_only": False}
        settings = MSSQLSettings.build(wanted, where=self.variable)
        pyodbc.pooling = False
        how = settings.driver or _driver("freetds") or str(_driver("microsoft"))
        with closing(pyodbc.connect(connection_string(settings, how), autocommit=True, timeout=5)) as connection:
            yield connection

    def create_sql(self, name: str) -> str:
        return f"CREATE DATABASE {name}"

    def drop_sql(self, name: str) -> str:
        return f"DROP DATABASE IF EXISTS {name}"

    def drop_database(self, name: str) -> None:
        """Drop a database, after ending the connections to it."""
        self._kill([name])
        super().drop_database(name)

    def drop_connections(self) -> None:
        self._kill(sorted(self._made))

    def _kill(self, names: list[str]) -> None:
        where = " OR ".join(f"s.database_id = DB_ID(N'{name}')" for name in names) or "1 = 0"
        query = f"SELECT s.session_id FROM sys.dm_exec_sessions AS s WHERE s.session_id <> @@SPID AND ({where})"
        for number in self.execute(query).split():
            try:
                self.execute(f"KILL {number}")
            except ServerError as exc:
                if "6106" not in str(exc):  # it went by itself
                    raise


@contextmanager
def running(encryption: str = "optional") -> Iterator[MSSQLServer]:
    """Start the server, if it is ours, and end it with the block."""
    with MSSQLServer.from_environment() as server:
        server.encryption = encryption
        server.require()
        server.start()
        yield server

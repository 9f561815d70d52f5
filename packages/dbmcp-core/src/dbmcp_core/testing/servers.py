"""Throw-away private database servers for tests: no set-up, no driver, nothing left behind.

::

    @pytest.fixture(scope="session")
    def server() -> Iterator[PostgresServer]:
        with PostgresServer.from_environment() as server:
            server.require()  # skips by name, or fails where DBMCP_REQUIRE asks for it
            yield server

    @pytest.fixture
    def settings(server: PostgresServer) -> dict[str, object]:
        return server.create_database()
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dbmcp_core.testing.server_base import DatabaseServer, require
from dbmcp_core.testing.server_process import ServerError, ServerProcess, find_program

__all__ = ["DatabaseServer", "MariaDBServer", "PostgresServer", "ServerError", "require"]


#: Address space of each process of a PostgreSQL; MariaDB reserves terabytes that it never uses.
_MEMORY_KB = 4 * 1024 * 1024


class PostgresServer(DatabaseServer):
    """PostgreSQL, with TLS where the openssl program is there; its client is ``psql``."""

    engine = "postgres"
    variable = "DBMCP_TEST_POSTGRES_URL"
    user = database = "postgres"
    default_port = 5432
    stop_signal = "INT"  # ends clients too, where SIGTERM waits for them
    end_signal = "QUIT"  # at once, and unlike SIGKILL with all children

    def missing_client(self) -> str | None:
        return None if self._program("psql") else "psql is not installed"

    def missing_program(self) -> str | None:
        if self._program("postgres") is None or self._program("initdb") is None:
            return "the PostgreSQL server is not installed"
        if self.run_as() and not _is_user("postgres"):
            return "PostgreSQL refuses to run as root, and there is no user 'postgres' to run it as"
        return None

    def run_as(self) -> str | None:
        return "postgres" if os.geteuid() == 0 else None

    def program_version(self) -> str:
        return f"PostgreSQL {_number(self._program('postgres'))}"

    def server_version(self) -> str:
        return f"PostgreSQL {self.execute('SHOW server_version').split()[0]}"

    def prepare(self, process: ServerProcess, password: str) -> None:
        secret = process.write_secret("password", password)
        where = ["-D", f"{process.folder}/data", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        process.run(str(self._program("initdb")), *where, "-U", self.user, "-A", "scram-sha-256", f"--pwfile={secret}")
        secret.unlink()

    def server_command(self, folder: Path, port: int) -> list[str]:
        program = Path(str(self._program("postgres")))
        # A socket's path may be too long; syncing is for what should outlive a power cut. Commits outlive kill().
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "full_page_writes=off"]
        if (program.parent.parent / "lib" / "pg_stat_statements.so").exists():
            options.append("shared_preload_libraries=pg_stat_statements")
        if self.ca_file:
            options += ["ssl=on", f"ssl_cert_file={folder}/cert.pem", f"ssl_key_file={folder}/key.pem"]
        flags = [part for option in options for part in ("-c", option)]
        # A statement that eats memory is to fail, not to take the machine with it; the limit is for each process.
        bounded = ["sh", "-c", f'ulimit -v {_MEMORY_KB} && exec "$0" "$@"']
        return [*bounded, str(program), "-D", str(folder / "data"), "-p", str(port), *flags]

    def client_command(self, settings: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
        where = [
            "-h",
            settings["host"],
            "-p",
            str(settings["port"]),
            "-U",
            settings["user"],
            "-d",
            settings["database"],
        ]
        how = ["-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        # A user's own PGSSLMODE and the like are for their server, not for ours.
        kept = {k: v for k, v in os.environ.items() if not (self.is_private and k.startswith("PG"))}
        return [str(self._program("psql")), *where, *how], kept | {"PGPASSWORD": settings["password"]}

    def create_sql(self, name: str) -> str:
        return f"CREATE DATABASE {name} TEMPLATE template0"

    def drop_sql(self, name: str) -> str:
        return f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"

    def drop_connections(self) -> None:
        where = "pid <> pg_backend_pid() AND backend_type = 'client backend'"
        if not self.is_private:
            where += f" AND datname IN ({_literals(self._made)})"
        self.execute(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {where}")

    def _program(self, name: str) -> str | None:
        return find_program(name, folders=_postgres_folders())


class MariaDBServer(DatabaseServer):
    """MariaDB, which stands in for MySQL, with TLS where the openssl program is there; its client is ``mariadb``.

    With ``DBMCP_TEST_MYSQL_URL``, whichever of the two answers there. The server itself lets clients send local files:
    whether they do is the client's lock, and that is what tests want to see.
    """

    engine = "mysql"
    variable = "DBMCP_TEST_MYSQL_URL"
    user = "root"
    database = "mysql"
    default_port = 3306

    def missing_client(self) -> str | None:
        return None if self._client() else "neither the mariadb nor the mysql client is installed"

    def missing_program(self) -> str | None:
        is_there = find_program("mariadbd") and find_program("mariadb-install-db")
        return None if is_there else "the MariaDB server is not installed"

    def program_version(self) -> str:
        return f"MariaDB {_number(find_program('mariadbd'))}"

    def describe(self) -> str:
        """Return which server tests will use, and what it stands for."""
        stands_in = self.is_private and self.is_available()
        return super().describe() + (" (MySQL is tested on MariaDB)" if stands_in else "")

    def server_version(self) -> str:
        text = self.execute("SELECT VERSION()")
        return f"{'MariaDB' if 'MariaDB' in text else 'MySQL'} {text.partition('-')[0]}"

    def prepare(self, process: ServerProcess, password: str) -> None:
        data, root = f"--datadir={process.folder}/data", "--auth-root-authentication-method=normal"
        install = [str(find_program("mariadb-install-db")), "--no-defaults", *self._as_root(), data, root]
        process.run(*install, "--skip-test-db", "--innodb-log-file-size=4M")
        # Run before each start's first connection: the server is never there without a password.
        process.write_secret(
            "init.sql",
            "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';\n"
            "FLUSH PRIVILEGES;\n"
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}';\n"
            f"CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY '{password}';\n"
            "GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;\n",
        )

    def server_command(self, folder: Path, port: int) -> list[str]:
        files = [f"--datadir={folder}/data", f"--pid-file={folder}/mariadb.pid", f"--init-file={folder}/init.sql"]
        net = ["--bind-address=127.0.0.1", f"--port={port}", "--socket=", "--skip-name-resolve", "--local-infile=1"]
        small = ["--innodb-log-file-size=4M", "--innodb-buffer-pool-size=32M", "--skip-log-bin"]
        fast = ["--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=0"]
        tls = [f"--ssl-cert={folder}/cert.pem", f"--ssl-key={folder}/key.pem"] if self.ca_file else []
        program = str(find_program("mariadbd"))
        return [program, "--no-defaults", *self._as_root(), *files, *net, *small, *fast, *tls]

    def client_command(self, settings: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
        where = [f"--host={settings['host']}", f"--port={settings['port']}", "--protocol=tcp"]
        how = ["--batch", "--raw", "--skip-column-names", "--default-character-set=utf8mb4"]
        who = [f"--user={settings['user']}", f"--database={settings['database']}"]
        command = [str(self._client()), "--no-defaults", *where, *how, *who]
        return command, os.environ | {"MYSQL_PWD": settings["password"]}

    def create_sql(self, name: str) -> str:
        return f"CREATE DATABASE {name} CHARACTER SET utf8mb4"

    def drop_sql(self, name: str) -> str:
        # An open transaction on it would be waited for, a whole day by default.
        return f"SET lock_wait_timeout = 20; DROP DATABASE IF EXISTS {name}"

    def drop_database(self, name: str) -> None:
        """Drop a database, after ending the connections to it."""
        self.start()
        self._kill_where(f"id <> CONNECTION_ID() AND db = {_literals({name})}")
        super().drop_database(name)

    def drop_connections(self) -> None:
        where = "id <> CONNECTION_ID() AND user NOT IN ('system user', 'event_scheduler')"
        if not self.is_private:
            where += f" AND db IN ({_literals(self._made)})"
        self._kill_where(where)

    def _kill_where(self, where: str) -> None:
        for number in self.execute(f"SELECT id FROM information_schema.processlist WHERE {where}").split():
            try:
                self.execute(f"KILL {number}")
            except ServerError as exc:
                if "Unknown thread" not in str(exc):  # it went by itself
                    raise

    def _as_root(self) -> list[str]:
        # Under root's eyes every file is open: what a test finds locked, then, is locked by us.
        return ["--user=root"] if os.geteuid() == 0 else []

    def _client(self) -> str | None:
        return find_program("mariadb", "mysql")


def _postgres_folders() -> tuple[Path, ...]:
    """Return where Debian keeps PostgreSQL's programs, the newest version first."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    return tuple(sorted(found, key=lambda path: int(path.parent.name), reverse=True))


def _number(program: str | None) -> str:
    """Return the version number that a program says."""
    text = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else text.strip()


def _literals(names: set[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names)) or "''"


def _is_user(name: str) -> bool:
    import pwd  # not on Windows, where this module must import all the same

    return name in {user.pw_name for user in pwd.getpwall()}

"""What every throw-away server has in common, whether tests started it or found it by its URL."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import pytest

from dbmcp_core.testing.server_process import ServerError, ServerProcess, free_port

__all__ = ["DatabaseServer", "Stream", "require"]


class Stream(Protocol):
    """What bytes are read from: an open file, an unpacked one."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes; none at the end."""


def require(engine: str, why: str | None) -> None:
    """Skip the test for *why*, or fail it where ``DBMCP_REQUIRE`` names *engine*, or ``all``; go on for ``None``."""
    if why is None:
        return
    required = {name.strip() for name in os.environ.get("DBMCP_REQUIRE", "").split(",")}
    text = f"{engine} can't be tested: {why}"
    if required & {engine, "all"}:
        pytest.fail(f"{text} (DBMCP_REQUIRE asks for it)", pytrace=False)
    pytest.skip(text)


class DatabaseServer(ABC):
    """A database server of the tests' own: private, on a free port of 127.0.0.1, gone when the tests are over.

    Nothing starts before ``start()`` or the first use. With *url*, a server that runs already is used instead:
    databases are made on it and dropped again, but it is not stopped; a test that wants that is skipped. The URL's
    options become settings. Instances are context managers.
    """

    #: The name of the engine, in ``DBMCP_REQUIRE`` and as the scheme of URLs.
    engine: ClassVar[str]
    #: The environment variable that names a running server to use instead.
    variable: ClassVar[str]
    #: Who may do everything, and a database that is always there.
    user: ClassVar[str]
    database: ClassVar[str]
    default_port: ClassVar[int]
    #: How the server stops in good order; how it is ended when nobody needs its data any more.
    stop_signal: ClassVar[str] = "TERM"
    end_signal: ClassVar[str] = "KILL"

    def __init__(self, url: str | None = None) -> None:
        self.is_private = url is None
        #: The certificate to check the server's TLS with; ``None`` when it has none of our making.
        self.ca_file: str | None = None
        self._process: ServerProcess | None = None
        self._made: set[str] = set()
        self._url = url
        self._settings: dict[str, Any] | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """Return the server that the environment variable names, else a private one."""
        return cls(os.environ.get(cls.variable) or None)

    def _url_settings(self) -> dict[str, Any]:
        # Without an argument, and not from __init__: pytest shows the arguments of functions that fail.
        try:
            parts = urlsplit(self._url or "")
            where = {"host": parts.hostname or "localhost", "port": parts.port or self.default_port}
        except ValueError:  # its text may hold a piece of the password
            raise ServerError(f"{self.variable} holds no readable URL; escape special characters as in %2F") from None
        return where | {
            "user": unquote(parts.username or self.user),
            "password": unquote(parts.password or ""),
            "database": unquote(parts.path.lstrip("/")) or self.database,
            **dict(parse_qsl(parts.query)),
        }

    # --- what is there ---

    @abstractmethod
    def missing_client(self) -> str | None:
        """Return why there is no command-line client, or ``None``."""

    @abstractmethod
    def missing_program(self) -> str | None:
        """Return why no private server can be started here, or ``None``."""

    def why_missing(self) -> str | None:
        """Return why no server can be had here, or ``None`` when one can."""
        if not self.is_private:
            return self.missing_client()
        why = "private servers need a POSIX system" if os.name == "nt" else self.missing_program()
        return f"{why}, and {self.variable} is not set" if why else self.missing_client()

    @abstractmethod
    def program_version(self) -> str:
        """Return product and version of the installed server program."""

    @abstractmethod
    def server_version(self) -> str:
        """Return product and version that the running server says."""

    def is_available(self) -> bool:
        """Say whether a server can be had here."""
        return self.why_missing() is None

    def require(self) -> None:
        """Skip the test when no server can be had, or fail it when ``DBMCP_REQUIRE`` asks for one."""
        require(self.engine, self.why_missing())

    @property
    def version(self) -> str:
        """Product and version, as in ``PostgreSQL 15.18``; a private server isn't started for it."""
        return self.program_version() if self.is_private else self.server_version()

    def describe(self) -> str:
        """Return which server tests will use, in one line without secrets; nothing is started."""
        if why := self.why_missing():
            return f"none: {why}"
        if self.is_private:
            return f"{self.version}, private"
        return f"{self.settings['host']}:{self.settings['port']} ({self.variable})"

    @property
    def settings(self) -> dict[str, Any]:
        """Host, port, user, password and the database that is always there; starts a private server."""
        if self._settings is None and self.is_private:
            self.start()
        elif self._settings is None:
            self._settings = self._url_settings()
        return dict(self._settings or {})

    @property
    def url(self) -> str:
        """The server's URL, with its password; starts a private server."""
        return self.url_for(self.settings["database"])

    def url_for(self, database: str) -> str:
        """Return the URL of one database on this server."""
        more = self.settings | {"database": database}
        host, port = more.pop("host"), more.pop("port")
        user, password, name = (quote(more.pop(key), safe="") for key in ("user", "password", "database"))
        options = f"?{urlencode(more)}" if more else ""
        return f"{self.engine}://{user}:{password}@{f'[{host}]' if ':' in host else host}:{port}/{name}{options}"

    # --- what tests do with it ---

    @abstractmethod
    def client_command(self, settings: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
        """Return the command-line client's command on the database of *settings*, and its environment."""

    @abstractmethod
    def drop_connections(self) -> None:
        """End every client's connection; on a server that isn't private, those to databases made here."""

    @abstractmethod
    def create_sql(self, name: str) -> str:
        """Return the statement that makes an empty database."""

    @abstractmethod
    def drop_sql(self, name: str) -> str:
        """Return the statement that drops a database, in use or not."""

    def create_database(self) -> dict[str, Any]:
        """Make an empty database, starting the server if need be, and return its settings."""
        name = f"dbmcp_test_{secrets.token_hex(6)}"
        self.start()
        self.execute(self.create_sql(name))
        self._made.add(name)
        return self.settings | {"database": name}

    def drop_database(self, name: str) -> None:
        """Drop a database, in use or not."""
        self.start()
        self.execute(self.drop_sql(name))
        self._made.discard(name)

    def execute(self, sql: str | Stream, database: str | None = None) -> str:
        """Run *sql*, a text or a stream, with the server's own client; return its rows, tab-separated.

        Args:
            sql: One or more statements; a script's stream may hold what only the client knows, like ``COPY`` data.
            database: Where to run it; by default the database that is always there.

        Raises:
            ServerError: at the first statement that fails.
        """
        settings = self.settings
        command, environment = self.client_command(settings | {"database": database or settings["database"]})
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=errors, env=environment)
            assert client.stdin is not None
            try:
                with client.stdin as target:
                    shutil.copyfileobj(BytesIO(sql.encode()) if isinstance(sql, str) else sql, target)
            except BrokenPipeError:
                pass  # it stopped reading at an error, which its exit code tells
            finally:
                status = client.wait()
            out.seek(0)
            errors.seek(0)
            if status:
                raise ServerError(errors.read().decode(errors="replace").strip())
            return out.read().decode().removesuffix("\n")

    # --- its life ---

    @abstractmethod
    def prepare(self, process: ServerProcess, password: str) -> None:
        """Make the server's files in the empty folder of *process*."""

    @abstractmethod
    def server_command(self, folder: Path, port: int) -> list[str]:
        """Return the command that runs the server in the foreground."""

    def run_as(self) -> str | None:
        """Return the user to run the server as, when it isn't the current one."""
        return None

    @property
    def is_running(self) -> bool:
        """Whether the private server's process is there."""
        return self._process is not None and self._process.is_running

    def start(self) -> None:
        """Start a private server, or start it again on the same port and data; nothing to do for one that runs."""
        if not self.is_private or self.is_running:
            return
        process = self._process or self._prepared()
        process.start(self.server_command(process.folder, self.settings["port"]), self._answers)

    def stop(self) -> None:
        """Stop a private server in good order; it keeps its data."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """Kill a private server and its children, as a crash would; it keeps its data."""
        self._end("KILL")

    def restart(self) -> None:
        """Stop and start a private server."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the server and remove everything of it; on a server that isn't private, drop what was made."""
        if self._process is not None:
            process, self._process, self._settings, self.ca_file = self._process, None, None, None
            process.close()
        elif not self.is_private:
            for name in sorted(self._made):
                self.drop_database(name)
        self._made.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _prepared(self) -> ServerProcess:
        password = secrets.token_urlsafe(12)
        process = ServerProcess(self.engine, user=self.run_as(), end_signal=self.end_signal)
        try:
            self.ca_file = process.make_certificate()
            self.prepare(process, password)
        except BaseException:
            process.close()  # half a server is none: the next start begins anew
            raise
        where = {"host": "127.0.0.1", "port": free_port(), "user": self.user, "password": password}
        self._settings = where | {"database": self.database}
        self._process = process
        return process

    def _answers(self) -> bool:
        try:
            return self.execute("SELECT 1") == "1"
        except ServerError:
            return False

    def _end(self, how: str) -> None:
        if not self.is_private:
            pytest.skip(f"the {self.engine} server of {self.variable} is not ours to stop")
        if self._process is not None:
            self._process.end(how)

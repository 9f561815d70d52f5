"""A connection that PyMySQL makes from these settings alone, in time, without giving out files or bare passwords."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Any

from pymysql.connections import MAX_PACKET_LEN  # type: ignore[import-untyped]
from pymysql.connections import Connection as PyMySQLConnection
from pymysql.constants import CLIENT, COMMAND, CR  # type: ignore[import-untyped]
from pymysql.err import InternalError, MySQLError, OperationalError  # type: ignore[import-untyped]
from pymysql.protocol import MysqlPacket  # type: ignore[import-untyped]

from dbmcp_mysql.settings import MySQLSettings

__all__ = ["Connection", "Packet"]

_RESET = 0x1F  # COM_RESET_CONNECTION
#: Ways to log in that show the password to the server, or to whoever listens: only for one whose certificate is good.
_BARE = (b"mysql_clear_password", b"dialog")
_BROKEN = b"mysql_old_password"  # whoever sees it can compute the password
#: Bytes of one row at the least, before it is taken for an attack on our memory.
_ROW = 64 << 20


class Packet(MysqlPacket):  # type: ignore[misc]
    """A packet whose error keeps its SQLSTATE."""

    def raise_for_error(self) -> None:
        """Raise the error that this packet is."""
        try:
            super().raise_for_error()
        except MySQLError as error:
            error.sqlstate = self._data[4:9].decode("ascii", "replace") if self._data[3:4] == b"#" else ""
            raise


class Connection(PyMySQLConnection):  # type: ignore[misc]
    """One connection, and what PyMySQL lacks: TLS as asked for, a limit for the whole log-in, and a reset.

    Args:
        settings: Where to connect, and as whom.
        login_s: Seconds for connecting and logging in together.
        answer_s: Seconds that the server may be silent later on.
    """

    def __init__(self, settings: MySQLSettings, *, login_s: float, answer_s: float) -> None:
        is_wanted = settings.ssl not in ("disable", "prefer")
        context = None if settings.ssl == "disable" else _tls(settings)
        super().__init__(
            host=settings.host,
            port=settings.port or 3306,
            database=settings.database,
            password=settings.password.reveal().encode() if settings.password is not None else b"",
            charset="utf8mb4",
            conv={},
            client_flag=CLIENT.FOUND_ROWS,
            local_infile=False,
            autocommit=None,  # set with everything else
            program_name="dbmcp",
            ssl=context if is_wanted else None,
            ssl_disabled=context is None,
            connect_timeout=login_s,
            read_timeout=login_s,
            write_timeout=login_s,
            defer_connect=True,
        )
        # Without a user PyMySQL takes that of the process, and without a context it makes one of its own.
        self.user = settings.user or ""
        self.ctx = context
        self._shows_password = str(settings.ssl).startswith("verify")
        self._long = 0
        self._most = max(_ROW, 4 * settings.max_bytes)
        #: Whether rows of the last statement are still to be read.
        self.has_rows = False
        #: The longest message that the server takes, once it was asked.
        self.max_packet = 1 << 20
        self._connect_within(login_s)
        self._read_timeout = self._write_timeout = answer_s
        if self.client_flag & (CLIENT.MULTI_STATEMENTS | CLIENT.LOCAL_FILES):
            raise InternalError("A connection for several statements or local files is none of ours.")

    @property
    def is_mariadb(self) -> bool:
        """Whether the server says that it is MariaDB."""
        return "mariadb" in self.server_version.lower()

    @property
    def product(self) -> str:
        """Whose errors these are."""
        return "MariaDB" if self.is_mariadb else "MySQL"

    def _connect_within(self, login_s: float) -> None:
        watch = threading.Timer(login_s, self._hang_up)  # a server may answer byte by byte
        watch.daemon = True
        watch.start()
        try:
            self.connect()
        finally:
            watch.cancel()

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def command(self, text: str) -> None:
        """Run a statement of ours that has no rows."""
        self._execute_command(COMMAND.COM_QUERY, text)
        self._read_ok_packet()

    def reset(self) -> None:
        """Roll back, and forget all that a session can keep: settings, variables, temporary tables, locks."""
        self._execute_command(_RESET, b"")
        self._read_ok_packet()

    def skip_rows(self) -> None:
        """Read the rest of the rows, for nobody."""
        while self.has_rows:
            self.has_rows = not self._read_packet().is_eof_packet()

    def abandon(self) -> None:
        """Close at once what can't be used any more."""
        self._force_close()

    def _process_auth(self, plugin_name: bytes, auth_packet: Any, handler: Any = None) -> Any:
        if plugin_name == _BROKEN or (plugin_name in _BARE and not self._shows_password):
            way = plugin_name.decode()
            raise OperationalError(
                CR.CR_AUTH_PLUGIN_ERR, f"the server asks for the password by {way}, which needs ssl = verify-full"
            )
        return super()._process_auth(plugin_name, auth_packet, handler)

    def _read_packet(self, packet_type: type[MysqlPacket] = Packet) -> Any:
        return super()._read_packet(packet_type)

    def _read_bytes(self, num_bytes: int) -> bytes:
        if num_bytes == MAX_PACKET_LEN:  # one more part of a long row
            self._long += num_bytes
            if self._long > self._most:
                self.abandon()
                raise InternalError(f"the server sent a row of more than {self._most >> 20} MB")
        elif num_bytes != 4:  # not the head of a part
            self._long = 0
        return super()._read_bytes(num_bytes)  # type: ignore[no-any-return]


def _tls(settings: MySQLSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ssl_ca)
    # Certificates that a server made for itself don't pass the strict check of Python 3.13.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = settings.ssl == "verify-full"
    context.verify_mode = ssl.CERT_REQUIRED if str(settings.ssl).startswith("verify") else ssl.CERT_NONE
    if settings.ssl_cert is not None:
        context.load_cert_chain(settings.ssl_cert, settings.ssl_key)
    return context

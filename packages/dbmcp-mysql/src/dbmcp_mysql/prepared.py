"""One statement, prepared and executed by the binary protocol on PyMySQL's connection; its rows come as a stream.

PyMySQL itself speaks the text protocol alone, which rounds a FLOAT to six digits and has values spliced into the text.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pymysql.constants import COMMAND  # type: ignore[import-untyped]
from pymysql.err import InternalError, MySQLError  # type: ignore[import-untyped]
from pymysql.protocol import EOFPacketWrapper, FieldDescriptorPacket, OKPacketWrapper  # type: ignore[import-untyped]

from dbmcp_core.errors import DbmcpError, QueryFailed, ResourceExhausted
from dbmcp_core.statement import Column
from dbmcp_mysql.binding import message
from dbmcp_mysql.connection import Connection
from dbmcp_mysql.reading import reader, row, text_reader
from dbmcp_mysql.types import type_name

__all__ = ["Cursor"]

_PREPARE, _EXECUTE = COMMAND.COM_STMT_PREPARE, COMMAND.COM_STMT_EXECUTE
#: The statement is none that can be prepared.
_NOT_PREPARABLE = 1295
_HASH = re.compile(r"(IDENTIFIED (?:BY PASSWORD|VIA .*? (?:USING|AS)|WITH .*? AS)) '[^']*'")


class Cursor:
    """A statement that was executed, with the DB-API's names for what came of it.

    Raises:
        DbmcpError: The parameters don't fit the statement, or the server.
    """

    def __init__(self, connection: Connection, text: str, params: Sequence[Any] = ()) -> None:
        self._connection = connection
        self._read: Callable[[Any], tuple[Any, ...]] = _no_rows
        self.columns: list[Column] = []
        self.rowcount: int | None = None
        self.lastrowid = 0
        with self._in_step():
            try:
                self._execute(text, params)
            except MySQLError as error:
                if error.args[:1] != (_NOT_PREPARABLE,) or params:
                    raise
                self._send(COMMAND.COM_QUERY, text.encode())
                self._begin(is_text=True)

    @property
    def description(self) -> list[tuple[str]] | None:
        """The names of the columns, or None without rows."""
        return [(column.name,) for column in self.columns] or None

    def _execute(self, text: str, params: Sequence[Any]) -> None:
        self._send(_PREPARE, text.encode())
        answer = self._connection._read_packet()
        if answer.read_uint8() != 0:
            raise InternalError("the answer to a prepare is none")
        number, columns, wanted = answer.read_struct("<IHH")
        for count in (wanted, columns):
            for _ in range(count + 1 if count else 0):  # definitions, then the packet that ends them
                self._connection._read_packet()
        if wanted != len(params):
            raise QueryFailed(f"Values for {wanted} placeholders are wanted, and {len(params)} were given.")
        self._send(_EXECUTE, message(number, params))
        self._begin()

    def _send(self, command: int, data: bytes) -> None:
        most = self._connection.max_packet
        if len(data) >= most:  # the server would hang up
            raise ResourceExhausted(
                f"The statement with its values has {len(data) >> 20} MB; the server takes {most >> 20} MB.",
                hint="Send less, or raise max_allowed_packet on the server.",
            )
        self._connection._execute_command(command, data)

    def _begin(self, *, is_text: bool = False) -> None:
        """Read up to the first row."""
        head = self._connection._read_packet()
        if head.is_ok_packet():
            done = OKPacketWrapper(head)
            self.rowcount, self.lastrowid = done.affected_rows, done.insert_id
            self._end(has_more=done.has_next)
            return
        if head.is_load_local_packet():
            raise InternalError("the server asks for a file of this machine, and gets none")
        count = head.read_length_encoded_integer()
        fields = [self._connection._read_packet(FieldDescriptorPacket) for _ in range(count)]
        if not self._connection._read_packet().is_eof_packet():
            raise InternalError("the header of the rows has no end")
        self.columns = [Column(field.name, type_name(field)) for field in fields]
        self._read = _binary(fields) if not is_text else _textual(fields)
        if self.columns[0].name.startswith("Grants for "):  # MariaDB shows the hash of the password with them
            self._read = _masked(self._read)
        self._connection.has_rows = True

    def _end(self, *, has_more: bool) -> None:
        self._connection.has_rows = False
        if has_more:
            raise InternalError("a statement with more than one result")

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        """Return the next rows, fewer than *size* at the end only."""
        rows: list[tuple[Any, ...]] = []
        if not self.columns:
            return rows
        read_packet, read = self._connection._read_packet, self._read
        with self._in_step():
            while len(rows) < size and self._connection.has_rows:
                packet = read_packet()
                if packet.is_eof_packet():
                    self._end(has_more=EOFPacketWrapper(packet).has_next)
                else:
                    rows.append(read(packet))
        return rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows that are left."""
        found: list[tuple[Any, ...]] = []
        while rows := self.fetchmany(1_000):
            found += rows
        return found

    @contextlib.contextmanager
    def _in_step(self) -> Iterator[None]:
        """Hang up when nobody knows what the server would send next."""
        try:
            yield
        except DbmcpError:
            raise  # of what was about to be sent
        except InternalError:
            self._connection.abandon()
            raise
        except MySQLError:  # the server's own word, which ends rows as well
            self._connection.has_rows = False
            raise
        except (ValueError, LookupError, struct.error) as error:
            self._connection.abandon()
            raise InternalError(f"the server's answer can't be read ({error})") from error
        except BaseException:
            self._connection.abandon()
            raise


def _no_rows(_: Any) -> tuple[Any, ...]:
    raise InternalError("rows of a statement that has none")


def _binary(fields: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    readers = [reader(field) for field in fields]
    return lambda packet: row(packet.get_all_data(), readers)


def _textual(fields: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    readers = [text_reader(field) for field in fields]

    def read(packet: Any) -> tuple[Any, ...]:
        raw = [packet.read_length_coded_string() for _ in readers]
        return tuple(None if data is None else make(data) for data, make in zip(raw, readers, strict=True))

    return read


def _masked(read: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda packet: tuple(_HASH.sub(r"\1 '***'", cell) for cell in read(packet))

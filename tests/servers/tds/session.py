"""One client: login, batches, procedure calls, transactions, and the attention that cancels what runs."""

from __future__ import annotations

import queue
import ssl
import struct
import threading
from collections.abc import Iterable
from typing import Any

from engine import Connection, Result, Server, ServerFault, procedure
from values import COLLATION, Reader, cell, describe, text8, text16
from wire import ATTENTION, BATCH, RPC, TRANSACTION, Wire

__all__ = ["serve"]

_DONE, _DONEPROC, _DONEINPROC = 0xFD, 0xFE, 0xFF
_MORE, _ERROR, _COUNT, _ATTN = 1, 2, 0x10, 0x20
_PROCEDURES = {10: "sp_executesql", 11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 15: "sp_unprepare"}


def serve(wire: Wire, server: Server, password: str, context: ssl.SSLContext, encryption: str) -> None:
    """Talk to one client until it leaves; *encryption* is ``optional``, ``required`` or ``unsupported``."""
    try:
        Session(wire, server, password, context, encryption).talk()
    except (EOFError, OSError, ssl.SSLError, struct.error):
        pass
    finally:
        wire.close()


class Session:
    """This thread reads, another one works: an attention can come while a statement runs."""

    def __init__(self, wire: Wire, server: Server, password: str, context: ssl.SSLContext, encryption: str) -> None:
        self.wire, self.server, self.password, self.context = wire, server, password, context
        self.encryption = encryption
        self.work: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        self.changing, self.busy = threading.Lock(), False
        self.idle = threading.Event()
        self.out = b""
        self.connection: Connection

    def talk(self) -> None:
        self._prelogin()
        _, content = self.wire.read()
        if not self._login(content):
            return
        self.server.sessions[self.connection.number] = (self.connection, self.wire.close)
        worker = threading.Thread(target=self._work, daemon=True)
        worker.start()
        try:
            while True:
                kind, content = self.wire.read()
                if kind == ATTENTION:
                    self._attention()
                else:
                    with self.changing:
                        self.busy = True
                        self.idle.clear()
                    self.work.put((kind, content))
        finally:
            del self.server.sessions[self.connection.number]
            self.connection.cancelled.set()
            self.work.put(None)
            while not self.idle.wait(0.05) and self.busy:
                self.connection.duck.interrupt()
            worker.join()
            self.connection.duck.close()

    def _attention(self) -> None:
        with self.changing:
            if not self.busy:
                self._done(_DONE, _ATTN)
                self._flush()
                return
            self.connection.cancelled.set()
        while not self.idle.wait(0.02):
            self.connection.duck.interrupt()

    def _work(self) -> None:
        while (message := self.work.get()) is not None:
            try:
                self._answer(*message)
                with self.changing:
                    self.busy = False
                    if self.connection.cancelled.is_set():
                        self.connection.cancelled.clear()
                        self._done(_DONE, _ATTN)
                    self._flush()
                    self.idle.set()
            except (OSError, ssl.SSLError):  # the client has gone
                self.busy = False
                self.idle.set()
                self.wire.close()

    # Login

    def _prelogin(self) -> None:
        _, content = self.wire.read()
        wanted, by_token = 0, False
        for at in range(0, len(content), 5):
            if content[at] == 0xFF:
                break
            option, offset, _ = struct.unpack_from(">BHH", content, at)
            wanted = content[offset] if option == 1 else wanted
            by_token = by_token or (option == 6 and content[offset] == 1)
        answer = 1 if wanted in (1, 3) else 3 if self.encryption == "required" else 2
        answer = 2 if self.encryption == "unsupported" else answer
        fields = [(0, bytes([16, 0, 0x0F, 0xA0, 0, 0])), (1, bytes([answer])), (2, b"\0"), (3, b""), (4, b"\0")]
        fields += [(6, b"\1")] if by_token else []
        at, table, data = 5 * len(fields) + 1, b"", b""
        for option, value in fields:
            table += struct.pack(">BHH", option, at + len(data), len(value))
            data += value
        self.wire.write(table + b"\xff" + data)
        if answer != 2:
            self.wire.handshake(self.context)

    def _login(self, content: bytes) -> bool:
        def field(number: int) -> bytes:
            offset, length = struct.unpack_from("<HH", content, 36 + 4 * number)
            return content[offset : offset + 2 * length]

        user = field(1).decode("utf-16-le")
        swapped = bytes(byte ^ 0xA5 for byte in field(2))
        password = bytes((byte << 4 | byte >> 4) & 0xFF for byte in swapped).decode("utf-16-le", "replace")
        # Behind six fields, four bytes of an address and three more fields: where the database is.
        database = field(8).decode("utf-16-le") or "master"
        token = _access_token(content)
        try:
            if token != self.password and (token is not None or (user, password) != ("sa", self.password)):
                raise ServerFault(18456, f"Login failed for user '{user}'.", severity=14)
            try:
                self.connection = Connection(self.server, database)
            except ServerFault:
                text = f'Cannot open database "{database}" requested by the login. The login failed.'
                raise ServerFault(4060, text, severity=11) from None
        except ServerFault as fault:
            self._message(fault)
            self._done(_DONE, _ERROR)
            self._flush()
            return False
        self._change(1, text8(database) + text8("master"))
        self._change(7, bytes([5]) + COLLATION + b"\0")
        self._change(2, text8("us_english") + text8(""))
        name = "dbmcp test server"
        body = b"\x01\x74\x00\x00\x04" + text8(name) + bytes([16, 0, 0x0F, 0xA0])
        self.out += b"\xad" + struct.pack("<H", len(body)) + body
        if token is not None:
            self.out += b"\xae\x02\0\0\0\0\xff"
        intent = "ReadOnly" if content[26] & 0x20 else "ReadWrite"
        self.connection.login = (field(3).decode("utf-16-le"), intent, "token" if token is not None else "password")
        self._change(4, text8("4096") + text8("4096"))
        self._done(_DONE, 0)
        self._flush()
        return True

    # Work

    def _answer(self, kind: int, content: bytes) -> None:
        start = int.from_bytes(content[:4], "little")
        try:
            if kind == BATCH:
                self._results(self.connection.run(content[start:].decode("utf-16-le", "surrogatepass")), _DONE)
            elif kind == RPC:
                self._procedures(Reader(content, start))
            elif kind == TRANSACTION:
                self._transaction(*struct.unpack_from("<HBB", content + b"\0\0", start))
        except ServerFault as fault:
            if not self.connection.cancelled.is_set():
                self._message(fault)
                self._done(_DONE if kind != RPC else _DONEPROC, _ERROR)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - what this server can't do must not look like a lost connection
            self._message(ServerFault(50000, f"the test server: {type(error).__name__}: {error}"))
            self._done(_DONE, _ERROR)

    def _results(self, results: Iterable[Result], token: int) -> None:
        """Write all results; the last DONE of a batch, unlike that of a procedure, ends it."""
        waiting: tuple[int, int] | None = None
        for result in results:
            if waiting is not None:
                self._done(token, waiting[0] | _MORE, waiting[1])
            waiting = self._result(result)
        status, count = waiting or (0, 0)
        self._done(token, status | (_MORE if token == _DONEINPROC else 0), count)

    def _result(self, result: Result) -> tuple[int, int]:
        if result.columns is None:
            return (0, 0) if result.count is None else (_COUNT, result.count)
        self.out += b"\x81" + struct.pack("<H", len(result.columns))
        for name, kind in result.columns:
            self.out += struct.pack("<IH", 0, 9) + describe(kind) + text8(name)
        kinds, count = [kind for _, kind in result.columns], 0
        for batch in result.batches:
            if self.connection.cancelled.is_set():
                break
            for row in batch:
                self.out += b"\xd1" + b"".join(map(cell, kinds, row))
            count += len(batch)
            self.out = self.wire.write(self.out, last=False)
        return _COUNT, count

    def _procedures(self, reader: Reader) -> None:
        while reader:
            name = (
                _PROCEDURES.get(reader.number(2))
                if reader.data[reader.at : reader.at + 2] == b"\xff\xff" and reader.take(2)
                else reader.text(2)
            )
            reader.take(2)
            values = []
            while reader and reader.data[reader.at] not in (0xFF, 0x80):
                label = reader.text(1)
                reader.take(1)
                values.append((label, reader.value()))
            more = bool(reader) and reader.take(1) in (b"\xff", b"\x80") and bool(reader)
            handle = self._procedure((name or "").lower().removeprefix("[sys]."), values)
            self.out += b"\x79\0\0\0\0"
            if handle is not None:
                self.out += b"\xac\0\0\0\x01" + struct.pack("<IH", 0, 0) + b"\x26\x04\x04" + struct.pack("<i", handle)
            self._done(_DONEPROC, _MORE if more else 0)

    def _procedure(self, name: str, params: list[tuple[str, Any]]) -> int | None:
        values = [value for _, value in params]
        prepared = self.connection.prepared
        handle = None
        if name == "sp_executesql":
            text, declared, values = values[0], values[1] if len(values) > 1 else "", values[2:]
        elif name in ("sp_prepexec", "sp_prepare"):
            handle = len(prepared) + 1
            text, declared, values = values[2], values[1] or "", values[3:]
            prepared[handle] = (text, declared)
        elif name == "sp_execute":
            (text, declared), values = prepared[int(values[0])], values[1:]
        elif name == "sp_unprepare":
            return None
        else:
            self._results([procedure(name, next(iter(values), None))], _DONEINPROC)
            return None
        if name != "sp_prepare":
            names = _declared(declared)
            self._results(
                self.connection.run(text, {n: (k, v) for (n, k), v in zip(names, values, strict=False)}), _DONEINPROC
            )
        return handle

    def _transaction(self, request: int, length: int, flags: int) -> None:
        connection, mark = self.connection, struct.pack("<Q", self.connection.number)
        if request in (7, 8):
            if connection.trancount:
                connection.end("COMMIT" if request == 7 else "ROLLBACK")
            self._change(9 if request == 7 else 10, b"\0\x08" + mark)
        if request == 5 or (request in (7, 8) and not length and flags & 1):
            connection.begin()
            self._change(8, b"\x08" + mark + b"\0")
        self._done(_DONE, 0)

    # Tokens

    def _message(self, fault: ServerFault) -> None:
        body = struct.pack("<IBB", fault.number, 1, fault.severity) + text16(fault.message)
        body += text8("dbmcp") + text8("") + struct.pack("<I", fault.line)
        self.out += b"\xaa" + struct.pack("<H", len(body)) + body

    def _change(self, kind: int, values: bytes) -> None:
        self.out += b"\xe3" + struct.pack("<H", len(values) + 1) + bytes([kind]) + values

    def _done(self, token: int, status: int, count: int = 0) -> None:
        self.out += struct.pack("<BHHQ", token, status, 0, count)

    def _flush(self) -> None:
        self.out = self.wire.write(self.out)


def _access_token(login: bytes) -> str | None:
    """Return the token of Microsoft Entra that a LOGIN7 brings among its extended features, if it does."""
    if not login[27] & 0x10:
        return None
    (pointer,) = struct.unpack_from("<H", login, 36 + 4 * 5)
    (at,) = struct.unpack_from("<I", login, pointer)
    while login[at] != 0xFF:
        kind, length = struct.unpack_from("<BI", login, at)
        if kind == 2:  # behind what kind of token it is, and its length
            return login[at + 10 : at + 5 + length].decode("utf-16-le")
        at += 5 + length
    return None


def _declared(text: str) -> list[tuple[str, str]]:
    """Return name and type of each of ``@P1 nvarchar(10), @P2 decimal(38, 0)``."""
    found: list[tuple[str, str]] = []
    for part in text.split("@")[1:]:
        name, _, kind = part.partition(" ")
        found.append((f"@{name}", kind.strip().rstrip(",")))
    return found

"""TDS 7.4 on a socket: packets, messages, and TLS, whose handshake rides inside PRELOGIN packets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading

__all__ = ["ATTENTION", "BATCH", "LOGIN", "PRELOGIN", "RPC", "TRANSACTION", "Wire"]

BATCH, RPC, REPLY, ATTENTION, TRANSACTION, LOGIN, PRELOGIN = 1, 3, 4, 6, 14, 16, 18
_PACKET = 4096
_HEADER = struct.Struct(">BBHHBB")


class Wire:
    """One client's socket. One thread reads messages, another one writes them."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._tls: ssl.SSLObject | None = None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._crypto = threading.Lock()

    def read(self) -> tuple[int, bytes]:
        """Return the kind and the content of the next message; EOFError at the end."""
        content = b""
        while True:
            kind, status, length, *_ = _HEADER.unpack(self._take(_HEADER.size))
            content += self._take(length - _HEADER.size)
            if status & 1:
                return kind, content

    def write(self, content: bytes, *, kind: int = REPLY, last: bool = True) -> bytes:
        """Send what fills packets, and all of it if it is the *last*; return what is left for the next call."""
        room = _PACKET - _HEADER.size
        out = []
        while len(content) > room or (last and content):
            part, content = content[:room], content[room:]
            ends = last and not content
            out.append(_HEADER.pack(kind, 1 if ends else 0, len(part) + _HEADER.size, 0, 1, 0) + part)
        self._send(b"".join(out))
        return content

    def close(self) -> None:
        """Cut the connection, whoever is using it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def handshake(self, context: ssl.SSLContext) -> None:
        """Take up TLS: records travel in PRELOGIN packets until it stands, bare from then on."""
        tls = context.wrap_bio(self._in, self._out, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._send_records()
                _, _, length, *_ = _HEADER.unpack(self._recv(_HEADER.size))
                self._in.write(self._recv(length - _HEADER.size))
        self._send_records()
        self._tls = tls

    def _send_records(self) -> None:
        if records := self._out.read():
            self._socket.sendall(_HEADER.pack(PRELOGIN, 1, len(records) + _HEADER.size, 0, 1, 0) + records)

    def _send(self, data: bytes) -> None:
        if self._tls is not None:
            with self._crypto:
                for start in range(0, len(data), 16_384):
                    self._tls.write(data[start : start + 16_384])
                data = self._out.read()
        self._socket.sendall(data)

    def _take(self, size: int) -> bytes:
        if self._tls is None:
            return self._recv(size)
        data = b""
        while len(data) < size:
            try:
                with self._crypto:
                    data += self._tls.read(size - len(data))
            except ssl.SSLWantReadError:
                record = self._recv(5)
                record += self._recv(int.from_bytes(record[3:5], "big"))
                with self._crypto:
                    self._in.write(record)
            except ssl.SSLError as exc:
                raise EOFError from exc
        return data

    def _recv(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

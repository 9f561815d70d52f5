"""The way to a server: one connection at a time, with time limits, a bound on answers, and a cord to cut it by.

chromadb's own client waits without end, and reads whatever comes.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any, cast

import httpx

__all__ = ["Wire", "client"]

#: Bytes of one answer.
_MOST = 256 << 20


class Wire(httpx.HTTPTransport):
    """A transport that knows its socket."""

    def __init__(self, verify: ssl.SSLContext | bool) -> None:
        super().__init__(verify=verify, trust_env=False)
        self._socket: socket.socket | None = None
        self._is_cut = False
        self._until = 0.0

    def begin(self, seconds: float) -> None:
        """Start a request, which may take *seconds* in all."""
        self._is_cut = False
        self._until = time.monotonic() + seconds

    def cut(self) -> None:
        """End the request; called from other threads."""
        self._is_cut = True
        found = self._socket
        if found is not None:
            try:
                # Not ssl's own, which changes the object under the thread that reads it.
                socket.socket.shutdown(found, socket.SHUT_RDWR)
            except OSError:  # closed already
                self._socket = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*; its answer is bounded."""
        request.extensions = {**request.extensions, "trace": self._trace}
        response = super().handle_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":  # small on the way, and large here
            response.close()
            raise httpx.RemoteProtocolError("the answer is compressed, which nobody asked for")
        response.stream = _Bounded(cast("httpx.SyncByteStream", response.stream), self)
        return response

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
        if self._is_cut and event.endswith(".started"):
            raise httpx.ReadError("the statement was stopped")

    def check(self) -> None:
        """Raise when the request is over its time, or was cut."""
        if self._is_cut:
            raise httpx.ReadError("the statement was stopped")
        if time.monotonic() > self._until:
            raise httpx.ReadTimeout("the answer takes too long")


class _Bounded(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, wire: Wire) -> None:
        self._stream = stream
        self._wire = wire

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._stream:
            size += len(piece)
            if size > _MOST:
                raise MemoryError(f"the answer has more than {_MOST >> 20} MiB")
            self._wire.check()
            yield piece

    def close(self) -> None:
        self._stream.close()


def client(wire: Wire, headers: dict[str, str], connect_s: float, answer_s: float) -> httpx.Client:
    """Return a client on *wire* that follows no redirect and takes nothing from the environment."""
    return httpx.Client(
        transport=wire,
        headers={"Content-Type": "application/json", **headers, "Accept-Encoding": "identity", "User-Agent": "dbmcp"},
        timeout=httpx.Timeout(answer_s, connect=connect_s),
        follow_redirects=False,
        trust_env=False,
    )

"""MCP over the process's own stdin and stdout.

On POSIX the two are read and written by the event loop itself: the SDK's transport takes three hops to a thread for
each message, which is more than all the rest of a call.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, cast

import anyio
import mcp.types as t
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_loop
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage

__all__ = ["serve"]

#: Bytes of one message; a longer one ends the connection.
_LONGEST = 64 << 20
#: Messages that wait to be taken before the client has to.
_MOST_WAITING = 256


async def serve(server: Server[Any]) -> None:
    """Serve the client at the other end of stdin and stdout until it goes."""
    options = server.create_initialization_options()
    if _are_pipes():
        async with _pipes() as (reader, writer):
            if await reader.opens_with_handshake():
                # The same as `run`, which would pass each message on to itself once more, for a choice that is made.
                async with server.lifespan(server) as state:
                    await serve_loop(server, reader, writer, lifespan_state=state, init_options=options)
            else:
                await server.run(reader, writer, options)
    else:
        async with stdio_server() as (read_stream, write_stream):
            await server.run(read_stream, write_stream, options)


def _are_pipes() -> bool:
    """Whether the event loop can have stdin and stdout: pipes, or sockets, as Node's children get."""
    if sys.platform == "win32":
        return False
    try:
        kinds = [os.fstat(number) for number in (0, 1)]
        # They are made non-blocking, which everybody who shares them would notice.
        shared = os.path.samestat(kinds[0], kinds[1]) or os.path.samestat(kinds[1], os.fstat(2))
    except OSError:
        return False
    return not shared and all(stat.S_ISFIFO(kind.st_mode) or stat.S_ISSOCK(kind.st_mode) for kind in kinds)


@asynccontextmanager
async def _pipes() -> AsyncIterator[tuple[_Reader, _Writer]]:
    """Take stdin and stdout; meanwhile a stray ``print`` goes to stderr."""
    loop = asyncio.get_running_loop()
    wire_in, wire_out = _divert(0, os.open(os.devnull, os.O_RDONLY)), _divert(1, os.dup(2))
    reader = _Reader()
    incoming, _ = await loop.connect_read_pipe(lambda: reader, os.fdopen(wire_in, "rb", buffering=0))
    writer = _Writer(reader)
    outgoing, _ = await loop.connect_write_pipe(lambda: writer, os.fdopen(wire_out, "wb", buffering=0))
    reader.transport, writer.transport = incoming, outgoing
    reader.answer = outgoing.write
    try:
        yield reader, writer
    finally:
        incoming.close()
        outgoing.close()


def _divert(number: int, to: int) -> int:
    """Let descriptor *number* lead where *to* does, and return a new descriptor for what it led to."""
    import fcntl

    private = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)
    os.dup2(to, number)
    os.close(to)
    return private


class _Stream:
    """What both directions share: being closed."""

    async def aclose(self) -> None:
        """Close this direction."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class _Reader(_Stream, asyncio.Protocol):
    """The client's messages, one a line."""

    def __init__(self) -> None:
        self.transport: asyncio.ReadTransport | None = None
        #: Sends a line back.
        self.answer: Callable[[bytes], None] = lambda _: None
        self._lines: deque[bytes] = deque()
        self._peeked: SessionMessage | Exception | None = None
        self._begun: list[bytes] = []
        self._size = 0
        self._waiting: asyncio.Future[None] | None = None
        self._ended = False
        self._paused = False

    def data_received(self, data: bytes) -> None:
        first, *rest = data.split(b"\n")
        self._begun.append(first)
        self._size += len(first)
        if rest:
            self._lines.append(b"".join(self._begun))
            self._lines.extend(rest[:-1])
            self._begun, self._size = [rest[-1]], len(rest[-1])
        if self._size > _LONGEST:
            self.end()
        if len(self._lines) > _MOST_WAITING and self.transport is not None:
            self.transport.pause_reading()
            self._paused = True
        self._wake()

    def eof_received(self) -> None:
        self.end()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.end()

    def end(self) -> None:
        """Take no more: the client is gone."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def opens_with_handshake(self) -> bool:
        """Return whether the first message is an ``initialize``; it stays to be received."""
        try:
            self._peeked = await self.receive()
        except anyio.EndOfStream:
            return False
        message = self._peeked.message if isinstance(self._peeked, SessionMessage) else None
        return isinstance(message, t.JSONRPCRequest) and message.method == "initialize"

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message, or what was wrong with it."""
        if self._peeked is not None:
            peeked, self._peeked = self._peeked, None
            return peeked
        while True:
            while not self._lines:
                if self._ended:
                    raise anyio.EndOfStream
                self._waiting = asyncio.get_running_loop().create_future()
                await self._waiting
            line = self._lines.popleft()
            if self._paused and len(self._lines) < _MOST_WAITING // 2 and self.transport is not None:
                self._paused = False
                self.transport.resume_reading()
            if line.isspace() or not line:
                continue
            try:
                return SessionMessage(t.jsonrpc_message_adapter.validate_json(line, by_name=False))
            except Exception as exc:  # noqa: BLE001 - whatever a client sends, it can send the next
                if (refusal := _refusal(line)) is None:
                    return exc
                self.answer(refusal)

    def __aiter__(self) -> _Reader:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        """Read no more."""
        self.end()


def _refusal(line: bytes) -> bytes | None:
    """Return the answer to a request that is none of the protocol's, if it can be told which request that was.

    A text with half a character in it (``"\\ud800"``) is JSON to many a client, and nothing to the SDK.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    number = message.get("id") if isinstance(message, dict) and "method" in message else None
    if isinstance(number, bool) or not isinstance(number, (int, str)):
        return None
    error = {"code": t.INVALID_REQUEST, "message": "Invalid request: no valid JSON-RPC message of this protocol"}
    return json.dumps({"jsonrpc": "2.0", "id": number, "error": error}).encode() + b"\n"


class _Writer(_Stream, asyncio.BaseProtocol):
    """Our messages to the client; one that doesn't read makes us wait."""

    def __init__(self, reader: _Reader) -> None:
        self.transport: asyncio.WriteTransport | None = None
        self._reader = reader
        self._ready = asyncio.Event()
        self._ready.set()
        self._lost = False

    def pause_writing(self) -> None:
        self._ready.clear()

    def resume_writing(self) -> None:
        self._ready.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._lost = True
        self._ready.set()
        self._reader.end()  # who doesn't listen has left

    async def send(self, item: SessionMessage, /) -> None:
        """Write one message."""
        if not self._ready.is_set():
            await self._ready.wait()
        if self._lost:
            raise anyio.BrokenResourceError
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        cast("asyncio.WriteTransport", self.transport).write(f"{text}\n".encode())

"""MCP over HTTP: streamable HTTP at ``/mcp``, and at ``/sse`` the transport that was before it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dbmcp_core.errors import ConfigError
from dbmcp_server.mcp.gate import Gate
from dbmcp_server.mcp.kernel import DbServer
from dbmcp_server.options import ServerOptions

__all__ = ["application", "serve"]

_log = logging.getLogger("dbmcp")

#: Bytes of one request's body.
_LARGEST_BODY = 4 << 20
#: Clients of the old transport that may be connected at once; each has a stream open.
_MOST_STREAMS = 1_000
#: Requests under way at once; more are answered 503.
_MOST_REQUESTS = 2_000
#: Seconds that open streams are given to end by themselves when the server stops.
_GRACE_S = 1


def application(server: Server[Any], options: ServerOptions) -> ASGIApp:
    """Return *server* as an ASGI application, gate and all."""
    sse = _Sse(server)
    app: ASGIApp = server.streamable_http_app(
        streamable_http_path="/mcp",
        json_response=False,
        stateless_http=False,
        max_request_body_size=_LARGEST_BODY,
        host="",  # the SDK's own check is off: the gate stands before every path, this one before one
        custom_starlette_routes=[
            Route("/sse", endpoint=sse, methods=["GET"]),
            Mount("/messages/", app=sse.transport.handle_post_message),  # type: ignore[list-item]
        ],
    )
    # Only pages that the gate knows come this far, so each may read its answer.
    app = CORSMiddleware(
        app,
        allow_origin_regex=".*",
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        expose_headers=["Mcp-Session-Id"],
    )
    return Gate(app, hosts=options.allowed_hosts, origins=options.allowed_origins)


class _Sse:
    """The stream of the transport of 2024: a GET that stays open, with messages posted beside it."""

    def __init__(self, server: Server[Any]) -> None:
        self._server = server
        self._open = 0
        self.transport = SseServerTransport("/messages/", max_request_body_size=_LARGEST_BODY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._open >= _MOST_STREAMS:
            await PlainTextResponse("Too many open streams", 503)(scope, receive, send)
            return
        self._open += 1
        try:
            async with self.transport.connect_sse(scope, receive, send) as (incoming, outgoing):
                await self._server.run(incoming, outgoing, self._server.create_initialization_options())
        finally:
            self._open -= 1


def serve(server: DbServer, options: ServerOptions, *, stop: Callable[[], None]) -> None:
    """Listen until a signal comes, then call *stop* and end.

    Raises:
        ConfigError: if the address can't be listened on.
    """
    listening = _listen(options.host, options.port)
    config = uvicorn.Config(
        application(server, options),
        http="h11",  # httptools leaves white space in header values, against the specification
        ws="none",
        lifespan="on",
        log_level="critical",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_MOST_REQUESTS,
        timeout_graceful_shutdown=_GRACE_S,
    )
    asyncio.run(_Uvicorn(config, server, stop).serve(sockets=[listening]))


class _Uvicorn(uvicorn.Server):
    """Uvicorn, ended by our own rules: the databases are told first, and the exit code is 0."""

    def __init__(self, config: uvicorn.Config, server: DbServer, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._server = server
        self._stop = stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._server.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        for listening in sockets or ():
            _announce(listening)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        previous = {number: signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _end(self, number: int, frame: Any) -> None:
        if self.should_exit:
            self.force_exit = True
        self.handle_exit(number, frame)  # also tells sse-starlette, whose streams would stay open
        if self._server.loop is not None:  # not here: whatever was interrupted may hold a lock that this wants
            self._server.loop.call_soon_threadsafe(self._stop)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=256)
    except (OSError, OverflowError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise ConfigError(f"Can't listen on {host}, port {port}: {reason}.") from exc
    # asyncio does this for sockets that it makes itself. Without it each small answer waits 40 ms to be acknowledged.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _announce(listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"dbmcp listens on http://{shown}:{port}/mcp", file=sys.stderr, flush=True)  # noqa: T201
    if not ip_address(host).is_loopback:
        print(  # noqa: T201
            f"WARNING: {host} can be reached from other machines, and there is no authentication yet: "
            "whoever reaches this port, by a name in allowed_hosts, can use the databases.",
            file=sys.stderr,
            flush=True,
        )

"""What stands before every HTTP request: who is called, by whose page, and whether the client is still there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dbmcp_server.mcp.calls import LEFT

__all__ = ["Gate"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Gate:
    """An ASGI application around another.

    A page of a foreign site can make a browser call us, under a name that it points to us (DNS rebinding) or ours.
    So whatever the address that is listened on, the name in ``Host`` must be one of ours, or it is answered 421, and
    the ``Origin``, where there is one, a known one, or it is answered 403.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], origins: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if (refusal := self._refusal(scope)) is not None:
            await refusal(scope, receive, send)
            return
        left = _Departure()
        scope[LEFT] = left

        async def watched() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                left.happen()
            return message

        await self._app(scope, watched, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        hosts, origins = _headers(scope, b"host"), _headers(scope, b"origin")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return PlainTextResponse("Invalid Host header", 421)
        if not all(self._is_known(origin) for origin in origins):
            return PlainTextResponse("Invalid Origin header", 403)
        return None

    def _is_ours(self, host: str) -> bool:
        name = _name(f"//{host}")
        return name is not None and (name in _LOOPBACK or name in self._hosts or host.lower() in self._hosts)

    def _is_known(self, origin: str) -> bool:
        return origin.lower() in self._origins or (
            origin.lower().startswith(("http://", "https://")) and _name(origin) in _LOOPBACK
        )


def _headers(scope: MutableMapping[str, Any], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _name(url: str) -> str | None:
    """Return the host of *url*, which has nothing but a host and a port, or None."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return None if parts.path or parts.query or parts.fragment or "@" in parts.netloc else parts.hostname


class _Departure:
    """Tells when the client of one request closed its connection."""

    __slots__ = ("_happened", "_told")

    def __init__(self) -> None:
        self._happened = False
        self._told: list[Callable[[], None]] = []

    def add(self, told: Callable[[], None]) -> None:
        """Call *told* when the client leaves, or now if it has left."""
        if self._happened:
            told()
        else:
            self._told.append(told)

    def remove(self, told: Callable[[], None]) -> None:
        """Forget *told*."""
        if told in self._told:
            self._told.remove(told)

    def happen(self) -> None:
        """Tell everybody, once."""
        self._happened = True
        waiting, self._told = self._told, []
        for told in waiting:
            told()

"""The two ends of a measurement: a server process, and clients that cost as little as possible."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil

HERE = Path(__file__).resolve().parent
VERSION = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


def empty(*arguments: str) -> list[str]:
    """Return the command of the empty SDK server."""
    return [sys.executable, str(HERE / "empty_server.py"), *arguments]


def dbmcp(*arguments: str) -> list[str]:
    """Return the command of our server."""
    return [sys.executable, "-m", "dbmcp_server", "serve", *arguments]


class Process:
    """One server process: its CPU time, and its memory now and at the most."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str] = os.environ, **more: Any) -> None:
        # What is measured is compiled, as what pip installs is, whatever this machine does with its own checkouts.
        env = {name: value for name, value in env.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.popen = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=env, **more)
        self._process = psutil.Process(self.popen.pid)

    def cpu_s(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.terminate()
        self.popen.wait(10)
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                pipe.close()


class Stdio(Process):
    """A server on the standard streams, and a handshake client of it."""

    def __init__(self, command: Sequence[str], **more: Any) -> None:
        super().__init__(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
        self._id = 0
        self.request("initialize", INITIALIZE)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def _send(self, message: dict[str, Any]) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps(message).encode() + b"\n")
        self.popen.stdin.flush()

    def request(self, method: str, params: dict[str, Any]) -> Any:
        """Send a request and return its result."""
        message = self.answer(method, params)
        if "error" in message or message["result"].get("isError"):
            raise RuntimeError(str(message)[:500])
        return message["result"]

    def answer(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the message that answers it, an error as well."""
        assert self.popen.stdout is not None
        self._id += 1
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        while True:
            line = self.popen.stdout.readline()
            if not line:
                raise RuntimeError("the server ended")
            message: dict[str, Any] = json.loads(line) if line.startswith(b"{") else {}  # some servers print, too
            if message.get("id") == self._id:
                return message

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool and return its result."""
        return self.request("tools/call", {"name": name, "arguments": arguments})


class Http(Process):
    """A server over HTTP on a free port, ready when this returns."""

    def __init__(self, command: Sequence[str], port: int) -> None:
        super().__init__(command)
        self.port = port
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if time.monotonic() > until or self.popen.poll() is not None:
                    raise
                time.sleep(0.02)

    def load(self, name: str, arguments: dict[str, Any], *, clients: int, calls: int) -> tuple[float, list[float]]:
        """Let *clients* make *calls* calls each; return the seconds in all, and of each call."""
        return asyncio.run(_load(self.port, name, arguments, clients, calls))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _load(port: int, name: str, arguments: dict[str, Any], clients: int, calls: int) -> tuple[float, list[float]]:
    params = {"name": name, "arguments": arguments, "_meta": META}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {VERSION}\r\n"
        f"Mcp-Method: tools/call\r\nMcp-Name: {name}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    times: list[float] = []
    started = time.perf_counter()
    await asyncio.gather(*(_client(port, head + body, calls, times) for _ in range(clients)))
    return time.perf_counter() - started, times


async def _client(port: int, request: bytes, calls: int, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(calls):
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        if b" 200 " not in lower.split(b"\r\n")[0]:
            raise RuntimeError(head.decode() + (await reader.read(500)).decode())
        length = int(lower.partition(b"content-length:")[2].split()[0])
        answer = await reader.readexactly(length)
        times.append(time.perf_counter() - started)
        if b'"isError":true' in answer:
            raise RuntimeError(answer[:500].decode())
    writer.close()
    await writer.wait_closed()

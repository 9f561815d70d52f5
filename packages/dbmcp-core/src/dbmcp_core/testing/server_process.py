"""The process of a private server: its folder, its user, its children, and who clears up behind it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

__all__ = ["ServerError", "ServerProcess", "find_program", "free_port", "wait_until"]

#: Outlives the tests, however they end: at the end of its input, which only they hold, it ends the server.
_GUARD = 'cat > /dev/null; test -f "$1/pid" && kill -s "$2" "$(cat "$1/pid")"; rm -rf "$1" || { sleep 1; rm -rf "$1"; }'
#: Where Debian and others keep what is not meant for every user's PATH.
_MORE_PATHS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")


class ServerError(Exception):
    """A server or its command-line client did not do what was asked; the text is their own."""


def find_program(*names: str, folders: tuple[Path, ...] = ()) -> str | None:
    """Return the first of *names* that is installed in one of *folders*, else on the PATH."""
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", ""), *_MORE_PATHS])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    """Return once *condition* holds; raise ServerError, saying *what*, when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ServerError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


class ServerProcess:
    """A folder of its own under the temporary one, and one server that runs in it or not.

    Args:
        name: Goes into the folder's name.
        user: Who the server and its tools run as; the current user for ``None``.
        end_signal: What ends the server, with its children, when nobody needs its data any more.
    """

    def __init__(self, name: str, *, user: str | None = None, end_signal: str = "KILL") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"dbmcp-{name}-"))
        self._name = name
        self._user = user
        self._end_signal = end_signal
        self._server: subprocess.Popen[bytes] | None = None
        # Its own session, like the server's: Ctrl-C in the terminal must not end these before the tests are over.
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", str(self.folder), end_signal],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        if user is not None:
            shutil.chown(self.folder, user)

    @property
    def is_running(self) -> bool:
        """Whether the server's process is there."""
        return self._server is not None and self._server.poll() is None

    def run(self, *command: str) -> None:
        """Run a program that prepares the server; its output is the error when it fails."""
        with (self.folder / "tool.log").open("w+b") as log:
            if self._launch(command, log).wait():
                log.seek(0)
                raise ServerError(log.read().decode(errors="replace").strip())

    def write_secret(self, name: str, text: str) -> Path:
        """Write a file that only the server's user may read."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        if self._user is not None:
            shutil.chown(path, self._user)
        return path

    def make_certificate(self) -> str | None:
        """Make ``cert.pem`` and ``key.pem`` for this machine; return the first's path, ``None`` without openssl."""
        openssl = find_program("openssl")
        if openssl is None:
            return None
        kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"]
        name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        self.run(openssl, *kind, *name, "-keyout", f"{self.folder}/key.pem", "-out", f"{self.folder}/cert.pem")
        return f"{self.folder}/cert.pem"

    def start(self, command: list[str], answers: Callable[[], bool]) -> None:
        """Run the server in the foreground of a session of its own; return when it *answers*."""
        path = self.folder / "log"
        with path.open("wb") as log:
            server = self._server = self._launch(command, log)
        (self.folder / "pid").write_text(str(server.pid))

        def is_up() -> bool:
            if server.poll() is not None:
                raise ServerError(f"{self._name} did not start: {path.read_text(errors='replace')[-2000:]}")
            return answers()

        wait_until(is_up, f"{self._name} did not start")

    def end(self, how: str) -> None:
        """Send the signal *how*, in a crash's way to the children too, and wait until all are gone."""
        server = self._server
        if server is not None and server.poll() is None:
            children = _children(server.pid)
            server.send_signal(signal.Signals[f"SIG{how}"])
            if how == "KILL":
                for child in children:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
            server.wait(timeout=60)
            # A new server refuses the data while a child of the old one still has it.
            wait_until(lambda: not any(map(_lives, children)), f"{self._name} did not end")
        (self.folder / "pid").unlink(missing_ok=True)

    def close(self) -> None:
        """End the server and remove everything of it."""
        try:
            self.end(self._end_signal)
        finally:
            self._guard.communicate()  # removes the folder

    def _launch(self, command: list[str] | tuple[str, ...], log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            start_new_session=True,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
        )


def _children(pid: int) -> list[int]:
    """Return a process's children, where the system tells; elsewhere they end themselves when they miss it."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _lives(pid: int) -> bool:
    """Say whether a process is there and not only its exit code, which its parent may leave unread."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"

"""A library in a process of its own: for what can't be interrupted, or may take the process that it runs in with it.

::

    child, error, found = Child.start("dbmcp_x.worker", config, …)  # the parent; config also gets address and key
    connection = child.connect()                                    # as often as there are sessions

The child reads its configuration with ``pickle`` from its standard input, listens at the address, and answers once
on its standard output: what is wrong, as a tuple of the error's name and text, or None; and what else there is to
say. It ends when its input does, so it never outlives its parent.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from dbmcp_core.errors import ConnectionFailed

__all__ = ["ENVIRONMENT", "Child", "Shared", "environment", "limit_memory"]

#: Seconds that a child has to end by itself.
_PATIENCE_S = 5.0
#: What a child may know of our environment, which holds secrets.
ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "TMPDIR")


@dataclass(eq=False)
class Child:
    """One process, and the database that is open in it. Subclasses add fields with defaults."""

    #: What is open in it, and how.
    path: str
    read_only: bool
    #: What all sources on the path must agree on.
    terms: tuple[object, ...]
    process: subprocess.Popen[bytes]
    address: str
    key: bytes
    #: A folder for the child's socket and its files, for us alone.
    temporary: str
    #: How many sources use it.
    leases: int = 0

    @classmethod
    def start(
        cls,
        module: str,
        config: Mapping[str, object],
        *,
        path: str,
        read_only: bool,
        terms: tuple[object, ...],
        environment: Mapping[str, str],
        folder: Path | None = None,
    ) -> tuple[Self, tuple[Any, ...] | None, Any]:
        """Run *module* in a new process and have it open *path*.

        Args:
            module: The module, as for ``python -m``.
            config: What it is to know beside ``path``, ``read_only``, ``address``, ``key`` and ``temporary``.
            path: What is to be open in it.
            read_only: Whether it is open for reading alone.
            terms: What all sources on *path* must agree on.
            environment: All of the environment that it has; without ``HOME``, its temporary folder is its home.
            folder: Its working directory.

        Returns:
            The process; what went wrong, if anything did, and the process has ended then; and what else it answered.
        """
        temporary = tempfile.mkdtemp(prefix="dbmcp-")  # for us alone, by its mode
        address = f"{temporary}{os.sep}socket" if os.name == "posix" else rf"\\.\pipe\dbmcp-{secrets.token_hex(16)}"
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, and a module of the plugin's
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"HOME": temporary, **environment},
            cwd=folder,
            start_new_session=True,  # Ctrl-C is ours to answer; the process sees us end, and ends
        )
        child = cls(path, read_only, terms, process, address, secrets.token_bytes(32), temporary)
        own = {"path": path, "read_only": read_only, "address": address, "key": child.key, "temporary": temporary}
        try:
            error, found = _greet(process, {**config, **own})
        except BaseException:
            child.kill()
            child.stop()
            raise
        if error is not None:
            child.stop()
        return child, error, found

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def connect(self) -> Connection:
        """Return a new connection to it.

        Raises:
            ConnectionFailed: It has ended.
        """
        try:
            return Client(self.address, authkey=self.key)
        except (OSError, EOFError) as exc:
            raise self.lost() from exc

    def lost(self) -> ConnectionFailed:
        """Return the error of a statement whose process has ended."""
        return ConnectionFailed("The database's process has ended.", hint="Try again: it is opened anew.")

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()

    def hang_up(self) -> None:
        """Close the process's input, which tells it to end."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def stop(self) -> None:
        """Let the process close what it has open, and end."""
        self.hang_up()
        try:
            self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        shutil.rmtree(self.temporary, ignore_errors=True)


def _greet(process: subprocess.Popen[bytes], config: Mapping[str, object]) -> tuple[tuple[Any, ...] | None, Any]:
    assert process.stdin is not None  # noqa: S101 - for the type checker
    assert process.stdout is not None  # noqa: S101 - for the type checker
    try:
        pickle.dump(config, process.stdin)
        process.stdin.flush()
        error, found = pickle.load(process.stdout)  # noqa: S301 - from our own process
    except (OSError, EOFError, pickle.UnpicklingError):
        return ("EOFError", "its process ended at once"), None
    return error, found


_ChildT = TypeVar("_ChildT", bound=Child)


class Shared(Generic[_ChildT]):
    """The processes that sources share, by path: each is open for reading alone until a source comes that may write."""

    def __init__(self) -> None:
        self.children: dict[str, _ChildT] = {}
        self._leasing = threading.Lock()

    def lease(
        self,
        path: str,
        *,
        read_only: bool,
        terms: tuple[object, ...],
        start: Callable[[], _ChildT],
        differs: Callable[[], ConnectionFailed],
    ) -> _ChildT:
        """Return the process that has *path* open; ``give_up`` it afterwards.

        Args:
            path: What is to be open.
            read_only: Whether reading is enough.
            terms: What all sources on *path* must agree on.
            start: Makes the process where there is none, or none that may write.
            differs: Gives the error for a source whose terms are others.

        Raises:
            ConnectionFailed: *path* is open on other terms, or can't be opened.
        """
        with self._leasing:
            found = self.children.get(path)
            if found is not None and found.is_alive and found.terms != terms:
                raise differs()
            if found is None or not found.is_alive or (found.read_only and not read_only):
                if found is not None:
                    found.stop()
                    del self.children[path]
                found = self.children[path] = start()
            found.leases += 1
            return found

    def give_up(self, child: _ChildT) -> None:
        """Stop the process when nobody else uses it."""
        with self._leasing:
            child.leases -= 1
            if child.leases > 0:
                return
            if self.children.get(child.path) is child:
                del self.children[child.path]
            child.stop()


def environment(*more: str) -> dict[str, str]:
    """Return what a child may know of our environment, and *more* of it."""
    return {name: os.environ[name] for name in (*ENVIRONMENT, *more) if name in os.environ}


def limit_memory(megabytes: int) -> None:
    """Bound what this process may take, in MiB; 0 bounds nothing. Called in the child; works on Linux alone."""
    if megabytes and sys.platform == "linux":  # elsewhere the limit exists by name only
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))

"""The command line in this process, and as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dbmcp_server.cli import app


@pytest.fixture(autouse=True)
def _ctrl_c_works() -> None:
    """What a shell without job control starts in the background ignores Ctrl-C, and so would its children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the working directory nor the environment of whoever runs the tests has a source."""
    monkeypatch.chdir(tmp_path)
    for variable in os.environ:
        if variable.startswith(("DBMCP_", "MCP_")):
            monkeypatch.delenv(variable)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run one command in this process."""
    return lambda *args, **kwargs: CliRunner().invoke(app, [str(arg) for arg in args], **kwargs)


@pytest.fixture
def spawn() -> Callable[..., subprocess.Popen[bytes]]:
    """Start one command as a process."""

    def start(*args: object, **kwargs: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dbmcp_server", *map(str, args)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, **{**pipes, **kwargs})  # type: ignore[call-overload]

    return start

"""Make calls by one system's command line, in one process: it runs under either system's Python, and imports neither.

``python command_line.py mxcp|dbmcp FOLDER`` reads lines of JSON, each a list of arguments, and writes for each a
line with ``exit`` and ``output``. Both systems take seconds or tenths of one to start, and there are a thousand calls.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from typing import Any

LONGEST_S = 300


def application(system: str) -> Any:
    """Return the command of *system*, as its runner for tests takes it."""
    if system == "mxcp":
        return importlib.import_module("mxcp.__main__").cli
    return importlib.import_module("dbmcp_server.cli").app


def late(*_: object) -> None:
    raise TimeoutError


def main() -> None:
    """Answer every line that comes."""
    system, folder = sys.argv[1:]
    lines = [json.loads(line) for line in sys.stdin]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")  # what code prints beside the runner doesn't come between
    os.dup2(2, 1)
    os.chdir(folder)
    command = application(system)
    runner = importlib.import_module("click.testing" if system == "mxcp" else "typer.testing").CliRunner()
    signal.signal(signal.SIGALRM, late)
    for line in lines:
        signal.alarm(LONGEST_S)
        result = runner.invoke(command, line)
        signal.alarm(0)
        failure = None if result.exception is None else repr(result.exception)
        answer = {"exit": result.exit_code, "output": result.stdout, "failure": failure}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

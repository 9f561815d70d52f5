"""An error as one paragraph on stderr, and as the exit code of the process."""

from __future__ import annotations

import sys

from dbmcp_core import ConfigError, DbmcpError, PluginError, Refused, UnknownSource
from dbmcp_server.cli.output import write

__all__ = ["FAILED", "MISCONFIGURED", "exit_code", "show"]

FAILED, MISCONFIGURED, REFUSED = 1, 3, 4


def exit_code(exc: Exception) -> int | None:
    """Return the exit code for *exc*, or None for an error that nobody expected."""
    if isinstance(exc, Refused):
        return REFUSED
    if isinstance(exc, (ConfigError, PluginError, UnknownSource)):
        return MISCONFIGURED
    return FAILED if isinstance(exc, DbmcpError) else None


def show(exc: Exception) -> None:
    """Write *exc* to stderr: its code, what happened, what to try next."""
    code = exc.code if isinstance(exc, DbmcpError) else "error"
    first, *more = str(exc).split("\n") if isinstance(exc, ConfigError) and "problems" in exc.details else [str(exc)]
    # A project's problems keep their lines: each begins with its file and line, which editors know.
    problems = "".join(f"  {' '.join(line.split())}\n" for line in more if line)
    write(f"dbmcp: {code}: {' '.join(first.split())}\n{problems}", sys.stderr)

"""``--json`` of the commands of projects: ``{"status": "ok", "result": …}``, or the error, and the same exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from dbmcp_server.cli.failure import FAILED, exit_code
from dbmcp_server.cli.output import write_json

__all__ = ["AsEnvelope", "answer", "enveloped", "writing"]

AsEnvelope = Annotated[
    bool, typer.Option("--json", "--json-output", help='JSON for a program: {"status": "ok", "result": …}.')
]


@contextmanager
def enveloped(json: bool) -> Iterator[None]:
    """Let an error of the block leave as JSON, where JSON is wanted."""
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except typer.BadParameter as exc:
        if not json:
            raise
        write_json({"status": "error", "error": exc.message})
        raise typer.Exit(exc.exit_code) from None
    except Exception as exc:
        code = exit_code(exc)
        if not json or code is None:
            raise
        write_json({"status": "error", "error": str(exc)})
        raise typer.Exit(code) from None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell of a file that can't be written as of a wrong argument."""
    try:
        yield
    except OSError as exc:
        raise typer.BadParameter(f"{path} can't be written: {exc.strerror}.") from None


def answer(result: Any, *, failed: bool = False, truncated: bool = False) -> None:
    """Write *result*, and end with an exit code that says whether something in it isn't as it should be.

    ``"truncated": true`` stands beside a result that is not the whole.
    """
    write_json({"status": "ok", "result": result, **({"truncated": True} if truncated else {})})
    if failed:
        raise typer.Exit(FAILED)

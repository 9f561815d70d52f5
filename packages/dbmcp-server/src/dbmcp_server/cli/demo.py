"""The whole of it at work: ``demo``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from dbmcp_server.cli.failure import FAILED

__all__ = ["demo"]


def demo(
    *,
    keep: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Make the sample database here, and leave it there.")
    ] = None,
) -> None:
    """See the server at work on a small shop.

    A client looks around, asks, tries to delete, and runs away. Each step is checked; it ends with 0 if the server did
    all that it should.
    """
    from dbmcp_server import demo as demonstration
    from dbmcp_server.shop import make_shop

    if keep is not None and keep.exists():
        raise typer.BadParameter(f"{keep} is there already.", param_hint="--keep")
    with tempfile.TemporaryDirectory(prefix="dbmcp-demo-") as folder:
        path = (keep or Path(folder) / "shop.db").absolute()
        try:
            make_shop(path)
        except OSError as exc:
            raise typer.BadParameter(f"{path} can't be made: {exc.strerror}.", param_hint="--keep") from None
        passed = demonstration.show(path, folder=Path(folder), kept=keep is not None)
    if not passed:
        raise typer.Exit(FAILED)

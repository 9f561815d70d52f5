"""A new project: ``init``."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from dbmcp_server.cli.output import note

__all__ = ["init"]

_IGNORED = "audit/\n__pycache__/\n"


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; made if it isn't there.")] = Path(),
) -> None:
    """Begin a project: an example with tools in SQL, Jinja and Python, policies, tests, and a small database.

    Nothing that is there already is replaced.
    """
    taken = [name for name in ("dbmcp.toml", "mxcp-site.yml") if (folder / name).exists()]
    if taken:
        raise typer.BadParameter(f"There is a {taken[0]} in {folder} already.")
    try:
        _copy(files("dbmcp_server") / "template", folder)
        database = folder / "data" / "shop.db"
        if not database.exists():
            from dbmcp_server.shop import make_shop

            database.parent.mkdir(parents=True, exist_ok=True)
            make_shop(database)
        ignored = folder / ".gitignore"
        if not ignored.exists():
            ignored.write_text(_IGNORED, encoding="utf-8")
    except OSError as exc:
        raise typer.BadParameter(f"{exc.filename or folder} can't be written: {exc.strerror}.") from None
    note(f"The project is in {folder.absolute()}. Next, there:")
    note("  dbmcp validate")
    note("  dbmcp test")
    note("  dbmcp run tool best_sellers -p limit=3")
    note("  dbmcp serve                # what an assistant's host starts")


def _copy(source: Traversable, target: Path) -> None:
    """Copy the files below *source*, but none over one that is there."""
    target.mkdir(parents=True, exist_ok=True)
    for part in source.iterdir():
        place = target / part.name
        if part.is_dir():
            if part.name != "__pycache__":
                _copy(part, place)
        elif not place.exists():
            place.write_bytes(part.read_bytes())

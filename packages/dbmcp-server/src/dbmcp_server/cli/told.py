"""What is wrong, or was tested, as lines that people, editors and CI read: ``FILE:LINE:COLUMN: severity: message``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbmcp_server.cli.output import Colour, note, write_line

if TYPE_CHECKING:
    from dbmcp_core.tools.problems import Place, Problem

__all__ = ["COLOURS", "by_place", "counted", "inside", "one_line", "place", "problem_json", "summary", "tell"]

COLOURS: dict[str, Colour] = {"error": "red", "failed": "red", "warning": "yellow", "info": "blue", "passed": "green"}


def inside(path: Path, folder: Path) -> Path:
    """Return *path* from *folder*, if it is in there."""
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def place(one: Place) -> str:
    """Return a place as editors open it: from the working directory, if it is in there."""
    return f"{inside(Path(os.path.normpath(one.path)), Path.cwd())}:{one.line}:{one.column}"


def by_place(problems: Iterable[Problem]) -> list[Problem]:
    """Return *problems* in the order in which a file is read."""
    return sorted(problems, key=lambda one: (str(one.place.path), one.place.line, one.place.column))


def tell(problems: Iterable[Problem]) -> None:
    """Write each of *problems* on a line."""
    for one in by_place(problems):
        about = f" [{one.subject}]" if one.subject else ""
        write_line(
            f"{place(one.place)}: ", (f"{one.severity}:", COLOURS[one.severity]), f" {one_line(one.message)}{about}"
        )


def one_line(text: str) -> str:
    """Return *text* on one line: what is told of a place stands beside it."""
    return " ".join(text.split())


def counted(number: int, name: str) -> str:
    """Return how many there are, such as ``1 error`` and ``2 errors``."""
    return f"{number:,} {name}" if number == 1 else f"{number:,} {name}s"


def summary(begins: str, severities: Sequence[str], among: Sequence[Problem]) -> None:
    """Say how much of each severity there is."""
    counts = {kind: sum(one.severity == kind for one in among) for kind in severities}
    told = [counted(count, _NAMES.get(kind, kind)) for kind, count in counts.items() if count]
    note(f"{begins}: {', '.join(told) or 'no problems'}.")


_NAMES = {"info": "suggestion"}


def problem_json(one: Problem) -> dict[str, Any]:
    """Return *one* for a program."""
    return {
        "severity": one.severity,
        "path": str(one.place.path),
        "line": one.place.line,
        "column": one.place.column,
        "subject": one.subject,
        "message": one.message,
    }

"""What is wrong with a project's files, each with its place: all of it is told at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dbmcp_core.errors import ConfigError

__all__ = ["Place", "Problem", "ProjectInvalid", "Severity"]

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; line and column count from 1."""

    path: Path
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        # A file's name may hold anything, a line break among it.
        path = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in str(self.path)
        )
        return f"{path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or could be better. ``subject`` is what it is about, such as ``tool:orders``."""

    message: str
    place: Place
    severity: Severity = "error"
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ProjectInvalid(ConfigError):
    """Files of a project are wrong; nothing of them is used. ``problems`` are all there are."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = tuple(problems)
        count = len(self.problems)
        told = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(
            f"{'There is a problem' if count == 1 else f'There are {count} problems'} in the project:\n{told}",
            details={"problems": [str(problem) for problem in self.problems]},
        )

"""Files that look like definitions, and that nothing reads where they are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from dbmcp_core.tools.problems import Place, Problem
from dbmcp_core.tools.project import Project

__all__ = ["strays"]

_DEFINES = re.compile(r"""(?m)^\s*\{?\s*["']?(?:(?:tool|resource|prompt)s?|policies)["']?\s*:""")
_MOST_FILES, _MOST_CHARACTERS = 5_000, 4_096


def strays(project: Project) -> Iterator[Problem]:
    """Yield a problem for each file of definitions that isn't read, or else for a project that has none at all."""
    config = project.config
    if config.uses_mxcp:  # which has its own mind about what it reads
        return
    read = {os.path.realpath(one.document.path) for one in project.definitions}
    read |= {os.path.realpath(problem.place.path) for problem in project.problems}
    found = False
    for path in _files(config.folder):
        is_inside = any(path.is_relative_to(folder) for folder in config.kinds.values())
        is_named = path.name.endswith(config.endings)
        if is_inside is is_named or os.path.realpath(path) in read or not _defines(path):
            continue
        folders = ", ".join(f"{folder.name}/" for folder in config.kinds.values())
        where = f"definitions stand in {folders}" if is_named else f"files end with {' or '.join(config.endings)}"
        yield Problem(f"isn't read: {where}", Place(path), "warning" if project.definitions else "error")
        found = True
    if not project.definitions and not project.errors and not found:
        names = ", ".join(str(folder) for folder in config.kinds.values())
        yield Problem(f"the project defines nothing; it was looked for in {names}", Place(config.origin), "warning")


def _files(folder: Path) -> Iterator[Path]:
    count = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith((".", "_")) and one != "node_modules")
        for name in sorted(names):
            count += 1
            if count > _MOST_FILES:
                return
            if name.lower().endswith((".yml", ".yaml", ".json")):
                yield Path(parent) / name


def _defines(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return _DEFINES.search(file.read(_MOST_CHARACTERS)) is not None
    except OSError:
        return False

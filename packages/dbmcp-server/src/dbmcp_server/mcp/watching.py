"""What there is to see of a project's files without reading them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from dbmcp_core.config import FILE
from dbmcp_core.tools.project import Project

__all__ = ["Seen", "changed", "codes", "is_same", "look"]

#: When a file was last written, its size, and which file it is: editors that save by renaming leave another one there.
Facts = tuple[int, int, int]
Seen = Mapping[str, Facts]

_NOT_OURS = ("__pycache__", "node_modules", "site-packages")
_ENDINGS = (".yml", ".yaml", ".sql", ".py", ".jinja", ".j2")


def look(project: Project, more: Iterable[str] = (), *, everywhere: bool = False) -> Seen:
    """Return the facts of every file that *project* is made of, or would be made of.

    Args:
        project: The project.
        more: Files that its code has imported.
        everywhere: Whether to look through the whole folder: a file that is missing may come anywhere.
    """
    config = project.config
    folders = {config.python, config.plugins_path, *config.kinds.values(), config.folder if everywhere else None}
    files = {path for folder in folders if folder is not None for path in _files(folder)}
    files |= {str(config.origin), str(config.folder / FILE), *more, *codes(project)}
    return {path: facts for path in files if (facts := _facts(path)) is not None}


def codes(project: Project) -> set[str]:
    """Return the files that definitions name."""
    return {str(path) for one in project.definitions if (path := project.code_path(one)) is not None}


def is_same(before: Seen, after: Seen, apart_from: Collection[str]) -> bool:
    """Return whether two looks saw the same; of the files *apart_from*, those that both have seen."""
    return all(
        before.get(path) == after.get(path)
        for path in before.keys() | after.keys()
        if path not in apart_from or (path in before and path in after)
    )


def changed(before: Seen, after: Seen) -> set[str]:
    """Return the files that came, went or are others now."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def _facts(path: str) -> Facts | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path.stat, twice a second
    except OSError:  # gone since, which the next look sees
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _files(folder: Path) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):  # which passes over folders that go while it looks
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _NOT_OURS]
        for name in names:
            if name.endswith(_ENDINGS) and not name.startswith("."):  # editors' copies begin with one
                yield os.path.join(parent, name)  # noqa: PTH118 - see above

"""Loading a project: every file of it read, every definition looked at, all that is wrong told at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dbmcp_core.tools.files import definitions as files
from dbmcp_core.tools.files.checks import quick
from dbmcp_core.tools.files.definitions import Loaded, Rules
from dbmcp_core.tools.model import Resource
from dbmcp_core.tools.problems import Place, Problem, ProjectInvalid
from dbmcp_core.tools.project import FOLDERS, Project, ProjectConfig

__all__ = ["load"]

_MOST_FILES = 10_000
_PARAMETER = re.compile(r"\{[^{}]*\}")


def load(
    config: ProjectConfig,
    check: Callable[[Loaded, ProjectConfig], Iterator[Problem]] = quick,
    check_rules: Callable[[Rules, Sequence[Loaded]], Iterator[Problem]] = lambda _rules, _among: iter(()),
) -> Project:
    """Read every file of a project, and return what they define and all that is wrong.

    Args:
        config: Where to look.
        check: What else to ask of each definition; left out, what costs little is checked.
        check_rules: What else to ask of rules for many definitions.
    """
    definitions: list[Loaded] = []
    rules: list[Rules] = []
    problems: list[Problem] = []
    for path, allowed in _files(config):
        file = files.read(path, allowed=allowed)
        definitions += file.definitions
        rules += file.rules
        problems += file.problems
    disabled = tuple(one for one in definitions if not one.definition.enabled)
    definitions = [one for one in definitions if one.definition.enabled]
    problems += _duplicates(definitions)
    for one in definitions:
        problems += check(one, config)
    for some in rules:
        problems += check_rules(some, definitions)
    definitions.sort(key=lambda one: (one.definition.kind, one.definition.key))
    return Project(config, tuple(definitions), tuple(one.policy for one in rules), tuple(problems), disabled)


def _files(config: ProjectConfig) -> Iterator[tuple[Path, Sequence[str]]]:
    """Yield the files to read, each once, and which kinds of definitions belong into it."""
    seen: set[Path] = set()
    for kind, folder in config.kinds.items():
        for path in _below(folder, config.endings):
            if path not in seen:
                seen.add(path)
                yield path, ((kind,) if config.uses_mxcp else tuple(FOLDERS))


def _below(folder: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    count = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(endings) and not name.startswith("."):
                count += 1
                if count > _MOST_FILES:
                    raise ProjectInvalid([Problem(f"holds more than {_MOST_FILES:,} files", Place(folder))])
                yield Path(parent) / name


def _same_uris(definitions: Sequence[Loaded]) -> Iterator[Problem]:
    """Yield a warning for each resource that another one stands before: their URIs differ in the parameters' names."""
    first: dict[str, Loaded] = {}
    for one in definitions:
        if isinstance(one.definition, Resource):
            other = first.setdefault(_PARAMETER.sub("{}", one.definition.uri), one)
            if other is not one and other.definition.key != one.definition.key:
                told = f"the URIs of {other.definition.key!r} ({other.place()}) are the same: only one of them is read"
                yield one.warning(told, ("uri",))


def _duplicates(definitions: Sequence[Loaded]) -> Iterator[Problem]:
    """Yield a problem for each holder of a name that is taken more than once: nobody can say which one is meant."""
    holders: dict[str, list[Loaded]] = {}
    for one in definitions:
        holders.setdefault(one.definition.key, []).append(one)
    yield from _same_uris(definitions)
    for key, found in holders.items():
        for one in found if len(found) > 1 else ():
            others = ", ".join(str(other.place()) for other in found if other is not one)
            field_name = "uri" if one.definition.kind == "resource" else "name"
            yield one.problem(f"{key!r} is defined elsewhere too: {others}", (field_name,))

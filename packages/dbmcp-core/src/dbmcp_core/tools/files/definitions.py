"""Files to definitions: every key checked, every problem with its line and the nearest known key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dbmcp_core.settings import nearest
from dbmcp_core.tools.files import documents
from dbmcp_core.tools.files.documents import Document, Route
from dbmcp_core.tools.files.models import POLICIES, subject_of, validated
from dbmcp_core.tools.model import Definition, ProjectPolicy, Prompt, Resource, Tool, TypeSpec
from dbmcp_core.tools.problems import Place, Problem, Severity

__all__ = ["File", "Loaded", "Rules", "read"]

_KINDS: Mapping[str, type[Tool | Resource | Prompt]] = {
    "tool": Tool,
    "resource": Resource,
    "prompt": Prompt,
}
_ROOT = (
    "dbmcp",
    "mxcp",
    "tool",
    "resource",
    "prompt",
    "tools",
    "resources",
    "prompts",
    "types",
    "policies",
    "metadata",
)
_VERSIONS = ("1", "1.0")
#: A file that can't be read as YAML, and in which there may be such rules.
_MAY_HOLD_POLICIES = re.compile(r"""(?m)^(?: ?|\s*\{.*)["']?polic\w*["']?\s*:""")
#: Shared types may refer to others, so many deep, and come to so many values in one file.
_MOST_REFERENCES, _MOST_REFERRED = 32, 200_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """One definition, and where it stands."""

    definition: Definition
    document: Document
    route: Route

    @property
    def subject(self) -> str:
        """What problems call it: ``tool:orders``."""
        return f"{self.definition.kind}:{self.definition.key}"

    def place(self, path: Sequence[str | int] = ()) -> Place:
        """Return the place of *path*, keys and indexes inside the definition."""
        return self.document.place((*self.route, *path))

    @property
    def lines(self) -> list[str]:
        """The lines of its file."""
        return (self.document.text or "").splitlines()

    def line_of(self, path: Sequence[str | int]) -> str:
        """Return the line of the file that *path* inside the definition begins in."""
        line, lines = self.place(path).line, self.lines
        return lines[line - 1] if line is not None and line <= len(lines) else ""

    def problem(self, message: str, path: Sequence[str | int] = ()) -> Problem:
        """Return a problem at *path* inside the definition."""
        return Problem(message, self.place(path), subject=self.subject)

    def warning(self, message: str, path: Sequence[str | int] = ()) -> Problem:
        """Return what is most likely not meant so, at *path* inside the definition."""
        return Problem(message, self.place(path), "warning", self.subject)


@dataclass(frozen=True, slots=True)
class Rules:
    """Policies for many definitions, and where they stand."""

    policy: ProjectPolicy
    document: Document
    route: Route

    def problem(self, message: str, path: Sequence[str | int] = (), severity: Severity = "error") -> Problem:
        """Return a problem at *path* inside the rules."""
        return Problem(message, self.document.place((*self.route, *path)), severity, POLICIES)


@dataclass(slots=True)
class File:
    """What one file defines, and what is wrong with it."""

    path: Path
    definitions: list[Loaded] = field(default_factory=list)
    rules: list[Rules] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read(path: Path, text: str | None = None, *, allowed: Sequence[str] = tuple(_KINDS)) -> File:
    """Return the definitions of the file at *path*, those of the *allowed* kinds."""
    file = File(path)
    document, file.problems = documents.read(path, text)
    if file.problems:
        if document.text is None or _MAY_HOLD_POLICIES.search(document.text):
            file.problems = [replace(problem, subject=POLICIES) for problem in file.problems]
        return file
    root = document.value
    if not isinstance(root, dict):
        file.problems.append(document.problem("wants a mapping: 'dbmcp: 1', then 'tool:', 'resource:' or 'prompt:'"))
        return file
    file.problems += _root_problems(document, root)
    if any(str(root.get(key, 1)) not in _VERSIONS for key in ("dbmcp", "mxcp")):
        return file  # who knows what it means
    root = _with_references(document, root, file.problems)
    _types(document, root, file.problems)
    for route, kind, value in _definitions(root):
        if kind not in allowed:
            file.problems.append(document.problem(f"a {kind} doesn't belong into this folder", route))
            continue
        definition = validated(_KINDS[kind], value, document, route, file.problems)
        if definition is not None:
            file.definitions.append(Loaded(definition, document, route))
    for index, value in enumerate(_list(root.get("policies"))):
        policy = validated(ProjectPolicy, value, document, ("policies", index), file.problems)
        if policy is not None:
            file.rules.append(Rules(policy, document, ("policies", index)))
    return file


def _root_problems(document: Document, root: Mapping[str, Any]) -> Iterator[Problem]:
    for key in root:
        if key not in _ROOT:
            near = nearest(key, _ROOT)
            subject = POLICIES if "policies" in near and "did you" in near else ""
            yield document.problem(f"unknown key {key!r}{near}", (key,), subject=subject)
    for key in ("dbmcp", "mxcp"):
        if key in root and str(root[key]) not in _VERSIONS:
            yield document.problem(f"version {root[key]!r} of the format isn't known; '{key}: 1' is", (key,))
    if "dbmcp" not in root and "mxcp" not in root and set(root) <= set(_ROOT):
        told = document.problem("doesn't say which version of the format it has: begin with 'dbmcp: 1', or 'mxcp: 1'")
        yield replace(told, severity="warning")
    yield from _misplaced(document, root)
    if not any(key in root for key in (*_KINDS, "tools", "resources", "prompts", "types", "policies")):
        yield document.problem("defines nothing: 'tool:', 'resource:' or 'prompt:' is missing")


def _misplaced(document: Document, root: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is one where several are wanted, or several where one is."""
    singles = [key for key in _KINDS if key in root]
    if len(singles) > 1:
        yield document.problem(f"one 'tool', 'resource' or 'prompt' is allowed; several stand under '{singles[1]}s:'")
    for key in singles:
        if isinstance(root[key], list):
            yield document.problem(f"{key!r} wants one definition, not a list; several stand under '{key}s:'", (key,))
    for key in ("tools", "resources", "prompts", "policies"):
        if key in root and not isinstance(root[key], list):
            subject = POLICIES if key == POLICIES else ""
            single = "" if key == POLICIES else f"; one definition alone stands under '{key.removesuffix('s')}:'"
            yield document.problem(f"{key!r} wants a list{single}", (key,), subject=subject)
    if "types" in root and not isinstance(root["types"], dict):
        yield document.problem("'types' wants a mapping of names to types", ("types",))


def _types(document: Document, root: Mapping[str, Any], problems: list[Problem]) -> None:
    """Look at shared types by themselves: one that nothing refers to is read, too. It may leave something out."""
    shared = root.get("types")
    for name, value in shared.items() if isinstance(shared, dict) else ():
        found: list[Problem] = []
        validated(TypeSpec, value, document, ("types", name), found)
        problems += [problem for problem in found if "'type' is missing" not in problem.message]


def _definitions(root: Mapping[str, Any]) -> Iterator[tuple[Route, str, Any]]:
    for kind in _KINDS:
        if kind in root and not isinstance(root[kind], list):
            yield (kind,), kind, root[kind]
        for index, value in enumerate(_list(root.get(f"{kind}s"))):
            yield (f"{kind}s", index), kind, value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# References to shared types


def _with_references(document: Document, root: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Return *root* with each ``$ref: '#/types/Name'`` or ``'file.yml#/types/Name'`` replaced by what it means."""
    if "$ref" not in document.keys:
        return root
    found: list[Problem] = []
    resolver = _Resolver(found)
    resolved = {key: resolver.resolved(value, (key,), document, 0) for key, value in root.items() if key != "types"}
    problems += found
    # What the types themselves have wrong was told where they are used.
    shared = _Resolver([] if found else problems).resolved(root.get("types"), ("types",), document, 0)
    return {key: shared if key == "types" else resolved[key] for key in root}


class _Resolver:
    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._others: dict[Path, Document] = {}
        self._count = 0

    def resolved(self, value: Any, route: Route, document: Document, depth: int) -> Any:
        self._count += 1 if depth else 0
        if self._count > _MOST_REFERRED and depth:
            raise ValueError(f"is one of too many: they come to more than {_MOST_REFERRED:,} values")
        if isinstance(value, list):
            return [self.resolved(part, (*route, index), document, depth) for index, part in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if "$ref" not in value:
            return {key: self.resolved(part, (*route, key), document, depth) for key, part in value.items()}
        beside = {
            key: self.resolved(part, (*route, key), document, depth) for key, part in value.items() if key != "$ref"
        }
        try:
            target, home = self._target(value["$ref"], document, depth)
        except ValueError as exc:
            if not depth:
                self._tell(document, route, exc)
                return {"type": "object", **beside}
            raise
        try:
            found = self.resolved(target, route, home, depth + 1)
        except ValueError as exc:
            if depth:
                raise
            self._tell(document, route, exc)
            found = {"type": "object"}
        return {**found, **beside}

    def _tell(self, document: Document, route: Route, exc: ValueError) -> None:
        # The definition has what isn't its type then, without what that one allows and hides: it is wrong itself.
        holder = document.value[route[0]]
        kind, value = str(route[0]), holder
        if isinstance(holder, list) and len(route) > 1:
            kind, value = kind.removesuffix("s"), holder[int(route[1])]
        subject = POLICIES if route[0] == POLICIES else subject_of(_KINDS[kind], value) if kind in _KINDS else ""
        self._problems.append(document.problem(f"'$ref' {exc}", (*route, "$ref"), subject=subject))

    def _target(self, reference: Any, document: Document, depth: int) -> tuple[dict[str, Any], Document]:
        if depth >= _MOST_REFERENCES:
            raise ValueError("leads through too many types; does one refer to itself?")
        if not isinstance(reference, str) or "#/types/" not in reference:
            raise ValueError("wants '#/types/NAME' or 'FILE.yml#/types/NAME'")
        file, _, name = reference.partition("#/types/")
        home = self._other(document.path.parent / file) if file else document
        shared = home.value.get("types") if isinstance(home.value, dict) else None
        shared = shared if isinstance(shared, dict) else {}
        if not isinstance(shared.get(name), dict):
            raise ValueError(f"leads nowhere: there is no type {name!r}{nearest(name, shared)}")  # noqa: TRY004
        return shared[name], home

    def _other(self, path: Path) -> Document:
        if path not in self._others:
            self._others[path], problems = documents.read(path)
            if problems:
                raise ValueError(f"leads to {path.name}, which {problems[0].message}")
        return self._others[path]

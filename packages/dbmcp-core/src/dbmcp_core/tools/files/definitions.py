"""Files to definitions: every key checked, every problem with its line and the nearest known key."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from dbmcp_core.settings import nearest
from dbmcp_core.tools.files import documents
from dbmcp_core.tools.files.documents import Document, Route
from dbmcp_core.tools.model import Definition, ProjectPolicy, Prompt, Resource, Tool, TypeSpec
from dbmcp_core.tools.problems import Place, Problem, Severity

__all__ = ["POLICIES", "File", "Loaded", "Rules", "read", "validated"]

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
#: What problems of rules for many definitions call them: without these rules nothing may be called.
POLICIES = "policies"
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
        if key in root and str(root[key]) not in ("1", "1.0"):
            yield document.problem(f"version {root[key]!r} of the format isn't known; '{key}: 1' is", (key,))
    singles = [key for key in _KINDS if key in root]
    if len(singles) > 1:
        yield document.problem(f"one of 'tool', 'resource' and 'prompt' is allowed; several go into '{singles[1]}s:'")
    for key in ("tools", "resources", "prompts", "policies"):
        if key in root and not isinstance(root[key], list):
            subject = POLICIES if key == POLICIES else ""
            yield document.problem(f"{key!r} wants a list", (key,), subject=subject)
    if "types" in root and not isinstance(root["types"], dict):
        yield document.problem("'types' wants a mapping of names to types", ("types",))
    if not any(key in root for key in (*_KINDS, "tools", "resources", "prompts", "types", "policies")):
        yield document.problem("defines nothing: 'tool:', 'resource:' or 'prompt:' is missing")


def _types(document: Document, root: Mapping[str, Any], problems: list[Problem]) -> None:
    """Look at shared types by themselves: one that nothing refers to is read, too. It may leave something out."""
    shared = root.get("types")
    for name, value in shared.items() if isinstance(shared, dict) else ():
        found: list[Problem] = []
        validated(TypeSpec, value, document, ("types", name), found)
        problems += [problem for problem in found if "'type' is missing" not in problem.message]


def _definitions(root: Mapping[str, Any]) -> Iterator[tuple[Route, str, Any]]:
    for kind in _KINDS:
        if kind in root:
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
        subject = POLICIES if route[0] == POLICIES else _subject(_KINDS[kind], value) if kind in _KINDS else ""
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


# Validation

_Model = typing.TypeVar("_Model", bound=BaseModel)


def validated(
    model: type[_Model], value: Any, document: Document, route: Route, problems: list[Problem]
) -> _Model | None:
    """Return *value* as *model*, or None and what is wrong in *problems*."""
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        subject = _subject(model, value)
        seen: set[tuple[Route, str]] = set()
        for error in _meant(exc.errors(include_url=False)):
            path, message = _told(model, typing.cast("Mapping[str, Any]", error))
            if (path, message) not in seen:
                seen.add((path, message))
                problems.append(document.problem(message, (*route, *path), subject=subject))
        return None


def _meant(errors: Sequence[Any]) -> Iterator[Any]:
    """Yield the errors without those of a union's plain member, where what stands there was meant for another."""
    for error in errors:
        place = error["loc"][:-1]
        is_plain = error["loc"] and error["loc"][-1] in _PLAIN
        if not (is_plain and any(other is not error and other["loc"][: len(place)] == place for other in errors)):
            yield error


_PLAIN = ("bool", "str", "int", "float")


def _subject(model: type[BaseModel], value: Any) -> str:
    if model is ProjectPolicy:
        return POLICIES
    kind = getattr(model, "kind", "")
    key = value.get("name") or value.get("uri") if isinstance(value, dict) else None
    return f"{kind}:{key}" if kind and key else ""


def _told(model: type[BaseModel], error: Mapping[str, Any]) -> tuple[Route, str]:
    """Return where an error of pydantic stands, and what it says in our words."""
    route, owner = _route(model, error["loc"])
    key = repr(str(route[-1])) if route else "it"
    kind, given, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "extra_forbidden":
        remedy = _INSTEAD.get(str(route[-1])) if issubclass(owner, TypeSpec) else None
        return route, f"unknown key {key}{f'; {remedy}' if remedy else nearest(str(route[-1]), _keys(owner))}"
    if kind == "missing":
        return route[:-1], f"{key} is missing"
    if kind == "literal_error":
        known = [str(one) for one in _choices(str(context["expected"]))]
        close = nearest(given, known) if isinstance(given, str) else ""
        if route[-1:] == ("type",) and issubclass(owner, TypeSpec) and str(given) in _TYPES:
            close = f" (did you mean {_TYPES[str(given)]}?)"
        one_of = f"one of {', '.join(known)}" if len(known) > 1 else repr(known[0])
        return route, f"{key} wants {one_of}, not {_shown(given)}{close if 'did you' in close else ''}"
    if kind == "value_error":
        route = (*route, *getattr(context["error"], "path", ()))
        named = [step for step in route if isinstance(step, str)]
        return route, f"{named[-1]!r} {context['error']}" if named else str(context["error"])
    wanted = _WANTED.get(kind)
    if wanted is not None:
        remedy = _REQUIRED if route[-1:] == ("required",) and isinstance(given, bool) else ""
        return route, f"{key} wants {wanted}, not {_shown(given)}{remedy}"
    if kind in ("greater_than_equal", "greater_than"):
        least = "at least" if kind == "greater_than_equal" else "more than"
        return route, f"{key} wants {least} {context.get('ge', context.get('gt'))}, not {_shown(given)}"
    return route, f"{key}: {error['msg'][0].lower()}{error['msg'][1:]}"


#: What people write for the six types, and keys that other formats have for what is said differently here.
_TYPES = {
    **dict.fromkeys(("float", "double", "decimal", "numeric", "real"), "'number'"),
    **dict.fromkeys(("long", "bigint", "smallint"), "'integer'"),
    **dict.fromkeys(("text", "varchar", "char", "uuid", "enum"), "'string'"),
    **{name: f"'string' with format: {name}" for name in ("date", "time", "date-time", "duration", "email", "uri")},
    **dict.fromkeys(("datetime",), "'string' with format: date-time"),
    **dict.fromkeys(("timestamp",), "'string' with format: timestamp"),
    **dict.fromkeys(("list", "tuple", "set"), "'array'"),
    **dict.fromkeys(("dict", "map", "json", "struct", "record"), "'object'"),
}
_INSTEAD = {
    **dict.fromkeys(("optional", "nullable"), "a parameter with a 'default', which may be null, is optional"),
    **dict.fromkeys(("min", "gte", "ge"), "the least number is 'minimum'"),
    **dict.fromkeys(("max", "lte", "le"), "the greatest number is 'maximum'"),
    **dict.fromkeys(("values", "choices", "options", "allowed"), "the only values there are stand under 'enum'"),
    **dict.fromkeys(("regex", "regexp"), "a regular expression is a 'pattern'"),
    "const": "one value alone is an 'enum' of it",
    "example": "values to show are a list under 'examples'",
}
_REQUIRED = (
    "; it is the list of an object's properties that must be there. A parameter is required unless it has a 'default'"
)

_WANTED = {
    "string_type": "a text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "string_too_short": "some text",
    "too_short": "at least one entry",
}


def _choices(expected: str) -> list[str]:
    return [part.strip(" '") for part in expected.replace(" or ", ", ").split(",")]


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _route(model: type[BaseModel], location: Sequence[str | int]) -> tuple[Route, type[BaseModel]]:
    """Return *location* without the names of a union's members, and the model that its last key belongs to."""
    route: list[str | int] = []
    owner, annotation = model, typing.cast("Any", model)
    for step in location:
        models, has_keys = _parts(annotation)
        if isinstance(step, int) or has_keys:
            route.append(step)
            annotation = _inner(annotation)
            has_keys = False
            continue
        if not models or step in {"bool", *(one.__name__ for one in models)}:
            continue
        owner = models[0]
        route.append(step)
        known = next((one for name, one in owner.model_fields.items() if (one.alias or name) == step), None)
        annotation = known.annotation if known is not None else None
    return tuple(route), owner


def _parts(annotation: Any) -> tuple[list[type[BaseModel]], bool]:
    """Return the models that *annotation* may be, and whether it is a mapping with keys of its own."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation], False
    origin = typing.get_origin(annotation)
    if origin is dict:
        return [], True
    if origin in (types.UnionType, typing.Union, typing.Annotated):
        found: list[type[BaseModel]] = []
        for one in typing.get_args(annotation):
            models, has_keys = _parts(one)
            if has_keys:
                return [], True
            found += models
        return found, False
    return [], False


def _inner(annotation: Any) -> Any:
    """Return what the items of a list, or the values of a mapping, are."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (list, dict):
        return arguments[-1]
    for one in arguments:
        if (found := _inner(one)) is not None:
            return found
    return None


@cache
def _keys(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(one.alias or name for name, one in model.model_fields.items())

"""The calls that are compared: those of a project's own tests, and each of them with one argument changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

#: Beside what a type takes: what models and people send in its place.
STRANGE: dict[str, list[Any]] = {
    "string": [
        "",
        "Ärger 日本 🙂",
        "it's; DROP TABLE x --",
        "{{ 7 * 7 }}",
        "$1",
        "a" * 300,
        2662,
        1.5,
        True,
        None,
        [],
        {},
    ],
    "integer": [0, 1, -1, "7", 7.0, "7.0", 30.5, True, "abc", "", None, 2**40, 2**63, [], {}],
    "number": [0, 1, -1.5, "2.5", "1e3", "abc", "", True, None, 2**53 + 1, [], {}],
    "boolean": [True, False, "true", "False", "banana", "", 1, 0, 2, None, [], {}],
    "array": [[], [None], "[]", '["a"]', "abc", None, {}, 1],
    "object": [{}, "{}", '{"a": 1}', "abc", None, [], 1],
}
FORMATS: dict[str, list[Any]] = {
    "date": ["2024-02-29", "2023-02-29", "29.02.2024", "2024-02-29T10:00:00"],
    "time": ["12:30:00", "12:30", "25:00:00"],
    "date-time": ["2024-02-29T10:00:00Z", "2024-02-29T10:00:00+02:00", "2024-02-29T10:00:00", "2024-02-29"],
    "timestamp": [1700000000, "1700000000", "abc"],
    "email": ["ann@example.org", "ann"],
    "uri": ["https://example.org/a", "example"],
    "duration": ["P1D", "PT1H30M", "1 day"],
}
USERS: list[dict[str, Any] | None] = [
    None,
    {"role": "admin"},
    {"role": "user", "permissions": ["employee.read"], "user_id": "emp123"},
    {"role": "hr", "permissions": ["employee.read", "pii.view"], "user_id": "emp456", "email": "hr@example.org"},
    {"role": "guest"},
]


@dataclass(frozen=True)
class Call:
    """One call of one definition, by the same words to both; or something else that both do, of the *kind*."""

    kind: str
    name: str
    label: str = ""
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)
    user: dict[str, Any] | None = field(default=None, hash=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.label})"


def definitions(project: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield kind and definition of everything that *project*'s folders define."""
    for folder in ("tools", "resources", "prompts"):
        for path in sorted((project / folder).rglob("*.yml")):
            try:
                document = yaml.safe_load(path.read_text(encoding="utf-8"))
            except (yaml.YAMLError, UnicodeDecodeError):
                continue
            for kind in ("tool", "resource", "prompt"):
                found = document.get(kind) if isinstance(document, dict) else None
                if isinstance(found, dict) and (found.get("uri") if kind == "resource" else found.get("name")):
                    yield kind, found


def calls(project: Path, *, own: bool = False) -> list[Call]:
    """Return all calls of *project*, without repetition, in the order of its files; or its *own*, as they are."""
    found: dict[str, Call] = {}
    for kind, definition in definitions(project):
        for call in _of_one(kind, definition, own=own):
            key = json.dumps([call.kind, call.name, call.arguments, call.user], sort_keys=True, default=str)
            found.setdefault(key, call)
    return list(found.values())


def _of_one(kind: str, definition: dict[str, Any], *, own: bool) -> Iterator[Call]:
    name = str(definition["uri"] if kind == "resource" else definition["name"])
    parameters = [item for item in definition.get("parameters") or [] if isinstance(item, dict) and "name" in item]
    tests = [item for item in definition.get("tests") or [] if isinstance(item, dict)]
    bases = [(f"test {test.get('name')!r}", _arguments(test), test.get("user_context")) for test in tests]
    bases.append(("examples", {str(item["name"]): _example(item) for item in parameters}, None))
    for label, arguments, user in bases:
        yield Call(kind, name, label, arguments, user)
    if own:
        return
    arguments = bases[-1][1]
    if definition.get("policies"):
        for label, given, _ in bases:
            for user in USERS:
                yield Call(kind, name, f"{label}, {user}", given, user)
    for parameter in parameters:
        key = str(parameter["name"])
        yield Call(kind, name, f"no {key}", {k: v for k, v in arguments.items() if k != key})
        for value in _values(parameter):
            yield Call(kind, name, f"{key}: {json.dumps(value, ensure_ascii=False)[:40]}", {**arguments, key: value})
    yield Call(kind, name, "one too many", {**arguments, "nobody_has_this": 1})


def _arguments(test: dict[str, Any]) -> dict[str, Any]:
    given = test.get("arguments") or []
    return {str(item["key"]): item.get("value") for item in given if isinstance(item, dict) and "key" in item}


def _values(parameter: dict[str, Any]) -> Iterator[Any]:
    yield from parameter.get("examples") or []
    yield from parameter.get("enum") or []
    yield from FORMATS.get(str(parameter.get("format")), [])
    yield from STRANGE.get(str(parameter.get("type")), [])
    for limit in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if limit in parameter:
            yield from (parameter[limit] - 1, parameter[limit], parameter[limit] + 1)
    for limit in ("minLength", "maxLength"):
        if limit in parameter:
            yield from ("x" * max(parameter[limit] + step, 0) for step in (-1, 0, 1))
    example = _example(parameter)
    if isinstance(example, (list, dict)):
        yield json.dumps(example)  # as models like to send it


def _example(spec: dict[str, Any]) -> Any:
    for key in ("examples", "enum"):
        if spec.get(key):
            return spec[key][0]
    if spec.get("default") is not None:
        return spec["default"]
    kind = str(spec.get("type"))
    if kind == "object":
        return {str(key): _example(value) for key, value in (spec.get("properties") or {}).items()}
    if kind == "array":
        return [_example(spec["items"])] if isinstance(spec.get("items"), dict) else []
    if spec.get("format") in FORMATS:
        return FORMATS[spec["format"]][0]
    return {"string": "a", "integer": spec.get("minimum", 3), "number": spec.get("minimum", 2.5), "boolean": True}.get(
        kind
    )

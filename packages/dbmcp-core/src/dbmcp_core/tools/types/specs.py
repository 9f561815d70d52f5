"""What is wrong with a type itself, found when its definition is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dbmcp_core.tools.model import TypeSpec
from dbmcp_core.tools.types import patterns
from dbmcp_core.tools.types.inbound import take
from dbmcp_core.tools.types.nodes import Node, Path, Problems, json_key, shown

__all__ = ["spec_problems"]

#: The keys that only make sense for some types.
_KEYS_OF: dict[str, tuple[str, ...]] = {
    "format": ("string",),
    "minLength": ("string",),
    "maxLength": ("string",),
    "pattern": ("string",),
    "minimum": ("number", "integer"),
    "maximum": ("number", "integer"),
    "exclusiveMinimum": ("number", "integer"),
    "exclusiveMaximum": ("number", "integer"),
    "multipleOf": ("number", "integer"),
    "minItems": ("array",),
    "maxItems": ("array",),
    "uniqueItems": ("array",),
    "items": ("array",),
    "properties": ("object",),
    "required": ("object",),
    "additionalProperties": ("object",),
}
#: The later one mustn't be less than the first; where the flag is set, not equal to it either.
_RANGES = (
    ("minLength", "maxLength", False),
    ("minItems", "maxItems", False),
    ("minimum", "maximum", False),
    ("minimum", "exclusiveMaximum", True),
    ("exclusiveMinimum", "maximum", True),
    ("exclusiveMinimum", "exclusiveMaximum", True),
)

Found = Iterator[tuple[Path, str]]


def spec_problems(spec: TypeSpec, path: Path = ()) -> list[tuple[Path, str]]:
    """Return what is wrong with *spec*, each with its path in the file's own keys, from *path* on."""
    return list(_problems(spec, path))


def _problems(spec: TypeSpec, path: Path) -> Found:
    yield from _misplaced(spec, path)
    yield from _ranges(spec, path)
    sound = True
    if spec.pattern is not None:
        try:
            patterns.python_pattern(spec.pattern)
        except ValueError as exc:
            sound = False
            yield (*path, "pattern"), str(exc)
    yield from _unknown_required(spec, path)
    inner = list(_inner_problems(spec, path))
    yield from inner
    if sound and not inner:  # else each value would only repeat what is wrong with its type
        yield from _values(spec, path)


def _aliases(spec: TypeSpec) -> dict[str, Any]:
    """Return what was written, by the file's own keys."""
    fields = type(spec).model_fields
    return {fields[name].alias or name: getattr(spec, name) for name in spec.model_fields_set if name in fields}


def _misplaced(spec: TypeSpec, path: Path) -> Found:
    for key, value in sorted(_aliases(spec).items(), key=lambda item: item[0]):
        types = _KEYS_OF.get(key)
        if types and value is not None and spec.type not in types:
            yield (*path, key), f"is for type {' or '.join(types)}, not {spec.type}"


def _ranges(spec: TypeSpec, path: Path) -> Found:
    written = _aliases(spec)
    for low, high, strict in _RANGES:
        least, most = written.get(low), written.get(high)
        if least is not None and most is not None and (least > most or (strict and least == most)):
            yield (*path, high), f"leaves no value: it is {most}, and {low} is {least}"


def _unknown_required(spec: TypeSpec, path: Path) -> Found:
    for index, name in enumerate(spec.required):
        if spec.additional_properties is False and name not in spec.properties:
            yield (*path, "required", index), f"{name!r} is none of the properties, and others aren't allowed"


def _inner_problems(spec: TypeSpec, path: Path) -> Found:
    if spec.items is not None:
        yield from _problems(spec.items, (*path, "items"))
    for name, inner in spec.properties.items():
        yield from _problems(inner, (*path, "properties", name))
    if isinstance(spec.additional_properties, TypeSpec):
        yield from _problems(spec.additional_properties, (*path, "additionalProperties"))


def _values(spec: TypeSpec, path: Path) -> Found:
    yield from _enum(spec, path)
    node = Node(spec)
    if spec.has_default and spec.default is not None:
        yield from _value(node, spec.default, (*path, "default"))
    for index, example in enumerate(spec.examples):
        if example is not None:
            yield from _value(node, example, (*path, "examples", index))


def _enum(spec: TypeSpec, path: Path) -> Found:
    if spec.enum is None:
        return
    if not spec.enum:
        yield (*path, "enum"), "is empty, so that there is no value"
    node = Node(spec)
    seen = set()
    for index, value in enumerate(spec.enum):
        key = json_key(value)
        if key in seen:
            yield (*path, "enum", index), f"has {shown(value)} twice"
        seen.add(key)
        if value is None:
            continue
        before = Problems(1)
        taken = take(node, value, (), before)
        if not before.count and json_key(taken) != key:
            yield (*path, "enum", index), _other_type(node, value)
        else:
            yield from _value(node, value, (*path, "enum", index))


def _value(node: Node, value: Any, path: Path) -> Found:
    if node.type == "string" and isinstance(value, bool):
        yield path, _other_type(node, value)
        return
    problems = Problems(10)
    take(node, value, (), problems)
    yield from ((path, text) for text in problems.texts)


def _other_type(node: Node, value: Any) -> str:
    remedy = ""
    if isinstance(value, bool) and node.type == "string":
        remedy = "; YAML reads yes, no, on and off without quotes as booleans"
    return f"{node.wanted}, not {shown(value)}{remedy}"

"""Types as JSON Schema (2020-12), as clients are told them.

What JSON Schema has no word for stands under a key of ours: ``x-sensitive``, ``x-format``. The schema of a result says
no more than every reader of JSON Schema can hold against it: a client that checks answers would refuse a good one
over a time without a zone, or over 19.99 as a multiple of 0.01 in doubles. We have checked those already; there such a
key is ``x-format``, ``x-pattern`` or ``x-multipleOf``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from dbmcp_core.tools.model import Parameter, ReturnType, TypeSpec
from dbmcp_core.tools.types.inbound import take
from dbmcp_core.tools.types.nodes import Node, Problems
from dbmcp_core.tools.types.patterns import is_portable, is_readable

__all__ = ["input_schema", "output_schema", "wrapped"]

#: Keys that are the same in both, by the model's names.
_SAME = {
    "min_length": "minLength",
    "max_length": "maxLength",
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusive_minimum": "exclusiveMinimum",
    "exclusive_maximum": "exclusiveMaximum",
    "min_items": "minItems",
    "max_items": "maxItems",
}
#: Formats that JSON Schema wants a zone, whole units or ASCII in, which a result needn't have.
_LOOSE_FORMATS = frozenset({"time", "date-time", "timestamp", "duration", "email"})


def input_schema(parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Return the schema of the arguments: an object that has no others."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {parameter.name: _Writer(False).schema(parameter) for parameter in parameters},
    }
    required = [parameter.name for parameter in parameters if not parameter.has_default]
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return schema


def output_schema(
    returns: ReturnType | None,
    *,
    omitted: Collection[str] = (),
    masked: Collection[str] = (),
    without_sensitive: bool = False,
    is_cut: bool = False,
) -> dict[str, Any] | None:
    """Return the schema of the structured content, or None where no type is declared.

    Args:
        returns: The declared type.
        omitted: Fields that a policy may leave out, as its rules name them.
        masked: Fields that a policy may put a text over.
        without_sensitive: Whether a policy may leave out what is sensitive, at any depth.
        is_cut: Whether a long list comes in pages: how many items there are is true of all of them together.
    """
    if returns is None:
        return None
    hidden = _Hidden(omitted, masked, without_sensitive)
    writer = _Writer(True, hidden)
    if hidden.any:
        returns = _as_column(returns)
    if not wrapped(returns):
        return {**writer.schema(returns), "type": "object"}
    schema = writer.schema(returns)
    if is_cut and "minItems" in schema:
        schema["x-minItems"] = schema.pop("minItems")
    return {
        "type": "object",
        "properties": {"result": schema},
        "required": ["result"],
        "additionalProperties": False,
    }


def wrapped(returns: TypeSpec | None) -> bool:
    """Return whether the structured content is ``{"result": …}``: it has to be an object, and this isn't one.

    What returns without a declared type is rows, which are a list.
    """
    return returns is None or returns.type != "object"


def _as_column(returns: ReturnType) -> ReturnType:
    """Return *returns* without what a text is held to, where it is one column's: a rule may name that column."""
    free = dict.fromkeys(("enum", "format", "pattern", "min_length", "max_length"))
    if returns.type == "string":
        return returns.model_copy(update=free)
    if returns.items is not None and returns.items.type == "string":
        return returns.model_copy(update={"items": returns.items.model_copy(update=free)})
    return returns


class _Hidden:
    """What a policy may change in an answer: a client must take the answer with and without it."""

    def __init__(self, omitted: Collection[str] = (), masked: Collection[str] = (), sensitive: bool = False) -> None:
        from dbmcp_core.tools.policies.fields import folded

        self._folded = folded
        self._omitted = {folded(part) for name in omitted for part in (name, *name.split("."))}
        self._masked = {folded(part) for name in masked for part in (name, name.rpartition(".")[2])}
        #: Fields on the way to those, which are masked as a whole where they can't be looked into.
        self._ways = {folded(part) for name in masked for part in name.split(".")[:-1]}
        #: Whether what is sensitive may be missing.
        self.sensitive = sensitive
        #: Whether anything may.
        self.any = bool(omitted or masked or sensitive)
        self.masks = bool(masked)

    def covers(self, name: str, spec: TypeSpec) -> bool:
        """Return whether a text may stand in place of the field: it, or what is inside of it, is masked as a whole."""
        rows = spec.items if spec.type == "array" else spec
        is_looked_into = rows is not None and rows.type == "object" and bool(rows.properties)
        return self._folded(name) in self._masked or (self._folded(name) in self._ways and not is_looked_into)

    def lacks(self, name: str, spec: TypeSpec) -> bool:
        """Return whether the field may be missing in an object of this type."""
        inner = spec.properties.get(name, spec.additional_properties)
        is_sensitive = self.sensitive and isinstance(inner, TypeSpec) and inner.sensitive
        return is_sensitive or self._folded(name) in self._omitted


class _Writer:
    """Writes one type after the other, for the way in or the way out."""

    def __init__(self, out: bool, hidden: _Hidden | None = None) -> None:
        self._out = out
        self._hidden = hidden if hidden is not None and hidden.any else None

    def schema(self, spec: TypeSpec) -> dict[str, Any]:
        """Return the schema of *spec*."""
        # null is no value of a field on the way in; on the way out every column may be NULL.
        schema: dict[str, Any] = {"type": [spec.type, "null"] if self._out else spec.type, **_about(spec)}
        self._add_values(spec, schema)
        schema |= {key: value for name, key in _SAME.items() if (value := getattr(spec, name)) is not None}
        if spec.multiple_of is not None:
            schema[self._key("multipleOf", not isinstance(spec.multiple_of, int))] = spec.multiple_of
        if spec.unique_items:
            schema["uniqueItems"] = True
        if spec.type == "string":
            self._add_string(spec, schema)
        elif spec.type == "array":
            schema["items"] = self.schema(spec.items) if spec.items else {}
        elif spec.type == "object":
            self._add_object(spec, schema)
        return schema if self._hidden is None else self._loosened(spec, schema)

    def _loosened(self, spec: TypeSpec, schema: dict[str, Any]) -> dict[str, Any]:
        """Return *schema* without what no longer holds once something inside is hidden."""
        gone = {"uniqueItems"} | ({"enum"} if spec.type in ("array", "object") else set())
        if spec.type == "array" and spec.items is not None and spec.items.sensitive:
            gone |= {"minItems"}
        return {key: value for key, value in schema.items() if key not in gone}

    def _key(self, key: str, loose: bool) -> str:
        return f"x-{key}" if self._out and loose else key

    def _add_values(self, spec: TypeSpec, schema: dict[str, Any]) -> None:
        if spec.enum is not None:
            values = [_json(value) for value in spec.enum]
            schema["enum"] = [*values, None] if self._out and None not in values else values
        # A default of null says no more than that the parameter may be left out, and null isn't of its type.
        if spec.has_default and spec.default is not None:
            schema["default"] = _as_typed(spec, spec.default)
        if spec.examples:
            schema["examples"] = [_as_typed(spec, value) for value in spec.examples]

    def _add_string(self, spec: TypeSpec, schema: dict[str, Any]) -> None:
        if spec.pattern is not None:
            # Over one that it can't read, a client may lose the whole list of tools.
            is_good = is_readable(spec.pattern) and is_portable(spec.pattern)
            schema["pattern" if is_good else "x-pattern"] = spec.pattern
        if spec.format is None:
            return
        if spec.format == "timestamp":  # JSON Schema has none; a date-time is one that we take
            schema["x-format"] = "timestamp"
            if not self._out:
                schema["format"] = "date-time"
        else:
            schema[self._key("format", spec.format in _LOOSE_FORMATS)] = spec.format

    def _add_object(self, spec: TypeSpec, schema: dict[str, Any]) -> None:
        hidden = self._hidden
        if spec.properties or "properties" in spec.model_fields_set:
            schema["properties"] = {
                name: _about(inner) if hidden is not None and hidden.covers(name, inner) else self.schema(inner)
                for name, inner in spec.properties.items()
            }
        required = [name for name in dict.fromkeys(spec.required) if hidden is None or not hidden.lacks(name, spec)]
        if required:
            schema["required"] = required
        extra = spec.additional_properties
        if isinstance(extra, TypeSpec):
            schema["additionalProperties"] = True if hidden is not None and hidden.masks else self.schema(extra)
        elif extra is False or "additional_properties" in spec.model_fields_set:
            schema["additionalProperties"] = extra


#: What is as its type has it, whatever else the type says.
_AS_IT_IS = {("string", str), ("integer", int), ("number", int), ("boolean", bool)}


def _about(spec: TypeSpec) -> dict[str, Any]:
    """Return what is told of a type apart from its values."""
    told: dict[str, Any] = {}
    if spec.name and not isinstance(spec, Parameter):
        told["title"] = spec.name
    if spec.description:
        told["description"] = spec.description
    if spec.sensitive:
        told["x-sensitive"] = True
    return told


def _as_typed(spec: TypeSpec, value: Any) -> Any:
    """Return a default or an example as a value of its type, where it is one."""
    if (spec.type, type(value)) in _AS_IT_IS:
        return value
    problems = Problems(1)
    typed = take(Node(spec), value, (), problems)
    return _json(value if problems.count else typed)


def _json(value: Any) -> Any:
    """Return what YAML read as JSON has it: a date without quotes is a text."""
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    return [_json(item) for item in value] if isinstance(value, (list, tuple)) else value

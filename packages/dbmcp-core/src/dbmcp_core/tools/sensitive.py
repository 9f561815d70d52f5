"""What is marked as sensitive, kept out of records, logs and errors: masked where it is known to stand, or found there.

A database may quote a value in its error, and code in its exception: there it is looked for, as it was sent, converted
and bound, and as SQL, JSON and Python write it. Texts of fewer than four characters are not: they are in every message.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dbmcp_core.statement import Params
from dbmcp_core.tools.model import TypeSpec

__all__ = ["derived", "masked", "masked_arguments", "private"]

_MASK = "***"
_SHORTEST = 4


def masked(value: Any, spec: TypeSpec | None) -> Any:
    """Return *value* with what *spec* calls sensitive masked, at every depth."""
    if spec is None or value is None:
        return value
    from dbmcp_core.tools.policies.fields import folded, has_sensitive

    if spec.sensitive:
        return _MASK
    if isinstance(value, list) and spec.type == "array":
        return [masked(part, spec.items) for part in value]
    if isinstance(value, Mapping) and spec.type == "object":
        other = spec.additional_properties if isinstance(spec.additional_properties, TypeSpec) else None
        # Names as policies compare them: a database may have its own mind about their case.
        known = {folded(name): one for name, one in spec.properties.items()}
        return {key: masked(part, known.get(folded(str(key)), other)) for key, part in value.items()}
    return _MASK if has_sensitive(spec) else value  # of another kind than was wanted: the JSON text of an object, say


def masked_arguments(given: Mapping[str, Any], specs: Mapping[str, TypeSpec]) -> dict[str, Any]:
    """Return *given* with what is sensitive masked, and what isn't declared: that may be a misspelt password."""
    return {name: masked(value, specs[name]) if name in specs else _MASK for name, value in given.items()}


def private(given: Mapping[str, Any], specs: Mapping[str, TypeSpec]) -> frozenset[str]:
    """Return the texts in those of *given* that are sensitive, in part or whole, or aren't declared."""
    from dbmcp_core.tools.policies.fields import has_sensitive

    return frozenset(
        text
        for name, value in given.items()
        if name not in specs or has_sensitive(specs[name])
        for text in _texts([value], set(_names(specs.get(name))))
    )


def derived(bound: Params, arguments: Mapping[str, Any], hidden: frozenset[str]) -> frozenset[str]:
    """Return the texts in what a statement binds that a template may have made of what is *hidden*.

    That is all which no argument that may show has, where anything is hidden at all.
    """
    if not hidden:
        return hidden
    values = bound.values() if isinstance(bound, Mapping) else bound
    return frozenset(_texts(values, ())) - frozenset(_texts(arguments.values(), ()))


def _names(spec: TypeSpec | None) -> Iterator[str]:
    """Give the names that are declared in *spec*: they are no values."""
    if spec is None:
        return
    yield from spec.properties
    for inner in (*spec.properties.values(), spec.items, spec.additional_properties):
        if isinstance(inner, TypeSpec):
            yield from _names(inner)


def _texts(values: Iterable[Any], known: Iterable[str]) -> Iterator[str]:
    """Give what stands in *values*, as it may be written, but for the names that are *known*."""
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += value.values()
            waiting += (key for key in value if key not in known)
        elif isinstance(value, (list, tuple)):
            waiting += value
        elif value is not None:
            yield from (text for text in _written(value) if len(text) >= _SHORTEST)


def _written(value: Any) -> set[str]:
    if isinstance(value, (dt.date, dt.time)):
        return {str(value), value.isoformat()}
    text = str(value)
    escaped = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
    return {text, text.replace("'", "''"), text.replace('"', '""'), *escaped}

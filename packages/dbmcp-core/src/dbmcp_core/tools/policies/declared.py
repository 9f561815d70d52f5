"""What conditions are held to before they are asked: the types that parameters, the result and the caller have.

Of two types, ``==`` is false and raises nothing: ``amount == '500'`` never denies, and no call would show it. CEL's own
checker finds that where it is told the types. Numbers compare with each other, and everything may be null, here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dbmcp_core.tools.model import TypeSpec
from dbmcp_core.tools.policies.cel import Kind, objections
from dbmcp_core.tools.policies.condition import USER, Reading, is_plain_name, nearest
from dbmcp_core.tools.policies.messages import is_no_boolean, overload, said, split
from dbmcp_core.tools.user import ANONYMOUS

__all__ = ["declared", "items_of", "mismatches", "never", "strangers"]

_KINDS: Mapping[str, Kind] = {"integer": "int", "number": "double", "boolean": "bool", "string": "string"}
#: Nobody can be another kind of caller: ``User.from_mapping`` makes texts of what it is given.
_OF_USER: Mapping[str, Kind] = {
    USER: ("map",),
    **{
        f"{USER}.{name}": ("list", "string") if isinstance(value, list) else "string"
        for name, value in ANONYMOUS.as_condition().items()
    },
}
_NUMBERS = frozenset({"int", "uint", "double"})
_COMPARISONS = frozenset({"_<_", "_<=_", "_>_", "_>=_"})


def declared(specs: Mapping[str, TypeSpec | None]) -> dict[str, Kind]:
    """Return the kinds of names, any where none is declared, and of the fields behind them: ``order.to.city``."""
    return {**dict(_named(specs)), **_OF_USER}


def _named(specs: Mapping[str, TypeSpec | None]) -> Iterator[tuple[str, Kind]]:
    for name, spec in specs.items():
        if is_plain_name(name):
            yield name, _kind(spec)
            yield from ((f"{name}.{inner}", kind) for inner, kind in _named(spec.properties if spec else {}))


def _kind(spec: TypeSpec | None) -> Kind:
    if spec is None:
        return "dyn"
    if spec.type == "array":
        return ("list", _kind(spec.items))
    return _KINDS.get(spec.type, ("map",))


def items_of(reading: Reading, specs: Mapping[str, TypeSpec | None]) -> dict[str, TypeSpec]:
    """Return the objects that a condition asks of lists, by what it calls them: a macro's name, or the list's.

    ``order.lines.exists(line, …)`` has ``line``, and ``rows[0].id`` has ``rows``.
    """
    paths = {**reading.loops(), **{name: name for name in specs if name in reading.names - reading.bound}}
    found: dict[str, TypeSpec] = {}
    for name, path in sorted(paths.items(), key=lambda pair: pair[1].partition(".")[0] in reading.bound):
        first, *rest = path.split(".")
        spec = found.get(first) if first in reading.bound else specs.get(first)
        for one in rest:
            spec = spec.properties.get(one) if spec is not None else None
        if spec is not None and spec.type == "array" and spec.items is not None and spec.items.type == "object":
            found[name] = spec.items
    return found


def _row(spec: TypeSpec) -> Iterator[tuple[str, Kind]]:
    yield "", ("map",)
    yield from ((f".{name}", kind) for name, kind in _named(spec.properties))


def mismatches(reading: Reading, kinds: Mapping[str, Kind], items: Mapping[str, TypeSpec], *, exact: bool) -> list[str]:
    """Return where a condition, which compiles, can't mean what it says: its types don't go together.

    Args:
        reading: The condition.
        kinds: What ``declared`` told.
        items: What ``items_of`` told.
        exact: Whether a number is a double for certain, as it is once it was converted.
    """
    if reading.bound & {name.partition(".")[0] for name in kinds}:
        return []  # inside a macro the name is another value
    rows = {name: f"{name}_item" for name in items}
    typed = {**kinds, **{rows[name] + name_of: kind for name, spec in items.items() for name_of, kind in _row(spec)}}
    found = (_told(column, message, exact) for column, message in objections(reading, typed, rows))
    return list(dict.fromkeys(filter(None, found)))


def strangers(reading: Reading, name: str, spec: TypeSpec | None, *, sure: bool) -> list[str]:
    """Return what a condition asks of the object *name* that it has not: for *sure*, or most likely by a slip."""
    if spec is None or spec.type != "object" or not spec.properties:
        return []
    if sure != (spec.additional_properties is False):
        return []
    unknown = dict.fromkeys(one for one in reading.fields_of(name) if one not in spec.properties)
    told = {one: nearest(one, spec.properties) for one in unknown}
    return [f"{name} has no {one!r}{remedy}" for one, remedy in told.items() if sure or "did you" in remedy]


def never(reading: Reading, specs: Mapping[str, TypeSpec | None]) -> list[str]:
    """Return where a condition compares a value with a text that is none of its ``enum``."""
    found: dict[str, None] = {}
    for path, text, is_inside in reading.compared():
        spec = specs.get(path[0])
        for name in path[1:]:
            spec = spec.properties.get(name) if spec is not None else None
        if is_inside and spec is not None:
            spec = spec.items
        if spec is not None and spec.type == "string" and spec.enum and text not in spec.enum:
            known = [str(one) for one in spec.enum if one is not None]
            found[f"{'.'.join(path)} {'has no' if is_inside else 'is never'} {text!r}{nearest(text, known)}"] = None
    return list(found)


def _told(column: int, what: str, exact: bool) -> str | None:
    if "*error*" in what:
        return None  # follows from what is told already
    if (wrong := overload(what)) is not None and _is_fine(*wrong, exact):
        return None
    return f"at character {column}: {said(what)}"


def _is_fine(function: str, kinds: list[str], exact: bool) -> bool:
    """Whether such values may go together all the same: the checker has one type for each, where a call has values.

    Each may be null, numbers compare by what they are, and lists and objects may be empty, whatever they are of.
    """
    if "null_type" in kinds:
        return True
    if function == "_?_:_":
        return not is_no_boolean(kinds[0])
    if function in ("@in", "_[_]"):
        one, many = kinds if function == "@in" else kinds[::-1]
        return _may_be_equal(one, "int" if function == "_[_]" and many.startswith("list(") else _inside(many))
    if function == "_+_" and all(kind.startswith("list(") for kind in kinds):
        return True
    if function in ("_==_", "_!=_"):
        return _may_be_equal(*kinds)
    return _NUMBERS.issuperset(kinds) and (function in _COMPARISONS or not exact)


def _may_be_equal(one: str, other: str) -> bool:
    name = one.partition("(")[0]
    return name == other.partition("(")[0] or _NUMBERS.issuperset((one, other)) or "dyn" in (one, other)


def _inside(kind: str) -> str:
    """Return what ``in`` looks for in a list or an object of this *kind*: its items, or its keys."""
    return split(kind.partition("(")[2].removesuffix(")"))[0]

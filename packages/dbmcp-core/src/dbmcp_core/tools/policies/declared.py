"""What conditions are held to before they are asked: the types that parameters, the result and the caller have.

Of two types, ``==`` is false and raises nothing: ``amount == '500'`` never denies, and no call would show it. CEL's own
checker finds that where it is told the types. Numbers compare with each other, and everything may be null, here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dbmcp_core.tools.model import TypeSpec
from dbmcp_core.tools.policies.cel import Kind, objections
from dbmcp_core.tools.policies.condition import USER, Reading, is_plain_name, nearest
from dbmcp_core.tools.policies.messages import overload, said
from dbmcp_core.tools.user import ANONYMOUS

__all__ = ["declared", "mismatches", "strangers"]

_KINDS: Mapping[str, Kind] = {"integer": "int", "number": "double", "boolean": "bool", "string": "string"}
#: Nobody can be another kind of caller: ``User.from_mapping`` makes texts of what it is given.
_OF_USER: Mapping[str, Kind] = {
    USER: ("map",),
    **{
        f"{USER}.{name}": ("list", "string") if isinstance(value, list) else "string"
        for name, value in ANONYMOUS.as_condition().items()
    },
}
_NUMBERS = frozenset({"int", "uint", "double", "list(int)", "list(uint)", "list(double)"})
_OF_TWO = re.compile(r"_(?:[=!]=|[<>]=?|[-+*/%])_")


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


def mismatches(reading: Reading, kinds: Mapping[str, Kind]) -> list[str]:
    """Return where a condition, which compiles, can't mean what it says: its types don't go together."""
    if reading.bound & {name.partition(".")[0] for name in kinds}:
        return []  # inside a macro the name is another value
    found = (_told(column, message) for column, message in objections(reading, kinds))
    return list(dict.fromkeys(filter(None, found)))


def strangers(reading: Reading, name: str, spec: TypeSpec | None, *, sure: bool) -> list[str]:
    """Return what a condition asks of the object *name* that it has not: for *sure*, or most likely by a slip."""
    if spec is None or spec.type != "object" or not spec.properties:
        return []
    if sure != (spec.additional_properties is False):
        return []
    unknown = dict.fromkeys(one for one in reading.asked_of(name) if one not in spec.properties)
    told = {one: nearest(one, spec.properties) for one in unknown}
    return [f"{name} has no {one!r}{remedy}" for one, remedy in told.items() if sure or "did you" in remedy]


def _told(column: int, what: str) -> str | None:
    if "*error*" in what:
        return None  # follows from what is told already
    if (wrong := overload(what)) is not None and _is_fine(*wrong):
        return None
    return f"at character {column}: {said(what)}"


def _is_fine(function: str, kinds: list[str]) -> bool:
    """Whether such values go together all the same: each may be null, and numbers compare by what they are."""
    if "null_type" in kinds:
        return True
    are_lists = all(kind.startswith("list(") for kind in kinds)
    if function in ("_==_", "_!=_") and are_lists:
        return True  # which may both be empty
    in_list = function == "@in" and kinds[-1].startswith("list(")
    return _NUMBERS.issuperset(kinds) and (in_list or _OF_TWO.fullmatch(function) is not None)

"""The filters and tests of templates that write SQL: pure functions on plain data, bounded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from dbmcp_core.errors import LimitExceeded
from dbmcp_core.tools.sql.values import as_json

__all__ = ["FILTERS", "MAX_TEXT", "TESTS", "Missing", "sized", "text_of", "weighed"]

MAX_TEXT = 1 << 20
#: Characters and values in a list or an object that is bound.
MAX_WEIGHT = 16 << 20


@dataclass(frozen=True, slots=True)
class Missing:
    """Stands for an item that isn't there; all but ``is defined`` and ``default`` refuse it."""

    name: str


def sized(value: Any) -> Any:
    """Return *value*, unless it has grown too large."""
    if isinstance(value, (str, list, tuple, dict)) and len(value) > MAX_TEXT:
        raise LimitExceeded("A value of the template is too large.")
    return value


def weighed(value: Any, most: int = MAX_WEIGHT) -> Any:
    """Return *value*, unless all the text in it is too much: a list may hold one long text a thousand times."""
    left, waiting = most, [value] if isinstance(value, (list, tuple, dict)) else []
    while waiting:
        one = waiting.pop()
        for part in one.values() if isinstance(one, dict) else one:
            left -= 1 + (len(part) if isinstance(part, str) else 0)
            if left < 0:
                raise LimitExceeded("A value of the template is too large.")
            if isinstance(part, (list, tuple, dict)):
                waiting.append(part)
    return value


def text_of(value: Any) -> str:
    """Return a single value as text; lists and objects have none."""
    if isinstance(value, (str, int, float, Decimal, dt.date, dt.time, UUID)) or value is None:
        return str(value)
    raise TypeError(f"a {type(value).__name__} is no text")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _listed(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple, dict, str)):
        return list(value)
    raise TypeError(f"a {type(value).__name__} is no list")


def _number(kind: type[int | float]) -> Callable[..., Any]:
    def converted(value: Any, default: Any = None) -> Any:
        try:
            if len(value) > 400 if isinstance(value, str) else isinstance(value, Decimal) and value.adjusted() > 400:
                raise ValueError("too long")
            return kind(value)
        except (TypeError, ValueError, OverflowError):
            if default is None:
                raise ValueError(f"not a number that {kind.__name__} can read") from None
            return default

    return converted


def _default(value: Any, default: Any = "", boolean: bool = False) -> Any:
    return default if isinstance(value, Missing) or (boolean and not value) else value


def _replaced(value: Any, old: Any, new: Any) -> str:
    text, old, new = text_of(value), text_of(old), text_of(new)
    if (text.count(old) + 1) * len(new) > MAX_TEXT:
        raise LimitExceeded("A value of the template is too large.")
    return text.replace(old, new)


def _joined(value: Any, between: Any = "", attribute: Any = None) -> str:
    items = _listed(value) if attribute is None else _mapped(value, attribute=attribute)
    parts, size = [text_of(item) for item in items], len(text_of(between))
    if sum(map(len, parts)) + size * len(parts) > MAX_TEXT:
        raise LimitExceeded("A value of the template is too large.")
    return text_of(between).join(parts)


def _mapped(value: Any, *, attribute: Any) -> list[Any]:
    items = _listed(value)
    if not all(isinstance(item, dict) and attribute in item for item in items):
        raise LookupError(f"not every item has {attribute!r}")
    return [item[attribute] for item in items]


def _unique(value: Any) -> list[Any]:
    found: dict[Any, Any] = {}
    for item in _listed(value):
        found.setdefault(item, item)
    return list(found)


def _rounded(value: Any, digits: int = 0) -> Any:
    if not _is_number(value) or not -400 <= digits <= 400:
        raise TypeError("only a number can be rounded, to 400 digits at the most")
    return round(value, digits)


def _absolute(value: Any) -> Any:
    if not _is_number(value):
        raise TypeError("only a number has an absolute value")
    return abs(value)


def _items(value: Any) -> list[Any]:
    if not isinstance(value, dict):
        raise TypeError("only an object has items")
    return [list(pair) for pair in value.items()]


def _sum(value: Any) -> Any:
    items = _listed(value)
    if not all(map(_is_number, items)):
        raise TypeError("only numbers have a sum")
    return sum(items)


def _text(change: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: change(text_of(value))


def _end(index: int) -> Callable[[Any], Any]:
    def picked(value: Any) -> Any:
        items = _listed(value)
        return items[index] if items else Missing("item")

    return picked


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": _absolute,
    "capitalize": _text(str.capitalize),
    "count": lambda value: len(_listed(value)),
    "d": _default,
    "default": _default,
    "first": _end(0),
    "float": _number(float),
    "int": _number(int),
    "items": _items,
    "join": _joined,
    "last": _end(-1),
    "length": lambda value: len(_listed(value)),
    "list": _listed,
    "lower": _text(str.lower),
    "map": _mapped,
    "max": lambda value: max(_listed(value)),
    "min": lambda value: min(_listed(value)),
    "replace": _replaced,
    "reverse": lambda value: value[::-1] if isinstance(value, str) else _listed(value)[::-1],
    "round": _rounded,
    "sort": lambda value: sorted(_listed(value)),
    "string": text_of,
    "sum": _sum,
    "title": _text(str.title),
    "tojson": lambda value: as_json(weighed(value, MAX_TEXT)),
    "trim": _text(str.strip),
    "unique": _unique,
    "upper": _text(str.upper),
}

TESTS: dict[str, Callable[..., Any]] = {
    "boolean": lambda value: isinstance(value, bool),
    "defined": lambda value: not isinstance(value, Missing),
    "divisibleby": lambda value, other: value % other == 0 if _is_number(value) else False,
    "eq": lambda value, other: value == other,
    "equalto": lambda value, other: value == other,
    "even": lambda value: _is_number(value) and value % 2 == 0,
    "false": lambda value: value is False,
    "float": lambda value: isinstance(value, float),
    "ge": lambda value, other: value >= other,
    "greaterthan": lambda value, other: value > other,
    "gt": lambda value, other: value > other,
    "in": lambda value, other: value in other,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "iterable": lambda value: isinstance(value, (str, list, tuple, dict)),
    "le": lambda value, other: value <= other,
    "lessthan": lambda value, other: value < other,
    "lt": lambda value, other: value < other,
    "mapping": lambda value: isinstance(value, dict),
    "ne": lambda value, other: value != other,
    "none": lambda value: value is None,
    "number": _is_number,
    "odd": lambda value: _is_number(value) and value % 2 == 1,
    "sequence": lambda value: isinstance(value, (str, list, tuple)),
    "string": lambda value: isinstance(value, str),
    "true": lambda value: value is True,
    "undefined": lambda value: isinstance(value, Missing),
}

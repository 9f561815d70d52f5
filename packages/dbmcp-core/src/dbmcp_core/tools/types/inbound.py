"""The way in: what a caller sent becomes the values that are bound, where it is plain what was meant."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from dbmcp_core.tools.types.formats import FORMATS, TEMPORAL
from dbmcp_core.tools.types.nodes import MAX_DEPTH, Node, Path, Problems
from dbmcp_core.values import to_text

__all__ = ["MAX_JSON_TEXT", "as_json", "bound", "exact_float", "is_number", "take"]

#: Characters of a JSON text that stands for a list or an object.
MAX_JSON_TEXT = 10_000_000
#: Values in one argument that nothing is declared of.
MAX_VALUES = 1_000_000
#: Characters of a number that is given as a text, and its greatest power of ten: far past every database's.
_MAX_DIGITS, _MAX_POWER = 1_000, 400

_number = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?").fullmatch
_integer = re.compile("[+-]?[0-9]+").fullmatch
_TRUE, _FALSE = {"true", "yes", "on", "1", "t", "y"}, {"false", "no", "off", "0", "f", "n"}


class _Unfit(ValueError):
    """The value isn't of its type; the message says more than that, or is empty."""


def take(node: Node, value: Any, path: Path, problems: Problems) -> Any:
    """Return *value* as the type has it, dates and times still as texts; what is wrong is added to *problems*."""
    if value is None:
        if not node.takes_null:
            problems.add(path, f"{node.wanted}, not null")
        return None
    try:
        value = _CONVERT[node.type](value)
    except _Unfit as exc:
        node.refuse(path, str(exc) or node.wanted, value, problems, show=True)
        return value
    if node.type == "array":
        value = _take_items(node, value, path, problems)
    elif node.type == "object":
        value = _take_properties(node, value, path, problems)
    node.check(value, path, problems, show=True)
    return value


def _take_items(node: Node, values: list[Any], path: Path, problems: Problems) -> list[Any]:
    if node.items is None:
        _check_free(values, path, problems)
        return values
    found = []
    for index, value in enumerate(values):
        found.append(take(node.items, value, (*path, index), problems))
        if problems.full:  # a list of a million wrong items isn't gone through
            break
    return found


def _take_properties(node: Node, values: Mapping[str, Any], path: Path, problems: Problems) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        inner = node.properties.get(name, node.extra)
        below: Path = (*path, node.name_in_path(name))
        if isinstance(inner, Node):
            found[name] = take(inner, value, below, problems)
        elif inner:
            _check_free(value, below, problems)
            found[name] = value
        else:
            problems.add(below, "isn't a property that it has")
        if problems.full:
            break
    for name in node.spec.required:
        if name not in values:
            problems.add((*path, name), "is missing")
    return found


def _check_free(value: Any, path: Path, problems: Problems) -> None:
    """Check that a value that nothing is declared of is JSON; without recursion, which a deep one would exhaust."""
    waiting, count = [(value, len(path))], 0
    while waiting:
        item, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_VALUES:
            problems.add(path, f"is nested deeper than {MAX_DEPTH} levels, or has more than {MAX_VALUES} values")
            return
        if isinstance(item, Mapping):
            if not all(isinstance(key, str) for key in item):
                problems.add(path, "wants objects whose keys are texts")
                return
            waiting += [(inner, depth + 1) for inner in item.values()]
        elif isinstance(item, (list, tuple)):
            waiting += [(inner, depth + 1) for inner in item]
        elif isinstance(item, (float, Decimal)) and not is_number(item):
            problems.add(path, "wants numbers that JSON has, no NaN and no infinity")
            return


def bound(node: Node, value: Any) -> Any:
    """Return *value*, as ``take`` gave it, with its dates and times as such."""
    if value is None or not node.binds:
        return value
    if isinstance(value, str):
        return FORMATS[node.spec.format](value) if node.spec.format in TEMPORAL else value
    if isinstance(value, list):
        return [bound(node.items, item) for item in value] if node.items else value
    return {name: _bound_property(node.properties.get(name, node.extra), item) for name, item in value.items()}


def _bound_property(node: Node | bool, value: Any) -> Any:
    return bound(node, value) if isinstance(node, Node) else value


# What is sent for each type


def _to_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (bool, uuid.UUID)) or is_number(value):
        return to_text(value)
    raise _Unfit


def _to_number(value: Any) -> int | float | Decimal:
    if isinstance(value, str):
        value = _spelt(value)
    if not is_number(value):
        raise _Unfit
    if isinstance(value, Decimal):
        _check_power(value)
        return exact_float(value)
    # A number is a double, as everywhere where JSON is read; a whole one that a double can't hold stays itself.
    return float(value) if isinstance(value, float) or abs(value) <= 2**53 else value


def _to_integer(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str):
        value = _spelt(value)
    if not is_number(value):
        raise _Unfit
    if isinstance(value, Decimal):
        _check_power(value)
    if value != int(value):
        raise _Unfit
    return int(value)


def is_number(value: object) -> bool:
    """Return whether *value* is a number that JSON has."""
    if isinstance(value, Decimal):
        return value.is_finite()
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, int) and not isinstance(value, bool)


def _spelt(text: str) -> int | Decimal:
    stripped = text.strip()
    if len(stripped) > _MAX_DIGITS or not _number(stripped):
        raise _Unfit
    return int(stripped) if _integer(stripped) else Decimal(stripped)


def _check_power(value: Decimal) -> None:
    # int() of 1e999999999 would fill the memory.
    if value and not -_MAX_POWER < value.adjusted() < _MAX_POWER:
        raise _Unfit(f"wants a number whose power of ten is less than {_MAX_POWER}")


def exact_float(value: Decimal) -> float | Decimal:
    """Return the double that is written with the digits of *value*; *value* itself where there is none."""
    number = float(value)
    return number if math.isfinite(number) and Decimal(repr(number)) == value else value


def _to_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        text = value.strip().lower()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
    raise _Unfit


def _to_array(value: Any) -> list[Any]:
    if isinstance(value, str):
        value = as_json(value, "wants a list, or a JSON text of one")
    if isinstance(value, (list, tuple)):
        return list(value)
    raise _Unfit


def _to_object(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        value = as_json(value, "wants an object, or a JSON text of one")
    if not isinstance(value, Mapping):
        raise _Unfit
    if not all(isinstance(key, str) for key in value):
        raise _Unfit("wants an object whose keys are texts")
    return value


def as_json(text: str, wanted: str) -> Any:
    """Return what *text* is as JSON, its numbers exact.

    Raises:
        ValueError: with *wanted*, or with what is beyond the limits.
    """
    if len(text) > MAX_JSON_TEXT:
        raise _Unfit(f"wants a JSON text of at most {MAX_JSON_TEXT} characters")
    try:
        return json.loads(
            text, parse_float=_json_float, parse_constant=_no_constant, object_pairs_hook=_without_duplicates
        )
    except RecursionError:
        raise _Unfit(f"is nested deeper than {MAX_DEPTH} levels") from None
    except _Unfit:
        raise
    except ValueError:
        raise _Unfit(wanted) from None


def _json_float(text: str) -> float | Decimal:
    if len(text) > _MAX_DIGITS:
        raise ValueError("a number of too many digits")
    if len(text) < 16 and "e" not in text and "E" not in text:  # every double keeps as many digits
        return float(text)
    value = Decimal(text)
    _check_power(value)
    return exact_float(value)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of two values for a key, readers take the first, the last or both: a check may see one, and a database the other.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unfit("wants a JSON text in which an object has each of its keys once")
    return found


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} isn't JSON")


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "string": _to_string,
    "number": _to_number,
    "integer": _to_integer,
    "boolean": _to_boolean,
    "array": _to_array,
    "object": _to_object,
}

"""The way out: what a database or a function gave becomes what JSON can say, exactly, or is refused.

No message shows a value: policies may yet have to hide it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import ipaddress
import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

from dbmcp_core.errors import ResultInvalid, UnsupportedError
from dbmcp_core.tools.types.formats import duration_text, interval_duration
from dbmcp_core.tools.types.inbound import as_json, exact_float, is_number
from dbmcp_core.tools.types.nodes import MAX_DEPTH, Node, Path, Problems
from dbmcp_core.values import converted, has_surrogates, to_json, to_text

__all__ = ["Decimals", "give", "to_json_ready"]

#: What becomes of a number that no double is written with: it stays exact, or is rounded to the nearest one.
Decimals = Literal["exact", "float"]

_NAMES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "Decimal": "decimal",
    "bool": "boolean",
    "dict": "object",
    "bytes": "binary value",
    "bytearray": "binary value",
}
_PLAIN = (str, int, float, bool, type(None), list, dict, Decimal, dt.datetime, dt.date)


class _Unfit(ValueError):
    """The value isn't of its type, or can't leave."""


def give(node: Node, value: Any, path: Path, problems: Problems, decimals: Decimals) -> Any:
    """Return *value* as JSON can say it; what isn't as the type has it is added to *problems*."""
    try:
        value = _plain(value)
        if value is None or (decimals == "float" and node.type in ("number", "integer") and _is_infinite(value)):
            return None
        value = _CONVERT[node.type](node, value)
    except (ValueError, UnsupportedError) as exc:
        problems.add(path, str(exc) or f"{node.wanted}, not a {_NAMES.get(type(value).__name__, type(value).__name__)}")
        return None
    if node.type == "array":
        value = _give_items(node, value, path, problems, decimals)
    elif node.type == "object":
        value = _give_properties(node, value, path, problems, decimals)
    if node.check(value, path, problems, show=False) and node.type in ("number", "integer"):
        return _give_number(node, value, path, problems, decimals)
    return value


def _give_items(node: Node, values: Iterable[Any], path: Path, problems: Problems, decimals: Decimals) -> list[Any]:
    if node.items is None:
        return [_give_free(value, (*path, index), problems, decimals) for index, value in enumerate(values)]
    return [give(node.items, value, (*path, index), problems, decimals) for index, value in enumerate(values)]


def _give_properties(
    node: Node, values: Mapping[str, Any], path: Path, problems: Problems, decimals: Decimals
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        inner = node.properties.get(name, node.extra)
        below: Path = (*path, node.name_in_path(name))
        if isinstance(inner, Node):
            found[name] = give(inner, value, below, problems, decimals)
        elif inner:
            found[name] = _give_free(value, below, problems, decimals)
        else:
            problems.add(below, "isn't a property that it may have")
    for name in node.spec.required:
        if name not in values:
            problems.add((*path, name), "is missing")
    return found


def _give_number(node: Node, value: Any, path: Path, problems: Problems, decimals: Decimals) -> Any:
    number = _json_number(value, decimals)
    if isinstance(number, str):
        problems.add(
            path,
            "is a number that a double can't hold exactly: cast it to text and declare it a string, "
            'round it in the query, or set decimals = "float" for the project',
        )
        return None
    return int(number) if node.type == "integer" and number is not None else number


def _is_infinite(value: object) -> bool:
    return isinstance(value, (float, Decimal)) and not is_number(value)


def _give_free(value: Any, path: Path, problems: Problems, decimals: Decimals) -> Any:
    try:
        return _ready(value, decimals, len(path))
    except (ValueError, UnsupportedError) as exc:
        problems.add(path, str(exc))
        return None


def to_json_ready(value: Any, decimals: Decimals = "exact") -> Any:
    """Return *value* as JSON can say it, where no type is declared.

    Dates and times are ISO 8601 with a ``T``, NaN is null, an infinity is a text, bytes are ``{"$bytes": hex}``. A
    number that no double is written with is a text with all its digits, or rounded where *decimals* is ``"float"``.

    Raises:
        ResultInvalid: It has a value of a kind that nobody gave a form, or is nested too deep.
    """
    try:
        return _ready(value, decimals, 0)
    except (ValueError, UnsupportedError) as exc:
        raise ResultInvalid(f"The result can't be told as JSON: it {exc}.") from None


def _ready(value: Any, decimals: Decimals, depth: int) -> Any:
    value = _plain(value)
    if isinstance(value, (str, bool, type(None))):
        return to_json(value)
    if isinstance(value, (int, float, Decimal)):
        return _json_number(value, decimals)
    if depth > MAX_DEPTH:
        raise _Unfit(f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return {name: _ready(item, decimals, depth + 1) for name, item in _named(value).items()}
    if isinstance(value, (set, frozenset)):
        return to_json(value)
    if isinstance(value, (list, tuple)):
        return [_ready(item, decimals, depth + 1) for item in value]
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else to_json(value)


def _json_number(value: float | Decimal, decimals: Decimals) -> int | float | str | None:
    """Return the number as a reader of JSON gets it; its text where a double would be another number.

    An infinity is a text too, and null where numbers are rounded, as MXCP has it.
    """
    if not is_number(value):
        return None if decimals == "float" else to_text(value)
    exact: int | float | Decimal
    if isinstance(value, int):
        # Where numbers are rounded, whole ones needn't be: a reader of doubles rounds them itself.
        exact = value if decimals == "float" or abs(value) <= 2**53 or _is_double(value) else Decimal(value)
    else:
        exact = exact_float(value) if isinstance(value, Decimal) else float(value)
    if not isinstance(exact, Decimal):
        return exact
    rounded = _nearest_double(exact)
    return rounded if decimals == "float" and math.isfinite(rounded) else to_text(value)


def _is_double(value: int) -> bool:
    try:
        return float(value) == value
    except OverflowError:
        return False


def _nearest_double(value: Decimal) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _plain(value: Any) -> Any:
    """Return *value* as one of Python's own kinds; what says that there is no value is None."""
    if type(value) not in _PLAIN:
        value = _opened(value)
    if isinstance(value, Decimal):
        return None if value.is_nan() else value
    if isinstance(value, (float, dt.datetime)) and value != value:  # NaN, and pandas' NaT
        return None
    return value


def _opened(value: Any) -> Any:
    """Open what functions return; what is there is asked of its own methods, which can fail as all code can."""
    try:
        return _opened_by_kind(value)
    except (_Unfit, UnsupportedError):
        raise
    except Exception as exc:  # noqa: BLE001 - see above
        raise _Unfit(f"can't be read: {type(exc).__name__}") from None


def _opened_by_kind(value: Any) -> Any:
    """Open data classes, pydantic's models, pandas' frames, numpy's vectors, enums."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    kind = type(value)
    if hasattr(kind, "model_dump"):
        return value.model_dump()
    if kind.__name__ == "DataFrame" and hasattr(kind, "to_dict"):
        return value.to_dict(orient="records")
    if kind.__name__ in ("NaTType", "NAType") and kind.__module__.startswith("pandas"):
        return None
    if isinstance(value, Mapping):
        return dict(value)
    try:
        return converted(value)
    except UnsupportedError:
        raise _Unfit(f"is of a kind that JSON has no form for: {kind.__module__}.{kind.__qualname__}") from None


# What is taken for each declared type


def _to_string(node: Node, value: Any) -> str:
    if isinstance(value, str):
        if has_surrogates(value):
            raise _Unfit("wants a text that UTF-8 can hold")
        if node.spec.format == "duration" and (iso := interval_duration(value)):  # as engines spell an interval
            return iso
        return str(value)
    if isinstance(value, dt.datetime) and node.spec.format == "date" and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return duration_text(value) if node.spec.format == "duration" else to_text(value)
    if isinstance(value, (Decimal, uuid.UUID, ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return to_text(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise _Unfit("wants a text, not bytes; encode them in the query, as hex or base64")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise _Unfit("wants a text, not a number; cast it to text in the query")
    raise _Unfit


def _to_number(_node: Node, value: Any) -> int | float | Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise _Unfit
    if not is_number(value):
        raise _Unfit("is an infinity, which JSON doesn't have")
    return value


def _to_integer(node: Node, value: Any) -> int:
    number = _to_number(node, value)
    if isinstance(number, Decimal) and number.adjusted() > 400:
        raise _Unfit("is a number too large for JSON's readers")
    if number != int(number):
        raise _Unfit("wants a whole number, not one with a fraction")
    return int(number)


def _to_boolean(_node: Node, value: Any) -> bool:
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):  # SQLite and MySQL have no boolean
        return bool(value)
    raise _Unfit


def _to_array(_node: Node, value: Any) -> list[Any]:
    if isinstance(value, str):  # a JSON column is a text for many drivers
        value = as_json(value, "wants a list, not a text")
    if isinstance(value, (set, frozenset)):
        return list(to_json(value))
    if not isinstance(value, (list, tuple)):
        raise _Unfit
    return list(value)


def _to_object(_node: Node, value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        value = as_json(value, "wants an object, not a text")
    if not isinstance(value, Mapping):
        raise _Unfit
    return _named(value)


def _named(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return *values* with texts as keys, as JSON has them."""
    named = {name if isinstance(name, str) else to_text(name): item for name, item in values.items()}
    if len(named) < len(values):
        raise _Unfit("has two keys that are one as text")
    return named


_CONVERT: dict[str, Callable[[Node, Any], Any]] = {
    "string": _to_string,
    "number": _to_number,
    "integer": _to_integer,
    "boolean": _to_boolean,
    "array": _to_array,
    "object": _to_object,
}

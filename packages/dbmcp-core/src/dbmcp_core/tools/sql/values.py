"""A parameter's value as each engine's driver takes it, or why it can't be bound there without being changed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from dbmcp_core.errors import ArgumentsInvalid
from dbmcp_core.tools.model import Parameter

__all__ = ["as_json", "bindable", "with_json_lists"]

#: Engines that have neither lists nor objects to bind: they get them as JSON text, which their JSON functions read.
_JSON_TEXT = frozenset({"sqlite", "tsql", "mysql"})
#: Engines whose lists are arrays of one type, so that a list of lists or objects is JSON text there.
_ARRAYS = frozenset({"postgres", "databricks"})
#: Engines whose drivers bind no time of day.
_NO_TIME = frozenset({"sqlite", "databricks"})
#: Engines whose times of day have no zone.
_NO_ZONE = frozenset({"mysql", "tsql"})
#: What a number may have: by dialect, the whole numbers from and below, the digits of a decimal, and whose they are.
_NUMBERS: dict[str, tuple[int, int, int, str]] = {
    "sqlite": (-(2**63), 2**63, 0, "SQLite's"),
    "duckdb": (-(2**127), 2**128, 38, "DuckDB's"),
    "databricks": (1 - 10**38, 10**38, 38, "Databricks'"),
    "tsql": (1 - 10**38, 10**38, 38, "SQL Server's"),
    "mysql": (1 - 10**65, 10**65, 65, "MySQL's"),
}
_AS_TEXT = "Declare it as a string, and CAST it where the statement wants a number."


def bindable(value: Any, dialect: str, name: str = "") -> Any:
    """Return *value*, of the parameter *name*, as the driver takes it.

    A list or an object is JSON text where the database has neither. PostgreSQL and Databricks take lists as arrays, and
    as JSON text those that hold lists or objects, since an array of those can't be; an object is ``jsonb`` in
    PostgreSQL, and JSON text in Databricks, whose maps have values of one type. DuckDB takes both as they are.

    Raises:
        ArgumentsInvalid: The engine has nothing that holds this value as it is.
    """
    if isinstance(value, (list, tuple, dict)):
        if dialect in _JSON_TEXT or (dialect in _ARRAYS and isinstance(value, (list, tuple)) and _is_nested(value)):
            return as_json(value)
        if isinstance(value, dict):
            return as_json(value) if dialect == "databricks" else _struct(value, dialect, name)
        return _array(value, dialect, name)
    if isinstance(value, dt.time) and dialect in _NO_TIME:
        return value.isoformat()
    if isinstance(value, dt.time) and value.tzinfo is not None and dialect in _NO_ZONE:
        raise ArgumentsInvalid(
            f"{_named(name)} has a time zone, and the engine's times have none.",
            hint="Give it without 'Z' and offset, in the zone of the data.",
        )
    if isinstance(value, (int, Decimal)):
        _check_number(value, dialect, name)
    return value


def with_json_lists(arguments: Mapping[str, Any], parameters: Iterable[Parameter], dialect: str) -> Mapping[str, Any]:
    """Return *arguments* with JSON text for empty lists of what is declared as lists or objects, as for full ones."""
    if dialect not in _ARRAYS:
        return arguments
    empty = {
        one.name: "[]"
        for one in parameters
        if arguments.get(one.name) == [] and one.items is not None and one.items.type in ("array", "object")
    }
    return {**arguments, **empty}


def _is_nested(value: Collection[Any]) -> bool:
    return any(isinstance(item, (list, tuple, dict)) for item in value)


def _struct(value: dict[str, Any], dialect: str, name: str) -> dict[str, Any]:
    if dialect != "duckdb":
        return value
    wrong = next((key for key in value if not key or "\0" in key), None)
    if wrong is not None:
        raise ArgumentsInvalid(
            f"{_named(name)}: DuckDB has no field with the name {wrong!r}.",
            hint="Declare it as a string of JSON, and write $name::JSON.",
        )
    return {key: bindable(item, dialect, name) for key, item in value.items()}


def _array(value: Collection[Any], dialect: str, name: str) -> list[Any]:
    """Return *value* with its numbers as one type, all exact: a driver would round, or refuse, what is mixed."""
    items = [bindable(item, dialect, name) for item in value]
    kinds = {type(item) for item in items if item is not None}
    if len(kinds) > 1 and kinds <= _NUMERIC:
        exact = Decimal in kinds or any(isinstance(item, int) and abs(item) > 2**53 for item in items)
        items = [item if item is None else Decimal(str(item)) if exact else float(item) for item in items]
    elif len(kinds) > 1 and kinds & {list, dict}:
        raise ArgumentsInvalid(
            f"{_named(name)} has a list of lists or objects and other values, and a list has items of one type.",
            hint="Declare it as a string of JSON, and write $name::JSON.",
        )
    elif len(kinds) > 1 and dialect in _ARRAYS:
        told = " and ".join(sorted(_KINDS.get(kind, kind.__name__) for kind in kinds))
        raise ArgumentsInvalid(
            f"{_named(name)} is a list of {told}, and an array has items of one type.",
            hint="Declare the type of its items; what is mixed goes as an object, which is JSON.",
        )
    numbers = [item for item in items if isinstance(item, Decimal)]
    if numbers and dialect in _NUMBERS:
        _check_digits(numbers, dialect, name)
    return items


_NUMERIC = {int, float, Decimal}
_KINDS: dict[type, str] = {
    str: "texts",
    int: "numbers",
    float: "numbers",
    Decimal: "numbers",
    bool: "booleans",
    dt.date: "dates",
    dt.datetime: "dates with a time",
    dt.time: "times",
}


def _check_number(value: int | Decimal, dialect: str, name: str) -> None:
    """Raise for a number that a driver would refuse in words of its own, or round."""
    if dialect not in _NUMBERS or isinstance(value, bool):
        return
    least, end, _, whose = _NUMBERS[dialect]
    if isinstance(value, Decimal):
        _check_digits([value], dialect, name)
    elif not least <= value < end:
        raise ArgumentsInvalid(f"{_named(name)} is beyond {whose} whole numbers.", hint=_AS_TEXT)


def _check_digits(values: Collection[Decimal], dialect: str, name: str) -> None:
    """Raise where no one type of the engine's decimals has the digits of all *values*."""
    _, _, most, whose = _NUMBERS[dialect]
    parts = [value.as_tuple() for value in values]
    scale = max(0, *(-int(part.exponent) for part in parts))
    digits = scale + max(0, *(len(part.digits) + int(part.exponent) for part in parts))
    if digits > most:
        has = f"decimals have {most} digits at the most" if most else "only fractions are doubles"
        raise ArgumentsInvalid(f"{_named(name)} needs {digits} digits, and {whose} {has}.", hint=_AS_TEXT)


def _named(name: str) -> str:
    return "A value" if not name or name.startswith("__") else f"The parameter {name!r}"


def as_json(value: Any) -> str:
    """Return *value* as JSON text. What JSON has no form for is text in it; a NaN is refused."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_text)
    except (TypeError, ValueError, RecursionError) as exc:
        raise ArgumentsInvalid(f"A value can't be written as JSON: {exc}.") from exc


def _text(value: object) -> str:
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no form in JSON")

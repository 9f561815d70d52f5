"""The SQL types of Python annotations, for plugins' methods, and values of dataclasses on their way."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime as dt
import types
import typing
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

__all__ = ["returned", "sql_type", "taken"]

_PLAIN = {
    str: "VARCHAR",
    bool: "BOOLEAN",
    int: "BIGINT",
    float: "DOUBLE",
    bytes: "BLOB",
    Decimal: "DECIMAL(38, 10)",
    dt.date: "DATE",
    dt.time: "TIME",
    dt.datetime: "TIMESTAMP",
    dt.timedelta: "INTERVAL",
    uuid.UUID: "UUID",
    list: "VARCHAR[]",
    dict: "MAP(VARCHAR, VARCHAR)",
    Any: "VARCHAR",
}
_LISTS = (list, tuple, set, collections.abc.Sequence, collections.abc.Iterable)
_MAPS = (dict, collections.abc.Mapping)


def sql_type(annotation: Any) -> str:
    """Return the type that a value of this annotation has in DuckDB.

    Raises:
        TypeError: There is none.
    """
    annotation = _without_none(annotation)
    if isinstance(annotation, typing.Hashable) and annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return sql_type(parts[0])
    if origin is typing.Literal:
        return sql_type(type(parts[0]))
    if origin in _LISTS and parts:
        return f"{sql_type(parts[0])}[]"
    if origin in _MAPS and len(parts) == 2:
        return f"MAP({sql_type(parts[0])}, {sql_type(parts[1])})"
    if fields := _fields(annotation):
        named = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}" {sql_type(kind)}' for name, kind in fields.items())
        return f"STRUCT({named})"
    raise TypeError(f"{annotation!r} is no type of DuckDB's")


def taken(annotation: Any) -> Callable[[Any], Any] | None:
    """Return what makes an argument of this annotation out of what DuckDB gives, if anything must."""
    annotation = _without_none(annotation)
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return lambda value: None if value is None else annotation(**value)
    return None


def returned(value: Any) -> Any:
    """Return *value* as DuckDB takes it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, (tuple, set)):
        return [returned(part) for part in value]
    if isinstance(value, list):
        return [returned(part) for part in value]
    return value


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(annotation) if part is not types.NoneType]
        if len(parts) == 1:
            return parts[0]
    return annotation


def _fields(annotation: Any) -> dict[str, Any]:
    """Return the fields of a dataclass, a TypedDict or a NamedTuple."""
    if not isinstance(annotation, type):
        return {}
    if dataclasses.is_dataclass(annotation) or typing.is_typeddict(annotation) or hasattr(annotation, "_fields"):
        return typing.get_type_hints(annotation)
    return {}

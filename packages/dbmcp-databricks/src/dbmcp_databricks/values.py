"""Arrow's columns as Python's rows, with nothing lost: what Python's types can't hold comes as text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.types as pt  # type: ignore[import-untyped]

from dbmcp_core.statement import Column

__all__ = ["columns_of", "rows_of"]

_SQL_NAME = b"Spark:DataType:SqlName"


def columns_of(described: Sequence[Sequence[Any]], table: pa.Table) -> list[Column]:
    """Return the header of a result, with Databricks' own names of the types where it sends them."""
    fields = list(table.schema)
    return [
        Column(entry[0], _type_name(entry, fields[number] if number < len(fields) else None))
        for number, entry in enumerate(described)
    ]


def _type_name(entry: Sequence[Any], field: pa.Field | None) -> str:
    name = (field.metadata or {}).get(_SQL_NAME) if field is not None else None
    if name:
        return str(name.decode(errors="replace")).lower()
    kind, precision, scale = entry[1], entry[4], entry[5]
    return f"decimal({precision},{scale})" if kind == "decimal" and precision is not None else str(kind)


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    """Return the rows of *table*."""
    columns = [[value for chunk in column.chunks for value in _values(chunk)] for column in table.columns]
    return list(zip(*columns, strict=True))


def _values(array: pa.Array) -> list[Any]:
    for applies, convert in _CONVERTERS:
        if applies(array.type):
            return convert(array)
    return list(array.to_pylist())


def _lists(array: pa.Array) -> list[Any]:
    values, offsets = _values(array.values), array.offsets.to_pylist()
    found = [values[start:end] for start, end in pairwise(offsets)]
    return _with_nulls(array, found)


def _maps(array: pa.Array) -> list[Any]:
    keys, items, offsets = _values(array.keys), _values(array.items), array.offsets.to_pylist()
    pairs = [list(zip(keys[start:end], items[start:end], strict=True)) for start, end in pairwise(offsets)]
    return _with_nulls(array, [_dict(some) for some in pairs])


def _structs(array: pa.Array) -> list[Any]:
    names = [field.name for field in array.type]
    columns = [_values(child) for child in array.flatten()]
    rows = zip(*columns, strict=True) if columns else [()] * len(array)
    return _with_nulls(array, [_dict(list(zip(names, row, strict=True))) for row in rows])


def _dict(pairs: list[tuple[Any, Any]]) -> Any:
    """Return a dict, or the pairs where a key can't be one or comes twice."""
    try:
        found = dict(pairs)
    except TypeError:
        return [list(pair) for pair in pairs]
    return found if len(found) == len(pairs) else [list(pair) for pair in pairs]


def _with_nulls(array: pa.Array, values: list[Any]) -> list[Any]:
    if not array.null_count:
        return values
    return [value if is_valid else None for value, is_valid in zip(values, array.is_valid().to_pylist(), strict=True)]


def _singles(array: pa.Array) -> list[Any]:
    """Take the shortest digits that mean the same 4-byte number: 0.1, not 0.10000000149011612."""
    return [None if text is None else float(text) for text in array.cast(pa.string()).to_pylist()]


def _dates(array: pa.Array) -> list[Any]:
    try:
        return list(array.to_pylist())
    except (ValueError, OverflowError):
        return [None if days is None else _date(days) for days in array.cast(pa.int32()).to_pylist()]


def _timestamps(array: pa.Array) -> list[Any]:
    zone = dt.UTC if array.type.tz else None
    units = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[array.type.unit]
    try:
        return list(array.to_pylist())
    except (ValueError, OverflowError):
        counts = array.cast(pa.int64()).to_pylist()
        return [None if count is None else _moment(count, units, zone) for count in counts]


def _date(days: int) -> dt.date | str:
    try:
        return dt.date(1970, 1, 1) + dt.timedelta(days)
    except OverflowError:
        return _iso(days)


def _moment(count: int, units: int, zone: dt.tzinfo | None) -> dt.datetime | str:
    try:
        return dt.datetime(1970, 1, 1, tzinfo=zone) + dt.timedelta(microseconds=count * 1_000_000 // units)
    except OverflowError:
        days, rest = divmod(count, 86_400 * units)
        seconds, part = divmod(rest, units)
        fraction = f".{part:0{len(str(units)) - 1}}".rstrip("0") if part else ""
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"
        return f"{_iso(days)} {clock}{'+00:00' if zone else ''}"


def _iso(days: int) -> str:
    """Return the date of a day beyond Python's years, which repeat after 400."""
    cycles, day = divmod(days, 146_097)
    date = dt.date(1970, 1, 1) + dt.timedelta(day)
    year = date.year + 400 * cycles
    return f"{'-' if year < 0 else ''}{abs(year):04}-{date:%m-%d}"


def _durations(array: pa.Array) -> list[Any]:
    units = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[array.type.unit]
    return [None if count is None else _span(count, units) for count in array.cast(pa.int64()).to_pylist()]


def _span(count: int, units: int) -> str:
    """Return an interval as Spark writes it: ``1 02:03:04.5``, a minus before all of it."""
    whole, part = divmod(abs(count), units)
    fraction = f".{part:0{len(str(units)) - 1}}".rstrip("0") if part else ""
    clock = f"{whole // 3600 % 24:02}:{whole // 60 % 60:02}:{whole % 60:02}{fraction}"
    return f"{'-' if count < 0 else ''}{whole // 86_400} {clock}"


def _months(array: pa.Array) -> list[Any]:
    return [
        None if value is None else f"{value.months} months {value.days} days {_span(value.nanoseconds, 10**9)[2:]}"
        for value in array.to_pylist()
    ]


_CONVERTERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], list[Any]]], ...] = (
    (pt.is_map, _maps),
    (lambda kind: pt.is_list(kind) or pt.is_large_list(kind), _lists),
    (pt.is_struct, _structs),
    (pt.is_float32, _singles),
    (pt.is_date, _dates),
    (pt.is_timestamp, _timestamps),
    (pt.is_duration, _durations),
    (pt.is_interval, _months),
)

"""SQL Server's values without loss: what Python holds exactly as a Python value, all else as text."""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from dbmcp_core.errors import QueryFailed

__all__ = ["CONVERTERS", "LATE_CONVERTERS", "may_be_clr", "parameter", "type_name"]

_EPOCH = dt.datetime(1900, 1, 1)  # noqa: DTZ001 - the types have no zone
_INTEGERS = {3: "tinyint", 5: "smallint", 10: "int", 19: "bigint"}


def _fraction(nanoseconds: int) -> str:
    return f".{nanoseconds // 100:07}"


def _moment(raw: bytes) -> tuple[dt.datetime, int]:
    """Read ODBC's structure, to the microsecond and, in full, its nanoseconds."""
    year, month, day, hour, minute, second, nanoseconds = struct.unpack("<h5HI", raw)
    return dt.datetime(year, month, day, hour, minute, second, nanoseconds // 1000), nanoseconds  # noqa: DTZ001


def _timestamp(raw: bytes) -> dt.datetime | str:
    """Read a ``datetime2``, which comes as ODBC's structure, or a ``datetime`` or ``smalldatetime`` as on the wire."""
    if len(raw) == 8:
        days, ticks = struct.unpack("<iI", raw)
        return _EPOCH + dt.timedelta(days=days, milliseconds=(ticks * 20 + 3) // 6)  # 300 in a second
    if len(raw) == 4:
        days, minutes = struct.unpack("<HH", raw)
        return _EPOCH + dt.timedelta(days=days, minutes=minutes)
    moment, nanoseconds = _moment(raw)
    return moment if nanoseconds % 1000 == 0 else moment.isoformat(" ", "seconds") + _fraction(nanoseconds)


def _zoned(raw: bytes) -> dt.datetime | str:
    moment, nanoseconds = _moment(raw[:16])
    hours, minutes = struct.unpack("<hh", raw[16:])
    moment = moment.replace(tzinfo=dt.timezone(dt.timedelta(hours=hours, minutes=minutes)))
    if nanoseconds % 1000 == 0:
        return moment
    text = moment.isoformat(" ", "seconds")
    return f"{text[:19]}{_fraction(nanoseconds)} {text[19:]}"


def _time(raw: bytes) -> dt.time | str:
    hour, minute, second, nanoseconds = struct.unpack("<3HxxI", raw)
    if nanoseconds % 1000 == 0:
        return dt.time(hour, minute, second, nanoseconds // 1000)
    return f"{hour:02}:{minute:02}:{second:02}{_fraction(nanoseconds)}"


def _whole(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


#: By the driver's type: what pyodbc can't read, or reads with a loss. First of all, what a sql_variant may hold.
CONVERTERS: dict[int, Callable[[bytes], Any]] = {-15: _whole, -16: _whole, -25: _whole, -28: lambda raw: raw[0]}
#: Set after a statement ran: a converter takes the column's type away from the header.
LATE_CONVERTERS: dict[int, Callable[[bytes], Any]] = {93: _timestamp, -154: _time, -155: _zoned, -151: bytes}


def may_be_clr(column: Sequence[Any]) -> bool:
    """Tell whether a column of pyodbc's description can be a hierarchyid or the like: a binary without a length."""
    return column[1] is bytearray and column[3] in (0, 2**31 - 1) and not column[5]


def type_name(column: Sequence[Any]) -> str:
    """Return the type of a column of pyodbc's description, as far as the driver tells it.

    It doesn't tell char from varchar from nvarchar from xml, money from decimal(19,4), datetimeoffset(0) from a binary.
    """
    kind, size, precision, scale = column[1], column[3], column[4], column[5]
    if kind is int:
        return _INTEGERS.get(precision, "int")
    if kind is float:
        return "real" if precision <= 24 else "float"
    if kind is Decimal:
        return f"decimal({precision},{scale})"
    if kind is dt.datetime:
        return "smalldatetime" if precision == 16 else "datetime" if precision == 23 else f"datetime2({scale})"
    if kind is dt.time:
        return f"time({scale})"
    if kind is bytearray and scale:
        return f"datetimeoffset({scale})"
    if kind in (str, bytearray):
        length = size if 0 < size <= (4000 if kind is str else 8000) else "max"
        return f"{'nvarchar' if kind is str else 'varbinary'}({length})"
    return {bool: "bit", dt.date: "date", uuid.UUID: "uniqueidentifier"}.get(kind, "")


def parameter(value: Any) -> Any:
    """Return *value* as pyodbc sends it without loss."""
    if isinstance(value, (list, tuple, set, dict)):  # a list would be a table to pyodbc
        raise QueryFailed(f"A {type(value).__name__} can't be a value here.", hint="Send it as JSON text.")
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.isoformat()  # pyodbc would drop the zone
    if isinstance(value, dt.date) and value.year < 1753:
        return value.isoformat()  # of the first of them, FreeTDS sends the day before
    if isinstance(value, dt.time):
        if value.tzinfo is not None:
            raise QueryFailed("SQL Server's time has no zone.", hint="Send the time without one, or a date with it.")
        return value.isoformat() if value.microsecond else value  # pyodbc would drop the fraction of the second
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    if abs(value) >= 10**38:
        raise QueryFailed("SQL Server's numbers have 38 digits at the most.", hint="Send it as text.")
    return value if -(2**63) <= value < 2**63 else Decimal(value)

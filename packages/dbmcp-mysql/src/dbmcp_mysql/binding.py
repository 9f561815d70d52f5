"""Parameters as the binary protocol takes them: each as a value of its own type, or not at all."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import math
import struct
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from pymysql.constants import FIELD_TYPE as TYPE  # type: ignore[import-untyped]

from dbmcp_core.errors import QueryFailed

__all__ = ["bound", "message"]

#: Type, flag of unsigned ones, bytes.
Bound = tuple[int, int, bytes]

_MOST = dt.timedelta(hours=839)


def _counted(raw: bytes) -> bytes:
    size = len(raw)
    if size < 251:
        return bytes([size]) + raw
    if size < 1 << 16:
        return b"\xfc" + struct.pack("<H", size) + raw
    return (b"\xfd" + struct.pack("<I", size)[:3] if size < 1 << 24 else b"\xfe" + struct.pack("<Q", size)) + raw


def _bound_int(value: int) -> Bound:
    if -(1 << 63) <= value < 1 << 63:
        return TYPE.LONGLONG, 0, struct.pack("<q", value)
    if 0 <= value < 1 << 64:
        return TYPE.LONGLONG, 0x80, struct.pack("<Q", value)
    return _bound_decimal(Decimal(value))


def _bound_float(value: float) -> Bound:
    if not math.isfinite(value):
        raise QueryFailed(f"MySQL has no {value} to bind.")
    return TYPE.DOUBLE, 0, struct.pack("<d", value)


def _bound_decimal(value: Decimal) -> Bound:
    if not value.is_finite() or len(text := format(value, "f")) > 80:
        raise QueryFailed("MySQL's DECIMAL has at most 65 digits and no NaN.", hint="Send it as text.")
    return TYPE.NEWDECIMAL, 0, _counted(text.encode())


def _bound_datetime(value: dt.datetime) -> Bound:
    if value.tzinfo is not None:
        raise QueryFailed(
            "A date and time with a zone can't be bound: MySQL's DATETIME has none.",
            hint="Give it without 'Z' and offset, in the zone of the data.",
        )
    parts = (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
    return TYPE.DATETIME, 0, b"\x0b" + struct.pack("<HBBBBBI", *parts)


def _bound_date(value: dt.date) -> Bound:
    return TYPE.DATE, 0, b"\x04" + struct.pack("<HBB", value.year, value.month, value.day)


def _bound_time(value: dt.time) -> Bound:
    if value.tzinfo is not None:
        raise QueryFailed("MySQL's TIME has no time zone.", hint="Send the time without one, in that of the data.")
    return _bound_span(
        dt.timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    )


def _bound_span(value: dt.timedelta) -> Bound:
    span = abs(value)
    if span >= _MOST:
        raise QueryFailed("MySQL's TIME ends at 838:59:59.")
    minutes, second = divmod(span.seconds, 60)
    parts = (value < dt.timedelta(0), span.days, minutes // 60, minutes % 60, second, span.microseconds)
    return TYPE.TIME, 0, b"\x0c" + struct.pack("<BIBBBI", *parts)


def _bound_bytes(value: bytes) -> Bound:
    return TYPE.BLOB, 0, _counted(bytes(value))


def _bound_text(value: object) -> Bound:
    try:
        return TYPE.VAR_STRING, 0, _counted(str(value).encode())
    except UnicodeEncodeError:
        raise QueryFailed("A text with half a character (a lone surrogate) can't be sent.") from None


def _bound_json(value: object) -> Bound:
    try:
        return _bound_text(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as exc:
        raise QueryFailed(f"A value that is not JSON can't be sent: {exc}.") from exc


_BOUND: tuple[tuple[type | tuple[type, ...], Callable[[Any], Bound]], ...] = (
    (str, _bound_text),
    (int, _bound_int),
    (float, _bound_float),
    (Decimal, _bound_decimal),
    ((bytes, bytearray, memoryview), _bound_bytes),
    (dt.datetime, _bound_datetime),
    (dt.date, _bound_date),
    (dt.time, _bound_time),
    (dt.timedelta, _bound_span),
    ((list, tuple, dict), _bound_json),
    ((uuid.UUID, ipaddress.IPv4Address, ipaddress.IPv6Address), _bound_text),
)


def bound(value: Any) -> Bound:
    """Return a parameter's type, the flag of unsigned ones, and its bytes.

    Raises:
        QueryFailed: MySQL has nothing that holds this value as it is.
    """
    if value is None:
        return TYPE.NULL, 0, b""
    for kinds, make in _BOUND:
        if isinstance(value, kinds):
            return make(value)
    raise QueryFailed(f"A value of {type(value).__name__} can't be bound.", hint="Send it as text.")


def message(number: int, params: Sequence[Any]) -> bytes:
    """Return what executes the prepared statement of that *number*; its rows come as a stream, without a cursor."""
    head = struct.pack("<IBI", number, 0, 1)
    if not params:
        return head
    values = [bound(value) for value in params]
    nulls = sum(1 << index for index, value in enumerate(params) if value is None)
    types = b"".join(bytes((kind, unsigned)) for kind, unsigned, _ in values)
    return b"".join(
        (head, nulls.to_bytes((len(values) + 7) // 8, "little"), b"\x01", types, *(raw for *_, raw in values))
    )

"""Values as the binary protocol sends them, without loss: what Python holds exactly, or else the server's own text.

https://mariadb.com/kb/en/resultset-row/#binary-resultset-row
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from pymysql.constants import FIELD_TYPE as TYPE  # type: ignore[import-untyped]

from dbmcp_core.values import UndecodedText

__all__ = ["BINARY", "ENUM", "SET", "UNSIGNED", "Reader", "reader", "row", "text_reader"]

#: What makes a value of its bytes, and how many they are: 0 where their number stands before them.
Reader = tuple[int, Callable[[bytes], Any]]

BINARY = 63  # the character set of what isn't text
UNSIGNED, ENUM, SET = 0x20, 0x100, 0x800
_INTEGERS = {TYPE.TINY: "b", TYPE.SHORT: "h", TYPE.YEAR: "h", TYPE.INT24: "i", TYPE.LONG: "i", TYPE.LONGLONG: "q"}
_DECIMALS = (TYPE.DECIMAL, TYPE.NEWDECIMAL)


def _digits(micros: int, scale: int) -> str:
    return f".{micros:06}"[: scale + 1] if 0 < scale <= 6 else f".{micros:06}" if micros else ""


def _date(raw: bytes) -> Any:
    year, month, day = struct.unpack_from("<HBB", raw.ljust(4, b"\0"))
    try:
        return dt.date(year, month, day)
    except ValueError:  # MySQL has days and months 0
        return f"{year:04}-{month:02}-{day:02}"


def _datetime(scale: int) -> Callable[[bytes], Any]:
    def read(raw: bytes) -> Any:
        year, month, day, hour, minute, second, micros = struct.unpack("<HBBBBBI", raw.ljust(11, b"\0"))
        try:
            return dt.datetime(year, month, day, hour, minute, second, micros)  # noqa: DTZ001 - it has no zone
        except ValueError:
            date = f"{year:04}-{month:02}-{day:02}"
            return f"{date} {hour:02}:{minute:02}:{second:02}{_digits(micros, scale)}"

    return read


def _time(scale: int) -> Callable[[bytes], Any]:
    """Return what reads TIME: a time of day where it is one, else MySQL's own text for a span."""

    def read(raw: bytes) -> Any:
        is_negative, days, hour, minute, second, micros = struct.unpack("<BIBBBI", raw.ljust(12, b"\0"))
        if not is_negative and not days:
            return dt.time(hour, minute, second, micros)
        sign = "-" if is_negative else ""
        return f"{sign}{days * 24 + hour:02}:{minute:02}:{second:02}{_digits(micros, scale)}"

    return read


def _float(raw: bytes) -> float:
    """Return the shortest decimal that is this 4-byte float: 0.1, not 0.10000000149011612."""
    exact: float = struct.unpack("<f", raw)[0]
    for digits in (6, 7, 8):
        short = float(f"{exact:.{digits}g}")
        try:
            if struct.pack("<f", short) == raw:
                return short
        except OverflowError:  # rounded up past the largest one
            continue
    return exact


def _text(raw: bytes) -> str | UndecodedText:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return UndecodedText(raw)


def _decimal(raw: bytes) -> Decimal:
    return Decimal(raw.decode())


def _bits(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def reader(field: Any) -> Reader:
    """Return what reads a column of *field* in binary rows."""
    kind = field.type_code
    if kind in _INTEGERS:
        code = "<" + (_INTEGERS[kind].upper() if field.flags & UNSIGNED else _INTEGERS[kind])
        form = struct.Struct(code)
        return form.size, lambda raw: form.unpack(raw)[0]
    if kind == TYPE.FLOAT:
        return 4, _float
    if kind == TYPE.DOUBLE:
        return 8, lambda raw: struct.unpack("<d", raw)[0]
    if kind in (TYPE.DATE, TYPE.NEWDATE):
        return 0, _date
    if kind in (TYPE.DATETIME, TYPE.TIMESTAMP):
        return 0, _datetime(field.scale)
    if kind == TYPE.TIME:
        return 0, _time(field.scale)
    return 0, _by_length(field)


def _by_length(field: Any) -> Callable[[bytes], Any]:
    if field.type_code in _DECIMALS:
        return _decimal
    if field.type_code == TYPE.BIT:
        return _bits
    is_bytes = field.type_code == TYPE.GEOMETRY or (field.charsetnr == BINARY and field.type_code != TYPE.JSON)
    return bytes if is_bytes else _text


def text_reader(field: Any) -> Callable[[bytes], Any]:
    """Return what reads a column of *field* in rows of text, which only statements that can't be prepared have."""
    if field.type_code in _INTEGERS:
        return int
    if field.type_code in (TYPE.FLOAT, TYPE.DOUBLE):
        return float
    if field.type_code in (TYPE.DATE, TYPE.NEWDATE, TYPE.DATETIME, TYPE.TIMESTAMP, TYPE.TIME, TYPE.NULL):
        return _text
    return _by_length(field)


def row(data: bytes, readers: Sequence[Reader]) -> tuple[Any, ...]:
    """Return the values of one binary row.

    Raises:
        ValueError: It isn't one.
    """
    position = 1 + (len(readers) + 9) // 8
    nulls = int.from_bytes(data[1:position], "little") >> 2
    values: list[Any] = []
    for size, read in readers:
        if nulls & 1:
            values.append(None)
        else:
            if not size:
                size = data[position]
                position += 1
                if size > 250:
                    size, position = _length(data, position)
            values.append(read(data[position : position + size]))
            position += size
        nulls >>= 1
    if position != len(data) or data[0]:
        raise ValueError("a row that is cut short")
    return tuple(values)


def _length(data: bytes, position: int) -> tuple[int, int]:
    end = position + {252: 2, 253: 3, 254: 8}[data[position - 1]]
    return int.from_bytes(data[position:end], "little"), end

"""The names of types, from what the protocol tells of a column."""

from __future__ import annotations

from typing import Any

from pymysql.constants import FIELD_TYPE as TYPE  # type: ignore[import-untyped]

from dbmcp_mysql.reading import BINARY, ENUM, SET, UNSIGNED

__all__ = ["type_name"]

_NAMES = {
    TYPE.TINY: "tinyint",
    TYPE.SHORT: "smallint",
    TYPE.INT24: "mediumint",
    TYPE.LONG: "int",
    TYPE.LONGLONG: "bigint",
    TYPE.FLOAT: "float",
    TYPE.DOUBLE: "double",
    TYPE.DATE: "date",
    TYPE.NEWDATE: "date",
    TYPE.TIME: "time",
    TYPE.DATETIME: "datetime",
    TYPE.TIMESTAMP: "timestamp",
    TYPE.YEAR: "year",
    TYPE.JSON: "json",
    TYPE.GEOMETRY: "geometry",
    TYPE.NULL: "null",
    242: "vector",
}
_NUMBERS = (TYPE.TINY, TYPE.SHORT, TYPE.INT24, TYPE.LONG, TYPE.LONGLONG, TYPE.FLOAT, TYPE.DOUBLE)
_CLOCKS = (TYPE.TIME, TYPE.DATETIME, TYPE.TIMESTAMP)
#: Bytes of a character at the most, in the character set that we ask for.
_CHARACTER = 4
_LONG = ((0xFF, "tiny"), (0xFFFF, ""), (0xFFFFFF, "medium"))


def type_name(field: Any) -> str:
    """Return the type of a column as SQL has it: ``bigint unsigned``, ``decimal(10,2)``, ``varchar(20)``."""
    kind, length = field.type_code, field.length
    unsigned = " unsigned" if field.flags & UNSIGNED else ""
    if kind in (TYPE.DECIMAL, TYPE.NEWDECIMAL):
        # The length counts the point and the sign, too.
        return f"decimal({length - bool(field.scale) - (not unsigned)},{field.scale}){unsigned}"
    if kind == TYPE.TINY and length == 1:
        return f"tinyint(1){unsigned}"  # what BOOLEAN is here
    if kind in _NUMBERS:
        return _NAMES[kind] + unsigned
    if kind in _CLOCKS:
        return _NAMES[kind] + (f"({field.scale})" if 0 < field.scale <= 6 else "")
    return _NAMES.get(kind) or _text_name(field)


def _text_name(field: Any) -> str:
    kind, length, is_binary = field.type_code, field.length, field.charsetnr == BINARY
    if field.flags & (ENUM | SET):
        return "enum" if field.flags & ENUM else "set"
    if kind == TYPE.BIT:
        return f"bit({length})"
    if kind == TYPE.STRING:
        return f"binary({length})" if is_binary else f"char({length // _CHARACTER})"
    if kind in (TYPE.VAR_STRING, TYPE.VARCHAR):
        return f"varbinary({length})" if is_binary else f"varchar({length // _CHARACTER})"
    most = length if is_binary else length // _CHARACTER
    size = next((prefix for limit, prefix in _LONG if most <= limit), "long")
    return f"{size}{'blob' if is_binary else 'text'}"

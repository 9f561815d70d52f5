"""How the values of BSON leave: as plain values where they are as good, else in the notation of the shell."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

from dbmcp_core import values

__all__ = ["kind", "register"]

_DAY_MS = 86_400_000
#: The names of BSON's types by Python's.
_KINDS = {
    "float": "double",
    "str": "string",
    "dict": "object",
    "list": "array",
    "bytes": "binData",
    "ObjectId": "objectId",
    "bool": "bool",
    "datetime": "date",
    "DatetimeMS": "date",
    "NoneType": "null",
    "Regex": "regex",
    "Code": "javascript",
    "int": "int",
    "Timestamp": "timestamp",
    "Int64": "long",
    "Decimal128": "decimal",
    "MinKey": "minKey",
    "MaxKey": "maxKey",
    "UUID": "uuid",
    "Binary": "binData",
    "DBRef": "dbRef",
}


def kind(value: Any) -> str:
    """Return BSON's name for the type of *value*."""
    name = type(value).__name__
    if name == "int" and not -(2**31) <= value < 2**31:
        return "long"
    return _KINDS.get(name, name)


def register() -> None:
    """Tell ``dbmcp_core.values`` how each kind leaves."""
    for name, convert in {
        "bson.objectid.ObjectId": str,
        "bson.decimal128.Decimal128": lambda value: value.to_decimal(),
        "bson.binary.Binary": _binary,
        "bson.timestamp.Timestamp": lambda value: f"Timestamp({value.time}, {value.inc})",
        "bson.min_key.MinKey": lambda _: "MinKey()",
        "bson.max_key.MaxKey": lambda _: "MaxKey()",
        "bson.regex.Regex": _regex,
        "bson.code.Code": _code,
        "bson.dbref.DBRef": lambda value: dict(value.as_doc()),
        "bson.datetime_ms.DatetimeMS": lambda value: moment(int(value)),
    }.items():
        values.register(name, convert)  # type: ignore[arg-type]


def _binary(value: Any) -> str:
    return f"BinData({value.subtype}, '{base64.b64encode(bytes(value)).decode()}')"


def _regex(value: Any) -> str:
    from bson.regex import Regex

    flags = "".join(sorted(letter for letter, flag in _FLAGS.items() if Regex("", letter).flags & value.flags and flag))
    pattern = value.pattern if isinstance(value.pattern, str) else value.pattern.decode("utf-8", "surrogateescape")
    return f"RegExp({json.dumps(pattern)}, '{flags}')"


_FLAGS = dict.fromkeys("ilmsux", True)


def _code(value: Any) -> str:
    scope = "" if value.scope is None else f", {values.to_text(dict(value.scope))}"
    return f"Code({json.dumps(str(value))}{scope})"


def moment(ms: int) -> str:
    """Return a moment that Python's dates don't reach: ISO 8601 with a sign and at least six digits of year."""
    days, rest = divmod(ms, _DAY_MS)
    # The calendar repeats every 400 years, which are 146,097 days: count them, then ask Python.
    cycles, day = divmod(days + 719_162, 146_097)
    date = dt.date.fromordinal(day + 1)
    clock = dt.datetime(1, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=rest)
    fraction = f".{rest % 1000:03}" if rest % 1000 else ""
    return f"{date.year + 400 * cycles:+07}-{date:%m-%d} {clock:%H:%M:%S}{fraction}+00:00"

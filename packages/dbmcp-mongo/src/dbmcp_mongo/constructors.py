"""The constructors of mongosh whose calls are literals: ``ObjectId("…")``, ``ISODate("…")``, ``NumberLong(1)``, …"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import decimal
import re
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from bson import DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Timestamp
from bson.binary import Binary
from bson.datetime_ms import DatetimeMS
from bson.regex import Regex

__all__ = ["CONSTRUCTORS", "PLAIN", "date", "decimal128", "milliseconds"]

Arguments = Sequence[Any]

_DATE = re.compile(
    r"(?P<year>[0-9]{4}|[-+][0-9]{6})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?)?"
    r"(?:[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    r"\s?(?P<zone>Z|z|[-+][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LEAST, _MOST = -(2**63), 2**63 - 1


def date(text: str) -> dt.datetime | DatetimeMS:
    """Return the moment that ISO 8601 *text* names; one without a zone is UTC."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise ValueError("wants a date as in '2024-02-29T12:00:00Z'")
    year = int(match["year"])
    # Python's years end at 9999; those of the calendar repeat every 400.
    within = year if 1 <= year <= 9999 else 2000 + year % 400
    part = {name: int(match[name] or least) for name, least in (("month", 1), ("day", 1), ("hour", 0), ("minute", 0))}
    second, micro = int(match["second"] or 0), int((match["fraction"] or "0").ljust(6, "0")[:6])
    moment = dt.datetime(within, **part, second=second, tzinfo=dt.UTC)
    ms = round((moment - _EPOCH) / dt.timedelta(milliseconds=1)) + micro // 1000
    ms += (year - within) // 400 * 146_097 * 86_400_000 - _offset(match["zone"])
    return milliseconds(ms)


def _offset(zone: str | None) -> int:
    if zone in (None, "Z", "z"):
        return 0
    digits = str(zone)[1:].replace(":", "").ljust(4, "0")
    ms = (int(digits[:2]) * 60 + int(digits[2:])) * 60_000
    return -ms if str(zone)[0] == "-" else ms


def milliseconds(ms: int) -> dt.datetime | DatetimeMS:
    """Return the moment so many milliseconds from 1970, as Python's type where it reaches."""
    if not _LEAST <= ms <= _MOST:
        raise ValueError("is outside the dates of BSON")
    try:
        return _EPOCH + dt.timedelta(milliseconds=ms)
    except OverflowError:
        return DatetimeMS(int(ms))  # of an Int64 the driver would make no plain number again


def decimal128(text: str) -> Decimal128:
    """Return the decimal that *text* spells, if it can be held with every digit."""
    try:
        return Decimal128(text)
    except decimal.DecimalException:
        raise ValueError("wants a number of up to 34 digits") from None


def _date(arguments: Arguments) -> Any:
    if not arguments:
        return milliseconds(int(dt.datetime.now(dt.UTC).timestamp() * 1000))
    if len(arguments) > 1:
        return _calendar(arguments)
    (one,) = arguments
    if isinstance(one, (dt.datetime, DatetimeMS)):
        return one
    if isinstance(one, str):
        return date(one)
    return milliseconds(_whole(one, _LEAST, _MOST))


def _calendar(arguments: Arguments) -> Any:
    """Return ``new Date(2024, 0, 31, …)``, months from 0, as UTC."""
    year, month, *rest = (_whole(one, 0, 9999) for one in arguments)
    if len(rest) > 5 or year < 100:
        raise ValueError("wants a text as in new Date('2024-02-29T12:00:00Z')")
    day, hour, minute, second, ms = [*rest, *(1, 0, 0, 0, 0)[len(rest) :]]
    moment = dt.datetime(year, month + 1, day, hour, minute, second, tzinfo=dt.UTC)
    return milliseconds(int((moment - _EPOCH).total_seconds()) * 1000 + ms)


def _whole(value: Any, least: int, most: int) -> int:
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]{1,20}", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"wants a whole number from {least} to {most}")
    return int(value)


def _one(arguments: Arguments, default: Any) -> Any:
    if len(arguments) > 1:
        raise ValueError("wants one value")
    return arguments[0] if arguments else default


def _object_id(arguments: Arguments) -> ObjectId:
    if not arguments:
        return ObjectId()
    one = _one(arguments, None)
    if isinstance(one, ObjectId):
        return one
    if not isinstance(one, str) or not re.fullmatch("[0-9a-fA-F]{24}", one):
        raise ValueError("wants 24 hexadecimal digits in quotes")
    return ObjectId(one)


def _decimal(arguments: Arguments) -> Decimal128:
    one = _one(arguments, 0)
    if isinstance(one, bool) or not isinstance(one, (str, int, float)):
        raise ValueError("wants a number in quotes")  # noqa: TRY004 - told with its place, like the others
    return decimal128(str(one))


def _double(arguments: Arguments) -> float:
    one = _one(arguments, 0)
    if isinstance(one, bool) or not isinstance(one, (str, int, float)) or "_" in str(one):
        raise ValueError("wants a number")
    return float(one)


def _uuid(arguments: Arguments) -> Binary:
    one = _one(arguments, None)
    if one is not None and not (isinstance(one, str) and _UUID.fullmatch(one)):
        raise ValueError("wants 32 hexadecimal digits in quotes")
    return Binary.from_uuid(uuid.UUID(one) if one is not None else uuid.uuid4())


def binary(subtype: int, data: bytes) -> Any:
    """Return *data* as BSON has it: plain bytes for subtype 0."""
    return Binary(data, subtype) if subtype else data


def _bin_data(arguments: Arguments) -> Any:
    if len(arguments) != 2 or not isinstance(arguments[1], str):
        raise ValueError("wants a subtype and base64 in quotes")
    try:
        return binary(_whole(arguments[0], 0, 255), base64.b64decode(arguments[1], validate=True))
    except binascii.Error:
        raise ValueError("wants base64 in quotes") from None


def _hex_data(arguments: Arguments) -> Any:
    if len(arguments) != 2 or not isinstance(arguments[1], str):
        raise ValueError("wants a subtype and hexadecimal digits in quotes")
    return binary(_whole(arguments[0], 0, 255), bytes.fromhex(arguments[1]))


def _base64(arguments: Arguments) -> Any:
    """Return ``Binary.createFromBase64('AQI=', 5)``, as the shell shows binary data."""
    if len(arguments) not in (1, 2):
        raise ValueError("wants base64 in quotes and maybe a subtype")
    return _bin_data([arguments[1] if len(arguments) == 2 else 0, arguments[0]])


def _hex(arguments: Arguments) -> Any:
    """Return ``Binary.createFromHexString('0102', 5)``."""
    if len(arguments) not in (1, 2):
        raise ValueError("wants hexadecimal digits in quotes and maybe a subtype")
    return _hex_data([arguments[1] if len(arguments) == 2 else 0, arguments[0]])


def _id_of_time(arguments: Arguments) -> ObjectId:
    """Return the first ObjectId of a second, as it is compared with."""
    return ObjectId(f"{_whole(_one(arguments, None), 0, 2**32 - 1):08x}{0:016x}")


def _utc(arguments: Arguments) -> int:
    """Return the milliseconds of ``Date.UTC(2024, 0, 31)``."""
    if len(arguments) < 2:
        raise ValueError("wants a year and a month")
    milliseconds_of: int = round((_calendar(arguments) - _EPOCH) / dt.timedelta(milliseconds=1))
    return milliseconds_of


def _timestamp(arguments: Arguments) -> Timestamp:
    if len(arguments) == 1 and isinstance(arguments[0], dict) and set(arguments[0]) == {"t", "i"}:
        arguments = [arguments[0]["t"], arguments[0]["i"]]
    if len(arguments) not in (0, 2):
        raise ValueError("wants seconds and a counter")
    seconds, counter = (_whole(one, 0, 2**32 - 1) for one in (arguments or (0, 0)))
    return Timestamp(seconds, counter)


def _dbref(arguments: Arguments) -> DBRef:
    if len(arguments) not in (2, 3) or not all(isinstance(one, str) for one in (arguments[0], *arguments[2:])):
        raise ValueError("wants a collection, an _id and maybe a database")
    return DBRef(*arguments)


def _regex(arguments: Arguments) -> Regex[str]:
    if len(arguments) not in (1, 2) or not all(isinstance(one, str) for one in arguments):
        raise ValueError("wants a pattern and flags in quotes")
    pattern, flags = arguments[0], arguments[1] if len(arguments) == 2 else ""
    unknown = set(flags) - set("imsxgu")
    if unknown or "\0" in pattern or len(set(flags)) != len(flags):
        raise ValueError("has flags that MongoDB doesn't know; there are i, m, s and x")
    # g and u say how a program goes on after a match; a filter only asks whether there is one.
    return Regex(pattern, "".join(sorted(set(flags) - {"g", "u"})))


def _key(kind: Callable[[], Any]) -> Callable[[Arguments], Any]:
    def construct(arguments: Arguments) -> Any:
        if arguments:
            raise ValueError("wants no value")
        return kind()

    return construct


def _int32(arguments: Arguments) -> int:
    return _whole(_one(arguments, 0), -(2**31), 2**31 - 1)


def _int64(arguments: Arguments) -> Int64:
    return Int64(_whole(_one(arguments, 0), _LEAST, _MOST))


CONSTRUCTORS: dict[str, Callable[[Arguments], Any]] = {
    **dict.fromkeys(("ObjectId", "ObjectID", "ObjectId.createFromHexString"), _object_id),
    **dict.fromkeys(("Date", "ISODate"), _date),
    **dict.fromkeys(("NumberLong", "Long", "Long.fromString", "Long.fromNumber"), _int64),
    **dict.fromkeys(("NumberInt", "Int32", "Int32.fromString"), _int32),
    **dict.fromkeys(("NumberDecimal", "Decimal128", "Decimal128.fromString"), _decimal),
    "Double": _double,
    "UUID": _uuid,
    "BinData": _bin_data,
    "HexData": _hex_data,
    "Timestamp": _timestamp,
    "MinKey": _key(MinKey),
    "MaxKey": _key(MaxKey),
    "DBRef": _dbref,
    "RegExp": _regex,
    "BSONRegExp": _regex,
    "Binary.createFromBase64": _base64,
    "Binary.createFromHexString": _hex,
    "MD5": lambda arguments: _hex([*arguments, 5]),
    "ObjectId.createFromTime": _id_of_time,
    "Date.UTC": _utc,
    "Date.now": lambda arguments: Int64(_whole(_one(arguments, int(time.time() * 1000)), _LEAST, _MOST)),
}

#: Those that may stand without brackets.
PLAIN = frozenset({"MinKey", "MaxKey"})

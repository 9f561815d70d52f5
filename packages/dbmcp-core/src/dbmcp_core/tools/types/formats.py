"""The formats of a string: what each wants, and the value that is bound for one that is a date or a time.

A text is read as RFC 3339 has it, which is narrower than Python's ``fromisoformat`` (no ``20240131``, no ``2024-W05``),
with three liberties that people and models take: no zone, no seconds, and a date alone where a time could follow.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Callable
from typing import Any

__all__ = ["FORMATS", "TEMPORAL", "duration_text"]

_DATE = "([0-9]{4})-([0-9]{2})-([0-9]{2})"
_CLOCK = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
_ZONE = "([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
_MOMENT = f"{_DATE}(?:[Tt ]{_CLOCK} ?{_ZONE})?"
_SECONDS = r"-?[0-9]{1,12}(?:\.[0-9]+)?"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_DURATION = (
    r"P(?=[0-9T])(?:[0-9]+W|(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+W)?(?:[0-9]+D)?"
    r"(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:[.,][0-9]+)?S)?)?)"
)

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_LABEL = r"[A-Za-z0-9\u0080-\U0010ffff](?:[A-Za-z0-9\u0080-\U0010ffff-]{0,61}[A-Za-z0-9\u0080-\U0010ffff])?"
_EMAIL = (
    rf'(?P<local>{_ATOM}(?:\.{_ATOM})*|"(?:[ !#-\[\]-~]|\\[ -~])*")'
    rf"@(?:{_LABEL}(?:\.{_LABEL})*|\[(?:[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}|IPv6:[0-9A-Fa-f:.]+)\])"
)

_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_URI = (
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    r"(?://(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"  # who
    r"(?:\[(?:[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+)\]"
    r"|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"  # host and port
    rf"(?:/{_PCHAR}*)*"
    rf"|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|{_PCHAR}+(?:/{_PCHAR}*)*|)"
    rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:\#(?:{_PCHAR}|[/?])*)?"
)

#: Compiled when first needed: together they take a fiftieth of a second.
_compiled = functools.cache(re.compile)


def _whole(pattern: str, text: str) -> re.Match[str] | None:
    return _compiled(pattern).fullmatch(text)


def _read_date(text: str) -> dt.date:
    found = _whole(_DATE, text)
    if found is None:
        raise ValueError("wants a date such as 2024-02-29")
    return _calendar_date(*found.groups())


def _calendar_date(year: str, month: str, day: str) -> dt.date:
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        raise ValueError("wants a date that is in the calendar") from None


def _read_time(text: str) -> dt.time:
    found = _whole(_CLOCK + _ZONE, text)
    if found is None:
        raise ValueError("wants a time such as 09:30:00")
    return _clock(*found.groups())


def _read_moment(text: str) -> dt.datetime:
    found = _whole(_MOMENT, text)
    if found is None:
        raise ValueError("wants a date and time such as 2024-02-29T09:30:00Z")
    year, month, day, hour, *rest = found.groups()
    date = _calendar_date(year, month, day)
    return dt.datetime.combine(date, _clock(hour, *rest) if hour else dt.time())


def _read_timestamp(text: str) -> dt.datetime:
    if not _whole(_SECONDS, text):
        return _read_moment(text)
    whole, _, fraction = text.partition(".")
    micros = int((fraction + "000000")[:6])
    try:
        return _EPOCH + dt.timedelta(seconds=int(whole), microseconds=-micros if whole[0] == "-" else micros)
    except OverflowError:
        raise ValueError("wants seconds since 1970 that are in the calendar") from None


def _clock(hour: str, minute: str, second: str | None, fraction: str | None, zone: str | None) -> dt.time:
    micros = int((fraction + "000000")[:6]) if fraction else 0  # no database here keeps more
    try:
        return dt.time(int(hour), int(minute), int(second or 0), micros, _zone(zone))
    except ValueError:
        raise ValueError("wants a time of day that there is, up to 23:59:59") from None


def _zone(text: str | None) -> dt.timezone | None:
    if text is None:
        return None
    if text in "Zz":
        return dt.UTC
    hours, minutes = int(text[1:3]), int(text[-2:] if len(text) > 3 else 0)
    if minutes > 59:
        raise ValueError(text)
    offset = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-offset if text[0] == "-" else offset)


def _check_duration(text: str) -> str:
    """Durations stay texts: P1M is no number of seconds, and a type that hangs on the value helps nobody."""
    if not _whole(_DURATION, text):
        raise ValueError("wants an ISO 8601 duration such as P1DT12H")
    return text


def _check_email(text: str) -> str:
    found = _whole(_EMAIL, text) if len(text) <= 254 else None
    if found is None or len(found["local"]) > 64:
        raise ValueError("wants an e-mail address such as ada@example.org")
    return text


def _check_uri(text: str) -> str:
    if not _whole(_URI, text):
        remedy = "" if text.isascii() else "; what isn't ASCII is written with % signs"
        raise ValueError(f"wants a URI with its scheme, such as https://example.org/path{remedy}")
    return text


_interval = re.compile(
    r"(?:(?P<year>-?[0-9]+) years?)? ?(?:(?P<month>-?[0-9]+) (?:months?|mons?))? ?(?:(?P<day>-?[0-9]+) days?)? ?"
    r"(?P<clock>-?[0-9]+:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)?"
).fullmatch

#: What reads each format: it returns the value to bind, or raises a ValueError that never shows the text.
FORMATS: dict[str, Callable[[str], Any]] = {
    "date": _read_date,
    "time": _read_time,
    "date-time": _read_moment,
    "timestamp": _read_timestamp,
    "duration": _check_duration,
    "email": _check_email,
    "uri": _check_uri,
}

#: The formats whose values aren't bound as texts.
TEMPORAL = frozenset({"date", "time", "date-time", "timestamp"})


def duration_text(value: dt.timedelta) -> str:
    """Return *value* as an ISO 8601 duration; one below zero has its sign in front, which ISO 8601-2 allows."""
    span = abs(value)
    minutes, seconds = divmod(span.seconds, 60)
    fraction = f".{span.microseconds:06}".rstrip("0") if span.microseconds else ""
    parts = [(minutes // 60, "H"), (minutes % 60, "M")]
    clock = "".join(f"{count}{letter}" for count, letter in parts if count)
    clock += f"{seconds}{fraction}S" if seconds or fraction else ""
    days = f"{span.days}D" if span.days else ""
    text = f"P{days}T{clock}" if clock else f"P{days or '0D'}"
    return f"-{text}" if value < dt.timedelta() else text


def interval_duration(text: str) -> str | None:
    """Return an interval as engines spell it, ``1 year 2 days 03:04:05.5``, as an ISO 8601 duration; None if it isn't.

    One of mixed signs has no such form, and is none either.
    """
    found = _interval(text)
    if found is None or not any(found.groups()):
        return None
    parts = {name: value for name, value in found.groupdict().items() if value}
    minus = {value.startswith("-") for value in parts.values()}
    if len(minus) > 1:
        return None
    days = "".join(f"{parts[unit].lstrip('-+')}{unit[0].upper()}" for unit in ("year", "month", "day") if unit in parts)
    hours, minutes, seconds = parts.get("clock", "0:0:0").lstrip("-+").split(":")
    whole, _, fraction = seconds.partition(".")
    fraction = fraction.rstrip("0")
    exact = f"{int(whole)}.{fraction}" if fraction else str(int(whole))
    counts = ((str(int(hours)), "H"), (str(int(minutes)), "M"), (exact, "S"))
    clock = "".join(f"{count}{letter}" for count, letter in counts if count != "0")
    return ("-" if True in minus else "") + f"P{days}" + (f"T{clock}" if clock else "" if days else "T0S")


def interval_span(text: str) -> dt.timedelta | None:
    """Return an interval as engines spell it; None if it isn't one, or is one of months, which have no length."""
    found = _interval(text)
    if found is None or not (found["day"] or found["clock"]) or found["year"] or found["month"]:
        return None
    clock = found["clock"] or "0:0:0"
    hours, minutes, seconds = clock.lstrip("-").split(":")
    span = dt.timedelta(hours=int(hours), minutes=int(minutes), microseconds=round(float(seconds) * 1_000_000))
    return dt.timedelta(days=int(found["day"] or 0)) + (-span if clock.startswith("-") else span)

"""PostgreSQL's values without loss: what Python holds exactly as a Python value, all else as the server's own text."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg import adapters, postgres, pq
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import AdaptersMap, Dumper, Loader, PyFormat
from psycopg.types import numeric, string
from psycopg.types.array import BaseListDumper, ListDumper

from dbmcp_core.values import MAX_SAFE_INTEGER, UndecodedText
from dbmcp_postgres.parameters import TypedNull, TypedText, TypedTexts

__all__ = ["ADAPTERS", "FORMAT_TYPE", "SESSION", "column_types", "tolerate"]

#: What a session must be set to, whatever its role's defaults are: these decide how the server prints values.
SESSION = {
    "client_encoding": "UTF8",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
}
#: The query for the *look_up* of ``column_types``.
FORMAT_TYPE = "SELECT pg_catalog.format_type($1, $2)"
#: Nested deeper than this, a document stays text: what walks through values does it by recursion.
_DEPTH = 64
#: The types that psycopg's own loaders read exactly; those of the rest build values that lose something, or can fail.
_EXACT = {"bool", "bytea", "float4", "float8", "int2", "int4", "int8", "numeric", "oid", "uuid"}


def _text(data: Buffer) -> str | UndecodedText:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        return UndecodedText(data)


class _AnyText(Loader):
    """Text of a database that doesn't check what it stores."""

    def load(self, data: Buffer) -> str | UndecodedText:
        return _text(data)


def _parsed(parse: Callable[[str], Any]) -> type[Loader]:
    """Return a loader that leaves as text what *parse* can't hold exactly."""

    class Parsed(Loader):
        def load(self, data: Buffer) -> Any:
            text = _text(data)
            try:
                return parse(text) if isinstance(text, str) else text
            except (ValueError, ArithmeticError, RecursionError):
                return text

    return Parsed


def _dated(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let *parse* see only what has a year of four digits after Christ: no ``infinity`` either."""

    def checked(text: str) -> Any:
        if text[4:5] != "-" or text.endswith("BC"):
            raise ValueError(text)
        return parse(text)

    return checked


def _time(text: str) -> dt.time:
    if text.startswith("24"):  # the end of the day, which newer Pythons would take for its beginning
        raise ValueError(text)
    return dt.time.fromisoformat(text)


def _json(text: str) -> Any:
    """Return an object or an array; text is thus always the JSON text, and null can't be taken for NULL."""
    if not text.lstrip().startswith(("{", "[")):
        raise ValueError(text)
    value = json.loads(text, parse_int=_int, parse_float=_float, object_pairs_hook=_object)
    if text.count("[") + text.count("{") > _DEPTH and _depth(value) > _DEPTH:
        raise ValueError(text)
    return value


def _int(text: str) -> int:
    value = int(text)
    if abs(value) > MAX_SAFE_INTEGER:  # readers of JSON would round it
        raise ValueError(text)
    return value


def _float(text: str) -> float:
    value = float(text)
    if repr(value) != text and Decimal(repr(value)) != Decimal(text):  # it has more digits than a float holds
        raise ValueError(text)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _depth(value: Any) -> int:
    layer, depth = [value], 0
    while layer:
        inner = [child for one in layer for child in (one.values() if isinstance(one, dict) else one)]
        layer, depth = [child for child in inner if isinstance(child, (dict, list))], depth + 1
    return depth


class _Array(Loader):
    """Arrays as lists; those whose indexes don't begin at 1 as text, since a list can't say so."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        loader = adapters.get_loader(oid, pq.Format.TEXT)
        self._load = (loader or string.TextLoader)(oid, context).load

    def load(self, data: Buffer) -> Any:
        return _text(data) if data[0] == ord("[") else self._load(data)


class _Text(Dumper):
    """Text of unknown type, so that it can be compared with anything."""

    def dump(self, obj: str) -> bytes:
        try:
            data = obj.encode()
        except UnicodeEncodeError as exc:
            raise psycopg.DataError("a text with a lone surrogate can't be sent") from exc
        if b"\0" in data:
            raise psycopg.DataError("PostgreSQL's text can't hold a NUL character")
        return data


class _TypedText(_Text):
    oid = postgres.types["text"].oid


class _TypedTexts(ListDumper):
    oid = postgres.types["text"].array_oid

    def upgrade(self, obj: list[Any], format: PyFormat) -> BaseListDumper:  # noqa: A002, ARG002 - psycopg's name
        self.sub_dumper = _Text(str)
        return self


class _TypedNull(Dumper):
    oid = postgres.types["text"].oid

    def dump(self, obj: Any) -> None:  # noqa: ARG002
        return None


class _Number(numeric.IntNumericDumper):
    def dump(self, obj: int) -> bytes:
        return str(Decimal(obj)).encode()  # Decimal has no limit for digits, as str(int) does


class _Int(Dumper):
    """An integer of the type that it would have if it stood in the statement."""

    _by_size = (
        (2**31, numeric.Int4Dumper(numeric.Int4)),
        (2**63, numeric.Int8Dumper(numeric.Int8)),
    )
    _number = _Number(numeric.IntNumeric)

    def get_key(self, obj: int, format: PyFormat) -> type:  # noqa: A002 - psycopg's name
        return self.upgrade(obj, format).cls

    def upgrade(self, obj: int, format: PyFormat) -> Dumper:  # noqa: A002, ARG002
        return next((dumper for limit, dumper in self._by_size if -limit <= obj < limit), self._number)

    def dump(self, obj: int) -> bytes:
        raise NotImplementedError("upgrade() returns the one that does")


def _plain(value: object) -> str:
    """Return what JSON has no form for as text."""
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


class _Dict(Dumper):
    oid = postgres.types["jsonb"].oid

    def dump(self, obj: dict[str, Any]) -> bytes:
        try:
            return json.dumps(obj, allow_nan=False, default=_plain).encode()
        except (TypeError, ValueError, RecursionError) as exc:
            raise psycopg.DataError(f"a dict that is not JSON can't be sent: {exc}") from exc


_LOADERS: dict[str, type[Loader]] = {
    "date": _parsed(_dated(dt.date.fromisoformat)),
    "timestamp": _parsed(_dated(dt.datetime.fromisoformat)),
    "timestamptz": _parsed(_dated(dt.datetime.fromisoformat)),
    "time": _parsed(_time),
    "timetz": _parsed(_time),
    "json": _parsed(_json),
    "jsonb": _parsed(_json),
    '"char"': _AnyText,  # one byte, of any value
}


_DUMPERS: tuple[tuple[type, type[Dumper]], ...] = (
    *((str, _Text), (int, _Int), (dict, _Dict)),
    *((TypedText, _TypedText), (TypedTexts, _TypedTexts), (TypedNull, _TypedNull)),
)


def _register(context: AdaptContext, text: type[Loader]) -> None:
    context.adapters.register_loader(0, text)  # of every type that isn't built in
    for info in postgres.types:
        if info.name not in _EXACT:
            context.adapters.register_loader(info.oid, _LOADERS.get(info.name, text))
        if info.array_oid:
            context.adapters.register_loader(info.array_oid, _Array)


def _adapters() -> AdaptersMap:
    found = AdaptersMap(adapters)
    _register(found, string.TextLoader)
    for kind, dumper in _DUMPERS:
        found.register_dumper(kind, dumper)
    return found


#: For ``psycopg.connect(context=…)``: how values come and go on every connection, in text format.
ADAPTERS = _adapters()


def tolerate(connection: psycopg.Connection[Any]) -> bool:
    """Expect text in any encoding if the database, one of SQL_ASCII, doesn't check it; return whether it is one.

    There ``client_encoding`` must be SQL_ASCII in place of UTF8, or the server refuses to send what isn't UTF-8; and
    then psycopg takes statements beyond ASCII as bytes only. Elsewhere all text is checked, and psycopg's loader, the
    faster one, can't fail.
    """
    is_unchecked = connection.info.parameter_status("server_encoding") == "SQL_ASCII"
    if is_unchecked:
        _register(connection, _AnyText)
    return is_unchecked


def column_types(result: pq.abc.PGresult, look_up: Callable[[int, int], str]) -> list[str]:
    """Return the columns' types as the database names them, with their modifiers: ``numeric(38,10)``.

    *look_up* is asked for the types that are not built in, by OID and modifier: ``FORMAT_TYPE`` with a cache.
    """
    found = ((result.ftype(index), result.fmod(index)) for index in range(result.nfields))
    return [_built_in(oid, modifier) or look_up(oid, modifier) for oid, modifier in found]


def _built_in(oid: int, modifier: int) -> str | None:
    info = postgres.types.get(oid)
    if info is None or (info.name == "interval" and modifier >= 0) or (info.name in {"bit", "bpchar"} and modifier < 0):
        return None  # the last two have a name of their own without a length, and an interval's fields are its modifier
    numbers = info.typemod.get_modifier(modifier) if modifier >= 0 else None
    head, with_zone, tail = info.regtype.partition(" with")
    name = f"{head}({','.join(map(str, numbers))}){with_zone}{tail}" if numbers else info.regtype
    return f"{name}[]" if oid == info.array_oid else name

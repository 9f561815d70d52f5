"""Values without loss: what Python can't hold as DuckDB does comes as the text that DuckDB gives.

The driver makes 9999-12-31 of an infinite date, days of an interval's months, and microseconds of nanoseconds. So the
types of a result are asked for before it runs, and where one needs it, the statement runs as a subquery under a cast.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb

__all__ = ["described", "is_exact", "wrapped"]

#: Kinds that always come as text, …
_AS_TEXT = {"interval", "timestamp_ns", "time_ns", "timestamptz_ns", "variant", "geometry"}
#: … and kinds that do only where they are infinite.
_FINITE = {"date", "timestamp", "timestamp_s", "timestamp_ms", "timestamp with time zone"}
#: What the driver makes of infinite ones.
_EXTREMES = (dt.date.max, dt.date.min, dt.datetime.max, dt.datetime.min)  # noqa: DTZ901 - a TIMESTAMP has no zone

#: What the name of a type with one of them in it has.
_DOUBTFUL = re.compile("DATE|TIME|INTERVAL|VARIANT|GEOMETRY")

_known: dict[str, Any] = {}


def described(cursor: duckdb.DuckDBPyConnection, text: str, params: Any) -> list[tuple[str, str]] | None:
    """Return names and types of the columns of *text* without running it, or None where DuckDB can't tell."""
    try:
        return [(row[0], row[1]) for row in cursor.execute(f"DESCRIBE {text}", params).fetchall()]
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        raise
    except Exception:  # noqa: BLE001  # running it will say what is wrong with it
        return None


def wrapped(root: duckdb.DuckDBPyConnection, text: str, columns: Sequence[tuple[str, str]]) -> str:
    """Return *text*, or it as a subquery with those *columns* cast that need it; *text* begins in its second line."""
    places = [f"c{number}" for number in range(len(columns))]
    values = [_value(place, _type(root, kind), kind) for place, (_, kind) in zip(places, columns, strict=True)]
    if values == places:
        return text
    # The text is one whole statement by DuckDB's own parser, so it can't close the bracket.
    return f"SELECT {', '.join(values)} FROM (\n{text}\n) AS dbmcp({', '.join(places)})"  # noqa: S608


def is_exact(types: Iterable[Any], row: Sequence[Any]) -> bool:
    """Return whether *row*, with columns of these *types*, is what DuckDB has, though nothing was cast."""
    return all(
        value is None or _target(kind) is None or (kind.id in _FINITE and value not in _EXTREMES)
        for kind, value in zip(types, row, strict=True)
    )


def _type(root: duckdb.DuckDBPyConnection, text: str) -> Any:
    """Return the type that *text* spells; None for what DuckDB can't read back, such as unnamed structs before 2.0."""
    if text not in _known:
        if len(_known) >= 1_000:
            _known.clear()
        with root.cursor() as cursor:  # a failure would spoil the transaction of the statement
            try:
                _known[text] = cursor.sqltype(text)
            except Exception:  # noqa: BLE001
                _known[text] = None
    return _known[text]


def _value(place: str, kind: Any, text: str) -> str:
    if kind is None:
        return f"CAST({place} AS VARCHAR)" if _DOUBTFUL.search(text) else place
    if kind.id in _FINITE:
        union = f"UNION(v {text}, t VARCHAR)"
        return (
            f"CASE WHEN isfinite({place}) THEN CAST({place} AS {union}) "
            f"ELSE CAST(CAST({place} AS VARCHAR) AS {union}) END"
        )
    target = _target(kind)
    return place if target is None else f"CAST({place} AS {target})"


def _target(kind: Any) -> str | None:
    """Return the type to cast *kind* to, with text in the place of what Python can't hold; None if it can."""
    if kind.id in _AS_TEXT | _FINITE:
        return "VARCHAR"
    if kind.id not in {"list", "array", "struct", "tuple", "map", "union"}:
        return None
    parts = [(name, part) for name, part in kind.children if hasattr(part, "id") and (name or kind.id != "union")]
    targets = [_target(part) for _, part in parts]
    if not any(targets):
        return None
    if not all(name for name, _ in parts):
        return "VARCHAR"
    types = [target or str(part) for target, (_, part) in zip(targets, parts, strict=True)]
    if kind.id == "list":
        return f"{types[0]}[]"
    if kind.id == "array":
        return f"{types[0]}[{dict(kind.children)['size']}]"
    if kind.id == "map":
        return f"MAP({types[0]}, {types[1]})"
    named = ", ".join(f"{_quoted(name)} {text}" for (name, _), text in zip(parts, types, strict=True))
    return f"{kind.id.upper()}({named})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

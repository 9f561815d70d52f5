"""The rows of a result in the form that a definition promises: a list of objects, one object, or one value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dbmcp_core.errors import ResultInvalid
from dbmcp_core.statement import Column
from dbmcp_core.tools.model import ReturnType
from dbmcp_core.tools.types.formats import interval_duration, interval_span

__all__ = ["names", "shaped", "unwrapped", "with_durations"]


def shaped(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Any]],
    returns: ReturnType | None,
    *,
    truncated: bool = False,
    numbers_twins: bool = False,
) -> Any:
    """Return *rows* as *returns* says.

    No type and ``array`` give a list of row objects; items that are neither objects nor arrays, on one column, a list
    of values. ``object`` is exactly one row, a scalar is exactly one row of one column. With
    *numbers_twins* the second column of one name gets another.

    Raises:
        ResultInvalid: The result has another form, or two columns have one name and *numbers_twins* is false.
    """
    if returns is None or returns.type == "array":
        if _is_flat(columns, returns):
            return [row[0] for row in rows]
        keys = names(columns, numbers_twins=numbers_twins)
        return [dict(zip(keys, row, strict=True)) for row in rows]
    row = _only(list(rows), truncated=truncated)
    if returns.type == "object":
        return dict(zip(names(columns, numbers_twins=numbers_twins), row, strict=True))
    if len(columns) != 1:
        raise ResultInvalid(
            f"Expected single value, and the result has {len(columns)} columns.",
            hint=f"Select one column, or return an object instead of type {returns.type!r}.",
        )
    return row[0]


def with_durations(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Return *rows* with DuckDB's intervals as MXCP tells them, such as ``P1DT2H0M0S``; months stay months, ``P1M``."""
    places = {place for place, column in enumerate(columns) if column.type == "INTERVAL"}
    if not places:
        return rows
    return [
        [_duration(value) if place in places and isinstance(value, str) else value for place, value in enumerate(row)]
        for row in rows
    ]


def _duration(text: str) -> str:
    span = interval_span(text)
    if span is None:
        return interval_duration(text) or text
    hours, rest = divmod(span.seconds, 3_600)
    fraction = f".{span.microseconds:06}".rstrip("0") if span.microseconds else ""
    return f"P{span.days}DT{hours}H{rest // 60}M{rest % 60}{fraction}S"


def unwrapped(value: Any, returns: ReturnType | None) -> Any:
    """Return what code returned, as MXCP takes it: a list for one object, or one value, is rows.

    Raises:
        ResultInvalid: It has no row, or several.
    """
    if returns is None or returns.type == "array" or not isinstance(value, list):
        return value
    row: Any = _only(value, truncated=False)
    if returns.type != "object" and isinstance(row, dict) and len(row) == 1:
        return next(iter(row.values()))
    return row


def is_plain(returns: ReturnType | None) -> bool:
    """Return whether values stand in a result alone, without the name of the column that they come from."""
    if returns is None or returns.type == "object":
        return False
    return returns.type != "array" or (returns.items is not None and returns.items.type not in ("object", "array"))


def _is_flat(columns: Sequence[Column], returns: ReturnType | None) -> bool:
    return returns is not None and is_plain(returns) and len(columns) == 1


def _only(rows: list[Sequence[Any]], *, truncated: bool) -> Sequence[Any]:
    if not rows:
        raise ResultInvalid("No results returned, and exactly one row was promised.")
    if len(rows) > 1 or truncated:
        many = "more than one" if truncated else str(len(rows))
        raise ResultInvalid(f"Expected single row, and the result has {many}.", hint="Return an array, or LIMIT 1.")
    return rows[0]


def names(columns: Iterable[Column], *, numbers_twins: bool = False) -> list[str]:
    """Return the keys of a row's object.

    *numbers_twins* calls the second column of one name ``a_1``, as MXCP's clients know it.

    Raises:
        ResultInvalid: Two columns have one name, and an object has one value for it.
    """
    if numbers_twins:
        return _numbered(columns)
    found: dict[str, None] = {}
    for column in columns:
        if column.name in found:
            raise ResultInvalid(
                f"Two columns of the result are called {column.name!r}, and an object has one value for a name.",
                hint="Name them apart with AS.",
            )
        found[column.name] = None
    return list(found)


def _numbered(columns: Iterable[Column]) -> list[str]:
    found: list[str] = []
    taken: set[str] = set()  # DuckDB's names are one in either case
    for column in columns:
        name, number = column.name, 0
        while name.lower() in taken:
            number += 1
            name = f"{column.name}_{number}"
        found.append(name)
        taken.add(name.lower())
    return found

"""The rows of a result in the form that a definition promises: a list of objects, one object, or one value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dbmcp_core.errors import ResultInvalid
from dbmcp_core.statement import Column
from dbmcp_core.tools.model import ReturnType

__all__ = ["shaped", "unique"]


def shaped(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Any]],
    returns: ReturnType | None,
    *,
    truncated: bool = False,
    renames: bool = False,
) -> Any:
    """Return *rows* as *returns* says.

    No type and ``array`` give a list of row objects; items that are neither objects nor arrays, on one column, a list
    of values. ``object`` is exactly one row, a scalar is exactly one row of one column. With *renames* the second
    column of one name gets another.

    Raises:
        ResultInvalid: The result has another form, or two columns have one name.
    """
    if returns is None or returns.type == "array":
        if _is_flat(columns, returns):
            return [row[0] for row in rows]
        names = unique(columns) if renames else _names(columns)
        return [dict(zip(names, row, strict=True)) for row in rows]
    row = _only(list(rows), truncated=truncated)
    if returns.type == "object":
        return dict(zip(unique(columns) if renames else _names(columns), row, strict=True))
    if len(columns) != 1:
        raise ResultInvalid(
            f"Expected single value, and the result has {len(columns)} columns.",
            hint=f"Select one column, or return an object instead of type {returns.type!r}.",
        )
    return row[0]


def _is_flat(columns: Sequence[Column], returns: ReturnType | None) -> bool:
    items = returns.items if returns is not None else None
    return items is not None and items.type not in ("object", "array") and len(columns) == 1


def _only(rows: list[Sequence[Any]], *, truncated: bool) -> Sequence[Any]:
    if not rows:
        raise ResultInvalid("No results returned, and exactly one row was promised.")
    if len(rows) > 1 or truncated:
        many = "more than one" if truncated else str(len(rows))
        raise ResultInvalid(f"Expected single row, and the result has {many}.", hint="Return an array, or LIMIT 1.")
    return rows[0]


def _names(columns: Sequence[Column]) -> list[str]:
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ResultInvalid(
            f"Two columns of the result are called {twice!r}, and an object has one value for a name.",
            hint="Name them apart with AS.",
        )
    return names


def unique(columns: Sequence[Column]) -> list[str]:
    """Return a name for each column: of two that are called ``a`` the second is ``a_1``, as DuckDB calls it."""
    taken = {column.name for column in columns}
    found: list[str] = []
    for column in columns:
        name, number = column.name, 0
        while name in found or (number and name in taken):
            number += 1
            name = f"{column.name}_{number}"
        found.append(name)
    return found

"""What ``return`` promises, held to the columns that the text of a query names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from dbmcp_core.guard import columns
from dbmcp_core.settings import nearest
from dbmcp_core.statement import Statement
from dbmcp_core.tools.model import ReturnType, TypeSpec
from dbmcp_core.tools.policies.fields import folded
from dbmcp_core.tools.problems import Severity
from dbmcp_core.tools.sql.shape import is_plain

__all__ = ["return_problems", "strange_fields"]

#: Where in the definition, what, and how bad.
Found = tuple[tuple[str, ...], str, Severity]


def return_problems(
    statements: Iterable[Statement], dialect: str, returns: ReturnType | None, *, numbers_twins: bool = False
) -> Iterator[Found]:
    """Yield where the columns of *statements* can't be what *returns* says, each problem once.

    What a column is called is compared without case: databases have their own minds about it. A column that only the
    database can name, or a query of which the text doesn't tell all columns, may be anything.
    """
    found: dict[Found, None] = {}
    for statement in statements:
        names = columns(statement.text, dialect)
        if names is not None:
            found |= dict.fromkeys(_held(names, returns, numbers_twins=numbers_twins))
    yield from found


def _held(names: Collection[str | None], returns: ReturnType | None, *, numbers_twins: bool) -> Iterator[Found]:
    if is_plain(returns) and returns is not None and (returns.type != "array" or len(names) == 1):
        if len(names) != 1:
            yield ("return", "type"), f"{returns.type!r} wants one column, and the result has {len(names)}", "error"
        return
    known = [name for name in names if name is not None]
    if not numbers_twins:
        for name in dict.fromkeys(name for name in known if known.count(name) > 1):
            yield ("source",), f"two columns of the result are called {name!r}; name them apart with AS", "error"
    route, row = ("return",), returns
    if returns is not None and returns.type == "array":
        route, row = ("return", "items"), returns.items  # type: ignore[assignment]
    if row is None:
        return
    if row.type != "object":
        yield (*route, "type"), f"the result has {len(names)} columns: an item is an 'object', no {row.type!r}", "error"
    else:
        yield from _properties(row, known, route, are_all=len(known) == len(names))


def _properties(row: TypeSpec, names: Collection[str], route: tuple[str, ...], *, are_all: bool) -> Iterator[Found]:
    folded = {name.lower() for name in names}
    if are_all:
        for name in dict.fromkeys((*row.required, *row.properties)):
            if name.lower() in folded:
                continue
            told = f"the result has no column {name!r}{nearest(name, names)}"
            if name in row.required:
                yield (*route, "required"), told, "error"
            else:
                yield (*route, "properties", name), told, "warning"
    if row.additional_properties is False:
        declared = {name.lower() for name in row.properties}
        for name in names:
            if name.lower() not in declared:
                told = f"the column {name!r} is no property, and 'additionalProperties' is false"
                yield (*route, "properties"), f"{told}{nearest(name, row.properties)}", "error"


def strange_fields(statements: Iterable[Statement], dialect: str, fields: Iterable[str]) -> dict[str, str]:
    """Return those of *fields* that no column of *statements* is called, with remedies; nothing that isn't sure."""
    known: set[str] = set()
    for statement in statements:
        names = columns(statement.text, dialect)
        if names is None or None in names:
            return {}
        known.update(name for name in names if name is not None)
    taken = {folded(name) for name in known}
    return {
        field: nearest(field, known) for field in fields if not {folded(field), folded(field.partition(".")[0])} & taken
    }

"""Documents as a table: a column for each field, and none of a document's fields lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from dbmcp_core.database import batch_bytes
from dbmcp_core.errors import QueryFailed
from dbmcp_core.statement import Column
from dbmcp_mongo.command import Command, Document
from dbmcp_mongo.values import kind

__all__ = ["OTHER", "Table", "known_fields"]

#: The last column where a later document may have a field that the first ones don't.
OTHER = "(other fields)"
#: Documents that are looked at for the columns; fewer where they are large, since they wait in memory.
_LOOK, _LOOK_BYTES = 64, 2_000_000
_KEEPING = {"$sort", "$limit", "$skip", "$match", "$sample"}


class Table:
    """Columns for a stream of documents, and its rows.

    The columns are *fields*, then those of the first documents in order of appearance. Where more documents may come
    and *fields* were not known, one more column takes what they have beside, as an object.
    """

    def __init__(self, documents: Iterable[Document], fields: Sequence[str] | None) -> None:
        rest = iter(documents)
        first = _first(rest)
        names = dict.fromkeys(fields or ())
        for document in first:
            names |= dict.fromkeys(document)
        self._names = list(names)
        self._known = set(names)
        self._has_other = fields is None and first.may_go_on
        self._documents = chain(first, rest)
        self.columns = [Column(name, _kinds(first, name)) for name in self._names]
        if self._has_other:
            self.columns.append(Column(OTHER, "object"))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield a row for each document; a field that it doesn't have is None."""
        names, known = self._names, self._known
        for document in self._documents:
            row = [document.get(name) for name in names]
            other = {name: value for name, value in document.items() if name not in known}
            if self._has_other:
                row.append(other or None)
            elif other:
                raise QueryFailed(f"A document has the field {next(iter(other))!r}, which was not expected.")
            yield tuple(row)


class _First(list[Document]):
    """The documents that the columns are found in, and whether there may be more."""

    may_go_on = True


def _first(documents: Iterator[Document]) -> _First:
    first, size = _First(), 0
    for document in islice(documents, _LOOK):
        first.append(document)
        size += batch_bytes([tuple(document.values())])
        if size > _LOOK_BYTES:
            return first
    first.may_go_on = len(first) == _LOOK
    return first


def _kinds(documents: Iterable[Mapping[str, Any]], name: str) -> str:
    kinds = dict.fromkeys(kind(document[name]) for document in documents if name in document)
    kinds.pop("null", None)
    return "|".join(kinds)


def known_fields(command: Command) -> list[str] | None:
    """Return the fields that every document of the answer is made of, where the command says so."""
    if command.name == "find":
        return _included(command.document.get("projection"))
    if command.name != "aggregate":
        return None
    for stage in reversed(command.document["pipeline"]):
        ((name, content),) = stage.items()
        if name == "$project":
            return _included(content)
        if name == "$group":
            return list(content)
        if name == "$count":
            return [content]
        if name not in _KEEPING:
            return None
    return None


def _included(projection: Any) -> list[str] | None:
    if not isinstance(projection, dict):
        return None
    fields = {name: value for name, value in projection.items() if name != "_id"}
    if not any(_includes(value) for value in fields.values()):
        return None
    names = [] if projection.get("_id", 1) in (0, False) else ["_id"]
    return list(dict.fromkeys([*names, *(name.split(".")[0] for name in fields)]))


def _includes(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) and bool(value)

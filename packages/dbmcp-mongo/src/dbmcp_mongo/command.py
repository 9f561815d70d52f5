"""What a query comes to, whichever form it was written in: command documents, and the shape of the answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

__all__ = ["FIELDS", "Command", "Document"]

Document = dict[str, Any]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_READ = _words("comment maxTimeMS collation hint")
#: The commands that can be read at all, and the fields that each may have; what isn't here isn't sent.
FIELDS: dict[str, frozenset[str]] = {
    "find": _READ
    | _words("filter projection sort limit skip batchSize allowDiskUse min max returnKey showRecordId let singleBatch")
    | _words("allowPartialResults"),
    "aggregate": _READ | _words("pipeline cursor allowDiskUse let"),
    "count": _READ | _words("query limit skip fields"),
    "distinct": _READ | _words("key query"),
    "listIndexes": _words("cursor comment maxTimeMS"),
    "listCollections": _words("filter nameOnly authorizedCollections cursor comment maxTimeMS"),
    "collStats": _words("scale comment maxTimeMS"),
    "dbStats": _words("scale freeStorage comment maxTimeMS"),
    "ping": _words("comment maxTimeMS"),
    "explain": _words("verbosity comment maxTimeMS"),
    "insert": _words("documents ordered comment bypassDocumentValidation maxTimeMS"),
    "update": _words("updates ordered comment let bypassDocumentValidation maxTimeMS"),
    "delete": _words("deletes ordered comment let maxTimeMS"),
    "findAndModify": _READ
    | _words("query sort remove update new fields upsert arrayFilters let bypassDocumentValidation"),
    "createIndexes": _words("indexes comment maxTimeMS"),
    "dropIndexes": _words("index comment maxTimeMS"),
    "create": _words(
        """capped size max validator validationLevel validationAction viewOn pipeline collation timeseries
        expireAfterSeconds clusteredIndex comment maxTimeMS"""
    ),
    "collMod": _words("validator validationLevel validationAction viewOn pipeline index expireAfterSeconds comment")
    | _words("maxTimeMS"),
    "drop": _words("comment maxTimeMS"),
}


@dataclass(frozen=True, slots=True)
class Command:
    """One statement. ``document`` goes to the server as it is, ``more`` (of a bulkWrite) after it, in this order.

    ``shape`` says what its answer is: a ``cursor`` of documents, a ``count`` of them, distinct ``values``, or one
    ``document``; a write's is that of its ``name``.
    """

    name: str
    document: Document
    shape: str = "document"
    more: tuple[Document, ...] = field(default=())

    @property
    def collection(self) -> str | None:
        """The collection that the command names, if it names one."""
        target = self.document.get(self.name)
        return target if isinstance(target, str) else None

    def with_fields(self, **fields: Any) -> Self:
        """Return this command with more fields."""
        return replace(self, document={**self.document, **fields})

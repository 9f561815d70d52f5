"""What a query comes to, whichever form it was written in: command documents, and the shape of the answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

__all__ = ["FIELDS", "Command", "Document", "Places"]

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
    "buildInfo": _words("comment maxTimeMS"),
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


class Places:
    """Where in a text the keys of its objects stand, for errors about what was found behind the reader."""

    #: Of a text with more operators than a person writes, the places of the rest aren't worth their memory.
    _MOST = 10_000

    def __init__(self) -> None:
        self._of: dict[tuple[int, str], int] = {}
        self._first: dict[str, int] = {}
        self._kept: list[Document] = []  # as long as they live, no other object has their id

    def add(self, owner: Document, key: str, at: int) -> None:
        """Note that *key* of *owner* stands *at* so many characters from the beginning."""
        if len(self._first) < self._MOST:
            self._first.setdefault(key, at)
        if key.startswith("$") and len(self._kept) < self._MOST:
            self._of[id(owner), key] = at
            self._kept.append(owner)

    def find(self, owner: Document | None, key: str) -> int | None:
        """Return where *key* of *owner* stands, else the first key of that name, None if there is none."""
        return self._of.get((id(owner), key), self._first.get(key))


@dataclass(frozen=True, slots=True)
class Command:
    """One statement. ``document`` goes to the server as it is, ``more`` (of a bulkWrite) after it, in this order.

    ``shape`` says what its answer is: a ``cursor`` of documents, a ``count`` of them, distinct ``values``, the server's
    ``version``, or one ``document``; a write's is that of its ``name``.
    """

    name: str
    document: Document
    shape: str = "document"
    more: tuple[Document, ...] = field(default=())
    places: Places = field(default_factory=Places, compare=False, repr=False)

    @property
    def collection(self) -> str | None:
        """The collection that the command names, if it names one."""
        target = self.document.get(self.name)
        return target if isinstance(target, str) else None

    def with_fields(self, **fields: Any) -> Self:
        """Return this command with more fields."""
        return replace(self, document={**self.document, **fields})

"""Records as rows: which columns there are, and what each of them shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from dbmcp_core.statement import Column

__all__ = ["OTHER", "OWN", "Record", "Table", "kind", "metadata_column", "parts"]

#: A record: its own parts by the names of ``OWN``, and its ``metadata``.
Record = dict[str, Any]
#: The names that are a record's own, with their types; a key of metadata of such a name has ``metadata.`` before it.
OWN = {
    "query": "int",
    "id": "string",
    "distance": "float",
    "document": "string",
    "embedding": "vector",
    "uri": "string",
}
#: The last column where a later record may have a key that the first ones don't.
OTHER = "(other metadata)"
#: What of a record is asked of Chroma for it.
_PARTS = {"document": "documents", "embedding": "embeddings", "uri": "uris", "distance": "distances"}
_PREFIX = "metadata."
#: Records that are looked at for the columns.
_LOOK = 64
#: Keys of metadata that have columns of their own, the most frequent ones; records may have any number of keys.
_COLUMNS = 200
_KINDS = {"str": "string", "bool": "bool", "int": "int", "float": "float", "list": "array", "NoneType": "null"}


def kind(value: Any) -> str:
    """Return the name of a value's type; of an array, with that of its items."""
    if isinstance(value, list) and value:
        return f"array<{kind(value[0])}>"
    return _KINDS.get(type(value).__name__, "object")


def metadata_column(key: str) -> str:
    """Return the name of the column that shows this key of metadata."""
    return f"{_PREFIX}{key}" if key in OWN or key in (OTHER, "metadata") or key.startswith(_PREFIX) else key


def parts(shown: Iterable[str]) -> list[str]:
    """Return what Chroma has to include, so that columns can show *shown*."""
    found = dict.fromkeys(_PARTS.get(one, "metadatas") for one in shown if one not in ("id", "query"))
    return list(found)


class Table:
    """Columns for a stream of records, and its rows.

    Args:
        records: The records.
        own: The columns of the record's own parts.
        has_metadata: Whether columns for the keys of metadata follow: those of the first records, sorted.
        columns: In place of both: the columns by name, and what each shows.
    """

    def __init__(
        self,
        records: Iterable[Record],
        own: Sequence[str],
        *,
        has_metadata: bool = True,
        columns: dict[str, str] | None = None,
    ) -> None:
        rest = iter(records)
        first = list(islice(rest, _LOOK))
        self._records = chain(first, rest)
        self._keys: list[str] = []
        self._has_other = False
        self._shown: dict[str, str] = dict(columns or {one: one for one in own})
        if columns is None and has_metadata:
            seen = Counter(key for record in first for key in record["metadata"] or ())
            self._keys = sorted(sorted(seen, key=lambda key: (-seen[key], key))[:_COLUMNS])
            self._shown |= {metadata_column(key): metadata_column(key) for key in self._keys}
            self._has_other = len(first) == _LOOK or len(seen) > _COLUMNS
        self._known = frozenset(self._keys)
        self.columns = [Column(name, _kinds(first, shows)) for name, shows in self._shown.items()]
        if self._has_other:
            self.columns.append(Column(OTHER, "object"))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield a row for each record; what it doesn't have is None."""
        shown = list(self._shown.values())
        for record in self._records:
            row = [_value(record, one) for one in shown]
            if self._has_other:
                metadata = record["metadata"] or {}
                other = {key: metadata[key] for key in sorted(metadata.keys() - self._known)}
                row.append(other or None)
            yield tuple(row)


def _value(record: Record, shows: str) -> Any:
    if shows in OWN:
        return record.get(shows)
    metadata = record["metadata"]
    if shows == "metadata":
        return metadata
    if metadata is None:
        return None
    return metadata.get(shows[len(_PREFIX) :] if shows.startswith(_PREFIX) else shows)


def _kinds(records: Sequence[Record], shows: str) -> str:
    if shows in OWN:
        return OWN[shows]
    if shows == "metadata":
        return "object"
    kinds = dict.fromkeys(kind(_value(record, shows)) for record in records)
    kinds.pop("null", None)
    return "|".join(kinds)

"""The schema of a collection, which has none: what a sample of its records has."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from dbmcp_chroma.model import Collection
from dbmcp_chroma.reading import Ask
from dbmcp_chroma.table import kind, metadata_column
from dbmcp_core.schema import ColumnInfo, TableName, TableSchema

__all__ = ["describe"]

#: Records that are asked for at once, and keys that are told at the most.
_PAGE, _KEYS = 250, 500


def describe(ask: Ask, collection: Collection, sample_size: int) -> TableSchema:
    """Return the schema of *collection*."""
    count = int(ask("count", collection.id))
    metadatas, documents = _sample(ask, collection, count, sample_size)
    dimension = collection.dimension
    columns = [
        ColumnInfo("id", "string", nullable=False, is_primary_key=True),
        ColumnInfo("document", "string", comment=_share(sum(documents), len(documents))),
        ColumnInfo(
            "embedding",
            f"vector({dimension})" if dimension else "vector",
            nullable=False,
            comment=f"distance: {collection.space}",
        ),
    ]
    return TableSchema(
        TableName(collection.name),
        "collection",
        (*columns, *_columns(metadatas)),
        ("id",),
        comment="; ".join(_notes(collection, len(metadatas))),
        estimated_rows=count,
    )


def _notes(collection: Collection, count: int) -> list[str]:
    function = (collection.function or {}).get("name") or "not said"
    notes = [f"metadata as in a sample of {count} records", f"distance {collection.space}"]
    notes += [f"embedding function: {function}"]
    if collection.metadata:
        notes.append(
            f"metadata of the collection: {json.dumps(collection.metadata, ensure_ascii=False, sort_keys=True)}"
        )
    return notes


def _sample(ask: Ask, collection: Collection, count: int, size: int) -> tuple[list[dict[str, Any]], list[bool]]:
    """Return the metadata of the first records and, where there are more than *size*, of the last, half of each."""
    metadatas: list[dict[str, Any]] = []
    documents: list[bool] = []
    half = size // 2
    parts = [(0, size)] if count <= size else [(0, size - half), (count - half, half)]
    for start, length in parts:
        for offset in range(start, start + length, _PAGE):
            page: dict[str, Any] = {
                "limit": min(_PAGE, start + length - offset),
                "offset": offset,
                "include": ["metadatas", "documents"],
            }
            found = ask("get", collection.id, page)
            metadatas += [one or {} for one in found["metadatas"] or ()]
            documents += [one is not None for one in found["documents"] or ()]
            if len(found["ids"]) < page["limit"]:
                break
    return metadatas, documents


def _columns(metadatas: list[dict[str, Any]]) -> list[ColumnInfo]:
    keys: dict[str, Counter[str]] = {}
    for metadata in metadatas:
        for key, value in metadata.items():
            keys.setdefault(key, Counter())[kind(value)] += 1
    return [_column(key, keys[key], len(metadatas)) for key in sorted(keys)[:_KEYS]]


def _column(key: str, kinds: Counter[str], count: int) -> ColumnInfo:
    seen = kinds.total()
    comment = _share(seen, count)
    if len(kinds) > 1:
        each = ", ".join(f"{name} {times}" for name, times in sorted(kinds.items()))
        comment = f"{comment or 'always there'}: {each}"
    return ColumnInfo(metadata_column(key), "|".join(sorted(kinds)), seen < count, comment=comment)


def _share(seen: int, count: int) -> str | None:
    if seen == count:
        return None
    return f"in {max(100 * seen / count, 0.1):.3g} % of the sample" if seen else "in none of the sample"

"""The schema of a collection, which has none: what a sample of its documents has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bson import json_util
from pymongo.collection import Collection
from pymongo.database import Database as MongoDB

from dbmcp_core.database import batch_bytes
from dbmcp_core.schema import ColumnInfo, IndexInfo, TableName, TableSchema
from dbmcp_mongo.command import Document
from dbmcp_mongo.values import kind

__all__ = ["describe", "list_collections"]

#: Nested fields are told so deep, and so many paths at the most.
_DEPTH = 5
_PATHS = 500
#: Documents of a sample take so much memory, roughly, before the rest of it is left out.
_BYTES = 20_000_000


def list_collections(database: MongoDB[Document]) -> dict[str, Document]:
    """Return what the server says of each collection and view but its own, sorted by name."""
    found = database.list_collections()
    return {
        one["name"]: dict(one) for one in sorted(found, key=lambda one: str(one["name"])) if not _is_own(one["name"])
    }


def _is_own(name: str) -> bool:
    return name.startswith("system.")


def describe(database: MongoDB[Document], info: Document, sample_size: int, limit_ms: int) -> TableSchema:
    """Return the schema of one collection or view; no command of it runs longer than *limit_ms*."""
    name, options = str(info["name"]), info.get("options", {})
    is_view = info.get("type") == "view"
    documents = _sample(database[name], sample_size, limit_ms, is_view=is_view)
    rows = None if is_view else int(database.command("count", name, maxTimeMS=limit_ms)["n"])
    notes = [f"fields as in a sample of {len(documents)} documents"]
    if is_view:
        notes.append(f"a view on {options.get('viewOn')}: {_json(options.get('pipeline', []))}")
    if options.get("validator"):
        notes.append(f"validator: {_json(options['validator'])}")
    if options.get("capped"):
        notes.append("capped")
    columns = _columns(documents)
    return TableSchema(
        TableName(name),
        "view" if is_view else "collection",
        columns,
        ("_id",) if not is_view and any(column.name == "_id" for column in columns) else (),
        () if is_view else _indexes(database, name),
        comment="; ".join(notes),
        estimated_rows=rows,
    )


def _sample(collection: Collection[Document], size: int, limit_ms: int, *, is_view: bool) -> list[Document]:
    """Return the first documents and, where there are more, the last: old ones and new ones, the same at each look."""
    first = _within(collection.find(limit=size + 1, max_time_ms=limit_ms))
    if len(first) <= size:
        return first
    if is_view:  # has no last ones
        return first[:size]
    half = size // 2
    return first[: size - half] + _within(collection.find(sort=[("$natural", -1)], limit=half, max_time_ms=limit_ms))


def _within(documents: Iterable[Document]) -> list[Document]:
    """Return the first *documents*, all that fit into the memory that a look may take."""
    found, size = [], 0
    for document in documents:
        found.append(document)
        size += batch_bytes([tuple(document.values())])
        if size > _BYTES:
            break
    return found


@dataclass
class _Field:
    kinds: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)
    seen: set[int] = field(default_factory=set)


def _columns(documents: list[Document]) -> tuple[ColumnInfo, ...]:
    fields: dict[str, _Field] = {}
    for number, document in enumerate(documents):
        _look(document, "", number, fields, 0)
    count = len(documents)
    return tuple(_column(path, fields[path], count) for path in sorted(fields, key=_order(fields)))


def _order(fields: dict[str, _Field]) -> Any:
    """Return the key that puts nested fields behind the one that they are in, in order of appearance."""
    place = {path: number for number, path in enumerate(fields)}

    def key(path: str) -> list[int]:
        parts = path.split(".")
        return [place.get(".".join(parts[: depth + 1]), place[path]) for depth in range(len(parts))]

    return key


def _look(document: Document, prefix: str, number: int, fields: dict[str, _Field], depth: int) -> None:
    for name, value in document.items():
        path = f"{prefix}{name}"
        if path not in fields and len(fields) >= _PATHS:
            continue
        found = fields.setdefault(path, _Field())
        found.seen.add(number)
        found.kinds[kind(value)] += 1
        items = value if isinstance(value, list) else [value]
        if isinstance(value, list):
            found.items.update(kind(item) for item in value)
        for item in items:
            if isinstance(item, dict) and depth < _DEPTH:
                _look(item, f"{path}.", number, fields, depth + 1)


def _column(path: str, found: _Field, count: int) -> ColumnInfo:
    items = "|".join(sorted(found.items))
    kinds = [name if name != "array" or not items else f"array<{items}>" for name, _ in found.kinds.most_common()]
    share = 100 * len(found.seen) / count
    always = len(found.seen) == count
    comment = None if always else f"in {max(share, 0.1):.3g} % of the sample"
    if len(kinds) > 1:
        each = ", ".join(f"{name} {times}" for name, times in found.kinds.most_common())
        comment = f"{comment or 'always there'}: {each}"
    named = [name for name in kinds if name != "null"] or kinds
    nullable = not always or "null" in kinds
    return ColumnInfo(path, "|".join(sorted(named)), nullable, path == "_id", comment=comment)


def _indexes(database: MongoDB[Document], name: str) -> tuple[IndexInfo, ...]:
    return tuple(_index(dict(one)) for one in database[name].list_indexes() if one["name"] != "_id_")


def _index(found: Document) -> IndexInfo:
    partial = found.get("partialFilterExpression")
    where = _json(partial) if partial else None
    return IndexInfo(str(found["name"]), tuple(found["key"]), bool(found.get("unique")), where)


def _json(value: Any) -> str:
    return json_util.dumps(value, json_options=json_util.RELAXED_JSON_OPTIONS)

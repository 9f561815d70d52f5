"""Reads: records in pages, the nearest ones of each query, counts, and the list of collections."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from dbmcp_chroma.model import Collection
from dbmcp_chroma.request import Request
from dbmcp_chroma.table import Record, Table, parts
from dbmcp_core.errors import NotFound, QueryFailed, ResourceExhausted
from dbmcp_core.settings import nearest
from dbmcp_core.statement import Column

__all__ = ["TOGETHER", "Ask", "find", "matching", "read", "vectors"]

#: Asks Chroma for something: the operation, and its arguments.
Ask = Callable[..., Any]
#: Records of the first page and of the largest; bytes that a page should have.
_FIRST, _MOST, _BYTES = 65, 256, 1 << 20
#: Ids that are asked for at once, where nothing else is.
_IDS = 1_000
#: Ids that are sent at once beside a filter: what Chroma takes for both grows with the square of their number.
TOGETHER = 500
#: Numbers of all vectors that one query gives back.
_NUMBERS = 2_000_000
_DEFAULT = ["metadatas", "documents"]
_FILTERS = ("ids", "where", "where_document")


def find(ask: Ask, name: str | None) -> Collection:
    """Return the collection called *name*.

    Raises:
        NotFound: naming the nearest one that there is.
    """
    try:
        found: Collection = ask("collection", name)
    except NotFound as exc:
        names = [one.name for one in ask("collections")]
        hint = nearest(str(name)[:100], names).strip(" ()").capitalize() or None
        raise NotFound(f"There is no collection {name!r}.", hint=hint, details={"table": name}) from exc
    return found


def read(ask: Ask, request: Request) -> tuple[list[Column], Iterator[tuple[Any, ...]]]:
    """Return the header of the answer, and its rows as they are asked for."""
    if request.operation == "list_collections":
        return _list(ask)
    collection = find(ask, request.collection)
    if request.operation == "count":
        number = _count(ask, collection, request.fields)
        return [Column("count", "int")], iter([(number,)])
    fields = dict(request.fields)
    if request.operation == "peek":
        fields = {"limit": 10, "include": ["metadatas", "documents", "embeddings"], **fields}
    if request.operation == "query":
        table = _nearest(ask, collection, fields)
    else:
        include = parts(fields["columns"].values()) if "columns" in fields else fields.get("include", _DEFAULT)
        records = _pages(ask, collection, fields, [one for one in include if one != "distances"])
        table = Table(records, _own(include), has_metadata="metadatas" in include, columns=fields.get("columns"))
    return table.columns, table.rows()


def _own(include: list[str], *before: str) -> list[str]:
    names = {"documents": "document", "embeddings": "embedding", "uris": "uri"}
    return [*before, "id"] + [name for part, name in names.items() if part in include]


def _list(ask: Ask) -> tuple[list[Column], Iterator[tuple[Any, ...]]]:
    kinds = {"name": "string", "count": "int", "dimension": "int", "distance": "string"}
    kinds |= {"embedding_function": "string", "metadata": "object"}
    rows = (
        (
            one.name,
            ask("count", one.id),
            one.dimension,
            one.space,
            (one.function or {}).get("name"),
            one.metadata or None,
        )
        for one in ask("collections")
    )
    return [Column(name, kind) for name, kind in kinds.items()], rows


def _count(ask: Ask, collection: Collection, fields: dict[str, Any]) -> int:
    if any(fields.get(key) for key in _FILTERS):
        return sum(1 for _ in matching(ask, collection, fields))
    return int(ask("count", collection.id))


def _filters(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: fields[key] for key in _FILTERS if fields.get(key)}


def matching(ask: Ask, collection: Collection, fields: dict[str, Any]) -> Iterator[str]:
    """Yield the ids of the records that the filters of *fields* let through."""
    filters = _filters(fields)
    ids = filters.pop("ids", None)
    if ids is None:
        yield from _matching(ask, collection, filters)
        return
    for start in range(0, len(ids), TOGETHER):
        yield from _matching(ask, collection, {**filters, "ids": ids[start : start + TOGETHER]})


def _matching(ask: Ask, collection: Collection, filters: dict[str, Any]) -> Iterator[str]:
    offset = 0
    while True:
        page = {**filters, "limit": _IDS, "offset": offset, "include": []}
        ids = ask("get", collection.id, page)["ids"]
        yield from ids
        if len(ids) < _IDS:
            return
        offset += len(ids)


def _pages(ask: Ask, collection: Collection, fields: dict[str, Any], include: list[str]) -> Iterator[Record]:
    """Yield records, page by page: a few at first, more as long as they stay small."""
    offset, left, size = fields.get("offset", 0), fields.get("limit"), _FIRST
    filters = _filters(fields)
    if len(filters) > 1 and len(filters.get("ids", ())) > TOGETHER:
        filters = {"ids": list(matching(ask, collection, filters))}
        if not filters["ids"]:  # which would be no filter
            return
    if "embeddings" in include and collection.dimension:
        size = max(1, min(size, _BYTES // (8 * collection.dimension)))
    while left is None or left > 0:
        wanted = size if left is None else min(size, left)
        page = {**filters, "limit": wanted, "offset": offset, "include": include}
        found = ask("get", collection.id, page)
        yield from _records(found)
        count = len(found["ids"])
        if count < wanted:
            return
        offset += count
        left = None if left is None else left - count
        size = _next_size(found, count)


def _next_size(found: dict[str, Any], count: int) -> int:
    """Return how many records fit a page, by those of the last one."""
    size = len(found["ids"]) * 64 + sum(len(one or "") for one in found.get("documents") or ())
    size += sum(8 * len(one) for one in found.get("embeddings") or () if one is not None)
    size += sum(len(json.dumps(one)) for one in found.get("metadatas") or ())
    return max(1, min(_MOST, 2 * count, _BYTES * count // max(size, 1)))


def _records(found: dict[str, Any], **more: Any) -> Iterator[Record]:
    names = (("documents", "document"), ("embeddings", "embedding"), ("uris", "uri"), ("distances", "distance"))
    columns = {name: found[part] for part, name in names if found.get(part) is not None}
    metadatas = found.get("metadatas") or [None] * len(found["ids"])
    for place, (one, metadata) in enumerate(zip(found["ids"], metadatas, strict=True)):
        yield {"id": one, "metadata": metadata, **{name: items[place] for name, items in columns.items()}, **more}


# The nearest


def _nearest(ask: Ask, collection: Collection, fields: dict[str, Any]) -> Table:
    include = (
        parts(fields["columns"].values()) if "columns" in fields else fields.get("include", [*_DEFAULT, "distances"])
    )
    most = fields["n_results"]
    if "embeddings" in include and most * (collection.dimension or 1) > _NUMBERS:
        raise ResourceExhausted(
            f"{most:,} vectors of {collection.dimension:,} numbers are too many for one answer.",
            hint="Leave the embeddings out, or ask for fewer results.",
        )
    found = vectors(ask, collection, fields.get("query_embeddings"), fields.get("query_texts"), asking=True)
    filters = _filters(fields)
    if "ids" in filters:  # of an id that isn't there Chroma makes an error of its own
        filters = {"ids": list(matching(ask, collection, filters))}
    records = _ranked(ask, collection, found, fields, {**filters, "include": _asked(include)})
    before = ["query", "id", "distance"] if "distances" in include else ["query", "id"]
    own = before + [one for one in _own(include) if one != "id"]
    return Table(records, own, has_metadata="metadatas" in include, columns=fields.get("columns"))


def _asked(include: list[str]) -> list[str]:
    """Return what Chroma has to include; distances always, for they are the order."""
    return list(dict.fromkeys([*include, "distances"]))


def _ranked(
    ask: Ask, collection: Collection, found: list[list[float]], fields: dict[str, Any], more: dict[str, Any]
) -> Iterator[Record]:
    """Yield the nearest records of each vector, nearest first; those that are equally near by their ids."""
    most, offset = fields["n_results"], fields.get("offset", 0)
    is_empty = collection.dimension is None or ("ids" in more and not more["ids"])
    for number, vector in enumerate(found if not is_empty else ()):
        answer = ask("query", collection.id, vector, {**more, "n_results": most})
        ranked = sorted(_records(answer, query=number), key=lambda one: (one["distance"], one["id"]))
        yield from ranked[offset:most]


def vectors(
    ask: Ask, collection: Collection, given: list[Any] | None, texts: list[str] | None, *, asking: bool
) -> list[Any]:
    """Return the vectors that are *given*, or that the collection's embedding function makes of *texts*.

    Raises:
        QueryFailed: They have another length than the collection's.
    """
    found = given if given is not None else ask("embed", collection.function, texts, asking)
    key = "query_embeddings" if asking else "embeddings"
    for place, vector in enumerate(found):
        if vector is not None and collection.dimension not in (None, len(vector)):
            what = f"{key}[{place}]" if given is not None else "What the embedding function makes"
            raise QueryFailed(
                f"{what} has {len(vector)} numbers, those of {collection.name!r} have {collection.dimension}.",
                hint="Give vectors of the model that the collection was filled with."
                if given is not None
                else "Set embedding_function to the one that the collection was filled with, or give vectors.",
                details={"reason": "dimension", "expected": collection.dimension},
            )
    return list(found)

"""Writes: what they change is counted before, for Chroma itself is silent about ids that it passes over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dbmcp_chroma.model import Collection
from dbmcp_chroma.reading import TOGETHER, Ask, find, matching, vectors
from dbmcp_chroma.request import Request
from dbmcp_core.errors import LimitExceeded, QueryFailed
from dbmcp_core.statement import Outcome

__all__ = ["write"]

#: Ids that an error names.
_NAMED = 5


def write(ask: Ask, request: Request, most: int) -> Outcome:
    """Run a write of at most *most* records at once."""
    if request.operation == "create_collection":
        ask("create", request.collection, request.fields)
        return Outcome()
    collection = find(ask, request.collection)
    if request.operation == "delete_collection":
        # Chroma itself leaves the lists in metadata behind, and gives them to later records of other collections:
        # https://github.com/chroma-core/chroma/issues/7594. Records that are deleted one by one take theirs along.
        _empty(ask, collection)
        ask("drop", collection.name)
        return Outcome()
    if request.operation == "modify_collection":
        ask("modify", collection.id, request.fields)
        return Outcome()
    return Outcome(_WRITES[request.operation](ask, collection, request, most))


def _add(ask: Ask, collection: Collection, request: Request, most: int) -> int:
    records = request.fields
    _check_count(records["ids"], most)
    there = list(matching(ask, collection, {"ids": records["ids"]}))
    if there:
        named = ", ".join(repr(one[:60]) for one in there[:_NAMED]) + (", …" if len(there) > _NAMED else "")
        raise QueryFailed(
            f"{len(there)} of the ids are in {collection.name!r} already: {named}. Nothing was added.",
            hint="The operation 'upsert' changes them.",
            details={"reason": "duplicate"},
        )
    ask("add", collection.id, _embedded(ask, collection, records))
    return len(records["ids"])


def _upsert(ask: Ask, collection: Collection, request: Request, most: int) -> int:
    records = request.fields
    _check_count(records["ids"], most)
    ask("upsert", collection.id, _embedded(ask, collection, records))
    return len(records["ids"])


def _update(ask: Ask, collection: Collection, request: Request, most: int) -> int:
    records = request.fields
    _check_count(records["ids"], most)
    there = set(matching(ask, collection, {"ids": records["ids"]}))
    keep = [place for place, one in enumerate(records["ids"]) if one in there]
    if not keep:
        return 0
    found = {key: [values[place] for place in keep] for key, values in records.items()}
    if "embeddings" in found:
        vectors(ask, collection, found["embeddings"], None, asking=False)
    elif any(one is not None for one in found.get("documents", ())):  # a new text has a new vector
        texts = [(place, one) for place, one in enumerate(found["documents"]) if one is not None]
        made = vectors(ask, collection, None, [one for _, one in texts], asking=False)
        found["embeddings"] = [None] * len(keep)
        for (place, _), vector in zip(texts, made, strict=True):
            found["embeddings"][place] = vector
    ask("update", collection.id, found)
    return len(keep)


def _empty(ask: Ask, collection: Collection) -> None:
    while ids := ask("get", collection.id, {"limit": TOGETHER, "offset": 0, "include": []})["ids"]:
        ask("delete", collection.id, {"ids": ids})


def _delete(ask: Ask, collection: Collection, request: Request, most: int) -> int:  # noqa: ARG001 - in parts anyway
    there = list(matching(ask, collection, request.fields))
    if "ids" not in request.fields:  # one request, which Chroma does as a whole
        ask("delete", collection.id, request.fields)
        return len(there)
    for start in range(0, len(there), TOGETHER):
        ask("delete", collection.id, {"ids": there[start : start + TOGETHER]})
    return len(there)


_WRITES: dict[str, Callable[[Ask, Collection, Request, int], int]] = {
    "add": _add,
    "upsert": _upsert,
    "update": _update,
    "delete": _delete,
}


def _embedded(ask: Ask, collection: Collection, records: dict[str, Any]) -> dict[str, Any]:
    """Return the records with a vector for each."""
    return {
        **records,
        "embeddings": vectors(ask, collection, records.get("embeddings"), records.get("documents"), asking=False),
    }


def _check_count(ids: list[str], most: int) -> None:
    if len(ids) > most:
        raise LimitExceeded(
            f"{len(ids):,} records are more than Chroma writes at once, {most:,}; nothing was written.",
            hint="Send them in parts.",
        )

"""Records to write, and settings of a collection: checked before Chroma sees them.

Not all of what Chroma takes is good for it: a key ``chroma:document`` in metadata ends its background worker, and with
it everything on the server.
"""

from __future__ import annotations

from typing import Any

from dbmcp_chroma.checks import fail, is_number, number, scalar, shown, text, texts, vector, vectors
from dbmcp_core.settings import nearest

__all__ = ["configuration", "ids", "metadata", "records"]

#: Characters of an id, and keys of one record's metadata.
_ID, _KEYS, _KEY = 10_000, 1_000, 1_000
#: What of an index may be set, and the largest good value.
_INDEX = {
    "space": 0,
    "ef_construction": 10_000,
    "max_neighbors": 1_000,
    "ef_search": 10_000,
    "num_threads": 256,
    "batch_size": 100_000,
    "sync_threshold": 1_000_000,
    "resize_factor": 10,
}
_CHANGEABLE = ("ef_search", "num_threads", "batch_size", "sync_threshold", "resize_factor")
_SPACES = ("l2", "cosine", "ip")


def ids(value: Any, path: str = "ids") -> list[str]:
    """Return the ids that *value* lists, each once."""
    found = texts(value, path, empty=False)
    seen: set[str] = set()
    for place, one in enumerate(found):
        if len(one) > _ID:
            fail(f"{path}[{place}]", f"has more than {_ID:,} characters")
        if one in seen:
            fail(f"{path}[{place}]", f"{shown(one)} is there twice")
        seen.add(one)
    return found


def records(operation: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the records of an add, an upsert or an update, as lists of one length."""
    if "ids" not in fields:
        fail("", f"The operation {operation!r} wants 'ids'")
    partial = operation == "update"
    found: dict[str, Any] = {"ids": ids(fields["ids"])}
    if "documents" in fields:
        found["documents"] = _column(fields["documents"], "documents", str, text, null=True)
    if "metadatas" in fields:
        values = fields["metadatas"] if not isinstance(fields["metadatas"], dict) else [fields["metadatas"]]
        null = operation != "add"
        found["metadatas"] = _column(
            values, "metadatas", dict, lambda one, path: metadata(one, path, null=null) or None, null=True
        )
    if "uris" in fields:
        found["uris"] = _column(fields["uris"], "uris", str, text, null=True)
    if "embeddings" in fields:
        found["embeddings"] = _vectors(fields["embeddings"], null=partial)
    for key, values in found.items():
        if len(values) != len(found["ids"]):
            fail(key, f"has {len(values)} items, and there are {len(found['ids'])} ids")
    if len(found) == 1:
        fail("", f"The operation {operation!r} wants 'documents', 'embeddings', 'metadatas' or 'uris' beside 'ids'")
    if not partial and "embeddings" not in found:
        _need_texts(operation, found)
    return found


def _need_texts(operation: str, found: dict[str, Any]) -> None:
    if "documents" not in found:
        fail("", f"The operation {operation!r} wants 'embeddings', or 'documents' to make them of")
    for place, one in enumerate(found["documents"]):
        if one is None:
            fail(f"documents[{place}]", "is null, and so there is nothing to make a vector of; give 'embeddings'")


def _column(value: Any, path: str, kind: type, check: Any, *, null: bool) -> list[Any]:
    if isinstance(value, kind):
        value = [value]
    if not isinstance(value, list):
        fail(path, f"wants a list, not {shown(value)}")
    if not value:
        fail(path, "is an empty list")
    return [None if item is None and null else check(item, f"{path}[{place}]") for place, item in enumerate(value)]


def _vectors(value: Any, *, null: bool) -> list[Any]:
    if not (null and isinstance(value, list) and None in value):
        return vectors(value, "embeddings")
    found = [None if one is None else vector(one, f"embeddings[{place}]") for place, one in enumerate(value)]
    if len({len(one) for one in found if one is not None}) > 1:
        fail("embeddings", "the vectors differ in length")
    return found


def metadata(value: Any, path: str, *, null: bool) -> dict[str, Any]:
    """Return the metadata of one record or collection; where *null* is good it takes the key away."""
    if not isinstance(value, dict):
        fail(path, f"wants an object, not {shown(value)}")
    if not value:
        fail(path, "is an empty object; write null")
    if len(value) > _KEYS:
        fail(path, f"has {len(value):,} keys; {_KEYS:,} are allowed")
    found = {_key(key, path): _content(item, f"{path}.{key[:60]}") for key, item in value.items()}
    # A key that is null is not there.
    return found if null else {key: item for key, item in found.items() if item is not None}


def _key(key: str, path: str) -> str:
    text(key, path, most=_KEY)
    if not key:
        fail(path, "a key of metadata is not empty")
    if key.startswith(("$", "#", "chroma:")):
        fail(f"{path}.{key[:60]}", "keys that begin with '$', '#' or 'chroma:' are Chroma's own")
    return key


def _content(value: Any, path: str) -> Any:
    if value is None:
        return None
    if not isinstance(value, list):
        return scalar(value, path)
    if not value:
        fail(path, "is an empty list")
    kinds = {type(item) for item in value}
    if kinds == {int, float}:
        value, kinds = [float(item) for item in value], {float}
    if len(kinds) > 1:
        fail(path, "a list has values of one type")
    return [scalar(item, f"{path}[{place}]") for place, item in enumerate(value)]


def configuration(fields: dict[str, Any], *, new: bool) -> dict[str, Any] | None:
    """Return the configuration of a collection that is made (*new*) or changed."""
    given = fields.get("configuration", {})
    if not isinstance(given, dict):
        fail("configuration", f"wants an object, not {shown(given)}")
    for key in given:
        if key not in ("hnsw", "spann"):
            why = "; the setting 'embedding_function' says which one is used" if key == "embedding_function" else ""
            fail(f"configuration.{key[:60]}", f"is not known here{why or nearest(key, ['hnsw', 'spann'])}")
    if len(given) > 1:
        fail("configuration", "has hnsw and spann; there is one index")
    kind, index = next(iter(given.items()), ("hnsw", {}))
    found = _index(index, f"configuration.{kind}", new=new)
    if "space" in fields:
        if found.get("space", fields["space"]) != fields["space"]:
            fail("space", "is another one in 'configuration'")
        found |= _index({"space": fields["space"]}, "", new=new)
    return {kind: found} if found else None


def _index(given: Any, path: str, *, new: bool) -> dict[str, Any]:
    if not isinstance(given, dict):
        fail(path, f"wants an object, not {shown(given)}")
    known = tuple(_INDEX) if new else _CHANGEABLE
    for key, value in given.items():
        place = f"{path}.{key[:60]}".lstrip(".")
        if key not in known:
            fail(place, f"can't be set{nearest(key, known)}")
        if key == "space":
            if value not in _SPACES:
                fail(place, f"is one of {', '.join(_SPACES)}, not {shown(value)}")
        elif key == "resize_factor":
            if not is_number(value) or not 1 <= value <= _INDEX[key]:
                fail(place, "wants a number from 1 to 10")
        else:
            number(value, place, 1, _INDEX[key])
    return dict(given)

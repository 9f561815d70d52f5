"""What a statement comes to, whichever form it was written in; whatever isn't known is refused, with its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dbmcp_chroma import checks, records
from dbmcp_chroma.checks import fail, shown
from dbmcp_chroma.filters import DocumentFilter, Filter
from dbmcp_chroma.text import BoundObject, read_object
from dbmcp_core.settings import nearest, plain
from dbmcp_core.statement import Kind, RefusalCode, Statement

__all__ = ["INCLUDES", "KINDS", "Request", "read"]

#: What of a record may be asked for.
INCLUDES = ("documents", "metadatas", "embeddings", "distances", "uris")
#: Rows of one nearest-neighbour query, over all its vectors; vectors of it.
MOST_RESULTS, _MOST_VECTORS = 10_000, 100
_MOST_ROWS = 2**31 - 1
#: Ids to look for; with some 32,000 SQLite refuses them.
_MOST_IDS = 10_000
_FILTERS = ("ids", "where", "where_document")
_RECORDS = ("ids", "documents", "embeddings", "metadatas", "uris")
#: The keys that each operation takes beside ``collection``.
_KEYS: dict[str, tuple[str, ...]] = {
    "get": (*_FILTERS, "limit", "offset", "include", "columns"),
    "query": (
        *("query_texts", "query_embeddings", "n_results"),
        *(*_FILTERS, "limit", "offset", "include", "columns"),
    ),
    "count": _FILTERS,
    "peek": ("limit", "include", "columns"),
    "list_collections": (),
    "add": _RECORDS,
    "upsert": _RECORDS,
    "update": _RECORDS,
    "delete": _FILTERS,
    "create_collection": ("metadata", "configuration", "space", "get_or_create"),
    "modify_collection": ("new_name", "metadata", "configuration"),
    "delete_collection": (),
}
KINDS = {
    **dict.fromkeys(("get", "query", "count", "peek", "list_collections"), Kind.READ),
    **dict.fromkeys(("add", "upsert", "update", "delete"), Kind.WRITE),
    **dict.fromkeys(("create_collection", "modify_collection", "delete_collection"), Kind.DEFINE),
}
_OTHER_NAMES = {"create": "create_collection", "modify": "modify_collection", "drop": "delete_collection"}
#: Operations that there are in Chroma, and not here.
_ADMIN = frozenset(
    [
        *("reset", "heartbeat", "fork", "stop", "persist", "search", "getsettings", "clearsystemcache"),
        *("createtenant", "deletetenant", "settenant", "createdatabase", "deletedatabase", "setdatabase"),
        *("listdatabases", "listtenants", "attachfunction", "detachfunction"),
    ]
)
_OPERATIONS = {plain(name): _OTHER_NAMES.get(name, name) for name in (*_KEYS, *_OTHER_NAMES)}
_ALL_KEYS = {plain(key): key for keys in _KEYS.values() for key in keys}
#: Keys that say what is asked, so that ``operation`` needn't.
_ASKING = ("query_texts", "query_embeddings")
_WRITING_RECORDS = ("add", "upsert", "update")
_WRITING = ("documents", "embeddings", "metadatas", "uris")


@dataclass(frozen=True, slots=True)
class Request:
    """One statement, checked: its operation, its collection, and what goes with them."""

    operation: str
    collection: str | None
    fields: dict[str, Any] = field(default_factory=dict)
    #: The operators of its filters.
    operators: frozenset[str] = frozenset()

    @property
    def kind(self) -> Kind:
        """What it does."""
        return KINDS[self.operation]


def read(statement: Statement) -> Request:
    """Return what *statement* asks for.

    Raises:
        ReadError: saying what is wrong with it, and where.
    """
    operation, collection, given = _parts(read_object(statement))
    fields = _named(operation, given)
    if operation == "list_collections":
        if collection is not None:
            fail("collection", "list_collections takes none")
    else:
        collection = checks.name(collection, "collection")
    operators = _check_filters(fields)
    checked = _checked(operation, fields)
    if operation not in _WRITING_RECORDS and len(checked.get("ids", ())) > _MOST_IDS:
        fail("ids", f"has {len(checked['ids']):,} items; {_MOST_IDS:,} are allowed here")
    if operation == "delete" and not any(checked.get(key) for key in _FILTERS):
        fail("", "The operation 'delete' wants 'ids', 'where' or 'where_document'; delete_collection takes all away")
    return Request(operation, collection, checked, operators)


# Forms


def _parts(found: dict[str, Any]) -> tuple[str, Any, dict[str, Any]]:
    """Return operation, collection and the rest, whichever way round they are written."""
    rest = dict(found)
    collection = rest.pop("collection", None)
    operation = rest.pop("operation", None)
    if isinstance(operation, dict) and not isinstance(operation, BoundObject):  # {"operation": {"add": {...}}}
        if len(operation) != 1:
            fail("operation", 'is a name, or an object with one: {"add": {…}}')
        rest, operation = {**rest, **operation}, None
    if operation is not None:
        return _operation(operation), collection, rest
    named = [key for key in rest if plain(key) in _OPERATIONS and plain(key) not in _ALL_KEYS]
    if not named and (admin := [key for key in rest if plain(key) in _ADMIN]):
        _operation(admin[0])
    if not named:
        return _meant(rest), collection, rest
    if len(named) > 1:
        fail("", f"{named[0]!r} and {named[1]!r} are operations; one belongs to a statement", RefusalCode.MULTIPLE)
    return _keyed(named[0], rest.pop(named[0]), collection, rest)


def _keyed(key: str, content: Any, collection: Any, rest: dict[str, Any]) -> tuple[str, Any, dict[str, Any]]:
    """Return the parts of ``{"add": "articles", …}`` or ``{"collection": "articles", "add": {…}}``."""
    operation = _OPERATIONS[plain(key)]
    if isinstance(content, str) and collection is None:
        return operation, content, rest
    if not isinstance(content, dict) or isinstance(content, BoundObject):
        fail(key, f'is an operation; write {{"collection": "articles", "operation": "{operation}", …}}')
    inner = dict(content)
    if collection is None:
        collection = inner.pop("collection", None)
    twice = sorted(rest.keys() & inner.keys())
    if twice:
        fail(twice[0], f"is there twice, the second time in {key!r}", RefusalCode.AMBIGUOUS)
    return operation, collection, {**rest, **inner}


def _operation(value: Any) -> str:
    if not isinstance(value, str):
        fail("operation", f"wants a name, not {shown(value)}")
    if plain(value) in _ADMIN:
        fail("operation", f"{value!r} is not for here", RefusalCode.ADMIN)
    known = _OPERATIONS.get(plain(value))
    if known is None:
        fail("operation", f"{value[:60]!r} is none{nearest(value, _KEYS)}; there are {', '.join(_KEYS)}")
    return known


def _meant(rest: dict[str, Any]) -> str:
    """Return the operation of a statement that names none."""
    keys = {_ALL_KEYS.get(plain(key)) for key in rest}
    if keys & set(_ASKING):
        return "query"
    writing = [key for key in _WRITING if key in keys]
    if writing:
        fail("", f'{writing[0]!r} is written by an operation; say "operation": "add", "upsert" or "update"')
    if "n_results" in keys:
        fail("n_results", "goes with 'query_texts' or 'query_embeddings'; 'limit' bounds a get")
    return "get"


def _named(operation: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields by the names that Chroma's Python client has; those of its JavaScript client are read too.

    One that is null is one that isn't given.
    """
    known, found = _KEYS[operation], {}
    for key, value in given.items():
        name = _ALL_KEYS.get(plain(key))
        if key in ("tenant", "database"):
            fail(key, "is a setting of the source; no other one is reached")
        if name is None or name not in known:
            fail(key[:60], f"is not known to {operation!r}{nearest(key[:60], ['collection', 'operation', *known])}")
        if name in found:
            fail(name, f"is there twice, the second time as {key!r}", RefusalCode.AMBIGUOUS)
        found[name] = value
    return {name: value for name, value in found.items() if value is not None}


# Fields


def _check_filters(fields: dict[str, Any]) -> frozenset[str]:
    """Check the filters; one that is an empty object is none."""
    operators: set[str] = set()
    for key, kind in (("where", Filter), ("where_document", DocumentFilter)):
        if key not in fields:
            continue
        if fields[key] == {}:
            del fields[key]
            continue
        walk = kind()
        walk.condition(fields[key], key, 1)
        operators |= walk.operators
    return frozenset(operators)


def _checked(operation: str, fields: dict[str, Any]) -> dict[str, Any]:
    if operation in _WRITING_RECORDS:
        return records.records(operation, fields)
    found = {key: _CHECKS[key](value) if key in _CHECKS else value for key, value in fields.items()}
    if operation in ("create_collection", "modify_collection"):
        return _settings(operation, found)
    if "columns" in found and "include" in found:
        fail("include", "'columns' says already what is wanted; leave one of them out")
    if operation == "query":
        _check_query(found)
    elif "distances" in found.get("include", ()):
        fail("include", "there are distances only with 'query_texts' or 'query_embeddings'")
    return found


def _check_query(found: dict[str, Any]) -> None:
    given = [key for key in _ASKING if key in found]
    if len(given) != 1:
        both = "are both there; one says what is near" if given else "are missing: one of them says what is near"
        fail("", f"'query_texts' and 'query_embeddings' {both}", RefusalCode.UNPARSABLE)
    if len(found[given[0]]) > _MOST_VECTORS:
        fail(given[0], f"has {len(found[given[0]]):,} items; {_MOST_VECTORS} are allowed")
    if "n_results" in found and "limit" in found:
        fail("limit", "'n_results' says already how many; leave one of them out")
    most = found.pop("limit", found.get("n_results", 10))
    if "n_results" not in found:
        found["n_results"] = most + found.get("offset", 0)
    total = found["n_results"] * len(found[given[0]])
    if not 0 < total <= MOST_RESULTS:
        fail("n_results", f"{total:,} results over all queries; from 1 to {MOST_RESULTS:,} are allowed")


def _settings(operation: str, found: dict[str, Any]) -> dict[str, Any]:
    new = operation == "create_collection"
    made = records.configuration(found, new=new)
    fields = {key: value for key, value in found.items() if key not in ("configuration", "space")}
    if "metadata" in fields:
        fields["metadata"] = records.metadata(fields["metadata"], "metadata", null=False) or None
    if made is not None:
        fields["configuration"] = made
    if not new and not fields:
        fail("", "The operation 'modify_collection' wants 'new_name', 'metadata' or 'configuration'")
    return fields


def _include(value: Any) -> list[str]:
    if not isinstance(value, list):
        fail("include", f"wants a list, not {shown(value)}")
    for place, one in enumerate(value):
        if one not in INCLUDES:
            fail(f"include[{place}]", f"{shown(one)} can't be included; there are {', '.join(INCLUDES)}")
        if one in value[:place]:
            fail(f"include[{place}]", f"{shown(one)} is there twice")
    return list(value)


def _columns(value: Any) -> dict[str, str]:
    """Return the names of the columns, and what each of them shows."""
    if isinstance(value, list):
        checks.texts(value, "columns", empty=False)
        if len(set(value)) < len(value):
            fail("columns", "a column is there twice")
        return {one: one for one in value}
    if not isinstance(value, dict) or isinstance(value, BoundObject):
        fail("columns", f"wants a list of names, or an object from names to what they show, not {shown(value)}")
    if not value:
        fail("columns", "is empty")
    for key, shows in value.items():
        checks.text(key, "columns", empty=False)
        checks.text(shows, f"columns.{key[:60]}", empty=False)
    return dict(value)


def _object(value: Any) -> Any:
    if not isinstance(value, dict):
        fail("metadata", f"wants an object, not {shown(value)}")
    return value


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "ids": records.ids,
    "query_texts": lambda value: checks.texts(value, "query_texts", empty=False),
    "query_embeddings": lambda value: checks.vectors(value, "query_embeddings"),
    "n_results": lambda value: checks.number(value, "n_results", 1, MOST_RESULTS),
    "limit": lambda value: checks.number(value, "limit", 0, _MOST_ROWS),
    "offset": lambda value: checks.number(value, "offset", 0, _MOST_ROWS),
    "include": _include,
    "columns": _columns,
    "new_name": lambda value: checks.name(value, "new_name"),
    "metadata": _object,
    "get_or_create": lambda value: checks.flag(value, "get_or_create"),
}

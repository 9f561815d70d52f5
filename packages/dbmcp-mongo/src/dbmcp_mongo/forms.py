"""The forms of a query that are objects or arrays: commands, pipelines, stages without dollar, filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from dbmcp_core.statement import RefusalCode
from dbmcp_mongo import methods
from dbmcp_mongo.allowed import KNOWN_COMMANDS, STAGES
from dbmcp_mongo.command import FIELDS, Command, Document
from dbmcp_mongo.scanner import ReadError

__all__ = ["needs_collection", "raw_command", "read_array", "read_object"]

_CLEAR = (
    'clear would be {"collection": "users", "filter": {…}}, {"collection": "users", "pipeline": [{"$match": {…}}]} or'
    " db.users.find({…})"
)
_SHAPES = {"find": "cursor", "aggregate": "cursor", "listIndexes": "cursor", "listCollections": "cursor"}
_SHAPES |= {"count": "count", "distinct": "values"}
_NAMED = ("filter", "query", "projection", "project", "sort", "limit", "skip", "hint", "collation", "options")


#: Methods that are no plausible name of a field.
_OPERATIONS = frozenset(
    name
    for name in methods.METHODS
    if name in ("find", "aggregate", "distinct") or re.search("[a-z](One|Many|Doc|And|Write)", name)
)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


#: What a stage that is also a plausible name of a field looks like.
_LOOKS: dict[str, Callable[[Any], bool]] = {
    "match": _is_object,
    "sort": _is_object,
    "limit": _is_number,
    "skip": _is_number,
    "project": _is_object,
    "group": lambda value: isinstance(value, dict) and "_id" in value,
    "unwind": lambda value: (
        (isinstance(value, str) and value.startswith("$")) or (isinstance(value, dict) and "path" in value)
    ),
    "lookup": lambda value: isinstance(value, dict) and "as" in value,
    "count": _is_text,
    "facet": _is_object,
    "sample": lambda value: isinstance(value, dict) and set(value) == {"size"},
    "replaceRoot": lambda value: isinstance(value, dict) and "newRoot" in value,
}


def needs_collection(found: Any) -> bool:
    """Say whether *found* names no collection, so that the first parameter has to."""
    if isinstance(found, list):
        return True
    return not _command_name(found) and not isinstance(found.get("collection"), str)


def read_array(found: list[Any], collection: str) -> Command:
    """Read an array: a pipeline."""
    return methods.build("aggregate", collection, [found])


def read_object(found: Document, collection: str | None) -> Command:
    """Read an object; *collection* is given where it doesn't name its own."""
    if collection is None:
        name = _command_name(found)
        if name:
            return raw_command(found)
        rest = {key: value for key, value in found.items() if key != "collection"}
        return _of_collection(rest, found["collection"])
    return _operation(found, collection)


def _command_name(found: Mapping[str, Any]) -> str | None:
    first = next(iter(found), "")
    if first in KNOWN_COMMANDS and not (isinstance(found[first], dict) and first != "explain"):
        return first
    named = [key for key, value in found.items() if key in KNOWN_COMMANDS and isinstance(value, str)]
    return named[0] if len(named) == 1 and "collection" not in found else None


def raw_command(found: Document) -> Command:
    """Return the command that *found* is, as the server takes it."""
    name = _command_name(found)
    if name is None:
        raise ReadError(f"No command is called {next(iter(found), '')!r}; there are {', '.join(sorted(FIELDS))}")
    document = {name: found[name], **{key: value for key, value in found.items() if key != name}}
    if name == "aggregate":
        document.setdefault("cursor", {})
    if name == "insert" and isinstance(document.get("documents"), list):
        document["documents"] = [
            methods.with_id(one) if isinstance(one, dict) else one for one in document["documents"]
        ]
    if name == "explain" and isinstance(document["explain"], dict):
        document["explain"] = raw_command(document["explain"]).document
    return Command(name, document, _SHAPES.get(name, "document"))


def _of_collection(rest: Document, collection: str) -> Command:
    if "operation" in rest:
        operation = rest.pop("operation")
        if isinstance(operation, str):
            return methods.named(operation, collection, rest)
        if not isinstance(operation, dict) or rest:
            raise ReadError('"operation" is an object, as in {"find": {"age": {"$gt": 25}}}, with nothing beside it')
        return _operation(operation, collection)
    if any(key in _OPERATIONS for key in rest):
        return _operation(rest, collection)
    if "pipeline" in rest:
        return methods.named("aggregate", collection, rest)
    if rest and all(key in _NAMED for key in rest) and ("filter" in rest or "query" in rest or "projection" in rest):
        return methods.named("find", collection, rest)
    if rest and all(key.startswith("$") and key[1:] in STAGES for key in rest):
        return _stages(rest, collection)
    return _stages_or_filter(rest, collection)


def _stages_or_filter(rest: Document, collection: str) -> Command:
    looks = [key for key, value in rest.items() if key in STAGES and _LOOKS.get(key, _is_object)(value)]
    if rest and len(looks) == len(rest):
        return _stages({f"${key}": value for key, value in rest.items()}, collection)
    doubtful = [key for key in rest if key in STAGES]
    if doubtful:
        raise ReadError(
            f"{doubtful[0]!r} could be a stage or a field; {_CLEAR}",
            code=RefusalCode.AMBIGUOUS,
        )
    return methods.named("find", collection, {"filter": rest})


def _stages(stages: Document, collection: str) -> Command:
    return methods.build("aggregate", collection, [[{key: value} for key, value in stages.items()]])


def _operation(found: Document, collection: str) -> Command:
    """Read what to do with a collection that stands elsewhere."""
    kind = next(
        (found[key] for key in ("type", "method", "name", "operation") if found.get(key) in methods.METHODS), None
    )
    if kind is not None:
        taken = next(key for key in ("type", "method", "name", "operation") if found.get(key) == kind)
        return methods.named(str(kind), collection, {key: value for key, value in found.items() if key != taken})
    first = next(iter(found), "")
    if first in methods.METHODS and len(found) == 1:
        return _method(first, found[first], collection)
    if first in _OPERATIONS and not isinstance(found[first], (str, bool, int)):
        argument, rest = methods.METHODS[first].positional[0], {k: v for k, v in found.items() if k != first}
        return methods.named(first, collection, {argument: found[first], **rest})
    if first in FIELDS and found[first] in (collection, True, 1):
        return raw_command({**found, first: collection})
    if found and all(key in _NAMED for key in found):
        return methods.named("find", collection, found)
    if found and all(key.startswith("$") and key[1:] in STAGES for key in found):
        return _stages(found, collection)
    if "pipeline" in found:
        return methods.named("aggregate", collection, found)
    return _stages_or_filter(found, collection)


def _method(name: str, given: Any, collection: str) -> Command:
    method = methods.METHODS[name]
    if isinstance(given, list) and method.positional[:1] not in (("pipeline",), ("documents",), ("operations",)):
        return methods.build(name, collection, given)
    if not isinstance(given, dict):
        return methods.build(name, collection, [given])
    known = method.options | set(method.positional) | {"options"} | methods.ALIASES.keys()
    are_names = [key in known for key in given]
    if given and all(are_names):
        return methods.named(name, collection, given)
    if any(are_names):
        raise ReadError(f"The object of {name!r} has fields and options mixed; {_CLEAR}", code=RefusalCode.AMBIGUOUS)
    return methods.build(name, collection, [given])

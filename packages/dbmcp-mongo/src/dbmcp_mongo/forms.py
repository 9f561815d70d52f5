"""The forms of a query that are objects or arrays: commands, pipelines, stages without dollar, filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dbmcp_core.statement import RefusalCode
from dbmcp_mongo import methods, operation
from dbmcp_mongo.allowed import KNOWN_COMMANDS, STAGES
from dbmcp_mongo.command import FIELDS, Command, Document
from dbmcp_mongo.operation import CLEAR
from dbmcp_mongo.scanner import ReadError

__all__ = ["needs_collection", "raw_command", "read_array", "read_object"]

_SHAPES = {"find": "cursor", "aggregate": "cursor", "listIndexes": "cursor", "listCollections": "cursor"}
_SHAPES |= {"count": "count", "distinct": "values"}


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
    "sortByCount": lambda value: isinstance(value, dict) or (isinstance(value, str) and value.startswith("$")),
    "unset": lambda value: isinstance(value, (str, list)),
    "unionWith": lambda value: isinstance(value, str) or (isinstance(value, dict) and "coll" in value),
    "replaceWith": lambda value: isinstance(value, dict) or (isinstance(value, str) and value.startswith("$")),
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
    if first in KNOWN_COMMANDS and (not isinstance(found[first], (dict, list)) or first == "explain"):
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
        if document.get("explain") is True:
            del document["explain"]
            return methods.explained(Command(name, document))
    if name == "insert" and isinstance(document.get("documents"), list):
        document["documents"] = [
            methods.with_id(one) if isinstance(one, dict) else one for one in document["documents"]
        ]
    if name == "explain" and isinstance(document["explain"], dict):
        document["explain"] = raw_command(document["explain"]).document
    return Command(name, document, _SHAPES.get(name, "document"))


def _of_collection(rest: Document, collection: str) -> Command:
    if "operation" in rest:
        return _within(rest, collection)
    return _operation(rest, collection)


def _within(rest: Document, collection: str) -> Command:
    """Read what stands in ``operation``, and beside it."""
    inner = rest["operation"]
    raw = _own_command(inner, collection) if isinstance(inner, dict) and len(rest) == 1 else None
    command = raw or operation.beside(rest, collection)
    if command is not None:
        return command
    if len(rest) > 1 or not _names_itself(inner):
        raise ReadError(f"The operation names no method; {operation.CLEAR_METHOD}", code=RefusalCode.AMBIGUOUS)
    return _operation(inner, collection)


def _names_itself(found: Document) -> bool:
    """Say whether *found* is a find's arguments, or a pipeline, without a method's name."""
    return operation.is_find(found) or "pipeline" in found or all(key.removeprefix("$") in STAGES for key in found)


def _own_command(found: Document, collection: str) -> Command | None:
    """Return the command document that *found* is, for this collection or for ``true`` in its place."""
    first = next(iter(found), "")
    if first not in FIELDS or (first == "distinct" and "key" not in found):
        return None
    if isinstance(found[first], str) and found[first] != collection and first != "distinct":
        what = f"The operation is of {found[first][:60]!r}, and the collection is {collection[:60]!r}; write one"
        raise ReadError(what, code=RefusalCode.AMBIGUOUS)
    is_named = found[first] == collection if isinstance(found[first], str) else found[first] in (True, 1)
    return raw_command({**found, first: collection}) if is_named else None


def _operation(found: Document, collection: str) -> Command:
    """Read what to do with a collection that stands elsewhere."""
    first = next(iter(found), "")
    if first in FIELDS and isinstance(found[first], str) and found[first] == collection and first != "distinct":
        return raw_command(found)
    command = operation.called(found, collection, inside=False)
    if command is not None:
        return command
    if operation.is_find(found):
        return methods.named("find", collection, found)
    if "pipeline" in found:
        return methods.named("aggregate", collection, found)
    if found and all(key.startswith("$") and key[1:] in STAGES for key in found):
        return _stages(found, collection)
    return _stages_or_filter(found, collection)


def _is_field(stage: str, value: Any) -> bool:
    return stage not in ("redact", "replaceWith", "sortByCount") and operation.is_compared(value)


def _stages_or_filter(rest: Document, collection: str) -> Command:
    stages = {key: value for key, value in rest.items() if key in STAGES and not _is_field(key, value)}
    looks = [key for key, value in stages.items() if _LOOKS.get(key, _is_object)(value)]
    if rest and len(looks) == len(rest):
        return _stages({f"${key}": value for key, value in rest.items()}, collection)
    if stages:
        raise ReadError(
            f"{next(iter(stages))!r} could be a stage or a field; {CLEAR}",
            code=RefusalCode.AMBIGUOUS,
        )
    return methods.named("find", collection, {"filter": rest})


def _stages(stages: Document, collection: str) -> Command:
    return methods.build("aggregate", collection, [[{key: value} for key, value in stages.items()]])

"""Methods in objects, as people write them: ``{"find": {…}}``, ``{"method": "find", "filter": {…}}`` and their like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from dbmcp_core.settings import nearest
from dbmcp_core.statement import RefusalCode
from dbmcp_mongo import methods
from dbmcp_mongo.allowed import COMPARISONS
from dbmcp_mongo.command import Command, Document
from dbmcp_mongo.scanner import ReadError

__all__ = ["CLEAR", "CLEAR_METHOD", "beside", "called", "is_compared", "is_find"]

CLEAR = (
    'clear would be {"collection": "users", "filter": {…}}, {"collection": "users", "pipeline": [{"$match": {…}}]} or'
    " db.users.find({…})"
)
CLEAR_METHOD = (
    'clear would be {"collection": "users", "operation": {"find": {"filter": {…}, "limit": 5}}} or'
    " db.users.find({…}).limit(5)"
)
#: Keys whose text names the method that the rest of the object are the arguments of.
_NAMING = ("method", "operation", "type", "name", "op", "action")
#: Keys of the arguments in their order.
_IN_ORDER = ("args", "arguments", "parameters")
#: Methods that are no plausible name of a field.
_UNMISTAKABLE = frozenset(
    name
    for name in methods.METHODS
    if name in ("find", "aggregate", "distinct") or re.search("[a-z](One|Many|Doc|And|Write)", name)
)
_NOTHING: tuple[Any, ...] = ({}, [], True, 1, None)


def is_compared(value: Any) -> bool:
    """Say whether *value* is what a field is compared with, as in ``{$gt: 5}``."""
    return isinstance(value, dict) and bool(value) and value.keys() <= COMPARISONS


def is_find(found: Mapping[str, Any]) -> bool:
    """Say whether *found* is the arguments of a find."""
    plain = methods.plain_names("find", found)
    is_known = bool(found) and all(name is not None for name in plain)
    if is_known and not found.keys().isdisjoint(("filter", "query", "projection")):
        return True
    doubtful = next((key for key in ("filter", "query") if isinstance(found.get(key), dict)), None)
    if doubtful is not None:
        other = next(key for key, name in zip(found, plain, strict=True) if name is None)
        _ambiguous(f"{doubtful!r} could be a field or the filter beside {other[:40]!r}; {CLEAR}")
    return False


def beside(found: Document, collection: str) -> Command | None:
    """Return the command of an object with ``operation``, whatever stands beside it; None if that says no method."""
    operation = found["operation"]
    rest = {key: value for key, value in found.items() if key != "operation"}
    if isinstance(operation, str):
        if operation not in methods.METHODS:
            _ambiguous(
                f"{operation[:40]!r} is no method here{nearest(operation[:40], methods.METHODS)}; {CLEAR_METHOD}"
            )
        return _by_name(operation, collection, rest)
    if isinstance(operation, list) and not rest:
        return methods.build("aggregate", collection, [operation])
    if not isinstance(operation, dict) or not operation:
        _ambiguous(f'"operation" wants a method and its arguments; {CLEAR_METHOD}')
    twice = next((key for key in rest if key in operation), None)
    if twice is not None:
        _ambiguous(f"{twice[:40]!r} stands in the operation and beside it; keep one")
    return called({**operation, **rest}, collection, inside=True)


def called(found: Document, collection: str, *, inside: bool) -> Command | None:
    """Return the command of the method that *found* names, None if there is none.

    Args:
        found: The object, without its collection.
        collection: What the method is of.
        inside: Whether a word can only be a method, and no field of a filter.
    """
    key = next((key for key in _NAMING if _names_method(found, key, inside=inside)), None)
    if key is not None:
        return _by_name(found[key], collection, {name: value for name, value in found.items() if name != key})
    names = [name for name, value in found.items() if _is_call(name, value, inside=inside)]
    names = [one for one in names if not any(one in methods.known(other) for other in names if other != one)]
    if len(names) > 1:
        _ambiguous(f"{names[0]!r} and {names[1]!r} are two operations; write one of them")
    if not names:
        return None
    rest = {name: value for name, value in found.items() if name != names[0]}
    return _call(names[0], collection, found[names[0]], rest)


def _names_method(found: Document, key: str, *, inside: bool) -> bool:
    value = found.get(key)
    if not isinstance(value, str) or value not in methods.METHODS:
        return False
    if inside and key in _NAMING[:2]:
        return True
    # {"type": "count", "status": "done"} may well be a filter.
    rest = {name: one for name, one in found.items() if name != key}
    names = methods.plain_names(value, rest)
    return all(name is not None or one in _IN_ORDER for name, one in zip(names, rest, strict=True)) and (
        bool(rest) or inside
    )


def _is_call(name: str, value: Any, *, inside: bool) -> bool:
    if inside:
        return name in methods.METHODS
    return name in _UNMISTAKABLE and (isinstance(value, (dict, list)) or name == "distinct")


def _by_name(name: str, collection: str, rest: Document) -> Command:
    key = next((key for key in _IN_ORDER if key in rest), None)
    if key is None:
        return methods.named(name, collection, rest)
    if len(rest) > 1:
        _ambiguous(f"{key!r} has all arguments of {name!r}; leave out what stands beside it")
    return _call(name, collection, rest[key], {})


def _call(name: str, collection: str, given: Any, rest: Document) -> Command:
    """Return the command of ``{name: given, **rest}``."""
    method = methods.METHODS[name]
    if not method.required and (not method.positional or not isinstance(given, dict)) and given in _NOTHING:
        return methods.named(name, collection, rest)
    if isinstance(given, list) and (not _takes_list(name) or (given and isinstance(given[0], list))):
        return _in_order(name, collection, given, rest)
    if not method.positional:
        return methods.named(name, collection, {**_object(name, given), **rest})
    if not isinstance(given, dict) or not _are_arguments(name, given):
        given = {method.positional[0]: given}
    return methods.named(name, collection, _merged(name, given, rest))


def _takes_list(name: str) -> bool:
    first = methods.METHODS[name].positional[:1]
    return first in (("pipeline",), ("documents",), ("operations",)) or name == "createIndexes"


def _in_order(name: str, collection: str, given: list[Any], rest: Document) -> Command:
    if not rest:
        return methods.build(name, collection, given)
    positional = methods.METHODS[name].positional
    if len(given) > len(positional):
        _ambiguous(f"{name!r} has its options among its arguments and beside them; keep one")
    return methods.named(name, collection, _merged(name, dict(zip(positional, given, strict=False)), rest))


def _merged(name: str, given: Document, rest: Document) -> Document:
    """Return all arguments; a second one of a name is left as an alias, for ``named`` to refuse."""
    twice = next((key for key in rest if key in given), None)
    if twice is not None:
        _ambiguous(f"{twice!r} of {name!r} is given twice; keep one")
    return {**given, **rest}


def _object(name: str, given: Any) -> Document:
    if not isinstance(given, dict):
        raise ReadError(f"{name!r} wants no arguments, or an object of options")
    return given


def _are_arguments(name: str, given: Document) -> bool:
    """Say whether *given* is named arguments, rather than the first argument itself."""
    method = methods.METHODS[name]
    plain = dict(zip(given, methods.plain_names(name, given), strict=True))
    named = [one for key, one in plain.items() if one is not None and not is_compared(given[key])]
    first = bool(set(method.positional) & set(named))
    if not named or (not first and (name.startswith("insert") or (method.required and len(named) == len(given)))):
        return False
    if len(named) < len(given) or not (first or {"sort", "skip", "options"} & set(named)):
        _ambiguous(f"The object of {name!r} could be its {method.positional[0]} or its options; {CLEAR_METHOD}")
    return True


def _ambiguous(message: str) -> NoReturn:
    raise ReadError(message, code=RefusalCode.AMBIGUOUS)

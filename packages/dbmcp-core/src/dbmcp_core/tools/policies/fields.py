"""Taking fields out of a result, or masking them: new values, and nothing of the old one is changed.

Names are compared as the laxest database does, without their case; a field too many may go, never one too few.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from dbmcp_core.errors import UnsupportedError
from dbmcp_core.tools.model import TypeSpec

__all__ = ["MASK", "filtered", "folded", "has_sensitive", "masked", "without_sensitive"]

#: What stands in place of a masked value.
MASK = "****"
#: Values that hold no fields.
_SCALARS = (str, int, float, Decimal, bytes, bytearray, memoryview, dt.date, dt.time, dt.timedelta, UUID)


class _Gone:
    """A field that isn't there any more."""


_GONE = _Gone()


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """Return *name* in the form in which names are compared."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def filtered(value: Any, fields: Iterable[str]) -> Any:
    """Return *value* without *fields*, whether it is an object or rows of them; ``a.b`` is the ``b`` of every ``a``."""
    return _changed(value, _Fields.named(fields), _GONE)


def masked(value: Any, fields: Iterable[str]) -> Any:
    """Return *value* with ``****`` for each of *fields* that is there, null among them."""
    return _changed(value, _Fields.named(fields), MASK)


def has_sensitive(spec: TypeSpec | None) -> bool:
    """Return whether anything in *spec* is marked as sensitive."""
    if spec is None:
        return False
    inner = [*spec.properties.values(), spec.items]
    if isinstance(spec.additional_properties, TypeSpec):
        inner.append(spec.additional_properties)
    return spec.sensitive or any(has_sensitive(one) for one in inner)


def without_sensitive(spec: TypeSpec | None, value: Any) -> Any:
    """Return *value* without what *spec* marks as sensitive, at any depth; null where all of it is."""
    found = _insensitive(spec, value)
    return None if found is _GONE else found


class _Fields:
    """The fields to change in an object, and those on the way to them."""

    def __init__(self, paths: Iterable[tuple[str, ...]]) -> None:
        self._paths = list(paths)
        self._known: dict[Any, bool | _Fields] = {}

    @classmethod
    def named(cls, names: Iterable[str]) -> _Fields:
        """Return those called *names*; one with a dot is both a way and a column that is called so."""
        paths: list[tuple[str, ...]] = []
        for name in names:
            paths.append((folded(name),))
            if "." in name:
                paths.append(tuple(folded(part) for part in name.split(".")))
        return cls(paths)

    def at(self, key: Any) -> bool | _Fields:
        """Return whether the field *key* is to be changed, or what is to be changed in it."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._find(folded(str(key)))
        return found

    def _find(self, name: str) -> bool | _Fields:
        rest = [path[1:] for path in self._paths if path[0] == name]
        return _Fields(rest) if rest and all(rest) else bool(rest)


def _changed(value: Any, fields: _Fields, new: Any) -> Any:
    if value is None or isinstance(value, _SCALARS):
        return value
    if isinstance(value, Mapping):
        changed = {}
        for key, item in value.items():
            found = fields.at(key)
            one = item if found is False else new if found is True else _inside(item, found, new)
            if one is not _GONE:
                changed[key] = one
        return changed
    if isinstance(value, (list, tuple)):
        return [_changed(item, fields, new) for item in value]
    raise UnsupportedError(f"A policy can't look into a {type(value).__name__}.")


def _inside(value: Any, fields: _Fields, new: Any) -> Any:
    """Return *value* with *fields* changed; as a whole, where it can't be looked into: a text of JSON, perhaps."""
    if value is None:
        return None
    return new if _holds_text(value) else _changed(value, fields, new)


def _holds_text(value: Any) -> bool:
    """Return whether *value* is, or has among its items, something that is neither an object nor null."""
    if isinstance(value, (list, tuple)):
        return any(_holds_text(item) for item in value)
    return value is not None and not isinstance(value, Mapping)


def _insensitive(spec: TypeSpec | None, value: Any) -> Any:
    if spec is None or value is None or not has_sensitive(spec):
        return value
    if spec.sensitive:
        return _GONE
    if isinstance(value, (list, tuple)):
        return [item for item in (_insensitive_item(spec, item) for item in value) if item is not _GONE]
    if isinstance(value, Mapping):
        # One object where a list was promised is taken as its only item.
        whole = _insensitive(spec.items, value)
        if whole is _GONE:
            return _GONE
        pairs = ((key, _insensitive_field(spec, key, item)) for key, item in whole.items())
        return {key: item for key, item in pairs if item is not _GONE}
    # Something inside of it is sensitive, and it can't be looked into.
    return _GONE


def _insensitive_item(spec: TypeSpec, value: Any) -> Any:
    """Return an item of a list without what *spec* marks: in its items, or, said of the list by mistake, in its own."""
    found = _insensitive(spec.items, value)
    if found is _GONE or found is None:
        return found
    is_of_rows = bool(spec.properties) or isinstance(spec.additional_properties, TypeSpec)
    if spec.type != "array" or (is_of_rows and isinstance(found, (Mapping, list, tuple))):
        return _insensitive(spec, found)
    return found


def _insensitive_field(spec: TypeSpec, key: Any, value: Any) -> Any:
    name = folded(str(key))
    known = [one for declared, one in spec.properties.items() if folded(declared) == name]
    if not known and isinstance(spec.additional_properties, TypeSpec):
        known = [spec.additional_properties]
    for one in known:
        value = _insensitive(one, value)
        if value is _GONE:
            break
    return value

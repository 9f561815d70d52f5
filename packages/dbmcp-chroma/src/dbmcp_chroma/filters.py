"""Filters, ``where`` and ``where_document``: what is not on the lists here never reaches Chroma.

A ``get`` whose ``where`` had 20,000 conditions ended Chroma's process; with some 1,000 SQLite refuses them. So their
number and depth are bounded, and with them the lengths of lists and patterns.
"""

from __future__ import annotations

from typing import Any

from dbmcp_chroma.checks import fail, is_number, scalar, shown, text
from dbmcp_chroma.text import BoundObject
from dbmcp_core.settings import nearest

__all__ = ["DOCUMENT", "OPERATORS", "DocumentFilter", "Filter"]

DOCUMENT = "#document"
_LOGIC = ("$and", "$or")
_ORDER = ("$gt", "$gte", "$lt", "$lte")
_MEMBERS = ("$in", "$nin")
_CONTAINS = ("$contains", "$not_contains")
_REGEX = ("$regex", "$not_regex")
#: Of a key of metadata.
OPERATORS = ("$eq", "$ne", *_ORDER, *_MEMBERS, *_CONTAINS)
#: Conditions, and their nesting, of one filter; items of all its lists; characters of a text and of a pattern.
_CONDITIONS, _DEPTH, _ITEMS, _TEXT, _PATTERN = 256, 20, 10_000, 10_000, 1_000


class _Walk:
    """One walk over a filter; it counts what it passes."""

    def __init__(self) -> None:
        self.operators: set[str] = set()
        self._conditions = 0
        self._items = 0

    def condition(self, value: Any, path: str, depth: int) -> None:
        """Raise if *value* is no condition."""
        if isinstance(value, BoundObject):
            fail(path, "a parameter stands for a value, not for a condition; write the condition out")
        if not isinstance(value, dict):
            fail(path, f"wants an object, not {shown(value)}")
        if depth > _DEPTH:
            fail(path, f"is nested more than {_DEPTH} deep")
        if len(value) != 1:
            self._many(value, path)
        ((key, content),) = value.items()
        if key in _LOGIC:
            self.operators.add(key)
            self._all(key, content, path, depth)
            return
        self._conditions += 1
        if self._conditions > _CONDITIONS:
            fail(path, f"the filter has more than {_CONDITIONS} conditions; use $in, or ask in parts")
        self.single(text(key, path, most=_TEXT), content, f"{path}.{key[:60]}")

    def _all(self, key: str, content: Any, path: str, depth: int) -> None:
        if not isinstance(content, list):
            fail(f"{path}.{key}", f"wants a list of conditions, not {shown(content)}")
        if len(content) < 2:
            fail(f"{path}.{key}", "wants at least two conditions; a condition alone stands by itself")
        for place, item in enumerate(content):
            self.condition(item, f"{path}.{key}[{place}]", depth + 1)

    def _many(self, value: dict[str, Any], path: str) -> None:
        if not value:
            fail(path, "is an empty object; leave it out")
        parts = ", ".join(f'{{"{key[:30]}": …}}' for key in list(value)[:3])
        fail(path, f'has {len(value)} keys where one belongs; write {{"$and": [{parts}]}}')

    def single(self, key: str, content: Any, path: str) -> None:
        """Raise if this is no condition without others in it."""
        raise NotImplementedError

    def members(self, operand: Any, path: str) -> None:
        """Raise if *operand* is no list of values of one type."""
        if not isinstance(operand, list):
            fail(path, f"wants a list, not {shown(operand)}")
        if not operand:
            fail(path, "is an empty list")
        self._items += len(operand)
        if self._items > _ITEMS:
            fail(path, f"the filter's lists have more than {_ITEMS:,} items; ask in parts")
        kind = _kind(operand[0])
        for place, item in enumerate(operand):
            scalar(item, f"{path}[{place}]")
            if _kind(item) != kind:
                fail(f"{path}[{place}]", f"is {_kind(item)}, and the first item is {kind}; a list has one type")


def _kind(value: Any) -> str:
    names = {bool: "true or false", str: "a text", int: "an integer", float: "a float"}
    return names.get(type(value), "something else")


class Filter(_Walk):
    """A walk over ``where``: conditions on keys of metadata."""

    def single(self, key: str, content: Any, path: str) -> None:
        """Raise if this is no condition on a key."""
        if not key:
            fail(path, "a key of metadata is not empty")
        if key.startswith("$"):
            self._misplaced(key, path)
        if key == "chroma:document" or (key.startswith("#") and key != DOCUMENT):
            fail(path, f"{key[:60]!r} is Chroma's own; filter by a key of metadata, '#document' or where_document")
        if isinstance(content, BoundObject):
            fail(path, "a parameter stands for a value, not for an operator")
        if not isinstance(content, dict):
            self._equal(key, content, path)
            return
        if len(content) != 1:
            self._several(key, content, path)
        ((operator, operand),) = content.items()
        if operator not in OPERATORS:
            where = " ($regex belongs into where_document)" if operator in _REGEX else nearest(operator, OPERATORS)
            fail(f"{path}.{operator[:60]}", f"is no operator{where}; there are {', '.join(OPERATORS)}")
        self.operators.add(operator)
        self._operand(key, operator, operand, f"{path}.{operator}")

    def _equal(self, key: str, content: Any, path: str) -> None:
        if key == DOCUMENT:
            fail(path, 'wants {"$contains": …} or {"$not_contains": …}')
        if isinstance(content, list):
            fail(path, 'wants a value, not a list; write {"$in": [...]}, or {"$contains": …} for a key with lists')
        if content is None:
            fail(path, "can't be compared with null: a key that is null is not there")
        scalar(content, path)

    def _misplaced(self, key: str, path: str) -> None:
        if key in OPERATORS:
            fail(path, f'stands where a key belongs; write {{"key": {{"{key}": …}}}}')
        if key in _REGEX:
            fail(path, f'belongs into where_document: {{"{key}": "…"}}')
        fail(path, f"is no operator{nearest(key, [*_LOGIC, *OPERATORS])}; conditions are joined by $and and $or")

    def _several(self, key: str, content: dict[str, Any], path: str) -> None:
        if not content:
            fail(path, "is an empty object; write a value, or an operator with its value")
        parts = ", ".join(f'{{"{key[:30]}": {{"{operator[:20]}": …}}}}' for operator in list(content)[:3])
        fail(path, f'has {len(content)} operators where one belongs; write {{"$and": [{parts}]}}')

    def _operand(self, key: str, operator: str, operand: Any, path: str) -> None:
        if isinstance(operand, BoundObject):
            fail(path, "a parameter stands for a value, not for an object")
        if key == DOCUMENT:
            if operator not in _CONTAINS:
                fail(path, "of a document there are $contains and $not_contains")
            _searched(operand, path, _TEXT)
        elif operator in _MEMBERS:
            self.members(operand, path)
        elif operator in _ORDER and not is_number(operand):
            fail(path, f"wants a number, not {shown(operand)}: only numbers have an order in Chroma")
        elif isinstance(operand, list):
            fail(path, "wants one value, not a list")
        else:
            scalar(operand, path)


class DocumentFilter(_Walk):
    """A walk over ``where_document``: conditions on the documents' text."""

    def single(self, key: str, content: Any, path: str) -> None:
        """Raise if this is no condition on the text."""
        known = (*_CONTAINS, *_REGEX)
        if key not in known:
            hint = nearest(key, known) if key.startswith("$") else "; a key of metadata belongs into where"
            fail(path, f"is no operator of documents{hint}; there are {', '.join((*known, *_LOGIC))}")
        self.operators.add(key)
        _searched(content, path, _PATTERN if key in _REGEX else _TEXT)


def _searched(value: Any, path: str, most: int) -> None:
    """Raise if *value* is no text that documents can be searched for."""
    if "\0" in text(value, path, most=most, empty=False):
        fail(path, "has a NUL, where Chroma would take the text for its end")

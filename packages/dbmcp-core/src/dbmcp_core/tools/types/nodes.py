"""A type, made ready once for the many values that it is asked about; and what is found wrong with one of them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

from dbmcp_core.tools.model import TypeSpec
from dbmcp_core.tools.types import patterns
from dbmcp_core.tools.types.formats import FORMATS, TEMPORAL

__all__ = ["MAX_DEPTH", "WANTED", "Node", "Path", "Problems", "json_key", "path_text", "shown"]

Path = tuple[str | int, ...]
#: Says what a value that doesn't fit should be; None where it fits. Never shows the value.
Check = Callable[[Any], str | None]

#: How deep a value may be nested.
MAX_DEPTH = 64
#: Characters of a value, or of a name, in a message.
MAX_SHOWN = 60

WANTED = {
    "string": "wants a text",
    "number": "wants a number",
    "integer": "wants a whole number",
    "boolean": "wants true or false",
    "array": "wants a list",
    "object": "wants an object",
}
#: How an undeclared name below a sensitive value shows in a path: it may be part of the value.
HIDDEN_NAME = "?"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NOTHING = object()


class Problems:
    """What is wrong with one value, at its paths; the first *limit* in words, the rest counted."""

    def __init__(self, limit: int, root: str = "") -> None:
        self.texts: list[str] = []
        self.count = 0
        self._limit = limit
        self._root = root

    def add(self, path: Path, message: str, value: object = _NOTHING) -> None:
        """Add what is wrong at *path*; *value* is shown, where it is given."""
        self.count += 1
        if len(self.texts) < self._limit:
            seen = "" if value is _NOTHING else f", not {shown(value)}"
            self.texts.append(f"{path_text(path, self._root)} {message}{seen}".lstrip())

    @property
    def full(self) -> bool:
        """Whether more of them wouldn't show any more."""
        return len(self.texts) >= self._limit

    def __str__(self) -> str:
        more = self.count - len(self.texts)
        return "; ".join([*self.texts, f"and {more} more"] if more else self.texts)


def path_text(path: Path, root: str = "") -> str:
    """Return *path* as people write it: ``filters[0].age``."""
    text = root
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _NAME.fullmatch(part) and len(part) <= MAX_SHOWN:
            text += f".{part}" if text else part
        else:
            text += part if part == HIDDEN_NAME else f"[{_cut(repr(part[:MAX_SHOWN]))}]"
    return text


def shown(value: object) -> str:
    """Return *value* for a message: a scalar as JSON or Python spell it, cut short; a list or an object by its kind."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return repr(value) if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]!r}…"
    if isinstance(value, int) and value.bit_length() > 256:
        return "a number of more than 70 digits"
    if isinstance(value, (int, float, Decimal)):
        return _cut(str(value))
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, (list, tuple, set, frozenset)) else f"a {type(value).__name__}"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def json_key(value: Any, depth: int = 0) -> object:
    """Return what two values share exactly if JSON Schema calls them equal: 1 and 1.0 are, 1 and true aren't.

    What is too deep, or no JSON, is equal to itself alone; it is refused elsewhere.
    """
    if isinstance(value, (str, int, float, Decimal, type(None))):
        if isinstance(value, Decimal) and value.is_snan():  # it can't be hashed
            return (Decimal, id(value))
        return (bool, value) if isinstance(value, bool) else value
    if isinstance(value, (list, tuple)) and depth <= MAX_DEPTH:
        return (list, tuple([json_key(item, depth + 1) for item in value]))
    if isinstance(value, Mapping) and depth <= MAX_DEPTH:
        return (dict, frozenset([(key, json_key(item, depth + 1)) for key, item in value.items()]))
    if isinstance(value, (dt.date, dt.time)):  # YAML reads them from a text without quotes
        return value.isoformat()
    return (type(value), id(value))


class Node:
    """One type with those inside it. Checks are made when first asked for: a definition loads at once."""

    def __init__(self, spec: TypeSpec, *, hidden: bool = False) -> None:
        self.spec = spec
        self.type: str = spec.type
        self.wanted = WANTED[spec.type]
        #: Whether the value, or what it is inside, is sensitive.
        self.inside_hidden = hidden or spec.sensitive
        self.items = Node(spec.items, hidden=self.inside_hidden) if spec.items else None
        self.properties = {name: Node(inner, hidden=self.inside_hidden) for name, inner in spec.properties.items()}
        extra = spec.additional_properties
        self.extra = Node(extra, hidden=self.inside_hidden) if isinstance(extra, TypeSpec) else extra
        #: Whether nothing of the value may show: it is sensitive, or something in it is.
        self.hidden: bool = self.inside_hidden or any(inner.hidden for inner in self._inner())
        #: Whether a date or a time is in it, which is bound as one.
        self.binds: bool = spec.format in TEMPORAL or any(inner.binds for inner in self._inner())

    def _inner(self) -> Iterator[Node]:
        yield from self.properties.values()
        if self.items:
            yield self.items
        if isinstance(self.extra, Node):
            yield self.extra

    @cached_property
    def takes_null(self) -> bool:
        """Whether null may be given: nothing constrains the value, or null is its default or one of its enum."""
        spec = self.spec
        if (spec.has_default and spec.default is None) or (spec.enum is not None and None in spec.enum):
            return True
        return spec.enum is None and not self.constraints and not spec.required

    @cached_property
    def constraints(self) -> list[Check]:
        """The checks of what the type's own keys ask, format and enum aside."""
        return list(_CONSTRAINTS[self.type](self.spec))

    @cached_property
    def checks(self) -> list[Check]:
        """All checks of a value that is of this type."""
        spec = self.spec
        found = list(self.constraints)
        if spec.enum is not None:
            found.append(_enum(spec.enum, hidden=self.hidden))
        if spec.format is not None and self.type == "string":
            found.append(_format(FORMATS[spec.format]))
        return found

    def check(self, value: Any, path: Path, problems: Problems, *, show: bool) -> bool:
        """Add what the type's keys find wrong with *value*; return whether that is nothing."""
        fits = True
        for check in self.checks:
            message = check(value)
            if message is not None:
                fits = False
                self.refuse(path, message, value, problems, show=show)
        return fits

    def refuse(self, path: Path, message: str, value: object, problems: Problems, *, show: bool) -> None:
        """Add *message*, with the value where it may show."""
        problems.add(path, message, value if show and not self.hidden else _NOTHING)

    def name_in_path(self, name: object) -> str:
        """Return how the property *name* shows in a path."""
        text = name if isinstance(name, str) else str(name)
        return HIDDEN_NAME if self.inside_hidden and text not in self.properties else text


def _enum(values: Iterable[Any], *, hidden: bool) -> Check:
    values = list(values)
    known = {json_key(value) for value in values}
    words = ", ".join(shown(value) for value in values[:20]) + (", …" if len(values) > 20 else "")
    message = "wants another value" if hidden else f"wants one of {words}"
    return lambda value: None if json_key(value) in known else message


def _format(read: Callable[[str], Any]) -> Check:
    def check(text: str) -> str | None:
        try:
            read(text)
        except ValueError as exc:
            return str(exc)
        return None

    return check


def _string(spec: TypeSpec) -> Iterator[Check]:
    yield from _sizes(spec.min_length, spec.max_length, "character")
    if spec.pattern is not None:
        yield _pattern(spec.pattern)


def _sizes(least: int | None, most: int | None, noun: str) -> Iterator[Check]:
    if least:
        message = f"wants at least {least} {noun}{'s' * (least != 1)}"
        yield lambda value: message if len(value) < least else None
    if most is not None:
        text = f"wants at most {most} {noun}{'s' * (most != 1)}"
        yield lambda value: text if len(value) > most else None


def _pattern(pattern: str) -> Check:
    try:
        search, longest = patterns.compiled(pattern)
    except ValueError as exc:  # told when the definition is loaded; what can't be checked doesn't pass
        unusable = f"can't be checked: its pattern {exc}"
        return lambda _: unusable
    message = f"wants a match of {shown(pattern)}"
    too_long = f"wants at most {longest} characters, to be matched with its pattern"
    return lambda text: too_long if len(text) > longest else None if search(text) else message


def _number(spec: TypeSpec) -> Iterator[Check]:
    if spec.minimum is not None:
        yield _limit(spec.minimum, "at least", lambda value, limit: value >= limit)
    if spec.maximum is not None:
        yield _limit(spec.maximum, "at most", lambda value, limit: value <= limit)
    if spec.exclusive_minimum is not None:
        yield _limit(spec.exclusive_minimum, "more than", lambda value, limit: value > limit)
    if spec.exclusive_maximum is not None:
        yield _limit(spec.exclusive_maximum, "less than", lambda value, limit: value < limit)
    if spec.multiple_of is not None:
        yield _multiple(spec.multiple_of)


def _limit(limit: float, words: str, holds: Callable[[Any, Any], bool]) -> Check:
    message = f"wants {words} {limit}"
    exact = Decimal(repr(limit))  # 0.1 as it is written: the double is a little more

    def check(value: Any) -> str | None:
        return None if holds(value, exact if isinstance(value, Decimal) else limit) else message

    return check


def _multiple(step: float) -> Check:
    message = f"wants a multiple of {step}"
    exact = Fraction(repr(step))

    def check(value: Any) -> str | None:
        if type(value) is int and type(step) is int:
            return message if value % step else None
        return None if (Fraction(value if isinstance(value, int) else str(value)) / exact).denominator == 1 else message

    return check


def _array(spec: TypeSpec) -> Iterator[Check]:
    yield from _sizes(spec.min_items, spec.max_items, "item")
    if spec.unique_items:
        yield lambda value: "wants no item twice" if len(set(map(json_key, value))) < len(value) else None


_CONSTRAINTS: dict[str, Callable[[TypeSpec], Iterator[Check]]] = {
    "string": _string,
    "number": _number,
    "integer": _number,
    "boolean": lambda _: iter(()),
    "array": _array,
    "object": lambda _: iter(()),
}

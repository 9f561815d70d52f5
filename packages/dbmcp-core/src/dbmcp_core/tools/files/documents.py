"""YAML as plain values, each with its place. Nothing is run, no key may come twice, and size is bounded."""

from __future__ import annotations

import codecs
import functools
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dbmcp_core.tools.problems import Place, Problem

__all__ = ["Document", "Route", "read", "text_of"]

#: Bytes of one file, and values in it: aliases could make millions out of a few lines.
_MOST_BYTES = 1 << 20
_MOST_VALUES = 100_000

_TEXT = "tag:yaml.org,2002:str"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_OLD_NUMBER = re.compile(r"[^:]*:|[-+]?0[0-9_]+$")
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}

#: The keys and indexes that lead to a value.
Route = tuple[str | int, ...]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe, and without YAML's dates: what looks like one is the text that it looks like, as in JSON."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as in the base class
        first: [(tag, expression) for tag, expression in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(slots=True)
class Document:
    """What one file holds, and where each value stands."""

    path: Path
    value: Any = None
    #: What stands in it, if that is text.
    text: str | None = None
    #: Every key that comes in it, wherever.
    keys: frozenset[str] = frozenset()
    _marks: dict[Route, Any] | None = None

    def place(self, route: Sequence[str | int] = ()) -> Place:
        """Return where *route* leads, as far as it leads anywhere."""
        if self._marks is None:
            self._marks = _marks(self.text or "")
        route = tuple(route)
        while route not in self._marks and route:
            route = route[:-1]
        mark = self._marks.get(route)
        return Place(self.path, mark.line + 1, mark.column + 1) if mark is not None else Place(self.path)

    def problem(self, message: str, route: Sequence[str | int] = (), *, subject: str = "") -> Problem:
        """Return a problem at *route*."""
        return Problem(message, self.place(route), subject=subject)


class _Wrong(Exception):
    def __init__(self, message: str, mark: Any = None) -> None:
        super().__init__(message)
        self.mark = mark


def read(path: Path, text: str | None = None) -> tuple[Document, list[Problem]]:
    """Return what the file at *path* holds (or *text*, as if it did), and what is wrong with it as YAML."""
    document = Document(path)
    try:
        document.text = _read(path) if text is None else text
        with _reader(document.text) as reader:
            document.value = reader.document()
            document.keys = frozenset(reader.keys)
    except _Wrong as exc:
        return document, [_problem(path, str(exc), exc.mark)]
    except yaml.MarkedYAMLError as exc:
        return document, [_problem(path, f"not valid YAML: {_said(exc)}", exc.problem_mark)]
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        reason = "it is nested too deeply" if isinstance(exc, RecursionError) else " ".join(str(exc).split())
        return document, [_problem(path, f"not valid YAML: {reason}", None)]
    return document, []


def _marks(text: str) -> dict[Route, Any]:
    """Return where each value of *text* stands. It takes another reading, which a file with nothing wrong spares."""
    marks: dict[Route, Any] = {}
    try:
        with _reader(text, marks) as reader:
            reader.document()
    except (_Wrong, yaml.YAMLError, RecursionError, ValueError):
        return marks  # as far as it could be read: ``read`` has told what is wrong there
    return marks


@contextmanager
def _reader(text: str, marks: dict[Route, Any] | None = None) -> Iterator[_Reader]:
    loader = _Loader(text)
    try:
        yield _Reader(loader, marks)
    finally:
        loader.dispose()


#: What YAML's library says, and what people have done then.
_MEANT = {
    "mapping values are not allowed": "a text with ': ' in it wants quotes; or this line, or one before it, stands too"
    " far to the right or left",
    "did not find expected whitespace": "a text that begins with '!' wants quotes",
    "unknown escape character": "in double quotes a backslash is written twice; in single quotes it is as it is",
    "cannot start any token": "a text that begins so wants quotes",
    "could not find expected ':'": "a key wants a ':' after it",
    "did not find expected ',' or": "a text with a bracket or comma in it wants quotes; or a bracket isn't closed",
    "did not find expected key": "a quote or a bracket isn't closed, or this line stands too far to the right or left",
    "tab character": "indent by spaces",
}


def _said(exc: yaml.MarkedYAMLError) -> str:
    said = str(exc.problem or exc)
    return next((f"{said} ({meant})" for mark, meant in _MEANT.items() if mark in said), said)


def _tag_refused(tag: str, event: Any) -> _Wrong:
    remedy = "; a text that begins with '!' wants quotes" if tag.startswith("!") else ""
    return _Wrong(f"the tag {tag!r} is not allowed{remedy}", event.start_mark)


def text_of(path: Path) -> str:
    """Return the text of a file of a project.

    Raises:
        ValueError: if it can't be had, or is too long.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):  # a pipe would be waited for, and a device has no end
            raise ValueError("is no file")
        if facts.st_size > _MOST_BYTES:
            raise ValueError(f"is larger than {_MOST_BYTES:,} bytes")
        data = path.read_bytes()
    except OSError as exc:
        raise ValueError(f"can't be read: {exc.strerror}") from exc
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise ValueError("is UTF-16; save it as UTF-8") from exc
        line = data.count(b"\n", 0, exc.start) + 1
        raise ValueError(f"is not UTF-8 (line {line}); save it as UTF-8") from exc


def _read(path: Path) -> str:
    try:
        return text_of(path)
    except ValueError as exc:
        raise _Wrong(str(exc)) from exc


def _problem(path: Path, message: str, mark: Any) -> Problem:
    place = Place(path, mark.line + 1, mark.column + 1) if mark is not None else Place(path)
    return Problem(message, place)


@dataclass(slots=True)
class _Anchor:
    """What an alias stands for. While it is being read, its size isn't known yet."""

    value: Any = None
    size: int | None = None


class _Reader:
    """Makes plain values of the parser's events; where *marks* are given, notes in them where each stands.

    A tree of nodes, as PyYAML composes it first, takes twice the time.
    """

    def __init__(self, loader: Any, marks: dict[Route, Any] | None) -> None:
        self.keys: set[str] = set()
        self._next = loader.get_event
        self._marks = marks
        self._count = 0
        self._anchors: dict[str, _Anchor] = {}

    def document(self) -> Any:
        """Return the only document there is; None where there is none."""
        self._next()  # the stream begins
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        event = self._next()
        if self._marks is not None:
            self._marks[()] = event.start_mark
        value = self._value(event, ())
        self._next()  # the document ends
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise _Wrong(
                "a second document begins here; one file is one document, without '---' in it;"
                " several definitions go into 'tools:'",
                event.start_mark,
            )
        return value

    def _value(self, event: Any, route: Route) -> Any:
        self._count += 1
        if self._count > _MOST_VALUES:
            raise _Wrong(f"holds more than {_MOST_VALUES:,} values", event.start_mark)
        if event.anchor is None:
            return self._scalar(event) if isinstance(event, yaml.ScalarEvent) else self._collection(event, route)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.anchor in self._anchors:
            raise _Wrong(f"the anchor {event.anchor!r} is set twice", event.start_mark)
        anchor = self._anchors[event.anchor] = _Anchor()
        before = self._count
        is_scalar = isinstance(event, yaml.ScalarEvent)
        anchor.value = self._scalar(event) if is_scalar else self._collection(event, route)
        anchor.size = self._count - before
        return anchor.value

    def _alias(self, event: Any) -> Any:
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            raise _Wrong(f"the alias {event.anchor!r} stands for nothing before it", event.start_mark)
        if anchor.size is None:
            raise _Wrong("an alias stands inside of what it stands for", event.start_mark)
        self._count += anchor.size
        return anchor.value

    def _collection(self, event: Any, route: Route) -> Any:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        tag = event.tag
        if tag is not None and tag not in ("!", "tag:yaml.org,2002:map" if is_mapping else "tag:yaml.org,2002:seq"):
            raise _tag_refused(tag, event)
        return self._mapping(route) if is_mapping else self._sequence(route)

    def _scalar(self, event: Any) -> Any:
        tag, text = event.tag, event.value
        if tag is None or tag == "!":
            if not event.implicit[0]:
                return text
            tag = _tag_of_short(text) if len(text) <= _SHORT else _tag(text)
        if tag == _TEXT:
            return text
        if tag not in _TAGS:
            raise _tag_refused(tag, event)
        return _constructed(tag, text)

    def _sequence(self, route: Route) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            inner = route
            if self._marks is not None:
                inner = (*route, len(found))
                self._marks.setdefault(inner, event.start_mark)
            found.append(self._value(event, inner))
        return found

    def _mapping(self, route: Route) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event)
            if key == "<<" and event.implicit[0]:
                merged = self._merged(route) | merged
                continue
            if key in found:
                raise _Wrong(f"the key {key!r} stands here twice", event.start_mark)
            inner = route
            if self._marks is not None:
                inner = (*route, key)
                self._marks[inner] = event.start_mark
            found[key] = self._value(self._next(), inner)
        return merged | found if merged else found

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None:
            raise _Wrong("a key wants to be a text; one that begins with a bracket wants quotes", event.start_mark)
        if event.tag is not None and event.tag not in ("!", _TEXT):
            raise _tag_refused(event.tag, event)
        self.keys.add(event.value)
        return event.value

    def _merged(self, route: Route) -> dict[str, Any]:
        """Return what ``<<`` brings in; of several mappings the first is the strongest."""
        event = self._next()
        brought = self._value(event, route)
        merged: dict[str, Any] = {}
        for value in brought if isinstance(brought, list) else [brought]:
            if not isinstance(value, dict):
                raise _Wrong("'<<' wants a mapping, or a list of them", event.start_mark)
            merged = value | merged
        return merged


def _tag(text: str) -> str:
    """Return what a text without quotes is."""
    for tag, expression in _Loader.yaml_implicit_resolvers.get(text[:1], ()):
        if expression.match(text):
            # 12:30 is no number of sixties, and 01234 none of eights: YAML 1.2 has neither.
            return _TEXT if tag in _NUMBERS and _OLD_NUMBER.match(text) else tag
    return _TEXT


#: The same few words come again and again: keys' values such as ``string``, numbers, ``true``.
_SHORT = 24
_tag_of_short = functools.lru_cache(2048)(_tag)


@functools.lru_cache(1024)
def _constructed(tag: str, text: str) -> Any:
    loader = _Loader("")
    try:
        return loader.construct_object(yaml.ScalarNode(tag, text))
    finally:
        loader.dispose()

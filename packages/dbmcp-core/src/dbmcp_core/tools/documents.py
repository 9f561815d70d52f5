"""YAML as plain values, each with its place. Nothing is run, no key may come twice, and size is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dbmcp_core.tools.problems import Place, Problem

__all__ = ["Document", "Route", "read"]

#: Bytes of one file, and values in it: aliases could make millions out of a few lines.
_MOST_BYTES = 1 << 20
_MOST_VALUES = 100_000

_TEXT = "tag:yaml.org,2002:str"
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map")}

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
    value: Any
    marks: dict[Route, Any] = field(default_factory=dict)
    #: What stands in it, if that is text.
    text: str | None = None

    def place(self, route: Sequence[str | int] = ()) -> Place:
        """Return where *route* leads, as far as it leads anywhere."""
        route = tuple(route)
        while route not in self.marks and route:
            route = route[:-1]
        mark = self.marks.get(route)
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
    document = Document(path, None)
    try:
        if text is None:
            text = _text(path)
        document.text = text
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is not None:
                document.marks[()] = node.start_mark
                document.value = _Values(loader, document.marks).of(node, ())
        finally:
            loader.dispose()
    except _Wrong as exc:
        return document, [_problem(path, str(exc), exc.mark)]
    except yaml.MarkedYAMLError as exc:
        return document, [_problem(path, f"not valid YAML: {exc.problem or exc}", exc.problem_mark)]
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        reason = "it is nested too deeply" if isinstance(exc, RecursionError) else " ".join(str(exc).split())
        return document, [_problem(path, f"not valid YAML: {reason}", None)]
    return document, []


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise _Wrong(f"can't be read: {exc.strerror}") from exc
    if len(data) > _MOST_BYTES:
        raise _Wrong(f"is larger than {_MOST_BYTES:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise _Wrong(f"is not UTF-8 (byte {exc.start})") from exc


def _problem(path: Path, message: str, mark: Any) -> Problem:
    place = Place(path, mark.line + 1, mark.column + 1) if mark is not None else Place(path)
    return Problem(message, place)


class _Values:
    """Makes plain values of nodes, and notes where each stands."""

    def __init__(self, loader: Any, marks: dict[Route, Any]) -> None:
        self._loader = loader
        self._marks = marks
        self._count = 0
        self._inside: set[int] = set()

    def of(self, node: yaml.Node, route: Route) -> Any:
        self._count += 1
        if self._count > _MOST_VALUES:
            raise _Wrong(f"holds more than {_MOST_VALUES:,} values", node.start_mark)
        tag = node.tag
        if tag == _TEXT:
            return node.value
        if tag not in _TAGS:
            raise _Wrong(f"the tag {tag!r} is not allowed", node.start_mark)
        if isinstance(node, yaml.ScalarNode):
            return self._loader.construct_object(node)
        if id(node) in self._inside:
            raise _Wrong("an alias stands inside of what it stands for", node.start_mark)
        self._inside.add(id(node))
        found = self._mapping(node, route) if isinstance(node, yaml.MappingNode) else self._sequence(node, route)
        self._inside.discard(id(node))
        return found

    def _sequence(self, node: yaml.Node, route: Route) -> list[Any]:
        found = []
        for index, part in enumerate(node.value):
            inner = (*route, index)
            self._marks.setdefault(inner, part.start_mark)
            found.append(self.of(part, inner))
        return found

    def _mapping(self, node: yaml.MappingNode, route: Route) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged = self._merged(value_node, route) | merged
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise _Wrong("a key wants to be a text", key_node.start_mark)
            key = key_node.value
            if key in found:
                raise _Wrong(f"the key {key!r} stands here twice", key_node.start_mark)
            inner = (*route, key)
            self._marks[inner] = key_node.start_mark
            found[key] = self.of(value_node, inner)
        return merged | found if merged else found

    def _merged(self, node: yaml.Node, route: Route) -> dict[str, Any]:
        """Return what ``<<`` brings in; of several mappings the first is the strongest."""
        merged: dict[str, Any] = {}
        for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            value = self.of(part, route)
            if not isinstance(value, dict):
                raise _Wrong("'<<' wants a mapping, or a list of them", part.start_mark)
            merged = value | merged
        return merged

"""The statements that a template can become: rendered for sample values, until every branch has been gone both ways."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from dbmcp_core.errors import ArgumentsInvalid, DbmcpError, ToolFailed
from dbmcp_core.statement import RefusalCode, Statement
from dbmcp_core.tools.model import Parameter, TypeSpec
from dbmcp_core.tools.sql.checking import Problem, faults
from dbmcp_core.tools.sql.grammar import Grammar
from dbmcp_core.tools.sql.rendering import Rendering
from dbmcp_core.tools.types.checker import convert

__all__ = ["Branches"]

#: Combinations of sample values that are all tried; of more, as many are, with each value in one at least.
MAX_COMBINATIONS = 256
_MAX_FORCED = 16


class Template(Protocol):
    """What renders, as ``JinjaCode`` does."""

    def rendered(
        self, dialect: str, arguments: Mapping[str, Any], forced: Mapping[int, bool] | None = None
    ) -> Rendering:
        """Return one rendering; conditions in *forced* go the way that it says."""

    def bound(self, rendering: Rendering, dialect: str, arguments: Mapping[str, Any]) -> Statement:
        """Return the statement of a rendering."""


class Branches:
    """Walks through a template with sample values."""

    def __init__(self, parameters: Sequence[Parameter], grammar: Grammar, code: Template) -> None:
        self._parameters = parameters
        self._grammar = grammar
        self._code = code
        self._taken: set[tuple[int, bool]] = set()

    def statements(self, dialect: str) -> list[Statement]:
        """Return the different statements, for values that fit."""
        found: dict[str, Statement] = {}
        for arguments in self._combinations():
            try:
                bound = self._code.bound(self._code.rendered(dialect, arguments), dialect, arguments)
            except DbmcpError:
                continue  # these values don't go together; a call with them is refused
            found.setdefault(bound.text, bound)
        return list(found.values())

    def problems(self, dialect: str, *, read_only: bool, tolerate: Collection[RefusalCode]) -> list[Problem]:
        """Return what is wrong, each problem once, with its line in the template."""
        problems: dict[str, None] = {}
        seen: set[str] = set()
        refused: ArgumentsInvalid | None = None
        for arguments in self._combinations():
            try:
                rendering = self._code.rendered(dialect, arguments)
                self._taken |= rendering.taken
                text = self._code.bound(rendering, dialect, arguments).text
            except ArgumentsInvalid as exc:
                refused = refused or exc
                continue
            except (ToolFailed, DbmcpError) as exc:
                problems[str(exc)] = None
                continue
            if text not in seen:
                seen.add(text)
                self._judge(problems, rendering, text, dialect, read_only, tolerate)
        if not seen and not problems and refused is not None:
            problems[f"no values were found that it can be rendered for: {refused.message}"] = None
        if (unfit := self._by_default(dialect)) is not None:
            problems[f"it can't be rendered for the default values: {unfit}"] = None
        self._force(problems, seen, dialect, read_only, tolerate)
        return [((), message) for message in problems]

    def _by_default(self, dialect: str) -> str | None:
        """Return why a call without arguments would fail, where all parameters have a default."""
        if not all(parameter.has_default for parameter in self._parameters):
            return None
        try:
            self._code.rendered(dialect, convert(self._parameters, {}))
        except ArgumentsInvalid as exc:
            return exc.message
        except DbmcpError:
            return None  # told above, or by the default itself
        return None

    def _force(
        self,
        problems: dict[str, None],
        seen: set[str],
        dialect: str,
        read_only: bool,
        tolerate: Collection[RefusalCode],
    ) -> None:
        """Go the ways that no sample value leads to. What they become may make no sense, but it must not write."""
        lenient = {*tolerate, *RefusalCode} - {RefusalCode.MULTIPLE, RefusalCode.NOT_A_READ, RefusalCode.NOT_A_WRITE}
        ways = [(id(node), way) for node in self._grammar.branches for way in (True, False)]
        for way in [one for one in ways if one not in self._taken]:
            path = _path(self._grammar.branches, way[0])
            for arguments in itertools.islice(self._combinations(), _MAX_FORCED):
                try:
                    rendering = self._code.rendered(dialect, arguments, {**path, way[0]: way[1]})
                    text = self._code.bound(rendering, dialect, arguments).text
                except DbmcpError as exc:
                    problems[str(exc)] = None
                    continue
                if text not in seen:
                    seen.add(text)
                    self._judge(problems, rendering, text, dialect, read_only, lenient)

    def _judge(
        self,
        problems: dict[str, None],
        rendering: Rendering,
        text: str,
        dialect: str,
        read_only: bool,
        tolerate: Collection[RefusalCode],
    ) -> None:
        found = faults(text, dialect, read_only=read_only, tolerate=tolerate)
        if found is not None:
            message, line = found
            problems[message if line is None else f"line {_template_line(rendering, line)}: {message}"] = None

    def _combinations(self) -> Iterator[dict[str, Any]]:
        names = [parameter.name for parameter in self._parameters]
        choices = [self._choices(parameter) for parameter in self._parameters]
        if math.prod(map(len, choices)) <= MAX_COMBINATIONS:
            for values in itertools.product(*choices):
                yield dict(zip(names, values, strict=True))
            return
        for index in range(max(map(len, choices))):  # each value once, then any mixture, the same at every run
            yield {name: some[index % len(some)] for name, some in zip(names, choices, strict=True)}
        for name, some_values in zip(names, choices, strict=True):
            for value in some_values:
                yield {**{one: some[0] for one, some in zip(names, choices, strict=True)}, name: value}
        dice = random.Random(0)  # noqa: S311 - no secret
        for _ in range(MAX_COMBINATIONS):
            yield {name: dice.choice(some) for name, some in zip(names, choices, strict=True)}

    def _choices(self, parameter: Parameter) -> list[Any]:
        values = self._samples(parameter)
        return [*values, parameter.default] if parameter.has_default and parameter.default not in values else values

    def _samples(self, spec: TypeSpec) -> list[Any]:
        """Return values of this type, the ones that the template compares with among them."""
        if spec.enum:
            return list(spec.enum)
        if spec.type == "boolean":
            return [True, False]
        if spec.type in ("integer", "number"):
            near = {near for number in self._grammar.numbers for near in (number - 1, number, number + 1)}
            return sorted({1, 0, 2, *near}, key=lambda number: (number != 1, number))[:12]
        if spec.type == "array":
            items = self._samples(spec.items)[:2] if spec.items is not None else ["a", "b"]
            return [[items[0]], [], [items[0], items[-1]]]
        if spec.type == "object":
            every = {name: self._samples(one)[0] for name, one in spec.properties.items()}
            return [every, {name: every[name] for name in spec.required if name in every}]
        return ["a", *sorted(self._grammar.texts - {"a", ""})[:10], ""]


def _path(branches: Sequence[Any], wanted: int) -> dict[int, bool]:
    """Return the ways that lead to a branch: into each loop and condition that it stands in."""
    path: dict[int, bool] = {}
    for branch in branches:
        if id(branch) == wanted:
            continue
        inside = [id(one) for child in branch.body for one in (child, *child.find_all(type(branch)))]
        inside += [id(one) for child in branch.body for one in _branches_in(child)]
        if wanted in inside:
            path[id(branch)] = True
        elif any(wanted in (id(one) for one in (child, *_branches_in(child))) for child in branch.else_):
            path[id(branch)] = False
    return path


def _branches_in(node: Any) -> list[Any]:
    from jinja2 import nodes

    return list(node.find_all((nodes.If, nodes.For)))


def _template_line(rendering: Rendering, line: int) -> int:
    """Return the template's line of a line of what was rendered."""
    at = 1
    for text, template_line in rendering.pieces:
        breaks = text.count("\n")
        if at + breaks >= line and (at == line or breaks):
            return template_line + line - at
        at += breaks
    return rendering.pieces[-1][1] if rendering.pieces else 1

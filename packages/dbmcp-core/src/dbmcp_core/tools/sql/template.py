"""SQL written with Jinja, for what binding can't do: optional conditions, loops, IN lists, chosen columns.

Jinja reads the template; what runs it is in ``rendering`` and ``expressions``, which know plain data and nothing else.
Every ``{{ expression }}`` becomes a bound parameter, whatever it went through.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dbmcp_core.errors import ToolFailed
from dbmcp_core.statement import RefusalCode, Statement
from dbmcp_core.tools.model import Parameter
from dbmcp_core.tools.sql.checking import Problem
from dbmcp_core.tools.sql.code import reference_problems, unused_problems
from dbmcp_core.tools.sql.expressions import Forbidden, Scope
from dbmcp_core.tools.sql.grammar import Grammar, parsed, undeclared_problem
from dbmcp_core.tools.sql.references import Cut, cut, spelled, statement
from dbmcp_core.tools.sql.rendering import Rendering

if TYPE_CHECKING:
    from jinja2 import nodes

__all__ = ["JinjaCode", "jinja_code"]

_RESERVED = re.compile(r"__\d+")
_MAX_CUTS = 256


class _Read(NamedTuple):
    """A template that was read: its tree, what it uses, and what is wrong with it."""

    tree: nodes.Template | None
    grammar: Grammar
    problems: list[Problem]


class JinjaCode:
    """One template. Use ``jinja_code``."""

    def __init__(self, text: str, parameters: Sequence[Parameter], dialect: str) -> None:
        self._text = text
        self._parameters = list(parameters)
        self._names = [parameter.name for parameter in parameters]
        self._dialect = dialect
        self._known: _Read | None = None
        self._cuts: dict[str, Cut] = {}

    def problems(self) -> list[Problem]:
        """Return what is wrong with the template, looked at without rendering it."""
        return list(self._read().problems)

    def check(self, dialect: str, *, read_only: bool, tolerate: Collection[RefusalCode] = ()) -> list[Problem]:
        """Return what is wrong with the statements that the template can become, on all its branches."""
        if self._read().problems:
            return []  # said already; and a template with problems isn't rendered
        from dbmcp_core.tools.sql.branches import Branches

        branches = Branches(self._parameters, self._read().grammar, self)
        return branches.problems(dialect, read_only=read_only, tolerate=tolerate)

    def statement(self, arguments: Mapping[str, Any]) -> Statement:
        """Return the statement for these arguments: every value is bound.

        Raises:
            ToolFailed: The template has problems, or writes a value where the server sees no placeholder.
            ArgumentsInvalid: The values don't fit what the template does with them.
            LimitExceeded: It takes too long, or grows too large.
        """
        rendering = self.rendered(self._dialect, arguments)
        return self.bound(rendering, self._dialect, arguments)

    def samples(self) -> list[Statement]:
        """Return the statements that the template becomes for sample values."""
        from dbmcp_core.tools.sql.branches import Branches

        return Branches(self._parameters, self._read().grammar, self).statements(self._dialect)

    def rendered(
        self, dialect: str, arguments: Mapping[str, Any], forced: Mapping[int, bool] | None = None
    ) -> Rendering:
        """Return one rendering; a parameter that isn't given is None."""
        read = self._read()
        if read.problems or read.tree is None:
            raise ToolFailed(f"The template can't be used: {read.problems[0][1]}.")
        rendering = Rendering(dialect, read.grammar.allowed, forced)
        try:
            rendering.body(read.tree.body, Scope(None, {**dict.fromkeys(self._names), **arguments}))
        except RecursionError as exc:
            raise ToolFailed("The template's values are nested too deep.") from exc
        return rendering

    def bound(self, rendering: Rendering, dialect: str, arguments: Mapping[str, Any]) -> Statement:
        """Return the statement of a rendering, having made sure that each placeholder is one to the server."""
        found = self._cut(rendering.text, dialect)
        placed = [one.name for one in found.references if one.name is not None and _RESERVED.fullmatch(one.name)]
        if placed != list(rendering.values):
            line = _misplaced_line(rendering, set(placed))
            raise ToolFailed(
                f"Line {line} of the template writes a value inside of quotes, a comment or another word.",
                hint="Write {{ value }} without quotes, as a value of its own; {{ 'a' ~ value }} joins texts.",
                details={"line": line},
            )
        return statement(found, {**dict.fromkeys(self._names), **arguments, **rendering.values}, dialect)

    def _cut(self, text: str, dialect: str) -> Cut:
        key = f"{dialect}:{text}"
        found = self._cuts.get(key)
        if found is None:
            if len(self._cuts) >= _MAX_CUTS:
                self._cuts.clear()
            found = self._cuts[key] = cut(text, dialect)
        return found

    def _read(self) -> _Read:
        if self._known is None:
            self._known = self._looked_at()
        return self._known

    def _looked_at(self) -> _Read:
        grammar = Grammar(self._parameters)
        reserved = [one for one in self._names if _RESERVED.fullmatch(one)]
        try:
            tree = parsed(self._text)
            grammar.body(tree.body, frozenset(self._names))
        except Forbidden as exc:
            return _Read(None, grammar, [((), f"line {exc.line}: {exc}")])
        problems: list[Problem] = [
            ((), undeclared_problem(name, line, self._names)) for name, line in dict.fromkeys(grammar.undeclared)
        ]
        problems += [(("parameters", self._names.index(one), "name"), f"{one!r} is reserved") for one in reserved]
        literal = self._cut(_literal(tree), self._dialect)
        problems += reference_problems(literal, self._names)
        used = {spelled(one.name, self._names) for one in literal.references if one.name is not None}
        problems += unused_problems(self._names, used | grammar.used)
        if not self._text.strip():
            problems = [((), "the code is empty")]
        return _Read(tree, grammar, problems)


def jinja_code(text: str, parameters: Sequence[Parameter], dialect: str) -> JinjaCode:
    """Return *text* as a template with these parameters, for a source of *dialect*."""
    return JinjaCode(text, parameters, dialect)


def _literal(tree: nodes.Template) -> str:
    """Return the template's own text in its order and lines, with a NULL for what would be written."""
    from jinja2 import nodes

    pieces: list[str] = []
    line = 1
    for output in tree.find_all(nodes.Output):
        for child in output.nodes:
            missing = child.lineno - line
            pieces.append("\n" * max(0, missing))
            piece = child.data if isinstance(child, nodes.TemplateData) else " NULL "
            pieces.append(piece)
            line += max(0, missing) + piece.count("\n")
    return "".join(pieces)


def _misplaced_line(rendering: Rendering, placed: Collection[str | None]) -> int:
    """Return the template's line of the first placeholder that is none."""
    for text, line in rendering.pieces:
        if any(name not in placed and text.rstrip().endswith(f"${name}") for name in rendering.values):
            return line
    return rendering.pieces[0][1] if rendering.pieces else 1

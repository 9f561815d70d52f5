"""SQL as people write it in a tool: ``$name`` and ``:name`` are its parameters, bound by the driver on each engine."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from dbmcp_core.settings import nearest
from dbmcp_core.statement import RefusalCode, Statement
from dbmcp_core.tools.model import Parameter
from dbmcp_core.tools.sql.checking import Code, Problem, faults
from dbmcp_core.tools.sql.references import Cut, cut, spelled, statement
from dbmcp_core.tools.sql.values import with_json_lists

__all__ = ["Code", "SqlCode", "reference_problems", "sql_code", "unused_problems"]


class SqlCode:
    """One statement with references. Use ``sql_code``."""

    def __init__(self, text: str, parameters: Sequence[Parameter], dialect: str) -> None:
        self._text = text
        self._parameters = list(parameters)
        self._names = [parameter.name for parameter in parameters]
        self._dialect = dialect
        self._cuts: dict[str, Cut] = {}

    def _cut(self, dialect: str) -> Cut:
        found = self._cuts.get(dialect)
        if found is None:
            found = self._cuts[dialect] = cut(self._text, dialect)
        return found

    def problems(self) -> list[Problem]:
        """Return references to what isn't a parameter, and parameters that nothing refers to."""
        if not self._text.strip():
            return [((), "the code is empty")]
        references = self._cut(self._dialect)
        if (line := _template_at(references)) is not None:
            return [((), f"line {line}: this is a template; say 'language: jinja'")]
        used = {spelled(one.name, self._names) for one in references.references if one.name is not None}
        return [*reference_problems(references, self._names), *unused_problems(self._names, used, self._text)]

    def check(self, dialect: str, *, read_only: bool, tolerate: Collection[RefusalCode] = ()) -> list[Problem]:
        """Return what the guard finds wrong with the statement."""
        if reference_problems(self._cut(dialect), self._names):
            return []  # said already
        text = statement(self._cut(dialect), dict.fromkeys(self._names), dialect, by_name=True).text
        found = faults(text, dialect, read_only=read_only, tolerate=tolerate)
        return [((), _at_line(*found))] if found else []

    def statement(self, arguments: Mapping[str, Any]) -> Statement:
        """Return the statement with the driver's placeholders, and the values that it refers to."""
        values = with_json_lists(arguments, self._parameters, self._dialect)
        return statement(self._cut(self._dialect), values, self._dialect, by_name=True)

    def samples(self) -> list[Statement]:
        """Return the statement with NULL for every value."""
        return [self.statement(dict.fromkeys(self._names))]


def sql_code(text: str, parameters: Sequence[Parameter], dialect: str) -> SqlCode:
    """Return *text* as code with these parameters, for a source of *dialect*."""
    return SqlCode(text, parameters, dialect)


def reference_problems(found: Cut, names: Collection[str]) -> list[Problem]:
    """Return what is wrong with the references of a text: not declared, or of a style that has no names."""
    problems: list[Problem] = []
    seen: set[str] = set()
    for reference in found.references:
        if reference.written in seen:
            continue
        seen.add(reference.written)
        line = found.text.count("\n", 0, reference.start) + 1
        if reference.name is None:
            problems.append(((), f"line {line}: {reference.written!r} has no name: write $name for a parameter"))
        elif spelled(reference.name, names) is None:
            problems.append(((), f"line {line}: {reference.written!r} is no parameter{nearest(reference.name, names)}"))
    return problems


def unused_problems(names: Sequence[str], used: Collection[str | None], text: str = "") -> list[Problem]:
    """Return the parameters that nothing in *text* refers to."""
    return [
        (("parameters", index), f"parameter {name!r} is not used in the code{_instead(name, text)}")
        for index, name in enumerate(names)
        if name not in used
    ]


def _instead(name: str, text: str) -> str:
    """Return how a parameter is written that *text* has in another system's way, or in quotes."""
    other = re.search(rf"""%\({name}\)s|[$]?\{{\s*{name}\s*\}}|@{name}\b|['"][$:]{name}['"]|<{name}>""", text)
    if other is None:
        return ""
    where = ": in quotes it is text" if other[0][0] in "'\"" else ""
    return f"; write ${name}, not {other[0]}{where}"


def _template_at(found: Cut) -> int | None:
    """Return the line of the first mark of Jinja's that no SQL has, outside of strings, if there is one."""
    mark = re.search(r"\{[{%]", "".join(found.masked))
    return None if mark is None else found.text.count("\n", 0, mark.start()) + 1


def _at_line(message: str, line: int | None) -> str:
    return message if line is None else f"line {line}: {message}"

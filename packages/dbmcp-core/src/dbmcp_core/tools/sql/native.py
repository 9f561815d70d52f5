"""Code in a language of an engine's own, which is no SQL: mongosh, JSON. ``:name`` and ``$name`` are its parameters.

The engine reads the text and puts the values in, and it alone; here only names are looked for, so that one that is
misspelt is told when the definition is checked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from dbmcp_core.errors import ToolFailed
from dbmcp_core.statement import RefusalCode, Statement
from dbmcp_core.tools.model import Parameter
from dbmcp_core.tools.sql.checking import Problem
from dbmcp_core.tools.sql.code import reference_problems, unused_problems
from dbmcp_core.tools.sql.references import Cut, Reference

__all__ = ["NativeCode"]

#: A text, a comment, or a reference: what stands where a value may, and is no key.
_TOKEN = re.compile(
    r"""
      "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `(?:\\.|[^`\\])*` | //[^\n]* | /\*.*?\*/
    | (?<=[:\[(,=]) (?P<space>\s*) (?P<reference> [:$](?P<name>[A-Za-z_]\w*) | [$]\d+ | \? ) (?!\w|\s*:)
    """,
    re.VERBOSE | re.DOTALL,
)


class NativeCode:
    """One statement in a language of the engine's own."""

    def __init__(self, text: str, parameters: Sequence[Parameter], language: str) -> None:
        self._text = text
        self._names = [parameter.name for parameter in parameters]
        self._is_template = language == "jinja"

    @cached_property
    def _cut(self) -> Cut:
        found = [match for match in _TOKEN.finditer(self._text) if match["reference"]]
        return Cut(
            self._text,
            tuple(Reference(one["reference"], one["name"], one.start("reference"), one.end()) for one in found),
        )

    def problems(self) -> list[Problem]:
        """Return references to what isn't a parameter, and parameters that nothing refers to."""
        if self._is_template:
            return [(("language",), "Jinja writes SQL, and this source has another language; write :name for a value")]
        if not self._text.strip():
            return [((), "the code is empty")]
        # Names are taken as they are spelt: the engine looks them up.
        used = {one.name for one in self._cut.references if one.name in self._names}
        return [*reference_problems(self._cut, self._names), *unused_problems(self._names, used)]

    def check(
        self,
        dialect: str,  # noqa: ARG002
        *,
        read_only: bool,  # noqa: ARG002
        tolerate: Collection[RefusalCode] = (),  # noqa: ARG002
    ) -> list[Problem]:
        """Return nothing: only the engine can read its language."""
        return []

    def statement(self, arguments: Mapping[str, Any]) -> Statement:
        """Return the statement, and the values that it refers to, by name.

        Raises:
            ToolFailed: The code has problems.
        """
        if found := self.problems():
            raise ToolFailed(f"The code can't be used: {found[0][1]}.")
        pieces: list[str] = []
        position = 0
        for one in self._cut.references:  # of two spellings the one that all such engines know
            pieces += [self._text[position : one.start], f":{one.name}"]
            position = one.end
        text = "".join([*pieces, self._text[position:]])
        return Statement(text, {str(one.name): arguments[str(one.name)] for one in self._cut.references})

    def samples(self) -> list[Statement]:
        """Return the statement with null for every value."""
        return [self.statement(dict.fromkeys(self._names))]

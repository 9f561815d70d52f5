"""References to parameters in a statement: ``$name`` and ``:name``, brought into what each engine's driver binds.

A text is cut with the guard's own rules for strings, comments and quoted names, so what stands in one of those is no
reference. Only references change; no value ever becomes part of a text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from dbmcp_core.binding import BEFORE_VALUE
from dbmcp_core.errors import ArgumentsInvalid, ConfigError
from dbmcp_core.statement import Statement
from dbmcp_core.tools.sql.values import bindable

__all__ = ["Cut", "Reference", "cut", "statement"]

#: Engines whose placeholders have numbers, so that one value can be referred to twice; elsewhere it is bound twice.
_NUMBERED = {"postgres": "$", "duckdb": "$", "sqlite": "?"}
#: Engines whose placeholders have names.
_NAMED = frozenset({"duckdb"})
_NAME = r"[A-Za-z_]\w*"
#: A path into a value, ``$o:field``: Databricks would read its beginning as one more placeholder.
_PATH = re.compile(r":(?!:)")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Reference:
    """One placeholder: how it is written, the name in it, and where it stands. ``name`` is None for other styles."""

    written: str
    name: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A text and the references in it, in their order."""

    text: str
    references: tuple[Reference, ...]
    #: Places of strings, quoted names and comments, each with the character that stands for it.
    hidden: tuple[tuple[int, int, str], ...] = ()

    @property
    def masked(self) -> list[str]:
        """The text's characters, without what those hold."""
        return _mask(self.text, self.hidden)


@cache
def _pattern(dialect: str) -> re.Pattern[str]:
    from dbmcp_core.guard.lexer import RULES  # compiles no pattern yet

    if dialect not in RULES:
        raise ConfigError(f"There is no dialect {dialect!r}.", hint=f"The known ones are: {', '.join(sorted(RULES))}.")
    rules = RULES[dialect]
    numbers = r"|\d+" if dialect in _NUMBERED else ""  # elsewhere $5 is an amount of money, or nothing
    native = r"|(?P<native>@\w+)" if dialect == "sqlite" else ""
    # What begins with a letter (E'…') or a dollar does so only where no word goes on.
    return re.compile(
        rf"(?=['\"`\[$:?@/#a-zA-Z-])(?:(?P<comment>{rules.line_comment}|/\*)"
        rf"|(?:(?<![\w$])|(?=['\"]))(?P<string>{rules.string})|(?P<quoted>{rules.quoted})"
        rf"|(?<![\w$])(?P<dollar>\$(?:{_NAME}{numbers}))(?![\w$])"
        rf"|(?P<cast>::|:=)|(?P<colon>:{_NAME})|(?P<mark>\?\d*){native})",
        re.DOTALL,
    )


def cut(text: str, dialect: str) -> Cut:
    """Return the references of *text*, as the server of *dialect* would cut it."""
    pattern, found, position = _pattern(dialect), [], 0
    masked: list[str] | None = None
    hidden: list[tuple[int, int, str]] = []
    while match := pattern.search(text, position):
        position = match.end()
        kind, written = match.lastgroup, match[0]
        if kind == "comment":
            position = _comment_end(text, match.start(), dialect) if written == "/*" else position
            hidden.append((match.start(), position, " "))
        elif kind in ("string", "quoted"):
            hidden.append((match.start(), position, "'"))
        elif kind == "dollar":
            name = written[1:]
            found.append(Reference(written, None if name[0].isdigit() else name, match.start(), position))
        elif kind in ("colon", "mark", "native"):
            masked = _mask(text, hidden)
            before = "".join(masked[: match.start()])
            if kind == "colon" and _begins_value(before):
                found.append(Reference(written, written[1:], match.start(), position))
            elif kind == "native" or (kind == "mark" and not (dialect == "postgres" and _ends_operand(before))):
                found.append(Reference(written, None, match.start(), position))
    return Cut(text, tuple(found), tuple(hidden))


def _comment_end(text: str, start: int, dialect: str) -> int:
    from dbmcp_core.guard.lexer import RULES

    depth, position, nested = 0, start, RULES[dialect].nested is not False
    for edge in re.finditer(r"/\*|\*/", text[start:]):
        if edge[0] == "/*":
            depth += 1 if nested or depth == 0 else 0
        else:
            depth -= 1
        position = start + edge.end()
        if depth == 0:
            return position
    return len(text)


def _mask(text: str, hidden: Collection[tuple[int, int, str]]) -> list[str]:
    chars = list(text)
    for start, end, char in hidden:
        chars[start:end] = char * (end - start)
    return chars


_LAST_WORD = re.compile(r"\w+\Z")


def _ends_operand(before: str) -> bool:
    """Tell whether an expression may end here: what follows is then an operator."""
    before = before.rstrip()
    if word := _LAST_WORD.search(before):
        return word[0].lower() not in BEFORE_VALUE
    return before[-1:] in ("'", ")", "]")


def _begins_value(before: str) -> bool:
    """Tell a ``:name`` from a slice ``[1:n]`` and a path ``column:field``; casts are gone already."""
    stripped = before.rstrip()
    word = _LAST_WORD.search(stripped)
    if word is None or word[0].isdigit():
        return not _ends_operand(before)
    return word[0].lower() in BEFORE_VALUE or (len(stripped) < len(before) and not _in_brackets(stripped))


def _in_brackets(before: str) -> bool:
    depth = 0
    for char in reversed(before):
        depth += (char in "])}") - (char in "[({")
        if depth < 0:
            return char in "[{"
    return False


def spelled(name: str, known: Collection[str]) -> str | None:
    """Return the name among *known* that *name* refers to: the same, or the only one but for its case."""
    if name in known:
        return name
    close = [one for one in known if one.lower() == name.lower()]
    return close[0] if len(close) == 1 else None


def statement(found: Cut, values: Mapping[str, Any], dialect: str, *, by_name: bool = False) -> Statement:
    """Return the text with the driver's placeholders, and the values that it refers to, in their order.

    With *by_name* they have their names where the driver takes such.

    Raises:
        ArgumentsInvalid: There is no value for a reference.
    """
    if not found.references:
        return Statement(found.text)
    if by_name and dialect in _NAMED and _are_names(values):
        return _named(found, values, dialect)
    numbered = _NUMBERED.get(dialect)
    pieces: list[str] = []
    bound: list[Any] = []
    numbers: dict[str, int] = {}
    position = 0
    for reference in found.references:
        name = _spelled(reference, values)
        if numbered is None or name not in numbers:
            bound.append(bindable(values[name], dialect, name))
            numbers[name] = len(bound)
        placeholder = f"{numbered}{numbers[name]}" if numbered else "?"
        if dialect == "databricks" and _PATH.match(found.text, reference.end):
            placeholder = f"({placeholder})"
        pieces += [found.text[position : reference.start], placeholder]
        position = reference.end
    return Statement("".join([*pieces, found.text[position:]]), tuple(bound))


def _named(found: Cut, values: Mapping[str, Any], dialect: str) -> Statement:
    """Return the text with ``$name`` for each reference: a column that is nothing else is called so, too."""
    pieces: list[str] = []
    bound: dict[str, Any] = {}
    position = 0
    for reference in found.references:
        name = _spelled(reference, values)
        bound[name] = bindable(values[name], dialect, name)
        pieces += [found.text[position : reference.start], f"${name}"]
        position = reference.end
    return Statement("".join([*pieces, found.text[position:]]), bound)


def _are_names(names: Collection[str]) -> bool:
    """Whether placeholders may be called so; a database may not tell $A from $a."""
    return all(map(_IDENTIFIER.fullmatch, names)) and len({name.lower() for name in names}) == len(names)


def _spelled(reference: Reference, values: Mapping[str, Any]) -> str:
    name = None if reference.name is None else spelled(reference.name, values)
    if name is None:
        raise ArgumentsInvalid(f"There is no value for {reference.written!r}.")
    return name

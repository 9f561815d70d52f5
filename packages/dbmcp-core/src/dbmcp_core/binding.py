"""Placeholders of any style, brought into the one that a driver takes; values are bound by the driver, always.

The text is cut into the words that its server would see, so what stands in a string, a comment, a quoted name or a
cast (``a::int``) is no placeholder. Only the placeholders change; no value ever becomes part of the text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from dbmcp_core.errors import QueryFailed
from dbmcp_core.guard.vocabulary import words
from dbmcp_core.settings import nearest
from dbmcp_core.statement import Statement

if TYPE_CHECKING:
    from dbmcp_core.guard.lexer import Lexeme

__all__ = ["BEFORE_VALUE", "bind"]

#: Words that a value may follow. After any other word, and after a literal or a bracket, ``?`` and ``%`` are operators.
BEFORE_VALUE = words(
    """all and any as between by case date distinct else escape except exists fetch first from having ilike in intersect
    interval into is isnull like limit next not notnull offset on only or order over percent regexp return returning
    rlike row select set similar some step time timestamp then to top union using values when where with"""
)


class _Place(NamedTuple):
    """One placeholder: its style as people write it, the name or number in it (None for the next one), its place."""

    style: str
    key: str | None
    start: int
    end: int


def bind(statement: Statement, dialect: str, style: Literal["?", "$", "$name"]) -> Statement:
    """Return *statement* with placeholders ``?`` or ``$1``, ``$2``, …, and its values as a list in their order.

    With the style ``$name`` a text whose placeholders are written so stays as it is, with its values by their names.
    Taken are ``?``, ``$1``, ``:1`` and ``%s`` with a list; ``:name``, ``$name`` and ``%(name)s`` with a mapping or, in
    the order in which they first appear, with a list. A statement without values stays as it is.

    Raises:
        QueryFailed: Placeholders and values don't fit together, or two styles are mixed.
    """
    params = statement.params
    if not params:
        return statement
    from dbmcp_core.guard.lexer import LexError, lex  # costs what judging does, which comes next anyway

    try:
        lexemes = lex(statement.text, dialect).lexemes
    except LexError:  # the guard is about to say why
        return statement
    places = list(_places(statement.text, lexemes, dialect))
    _check_style(places)
    values = _by_name(places, params) if isinstance(params, Mapping) else _by_number(places, params)
    if style == "$name" and isinstance(params, Mapping) and all(place.style == "$name" for place in places):
        named = dict(values)
        if len({name.lower() for name in named}) == len(named):  # a database may not tell $A from $a
            return dataclasses.replace(statement, params=named)
    text, bound = _rewritten(statement.text, places, values, style)
    return dataclasses.replace(statement, text=text, params=bound)


def _places(text: str, lexemes: Sequence[Lexeme], dialect: str) -> Iterator[_Place]:
    for index, lexeme in enumerate(lexemes):
        before = lexemes[index - 1] if index else None
        part, start, end = lexeme.part.name, lexeme.start, lexeme.end
        written = text[start:end]
        if written == "?":
            # PostgreSQL asks whether JSON has a key, Databricks casts by ``v?::int``.
            may_be_operator = dialect == "postgres" or (dialect == "databricks" and text[end : end + 2] == "::")
            if not (may_be_operator and _is_operand(before)):
                yield _Place("?", None, start, end)
        elif part == "PARAM" and written[0] == "%":
            if not _is_operand(before):
                yield _Place("%(name)s" if end - start > 2 else "%s", written[2:-2] or None, start, end)
        elif part == "PARAM" or (dialect == "mysql" and part == "WORD" and written[0] == "$" and end - start > 1):
            yield _Place(_style(written), written[1:], start, end)
        elif part == "OP" and written == ":" and _is_colon_name(lexemes, index):
            name = text[end : lexemes[index + 1].end]
            yield _Place(_style(f":{name}"), name, start, end + len(name))


def _style(written: str) -> str:
    return written[0] + ("1" if written[1:].isdigit() else "name")


def _is_operand(lexeme: Lexeme | None) -> bool:
    """Tell whether an expression may end with this: what follows is then an operator."""
    if lexeme is None:
        return False
    if lexeme.part.name == "WORD":
        return lexeme.text not in BEFORE_VALUE
    return lexeme.part.name in ("QUOTED", "STRING", "NUMBER", "PARAM") or lexeme.text in (")", "]")


def _is_colon_name(lexemes: Sequence[Lexeme], index: int) -> bool:
    """Tell a ``:name`` from a cast ``::``, an assignment ``:=``, a slice ``[1:n]`` and a path ``column:field``."""
    if index + 1 == len(lexemes):
        return False
    colon, after = lexemes[index], lexemes[index + 1]
    if after.part.name not in ("WORD", "NUMBER") or after.start != colon.end:
        return False
    before = lexemes[index - 1] if index else None
    if before is None:
        return True
    if before.text == ":" and before.end == colon.start:
        return False
    if before.part.name == "WORD":
        return before.text in BEFORE_VALUE or (before.end < colon.start and not _in_brackets(lexemes, index))
    return not _is_operand(before)


def _in_brackets(lexemes: Sequence[Lexeme], index: int) -> bool:
    depth = 0
    for lexeme in reversed(lexemes[:index]):
        if lexeme.part.name == "OP":
            depth += (lexeme.text in "])}") - (lexeme.text in "[({")
            if depth < 0:
                return bool(lexeme.text in "[{")
    return False


def _check_style(places: Sequence[_Place]) -> None:
    styles = sorted({place.style for place in places})
    if len(styles) > 1:
        raise QueryFailed(
            f"The statement mixes placeholders: {' and '.join(styles)}.", hint="Use one style in a statement."
        )


def _by_name(places: Sequence[_Place], params: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return, for each place, its key and value."""
    if any(place.key is None for place in places):
        raise QueryFailed("The placeholders have no names.", hint="Give the values as a list.")
    spelled = {name.lower(): name for name in params}
    found = []
    for place in places:
        name = place.key if place.key in params else spelled.get((place.key or "").lower())
        if name is None:
            raise QueryFailed(f"There is no value for the placeholder {place.key!r}{nearest(place.key or '', params)}.")
        found.append((name, params[name]))
    unused = sorted(set(params) - {name for name, _ in found})
    if unused:
        raise QueryFailed(f"The statement has no placeholder for {', '.join(map(repr, unused))}.")
    return found


def _by_number(places: Sequence[_Place], params: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return, for each place, its key and value; names count in the order in which they first appear."""
    numbers: dict[str, int] = {}
    for place in places:
        key = place.key if place.key is not None else f"{len(numbers)}"
        if place.key is not None and place.key.isdigit():
            numbers[key] = int(key) - 1
        else:
            numbers.setdefault(key, len(numbers))
    if set(numbers.values()) != set(range(len(params))):
        wanted = ", ".join(str(number + 1) for number in sorted(set(numbers.values()))) or "none"
        raise QueryFailed(f"Values for the placeholders {wanted} are wanted, and {len(params)} were given.")
    order = iter(range(len(places)))
    keys = [place.key if place.key is not None else f"{next(order)}" for place in places]
    return [(key, params[numbers[key]]) for key in keys]


def _rewritten(
    text: str, places: Sequence[_Place], values: Sequence[tuple[str, Any]], style: str
) -> tuple[str, tuple[Any, ...]]:
    pieces, position = [], 0
    numbers: dict[str, int] = {}
    bound: list[Any] = []
    for place, (key, value) in zip(places, values, strict=True):
        if style == "?" or key not in numbers:
            bound.append(value)
            numbers[key] = len(bound)
        pieces += [text[position : place.start], "?" if style == "?" else f"${numbers[key]}"]
        position = place.end
    return "".join([*pieces, text[position:]]), tuple(bound)

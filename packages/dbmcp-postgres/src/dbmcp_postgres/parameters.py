"""Placeholders of which PostgreSQL can't tell the type.

It takes the type from where a placeholder first stands. ``$1 IS NULL`` gives none, nor do the arguments of functions
that take anything, such as ``concat($1)`` or ``cardinality($1)``, where the value is a text or a list of texts: these
are sent without a type, so that they can be compared with anything.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from dbmcp_core.errors import QueryFailed
from dbmcp_core.statement import Statement

__all__ = ["UNTYPED", "TypedNull", "TypedText", "TypedTexts", "with_null_tests", "with_types"]

_ASKS = re.compile(r"\$\d+\s+is\s", re.I)
#: What PostgreSQL says; where it names the parameter, in the first group.
UNTYPED = re.compile(
    r"could not determine data type of parameter \$(\d+)|type of parameter (\d+) .* when preparing the plan \(unknown\)"
    r"|could not determine polymorphic type|\(unknown\) is not unique"
)


class TypedText(str):
    """A text that is sent as ``text``."""

    __slots__ = ()


class TypedTexts(list[Any]):
    """A list of texts that is sent as ``text[]``."""


class TypedNull:
    """A null that is sent as one of ``text``."""


def with_null_tests(statement: Statement) -> Statement:
    """Return *statement* with a placeholder of its own, a text, for each that is only asked whether it is null."""
    if not statement.params or not _ASKS.search(statement.text):
        return statement
    from dbmcp_core.guard.lexer import LexError, lex

    try:
        lexemes = lex(statement.text, "postgres").lexemes
    except LexError:  # the guard is about to say why
        return statement
    places = [at for at, lexeme in enumerate(lexemes) if statement.text[lexeme.start : lexeme.end][:1] == "$"]
    numbers = {at: statement.text[lexemes[at].start + 1 : lexemes[at].end] for at in places}
    if not all(number.isdigit() and 0 < int(number) <= len(statement.params) for number in numbers.values()):
        return statement
    asked = {at for at in places if _is_null_test(lexemes[at + 1 : at + 4])}
    elsewhere = {number for at, number in numbers.items() if at not in asked}
    params, pieces, position = list(statement.params), [], 0
    for at in sorted(asked):
        number = numbers[at]
        if number in elsewhere:
            params.append(params[int(number) - 1])
            number = str(len(params))
        pieces += [statement.text[position : lexemes[at].start], f"${number}::text"]
        position = lexemes[at].end
    return dataclasses.replace(statement, text="".join([*pieces, statement.text[position:]]), params=params)


def _is_null_test(after: Sequence[Any]) -> bool:
    words = [lexeme.text if lexeme.part.name == "WORD" else "" for lexeme in after]
    return words[:2] == ["is", "null"] or words == ["is", "not", "null"]


def with_types(statement: Statement, error: QueryFailed) -> Statement | None:
    """Return *statement* with types for the texts that *error* complains of; None if that isn't what is wrong."""
    found = UNTYPED.search(error.message)
    if found is None or not isinstance(statement.params, Sequence):
        return None
    wanted = int(found[1] or found[2] or 0) - 1
    params = [_typed(value) if wanted in (-1, at) else value for at, value in enumerate(statement.params)]
    if all(now is before for now, before in zip(params, statement.params, strict=True)):
        return None
    return dataclasses.replace(statement, params=params)


def _typed(value: Any) -> Any:
    if value is None:
        return TypedNull()
    if type(value) is str:
        return TypedText(value)
    if type(value) in (list, tuple) and all(item is None or isinstance(item, str) for item in value):
        return TypedTexts(value)
    return value

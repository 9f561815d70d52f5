"""sqlglot, kept quiet and on a short lead: a tree, or a reason why there is none."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, SqlglotError

from dbmcp_core.guard import spark_tokens, tsql
from dbmcp_core.guard.lexer import Lexeme, LexError, Part
from dbmcp_core.statement import RefusalCode

__all__ = ["parse"]

_muted: ContextVar[bool] = ContextVar("dbmcp_guard_muted", default=False)
# sqlglot logs what it doesn't support; the verdict says it better. Others' use of sqlglot stays as it is.
logging.getLogger("sqlglot").addFilter(lambda _: not _muted.get())

#: A token, as the parser puts it into its messages.
_TOKEN = re.compile(r"<Token token_type: TokenType\.(?P<type>\w+), text: (?P<text>.*?), line: \d+, .*?>", re.DOTALL)
_QUOTED_TYPES = frozenset(
    {
        TokenType.STRING,
        TokenType.HEREDOC_STRING,
        TokenType.NATIONAL_STRING,
        TokenType.RAW_STRING,
        TokenType.BYTE_STRING,
        TokenType.UNICODE_STRING,
    }
)


@contextmanager
def _quiet() -> Iterator[None]:
    token = _muted.set(True)
    try:
        yield
    finally:
        _muted.reset(token)


def parse(blanked: str, lexemes: Sequence[Lexeme], dialect: str) -> exp.Expr:
    """Parse one statement without comments.

    Raises:
        SqlglotError: It can't be parsed.
        LexError: The parser would cut it into words in another way than the server.
    """
    if dialect == "tsql":
        blanked, lexemes = tsql.simplified(blanked, lexemes)
    with _quiet():
        try:
            return _parse(blanked, lexemes, dialect)
        except (SqlglotError, LexError):  # ``$1,$2``, too, begins a string for the parser
            bare = _without_placeholders(blanked, lexemes)
            if bare == blanked:
                raise
            return _parse(bare, lexemes, dialect)


def _parse(blanked: str, lexemes: Sequence[Lexeme], dialect: str) -> exp.Expr:
    grammar = Dialect.get_or_raise(dialect)
    tokens: Sequence[Token] = grammar.tokenize(_with_plain_quotes(blanked, lexemes, dialect))
    if tokens and tokens[0].token_type in grammar.tokenizer_class.COMMANDS:
        raise ParseError("The parser takes the rest of this statement for plain text")
    _check_agreement(tokens, lexemes)
    if dialect == "databricks":
        tokens = spark_tokens.adapted(tokens)
    elif dialect == "tsql":
        tsql.rename_calls(tokens, grammar.parser_class.FUNCTIONS.__contains__)
    trees = grammar.parser().parse(list(tokens), blanked)
    if len(trees) != 1 or trees[0] is None:
        raise ParseError("The parser doesn't see one statement here")
    return trees[0]


def _with_plain_quotes(blanked: str, lexemes: Sequence[Lexeme], dialect: str) -> str:
    """Write Spark's ``X"ff"`` as ``X'ff'``, the only form that the parser knows."""
    if dialect == "databricks":
        for lexeme in lexemes:
            text = blanked[lexeme.start : lexeme.end]
            if lexeme.part is Part.STRING and text[:2] in ('x"', 'X"') and lexeme.text.isalnum():
                blanked = f"{blanked[: lexeme.start]}{text[0]}'{lexeme.text}'{blanked[lexeme.end :]}"
    return blanked


def _without_placeholders(blanked: str, lexemes: Sequence[Lexeme]) -> str:
    """Put a plain ``?`` where a placeholder has a form that the grammar doesn't know, such as ``%s`` or ``?1``."""
    for lexeme in lexemes:
        if lexeme.part is Part.PARAM:
            mark = "?".ljust(lexeme.end - lexeme.start)
            blanked = blanked[: lexeme.start] + mark + blanked[lexeme.end :]
    return blanked


def _check_agreement(tokens: Sequence[Token], lexemes: Sequence[Lexeme]) -> None:
    """Refuse the text unless the parser begins and ends every quote where the server does, and sees no comment."""
    index = 0
    for lexeme in lexemes:
        if lexeme.part not in (Part.STRING, Part.QUOTED):
            continue
        while index < len(tokens) and tokens[index].end < lexeme.start:
            _check_unquoted(tokens[index])
            index += 1
        if index == len(tokens) or tokens[index].start != lexeme.start:
            raise _disagreement(lexeme.start)
        # One string of the server may be several for the parser ('a''b'), as long as they end at the same place.
        first = index
        while index < len(tokens) and tokens[index].end + 1 < lexeme.end:
            index += 1
        cut = tokens[first : index + 1]
        is_one = len(cut) == 1 or all(token.token_type in _QUOTED_TYPES for token in cut)
        if index == len(tokens) or tokens[index].end + 1 != lexeme.end or not is_one:
            raise _disagreement(lexeme.start)
        index += 1
    for token in tokens[index:]:
        _check_unquoted(token)
    if odd := next((token for token in tokens if token.comments), None):
        raise _disagreement(odd.start)


def _check_unquoted(token: Token) -> None:
    if token.token_type in _QUOTED_TYPES:
        raise _disagreement(token.start)


def _disagreement(offset: int) -> LexError:
    return LexError(RefusalCode.AMBIGUOUS, "The parser and the server could end a quote or comment differently", offset)


def _shown(token: re.Match[str]) -> str:
    return "the end" if token["type"] == "SENTINEL" else repr(token["text"])


def failure(error: Exception) -> tuple[str, int | None, int | None]:
    """Return what the parser complains about, with line and column where it says so."""
    if isinstance(error, ParseError) and error.errors:
        first = error.errors[0]
        what = _TOKEN.sub(_shown, str(first.get("description") or "syntax error")).rstrip(".")
        return f"The statement can't be parsed: {what}", first.get("line"), first.get("col")
    if isinstance(error, RecursionError):
        return "The statement is nested too deeply to be parsed", None, None
    kind = "words that can't be read" if isinstance(error, SqlglotError) else type(error).__name__
    return f"The statement can't be parsed: {kind}", None, None

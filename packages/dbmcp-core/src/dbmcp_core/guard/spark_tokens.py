"""What Spark SQL knows and sqlglot doesn't, said in the tokens that it does know; what is read stays the same.

The parser sees other tokens of the same shape: every table, call and clause keeps its place. Functions and words are
judged on the lexemes, which nothing here touches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sqlglot import Token, TokenType

__all__ = ["adapted"]

_T = TokenType
_OPENING = {_T.L_PAREN, _T.L_BRACKET, _T.L_BRACE}
_CLOSING = {_T.R_PAREN, _T.R_BRACKET, _T.R_BRACE}
_SETS = {_T.UNION, _T.EXCEPT, _T.INTERSECT}
#: A query may begin behind these.
_BEFORE_QUERY = _SETS | {_T.L_PAREN, _T.R_PAREN, _T.ALL, _T.DISTINCT}
#: Anything else behind TABLE is a name: ``text``, ``date`` and more have a kind of their own.
_BEGINS_QUERY = {_T.SELECT, _T.WITH, _T.FROM, _T.VALUES, _T.TABLE, _T.L_PAREN, None}
_BEFORE_ARGUMENT = {_T.L_PAREN, _T.COMMA, _T.FARROW}
_NAMES = {_T.VAR, _T.IDENTIFIER}
_OPERANDS = _NAMES | {_T.R_PAREN, _T.R_BRACKET, _T.STRING, _T.NUMBER}
#: Names of columns, to Spark, where one of the second stands behind them.
_WORDS_AS_NAMES = {_T.INSERT, _T.DROP, _T.ANY}
_BEHIND_NAME = {_T.COMMA, _T.FROM, _T.R_PAREN}
_SYSTEM = ("SYSTEM_TIME", "SYSTEM_VERSION")
_VERSION = re.compile(r"v?\d+", re.IGNORECASE)


def adapted(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens that sqlglot is to parse."""
    found = [*tokens]
    for step in (_names, _versions, _recursion, _operators, _tables, _values, _views, _pipes):
        found = step(found)
    return found


def _at(tokens: Sequence[Token], index: int) -> TokenType | None:
    return tokens[index].token_type if 0 <= index < len(tokens) else None


def _touch(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether nothing stands between this token and the one before it."""
    return 0 < index < len(tokens) and tokens[index - 1].end + 1 == tokens[index].start


def _made(kind: TokenType, text: str, at: Token) -> Token:
    return Token(kind, text, at.line, at.col, at.start, at.end)


def _names(tokens: list[Token]) -> list[Token]:
    """Take ``window(…)`` for a function, ``SELECT insert, drop FROM t`` for columns, ``X 'ff'`` for bytes."""
    gone: set[int] = set()
    for index, token in enumerate(tokens):
        if token.token_type is _T.VAR and token.text.upper() == "X" and _at(tokens, index + 1) is _T.STRING:
            gone.add(index)
        is_call = token.token_type is _T.WINDOW and _at(tokens, index + 1) is _T.L_PAREN
        is_column = index and token.token_type in _WORDS_AS_NAMES and _at(tokens, index + 1) in _BEHIND_NAME
        if is_call or is_column:
            token.token_type = _T.VAR if is_call else _T.IDENTIFIER
    return _without(tokens, gone)


def _versions(tokens: list[Token]) -> list[Token]:
    """Leave out the ``@v3`` or ``@20240101…`` behind a table's name; say ``SYSTEM_VERSION`` as ``VERSION``."""
    gone: set[int] = set()
    for index, token in enumerate(tokens):
        if token.text.upper() in _SYSTEM and (_at(tokens, index + 1), _at(tokens, index + 2)) == (_T.ALIAS, _T.VAR):
            is_known = _at(tokens, index - 1) is _T.FOR and token.text.upper() == "SYSTEM_TIME"
            token.text = token.text if is_known else "VERSION"
        is_behind_name = token.token_type is _T.PARAMETER and _touch(tokens, index) and _at(tokens, index - 1) in _NAMES
        if is_behind_name and _touch(tokens, index + 1) and _VERSION.fullmatch(tokens[index + 1].text):
            gone |= {index, index + 1}
    return _without(tokens, gone)


def _recursion(tokens: list[Token]) -> list[Token]:
    """Leave out the ``MAX RECURSION LEVEL 50`` of a CTE."""
    gone: set[int] = set()
    for index in range(len(tokens) - 4):
        words = [token.text.upper() for token in tokens[index : index + 3]]
        if words == ["MAX", "RECURSION", "LEVEL"]:
            kinds = (_at(tokens, index + 3), _at(tokens, index + 4))
            gone |= set(range(index, index + 4)) if kinds == (_T.NUMBER, _T.ALIAS) else set()
    return _without(tokens, gone)


def _without(tokens: list[Token], gone: Iterable[int]) -> list[Token]:
    left_out = set(gone)
    return [token for index, token in enumerate(tokens) if index not in left_out] if left_out else tokens


def _operators(tokens: list[Token]) -> list[Token]:
    """Say ``>>>`` as ``>>``, ``!>`` and ``!<`` as ``>`` and ``<``, and a placeholder with a cast as two tokens."""
    found: list[Token] = []
    for index, token in enumerate(tokens):
        kind = token.token_type
        is_third = kind is _T.GT and all(
            _at(tokens, at - 1) is _T.GT and _touch(tokens, at) for at in (index, index - 1)
        )
        is_half = kind is _T.NOT and _at(tokens, index + 1) in (_T.LT, _T.GT) and _touch(tokens, index + 1)
        if kind is _T.QDCOLON and not (_touch(tokens, index) and _at(tokens, index - 1) in _OPERANDS):
            found += [_made(_T.PLACEHOLDER, "?", token), _made(_T.DCOLON, "::", token)]
        elif not is_third and not is_half:
            found.append(token)
    return found


def _tables(tokens: list[Token]) -> list[Token]:
    """Say ``TABLE t``, where a query may stand, as ``FROM t``, and the argument ``TABLE(t)`` as ``(FROM t)``."""
    found: list[Token] = []
    for index, token in enumerate(tokens):
        before = _at(tokens, index - 1)
        begins = not index or before in _BEFORE_QUERY or tokens[index - 1].text.upper() == "NAME"
        if token.token_type is _T.TABLE and _at(tokens, index + 1) is _T.L_PAREN and before in _BEFORE_ARGUMENT:
            continue
        if token.token_type is _T.TABLE and begins and _at(tokens, index + 1) not in _BEGINS_QUERY:
            token.token_type, token.text = _T.FROM, "FROM"
        found.append(token)
        if token.token_type is _T.L_PAREN and before is _T.TABLE and _at(tokens, index - 2) in _BEFORE_ARGUMENT:
            found += [] if _at(tokens, index + 1) in _BEGINS_QUERY else [_made(_T.FROM, "FROM", token)]
    return found


def _values(tokens: list[Token]) -> list[Token]:
    """Say ``VALUES … |> …`` as ``FROM VALUES … |> …``."""
    if _at(tokens, 0) is _T.VALUES and any(token.token_type is _T.PIPE_GT for token in tokens):
        return [_made(_T.FROM, "FROM", tokens[0]), *tokens]
    return tokens


def _views(tokens: list[Token]) -> list[Token]:
    """Say ``LATERAL VIEW f(x) v a, b`` as ``LATERAL VIEW f(x) v AS a, b``."""
    found: list[Token] = []
    ends: set[int] = set()
    for index, token in enumerate(tokens):
        if token.token_type is _T.VIEW and _at(tokens, index - 1) is _T.LATERAL:
            ends.add(_call_end(tokens, index + 1))
        found.append(token)
        if index - 1 in ends and token.token_type in _NAMES and _at(tokens, index + 1) in _NAMES:
            found.append(_made(_T.ALIAS, "AS", token))
    return found


def _call_end(tokens: Sequence[Token], index: int) -> int:
    """Return where the bracket closes that opens first after *index*, or -2."""
    depth = 0
    for place in range(index, len(tokens)):
        depth += (_at(tokens, place) in _OPENING) - (_at(tokens, place) in _CLOSING)
        if depth == 0 and _at(tokens, place) in _CLOSING:
            return place
    return -2


def _pipes(tokens: list[Token]) -> list[Token]:
    """Say ``|> SET`` and ``|> DROP`` as ``|> EXTEND``, and put the query behind ``|> UNION`` into brackets."""
    found: list[Token] = []
    depths: list[int] = []
    depth = 0
    for index, token in enumerate(tokens):
        kind = token.token_type
        if depths and depths[-1] == depth and kind in (_T.PIPE_GT, *_CLOSING):
            found.append(_made(_T.R_PAREN, ")", token))
            depths.pop()
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if found and found[-1].token_type is _T.PIPE_GT and token.text.upper() in ("SET", "DROP"):
            token.token_type, token.text = _T.VAR, "EXTEND"
        found.append(token)
        if _ends_set_operator(tokens, index) and _at(tokens, index + 1) is not _T.L_PAREN:
            found.append(_made(_T.L_PAREN, "(", token))
            depths.append(depth)
    return found + [_made(_T.R_PAREN, ")", tokens[-1]) for _ in depths]


def _ends_set_operator(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether the next token begins the query of a ``|> UNION ALL BY NAME``."""
    if _at(tokens, index + 1) in (_T.ALL, _T.DISTINCT) or (
        index + 2 < len(tokens) and [token.text.upper() for token in tokens[index + 1 : index + 3]] == ["BY", "NAME"]
    ):
        return False
    first = index
    while first > 0 and (_at(tokens, first) in (_T.ALL, _T.DISTINCT) or tokens[first].text.upper() in ("BY", "NAME")):
        first -= 1
    return _at(tokens, first) in _SETS and _at(tokens, first - 1) is _T.PIPE_GT

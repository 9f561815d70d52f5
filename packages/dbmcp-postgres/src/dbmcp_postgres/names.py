"""The names in a statement, by what they may stand for: a call, a function after a dot, a type.

It reads the words as PostgreSQL cuts and folds them. In doubt a name may stand for more than it does.
"""

from __future__ import annotations

from typing import NamedTuple

from dbmcp_core.guard.lexer import Lexed, Lexeme, Part
from dbmcp_core.guard.vocabulary import words

__all__ = ["Names"]

_NAMES = (Part.WORD, Part.QUOTED)
_QUERY = ("select", "with", "values", "table")
_BEFORE_ROWS = ("from", "join", "lateral")
_CASTS = ("cast", "treat", "xmlserialize")
#: What may stand first in a bracket without being the name of a column in a list of definitions.
_NO_COLUMN = words("all both case distinct leading not trailing variadic")
#: Values without brackets: an alias of one in FROM is no row but the value itself.
_BARE_VALUES = words(
    """current_catalog current_date current_role current_schema current_time current_timestamp current_user localtime
    localtimestamp session_user system_user user"""
)


class _Bracket(NamedTuple):
    opener: str  # the word before it
    is_query: bool
    is_row: bool  # what an alias behind it names is a row


_NO_BRACKET = _Bracket("", is_query=True, is_row=False)


class Names:
    """What is found in a text. Numbers are offsets in it.

    ``calls`` are schema, name, whether the brackets are empty, offset. ``rows`` are the name before the dot, the one
    after it, offset: ``t.f``. ``values`` stand after the dot of what isn't a name: ``(…).f``, ``a[1].f``, ``$1.f``.
    ``types`` stand where a type may stand. ``scalars`` are names and aliases in FROM of what isn't a row: a call, a
    value without brackets. ``every`` is each name, keywords among them.
    """

    def __init__(self, text: str, lexed: Lexed) -> None:
        self.calls: list[tuple[str | None, str, bool, int]] = []
        self.rows: list[tuple[str, str, int]] = []
        self.values: list[tuple[str, int]] = []
        self.types: dict[str, int] = {}
        self.scalars = set(_BARE_VALUES)
        self.every: set[str] = set()
        self.has_operators = False
        self.has_text = any(lexeme.part in (Part.STRING, Part.PARAM) for lexeme in lexed.lexemes)
        self._text = text
        self._brackets: list[_Bracket] = []
        self._closed = _NO_BRACKET
        none = Lexeme(Part.END, "", 0, 0)
        self._lexemes = [none, none, none, none, *map(_without_format, lexed.lexemes), none, none]
        index = 4
        while index < len(self._lexemes) - 2:
            index = self._step(index)

    def _step(self, index: int) -> int:
        lexeme, following = self._lexemes[index], self._lexemes[index + 1]
        if lexeme.part in _NAMES:
            return self._chain(index)
        if lexeme.is_op("("):
            opener = self._lexemes[index - 1]
            is_query = following.is_word(*_QUERY) or following.is_op("(")
            is_row = is_query and (opener.part not in _NAMES or opener.is_word(*_BEFORE_ROWS))
            self._brackets.append(_Bracket(opener.text if opener.part is Part.WORD else "", is_query, is_row))
        elif lexeme.is_op(")"):
            self._closed = self._brackets.pop() if self._brackets else _NO_BRACKET
        elif lexeme.part is Part.OP and lexeme.text not in "[],.:":
            self.has_operators = True
        return index + 1

    def _chain(self, first: int) -> int:
        """Take names that dots join, and return where the text goes on."""
        last = first
        while self._lexemes[last + 1].is_op(".") and self._lexemes[last + 2].part in _NAMES:
            last += 2
        parts = [self._name(lexeme) for lexeme in self._lexemes[first : last + 1 : 2]]
        before, after = self._lexemes[first - 1], self._lexemes[last + 1]
        offset, name = self._lexemes[last].start, parts[-1]
        self.every.update(parts)
        is_member = before.is_op(".")  # of what isn't a name
        if is_member:
            self.values += [(part, self._lexemes[first].start) for part in parts]
        if after.is_op("("):
            schema = parts[-2] if len(parts) > 1 else None
            self.calls.append((schema, name, self._lexemes[last + 2].is_op(")"), offset))
            self.scalars.add(name)
        elif len(parts) > 1 and not is_member:
            self.rows.append((parts[-2], name, offset))
        if after.is_op("(") or after.part is Part.STRING or self._is_type(first):
            self.types.setdefault(name, offset)
        if self._is_alias_of_value(first):
            self.scalars.add(name)
        return last + 1

    def _name(self, lexeme: Lexeme) -> str:
        """Spell a name as the server does, which folds ASCII alone and cuts a long name."""
        name = lexeme.text
        if lexeme.part is Part.WORD:
            name = "".join(c.lower() if c.isascii() else c for c in self._text[lexeme.start : lexeme.end])
        return name.encode()[:63].decode(errors="ignore")

    def _is_type(self, first: int) -> bool:
        before, ahead = self._lexemes[first - 1], self._lexemes[first - 2]
        bracket = self._brackets[-1] if self._brackets else _NO_BRACKET
        if before.is_op(":") or (before.is_word("as") and bracket.opener in _CASTS):
            return True
        # ``(a integer, b text)`` after an alias, or the columns of XMLTABLE
        begins = ahead.is_op("(") or ahead.is_op(",") or ahead.is_word("columns")
        return not bracket.is_query and begins and before.part in _NAMES and not before.is_word(*_NO_COLUMN)

    def _is_alias_of_value(self, first: int) -> bool:
        index = first - 1
        for word in ("as", "ordinality", "with"):
            index -= self._lexemes[index].is_word(word)
        before = self._lexemes[index]
        return before.is_word(*_BARE_VALUES) or (before.is_op(")") and not self._closed.is_row)


def _without_format(lexeme: Lexeme) -> Lexeme:
    """Read ``%s`` as the server does, for this engine has no such placeholder: as an operator and a name."""
    is_format = lexeme.part is Part.PARAM and lexeme.text == "%s"
    return Lexeme(Part.WORD, "s", lexeme.start + 1, lexeme.end) if is_format else lexeme

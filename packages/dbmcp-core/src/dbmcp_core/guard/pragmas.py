"""The PRAGMAs that only read."""

from __future__ import annotations

from collections.abc import Sequence

from dbmcp_core.guard.lexer import Lexeme, Part
from dbmcp_core.guard.vocabulary import words
from dbmcp_core.sqlite.pragmas import LOOKUPS, VALUES

__all__ = ["reads"]

_DUCKDB = words(
    """
    table_info show_tables show_tables_expanded show_databases database_list database_size version platform
    storage_info functions collations user_agent metadata_info show
    """
)


def reads(lexemes: Sequence[Lexeme], dialect: str) -> bool:
    """Tell whether ``PRAGMA …`` only reads. *lexemes* begin after the word."""
    rest = list(lexemes)
    if dialect == "sqlite" and len(rest) > 2 and rest[1].is_op("."):
        rest = rest[2:]
    if not rest or rest[0].part not in (Part.WORD, Part.QUOTED, Part.STRING):
        return False
    name, argument = rest[0].text.lower(), rest[1:]
    if not argument:
        return name in (_DUCKDB if dialect == "duckdb" else LOOKUPS | VALUES)
    return name in (_DUCKDB if dialect == "duckdb" else LOOKUPS) and _is_lookup(argument, dialect)


def _is_lookup(argument: Sequence[Lexeme], dialect: str) -> bool:
    """Tell whether this is ``(value)``, or ``= value``, with a single value."""
    if argument[0].is_op("=") and dialect == "sqlite":
        value = argument[1:]
    elif argument[0].is_op("(") and argument[-1].is_op(")"):
        value = argument[1:-1]
    else:
        return False
    return len(value) == 1 and value[0].part in (Part.WORD, Part.QUOTED, Part.STRING, Part.NUMBER)

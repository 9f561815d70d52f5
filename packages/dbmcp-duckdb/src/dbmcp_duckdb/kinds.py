"""What DuckDB itself takes a text for: the lock that holds where the guard's parser could err.

``COPY … TO`` is the reason: with all access to files switched off, DuckDB still lets it overwrite the database's own
write-ahead log, in a read-only transaction and on a file that is open for reading alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from dbmcp_core.guard import pragmas
from dbmcp_core.guard.lexer import Lexeme, LexError, lex

if TYPE_CHECKING:
    import duckdb

__all__ = ["CHANGES", "READS", "WRITES", "NotTaken", "one_statement"]

READS = frozenset({"SELECT", "EXPLAIN", "PRAGMA", "MULTI"})
WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "CREATE", "ALTER", "DROP", "MULTI"})
CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE_INTO"})
#: What a PIVOT that looks up its columns may begin with; DuckDB calls it MULTI, and ``COPY (PIVOT …) TO`` as well.
_QUERIES = ("select", "from", "with", "pivot", "pivot_wider", "values", "table", "describe", "summarize", "show")
_DEFINES = ("create", "insert")
#: What brackets after EXPLAIN may begin with, where they don't hold a query.
_OPTIONS = ("analyze", "analyse", "format", "verbose")


class NotTaken(Exception):
    """DuckDB's parser takes the text for something that doesn't belong here."""


def one_statement(cursor: duckdb.DuckDBPyConnection, text: str, allowed: frozenset[str]) -> str:
    """Return *text* without what follows its one statement, of an *allowed* kind.

    Raises:
        NotTaken: It is of another kind, or not one statement.
        duckdb.Error: DuckDB's parser doesn't understand it.
    """
    try:
        lexemes = [lexeme for lexeme in lex(text, "duckdb").lexemes if lexeme.text != ";"]
    except LexError as exc:
        raise NotTaken(f"{exc.reason}.") from exc
    kinds = _kinds(cursor, text)
    if len(kinds) != 1 or not lexemes:
        raise NotTaken(f"{len(kinds)} statements: only one is allowed.")
    if kinds[0] not in allowed or (kinds[0] == "MULTI" and not _is_pivot(lexemes, allowed)):
        raise NotTaken(f"A statement of kind {kinds[0]} is not allowed here.")
    if any(one.text.lower() == "enable_logging" and two.is_op("(") for one, two in pairwise(lexemes)):
        raise NotTaken("enable_logging() is not allowed here.")  # before 2.0 it writes files, all locks in spite
    if kinds[0] == "PRAGMA" and not pragmas.reads(lexemes[1:], "duckdb"):
        raise NotTaken("Only PRAGMAs that are known to read are allowed here.")
    if kinds[0] == "EXPLAIN" and (start := _explained(lexemes)) is not None:
        one_statement(cursor, text[start:], allowed)
    return text[: lexemes[-1].end]


def _kinds(cursor: duckdb.DuckDBPyConnection, text: str) -> list[str]:
    # DuckDB 1 makes two statements of a PIVOT, the first of which makes a temporary type and has no text of its own.
    found = [(statement.type.name, statement.query) for statement in cursor.extract_statements(text)]
    return [kind for kind, query in found if not (kind == "CREATE" and not query)]


def _is_pivot(lexemes: Sequence[Lexeme], allowed: frozenset[str]) -> bool:
    words = _QUERIES if allowed is READS else _DEFINES
    return lexemes[0].is_word(*words) or (allowed is READS and lexemes[0].is_op("("))


def _explained(lexemes: Sequence[Lexeme]) -> int | None:
    """Return where the statement begins that EXPLAIN runs, if it runs one."""
    index, runs = 1, False
    while index < len(lexemes) and lexemes[index].is_word("analyze", "analyse", "verbose"):
        runs = runs or not lexemes[index].is_word("verbose")
        index += 1
    if index + 1 < len(lexemes) and lexemes[index].is_op("(") and lexemes[index + 1].is_word(*_OPTIONS):
        runs, index = True, index + 1
        while index < len(lexemes) and not lexemes[index - 1].is_op(")"):
            index += 1
    return lexemes[index].start if runs and index < len(lexemes) else None

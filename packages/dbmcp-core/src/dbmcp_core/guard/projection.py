"""What the columns of a query's result are called, as far as its text alone tells."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmcp_core.guard.lexer import LexError, lex
from dbmcp_core.guard.tree import parse

__all__ = ["columns_of"]

#: Expressions that may become several columns, or none that is called so.
_MANY = (exp.Star, exp.Columns, exp.Explode, exp.Inline, exp.Unnest, exp.UDTF, exp.Aliases, exp.QueryTransform)


def columns_of(text: str, dialect: str) -> Sequence[str | None] | None:
    """Return what ``dbmcp_core.guard.columns`` does."""
    try:
        lexed = lex(text, dialect)
        if any(lexeme.is_op("|>") for lexeme in lexed.lexemes):
            return None  # Spark's pipes: what comes last isn't what is read first
        query: exp.Expr | None = parse(lexed.blanked, lexed.lexemes, dialect)
    except (LexError, SqlglotError, RecursionError):
        return None
    while isinstance(query, (exp.SetOperation, exp.Subquery)):
        if query.args.get("by_name") or query.args.get("pivots"):
            return None
        query = query.this
    if not isinstance(query, exp.Select) or query.args.get("for_") or query.args.get("kind"):
        return None
    if not query.expressions or not all(_is_one(projection, dialect) for projection in query.expressions):
        return None
    return [_name(projection) for projection in query.expressions]


def _is_one(projection: exp.Expr, dialect: str) -> bool:
    """Whether a projection is one column: Spark's functions may make several, and DuckDB's unnest does."""
    if projection.is_star or projection.find(exp.Columns) is not None:
        return False
    if isinstance(projection, exp.Alias):
        return not isinstance(projection.this, _MANY) or (
            isinstance(projection.this, exp.Explode) and dialect != "duckdb"
        )
    return not isinstance(projection, _MANY) and not (dialect == "databricks" and isinstance(projection, exp.Func))


def _name(projection: exp.Expr) -> str | None:
    return projection.output_name if isinstance(projection, (exp.Alias, exp.Column, exp.Dot)) else None

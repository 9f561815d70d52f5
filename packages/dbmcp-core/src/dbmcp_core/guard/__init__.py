"""What a statement does: the first lock of read-only, and the one that says why.

``judge`` reads a text twice: by its words alone, cut as its server cuts them, and as sqlglot's tree, each node of which
must be on a list of reading constructs. Only what both take for one single read is a read; what is not understood is
refused. It is a pure function and needs no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from dbmcp_core.errors import ConfigError
from dbmcp_core.statement import Kind, RefusalCode, Verdict

if TYPE_CHECKING:
    from dbmcp_core.schema import TableName

__all__ = ["DIALECTS", "MAX_CHARACTERS", "columns", "judge", "judge_words"]

DIALECTS = ("databricks", "duckdb", "mysql", "postgres", "sqlite", "tsql")
#: Longer texts are not looked at: judging one must not take longer than running it.
MAX_CHARACTERS = 1 << 20
_MAX_CACHED_CHARACTERS = 8_192


def judge(text: str, dialect: str) -> Verdict:
    """Return what *text* does in *dialect*. Never raises for a text, whatever it holds.

    Raises:
        ConfigError: No such dialect is known.
    """
    if len(text) <= _MAX_CACHED_CHARACTERS:
        return _cached(text, dialect)
    return _judge(text, dialect)


def _judge(text: str, dialect: str) -> Verdict:
    if dialect not in DIALECTS:
        message = f"There is no dialect {dialect!r}."
        raise ConfigError(message, hint=f"The known ones are: {', '.join(DIALECTS)}.")
    if len(text) > MAX_CHARACTERS:
        reason = f"The statement is longer than {MAX_CHARACTERS:,} characters"
        return Verdict(Kind.UNKNOWN, code=RefusalCode.UNPARSABLE, reason=reason)
    from dbmcp_core.guard import statements  # sqlglot takes a tenth of a second to import

    return statements.judge(text, dialect)


def judge_words(text: str, dialect: str, tables: Iterable[TableName]) -> Verdict:
    """Return the verdict on a query that can't be parsed here, where the database's own parser has taken it.

    The engine has made sure, without running it, that *text* is one single query that changes nothing by its grammar,
    and has found the *tables* in it. Words and functions are judged here; what isn't a query stays what it was.
    """
    if len(text) > MAX_CHARACTERS:
        return _judge(text, dialect)
    from dbmcp_core.guard import statements

    return statements.judge_words(text, dialect, tables)


def columns(text: str, dialect: str) -> Sequence[str | None] | None:
    """Return what the columns of *text*, which is one query, are called, as far as the text alone tells.

    Returns:
        The names as they are written, before a database folds their case, and None for a column that only the database
        can name. None for all where the text doesn't tell how many there are (``SELECT *``), or can't be read.
    """
    from dbmcp_core.guard.projection import columns_of

    return columns_of(text, dialect)


_cached = lru_cache(maxsize=1_024)(_judge)

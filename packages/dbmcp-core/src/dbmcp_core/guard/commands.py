"""Statements outside of the query grammar that read: SHOW, DESCRIBE, EXPLAIN and the reading PRAGMAs.

Each is judged by a small grammar of its own, for parsers take most of them for text. What doesn't fit is not a read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile

from dbmcp_core.guard import pragmas
from dbmcp_core.guard.finding import Finding, Look
from dbmcp_core.guard.lexer import Lexeme, Part
from dbmcp_core.guard.tables import check_name, file_finding, table_name
from dbmcp_core.guard.vocabulary import words
from dbmcp_core.guard.words import calls, check_calls, check_words
from dbmcp_core.statement import Kind, RefusalCode

__all__ = ["judge_command"]

#: Judges the statement that begins at a lexeme: what EXPLAIN and DESCRIBE are asked about.
Inner = Callable[[int], Look]

_QUERY_WORDS = ("select", "with", "values", "from", "table", "insert", "update", "delete", "replace", "merge", "pivot")
_EXPLAIN = {
    "sqlite": ("explain",),
    "duckdb": ("explain",),
    "postgres": ("explain",),
    "mysql": ("explain", "describe", "desc", "analyze"),
    "databricks": ("explain",),
    "tsql": (),
}
_SHOW = {"mysql", "postgres", "databricks"}
_DESCRIBE = {"mysql", "duckdb", "databricks"}
#: What may stand between EXPLAIN and the statement.
_EXPLAIN_WORDS = {
    "sqlite": frozenset({"query", "plan"}),
    "duckdb": frozenset({"analyze", "analyse", "verbose"}),
    "postgres": frozenset({"analyze", "analyse", "verbose"}),
    "mysql": frozenset({"analyze", "extended", "partitions", "format"}),
    "databricks": frozenset({"extended", "formatted", "codegen", "cost", "logical"}),
}
_MYSQL_FORMATS = ("json", "tree", "traditional")
_EXPLAIN_OPTIONS = words(
    """
    analyze analyse verbose costs settings generic_plan buffers wal timing summary memory serialize format io
    """
)
_EXPLAIN_VALUES = words("true false on off 0 1 text xml json yaml none binary graphviz html mermaid default")
_OFF = ("false", "off", "0")
#: Words before the name in DESCRIBE and SHOW.
_DESCRIBE_WORDS = words(
    """
    table extended formatted detail history database schema function query catalog volume show connection provider
    recipient share location as json view policy columns external
    """
)
#: What SHOW may be about in Databricks, by its first word.
_SPARK_SHOWS = words(
    """
    all catalogs columns connections create credentials current databases external foreign functions grant grants groups
    locks materialized namespaces partitions policies procedures providers recipients schemas service shares storage
    streaming system table tables tblproperties user users views volumes
    """
)
#: What DuckDB lists, where SHOW isn't about a table of that name.
_LISTS = ("tables", "databases", "schemas", "all", "variables")
#: Lexemes of ``catalog.schema.table column`` at most.
_LONGEST_NAME = 8
_LONGEST_OPERATOR = 3
_BEFORE_NAME = ("from", "in", "table", "view", "partitions", "tblproperties")
_NAME = (Part.WORD, Part.QUOTED)


def judge_command(lexemes: Sequence[Lexeme], dialect: str, inner: Inner) -> Look | None:
    """Return what is found in a statement of this kind, or ``None`` where it is of another."""
    word = lexemes[0].text if lexemes[0].part is Part.WORD else ""
    if word == "pragma" and dialect in ("sqlite", "duckdb"):
        return _pragma(lexemes, dialect)
    if word == "show" and dialect == "duckdb" and len(lexemes) > 1 and lexemes[1].is_word(*_LISTS):
        return _show(lexemes, dialect)
    if word in ("show", "summarize") and dialect == "duckdb":
        return _describe(lexemes, dialect, inner) if len(lexemes) > 1 else None
    if word == "show" and dialect in _SHOW:
        return _show(lexemes, dialect)
    if word in ("describe", "desc") and dialect in _DESCRIBE and not (dialect == "mysql" and _is_explain(lexemes)):
        return _describe(lexemes, dialect, inner)
    if word == "analyze" and dialect == "mysql" and not _is_explain(lexemes):
        return None  # ANALYZE TABLE
    if word in _EXPLAIN[dialect]:
        return _explain(lexemes, dialect, inner)
    return None


def _refused(lexemes: Sequence[Lexeme], what: str, kind: Kind = Kind.UNKNOWN) -> Look:
    return Look([_refusal(lexemes, what, kind)])


def _refusal(lexemes: Sequence[Lexeme], what: str, kind: Kind = Kind.UNKNOWN) -> Finding:
    code = RefusalCode.UNPARSABLE if kind is Kind.UNKNOWN else RefusalCode.NOT_A_READ
    return Finding(kind, what, lexemes[0].start, code)


def _pragma(lexemes: Sequence[Lexeme], dialect: str) -> Look:
    rest = lexemes[1:]
    if not pragmas.reads(rest, dialect):
        return _refused(lexemes, "Only PRAGMAs that are known to read are allowed in a read", Kind.ADMIN)
    look = Look()
    argument = rest[-2] if rest[-1].is_op(")") else rest[-1]
    if any(lexeme.text in ("table_info", "table_xinfo", "show", "storage_info") for lexeme in rest) and len(rest) > 1:
        _add_name(look, (argument.text,), dialect, argument.start)
    return look


def _add_name(look: Look, parts: tuple[str, ...], dialect: str, offset: int) -> None:
    """Take a table's name, its parts from the last to the first."""
    look.tables.add(table_name(parts))
    look.add(check_name(parts, dialect, offset))


def _show(lexemes: Sequence[Lexeme], dialect: str) -> Look:
    if dialect == "postgres" and not _is_setting(lexemes[1:]):
        return _refused(lexemes, "SHOW takes the name of one setting")
    if len(lexemes) == 1:
        return _refused(lexemes, "SHOW needs to say what")
    if [lexeme.text for lexeme in lexemes[1:3]] == ["create", "user"]:
        return _refused(lexemes, "SHOW CREATE USER shows a password", Kind.ADMIN)
    if dialect == "databricks" and lexemes[1].text not in _SPARK_SHOWS:
        return _refused(lexemes, f"SHOW {lexemes[1].text.upper()} is not known to only read")
    look = Look()
    # SHOW CREATE TABLE t is about t and creates nothing; SHOW TRIGGERS FROM a, PROCEDURE STATUS are alike.
    names = 3 if lexemes[1].is_word("create") else 2
    look.findings += list(check_words(lexemes[names:], dialect))
    return _named(look, lexemes, dialect)


def _is_setting(lexemes: Sequence[Lexeme]) -> bool:
    return 0 < len(lexemes) <= 5 and all(lexeme.part in _NAME or lexeme.is_op(".") for lexeme in lexemes)


def _begins_query(lexeme: Lexeme) -> bool:
    return lexeme.is_word(*_QUERY_WORDS, "summarize", "describe", "show", "unpivot") or lexeme.is_op("(")


def _describe(lexemes: Sequence[Lexeme], dialect: str, inner: Inner) -> Look:
    start = 1
    while start < len(lexemes) and lexemes[start].is_word(*_DESCRIBE_WORDS) and start + 1 < len(lexemes):
        start += 1
    if start == len(lexemes):
        # DuckDB describes every table then.
        return Look() if dialect == "duckdb" else _refused(lexemes, "DESCRIBE needs to say what")
    if dialect != "mysql" and _begins_query(lexemes[start]):
        return inner(start)
    if dialect == "databricks":
        if lexemes[1].is_word("recipient") and start > 1:
            return _refused(lexemes, "DESCRIBE RECIPIENT shows the link to a recipient's credential", Kind.ADMIN)
        if lexemes[1].is_word("function") and _is_about_function(lexemes[start:]):
            return Look()
        lexemes = _without_partition(lexemes, start)
    look = Look(list(check_words(lexemes[1:], dialect)))
    if any(lexeme.part is Part.OP and lexeme.text != "." for lexeme in lexemes) or len(lexemes) - start > _LONGEST_NAME:
        look.add(Finding(Kind.UNKNOWN, "DESCRIBE takes a name", lexemes[0].start, RefusalCode.UNPARSABLE))
    return _named(look, lexemes, dialect, start)


def _is_about_function(lexemes: Sequence[Lexeme]) -> bool:
    """Tell whether this is one name, also in quotes, or one operator: ``DESCRIBE FUNCTION >=``."""
    if all(lexeme.part is Part.OP for lexeme in lexemes):
        return len(lexemes) <= _LONGEST_OPERATOR and not any(lexeme.text in "()" for lexeme in lexemes)
    return len(lexemes) == 1 and lexemes[0].part is Part.STRING


def _without_partition(lexemes: Sequence[Lexeme], start: int) -> Sequence[Lexeme]:
    """Leave out Spark's ``PARTITION (day = '2024-01-01', …)`` at the end, where it holds names and literals alone."""
    marks = [index for index in range(start + 1, len(lexemes) - 1) if lexemes[index].is_word("partition")]
    if not marks or not lexemes[marks[-1] + 1].is_op("(") or not lexemes[-1].is_op(")"):
        return lexemes
    inside = lexemes[marks[-1] + 2 : -1]
    plain = all(lexeme.part is not Part.OP or lexeme.text in "=,-" for lexeme in inside)
    return lexemes[: marks[-1]] if plain else lexemes


def _named(look: Look, lexemes: Sequence[Lexeme], dialect: str, start: int | None = None) -> Look:
    """Judge the calls and names of a command; *start* is where its table's name begins, if not after FROM or IN."""
    names = _names_before_keys(lexemes)
    look.findings += list(check_calls(lexemes, dialect, names))
    look.functions |= {call.full for call in calls(lexemes) if not call.is_keyword and call.offset not in names}
    marks = [i for i, lexeme in enumerate(lexemes[:-1]) if lexeme.is_word(*_BEFORE_NAME)]
    if start is None:
        start = marks[0] + 1 if marks else len(lexemes)
    offset = lexemes[start].start if start < len(lexemes) else 0
    parts = _name_at(lexemes, start, look, dialect)
    if lexemes[1].is_word("columns") and len(marks) > 1:  # SHOW COLUMNS FROM t FROM schema
        parts = parts[:1] + _name_at(lexemes, marks[1] + 1, look, dialect)
    if parts:
        _add_name(look, parts, dialect, offset)
    return look


def _name_at(lexemes: Sequence[Lexeme], start: int, look: Look, dialect: str) -> tuple[str, ...]:
    """Return the parts of the name that begins there, the last one first; a string in its place is a file."""
    parts: list[str] = []
    while start < len(lexemes) and lexemes[start].part in (*_NAME, Part.STRING):
        if lexemes[start].part is Part.STRING and dialect in ("duckdb", "databricks"):
            look.add(file_finding(lexemes[start].text, lexemes[start].start))
        parts.insert(0, lexemes[start].text)
        start += 2 if start + 1 < len(lexemes) and lexemes[start + 1].is_op(".") else len(lexemes)
    return tuple(parts)


def _names_before_keys(lexemes: Sequence[Lexeme]) -> frozenset[int]:
    """Return where the table of Spark's ``SHOW TBLPROPERTIES t ('key')`` stands: it isn't called."""
    if not lexemes[1].is_word("tblproperties") or not lexemes[-1].is_op(")"):
        return frozenset()
    return frozenset(lexeme.start for lexeme in takewhile(lambda lexeme: not lexeme.is_op("("), lexemes[2:]))


def _is_explain(lexemes: Sequence[Lexeme]) -> bool:
    """Tell whether MySQL's DESCRIBE or ANALYZE is about a statement, not a table."""
    rest = list(lexemes[1:])
    if rest and rest[0].is_word("extended", "partitions", "analyze", "format"):
        return len(rest) > 1 and not (rest[0].text == "format" and not rest[1].is_op("="))
    return bool(rest) and _begins_query(rest[0]) and not rest[0].is_word("table", "values", "from", "show", "describe")


def _explain(lexemes: Sequence[Lexeme], dialect: str, inner: Inner) -> Look:
    start, runs = _explain_options(lexemes, dialect)
    if start is None or start >= len(lexemes):
        return _refused(lexemes, "EXPLAIN has options that are not known")
    if dialect == "mysql" and start == 1 and not _begins_query(lexemes[1]):
        return _describe(lexemes, dialect, inner)  # EXPLAIN t
    look = inner(start)
    if not _begins_query(lexemes[start]):
        look.add(None if look.findings else _refusal(lexemes, "EXPLAIN takes a query or a change of rows"))
        return look
    if not runs and dialect != "databricks":  # which looks into the files of a path while it plans
        # Nothing is run: a change of rows is as harmless as a read, but calls may be made while planning.
        look.findings = [found for found in look.findings if not _changes_rows(found)]
    return look


def _changes_rows(finding: Finding) -> bool:
    return finding.kind is Kind.WRITE and finding.code is RefusalCode.NOT_A_READ


def _explain_options(lexemes: Sequence[Lexeme], dialect: str) -> tuple[int | None, bool]:
    """Return where the statement begins, and whether EXPLAIN runs it."""
    runs = lexemes[0].text == "analyze"
    index = 1
    if dialect in ("postgres", "duckdb") and len(lexemes) > 2 and lexemes[1].is_op("("):
        if _begins_query(lexemes[2]):
            return 1, False  # EXPLAIN (SELECT 1)
        return _bracketed_options(lexemes, dialect)
    while index < len(lexemes) and lexemes[index].is_word(*_EXPLAIN_WORDS[dialect]):
        runs = runs or lexemes[index].text in ("analyze", "analyse")
        if lexemes[index].text == "format":
            if not (index + 2 < len(lexemes) and lexemes[index + 1].is_op("=")):
                return None, runs
            if lexemes[index + 2].text.lower() not in _MYSQL_FORMATS:
                return None, runs
            index += 2
        index += 1
    return index, runs


def _bracketed_options(lexemes: Sequence[Lexeme], dialect: str) -> tuple[int | None, bool]:
    """``(ANALYZE, FORMAT JSON)``: ANALYZE counts as running it, unless PostgreSQL is told each time not to."""
    off = _OFF if dialect == "postgres" else ()
    runs = False
    for index in range(2, len(lexemes)):
        lexeme = lexemes[index]
        if lexeme.is_op(")"):
            return index + 1, runs
        text = lexeme.text.lower()
        if text in ("analyze", "analyse") and not (index + 1 < len(lexemes) and lexemes[index + 1].text.lower() in off):
            runs = True
        if text not in _EXPLAIN_OPTIONS | _EXPLAIN_VALUES and not lexeme.is_op(","):
            break
    return None, True

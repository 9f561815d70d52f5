"""Finding tables and columns by words or a pattern, told in as few model tokens as the detail allows."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from dbmcp_core.schema import ColumnInfo, ForeignKey, IndexInfo, SchemaInfo, TableSchema
from dbmcp_core.values import tokens

__all__ = ["Detail", "Found", "describe", "search"]

#: Model tokens that one answer may take; the rest is on the next page.
_TOKENS = 1_800


class Detail(StrEnum):
    """How much is told of each table."""

    NAMES = "names"  # its name
    SUMMARY = "summary"  # and its columns' names
    FULL = "full"  # and types, keys, indexes, foreign keys, comments


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search: ``shown`` of ``total`` tables as ``text``; ``next_offset`` is None at the end."""

    text: str
    detail: Detail
    shown: int
    total: int
    next_offset: int | None


def search(schema: SchemaInfo, query: str = "", *, detail: Detail | None = None, offset: int = 0) -> Found:
    """Find the tables of *schema* that *query* means, best first.

    Args:
        schema: Where to look.
        query: Words, which may stand in names of schemas, tables and columns, and in comments; a table matches that has
            them all, or most of them where none has all. With ``*``, ``?`` or ``%``, a pattern for whole names. Empty
            for every table.
        detail: How much to tell; left out, as much as fits.
        offset: How many tables to leave out, from ``next_offset`` of the page before.
    """
    found = _matching(schema, query)[offset:]
    total = len(found) + offset
    if detail is None:
        detail = next((one for one in (Detail.FULL, Detail.SUMMARY) if _fits(found, one)), Detail.NAMES)
    lines: list[str] = []
    used = 0
    for table in found:
        line = describe(table, detail)
        used += tokens(line) + 1
        if lines and used > _TOKENS:
            break
        lines.append(line)
    after = offset + len(lines)
    return Found("\n".join(lines), detail, len(lines), total, after if after < total else None)


def _fits(tables: list[TableSchema], detail: Detail) -> bool:
    used = 0
    for table in tables:
        used += tokens(describe(table, detail)) + 1
        if used > _TOKENS:
            return False
    return True


def describe(table: TableSchema, detail: Detail) -> str:
    """Return *table* as text: one line, or with its full detail one line a column."""
    if detail is Detail.NAMES:
        return str(table.name)
    if detail is Detail.SUMMARY:
        return f"{table.name}({', '.join(column.name for column in table.columns)})"
    rows = f" ~{table.estimated_rows} rows" if table.estimated_rows is not None else ""
    head = f"{table.name}{'' if table.kind == 'table' else f' ({table.kind})'}{rows}{_comment(table.comment)}"
    single = {key.columns[0]: key for key in table.foreign_keys if len(key.columns) == 1}
    lines = [head, *(f"  {_column(column, table, single.get(column.name))}" for column in table.columns)]
    if len(table.primary_key) > 1:
        lines.append(f"  primary key ({', '.join(table.primary_key)})")
    lines += [
        f"  foreign key ({', '.join(k.columns)}) -> {_target(k)}" for k in table.foreign_keys if len(k.columns) > 1
    ]
    lines += [f"  {_index(index)}" for index in table.indexes]
    return "\n".join(lines)


def _column(column: ColumnInfo, table: TableSchema, key: ForeignKey | None) -> str:
    parts = [column.name, column.type] if column.type else [column.name]
    if table.primary_key == (column.name,):
        parts.append("pk")
    elif not column.nullable:
        parts.append("not null")
    if column.generated:
        parts.append(column.generated)
    if column.default_value is not None:
        parts.append(f"default {column.default_value}")
    if key is not None:
        parts.append(f"-> {_target(key)}")
    return " ".join(parts) + _comment(column.comment)


def _target(key: ForeignKey) -> str:
    return f"{key.target}({', '.join(key.target_columns)})" if key.target_columns else str(key.target)


def _index(index: IndexInfo) -> str:
    columns = ", ".join(column or "<expression>" for column in index.columns)
    where = f" where {index.where}" if index.where else ""
    return f"{'unique ' if index.unique else ''}index {index.name} ({columns}){where}"


def _comment(comment: str | None) -> str:
    return f" -- {' '.join(comment.split())}" if comment else ""


def _matching(schema: SchemaInfo, query: str) -> list[TableSchema]:
    if not query.strip():
        return list(schema.tables)
    if re.search(r"[*?%]", query):
        return _by_pattern(schema.tables, query.strip())
    words = [_stem(word) for word in _words(query)]
    scored = [(_score(table, words), table) for table in schema.tables]
    most = max((found for (found, _), _ in scored), default=0)
    best = [(score, table) for (found, score), table in scored if found == most > 0 or score >= _NAMED]
    return [table for _, table in sorted(best, key=lambda pair: (-pair[0], str(pair[1].name)))]


def _by_pattern(tables: Iterable[TableSchema], pattern: str) -> list[TableSchema]:
    matches = re.compile(fnmatch.translate(pattern.replace("%", "*")), re.I).match
    by_name = [table for table in tables if matches(table.name.name) or matches(str(table.name))]
    by_column = [table for table in tables if any(matches(column.name) for column in table.columns)]
    return list(dict.fromkeys([*by_name, *by_column]))


#: The points of a word in a table's own name: enough for a place among the best, whatever the other words find.
_NAMED = 5


def _score(table: TableSchema, words: list[str]) -> tuple[int, float]:
    """Return how many of *words* the table has, and how well: in its own name, a column's, or a comment."""
    name = {_stem(word) for word in _words(str(table.name))}
    whole = str(table.name).lower()
    columns = {_stem(word) for column in table.columns for word in _words(column.name)}
    inside = " ".join(column.name.lower() for column in table.columns)
    comments = " ".join(filter(None, [table.comment, *(column.comment for column in table.columns)])).lower()
    points = [
        _NAMED + 1 / len(name) if word in name else 3 if word in whole else 2 if word in columns else 1
        for word in words
        if word in name or word in whole or word in columns or word in inside or word in comments
    ]
    return len(points), sum(points)


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


def _words(text: str) -> list[str]:
    """Cut a name or a question into lower-case words, at underscores, blanks and camelCase humps."""
    return [word.lower() for word in _WORD.findall(text)]


def _stem(word: str) -> str:
    """Make a plural and its singular the same."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word

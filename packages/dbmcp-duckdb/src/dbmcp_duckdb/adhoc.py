"""Clients' statements where tools' may read files and the network: held to a list, by DuckDB's own parse.

Access to files is a matter of the whole database, not of one statement. So where tools have it, nothing in DuckDB holds
back a client's statement, and this does: what DuckDB's own parser makes of the text is searched, before anything is
bound, for every table and function, and each must be known not to lead outside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import duckdb

from dbmcp_core.guard.functions import is_unsafe
from dbmcp_core.guard.lexer import Lexeme, Part, lex
from dbmcp_core.guard.vocabulary import words
from dbmcp_duckdb.kinds import NotTaken

__all__ = ["Held", "builtin"]

_TABLE_FUNCTIONS = words(
    """
    range generate_series unnest repeat repeat_row json_each json_tree duckdb_tables duckdb_views duckdb_columns
    duckdb_constraints duckdb_indexes duckdb_schemas duckdb_databases duckdb_types duckdb_functions duckdb_sequences
    duckdb_keywords duckdb_extensions duckdb_settings pragma_table_info pragma_version pragma_database_size
    pragma_storage_info pragma_show pragma_collations icu_calendar_names pg_timezone_names generate_subscripts summary
    """
)
#: What the grammar makes calls of, under names that the catalogue doesn't have.
_GRAMMAR = words(
    """
    unnest unlist columns grouping grouping_id row struct_pack list_value row_number rank dense_rank percent_rank
    cume_dist ntile lag lead first_value last_value nth_value fill
    """
)
_TABLES = ("BASE_TABLE", "TABLE_FUNCTION", "SHOW_REF")
_OTHER_SOURCES = ("JOIN", "SUBQUERY", "PIVOT", "EMPTY", "EMPTY_FROM", "EXPRESSION_LIST", "COLUMN_DATA")
_PLAIN_NAME = re.compile(r"[\w $-]*")
_PLAIN_SHOW = re.compile(r'[\w $"-]*')
_OPTIONS = ("analyze", "analyse", "format", "verbose")
_OWN_SCHEMAS = ("", "main", "pg_catalog", "system")
#: What a client's write may be …
_WRITES = ("insert", "update", "delete", "create", "alter", "drop")
_CREATES = words("table schema index sequence type")
_BEFORE_CREATED = words("or replace temp temporary unique")
#: … and may not hold: anything that reads from somewhere.
_READING = words("select from join using pivot unpivot describe summarize show")
_DROPS = words("table view index schema sequence type macro function")
_NAMES_FOLLOW = words("into update from on")
_REFUSED = "statements of clients may not on a database whose tools can: ask for a tool, or for a plain SELECT"


def builtin(root: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Return the functions that DuckDB has by itself and that only compute."""
    rows = root.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE internal AND function_type IN ('scalar', 'aggregate', 'macro')"
    ).fetchall()
    names = {row[0].lower() for row in rows}
    return frozenset(name for name in names if not is_unsafe(name, "duckdb")) | _GRAMMAR


class Held:
    """The check, for one database."""

    def __init__(self, functions: frozenset[str]) -> None:
        self._functions = functions

    def check(self, cursor: duckdb.DuckDBPyConnection, text: str) -> None:
        """Raise unless the one statement in *text* stays inside the database.

        Raises:
            NotTaken: naming what may lead outside, or isn't understood.
        """
        lexemes = [lexeme for lexeme in lex(text, "duckdb").lexemes if lexeme.text != ";"]
        if not lexemes:
            raise NotTaken("The text holds no statement.")
        if lexemes[0].is_word("explain"):
            lexemes = _explained(lexemes)
            text = text[lexemes[0].start :] if lexemes else ""
        if not lexemes or lexemes[0].is_word("pragma"):
            self._check_names(lexemes, also_strings=True)
        elif lexemes[0].is_word(*_WRITES):
            self._check_write(cursor, lexemes)
        else:
            self._check_read(cursor, text)

    def _check_read(self, cursor: duckdb.DuckDBPyConnection, text: str) -> None:
        [(found,)] = cursor.execute("SELECT json_serialize_sql($1)", [text]).fetchall()
        tree = json.loads(found)
        if tree.get("error"):
            raise NotTaken(f"This statement can't be looked into; {_REFUSED}.")
        tables: set[tuple[str, str, str]] = set()
        for node in _nodes(tree["statements"]):
            self._check_node(node, tables)
        for table in sorted(tables):
            if not _has_table(cursor, table):
                raise _outside(".".join(part for part in table if part))

    def _check_node(self, node: dict[str, Any], tables: set[tuple[str, str, str]]) -> None:
        kind = node.get("type")
        if "class" in node:
            name = node.get("function_name")
            if isinstance(name, str) and not node.get("dbmcp_in_from"):
                self._check_function(node, name.lower(), self._functions)
        elif kind == "BASE_TABLE":
            name = _text(node, "table_name")
            if not _PLAIN_NAME.fullmatch(name):
                raise _outside(name)
            catalog, schema = _text(node, "catalog_name"), _text(node, "schema_name")
            if catalog or schema:  # one that isn't there would be taken for a file
                tables.add((catalog.lower(), schema.lower(), name.lower()))
        elif kind == "TABLE_FUNCTION":
            function = node["function"]
            self._check_function(function, _text(function, "function_name").lower(), _TABLE_FUNCTIONS)
            function["dbmcp_in_from"] = True
        elif kind == "SHOW_REF":
            name = _text(node, "table_name")
            if not _PLAIN_SHOW.fullmatch(name):
                raise _outside(name)
        elif "query_location" in node and "alias" in node and "sample" in node and kind not in _OTHER_SOURCES:
            raise NotTaken(f"{kind} is not known to stay inside the database; {_REFUSED}.")

    @staticmethod
    def _check_function(node: dict[str, Any], name: str, allowed: frozenset[str]) -> None:
        is_own = all(str(node.get(part) or "").lower() in _OWN_SCHEMAS for part in ("schema", "catalog"))
        if not node.get("is_operator") and not (is_own and name in allowed):
            raise NotTaken(f"{name}() is not known to stay inside the database; {_REFUSED}.")

    def _check_write(self, cursor: duckdb.DuckDBPyConnection, lexemes: list[Lexeme]) -> None:
        head = self._check_head(lexemes)
        for place, lexeme in enumerate(lexemes):
            is_delete = place == 1 and lexemes[0].is_word("delete") and lexeme.is_word("from")
            is_source = lexeme.is_word("table") and place != head
            if is_source or (lexeme.part is Part.WORD and lexeme.text in _READING and not is_delete):
                raise NotTaken(f"{lexeme.text.upper()} in a write may lead outside the database; {_REFUSED}.")
            if lexeme.part is Part.WORD and lexeme.text in _NAMES_FOLLOW:
                self._check_dotted(cursor, lexemes[place + 1 :])
        self._check_names(lexemes, also_strings=False)
        called = {
            one.text.lower()
            for one, two in pairwise(lexemes)
            if two.is_op("(") and one.part in (Part.WORD, Part.QUOTED)
        }
        named = cursor.execute("SELECT DISTINCT lower(function_name) FROM duckdb_functions()").fetchall()
        if unknown := sorted(called & {row[0] for row in named} - self._functions):
            raise NotTaken(f"{unknown[0]}() is not known to stay inside the database; {_REFUSED}.")

    @staticmethod
    def _check_head(lexemes: list[Lexeme]) -> int:
        """Return where it stands what kind of thing is defined; 0 in a statement that changes rows."""
        if not lexemes[0].is_word("create", "drop", "alter"):
            return 0
        is_create = lexemes[0].is_word("create")
        place = 1
        while is_create and place < len(lexemes) and lexemes[place].is_word(*_BEFORE_CREATED):
            place += 1
        what = lexemes[min(place, len(lexemes) - 1)]
        if not what.is_word(*(_CREATES if is_create else _DROPS)):
            raise NotTaken(f"{lexemes[0].text.upper()} {what.text.upper()} may lead outside the database; {_REFUSED}.")
        return place

    @staticmethod
    def _check_dotted(cursor: duckdb.DuckDBPyConnection, lexemes: list[Lexeme]) -> None:
        """Refuse a name with dots that no table has: DuckDB would look for a file of that name."""
        parts = [lexemes[0].text.lower()] if lexemes else []
        while len(lexemes) > 2 and lexemes[1].is_op("."):
            parts.append(lexemes[2].text.lower())
            lexemes = lexemes[2:]
        if len(parts) > 1 and not _has_table(cursor, ("", "", *parts)[-3:]):
            raise _outside(".".join(parts))

    @staticmethod
    def _check_names(lexemes: Iterable[Lexeme], *, also_strings: bool) -> None:
        before: Lexeme | None = None
        for lexeme in lexemes:
            is_name = lexeme.part is Part.QUOTED or (
                lexeme.part is Part.STRING
                and (also_strings or (before is not None and before.part is Part.WORD and before.text in _NAMES_FOLLOW))
            )
            if is_name and not _PLAIN_NAME.fullmatch(lexeme.text.strip("'\"")):
                raise _outside(lexeme.text)
            before = lexeme


_KNOWN = """
SELECT database_name, schema_name, table_name FROM duckdb_tables()
UNION ALL SELECT database_name, schema_name, view_name FROM duckdb_views()
"""


def _outside(name: str) -> NotTaken:
    return NotTaken(f"{name!r} may be a file or an address; {_REFUSED}.")


def _text(node: dict[str, Any], key: str) -> str:
    found = node.get(key)
    return found if isinstance(found, str) else ""


def _has_table(cursor: duckdb.DuckDBPyConnection, wanted: tuple[str, ...]) -> bool:
    rows = cursor.execute(_KNOWN).fetchall()
    return any(_fits(wanted, tuple(part.lower() for part in row)) for row in rows)


def _fits(wanted: tuple[str, ...], known: tuple[str, ...]) -> bool:
    catalog, schema, name = wanted
    if name != known[2]:
        return False
    if catalog:
        return (catalog, schema or "main") == known[:2]
    return schema in known[:2]  # ``a.t`` may be the table t of the schema a, or of the database a


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of *tree*, those around others first."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _explained(lexemes: list[Lexeme]) -> list[Lexeme]:
    index = 1
    while index < len(lexemes) and lexemes[index].is_word("analyze", "analyse", "verbose"):
        index += 1
    if index + 1 < len(lexemes) and lexemes[index].is_op("(") and lexemes[index + 1].is_word(*_OPTIONS):
        while index < len(lexemes) and not lexemes[index].is_op(")"):
            index += 1
        index += 1
    return lexemes[index:]

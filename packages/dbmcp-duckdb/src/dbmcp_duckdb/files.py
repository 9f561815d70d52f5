"""Files as tables: which ones a statement names, whether they are in the folder, and which ones the folder has."""

from __future__ import annotations

import dataclasses
import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dbmcp_core import Kind, TableName, Verdict
from dbmcp_core.guard import judge
from dbmcp_core.guard.lexer import Lexeme, LexError, Part, lex
from dbmcp_core.guard.vocabulary import words

__all__ = ["Folder"]

#: What a listed file's name ends with.
_DATA = re.compile(r"\.(?:parquet|(?:csv|tsv|json|jsonl|ndjson)(?:\.(?:gz|zst))?)\Z", re.I)
_LISTED = 200
_DEPTH = 8
#: Functions that read the files named by their first argument, and nothing else.
_READERS = words(
    """
    read_parquet parquet_scan read_csv read_csv_auto read_json read_json_auto read_json_objects read_json_objects_auto
    read_ndjson read_ndjson_auto read_ndjson_objects
    """
)
#: Words that a table's name comes after.
_BEFORE_TABLE = ("from", "join", "pivot", "unpivot", "summarize", "describe", "pivot_wider", "pivot_longer")
#: Functions with a FROM of their own between their brackets: ``trim('x' FROM y)``.
_WITH_FROM = ("extract", "trim", "substring", "overlay", "position", "date_part")
_WILD = re.compile(r"[*?\[]")


class _Named(NamedTuple):
    """One file's name in a statement: where, and the path or pattern that it means; None if it leads elsewhere."""

    start: int
    end: int
    name: str
    path: str | None


class Folder:
    """The folder whose files a source may read."""

    def __init__(self, path: str) -> None:
        self._path = Path(os.path.realpath(Path(path).expanduser()))

    def judge(self, text: str, verdict: Verdict) -> Verdict:
        """Return the guard's verdict on the statement as if each of its files were a table, if all are in the folder.

        The guard judges the text with names of tables put in their place, so that what else it holds stays refused.
        """
        named, hidden = self._look(text)
        if not named:
            return verdict
        outside = [one.name for one in named if one.path is None]
        if outside:
            reason = f"{outside[0]!r} is not a file of the source's folder"
            return dataclasses.replace(verdict, reason=reason) if verdict.kind is not Kind.READ else verdict
        again = judge(hidden, "duckdb")
        tables = {table for table in again.tables if table.name.strip("f")} | {TableName(one.name) for one in named}
        functions = {name for name in again.functions if name.strip("f")} | (verdict.functions & _READERS)
        return dataclasses.replace(again, tables=frozenset(tables), functions=frozenset(functions))

    def located(self, text: str) -> str:
        """Return *text* with full paths in place of the files' names: DuckDB takes no others, once it is locked up."""
        named, _ = self._look(text)
        for one in reversed(named):
            if one.path is not None:
                text = f"{text[: one.start]}{_literal(one.path)}{text[one.end :]}"
        return text

    def names(self) -> list[TableName]:
        """Return the files that can be read as tables: some hundreds at most, by their path in the folder."""
        found: list[str] = []
        for parent, folders, files in os.walk(self._path):
            here = Path(parent).relative_to(self._path)
            folders[:] = sorted(name for name in folders if not name.startswith(".") and len(here.parts) < _DEPTH)
            found += [(here / name).as_posix() for name in sorted(files) if _DATA.search(name) and name[0] != "."]
            if len(found) >= _LISTED:
                break
        return [TableName(name) for name in found[:_LISTED] if self._inside(name) is not None]

    def describing(self, name: TableName) -> tuple[str, float]:
        """Return the query for the columns of a listed file, and when it was last changed."""
        path = self._path / name.name
        return f"DESCRIBE FROM {_literal(str(path))}", path.stat().st_mtime

    def _look(self, text: str) -> tuple[list[_Named], str]:
        """Return the files that *text* names, and the text with something harmless in their place."""
        try:
            lexemes = lex(text, "duckdb").lexemes
        except LexError:
            return [], text
        named, hidden = [], text
        for index, lexeme in enumerate(lexemes):
            if lexeme.part is Part.WORD and lexeme.text in _READERS:
                arguments = _arguments(text, lexemes, index)
                named += [self._named(text, argument) for argument in arguments]
                if arguments:
                    hidden = _hide(hidden, lexeme)
            elif _is_table(text, lexemes, index):
                named.append(self._named(text, lexeme))
                hidden = _hide(hidden, lexeme)
        return named, hidden

    def _named(self, text: str, lexeme: Lexeme) -> _Named:
        quote = text[lexeme.start]
        name = text[lexeme.start + 1 : lexeme.end - 1].replace(quote * 2, quote)
        return _Named(lexeme.start, lexeme.end, name, self._inside(name))

    def _inside(self, name: str) -> str | None:
        """Return the full path or pattern for *name*, if it and all that it matches are in the folder."""
        if not name or "\x00" in name or "{" in name or re.match(r"\w[\w+.-]*:", name) or name.startswith("~"):
            return None
        full = self._path / name
        if ".." in full.parts:
            return None
        if not _WILD.search(name):
            return str(full) if self._holds(full) else None
        matches = glob.iglob(str(full), recursive=True, include_hidden=True)  # noqa: PTH207 - Path's skips links
        return str(full) if full.is_relative_to(self._path) and all(map(self._holds, map(Path, matches))) else None

    def _holds(self, path: Path) -> bool:
        real = Path(os.path.realpath(path))
        return real.is_relative_to(self._path) and real != self._path


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _hide(text: str, lexeme: Lexeme) -> str:
    """Return *text* with a name of the same length in place of *lexeme*."""
    return f"{text[: lexeme.start]}{'f' * (lexeme.end - lexeme.start)}{text[lexeme.end :]}"


def _is_plain(text: str, lexeme: Lexeme) -> bool:
    """Return whether this is a string as everybody reads it, without escapes or dollars."""
    return lexeme.part is Part.STRING and text[lexeme.start] == "'"


def _is_table(text: str, lexemes: Sequence[Lexeme], index: int) -> bool:
    """Return whether the quoted text at *index* stands where a table's name does, and looks like a file's."""
    lexeme = lexemes[index]
    is_name = lexeme.part is Part.QUOTED and bool(_DATA.search(lexeme.text))
    if not index or not (is_name or _is_plain(text, lexeme)) or not lexemes[index - 1].is_word(*_BEFORE_TABLE):
        return False
    if index + 1 < len(lexemes) and (lexemes[index + 1].is_op(".") or lexemes[index + 1].is_op("(")):
        return False
    if lexemes[index - 1].is_word("from"):
        opening = _opening(lexemes, index)
        is_argument = opening > 0 and lexemes[opening - 1].is_word(*_WITH_FROM)
        return not is_argument and not (index > 1 and lexemes[index - 2].is_word("distinct"))
    return True


def _opening(lexemes: Sequence[Lexeme], index: int) -> int:
    """Return where the bracket around *index* opens; -1 if there is none."""
    level = 0
    for place in range(index - 1, -1, -1):
        level += lexemes[place].is_op(")") - lexemes[place].is_op("(")
        if level < 0:
            return place
    return -1


def _arguments(text: str, lexemes: Sequence[Lexeme], index: int) -> list[Lexeme]:
    """Return the names in the first argument of the call at *index*, if it is a string or a list of strings."""
    rest = lexemes[index + 1 :]
    if len(rest) < 3 or not rest[0].is_op("(") or (index and lexemes[index - 1].is_op(".")):
        return []
    found = list(_strings(text, rest[1:]))
    return [] if None in found else [lexeme for lexeme in found if lexeme is not None]


def _strings(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Lexeme | None]:
    """Yield the strings that the argument beginning here is made of; None if it is made of anything else."""
    in_list = lexemes[0].is_op("[")
    place = 1 if in_list else 0
    while place + 1 < len(lexemes):
        lexeme, following = lexemes[place], lexemes[place + 1]
        yield lexeme if _is_plain(text, lexeme) else None
        if not in_list:
            yield from () if following.is_op(",") or following.is_op(")") else (None,)
            return
        if following.is_op("]"):
            return
        if not following.is_op(","):
            yield None
            return
        place += 2
    yield None

"""A folder of CSV files as a database for dbmcp: each file a table, on nothing but the standard library.

Its language has two statements, and values come as parameters alone::

    read book
    read book where author_id
    add book

The first line of a file names its columns, each with a type: ``id:integer,title:text,price:float``. An empty field is
NULL, and ``""`` is the empty text.
"""

from __future__ import annotations

import csv
import difflib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote

from dbmcp_core import (
    Column,
    ColumnInfo,
    ConnectionFailed,
    Database,
    Engine,
    Kind,
    NotFound,
    Outcome,
    QueryFailed,
    RefusalCode,
    Rows,
    Running,
    SchemaInfo,
    Settings,
    Statement,
    TableName,
    TableSchema,
    UnsupportedError,
    Verdict,
    batches,
    hookimpl,
    setting,
)

_STATEMENT = re.compile(r"\s*(?P<verb>read|add)\s+(?P<table>\w+)(?:\s+where\s+(?P<column>\w+))?\s*")
_TYPES = {"integer": int, "float": float, "text": str}
_FIELD = re.compile(r'(?P<quoted>"(?:[^"]|"")*")|(?P<plain>[^,"\r\n]*)')


class CsvSettings(Settings):
    """The settings of a folder."""

    folder: str = setting(doc="The folder that holds the CSV files.")


class CsvDatabase(Database):
    """One folder."""

    def __init__(self, settings: CsvSettings) -> None:
        self.settings = settings
        self._folder = Path(settings.folder)
        self._connected = False
        self._writing = threading.Lock()

    def connect(self) -> None:
        """Look whether the folder is there."""
        if not self._folder.is_dir():
            raise ConnectionFailed(f"There is no folder {str(self._folder)!r}.")
        self._connected = True

    def disconnect(self) -> None:
        """Answer no more."""
        self._connected = False

    def query(self, statement: Statement, running: Running) -> Rows:
        """Read one file, line by line."""
        parts = self._understood(statement.text)
        columns = self._columns(parts["table"])
        names = [column.name for column in columns]
        if parts["column"] and parts["column"] not in names:
            raise QueryFailed(f"{parts['table']!r} has no column {parts['column']!r}; it has {', '.join(names)}.")
        if len(statement.params) != bool(parts["column"]):
            raise QueryFailed("A read wants one parameter with 'where', and none without.")
        place = names.index(parts["column"]) if parts["column"] else None
        file = self._path(parts["table"]).open(encoding="utf-8", newline="")

        def rows() -> Iterator[tuple[Any, ...]]:
            kinds = [_TYPES[column.type] for column in columns]
            for record in _records(file):
                running.raise_if_stopped()
                if not self._connected:
                    raise ConnectionFailed("The folder was disconnected.")
                row = tuple(None if field is None else kind(field) for kind, field in zip(kinds, record, strict=True))
                if place is None or row[place] == next(iter(statement.params)):
                    yield row

        return Rows([Column(column.name, column.type) for column in columns], batches(rows()), file.close, lambda: True)

    def execute(self, statement: Statement, running: Running) -> Outcome:
        """Append one row, with a single write: all of it or nothing."""
        if self.settings.read_only:
            raise UnsupportedError("This folder was opened read-only.")
        parts = self._understood(statement.text)
        columns = self._columns(parts["table"])
        if len(statement.params) != len(columns):
            raise QueryFailed(f"{parts['table']!r} has {len(columns)} columns, not {len(statement.params)}.")
        line = ",".join(_written(value) for value in tuple(statement.params)) + "\n"
        running.raise_if_stopped()
        with self._writing:
            file = os.open(self._path(parts["table"]), os.O_APPEND | os.O_WRONLY)
            try:
                os.write(file, line.encode())
            finally:
                os.close(file)
        return Outcome(1)

    def judge(self, statement: Statement, verdict: Verdict) -> Verdict:
        """Judge alone: the guard doesn't speak this language."""
        match = _STATEMENT.fullmatch(statement.text)
        if match is None or (match["verb"] == "add" and match["column"]):
            return verdict
        tables = frozenset({TableName(match["table"])})
        if match["verb"] == "read":
            return Verdict(Kind.READ, tables)
        return Verdict(Kind.WRITE, tables, code=RefusalCode.NOT_A_READ, reason="'add' writes.", line=1, column=1)

    def get_tables(self, schema: str | None = None) -> list[TableName]:
        """Return the names of the files."""
        self.ping()
        return [TableName(path.stem) for path in sorted(self._folder.glob("*.csv"))] if schema is None else []

    def get_table_schema(self, table: TableName) -> TableSchema:
        """Return the columns of one file."""
        return TableSchema(table, "table", tuple(self._columns(str(table))))

    def get_schema(self) -> SchemaInfo:
        """Return the columns of every file."""
        return SchemaInfo(self._folder.name, tuple(self.get_table_schema(name) for name in self.get_tables()))

    def ping(self) -> None:
        """Look whether the folder is still there."""
        if not self._connected or not self._folder.is_dir():
            raise ConnectionFailed(f"The folder {str(self._folder)!r} is not connected.")

    def _understood(self, text: str) -> re.Match[str]:
        match = _STATEMENT.fullmatch(text)
        if match is None:
            raise QueryFailed("A statement is 'read TABLE', 'read TABLE where COLUMN' or 'add TABLE'.")
        return match

    def _path(self, table: str) -> Path:
        """Return the file of *table*, which is the name of a listed one, so that no path can lead out."""
        names = [name.name for name in self.get_tables()]
        if table not in names:
            close = difflib.get_close_matches(table, names, n=1)
            raise NotFound(f"There is no table {table!r}.", hint=f"Did you mean {close[0]}?" if close else None)
        return self._folder / f"{table}.csv"

    def _columns(self, table: str) -> list[ColumnInfo]:
        with self._path(table).open(encoding="utf-8", newline="") as file:
            names = next(csv.reader(file))
        return [ColumnInfo(name, kind) for name, _, kind in (field.partition(":") for field in names)]


def _records(file: Iterator[str]) -> Iterator[list[str | None]]:
    """Yield the records after the header; an unquoted empty field is None, which ``csv`` alone can't tell."""
    next(file)
    text = ""
    for line in file:
        text += line
        if text.count('"') % 2 == 0:  # else a line end within quotes
            yield _fields(text)
            text = ""


def _fields(text: str) -> list[str | None]:
    fields: list[str | None] = []
    place = -1
    while text[place : place + 1] == "," or place < 0:
        match = _FIELD.match(text, place + 1)
        assert match is not None
        quoted, plain = match["quoted"], match["plain"]
        fields.append(quoted[1:-1].replace('""', '"') if quoted else plain or None)
        place = match.end()
    return fields


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    if isinstance(value, (int, float)):
        return repr(value)
    raise QueryFailed(f"A field can't hold a {type(value).__name__}.")


class CsvDir(Engine):
    """A folder of CSV files: ``csvdir:///absolute/folder`` or ``csvdir:relative/folder``."""

    name = "csvdir"
    dialect = None
    settings = CsvSettings

    def open(self, settings: CsvSettings) -> CsvDatabase:
        """Return the folder, not yet looked at."""
        return CsvDatabase(settings)

    def settings_from_url(self, url: SplitResult) -> dict[str, object]:
        """Take the path as the folder."""
        return {"folder": unquote(url.path)}


@hookimpl
def dbmcp_engines() -> list[type[Engine]]:
    """Give the engine."""
    return [CsvDir]

"""What an engine that speaks SQL promises on top: an engine's author inherits ``SQLContract``."""

# ruff: noqa: S608 - the statements are made of our own names

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from dbmcp_core.statement import Statement
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.contract import EngineContract
from dbmcp_core.testing.data import AUTHOR, BOOK, VIEW, Table
from dbmcp_core.testing.sql_safety import SQLSafetyContract
from dbmcp_core.testing.sql_schema import SQLSchemaContract
from dbmcp_core.testing.sql_values import SQLValuesContract

__all__ = ["SQLContract"]

_DIGITS = " UNION ALL ".join(f"SELECT {digit}{' AS d' if digit == 0 else ''}" for digit in range(10))


class SQLContract(SQLValuesContract, SQLSafetyContract, SQLSchemaContract, EngineContract):
    """The contract of every engine that speaks SQL.

    Left as they are, the attributes fit a database near the standard; each engine says where it differs.
    """

    #: How this engine names the kinds of the data set; ``None`` for a kind that it doesn't have.
    types: ClassVar[Mapping[str, str | None]] = {
        "integer": "INTEGER",
        "bigint": "BIGINT",
        "float": "DOUBLE PRECISION",
        "text": "TEXT",
        "blob": "BLOB",
    }
    #: Placeholders, in order and by name; ``None`` where there are none of the kind.
    positional: ClassVar[str | None] = "?"
    named: ClassVar[str | None] = ":{name}"
    #: Characters that this engine's text can't hold.
    unstorable: ClassVar[str] = "\x00"
    runaway: ClassVar[str | None] = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    #: A write that wouldn't end within a minute, into ``author``.
    runaway_write: ClassVar[str | None] = (
        "INSERT INTO author (id, name) WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i, 'run away' FROM n WHERE i < 1001 OR i < 0"
    )
    rejected: ClassVar[str | None] = "SELECT id\n  FORM book title"
    hostile: ClassVar[tuple[str, ...]] = (
        "",
        ";",
        "-- nothing",
        "DELETE FROM book",
        "/* SELECT */ DELETE FROM book",
        "-- SELECT\nDELETE FROM book",
        "  \n\t dElEtE\nFROM/**/book",
        "UPDATE book SET title = 'x'",
        "INSERT INTO author (id, name) VALUES (50, 'x')",
        "INSERT INTO author (id, name) SELECT 50, 'x'",
        "SELECT 1; DELETE FROM book",
        "SELECT 1; SELECT 2",
        "SELECT 1;\n--\n; DROP TABLE book",
        "DELETE FROM book; SELECT 1",
        "DROP TABLE book",
        "DROP VIEW book_title",
        "ALTER TABLE book ADD COLUMN extra INTEGER",
        "CREATE TABLE stolen (a INTEGER)",
        "CREATE TABLE stolen AS SELECT * FROM book",
        "CREATE TEMPORARY TABLE stolen (a INTEGER)",
        "CREATE VIEW stolen AS SELECT 1",
        "CREATE INDEX stolen ON book (title)",
        "TRUNCATE TABLE book",
        "SELECT * INTO stolen FROM book",
        "WITH gone AS (DELETE FROM book RETURNING id) SELECT * FROM gone",
        "WITH a AS (SELECT 1) DELETE FROM book",
        "WITH a AS (SELECT 50 AS id, 'x' AS name) INSERT INTO author SELECT * FROM a",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT a",
        "BEGIN; DELETE FROM book; COMMIT",
        "GRANT ALL ON book TO public",
        "EXPLAIN ANALYZE DELETE FROM book",
        "CALL anything()",
        "EXECUTE anything",
        "PREPARE a AS DELETE FROM book",
        "SELECT 1 \x00; DELETE FROM book",
        "DELETE FROM book RETURNING *",
        "not a statement at all",
    )

    def fill(self, main: Caller) -> None:
        """Make both tables, their rows and the view."""
        for table in (AUTHOR, BOOK):
            main.execute(self.creating(table))
            for row in table.rows:
                statement = self.adding(table, row)
                assert statement is not None
                main.execute(statement)
        main.execute("CREATE INDEX book_by_title ON book (title)")
        main.execute(f"CREATE VIEW {VIEW} AS SELECT id, title FROM book")

    def creating(self, table: Table) -> str:
        """Return the statement that makes *table*."""
        columns = [
            f"{name} {self.types[kind]}{' NOT NULL' if number < 2 else ''}"
            for number, (name, kind) in enumerate(table.columns)
        ]
        columns.append(f"PRIMARY KEY ({table.column_names[0]})")
        if table.references is not None:
            column, target = table.references
            columns.append(f"FOREIGN KEY ({column}) REFERENCES {target} (id)")
        return f"CREATE TABLE {table.name} ({', '.join(columns)})"

    def reading(self, table: Table) -> Statement:
        """Select everything."""
        names = table.column_names
        return Statement(f"SELECT {', '.join(names)} FROM {table.name} ORDER BY {names[0]}")

    def finding(self, title: str) -> Statement:
        """Select by title."""
        return self.bound(f"SELECT {', '.join(BOOK.column_names)} FROM book WHERE title = {{title}}", title=title)

    def adding(self, table: Table, row: Sequence[Any]) -> Statement | None:
        """Insert one row."""
        names = table.column_names
        marks = ", ".join(f"{{{name}}}" for name in names)
        text = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"
        return self.bound(text, **dict(zip(names, row, strict=True)))

    def counting(self, main: Caller, count: int) -> Statement:  # noqa: ARG002 - others have to make a table
        """Count with four tables of digits; nothing is read from the database."""
        tables = ", ".join(f"({_DIGITS}) {name}" for name in "abcd")
        number = "a.d * 1000 + b.d * 100 + c.d * 10 + d.d + 1"
        return Statement(f"SELECT {number} AS n FROM {tables} WHERE {number} <= {count} ORDER BY 1")

    def echoing(self, value: Any, kind: str) -> Statement:
        """Return the read that gives *value* back, as this engine's type for *kind*."""
        return self.bound(f"SELECT CAST({{value}} AS {self.types[kind]}) AS value", value=value)

    def bound(self, text: str, **values: Any) -> Statement:
        """Return *text* with the engine's placeholders in place of ``{name}``, and the values for them.

        Every name stands in *text* once, in the order of *values*.
        """
        if self.positional is not None:
            return Statement(text.format(**dict.fromkeys(values, self.positional)), tuple(values.values()))
        assert self.named is not None
        return Statement(text.format(**{name: self.named.format(name=name) for name in values}), values)

"""SQLite's values: any type in any column, text that is not text, and rows that begin well and end badly."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dbmcp_core import Limits, QueryFailed, connect
from dbmcp_core.values import UndecodedText


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "values.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE v (id INTEGER PRIMARY KEY, value)")
        connection.commit()
    return path


@pytest.mark.parametrize(
    "value",
    [
        2**63 - 1,
        -(2**63),
        2**53 + 1,
        math.inf,
        -math.inf,
        b"",
        b"\x00\xff",
        "",
        "a\x00b",
        "\x00",
        "x" * 1_048_576,
        "\ufffe",
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_value_comes_back(path: Path, value: object) -> None:
    with connect(f"sqlite:///{path}", read_only=False) as client:
        client.execute("INSERT INTO v VALUES (1, ?)", [value])
        assert client.query("SELECT value, typeof(value) FROM v").rows[0][0] == value
        assert client.query("SELECT ?", [value]).rows == ((value,),)


def test_nan_is_null(path: Path) -> None:
    with connect(f"sqlite:///{path}", read_only=False) as client:
        client.execute("INSERT INTO v VALUES (1, ?)", [math.nan])
        assert client.query("SELECT value FROM v").rows == ((None,),)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_an_integer_of_more_than_64_bits_is_refused(path: Path, number: int) -> None:
    with connect(f"sqlite:///{path}", read_only=False) as client:
        with pytest.raises(QueryFailed, match="64 bits"):
            client.query("SELECT ?", [number])
        with pytest.raises(QueryFailed, match="64 bits"):
            client.execute("INSERT INTO v VALUES (1, ?)", [number])
        assert client.query("SELECT count(*) FROM v").rows == ((0,),)


@pytest.mark.parametrize("at", [1, 2, 63, 64, 65, 1_000, 1_500])
def test_text_that_is_not_utf8_loses_no_row(path: Path, at: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany("INSERT INTO v VALUES (?, ?)", [(key, f"row {key}") for key in range(1, 2_001)])
        connection.execute("UPDATE v SET value = CAST(x'636166e9' AS TEXT) WHERE id = ?", [at])
        connection.commit()
    with connect(f"sqlite:///{path}") as client:
        rows = client.query("SELECT id, value FROM v ORDER BY id", limits=Limits(max_rows=2_000)).rows
        assert [row[0] for row in rows] == list(range(1, 2_001))
        assert rows[at - 1][1] == UndecodedText(b"caf\xe9")
        assert isinstance(rows[at - 1][1], UndecodedText)
        assert all(row[1] == f"row {row[0]}" for row in rows if row[0] != at)
        paged = [
            row
            for page in client.pages("SELECT id, value FROM v ORDER BY id", limits=Limits(max_rows=7))
            for row in page
        ]
        assert paged == list(rows)
        assert client.query("SELECT 'é' AS x").rows == (("é",),)


def test_a_volatile_read_with_text_that_is_not_utf8_runs_once(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO v VALUES (1, 'fine'), (2, CAST(x'ff' AS TEXT))")
        connection.commit()
    with connect(f"sqlite:///{path}") as client:
        rows = client.query("SELECT value, abs(random()) >= 0 FROM v ORDER BY id").rows
        assert rows == (("fine", 1), (UndecodedText(b"\xff"), 1))


def test_a_column_holds_what_it_holds_whatever_its_type_says(tmp_path: Path) -> None:
    path = tmp_path / "loose.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a INTEGER, b DATE, c BOOLEAN, d VARCHAR(3))")
        connection.execute("INSERT INTO t VALUES ('text', 'not a date', 7, 'longer than three')")
        connection.commit()
    with connect(f"sqlite:///{path}") as client:
        result = client.query("SELECT * FROM t")
        assert result.rows == (("text", "not a date", 7, "longer than three"),)
        assert [column.type for column in result.columns] == ["INTEGER", "DATE", "BOOLEAN", "VARCHAR(3)"]


def test_an_expression_has_no_declared_type(path: Path) -> None:
    with connect(f"sqlite:///{path}") as client:
        result = client.query("SELECT id, id + ? AS x, 'a?' AS \"b?\" FROM v", [1])
        assert [(column.name, column.type) for column in result.columns] == [("id", "INTEGER"), ("x", ""), ("b?", "")]


def test_every_style_of_parameter_works(path: Path) -> None:
    with connect(f"sqlite:///{path}") as client:
        assert client.query("SELECT ?, ?2, ?1", [1, 2]).rows == ((1, 2, 1),)
        assert client.query("SELECT :a, @b, $c", {"a": 1, "b": 2, "c": 3}).rows == ((1, 2, 3),)
        assert client.query("SELECT :a, ':b', :c, :a -- :d", [1, 2]).rows == ((1, ":b", 2, 1),)
        assert client.query("SELECT ?1 + ?2 AS sum", {"1": 1, "2": 2}).rows == ((3,),)
        with pytest.raises(QueryFailed, match="binding"):
            client.query("SELECT ?1, ?2", [1])


def test_a_bool_is_a_number_and_bytes_are_a_blob(path: Path) -> None:
    with connect(f"sqlite:///{path}") as client:
        assert client.query("SELECT ?, typeof(?)", [True, bytearray(b"x")]).rows == ((1, "blob"),)


def test_returning_gives_its_rows_and_generated_keys(path: Path) -> None:
    with connect(f"sqlite:///{path}", read_only=False) as client:
        outcome = client.execute("INSERT INTO v (value) VALUES ('a'), ('b') RETURNING id, value")
        assert outcome.returned is not None
        assert outcome.returned.rows == ((1, "a"), (2, "b"))
        assert outcome.affected_rows == 2
        assert client.execute("INSERT INTO v (value) VALUES ('c')").generated_keys == (3,)

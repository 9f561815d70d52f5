from __future__ import annotations

import csv
import enum
import io
import json
import math
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmcp_core.encode import (
    FORMATS,
    from_csv,
    invisible,
    to_csv,
    to_json,
    to_json_text,
    to_markdown,
    to_table,
)
from dbmcp_core.errors import UnsupportedError
from dbmcp_core.statement import Column
from dbmcp_core.values import UndecodedText, from_json

LOOKALIKES = [
    "", " ", " a ", "a ", "\ta", "NULL", "null", "true", "TRUE", "false", "NaN", "nan", "Infinity", "-Infinity", "inf",
    "+inf", "1", "-1", "007", "1.", ".5", "1e5", "1E+5", "+1", "-0.0", "1.5e-7", "x''", "x'00'", "x'0'",
    "undecoded'ff'", "text'61'", '"', '""', ",", "\n", "\r", "\r\n", "a\nb", "a,b", 'a"b', "\\",
    ":", "a:b", "\\:", "\\u0041", "\u0661",
]  # fmt: skip
any_text = st.text(st.characters(exclude_categories=())) | st.sampled_from(LOOKALIKES)  # lone surrogates too
kinds: list[st.SearchStrategy[Any]] = [
    st.none(),
    st.booleans(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    any_text,
    st.binary(),
    st.binary().map(UndecodedText),
]
names = st.builds(Column, any_text, st.just("") | any_text)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Column], list[tuple[Any, ...]]]:
    """Tables as they come: mostly one kind a column, many rows (each kind has a fast path) or few."""
    columns = draw(st.lists(names, max_size=4))
    cells = [st.one_of(draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=2))) for _ in columns]
    rows = draw(st.lists(st.tuples(*cells), max_size=3) | st.lists(st.tuples(*cells), min_size=9, max_size=12))
    return columns, rows


def exactly(rows: Any) -> list[list[tuple[type, str]]]:
    """Make rows comparable by type too, NaN and -0.0 with themselves only."""
    return [[(type(cell), repr(cell)) for cell in row] for row in rows]


def line(*cells: Any) -> str:
    """Return the line of one row, having seen that the fast path for many rows writes the same."""
    columns = [Column("c")] * len(cells)
    few, many = to_csv(columns, [cells]), to_csv(columns, [cells] * 20)
    body = few.split("\n", 1)[1]
    assert many.split("\n", 1)[1] == body * 20
    return body


# CSV


@given(tables())
def test_csv_comes_back(table: tuple[list[Column], list[tuple[Any, ...]]]) -> None:
    columns, rows = table
    text = to_csv(columns, rows)
    text.encode("utf-8")
    columns_back, rows_back = from_csv(text)
    assert columns_back == tuple(columns)
    assert exactly(rows_back) == exactly(rows)


@given(tables())
def test_csv_is_csv_to_other_readers(table: tuple[list[Column], list[tuple[Any, ...]]]) -> None:
    columns, rows = table
    if columns:
        text = to_csv(columns, rows)
        read = [row or [""] for row in csv.reader(io.StringIO(text, newline=""))]
        assert [len(row) for row in read] == [len(columns)] * (len(rows) + 1)


@pytest.mark.parametrize("text", LOOKALIKES)
def test_lookalikes_stay_text(text: str) -> None:
    for row in ([text], [text, 1], [None, text]):
        columns = [Column("c")] * len(row)
        for rows in ([row], [row] * 20):
            assert from_csv(to_csv(columns, rows))[1] == [tuple(row)] * len(rows)


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ((None,), "\n"),
        (("",), '""\n'),
        ((None, None), ",\n"),
        ((1, -0.0, 1.0, 1e300, math.nan, -math.inf), "1,-0.0,1.0,1e+300,NaN,-Infinity\n"),
        ((True, False), "true,false\n"),
        (("true", "1e5", "x'00'", "NULL", "nan"), '"true","1e5","x\'00\'","NULL","nan"\n'),
        ((b"Hel", UndecodedText(b"\xff"), "\ud800"), "x'48656c',undecoded'ff',text'eda080'\n"),
        (("a b", "it's", "2024-01-02", "10:00", "1,5", 'a"b', "a\nb", " a"), None),
        ((Decimal("1.50"), uuid.UUID(int=1)), "1.50,00000000-0000-0000-0000-000000000001\n"),
        (([1, "a"], {"b": None}), '"[1,""a""]","{""b"":null}"\n'),
    ],
)
def test_cells_of_csv(cells: tuple[Any, ...], text: str | None) -> None:
    expected = text or 'a b,it\'s,2024-01-02,10:00,"1,5","a""b","a\nb"," a"\n'
    assert line(*cells) == expected


@pytest.mark.parametrize(
    ("column", "head"),
    [
        (Column("id", "INTEGER"), "id:INTEGER"),
        (Column("total"), "total"),
        (Column(""), '""'),
        (Column("", "int"), ":int"),
        (Column("price", "NUMERIC(10,2)"), '"price:NUMERIC(10,2)"'),
        (Column("a:b", "T::U"), r"a\:b:T::U"),
        (Column("a\\b"), r"a\\b"),
        (Column('"x", y'), '"""x"", y"'),
        (Column("a\ud800"), r"a\ud800"),
    ],
)
def test_header_of_csv(column: Column, head: str) -> None:
    text = to_csv([column, column], [])
    assert text == f"{head},{head}\n"
    assert from_csv(text) == ((column, column), [])


def test_enum_is_written_like_its_value() -> None:
    class Answer(enum.Enum):
        YES = "true"
        NONE = ""

    assert line(Answer.YES, Answer.NONE) == '"true",""\n'


def test_rows_without_columns_are_counted() -> None:
    assert from_csv(to_csv([], [(), ()])) == ((), [(), ()])
    assert from_csv(to_csv([], [()] * 20)) == ((), [()] * 20)


def test_decimals_come_back_exact() -> None:
    exact = Decimal("12345678901234567890.123")
    _, rows = from_csv(to_csv([Column("d"), Column("e")], [(exact, Decimal("0.5"))]))
    assert rows == [(exact, 0.5)]


def test_integers_past_pythons_limit_for_digits() -> None:
    rows = [(10**5000,)] * 20
    assert from_csv(to_csv([Column("n")], rows))[1] == rows


def test_more_rows_than_are_taken_at_once() -> None:
    rows = [(number, f"text {number}", None if number % 2 else number / 3) for number in range(5_000)]
    columns = [Column("a"), Column("b"), Column("c")]
    assert from_csv(to_csv(columns, rows))[1] == rows
    assert to_json(columns, rows)["rows"] == [list(row) for row in rows]


def test_csv_with_other_line_ends_is_read() -> None:
    assert from_csv("a,b\r\n1,\r\n,x") == ((Column("a"), Column("b")), [(1, None), (None, "x")])
    assert from_csv("a,b\n1,") == ((Column("a"), Column("b")), [(1, None)])
    assert from_csv("") == ((), [])


@pytest.mark.parametrize("text", ['a\n"x', 'a\nb"c\n', "a\n1,2\n", "a,b\n\n", "a\\\n"])
def test_what_is_no_csv_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"field|cells|name:type"):
        from_csv(text)


def test_ragged_rows_are_an_error() -> None:
    columns = [Column("a"), Column("b")]
    for rows in ([(1, 2), (1,)], [(1,)], [(1, 2)] * 20 + [(1,)], [(1,)] * 20):
        with pytest.raises(ValueError, match=r"columns|argument"):
            to_csv(columns, rows)


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="complex"):
        line(1j)


# JSON


@given(tables())
def test_json_comes_back(table: tuple[list[Column], list[tuple[Any, ...]]]) -> None:
    columns, rows = table
    back = json.loads(to_json_text(columns, rows).encode("utf-8"))
    assert back == json.loads(json.dumps(to_json(columns, rows), allow_nan=False))
    heads = [Column(from_json(column["name"]), from_json(column["type"])) for column in back["columns"]]
    assert heads == columns
    assert exactly([[from_json(cell) for cell in row] for row in back["rows"]]) == exactly(rows)


def test_json_text_is_compact() -> None:
    text = to_json_text([Column("é", "TEXT")], [(None,), (2**53,), ("a",)])
    assert text == ('{"columns":[{"name":"é","type":"TEXT"}],"rows":[[null],[{"$integer":"9007199254740992"}],["a"]]}')


# For people


def test_markdown() -> None:
    columns = [Column("id", "INTEGER"), Column("na|me", "TEXT")]
    rows = [(1, "a|b"), (None, "NULL"), (2, None), (3, "x\ny"), (4, "![](http://e) <b> *NULL* snake_case _i_ \u202e")]
    assert to_markdown(columns, rows).splitlines() == [
        r"| id | na\|me |",
        "| ---: | --- |",
        r"| 1 | a\|b |",
        "| *NULL* | NULL |",
        "| 2 | *NULL* |",
        "| 3 | x<br>y |",
        r"| 4 | !\[\](http://e) \<b> \*NULL\* snake_case \_i\_ \<U+202E> |",
    ]


@given(tables())
def test_markdown_has_one_line_a_row(table: tuple[list[Column], list[tuple[Any, ...]]]) -> None:
    columns, rows = table
    text = to_markdown(columns, rows)
    assert len(text.encode("utf-8").decode("utf-8").splitlines()) == len(rows) + 2


def test_table() -> None:
    columns = [Column("id", "INTEGER"), Column("name", "TEXT")]
    rows = [(1, "数据"), (10, None), (None, "NULL"), (2, "a\n\x1b[31m\u200b")]
    assert to_table(columns, rows) == (
        "  id  name\n"
        "----  ---------------\n"
        "   1  数据\n"
        "  10  NULL\n"
        "NULL  'NULL'\n"
        "   2  a␊␛[31m<U+200B>\n"
    )  # fmt: skip


def test_table_is_cut_to_the_width() -> None:
    columns = [Column("id"), Column("text")]
    text = to_table(columns, [(1, "abcdefghijklmnop"), (2, "数据数据数据")], width=12)
    assert text == "id  text\n--  --------\n 1  abcdefg…\n 2  数据数…\n"


@given(tables(), st.none() | st.integers(0, 40))
def test_table_has_one_line_a_row(table: tuple[list[Column], list[tuple[Any, ...]]], width: int | None) -> None:
    columns, rows = table
    text = to_table(columns, rows, width=width)
    assert text.encode("utf-8").count(b"\n") == len(rows) + 2


def test_formats_by_name() -> None:
    assert list(FORMATS) == ["csv", "json", "markdown", "table"]
    for encode in FORMATS.values():
        assert "id" in encode([Column("id")], [(1,)])


# Hidden characters


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("plain text\t\r\n", ()),
        ("Größe “” 数据 ❤️", ()),
        ("a\x00b\x1b", ("U+0000", "U+001B")),
        ("\x7f\x85", ("U+007F", "U+0085")),
        ("b\u202ea\u202e\u200b", ("U+200B", "U+202E")),
        ("\ufeff\u2060\u2066\u2069", ("U+2060", "U+2066", "U+2069", "U+FEFF")),
        ("\U000e0041\U000e0100", ("U+E0041", "U+E0100")),
        ("\ud800", ()),
    ],
)
def test_invisible_characters_are_named(text: str, found: tuple[str, ...]) -> None:
    assert invisible(text) == found

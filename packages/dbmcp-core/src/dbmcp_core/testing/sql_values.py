"""Values through SQL: what goes in comes out, and a parameter is never more than a value."""

# ruff: noqa: S608 - the statements are made of our own names

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbmcp_core.call import CallRecord
from dbmcp_core.errors import DbmcpError
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.data import BLOBS, BOOK, FLOATS, INTEGERS, TEXTS
from dbmcp_core.testing.sql_base import SQLBase

__all__ = ["SQLValuesContract"]

_property = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
#: Text as people write it, and text as people attack with it.
_hostile = st.lists(
    st.sampled_from(["'", '"', "\\", ";", "--", "/*", "*/", "%s", "?", ":a", "$1", "$$", "\n", "é", "🐍"])
)
_texts = st.text(st.characters(exclude_categories=["Cs"])) | _hostile.map("".join)


class SQLValuesContract(SQLBase):
    """Types, NULL, parameters, columns."""

    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            ("integer", tuple(number for number in INTEGERS if abs(number) < 2**31)),
            ("bigint", INTEGERS),
            ("float", FLOATS),
            ("text", TEXTS),
            ("blob", BLOBS),
        ],
        ids=["integer", "bigint", "float", "text", "blob"],
    )
    def test_values_go_in_and_come_out(self, main: Caller, kind: str, values: tuple[Any, ...]) -> None:
        name = self.type_of(kind)
        main.execute(f"CREATE TABLE kept (id {self.types['integer']} NOT NULL, value {name})")
        expected = [*enumerate(values), (len(values), None)]
        for key, value in expected:
            main.execute(self.bound("INSERT INTO kept (id, value) VALUES ({id}, {value})", id=key, value=value))
        rows = main.query("SELECT id, value FROM kept ORDER BY id").rows
        assert [row[0] for row in rows] == [row[0] for row in expected]
        for (_, got), (_, value) in zip(rows, expected, strict=True):
            assert got == value
            assert type(got) is type(value)

    def test_a_megabyte_of_text_comes_back(self, main: Caller) -> None:
        text = "0123456789abcde\u00e9" * 65_536
        assert main.query(self.echoing(text, "text")).rows == ((text,),)

    def test_null_is_not_the_empty_text(self, filled: Caller) -> None:
        rows = filled.query("SELECT title, price FROM book WHERE id IN (2, 4) ORDER BY id").rows
        assert rows == (("More notes", None), ("", -1.25))
        assert filled.query("SELECT count(*) FROM book WHERE title IS NULL").rows == ((0,),)

    @_property
    @given(text=_texts)
    def test_a_text_parameter_comes_back_as_it_was(self, main: Caller, text: str) -> None:
        text = "".join(character for character in text if character not in self.unstorable)
        assert main.query(self.echoing(text, "text")).rows == ((text,),)

    @_property
    @given(number=st.integers(-(2**63), 2**63 - 1))
    def test_an_integer_parameter_comes_back_as_it_was(self, main: Caller, number: int) -> None:
        self.type_of("bigint")
        assert main.query(self.echoing(number, "bigint")).rows == ((number,),)

    def test_a_parameter_is_never_spliced(self, filled: Caller, records: list[CallRecord]) -> None:
        for text in TEXTS:
            expected = tuple((row[0],) for row in BOOK.rows if row[2] == text)
            statement = self.bound("SELECT id FROM book WHERE title = {title}", title=text)
            assert filled.query(statement).rows == expected
            assert records[-1].statement == statement.text
        assert filled.query("SELECT count(*) FROM book").rows == ((len(BOOK.rows),),)

    def test_parameters_by_position(self, filled: Caller) -> None:
        if self.positional is None:
            pytest.skip("this engine has no placeholders by position")
        text = f"SELECT id FROM book WHERE id > {self.positional} AND id < {self.positional} ORDER BY id"
        assert filled.query(text, (2, 5)).rows == ((3,), (4,))
        assert filled.query(text, [2, 5]).rows == ((3,), (4,))

    def test_parameters_by_name(self, filled: Caller) -> None:
        if self.named is None:
            pytest.skip("this engine has no placeholders by name")
        low, high = self.named.format(name="low"), self.named.format(name="high")
        text = f"SELECT id FROM book WHERE id > {low} AND id < {high} AND id <> {low} ORDER BY id"
        assert filled.query(text, {"high": 5, "low": 2}).rows == ((3,), (4,))

    def test_a_wrong_number_of_parameters_is_an_error_with_a_code(self, filled: Caller) -> None:
        if self.positional is None:
            pytest.skip("this engine has no placeholders by position")
        text = f"SELECT id FROM book WHERE id = {self.positional}"
        for params in ((), (1, 2)):
            with pytest.raises(DbmcpError) as caught:
                filled.query(text, params)
            assert caught.value.code == "query_failed"

    def test_a_parameter_of_a_strange_type_is_an_error_with_a_code(self, filled: Caller) -> None:
        with pytest.raises(DbmcpError) as caught:
            filled.query(self.bound("SELECT id FROM book WHERE title = {title}", title=object()))
        assert caught.value.code == "query_failed"
        assert filled.query("SELECT count(*) FROM book").rows == ((len(BOOK.rows),),)

    def test_a_lone_surrogate_is_an_error_with_a_code_or_comes_back(self, main: Caller) -> None:
        try:
            assert main.query(self.echoing("a\ud800b", "text")).rows == (("a\ud800b",),)
        except DbmcpError as exc:
            assert exc.code == "query_failed"  # noqa: PT017 - either way is right

    def test_columns_have_types_without_rows(self, filled: Caller) -> None:
        result = filled.query("SELECT id, title, price FROM book WHERE 1 = 0")
        assert result.rows == ()
        assert [column.name for column in result.columns] == ["id", "title", "price"]
        assert all(column.type for column in result.columns)
        full = filled.query("SELECT id, title, price FROM book")
        assert full.columns == result.columns

    def test_columns_of_one_name_are_all_there(self, filled: Caller) -> None:
        result = filled.query("SELECT id, id, title AS id FROM book WHERE id = 1")
        assert [column.name for column in result.columns] == ["id", "id", "id"]
        assert result.rows == ((1, 1, "Notes"),)

    def test_column_names_are_given_as_they_are(self, main: Caller) -> None:
        names = ["plain", "with blank", "Ünï 🐍", "a.b", "semi;colon", "x" * 60]
        result = main.query("SELECT " + ", ".join(f'1 AS "{name}"' for name in names))
        assert [column.name for column in result.columns] == names

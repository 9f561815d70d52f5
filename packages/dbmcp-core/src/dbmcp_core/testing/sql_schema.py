"""The schema of an SQL database: keys, indexes, views, and what has changed meanwhile."""

# ruff: noqa: S608 - the statements are made of our own names

from __future__ import annotations

from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.data import AUTHOR, BOOK, VIEW
from dbmcp_core.testing.sql_base import SQLBase

__all__ = ["SQLSchemaContract"]


class SQLSchemaContract(SQLBase):
    """Columns, keys, indexes, views."""

    def test_columns_have_types_and_nullability(self, filled: Caller) -> None:
        columns = filled.table(BOOK.name).columns
        assert all(column.type for column in columns)
        assert [column.nullable for column in columns] == [False, False, True, True]
        assert [column.is_primary_key for column in columns] == [True, False, False, False]

    def test_a_primary_key_is_told(self, filled: Caller) -> None:
        assert filled.table(BOOK.name).primary_key == ("id",)
        assert filled.table(AUTHOR.name).kind == "table"

    def test_a_primary_key_of_several_columns_keeps_its_order(self, main: Caller) -> None:
        integer = self.types["integer"]
        main.execute(f"CREATE TABLE pair (a {integer} NOT NULL, b {integer} NOT NULL, PRIMARY KEY (b, a))")
        table = main.table("pair")
        assert table.primary_key == ("b", "a")
        assert [column.is_primary_key for column in table.columns] == [True, True]

    def test_a_foreign_key_is_told(self, filled: Caller) -> None:
        keys = filled.table(BOOK.name).foreign_keys
        assert len(keys) == 1
        assert keys[0].columns == ("author_id",)
        assert keys[0].target.name == "author"
        assert keys[0].target_columns == ("id",)
        assert filled.table(AUTHOR.name).foreign_keys == ()

    def test_an_index_is_told(self, filled: Caller) -> None:
        found = [index for index in filled.table(BOOK.name).indexes if index.name == "book_by_title"]
        assert len(found) == 1
        assert found[0].columns == ("title",)
        assert not found[0].unique

    def test_a_unique_index_is_told(self, filled: Caller) -> None:
        filled.execute("CREATE UNIQUE INDEX name_once ON author (id, name)")
        found = [index for index in filled.table(AUTHOR.name).indexes if index.name == "name_once"]
        assert [(index.columns, index.unique) for index in found] == [(("id", "name"), True)]

    def test_a_view_is_a_view(self, filled: Caller) -> None:
        view = filled.table(VIEW)
        assert view.kind == "view"
        assert [column.name for column in view.columns] == ["id", "title"]
        assert view.primary_key == ()
        assert filled.query(f"SELECT title FROM {VIEW} WHERE id = 1").rows == (("Notes",),)

    def test_a_default_is_told(self, main: Caller) -> None:
        main.execute(f"CREATE TABLE defaults (a {self.types['integer']} DEFAULT 42)")
        assert "42" in (main.table("defaults").columns[0].default_value or "")

    def test_the_schema_is_not_older_than_the_last_write(self, filled: Caller) -> None:
        before = {table.name.name for table in filled.schema().tables}
        filled.execute(f"CREATE TABLE later (a {self.types['integer']})")
        assert {table.name.name for table in filled.schema().tables} == before | {"later"}
        filled.execute(f"ALTER TABLE later ADD b {self.types['integer']}")
        later = next(table for table in filled.schema().tables if table.name.name == "later")
        assert [column.name for column in later.columns] == ["a", "b"]
        filled.execute("DROP TABLE later")
        assert {table.name.name for table in filled.schema().tables} == before

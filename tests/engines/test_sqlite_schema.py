"""SQLite's own kinds of tables, columns and indexes, as the schema shows them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dbmcp_core import Client, NotFound, TableSchema, connect

SCRIPT = """
CREATE TABLE plain (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT NOT NULL DEFAULT 'x', b NUMERIC(10, 2));
CREATE TABLE computed (a INTEGER, twice INTEGER AS (a * 2) VIRTUAL, thrice INTEGER AS (a * 3) STORED);
CREATE TABLE keyed (a TEXT, b TEXT, c, PRIMARY KEY (b, a)) WITHOUT ROWID;
CREATE TABLE strictly (id INTEGER PRIMARY KEY, a ANY, b BLOB) STRICT;
CREATE TABLE untyped (a, b);
CREATE TABLE loose (a TEXT PRIMARY KEY, b);
CREATE TABLE parent (a INTEGER, b INTEGER, c INTEGER UNIQUE, PRIMARY KEY (a, b));
CREATE TABLE child (
    x INTEGER, y INTEGER, z INTEGER REFERENCES parent (c), p INTEGER REFERENCES plain,
    FOREIGN KEY (x, y) REFERENCES parent (a, b) ON DELETE CASCADE ON UPDATE SET NULL
);
CREATE INDEX partial_index ON plain (a, b) WHERE b > 10 AND a <> ') where x';
CREATE INDEX expression_index ON plain (lower(a), b);
CREATE UNIQUE INDEX unique_index ON plain (a);
CREATE VIEW joined AS SELECT plain.id, keyed.c AS "the c" FROM plain, keyed;
CREATE TABLE gone (a);
CREATE VIEW broken AS SELECT a FROM gone;
DROP TABLE gone;
CREATE VIRTUAL TABLE search USING fts5(title, body);
CREATE TABLE "with blank" ("a column" TEXT, "semi;colon" TEXT);
CREATE TABLE "quo""te" (a);
CREATE TABLE "it's" (a);
CREATE TABLE "ünï 🐍" ("é" TEXT);
CREATE TABLE "select" ("from" TEXT);
CREATE TABLE "a.b" (a);
CREATE TABLE sqliteish (a);
INSERT INTO plain (a) VALUES ('one'), ('two');
ANALYZE;
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    path = tmp_path / "kinds.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCRIPT)
    with connect(f"sqlite:///{path}") as client:
        yield client


def shown(table: TableSchema) -> dict[str, tuple[str, bool, bool, str | None, str | None]]:
    return {
        column.name: (column.type, column.nullable, column.is_primary_key, column.default_value, column.generated)
        for column in table.columns
    }


def test_every_table_is_listed_and_nothing_of_the_machinery(client: Client) -> None:
    names = [name.name for name in client.get_tables()]
    assert names == sorted(names)
    assert set(names) == {
        "plain", "computed", "keyed", "strictly", "untyped", "loose", "parent", "child", "joined", "broken", "search",
        "with blank", 'quo"te', "it's", "ünï 🐍", "select", "a.b", "sqliteish",
    }  # fmt: skip
    assert [table.name.name for table in client.get_schema().tables] == names


def test_a_plain_table(client: Client) -> None:
    table = client.get_table_schema("plain")
    assert shown(table) == {
        "id": ("INTEGER", False, True, None, None),
        "a": ("TEXT", False, False, "'x'", None),
        "b": ("NUMERIC(10, 2)", True, False, None, None),
    }
    assert (table.kind, table.primary_key, table.estimated_rows) == ("table", ("id",), 2)


def test_generated_columns(client: Client) -> None:
    assert {name: column[4] for name, column in shown(client.get_table_schema("computed")).items()} == {
        "a": None,
        "twice": "virtual",
        "thrice": "stored",
    }


def test_without_rowid_a_key_is_never_null(client: Client) -> None:
    table = client.get_table_schema("keyed")
    assert table.primary_key == ("b", "a")
    assert {name: column[1] for name, column in shown(table).items()} == {"a": False, "b": False, "c": True}


def test_with_rowid_a_text_key_may_be_null(client: Client) -> None:
    """SQLite's old mistake, which it keeps: only INTEGER PRIMARY KEY and WITHOUT ROWID mean NOT NULL."""
    assert shown(client.get_table_schema("loose"))["a"] == ("TEXT", True, True, None, None)


def test_a_strict_table(client: Client) -> None:
    assert [column[0] for column in shown(client.get_table_schema("strictly")).values()] == ["INTEGER", "ANY", "BLOB"]


def test_columns_without_a_type(client: Client) -> None:
    assert [column[0] for column in shown(client.get_table_schema("untyped")).values()] == ["", ""]


def test_foreign_keys(client: Client) -> None:
    keys = client.get_table_schema("child").foreign_keys
    assert [(key.columns, key.target.name, key.target_columns, key.on_delete, key.on_update) for key in keys] == [
        (("z",), "parent", ("c",), None, None),
        (("p",), "plain", (), None, None),
        (("x", "y"), "parent", ("a", "b"), "CASCADE", "SET NULL"),
    ]


def test_indexes(client: Client) -> None:
    indexes = {index.name: index for index in client.get_table_schema("plain").indexes}
    assert set(indexes) == {"partial_index", "expression_index", "unique_index"}
    assert (indexes["partial_index"].columns, indexes["partial_index"].where) == (
        ("a", "b"),
        "b > 10 AND a <> ') where x'",
    )
    assert indexes["expression_index"].columns == (None, "b")
    assert indexes["unique_index"].unique
    assert indexes["expression_index"].where is None


def test_a_view(client: Client) -> None:
    view = client.get_table_schema("joined")
    assert (view.kind, [column.name for column in view.columns]) == ("view", ["id", "the c"])


def test_a_broken_view_says_why_and_hides_nothing(client: Client) -> None:
    view = client.get_table_schema("broken")
    assert (view.kind, view.columns) == ("view", ())
    assert "gone" in (view.comment or "")
    assert len(client.get_schema().tables) == len(client.get_tables())


def test_a_virtual_table_without_its_shadows(client: Client) -> None:
    table = client.get_table_schema("search")
    assert table.kind == "virtual table"
    assert [column.name for column in table.columns] == ["title", "body"]


@pytest.mark.parametrize("name", ["with blank", 'quo"te', "it's", "ünï 🐍", "select", "a.b"])
def test_a_name_is_only_a_name(client: Client, name: str) -> None:
    assert client.get_table_schema(name).name.name == name


def test_names_are_compared_without_case(client: Client) -> None:
    assert client.get_table_schema("PLAIN").name.name == "plain"


def test_the_nearest_name_is_named(client: Client) -> None:
    with pytest.raises(NotFound, match="plain"):
        client.get_table_schema("plian")


def test_every_name_can_be_selected_from(client: Client) -> None:
    for name in client.get_tables():
        if name.name != "broken":
            client.query('SELECT * FROM "{}"'.format(name.name.replace('"', '""')))


def test_a_column_of_an_index_on_a_changed_schema_is_new(tmp_path: Path) -> None:
    path = tmp_path / "changing.db"
    with closing(sqlite3.connect(path)) as connection, connect_after(connection, path) as client:
        assert [table.name.name for table in client.get_schema().tables] == ["a"]
        connection.execute("CREATE TABLE b (x)")
        connection.commit()
        assert [table.name.name for table in client.get_schema().tables] == ["a", "b"]
        assert client.query("SELECT * FROM b").columns[0].name == "x"


def connect_after(connection: sqlite3.Connection, path: Path) -> Client:
    connection.execute("CREATE TABLE a (x)")
    connection.commit()
    return connect(f"sqlite:///{path}")


COUNTS = {
    "chinook/Chinook_Sqlite.sqlite": {
        "Album": 347, "Artist": 275, "Customer": 59, "Employee": 8, "Genre": 25, "Invoice": 412, "InvoiceLine": 2240,
        "MediaType": 5, "Playlist": 18, "PlaylistTrack": 8715, "Track": 3503,
    },
    "sakila/sakila.sqlite": {
        "actor": 200, "address": 603, "category": 16, "city": 600, "country": 109, "customer": 599, "film": 1000,
        "film_actor": 5462, "film_category": 1000, "inventory": 4581, "payment": 16049, "rental": 16044, "language": 6,
        "staff": 2, "store": 2, "film_text": 1000,
    },
    "northwind/sqlite-northwind-create.sql": {
        "Categories": 8, "Customers": 93, "Employees": 9, "EmployeeTerritories": 49, "Order Details": 2155,
        "Orders": 830, "Products": 77, "Shippers": 3, "Suppliers": 29, "Territories": 53,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_sample_data_is_there_to_the_last_row(sample: Callable[[str], Path], name: str) -> None:
    path = sample(name)
    if path.suffix == ".sql":
        script, path = path, path.with_suffix(".db")
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script.read_text(encoding="utf-8"))
    with connect(f"sqlite:///{path}") as client:
        tables = {table.name.name: table for table in client.get_schema().tables}
        for table, count in COUNTS[name].items():
            assert client.query(f'SELECT count(*) FROM "{table}"').rows == ((count,),)
            assert tables[table].columns
        for table in tables:
            result = client.query(f'SELECT * FROM "{table}"')
            assert [column.name for column in result.columns] == [column.name for column in tables[table].columns]

"""Files as tables: those of the source's folder and no other, whoever asks for them and however."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dbmcp_core import Client, ConnectionFailed, DbmcpError, NotFound, StatementRefused, TableName, connect
from dbmcp_duckdb import DuckDBSettings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "it's data"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    for path in (folder / "sale.csv", folder / "sub" / "more.csv", tmp_path / "outside" / "secret.csv"):
        path.write_text("region,price\nnorth,1.5\nsouth,2\n")
    (folder / "event.json").write_text('[{"a": 1, "b": "x"}, {"a": 2, "b": null}]')
    (folder / "broken.parquet").write_text("no parquet at all")
    (folder / "note.txt").write_text("no table")
    with duckdb.connect() as connection:
        target = str(folder / "year.parquet").replace("'", "''")
        connection.execute(f"COPY (SELECT 2024 AS y, DATE 'infinity' AS d) TO '{target}'")
    (folder / "link.csv").symlink_to(tmp_path / "outside" / "secret.csv")
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "inner.csv").symlink_to(folder / "sub" / "more.csv")
    return folder


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    with connect("duckdb://", folder=str(folder)) as client:
        yield client


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("FROM 'sale.csv'", 2),
        ('FROM "sale.csv"', 2),
        ("SELECT sale.region FROM 'sale.csv' WHERE price > 1.6", 1),
        ("SELECT s.region FROM 'sale.csv' AS s JOIN 'sub/more.csv' m USING (region)", 2),
        ("FROM 'sub/*.csv'", 2),
        ("FROM 'sub/more.csv' SELECT count(*)", 1),
        ("FROM './sale.csv'", 2),
        ("FROM 'event.json'", 2),
        ("FROM 'year.parquet'", 1),
        ("FROM read_csv('sale.csv', header = true, delim = ',')", 2),
        ("FROM read_csv(['sale.csv', 'sub/more.csv'])", 4),
        ("FROM read_parquet('*year.parquet')", 1),
        ("FROM read_json('event.json')", 2),
        ("SELECT * FROM read_csv('sale.csv') WHERE region IS DISTINCT FROM 'sale.csv'", 2),
        ("SELECT trim('s' FROM 'sale.csv') AS x FROM 'sale.csv'", 2),
        ("SELECT extract(year FROM DATE '2024-01-01') AS x FROM 'sale.csv' LIMIT 1", 1),
        ("WITH x AS (FROM 'sale.csv') SELECT * FROM x", 2),
        ("SELECT (SELECT max(price) FROM 'sale.csv') AS x", 1),
        ("PIVOT 'sale.csv' ON region USING sum(price)", 1),
        ("SUMMARIZE 'sale.csv'", 2),
        ("DESCRIBE 'sale.csv'", 2),
        ("DESCRIBE FROM 'sale.csv'", 2),
        ("FROM 'inner.csv' -- 'link.csv'", 2),
    ],
)
def test_a_file_of_the_folder_is_a_table(client: Client, text: str, count: int) -> None:
    assert len(client.query(text)) == count


def test_an_absolute_path_into_the_folder_is_fine(client: Client, folder: Path) -> None:
    path = str(folder / "sale.csv").replace("'", "''")
    assert len(client.query(f"FROM '{path}'")) == 2
    assert client.query("SELECT 'sale.csv' AS x FROM 'sale.csv' LIMIT 1").rows == (("sale.csv",),)


def test_a_files_values_are_exact(client: Client) -> None:
    assert client.query("FROM 'year.parquet'").rows == ((2024, "infinity"),)


@pytest.mark.parametrize(
    "text",
    [
        "FROM '../outside/secret.csv'",
        "FROM 'sub/../../outside/secret.csv'",
        "FROM 'link.csv'",
        "FROM 'linked/secret.csv'",
        "FROM '*.csv'",
        "FROM '**/*.csv'",
        "FROM 'linked/*.csv'",
        "FROM '../*/secret.csv'",
        "FROM '/etc/passwd'",
        "FROM '{outside}/secret.csv'",
        "FROM read_csv('{outside}/secret.csv')",
        "FROM read_csv(['sale.csv', '{outside}/secret.csv'])",
        "FROM read_csv('sale.csv' || '')",
        "FROM read_csv(concat('{outside}', '/secret.csv'))",
        "FROM read_csv(getvariable('x'))",
        "FROM read_csv((SELECT 'sale.csv'))",
        "FROM read_csv($1)",
        "FROM read_csv(E'sale.csv')",
        "FROM read_csv($$sale.csv$$)",
        "FROM read_text('sale.csv')",
        "FROM read_blob('sale.csv')",
        "FROM glob('*')",
        "FROM sniff_csv('sale.csv')",
        "FROM 'sale.csv', '{outside}/secret.csv'",
        "FROM 'sale.csv' JOIN '{outside}/secret.csv' USING (region)",
        "SELECT * FROM 'sale.csv' WHERE region IN (SELECT content FROM read_text('/etc/passwd'))",
        "SELECT getenv('HOME') FROM 'sale.csv'",
        "FROM query('FROM ''sale.csv''')",
        "COPY (FROM 'sale.csv') TO '{folder}/out.csv'",
        "CREATE TABLE t AS FROM 'sale.csv'",
        "ATTACH '{folder}/sale.csv' AS x",
        "FROM 'http://127.0.0.1:9/x.csv'",
        "FROM 's3://bucket/x.csv'",
        "FROM 'file:///etc/passwd'",
        "FROM '~/x.csv'",
        "FROM 'sale.csv'; DELETE FROM x",
    ],
)
def test_no_other_file_is(client: Client, folder: Path, text: str) -> None:
    before = sorted(folder.rglob("*"))
    filled = text.format(outside=folder.parent / "outside", folder=str(folder).replace("'", "''"))
    with pytest.raises(DbmcpError) as caught:
        client.query(filled, ["sale.csv"] if "$1" in text else [])
    assert isinstance(caught.value, StatementRefused) or "$1" in text
    assert sorted(folder.rglob("*")) == before


def test_without_a_folder_a_file_is_refused(folder: Path) -> None:
    with connect("duckdb://") as client, pytest.raises(StatementRefused, match="file"):
        client.query(f"FROM '{folder.parent}/outside/secret.csv'")


def test_files_are_listed_with_their_columns(client: Client) -> None:
    names = [name.name for name in client.get_tables()]
    assert names == ["broken.parquet", "event.json", "inner.csv", "sale.csv", "sub/more.csv", "year.parquet"]
    schema = {table.name.name: table for table in client.get_schema().tables}
    assert list(schema) == names
    assert {table.kind for table in schema.values()} == {"file"}
    assert [(column.name, column.type) for column in schema["year.parquet"].columns] == [
        ("y", "INTEGER"),
        ("d", "DATE"),
    ]
    assert schema["sub/more.csv"] == client.get_table_schema("sub/more.csv")
    assert "broken" in (schema["broken.parquet"].comment or "")
    with pytest.raises(NotFound):
        client.get_table_schema("link.csv")
    with pytest.raises(NotFound):
        client.get_table_schema(TableName("../outside/secret.csv"))


def test_a_file_that_changes_is_looked_at_again(client: Client, folder: Path) -> None:
    assert len(client.get_table_schema("sale.csv").columns) == 2
    (folder / "sale.csv").write_text("a,b,c\n1,2,3\n")
    os.utime(folder / "sale.csv", (1, 1))
    assert [column.name for column in client.get_table_schema("sale.csv").columns] == ["a", "b", "c"]
    assert client.query("FROM 'sale.csv'").rows == ((1, 2, 3),)


def test_a_writable_source_loads_files_and_writes_none(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.duckdb"
    with connect(f"duckdb:///{path}", folder=str(folder), read_only=False, create_if_not_exists=True) as client:
        client.execute("CREATE TABLE sale AS FROM 'sale.csv'")
        assert client.execute("INSERT INTO sale SELECT * FROM read_csv('sub/more.csv')").affected_rows == 2
        assert client.query("SELECT count(*) FROM sale").rows == ((4,),)
        for text in (
            "COPY sale TO 'out.csv'",
            f"COPY sale TO '{tmp_path}/out.csv'",
            f"CREATE TABLE t AS FROM '{tmp_path}/outside/secret.csv'",
            "CREATE TABLE t AS FROM 'link.csv'",
            f"INSERT INTO sale FROM read_csv('{tmp_path}/outside/secret.csv')",
        ):
            with pytest.raises(DbmcpError):
                client.execute(text)
        assert client.query("SELECT count(*) FROM sale").rows == ((4,),)
        assert not list(tmp_path.rglob("out.csv"))


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="folder"), connect("duckdb://", folder=str(tmp_path / "none")) as client:
        client.query("SELECT 1")


def test_folder_and_file_are_taken_from_the_configurations_place(tmp_path: Path) -> None:
    settings = DuckDBSettings(filename="a.duckdb", folder="data").relative_to(tmp_path)
    assert (settings.filename, settings.folder) == (str(tmp_path / "a.duckdb"), str(tmp_path / "data"))
    assert DuckDBSettings().relative_to(tmp_path) == DuckDBSettings()

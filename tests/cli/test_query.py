"""``dbmcp query``: rows in, rows out, and what it ends with."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from dbmcp_core import connect
from dbmcp_core.encode import from_csv

BIG = 2**53 + 1


def test_csv_when_piped_keeps_null_and_empty_text_apart(run, shop):
    done = run("query", shop, "SELECT id, note FROM product ORDER BY id")
    assert done.exit_code == 0
    assert done.stdout == 'id:INTEGER,note:TEXT\n1,\n2,""\n3,heavy\n'
    assert done.stderr == ""


def test_json_keeps_null_empty_text_and_big_integers(run, shop):
    done = run("query", shop, f"SELECT NULL AS a, '' AS b, {BIG} AS c, 1.5 AS d", "--format", "json")
    found = json.loads(done.stdout)
    assert [column["name"] for column in found["columns"]] == ["a", "b", "c", "d"]
    assert found["rows"] == [[None, "", {"$integer": str(BIG)}, 1.5]]
    assert found["truncated"] is False


def test_csv_has_big_integers_to_the_last_digit(run, shop):
    assert f"\n{BIG}\n" in run("query", shop, f"SELECT {BIG} AS n").stdout


def test_markdown_and_table(run, shop):
    markdown = run("query", shop, "SELECT name, note FROM product WHERE id < 3", "-f", "markdown").stdout
    assert markdown.splitlines()[2:] == ["| pen | *NULL* |", "| ink |  |"]
    table = run("query", shop, "SELECT name, note FROM product WHERE id < 3", "-f", "table").stdout
    assert [line.split() for line in table.splitlines()[2:]] == [["pen", "NULL"], ["ink"]]


@pytest.mark.parametrize(
    "args",
    [
        ["SELECT name FROM product WHERE id = ? AND price = ?", "-p", "1", "-p", "1.5"],
        ["SELECT name FROM product WHERE id = :id AND name = :name", "-p", "id=1", "-p", "name=pen"],
        ["SELECT name FROM product WHERE id = ? AND name = ?", "--params", '[1, "pen"]'],
        ["SELECT name FROM product WHERE id = :id", "--params", '{"id": 1}'],
    ],
)
def test_parameters(run, shop, args):
    assert run("query", shop, *args).stdout.splitlines()[1:] == ["pen"]


@pytest.mark.parametrize(
    ("given", "kind", "value"),
    [
        ("7", "integer", "7"),
        ('"7"', "text", '"7"'),
        ("007", "text", '"007"'),
        ("true", "integer", "1"),
        ("null", "null", ""),
        ("", "text", '""'),
        ("NaN", "text", '"NaN"'),
        ("[1]", "text", "[1]"),
        (str(BIG), "integer", str(BIG)),
        ("x'; DROP TABLE product", "text", "x'; DROP TABLE product"),
    ],
)
def test_what_a_parameter_is(run, shop, given, kind, value):
    done = run("query", shop, "SELECT typeof(?1), ?1", "-p", given)
    assert done.stdout.splitlines()[1] == f"{kind if kind != 'null' else chr(34) + 'null' + chr(34)},{value}"


@pytest.mark.parametrize(
    "args",
    [
        ["-p", "1", "-p", "a=1"],
        ["-p", "1", "--params", "[1]"],
        ["--params", "{"],
        ["--params", "7"],
        ["--all", "--max-rows", "5"],
        ["--all", "--write"],
        ["--format", "xml"],
        ["--max-rows", "0"],
        ["--no-such-option"],
    ],
)
def test_a_wrong_command_line_ends_with_2(run, shop, args):
    done = run("query", shop, "SELECT 1", *args)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Usage:" in done.stderr


def test_sql_from_stdin(run, shop):
    assert run("query", shop, "-", input="SELECT 1 -- one\n").stdout.splitlines()[1:] == ["1"]


def test_a_truncated_answer_says_so(run, big):
    done = run("query", big, "SELECT id FROM number", "--max-rows", "10")
    assert len(done.stdout.splitlines()) == 11
    assert "--all" in done.stderr
    assert json.loads(run("query", big, "SELECT id FROM number", "--max-rows", "10", "-f", "json").stdout)["truncated"]


def test_a_limit_above_the_sources_default_holds(run, big):
    assert len(run("query", big, "SELECT id FROM number", "--max-rows", "2000").stdout.splitlines()) == 2001


@pytest.mark.parametrize("form", ["csv", "json", "markdown"])
def test_all_pages_are_one_text(run, big, form, monkeypatch):
    monkeypatch.setattr("dbmcp_server.cli.query._PAGE", 700)
    sql = 'SELECT id, text AS "a\nb" FROM number ORDER BY id'
    done = run("query", big, sql, "--all", "--format", form)
    whole = run("query", big, sql, "--max-rows", "3000", "--format", form)
    assert done.exit_code == 0
    assert done.stderr == ""
    assert done.stdout == whole.stdout
    if form == "csv":
        columns, rows = from_csv(done.stdout)
        assert columns[1].name == "a\nb"
        assert [row[0] for row in rows] == list(range(1, 2_501))
    if form == "json":
        assert len(json.loads(done.stdout)["rows"]) == 2_500


def test_no_rows(run, shop):
    assert run("query", shop, "SELECT id FROM product WHERE 0").stdout == "id:INTEGER\n"
    assert json.loads(run("query", shop, "SELECT id FROM product WHERE 0", "-f", "json").stdout)["rows"] == []


# What it ends with


def code_of(done) -> str:
    """Return the stable code in the paragraph on stderr."""
    assert done.stderr.startswith("dbmcp: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    return done.stderr.split(": ")[1]


@pytest.mark.parametrize(
    ("sql", "exit_code", "code"),
    [
        ("DELETE FROM product", 4, "not_a_read"),
        ("SELECT 1; SELECT 2", 4, "multiple_statements"),
        ("SELEC 1", 4, "unparsable_statement"),
        ("SELECT nme FROM product", 1, "query_failed"),
        ("SELECT * FROM prodct", 1, "query_failed"),
    ],
)
def test_a_statement_that_fails(run, shop, sql, exit_code, code):
    done = run("query", shop, sql)
    assert (done.exit_code, code_of(done)) == (exit_code, code)
    assert done.stdout == ""


def test_an_error_comes_with_a_remedy(run, shop):
    assert "name" in run("query", shop, "SELECT nme FROM product").stderr


def test_the_time_limit(run, shop):
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    done = run("query", shop, sql, "--timeout", "0.2")
    assert (done.exit_code, code_of(done)) == (1, "query_timeout")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("nosuch", "unknown_source"),
        ("sqlite://nosuch.db", "config_invalid"),
        ("nosuch://host/db", "config_invalid"),
        ("sqlite:///x.db?read_olny=1", "config_invalid"),
    ],
)
def test_a_source_that_isnt_one(run, source, code):
    done = run("query", source, "SELECT 1")
    assert (done.exit_code, code_of(done)) == (3, code)


def test_a_database_that_isnt_there(run, tmp_path):
    done = run("query", f"sqlite:///{tmp_path}/missing.db", "SELECT 1")
    assert (done.exit_code, code_of(done)) == (1, "connection_failed")
    assert not (tmp_path / "missing.db").exists()


def test_no_password_in_an_error(run):
    done = run("query", "nosuch://me:geheim@host/db", "SELECT 1")
    assert done.exit_code == 3
    assert "geheim" not in done.stderr


# Writing


def test_a_write_is_refused_where_the_source_is_read_only(run, shop):
    done = run("query", shop, "DELETE FROM purchase", "--write")
    assert (done.exit_code, code_of(done)) == (4, "policy_denied")
    assert count(shop) == 3


def test_a_read_is_no_write(run, shop):
    done = run("query", f"sqlite:///{shop}?read_only=false", "SELECT 1", "--write")
    assert (done.exit_code, code_of(done)) == (4, "not_a_write")


def test_a_write(run, shop):
    source = f"sqlite:///{shop}?read_only=false"
    done = run("query", source, "DELETE FROM purchase WHERE customer_id = ?", "-p", "1", "--write")
    assert done.exit_code == 0
    assert "2" in done.stderr
    assert count(shop) == 1


def test_a_write_without_write_is_refused_on_a_writable_source(run, shop):
    assert run("query", f"sqlite:///{shop}?read_only=false", "DELETE FROM purchase").exit_code == 4
    assert count(shop) == 3


def test_a_write_as_json(run, shop):
    source = f"sqlite:///{shop}?read_only=false"
    sql = "INSERT INTO customer (name) VALUES ('Alan') RETURNING id, name"
    found = json.loads(run("query", source, sql, "--write", "-f", "json").stdout)
    assert found.keys() == {"affected_rows", "generated_keys", "returned"}
    assert found["returned"]["rows"] == [[3, "Alan"]]


def test_returned_rows_are_on_stdout(run, shop):
    sql = "UPDATE customer SET name = 'Grace Hopper' WHERE id = 2 RETURNING name"
    done = run("query", f"sqlite:///{shop}?read_only=false", sql, "--write")
    assert done.stdout.splitlines()[1:] == ["Grace Hopper"]


def count(shop: Path) -> int:
    connection = sqlite3.connect(shop)
    try:
        return int(connection.execute("SELECT count(*) FROM purchase").fetchone()[0])
    finally:
        connection.close()


# In a project


@pytest.fixture
def project(shop: Path) -> Path:
    """A project on the shop, in the working directory."""
    (shop.parent / "dbmcp.toml").write_text(
        '[project]\naudit = "audit/calls.jsonl"\n[sources]\nshop = "sqlite:///shop.db?read_only=false"\n'
    )
    return shop.parent


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of MXCP, in the working directory, with a database for each of two profiles."""
    monkeypatch.setenv("HOME", str(tmp_path))
    text = "mxcp: 1\nproject: p\nprofile: dev\nprofiles: {dev: {}, prod: {}}\n"
    (tmp_path / "mxcp-site.yml").write_text(text)
    (tmp_path / "data").mkdir()
    for name in ("dev", "prod"):
        with connect(f"duckdb:///{tmp_path}/data/db-{name}.duckdb", read_only=False, create_if_not_exists=True) as db:
            db.execute(
                f"CREATE TABLE t AS SELECT '{name}' AS who, DATE '2024-01-02' AS day, 1.50 AS price, [1] AS list"
            )
    return tmp_path


def result_of(done) -> object:
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["status"] == "ok"
    return found["result"]


def test_without_a_source_it_is_the_project_s(run, project, monkeypatch):
    (project / "sql").mkdir()
    (project / "sql" / "q.sql").write_text("SELECT count(*) AS n FROM customer WHERE id > :id")
    monkeypatch.chdir(project / "sql")
    assert result_of(run("query", "SELECT id FROM customer ORDER BY id", "--json")) == [{"id": 1}, {"id": 2}]
    assert result_of(run("query", "--file", "q.sql", "-p", "id=1", "--json")) == [{"n": 1}]
    assert result_of(run("query", "shop", "--file", "q.sql", "-p", "id=0", "--json", "--project", "..")) == [{"n": 2}]
    assert len((project / "audit" / "calls.jsonl").read_text().splitlines()) == 3


def test_a_change_wants_write_in_a_project_too(run, project):
    refused = run("query", "DELETE FROM purchase", "--json")
    assert refused.exit_code == 4
    assert "--write" in json.loads(refused.stdout)["error"]
    assert result_of(run("query", "DELETE FROM purchase WHERE customer_id = 1", "--write", "--json")) == [{"Count": 2}]
    assert result_of(run("query", "CREATE TABLE extra (id)", "--write", "--json")) == []
    assert run("query", "DELETE FROM purchase", "--write", "--readonly").exit_code == 2


def test_what_is_left_out_must_be_clear(run, project, tmp_path_factory, monkeypatch):
    assert run("query").exit_code == 2
    assert run("query", "shop", "SELECT 1", "--file", "q.sql").exit_code == 2
    assert run("query", "--file", "gone.sql").exit_code == 2
    assert run("query", "SELECT 1", "--json", "--format", "csv").exit_code == 2
    unknown = run("query", "shp", "SELECT 1", "--project", ".")
    assert (unknown.exit_code, "Name one: shop" in unknown.stderr) == (3, True)
    (project / "dbmcp.toml").write_text('[project]\n[sources]\na = "sqlite:///shop.db"\nb = "sqlite:///shop.db"\n')
    several = run("query", "SELECT 1")
    assert (several.exit_code, "Name one: a, b" in several.stderr) == (3, True)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    outside = run("query", "SELECT 1")
    assert (outside.exit_code, "SOURCE and SQL" in outside.stderr) == (2, True)


def test_an_envelope_says_that_there_is_more(run, shop):
    done = run("query", shop, "SELECT id FROM product ORDER BY id", "--json", "--max-rows", "2")
    assert json.loads(done.stdout) == {"status": "ok", "result": [{"id": 1}, {"id": 2}], "truncated": True}
    assert "--all" in done.stderr
    assert len(result_of(run("query", shop, "SELECT id FROM product", "--json", "--all"))) == 3


def test_a_project_of_mxcp(run, site):
    (site / "x.json").write_text('{"a": [1, 2]}')
    rows = result_of(run("query", "SELECT * FROM t", "--json-output"))
    assert rows == [{"who": "dev", "day": "2024-01-02", "price": 1.5, "list": [1]}]
    assert result_of(run("query", "SELECT who FROM t", "--profile", "prod", "--json")) == [{"who": "prod"}]
    typed = run("query", "SELECT $x AS x, typeof($x) AS t", "-p", "x=5", "--json")
    assert result_of(typed) == [{"x": "5", "t": "VARCHAR"}]
    assert result_of(run("query", "SELECT $x AS x", "-p", "x=@x.json", "--json")) == [{"x": {"a": [1, 2]}}]
    assert run("query", "SELECT $x AS x", "-p", "x=@gone.json", "--json").exit_code == 2
    assert result_of(run("query", "CREATE TABLE q (a INT)", "--write", "--json")) == []
    assert result_of(run("query", "INSERT INTO q VALUES (1)", "--write", "--json")) == [{"Count": 1}]
    assert run("query", "SELECT 1; SELECT 2", "--json").exit_code == 4
    wrong = run("query", "SELECT nope FROM t", "--json")
    assert (wrong.exit_code, json.loads(wrong.stdout)["status"]) == (1, "error")

"""``dbmcp tables``, ``describe`` and ``search``."""

from __future__ import annotations

import json
import sqlite3


def test_tables(run, shop):
    assert run("tables", shop).stdout.split() == ["cheap", "customer", "product", "purchase"]


def test_tables_as_json(run, shop):
    found = json.loads(run("tables", shop, "--json").stdout)
    assert found["source"] == "shop"
    assert found["tables"][0] == {"name": "cheap", "schema": None, "catalog": None}


def test_describe(run, shop):
    text = run("describe", shop, "purchase").stdout
    for told in ("customer_id", "INTEGER", "not null", "customer(id)", "purchase_by_customer"):
        assert told in text


def test_describe_as_json(run, shop):
    table = json.loads(run("describe", shop, "purchase", "--json").stdout)["table"]
    assert table["name"]["name"] == "purchase"
    assert table["primary_key"] == ["id"]
    assert [column["name"] for column in table["columns"]] == ["id", "customer_id", "product_id"]
    assert {key["target"]["name"] for key in table["foreign_keys"]} == {"customer", "product"}
    assert table["indexes"][0]["columns"] == ["customer_id"]


def test_a_name_with_a_point_in_it(run, shop):
    connection = sqlite3.connect(shop)
    connection.execute('CREATE TABLE "a.b" (c)')
    connection.close()
    assert json.loads(run("describe", shop, "a.b", "--json").stdout)["table"]["name"]["name"] == "a.b"


def test_describing_what_isnt_there_names_the_nearest(run, shop):
    done = run("describe", shop, "custmer")
    assert done.exit_code == 1
    assert done.stderr.startswith("dbmcp: not_found: ")
    assert "'customer'" in done.stderr or "customer" in done.stderr


def test_search(run, shop):
    assert run("search", shop, "customers").stdout.splitlines()[0].startswith("customer")
    assert run("search", shop, "prod*", "--detail", "names").stdout.splitlines()[0] == "product"


def test_search_without_words_is_everything(run, shop):
    assert run("search", shop, "--detail", "names").stdout.split() == ["cheap", "customer", "product", "purchase"]


def test_search_prints_more_than_one_page(run, tmp_path):
    path = tmp_path / "wide.db"
    connection = sqlite3.connect(path)
    connection.execute("BEGIN")
    for number in range(900):
        connection.execute(f"CREATE TABLE table_with_a_long_name_{number} (id INTEGER)")
    connection.commit()
    connection.close()
    assert len(run("search", path, "--detail", "names").stdout.splitlines()) == 900
    assert json.loads(run("search", path, "--json", "--detail", "names").stdout)["total"] == 900


def test_search_as_json(run, shop):
    found = json.loads(run("search", shop, "price", "--json").stdout)
    assert found["total"] == len(found["tables"]) == 1
    assert found["tables"][0]["columns"][0]["type"] == "INTEGER"
    short = json.loads(run("search", shop, "price", "--json", "--detail", "summary").stdout)["tables"][0]
    assert short["columns"] == ["id", "name", "price", "note"]


def test_a_search_that_finds_nothing(run, shop):
    done = run("search", shop, "zebra")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "zebra" in done.stderr


def test_a_name_with_a_line_end_in_it(run, tmp_path):
    connection = sqlite3.connect(tmp_path / "odd.db")
    connection.executescript('CREATE TABLE "a\nb" (c); CREATE TABLE z (c)')
    connection.close()
    found = json.loads(run("search", "odd.db", "--json", "--detail", "names").stdout)["tables"]
    assert [table["name"]["name"] for table in found] == ["a\nb", "z"]

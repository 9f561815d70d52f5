"""Placeholders of which PostgreSQL by itself can't tell the type, and what is said where nobody can."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from dbmcp_core import Client, QueryFailed, connect
from dbmcp_core.statement import Statement
from dbmcp_core.testing.servers import PostgresServer
from dbmcp_postgres.parameters import with_null_tests

DAY = dt.date(2024, 2, 29)


@pytest.fixture(scope="module")
def client(postgres_server: PostgresServer) -> Iterator[Client]:
    settings = postgres_server.create_database()
    postgres_server.execute(
        "CREATE TABLE event (id int, name text, day date, at timestamptz, price numeric, key uuid, tags text[]);"
        "INSERT INTO event VALUES (1, 'a', '2024-02-29', now(), 1.5, gen_random_uuid(), '{x,y}');"
        "INSERT INTO event (id, name) VALUES (2, 'b')",
        settings["database"],
    )
    with connect("postgresql://", **settings, read_only=False) as client:
        yield client
    postgres_server.drop_database(settings["database"])


@pytest.mark.parametrize(
    ("text", "params", "rows"),
    [
        ("SELECT id FROM event WHERE $1 IS NULL OR name = $1 ORDER BY id", [None], [1, 2]),
        ("SELECT id FROM event WHERE $1 IS NULL OR name = $1 ORDER BY id", ["b"], [2]),
        ("SELECT id FROM event WHERE ? IS NULL OR day = ?", [None, None], [1, 2]),
        ("SELECT id FROM event WHERE :d IS NULL OR day = :d", {"d": DAY}, [1]),
        ("SELECT id FROM event WHERE $1 is\n NOT  null AND price > $1", [1.2], [1]),
        ("SELECT id FROM event WHERE ($1 IS NULL OR id = $1) AND ($2 IS NULL OR name = $2)", [1, None], [1]),
        ("SELECT id FROM event WHERE $1 IS NULL OR tags && $1", [["x"]], [1]),
        ("SELECT id FROM event WHERE $1 IS NULL OR key::text = $1 ORDER BY id", [None], [1, 2]),
        ("SELECT 1 WHERE $1 IS NULL", [None], [1]),
        ("SELECT 1 WHERE $1 IS NOT NULL", [{"a": 1}], [1]),
        ("SELECT CASE WHEN $1 IS NULL THEN 'none' ELSE 'some' END", ["x"], ["some"]),
        ("SELECT '$1 IS NULL' || $1", ["!"], ["$1 IS NULL!"]),
        ("SELECT concat('<', $1, '>')", ["a"], ["<a>"]),
        ("SELECT concat('<', $1, '>')", [None], ["<>"]),
        ("SELECT concat($2, $1) FROM event WHERE day = $3", ["a", "b", "2024-02-29"], ["ba"]),
        ("SELECT format('%s-%s', $1, $2)", ["a", 1], ["a-1"]),
        ("SELECT jsonb_build_object('k', $1)", ["v"], [{"k": "v"}]),
        ("SELECT unnest($1)", [["a", None, 'b"{']], ["a", None, 'b"{']),
        ("SELECT unnest($1)", [[]], []),
        ("SELECT cardinality($1)", [["a", "b"]], [2]),
        ("SELECT to_jsonb($1)", [["a"]], [["a"]]),
        ("SELECT id FROM event WHERE key = ANY($1)", [[]], []),
    ],
)
def test_what_a_placeholder_is_is_found_out(client: Client, text: str, params: Any, rows: list[Any]) -> None:
    assert [row[0] for row in client.query(text, params).rows] == rows


def test_writes_too_and_once(client: Client) -> None:
    written = client.execute("INSERT INTO event (id, name) VALUES (7, concat($1, $2)) RETURNING name", ["x", "y"])
    assert written.affected_rows == 1
    assert [row[0] for row in client.query("SELECT name FROM event WHERE id = 7").rows] == ["xy"]
    client.execute("DELETE FROM event WHERE $1 IS NOT NULL AND id = $1", [7])
    assert client.query("SELECT count(*) FROM event").rows[0][0] == 2


def test_what_can_not_be_found_out_is_told_with_what_to_write(client: Client) -> None:
    with pytest.raises(QueryFailed, match="is not unique") as raised:
        client.query("SELECT unnest($1)", ["x"])
    assert "$name::text[]" in (raised.value.hint or "")


@pytest.mark.parametrize(
    ("text", "params", "expected"),
    [
        ("SELECT $1", [1], ("SELECT $1", [1])),
        ("SELECT $1 IS NULL", [1], ("SELECT $1::text IS NULL", [1])),
        ("SELECT $1 IS NULL, $1", [1], ("SELECT $2::text IS NULL, $1", [1, 1])),
        ("SELECT $1::int IS NULL", [1], ("SELECT $1::int IS NULL", [1])),
        ("SELECT $1 IS NOT DISTINCT FROM $2", [1, 2], ("SELECT $1 IS NOT DISTINCT FROM $2", [1, 2])),
        ("SELECT $1 IS /* not */ NULL", [1], ("SELECT $1::text IS /* not */ NULL", [1])),
        ("SELECT $1 IS NULL", [], ("SELECT $1 IS NULL", [])),
        ("SELECT $2 IS NULL", [1], ("SELECT $2 IS NULL", [1])),
        ("SELECT 'x", [1], ("SELECT 'x", [1])),
    ],
)
def test_only_tests_for_null_get_a_placeholder_of_their_own(text: str, params: list[Any], expected: Any) -> None:
    found = with_null_tests(Statement(text, params))
    assert (found.text, list(found.params)) == expected

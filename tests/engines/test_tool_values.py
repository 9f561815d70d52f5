"""Parameters of tools on every engine: a declared type is bound as it is, or refused with what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core.errors import ArgumentsInvalid, DbmcpError
from dbmcp_core.running import Running
from dbmcp_core.tools.files.validating import validated
from dbmcp_core.tools.toolbox import Toolbox, ToolCall

Echo = Callable[[str], Toolbox]
Make = Callable[[str, dict[str, Any]], Toolbox]
Settings = Callable[[str], dict[str, Any]]
ENGINES = ("sqlite", "duckdb", "postgres", "mysql", "mongo")
TYPES = """
- {name: v_time, PARAMETER: {name: v, type: string, format: time}}
- {name: v_moment, PARAMETER: {name: v, type: string, format: date-time}}
- {name: v_number, PARAMETER: {name: v, type: number}}
- {name: v_integer, PARAMETER: {name: v, type: integer}}
- {name: v_object, PARAMETER: {name: v, type: object, properties: {at: {type: string, format: time}}}}
- {name: v_times, PARAMETER: {name: v, type: array, items: {type: string, format: time}}}
- {name: v_numbers, PARAMETER: {name: v, type: array, items: {type: number}}}
- {name: v_list, PARAMETER: {name: v, type: array}}
"""
_ECHO = {"mongo": "db.one.aggregate([{$limit: 1}, {$project: {_id: 0, v: {$literal: :v}}}])"}


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Return the settings of an empty database of an engine."""

    def of(engine: str) -> dict[str, Any]:
        if engine == "duckdb":
            return {"filename": str(tmp_path / "empty.duckdb"), "create_if_not_exists": True}
        if engine == "sqlite":
            return {"filename": str(tmp_path / "empty.db"), "create_if_not_exists": True}
        return dict(request.getfixturevalue("mongo" if engine == "mongo" else f"{engine}_settings"))

    return of


@pytest.fixture
def echo(settings: Settings, make: Make) -> Echo:
    """Make tools on an engine that answer with the value that they are given, one for each type."""

    def made(engine: str) -> Toolbox:
        code = f"annotations: {{readOnlyHint: true}}, source: {{code: '{_ECHO.get(engine, 'SELECT $v AS v')}'}}"
        tools = TYPES.replace("PARAMETER: ", f"{code}, parameters: [").replace("}}\n", "}]}\n")
        seed = "- {name: seed, source: {code: 'db.one.insertOne({a: 1})'}}\n" if engine == "mongo" else ""
        toolbox = make(tools + seed, {"engine": engine, **settings(engine)})
        if seed:
            toolbox.call(ToolCall("tool", "seed", {}))
        return toolbox

    return made


def answer(toolbox: Toolbox, tool: str, value: Any) -> Any:
    [row] = toolbox.call(ToolCall("tool", tool, {"v": value})).value
    return row["v"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_time_is_bound_alone_in_a_list_and_in_an_object(echo: Echo, engine: str) -> None:
    toolbox = echo(engine)
    assert validated(toolbox.project.config, toolbox.executor).errors == []
    assert answer(toolbox, "v_time", "09:30:00.5") == "09:30:00.500000"
    assert "09:30:00.500000" in str(answer(toolbox, "v_times", ["09:30:00.5"]))
    assert "09:30:00.500000" in str(answer(toolbox, "v_object", {"at": "09:30:00.5"}))


#: A decimal, or a whole number, that the engine's own can't hold.
BEYOND = {
    "sqlite": ("0.12345678901234567890", 2**63),
    "duckdb": ("0." + "1" * 39, 2**128),
    "mysql": ("0." + "1" * 66, 10**65),
}


@pytest.mark.parametrize(("engine", "numbers"), BEYOND.items())
def test_a_number_that_the_engine_has_not_is_refused_by_the_name_of_its_parameter(
    echo: Echo, engine: str, numbers: tuple[str, int]
) -> None:
    toolbox = echo(engine)
    for tool, value in zip(("v_number", "v_integer"), numbers, strict=True):
        with pytest.raises(ArgumentsInvalid, match="The parameter 'v' ") as refused:
            answer(toolbox, tool, value)
        assert "Declare it as a string" in str(refused.value.hint)


def test_mongo_says_what_to_do_with_a_number_that_bson_has_not(echo: Echo) -> None:
    toolbox = echo("mongo")
    for tool, value in (("v_number", "0." + "1" * 35), ("v_integer", 2**63)):
        with pytest.raises(DbmcpError, match=r"parameter of :v .*; give it as a text"):
            answer(toolbox, tool, value)


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_numbers_of_one_list_keep_their_digits(echo: Echo, engine: str) -> None:
    toolbox = echo(engine)
    long = "123456789012345678901234567890.5"
    assert answer(toolbox, "v_numbers", ["1.5", long]) == [1.5, long]
    scale = ".0" if engine == "duckdb" else ""  # which is the column's there, and the value's here
    assert answer(toolbox, "v_numbers", [2**60 + 1, 1.5]) == [f"1152921504606846977{scale}", 1.5]
    assert answer(toolbox, "v_list", [1, 1.5]) == [1.0, 1.5]


def test_numbers_that_have_no_common_type_in_duckdb_are_refused(echo: Echo) -> None:
    with pytest.raises(ArgumentsInvalid, match="needs 39 digits"):
        answer(echo("duckdb"), "v_numbers", ["1" * 36, "0.123"])


def test_what_is_mixed_is_no_array_of_postgres(echo: Echo) -> None:
    with pytest.raises(ArgumentsInvalid, match="'v' is a list of numbers and texts, and an array"):
        answer(echo("postgres"), "v_list", [1, "a"])


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_a_field_that_duckdb_would_lose_is_refused(echo: Echo, name: str) -> None:
    with pytest.raises(ArgumentsInvalid, match="DuckDB has no field with the name"):
        answer(echo("duckdb"), "v_object", {name: 1})


def test_a_zone_that_mysql_has_not_is_refused_and_a_local_time_is_taken(echo: Echo) -> None:
    toolbox = echo("mysql")
    for tool, value in (("v_moment", "2024-02-29T09:30:00Z"), ("v_time", "09:30:00+02:00")):
        with pytest.raises(DbmcpError, match=" zone") as refused:
            answer(toolbox, tool, value)
        assert "without 'Z' and offset" in str(refused.value.hint)
    assert answer(toolbox, "v_moment", "2024-02-29T09:30:00.5") == "2024-02-29T09:30:00.500000"


WRITES = """
- {name: make, source: {code: "CREATE TABLE item (id INTEGER PRIMARY KEY, name VARCHAR(200))"}}
- name: add
  parameters: [{name: id, type: integer}, {name: name, type: string}]
  return: {type: object, properties: {id: {type: integer}, name: {type: string}}}
  source: {code: "INSERT INTO item (id,name) VALUES ($id,$name) RETURNING id, name"}
- name: remove
  parameters: [{name: least, type: integer}]
  source: {code: "DELETE FROM item WHERE id >= $least RETURNING id"}
- {name: all, annotations: {readOnlyHint: true}, source: {code: SELECT id FROM item ORDER BY id}}
"""


@pytest.mark.parametrize("engine", ["sqlite", "duckdb", "postgres", "mysql"])
def test_what_a_write_returns_is_the_result_and_a_long_list_is_read_on(
    engine: str, settings: Settings, make: Make
) -> None:
    toolbox = make(WRITES, {"engine": engine, **settings(engine), "max_rows": 2})

    def call(tool: str, **arguments: Any) -> Any:
        return toolbox.call(ToolCall("tool", tool, arguments))

    call("make")
    assert validated(toolbox.project.config, toolbox.executor).errors == []
    for number in range(5):
        assert call("add", id=number, name="o'x").value == {"id": number, "name": "o'x"}
    page = call("all")
    found = list(page.value)
    while page.cursor is not None:
        page = toolbox.read_on(page.cursor, running=Running())
        found += page.value
    assert [row["id"] for row in found] == [0, 1, 2, 3, 4]
    assert sorted(row["id"] for row in call("remove", least=4).value) == [4]
    assert len(call("all").value) == 2

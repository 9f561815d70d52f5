"""Parameters of tools on Databricks: lists of one type are arrays, objects are JSON text."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core.errors import ArgumentsInvalid
from dbmcp_core.testing.servers import require
from dbmcp_core.tools.files.validating import validated
from dbmcp_core.tools.toolbox import Toolbox, ToolCall

TOOLS = """
- {name: time, READS, parameters: [{name: v, type: string, format: time}], source: {code: SELECT $v AS v}}
- {name: date, READS, parameters: [{name: v, type: string, format: date}], source: {code: SELECT $v AS v}}
- {name: number, READS, parameters: [{name: v, type: number}], source: {code: SELECT $v AS v}}
- {name: times, READS, parameters: [{name: v, type: array, items: {type: string, format: time}}],
   source: {code: SELECT $v AS v}}
- {name: list, READS, parameters: [{name: v, type: array}], source: {code: SELECT $v AS v}}
- {name: has, READS, parameters: [{name: v, type: array, items: {type: integer}}],
   source: {code: "SELECT count_if(array_contains($v, id)) AS v FROM range(5)"}}
- {name: field, READS, parameters: [{name: v, type: object}], source: {code: "SELECT get_json_object($v, '$.b') AS v"}}
- {name: path, READS, parameters: [{name: v, type: object}], source: {code: "SELECT parse_json($v):b.c::int AS v"}}
- {name: object, READS, parameters: [{name: v, type: object}], source: {code: SELECT $v AS v}}
""".replace("READS", "annotations: {readOnlyHint: true}")


def _start() -> Any:
    name = "dbmcp_test_databricks_start"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            name, Path(__file__).parents[1] / "servers" / "databricks" / "start.py"
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture
def toolbox(make: Callable[[str, dict[str, Any]], Toolbox]) -> Toolbox:
    start = _start()
    real = start.real_settings()
    require("databricks", None if real is not None else start.why_missing())
    return make(TOOLS, {"engine": "databricks", **(real or start.running().settings(catalog="spark_catalog"))})


def answer(toolbox: Toolbox, tool: str, value: Any) -> Any:
    [row] = toolbox.call(ToolCall("tool", tool, {"v": value})).value
    return row["v"]


def test_a_time_is_bound_as_text(toolbox: Toolbox) -> None:
    assert validated(toolbox.project.config, toolbox.executor).errors == []
    assert answer(toolbox, "time", "09:30:00.5") == "09:30:00.500000"
    assert answer(toolbox, "times", ["09:30"]) == ["09:30:00"]


@pytest.mark.parametrize("value", ["0001-01-01", "9999-12-31"])
def test_a_date_may_be_the_first_and_the_last(toolbox: Toolbox, value: str) -> None:
    assert answer(toolbox, "date", value) == value


@pytest.mark.parametrize("value", [{}, {"a": 1}, {"a": 1, "b": "x", "c": [1, "y", {}], "d": {"e": None}}, {"b": {}}])
def test_an_object_is_json_whatever_it_holds(toolbox: Toolbox, value: dict[str, Any]) -> None:
    assert json.loads(answer(toolbox, "object", value)) == value
    found = answer(toolbox, "field", value)
    assert found == (None if "b" not in value else value["b"] if isinstance(value["b"], str) else "{}")


def test_a_path_leads_into_an_object(toolbox: Toolbox) -> None:
    assert answer(toolbox, "path", {"b": {"c": 7}}) == 7


def test_a_list_is_an_array_of_one_type(toolbox: Toolbox) -> None:
    assert answer(toolbox, "list", [1, 2**40]) == [1, 2**40]
    assert answer(toolbox, "list", [1, 2.5]) == [1.0, 2.5]
    assert answer(toolbox, "list", [[1], {"a": "b"}]) == '[[1], {"a": "b"}]'
    assert [answer(toolbox, "has", value) for value in ([], [1, 2**40], [1, 3])] == [0, 1, 2]
    with pytest.raises(ArgumentsInvalid, match="'v' is a list of numbers and texts"):
        answer(toolbox, "list", [1, "a"])


def test_numbers_of_a_list_are_sent_as_one_type() -> None:
    from dbmcp_databricks.parameters import parameters

    def sent(*values: Any) -> list[tuple[str, str | None]]:
        [found] = parameters([values])
        assert found.items is not None
        return [(item.kind, item.text) for item in found.items]

    assert sent(1, None, 2**40) == [("BIGINT", "1"), ("VOID", None), ("BIGINT", str(2**40))]
    assert sent(Decimal("1.25"), Decimal(-30)) == [("DECIMAL(4,2)", "1.25"), ("DECIMAL(4,2)", "-30")]
    assert sent(2**63, 1) == [("DECIMAL(19,0)", str(2**63)), ("DECIMAL(19,0)", "1")]
    with pytest.raises(ValueError, match="need 39 digits"):
        sent(Decimal(10**36), Decimal("0.01"))


def test_a_decimal_of_too_many_digits_is_refused_by_name(toolbox: Toolbox) -> None:
    with pytest.raises(ArgumentsInvalid, match="The parameter 'v' needs 39 digits, and Databricks' decimals have 38"):
        answer(toolbox, "number", "0." + "1" * 39)

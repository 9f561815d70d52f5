"""How a project differs from what it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import ConfigError
from dbmcp_core.tools.review.drift import digest, load
from dbmcp_core.tools.review.drift_report import DefinitionChange, TableChange, compare

CODE = {"source": {"code": "SELECT 1"}}


def tool(name: str, path: str = "tools/a.yml", *, tests: str = "ok", status: str = "ok", **keys: Any) -> dict[str, Any]:
    return {
        "validation_results": {"status": status, "path": path},
        "test_results": {"status": tests, "tests_run": 1},
        "definition": {"mxcp": 1, "tool": {"name": name, **CODE, **keys}},
    }


def snapshot(tables: dict[str, dict[str, str]] | None = None, *resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": 1,
        "generated_at": "2026-01-31T12:00:00+00:00",
        "tables": [
            {"name": name, "columns": [{"name": key, "type": value} for key, value in columns.items()]}
            for name, columns in (tables or {}).items()
        ],
        "resources": list(resources),
    }


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        ({"t": {"a": "INT"}}, {"t": {"a": "INT"}}, []),
        ({"t": {"a": "INT"}}, {}, [{"change_type": "removed", "columns_removed": [{"name": "a", "type": "INT"}]}]),
        ({}, {"t": {"a": "INT"}}, [{"change_type": "added", "columns_added": [{"name": "a", "type": "INT"}]}]),
        ({"t": {}}, {}, [{"change_type": "removed"}]),
        (
            {"t": {"a": "INT", "b": "INT"}},
            {"t": {"a": "TEXT", "c": "INT"}},
            [
                {
                    "change_type": "modified",
                    "columns_added": [{"name": "c", "type": "INT"}],
                    "columns_removed": [{"name": "b", "type": "INT"}],
                    "columns_modified": [{"name": "a", "old_type": "INT", "new_type": "TEXT"}],
                }
            ],
        ),
    ],
)
def test_tables(before: Any, now: Any, changes: list[dict[str, Any]]) -> None:
    found = compare(snapshot(before), snapshot(now)).as_dict()
    assert found["table_changes"] == [{"name": "t", **change} for change in changes]
    assert found["has_drift"] is bool(changes)


@pytest.mark.parametrize(
    ("before", "now", "keys"),
    [
        ({}, {}, None),
        ({"description": "old"}, {"description": "new", "tags": ["x"]}, ["description", "tags"]),
        ({}, {"tags": [], "enabled": True, "language": "sql"}, None),  # what goes without saying
        ({"language": "sql"}, {"source": {"code": "SELECT 1", "language": "sql"}}, None),
        ({"parameters": [{"name": "a", "type": "string"}]}, {}, ["parameters"]),
        (
            {"parameters": [{"name": "a", "type": "string"}]},
            {"parameters": [{"name": "a", "type": "string", "default": None}]},  # may be left out from now on
            ["parameters"],
        ),
        ({"return": {"type": "array"}}, {"return": {"type": "object"}}, ["return"]),
        ({"unknown": 1}, {"unknown": 1}, None),
        ({"unknown": 1}, {"unknown": 2}, ["unknown"]),
    ],
)
def test_definitions(before: dict[str, Any], now: dict[str, Any], keys: list[str] | None) -> None:
    report = compare(snapshot({}, tool("x", **before)), snapshot({}, tool("x", **now)))
    assert list(report) == ([] if keys is None else [DefinitionChange("tools/a.yml", "tool/x", "modified", keys)])


def test_what_mxcp_wrote_is_the_same() -> None:
    parameter = {"name": "a", "type": "string"}
    theirs = tool("x", parameters=[{**parameter, "sensitive": False}], enabled=True, language="sql")
    theirs["definition"]["tool"]["return_"] = {"type": "array", "sensitive": False}
    theirs["test_results"] = {"status": "ok", "tests_run": 0, "no_tests": True}
    ours = tool("x", parameters=[{**parameter, "default": None}], **{"return": {"type": "array"}})
    assert not compare(snapshot({}, theirs), snapshot({}, ours))  # it loses defaults that are null
    ours["definition"]["tool"]["parameters"][0]["type"] = "integer"
    assert [change.how for change in compare(snapshot({}, theirs), snapshot({}, ours))] == ["modified"]


def test_a_definition_is_its_file_and_in_a_file_of_several_its_name() -> None:
    (renamed,) = compare(snapshot({}, tool("x")), snapshot({}, tool("y")))
    assert renamed == DefinitionChange("tools/a.yml", "tool/y", "modified", ["name"])
    report = compare(snapshot({}, tool("x"), tool("y")), snapshot({}, tool("y"), tool("z"), tool("q", "tools/q.yml")))
    assert [(change.how, str(change)) for change in report] == [
        ("added", "tool z in tools/a.yml"),
        ("added", "tool q in tools/q.yml"),
        ("removed", "tool x in tools/a.yml"),
    ]
    assert report.as_dict()["summary"] == {
        **{f"tables_{how}": 0 for how in ("added", "removed", "modified")},
        "resources_added": 2,
        "resources_removed": 1,
        "resources_modified": 0,
    }


def test_statuses() -> None:
    (change,) = compare(snapshot({}, tool("x")), snapshot({}, tool("x", tests="failed", status="error")))
    assert change.as_dict() == {
        "path": "tools/a.yml",
        "endpoint": "tool/x",
        "change_type": "modified",
        "validation_changed": True,
        "test_results_changed": True,
        "definition_changed": False,
        "details": {
            "validation_changes": {"old_status": "ok", "new_status": "error"},
            "test_changes": {"old_status": "ok", "new_status": "failed"},
        },
    }
    assert str(change) == "tool x in tools/a.yml (validation: was ok, is error; tests: was ok, is failed)"


def test_a_file_that_broke_is_a_change() -> None:
    broken = {"validation_results": {"status": "error", "path": "tools/a.yml", "message": "no"}}
    (change,) = compare(snapshot({}, tool("x")), snapshot({}, broken))
    assert (change.how, change.validation) == ("modified", ("ok", "error"))  # type: ignore[union-attr]
    assert not compare(snapshot({}, broken), snapshot({}, {**broken, "test_results": None, "definition": None}))


def test_the_hash_is_that_of_what_is_there() -> None:
    one, two = snapshot({"t": {"a": "INT"}}, tool("x")), snapshot({"t": {"a": "INT"}}, tool("x"))
    two["generated_at"] = "later"
    two["resources"][0]["test_results"]["time"] = 1.5
    assert digest(one) == digest(two) != digest(snapshot())


def test_tables_are_told_in_a_line() -> None:
    change = TableChange("t", "modified", [{"name": "a", "type": "INT"}], [{"name": "b", "type": "INT"}])
    assert str(change) == "table t: b was removed, a INT was added"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "can't be read"),
        ("[]", "version"),
        (json.dumps({"version": 2}), "version"),
        (json.dumps({"version": 1}), "form"),
        (json.dumps({"version": 1, "tables": [{}], "resources": []}), "form"),
        (json.dumps({"version": 1, "tables": [{"name": "t", "columns": [1]}], "resources": []}), "form"),
        (json.dumps({"version": 1, "tables": [], "resources": [1]}), "form"),
        (None, "drift snapshot"),
    ],
)
def test_a_snapshot_that_is_none_is_told(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "snapshot.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)

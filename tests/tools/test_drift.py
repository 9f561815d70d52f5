"""How a project differs from what it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import ConfigError
from dbmcp_core.tools.drift import Change, compare, load


def snapshot(tables: dict[str, dict[str, str]] | None = None, *definitions: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": 1,
        "tables": [
            {"name": name, "columns": [{"name": key, "type": value} for key, value in columns.items()]}
            for name, columns in (tables or {}).items()
        ],
        "resources": [
            {
                "validation_results": {"status": "ok", "path": "tools/a.yml"},
                "test_results": {"status": one.pop("tests", "ok"), "tests_run": 1},
                "definition": {"mxcp": 1, "tool": one},
            }
            for one in definitions
        ],
    }


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        (snapshot({"t": {"a": "INT"}}), snapshot({"t": {"a": "INT"}}), []),
        (snapshot({"t": {}}), snapshot(), [Change("table", "t", "removed")]),
        (snapshot(), snapshot({"t": {}}), [Change("table", "t", "added")]),
        (
            snapshot({"t": {"a": "INT", "b": "INT"}}),
            snapshot({"t": {"a": "TEXT", "c": "INT"}}),
            [Change("table", "t", "modified", "b was removed, c INT was added, a was INT, is TEXT")],
        ),
        (
            snapshot({}, {"name": "x"}),
            snapshot({}, {"name": "y"}),
            [Change("tool", "x", "removed"), Change("tool", "y", "added")],
        ),
        (
            snapshot({}, {"name": "x", "description": "old"}),
            snapshot({}, {"name": "x", "description": "new", "tags": []}),
            [Change("tool", "x", "modified", "description, tags")],
        ),
        (
            snapshot({}, {"name": "x"}),
            snapshot({}, {"name": "x", "tests": "error"}),
            [Change("tool", "x", "modified", "test")],
        ),
    ],
)
def test_what_has_changed(before: dict[str, Any], now: dict[str, Any], changes: list[Change]) -> None:
    assert compare(before, now) == changes


def test_a_file_that_broke_is_a_change() -> None:
    broken = {"validation_results": {"status": "error", "path": "tools/a.yml", "message": "no"}, "definition": None}
    now = {"version": 1, "tables": [], "resources": [broken]}
    found = compare(snapshot({}, {"name": "x"}), now)
    assert Change("tool", "x", "removed") in found
    assert [one.how for one in found] == ["added", "removed"]


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "can't be read"), ("[]", "version"), (json.dumps({"version": 2}), "version"), (None, "drift snapshot")],
)
def test_a_snapshot_that_is_none_is_told(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "snapshot.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)

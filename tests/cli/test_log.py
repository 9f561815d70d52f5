"""The records of a project from the command line: shown, filtered, exported, verified."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]

TOOLS = """dbmcp: 1
tools:
  - name: find
    description: Finds.
    parameters: [{name: name, type: string}]
    source: {code: SELECT id FROM product WHERE name = $name}
    policies: {input: [{condition: "name == 'desk'", action: deny, reason: "=HYPERLINK(1)"}]}
  - {name: broken, source: {code: SELECT nothing FROM product}}
"""


@pytest.fixture
def log(shop: Path, run: Run) -> Path:
    """The records of four calls, on a project in the working directory."""
    (shop.parent / "dbmcp.toml").write_text(
        '[project]\naudit = "audit/calls.jsonl"\n[sources]\nshop = "sqlite:///shop.db"\n'
    )
    (shop.parent / "tools").mkdir()
    (shop.parent / "tools" / "all.yml").write_text(TOOLS)
    for name, code in (("pen", 0), ("=1+1", 0), ("desk", 4)):
        assert run("run", "tool", "find", "-p", f"name={name}").exit_code == code
    assert run("run", "tool", "broken").exit_code == 1
    return shop.parent / "audit" / "calls.jsonl"


def shown(run: Run, *options: str) -> list[dict[str, Any]]:
    result = run("log", "--json", *options)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["result"]
    assert found["count"] == len(found["records"])
    return found["records"]


def test_a_type_that_no_record_has_is_refused(run: Run) -> None:
    result = run("log", "--type", "tools")
    assert result.exit_code == 2
    assert "tools" in result.stderr


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ([], 4),
        (["--tool", "find"], 3),
        (["--tool", "fin"], 0),
        (["--prompt", "find"], 0),
        (["--type", "tool"], 4),
        (["--type", "resource"], 0),
        (["--status", "success"], 2),
        (["--status", "error"], 2),
        (["--policy", "deny"], 1),
        (["--policy", "allow"], 2),
        (["--policy", "n/a"], 1),
        (["--since", "1h"], 4),
        (["--since", "2100-01-01"], 0),
        (["--limit", "1"], 1),
    ],
)
def test_records_are_filtered(run: Run, log: Path, options: list[str], count: int) -> None:
    found = shown(run, *options)
    assert len(found) == count
    if options[:1] == ["--limit"]:
        assert found[0]["operation_name"] == "broken"  # the newest


@pytest.mark.parametrize(
    "options",
    [
        ["--since", "yesterday"],
        ["--since", "999999999w"],
        ["--status", "fine"],
        ["--limit", "0"],
        ["cleanup", "--keep", "forever"],
        ["cleanup", "--keep", "999999999w"],
    ],
)
def test_a_filter_that_is_none_is_refused(run: Run, log: Path, options: list[str]) -> None:
    assert run("log", *options).exit_code == 2


def test_a_spreadsheet_computes_nothing(run: Run, log: Path) -> None:
    assert run("log", "--export-csv", "out.csv").exit_code == 0
    with Path("out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert [json.loads(row["input_data"]) for row in rows[:3]] == [{"name": name} for name in ("pen", "=1+1", "desk")]
    assert rows[2]["policy_reason"] == "'=HYPERLINK(1)"
    assert run("log", "--export-csv", "gone/out.csv").exit_code == 2


def test_records_go_into_a_duckdb(run: Run, log: Path) -> None:
    from dbmcp_core import connect

    assert run("log", "--export-duckdb", "out.duckdb").exit_code == 0
    with connect("duckdb:///out.duckdb") as found:
        counted = found.query("SELECT operation_name, count(*) FROM logs GROUP BY ALL ORDER BY ALL")
        assert list(counted) == [("broken", 1), ("find", 3)]
    assert run("log", "--export-duckdb", "out.duckdb").exit_code == 2


def test_a_change_is_found(run: Run, log: Path) -> None:
    assert run("log", "verify").exit_code == 0
    log.write_text(log.read_text().replace('"desk"', '"dusk"'))
    result = run("log", "verify", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["status"], found["result"]["records"]) == ("ok", 2)
    assert found["result"]["broken"] is not None
    assert f"{log}:3" in found["result"]["broken"]


def test_a_project_without_records_says_so(run: Run, log: Path) -> None:
    Path("dbmcp.toml").write_text('[project]\n[sources]\nshop = "sqlite:///shop.db"\n')
    result = run("log")
    assert result.exit_code == 3
    assert "audit" in result.stderr
    assert len(shown(run, "--file", str(log))) == 4


def test_a_log_that_is_not_there_can_t_be_verified(run: Run, log: Path) -> None:
    log.unlink()
    result = run("log", "verify")
    assert result.exit_code == 3, result.output


def test_old_records_go_and_the_chain_still_holds(run: Run, log: Path) -> None:
    assert "0 records in 0 files were removed" in run("log", "cleanup").stderr
    planned = run("log", "cleanup", "--keep", "0s", "--dry-run")
    assert planned.stdout == f"{log}\n"
    assert "4 records in 1 file would be removed" in planned.stderr
    result = json.loads(run("log", "cleanup", "--keep", "0s", "--json").stdout)["result"]
    assert (result["status"], result["records"]) == ("ok", 4)
    (left,) = shown(run)
    assert (left["operation_type"], left["input_data"]["records"]) == ("cleanup", 4)
    verified = run("log", "verify")
    assert verified.exit_code == 0
    assert "It begins after a cleanup that removed 4 records on " in verified.stderr


def test_texts_that_no_file_can_hold_and_names_that_are_sql_are_exported(run: Run, tmp_path: Path) -> None:
    hostile = {'a" VARCHAR); DROP TABLE logs; --': "x", "input_data": {"a": "\ud800\x1b[2J\n"}, "error": "\udcff"}
    (tmp_path / "calls.jsonl").write_text(json.dumps(hostile) + "\n")
    file = ("--file", tmp_path / "calls.jsonl")
    for option in ("--export-csv", "--export-duckdb"):
        assert run("log", *file, option, tmp_path / option.strip("-")).exit_code == 0
    with (tmp_path / "export-csv").open(newline="", encoding="utf-8") as found:
        assert [len(row) for row in csv.reader(found)] == [3, 3]
    assert "\x1b" not in run("log", *file).output

"""The tutorial of projects: every block of it, in its order, in an empty folder."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dbmcp_server.cli import app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial-project.md"
TOOL = Path("tools/customers_of_city.yml")
#: What each command comes to: the exit code, and a check of what was printed.
EXPECTED: dict[str, tuple[int, str]] = {
    "dbmcp init shop": (0, "The project is in"),
    "dbmcp run tool best_sellers -p limit=2": (0, "revenue"),
    "dbmcp validate": (0, "6 files: no problems."),
    "dbmcp run tool customers_of_city -p city=Oslo": (0, "email"),
    'dbmcp run tool customers_of_city -p city=Oslo -u \'{"role": "sales"}\'': (0, "spent"),
    'dbmcp run tool customers_of_city -p city=Oslo -u \'{"role": "sales", "permissions": ["customers.contact"]}\'': (
        0,
        "email",
    ),
    'dbmcp run tool customers_of_city -p city=Oslo -u \'{"role": "intern"}\'': (4, "not for interns"),
    "dbmcp test tool customers_of_city": (0, "3 tests: 3 passed"),
    "dbmcp lint": (0, "suggestions."),
    "dbmcp config claude-desktop --source .": (0, "dbmcp-server"),
    "dbmcp log": (0, "customers_of_city"),
    "dbmcp log verify": (0, "the chain holds"),
}


def blocks() -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def commands() -> list[str]:
    lines = [line for language, block in blocks() if language == "console" for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines]


def test_every_command_has_an_outcome() -> None:
    assert [one for one in commands() if not one.startswith("cd ")] == list(EXPECTED)
    assert {language for language, _ in blocks()} == {"console", "yaml"}


def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outputs: dict[str, Any] = {}
    for language, block in blocks():
        if language == "yaml":
            _write(block)
            continue
        for line in block.splitlines():
            command = line.removeprefix("$ ")
            if command.startswith("cd "):
                monkeypatch.chdir(command.removeprefix("cd "))
                continue
            result = _run(command)
            code, says = EXPECTED[command]
            assert result.exit_code == code, (command, result.output)
            assert says in result.output, (command, result.output)
            outputs[command] = result.stdout
    before, sales, permitted = (
        json.loads(text) for command, text in outputs.items() if "city=Oslo" in command and text
    )
    assert len(before) == len(sales) == len(permitted) > 0
    assert permitted == before  # it was written down before there was a policy
    assert sales == [{key: value for key, value in row.items() if key != "email"} for row in before]


def _write(block: str) -> None:
    """Begin the tool's file, or go on with it."""
    with TOOL.open("w" if block.startswith("dbmcp:") else "a", encoding="utf-8") as file:
        file.write(block)


def _run(command: str) -> Result:
    program, *args = shlex.split(command.replace("/path/to/shop", str(Path().absolute())))
    assert program == "dbmcp"
    return CliRunner().invoke(app, args)


def test_the_commands_in_its_text_are_there() -> None:
    names = {one.split()[0] for one in re.findall(r"`dbmcp ([^`]+)`", PAGE.read_text(encoding="utf-8"))}
    assert names
    for name in names:
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0, name

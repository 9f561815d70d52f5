"""A project's folder: which files count, what they share, and what is left out where something is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dbmcp_core import Registry
from dbmcp_core.config import source
from dbmcp_core.tools.files.checks import rules, thorough
from dbmcp_core.tools.files.loading import load
from dbmcp_core.tools.problems import ProjectInvalid
from dbmcp_core.tools.project import Project, ProjectConfig, ProjectOptions

Write = Callable[[str, str], Path]


def config(folder: Path, **more: object) -> ProjectConfig:
    sources = [source(Registry(), name, "sqlite:///shop.db") for name in ("shop", "crm")]
    options = ProjectOptions.build({"connection": "shop", **more}, where="test")
    return ProjectConfig.from_options(options, folder / "dbmcp.toml", sources)


def loaded(folder: Path, **more: object) -> Project:
    return load(config(folder, **more), thorough, rules)


def tool(name: str, more: str = "") -> str:
    return f"dbmcp: 1\ntool: {{name: {name}, source: {{code: SELECT 1}}{more}}}\n"


def test_files_of_both_endings_at_every_depth_count(tmp_path: Path, write: Write) -> None:
    for place in ("tools/a.yml", "tools/deep/er/b.yaml", "tools/.hidden/c.yml", "tools/.d.yml", "tools/e.yml.bak"):
        write(place, tool(Path(place).name.strip(".")[0]))
    project = loaded(tmp_path)
    assert [one.definition.key for one in project.definitions] == ["a", "b"]
    assert project.problems == ()


def test_a_folder_that_is_missing_is_empty(tmp_path: Path) -> None:
    assert loaded(tmp_path).definitions == ()
    assert loaded(tmp_path, tools="gone").definitions == ()


def test_what_is_not_enabled_is_not_there(tmp_path: Path, write: Write) -> None:
    write("tools/a.yml", tool("a", ", enabled: false"))
    write("tools/b.yml", tool("a"))
    project = loaded(tmp_path)
    assert [one.document.path.name for one in project.definitions] == ["b.yml"]
    assert project.errors == []


def test_all_holders_of_a_name_are_wrong(tmp_path: Path, write: Write) -> None:
    write("tools/a.yml", tool("a"))
    write("tools/b.yml", tool("a"))
    write("tools/c.yml", tool("c"))
    write("prompts/a.yml", "dbmcp: 1\nprompt: {name: a, messages: [{prompt: hi}]}\n")
    project = loaded(tmp_path)
    assert sorted(problem.place.path.parent.name for problem in project.errors) == ["prompts", "tools", "tools"]
    assert [one.definition.key for one in project.without_errors().definitions] == ["c"]
    with pytest.raises(ProjectInvalid) as caught:
        project.require()
    assert len(caught.value.problems) == 3


def test_a_definition_that_is_wrong_in_one_file_is_not_taken_from_another(tmp_path: Path, write: Write) -> None:
    write("tools/a.yml", tool("a", ", sorce: 1"))
    write("tools/b.yml", tool("a"))
    assert loaded(tmp_path).without_errors().definitions == ()


@pytest.mark.parametrize(
    "text",
    [
        "policies:\n  - input: [{conditoin: 'true', action: deny}]\n",
        "policies:\n  input: [{condition: 'true', action: deny}]\n",
        "policies:\n  - input: [{condition: 'true', action: filter_fields, fields: [a]}]\n",
        "policies:\n  - {match: [], input: []}\n",
        "policies:\n  - input: [{condition: '((', action: deny}]\n",
        "polices:\n  - input: [{condition: 'true', action: deny}]\n",
        "'policies' :\n  - input: [\n",
        "types: {}\npolicies:\n- input: [{condition: 'true', action: deny}]\n  input: []\n",
        "{policies: [{input: [}\n",
    ],
)
def test_rules_that_are_wrong_stop_everything(tmp_path: Path, write: Write, text: str) -> None:
    write("tools/a.yml", tool("a"))
    write("tools/rules.yml", text if text.startswith("{") else f"dbmcp: 1\n{text}")
    with pytest.raises(ProjectInvalid, match=r"rules\.yml"):
        loaded(tmp_path).without_errors()


def test_a_file_that_can_t_be_read_may_hold_rules(tmp_path: Path, write: Write) -> None:
    write("tools/a.yml", tool("a"))
    (tmp_path / "tools" / "b.yml").write_bytes(b"dbmcp: 1\n\xff")
    with pytest.raises(ProjectInvalid, match="UTF-8"):
        loaded(tmp_path).without_errors()


def test_a_broken_tool_holds_no_rules(tmp_path: Path, write: Write) -> None:
    write("tools/a.yml", tool("a"))
    write("tools/b.yml", "dbmcp: 1\ntool:\n  name: b\n  policies: {input: [\n")
    project = loaded(tmp_path).without_errors()
    assert [one.definition.key for one in project.definitions] == ["a"]


def test_rules_for_nothing_are_a_warning(tmp_path: Path, write: Write) -> None:
    write("tools/a.yml", tool("a"))
    write(
        "tools/rules.yml", "dbmcp: 1\npolicies:\n  - {match: 'tool:zz*', input: []}\n  - {match: 'tool:A', input: []}\n"
    )
    (problem,) = loaded(tmp_path).problems
    assert (problem.severity, problem.place.line) == ("warning", 3)


def test_a_connection_is_needed_where_there_are_several(tmp_path: Path, write: Write) -> None:
    write("tools/a.yml", tool("a"))
    write("tools/b.yml", tool("b", ", connection: crm"))
    write("tools/c.yml", tool("c", ", connection: cmr"))
    told = [problem.message for problem in loaded(tmp_path, connection=None).errors]
    assert told == [
        "'connection' is missing: the project has no source of its own to run on",
        "there is no source 'cmr' (did you mean 'crm'?)",
    ]


def test_code_may_stand_beside_or_under_the_project(tmp_path: Path, write: Write) -> None:
    write("sql/one.sql", "SELECT 1")
    for name, file in {"a": "../sql/one.sql", "b": "/sql/one.sql", "c": "one.sql"}.items():
        write(f"tools/{name}.yml", f"dbmcp: 1\ntool: {{name: {name}, source: {{file: {file}}}}}\n")
    project = loaded(tmp_path)
    assert [problem.subject for problem in project.errors] == ["tool:c"]
    first, second, _ = project.definitions
    assert project.code(first) == project.code(second) == ("SELECT 1", tmp_path / "sql" / "one.sql")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="whoever runs this may read everything")
def test_a_file_without_the_right_to_read_is_told(tmp_path: Path, write: Write) -> None:
    write("tools/a.yml", tool("a")).chmod(0)
    assert "can't be read" in loaded(tmp_path).errors[0].message

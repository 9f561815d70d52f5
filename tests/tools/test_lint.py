"""What could be better in definitions that are right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dbmcp_core import Registry
from dbmcp_core.config import source
from dbmcp_core.tools.files.loading import load
from dbmcp_core.tools.project import ProjectConfig, ProjectOptions
from dbmcp_core.tools.review.lint import lint

GOOD = """dbmcp: 1
tool:
  name: a
  description: What it does.
  tags: [x]
  annotations: {readOnlyHint: true}
  parameters:
    - {name: n, type: integer, description: A number., default: 1, examples: [2]}
  return:
    type: array
    description: The rows.
    items: {type: object, description: A row., properties: {n: {type: integer, description: The number.}}}
  source: {code: SELECT $n AS n}
  tests:
    - {name: one, description: It is one., arguments: [], result: [{n: 1}]}
"""
TESTS = GOOD[GOOD.index("  tests:") :]


@pytest.mark.parametrize(
    ("old", "severity", "line", "location", "says"),
    [
        ("  description: What it does.\n", "warning", 2, "tool.description", "has no description"),
        ("  tags: [x]\n", "info", 2, "tool.tags", "no tags"),
        ("  annotations: {readOnlyHint: true}\n", "info", 2, "tool.annotations", "no annotations"),
        ("description: A number., ", "error", 8, "tool.parameters[0].description", "'n' has no description"),
        ("default: 1, examples: [2]", "info", 8, "tool.parameters[0].examples", "no examples"),
        (", examples: [2]", "", 0, "", ""),
        ("default: 1, ", "", 0, "", ""),
        ("    description: The rows.\n", "warning", 9, "tool.return.description", "the return has no description"),
        ("description: A row., ", "warning", 12, "tool.return.items", "the items of the return have no description"),
        (
            ", description: The number.",
            "warning",
            12,
            "tool.return.items.properties.n",
            "'n' of the items of the return has no description",
        ),
        ("description: It is one., ", "info", 15, "tool.tests[0].description", "the test 'one' has no description"),
        (
            "  tests:\n    - {name: one, description: It is one., arguments: [], result: [{n: 1}]}\n",
            "warning",
            2,
            "tool.tests",
            "no tests",
        ),
        ("nothing", "", 0, "", ""),
    ],
)
def test_what_is_missed(
    tmp_path: Path, write: Callable[[str, str], Path], old: str, severity: str, line: int, location: str, says: str
) -> None:
    write("tools/a.yml", GOOD.replace(old, ""))
    sources = [source(Registry(), "shop", "sqlite:///shop.db")]
    config = ProjectConfig.from_options(ProjectOptions(), tmp_path / "dbmcp.toml", sources)
    found = list(lint(load(config)))
    if not severity:
        assert found == []
        return
    (problem,) = found
    assert (problem.severity, problem.place.line, problem.subject) == (severity, line, "tool:a")
    assert problem.location == location
    assert problem.suggestion
    assert says in problem.message


def test_mxcp_wants_a_default_and_examples_of_each_parameter(tmp_path: Path, write: Callable[[str, str], Path]) -> None:
    write("tools/a.yml", GOOD.replace("default: 1, examples: [2]", "enum: [1, 2]"))
    sources = [source(Registry(), "shop", "sqlite:///shop.db")]
    config = ProjectConfig.from_options(ProjectOptions(), tmp_path / "dbmcp.toml", sources)
    assert [one.location for one in lint(load(replace(config, uses_mxcp=True)))] == [
        "tool.parameters[0].examples",
        "tool.parameters[0].default",
    ]
    assert list(lint(load(config))) == []


def test_sensitive_values_that_every_client_is_told(tmp_path: Path, write: Callable[[str, str], Path]) -> None:
    sensitive = (
        "type: object, properties: {n: {type: integer, description: The number., sensitive: true, examples: [7]}}"
    )
    text = GOOD.replace("default: 1, examples: [2]", "sensitive: true, default: 1, examples: [2]")
    write("tools/a.yml", text.replace(GOOD[GOOD.index("type: object") : GOOD.index("}}}") + 2], sensitive))
    sources = [source(Registry(), "shop", "sqlite:///shop.db")]
    config = ProjectConfig.from_options(ProjectOptions(), tmp_path / "dbmcp.toml", sources)
    found = {one.location: one.message for one in lint(load(config)) if "every client" in one.message}
    assert found == {
        "tool.parameters[0].default": "the parameter 'n' is sensitive, and every client is told its 'default'",
        "tool.parameters[0].examples": "the parameter 'n' is sensitive, and every client is told its 'examples'",
        "tool.return.items.properties.n.examples": (
            "the property 'n' of the items of the return is sensitive, and every client is told its 'examples'"
        ),
    }

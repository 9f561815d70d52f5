"""Projects of MXCP from the command line: what differs from projects of our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]

RESOURCE = """mxcp: 1
resource:
  uri: data://date
  name: date
  parameters: [{name: date, type: string, description: The date.}]
  source: {code: SELECT $date AS date}
  tests:
    - {name: one, arguments: [{key: date, value: x}], result: [{date: x}]}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of MXCP with one resource whose URI lacks its parameter, in the working directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mxcp-site.yml").write_text("mxcp: 1\nproject: p\nprofile: dev\nprofiles: {dev: {}}\n")
    for name in ("data", "resources"):
        (tmp_path / name).mkdir()
    (tmp_path / "resources" / "date.yml").write_text(RESOURCE)
    return tmp_path


def test_a_resource_that_can_t_be_read_can_be_run(run: Run, site: Path) -> None:
    result = run("run", "resource", "data://date", "-p", "date=2024-01-15", "--json")
    assert json.loads(result.stdout) == {"status": "ok", "result": [{"date": "2024-01-15"}]}
    assert run("test").exit_code == 0
    validated = run("validate")
    assert validated.exit_code == 1
    assert "resources/date.yml:5:16: error: the parameter 'date' doesn't occur in the URI" in validated.stdout
    assert run("serve", site).exit_code == 3


def test_in_a_project_of_our_own_it_is_wrong(run: Run, shop: Path) -> None:
    (shop.parent / "dbmcp.toml").write_text('[project]\n[sources]\nshop = "sqlite:///shop.db"\n')
    (shop.parent / "resources").mkdir()
    (shop.parent / "resources" / "date.yml").write_text(RESOURCE)
    assert run("run", "resource", "data://date", "-p", "date=x").exit_code == 1

"""Projects of MXCP from the command line: what differs from projects of our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from dbmcp_server.cli.project import find

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
    result = run("run", "resource", "data://date", "-p", "date=x")
    assert result.exit_code == 3
    assert "doesn't occur in the URI" in result.stderr


TOOL = """mxcp: 1
tool:
  name: {name}
  return: {{type: {type}}}
  {source}
  tests: [{{name: runs, arguments: []}}]
"""


def tool(site: Path, name: str, code: str, kind: str = "array") -> None:
    (site / "tools").mkdir(exist_ok=True)
    text = TOOL.format(name=name, type=kind, source=f"source: {{code: {code}}}")
    (site / "tools" / f"{name}.yml").write_text(text)


def value_of(result: Result) -> object:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["result"]


def test_two_columns_of_one_name(run: Run, site: Path) -> None:
    tool(site, "twice", '"SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS a"')
    assert value_of(run("run", "tool", "twice", "--json")) == [{"a": 1, "a_1": 2, "a_1_1": 3, "a_2": 4}]


def test_a_change_of_tables_has_no_rows(run: Run, site: Path) -> None:
    tool(site, "make", '"CREATE TABLE made (a INT)"')
    assert value_of(run("run", "tool", "make", "--json")) == []


def test_null_for_an_object(run: Run, site: Path) -> None:
    (site / "tools").mkdir()
    (site / "python").mkdir()
    (site / "python" / "nothing.py").write_text("def nothing():\n    return None\n")
    source = "language: python\n  source: {file: ../python/nothing.py}"
    (site / "tools" / "nothing.yml").write_text(TOOL.format(name="nothing", type="object", source=source))
    assert value_of(run("run", "tool", "nothing", "--json")) is None
    assert run("test", "tool", "nothing").exit_code == 0


def test_a_result_that_isn_t_what_is_declared(run: Run, site: Path) -> None:
    tool(site, "wrong", "\"SELECT 'x' AS a\"", "integer")
    assert run("run", "tool", "wrong", "--json").exit_code == 1
    assert value_of(run("run", "tool", "wrong", "--skip-output-validation", "--json")) == "x"


def test_policies_hold_where_the_result_is_not_checked(run: Run, site: Path) -> None:
    tool(site, "wrong", "\"SELECT 'x' AS a\"", "integer")
    path = site / "tools" / "wrong.yml"
    path.write_text(path.read_text() + "  policies: {output: [{condition: \"response == 'x'\", action: deny}]}\n")
    assert run("run", "tool", "wrong", "--skip-output-validation").exit_code == 4


def test_a_package_that_is_not_installed_is_a_warning(run: Run, site: Path) -> None:
    (site / "resources" / "date.yml").unlink()
    (site / "tools").mkdir()
    (site / "python").mkdir()
    (site / "python" / "far.py").write_text("import not_there_at_all\n")
    source = "language: python\n  source: {file: ../python/far.py}"
    (site / "tools" / "far.yml").write_text(TOOL.format(name="far", type="object", source=source))
    result = run("validate")
    assert result.exit_code == 0
    assert "tools/far.yml:6:3: warning: 'python/far.py' can't be loaded" in result.stdout
    (site / "python" / "far.py").write_text("import far_too\n")
    (site / "python" / "far_too.py").write_text("import far_too.deep\n")  # the project's own
    assert run("validate").exit_code == 1


def test_a_plugin_that_can_t_be_made_is_an_error(run: Run, site: Path) -> None:
    (site / "resources" / "date.yml").unlink()
    path = site / "mxcp-site.yml"
    path.write_text(path.read_text() + "plugin: [{name: p, module: no_such}]\n")
    result = run("validate")
    assert result.exit_code == 1
    assert "mxcp-site.yml:1:1: error: the plugin 'p': " in result.stdout


@pytest.mark.parametrize("name", ["tools/off.yml", "tools/other.yaml", "note.yml"])
def test_a_file_that_the_project_does_not_read_is_not_valid(run: Run, site: Path, name: str) -> None:
    (site / "tools").mkdir()
    (site / name).write_text("mxcp: 1\ntool: {name: hidden, enabled: false, source: {code: SELECT 1}}\n")
    result = run("validate", name)
    assert result.exit_code == 1
    assert f"{name}:1:1: error: defines nothing that is enabled" in result.stdout
    assert json.loads(run("validate", name, "--json").stdout)["result"]["status"] == "error"


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("SELECT * FROM read_csv($x)", 0),
        ("SELECT date_trunc($x, DATE '2024-01-01') AS d", 0),
        ("SELECT $x::DATE AS d", 0),
        ("SELECT * FROM range(CAST($x AS INT))", 0),
        ("SELECT nope FROM t WHERE a = $x", 1),
        ("SELECT nope($x)", 1),
    ],
)
def test_what_depends_on_the_value_is_no_fault_of_the_code(run: Run, site: Path, code: str, exit_code: int) -> None:
    (site / "resources" / "date.yml").unlink()
    (site / "tools").mkdir()
    text = f'mxcp: 1\ntool:\n  name: t\n  parameters: [{{name: x, type: string}}]\n  source: {{code: "{code}"}}\n'
    (site / "tools" / "t.yml").write_text(text)
    assert run("validate").exit_code == exit_code


def test_a_field_of_an_object(run: Run, site: Path) -> None:
    (site / "tools").mkdir()
    text = (
        "mxcp: 1\ntool:\n  name: t\n  parameters: [{name: x, type: object}]\n  source: {code: 'SELECT $x.a AS a, $x'}\n"
    )
    (site / "tools" / "t.yml").write_text(text)
    assert value_of(run("run", "tool", "t", "-p", 'x={"a": 5}', "--json")) == [{"a": 5, "$x": {"a": 5}}]


def test_the_site_is_found_from_a_folder_below(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(site / "a" / "b")
    found = find(None)
    assert found is not None
    assert found.project.origin == site / "mxcp-site.yml"


USER = """mxcp: 1
projects: {p: {profiles: {dev: {auth: {provider: github, github: {client_id: x}}}}}}
"""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "shop.example.org"])
def test_a_project_that_wants_callers_to_sign_in_is_not_open_to_other_machines(
    run: Run, site: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    (site / "user.yml").write_text(USER)
    monkeypatch.setenv("MXCP_CONFIG", str(site / "user.yml"))
    (site / "resources" / "date.yml").unlink()
    result = run("serve", site, "--host", host, "--port", "0")
    assert result.exit_code == 3
    assert "asks callers to sign in" in result.stderr


def test_a_tool_of_mxcp_runs_on_a_source_that_our_file_names(run: Run, site: Path, shop: Path) -> None:
    (site / "tools").mkdir()
    (site / "tools" / "t.yml").write_text(
        "mxcp: 1\ntool: {name: t, connection: crm, source: {code: SELECT count(*) AS n FROM product}}\n"
    )
    (site / "dbmcp.toml").write_text(f"[sources]\ncrm = 'sqlite:///{shop}'\n")
    result = run("run", "tool", "t", "--json")
    (row,) = json.loads(result.stdout)["result"]
    assert row["n"] > 0


def test_a_host_is_asked_for_what_our_file_refers_to(run: Run, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_FILE", "crm.db")
    (site / "dbmcp.toml").write_text("[sources]\ncrm = 'sqlite:///${CRM_FILE}'\n")
    assert "CRM_FILE" in run("config", "claude-desktop").stdout

"""Projects from the command line: mistakes that people make, told all at once, and what each command says of them."""

from __future__ import annotations

import json
import os
import sqlite3
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]

TOOL = """dbmcp: 1
tool:
  name: t
  description: d
  annotations: {readOnlyHint: true}
  parameters:
    - {name: id, type: integer, description: x}
  return: {type: array, items: {type: object, properties: {id: {type: integer}}}}
  source: {code: "SELECT id FROM product WHERE id = $id"}
"""
SOURCE = '  source: {code: "SELECT id FROM product WHERE id = $id"}\n'


def python(name: str) -> tuple[str, str]:
    return SOURCE, f"  language: python\n  source: {{file: ../python/{name}.py}}\n"


def rule(condition: str, action: str = "deny") -> tuple[str, str]:
    return "  source", f'  policies: {{input: [{{condition: "{condition}", action: {action}}}]}}\n  source'


def hiding(field: str, row: str = "{type: object, properties:") -> tuple[str, str]:
    rows = TOOL.splitlines(keepends=True)[7]
    policies = f"  policies: {{output: [{{condition: 'true', action: mask_fields, fields: [{field}]}}]}}\n"
    return rows, rows.replace("{type: object, properties:", row) + policies


def jinja(code: str) -> tuple[str, str]:
    return SOURCE, f"  language: jinja\n  source: {{code: '{code}'}}\n"


@pytest.fixture
def project(shop: Path) -> Path:
    """A project of one tool, in the working directory."""
    folder = shop.parent
    (folder / "dbmcp.toml").write_text(
        '[project]\nname = "m"\naudit = "audit/calls.jsonl"\n[sources]\nshop = "sqlite:///shop.db"\n'
    )
    for name, text in {
        "tools/t.yml": TOOL,
        "python/bad.py": "def t(id:\n",
        "python/other.py": "def u(id): pass\n",
        "python/takes.py": "def t(ids): pass\n",
        "python/lacks.py": "import not_there_at_all\n",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("  description: d", "   description: d", 4, "not valid YAML"),
        ("  description: d", "\tdescription: d", 4, "tab"),
        ("dbmcp: 1", "dbmcp: 1\ntols: []", 2, "'tols' (did you mean 'tools'?)"),
        ("description: d", "descripton: d", 4, "'descripton' (did you mean 'description'?)"),
        ("description: x", "descripton: x", 7, "'descripton' (did you mean 'description'?)"),
        ("items:", "item:", 8, "'item' (did you mean 'items'?)"),
        ("{id: {type: integer}}", "{id: {typ: integer}}", 8, "'typ' (did you mean 'type'?)"),
        ("readOnlyHint", "readonlyHint", 5, "(did you mean 'readOnlyHint'?)"),
        ("readOnlyHint: true", "readOnlyHint: 'yes'", 5, "true or false"),
        ("type: integer, description", "type: int, description", 7, "(did you mean 'integer'?)"),
        ("  source", "  connection: shp\n  source", 9, "no source 'shp' (did you mean 'shop'?)"),
        ('code: "SELECT id FROM product WHERE id = $id"', "file: gone.sql", 9, "gone.sql"),
        (" WHERE id = $id", "", 7, "'id' is not used"),
        ("= $id", "= $idd", 9, "'$idd' is no parameter (did you mean 'id'?)"),
        ("= $id", "= $id; SELECT 2", 9, "one statement"),
        ("SELECT id FROM", "DELETE FROM", 9, "readOnlyHint"),
        ("FROM product", "FROM prodct", 9, "no such table: prodct"),
        ("SELECT id FROM", "SELECT idd FROM", 9, "no such column: idd"),
        ("SELECT id FROM", "SELEC id FROM", 9, "syntax error"),
        ("  source", "  policies: {input: [{condition: 'user.role ==', action: deny}]}\n  source", 9, "no condition"),
        ("  source", "  policies: {input: [{condition: 'usr.role == 1', action: deny}]}\n  source", 9, "'user'"),
        ("  source", "  policies: {input: [{condition: 'true', action: denny}]}\n  source", 9, "'denny'"),
        ("type: integer, description: x", "type: string, pattern: '[a', description: x", 7, "regular expression"),
        ("description: x", "description: x, default: abc", 7, "whole number"),
        ("description: x", "description: x, minimum: 5, maximum: 1", 7, "leaves no value"),
        ("description: x", "description: x, format: dat", 7, "(did you mean 'date'?)"),
        (*jinja("SELECT id FROM product {% if id %} WHERE id = {{ id }}"), 10, "endif"),
        (*jinja("SELECT id FROM product {% if idd %} WHERE id = {{ id }}{% endif %}"), 10, "(did you mean 'id'?)"),
        (*jinja("SELECT id FROM product {% if id %} WHERE idd = {{ id }}{% endif %}"), 10, "no such column: idd"),
        (*jinja("SELECT id FROM product WHERE id IN ({{ [id, 2] }})"), 10, "a list after IN wants '| inlist'"),
        (*jinja("SELECT nae AS id FROM product WHERE id = {{ id }}"), 10, "Did you mean name?"),
        (SOURCE, "  language: python\n  source: {code: 'def t(id): return 1'}\n", 10, "'file'"),
        (*python("bad"), 10, "bad.py, line 1"),
        (*python("other"), 10, "no function 't' (its functions: u)"),
        (*python("takes"), 7, "takes no 'id'"),
        (*python("lacks"), 10, "not_there_at_all"),
        (*python("gone"), 10, "gone.py"),
        ("name: t", "name: my tool", 3, "letters, digits"),
        ("  name: t\n", "", 2, "'name' is missing"),
        (SOURCE, "", 2, "'source' is missing"),
        ("dbmcp: 1", "dbmcp: 2", 1, "version"),
        ("- {name", "{name", 6, "a list"),
        ("  name: t", "  name: t\n  name: u", 4, "twice"),
        ("type: integer, description: x", "type: float, description: x", 7, "(did you mean 'number'?)"),
        ("type: integer, description: x", "type: list, description: x", 7, "(did you mean 'array'?)"),
        ("type: integer, description: x", "type: date, description: x", 7, "'string' with format: date"),
        ("type: integer, description: x", "type: [integer, 'null']", 7, "not a list"),
        ("description: x", "required: true", 7, "A parameter is required unless it has a 'default'"),
        ("description: x", "optional: true", 7, "a parameter with a 'default'"),
        ("description: x", "nullable: true", 7, "a parameter with a 'default'"),
        ("description: x", "choices: [1]", 7, "'enum'"),
        ("description: x", "default: abc", 7, "'default' wants a whole number, not 'abc'"),
        ("description: x", "minimum: 5, default: 1", 7, "'default' wants at least 5"),
        ("description: x", "enum: [a]", 7, "'enum' wants a whole number"),
        ("description: x", "enum: []", 7, "'enum' is empty"),
        ("description: x", "enum: 1", 7, "'enum' wants a list"),
        ("description: x", "minimum: '2'", 7, "'minimum' wants a number, not '2'"),
        ("description: x", "maximum: .nan", 7, "'maximum' wants a number"),
        ("description: x", "multipleOf: 0", 7, "'multipleOf' wants more than 0"),
        ("description: x", "minLength: 1", 7, "'minLength' is for type string"),
        ("type: integer, description: x", "type: string, enum: [yes, no]", 7, "YAML reads yes, no"),
        ("  parameters:", "  parameters:\n    - {name: id, type: integer}", 8, "'name' is 'id', as that of another"),
        ("name: id", "name: my-id", 7, "letter or underscore"),
        ("  return:", "  returns:", 8, "(did you mean 'return'?)"),
        ("{id: {type: integer}}", "{id: integer}", 8, "'id' wants a mapping"),
        ("items: {type: object, properties: {id: {type: integer}}}", "items: {$ref: '#/types/x'}", 8, "no type 'x'"),
        ("items: {type: object, properties: {id: {type: integer}}}", "items: {$ref: x}", 8, "'#/types/NAME'"),
        ("dbmcp: 1", "dbmcp: 1\ntypes: {a: {type: strng}}", 2, "(did you mean 'string'?)"),
        ("dbmcp: 1", "dbmcp: 1\ntypes: [a]", 2, "'types' wants a mapping"),
        (SOURCE, SOURCE.replace("code:", "file: a.sql, code:"), 9, "'file' stands beside 'code'"),
        (SOURCE, "  source: {}\n", 9, "'code' or 'file'"),
        (SOURCE, "  source: SELECT 1\n", 9, "'source' wants a mapping, not 'SELECT 1'; write {code: …}, or {file: …}"),
        (SOURCE, "  code: SELECT 1\n", 9, "unknown key 'code'; the code stands under 'source'"),
        (SOURCE, f"{SOURCE}  input: []\n", 10, "unknown key 'input'; rules stand under 'policies'"),
        (SOURCE, f"{SOURCE}  policies: {{input: {{condition: 'true'}}}}\n", 10, "write '- {condition: …, action: …}'"),
        (SOURCE, "  source: {file: sql/gone.sql}\n", 9, "a path begins at the folder of the file it stands in"),
        (SOURCE, "  source: {file: python/other.py}\n  language: python\n", 9, "(did you mean '../python/other.py'?"),
        (SOURCE, "  source: {code: SELECT {{ id }}}\n", 9, "a text with a bracket or comma in it wants quotes"),
        (SOURCE, "  source: {code: {{ id }}}\n", 9, "one that begins with a bracket wants quotes"),
        (SOURCE, f"{SOURCE}  policies: {{input: [{{condition: !(true)}}]}}\n", 10, "begins with '!' wants quotes"),
        ("tool:\n", "tool: [a]\nx:\n", 2, "several stand under 'tools:'"),
        (SOURCE, "  source: {file: ../../../../../../../../../etc/passwd}\n", 9, "out of the project's folder"),
        (SOURCE, "  source: {file: /etc/passwd}\n", 9, "out of the project's folder"),
        (SOURCE, "  source: {file: ../tools}\n", 9, "is a folder"),
        (SOURCE, "  source: {file: ../python/other.py}\n", 9, "say 'language: python'"),
        ("= $id", "= {{ id }}", 9, "line 1: this is a template; say 'language: jinja'"),
        (" WHERE id = $id", " {% if id %}WHERE id = $id{% endif %}", 9, "say 'language: jinja'"),
        ("= $id", "= '$id'", 7, "write $id, not '$id': in quotes it is text"),
        ("= $id", "= %(id)s", 7, "write $id, not %(id)s"),
        ("= $id", "= {id}", 7, "write $id, not {id}"),
        ("= $id", "= ?", 9, "'?' has no name"),
        ("description: d", "description: a: b", 4, "wants quotes"),
        ("description: d", 'description: "\\d"', 4, "in single quotes it is as it is"),
        (SOURCE, "  source: {code: SELECT id, 2 AS m FROM product WHERE id = $id}\n", 9, "wants quotes inside of {…}"),
        ("description: d", "description: @b", 4, "wants quotes"),
        ("description: d", "description: 'it's", 4, "isn't closed"),
        ("description: d", "description d", 5, "a key wants a ':'"),
        ("  source", "---\n  source", 9, "one file is one document"),
        ("description: d", "description: *x", 4, "the alias 'x' stands for nothing before it"),
        ("description: d", "description: !!python/name:os.system x", 4, "is not allowed"),
        ("name: t", "name: 42", 3, "'name' wants a text"),
        ("name: t", "name: a/b", 3, "letters, digits"),
        ("name: t", "name: read-on", 3, "the name of a tool of dbmcp's own"),
        ("dbmcp: 1", "version: 1", 1, "unknown key 'version'"),
        ("tool:\n", "tools:\n", 2, "'tools' wants a list; one definition alone stands under 'tool:'"),
        ("tool:", "tool: [", 4, "not valid YAML"),
        (*rule("user.role = 'a'"), 9, "write =="),
        (*rule("user.role == 'a' and id > 1"), 9, "write &&"),
        (*rule("not (user.role == 'a')"), 9, "write !"),
        (*rule("user.rol == 'a'"), 9, "user has no 'rol'; did you mean 'role'?"),
        (*rule("'a' in user.groups"), 9, "user has no 'groups'"),
        (*rule("user.role.lower() == 'a'"), 9, "there is no function 'lower'"),
        (*rule("user.role.matches('[')"), 9, "can't read the regular expression '['"),
        (*rule("1 + 1"), 9, "not true or false"),
        (*rule("response.id == 1"), 9, "there is no 'response' here"),
        (*rule("true", "filter_fields, fields: [id]"), 9, "an input rule can only deny"),
        (*rule("true", "deny, fields: [id]"), 9, "takes no 'fields'"),
        (*hiding("idd"), 9, "the rule hides 'idd', and the result has no such column (did you mean 'id'?)"),
        (*hiding("idd", "{type: object, additionalProperties: false, properties:"), 9, "'return' has no field 'idd'"),
        (SOURCE, f"{SOURCE}  tests: [{{name: a, arguments: [{{key: idd, value: 1}}]}}]\n", 10, "(did you mean 'id'?)"),
        (SOURCE, f"{SOURCE}  tests: [{{name: a, arguments: [], result: []}}]\n", 10, "id is missing"),
        (SOURCE, f"{SOURCE}  tests: [{{name: a, arguments: {{id: 1}}}}]\n", 10, "'arguments' wants a list"),
        (SOURCE, f"{SOURCE}  tests: [{{name: a, arguments: [], expect: 1}}]\n", 10, "unknown key 'expect'"),
        ("dbmcp: 1", "dbmcp: 1\npolicies: [{match: 'tol:*'}]", 2, "did you mean 'tool'"),
        ("dbmcp: 1", "dbmcp: 1\npolicies: [{input: [{condition: 'user.', action: deny}]}]", 2, "no condition"),
    ],
)
def test_a_mistake_is_told_with_its_line(run: Run, project: Path, old: str, new: str, line: int, says: str) -> None:
    assert old in TOOL
    (project / "tools" / "t.yml").write_text(TOOL.replace(old, new))
    result = run("validate")
    assert result.exit_code == 1, result.output
    told = [one for one in result.stdout.splitlines() if says in one]
    assert told, result.stdout
    assert told[0].startswith(f"tools/t.yml:{line}:"), told
    assert ": error: " in told[0]


def test_what_is_right_passes(run: Run, project: Path) -> None:
    result = run("validate")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith("1 file: no problems.\n")
    assert json.loads(run("validate", "--json").stdout)["status"] == "ok"


def spoil(project: Path) -> None:
    """Make five mistakes in four files."""
    (project / "tools" / "t.yml").write_text(TOOL.replace("product", "prodct"))
    (project / "tools" / "a.yml").write_text(TOOL.replace("name: t", "name: a").replace("$id", "$idd"))
    (project / "tools" / "b.yaml").write_text(TOOL.replace("name: t", "name: b").replace(*python("bad")))
    (project / "prompts").mkdir()
    (project / "prompts" / "p.yml").write_text("dbmcp: 1\nprompt: {name: p, mesages: []}\n")


def test_all_mistakes_are_told_at_once(run: Run, project: Path) -> None:
    spoil(project)
    result = run("validate", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["status"], found["result"]["status"]) == (1, "ok", "error")
    wrong = {one["path"]: one for one in found["result"]["validated"] if one["status"] == "error"}
    assert set(wrong) == {"tools/t.yml", "tools/a.yml", "tools/b.yaml", "prompts/p.yml"}
    assert all(problem["line"] > 0 for one in wrong.values() for problem in one["problems"])
    assert run("validate", "tools/a.yml").stdout.count("error:") == 2
    assert run("validate", "tools/gone.yml").exit_code == 2


def test_names_are_taken_once_whatever_the_kind_and_the_file(run: Run, project: Path) -> None:
    (project / "prompts").mkdir()
    (project / "prompts" / "t.yml").write_text("dbmcp: 1\nprompt: {name: t, messages: [{prompt: hello}]}\n")
    told = run("validate").stdout
    assert told.count("'t' is defined elsewhere too") == 2
    assert "prompts/t.yml:2" in told


def test_a_database_that_is_down_is_a_warning(run: Run, project: Path) -> None:
    (project / "shop.db").unlink()
    result = run("validate")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("dbmcp.toml:1:1: warning: ")
    assert result.stderr.endswith("2 files: 1 warning.\n")
    assert "'shop' wasn't asked" in result.stdout


def test_a_server_is_not_started_on_mistakes(spawn: Callable[..., object], project: Path) -> None:
    (project / "tools" / "a.yml").write_text(TOOL.replace("name: t", "name: a").replace("description: d", "descr: d"))
    (project / "tools" / "b.yml").write_text(TOOL.replace("name: t", "name: b").replace("  source", "  sorce"))
    process = spawn("serve", project, cwd=project)
    out, told = process.communicate(timeout=60)  # type: ignore[attr-defined]
    assert (process.returncode, out) == (3, b"")  # type: ignore[attr-defined]
    lines = told.decode().splitlines()
    assert any(line.startswith(f"  {project / 'tools' / 'a.yml'}:4:3: unknown key 'descr'") for line in lines), lines
    assert any("'sorce' (did you mean 'source'?)" in line for line in lines)


def test_policies_that_are_wrong_are_never_ignored(run: Run, project: Path) -> None:
    denying = "policies:\n  - input: [{condition: 'true', action: deny}]\n"
    for spoilt in (
        denying.replace("condition", "conditoin"),
        denying.replace("policies", "polices"),
        denying.replace("  - input", "  input"),
        denying.replace("[{", "[["),
    ):
        (project / "tools" / "shared.yml").write_text(f"dbmcp: 1\n{spoilt}")
        result = run("run", "tool", "t", "-p", "id=1")
        assert result.exit_code == 3, (spoilt, result.output)
        assert "shared.yml" in result.stderr
    (project / "tools" / "shared.yml").write_text(f"dbmcp: 1\n{denying}")
    assert run("run", "tool", "t", "-p", "id=1").exit_code == 4


def test_other_tools_run_beside_one_that_is_wrong(run: Run, project: Path) -> None:
    (project / "tools" / "a.yml").write_text(TOOL.replace("name: t", "name: a").replace("description: d", "descr: d"))
    result = run("run", "tool", "t", "-p", "id=1", "--json")
    assert json.loads(result.stdout) == {"status": "ok", "result": [{"id": 1}]}
    missing = run("run", "tool", "a", "-p", "id=1", "--json")
    assert json.loads(missing.stdout)["status"] == "error"
    assert missing.exit_code == 3
    assert "a.yml:4:3: unknown key 'descr'" in missing.stdout  # why it isn't there
    assert run("run", "tool", "b", "-p", "id=1").exit_code == 1
    listed = {one["name"]: one for one in json.loads(run("list", "--json").stdout)["result"]["endpoints"]}
    assert (listed["a"]["kind"], "'descr'" in listed["a"]["error"], listed["t"]["error"]) == ("tool", True, "")


def test_a_tool_that_is_turned_off_is_told_apart_from_one_that_never_was(run: Run, project: Path) -> None:
    (project / "tools" / "t.yml").write_text(TOOL.replace("  description: d", "  description: d\n  enabled: false"))
    result = run("run", "tool", "t", "-p", "id=1")
    assert result.exit_code == 1
    assert "The tool 't' isn't enabled." in result.stderr
    assert "t.yml:5:3" in result.stderr


def test_arguments_come_as_text_and_from_files(run: Run, project: Path) -> None:
    (project / "id.json").write_text("2")
    assert json.loads(run("run", "tool", "t", "-p", "id=@id.json").stdout) == [{"id": 2}]
    assert run("run", "tool", "t", "-p", "id").exit_code == 2
    assert run("run", "tool", "t", "-p", "id=@gone.json").exit_code == 2
    wrong = run("run", "tool", "t", "-p", "id=abc", "-p", "other=1")
    assert wrong.exit_code == 1
    assert "id" in wrong.stderr
    assert "other" in wrong.stderr


TESTS = """  tests:
    - {name: passes, arguments: [{key: id, value: 1}], result: [{id: 1}]}
    - {name: "fails <&> \\u0007", arguments: [{key: id, value: 1}], result: [{id: 2}]}
    - {name: breaks, arguments: [{key: id, value: x}], result: []}
"""


def test_tests_say_what_passed_and_what_did_not(run: Run, project: Path) -> None:
    (project / "tools" / "t.yml").write_text(TOOL + TESTS)
    result = run("test")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "passed  tool t: passes"
    assert "failed  tool t: fails <&> \u0007\n        tools/t.yml:12:7: " in result.stdout
    assert "error   tool t: breaks\n        tools/t.yml:13:7: invalid_arguments: " in result.stdout
    assert "3 tests: 1 passed, 1 failed, 1 error, in " in result.stderr
    assert not (project / "audit").exists()  # tests are no part of the records
    (project / "tools" / "t.yml").write_text(TOOL + "\n".join(TESTS.splitlines()[:2]) + "\n")
    assert run("test").exit_code == 0
    (project / "tools" / "a.yml").write_text("dbmcp: 1\ntool: {nam: x}\n")
    result = run("test")
    assert result.exit_code == 1  # what can't be loaded can't be tested
    assert "tools/a.yml:2:8: error: unknown key 'nam'" in result.stdout


def test_tests_as_json(run: Run, project: Path) -> None:
    (project / "tools" / "t.yml").write_text(TOOL + TESTS)
    (project / "tools" / "a.yml").write_text("dbmcp: 1\ntool: {name: a, sourc: x}\n")
    found = json.loads(run("test", "--json").stdout)["result"]
    assert (found["status"], found["tests_run"]) == ("error", 3)
    told = {one["endpoint"]: one["test_results"] for one in found["endpoints"]}
    assert {name: one["status"] for name, one in told.items()} == {"tool/t": "error", "tool/a": "error"}
    assert "'sourc'" in told["tool/a"]["message"]
    one = json.loads(run("test", "tool", "t", "--json").stdout)["result"]
    assert one == {"status": "error", "tests_run": 3, "tests": one["tests"], "no_tests": False}
    assert [test["status"] for test in one["tests"]] == ["passed", "failed", "error"]
    assert ["error" in test for test in one["tests"]] == [False, True, True]


def test_junit_has_what_its_schemas_ask_for(run: Run, project: Path) -> None:
    (project / "tools" / "t.yml").write_text(TOOL + TESTS)
    (project / "tools" / "a.yml").write_text("dbmcp: 1\ntool: {nam: x}\n")
    assert run("test", "--junit", "results.xml").exit_code == 1
    root = ET.parse(project / "results.xml").getroot()
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    assert {"id", "package", "name", "timestamp", "hostname", "time"} < set(suite.attrib)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("6", "1", "4")
    assert [one.tag for one in suite] == ["properties", *["testcase"] * 6, "system-out", "system-err"]
    cases = suite.findall("testcase")
    assert all(set(one.attrib) == {"classname", "name", "time"} for one in cases)
    assert [one.get("name") for one in cases[3:]] == ["passes", "fails <&> \N{REPLACEMENT CHARACTER}", "breaks"]
    assert all(set(wrong.attrib) == {"type", "message"} for one in cases for wrong in one)
    assert str(cases[4][0].text).startswith("tools/t.yml:12:7: ")
    assert run("test", "--junit", "gone/results.xml").exit_code == 2


def test_lint_exits_with_1_where_a_model_would_stumble(run: Run, project: Path) -> None:
    assert run("lint").exit_code == 0
    (project / "tools" / "t.yml").write_text(TOOL.replace(", description: x", ""))
    result = run("lint")
    assert result.exit_code == 1
    assert "tools/t.yml:7:7: error: the parameter 'id' has no description" in result.stdout
    assert result.stderr.startswith("1 definition: 1 error, 4 warnings, ")
    (error,) = json.loads(run("lint", "--severity", "error", "--json").stdout)["result"]
    assert (error["line"], error["location"]) == (7, "tool.parameters[0].description")
    assert set(error) > {"severity", "path", "message", "suggestion"}


def test_lint_tells_of_what_can_t_be_loaded(run: Run, project: Path) -> None:
    (project / "tools" / "a.yml").write_text("dbmcp: 1\ntool: {nam: x}\n")
    result = run("lint", "--severity", "error")
    assert result.exit_code == 1
    assert "tools/a.yml:2:8: error: unknown key 'nam'" in result.stdout


def test_drift_sees_tables_columns_and_definitions(run: Run, project: Path) -> None:
    assert run("drift", "check").exit_code == 3  # there is no snapshot
    assert run("drift", "snapshot", "--dry-run").exit_code == 0
    assert not (project / "drift").exists()
    assert run("drift", "snapshot").exit_code == 0
    assert run("drift", "snapshot").exit_code == 2
    assert run("drift", "snapshot", "--force").exit_code == 0
    assert run("drift", "check").exit_code == 0
    with sqlite3.connect(project / "shop.db") as db:
        db.execute("ALTER TABLE product ADD COLUMN colour TEXT")
        db.execute("CREATE TABLE extra (id)")
    db.close()
    (project / "tools" / "t.yml").write_text(TOOL.replace("description: d", "description: e"))
    result = run("drift", "check", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)["result"]
    assert {(one["name"], one["change_type"]) for one in found["table_changes"]} == {
        ("product", "modified"),
        ("extra", "added"),
    }
    assert [(one["endpoint"], one["path"]) for one in found["resource_changes"]] == [("tool/t", "tools/t.yml")]
    assert (found["version"], found["has_drift"], found["summary"]["tables_added"]) == (1, True, 1)
    assert {"generated_at", "baseline_snapshot_path", "current_snapshot_generated_at"} < set(found)
    text = run("drift", "check")
    assert "modified  tool t in tools/t.yml (description)" in text.stdout
    assert text.stderr.splitlines()[-1].startswith("3 changes since ")


def test_drift_as_json(run: Run, project: Path) -> None:
    first = json.loads(run("drift", "snapshot", "--json").stdout)["result"]
    assert set(first) == {"path", "drift_hash", "generated_at"}
    again = run("drift", "snapshot", "--json")
    assert (again.exit_code, json.loads(again.stdout)["status"]) == (2, "error")
    planned = json.loads(run("drift", "snapshot", "--dry-run", "--json").stdout)["result"]
    assert planned["drift_hash"] == first["drift_hash"]
    assert json.loads(run("drift", "check", "--json").stdout)["result"]["has_drift"] is False
    missing = run("drift", "check", "--baseline", "gone.json", "--json")
    assert (missing.exit_code, json.loads(missing.stdout)["status"]) == (3, "error")


def test_drift_sees_what_no_longer_works(run: Run, project: Path) -> None:
    assert run("drift", "snapshot").exit_code == 0
    with sqlite3.connect(project / "shop.db") as db:
        db.execute("ALTER TABLE product RENAME TO goods")
    db.close()
    told = run("drift", "check").stdout
    assert "tool t in tools/t.yml (validation: was ok, is error)" in told


@pytest.mark.parametrize("host", ["claude-desktop", "codex", "vscode"])
@pytest.mark.parametrize("named", [True, False])
def test_a_host_starts_the_server_on_the_folder(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch, host: str, named: bool
) -> None:
    monkeypatch.setenv("SHOP_FILE", "shop.db")
    (project / "dbmcp.toml").write_text('[project]\n[sources]\nshop = "sqlite:///${SHOP_FILE}"\n')
    result = run("config", host, *(["--source", "."] if named else []))
    assert result.exit_code == 0, result.output
    assert json.dumps(str(project)) in result.stdout
    assert "SHOP_FILE" in result.stdout
    assert run("config", host, "--source", project / "tools").exit_code == 3  # a folder, and no project


def test_a_host_s_command_starts(run: Run, project: Path, spawn: Callable[..., object]) -> None:
    entry = json.loads(run("config", "claude-desktop", "--source", project, "--absolute").stdout)
    args = entry["mcpServers"]["dbmcp"]["args"]
    assert args == ["-m", "dbmcp_server", "serve", str(project)]
    process = spawn(*args[2:], cwd=os.sep)
    assert process.communicate(timeout=60)[0] == b""  # type: ignore[attr-defined]
    assert process.returncode == 0  # type: ignore[attr-defined]


RESOURCE = """dbmcp: 1
resource:
  uri: "shop://product/{id}"
  parameters: [{name: id, type: integer}]
  source: {code: "SELECT id FROM product WHERE id = $id"}
"""
PROMPT = """dbmcp: 1
prompt:
  name: p
  parameters: [{name: x, type: string}]
  messages:
    - {role: user, type: text, prompt: "hi {{ x }}"}
"""


@pytest.mark.parametrize(
    ("text", "old", "new", "line", "says"),
    [
        (RESOURCE, "shop://product/{id}", "product/{id}", 3, "begins with a scheme"),
        (RESOURCE, "shop://product/{id}", "shop://product/{id", 3, "a bracket too many"),
        (RESOURCE, "shop://product/{id}", "shop://product/{id}/{id}", 3, "the same parameter twice"),
        (RESOURCE, "shop://product/{id}", "shop://a product/{id}", 3, "write %20"),
        (RESOURCE, "shop://product/{id}", "shop://product", 4, "doesn't occur in the URI"),
        (RESOURCE, "shop://product/{id}", "shop://product/{ident}", 3, "(did you mean 'id'?)"),
        (RESOURCE, "  source", "  mimeType: text/plain\n  source", 5, "(did you mean 'mime_type'?)"),
        (RESOURCE, "SELECT id FROM", "DELETE FROM", 5, "it may only read"),
        (PROMPT, "role: user", "role: bot", 6, "'role' wants one of user, assistant, system"),
        (PROMPT, "type: text", "type: image", 6, "'type' wants 'text', not 'image'"),
        (PROMPT, 'prompt: "hi', 'content: "hi', 6, "'prompt' is missing"),
        (PROMPT, "{{ x }}", "{{ y }}", 6, "'y' is no parameter"),
        (PROMPT, "{{ x }}", "{{ x }", 6, "unexpected '}'"),
        (PROMPT, "  messages", "  language: sql\n  messages", 5, "unknown key 'language'"),
    ],
)
def test_mistakes_in_resources_and_prompts(
    run: Run, project: Path, text: str, old: str, new: str, line: int, says: str
) -> None:
    assert old in text
    (project / "tools" / "x.yml").write_text(text)
    assert run("validate").exit_code == 0, run("validate").output
    (project / "tools" / "x.yml").write_text(text.replace(old, new))
    result = run("validate")
    assert result.exit_code == 1
    told = [one for one in result.stdout.splitlines() if says in one]
    assert told, result.stdout
    assert told[0].startswith(f"tools/x.yml:{line}:"), told


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("decimals = 'flaot'", "'decimals' wants 'exact' or 'float', not 'flaot'"),
        ("connection = 'shp'", "names 'shp', and there is no such source (did you mean 'shop'?)"),
        ("tols = 'x'", "unknown setting 'tols' (did you mean 'tools'?)"),
        ("timeout_s = 'long'", "'timeout_s' wants a number"),
    ],
)
def test_mistakes_in_the_project_s_table(run: Run, project: Path, settings: str, says: str) -> None:
    (project / "dbmcp.toml").write_text(f'[project]\n{settings}\n[sources]\nshop = "sqlite:///shop.db"\n')
    result = run("validate")
    assert result.exit_code == 3
    assert says in result.stderr


@pytest.mark.parametrize(
    "place", ["t.yml", "tool/t.yml", "Tools/t.yml", "python/t.yml", "tools/t.YML", "tools/t.json", "resources/x/t.json"]
)
def test_a_definition_where_nothing_reads_it_is_told(run: Run, project: Path, place: str) -> None:
    (project / place).parent.mkdir(exist_ok=True, parents=True)
    (project / "tools" / "t.yml").rename(project / place)
    result = run("validate")
    assert result.exit_code == 1
    assert f"{place}:1:1: error: isn't read" in result.stdout


def test_a_project_without_definitions_is_told(run: Run, project: Path) -> None:
    (project / "tools" / "t.yml").unlink()
    assert "defines nothing" in run("validate").stdout


def test_a_mistake_in_sql_has_the_line_that_it_stands_in(run: Run, project: Path) -> None:
    code = "\n  source:\n    code: |\n      -- all\n      SELECT id,\n        nae\n      FROM product WHERE id = $id\n"
    (project / "tools" / "t.yml").write_text(TOOL.replace("\n" + SOURCE, code))
    assert "tools/t.yml:13:9: error: SQLite: no such column: nae" in run("validate", "tools/t.yml").stdout
    (project / "sql").mkdir()
    (project / "sql" / "t.sql").write_text("SELECT id,\n  nae FROM product WHERE id = $id\n")
    (project / "tools" / "t.yml").write_text(TOOL.replace(SOURCE, "  source: {file: ../sql/t.sql}\n"))
    assert "tools/t.yml:9:3: error: SQLite: no such column: nae (line 2" in run("validate", "tools/t.yml").stdout


@pytest.mark.parametrize(
    ("expects", "said"),
    [
        ("result_not_contains: [idd]", "no result can have a field 'idd' (did you mean 'id'?)"),
        ("result_contains: {}", "'result_contains' is empty: every result has that"),
        ("result_contains_text: ''", "'result_contains_text' is empty"),
        ("denied: true, result: []", "'result' isn't looked at where the call must be denied"),
        ("denied: true, error: {code: query_failed}", "'error' isn't looked at where the call must be denied"),
        ("error: {code: query_faled}", "there is no error code 'query_faled' (did you mean 'query_failed'?)"),
        ("error: {code: not_a_read}", None),
        ("result_not_contains: [id], result: []", None),
    ],
)
def test_a_test_that_cannot_fail_is_warned_of(run: Run, project: Path, expects: str, said: str | None) -> None:
    closed = TOOL.replace("{type: object,", "{type: object, additionalProperties: false,")
    test = f"  tests: [{{name: a, arguments: [{{key: id, value: 1}}], {expects}}}]\n"
    (project / "tools" / "t.yml").write_text(closed + test)
    result = run("validate")
    assert result.exit_code == 0
    assert (said or "no problems") in result.output
    assert ("warning" in result.output) == (said is not None)


def test_folded_lines_of_code_with_a_comment_are_told(run: Run, project: Path) -> None:
    code = "  source:\n    code: {}\n      SELECT id -- the key\n      FROM product WHERE id = $id\n"
    (project / "tools" / "t.yml").write_text(TOOL.replace(SOURCE, code.replace("{}", ">-")))
    assert "tools/t.yml:10:5: warning: '>' joins the lines of the code" in run("validate").stdout
    (project / "tools" / "t.yml").write_text(TOOL.replace(SOURCE, code.replace("{}", "|")))
    assert run("validate").stdout == ""


def test_a_template_that_the_defaults_break_is_told(run: Run, project: Path) -> None:
    text = TOOL.replace("description: x", "description: x, default: 0").replace(*jinja("SELECT {{ 100 // id }} AS id"))
    (project / "tools" / "t.yml").write_text(text)
    assert "can't be rendered for the default values" in run("validate").stdout
    (project / "tools" / "t.yml").write_text(text.replace("default: 0", "default: 5"))
    assert run("validate").exit_code == 0


def test_resources_that_hide_each_other_are_told(run: Run, project: Path) -> None:
    for name in ("id", "x"):
        text = f"dbmcp: 1\nresource:\n  uri: shop://{{{name}}}\n  parameters: [{{name: {name}, type: string}}]\n"
        (project / "tools" / f"{name}.yml").write_text(f"{text}  source: {{code: SELECT ${name} AS a}}\n")
    result = run("validate")
    assert "the URIs of 'shop://{id}' (" in result.stdout
    assert ": warning: " in result.stdout


def test_a_file_that_cannot_be_read_is_told_when_what_it_has_is_run(run: Run, project: Path) -> None:
    (project / "tools" / "u.yml").write_text("dbmcp: 1\ntool:\n\tname: u\n")
    result = run("run", "tool", "u")
    assert result.exit_code != 0
    assert "u.yml:3:1" in result.stderr


def test_a_version_that_is_not_known_runs_nothing(run: Run, project: Path) -> None:
    (project / "tools" / "t.yml").write_text(TOOL.replace("dbmcp: 1", "dbmcp: 2"))
    result = run("run", "tool", "t", "-p", "id=1")
    assert result.exit_code != 0
    assert "version 2 of the format isn't known" in result.stderr


@pytest.mark.parametrize(
    ("args", "code"),
    [
        *[(args, 2) for args in ("lint --severity bad", "list --foo", "query SELECT --timeout abc", "drift chek")],
        *[(args, 3) for args in ("tables nope", "describe nope product", "search nope x")],
        ("describe shop nope", 1),
    ],
)
def test_what_goes_wrong_is_json_too(run: Run, project: Path, args: str, code: int) -> None:
    result = run(*args.split(), "--json")
    assert result.exit_code == code
    assert json.loads(result.stdout)["status"] == "error"


def test_a_log_that_is_not_there_is_told_where_it_was_named(run: Run, project: Path) -> None:
    assert run("log").exit_code == 0  # nothing was called yet
    result = run("log", "--file", "gone.jsonl")
    assert result.exit_code == 3
    assert "no records at gone.jsonl" in result.stderr


def test_a_file_of_policies_that_is_not_read_is_told(run: Run, project: Path) -> None:
    (project / "policies").mkdir()
    (project / "policies" / "rules.yml").write_text("dbmcp: 1\npolicies:\n  - match: '*'\n")
    result = run("validate")
    assert "policies/rules.yml:1:1: warning: isn't read: definitions stand in tools/" in result.stdout


def test_a_user_s_misspelt_key_is_told(run: Run, project: Path) -> None:
    result = run("run", "tool", "t", "-p", "id=1", "-u", '{"rol": "hr"}')
    assert result.exit_code == 0
    assert "no policy sees 'rol' (did you mean 'role'?)" in result.stderr


def test_json_that_is_no_definition_is_nobody_s(run: Run, project: Path) -> None:
    (project / "tools" / "data.json").write_text('[{"tool": "hammer"}]')
    (project / "package.json").write_text('{"tools": []}')
    assert "1 file: no problems." in run("validate").output


def test_a_file_without_the_format_s_version_is_told(run: Run, project: Path) -> None:
    (project / "tools" / "t.yml").write_text(TOOL.replace("dbmcp: 1\n", ""))
    result = run("validate")
    assert result.exit_code == 0
    assert "tools/t.yml:1:1: warning: doesn't say which version of the format it has" in result.stdout


def test_a_resource_is_read_by_its_uri(run: Run, project: Path) -> None:
    resource = TOOL.replace("tool:\n  name: t", "resource:\n  uri: shop://products/{id}")
    resource = resource.replace("  annotations: {readOnlyHint: true}\n", "")
    (project / "resources").mkdir(exist_ok=True)
    (project / "resources" / "r.yml").write_text(resource)
    read = run("run", "resource", "shop://products/1")
    assert json.loads(read.stdout) == [{"id": 1}]
    assert run("run", "resource", "shop://products/{id}", "-p", "id=1").stdout == read.stdout
    assert run("run", "resource", "shop://products/%31").stdout == read.stdout
    assert "There is no resource" in run("run", "resource", "shop://products/1/2").stderr


def test_links_out_of_the_project_are_followed_where_they_are_the_project_s(run: Run, project: Path) -> None:
    elsewhere = project.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "q.sql").write_text("SELECT id FROM product WHERE id = $id")
    (project / "sql").symlink_to(elsewhere)
    (project / "tools" / "t.yml").write_text(TOOL.replace(SOURCE, "  source: {file: ../sql/q.sql}\n"))
    assert run("validate").exit_code == 0, run("validate").output


def test_whoever_waits_for_a_project_s_code_is_told(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dbmcp_server.cli.project._SLOW_S", 0.05)
    (project / "python" / "slow.py").write_text(
        "import threading\nfrom dbmcp_core.runtime import on_init\n@on_init\ndef wait():\n"
        "    for one in threading.enumerate():\n"
        "        if isinstance(one, threading.Timer):\n            one.join(10)  # until it has told\n"
    )
    assert run("run", "tool", "t", "-p", "id=1").exit_code == 0
    assert "The project's code isn't ready yet; Ctrl-C ends the waiting." in caplog.text

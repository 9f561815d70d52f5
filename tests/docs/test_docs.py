"""The documents say what the code does: every public name of hooks, errors, settings and commands stands in them."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import sys
import tomllib
import types
from pathlib import Path

import pytest
import typer

from dbmcp_core import Engine, Executor, NotFound, StatementRefused, connect, errors, hookspecs
from dbmcp_core.config import load
from dbmcp_core.registry import Registry
from dbmcp_core.settings import Settings
from dbmcp_core.sqlite.settings import SQLiteSettings
from dbmcp_core.statement import RefusalCode
from dbmcp_server import cli
from dbmcp_server.mcp import build_server
from dbmcp_server.options import ServerOptions

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
EXAMPLES = {"csvdir"}
PAGES = [*sorted(DOCS.rglob("*.md")), *sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("packages/*/README.md"))]


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("hook", [name for name in vars(hookspecs) if name.startswith("dbmcp_")])
def test_every_hook_has_a_section(hook: str) -> None:
    assert f"## {hook}(" in page("hooks.md")
    assert getattr(hookspecs, hook).__doc__


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "StatementRefused"])
def test_every_error_is_told_with_its_code(name: str) -> None:
    error = getattr(errors, name)
    assert f"| `{error.code}` | `{name}` |" in page("errors.md")
    assert name in (errors.__doc__ or "")


@pytest.mark.parametrize("code", [code.value for code in RefusalCode])
def test_every_refusal_is_told(code: str) -> None:
    assert f"| `{code}` |" in page("errors.md")


def test_codes_are_unique() -> None:
    codes = [getattr(errors, name).code for name in errors.__all__ if name != "StatementRefused"]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("settings", [Settings, SQLiteSettings, ServerOptions])
def test_every_setting_is_told_with_its_default(settings: type) -> None:
    text = page("configuration.md")
    for field in dataclasses.fields(settings):
        row = re.search(rf"^\| `{field.name}` \| (?P<default>[^|]*) \|", text, re.M)
        assert row is not None, field.name
        default = row["default"].strip("` ")
        if isinstance(field.default, bool | int | float | str) and field.default is not None:
            assert default == str(
                field.default if not isinstance(field.default, float) else int(field.default)
            ).replace("True", "true").replace("False", "false"), field.name


def engines() -> list[Engine]:
    registry = Registry()
    registry.load_all()
    return [engine for engine in registry.engines() if engine.name not in EXAMPLES]


@pytest.mark.parametrize("engine", [one for one in engines() if one.name != "sqlite"], ids=lambda engine: engine.name)
def test_every_engine_has_a_page_with_its_settings(engine: Engine) -> None:
    text = page(f"engines/{engine.name}.md")
    assert f"(docs/engines/{engine.name}.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    common = {field.name for field in dataclasses.fields(Settings)}
    for field in dataclasses.fields(engine.settings):
        if field.name in common:
            continue
        row = re.search(rf"^\| `{field.name}`(?P<operator> \*)? \| (?P<default>[^|]*) \|", text, re.M)
        assert row is not None, field.name
        assert bool(row["operator"]) == field.metadata["operator"], field.name
        if isinstance(field.default, bool | int | float | str):
            assert row["default"].strip("` ").lower() == f"{field.default}".removesuffix(".0").lower(), field.name


def test_the_configuration_example_loads(tmp_path: Path) -> None:
    block = re.search(r"```toml\n(\[sources\].*?)```", page("configuration.md"), re.S)
    assert block is not None
    file = tmp_path / "dbmcp.toml"
    file.write_text(block[1], encoding="utf-8")
    sources = load(Registry(), file=file, environment={"CRM_FILE": "crm.db"}).sources
    assert [one.name for one in sources] == ["shop", "crm"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_in_the_documents_compiles(path: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.S):
        compile(block, str(path), "exec")


def test_the_tour_of_the_readme_runs(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.parent)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    exec(compile(block, "README.md", "exec"), {})


def test_the_tutorial_is_a_plugin_that_works(tmp_path: Path) -> None:
    block = re.findall(r"```python\n(.*?)```", page("tutorial-engine.md"), re.S)[0]
    plugin = types.ModuleType("dbmcp_jsonl")
    sys.modules["dbmcp_jsonl"] = plugin
    exec(compile(block, "tutorial-engine.md", "exec"), vars(plugin))
    (tmp_path / "book.jsonl").write_text('{"id": 1, "title": "Emma"}\n{"id": 2}\n', encoding="utf-8")
    registry = Registry()
    registry.register(plugin, "jsonl")
    with connect(f"jsonl:{tmp_path}", registry=registry) as books:
        assert list(books.query("read book")) == [(1, "Emma"), (2, None)]
        assert str(books.get_tables()[0]) == "book"
        assert [column.name for column in books.get_table_schema("book").columns] == ["id", "title"]
        for text, error in (("read nothing", NotFound), ("drop book", StatementRefused)):
            with pytest.raises(error):
                books.query(text)


def test_every_command_is_told_with_its_options() -> None:
    text = page("cli.md")
    group = typer.main.get_command(cli.app)
    context = group.make_context("dbmcp", [], resilient_parsing=True)
    names = group.list_commands(context)
    assert len(names) == 18
    shared = {"--config", "--help", "--project", "--profile", "--readonly", "--read-only", "--json-output"}
    projects = {"run", "list", "validate", "lint", "test", "drift", "log"}
    for option in shared - {"--help"}:
        assert f"`{option}" in text, option
    for name in names:
        row = re.search(rf"^\| `{name}\b.*$", text, re.M)
        assert row is not None, name
        for parameter in group.get_command(context, name).params:
            for option in parameter.opts:
                if option.startswith("--") and option not in shared | ({"--json"} if name in projects else set()):
                    assert f"`{option}`" in row[0], (name, option)


def test_every_tool_is_told_with_its_arguments() -> None:
    executor = Executor(registry := Registry())
    server = build_server(executor, registry, ServerOptions(allow_writes=True), transport="stdio")
    text = page("server.md")
    for name, tool in server._tools.items():
        row = re.search(rf"^\| `{name}` \|(?P<arguments>[^|]*)\|", text, re.M)
        assert row is not None, name
        assert set(re.findall("`(.+?)`", row["arguments"])) == set(tool.definition.input_schema["properties"]), name


def test_all_packages_have_one_version() -> None:
    versions = {
        tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"]
        for path in (ROOT / "packages").glob("*/pyproject.toml")
    }
    from dbmcp_core import __version__

    assert versions == {__version__}


def test_the_reference_of_projects_is_that_of_their_models() -> None:
    spec = importlib.util.spec_from_file_location("dbmcp_docs_reference", DOCS / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    assert page("tools-reference.md") == reference.text(), "run: python docs/reference.py"

"""``dbmcp serve``: which server is started on what. The server itself has its own tests."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import anyio
import pytest
from mcp import Client, StdioServerParameters

from dbmcp_core import Call, Statement
from dbmcp_server import cli


@pytest.fixture
def started(monkeypatch):
    """Stand in for the server; returns what was started."""
    calls: list[dict] = []

    def server(kind):
        def serve(executor, registry, options):
            names = [source.name for source in executor.sources()]
            for name in names:
                executor.run(Call(name, Statement("SELECT 1")))
            calls.append({"kind": kind, "sources": names, "options": options})

        return serve

    module = ModuleType("dbmcp_server.mcp")
    module.serve_stdio, module.serve_http = server("stdio"), server("http")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dbmcp_server.mcp", module)
    return calls


def test_stdio_is_the_default(run, shop, started):
    done = run("serve", shop, f"second=sqlite:///{shop}")
    assert (done.exit_code, done.stdout) == (0, "")
    assert (started[0]["kind"], started[0]["sources"]) == ("stdio", ["shop", "second"])
    assert not started[0]["options"].allow_writes


@pytest.mark.parametrize("args", [["--port", "8000"], ["--host", "0.0.0.0"], ["--http"]])
def test_http(run, started, args):
    assert run("serve", *args).exit_code == 0
    assert started[0]["kind"] == "http"


def test_stdio_and_http_are_two(run, started):
    assert run("serve", "--stdio", "--port", "8000").exit_code == 2
    assert started == []


def test_options_in_order_of_strength(run, started, tmp_path):
    (tmp_path / "dbmcp.toml").write_text('[server]\nport = 1\nhost = "a"\nallow_writes = true\n', encoding="utf-8")
    run(
        "serve", "--port", "3", "--allowed-host", "x", "--allowed-host", "y", env={"DBMCP_PORT": "2", "DBMCP_HOST": "b"}
    )
    options = started[0]["options"]
    assert (options.port, options.host, options.allow_writes) == (3, "b", True)
    assert options.allowed_hosts == ("x", "y")


def test_runtime_connections(run, started):
    run("serve", "--no-runtime-connections")
    run("serve", "--runtime-connections", "--runtime-allow", "sqlite:////data/*", "--allow-writes")
    assert [one["options"].runtime_connections for one in started] == [False, True]
    assert started[1]["options"].runtime_allow == ("sqlite:////data/*",)
    assert started[1]["options"].allow_writes


def test_records(run, shop, started, tmp_path):
    (tmp_path / "dbmcp.toml").write_text('[records]\nfile = "calls.jsonl"\n', encoding="utf-8")
    assert run("serve", shop, "--records", "more.jsonl", "--records", "most.jsonl").exit_code == 0
    for name in ("calls", "more", "most"):
        (line,) = (tmp_path / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        assert json.loads(line)["source"] == "shop"


def test_what_is_wrong_is_told_before_it_starts(run, started, tmp_path):
    assert run("serve", "nosuch").exit_code == 3
    (tmp_path / "dbmcp.toml").write_text('[records]\nfiel = "calls.jsonl"\n', encoding="utf-8")
    assert run("serve").exit_code == 3
    assert started == []


def test_the_script_of_its_own(shop, started, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dbmcp-server", str(shop)])
    with pytest.raises(SystemExit) as ended:
        cli.serve_main()
    assert ended.value.code == 0
    assert started[0]["sources"] == ["shop"]
    monkeypatch.setattr(sys, "argv", ["dbmcp-server", "--version"])
    with pytest.raises(SystemExit):
        cli.serve_main()
    assert capsys.readouterr().out.startswith("dbmcp ")


SQL_TOOLS = {"execute_sql_query", "list_tables", "get_table_schema"}


@pytest.mark.parametrize(
    ("in_file", "options", "expected"),
    [
        ("false", [], set()),
        ("true", [], SQL_TOOLS),
        ("false", ["--sql-tools", "true"], SQL_TOOLS),
        ("true", ["--sql-tools", "false"], set()),
    ],
)
def test_sql_tools_of_mxcp_whatever_the_file_says(tmp_path, monkeypatch, in_file, options, expected):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mxcp-site.yml").write_text(
        f"mxcp: 1\nproject: p\nprofile: dev\nsql_tools: {{enabled: {in_file}}}\nprofiles: {{dev: {{}}}}\n"
    )

    async def names() -> set[str]:
        args = ["-m", "dbmcp_server", "serve", str(tmp_path), *options]
        async with Client(StdioServerParameters(command=sys.executable, args=args)) as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    assert anyio.run(names) & SQL_TOOLS == expected


def test_sql_tools_are_of_mxcp(run, started, shop):
    done = run("serve", shop, "--sql-tools", "true")
    assert (done.exit_code, "ad_hoc" in done.stderr, started) == (2, True, [])

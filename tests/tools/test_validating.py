"""What ``dbmcp validate`` finds by asking a database, and that nothing is run for it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import Executor, Registry
from dbmcp_core.call import Call, Intent
from dbmcp_core.config import source
from dbmcp_core.statement import Result, Statement
from dbmcp_core.tools.files.loading import load
from dbmcp_core.tools.files.validating import validated
from dbmcp_core.tools.problems import Problem
from dbmcp_core.tools.project import ProjectConfig, ProjectOptions
from dbmcp_core.tools.review.drift import snapshot
from dbmcp_core.tools.review.drift_report import compare
from dbmcp_core.tools.toolbox import Toolbox

Write = Callable[[str, str], Path]


def problems(executor: Executor, folder: Path, tools: str, *, init: bool = False, **options: Any) -> list[Problem]:
    (folder / "tools").mkdir(exist_ok=True)
    (folder / "tools" / "all.yml").write_text(f"dbmcp: 1\ntools:\n{tools}")
    config = ProjectConfig.from_options(ProjectOptions(**options), folder / "dbmcp.toml", executor.sources())
    return list(validated(config, executor, init=init).problems)


def tool(name: str, code: str, parameters: str = "") -> str:
    return f"- name: {name}\n  parameters: [{parameters}]\n  source:\n    code: |\n      {code}\n"


RIGHT = {
    "add": "INSERT INTO product (id, name) VALUES ($id, $name)",
    "rename": "UPDATE product SET name = $name WHERE id = $id",
    "remove": "DELETE FROM product WHERE id = $id OR name = $name",
    "copy": "INSERT INTO product SELECT id + $id, $name FROM product",
    "make": "CREATE TABLE other (id INTEGER)",
    "spoil": "DROP TABLE product",
}
WRONG = {
    "INSERT INTO gone (id) VALUES ($id)": "gone",
    "INSERT INTO product (id, nam) VALUES ($id, 'x')": "nam",
    "UPDATE product SET nam = 'x' WHERE id = $id": "nam",
    "DELETE FROM product WHERE idd = $id": "idd",
    "DELETE FRM product WHERE id = $id": "near",
    "UPDATE product SET name = (SELECT x FROM gone) WHERE id = $id": "gone",
}
BOTH = "{name: id, type: integer}, {name: name, type: string}"


def count(executor: Executor) -> Any:
    found = executor.run(Call("shop", Statement("SELECT count(*) FROM product"), Intent.READ))
    assert isinstance(found, Result)
    return found.rows[0][0]


def test_writes_are_prepared_and_not_run(engine_shop: Executor, tmp_path: Path) -> None:
    tools = "".join(tool(name, code, BOTH if "$" in code else "") for name, code in RIGHT.items())
    assert problems(engine_shop, tmp_path, tools) == []
    assert count(engine_shop) == 2


@pytest.mark.parametrize("code", WRONG)
def test_a_write_that_the_database_would_not_take(engine_shop: Executor, tmp_path: Path, code: str) -> None:
    [problem] = problems(engine_shop, tmp_path, tool("t", code, "{name: id, type: integer}"))
    assert problem.severity == "error"
    assert WRONG[code] in problem.message
    assert count(engine_shop) == 2


def test_a_write_on_a_source_that_is_read_only(tmp_path: Path) -> None:
    registry = Registry()
    executor = Executor(registry, [source(registry, "shop", {"engine": "sqlite", "filename": ":memory:"})])
    [problem] = problems(executor, tmp_path, tool("t", "DELETE FROM product"))
    executor.close()
    assert (problem.severity, problem.place.line) == ("error", 5)
    assert "read_only = false" in problem.message


def test_the_type_of_a_parameter_counts_and_its_value_does_not(engine_shop: Executor, tmp_path: Path) -> None:
    [source] = engine_shop.sources()
    number, ids = "{name: n, type: number}", "{name: ids, type: array, items: {type: integer}}"
    honest = tool("division", "SELECT 1 / ($n - 1) AS x", "{name: n, type: integer}")
    honest += tool("day", "SELECT id FROM product WHERE CURRENT_DATE > $d", "{name: d, type: string}")
    assert problems(engine_shop, tmp_path, honest) == []
    if source.engine.name == "postgres":
        lists = tool("ids", "SELECT unnest($ids) AS id", ids) + tool(
            "one", "SELECT id FROM product WHERE id = ANY($ids)", ids
        )
        assert problems(engine_shop, tmp_path, lists) == []
        [problem] = problems(engine_shop, tmp_path, tool("t", "SELECT round($n, 1) AS x", number))
        assert "function round(double precision, integer) does not exist" in problem.message
        assert "explicit type casts" in problem.message


def test_a_moment_is_an_integer_on_mysql(engine_shop: Executor, tmp_path: Path) -> None:
    [source] = engine_shop.sources()
    found = problems(
        engine_shop, tmp_path, tool("t", "SELECT $at AS at", "{name: at, type: string, format: timestamp}")
    )
    assert ["FROM_UNIXTIME($at)" in one.message for one in found] == ([True] if source.engine.name == "mysql" else [])


INIT = """
from dbmcp_core.runtime import db, on_init, on_shutdown

@on_init
def make():
    db.execute("CREATE TABLE IF NOT EXISTS made (id INTEGER)")

@on_shutdown
def end():
    db.execute("INSERT INTO made VALUES (7)")
"""


def test_tables_that_on_init_makes(engine_shop: Executor, tmp_path: Path, write: Write) -> None:
    write("python/start.py", INIT)
    tools = tool("t", "SELECT id FROM made") + tool("u", "DELETE FROM made") + tool("v", "SELEC 1")
    first = problems(engine_shop, tmp_path, tools)
    assert [(one.subject, one.severity) for one in first] == [
        ("tool:t", "warning"),
        ("tool:u", "warning"),
        ("tool:v", "error"),
    ]
    assert "--init" in first[0].message
    assert [one.subject for one in problems(engine_shop, tmp_path, tools, init=True)] == ["tool:v"]
    found = engine_shop.run(Call("shop", Statement("SELECT id FROM made"), Intent.READ))
    assert isinstance(found, Result)
    assert found.rows == ((7,),)


def test_a_hook_that_fails_is_told(tmp_path: Path, write: Write) -> None:
    executor = Executor(Registry(), [])
    write("python/start.py", "from dbmcp_core.runtime import on_init\n\n@on_init\ndef make():\n    1 / 0\n")
    [problem] = [one for one in problems(executor, tmp_path, "  []\n", init=True) if one.severity == "error"]
    executor.close()
    assert (problem.severity, "make() failed: ZeroDivisionError" in problem.message) == ("error", True)


def test_code_that_does_not_end_is_told(tmp_path: Path, write: Write) -> None:
    executor = Executor(Registry(), [])
    loop = "while not pathlib.Path(__file__).with_name('end').exists():\n    time.sleep(0.01)\n"
    write("python/t.py", f"import pathlib, time\n{loop}")
    [problem] = problems(executor, tmp_path, PYTHON, timeout_s=0.3)
    executor.close()
    write("python/end", "")  # left to itself, it would be around other tests
    for thread in threading.enumerate():
        if thread.name == "dbmcp-validate":
            thread.join(10)
    sys.modules.pop("t", None)
    assert problem.message.startswith("../python/t.py isn't loaded after 0.3 seconds (timeout_s)")
    assert problem.place.path.name == "all.yml"


PYTHON = "- name: t\n  language: python\n  source: {file: ../python/t.py}\n"


def test_code_that_fails_is_told_without_a_traceback(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    executor = Executor(Registry(), [])
    write("python/t.py", "def t():\n    return 1\n\nraise SystemExit(0)\n")
    [problem] = problems(executor, tmp_path, PYTHON)
    executor.close()
    assert "SystemExit: 0 (t.py, line 4)" in problem.message
    assert "Traceback" not in caplog.text


def test_drift_is_seen_on_every_engine(engine_shop: Executor, tmp_path: Path, write: Write) -> None:
    write("tools/t.yml", "dbmcp: 1\ntool: {name: t, source: {code: SELECT id FROM product}}\n")
    registry = Registry()
    config = ProjectConfig.from_options(ProjectOptions(), tmp_path / "dbmcp.toml", engine_shop.sources())
    toolbox = Toolbox(load(config).require(), engine_shop, registry)

    def noted() -> dict[str, Any]:
        return snapshot(toolbox, engine_shop)

    before = noted()
    assert not compare(before, noted())
    for text in ("ALTER TABLE product ADD COLUMN colour VARCHAR(9)", "CREATE TABLE extra (id INTEGER)"):
        engine_shop.run(Call("shop", Statement(text), Intent.WRITE))
    changes = {(one.name.rpartition(".")[2], one.how) for one in compare(before, noted()).tables}
    toolbox.close()
    assert changes == {("product", "modified"), ("extra", "added")}

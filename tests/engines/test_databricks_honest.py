"""The guard's honest corpus on Spark itself, by the whole road: what is called Spark's SQL is."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core.config import Source
from dbmcp_core.errors import DatabaseError
from dbmcp_core.executor import Executor
from dbmcp_core.guard import judge
from dbmcp_core.registry import Registry
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.servers import require

_TESTS = Path(__file__).parents[1]
HONEST: dict[str, str] = runpy.run_path(str(_TESTS / "core" / "guard" / "test_databricks_honest.py"))["HONEST"]
_UNKNOWN = "what Databricks takes, and Spark by itself doesn't"
#: What Spark says about a text that isn't its SQL. Tables and columns of the corpus are made up; that it may say.
_NO_SQL = "42601"


def _start() -> Any:
    name = "dbmcp_test_databricks_start"
    if name not in sys.modules:
        path = _TESTS / "servers" / "databricks" / "start.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    start = _start()
    require("databricks", start.why_missing())
    from dbmcp_databricks import Databricks

    engine = Databricks()
    settings = engine.settings.build(start.running().settings(catalog="spark_catalog"), where="tests")
    executor = Executor(Registry(), [Source("reader", engine, settings, "tests")])
    yield Caller(executor, "reader")
    executor.close()


def _state(caller: Caller, text: str) -> str | None:
    """Run *text*; return None, or the SQLSTATE that Spark gives."""
    try:
        caller.query(text)
    except DatabaseError as error:
        return str(error.details.get("sqlstate"))
    return None


def _lines(text: str) -> list[str]:
    return [line.replace("␤", "\n") for line in text.strip("\n").splitlines()]


@pytest.mark.parametrize("name", [name for name in HONEST if name != _UNKNOWN])
def test_spark_takes_what_the_guard_takes(caller: Caller, name: str) -> None:
    refused = [text for text in _lines(HONEST[name]) if _state(caller, text) == _NO_SQL]
    assert refused == []


def test_what_needs_no_table_runs(caller: Caller) -> None:
    every = [text for name, lines in HONEST.items() if name != _UNKNOWN for text in _lines(lines)]
    alone = [text for text in every if text.startswith(("SELECT", "WITH", "VALUES")) and " t" not in text]
    alone = [text for text in alone if not judge(text, "databricks").tables and "?" not in text]
    assert len(alone) > 50
    failed = {text: state for text in alone if (state := _state(caller, text)) is not None}
    assert failed == {}

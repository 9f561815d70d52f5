"""What the tests of tools share: a host without a server, and a project in a folder."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import Executor, Registry
from dbmcp_core.call import Call, Intent
from dbmcp_core.config import source
from dbmcp_core.running import Running
from dbmcp_core.statement import Statement
from dbmcp_core.tools.context import CallContext
from dbmcp_core.tools.python.functions import Project
from dbmcp_core.tools.python.modules import Modules


class HostOfTests:
    """A host that keeps what it was asked, and answers from dictionaries."""

    def __init__(self) -> None:
        self.site_config: Mapping[str, Any] = {"project": "shop", "dbt": {"enabled": False}, "secrets": ["key"]}
        self.user_config: Mapping[str, Any] = {"projects": {"shop": {}}}
        self.secrets: dict[str, dict[str, Any]] = {"key": {"value": "s3cr3t-value", "headers": {"X": "1"}}}
        self.plugins: Mapping[str, Any] = {"one": object()}
        self.asked: list[tuple[str | None, str, Any, CallContext]] = []

    def secret(self, name: str) -> Mapping[str, Any] | None:
        return self.secrets.get(name)

    @property
    def secret_values(self) -> list[str]:
        return ["s3cr3t-value"]

    def execute(self, context: CallContext, source: str | None, text: str, params: Any) -> list[dict[str, Any]]:
        context.running.raise_if_stopped()
        self.asked.append((source, text, params, context))
        return [{"n": len(self.asked)}]


@pytest.fixture
def host() -> HostOfTests:
    return HostOfTests()


@pytest.fixture
def context(host: HostOfTests) -> CallContext:
    return CallContext(host, Running())


@pytest.fixture
def project(tmp_path: Path, host: HostOfTests) -> Iterator[Project]:
    """A project in a folder of its own, closed at the end."""
    folder = tmp_path / "python"
    folder.mkdir()
    found = Project(Modules(tmp_path, secrets=lambda: host.secret_values), folder=folder)
    yield found
    found.stop()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file of the project, its text without the indentation that it has in the test."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


_TABLE = "CREATE TABLE product (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL)"


@pytest.fixture(params=["sqlite", "duckdb", "postgres", "mysql"])
def engine_shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Executor]:
    """An executor on one source, with a table of two rows, that may be written to."""
    engine: str = request.param
    settings: dict[str, Any] = {"engine": engine}
    if engine in ("postgres", "mysql"):
        settings |= request.getfixturevalue(f"{engine}_settings")
    else:
        settings |= {"filename": str(tmp_path / f"shop.{engine}"), "create_if_not_exists": True}
    registry = Registry()
    executor = Executor(registry, [source(registry, "shop", {**settings, "read_only": False})])
    for text in (_TABLE, "INSERT INTO product VALUES (1, 'pen'), (2, 'ink')"):
        executor.run(Call("shop", Statement(text), Intent.WRITE))
    yield executor
    executor.close()

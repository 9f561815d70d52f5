"""What the tests of tools share: a host without a server, and a project in a folder."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core.running import Running
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

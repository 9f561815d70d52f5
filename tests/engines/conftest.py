"""A server of MongoDB's protocol, and tools on any engine, for all tests that want them."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import Executor, Registry
from dbmcp_core.config import source
from dbmcp_core.testing.server_process import ServerProcess, free_port
from dbmcp_core.tools.files.loading import load
from dbmcp_core.tools.project import ProjectConfig, ProjectOptions
from dbmcp_core.tools.toolbox import Toolbox

URI = "DBMCP_TEST_MONGODB_URI"


def _answers(uri: str) -> bool:
    import pymongo

    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=500) as client:
        try:
            client.admin.command("ping")
        except pymongo.errors.PyMongoError:
            return False
    return True


@pytest.fixture(scope="session")
def mongo_uri() -> Iterator[str]:
    """A running server, in a process of its own."""
    if uri := os.environ.get(URI):
        yield uri
        return
    program = shutil.which(
        "secantusd-py", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    )
    if program is None:
        required = os.environ.get("DBMCP_REQUIRE", "")
        if "mongo" in required or required == "all":
            pytest.fail("mongo is required, and SecantusDB is not installed")
        pytest.skip(f"mongo: SecantusDB is not installed, and {URI} is not set")
    process = ServerProcess("mongo")
    try:
        port = free_port()
        uri = f"mongodb://127.0.0.1:{port}/"
        command = [program, "--port", str(port), "--storage-path", ":memory:", "--log-level", "ERROR"]
        process.start(command, lambda: _answers(uri))
        yield uri
    finally:
        process.close()


@pytest.fixture
def mongo(mongo_uri: str) -> Iterator[dict[str, Any]]:
    """Settings of an empty database of the test's own."""
    name = f"dbmcp_{secrets.token_hex(6)}"
    import pymongo

    yield {"uri": mongo_uri, "database": name}
    with pymongo.MongoClient(mongo_uri) as client:
        client.drop_database(name)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[str, dict[str, Any]], Toolbox]]:
    """Make a toolbox of tools, given as their YAML, on a source with the given settings."""
    made: list[Toolbox] = []

    def make(tools: str, given: dict[str, Any]) -> Toolbox:
        (tmp_path / "tools").mkdir(exist_ok=True)
        (tmp_path / "tools" / "all.yml").write_text(f"dbmcp: 1\ntools:\n{tools}")
        registry = Registry()
        one = source(registry, "library", {"read_only": False, **given})
        config = ProjectConfig.from_options(ProjectOptions(), tmp_path / "dbmcp.toml", [one])
        made.append(Toolbox(load(config).require(), Executor(registry, [one]), registry))
        return made[-1]

    yield make
    for one in made:
        one.close()
        one.executor.close()

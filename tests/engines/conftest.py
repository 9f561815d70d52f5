"""A server of MongoDB's protocol, for all tests that want one."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core.testing.server_process import ServerProcess, free_port

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

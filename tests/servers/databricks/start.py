"""Start the test server of Databricks, once for all tests; imported by the tests, never by the server."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from dbmcp_core.testing.server_process import ServerProcess, free_port

__all__ = ["VARIABLE", "Server", "real_settings", "running", "why_missing"]

VARIABLE = "DBMCP_TEST_DATABRICKS_URL"
OLDEST_JAVA = 17
WAREHOUSE = "/sql/1.0/warehouses/"


def why_missing(*, spark: bool = True) -> str | None:
    """Return why no server can be had here, or ``None``."""
    wanted = ("databricks.sql", "pyarrow", *(("pyspark",) if spark else ()))
    missing = [name for name in wanted if not _is_installed(name)]
    if missing:
        return f"{', '.join(missing)} is not installed"
    if spark and _java_version() < OLDEST_JAVA:
        return f"there is no Java {OLDEST_JAVA} or newer for Spark"
    return "openssl is not installed" if shutil.which("openssl") is None else None


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


def _java_version() -> int:
    java = shutil.which("java")
    if java is None:
        return 0
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    found = re.search(r'version "(\d+)', told)
    return int(found[1]) if found else 0


def real_settings() -> dict[str, Any] | None:
    """Return the settings of the workspace to test on, if one is named."""
    url = os.environ.get(VARIABLE)
    if not url:
        return None
    parts = urlsplit(url)
    catalog, _, schema = unquote(parts.path.strip("/")).partition("/")
    names = {"catalog": catalog, "schema": schema, "port": parts.port}
    found = {"server_hostname": parts.hostname, "access_token": unquote(parts.password or ""), **names}
    return {name: value for name, value in found.items() if value} | dict(parse_qsl(parts.query))


class Server:
    """A running server: Spark starts in it with the first session that needs it."""

    def __init__(self) -> None:
        self._process = ServerProcess("databricks")
        self.port = free_port()
        self.token = secrets.token_urlsafe(16)
        self.ca_file = str(self._process.make_certificate())
        self._process.write_secret("token", self.token)
        program = str(Path(__file__).with_name("server.py"))
        command = [sys.executable, program, "--port", str(self.port), "--folder", str(self._process.folder)]
        self._process.start(command, self._listens)
        atexit.register(self._process.close)

    def settings(self, warehouse: str = "spark", **more: object) -> dict[str, object]:
        """Return the settings of a source on one of the warehouses, or on another path."""
        path = warehouse if warehouse.startswith("/") else WAREHOUSE + warehouse
        where = {"server_hostname": "localhost", "port": self.port, "http_path": path, "ssl_ca": self.ca_file}
        return {**where, "access_token": self.token, **more}

    def control(self, name: str) -> list[str]:
        """Ask the server itself: ``forget`` its sessions, what it has ``seen``, and what else it knows."""
        request = urllib.request.Request(f"https://localhost:{self.port}/control/{name}", b"", method="POST")
        request.add_header("Authorization", f"Bearer {self.token}")
        context = ssl.create_default_context(cafile=self.ca_file)
        with urllib.request.urlopen(request, context=context, timeout=90) as answer:
            found: list[str] = json.load(answer)
        return found

    @property
    def folder(self) -> Path:
        """Where Spark keeps the files of its tables: ``data/<schema>.db/<table>``."""
        return self._process.folder

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


@functools.cache
def running() -> Server:
    """Return the one server of this run."""
    return Server()

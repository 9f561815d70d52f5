"""Serve the real server, with the suite's fixtures added, on a free port: ``python serve.py shop.db``."""

from __future__ import annotations

import sys
from pathlib import Path

from dbmcp_core import Executor, Registry
from dbmcp_core.config import source
from dbmcp_server.mcp import build_server, http
from dbmcp_server.options import ServerOptions

sys.path.insert(0, str(Path(__file__).parent))
import fixtures

registry = Registry()
options = ServerOptions(port=0)
executor = Executor(registry, [source(registry, "shop", f"sqlite:///{sys.argv[1]}")])
server = build_server(executor, registry, options, transport="http")
if "--bare" not in sys.argv:
    fixtures.add_to(server)
http.serve(server, options, stop=server.stop)
executor.close()

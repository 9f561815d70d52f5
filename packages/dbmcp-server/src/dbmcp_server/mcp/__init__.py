"""Sources as an MCP server: build one, or serve one over stdio or HTTP until it is told to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dbmcp_core import Executor, Registry
from dbmcp_server.options import ServerOptions
from dbmcp_server.startup import unhindered

if TYPE_CHECKING:
    from dbmcp_core.tools.project import Project
    from dbmcp_server.mcp.kernel import DbServer

__all__ = ["ServedProject", "build_server", "serve_http", "serve_stdio"]


@dataclass(frozen=True, slots=True)
class ServedProject:
    """A project to serve, and what reads it again when its files have changed."""

    project: Project
    load: Callable[[], Project]


def build_server(
    executor: Executor,
    registry: Registry,
    options: ServerOptions,
    *,
    transport: Literal["stdio", "http"],
    project: ServedProject | None = None,
) -> DbServer:
    """Return the MCP server of *executor*; *transport* decides what its clients may do where *options* don't say."""
    with unhindered():
        from dbmcp_server.mcp import assembly

    return assembly.build(executor, registry, options, transport=transport, project=project)


def serve_stdio(
    executor: Executor, registry: Registry, options: ServerOptions, project: ServedProject | None = None
) -> None:
    """Serve the client at stdin and stdout until it goes or a signal comes; then close *executor*."""
    with unhindered():
        from dbmcp_server.mcp import assembly, ending, stdio

        server = assembly.build(executor, registry, options, transport="stdio", project=project)
    ending.run_until_told(lambda: stdio.serve(server), server, executor)


def serve_http(
    executor: Executor, registry: Registry, options: ServerOptions, project: ServedProject | None = None
) -> None:
    """Listen for clients over HTTP until a signal comes; then close *executor*.

    Raises:
        ConfigError: if the address can't be listened on.
    """
    with unhindered():
        from dbmcp_server.mcp import assembly, ending, http

        server = assembly.build(executor, registry, options, transport="http", project=project)
    try:
        http.serve(server, options, stop=server.stop)
    finally:
        ending.close(executor, server)

"""The server: ``serve``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from dbmcp_server.cli.setup import ConfigFile, configured, executor
from dbmcp_server.options import ServerOptions

__all__ = ["serve"]


def serve(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE", help="What to serve; left out, all that is configured."),
    ] = None,
    *,
    stdio: Annotated[bool, typer.Option("--stdio", help="Serve the host that started this; the default.")] = False,
    http: Annotated[bool, typer.Option("--http", help="Serve over HTTP, at the configured address.")] = False,
    host: Annotated[str | None, typer.Option(metavar="HOST", help="Serve over HTTP, at this address.")] = None,
    port: Annotated[int | None, typer.Option(metavar="N", help="Serve over HTTP, at this port.")] = None,
    allowed_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name that clients may call this server by; repeat it.")
    ] = None,
    allowed_origin: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="An origin whose pages may call it; repeat it.")
    ] = None,
    allow_writes: Annotated[
        bool | None, typer.Option("--allow-writes", help="Let connections that a client opens write.")
    ] = None,
    runtime_connections: Annotated[
        bool | None,
        typer.Option(
            "--runtime-connections/--no-runtime-connections",
            help="Let clients open connections; left out, on stdio alone, and only without a source.",
        ),
    ] = None,
    runtime_allow: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="What a client may open: 'sqlite:////data/*'; repeat it."),
    ] = None,
    records: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Record each call in this file, as a line of JSON; repeat it."),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Serve databases to an assistant, over MCP.

    On stdio, or with --port, --host or --http over HTTP. A source is read-only unless it is configured otherwise:
    read_only = false in dbmcp.toml, or ?read_only=false at the end of its URL.
    """
    over_http = http or host is not None or port is not None
    if stdio and over_http:
        raise typer.BadParameter("--stdio doesn't go with --http, --host or --port.")
    flags: dict[str, Any] = {
        "host": host,
        "port": port,
        "allowed_hosts": allowed_host or None,
        "allowed_origins": allowed_origin or None,
        "allow_writes": allow_writes,
        "runtime_connections": runtime_connections,
        "runtime_allow": runtime_allow or None,
    }
    registry, found = configured(sources or [], config)
    options = ServerOptions.load(found.server, os.environ, flags)
    with executor(registry, found, found.sources, file=config, records=records or []) as one:
        from dbmcp_server.mcp import serve_http, serve_stdio  # half a second that the other commands don't pay

        (serve_http if over_http else serve_stdio)(one, registry, options)

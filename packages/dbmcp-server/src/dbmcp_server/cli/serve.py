"""The server: ``serve``."""

from __future__ import annotations

import os
import stat
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from dbmcp_core import ConfigError
from dbmcp_server.cli.project import Found, Profile, ReadOnly, find, require, running
from dbmcp_server.cli.setup import ConfigFile, configured, executor
from dbmcp_server.options import ServerOptions
from dbmcp_server.startup import unhindered

if TYPE_CHECKING:
    from dbmcp_core.tools.project import Project

__all__ = ["serve"]


class Transport(StrEnum):
    """How a client reaches the server, in MXCP's words."""

    STDIO = "stdio"
    HTTP = "streamable-http"
    SSE = "sse"


class Switch(StrEnum):
    """Whether something is on."""

    TRUE = "true"
    FALSE = "false"


def serve(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE|DIR", help="What to serve: sources, or one project's folder; left out, what is configured."
        ),
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
    transport: Annotated[
        Transport | None, typer.Option(help="As MXCP names them; stdio is --stdio, the others are --http.")
    ] = None,
    sql_tools: Annotated[
        Switch | None,
        typer.Option(help="Whether an MXCP project offers its tools that run SQL, whatever its file says."),
    ] = None,
    profile: Profile = None,
    read_only: ReadOnly = None,
    ignore_errors: Annotated[
        bool, typer.Option("--ignore-errors", help="Serve a project without the definitions that are wrong.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Serve databases to an assistant, over MCP.

    On stdio, or with --port, --host or --http over HTTP. A source is read-only unless it is configured otherwise:
    read_only = false in dbmcp.toml, or ?read_only=false at the end of its URL.
    """
    stdio = stdio or transport is Transport.STDIO
    over_http = http or host is not None or port is not None or transport in (Transport.HTTP, Transport.SSE)
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
    wants_sql = None if sql_tools is None else sql_tools is Switch.TRUE
    with unhindered():
        # Before plugins are looked for: with the finder of importlib-metadata in place, it takes 20 ms longer.
        import mcp.server.lowlevel  # noqa: F401

        project = _project(sources or [], config, profile, read_only, wants_sql)
    if wants_sql is not None and not (project is not None and project.project.uses_mxcp):
        raise typer.BadParameter("--sql-tools is for projects of MXCP; in others it is 'ad_hoc' under [project].")
    if project is not None:
        # A host that starts the server on a pipe speaks to it there, whatever the project's own files say.
        over_http = over_http or (project.is_http and not stdio and not _is_pipe(sys.stdin))
        _serve_project(project, flags, records or [], over_http=over_http, ignore_errors=ignore_errors)
        return
    registry, found = configured(sources or [], config)
    options = ServerOptions.load(found.server, os.environ, flags)
    with executor(registry, found, found.sources, file=config, records=records or []) as one:
        from dbmcp_server.mcp import serve_http, serve_stdio  # half a second that the other commands don't pay

        (serve_http if over_http else serve_stdio)(one, registry, options)


def _is_pipe(stream: TextIO) -> bool:
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError, AttributeError):  # closed, or none at all
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _project(
    sources: list[str], config: Path | None, profile: str | None, read_only: bool | None, sql_tools: bool | None
) -> Found | None:
    """Return the project that is meant: one named folder, or, without any name, that of this folder."""
    if len(sources) == 1 and Path(sources[0]).is_dir():
        return require(Path(sources[0]), profile=profile, read_only=read_only, sql_tools=sql_tools)
    if sources or config is not None:
        return None
    return find(Path(), profile=profile, read_only=read_only, sql_tools=sql_tools)


def _serve_project(
    found: Found, flags: dict[str, Any], records: list[Path], *, over_http: bool, ignore_errors: bool
) -> None:
    def load() -> Project:
        project = found.load()
        return project.without_errors() if ignore_errors else project.require()

    from dbmcp_server.mcp import ServedProject, serve_http, serve_stdio

    with unhindered():
        project = load()
    options = ServerOptions.load(found.server, os.environ, flags)
    if over_http and found.signs_in and not options.is_local:
        raise ConfigError(
            f"The project's 'auth' asks callers to sign in, which they can't do here yet, and on {options.host} other "
            "machines could call its tools without it.",
            hint="Listen on 127.0.0.1, behind a proxy that signs them in; or take 'auth' out of the configuration.",
        )
    with running(found, records) as one:
        (serve_http if over_http else serve_stdio)(one, found.registry, options, ServedProject(project, load))

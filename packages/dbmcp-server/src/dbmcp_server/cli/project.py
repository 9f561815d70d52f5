"""From a folder to a project that can be called: what ``serve`` and the commands of projects begin with."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbmcp_core import Config, ConfigError, Executor, Registry
from dbmcp_core.config import FILE, Source
from dbmcp_core.config import load as load_config
from dbmcp_core.config import source as make_source
from dbmcp_core.settings import nearest
from dbmcp_server.cli.output import note
from dbmcp_server.cli.setup import Sink, configured, executor

if TYPE_CHECKING:
    from dbmcp_core.tools.project import Project, ProjectConfig
    from dbmcp_core.tools.toolbox import Toolbox
    from dbmcp_core.tools.user import User

__all__ = [
    "Found",
    "Kind",
    "Profile",
    "ProjectFolder",
    "ReadOnly",
    "UserContext",
    "find",
    "from_file",
    "opened_project",
    "require",
    "running",
    "user_of",
]

ProjectFolder = Annotated[
    Path | None,
    typer.Option("--project", metavar="DIR", help="The project's folder; left out, this one or one above it."),
]
Profile = Annotated[str | None, typer.Option("--profile", metavar="NAME", help="The profile of an MXCP project.")]
ReadOnly = Annotated[
    bool | None, typer.Option("--readonly", "--read-only", help="Open an MXCP project's database for reading alone.")
]
UserContext = Annotated[
    str | None,
    typer.Option("--user-context", "-u", metavar="JSON|@FILE", help="Who calls: role, permissions, user_id, …"),
]

_log = logging.getLogger("dbmcp")

#: Seconds after which whoever waits for a project's code is told that it is this.
_SLOW_S = 5.0


class Kind(StrEnum):
    """What can be called."""

    TOOL = "tool"
    RESOURCE = "resource"
    PROMPT = "prompt"


@dataclass(frozen=True, slots=True)
class Found:
    """A project's configuration, the plugins it was read with, and the tables beside it."""

    registry: Registry
    config: Config
    read: Callable[[], ProjectConfig]
    project: ProjectConfig
    #: Settings of the server that the project's own files have, and whether it is to listen over HTTP.
    server: Mapping[str, Any]
    is_http: bool = False
    #: Whether it asks callers to sign in, which nobody can do here yet.
    signs_in: bool = False

    def load(self, *, to_run: bool = False) -> Project:
        """Read every file of the project, as it is now.

        As MXCP, ``run`` and ``test`` take resources that nobody can read over MCP, as their URI has not all parameters.
        """
        from dbmcp_core.tools.files import checks
        from dbmcp_core.tools.files.loading import load

        config = self.read()
        return load(config, checks.runnable if to_run and config.uses_mxcp else checks.quick)


def find(
    folder: Path | None,
    *,
    profile: str | None = None,
    read_only: bool | None = None,
    sql_tools: bool | None = None,
    warn: bool = True,
) -> Found | None:
    """Return the project of *folder*, or of the working directory or one above it; None where there is none.

    Raises:
        ConfigError: if it is one, and wrong.
    """
    start = (folder or Path()).absolute()
    for place in (start,) if folder is not None else (start, *start.parents):
        if (place / "mxcp-site.yml").is_file():
            return _mxcp(place, profile, read_only, sql_tools, warn)
        if (place / FILE).is_file():
            return _ours(place / FILE, warn)
    return None


def _ours(file: Path, warn: bool) -> Found | None:
    registry, config = configured(file=file, warn=warn)
    if config.project is None:
        return None
    from dbmcp_core.tools.project import ProjectConfig, ProjectOptions

    def made(given: Config) -> ProjectConfig:
        options = ProjectOptions.build(given.project or {}, where="[project]")
        return ProjectConfig.from_options(options, file, given.sources or [_own_source(registry, file, options.name)])

    def read() -> ProjectConfig:
        return made(load_config(registry, file=file, environment=os.environ))

    return Found(registry, config, read, made(config), config.server)


def _own_source(registry: Registry, file: Path, name: str) -> Source:
    """Return the DuckDB of a project that names no source: a file of its own, and the files of its data folder."""
    data = file.absolute().parent / "data"
    settings: dict[str, object] = {"engine": "duckdb", "filename": str(data / f"{name}.duckdb")}
    if data.is_dir():
        settings |= {"folder": str(data), "create_if_not_exists": True}
    else:
        settings["filename"] = ":memory:"
    return make_source(registry, "duckdb", settings, origin=FILE)


def _mxcp(folder: Path, profile: str | None, read_only: bool | None, sql_tools: bool | None, warn: bool) -> Found:
    from dbmcp_core.tools.mxcp.config import SITE, Loaded, load

    registry = Registry()
    for plugin in registry.load_all():
        if plugin.error and warn:
            _log.warning("Plugin %r of %s is left out: %s", plugin.name, plugin.distribution, plugin.error)

    def loaded() -> Loaded:
        return load(folder / SITE, registry, os.environ, profile=profile, read_only=read_only, sql_tools=sql_tools)

    first = loaded()
    for told in first.notes if warn else ():
        _log.warning("%s", told)

    def read() -> ProjectConfig:
        return loaded().config

    http, provider = first.transport.http, first.transport.provider
    server = {"host": http.host, "port": http.port} if http is not None else {}
    known = {key: value for key, value in server.items() if value is not None}
    return Found(
        registry,
        first.ours,
        read,
        first.config,
        {**known, **first.ours.server},
        is_http=provider in ("streamable-http", "sse"),
        signs_in=first.signs_in,
    )


@contextmanager
def running(found: Found, records: Sequence[Path] = (), *, is_recorded: bool = True) -> Iterator[Executor]:
    """Give an executor on the project's sources for the block, with its records."""
    config = found.project
    sinks: list[Sink] = []
    if config.audit is not None and is_recorded:
        from dbmcp_core.tools.audit.log import AuditLog

        sinks.append(AuditLog(config.audit, results=config.audit_results))
    with executor(found.registry, found.config, config.sources, file=config.origin, records=records, more=sinks) as one:
        yield one


@contextmanager
def opened_project(
    folder: Path | None,
    *,
    profile: str | None = None,
    read_only: bool | None = None,
    ignore_errors: bool = False,
    is_recorded: bool = True,
) -> Iterator[Toolbox]:
    """Give the project's definitions, ready to be called, for the block; tests of a project are no part of its records.

    Raises:
        ConfigError: if there is no project, or something in it is wrong and *ignore_errors* isn't set.
    """
    found = require(folder, profile=profile, read_only=read_only)
    project = found.load(to_run=True)
    project = project.without_errors() if ignore_errors else project.require()
    from dbmcp_core.tools.toolbox import Toolbox

    with running(found, is_recorded=is_recorded) as one:
        toolbox = Toolbox(project, one, found.registry)
        with _told_if_slow():
            toolbox.start()
        try:
            yield toolbox
        finally:
            toolbox.close()


@contextmanager
def _told_if_slow() -> Iterator[None]:
    told = threading.Timer(_SLOW_S, _log.warning, ["The project's code isn't ready yet; Ctrl-C ends the waiting."])
    told.daemon = True
    told.start()
    try:
        yield
    finally:
        told.cancel()


def require(
    folder: Path | None,
    *,
    profile: str | None = None,
    read_only: bool | None = None,
    sql_tools: bool | None = None,
    warn: bool = True,
) -> Found:
    """Return the project of *folder*, as ``find`` does.

    Raises:
        ConfigError: if there is none.
    """
    found = find(folder, profile=profile, read_only=read_only, sql_tools=sql_tools, warn=warn)
    if found is None:
        raise ConfigError(
            f"There is no project in {(folder or Path()).absolute()}.",
            hint="A project has dbmcp.toml with a [project] table, or mxcp-site.yml. 'dbmcp init' makes one.",
        )
    return found


def from_file(path: str) -> Any:
    """Return the value that ``KEY=@FILE`` means: what the file holds as JSON, or its text."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise typer.BadParameter(f"{path} can't be read: {exc}") from None
    try:
        return json.loads(text)
    except ValueError:
        if path.endswith(".json"):
            raise typer.BadParameter(f"{path} is not JSON.") from None
        return text


def user_of(context: str | None) -> User:
    """Return the user that ``--user-context`` describes; nobody known where it is left out."""
    from dbmcp_core.tools.user import ANONYMOUS, User

    if context is None:
        return ANONYMOUS
    try:
        text = Path(context[1:]).read_text(encoding="utf-8") if context.startswith("@") else context
        given = json.loads(text)
        if not isinstance(given, dict):
            raise ValueError("wants an object")  # noqa: TRY004 - told like the others
        user = User.from_mapping(given)
    except (OSError, ValueError) as exc:
        raise typer.BadParameter(f"--user-context: {exc}") from None
    known = (*ANONYMOUS.as_condition(), "external_token")
    for key in given.keys() - set(known):
        note(f"--user-context: no policy sees {key!r}{nearest(key, known)}.")
    return user

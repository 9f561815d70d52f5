"""What to write into a host's configuration: ``config``."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import typer

from dbmcp_core import Config, Registry, Source
from dbmcp_core.config import FILE, load
from dbmcp_core.settings import MASK, redact
from dbmcp_server.cli.output import note, write
from dbmcp_server.cli.project import find, require
from dbmcp_server.cli.setup import ConfigFile, configured

__all__ = ["config"]

_URL = "DBMCP_URL"
_ENTRY_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REFERENCE = re.compile(r"(?<!\$)\$\{([A-Za-z_]\w*)\}")
#: Seconds that a host may wait for the first start, in which uvx downloads.
_STARTUP_S = 60


class HostName(StrEnum):
    """The hosts that we know the configuration of."""

    CLAUDE_DESKTOP = "claude-desktop"
    CLAUDE_CODE = "claude-code"
    CURSOR = "cursor"
    VSCODE = "vscode"
    WINDSURF = "windsurf"
    ZED = "zed"
    CODEX = "codex"
    GEMINI = "gemini"


@dataclass(slots=True)
class _Entry:
    """How a host starts the server. ``secret`` variables have their values masked, ``plain`` ones as they are."""

    name: str
    command: str
    args: list[str] = field(default_factory=list)
    sources: int = 0
    plain: dict[str, str] = field(default_factory=dict)
    secret: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Host:
    """One host: where its file is, what the entry looks like in it, and how a secret gets there."""

    where: str
    render: Callable[[_Entry], str]
    secrets: str


def config(
    host: Annotated[HostName, typer.Argument(help="The program that the assistant lives in.")],
    *,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", "-s", metavar="SOURCE|DIR", help="What to serve, or a project's folder; repeat it."),
    ] = None,
    name: Annotated[str, typer.Option(help="What the host calls the server.")] = "dbmcp",
    absolute: Annotated[
        bool,
        typer.Option("--absolute", help="Start this installation by its path, in place of uvx, which a host may miss."),
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Print what to write into a host's configuration.

    On stdout the entry that makes it start this server, on stderr where that belongs. A secret is never printed: the
    host takes it from the environment, asks for it, or you fill it in.
    """
    if not _ENTRY_NAME.fullmatch(name):
        raise typer.BadParameter("--name wants letters, digits, '_' and '-'.")
    folder = _folder(source or [], config)
    if folder is not None:
        entry = _project_entry(name, folder, absolute=absolute)
    else:
        entry = _entry(name, source or [], config, absolute=absolute)
    known = _HOSTS[host]
    write(known.render(entry))
    note(f"This belongs in {known.where}.")
    if entry.secret:
        note(known.secrets.format(names=", ".join(entry.secret)))
    if not entry.sources:
        note("It names no source; add one with --source.")


# What to start


def _folder(named: Sequence[str], file: Path | None) -> Path | None:
    """Return the project's folder that is meant: the one that is named or, without any name, this one."""
    if len(named) == 1 and Path(named[0]).is_dir():
        return Path(named[0])
    found = find(Path(), warn=False) if not named and file is None else None
    return found.project.folder if found is not None else None


def _project_entry(name: str, folder: Path, *, absolute: bool) -> _Entry:
    """Return what serves the project in *folder*: its own file names the sources."""
    found = require(folder, warn=False)
    files = dict.fromkeys([found.project.origin.absolute(), (found.project.folder / FILE).absolute()])
    texts = [path.read_text(encoding="utf-8") for path in files if path.is_file()]
    secret = dict.fromkeys(_REFERENCE.findall("\n".join(texts)), MASK)
    entry = _Entry(name, "", sources=len(found.project.sources), secret=secret)
    packages = _packages(found.registry, Config(tuple(found.project.sources)))
    return _start(entry, [str(found.project.folder.absolute())], packages, absolute=absolute)


def _entry(name: str, named: Sequence[str], file: Path | None, *, absolute: bool) -> _Entry:
    registry, found = configured(named, file)
    entry = _Entry(name, "", sources=len(found.sources))
    args, from_file = [], file is not None or (not named and Path(FILE).is_file())
    for text, one in zip(named or [one.name for one in found.sources], found.sources, strict=True):
        if one.origin == "command line":
            args.append(_given(registry, entry, text, one))
        elif one.origin == "environment":
            _add_variables(entry, one)
            args.append(one.name)
        else:
            from_file = True
            args.append(one.name)
    if not named or (len(args) == len(entry.secret) == 1 and _URL in entry.secret):
        args = []  # all that is configured
    if from_file:
        path = (file or Path(FILE)).absolute()
        args += ["--config", str(path)]
        entry.secret |= dict.fromkeys(_REFERENCE.findall(path.read_text(encoding="utf-8")), MASK)
    return _start(entry, args, _packages(registry, found), absolute=absolute)


def _start(entry: _Entry, args: list[str], packages: Sequence[str], *, absolute: bool) -> _Entry:
    """Return *entry* with the command that serves what *args* say."""
    if absolute:
        entry.command, entry.args = sys.executable, ["-m", "dbmcp_server", "serve", *args]
    else:
        entry.command, entry.args = "uvx", [*(f"--with={one}" for one in packages), "dbmcp-server", *args]
    return entry


def _given(registry: Registry, entry: _Entry, text: str, one: Source) -> str:
    """Return what names a source of the command line; one with a secret goes into a variable."""
    secrets = one.settings.secrets()
    if not secrets and redact(text) == text:
        return _absolute(text)
    if _URL in entry.secret or _URL in os.environ:
        raise typer.BadParameter(
            f"Only one URL with a secret fits into {_URL}. Write the sources into {FILE}, secrets as ${{NAME}},"
            " and take --config."
        )
    url = text if urlsplit(text).scheme and "=" not in text.split(":", 1)[0] else text.partition("=")[2]
    masked = redact(url, [*secrets, *map(quote, secrets)])
    entry.secret[_URL] = masked if masked != url else MASK
    return load(registry, environment={_URL: url}).sources[-1].name


def _absolute(text: str) -> str:
    """Return a source with a whole path where it is a file's: a host starts the server wherever it likes."""
    name, equals, rest = text.partition("=")
    if Path(text).exists():
        return str(Path(text).absolute())
    if equals and Path(rest).exists():
        return f"{name}={Path(rest).absolute()}"
    if match := re.fullmatch(r"((?:[\w.-]+=)?sqlite3?:)(?:///)?([^/?:][^?]*)(\?.*)?", text):
        return f"{match[1]}///{Path(match[2]).absolute().as_posix()}{match[3] or ''}"
    return text


def _add_variables(entry: _Entry, one: Source) -> None:
    """Add the variables of the environment that make this source."""
    prefix = f"MCP_{one.name.upper()}_"
    secrets = one.settings.secrets()
    for variable, value in os.environ.items():
        if variable == _URL or variable.startswith(prefix):
            shown = redact(value, secrets)
            (entry.plain if shown == value else entry.secret)[variable] = shown


def _packages(registry: Registry, found: Config) -> list[str]:
    """Return the plugins beyond the core's that these sources need."""
    engines = {one.engine.name for one in found.sources}
    needed = {plugin.distribution for plugin in registry.plugins() if engines & set(plugin.engines)}
    return sorted(needed - {"dbmcp-core"})


# How each host wants it


def _server(entry: _Entry, placeholder: str | None, **more: Any) -> dict[str, Any]:
    """Return the entry as most hosts have it; ``{}`` in *placeholder* is where a variable's name goes."""
    secret = {
        variable: placeholder.replace("{}", variable) if placeholder else masked
        for variable, masked in entry.secret.items()
    }
    found = {**more, "command": entry.command, "args": entry.args}
    return {**found, "env": env} if (env := {**entry.plain, **secret}) else found


def _under(key: str, placeholder: str | None = None, **more: Any) -> Callable[[_Entry], str]:
    return lambda entry: _json({key: {entry.name: _server(entry, placeholder, **more)}})


def _vscode(entry: _Entry) -> str:
    inputs = [
        {"type": "promptString", "id": variable, "description": f"{variable} for {entry.name}", "password": True}
        for variable in entry.secret
    ]
    servers = {"servers": {entry.name: _server(entry, "${input:{}}", type="stdio")}}
    return _json({"inputs": inputs, **servers} if inputs else servers)


def _codex(entry: _Entry) -> str:
    lines = [
        f"[mcp_servers.{entry.name}]",
        f"command = {_toml(entry.command)}",
        f"args = [{', '.join(map(_toml, entry.args))}]",
    ]
    if entry.secret:
        lines.append(f"env_vars = [{', '.join(map(_toml, entry.secret))}]")
    lines.append(f"startup_timeout_sec = {_STARTUP_S}")
    if entry.plain:
        lines += ["", f"[mcp_servers.{entry.name}.env]", *(f"{key} = {_toml(v)}" for key, v in entry.plain.items())]
    return "\n".join([*lines, ""])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _claude_desktop() -> str:
    name = "claude_desktop_config.json"
    if sys.platform == "darwin":
        return f"~/Library/Application Support/Claude/{name}; restart Claude then"
    folder = r"%APPDATA%\Claude" if sys.platform == "win32" else "~/.config/Claude"
    return f"{folder}{os.sep}{name}; restart Claude then"


_FILL_IN = "This file holds secrets as they are. Fill in what is masked, or left as ***: {names}."
_FROM_ENVIRONMENT = "It takes {names} from the environment that the host itself was started in."

_HOSTS = {
    HostName.CLAUDE_DESKTOP: _Host(_claude_desktop(), _under("mcpServers"), _FILL_IN),
    HostName.CLAUDE_CODE: _Host(
        ".mcp.json of the project, or ~/.claude.json; 'claude mcp add-json NAME ENTRY' writes it",
        _under("mcpServers", "${{}}", type="stdio"),
        _FROM_ENVIRONMENT,
    ),
    HostName.CURSOR: _Host(
        "~/.cursor/mcp.json, or .cursor/mcp.json of the project", _under("mcpServers", "${env:{}}"), _FROM_ENVIRONMENT
    ),
    HostName.VSCODE: _Host(
        ".vscode/mcp.json of the project, or mcp.json of the profile (MCP: Open User Configuration)",
        _vscode,
        "VS Code asks for {names} once, and keeps it safe.",
    ),
    HostName.WINDSURF: _Host(
        "~/.codeium/windsurf/mcp_config.json", _under("mcpServers", "${env:{}}"), _FROM_ENVIRONMENT
    ),
    HostName.ZED: _Host("Zed's settings.json (zed: open settings)", _under("context_servers"), _FILL_IN),
    HostName.CODEX: _Host("~/.codex/config.toml", _codex, _FROM_ENVIRONMENT),
    HostName.GEMINI: _Host(
        "~/.gemini/settings.json, or .gemini/settings.json of the project",
        _under("mcpServers", "${{}}"),
        _FROM_ENVIRONMENT,
    ),
}

"""What there is and how it is: ``sources``, ``doctor``, ``plugins``."""

from __future__ import annotations

import dataclasses
import platform
import sys
import time
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

from dbmcp_core import ConfigError, DbmcpError, Executor, Lock, PluginInfo, Registry, Source, UnknownSource
from dbmcp_core.settings import MASK, Secret, Settings, redact
from dbmcp_server.cli.failure import FAILED, MISCONFIGURED
from dbmcp_server.cli.output import note, table, write, write_json
from dbmcp_server.cli.setup import DOOR, AsJson, ConfigFile, configured, executor, interruptible

__all__ = ["doctor", "plugins", "sources"]

_PACKAGES = ("dbmcp-server", "dbmcp-core", "mcp", "sqlglot")


def sources(*, json: AsJson = False, config: ConfigFile = None) -> None:
    """Print what is configured, and where; secrets are masked."""
    _, found = configured(file=config)
    if json:
        write_json({"sources": [_source_as_json(one) for one in found.sources]})
    elif found.sources:
        rows = [
            (one.name, one.engine.name, "read" if one.settings.read_only else "read, write", one.origin, _told(one))
            for one in found.sources
        ]
        table(["source", "engine", "access", "configured in", "settings"], rows)
    else:
        note("Nothing is configured: name a source on the command line, in dbmcp.toml, or in DBMCP_URL.")


def plugins(*, json: AsJson = False) -> None:
    """Print the plugins, and why a broken one is left out."""
    registry = Registry()
    found = registry.load_all()
    if json:
        write_json({"plugins": [_plugin_as_json(one, registry) for one in found]})
    else:
        rows = [
            (one.name, one.distribution, _version_of(one), ", ".join(_schemes(one, registry)), one.error or "")
            for one in found
        ]
        table(["plugin", "distribution", "version", "URLs", "broken"], rows)


def doctor(
    names: Annotated[list[str] | None, typer.Argument(metavar="SOURCE", help="What to look at; left out, all.")] = None,
    *,
    json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Look at the installation, and at each source.

    Is it reached, and which layers of read-only hold? Ends with 1 if a source isn't reached, with 3 if the
    configuration or a plugin is broken. A layer that doesn't hold is a warning.
    """
    registry = Registry()
    report: dict[str, Any] = {
        "versions": _versions(),
        "plugins": [_plugin_as_json(one, registry) for one in registry.load_all()],
        "sources": [],
        "problem": None,
    }
    if not json:
        _tell_installation(report)
    try:
        registry, found = configured(names or [], config, warn=False)
    except (ConfigError, UnknownSource) as exc:
        report["problem"] = _error_as_json(exc)
        if not json:
            write(f"\nconfiguration\n  BROKEN  {exc} ({exc.code})\n")
    else:
        with executor(registry, found, found.sources, file=config) as one:
            for source in found.sources:
                checked = interruptible(partial(_check, one, source))
                report["sources"].append(checked)
                if not json:
                    _tell_source(checked)
    if json:
        write_json(report)
    if report["problem"] or any(plugin["error"] for plugin in report["plugins"]):
        raise typer.Exit(MISCONFIGURED)
    if not all(source["reachable"] for source in report["sources"]):
        raise typer.Exit(FAILED)


def _check(executor: Executor, source: Source) -> dict[str, Any]:
    found = {
        **_source_as_json(source),
        "reachable": False,
        "elapsed_ms": None,
        "error": None,
        "locks": [],
        "warnings": [],
    }
    started = time.perf_counter()
    try:
        executor.ping(source.name, door=DOOR)
        found["elapsed_ms"] = round((time.perf_counter() - started) * 1_000, 1)
        locks = executor.locks(source.name, door=DOOR)
    except DbmcpError as exc:
        return {**found, "error": _error_as_json(exc)}
    return {
        **found,
        "reachable": True,
        "locks": [dataclasses.asdict(lock) for lock in locks],
        "warnings": [warning for lock in locks if (warning := _warning(source, lock))],
    }


def _warning(source: Source, lock: Lock) -> str | None:
    """Return what to think of a lock that doesn't hold. Where writing is allowed, that is no fault."""
    if lock.holds or not source.settings.read_only:
        return None
    return f"{lock.name} doesn't hold: {lock.detail}"


def _tell_installation(report: dict[str, Any]) -> None:
    write("versions\n" + "".join(f"  {name:<13} {value}\n" for name, value in report["versions"].items()))
    write("\nplugins\n")
    for plugin in report["plugins"]:
        what = f"BROKEN  {plugin['error']}" if plugin["error"] else ", ".join(plugin["engines"]) or "no engine"
        write(f"  {plugin['name']:<13} {plugin['distribution']} {plugin['version']}: {what}\n")
    sys.stdout.flush()


def _tell_source(found: dict[str, Any]) -> None:
    access = "read-only" if found["read_only"] else "may be written to"
    write(f"\nsource {found['name']} ({found['engine']}, {access}, from {found['origin'] or '?'})\n")
    if found["reachable"]:
        write(f"  reached in {found['elapsed_ms']:g} ms\n")
    else:
        error = found["error"]
        write(f"  NOT REACHED  {' '.join(filter(None, [error['message'], error['hint']]))} ({error['code']})\n")
    for lock in found["locks"]:
        write(f"  {'holds' if lock['holds'] else 'OPEN':<6} {lock['name']}: {lock['detail']}\n")
    for warning in found["warnings"]:
        write(f"  WARNING  {warning}\n")
    sys.stdout.flush()


def _versions() -> dict[str, str]:
    import sqlite3

    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return {**found, "platform": platform.platform(), "executable": sys.executable}


def _version_of(plugin: PluginInfo) -> str:
    """Return the version of a plugin; what the core brings has the core's."""
    try:
        return plugin.version or version(plugin.distribution)
    except PackageNotFoundError:
        return ""


def _schemes(plugin: PluginInfo, registry: Registry) -> list[str]:
    engines = {engine.name: engine for engine in registry.engines()}
    return [f"{name}:" for own in plugin.engines for name in (own, *engines[own].aliases)]


def _plugin_as_json(plugin: PluginInfo, registry: Registry) -> dict[str, Any]:
    return {**dataclasses.asdict(plugin), "version": _version_of(plugin), "schemes": _schemes(plugin, registry)}


def _source_as_json(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "engine": source.engine.name,
        "origin": source.origin,
        "read_only": source.settings.read_only,
        "settings": {name: _masked(value, source.settings) for name, value in vars(source.settings).items()},
    }


def _masked(value: object, settings: Settings) -> object:
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, str):
        return redact(value, settings.secrets())
    return list(value) if isinstance(value, tuple) else value


def _told(source: Source) -> str:
    """Return the settings that are not at their defaults, but for those that have a column of their own."""
    told = []
    for field in dataclasses.fields(source.settings):
        value = getattr(source.settings, field.name)
        if field.name != "read_only" and value != field.default:
            told.append(f"{field.name}={_masked(value, source.settings)}")
    return " ".join(told)


def _error_as_json(exc: DbmcpError) -> dict[str, Any]:
    return {"code": exc.code, "message": exc.message, "hint": exc.hint}

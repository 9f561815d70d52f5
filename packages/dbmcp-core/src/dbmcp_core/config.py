"""Which sources there are. In order of strength: command line, environment, ``dbmcp.toml``.

A source is a URL (``sqlite:///shop.db``) or a table of settings::

    [sources]
    shop = "sqlite:///shop.db"

    [sources.crm]
    engine = "sqlite"
    filename = "${CRM_FILE}"
    read_only = false

``MCP_<ENGINE>_<SETTING>`` variables make one source named like the engine; ``DBMCP_URL`` makes one from a URL. The
variables of a database's own tools fill in what is left out there. Alone they make a source where they hold all that
it can't do without, and nothing else names one of that engine.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from dbmcp_core.database import Engine
from dbmcp_core.errors import ConfigError, PluginError, UnknownSource
from dbmcp_core.registry import Registry
from dbmcp_core.secrets import expand
from dbmcp_core.settings import Settings, nearest

__all__ = ["FILE", "Config", "Source", "load", "source"]

#: The file that is read when it stands in the working directory.
FILE = "dbmcp.toml"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TABLES = ("sources", "server", "records", "project")
_VARIABLE = re.compile(r"MCP_(?P<engine>[A-Z0-9]+)_(?P<setting>[A-Z0-9_]+)")


@dataclass(frozen=True, slots=True)
class Source:
    """One configured, named database. ``origin`` says where it was configured."""

    name: str
    engine: Engine
    settings: Settings
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """All sources, and the ``[server]``, ``[records]`` and ``[project]`` tables as they stand in the file.

    ``project`` is None where there is no such table.
    """

    sources: tuple[Source, ...] = ()
    server: Mapping[str, Any] = field(default_factory=dict)
    records: Mapping[str, Any] = field(default_factory=dict)
    project: Mapping[str, Any] | None = None


def load(
    registry: Registry,
    *,
    named: Sequence[str] = (),
    file: Path | None = None,
    environment: Mapping[str, str],
) -> Config:
    """Put the configuration together.

    Args:
        registry: Where engines and secrets come from.
        named: Sources from the command line: URLs, ``NAME=URL``, paths of SQLite files, or names of configured ones.
            Where there are any, they are the only ones.
        file: The configuration file; left out, ``dbmcp.toml`` of the working directory if it is there.
        environment: The environment variables.

    Raises:
        ConfigError: for whatever is wrong, before anything is opened.
        UnknownSource: for a name that is neither configured nor a URL nor a file.
    """
    path = file or (Path(FILE) if Path(FILE).is_file() else None)
    tables = _read(path) if path is not None else {}
    found = _from_tables(registry, tables.get("sources", {}), path, environment) if path is not None else {}
    found |= _from_environment(registry, environment)
    found |= _from_others_variables(registry, environment, found, named)
    if named:
        chosen = [_from_command_line(registry, text, found) for text in named]
        if len({one.name for one in chosen}) < len(chosen):
            raise ConfigError("Two sources have one name.", hint="Name them: NAME=URL.")
        found = {one.name: one for one in chosen}
    rest = {name: _expand(registry, tables.get(name, {}), environment, str(path)) for name in ("server", "records")}
    project = _expand(registry, tables["project"], environment, str(path)) if "project" in tables else None
    return Config(tuple(found.values()), rest["server"], rest["records"], project)


def source(
    registry: Registry,
    name: str,
    spec: str | Mapping[str, object],
    *,
    origin: str = "",
    folder: Path | None = None,
) -> Source:
    """Return the source that *spec* describes: a URL, or a table of settings with ``url`` or ``engine`` in it.

    Raises:
        ConfigError: naming what is wrong; no secret shows.
    """
    where = f"{origin or 'source'} {name!r}"
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} can't name a source.",
            hint="Use up to 64 letters, digits, '_', '-' or '.', a letter or digit first.",
        )
    table: dict[str, object] = {"url": spec} if isinstance(spec, str) else dict(spec)
    url, kind = table.pop("url", None), table.pop("engine", table.pop("type", None))
    if url is not None:
        engine, parts = _split(registry, url, where)
        table = {**_url_settings(engine, parts, where), **table}
        if kind is not None and _engine(registry, str(kind), where) is not engine:
            raise ConfigError(f"{where}: engine {kind!r} and the URL's scheme {parts.scheme!r} differ.")
    elif kind is not None:
        engine = _engine(registry, str(kind), where)
    else:
        raise ConfigError(f"{where}: neither 'url' nor 'engine' is set.")
    settings = engine.settings.build(table, where=where)
    return Source(name, engine, settings.relative_to(folder) if folder is not None else settings, origin)


def _read(path: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as exc:
        raise ConfigError(f"{path} can't be read: {exc.strerror}.") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} is not valid TOML: {exc}.") from exc
    for key, value in tables.items():
        if key not in _TABLES:
            raise ConfigError(f"{path}: unknown table {key!r}{nearest(key, _TABLES)}.")
        if not isinstance(value, dict):
            raise ConfigError(f"{path}: {key!r} wants a table: [{key}].")
    return tables


def _from_tables(
    registry: Registry, tables: Mapping[str, Any], path: Path, environment: Mapping[str, str]
) -> dict[str, Source]:
    found = {}
    for name, spec in tables.items():
        if not isinstance(spec, (str, dict)):
            raise ConfigError(f"{path}: source {name!r} wants a URL or a table of settings.")
        spec = _expand(registry, spec, environment, f"{path} {name!r}")
        found[name] = source(registry, name, spec, origin=path.name, folder=path.absolute().parent)
    return found


def _from_environment(registry: Registry, environment: Mapping[str, str]) -> dict[str, Source]:
    tables: dict[str, dict[str, object]] = {}
    for variable, value in environment.items():
        if match := _VARIABLE.fullmatch(variable):
            tables.setdefault(match["engine"].lower(), {})[match["setting"]] = value
    found = {}
    for name, table in sorted(tables.items()):
        try:
            engine = registry.engine(name)
        except PluginError:  # MCP_TOOL_TIMEOUT and its like belong to other programs
            continue
        table = engine.settings.from_variables(table, environment)
        found[name] = source(registry, name, {"engine": name, **table}, origin="environment")
    if url := environment.get("DBMCP_URL"):
        one = _unnamed(registry, url, "environment")
        found[one.name] = one
    return found


def _from_others_variables(
    registry: Registry, environment: Mapping[str, str], found: Mapping[str, Source], named: Sequence[str]
) -> dict[str, Source]:
    """Return the sources that the variables of the databases' own tools make, of engines that have none in *found*."""
    registry.load_all()
    taken = {one.engine.name for one in found.values()}
    made = {}
    for engine in registry.engines():
        name, settings = engine.name, engine.settings
        if name in taken or (named and name not in named):
            continue
        table = settings.from_variables({}, environment)
        if table and set(settings.required()) <= table.keys():
            made[name] = source(registry, name, {"engine": name, **table}, origin="environment")
    return made


def _from_command_line(registry: Registry, text: str, configured: Mapping[str, Source]) -> Source:
    if text in configured:
        return configured[text]
    name, equals, url = text.partition("=")
    if equals and _NAME.fullmatch(name) and (":" in url or Path(url).exists()):
        return source(registry, name, _as_url(url), origin="command line")
    if "://" in text or text.startswith("sqlite:") or Path(text).exists():
        return _unnamed(registry, _as_url(text), "command line")
    hint = f"It is no URL and no file{nearest(text, configured) or '; none is configured'}."
    raise UnknownSource(f"There is no source {text!r}.", hint=hint)


def _as_url(text: str) -> str:
    return text if ":" in text and not Path(text).exists() else f"sqlite:///{text}"


def _unnamed(registry: Registry, url: str, origin: str) -> Source:
    """Return the source of *url*, named after the database that it leads to."""
    _, parts = _split(registry, url, origin)
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(parts.path).stem).strip("-._")[:64]
    return source(registry, stem or parts.scheme, url, origin=origin)


def _expand(registry: Registry, value: Any, environment: Mapping[str, str], where: str) -> Any:
    return expand(
        value, environment, lambda scheme, name: registry.hook.dbmcp_secrets(scheme=scheme, reference=name), where=where
    )


def _split(registry: Registry, url: object, where: str) -> tuple[Engine, SplitResult]:
    """Return the parts of *url*, and the engine that its scheme names; its hosts have ports that are numbers."""
    if not isinstance(url, str):
        raise ConfigError(f"{where}: a URL begins with its engine, as in sqlite:///shop.db.")
    with _readable(where):
        parts = urlsplit(url)
    if not parts.scheme:
        raise ConfigError(f"{where}: a URL begins with its engine, as in sqlite:///shop.db.")
    engine = _engine(registry, parts.scheme, where)
    place = parts.netloc.rpartition("@")[2]
    with _readable(where):
        for host in place.split(",") if engine.has_many_hosts else [place]:
            _ = urlsplit(f"//{host}").port
    return engine, parts


@contextmanager
def _readable(where: str) -> Iterator[None]:
    """Tell of a URL that can't be split, without its text: that may hold a part of a password that isn't escaped."""
    try:
        yield
    except ValueError:
        hint = "In account and password, write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23; settings follow a '?'."
        raise ConfigError(f"{where}: the URL can't be read: it has no valid host and port.", hint=hint) from None


def _url_settings(engine: Engine, parts: SplitResult, where: str) -> dict[str, object]:
    try:
        return engine.settings_from_url(parts)
    except ValueError as exc:
        raise ConfigError(f"{where}: {exc}.") from None


def _engine(registry: Registry, name: str, where: str) -> Engine:
    try:
        return registry.engine(name.partition("+")[0])
    except PluginError as exc:
        raise ConfigError(f"{where}: {exc.message}", hint=exc.hint) from exc

"""Opening a database in its process: extensions, secrets and plugins first, then the locks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from dbmcp_duckdb.adhoc import Held, builtin
from dbmcp_duckdb.functions import Functions, load_plugins

__all__ = ["Opened", "opened"]


@dataclass(frozen=True)
class Opened:
    """An open database. ``problems`` says of each extension, secret and plugin what is wrong with it."""

    root: duckdb.DuckDBPyConnection
    functions: Functions
    #: Holds clients' statements to a list, where files and the network are in reach.
    held: Held | None
    problems: dict[str, str]


def opened(config: dict[str, Any]) -> Opened:
    """Return the database that *config* describes."""
    path, read_only = config["path"], config["read_only"]
    options = {**config["options"], "temp_directory": f"{config['temporary']}{os.sep}swap"}
    if config["create"]:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        duckdb.connect(path, config=options).close()
    root = duckdb.connect(path, read_only=read_only, config=options)
    functions = Functions(has_caller=config["caller"])
    problems: dict[str, str] = {}
    official = [one for one in config["extensions"] if not one[1]]
    _load(root, official, problems, install=config["install"])
    held = Held(builtin(root)) if config["external"] else None  # what others made isn't known to stay inside
    _load(root, [one for one in config["extensions"] if one[1]], problems, install=config["install"])
    for name, kind, parameters in config["secrets"]:
        _make_secret(root, name, kind, parameters, problems)
    if config["plugins"]:
        found = load_plugins(functions, root, config["plugins"], config["plugin_path"])
        problems.update({f"plugin {name}": what for name, what in found.items()})
    if config["folder"]:
        root.execute(f"SET allowed_directories = [{_literal(config['folder'] + '/')}]")
    if not config["external"]:
        root.execute("SET enable_external_access = false")
    root.execute("SET lock_configuration = true")
    return Opened(root, functions, held, problems)


def _load(
    root: duckdb.DuckDBPyConnection, extensions: list[tuple[str, str]], problems: dict[str, str], *, install: bool
) -> None:
    for name, repository in extensions:
        quoted = f'"{name}"'
        try:
            try:
                root.execute(f"LOAD {quoted}")
            except duckdb.Error:
                if not install:
                    raise
                source = f" FROM {_literal(repository) if '/' in repository else repository}" if repository else ""
                root.execute(f"INSTALL {quoted}{source}")
                root.execute(f"LOAD {quoted}")
        except duckdb.Error as exc:
            problems[f"extension {name}"] = str(exc).splitlines()[0]


def _make_secret(
    root: duckdb.DuckDBPyConnection, name: str, kind: str, parameters: Mapping[str, Any], problems: dict[str, str]
) -> None:
    """Make one secret; a type that DuckDB doesn't know is somebody else's."""
    parts = [f"TYPE {kind}", *(f"{key} {_value(value)}" for key, value in parameters.items() if value is not None)]
    quoted = '"' + name.replace('"', '""') + '"'
    try:
        root.execute(f"CREATE OR REPLACE TEMPORARY SECRET {quoted} ({', '.join(parts)})")
    except duckdb.Error as exc:
        if "not found" not in str(exc) or "Secret type" not in str(exc):
            # The message may quote the statement, and its values.
            problems[f"secret {name}"] = f"{type(exc).__name__}: a secret of type {kind!r} can't be made"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_literal(str(key))}: {_literal(_text(part))}" for key, part in value.items())
        return f"MAP {{{pairs}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_literal(_text(part)) for part in value)}]"
    return _literal(_text(value))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

"""What a project was when somebody last looked: its tables and definitions, and how they have changed since.

The snapshot's form is version 1 of MXCP's, whose files can be compared with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dbmcp_core.errors import ConfigError
from dbmcp_core.executor import Executor
from dbmcp_core.tools import documents, expectations
from dbmcp_core.tools.project import Project
from dbmcp_core.tools.toolbox import Toolbox

__all__ = ["Change", "compare", "load", "snapshot", "told"]

VERSION = 1


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: what (a table, a column, a definition), its name, and how it changed."""

    what: str
    name: str
    how: str
    detail: str = ""


def snapshot(project: Project, toolbox: Toolbox, executor: Executor) -> dict[str, Any]:
    """Return what the project is now: the tables of its own source, its definitions, and whether their tests pass."""
    return {
        "version": VERSION,
        "generated_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "tables": _tables(project, executor),
        "resources": [*_definitions(project, toolbox), *_broken(project)],
    }


def _tables(project: Project, executor: Executor) -> list[dict[str, Any]]:
    if project.config.connection is None:
        return []
    schema = executor.schema(project.config.connection, door="drift")
    return [
        {"name": str(one.name), "columns": [{"name": column.name, "type": column.type} for column in one.columns]}
        for one in sorted(schema.tables, key=lambda table: str(table.name))
    ]


def _definitions(project: Project, toolbox: Toolbox) -> Iterable[dict[str, Any]]:
    for one in project.definitions:
        tests = list(expectations.run(toolbox, kind=one.definition.kind, key=one.definition.key))
        status = "ok" if all(test.status == "passed" for test in tests) else "error"
        yield {
            "validation_results": {"status": "ok", "path": _path(project, one.document.path)},
            "test_results": {
                "status": status,
                "tests_run": len(tests),
                "message": None if tests else "No tests defined",
            },
            "definition": {"mxcp": 1, one.definition.kind: _part(one.document.value, one.route)},
        }


def _broken(project: Project) -> Iterable[dict[str, Any]]:
    for path in sorted({problem.place.path for problem in project.errors}):
        told = "; ".join(problem.message for problem in project.errors if problem.place.path == path)
        yield {
            "validation_results": {"status": "error", "path": _path(project, path), "message": told},
            "test_results": None,
            "definition": None,
        }


def _path(project: Project, path: Path) -> str:
    folder = project.config.folder
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _part(value: Any, route: documents.Route) -> Any:
    for step in route:
        value = value[step]
    return value


def load(path: Path) -> dict[str, Any]:
    """Return the snapshot in the file at *path*.

    Raises:
        ConfigError: if there is none, or it is of another version.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no snapshot {path}.", hint="Make one: dbmcp drift snapshot.") from None
    except (OSError, ValueError) as exc:
        raise ConfigError(f"The snapshot {path} can't be read: {exc}.") from exc
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise ConfigError(f"The snapshot {path} is not one of version {VERSION}.")
    return found


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Return how *now* differs from *before*."""
    old = {table["name"]: _columns(table) for table in before.get("tables", ())}
    new = {table["name"]: _columns(table) for table in now.get("tables", ())}
    changes = [
        Change("table", name, how, detail)
        for name, how, detail in _differences(old, new, lambda one, two: _columns_told(one, two))
    ]
    old_definitions, new_definitions = _by_name(before), _by_name(now)
    return changes + [
        Change(name.partition(":")[0], name.partition(":")[2], how, detail)
        for name, how, detail in _differences(old_definitions, new_definitions, _definition_told)
    ]


def _columns(table: Mapping[str, Any]) -> dict[str, str]:
    return {column["name"]: column["type"] for column in table.get("columns", ())}


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], told: Any) -> Iterable[tuple[str, str, str]]:
    for name in sorted({*old, *new}):
        if name not in new:
            yield name, "removed", ""
        elif name not in old:
            yield name, "added", ""
        elif old[name] != new[name]:
            yield name, "modified", told(old[name], new[name])


def _columns_told(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    parts = [f"{name} was removed" for name in old if name not in new]
    parts += [f"{name} {new[name]} was added" for name in new if name not in old]
    parts += [f"{name} was {old[name]}, is {new[name]}" for name in old if name in new and old[name] != new[name]]
    return ", ".join(parts) or "the order of the columns"


def _definition_told(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    one, two = old.get("definition") or {}, new.get("definition") or {}
    keys = sorted(key for key in {*one, *two} if one.get(key) != two.get(key))
    parts = [", ".join(keys)] if keys else []
    parts += [key.partition("_")[0] for key in ("validation_results", "test_results") if old.get(key) != new.get(key)]
    return ", ".join(parts)


def _by_name(snapshot: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for one in snapshot.get("resources", ()):
        definition = one.get("definition") or {}
        kind = next((kind for kind in ("tool", "resource", "prompt") if kind in definition), None)
        inner = definition.get(kind) if kind else None
        name = f"{kind}:{inner.get('name') or inner.get('uri')}" if inner else f"file:{_of(one)['path']}"
        found[name] = {
            "definition": inner,
            "validation_results": _of(one)["status"],
            "test_results": (one.get("test_results") or {}).get("status"),
        }
    return found


def _of(one: Mapping[str, Any]) -> Mapping[str, Any]:
    return one.get("validation_results") or {"status": None, "path": "?"}


def told(changes: Sequence[Change]) -> list[dict[str, str]]:
    """Return *changes* ready for JSON."""
    return [asdict(change) for change in changes]

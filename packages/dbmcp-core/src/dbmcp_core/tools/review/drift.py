"""What a project was when somebody last looked: its tables and definitions, as a file that a later look compares with.

The snapshot's form is version 1 of MXCP's, whose files can be compared with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dbmcp_core.errors import ConfigError
from dbmcp_core.executor import Executor
from dbmcp_core.tools.files.checks import source_of
from dbmcp_core.tools.files.definitions import Loaded
from dbmcp_core.tools.files.validating import validated
from dbmcp_core.tools.model import Definition
from dbmcp_core.tools.project import Project
from dbmcp_core.tools.review import expectations
from dbmcp_core.tools.toolbox import Toolbox

__all__ = ["VERSION", "digest", "load", "now_utc", "snapshot"]

VERSION = 1


def snapshot(toolbox: Toolbox, executor: Executor) -> dict[str, Any]:
    """Return what the project of *toolbox* is now: its tables, its definitions, whether they are right and tested."""
    project = validated(toolbox.project.config, executor)
    return {
        "version": VERSION,
        "generated_at": now_utc(),
        "tables": [*_tables(project, executor)],
        "resources": [*_definitions(project, toolbox), *_broken(project)],
    }


def now_utc() -> str:
    """Return the time, as snapshots have it."""
    return datetime.now(UTC).isoformat()


def digest(taken: Mapping[str, Any]) -> str:
    """Return a hash of what a snapshot holds: two of the same project have the same, whenever they were taken."""
    held = {
        "tables": taken["tables"],
        "resources": [
            {**one, "test_results": (one.get("test_results") or {}).get("status")} for one in taken["resources"]
        ],
    }
    text = json.dumps(held, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _tables(project: Project, executor: Executor) -> Iterator[dict[str, Any]]:
    """Yield the tables of the project's own source, and those of others that definitions run on, by their names."""
    own = project.config.connection
    found = (source_of(one, project.config) for one in project.definitions)
    others = {source.name for source in found if source is not None and source.name != own}
    for name in [*([own] if own is not None else []), *sorted(others)]:
        prefix = "" if name == own else f"{name}."
        schema = executor.schema(name, door="drift")
        for table in sorted(schema.tables, key=lambda table: str(table.name)):
            # What MXCP knows of a database is its main schema.
            if table.name.schema is None or not project.config.uses_mxcp:
                columns = [{"name": column.name, "type": column.type} for column in table.columns]
                yield {"name": f"{prefix}{table.name}", "columns": columns}


def _definitions(project: Project, toolbox: Toolbox) -> Iterable[dict[str, Any]]:
    for one in project.definitions:
        definition = one.definition
        told = [problem.message for problem in project.errors if problem.subject == one.subject]
        yield {
            "validation_results": _validation(_path(project, one.document.path), told),
            "test_results": _tests(one, toolbox),
            "definition": {"mxcp": 1, definition.kind: _plain(definition)},
        }


def _validation(path: str, told: list[str]) -> dict[str, Any]:
    return {"status": "error", "path": path, "message": "; ".join(told)} if told else {"status": "ok", "path": path}


def _tests(one: Loaded, toolbox: Toolbox) -> dict[str, Any]:
    kind, key = one.definition.kind, one.definition.key
    runs = toolbox.project.find(kind, key) is not None
    results = list(expectations.run(toolbox, kind=kind, key=key)) if runs else []
    statuses = [result.status for result in results]
    tests = [
        {"name": result.name, "status": result.status, **({"error": result.message} if result.message else {})}
        for result in results
    ]
    return {
        "status": next((bad for bad in ("error", "failed") if bad in statuses), "ok"),
        "tests_run": len(tests),
        **({"tests": tests} if tests else {"no_tests": True}),
    }


def _plain(definition: Definition) -> dict[str, Any]:
    """Return a definition as a file would have it, with what it refers to."""
    return definition.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _broken(project: Project) -> Iterable[dict[str, Any]]:
    """Yield the files of which a definition couldn't be read."""
    known = {one.subject for one in project.definitions}
    told: dict[Path, list[str]] = {}
    for problem in project.errors:
        if problem.subject not in known:
            told.setdefault(problem.place.path, []).append(problem.message)
    for path, messages in sorted(told.items()):
        yield {"validation_results": _validation(_path(project, path), messages)}


def _path(project: Project, path: Path) -> str:
    folder = project.config.folder
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


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
    if not (_has_names(found.get("tables")) and _are_objects(found.get("resources"))):
        raise ConfigError(f"The snapshot {path} has not the form of one.", hint="Make a new one: --force replaces it.")
    return found


def _has_names(tables: Any) -> bool:
    return _are_objects(tables) and all(
        isinstance(table.get("name"), str)
        and _are_objects(table.get("columns"))
        and all(isinstance(column.get("name"), str) for column in table["columns"])
        for table in tables
    )


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)

"""A project's records: ``log`` shows, filters and exports them, ``log verify`` checks their chain."""

from __future__ import annotations

import csv
import json as jsons
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from dbmcp_core import ConfigError
from dbmcp_server.cli.envelope import AsEnvelope, answer, enveloped, writing
from dbmcp_server.cli.failure import FAILED
from dbmcp_server.cli.output import note, table
from dbmcp_server.cli.project import Profile, ProjectFolder, require

__all__ = ["log"]

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_COLUMNS = ("timestamp", "operation_type", "operation_name", "operation_status", "duration_ms", "user_id", "error")


class Action(StrEnum):
    """What to do with the records."""

    SHOW = "show"
    VERIFY = "verify"


class Status(StrEnum):
    """How a call ended."""

    SUCCESS = "success"
    ERROR = "error"


class Decision(StrEnum):
    """What the policies decided."""

    ALLOW = "allow"
    DENY = "deny"


def log(
    action: Annotated[Action, typer.Argument(help="show, or verify: check that no record was changed.")] = Action.SHOW,
    *,
    tool: Annotated[str | None, typer.Option(metavar="NAME", help="Calls of this tool.")] = None,
    resource: Annotated[str | None, typer.Option(metavar="URI", help="Reads of this resource.")] = None,
    prompt: Annotated[str | None, typer.Option(metavar="NAME", help="Calls of this prompt.")] = None,
    kind: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="tool, resource, prompt or query.")] = None,
    policy: Annotated[Decision | None, typer.Option(help="What the policies decided.")] = None,
    status: Annotated[Status | None, typer.Option(help="How the call ended.")] = None,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="10m, 2h, 3d, or a date: since then.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest N.")] = 100,
    export_csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write them as CSV.")] = None,
    export_duckdb: Annotated[Path | None, typer.Option(metavar="FILE", help="Write them into a new DuckDB.")] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="The log; left out, the project's.")] = None,
    json: AsEnvelope = False,
    project: ProjectFolder = None,
    profile: Profile = None,
) -> None:
    """Show a project's records, the newest last; filter and export them; or check the chain of their hashes."""
    with enveloped(json):
        from dbmcp_core.tools import audit

        path = file or _path(project, profile)
        if action is Action.VERIFY:
            _verify(path, json)
            return
        names = [("tool", tool), ("resource", resource), ("prompt", prompt)]
        wanted: dict[str, Any] = {"operation_type": kind, "policy_decision": policy, "operation_status": status}
        for key, name in names:
            if name is not None:
                wanted |= {"operation_type": key, "operation_name": name}
        found = list(_filtered(audit.read(path), wanted, _since(since)))
        if export_csv is not None:
            _export_csv(export_csv, found)
        if export_duckdb is not None:
            _export_duckdb(export_duckdb, found)
        if export_csv is not None or export_duckdb is not None:
            note(f"{len(found)} records were written.")
            return
        found = found[-limit:]
        if json:
            answer(found)
            return
        table(_COLUMNS, [tuple(entry.get(name) for name in _COLUMNS) for entry in found])


def _path(project: Path | None, profile: str | None) -> Path:
    path = require(project, profile=profile, warn=False).project.audit
    if path is None:
        raise ConfigError("The project keeps no records.", hint="Set 'audit' under [project], or give --file.")
    return path


def _verify(path: Path, json: bool) -> None:
    from dbmcp_core.tools import audit

    if not audit.segments(path):  # no chain, and so none that holds
        raise ConfigError(f"There are no records at {path}.", hint="The first call makes the file.")
    found = audit.verify(path)
    if json:
        facts = {"records": found.records, "last_hash": found.last_hash, "broken": found.broken}
        answer(facts, failed=found.broken is not None)
        return
    if found.broken is not None:
        note(f"The chain is broken after {found.records} records. {found.broken}.")
        raise typer.Exit(FAILED)
    note(f"{found.records} records, and the chain holds. It ends with {found.last_hash}.")


def _filtered(
    entries: Iterator[dict[str, Any]], wanted: Mapping[str, Any], since: datetime | None
) -> Iterator[dict[str, Any]]:
    fits: list[Callable[[dict[str, Any]], bool]] = [
        lambda entry, key=key, value=value: entry.get(key) == value  # type: ignore[misc]
        for key, value in wanted.items()
        if value is not None
    ]
    if since is not None:
        fits.append(lambda entry: _time(entry.get("timestamp")) >= since)
    return (entry for entry in entries if all(fit(entry) for fit in fits))


def _time(text: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    if match := re.fullmatch(r"(\d+)([smhdw])", text.strip()):
        return datetime.now(UTC) - timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--since wants 10m, 2h, 3d, or a date such as 2026-01-31, not {text!r}.") from None
    return found.astimezone(UTC)  # without a zone it is the local time of whoever asks


def _export_csv(path: Path, entries: list[dict[str, Any]]) -> None:
    with writing(path), path.open("w", encoding="utf-8", newline="") as target:
        names = list(entries[0]) if entries else list(_COLUMNS)
        writer = csv.writer(target)
        writer.writerow(names)
        for entry in entries:
            writer.writerow([_cell(entry.get(name)) for name in names])


def _cell(value: Any) -> Any:
    """Return what stands in a field: JSON for what has parts, and nothing that a spreadsheet would compute."""
    if isinstance(value, (dict, list)):
        return jsons.dumps(value, ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _export_duckdb(path: Path, entries: list[dict[str, Any]]) -> None:
    from dbmcp_core import connect

    if path.exists():
        raise typer.BadParameter(f"{path} is there already.")
    names = list(entries[0]) if entries else list(_COLUMNS)
    marks = ", ".join("?" for _ in names)
    with connect(f"duckdb:///{path}", read_only=False, create_if_not_exists=True) as target:
        target.execute(f"CREATE TABLE logs ({', '.join(f'{name} VARCHAR' for name in names)})")
        for entry in entries:
            values = [None if entry.get(name) is None else str(_text(entry[name])) for name in names]
            target.execute(f"INSERT INTO logs VALUES ({marks})", values)  # noqa: S608 - only marks are put in


def _text(value: Any) -> Any:
    return jsons.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value

"""A project's records: ``log`` shows, filters and exports them, ``verify`` checks their chain, ``cleanup`` removes."""

from __future__ import annotations

import csv
import json as jsons
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from dbmcp_core import ConfigError
from dbmcp_server.cli.envelope import AsEnvelope, answer, enveloped, writing
from dbmcp_server.cli.failure import FAILED
from dbmcp_server.cli.output import note, table, write_line
from dbmcp_server.cli.project import Profile, ProjectFolder, require
from dbmcp_server.cli.told import counted

__all__ = ["log"]

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_Fits = Callable[[dict[str, Any]], bool]
_COLUMNS = ("timestamp", "operation_type", "operation_name", "operation_status", "duration_ms", "user_id", "error")


class Action(StrEnum):
    """What to do with the records."""

    SHOW = "show"
    VERIFY = "verify"
    CLEANUP = "cleanup"


class Operation(StrEnum):
    """What was called, or done."""

    TOOL = "tool"
    RESOURCE = "resource"
    PROMPT = "prompt"
    QUERY = "query"
    CLEANUP = "cleanup"


class Status(StrEnum):
    """How a call ended."""

    SUCCESS = "success"
    ERROR = "error"


class Decision(StrEnum):
    """What the policies decided."""

    ALLOW = "allow"
    DENY = "deny"
    WARN = "warn"  # in MXCP's records
    NONE = "n/a"


def log(
    action: Annotated[
        Action,
        typer.Argument(
            help="show; verify: check that no record was changed; cleanup: remove files whose newest record is too old."
        ),
    ] = Action.SHOW,
    *,
    tool: Annotated[str | None, typer.Option(metavar="NAME", help="Calls of this tool.")] = None,
    resource: Annotated[str | None, typer.Option(metavar="URI", help="Reads of this resource.")] = None,
    prompt: Annotated[str | None, typer.Option(metavar="NAME", help="Calls of this prompt.")] = None,
    kind: Annotated[Operation | None, typer.Option("--type", help="What was called, or done.")] = None,
    policy: Annotated[Decision | None, typer.Option(help="What the policies decided.")] = None,
    status: Annotated[Status | None, typer.Option(help="How the call ended.")] = None,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="10m, 2h, 3d, or a date: since then.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest N.")] = 100,
    export_csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write them as CSV.")] = None,
    export_duckdb: Annotated[Path | None, typer.Option(metavar="FILE", help="Write them into a new DuckDB.")] = None,
    keep: Annotated[str, typer.Option(metavar="AGE", help="What cleanup keeps: 90d, 12w, 48h, …")] = "90d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what cleanup would remove.")] = False,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="The log; left out, the project's.")] = None,
    json: AsEnvelope = False,
    project: ProjectFolder = None,
    profile: Profile = None,
) -> None:
    """Show a project's records, the newest last; filter and export them; check the chain of their hashes; clean up.

    A cleanup leaves a record of what it removed, and the chain of what it kept can be verified.
    """
    with enveloped(json):
        from dbmcp_core.tools.audit import log as audit

        path = _path(project, profile) if file is None else _existing(file)
        if action is Action.VERIFY:
            _verify(path, json)
            return
        if action is Action.CLEANUP:
            _cleanup(path, keep, dry_run=dry_run, json=json)
            return
        wanted: dict[str, Any] = {"operation_type": kind, "operation_status": status}
        for key, name in (("tool", tool), ("resource", resource), ("prompt", prompt)):
            if name is not None:
                wanted |= {"operation_type": key, "operation_name": name}
        fits = [*_fits(wanted, policy), *_is_since(since)]
        found = [entry for entry in audit.read(path) if all(fit(entry) for fit in fits)]
        if export_csv is not None:
            _export_csv(export_csv, found)
        if export_duckdb is not None:
            _export_duckdb(export_duckdb, found)
        if export_csv is not None or export_duckdb is not None:
            if json:
                answer({"count": len(found)})
            else:
                note(f"{counted(len(found), 'record')} {'was' if len(found) == 1 else 'were'} written.")
            return
        found = found[-limit:]
        if json:
            answer({"count": len(found), "records": found})
            return
        table(_COLUMNS, [tuple(entry.get(name) for name in _COLUMNS) for entry in found])


def _existing(path: Path) -> Path:
    from dbmcp_core.tools.audit import log as audit

    if not audit.segments(path):  # no chain, and so none that holds
        raise ConfigError(f"There are no records at {path}.", hint="The first call makes the file.")
    return path


def _path(project: Path | None, profile: str | None) -> Path:
    path = require(project, profile=profile, warn=False).project.audit
    if path is None:
        raise ConfigError("The project keeps no records.", hint="Set 'audit' under [project], or give --file.")
    return path


def _verify(path: Path, json: bool) -> None:
    from dbmcp_core.tools.audit import log as audit

    found = audit.verify(_existing(path))
    if json:
        facts = {"records": found.records, "last_hash": found.last_hash, "broken": found.broken}
        answer({**facts, "removed": found.removed}, failed=found.broken is not None)
        return
    if found.broken is not None:
        write_line(found.broken)
        note(f"The chain is broken after {counted(found.records, 'record')}.")
        raise typer.Exit(FAILED)
    begins = f" It begins after a cleanup that removed {found.removed}." if found.removed else ""
    note(f"{counted(found.records, 'record')}, and the chain holds.{begins} It ends with {found.last_hash}.")


def _cleanup(path: Path, keep: str, *, dry_run: bool, json: bool) -> None:
    from dbmcp_core.tools.audit.retention import cleanup

    before = _ago(keep)
    if before is None:
        raise typer.BadParameter(f"--keep wants an age such as 90d, 12w or 48h, not {keep!r}.")
    with writing(path):
        found = cleanup(path, before, dry_run=dry_run)
    if json:
        status = "dry_run" if dry_run else "ok"
        answer({"status": status, "records": found.records, "files": [str(one) for one in found.files]})
        return
    for one in found.files:
        write_line(str(one))
    would = "would be" if dry_run else "was" if found.records == 1 else "were"
    note(f"{counted(found.records, 'record')} in {counted(len(found.files), 'file')} {would} removed.")


def _fits(wanted: Mapping[str, Any], policy: Decision | None) -> list[_Fits]:
    fits: list[_Fits] = [
        lambda entry, key=key, value=value: entry.get(key) == value  # type: ignore[misc]
        for key, value in wanted.items()
        if value is not None
    ]
    if policy is not None:
        decision = None if policy is Decision.NONE else policy.value
        fits.append(lambda entry: entry.get("policy_decision") == decision)
    return fits


def _is_since(text: str | None) -> list[_Fits]:
    if text is None:
        return []
    from dbmcp_core.tools.audit.retention import time_of

    since, oldest = _since(text), datetime.min.replace(tzinfo=UTC)
    return [lambda entry: (time_of(entry) or oldest) >= since]


def _ago(text: str) -> datetime | None:
    """Return when that was: ``10m`` ago."""
    match = re.fullmatch(r"(\d{1,9})([smhdw])", text.strip())
    try:
        return datetime.now(UTC) - timedelta(seconds=int(match[1]) * _UNITS[match[2]]) if match else None
    except OverflowError:  # before there were years
        return None


def _since(text: str) -> datetime:
    try:
        return _ago(text) or datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # a date without a zone is the local time of whoever asks
        raise typer.BadParameter(f"--since wants 10m, 2h, 3d, or a date such as 2026-01-31, not {text!r}.") from None


def _export_csv(path: Path, entries: list[dict[str, Any]]) -> None:
    with writing(path), path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as target:
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
        columns = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}" VARCHAR' for name in names)
        target.execute(f"CREATE TABLE logs ({columns})")
        for entry in entries:
            texts = [None if entry.get(name) is None else str(_text(entry[name])) for name in names]
            values = [text and text.encode("utf-8", "backslashreplace").decode() for text in texts]
            target.execute(f"INSERT INTO logs VALUES ({marks})", values)  # noqa: S608 - only marks are put in


def _text(value: Any) -> Any:
    return jsons.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value

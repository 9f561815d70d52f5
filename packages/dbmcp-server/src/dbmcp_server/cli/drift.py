"""What has changed since the last look: ``drift snapshot`` and ``drift check``."""

from __future__ import annotations

import json as jsons
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from dbmcp_server.cli.envelope import AsEnvelope, answer, enveloped, writing
from dbmcp_server.cli.failure import FAILED
from dbmcp_server.cli.output import Colour, note, write_line
from dbmcp_server.cli.project import Profile, ProjectFolder, ReadOnly, opened_project
from dbmcp_server.cli.told import counted

__all__ = ["drift"]


class Action(StrEnum):
    """What to do."""

    SNAPSHOT = "snapshot"
    CHECK = "check"


def drift(
    action: Annotated[Action, typer.Argument(help="snapshot: note what is there; check: compare with that.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a snapshot that is there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write no snapshot; only say what it would hold.")] = False,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The snapshot to compare with; left out, the project's.")
    ] = None,
    json: AsEnvelope = False,
    project: ProjectFolder = None,
    profile: Profile = None,
    read_only: ReadOnly = None,
) -> None:
    """Note a project's tables and definitions, or say how they differ from what was noted; exits with 1 if they do."""
    with enveloped(json):
        from dbmcp_core.tools.review import drift as drifting

        with opened_project(
            project, profile=profile, read_only=read_only, ignore_errors=True, is_recorded=False
        ) as toolbox:
            config = toolbox.project.config
            path = baseline or config.drift or config.folder / "drift" / "snapshot.json"
            if action is Action.SNAPSHOT and path.exists() and not (force or dry_run):
                raise typer.BadParameter(f"There is a snapshot {path} already; --force replaces it.")
            before = drifting.load(path) if action is Action.CHECK else None
            now = drifting.snapshot(toolbox, toolbox.executor)
        if before is None:
            _keep(path, now, dry_run=dry_run, json=json)
        else:
            _compare(path, before, now, json=json)


def _keep(path: Path, now: dict[str, Any], *, dry_run: bool, json: bool) -> None:
    from dbmcp_core.tools.review.drift import digest

    if not dry_run:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{jsons.dumps(now, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
    if json:
        answer({"path": str(path), "drift_hash": digest(now), "generated_at": now["generated_at"]})
        return
    told = f"{counted(len(now['tables']), 'table')} and {counted(len(now['resources']), 'definition')}"
    note(f"{told} {'would be' if dry_run else 'are'} noted in {path}.")


_COLOURS: dict[str, Colour] = {"added": "green", "removed": "red", "modified": "yellow"}


def _compare(path: Path, before: dict[str, Any], now: dict[str, Any], *, json: bool) -> None:
    from dbmcp_core.tools.review.drift import VERSION, now_utc
    from dbmcp_core.tools.review.drift_report import compare

    report = compare(before, now)
    if json:
        facts = {
            "version": VERSION,
            "generated_at": now_utc(),
            "baseline_snapshot_path": str(path),
            "current_snapshot_generated_at": now["generated_at"],
            "baseline_snapshot_generated_at": before.get("generated_at"),
        }
        answer(facts | report.as_dict(), failed=bool(report))
        return
    for change in report:
        write_line((f"{change.how:8}", _COLOURS[change.how]), f"  {change}")
    changes = counted(len(list(report)), "change") if report else "Nothing has changed"
    note(f"{changes} since {before.get('generated_at') or 'then'}, when {path} was written.")
    if report:
        raise typer.Exit(FAILED)

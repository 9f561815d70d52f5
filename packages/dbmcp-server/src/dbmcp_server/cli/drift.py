"""What has changed since the last look: ``drift snapshot`` and ``drift check``."""

from __future__ import annotations

import json as jsons
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dbmcp_server.cli.envelope import AsEnvelope, answer, enveloped, writing
from dbmcp_server.cli.failure import FAILED
from dbmcp_server.cli.output import note, write
from dbmcp_server.cli.project import Profile, ProjectFolder, ReadOnly, opened_project

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
        from dbmcp_core.tools import drift as drifting

        with opened_project(
            project, profile=profile, read_only=read_only, ignore_errors=True, is_recorded=False
        ) as toolbox:
            config = toolbox.project.config
            now = drifting.snapshot(toolbox.project, toolbox, toolbox.executor)
        path = baseline or config.drift or config.folder / "drift" / "snapshot.json"
        if action is Action.SNAPSHOT:
            if path.exists() and not (force or dry_run):
                raise typer.BadParameter(f"There is a snapshot {path} already; --force replaces it.")
            if not dry_run:
                with writing(path):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(f"{jsons.dumps(now, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
            told = f"{len(now['tables'])} tables, {len(now['resources'])} definitions"
            if json:
                answer({"path": str(path), "written": not dry_run, "snapshot": now})
            else:
                note(f"{told}{' would be' if dry_run else ''} written to {path}.")
            return
        changes = drifting.compare(drifting.load(path), now)
        if json:
            answer({"has_drift": bool(changes), "changes": drifting.told(changes)}, failed=bool(changes))
            return
        for change in changes:
            write(f"{change.how:9} {change.what} {change.name}{f': {change.detail}' if change.detail else ''}\n")
        note(f"{len(changes)} changes since {path}.")
        if changes:
            raise typer.Exit(FAILED)

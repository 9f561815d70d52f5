"""Removing records of an audit log that are old enough, so that the chain of the others still holds.

Whole files go, the oldest first, when their newest record is too old. Before that a record is appended which says so,
with the hash that the first record that is kept follows: ``audit.verify`` begins there. Where files are missing and no
record says so, it tells.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dbmcp_core.tools.audit.files import CLEANUP, foreign, last_record, segments
from dbmcp_core.tools.audit.log import AuditLog

__all__ = ["Removed", "cleanup", "time_of"]


@dataclass(frozen=True, slots=True)
class Removed:
    """Which files went, or would go, and how many records they held."""

    files: tuple[Path, ...] = ()
    records: int = 0


def cleanup(path: Path, before: datetime, *, dry_run: bool = False) -> Removed:
    """Remove the files of the log at *path* whose newest record is older than *before*.

    Args:
        path: The log's file; other processes may write to it meanwhile.
        before: A time with its zone.
        dry_run: Whether to remove nothing, and only say what would be.
    """
    log = AuditLog(path)
    if not dry_run and segments(path) == _leading(path, before):  # the file that is written to is old as well
        log.put_aside(lambda last: _is_old(last, before))
    chained = _leading(path, before)
    theirs = [one for one in foreign(path) if _is_old(_last(one), before)]
    found = Removed((*theirs, *chained), sum(map(_count, (*theirs, *chained))))
    if dry_run or not found.files:
        return found
    last = _last(chained[-1]) if chained else None
    log.note(
        CLEANUP,
        {
            "before": before.astimezone(UTC).isoformat(),
            "files": [one.name for one in found.files],
            "records": found.records,
            "last_hash": (last or {}).get("record_hash"),
        },
    )
    for one in found.files:
        one.unlink(missing_ok=True)
    return found


def time_of(entry: dict[str, Any] | None) -> datetime | None:
    """Return when a record was written, if it says so."""
    try:
        found = datetime.fromisoformat(str((entry or {}).get("timestamp")))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _leading(path: Path, before: datetime) -> list[Path]:
    """Return the files that are too old, up to the first that isn't: what is kept is one piece."""
    found = []
    for one in segments(path):
        if not _is_old(_last(one), before):
            break
        found.append(one)
    return found


def _is_old(last: dict[str, Any] | None, before: datetime) -> bool:
    time = time_of(last)
    return time is not None and time < before  # what can't be read stays, for `verify` to tell of it


def _last(path: Path) -> dict[str, Any] | None:
    with path.open("rb") as file:
        return last_record(file, file.seek(0, os.SEEK_END))


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)

"""Old records go, and the chain of those that stay still holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dbmcp_core import CallRecord
from dbmcp_core.tools.audit import log as audit
from dbmcp_core.tools.audit.log import AuditLog
from dbmcp_core.tools.audit.retention import cleanup

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def record(days_ago: int) -> CallRecord:
    at = (NOW - timedelta(days=days_ago)).isoformat()
    return CallRecord(f"r{days_ago}", at, "mcp", "stdio", "shop", "sqlite", "call", "done", tool="tool:a")


Make = Callable[..., AuditLog]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a log of records of the given ages in days; one file for each list."""

    def made(*files: list[int]) -> AuditLog:
        log = AuditLog(tmp_path / "logs.jsonl")
        for number, ages in enumerate(files):
            if number:
                log.put_aside(lambda _last: True)
            for age in ages:
                log.dbmcp_record(record(age))
        return log

    return made


def kept(log: AuditLog) -> list[str]:
    return [str(entry["record_id"]) for entry in audit.read(log.path) if entry["operation_type"] == "tool"]


@pytest.mark.parametrize(
    ("files", "stays"),
    [
        ([[200, 199], [150, 10], [5]], ["r150", "r10", "r5"]),  # a file goes whole, or not at all
        ([[200], [150], [5]], ["r5"]),
        ([[200], [10], [150], [5]], ["r10", "r150", "r5"]),  # what is kept is one piece
        ([[200], [150]], []),  # the file that is written to is old as well
        ([[200]], []),
    ],
)
def test_the_chain_of_what_stays_holds(make: Make, files: list[list[int]], stays: list[str]) -> None:
    log = make(*files)
    before = audit.verify(log.path)
    planned = cleanup(log.path, NOW - timedelta(days=90), dry_run=True)
    assert audit.verify(log.path) == before
    removed = cleanup(log.path, NOW - timedelta(days=90))
    assert removed.records == planned.records == before.records - len(stays) > 0
    assert len(removed.files) == len(planned.files)
    assert kept(log) == stays
    found = audit.verify(log.path)
    assert found.broken is None
    assert found.removed is not None
    assert found.removed.startswith(f"{removed.records} records on ")
    log.dbmcp_record(record(0))
    assert audit.verify(log.path).records == len(stays) + 2  # and the record of the cleanup


@pytest.mark.parametrize("files", [[[5, 4], [3]], [[]]])
def test_nothing_old_leaves_nothing_behind(make: Make, files: list[list[int]]) -> None:
    log = make(*files)
    before = audit.verify(log.path)
    assert cleanup(log.path, NOW - timedelta(days=90)).files == ()
    assert audit.verify(log.path) == before


def test_one_cleanup_after_another(make: Make) -> None:
    log = make([300], [200], [100], [5])
    for days in (250, 150, 90):
        assert cleanup(log.path, NOW - timedelta(days=days)).records == 1
        assert audit.verify(log.path).broken is None
    assert kept(log) == ["r5"]


def test_a_file_that_somebody_removed_is_missed(make: Make) -> None:
    log = make([300], [200], [5])
    first, second, _ = audit.segments(log.path)
    cleanup(log.path, NOW - timedelta(days=250))
    assert not first.exists()
    second.unlink()
    found = audit.verify(log.path)
    assert found.broken is not None
    assert "logs.jsonl:1: doesn't follow" in found.broken


def test_what_says_that_records_were_removed_is_hashed_too(make: Make) -> None:
    log = make([300], [5])
    cleanup(log.path, NOW - timedelta(days=90))
    log.path.write_text(log.path.read_text().replace('"records":1', '"records":0'))
    assert audit.verify(log.path).broken is not None


def test_a_file_whose_end_is_torn_stays(make: Make) -> None:
    log = make([300], [5])
    first, _ = audit.segments(log.path)
    first.write_text(first.read_text()[:50])
    assert cleanup(log.path, NOW - timedelta(days=90)).files == ()
    assert first.exists()


def test_files_that_mxcp_wrote_go_too(make: Make, tmp_path: Path) -> None:
    log = make([5])
    theirs = tmp_path / "logs-20260101T120000.jsonl"
    theirs.write_text('{"record_id": "x", "timestamp": "2026-01-01T12:00:00Z", "operation_type": "tool"}\n')
    assert cleanup(log.path, NOW - timedelta(days=90)).files == (theirs,)
    assert not theirs.exists()
    assert audit.verify(log.path).broken is None

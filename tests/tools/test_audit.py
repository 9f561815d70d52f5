"""The audit log: the format's keys, a chain that a change breaks, and several writers."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmcp_core import CallRecord
from dbmcp_core.tools.audit import log as audit
from dbmcp_core.tools.audit.log import AuditLog

KEYS = """schema_name schema_version record_id timestamp operation_type operation_name operation_status duration_ms
caller_type user_id session_id trace_id input_data output_data error policies_evaluated policy_decision policy_reason
business_context execution_events prev_hash record_hash signature"""


def record(number: int = 1, **more: Any) -> CallRecord:
    facts = {"id": f"r{number}", "at": "2026-01-01T00:00:00+00:00", "door": "mcp", "caller": "stdio", "source": "shop"}
    return CallRecord(**{**facts, "engine": "sqlite", "action": "call", "decision": "done", "tool": "tool:a", **more})


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "audit" / "logs.jsonl", results=True)


def entries(log: AuditLog) -> list[dict[str, Any]]:
    return list(audit.read(log.path))


def test_a_record_has_the_keys_of_the_format(log: AuditLog) -> None:
    decisions = ({"condition": "user.role == 'x'", "outcome": "denied", "reason": "No x"},)
    log.dbmcp_record(
        record(decision="refused", code="policy_denied", error="No x", arguments={"id": 1}, decisions=decisions)
    )
    (entry,) = entries(log)
    assert list(entry) == KEYS.split()
    assert (entry["operation_type"], entry["operation_name"], entry["operation_status"]) == ("tool", "a", "error")
    assert (entry["policy_decision"], entry["policy_reason"]) == ("deny", "No x")
    assert entry["input_data"] == {"id": 1}


def test_statements_are_part_of_the_call_that_ran_them(log: AuditLog) -> None:
    log.dbmcp_record(record(7, tool=None, parent="r1", statement="SELECT 1", rows=1))
    log.dbmcp_record(record(1, result=[{"a": 1}]))
    (entry,) = entries(log)
    assert entry["execution_events"][0]["statement"] == "SELECT 1"
    assert entry["output_data"] == [{"a": 1}]


def test_the_chain_holds(log: AuditLog) -> None:
    for number in range(5):
        log.dbmcp_record(record(number))
    found = audit.verify(log.path)
    assert (found.records, found.broken) == (5, None)
    assert found.last_hash == entries(log)[-1]["record_hash"]


def _change(lines: list[str]) -> list[str]:
    return [lines[0], lines[1].replace('"stdio"', '"other"'), *lines[2:]]


@pytest.mark.parametrize(
    ("forge", "place"),
    [
        (_change, 2),
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [lines[0], lines[0], *lines[1:]], 2),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 2),
        (lambda lines: lines[1:], 1),
        (lambda lines: [*lines[:2], "{}\n"], 3),
        (lambda lines: [*lines[:2], lines[2][:50]], 3),
    ],
    ids=["changed", "taken out", "repeated", "swapped", "beheaded", "made up", "torn"],
)
def test_what_was_done_to_it_shows(log: AuditLog, forge: Any, place: int) -> None:
    for number in range(4):
        log.dbmcp_record(record(number))
    log.path.write_text("".join(forge(log.path.read_text().splitlines(keepends=True))))
    found = audit.verify(log.path)
    assert found.broken is not None
    assert f"logs.jsonl:{place}:" in found.broken


def test_a_full_file_is_put_aside_and_the_chain_goes_on(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "logs.jsonl", max_bytes=2_000)
    for number in range(12):
        log.dbmcp_record(record(number))
    assert len(audit.segments(log.path)) > 2
    assert [entry["record_id"] for entry in entries(log)] == [f"r{number}" for number in range(12)]
    assert audit.verify(log.path).broken is None


def test_a_new_process_goes_on_with_the_chain(log: AuditLog) -> None:
    log.dbmcp_record(record(1))
    AuditLog(log.path).dbmcp_record(record(2))
    log.dbmcp_record(record(3))  # the first one sees what the second wrote
    assert audit.verify(log.path).records == 3


def test_several_writers_at_once(log: AuditLog) -> None:
    logs = [log, AuditLog(log.path), AuditLog(log.path)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda number: logs[number % 3].dbmcp_record(record(number)), range(120)))
    found = audit.verify(log.path)
    assert (found.records, found.broken) == (120, None)


def test_several_writers_at_once_while_files_are_put_aside(tmp_path: Path) -> None:
    logs = [AuditLog(tmp_path / "logs.jsonl", max_bytes=2_000) for _ in range(3)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda number: logs[number % 3].dbmcp_record(record(number)), range(200)))
    assert len(audit.segments(logs[0].path)) > 20
    found = audit.verify(logs[0].path)
    assert (found.records, found.broken) == (200, None)


def test_another_log_whose_name_begins_alike_is_another(tmp_path: Path) -> None:
    for name in ("logs-dev", "logs-dev-eu"):
        AuditLog(tmp_path / f"{name}.jsonl").dbmcp_record(record())
    assert audit.segments(tmp_path / "logs-dev.jsonl") == [tmp_path / "logs-dev.jsonl"]
    assert audit.verify(tmp_path / "logs-dev.jsonl").records == 1


def test_what_mxcp_wrote_before_is_read_and_is_no_part_of_the_chain(log: AuditLog) -> None:
    log.dbmcp_record(record(2))
    (log.path.parent / "logs-20260101T120000.jsonl").write_text('{"record_id": "theirs", "record_hash": null}\n')
    assert [entry["record_id"] for entry in entries(log)] == ["theirs", "r2"]
    assert audit.verify(log.path).broken is None


def test_the_file_is_its_owners_alone(log: AuditLog) -> None:
    log.dbmcp_record(record())
    assert log.path.stat().st_mode & 0o077 == 0


def test_a_large_result_is_not_kept(log: AuditLog) -> None:
    log.dbmcp_record(record(result="x" * 100_000))
    assert entries(log)[0]["output_data"] == {"omitted": "100002 characters of JSON"}


def test_results_are_kept_only_where_asked_for(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "logs.jsonl")
    log.dbmcp_record(record(result=[1]))
    assert entries(log)[0]["output_data"] is None


@given(st.text())
def test_no_text_makes_a_line_of_its_own(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("log") / "logs.jsonl"
    log = AuditLog(path)
    log.dbmcp_record(record(arguments={"note": text}, error=text))
    assert len(path.read_bytes().splitlines()) == 1
    assert json.loads(path.read_text())["input_data"] == {"note": text}
    assert audit.verify(path).broken is None


# Attacks and accidents


@pytest.mark.parametrize(
    "forge",
    [
        lambda line: line.replace('"operation_name":"a"', '"operation_name":"b","operation_name":"a"'),
        lambda line: line.replace('"stdio"', '"\\u0073tdio"'),
        lambda line: line.replace(",", ", "),
        lambda line: line.replace("\n", " \n"),
        lambda line: line.rstrip("\n"),
        lambda line: "[" * 100_000 + "\n",
        lambda line: "\n",
    ],
    ids=["a key twice", "escaped", "spaced", "trailing", "without its end", "deep", "empty"],
)
def test_a_line_is_held_to_as_it_stands(log: AuditLog, forge: Any) -> None:
    for number in range(2):
        log.dbmcp_record(record(number))
    first, last = log.path.read_text().splitlines(keepends=True)
    assert forge(last) != last
    log.path.write_text(first + forge(last))
    found = audit.verify(log.path)
    assert (found.records, found.broken is not None) == (1, True)


def test_bytes_that_are_no_text_are_passed_over(log: AuditLog) -> None:
    log.dbmcp_record(record(1))
    with log.path.open("ab") as file:
        file.write(b"\xff\xfe{}\n")
    assert [entry["record_id"] for entry in entries(log)] == ["r1"]
    assert audit.verify(log.path).broken is not None


def test_what_was_cut_off_stays_and_the_next_record_is_whole(log: AuditLog) -> None:
    log.dbmcp_record(record(1))
    with log.path.open("ab") as file:
        file.write(b'{"schema_name":"dbmcp.ca')  # the machine went down
    AuditLog(log.path).dbmcp_record(record(2))
    assert [entry["record_id"] for entry in entries(log)] == ["r1", "r2"]
    first, second = entries(log)
    assert second["prev_hash"] == first["record_hash"]
    assert "logs.jsonl:2: is no record" in str(audit.verify(log.path).broken)


FULL = """
import resource, signal, sys
from dbmcp_core.call import CallRecord
from dbmcp_core.tools.audit.log import AuditLog

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = AuditLog(sys.argv[1])
def one(id, **more):
    log.dbmcp_record(CallRecord(id, "2026-01-01", "mcp", "x", "s", "e", "call", "done", tool="tool:a", **more))
one("r1")
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, resource.RLIM_INFINITY))
try:
    one("r2", arguments={"text": "x" * 20_000})
except OSError as exc:
    print("refused", exc.errno)
one("r3")
"""


def test_a_full_disk_leaves_no_half_of_a_record(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"refused {errno.EFBIG}\n"
    assert [entry["record_id"] for entry in audit.read(path)] == ["r1", "r3"]
    assert audit.verify(path).broken is None


MANY = """
import sys
from dbmcp_core.call import CallRecord
from dbmcp_core.tools.audit.log import AuditLog

log = AuditLog(sys.argv[1], max_bytes=2_500)
for number in range(60):
    log.dbmcp_record(
        CallRecord(f"{sys.argv[2]}{number}", "2026-01-01", "mcp", "x", "s", "e", "call", "done", tool="tool:a")
    )
"""


def test_processes_that_put_files_aside_under_each_other_keep_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    running = [subprocess.Popen([sys.executable, "-c", MANY, path, name]) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    found = audit.verify(path)
    assert (found.records, found.broken) == (180, None)
    assert {entry["record_id"] for entry in audit.read(path)} == {f"{name}{n}" for name in "abc" for n in range(60)}


def test_a_file_that_can_t_be_put_aside_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AuditLog(tmp_path / "logs.jsonl", max_bytes=10)
    for number in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(PermissionError(errno.EACCES, "no")))
            log.dbmcp_record(record(number))
    assert (audit.verify(log.path).records, len(audit.segments(log.path))) == (2, 1)


def test_a_log_of_another_name_is_none_of_this_one_s(tmp_path: Path) -> None:
    for name in ("logs", "logs-prod", "logs[1]", "logs-20260101"):
        AuditLog(tmp_path / f"{name}.jsonl").dbmcp_record(record(1))
    for name in ("logs", "logs-prod", "logs[1]"):
        assert audit.verify(tmp_path / f"{name}.jsonl").records == 1
    full = AuditLog(tmp_path / "logs[1].jsonl", max_bytes=10)
    full.dbmcp_record(record(2))
    assert audit.verify(full.path).records == 2


def test_statements_beyond_what_is_kept_are_counted(log: AuditLog) -> None:
    for number in range(150):
        log.dbmcp_record(record(number, tool=None, parent="r1", statement="SELECT 1"))
    log.dbmcp_record(record(1))
    events = entries(log)[0]["execution_events"]
    assert (len(events), events[-1]) == (101, {"omitted": 50})


def test_every_line_is_json_for_everybody(log: AuditLog) -> None:
    log.dbmcp_record(record(arguments={"a": float("nan"), "b": [float("-inf")], "c": "\ud800"}))
    json.loads(log.path.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert entries(log)[0]["input_data"] == {"a": "nan", "b": ["-inf"], "c": "\ud800"}
    assert audit.verify(log.path).broken is None

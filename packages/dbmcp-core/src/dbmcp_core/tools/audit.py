"""Records of a project's calls as JSON lines with the format's keys, chained by hashes so that a change shows.

Each record holds the hash of the one before (``prev_hash``) and its own (``record_hash``): SHA-256 of the record's
canonical JSON without ``record_hash`` and ``signature``. Whoever changes, removes or inserts a line breaks the chain
from there on; only what is cut off at the very end can't be seen, unless its last hash was kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from dbmcp_core import values
from dbmcp_core.call import CallRecord
from dbmcp_core.hookspecs import hookimpl

__all__ = ["AuditLog", "Verified", "read", "segments", "verify"]

MAX_BYTES = 50 << 20
#: Characters of a result's JSON that are recorded; of a longer one only its size is.
_MOST_RESULT = 65_536
#: Calls whose statements may be under way at once, and statements of one call that are kept.
_MOST_CALLS, _MOST_EVENTS = 10_000, 100
_UNHASHED = ("record_hash", "signature")


class AuditLog:
    """A plugin that records each call of a tool, a resource or a prompt, and each statement that came by itself.

    Args:
        path: The file; when it grows over *max_bytes* it is renamed ``STEM-UTCSTAMP.jsonl``, and the chain goes on.
        results: Whether what was returned is recorded too; what is sensitive is masked.
    """

    def __init__(self, path: str | Path, *, max_bytes: int = MAX_BYTES, results: bool = False) -> None:
        self.path = Path(path)
        self._max_bytes = max_bytes
        self._results = results
        self._lock = threading.Lock()
        self._last: tuple[int, str | None] | None = None
        self._events: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()

    @hookimpl
    def dbmcp_record(self, record: CallRecord) -> None:
        """Append *record*, or keep it as part of the call that it belongs to."""
        with self._lock:
            if record.parent is not None:
                self._keep(record)
                return
            entry = _entry(record, self._events.pop(record.id, []), results=self._results)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self.path) as file:
                self._append(file, entry)
            if self._last is not None and self._last[0] > self._max_bytes:
                self._rotate()

    def _keep(self, record: CallRecord) -> None:
        events = self._events.setdefault(str(record.parent), [])
        if len(events) < _MOST_EVENTS:
            events.append(
                {
                    "statement": record.statement,
                    "source": record.source,
                    "kind": record.kind,
                    "tables": list(record.tables),
                    "decision": record.decision,
                    "code": record.code,
                    "rows": record.rows,
                    "duration_ms": record.elapsed_ms,
                }
            )
        while len(self._events) > _MOST_CALLS:
            self._events.popitem(last=False)

    def _append(self, file: IO[bytes], entry: dict[str, Any]) -> None:
        size = file.seek(0, os.SEEK_END)
        if self._last is None or self._last[0] != size:  # the first one, or another process has written meanwhile
            self._last = (size, _last_hash(file, size) if size else self._hash_before())
        entry["prev_hash"] = self._last[1]
        entry["record_hash"] = digest(entry)
        line = json.dumps(entry, separators=(",", ":")).encode("ascii") + b"\n"
        file.seek(0, os.SEEK_END)
        file.write(line)
        file.flush()
        self._last = (size + len(line), entry["record_hash"])

    def _hash_before(self) -> str | None:
        """Return the hash that the newest segment ends with."""
        earlier = [path for path in segments(self.path) if path != self.path]
        if not earlier:
            return None
        with earlier[-1].open("rb") as file:
            return _last_hash(file, file.seek(0, os.SEEK_END))

    def _rotate(self) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        self.path.rename(self.path.with_name(f"{self.path.stem}-{stamp}.jsonl"))
        self._last = (0, self._last[1] if self._last else None)

    def close(self) -> None:
        """Nothing is held open."""


def _entry(record: CallRecord, events: list[dict[str, Any]], *, results: bool) -> dict[str, Any]:
    kind, _, name = (record.tool or f"query:{record.source}").partition(":")
    denied = [one for one in record.decisions if one.get("outcome") in ("denied", "failed")]
    decision = "deny" if denied else "allow" if record.decisions else None
    return {
        "schema_name": "dbmcp.calls",
        "schema_version": 1,
        "record_id": record.id,
        "timestamp": record.at,
        "operation_type": kind,
        "operation_name": name,
        "operation_status": "success" if record.decision == "done" else "error",
        "duration_ms": record.elapsed_ms,
        "caller_type": record.door,
        "user_id": (record.user or {}).get("user_id"),
        "session_id": record.caller,
        "trace_id": None,
        "input_data": _plain(record.arguments) if record.tool else {"statement": record.statement},
        "output_data": _result(record.result) if results else None,
        "error": f"{record.code}: {record.error}" if record.code else None,
        "policies_evaluated": [one.get("condition") for one in record.decisions],
        "policy_decision": decision,
        "policy_reason": denied[0].get("reason") if denied else None,
        "business_context": {"rows": record.rows, "truncated": record.truncated, "user": _plain(record.user)},
        "execution_events": events,
        "prev_hash": None,
        "record_hash": None,
        "signature": None,
    }


def _plain(value: Any) -> Any:
    """Return *value* as JSON holds it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else values.to_text(value)


def _result(value: Any) -> Any:
    plain = _plain(value)
    size = len(json.dumps(plain))
    return plain if size <= _MOST_RESULT else {"omitted": f"{size} characters of JSON"}


def digest(entry: Mapping[str, Any]) -> str:
    """Return the hash of a record: of everything in it but the hash itself, the hash before among it."""
    hashed = {key: value for key, value in entry.items() if key not in _UNHASHED}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """Open the file for its owner alone, to read and append; where there are such locks, one process at a time."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        try:
            import fcntl
        except ImportError:  # Windows: one server for a file
            yield file
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield file
        finally:
            file.flush()
            fcntl.flock(file, fcntl.LOCK_UN)


def _last_hash(file: IO[bytes], size: int) -> str | None:
    """Return the hash of the file's last record."""
    step = 65_536
    tail = b""
    while size > 0 and tail.rstrip(b"\n").rfind(b"\n") < 0:
        start = max(0, size - step)
        file.seek(start)
        tail = file.read(size - start) + tail
        size = start
    line = tail.rstrip(b"\n").rpartition(b"\n")[2]
    try:
        found = json.loads(line).get("record_hash")
    except (ValueError, AttributeError):  # a line that was torn; `verify` tells of it
        return None
    return found if isinstance(found, str) else None


# Reading


def segments(path: Path) -> list[Path]:
    """Return the files that hold the records of the log at *path*, the oldest first."""
    older = sorted(one for one in path.parent.glob(f"{path.stem}-*.jsonl") if one != path)
    return [*older, *([path] if path.is_file() else [])]


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of the log at *path*, the oldest first; lines that are none are passed over."""
    for segment in segments(path):
        with segment.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    yield entry


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at the chain found: how many records hold, the last hash, and the first break if there is one."""

    records: int
    last_hash: str | None
    broken: str | None = None


def verify(path: Path) -> Verified:
    """Check every hash of the log at *path*, up to the first that doesn't hold."""
    count, before = 0, None
    for segment in segments(path):
        with segment.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                where = f"{segment}:{number}"
                try:
                    entry = json.loads(line)
                except ValueError:
                    return Verified(count, before, f"{where}: is no record")
                if not isinstance(entry, dict) or entry.get("record_hash") != digest(entry):
                    return Verified(count, before, f"{where}: was changed after it was written")
                if entry.get("prev_hash") != before:
                    return Verified(
                        count, before, f"{where}: doesn't follow the record before; one was taken out or put in"
                    )
                count, before = count + 1, entry["record_hash"]
    return Verified(count, before)

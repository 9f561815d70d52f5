"""Records of a project's calls as JSON lines with the format's keys, chained by hashes so that a change shows.

Each record holds the hash of the one before (``prev_hash``) and its own (``record_hash``): SHA-256 of the record's
canonical JSON without ``record_hash`` and ``signature``. Whoever changes, removes or inserts a line breaks the chain
from there on; only what is cut off at the very end can't be seen, unless its last hash was kept elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from dbmcp_core import values
from dbmcp_core.call import CallRecord
from dbmcp_core.hookspecs import hookimpl
from dbmcp_core.tools.audit.files import Verified, digest, last_hash, last_record, line_of, read, segments, verify

__all__ = ["AuditLog", "Verified", "read", "segments", "verify"]

_log = logging.getLogger("dbmcp")

MAX_BYTES = 50 << 20
#: Characters of a result's JSON that are recorded; of a longer one only its size is.
_MOST_RESULT = 65_536
#: Calls whose statements may be under way at once, and statements of one call that are kept.
_MOST_CALLS, _MOST_EVENTS = 10_000, 100
#: Whether a file can be locked, and then be renamed while it is open.
_HAS_LOCKS = os.name == "posix"


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
        #: Which file was written to last, how long it was then, and the hash that it ended with.
        self._last: tuple[int, int, str | None] | None = None
        self._events: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()

    @hookimpl
    def dbmcp_record(self, record: CallRecord) -> None:
        """Append *record*, or keep it as part of the call that it belongs to."""
        with self._lock:
            if record.parent is not None:
                self._keep(record)
                return
            self._write(_entry(record, self._events.pop(record.id, []), results=self._results))

    def note(self, operation: str, told: Mapping[str, Any]) -> None:
        """Append a record of something that was done to the log itself."""
        with self._lock:
            self._write(_note(operation, told))

    def put_aside(self, wanted: Callable[[dict[str, Any] | None], bool]) -> None:
        """Begin a new file if the last record of this one is *wanted*."""
        with self._lock:
            if self.path.is_file():
                self._with_file(lambda file: wanted(last_record(file, file.seek(0, os.SEEK_END))))

    def _write(self, entry: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._with_file(lambda file: self._append(file, entry) > self._max_bytes)

    def _with_file(self, work: Callable[[IO[bytes]], bool]) -> None:
        """Run *work* on the file, under the lock on it, and put the file aside where it says so."""
        with _locked(self.path) as file:
            is_done = work(file)
            if is_done and _HAS_LOCKS:
                self._rotate()
        if is_done and not _HAS_LOCKS:
            self._rotate()

    def _keep(self, record: CallRecord) -> None:
        events = self._events.setdefault(str(record.parent), [])
        if len(events) >= _MOST_EVENTS:
            if "omitted" not in events[-1]:
                events.append({"omitted": 0})
            events[-1]["omitted"] += 1
        else:
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

    def _append(self, file: IO[bytes], entry: dict[str, Any]) -> int:
        """Write *entry* at the end, whole or not at all, and return the size of the file then."""
        size, number = file.seek(0, os.SEEK_END), os.fstat(file.fileno()).st_ino
        if self._last is not None and self._last[:2] == (number, size) and size:
            before, is_torn = self._last[2], False
        else:  # the first one, or another process has written meanwhile
            before, is_torn = last_hash(file, size) if size else (self._hash_before(), False)
        entry["prev_hash"] = before
        entry["record_hash"] = digest(entry)
        line = line_of(entry).encode("ascii") + b"\n"
        file.seek(0, os.SEEK_END)
        try:
            # What somebody who was cut off has left stays, on a line of its own: `verify` tells of it.
            file.write(b"\n" + line if is_torn else line)
            file.flush()
        except OSError:  # a disk that is full has taken a part of it
            self._last = None
            with contextlib.suppress(OSError):
                os.ftruncate(file.fileno(), size)
            raise
        size += len(line) + is_torn
        self._last = (number, size, entry["record_hash"])
        return size

    def _hash_before(self) -> str | None:
        """Return the hash that the newest segment ends with."""
        earlier = [path for path in segments(self.path) if path != self.path]
        if not earlier:
            return None
        with earlier[-1].open("rb") as file:
            return last_hash(file, file.seek(0, os.SEEK_END))[0]

    def _rotate(self) -> None:
        """Put the file aside, under the lock on it: whoever waits for that one opens the next."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        self._last = None
        try:
            self.path.rename(self.path.with_name(f"{self.path.stem}-{stamp}.jsonl"))
        except OSError as exc:  # the record is written, and the file only longer than it should be
            _log.warning("The records in %s can't be put aside: %s", self.path, exc.strerror)

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


def _note(operation: str, told: Mapping[str, Any]) -> dict[str, Any]:
    record = CallRecord(
        id=uuid.uuid4().hex,
        at=datetime.now(UTC).isoformat(),
        door="cli",
        caller="local",
        source="",
        engine="",
        action=operation,
        decision="done",
        tool=f"{operation}:log",
        arguments=told,
    )
    return _entry(record, [], results=False)


def _plain(value: Any) -> Any:
    """Return *value* as JSON holds it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):  # which JSON doesn't have
        return str(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else values.to_text(value)


def _result(value: Any) -> Any:
    plain = _plain(value)
    size = len(json.dumps(plain))
    return plain if size <= _MOST_RESULT else {"omitted": f"{size} characters of JSON"}


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """Open the file for its owner alone, to read and append; where there are such locks, one process at a time."""
    while True:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            if not _HAS_LOCKS:  # Windows: one server for a file
                yield file
                return
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                if not _is_at(file, path):  # it was put aside while this process waited
                    continue
                yield file
                return
            finally:
                file.flush()
                fcntl.flock(file, fcntl.LOCK_UN)


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False

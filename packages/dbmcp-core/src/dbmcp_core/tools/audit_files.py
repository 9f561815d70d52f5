"""The files of an audit log: its segments, its records, and whether the chain of their hashes holds.

A log is a file and those that were put aside when it was full, ``STEM-UTCSTAMP.jsonl``. MXCP's own are read, too.
"""

from __future__ import annotations

import glob
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

__all__ = ["CLEANUP", "Verified", "digest", "foreign", "last_record", "read", "segments", "verify"]

#: What a record is called that says which older ones were removed.
CLEANUP = "cleanup"
_UNHASHED = ("record_hash", "signature")
#: Stamps of files that were put aside, by us and by MXCP. Another log's name may begin with this one's.
_OURS, _MXCP = re.compile(r"-\d{8}T\d{12}Z"), re.compile(r"-\d{8}T\d{6}")
_STEP = 65_536


def digest(entry: Mapping[str, Any]) -> str:
    """Return the hash of a record: of everything in it but the hash itself, the hash before among it."""
    hashed = {key: value for key, value in entry.items() if key not in _UNHASHED}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def last_record(file: IO[bytes], size: int) -> dict[str, Any] | None:
    """Return the last record of the open *file* of *size* bytes, or None where its last line is no record."""
    tail = b""
    while size > 0 and tail.rstrip(b"\n").rfind(b"\n") < 0:
        start = max(0, size - _STEP)
        file.seek(start)
        tail = file.read(size - start) + tail
        size = start
    try:
        found = json.loads(tail.rstrip(b"\n").rpartition(b"\n")[2])
    except ValueError:  # a line that was torn; `verify` tells of it
        return None
    return found if isinstance(found, dict) else None


def segments(path: Path) -> list[Path]:
    """Return the files that hold the records of the log at *path*, the oldest first."""
    return [*_stamped(path, _OURS), *([path] if path.is_file() else [])]


def foreign(path: Path) -> list[Path]:
    """Return the files that MXCP wrote for the log at *path*, the oldest first; they are older, and have no chain."""
    return _stamped(path, _MXCP)


def _stamped(path: Path, stamp: re.Pattern[str]) -> list[Path]:
    found = path.parent.glob(f"{glob.escape(path.stem)}-*.jsonl")
    return sorted(one for one in found if stamp.fullmatch(one.stem.removeprefix(path.stem)))


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of the log at *path*, the oldest first; lines that are none are passed over."""
    for segment in [*foreign(path), *segments(path)]:
        with segment.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    yield entry


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at the chain found: how many records hold, the last hash, and the first break if there is one.

    ``removed`` is what a cleanup said of the records that stood before: when it was, and how many were removed.
    """

    records: int
    last_hash: str | None
    broken: str | None = None
    removed: str | None = None


def verify(path: Path) -> Verified:
    """Check every hash of the log at *path*, up to the first that doesn't hold.

    A log may begin in the middle of its chain if a later record says that a cleanup removed what stood before.
    """
    chain = _Chain()
    for segment in segments(path):
        with segment.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if (broken := chain.add(line)) is not None:
                    return Verified(chain.records, chain.last, f"{segment}:{number}: {broken}")
    if chain.first is not None and chain.first not in chain.removed:
        return Verified(chain.records, chain.last, f"{segments(path)[0]}:1: {_TAKEN_OUT}")
    return Verified(chain.records, chain.last, removed=chain.removed.get(chain.first))


_TAKEN_OUT = "doesn't follow the record before; one was taken out or put in"


class _Chain:
    """The records of a log, one after the other."""

    def __init__(self) -> None:
        self.records = 0
        self.last: str | None = None
        #: The hash that the first record follows.
        self.first: str | None = None
        #: What cleanups said, by the hash of the last record that they removed.
        self.removed: dict[str | None, str] = {}

    def add(self, line: str) -> str | None:
        """Take the next record, or return what is wrong with it."""
        try:
            entry = json.loads(line)
        except ValueError:
            return "is no record"
        if not isinstance(entry, dict) or entry.get("record_hash") != digest(entry):
            return "was changed after it was written"
        if not self.records:
            self.first = self.last = entry.get("prev_hash")
        if entry.get("prev_hash") != self.last:
            return _TAKEN_OUT
        self.records, self.last = self.records + 1, entry["record_hash"]
        if entry.get("operation_type") == CLEANUP:
            told = entry.get("input_data") or {}
            self.removed[told.get("last_hash")] = f"{told.get('records')} records on {entry.get('timestamp')}"
        return None

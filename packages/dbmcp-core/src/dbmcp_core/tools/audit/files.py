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

__all__ = [
    "CLEANUP",
    "Verified",
    "digest",
    "entry_of",
    "foreign",
    "last_hash",
    "last_record",
    "line_of",
    "read",
    "segments",
    "verify",
]

#: What a record is called that says which older ones were removed.
CLEANUP = "cleanup"
_UNHASHED = ("record_hash", "signature")
#: Stamps of files that were put aside, by us and by MXCP. Another log's name may begin with this one's.
_OURS, _MXCP = re.compile(r"-\d{8}T\d{12}Z"), re.compile(r"-\d{8}T\d{6}")
#: Bytes that are read at once, and those before a file's end in which its last record is looked for.
_STEP, _FARTHEST = 65_536, 16 << 20


def digest(entry: Mapping[str, Any]) -> str:
    """Return the hash of a record: of everything in it but the hash itself, the hash before among it."""
    hashed = {key: value for key, value in entry.items() if key not in _UNHASHED}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def line_of(entry: Mapping[str, Any]) -> str:
    """Return the line that a record is."""
    return json.dumps(entry, separators=(",", ":"))


def entry_of(line: bytes) -> dict[str, Any]:
    """Return the record that *line* is, or nothing."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def last_record(file: IO[bytes], size: int) -> dict[str, Any] | None:
    """Return the last record of the open *file* of *size* bytes, or None where its last line is no record."""
    line = next(_backwards(file, size), b"")
    return entry_of(line) or None  # of a line that was torn `verify` tells


def last_hash(file: IO[bytes], size: int) -> tuple[str | None, bool]:
    """Return the hash of the last whole record of the open *file*, and whether its last line has no end."""
    file.seek(max(0, size - 1))
    is_torn = file.read(1) != b"\n"
    for line in _backwards(file, size):
        if isinstance(found := entry_of(line).get("record_hash"), str):
            return found, is_torn
    return None, is_torn


def _backwards(file: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield the lines of the open *file* that aren't empty, the last one first, as far back as is looked."""
    rest, least = b"", max(0, size - _FARTHEST)
    while size > least:
        start = max(least, size - _STEP)
        file.seek(start)
        rest, *lines = (file.read(size - start) + rest).split(b"\n")
        size = start
        yield from (line for line in reversed(lines) if line)
    if rest and not least:
        yield rest


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
        with segment.open("rb") as lines:
            for line in lines:
                if entry := entry_of(line):
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
        with segment.open("rb") as lines:
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

    def add(self, line: bytes) -> str | None:
        """Take the next record, or return what is wrong with it."""
        entry = entry_of(line)
        if not entry or not line.endswith(b"\n"):
            return "is no record"
        # As it stands, too: of a key that is there twice another reader may take the first.
        if entry.get("record_hash") != digest(entry) or line_of(entry).encode("ascii") != line[:-1]:
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

"""What happened, as a frozen value, and the sink that needs only the standard library: JSON lines."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbmcp_core.hookspecs import hookimpl

__all__ = ["CallRecord", "JsonLines"]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, after its end. Holds neither parameters' values nor rows, and no secret of the source.

    ``at`` is UTC in ISO 8601; ``decision`` is ``done``, ``refused``, ``failed`` or ``stopped``, with the error's code
    and message where it wasn't done; ``rows`` counts what was returned, or affected by a write.
    """

    id: str
    at: str
    door: str
    caller: str
    source: str
    engine: str
    action: str
    decision: str
    statement: str | None = None
    parameters: int = 0
    kind: str | None = None
    tables: tuple[str, ...] = ()
    code: str | None = None
    error: str | None = None
    rows: int | None = None
    truncated: bool = False
    elapsed_ms: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the record's fields by name, ready for JSON."""
        return dataclasses.asdict(self)


class JsonLines:
    """A plugin that appends every record to a file, one JSON object a line.

    The file is made for its owner alone (mode 0600). Control characters are escaped by JSON, so no statement can
    forge a line.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._file: int | None = None

    @hookimpl
    def dbmcp_record(self, record: CallRecord) -> None:
        """Append *record*; an OSError of the file system goes to the executor."""
        line = json.dumps(record.as_dict(), separators=(",", ":"))
        with self._lock:
            if self._file is None:
                self._file = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
            data = memoryview(line.encode("ascii") + b"\n")
            while data:
                data = data[os.write(self._file, data) :]

    def close(self) -> None:
        """Close the file; the next record opens it again."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

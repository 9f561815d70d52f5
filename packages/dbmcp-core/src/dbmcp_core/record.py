"""The sink for records that needs only the standard library: JSON lines."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from dbmcp_core import values
from dbmcp_core.call import CallRecord
from dbmcp_core.hookspecs import hookimpl

__all__ = ["JsonLines"]

#: What only the call of a tool, or its statements, have.
_OTHERS = ("parent", "tool", "user", "arguments", "decisions")


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
        facts = {key: value for key, value in record.as_dict().items() if key not in _OTHERS or value}
        facts.pop("result")  # what was returned is no part of this record
        line = json.dumps(facts, separators=(",", ":"), default=values.to_text)
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

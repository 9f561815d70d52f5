"""Answers without Spark, for tests of the wire: the statement itself says which."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
from service import Result, SqlError

__all__ = ["Canned"]

_SCHEMA = pa.schema([("n", pa.int64())])


class Canned:
    """``SELECT 1`` answers; ``canned:slow``, ``:late``, ``:stuck``, ``:endless``, ``:breaks``, a SQLSTATE do as named.

    ``:late`` is a slow one that the server takes only when it is told to.
    """

    def __init__(self) -> None:
        self._cancelled: dict[str, threading.Event] = {}

    def open(self, configuration: Mapping[str, str], catalog: str | None, schema: str | None) -> Any:
        return configuration

    def run(self, session: Any, text: str, parameters: list[Any], tag: str) -> Result:
        cancelled = self._cancelled.setdefault(tag, threading.Event())
        _, _, what = text.partition("canned:")
        what = what.strip("' ")
        if what in ("slow", "late"):
            cancelled.wait(60)
        elif what and what not in ("endless", "breaks", "stuck"):
            raise SqlError(f"[CANNED] It was asked for. SQLSTATE: {what}", what)
        return Result(_SCHEMA, ["BIGINT_TYPE"], self._rows(what, cancelled))

    def cancel(self, tag: str) -> None:
        self._cancelled.setdefault(tag, threading.Event()).set()

    def _rows(self, what: str, cancelled: threading.Event) -> Iterator[pa.Table]:
        yield _table(1, 1) if what not in ("endless", "breaks") else _table(1, 10_000)
        if what == "stuck":
            cancelled.wait(60)
            raise SqlError("The operation was cancelled.", "HY008")
        if what == "breaks":
            raise SqlError("[CANNED] The rest is lost. SQLSTATE: 58030", "58030")
        if what == "endless":
            for start in itertools.count(10_001, 10_000):
                if cancelled.is_set():
                    raise SqlError("The operation was cancelled.", "HY008")
                yield _table(start, 10_000)


def _table(start: int, count: int) -> pa.Table:
    return pa.table([pa.array(range(start, start + count), pa.int64())], schema=_SCHEMA)

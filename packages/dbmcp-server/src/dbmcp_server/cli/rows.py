"""Rows and outcomes of statements, written page by page in one of the formats, or whole for a program."""

from __future__ import annotations

import json as jsons
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

from dbmcp_core import Column, CursorExpired, Executor, Outcome, Result, Running, encode, values
from dbmcp_server.cli.output import note, write, write_json, write_table
from dbmcp_server.cli.setup import DOOR, interruptible

__all__ = ["Format", "pages", "row_objects", "write_outcome", "write_pages"]


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


def pages(executor: Executor, first: Result, every: bool) -> Iterator[Result]:
    """Yield *first*, and with *every* the pages after it."""
    page = first
    yield page
    while every and page.truncated:
        if page.cursor is None:
            raise CursorExpired(
                "These are not all the rows: this database can't be read on from here.",
                hint="Take --max-rows in place of --all, or narrow the statement.",
            )
        running = Running()
        page = interruptible(partial(executor.read_on, page.cursor, door=DOOR, running=running), running)
        yield page


def write_pages(pages: Iterator[Result], form: Format) -> None:
    """Write the rows of *pages*, and say beside them whether there are more."""
    count, elapsed_s = 0, 0.0
    last = None
    writer = _Writer(form)
    for page in pages:
        writer.write(page, first=last is None)
        sys.stdout.flush()
        count += len(page)
        elapsed_s += page.elapsed_s
        last = page
    truncated = last is not None and last.truncated
    writer.end(truncated)
    if truncated:
        note(f"{count:,} rows, and there are more: --all prints every one, --max-rows N another number.")
    elif sys.stdout.isatty():
        note(f"{count:,} {'row' if count == 1 else 'rows'} in {max(1, round(elapsed_s * 1_000)):,} ms")


class _Writer:
    """Writes the pages of one result as one text."""

    def __init__(self, form: Format) -> None:
        self._form = form
        self._comma = ""

    def write(self, page: Result, *, first: bool) -> None:
        """Write one page; the header stands before the first."""
        if self._form is Format.TABLE:
            write_table(page.columns, page.rows)
        elif self._form is Format.JSON:
            self._write_json(page, first=first)
        else:
            text = encode.FORMATS[self._form](page.columns, page.rows)
            write(text if first else self._without_head(text, page.columns))

    def _write_json(self, page: Result, *, first: bool) -> None:
        found = encode.to_json(page.columns, page.rows)
        if first:
            write(f'{{"columns":{_compact(found["columns"])},"rows":[')
        for row in found["rows"]:
            write(f"{self._comma}{_compact(row)}")
            self._comma = ",\n"

    def _without_head(self, text: str, columns: Sequence[Column]) -> str:
        if self._form is Format.MARKDOWN:
            return text.split("\n", 2)[2]
        return text[len(encode.to_csv(columns, [])) :]

    def end(self, truncated: bool) -> None:
        """Write what stands after the last page."""
        if self._form is Format.JSON:
            write(f'],"truncated":{_compact(truncated)}}}\n')


def _compact(value: Any) -> str:
    return jsons.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def write_outcome(done: Outcome, form: Format) -> None:
    """Write what a change did."""
    returned = done.returned
    if form is Format.JSON:
        write_json(
            {
                "affected_rows": done.affected_rows,
                "generated_keys": [values.to_json(key) for key in done.generated_keys],
                "returned": None if returned is None else encode.to_json(returned.columns, returned.rows),
            }
        )
        return
    if returned is not None:
        write_pages(iter([returned]), form)
    keys = ", ".join(values.to_text(key) for key in done.generated_keys)
    count = "done" if done.affected_rows is None else f"{done.affected_rows:,} rows affected"
    note(f"{count}; generated keys: {keys}" if keys else count)


def row_objects(found: Sequence[Result], decimals: str) -> list[dict[str, Any]]:
    """Return the rows of the pages *found* as objects that JSON can say."""
    from dbmcp_core.tools.sql.shape import shaped
    from dbmcp_core.tools.types.outbound import to_json_ready

    objects = [row for page in found for row in shaped(page.columns, page.rows, None)]
    ready: list[dict[str, Any]] = to_json_ready(objects, "float" if decimals == "float" else "exact")
    return ready

"""Running statements: ``query``."""

from __future__ import annotations

import json as jsons
import re
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import typer

from dbmcp_core import Call, Column, CursorExpired, Executor, Outcome, Result, Running, Statement, encode, values
from dbmcp_core.call import Intent
from dbmcp_core.statement import Params
from dbmcp_server.cli.output import note, write, write_json, write_table
from dbmcp_server.cli.setup import DOOR, ConfigFile, SourceName, interruptible, opened

__all__ = ["query"]

#: Rows that ``--all`` fetches at once.
_PAGE = 5_000
_NAMED = re.compile(r"(?P<name>[^\W\d]\w*)=(?P<value>.*)", re.DOTALL)


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


def query(
    source: SourceName,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One statement; '-' reads it from stdin.")],
    *,
    format: Annotated[  # noqa: A002 - the option's name
        Format | None, typer.Option("--format", "-f", help="Left out: table on a terminal, csv elsewhere.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            "-p",
            metavar="VALUE|NAME=VALUE",
            help="A placeholder's value, in order or by name; repeat it. JSON's numbers, true, false and null are"
            " that, everything else is text, as is what stands in double quotes.",
        ),
    ] = None,
    params: Annotated[
        str | None, typer.Option("--params", metavar="JSON", help="All values: an array, or an object by name.")
    ] = None,
    max_rows: Annotated[int | None, typer.Option(min=1, help="Most rows to print.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.01, help="Seconds until it is stopped.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every row, however many, as they come.")] = False,
    update: Annotated[
        bool,
        typer.Option(
            "--write", help="Run a change and commit it, where read_only = false: 'sqlite:///shop.db?read_only=false'."
        ),
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Run one statement: a read, or with --write a change."""
    if every and (update or max_rows is not None):
        raise typer.BadParameter("--all doesn't go with --write or --max-rows.")
    statement = Statement(_text(sql), _params(param or [], params))
    form = format or (Format.TABLE if sys.stdout.isatty() else Format.CSV)
    with opened(source, config, max_rows=_PAGE if every else max_rows, timeout_s=timeout) as (executor, one):
        call = Call(one.name, statement, Intent.WRITE if update else Intent.READ, door=DOOR)
        running = Running()
        result = interruptible(lambda: executor.run(call, running), running)
        if isinstance(result, Outcome):
            _write_outcome(result, form)
        else:
            _write_pages(_pages(executor, result, every), form)


def _text(sql: str) -> str:
    if sql != "-":
        return sql
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as exc:
        raise typer.BadParameter(f"stdin is not text: {exc}") from None


def _params(given: Sequence[str], json: str | None) -> Params:
    """Return the values of the placeholders, from ``--param`` or from ``--params``."""
    if json is not None:
        if given:
            raise typer.BadParameter("--param and --params don't go together.")
        return _from_json(json)
    named = [match for text in given if (match := _NAMED.fullmatch(text))]
    if not named:
        return [_value(text) for text in given]
    if len(named) < len(given):
        raise typer.BadParameter("Values are given in order or by name, not both. For a text with '=' take --params.")
    return {match["name"]: _value(match["value"]) for match in named}


def _from_json(text: str) -> Params:
    try:
        found = jsons.loads(text)
    except (ValueError, RecursionError) as exc:
        raise typer.BadParameter(f"--params is not JSON: {exc}") from None
    if isinstance(found, list):
        return [values.from_json(value) for value in found]
    if isinstance(found, dict):
        return {name: values.from_json(value) for name, value in found.items()}
    raise typer.BadParameter("--params wants an array, or an object.")


def _value(text: str) -> Any:
    """Return the JSON scalar that *text* is, or *text*."""
    try:
        value = jsons.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, (list, dict)) else value


def _pages(executor: Executor, first: Result, every: bool) -> Iterator[Result]:
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


def _write_pages(pages: Iterator[Result], form: Format) -> None:
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


def _write_outcome(done: Outcome, form: Format) -> None:
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
        _write_pages(iter([returned]), form)
    keys = ", ".join(values.to_text(key) for key in done.generated_keys)
    count = "done" if done.affected_rows is None else f"{done.affected_rows:,} rows affected"
    note(f"{count}; generated keys: {keys}" if keys else count)

"""Running statements: ``query``."""

from __future__ import annotations

import json as jsons
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from dbmcp_core import Call, ConfigError, Executor, Outcome, Running, Source, Statement, StatementRefused, values
from dbmcp_core.call import Intent
from dbmcp_core.statement import Params, RefusalCode
from dbmcp_server.cli.envelope import AsEnvelope, answer, enveloped
from dbmcp_server.cli.output import note
from dbmcp_server.cli.project import Profile, ProjectFolder, ReadOnly, find, from_file, require, running
from dbmcp_server.cli.rows import Format, pages, row_objects, write_outcome, write_pages
from dbmcp_server.cli.setup import DOOR, ConfigFile, interruptible, opened

__all__ = ["query"]

#: Rows that ``--all`` fetches at once.
_PAGE = 5_000
_NAMED = re.compile(r"(?P<name>[^\W\d]\w*)=(?P<value>.*)", re.DOTALL)


def query(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="A URL, a file's path, or a configured name; left out, what the definitions of the project run on.",
            show_default=False,
        ),
    ] = None,
    sql: Annotated[
        str | None,
        typer.Argument(metavar="SQL", help="One statement; '-' reads it from stdin.", show_default=False),
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Read the statement from this file.")
    ] = None,
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
            " that, everything else is text, as is what stands in double quotes. On a project's own source NAME=@FILE"
            " is what the file holds as JSON; in a project of MXCP the rest is text.",
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
    json: AsEnvelope = False,
    project: ProjectFolder = None,
    profile: Profile = None,
    read_only: ReadOnly = None,
    config: ConfigFile = None,
) -> None:
    """Run one statement: a read, or with --write a change.

    Without a SOURCE it runs on the source of the project in this folder or one above it.
    """
    if every and (update or max_rows is not None):
        raise typer.BadParameter("--all doesn't go with --write or --max-rows.")
    if update and read_only:
        raise typer.BadParameter("--write doesn't go with --readonly.")
    if json and format is not None:
        raise typer.BadParameter("--json doesn't go with --format.")
    with enveloped(json):
        name, text = _meant(source, sql, file)
        limits = _Limits(_PAGE if every else max_rows, timeout, read_only)
        if name is None or project is not None or profile is not None:
            target = _in_project(name, limits, project, profile, warn=not json)
        else:
            target = _on_source(name, limits, config)
        with target as on:
            statement = Statement(text, _params(param or [], params, on), trusted=on.is_project)
            call = Call(on.source.name, statement, Intent.WRITE if update else Intent.READ, door=DOOR)
            _run(on, call, every=every, json=json, form=format)


@dataclass(frozen=True, slots=True)
class _Limits:
    """What the command line says of the source's settings."""

    max_rows: int | None
    timeout_s: float | None
    read_only: bool | None

    def of(self, source: Source) -> Source:
        old = source.settings
        settings = replace(
            old,
            max_rows=old.max_rows if self.max_rows is None else self.max_rows,
            timeout_s=old.timeout_s if self.timeout_s is None else self.timeout_s,
            read_only=old.read_only or bool(self.read_only),
        )
        return replace(source, settings=settings)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where the statement runs. In a project its text is the operator's own, as a tool's is."""

    executor: Executor
    source: Source
    is_project: bool = False
    uses_mxcp: bool = False
    decimals: str = "exact"


@contextmanager
def _on_source(name: str, limits: _Limits, file: Path | None) -> Iterator[_Target]:
    with opened(name, file, change=limits.of) as (executor, source):
        yield _Target(executor, source)


@contextmanager
def _in_project(
    name: str | None, limits: _Limits, folder: Path | None, profile: str | None, *, warn: bool
) -> Iterator[_Target]:
    if folder is None and find(None, warn=False) is None:
        raise typer.BadParameter("Outside of a project there must be a SOURCE and SQL.")
    found = require(folder, profile=profile, read_only=limits.read_only, warn=warn)
    config = found.project
    wanted = name or config.connection
    known = [source.name for source in config.sources]
    if wanted not in known:
        told = (
            f"The project has no source {name!r}." if name else "The project has several sources, and none of its own."
        )
        raise ConfigError(told, hint=f"Name one: {', '.join(known)}.")
    source = limits.of(next(source for source in config.sources if source.name == wanted))
    with running(replace(found, project=replace(config, sources=[source]))) as executor:
        yield _Target(executor, source, True, config.uses_mxcp, config.decimals)


def _meant(source: str | None, sql: str | None, file: Path | None) -> tuple[str | None, str]:
    """Return which source is meant, if one is named, and the statement."""
    if file is not None:
        if sql is not None:
            raise typer.BadParameter("SQL and --file don't go together.")
        return source, _read(file)
    if source is None:
        raise typer.BadParameter("There is no statement: SQL, or --file, is missing.")
    return (None, _text(source)) if sql is None else (source, _text(sql))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise typer.BadParameter(f"{file} can't be read: {exc}") from None


def _text(sql: str) -> str:
    if sql != "-":
        return sql
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as exc:
        raise typer.BadParameter(f"stdin is not text: {exc}") from None


def _run(on: _Target, call: Call, *, every: bool, json: bool, form: Format | None) -> None:
    handle = Running()
    try:
        result = interruptible(lambda: on.executor.run(call, handle), handle)
    except StatementRefused as exc:
        if call.intent is Intent.READ and exc.code == RefusalCode.NOT_A_READ:
            exc.hint = "With --write it is run as a change." if not on.source.settings.read_only else exc.hint
        raise
    form = form or (Format.TABLE if sys.stdout.isatty() else Format.CSV)
    if json:
        _answer(on, result, every)
    elif isinstance(result, Outcome):
        write_outcome(result, form)
    else:
        write_pages(pages(on.executor, result, every), form)


def _answer(on: _Target, result: Any, every: bool) -> None:
    """Write rows as MXCP's commands do; a change that returns none has one that counts what was changed."""
    if isinstance(result, Outcome):
        counted = [] if result.affected_rows is None else [{"Count": result.affected_rows}]
        answer(counted if result.returned is None else row_objects([result.returned], on.decimals))
        return
    found = list(pages(on.executor, result, every))
    answer(row_objects(found, on.decimals), truncated=found[-1].truncated)
    if found[-1].truncated:
        note("There are more rows than these: --all gives every one, --max-rows N another number.")


def _params(given: Sequence[str], json: str | None, on: _Target) -> Params:
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
    return {match["name"]: _named(match["value"], on) for match in named}


def _named(text: str, on: _Target) -> Any:
    if on.is_project and text.startswith("@"):
        return values.from_json(from_file(text[1:]))
    return text if on.uses_mxcp else _value(text)


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

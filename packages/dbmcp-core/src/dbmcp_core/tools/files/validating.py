"""A whole look at a project, as ``dbmcp validate`` has it: all that can be found without calling a definition.

Python files are loaded, as their import statements want it; a hook is run only where somebody asks for it. SQL is
prepared on its database, with sample values, but not run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dbmcp_core.call import Call, Intent
from dbmcp_core.config import Source
from dbmcp_core.errors import (
    ArgumentsInvalid,
    DbmcpError,
    NotFound,
    PolicyDenied,
    QueryFailed,
    StatementRefused,
    ToolFailed,
    UnsupportedError,
)
from dbmcp_core.executor import Executor
from dbmcp_core.running import Running
from dbmcp_core.statement import Statement
from dbmcp_core.tools.context import VALIDATING, CallContext, entered
from dbmcp_core.tools.files import checks
from dbmcp_core.tools.files.definitions import Loaded
from dbmcp_core.tools.files.loading import load
from dbmcp_core.tools.files.strays import strays
from dbmcp_core.tools.host import ProjectHost
from dbmcp_core.tools.model import Parameter, Prompt
from dbmcp_core.tools.problems import Place, Problem, Severity
from dbmcp_core.tools.project import Project, ProjectConfig
from dbmcp_core.tools.sql.checking import is_unparsable
from dbmcp_core.tools.types.checker import convert

__all__ = ["unreadable", "validated"]

#: A line of YAML after which the lines of the code stand as they are.
_BLOCK = re.compile(r"""code['"]?\s*:\s*\|[0-9+-]*\s*$""")
#: How databases say that a table isn't there.
_NO_TABLE = re.compile(r"no such table|(relation|table|view)\b.*\b(does not|doesn't) exist", re.I | re.S)


def validated(
    config: ProjectConfig,
    executor: Executor,
    wanted: Callable[[Loaded], bool] = lambda _one: True,
    *,
    init: bool = False,
) -> Project:
    """Return the project of *config* with everything that is wrong; of what isn't *wanted* only what costs little.

    With *init* what its code has under ``on_init`` is run first, and what it has under ``on_shutdown`` at the end: it
    may make the tables that the SQL is about.
    """
    project = load(
        config, lambda one, config: (checks.thorough if wanted(one) else checks.quick)(one, config), checks.rules
    )
    wrong = {problem.subject for problem in project.errors}
    sound = [one for one in project.definitions if wanted(one) and one.subject not in wrong]
    code = _Code(project, executor)
    try:
        more = [
            *strays(project),
            *(code.started() if init else ()),
            *code.problems(sound),
            *code.plugins(),
            *_databases(project, executor, sound, code),
        ]
    finally:
        code.close()
    return dataclasses.replace(project, problems=(*project.problems, *more))


class _Code:
    """The project's Python, loaded within the time that a call of it may take."""

    def __init__(self, project: Project, executor: Executor) -> None:
        self._project = project
        self._host = ProjectHost(project, executor)
        self._context = CallContext(self._host, Running(), door=VALIDATING)
        self._hangs = False
        #: Whether ``on_init`` was run.
        self.is_started = False

    def started(self) -> Iterator[Problem]:
        """Run what is under ``on_init``, and yield what went wrong."""
        self.is_started = True
        self._within_time(lambda: self._host.python.start(self._context))
        if self._hangs:
            yield self._too_slow("its start")
            return
        for failure in self._host.python.problems:
            yield Problem(failure.message.rstrip("."), Place(self._project.config.origin))

    def problems(self, definitions: list[Loaded]) -> Iterator[Problem]:
        """Load the files of definitions in Python, and yield what doesn't fit between them and their functions."""
        for one in definitions:
            definition = one.definition
            if isinstance(definition, Prompt) or definition.code_language != "python" or self._hangs:
                continue
            yield from self._checked(one)

    def _checked(self, one: Loaded) -> Iterator[Problem]:
        from dbmcp_core.tools.python.functions import PythonCode

        assert not isinstance(one.definition, Prompt)  # noqa: S101 - for the type checker
        code = PythonCode(one.definition, self._host.python, self._project.code_path(one), one.subject)
        found = self._within_time(code.check)
        if self._hangs:
            yield dataclasses.replace(self._too_slow(str(one.definition.source.file)), place=one.place(("source",)))
        # A project of MXCP is valid wherever it is looked at; what it wants installed is told.
        severity: Severity = "warning" if code.missing and self._project.config.uses_mxcp else "error"
        for route, message in found or ():
            yield Problem(message.rstrip("."), one.place(route), severity, one.subject)

    def plugins(self) -> Iterator[Problem]:
        """Make the project's plugins, and yield what doesn't work."""
        for spec in self._project.config.plugins:
            if self._hangs:
                return
            try:
                self._within_time(functools.partial(self._host.plugins.__getitem__, spec.name))
            except ToolFailed as exc:
                told = f"the plugin {spec.name!r}: {exc.message.rstrip('.')}"
                yield Problem(told, Place(self._project.config.origin))
            if self._hangs:
                yield self._too_slow(f"the plugin {spec.name!r}")

    def has_hooks(self) -> bool:
        """Return whether any of the project's code wants to be run at the start."""
        folder = self._project.config.python
        if folder is None or not folder.is_dir() or self._hangs:
            return False
        self._within_time(lambda: self._host.python.modules.load_folder(folder))
        return bool(self._host.python.modules.hooks.init)

    def close(self) -> None:
        """Run what is under ``on_shutdown``, where the project was started."""
        if not self._hangs:
            self._host.close()

    def _within_time(self, work: Callable[[], Any]) -> Any:
        """Return what *work* does; code that doesn't end is left to itself, and nothing more is loaded."""
        found: list[Any] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                with entered(self._context):
                    found.append(work())
            except BaseException as exc:  # noqa: BLE001 - raised again by whoever waits
                failed.append(exc)

        thread = threading.Thread(target=run, name="dbmcp-validate", daemon=True)
        thread.start()
        thread.join(self._project.config.timeout_s)
        self._hangs = thread.is_alive()
        if failed:
            raise failed[0]
        return found[0] if found else None

    def _too_slow(self, what: str) -> Problem:
        seconds = self._project.config.timeout_s
        told = f"{what} isn't loaded after {seconds:g} seconds (timeout_s); the project's other code wasn't looked at"
        return Problem(told, Place(self._project.config.origin))


def _databases(project: Project, executor: Executor, definitions: list[Loaded], code: _Code) -> Iterator[Problem]:
    """Have databases prepare the SQL of definitions, and yield what they don't take; one that is down is told once."""
    silent: set[str] = set()
    for one in definitions:
        source = checks.source_of(one, project.config)
        if source is None or isinstance(one.definition, Prompt) or one.definition.code_language == "python":
            continue
        if source.name in silent:
            continue
        try:
            yield from _prepared(one, source, project, executor, code)
        except DbmcpError as exc:
            silent.add(source.name)
            told = f"the source {source.name!r} wasn't asked about the SQL: {exc.message.rstrip('.')}"
            yield Problem(told, Place(project.config.origin), "warning")


def unreadable(one: Loaded, project: Project, executor: Executor) -> Iterator[Problem]:
    """Yield what its database says of SQL that only the database may be able to read; of all other SQL nothing."""
    source = checks.source_of(one, project.config)
    if source is None or isinstance(one.definition, Prompt) or one.definition.code_language == "python":
        return
    dialect = source.engine.dialect or ""
    try:
        unknown = [each for each in _samples(one, source, project) if is_unparsable(each.text, dialect)]
        _ask(unknown, source, Intent.EITHER, executor)
    except (QueryFailed, StatementRefused) as exc:
        if not _NO_TABLE.search(exc.message):
            yield one.problem(exc.message.rstrip("."), ("source",))
    except DbmcpError:
        return  # it can't be asked, or it isn't about the text


def _prepared(one: Loaded, source: Source, project: Project, executor: Executor, code: _Code) -> Iterator[Problem]:
    intent = Intent.READ if one.definition.only_reads else Intent.EITHER
    try:
        _ask(_samples(one, source, project), source, intent, executor)
    except PolicyDenied as exc:
        if source.settings.read_only:  # other policies may ask who calls
            # MXCP's projects say when they are started whether they may write.
            severity: Severity = "warning" if project.config.uses_mxcp else "error"
            yield Problem(exc.message.rstrip("."), one.place(("source",)), severity, one.subject)
    except (QueryFailed, NotFound, StatementRefused) as exc:
        told = _with_hint(exc)
        if _NO_TABLE.search(told) and not code.is_started and code.has_hooks():
            told += "; on_init may make it: 'dbmcp validate --init' runs that first"
            yield Problem(told, one.place(("source",)), "warning", one.subject)
        else:
            yield Problem(told, _place(one, exc.details.get("line")), "error", one.subject)
    except (ArgumentsInvalid, UnsupportedError):
        return  # values that don't go together, or no plan of this: nothing to ask about


def _place(one: Loaded, line: object) -> Place:
    """Return where a *line* of a definition's SQL stands, as far as that can be told; of a template it can't."""
    whole, key = one.place(("source",)), one.place(("source", "code"))
    definition = one.definition
    if isinstance(definition, Prompt) or definition.code_language != "sql" or not isinstance(line, int):
        return whole
    lines, at = one.lines, (key.line or 0) + line - 1
    if at >= len(lines) or not _BLOCK.search(one.line_of(("source", "code"))):
        return whole
    return Place(key.path, at + 1, len(lines[at]) - len(lines[at].lstrip()) + 1)


def _with_hint(exc: DbmcpError) -> str:
    """Return what *exc* says, and what to do, if it is about the text alone."""
    message = exc.message.rstrip(".")
    return f"{message}: {exc.hint.rstrip('.')}" if exc.hint and isinstance(exc, QueryFailed) else message


def _ask(samples: list[Statement], source: Source, intent: Intent, executor: Executor) -> None:
    """Have each of *samples* prepared; where the engine has no dialect, values are read with it, and one has to fit."""
    failures: list[DbmcpError] = []
    for statement in samples:
        call = Call(source.name, dataclasses.replace(statement, trusted=True), intent, door=VALIDATING)
        try:
            _prepare(executor, call, has_dialect=source.engine.dialect is not None)
        except (QueryFailed, StatementRefused) as exc:
            if source.engine.dialect is not None:
                raise
            failures.append(exc)
    if failures and len(failures) == len(samples):
        raise failures[0]


def _prepare(executor: Executor, call: Call, *, has_dialect: bool) -> None:
    """Have a database look at a statement; raise what it says of other values as well: that isn't about the samples."""
    try:
        executor.prepare(call)
    except (QueryFailed, NotFound) as exc:
        if not call.statement.params or not has_dialect:
            raise
        for change in (_other, lambda _: None):
            try:
                executor.prepare(dataclasses.replace(call, statement=_with(call.statement, change)))
            except (QueryFailed, NotFound) as other:
                if other.message == exc.message:
                    raise exc from None


def _other(value: Any) -> Any:
    """Return another value of the same type; null for what may be of a type that its text has to fit."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return type(value)(12_345)
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)  # which not every database has a place for
    return None if isinstance(value, (str, list, dict)) else value


def _with(statement: Statement, change: Callable[[Any], Any]) -> Statement:
    given = statement.params
    if isinstance(given, Mapping):
        return dataclasses.replace(statement, params={name: change(value) for name, value in given.items()})
    return dataclasses.replace(statement, params=[change(value) for value in given])


def _samples(one: Loaded, source: Source, project: Project) -> list[Statement]:
    code = checks.code_of(one.definition, project.code(one)[0], source)
    if not isinstance(one.definition, Prompt) and one.definition.code_language == "jinja":
        return code.samples()[: checks.MOST_SAMPLES]
    values = {one.name: _sample(one) for one in one.definition.parameters}
    if source.engine.dialect is not None:
        return [code.statement(values)]
    # A list of numbers is a vector there, one of texts has keys, and an object may have to hold something.
    filled = [{"a": "a"} if value == {} else value for value in values.values()]
    lists: list[list[Any]] = [[], [1.0], ["a"], [{"a": "a"}]]
    return [code.statement(values)] + [
        code.statement({name: list(item) if value == [] else value for name, value in zip(values, filled, strict=True)})
        for item in lists
    ]


def _sample(parameter: Parameter) -> Any:
    """Return a value of the parameter's type: of a null a database can't tell which."""
    if parameter.type == "array" and parameter.items is not None and not parameter.examples:
        declared = parameter.items.model_dump(by_alias=True, exclude_unset=True)
        item = Parameter.model_validate({**declared, "name": "item"})
        with contextlib.suppress(ArgumentsInvalid):
            return convert([parameter], {parameter.name: [_sample(item)]})[parameter.name]
    given = [one for one in (parameter.default, *parameter.examples, *(parameter.enum or ())) if one is not None]
    for value in [*given[:1], *_PLAIN.get(parameter.format or parameter.type, ())]:
        try:
            return convert([parameter], {parameter.name: value})[parameter.name]
        except ArgumentsInvalid:  # it is not in the range, say
            continue
    return given[0] if given else next(iter(_PLAIN[parameter.type]))


_PLAIN: dict[str, list[Any]] = {
    "string": ["a"],
    "number": [1],
    "integer": [1],
    "boolean": [True],
    "array": [[]],
    "object": [{}],
    "email": ["a@example.org"],
    "uri": ["https://example.org"],
    "date": ["2026-01-31"],
    "time": ["12:00:00"],
    "date-time": ["2026-01-31T12:00:00Z"],
    "timestamp": [1_767_225_600],
    "duration": ["P1D"],
}

"""A whole look at a project, as ``dbmcp validate`` has it: all that can be found without calling a definition.

Python files are loaded, as their import statements want it, but no hook is run; SQL is prepared on its database, with
sample values, but not run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dbmcp_core.config import Source
from dbmcp_core.errors import (
    ArgumentsInvalid,
    DbmcpError,
    NotFound,
    QueryFailed,
    Refused,
    ToolFailed,
    UnsupportedError,
)
from dbmcp_core.executor import Executor
from dbmcp_core.running import Running
from dbmcp_core.statement import RefusalCode, Statement
from dbmcp_core.tools import checks
from dbmcp_core.tools.context import CallContext, entered
from dbmcp_core.tools.files import Loaded
from dbmcp_core.tools.host import ProjectHost
from dbmcp_core.tools.loading import load
from dbmcp_core.tools.model import Parameter, Prompt
from dbmcp_core.tools.problems import Place, Problem, Severity
from dbmcp_core.tools.project import Project, ProjectConfig
from dbmcp_core.tools.types import convert

__all__ = ["validated"]

#: Statements of one template that its database is asked about.
_MOST_SAMPLES = 32
_DOOR = "validate"


def validated(
    config: ProjectConfig, executor: Executor, wanted: Callable[[Loaded], bool] = lambda _one: True
) -> Project:
    """Return the project of *config* with everything that is wrong; of what isn't *wanted* only what costs little."""
    project = load(
        config, lambda one, config: (checks.thorough if wanted(one) else checks.quick)(one, config), checks.rules
    )
    wrong = {problem.subject for problem in project.errors}
    sound = [one for one in project.definitions if wanted(one) and one.subject not in wrong]
    more = [*_python(project, executor, sound), *_databases(project, executor, sound)]
    return dataclasses.replace(project, problems=(*project.problems, *more))


def _python(project: Project, executor: Executor, definitions: list[Loaded]) -> Iterator[Problem]:
    """Load the files of definitions in Python, and yield what doesn't fit between them and their functions."""
    from dbmcp_core.tools.python import PythonCode

    host = ProjectHost(project, executor)
    try:
        for one in definitions:
            definition = one.definition
            if isinstance(definition, Prompt) or definition.code_language != "python":
                continue
            code = PythonCode(definition, host.python, project.code_path(one), one.subject)
            with entered(CallContext(host, Running(), door=_DOOR)):
                found = code.check()
            # A project of MXCP is valid wherever it is looked at; what it wants installed is told.
            severity: Severity = "warning" if code.missing and project.config.uses_mxcp else "error"
            for route, message in found:
                yield Problem(message.rstrip("."), one.place(route), severity, one.subject)
        yield from _plugins(project, host)
    finally:
        host.close()


def _plugins(project: Project, host: ProjectHost) -> Iterator[Problem]:
    """Make the project's plugins, and yield what doesn't work."""
    for spec in project.config.plugins:
        with entered(CallContext(host, Running(), door=_DOOR)):
            try:
                host.plugins[spec.name]
            except ToolFailed as exc:
                yield Problem(f"the plugin {spec.name!r}: {exc.message.rstrip('.')}", Place(project.config.origin))


def _databases(project: Project, executor: Executor, definitions: list[Loaded]) -> Iterator[Problem]:
    """Have databases prepare the SQL of definitions, and yield what they don't take; one that is down is told once."""
    silent: set[str] = set()
    for one in definitions:
        definition = one.definition
        source = checks.source_of(one, project.config)
        if source is None or isinstance(definition, Prompt) or definition.code_language == "python":
            continue
        try:
            for statement in _samples(one, source, project) if source.name not in silent else ():
                _prepare(executor, source.name, statement)
        except (QueryFailed, NotFound) as exc:
            yield one.problem(exc.message.rstrip("."), ("source",))
        except (Refused, ArgumentsInvalid) as exc:
            if exc.code == RefusalCode.UNPARSABLE:  # to the database, too
                yield one.problem(exc.message.rstrip("."), ("source",))
            continue  # a write, or values that don't go together: nothing to ask about
        except UnsupportedError:
            silent.add(source.name)
        except DbmcpError as exc:
            silent.add(source.name)
            told = f"the source {source.name!r} wasn't asked about the SQL: {exc.message.rstrip('.')}"
            yield Problem(told, Place(project.config.origin), "warning")


def _prepare(executor: Executor, source: str, statement: Statement) -> None:
    """Have a database look at a statement; raise what it says of other values as well: that isn't about the samples."""
    statement = dataclasses.replace(statement, trusted=True)
    try:
        executor.explain(source, statement, door=_DOOR)
    except (QueryFailed, NotFound) as exc:
        if not statement.params:
            raise
        try:
            executor.explain(source, _with_nulls(statement), door=_DOOR)
        except (QueryFailed, NotFound) as other:
            if other.message == exc.message:
                raise exc from None


def _with_nulls(statement: Statement) -> Statement:
    given = statement.params
    nulls = dict.fromkeys(given) if isinstance(given, Mapping) else [None] * len(given)
    return dataclasses.replace(statement, params=nulls)


def _samples(one: Loaded, source: Source, project: Project) -> list[Statement]:
    code = checks.code_of(one.definition, project.code(one)[0], source)
    if not isinstance(one.definition, Prompt) and one.definition.code_language == "jinja":
        return code.samples()[:_MOST_SAMPLES]
    return [code.statement({one.name: _sample(one) for one in one.definition.parameters})]


def _sample(parameter: Parameter) -> Any:
    """Return a value of the parameter's type: of a null a database can't tell which."""
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

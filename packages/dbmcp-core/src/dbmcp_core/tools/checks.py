"""What is asked of a definition beyond its keys: quickly when it is loaded, thoroughly by ``dbmcp validate``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dbmcp_core.config import Source
from dbmcp_core.settings import nearest
from dbmcp_core.statement import RefusalCode
from dbmcp_core.tools.documents import Route
from dbmcp_core.tools.files import Loaded, Rules
from dbmcp_core.tools.model import Definition, Prompt, Resource, Tool
from dbmcp_core.tools.problems import Problem, Severity
from dbmcp_core.tools.project import ProjectConfig, path_of, text_of

if TYPE_CHECKING:
    from dbmcp_core.tools.sql import Code

__all__ = ["code_of", "quick", "rules", "runnable", "source_of", "thorough"]


def source_of(one: Loaded, config: ProjectConfig) -> Source | None:
    """Return the source that a definition runs on, if there is one."""
    wanted = None if isinstance(one.definition, Prompt) else one.definition.connection
    wanted = wanted or config.connection
    return next((source for source in config.sources if source.name == wanted), None)


def code_of(definition: Definition, text: str, source: Source) -> Code:
    """Return the SQL of a definition, for the source that it runs on; or what that one has in place of SQL."""
    assert not isinstance(definition, Prompt)  # noqa: S101 - for the type checker
    dialect = source.engine.dialect
    if dialect is None:
        from dbmcp_core.tools.native import NativeCode

        return NativeCode(text, definition.parameters, definition.code_language)
    if definition.code_language == "jinja":
        from dbmcp_core.tools.template import jinja_code  # Jinja takes some time to import

        return jinja_code(text, definition.parameters, dialect)
    from dbmcp_core.tools.sql import sql_code

    return sql_code(text, definition.parameters, dialect)


def quick(one: Loaded, config: ProjectConfig) -> Iterator[Problem]:
    """Yield what can be seen without running or parsing anything."""
    yield from runnable(one, config)
    if isinstance(one.definition, Resource):
        yield from _outside(one, one.definition)


def runnable(one: Loaded, config: ProjectConfig) -> Iterator[Problem]:
    """Yield what ``quick`` does, but not parameters outside of a URI: it can't be read so, but called by its text."""
    definition = one.definition
    if isinstance(definition, Resource):
        yield from _variables(one, definition)
    if not isinstance(definition, Prompt):
        yield from _code(one, config)


def _code(one: Loaded, config: ProjectConfig) -> Iterator[Problem]:
    definition = one.definition
    assert not isinstance(definition, Prompt)  # noqa: S101 - for the type checker
    source = source_of(one, config)
    if source is None and definition.connection is not None:
        near = nearest(definition.connection, [source.name for source in config.sources])
        yield one.problem(f"there is no source {definition.connection!r}{near}", ("connection",))
    elif source is None and definition.code_language != "python":
        yield one.problem("'connection' is missing: the project has no source of its own to run on")
    file = definition.source.file
    if file is not None and not path_of(file, one, config).is_file():
        yield one.problem(f"there is no file {path_of(file, one, config)}", ("source", "file"))
    elif file is None and definition.code_language == "python":
        yield one.problem("Python stands in a file of its own: 'source' wants 'file'", ("source",))


def _outside(one: Loaded, resource: Resource) -> Iterator[Problem]:
    for index, parameter in enumerate(resource.parameters):
        if parameter.name not in resource.variables:
            yield one.problem(f"the parameter {parameter.name!r} doesn't occur in the URI", ("parameters", index))


def _variables(one: Loaded, resource: Resource) -> Iterator[Problem]:
    names = [parameter.name for parameter in resource.parameters]
    for name in resource.variables:
        if name not in names:
            yield one.problem(f"{{{name}}} in the URI is no parameter{nearest(name, names)}", ("uri",))


def thorough(one: Loaded, config: ProjectConfig) -> Iterator[Problem]:
    """Yield all that can be found without running the definition: types, templates, SQL, policies, tests' arguments.

    What takes running something, a Python file or a database, is ``dbmcp_core.tools.validating``'s.
    """
    found = list(quick(one, config))
    yield from found
    definition = one.definition
    yield from _told(one, _types(definition))
    yield from _told(one, _policies(definition))
    yield from _told(one, _policies(definition, warnings=True), "warning")
    if isinstance(definition, Prompt):
        from dbmcp_core.tools.prompts import prompt_problems

        yield from _told(one, prompt_problems(definition))
    elif definition.code_language != "python" and not found:
        yield from _sql(one, config)
    yield from _arguments(one)


def rules(some: Rules, among: Sequence[Loaded]) -> Iterator[Problem]:
    """Yield what is wrong with rules for many definitions, *among* which some should be meant."""
    from dbmcp_core.tools.policies import applies, project_problems

    for route, message in project_problems(some.policy):
        yield some.problem(message, route)
    if not any(applies(some.policy, one.definition.kind, *_names(one.definition)) for one in among):
        yield some.problem("these rules are for no definition that there is: 'match' fits none", ("match",), "warning")


def _names(definition: Definition) -> set[str]:
    return {definition.key, getattr(definition, "name", None) or definition.key}


def _told(one: Loaded, problems: Iterable[tuple[Route, str]], severity: Severity = "error") -> Iterator[Problem]:
    for route, message in problems:
        yield Problem(message, one.place(route), severity, one.subject)


def _types(definition: Definition) -> Iterator[tuple[Route, str]]:
    from dbmcp_core.tools.types import spec_problems

    for index, parameter in enumerate(definition.parameters):
        yield from spec_problems(parameter, ("parameters", index))
    if definition.returns is not None:
        yield from spec_problems(definition.returns, ("return",))


def _policies(definition: Definition, *, warnings: bool = False) -> list[tuple[Route, str]]:
    from dbmcp_core.tools.policies import policies_for

    found = policies_for(definition)
    return found.warnings() if warnings else found.problems()


def _sql(one: Loaded, config: ProjectConfig) -> Iterator[Problem]:
    source = source_of(one, config)
    if source is None:
        return
    try:
        text, _ = text_of(one, config)
    except ValueError as exc:
        yield one.problem(str(exc), ("source", "file"))
        return
    definition = one.definition
    code = code_of(definition, text, source)
    only_reads = not isinstance(definition, Tool) or definition.annotations.read_only_hint is True
    problems = code.problems()
    if not problems and source.engine.dialect is not None:
        # What the guard's parser doesn't know, or calls unsafe, the database may take all the same from its operator.
        tolerated = (RefusalCode.UNPARSABLE, RefusalCode.UNSAFE_FUNCTION)
        problems = code.check(source.engine.dialect, read_only=only_reads, tolerate=tolerated)
    yield from _told(one, (((*route,) or ("source",), message) for route, message in problems))


def _arguments(one: Loaded) -> Iterator[Problem]:
    """Yield the arguments of tests that no parameter has."""
    names = [parameter.name for parameter in one.definition.parameters]
    for index, test in enumerate(one.definition.tests):
        for place, argument in enumerate(test.arguments):
            if argument.key not in names and test.error is None:
                near = nearest(argument.key, names)
                message = f"the test {test.name!r} gives {argument.key!r}, which is no parameter{near}"
                yield Problem(message, one.place(("tests", index, "arguments", place)), "warning", one.subject)

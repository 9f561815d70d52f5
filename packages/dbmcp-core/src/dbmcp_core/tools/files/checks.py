"""What is asked of a definition beyond its keys: quickly when it is loaded, thoroughly by ``dbmcp validate``."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbmcp_core.config import Source
from dbmcp_core.errors import ArgumentsInvalid, DbmcpError
from dbmcp_core.settings import nearest
from dbmcp_core.statement import RefusalCode
from dbmcp_core.tools.files.definitions import Loaded, Rules
from dbmcp_core.tools.files.documents import Route
from dbmcp_core.tools.model import Definition, Expectation, Prompt, Resource, Test, Tool, TypeSpec
from dbmcp_core.tools.problems import Problem, Severity
from dbmcp_core.tools.project import ProjectConfig, path_of, text_of

if TYPE_CHECKING:
    from dbmcp_core.tools.sql.code import Code

__all__ = ["MOST_SAMPLES", "code_of", "quick", "refused", "rules", "runnable", "source_of", "thorough"]

_FOLDED = re.compile(r":\s*>[0-9+-]*\s*$")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S")
_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
#: Statements of one template that are looked at by more than the guard.
MOST_SAMPLES = 32
#: What a server offers with ``ad_hoc``; dbmcp-server's tests hold it to this list.
_AD_HOC = (
    *("execute-query", "execute-update", "explain", "list-connections", "search-schema", "get-schema"),
    *("connect-database", "disconnect-database"),
)


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
        from dbmcp_core.tools.sql.native import NativeCode

        return NativeCode(text, definition.parameters, definition.code_language)
    if definition.code_language == "jinja":
        from dbmcp_core.tools.sql.template import jinja_code  # Jinja takes some time to import

        return jinja_code(text, definition.parameters, dialect)
    from dbmcp_core.tools.sql.code import sql_code

    return sql_code(text, definition.parameters, dialect)


def quick(one: Loaded, config: ProjectConfig) -> Iterator[Problem]:
    """Yield what can be seen without running or parsing anything."""
    yield from runnable(one, config)
    if isinstance(one.definition, Resource):
        yield from _outside(one, one.definition)


def runnable(one: Loaded, config: ProjectConfig) -> Iterator[Problem]:
    """Yield what ``quick`` does, but not parameters outside of a URI: it can't be read so, but called by its text."""
    definition = one.definition
    if isinstance(definition, Tool) and definition.name in _taken(config):
        yield one.problem(f"{definition.name!r} is the name of a tool of dbmcp's own here; choose another", ("name",))
    if isinstance(definition, Resource):
        yield from _variables(one, definition, config)
    if not isinstance(definition, Prompt):
        yield from _code(one, config)


def _taken(config: ProjectConfig) -> Collection[str]:
    """Return the names of the tools that a server of the project has beside the project's."""
    ours = () if config.uses_mxcp else ("read-on",)
    return (*ours, *config.sql_tools, *(_AD_HOC if config.ad_hoc else ()))


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
    if file is not None:
        yield from _file(file, one, config)
    elif definition.code_language == "python":
        yield one.problem("Python stands in a file of its own: 'source' wants 'file'", ("source",))


def _outside(one: Loaded, resource: Resource) -> Iterator[Problem]:
    for index, parameter in enumerate(resource.parameters):
        if parameter.name not in resource.variables:
            yield one.problem(f"the parameter {parameter.name!r} doesn't occur in the URI", ("parameters", index))


def _file(file: str, one: Loaded, config: ProjectConfig) -> Iterator[Problem]:
    """Yield what is wrong with the file that a definition's code should stand in."""
    path, route = path_of(file, one, config), ("source", "file")
    if not config.uses_mxcp and not _is_inside(path, file, one, config):
        yield one.problem(f"{file!r} leads out of the project's folder ({config.folder})", route)
    elif not path.is_file():
        told = (
            f"{path} is a folder, not a file"
            if path.is_dir()
            else f"there is no file {path}{_beside(file, one, config)}"
        )
        yield one.problem(told, route)
    elif path.suffix == ".py" and one.definition.code_language != "python":  # type: ignore[union-attr]
        yield one.problem(f"{file!r} is Python; say 'language: python'", route)


def _beside(file: str, one: Loaded, config: ProjectConfig) -> str:
    """Return where a path that leads nowhere is taken from, and what it should be if that was the project's folder."""
    here, meant = one.document.path.parent, config.folder / file
    if meant.is_file():
        return f" (did you mean {os.path.relpath(meant, here)!r}? A path begins at the folder of the file it stands in)"
    return "" if file.startswith("/") else f": a path begins at the folder of the file it stands in, {here}"


def _is_inside(path: Path, file: str, one: Loaded, config: ProjectConfig) -> bool:
    """Return whether a file is in one of the project's folders, by its name or by where its links lead."""
    if path.is_relative_to(config.folder):
        return True
    folders = [config.folder, config.python, config.plugins_path, *config.kinds.values()]
    named = path if file.startswith("/") else Path(os.path.normpath(one.document.path.parent.absolute() / file))
    return any(
        way.is_relative_to(place)
        for folder in folders
        if folder is not None
        for place in (folder, Path(os.path.realpath(folder)))
        for way in (path, named)
    )


def _variables(one: Loaded, resource: Resource, config: ProjectConfig) -> Iterator[Problem]:
    names = [parameter.name for parameter in resource.parameters]
    if not config.uses_mxcp and (fault := _uri_fault(resource.uri)) is not None:
        yield one.problem(f"{resource.uri!r} {fault}", ("uri",))
        return
    for name in resource.variables:
        if name not in names:
            yield one.problem(f"{{{name}}} in the URI is no parameter{nearest(name, names)}", ("uri",))


def _uri_fault(uri: str) -> str | None:
    """Return why no client could read *uri*, or fill it in."""
    plain = _VARIABLE.sub("x", uri)
    if not _SCHEME.match(plain):
        return "is no URI: it begins with a scheme, as in shop://orders/{id}"
    if "{" in plain or "}" in plain:
        return "has a bracket too many, or {…} around what is no name"
    if any(char.isspace() or not char.isprintable() for char in plain):
        return "has a space in it; write %20"
    if any(uri.count(f"{{{name}}}") > 1 for name in _VARIABLE.findall(uri)):
        return "has the same parameter twice"
    return None


def thorough(one: Loaded, config: ProjectConfig) -> Iterator[Problem]:
    """Yield all that can be found without running the definition: types, templates, SQL, policies, tests' arguments.

    What takes running something, a Python file or a database, is ``dbmcp_core.tools.files.validating``'s.
    """
    found = list(quick(one, config))
    yield from found
    definition = one.definition
    yield from _told(one, _types(definition))
    yield from _policies(one, config)
    if isinstance(definition, Prompt):
        from dbmcp_core.tools.sql.prompts import prompt_problems

        yield from _told(one, prompt_problems(definition))
    elif definition.code_language != "python" and not found:
        yield from _sql(one, config)
    yield from _tests(one, config)


def rules(some: Rules, among: Sequence[Loaded]) -> Iterator[Problem]:
    """Yield what is wrong with rules for many definitions, *among* which some should be meant."""
    from dbmcp_core.tools.policies.rules import applies, names_of, project_problems

    definitions = [one.definition for one in among]
    for route, message in project_problems(some.policy, definitions):
        yield some.problem(message, route)
    if not any(applies(some.policy, one.kind, *names_of(one)) for one in definitions):
        yield some.problem("these rules are for no definition that there is: 'match' fits none", ("match",), "warning")


def _told(one: Loaded, problems: Iterable[tuple[Route, str]], severity: Severity = "error") -> Iterator[Problem]:
    for route, message in problems:
        yield Problem(message, one.place(route), severity, one.subject)


def _types(definition: Definition) -> Iterator[tuple[Route, str]]:
    from dbmcp_core.tools.types.checker import spec_problems

    for index, parameter in enumerate(definition.parameters):
        yield from map(_named, spec_problems(parameter, ("parameters", index)))
    if definition.returns is not None:
        yield from map(_named, spec_problems(definition.returns, ("return",)))


def _named(problem: tuple[Route, str]) -> tuple[Route, str]:
    """Return the problem of a type with the key that it is about."""
    route, message = problem
    key = next(step for step in reversed(route) if isinstance(step, str))
    return route, f"{key!r} {message}"


def _policies(one: Loaded, config: ProjectConfig) -> Iterator[Problem]:
    from dbmcp_core.tools.policies.rules import policies_for

    found = policies_for(one.definition)
    yield from _told(one, found.problems())
    yield from _told(one, found.warnings(), "warning")
    yield from _told(one, found.strays(), "warning" if config.uses_mxcp else "error")


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
    problems = [*code.problems(), *_unbindable(definition, source)]
    if not problems:
        problems = refused(definition, code, source)
    yield from _told(one, (((*route,) or ("source",), message) for route, message in problems))
    if "--" in text and _FOLDED.search(one.line_of(("source", "code"))):
        told = "'>' joins the lines of the code, and what follows '--' is a comment then; write '|'"
        yield one.warning(told, ("source", "code"))
    if not problems and source.engine.dialect is not None:
        yield from _returns(one, code, source.engine.dialect, config)


def refused(definition: Definition, code: Code, source: Source) -> list[tuple[Route, str]]:
    """Return what is wrong with the statements that the code can become: two in one, or a write where it may only read.

    What the guard's parser doesn't know, or calls unsafe, the database may take all the same from its operator.
    """
    if source.engine.dialect is None:
        return []
    tolerated = (RefusalCode.UNPARSABLE, RefusalCode.UNSAFE_FUNCTION)
    return code.check(source.engine.dialect, read_only=definition.only_reads, tolerate=tolerated)


def _unbindable(definition: Definition, source: Source) -> Iterator[tuple[Route, str]]:
    """Yield parameters of which the engine can take no value, whatever it is."""
    for index, parameter in enumerate(definition.parameters):
        if source.engine.dialect == "mysql" and parameter.format == "timestamp":
            told = f"MySQL takes no moment; declare an integer, and write FROM_UNIXTIME(${parameter.name})"
            yield ("parameters", index, "format"), told


def _returns(one: Loaded, code: Code, dialect: str, config: ProjectConfig) -> Iterator[Problem]:
    """Yield where the columns of a definition's queries can't be what it says that it returns."""
    from dbmcp_core.tools.sql.returns import return_problems, strange_fields

    samples = code.samples()[:MOST_SAMPLES]
    returns = one.definition.returns
    worst: Severity = "warning" if config.uses_mxcp else "error"  # MXCP calls such a project valid
    for route, message, severity in return_problems(samples, dialect, returns, numbers_twins=config.uses_mxcp):
        yield Problem(message, one.place(route), "warning" if severity == "warning" else worst, one.subject)
    for place, rule in enumerate(one.definition.policies.output):
        for field, remedy in strange_fields(samples, dialect, rule.fields).items():
            told = f"the rule hides {field!r}, and the result has no such column{remedy}"
            yield Problem(told, one.place(("policies", "output", place, "fields")), worst, one.subject)


def _tests(one: Loaded, config: ProjectConfig) -> Iterator[Problem]:
    """Yield what no test of the definition can mean: arguments that no parameter has, or takes; nobody's keys."""
    from dbmcp_core.tools.policies.condition import USER_ATTRIBUTES

    definition = one.definition
    names = [parameter.name for parameter in definition.parameters]
    seen: set[str] = set()
    for index, test in enumerate(definition.tests):
        route: Route = ("tests", index)
        if test.name in seen:
            yield one.warning(f"there are two tests {test.name!r}", (*route, "name"))
        seen.add(test.name)
        if not test.model_fields_set - {"name", "description", "arguments", "user_context"}:
            yield one.warning(f"the test {test.name!r} expects nothing: it passes whatever comes", route)
        for key, told in _idle(test, definition.returns):
            yield one.warning(f"the test {test.name!r}: {told}", (*route, key))
        for key in test.user_context or ():
            if key not in (*USER_ATTRIBUTES, "external_token"):
                message = f"the test {test.name!r} gives the user {key!r}{nearest(key, USER_ATTRIBUTES)}"
                yield one.warning(f"{message}, which no policy sees", (*route, "user_context", key))
        if test.error is None and test.denied is None:
            # MXCP runs such a test, whatever comes of it.
            severity: Severity = "warning" if config.uses_mxcp else "error"
            for problem in _arguments(one, index, names):
                yield dataclasses.replace(problem, severity=severity)


def _idle(test: Test, returns: TypeSpec | None) -> Iterator[tuple[str, str]]:
    """Yield what a test expects that can't fail, or that isn't asked, each with its key."""
    asked = {key for key in test.model_fields_set if key.startswith("result")}
    first = next((key for key in ("denied", "error") if getattr(test, key) not in (None, False)), None)
    if first is not None:
        for key in sorted(asked | ({"error"} & test.model_fields_set if first == "denied" else set())):
            yield key, f"{key!r} isn't looked at where the call must {'be denied' if first == 'denied' else 'fail'}"
    if isinstance(test.error, Expectation) and test.error.code is not None:
        codes = {*RefusalCode, *_codes(DbmcpError)}
        if test.error.code not in codes:
            yield "error", f"there is no error code {test.error.code!r}{nearest(test.error.code, codes)}"
    row = returns.items if returns is not None and returns.type == "array" else returns
    if row is not None and row.type == "object" and row.additional_properties is False:
        for name in test.result_not_contains or ():
            if name not in row.properties:
                yield "result_not_contains", f"no result can have a field {name!r}{nearest(name, row.properties)}"
    for key in ("result_contains", "result_contains_all", "result_contains_text"):
        if getattr(test, key) in ({}, [], "") and key in asked:
            yield key, f"{key!r} is empty: every result has that"


def _codes(kind: type[DbmcpError]) -> Iterator[str]:
    yield kind.code
    for one in kind.__subclasses__():
        yield from _codes(one)


def _arguments(one: Loaded, index: int, names: Sequence[str]) -> Iterator[Problem]:
    from dbmcp_core.tools.types.checker import convert

    test = one.definition.tests[index]
    given = {argument.key: argument.value for argument in test.arguments}
    wrong = [place for place, argument in enumerate(test.arguments) if argument.key not in names]
    for place in wrong:
        key = test.arguments[place].key
        told = f"the test {test.name!r} gives {key!r}, which is no parameter{nearest(key, names)}"
        yield one.problem(told, ("tests", index, "arguments", place))
    if wrong:
        return
    try:
        convert(one.definition.parameters, given)
    except ArgumentsInvalid as exc:
        yield one.problem(f"the test {test.name!r}: {exc.message.rstrip('.')}", ("tests", index))

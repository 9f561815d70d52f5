"""What could be better in a definition that is right: what a model, or a reader of it, would miss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dbmcp_core.tools.files.definitions import Loaded
from dbmcp_core.tools.files.documents import Route
from dbmcp_core.tools.model import Prompt, Tool, TypeSpec
from dbmcp_core.tools.problems import Place, Problem, Severity
from dbmcp_core.tools.project import Project

__all__ = ["Issue", "lint"]


@dataclass(frozen=True, slots=True)
class Issue(Problem):
    """Something that could be better; ``location`` is where in the definition: ``tool.parameters[0].description``."""

    location: str = ""
    suggestion: str | None = None


def lint(project: Project) -> Iterator[Issue]:
    """Yield what is wrong and what could be better: errors a model stumbles over, warnings, and mere suggestions."""
    for problem in project.problems:
        yield Issue(problem.message, problem.place, problem.severity, problem.subject)
    for one in project.definitions:
        yield from _definition(one)
        for index, parameter in enumerate(one.definition.parameters):
            yield from _parameter(one, parameter, ("parameters", index), as_mxcp=project.config.uses_mxcp)


def _definition(one: Loaded) -> Iterator[Issue]:
    definition = one.definition
    kind = definition.kind
    if not definition.description:
        lacks = f"the {kind} has no description: a model doesn't know when to use it"
        yield _said(one, "warning", lacks, ("description",), "Say what it does, and when to use it.")
    if not definition.tests and not isinstance(definition, Prompt):  # what a prompt says is up to the model
        yield _said(
            one, "warning", f"the {kind} has no tests", ("tests",), "Add one with its arguments and its result."
        )
    if not definition.tags:
        yield _said(one, "info", f"the {kind} has no tags", ("tags",), "Add words to find it by.")
    for index, test in enumerate(() if isinstance(definition, Prompt) else definition.tests):
        if not test.description:
            lacks = f"the test {test.name!r} has no description"
            yield _said(one, "info", lacks, ("tests", index, "description"), "Say what it shows.")
    if isinstance(definition, Tool) and not definition.annotations.model_fields_set:
        lacks = "the tool has no annotations: is it readOnlyHint: true?"
        yield _said(one, "info", lacks, ("annotations",), "Say whether it only reads: readOnlyHint.")
    if not isinstance(definition, Prompt) and definition.returns is not None:
        yield from _return(one, definition.returns)


def _parameter(one: Loaded, parameter: TypeSpec, route: Route, *, as_mxcp: bool) -> Iterator[Issue]:
    """Yield what a parameter lacks; MXCP wants examples and a default of each, even where its type says it all."""
    name = f"the parameter {parameter.name!r}"
    if not parameter.description:
        lacks = f"{name} has no description: a model has to guess what it means"
        yield _said(one, "error", lacks, (*route, "description"), "Say what it means, and in which unit or form it is.")
    shows_itself = parameter.enum is not None or parameter.has_default or parameter.type == "boolean"
    if not parameter.examples and (as_mxcp or not shows_itself):
        yield _said(one, "info", f"{name} has no examples", (*route, "examples"), "Show one or two values.")
    if as_mxcp and not parameter.has_default:
        yield _said(one, "info", f"{name} has no default", (*route, "default"), "Give it one if it may be left out.")
    yield from _given_away(one, parameter, route, name)
    yield from _inside(one, parameter, route, name)


def _return(one: Loaded, returns: TypeSpec) -> Iterator[Issue]:
    if not returns.description:
        yield _said(
            one, "warning", "the return has no description", ("return", "description"), "Say what the result means."
        )
    yield from _inside(one, returns, ("return",), "the return")


def _inside(one: Loaded, spec: TypeSpec, route: Route, name: str) -> Iterator[Issue]:
    """Yield what the types inside of *spec* lack."""
    for where, what, part in _parts(spec, route, name):
        if not part.description:
            verb = "have" if what.startswith(("the items", "the other")) else "has"
            yield _said(one, "warning", f"{what} {verb} no description", where, "Say what the value means.")
        yield from _given_away(one, part, where, what)
        yield from _inside(one, part, where, what)


def _given_away(one: Loaded, spec: TypeSpec, route: Route, name: str) -> Iterator[Issue]:
    """Yield the keys whose values every client can read in the schema, though they are sensitive."""
    given = {"default": spec.has_default and spec.default is not None, "examples": spec.examples, "enum": spec.enum}
    for key in (key for key, value in given.items() if spec.sensitive and value):
        told = f"{name} is sensitive, and every client is told its {key!r}"
        yield _said(one, "warning", told, (*route, key), "Leave it out, if what it says is secret.")


def _parts(spec: TypeSpec, route: Route, name: str) -> Iterable[tuple[Route, str, TypeSpec]]:
    for key, part in spec.properties.items():
        yield (*route, "properties", key), f"the property {key!r} of {name}", part
    if spec.items is not None:
        yield (*route, "items"), f"the items of {name}", spec.items
    if isinstance(spec.additional_properties, TypeSpec):
        yield (*route, "additionalProperties"), f"the other properties of {name}", spec.additional_properties


def _said(one: Loaded, severity: Severity, message: str, route: Route, suggestion: str) -> Issue:
    place: Place = one.place(route)  # of what isn't there, that of what it is missing in
    return Issue(message, place, severity, one.subject, _location((*one.route, *route)), suggestion)


def _location(route: Route) -> str:
    """Return *route* as people write it: ``tool.parameters[0].description``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in route).removeprefix(".")

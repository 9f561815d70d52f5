"""What could be better in a definition that is right: what a model, or a reader of it, would miss."""

from __future__ import annotations

from collections.abc import Iterator

from dbmcp_core.tools.documents import Route
from dbmcp_core.tools.files import Loaded
from dbmcp_core.tools.model import Prompt, Tool, TypeSpec
from dbmcp_core.tools.problems import Problem, Severity
from dbmcp_core.tools.project import Project

__all__ = ["lint"]


def lint(project: Project) -> Iterator[Problem]:
    """Yield what could be better: errors a model stumbles over, warnings, and mere suggestions."""
    for one in project.definitions:
        yield from _definition(one)


def _definition(one: Loaded) -> Iterator[Problem]:
    definition = one.definition
    if not definition.description:
        yield _said(one, "warning", f"the {definition.kind} has no description: a model doesn't know when to use it")
    if not definition.tests:
        yield _said(one, "warning", f"the {definition.kind} has no tests")
    if not definition.tags:
        yield _said(one, "info", f"the {definition.kind} has no tags")
    for index, test in enumerate(definition.tests):
        if not test.description:
            yield _said(one, "info", f"the test {test.name!r} has no description", ("tests", index))
    if isinstance(definition, Tool) and not definition.annotations.model_fields_set:
        yield _said(one, "info", "the tool has no annotations: is it readOnlyHint: true?")
    for index, parameter in enumerate(definition.parameters):
        yield from _parameter(one, parameter, ("parameters", index))
    if not isinstance(definition, Prompt) and definition.returns is not None:
        if not definition.returns.description:
            yield _said(one, "warning", "the return has no description", ("return",))
        yield from _inside(one, definition.returns, ("return",), "the return")


def _parameter(one: Loaded, parameter: TypeSpec, route: Route) -> Iterator[Problem]:
    name = f"the parameter {parameter.name!r}"
    if not parameter.description:
        yield _said(one, "error", f"{name} has no description: a model has to guess what it means", route)
    if not parameter.examples and not parameter.enum:
        yield _said(one, "info", f"{name} has no examples", route)
    if not parameter.has_default:
        yield _said(one, "info", f"{name} has no default", route)
    yield from _inside(one, parameter, route, name)


def _inside(one: Loaded, spec: TypeSpec, route: Route, name: str) -> Iterator[Problem]:
    """Yield what the types inside of *spec* lack."""
    parts: list[tuple[Route, str, TypeSpec]] = [
        ((*route, "properties", key), f"the property {key!r} of {name}", part) for key, part in spec.properties.items()
    ]
    if spec.items is not None:
        parts.append(((*route, "items"), f"the items of {name}", spec.items))
    for where, what, part in parts:
        if not part.description:
            verb = "have" if what.startswith("the items") else "has"
            yield _said(one, "warning", f"{what} {verb} no description", where)
        yield from _inside(one, part, where, what)


def _said(one: Loaded, severity: Severity, message: str, route: Route = ()) -> Problem:
    return Problem(message, one.place(route), severity, one.subject)

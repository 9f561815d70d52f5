"""A project's definitions: ``run`` and ``list``."""

from __future__ import annotations

import json as jsons
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbmcp_core import NotFound, Running
from dbmcp_server.cli.envelope import AsEnvelope, answer, enveloped
from dbmcp_server.cli.output import note, table, write
from dbmcp_server.cli.project import (
    Kind,
    Profile,
    ProjectFolder,
    ReadOnly,
    UserContext,
    from_file,
    opened_project,
    require,
    user_of,
)
from dbmcp_server.cli.setup import DOOR, interruptible
from dbmcp_server.cli.told import by_place, inside, place

if TYPE_CHECKING:
    from dbmcp_core.tools.project import Project
    from dbmcp_core.tools.toolbox import Toolbox

__all__ = ["list_all", "run"]


def run(
    kind: Annotated[Kind, typer.Argument(help="tool, resource or prompt.")],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its name; a resource's URI, as it is defined or filled in.")
    ],
    *,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param", "-p", metavar="KEY=VALUE|KEY=@FILE", help="An argument; from a file as JSON. Repeat it."
        ),
    ] = None,
    user_context: UserContext = None,
    request_headers: Annotated[
        str | None, typer.Option("--request-headers", metavar="JSON|@FILE", help="Headers as those of a request.")
    ] = None,
    skip_output_validation: Annotated[
        bool, typer.Option("--skip-output-validation", help="Don't hold the result to the type that is declared.")
    ] = False,
    json: AsEnvelope = False,
    project: ProjectFolder = None,
    profile: Profile = None,
    read_only: ReadOnly = None,
) -> None:
    """Call one tool, resource or prompt of a project, and print what it returns.

    Text on the command line is converted to the type of its parameter, as it is over MCP.
    """
    with enveloped(json):
        from dbmcp_core.tools.toolbox import ToolCall

        arguments = _arguments(param or ())
        user, headers = user_of(user_context), _headers(request_headers)
        running = Running()
        with opened_project(project, profile=profile, read_only=read_only, ignore_errors=True) as toolbox:
            key, inside_uri = _meant(toolbox, kind.value, name)
            _refuse_absent(toolbox, kind.value, key)
            call = ToolCall(
                kind.value,
                key,
                {**inside_uri, **arguments},
                user,
                door=DOOR,
                headers=headers,
                tell=_tell,
                checks_result=not skip_output_validation,
            )
            found = interruptible(lambda: toolbox.call(call, running), running)
        if json:
            answer(found.value, truncated=found.truncated)
            return
        text = found.value if isinstance(found.value, str) else jsons.dumps(found.value, ensure_ascii=False, indent=2)
        write(f"{text}\n")
        if found.truncated:
            note("There are more rows than these.")


def _meant(toolbox: Toolbox, kind: str, name: str) -> tuple[str, Mapping[str, str]]:
    """Return the key of a definition, and what a resource's URI that is filled in says of its parameters."""
    from dbmcp_core.tools.model import Resource

    for one in toolbox.project.of(kind) if toolbox.project.find(kind, name) is None else ():
        given = one.definition.arguments_in(name) if isinstance(one.definition, Resource) else None
        if given is not None:
            return one.definition.key, given
    return name, {}


def _refuse_absent(toolbox: Toolbox, kind: str, name: str) -> None:
    """Say why a definition is left out, where it was turned off or something is wrong with it."""
    from dbmcp_core.tools.problems import ProjectInvalid

    if toolbox.project.find(kind, name) is None:
        for one in toolbox.project.disabled:
            if one.subject == f"{kind}:{name}":
                raise NotFound(f"The {kind} {name!r} isn't enabled.", hint=f"See {place(one.place(('enabled',)))}.")
        errors = toolbox.project.errors
        # Nobody knows what a file has that can't be read, or that says nowhere what its definition is called.
        problems = [one for one in errors if one.subject == f"{kind}:{name}"]
        problems = problems or [one for one in errors if not one.subject]
        if problems:
            raise ProjectInvalid(by_place(problems))


def _tell(kind: str, what: Any) -> None:
    note(f"{kind}: {what[2] or what[0] if kind == 'progress' else what}")


def _arguments(given: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"-p wants KEY=VALUE, not {one!r}.")
        found[name] = from_file(value[1:]) if value.startswith("@") else value
    return found


def _headers(given: str | None) -> dict[str, str]:
    if given is None:
        return {}
    found = from_file(given[1:]) if given.startswith("@") else _json(given, "--request-headers")
    if not isinstance(found, dict):
        raise typer.BadParameter("--request-headers wants a JSON object.")
    return {str(key).lower(): str(value) for key, value in found.items()}


def _json(text: str, what: str) -> Any:
    try:
        return jsons.loads(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{what} is not JSON: {exc}") from None


def list_all(*, json: AsEnvelope = False, project: ProjectFolder = None, profile: Profile = None) -> None:
    """List the tools, resources and prompts of a project, and what is wrong with it."""
    with enveloped(json):
        found = require(project, profile=profile, warn=not json).load()
        if json:
            answer({"status": "ok", "endpoints": [*_listed(found)]})
            return
        rows = [
            (one.definition.kind, one.definition.key, inside(one.document.path, found.config.folder))
            for one in found.definitions
        ]
        descriptions = [one.definition.description for one in found.definitions]
        table(
            ["kind", "name", "path", "description"],
            [(kind, key, str(path), text) for (kind, key, path), text in zip(rows, descriptions, strict=True)],
        )
        for problem in by_place(found.errors):
            note(f"{place(problem.place)}: error: {problem.message}")


def _listed(project: Project) -> Iterator[dict[str, Any]]:
    """Yield every definition, and every file that has none because of what is wrong with it."""
    wrong: dict[tuple[str, str], list[str]] = {}
    for problem in project.errors:
        wrong.setdefault((str(problem.place.path), problem.subject), []).append(str(problem))
    for one in project.definitions:
        path = str(one.document.path)
        yield {
            "path": path,
            "kind": one.definition.kind,
            "name": one.definition.key,
            "description": one.definition.description,
            "error": "; ".join(wrong.pop((path, one.subject), [])),
        }
    for (path, subject), told in wrong.items():
        kind, _, name = subject.partition(":")
        known = {"kind": kind if name else "unknown", "name": name or "unknown"}
        yield {"path": path, **known, "description": None, "error": "; ".join(told)}

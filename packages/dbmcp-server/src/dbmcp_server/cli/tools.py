"""A project's definitions: ``run``, ``list``, ``validate``, ``lint`` and ``test``."""

from __future__ import annotations

import json as jsons
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbmcp_core import Running
from dbmcp_server.cli.envelope import AsEnvelope, answer, enveloped, writing
from dbmcp_server.cli.failure import FAILED
from dbmcp_server.cli.output import note, table, write
from dbmcp_server.cli.project import (
    Profile,
    ProjectFolder,
    ReadOnly,
    UserContext,
    opened_project,
    require,
    running,
    user_of,
)
from dbmcp_server.cli.setup import DOOR, interruptible

if TYPE_CHECKING:
    from dbmcp_core.tools.expectations import TestResult
    from dbmcp_core.tools.problems import Problem
    from dbmcp_core.tools.project import Project
    from dbmcp_core.tools.toolbox import Toolbox

__all__ = ["lint", "list_all", "run", "run_tests", "validate"]

_SEVERITIES = ("error", "warning", "info")


class Kind(StrEnum):
    """What can be called."""

    TOOL = "tool"
    RESOURCE = "resource"
    PROMPT = "prompt"


class Severity(StrEnum):
    """How bad what ``lint`` tells must be."""

    ALL = "all"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


def run(
    kind: Annotated[Kind, typer.Argument(help="tool, resource or prompt.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, or a resource's URI as it is defined.")],
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
        call = ToolCall(
            kind.value, name, arguments, user_of(user_context), door=DOOR, headers=_headers(request_headers), tell=_tell
        )
        running = Running()
        with opened_project(project, profile=profile, read_only=read_only, ignore_errors=True) as toolbox:
            found = interruptible(lambda: toolbox.call(call, running), running)
        if json:
            answer(found.value)
            return
        text = found.value if isinstance(found.value, str) else jsons.dumps(found.value, ensure_ascii=False, indent=2)
        write(f"{text}\n")
        if found.truncated:
            note("There are more rows than these.")


def _tell(kind: str, what: Any) -> None:
    note(f"{kind}: {what[2] or what[0] if kind == 'progress' else what}")


def _arguments(given: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"-p wants KEY=VALUE, not {one!r}.")
        found[name] = _from_file(value[1:]) if value.startswith("@") else value
    return found


def _from_file(path: str) -> Any:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise typer.BadParameter(f"{path} can't be read: {exc}") from None
    try:
        return jsons.loads(text)
    except ValueError:
        if path.endswith(".json"):
            raise typer.BadParameter(f"{path} is not JSON.") from None
        return text


def _headers(given: str | None) -> dict[str, str]:
    if given is None:
        return {}
    found = _from_file(given[1:]) if given.startswith("@") else _json(given, "--request-headers")
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
            (one.definition.kind, one.definition.key, _relative(one.document.path, found.config.folder))
            for one in found.definitions
        ]
        descriptions = [one.definition.description for one in found.definitions]
        table(
            ["kind", "name", "path", "description"],
            [(kind, key, str(path), text) for (kind, key, path), text in zip(rows, descriptions, strict=True)],
        )
        for problem in found.errors:
            note(f"error: {problem}")


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
    for (path, _), told in wrong.items():
        yield {"path": path, "kind": "unknown", "name": "unknown", "description": None, "error": "; ".join(told)}


def _relative(path: Path, folder: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def validate(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="One file; left out, all of them.")] = None,
    *,
    json: AsEnvelope = False,
    project: ProjectFolder = None,
    profile: Profile = None,
    read_only: ReadOnly = None,
) -> None:
    """Check every definition of a project: its keys, types, templates, SQL, Python and policies. Calls none of them.

    Python files are loaded, and databases are asked to prepare the SQL; one that can't be reached is a warning.
    """
    with enveloped(json):
        from dbmcp_core.tools.validating import validated

        wanted = file.resolve() if file is not None else None
        if wanted is not None and not wanted.is_file():
            raise typer.BadParameter(f"There is no file {file}.")
        config = require(project, profile=profile, read_only=read_only, warn=not json)
        with running(config, is_recorded=False) as executor:
            found = validated(config.project, executor, lambda one: wanted in (None, one.document.path.resolve()))
        problems = [one for one in found.problems if wanted in (None, one.place.path.resolve())]
        files = {one.document.path for one in found.definitions} | {one.place.path for one in found.problems}
        files = {path for path in files if wanted in (None, path.resolve())}
        failed = any(problem.severity == "error" for problem in problems)
        if json:
            entries = _by_file(files, problems, found.config.folder)
            all_of_them = {"status": "error" if failed else "ok", "validated": entries}
            answer(entries[0] if wanted is not None and len(entries) == 1 else all_of_them, failed=failed)
            return
        for problem in problems:
            write(f"{problem.severity}: {problem}\n")
        wrong = len({one.place.path for one in problems if one.severity == "error"})
        note(f"{len(files)} files, {wrong} with errors.")
        if failed:
            raise typer.Exit(FAILED)


def _by_file(files: set[Path], problems: Sequence[Problem], folder: Path) -> Any:
    found = []
    for path in sorted(files):
        told = [one for one in problems if one.place.path == path]
        status = "error" if any(one.severity == "error" for one in told) else "ok"
        entry: dict[str, Any] = {"path": str(_relative(path, folder)), "status": status}
        if told:
            entry["message"] = "; ".join(one.message for one in told)
            entry["problems"] = [_problem(one) for one in told]
        found.append(entry)
    return found


def _problem(one: Problem) -> dict[str, Any]:
    place = one.place
    return {
        "severity": one.severity,
        "path": str(place.path),
        "line": place.line,
        "column": place.column,
        "subject": one.subject,
        "message": one.message,
    }


def lint(
    *,
    severity: Annotated[Severity, typer.Option(help="The least severity to tell.")] = Severity.ALL,
    json: AsEnvelope = False,
    project: ProjectFolder = None,
    profile: Profile = None,
) -> None:
    """Say what could be better in a project's definitions. Exits with 1 where a model would stumble (errors)."""
    with enveloped(json):
        from dbmcp_core.tools import lint as linting

        found = require(project, profile=profile, warn=not json).load()
        least = len(_SEVERITIES) if severity is Severity.ALL else _SEVERITIES.index(severity.value) + 1
        issues = [*found.problems, *linting.lint(found)]
        issues = [one for one in issues if one.severity in _SEVERITIES[:least]]
        failed = any(one.severity == "error" for one in issues)
        if json:
            answer([_problem(one) for one in issues], failed=failed)
            return
        for one in issues:
            write(f"{one.severity}: {one}\n")
        counts = ", ".join(f"{sum(one.severity == kind for one in issues)} {kind}" for kind in _SEVERITIES)
        note(f"{len(found.definitions)} definitions: {counts}.")
        if failed:
            raise typer.Exit(FAILED)


def run_tests(
    kind: Annotated[Kind | None, typer.Argument(help="tool, resource or prompt; left out, all.")] = None,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One of them; left out, all.")] = None,
    *,
    user_context: UserContext = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the results as JUnit's XML too.")
    ] = None,
    json: AsEnvelope = False,
    project: ProjectFolder = None,
    profile: Profile = None,
    read_only: ReadOnly = None,
) -> None:
    """Run the tests that definitions carry. Exits with 1 unless all pass."""
    with enveloped(json):
        from dbmcp_core.tools import expectations

        user = user_of(user_context) if user_context is not None else None
        with opened_project(
            project, profile=profile, read_only=read_only, ignore_errors=True, is_recorded=False
        ) as toolbox:
            results = [*expectations.run(toolbox, kind=kind.value if kind else None, key=name, user=user)]
            errors = [] if name else toolbox.project.errors
        if junit is not None:
            from dbmcp_server.cli.junit import write_junit

            with writing(junit):
                write_junit(junit, results)
        failed = bool(errors) or any(one.status != "passed" for one in results)
        if json:
            answer(_tested(toolbox, results, errors, failed=failed), failed=failed)
            return
        for problem in errors:
            write(f"error    {problem}\n")
        for one in results:
            write(f"{one.status:8} {one.kind} {one.key}: {one.name}{f': {one.message}' if one.message else ''}\n")
        passed = sum(one.status == "passed" for one in results)
        note(f"{len(results)} tests, {passed} passed.")
        if failed:
            raise typer.Exit(FAILED)


def _tested(
    toolbox: Toolbox, results: Sequence[TestResult], errors: Sequence[Problem], *, failed: bool
) -> dict[str, Any]:
    """Return the results by definition, those without a test among them, as MXCP has them."""
    endpoints = []
    for one in toolbox.project.definitions:
        kind, key = one.definition.kind, one.definition.key
        tests = [_result(test) for test in results if (test.kind, test.key) == (kind, key)]
        status = "ok" if all(test["status"] == "passed" for test in tests) else "failed"
        told = {"status": status, "tests_run": len(tests), "tests": tests, "no_tests": not tests}
        path = str(_relative(one.document.path, toolbox.project.config.folder))
        endpoints.append({"endpoint": f"{kind}/{key}", "path": path, "test_results": told})
    return {
        "status": "failed" if failed else "ok",
        "tests_run": len(results),
        "endpoints": endpoints,
        "errors": [str(problem) for problem in errors],
    }


def _result(one: TestResult) -> dict[str, Any]:
    return {"name": one.name, "status": one.status, "error": one.message, "time": round(one.elapsed_s, 4)}

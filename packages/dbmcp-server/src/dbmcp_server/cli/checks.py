"""Whether a project's definitions are right: ``validate``, ``lint`` and ``test``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbmcp_server.cli.envelope import AsEnvelope, answer, enveloped, writing
from dbmcp_server.cli.failure import FAILED
from dbmcp_server.cli.output import note, write_line
from dbmcp_server.cli.project import (
    Kind,
    Profile,
    ProjectFolder,
    ReadOnly,
    UserContext,
    opened_project,
    require,
    running,
    user_of,
)
from dbmcp_server.cli.told import COLOURS, by_place, counted, inside, one_line, place, problem_json, summary, tell

if TYPE_CHECKING:
    from dbmcp_core.tools.problems import Problem
    from dbmcp_core.tools.project import ProjectConfig
    from dbmcp_core.tools.review.expectations import TestResult
    from dbmcp_core.tools.review.lint import Issue
    from dbmcp_core.tools.toolbox import Toolbox

__all__ = ["lint", "run_tests", "validate"]

_SEVERITIES = ("error", "warning", "info")


class Severity(StrEnum):
    """How bad what ``lint`` tells must be."""

    ALL = "all"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


def validate(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="One file; left out, all of them.")] = None,
    *,
    init: Annotated[
        bool, typer.Option("--init", help="Run what the project has under on_init first: it may make the tables.")
    ] = False,
    json: AsEnvelope = False,
    project: ProjectFolder = None,
    profile: Profile = None,
    read_only: ReadOnly = None,
) -> None:
    """Check every definition of a project: its keys, types, templates, SQL, Python and policies. Calls none of them.

    Python files are loaded, and databases are asked to prepare the SQL; one that can't be reached is a warning.
    Exits with 1 where something is wrong.
    """
    with enveloped(json):
        from dbmcp_core.tools.files.validating import validated

        wanted = os.path.realpath(file) if file is not None else None  # a loop of links is no error there
        if file is not None and not file.is_file():
            raise typer.BadParameter(f"There is no file {file}.")
        config = require(project, profile=profile, read_only=read_only, warn=not json)
        with running(config, is_recorded=False) as executor:
            found = validated(
                config.project, executor, lambda one: wanted in (None, os.path.realpath(one.document.path)), init=init
            )
        problems = [one for one in found.problems if wanted in (None, os.path.realpath(one.place.path))]
        files = {one.document.path for one in found.definitions}
        files = {path for path in files if wanted in (None, os.path.realpath(path))}
        failed = any(problem.severity == "error" for problem in problems)
        if file is not None and not files and not failed:
            problems, failed = [_not_read(file, found.config)], True
        files |= {one.place.path for one in problems}
        if json:
            entries = _by_file(files, problems, found.config.folder)
            all_of_them = {"status": "error" if failed else "ok", "validated": entries}
            answer(entries[0] if wanted is not None and len(entries) == 1 else all_of_them, failed=failed)
            return
        tell(problems)
        wrong = len({one.place.path for one in problems if one.severity == "error"})
        summary(f"{counted(len(files), 'file')}{f', {wrong} wrong' if wrong else ''}", ("error", "warning"), problems)
        if failed:
            raise typer.Exit(FAILED)


def _not_read(file: Path, config: ProjectConfig) -> Problem:
    from dbmcp_core.tools.problems import Place, Problem

    folders = ", ".join(dict.fromkeys(str(inside(folder, config.folder)) for folder in config.kinds.values()))
    ending = " or ".join(config.endings)
    return Problem(f"defines nothing that is enabled; files are read that end with {ending}, in {folders}", Place(file))


def _by_file(files: set[Path], problems: Sequence[Problem], folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted(files):
        told = [one for one in problems if one.place.path == path]
        status = "error" if any(one.severity == "error" for one in told) else "ok"
        entry: dict[str, Any] = {"path": str(inside(path, folder)), "status": status}
        if told:
            entry["message"] = "; ".join(one.message for one in told)
            entry["problems"] = [problem_json(one) for one in told]
        found.append(entry)
    return found


def lint(
    *,
    severity: Annotated[Severity, typer.Option(help="The least severity to tell.")] = Severity.ALL,
    json: AsEnvelope = False,
    project: ProjectFolder = None,
    profile: Profile = None,
) -> None:
    """Say what could be better in a project's definitions. Exits with 1 where a model would stumble (errors)."""
    with enveloped(json):
        from dbmcp_core.tools.review import lint as linting

        found = require(project, profile=profile, warn=not json).load()
        least = len(_SEVERITIES) if severity is Severity.ALL else _SEVERITIES.index(severity.value) + 1
        issues = [one for one in linting.lint(found) if one.severity in _SEVERITIES[:least]]
        failed = any(one.severity == "error" for one in issues)
        if json:
            answer([_issue(one) for one in issues], failed=failed)
            return
        tell(issues)
        summary(counted(len(found.definitions), "definition"), _SEVERITIES[:least], issues)
        if failed:
            raise typer.Exit(FAILED)


def _issue(one: Issue) -> dict[str, Any]:
    return {**problem_json(one), "location": one.location, "suggestion": one.suggestion}


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
    """Run the tests that definitions carry. Exits with 1 unless all pass and every file can be loaded."""
    with enveloped(json):
        from dbmcp_core.tools.review import expectations

        user = user_of(user_context) if user_context is not None else None
        with opened_project(
            project, profile=profile, read_only=read_only, ignore_errors=True, is_recorded=False
        ) as toolbox:
            results = [*expectations.run(toolbox, kind=kind.value if kind else None, key=name, user=user)]
            errors = [] if name else by_place(toolbox.project.errors)
        if junit is not None:
            from dbmcp_server.cli.junit import write_junit

            with writing(junit):
                write_junit(junit, toolbox.project.config.name, results, errors)
        failed = bool(errors) or any(one.status != "passed" for one in results)
        if json:
            answer(_single(results) if name else _tested(toolbox, results, errors), failed=failed)
            return
        tell(errors)
        for one in results:
            _tell_result(one)
        _tell_sum(results, errors)
        if failed:
            raise typer.Exit(FAILED)


def _tell_result(one: TestResult) -> None:
    write_line((f"{one.status:6}", COLOURS[one.status]), f"  {one.kind} {one.key}: {one.name}")
    if one.message:
        write_line(f"        {place(one.place)}: {one_line(one.message)}")


def _tell_sum(results: Sequence[TestResult], errors: Sequence[Problem]) -> None:
    counts = {name: sum(one.status == name for one in results) for name in ("passed", "failed", "error")}
    told = [f"{counts['passed']:,} passed"]
    told += [f"{counts['failed']:,} failed"] if counts["failed"] else []
    told += [counted(counts["error"], "error")] if counts["error"] else []
    beside = f" {counted(len(errors), 'problem')} in files that weren't tested." if errors else ""
    elapsed_s = sum(one.elapsed_s for one in results)
    note(f"{counted(len(results), 'test')}: {', '.join(told)}, in {elapsed_s:.2f} s.{beside}")


def _tested(toolbox: Toolbox, results: Sequence[TestResult], errors: Sequence[Problem]) -> dict[str, Any]:
    """Return the results by definition, those without a test and files that are wrong among them, as MXCP has them."""
    folder = toolbox.project.config.folder
    tests: dict[tuple[str, str], list[TestResult]] = {}
    for test in results:
        tests.setdefault((test.kind, test.key), []).append(test)
    endpoints = []
    for one in toolbox.project.definitions:
        kind, key = one.definition.kind, one.definition.key
        told = _single(tests.get((kind, key), ()))
        path = str(inside(one.document.path, folder))
        endpoints.append({"endpoint": f"{kind}/{key}", "path": path, "test_results": told})
    endpoints += _untested(errors, folder)
    return {
        "status": _worst([*(one.status for one in results), *("error" for _ in errors)]),
        "tests_run": len(results),
        "endpoints": endpoints,
        "errors": [str(problem) for problem in errors],
    }


def _untested(errors: Sequence[Problem], folder: Path) -> list[dict[str, Any]]:
    """Return the definitions that have no result because of *errors*, or the files."""
    wrong: dict[tuple[Path, str], list[str]] = {}
    for problem in errors:
        wrong.setdefault((problem.place.path, problem.subject), []).append(problem.message)
    return [
        {
            "endpoint": subject.replace(":", "/", 1) or str(path),
            "path": str(inside(path, folder)),
            "test_results": {**_single(()), "status": "error", "no_tests": False, "message": "; ".join(told)},
        }
        for (path, subject), told in wrong.items()
    ]


def _single(results: Sequence[TestResult]) -> dict[str, Any]:
    return {
        "status": _worst([one.status for one in results]),
        "tests_run": len(results),
        "tests": [_result(one) for one in results],
        "no_tests": not results,
    }


def _worst(statuses: Sequence[str]) -> str:
    return next((name for name in ("error", "failed") if name in statuses), "ok")


def _result(one: TestResult) -> Mapping[str, Any]:
    told = {"name": one.name, "description": one.description, "status": one.status}
    return {**told, **({"error": one.message} if one.message else {}), "time": round(one.elapsed_s, 6)}

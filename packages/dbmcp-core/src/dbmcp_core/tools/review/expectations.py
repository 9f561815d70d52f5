"""The tests that definitions carry: run them, and say where a result isn't what was expected."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dbmcp_core.errors import DbmcpError, PolicyDenied
from dbmcp_core.tools.endpoint import Endpoint
from dbmcp_core.tools.model import Expectation, Test
from dbmcp_core.tools.problems import Place
from dbmcp_core.tools.toolbox import Toolbox, ToolCall
from dbmcp_core.tools.user import ANONYMOUS, User

__all__ = ["TestResult", "differences", "run"]

#: Characters of a value that a message shows.
_MOST_SHOWN = 300


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test that was run. ``failed`` is a result that differs, ``error`` a call that didn't come so far."""

    __test__ = False

    kind: str
    key: str
    name: str
    status: Literal["passed", "failed", "error"]
    message: str | None
    elapsed_s: float
    place: Place
    description: str = ""


def run(
    toolbox: Toolbox, *, kind: str | None = None, key: str | None = None, user: User | None = None
) -> Iterator[TestResult]:
    """Run the tests of one definition, of all of one *kind*, or of all, and yield what became of each.

    *user* calls, whatever a test's own ``user_context`` says.
    """
    for endpoint in _chosen(toolbox, kind, key):
        for index, test in enumerate(endpoint.definition.tests):
            yield _run(toolbox, endpoint, index, test, user)


def _chosen(toolbox: Toolbox, kind: str | None, key: str | None) -> list[Endpoint]:
    if kind is not None and key is not None:
        return [toolbox.endpoint(kind, key)]
    return [
        one for which in ("tool", "resource", "prompt") if kind in (None, which) for one in toolbox.endpoints(which)
    ]


def _run(toolbox: Toolbox, endpoint: Endpoint, index: int, test: Test, user: User | None) -> TestResult:
    definition = endpoint.definition
    started = time.perf_counter()
    message: str | None
    status: Literal["passed", "failed", "error"]
    try:
        caller = user or (User.from_mapping(test.user_context) if test.user_context is not None else ANONYMOUS)
        arguments = {argument.key: argument.value for argument in test.arguments}
        call = ToolCall(definition.kind, definition.key, arguments, caller, door="test")
        answer = toolbox.call(call)
    except (DbmcpError, ValueError) as exc:
        status, message = _of_error(exc, test)
    else:
        as_mxcp = toolbox.project.config.uses_mxcp
        told = [*_unraised(test), *differences(_subject(definition.kind, answer.value), test, as_mxcp=as_mxcp)]
        status, message = ("failed", "; ".join(told)) if told else ("passed", None)
    return TestResult(
        definition.kind,
        definition.key,
        test.name,
        status,
        message,
        time.perf_counter() - started,
        endpoint.loaded.place(("tests", index)),
        test.description or "",
    )


def _unraised(test: Test) -> Iterator[str]:
    if test.denied not in (None, False):
        yield "the call was not denied"
    if test.error not in (None, False):
        yield "the call did not fail"


def _of_error(exc: Exception, test: Test) -> tuple[Literal["passed", "failed", "error"], str | None]:
    """Return what an error means where one may have been expected."""
    text = f"{exc.code}: {exc}" if isinstance(exc, DbmcpError) else str(exc)
    if test.denied not in (None, False):
        if not isinstance(exc, PolicyDenied):
            return "failed", f"the call was not denied, it failed: {text}"
        wanted = test.denied if isinstance(test.denied, str) else ""
        return ("passed", None) if wanted in str(exc) else ("failed", f"the reason has no {wanted!r}: {text}")
    if test.error not in (None, False):
        expected = test.error if isinstance(test.error, Expectation) else Expectation(contains=_text(test.error))
        if expected.code is not None and expected.code != getattr(exc, "code", None):
            return "failed", f"the error is not {expected.code!r}: {text}"
        if expected.contains is not None and expected.contains not in text:
            return "failed", f"the error has no {expected.contains!r}: {text}"
        return "passed", None
    return "error", text


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _subject(kind: str, value: Any) -> Any:
    """Return what the assertions are about: of a prompt its last answer, as JSON if it is that; [] for nothing."""
    if kind == "prompt" and isinstance(value, list):
        answers = [one.get("prompt", "") for one in value if one.get("role") == "assistant"]
        value = str(answers[-1]).strip() if answers else value
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                return value
    return [] if value is None else value


def differences(value: Any, test: Test, *, as_mxcp: bool = False) -> Iterator[str]:
    """Yield what is not as *test* expects it; for MXCP ``result: null`` expects nothing."""
    is_expected = "result" in test.model_fields_set and not (as_mxcp and test.result is None)
    if is_expected and not _same(value, [] if test.result is None else test.result):
        yield f"expected {_shown(test.result)}, got {_shown(value)}"
    if "result_contains" in test.model_fields_set and not _contains(value, test.result_contains):
        yield f"{_shown(test.result_contains)} is not in {_shown(value)}"
    for name in test.result_not_contains or ():
        if any(name in row for row in _objects(value)):
            yield f"the field {name!r} is in the result, and shouldn't be"
    if test.result_contains_item is not None:
        yield from _missing(value, [test.result_contains_item])
    if test.result_contains_all is not None:
        yield from _missing(value, test.result_contains_all)
    if test.result_length is not None and (length := _length(value)) != test.result_length:
        yield f"expected {test.result_length} items, got {'no list' if length is None else length}"
    if test.result_contains_text is not None and test.result_contains_text not in _as_text(value):
        yield f"the text {test.result_contains_text!r} is not in {_shown(value)}"


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, (list, str, Mapping)) else None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _contains(value: Any, expected: Any) -> bool:
    if isinstance(value, list):
        return any(_has(item, expected) for item in value)
    return _has(value, expected)


def _missing(value: Any, expected: list[Any]) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"expected a list, got {_shown(value)}"
        return
    for one in expected:
        if not any(_has(item, one) for item in value):
            yield f"no item is or has {_shown(one)}"


def _has(value: Any, expected: Any) -> bool:
    """Return whether *value* is *expected*, or, an object, has all of its fields with their values."""
    if isinstance(expected, Mapping) and isinstance(value, Mapping):
        return all(key in value and _same(value[key], part) for key, part in expected.items())
    return _same(value, expected)


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON: 1 is 1.0, and true is neither."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, Mapping)]


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"

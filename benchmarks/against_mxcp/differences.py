"""The names of all differences: which of the two is right, and why. What has no name is open."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from against_mxcp.calls import Call
from against_mxcp.systems import Answer

#: These two need no name.
SAME, BOTH_REFUSE = "the same answer", "both refuse"

_Rule = Callable[[Call, Answer, Answer], bool]


def name(call: Call, theirs: Answer, ours: Answer) -> str | None:
    """Return what the two answers of a *call* are to each other, or None where nobody has said."""
    if not theirs.ok and not ours.ok:
        return BOTH_REFUSE
    if theirs.ok and ours.ok and _same(theirs.value, ours.value) and _same(theirs.blocks, ours.blocks):
        return SAME
    rules = _DIFFERENT if theirs.ok and ours.ok else _REFUSED_BY_MXCP if ours.ok else _REFUSED_BY_US
    return next((text for text, fits in rules.items() if fits(call, theirs, ours)), None)


def _same(one: Any, other: Any) -> bool:
    """Whether two values are one in JSON, in which 3 and 3.0 are the same number and keys have no order."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


def _they_say(pattern: str) -> _Rule:
    found = re.compile(pattern)
    return lambda _call, theirs, _ours: bool(found.search(theirs.error))


def _we_say(pattern: str) -> _Rule:
    found = re.compile(pattern)
    return lambda _call, _theirs, ours: bool(found.search(ours.error))


def _apart_from(*changes: Callable[[Any], Any]) -> _Rule:
    """Return a rule for answers that are the same when every value in them went through *changes*."""

    def fits(_call: Call, theirs: Answer, ours: Answer) -> bool:
        return all(
            _same(_everywhere(changes, one), _everywhere(changes, other))
            for one, other in ((theirs.value, ours.value), (theirs.blocks, ours.blocks))
        )

    return fits


def _everywhere(changes: tuple[Callable[[Any], Any], ...], value: Any) -> Any:
    if isinstance(value, list):
        value = [_everywhere(changes, item) for item in value]
    elif isinstance(value, dict):
        value = {key: _everywhere(changes, item) for key, item in value.items()}
    for change in changes:
        value = change(value)
    return value


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _no_nulls(value: Any) -> Any:
    return [item for item in value if item is not None] if isinstance(value, list) else value


def _day(value: Any) -> Any:
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ]00:00:00", value) if isinstance(value, str) else None
    return found[1] if found else value


def _rounded(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _true_given(call: Call, theirs: Answer, ours: Answer) -> bool:
    given = any(value is True for value in call.arguments.values())
    return given and _apart_from(_typed_message, _lower)(call, theirs, ours)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _without_nulls(value: Any) -> Any:
    return {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value


def _typed_message(value: Any) -> Any:
    return {**value, "type": value["type"] or "text"} if isinstance(value, dict) and "prompt" in value else value


def _listed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and re.fullmatch(r"\[.*\]", value) else value


def _without_errors(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "…" if "error" in key or key == "db_invalid_query" else item for key, item in value.items()}
    return value


def _timeless(value: Any) -> Any:
    return re.sub(r"\d\d:\d\d:\d\d\.\d+", "…", value) if isinstance(value, str) else value


def _by_chance(call: Call, theirs: Answer, ours: Answer) -> bool:
    """Whether they have the same keys where the code draws random numbers: rows, and how many, are chance."""
    drawn = call.name in ("aggregate_by_category", "process_time_series", "create_sample_data")
    return drawn and _keys(theirs.value) == _keys(ours.value)


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


def _undeclared(call: Call, theirs: Answer, ours: Answer) -> bool:
    if theirs.value is not None:
        return False
    return _apart_from(_without_nulls, _listed)(
        call, Answer(True, blocks=theirs.blocks), Answer(True, blocks=ours.blocks)
    )


def _null_given(call: Call, _theirs: Answer, _ours: Answer) -> bool:
    return any(value is None for value in call.arguments.values())


def _text_of_whole(call: Call, theirs: Answer, _ours: Answer) -> bool:
    return "Expected integer, got str" in theirs.error and any(
        isinstance(value, str) and re.fullmatch(r"[+-]?\d+\.0+", value) for value in call.arguments.values()
    )


_REFUSED_BY_MXCP: dict[str, _Rule] = {
    "ours: nobody signs in, and over HTTP it is served to this machine alone": _they_say(
        "401: Authentication required"
    ),
    "ours: what has mistakes in its SQL or template is listed, and its call tells them": lambda call, theirs, _ours: (
        call.kind in ("tools/list", "resources/templates/list", "prompts/list") and theirs.error == "isn't there"
    ),
    "MXCP: what has no parameters is listed as a template": lambda call, theirs, _ours: (
        call.kind == "resources/list" and "{" not in call.name and theirs.error == "isn't there"
    ),
    "MXCP: prompts fail over MCP": _they_say("Could not convert prompt result"),
    "MXCP: a prompt takes no list as JSON text": _they_say("Error rendering prompt (.|\n)*valid list"),
    "MXCP: a resource without parameters can't be read": _they_say("Unknown resource"),
    "MXCP: a number for a limited text fails": _they_say(r"has no len\(\)"),
    "MXCP: large whole numbers become floats, and fail as such": _they_say("Expected integer, got float"),
    "MXCP: one parameter that the code doesn't use, and nothing runs": _they_say(
        "Parameter/argument count mismatch|Unknown tool: (tool2|missing_param)"
    ),
    "MXCP: an extension that can't be downloaded stops all": _they_say("Failed to download extension|doesn't start"),
    "MXCP: properties that nobody sent are null, and its own example fails": _they_say("'NoneType' object has no attr"),
    "MXCP: null for an argument with a default fails, or reaches the code": lambda call, theirs, ours: (
        _null_given(call, theirs, ours)
        and bool(re.search("Must be one of|validation error|unsupported operand", theirs.error))
    ),
    'ours: "7.0" is a whole number': _text_of_whole,
}
_REFUSED_BY_US: dict[str, _Rule] = {
    "MXCP: what has no parameters is listed as a template": lambda call, _theirs, _ours: (
        call.kind == "resources/templates/list" and "{" not in call.name
    ),
    "ours: an argument that no parameter has is an error": _we_say("isn't a parameter"),
    "ours: true isn't 1": _we_say("wants a (whole )?number, not true"),
    'ours: "banana" isn\'t false': _we_say("wants true or false, not"),
    "ours: null slips through no limit": _we_say("not null"),
    "ours: 30.5 is no whole number": _we_say("wants a whole number, not"),
    "ours: a list or an object is no text": _we_say("wants a text, not (a list|an object)"),
    "ours: two definitions of one name are wrong, as MXCP's validate says": _we_say("is defined elsewhere too"),
    "ours: a prompt that asks for what isn't there is an error": _we_say("is undefined|has no attribute"),
}
_DIFFERENT: dict[str, _Rule] = {
    "MXCP: what has no description has an empty one": lambda call, theirs, _ours: (
        call.kind.endswith("/list") and theirs.value == ""
    ),
    "ours: the tools that run SQL are described in words of dbmcp's own": lambda call, _theirs, _ours: (
        call.kind == "tools/list" and call.name in ("execute_sql_query", "list_tables", "get_table_schema")
    ),
    "MXCP: NaN, which JSON hasn't, for null": _apart_from(_finite, _no_nulls),
    "MXCP: a DATE is a midnight": _apart_from(_day),
    "MXCP: large numbers lose their last digits": _apart_from(_rounded),
    "MXCP: true for a text is 'True' by run and 'true' by serve; ours: 'true'": _true_given,
    "MXCP: over MCP, fields that aren't there are null": _apart_from(_without_nulls),
    "MXCP: a message that says no type has none; ours: text": _apart_from(_typed_message),
    "MXCP: a list in a row is a text": _apart_from(_listed),
    "ours: structured content where nothing is declared, too": _undeclared,
    "both: what the time is": _apart_from(_timeless),
    "ours: errors in words of dbmcp's own": _apart_from(_without_errors, _without_nulls),
    "both: what chance gave the project's code": _by_chance,
}

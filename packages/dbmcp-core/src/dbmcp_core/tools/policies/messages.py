"""What the library says about conditions, in the words of whoever writes them, and without what it was asked of."""

from __future__ import annotations

import re

from dbmcp_core.tools.policies.condition import OPERATORS, nearest

__all__ = ["is_no_boolean", "objections", "overload", "problem", "reason", "said", "split"]

#: What conditions can call, for whoever misspells it.
_FUNCTIONS = (
    *("all", "exists", "exists_one", "filter", "map", "has", "size", "startsWith", "endsWith", "contains", "matches"),
    *("int", "uint", "double", "string", "bool", "bytes", "timestamp", "duration", "type", "dyn"),
)
_KINDS = {
    "int": "an integer",
    "uint": "an unsigned integer",
    "double": "a number",
    "string": "a text",
    "bool": "a boolean",
    "list": "a list",
    "map": "an object",
    "timestamp": "a time",
    "duration": "a duration",
    "bytes": "bytes",
    "null_type": "null",
    "type": "a type",
}
_SIGNS = {"_[_]": "[…]", "_?_:_": "?:"}
#: What to write where an operator doesn't take these two.
_REMEDIES = {
    frozenset({"int", "double"}): "; write double(…), or 1.0 for 1",
    frozenset({"int", "uint"}): "; write int(…), or 1u for 1",
    frozenset({"uint", "double"}): "; write double(…), or 1.0 for 1u",
}
#: One error of the library's, of several in a message.
_ERROR = r"(?m)ERROR: <input>:(\d+):(\d+): (.*?)(?: \[INVALID_ARGUMENT\])?$"
_MISSING = r"undeclared reference to '([^']*)'"
_OVERLOAD = r"found no matching overload for '([^']*)' applied to '\((.*)\)'"
_OPERAND = r"expression of type '(.*)' cannot be the (operand of a select|range)"


def objections(message: str) -> list[tuple[int, int, str]]:
    """Return what the library has against a text: line and column, both from 1, and its own words."""
    return [(int(line), int(column), what) for line, column, what in re.findall(_ERROR, message)]


def overload(what: str) -> tuple[str, list[str]] | None:
    """Return the function that doesn't go with its arguments, and their types, where *what* says that."""
    found = re.match(_OVERLOAD, what)
    return (found[1], split(found[2])) if found else None


def problem(message: str) -> str:
    """Return the first thing that the library has against the text of a condition; it quotes that text and no value."""
    found = objections(message)
    if not found:
        return f"it is no condition: {message.partition(chr(10))[0]}"
    _line, column, what = found[0]
    if (missing := re.match(_MISSING, what)) and missing[1] in OPERATORS:
        return f"CEL has no {missing[1]!r}; write {OPERATORS[missing[1]]}"
    if "'<EOF>'" in what:
        return "it is no condition: something is missing at its end"
    told = said(what)
    return f"at character {column}: {told}" if told != what else f"it is no condition: at character {column}, {told}"


def said(what: str) -> str:
    """Return one objection in other words."""
    if missing := re.match(_MISSING, what):
        return f"there is no function {missing[1]!r}{nearest(missing[1], _FUNCTIONS)}"
    if (wrong := overload(what)) is not None:
        return _of_overload(*wrong)
    if found := re.match(_OPERAND, what):
        return f"{_kind(found[1])} {'has no fields' if found[2].startswith('operand') else 'is nothing to loop over'}"
    return what.partition(" expecting ")[0][:200]


def _of_overload(function: str, kinds: list[str]) -> str:
    shown = " and ".join(map(_kind, kinds))
    if function in ("_==_", "_!=_"):
        return f"{shown} are {'never equal' if function == '_==_' else 'always unequal'}"
    if function == "@in" and kinds[-1].startswith("list("):
        return f"{_kind(kinds[0])} is in no list of another type"
    if function == "_?_:_":
        if is_no_boolean(kinds[0]):
            return f"{_kind(kinds[0])} is neither true nor false"
        shown, remedy = f"{_kind(kinds[1])} or {_kind(kinds[2])}", "; write dyn(…) around one of them"
    else:
        remedy = _REMEDIES.get(frozenset(kinds), "")
    return f"{_SIGNS.get(function, function.strip('_@'))} doesn't take {shown}{remedy}"


def is_no_boolean(kind: str) -> bool:
    """Return whether nothing of this *kind* is true or false."""
    return kind.partition("(")[0] in _KINDS.keys() - {"bool"}


def split(kinds: str) -> list[str]:
    """Return the types that *kinds* lists; each may have others in brackets."""
    depth, found = 0, [""]
    for sign in kinds:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return [kind.strip() for kind in found]


def _kind(kind: str) -> str:
    return _KINDS.get(kind.partition("(")[0], "a value")


#: How the library's messages begin; what follows can hold values.
_REASONS = {
    "NOT_FOUND": "it asks for a key that isn't there",
    "No matching overloads": "it compares or combines values whose types don't go together",
    "non-message type": "it asks for a field of something that has none",
    "Index error": "it asks for an item that isn't there",
    "OUT_OF_RANGE": "a number or a time is out of range",
    "Iteration budget": "it takes more than 10,000 steps",
    "INVALID_ARGUMENT": "a function can't take the value that it got",
}


def reason(message: str) -> str:
    """Return why a condition had no answer, and nothing of the values that it was asked of."""
    return next((reason for mark, reason in _REASONS.items() if mark in message), "it can't be evaluated")

"""The ``pattern`` of a string: a regular expression of JSON Schema's (ECMAScript's), run by Python.

What the two read differently is rewritten: ``$`` is the very end, ``.`` stops at every end of a line, ``\\d`` and
``\\w`` are ASCII, ``(?<name>…)`` names a group, a bracket in a character class is a bracket. What is Python's alone,
such as ``(?i)`` in front, stays as it is: definitions are written in either.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator

from dbmcp_core.tools.types import linear

__all__ = ["MAX_MATCHED", "compiled", "is_portable", "is_readable", "python_pattern"]

#: Longer texts aren't matched.
MAX_MATCHED = 20_000
#: Characters up to which Python's matcher is asked, whose time may grow with the square of the length, or its cube.
_MAX_TRIED = 500
#: The same where it may double with every character, and nothing else can match the expression.
_MAX_RISKED = 24

_NAMED = re.compile(r"\(\?<([A-Za-z_]\w*)>")
_TOKEN = re.compile(r"\\(?:u\{[0-9A-Fa-f]+\}|k<\w+>|.)|\(\?(?:P?<\w+>|<?[=!:]|P=\w+\)|[aiLmsux-]+[:)])?|.", re.DOTALL)
_SPACE = r"\s\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_PORTABLE_ESCAPES = frozenset("^$\\.*+?()[]{}|/dDwWsSbBntrfv")


@functools.lru_cache(maxsize=1024)
def python_pattern(pattern: str) -> re.Pattern[str]:
    """Return *pattern* for Python.

    Raises:
        ValueError: It can't be read; the message says why.
    """
    try:
        return re.compile("".join(_rewritten(pattern)), re.ASCII)
    except (re.error, OverflowError, RecursionError) as exc:
        raise ValueError(f"isn't a regular expression that can be used: {exc}") from None


@functools.lru_cache(maxsize=1024)
def compiled(pattern: str) -> tuple[Callable[[str], object], int]:
    """Return the search for *pattern*, which is None or false for a text without a match, and the longest text for it.

    Raises:
        ValueError: It can't be read; the message says why.
    """
    expression = python_pattern(pattern)
    search, risky = expression.search, linear.is_risky(expression.pattern)
    try:
        follow = linear.matcher(expression.pattern)
    except linear.Unsupported:
        return search, _MAX_RISKED if risky else _MAX_TRIED
    if risky:
        return follow, MAX_MATCHED
    return lambda text: search(text) if len(text) <= _MAX_TRIED else follow(text), MAX_MATCHED


def _rewritten(pattern: str) -> Iterator[str]:
    in_class = False
    unicode = "(?u" in pattern
    dot = "." if re.search(r"\(\?[a-z]*s", pattern) else r"[^\n\r\u2028\u2029]"
    end = "$" if re.search(r"\(\?[a-z]*m", pattern) else r"\Z"
    before = ""
    for part in _TOKEN.findall(pattern):
        if in_class:
            yield _in_class(part, before)
            # ] right after the opening is a member for Python, the end of an empty class for ECMAScript: Python's.
            in_class = part != "]" or before in ("[", "[^")
            before = f"[{part}" if part == "^" and before == "[" else part
            continue
        before = part
        if part == "[":
            in_class = True
        yield _outside(part, dot, end) if not unicode or part in "$." else part


def _outside(part: str, dot: str, end: str) -> str:
    if part.startswith("(?<") and part.endswith(">"):
        return f"(?P{part[2:]}"
    if part.startswith("\\k<"):
        return f"(?P={part[3:-1]})"
    if part.startswith("\\u{"):
        return re.escape(_character(part))
    return {"$": end, ".": dot, r"\s": f"[{_SPACE}]", r"\S": f"[^{_SPACE}]", r"\z": r"\Z"}.get(part, part)


def _in_class(part: str, before: str) -> str:
    if part.startswith("\\u{"):
        return re.escape(_character(part))
    if part.startswith("(?"):  # no group in here, only characters
        return part
    if part == r"\s":
        return _SPACE
    # Python warns of what may once mean nested sets and set operations.
    return f"\\{part}" if part == "[" or (part in "&|~-" and before == part) else part


def _character(part: str) -> str:
    code = int(part[3:-1], 16)
    return chr(code) if code <= 0x10FFFF else "\ufffd"


def is_readable(pattern: str) -> bool:
    """Return whether *pattern* is a regular expression at all."""
    try:
        python_pattern(pattern)
    except ValueError:
        return False
    return True


def is_portable(pattern: str) -> bool:
    """Return whether *pattern* is surely read, and in the same way, by ECMAScript with its ``u`` flag.

    A client that compiles the schemas of results fails altogether over one that it can't read.
    """
    in_class = False
    for part in _TOKEN.findall(pattern):
        letter = part[1:2]
        if part[0] == "\\" and letter not in _PORTABLE_ESCAPES and not (in_class and letter == "-"):
            return False
        if part.startswith("(?") and part not in ("(?:", "(?=", "(?!"):
            return False
        if not in_class and part in ("]", "}", "{") and not _is_quantified(pattern):
            return False
        if in_class and part == "[":
            return False
        in_class = part == "[" if not in_class else part != "]"
    return "[]" not in pattern and "[^]" not in pattern


def _is_quantified(pattern: str) -> bool:
    plain = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)
    rest = re.sub(r"\{[0-9]+(?:,[0-9]*)?\}", "", plain)
    return not any(bracket in rest for bracket in "{}]")

"""Conditions in CEL, the Common Expression Language, evaluated by Google's own implementation of it.

The only module that knows the library. docs/tools.md says why it is this one. It has limits of its own: 10,000 steps
of loops, 32 levels of nesting, 100,000 characters.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from dbmcp_core.errors import UnsupportedError
from dbmcp_core.tools.policies import messages
from dbmcp_core.tools.policies.condition import Reading, faults, read
from dbmcp_core.values import converted, to_text

__all__ = ["Condition", "ConditionFailed", "Kind", "Values", "cel_value", "objections"]

#: A type: the language's own name of one, or a list and what it is of, or an object.
Kind = str | tuple[Literal["map"]] | tuple[Literal["list"], "Kind"]

_MAX_INT = 2**63 - 1
_MAX_UINT = 2**64 - 1
_MIN_INT = -(2**63)
#: The library copies a value by recursion, in C++: a deeper one would end the process.
_MAX_DEPTH = 64
#: Characters of the longest text where a condition makes a list with ``map``: it may be copied 10,000 times.
_MOST_MAPPED = 16_384
_MAPS = re.compile(r"\.\s*map\s*\(")
#: A double has this many decimal digits for certain.
_DIGITS = 15


class ConditionFailed(ValueError):
    """A condition has no answer. The message says why, and nothing of the values."""


class Values(dict[str, Any]):
    """The values that conditions may ask for, each converted when the first one does.

    Args:
        given: The values, by name.
        most: How many of them there may be altogether, those inside of lists and maps counted; 64 characters of a
            text count as one more.
    """

    def __init__(self, given: Mapping[str, Any], most: int) -> None:
        super().__init__()
        self._given = given
        self._left = [most]

    def __missing__(self, name: str) -> Any:
        if name not in self._given:
            raise ConditionFailed(f"there is no value for {name!r}")
        value = self[name] = cel_value(self._given[name], self._left)
        return value


class Condition:
    """A condition, compiled.

    What is wrong with it (``problems``) is no reason not to have it: it fails whenever it is asked.
    """

    __slots__ = ("_calls", "_maps", "_program", "problems", "reading", "text")

    def __init__(self, text: str, variables: Collection[str]) -> None:
        self.text = text
        self.reading: Reading = read(text)
        self._calls: list[tuple[str, str]] = []
        self._program: Any = None
        self._maps = _MAPS.search(text) is not None
        self.problems = faults(self.reading, variables)
        if "\0" in text:  # the library would read no further
            self.problems.append("it has a NUL in it")
        if not self.problems:
            self._compile(variables)

    def _compile(self, variables: Collection[str]) -> None:
        called = dict(sorted(self.reading.renamed(variables).items()))
        self._calls = list(called.items())
        try:
            environment = _environment(tuple(called.values()))
            self._program = environment.compile(self.reading.text(called))
            kind = self._program.return_type().name()
        except ImportError as exc:
            self.problems = [f"no CEL library is there ({exc.name}); install dbmcp-core[tools]"]
        except Exception as exc:  # noqa: BLE001 - the library raises what it likes, and nothing may pass for true or false
            self.problems = [messages.problem(str(exc))]
        else:
            if kind not in ("BOOL", "DYN"):
                self.problems = [f"it gives a value of type {kind}, not true or false"]
            self.problems += [
                f"matches() can't read the regular expression {literal}"
                for literal in self.reading.patterns
                if not _is_pattern(literal)
            ]

    def holds(self, values: Values) -> bool:
        """Return whether the condition is true.

        Raises:
            ConditionFailed: It is neither true nor false.
        """
        if self.problems:
            raise ConditionFailed(self.problems[0])
        data = {called: values[name] for name, called in self._calls}
        if self._maps and _longest(data) > _MOST_MAPPED:
            raise ConditionFailed("a text is too long to ask a condition with map() of")
        try:
            answer = self._program.eval(data=data)
            value = answer.value()
        except Exception as exc:  # noqa: BLE001 - whatever it is, the condition has no answer
            raise ConditionFailed(messages.reason(str(exc))) from None
        if value is True or value is False:
            return bool(value)
        # An error is a value there, as well.
        is_error = answer.type().name() == "ERROR"
        raise ConditionFailed(messages.reason(str(value)) if is_error else "it is neither true nor false")


def _longest(value: Any) -> int:
    """Return how many characters the longest text in *value* has, which ``cel_value`` gave."""
    if isinstance(value, dict):
        return max((_longest(item) for pair in value.items() for item in pair), default=0)
    if isinstance(value, list):
        return max(map(_longest, value), default=0)
    return len(value) if isinstance(value, (str, bytes)) else 0


def _is_pattern(literal: str) -> bool:
    try:
        return _environment(()).compile(f"''.matches({literal})").eval(data={}).value() in (True, False)
    except Exception:  # noqa: BLE001 - whatever the library raises, it can't read it
        return False


@lru_cache(maxsize=256)
def _environment(names: tuple[str, ...]) -> Any:
    """Return what conditions on *names* are compiled in. Making one costs more than to compile in it."""
    # Fifty megabytes of C++ are read when the first condition is.
    from cel_expr_python import cel  # type: ignore[import-untyped]  # it has stubs, and no py.typed

    return cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN))


def objections(reading: Reading, kinds: Mapping[str, Kind], rows: Mapping[str, str]) -> list[tuple[int, str]]:
    """Return what the language's checker has against a condition whose names have these *kinds*.

    A name with dots is a field of what is before the last of them. The rest may be anything. *rows* are what items of
    lists are called among the *kinds*, by the names that they, or their lists, have in the condition.

    Returns:
        Messages, each with the number of the character that it is about.
    """
    from cel_expr_python import cel

    called = reading.renamed({name.partition(".")[0] for name in kinds})
    variables = {}
    for name, kind in kinds.items():
        first, dot, field = name.partition(".")
        if first in called or first in rows.values():
            variables[called.get(first, first) + dot + field] = _type(kind)
    text, places = reading.checked_text(called, rows)
    try:
        cel.NewEnv(variables=variables).compile(text)
    except Exception as exc:  # noqa: BLE001 - the library raises what it likes
        lines = [0, *(match.end() for match in re.finditer("\n", text))]
        found = [(lines[line - 1] + column - 1, what) for line, column, what in messages.objections(str(exc))]
        return [(places[min(at, len(places) - 1)] + 1, what) for at, what in found]
    return []


def _type(kind: Kind) -> Any:
    from cel_expr_python import cel

    if isinstance(kind, str):
        return cel.Type(kind)
    return cel.Type.Map(cel.Type.STRING, cel.Type.DYN) if kind[0] == "map" else cel.Type.List(_type(kind[1]))


def cel_value(value: Any, left: list[int], depth: int = 0) -> Any:
    """Return *value* as the library takes it.

    Dates and times become texts, datetimes in UTC (those without an offset are taken as UTC); decimals and large
    integers become doubles, on their own side of any number of up to 15 digits.

    Args:
        value: Any value of a call.
        left: How many values may still come; counted down.
        depth: How deep inside it is.

    Raises:
        ConditionFailed: No condition can be asked of it.
    """
    kind = type(value)
    # A loop may read a long text at every step, and nothing stops it but its end.
    left[0] -= 1 + (len(value) >> 6 if kind is str or kind is bytes else 0)
    if left[0] < 0:
        raise ConditionFailed("there are too many values, or too long ones, to ask a condition of")
    if depth > _MAX_DEPTH:
        raise ConditionFailed("a value is nested too deep to ask a condition of")
    if kind is str:
        return _text(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if _MIN_INT <= value <= _MAX_INT else _beyond(value)
    if kind is float:
        return _number(value)
    return _other(value, left, depth)


def _other(value: Any, left: list[int], depth: int) -> Any:
    if isinstance(value, Mapping):
        return {_key(key): cel_value(item, left, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [cel_value(item, left, depth + 1) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _text(bytes(value))
    if isinstance(value, Decimal):
        return _double(value)
    if isinstance(value, dt.datetime):
        utc = value.astimezone(dt.UTC) if value.tzinfo else value
        return f"{utc.replace(tzinfo=None).isoformat()}Z"
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return f"{_seconds(value)}s"
    return _rare(value, left, depth)


def _rare(value: Any, left: list[int], depth: int) -> Any:
    """Convert by the table of kinds that engines registered: an enum, a vector, a UUID, an ObjectId."""
    try:
        simpler = converted(value)
        if simpler is not value:
            return cel_value(simpler, left, depth + 1)
        for base in (str, int, float):
            if isinstance(value, base):
                return cel_value(base(value), left, depth + 1)
        return to_text(value)
    except UnsupportedError:
        raise ConditionFailed(f"no condition can be asked of a {type(value).__name__}") from None


def _text(value: Any) -> Any:
    # The library reads as far as the first one: "admin\0x" would pass for "admin".
    if ("\0" if type(value) is str else b"\0") in value:
        raise ConditionFailed("a text or a binary value has a NUL in it")
    return value


def _key(key: Any) -> Any:
    if isinstance(key, str):
        return _text(str(key))
    if isinstance(key, bool) or not isinstance(key, int):
        raise ConditionFailed("a map has a key that is no text")
    return key


def _beyond(value: int) -> float | int:
    """Return an integer that 64 bits don't hold, as something that compares the same with those they hold."""
    if _MAX_INT < value <= _MAX_UINT:
        return value  # the library makes an unsigned one of it
    near = _double(Decimal(value))
    return (
        max(near, math.nextafter(2.0**64, math.inf)) if value > 0 else min(near, math.nextafter(-(2.0**63), -math.inf))
    )


def _number(value: float) -> float:
    if math.isnan(value):
        # Neither less, equal nor greater: no limit would hold it.
        raise ConditionFailed("a value is not a number (NaN)")
    return value


def _double(value: Decimal) -> float:
    """Return the double next to *value*, on its side of every number that has up to 15 digits.

    So ``x > 100`` is true for 100.00000000000000001, though its nearest double is 100.
    """
    if value.is_nan():
        raise ConditionFailed("a value is not a number (NaN)")
    near = float(value)
    if math.isinf(near):
        return near if value.is_infinite() else math.copysign(1.7976931348623157e308, near)
    shortest = Decimal(repr(near))
    if value == shortest or len(shortest.normalize().as_tuple().digits) > _DIGITS:
        return near
    return math.nextafter(near, math.inf if value > shortest else -math.inf)


def _seconds(value: dt.timedelta) -> str:
    whole = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    return format(Decimal(whole) / 1_000_000, "f")

"""A tool's arguments: their JSON schema, and a check of what a client sent, without a schema library per call."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbmcp_core import ArgumentsInvalid
from dbmcp_core.settings import nearest

__all__ = ["Argument", "ArgumentsInvalid", "choice", "integer", "parse", "schema", "seconds", "table", "text", "values"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a tool. ``convert`` returns its value, or raises a ValueError that says what was wanted."""

    name: str
    schema: Mapping[str, Any]
    convert: Callable[[Any], Any]
    required: bool = False


def schema(arguments: Sequence[Argument]) -> dict[str, Any]:
    """Return the JSON schema of *arguments*."""
    found: dict[str, Any] = {"type": "object", "properties": {one.name: dict(one.schema) for one in arguments}}
    required = [one.name for one in arguments if one.required]
    return {**found, "required": required} if required else found


def parse(given: Mapping[str, Any] | None, known: Mapping[str, Argument]) -> dict[str, Any]:
    """Return the arguments that *given* spells, each converted; ``null`` is the same as left out.

    Raises:
        ArgumentsInvalid: naming everything that is wrong, each with its remedy.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in (given or {}).items():
        argument = known.get(name)
        if argument is None:
            problems.append(f"there is no argument {name!r}{nearest(name, known)}")
        elif value is not None:
            try:
                found[name] = argument.convert(value)
            except ValueError as exc:
                problems.append(f"{name!r} {exc}")
    problems += [f"{one.name!r} is missing" for one in known.values() if one.required and one.name not in found]
    if problems:
        raise ArgumentsInvalid(f"The arguments are wrong: {'; '.join(problems)}.", details={"problems": problems})
    return found


def text(name: str, description: str = "", *, required: bool = False) -> Argument:
    """Return an argument that is a text."""
    return Argument(name, _described({"type": "string"}, description), _to_text, required)


def choice(name: str, choices: Sequence[str]) -> Argument:
    """Return an argument that is one of a few words."""

    def convert(value: Any) -> str:
        if isinstance(value, str) and value.lower() in choices:
            return value.lower()
        raise ValueError(f"wants one of {', '.join(choices)}, not {_shown(value)}")

    return Argument(name, {"type": "string", "enum": list(choices)}, convert)


def integer(name: str, *, least: int, description: str = "") -> Argument:
    """Return an argument that is a whole number from *least*."""

    def convert(value: Any) -> int:
        number = _number(value)
        if number is None or number != int(number) or number < least:
            raise ValueError(f"wants a whole number from {least}, not {_shown(value)}")
        return int(number)

    return Argument(name, _described({"type": "integer"}, description), convert)


def seconds(name: str, description: str = "") -> Argument:
    """Return an argument that is a number of seconds."""

    def convert(value: Any) -> float:
        number = _number(value)
        if number is None or number <= 0:
            raise ValueError(f"wants a number of seconds over 0, not {_shown(value)}")
        return float(number)

    return Argument(name, _described({"type": "number"}, description), convert)


def values(name: str, description: str) -> Argument:
    """Return an argument that holds the values of a statement's placeholders, in order or by name."""

    def convert(value: Any) -> Any:
        value = _decoded(value)
        if isinstance(value, (list, dict)):
            return value
        raise ValueError(f"wants an array of values, or an object of them by name, not {_shown(value)}")

    # `items` says nothing, but some hosts refuse an array without it.
    return Argument(name, _described({"type": ["array", "object"], "items": {}}, description), convert)


def table(name: str, description: str, *, required: bool = False) -> Argument:
    """Return an argument that is an object of settings."""

    def convert(value: Any) -> dict[str, Any]:
        value = _decoded(value)
        if isinstance(value, dict):
            return value
        raise ValueError("wants an object of settings")  # shows no value: it could be a URL with a password

    return Argument(name, _described({"type": "object"}, description), convert, required)


def _described(found: dict[str, Any], description: str) -> dict[str, Any]:
    return {**found, "description": description} if description else found


def _to_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"wants a text, not {_shown(value)}")


def _number(value: Any) -> int | float | None:
    """Return *value* as a number where it can only mean one: ``"10"`` is ten, ``true`` is none."""
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value


def _decoded(value: Any) -> Any:
    """Return what a text of JSON holds: some models send an array or object as one."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _shown(value: Any) -> str:
    if not isinstance(value, (str, int, float)):
        return "an array" if isinstance(value, list) else "an object"
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"

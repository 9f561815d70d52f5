"""Parameters as ``sqlite3`` wants them, in every style that SQLite has. https://sqlite.org/lang_expr.html#varparam"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dbmcp_core.statement import Params

__all__ = ["bindable", "without_parameters"]

#: What may look like a parameter and is none, and what is one.
_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] | --[^\n]* | /\*.*?(?:\*/|\Z)
    | (?P<parameter> \?\d* | [:@\#$]\w+ (?:::\w+)* )""",
    re.X | re.S,
)
_NAMED = re.compile(r"[:@#$]\w|\?\d")


def bindable(text: str, params: Params) -> Any:
    """Return *params* as the driver takes them for *text*.

    A list for ``?1`` or ``:name`` goes by SQLite's own numbers, which ``sqlite3`` takes by name alone.
    """
    if isinstance(params, Mapping):
        return dict(params)
    if not _NAMED.search(text):
        return tuple(params)
    places, nameless = _places(text)
    if set(places.values()) != set(range(1, max([*places.values(), *nameless], default=0) + 1)):
        return tuple(params)  # one without a name, or a gap as in `?3, ?1`: can't go by name
    return {name: params[place - 1] for name, place in places.items() if place <= len(params)}


def without_parameters(text: str) -> str:
    """Return *text* with NULL for every parameter, for where there can be none."""
    return _TOKEN.sub(lambda match: "NULL" if match["parameter"] else match[0], text)


def _places(text: str) -> tuple[dict[str, int], set[int]]:
    """Return the number of each parameter, counted from 1 as SQLite does: by name, and of those without one."""
    places: dict[str, int] = {}
    nameless: set[int] = set()
    for match in _TOKEN.finditer(text):
        written = match["parameter"]
        if written is None or written[1:] in places:
            continue
        place = max([*places.values(), *nameless], default=0) + 1
        if written == "?":
            nameless.add(place)
        else:
            places[written[1:]] = int(written[1:]) if written[0] == "?" else place
    return places, nameless

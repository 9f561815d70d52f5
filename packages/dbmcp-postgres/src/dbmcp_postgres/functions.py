"""The second lock of reading: what the server's catalogue says about the code that a read would run.

Nothing is run, prepared or logged; names are looked up. Trusted is what the owner decided and a reader can't change:
the declared volatility, views, row security and column defaults. An undeclared function is VOLATILE to PostgreSQL.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

from dbmcp_core.guard.finding import position
from dbmcp_core.guard.lexer import lex
from dbmcp_core.guard.vocabulary import words
from dbmcp_core.statement import Kind, RefusalCode, Verdict
from dbmcp_postgres.names import Names
from dbmcp_postgres.volatility import HARMLESS, VOLATILE, WHOLES

__all__ = ["Functions"]

#: For each type of one's own, what may bring a value of it into a statement: type, function or operator, and its name.
Wholes = list[tuple[Any, ...]]

_FRESH_S = 10.0
_MAX_CACHED = 256
_MAX_NAMES = 1_000
#: Objects with lower numbers are the server's.
_FIRST_OWN = 16_384
#: Operators that IN, BETWEEN, LIKE, USING, DISTINCT, ORDER BY and others use without naming them.
_IMPLIED = words("= <> < > <= >= ~~ !~~ ~~* !~~* ~ !~")
#: Functions that take a type by its number or name, or make a row out of text: they check any domain.
_BY_TYPE = words(
    """array_in array_recv domain_in domain_recv json_populate_record json_populate_recordset jsonb_populate_record
    jsonb_populate_recordset multirange_in multirange_recv pg_input_error_info pg_input_is_valid populate_record
    range_in range_recv record_in record_recv"""
)


class _Danger(NamedTuple):
    """A volatile function, and the object of the catalogue through which a statement would run it."""

    what: str  # function, operator, cast, domain or support (of a class of operators)
    schema: str
    name: str
    hidden: bool  # by another one, for a function or operator that is named without its schema
    flag: bool  # an operator needs a value of one of its own types; a cast must be asked for
    least: int  # arguments that a call must give
    notation: str  # what may stand before the dot in ``x.name``: row, value (any but a row) or nothing
    types: list[int]
    function_schema: str
    function: str
    origin: str | None  # pg_catalog or the extension that the function belongs to


class Functions:
    """Ask the catalogue about all that the guard doesn't know by name.

    Args:
        fetch: Runs one query of the catalogue, with ``$1`` for a parameter, and returns every row. Its session must
            have the role and the search path of the sessions that run the statements.
        allowed: Functions that the operator declared safe, with or without their schema.
    """

    def __init__(
        self, fetch: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]], allowed: Collection[str] = ()
    ) -> None:
        self._fetch = fetch
        self._allowed = frozenset(allowed)
        self._known: dict[frozenset[str], tuple[float, list[_Danger], Wholes]] = {}
        self._lock = threading.Lock()

    def judge(self, text: str, verdict: Verdict) -> Verdict:
        """Return *verdict*, or why the statement could change data after all."""
        if verdict.kind is not Kind.READ:
            return verdict
        lexed = lex(text, "postgres")
        names = Names(text, lexed)
        if not (verdict.tables or names.calls or names.rows or names.values or names.types or names.has_operators):
            return verdict
        dangers, wholes = self._ask(frozenset(names.every))
        for danger in dangers:
            for offset in _places(danger, names, lexed.blanked, wholes):
                line, column = position(text, offset)
                code, reason = RefusalCode.UNSAFE_FUNCTION, _reason(danger)
                return dataclasses.replace(
                    verdict, kind=Kind.UNKNOWN, code=code, reason=reason, line=line, column=column
                )
        return verdict

    def _ask(self, names: frozenset[str]) -> tuple[list[_Danger], Wholes]:
        now = time.monotonic()
        with self._lock:
            known = self._known.get(names)
        if known and now - known[0] < _FRESH_S:
            return known[1:]
        every = [_Danger(*row) for row in self._fetch(VOLATILE, [list(names)])]
        dangers = [danger for danger in every if not self._is_safe(danger)]
        types = sorted({number for danger in dangers for number in danger.types})
        # Only few databases have volatile operators, casts or domains, so there is no second question in others.
        wholes = self._fetch(WHOLES, [types, list(names)]) if types else []
        if len(names) <= _MAX_NAMES:
            with self._lock:
                if len(self._known) >= _MAX_CACHED:
                    self._known.clear()
                self._known[names] = (now, dangers, wholes)
        return dangers, wholes

    def _is_safe(self, danger: _Danger) -> bool:
        spellings = {danger.function, f"{danger.function_schema}.{danger.function}"}
        if danger.what == "function":
            spellings |= {danger.name, f"{danger.schema}.{danger.name}"}
        if not self._allowed.isdisjoint(spellings):
            return True
        return danger.origin is not None and danger.function in HARMLESS.get(danger.origin, ())


def _places(danger: _Danger, names: Names, blanked: str, wholes: Wholes) -> Iterator[int | None]:
    """Yield where the text runs the function; ``None`` where that is nowhere in particular."""
    if danger.what == "function":
        yield from _called(danger, names)
    elif danger.what == "operator":
        is_used = danger.name in _IMPLIED or danger.name in blanked
        is_meant = not danger.hidden or "operator" in names.every
        if is_used and is_meant and (not danger.flag or _is_present(danger, names, blanked, wholes)):
            yield max(blanked.find(danger.name), 0)
    elif danger.what == "domain":
        yield from _checked(danger, names, blanked, wholes)
    elif (not danger.flag or _is_cast(danger, names, blanked)) and _is_present(danger, names, blanked, wholes):
        yield None


def _called(danger: _Danger, names: Names) -> Iterator[int]:
    for schema, name, is_bare, offset in names.calls:
        is_meant = not danger.hidden if schema is None else _is_schema(schema, danger.schema)
        if name == danger.name and is_meant and (danger.least <= 0 or not is_bare):
            yield offset
    if danger.notation and not danger.hidden:
        yield from (offset for name, offset in names.values if name == danger.name)
        for owner, name, offset in names.rows:
            if name == danger.name and (danger.notation == "row" or owner in names.scalars):
                yield offset


def _is_cast(danger: _Danger, names: Names, blanked: str) -> bool:
    if danger.name in ("json", "jsonb") and any("json" in name for name in names.every):
        return True  # to_json and others run the casts of their arguments
    return "::" in blanked or not names.every.isdisjoint({"cast", danger.name})


def _is_schema(given: str, schema: str) -> bool:
    return given == schema or (given == "pg_temp" and schema.startswith("pg_temp_"))


def _checked(danger: _Danger, names: Names, blanked: str, wholes: Wholes) -> Iterator[int | None]:
    """Yield where a value becomes one of a domain."""
    called = {name: offset for _, name, _, offset in names.calls}
    is_present = _is_present(danger, names, blanked, wholes)
    for root, what, name in wholes:
        if what == "mixed" and is_present and name in called:
            yield called[name]
        elif root in danger.types:
            if name in (places := {"type": names.types, "function": called}.get(what, {})):
                yield places[name]
            if what == "deep" and names.has_text and name in names.every:
                yield None
    if "#=" in blanked or not names.every.isdisjoint(_BY_TYPE):
        yield None


def _is_present(danger: _Danger, names: Names, blanked: str, wholes: Wholes) -> bool:
    """Tell whether a value of a type of one's own, on which this depends, may be in the statement."""
    own = [number for number in danger.types if number >= _FIRST_OWN]
    present = {root for root, what, name in wholes if name in (blanked if what == "operator" else names.every)}
    return not own or not present.isdisjoint(own)


def _reason(danger: _Danger) -> str:
    name, function = f"{danger.schema}.{danger.name}", f"{danger.function_schema}.{danger.function}"
    what = {
        "operator": f"The operator {name}",
        "cast": f"A cast to {name}",
        "domain": f"The domain {name}",
        "support": f"Comparing {name}",
    }.get(danger.what, f"{name}()")
    calls = "" if what == f"{function}()" else f" calls {function}(), which"
    remedy = "declare it STABLE or name it" if danger.origin is None else "name it"
    return f"{what}{calls} is VOLATILE, so it may change data; {remedy} in safe_functions if it only reads"

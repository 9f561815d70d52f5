"""Functions that aren't built in: stored ones are looked up in the catalogue, loadable ones are refused.

A stored function can't change a table in a read-only transaction, and its locks and waits end with the call. What it
could still do (SET GLOBAL, INTO OUTFILE, KILL) is for its author to rule out, who declares READS SQL DATA, NO SQL or
DETERMINISTIC; or it is seen from its text. A loadable function runs as the server itself: no lock holds it.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dbmcp_core.errors import QueryFailed
from dbmcp_core.guard import judge
from dbmcp_core.guard.tables import check_name
from dbmcp_core.statement import Kind, RefusalCode, Verdict
from dbmcp_mysql.builtin import BUILT_IN
from dbmcp_mysql.settings import MySQLSettings

__all__ = ["Functions"]

Fetch = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

_STORED = """
SELECT routine_schema, routine_name, sql_data_access, is_deterministic, routine_definition, sql_mode
FROM information_schema.routines WHERE routine_type = 'FUNCTION'
"""
_LOADABLE = "SELECT name FROM mysql.func"
#: Seconds for which an answer of the catalogue is good.
_KEEP_S = 10.0
#: A function of one expression; its text can be judged like a query's.
_RETURN = re.compile(r"\s*(?:begin\s+)?return\s+(?P<expression>[^;]+?)\s*;?\s*(?:end\s*;?\s*)?\Z", re.I | re.S)
#: Modes under which a text isn't read as the guard reads it.
_ODD = ("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ORACLE")
_DEPTH = 8


class _Stored(NamedTuple):
    schema: str
    name: str
    access: str
    deterministic: str
    text: str | None
    mode: str

    @property
    def is_declared(self) -> bool:
        """Whether its author says that it only reads."""
        return self.access in ("READS SQL DATA", "NO SQL") or (
            self.access == "CONTAINS SQL" and self.deterministic == "YES"
        )


class Functions:
    """What is known of the functions of one source.

    Args:
        fetch: Runs a query as reads do.
        settings: Whose ``safe_functions`` and ``database`` count.
    """

    def __init__(self, fetch: Fetch, settings: MySQLSettings) -> None:
        self._fetch = fetch
        self._safe = {name.lower() for name in settings.safe_functions}
        self._database = (settings.database or "").lower()
        self._known: tuple[float, dict[str, list[_Stored]], set[str] | None] = (0.0, {}, None)

    def judge(self, verdict: Verdict) -> Verdict:
        """Return *verdict*, or a refusal where a read calls what may do more than read."""
        if verdict.kind is not Kind.READ:
            return verdict
        reason = self._secret(verdict)
        if reason is not None:
            return dataclasses.replace(verdict, kind=Kind.ADMIN, code=RefusalCode.NOT_A_READ, reason=reason)
        reason = self._unsafe(verdict.functions, self._database, 0)
        if reason is not None:
            return dataclasses.replace(verdict, kind=Kind.UNKNOWN, code=RefusalCode.UNSAFE_FUNCTION, reason=reason)
        return verdict

    def _secret(self, verdict: Verdict) -> str | None:
        """Return why a table without a database in its name may not be read, when connected to the server's own."""
        named = (table.name for table in verdict.tables if table.schema is None)
        findings = (check_name((name, self._database), "mysql") for name in named) if self._database else ()
        return next((finding.reason for finding in findings if finding is not None), None)

    def _unsafe(self, names: frozenset[str], database: str, depth: int) -> str | None:
        unknown = sorted(name for name in names if name not in BUILT_IN and name not in self._safe)
        if not unknown:
            return None
        if depth > _DEPTH:
            return f"{unknown[0]}() is not allowed in a read: it calls too deeply"
        stored, loadable = self._catalogue()
        reasons = (self._reason(name, database, stored, loadable, depth) for name in unknown)
        return next((reason for reason in reasons if reason is not None), None)

    def _reason(
        self, name: str, database: str, stored: dict[str, list[_Stored]], loadable: set[str] | None, depth: int
    ) -> str | None:
        schema, _, last = name.rpartition(".")
        # A name in quotes may have a dot of its own.
        meant = [one for one in stored.get(last, ()) if one.schema.lower() == (schema or database)]
        meant += stored.get(name, []) if schema else []
        refused = f"{name}() is not allowed in a read:"
        add = "the setting safe_functions can name it"
        for one in meant:
            if f"{one.schema}.{one.name}".lower() not in self._safe and not self._only_reads(one, depth):
                return f"{refused} it isn't declared READS SQL DATA, NO SQL or DETERMINISTIC; {add}"
        if meant or schema:
            return None  # or there is no such function, as the server is about to say
        if loadable is None:
            return f"{refused} it may be a loadable function, and this account may not look into mysql.func; {add}"
        return f"{refused} a loadable function runs as the server itself; {add}" if name in loadable else None

    def _only_reads(self, one: _Stored, depth: int) -> bool:
        found = _RETURN.match(one.text or "")
        if one.is_declared:
            return True
        if one.access != "CONTAINS SQL" or not found or any(mode in one.mode for mode in _ODD):
            return False
        verdict = judge(f"SELECT {found['expression']}", "mysql")
        is_read = verdict.kind is Kind.READ
        return is_read and self._unsafe(verdict.functions, one.schema.lower(), depth + 1) is None

    def _catalogue(self) -> tuple[dict[str, list[_Stored]], set[str] | None]:
        """Return the stored functions by name, and the names of loadable ones, or None where nobody may ask."""
        until, stored, loadable = self._known
        if time.monotonic() < until:
            return stored, loadable
        stored = {}
        for row in self._fetch(_STORED, ()):
            one = _Stored(*row)
            stored.setdefault(one.name.lower(), []).append(one)
        try:
            loadable = {str(name).lower() for (name,) in self._fetch(_LOADABLE, ())}
        except QueryFailed:
            loadable = None
        self._known = time.monotonic() + _KEEP_S, stored, loadable
        return stored, loadable

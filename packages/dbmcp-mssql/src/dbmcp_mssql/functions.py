"""Functions of the database's own: those of T-SQL can't write, but some can call what does.

A function in T-SQL can't change tables, and can't run procedures, with one exception: extended ones (``xp_cmdshell``).
One of an assembly that isn't SAFE can do what its .NET code likes. Both kinds are refused in a read.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from dbmcp_core.statement import Kind, RefusalCode, Verdict

__all__ = ["QUERIES", "Functions"]

#: A text that nobody may see (it is encrypted, or the account lacks VIEW DEFINITION) could be anything.
_UNSAFE = """
SELECT s.name AS schema_name, o.name AS function_name
FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id
LEFT JOIN sys.sql_modules AS m ON m.object_id = o.object_id
LEFT JOIN sys.assembly_modules AS x ON x.object_id = o.object_id
LEFT JOIN sys.assemblies AS a ON a.assembly_id = x.assembly_id
WHERE o.is_ms_shipped = 0 AND (
    (o.type IN ('FS', 'FT', 'AF') AND (a.permission_set IS NULL OR a.permission_set > 1))
    OR (o.type IN ('FN', 'TF') AND (m.definition IS NULL OR UPPER(m.definition) LIKE '%EXEC%')))
"""
QUERIES = (_UNSAFE,)
#: Seconds for which the answer is taken as still true.
_KEPT_S = 30.0


class Functions:
    """Judges calls of the database's own functions; one query now and then, and only where there are such calls."""

    def __init__(self, fetch: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]], safe: Sequence[str]) -> None:
        self._fetch = fetch
        self._safe = {name.lower() for name in safe}
        self._changing = threading.Lock()
        self._known: tuple[float, frozenset[str]] = (0.0, frozenset())

    def judge(self, verdict: Verdict) -> Verdict:
        """Return *verdict*, or a refusal where a read calls a function that can reach out of the database."""
        own = [name for name in verdict.functions if "." in name]
        if verdict.kind is not Kind.READ or not own:
            return verdict
        unsafe = self._unsafe()
        found = next((name for name in sorted(own) if ".".join(_parts(name)[-2:]) in unsafe), None)
        if found is None:
            return verdict
        reason = f"{found}() is not allowed in a read: it can run a procedure, or its text can't be seen here"
        return dataclasses.replace(verdict, kind=Kind.ADMIN, code=RefusalCode.UNSAFE_FUNCTION, reason=reason)

    def _unsafe(self) -> frozenset[str]:
        with self._changing:
            until, names = self._known
            if time.monotonic() > until or not until:
                rows = self._fetch(_UNSAFE, ())
                found = {f"{schema}.{name}".lower() for schema, name in rows}
                names = frozenset(one for one in found if not {one, one.partition(".")[2]} & self._safe)
                self._known = (time.monotonic() + _KEPT_S, names)
            return names


def _parts(name: str) -> list[str]:
    return name.lower().split(".")

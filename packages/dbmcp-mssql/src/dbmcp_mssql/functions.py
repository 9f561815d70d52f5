"""Functions of the databases' own: those of T-SQL can't write, but some can call what does.

A function in T-SQL can't change tables, and can't run procedures, with two exceptions: extended ones (``xp_cmdshell``),
and whatever runs behind ``OPENQUERY`` and its like. One of an assembly that isn't SAFE can do what its .NET code likes.
They are refused in a read, and so is what calls them.
"""

from __future__ import annotations

import dataclasses
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from dbmcp_core.statement import Kind, RefusalCode, Verdict

__all__ = ["QUERIES", "Functions"]

#: Functions, synonyms and views. A text that nobody may see (it is encrypted, or the account lacks VIEW DEFINITION)
#: could be anything, and so could what stands behind a synonym, unless it is a table.
_OBJECTS = """
SELECT o.object_id, s.name AS schema_name, o.name AS object_name, o.type,
       CASE WHEN o.type = 'SN' THEN CASE WHEN b.type IN ('U', 'V') THEN 0 ELSE 1 END
            WHEN o.type IN ('FS', 'FT', 'AF') THEN CASE WHEN a.permission_set = 1 THEN 0 ELSE 1 END
            WHEN o.type = 'V' THEN 0
            WHEN m.definition IS NULL OR UPPER(m.definition) LIKE '%EXEC%' OR UPPER(m.definition) LIKE '%OPENQUERY%'
                 OR UPPER(m.definition) LIKE '%OPENROWSET%' OR UPPER(m.definition) LIKE '%OPENDATASOURCE%' THEN 1
            ELSE 0 END AS is_unsafe
FROM {database}sys.objects AS o JOIN {database}sys.schemas AS s ON s.schema_id = o.schema_id
LEFT JOIN {database}sys.sql_modules AS m ON m.object_id = o.object_id
LEFT JOIN {database}sys.assembly_modules AS x ON x.object_id = o.object_id
LEFT JOIN {database}sys.assemblies AS a ON a.assembly_id = x.assembly_id
LEFT JOIN {database}sys.synonyms AS y ON y.object_id = o.object_id
LEFT JOIN {database}sys.objects AS b ON b.object_id = OBJECT_ID(y.base_object_name)
WHERE o.is_ms_shipped = 0 AND o.type IN ('FN', 'IF', 'TF', 'FS', 'FT', 'AF', 'SN', 'V')
"""
#: To see who calls them. The catalogue of dependencies would tell, but only an owner of the database may read it.
_TEXTS = """
SELECT m.object_id, LOWER(m.definition) AS text
FROM {database}sys.sql_modules AS m JOIN {database}sys.objects AS o ON o.object_id = m.object_id
WHERE m.definition IS NOT NULL AND o.is_ms_shipped = 0 AND o.type IN ('FN', 'IF', 'TF', 'V')
"""
_DATABASES = "SELECT d.name, CASE WHEN d.name = DB_NAME() THEN 1 ELSE 0 END AS is_ours FROM sys.databases AS d"
QUERIES = (*(text.format(database=name) for text in (_OBJECTS, _TEXTS) for name in ("", "[other].")), _DATABASES)
#: Only these are called by their name alone; the others want their schema before it.
_OF_TABLES = ("TF", "IF", "FT", "SN")
#: Seconds for which the answer is taken as still true.
_KEPT_S = 30.0


class _Unsafe(NamedTuple):
    """What a read may not call in one database: names with their schema, and those that need none."""

    full: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()


class Functions:
    """Judges calls of the databases' own functions; a few queries now and then, and only where there are calls."""

    def __init__(self, fetch: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]], safe: Sequence[str]) -> None:
        self._fetch = fetch
        self._safe = {name.lower() for name in safe}
        self._changing = threading.Lock()
        self._known: dict[str, tuple[float, Any]] = {}

    def judge(self, verdict: Verdict) -> Verdict:
        """Return *verdict*, or a refusal where a read calls a function that can reach out of the database."""
        if verdict.kind is not Kind.READ:
            return verdict
        found = next((name for name in sorted(verdict.functions) if self._is_unsafe(name.lower())), None)
        if found is None:
            return verdict
        reason = f"{found}() is not allowed in a read: it can run a procedure, or its text can't be seen here"
        return dataclasses.replace(verdict, kind=Kind.ADMIN, code=RefusalCode.UNSAFE_FUNCTION, reason=reason)

    def _is_unsafe(self, name: str) -> bool:
        here = self._kept("", self._unsafe)
        if "." not in name:
            return name in here.bare
        if name in here.full or any(name.endswith(f".{one}") for one in here.full):
            return True
        # A name may hold a dot itself, so that only the list of databases tells where the first part ends.
        for other in self._kept("databases", self._databases):
            if name.startswith(f"{other.lower()}."):
                there = self._kept(f"[{other.replace(']', ']]')}].", self._unsafe)
                rest = name[len(other) + 1 :]
                return rest in there.full or (rest.startswith(".") and rest[1:] in there.bare | _last(there.full))
        return False

    def _kept(self, key: str, ask: Callable[[str], Any]) -> Any:
        with self._changing:
            until, found = self._known.get(key, (0.0, None))
            if found is None or time.monotonic() > until:
                found = ask(key)
                self._known[key] = (time.monotonic() + _KEPT_S, found)
            return found

    def _databases(self, _: str) -> list[str]:
        return [name for name, is_ours in self._fetch(_DATABASES, ()) if not is_ours]

    def _unsafe(self, database: str) -> _Unsafe:
        objects = self._fetch(_OBJECTS.format(database=database), ())
        kinds = {number: (f"{schema}.{name}".lower(), kind.strip()) for number, schema, name, kind, _ in objects}
        unsafe = {number for number, *_, bad in objects if bad and not self._is_safe(kinds[number][0], database)}
        if unsafe:
            unsafe = _with_callers(unsafe, kinds, dict(self._fetch(_TEXTS.format(database=database), ())))
        found = [kinds[number] for number in unsafe if not self._is_safe(kinds[number][0], database)]
        bare = _last(name for name, kind in found if kind in _OF_TABLES)
        return _Unsafe(frozenset(name for name, kind in found if kind != "V"), bare)

    def _is_safe(self, name: str, database: str) -> bool:
        names = {name, name.partition(".")[2]} if not database else {f"{database[1:-2].lower()}.{name}"}
        return bool(names & self._safe)


def _last(names: Iterable[str]) -> frozenset[str]:
    """Return *names* without their schema."""
    return frozenset(name.partition(".")[2] for name in names)


def _with_callers(unsafe: set[int], kinds: Mapping[int, tuple[str, str]], texts: Mapping[int, str]) -> set[int]:
    """Return *unsafe* with all whose text names one of them, however many steps away."""
    latest = unsafe
    while latest:
        names = "|".join(re.escape(name) for name in _last(kinds[number][0] for number in latest))
        called = re.compile(rf"(?<!\w)(?:{names})(?!\w)")
        texts = {number: text for number, text in texts.items() if number not in unsafe and number in kinds}
        latest = {number for number, text in texts.items() if called.search(text)}
        unsafe = unsafe | latest
    return unsafe

"""The side of the road that sees every call end: a record of it, and no secret or foreign exception beyond it."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dbmcp_core.call import CallRecord
from dbmcp_core.config import Source
from dbmcp_core.errors import DatabaseError, DbmcpError, QueryCancelled, QueryStopped, RecordFailed, Refused
from dbmcp_core.registry import Registry
from dbmcp_core.settings import redact
from dbmcp_core.statement import Statement, Verdict

__all__ = ["Entry", "masked", "recorded"]

_log = logging.getLogger("dbmcp")


@dataclass(slots=True)
class Entry:
    """What is known of a call so far. ``name`` is the source as the caller spells it, ``source`` what it turned out."""

    action: str
    caller: str
    door: str
    name: str = ""
    statement: Statement | None = None
    source: Source | None = None
    verdict: Verdict | None = None
    rows: int | None = None
    truncated: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    parent: str | None = None
    #: Texts of the caller's that must not show.
    private: frozenset[str] = field(default=frozenset(), repr=False)
    #: What only the call of a tool has.
    tool: str | None = None
    user: Mapping[str, Any] | None = None
    arguments: Mapping[str, Any] | None = None
    result: Any = None
    decisions: tuple[Mapping[str, Any], ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that must not leave the block."""
        return (*self.private, *(self.source.settings.secrets() if self.source is not None else ()))


@contextmanager
def recorded(registry: Registry, entry: Entry) -> Iterator[None]:
    """Leave a record of the block, however it ends.

    Raises:
        DbmcpError: the block's own, masked; or what stands for an exception that no plugin foresaw.
        RecordFailed: if a sink fails, in place of everything else.
    """
    started = time.perf_counter()
    error: DbmcpError | None = None
    try:
        yield
    except DbmcpError as exc:
        error = masked(exc, entry.secrets)
        raise
    except Exception as exc:  # noqa: BLE001 - raised below as what it means here
        engine = entry.source.engine.name if entry.source is not None else "?"
        message = redact(str(exc), entry.secrets)
        _log.error("%s of %s failed: %s: %s", entry.action, entry.name, type(exc).__name__, message)
        error = DatabaseError(
            f"Engine {engine!r} failed unexpectedly ({type(exc).__name__}).",
            hint="This is a fault of the engine's plugin; the log of whoever runs it has its message.",
        )
        error.__cause__ = exc
        raise masked(error, entry.secrets)  # noqa: B904 - the cause is set, unless it tells a secret
    except BaseException as exc:
        error = QueryCancelled(f"Interrupted ({type(exc).__name__}).")
        raise
    finally:
        if registry.hook.dbmcp_record.get_hookimpls():
            _record(registry, entry, error, (time.perf_counter() - started) * 1_000)


def masked(exc: DbmcpError, secrets: tuple[str, ...]) -> DbmcpError:
    """Mask *secrets* in *exc* itself, and let go of a cause that tells one: whoever catches it has nothing to leak."""
    exc.message = redact(exc.message, secrets)
    exc.hint = redact(exc.hint, secrets) if exc.hint else None
    exc.args = (exc.message,)
    for key, value in exc.details.items():
        if isinstance(value, str):
            exc.details[key] = redact(value, secrets)
        elif isinstance(value, list | tuple):
            exc.details[key] = [redact(part, secrets) if isinstance(part, str) else part for part in value]
        elif (shown := str(value)) != (hidden := redact(shown, secrets)):
            exc.details[key] = hidden
    for cause in (exc.__cause__, exc.__context__):
        if cause is not None and redact(text := f"{cause} {cause.args}", secrets) != text:
            exc.__cause__ = exc.__context__ = None
    return exc


def _record(registry: Registry, entry: Entry, error: DbmcpError | None, elapsed_ms: float) -> None:
    statement, verdict = entry.statement, entry.verdict
    record = CallRecord(
        id=entry.id,
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        door=entry.door,
        caller=entry.caller,
        source=entry.name,
        engine=entry.source.engine.name if entry.source is not None else "",
        action=entry.action,
        decision=_decision(error),
        statement=redact(statement.text, entry.secrets) if statement else None,
        parameters=len(statement.params) if statement else 0,
        kind=verdict.kind.value if verdict else None,
        tables=tuple(sorted(str(table) for table in verdict.tables)) if verdict else (),
        code=error.code if error else None,
        error=error.message if error else None,
        rows=entry.rows,
        truncated=entry.truncated,
        elapsed_ms=round(elapsed_ms, 3),
        parent=entry.parent,
        tool=entry.tool,
        user=entry.user,
        arguments=entry.arguments,
        result=entry.result,
        decisions=entry.decisions,
    )
    try:
        registry.hook.dbmcp_record(record=record)
    except Exception as exc:
        _log.error("A record sink failed: %s", type(exc).__name__)
        raise RecordFailed(
            f"The call could not be recorded ({type(exc).__name__}), so it is not answered.",
            hint="Whoever runs this server finds the record sink under [records].",
        ) from exc


def _decision(error: DbmcpError | None) -> str:
    if error is None:
        return "done"
    if isinstance(error, Refused):
        return "refused"
    return "stopped" if isinstance(error, QueryStopped) else "failed"

"""One call on its road: who asks what of which source, and what the policies and records get to see of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dbmcp_core.statement import Limits, Statement, Verdict

__all__ = ["Call", "CallRecord", "Intent", "Policy", "Request"]


class Intent(StrEnum):
    """Which road the caller chose. A read stays a read on every source, writable or not."""

    READ = "read"
    WRITE = "write"
    #: Whatever the statement does; for code of the operator's own. The verdict makes a read or a write of it.
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Call:
    """What a door hands to the executor.

    ``caller`` is whoever the door knows is asking; a parked result belongs to the caller that made it.
    ``limits`` left out are the source's own. ``parent`` is the record of the tool's call that this one is part of.
    ``private`` are texts among its values that no error and no record may show.
    """

    source: str
    statement: Statement
    intent: Intent = Intent.READ
    caller: str = "local"
    door: str = "python"
    limits: Limits | None = None
    parent: str | None = None
    private: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What a policy decides on: the call, what its statement does, and where."""

    call: Call
    verdict: Verdict
    engine: str
    read_only: bool


#: Returns why the request is refused, or None.
Policy = Callable[[Request], str | None]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, after its end. Holds neither a statement's values nor rows, and no secret of the source.

    ``at`` is UTC in ISO 8601; ``decision`` is ``done``, ``refused``, ``failed`` or ``stopped``, with the error's code
    and message where it wasn't done; ``rows`` counts what was returned, or affected by a write.

    The call of a tool has ``tool`` (``tool:orders``), its ``arguments`` (what is sensitive masked), who called and what
    its policies decided; the statements that it ran have their own records, with its id as ``parent``.
    """

    id: str
    at: str
    door: str
    caller: str
    source: str
    engine: str
    action: str
    decision: str
    statement: str | None = None
    parameters: int = 0
    kind: str | None = None
    tables: tuple[str, ...] = ()
    code: str | None = None
    error: str | None = None
    rows: int | None = None
    truncated: bool = False
    elapsed_ms: float = 0.0
    parent: str | None = None
    tool: str | None = None
    user: Mapping[str, Any] | None = None
    arguments: Mapping[str, Any] | None = None
    result: Any = None
    decisions: tuple[Mapping[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the record's fields by name, ready for JSON."""
        return dataclasses.asdict(self)

"""One call on its road: who asks what of which source, and what the policies and records get to see of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dbmcp_core.statement import Limits, Statement, Verdict

__all__ = ["Call", "Intent", "Request"]


class Intent(StrEnum):
    """Which road the caller chose. A read stays a read on every source, writable or not."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Call:
    """What a door hands to the executor.

    ``caller`` is whoever the door knows is asking; a parked result belongs to the caller that made it.
    ``limits`` left out are the source's own.
    """

    source: str
    statement: Statement
    intent: Intent = Intent.READ
    caller: str = "local"
    door: str = "python"
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What a policy decides on: the call, what its statement does, and where."""

    call: Call
    verdict: Verdict
    engine: str
    read_only: bool

"""Policies: who forbids must all be heard. A policy can refuse and can't grant, so one more is only ever stricter."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from dbmcp_core.call import Intent, Policy, Request
from dbmcp_core.errors import PolicyDenied
from dbmcp_core.hookspecs import hookimpl

__all__ = ["check", "dbmcp_policies", "read_only"]

_log = logging.getLogger("dbmcp")


def check(request: Request, policies: Iterable[Policy]) -> None:
    """Raise PolicyDenied with every reason that *policies* give against *request*; one that fails refuses."""
    reasons = [reason for policy in policies if (reason := _ask(policy, request))]
    if reasons:
        raise PolicyDenied(" ".join(reasons), details={"source": request.call.source, "reasons": reasons})


def _ask(policy: Policy, request: Request) -> str | None:
    try:
        return policy(request)
    except Exception as exc:  # noqa: BLE001 - a policy that can't decide must not let anything pass
        name = getattr(policy, "__qualname__", type(policy).__name__)
        _log.error("Policy %s failed: %s", name, type(exc).__name__)
        return f"Policy {name} failed ({type(exc).__name__}), so nothing passes."


def read_only(request: Request) -> str | None:
    """Refuse writes on a source that is read-only. The guard has refused them already on the road for reads."""
    if request.call.intent is Intent.WRITE and request.read_only:
        return (
            f"Source {request.call.source!r} is read-only; "
            "whoever runs this server can set read_only = false for it, a client can't."
        )
    return None


@hookimpl
def dbmcp_policies() -> list[Policy]:
    """Give the policy that holds everywhere."""
    return [read_only]

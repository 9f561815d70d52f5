"""Which layers of read-only hold on a MongoDB source, asked of the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbmcp_core.database import Lock

__all__ = ["account"]

#: Actions that change data, or reach what the allow-list doesn't let through anyway.
_WRITES = frozenset(
    [
        "insert",
        "update",
        "remove",
        "createCollection",
        "createIndex",
        "dropCollection",
        "dropIndex",
        "dropDatabase",
        "collMod",
        "renameCollectionSameDB",
        "convertToCapped",
        "bypassDocumentValidation",
        "anyAction",
        "createUser",
        "dropUser",
        "grantRole",
        "shutdown",
        "setParameter",
        "fsync",
        "killop",
        "applyOps",
    ]
)

#: Roles that may read and nothing else.
_READERS = frozenset({"read", "readAnyDatabase"})


def account(status: Mapping[str, Any]) -> Lock:
    """Return the layer of the account, from the answer to ``connectionStatus``."""
    info = status.get("authInfo", {})
    users = [f"{one.get('user')}@{one.get('db')}" for one in info.get("authenticatedUsers", [])]
    if not users:
        return Lock("account", False, "nobody is signed in: the server asks for no account, so everything is allowed")
    found = {action for one in info.get("authenticatedUserPrivileges", []) for action in one.get("actions", [])}
    writes = sorted(found & _WRITES)
    roles = {str(one.get("role")) for one in info.get("authenticatedUserRoles", [])}
    if not found and not (roles and roles <= _READERS):  # a server that tells no privileges
        have = ", ".join(sorted(roles)) or "none that the server tells"
        return Lock("account", False, f"{users[0]} may do more than read, for all one can see; its roles are: {have}")
    if writes:
        return Lock("account", False, f"{users[0]} may {', '.join(writes[:4])}; use one with the role 'read'")
    return Lock("account", True, f"{users[0]} may only read")

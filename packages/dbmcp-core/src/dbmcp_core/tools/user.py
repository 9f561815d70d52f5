"""Who calls, as far as anybody knows: what policies decide on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dbmcp_core.settings import Secret

__all__ = ["ANONYMOUS", "User"]


@dataclass(frozen=True, slots=True)
class User:
    """The caller of a tool. Whoever is unknown is ``ANONYMOUS``: role ``anonymous``, no rights."""

    role: str = "anonymous"
    permissions: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    user_id: str | None = None
    username: str | None = None
    email: str | None = None
    provider: str | None = None
    name: str | None = None
    #: The token that the identity provider gave for this user, for tools that pass it on; never part of a condition.
    external_token: Secret | None = None

    def as_condition(self) -> dict[str, Any]:
        """Return what a condition sees as ``user``: these keys, and no others."""
        return {
            "role": self.role,
            "permissions": list(self.permissions),
            "capabilities": list(self.capabilities),
            "user_id": self.user_id,
            "username": self.username,
            "email": self.email,
            "provider": self.provider,
            "name": self.name,
        }

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> User:
        """Return the user that *given* describes, as a test's ``user_context`` or ``--user-context`` has it.

        Raises:
            ValueError: naming a value of the wrong kind. Keys that aren't known say nothing about anybody.
        """
        found: dict[str, Any] = {}
        for key in ("permissions", "capabilities"):
            value = given.get(key) or []
            if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
                raise ValueError(f"{key!r} wants a list of texts")
            found[key] = tuple(value)
        for key in ("role", "user_id", "username", "email", "provider", "name"):
            value = given.get(key)
            if isinstance(value, (dict, list)):
                raise ValueError(f"{key!r} wants a text")  # noqa: TRY004 - its caller shows it as a wrong value
            if value is not None:
                found[key] = str(value)
        found.setdefault("role", "user")
        token = given.get("external_token")
        return cls(**found, external_token=Secret(str(token)) if token else None)


#: Nobody known.
ANONYMOUS = User()

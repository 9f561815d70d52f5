"""What the SQL tests ask of ``SQLContract``, which gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from dbmcp_core.statement import Statement
from dbmcp_core.testing.base import Contract

__all__ = ["SQLBase"]


class SQLBase(Contract):
    """See ``SQLContract``."""

    types: ClassVar[Mapping[str, str | None]]
    positional: ClassVar[str | None]
    named: ClassVar[str | None]
    unstorable: ClassVar[str]
    runaway_write: ClassVar[str | None]

    def echoing(self, value: Any, kind: str) -> Statement:
        """Return the read that gives *value* back."""
        raise NotImplementedError

    def bound(self, text: str, **values: Any) -> Statement:
        """Return *text* with placeholders, and the values for them."""
        raise NotImplementedError

    def type_of(self, kind: str) -> str:
        """Return this engine's type for *kind*, or skip."""
        name = self.types.get(kind)
        if name is None:
            pytest.skip(f"this engine has no type for {kind!r}")
        return name

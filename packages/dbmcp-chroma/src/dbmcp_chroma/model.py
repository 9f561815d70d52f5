"""What is known of a collection, as plain values that pass from process to process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Collection", "Functions"]


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection. ``dimension`` is None before its first record; ``function`` is its configured embedding."""

    id: str
    name: str
    dimension: int | None
    space: str
    index: dict[str, Any]
    metadata: dict[str, Any]
    function: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Functions:
    """What the operator lets make vectors of texts."""

    named: str | None = None
    allowed: tuple[str, ...] = ()
    download: bool = False

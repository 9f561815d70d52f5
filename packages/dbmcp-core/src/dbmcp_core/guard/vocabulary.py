"""How the guard writes down its lists: words in a row, which stay readable by the hundred."""

from __future__ import annotations

__all__ = ["words"]


def words(text: str) -> frozenset[str]:
    """Return the words of *text*, in no order."""
    return frozenset(text.split())

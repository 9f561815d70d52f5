"""Lists in pages, with cursors that mean nothing to a client."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

import mcp.types as t
from mcp.shared.exceptions import MCPError

__all__ = ["PAGE", "page"]

_T = TypeVar("_T")

#: Entries on one page of a list. Many a host reads the first page alone, so a team's tools have to be on it; a list of
#: so many takes a hundredth of a second.
PAGE = 500


def page(items: Sequence[_T], params: t.PaginatedRequestParams | None) -> tuple[list[_T], str | None]:
    """Return the page of *items* that is asked for, and the cursor of the next one.

    Raises:
        MCPError: for a cursor that isn't ours.
    """
    start = _offset(params.cursor) if params is not None and params.cursor is not None else 0
    end = start + PAGE
    return list(items[start:end]), _cursor(end) if end < len(items) else None


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"from {offset}".encode()).decode()


def _offset(cursor: str) -> int:
    try:
        word, _, number = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").partition(" ")
    except (UnicodeError, binascii.Error):
        word = number = ""
    if word != "from" or not (number.isascii() and number.isdigit() and len(number) < 10):
        raise MCPError(t.INVALID_PARAMS, "Invalid cursor")
    return int(number)

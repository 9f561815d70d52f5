"""What a call came to, as the result of a tool."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import mcp.types as t

from dbmcp_core import DbmcpError, Outcome, Result, values

__all__ = ["error", "internal_error", "outcome", "rows", "said"]


def said(*texts: str) -> t.CallToolResult:
    """Return a result that is text, each in a block of its own."""
    return t.CallToolResult(content=[t.TextContent(text=text) for text in texts])


def rows(result: Result, form: str = "csv") -> t.CallToolResult:
    """Return a page of rows: the rows in one block, or as structured content, and in another the facts about them."""
    from dbmcp_core import encode  # the start doesn't pay for what the first rows need

    facts = _facts(result)
    meta = {"dbmcp": facts}
    if form == "json":
        structured = {**encode.to_json(result.columns, result.rows), **facts}
        told = f"{_told(result)} They are in structuredContent.{hidden(_texts(result))}"
        return t.CallToolResult(content=[t.TextContent(text=told)], structured_content=structured, _meta=meta)
    data = encode.FORMATS[form](result.columns, result.rows)
    told = _told(result) + hidden(data if form == "csv" else _texts(result))
    return t.CallToolResult(content=[t.TextContent(text=data), t.TextContent(text=told)], _meta=meta)


def outcome(done: Outcome) -> t.CallToolResult:
    """Return what a write did; the rows of a RETURNING clause are structured content."""
    from dbmcp_core import encode

    keys = [values.to_json(key) for key in done.generated_keys]
    structured: dict[str, Any] = {"affectedRows": done.affected_rows, "generatedKeys": keys}
    told = "Done" if done.affected_rows is None else f"{_count(done.affected_rows)} affected"
    if keys:
        shown = ", ".join(values.to_text(key) for key in done.generated_keys[:10])
        told += f"; generated keys: {shown}{', …' if len(keys) > 10 else ''}"
    note = ""
    if done.returned is not None:
        returned = done.returned
        structured["returned"] = {**encode.to_json(returned.columns, returned.rows), **_facts(returned)}
        told += f"; {_count(len(returned))} returned, in structuredContent"
        note = hidden(_texts(returned))
    return t.CallToolResult(content=[t.TextContent(text=f"{told}.{note}")], structured_content=structured)


def error(exc: DbmcpError, note: str = "") -> t.CallToolResult:
    """Return a failure that a model can act on: its code, what happened, what to try next."""
    told = " ".join(filter(None, [f"[{exc.code}] {exc.message}", exc.hint, note]))
    body = {"code": exc.code, "message": exc.message, "hint": exc.hint, "details": _plain(exc.details)}
    return _failed(told, body)


def internal_error() -> t.CallToolResult:
    """Return a failure that is ours; what it was stays in the log."""
    message = "The server failed; its log says more."
    return _failed(f"[internal_error] {message}", {"code": "internal_error", "message": message})


def hidden(text: str) -> str:
    """Return a warning that names the characters of *text* that can't be seen, or nothing."""
    from dbmcp_core import encode

    found = encode.invisible(text)
    return f" Careful: the data holds characters that can't be seen: {', '.join(found[:20])}." if found else ""


def _failed(told: str, body: Mapping[str, Any]) -> t.CallToolResult:
    known = {key: value for key, value in body.items() if value not in (None, {})}
    return t.CallToolResult(content=[t.TextContent(text=told)], structured_content={"error": known}, is_error=True)


def _facts(result: Result) -> dict[str, Any]:
    return {
        "rowCount": len(result.rows),
        "truncated": result.truncated,
        "cursor": result.cursor,
        "elapsedMs": round(result.elapsed_s * 1_000, 1),
    }


def _told(result: Result) -> str:
    told = f"{_count(len(result.rows))} in {max(1, round(result.elapsed_s * 1_000))} ms."
    if result.cursor is not None:
        return f'{told} There are more: call execute-query with {{"cursor": "{result.cursor}"}} soon; it is good once.'
    return f"{told} There are more; narrow the query, or raise maxRows." if result.truncated else told


def _count(number: int) -> str:
    return f"{number} row{'' if number == 1 else 's'}"


def _texts(result: Result) -> str:
    """Return every text in *result*, which is where hidden characters can be."""
    return "".join([*(column.name for column in result.columns), *_cells(result.rows)])


def _cells(found: Iterable[Iterable[Any]]) -> Iterable[str]:
    for row in found:
        for cell in row:
            if isinstance(cell, str):
                yield cell
            elif isinstance(cell, (list, tuple, dict)):
                yield json.dumps(values.to_json(cell), ensure_ascii=False)


def _plain(details: Mapping[str, object]) -> dict[str, Any]:
    """Return *details* as JSON can hold them."""
    result: dict[str, Any] = json.loads(json.dumps(dict(details), default=str))
    return result

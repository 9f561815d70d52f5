"""What a project's tool or resource returned, as the contents that a client gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import mcp.types as t

from dbmcp_core.tools.model import Resource, ReturnType
from dbmcp_core.tools.toolbox import Answer
from dbmcp_core.tools.types.jsonschema import wrapped
from dbmcp_server.mcp import results

__all__ = ["READ_ON", "mime", "of_resource", "of_tool"]

#: The tool that reads on.
READ_ON = "read-on"
_JSON, _TEXT = "application/json", "text/plain"


def of_tool(
    answer: Answer, returns: ReturnType | None = None, *, as_mxcp: bool = False, note: str | None = None
) -> t.CallToolResult:
    """Return *answer* as structured content, and as text for hosts that show nothing else.

    The text is the same JSON, in one block: a host that joins the blocks, or shows the first alone, still has one
    document that can be read back, and a model reads half as many tokens as with an indent. *as_mxcp* has the blocks
    that MXCP's clients know: one a row, indented, none for null. *note* is for who looks
    at ``_meta``, not for the model.
    """
    value = answer.value
    cursor = None if as_mxcp else answer.cursor  # there, no tool reads on
    structured = value if isinstance(value, dict) and not wrapped(returns) else {"result": value}
    text = value if isinstance(value, str) else _json(value)
    texts = [*(_blocks(value) if as_mxcp else [text]), *_notes(answer.truncated, cursor)]
    if hidden := results.hidden(text):
        texts.append(hidden.strip())
    facts = {"truncated": True, "cursor": cursor} if answer.truncated else {}
    meta = {"dbmcp": facts | ({"note": note} if note else {})} if facts or note else None
    content: list[t.ContentBlock] = [t.TextContent(text=one) for one in texts]
    return t.CallToolResult(content=content, structured_content=structured, _meta=meta)


def of_resource(answer: Answer, definition: Resource, uri: str, *, as_mxcp: bool = False) -> t.ReadResourceResult:
    """Return *answer* as the contents of the resource at *uri*: a text as it is, anything else as JSON."""
    value = answer.value
    if isinstance(value, str) and (as_mxcp or definition.mime_type):
        text = value
    else:
        text = _indented(value) if as_mxcp else _json(value)
    contents = t.TextResourceContents(uri=uri, mime_type=mime(definition, as_mxcp=as_mxcp), text=text)
    return t.ReadResourceResult(contents=[contents])


def mime(definition: Resource, *, as_mxcp: bool = False) -> str:
    """Return the kind of text that a resource has; MXCP calls it plain where nobody says."""
    return definition.mime_type or (_TEXT if as_mxcp else _JSON)


def _blocks(value: Any) -> Iterator[str]:
    """Yield the texts of *value* as MXCP's clients know them; lists are taken apart at every depth."""
    if isinstance(value, list):
        for item in value:
            yield from _blocks(item)
    elif value is not None:
        yield value if isinstance(value, str) else _indented(value)


def _notes(truncated: bool, cursor: str | None) -> Iterator[str]:
    if cursor is not None:
        yield f'There are more: call {READ_ON} with {{"cursor": "{cursor}"}} soon; it is good once.'
    elif truncated:
        yield "There are more rows than these; ask for fewer."


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _indented(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)

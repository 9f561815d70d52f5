"""Whether the clients of every era of the protocol can take a tool."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import mcp.types as t
from mcp.shared.inbound import find_invalid_x_mcp_header
from mcp.types import methods
from pydantic import ValidationError

__all__ = ["check_tool"]

#: Hosts put their own prefix before a tool's name, within a limit of 64.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ERAS = ("2025-06-18", "2025-11-25", "2026-07-28")


def check_tool(tool: t.Tool) -> None:
    """Check that no era's clients would lose the whole list because of *tool*.

    Raises:
        ValueError: saying why they would.
    """
    if not _NAME.fullmatch(tool.name) or not tool.description:
        raise ValueError(f"Tool {tool.name!r} wants a name of up to 64 of A-Z a-z 0-9 _ - and a description.")
    for schema in filter(None, (tool.input_schema, tool.output_schema)):
        _check_schema(tool.name, schema)
    listed = t.ListToolsResult(tools=[tool]).model_dump(by_alias=True, mode="json", exclude_none=True)
    for era in _ERAS:
        try:
            methods.serialize_server_result("tools/list", era, listed)
        except ValidationError as exc:
            raise ValueError(f"Tool {tool.name!r} can't be told to clients of {era}: {exc}") from exc


def _check_schema(name: str, schema: Mapping[str, Any]) -> None:
    from jsonschema import Draft202012Validator, SchemaError  # type: ignore[import-untyped]

    if schema.get("type") != "object":
        raise ValueError(f"Tool {name!r} has a schema that isn't one of an object.")
    if (reason := find_invalid_x_mcp_header(schema)) is not None:
        raise ValueError(f"Tool {name!r} has a wrong x-mcp-header: {reason}")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as exc:
        raise ValueError(f"Tool {name!r} has a schema that is none: {exc.message}") from exc

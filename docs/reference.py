"""Writes docs/tools-reference.md from the models: ``python docs/reference.py``. A test holds the two together."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dbmcp_core.tools import model
from dbmcp_core.tools.project import ProjectOptions

FILE = Path(__file__).parent / "tools-reference.md"

_HEAD = """\
# Reference of a project's files

Written from the models by `python docs/reference.py`. An unknown key is an error, wherever it stands.

A file begins with `dbmcp: 1` (or `mxcp: 1`). Then it has one `tool`, `resource` or `prompt`, or several in lists:
`tools`, `resources`, `prompts`. Beside them it may have `types`, which `$ref: '#/types/NAME'` or
`$ref: 'FILE.yml#/types/NAME'` refer to wherever a type stands, `policies` for the whole project, and `metadata`,
which is yours.
"""
_PARTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("tool", model.Tool),
    ("resource", model.Resource),
    ("prompt", model.Prompt),
    ("A message of a prompt", model.Message),
    ("source", model.SourceCode),
    ("annotations", model.Annotations),
    ("A type, and so a parameter or a return", model.TypeSpec),
    ("policies", model.Policies),
    ("A rule of policies", model.PolicyRule),
    ("A policy of the project", model.ProjectPolicy),
    ("A test", model.Test),
    ("An error that a test expects", model.Expectation),
)


def text() -> str:
    """Return the whole page."""
    parts = [_HEAD, "## The table [project] of dbmcp.toml\n", *_options()]
    for title, part in _PARTS:
        parts += [f"\n## {title}\n", *_table(part)]
    return "\n".join(parts).rstrip() + "\n"


def _options() -> Iterator[str]:
    yield "| key | default | meaning |\n| --- | --- | --- |"
    for field in fields(ProjectOptions):
        default = "required" if field.default is MISSING else f"`{_value(field.default)}`"
        yield f"| `{field.name}` | {default} | {field.metadata['doc']} |"


def _table(part: type[BaseModel]) -> Iterator[str]:
    yield "| key | value | meaning |\n| --- | --- | --- |"
    for name, field in part.model_fields.items():
        wanted = "**required** " if field.is_required() else ""
        yield f"| `{field.alias or name}` | {wanted}{_kind(field)} | {field.description} |"


def _kind(field: FieldInfo) -> str:
    return _named(field.annotation)


def _named(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _named(arguments[0])
    if origin in (types.UnionType, typing.Union):
        return " or ".join(dict.fromkeys(_named(one) for one in arguments if one is not types.NoneType))
    if origin is typing.Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if origin is list:
        return f"list of {_named(arguments[0])}"
    if origin is dict:
        return f"{_named(arguments[1])} by name" if arguments[1] is not Any else "mapping"
    known = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}
    return known.get(annotation, _MODELS.get(getattr(annotation, "__name__", ""), "mapping"))


_MODELS = {
    "TypeSpec": "type",
    "ReturnType": "type",
    "Parameter": "type with a `name`",
    "PolicyRule": "rule",
    "Test": "test",
    "Message": "message",
    "TestArgument": "`key` and `value`",
    "Policies": "policies",
    "SourceCode": "source",
    "Annotations": "annotations",
    "Expectation": "`code` and `contains`",
}


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "none" if value is None else str(value)


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")

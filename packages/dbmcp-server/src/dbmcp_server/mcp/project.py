"""A project's definitions as MCP tools, resources and prompts. A door: it translates, and decides nothing."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mcp.types as t
from mcp.shared.exceptions import MCPError

from dbmcp_core import DbmcpError, Running
from dbmcp_core.errors import NotFound
from dbmcp_core.tools.endpoint import Endpoint
from dbmcp_core.tools.model import Annotations, Definition, Resource, Tool
from dbmcp_core.tools.model import Prompt as PromptDefinition
from dbmcp_core.tools.toolbox import Answer, Toolbox, ToolCall
from dbmcp_core.tools.types.jsonschema import input_schema, output_schema
from dbmcp_core.tools.user import ANONYMOUS, User
from dbmcp_server.mcp import answers, results
from dbmcp_server.mcp import arguments as args
from dbmcp_server.mcp.calls import DOOR, Calls, Context, caller
from dbmcp_server.mcp.kernel import Offer, Prompt, not_found
from dbmcp_server.mcp.kernel import Tool as OfferedTool
from dbmcp_server.mcp.making import make
from dbmcp_server.mcp.telling import Levels, Teller

__all__ = ["ProjectDoor"]

_log = logging.getLogger("dbmcp")


class ProjectDoor:
    """The way in to one toolbox.

    Args:
        toolbox: The definitions.
        calls: Where the calls under way are counted.
        levels: Which lines of its log each client wants.
        who: Who asks; left out, nobody known.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        calls: Calls,
        levels: Levels | None = None,
        who: Callable[[Context], User] = lambda _ctx: ANONYMOUS,
    ) -> None:
        self._toolbox = toolbox
        self._calls = calls
        self._levels = levels or Levels()
        self._who = who
        self._changing = threading.Condition()
        self._under_way = 0
        #: What clients should know of the project's files: that a change of them isn't served.
        self.note: str | None = None

    def wait(self, seconds: float) -> bool:
        """Wait until no call is under way, and return whether that came about."""
        with self._changing:
            is_idle = self._changing.wait_for(lambda: not self._under_way, seconds)
        # A thread may still be in the function of a call that was cancelled.
        return is_idle and self._toolbox.host.wait(seconds)

    def _count(self, step: int) -> None:
        with self._changing:
            self._under_way += step
            self._changing.notify_all()

    @property
    def as_mxcp(self) -> bool:
        """Whether clients expect the forms of MXCP."""
        return self._toolbox.project.config.uses_mxcp

    def offer(self) -> Offer:
        """Return everything that the toolbox has."""
        tools = [self._tool(one) for one in self._toolbox.endpoints("tool")]
        if not self.as_mxcp and any(_may_be_long(one) for one in self._toolbox.endpoints("tool")):
            tools.append(self._reader())
        prompts = [self._prompt(one) for one in self._toolbox.endpoints("prompt")]
        return Offer(tools, [_ProjectResources(self, self._toolbox)], prompts)

    async def call(self, ctx: Context, endpoint: Endpoint, arguments: Mapping[str, Any]) -> Answer:
        """Run one call in a thread."""
        running = Running()
        kind, key = endpoint.definition.kind, endpoint.definition.key
        teller = Teller(ctx, self._levels, counts=endpoint.language == "python")
        call = ToolCall(
            kind,
            key,
            arguments,
            self._who(ctx),
            caller(ctx),
            DOOR,
            _headers(ctx),
            teller,
            takes_null=kind != "tool",  # structured content has to be the object that is promised
        )
        self._count(1)
        try:
            answer = await self._calls.run(ctx, running, None, lambda: self._toolbox.call(call, running), teller.tick)
        except DbmcpError:
            await teller.flush()
            raise
        else:
            await teller.flush()
            return answer
        finally:
            self._count(-1)

    def _tool(self, endpoint: Endpoint) -> OfferedTool:
        definition = endpoint.definition
        assert isinstance(definition, Tool)  # noqa: S101 - for the type checker
        hints = definition.annotations
        omitted, masked, without_sensitive = endpoint.policies.hidden()
        told = t.Tool(
            name=definition.name,
            title=hints.title,
            description=definition.description or definition.name,
            input_schema=input_schema(definition.parameters),
            output_schema=output_schema(
                definition.returns,
                omitted=omitted,
                masked=masked,
                without_sensitive=without_sensitive,
                is_cut=endpoint.language in ("sql", "jinja"),
            ),
            annotations=_annotations(hints),
        )
        return OfferedTool(told, functools.partial(self._call_tool, endpoint))

    async def _call_tool(self, endpoint: Endpoint, ctx: Context, params: t.CallToolRequestParams) -> t.CallToolResult:
        try:
            answer = await self.call(ctx, endpoint, params.arguments or {})
        except DbmcpError as exc:
            return results.error(exc)
        except Exception as exc:  # noqa: BLE001 - it is told as what it is, without its text
            _log.error("%s failed: %s", endpoint.definition.key, type(exc).__name__)
            return results.internal_error()
        return answers.of_tool(answer, endpoint.definition.returns, as_mxcp=self.as_mxcp, note=self.note)

    def _reader(self) -> OfferedTool:
        """Return the tool that reads on."""

        async def read_on(ctx: Context, given: dict[str, Any]) -> t.CallToolResult:
            running, user, who = Running(), self._who(ctx), caller(ctx)
            read = functools.partial(
                self._toolbox.read_on, given["cursor"], user=user, caller=who, door=DOOR, running=running
            )
            return answers.of_tool(await self._calls.run(ctx, running, None, read))

        hints = t.ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=False, open_world_hint=False
        )
        cursor = args.text("cursor", required=True)
        about = "Read the next rows of an answer that was cut."
        return make(answers.READ_ON, "Read on", about, [cursor], read_on, hints=hints)

    def _prompt(self, endpoint: Endpoint) -> Prompt:
        definition = endpoint.definition
        assert isinstance(definition, PromptDefinition)  # noqa: S101 - for the type checker
        arguments = [
            t.PromptArgument(name=one.name, description=one.description, required=not one.has_default)
            for one in definition.parameters
        ]
        told = t.Prompt(name=definition.name, description=definition.description, arguments=arguments)
        return Prompt(told, functools.partial(self._get_prompt, endpoint))

    async def _get_prompt(
        self, endpoint: Endpoint, ctx: Context, params: t.GetPromptRequestParams
    ) -> t.GetPromptResult:
        try:
            answer = await self.call(ctx, endpoint, params.arguments or {})
        except DbmcpError as exc:
            raise _failed(exc) from None
        messages = [
            # The protocol has no role for a system's own words: to a model they are the user's.
            t.PromptMessage(
                role="assistant" if one.get("role") == "assistant" else "user",
                content=t.TextContent(text=str(one.get("prompt", ""))),
            )
            for one in answer.value or ()
        ]
        return t.GetPromptResult(description=endpoint.definition.description, messages=messages)


class _ProjectResources:
    """The resources of a project, and the completions of its prompts as well."""

    def __init__(self, door: ProjectDoor, toolbox: Toolbox) -> None:
        self._door = door
        endpoints = toolbox.endpoints("resource")
        self._prompts = {one.definition.key: one.definition for one in toolbox.endpoints("prompt")}
        self._endpoints = [(one, one.definition) for one in endpoints if isinstance(one.definition, Resource)]

    def resources(self) -> list[t.Resource]:
        """Return the resources whose URI stands for itself."""
        return [t.Resource(uri=one.uri, **self._about(one)) for _, one in self._endpoints if not one.variables]

    def templates(self) -> list[t.ResourceTemplate]:
        """Return those whose URI has parameters."""
        return [
            t.ResourceTemplate(uri_template=one.uri, **self._about(one)) for _, one in self._endpoints if one.variables
        ]

    def _about(self, one: Resource) -> dict[str, Any]:
        mime = answers.mime(one, as_mxcp=self._door.as_mxcp)
        return {"name": one.name or one.uri, "description": one.description, "mime_type": mime}

    async def read(self, ctx: Context, uri: str) -> t.ReadResourceResult | None:
        """Return what is behind *uri*, if it is one of these.

        Raises:
            MCPError: if it can't be had.
        """
        fitting = ((*one, found) for one in self._endpoints if (found := one[1].arguments_in(uri)) is not None)
        endpoint, definition, arguments = next(fitting, (None, None, None))
        if endpoint is None or definition is None or arguments is None:
            return None
        try:
            answer = await self._door.call(ctx, endpoint, arguments)
        except NotFound:
            raise not_found(ctx, uri) from None
        except DbmcpError as exc:
            raise _failed(exc) from None
        return answers.of_resource(answer, definition, uri, as_mxcp=self._door.as_mxcp)

    async def complete(self, ctx: Context, params: t.CompleteRequestParams) -> Sequence[str] | None:  # noqa: ARG002
        """Return the values that a parameter's ``enum`` has, those that go on from what was typed."""
        ref, argument = params.ref, params.argument
        found: Definition | None
        if isinstance(ref, t.ResourceTemplateReference):
            found = next((one for _, one in self._endpoints if one.uri == ref.uri), None)
        else:
            found = self._prompts.get(ref.name)
        if found is None:
            return None
        known = next((one.enum or one.examples for one in found.parameters if one.name == argument.name), [])
        return [str(value) for value in known if str(value).lower().startswith(argument.value.lower())]


def _annotations(hints: Annotations) -> t.ToolAnnotations | None:
    """Return what the definition says of itself; nothing where it says nothing."""
    if not hints.model_fields_set:
        return None
    return t.ToolAnnotations(
        title=hints.title,
        read_only_hint=hints.read_only_hint,
        destructive_hint=hints.destructive_hint,
        idempotent_hint=hints.idempotent_hint,
        open_world_hint=hints.open_world_hint,
    )


def _may_be_long(endpoint: Endpoint) -> bool:
    """Return whether an answer may be cut: a list of rows that SQL gives."""
    returns = endpoint.definition.returns
    return endpoint.language in ("sql", "jinja") and (returns is None or returns.type == "array")


def _failed(exc: DbmcpError) -> MCPError:
    data = {"error": {"code": exc.code, "message": exc.message, "hint": exc.hint}}
    kind = t.INVALID_PARAMS if exc.code == "invalid_arguments" else t.INTERNAL_ERROR
    return MCPError(kind, f"[{exc.code}] {exc.message}", data)


def _headers(ctx: Context) -> dict[str, str]:
    request = ctx.request
    return {key.lower(): value for key, value in request.headers.items()} if request is not None else {}

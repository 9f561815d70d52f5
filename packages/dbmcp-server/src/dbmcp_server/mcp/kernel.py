"""The MCP server without databases: a registry of tools, resources and prompts, for both eras of the protocol.

Beside dbmcp's own, anybody in this process may add some: ``add_tool``, ``add_resources``, ``add_prompt``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any, Protocol

import anyio
import mcp.types as t
from mcp.server.caching import CacheHint
from mcp.server.context import CallNext, HandlerResult
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.session import ServerSession
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ServerEvent,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp.types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from dbmcp_server.mcp.accepting import check_tool
from dbmcp_server.mcp.calls import Calls, Context
from dbmcp_server.mcp.paging import page
from dbmcp_server.mcp.telling import Levels, send_line

__all__ = ["DbServer", "Offer", "Prompt", "Resources", "Tool", "not_found"]

_log = logging.getLogger("dbmcp")

#: Completions in one answer; the protocol allows no more.
_MOST_COMPLETIONS = 100
#: Seconds that a client may take to hear of a change.
_TELL_S = 2.0
#: Seconds between two looks of who waits for the loop at whether it still runs.
_LOOK_S = 0.5
#: What a resource that isn't there was called before 2026-07-28.
_OLD_NOT_FOUND = -32002


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. ``run`` gets the request as it came; ``is_listed`` says whether it can work now."""

    definition: t.Tool
    run: Callable[[Context, t.CallToolRequestParams], Awaitable[t.CallToolResult | t.InputRequiredResult]]
    is_listed: Callable[[], bool] = lambda: True


class Resources(Protocol):
    """A family of resources. A method that answers None passes the question on to the next family."""

    def resources(self) -> Sequence[t.Resource]:
        """Return the resources to list."""
        ...

    def templates(self) -> Sequence[t.ResourceTemplate]:
        """Return the templates to list."""
        ...

    async def read(self, ctx: Context, uri: str) -> t.ReadResourceResult | None:
        """Return the contents of the resource at *uri*."""
        ...

    async def complete(self, ctx: Context, params: t.CompleteRequestParams) -> Sequence[str] | None:
        """Return values for one variable of a template, best first."""
        ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt."""

    definition: t.Prompt
    get: Callable[[Context, t.GetPromptRequestParams], Awaitable[t.GetPromptResult | t.InputRequiredResult]]


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """Tools, resources and prompts that come and go together."""

    tools: Sequence[Tool] = ()
    families: Sequence[Resources] = ()
    prompts: Sequence[Prompt] = ()


class DbServer(Server[Any]):
    """An MCP server whose tools, resources and prompts may come and go while clients are connected."""

    def __init__(self, *, version: str, instructions: str, is_fixed: bool) -> None:
        #: The blocking calls that handlers have under way.
        self.calls = Calls()
        self._tools: dict[str, Tool] = {}
        self._families: list[Resources] = []
        self._prompts: dict[str, Prompt] = {}
        self._bus = InMemorySubscriptionBus()
        self._listening = ListenHandler(self._bus)
        self._sessions: dict[object, ServerSession] = {}
        #: Which lines of its log each client wants.
        self.levels = Levels()
        #: The loop that it runs on, once it does.
        self.loop: asyncio.AbstractEventLoop | None = None
        #: What to call when it has ended, before the databases are closed.
        self.at_end: list[Callable[[], None]] = []
        lists = CacheHint(ttl_ms=300_000 if is_fixed else 0)
        super().__init__(
            "dbmcp",
            version=version,
            title="Databases",
            instructions=instructions,
            cache_hints={
                "server/discover": CacheHint(ttl_ms=3_600_000, scope="public"),
                "tools/list": lists,
                "prompts/list": lists,
                "resources/list": lists,
                "resources/templates/list": CacheHint(ttl_ms=3_600_000, scope="public"),
                "resources/read": CacheHint(ttl_ms=0),
            },
            get_tool_input_schema=self._input_schema,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
            on_completion=self._complete,
            on_subscriptions_listen=self._listening,
        )
        self.add_notification_handler("notifications/initialized", t.NotificationParams, self._remember)
        self.middleware = [*([] if _is_untraced() else self.middleware), _guard]

    # What there is

    def add_tool(self, tool: Tool, *, is_checked: bool = False) -> None:
        """Offer *tool*. dbmcp's own are checked by its tests, which saves a fifth of a second at each start.

        Raises:
            ValueError: if a client of some era could not take it, or its name is taken.
        """
        if not is_checked:
            check_tool(tool.definition)
        if tool.definition.name in self._tools:
            raise ValueError(f"There is a tool {tool.definition.name!r} already.")
        self._tools[tool.definition.name] = tool

    def add_resources(self, family: Resources) -> None:
        """Offer a family of resources, after those that are there."""
        self._families.append(family)

    def add_prompt(self, prompt: Prompt) -> None:
        """Offer *prompt*; a server without one doesn't claim to have any."""
        self.has_prompts()
        self._prompts[prompt.definition.name] = prompt

    def has_prompts(self) -> None:
        """Claim to have prompts, now or later; a client asks only once."""
        self.add_request_handler("prompts/list", t.PaginatedRequestParams, self._list_prompts)
        self.add_request_handler("prompts/get", t.GetPromptRequestParams, self._get_prompt)

    def has_log(self) -> None:
        """Claim to send lines of a log, as the protocol had it until 2026-07-28; later ones ask with each request."""
        self.add_request_handler("logging/setLevel", t.SetLevelRequestParams, self.levels.set)

    def exchange(self, old: Offer, new: Offer) -> None:
        """Take *old* away and offer *new* in its place, in one step: no client sees a mixture.

        Raises:
            ValueError: if a tool's name is taken by one that isn't part of *old*; nothing is changed then.
        """
        kept = {name: tool for name, tool in self._tools.items() if tool not in old.tools}
        for tool in new.tools:
            if tool.definition.name in kept:
                raise ValueError(f"There is a tool {tool.definition.name!r} already.")
            kept[tool.definition.name] = tool
        prompts = {name: prompt for name, prompt in self._prompts.items() if prompt not in old.prompts}
        prompts |= {prompt.definition.name: prompt for prompt in new.prompts}
        families = [family for family in self._families if family not in old.families]
        self._tools, self._prompts, self._families = kept, prompts, [*new.families, *families]

    # Tools

    def _input_schema(self, name: str) -> Mapping[str, Any] | None:
        tool = self._tools.get(name)
        return tool.definition.input_schema if tool is not None else None

    async def _list_tools(self, _ctx: Context, params: t.PaginatedRequestParams | None) -> t.ListToolsResult:
        listed = [tool.definition for tool in self._tools.values() if tool.is_listed()]
        tools, more = page(listed, params)
        return t.ListToolsResult(tools=tools, next_cursor=more)

    async def _call_tool(
        self, ctx: Context, params: t.CallToolRequestParams
    ) -> t.CallToolResult | t.InputRequiredResult:
        tool = self._tools.get(params.name)
        if tool is None:
            raise MCPError(t.INVALID_PARAMS, f"Unknown tool: {params.name[:100]}")
        return await tool.run(ctx, params)

    # Resources

    async def _list_resources(self, _ctx: Context, params: t.PaginatedRequestParams | None) -> t.ListResourcesResult:
        found, more = page([one for family in self._families for one in family.resources()], params)
        return t.ListResourcesResult(resources=found, next_cursor=more)

    async def _list_templates(
        self, _ctx: Context, params: t.PaginatedRequestParams | None
    ) -> t.ListResourceTemplatesResult:
        found, more = page([one for family in self._families for one in family.templates()], params)
        return t.ListResourceTemplatesResult(resource_templates=found, next_cursor=more)

    async def _read_resource(
        self, ctx: Context, params: t.ReadResourceRequestParams
    ) -> t.ReadResourceResult | t.InputRequiredResult:
        for family in self._families:
            result = await family.read(ctx, params.uri)
            if result is not None:
                return result
        raise not_found(ctx, params.uri)

    async def _complete(self, ctx: Context, params: t.CompleteRequestParams) -> t.CompleteResult:
        for family in self._families:
            values = await family.complete(ctx, params)
            if values is not None:
                break
        else:
            values = ()
        few = list(values[:_MOST_COMPLETIONS])
        completion = t.Completion(values=few, total=len(values), has_more=len(values) > len(few))
        return t.CompleteResult(completion=completion)

    # Prompts

    async def _list_prompts(self, _ctx: Context, params: t.PaginatedRequestParams | None) -> t.ListPromptsResult:
        found, more = page([prompt.definition for prompt in self._prompts.values()], params)
        return t.ListPromptsResult(prompts=found, next_cursor=more)

    async def _get_prompt(
        self, ctx: Context, params: t.GetPromptRequestParams
    ) -> t.GetPromptResult | t.InputRequiredResult:
        prompt = self._prompts.get(params.name)
        if prompt is None:
            raise MCPError(t.INVALID_PARAMS, f"Unknown prompt: {params.name[:100]}")
        return await prompt.get(ctx, params)

    # Changes

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """Return what a handshake says of us: we do tell of changes, which the SDK would deny."""
        options = notification_options or NotificationOptions(True, True, True)
        return super().create_initialization_options(options, experimental_capabilities, extensions)

    def change(self, old: Offer, new: Offer) -> None:
        """Exchange *old* for *new* on the server's own loop, and have every client told; safe from other threads.

        Raises:
            ValueError: as ``exchange`` does.
            RuntimeError: The server has ended.
        """

        if self.loop is None:
            self.exchange(old, new)
            return
        made: Future[None] = Future()

        def exchange() -> None:
            try:
                self.exchange(old, new)
            except ValueError as exc:
                made.set_exception(exc)
            else:
                made.set_result(None)

        self.loop.call_soon_threadsafe(exchange)
        while not made.done():
            wait([made], _LOOK_S)
            if not self.loop.is_running():
                raise RuntimeError("The server has ended.")
        made.result()
        # Not waited for: whatever a client does with it, the exchange is made.
        self._begin(self.changed(ToolsListChanged(), PromptsListChanged(), ResourcesListChanged()))

    def tell(self, level: t.LoggingLevel, text: str) -> None:
        """Send a line to every client that is told without asking; safe from other threads, and waits for nobody."""

        async def told() -> None:
            async with anyio.create_task_group() as tasks:
                for session in list(self._sessions.values()):
                    if self.levels.wants(session, level):
                        tasks.start_soon(_send, session, level, text)

        self._begin(told())

    def _begin(self, telling: Coroutine[Any, Any, None]) -> None:
        if self.loop is None or not self.loop.is_running():
            telling.close()
        else:
            asyncio.run_coroutine_threadsafe(telling, self.loop)

    async def changed(self, *events: ServerEvent) -> None:
        """Tell every client of *events*; left out, that tools and resources have changed."""
        events = events or (ToolsListChanged(), ResourcesListChanged())
        for event in events:
            await self._bus.publish(event)
        async with anyio.create_task_group() as tasks:
            for session in list(self._sessions.values()):
                tasks.start_soon(_tell, session, events)

    def stop(self) -> None:
        """Stop what runs in the databases, and end the streams of the clients that listen for changes."""
        self.calls.stop()
        self._listening.close()

    async def _remember(self, ctx: Context, _params: t.NotificationParams | None) -> None:
        """Keep the session of a handshake client, to tell it of changes until it goes."""
        connection = ctx.session._connection  # the SDK has no public list of its sessions
        if connection not in self._sessions:
            self._sessions[connection] = ctx.session
            connection.exit_stack.callback(self._sessions.pop, connection, None)


async def _tell(session: ServerSession, events: Sequence[ServerEvent]) -> None:
    """Send a handshake client what changed; one that doesn't read can't hold up the others."""
    with anyio.move_on_after(_TELL_S), contextlib.suppress(Exception):  # nor can one that went
        for event in events:
            if isinstance(event, ToolsListChanged):
                await session.send_tool_list_changed()
            elif isinstance(event, ResourcesListChanged):
                await session.send_resource_list_changed()
            elif isinstance(event, PromptsListChanged):
                await session.send_prompt_list_changed()
            else:
                await session.send_resource_updated(event.uri)


async def _send(session: ServerSession, level: t.LoggingLevel, text: str) -> None:
    with anyio.move_on_after(_TELL_S), contextlib.suppress(Exception):  # one that went is told nothing
        await send_line(session, level, text)


def not_found(ctx: Context, uri: str) -> MCPError:
    """Return the error that says, in the client's era, that there is no resource at *uri*."""
    code = t.INVALID_PARAMS if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS else _OLD_NOT_FOUND
    return MCPError(code, "Resource not found", {"uri": uri})


async def _guard(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Let no foreign exception out: the SDK would send its text, and a driver's may hold a password."""
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):
        raise
    except Exception as exc:  # noqa: BLE001 - see above
        _log.error("%s failed: %s", ctx.method, type(exc).__name__)
        raise MCPError(t.INTERNAL_ERROR, "Internal server error") from None


def _is_untraced() -> bool:
    """Whether nobody has set up OpenTelemetry in this process: then its middleware only costs time."""
    from opentelemetry import trace

    return isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)

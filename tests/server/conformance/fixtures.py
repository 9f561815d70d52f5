"""What the conformance suite expects of the server it tests, added to ours as anybody may add to it.

Names, texts and results are the suite's.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Sequence
from typing import Any

import mcp.types as t
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import PromptsListChanged, ToolsListChanged
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

from dbmcp_server.mcp.kernel import DbServer, Prompt, Tool

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
SOUND = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}
SCHEMA_2020 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def text(words: str, **more: Any) -> t.CallToolResult:
    return t.CallToolResult(content=[t.TextContent(text=words)], **more)


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties]}


TEXT = {"type": "string"}
IMAGE = t.ImageContent(data=PIXEL, mime_type="image/png")


def embedded(uri: str, words: str, kind: str = "text/plain") -> t.EmbeddedResource:
    return t.EmbeddedResource(resource=t.TextResourceContents(uri=uri, mime_type=kind, text=words))


async def simple_text(ctx, params):
    return text("This is a simple text response for testing.")


async def image(ctx, params):
    return t.CallToolResult(content=[IMAGE])


async def audio(ctx, params):
    return t.CallToolResult(content=[t.AudioContent(data=SOUND, mime_type="audio/wav")])


async def embedded_resource(ctx, params):
    return t.CallToolResult(content=[embedded("test://embedded-resource", "This is an embedded resource content.")])


async def multiple(ctx, params):
    words = t.TextContent(text="Multiple content types test:")
    resource = embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json")
    return t.CallToolResult(content=[words, IMAGE, resource])


async def log(ctx, *messages: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        for number, message in enumerate(messages):
            await asyncio.sleep(0.05 if number else 0)
            await ctx.session.send_log_message("info", message, related_request_id=ctx.request_id)


async def logging(ctx, params):
    await log(ctx, "Tool execution started", "Tool processing data", "Tool execution completed")
    return text("Tool with logging executed successfully")


async def progress(ctx, params):
    for done in (0, 50, 100):
        await ctx.session.report_progress(done, 100, f"Completed step {done} of 100")
        await asyncio.sleep(0.05)
    return text(str((ctx.meta or {}).get("progress_token", 0)))


async def error(ctx, params):
    return text("This tool intentionally returns an error for testing", is_error=True)


async def sampling(ctx, params):
    message = t.SamplingMessage(role="user", content=t.TextContent(text=params.arguments["prompt"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        answer = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
    return text(f"LLM response: {getattr(answer.content, 'text', '')}")


async def elicit(ctx, message: str, properties: dict[str, Any], required: list[str] | None = None):
    wanted = {"type": "object", "properties": properties, "required": required or []}
    return await ctx.session.elicit_form(message, wanted, related_request_id=ctx.request_id)


async def elicitation(ctx, params):
    fields = {"username": TEXT, "email": TEXT}
    answer = await elicit(ctx, params.arguments["message"], fields, [*fields])
    return text(f"User response: action={answer.action}, content={answer.content}")


async def elicitation_defaults(ctx, params):
    fields = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    answer = await elicit(ctx, "Please review and update the form fields with defaults", fields)
    return text(f"Elicitation completed: action={answer.action}, content={answer.content}")


async def elicitation_enums(ctx, params):
    titled = [{"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second"), 1)]
    fields = {
        "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    answer = await elicit(ctx, "Please select options from the enum fields", fields)
    return text(f"Elicitation completed: action={answer.action}, content={answer.content}")


async def missing_capability(ctx, params):
    capabilities = ctx.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        data = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(t.MISSING_REQUIRED_CLIENT_CAPABILITY, "Client capability required: sampling", data)
    return text("The client can sample.")


async def log_if_wanted(ctx, params):
    await log(ctx, "Logging tool executed")
    return text("Logged")


async def reconnect(ctx, params):
    if ctx.close_sse_stream is not None:
        await ctx.close_sse_stream()
    await asyncio.sleep(0.1)
    return text("Reconnection test completed successfully.")


def ask(**requests: Any) -> t.InputRequiredResult:
    return t.InputRequiredResult(input_requests=requests, request_state=None)


def form(message: str, **fields: Any) -> t.ElicitRequest:
    wanted = {"type": "object", "properties": fields, "required": [*fields]}
    return t.ElicitRequest(params=t.ElicitRequestFormParams(message=message, requested_schema=wanted))


NAME = form("What is your name?", name=TEXT)
CAPITAL = t.CreateMessageRequest(
    params=t.CreateMessageRequestParams(
        messages=[t.SamplingMessage(role="user", content=t.TextContent(text="What is the capital of France?"))],
        max_tokens=100,
    )
)
ROOTS = t.ListRootsRequest()


def answer_of(params, key: str) -> Any:
    return (params.input_responses or {}).get(key)


async def input_elicitation(ctx, params):
    answer = answer_of(params, "user_name")
    if not isinstance(answer, t.ElicitResult):
        return ask(user_name=NAME)
    return text(f"Hello, {(answer.content or {}).get('name')}!")


async def input_sampling(ctx, params):
    answer = answer_of(params, "capital_question")
    if answer is None:
        return ask(capital_question=CAPITAL)
    return text(getattr(answer.content, "text", str(answer.content)))


async def input_roots(ctx, params):
    answer = answer_of(params, "client_roots")
    if answer is None:
        return ask(client_roots=ROOTS)
    return text(f"Found {len(answer.roots)} roots")


async def input_state(ctx, params):
    if params.request_state is None or answer_of(params, "confirm") is None:
        request = form("Please confirm", ok={"type": "boolean"})
        return t.InputRequiredResult(input_requests={"confirm": request}, request_state="asked")
    return text("state-ok")


async def input_multiple(ctx, params):
    if not {"user_name", "greeting", "client_roots"} <= set(params.input_responses or {}):
        requests = {"user_name": NAME, "greeting": CAPITAL, "client_roots": ROOTS}
        return t.InputRequiredResult(input_requests=requests, request_state="asked")
    return text("Got all three.")


async def input_rounds(ctx, params):
    if params.request_state is None:
        request = form("Step 1: What is your name?", name=TEXT)
        return t.InputRequiredResult(input_requests={"step1": request}, request_state="round 1")
    if params.request_state == "round 1":
        request = form("Step 2: What is your favorite color?", color=TEXT)
        return t.InputRequiredResult(input_requests={"step2": request}, request_state="round 2")
    return text("Both steps are done.")


async def input_capabilities(ctx, params):
    if params.input_responses:
        return text("Answered.")
    declared = ctx.session.client_capabilities
    wanted: dict[str, Any] = {}
    if declared is not None and declared.elicitation is not None:
        wanted["user_name"] = NAME
    if declared is not None and declared.sampling is not None:
        wanted["greeting"] = CAPITAL
    return ask(**wanted) if wanted else text("Nothing can be asked.")


class TestResources:
    """Static resources, one that can be watched, and a template."""

    def resources(self) -> Sequence[t.Resource]:
        kinds = {"static-text": "text/plain", "static-binary": "image/png", "watched-resource": "text/plain"}
        return [t.Resource(uri=f"test://{name}", name=name, mime_type=kind) for name, kind in kinds.items()]

    def templates(self) -> Sequence[t.ResourceTemplate]:
        return [
            t.ResourceTemplate(uri_template="test://template/{id}/data", name="template", mime_type="application/json")
        ]

    async def read(self, ctx, uri: str) -> t.ReadResourceResult | None:
        contents: Any = None
        if uri == "test://static-text":
            words = "This is the content of the static text resource."
            contents = t.TextResourceContents(uri=uri, mime_type="text/plain", text=words)
        elif uri == "test://static-binary":
            contents = t.BlobResourceContents(uri=uri, mime_type="image/png", blob=PIXEL)
        elif uri == "test://watched-resource":
            contents = t.TextResourceContents(uri=uri, mime_type="text/plain", text="Watched resource content")
        elif uri.startswith("test://template/") and uri.endswith("/data"):
            words = f'{{"id":"{uri.split("/")[3]}","templateTest":true,"data":"Data for ID: {uri.split("/")[3]}"}}'
            contents = t.TextResourceContents(uri=uri, mime_type="application/json", text=words)
        return t.ReadResourceResult(contents=[contents]) if contents is not None else None

    async def complete(self, ctx, params) -> Sequence[str] | None:
        return ["test"] if isinstance(params.ref, t.PromptReference) else None


def said(*blocks: Any) -> t.GetPromptResult:
    return t.GetPromptResult(messages=[t.PromptMessage(role="user", content=block) for block in blocks])


async def prompt_simple(ctx, params):
    return said(t.TextContent(text="This is a simple prompt for testing."))


async def prompt_arguments(ctx, params):
    given = params.arguments or {}
    return said(t.TextContent(text=f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'"))


async def prompt_resource(ctx, params):
    uri = (params.arguments or {})["resourceUri"]
    words = t.TextContent(text="Please process the embedded resource above.")
    return said(embedded(uri, "Embedded resource content for testing."), words)


async def prompt_image(ctx, params):
    return said(IMAGE, t.TextContent(text="Please analyze the image above."))


async def prompt_input(ctx, params):
    answer = answer_of(params, "user_context")
    if answer is None:
        return ask(user_context=form("What context should the prompt use?", context=TEXT))
    return said(t.TextContent(text=f"Use this: {(answer.content or {}).get('context')}"))


TOOLS: dict[str, tuple[Any, dict[str, Any]]] = {
    "test_simple_text": (simple_text, NO_ARGUMENTS),
    "test_image_content": (image, NO_ARGUMENTS),
    "test_audio_content": (audio, NO_ARGUMENTS),
    "test_embedded_resource": (embedded_resource, NO_ARGUMENTS),
    "test_multiple_content_types": (multiple, NO_ARGUMENTS),
    "test_tool_with_logging": (logging, NO_ARGUMENTS),
    "test_tool_with_progress": (progress, NO_ARGUMENTS),
    "test_error_handling": (error, NO_ARGUMENTS),
    "test_sampling": (sampling, schema(prompt=TEXT)),
    "test_elicitation": (elicitation, schema(message=TEXT)),
    "test_elicitation_sep1034_defaults": (elicitation_defaults, NO_ARGUMENTS),
    "test_elicitation_sep1330_enums": (elicitation_enums, NO_ARGUMENTS),
    "json_schema_2020_12_tool": (simple_text, SCHEMA_2020),
    "test_reconnection": (reconnect, NO_ARGUMENTS),
    "test_missing_capability": (missing_capability, NO_ARGUMENTS),
    "test_logging_tool": (log_if_wanted, NO_ARGUMENTS),
    "test_streaming_elicitation": (input_elicitation, NO_ARGUMENTS),
    "test_x_mcp_header": (simple_text, schema(region={"type": "string", "x-mcp-header": "Region"})),
    "test_input_required_result_elicitation": (input_elicitation, NO_ARGUMENTS),
    "test_input_required_result_sampling": (input_sampling, NO_ARGUMENTS),
    "test_input_required_result_list_roots": (input_roots, NO_ARGUMENTS),
    "test_input_required_result_request_state": (input_state, NO_ARGUMENTS),
    "test_input_required_result_multiple_inputs": (input_multiple, NO_ARGUMENTS),
    "test_input_required_result_multi_round": (input_rounds, NO_ARGUMENTS),
    "test_input_required_result_tampered_state": (input_state, NO_ARGUMENTS),
    "test_input_required_result_capabilities": (input_capabilities, NO_ARGUMENTS),
}
PROMPTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "test_simple_prompt": (prompt_simple, ()),
    "test_prompt_with_arguments": (prompt_arguments, ("arg1", "arg2")),
    "test_prompt_with_embedded_resource": (prompt_resource, ("resourceUri",)),
    "test_prompt_with_image": (prompt_image, ()),
    "test_input_required_result_prompt": (prompt_input, ()),
}


def add_to(server: DbServer) -> None:
    """Add everything the suite asks for to *server*."""
    for name, (run, wanted) in TOOLS.items():
        server.add_tool(Tool(t.Tool(name=name, description=f"Fixture {name}.", input_schema=wanted), run))
    for name, event in (("tool", ToolsListChanged()), ("prompt", PromptsListChanged())):

        async def trigger(ctx, params, event=event):
            await server.changed(event)
            return text("Changed.")

        definition = t.Tool(
            name=f"test_trigger_{name}_change", description="Tell of a change.", input_schema=NO_ARGUMENTS
        )
        server.add_tool(Tool(definition, trigger))
    for name, (get, names) in PROMPTS.items():
        arguments = [t.PromptArgument(name=one, required=True) for one in names]
        server.add_prompt(Prompt(t.Prompt(name=name, description=f"Fixture {name}.", arguments=arguments), get))
    server.add_resources(TestResources())
    _add_old_methods(server)
    server.middleware.append(RequestStateBoundary(RequestStateSecurity(keys=[b"k" * 32]), default_audience=server.name))


def _add_old_methods(server: DbServer) -> None:
    async def accept(ctx, params) -> t.EmptyResult:
        return t.EmptyResult()

    for method, kind in (
        ("logging/setLevel", t.SetLevelRequestParams),
        ("resources/subscribe", t.SubscribeRequestParams),
        ("resources/unsubscribe", t.UnsubscribeRequestParams),
    ):
        server.add_request_handler(method, kind, accept)

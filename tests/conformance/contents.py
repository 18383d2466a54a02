"""Tools, resources and prompts that the public suite calls by name: what an answer may hold."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar, cast

import anyio
from dbmanager_tools.house import ToolFunction, answer, tool
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import Message, UserMessage
from mcp.types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextContent,
    TextResourceContents,
)
from pydantic import Field

PNG = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
        "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
    )
).decode()
WAV = base64.b64encode(
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\0\0\0"
).decode()
SCHEMA = {
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
FunctionT = TypeVar("FunctionT", bound=Callable[..., Awaitable[Any]])


def fixture_tool(function: FunctionT) -> FunctionT:
    """Register a tool the house's way, whatever it answers."""
    tool(phase=0, title=function.__name__)(cast("ToolFunction", function))
    return function


def _holding(*content: ContentBlock) -> CallToolResult:
    return CallToolResult(content=list(content))


def _embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


IMAGE = ImageContent(type="image", data=PNG, mime_type="image/png")


@fixture_tool
async def test_simple_text() -> CallToolResult:
    """Answer a text."""
    return answer("This is a simple text response for testing.")


@fixture_tool
async def test_image_content() -> CallToolResult:
    """Answer an image."""
    return _holding(IMAGE)


@fixture_tool
async def test_audio_content() -> CallToolResult:
    """Answer a sound."""
    return _holding(AudioContent(type="audio", data=WAV, mime_type="audio/wav"))


@fixture_tool
async def test_embedded_resource() -> CallToolResult:
    """Answer a resource."""
    return _holding(_embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."))


@fixture_tool
async def test_multiple_content_types() -> CallToolResult:
    """Answer a text, an image and a resource."""
    text = TextContent(type="text", text="Multiple content types test:")
    resource = _embedded(
        "test://mixed-content-resource", "application/json", json.dumps({"test": "data", "value": 123})
    )
    return _holding(text, IMAGE, resource)


@fixture_tool
async def test_error_handling() -> CallToolResult:
    """Fail."""
    raise ToolError("This tool intentionally returns an error for testing")


@fixture_tool
async def test_tool_with_logging(ctx: Context) -> CallToolResult:
    """Log three times."""
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(said)
        await anyio.sleep(0.05)
    return answer("Tool with logging executed")


@fixture_tool
async def test_logging_tool(ctx: Context) -> CallToolResult:
    """Log, which reaches only who asked for it."""
    await ctx.info("not to be seen")
    return answer("done")


@fixture_tool
async def test_tool_with_progress(ctx: Context) -> CallToolResult:
    """Tell progress three times."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100, f"Completed step {done} of 100")
        await anyio.sleep(0.05)
    return answer("done")


@fixture_tool
async def test_reconnection(ctx: Context) -> CallToolResult:
    """Close the stream of the answer before answering."""
    await ctx.close_sse_stream()
    await anyio.sleep(0.2)
    return answer("Reconnection test completed")


@fixture_tool
async def json_schema_2020_12_tool(name: str = "") -> CallToolResult:
    """Take what a schema of 2020-12 describes."""
    return answer(name)


@fixture_tool
async def test_mirrored_header(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})],
) -> CallToolResult:
    """Take an argument that a header mirrors."""
    return answer(region)


@fixture_tool
async def test_trigger_tool_change(ctx: Context) -> CallToolResult:
    """Say that the tools have changed."""
    await ctx.notify_tools_changed()
    return answer("done")


@fixture_tool
async def test_trigger_prompt_change(ctx: Context) -> CallToolResult:
    """Say that the prompts have changed."""
    await ctx.notify_prompts_changed()
    return answer("done")


@fixture_tool
async def greet(name: str) -> CallToolResult:
    """Greet."""
    return answer(f"Hello, {name}!")


def add_contents(server: MCPServer[Any]) -> None:
    """Register resources and prompts, and the schema that no signature can say."""
    schema_tool = server._tool_manager.get_tool("json_schema_2020_12_tool")
    assert schema_tool is not None
    schema_tool.parameters = SCHEMA
    _resources(server)
    _prompts(server)


def _resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", mime_type="text/plain", description="A text")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png", description="An image")
    def static_binary() -> bytes:
        return base64.b64decode(PNG)

    @server.resource("test://watched-resource", mime_type="text/plain", description="Something to watch")
    def watched() -> str:
        return "Watched resource content"

    @server.resource("test://template/{id}/data", mime_type="application/json", description="Data of an id")
    def templated(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def _prompts(server: MCPServer[Any]) -> None:
    @server.prompt(description="A prompt without arguments")
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description="A prompt with arguments")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description="A prompt that holds a resource")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:  # noqa: N803 - the suite's name
        held = _embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
        return [UserMessage(held), UserMessage("Please process the embedded resource above.")]

    @server.prompt(description="A prompt that holds an image")
    def test_prompt_with_image() -> list[Message]:
        return [UserMessage(IMAGE), UserMessage("Please analyze the image above.")]

"""Tools and a prompt that the public suite calls by name: what is asked of the client's user before an answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from dbmanager_tools.house import answer
from mcp.server import MCPServer
from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.resolve import Elicit, Resolve, Sample
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel, Field

from tests.conformance.contents import fixture_tool

Answered = CallToolResult | InputRequiredResult


def asking(message: str, **properties: str) -> ElicitRequest:
    """Return a question to the user, by the types of what is asked."""
    schema: dict[str, Any] = {"type": "object", "properties": {n: {"type": t} for n, t in properties.items()}}
    return ElicitRequest(
        params=ElicitRequestFormParams(message=message, requested_schema={**schema, "required": list(properties)})
    )


def _sampling(text: str, tokens: int) -> CreateMessageRequest:
    said = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[said], max_tokens=tokens))


def told(ctx: Context, key: str, field: str) -> Any:
    """Return what the user answered to a question, None where that is missing."""
    found = (ctx.input_responses or {}).get(key)
    return found.content.get(field) if isinstance(found, ElicitResult) and found.content else None


def _ask(state: str | None = None, **requests: InputRequest) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


def _sampled(ctx: Context, key: str) -> str | None:
    found = (ctx.input_responses or {}).get(key)
    content = found.content if isinstance(found, CreateMessageResult) else None
    return content.text if isinstance(content, TextContent) else None


@fixture_tool
async def test_input_required_result_elicitation(ctx: Context) -> Answered:
    """Ask for a name."""
    name = told(ctx, "user_name", "name")
    if not isinstance(name, str):
        return _ask(user_name=asking("What is your name?", name="string"))
    return answer(f"Hello, {name}!")


@fixture_tool
async def test_input_required_result_sampling(ctx: Context) -> Answered:
    """Ask a model."""
    text = _sampled(ctx, "capital_question")
    return answer(text) if text else _ask(capital_question=_sampling("What is the capital of France?", 100))


@fixture_tool
async def test_input_required_result_list_roots(ctx: Context) -> Answered:
    """Ask for roots."""
    found = (ctx.input_responses or {}).get("client_roots")
    if not isinstance(found, ListRootsResult):
        return _ask(client_roots=ListRootsRequest())
    return answer(", ".join(str(root.uri) for root in found.roots))


@fixture_tool
async def test_input_required_result_request_state(ctx: Context) -> Answered:
    """Ask, and want the state back."""
    if told(ctx, "confirm", "ok") is None or ctx.request_state != "state-1":
        return _ask("state-1", confirm=asking("Please confirm", ok="boolean"))
    return answer("state-ok")


@fixture_tool
async def test_input_required_result_tampered_state(ctx: Context) -> Answered:
    """Ask, and refuse a state that is not ours."""
    if ctx.request_state is None:
        return _ask("state-1", confirm=asking("Please confirm", ok="boolean"))
    if ctx.request_state != "state-1":
        raise MCPError(INVALID_PARAMS, "the request state was altered")
    return answer("state-ok")


@fixture_tool
async def test_input_required_result_multiple_inputs(ctx: Context) -> Answered:
    """Ask three things at a time."""
    given = ctx.input_responses or {}
    if not {"user_name", "greeting", "client_roots"} <= given.keys():
        return _ask(
            "state-1",
            user_name=asking("What is your name?", name="string"),
            greeting=_sampling("Generate a greeting", 50),
            client_roots=ListRootsRequest(),
        )
    return answer(f"{_sampled(ctx, 'greeting')}, {told(ctx, 'user_name', 'name')}")


@fixture_tool
async def test_input_required_result_multi_round(ctx: Context) -> Answered:
    """Ask one thing after another."""
    if ctx.request_state is None:
        return _ask("round-1", step1=asking("Step 1: What is your name?", name="string"))
    if ctx.request_state == "round-1":
        name = told(ctx, "step1", "name")
        return _ask(f"round-2 {name}", step2=asking("Step 2: What is your favorite color?", color="string"))
    return answer(f"{ctx.request_state.removeprefix('round-2 ')} likes {told(ctx, 'step2', 'color')}")


@fixture_tool
async def test_input_required_result_capabilities(ctx: Context) -> Answered:
    """Ask only what the client can do."""
    capabilities = ctx.client_capabilities
    requests: dict[str, InputRequest] = {}
    if capabilities is not None and capabilities.elicitation is not None:
        requests["user_name"] = asking("What is your name?", name="string")
    if capabilities is not None and capabilities.sampling is not None:
        requests["greeting"] = _sampling("Generate a greeting", 50)
    if not requests or ctx.input_responses:
        return answer("done")
    return InputRequiredResult(input_requests=requests)


@fixture_tool
async def test_streaming_elicitation(ctx: Context) -> Answered:
    """Ask within a stream."""
    return _ask(confirm=asking("Please confirm", ok="boolean"))


@fixture_tool
async def test_missing_capability(ctx: Context) -> CallToolResult:
    """Want a client that can sample."""
    capabilities = ctx.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY, "sampling is needed", {"requiredCapabilities": {"sampling": {}}}
        )
    return answer("done")


class Person(BaseModel):
    """Whom the user is."""

    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class Defaults(BaseModel):
    """One field of each primitive type, with a default."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


def _titled(word: str, values: list[str], titles: list[str]) -> dict[str, Any]:
    return {word: [{"const": value, "title": title} for value, title in zip(values, titles, strict=True)]}


_OPTIONS = ["option1", "option2", "option3"]
_TITLED = (["value1", "value2", "value3"], ["First Option", "Second Option", "Third Option"])


class Choices(BaseModel):
    """Every way to offer a choice."""

    untitledSingle: str = Field(json_schema_extra={"enum": list[Any](_OPTIONS)})  # noqa: N815 - the suite's names
    titledSingle: str = Field(json_schema_extra=_titled("oneOf", *_TITLED))  # noqa: N815
    legacyEnum: str = Field(  # noqa: N815
        json_schema_extra={
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        }
    )
    untitledMulti: list[str] = Field(  # noqa: N815
        json_schema_extra={"items": {"type": "string", "enum": list[Any](_OPTIONS)}}
    )
    titledMulti: list[str] = Field(json_schema_extra={"items": _titled("anyOf", *_TITLED)})  # noqa: N815


def _ask_person(message: str) -> Elicit[Person]:
    return Elicit(message, Person)


def _ask_defaults() -> Elicit[Defaults]:
    return Elicit("Please review", Defaults)


def _ask_choices() -> Elicit[Choices]:
    return Elicit("Please choose", Choices)


def _ask_model(prompt: str) -> Sample:
    return Sample([SamplingMessage(role="user", content=TextContent(type="text", text=prompt))], max_tokens=100)


def _outcome(found: ElicitationResult[Any]) -> CallToolResult:
    content = found.data.model_dump_json() if isinstance(found, AcceptedElicitation) else "{}"
    return answer(f"User response: action={found.action}, content={content}")


@fixture_tool
async def test_elicitation(
    message: str, found: Annotated[ElicitationResult[Person], Resolve(_ask_person)]
) -> CallToolResult:
    """Ask who the user is."""
    return _outcome(found)


@fixture_tool
async def test_elicitation_sep1034_defaults(
    found: Annotated[ElicitationResult[Defaults], Resolve(_ask_defaults)],
) -> CallToolResult:
    """Ask with defaults."""
    return _outcome(found)


@fixture_tool
async def test_elicitation_sep1330_enums(
    found: Annotated[ElicitationResult[Choices], Resolve(_ask_choices)],
) -> CallToolResult:
    """Ask with choices."""
    return _outcome(found)


@fixture_tool
async def test_sampling(prompt: str, said: Annotated[CreateMessageResult, Resolve(_ask_model)]) -> CallToolResult:
    """Ask the client's model."""
    text = said.content.text if isinstance(said.content, TextContent) else ""
    return answer(f"LLM response: {text}")


def add_rounds(server: MCPServer[Any]) -> None:
    """Register the prompt that asks."""

    @server.prompt(description="A prompt that asks for its context")
    async def test_input_required_result_prompt(ctx: Context) -> str | InputRequiredResult:
        context = told(ctx, "user_context", "context")
        if context is None:
            return _ask(user_context=asking("What context should the prompt use?", context="string"))
        return f"Use this context: {context}"

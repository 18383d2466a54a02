"""A whole agent loop: its model is a function that asks for one tool call after another and reads what comes back."""

import asyncio

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelResponse, RetryPromptPart, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.models.test import TestModel
from slice import command, lead


async def main():
    program, arguments, folder = command()
    transport = StdioTransport(command=program, args=arguments, cwd=folder, env={"HOME": folder}, keep_alive=True)
    tools = MCPToolset(transport, max_retries=5)
    async with tools:
        test_model = TestModel(call_tools=["list_connections"])
        listed = await Agent(test_model, toolsets=[tools]).run("Which databases are there?")
        assert "shop" in listed.output, listed.output
        names = {tool.name for tool in test_model.last_model_request_parameters.function_tools}

        async def call(name, given):
            def reply(messages, info):
                parts = [part for message in messages for part in message.parts]
                answers = [part for part in parts if isinstance(part, ToolReturnPart | RetryPromptPart)]
                if not answers:
                    return ModelResponse([ToolCallPart(name, given)])
                return ModelResponse([TextPart(str(answers[-1].content))])

            return (await Agent(FunctionModel(reply), toolsets=[tools]).run("Go on.")).output

        await lead(names, call)


asyncio.run(main())

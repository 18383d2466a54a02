import asyncio

from agents.mcp import MCPServerStdio
from slice import command, lead


async def main():
    program, arguments, folder = command()
    parameters = {"command": program, "args": arguments, "cwd": folder, "env": {"HOME": folder}}
    async with MCPServerStdio(params=parameters, client_session_timeout_seconds=60) as server:
        tools = {tool.name for tool in await server.list_tools()}

        async def call(name, given):
            answer = await server.call_tool(name, given)
            return "\n".join(getattr(part, "text", "") for part in answer.content)

        await lead(tools, call)


asyncio.run(main())

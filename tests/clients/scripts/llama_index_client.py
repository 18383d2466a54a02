import asyncio

from llama_index.tools.mcp import BasicMCPClient, McpToolSpec
from slice import command, lead


async def main():
    program, arguments, folder = command()
    client = BasicMCPClient(program, args=["-c", f'cd "{folder}" && exec "$@"', "sh", *arguments], env={"HOME": folder})
    tools = {tool.metadata.name: tool for tool in await McpToolSpec(client=client).to_tool_list_async()}

    async def call(name, given):
        answer = await client.call_tool(name, given)
        return "\n".join(getattr(part, "text", "") for part in answer.content)

    await lead(tools, call)


asyncio.run(main())

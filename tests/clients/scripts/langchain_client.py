import asyncio

from langchain_core.tools import ToolException
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from slice import command, lead


async def main():
    program, arguments, folder = command()
    client = MultiServerMCPClient(
        {
            "dbmanager": {
                "transport": "stdio",
                "command": program,
                "args": arguments,
                "cwd": folder,
                "env": {"HOME": folder},
            }
        }
    )
    async with client.session("dbmanager") as session:
        tools = {tool.name: tool for tool in await load_mcp_tools(session)}

        async def call(name, given):
            try:
                answer = await tools[name].ainvoke(given)
            except ToolException as failed:
                return str(failed)
            return answer if isinstance(answer, str) else "\n".join(str(part.get("text", "")) for part in answer)

        await lead(tools, call)


asyncio.run(main())

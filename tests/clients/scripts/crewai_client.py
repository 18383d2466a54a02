import asyncio

from crewai_tools import MCPServerAdapter
from mcp import StdioServerParameters
from slice import command, lead

program, arguments, folder = command()
with MCPServerAdapter(
    StdioServerParameters(command=program, args=arguments, cwd=folder, env={"HOME": folder})
) as adapted:
    tools = {tool.name: tool for tool in adapted}

    async def call(name, given):
        try:
            return str(tools[name].run(**given))
        except Exception as failed:
            return str(failed)

    asyncio.run(lead(tools, call))

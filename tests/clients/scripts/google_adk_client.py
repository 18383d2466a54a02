import asyncio

from google.adk.tools.mcp_tool import McpToolset, StdioConnectionParams
from mcp import StdioServerParameters
from slice import command, lead


class Context:
    """What the framework passes along in a run; these tools ask nothing of it."""

    def __getattr__(self, name):
        return None


async def main():
    program, arguments, folder = command()
    parameters = StdioServerParameters(command=program, args=arguments, cwd=folder, env={"HOME": folder})
    toolset = McpToolset(connection_params=StdioConnectionParams(server_params=parameters, timeout=60))
    tools = {tool.name: tool for tool in await toolset.get_tools()}

    async def call(name, given):
        answer = await tools[name].run_async(args=given, tool_context=Context())
        if isinstance(answer, dict) and "error" in answer:
            return str(answer["error"])
        return "\n".join(part.get("text", "") for part in answer["content"])

    await lead(tools, call)
    await toolset.close()


asyncio.run(main())

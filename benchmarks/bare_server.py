"""The protocol's floor: the SDK's server with one tool that returns a constant. Run as a program."""

from __future__ import annotations

from mcp.server import MCPServer

server = MCPServer("bare", log_level="WARNING")


@server.tool()
async def constant() -> str:
    """Return a constant."""
    return "1"


if __name__ == "__main__":
    server.run("stdio")

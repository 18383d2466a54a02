"""Know, measure and safely change real databases; the library behind the Database Manager MCP server."""

__version__ = "0.1.0"

"""Assembles the MCP server: app, command line, transports."""

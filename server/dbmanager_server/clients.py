"""The clients that can be configured: where each keeps its file, and what an entry looks like there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Scope = Literal["user", "project"]


@dataclass(frozen=True, slots=True)
class Launch:
    """How a server is started: a program, its arguments, and the environment variables that it is to see."""

    command: str
    args: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientFormat:
    """One client's file.

    Attributes:
        key: the object in it that holds servers by name.
        places: the file for each scope that the client knows.
        variable: how the file refers to a variable of the environment, `{}` standing for its name; None where it can't.
        extra: what every entry also says.
        inputs: whether the client asks its user for values itself, listed under `inputs`.
    """

    name: str
    title: str
    key: str
    places: Mapping[Scope, Callable[[], Path]]
    variable: str | None
    extra: Mapping[str, Any] = field(default_factory=dict)
    inputs: bool = False

    def entry(self, launch: Launch) -> dict[str, Any]:
        """Return a server's entry."""
        found: dict[str, Any] = {**self.extra, "command": launch.command, "args": list(launch.args)}
        if launch.variables and self.variable is not None:
            found["env"] = {name: self.variable.format(name) for name in launch.variables}
        return found

    def asked(self, launch: Launch) -> list[dict[str, Any]]:
        """Return the questions that the client puts to its user; empty where it has none."""
        if not self.inputs:
            return []
        return [
            {"type": "promptString", "id": name, "description": f"{name} for the database manager", "password": True}
            for name in launch.variables
        ]


def _application_data(*parts: str) -> Path:
    """Return a place in the folder where the system keeps applications' settings."""
    if sys.platform == "darwin":
        return Path.home().joinpath("Library", "Application Support", *parts)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming").joinpath(*parts)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config").joinpath(*parts)


def _zed() -> Path:
    if sys.platform == "darwin":
        return Path.home() / ".config" / "zed" / "settings.json"
    return _application_data("Zed" if sys.platform == "win32" else "zed", "settings.json")


CLIENTS: dict[str, ClientFormat] = {
    client.name: client
    for client in (
        ClientFormat(
            "claude-desktop", "Claude Desktop", "mcpServers",
            {"user": lambda: _application_data("Claude", "claude_desktop_config.json")}, None,
        ),
        ClientFormat("claude-code", "Claude Code", "mcpServers", {"project": lambda: Path(".mcp.json")}, "${{{}}}"),
        ClientFormat(
            "cursor", "Cursor", "mcpServers",
            {"user": lambda: Path.home() / ".cursor" / "mcp.json", "project": lambda: Path(".cursor/mcp.json")},
            "${{env:{}}}",
        ),
        ClientFormat(
            "vscode", "VS Code", "servers",
            {"project": lambda: Path(".vscode/mcp.json"), "user": lambda: _application_data("Code", "User", "mcp.json")},
            "${{input:{}}}", {"type": "stdio"}, inputs=True,
        ),
        ClientFormat(
            "windsurf", "Windsurf", "mcpServers",
            {"user": lambda: Path.home() / ".codeium" / "windsurf" / "mcp_config.json"}, "${{env:{}}}",
        ),
        ClientFormat(
            "zed", "Zed", "context_servers", {"user": _zed, "project": lambda: Path(".zed/settings.json")}, None,
            {"source": "custom"},
        ),
        ClientFormat(
            "continue", "Continue", "mcpServers",
            {"project": lambda: Path(".continue/mcpServers/dbmanager.json"),
             "user": lambda: Path.home() / ".continue" / "mcpServers" / "dbmanager.json"},
            "${{{{ secrets.{} }}}}",
        ),
    )
}  # fmt: skip

COMPANIONS: dict[str, Launch] = {
    "sequential-thinking": Launch("npx", ("-y", "@modelcontextprotocol/server-sequential-thinking")),
    "web-search": Launch("npx", ("-y", "@brave/brave-search-mcp-server", "--transport", "stdio"), ("BRAVE_API_KEY",)),
    "documentation": Launch("npx", ("-y", "firecrawl-mcp"), ("FIRECRAWL_API_KEY",)),
}
"""Servers that stand beside this one when the user wants them: reasoning in steps, a web search, a crawler."""

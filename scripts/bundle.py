"""Builds the MCPB bundle, which desktop clients install by a double click: `make bundle`."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from benchmarks import npm

ROOT = Path(__file__).resolve().parents[1]
PACKER = "@anthropic-ai/mcpb@2.1.2"
SOURCES = ("src", "server", "tools", "resources")
FILES = ("pyproject.toml", "README.md", "LICENSE")
ENTRY = "server/dbmanager_server/__main__.py"


def manifest() -> dict[str, Any]:
    """Return the manifest; the host's uv brings Python and the packages that pyproject.toml names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    run = ["run", "--directory", "${__dirname}", "--extra", "mysql", "--extra", "mongodb", "--extra", "redis"]
    return {
        "manifest_version": "0.4",
        "name": project["name"],
        "display_name": "Database Manager",
        "version": project["version"],
        "description": project["description"],
        "author": {"name": project["authors"][0]["name"]},
        "license": project["license"],
        "keywords": project["keywords"],
        "server": {
            "type": "uv",
            "entry_point": ENTRY,
            "mcp_config": {
                "command": "uv",
                "args": [*run, "dbmanager", "serve"],
                "env": {
                    "DATABASE_URL": "${user_config.database_url}",
                    "DBMANAGER_CONFIG": "${user_config.configuration}",
                },
            },
        },
        "tools_generated": True,
        "prompts_generated": True,
        "compatibility": {
            "platforms": ["darwin", "linux", "win32"],
            "runtimes": {"python": project["requires-python"]},
        },
        "user_config": {
            "database_url": {
                "type": "string",
                "title": "Database address",
                "description": "For one database, e.g. sqlite:////home/me/shop.db or postgresql://me:password@host/shop",
                "sensitive": True,
                "required": False,
                "default": "",
            },
            "configuration": {
                "type": "file",
                "title": "Configuration file",
                "description": "A dbmanager.toml that names several databases; leave it empty when an address is given",
                "required": False,
                "default": "",
            },
        },
    }


def stage(folder: Path) -> Path:
    """Copy what the bundle holds into a folder and return its manifest."""
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy2(ROOT / name, folder / name)
    file = folder / "manifest.json"
    file.write_text(json.dumps(manifest(), indent=2) + "\n", "utf-8")
    return file


def build(target: Path) -> Path:
    """Validate the manifest, pack the bundle and return its file."""
    packer = npm.command(npm.installed(PACKER), "mcpb")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for command in (["validate", str(stage(folder))], ["pack", str(folder), str(target)]):
            done = subprocess.run(
                [*packer, *command], capture_output=True, text=True, env=npm.environment(), check=False
            )
            if done.returncode:
                raise SystemExit(f"mcpb {command[0]} failed: {done.stdout}{done.stderr}")
    return target


def main() -> None:
    """Write dist/dbmanager-mcp-VERSION.mcpb."""
    found = manifest()
    target = ROOT / "dist" / f"{found['name']}-{found['version']}.mcpb"
    target.parent.mkdir(exist_ok=True)
    build(target)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

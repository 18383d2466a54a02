"""`dbmanager config`: the right file for each client, and nothing of it lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from dbmanager_server.clients import CLIENTS
from mcp import Client, StdioServerParameters

COMMAND = [sys.executable, "-m", "dbmanager_server", "config"]
TOML = (
    '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "postgresql://app@127.0.0.1:1/shop"\n'
    'password = { env = "SHOP_PASSWORD" }\n[connections.lite]\nurl = "sqlite:///shop.db"\n'
)
REFERENCES = {
    "claude-desktop": None, "claude-code": "${SHOP_PASSWORD}", "cursor": "${env:SHOP_PASSWORD}",
    "vscode": "${input:SHOP_PASSWORD}", "windsurf": "${env:SHOP_PASSWORD}", "zed": None,
    "continue": "${{ secrets.SHOP_PASSWORD }}",
}  # fmt: skip
FILES = {
    "claude-desktop": "home/.config/Claude/claude_desktop_config.json", "claude-code": ".mcp.json",
    "cursor": "home/.cursor/mcp.json", "vscode": ".vscode/mcp.json",
    "windsurf": "home/.codeium/windsurf/mcp_config.json", "zed": "home/.config/zed/settings.json",
    "continue": ".continue/mcpServers/dbmanager.json",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dbmanager.toml").write_text(TOML)
    (tmp_path / "home").mkdir()
    return tmp_path


def _run(folder: Path, *arguments: str, fails: bool = False) -> tuple[str, str]:
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env={"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder / "home")},
    )  # fmt: skip
    assert bool(done.returncode) is fails, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


def _entry(content: dict[str, Any], client: str) -> dict[str, Any]:
    found: dict[str, Any] = content[CLIENTS[client].key]["dbmanager"]
    return found


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_what_is_printed_has_the_clients_own_shape(folder: Path, client: str) -> None:
    told, said = _run(folder, "--client", client, "--config", "dbmanager.toml")
    entry = _entry(json.loads(told), client)
    assert entry["args"] == ["serve", "--config", str(folder / "dbmanager.toml")]
    assert set(entry) - {"command", "args", "env"} == {"vscode": {"type"}, "zed": {"source"}}.get(client, set())
    assert entry.get("env", {}).get("SHOP_PASSWORD") == REFERENCES[client]
    assert ("passes no variables on" in said) is (REFERENCES[client] is None)
    assert FILES[client].removeprefix("home/") in said
    assert not (folder / FILES[client]).exists()


@pytest.mark.anyio
@pytest.mark.parametrize("client", sorted(CLIENTS))
async def test_what_is_written_starts_the_server(folder: Path, client: str) -> None:
    _run(folder, "--client", client, "--config", "dbmanager.toml", "--write")
    entry = _entry(json.loads((folder / FILES[client]).read_text()), client)
    program = shutil.which(entry["command"], path=str(Path(sys.executable).parent)) or entry["command"]
    parameters = StdioServerParameters(
        command=program, args=entry["args"], cwd="/", env={"HOME": str(folder / "home"), "SHOP_PASSWORD": "x"}
    )
    with anyio.fail_after(30):
        async with Client(parameters) as session:
            result = await session.call_tool("list_connections", {})
            assert "lite" in str(result.content)


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_other_entries_stay_as_they_were(folder: Path, client: str) -> None:
    file = folder / FILES[client]
    key = CLIENTS[client].key
    before = {
        "theme": "düster", key: {"other": {"command": "x", "args": [1, None], "env": {"A": "b"}}},
        "inputs": [{"id": "mine", "type": "promptString"}], "last": {"deep": [{}]},
    }  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(before, indent="\t", ensure_ascii=False)
    file.write_text(text)
    file.chmod(0o600)
    _run(folder, "--client", client, "--config", "dbmanager.toml", "--write")
    after = json.loads(file.read_text())
    assert list(after)[:4] == list(before)
    assert after[key].pop("dbmanager")
    after["inputs"] = after["inputs"][:1]
    assert after == before
    assert '\n\t"theme": "düster"' in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.with_name(f"{file.name}.before-dbmanager").read_text() == text
    _run(folder, "--client", client, "--config", "dbmanager.toml", "--write")
    assert json.loads(file.read_text())[key]["dbmanager"]


REFUSED = {
    "comments": '{\n  // mine\n  "mcpServers": {}\n}',
    "a list": "[]",
    "servers that are no object": '{"mcpServers": []}',
    "cut off": '{"mcpServers": {"a":',
    "a key that is there twice": '{"mcpServers": {"a": {}}, "mcpServers": {"b": {}}}',
    "a number beyond all bounds": '{"a": 1e400}',
    "a number with many digits": '{"a": 12345678901234567890.123}',
    "a number written otherwise": '{"a": 1.10}',
    "half a character": '{"a": "\\ud800"}',
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_a_file_that_can_not_be_kept_whole_is_left_alone(folder: Path, text: str) -> None:
    (folder / ".mcp.json").write_text(text)
    _, said = _run(folder, "--client", "claude-code", "--write", fails=True)
    assert ".mcp.json" in said
    assert (folder / ".mcp.json").read_text() == text


def test_another_server_of_our_name_is_replaced_only_when_asked(folder: Path) -> None:
    text = '{"mcpServers": {"dbmanager": {"command": "mine"}}}'
    (folder / ".mcp.json").write_text(text)
    _, said = _run(folder, "--client", "claude-code", "--write", fails=True)
    assert "--replace" in said
    assert (folder / ".mcp.json").read_text() == text
    _run(folder, "--client", "claude-code", "--write", "--replace")
    assert json.loads((folder / ".mcp.json").read_text())["mcpServers"]["dbmanager"]["args"] == ["serve"]


def test_a_link_stays_a_link(folder: Path) -> None:
    (folder / "dotfiles.json").write_text("{}")
    (folder / ".mcp.json").symlink_to("dotfiles.json")
    _run(folder, "--client", "claude-code", "--write")
    assert (folder / ".mcp.json").is_symlink()
    assert "dbmanager" in (folder / "dotfiles.json").read_text()


def test_what_was_there_first_is_kept_whatever_is_written_later(folder: Path) -> None:
    first = '{"mcpServers": {"other": {"command": "x"}}}'
    (folder / ".mcp.json").write_text(first)
    for companion in ("web-search", "documentation"):
        _run(folder, "--client", "claude-code", "--write", "--with", companion)
    assert (folder / ".mcp.json.before-dbmanager").read_text() == first
    assert "web-search" in (folder / ".mcp.json.before-dbmanager1").read_text()
    assert not list(folder.glob(".mcp.json.new*"))


def test_a_link_that_was_laid_out_is_not_followed(folder: Path) -> None:
    (folder / "mine.json").write_text("untouched")
    (folder / ".mcp.json").write_text('{"theirs": true}')
    for name in (".mcp.json.before-dbmanager", ".mcp.json.new"):
        (folder / name).symlink_to("mine.json")
    _run(folder, "--client", "claude-code", "--write")
    assert (folder / "mine.json").read_text() == "untouched"
    assert "dbmanager" in (folder / ".mcp.json").read_text()


def test_an_address_is_made_lasting_and_a_password_is_kept_out(folder: Path) -> None:
    told, _ = _run(folder, "--client", "cursor", "--url", "sqlite:///shop.db")
    assert f"sqlite:///{folder}/shop.db" in told
    for url in ("postgresql://me:s3cret@h/d", "postgresql://me@h/d?password=s3cret"):
        told, said = _run(folder, "--client", "cursor", "--url", url, fails=True)
        assert "password" in said
        assert "s3cret" not in told + said


def test_a_configuration_that_is_found_here_is_found_from_elsewhere_too(folder: Path) -> None:
    told, _ = _run(folder, "--client", "claude-desktop")
    assert _entry(json.loads(told), "claude-desktop")["args"] == ["serve", "--config", str(folder / "dbmanager.toml")]
    told, _ = _run(folder, "--client", "claude-code")
    assert _entry(json.loads(told), "claude-code")["args"] == ["serve"]


def test_companions_are_offered_and_added(folder: Path) -> None:
    told, said = _run(folder, "--client", "claude-code")
    assert "sequential-thinking" in said
    assert "npx" not in told
    told, _ = _run(folder, "--client", "vscode", "--with", "web-search", "--with", "documentation")
    content = json.loads(told)
    assert set(content["servers"]) == {"dbmanager", "web-search", "documentation"}
    assert {question["id"] for question in content["inputs"]} >= {"BRAVE_API_KEY", "FIRECRAWL_API_KEY"}
    assert all(question["password"] for question in content["inputs"])
    _, said = _run(folder, "--client", "windsurf", "--scope", "project", fails=True)
    assert "Valid: user" in said

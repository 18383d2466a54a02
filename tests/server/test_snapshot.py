"""Answers kept from an earlier start: the same bytes as the live server's, and never of another configuration."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.server.raw import RawServer, handshake, modern

LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
ELICITING: dict[str, Any] = {"elicitation": {"form": {}}}
HANDSHAKES = {
    "2024-11-05": handshake("2024-11-05"),
    "2025-03-26": handshake("2025-03-26"),
    "2025-06-18": handshake("2025-06-18", elicitation={}),
    "2025-11-25": handshake("2025-11-25", roots={"listChanged": True}),
    "of the future": handshake("2099-01-01"),
    "malformed": {"protocolVersion": 7, "capabilities": {}},
}
IDS = (1, 2, "text", 'a "quoted" \u00fc\u2028 one', -5)


def _legacy(server: RawServer, params: dict[str, Any]) -> list[bytes]:
    server.send("initialize", params, "first")
    found = [server.line()]
    server.send("notifications/initialized")
    return found + _listed(server, None)


def _modern(server: RawServer, params: dict[str, Any]) -> list[bytes]:
    server.send("server/discover", params, "first")
    return [server.line(), *_listed(server, params)]


def _listed(server: RawServer, params: dict[str, Any] | None) -> list[bytes]:
    found = []
    for id_, method in zip(IDS, (*LISTS, "tools/list"), strict=True):
        server.send(method, params, id_)
        found.append(server.line())
    return found


def _kept(folder: Path) -> list[Path]:
    return list((folder / ".cache" / "dbmanager" / "start").glob("*.json"))


@pytest.mark.parametrize("params", HANDSHAKES.values(), ids=HANDSHAKES)
def test_a_handshake_is_answered_with_the_bytes_of_the_live_server(tmp_path: Path, params: dict[str, Any]) -> None:
    with RawServer(tmp_path) as live:
        first = _legacy(live, params)
        live.finish()
    kept = [file.read_text() for file in _kept(tmp_path)]
    assert kept
    with RawServer(tmp_path) as again:
        assert _legacy(again, params) == first
        again.send("ping", None, "last")
        assert again.answer("last")
    assert [file.read_text() for file in _kept(tmp_path)] == kept, "an answer differed from the live one"


@pytest.mark.parametrize(
    "params",
    [
        modern(), modern(progressToken=7, traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01"),
        modern(**{"io.modelcontextprotocol/clientCapabilities": ELICITING}),
        modern(**{"io.modelcontextprotocol/clientInfo": {"name": 5}}),
        modern(**{"io.modelcontextprotocol/protocolVersion": "2027-01-01"}),
        {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}},
    ],
    ids=["plain", "traced", "eliciting", "malformed", "future", "incomplete"],
)  # fmt: skip
def test_discovery_is_answered_with_the_bytes_of_the_live_server(tmp_path: Path, params: dict[str, Any]) -> None:
    with RawServer(tmp_path) as live:
        first = _modern(live, params)
        live.ask("tools/call", modern({"name": "list_connections", "arguments": {}}), "last")
        live.finish()
    with RawServer(tmp_path) as again:
        assert _modern(again, params) == first
        result = again.ask("tools/call", modern({"name": "list_connections", "arguments": {}}), "last")
        assert "result" in result
    assert b"differs" not in again.errors
    assert bool(_kept(tmp_path)) is any(b'"result"' in line for line in first)


def test_the_kept_answers_need_nothing_heavy(tmp_path: Path) -> None:
    with RawServer(tmp_path) as live:
        first = _legacy(live, handshake())
        live.finish()
    script = (
        "import sys; sys.argv = ['dbmanager', 'serve']\n"
        "from dbmanager_server import front\n"
        "front.begin([])\n"
        "found = front.take()\n"
        "sys.stdin = open(found._taken.wire.input)\n"
        "found._thread.join()\n"
        "print(sorted(sys.modules), file=sys.stderr)\n"
    )
    asked = b"".join(
        json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        for message in (
            {"method": "initialize", "params": handshake(), "id": "first"},
            {"method": "notifications/initialized"},
            {"method": "tools/list", "id": 1},
        )
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=asked, capture_output=True, cwd=tmp_path, check=True,
        env={"HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.splitlines(keepends=True) == first[:2]
    loaded = set(json.loads(done.stderr.decode().splitlines()[-1].replace("'", '"')))
    assert not {name.partition(".")[0] for name in loaded} & {"mcp", "pydantic", "asyncio", "click", "anyio", "logging"}


def _edit_configuration(folder: Path) -> None:
    (folder / "dbmanager.toml").write_text("[store]\ndata_dir = 'elsewhere'\n")


def _break_configuration(folder: Path) -> None:
    (folder / "dbmanager.toml").write_text("[stroe]\n")


def _let_others_write(folder: Path) -> None:
    _kept(folder)[0].chmod(0o666)


def _truncate(folder: Path) -> None:
    file = _kept(folder)[0]
    file.write_text(file.read_text()[:-200])


@pytest.mark.parametrize("change", [_edit_configuration, _let_others_write, _truncate])
def test_nothing_is_answered_early_once_its_origins_changed(tmp_path: Path, change: Any) -> None:
    (tmp_path / "dbmanager.toml").write_text("")
    with RawServer(tmp_path) as live:
        _legacy(live, handshake())
        live.finish()
    change(tmp_path)
    begin = "from dbmanager_server import front; front.begin([]); print(front.take())"
    done = subprocess.run(
        [sys.executable, "-c", begin], capture_output=True, text=True, cwd=tmp_path, check=True,
        env={"HOME": str(tmp_path)}, stdin=subprocess.PIPE,
    )  # fmt: skip
    assert done.stdout == "None\n"


def test_a_broken_configuration_is_told_although_an_earlier_one_was_good(tmp_path: Path) -> None:
    (tmp_path / "dbmanager.toml").write_text("")
    with RawServer(tmp_path) as live:
        _legacy(live, handshake())
        live.finish()
    _break_configuration(tmp_path)
    with RawServer(tmp_path) as broken:
        broken.send("initialize", handshake(), 1)
        code, _ = broken.left()
        assert code == 2
        assert broken.rest() == []
    assert b"store" in broken.errors


def test_an_answer_that_the_live_server_would_not_give_is_found_and_forgotten(tmp_path: Path) -> None:
    with RawServer(tmp_path) as live:
        first = _legacy(live, handshake())
        live.finish()
    file = _kept(tmp_path)[0]
    file.write_text(file.read_text().replace("Manages real databases", "Spoils real databases"))
    with RawServer(tmp_path) as misled:
        assert _legacy(misled, handshake())[0] != first[0]
        misled.call("list_connections")
    assert b"differs" in misled.errors
    assert not _kept(tmp_path)
    with RawServer(tmp_path) as mended:
        assert _legacy(mended, handshake()) == first


def test_a_clients_own_words_are_neither_kept_nor_answered_from_what_is_kept(tmp_path: Path) -> None:
    own = modern(**{"example.com/apiKey": "an unmistakable word"})
    with RawServer(tmp_path) as live:
        _modern(live, own)
        _modern(live, modern())
        live.finish()
    kept = _kept(tmp_path)[0].read_text()
    assert "unmistakable" not in kept
    assert '"raw"' not in kept

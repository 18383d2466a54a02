"""The phases as skills: the prompt's own text, found by list and by address, with digests that hold."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from dbmanager_resources.prompts import phase_text

from dbmanager.model.projects import PHASES
from tests.server.raw import RawServer, modern


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dbmanager.toml").write_text(
        '[store]\ndata_dir = "state"\n[connections.shop]\nurl = "sqlite:///shop.db"\n'
    )
    return tmp_path


def test_each_phase_is_a_skill_whose_file_is_what_its_digest_says(folder: Path) -> None:
    with RawServer(folder, "--skills") as server:
        listed = server.ask("skills/list", modern())["result"]["skills"]
        assert len(listed) == len(PHASES)
        for skill, phase in zip(listed, PHASES, strict=True):
            assert server.ask("skills/get", modern({"uri": skill["uri"]}))["result"]["skill"] == skill
            (content,) = server.ask("resources/read", modern({"uri": skill["uri"]}))["result"]["contents"]
            data = content["text"].encode()
            (file,) = skill["resources"]
            assert file["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
            assert file["size"] == len(data)
            assert skill["uri"].split("/")[-2] == skill["frontmatter"]["name"]
            assert phase_text(phase, "", "").strip() in content["text"]


def test_an_unknown_skill_is_refused_with_the_nearest_and_a_cursor_is_refused(folder: Path) -> None:
    with RawServer(folder, "--skills", "--phases", "2") as server:
        (only,) = server.ask("skills/list", modern())["result"]["skills"]
        refused = server.ask("skills/get", modern({"uri": only["uri"].replace("schema", "scheme")}))["error"]
        assert refused["code"] == -32602
        assert f"Did you mean '{only['uri']}'?" in refused["message"]
        assert server.ask("skills/list", modern({"cursor": "2"}))["error"]["code"] == -32602


def test_skills_are_not_offered_unless_asked_for(folder: Path) -> None:
    with RawServer(folder) as server:
        found = server.ask("server/discover", modern())["result"]["capabilities"]["extensions"]
        assert "io.modelcontextprotocol/skills" not in found
        assert "io.modelcontextprotocol/tasks" in found
        assert server.ask("skills/list", modern())["error"]["code"] == -32601

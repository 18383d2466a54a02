"""Prompts as a client gets them: the words they take, the experts they bring in, and tools that exist."""

from __future__ import annotations

import re
from pathlib import Path

import dbmanager_server.app  # noqa: F401 - registers every tool
import pytest
from dbmanager_resources.commands import COMPANIONS, EXAMPLES, FEATURES
from dbmanager_resources.experts import BY_NAME, BY_ROLE, CORE
from dbmanager_resources.prompts import WORDS
from dbmanager_tools.house import REGISTRY
from mcp import Client, MCPError
from mcp.types import GetPromptResult, PromptReference, TextContent

from benchmarks import tokens
from dbmanager.model.projects import PHASES
from tests.server.processes import client_in

pytestmark = pytest.mark.anyio
MOST_TOKENS = 2_000
NAMED = re.compile(r"`([a-z]+_[a-z_]+)`")


async def _text(client: Client, name: str, **arguments: str) -> str:
    result = await client.get_prompt(name, arguments)
    assert isinstance(result, GetPromptResult)
    block = result.messages[0].content
    assert isinstance(block, TextContent)
    return block.text


async def _all(client: Client) -> dict[str, str]:
    listed = (await client.list_prompts()).prompts
    needed = {"implement": {"feature": "data-migration"}}
    return {prompt.name: await _text(client, prompt.name, **needed.get(prompt.name, {})) for prompt in listed}


async def test_every_prompt_names_only_tools_that_exist_and_costs_little(tmp_path: Path) -> None:
    async with client_in(tmp_path) as client:
        texts = await _all(client)
    assert set(texts) == {
        *(f"phase_{number}" for number in range(1, 7)), "analyze", "design", "implement", *BY_NAME,
        "example_ecommerce_platform", "example_faster_database", "example_legacy_migration",
    }  # fmt: skip
    for name, text in texts.items():
        assert set(NAMED.findall(text)) <= set(REGISTRY), name
    assert all(count <= MOST_TOKENS for count in tokens.count(list(texts.values())))


async def test_every_tool_is_some_experts_or_everybodys() -> None:
    named = set(CORE) | {tool for expert in BY_NAME.values() for tool, _ in expert.tools}
    assert named == set(REGISTRY)


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: str(phase.number))
async def test_a_phase_brings_in_its_experts_and_says_what_its_gate_wants(tmp_path: Path, phase: object) -> None:
    found = next(one for one in PHASES if one is phase)
    async with client_in(tmp_path) as client:
        text = await _text(client, f"phase_{found.number}", connection="shop", project="prj_1")
    places = [text.index(f"Speak as the {BY_NAME[BY_ROLE[demand.expert]].title}") for demand in found.demands]
    assert len(places) == 3
    assert places == sorted(places), "the first leads"
    assert all(f"`{demand.action}`" in text for demand in found.demands)
    assert "connection shop" in text
    assert "Project prj_1" in text
    assert "Ask the user" in text


@pytest.mark.promise("X2")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_commands_take_their_words_and_lead_where_they_should(tmp_path: Path, mode: str) -> None:
    async with client_in(tmp_path, mode=mode) as client:
        for command, words in WORDS.items():
            feature = {"feature": "data-migration"} if command == "implement" else {}
            for argument, valid in words.items():
                texts = {word: await _text(client, command, **{**feature, argument: word}) for word in valid}
                assert len(set(texts.values())) == len(valid), (command, argument)
                assert await _text(client, command, **{**feature, argument: valid[0].upper()}) == texts[valid[0]]
        for name, feature_of in FEATURES.items():
            text = await _text(client, "implement", feature=name)
            assert feature_of.leads_to in text
            assert feature_of.tests in text
            assert feature_of.tests not in await _text(client, "implement", feature=name, with_tests="false")
        assert "a complete architecture" in await _text(client, "design")


@pytest.mark.parametrize(
    ("prompt", "arguments", "said"),
    [
        ("analyze", {"depth": "deeper"}, "Did you mean 'deep'?"),
        ("analyze", {"focuss": "schema"}, "Did you mean 'focus'?"),
        ("implement", {"feature": "database-optimisation"}, "Did you mean 'database-optimization'?"),
        ("implement", {}, "feature"),
        ("phase_1", {"phase": "2"}, "Valid: connection, project"),
    ],
)
async def test_a_wrong_word_is_answered_with_the_right_one(
    tmp_path: Path, prompt: str, arguments: dict[str, str], said: str
) -> None:
    async with client_in(tmp_path) as client:
        with pytest.raises(MCPError) as refused:
            await client.get_prompt(prompt, arguments)
        assert said in refused.value.error.message


@pytest.mark.promise("X8", "X9", "X10")
async def test_companions_are_used_when_the_client_has_them_and_never_trusted(tmp_path: Path) -> None:
    async with client_in(tmp_path) as client:
        texts = await _all(client)
    using = {name for name, text in texts.items() if COMPANIONS in text}
    assert using == {"analyze", "design", "implement", *(example.name for example in EXAMPLES)}
    for word in ("sequential thinking", "web search", "documentation crawler", "no values", "not as evidence"):
        assert word in COMPANIONS


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_words_are_completed_by_prompt(tmp_path: Path, mode: str) -> None:
    async with client_in(tmp_path, mode=mode) as client:
        for command, words in WORDS.items():
            for argument, valid in words.items():
                ref = PromptReference(type="ref/prompt", name=command)
                found = await client.complete(ref, {"name": argument, "value": ""})
                assert tuple(found.completion.values) == valid
        ref = PromptReference(type="ref/prompt", name="implement")
        found = await client.complete(ref, {"name": "feature", "value": "RECOV"})
        assert found.completion.values == ["backup-recovery"]

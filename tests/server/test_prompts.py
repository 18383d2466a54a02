"""Prompts: every tool they name exists, their words are checked, their texts are what was asked for and stay short."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import dbmanager_server.app  # noqa: F401 - its tools register themselves
import pytest
from dbmanager_resources import briefs, prompts, words
from dbmanager_resources.experts import CORE, EXPERTS
from dbmanager_tools.house import REGISTRY
from mcp import Client, MCPError
from mcp.types import TextContent

from dbmanager.model.projects import PHASES
from tests.server.processes import client_in

pytestmark = pytest.mark.anyio
NAMED = re.compile(r"`([a-z_]+)`")
STEP = re.compile(r"^\d+\. `([a-z_]+)`", re.M)
LONGEST = 4_000
"""Characters, about 900 tokens: a model reads a prompt with every answer that follows."""
COMPANIONS = {"reasoning": "step-by-step reasoning", "search": "web search", "docs": "documentation crawler"}


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    async with client_in(tmp_path, mode=request.param) as found:
        yield found


async def _text(client: Client, name: str, **arguments: str) -> str:
    got = await client.get_prompt(name, arguments)
    return "".join(m.content.text for m in got.messages if isinstance(m.content, TextContent))


def _arguments(name: str) -> dict[str, str]:
    return {"feature": words.FEATURE[0]} if name == "implement" else {}


@pytest.mark.promise("X1")
async def test_every_prompt_is_short_and_names_only_tools_that_are_there(client: Client) -> None:
    tools = {tool.name for tool in (await client.list_tools()).tools}
    listed = (await client.list_prompts()).prompts
    assert len(listed) == len(PHASES) + len(EXPERTS) + 3 + 3
    for prompt in listed:
        text = await _text(client, prompt.name, **_arguments(prompt.name))
        assert set(NAMED.findall(text)), prompt.name
        assert set(NAMED.findall(text)) <= tools, prompt.name
        assert len(text) <= LONGEST, prompt.name


async def test_every_tool_is_named_by_an_expert_or_by_what_all_work_by() -> None:
    named = {tool for expert in EXPERTS for tool, _ in expert.tools} | {tool for tool, _ in CORE}
    assert named == set(REGISTRY)


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: str(phase.number))
@pytest.mark.promise("X1")
async def test_a_phase_brings_in_its_three_experts_and_says_where_to_stop(client: Client, phase: object) -> None:
    (found,) = [one for one in PHASES if one is phase]
    text = await _text(client, f"phase_{found.number}", connection="shop", project="prj_1")
    titles = [expert.title for expert in EXPERTS if f"- {expert.title}" in text]
    assert len(titles) == len({demand.expert for demand in found.demands}) == 3
    assert text.count("(leads)") == 1
    for demand in found.demands:
        assert f"Asks for: {demand.what} (`{demand.action}`)" in text
    assert {demand.action for demand in found.demands} <= {*STEP.findall(text), *NAMED.findall(text)}
    assert len(STEP.findall(text)) >= 4
    for part in ("Ask the user:\n- ", "Stop: ", "connection shop", "Project prj_1", "`project_status`"):
        assert part in text


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("analyze", {"focus": "performanse"}, "focus 'performanse' does not exist.*'performance'.*Valid: architecture"),
        ("analyze", {"depth": "depp"}, "'deep'.*Valid: deep, quick"),
        ("analyze", {"format": "jason"}, "'json'.*Valid: json, report, text"),
        ("design", {"type": "databse"}, "'database'"),
        ("design", {"format": "report"}, "Valid: code, diagram, spec"),
        ("implement", {"feature": "data_migraton"}, "'data-migration'.*Valid: backup-recovery"),
        ("implement", {}, "Valid: backup-recovery, data-governance, data-migration, database-optimization"),
        ("implement", {"feature": "data-migration", "safe": "perhaps"}, "safe 'perhaps'.*Valid: false, true"),
        ("phase_1", {"conection": "shop"}, "argument of phase_1 'conection' does not exist.*'connection'"),
    ],
)  # fmt: skip
@pytest.mark.promise("X2")
async def test_a_wrong_word_is_answered_with_the_valid_ones_and_the_nearest(
    client: Client, name: str, arguments: dict[str, str], told: str
) -> None:
    with pytest.raises(MCPError, match=f"(?s){told}"):
        await client.get_prompt(name, arguments)


@pytest.mark.parametrize(
    ("command", "argument", "valid"),
    [("analyze", "focus", words.FOCUS), ("analyze", "depth", words.DEPTH), ("analyze", "format", words.ANALYSIS_FORMAT),
     ("design", "format", words.DESIGN_FORMAT), ("implement", "feature", words.FEATURE),
     ("implement", "safe", words.SWITCH), ("implement", "with_tests", words.SWITCH)],
)  # fmt: skip
@pytest.mark.promise("X2")
async def test_each_word_of_a_command_has_its_own_text(
    client: Client, command: str, argument: str, valid: tuple[str, ...]
) -> None:
    texts = {word: await _text(client, command, **{**_arguments(command), argument: word}) for word in valid}
    assert len(set(texts.values())) == len(valid)


@pytest.mark.promise("X2")
async def test_deeper_safer_and_tested_mean_more_steps(client: Client) -> None:
    for focus in words.FOCUS:
        quick, deep = [STEP.findall(await _text(client, "analyze", focus=focus, depth=depth)) for depth in words.DEPTH]
        assert set(quick) < set(deep) or len(quick) < len(deep)
    for feature in words.FEATURE:
        steps = {
            (safe, tested): STEP.findall(
                await _text(client, "implement", feature=feature, safe=safe, with_tests=tested)
            )
            for safe in words.SWITCH
            for tested in words.SWITCH
        }
        assert len(steps["true", "true"]) > len(steps["true", "false"]) >= len(steps["false", "false"])
    text = await _text(client, "implement", feature="data-migration", safe="no", with_tests="off")
    assert "`apply_change`, after the user has seen `review_change`" in text, "approval is no option"


async def test_the_words_are_those_that_have_texts() -> None:
    found = briefs.commands()
    assert sorted(found["analyze"]) == sorted(words.FOCUS)
    assert sorted(found["design"]) == sorted(words.DESIGN_FORMAT)
    assert sorted(found["implement"]) == sorted(words.FEATURE)
    assert sorted(briefs.examples()) == sorted(prompts.EXAMPLES)
    assert sorted(briefs.phases()) == [phase.number for phase in PHASES]


@pytest.mark.promise("X8", "X9", "X10")
async def test_companions_are_used_where_the_client_has_them_and_are_told_nothing_of_the_database(
    client: Client,
) -> None:
    seen = set()
    for prompt in (await client.list_prompts()).prompts:
        text = await _text(client, prompt.name, **_arguments(prompt.name))
        found = {name for name, phrase in COMPANIONS.items() if phrase in text}
        seen |= {(name, prompt.name.partition("_")[0]) for name in found}
        for name in found:
            assert re.search(rf"If a (?:tool for )?{COMPANIONS[name]} is available", text), "needed, not optional"
        assert (briefs.DISCREET in text) == bool(found)
    assert {("reasoning", "design"), ("reasoning", "phase"), ("search", "phase"), ("docs", "phase")} <= seen


async def test_what_a_user_writes_into_a_prompt_stays_a_text(client: Client) -> None:
    odd = "{topic} {0} %s ${x} `apply_change` \u00fc"
    assert odd in await _text(client, "database_architect", question=odd)
    assert odd in await _text(client, "design", goal=odd)

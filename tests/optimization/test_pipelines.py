"""Wrong rewrites of MongoDB's commands are refuted by small collections alone, right ones are not."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dbmanager.phases.optimization.rewriting import Effort, Gate, Verdict, benched, gate_of
from tests.engines.mongodb import MongoServer
from tests.optimization.documents import SECRET, filled, services_on

pytestmark = pytest.mark.anyio
PAIRS: dict[str, list[dict[str, str]]] = tomllib.loads((Path(__file__).parent / "pipelines.toml").read_text())
UNLIKE = {
    "a count as $count, which answers nothing for nothing": "supported",
    "$count as $group and $project": "refuted",
}
"""What is decided where the engine is the tests' own, on which $count answers 0 for no documents; MongoDB answers none.

All pairs are executed by both.
"""


@pytest.fixture(scope="module")
def shop(mongodb_server: MongoServer) -> Iterator[str]:
    """The name of a filled database."""
    with filled(mongodb_server) as (name, _):
        yield name


@pytest.fixture
async def gate(mongodb_server: MongoServer, shop: str, tmp_path: Path) -> AsyncIterator[Gate]:
    """A gate whose bench serves for other commands, too."""
    services = services_on(mongodb_server, shop, tmp_path, scratch="server")
    adapter = await services.connections.adapter("db")
    async with benched(services.scratches, "db", await gate_of(adapter, "db", '{"find": "orders"}')) as opened:
        assert opened.bench is not None, opened.unbenched
        yield opened
    await services.close()


async def _judged(gate: Gate, pair: dict[str, str], effort: Effort, *, on_data: bool = True) -> Verdict:
    other = await gate_of(gate.adapter, "db", pair["original"], effort)
    other.bench = gate.bench
    return await other.judge(pair["rewritten"], on_data=on_data)


@pytest.mark.parametrize("title", [pair["title"] for pair in PAIRS["wrong"]])
async def test_a_wrong_rewrite_is_refuted_by_small_collections(
    gate: Gate, mongodb_server: MongoServer, title: str
) -> None:
    pair = next(pair for pair in PAIRS["wrong"] if pair["title"] == title)
    verdict = await _judged(gate, pair, Effort(), on_data=False)
    if not mongodb_server.real and title in UNLIKE:
        assert verdict.decision == UNLIKE[title], verdict
        return
    assert verdict.decision == "refuted", verdict
    assert verdict.counter_example is not None
    assert SECRET not in repr(verdict)
    documents = [document for part in verdict.counter_example.database.tables for document in part.rows]
    assert len(documents) <= 5, "the smallest that was found is shown"


@pytest.mark.parametrize("title", [pair["title"] for pair in PAIRS["right"]])
async def test_a_right_rewrite_is_supported(gate: Gate, mongodb_server: MongoServer, title: str) -> None:
    pair = next(pair for pair in PAIRS["right"] if pair["title"] == title)
    verdict = await _judged(gate, pair, Effort(cases=120))
    if not mongodb_server.real and title in UNLIKE:
        assert verdict.decision == UNLIKE[title], verdict
        return
    assert (verdict.decision, verdict.on_data) == ("supported", "equal"), verdict
    assert verdict.telling >= 20, verdict


def test_the_corpora_are_as_large_as_they_are_said_to_be() -> None:
    assert len(PAIRS["wrong"]) >= 30
    assert len(PAIRS["right"]) >= 14


OPEN = {
    "any two documents": ('{"find": "orders", "limit": 2}', '{"find": "orders", "sort": {"qty": -1}, "limit": 2}'),
    "a bound that no small database reaches": (
        '{"find": "orders"}', '{"aggregate": "orders", "pipeline": [{"$limit": 1000}]}',
    ),
    "the first of a group without an order": (
        '{"aggregate": "orders", "pipeline": [{"$group": {"_id": "$status", "q": {"$first": "$qty"}}}]}',
        '{"aggregate": "orders", "pipeline": [{"$group": {"_id": "$status", "q": {"$last": "$qty"}}}]}',
    ),
    "documents drawn at random": (
        '{"aggregate": "orders", "pipeline": [{"$sample": {"size": 3}}]}', '{"find": "orders", "limit": 3}',
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", OPEN)
async def test_what_can_not_be_told_is_undecided(gate: Gate, title: str) -> None:
    original, rewritten = OPEN[title]
    verdict = await _judged(gate, {"original": original, "rewritten": rewritten}, Effort(cases=40))
    assert verdict.decision == "undecided", verdict
    assert verdict.reason

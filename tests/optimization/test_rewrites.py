"""Wrong rewrites are refuted by small databases alone, right ones are not; on every SQL engine."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from dbmanager.phases.optimization.rewriting import Effort, Gate, gate_of
from tests.optimization.shop import Shop

pytestmark = pytest.mark.anyio
PAIRS: dict[str, list[dict[str, Any]]] = tomllib.loads((Path(__file__).parent / "rewrites.toml").read_text())


def _pairs(which: str, engine: str) -> list[dict[str, Any]]:
    return [pair for pair in PAIRS[which] if engine in pair.get("engines", [engine])]


async def _for(gate: Gate, original: str, effort: Effort) -> Gate:
    other = await gate_of(gate.adapter, "db", original, effort)
    other.bench = gate.bench
    return other


async def test_no_wrong_rewrite_passes_the_small_databases(gate: Gate, shop: Shop) -> None:
    passed = []
    for pair in _pairs("wrong", shop.name):
        judged = await _for(gate, pair["original"], Effort())
        verdict = await judged.judge(pair["rewritten"], on_data=False)
        if verdict.decision != "refuted" or verdict.counter_example is None or verdict.proof:
            passed.append(
                (pair["title"], verdict.decision, verdict.reason, verdict.cases, verdict.telling, verdict.notes)
            )
    assert passed == []


async def test_no_right_rewrite_is_refuted(gate: Gate, shop: Shop) -> None:
    wronged = []
    for pair in _pairs("right", shop.name):
        judged = await _for(gate, pair["original"], Effort(cases=200))
        verdict = await judged.judge(pair["rewritten"])
        wanted = "proven" if shop.name in pair.get("proven", []) else "supported"
        if verdict.decision != wanted or verdict.on_data != "equal" or verdict.telling < 20:
            wronged.append(
                (
                    pair["title"],
                    verdict.decision,
                    verdict.reason,
                    verdict.on_data,
                    verdict.telling,
                    verdict.notes,
                    verdict.counter_example,
                )
            )
    assert wronged == []


def test_the_corpora_are_as_large_as_they_are_said_to_be() -> None:
    for engine in ("postgresql", "mysql", "mariadb", "sqlite"):
        assert len(_pairs("wrong", engine)) >= 40
        assert len(_pairs("right", engine)) >= 25


OPEN = {
    "any two rows": ("SELECT id FROM orders LIMIT 2", "SELECT quantity FROM orders LIMIT 2"),
    "a bound that no small database reaches": ("SELECT id FROM orders", "SELECT id FROM orders LIMIT 1000"),
    "a list without an order": ("SELECT {list} FROM tags", "SELECT {list} FROM tags WHERE label IS NOT NULL"),
}


@pytest.mark.parametrize("title", OPEN)
async def test_what_can_not_be_told_is_undecided(gate: Gate, shop: Shop, title: str) -> None:
    gathered = "string_agg(label, ',')" if shop.name == "postgresql" else "group_concat(label)"
    original, rewritten = (sql.format(list=gathered) for sql in OPEN[title])
    verdict = await (await _for(gate, original, Effort(cases=60))).judge(rewritten)
    assert verdict.decision == "undecided", verdict
    assert verdict.reason

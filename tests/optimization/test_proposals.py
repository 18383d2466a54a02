"""Rules propose what they are for, and what they propose passes the gate where their demand holds."""

from __future__ import annotations

import time

import pytest

from dbmanager.analyzers.rewriting.equivalence import PROOFS, proof_of
from dbmanager.analyzers.rewriting.proposals import proposals_of
from dbmanager.model.schema import Column, DatabaseSchema, DataType, Table, TypeKind
from dbmanager.phases.optimization.rewriting import Effort, Gate, gate_of
from tests.optimization.shop import Shop

pytestmark = pytest.mark.anyio
CASES = {
    "rule: NOT IN as NOT EXISTS": "SELECT id FROM orders WHERE id NOT IN (SELECT order_id FROM items)",
    "rule: OR as UNION ALL of what each side finds": "SELECT label FROM tags WHERE label = 'x' OR order_id = 1",
    "rule: UNION as UNION ALL": "SELECT id, status FROM orders WHERE status = 'open' UNION SELECT id, status FROM orders WHERE status = 'paid'",
    "rule: count(*) compared with 0 as EXISTS": "SELECT c.id FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) > 0",
    "rule: a correlated aggregate as a grouped join": "SELECT o.id FROM orders o WHERE o.quantity < (SELECT sum(i.line) FROM items i WHERE i.order_id = o.id)",
    "rule: an outer join whose right side is demanded, as an inner one": "SELECT c.id FROM customers c LEFT JOIN orders o ON o.customer_id = c.id WHERE o.status = 'open'",
}  # fmt: skip
YEARS = {
    "postgresql": "SELECT id FROM orders WHERE extract(year FROM placed) = 2024",
    "mysql": "SELECT id FROM orders WHERE year(placed) = 2024",
    "mariadb": "SELECT id FROM orders WHERE year(placed) = 2024",
}
BENIGN = "SELECT id, status FROM orders WHERE status = 'open' AND quantity > 3"


async def _judged(gate: Gate, statement: str, origin: str) -> str:
    proposed = {p.origin: p for p in proposals_of(statement, gate.adapter.dialect, gate.schema)}
    assert origin in proposed, (origin, list(proposed))
    judge = await gate_of(gate.adapter, "db", statement, Effort(cases=150))
    judge.bench = gate.bench
    verdict = await judge.judge(proposed[origin].sql)
    return f"{verdict.decision}: {verdict.reason}" if verdict.decision != "supported" else verdict.decision


async def test_what_a_rule_proposes_is_supported_where_its_demand_holds(gate: Gate, shop: Shop) -> None:
    cases = {**CASES, **({"rule: a year of a column as a range": YEARS[shop.name]} if shop.name in YEARS else {})}
    judged = {origin: await _judged(gate, statement, origin) for origin, statement in cases.items()}
    assert judged == dict.fromkeys(cases, "supported")


async def test_paging_by_key_is_shown_as_another_question(gate: Gate) -> None:
    statement = "SELECT id, status FROM orders ORDER BY id LIMIT 10 OFFSET 500"
    found = [p for p in proposals_of(statement, gate.adapter.dialect, gate.schema) if p.is_other_question]
    assert [p.origin for p in found] == ["rule: OFFSET as paging by key"]


async def test_nothing_is_proposed_for_a_plain_query(gate: Gate) -> None:
    assert proposals_of(BENIGN, gate.adapter.dialect, gate.schema) == []


UNLIKE = [
    ("SELECT id FROM orders", "SELECT id FROM items"),
    ("SELECT a.id FROM orders a", "SELECT a.order_id AS id FROM items a"),
    ("SELECT DISTINCT status FROM orders", "SELECT status FROM orders"),
    ("SELECT count(customer_id) FROM orders", "SELECT count(*) FROM orders"),
    ("SELECT c.id FROM customers c LEFT JOIN orders o ON o.customer_id = c.id", "SELECT c.id FROM customers c JOIN orders o ON o.customer_id = c.id"),
    ("SELECT id FROM orders WHERE quantity < 3", "SELECT id FROM orders WHERE 3 < quantity"),
    ("SELECT id FROM orders WHERE quantity - 1 = 3", "SELECT id FROM orders WHERE 1 - quantity = 3"),
    ("SELECT id FROM orders ORDER BY id", "SELECT id FROM orders ORDER BY id DESC"),
    ("SELECT count(o.id) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id", "SELECT count(*) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id"),
    ("SELECT id FROM orders WHERE status = 'a' AND quantity = 1 OR quantity = 2", "SELECT id FROM orders WHERE status = 'a' AND (quantity = 1 OR quantity = 2)"),
]  # fmt: skip


async def test_nothing_is_proven_of_what_is_not_alike(gate: Gate) -> None:
    proven = [pair for pair in UNLIKE if proof_of(*pair, gate.adapter.dialect, gate.schema) is not None]
    assert proven == []


def test_every_rule_of_a_proof_says_why() -> None:
    assert len({rule.id for rule in PROOFS}) == len(PROOFS)
    assert all(rule.proof.endswith(".") and rule.title for rule in PROOFS)


@pytest.mark.parametrize("terms", [200, 600])
def test_a_statement_of_hundreds_of_conditions_is_answered_in_seconds(terms: int) -> None:
    columns = tuple(Column(name, DataType(TypeKind.INTEGER, "integer", bits=32)) for name in ("id", "x"))
    schema = DatabaseSchema("sqlite", "3", (Table("a", None, columns),), "x")
    statement = f"SELECT id FROM a WHERE {' OR '.join(f'x <> {n}' for n in range(terms))}"
    began = time.process_time()
    proposals_of(statement, "sqlite", schema)
    assert proof_of(statement, f"{statement} OR x = 1", "sqlite", schema) is None
    assert time.process_time() - began < 5

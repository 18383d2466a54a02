"""The demonstration finds flaws; it does not know them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from dbmanager_server.demo.shop import make_shop

from dbmanager.adapters.sqlite.adapter import SqliteAdapter
from dbmanager.phases.optimization.advise import advise
from dbmanager.services.checking import run_checks
from dbmanager.services.linting import lint_database
from dbmanager.services.policy.decisions import Decisions
from dbmanager.services.policy.labels import LabelBook
from dbmanager.services.store import Store

pytestmark = pytest.mark.anyio
Open = Callable[..., SqliteAdapter]


async def _found(path: Path, open_sqlite: Open) -> tuple[set[str], set[str], set[str]]:
    adapter = open_sqlite(path, read_only=True)
    lint = {finding.id for finding in (await lint_database(adapter)).report.findings}
    security = {finding.id for finding in (await run_checks(adapter.security, engine="sqlite")).findings}
    schema = await adapter.catalog.read_schema()
    store = Store(path.parent)
    labels = await LabelBook(Decisions(store)).of_database("shop", adapter, schema)
    await store.close()
    return lint, security, {f"{label.table}.{label.column}" for label in labels}


async def test_the_flawed_shop_shows_its_flaws(tmp_path: Path, open_sqlite: Open) -> None:
    shop = make_shop("flawed", tmp_path / "shop.db", scale=0.2)
    lint, security, classified = await _found(shop.path, open_sqlite)
    assert lint >= {"LINT-002", "LINT-003", "LINT-004", "LINT-008", "LINT-009", "LINT-010", "LINT-011"}
    assert "SQ-001" in security
    assert classified >= {
        "customers.email",
        "customers.c4",
        "customers.color_code",
        "payments.x7",
        "customers.first_name",
    }
    advice = await advise(open_sqlite(shop.path, read_only=True), shop.queries)
    assert "ix_orders_customer_id_ordered_at" in {item.index.name for item in advice.create}
    assert [index.name for _, index in advice.unused] == ["ix_orders_channel"]


async def test_another_shop_gives_other_findings(tmp_path: Path, open_sqlite: Open) -> None:
    shop = make_shop("other", tmp_path / "shop.db", scale=0.2)
    lint, _, classified = await _found(shop.path, open_sqlite)
    assert lint == {"LINT-001", "LINT-003", "LINT-005", "LINT-006"}
    assert classified == {"kunden.anzeige", "kunden.geburtsdatum"}


async def test_a_clean_shop_gives_none(tmp_path: Path, open_sqlite: Open) -> None:
    shop = make_shop("clean", tmp_path / "shop.db", scale=0.2)
    assert await _found(shop.path, open_sqlite) == (set(), set(), set())
    advice = await advise(open_sqlite(shop.path, read_only=True), shop.queries)
    assert advice.create == ()
    assert advice.unused == ()


def test_a_seed_gives_the_same_rows_and_another_other_rows(tmp_path: Path) -> None:
    def dump(seed: int, name: str) -> list[str]:
        shop = make_shop("flawed", tmp_path / name, seed=seed, scale=0.02)
        raw = sqlite3.connect(shop.path)
        try:
            return list(raw.iterdump())
        finally:
            raw.close()

    assert dump(1, "a") == dump(1, "b")
    assert dump(1, "a") != dump(2, "c")


def test_the_shop_has_the_size_it_promises(tmp_path: Path) -> None:
    for kind in ("flawed", "other", "clean"):
        assert make_shop(kind, tmp_path / f"{kind}.db").rows >= 200_000

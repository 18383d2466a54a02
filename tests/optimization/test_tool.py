"""verify_rewrite through a client over stdio: verdicts, counter-examples, proposals, evidence, secrecy, refusals."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.engines.instance import login
from tests.optimization.shop import ROWS, SQL_ENGINES, TABLES, opened_shop, with_password
from tests.server.processes import call, client_in
from tests.tool_engines import TABLE

pytestmark = pytest.mark.anyio
ORIGINAL = "SELECT id FROM customers WHERE id NOT IN (SELECT customer_id FROM orders)"
WRONG = "SELECT c.id FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)"


def _configure(folder: Path, url: str, access: str = "read_only") -> None:
    (folder / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = {json.dumps(url)}\naccess = "{access}"\n'
    )


@pytest.mark.promise("P3.2")
@pytest.mark.parametrize("engine", SQL_ENGINES)
async def test_a_rewrite_is_judged_and_kept_as_evidence(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    with opened_shop(request, engine, tmp_path, TABLES + ROWS) as shop:
        _configure(tmp_path, shop.url)
        async with client_in(tmp_path) as client:
            _, begun, _ = await call(client, "update_project", goal="faster", connections=["shop"])
            text, facts, failed = await call(
                client,
                "verify_rewrite",
                connection="shop",
                original=ORIGINAL,
                rewritten=WRONG,
                project=begun["project"],
            )
            assert not failed, text
            assert facts["decisions"] == ["refuted"]
            assert "orders:" in text, "the rows that refute are shown"
            assert "|NULL|" in text
            right = "SELECT customers.id FROM customers WHERE NOT customers.id IN (SELECT customer_id FROM orders)"
            text, facts, failed = await call(
                client, "verify_rewrite", connection="shop", original=ORIGINAL, rewritten=right
            )
            assert facts["decisions"] == ["proven"], text
            assert "Real data: equal" in text
            text, _, failed = await call(client, "project_status", project=begun["project"])
            assert not failed, text
            text, facts, failed = await call(client, "verify_rewrite", connection="shop", original=ORIGINAL)
            assert not failed, text
            assert "NOT IN as NOT EXISTS" in text
            assert "**supported** (rule: NOT IN" not in text, "it is right only where nothing is NULL"


async def test_what_writes_or_is_not_deterministic_is_not_judged(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with opened_shop(request, "postgresql", tmp_path, TABLES + ROWS) as shop:
        _configure(tmp_path, shop.url)
        async with client_in(tmp_path) as client:
            for original, rewritten in (
                ("DELETE FROM tags", "SELECT 1"), ("SELECT 1", "DELETE FROM tags RETURNING 1"),
                ("SELECT 1", "SELECT pg_advisory_lock(1)"), ("SELECT nothing FROM tags", "SELECT 1"),
            ):  # fmt: skip
                text, _, failed = await call(
                    client, "verify_rewrite", connection="shop", original=original, rewritten=rewritten
                )
                assert failed, text
            drawn = "SELECT id FROM orders WHERE random() < 0.5"
            text, facts, failed = await call(
                client, "verify_rewrite", connection="shop", original=drawn, rewritten=drawn + " AND true"
            )
            assert not failed, text
            assert facts["decisions"] == ["undecided"]
            assert "not deterministic" in text


async def test_no_row_of_the_database_is_shown_and_restricted_columns_are_counted_as_guesses(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    script = (
        "CREATE TABLE people (id integer PRIMARY KEY, card_number varchar(30), note varchar(60));"
        "INSERT INTO people SELECT n, '4111 1111 1111 1111', 'plain-secret-' || n FROM generate_series(1, 40) AS n;"
    )
    with opened_shop(request, "postgresql", tmp_path, script) as shop:
        _configure(tmp_path, shop.url)
        async with client_in(tmp_path) as client:
            text, facts, _ = await call(
                client, "verify_rewrite", connection="shop", original="SELECT card_number, note FROM people",
                rewritten="SELECT card_number, 'x' FROM people",
            )  # fmt: skip
            assert facts["decisions"] == ["refuted"], text
            assert "4111" not in text
            assert "plain-secret" not in text
            same = "SELECT card_number FROM people WHERE id > 0"
            text, facts, _ = await call(
                client, "verify_rewrite", connection="shop", original=same, rewritten=same + " AND id > 0"
            )
            assert "(40 rows)" not in text
            text, _, _ = await call(client, "verify_audit_log")
        audited = (tmp_path / "state").rglob("*")
        assert any(b"restricted_filter" in path.read_bytes() for path in audited if path.is_file())


@pytest.mark.parametrize("engine", ["redis"])
async def test_an_engine_without_a_query_language_says_why(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    server = request.getfixturevalue(f"{engine}_server")
    name = server.create_database()
    _configure(tmp_path, with_password(server.url(name), login(engine)[1]))
    async with client_in(tmp_path) as client:
        for rewritten in ("SELECT 2", None):
            text, _, failed = await call(
                client, "verify_rewrite", connection="shop", original="SELECT 1", rewritten=rewritten
            )
            assert failed
            assert TABLE[engine]["verify_rewrite"].by in text
    server.drop_database(name)


async def test_work_measured_by_restricted_columns_is_counted_as_guesses(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "people.db")) as raw:
        raw.execute("CREATE TABLE people (id integer PRIMARY KEY, card_number text)")
        raw.executemany("INSERT INTO people VALUES (?, ?)", ((n, f"4111 1111 1111 {n:04d}") for n in range(2_000)))
        raw.commit()
    _configure(tmp_path, "sqlite:///people.db")
    guesses = [f"SELECT id FROM people WHERE card_number = '4111 1111 1111 {n:04d}'" for n in range(100)]
    async with client_in(tmp_path) as client:
        text, _, failed = await call(client, "measure_queries", connection="shop", queries=guesses)
        assert not failed, text
        text, _, failed = await call(client, "advise_indexes", connection="shop", queries=guesses, seconds=1)
        assert not failed, text
        for tool in ("measure_queries", "advise_indexes"):
            text, _, failed = await call(client, tool, connection="shop", queries=guesses[:1])
            assert failed, text
            assert "card_number" in text
        text, _, failed = await call(
            client, "measure_queries", connection="shop", queries=["SELECT count(*) FROM people"]
        )
        assert not failed, text
        text, _, _ = await call(client, "verify_audit_log")
        assert "200 entries" in text

"""A proposed set of indexes is proved by execution on a copy: what pays is kept, what does not is left out."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
ROWS = 30_000
COLUMNS = "(id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, flag INTEGER NOT NULL, note VARCHAR(60) NOT NULL)"
NUMBERS = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})"
VALUES = "SELECT i, i % 997, i % 2, 'some text that makes a row as long as rows are' FROM n"
FILLED = {
    "sqlite": f"CREATE TABLE sales {COLUMNS}; {NUMBERS} INSERT INTO sales {VALUES};",
    "postgresql": f"CREATE TABLE sales {COLUMNS}; {NUMBERS} INSERT INTO sales {VALUES}; VACUUM ANALYZE sales;",
    "mariadb": f"SET max_recursive_iterations = {ROWS}; CREATE TABLE sales {COLUMNS}; INSERT INTO sales {NUMBERS} {VALUES}; ANALYZE TABLE sales;",
    "mysql": f"SET cte_max_recursion_depth = {ROWS}; CREATE TABLE sales {COLUMNS}; INSERT INTO sales {NUMBERS} {VALUES}; ANALYZE TABLE sales;",
}
PAYS, IDLE = "CREATE INDEX by_customer ON sales (customer)", "CREATE INDEX by_note ON sales (note)"
ONE, WHOLE = "SELECT note FROM sales WHERE customer = 17", "SELECT sum(flag) FROM sales WHERE id > 0"


@pytest.fixture(params=["sqlite", "postgresql", "mariadb", "mysql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of a shop with a connection of that name that may be written."""
    engine = str(request.param)
    if engine == "sqlite":
        with closing(sqlite3.connect(tmp_path / "shop.db")) as raw:
            raw.executescript(FILLED[engine])
        yield _configured(tmp_path, "sqlite:///shop.db")
        return
    server = request.getfixturevalue("pg_server" if engine == "postgresql" else f"{engine}_server")
    if engine == "mysql":
        monkeypatch.setenv("PATH", f"{server.programs}{os.pathsep}{os.environ['PATH']}")
    name = server.create_database()
    server.run_sql(name, FILLED[engine])
    yield _configured(tmp_path, server.url(name), 'password = { env = "SHOP_PASSWORD" }\n')
    server.drop_database(name)


def _configured(folder: Path, url: str, more: str = "") -> Path:
    (folder / "dbmanager.toml").write_text(
        f'[store]\ndata_dir = "state"\n[connections.shop]\nurl = "{url}"\naccess = "read_write"\n{more}'
    )
    return folder


async def _proposed(client: Client, *statements: str) -> str:
    steps = [{"sql": statement} for statement in statements]
    text, proposed, failed = await call(
        client, "propose_change", connection="shop", title="indexes", steps=steps, reason="guessed"
    )
    assert not failed, text
    return str(proposed["change"])


async def _tried(client: Client, change: str, *queries: str, **more: str) -> tuple[str, dict[str, Any]]:
    text, facts, failed = await call(
        client, "measure_queries", connection="shop", queries=list(queries), change=change, **more
    )
    assert not failed, text
    return text, facts


async def _applied(client: Client, change: str) -> None:
    text, _, _ = await call(client, "review_change", change=change)
    token = text.partition("confirm_token='")[2].partition("'")[0]
    _, facts, _ = await call(client, "apply_change", change=change, confirm_token=token)
    assert facts["state"] == "verified"


def _row(text: str, number: int) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"|{number}|"))
    return [cell.strip() for cell in line[1:-1].split("|")]


@pytest.mark.promise("P3.2")
async def test_an_index_that_pays_is_kept_and_one_that_does_not_is_left_out(shop: Path) -> None:
    async with client_in(shop) as client:
        _, begun, _ = await call(client, "update_project", goal="faster", connections=["shop"])
        proposed = await _proposed(client, PAYS, IDLE)
        text, facts = await _tried(client, proposed, ONE, WHOLE, project=begun["project"])
        assert "a copy of all rows: sales 30,000" in text
        assert (facts["delivered"], facts["not_delivered"]) == (["by_customer"], ["by_note"])
        assert "no query's plan reads it" in text
        one, whole = _row(text, 1), _row(text, 2)
        assert one[2] == str(len(range(17, ROWS + 1, 997)))
        assert float(one[4]) < float(one[3]) / 5
        assert float(one[6]) < float(one[5])
        assert "CPU ms before" in text
        assert float(whole[8]) == pytest.approx(1, abs=0.05)
        assert 0 < float(one[7]) < 0.5, "the planner promised it as well"
        review, _, _ = await call(client, "review_change", change=facts["change"])
        assert f"    | {PAYS}" in review
        assert f"    | {IDLE}" not in review
        again, facts = await _tried(client, facts["change"], ONE)
        assert facts == {"delivered": ["by_customer"], "not_delivered": []}
        assert "1 of 1 delivered, none failed" in again


async def test_a_drop_that_makes_a_query_dearer_is_left_out(shop: Path) -> None:
    async with client_in(shop) as client:
        made = await _proposed(client, PAYS, IDLE)
        await _applied(client, made)
        family = ("mariadb:", "mysql:")
        where = " ON sales" if any(word in (shop / "dbmanager.toml").read_text() for word in family) else ""
        dropped = await _proposed(client, f"DROP INDEX by_customer{where}", f"DROP INDEX by_note{where}")
        text, facts = await _tried(client, dropped, ONE, WHOLE)
        assert (facts["delivered"], facts["not_delivered"]) == (["by_note"], ["by_customer"])
        assert "more work for query 1" in text


async def test_nothing_but_reads_and_indexes_is_tried(shop: Path) -> None:
    async with client_in(shop) as client:
        change = await _proposed(client, PAYS)
        for query in ("DELETE FROM sales", "SELECT nothing FROM sales"):
            text, facts = await _tried(client, change, query, ONE)
            assert facts["not_delivered"] == []
            assert _row(text, 1)[2], "it says why it was not run"
        text, _, failed = await call(
            client, "measure_queries", connection="shop", queries=["DELETE FROM sales"], change=change
        )
        assert failed
        assert "none of the queries can be tried" in text
        other = await _proposed(client, "ALTER TABLE sales ADD COLUMN more INTEGER")
        text, _, failed = await call(client, "measure_queries", connection="shop", queries=[ONE], change=other)
        assert failed
        assert "is about no index" in text
    with closing(sqlite3.connect(shop / "state" / "store.db")) as store:
        assert store.execute("SELECT count(*) FROM scratch").fetchone() == (0,), "every copy is gone"


async def test_what_was_advised_is_proved_as_it_would_be_applied(shop: Path) -> None:
    """With the engine's own forms: built while writes go on, hidden before it is dropped."""
    async with client_in(shop) as client:
        await _applied(client, await _proposed(client, IDLE))
        advised, facts, failed = await call(
            client, "advise_indexes", connection="shop", queries=[ONE], propose=True, drop_unused=True, seconds=3
        )
        assert not failed, advised
        text, facts = await _tried(client, facts["change"], ONE)
        assert facts["not_delivered"] == []
        assert len(facts["delivered"]) == 2, text
        assert "by_note on sales (drop): delivered, no query costs more without it" in text

"""What scratch databases are for: trials of indexes, drills, trials of planned changes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from dbmanager.adapters.facets import Progress, Statement
from dbmanager.errors import DbManagerError, StatementFailed, UnsupportedCapability
from dbmanager.model.changes import ChangePlan
from dbmanager.phases.optimization.advise import AdviceReport, advise
from dbmanager.phases.recovery import jobs
from dbmanager.services.container import Services
from dbmanager.services.index_trials import IndexTrials
from dbmanager.services.proposing import plan_statements
from tests.scratch.conftest import Source

pytestmark = pytest.mark.anyio
TRIED = ["postgresql", "mysql", "mariadb"]
SQL = ["sqlite", *TRIED]


async def _advised(services: Services, *queries: str) -> AdviceReport:
    adapter = await services.connections.adapter("db")
    return await advise(adapter, queries, IndexTrials(services.scratches, "db", adapter))


@pytest.mark.parametrize("source", TRIED, indirect=True)
async def test_an_index_is_really_made_on_a_sampled_copy_before_it_is_advised(source: Source) -> None:
    before = source.fingerprint()
    services = source.services()
    report = await _advised(
        services, "SELECT label FROM child WHERE amount = 12.5", "SELECT label FROM child WHERE amount > -1"
    )
    assert "whole copy" in report.method
    assert "3,000" in report.method
    made = {tuple(key.name for key in advice.index.keys): advice.queries for advice in report.create}
    assert made == {("amount",): (1,)}, "the second query reads every row, which no index helps"
    assert source.leftovers() == []
    assert source.fingerprint() == before


@pytest.mark.parametrize("source", TRIED, indirect=True)
async def test_advice_says_when_it_could_not_be_tried(source: Source) -> None:
    report = await _advised(source.services(scratch=False), "SELECT label FROM child WHERE amount = 12.5")
    assert report.method.startswith("rules only")
    assert "scratch = false" in report.method


@pytest.mark.parametrize("source", ["mysql", "mariadb"], indirect=True)
async def test_a_query_that_names_its_database_is_not_tried_on_a_copy_that_does_not_bear_it(source: Source) -> None:
    assert source.sql is not None
    services = source.services()
    adapter = await services.connections.adapter("db")
    schema = await adapter.catalog.read_schema()
    async with IndexTrials(services.scratches, "db", adapter).on(schema, [schema.table("child")]) as trial:
        with pytest.raises(UnsupportedCapability, match="names its database"):
            await trial.plan(f"SELECT label FROM {source.sql.database}.child", [])  # type: ignore[attr-defined]


@pytest.mark.parametrize("source", ["mongodb"], indirect=True)
async def test_an_index_of_documents_is_tried_on_a_copy(source: Source) -> None:
    before = source.fingerprint()
    report = await _advised(source.services(), json.dumps({"find": "child", "filter": {"parent": 7}}))
    assert "whole copy" in report.method
    assert [[key.name for key in advice.index.keys] for advice in report.create] == [["parent"]]
    assert source.leftovers() == []
    assert source.fingerprint() == before


async def test_a_drill_registers_its_place_and_leaves_nothing(source: Source) -> None:
    services = source.services()

    async def silent(done: float, total: float | None, message: str) -> None:
        seen.append(len(source.leftovers()))

    seen: list[int] = []
    progress: Progress = silent
    if source.sql is not None and source.name == "sqlite":
        source.sql.run("PRAGMA user_version = 2")
    await jobs.backup_work(services, {"connection": "db"}, progress)
    seen.clear()
    outcome = await jobs.drill_work(services, {"connection": "db"}, progress)
    assert "is good" in outcome.text
    assert max(seen) > 0
    assert source.leftovers() == []
    assert await services.scratches.clean() == ()


async def _planned(services: Services, *steps: str | tuple[str, str | None]) -> ChangePlan:
    adapter = await services.connections.adapter("db")
    triples = [(step, None, None) if isinstance(step, str) else (*step, None) for step in steps]
    return await plan_statements(
        adapter, "db", title="a change", reason="a test", steps=triples, scratches=services.scratches
    )


@pytest.mark.parametrize("source", SQL, indirect=True)
async def test_a_step_that_cannot_run_is_told_when_it_is_proposed(source: Source) -> None:
    services, before = source.services(), source.fingerprint()
    with pytest.raises(DbManagerError, match=r"^step 2 .* can't run on this schema: ") as refused:
        await _planned(
            services, "CREATE INDEX child_amount ON child (amount)", "CREATE INDEX odd ON child (nothing_here)"
        )
    assert refused.value.code in ("invalid_statement", "statement_failed", "not_found")
    with pytest.raises(DbManagerError, match="step 1"):
        await _planned(services, "CREATE TABLE parent (id integer PRIMARY KEY)")
    assert source.leftovers() == []
    assert source.fingerprint() == before


@pytest.mark.parametrize("source", SQL, indirect=True)
async def test_steps_run_in_order_on_the_copy_and_are_undone_there(source: Source) -> None:
    services, before = source.services(), source.fingerprint()
    plan = await _planned(
        services,
        ("ALTER TABLE child ADD COLUMN remark varchar(40)", "ALTER TABLE child DROP COLUMN remark"),
        "CREATE INDEX child_remark ON child (remark)",
        "UPDATE parent SET note = 'x' WHERE id = 1",
    ) if source.name != "sqlite" else await _planned(
        services, "CREATE TABLE notes (id integer PRIMARY KEY, remark text)", "UPDATE parent SET note = 'x' WHERE id = 1"
    )  # fmt: skip
    tried = "1, 2" if source.name != "sqlite" else "1"
    assert plan.notes == (f"Tried on an empty scratch copy: step {tried}; undone again and found as before: {tried}.",)
    assert source.leftovers() == []
    assert source.fingerprint() == before


@pytest.mark.parametrize("source", TRIED, indirect=True)
async def test_an_inverse_that_does_not_bring_the_schema_back_is_told(source: Source) -> None:
    services = source.services()
    with pytest.raises(StatementFailed, match="does not bring the schema back"):
        await _planned(
            services,
            ("ALTER TABLE child ADD COLUMN remark varchar(40)", "ALTER TABLE child ADD COLUMN another varchar(40)"),
        )
    with pytest.raises(DbManagerError, match="can't be undone as proposed"):
        await _planned(
            services, ("ALTER TABLE child ADD COLUMN remark varchar(40)", "ALTER TABLE child DROP COLUMN remrk")
        )


@pytest.mark.parametrize("source", SQL, indirect=True)
async def test_a_plan_says_why_it_was_not_tried(source: Source) -> None:
    plan = await _planned(source.services(scratch=False), "CREATE INDEX child_amount ON child (amount)")
    assert len(plan.notes) == 1
    assert plan.notes[0].startswith("Not tried on a scratch copy: ")
    assert "scratch = false" in plan.notes[0]


def _reaching(source: Source, victim: str) -> dict[str, str]:
    """Statements about a design that reach beyond the database they run in, and what they need of a role."""
    if source.name in ("mysql", "mariadb"):
        return {
            "drops another database's table": f"DROP TABLE {victim}.pairs",
            "moves a table there": f"ALTER TABLE pairs RENAME TO {victim}.moved",
            "copies from there": f"CREATE TABLE taken AS SELECT * FROM {victim}.pairs",
            "hides in a comment": f"DROP TABLE IF EXISTS nothing /*! , {victim}.pairs */",
            "drops the database": f"DROP DATABASE {victim}",
        }
    return {
        "makes a role": "CREATE ROLE dbmanager_test_intruder",
        "drops the database": f"DROP DATABASE {victim}",
        "runs a query with effects": "CREATE TABLE taken AS SELECT pg_notify('a', 'b')",
        "sets the server": "ALTER SYSTEM SET work_mem = '5MB'",
    }


@pytest.mark.parametrize("source", TRIED, indirect=True)
async def test_what_reaches_beyond_a_scratch_database_is_never_tried(source: Source) -> None:
    assert source.sql is not None
    services = source.services()
    adapter: Any = await services.connections.adapter("db")
    for what, text in _reaching(source, "dbmanager_no_such").items():
        assert adapter.scratch.beyond(text) is not None, what
    plan = await _planned(services, *_reaching(source, "dbmanager_no_such").values())
    assert not any(note.startswith("Tried") for note in plan.notes)


@pytest.mark.parametrize("source", ["mysql", "mariadb"], indirect=True)
async def test_a_hostile_statement_has_its_effect_where_nothing_judges_it_and_none_when_proposed(
    source: Source,
) -> None:
    assert source.sql is not None
    services = source.services()
    adapter = await services.connections.adapter("db")
    for what, text in list(_reaching(source, "").items())[:4]:
        victim = source.sql.another()
        victim.run(victim.small)
        name = victim.database  # type: ignore[attr-defined]
        statement = text.replace(" .", f" {name}.")
        before = victim.fetch("SHOW TABLES")
        await _planned(services, statement)
        assert victim.fetch("SHOW TABLES") == before, what
        async with services.scratches.made("db", adapter, "schema") as scratch:
            await scratch.adapter.execute.execute(
                [Statement(statement)], atomic=False, lock_timeout_seconds=5, timeout_seconds=20
            )
            taken = await scratch.adapter.catalog.read_schema()
            assert victim.fetch("SHOW TABLES") != before or taken.find("taken") is not None, what


async def test_two_owners_at_once_get_places_of_their_own(source: Source) -> None:
    services = source.services()
    adapter = await services.connections.adapter("db")
    names = []

    async def one() -> None:
        async with services.scratches.made("db", adapter, "nothing") as scratch:
            names.append(scratch.place.name)

    await asyncio.gather(one(), one())
    assert len(set(names)) == 2
    assert source.leftovers() == []

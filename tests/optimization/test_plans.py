"""Every rule over plans and texts is seen on a real engine where its fault is seeded, and nowhere else."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dbmanager.analyzers.plans.judge import RULES, findings_text, plan_findings
from dbmanager.model.configuration import Configuration
from dbmanager.model.plan_findings import PlanFinding
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from tests.engines.instance import login
from tests.engines.mongodb import MongoServer
from tests.facets.contract import Mysql, Postgres, Sqlite
from tests.optimization.shop import SQL_ENGINES, Shop, opened_shop, with_password

pytestmark = pytest.mark.anyio
CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "plan_cases.toml").read_text())["case"]
BIG, MID, SMALL = 30_000, 500, 200


def _script(engine: Sqlite | Postgres | Mysql, name: str) -> str:
    columns = "id integer NOT NULL PRIMARY KEY, grp integer, twin integer, triplet integer, val integer, label varchar(200), code varchar(20)"
    pad = "'x' || n || " + engine.repeat.format(count=150) if name != "mysql" else ""
    if isinstance(engine, Mysql):
        pad = "concat('x', n, repeat('x', 150))"
    code = "concat('c', n)" if isinstance(engine, Mysql) else "'c' || n"
    rows = f"SELECT n, n % 100, n % 100, n % 100, n, {pad}, {code} FROM"
    script = f"CREATE TABLE big ({columns}); CREATE INDEX big_grp ON big (grp); CREATE INDEX big_code ON big (code);"
    script += "CREATE TABLE middle (id integer NOT NULL PRIMARY KEY, val integer, label varchar(200));"
    script += "CREATE TABLE small (id integer NOT NULL PRIMARY KEY, val integer);"
    script += f"INSERT INTO big {rows} ({engine.numbers(BIG)}) AS s;"
    script += f"INSERT INTO middle SELECT id, val, label FROM big WHERE id <= {MID};"
    script += f"INSERT INTO small SELECT id, val FROM big WHERE id <= {SMALL};"
    return script


def _settled(shop: Shop) -> None:
    """Bring the planner's figures up to date; leave one table churned that counted as settled."""
    engine = shop.engine
    if isinstance(engine, Postgres):
        for statement in (
            "CREATE TABLE churned AS SELECT id, val FROM big", "ALTER TABLE churned ADD PRIMARY KEY (id)",
            "VACUUM ANALYZE big", "VACUUM ANALYZE middle", "VACUUM ANALYZE small", "VACUUM ANALYZE churned",
            "UPDATE churned SET val = val + 1",
        ):  # fmt: skip
            engine.run(statement)
    elif isinstance(engine, Mysql):
        engine.run("ANALYZE TABLE big, middle, small;")
    else:
        engine.run("ANALYZE;")


@pytest.fixture(params=SQL_ENGINES)
async def filled(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shop]:
    with opened_shop(request, request.param, tmp_path, "") as shop:
        assert isinstance(shop.engine, Sqlite | Postgres | Mysql)
        shop.engine.run(_script(shop.engine, shop.name))
        _settled(shop)
        yield shop
        for services in shop.made:
            await services.close()


async def _found(services: Services, statement: str, *, analyze: bool) -> list[PlanFinding]:
    adapter = await services.connections.adapter("db")
    plan = await services.reader.explain("db", statement, analyze=analyze)
    schema = await adapter.catalog.read_schema()
    return plan_findings(statement, plan, schema, engine=adapter.engine, dialect=adapter.dialect)


def _engine_of(name: str) -> str:
    return "mysql" if name == "mariadb" else name


async def test_a_seeded_fault_is_found_and_a_clean_statement_is_left_alone(filled: Shop) -> None:
    services, engines = filled.services(), {rule.id: rule.engines for rule in RULES}
    wrong, checked = [], set()
    for case in CASES:
        if (
            filled.name not in case.get("engines", [filled.name])
            or _engine_of(filled.name) not in engines[case["rule"]]
        ):
            continue
        for which in ("seeded", "clean"):
            found = {f.id for f in await _found(services, case[which], analyze=case.get("analyze", False))}
            if (case["rule"] in found) is not (which == "seeded"):
                plan = await services.reader.explain("db", case[which], analyze=case.get("analyze", False))
                wrong.append((case["rule"], which, sorted(found), plan.roots))
        checked.add(case["rule"])
    assert wrong == []
    assert checked == {rule.id for rule in RULES if _engine_of(filled.name) in rule.engines}


async def test_a_finding_says_everything_that_a_person_needs_and_no_value(filled: Shop) -> None:
    found = await _found(filled.services(), "SELECT * FROM middle WHERE label LIKE '%plain-secret%'", analyze=False)
    assert {f.id for f in found} >= {"SQL-001", "SQL-002"}
    for finding in found:
        told = dataclasses.asdict(finding)
        assert all(told[name] for name in ("where", "title", "source", "fix", "undo", "verification", "doubt"))
    assert "plain-secret" not in json.dumps([dataclasses.asdict(f) for f in found]) + findings_text(found)


@pytest.fixture
async def documents(mongodb_server: MongoServer, tmp_path: Path) -> AsyncIterator[Services]:
    name = mongodb_server.create_database()
    with mongodb_server.client() as client:
        client[name]["big"].insert_many([{"_id": n, "grp": n % 1_000, "code": f"c{n}", "val": n} for n in range(5_000)])
        client[name]["big"].create_index("code")
    url = with_password(mongodb_server.url(name), login("mongodb")[1])
    settings = {"connections": {"db": {"url": url}}, "store": {"data_dir": str(tmp_path / "state")}}
    services = Services(LoadedConfiguration(Configuration.model_validate(settings), (), tmp_path))
    yield services
    await services.close()
    mongodb_server.drop_database(name)


DOCUMENTS = [
    ("PLAN-011", {"find": "big", "filter": {"grp": 7}}, {"find": "big", "filter": {"code": "c7"}}),
    ("PLAN-012", {"find": "big", "filter": {}, "sort": {"val": 1}}, {"find": "big", "filter": {"code": "c7"}}),
    ("PLAN-013", {"find": "big", "filter": {"grp": 7}}, {"find": "big", "filter": {"code": "c7"}}),
]


async def test_faults_of_document_plans_are_found(documents: Services) -> None:
    wrong = []
    for rule, seeded, clean in DOCUMENTS:
        for command, is_seeded in ((seeded, True), (clean, False)):
            found = {f.id for f in await _found(documents, json.dumps(command), analyze=True)}
            if (rule in found) is not is_seeded:
                wrong.append((rule, command, sorted(found)))
    assert wrong == []
    assert {rule for rule, _, _ in DOCUMENTS} == {rule.id for rule in RULES if "mongodb" in rule.engines}


def test_ids_collide_with_no_check() -> None:
    from scripts.reference.checks import checks

    others = {row.check.id for rows in checks().values() for row in rows}
    assert not others & {rule.id for rule in RULES}
    assert all(rule.id.startswith(("PLAN-", "SQL-")) for rule in RULES)

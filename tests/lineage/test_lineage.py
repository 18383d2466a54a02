"""Column lineage against what was found by hand, and against what each engine says itself."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmanager.phases.governance.lineage import Lineage, trace_statement
from tests.facets.contract import Mysql, Postgres, Sqlite

pytestmark = pytest.mark.anyio
FILES = {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in Path(__file__).parent.glob("*.toml")}
ENGINES = ("sqlite", "postgresql", "mysql", "mariadb")


Engines = tuple[str, dict[str, Sqlite | Postgres | Mysql]]


@pytest.fixture(scope="module", params=ENGINES)
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """An engine with one database per file of cases."""
    made: dict[str, Sqlite | Postgres | Mysql] = {}
    for stem, data in FILES.items():
        if request.param == "sqlite":
            made[stem] = Sqlite(tmp_path_factory.mktemp(stem))
        elif request.param == "postgresql":
            made[stem] = Postgres(request.getfixturevalue("pg_server"))
        else:
            made[stem] = Mysql(request.getfixturevalue(f"{request.param}_server"))
        made[stem].run(data["schema"])
    yield request.param, made
    for one in made.values():
        if not isinstance(one, Sqlite):
            one.drop()


def _cases() -> Iterator[Any]:
    for stem, data in FILES.items():
        for case in data["case"]:
            yield pytest.param(stem, case, id=case["sql"][:90])


def _found(lineage: Lineage) -> dict[str, set[str]]:
    return {output.name: {f"{source.table}.{source.column}" for source in output.sources} for output in lineage.outputs}


def _wanted(case: Any) -> dict[str, set[str]]:
    return {name: set(sources.split()) for name, sources in case["outputs"].items()}


@pytest.mark.parametrize(("stem", "case"), list(_cases()))
async def test_outputs_come_from_the_columns_that_were_found_by_hand(stem: str, case: Any, databases: Engines) -> None:
    engine, made = databases
    if engine not in case.get("engines", ENGINES):
        pytest.skip("not this engine's SQL")
    async with made[stem].closing():
        lineage = await trace_statement(made[stem].open(read_only=True), case["sql"])
    assert _found(lineage) == _wanted(case)
    assert lineage.target == case.get("target")
    assert {output.confidence for output in lineage.outputs} <= {"engine-verified", "parsed"}


async def test_most_queries_are_verified_by_the_engine_and_none_is_contradicted(
    databases: Engines,
) -> None:
    engine, made = databases
    verified = total = 0
    for stem, data in FILES.items():
        async with made[stem].closing():
            adapter = made[stem].open(read_only=True)
            for case in data["case"]:
                if engine not in case.get("engines", ENGINES) or "target" in case:
                    continue
                lineage = await trace_statement(adapter, case["sql"])
                total += len(lineage.outputs)
                verified += sum(output.confidence == "engine-verified" for output in lineage.outputs)
                assert not [output for output in lineage.outputs if output.confidence == "partial"], case["sql"]
    assert verified >= 0.6 * total, f"{verified} of {total}"

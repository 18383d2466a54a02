"""Settings of MySQL and MariaDB: each rule seen to speak for its counter and to be silent without; applied, verified, undone."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator

import pytest

from dbmanager.adapters.mysql.tuning import RULES
from dbmanager.model.tuning import MB
from tests.checks.test_health_mysql import (
    RUNNING,
    Place,
    _crowd,
    _full_joins,
    _many_tables,
    _on_disk,
    _reads,
    _threads,
    _written,
)
from tests.conftest import needed
from tests.engines.instance import login
from tests.engines.mysql_family import MySqlServer, open_mysql
from tests.tuning.conftest import MakeServices, apply_verify_and_roll_back, of, told

pytestmark = pytest.mark.anyio
REDO = {"mysql": ("innodb_redo_log_capacity", "8M"), "mariadb": ("innodb_log_file_size", "4M")}


@pytest.fixture(scope="module", params=["mysql", "mariadb"])
def product(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def strained(product: str) -> Iterator[MySqlServer]:
    setting, value = REDO[product]
    with needed(), RUNNING[product](
        max_connections="12", innodb_buffer_pool_size="8M", innodb_read_ahead_threshold="0", table_open_cache="10",
        table_open_cache_instances="1", thread_cache_size="0", tmp_table_size="16M", **{setting: value},
    ) as server:  # fmt: skip
        yield server


@pytest.fixture(scope="module")
def sound(product: str) -> Iterator[MySqlServer]:
    with needed(), RUNNING[product]() as server:
        yield server


SEEDED: dict[str, Callable[[Place], Awaitable[None]]] = {
    "innodb_buffer_pool_size": _reads,
    "redo": _written,
    "tmp_table_size": _on_disk,
    "table_open_cache": _many_tables,
    "thread_cache_size": _threads,
    "max_connections": _crowd,
}


@pytest.mark.parametrize("name", sorted(SEEDED))
async def test_a_setting_is_proposed_by_its_counter_and_not_without(
    name: str, strained: MySqlServer, sound: MySqlServer, product: str
) -> None:
    setting = REDO[product][0] if name == "redo" else name
    quiet = open_mysql(sound, sound.create_database(), access="read_only")
    assert of(await told(quiet), setting) == []
    await quiet.close()
    database = strained.create_database()
    async with contextlib.AsyncExitStack() as stack:
        await SEEDED[name](Place(strained, database, stack))
        adapter = open_mysql(strained, database, access="read_only")
        (found,) = of(await told(adapter), setting)
        await adapter.close()
    assert int(found.proposed.value) > int(found.proposed.current)
    assert all(figure is not None for figure in found.evidence.values())
    if name == "innodb_buffer_pool_size":
        assert int(found.proposed.value) == 2 * int(found.proposed.current) == 16 * MB
    strained.drop_database(database)


def test_every_rule_of_mysql_has_its_counter_seeded() -> None:
    assert {rule.setting for rule in RULES} == (set(SEEDED) - {"redo"}) | {setting for setting, _ in REDO.values()}


async def test_joins_without_an_index_change_no_setting(sound: MySqlServer) -> None:
    database = sound.create_database()
    async with contextlib.AsyncExitStack() as stack:
        await _full_joins(Place(sound, database, stack))
    adapter = open_mysql(sound, database, access="read_only")
    assert not [one for one in (await told(adapter)).recommendations if "join" in one.rule.setting]
    await adapter.close()


@pytest.mark.promise("P3.3")
async def test_settings_are_applied_verified_and_rolled_back(
    strained: MySqlServer, product: str, open_services: MakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", login(product)[1])
    database = strained.create_database()
    async with contextlib.AsyncExitStack() as stack:
        place = Place(strained, database, stack)
        await _on_disk(place)
        await _many_tables(place)
        await _threads(place)
        await _reads(place)
    services = open_services(url=strained.url(database), password={"env": "PW"})
    names = (
        "tmp_table_size",
        "max_heap_table_size",
        "table_open_cache",
        "thread_cache_size",
        "innodb_buffer_pool_size",
    )
    wanted = [name for name in names if name != "max_heap_table_size"]

    def look() -> str:
        return strained.run_sql(database, "SELECT " + ", ".join(f"@@GLOBAL.{name}" for name in names))

    before, applied, after = await apply_verify_and_roll_back(services, look, *wanted)
    grown = [int(now) > int(was) for now, was in zip(applied.split("\t"), before.split("\t"), strict=True)]
    assert grown == [True] * len(names)
    assert after == before
    adapter = await services.connections.adapter("db")
    report = await told(adapter, only=wanted)
    if product == "mysql":
        assert report.by_hand == ()
        assert strained.run_sql("", "SELECT COUNT(*) FROM performance_schema.persisted_variables") == "0"
    else:
        assert any("my.cnf" in line and "thread_cache_size = " in line for line in report.by_hand)
    strained.drop_database(database)

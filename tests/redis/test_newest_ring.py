"""The newest Redis and Valkey: the same gate, the same catalog, the same roads back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from dbmanager.adapters.facets import CapturedRows, Statement
from dbmanager.adapters.redis.gate import check_read
from dbmanager.adapters.redis.scratch import private_server
from dbmanager.adapters.redis.steps import RedisSteps
from dbmanager.errors import DbManagerError, InvalidStatement, StatementRefused
from dbmanager.model.backups import BackupArtifact
from dbmanager.model.commands import write_command
from dbmanager.model.queries import QueryRequest
from dbmanager.model.schema import DatabaseSchema, Table
from dbmanager.phases.recovery.drill import digests_of
from dbmanager.services.checking import run_checks
from tests.conftest import needed
from tests.engines import newest
from tests.engines.extracted import program
from tests.engines.redis import RedisServer
from tests.gate import outsider_redis
from tests.redis.conftest import adapter_on
from tests.redis.corpora import BENIGN, HOSTILE, SEED
from tests.redis.test_catalog import _one_of_each

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
NOTHING = DatabaseSchema("redis", "8", (), "x")
RINGS: dict[str, Callable[..., AbstractContextManager[RedisServer]]] = {
    "redis": newest.newest_redis,
    "valkey": newest.valkey,
}


@pytest.fixture(scope="module", params=RINGS)
def newest_server(request: pytest.FixtureRequest) -> Iterator[tuple[str, RedisServer]]:
    with needed(), RINGS[request.param](enable_debug_command="yes") as server:
        yield request.param, server


async def test_the_outsiders_corpus_is_refused(newest_server: tuple[str, RedisServer]) -> None:
    adapter = adapter_on(newest_server[1], 0, access="read_only")
    try:
        for name, text, _ in outsider_redis.HOSTILE:
            if name in outsider_redis.HARMLESS:
                continue
            with pytest.raises((StatementRefused, InvalidStatement)) as refused:
                await adapter.query.check(text.replace("{victim}", "1"))
            assert refused.value.hint, name
    finally:
        await adapter.close()


async def test_the_corpora_hold(newest_server: tuple[str, RedisServer]) -> None:
    _, server = newest_server
    server.run("FLUSHALL")
    for command in SEED:
        server.run(*command)
    adapter = adapter_on(server, 0)
    try:
        digest = server.run("DEBUG", "DIGEST")
        for case in HOSTILE:
            with pytest.raises((StatementRefused, InvalidStatement)):
                await adapter.query.run(QueryRequest(write_command(case.arguments)))
            if case.effect == "keys":
                with pytest.raises(DbManagerError):
                    async with adapter.sessions.reading(timeout_seconds=5) as wire:
                        await wire.confined([argument.encode() for argument in case.arguments])
        for arguments in BENIGN:
            assert (await adapter.query.run(QueryRequest(write_command(arguments)))).columns
        assert server.run("DEBUG", "DIGEST") == digest
    finally:
        await adapter.close()


async def test_no_command_passes_that_the_server_says_may_write(newest_server: tuple[str, RedisServer]) -> None:
    adapter = adapter_on(newest_server[1], 0)
    try:
        table = await adapter.query.table()
        for name, facts in table.commands.items():
            try:
                check_read(table, [*(part.encode() for part in name.split("|")), b"a", b"b"])
            except (StatementRefused, InvalidStatement):
                continue
            assert not facts.flags & {"write", "may_replicate", "blocking"}, name
    finally:
        await adapter.close()


async def test_catalog_changes_checks_and_backup(newest_server: tuple[str, RedisServer], tmp_path: Path) -> None:
    ring, server = newest_server
    server.run("FLUSHALL")
    adapter = adapter_on(server, 0)
    kept: list[CapturedRows] = []

    async def keep(rows: CapturedRows) -> None:
        kept.append(rows)

    try:
        await _one_of_each(adapter)
        if ring == "redis":
            server.run("HEXPIRE", "h:1", "5000", "FIELDS", "1", "a")
        info = await adapter.catalog.server_info()
        assert info.version.startswith(ring)
        digests = await digests_of(adapter)
        step = RedisSteps().change_step(NOTHING, json.dumps(["DEL", "s:1", "h:1", "x:1", "nothing"]))
        await adapter.execute.capture_and_execute(
            step.before_image or "",
            Statement(step.statement),
            keep,
            max_rows=9,
            lock_timeout_seconds=1,
            timeout_seconds=9,
        )
        assert await adapter.execute.count_changed(Table("", None, ()), kept[0]) == 3
        await adapter.execute.restore_rows(Table("", None, ()), kept[0])
        assert await digests_of(adapter) == digests
        for pack in ("security", "schema"):
            report = await run_checks(adapter.security, engine="redis", pack=pack)
            assert report.not_run == {}
            assert not {"RD-016", "RD-023"} & {finding.id for finding in report.findings}
        artifact = await adapter.backup.back_up(tmp_path / "file")
        assert isinstance(artifact, BackupArtifact)
        own = program(ring, f"{ring}-server")
        async with private_server(own, artifact.path, 0) as restored:
            assert await digests_of(restored) == digests
    finally:
        await adapter.close()

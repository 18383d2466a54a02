"""Two key spaces that are only sampled are compared by one side's groups."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dbmanager.adapters.redis import catalog as catalog_module
from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.model.backups import BackupArtifact
from dbmanager.phases.migration.verify import compare
from tests.redis.conftest import OpenRedis
from tests.redis.test_drill import fill

pytestmark = pytest.mark.anyio
KEYS = 6_000


def _groups(tables: list[str]) -> set[str]:
    return {name for name in tables if name != "*"}


async def test_sampled_servers_are_compared_by_the_sources_groups(
    open_redis: OpenRedis, database: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "MAX_KEYS", KEYS // 2)
    source = open_redis(database)
    await fill(source, KEYS)
    artifact = await source.backup.back_up(tmp_path / "file")
    assert isinstance(artifact, BackupArtifact)
    async with source.backup.restore_to_scratch(dataclasses.replace(artifact, tables=())) as target:
        assert isinstance(target, RedisAdapter)
        there = await target.catalog.read_schema()
        here = await source.catalog.read_schema()
        assert _groups([t.name for t in here.tables]) != _groups([t.name for t in there.tables]), "each by its sample"
        equal = await compare(source, target, [], None)
        assert sum(each.source.rows for each in equal) == KEYS
        assert [each.table for each in equal if not each.equal] == []
        assert await target.catalog.read_schema() is there, "what the target serves to others stays as it was"
        async with source.sessions.writing(timeout_seconds=60) as wire:
            await wire.call("DEL", "order:0")
            await wire.call("SET", "visit:1", "another value")
        found = [each for each in await compare(source, target, [], None) if not each.equal]
        assert {each.table for each in found} == {"order:*", "visit:*"}

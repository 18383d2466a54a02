"""A drill of a key space that is only sampled: both sides are told apart by the same groups."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dbmanager.adapters.redis import catalog as catalog_module
from dbmanager.adapters.redis.adapter import RedisAdapter
from dbmanager.model.backups import BackupArtifact
from dbmanager.phases.recovery.drill import back_up, digests_of, drill
from dbmanager.services.backups import Backups
from dbmanager.services.store import Store
from tests.redis.conftest import OpenRedis

pytestmark = pytest.mark.anyio
RARE = 60
"""Groups so small that one sample meets them and another does not."""


async def fill(adapter: RedisAdapter, keys: int) -> None:
    """Set so many keys in two large groups and many rare ones."""
    rare = ["".join(letters) for letters in itertools.product("bdfgk", "aeiou", "lmnrs", "aeiou")][:RARE]
    names = [f"{word}:{number}" for word in rare for number in range(2)]
    names += [f"{('order', 'visit')[n % 2]}:{n}" for n in range(keys - len(names))]
    async with adapter.sessions.writing(timeout_seconds=300) as wire:
        for start in range(0, len(names), 5_000):
            pairs = [part for name in names[start : start + 5_000] for part in (name, f"value of {name}")]
            await wire.call("MSET", *pairs)


@pytest.fixture
async def backups(tmp_path: Path) -> AsyncIterator[Backups]:
    """Return a registry of its own."""
    (tmp_path / "state").mkdir()
    store = Store(tmp_path / "state")
    yield Backups(store, tmp_path)
    await store.close()


async def test_groups_learnt_from_samples_differ_and_the_sources_are_used_for_both(
    open_redis: OpenRedis, database: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "MAX_KEYS", 3_000)
    adapter = open_redis(database)
    await fill(adapter, 6_000)
    digests, _ = await digests_of(adapter)
    assert sum(digest.rows for digest in digests.values()) == 6_000
    artifact = await adapter.backup.back_up(tmp_path / "file")
    assert isinstance(artifact, BackupArtifact)
    async with adapter.backup.restore_to_scratch(artifact) as restored:
        assert set((await digests_of(restored))[0]) != set(digests), "each side by its own sample"
    async with adapter.backup.restore_to_scratch(dataclasses.replace(artifact, tables=tuple(digests))) as restored:
        assert (await digests_of(restored))[0] == digests


async def test_a_drill_tells_what_a_sampled_key_space_lost(
    open_redis: OpenRedis, database: int, backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "MAX_KEYS", 3_000)
    adapter = open_redis(database)
    await fill(adapter, 6_000)
    run = await back_up(adapter, "shop", backups)
    assert (await drill(adapter, run.id, backups)).passed
    async with adapter.sessions.writing(timeout_seconds=60) as wire:
        await wire.call("DEL", "order:0")
        await wire.call("SET", "visit:1", "another value")
    torn = await adapter.backup.back_up(run.artifact.path)
    assert isinstance(torn, BackupArtifact)
    lost = await drill(adapter, await backups.add("shop", torn, run.digests), backups)
    assert {difference.partition(":*")[0] for difference in lost.differences} == {"order", "visit"}


@pytest.mark.slow
async def test_a_quarter_of_a_million_keys_pass_their_drill(
    open_redis: OpenRedis, database: int, backups: Backups
) -> None:
    adapter = open_redis(database)
    await fill(adapter, 250_000)
    assert (await adapter.catalog.model()).share < 1
    run = await back_up(adapter, "shop", backups)
    report = await drill(adapter, run.id, backups)
    print(
        f"{len(run.digests)} groups, restored in {report.restore_seconds:.1f} s, compared in {report.verify_seconds:.1f} s"
    )
    assert report.differences == ()
    assert sum(digest.rows for digest in report.restored.values()) == 250_000

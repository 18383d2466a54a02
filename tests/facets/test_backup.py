"""Backup and security: what is backed up comes back; a damaged file is refused; every check runs or says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.errors import VerificationFailed
from dbmanager.model.backups import BackupArtifact
from dbmanager.services.checksums import table_digest
from tests.facets.contract import EngineUnderTest, as_values

pytestmark = pytest.mark.anyio


async def test_a_backup_holds_every_row_and_the_place_it_was_restored_to_is_gone(
    engine: EngineUnderTest, tmp_path: Path
) -> None:
    engine.run(engine.small + engine.kinds.ddl + ";" + as_values(engine.kinds))
    engine.fill(20, 2_000)
    engine.run(engine.before_dump)
    adapter = engine.open()
    told: list[str] = []

    async def progress(done: float, total: float | None, message: str) -> None:
        told.append(message)

    assert not isinstance(adapter.backup, Unsupported)
    made = await adapter.backup.back_up(tmp_path / "made.backup", progress)
    assert isinstance(made, BackupArtifact)
    assert made.size_bytes == (tmp_path / "made.backup").stat().st_size
    assert told
    schema = await adapter.catalog.read_schema()
    async with adapter.backup.restore_to_scratch(made) as scratch:
        restored = await scratch.catalog.read_schema()
        assert [t.name for t in restored.tables] == [t.name for t in schema.tables]
        for table in schema.base_tables():
            there = await table_digest(scratch, restored.table(table.name, table.schema))
            assert there == await table_digest(adapter, table)
    assert engine.leftovers() == []


async def test_one_flipped_bit_is_noticed_before_anything_is_restored(engine: EngineUnderTest, tmp_path: Path) -> None:
    engine.run(engine.small)
    adapter = engine.open()
    assert not isinstance(adapter.backup, Unsupported)
    made = await adapter.backup.back_up(tmp_path / "made.backup")
    assert isinstance(made, BackupArtifact)
    data = bytearray(made.path.read_bytes())
    for position in (0, len(data) // 2, len(data) - 1):
        data[position] ^= 4
        made.path.write_bytes(data)
        with pytest.raises(VerificationFailed):
            async with adapter.backup.restore_to_scratch(made):
                pass
        data[position] ^= 4
    made.path.write_bytes(data[:-10])
    with pytest.raises(VerificationFailed):
        async with adapter.backup.restore_to_scratch(made):
            pass
    assert engine.leftovers() == []


async def test_ten_checks_at_least_and_each_runs_or_says_why_not(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    security = engine.open(read_only=True).security
    assert not isinstance(security, Unsupported)
    checks = security.checks()
    assert len(checks) >= 10
    assert [check.id for check in checks] == sorted({check.id for check in checks})
    for check in checks:
        assert check.engines == {engine.engine or engine.name}
        facts = await security.facts(check)
        if isinstance(facts, Unsupported):
            assert len(facts.reason) > 10
        else:
            check.findings(facts)

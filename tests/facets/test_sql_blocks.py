"""Every SQL block runs on every server at hand."""

from __future__ import annotations

import re

import pytest

from dbmanager.adapters.sql.blocks import Block, blocks
from tests.facets.contract import ENGINES, EngineUnderTest

pytestmark = pytest.mark.anyio
BLOCKS = [
    (engine, block)
    for engine in ENGINES
    for block in blocks(f"dbmanager.adapters.{'mysql' if engine == 'mariadb' else engine}").values()
]


@pytest.mark.parametrize(
    ("engine", "block"), BLOCKS, ids=[f"{engine}-{block.name}" for engine, block in BLOCKS], indirect=["engine"]
)
async def test_every_block_runs(engine: EngineUnderTest, block: Block) -> None:
    engine.run(engine.small)
    adapter = engine.open(read_only=True)
    info = await adapter.catalog.server_info()
    version = info.version_number
    if (block.requires and block.requires not in info.capabilities) or block.unless in info.capabilities:
        pytest.skip(f"not for a server with {block.unless} or without {block.requires}")
    if (block.min_version or 0) > version or version > (block.max_version or version):
        pytest.skip(f"not for version {version}")
    sql = re.sub(r"\$\d+::text\[\]", "ARRAY['lower']", block.sql)
    rows = await adapter.query.fetch(sql)
    assert isinstance(rows, list)
    assert block.purpose[0].islower()

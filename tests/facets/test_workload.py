"""Every engine tells what it was asked, or why it does not."""

from __future__ import annotations

import pytest

from dbmanager.adapters.facets import Unsupported
from dbmanager.errors import InvalidStatement
from dbmanager.model.workload import Workload
from tests.facets.contract import EngineUnderTest

pytestmark = pytest.mark.anyio


async def test_statements_are_counted_or_the_reason_is_told(engine: EngineUnderTest) -> None:
    engine.run(engine.small)
    if engine.name == "postgresql":
        engine.run("CREATE EXTENSION pg_stat_statements")
    engine.fill(5, 20)
    source = engine.open(read_only=True).workload
    if isinstance(source, Unsupported):
        assert len(source.reason) > 20
        return
    found = await source.collect()
    if isinstance(found, Unsupported):
        assert "give" in found.reason
        return
    assert isinstance(found, Workload)
    assert any("INSERT INTO" in statement.text for statement in found.statements)
    assert found.table_writes["child"] == 20
    with pytest.raises(InvalidStatement, match="no source"):
        await source.collect("crystal ball")

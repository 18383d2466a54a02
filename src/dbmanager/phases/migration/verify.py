"""Compares tables of two databases by rows and checksums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dbmanager.adapters.facets import Adapter, Progress, need
from dbmanager.model.backups import TableDigest
from dbmanager.model.schema import Column, Table
from dbmanager.services.checksums import RowDigest, table_digest


@dataclass(frozen=True, slots=True)
class TableComparison:
    """One table on both sides; `target` is None where it is missing."""

    table: str
    source: TableDigest
    target: TableDigest | None

    @property
    def equal(self) -> bool:
        """Whether rows and checksum agree."""
        return self.source == self.target


async def compare(
    source: Adapter, target: Adapter, names: Sequence[str], target_schema: str | None, progress: Progress | None = None
) -> tuple[TableComparison, ...]:
    """Return a comparison per table; scans each table once on either side."""
    schema, other = await source.catalog.read_schema(), await target.catalog.read_schema()
    tables = [schema.table(name) for name in names] if names else list(schema.base_tables())
    found = []
    for number, table in enumerate(tables):
        if progress is not None:
            await progress(number, len(tables), f"comparing {table.name}")
        landed = other.find(table.name, target_schema)
        columns = need(source.bulk, table.name).columns(table)
        digest = await table_digest(source, table, [column.name for column in columns])
        there = None
        if landed is not None:
            known = {column.name for column in need(target.bulk, landed.name).columns(landed)}
            known |= {column.name for column in landed.columns}
            if known >= {column.name for column in columns}:
                there = await _digest_as(target, landed, columns)
        found.append(TableComparison(schema.display_name(table), digest, there))
    return tuple(found)


async def _digest_as(target: Adapter, landed: Table, columns: Sequence[Column]) -> TableDigest:
    """Digest the target's rows with the source's types, which decide how values are spelled."""
    digest = RowDigest([column.type for column in columns])
    async for batch in need(target.bulk, landed.name).scan(landed, [column.name for column in columns]):
        digest.add(batch)
    return digest.result()

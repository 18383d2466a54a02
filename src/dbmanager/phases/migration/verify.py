"""Compares tables of two databases by rows and checksums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dbmanager.adapters.facets import Adapter, LearntCatalog, Progress, need
from dbmanager.errors import InvalidStatement
from dbmanager.model.backups import TableDigest
from dbmanager.model.schema import Column, DatabaseSchema, Table
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
    source: Adapter,
    target: Adapter,
    names: Sequence[str],
    target_schema: str | None,
    progress: Progress | None = None,
    *,
    are_one: bool = False,
) -> tuple[TableComparison, ...]:
    """Return a comparison per table; scans each table once on either side. `are_one`: both are the same database.

    Raises: InvalidStatement when a table would be compared with itself.
    """
    schema = await source.catalog.read_schema()
    other = await _read_alike(target, schema)
    tables = [schema.table(name) for name in names] if names else list(schema.base_tables())
    pairs = [(table, other.find(table.name, target_schema)) for table in tables]
    if are_one:
        _refuse_itself(schema, pairs)
    found = []
    for number, (table, landed) in enumerate(pairs):
        if progress is not None:
            await progress(number, len(tables), f"comparing {table.name}")
        columns = need(source.bulk, table.name).columns(table)
        digest = await table_digest(source, table, [column.name for column in columns])
        there = None
        if landed is not None:
            known = {column.name for column in need(target.bulk, landed.name).columns(landed)}
            known |= {column.name for column in landed.columns}
            if known >= {column.name for column in columns}:
                there = await digest_as(target, landed, columns)
        found.append(TableComparison(schema.display_name(table), digest, there))
    return tuple(found)


async def _read_alike(target: Adapter, schema: DatabaseSchema) -> DatabaseSchema:
    """Return the target's schema; where tables are learnt from the data, told apart as on the source."""
    if isinstance(target.catalog, LearntCatalog) and target.engine == schema.engine and schema.tables:
        return await target.catalog.read_schema_by([table.name for table in schema.base_tables()])
    return await target.catalog.read_schema()


def _refuse_itself(schema: DatabaseSchema, pairs: Sequence[tuple[Table, Table | None]]) -> None:
    for table, landed in pairs:
        if landed is not None and (landed.schema, landed.name) == (table.schema, table.name):
            name = schema.display_name(table)
            raise InvalidStatement(
                f"source and target are the same database: {name} would be compared with itself, which proves nothing",
                object_name=name, hint="Name the database that holds the copy, or the schema in target_schema.",
            )  # fmt: skip


async def digest_as(target: Adapter, landed: Table, columns: Sequence[Column]) -> TableDigest:
    """Return the digest of the target's rows by the source's types, which decide how values are spelled."""
    digest = RowDigest([column.type for column in columns])
    async for batch in need(target.bulk, landed.name).scan(landed, [column.name for column in columns]):
        digest.add(batch)
    return digest.result()

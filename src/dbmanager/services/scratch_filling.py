"""Fills a scratch database: what is declared, and rows in key order or as a sample that keeps its references."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dbmanager.adapters.facets import Adapter, Bulk, Scratch, ScratchPlace, Statement, Unsupported, need
from dbmanager.errors import DbManagerError, ResourceExhausted
from dbmanager.model.queries import Row
from dbmanager.model.schema import DatabaseSchema, ForeignKey, Table

CHUNK_ROWS = 2_000
STATEMENT_SECONDS = 600.0
LOCK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Budget:
    """What a scratch database may take: rows and bytes in all, seconds until it is dropped."""

    rows: int = 1_000_000
    bytes: int = 256_000_000
    seconds: float = 120.0


@dataclass(slots=True)
class Filling:
    """One scratch database being filled from its source.

    Attributes:
        rows: rows written so far, by table.
        left_out: a sentence for everything that was not copied.
    """

    source: Adapter
    target: Adapter
    facet: Scratch
    place: ScratchPlace
    budget: Budget
    rows: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    _written: int = 0
    _measured: int = 0
    _empty_bytes: int = 0
    _seen: dict[str, set[Row]] = field(default_factory=dict)

    async def fill(self, contents: str, names: Sequence[str] | None, sample_rows: int | Mapping[str, int]) -> None:
        """Copy what is declared and, unless `schema` is all that was asked for, rows: so many of each, or by table.

        Raises: ResourceExhausted at the budget of rows or bytes.
        """
        if contents == "schema" and names is None and await self._copied("all"):
            return
        schema = await self.source.catalog.read_schema()
        tables = list(schema.base_tables()) if names is None else [schema.table(name) for name in names]
        if contents == "sample":
            tables = _with_parents(schema, tables)
        by_engine = await self._copied("before_rows")
        if not by_engine:
            tables = [table for table in tables if await self._create(schema, table)]
        self._empty_bytes = await self.facet.size_bytes(self.place)
        asked = {schema.display_name(schema.table(name)) for name in names or ()}
        for table in tables if contents != "schema" else ():
            if contents == "full":
                await self._whole(schema, table)
            elif names is None or schema.display_name(table) in asked:
                name = schema.display_name(table)
                await self._sampled(schema, table, sample_rows if isinstance(sample_rows, int) else sample_rows[name])
        if not by_engine:
            await self._finish(schema, tables)
        elif not await self._copied("after_rows"):
            self.left_out.append("indexes and references")

    async def _copied(self, part: str) -> bool:
        """Have the engine's own means copy a part of what is declared; False where they can't."""
        found = await self.facet.copy_schema(self.place, part)  # type: ignore[arg-type] # one of its three words
        if isinstance(found, Unsupported):
            return False
        self.left_out += found
        return True

    async def _create(self, schema: DatabaseSchema, table: Table) -> bool:
        """Emit a table; one that the engine refuses is left out."""
        if isinstance(self.target.emit, Unsupported):
            return True
        emit = self.target.emit
        try:
            if emit.has_schemas and table.schema not in (None, schema.default_schema):
                await self._make_schema(str(table.schema))
            made = emit.create_table(table, source_engine=self.source.engine, with_foreign_keys=emit.references_inline)
            await self._run(made.statements)
        except DbManagerError as problem:
            self.left_out.append(f"table {schema.display_name(table)}: {problem.message}")
            return False
        return True

    async def _make_schema(self, name: str) -> None:
        emit = need(self.target.emit, name)
        probe, parameters = emit.schema_exists_probe(name)
        emission = emit.create_schema(name)
        if not isinstance(emission, Unsupported) and not (await self.target.query.fetch(probe, parameters))[0][0]:
            await self._run(emission.statements)

    async def _finish(self, schema: DatabaseSchema, tables: Sequence[Table]) -> None:
        """Emit indexes, then references between tables that were copied."""
        if isinstance(self.target.emit, Unsupported):
            return
        emit, names = self.target.emit, {(t.schema, t.name) for t in tables}
        references: list[tuple[Table, ForeignKey]] = []
        for table in tables:
            for index in table.indexes:
                if not index.backs_constraint:
                    await self._tried(emit.create_index(table, index).statements, f"index {index.name}")
            references += [(table, key) for key in table.foreign_keys if not emit.references_inline]
        for child, key in references:
            what = f"reference of {schema.display_name(child)} to {key.referred_table}"
            parent = _parent(schema, child, key)
            if parent is None or (parent.schema, parent.name) not in names:
                self.left_out.append(f"{what}: that table is not copied")
                continue
            emission = emit.add_foreign_key(child, key)
            if isinstance(emission, Unsupported):
                self.left_out.append(f"{what}: {emission.reason}")
            else:
                await self._tried(emission.statements, what)

    async def _tried(self, statements: Sequence[str], what: str) -> None:
        try:
            await self._run(statements)
        except DbManagerError as problem:
            self.left_out.append(f"{what}: {problem.message}")

    async def _run(self, statements: Sequence[str]) -> None:
        await self.target.execute.execute(
            [Statement(text) for text in statements], atomic=False, lock_timeout_seconds=LOCK_SECONDS,
            timeout_seconds=STATEMENT_SECONDS,
        )  # fmt: skip

    async def _whole(self, schema: DatabaseSchema, table: Table) -> None:
        async for rows in _chunks(need(self.source.bulk, table.name), table):
            await self._write(schema, table, rows)
        await self._measure()

    async def _sampled(self, schema: DatabaseSchema, table: Table, count: int) -> None:
        """Copy rows from all over the table, then the parents that they refer to, and theirs."""
        bulk = need(self.source.bulk, table.name)
        columns = [column.name for column in bulk.columns(table)]
        if all(table.has_column(name) for name in columns):
            sample = await self.source.statistics.sample(table, rows=count)
            places = [sample.columns.index(name) for name in columns]
            rows = [tuple(row[place] for place in places) for row in sample.rows]
        else:
            chunk = await bulk.read_chunk(table, columns, _key(table), None, count)
            rows = list(chunk.rows)
            if len(rows) == count:
                self.left_out.append(f"rows of {table.name} after the first {count} by key")
        waiting = [(table, rows)]
        while waiting:
            child, found = waiting.pop()
            fresh = self._unseen(schema, child, found)
            for start in range(0, len(fresh), CHUNK_ROWS):
                await self._write(schema, child, fresh[start : start + CHUNK_ROWS])
            waiting += [item async for item in self._parents(schema, child, fresh)]
        await self._measure()

    async def _parents(
        self, schema: DatabaseSchema, table: Table, rows: Sequence[Row]
    ) -> AsyncIterator[tuple[Table, list[Row]]]:
        """Read the rows that these refer to, as far as they have not been read before."""
        columns = [column.name for column in need(self.source.bulk, table.name).columns(table)]
        for key in table.foreign_keys:
            parent = _parent(schema, table, key)
            if parent is None or not parent.is_base or not set(key.columns) <= set(columns):
                continue
            places = [columns.index(name) for name in key.columns]
            referred = {tuple(row[place] for place in places) for row in rows}
            seen = self._seen.setdefault(f"{parent.schema}.{parent.name}:{key.referred_columns}", set())
            wanted = [value for value in referred - seen if None not in value]
            seen.update(wanted)
            bulk = need(self.source.bulk, parent.name)
            names = [column.name for column in bulk.columns(parent)]
            for start in range(0, len(wanted), CHUNK_ROWS):
                part = wanted[start : start + CHUNK_ROWS]
                yield parent, list(await bulk.read_keys(parent, names, key.referred_columns, part))

    def _unseen(self, schema: DatabaseSchema, table: Table, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that were not written yet; told apart by key, or as a whole where there is none."""
        names = [column.name for column in need(self.source.bulk, table.name).columns(table)]
        key = [names.index(name) for name in _key(table)] or range(len(names))
        seen = self._seen.setdefault(f"rows of {table.schema}.{table.name}", set())
        fresh = []
        for row in rows:
            value = tuple(str(row[place]) for place in key)
            if not table.primary_key or value not in seen:
                fresh.append(row)
            seen.add(value)
        return fresh

    async def _write(self, schema: DatabaseSchema, table: Table, rows: Sequence[Row]) -> None:
        total = sum(self.rows.values()) + len(rows)
        if total > self.budget.rows:
            raise self._over("rows", f"{self.budget.rows:,} rows", "rows")
        bulk = need(self.target.bulk, table.name)
        columns = [column.name for column in need(self.source.bulk, table.name).columns(table)]
        await bulk.write_chunk(table, columns, [], rows)
        name = schema.display_name(table)
        self.rows[name] = self.rows.get(name, 0) + len(rows)
        self._written += sum(len(str(value)) for row in rows for value in row)
        if self._written > self.budget.bytes or self._written - self._measured > self.budget.bytes // 10:
            await self._measure()

    async def _measure(self) -> None:
        """Look at what it takes by now."""
        self._measured = self._written
        taken = max(self._written, await self.facet.size_bytes(self.place) - self._empty_bytes)
        if taken > self.budget.bytes:
            raise self._over("bytes", f"{self.budget.bytes:,} bytes", "bytes", f", {taken:,} bytes")

    def _over(self, what: str, limit: str, key: str, reached: str = "") -> ResourceExhausted:
        done = f"{sum(self.rows.values()):,} rows of {len(self.rows)} tables{reached}"
        return ResourceExhausted(
            f"the scratch database reached its budget of {limit} after {done}", object_name=self.place.name,
            hint=f"Set a higher budget of {key}, name fewer tables, or take a sample.",
        )  # fmt: skip


def _key(table: Table) -> list[str]:
    return list(table.primary_key.columns) if table.primary_key else []


def _parent(schema: DatabaseSchema, table: Table, key: ForeignKey) -> Table | None:
    return schema.find(key.referred_table, key.referred_schema or table.schema)


def _with_parents(schema: DatabaseSchema, tables: Sequence[Table]) -> list[Table]:
    """Return the tables, and every table that one of them refers to."""
    found = list(tables)
    for table in found:  # grows while it is walked
        found += _new_parents(schema, table, found)
    return found


def _new_parents(schema: DatabaseSchema, table: Table, known: Sequence[Table]) -> Iterator[Table]:
    added: list[Table] = []
    for key in table.foreign_keys:
        parent = _parent(schema, table, key)
        if parent is not None and parent.is_base and parent not in known and parent not in added:
            added.append(parent)
    return iter(added)


async def _chunks(bulk: Bulk, table: Table) -> AsyncIterator[Sequence[Row]]:
    """Yield all rows: by key where there is one, so that no read lasts long."""
    columns = [column.name for column in bulk.columns(table)]
    key = _key(table)
    if not key or not set(key) <= set(columns):
        async for batch in bulk.scan(table, columns, batch_rows=CHUNK_ROWS):
            yield batch
        return
    after: Row | None = None
    while True:
        chunk = await bulk.read_chunk(table, columns, key, after, CHUNK_ROWS)
        if not chunk.rows:
            return
        yield chunk.rows
        after = chunk.last_key

"""Copies tables between databases by key-ordered chunks: resumable, checked chunk by chunk."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from dbmanager.adapters.facets import Adapter, Bulk, Emit, Unsupported, need
from dbmanager.analyzers.schema_diff.order import in_order, landed
from dbmanager.errors import UnsupportedCapability, VerificationFailed
from dbmanager.model.changes import ChangePlan, ChangeStep, Probe
from dbmanager.model.queries import Row
from dbmanager.model.schema import Table
from dbmanager.phases.migration.verify import digest_as
from dbmanager.services.changes import Changes, EvidenceItem, StepContext
from dbmanager.services.checksums import RowDigest, table_digest
from dbmanager.services.schema_steps import schema_steps

CHUNK_ROWS = 5_000
KIND = "copy_table"


def register(changes: Changes) -> None:
    """Make the step kind `copy_table` known."""
    changes.register(KIND, CopyTable())


async def plan_copy(
    source: Adapter,
    target: Adapter,
    source_name: str,
    target_name: str,
    names: Sequence[str],
    target_schema: str | None,
) -> tuple[ChangePlan, list[str]]:
    """Return the plan that creates and fills the tables, and a sentence for everything not carried over as it was.

    Tables come in the order of their references; indexes are made after the rows, references last.
    """
    emit, _ = need(target.emit, target_name), need(target.bulk, target_name)
    need(source.bulk, source_name)
    schema = await source.catalog.read_schema()
    present = await target.catalog.read_schema()
    tables = in_order([schema.table(name) for name in names] if names else schema.base_tables())
    if not tables:
        raise UnsupportedCapability("there are no tables to copy", object_name=source_name)
    _require_like_rows(source, target, tables[0])
    steps: list[ChangeStep] = await schema_steps(target, emit, target_schema)
    notes: list[str] = []
    for table in tables:
        there = _landed(table, emit, target_schema, present.default_schema)
        if present.find(there.name, there.schema) is not None:
            raise UnsupportedCapability(
                f"table {there.name!r} exists in {target_name!r} already", object_name=there.name,
                hint="Copy into an empty schema or file; existing rows are never overwritten.",
            )  # fmt: skip
        emission = emit.create_table(there, source_engine=source.engine, with_foreign_keys=emit.references_inline)
        notes += [f"{table.name}.{item}: {mapping.status}, {mapping.reason}" for item, mapping in emission.records]
        probe, parameters = emit.table_exists_probe(there)
        steps.append(
            ChangeStep(
                title=f"create table {there.name}",
                statement=";\n".join(emission.statements),
                inverse=emission.inverse,
                postcondition=Probe(statement=probe, parameters=parameters, expected=1),
            )
        )
        steps.append(
            ChangeStep(
                title=f"copy rows of {table.name}",
                kind=KIND,
                statement=f"copy {table.name} from {source_name} in chunks of {CHUNK_ROWS} rows, each checked",
                payload={
                    "source": source_name,
                    "source_schema": table.schema,
                    "table": table.name,
                    "target_schema": there.schema,
                },
            )
        )
        steps += _index_steps(emit, table, there, source.engine == target.engine, notes)
    if not emit.references_inline:
        steps += _reference_steps(emit, tables, target_schema, present.default_schema, notes)
    plan = ChangePlan(
        connection=target_name,
        title=f"copy {len(tables)} tables from {source_name}",
        reason="migration",
        steps=tuple(steps),
        precondition=await target.catalog.fingerprint(),
    )
    return plan, notes


def _require_like_rows(source: Adapter, target: Adapter, table: Table) -> None:
    """Refuse to copy between engines when the rows of either are whole documents rather than columns."""
    if source.engine == target.engine:
        return
    made_of = need(source.bulk, table.name).columns(table)
    if not all(table.has_column(column.name) for column in made_of):
        raise UnsupportedCapability(
            f"documents of {source.engine} are not turned into rows of {target.engine}", object_name=table.name,
            hint="How documents become rows is a design decision: design the tables first, then export into them.",
        )  # fmt: skip


def _landed(table: Table, emit: Emit, wanted: str | None, default: str | None) -> Table:
    return landed(table, (wanted or default) if emit.has_schemas else None)


def _index_steps(emit: Emit, table: Table, landed: Table, is_same_engine: bool, notes: list[str]) -> list[ChangeStep]:
    steps = []
    for index in table.indexes:
        if index.backs_constraint:
            continue
        if not is_same_engine and (index.where or any(key.is_expression for key in index.keys)):
            notes.append(f"{table.name}.{index.name}: rejected, its expression is of another engine's SQL")
            continue
        emission = emit.create_index(landed, index)
        probe, parameters = emit.index_exists_probe(landed, index.name)
        steps.append(
            ChangeStep(
                title=f"create index {index.name}",
                statement=emission.statements[0],
                inverse=emission.inverse,
                postcondition=Probe(statement=probe, parameters=parameters, expected=1),
            )
        )
    return steps


def _reference_steps(
    emit: Emit, tables: Sequence[Table], wanted: str | None, default: str | None, notes: list[str]
) -> list[ChangeStep]:
    steps = []
    copied = {table.name for table in tables}
    for table in tables:
        landed = _landed(table, emit, wanted, default)
        for key in landed.foreign_keys:
            if key.referred_table not in copied:
                notes.append(f"{table.name}: reference to {key.referred_table} left out, which is not copied")
                continue
            emission = emit.add_foreign_key(landed, key)
            if isinstance(emission, Unsupported):
                notes.append(f"{table.name}: reference left out, {emission.reason}")
                continue
            steps += [
                ChangeStep(
                    title=f"add reference {table.name}({', '.join(key.columns)}) to {key.referred_table}",
                    statement=statement,
                    inverse=emission.inverse,
                )
                for statement in emission.statements
            ]
    return steps


def _key_of(row: Row, columns: Sequence[str], key: Sequence[str]) -> Row:
    return tuple(row[columns.index(name)] for name in key)


class CopyTable:
    """The handler of `copy_table` steps. Its memory holds the last key done, and rows and checksum so far."""

    async def apply(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> str:
        """Copy chunk after chunk from where the memory stands; verify each chunk on the target."""
        source, table, landed = await self._tables(adapter, step, context)
        reader, writer = need(source.bulk, table.name), need(adapter.bulk, landed.name)
        columns = [column.name for column in reader.columns(table)]
        key = list(table.primary_key.columns) if table.primary_key else []
        if not key:
            return await self._whole(source, adapter, table, landed, columns, context)
        memory: dict[str, Any] = dict(context.memory)
        after: Row | None = tuple(memory["after"]) if memory.get("after") else None
        rows, chunks = int(memory.get("rows", 0)), int(memory.get("chunks", 0))
        total = await reader.count(table)
        started = time.perf_counter()
        begun = rows
        while True:
            chunk = await reader.read_chunk(table, columns, key, after, CHUNK_ROWS)
            if not chunk.rows:
                break
            if any(None in _key_of(row, columns, key) for row in chunk.rows):
                return await self._whole(source, adapter, table, landed, columns, context)
            await writer.write_chunk(landed, columns, key, chunk.rows)
            await self._verify_chunk(reader, writer, table, landed, key, after, chunk.rows)
            after = chunk.last_key
            rows, chunks = rows + len(chunk.rows), chunks + 1
            await context.remember({"after": list(after or ()), "rows": rows, "chunks": chunks, "done": False})
            await context.progress(rows, total, f"{table.name}: {rows} of {total} rows")
        rate = (rows - begun) / max(time.perf_counter() - started, 1e-6)
        await context.remember({"after": list(after or ()), "rows": rows, "chunks": chunks, "done": True, "rate": rate})
        return f"{rows} rows in {chunks} chunks, each checked; {rate:,.0f} rows/s"

    async def _verify_chunk(
        self, source: Bulk, target: Bulk, table: Table, landed: Table, key: list[str], after: Row | None,
        rows: Sequence[Row],
    ) -> None:  # fmt: skip
        whole = source.columns(table)
        columns, types = [column.name for column in whole], [column.type for column in whole]
        sent, found = RowDigest(types), RowDigest(types)
        sent.add(rows)
        back = await target.read_chunk(landed, columns, key, after, len(rows))
        found.add(back.rows)
        if sent.result() != found.result():
            raise VerificationFailed(
                f"a chunk of {table.name} differs on the target: {sent.rows} rows sent, {found.rows} found",
                object_name=table.name,
                hint="Compare the column types; roll the change back.",
            )

    async def _whole(
        self, source: Adapter, target: Adapter, table: Table, landed: Table, columns: list[str], context: StepContext
    ) -> str:
        """Copy a table without a key in one go: emptied first, since no chunk could be recognised again.

        One whose declared key holds NULL (SQLite) counts as such: these rows have no place in the key's order.
        """
        reader, writer = need(source.bulk, table.name), need(target.bulk, landed.name)
        await writer.empty(landed)
        rows, started = 0, time.perf_counter()
        async for batch in reader.scan(table, columns):
            await writer.write_chunk(landed, columns, [], batch)
            rows += len(batch)
            await context.progress(rows, None, f"{table.name}: {rows} rows")
        if await table_digest(source, table, columns) != await digest_as(target, landed, reader.columns(table)):
            raise VerificationFailed(f"{table.name} differs on the target", object_name=table.name)
        rate = rows / max(time.perf_counter() - started, 1e-6)
        await context.remember({"rows": rows, "done": True, "rate": rate})
        return f"{rows} rows at once (no key to cut chunks by), checked"

    async def took_effect(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> bool:
        """Whether every chunk was written, by the memory and by the count on the target."""
        if not context.memory.get("done"):
            return False
        _, _, landed = await self._tables(adapter, step, context)
        return await need(adapter.bulk, landed.name).count(landed) >= int(context.memory["rows"])

    async def undo(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> None:
        """Empty the target table."""
        present = (await adapter.catalog.read_schema()).find(step.payload["table"], step.payload["target_schema"])
        if present is not None:
            await need(adapter.bulk, present.name).empty(present)
        await context.remember({})

    def evidence(self, done: Sequence[tuple[ChangeStep, Mapping[str, Any]]]) -> Sequence[EvidenceItem]:
        """Return rows and chunks copied, and the rate in rows a second over the time that the copying took."""
        rows = sum(int(memory.get("rows", 0)) for _, memory in done)
        timed = [(int(memory["rows"]), float(memory["rate"])) for _, memory in done if memory.get("rate")]
        seconds = sum(count / rate for count, rate in timed)
        rate = round(sum(count for count, _ in timed) / seconds) if seconds else 0
        payload = {
            "source": done[0][0].payload["source"], "tables": [step.payload["table"] for step, _ in done], "rows": rows,
            "chunks": sum(int(memory.get("chunks", 1)) for _, memory in done), "rows_per_second": rate,
        }  # fmt: skip
        found = [EvidenceItem("copy", f"{rows} rows copied, every chunk checked", payload)]
        return found + ([EvidenceItem("copy_rate", f"{rate} rows/s", {"rows_per_second": rate})] if rate else [])

    async def _tables(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> tuple[Adapter, Table, Table]:
        source = await context.connections.adapter(step.payload["source"])
        table = (await source.catalog.read_schema()).table(step.payload["table"], step.payload["source_schema"])
        landed = (await adapter.catalog.read_schema()).table(step.payload["table"], step.payload["target_schema"])
        return source, table, landed

"""Kinds of change step that make a schema as designed, and tell from the catalog whether they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dbmanager.adapters.facets import Adapter, Statement, need
from dbmanager.analyzers.schema_diff.parts import parts
from dbmanager.errors import StatementFailed, VerificationFailed
from dbmanager.model.changes import ChangeStep
from dbmanager.model.schema import DatabaseSchema
from dbmanager.services.changes import STEP_SECONDS, Changes, EvidenceItem, StepContext

PART, AS_DESIGNED = "schema_part", "schema_as_designed"
TOLD = 5


def register(changes: Changes) -> None:
    """Make both kinds known."""
    changes.register(PART, SchemaPart())
    changes.register(AS_DESIGNED, AsDesigned())


def shortfall(schema: DatabaseSchema, tables: Sequence[Mapping[str, Any]], *, exact: bool) -> list[str]:
    """Return what of a design a schema lacks, and with `exact` what it has besides; empty when it is as designed.

    Args:
        schema: as read from the target.
        tables: `schema`, `name` and `has`, every part of the table (see `analyzers.schema_diff.parts`).
        exact: whether nothing else may be there.
    """
    found: list[str] = []
    for wanted in tables:
        table = schema.find(wanted["name"], wanted["schema"])
        if table is None:
            found.append(f"{wanted['name']} is missing")
            continue
        there, asked = parts(table, schema.engine), set(wanted["has"])
        found += [f"{wanted['name']} lacks: {part}" for part in sorted(asked - there)]
        found += [f"{wanted['name']} has besides: {part}" for part in sorted(there - asked)] if exact else []
    return found


class SchemaPart:
    """Statements about one table, carried out together.

    The payload: `statements` and `inverse`, `schema` and `table`, `has` and `lacks` (parts that the table has, or no
    longer has, once they took effect), `makes` where the table is new, and `spares`: what it would change in values, each
    with the query that counts them, asked again since rows may have come after the plan.
    """

    async def apply(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> str:
        """Run the statements; a table that an interrupted run left half made is made anew while it is empty."""
        if await self.took_effect(adapter, step, context):
            return "was in effect already"
        schema = await adapter.catalog.read_schema()
        table = schema.find(step.payload["table"], step.payload["schema"])
        if step.payload.get("makes") and table is not None:
            if await need(adapter.bulk, table.name).count(table):
                raise StatementFailed(
                    f"{table.name} is there, is not as designed, and holds rows", object_name=table.name,
                    hint="Plan the design again on what is there now.",
                )  # fmt: skip
            await _run(adapter, step, step.payload["inverse"], context)
        for what, query in step.payload.get("spares", ()):
            if int(str((await adapter.query.fetch(query))[0][0])):
                raise StatementFailed(
                    f"{what}, which came after the plan; nothing was changed by this step", object_name=step.payload["table"],
                    hint="Plan the design again: it tells which rows.", next_actions=("plan_schema",),
                )  # fmt: skip
        await _run(adapter, step, step.payload["statements"], context)
        return "done"

    async def took_effect(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> bool:
        """Compare the table's parts in the catalog with what the step is for."""
        schema = await adapter.catalog.read_schema()
        table = schema.find(step.payload["table"], step.payload["schema"])
        if table is None:
            return False
        there = parts(table, schema.engine)
        return set(step.payload["has"]) <= there and not there & set(step.payload["lacks"])

    async def undo(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> None:
        """Run the inverse; nothing where the step left nothing behind."""
        schema = await adapter.catalog.read_schema()
        gone = schema.find(step.payload["table"], step.payload["schema"]) is None
        if not gone and (step.payload.get("makes") or await self.took_effect(adapter, step, context)):
            await _run(adapter, step, step.payload["inverse"], context)

    def evidence(self, done: Sequence[tuple[ChangeStep, Mapping[str, Any]]]) -> Sequence[EvidenceItem]:
        """Return the statements and what undoes them, in their order."""
        steps = [{"statements": step.payload["statements"], "inverse": step.payload["inverse"]} for step, _ in done]
        return (EvidenceItem("schema_statements", f"{len(steps)} steps made the schema", {"steps": steps}),)


class AsDesigned:
    """Reads the schema again and compares it with the design, part by part; writes nothing."""

    async def apply(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> str:
        """Compare.

        Raises: VerificationFailed naming what differs.
        """
        tables, exact = step.payload["tables"], step.payload["exact"]
        found = shortfall(await adapter.catalog.read_schema(), tables, exact=exact)
        if found:
            more = f"; and {len(found) - TOLD} more" if len(found) > TOLD else ""
            raise VerificationFailed(
                f"{len(found)} parts are not as designed: {'; '.join(found[:TOLD])}{more}",
                object_name=context.connection,
            )
        await context.remember({"tables": len(tables), "parts": sum(len(table["has"]) for table in tables)})
        return f"{len(tables)} tables read again: every part is as designed"

    async def took_effect(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> bool:
        """Whether all is as designed now."""
        return not shortfall(await adapter.catalog.read_schema(), step.payload["tables"], exact=step.payload["exact"])

    async def undo(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> None:
        """Nothing was done."""

    def evidence(self, done: Sequence[tuple[ChangeStep, Mapping[str, Any]]]) -> Sequence[EvidenceItem]:
        """Return which tables are as designed, with their parts."""
        step, memory = done[0]
        tables = {table["name"]: list(table["has"]) for table in step.payload["tables"]}
        payload = {"tables": tables, "parts": memory.get("parts", 0), "exact": step.payload["exact"]}
        return (EvidenceItem("schema_applied", f"{len(tables)} tables are as designed", payload),)


async def _run(adapter: Adapter, step: ChangeStep, statements: Sequence[str], context: StepContext) -> None:
    limits = context.connections.settings(context.connection).limits
    await adapter.execute.execute(
        [Statement(text) for text in statements], atomic=step.transactional,
        lock_timeout_seconds=limits.lock_timeout_seconds, timeout_seconds=STEP_SECONDS,
    )  # fmt: skip

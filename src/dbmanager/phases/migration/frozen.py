"""Compares both sides while writes to the source are held, as the last step of a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dbmanager.adapters.facets import Adapter, need
from dbmanager.errors import AccessDenied, InvalidStatement, VerificationFailed
from dbmanager.model.changes import ChangeStep
from dbmanager.model.configuration import ConnectionSettings
from dbmanager.phases.migration.verify import compare
from dbmanager.services.changes import Changes, EvidenceItem, StepContext

KIND = "compare_frozen"
MAX_SECONDS = 300


def register(changes: Changes) -> None:
    """Make the step kind `compare_frozen` known."""
    changes.register(KIND, CompareFrozen())


def frozen_step(
    source: Adapter, source_name: str, settings: ConnectionSettings, target_settings: ConnectionSettings,
    tables: Sequence[str], target_schema: str | None, seconds: int,
) -> ChangeStep:  # fmt: skip
    """Return the step that compares tables while writes to the source's are held.

    Raises:
        UnsupportedCapability: the source's engine can't hold writes.
        AccessDenied: the source may not be written, or wants a person's approval that the target does not.
    """
    need(source.freeze, source_name)
    if not 1 <= seconds <= MAX_SECONDS:
        raise InvalidStatement(f"writes are held for 1 to {MAX_SECONDS} seconds")
    _require_consent(source_name, settings, target_settings)
    return ChangeStep(
        title=f"compare both sides while writes to {source_name} are held",
        kind=KIND, risk="medium", lock=f"holds writes to {len(tables)} tables of {source_name}, at most {seconds} s",
        statement=f"hold writes to {', '.join(tables)} of {source_name} for at most {seconds} s, and compare every row",
        payload={"source": source_name, "tables": list(tables), "target_schema": target_schema, "seconds": seconds},
        estimated_seconds=float(seconds),
    )  # fmt: skip


def _require_consent(source_name: str, settings: ConnectionSettings, target_settings: ConnectionSettings) -> None:
    """Refuse to hold writes that the source's own settings would not let this change's approval cover."""
    if settings.access == "read_only":
        raise AccessDenied(
            f"connection {source_name!r} is configured read_only; holding its writes wants read_write",
            object_name=source_name, hint=f'A person may set connections.{source_name}.access = "read_write".',
        )  # fmt: skip
    if settings.approval_mode == "person" and target_settings.approval_mode != "person":
        raise AccessDenied(
            f"connection {source_name!r} wants a person's approval for what disturbs it, the target does not",
            object_name=source_name, hint='Set approval = "person" for the target, or copy without holding writes.',
        )  # fmt: skip


class CompareFrozen:
    """The handler of `compare_frozen` steps. It changes nothing, so there is nothing to undo."""

    async def apply(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> str:
        """Hold writes and compare.

        Raises: VerificationFailed naming the tables that differ: rows were written since they were copied.
        """
        facts = step.payload
        settings = context.connections.settings(facts["source"])
        _require_consent(facts["source"], settings, context.connections.settings(context.connection))
        source = await context.connections.adapter(facts["source"])
        schema = await source.catalog.read_schema()
        tables = [schema.table(name) for name in facts["tables"]]
        async with need(source.freeze, facts["source"]).held(tables, seconds=facts["seconds"]):
            found = await compare(source, adapter, facts["tables"], facts["target_schema"], context.progress)
        different = [one.table for one in found if not one.equal]
        if different:
            raise VerificationFailed(
                f"{', '.join(different)} differ: they were written to after they were copied",
                object_name=facts["source"], hint="Copy again while nothing writes, or roll the change back.",
            )  # fmt: skip
        rows = sum(one.source.rows for one in found)
        await context.remember({"equal": True, "rows": rows, "tables": len(found)})
        return f"{len(found)} tables, {rows} rows equal while writes were held"

    async def took_effect(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> bool:
        """Whether the comparison was made and found both sides equal."""
        return bool(context.memory.get("equal"))

    async def undo(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> None:
        """Forget the comparison."""
        await context.remember({})

    def evidence(self, done: Sequence[tuple[ChangeStep, Mapping[str, Any]]]) -> Sequence[EvidenceItem]:
        """Return that both sides were equal at one moment."""
        step, memory = done[0]
        payload = {"source": step.payload["source"], "tables": memory.get("tables"), "rows": memory.get("rows")}
        return [EvidenceItem("copy_verified", f"{memory.get('rows')} rows equal while writes were held", payload)]

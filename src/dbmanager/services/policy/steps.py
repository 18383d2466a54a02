"""Decisions about classified data as steps of change sets: planned, shown, approved and undone like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dbmanager.adapters.facets import Adapter
from dbmanager.analyzers.classification.kinds import KINDS
from dbmanager.errors import InvalidChoice, InvalidStatement, Irreversible
from dbmanager.model.changes import ChangeStep
from dbmanager.model.classification import Level
from dbmanager.model.schema import DatabaseSchema
from dbmanager.services.changes import Changes, EvidenceItem, StepContext
from dbmanager.services.policy.decisions import HARMLESS, Decisions
from dbmanager.services.policy.masking import MASKED_LEVELS, NEVER_SHOWN

DISCLOSE, LABEL = "disclose", "label"
MAX_ROWS, MAX_MINUTES = 10_000, 480


def register(changes: Changes, decisions: Decisions) -> None:
    """Make the step kinds `disclose` and `label` known."""
    changes.register(DISCLOSE, DiscloseColumns(decisions))
    changes.register(LABEL, LabelColumn(decisions))


def disclosure_step(
    schema: DatabaseSchema, kinds: Mapping[tuple[str, str, str], str], columns: Sequence[str], *, rows: int, minutes: int,
    reason: str,
) -> ChangeStep:  # fmt: skip
    """Return the step that lets columns leave in clear.

    Args:
        schema: where the columns are looked up.
        kinds: what is known of classified columns.
        columns: `table.column` or `schema.table.column`.
        rows: how many rows with them may leave, at most 10,000.
        minutes: for how long, at most 480.
        reason: why, shown to whoever approves and kept in the audit log.

    Raises: NotFound for a column that isn't there; InvalidStatement for bounds, or for a secret.
    """
    if not (1 <= rows <= MAX_ROWS and 1 <= minutes <= MAX_MINUTES and columns):
        raise InvalidStatement(f"a disclosure names columns, 1 to {MAX_ROWS} rows and 1 to {MAX_MINUTES} minutes")
    places = [place_of(schema, column) for column in columns]
    secret = next((place for place in places if kinds.get(place) in NEVER_SHOWN), None)
    if secret is not None:
        raise InvalidStatement(
            f"{secret[1]}.{secret[2]} holds {kinds[secret]} values, which are never shown", object_name=secret[1],
            hint="Work with its tokens: equal values have equal tokens.",
        )  # fmt: skip
    named = ", ".join(f"{table}.{column}" for _, table, column in places)
    return ChangeStep(
        title=f"show {named} in clear", kind=DISCLOSE, risk="high", access="none",
        statement=f"let the client and its model see {named} in clear: at most {rows} rows, for {minutes} minutes ({reason})",
        payload={"columns": [list(place) for place in places], "rows": rows, "minutes": minutes, "reason": reason},
    )  # fmt: skip


def label_step(schema: DatabaseSchema, column: str, kind: str, present: str | None = None) -> ChangeStep:
    """Return the step that fixes what a column holds, whatever classification says later.

    Args:
        schema: where the column is looked up.
        column: `table.column` or `schema.table.column`.
        kind: what it is, or `harmless`.
        present: what it is known as now.

    Raises:
        InvalidChoice: for a column that isn't there, or a kind that doesn't exist.
        InvalidStatement: a secret would become something that may be shown.
    """
    if kind != HARMLESS and kind not in KINDS:
        raise InvalidChoice.of("kind of data", kind, [*KINDS, HARMLESS])
    place = place_of(schema, column)
    if present in NEVER_SHOWN and kind not in (present, HARMLESS):
        raise InvalidStatement(
            f"{place[1]}.{place[2]} holds {present} values, which never become something that may be shown",
            object_name=place[1], hint=f"If that is wrong, a person may approve the label {HARMLESS}.",
        )  # fmt: skip
    masks = kind != HARMLESS and KINDS[kind].level in MASKED_LEVELS
    was = f" (was {present})" if present else ""
    effect = "is masked from then on" if masks else f"LEAVES IN CLEAR from then on{was}"
    weakens = not masks or (present is not None and _level(kind) < _level(present))
    return ChangeStep(
        title=f"label {place[1]}.{place[2]} {kind}", kind=LABEL, risk="high" if weakens else "low",
        access="none", statement=f"{place[1]}.{place[2]} is {kind}{was if masks else ''}; it {effect}",
        payload={"column": list(place), "kind": kind},
    )  # fmt: skip


def _level(kind: str) -> int:
    return list(Level).index(KINDS[kind].level) if kind in KINDS else 0


def place_of(schema: DatabaseSchema, column: str) -> tuple[str, str, str]:
    """Return (schema, table, column) of `table.column` or `schema.table.column`; dots within names are allowed for.

    A view's columns are those of its tables: what is decided of them holds in the view.
    """
    for table in schema.base_tables():
        for prefix in (f"{table.schema}.{table.name}.", f"{table.name}."):
            if column.startswith(prefix) and table.has_column(column.removeprefix(prefix)):
                return table.schema or "", table.name, column.removeprefix(prefix)
    known = [f"{table.name}.{one.name}" for table in schema.base_tables() for one in table.columns]
    raise InvalidChoice.of("column", column, known)


class _OwnStep:
    """What both kinds share: they prove nothing for a project, and change no database."""

    def evidence(self, done: Sequence[tuple[ChangeStep, Mapping[str, Any]]]) -> Sequence[EvidenceItem]:
        """Return nothing."""
        return ()


class DiscloseColumns(_OwnStep):
    """The handler of `disclose` steps: gives, and takes back, a disclosure."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions

    async def apply(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> str:
        """Give the disclosure."""
        facts = step.payload
        columns = [tuple(place) for place in facts["columns"]]
        await self._decisions.disclose(
            context.place,
            context.connection,
            columns,
            facts["reason"],
            rows=facts["rows"],
            seconds=60 * facts["minutes"],
        )
        await context.remember({"given": True})
        return f"in clear for {facts['rows']} rows and {facts['minutes']} minutes"

    async def took_effect(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> bool:
        """Whether it was given and not revoked."""
        return await self._decisions.is_open(context.place)

    async def undo(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> None:
        """Revoke it."""
        await self._decisions.revoke(context.place, context.connection)


class LabelColumn(_OwnStep):
    """The handler of `label` steps: fixes a label, and brings back what was decided before."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions

    async def apply(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> str:
        """Fix the label."""
        place = _place(step)
        before = (await self._decisions.labels(context.connection)).get(place)
        if "before" not in context.memory:
            await context.remember({"before": before})
        await self._decisions.decide(context.connection, place, step.payload["kind"], context.place)
        return f"{place[1]}.{place[2]} is {step.payload['kind']}"

    async def took_effect(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> bool:
        """Whether the label stands."""
        return bool((await self._decisions.labels(context.connection)).get(_place(step)) == step.payload["kind"])

    async def undo(self, adapter: Adapter, step: ChangeStep, context: StepContext) -> None:
        """Bring back what was decided before, or leave the column to automatic classification.

        Raises: Irreversible when a later decision stands, or when values that are masked would leave in clear.
        """
        before = context.memory.get("before")
        place = _place(step)
        name, kind = f"{place[1]}.{place[2]}", str(step.payload["kind"])
        if await self._decisions.decided_by(context.connection, place) != context.place:
            raise Irreversible(f"the label of {name} was decided anew since", object_name=name,
                               hint="Propose the label that it is to have.")  # fmt: skip
        if kind != HARMLESS and _level(str(before or HARMLESS)) < _level(kind):
            raise Irreversible(
                f"undoing the label {kind} of {name} could let its values leave in clear", object_name=name,
                hint="Propose the label that it is to have; whoever approves changes decides.",
            )  # fmt: skip
        if before is None:
            await self._decisions.forget(context.connection, _place(step))
        else:
            await self._decisions.decide(context.connection, _place(step), str(before), context.place)


def _place(step: ChangeStep) -> tuple[str, str, str]:
    schema, table, column = step.payload["column"]
    return str(schema), str(table), str(column)

"""The phase 3 tool that judges rewrites of queries."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, JsonValue

from dbmanager.adapters.facets import need
from dbmanager.errors import UnsupportedCapability
from dbmanager_tools.core import Connection
from dbmanager_tools.house import Evidence, answer, services_of, tool

if TYPE_CHECKING:
    from dbmanager.phases.optimization.rewriting import Gate, Verdict

MOST_JUDGED, MOST_SECONDS = 6, 90.0


@tool(phase=3, title="Verify rewrite")
async def verify_rewrite(
    connection: Connection,
    original: Annotated[
        str | dict[str, JsonValue], Field(description="The query as it is, with real values: SQL, or MongoDB's command")
    ],
    ctx: Context,
    rewritten: Annotated[
        str | dict[str, JsonValue] | None,
        Field(description="Your rewrite; left out, of SQL rules and an optimizer propose some and each is judged"),
    ] = None,
    project: Evidence = None,
) -> CallToolResult:
    """Judge whether a rewritten query answers the same as the original before you recommend it: refuted with a
    counter-example, supported by N small generated databases and the real data, or proven by rules. Compares cost,
    too. Nothing is changed. For indexes use advise_indexes instead."""
    from dbmanager.analyzers.describe.rewrites import without_literals
    from dbmanager.phases.optimization.rewriting import Effort, benched, gate_of

    services, original = services_of(ctx), _text(original)
    rewritten = _text(rewritten) if rewritten is not None else None
    adapter = await services.connections.adapter(connection)
    need(adapter.comparison, connection)
    if rewritten is None and adapter.dialect == "mongodb":
        raise UnsupportedCapability(
            "no rules propose rewrites of MongoDB's commands", hint="Give your own as rewritten."
        )
    restricted = await services.reader.compares_restricted(connection, [original, *([rewritten] if rewritten else [])])
    effort = Effort(limits=services.reader.limits(connection, None), cases=300 if rewritten else 150)
    gate = await gate_of(adapter, connection, original, effort)
    async with benched(services.scratches, connection, gate):
        if rewritten is not None:
            verdicts = [await gate.judge(rewritten)]
            lines: list[str] = []
        else:
            verdicts, lines = await _proposed(gate)
    for verdict in verdicts:
        if restricted:
            verdict.hide_rows()
        lines.append(verdict_text(verdict, adapter.engine, shown=rewritten is None))
    payload: dict[str, JsonValue] = {
        "connection": connection, "original": without_literals(original, adapter.dialect),
        "rewrites": [_figures(v, adapter.dialect) for v in verdicts],
    }  # fmt: skip
    told = ", ".join(verdict.decision for verdict in verdicts) or "no rewrite was judged"
    await services.keep_evidence(project, "rewrite_verified", f"rewrite of a query: {told}", payload)
    facts: dict[str, JsonValue] = {"decisions": [verdict.decision for verdict in verdicts]}
    return answer("\n\n".join(lines), facts)


def _text(statement: str | dict[str, JsonValue]) -> str:
    """Return SQL as it is, a command as the text of its document."""
    return statement if isinstance(statement, str) else json.dumps(statement, ensure_ascii=False)


async def _proposed(gate: Gate) -> tuple[list[Verdict], list[str]]:
    """Judge proposals, the cheapest first; what is no cheaper is named and not judged."""
    from dbmanager.analyzers.rewriting.proposals import proposals_of
    from dbmanager.errors import DbManagerError

    found, dearer, notes = [], [], []
    proposed = await anyio.to_thread.run_sync(proposals_of, gate.original, gate.adapter.dialect, gate.schema)
    for proposal in proposed:
        if proposal.is_other_question:
            notes.append(f"Another question, not judged. {proposal.origin}, when {proposal.demand}:\n`{proposal.sql}`")
            continue
        try:
            cost = await gate.cost_of(proposal.sql)
        except DbManagerError:
            continue  # what the engine does not take is no proposal
        if cost is not None and gate.cost is not None and cost > gate.cost * 0.98:
            dearer.append(proposal.origin)
        else:
            found.append((cost or 0.0, proposal))
    found.sort(key=lambda item: item[0])
    verdicts: list[Verdict] = []
    started = time.monotonic()
    for _, proposal in found[:MOST_JUDGED]:
        if time.monotonic() - started > MOST_SECONDS:
            break
        verdict = await gate.judge(proposal.sql)
        verdict.origin, verdict.demand = proposal.origin, proposal.demand
        verdicts.append(verdict)
    head = [f"{len(verdicts)} rewrites judged."]
    if dearer:
        head.append(f"No cheaper, not judged: {', '.join(dearer)}.")
    if len(found) > len(verdicts):
        head.append(
            f"{len(found) - len(verdicts)} more were left out: at most {MOST_JUDGED} within {MOST_SECONDS:g} s."
        )
    return verdicts, [" ".join(head), *notes]


def verdict_text(verdict: Verdict, engine: str, *, shown: bool) -> str:
    """Return a verdict with its evidence."""
    from dbmanager.analyzers.describe.rewrites import answer_text, cost_text, database_text

    lines = [f"**{verdict.decision}**{f' ({verdict.origin})' if verdict.origin else ''}: {verdict.reason}."]
    if shown:
        lines.append(f"`{verdict.rewritten}`")
    if verdict.demand and not verdict.is_refuted:
        lines.append(f"It is right where {verdict.demand}.")
    lines.append(
        f"Small databases alike: {verdict.cases}, telling: {verdict.telling}, {verdict.seconds:.1f} s. "
        f"Real data: {verdict.on_data}. {cost_text(verdict.cost_before, verdict.cost_after, engine)}"
    )
    lines += [f"Note: {note}." for note in verdict.notes]
    example = verdict.counter_example
    if example is not None:
        lines += ["Generated rows that tell them apart:", database_text(example.database)]
        lines += [f"Original: {answer_text(example.original)}", f"Rewritten: {answer_text(example.rewritten)}"]
    return "\n".join(lines)


def _figures(verdict: Verdict, dialect: str) -> dict[str, JsonValue]:
    from dbmanager.analyzers.describe.rewrites import without_literals

    return {
        "rewritten": without_literals(verdict.rewritten, dialect), "origin": verdict.origin, "decision": verdict.decision, "reason": verdict.reason,
        "proof": list(verdict.proof), "cases": verdict.cases, "telling": verdict.telling, "on_data": verdict.on_data,
        "cost_before": verdict.cost_before, "cost_after": verdict.cost_after,
    }  # fmt: skip

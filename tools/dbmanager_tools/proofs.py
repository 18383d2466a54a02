"""How proof by execution is told and kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from dbmanager.analyzers.describe import markdown

if TYPE_CHECKING:
    from dbmanager.phases.optimization.proof import Cost, Proof, QueryProof


_WORDS = {True: "delivered", False: "not delivered", None: "not judged"}


def proof_text(proof: Proof, shown: Sequence[str]) -> list[str]:
    """Return lines that tell a proof; `shown` holds each query as it may be shown."""
    clock = "CPU ms" if _is_processor_time(proof) else "ms"
    columns = [
        "",
        "query",
        "rows",
        f"{proof.work_unit} before",
        "after",
        f"{clock} before",
        "after",
        "promised",
        "delivered",
    ]
    lines = [
        f"Tried on {proof.how}.",
        markdown.table(columns, [_row(number, one, text) for number, (one, text) in _numbered(proof, shown)]),
    ]
    promised_by = next((one.promised_by for one in proof.queries if one.promised_by), None)
    if promised_by:
        lines.append(
            f"Promised and delivered are ratios, after to before: of cost, by {promised_by}; of work, as measured."
        )
    lines += [
        f"- {one.index} on {one.table} ({one.kind}): {_WORDS[one.delivered]}, {one.why}" for one in proof.verdicts
    ]
    if proof.left_out:
        lines.append("Not on the copy: " + "; ".join(proof.left_out[:10]))
    return lines


def proof_facts(proof: Proof, shown: Sequence[str]) -> dict[str, Any]:
    """Return a proof as evidence: queries without their values."""
    return {
        "how": proof.how,
        "work_unit": proof.work_unit,
        "queries": [
            {"query": text, "before": _cost(one.before), "after": _cost(one.after),
             "promised_ratio": one.promised_ratio, "promised_by": one.promised_by, "delivered_ratio": one.delivered_ratio}
            for one, text in zip(proof.queries, shown, strict=True)
        ],
        "verdicts": [
            {"index": one.index, "table": one.table, "kind": one.kind, "delivered": one.delivered, "why": one.why,
             "queries": list(one.queries)}
            for one in proof.verdicts
        ],
    }  # fmt: skip


def _numbered(proof: Proof, shown: Sequence[str]) -> list[tuple[int, tuple[QueryProof, str]]]:
    return list(enumerate(zip(proof.queries, shown, strict=True), 1))


def _row(number: int, one: QueryProof, text: str) -> list[JsonValue]:
    line = " ".join(text.split())[:90]
    if one.before is None or one.after is None:
        return [number, line, one.problem, None, None, None, None, None, None]
    ratios = (None if ratio is None else round(ratio, 3) for ratio in (one.promised_ratio, one.delivered_ratio))
    works = ("stopped" if cost.stopped else round(cost.work) for cost in (one.before, one.after))
    times = (round(cost.seconds * 1_000, 2) for cost in (one.before, one.after))
    return [number, line, None if one.after.stopped else one.after.rows, *works, *times, *ratios]


def _cost(cost: Cost | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    return {"work": cost.work, "seconds": cost.seconds, "rows": cost.rows, "is_processor_time": cost.is_processor_time,
            "indexes": list(cost.indexes), "stopped": cost.stopped}  # fmt: skip


def _is_processor_time(proof: Proof) -> bool:
    return all(
        one.before.is_processor_time for one in proof.queries if one.before is not None and not one.before.stopped
    )

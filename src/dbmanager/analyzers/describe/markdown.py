"""Markdown that costs few tokens: tables, findings, plans."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from dbmanager.model.findings import CheckReport, Finding
from dbmanager.model.queries import Cell, PlanNode, QueryPlan


def cell(value: object) -> str:
    """Return a value as one Markdown table cell; NULL is shown as such, newlines and bars can't break the row."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\r", " ").replace("\n", "⏎")


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a Markdown table."""
    lines = ["|" + "|".join(cell(name) for name in columns) + "|", "|" + "---|" * len(columns)]
    lines += ["|" + "|".join(cell(value) for value in row) + "|" for row in rows]
    return "\n".join(lines)


def findings(report: CheckReport, *, limit: int) -> str:
    """Return findings, worst first, with their evidence and fix; says how many more there are."""
    lines = [f"{len(report.findings)} findings from {len(report.checked)} checks."]
    lines += [finding(item) for item in report.findings[:limit]]
    if len(report.findings) > limit:
        lines.append(f"{len(report.findings) - limit} more; raise `limit` to see them.")
    if report.not_run:
        lines.append("Not run: " + "; ".join(f"{check} ({why})" for check, why in sorted(report.not_run.items())))
    return "\n".join(lines)


def finding(item: Finding) -> str:
    """Return one finding as a list entry."""
    evidence = ", ".join(f"{name}={cell(value)}" for name, value in item.evidence.items())
    lines = [f"- **{item.severity.value} {item.id}** {item.object_name}: {item.title} ({evidence})"]
    if item.fix is not None:
        lines.append(f"  Fix: {item.fix.advice}" + "".join(f" `{sql}`" for sql in item.fix.statements))
    if item.threshold:
        lines.append(f"  Bound: {item.threshold} May be wrong: {item.caveat}")
    if item.evidence_query:
        lines.append(f"  Evidence: `{' '.join(item.evidence_query.split())}`")
    return "\n".join(lines)


def plan(shown: QueryPlan) -> str:
    """Return an execution plan as an indented list with its figures."""
    lines: list[str] = []

    def write(node: PlanNode, depth: int) -> None:
        figures = [
            f"{name} {value:g}"
            for name, value in (
                ("cost", node.cost),
                ("rows", node.rows_estimated),
                ("actual rows", node.rows_actual),
                ("ms", node.time_ms),
            )
            if value is not None
        ]
        target = " ".join(part for part in (node.table, f"by {node.index}" if node.index else None) if part)
        condition = f" [{node.condition}]" if node.condition else ""
        suffix = f" ({', '.join(figures)})" if figures else ""
        lines.append(f"{'  ' * depth}- {node.operation} {target}{condition}{suffix}".rstrip())
        for child in node.children:
            write(child, depth + 1)

    for root in shown.roots:
        write(root, 0)
    totals = [
        f"{name} {value:g}"
        for name, value in (
            ("total cost", shown.cost),
            ("planning ms", shown.planning_ms),
            ("execution ms", shown.execution_ms),
        )
        if value is not None
    ]
    return "\n".join(lines + ([", ".join(totals)] if totals else []))


def size(size_bytes: int | None) -> str:
    """Return a size for reading; unknown sizes say so."""
    if size_bytes is None:
        return "unknown size"
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1_000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1_000
    return f"{value:.1f} TB"


def cut(text: str, start: int, characters: int) -> int:
    """Return where a part of at most that many characters ends: after a line's end, unless a line is longer."""
    end = min(start + characters, len(text))
    line = text.rfind("\n", start, end) + 1
    return end if end == len(text) or line <= start else line

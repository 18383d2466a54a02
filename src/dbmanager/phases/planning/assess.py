"""Assesses a live database into a requirements record; every figure stands beside the query that gave it."""

from __future__ import annotations

from dataclasses import dataclass

from dbmanager.adapters.facets import Adapter, Progress, Unsupported
from dbmanager.model.findings import CheckReport
from dbmanager.model.requirements import EntityRecord, Figure, RelationRecord, RequirementsRecord
from dbmanager.services.linting import LintOutcome, lint_database

UNPROVED = "high: no backup of it that a restore has proved; run_backup, then run_drill"


@dataclass(frozen=True, slots=True)
class Assessment:
    """The record, and the lint report its risks come from."""

    record: RequirementsRecord
    report: CheckReport


async def assess(
    adapter: Adapter,
    goal: str,
    *,
    has_proved_backup: bool,
    staleness_seconds: float | None = None,
    progress: Progress | None = None,
) -> Assessment:
    """Return what is stored, how it is related and used, and what is at risk.

    Args:
        adapter: the database; rows are counted and tables sampled.
        goal: what the assessment is for.
        has_proved_backup: whether a restore has proved a backup of it; without one that is the first risk.
        staleness_seconds: how old an answer may be, as a person said.
        progress: told table by table.
    """
    info = await adapter.catalog.server_info()
    outcome = await lint_database(adapter, progress=progress)
    facts = outcome.facts
    usage = await adapter.statistics.index_usage()
    entities = []
    for table in facts.schema.base_tables():
        figures = facts.statistics.get((table.schema, table.name))
        rows = figures.row_count if figures else None
        entities.append(
            EntityRecord(
                name=facts.schema.display_name(table),
                columns=len(table.columns),
                key=list(table.primary_key.columns) if table.primary_key else [],
                rows=Figure(
                    value=rows,
                    exact=bool(figures and figures.exact_rows),
                    query=adapter.statistics.count_query(table),
                ),
                size_bytes=figures.table_bytes if figures else None,
                index_bytes=figures.index_bytes if figures else None,
                sequential_scans=figures.sequential_scans if figures else None,
                modifications=figures.modifications if figures else None,
            )
        )
    return Assessment(
        RequirementsRecord(
            goal=goal,
            engine=info.engine,
            version=info.version,
            size_bytes=info.size_bytes,
            entities=entities,
            relations=_relations(outcome),
            usage_note=usage.reason if isinstance(usage, Unsupported) else "index scans as counted by the engine",
            risks=[
                *([] if has_proved_backup else [UNPROVED]),
                *(f"{f.severity.value} {f.id} {f.object_name}: {f.title}" for f in outcome.report.findings),
            ],
            warnings=list(info.warnings),
            open_questions=_questions(staleness_seconds),
            staleness_seconds=staleness_seconds,
        ),
        outcome.report,
    )


def _relations(outcome: LintOutcome) -> list[RelationRecord]:
    return [
        RelationRecord(
            child=fact.child[1],
            column=fact.column,
            parent=fact.parent[1],
            declared=fact.declared,
            rows=fact.rows,
            orphans=fact.orphans,
            query=fact.query,
        )
        for fact in outcome.facts.references
    ]


def _questions(staleness_seconds: float | None) -> list[str]:
    """What no catalog can tell."""
    return [
        *(["How old may an answer be (staleness_seconds)?"] if staleness_seconds is None else []),
        "Which answers must come within which time, at which rate?",
        "How fast does each table grow, and how long are rows kept?",
        "How much data may be lost (RPO) and how long may it be down (RTO)?",
        "Which laws and contracts apply to the personal data found?",
    ]

"""The queries that tools of phase 3 are asked about, and how they and their figures are told and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, JsonValue

from dbmanager.analyzers.describe import markdown
from dbmanager.errors import InvalidStatement, NotFound
from dbmanager_tools.core import statement_of

if TYPE_CHECKING:
    from dbmanager.adapters.facets import Adapter
    from dbmanager.model.workload import Workload
    from dbmanager.phases.optimization.advise import Asked
    from dbmanager.phases.optimization.measure import Measurement
    from dbmanager.services.container import Services

MOST_QUERIES = 100
Queries = Annotated[
    list[str | dict[str, JsonValue] | list[JsonValue]],
    Field(
        min_length=1,
        max_length=MOST_QUERIES,
        description="Read-only statements with real values: SQL, or commands as in run_query",
    ),
]


async def collected(services: Services, connection: str) -> Workload:
    """Return the workload that was collected last. Raises: NotFound when none was."""
    found = await services.workloads.latest(connection)
    if found is None:
        raise NotFound(
            f"no workload of {connection!r} was collected", object_name=connection,
            hint="Call analyze_workload first, or give queries.",
        )  # fmt: skip
    return found[1]


def asked_of_workload(workload: Workload, dialect: str) -> tuple[list[Asked], list[str]]:
    """Return the reads of a workload that have a real sample, and how each may be shown: without its values."""
    from dbmanager.analyzers.workload.gathering import reading_of
    from dbmanager.phases.optimization.advise import asked_of

    asked = asked_of(workload, dialect)[:MOST_QUERIES]
    if not asked:
        raise InvalidStatement(
            "the last snapshot holds no read with real values",
            hint="They expire after a week, and some sources keep none: give queries, or a file of them to analyze_workload.",
        )
    return asked, [reading_of(one.statement, dialect).shown for one in asked]


def shown_as(measured: tuple[Measurement, ...], texts: Sequence[str] | None) -> tuple[Measurement, ...]:
    """Return measurements with texts that hold no values, where the statements were not the caller's own."""
    if texts is None:
        return measured
    return tuple(replace(one, query=text) for one, text in zip(measured, texts, strict=True))


def measurements_text(measured: tuple[Measurement, ...]) -> str:
    """Return measurements as a table; work is planner cost, or thousands of machine steps on SQLite."""
    rows = [
        [i, " ".join(m.query.split())[:90], m.problem or round(m.cost or 0, 1), round(m.execution_ms or 0, 2),
         ", ".join(m.full_scans)]
        for i, m in enumerate(measured, 1)
    ]  # fmt: skip
    return markdown.table(["", "query", "work", "ms", "scanned whole"], rows)


def statements_of(queries: Sequence[str | dict[str, JsonValue] | list[JsonValue]]) -> list[str]:
    """Return each query in the form that the reader takes: SQL as it is, a command as its text."""
    return [query if isinstance(query, str) else statement_of(None, query) for query in queries]


def named_in_evidence(
    services: Services, adapter: Adapter, statements: Sequence[str], shown: Sequence[str] | None
) -> list[dict[str, str]]:
    """Return how evidence names each query: without its values, and by a tag that tells it from others of its form."""
    from dbmanager.analyzers.workload.gathering import reading_of

    texts = shown or [reading_of(statement, adapter.dialect).shown for statement in statements]
    return [
        {"query": text, "tag": services.box.tag(name)} for text, name in zip(texts, shown or statements, strict=True)
    ]


def figures_of(measured: Sequence[Measurement], kept: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return what evidence keeps of measurements: the name of each query, its work and its time."""
    return [{**named, "cost": m.cost, "execution_ms": m.execution_ms} for m, named in zip(measured, kept, strict=True)]

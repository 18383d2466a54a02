"""Gathers what the lint rules judge, from the catalog and from bounded looks at the rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from dbmanager.adapters.facets import Adapter, DependencyCount, Emit, Progress, Unsupported
from dbmanager.analyzers.profiling.dependencies import dependency_candidates
from dbmanager.analyzers.profiling.lists import date_columns, list_columns
from dbmanager.analyzers.profiling.references import ReferenceCandidate, reference_candidates
from dbmanager.analyzers.schema_lint.facts import (
    DependencyFact,
    IntegerKeyFact,
    LintFacts,
    ListFact,
    ReferenceFact,
    TableKey,
)
from dbmanager.analyzers.schema_lint.lint import lint
from dbmanager.errors import PermissionDenied
from dbmanager.model.findings import CheckReport
from dbmanager.model.schema import ForeignKey, Index, Table
from dbmanager.model.statistics import Sample
from dbmanager.services.checking import run_checks

SAMPLE_ROWS = 1_000
MIN_CHILD_ROWS = 20
INFERRED_MATCH_RATIO = 0.9
"""An undeclared reference counts as one when at least this share of its values has a parent."""


@dataclass(frozen=True, slots=True)
class LintOutcome:
    """The report and the facts it was judged on."""

    report: CheckReport
    facts: LintFacts


async def lint_database(adapter: Adapter, *, progress: Progress | None = None) -> LintOutcome:
    """Return every lint finding; reads the catalog, samples each table, counts orphans and dependencies exactly."""
    facts = await gather(adapter, progress=progress)
    report = lint(facts)
    if not isinstance(adapter.security, Unsupported):
        report = report.merged(await run_checks(adapter.security, engine=adapter.engine, pack="schema"))
    return LintOutcome(report, facts)


async def gather(adapter: Adapter, *, progress: Progress | None = None) -> LintFacts:
    """Return the facts that the rules judge. Tables the role can't read are judged by their declaration only."""
    schema = await adapter.catalog.read_schema()
    statistics = {(s.schema, s.table): s for s in await adapter.statistics.tables(exact_up_to_rows=1_000_000)}
    usage, emit = await adapter.statistics.index_usage(), adapter.emit
    dependencies: list[DependencyFact] = []
    lists: list[ListFact] = []
    keys: list[IntegerKeyFact] = []
    dates: list[tuple[TableKey, str, int]] = []
    tables = list(schema.base_tables())
    for number, table in enumerate(tables):
        if progress is not None:
            await progress(number, len(tables), f"looking at {table.name}")
        try:
            sample = await adapter.statistics.sample(table, rows=SAMPLE_ROWS)
            dependencies += await _dependencies(adapter, table, sample)
            keys += await _integer_keys(adapter, table)
        except PermissionDenied:
            continue
        where: TableKey = (table.schema, table.name)
        lists += [ListFact(where, *found) for found in list_columns(table, sample)]
        dates += [(where, column, seen) for column, seen in date_columns(table, sample)]
    references = [
        fact
        for candidate in reference_candidates(schema)
        if (fact := await _reference(adapter, candidate)) is not None and _is_credible(fact)
    ]
    return LintFacts(
        schema=schema,
        statistics=statistics,
        usage=() if isinstance(usage, Unsupported) else usage,
        references=tuple(references),
        dependencies=tuple(dependencies),
        lists=tuple(lists),
        integer_keys=tuple(keys),
        text_dates=tuple(dates),
        create_index=None if isinstance(emit, Unsupported) else partial(_create, emit),
        drop_index=None if isinstance(emit, Unsupported) else partial(_drop, emit),
        add_foreign_key=None if isinstance(emit, Unsupported) else partial(_add_key, emit),
    )


def _is_credible(fact: ReferenceFact) -> bool:
    if fact.declared:
        return True
    return fact.rows >= MIN_CHILD_ROWS and fact.orphans <= (1 - INFERRED_MATCH_RATIO) * fact.rows


async def _reference(adapter: Adapter, candidate: ReferenceCandidate) -> ReferenceFact | None:
    child, parent = candidate.table, candidate.parent
    try:
        found = await adapter.statistics.count_orphans(child, candidate.column, parent, candidate.parent_column)
    except PermissionDenied:
        return None
    if isinstance(found, Unsupported):
        return None
    return ReferenceFact(
        (child.schema, child.name), candidate.column, (parent.schema, parent.name), candidate.parent_column,
        candidate.declared, found.rows, found.orphans, found.query,
    )  # fmt: skip


async def _dependencies(adapter: Adapter, table: Table, sample: Sample) -> list[DependencyFact]:
    """Verify sampled candidates over all rows: one group per determinant value, one dependent value in each."""
    found: list[DependencyFact] = []
    for determinant, dependents in dependency_candidates(table, sample):
        kept: list[str] = []
        last: DependencyCount | None = None
        for dependent in dependents:
            counted = await adapter.statistics.count_dependency(table, determinant, dependent)
            if isinstance(counted, Unsupported):
                return found
            if counted.most_values == 1 and counted.rows >= 2 * counted.groups:
                kept.append(dependent)
                last = counted
        if last is not None:
            where = (table.schema, table.name)
            found.append(DependencyFact(where, determinant, tuple(kept), last.groups, last.rows, last.query))
    return found


async def _integer_keys(adapter: Adapter, table: Table) -> list[IntegerKeyFact]:
    if table.primary_key is None or len(table.primary_key.columns) != 1:
        return []
    column = table.column(table.primary_key.columns[0])
    capacity = column.type.largest_integer
    if capacity is None or capacity >= (1 << 63) - 1:
        return []
    found = await adapter.statistics.largest(table, column.name)
    if isinstance(found, Unsupported) or found.value is None:
        return []
    where = (table.schema, table.name)
    return [IntegerKeyFact(where, column.name, found.value, capacity, found.query)]


def _create(emit: Emit, table: Table, index: Index) -> tuple[tuple[str, ...], tuple[str, ...]]:
    emission = emit.create_index(table, index)
    return emission.statements, emission.inverse


def _drop(emit: Emit, table: Table, index: Index) -> tuple[tuple[str, ...], tuple[str, ...]]:
    emission = emit.drop_index(table, index)
    return emission.statements, emission.inverse


def _add_key(emit: Emit, table: Table, key: ForeignKey) -> tuple[tuple[str, ...], tuple[str, ...]]:
    emission = emit.add_foreign_key(table, key)
    return ((), ()) if isinstance(emission, Unsupported) else (emission.statements, emission.inverse)

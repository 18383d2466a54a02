"""Collects what a database is asked, resolves its names from the catalog, and says what is worth knowing about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import anyio.to_thread
from anyio.from_thread import check_cancelled

from dbmanager.adapters.facets import Adapter, need
from dbmanager.analyzers.workload.difference import WorkloadDifference, difference
from dbmanager.analyzers.workload.files import of_file, of_list
from dbmanager.analyzers.workload.findings import findings
from dbmanager.analyzers.workload.gathering import COMMANDS, reading_of, understood
from dbmanager.analyzers.workload.history import Point
from dbmanager.analyzers.workload.names import named
from dbmanager.model.findings import Finding
from dbmanager.model.workload import Workload, WorkloadStatement
from dbmanager.services.workloads import Snapshot, Workloads


@dataclass(frozen=True, slots=True)
class WorkloadReport:
    """A workload, the snapshot that keeps it, what it was compared with, the findings, and the load over time.

    `shown` is the period since that snapshot, or the whole workload where there was none.
    """

    workload: Workload
    snapshot: Snapshot
    compared: Snapshot | None
    changed: WorkloadDifference | None
    findings: tuple[Finding, ...]
    history: tuple[Point, ...] = ()

    @property
    def shown(self) -> Workload:
        """What the figures are of."""
        return self.changed.period if self.changed else self.workload


async def collect(adapter: Adapter, connection: str, source: str | None = None) -> Workload:
    """Return what the engine counted.

    Raises: UnsupportedCapability with what to switch on; PermissionDenied with what to grant.
    """
    found = await need(adapter.workload, connection).collect(source)
    return await _resolved(understood(need(found, connection), adapter.dialect), adapter)


async def given(adapter: Adapter, statements: Sequence[str]) -> Workload:
    """Return the workload of statements that a model or a person gave, each run once."""
    found = await anyio.to_thread.run_sync(
        lambda: understood(of_list(statements), adapter.dialect, go_on=check_cancelled)
    )
    return await _resolved(found, adapter)


async def from_file(adapter: Adapter, data: bytes, url: str) -> Workload:
    """Return the workload of a query file or log; of a log, what concerns the database that the URL names."""
    database = urlsplit(url).path.strip("/") or None
    found = await anyio.to_thread.run_sync(
        lambda: understood(of_file(data, adapter.dialect, database=database), adapter.dialect, go_on=check_cancelled)
    )
    return await _resolved(found, adapter)


async def analyze(
    workloads: Workloads, connection: str, workload: Workload, dialect: str, compare_with: str | None
) -> WorkloadReport:
    """Keep a workload, compare it with an earlier snapshot and judge it.

    Args:
        workloads: where snapshots are kept.
        connection: its name.
        workload: as collected now.
        dialect: of its statements.
        compare_with: a snapshot's id; `previous` for the newest of the same source; None for no comparison.
    """
    before: tuple[Snapshot, Workload] | None = None
    if compare_with == "previous":
        before = await workloads.latest(connection, workload.source)
    elif compare_with is not None:
        before = await workloads.get(connection, compare_with)
    snapshot = await workloads.keep(connection, workload, dialect)
    changed = difference(before[1], workload) if before else None
    judged = changed.period if changed else workload
    return WorkloadReport(
        workload,
        snapshot,
        before[0] if before else None,
        changed,
        findings(judged, dialect, changed),
        await workloads.history(connection, workload.source),
    )


async def _resolved(workload: Workload, adapter: Adapter) -> Workload:
    """List statements that name what the catalog does not have; where nobody ran them, leave them out."""
    if adapter.dialect in COMMANDS or not workload.statements:
        return workload
    schema = await adapter.catalog.read_schema()
    kept: list[WorkloadStatement] = []
    skipped = list(workload.skipped)
    for statement in workload.statements:
        found = named(statement.samples[0] if statement.samples else statement.text, adapter.dialect, schema)
        if found is not None and found.unknown:
            shown = reading_of(statement.text, adapter.dialect).shown[:200]
            skipped.append((shown, f"names no table or view of this database: {', '.join(found.unknown)[:200]}"))
            if not workload.is_cumulative:
                continue
        kept.append(statement)
    return replace(workload, statements=tuple(kept), skipped=tuple(skipped))

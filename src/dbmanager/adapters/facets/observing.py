"""The facet that tells what a database was asked."""

from __future__ import annotations

from typing import Protocol

from dbmanager.adapters.facets.capability import Unsupported
from dbmanager.model.queries import QueryPlan
from dbmanager.model.workload import Workload


class WorkloadSource(Protocol):
    """Reads the engine's own counters of statements; reads only, and leaves out what this server itself ran."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the engine's counters, the default first; empty where it has none."""
        ...

    async def collect(self, source: str | None = None, *, most: int = 2_000) -> Workload | Unsupported:
        """Return what was counted, the costliest statements first, or why this server or role does not tell.

        Fingerprints are the engine's own digests; a statement with no calls is a sample with real values of another.

        Raises: PermissionDenied with what to grant; InvalidStatement for a source that the engine does not have.
        """
        ...

    async def plan(self, statement: str) -> QueryPlan | Unsupported:
        """Return the plan of a reading statement whose values were replaced by the source.

        Raises: what `Query.explain` raises.
        """
        ...

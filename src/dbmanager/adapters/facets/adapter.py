"""One connected database with all of its facets, and the one that runs its checks."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from dbmanager.adapters.facets.capability import Unsupported
from dbmanager.adapters.facets.comparing import Comparison
from dbmanager.adapters.facets.emitting import Emit
from dbmanager.adapters.facets.freezing import Freeze
from dbmanager.adapters.facets.measuring import Statistics, WhatIf
from dbmanager.adapters.facets.monitoring import Metrics
from dbmanager.adapters.facets.moving import Backup, Bulk
from dbmanager.adapters.facets.observing import WorkloadSource
from dbmanager.adapters.facets.reading import Catalog, Provenance, Query
from dbmanager.adapters.facets.scratch import Scratch
from dbmanager.adapters.facets.scripting import BackupScripts
from dbmanager.adapters.facets.tuning import Tuning
from dbmanager.adapters.facets.writing import ChangeSteps, Execute
from dbmanager.model.findings import FactRows, QueryCheck


class Security(Protocol):
    """Runs checks held as data: of security, and of design where rules over the schema model can't tell."""

    def checks(self) -> tuple[QueryCheck, ...]:
        """Return this engine's checks of every pack in id order."""
        ...

    async def facts(self, check: QueryCheck) -> FactRows | Unsupported:
        """Run a check's query and return its rows, or why this role or version cannot see them."""
        ...


@runtime_checkable
class Pooled(Protocol):
    """An adapter whose driver tells how its pool is used."""

    def pool_use(self) -> tuple[int, int] | None:
        """Return how many connections are busy and how many idle; None before the first statement."""
        ...


class Adapter(Protocol):
    """One connected database. Opens lazily; at most 4 connections per process; `close` leaves nothing running."""

    @property
    def engine(self) -> str:
        """`sqlite`, `postgresql` ..."""
        ...

    @property
    def dialect(self) -> str:
        """Sqlglot's name for this engine's SQL; the engine's own name where statements are no SQL."""
        ...

    @property
    def catalog(self) -> Catalog: ...
    @property
    def query(self) -> Query: ...
    @property
    def execute(self) -> Execute: ...
    @property
    def steps(self) -> ChangeSteps | Unsupported: ...
    @property
    def emit(self) -> Emit | Unsupported: ...
    @property
    def statistics(self) -> Statistics: ...
    @property
    def what_if(self) -> WhatIf | Unsupported: ...
    @property
    def workload(self) -> WorkloadSource | Unsupported: ...
    @property
    def comparison(self) -> Comparison | Unsupported: ...
    @property
    def provenance(self) -> Provenance | Unsupported: ...
    @property
    def bulk(self) -> Bulk | Unsupported: ...
    @property
    def freeze(self) -> Freeze | Unsupported: ...
    @property
    def backup(self) -> Backup | Unsupported: ...
    @property
    def backup_scripts(self) -> BackupScripts: ...
    @property
    def scratch(self) -> Scratch | Unsupported: ...
    @property
    def security(self) -> Security | Unsupported: ...
    @property
    def tuning(self) -> Tuning | Unsupported: ...
    @property
    def metrics(self) -> Metrics | Unsupported: ...

    async def close(self) -> None:
        """Stop what runs, close the pool."""
        ...

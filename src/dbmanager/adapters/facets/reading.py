"""Facets that read: what is declared, and what a model asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from dbmanager.adapters.facets.capability import Unsupported
from dbmanager.model.lineage import EngineReading
from dbmanager.model.queries import QueryPlan, QueryRequest, QueryResult, Row, Scalar
from dbmanager.model.schema import DatabaseSchema
from dbmanager.model.statistics import ServerInfo


class Catalog(Protocol):
    """Reads what is declared. At most 5 statements whatever the number of tables; takes no locks beyond reading."""

    async def server_info(self) -> ServerInfo:
        """Return version, role, privileges, warnings and optional means."""
        ...

    async def fingerprint(self) -> str:
        """Return a cheap digest that changes whenever the catalog does."""
        ...

    async def read_schema(self) -> DatabaseSchema:
        """Return the schema model; the last one again while the fingerprint is unchanged."""
        ...


@runtime_checkable
class LearntCatalog(Protocol):
    """A catalog that learns its tables from the data, which may be a sample: two databases are learnt unlike."""

    async def read_schema_by(self, names: Sequence[str]) -> DatabaseSchema:
        """Return the schema model with these tables, as another database of this engine was learnt to have them.

        What `read_schema` returns stays as it is. Costs a look at the data.
        """
        ...


class Query(Protocol):
    """Reads that a model asked for: gated, read-only by the engine, bounded, cancellable."""

    async def check(self, sql: str) -> None:
        """Pass a statement that only reads; raise `StatementRefused` saying what to use instead."""
        ...

    async def run(self, request: QueryRequest) -> QueryResult:
        """Return rows within the request's bounds.

        Raises: StatementRefused, InvalidStatement, QueryTimeout, LockTimeout, PermissionDenied, StatementFailed.
        Cancelling the awaiting task stops the statement on the engine within 1 s.
        """
        ...

    async def explain(self, request: QueryRequest, *, analyze: bool = False) -> QueryPlan:
        """Return the plan; with `analyze`, run the (read-only) statement under the same bounds."""
        ...

    async def fetch(self, sql: str, parameters: tuple[Scalar, ...] = ()) -> list[Row]:
        """Return all rows of one of *our own* read-only statements, ungated. Positional parameters: `?`/`$1`."""
        ...


class Provenance(Protocol):
    """Asks the engine which columns a statement reads; nothing of it is run."""

    async def reading(self, statement: str, parameters: Sequence[Scalar] = ()) -> EngineReading | Unsupported:
        """Return what the engine tells of one gated read, or why it can't tell."""
        ...

"""Where columns come from, in the words that engines and analyzers share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class BaseColumn:
    """A stored column; the schema is empty where the engine has none."""

    schema: str
    table: str
    column: str

    def __str__(self) -> str:
        return ".".join(part for part in (self.schema, self.table, self.column) if part)


@dataclass(frozen=True, slots=True)
class EngineReading:
    """What an engine says of the columns that a statement reads, as far as it can tell.

    Attributes:
        outputs: the columns that each output is computed from, in order; None where the engine does not tell.
        touched: every column that it reads for the statement; None where the engine does not tell.
        resolved: the statement as the engine understood it, every name resolved; None where it does not tell.
    """

    outputs: tuple[frozenset[BaseColumn], ...] | None = None
    touched: frozenset[BaseColumn] | None = None
    resolved: str | None = None

"""Where a statement's outputs come from, checked against what the engine itself says of the statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from dbmanager.adapters.facets import Adapter, Unsupported
from dbmanager.analyzers.lineage.languages import trace_result
from dbmanager.analyzers.lineage.model import Trace
from dbmanager.analyzers.lineage.statements import StatementLineage, lineage_of
from dbmanager.errors import DbManagerError, InvalidStatement
from dbmanager.model.lineage import BaseColumn, EngineReading
from dbmanager.model.queries import QueryLimits, QueryRequest, Scalar
from dbmanager.model.schema import DatabaseSchema

Confidence = Literal["engine-verified", "parsed", "partial"]
_NOT_SQL = ("mongodb", "redis")


@dataclass(frozen=True, slots=True)
class OutputLineage:
    """One output column.

    Attributes:
        sources: the columns its value is made of, or counted over.
        conditions: columns that a query used as a value compares on its way.
        confidence: `engine-verified`: the engine names the same columns; `parsed`: every name was resolved by the
            catalog; `partial`: some part was not understood, or the engine names columns that were missed.
    """

    name: str
    sources: tuple[BaseColumn, ...]
    conditions: tuple[BaseColumn, ...]
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Lineage:
    """The lineage of one statement; `note` says why the engine could not be asked, empty when it was."""

    target: str | None
    outputs: tuple[OutputLineage, ...]
    filters: tuple[BaseColumn, ...]
    note: str = ""


async def trace_statement(adapter: Adapter, statement: str, parameters: Sequence[Scalar] = ()) -> Lineage:
    """Return where the outputs of one statement come from; a query is planned by the engine, never run.

    A MongoDB or Redis command is run within one row, since its outputs are not known before.

    Raises: InvalidStatement when it can't be traced at all; what the read gate raises.
    """
    schema = await adapter.catalog.read_schema()
    if adapter.dialect in _NOT_SQL:
        return await _of_command(adapter, schema, statement)
    found = lineage_of(statement, adapter.dialect, schema)
    if found is None:
        raise InvalidStatement(
            "the statement is not a query, INSERT, UPDATE or CREATE AS that can be traced",
            hint="Give one statement in the engine's SQL; merge and procedural code are not traced.",
        )
    if found.target is not None:
        return _lineage(found, [_parsed(trace) for trace in found.outputs], "the engine is asked about queries only")
    try:
        reading = (
            adapter.provenance
            if isinstance(adapter.provenance, Unsupported)
            else await adapter.provenance.reading(statement, parameters)
        )
    except DbManagerError as refused:
        reading = Unsupported(f"the engine refused the statement ({refused.code})")
    if isinstance(reading, Unsupported):
        return _lineage(found, [_parsed(trace) for trace in found.outputs], reading.reason)
    return _compared(found, reading, adapter.dialect, schema)


def _compared(found: StatementLineage, reading: EngineReading, dialect: str, schema: DatabaseSchema) -> Lineage:
    if reading.resolved is not None:
        again = lineage_of(reading.resolved, dialect, schema)
        if again is None or len(again.outputs) != len(found.outputs):
            note = "the engine's rewritten statement could not be read"
            return _lineage(found, [_parsed(trace) for trace in found.outputs], note)
        reading = replace(reading, outputs=tuple(_all(trace) for trace in again.outputs))
    if reading.outputs is not None and len(reading.outputs) == len(found.outputs):
        pairs = zip(found.outputs, reading.outputs, strict=True)
        return _lineage(found, [_against(trace, engine) for trace, engine in pairs], "")
    if reading.touched is not None:
        missed = reading.touched - found.touched
        ghosts = frozenset().union(*(trace.sources for trace in found.outputs)) - reading.touched
        sure = not missed and not ghosts
        return _lineage(
            found, [_verified(trace) if sure and trace.complete else _parsed(trace, missed) for trace in found.outputs],
            "" if sure else f"the engine reads columns that were not traced: {', '.join(map(str, sorted(missed)))}",
        )  # fmt: skip
    return _lineage(found, [_parsed(trace) for trace in found.outputs], "the engine told nothing that can be compared")


def _all(trace: Trace) -> frozenset[BaseColumn]:
    return trace.sources | trace.conditions | trace.counted


def _against(trace: Trace, engine: frozenset[BaseColumn]) -> OutputLineage:
    """Compare one output: the engine may fold a column away, but must name none that was not found."""
    own = _all(trace)
    if trace.complete and engine <= own and trace.sources <= engine | trace.conditions:
        return _verified(trace)
    return _parsed(trace, engine - own)


def _verified(trace: Trace) -> OutputLineage:
    return OutputLineage(
        trace.name, tuple(sorted(trace.sources | trace.counted)), tuple(sorted(trace.conditions)), "engine-verified"
    )


def _parsed(trace: Trace, missed: frozenset[BaseColumn] = frozenset()) -> OutputLineage:
    sources = trace.sources | trace.counted | missed
    confidence: Confidence = "parsed" if trace.complete and not missed else "partial"
    return OutputLineage(trace.name, tuple(sorted(sources)), tuple(sorted(trace.conditions)), confidence)


def _lineage(found: StatementLineage, outputs: Sequence[OutputLineage], note: str) -> Lineage:
    return Lineage(found.target, tuple(outputs), tuple(sorted(found.filters)), note)


async def _of_command(adapter: Adapter, schema: DatabaseSchema, statement: str) -> Lineage:
    result = await adapter.query.run(QueryRequest(statement, (), QueryLimits(max_rows=1)))
    names = [column.name for column in result.columns]
    traces = trace_result(statement, adapter.dialect, schema, names)
    if traces is None:
        raise InvalidStatement("the command can't be traced", hint="Give one command that reads.")
    shown = [replace(t, name="(named by data)") if t.named_by_data else t for t in traces]
    return Lineage(None, tuple(_parsed(trace) for trace in shown), (), "the engine does not tell what a command reads")

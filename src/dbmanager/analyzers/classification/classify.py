"""Decides a label per column: the maximum of independent evidence, with vetoes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from dbmanager.analyzers.classification.judge import STRICT, Verdict, contradicts, is_free_text, judge_values
from dbmanager.analyzers.classification.kinds import KINDS
from dbmanager.analyzers.classification.names import kind_of_comment, kind_of_name
from dbmanager.analyzers.classification.neighbours import judge_neighbours
from dbmanager.analyzers.classification.values import Values
from dbmanager.model.classification import Certainty, Label, Level
from dbmanager.model.queries import Cell
from dbmanager.model.schema import Column, DataType, ForeignKey, Table, TypeKind
from dbmanager.model.statistics import Sample

MAX_PATHS = 60
_NUMERIC = (TypeKind.INTEGER, TypeKind.DECIMAL, TypeKind.FLOAT, TypeKind.BOOLEAN)
_MOMENTS = (TypeKind.DATE, TypeKind.TIME, TypeKind.TIMESTAMP, TypeKind.INTERVAL)
_ORDER: Mapping[Certainty, int] = {"certain": 2, "likely": 1, "possible": 0}
_TEXT = DataType(TypeKind.TEXT, "text")


def classify_table(table: Table, sample: Sample | None) -> tuple[Label, ...]:
    """Return a label per classified column; columns judged harmless have none.

    Args:
        table: the table as declared; names, comments and types are evidence.
        sample: rows drawn from it; without them only names count, and nothing is `certain`.
    """
    labels: dict[str, Label] = {}
    for column in table.columns:
        cells = sample.values(column.name) if sample is not None and column.name in sample.columns else []
        found = _of_column(table, column, cells, sampled=sample is not None)
        if found is not None:
            labels[column.name] = found
    if sample is not None:
        sure = {name: label.type for name, label in labels.items() if label.certainty != "possible"}
        for name, verdict in judge_neighbours(table, sample, sure).items():
            size = len(sample.values(name))
            evidence = {"sampled": size, verdict.source: verdict.count}
            labels[name] = _label(table, name, verdict.kind, verdict.certainty, evidence)
    return tuple(labels[column.name] for column in table.columns if column.name in labels)


def inherited(table: Table, key: ForeignKey, referred: Mapping[str, Label]) -> Iterator[Label]:
    """Yield a label for each column of a foreign key whose referred column is classified: the same values stand there.

    Args:
        table: the table that refers.
        key: its foreign key.
        referred: the labels of the referred table, by column.
    """
    for name, target in zip(key.columns, key.referred_columns, strict=False):
        label = referred.get(target)
        if label is not None and label.certainty != "possible":
            yield replace(
                label, schema=table.schema, table=table.name, column=name, evidence={"foreign_key": 1}, confirmed=False
            )


def stronger(one: Label | None, other: Label) -> Label:
    """Return the label with more certainty; at a tie the more harmful, then the first."""
    if one is None:
        return other
    levels = list(Level)
    rank = (_ORDER[one.certainty], levels.index(one.level))
    return other if (_ORDER[other.certainty], levels.index(other.level)) > rank else one


def _of_column(table: Table, column: Column, cells: list[Cell], *, sampled: bool) -> Label | None:
    values = Values.of(cells)
    named = kind_of_name(table.name, column.name)
    said = kind_of_comment(column.comment) if column.comment else None
    named = None if named and _is_vetoed(named, column) else named
    said = None if said and _is_vetoed(said, column) else said
    evidence: dict[str, int] = {"sampled": len(values.texts)} if sampled else {}
    evidence |= {source: 1 for source, kind in (("name", named), ("comment", said)) if kind}
    seen = judge_values(column, values)
    decided = _decided(named or said, seen, values)
    if decided is not None:
        kind, certainty = decided
        if seen is not None and seen.kind == kind:
            evidence[seen.source] = seen.count
        return _label(table, column.name, kind, certainty, evidence)
    nested = _of_documents(table, column, values, evidence) if values.nested else None
    if nested is not None:
        return nested
    inside = is_free_text(values)
    return _label(table, column.name, "free_text", "likely", {**evidence, "embedded": inside}) if inside else None


def _decided(named: str | None, seen: Verdict | None, values: Values) -> tuple[str, Certainty] | None:
    """Weigh what is said against what is seen. Values of a strict form overrule a name; a refuted name is `possible`."""
    if named is None:
        return (seen.kind, seen.certainty) if seen is not None else None
    if seen is None:
        return named, "possible" if contradicts(named, values) else "likely"
    if seen.kind == named:
        return named, "certain"
    if seen.kind in STRICT or contradicts(named, values):
        return seen.kind, seen.certainty
    return named, "likely"


def _of_documents(table: Table, column: Column, values: Values, evidence: Mapping[str, int]) -> Label | None:
    """Judge objects and lists by what stands at their paths; the column is what its most harmful path is."""
    best: Label | None = None
    found = 0
    for path, cells in _paths(values).items():
        label = _of_column(table, Column(f"{column.name}.{path}", _TEXT), cells, sampled=True)
        if label is not None and label.certainty != "possible":
            found += 1
            best = stronger(best, label)
    if best is None:
        return None
    return _label(table, column.name, best.type, best.certainty, {**evidence, "paths": found})


def _paths(values: Values) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}

    def walk(path: str, value: Cell) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(f"{path}.{name}" if path else str(name), inner)
        elif isinstance(value, list):
            for inner in value[:20]:
                walk(path or "[]", inner)
        elif value is not None and (path in found or len(found) < MAX_PATHS):
            found.setdefault(path, []).append(value)

    for cell in values.nested:
        walk("", cell)
    return found


def _is_vetoed(kind: str, column: Column) -> bool:
    """Whether a column's type can't hold what its name says."""
    type_ = column.type.kind
    if type_ in (TypeKind.BOOLEAN, TypeKind.UUID):
        return True
    if kind == "birth_date":
        return type_ is TypeKind.FLOAT
    if type_ in _MOMENTS:
        return True
    if kind == "location":
        return type_ is TypeKind.INTEGER
    return KINDS[kind].text_only and type_ in _NUMERIC


def _label(table: Table, column: str, kind: str, certainty: Certainty, evidence: Mapping[str, int]) -> Label:
    facts = KINDS[kind]
    return Label(
        schema=table.schema, table=table.name, column=column, type=kind, level=facts.level, certainty=certainty,
        regimes=facts.regimes, evidence=dict(evidence),
    )  # fmt: skip

"""Decides a label per column: the maximum of independent evidence, with vetoes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dbmanager.analyzers.classification.kinds import KINDS
from dbmanager.analyzers.classification.names import kind_of_name
from dbmanager.analyzers.classification.values import embedded, local_parts, matched
from dbmanager.model.classification import Certainty, Label
from dbmanager.model.schema import Column, Table, TypeKind
from dbmanager.model.statistics import Sample

PATTERN_RATIO = 0.9
"""Share of sampled values that must match: weak checksums pass a tenth of random numbers, so one hit is nothing."""
EMBEDDED_RATIO = 0.02
NEIGHBOUR_RATIO = 0.6
NEIGHBOUR_LEAST_ROWS = 10
_NUMERIC = (TypeKind.INTEGER, TypeKind.DECIMAL, TypeKind.FLOAT, TypeKind.BOOLEAN)
_WORD = re.compile(r"[^\W\d_]{3,}")


def classify_table(table: Table, sample: Sample | None) -> tuple[Label, ...]:
    """Return a label per classified column; columns judged harmless have none.

    Args:
        table: the table as declared; names, comments and types are evidence.
        sample: rows drawn from it; without them only names count, and nothing is `certain`.
    """
    labels: dict[str, Label] = {}
    for column in table.columns:
        found = _of_column(table, column, sample)
        if found is not None:
            labels[column.name] = found
    if sample is not None:
        for name, label in _neighbours(table, sample, labels).items():
            labels.setdefault(name, label)
    return tuple(labels[column.name] for column in table.columns if column.name in labels)


def _of_column(table: Table, column: Column, sample: Sample | None) -> Label | None:
    named = kind_of_name(table.name, column.name)
    if named and (column.type.kind is TypeKind.BOOLEAN or _is_vetoed(named, column)):
        named = None
    values = sample.values(column.name) if sample is not None and column.name in sample.columns else []
    texts = [str(value).strip() for value in values if not isinstance(value, bool | float | list | dict)]
    texts = [text for text in texts if text]
    evidence: dict[str, int] = {"sampled": len(texts)} if sample is not None else {}
    if named:
        evidence["name"] = 1
    hits = matched(texts) if texts and not _is_event_time(column) else {}
    for kind, count in hits.items():
        if count >= PATTERN_RATIO * len(texts) and (len(texts) >= 3 or kind == named):
            evidence["pattern"] = count
            return _label(table, column, kind, "certain", evidence)
    if named:
        if texts and _contradicted(named, hits, texts):
            return _label(table, column, named, "possible", evidence)
        return _label(table, column, named, "likely", evidence)
    inside = embedded([str(value) for value in values if isinstance(value, str | dict | list)])
    if inside and inside >= max(1, EMBEDDED_RATIO * len(values)):
        evidence["embedded"] = inside
        return _label(table, column, "free_text", "likely", evidence)
    return None


def _is_vetoed(kind: str, column: Column) -> bool:
    if column.type.kind is TypeKind.UUID:
        return True
    if kind == "birth_date":
        return column.type.kind in (TypeKind.BOOLEAN, TypeKind.FLOAT)
    return KINDS[kind].text_only and column.type.kind in (*_NUMERIC, TypeKind.DATE, TypeKind.TIMESTAMP)


def _is_event_time(column: Column) -> bool:
    return column.type.kind in (TypeKind.DATE, TypeKind.TIME, TypeKind.TIMESTAMP, TypeKind.INTERVAL, TypeKind.BOOLEAN)


def _contradicted(kind: str, hits: Mapping[str, int], texts: list[str]) -> bool:
    """Whether the values refute a name: kinds with a strict form of which no single value has it."""
    return kind in ("email", "ip_address") and not hits.get(kind) and len(texts) >= 20


def _neighbours(table: Table, sample: Sample, labels: Mapping[str, Label]) -> dict[str, Label]:
    """Find person names by their neighbour: the words of a value stand in the same row's e-mail address."""
    found: dict[str, Label] = {}
    mails = [name for name, label in labels.items() if label.type == "email" and "pattern" in label.evidence]
    for mail in mails:
        at_mail = sample.columns.index(mail)
        locals_ = local_parts([str(row[at_mail] or "") for row in sample.rows])
        for column in table.columns:
            if column.name in labels or column.type.kind is not TypeKind.TEXT or column.name not in sample.columns:
                continue
            at = sample.columns.index(column.name)
            pairs = [(str(row[at]), part) for row, part in zip(sample.rows, locals_, strict=True) if row[at] and part]
            hits = sum(1 for value, part in pairs if any(w.casefold() in part for w in _WORD.findall(value)))
            if len(pairs) >= NEIGHBOUR_LEAST_ROWS and hits >= NEIGHBOUR_RATIO * len(pairs):
                evidence = {"sampled": len(pairs), "neighbour": hits}
                found[column.name] = _label(table, column, "person_name", "certain", evidence)
    return found


def _label(table: Table, column: Column, kind: str, certainty: Certainty, evidence: Mapping[str, int]) -> Label:
    facts = KINDS[kind]
    return Label(
        schema=table.schema,
        table=table.name,
        column=column.name,
        type=kind,
        level=facts.level,
        certainty=certainty,
        regimes=facts.regimes,
        evidence=dict(evidence),
    )

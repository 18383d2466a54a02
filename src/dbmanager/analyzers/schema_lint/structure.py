"""Rules over keys, references and indexes as declared."""

from __future__ import annotations

from collections.abc import Iterator

from dbmanager.analyzers.schema_lint.facts import LintFacts
from dbmanager.model.findings import Check, Fix, Problem, Severity
from dbmanager.model.schema import DataType, ForeignKey, Index, IndexKey, Table, TypeKind

SQL_ENGINES = frozenset({"sqlite", "postgresql", "mysql"})
LENIENT_ENGINES = frozenset({"sqlite", "postgresql"})
"""Engines that take a reference whose columns have no index or another type; MySQL and MariaDB refuse both."""
SMALL_TABLE_ROWS = 1_000
"""Below this a scan is as good as an index."""


def leading_match(index: Index, columns: tuple[str, ...]) -> bool:
    """Whether the index can serve an equality on all the columns: they are its first keys in any order."""
    names = index.column_names
    return index.valid and index.where is None and set(names[: len(columns)]) == set(columns)


def has_key_index(table: Table, columns: tuple[str, ...]) -> bool:
    """Whether the primary key, a unique constraint or an index starts with these columns."""
    keys = [table.primary_key.columns] if table.primary_key else []
    keys += [unique.columns for unique in table.uniques]
    return any(set(key[: len(columns)]) == set(columns) for key in keys) or any(
        leading_match(index, columns) for index in table.indexes
    )


def proposed_index(table: Table, columns: tuple[str, ...]) -> Index:
    """Return a plain index over the columns, named by table and columns within 63 bytes."""
    name = "ix_" + "_".join((table.name, *columns))
    while len(name.encode()) > 63:
        name = name[:-1]
    return Index(name=name, keys=tuple(IndexKey(column) for column in columns))


def _no_primary_key(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        if table.primary_key is None and "shadow" not in table.options:
            yield Problem(
                facts.schema.display_name(table),
                {"rows": facts.rows(table), "unique_constraints": len(table.uniques)},
                fix=Fix("Declare a primary key; promote a unique, not-null column or add an identity column."),
            )


def _foreign_key_without_index(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        for key in table.foreign_keys:
            if has_key_index(table, key.columns) or facts.rows(table) < SMALL_TABLE_ROWS:
                continue
            name = facts.schema.display_name(table)
            yield Problem(
                f"{name}({', '.join(key.columns)})",
                {"rows": facts.rows(table), "references": key.referred_table},
                fix=_index_fix(facts, table, key.columns),
            )


def _index_fix(facts: LintFacts, table: Table, columns: tuple[str, ...]) -> Fix:
    index = proposed_index(table, columns)
    forward, back = facts.create_index(table, index) if facts.create_index else ((), ())
    return Fix(f"Create an index on {table.name}({', '.join(columns)}).", forward, back)


def _undeclared_reference(facts: LintFacts) -> Iterator[Problem]:
    for fact in facts.references:
        if fact.declared or not fact.rows:
            continue
        table = facts.schema.table(fact.child[1], fact.child[0])
        parent = facts.schema.table(fact.parent[1], fact.parent[0])
        key = ForeignKey((fact.column,), parent.name, (fact.parent_column,), parent.schema)
        forward, back = facts.add_foreign_key(table, key) if facts.add_foreign_key and not fact.orphans else ((), ())
        yield Problem(
            f"{facts.schema.display_name(table)}({fact.column})",
            {"rows": fact.rows, "orphans": fact.orphans, "looks_like": f"{parent.name}({fact.parent_column})"},
            fact.query,
            Fix(f"Declare the reference to {parent.name}({fact.parent_column}); mend orphans first.", forward, back),
        )


def _orphans(facts: LintFacts) -> Iterator[Problem]:
    for fact in facts.references:
        if fact.orphans:
            yield Problem(
                f"{fact.child[1]}({fact.column})",
                {"orphans": fact.orphans, "rows": fact.rows, "parent": f"{fact.parent[1]}({fact.parent_column})"},
                fact.query,
                Fix("Decide per row: restore the parent, set the reference to NULL, or delete the child."),
            )


def _signature(index: Index) -> tuple[object, ...]:
    keys = tuple((key.name, key.is_expression, key.descending) for key in index.keys)
    return index.method, keys, index.where, frozenset(index.include)


def _duplicate_index(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        seen: dict[tuple[object, ...], Index] = {}
        ordered = sorted(table.indexes, key=lambda index: (not index.backs_constraint, not index.unique, index.name))
        for index in ordered:
            first = seen.setdefault(_signature(index), index)
            if first is not index and not index.backs_constraint:
                yield _drop_problem(facts, table, index, {"same_as": first.name})


def _redundant_prefix(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        for index in table.indexes:
            if index.unique or index.backs_constraint or index.where or index.include or index.method != "btree":
                continue
            twin = any(_signature(o) == _signature(index) and o.name < index.name for o in table.indexes)
            wider = next((other for other in table.indexes if _is_prefix(index, other)), None)
            if wider is not None and not twin:
                yield _drop_problem(facts, table, index, {"covered_by": wider.name})


def _is_prefix(index: Index, other: Index) -> bool:
    return (
        other.name != index.name
        and other.method == index.method
        and other.valid
        and other.where is None
        and len(other.keys) > len(index.keys)
        and other.keys[: len(index.keys)] == index.keys
    )


def _drop_problem(facts: LintFacts, table: Table, index: Index, evidence: dict[str, str]) -> Problem:
    forward, back = facts.drop_index(table, index) if facts.drop_index else ((), ())
    why = " ".join((next(iter(evidence)).replace("_", " "), next(iter(evidence.values()))))
    return Problem(
        f"{facts.schema.display_name(table)}.{index.name}",
        dict(evidence),
        fix=Fix(f"Drop {index.name}: {why}.", forward, back),
    )


def _unused_index(facts: LintFacts) -> Iterator[Problem]:
    read = {(usage.schema, usage.table) for usage in facts.usage if usage.scans}
    for usage in facts.usage:
        table = facts.schema.find(usage.table, usage.schema)
        index = next((i for i in table.indexes if i.name == usage.index), None) if table else None
        if table is None or index is None or usage.scans != 0 or index.unique or index.backs_constraint:
            continue
        seen = (usage.schema, usage.table) in read or _has_been_read(facts, table)
        if facts.rows(table) < SMALL_TABLE_ROWS or not seen:
            continue
        forward, back = facts.drop_index(table, index) if facts.drop_index else ((), ())
        yield Problem(
            f"{facts.schema.display_name(table)}.{index.name}",
            {"scans": 0, "size_bytes": usage.size_bytes},
            fix=Fix(f"Drop {index.name} once a full business cycle has shown no use.", forward, back),
        )


def _has_been_read(facts: LintFacts, table: Table) -> bool:
    """Whether the counters have seen the table at all since their reset; otherwise zero says nothing."""
    found = facts.statistics.get((table.schema, table.name))
    return found is not None and bool((found.sequential_scans or 0) + (found.index_scans or 0))


def _invalid_index(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        for index in table.indexes:
            if not index.valid:
                yield Problem(
                    f"{facts.schema.display_name(table)}.{index.name}",
                    {"valid": False},
                    fix=Fix(
                        f"Drop {index.name}, or make it visible again: the planner is told not to use it."
                        if facts.schema.engine == "mysql"
                        else f"Drop {index.name} and create it again; a concurrent build failed."
                    ),
                )


def _unvalidated(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        names = [key.name for key in table.foreign_keys if not key.validated]
        names += [check.name for check in table.checks if not check.validated]
        for name in names:
            yield Problem(
                f"{facts.schema.display_name(table)}.{name}",
                {"validated": False},
                fix=Fix(
                    f"Make {name} ENFORCED in a quiet hour, after mending the rows that break it."
                    if facts.schema.engine == "mysql"
                    else f"Run VALIDATE CONSTRAINT {name} in a quiet hour."
                ),
            )


def _comparable(left: DataType, right: DataType) -> bool:
    if left.kind is not right.kind:
        numbers = {TypeKind.INTEGER, TypeKind.DECIMAL}
        return {left.kind, right.kind} <= numbers or TypeKind.OTHER in (left.kind, right.kind)
    return left.kind is not TypeKind.INTEGER or left.bits is None or right.bits is None or left.bits == right.bits


def _reference_type(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        for key in table.foreign_keys:
            parent = facts.schema.find(key.referred_table, key.referred_schema or table.schema)
            for name, referred in zip(key.columns, key.referred_columns, strict=False):
                if parent is None or not parent.has_column(referred):
                    continue
                mine, theirs = table.column(name).type, parent.column(referred).type
                if not _comparable(mine, theirs):
                    yield Problem(
                        f"{facts.schema.display_name(table)}({name})",
                        {"type": mine.native, "referred_type": theirs.native, "references": parent.name},
                        fix=Fix(f"Give both columns one type ({theirs.native})."),
                    )


def _check(
    number: int,
    severity: Severity,
    title: str,
    rationale: str,
    source: str,
    judge: object,
    engines: frozenset[str] = SQL_ENGINES,
) -> Check[LintFacts]:
    return Check(
        f"LINT-{number:03}",
        severity,
        engines,
        title,
        rationale,
        source,
        judge,  # type: ignore[arg-type] # uniform
    )


STRUCTURE = (
    _check(1, Severity.HIGH, "Table without a primary key",
           "Rows can't be addressed: no safe update of one row, no logical replication, no resumable copy.",
           "PostgreSQL manual 5.4.4 Primary Keys; Codd 1970", _no_primary_key),
    _check(2, Severity.HIGH, "Foreign key without an index",
           "Every join and every delete of a parent scans the whole child table.",
           "PostgreSQL manual 5.4.5 Foreign Keys; SQLite foreign key documentation 3", _foreign_key_without_index, LENIENT_ENGINES),
    _check(3, Severity.MEDIUM, "Reference that is not declared",
           "Names and values say it is a reference, but nothing keeps children from losing their parent.",
           "Inclusion dependency: almost all values stand in the other table's key", _undeclared_reference),
    _check(4, Severity.HIGH, "Orphan rows",
           "Children point at parents that do not exist: joins lose them silently and sums disagree.",
           "Referential integrity, SQL:2016 part 2, 4.18.3", _orphans),
    _check(5, Severity.MEDIUM, "Duplicate index",
           "Two indexes of equal keys cost twice the writes and space and help no query more than one.",
           "PostgreSQL wiki: Index Maintenance, duplicate indexes", _duplicate_index),
    _check(6, Severity.LOW, "Index covered by a wider one",
           "An index whose keys are the first keys of another serves nothing that the wider one does not.",
           "PostgreSQL manual 11.3 Multicolumn Indexes", _redundant_prefix),
    _check(7, Severity.MEDIUM, "Reference and key have different types",
           "The comparison needs a cast, which can disable the index and hides overflow.",
           "PostgreSQL manual 10.2 Operators", _reference_type, LENIENT_ENGINES),
    _check(18, Severity.HIGH, "Invalid index",
           "It costs every write and serves no read.",
           "PostgreSQL manual, CREATE INDEX CONCURRENTLY; MySQL manual 10.3.12 Invisible Indexes", _invalid_index),
    _check(19, Severity.LOW, "Constraint never validated",
           "Older rows may break it and the planner can't rely on it.",
           "PostgreSQL manual, ALTER TABLE ... NOT VALID; MySQL manual 15.1.20.6 CHECK Constraints", _unvalidated),
    _check(20, Severity.MEDIUM, "Index that no query has used",
           "It costs every write; the engine counted no scan of it while its table was read.",
           "PostgreSQL manual 27.2, pg_stat_user_indexes", _unused_index),
)  # fmt: skip

"""Rules over how the data is modelled: normal forms, types, names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from dbmanager.analyzers.classification.names import tokens
from dbmanager.analyzers.schema_lint.facts import LintFacts
from dbmanager.analyzers.schema_lint.structure import SQL_ENGINES
from dbmanager.model.findings import Check, Fix, Problem, Severity
from dbmanager.model.schema import Column, Table, TypeKind

WIDE_COLUMNS = 40
KEY_FULL_RATIO = 0.5
DATE_TYPES = frozenset({"postgresql", "mysql"})
"""Engines with types for dates; SQLite has none, ISO text is its documented form."""
_NUMBERED = re.compile(r"^(?P<stem>.*?[A-Za-z])_?(?P<number>\d{1,2})$")
_MONEY = frozenset("price amount total cost balance salary fee tax discount subtotal revenue preis betrag".split())


def _repeating_group(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        groups: dict[tuple[str, TypeKind], list[tuple[int, str]]] = defaultdict(list)
        for column in table.columns:
            match = _NUMBERED.match(column.name)
            if match:
                groups[(match["stem"], column.type.kind)].append((int(match["number"]), column.name))
        for (stem, _), members in sorted(groups.items(), key=lambda item: item[0][0]):
            numbers = sorted(number for number, _ in members)
            if len(numbers) >= 2 and numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] <= 1:
                if _is_address_line(stem, len(numbers)):
                    continue
                names = [name for _, name in sorted(members)]
                yield Problem(
                    f"{facts.schema.display_name(table)}({', '.join(names)})",
                    {"columns": len(names), "rows": facts.rows(table)},
                    fix=Fix(f"Move {stem} into a child table of {table.name} with one row per value."),
                )


def _is_address_line(stem: str, columns: int) -> bool:
    """Whether it is the two lines of a postal address, which are one value in two fields."""
    return columns == 2 and bool(set(tokens(stem)) & {"line", "address", "street", "addr"})


def _transitive(facts: LintFacts) -> Iterator[Problem]:
    for fact in facts.dependencies:
        saved = fact.rows - fact.determinants
        yield Problem(
            f"{fact.table[1]}({fact.determinant} -> {', '.join(fact.dependents)})",
            {"rows": fact.rows, "distinct_determinants": fact.determinants, "repeated": saved},
            fact.query,
            Fix(
                f"Move {', '.join(fact.dependents)} to a table keyed by {fact.determinant}, if the business confirms "
                "that one always decides the other."
            ),
        )


def _list_in_column(facts: LintFacts) -> Iterator[Problem]:
    for fact in facts.lists:
        yield Problem(
            f"{fact.table[1]}({fact.column})",
            {"values_with_lists": fact.lists, "sampled": fact.sampled, "separator": fact.separator},
            fix=Fix(f"Move {fact.column} into a child table with one row per element."),
        )


def _float_money(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        for column in table.columns:
            if column.type.kind is TypeKind.FLOAT and set(tokens(column.name)) & _MONEY:
                yield _column_problem(facts, table, column, "Use an exact type: numeric, or integer cents.")


def _nullable_unique(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        for unique in table.uniques:
            nullable = [name for name in unique.columns if table.column(name).nullable]
            if len(unique.columns) > 1 and nullable and not unique.nulls_not_distinct:
                yield Problem(
                    f"{facts.schema.display_name(table)}({', '.join(unique.columns)})",
                    {"nullable": ", ".join(nullable)},
                    fix=Fix(f"Make {', '.join(nullable)} NOT NULL{_not_distinct(facts)}."),
                )


def _not_distinct(facts: LintFacts) -> str:
    """NULLS NOT DISTINCT came with PostgreSQL 15; no other engine here has it."""
    has = facts.schema.engine == "postgresql" and int(facts.schema.version.partition(".")[0]) >= 15
    return ", or use NULLS NOT DISTINCT" if has else ""


def _zoneless(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        for column in table.columns:
            if column.type.kind is TypeKind.TIMESTAMP and column.type.with_time_zone is False:
                yield _column_problem(
                    facts,
                    table,
                    column,
                    "Use timestamp where moments end before 2038; else keep UTC in it and say so in its comment."
                    if facts.schema.engine == "mysql"
                    else "Use timestamptz; convert with AT TIME ZONE.",
                )


def _wide(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        if len(table.columns) > WIDE_COLUMNS:
            yield Problem(
                facts.schema.display_name(table),
                {"columns": len(table.columns)},
                fix=Fix("Split off columns that are read apart or belong to another subject."),
            )


def _text_dates(facts: LintFacts) -> Iterator[Problem]:
    for (schema, name), column, sampled in facts.text_dates:
        table = facts.schema.table(name, schema)
        yield Problem(
            f"{facts.schema.display_name(table)}({column})",
            {"sampled": sampled, "type": table.column(column).type.native},
            fix=Fix(
                "Store it as date or datetime."
                if facts.schema.engine == "mysql"
                else "Store it as date or timestamptz."
            ),
        )


def _full_key(facts: LintFacts) -> Iterator[Problem]:
    for fact in facts.integer_keys:
        ratio = fact.largest / fact.capacity
        if ratio >= KEY_FULL_RATIO:
            yield Problem(
                f"{fact.table[1]}({fact.column})",
                {"largest": fact.largest, "capacity": fact.capacity, "ratio": round(ratio, 3)},
                fact.query,
                Fix("Widen the column to bigint before it runs out; on a big table through a shadow column."),
            )


def _type_drift(facts: LintFacts) -> Iterator[Problem]:
    kinds: dict[str, dict[TypeKind, list[str]]] = defaultdict(lambda: defaultdict(list))
    for table in facts.schema.base_tables():
        for column in table.columns:
            if column.name.casefold().endswith("_id") and column.type.kind is not TypeKind.OTHER:
                kinds[column.name.casefold()][column.type.kind].append(facts.schema.display_name(table))
    for name, by_kind in sorted(kinds.items()):
        if len(by_kind) > 1:
            spread = {kind.value: ", ".join(sorted(tables)) for kind, tables in by_kind.items()}
            yield Problem(name, spread, fix=Fix("Give every column of this name one type."))


def _unique_without_not_null_key(facts: LintFacts) -> Iterator[Problem]:
    for table in facts.schema.base_tables():
        if table.primary_key is None or "without_rowid" in table.options or "strict" in table.options:
            continue
        for name in table.primary_key.columns:
            column = table.column(name)
            if column.nullable and column.identity is None:
                yield _column_problem(facts, table, column, "Declare the key column NOT NULL.")


def _column_problem(facts: LintFacts, table: Table, column: Column, advice: str) -> Problem:
    return Problem(
        f"{facts.schema.display_name(table)}({column.name})",
        {"type": column.type.native, "rows": facts.rows(table)},
        fix=Fix(advice),
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


MODELLING = (
    _check(8, Severity.MEDIUM, "Repeating group",
           "Numbered columns limit how many there may be, and every query must look at each of them.",
           "First normal form, Codd 1970", _repeating_group),
    _check(9, Severity.MEDIUM, "Transitive dependency",
           "A fact about something else is repeated in every row, so copies can disagree.",
           "Third normal form, Codd 1971; verified by count(distinct) over all rows", _transitive),
    _check(10, Severity.MEDIUM, "List in one column",
           "Elements can't be joined, constrained or indexed.",
           "First normal form; Karwin, SQL Antipatterns: Jaywalking", _list_in_column),
    _check(11, Severity.HIGH, "Money in floating point",
           "Binary fractions can't hold cents: sums drift.",
           "PostgreSQL manual 8.1.3; IEEE 754", _float_money),
    _check(12, Severity.LOW, "Unique constraint over a nullable column",
           "NULLs count as different, so duplicates pass.",
           "SQL:2016 part 2, 4.18.3.2; PostgreSQL manual 5.4.3", _nullable_unique),
    _check(13, Severity.LOW, "Timestamp without time zone",
           "The moment is unknown: a session in another zone reads another instant.",
           "PostgreSQL wiki: Don't Do This, timestamp without time zone", _zoneless, DATE_TYPES),
    _check(14, Severity.LOW, "Very wide table",
           "Rows of many columns mix subjects and cost reads that need a few of them.",
           "Field figures: in six public schemas 13 of 761 tables pass 40 columns", _wide),
    _check(15, Severity.LOW, "Primary key column may be NULL",
           "SQLite lets a non-integer primary key be NULL, several times over.",
           "SQLite documentation, CREATE TABLE 3.5", _unique_without_not_null_key, frozenset({"sqlite"})),
    _check(16, Severity.MEDIUM, "Date kept as text",
           "It sorts and compares only by luck and takes any nonsense.",
           "PostgreSQL manual 8.5 Date/Time Types", _text_dates, DATE_TYPES),
    _check(17, Severity.HIGH, "Integer key filling up",
           "Inserts fail when the type's range is used up.",
           "PostgreSQL manual 8.1.1 Integer Types", _full_key),
    _check(21, Severity.LOW, "Same column name, different types",
           "Joins between them need casts and hide mistakes.",
           "ISO/IEC 11179: one data element, one representation", _type_drift),
)  # fmt: skip

"""Checks over the content of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbmanager.adapters.sqlite.checks.files import SQLITE
from dbmanager.model.findings import Check, FactRows, Fix, Problem, QueryCheck, Severity

FREE_RATIO = 0.1
_CALLS = re.compile(r"\b(load_extension|writefile|readfile|edit|fts3_tokenizer)\s*\(", re.I)
_FILE_MODULES = re.compile(r"\bUSING\s+(csv|vsv|zipfile|fsdir|fileio|virtualtext)\b", re.I)


def _free_pages(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        free, pages = int(str(row["free_pages"])), int(str(row["pages"]))
        if pages and free >= FREE_RATIO * pages:
            yield Problem(
                "free pages", {"free_pages": free, "pages": pages}, fix=Fix("Run VACUUM in a quiet hour.", ("VACUUM",))
            )


def _violations(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        yield Problem(
            str(row["table"]), {"violations": row["violations"], "parent": row["parent"]},
            fix=Fix("Mend or delete the orphans, then open every connection with PRAGMA foreign_keys = ON."),
        )  # fmt: skip


def _damage(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if row["verdict"] != "ok":
            yield Problem(
                "database file", {"verdict": "damaged"}, fix=Fix("Restore a backup; keep the file for analysis.")
            )


def _reaching_out(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        call = _CALLS.search(str(row["sql"]))
        if call:
            yield Problem(str(row["name"]), {"calls": call[1]}, fix=Fix(f"Drop the {row['type']} {row['name']}."))


def _file_tables(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        module = _FILE_MODULES.search(str(row["sql"]))
        if module:
            yield Problem(str(row["name"]), {"module": module[1]}, fix=Fix("Load the file into a table instead."))


def _advisory_types(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if int(str(row["loose"])):
            yield Problem(
                "tables", {"not_strict": row["loose"], "tables": row["total"]},
                fix=Fix("Declare new tables STRICT; rebuild old ones when they are changed anyway."),
            )  # fmt: skip


CONTENT: tuple[QueryCheck, ...] = (
    Check("SQ-005", Severity.LOW, SQLITE, "Free pages may hold deleted rows",
          "Deleted rows stay readable in free pages until they are overwritten or the file is vacuumed.",
          "SQLite documentation, PRAGMA secure_delete", _free_pages,
          "SELECT f.freelist_count AS free_pages, p.page_count AS pages "
          "FROM pragma_freelist_count AS f, pragma_page_count AS p"),
    Check("SQ-007", Severity.HIGH, SQLITE, "Foreign key violations",
          "References are declared but were not enforced: SQLite checks them only on connections that ask for it.",
          "SQLite documentation, Foreign Key Support 2", _violations,
          'SELECT "table" AS "table", parent AS parent, count(*) AS violations FROM pragma_foreign_key_check '
          'GROUP BY "table", parent'),
    Check("SQ-008", Severity.CRITICAL, SQLITE, "Damaged database file",
          "Pages contradict each other; rows are being lost.",
          "SQLite documentation, PRAGMA quick_check", _damage,
          "SELECT quick_check AS verdict FROM pragma_quick_check(1)"),
    Check("SQ-011", Severity.HIGH, SQLITE, "View or trigger that reaches outside",
          "It runs with whoever queries the table and can load code or touch files where those functions exist.",
          "SQLite documentation, Defense Against The Dark Arts", _reaching_out,
          "SELECT type AS type, name AS name, sql AS sql FROM sqlite_schema WHERE type IN ('trigger', 'view')"),
    Check("SQ-012", Severity.INFO, SQLITE, "Types are advisory",
          "Without STRICT any value goes into any column, and readers meet text where numbers should be.",
          "SQLite documentation, STRICT Tables", _advisory_types,
          "SELECT count(*) FILTER (WHERE strict = 0) AS loose, count(*) AS total FROM pragma_table_list "
          "WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"),
    Check("SQ-021", Severity.MEDIUM, SQLITE, "Table over an outside file",
          "Its rows are whatever lies in that file when it is read.",
          "SQLite documentation, Defense Against The Dark Arts", _file_tables,
          "SELECT name AS name, sql AS sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%'"),
)  # fmt: skip

"""Checks of health: journal, statistics, pages, the write-ahead log."""

from __future__ import annotations

from collections.abc import Iterator

from dbmanager.adapters.sql.row_findings import flagged
from dbmanager.adapters.sqlite.checks.files import SQLITE
from dbmanager.model.findings import Check, FactRows, Fix, Problem, QueryCheck, Severity

LARGE_WAL_BYTES = 16 * 1024 * 1024


def _large_wal(facts: FactRows) -> Iterator[Problem]:
    sizes = {str(row["role"]): int(str(row["size_bytes"])) for row in facts}
    if sizes.get("-wal", 0) > LARGE_WAL_BYTES:
        yield Problem(
            "write-ahead log", {"wal_bytes": sizes["-wal"], "database_bytes": sizes.get("database")},
            fix=Fix("Look for a reader that never ends: it holds checkpoints up. Then PRAGMA wal_checkpoint(TRUNCATE)."),
        )  # fmt: skip


HEALTH: tuple[QueryCheck, ...] = (
    Check("SQ-201", Severity.LOW, SQLITE, "Readers and writers wait for each other",
          "With a rollback journal a writer needs the file for itself; with WAL readers go on.",
          "SQLite documentation, Write-Ahead Logging",
          flagged("Switch to WAL unless the file lies on a network share.", "PRAGMA journal_mode = WAL", "PRAGMA journal_mode = {journal_mode}"),
          "SELECT 'journal_mode' AS object, journal_mode FROM pragma_journal_mode WHERE journal_mode NOT IN ('wal', 'memory', 'off')",
          pack="health", threshold="journal_mode is not wal.", caveat="a file that one process uses alone gains little."),
    Check("SQ-202", Severity.LOW, SQLITE, "The planner has no statistics",
          "It guesses how selective an index is, and picks the wrong one of two.", "SQLite documentation, ANALYZE; PRAGMA optimize",
          flagged("Let SQLite look at the tables.", "ANALYZE"),
          "SELECT 'sqlite_stat1' AS object, count(*) AS indexes, (SELECT page_count FROM pragma_page_count) AS pages "
          "FROM sqlite_schema WHERE type = 'index' AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1') "
          "HAVING count(*) > 0 AND (SELECT page_count FROM pragma_page_count) >= 100",
          pack="health", threshold="indexes, 100 pages, and no sqlite_stat1; the bound is ours.",
          caveat="with one index per table there is little to choose."),
    Check("SQ-203", Severity.LOW, SQLITE, "The planner's statistics are out of date",
          "The table has grown to several times what the planner takes it for.", "SQLite documentation, ANALYZE",
          flagged("Look again.", "ANALYZE"), "facts:stale",
          pack="health", threshold="ten times the rows of the last ANALYZE, 1,000 at least; PRAGMA optimize's bound is similar.",
          caveat="the present number is the largest rowid, which deletes leave as it is."),
    Check("SQ-204", Severity.MEDIUM, SQLITE, "The write-ahead log is not taken over",
          "Each read searches it, and it fills the disk.", "SQLite documentation, Write-Ahead Logging, 6, checkpoint starvation",
          _large_wal, "facts:files",
          pack="health", threshold="16 MB, four times what the automatic checkpoint lets it grow to.",
          caveat="one large transaction makes it as large, and it keeps its size."),
    Check("SQ-205", Severity.LOW, SQLITE, "Pages are small",
          "Each level of an index and each overflow takes more reads than with the default of 4,096 bytes.",
          "SQLite documentation, PRAGMA page_size",
          flagged("In a quiet hour: PRAGMA page_size = 4096, journal_mode = DELETE, VACUUM, then WAL again."),
          "SELECT 'page_size' AS object, page_size, page_count FROM pragma_page_size, pragma_page_count "
          "WHERE page_size < 4096 AND page_count >= 1000",
          pack="health", threshold="below 4,096 bytes in a file of 1,000 pages; the default since 3.12.",
          caveat="tiny rows that are read one at a time do as well with small pages."),
)  # fmt: skip

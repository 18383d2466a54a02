"""Rules over SQLite's settings: the journal stays with the file, the others belong to each connection."""

from __future__ import annotations

from collections.abc import Iterator

from dbmanager.model.tuning import MB, Machine, Measured, Proposed, TuningRule, rounded, rules

SMALL_PAGES = 100
DEFAULT_CACHE = 2 * MB
LARGEST_CACHE = 64 * MB


def _journal(m: Measured, machine: Machine) -> Iterator[Proposed]:
    if m["page_count"] >= SMALL_PAGES and m.text("journal_mode") in ("delete", "truncate", "persist"):
        yield Proposed("WAL", m.text("journal_mode").upper())


def _cache(m: Measured, machine: Machine) -> Iterator[Proposed]:
    size = m["page_count"] * m["page_size"]
    if size > 4 * DEFAULT_CACHE:
        most = min(LARGEST_CACHE, machine.memory_bytes / 8) if machine.memory_bytes else LARGEST_CACHE
        yield Proposed(f"-{rounded(min(size, most)) // 1024}", f"-{DEFAULT_CACHE // 1024} (the default)")


def _mmap(m: Measured, machine: Machine) -> Iterator[Proposed]:
    size = m["page_count"] * m["page_size"]
    if size > 4 * DEFAULT_CACHE:
        yield Proposed(str(rounded(size * 1.25)), "0 (the default)")


def _synchronous(m: Measured, machine: Machine) -> Iterator[Proposed]:
    if m["page_count"] >= SMALL_PAGES and m.text("journal_mode") == "wal":
        yield Proposed("NORMAL", "FULL (the default)")


RULES = rules(
    TuningRule("ST-01", "journal_mode", "WAL from 100 pages on", "SQLite documentation, Write-Ahead Logging",
               ("page_count",), "Readers and a writer go on at once, commits cost one write; two more files lie beside the database, "
               "which must not lie on a network share.", "at once", _journal),
    TuningRule("ST-02", "cache_size", "the size of the file, at most 64 MB (an eighth of the memory where it is less), in -kB",
               "SQLite documentation, PRAGMA cache_size", ("page_count", "page_size"), "Fewer reads of the file; each connection takes that much.",
               "new connections", _cache, is_advice=True),
    TuningRule("ST-03", "mmap_size", "the size of the file and a quarter more", "SQLite documentation, Memory-Mapped I/O",
               ("page_count", "page_size"), "Reads without copying; an error of the disk becomes a signal instead of an error code.",
               "new connections", _mmap, is_advice=True),
    TuningRule("ST-04", "synchronous", "NORMAL with WAL", "SQLite documentation, PRAGMA synchronous",
               ("page_count",), "Commits do not wait for the disk; after a power cut the last ones may be gone, never is the file damaged.",
               "new connections", _synchronous, is_advice=True),
)  # fmt: skip

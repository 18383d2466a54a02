"""Makes a workload of what a source counted: one statement per fingerprint, with samples, kinds and what was skipped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from dbmanager.analyzers.workload.commands import read_command
from dbmanager.analyzers.workload.fingerprint import Reading, read
from dbmanager.analyzers.workload.lexing import LONGEST_TOKENIZED, is_readable, rough_shape
from dbmanager.analyzers.workload.routines import statements_of, with_placeholders
from dbmanager.model.placeholders import spaced
from dbmanager.model.workload import Routine, Workload, WorkloadStatement

MOST_STATEMENTS = 500
MOST_SAMPLES = 5
LONGEST_SAMPLE = 20_000
LONGEST_READ = 200_000
"""Characters of one statement: even the rough reader takes three seconds a million."""
_VERB = re.compile(
    r"\s*(select|insert|update|delete|replace|merge|with|values|call|copy|load|create|alter|drop|set|grant|revoke|do|begin)\b",
    re.IGNORECASE,
)
COMMANDS = frozenset(("mongodb", "redis"))
"""Dialects whose statements are commands."""


def understood(
    raw: Workload, dialect: str, *, most: int = MOST_STATEMENTS, go_on: Callable[[], None] = lambda: None
) -> Workload:
    """Return the workload with our own fingerprints: what they make the same is added up, the costliest first.

    A statement with no calls only gives a sample to those that were counted. What can't be parsed is listed in
    `skipped`; where the engine itself counted it, it also stays, since it costs time whoever understands it. One longer
    than `LONGEST_READ` is not read at all. `go_on` is called before each statement, to raise where nobody waits any more.
    """
    known = _Readings(dialect)
    readings: dict[str, Reading] = {}
    groups: dict[str, list[WorkloadStatement]] = {}
    skipped = list(raw.skipped)
    for statement in raw.statements:
        go_on()
        if len(statement.text) > LONGEST_READ:
            if not raw.is_cumulative:
                skipped.append((_opening(statement.text), f"longer than {LONGEST_READ:,} characters: not read"))
                continue
            statement = replace(statement, text=statement.text[:LONGEST_READ], samples=())
        reading, problem = known.of(statement)
        if problem is not None and statement.calls:
            skipped.append((_opening(statement.text), problem))
            if not raw.is_cumulative:
                continue
        readings[reading.fingerprint] = reading
        groups.setdefault(reading.fingerprint, []).append(statement)
    routines = tuple(_found(routine, dialect) for routine in raw.routines)
    owners = {digest: routine.name for routine in routines for digest in routine.statements}
    merged = [
        _merged(group, digest, readings[digest], owners)
        for digest, group in groups.items()
        if any(s.calls for s in group)
    ]
    merged += _uncounted(routines, dialect, set(groups))
    merged.sort(key=lambda s: (-(s.total_ms or 0.0), -s.calls, s.fingerprint))
    left_out = len(merged) - most
    notes = (*raw.notes, f"{left_out} cheaper statements left out") if left_out > 0 else raw.notes
    return replace(
        raw, statements=tuple(merged[:most]), skipped=tuple(skipped[:most]), routines=routines, notes=notes
    )  # fmt: skip


def _opening(text: str) -> str:
    """Return what may be told of a text that was not understood: rows of a dump are words as well."""
    word = _VERB.match(text)
    return f"{word[1].upper() if word else 'no statement'} ({len(text):,} characters)"


class _Readings:
    """Readings of statements; those that a rough reader finds the same but for their values are read once.

    The rough reader takes a hundredth of the time. Backslashes it reads in one way only, so such a text is read itself.
    """

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._known: dict[str, tuple[Reading, str | None]] = {}

    def of(self, statement: WorkloadStatement) -> tuple[Reading, str | None]:
        """Return the reading, and why the statement can't be analysed."""
        text = statement.text
        key = text if "\\" in text or self._dialect in COMMANDS else rough_shape(text, self._dialect)
        if key not in self._known:
            self._known[key] = reading_of(text, self._dialect), _problem(statement, self._dialect)
        return self._known[key]


def reading_of(text: str, dialect: str) -> Reading:
    """Return the reading of a statement or command."""
    return read_command(text, dialect) if dialect in COMMANDS else read(text, dialect)


def _problem(statement: WorkloadStatement, dialect: str) -> str | None:
    """Return why a statement can't be analysed; None when it can, or when the source has shortened it."""
    if dialect in COMMANDS:
        return read_command(statement.text, dialect).problem
    if len(statement.text) > LONGEST_TOKENIZED:
        return f"longer than {LONGEST_TOKENIZED:,} characters: counted, not analysed"
    text = statement.samples[0] if statement.samples else statement.text
    if not is_readable(text, dialect):
        return "a quote or comment is not closed"
    return None if "..." in text or _parses(text, dialect) else "no SQL that can be parsed: counted, not analysed"


def _parses(text: str, dialect: str) -> bool:
    import logging

    import sqlglot
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        found = sqlglot.parse(spaced(text, dialect), read=dialect)
    except (SqlglotError, RecursionError):
        return False
    return len(found) == 1 and found[0] is not None and not _is_bare(found[0])


def _is_bare(parsed: object) -> bool:
    """Whether the parser took some words for an expression, as it does with plain prose."""
    from sqlglot import exp

    return isinstance(parsed, exp.Condition | exp.Alias | exp.Identifier) and not isinstance(parsed, exp.Query)


def _merged(
    group: Sequence[WorkloadStatement], digest: str, reading: Reading, owners: dict[str, str]
) -> WorkloadStatement:
    first = max(group, key=lambda s: (s.calls, s.total_ms or 0.0))
    samples = dict.fromkeys(sample for s in group for sample in (s.samples or ([s.text] if not s.calls else [])))
    return replace(
        first, fingerprint=digest, kind=reading.kind, calls=sum(s.calls for s in group),
        total_ms=_sum(s.total_ms for s in group), rows=_whole(s.rows for s in group),
        rows_examined=_whole(s.rows_examined for s in group), blocks_hit=_whole(s.blocks_hit for s in group),
        blocks_read=_whole(s.blocks_read for s in group), temporary_blocks=_whole(s.temporary_blocks for s in group),
        temporary_tables=_whole(s.temporary_tables for s in group),
        samples=tuple(sample for sample in samples if len(sample) <= LONGEST_SAMPLE)[:MOST_SAMPLES],
        routine=next((s.routine for s in group if s.routine), None) or owners.get(digest),
        is_nested=all(s.is_nested for s in group if s.calls),
    )  # fmt: skip


def _uncounted(routines: Sequence[Routine], dialect: str, counted: set[str]) -> Iterator[WorkloadStatement]:
    """Yield the statements of routines that ran, where the engine counts the routine alone: once for each of its calls."""
    for routine in routines:
        for text in statements_of(routine, dialect) if routine.calls else ():
            reading = read(text, dialect)
            if reading.fingerprint not in counted:
                counted.add(reading.fingerprint)
                planned = with_placeholders(text, routine, dialect)
                yield WorkloadStatement(
                    reading.fingerprint, planned, routine.calls or 0, kind=reading.kind, routine=routine.name
                )  # fmt: skip


def _found(routine: Routine, dialect: str) -> Routine:
    """Return the routine with the fingerprints of the statements in its body."""
    found = statements_of(routine, dialect)
    return replace(routine, statements=tuple(dict.fromkeys(read(text, dialect).fingerprint for text in found)))


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _whole(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None

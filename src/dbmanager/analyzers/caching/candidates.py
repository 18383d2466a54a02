"""Which statements of a period are worth caching, and which are not and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dbmanager.analyzers.caching.hit_ratio import expected, in_windows
from dbmanager.analyzers.workload.gathering import reading_of
from dbmanager.analyzers.workload.names import named
from dbmanager.model.caching import CacheCandidate, CachePlace, KeyDesign
from dbmanager.model.placeholders import spaced
from dbmanager.model.schema import DatabaseSchema, Table
from dbmanager.model.workload import Workload, WorkloadStatement

LEAST_CALLS = 20
LEAST_HIT_RATIO = 0.2
LEAST_GAIN_MS = 0.5
LONG_MS = 50.0
JITTER_RATIO = 0.1
KEY_OVERHEAD_BYTES = 120
"""Of a key of this design in Redis, its name, dictionary entry and expiry: measured by the tests on a real one."""
LARGEST_RESULT_BYTES = 1_000_000
_VOLATILE = frozenset((
    "now", "current_timestamp", "current_date", "current_time", "localtimestamp", "localtime", "clock_timestamp", "random", "rand",
    "uuid", "gen_random_uuid", "nextval", "currval", "lastval", "last_insert_id", "statement_timestamp", "sysdate", "curdate",
    "curtime", "current_user", "session_user", "current_setting", "connection_id", "pg_sleep", "sleep", "get_lock", "pg_advisory_lock",
    "datetime", "changes", "last_insert_rowid",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReadFacts:
    """What a caching decision needs of one statement beyond its counts.

    Attributes:
        tables: display names of what it reads, views resolved no further.
        keys: different values of its parameters, estimated.
        row_bytes: of a row of its widest table, on average; None when unknown.
        has_views: a view hides which tables must invalidate.
    """

    tables: tuple[str, ...]
    keys: int
    row_bytes: int | None = None
    has_views: bool = False


def refusal(statement: WorkloadStatement, dialect: str, facts: ReadFacts | None) -> str | None:
    """Return why a statement can't be cached whatever it would save; None when it can."""
    words = reading_of(statement.text, dialect).words
    if statement.kind != "read":
        return "it does not only read"
    volatile = sorted({word for word in words if word in _VOLATILE})
    if volatile:
        return f"its result changes by itself: {', '.join(volatile)}"
    if "for" in words and {"update", "share"} & set(words[words.index("for") :]):
        return "it locks rows"
    if facts is None:
        return "its tables can't be told"
    if facts.has_views:
        return "it reads a view: name the tables behind it first"
    return None if facts.tables else "it reads no table"


def candidate(
    statement: WorkloadStatement, facts: ReadFacts, period: Workload, seconds: float, *,
    dialect: str, connection: str, staleness_seconds: float, hit_ms: float,
) -> CacheCandidate | str:  # fmt: skip
    """Return what caching a statement brings, or why that is not worth it.

    Args:
        statement: of the period, which is allowed to be cached.
        facts: tables, keys and size.
        period: with rows written by table.
        seconds: length of the period.
        dialect: of the statement.
        connection: named in the keys.
        staleness_seconds: how old an answer may be; the TTL.
        hit_ms: what a hit costs, a round trip to the cache.
    """
    mean = statement.mean_ms
    if staleness_seconds <= 0:
        return "no answer may be old, and a cache beside the database can't promise that"
    if mean is None or statement.calls < LEAST_CALLS:
        return f"fewer than {LEAST_CALLS} calls" if mean is not None else "its time is not known"
    if mean - hit_ms < LEAST_GAIN_MS:
        return f"{mean:.2f} ms a call: the round trip to a cache costs nearly as much; join or batch it instead"
    reads = statement.calls / seconds
    writes = sum(period.table_writes.get(table, 0) for table in facts.tables) / seconds
    size = _result_bytes(statement, facts)
    if size is not None and size > LARGEST_RESULT_BYTES:
        return f"a result is about {size:,} bytes"
    place = _place(facts, mean, writes, dialect)
    ratio = (
        in_windows(reads, staleness_seconds) if place == "materialized_view" else expected(reads / facts.keys, staleness_seconds, writes)
    )  # fmt: skip
    if ratio < LEAST_HIT_RATIO:
        return f"expected hit ratio {ratio:.2f}: {reads / facts.keys:.4f} reads of a key and {writes:.4f} writes each second"
    saved = reads * (ratio * (mean - hit_ms) - (1 - ratio) * hit_ms)
    memory = None if size is None else facts.keys * (size + KEY_OVERHEAD_BYTES)
    shown = reading_of(statement.text, dialect).shown
    return CacheCandidate(
        statement.fingerprint, shown, facts.tables, place, reads, writes, mean, facts.keys, ratio, saved, memory,
        key_design(connection, statement.fingerprint, facts.tables, staleness_seconds, mean),
    )  # fmt: skip


def key_design(connection: str, fingerprint: str, tables: tuple[str, ...], ttl: float, mean_ms: float) -> KeyDesign:
    """Return the keys of a statement: named by connection, fingerprint, parameters and the generations of its tables."""
    base = f"cache:{connection}"
    return KeyDesign(
        f"{base}:{fingerprint}:{{parameters}}:{{generations}}", tuple(f"{base}:written:{table}" for table in tables),
        ttl, JITTER_RATIO, max(50, round(mean_ms * 3)),
    )  # fmt: skip


def read_facts(
    statement: WorkloadStatement, dialect: str, schema: DatabaseSchema, distinct: Mapping[tuple[str, str], int],
    sizes: Mapping[str, int],
) -> ReadFacts | None:  # fmt: skip
    """Return a statement's tables and keys; None when it can't be parsed or names what is not there.

    Args:
        statement: of the period.
        dialect: of the statement.
        schema: the catalog.
        distinct: different values by table and column, as display names.
        sizes: bytes of a row by table.
    """
    text = statement.samples[0] if statement.samples else statement.text
    found = named(text, dialect, schema)
    if found is None or found.unknown:
        return None
    keys = 1
    for table, column in parameters(text, dialect, found.tables):
        keys *= max(1, distinct.get((schema.display_name(table), column), statement.calls))
    names = tuple(sorted(schema.display_name(table) for table in found.tables))
    widths = [sizes[name] for name in names if name in sizes]
    return ReadFacts(
        names, max(1, min(keys, statement.calls)), max(widths, default=None), any(not table.is_base for table in found.tables)
    )  # fmt: skip


def parameters(text: str, dialect: str, tables: tuple[Table, ...]) -> Iterator[tuple[Table, str]]:
    """Yield the columns that a statement compares with a value, with the table that has them."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = sqlglot.parse_one(spaced(text, dialect), read=dialect)
    except (SqlglotError, RecursionError):
        return
    for comparison in parsed.find_all(
        exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.In, exp.Between
    ):
        column = comparison.this
        if not isinstance(column, exp.Column) or not _has_value(comparison):
            continue
        for table in tables:
            names = {one.name.lower(): one.name for one in table.columns}
            if column.name.lower() in names:
                yield table, names[column.name.lower()]
                break


def _has_value(comparison: object) -> bool:
    from sqlglot import exp

    return isinstance(comparison, exp.Expression) and any(
        comparison.find_all(exp.Literal, exp.Parameter, exp.Placeholder)
    )


def _place(facts: ReadFacts, mean: float, writes: float, dialect: str) -> CachePlace:
    """A long statement without parameters is a view that can be kept; the rest is kept by key."""
    is_view = dialect == "postgres" and facts.keys == 1 and mean >= LONG_MS and writes > 0
    return "materialized_view" if is_view else "redis"


def _result_bytes(statement: WorkloadStatement, facts: ReadFacts) -> int | None:
    if statement.rows is None or facts.row_bytes is None:
        return None
    return round(statement.rows / statement.calls * facts.row_bytes)

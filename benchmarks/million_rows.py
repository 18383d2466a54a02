"""What a SELECT over a million rows answers with, and what it costs the server's memory."""

from __future__ import annotations

import sqlite3

from benchmarks.outcome import Outcome, Size
from benchmarks.place import Place
from benchmarks.timing import Sampler
from benchmarks.wire import WireClient

MAX_ANSWER_BYTES = 200_000
MAX_GROWTH_BYTES = 50_000_000
REPETITIONS = 5
WIDE = (
    "CREATE TABLE wide (id INTEGER PRIMARY KEY, label TEXT NOT NULL, amount INTEGER NOT NULL);"
    "INSERT INTO wide SELECT n, 'row number ' || n || ' of a table that is wide enough to matter', n * 7 FROM ({rows}) AS s;"
)
STATEMENTS = ("SELECT * FROM wide", "SELECT * FROM wide ORDER BY amount")
SETTING = """\
A table of a million rows, read whole and read whole in an unindexed order, through `run_query` over raw pipes, asking \
for 100,000 rows, the most that may be asked. Answer is the whole line on the wire; growth is resident memory of the \
server beyond what it had after a first small query, at its highest after any call."""


def _fill(place: Place) -> None:
    raw = sqlite3.connect(place.file)
    numbers = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1000000) SELECT n FROM s"
    raw.executescript(WIDE.format(rows=numbers))
    raw.close()
    place.server.run_sql(place.database, WIDE.format(rows="SELECT n FROM generate_series(1, 1000000) AS g(n)"))


def _ask(client: WireClient, connection: str, sql: str) -> int:
    arguments = {"connection": connection, "sql": sql, "max_rows": 100_000}
    line = client.request_line("tools/call", name="run_query", arguments=arguments)
    if b'"isError":true' in line:
        raise RuntimeError(line.decode()[:500])
    return len(line)


def _measure(place: Place, connection: str, engine: str, kept: Sampler) -> tuple[Size, ...]:
    with WireClient(place.our_server, place.folder, place.environment) as client:
        client.initialize()
        _ask(client, connection, "SELECT id FROM wide LIMIT 1")
        before, growth, answer = client.memory_bytes, 0, 0
        for _ in range(REPETITIONS):
            for number, sql in enumerate(STATEMENTS):
                with kept.time(f"{engine}, {('as stored', 'sorted')[number]}"):
                    answer = max(answer, _ask(client, connection, sql))
                growth = max(growth, client.memory_bytes - before)
    return (
        Size(f"{engine}, largest answer", answer, "bytes", MAX_ANSWER_BYTES),
        Size(f"{engine}, growth of the server", growth, "bytes", MAX_GROWTH_BYTES),
    )


async def measure(place: Place) -> Outcome:
    """Ask for everything, on both engines, from a fresh server each."""
    _fill(place)
    place.configure()
    kept = Sampler()
    sizes = (*_measure(place, "lite", "SQLite", kept), *_measure(place, "pg", "PostgreSQL", kept))
    return Outcome("million_rows", "A million rows", SETTING, kept.series(), sizes=sizes)

"""What masking costs: the same reads with classified values turned into tokens, and without."""

from __future__ import annotations

import os
import sqlite3

from benchmarks.outcome import Outcome, Ratio
from benchmarks.place import PASSWORD_VARIABLE, Place
from benchmarks.timing import Sampler, rounds
from dbmanager.services.configuration import load
from dbmanager.services.container import Services
from tests.engines.postgresql import PASSWORD

ROWS = 1_000
SQL = "SELECT id, name, email, phone, city, total FROM people ORDER BY id"
PEOPLE = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT, city TEXT, "
    "total INTEGER); INSERT INTO people SELECT n, 'Ann Example ' || n, 'ann' || n || '@example.org', "
    "'+44 20 7946 0' || (100 + n % 900), 'York', n * 3 FROM ({rows}) AS s;"
)
SETTING = """\
A thousand rows of six columns, of which names, addresses and telephone numbers are classified, read in this process \
through the same reader that the tools use; connections differ in `masking` alone. Labels are known after the warm-up, \
as they are for every query after a connection's first on a table; the first one is shown apart."""


def _fill(place: Place) -> None:
    numbers = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {ROWS}) SELECT n FROM s"
    raw = sqlite3.connect(place.file)
    raw.executescript(PEOPLE.format(rows=numbers))
    raw.close()
    numbers = f"SELECT n FROM generate_series(1, {ROWS}) AS g(n)"
    place.server.run_sql(place.database, PEOPLE.format(rows=numbers) + "ANALYZE;")


async def _read(services: Services, connection: str, *, masked: bool) -> None:
    page = await services.reader.query(connection, SQL)
    text = str(page.masked.result.rows)
    if ("@example.org" in text) is masked or len(page.masked.result.rows) != ROWS:
        raise RuntimeError(f"{connection}: the rows are not as they should be")


async def measure(place: Place) -> Outcome:
    """Read the rows masked and plain, in turn, on both engines."""
    _fill(place)
    os.environ[PASSWORD_VARIABLE] = PASSWORD
    masked, plain = (Services(load(path=place.configure(masking=masking))) for masking in (True, False))
    first = Sampler()

    async def once(kept: Sampler) -> None:
        for connection, engine in (("lite", "SQLite"), ("pg", "PostgreSQL")):
            with kept.time(f"{engine}, plain"):
                await _read(plain, connection, masked=False)
            with kept.time(f"{engine}, masked"):
                await _read(masked, connection, masked=True)

    for connection, engine in (("lite", "SQLite"), ("pg", "PostgreSQL")):
        with first.time(f"{engine}, first masked read"):
            await _read(masked, connection, masked=True)
    series = await rounds(once, warm_up=3, repetitions=30)
    await masked.close()
    await plain.close()
    ratios = tuple(Ratio(f"{engine}, masked", f"{engine}, plain") for engine in ("SQLite", "PostgreSQL"))
    return Outcome("masking", "Masked rows", SETTING, (*series, *first.series()), ratios)

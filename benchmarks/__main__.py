"""Runs benchmarks, keeps their results and writes the page: `python -m benchmarks [SUBJECT ...]`.

`make bench SUBJECTS="catalog_mysql"` runs one alone; the page keeps what others measured before.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import anyio

from benchmarks import (
    catalog,
    catalog_mongodb,
    catalog_mysql,
    catalog_redis,
    classification,
    host,
    indexing,
    lineage,
    masking,
    million_rows,
    page,
    peer_servers,
    record,
    round_trip,
    start,
    tool_list,
)
from benchmarks.place import Place
from tests.engines import postgresql

SUBJECTS = {
    "start": start.measure,
    "round_trip": round_trip.measure,
    "tool_list": tool_list.measure,
    "peer_servers": peer_servers.measure,
    "catalog": catalog.measure,
    "catalog_mysql": catalog_mysql.measure,
    "catalog_mongodb": catalog_mongodb.measure,
    "catalog_redis": catalog_redis.measure,
    "masking": masking.measure,
    "classification": classification.measure,
    "indexing": indexing.measure,
    "lineage": lineage.measure,
    "million_rows": million_rows.measure,
}


def run(subject: str, server: postgresql.PostgresServer) -> list[str]:
    """Measure one subject in a place of its own, keep the result, and return what missed its target."""
    database = server.create_database()
    described = host.describe(server.run_sql(database, "SHOW server_version").split()[0])
    with tempfile.TemporaryDirectory(prefix="dbmanager-bench-") as folder:
        outcome = anyio.run(SUBJECTS[subject], Place(Path(folder), server, database))
    server.drop_database(database)
    record.write(outcome, described, host.commit())
    return outcome.missed()


def main(arguments: list[str]) -> int:
    """Run the named subjects, or all; return 1 when a target is missed."""
    unknown = [name for name in arguments if name not in SUBJECTS]
    if unknown:
        print(f"unknown: {', '.join(unknown)}. Subjects: {', '.join(SUBJECTS)}", file=sys.stderr)
        return 2
    missed: list[str] = []
    with postgresql.running() as server:
        for subject in arguments or SUBJECTS:
            print(f"{subject} ...", flush=True)
            missed += run(subject, server)
    page.write(record.read())
    print(f"Written: {page.PAGE.relative_to(host.CHECKOUT)}")
    for each in missed:
        print(f"MISSED: {each}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

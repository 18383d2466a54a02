"""What one `SELECT 1` costs through a real client and our server, beside the bare protocol and the bare driver."""

from __future__ import annotations

import sqlite3
from typing import Any

from mcp import Client

from benchmarks.outcome import Outcome, Ratio
from benchmarks.place import Place
from benchmarks.timing import Sampler, Series, rounds

SETTING = """\
The SDK's client calls tools over stdio. `run_query` answers `SELECT 1`: gate, read-only session, statement, masking \
exit. The protocol floor is the same client calling a tool that returns a constant; the driver floor is the \
statement on an open connection of the driver in this process. Each round makes each call once."""


async def _ask(client: Client, connection: str) -> None:
    result = await client.call_tool("run_query", {"connection": connection, "sql": "SELECT 1"})
    if result.is_error:
        raise RuntimeError(str(result.content))


async def _sample(place: Place, bare: Client, ours: Client) -> tuple[Series, ...]:
    lite, raw = sqlite3.connect(place.file), await place.connect()

    async def once(kept: Sampler) -> None:
        with kept.time("tool that returns a constant"):
            await bare.call_tool("constant", {})
        with kept.time("run_query on SQLite"):
            await _ask(ours, "lite")
        with kept.time("run_query on PostgreSQL"):
            await _ask(ours, "pg")
        with kept.time("sqlite3 alone"):
            _fetch(lite)
        with kept.time("asyncpg alone"):
            await raw.fetch("SELECT 1")

    found = await rounds(once, warm_up=30, repetitions=300, seconds=60)
    lite.close()
    await raw.close()
    return found


def _fetch(raw: sqlite3.Connection) -> list[Any]:
    return raw.execute("SELECT 1").fetchall()


async def measure(place: Place) -> Outcome:
    """Hold one session with each server and call in turn."""
    sqlite3.connect(place.file).executescript("CREATE TABLE t (id INTEGER PRIMARY KEY);")
    place.configure()
    async with Client(place.parameters(place.bare_server)) as bare, Client(place.parameters(place.our_server)) as ours:
        series = await _sample(place, bare, ours)
    return Outcome(
        "round_trip",
        "`SELECT 1` through client, server and engine",
        SETTING,
        series,
        ratios=(
            Ratio("run_query on SQLite", "tool that returns a constant"),
            Ratio("run_query on PostgreSQL", "tool that returns a constant"),
            Ratio("run_query on SQLite", "sqlite3 alone"),
            Ratio("run_query on PostgreSQL", "asyncpg alone"),
        ),
    )

"""What other index advisors make of the same workload on the same server, as they are shipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import asyncpg

from benchmarks import peers
from benchmarks.outcome import Size
from tests.engines.postgresql import PASSWORD, SUPERUSER, PostgresServer

_INDEXES = "SELECT coalesce(sum(pg_relation_size(indexrelid)), 0)::bigint FROM pg_stat_user_indexes"
SECONDS = 30
"""The limit it sets itself."""


async def postgres_mcp(
    server: PostgresServer, database: str, workload: Mapping[int, str], queries: Mapping[int, str], budget_mb: int
) -> tuple[list[Size], list[str]]:
    """Return what its advisor does with the whole workload and with each query alone, and every index that it advised."""
    url = f"postgresql://{SUPERUSER}:{quote(PASSWORD, safe='')}@{server.host}:{server.port}/{database}"
    request = {
        "url": url, "workload": list(workload.values()), "queries": list(queries.values()), "budget_mb": budget_mb,
        "seconds": SECONDS,
    }  # fmt: skip
    found = peers.ask(peers.POSTGRES_MCP, request)
    whole, alone = found["whole"], found["alone"]
    name = peers.POSTGRES_MCP.name
    advised = list(dict.fromkeys([*whole["indexes"], *(one for each in alone for one in each["indexes"])]))
    return [
        Size(f"{name}, {budget_mb} MB: indexes for the workload as a whole", len(whole["indexes"]), "indexes"),
        Size(f"{name}, {budget_mb} MB: whole call", whole["seconds"], "s"),
        Size(f"{name}: queries of 22, each alone, that it ends in an error", sum(bool(e["error"]) for e in alone), "queries"),
        Size(f"{name}: indexes for the queries that it survives", len(advised), "indexes"),
    ], advised  # fmt: skip


async def built(connection: asyncpg.Connection[Any], definitions: list[str]) -> int:
    """Build indexes and return the bytes of all indexes that were not there before."""
    before = int(await connection.fetchval(_INDEXES))
    for definition in definitions:
        await connection.execute(definition)
    await connection.execute("VACUUM ANALYZE")
    return int(await connection.fetchval(_INDEXES)) - before

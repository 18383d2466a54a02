"""Plans of statements with and without values, as EXPLAIN's JSON."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import asyncpg

from dbmanager.model.placeholders import colons


def has_placeholders(statement: str) -> bool:
    """Whether a statement has `$1` somewhere; one in a text counts as well, and does no harm."""
    return colons(statement, "postgres") != statement


async def explained_facts(raw: asyncpg.Connection[Any], statement: str) -> dict[str, Any]:
    """Return what EXPLAIN says of a statement; with placeholders it is planned for any value."""
    text = statement.strip().rstrip(";")
    if has_placeholders(statement):
        return await _prepared(raw, text)
    found: dict[str, Any] = json.loads(await raw.fetchval(f"EXPLAIN (FORMAT JSON) {text}"))[0]
    return found


async def _prepared(raw: asyncpg.Connection[Any], statement: str) -> dict[str, Any]:
    """Plan a prepared statement with NULLs, told to plan for any value: GENERIC_PLAN is of 16 and gives the same."""
    await raw.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    await raw.fetch(f"PREPARE dbmanager_generic AS {statement}")  # `execute` would take several statements
    try:
        query = "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'dbmanager_generic'"
        count = await raw.fetchval(query)
        values = f"({', '.join(['NULL'] * count)})" if count else ""
        found: dict[str, Any] = json.loads(
            await raw.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE dbmanager_generic{values}")
        )[0]
        return found
    finally:
        if not raw.is_closed():
            await _deallocated(raw)


async def _deallocated(raw: asyncpg.Connection[Any]) -> None:
    """Drop the prepared statement; after a failure the rolled back transaction leaves it to the session's reset."""
    with contextlib.suppress(asyncpg.PostgresError):
        await raw.execute("DEALLOCATE dbmanager_generic")

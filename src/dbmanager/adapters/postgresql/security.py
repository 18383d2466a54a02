"""Runs PostgreSQL's checks of security and health over a plain connection."""

from __future__ import annotations

import re

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.postgresql.checks import CHECKS
from dbmanager.adapters.postgresql.checks.correlation import PAIRS
from dbmanager.adapters.postgresql.column_pairs import column_pairs
from dbmanager.adapters.postgresql.session import Sessions
from dbmanager.adapters.sql.values import canonical
from dbmanager.errors import PermissionDenied
from dbmanager.model.findings import FactRows, QueryCheck

OTHERS = re.compile(r"\bpg_stat_(activity|replication|progress_create_index)\b")
"""Views that show a role without pg_read_all_stats nothing of other roles' sessions, instead of refusing."""


class PostgresSecurity:
    """The `Security` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._monitors: bool | None = None

    def checks(self) -> tuple[QueryCheck, ...]:
        """Return the checks in id order."""
        return CHECKS

    async def facts(self, check: QueryCheck) -> FactRows | Unsupported:
        """Run a check's query; a role that may not see the facts is told so."""
        version = (await self._sessions.role()).version
        if check.min_version and version < check.min_version:
            return Unsupported(f"needs PostgreSQL {check.min_version // 10_000}")
        is_newer = check.newer is not None and version >= check.newer[0]
        query = check.newer[1] if check.newer is not None and is_newer else check.query
        if OTHERS.search(query) and not await self._sees_others():
            return Unsupported("the role sees no more than its own sessions (it is no member of pg_monitor)")
        try:
            async with self._sessions.reading(timeout_seconds=30, lock_seconds=5, confined=False) as raw:
                if query == PAIRS:
                    return await column_pairs(raw)
                rows = await raw.fetch(query)
        except PermissionDenied as denied:
            return Unsupported(f"the role can't see it: {denied.message}")
        more = {"evidence_query": query} if is_newer else {}
        return tuple({name: canonical(value) for name, value in row.items()} | more for row in rows)

    async def _sees_others(self) -> bool:
        """Whether the role sees other roles' sessions, asked once."""
        if self._monitors is None:
            async with self._sessions.reading(timeout_seconds=30, lock_seconds=5, confined=False) as raw:
                self._monitors = bool(
                    await raw.fetchval("SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')")
                )
        return self._monitors

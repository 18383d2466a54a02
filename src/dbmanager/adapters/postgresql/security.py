"""Runs PostgreSQL's checks of security and health over a plain connection."""

from __future__ import annotations

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.postgresql.checks import CHECKS
from dbmanager.adapters.postgresql.session import Sessions
from dbmanager.adapters.sql.values import canonical
from dbmanager.errors import PermissionDenied
from dbmanager.model.findings import FactRows, QueryCheck


class PostgresSecurity:
    """The `Security` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

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
        try:
            async with self._sessions.reading(timeout_seconds=30, lock_seconds=5, confined=False) as raw:
                rows = await raw.fetch(query)
        except PermissionDenied as denied:
            return Unsupported(f"the role can't see it: {denied.message}")
        more = {"evidence_query": query} if is_newer else {}
        return tuple({name: canonical(value) for name, value in row.items()} | more for row in rows)

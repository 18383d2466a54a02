"""Runs the security checks of MySQL and MariaDB over a plain connection."""

from __future__ import annotations

import re

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mysql.checks import CHECKS, NEEDS
from dbmanager.adapters.mysql.session import Sessions
from dbmanager.adapters.sql.values import canonical
from dbmanager.errors import PermissionDenied
from dbmanager.model.findings import FactRows, QueryCheck

GRANTS = re.compile(r"\bUSER_PRIVILEGES\b|\bSCHEMA_PRIVILEGES\b")
_ALL_ACCOUNTS = "SELECT 1 FROM mysql.user LIMIT 0"
"""Who may not read this is shown its own grants only, and everybody else would seem harmless."""


class MysqlSecurity:
    """The `Security` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def checks(self) -> tuple[QueryCheck, ...]:
        """Return the checks in id order."""
        return CHECKS

    async def facts(self, check: QueryCheck) -> FactRows | Unsupported:
        """Run a check's query; an account that may not see the facts is told so."""
        facts = await self._sessions.facts()
        needed = NEEDS.get(check.id)
        if needed is not None and needed not in facts.has:
            return Unsupported(f"version {facts.version} has no {needed}")
        try:
            async with self._sessions.reading(timeout_seconds=30, lock_seconds=5) as raw:
                if GRANTS.search(check.query):
                    await raw.fetch(_ALL_ACCOUNTS)
                await raw.begin_stream(check.query)
                names = [str(field.name) for field in raw._result.fields]
                rows = []
                while (row := await raw.next_row()) is not None:
                    rows.append({name: canonical(value) for name, value in zip(names, row, strict=True)})
        except PermissionDenied as denied:
            return Unsupported(f"the account can't see it: {denied.message}")
        return tuple(rows)

"""Runs the checks of security and health of MySQL and MariaDB over a plain connection."""

from __future__ import annotations

import re

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mysql.checks import CHECKS, NEEDS
from dbmanager.adapters.mysql.checks.judges import COUNTERS, LOCK_WAITS
from dbmanager.adapters.mysql.session import Sessions
from dbmanager.adapters.mysql.wire import Wire
from dbmanager.adapters.sql.lock_chains import fingerprint
from dbmanager.adapters.sql.values import canonical
from dbmanager.errors import PermissionDenied
from dbmanager.model.findings import FactRows, QueryCheck
from dbmanager.model.queries import Cell

GRANTS = re.compile(r"\bUSER_PRIVILEGES\b|\bSCHEMA_PRIVILEGES\b")
_ALL_ACCOUNTS = "SELECT 1 FROM mysql.user LIMIT 0"
"""Who may not read this is shown its own grants only, and everybody else would seem harmless."""

_SINCE = "TIMESTAMPDIFF(SECOND, t.{moment}, CONVERT_TZ(NOW(), @@session.time_zone, 'SYSTEM'))"
SESSIONS = (
    "SELECT t.trx_mysql_thread_id, t.trx_id, t.trx_state, t.trx_query, "  # noqa: S608 - constants
    f"{_SINCE.format(moment='trx_started')}, {_SINCE.format(moment='trx_wait_started')} "
    "FROM information_schema.INNODB_TRX AS t ORDER BY t.trx_started LIMIT 500"
)
WAITS_OF_MARIADB = "SELECT requesting_trx_id, blocking_trx_id FROM information_schema.INNODB_LOCK_WAITS LIMIT 2000"
WAITS = (
    "SELECT REQUESTING_ENGINE_TRANSACTION_ID, BLOCKING_ENGINE_TRANSACTION_ID FROM performance_schema.data_lock_waits "
    "LIMIT 2000"
)


GATHERED = "mysql.innodb_table_stats"
"""What is compared with it must be of now; MySQL tells numbers of rows of yesterday otherwise."""


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
                if check.query == COUNTERS:
                    return await _counters(raw)
                if check.query == LOCK_WAITS:
                    of_mariadb = "innodb_lock_waits.requesting_trx_id" in facts.has
                    if not of_mariadb and "performance_schema" not in facts.has:
                        return Unsupported("performance_schema is off, and no other table tells who waits for whom")
                    return await _waiting(raw, WAITS_OF_MARIADB if of_mariadb else WAITS)
                if GATHERED in check.query and facts.product == "mysql":
                    await raw.run("SET SESSION information_schema_stats_expiry = 0")
                    try:
                        return await _rows(raw, check.query)
                    finally:
                        await raw.run("SET SESSION information_schema_stats_expiry = DEFAULT")
                return await _rows(raw, check.query)
        except PermissionDenied as denied:
            return Unsupported(f"the account can't see it: {denied.message}")


async def _rows(raw: Wire, query: str) -> FactRows:
    await raw.begin_stream(query)
    names = [str(field.name) for field in raw._result.fields]
    rows = []
    while (row := await raw.next_row()) is not None:
        rows.append({name: canonical(value) for name, value in zip(names, row, strict=True)})
    return tuple(rows)


async def _counters(raw: Wire) -> FactRows:
    """Return one row: every counter, and every setting, by name in small letters."""
    found = [*await raw.fetch("SHOW GLOBAL VARIABLES"), *await raw.fetch(COUNTERS)]
    return ({str(name).lower(): canonical(value) for name, value in found},)


async def _waiting(raw: Wire, waits: str) -> FactRows:
    """Return the sessions with a transaction and whom each waits for; of statements no more than their fingerprints."""
    sessions = await raw.fetch(SESSIONS)
    numbers = {str(row[1]): int(row[0]) for row in sessions}
    blockers: dict[str, list[Cell]] = {}
    for waiting, blocking in await raw.fetch(waits):
        if str(blocking) in numbers:
            blockers.setdefault(str(waiting), []).append(numbers[str(blocking)])
    return tuple(
        {
            "pid": int(row[0]), "blocked_by": blockers.get(str(row[1]), []), "state": str(row[2]),
            "statement": fingerprint(row[3]), "seconds": int(row[4] or 0), "waits_seconds": int(row[5] or 0),
        }
        for row in sessions
    )  # fmt: skip

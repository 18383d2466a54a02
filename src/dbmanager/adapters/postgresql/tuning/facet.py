"""Measures PostgreSQL for its settings, and writes the steps that change one."""

from __future__ import annotations

from collections.abc import Mapping

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.postgresql.session import Sessions
from dbmanager.adapters.postgresql.tuning.overridden import ServerValue, server_values
from dbmanager.adapters.postgresql.tuning.rules import RULES
from dbmanager.adapters.sql.values import canonical
from dbmanager.errors import PermissionDenied
from dbmanager.model.changes import ChangeStep, Probe
from dbmanager.model.queries import Cell
from dbmanager.model.tuning import Measured, Recommendation, TuningRule

SETTINGS = (
    "work_mem", "shared_buffers", "effective_cache_size", "max_wal_size", "random_page_cost", "max_connections",
    "idle_in_transaction_session_timeout",
)  # fmt: skip
SIZES = ("work_mem", "shared_buffers", "effective_cache_size", "max_wal_size")
# Our own session sets timeouts for itself; reset_val is what every other session has.
_SETTINGS = (
    "SELECT name, CASE WHEN name LIKE '%timeout' THEN reset_val || unit ELSE current_setting(name) END AS value, reset_val, "
    "coalesce(sourcefile LIKE '%postgresql.auto.conf', false) AS is_altered, source FROM pg_settings WHERE name = ANY ($1)"
)
_COUNTERS = (
    "SELECT d.temp_files, d.temp_bytes, d.blks_read, d.blks_hit, d.blk_read_time AS blk_read_time_ms, "
    "(to_jsonb(d) ->> 'idle_in_transaction_time')::float8 AS idle_in_transaction_ms, "
    "(to_jsonb(d) ->> 'session_time')::float8 AS session_ms, coalesce(d.stats_reset, pg_postmaster_start_time()) AS counted_since, "
    "extract(epoch FROM now() - coalesce(d.stats_reset, pg_postmaster_start_time()))::float8 / 3600 AS hours, "
    "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
    "HAVING pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')) AS used_connections, "
    "current_setting('superuser_reserved_connections')::int AS reserved_connections "
    "FROM pg_stat_database AS d WHERE d.datname = current_database()"
)
_CHECKPOINTS = "SELECT checkpoints_req AS checkpoints_requested, checkpoints_timed FROM pg_stat_bgwriter"
_CHECKPOINTS_17 = (
    "SELECT num_requested AS checkpoints_requested, num_timed AS checkpoints_timed FROM pg_stat_checkpointer"
)
_CHURNED = (
    "SELECT format('%I.%I', s.schemaname, s.relname) AS quoted, s.n_live_tup AS live_rows, s.n_dead_tup AS dead_rows, "
    "s.n_tup_upd + s.n_tup_del AS changed, o.option_value IS NOT NULL AS is_own, "
    "coalesce(o.option_value, current_setting('autovacuum_vacuum_scale_factor')) AS scale_factor "
    "FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid "
    "LEFT JOIN pg_options_to_table(c.reloptions) AS o ON o.option_name = 'autovacuum_vacuum_scale_factor' "
    "WHERE s.n_live_tup >= 10000 AND s.n_dead_tup > 0.2 * s.n_live_tup ORDER BY s.n_dead_tup DESC LIMIT 20"
)
_WRITTEN = (
    "SELECT setting FROM pg_file_settings WHERE name = $1 AND sourcefile LIKE '%postgresql.auto.conf' "
    "ORDER BY seqno DESC LIMIT 1"
)
_OPTION = (
    "SELECT o.option_value FROM pg_class AS c, pg_options_to_table(c.reloptions) AS o "
    "WHERE c.oid = $1::text::regclass AND o.option_name = 'autovacuum_vacuum_scale_factor'"
)
_SIZES = "SELECT n, pg_size_bytes(coalesce(v, current_setting(n))) FROM unnest($1::text[], $2::text[]) AS u (n, v)"
_MILLISECONDS = "SELECT (extract(epoch FROM $1::text::interval) * 1000)::bigint"
_UNKNOWN = (
    "the connected role or database has a value of its own (ALTER ROLE, ALTER DATABASE), and the role may not read the "
    "server's (pg_file_settings); connect as one without, or that may"
)
IDLE = "idle_in_transaction_session_timeout"
FIXED = "command line"
RELOAD = "SELECT pg_reload_conf(), pg_sleep(0.5)"
"""The postmaster hands the signal on; half a second later every session has it before its next statement."""


class PostgresTuning:
    """The `Tuning` facet."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def rules(self) -> tuple[TuningRule, ...]:
        """Return the rules in id order."""
        return RULES

    async def measured(self) -> Measured | Unsupported:
        """Read settings and counters in one snapshot; four reads of statistics views, no table of the user's."""
        version = (await self._sessions.role()).version
        try:
            async with self._sessions.reading(timeout_seconds=30, lock_seconds=5, confined=False) as raw:
                settings = await raw.fetch(_SETTINGS, list(SETTINGS))
                own = await server_values(raw, SETTINGS)
                sizes = await raw.fetch(_SIZES, list(SIZES), [_value(own, name) for name in SIZES])
                idle = await raw.fetchval(_MILLISECONDS, _value(own, IDLE))
                rows = [
                    await raw.fetchrow(_COUNTERS),
                    await raw.fetchrow(_CHECKPOINTS_17 if version >= 170_000 else _CHECKPOINTS),
                ]
                churned = await raw.fetch(_CHURNED)
        except PermissionDenied as denied:
            return Unsupported(f"the role can't see it: {denied.message}")
        figures: dict[str, Cell] = {name: canonical(value) for row in rows if row for name, value in row.items()}
        for name, value, reset, is_altered, source in settings:
            figures |= {name: value, f"{name}.altered": bool(is_altered), f"{name}.source": source}
            if name == IDLE:
                figures[f"{name}_ms"] = int(reset) if idle is None else idle
        figures |= {f"{name}_bytes": size for name, size in sizes}
        for name, known in own.items():
            if known is not None:
                figures |= {name: known.value, f"{name}.altered": known.is_altered, f"{name}.source": known.source}
        tables = tuple({name: canonical(value) for name, value in row.items()} for row in churned)
        return Measured(
            figures, {"churned_tables": tables}, {name: _UNKNOWN for name, known in own.items() if known is None}
        )

    def steps(self, recommendation: Recommendation, measured: Measured) -> tuple[ChangeStep, ...]:
        """Return ALTER SYSTEM, or the option of one table."""
        rule, proposed = recommendation.rule, recommendation.proposed
        if proposed.object_name:
            return (_of_table(recommendation, measured),)
        if measured.text(f"{rule.setting}.source") == FIXED:
            return ()
        known = measured.text(rule.setting)
        back = (
            f"ALTER SYSTEM SET {rule.setting} = '{known}'"
            if measured.figures.get(f"{rule.setting}.altered")
            else f"ALTER SYSTEM RESET {rule.setting}"
        )
        return (
            ChangeStep(
                title=f"{rule.setting}: {known} becomes {proposed.value}",
                statement=f"ALTER SYSTEM SET {rule.setting} = '{proposed.value}'",
                risk="medium" if rule.takes == "restart" else "low", access="admin", lock="none", transactional=False,
                inverse=(back, RELOAD),
                postcondition=Probe(statement=_WRITTEN, parameters=(rule.setting,), expected=proposed.value),
            ),
        )  # fmt: skip

    def by_hand(self, recommendation: Recommendation, measured: Measured) -> str | None:
        """Return the restart, or the command line, that is left to a person."""
        if measured.text(f"{recommendation.rule.setting}.source") == FIXED:
            return f"{recommendation.rule.setting} is given on the server's command line, where ALTER SYSTEM can't reach it."
        if recommendation.rule.takes == "restart":
            return f"Restart the server in a quiet hour: {recommendation.rule.setting} waits for it (pending_restart)."
        return None

    def finish(self) -> tuple[ChangeStep, ...]:
        """Return the reload."""
        return (
            ChangeStep(title="Read the configuration again", statement=RELOAD, access="admin", lock="none", transactional=False, inverse=(RELOAD,),
                       postcondition=Probe(statement="SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL AND name = ANY "
                                                     "(SELECT name FROM pg_settings WHERE context <> 'postmaster')", expected=0)),
        )  # fmt: skip


def _value(own: Mapping[str, ServerValue | None], name: str) -> str | None:
    """Return the server's value where the session's is not the server's."""
    known = own.get(name)
    return known.value if known is not None else None


def _of_table(recommendation: Recommendation, measured: Measured) -> ChangeStep:
    name, setting, value = (
        recommendation.proposed.object_name,
        recommendation.rule.setting,
        recommendation.proposed.value,
    )
    own = next((row for row in measured.rows("churned_tables") if row["quoted"] == name and row["is_own"]), None)
    undo = f"SET ({setting} = {own['scale_factor']})" if own else f"RESET ({setting})"
    return ChangeStep(
        title=f"{setting} of {name}: {recommendation.proposed.current} becomes {value}",
        statement=f"ALTER TABLE {name} SET ({setting} = {value})",
        lock="SHARE UPDATE EXCLUSIVE: reads and writes go on", inverse=(f"ALTER TABLE {name} {undo}",),
        postcondition=Probe(statement=_OPTION, parameters=(name,), expected=value),
    )  # fmt: skip

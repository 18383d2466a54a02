"""Checks of health over vacuum and the age of rows."""

from __future__ import annotations

from dbmanager.adapters.postgresql.checks.judges import POSTGRESQL, TABLE, flagged
from dbmanager.model.findings import Check, QueryCheck, Severity


def _option(name: str) -> str:
    """Return SQL for a setting of autovacuum as it holds for the table `c`."""
    of_table = f"(SELECT o.option_value FROM pg_options_to_table(c.reloptions) AS o WHERE o.option_name = '{name}')"  # noqa: S608 - constants
    return f"coalesce({of_table}, current_setting('{name}'))::float8"


def _due(kind: str) -> str:
    """Return SQL for the number of rows from which on autovacuum takes up the table `c`."""
    share = _option(f"autovacuum_{kind}_scale_factor")
    return f"({_option(f'autovacuum_{kind}_threshold')} + {share} * greatest(c.reltuples, 0))"


_FROM = "FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid JOIN pg_namespace AS n ON n.oid = c.relnamespace"


def _old(age: str, oldest: str) -> str:
    return (
        f"SELECT {TABLE}, {age} AS age, current_setting('{oldest}')::bigint AS vacuumed_at, "  # noqa: S608 - constants
        f"CASE WHEN {age} > 1600000000 OR {age} > 1.5 * current_setting('{oldest}')::bigint THEN 'critical' END AS severity "
        "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', 't') "
        f"AND {age} > current_setting('{oldest}')::bigint AND c.relfrozenxid <> '0' "
        f"ORDER BY n.nspname IN ('pg_catalog', 'pg_toast', 'information_schema'), {age} DESC LIMIT 20"
    )


VACUUM: tuple[QueryCheck, ...] = (
    Check("PG-207", Severity.MEDIUM, POSTGRESQL, "Dead rows that vacuum should have removed",
          "Scans read them, indexes point at them, and the table grows instead of reusing their place.",
          "PostgreSQL manual 25.1.6, autovacuum threshold",
          flagged("Vacuum it, and look why autovacuum did not: switched off, held back by an old transaction, too slow.",
                  "VACUUM (ANALYZE) {quoted}"),
          f"SELECT {TABLE}, s.n_dead_tup AS dead_rows, s.n_live_tup AS live_rows, round({_due('vacuum')}) AS due_at, "
          f"coalesce(s.last_autovacuum, s.last_vacuum) AS last_vacuum {_FROM} "
          f"WHERE s.n_dead_tup >= 1000 AND s.n_dead_tup > 2 * {_due('vacuum')} ORDER BY s.n_dead_tup DESC LIMIT 20",
          pack="health", threshold="twice the number at which autovacuum takes the table up, 1,000 rows at least.",
          caveat="the number is an estimate; a bulk delete of the last minutes is not a lasting fault."),
    Check("PG-208", Severity.MEDIUM, POSTGRESQL, "Table that autovacuum leaves out",
          "Only the emergency against wraparound will ever vacuum it.", "PostgreSQL manual, CREATE TABLE, Storage Parameters",
          flagged("Let autovacuum have it.", "ALTER TABLE {quoted} RESET (autovacuum_enabled)",
                  "ALTER TABLE {quoted} SET (autovacuum_enabled = false)"),
          f"SELECT {TABLE}, c.reltuples::bigint AS estimated_rows FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "  # noqa: S608
          "WHERE c.relkind = 'r' AND EXISTS (SELECT 1 FROM pg_options_to_table(c.reloptions) AS o "
          "WHERE o.option_name = 'autovacuum_enabled' AND o.option_value IN ('false', 'off', 'no', '0', 'f', 'n')) LIMIT 50",
          pack="health", threshold="the table's own autovacuum_enabled is off.",
          caveat="a table that is loaded once and vacuumed by its loader may do without."),
    Check("PG-209", Severity.HIGH, POSTGRESQL, "Autovacuum is off",
          "Dead rows pile up, statistics grow old, and transaction numbers run out.", "PostgreSQL manual 20.10, autovacuum",
          flagged("Switch it on.", "ALTER SYSTEM SET {quoted} = on", "ALTER SYSTEM SET {quoted} = off"),
          "SELECT name AS object, name AS quoted, setting AS value FROM pg_settings WHERE name IN ('autovacuum', 'track_counts') "
          "AND setting = 'off'",
          pack="health", threshold="autovacuum or track_counts is off.",
          caveat="a scheduled VACUUM may stand in for it; nothing in the catalog tells."),
    Check("PG-210", Severity.LOW, POSTGRESQL, "Statistics are out of date",
          "The planner takes the table for what it was, and picks joins and indexes for that.",
          "PostgreSQL manual 25.1.3", flagged("Analyze it.", "ANALYZE {quoted}"),
          f"SELECT {TABLE}, s.n_mod_since_analyze AS rows_changed, round({_due('analyze')}) AS due_at, "
          f"coalesce(s.last_autoanalyze, s.last_analyze) AS last_analyze {_FROM} "
          f"WHERE s.n_mod_since_analyze >= 1000 AND s.n_mod_since_analyze > 2 * {_due('analyze')} "
          "ORDER BY s.n_mod_since_analyze DESC LIMIT 20",
          pack="health", threshold="twice the number at which autovacuum analyzes the table, 1,000 rows at least.",
          caveat="rows may have changed without changing the distribution."),
    Check("PG-211", Severity.HIGH, POSTGRESQL, "Transaction numbers of a table are about to run out",
          "At two thousand million the server stops accepting writes, to keep old rows from vanishing.",
          "PostgreSQL manual 25.1.5; 20.11, autovacuum_freeze_max_age",
          flagged("Vacuum it now; then look what holds vacuum back (old transactions, slots, prepared transactions).",
                  "VACUUM (FREEZE) {quoted}"), _old("age(c.relfrozenxid)", "autovacuum_freeze_max_age"),
          pack="health", threshold="autovacuum_freeze_max_age, when autovacuum is forced; critical from 1.5 times that, or 1.6 thousand million.",
          caveat="autovacuum may be at it just now: see pg_stat_progress_vacuum."),
    Check("PG-212", Severity.HIGH, POSTGRESQL, "Multixact numbers of a table are about to run out",
          "When they are gone, rows can't be locked by several transactions any more and writes stop.",
          "PostgreSQL manual 25.1.5.1; 20.11, autovacuum_multixact_freeze_max_age",
          flagged("Vacuum it now.", "VACUUM (FREEZE) {quoted}"),
          _old("mxid_age(c.relminmxid)", "autovacuum_multixact_freeze_max_age"),
          pack="health", threshold="autovacuum_multixact_freeze_max_age; critical from 1.5 times that.",
          caveat="autovacuum may be at it just now: see pg_stat_progress_vacuum."),
    Check("PG-213", Severity.HIGH, POSTGRESQL, "Forgotten prepared transaction",
          "It keeps its locks and holds vacuum back over every restart, and no session shows it.",
          "PostgreSQL manual, PREPARE TRANSACTION, Caution",
          flagged("Ask its transaction manager, then COMMIT PREPARED or ROLLBACK PREPARED it."),
          "SELECT p.gid AS object, p.owner::text AS role, p.prepared, age(p.transaction) AS xid_age FROM pg_prepared_xacts AS p "
          "WHERE p.database = current_database() AND clock_timestamp() - p.prepared > interval '1 hour' ORDER BY p.prepared LIMIT 20",
          pack="health", threshold="prepared more than 1 hour ago; the bound is ours.",
          caveat="a transaction manager that is down may still mean to finish it."),
    Check("PG-214", Severity.LOW, POSTGRESQL, "Updates that touch every index",
          "An update that stays on its page and changes no indexed column needs no index entry (HOT); these do.",
          "PostgreSQL manual 73.7, Heap-Only Tuples",
          flagged("Leave free space in its pages; and look which index holds the column that changes.",
                  "ALTER TABLE {quoted} SET (fillfactor = 90)", "ALTER TABLE {quoted} {undo} (fillfactor{undo_value})"),
          f"SELECT {TABLE}, s.n_tup_upd AS updates, s.n_tup_hot_upd AS hot_updates, o.option_value AS fillfactor, "
          "CASE WHEN o.option_value IS NULL THEN 'RESET' ELSE 'SET' END AS undo, "
          "coalesce(' = ' || o.option_value, '') AS undo_value, d.stats_reset AS counted_since "
          f"{_FROM} JOIN pg_stat_database AS d ON d.datname = current_database() "
          "LEFT JOIN pg_options_to_table(c.reloptions) AS o ON o.option_name = 'fillfactor' "
          "WHERE s.n_tup_upd >= 10000 AND s.n_tup_hot_upd < 0.5 * s.n_tup_upd AND c.relhasindex "
          "AND coalesce(o.option_value::int, 100) > 90 ORDER BY s.n_tup_upd DESC LIMIT 20",
          pack="health", threshold="fewer than half of 10,000 updates or more; the bound is ours.",
          caveat="free space does not help where the column that changes is indexed; new pages only have it."),
    Check("PG-236", Severity.MEDIUM, POSTGRESQL, "Something old holds vacuum back",
          "No row that it might still see can be removed, in any table.", "PostgreSQL manual 25.1.5; 27.2.6; 20.6.3, hot_standby_feedback",
          flagged("End the session, drop the slot, finish the prepared transaction, or end the standby's long read."),
          "SELECT object, held_by, age FROM ("
          "SELECT format('session %s', a.pid) AS object, 'a session' AS held_by, greatest(age(a.backend_xmin), age(a.backend_xid)) AS age "
          "FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() "
          "UNION ALL SELECT s.slot_name::text, 'a replication slot', greatest(age(s.xmin), age(s.catalog_xmin)) FROM pg_replication_slots AS s "
          "UNION ALL SELECT p.gid, 'a prepared transaction', age(p.transaction) FROM pg_prepared_xacts AS p "
          "UNION ALL SELECT coalesce(nullif(r.application_name, ''), r.pid::text), 'a standby', age(r.backend_xmin) "
          "FROM pg_stat_replication AS r) AS h WHERE age > 1000000 ORDER BY age DESC LIMIT 20",
          pack="health", threshold="a million transactions; the bound is ours.",
          caveat="a dump of a large database is that old by nature."),
)  # fmt: skip

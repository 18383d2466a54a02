"""Checks of health over what takes room: bloat, invalid indexes, sequences that run out."""

from __future__ import annotations

from dbmanager.adapters.postgresql.checks.judges import POSTGRESQL, TABLE, flagged
from dbmanager.model.findings import Check, QueryCheck, Severity

_WIDTH = (
    "(SELECT sum(coalesce(t.avg_width, 4) * (1 - coalesce(t.null_frac, 0))) FROM pg_stats AS t "
    "WHERE t.schemaname = n.nspname AND t.tablename = {table} {which})"
)
_FILL = "coalesce((SELECT o.option_value::float8 FROM pg_options_to_table({of}.reloptions) AS o WHERE o.option_name = 'fillfactor'), {full})"
_TABLE_WIDTH = _WIDTH.format(table="c.relname", which="")
_INDEX_WIDTH = _WIDTH.format(
    table="h.relname",
    which="AND t.attname IN (SELECT b.attname FROM pg_attribute AS b WHERE b.attrelid = h.oid AND b.attnum = ANY (x.indkey))",
)
_TABLE_FILL = _FILL.format(of="c", full=100)
_INDEX_FILL = _FILL.format(of="c", full=90)
_IS_SEEN = "(has_table_privilege({table}.oid, 'SELECT') AND NOT row_security_active({table}.oid))"
"""Whether `pg_stats` shows the role every column of a table: from some of them it would seem emptier than it is."""
_BLOCK = "current_setting('block_size')::float8"

_UNSEEN = (
    "'the role may not read the statistics of ' || count(*) || ' of the large ones, such as ' || min(object) || ' (it lacks SELECT, "
    "or row security holds)' FROM e WHERE NOT is_seen HAVING count(*) > 0"
)

SPACE: tuple[QueryCheck, ...] = (
    Check("PG-215", Severity.MEDIUM, POSTGRESQL, "Table is mostly air",
          "Scans read and the cache holds pages that are half empty.",
          "PostgreSQL manual 73.6, page layout; F.33 pgstattuple",
          flagged("Rewrite it in a quiet hour (VACUUM FULL locks it) or by pg_repack; measure before by pgstattuple_approx."),
          f"WITH e AS (SELECT {_IS_SEEN.format(table='c')} AS is_seen, {TABLE}, c.relpages::float8 AS pages, {_BLOCK} AS block, coalesce(s.last_analyze, s.last_autoanalyze) AS last_analyze, "  # noqa: S608
          f"ceil(c.reltuples * (28 + ceil({_TABLE_WIDTH} / 8) * 8) / (({_BLOCK} - 24) * {_TABLE_FILL} / 100)) AS needed "
          "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_stat_user_tables AS s ON s.relid = c.oid "
          "WHERE c.relkind IN ('r', 'm') AND c.reltuples >= 0 AND c.relpages > 1280) "
          "(SELECT object, round(pages * block) AS bytes, round((pages - needed) * block) AS wasted_bytes, last_analyze, NULL AS unseen "
          "FROM e WHERE is_seen AND (pages - needed) * block > 10485760 AND pages - needed > 0.4 * pages "
          f"ORDER BY pages - needed DESC LIMIT 20) UNION ALL SELECT NULL, NULL, NULL, NULL, {_UNSEEN}",
          pack="health", threshold="40 % and 10 MB more pages than rows of their average width need; the bound is ours.",
          caveat="it is an estimate from the last ANALYZE: wide rows kept elsewhere (TOAST) and old statistics mislead it."),
    Check("PG-216", Severity.MEDIUM, POSTGRESQL, "Index is mostly air",
          "Each look-up reads more pages than it must, and the cache is filled with them.",
          "PostgreSQL manual 25.2, Routine Reindexing", flagged("Build it anew beside the old one.", "REINDEX INDEX CONCURRENTLY {quoted}"),
          f"WITH e AS (SELECT {_IS_SEEN.format(table='h')} AS is_seen, {TABLE}, c.relpages::float8 AS pages, {_BLOCK} AS block, "  # noqa: S608
          f"ceil(c.reltuples * (12 + ceil({_INDEX_WIDTH} / 8) * 8) / (({_BLOCK} - 40) * {_INDEX_FILL} / 100)) AS needed "
          "FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid JOIN pg_class AS h ON h.oid = x.indrelid "
          "JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_am AS m ON m.oid = c.relam "
          "WHERE m.amname = 'btree' AND x.indisvalid AND x.indexprs IS NULL AND x.indpred IS NULL AND c.reltuples >= 0 "
          "AND n.nspname NOT IN ('pg_catalog', 'pg_toast') AND c.relpages > 1280) "
          "(SELECT object, quoted, round(pages * block) AS bytes, round((pages - needed) * block) AS wasted_bytes, NULL AS unseen "
          "FROM e WHERE is_seen AND (pages - needed) * block > 10485760 AND pages - needed > 0.4 * pages "
          f"ORDER BY pages - needed DESC LIMIT 20) UNION ALL SELECT NULL, NULL, NULL, NULL, {_UNSEEN}",
          pack="health", threshold="40 % and 10 MB more pages than its entries need; the bound is ours.",
          caveat="it is an estimate from the last ANALYZE; measure by pgstatindex before a large one is rebuilt."),
    Check("PG-217", Severity.MEDIUM, POSTGRESQL, "Index that is not valid",
          "No query may use it, and every write keeps it up all the same; a CREATE INDEX CONCURRENTLY failed.",
          "PostgreSQL manual, CREATE INDEX, Building Indexes Concurrently",
          flagged("Drop it, mend what made it fail (duplicates of a unique one), and make it again.",
                  "DROP INDEX CONCURRENTLY {quoted}", "{undo}"),
          f"SELECT {TABLE}, x.indrelid::regclass::text AS on_table, x.indisunique AS is_unique, "  # noqa: S608
          "CASE WHEN NOT x.indisunique THEN regexp_replace(pg_get_indexdef(c.oid), '^CREATE INDEX ', 'CREATE INDEX CONCURRENTLY ') END AS undo "
          "FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace "
          "WHERE (NOT x.indisvalid OR NOT x.indisready) AND c.relkind = 'i' "
          "AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index AS p WHERE p.index_relid = c.oid) LIMIT 50",
          pack="health", threshold="indisvalid or indisready is false and no session is building it.",
          caveat="a build that waits between two transactions may be missed by the progress view for a moment."),
    Check("PG-218", Severity.MEDIUM, POSTGRESQL, "Sequence is nearly at its end",
          "After the last number every insert fails.", "PostgreSQL manual, CREATE SEQUENCE; 8.1.4 serial types",
          flagged("Give the column and the sequence the type bigint; the column's table is rewritten and locked for that."),
          "SELECT object, CASE WHEN last_value >= 0.9 * most THEN 'high' END AS severity, last_value, most, column_type, "
          "round(100.0 * last_value / most, 1) AS used_pct FROM (SELECT format('%s.%s', q.schemaname, q.sequencename) AS object, "
          "q.last_value, t.typname::text AS column_type, least(q.max_value, CASE t.typname WHEN 'int2' THEN 32767 WHEN 'int4' "
          "THEN 2147483647 ELSE 9223372036854775807 END) AS most FROM pg_sequences AS q JOIN pg_namespace AS n ON n.nspname = q.schemaname "
          "JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = q.sequencename AND c.relkind = 'S' "
          "LEFT JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 "
          "AND d.refclassid = 'pg_class'::regclass LEFT JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid "
          "LEFT JOIN pg_type AS t ON t.oid = a.atttypid WHERE NOT q.cycle AND q.increment_by > 0) AS s "
          "WHERE last_value >= 0.75 * most ORDER BY last_value::numeric / most DESC LIMIT 20",
          pack="health", threshold="75 % of what the sequence and its column can hold, high from 90 %; the share is ours.",
          caveat="the role must be allowed to see the sequence's value; one that is used rarely has time."),
)  # fmt: skip

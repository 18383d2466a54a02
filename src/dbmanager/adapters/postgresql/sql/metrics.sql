-- name: metrics_database
-- purpose: size, limits and counters of the database, in one row
SELECT pg_database_size(d.oid) AS database_bytes, s.blks_hit AS cache_hits, s.blks_read AS cache_misses,
       s.xact_commit AS commits, s.xact_rollback AS rollbacks, s.temp_bytes, s.deadlocks,
       (SELECT sum(numbackends) FROM pg_stat_database) AS connections_used,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS connections_max,
       (SELECT max(extract(epoch FROM now() - a.xact_start)) FROM pg_stat_activity AS a
        WHERE a.pid <> pg_backend_pid() AND a.backend_type = 'client backend') AS oldest_transaction_seconds,
       age(d.datfrozenxid)::float8 / 2147483648 AS frozen_age_ratio
FROM pg_database AS d JOIN pg_stat_database AS s ON s.datid = d.oid
WHERE d.datname = current_database();

-- name: metrics_tables
-- purpose: size and rows of the hundred largest tables by their estimated pages
SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_total_relation_size(c.oid) AS table_bytes,
       CASE WHEN c.reltuples >= 0 THEN c.reltuples END AS table_rows, s.n_dead_tup AS dead_rows
FROM (SELECT oid, relname, relnamespace, reltuples FROM pg_class
      WHERE relkind IN ('r', 'm') AND oid >= 16384 AND relpersistence <> 't' ORDER BY relpages DESC, oid LIMIT 100) AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_all_tables AS s ON s.relid = c.oid;

-- name: metrics_sequences
-- purpose: how much of each sequence is used, the hundred fullest
SELECT format('%I.%I', schemaname, sequencename) AS name,
       CASE WHEN increment_by > 0 THEN (last_value::numeric - min_value) / nullif(max_value::numeric - min_value, 0)
            ELSE (max_value::numeric - last_value) / nullif(max_value::numeric - min_value, 0) END AS sequence_used_ratio
FROM pg_sequences WHERE last_value IS NOT NULL AND NOT cycle ORDER BY 2 DESC NULLS LAST LIMIT 100;

-- name: metrics_columns
-- purpose: keys whose column holds less than their sequence gives, the hundred fullest
SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname) AS name,
       v.last_value::float8 / CASE a.atttypid WHEN 'int2'::regtype THEN 32767 ELSE 2147483647 END
         AS sequence_used_ratio
FROM pg_class AS s
JOIN pg_depend AS d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
  AND d.deptype IN ('a', 'i')
JOIN pg_namespace AS o ON o.oid = s.relnamespace
JOIN pg_sequences AS v ON v.schemaname = o.nspname AND v.sequencename = s.relname
JOIN pg_class AS c ON c.oid = d.refobjid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND a.atttypid IN ('int2'::regtype, 'int4'::regtype)
  AND v.max_value > CASE a.atttypid WHEN 'int2'::regtype THEN 32767 ELSE 2147483647 END
  AND v.last_value IS NOT NULL
ORDER BY 2 DESC LIMIT 100;

-- name: metrics_replicas
-- purpose: how far each replica is behind, by its name
SELECT application_name AS name, max(coalesce(extract(epoch FROM replay_lag), 0)) AS replication_lag_seconds,
       max(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END,
                           replay_lsn)) AS replication_lag_bytes
FROM pg_stat_replication WHERE replay_lsn IS NOT NULL GROUP BY application_name LIMIT 100;

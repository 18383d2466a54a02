-- name: workload_place
-- purpose: where pg_stat_statements lives, whether it is loaded, and whether this role sees other roles' statements
SELECT quote_ident(n.nspname) AS schema, e.extversion AS version,
       current_setting('pg_stat_statements.max', true) IS NOT NULL AS is_preloaded,
       r.rolsuper OR pg_has_role(current_user, 'pg_read_all_stats', 'member') AS sees_all,
       current_setting('track_functions') AS track_functions,
       current_setting('pg_stat_statements.track', true) AS track
FROM pg_roles AS r
LEFT JOIN pg_extension AS e ON e.extname = 'pg_stat_statements'
LEFT JOIN pg_namespace AS n ON n.oid = e.extnamespace
WHERE r.rolname = current_user;

-- name: workload_statements
-- purpose: this database's statements as counted; convert_to keeps bytes that are no character of the encoding
-- min_version: 140000
-- requires: pg_stat_statements
SELECT s.queryid AS id, convert_to(s.query, CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END) AS text,
       s.calls, s.total_exec_time AS total_ms, s.rows, s.shared_blks_hit + s.local_blks_hit AS blocks_hit,
       s.shared_blks_read + s.local_blks_read AS blocks_read,
       s.temp_blks_read + s.temp_blks_written AS temporary_blocks, s.toplevel
FROM pg_stat_statements AS s
WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND s.calls > 0
ORDER BY s.total_exec_time DESC, s.queryid LIMIT 5000;

-- name: workload_statements_13
-- purpose: the same where nested statements are not told apart
-- max_version: 139999
-- requires: pg_stat_statements
SELECT s.queryid AS id, convert_to(s.query, CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END) AS text,
       s.calls, s.total_exec_time AS total_ms, s.rows, s.shared_blks_hit + s.local_blks_hit AS blocks_hit,
       s.shared_blks_read + s.local_blks_read AS blocks_read,
       s.temp_blks_read + s.temp_blks_written AS temporary_blocks, true AS toplevel
FROM pg_stat_statements AS s
WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND s.calls > 0
ORDER BY s.total_exec_time DESC, s.queryid LIMIT 5000;

-- name: workload_since
-- purpose: when the counters began, and how often cheap statements were thrown out for want of room
-- min_version: 140000
-- requires: pg_stat_statements
SELECT i.stats_reset AS since, i.dealloc AS thrown_out FROM pg_stat_statements_info AS i;

-- name: workload_running
-- purpose: statements of other sessions as they were sent, the latest first; those cut at track_activity_query_size left out
SELECT convert_to(a.query, CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END) AS text
FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.application_name NOT LIKE 'dbmanager%'
  AND a.backend_type = 'client backend' AND a.query <> ''
  AND octet_length(a.query) < pg_size_bytes(current_setting('track_activity_query_size')) - 1
ORDER BY a.query_start DESC LIMIT 200;

-- name: workload_writes
-- purpose: rows written by table, and sessions begun, since the database's counters began
SELECT s.schemaname::text AS schema, s.relname::text AS name, (s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::bigint AS writes,
       CASE WHEN s.schemaname = current_schema() THEN true ELSE false END AS is_default
FROM pg_stat_user_tables AS s;

-- name: workload_sessions
-- purpose: sessions begun since the database's counters began
-- min_version: 140000
SELECT d.sessions FROM pg_stat_database AS d WHERE d.datname = current_database();

-- name: workload_routines
-- purpose: functions and procedures of people with bodies, and their cost where track_functions counts it
-- min_version: 140000
SELECT n.nspname::text AS schema, p.proname::text AS name, l.lanname::text AS language, p.proargnames::text[] AS arguments,
       coalesce(nullif(p.prosrc, ''), pg_get_function_sqlbody(p.oid)) AS body, f.calls, f.total_time AS total_ms,
       f.self_time AS own_ms, n.nspname = current_schema() AS is_default
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_language AS l ON l.oid = p.prolang
LEFT JOIN pg_stat_user_functions AS f ON f.funcid = p.oid
LEFT JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
WHERE p.oid >= 16384 AND d.objid IS NULL AND l.lanname IN ('sql', 'plpgsql') AND p.prokind IN ('f', 'p')
  AND p.prorettype <> 'pg_catalog.event_trigger'::regtype
ORDER BY f.total_time DESC NULLS LAST, n.nspname, p.proname LIMIT 500;

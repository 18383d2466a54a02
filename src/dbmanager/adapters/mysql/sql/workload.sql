-- name: workload_digests_sampled
-- purpose: this database's statements by digest, each with its newest sample
-- requires: events_statements_summary_by_digest.query_sample_text
SELECT s.DIGEST AS id, s.DIGEST_TEXT AS text, s.COUNT_STAR AS calls, s.SUM_TIMER_WAIT / 1e9 AS total_ms,
       s.SUM_ROWS_SENT + s.SUM_ROWS_AFFECTED AS given, s.SUM_ROWS_EXAMINED AS examined,
       s.SUM_CREATED_TMP_DISK_TABLES AS on_disk, UNIX_TIMESTAMP(s.FIRST_SEEN) AS first_seen, s.QUERY_SAMPLE_TEXT AS sample
FROM performance_schema.events_statements_summary_by_digest AS s
WHERE s.SCHEMA_NAME = DATABASE() AND s.DIGEST IS NOT NULL
ORDER BY s.SUM_TIMER_WAIT DESC LIMIT 5000;

-- name: workload_digests_plain
-- purpose: the same where no samples are kept
-- requires: performance_schema
-- unless: events_statements_summary_by_digest.query_sample_text
SELECT s.DIGEST AS id, s.DIGEST_TEXT AS text, s.COUNT_STAR AS calls, s.SUM_TIMER_WAIT / 1e9 AS total_ms,
       s.SUM_ROWS_SENT + s.SUM_ROWS_AFFECTED AS given, s.SUM_ROWS_EXAMINED AS examined,
       s.SUM_CREATED_TMP_DISK_TABLES AS on_disk, UNIX_TIMESTAMP(s.FIRST_SEEN) AS first_seen, NULL AS sample
FROM performance_schema.events_statements_summary_by_digest AS s
WHERE s.SCHEMA_NAME = DATABASE() AND s.DIGEST IS NOT NULL
ORDER BY s.SUM_TIMER_WAIT DESC LIMIT 5000;

-- name: workload_counted
-- purpose: which means of counting are on, and how many statements found no room
-- requires: performance_schema
SELECT (SELECT COUNT(*) FROM performance_schema.setup_consumers WHERE NAME = 'statements_digest' AND ENABLED = 'YES') AS digests,
       (SELECT COUNT(*) FROM performance_schema.setup_consumers
         WHERE NAME LIKE 'events_statements_history%' AND ENABLED = 'YES') AS histories,
       (SELECT COUNT(*) FROM performance_schema.events_statements_summary_by_digest WHERE DIGEST IS NULL AND COUNT_STAR > 0) AS lost,
       @@max_digest_length AS longest;

-- name: workload_history
-- purpose: statements as they were sent, the latest first; empty where the consumer is off
-- requires: performance_schema
SELECT h.SQL_TEXT AS text FROM performance_schema.events_statements_history AS h
WHERE h.CURRENT_SCHEMA = DATABASE() AND h.SQL_TEXT IS NOT NULL AND h.DIGEST IS NOT NULL
  AND LENGTH(h.SQL_TEXT) < @@performance_schema_max_sql_text_length - 3
ORDER BY h.TIMER_START DESC LIMIT 500;

-- name: workload_long_history
-- purpose: the same for the last statements of all sessions, those that have ended too
-- requires: performance_schema
SELECT h.SQL_TEXT AS text FROM performance_schema.events_statements_history_long AS h
WHERE h.CURRENT_SCHEMA = DATABASE() AND h.SQL_TEXT IS NOT NULL AND h.DIGEST IS NOT NULL
  AND LENGTH(h.SQL_TEXT) < @@performance_schema_max_sql_text_length - 3
ORDER BY h.TIMER_START DESC LIMIT 500;

-- name: workload_writes
-- purpose: rows written by table since the server started
-- requires: performance_schema
SELECT w.OBJECT_NAME AS name, w.COUNT_INSERT + w.COUNT_UPDATE + w.COUNT_DELETE AS writes
FROM performance_schema.table_io_waits_summary_by_table AS w WHERE w.OBJECT_SCHEMA = DATABASE();

-- name: workload_routines
-- purpose: procedures, functions and triggers' bodies with their cost
-- requires: performance_schema
SELECT r.ROUTINE_NAME AS name, r.ROUTINE_DEFINITION AS body, p.COUNT_STAR AS calls, p.SUM_TIMER_WAIT / 1e9 AS total_ms,
       (p.SUM_TIMER_WAIT - p.SUM_STATEMENTS_WAIT) / 1e9 AS own_ms,
       (SELECT GROUP_CONCAT(a.PARAMETER_NAME ORDER BY a.ORDINAL_POSITION) FROM information_schema.PARAMETERS AS a
         WHERE a.SPECIFIC_SCHEMA = r.ROUTINE_SCHEMA AND a.SPECIFIC_NAME = r.ROUTINE_NAME) AS arguments
FROM information_schema.ROUTINES AS r
LEFT JOIN performance_schema.events_statements_summary_by_program AS p
  ON p.OBJECT_SCHEMA = r.ROUTINE_SCHEMA AND p.OBJECT_NAME = r.ROUTINE_NAME AND p.OBJECT_TYPE = r.ROUTINE_TYPE
WHERE r.ROUTINE_SCHEMA = DATABASE() AND r.ROUTINE_DEFINITION IS NOT NULL;

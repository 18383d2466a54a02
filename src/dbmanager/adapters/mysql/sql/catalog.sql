-- name: objects
-- purpose: tables, views, triggers, partitions and routines of the database, one kind of row after another
SELECT 'table' AS sort, t.TABLE_NAME AS parent, t.TABLE_TYPE AS name, t.ENGINE AS a, t.TABLE_COLLATION AS b,
       t.CREATE_OPTIONS AS c, t.TABLE_COMMENT AS d, CAST(NULL AS CHAR(1)) AS body, t.TABLE_ROWS AS estimate
FROM information_schema.TABLES AS t WHERE t.TABLE_SCHEMA = DATABASE()
UNION ALL
SELECT 'view', v.TABLE_NAME, '', v.SECURITY_TYPE, v.CHECK_OPTION, v.DEFINER, '', v.VIEW_DEFINITION, NULL
FROM information_schema.VIEWS AS v WHERE v.TABLE_SCHEMA = DATABASE()
UNION ALL
SELECT 'trigger', g.EVENT_OBJECT_TABLE, g.TRIGGER_NAME, g.ACTION_TIMING, g.EVENT_MANIPULATION, g.ACTION_ORDER, '',
       SHA2(g.ACTION_STATEMENT, 256), NULL
FROM information_schema.TRIGGERS AS g WHERE g.TRIGGER_SCHEMA = DATABASE()
UNION ALL
SELECT 'partition', p.TABLE_NAME, p.PARTITION_NAME, p.PARTITION_METHOD, p.PARTITION_EXPRESSION,
       LPAD(p.PARTITION_ORDINAL_POSITION, 6, '0'), COALESCE(p.SUBPARTITION_NAME, ''),
       CONCAT_WS(' ', p.PARTITION_DESCRIPTION, p.SUBPARTITION_METHOD, p.SUBPARTITION_EXPRESSION), NULL
FROM information_schema.PARTITIONS AS p WHERE p.TABLE_SCHEMA = DATABASE() AND p.PARTITION_NAME IS NOT NULL
UNION ALL
SELECT 'routine', r.ROUTINE_NAME, r.ROUTINE_TYPE, r.SQL_DATA_ACCESS, r.SECURITY_TYPE, r.DTD_IDENTIFIER, r.ROUTINE_COMMENT,
       SHA2(r.ROUTINE_DEFINITION, 256), NULL
FROM information_schema.ROUTINES AS r WHERE r.ROUTINE_SCHEMA = DATABASE()
UNION ALL
SELECT 'event', e.EVENT_NAME, e.EVENT_TYPE, e.STATUS, e.INTERVAL_VALUE, e.INTERVAL_FIELD, e.EVENT_COMMENT,
       SHA2(e.EVENT_DEFINITION, 256), NULL
FROM information_schema.EVENTS AS e WHERE e.EVENT_SCHEMA = DATABASE();

-- name: columns
-- purpose: columns of every table and view in their order
SELECT c.TABLE_NAME AS parent, c.COLUMN_NAME AS name, c.ORDINAL_POSITION AS position, c.DATA_TYPE AS data_type,
       c.COLUMN_TYPE AS native, c.IS_NULLABLE AS nullable, c.COLUMN_DEFAULT AS default_value, c.EXTRA AS extra,
       c.GENERATION_EXPRESSION AS expression, c.COLLATION_NAME AS collation_name, c.COLUMN_COMMENT AS comment,
       c.CHARACTER_MAXIMUM_LENGTH AS length, c.NUMERIC_PRECISION AS number_precision, c.NUMERIC_SCALE AS number_scale
FROM information_schema.COLUMNS AS c WHERE c.TABLE_SCHEMA = DATABASE();

-- name: indexes_with_expressions
-- purpose: index keys where keys may be expressions and indexes invisible
-- requires: statistics.expression
SELECT s.TABLE_NAME AS parent, s.INDEX_NAME AS name, s.SEQ_IN_INDEX AS position, s.NON_UNIQUE AS is_plain,
       s.COLUMN_NAME AS column_name, s.COLLATION AS direction, s.SUB_PART AS prefix, s.INDEX_TYPE AS method,
       s.INDEX_COMMENT AS comment, s.EXPRESSION AS expression, s.IS_VISIBLE AS used
FROM information_schema.STATISTICS AS s WHERE s.TABLE_SCHEMA = DATABASE();

-- name: indexes_with_ignored
-- purpose: index keys where indexes may be ignored
-- requires: statistics.ignored
SELECT s.TABLE_NAME AS parent, s.INDEX_NAME AS name, s.SEQ_IN_INDEX AS position, s.NON_UNIQUE AS is_plain,
       s.COLUMN_NAME AS column_name, s.COLLATION AS direction, s.SUB_PART AS prefix, s.INDEX_TYPE AS method,
       s.INDEX_COMMENT AS comment, NULL AS expression, IF(s.IGNORED = 'YES', 'NO', 'YES') AS used
FROM information_schema.STATISTICS AS s WHERE s.TABLE_SCHEMA = DATABASE();

-- name: indexes_plain
-- purpose: index keys of servers that know neither
SELECT s.TABLE_NAME AS parent, s.INDEX_NAME AS name, s.SEQ_IN_INDEX AS position, s.NON_UNIQUE AS is_plain,
       s.COLUMN_NAME AS column_name, s.COLLATION AS direction, s.SUB_PART AS prefix, s.INDEX_TYPE AS method,
       s.INDEX_COMMENT AS comment, NULL AS expression, 'YES' AS used
FROM information_schema.STATISTICS AS s WHERE s.TABLE_SCHEMA = DATABASE();

-- name: references
-- purpose: columns of the references, and what is done on changes of their parents
SELECT 'reference' AS sort, k.TABLE_NAME AS parent, k.CONSTRAINT_NAME AS name, k.ORDINAL_POSITION AS position,
       k.COLUMN_NAME AS column_name, k.REFERENCED_TABLE_SCHEMA AS other_schema, k.REFERENCED_TABLE_NAME AS other,
       k.REFERENCED_COLUMN_NAME AS other_column, NULL AS on_delete, NULL AS on_update, NULL AS body
FROM information_schema.KEY_COLUMN_USAGE AS k
WHERE k.TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_NAME IS NOT NULL
UNION ALL
SELECT 'rule', r.TABLE_NAME, r.CONSTRAINT_NAME, 0, NULL, NULL, NULL, NULL, r.DELETE_RULE, r.UPDATE_RULE, NULL
FROM information_schema.REFERENTIAL_CONSTRAINTS AS r WHERE r.CONSTRAINT_SCHEMA = DATABASE();

-- name: checks_with_tables
-- purpose: checks where their view names their tables; read as one with the references
-- requires: check_constraints.table_name
SELECT 'check', c.TABLE_NAME, c.CONSTRAINT_NAME, 0, c.LEVEL, NULL, NULL, NULL, NULL, 'YES', c.CHECK_CLAUSE
FROM information_schema.CHECK_CONSTRAINTS AS c WHERE c.CONSTRAINT_SCHEMA = DATABASE();

-- name: checks_apart
-- purpose: checks where another view tells their tables: joined by us, the server may take 10 s for 1,000 of them
-- requires: check_constraints.check_clause
-- unless: check_constraints.table_name
SELECT 'clause', '', c.CONSTRAINT_NAME, 0, NULL, NULL, NULL, NULL, NULL, NULL, c.CHECK_CLAUSE
FROM information_schema.CHECK_CONSTRAINTS AS c WHERE c.CONSTRAINT_SCHEMA = DATABASE()
UNION ALL
SELECT 'place', t.TABLE_NAME, t.CONSTRAINT_NAME, 0, NULL, NULL, NULL, NULL, NULL, t.ENFORCED, NULL
FROM information_schema.TABLE_CONSTRAINTS AS t WHERE t.CONSTRAINT_SCHEMA = DATABASE() AND t.CONSTRAINT_TYPE = 'CHECK';

-- name: server
-- purpose: size of the database and the grants and settings that weaken the connected account
SELECT (SELECT COALESCE(SUM(t.DATA_LENGTH + t.INDEX_LENGTH), 0) FROM information_schema.TABLES AS t WHERE t.TABLE_SCHEMA = DATABASE())
         AS size_bytes,
       (SELECT GROUP_CONCAT(DISTINCT p.PRIVILEGE_TYPE ORDER BY p.PRIVILEGE_TYPE) FROM information_schema.USER_PRIVILEGES AS p
         WHERE p.GRANTEE = CONCAT('''', SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '''@''',
                                  SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')) AS privileges,
       @@secure_file_priv AS file_folder, @@local_infile AS local_infile;

-- name: table_statistics
-- purpose: estimated rows and sizes of every base table
SELECT t.TABLE_NAME AS name, t.TABLE_ROWS AS estimate, t.DATA_LENGTH AS table_bytes, t.INDEX_LENGTH AS index_bytes
FROM information_schema.TABLES AS t
WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED');

-- name: index_usage_counted
-- purpose: reads through every index since the server started
-- requires: performance_schema
SELECT u.OBJECT_NAME AS parent, u.INDEX_NAME AS name, u.COUNT_READ AS scans
FROM performance_schema.table_io_waits_summary_by_index_usage AS u
WHERE u.OBJECT_SCHEMA = DATABASE() AND u.INDEX_NAME IS NOT NULL;

-- name: index_usage_userstat
-- purpose: rows read through every index that was used since userstat was switched on
-- requires: userstat
SELECT s.TABLE_NAME AS parent, s.INDEX_NAME AS name, COALESCE(i.ROWS_READ, 0) AS scans
FROM (SELECT DISTINCT TABLE_NAME, INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()) AS s
LEFT JOIN information_schema.INDEX_STATISTICS AS i
  ON i.TABLE_SCHEMA = DATABASE() AND i.TABLE_NAME = s.TABLE_NAME AND i.INDEX_NAME = s.INDEX_NAME;

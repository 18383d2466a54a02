-- name: relations
-- purpose: tables, views and partitions with owner extension, comment, estimate, definition and triggers
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       c.reltuples::bigint AS estimate, obj_description(c.oid, 'pg_class') AS comment,
       e.extname::text AS extension, i.inhparent::bigint AS parent,
       CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END AS bound,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key,
       CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition,
       c.reloptions AS options, t.names AS triggers
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
LEFT JOIN pg_extension AS e ON e.oid = d.refobjid
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid AND c.relispartition
LEFT JOIN (SELECT tgrelid, array_agg(tgname::text ORDER BY tgname) AS names
           FROM pg_trigger WHERE NOT tgisinternal GROUP BY tgrelid) AS t ON t.tgrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
ORDER BY n.nspname, c.relname;

-- name: columns
-- purpose: columns of those relations with type, default, identity, comment and enum values
SELECT a.attrelid::bigint AS relation, a.attnum AS position, a.attname::text AS name,
       format_type(a.atttypid, a.atttypmod) AS native, t.typname::text AS type_name, t.typtype::text AS type_type,
       el.typname::text AS element,
       CASE WHEN t.typcategory = 'A' THEN format_type(t.typelem, a.atttypmod) END AS element_native, a.atttypmod AS modifier,
       bt.typname::text AS base_type, NOT a.attnotnull AS nullable, pg_get_expr(ad.adbin, ad.adrelid) AS default_value,
       a.attidentity::text AS identity, a.attgenerated::text AS generated, co.collname::text AS collation,
       de.description AS comment, en.labels AS labels
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_type AS el ON el.oid = t.typelem AND t.typcategory = 'A'
LEFT JOIN pg_type AS bt ON bt.oid = t.typbasetype AND t.typtype = 'd'
LEFT JOIN pg_attrdef AS ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
LEFT JOIN pg_description AS de
  ON de.classoid = 'pg_class'::regclass AND de.objoid = a.attrelid AND de.objsubid = a.attnum
LEFT JOIN pg_collation AS co ON co.oid = a.attcollation AND a.attcollation <> t.typcollation
LEFT JOIN (SELECT enumtypid, array_agg(enumlabel::text ORDER BY enumsortorder) AS labels
           FROM pg_enum GROUP BY enumtypid) AS en ON en.enumtypid = t.oid
WHERE a.attnum > 0 AND NOT a.attisdropped AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
ORDER BY a.attrelid, a.attnum;

-- name: constraints
-- purpose: keys, references and checks
SELECT k.conrelid::bigint AS relation, k.conname::text AS name, k.contype::text AS kind, k.conkey::text[] AS positions,
       k.confrelid::bigint AS parent, k.confkey::text[] AS parent_positions, k.confdeltype::text AS on_delete,
       k.confupdtype::text AS on_update, k.condeferrable AS deferrable, k.convalidated AS validated,
       k.condeferred AS deferred, k.confmatchtype = 'f' AS match_full,
       CASE WHEN k.contype = 'c' THEN pg_get_constraintdef(k.oid) END AS definition, k.conindid::bigint AS index,
       CASE WHEN k.contype = 'u' THEN pg_get_constraintdef(k.oid) LIKE 'UNIQUE NULLS NOT DISTINCT%' ELSE false END
         AS nulls_not_distinct
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid AND NOT c.relispartition
WHERE k.conrelid >= 16384 AND k.contype IN ('p', 'u', 'f', 'c')
ORDER BY k.conrelid, k.conname;

-- name: indexes
-- purpose: indexes with keys, method, predicate and validity
SELECT x.indrelid::bigint AS relation, x.indexrelid::bigint AS oid, i.relname::text AS name, am.amname::text AS method,
       x.indisunique AS is_unique, x.indisvalid AS is_valid, x.indnkeyatts AS key_count,
       x.indkey::int2[]::text[] AS positions, x.indoption::int2[]::text[] AS options,
       pg_get_expr(x.indpred, x.indrelid) AS predicate, pg_get_indexdef(x.indexrelid) AS definition,
       CASE WHEN x.indexprs IS NOT NULL THEN
         ARRAY(SELECT pg_get_indexdef(x.indexrelid, k, true) FROM generate_series(1, x.indnatts::int) AS k) END AS parts
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_am AS am ON am.oid = i.relam
JOIN pg_class AS c ON c.oid = x.indrelid AND NOT c.relispartition AND c.relkind IN ('r', 'p', 'm')
WHERE x.indrelid >= 16384
ORDER BY x.indrelid, i.relname;

-- name: fingerprint
-- purpose: one digest over everything the model is read from
SELECT md5(concat_ws(',', current_setting('search_path'),
  (SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, xmin, relname), 1) % 1000000007)) FROM pg_class
     WHERE oid >= 16384 AND relpersistence <> 't' AND relkind IN ('r', 'p', 'v', 'm', 'f', 'i', 'I')),
  (SELECT concat(count(*), ':', sum(hashtextextended(concat(attrelid, attnum, xmin), 1) % 1000000007)) FROM pg_attribute
     WHERE attrelid >= 16384 AND attnum > 0),
  (SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, xmin), 1) % 1000000007)) FROM pg_constraint WHERE oid >= 16384),
  (SELECT concat(count(*), ':', sum(hashtextextended(concat(indexrelid, xmin, indisvalid), 1) % 1000000007)) FROM pg_index
     WHERE indexrelid >= 16384),
  (SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, xmin), 1) % 1000000007)) FROM pg_attrdef),
  (SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, xmin), 1) % 1000000007)) FROM pg_trigger),
  (SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, xmin), 1) % 1000000007)) FROM pg_rewrite WHERE oid >= 16384),
  (SELECT concat(count(*), ':', sum(hashtextextended(concat(oid, xmin), 1) % 1000000007)) FROM pg_enum),
  (SELECT concat(count(*), ':', sum(hashtextextended(concat(objoid, objsubid, xmin), 1) % 1000000007)) FROM pg_description
     WHERE objoid >= 16384))) AS digest, current_schema()::text AS default_schema;

-- name: reach
-- purpose: how the functions of some names are declared, and which relations read outside files; $1 is the names
WITH RECURSIVE outside AS (
  SELECT c.oid, c.relname FROM pg_foreign_table AS f
  JOIN pg_class AS c ON c.oid = f.ftrelid
  JOIN pg_foreign_server AS s ON s.oid = f.ftserver
  JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
  JOIN pg_proc AS h ON h.oid = w.fdwhandler
  WHERE h.proname NOT IN ('postgres_fdw_handler')
  UNION
  SELECT v.oid, v.relname FROM outside AS o
  JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = o.oid AND d.classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite AS r ON r.oid = d.objid
  JOIN pg_class AS v ON v.oid = r.ev_class
)
SELECT p.proname::text AS name, n.nspname::text AS schema, p.provolatile::text AS volatility,
       p.prosecdef AS security_definer, l.lanname::text AS language,
       EXISTS (SELECT 1 FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
               AND d.deptype = 'e') AS from_extension,
       EXISTS (SELECT 1 FROM outside AS o WHERE position(o.relname IN p.prosrc) > 0) AS reads_outside
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_language AS l ON l.oid = p.prolang
WHERE p.proname = ANY ($1::text[])
UNION ALL
SELECT DISTINCT o.relname::text, NULL, NULL, NULL::boolean, NULL, NULL::boolean, true FROM outside AS o;

-- name: server
-- purpose: version, role, database, its rights and optional means
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS version_number,
       current_database()::text AS database, current_user::text AS role, r.rolsuper AS is_superuser,
       r.rolbypassrls AS bypasses_rls, r.rolcreatedb AS may_create_databases, r.rolcreaterole AS may_create_roles,
       pg_database_size(current_database()) AS size_bytes,
       ARRAY(SELECT g.rolname::text FROM pg_roles AS g WHERE g.rolname LIKE 'pg\_%' AND NOT r.rolsuper
             AND pg_has_role(current_user, g.oid, 'member')) AS memberships,
       ARRAY(SELECT extname::text FROM pg_extension ORDER BY extname) AS extensions,
       pg_is_in_recovery() AS in_recovery,
       EXISTS (SELECT 1 FROM pg_class WHERE relrowsecurity) AS has_row_security,
       current_setting('server_encoding') AS encoding
FROM pg_roles AS r WHERE r.rolname = current_user;

-- name: table_statistics
-- purpose: size and use of every base table, partitions added up
SELECT n.nspname::text AS schema, c.relname::text AS name,
       sum(greatest(p.reltuples, 0))::bigint AS estimate, bool_or(p.reltuples < 0) AS never_analyzed,
       sum(pg_table_size(p.oid))::bigint AS table_bytes, sum(pg_indexes_size(p.oid))::bigint AS index_bytes,
       sum(s.seq_scan)::bigint AS sequential_scans, sum(s.idx_scan)::bigint AS index_scans,
       sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::bigint AS modifications,
       has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') AS is_readable
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT c.oid, c.reltuples WHERE c.relkind = 'r'
  UNION ALL SELECT t.relid, k.reltuples FROM pg_partition_tree(c.oid) AS t JOIN pg_class AS k ON k.oid = t.relid
  WHERE c.relkind = 'p' AND t.isleaf) AS p
LEFT JOIN pg_stat_all_tables AS s ON s.relid = p.oid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.oid >= 16384 AND c.relpersistence <> 't'
GROUP BY n.oid, n.nspname, c.oid, c.relname;

-- name: index_usage
-- purpose: scans and size of every index
SELECT s.schemaname::text AS schema, s.relname::text AS table_name, s.indexrelname::text AS name, s.idx_scan AS scans,
       pg_relation_size(s.indexrelid) AS size_bytes
FROM pg_stat_user_indexes AS s;

-- name: objects
-- purpose: every object with its DDL; tables with their storage options (listed once: joined as it is, the list is made anew per object)
WITH listed AS MATERIALIZED (SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main')
SELECT s.type AS type, s.name AS name, s.tbl_name AS tbl_name, s.sql AS sql,
       l.type AS kind, coalesce(l.wr, 0) AS without_rowid, coalesce(l.strict, 0) AS strict
FROM main.sqlite_schema AS s
LEFT JOIN listed AS l ON l.name = s.name AND s.type IN ('table', 'view')
WHERE s.name NOT LIKE 'sqlite\_%' ESCAPE '\' OR s.type = 'index'
ORDER BY s.name;

-- name: columns
-- purpose: columns of every table and view, generated ones included
SELECT s.name AS table_name, c.cid AS position, c.name AS name, c.type AS type, c."notnull" AS not_null,
       c.dflt_value AS default_value, c.pk AS pk, c.hidden AS hidden
FROM main.sqlite_schema AS s
JOIN pragma_table_xinfo(s.name, 'main') AS c
WHERE s.type IN ('table', 'view') AND s.name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY s.name, c.cid;

-- name: foreign_keys
-- purpose: references of every table
SELECT s.name AS table_name, f.id AS id, f.seq AS seq, f."table" AS parent, f."from" AS child_column,
       f."to" AS parent_column, f.on_update AS on_update, f.on_delete AS on_delete
FROM main.sqlite_schema AS s
JOIN pragma_foreign_key_list(s.name, 'main') AS f
WHERE s.type = 'table'
ORDER BY s.name, f.id, f.seq;

-- name: indexes
-- purpose: key columns of every index; origin is c (CREATE INDEX), u (UNIQUE) or pk
SELECT s.name AS table_name, l.name AS index_name, l."unique" AS is_unique, l.origin AS origin,
       l.partial AS partial, x.seqno AS position, x.cid AS cid, x.name AS column_name, x."desc" AS descending
FROM main.sqlite_schema AS s
JOIN pragma_index_list(s.name, 'main') AS l
JOIN pragma_index_xinfo(l.name, 'main') AS x
WHERE s.type = 'table' AND x."key" = 1
ORDER BY s.name, l.name, x.seqno;

-- name: fingerprint
-- purpose: the schema cookie, raised by every change of the schema
PRAGMA schema_version;

-- name: sizes
-- purpose: pages of each table and index; needs the dbstat module
SELECT name AS name, sum(pgsize) AS size_bytes FROM dbstat GROUP BY name;

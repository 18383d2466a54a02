-- name: index_size_facts
-- purpose: what the size of a B-tree over columns of some tables follows from; $1 is their schemas, $2 their names
SELECT n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS column,
       greatest(coalesce((SELECT sum(greatest(p.reltuples, 0)) FROM pg_class AS p
                          JOIN pg_inherits AS i ON i.inhrelid = p.oid AND i.inhparent = c.oid), 0),
                c.reltuples, 0)::float8 AS rows,
       greatest(coalesce((SELECT sum(p.relpages) FROM pg_class AS p
                          JOIN pg_inherits AS i ON i.inhrelid = p.oid AND i.inhparent = c.oid), 0),
                c.relpages, 1)::float8 AS pages,
       s.avg_width AS width, s.n_distinct::float8 AS distinct_values, s.null_frac::float8 AS null_ratio,
       CASE a.attalign WHEN 'c' THEN 1 WHEN 's' THEN 2 WHEN 'i' THEN 4 ELSE 8 END AS alignment, a.attlen AS fixed,
       a.attlen > 0 OR t.typname IN ('bpchar', 'numeric') AS steady,
       coalesce(current_setting('server_version_num')::int >= 130000 AND EXISTS (
           SELECT FROM pg_opclass AS oc
           JOIN pg_amproc AS ap ON ap.amprocfamily = oc.opcfamily AND ap.amprocnum = 4
                               AND ap.amproclefttype = oc.opcintype
           WHERE oc.opcmethod = 403 AND oc.opcdefault
             AND oc.opcintype = CASE WHEN t.typtype = 'e' THEN 'anyenum'::regtype::oid
                                     WHEN t.oid = 'varchar'::regtype THEN 'text'::regtype::oid ELSE t.oid END
       ), false) AS deduplicated
FROM unnest($1::text[], $2::text[]) AS w (schema, name)
JOIN pg_namespace AS n ON n.nspname = w.schema
JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS ty ON ty.oid = a.atttypid
JOIN pg_type AS t ON t.oid = CASE WHEN ty.typtype = 'd' THEN ty.typbasetype ELSE ty.oid END
LEFT JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
                       AND s.inherited = (c.relkind = 'p')
ORDER BY 1, 2, a.attnum;

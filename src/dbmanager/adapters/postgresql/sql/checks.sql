-- name: column_pairs
-- purpose: pairs of columns that an index of several columns begins with, of which the planner has no common statistics
SELECT DISTINCT ON (c.reltuples, c.oid, a.attnum, b.attnum)
       format('%s.%s', n.nspname, c.relname) AS object, format('%I.%I', n.nspname, c.relname) AS quoted,
       format('%s, %s', a.attname, b.attname) AS columns, quote_ident(a.attname) AS quoted_first, quote_ident(b.attname) AS quoted_second,
       quote_ident(n.nspname) AS quoted_schema,
       quote_ident(format('%s_%s_%s', left(c.relname, 24), left(a.attname, 14), left(b.attname, 14)) || '_st') AS quoted_statistics,
       c.reltuples::float8 AS estimated_rows, c.relpages AS pages
FROM pg_index AS x
JOIN pg_class AS c ON c.oid = x.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_am AS m ON m.oid = i.relam
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
JOIN pg_attribute AS b ON b.attrelid = c.oid AND b.attnum = x.indkey[1]
JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
JOIN pg_stats AS t ON t.schemaname = n.nspname AND t.tablename = c.relname AND t.attname = b.attname AND NOT t.inherited
WHERE c.relkind = 'r' AND m.amname = 'btree' AND x.indisvalid AND x.indpred IS NULL AND x.indnkeyatts >= 2
  AND NOT (x.indisunique AND x.indnkeyatts = 2) AND x.indkey[0] > 0 AND x.indkey[1] > 0
  AND c.reltuples >= 10000 AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND has_column_privilege(c.oid, a.attnum, 'SELECT') AND has_column_privilege(c.oid, b.attnum, 'SELECT')
  AND NOT row_security_active(c.oid)
  AND abs(s.n_distinct) * CASE WHEN s.n_distinct < 0 THEN c.reltuples ELSE 1 END BETWEEN 10 AND c.reltuples / 10
  AND abs(t.n_distinct) * CASE WHEN t.n_distinct < 0 THEN c.reltuples ELSE 1 END BETWEEN 10 AND c.reltuples / 10
  AND NOT EXISTS (SELECT 1 FROM pg_statistic_ext AS e WHERE e.stxrelid = c.oid AND a.attnum = ANY (e.stxkeys) AND b.attnum = ANY (e.stxkeys))
ORDER BY c.reltuples DESC, c.oid, a.attnum, b.attnum LIMIT 5;

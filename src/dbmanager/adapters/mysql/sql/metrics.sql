-- name: metrics_size
-- purpose: size of the database with its indexes
SELECT SUM(t.DATA_LENGTH + t.INDEX_LENGTH) AS database_bytes, SUM(t.DATA_FREE) AS free_bytes
FROM information_schema.TABLES AS t WHERE t.TABLE_SCHEMA = DATABASE();

-- name: metrics_tables
-- purpose: size and estimated rows of the hundred largest tables
SELECT t.TABLE_NAME AS name, t.DATA_LENGTH + t.INDEX_LENGTH AS table_bytes, t.TABLE_ROWS AS table_rows
FROM information_schema.TABLES AS t
WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
ORDER BY 2 DESC, 1 LIMIT 100;

-- name: metrics_sequences
-- purpose: how much of the numbers of each AUTO_INCREMENT column is used, the hundred fullest
SELECT CONCAT(t.TABLE_NAME, '.', c.COLUMN_NAME) AS name,
       GREATEST(CAST(t.AUTO_INCREMENT AS DOUBLE) - 1, 0) / (POW(2, CASE c.DATA_TYPE WHEN 'tinyint' THEN 8 WHEN 'smallint' THEN 16
         WHEN 'mediumint' THEN 24 WHEN 'int' THEN 32 ELSE 64 END - (c.COLUMN_TYPE NOT LIKE '%unsigned%')) - 1) AS sequence_used_ratio
FROM information_schema.TABLES AS t
JOIN information_schema.COLUMNS AS c ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME
WHERE t.TABLE_SCHEMA = DATABASE() AND t.AUTO_INCREMENT IS NOT NULL AND c.EXTRA LIKE '%auto_increment%'
  AND c.DATA_TYPE IN ('tinyint', 'smallint', 'mediumint', 'int', 'bigint')
ORDER BY 2 DESC LIMIT 100;

-- name: metrics_oldest
-- purpose: age of the oldest open transaction
SELECT MAX(TIMESTAMPDIFF(SECOND, x.trx_started, NOW())) AS oldest_transaction_seconds FROM information_schema.INNODB_TRX AS x
WHERE x.trx_mysql_thread_id <> CONNECTION_ID();

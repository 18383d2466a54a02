"""Hostile MySQL and MariaDB statements, and reads that must pass, by someone who has not seen the gate."""

# A probe is a statement run on the connection that ran the hostile one: its rows, or its error number, come to differ.
# A case named maria_ or mysql_ is meant for that engine alone; what a server answers with an error has no effect there.
# {database}, {folder} and {victim} are the database at hand, a folder that the server may write in, another session.

RESULT = "the statement's own answer is the effect"
SLOW = "runs beyond the time limit"
FILES = "a file appears in the folder or the database's own"
BLOCKS = "another session can no longer write"
TRANSACTION = "a transaction is left open, or one that was open is ended"
NOTHING = "no query shows it: that the server executes it is all there is to see"

_ROWS = "SELECT COUNT(*), SUM(amount) FROM t"
_LOG = "SELECT COUNT(*) FROM outsider_log"
_LOCK = "SELECT IS_USED_LOCK('outsider')"
_VARIABLE = "SELECT @outsider"
_ROW_LOCKS = (
    "SELECT SUM(trx_rows_locked) FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = CONNECTION_ID()"
)
_RELATIONS = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
_ROUTINES = "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()"
_TEMPORARY = "SELECT COUNT(*) FROM outsider_temp"
_COLUMNS = "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
_USERS = "SELECT COUNT(*) FROM mysql.user"
_PREPARED = "SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'"
_IN_USE = "SHOW OPEN TABLES WHERE In_use > 0"
_CONNECTIONS = "SELECT @@GLOBAL.max_connections"
_VICTIM = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = {victim}"
_BINARY_LOGS = "SHOW BINARY LOGS"
_SEQUENCE = "SELECT next_not_cached_value FROM outsider_seq"
_SQL_MODE = "SELECT @@SESSION.sql_mode"
_FAILOVER = "SELECT COUNT(*) FROM performance_schema.replication_asynchronous_connection_failover"

SCHEMA: tuple[str, ...] = (
    "CREATE TABLE t (id integer PRIMARY KEY, name varchar(40), amount integer, KEY t_name (name))",
    "INSERT INTO t (id, name, amount) VALUES "
    "(1, 'ada', 10), (2, 'bob', 20), (3, 'cyd', 30), (4, 'dan', 40), (5, 'eve', 50), "
    "(6, 'fay', 60), (7, 'gus', 70), (8, 'hal', 80), (9, 'ivy', 90), (10, 'joe', 100)",
    "CREATE TABLE docs (id integer PRIMARY KEY, doc json, place point)",
    """INSERT INTO docs VALUES (1, '{"a": {"b": [1, 2, 3]}}', POINT(1, 2))""",
)

SETUP: tuple[str, ...] = (
    "CREATE TABLE outsider_log (note text)",
    "CREATE FUNCTION outsider_write(note text) RETURNS integer MODIFIES SQL DATA "
    "BEGIN INSERT INTO outsider_log VALUES (note); RETURN 1; END",
    "CREATE FUNCTION outsider_fixed(n integer) RETURNS integer DETERMINISTIC NO SQL "
    "BEGIN INSERT INTO outsider_log VALUES ('no sql'); RETURN n; END",
    "CREATE FUNCTION outsider_reader(n integer) RETURNS integer DETERMINISTIC READS SQL DATA "
    "BEGIN INSERT INTO outsider_log VALUES ('reads'); RETURN n; END",
    "CREATE FUNCTION outsider_indirect(n integer) RETURNS integer DETERMINISTIC RETURN outsider_write('indirect')",
    "CREATE FUNCTION `outsider write`(n integer) RETURNS integer RETURN outsider_write('space')",
    "CREATE FUNCTION `ucase`(n integer) RETURNS integer RETURN outsider_write('ucase')",
    "CREATE FUNCTION outsider_remember() RETURNS integer BEGIN SET @outsider = 1; RETURN 1; END",
    "CREATE FUNCTION outsider_locker() RETURNS integer RETURN GET_LOCK('outsider', 0)",
    "CREATE FUNCTION outsider_passwd() RETURNS longtext RETURN LOAD_FILE('/etc/passwd')",
    "CREATE FUNCTION outsider_slow() RETURNS integer RETURN SLEEP(30)",
    "CREATE VIEW outsider_view AS SELECT id, outsider_write(name) AS fine FROM t",
    "CREATE VIEW outsider_view_of_view AS SELECT id FROM outsider_view WHERE fine",
    "CREATE ALGORITHM = TEMPTABLE SQL SECURITY DEFINER VIEW outsider_definer AS SELECT outsider_fixed(1) AS n",
    "CREATE VIEW outsider_file AS SELECT LOAD_FILE('/etc/passwd') AS line",
    "CREATE VIEW outsider_sleeper AS SELECT SLEEP(30) AS n",
    "CREATE VIEW outsider_lock_view AS SELECT GET_LOCK('outsider', 0) AS n",
    "CREATE PROCEDURE outsider_procedure() INSERT INTO outsider_log VALUES ('call')",
    "CREATE PROCEDURE outsider_rows() BEGIN INSERT INTO outsider_log VALUES ('rows'); SELECT id FROM t; END",
)

MARIADB_SETUP: tuple[str, ...] = (
    "CREATE SEQUENCE outsider_seq START WITH 10 NOCACHE",
    "CREATE VIEW outsider_counter AS SELECT NEXTVAL(outsider_seq) AS n",
    "CREATE FUNCTION outsider_counted() RETURNS integer RETURN NEXTVAL(outsider_seq)",
    "CREATE AGGREGATE FUNCTION outsider_total(n integer) RETURNS integer BEGIN DECLARE total integer DEFAULT 0; "
    "DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN total; "
    "LOOP FETCH GROUP NEXT ROW; INSERT INTO outsider_log VALUES ('aggregate'); SET total = total + n; END LOOP; END",
    "CREATE TABLE outsider_versioned (n integer) WITH SYSTEM VERSIONING",
    "INSERT INTO outsider_versioned VALUES (1)",
    "UPDATE outsider_versioned SET n = 2",
)

BEFORE: dict[str, tuple[str, ...]] = {
    "release_lock": ("SELECT GET_LOCK('outsider', 0)",),
    "release_all_locks": ("SELECT GET_LOCK('outsider', 0)",),
    "unlock_tables": ("LOCK TABLES t WRITE",),
    "commit": ("BEGIN", "UPDATE t SET amount = 0"),
    "rollback": ("BEGIN", "UPDATE t SET amount = 0"),
    "execute_prepared": ("PREPARE outsider FROM 'DELETE FROM t'",),
    "deallocate": ("PREPARE outsider FROM 'SELECT 1'",),
    "purge_logs": ("FLUSH BINARY LOGS",),
    "mysql_reset_persist": ("SET PERSIST max_connections = 77",),
}
"""What a session has done before the statement can show what it does."""

HOSTILE: tuple[tuple[str, str, str], ...] = (
    # Plain writes
    ("insert", "INSERT INTO t VALUES (11, 'mal', 1)", _ROWS),
    ("insert_set", "INSERT t SET id = 11, amount = 1", _ROWS),
    ("insert_upsert", "INSERT INTO t VALUES (1, 'mal', 1) ON DUPLICATE KEY UPDATE amount = 0", _ROWS),
    ("insert_ignore_select", "INSERT IGNORE INTO t SELECT id + 100, name, amount FROM t AS u", _ROWS),
    ("maria_insert_returning", "INSERT INTO t VALUES (11, 'mal', 1) RETURNING id, name", _ROWS),
    ("maria_delete_returning", "DELETE FROM t WHERE id = 1 RETURNING *", _ROWS),
    ("maria_replace_returning", "REPLACE INTO t VALUES (1, 'mal', 1) RETURNING id", _ROWS),
    ("replace", "REPLACE t VALUES (1, 'mal', -1)", _ROWS),
    ("replace_table", "REPLACE INTO t SELECT id, name, 0 FROM t AS u", _ROWS),
    ("update_limit", "UPDATE LOW_PRIORITY IGNORE t SET amount = 0 ORDER BY id LIMIT 1", _ROWS),
    ("update_join", "UPDATE t JOIN t AS u USING (id) SET t.amount = 1", _ROWS),
    ("delete_using", "DELETE FROM a USING t AS a JOIN t AS b ON a.id = b.id", _ROWS),
    ("delete_multi", "DELETE QUICK a FROM t AS a, t AS b WHERE a.id = b.id", _ROWS),
    ("truncate", "TRUNCATE t", _ROWS),
    ("mysql_cte_delete", "WITH a AS (SELECT 1 AS id) DELETE FROM t WHERE id IN (SELECT id FROM a)", _ROWS),
    ("mysql_cte_update", "WITH a AS (SELECT 1 AS id) UPDATE t, a SET amount = 0 WHERE t.id = a.id", _ROWS),
    ("insert_cte", "INSERT INTO t WITH a AS (SELECT 99 AS n) SELECT n, 'mal', n FROM a", _ROWS),
    ("mysql_insert_values_row", "INSERT INTO t VALUES ROW(11, 'mal', 1), ROW(12, 'mal', 2)", _ROWS),
    ("mysql_insert_table", "INSERT INTO outsider_log TABLE outsider_log UNION ALL SELECT 'x'", _LOG),
    ("load_data", "LOAD DATA INFILE '/etc/passwd' INTO TABLE outsider_log", _LOG),
    ("load_data_local", "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE outsider_log", _LOG),
    ("load_data_concurrent", "LOAD DATA CONCURRENT INFILE '/etc/passwd' IGNORE INTO TABLE outsider_log (note)", _LOG),
    ("load_xml", "LOAD XML INFILE '{folder}/rows.xml' INTO TABLE outsider_log ROWS IDENTIFIED BY '<row>'", _LOG),
    (
        "maria_delete_history",
        "DELETE HISTORY FROM outsider_versioned",
        "SELECT COUNT(*) FROM outsider_versioned FOR SYSTEM_TIME ALL",
    ),
    # Definitions
    ("create_table_as", "CREATE TABLE outsider_copy AS SELECT * FROM t", _RELATIONS),
    ("create_table_like", "CREATE TABLE outsider_copy LIKE t", _RELATIONS),
    ("create_temporary", "CREATE TEMPORARY TABLE outsider_temp SELECT * FROM t", _TEMPORARY),
    (
        "create_temporary_memory",
        "CREATE TEMPORARY TABLE IF NOT EXISTS outsider_temp (a integer) ENGINE = MEMORY",
        _TEMPORARY,
    ),
    ("create_view", "CREATE OR REPLACE VIEW outsider_made AS SELECT 1 AS n", _RELATIONS),
    ("create_function", "CREATE FUNCTION outsider_new() RETURNS integer RETURN 1", _ROUTINES),
    ("create_procedure", "CREATE DEFINER = CURRENT_USER PROCEDURE outsider_new() SELECT 1", _ROUTINES),
    (
        "create_trigger",
        "CREATE TRIGGER outsider_trigger BEFORE INSERT ON t FOR EACH ROW SET NEW.amount = 0",
        "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
    ),
    (
        "create_event",
        "CREATE EVENT outsider_event ON SCHEDULE EVERY 1 HOUR DO DELETE FROM t",
        "SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()",
    ),
    (
        "create_database",
        "CREATE DATABASE IF NOT EXISTS outsider_database",
        "SELECT COUNT(*) FROM information_schema.SCHEMATA",
    ),
    ("create_user", "CREATE USER outsider_user IDENTIFIED BY 'Outsider-1'", _USERS),
    ("create_role", "CREATE ROLE outsider_role", _USERS),
    ("grant", "GRANT ALL ON *.* TO CURRENT_USER WITH GRANT OPTION", NOTHING),
    (
        "create_server",
        "CREATE SERVER outsider FOREIGN DATA WRAPPER mysql OPTIONS (HOST '127.0.0.1', DATABASE 'x')",
        "SELECT COUNT(*) FROM mysql.servers",
    ),
    (
        "create_index",
        "CREATE INDEX outsider_index ON t (amount)",
        "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()",
    ),
    ("alter_table", "ALTER TABLE t ADD COLUMN outsider integer, ALGORITHM = INSTANT", _COLUMNS),
    ("rename_table", "RENAME TABLE t TO outsider_moved", _ROWS),
    ("drop_table", "DROP TABLE IF EXISTS t", _ROWS),
    ("drop_view", "DROP VIEW outsider_view", _RELATIONS),
    (
        "analyze_histogram",
        "ANALYZE TABLE t UPDATE HISTOGRAM ON amount WITH 4 BUCKETS",
        "SELECT COUNT(*) FROM information_schema.COLUMN_STATISTICS WHERE SCHEMA_NAME = DATABASE()",
    ),
    (
        "maria_analyze_persistent",
        "ANALYZE TABLE t PERSISTENT FOR ALL",
        "SELECT COUNT(*) FROM mysql.table_stats WHERE db_name = DATABASE()",
    ),
    ("optimize", "OPTIMIZE NO_WRITE_TO_BINLOG TABLE t", NOTHING),
    (
        "mysql_srs",
        "CREATE SPATIAL REFERENCE SYSTEM 999999 NAME 'outsider' DEFINITION "
        '\'GEOGCS["o",DATUM["o",SPHEROID["o",6378137,298.257223563]],PRIMEM["o",0],UNIT["d",0.017453292519943278],'
        'AXIS["Lat",NORTH],AXIS["Lon",EAST]]\'',
        "SELECT COUNT(*) FROM information_schema.ST_SPATIAL_REFERENCE_SYSTEMS",
    ),
    (
        "install_plugin",
        "INSTALL PLUGIN outsider SONAME 'auth_socket.so'",
        "SELECT COUNT(*) FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'outsider'",
    ),
    (
        "mysql_install_component",
        "INSTALL COMPONENT 'file://component_validate_password'",
        "SELECT COUNT(*) FROM mysql.component",
    ),
    (
        "create_udf",
        "CREATE FUNCTION outsider_udf RETURNS integer SONAME 'outsider.so'",
        "SELECT COUNT(*) FROM mysql.func",
    ),
    # Comments, quoting and several statements
    ("version_comment", "/*!50000 DELETE FROM t */", _ROWS),
    ("version_comment_bare", "/*! DELETE FROM t */", _ROWS),
    ("version_comment_verb", "/*!50000 DELETE*/ FROM t", _ROWS),
    ("version_comment_in_select", "SELECT 1 /*!50000 , outsider_write('x') */", _LOG),
    ("version_comment_split", "SELECT /*!50000 outsider_write*/('x')", _LOG),
    ("version_comment_into", "SELECT id FROM t LIMIT 1 /*!50000 INTO @outsider */", _VARIABLE),
    ("version_comment_for_update", "SELECT id FROM t /*! FOR UPDATE */", _ROW_LOCKS),
    ("version_comment_closed_in_string", "SELECT '/*', outsider_write('*/')", _LOG),
    ("version_comment_six_digits", "SELECT 1 /*!080000 , outsider_write('x') */", _LOG),
    ("version_comment_nested", "SELECT 1 /*!50000 /* plain */ , outsider_write('x') */", _LOG),
    ("version_comment_multi", "SELECT 1 /*!50000 ; DELETE FROM t */", _ROWS),
    ("maria_comment", "/*M! DELETE FROM t */", _ROWS),
    ("maria_comment_version", "SELECT 1 /*M!100100 , outsider_write('x') */", _LOG),
    ("maria_comment_into", "SELECT 1 /*M!50500 INTO @outsider */", _VARIABLE),
    ("comment_leading", "/* SELECT */ DELETE FROM t", _ROWS),
    ("comment_hash", "# SELECT 1\nDELETE FROM t", _ROWS),
    ("comment_dashes", "-- SELECT 1\nDELETE FROM t", _ROWS),
    ("comment_not_a_comment", "SELECT 1 --outsider_write('x')", _LOG),
    ("comment_not_a_comment_tab", "SELECT 10 --1 --outsider_write('x') FROM t LIMIT 1", _LOG),
    ("comment_hash_hides_newline", "SELECT 1 # /*\n, outsider_write('x') # */", _LOG),
    ("comment_dash_hides_newline", "SELECT 1 -- /*\n, outsider_write('x') -- */", _LOG),
    ("quote_backslash", r"SELECT '\'', outsider_write('x') -- '", _LOG),
    ("quote_backslash_double", 'SELECT "\\" , \'", outsider_write("x"), "\'"', _LOG),
    ("quote_backslash_multi", r"SELECT '\\'; DELETE FROM t; -- '", _ROWS),
    ("quote_doubled", "SELECT 'a''', outsider_write('x'), ''''", _LOG),
    ("quote_adjacent", "SELECT 'a' 'b' \"c\", outsider_write('x')", _LOG),
    ("quote_introducer", r"SELECT _binary'\'', outsider_write(_utf8mb4'x') -- '", _LOG),
    ("quote_national", r"SELECT N'\'', outsider_write(n'x') -- '", _LOG),
    ("quote_hex", "SELECT X'27', 0x27, b'1', outsider_write(0x78)", _LOG),
    ("quote_backtick_holding_quote", "SELECT 1 AS `a'b`, outsider_write('x') AS `'`", _LOG),
    ("quote_backtick_doubled", "SELECT 1 AS `a``b`, outsider_write('x') AS `c```", _LOG),
    ("multi_delete", "SELECT 1; DELETE FROM t", _ROWS),
    ("multi_no_space", "SELECT 1;DELETE/**/FROM`t`;", _ROWS),
    ("multi_string", "SELECT ';'; DELETE FROM t; SELECT ';'", _ROWS),
    ("multi_set", "SET @outsider = 1; SELECT @outsider", _VARIABLE),
    ("multi_empty", ";;DELETE FROM t", _ROWS),
    ("multi_prepare", "SET @s = 0x44454C4554452046524F4D2074; PREPARE o FROM @s; EXECUTE o", _ROWS),
    ("multi_sql_mode", "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'; DELETE FROM \"t\"", _ROWS),
    ("multi_backslash_mode", "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\\', outsider_write('x') -- '", _LOG),
    ("multi_transaction", "START TRANSACTION READ WRITE; DELETE FROM t; COMMIT", _ROWS),
    ("whitespace_vertical_tab", "DELETE\x0bFROM\x0ct", _ROWS),
    ("whitespace_none", "DELETE/**/FROM`t`", _ROWS),
    ("whitespace_carriage_return", "SELECT 1 -- a\r, outsider_write('x')\n, outsider_write('y')", _LOG),
    ("case_mixed", "dElEtE fRoM t", _ROWS),
    ("parenthesised", "(((SELECT outsider_write('x'))))", _LOG),
    # Stored functions in odd spellings and places
    ("function", "SELECT outsider_write('x')", _LOG),
    ("function_upper_case", "SELECT OUTSIDER_WRITE('x')", _LOG),
    ("function_space", "SELECT outsider_write ('x')", _LOG),
    ("function_comment", "SELECT outsider_write/**/('x')", _LOG),
    ("function_backtick", "SELECT `outsider_write`('x')", _LOG),
    ("function_spaced_name", "SELECT `outsider write`(1)", _LOG),
    ("function_qualified", "SELECT {database}.outsider_write('x')", _LOG),
    ("function_qualified_quoted", "SELECT `{database}` . `outsider_write` ( 'x' )", _LOG),
    ("function_native_name", "SELECT {database}.ucase(1)", _LOG),
    ("function_native_name_quoted", "SELECT `{database}`.`UCASE`(1)", _LOG),
    ("function_accent", "SELECT outsider_wr\u00edte('x')", _LOG),
    ("function_accent_quoted", "SELECT `\u00f6utsider_write`('x')", _LOG),
    ("function_no_sql", "SELECT outsider_fixed(1)", _LOG),
    ("function_reads_sql", "SELECT outsider_reader(id) FROM t", _LOG),
    ("function_indirect", "SELECT outsider_indirect(1)", _LOG),
    ("function_user_variable", "SELECT outsider_remember()", _VARIABLE),
    ("function_lock", "SELECT outsider_locker()", _LOCK),
    ("function_file", "SELECT outsider_passwd()", RESULT),
    ("function_slow", "SELECT outsider_slow()", SLOW),
    ("function_order_by", "SELECT id FROM t ORDER BY outsider_write(name)", _LOG),
    ("function_group_by", "SELECT COUNT(*) FROM t GROUP BY outsider_write(name)", _LOG),
    ("function_having", "SELECT COUNT(*) AS n FROM t HAVING outsider_write('x')", _LOG),
    ("function_join", "SELECT a.id FROM t a LEFT JOIN t b ON a.id = b.id AND outsider_write(b.name)", _LOG),
    ("function_window", "SELECT SUM(id) OVER (PARTITION BY outsider_write(name)) FROM t", _LOG),
    ("function_window_named", "SELECT SUM(id) OVER w FROM t WINDOW w AS (ORDER BY outsider_write(name))", _LOG),
    ("function_case", "SELECT CASE WHEN id > 5 THEN outsider_write(name) END FROM t", _LOG),
    (
        "function_in_aggregate",
        "SELECT GROUP_CONCAT(DISTINCT outsider_write(name) ORDER BY 1 SEPARATOR ',') FROM t",
        _LOG,
    ),
    ("function_interval", "SELECT NOW() + INTERVAL outsider_write('x') DAY", _LOG),
    ("function_in_list", "SELECT id FROM t WHERE 1 IN (0, outsider_write(name))", _LOG),
    (
        "function_exists",
        "SELECT id FROM t WHERE EXISTS (SELECT outsider_write(t.name) HAVING outsider_write('y'))",
        _LOG,
    ),
    ("function_cte", "WITH a AS (SELECT outsider_write('x') AS n) SELECT n FROM a", _LOG),
    (
        "function_recursive_cte",
        "WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + outsider_write('x') FROM a WHERE n < 3) SELECT n FROM a",
        _LOG,
    ),
    ("function_union", "SELECT 1 UNION ALL (SELECT outsider_write('x') LIMIT 1)", _LOG),
    (
        "function_json_table",
        "SELECT * FROM JSON_TABLE(CONCAT('[', outsider_write('x'), ']'), '$[*]' COLUMNS (n INT PATH '$')) AS j",
        _LOG,
    ),
    ("mysql_function_values", "VALUES ROW(outsider_write('x'))", _LOG),
    ("maria_function_values", "VALUES (outsider_write('x'))", _LOG),
    ("mysql_function_lateral", "SELECT * FROM t, LATERAL (SELECT outsider_write(t.name) AS n) AS l", _LOG),
    ("function_derived_column", "SELECT n FROM (SELECT outsider_write('x') AS n) AS d", _LOG),
    ("function_show_where", "SHOW TABLES WHERE outsider_write('x')", _LOG),
    ("function_show_columns_where", "SHOW FULL COLUMNS FROM t WHERE outsider_write(Field)", _LOG),
    ("function_show_variables_where", "SHOW VARIABLES WHERE Variable_name = 'port' AND outsider_write('x')", _LOG),
    ("function_show_status_where", "SHOW STATUS WHERE outsider_write('x') AND 0", _LOG),
    ("function_show_index_where", "SHOW INDEX FROM t WHERE outsider_write(Key_name)", _LOG),
    ("function_row", "SELECT (1, outsider_write('x')) = (1, 1)", _LOG),
    ("function_cast", "SELECT CAST(outsider_write('x') AS CHAR) COLLATE utf8mb4_bin", _LOG),
    ("function_odbc_escape", "SELECT {fn outsider_write('x')}", _LOG),
    ("function_match", "SELECT outsider_write('x') DIV 1 XOR 0", _LOG),
    ("maria_aggregate_function", "SELECT outsider_total(id) FROM t", _LOG),
    ("maria_function_sequence", "SELECT outsider_counted()", _SEQUENCE),
    ("view", "SELECT * FROM outsider_view", _LOG),
    ("view_of_view", "SELECT * FROM outsider_view_of_view", _LOG),
    ("mysql_view_table", "TABLE outsider_view", _LOG),
    ("view_qualified", "SELECT `fine` FROM `{database}`.`outsider_view`", _LOG),
    ("view_dot", "SELECT d.fine FROM {database} . outsider_view AS d", _LOG),
    ("view_definer", "SELECT n FROM outsider_definer", _LOG),
    ("view_odbc_join", "SELECT v.fine FROM {oj t LEFT OUTER JOIN outsider_view v ON v.id = t.id}", _LOG),
    ("view_file", "SELECT line FROM outsider_file", RESULT),
    ("view_sleep", "SELECT n FROM outsider_sleeper", SLOW),
    ("view_lock", "SELECT n FROM outsider_lock_view", _LOCK),
    ("maria_view_sequence", "SELECT n FROM outsider_counter", _SEQUENCE),
    # Files
    ("outfile", "SELECT * FROM t INTO OUTFILE '{folder}/outsider.txt'", FILES),
    ("outfile_before_from", "SELECT id INTO OUTFILE '{folder}/outsider.txt' FIELDS TERMINATED BY ',' FROM t", FILES),
    ("outfile_relative", "SELECT 1 INTO OUTFILE 'outsider.txt'", FILES),
    ("outfile_union", "SELECT 1 UNION SELECT 2 INTO OUTFILE '{folder}/outsider.txt'", FILES),
    ("outfile_parenthesised", "(SELECT 1) INTO OUTFILE '{folder}/outsider.txt'", FILES),
    ("outfile_comment", "SELECT 1 INTO/**/OUTFILE/**/'{folder}/outsider.txt'", FILES),
    ("outfile_version_comment", "SELECT 1 /*!50000 INTO OUTFILE '{folder}/outsider.txt' */", FILES),
    ("outfile_cte", "WITH a AS (SELECT 1 AS n) SELECT n FROM a INTO OUTFILE '{folder}/outsider.txt'", FILES),
    ("mysql_outfile_table", "TABLE t INTO OUTFILE '{folder}/outsider.txt'", FILES),
    ("mysql_outfile_values", "VALUES ROW(1, 2) INTO OUTFILE '{folder}/outsider.txt'", FILES),
    ("outfile_for_update", "SELECT 1 FROM t INTO OUTFILE '{folder}/outsider.txt' FOR UPDATE", FILES),
    ("dumpfile", "SELECT 0x3c3f INTO DUMPFILE '{folder}/outsider.php'", FILES),
    ("dumpfile_before_from", "SELECT 'x' INTO DUMPFILE '{folder}/outsider.php' FROM t LIMIT 1", FILES),
    ("load_file", "SELECT LOAD_FILE('/etc/passwd')", RESULT),
    ("load_file_hex", "SELECT load_file (0x2f6574632f706173737764)", RESULT),
    ("load_file_where", "SELECT 1 FROM t WHERE LENGTH(LOAD_FILE('/etc/passwd')) > id LIMIT 1", RESULT),
    ("load_file_backtick", "SELECT `LOAD_FILE`('/etc/passwd')", RESULT),
    ("load_file_version_comment", "SELECT /*!LOAD_FILE*/('/etc/passwd')", RESULT),
    ("load_file_accent", "SELECT L\u00f6AD_FILE('/etc/passwd')", RESULT),
    ("load_file_fn", "SELECT {fn LOAD_FILE('/etc/passwd')}", RESULT),
    ("create_table_directory", "CREATE TABLE outsider_dir (a integer) DATA DIRECTORY = '{folder}'", _RELATIONS),
    ("mysql_clone", "CLONE LOCAL DATA DIRECTORY = '{folder}/clone'", FILES),
    ("mysql_import", "IMPORT TABLE FROM '{folder}/outsider.sdi'", _RELATIONS),
    # Locks
    ("get_lock", "SELECT GET_LOCK('outsider', 0)", _LOCK),
    ("get_lock_mixed_case", "SELECT gEt_LoCk ('outsider', 0)", _LOCK),
    ("get_lock_backtick", "SELECT `get_lock`('outsider', 0)", _LOCK),
    ("get_lock_kelvin", "SELECT GET_LOC\u212a('outsider', 0)", _LOCK),
    ("get_lock_in_where", "SELECT id FROM t WHERE id = 1 AND GET_LOCK('outsider', 0)", _LOCK),
    ("get_lock_show", "SHOW TABLES WHERE GET_LOCK('outsider', 0)", _LOCK),
    ("get_lock_limit_join", "SELECT 1 FROM t JOIN (SELECT GET_LOCK('outsider', 0) AS n) AS l LIMIT 1", _LOCK),
    ("do_get_lock", "DO GET_LOCK('outsider', 0)", _LOCK),
    ("release_lock", "SELECT RELEASE_LOCK('outsider')", _LOCK),
    ("release_all_locks", "SELECT RELEASE_ALL_LOCKS()", _LOCK),
    ("for_update", "SELECT * FROM t FOR UPDATE", _ROW_LOCKS),
    ("for_update_skip_locked", "SELECT * FROM t WHERE id > 3 FOR UPDATE SKIP LOCKED", _ROW_LOCKS),
    ("mysql_for_update_of", "SELECT * FROM t AS a FOR UPDATE OF a NOWAIT", _ROW_LOCKS),
    ("mysql_for_share", "SELECT * FROM t FOR SHARE", _ROW_LOCKS),
    ("lock_in_share_mode", "SELECT * FROM t LOCK IN SHARE MODE", _ROW_LOCKS),
    ("for_update_derived", "SELECT * FROM (SELECT * FROM t FOR UPDATE) AS q", _ROW_LOCKS),
    ("for_update_scalar", "SELECT (SELECT MAX(id) FROM t FOR UPDATE)", _ROW_LOCKS),
    ("for_update_union", "(SELECT id FROM t FOR UPDATE) UNION ALL (SELECT 1)", _ROW_LOCKS),
    ("for_update_cte", "WITH a AS (SELECT * FROM t LOCK IN SHARE MODE) SELECT COUNT(*) FROM a", _ROW_LOCKS),
    ("for_update_exists", "SELECT 1 WHERE EXISTS (SELECT * FROM t FOR UPDATE)", _ROW_LOCKS),
    ("for_update_comment", "SELECT * FROM t FOR/**/UPDATE", _ROW_LOCKS),
    ("maria_for_update_wait", "SELECT * FROM t FOR UPDATE WAIT 10", _ROW_LOCKS),
    ("lock_tables", "LOCK TABLES t READ LOCAL", _IN_USE),
    ("lock_tables_write", "LOCK TABLES t AS x WRITE", BLOCKS),
    ("flush_read_lock", "FLUSH TABLES WITH READ LOCK", BLOCKS),
    ("flush_for_export", "FLUSH TABLES t FOR EXPORT", BLOCKS),
    ("unlock_tables", "UNLOCK TABLES", _IN_USE),
    (
        "mysql_lock_instance",
        "LOCK INSTANCE FOR BACKUP",
        "SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE OBJECT_TYPE = 'BACKUP LOCK'",
    ),
    ("maria_backup_lock", "BACKUP LOCK t", NOTHING),
    ("maria_backup_stage", "BACKUP STAGE START", NOTHING),
    ("handler_open", "HANDLER t OPEN", "HANDLER t READ FIRST"),
    ("handler_open_as", "HANDLER t OPEN AS h", "HANDLER h READ NEXT"),
    # Transactions
    ("begin", "BEGIN", TRANSACTION),
    ("begin_work", "BEGIN WORK", TRANSACTION),
    ("start_snapshot", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", TRANSACTION),
    ("xa_start", "XA START 'outsider'", TRANSACTION),
    ("commit", "COMMIT", TRANSACTION),
    ("rollback", "ROLLBACK", TRANSACTION),
    ("autocommit", "SET autocommit = 0", "SELECT @@autocommit"),
    (
        "isolation",
        "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE",
        "SHOW VARIABLES WHERE Variable_name IN ('transaction_isolation', 'tx_isolation')",
    ),
    # Session state
    ("variable_set", "SET @outsider = 1", _VARIABLE),
    ("variable_assign", "SELECT @outsider := 1", _VARIABLE),
    ("variable_assign_quoted", "SELECT @`outsider`:=1", _VARIABLE),
    ("variable_assign_string", "SELECT @'outsider' := id FROM t", _VARIABLE),
    ("variable_assign_comment", "SELECT @outsider/**/:=/**/1", _VARIABLE),
    ("variable_assign_nested", "SELECT id FROM t WHERE (@outsider := COALESCE(@outsider, 0) + 1) > 0", _VARIABLE),
    ("variable_assign_order", "SELECT id FROM t ORDER BY (@outsider := id)", _VARIABLE),
    ("variable_into", "SELECT 1 INTO @outsider", _VARIABLE),
    ("variable_into_before_from", "SELECT id INTO @outsider FROM t WHERE id = 1", _VARIABLE),
    ("variable_into_union", "SELECT 1 UNION SELECT 2 LIMIT 1 INTO @outsider", _VARIABLE),
    ("variable_into_many", "SELECT id, name FROM t LIMIT 1 INTO @a, @outsider", _VARIABLE),
    ("mysql_variable_into_table", "TABLE outsider_log LIMIT 1 INTO @outsider", _VARIABLE),
    ("mysql_variable_into_values", "VALUES ROW(1) INTO @outsider", _VARIABLE),
    ("mysql_variable_explain", "EXPLAIN FORMAT = JSON INTO @outsider SELECT 1", _VARIABLE),
    ("variable_diagnostics", "GET DIAGNOSTICS @outsider = NUMBER", _VARIABLE),
    ("last_insert_id", "SELECT LAST_INSERT_ID(4242)", "SELECT LAST_INSERT_ID()"),
    ("set_names", "SET NAMES latin1", "SELECT @@character_set_client"),
    ("set_charset", "SET CHARACTER SET gbk", "SELECT @@character_set_client"),
    ("set_sql_mode", "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'", _SQL_MODE),
    ("set_sql_mode_at", "SET @@sql_mode = ''", _SQL_MODE),
    (
        "set_read_only",
        "SET SESSION TRANSACTION READ ONLY",
        "SHOW VARIABLES WHERE Variable_name IN ('transaction_read_only', 'tx_read_only')",
    ),
    ("mysql_set_timeout", "SET max_execution_time = 12345", "SELECT @@max_execution_time"),
    ("maria_set_timeout", "SET max_statement_time = 1234", "SELECT @@max_statement_time"),
    ("set_role", "SET ROLE NONE", NOTHING),
    ("use", "USE mysql", "SELECT DATABASE()"),
    ("prepare", "PREPARE outsider FROM 'DELETE FROM t'", _PREPARED),
    ("execute_prepared", "EXECUTE outsider", _ROWS),
    ("deallocate", "DEALLOCATE PREPARE outsider", _PREPARED),
    ("mysql_hint_set_var", "SELECT /*+ SET_VAR(max_execution_time = 0) */ SLEEP(30)", SLOW),
    (
        "mysql_hint_time",
        "SELECT /*+ MAX_EXECUTION_TIME(600000) */ COUNT(*) FROM t a, t b, t c, t d, t e, t f, t g, "
        "t h, t i, t j, t k, t l WHERE a.amount + l.amount < 0",
        SLOW,
    ),
    ("mysql_hint_foreign_keys", "INSERT /*+ SET_VAR(foreign_key_checks = OFF) */ INTO t VALUES (12, 'm', 1)", _ROWS),
    # Procedures and statements inside statements
    ("call", "CALL outsider_procedure()", _LOG),
    ("call_without_parentheses", "CALL outsider_procedure", _LOG),
    ("call_rows", "CALL `{database}`.outsider_rows()", _LOG),
    ("do", "DO outsider_write('x')", _LOG),
    ("do_many", "DO 1, outsider_write('x'), 2", _LOG),
    ("maria_execute_immediate", "EXECUTE IMMEDIATE 'DELETE FROM t'", _ROWS),
    ("maria_execute_concat", "EXECUTE IMMEDIATE CONCAT('DEL', 'ETE FROM ', 't')", _ROWS),
    ("maria_set_statement", "SET STATEMENT max_statement_time = 0 FOR DELETE FROM t", _ROWS),
    ("maria_set_statement_select", "SET STATEMENT sort_buffer_size = 100000 FOR SELECT outsider_write('x')", _LOG),
    ("maria_compound", "BEGIN NOT ATOMIC DELETE FROM t; END", _ROWS),
    ("maria_if", "IF 1 THEN DELETE FROM t; END IF", _ROWS),
    ("maria_for", "FOR i IN 1..2 DO DELETE FROM t WHERE id = i; END FOR", _ROWS),
    ("maria_while", "WHILE (SELECT COUNT(*) FROM t) > 5 DO DELETE FROM t LIMIT 1; END WHILE", _ROWS),
    ("mysql_sys_execute", "CALL sys.execute_prepared_stmt('DELETE FROM {database}.t')", _ROWS),
    (
        "mysql_sys_consumer",
        "CALL sys.ps_setup_disable_consumer('events_statements_history')",
        "SELECT ENABLED FROM performance_schema.setup_consumers WHERE NAME = 'events_statements_history'",
    ),
    ("mysql_sys_truncate", "CALL sys.ps_truncate_all_tables(false)", RESULT),
    (
        "mysql_sys_synonym",
        "CALL sys.create_synonym_db('{database}', '{database}_syn')",
        "SELECT COUNT(*) FROM information_schema.SCHEMATA",
    ),
    ("maria_sys_consumer", "CALL sys.table_exists('{database}', 't', @outsider)", _VARIABLE),
    ("mysql_explain_analyze", "EXPLAIN ANALYZE SELECT outsider_write(name) FROM t", _LOG),
    ("mysql_explain_analyze_tree", "EXPLAIN ANALYZE FORMAT = TREE SELECT outsider_write('x') FROM t", _LOG),
    ("mysql_desc_analyze", "DESC ANALYZE SELECT GET_LOCK('outsider', 0) FROM t", _LOCK),
    ("mysql_explain_analyze_delete", "EXPLAIN ANALYZE DELETE t FROM t JOIN t AS u ON t.id = u.id", _ROWS),
    ("explain_derived", "EXPLAIN SELECT * FROM (SELECT outsider_write('x') AS n LIMIT 1) AS d WHERE n = 1", _LOG),
    ("explain_constant_folding", "EXPLAIN SELECT * FROM t WHERE id = (SELECT outsider_fixed(1))", _LOG),
    ("maria_analyze_update", "ANALYZE UPDATE t SET amount = 0", _ROWS),
    ("maria_analyze_json", "ANALYZE FORMAT=JSON UPDATE t SET amount = 0", _ROWS),
    ("maria_analyze_delete", "ANALYZE DELETE FROM t", _ROWS),
    ("maria_analyze_insert", "ANALYZE INSERT INTO t VALUES (11, 'mal', 1)", _ROWS),
    ("maria_analyze_select", "ANALYZE SELECT outsider_write(name) FROM t", _LOG),
    ("maria_analyze_json_select", "ANALYZE FORMAT = JSON SELECT outsider_write('x')", _LOG),
    ("signal", "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'outsider'", "SHOW COUNT(*) WARNINGS"),
    ("binlog", "BINLOG ''", NOTHING),
    # Sequences
    ("maria_nextval", "SELECT NEXTVAL(outsider_seq)", _SEQUENCE),
    ("maria_next_value_for", "SELECT NEXT VALUE FOR outsider_seq", _SEQUENCE),
    ("maria_next_value_qualified", "SELECT NEXT/**/VALUE FOR `{database}`.`outsider_seq`", _SEQUENCE),
    ("maria_nextval_subquery", "SELECT id FROM t WHERE id < (SELECT NEXTVAL(outsider_seq))", _SEQUENCE),
    ("maria_setval", "SELECT SETVAL(outsider_seq, 1000)", _SEQUENCE),
    ("maria_alter_sequence", "ALTER SEQUENCE outsider_seq RESTART 50", _SEQUENCE),
    ("maria_nextval_oracle", "SET sql_mode = ORACLE; SELECT outsider_seq.nextval", _SEQUENCE),
    # Server settings and other sessions
    ("set_global", "SET GLOBAL max_connections = 99", _CONNECTIONS),
    ("set_global_at", "SET @@global.max_connections = 98", _CONNECTIONS),
    ("set_global_mixed", "SET @outsider = 1, GLOBAL max_connections = 97", _CONNECTIONS),
    ("mysql_set_persist", "SET PERSIST max_connections = 96", _CONNECTIONS),
    (
        "mysql_set_persist_only",
        "SET PERSIST_ONLY back_log = 66",
        "SELECT COUNT(*) FROM performance_schema.persisted_variables",
    ),
    ("mysql_reset_persist", "RESET PERSIST", "SELECT COUNT(*) FROM performance_schema.persisted_variables"),
    ("set_global_general_log", "SET GLOBAL general_log = ON", "SELECT @@GLOBAL.general_log"),
    ("set_global_read_only", "SET GLOBAL read_only = ON", "SELECT @@GLOBAL.read_only"),
    ("kill", "KILL {victim}", _VICTIM),
    ("kill_connection", "KILL CONNECTION {victim}", _VICTIM),
    ("kill_expression", "KILL {victim} + 0", _VICTIM),
    ("kill_query", "KILL QUERY {victim}", NOTHING),
    ("maria_kill_hard", "KILL HARD CONNECTION {victim}", _VICTIM),
    ("flush_logs", "FLUSH BINARY LOGS", _BINARY_LOGS),
    ("flush_status", "FLUSH STATUS", NOTHING),
    ("flush_privileges", "FLUSH PRIVILEGES", NOTHING),
    ("flush_tables", "FLUSH LOCAL TABLES", NOTHING),
    ("purge_logs", "PURGE BINARY LOGS BEFORE '2038-01-01 00:00:00'", _BINARY_LOGS),
    ("mysql_reset_logs", "RESET BINARY LOGS AND GTIDS", _BINARY_LOGS),
    ("maria_reset_master", "RESET MASTER", _BINARY_LOGS),
    (
        "mysql_change_source",
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1'",
        "SELECT COUNT(*) FROM performance_schema.replication_connection_configuration",
    ),
    ("maria_change_master", "CHANGE MASTER 'outsider' TO MASTER_HOST = '127.0.0.1'", "SHOW ALL SLAVES STATUS"),
    (
        "mysql_failover_add",
        "SELECT asynchronous_connection_failover_add_source('outsider', '127.0.0.1', 1, '', 50)",
        _FAILOVER,
    ),
    (
        "mysql_failover_managed",
        "SELECT asynchronous_connection_failover_add_managed('outsider', 'GroupReplication', "
        "'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa', '127.0.0.1', 1, '', 80, 60)",
        "SELECT COUNT(*) FROM performance_schema.replication_asynchronous_connection_failover_managed",
    ),
    ("mysql_failover_reset", "SELECT asynchronous_connection_failover_reset()", RESULT),
    ("mysql_redo_checkpoint", "SELECT innodb_redo_log_sharp_checkpoint()", RESULT),
    ("mysql_redo_consumer", "DO innodb_redo_log_consumer_register()", RESULT),
    ("mysql_redo_consumer_select", "SELECT innodb_redo_log_consumer_register('outsider')", RESULT),
    ("mysql_redo_archive", "SELECT innodb_redo_log_archive_start('outsider')", RESULT),
    ("mysql_alter_user", "ALTER USER CURRENT_USER() IDENTIFIED BY 'Outsider-2'", "SHOW CREATE USER CURRENT_USER()"),
    (
        "maria_set_password",
        "SET PASSWORD = PASSWORD('Outsider-2')",
        "SELECT SHA2(GROUP_CONCAT(Priv ORDER BY User), 256) FROM mysql.global_priv",
    ),
    ("mysql_restart", "ALTER INSTANCE ROTATE INNODB MASTER KEY", NOTHING),
    (
        "mysql_resource_group",
        "CREATE RESOURCE GROUP outsider TYPE = USER VCPU = 0",
        "SELECT COUNT(*) FROM information_schema.RESOURCE_GROUPS",
    ),
    ("load_index", "LOAD INDEX INTO CACHE t", NOTHING),
    # Denial
    ("sleep", "SELECT SLEEP(30)", SLOW),
    ("sleep_case", "SELECT sLeEp (30)", SLOW),
    ("sleep_backtick", "SELECT `sleep`(30)", SLOW),
    ("sleep_accent", "SELECT SL\u00cbEP(30)", SLOW),
    ("sleep_long_s", "SELECT \u017fLEEP(30)", SLOW),
    ("sleep_rows", "SELECT id FROM t WHERE SLEEP(3)", SLOW),
    ("sleep_fn", "SELECT {fn sleep(30)}", SLOW),
    ("sleep_show", "SHOW TABLES WHERE SLEEP(30)", SLOW),
    ("do_sleep", "DO SLEEP(30)", SLOW),
    ("benchmark", "SELECT BENCHMARK(10000000000, SHA2('x', 512))", SLOW),
    ("benchmark_where", "SELECT 1 FROM t WHERE BENCHMARK(100000000, SHA2(name, 512)) = 1", SLOW),
    ("maria_master_gtid_wait", "SELECT MASTER_GTID_WAIT('0-99-999999', 30)", SLOW),
    ("mysql_wait_gtid", "SELECT WAIT_FOR_EXECUTED_GTID_SET('aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa:1-9', 30)", SLOW),
    ("mysql_source_pos_wait", "SELECT SOURCE_POS_WAIT('binlog.999999', 4, 30)", SLOW),
    (
        "cross_join",
        "SELECT COUNT(*) FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j, t k, t l WHERE a.amount + l.amount < 0",
        SLOW,
    ),
    ("maria_seq_engine", "SELECT COUNT(*) FROM seq_1_to_100000000000 WHERE seq % 7 = 1", SLOW),
    (
        "mysql_recursive",
        "WITH RECURSIVE n(i) AS (SELECT /*+ SET_VAR(cte_max_recursion_depth = 4294967295) */ 1 "
        "UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
        SLOW,
    ),
    (
        "repeat_memory",
        "SELECT COUNT(*) FROM t a, t b, t c, t d, t e WHERE SHA2(REPEAT(a.name, 1000000), 256) = 'x'",
        SLOW,
    ),
)

BENIGN: tuple[tuple[str, str], ...] = (
    ("plain", "SELECT * FROM t"),
    ("semicolon", "SELECT id FROM t;"),
    ("trailing_comment", "SELECT id FROM t -- the ids"),
    ("hash_comment", "SELECT id # the id\nFROM t"),
    ("block_comment", "/* DELETE FROM t */ SELECT 1"),
    ("version_comment", "SELECT /*!50000 id */ FROM t"),
    ("version_comment_hint", "SELECT /*!40001 SQL_NO_CACHE */ * FROM t"),
    ("future_version_comment", "SELECT 1 /*!999999 , 2 */"),
    ("minus_minus", "SELECT 3--1"),
    ("word_in_string", "SELECT 'DELETE FROM t; INTO OUTFILE'"),
    ("word_in_identifier", "SELECT 1 AS `for update`, 2 AS `sleep(1)`"),
    ("string_with_semicolon", "SELECT 'a;b', \"c;d\""),
    ("escaped_quote", r"SELECT 'it\'s', 'it''s'"),
    ("introducer", "SELECT _utf8mb4'x' COLLATE utf8mb4_bin"),
    ("hex_literal", "SELECT 0xFF + 0, X'41', b'101' + 0"),
    ("aliases", "SELECT a.id AS n, b.name FROM t AS a JOIN t b ON a.id = b.id"),
    ("join_using", "SELECT id FROM t JOIN t AS u USING (id)"),
    ("straight_join", "SELECT a.id FROM t a STRAIGHT_JOIN t b ON a.id = b.id"),
    ("natural_join", "SELECT id FROM t NATURAL LEFT JOIN t AS u"),
    ("index_hint", "SELECT name FROM t FORCE INDEX (t_name) WHERE name > 'a'"),
    ("optimizer_hint", "SELECT /*+ NO_INDEX_MERGE(t) */ id FROM t"),
    ("group_rollup", "SELECT name, SUM(amount) FROM t GROUP BY name WITH ROLLUP"),
    ("having", "SELECT name, COUNT(*) AS n FROM t GROUP BY name HAVING n > 0"),
    ("order_limit", "SELECT id FROM t ORDER BY amount DESC LIMIT 2, 3"),
    ("union", "SELECT id FROM t UNION ALL SELECT 1 ORDER BY 1 LIMIT 5"),
    ("parenthesised_union", "(SELECT id FROM t LIMIT 1) UNION (SELECT amount FROM t LIMIT 1)"),
    ("except", "SELECT id FROM t EXCEPT SELECT 1"),
    ("intersect", "SELECT id FROM t INTERSECT SELECT 1"),
    ("cte", "WITH a AS (SELECT id FROM t) SELECT COUNT(*) FROM a"),
    ("recursive_cte", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT * FROM n"),
    ("window", "SELECT id, ROW_NUMBER() OVER (ORDER BY amount) AS r, LAG(amount) OVER (ORDER BY id) FROM t"),
    ("window_frame", "SELECT SUM(amount) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t"),
    (
        "window_rank",
        "SELECT RANK() OVER w, DENSE_RANK() OVER w, NTILE(4) OVER w, FIRST_VALUE(id) OVER w FROM t "
        "WINDOW w AS (ORDER BY amount)",
    ),
    ("scalar_subquery", "SELECT (SELECT MAX(amount) FROM t)"),
    ("exists", "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t AS u WHERE u.id = t.id)"),
    ("derived", "SELECT q.id FROM (SELECT id FROM t WHERE amount > 10) AS q"),
    ("mysql_table", "TABLE t ORDER BY id LIMIT 3"),
    ("mysql_values", "VALUES ROW(1, 2), ROW(3, 4)"),
    ("maria_values", "VALUES (1, 2), (3, 4)"),
    ("mysql_lateral", "SELECT l.n FROM t, LATERAL (SELECT t.id + 1 AS n) AS l"),
    ("case", "SELECT CASE WHEN amount > 50 THEN 'high' ELSE 'low' END FROM t"),
    ("if_ifnull", "SELECT IF(id > 1, 'a', 'b'), IFNULL(name, 'x'), NULLIF(id, 1), COALESCE(NULL, id) FROM t"),
    (
        "strings",
        "SELECT CONCAT(name, 'x'), CONCAT_WS('-', id, name), UPPER(name), LCASE(name), TRIM(BOTH 'a' FROM name), "
        "SUBSTRING(name, 1, 2), SUBSTRING_INDEX('a.b', '.', 1), REPLACE(name, 'a', 'b'), REVERSE(name) FROM t",
    ),
    ("replace_and_insert_functions", "SELECT REPLACE('a', 'a', 'b'), INSERT('abc', 1, 1, 'x'), REPEAT('a', 3)"),
    (
        "more_strings",
        "SELECT LEFT(name, 1), RIGHT(name, 1), LPAD(name, 5, '0'), RPAD(name, 5, '0'), LOCATE('a', name), "
        "INSTR(name, 'a'), CHAR_LENGTH(name), LENGTH(name), BIT_LENGTH(name), ASCII(name), ORD(name), SPACE(2) FROM t",
    ),
    (
        "odd_strings",
        "SELECT ELT(2, 'a', 'b'), FIELD('a', 'b', 'a'), FIND_IN_SET('b', 'a,b'), MAKE_SET(1 | 4, 'a', 'b', "
        "'c'), EXPORT_SET(5, 'Y', 'N', ',', 4), SOUNDEX('hello'), STRCMP('a', 'b'), QUOTE('x'), FORMAT(1234.5, 2)",
    ),
    (
        "encodings",
        "SELECT HEX('a'), UNHEX('61'), TO_BASE64('a'), FROM_BASE64('YQ=='), BIN(5), OCT(8), CONV('a', 16, 10)",
    ),
    ("char_using", "SELECT CHAR(97 USING utf8mb4), CONVERT('a' USING latin1), CONVERT('1', SIGNED)"),
    (
        "casts",
        "SELECT CAST('1' AS SIGNED), CAST(1 AS CHAR(3)), CAST('2024-01-01' AS DATE), CAST(1.5 AS DECIMAL(10, 2)), "
        "BINARY 'a'",
    ),
    (
        "like_regexp",
        "SELECT id FROM t WHERE name LIKE 'a%' OR name REGEXP '^b' OR name RLIKE 'c$' OR name SOUNDS LIKE 'dan'",
    ),
    (
        "regexp_functions",
        "SELECT REGEXP_REPLACE('abc', 'b', 'x'), REGEXP_SUBSTR('abc', 'b.'), REGEXP_INSTR('abc', 'c')",
    ),
    (
        "numbers",
        "SELECT ABS(-1), CEIL(1.2), FLOOR(1.8), ROUND(1.25, 1), TRUNCATE(1.29, 1), MOD(7, 3), POW(2, 3), SQRT(4), "
        "SIGN(-1), EXP(1), LN(2), LOG(2, 8), LOG2(8), LOG10(100), PI(), RAND(1) < 2, GREATEST(1, 2), LEAST(1, 2)",
    ),
    (
        "trigonometry",
        "SELECT SIN(1), COS(1), TAN(1), COT(1), ASIN(0.5), ACOS(0.5), ATAN(1), ATAN2(1, 2), DEGREES(1), "
        "RADIANS(1), CRC32('a')",
    ),
    (
        "bits",
        "SELECT 5 & 3, 5 | 3, 5 ^ 3, ~5, 1 << 3, 8 >> 1, BIT_COUNT(7), BIT_AND(id), BIT_OR(id), BIT_XOR(id) FROM t",
    ),
    ("integer_division", "SELECT 7 DIV 2, 7 MOD 2, 7 % 2, NOT 1, ! 1, 1 XOR 0, 1 && 1, 1 <=> NULL"),
    (
        "aggregates",
        "SELECT COUNT(DISTINCT name), AVG(amount), MIN(id), MAX(id), STD(amount), STDDEV_POP(amount), "
        "STDDEV_SAMP(amount), VAR_POP(amount), VAR_SAMP(amount), VARIANCE(amount) FROM t",
    ),
    ("group_concat", "SELECT GROUP_CONCAT(DISTINCT name ORDER BY name DESC SEPARATOR '; ') FROM t"),
    (
        "dates",
        "SELECT NOW(6), CURDATE(), CURTIME(), CURRENT_TIMESTAMP, SYSDATE(), UTC_DATE(), UTC_TIMESTAMP(), LOCALTIME",
    ),
    (
        "date_parts",
        "SELECT YEAR(d), QUARTER(d), MONTH(d), MONTHNAME(d), WEEK(d), WEEKOFYEAR(d), YEARWEEK(d), DAY(d), "
        "DAYNAME(d), DAYOFWEEK(d), DAYOFYEAR(d), WEEKDAY(d), HOUR(d), MINUTE(d), SECOND(d), MICROSECOND(d) "
        "FROM (SELECT TIMESTAMP('2024-05-06 07:08:09') AS d) AS q",
    ),
    (
        "date_arithmetic",
        "SELECT DATE_ADD('2024-01-01', INTERVAL 1 DAY), DATE_SUB(NOW(), INTERVAL '1:30' MINUTE_SECOND), "
        "ADDDATE('2024-01-01', 3), SUBDATE('2024-01-01', 3), DATEDIFF('2024-01-02', '2024-01-01'), "
        "TIMESTAMPDIFF(MONTH, '2024-01-01', '2024-05-01'), TIMESTAMPADD(HOUR, 1, '2024-01-01'), PERIOD_DIFF(202405, 202401)",
    ),
    (
        "date_formats",
        "SELECT DATE_FORMAT(NOW(), '%Y-%m'), STR_TO_DATE('01/02/2024', '%d/%m/%Y'), TIME_FORMAT('10:00', '%H'), "
        "GET_FORMAT(DATE, 'ISO'), FROM_UNIXTIME(0), UNIX_TIMESTAMP('2024-01-01'), FROM_DAYS(739000), TO_DAYS('2024-01-01'), "
        "TO_SECONDS('2024-01-01'), SEC_TO_TIME(60), TIME_TO_SEC('00:01:00'), LAST_DAY('2024-02-01'), MAKEDATE(2024, 60), "
        "MAKETIME(1, 2, 3), EXTRACT(YEAR_MONTH FROM NOW()), CONVERT_TZ('2024-01-01', '+00:00', '+01:00')",
    ),
    (
        "json",
        "SELECT JSON_EXTRACT(doc, '$.a.b[0]'), JSON_UNQUOTE(JSON_EXTRACT(doc, '$.a')), JSON_LENGTH(doc), "
        "JSON_KEYS(doc), JSON_TYPE(doc), JSON_VALID('{}'), JSON_DEPTH(doc), JSON_CONTAINS(doc, '1', '$.a.b'), "
        "JSON_CONTAINS_PATH(doc, 'one', '$.a'), JSON_SEARCH(doc, 'all', 'x'), JSON_VALUE(doc, '$.a.b[1]') FROM docs",
    ),
    ("mysql_json_arrows", "SELECT doc->'$.a', doc->>'$.a.b[0]', 1 MEMBER OF ('[1,2]') FROM docs"),
    (
        "json_building",
        "SELECT JSON_OBJECT('a', 1), JSON_ARRAY(1, 2), JSON_SET('{}', '$.a', 1), JSON_INSERT('{}', '$.a', 1), "
        "JSON_REPLACE('{\"a\": 1}', '$.a', 2), JSON_REMOVE('{\"a\": 1}', '$.a'), JSON_MERGE_PATCH('{}', '{}'), "
        "JSON_MERGE_PRESERVE('[1]', '[2]'), JSON_QUOTE('a'), JSON_ARRAY_APPEND('[1]', '$', 2), JSON_OVERLAPS('[1]', '[1]')",
    ),
    ("json_aggregates", "SELECT JSON_ARRAYAGG(id), JSON_OBJECTAGG(id, name) FROM t"),
    ("json_table", "SELECT j.n FROM JSON_TABLE('[1,2,3]', '$[*]' COLUMNS (o FOR ORDINALITY, n INT PATH '$')) AS j"),
    ("mysql_json_pretty", "SELECT JSON_PRETTY('{}'), JSON_STORAGE_SIZE('{}')"),
    (
        "maria_json_detailed",
        "SELECT JSON_DETAILED('{}'), JSON_COMPACT('{}'), JSON_EXISTS('{\"a\": 1}', '$.a'), "
        "JSON_QUERY('{\"a\": [1]}', '$.a')",
    ),
    ("old_hashes", "SELECT MD5('a'), SHA1('a')"),
    ("hashes", "SELECT SHA2('a', 256), UUID(), LENGTH(COMPRESS('a'))"),
    ("crypto", "SELECT HEX(AES_ENCRYPT('a', 'k')), AES_DECRYPT(AES_ENCRYPT('a', 'k'), 'k'), HEX(RANDOM_BYTES(4))"),
    (
        "addresses",
        "SELECT INET_ATON('127.0.0.1'), INET_NTOA(2130706433), HEX(INET6_ATON('::1')), IS_IPV4('1.1.1.1'), "
        "IS_IPV6('::1'), INET6_NTOA(INET6_ATON('::1'))",
    ),
    (
        "mysql_uuid",
        "SELECT BIN_TO_UUID(UUID_TO_BIN('aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa')), IS_UUID('x'), ANY_VALUE(1), "
        "GROUPING(name) FROM t GROUP BY name WITH ROLLUP",
    ),
    (
        "spatial",
        "SELECT ST_AsText(place), ST_X(place), ST_Y(place), ST_Distance(place, POINT(0, 0)), "
        "ST_Within(place, ST_GeomFromText('POLYGON((0 0, 0 5, 5 5, 5 0, 0 0))')), ST_SRID(place) FROM docs",
    ),
    (
        "spatial_more",
        "SELECT ST_AsGeoJSON(POINT(1, 2)), ST_Area(ST_GeomFromText('POLYGON((0 0,0 1,1 1,1 0,0 0))')), "
        "ST_Length(ST_GeomFromText('LINESTRING(0 0,1 1)')), ST_NumPoints(ST_GeomFromText('LINESTRING(0 0,1 1)')), "
        "MBRContains(ST_GeomFromText('POLYGON((0 0,0 1,1 1,1 0,0 0))'), POINT(0.5, 0.5))",
    ),
    ("xml", "SELECT EXTRACTVALUE('<a><b>1</b></a>', '/a/b'), UPDATEXML('<a>1</a>', '/a', '<b/>')"),
    (
        "information",
        "SELECT VERSION(), DATABASE(), SCHEMA(), USER(), CURRENT_USER(), SESSION_USER(), CONNECTION_ID(), "
        "FOUND_ROWS(), ROW_COUNT(), CHARSET('a'), COLLATION('a'), COERCIBILITY('a'), LAST_INSERT_ID()",
    ),
    ("system_variables", "SELECT @@version, @@GLOBAL.max_connections, @@SESSION.sql_mode, @@session.time_zone"),
    ("user_variable_read", "SELECT @nobody"),
    ("is_free_lock", "SELECT IS_FREE_LOCK('nobody'), IS_USED_LOCK('nobody')"),
    ("default_values", "SELECT DEFAULT(amount), id FROM t"),
    ("row_comparison", "SELECT id FROM t WHERE (id, name) = (1, 'ada') OR (id, name) IN ((2, 'bob'))"),
    ("between_in", "SELECT id FROM t WHERE id BETWEEN 1 AND 3 AND name NOT IN ('x') AND amount IS NOT NULL"),
    ("any_all", "SELECT id FROM t WHERE id >= ALL (SELECT id FROM t) OR id = ANY (SELECT 1)"),
    ("quantified_derived", "SELECT DISTINCTROW name FROM t WHERE INTERVAL(id, 1, 5) = 1"),
    ("interval_literals", "SELECT DATE '2024-01-01', TIME '10:00', TIMESTAMP '2024-01-01 00:00:00' - INTERVAL 2 HOUR"),
    ("dual", "SELECT 1 FROM DUAL"),
    ("information_schema", "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"),
    (
        "information_schema_columns",
        "SELECT COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 't'",
    ),
    ("processlist", "SELECT ID, USER FROM information_schema.PROCESSLIST"),
    ("mysql_performance_schema", "SELECT COUNT(*) FROM performance_schema.threads"),
    ("mysql_sys_view", "SELECT * FROM sys.version"),
    ("mysql_sys_function", "SELECT sys.format_bytes(1024)"),
    ("mysql_format_functions", "SELECT FORMAT_BYTES(1024), FORMAT_PICO_TIME(1000), PS_CURRENT_THREAD_ID()"),
    ("mysql_digest", "SELECT STATEMENT_DIGEST('SELECT 1'), STATEMENT_DIGEST_TEXT('SELECT 1')"),
    ("mysql_gtid", "SELECT GTID_SUBSET('', ''), GTID_SUBTRACT('', '')"),
    ("maria_lastval", "SELECT LASTVAL(outsider_seq)"),
    ("maria_sequence_table", "SELECT next_not_cached_value FROM outsider_seq"),
    ("maria_seq_engine", "SELECT seq FROM seq_1_to_5"),
    ("maria_versioned", "SELECT n FROM outsider_versioned FOR SYSTEM_TIME ALL"),
    (
        "maria_natural_sort",
        "SELECT NATURAL_SORT_KEY('a10'), SFORMAT('{}', 1), CHR(65), NVL(NULL, 1), NVL2(1, 2, 3), "
        "DECODE_ORACLE(1, 1, 'a'), TO_CHAR(NOW()), ADD_MONTHS('2024-01-31', 1)",
    ),
    (
        "maria_dynamic_columns",
        "SELECT COLUMN_JSON(COLUMN_CREATE('a', 1)), COLUMN_GET(COLUMN_CREATE('a', 1), 'a' AS INT)",
    ),
    (
        "maria_percentile",
        "SELECT MEDIAN(amount) OVER (PARTITION BY 1), PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY amount) "
        "OVER (PARTITION BY 1) FROM t",
    ),
    ("show_tables", "SHOW FULL TABLES LIKE 't%'"),
    ("show_columns", "SHOW COLUMNS FROM t"),
    ("show_create", "SHOW CREATE TABLE t"),
    ("show_index", "SHOW INDEX FROM t"),
    ("show_status", "SHOW GLOBAL STATUS LIKE 'Threads%'"),
    ("show_variables", "SHOW VARIABLES WHERE Variable_name = 'port'"),
    ("show_processlist", "SHOW PROCESSLIST"),
    ("show_databases", "SHOW DATABASES"),
    ("show_engine", "SHOW ENGINE INNODB STATUS"),
    ("show_grants", "SHOW GRANTS"),
    ("describe", "DESCRIBE t"),
    ("describe_column", "DESC t name"),
    ("explain", "EXPLAIN SELECT * FROM t WHERE id = 1"),
    ("explain_json", "EXPLAIN FORMAT = JSON SELECT * FROM t"),
    ("mysql_explain_analyze", "EXPLAIN ANALYZE SELECT * FROM t WHERE id > 3"),
    ("maria_analyze", "ANALYZE SELECT * FROM t WHERE id > 3"),
)

NOT_EXECUTED: dict[str, frozenset[str]] = {
    "mysql": frozenset(
        (
            "install_plugin create_udf version_comment_multi multi_empty function_window_named "
            "function_show_status_where load_file_accent create_table_directory mysql_clone mysql_import "
            "get_lock_kelvin mysql_variable_into_table mysql_explain_analyze_delete explain_derived "
            "explain_constant_folding binlog mysql_redo_consumer mysql_redo_consumer_select mysql_redo_archive "
            "mysql_restart sleep_accent sleep_long_s mysql_source_pos_wait repeat_memory"
        ).split()
    ),
    "mariadb": frozenset(
        (
            "analyze_histogram install_plugin create_udf version_comment_six_digits version_comment_multi "
            "multi_empty function_join function_show_status_where load_file_accent get_lock_kelvin binlog purge_logs "
            "sleep_accent sleep_long_s repeat_memory"
        ).split()
    ),
}
"""Hostile statements that the servers at hand answer with an error, or without the effect."""
NOT_KNOWN: dict[str, frozenset[str]] = {"mysql": frozenset(("old_hashes",)), "mariadb": frozenset()}
"""Reads that one of the engines does not have, or not in that spelling."""
BOUNDED = frozenset(("cross_join", "maria_seq_engine", "repeat_memory"))
"""Reads that pass, as nothing in them is more than too much; they are stopped at their time limit."""
REFUSED_WRONGLY = frozenset(("maria_values",))
"""Reads that the parser does not know; the refusal says to write a plain SELECT."""
ADVISED = REFUSED_WRONGLY | frozenset(
    (
        "version_comment version_comment_hint future_version_comment optimizer_hint processlist mysql_performance_schema "
        "show_tables show_columns show_create show_index show_status show_variables show_processlist show_databases "
        "show_engine show_grants describe describe_column explain explain_json mysql_explain_analyze maria_analyze"
    ).split()
)
"""Reads that have a tool or a form of their own, which the refusal names."""

"""Statements that must never pass for a read, with what they are taken for instead."""

from __future__ import annotations

import pytest

from dbmcp_core.guard import judge
from dbmcp_core.statement import Kind

#: Under each heading, which is ``# kind code`` (``*`` for any), one statement a line. ``␀ ␍ ␤`` and the like stand for
#: characters that would not survive in a source file; see ``_spelled``.
EVERYWHERE = """
# write not_a_read
INSERT INTO t VALUES (1)
INSERT INTO t SELECT * FROM u
UPDATE t SET a = 1
DELETE FROM t WHERE a = 1
delete/**/from t
  DELETE FROM t
/* SELECT 1 */ DELETE FROM t
-- SELECT␤DELETE FROM t
# define not_a_read
CREATE TABLE t (a int)
CREATE VIEW v AS SELECT 1
DROP TABLE t
ALTER TABLE t ADD a int
# admin *
GRANT SELECT ON t TO u
REVOKE SELECT ON t FROM u
SET a = 1
COMMIT
ROLLBACK
USE other
# unknown multiple_statements
SELECT 1; SELECT 2
SELECT 1; DROP TABLE t
SELECT 1;; DELETE FROM t
SELECT ';'; DROP TABLE t
SELECT 1 /* ; */ ; DROP TABLE t
; SELECT 1 ; DROP TABLE t
# unknown empty_statement
;
-- only a comment
/* only a comment */
;;;
# unknown *
nonsense
SELECT 1 +
SELECT * FROM
SELECT (1
SELECT 'open
SELECT "open
SELECT 1 /* open
# unknown ambiguous_text
SELECT 1␀
SELECT '␀'
SELECT 1 -- ␀␤; DROP TABLE t
SELECT 1 -- x␍, sleep(1)
SELECT 1 -- x␨, sleep(1)
SELECT␠1
SELECT 1␟
①ELECT 1
SELECT 1 AS ②
SELECT 1 AS Ⓚ
SELECT 1 AS ③
"""
BY_DIALECT = {
    "sqlite": """
# admin not_a_read
ATTACH 'x.db' AS x
ATTACH DATABASE ':memory:' AS x
DETACH x
VACUUM
VACUUM INTO '/tmp/x.db'
REINDEX t
ANALYZE
BEGIN
BEGIN IMMEDIATE
SAVEPOINT s
RELEASE s
END
PRAGMA journal_mode = DELETE
PRAGMA journal_mode(wal)
PRAGMA user_version = 3
PRAGMA user_version(3)
PRAGMA main.user_version = 3
PRAGMA writable_schema = 1
PRAGMA query_only = 0
PRAGMA query_only(off)
PRAGMA wal_checkpoint
PRAGMA wal_checkpoint(TRUNCATE)
PRAGMA optimize
PRAGMA incremental_vacuum
PRAGMA shrink_memory
PRAGMA case_sensitive_like = 1
PRAGMA temp_store_directory = '/tmp'
PRAGMA data_store_directory
PRAGMA key = 'x'
PRAGMA rekey('x')
PRAGMA "user_version" = 3
PRAGMA nonsense
PRAGMA
PRAGMA table_info(a) = b
PRAGMA table_info(a, b)
PRAGMA hard_heap_limit = 0
PRAGMA trusted_schema = 1
EXPLAIN PRAGMA user_version = 3
# admin unsafe_function
SELECT load_extension('x')
SELECT LOAD_EXTENSION ('x')
SELECT "load_extension"('x')
SELECT [load_extension]('x')
SELECT `load_extension`('x')
SELECT load_extension/**/('x')
SELECT load_extension -- x␤ ('x')
SELECT readfile('/etc/passwd')
SELECT writefile('/tmp/x', 'y')
SELECT edit('x')
SELECT fts3_tokenizer('x', x'00')
SELECT fts3_tokenizer('simple')
SELECT eval('DROP TABLE t')
SELECT * FROM fsdir('/')
SELECT * FROM fsdir
SELECT * FROM zipfile('x.zip')
SELECT * FROM sqlite_dbpage
SELECT * FROM pragma_optimize
SELECT * FROM pragma_optimize(1)
SELECT * FROM pragma_user_version(5)
SELECT * FROM pragma_wal_checkpoint
SELECT * FROM "pragma_optimize"
SELECT (SELECT load_extension('x'))
SELECT 1 WHERE load_extension('x')
SELECT 1 ORDER BY load_extension('x')
WITH c AS (SELECT writefile('a', 'b')) SELECT * FROM c
VALUES (load_extension('x'))
EXPLAIN SELECT load_extension('x')
SELECT http_get('http://x')
SELECT sqlite_log(1, 'x')
# write unsafe_function
SELECT optimize(t) FROM t
# write not_a_read
REPLACE INTO t VALUES (1)
INSERT OR REPLACE INTO t VALUES (1)
INSERT INTO t VALUES (1) RETURNING *
WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c
WITH c AS (SELECT 1) DELETE FROM t
WITH c AS (SELECT 1) UPDATE t SET a = 1
UPDATE OR IGNORE t SET a = 1
INSERT INTO t DEFAULT VALUES
INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 2
# define not_a_read
CREATE TABLE t AS SELECT 1
CREATE TEMP TABLE t (a)
CREATE VIRTUAL TABLE t USING fts5(a)
CREATE INDEX i ON t (a)
CREATE UNIQUE INDEX i ON t (a)
CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM u; DELETE FROM v; END;
DROP INDEX i
DROP TRIGGER x
ALTER TABLE t RENAME TO u
EXPLAIN CREATE TABLE t (a)
# unknown multiple_statements
CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM u; END; DROP TABLE v
CREATE TABLE x (a); DROP TABLE v; END
SELECT CASE WHEN 1 THEN 2 END; DROP TABLE t
# unknown ambiguous_text
SELECT $a(');DROP/**/TABLE/**/t;--')
SELECT $a::b(';
SELECT :a('x')
SELECT @a::x
SELECT #1
SELECT a \\ b
SELECT 1 /* a /* b */ /* c
SELECT 1␋
SELECT 123abc
# * *
SELECT 1 /* a /* b */ c */
SELECT 1 INTO x
EXPLAIN EXPLAIN SELECT 1
SHOW TABLES
DESCRIBE t
EXPLAIN QUERY PLAN
""",
    "postgres": """
# admin unsafe_function
SELECT pg_sleep(10)
SELECT PG_SLEEP(10)
SELECT "pg_sleep"(10)
SELECT pg_catalog.pg_sleep(10)
SELECT "pg_catalog"."pg_sleep"(10)
SELECT pg_catalog . pg_sleep (10)
SELECT pg_catalog/* x */./* y */pg_sleep/* z */(10)
SELECT pg_sleep -- x␤(10)
SELECT * FROM pg_sleep(10)
SELECT * FROM t, LATERAL pg_sleep(t.a)
SELECT * FROM ROWS FROM (pg_sleep(1), generate_series(1, 2))
SELECT (t).pg_sleep FROM t
SELECT 1 WHERE pg_sleep(1) IS NULL
SELECT 1 ORDER BY pg_sleep(1)
SELECT 1 LIMIT (SELECT pg_sleep(1))
SELECT CASE WHEN pg_sleep(1) IS NULL THEN 1 END
SELECT count(*) FILTER (WHERE pg_sleep(1) IS NULL) FROM t
VALUES (pg_sleep(1))
WITH c AS (SELECT pg_sleep(1)) SELECT 1
SELECT 1 UNION SELECT 2 FROM pg_sleep(1)
EXPLAIN ANALYZE SELECT pg_sleep(1)
EXPLAIN SELECT pg_sleep(1)
SELECT pg_terminate_backend(1)
SELECT pg_cancel_backend(1)
SELECT pg_reload_conf()
SELECT pg_read_file('/etc/passwd')
SELECT pg_read_binary_file('/etc/passwd')
SELECT * FROM pg_ls_dir('/')
SELECT pg_stat_file('/etc/passwd')
SELECT lo_import('/etc/passwd')
SELECT lo_export(1, '/tmp/x')
SELECT pg_advisory_lock(1)
SELECT pg_try_advisory_xact_lock(1)
SELECT set_config('statement_timeout', '0', false)
SELECT dblink('x', 'y')
SELECT * FROM dblink('x', 'DELETE FROM t') AS t(a int)
SELECT dblink_exec('DROP TABLE t')
SELECT query_to_xml('DELETE FROM t', true, true, '')
SELECT database_to_xml(true, true, '')
SELECT * FROM crosstab('SELECT 1') AS c(a int)
SELECT ts_stat('DELETE')
SELECT ts_rewrite('a'::tsquery, 'SELECT 1')
SELECT pg_notify('a', 'b')
SELECT pg_logical_emit_message(true, 'a', 'b')
SELECT pg_create_restore_point('a')
SELECT pg_drop_replication_slot('a')
SELECT pg_switch_wal()
SELECT pg_stat_reset()
SELECT pg_import_system_collations('public')
SELECT pg_file_write('a', 'b', false)
SELECT xslt_process('a', 'b')
SELECT brin_summarize_new_values('i')
SELECT pg_prewarm('t')
SELECT pg_export_snapshot()
# write unsafe_function
SELECT nextval('s')
SELECT setval('s', 1)
SELECT lo_create(0)
SELECT lo_unlink(1)
SELECT lo_put(1, 0, 'x')
SELECT lowrite(1, 'x')
# write not_a_read
WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d
WITH d AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM d
WITH d AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM d
WITH a AS (SELECT 1), d AS (DELETE FROM t) SELECT * FROM a
WITH a AS (WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d) SELECT * FROM a
WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a
SELECT * FROM t FOR UPDATE
SELECT * FROM t FOR NO KEY UPDATE
SELECT * FROM t FOR SHARE
SELECT * FROM t FOR KEY SHARE
SELECT * FROM t FOR UPDATE OF t NOWAIT
SELECT * FROM t FOR UPDATE SKIP LOCKED
SELECT * FROM (SELECT * FROM t FOR UPDATE) s
SELECT * FROM t for/**/update
EXPLAIN ANALYZE DELETE FROM t
EXPLAIN (ANALYZE) DELETE FROM t
EXPLAIN (ANALYZE TRUE, VERBOSE) UPDATE t SET a = 1
EXPLAIN (VERBOSE, ANALYZE ON) INSERT INTO t VALUES (1)
EXPLAIN (analyse) DELETE FROM t
EXPLAIN ANALYZE VERBOSE DELETE FROM t
EXPLAIN ("analyze") DELETE FROM t
EXPLAIN (ANALYZE false, ANALYZE) DELETE FROM t
EXPLAIN (ANALYZE, ANALYZE false) DELETE FROM t
EXPLAIN (ANALYZE COSTS) DELETE FROM t
EXPLAIN (ANALYZE true, COSTS false) DELETE FROM t
MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE
TRUNCATE t
TRUNCATE TABLE t CASCADE
COPY t FROM STDIN
COPY t FROM '/tmp/x'
# define not_a_read
SELECT * INTO x FROM t
SELECT 1 INTO x
SELECT * INTO TEMP x FROM t
SELECT 1 AS a INTO TABLE x
CREATE TABLE x AS SELECT 1
CREATE MATERIALIZED VIEW v AS SELECT 1
COMMENT ON TABLE t IS 'x'
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; DROP TABLE t $$
EXPLAIN ANALYZE SELECT * INTO x FROM t
# admin not_a_read
COPY t TO '/tmp/x'
COPY (SELECT 1) TO PROGRAM 'id'
COPY t FROM PROGRAM 'id'
COPY t TO STDOUT
DO $$ BEGIN DELETE FROM t; END $$
CALL p()
VACUUM
ANALYZE t
LOCK TABLE t
LISTEN x
NOTIFY x
PREPARE p AS DELETE FROM t
EXECUTE p
DEALLOCATE p
SET statement_timeout = 0
SET LOCAL statement_timeout = 0
SET ROLE x
RESET ALL
DISCARD ALL
BEGIN
START TRANSACTION
SAVEPOINT s
CREATE ROLE x
CREATE USER x
ALTER SYSTEM SET a = 1
ALTER USER x PASSWORD 'y'
DROP ROLE x
CREATE EXTENSION x
CREATE DATABASE x
LOAD 'x'
REFRESH MATERIALIZED VIEW v
CLUSTER t
REINDEX TABLE t
CHECKPOINT
SECURITY LABEL ON TABLE t IS 'x'
REASSIGN OWNED BY a TO b
SELECT * FROM pg_authid
SELECT rolpassword FROM pg_catalog.pg_authid
SELECT * FROM pg_shadow
SELECT * FROM "pg_shadow"
SELECT * FROM pg_user_mapping
SELECT * FROM pg_largeobject
# unknown ambiguous_text
SELECT E'a'␤'b\\' , pg_sleep(1) --'
SELECT U&"pg\\005fsleep"(1)
SELECT u&"\\0070g_sleep"(1)
SELECT 1 /* a /* b */ ; DROP TABLE t
SELECT 1 /*+ Set(statement_timeout 0) */
SELECT 123abc
SELECT 1 \\g
SELECT 1.into x
SELECT 5 %(a')s, pg_sleep(1), %(b')s
# * *
SELECT $a$x$b$; DROP TABLE t
SELECT 'a\\'; DROP TABLE t --'
SELECT E'a\\\\'; DROP TABLE t --'
EXPLAIN EXECUTE p
EXPLAIN
EXPLAIN (
EXPLAIN (ANALYZE
EXPLAIN (SELECT 1
SHOW a + b
SHOW
INSERT INTO t VALUES ($a$)
EXPLAIN (NONSENSE) SELECT 1
SHOW a; DROP TABLE t
DECLARE c CURSOR FOR SELECT 1
FETCH ALL FROM c
EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1
DESCRIBE t
""",
    "mysql": """
# admin unsafe_function
SELECT SLEEP(10)
SELECT sleep (10)
SELECT `sleep`(10)
SELECT t.`sleep`(10)
SELECT sleep/**/(10)
SELECT "sleep"(10)
SELECT sleep -- x␤(10)
SELECT sleep#x␤(10)
SELECT 5--sleep(10)
SELECT 1 --sleep(10)
SELECT 1 --␤, sleep(1)
SELECT BENCHMARK(1000000, MD5('x'))
SELECT LOAD_FILE('/etc/passwd')
SELECT GET_LOCK('x', 10)
SELECT RELEASE_LOCK('x')
SELECT RELEASE_ALL_LOCKS()
SELECT MASTER_POS_WAIT('x', 1)
SELECT SOURCE_POS_WAIT('x', 1)
SELECT WAIT_FOR_EXECUTED_GTID_SET('x')
SELECT sys_exec('id')
SELECT sys_eval('id')
SELECT lib_mysqludf_sys_info()
SELECT LAST_INSERT_ID(5)
SELECT keyring_key_fetch('x')
SELECT group_replication_switch_to_single_primary_mode()
SELECT 1 WHERE SLEEP(1)
SELECT * FROM t ORDER BY SLEEP(1)
SELECT * FROM (SELECT SLEEP(1)) x
SHOW TABLES WHERE SLEEP(1)
SHOW STATUS WHERE sleep(1) = 1
EXPLAIN SELECT SLEEP(1)
DESC SELECT SLEEP(1)
TABLE t ORDER BY SLEEP(1)
VALUES ROW(SLEEP(1))
SELECT mysql_firewall_flush_status()
SELECT service_get_write_locks('a', 'b', 1)
# write unsafe_function
SELECT NEXTVAL(s)
SELECT SETVAL(s, 1)
SELECT NEXT VALUE FOR s
SELECT next/**/value FOR s
EXPLAIN SELECT NEXT VALUE FOR s
# write not_a_read
SELECT * FROM t FOR UPDATE
SELECT * FROM t FOR SHARE
SELECT * FROM t LOCK IN SHARE MODE
REPLACE INTO t VALUES (1)
REPLACE t SET a = 1
INSERT IGNORE INTO t VALUES (1)
INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2
WITH c AS (SELECT 1) DELETE FROM t
WITH c AS (SELECT 1) UPDATE t SET a = 1
TRUNCATE t
LOAD DATA INFILE '/tmp/x' INTO TABLE t
LOAD DATA LOCAL INFILE '/tmp/x' INTO TABLE t
EXPLAIN ANALYZE DELETE FROM t
ANALYZE DELETE FROM t
ANALYZE FORMAT=JSON UPDATE t SET a = 1
DELETE t FROM t JOIN u USING (a)
# define not_a_read
CREATE TABLE x SELECT 1
CREATE TEMPORARY TABLE x (a int)
RENAME TABLE t TO u
CREATE PROCEDURE p() BEGIN SELECT 1; DELETE FROM t; END
ALTER TABLE t ENGINE=InnoDB
# admin not_a_read
SELECT 1 INTO OUTFILE '/tmp/x'
SELECT * INTO OUTFILE '/tmp/x' FROM t
SELECT 1 INTO DUMPFILE '/tmp/x'
SELECT * FROM t INTO OUTFILE '/tmp/x' FIELDS TERMINATED BY ','
SELECT 1 INTO @x
SELECT a INTO @x FROM t
TABLE t INTO OUTFILE '/tmp/x'
(SELECT 1 INTO OUTFILE '/tmp/x')
EXPLAIN SELECT 1 INTO OUTFILE '/tmp/x'
SELECT @x := 1
SELECT (@x := @x + 1) FROM t
SELECT @x:=1
DO SLEEP(1)
CALL p()
HANDLER t OPEN
HANDLER t READ FIRST
KILL 1
FLUSH TABLES
LOCK TABLES t READ
UNLOCK TABLES
SET GLOBAL a = 1
SET @x = 1
SET STATEMENT max_statement_time = 0 FOR SELECT 1
SET PASSWORD = 'x'
PREPARE p FROM 'DELETE FROM t'
EXECUTE p
DEALLOCATE PREPARE p
START TRANSACTION
BEGIN
XA START 'x'
OPTIMIZE TABLE t
ANALYZE TABLE t
REPAIR TABLE t
CHECK TABLE t
PURGE BINARY LOGS TO 'x'
RESET MASTER
CHANGE MASTER TO MASTER_HOST = 'x'
INSTALL PLUGIN x SONAME 'y'
SHUTDOWN
CREATE USER x
ALTER USER x IDENTIFIED BY 'y'
DROP USER x
CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'x')
GRANT ALL ON *.* TO x
CLONE LOCAL DATA DIRECTORY '/x'
SHOW CREATE USER root
SELECT * FROM mysql.user
SELECT * FROM `mysql`.`user`
SELECT * FROM mysql.global_priv
SELECT /*+ SET_VAR(max_execution_time=0) */ 1
SELECT /*+ MAX_EXECUTION_TIME(0) */ 1
SELECT /*+ RESOURCE_GROUP(x) */ 1
# unknown ambiguous_text
SELECT 1 /*! , SLEEP(10) */
SELECT 1 /*!50000 INTO OUTFILE '/tmp/x' */
SELECT 1 /*M! , SLEEP(10) */
SELECT 1 /*M!100100 , SLEEP(10) */
/*!50000 DELETE FROM t */
SELECT /*+ x('*/ , sleep(1) */
SELECT 1 /*+ 'x' */
SELECT \\N
SELECT 1.INTO @x
SELECT 1.5INTO @x
SELECT 1e5INTO OUTFILE '/tmp/x'
SELECT a FROM t WHERE b = 1e1FOR UPDATE
SELECT 5 %(a')s, sleep(1), %(b')s
# unknown multiple_statements
SELECT 'a\\''; DROP TABLE t -- '
SELECT 1 #␤; DROP TABLE t
# * *
SELECT 1 /* a /* b */ c */
SELECT 1 PROCEDURE ANALYSE()
EXPLAIN FORMAT=JSON FOR CONNECTION 5
EXPLAIN FORMAT=NONSENSE SELECT 1
EXPLAIN FORMAT JSON SELECT 1
SHOW
DESCRIBE
DESCRIBE a + b
DESCRIBE f(1)
DESCRIBE t; DROP TABLE t
LOAD XML INFILE 'x' INTO TABLE t
IMPORT TABLE FROM 'x'
SELECT {x sleep(1)}
CREATE FUNCTION sys_exec RETURNS INT SONAME 'x.so'
BINLOG 'x'
SELECT * FROM t LIMIT 1 INTO @a, @b
""",
    "tsql": """
# admin not_a_read
SELECT 1 SHUTDOWN
SELECT 1 EXEC sp_who
SELECT 1 EXECUTE xp_cmdshell 'id'
SELECT a FROM t COMMIT
SELECT a FROM t CHECKPOINT
SELECT a FROM t ROLLBACK
SELECT 1 WAITFOR DELAY '0:0:10'
SELECT 1 KILL 5
SELECT 1 DBCC FREEPROCCACHE
SELECT 1 SET NOCOUNT ON
SELECT 1 BACKUP DATABASE x TO DISK = 'y'
SELECT 1 RECONFIGURE
EXEC sp_who
EXECUTE ('DELETE FROM t')
EXEC xp_cmdshell 'id'
WAITFOR DELAY '0:0:10'
DBCC FREEPROCCACHE
BACKUP DATABASE x TO DISK = 'y'
RESTORE DATABASE x FROM DISK = 'y'
KILL 5
SHUTDOWN
RECONFIGURE
CHECKPOINT
BEGIN TRAN
BEGIN TRANSACTION
DENY SELECT ON t TO u
CREATE LOGIN x WITH PASSWORD = 'y'
ALTER LOGIN x DISABLE
CREATE USER x
DROP LOGIN x
CREATE DATABASE x
OPEN c
PRINT 'x'
RAISERROR ('x', 1, 1)
INSERT INTO t EXEC sp_who
SELECT * FROM sys.sql_logins
SELECT * FROM master.sys.syslogins
# admin unsafe_function
SELECT * FROM OPENROWSET('x', 'y', 'z')
SELECT * FROM OPENROWSET(BULK 'c:\\x', SINGLE_CLOB) AS x
SELECT * FROM OPENQUERY(s, 'DELETE FROM t')
SELECT * FROM OPENDATASOURCE('x', 'y').db.dbo.t
SELECT * FROM srv.db.dbo.t
SELECT * FROM [srv].[db].[dbo].[t]
SELECT * FROM srv.db..t
SELECT * FROM sys.fn_xe_file_target_read_file('x', null, null, null)
SELECT * FROM fn_trace_gettable('x', 1)
SELECT * FROM sys.fn_get_audit_file('x', null, null)
SELECT * FROM sys.dm_os_file_exists('c:\\x')
SELECT * FROM sys.dm_os_enumerate_filesystem('c:\\', '*')
SELECT * FROM sys.fn_dblog(null, null)
SELECT LOGINPROPERTY('sa', 'PasswordHash')
SELECT [loginproperty]('sa', 'PasswordHash')
# write unsafe_function
SELECT NEXT VALUE FOR s
SELECT NEXT VALUE FOR dbo.s
# write not_a_read
SELECT * FROM t WITH (UPDLOCK)
SELECT * FROM t WITH (XLOCK, ROWLOCK)
SELECT * FROM t WITH (TABLOCKX)
SELECT * FROM t WITH (HOLDLOCK)
SELECT * FROM t (UPDLOCK)
SELECT * FROM t WITH (NOLOCK) JOIN u WITH (TABLOCK) ON t.a = u.a
SELECT * FROM t WITH (SERIALIZABLE)
SELECT * FROM t OPTION (TABLE HINT(t, UPDLOCK))
WITH c AS (SELECT 1 AS a) DELETE FROM t
WITH c AS (SELECT * FROM t) UPDATE c SET a = 1
MERGE t USING u ON t.a = u.a WHEN MATCHED THEN DELETE;
TRUNCATE TABLE t
DELETE t FROM t JOIN u ON t.a = u.a
INSERT t SELECT 1
# define not_a_read
SELECT * INTO x FROM t
SELECT 1 AS a INTO #x
CREATE PROCEDURE p AS BEGIN SELECT 1; DELETE FROM t; END
CREATE OR ALTER VIEW v AS SELECT 1 AS a
# * *
SELECT 1 DELETE FROM t
SELECT 1 SELECT 2
SELECT a FROM t DELETE FROM t
SELECT a FROM t UPDATE t SET a = 1
SELECT a FROM t DROP TABLE t
SELECT 1 TRUNCATE TABLE t
SELECT a FROM t INSERT INTO t VALUES (1)
SELECT a FROM t CREATE TABLE x (a int)
SELECT 1 GRANT SELECT ON t TO u
DELETE FROM t DROP TABLE u
UPDATE t SET a = 1 DELETE FROM u
INSERT INTO t VALUES (1) EXEC sp_who
DECLARE @x int = 1 DELETE FROM t
IF 1 = 1 DROP TABLE t
WHILE 1 = 1 SELECT 1
BEGIN DELETE FROM t END
sp_who
xp_cmdshell 'id'
SELECT 1 BULK INSERT t FROM 'x'
BULK INSERT t FROM 'x'
SELECT @x = 1 SHUTDOWN
SELECT 1 USE master
SELECT 1 REVERT
SELECT 1 DISABLE TRIGGER x ON t
SELECT 1 /* a /* b */ ; DROP TABLE t
SELECT 'a' + '␤' SHUTDOWN
EXPLAIN SELECT 1
SHOW TABLES
SELECT `a` FROM t
{call xp_cmdshell('id')}
{? = call sp_who}
SELECT $SHUTDOWN
SELECT {fn USER()} SHUTDOWN
# unknown ambiguous_text
SELECT 1.SHUTDOWN
SELECT 1.5SHUTDOWN
SELECT 0xSHUTDOWN
SELECT 1eSHUTDOWN
SELECT €SHUTDOWN
SELECT £1 SHUTDOWN
""",
    "duckdb": """
# admin unsafe_function
SELECT * FROM 'file.csv'
FROM 'file.csv'
SELECT * FROM "file.csv"
SELECT * FROM file.csv
SELECT * FROM '/etc/passwd'
SELECT * FROM "/etc/passwd"
SELECT * FROM 's3://x/y.parquet'
SELECT * FROM 'http://x/y'
SELECT * FROM '*.parquet'
SELECT * FROM 'something'
SELECT * FROM t, 'something'
DESCRIBE 'file.csv'
SUMMARIZE 'file.csv'
SELECT * FROM t JOIN 'x.json' USING (a)
SELECT * FROM read_csv('x')
SELECT * FROM READ_CSV_AUTO('x')
SELECT * FROM "read_csv"('x')
SELECT * FROM read_csv/**/('x')
SELECT * FROM read_parquet(['x'])
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM read_blob('/etc/passwd')
SELECT * FROM parquet_scan('x')
SELECT * FROM parquet_metadata('x')
SELECT * FROM sniff_csv('x')
SELECT * FROM glob('/*')
SELECT * FROM query('DROP TABLE t')
SELECT * FROM query_table('t')
SELECT * FROM json_execute_serialized_sql('x')
SELECT * FROM sqlite_scan('x', 'y')
SELECT * FROM postgres_scan('x', 'y', 'z')
SELECT * FROM postgres_query('x', 'y')
SELECT * FROM postgres_execute('x', 'y')
SELECT getenv('HOME')
SELECT * FROM duckdb_secrets()
SELECT * FROM which_secret('x', 'y')
SELECT * FROM st_read('x')
SELECT * FROM iceberg_scan('x')
SELECT * FROM delta_scan('x')
SELECT 'x'.read_text()
SELECT sleep_ms(1)
SELECT write_log('x')
SELECT * FROM checkpoint()
SELECT * FROM force_checkpoint()
SELECT * FROM enable_logging()
FROM seq_scan('t')
EXPLAIN SELECT * FROM read_csv('x')
SELECT http_get('x')
# write unsafe_function
SELECT nextval('s')
# write not_a_read
EXPLAIN ANALYZE DELETE FROM t
EXPLAIN (ANALYZE) INSERT INTO t VALUES (1)
EXPLAIN (ANALYZE, FORMAT JSON) DELETE FROM t
INSERT OR REPLACE INTO t VALUES (1)
WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c
COPY t FROM 'x.csv'
TRUNCATE t
# admin not_a_read
COPY t TO 'x.csv'
COPY (SELECT 1) TO 'x.csv'
ATTACH 'x.db'
ATTACH 'x.db' AS y
DETACH y
INSTALL httpfs
LOAD httpfs
SET memory_limit = '1GB'
RESET memory_limit
PRAGMA enable_profiling
PRAGMA threads = 4
PRAGMA import_database('x')
PRAGMA enable_profiling('x')
CALL dbgen(sf = 1)
CALL pragma_version()
CHECKPOINT
FORCE CHECKPOINT
EXPORT DATABASE 'x'
IMPORT DATABASE 'x'
VACUUM
ANALYZE
BEGIN
SET VARIABLE x = 1
CREATE SECRET x (TYPE s3)
DROP SECRET x
PREPARE p AS DELETE FROM t
EXECUTE p
# define not_a_read
CREATE MACRO f(x) AS x
CREATE SEQUENCE s
CREATE TYPE x AS ENUM ('a')
CREATE OR REPLACE TABLE x AS SELECT 1
# * *
SELECT 1 INTO x
SELECT * FROM t FOR UPDATE
SHOW 'file.csv'
UPDATE EXTENSIONS
COMMENT ON TABLE t IS 'x'
SELECT 1 # comment
SELECT E'a'␤'b\\' --'
SELECT 1 /* a /* b */ ; DROP TABLE t
SELECT $$a$$; DROP TABLE t
DESCRIBE; DROP TABLE t
UNPIVOT t ON a INTO x
""",
    "databricks": """
# admin unsafe_function
SELECT reflect('java.lang.Runtime', 'x')
SELECT java_method('java.lang.System', 'getenv')
SELECT try_reflect('java.lang.System', 'exit', 0)
SELECT `reflect`('java.lang.Runtime', 'x')
SELECT REFLECT ('java.lang.Runtime', 'x')
SELECT reflect/**/('java.lang.Runtime', 'x')
SELECT * FROM parquet.`/etc/passwd`
SELECT * FROM text.`/etc/passwd`
SELECT * FROM `text`.`file:/etc/passwd`
SELECT * FROM csv.`s3://x/y`
SELECT * FROM delta.`/x`
SELECT * FROM binaryFile.`/x`
SELECT * FROM json.x
SELECT * FROM read_files('/x')
SELECT * FROM cloud_files('/x', 'csv')
SELECT * FROM read_kafka(bootstrapServers => 'x')
SELECT http_request(conn => 'x')
SELECT ai_query('x', 'y')
SELECT ai_gen('x')
SELECT secret('x', 'y')
SELECT try_secret('x', 'y')
SELECT * FROM identifier('t')
SELECT IDENTIFIER('reflect')('x', 'y')
SELECT * FROM remote_query('x')
DESCRIBE DETAIL '/x'
DESCRIBE DETAIL delta.`/x`
DESCRIBE HISTORY '/x'
SHOW PARTITIONS delta.`/x`
SHOW TBLPROPERTIES delta.`/x`
# unknown unsafe_function
SELECT my_udf(1)
SELECT main.default.my_udf(1)
SELECT main.default.abs(1)
SELECT brand_new_function(1)
# admin not_a_read
SELECT TRANSFORM (a) USING 'cat' FROM t
SELECT TRANSFORM (a) USING 'cat' AS (b) FROM t
FROM t MAP a, b USING 'cat' AS c
FROM t REDUCE a USING "cat" AS c
ADD JAR '/x.jar'
ADD FILE '/x'
LIST FILE
CACHE TABLE t
UNCACHE TABLE t
CLEAR CACHE
REFRESH TABLE t
REFRESH t
SET spark.sql.x = 1
SET
RESET
EXECUTE IMMEDIATE 'DELETE FROM t'
ANALYZE TABLE t COMPUTE STATISTICS
OPTIMIZE t
VACUUM t
RESTORE TABLE t TO VERSION AS OF 1
MSCK REPAIR TABLE t
PUT '/x' INTO '/y'
GET '/x' TO '/y'
REMOVE '/x'
CALL p()
CREATE CATALOG x
CREATE EXTERNAL LOCATION x URL 'y'
ALTER SHARE x ADD TABLE t
# write not_a_read
INSERT OVERWRITE t SELECT 1
INSERT OVERWRITE DIRECTORY '/x' SELECT 1
MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE
TRUNCATE TABLE t
LOAD DATA INPATH '/x' INTO TABLE t
COPY INTO t FROM '/x' FILEFORMAT = CSV
FROM t INSERT INTO u SELECT *
# define not_a_read
CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1
CREATE FUNCTION f() RETURNS INT RETURN 1
CREATE TABLE x USING parquet LOCATION '/x' AS SELECT 1
UNDROP TABLE t
# unknown ambiguous_text
SELECT ${env:HOME}
SELECT '${spark.x}'
SELECT 1 -- ${x}
SELECT 1 -- a \\␤ , reflect('x', 'y')
SELECT 1 /* a /*+ b */ c */
SELECT /*+ x('*/ , reflect(1) */
SELECT $$a$$
# * *
SELECT /*+ UNKNOWN_HINT(1) */ 1
DECLARE VARIABLE x INT
BEGIN SELECT 1; END
EXPLAIN CREATE TABLE x AS SELECT reflect('x', 'y')
FROM t |> WHERE reflect('x', 'y')
DESCRIBE reflect('x')
SELECT 'a\\'; DROP TABLE t --'; DROP TABLE u
SELECT r'a\\'; DROP TABLE t --'
""",
}
_SPELLING = {
    "␀": "\0",
    "␍": "\r",
    "␤": "\n",
    "␋": "\x0b",
    "␨": "\u2028",
    "␠": "\xa0",
    "␟": "\u200b",
    "Ⓚ": "\u212a",
    "①": "\u017f",
    "②": "\uff41",
    "③": "\u0131",
}


def _cases(text: str) -> list[tuple[str, str, str]]:
    cases: list[tuple[str, str, str]] = []
    kind = code = "*"
    for line in text.strip("\n").splitlines():
        if line.startswith("# "):
            kind, code = line[2:].split()
        else:
            cases.append((kind, code, "".join(_SPELLING.get(char, char) for char in line)))
    return cases


HOSTILE = [
    (dialect, *case) for dialect, own in BY_DIALECT.items() for text in (EVERYWHERE, own) for case in _cases(text)
]


@pytest.mark.parametrize(("dialect", "kind", "code", "statement"), HOSTILE)
def test_no_read(dialect: str, kind: str, code: str, statement: str) -> None:
    verdict = judge(statement, dialect)
    assert verdict.kind is not Kind.READ
    assert verdict.code is not None
    assert verdict.reason
    assert kind in ("*", verdict.kind), verdict
    assert code in ("*", verdict.code), verdict

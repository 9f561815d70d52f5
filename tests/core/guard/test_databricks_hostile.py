"""What no read on Databricks may do, by the way it is tried: none of these is a read."""

from __future__ import annotations

import pytest

from dbmcp_core.guard import judge
from dbmcp_core.statement import Kind

#: A ␤ stands for the end of a line.
HOSTILE = {
    "runs Java or a program": r"""
SELECT reflect('java.util.UUID', 'randomUUID')
SELECT `reflect`('java.lang.Runtime', 'getRuntime')
SELECT "reflect"('java.lang.System', 'exit', 0)
SELECT RefLect('java.lang.System', 'exit', 0)
SELECT reflect ␤ ('java.lang.System', 'exit', 0)
SELECT reflect--x␤('java.lang.System', 'exit', 0)
SELECT reflect/**/('java.lang.System', 'exit', 0)
SELECT system.builtin.java_method('java.lang.System', 'getenv', 'PATH')
SELECT `system`.`builtin`.`reflect`('a', 'b')
SELECT builtin.try_reflect('a', 'b')
SELECT spark_catalog.default.reflect('a', 'b')
SELECT try_reflect('java.lang.System', 'getProperty', 'user.home') AS x
SELECT a FROM t WHERE java_method('java.lang.System', 'getenv', 'PATH') LIKE '%x%'
SELECT a FROM t GROUP BY a, reflect('a', 'b')
SELECT a FROM t HAVING reflect('a', 'b') = 'x'
SELECT a FROM t QUALIFY reflect('a', 'b') = 'x'
SELECT a FROM t SORT BY reflect('a', 'b')
SELECT a FROM t DISTRIBUTE BY reflect('a', 'b')
SELECT a FROM t CLUSTER BY reflect('a', 'b')
SELECT sum(a) FILTER (WHERE reflect('a', 'b') = 'x') FROM t
SELECT sum(a) OVER (PARTITION BY reflect('a', 'b')) FROM t
SELECT sum(a) OVER w FROM t WINDOW w AS (ORDER BY reflect('a', 'b'))
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY reflect('a', 'b')) FROM t
SELECT * FROM t JOIN u ON reflect('a', 'b') = t.a
SELECT * FROM t, LATERAL (SELECT reflect(t.a, 'b'))
SELECT * FROM t LATERAL VIEW OUTER explode(split(reflect('a', 'b'), ',')) x AS y
SELECT * FROM t LATERAL VIEW reflect('a', 'b') x AS y
SELECT array(reflect('a', 'b'))[0]
SELECT map('a', reflect('a', 'b'))['a']
SELECT named_struct('a', reflect('a', 'b')).a
SELECT reflect('a', 'b')::int
SELECT reflect('a', 'b'):a.b
SELECT CAST(reflect('a', 'b') AS INT)
SELECT try_cast(reflect('a', 'b') AS INT)
SELECT extract(YEAR FROM reflect('a', 'b'))
SELECT INTERVAL '1' DAY + reflect('a', 'b')
SELECT if(true, reflect('a', 'b'), 1)
SELECT nvl(NULL, reflect('a', 'b'))
SELECT aggregate(array(1), 0, (s, x) -> reflect('a', 'b'))
SELECT array_sort(xs, (a, b) -> reflect('a', 'b')) FROM t
SELECT * FROM (VALUES (1), (reflect('a', 'b')))
SELECT * EXCEPT (a) REPLACE (reflect('a', 'b') AS b) FROM t
SELECT * FROM explode(array(reflect('a', 'b')))
SELECT * FROM stack(2, 1, reflect('a', 'b'))
WITH a AS (WITH b AS (SELECT reflect('a', 'b')) SELECT * FROM b) SELECT * FROM a
WITH RECURSIVE r AS (SELECT reflect('a', 'b') UNION ALL SELECT * FROM r) SELECT * FROM r
SELECT 1 UNION ALL SELECT reflect('a', 'b')
(SELECT 1) EXCEPT (SELECT reflect('a', 'b'))
SELECT * FROM t TIMESTAMP AS OF reflect('a', 'b')
SELECT * FROM t VERSION AS OF reflect('a', 'b')
SELECT * FROM t LIMIT 1 OFFSET reflect('a', 'b')
SELECT * FROM t TABLESAMPLE (10 PERCENT) WHERE reflect('a', 'b') = 1
SELECT * FROM t PIVOT (sum(a) FOR b IN (reflect('a', 'b')))
SELECT * FROM t UNPIVOT (v FOR k IN (a, b)) WHERE reflect('a', 'b') = 1
SELECT 'reflect' AS x, reflect('a', 'b') FROM t -- reflect('a', 'b')
SELECT reflect(class => 'a', method => 'b')
SELECT reflect(DISTINCT 'a', 'b')
SELECT java_method(ALL 'a', 'b')
SELECT a.reflect('x') FROM t a
SELECT :f('java.lang.System', 'exit', 0)
SELECT default.my_udf(1)
SELECT `my udf`(1)
SELECT my_udf()
SELECT main.default.my_udf(a) FROM t
SELECT * FROM main.default.my_tvf(1)
SELECT * FROM main.default.my_tvf(TABLE(t) PARTITION BY a)
SELECT a FROM t WHERE my_predicate(a)
SELECT abs(my_udf(a)) FROM t
SELECT session.abs(1)
SELECT main.builtin.abs(1)
SELECT `abs `(1)
SELECT TRANSFORM(a, b) USING 'cat' AS (c, d) FROM t
SELECT TRANSFORM(a) USING 'python3 evil.py' AS (x STRING) FROM (SELECT 1 AS a)
SELECT TRANSFORM ( a ) ␤ USING ␤ 'sh' FROM t
SELECT TRANSFORM(a) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe' USING 'cat' AS (b) FROM t
SELECT TRANSFORM(a) ROW FORMAT DELIMITED RECORDWRITER 'x' USING 'cat' AS (b) RECORDREADER 'y' FROM t
SELECT * FROM (SELECT TRANSFORM(a) USING 'cat' AS b FROM t)
WITH x AS (SELECT TRANSFORM(a) USING 'cat' AS b FROM t) SELECT * FROM x
SELECT a FROM t WHERE a IN (SELECT TRANSFORM(a) USING 'cat' AS b FROM t)
FROM (FROM t SELECT TRANSFORM(a) USING 'cat' AS b) SELECT b
FROM t SELECT TRANSFORM(a) USING 'cat'
MAP a, b USING 'cat' AS c FROM t
REDUCE a USING "cat" AS (c INT) FROM t
SELECT TRANSFORM(a) USING X'636174' FROM t
SELECT TRANSFORM(a) USING 'c' 'at' FROM t
SELECT TRANSFORM(a) USING :cmd FROM t
SELECT TRANSFORM(*) USING 'cat' FROM t
SELECT * FROM t LATERAL VIEW explode(array(reflect('a', 'b'))) e k, v
SELECT v?::int, reflect('a', 'b')::int FROM t
SELECT a >>> reflect('a', 'b') FROM t
WITH RECURSIVE r(n) MAX RECURSION LEVEL 5 AS (SELECT reflect('a', 'b')) SELECT * FROM r
TABLE t |> WHERE reflect('a', 'b') = 'x'
VALUES (1) AS v(x) |> EXTEND reflect('a', 'b') AS y
SELECT a include, reflect('a', 'b') FROM t
SELECT nulls(1)
SELECT system(1)
SELECT of(1)
""",
    "adds code, files and resources": r"""
ADD JAR s3://b/x.jar
ADD JAR "ivy://g:a:1"
ADD JARS a.jar b.jar
ADD FILE /etc/passwd
ADD FILES '/a' '/b'
ADD ARCHIVE 'x.zip'
ADD ARCHIVES 'x.zip'
add jar 'x.jar'
LIST JAR
LIST JARS x.jar
LIST FILE
LIST FILES '/x'
LIST ARCHIVE
LIST ARCHIVES
LIST '/Volumes/main/default/v'
LIST 's3://b/'
CREATE TEMPORARY FUNCTION f AS 'x.Y' USING FILE '/x'
CREATE OR REPLACE FUNCTION main.f.g(x INT) RETURNS INT RETURN x
CREATE FUNCTION f(x INT) RETURNS INT LANGUAGE PYTHON AS $$ import os; return os.system('id') $$
DROP FUNCTION IF EXISTS f
DROP TEMPORARY FUNCTION f
RELOAD FUNCTION f
""",
    "settings and the session": r"""
SET spark.sql.variable.substitute = true
SET spark.sql.ansi.enabled
SET `spark.sql.x` = 1
SET -v
SET TIME ZONE LOCAL
SET TIMEZONE 'UTC'
SET TIME ZONE INTERVAL '08:30' HOUR TO MINUTE
SET VAR a = 1
SET VARIABLE (a, b) = (SELECT 1, 2)
SET SESSION AUTHORIZATION x
SET STATEMENT_TIMEOUT = 0
SET use_cached_result = false
SET RECIPIENT x
SET TAG ON TABLE t a = b
UNSET TAG ON TABLE t a
RESET spark.sql.ansi.enabled
RESET `spark.x`
USE DATABASE x
USE `main`
USE NAMESPACE a.b
USE main
DECLARE VARIABLE x INT
DECLARE x = 1
DECLARE OR REPLACE x = (SELECT max(a) FROM t)
DROP TEMPORARY VARIABLE x
DROP TEMPORARY VARIABLE IF EXISTS x
ALTER SESSION SET x = 1
START TRANSACTION
BEGIN TRANSACTION
COMMIT
ROLLBACK
""",
    "paths and formats as tables": r"""
SELECT * FROM text.`/etc/passwd`
SELECT * FROM text.`file:/etc/passwd`
SELECT * FROM Text . `/etc/passwd`
SELECT * FROM text/**/./**/`/etc/passwd`
SELECT * FROM text␤.␤`/etc/passwd`
SELECT * FROM text.`etc`
SELECT * FROM text.passwd
SELECT * FROM text.`*`
SELECT * FROM `csv`.`s3a://b/k`
SELECT * FROM `parquet`.`s3://b/k`
SELECT * FROM parquet.`abfss://c@a.dfs.core.windows.net/x`
SELECT * FROM parquet.`gs://b/x`
SELECT * FROM parquet.`hdfs://h/x`
SELECT * FROM parquet.`/Volumes/main/default/v/x.parquet`
SELECT * FROM json.`/Workspace/x.json`
SELECT * FROM avro.`/x`
SELECT * FROM orc.`/x`
SELECT * FROM xml.`/x`
SELECT * FROM delta.`/x`
SELECT * FROM delta.`/x@v1`
SELECT * FROM delta.`/x@20240101000000000`
SELECT * FROM delta.`/x`@v1
SELECT * FROM delta.`/x` VERSION AS OF 1
SELECT * FROM delta.`/x` TIMESTAMP AS OF '2024-01-01'
SELECT * FROM DELTA.`dbfs:/x`
SELECT * FROM binaryFile.`/x`
SELECT * FROM BINARYFILE.`/x`
SELECT * FROM `binaryfile`.x
SELECT * FROM image.`/x`
SELECT * FROM mlflow-experiment.`1`
SELECT * FROM `mlflow-experiment`.`1`
SELECT * FROM hudi.`/x`
SELECT * FROM kafka.`x`
SELECT * FROM jdbc.`jdbc:mysql://evil/x`
SELECT * FROM sqlserver.`x/y`
SELECT * FROM `org.apache.spark.sql.avro.AvroFileFormat`.`/x`
SELECT * FROM `org.apache.spark.sql.execution.datasources.binaryfile.BinaryFileFormat`.`/x`
SELECT * FROM `org.apache.spark.ml.source.libsvm`.x
SELECT * FROM `org.apache.spark.sql.json`.`/x`
SELECT * FROM spark_catalog.text.`/etc/passwd`
SELECT * FROM hive_metastore.text.`/etc/passwd`
SELECT * FROM a JOIN csv.`/x` b ON true
SELECT * FROM a, csv.`/x`
SELECT * FROM a WHERE x IN (SELECT value FROM text.`/x`)
SELECT (SELECT count(*) FROM text.`/x`)
SELECT * FROM (SELECT * FROM text.`/x`) x
SELECT * FROM text.`/x` UNION SELECT 1
SELECT 1 UNION TABLE text.`/x`
(TABLE text.`/x`)
WITH x AS (TABLE text.`/x`) SELECT * FROM x
WITH x AS (SELECT * FROM text.`/x`) SELECT * FROM x
FROM text.`/x` SELECT value
FROM text.`/x` |> SELECT value
FROM t |> UNION ALL (SELECT * FROM text.`/x`)
TABLE text.`/x` |> LIMIT 1
SELECT * FROM text.`/x` TABLESAMPLE (1 ROWS)
SELECT * FROM text.`/x` PIVOT (count(*) FOR value IN ('a'))
SELECT * FROM t, LATERAL (SELECT * FROM text.`/x`)
SELECT text.value FROM text.`/x` AS text
SELECT * FROM "text"."/etc/passwd"
SELECT * FROM 'text'.'/x'
SELECT * FROM `/Volumes/a/b/c`
SELECT * FROM `s3://b/x`
SELECT * FROM `C:\x`
SELECT * FROM text.`/x` WITH (encoding = 'x')
SELECT * FROM csv.`/x` WITH ('header' = 'true')
SELECT * FROM csv.`/x` OPTIONS (header true)
SELECT * FROM STREAM(text.`/x`)
SELECT * FROM STREAM delta.`/x`
SELECT * FROM CHANGES(t)
DESCRIBE delta.`/x`
DESCRIBE TABLE text.`/x`
DESC EXTENDED csv.`/x`
DESCRIBE HISTORY '/x'
DESCRIBE HISTORY delta.`/x` LIMIT 1
DESCRIBE DETAIL 's3://b/x'
DESCRIBE DETAIL parquet.`/x`
DESCRIBE text.passwd value
SHOW CREATE TABLE text.`/x`
SHOW COLUMNS FROM csv.`/x`
SHOW COLUMNS IN passwd IN text
SHOW TBLPROPERTIES parquet.`/x`
SHOW PARTITIONS delta.`/x`
EXPLAIN SELECT * FROM csv.`/x`
EXPLAIN FORMATTED FROM text.`/x` SELECT *
TABLE csv.`/x` ORDER BY 1
SELECT * FROM explode(TABLE(text.`/x`))
SELECT * FROM event_log(TABLE(text.`/x`))
SELECT * FROM event_log(TABLE(`csv`.`/x`))
SELECT * FROM event_log(input => TABLE(date.`/x`))
SELECT * FROM event_log(TABLE text.`/x`)
SELECT * FROM event_log(TABLE((SELECT * FROM text.`/x`)))
SELECT * FROM event_log(TABLE(TABLE text.`/x`))
SELECT explode(TABLE(text.`/x`))
SELECT * FROM t, LATERAL explode(TABLE(text.`/x`))
EXPLAIN MERGE INTO t USING text.`/x` s ON true WHEN MATCHED THEN DELETE
EXPLAIN DELETE FROM delta.`/x`
TABLE t UNION ALL TABLE text.`/x`
SELECT * FROM text.`/x`@v1
FROM t |> EXCEPT SELECT * FROM text.`/x`
FROM t |> UNION ALL TABLE text.`/x`
VALUES (1) |> UNION ALL SELECT * FROM text.`/x`
SELECT * FROM text.`/x` SYSTEM_VERSION AS OF 1
SELECT * FROM t TIMESTAMP AS OF (SELECT max(value) FROM text.`/x`)
SELECT * FROM t LATERAL VIEW explode((SELECT array(value) FROM text.`/x`)) e x
DESCRIBE text.`/x` PARTITION (a = 1)
SHOW COLUMNS FROM passwd FROM text
""",
    "functions that read files, streams or state": r"""
SELECT * FROM read_files('/x')
SELECT * FROM READ_FILES('s3://b/x', format => 'csv', header => true)
SELECT * FROM `read_files`('/x')
SELECT * FROM system.builtin.read_files('/x')
SELECT count(*) FROM read_files('/x')
SELECT * FROM STREAM read_files('/x')
SELECT * FROM STREAM(read_files('/x'))
SELECT * FROM cloud_files('/x', 'json', map('a', 'b'))
SELECT * FROM cloud_files_state('/x')
SELECT * FROM cloud_files_state(TABLE(t))
SELECT * FROM read_kafka(bootstrapServers => 'e:1', subscribe => 's')
SELECT * FROM STREAM read_kafka(bootstrapServers => 'e:1', subscribe => 's')
SELECT * FROM read_kinesis(streamName => 's', initialPosition => 'earliest')
SELECT * FROM read_pubsub(projectId => 'p', topicId => 't', subscriptionId => 's')
SELECT * FROM read_pulsar(serviceUrl => 'pulsar://e', topic => 't')
SELECT * FROM read_statestore('/x')
SELECT * FROM read_state_metadata('/x')
SELECT * FROM get_warmup_metadata('/x')
SELECT * FROM list_files('/x')
SELECT * FROM files('/x')
SELECT * FROM dbfs('/x')
SELECT * FROM parquet('/x')
SELECT * FROM delta('/x')
SELECT * FROM jdbc(url => 'jdbc:x')
SELECT * FROM python_worker_logs()
SELECT * FROM t LATERAL VIEW read_files('/x') f
SELECT * FROM LATERAL read_files('/x')
SELECT * FROM t JOIN LATERAL read_files(t.path) ON true
WITH x AS (SELECT * FROM read_files('/x')) SELECT * FROM x
""",
    "functions that reach out, cost money or tell secrets": r"""
SELECT http_request(conn => 'c', method => 'POST', path => '/', json => to_json(struct(*))) FROM t
SELECT http_request('c', 'GET', '/')
SELECT * FROM remote_query('c', database => 'd', query => 'DROP TABLE x')
SELECT ai_query('endpoint', a) FROM t
SELECT ai_query('databricks-meta-llama', 'x', modelParameters => named_struct('a', 1))
SELECT ai_analyze_sentiment(a) FROM t
SELECT ai_classify(a, ARRAY('x', 'y')) FROM t
SELECT ai_extract(a, ARRAY('x')) FROM t
SELECT ai_fix_grammar(a) FROM t
SELECT ai_gen('x')
SELECT ai_generate_text('x')
SELECT ai_mask(a, ARRAY('x')) FROM t
SELECT ai_parse_document(b) FROM t
SELECT ai_similarity('a', 'b')
SELECT ai_summarize(a) FROM t
SELECT ai_translate(a, 'en') FROM t
SELECT ai_complete('x')
SELECT ai_prep_search(a) FROM t
SELECT * FROM ai_forecast(TABLE(t), horizon => '2024-01-01', time_col => 'a', value_col => 'b')
SELECT * FROM ai_top_drivers(TABLE(t))
SELECT AI_QUERY('x', 'y')
SELECT `ai_query`('x', 'y')
SELECT system.ai.python_exec('import os')
SELECT system.ai.ask('x')
SELECT * FROM vector_search(index => 'i', query_text => 'x')
SELECT secret('scope', 'key')
DESCRIBE RECIPIENT r
DESC RECIPIENT `r`
SELECT from_xml(*) FROM (SELECT '<a/>', 'a INT', map('rowValidationXSDPath', '/x'))
SELECT from_xml(t.*) FROM t
SELECT concat('x', secret('scope', 'key'))
SELECT try_secret('scope', 'key')
SELECT * FROM list_secrets('scope')
SELECT * FROM list_secrets()
SELECT * FROM sql('SELECT 1')
SELECT eval('1')
SELECT from_avro(a, 's', map('mode', 'PERMISSIVE')) FROM t
SELECT from_avro(a, '{"type": "int"}', map('avroSchemaUrl', 'http://e')) FROM t
SELECT from_protobuf(a, 'M', '/x.desc') FROM t
SELECT from_xml(a, 's INT', map('rowValidationXSDPath', '/etc/passwd')) FROM t
SELECT sleep(1)
SELECT pg_sleep(1)
SELECT java_sleep(1)
SELECT current_oauth_custom_identity_claim('x')
SELECT schema_of_xml(a, map('rowValidationXSDPath', '/x')) FROM t
SELECT schema_of_avro('{}', map('avroSchemaUrl', 'http://e'))
SELECT to_avro(a, 'subject', 'http://registry') FROM t
SELECT from_avro(a, 'subject', 'http://registry') FROM t
SELECT from_xml(a, concat('x', ','), map('rowValidationXSDPath', '/x')) FROM t
SELECT ai_decide('x')
SELECT * FROM ai_search('x')
SELECT * FROM ai_detect_anomalies(TABLE(t))
SELECT ai_transcribe(b) FROM t
""",
    "IDENTIFIER and SQL from strings": r"""
SELECT IDENTIFIER('a') FROM t
SELECT * FROM IDENTIFIER('t')
SELECT * FROM IDENTIFIER(:t)
SELECT * FROM IDENTIFIER('text' || '.`/etc/passwd`')
SELECT * FROM identifier ('t')
SELECT IDENTIFIER(:f)(1)
SELECT t.IDENTIFIER('a') FROM t
SELECT * FROM IDENTIFIER('a').b
SELECT * FROM main.IDENTIFIER(:s).t
SHOW TABLES IN IDENTIFIER(:s)
DESCRIBE IDENTIFIER('text.`/etc/passwd`')
DESCRIBE TABLE IDENTIFIER(:t)
SHOW CREATE TABLE IDENTIFIER(:t)
EXPLAIN SELECT * FROM IDENTIFIER(:t)
WITH IDENTIFIER('c') AS (SELECT 1) SELECT * FROM c
USE IDENTIFIER(:s)
SELECT 1 AS IDENTIFIER('x')
EXECUTE IMMEDIATE 'SELECT 1'
EXECUTE IMMEDIATE q
EXECUTE IMMEDIATE 'SELECT ?' INTO x USING 1
EXECUTE IMMEDIATE 'SELECT :a' USING (1 AS a)
EXPLAIN EXECUTE IMMEDIATE 'DELETE FROM t'
SELECT * FROM (EXECUTE IMMEDIATE 'SELECT 1')
""",
    "changes of rows": r"""
INSERT INTO t SELECT * FROM u
INSERT INTO TABLE t VALUES (1)
INSERT INTO t (a, b) VALUES (1, 2)
INSERT INTO t BY NAME SELECT 1 AS a
INSERT INTO t PARTITION (a = 1) SELECT 2
INSERT INTO t TABLE u
INSERT INTO t FROM u SELECT a
INSERT OVERWRITE TABLE t SELECT 1
INSERT OVERWRITE t PARTITION (a) SELECT 1
INSERT INTO t REPLACE USING (a) SELECT 1
INSERT INTO t REPLACE ON t.a = s.a (SELECT 1) s
INSERT WITH SCHEMA EVOLUTION INTO t SELECT 1
INSERT OVERWRITE DIRECTORY 's3://b/x' USING parquet SELECT * FROM t
INSERT OVERWRITE DIRECTORY USING json OPTIONS (path '/x') SELECT * FROM t
INSERT OVERWRITE LOCAL DIRECTORY '/x' STORED AS orc SELECT * FROM t
INSERT INTO delta.`/x` SELECT 1
FROM t INSERT INTO u SELECT a
FROM t INSERT INTO u SELECT a INSERT INTO v SELECT b
FROM t INSERT OVERWRITE TABLE u SELECT a WHERE a > 1
FROM t INSERT OVERWRITE DIRECTORY '/x' SELECT a
FROM (SELECT * FROM t) s INSERT INTO u SELECT s.a
FROM t SELECT a INSERT INTO u SELECT b
FROM t LATERAL VIEW explode(xs) e AS x INSERT INTO u SELECT x
WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c
WITH c AS (SELECT 1) INSERT OVERWRITE t SELECT * FROM c
WITH c AS (SELECT 1) FROM c INSERT INTO t SELECT *
WITH c AS (SELECT 1) UPDATE t SET a = 1
WITH c AS (SELECT 1) DELETE FROM t WHERE a IN (SELECT * FROM c)
WITH c AS (SELECT 1) MERGE INTO t USING c ON true WHEN MATCHED THEN DELETE
WITH c AS (DELETE FROM t) SELECT 1
WITH c AS (INSERT INTO t VALUES (1)) SELECT 1
SELECT * FROM (INSERT INTO t VALUES (1))
UPDATE t SET a = 1 WHERE b
UPDATE delta.`/x` SET a = 1
DELETE FROM t WHERE a = 1
DELETE FROM delta.`/x`
MERGE INTO t USING (SELECT 1 AS a) s ON t.a = s.a WHEN NOT MATCHED THEN INSERT *
MERGE WITH SCHEMA EVOLUTION INTO t USING s ON true WHEN MATCHED THEN UPDATE SET *
TRUNCATE TABLE t PARTITION (a = 1)
COPY INTO t FROM 's3://b/x' FILEFORMAT = PARQUET COPY_OPTIONS ('mergeSchema' = 'true')
COPY INTO delta.`/x` FROM '/y' FILEFORMAT = JSON
COPY INTO t FROM (SELECT a::int FROM '/x') FILEFORMAT = CSV
LOAD DATA INPATH '/x' OVERWRITE INTO TABLE t
LOAD DATA LOCAL INPATH '/x' INTO TABLE t PARTITION (a = 1)
REPLACE TABLE t AS SELECT 1
SELECT * INTO t2 FROM t
SELECT 1 INTO x
FROM t |> INSERT INTO u
FROM t |> WHERE a > 1 |> INSERT INTO u
FROM t |> DELETE
FROM t |> CREATE TABLE u
FROM t |> CALL f(x => 1)
FROM t |> SELECT TRANSFORM(a) USING 'cat'
FROM t |> AGGREGATE sum(my_udf(a)) GROUP BY b
FROM t |> SET a = reflect('a', 'b')
FROM t |> WHERE secret('a', 'b') = 'x'
FROM t |> JOIN read_files('/x') ON true
FROM t |> AS x |> LATERAL VIEW explode(array(reflect('a', 'b'))) e
""",
    "definitions": r"""
CREATE TABLE t2 LIKE t
CREATE TABLE t2 SHALLOW CLONE t
CREATE TABLE t2 DEEP CLONE t VERSION AS OF 1
CREATE OR REPLACE TABLE t2 CLONE t
CREATE TABLE IF NOT EXISTS t2 USING csv LOCATION '/x'
CREATE EXTERNAL TABLE t2 (a INT) LOCATION '/x'
CREATE TEMPORARY TABLE t2 AS SELECT 1
CREATE TEMP VIEW v AS SELECT * FROM t
CREATE GLOBAL TEMPORARY VIEW v AS SELECT 1
CREATE VIEW v AS SELECT 1
CREATE OR REPLACE VIEW v AS SELECT 1
CREATE VIEW v WITH METRICS LANGUAGE YAML AS $$ a: 1 $$
CREATE TEMPORARY VIEW v USING org.apache.spark.sql.jdbc OPTIONS (url 'jdbc:x', dbtable 'y')
CREATE OR REFRESH STREAMING TABLE s AS SELECT * FROM STREAM read_files('/x')
CREATE OR REFRESH MATERIALIZED VIEW v AS SELECT 1
CREATE FLOW f AS INSERT INTO t BY NAME SELECT 1
CREATE CATALOG c
CREATE FOREIGN CATALOG c USING CONNECTION x
CREATE EXTERNAL LOCATION l URL 's3://b' WITH (STORAGE CREDENTIAL c)
CREATE EXTERNAL VOLUME v LOCATION 's3://b'
CREATE DATABASE d
CREATE NAMESPACE d
CREATE RECIPIENT r
CREATE GROUP g
CREATE POLICY p ON TABLE t ROW FILTER f TO x
CREATE PROCEDURE p() LANGUAGE SQL AS BEGIN DELETE FROM t; END
CREATE SERVER s TYPE mysql
CREATE INDEX i ON t (a)
ALTER TABLE t RENAME TO u
ALTER TABLE t DROP COLUMN a
ALTER TABLE t ADD PARTITION (a = 1) LOCATION '/x'
ALTER TABLE t RECOVER PARTITIONS
ALTER TABLE t SET LOCATION '/x'
ALTER TABLE t SET OWNER TO x
ALTER TABLE t CLUSTER BY (a)
ALTER TABLE t ALTER COLUMN a SET MASK f
ALTER TABLE t SET ROW FILTER f ON (a)
ALTER SCHEMA s SET DBPROPERTIES (a = 'b')
ALTER CATALOG c OWNER TO x
ALTER VOLUME v RENAME TO w
ALTER STREAMING TABLE s REFRESH
ALTER GROUP g ADD USER u
DROP VIEW v
DROP MATERIALIZED VIEW v
DROP CATALOG c CASCADE
DROP VOLUME v
DROP SHARE s
DROP CONNECTION c
DROP POLICY p ON TABLE t
UNDROP TABLE main.a.t
UNDROP SCHEMA s
COMMENT ON COLUMN t.a IS 'x'
COMMENT ON SCHEMA s IS NULL
""",
    "upkeep and caches": r"""
ANALYZE TABLE t COMPUTE STATISTICS FOR ALL COLUMNS
ANALYZE TABLES IN s COMPUTE STATISTICS
ANALYZE TABLE t COMPUTE STORAGE METRICS
OPTIMIZE t
OPTIMIZE t WHERE a = 1 ZORDER BY (b)
OPTIMIZE FULL t
OPTIMIZE delta.`/x`
VACUUM t
VACUUM delta.`/x` RETAIN 0 HOURS DRY RUN
VACUUM t LITE
MSCK REPAIR TABLE t SYNC PARTITIONS
REPAIR TABLE t
FSCK REPAIR TABLE t DRY RUN
REORG TABLE t APPLY (UPGRADE UNIFORM (ICEBERG_COMPAT_VERSION = 2))
CONVERT TO DELTA t
RESTORE TABLE t TO TIMESTAMP AS OF '2024-01-01'
RESTORE t VERSION AS OF 1
CLONE t TO u
CACHE SELECT a FROM t
CACHE TABLE t OPTIONS ('storageLevel' = 'DISK_ONLY')
CACHE TABLE x AS SELECT reflect('a', 'b')
CACHE LAZY TABLE t
UNCACHE TABLE IF EXISTS t
CLEAR CACHE
REFRESH TABLE t
REFRESH FUNCTION f
REFRESH MATERIALIZED VIEW v
REFRESH STREAMING TABLE s FULL
REFRESH 's3://b/x'
REFRESH "/x"
SYNC TABLE a.b FROM hive_metastore.b.c
APPLY CHANGES INTO LIVE.t FROM STREAM(LIVE.u) KEYS (a) SEQUENCE BY b
AUTO CDC INTO t FROM STREAM u KEYS (a) SEQUENCE BY b
GENERATE symlink_format_manifest FOR TABLE delta.`/x`
EXPORT TABLE t TO '/x'
IMPORT TABLE t FROM '/x'
""",
    "rights": r"""
GRANT ALL PRIVILEGES ON CATALOG c TO `users`
GRANT SHARE ON SHARE s TO x
REVOKE ALL PRIVILEGES ON TABLE t FROM x
DENY SELECT ON TABLE t TO x
MSCK REPAIR OBJECT t PRIVILEGES
REPAIR PRIVILEGES t
""",
    "files of volumes": r"""
PUT '/x' INTO '/Volumes/a/b/c/x' OVERWRITE
PUT "/etc/passwd" INTO "/Volumes/a/b/c/x"
GET '/Volumes/a/b/c/x' TO '/home/x/.ssh/authorized_keys'
REMOVE '/Volumes/a/b/c/x'
""",
    "procedures, scripts and blocks": r"""
CALL main.default.p(1)
CALL p(a => 1)
CALL system.sync()
BEGIN INSERT INTO t VALUES (1); END
BEGIN DECLARE x INT; SET x = 1; END
BEGIN NOT ATOMIC SELECT 1; END
lbl: BEGIN SELECT 1; END
lbl: LOOP SELECT 1; END LOOP
WHILE 1 = 1 DO SELECT 1; END WHILE
FOR r AS SELECT 1 DO DELETE FROM t; END FOR
REPEAT DELETE FROM t; UNTIL true END REPEAT
CASE WHEN true THEN DELETE FROM t; END CASE
LOOP DELETE FROM t; END LOOP
SIGNAL SQLSTATE '45000'
RESIGNAL
LEAVE x
ITERATE x
GET DIAGNOSTICS CONDITION 1 x = MESSAGE_TEXT
""",
    "EXPLAIN and DESCRIBE of more than a query": r"""
EXPLAIN ANALYZE DELETE FROM t
EXPLAIN INSERT INTO t VALUES (1)
EXPLAIN INSERT OVERWRITE DIRECTORY '/x' SELECT 1
EXPLAIN FROM t INSERT INTO u SELECT *
EXPLAIN UPDATE t SET a = 1
SHOW SECRETS
SHOW ARCHIVES
SHOW VARIABLES
EXPLAIN CREATE VIEW v AS SELECT 1
EXPLAIN CALL p()
EXPLAIN ADD JAR 'x'
EXPLAIN SET x = 1
EXPLAIN USE x
EXPLAIN CACHE TABLE t
EXPLAIN TRUNCATE TABLE t
EXPLAIN DROP TABLE t
EXPLAIN SELECT TRANSFORM(a) USING 'cat' FROM t
EXPLAIN SELECT ai_query('a', 'b')
EXPLAIN SELECT 1; DELETE FROM t
EXPLAIN COST SELECT secret('a', 'b')
EXPLAIN VACUUM t
EXPLAIN EXPLAIN DROP TABLE t
DESCRIBE QUERY SELECT secret('a', 'b')
DESCRIBE QUERY SELECT my_udf(1)
DESCRIBE QUERY INSERT INTO t VALUES (1)
DESCRIBE QUERY WITH c AS (SELECT reflect('a', 'b')) SELECT * FROM c
DESC QUERY FROM text.`/x`
DESCRIBE QUERY TABLE text.`/x`
DESCRIBE INSERT INTO t VALUES (1)
DESCRIBE t; DROP TABLE t
SHOW TABLES; DROP TABLE t
SHOW CREATE TABLE t; DROP TABLE t
SHOW TABLES IN (SELECT reflect('a', 'b'))
SHOW TABLES LIKE reflect('a', 'b')
DESCRIBE t WHERE reflect('a', 'b')
""",
    "two statements, and texts that are read in two ways": r"""
SELECT 1; SELECT 2
SELECT 1;SELECT 2;
;SELECT 1;;DELETE FROM t
SELECT ';'; DELETE FROM t
SELECT 'a\'; DELETE FROM t -- '; DELETE FROM u
SELECT "a\"; DELETE FROM t -- "; DELETE FROM u
SELECT 'a\\'; DELETE FROM t --'
SELECT "a\\"; DELETE FROM t --"
SELECT r'a\'; DELETE FROM t --'
SELECT R'\'; DELETE FROM t --'
SELECT r"\"; DELETE FROM t --"
SELECT '''; DELETE FROM t --
SELECT 'a' ␤ 'b'; DELETE FROM t
SELECT `a``b`; DELETE FROM t
SELECT `a\`; DELETE FROM t --`
SELECT 1 -- x␤; DELETE FROM t
SELECT 1 -- x\␤; DELETE FROM t
SELECT 1 /* x */; DELETE FROM t
/* /* */ SELECT 1 */ DELETE FROM t
/* SELECT 1 /* */ DELETE FROM t */
SELECT 1 /* x
SELECT 'x
SELECT `x
SELECT 1 # ; DELETE FROM t
SELECT /*+ BROADCAST(t) */ * FROM t; DELETE FROM t
SELECT /*+ SET_VAR(a=1) */ 1
SELECT /*+ reflect('a', 'b') */ 1
SELECT /*+ RESOURCE_GROUP(x) */ 1
SELECT $$a$$; DELETE FROM t
SELECT U&'\0027'; DELETE FROM t
/* /*+ x */ SELECT 1 */ DELETE FROM t
SELECT 1 /* a /*+ b */ , reflect('a', 'b') /* c */
/*+ BROADCAST('a -- ') */ SELECT 1; DELETE FROM t
SELECT /*+ SKEW('*/ , reflect('a', 'b')') */ 1
SELECT /*+ SKEW('a'), reflect('a', 'b') */ 1
SELECT $$a$$ || reflect('a', 'b')
SELECT $1; DELETE FROM t
SELECT X '00'; DELETE FROM t
""",
    "substitution by Spark": r"""
SELECT ${spark.sql.x}
SELECT '${env:DATABRICKS_TOKEN}'
SELECT "${system:user.home}"
SELECT `${hiveconf:x}`
SELECT ${hivevar:x}
SELECT 1 AS ${x}
SELECT * FROM ${t}
SELECT 1 -- ${env:x}
SELECT /* ${x} */ 1
SHOW TABLES IN ${x}
DESCRIBE ${x}
EXPLAIN SELECT ${x}
SELECT r'${env:HOME}'
SELECT '$' '{env:HOME}', '${env:HOME}'
""",
    "letters that only look like others": r"""
ＳＥＬＥＣＴ 1; DELETE FROM t
SELECT reﬂect('a', 'b')
SELECT ｒｅｆｌｅｃｔ('a', 'b')
ſELECT reflect('a', 'b')
SELECT reflect（'a', 'b'）
DELETE FROM t
ＤＥＬＥＴＥ FROM t
SELECT 1； DELETE FROM t
SELECT 'x’; DELETE FROM t --'; DELETE FROM t
ınsert INTO t VALUES (1)
""",  # noqa: RUF001 - they are what is tried
}


@pytest.mark.parametrize(
    "text", [line.replace("␤", "\n") for text in HOSTILE.values() for line in text.strip("\n").splitlines()]
)
def test_no_read(text: str) -> None:
    verdict = judge(text, "databricks")
    assert verdict.kind is not Kind.READ
    assert verdict.code is not None
    assert verdict.reason

"""Attacks in Spark SQL, none of which is a read, and honest queries, which are; a sample of both on Spark itself."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core.config import Source
from dbmcp_core.errors import StatementRefused
from dbmcp_core.executor import Executor
from dbmcp_core.guard import judge
from dbmcp_core.registry import Registry
from dbmcp_core.statement import Kind
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.servers import require

ATTACKS = r"""
SELECT reflect('java.lang.System', 'exit', 0)
SELECT java_method('java.lang.System', 'getenv', 'PATH')
SELECT try_reflect('java.lang.Runtime', 'getRuntime')
SELECT `reflect`('java.lang.System', 'getProperty', 'user.home')
SELECT system.builtin.reflect('java.lang.System', 'exit', 0)
SELECT builtin.reflect('java.lang.System', 'exit', 0)
SELECT REFLECT /* x */ ('java.lang.System', 'exit', 0)
SELECT 1 WHERE reflect('java.lang.System', 'exit', 0) IS NULL
SELECT transform(array(1), x -> reflect('java.lang.System', 'exit', 0))
SELECT * FROM VALUES (reflect('java.lang.System', 'exit', 0))
SELECT * FROM t LATERAL VIEW explode(array(reflect('a', 'b'))) u AS x
SELECT * FROM t ORDER BY reflect('a', 'b')
SELECT * FROM t PIVOT (max(reflect('a', 'b')) FOR c IN (1))
SELECT max(reflect('a', 'b')) OVER () FROM t
WITH c AS (SELECT reflect('a', 'b')) SELECT * FROM c
SELECT CASE WHEN true THEN reflect('a', 'b') END
SELECT IDENTIFIER('ref' || 'lect')('java.lang.System', 'exit', 0)
SELECT * FROM IDENTIFIER('text.`/etc/passwd`')
SELECT * FROM IDENTIFIER(:t)
SELECT IDENTIFIER(:c) FROM t
SELECT * FROM text.`/etc/passwd`
SELECT * FROM TEXT.`/etc/passwd`
SELECT * FROM `text`.`/etc/passwd`
SELECT * FROM csv.`file:///etc/passwd`
SELECT * FROM json.`/tmp/x`
SELECT * FROM parquet.`dbfs:/x`
SELECT * FROM orc.`/x`
SELECT * FROM avro.`/x`
SELECT * FROM delta.`s3://b/x`
SELECT * FROM binaryFile.`/etc/shadow`
SELECT * FROM image.`/x`
SELECT * FROM libsvm.`/x`
SELECT * FROM xml.`/x`
SELECT * FROM iceberg.`/x`
SELECT * FROM jdbc.`x`
SELECT * FROM `org.apache.spark.sql.execution.datasources.text.TextFileFormat`.`/etc/passwd`
SELECT * FROM `org.apache.spark.sql.execution.datasources.csv.CSVFileFormat`.x
SELECT * FROM `com.databricks.spark.csv`.`/etc/passwd`
SELECT * FROM `com.databricks.spark.csv`.x
SELECT * FROM `org.apache.spark.sql.parquet`.x
SELECT * FROM spark_catalog.text.`/etc/passwd`
SELECT * FROM t JOIN text.`/etc/passwd` p ON true
SELECT (SELECT max(value) FROM text.`/etc/passwd`)
SELECT * FROM t WHERE EXISTS (SELECT 1 FROM text.`/etc/passwd`)
TABLE text.`/etc/passwd`
FROM text.`/etc/passwd`
FROM text.`/etc/passwd` SELECT *
FROM text.`/etc/passwd` |> LIMIT 1
WITH text AS (SELECT 1) SELECT * FROM text.`/etc/passwd`
SELECT * FROM statestore.`/x`
SELECT * FROM `state-metadata`.`/x`
SELECT * FROM cloudFiles.`/x`
SELECT * FROM deltaSharing.`/profile#s.t`
SELECT * FROM read_files('/etc/passwd', format => 'text')
SELECT * FROM cloud_files('/x', 'csv')
SELECT * FROM read_kafka(bootstrapServers => 'evil:9092', subscribe => 'x')
SELECT * FROM read_kinesis(streamName => 'x')
SELECT * FROM read_pubsub(subscriptionId => 'x')
SELECT * FROM read_pulsar(serviceUrl => 'x')
SELECT * FROM read_statestore('/x')
SELECT * FROM list_secrets()
SELECT secret('a', 'b')
SELECT try_secret('a', 'b')
SELECT http_request(conn => 'x', method => 'POST')
SELECT ai_query('m', 'x')
SELECT ai_forecast(1)
SELECT ai_classify('x', array('a'))
SELECT * FROM remote_query('c', query => 'DROP TABLE x')
SELECT * FROM vector_search(index => 'x', query => 'y')
SELECT * FROM sql('DELETE FROM t')
SELECT my_udf(1)
SELECT main.tools.my_udf(1)
SELECT * FROM my_table_function(1)
SELECT * FROM main.tools.f(TABLE t)
SELECT `main`.`tools`.`abs`(1)
SELECT default.abs(1)
SELECT session.abs(1)
SELECT system.session.abs(1)
SELECT TRANSFORM (a) USING '/bin/sh -c id' FROM t
SELECT TRANSFORM (a) USING "cat" AS (b STRING) FROM t
SELECT TRANSFORM (*) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' USING 'sh' FROM t
SELECT TRANSFORM (a) ROW FORMAT SERDE 'x' USING r'sh' FROM t
FROM t MAP a USING 'sh' AS b
FROM t REDUCE a USING 'sh' AS b
FROM (SELECT a FROM t) x MAP x.a USING 'sh'
MAP a USING 'sh' FROM t
REDUCE a USING 'sh' FROM t
ADD JAR '/x.jar'
ADD JARS '/x.jar' '/y.jar'
ADD FILE '/etc/passwd'
ADD ARCHIVE '/x'
LIST JARS
LIST FILES
SET spark.sql.ansi.enabled = false
SET
SET -v
SET TIME ZONE 'UTC'
SET VAR x = 1
SET VARIABLE x = (SELECT 1)
SET CATALOG 'main'
SET ROLE x
RESET
RESET spark.x
USE CATALOG main
USE main.default
USE SCHEMA x
EXECUTE IMMEDIATE 'DELETE FROM t'
EXECUTE IMMEDIATE 'SELECT ?' USING 1
EXECUTE IMMEDIATE 'SELECT 1' INTO x
DECLARE x INT DEFAULT 1
DECLARE OR REPLACE VARIABLE x = 5
BEGIN DELETE FROM t; END
BEGIN SELECT 1; END
BEGIN ATOMIC DELETE FROM t; END
IF 1 = 1 THEN DELETE FROM t; END IF
COPY INTO t FROM '/x' FILEFORMAT = CSV
COPY INTO t FROM (SELECT * FROM '/x') FILEFORMAT = JSON
INSERT INTO t VALUES (1)
INSERT OVERWRITE t SELECT 1
INSERT INTO t REPLACE WHERE a = 1 SELECT 1
INSERT OVERWRITE DIRECTORY '/tmp/x' USING csv SELECT 1
INSERT OVERWRITE LOCAL DIRECTORY '/tmp/x' SELECT 1
FROM t INSERT INTO u SELECT *
FROM t INSERT OVERWRITE DIRECTORY '/x' SELECT * INSERT INTO v SELECT *
WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c
WITH c AS (SELECT 1) DELETE FROM t
UPDATE t SET a = 1
DELETE FROM t
MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE
TRUNCATE TABLE t
CREATE TABLE x AS SELECT 1
CREATE TABLE x (a INT)
CREATE OR REPLACE TABLE x AS SELECT 1
CREATE TEMPORARY VIEW v AS SELECT 1
CREATE OR REPLACE TEMP VIEW v USING text OPTIONS (path '/etc/passwd')
CREATE TEMPORARY FUNCTION f AS 'x.Y' USING JAR '/x.jar'
CREATE FUNCTION f() RETURNS STRING LANGUAGE PYTHON AS $$import os$$
CREATE MATERIALIZED VIEW v AS SELECT 1
CREATE STREAMING TABLE v AS SELECT * FROM STREAM t
CREATE CONNECTION c TYPE mysql OPTIONS (host 'x')
CREATE STORAGE CREDENTIAL x
CREATE VOLUME v
CREATE SHARE s
CREATE SCHEMA s
CREATE BLOOMFILTER INDEX ON t FOR COLUMNS (a)
ALTER TABLE t ADD COLUMN b INT
ALTER TABLE t SET TBLPROPERTIES ('a' = 'b')
ALTER VIEW v AS SELECT 2
DROP TABLE t
DROP SCHEMA s CASCADE
UNDROP TABLE t
COMMENT ON TABLE t IS 'x'
ANALYZE TABLE t COMPUTE STATISTICS
OPTIMIZE t ZORDER BY (a)
VACUUM t RETAIN 0 HOURS
RESTORE TABLE t TO VERSION AS OF 1
REORG TABLE t APPLY (PURGE)
FSCK REPAIR TABLE t
MSCK REPAIR TABLE t
REPAIR TABLE t
CONVERT TO DELTA parquet.`/x`
GENERATE symlink_format_manifest FOR TABLE t
APPLY CHANGES INTO t FROM u KEYS (a) SEQUENCE BY b
CLONE t
SYNC SCHEMA a FROM b
GRANT SELECT ON TABLE t TO x
REVOKE SELECT ON TABLE t FROM x
DENY SELECT ON TABLE t TO x
CACHE TABLE t
CACHE LAZY TABLE x AS SELECT 1
CACHE SELECT * FROM t
UNCACHE TABLE t
CLEAR CACHE
REFRESH TABLE t
REFRESH '/path'
REFRESH FUNCTION f
REFRESH FOREIGN CATALOG c
LOAD DATA LOCAL INPATH '/etc/passwd' INTO TABLE t
PUT '/etc/passwd' INTO '/Volumes/x'
GET '/Volumes/x' TO '/tmp/y'
REMOVE '/Volumes/x'
CALL system.x()
LOCK TABLE t
UNLOCK TABLE t
EXPORT TABLE t TO '/x'
IMPORT TABLE t FROM '/x'
DFS -ls /
!sh
SELECT 1; DELETE FROM t
SELECT 1;; DROP TABLE t
DELETE FROM t; SELECT 1
SELECT ${env:HOME}
SELECT '${spark.sql.x}'
SELECT `${system:user.home}`
SELECT 1 /*${x}*/
SELECT 1 -- a \␤ ; DROP TABLE t
SELECT r'a\'; DROP TABLE t --'
SELECT R"a\"; DROP TABLE t --"
SELECT 'a' 'b'; DROP TABLE t
SELECT /* /* */ 1 */ ; DROP TABLE t
SELECT /*+ BROADCAST(t) */ 1; DROP TABLE t
SELECT $$a$$; DROP TABLE t
DESCRIBE DETAIL '/x'
DESCRIBE DETAIL delta.`/x`
DESCRIBE HISTORY delta.`/x`
DESCRIBE text.`/etc/passwd`
DESCRIBE TABLE EXTENDED csv.`/etc/passwd`
DESCRIBE QUERY SELECT * FROM text.`/etc/passwd`
DESCRIBE SELECT reflect('a', 'b')
DESC QUERY SELECT reflect('a', 'b')
SHOW TBLPROPERTIES delta.`/x`
SHOW COLUMNS IN parquet.`/x`
SHOW CREATE TABLE delta.`/x`
SHOW PARTITIONS delta.`/x`
SHOW COLUMNS FROM `/x` FROM delta
EXPLAIN SELECT * FROM text.`/etc/passwd`
EXPLAIN SELECT reflect('a', 'b')
EXPLAIN EXTENDED SELECT reflect('a', 'b')
EXPLAIN DROP TABLE t
EXPLAIN CREATE TABLE x AS SELECT 1
EXPLAIN SET a = b
EXPLAIN CODEGEN SELECT reflect('a', 'b')
SELECT * FROM t TABLESAMPLE (reflect('a', 'b') ROWS)
SELECT * FROM t LIMIT reflect('a', 'b')
SELECT * FROM range(reflect('a', 'b'))
SELECT * FROM STREAM t
SELECT * FROM STREAM(t)
SELECT * FROM STREAM read_files('/x')
SELECT * FROM STREAM text.`/x`
SELECT a INTO b FROM t
SELECT * FROM t FOR UPDATE
VALUES (reflect('a', 'b'))
SELECT java_method(class => 'a', method => 'b')
SELECT * FROM python_worker_logs()
SELECT * FROM variant_explode(reflect('a','b'))
SELECT 'x'.reflect('a','b')
SELECT schema_of_xml('<a/>', map('rowValidationXSDPath', '/x'))
SELECT * FROM (DELETE FROM t)
SELECT * FROM t |> WHERE reflect('a', 'b') IS NULL
FROM t |> SELECT reflect('a', 'b')
FROM t |> EXTEND reflect('a', 'b') AS x
FROM t |> JOIN text.`/etc/passwd`
SELECT * FROM `/x`
SELECT * FROM `dbfs:/x`
SELECT * FROM '/etc/passwd'
SELECT * FROM text('/etc/passwd')
SELECT * FROM csv('/etc/passwd')
SELECT to_avro(a, b, 'http://schema-registry') FROM t
SELECT from_avro(a, 'subject', 'http://evil') FROM t
SELECT from_protobuf(a, 'M', '/etc/passwd') FROM t
SELECT from_protobuf(a, 'M', map('schema.registry.address', 'http://evil')) FROM t
SELECT to_protobuf(a, 'M', '/etc/passwd') FROM t
SELECT * FROM t WITH (path = '/etc/passwd')
SELECT from_xml(a, 'x INT', map('rowValidationXSDPath', '/x')) FROM t
"""

#: Of these, what Spark can run on the sample's tables is run.
HONEST = r"""
SELECT 1
SELECT 1 AS a, 'x' AS b
SELECT * FROM t
SELECT * FROM main.app.t
SELECT `a b`, `c``d` FROM `my table`
SELECT t.* FROM main.app.t AS t
SELECT DISTINCT a FROM t
SELECT count(*), sum(a), avg(b) FROM t GROUP BY c HAVING count(*) > 1
SELECT a, count(*) FROM t GROUP BY ALL
SELECT * FROM t ORDER BY ALL
SELECT a FROM t ORDER BY a DESC NULLS LAST LIMIT 10 OFFSET 5
SELECT a, b FROM t GROUP BY a, b WITH CUBE
SELECT a, b FROM t GROUP BY GROUPING SETS ((a), (b), ())
SELECT * FROM a JOIN b USING (id)
SELECT * FROM a NATURAL JOIN b
SELECT * FROM a LEFT ANTI JOIN b ON a.x = b.x
SELECT * FROM a LEFT SEMI JOIN b ON a.x = b.x
SELECT * FROM a FULL OUTER JOIN b ON a.x <=> b.x
SELECT * FROM a CROSS JOIN b
SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.x = a.x)
SELECT * FROM t LATERAL VIEW explode(xs) e AS x
SELECT * FROM t LATERAL VIEW OUTER posexplode(xs) e AS pos, x
SELECT explode(map('a', 1))
SELECT a, x FROM t, LATERAL explode(t.xs) AS e(x)
SELECT inline(array(struct(1, 'a'), struct(2, 'b')))
SELECT stack(2, 1, 'a', 2, 'b')
SELECT * FROM VALUES (1, 'a'), (2, 'b') AS v(x, y)
VALUES (1, 'a'), (2, 'b')
FROM t SELECT a
WITH c AS (SELECT 1 AS x) SELECT * FROM c
WITH c(x, y) AS (SELECT 1, 2), d AS (SELECT x FROM c) SELECT * FROM d
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r
SELECT a FROM t UNION ALL SELECT b FROM u
SELECT a FROM t INTERSECT SELECT b FROM u
SELECT a FROM t EXCEPT SELECT b FROM u
SELECT a FROM t MINUS SELECT b FROM u
SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM t
SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t
SELECT lag(a, 1) OVER w FROM t WINDOW w AS (ORDER BY b)
SELECT a FROM t QUALIFY rank() OVER (ORDER BY b) = 1
SELECT sum(a) FILTER (WHERE b > 1) FROM t
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t
SELECT * FROM t PIVOT (sum(a) FOR b IN ('x' AS x, 'y' AS y))
SELECT * FROM t UNPIVOT (v FOR k IN (a, b))
SELECT * FROM t TABLESAMPLE (10 PERCENT) REPEATABLE (1)
SELECT * FROM t TABLESAMPLE (5 ROWS)
SELECT * FROM t VERSION AS OF 1
SELECT * FROM t TIMESTAMP AS OF '2024-01-01'
SELECT * EXCEPT (a) FROM t
SELECT CASE WHEN a > 1 THEN 'x' ELSE 'y' END FROM t
SELECT if(a > 1, 'x', 'y'), nvl(a, 0), coalesce(a, b, 0), nullif(a, 0) FROM t
SELECT a::int, cast(b AS DECIMAL(10, 2)), try_cast(c AS DATE) FROM t
SELECT date_trunc('month', d), date_add(d, 1), datediff(d, e), add_months(d, 1), last_day(d) FROM t
SELECT dateadd(DAY, 1, d), timestampdiff(HOUR, a, b), extract(YEAR FROM d) FROM t
SELECT current_date(), current_timestamp(), now(), current_user(), current_catalog()
SELECT current_date, current_timestamp, current_user
SELECT to_date('2024-01-01', 'yyyy-MM-dd'), date_format(d, 'yyyy'), unix_timestamp() FROM t
SELECT INTERVAL '1' DAY + d, d - INTERVAL 2 MONTHS FROM t
SELECT DATE '2024-01-01', TIMESTAMP '2024-01-01 00:00:00', X'00ff', 1L, 2S, 1.5BD, 1e5D
SELECT timestamp_ntz '2024-01-01 00:00:00'
SELECT array(1, 2)[0], map('a', 1)['a'], struct(1 AS x).x, named_struct('y', 2).y
SELECT transform(xs, x -> x + 1), filter(xs, x -> x > 1), aggregate(xs, 0, (s, x) -> s + x) FROM t
SELECT exists(xs, x -> x > 1), forall(xs, x -> x > 1), zip_with(a, b, (x, y) -> x + y) FROM t
SELECT transform_values(m, (k, v) -> v + 1), map_filter(m, (k, v) -> v > 1) FROM t
SELECT array_sort(xs, (a, b) -> a - b), sort_array(xs), array_join(xs, ',') FROM t
SELECT collect_list(a), collect_set(a), array_agg(a), approx_count_distinct(a), max_by(a, b) FROM t
SELECT mode(a), median(a), percentile_approx(a, 0.5), stddev(a), corr(a, b), any_value(a) FROM t
SELECT raw:store.fruit[0].type::string FROM t
SELECT raw:store['a b'], raw:['x'] FROM t
SELECT parse_json('{"a": 1}'):a::int, variant_get(v, '$.a', 'int') FROM t
SELECT get_json_object(j, '$.a'), from_json(j, 'a INT'), to_json(struct(a)) FROM t
SELECT schema_of_json('{"a": 1}'), json_tuple(j, 'a', 'b') FROM t
SELECT regexp_extract(a, '(\\d+)', 1), regexp_replace(a, 'x', 'y'), a RLIKE r'\d', a ILIKE '%x%' FROM t
SELECT a LIKE ANY ('x%', 'y%'), a LIKE ALL ('x%', '%y') FROM t
SELECT a LIKE 'x!%' ESCAPE '!' FROM t
SELECT concat(a, b), concat_ws(',', a, b), a || b, substring(a, 1, 2), split(a, ','), trim(BOTH 'x' FROM a) FROM t
SELECT upper(a), lower(a), initcap(a), lpad(a, 5, '0'), format_string('%s', a), printf('%d', 1) FROM t
SELECT md5(a), sha2(a, 256), xxhash64(a), crc32(a), base64(b), hex(b), uuid() FROM t
SELECT round(a, 2), bround(a), ceil(a), floor(a), a DIV b, a % b, pmod(a, b), power(a, 2) FROM t
SELECT greatest(a, b), least(a, b), width_bucket(a, 0, 10, 5), bit_and(a), a & b, a | b, a ^ b, ~a FROM t
SELECT a BETWEEN 1 AND 2, a IN (1, 2), a NOT IN (SELECT b FROM u), a IS DISTINCT FROM b FROM t
SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT * FROM t WHERE (a, b) IN (SELECT c, d FROM u)
SELECT (SELECT max(a) FROM t) AS m
SELECT window(ts, '10 minutes').start, count(*) FROM t GROUP BY window(ts, '10 minutes')
SELECT session_window(ts, '5 minutes'), count(*) FROM t GROUP BY session_window(ts, '5 minutes')
SELECT sequence(1, 5), sequence(DATE '2024-01-01', DATE '2024-02-01', INTERVAL 1 WEEK)
SELECT * FROM range(10)
SELECT * FROM range(0, 10, 2)
SELECT id FROM range(5) AS r
SELECT /*+ BROADCAST(u) */ * FROM t JOIN u ON t.id = u.id
SELECT /*+ COALESCE(1) */ * FROM t
SELECT /*+ REPARTITION(2, a), BROADCAST(u) */ * FROM t JOIN u USING (a)
SELECT * FROM t DISTRIBUTE BY a SORT BY b
SELECT * FROM t CLUSTER BY a
SELECT ?, :name
SELECT * FROM t WHERE a = :a AND b = :b
SELECT * FROM t LIMIT :n
SELECT * FROM t WHERE d > current_date() - INTERVAL 7 DAYS
SELECT * FROM main.information_schema.tables WHERE table_schema = 'app'
SELECT * FROM system.information_schema.columns
SELECT * FROM system.billing.usage LIMIT 10
SELECT * FROM system.access.audit WHERE event_date > current_date() - 1
SELECT h3_longlatash3(1.0, 2.0, 5)
SELECT st_point(1, 2)
SELECT table_changes.* FROM table_changes('main.app.t', 1)
SELECT 'DELETE FROM t; --' AS x
SELECT 1 -- DROP TABLE t
SELECT /* DROP TABLE t */ 1
SELECT "a string", 'it''s', 'it\'s'
SELECT 'a' 'b' AS joined
SELECT 1 AS `select`, 2 AS `drop table`
SELECT t.merge, t.set FROM t
SELECT text FROM notes
SELECT json, csv FROM t
SELECT n.text FROM notes n
SELECT replace(a, 'x', 'y') FROM t
SELECT left(a, 1), right(a, 1), a:b FROM t
SELECT aes_decrypt(a, k) FROM t
SELECT try_divide(a, 0), try_add(a, b), try_to_number(a, '999'), try_element_at(m, 'x') FROM t
SELECT grouping_id(a, b), spark_partition_id(), monotonically_increasing_id() FROM t GROUP BY a, b
SELECT typeof(a), version() FROM t
SELECT a FROM t WHERE a == 1 AND NOT b <> 2 AND c != 3
SELECT !true
SELECT a COLLATE UTF8_LCASE FROM t
SELECT first(a) IGNORE NULLS OVER (ORDER BY b) FROM t
SELECT first_value(a, true) FROM t
SELECT count(DISTINCT a, b), count_if(a > 1), bool_and(c), string_agg(a, ','), listagg(a, ',') FROM t
SELECT measure(revenue) FROM metric_view GROUP BY ALL
SELECT a, b FROM t GROUP BY 1, 2 ORDER BY 1
SELECT named_struct('a', 1).a, struct(*) FROM t
SELECT * FROM (SELECT * FROM t) AS s(a, b)
(SELECT 1) UNION (SELECT 2)
FROM t |> WHERE a > 1 |> SELECT a
SELECT * FROM t;
SHOW TABLES
SHOW TABLES IN main.app LIKE 'b*'
SHOW TABLE EXTENDED IN main.app LIKE 'b*'
SHOW SCHEMAS
SHOW SCHEMAS IN main
SHOW CATALOGS
SHOW COLUMNS IN main.app.t
SHOW COLUMNS IN t IN app
SHOW CREATE TABLE main.app.t
SHOW PARTITIONS t
SHOW TBLPROPERTIES t
SHOW VIEWS IN app
SHOW FUNCTIONS
SHOW USER FUNCTIONS
SHOW GRANTS ON TABLE t
SHOW VOLUMES
DESCRIBE main.app.t
DESC EXTENDED t
DESCRIBE TABLE EXTENDED t AS JSON
DESCRIBE DETAIL main.app.t
DESCRIBE HISTORY main.app.t
DESCRIBE FUNCTION EXTENDED abs
DESCRIBE SCHEMA EXTENDED app
DESCRIBE CATALOG main
DESCRIBE QUERY SELECT 1
EXPLAIN SELECT * FROM t
EXPLAIN EXTENDED SELECT * FROM t
EXPLAIN FORMATTED SELECT * FROM t
EXPLAIN COST SELECT * FROM t
EXPLAIN CODEGEN SELECT 1
SELECT * FROM event_log('x')
SELECT 'a\'; DROP TABLE t --'
SELECT * FROM mysql.orders
"""

#: Attacks that a Spark without the guard carries out, for any account.
REAL_DANGER = [
    "SELECT reflect('java.lang.System', 'getProperty', 'user.dir')",
    "SELECT java_method('java.lang.System', 'getenv', 'PATH')",
    "SELECT * FROM text.`{token}`",
    "SELECT * FROM `org.apache.spark.sql.execution.datasources.text.TextFileFormat`.`{token}`",
    "SELECT TRANSFORM (a) USING 'cat {token}' FROM VALUES (1) AS t(a)",
    "EXECUTE IMMEDIATE 'SELECT * FROM text.`{token}`'",
    "SELECT * FROM IDENTIFIER('text.`{token}`')",
    "SET spark.sql.ansi.enabled = false",
    "ADD FILE '{token}'",
    "CREATE TEMPORARY VIEW stolen USING text OPTIONS (path '{token}')",
    "DECLARE VARIABLE stolen INT",
    "BEGIN SELECT 1; END",
]


def _lines(text: str) -> list[str]:
    return [line.replace("␤", "\n") for line in text.strip("\n").splitlines()]


@pytest.mark.parametrize("statement", _lines(ATTACKS))
def test_an_attack_is_no_read(statement: str) -> None:
    verdict = judge(statement, "databricks")
    assert verdict.kind is not Kind.READ
    assert verdict.reason


@pytest.mark.parametrize("statement", _lines(HONEST))
def test_an_honest_query_is_a_read(statement: str) -> None:
    verdict = judge(statement, "databricks")
    assert verdict.kind is Kind.READ, verdict.reason


def _start() -> Any:
    name = "dbmcp_test_databricks_start"
    if name not in sys.modules:
        path = Path(__file__).parents[1] / "servers" / "databricks" / "start.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    """A reader of a small schema; ``writer`` is the same source for writing."""
    start = _start()
    require("databricks", start.why_missing())
    from dbmcp_databricks import Databricks

    engine, registry = Databricks(), Registry()
    settings = start.running().settings(catalog="spark_catalog")
    sources = [
        Source(name, engine, engine.settings.build({**settings, **more}, where="tests"), "tests")
        for name, more in (
            ("maker", {"read_only": False}),
            ("writer", {"read_only": False, "schema": "honest"}),
            ("reader", {"schema": "honest"}),
        )
    ]
    executor = Executor(registry, sources)
    Caller(executor, "maker").execute("CREATE SCHEMA IF NOT EXISTS honest")
    for table in ("t", "u"):
        Caller(executor, "writer").execute(
            f"CREATE OR REPLACE VIEW {table} AS SELECT 1 AS id, 1 AS a, 2 AS b, 'x' AS c, array(1, 2) AS xs, "
            "map('k', 1) AS m, DATE '2024-01-01' AS d, TIMESTAMP '2024-01-01 00:00:00' AS ts"
        )
    yield Caller(executor, "reader")
    executor.close()


@pytest.mark.parametrize("statement", REAL_DANGER)
def test_what_spark_would_do_is_refused_on_the_road(caller: Caller, statement: str) -> None:
    token = f"{_start().running().folder}/token"
    for source in ("reader", "writer"):
        with pytest.raises(StatementRefused):
            caller.on(source).query(statement.format(token=token))


def test_the_service_takes_one_statement_by_itself(caller: Caller) -> None:
    locks = {lock.name: lock for lock in caller.executor.locks("reader")}
    assert locks["one statement"].holds
    assert locks["time limit"].holds
    assert not locks["account"].holds  # unknown is not held


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT transform(xs, x -> x + 1), m['k'], a::string, c ILIKE '%X%' FROM t",
        "SELECT /*+ BROADCAST(u) */ t.id FROM t JOIN u ON t.id = u.id",
        "SELECT a, x FROM t LATERAL VIEW explode(xs) e AS x",
        "SELECT window(ts, '10 minutes').start, count(*) FROM t GROUP BY window(ts, '10 minutes')",
        "SELECT rank() OVER (ORDER BY b) FROM t",
        "WITH c AS (SELECT a FROM t) SELECT * FROM c UNION ALL SELECT b FROM u",
        "SELECT * FROM t PIVOT (sum(a) FOR c IN ('x' AS x))",
        "SELECT * EXCEPT (xs, m) FROM t WHERE d > DATE '2023-01-01' - INTERVAL 2 MONTHS",
        "SELECT parse_json('{\"a\": 1}'):a::int",
        "SELECT * FROM range(5)",
        "VALUES (1, 'a'), (2, 'b')",
        "FROM t SELECT a",
        "SHOW TABLES",
        "DESCRIBE TABLE EXTENDED t",
        "EXPLAIN FORMATTED SELECT * FROM t",
        "SELECT current_user(), current_catalog(), current_schema()",
        "SELECT 'DELETE FROM t; --' AS x, `a` AS `drop table` FROM t -- DROP TABLE t",
    ],
)
def test_an_honest_query_runs(caller: Caller, statement: str) -> None:
    assert caller.query(statement).rows

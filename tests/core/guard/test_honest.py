"""Statements that people and assistants write to read: each one passes."""

from __future__ import annotations

import pytest

from dbmcp_core.guard import judge
from dbmcp_core.statement import Kind

EVERYWHERE = """
SELECT 1
select a, b as c from t where a = 1 and b <> 'x' order by a desc limit 5
SELECT 'DELETE FROM t; DROP TABLE t' AS harmless
SELECT 'it''s' AS a
SELECT 1 -- DELETE FROM t; it's
SELECT /* ; DROP TABLE t */ 1
SELECT 1 /* it's */ ;
SELECT count(*), sum(a), avg(b), min(c), max(d) FROM t GROUP BY e HAVING count(*) > 1
WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT * FROM b
SELECT a.x, b.y FROM a JOIN b ON a.id = b.id LEFT JOIN c ON c.id = b.id
SELECT row_number() OVER (PARTITION BY a ORDER BY b) AS rn, lag(c) OVER (ORDER BY d) FROM t
SELECT a FROM t UNION ALL SELECT b FROM u EXCEPT SELECT c FROM v
SELECT CASE WHEN a IS NULL THEN 'update' ELSE 'insert' END AS action FROM t
SELECT * FROM (SELECT a FROM t WHERE b IN (SELECT c FROM u)) AS s
SELECT coalesce(a, b, 0), nullif(a, 0), cast(a AS DECIMAL(10, 2)) FROM t
SELECT REPLACE(a, 'b', 'c'), upper(a), lower(b), trim(c) FROM t
SELECT * FROM t WHERE a LIKE 'x!%' ESCAPE '!' AND b BETWEEN 1 AND 2 AND NOT EXISTS (SELECT 1 FROM u)
SELECT deleted_at, update_count, drop_off, is_set FROM t
SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t
(SELECT a FROM t) UNION (SELECT b FROM u)
SELECT DISTINCT a FROM t WHERE (a, b) = (1, 2) OR NOT (c > 3)
"""
BY_DIALECT = {
    "sqlite": """
SELECT "order", [group], `select` FROM "delete from"
SELECT * FROM [drop table]
SELECT ?1, ?, :name, @name, $name
SELECT * FROM t WHERE a = ?1 AND b = :b AND c IN (?, ?)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT i FROM n
WITH c AS MATERIALIZED (SELECT 1) SELECT * FROM c
WITH c AS NOT MATERIALIZED (SELECT 1) SELECT * FROM c
VALUES (1, 'a'), (2, 'b')
EXPLAIN QUERY PLAN SELECT * FROM t
EXPLAIN SELECT * FROM t
EXPLAIN DELETE FROM t
PRAGMA table_info(users)
PRAGMA table_info('users')
PRAGMA table_info = users
PRAGMA main.table_xinfo("users")
PRAGMA table_list
PRAGMA index_list(users)
PRAGMA index_info(idx)
PRAGMA foreign_key_list(users)
PRAGMA foreign_key_check
PRAGMA integrity_check
PRAGMA integrity_check(10)
PRAGMA quick_check;
PRAGMA database_list
PRAGMA compile_options
PRAGMA encoding
PRAGMA user_version
PRAGMA journal_mode
PRAGMA page_count
SELECT * FROM pragma_table_info('users')
SELECT name FROM pragma_table_list WHERE schema = 'main'
SELECT * FROM sqlite_master WHERE type = 'table'
SELECT json_extract(a, '$.b'), a -> '$.c', a ->> 'd' FROM t
SELECT value FROM json_each('[1,2,3]')
SELECT t.id, j.value FROM t, json_each(t.tags) AS j
SELECT a || b, a GLOB 'x*', a REGEXP 'x', a MATCH 'x' FROM t
SELECT strftime('%Y-%m', created), date('now', '-1 day'), datetime('now'), julianday('now') FROM t
SELECT group_concat(a, ','), total(b), typeof(c), hex(d), quote(e) FROM t
SELECT iif(a > 1, 'x', 'y'), ifnull(a, 0), printf('%d', a), format('%s', b) FROM t
SELECT a FROM t INDEXED BY idx WHERE b = 1
SELECT a FROM t NOT INDEXED
SELECT a COLLATE NOCASE FROM t ORDER BY a COLLATE NOCASE, b NULLS LAST
SELECT count(*) FILTER (WHERE a > 1) FROM t
SELECT x'00ff', 1e5, .5, 0x1F, 1.5e-3
SELECT rowid, oid, _rowid_ FROM t
SELECT * FROM t NATURAL JOIN u LEFT OUTER JOIN v USING (id) CROSS JOIN w
SELECT highlight(f, 0, '<b>', '</b>'), bm25(f) FROM f WHERE f MATCH 'x' ORDER BY rank
SELECT a IS NOT b, a IS b, a NOTNULL, a ISNULL, a NOT NULL FROM t
SELECT last_insert_rowid(), changes(), sqlite_version(), random(), abs(-1)
SELECT "a;b", 'c;d' FROM "e;f"
SELECT a FROM t LIMIT 10 OFFSET 5
SELECT a FROM t LIMIT 5, 10
SELECT CAST(a AS TEXT), CAST(b AS INTEGER) FROM t
SELECT main.t.a FROM main.t
SELECT substr(a, 1, 3), instr(a, 'x'), length(b), round(c, 2), unicode(d), char(65) FROM t
SELECT first_value(a) OVER w FROM t WINDOW w AS (PARTITION BY b)
SELECT json_group_array(a), json_object('k', b) FROM t
SELECT * FROM generate_series(1, 10)
SELECT snippet(f) FROM f
SELECT é, naïve_größe FROM größen
SELECT max(a, b), min(a, b) FROM t
SELECT * FROM t WHERE a IN t2
;SELECT 1
SELECT a, -- one
  b /* two */, c -- three
  FROM t
""",
    "duckdb": """
FROM t
FROM t SELECT a, b WHERE a > 1
FROM range(10)
SUMMARIZE t
SUMMARIZE SELECT * FROM t
DESCRIBE t
DESCRIBE SELECT * FROM t
DESCRIBE
SHOW TABLES
SHOW ALL TABLES
SHOW DATABASES
SHOW t
EXPLAIN SELECT 1
EXPLAIN ANALYZE SELECT 1
EXPLAIN (FORMAT JSON) SELECT 1
EXPLAIN INSERT INTO t VALUES (1)
PRAGMA table_info('t')
PRAGMA show_tables
PRAGMA database_size
PRAGMA version
PIVOT t ON a USING sum(b)
PIVOT t ON a USING sum(b) GROUP BY c
UNPIVOT t ON a, b INTO NAME n VALUE v
SELECT * EXCLUDE (a) FROM t
SELECT * REPLACE (a + 1 AS a) FROM t
SELECT COLUMNS('x.*') FROM t
SELECT list_transform([1, 2], x -> x + 1)
SELECT list_transform([1, 2], lambda x: x + 1)
SELECT [x * 2 FOR x IN [1, 2, 3] IF x > 1]
SELECT {'a': 1, 'b': [1, 2]}, MAP {'k': 1}, [1, 2, 3][1:2]
SELECT a.b.c, s['k'], struct_pack(x := 1) FROM t
SELECT * FROM t ASOF JOIN u ON t.a >= u.a
FROM t POSITIONAL JOIN u
SELECT a FROM t QUALIFY row_number() OVER (PARTITION BY b ORDER BY c) = 1
SELECT a FROM t USING SAMPLE 10%
SELECT a FROM t TABLESAMPLE 10 PERCENT
SELECT 'abc'.upper(), a ILIKE 'x%', a SIMILAR TO 'x.*', a ~ 'x' FROM t
SELECT $$a;b$$, $x$DELETE FROM t$x$, e'it\\'s'
SELECT a::INT, a::DECIMAL(10,2), TRY_CAST(b AS DATE), INTERVAL 1 DAY, INTERVAL '1 day' FROM t
SELECT $1, $name, ?
SELECT unnest([1, 2, 3]), generate_series(1, 3)
SELECT * FROM generate_series(1, 10) AS g(i)
SELECT arg_max(a, b), list(c), string_agg(d, ','), quantile_cont(e, 0.5), approx_count_distinct(f) FROM t
SELECT a FROM t GROUP BY ALL ORDER BY ALL
SELECT date_trunc('month', a), strftime(b, '%Y'), epoch(c), now(), current_date FROM t
SELECT * FROM information_schema.tables
SELECT * FROM duckdb_tables()
SELECT * FROM pragma_table_info('t')
SELECT a ->> '$.b', json_extract(a, '$.c') FROM t
SELECT * FROM t SEMI JOIN u USING (a) ANTI JOIN v USING (a)
VALUES (1), (2)
TABLE t
SELECT 1_000_000, 0x1F, 1e-5
SELECT count(*) FILTER (a > 1), grouping(a) FROM t GROUP BY GROUPING SETS ((a), (b), ())
SELECT a FROM t ORDER BY a NULLS LAST LIMIT 10 OFFSET 5
SELECT current_setting('threads'), version()
SELECT "update", "a""b" FROM "my table"
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r
SELECT #1 FROM t
SELECT /* a /* nested */ b */ 1
SELECT * FROM t, LATERAL (SELECT t.a + 1) AS u(b)
""",
    "postgres": """
TABLE t
VALUES (1, 'a'), (2, 'b')
SHOW search_path
SHOW ALL
SHOW TIME ZONE
SHOW transaction_read_only
EXPLAIN SELECT * FROM t
EXPLAIN (FORMAT JSON, VERBOSE) SELECT * FROM t
EXPLAIN ANALYZE SELECT * FROM t
EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM t
EXPLAIN VERBOSE SELECT 1
EXPLAIN DELETE FROM t WHERE a = 1
EXPLAIN UPDATE t SET a = 1
EXPLAIN (SELECT 1)
EXPLAIN (ANALYZE false) DELETE FROM t
EXPLAIN (COSTS off, ANALYZE OFF, FORMAT JSON) UPDATE t SET a = 1
EXPLAIN (ANALYZE 0) INSERT INTO t VALUES (1)
SELECT a -> 'b', a ->> 'c', a #> '{d}', a #>> '{e,f}', a @> '{}', a ? 'k', a ?| array['x'], a @? '$.x' FROM t
SELECT $$it's; DROP$$, $tag$ $$ $tag$, E'it\\'s', U&'\\0041'
SELECT 'C:\\', a LIKE '%\\%' ESCAPE '\\' FROM t
SELECT a::int, b::numeric(10,2), c::timestamptz AT TIME ZONE 'UTC', d::text[] FROM t
SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b NULLS LAST
SELECT * FROM t WHERE a ~* 'x' AND b !~ 'y' AND c ILIKE 'z%' AND d SIMILAR TO '%x' AND e = ANY($1)
SELECT array[1,2,3], array_agg(a ORDER BY b), (array[1,2])[1], a[1:2] FROM t
SELECT * FROM t CROSS JOIN LATERAL (SELECT 1) s
SELECT * FROM generate_series(1, 10) AS g(i), unnest(array[1,2]) WITH ORDINALITY AS u(v, n)
SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS x
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a), count(*) FILTER (WHERE b) FROM t
SELECT a, sum(b) FROM t GROUP BY GROUPING SETS ((a), ()), ROLLUP (c), CUBE (d)
SELECT * FROM t TABLESAMPLE BERNOULLI (10)
SELECT * FROM t TABLESAMPLE SYSTEM (1) REPEATABLE (42)
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r
WITH c AS MATERIALIZED (SELECT 1) SELECT * FROM c
SELECT ROW(1, 'a'), (t).a, (t.*) FROM t
SELECT extract(epoch FROM now()), date_trunc('day', a), a - interval '1 day', to_char(a, 'YYYY') FROM t
SELECT overlay(a placing 'x' from 1 for 2), substring(a from 1 for 3), position('x' in a), trim(both 'x' from a) FROM t
SELECT %s, %(name)s, $1
SELECT a FROM t WHERE b = %s AND c = ANY(%(ids)s) LIMIT %s
SELECT delete, update, set, t.insert FROM t
SELECT "order", "a""b" FROM "Schema"."Table"
SELECT pg_size_pretty(pg_total_relation_size('t')), current_user, version(), pg_backend_pid()
SELECT * FROM pg_catalog.pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
SELECT * FROM pg_stat_activity WHERE state = 'active'
SELECT currval('s'), lastval(), random(), gen_random_uuid(), clock_timestamp()
SELECT jsonb_path_query(a, '$.x[*] ? (@ > 1)'), jsonb_build_object('k', 1), row_to_json(t) FROM t
SELECT * FROM json_to_recordset('[]') AS x(a int, b text)
SELECT to_tsvector('english', a) @@ plainto_tsquery('x'), ts_rank(b, c) FROM t
SELECT /* a /* nested; */ b */ 1
SELECT lo_price, lo_order FROM t
SELECT a FROM ONLY t WHERE b IS DISTINCT FROM c OFFSET 5 FETCH FIRST 10 ROWS ONLY
SELECT a OPERATOR(pg_catalog.+) b FROM t
SELECT CAST(a AS date), '2020-01-01'::date + 1, date '2020-01-01', timestamp with time zone '2020-01-01' FROM t
SELECT sum(a) OVER w FROM t WINDOW w AS (ORDER BY c RANGE BETWEEN INTERVAL '1 day' PRECEDING AND CURRENT ROW)
SELECT a <-> b, a && b, a <@ b, a || b, a # b, a ^ b, |/ a, @ a FROM t
SELECT 'a'
  'b'
SELECT has_table_privilege('t', 'DELETE'), pg_get_viewdef('v'::regclass), obj_description('t'::regclass)
SELECT 5 % 2, 7 %s
""",
    "mysql": """
SHOW TABLES
SHOW FULL TABLES FROM db LIKE 'x%'
SHOW DATABASES
SHOW CREATE TABLE t
SHOW COLUMNS FROM t
SHOW FULL COLUMNS FROM t FROM db
SHOW INDEX FROM t
SHOW VARIABLES LIKE 'max%'
SHOW GLOBAL STATUS WHERE Variable_name = 'Uptime'
SHOW PROCESSLIST
SHOW GRANTS
SHOW ENGINES
SHOW WARNINGS
SHOW TABLE STATUS
SHOW TRIGGERS
SHOW CREATE VIEW v
SHOW CREATE PROCEDURE p
DESCRIBE t
DESC t
DESCRIBE db.t a
EXPLAIN t
EXPLAIN SELECT * FROM t
EXPLAIN FORMAT=JSON SELECT * FROM t
EXPLAIN EXTENDED SELECT * FROM t
EXPLAIN ANALYZE SELECT * FROM t
EXPLAIN FORMAT=TREE SELECT * FROM t
DESC SELECT 1
ANALYZE FORMAT=JSON SELECT * FROM t
ANALYZE SELECT * FROM t
EXPLAIN DELETE FROM t
TABLE t
VALUES ROW(1, 2), ROW(3, 4)
SELECT 5--1, 5 - -1
SELECT 1 # DELETE; it's
SELECT 'it\\'s', "a \\" b", 'a\\\\', "it's"
SELECT `order`, `a``b` FROM `my table`
SELECT INSERT(a, 1, 2, 'x'), TRUNCATE(b, 2), LEFT(c, 1), RIGHT(d, 1), REPLACE(e, 'x', 'y'), IF(f, 1, 2) FROM t
SELECT @@version, @@global.max_connections, @x
SELECT %s, %(name)s, ?, :name
SELECT * FROM t WHERE a = %s AND b LIKE %s LIMIT %s
SELECT a FROM t USE INDEX (i) WHERE b = 1
SELECT a FROM t FORCE INDEX FOR ORDER BY (i)
SELECT STRAIGHT_JOIN a FROM t
SELECT SQL_NO_CACHE a FROM t
SELECT /*+ NO_INDEX_MERGE(t) BKA(t1) */ a FROM t
SELECT a FROM t LIMIT 5, 10
SELECT a -> '$.b', a ->> '$.c', JSON_EXTRACT(a, '$.d') FROM t
SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (a INT PATH '$')) AS j
SELECT GROUP_CONCAT(DISTINCT a ORDER BY b SEPARATOR ',') FROM t
SELECT DATE_ADD(a, INTERVAL 1 DAY), DATE_FORMAT(b, '%Y-%m'), NOW() - INTERVAL 1 HOUR FROM t
SELECT MATCH (a) AGAINST ('x' IN BOOLEAN MODE) FROM t
SELECT a REGEXP 'x', a RLIKE 'y', a <=> b, a DIV b, a XOR b, !a, a && b, a || b FROM t
SELECT CONVERT(a USING utf8mb4), CONVERT(b, SIGNED), CAST(c AS CHAR CHARACTER SET utf8mb4), _utf8mb4'x' FROM t
SELECT a COLLATE utf8mb4_bin FROM t
SELECT a, COUNT(*) FROM t GROUP BY a WITH ROLLUP
SELECT * FROM t PARTITION (p0)
SELECT LAST_INSERT_ID(), UUID(), RAND(), VERSION(), DATABASE(), IS_FREE_LOCK('x')
SELECT 0x1F, x'00ff', b'01', 1e5, N'x'
SELECT 2020_a, t.`1x` FROM 2020_sales t
SELECT * FROM t FOR SYSTEM_TIME AS OF '2020-01-01'
SELECT * FROM information_schema.tables WHERE table_schema = DATABASE()
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n
""",
    "tsql": """
SELECT TOP 10 * FROM dbo.t
SELECT TOP (10) PERCENT WITH TIES a FROM t ORDER BY a
SELECT [order], [a]]b], "c" FROM [dbo].[my table]
SELECT * FROM db.dbo.t
SELECT * FROM t WITH (NOLOCK)
SELECT * FROM t WITH (READPAST, INDEX(i))
SELECT a FROM t CROSS APPLY (SELECT TOP 1 b FROM u WHERE u.id = t.id) AS x
SELECT a FROM t OUTER APPLY dbo.f(t.a) AS x
SELECT a FROM t ORDER BY a OFFSET 5 ROWS FETCH NEXT 10 ROWS ONLY
SELECT a FROM t FOR JSON PATH
SELECT a FROM t FOR JSON AUTO, ROOT('x')
SELECT a FROM t FOR XML PATH('x'), ROOT('y')
SELECT a FROM t OPTION (MAXRECURSION 100)
SELECT a FROM t OPTION (RECOMPILE, MAXDOP 1)
;WITH c AS (SELECT 1 AS x) SELECT * FROM c
WITH r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r
SELECT CONVERT(varchar(10), a, 120), CAST(b AS nvarchar(max)), TRY_CONVERT(int, c), PARSE('1' AS int) FROM t
SELECT DATEADD(day, 1, a), DATEDIFF(month, a, b), GETDATE(), SYSUTCDATETIME(), EOMONTH(a), DATEPART(year, a) FROM t
SELECT ISNULL(a, 0), IIF(a > 1, 'x', 'y'), CHOOSE(1, 'a', 'b'), LEN(a), CHARINDEX('x', a), STUFF(a, 1, 1, 'x') FROM t
SELECT STRING_AGG(a, ',') WITHIN GROUP (ORDER BY b) FROM t
SELECT @p, @@VERSION, @@ROWCOUNT
SELECT * FROM #temp
SELECT * FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id
SELECT * FROM INFORMATION_SCHEMA.COLUMNS
SELECT * FROM STRING_SPLIT('a,b', ',')
SELECT * FROM OPENJSON('[]') WITH (a int '$.a', b nvarchar(10) '$.b')
SELECT JSON_VALUE(a, '$.b'), JSON_QUERY(a, '$.c'), ISJSON(a) FROM t
SELECT * FROM t PIVOT (SUM(a) FOR b IN ([x], [y])) AS p
SELECT * FROM t UNPIVOT (v FOR n IN (a, b)) AS u
SELECT a AS [x y], 'z' AS [;] FROM t
SELECT N'unicode', 0x1F, 1e5, 'DELETE'
SELECT a AT TIME ZONE 'UTC' FROM t
SELECT /* a /* nested */ b */ 1
SELECT x = a, y = b FROM t
SELECT * FROM t FOR SYSTEM_TIME AS OF '2020-01-01'
SELECT * FROM t TABLESAMPLE (10 PERCENT)
SELECT a, SUM(b) FROM t GROUP BY ROLLUP (a)
SELECT NEWID(), HOST_NAME(), SUSER_SNAME(), DB_NAME(), OBJECT_ID('t'), SCOPE_IDENTITY()
SELECT a FROM t WHERE CONTAINS(b, 'x') OR FREETEXT(c, 'y')
SELECT a.value('(/x)[1]', 'int') FROM t
SELECT t.a FROM t INNER HASH JOIN u ON t.a = u.a
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v(x, y)
SELECT a FROM t WHERE b LIKE '%[_]%' AND c COLLATE Latin1_General_CI_AS = 'x'
SELECT ROW_NUMBER() OVER (ORDER BY (SELECT NULL)) FROM t
SELECT SUM(CASE WHEN a = 1 THEN 1 ELSE 0 END) FROM t
SELECT FORMAT(a, 'N2'), LEFT(b, 1), RIGHT(c, 1), REPLICATE('x', 3) FROM t
SELECT dbo.my_function(a) FROM t
SELECT * FROM t WHERE a = ? AND b = ?
""",
    "databricks": """
SHOW TABLES
SHOW TABLES IN main.default
SHOW DATABASES
SHOW SCHEMAS IN main
SHOW CATALOGS
SHOW COLUMNS IN t
SHOW CREATE TABLE main.default.t
SHOW PARTITIONS t
SHOW TBLPROPERTIES t
SHOW FUNCTIONS
SHOW VIEWS
DESCRIBE t
DESCRIBE TABLE EXTENDED main.default.t
DESCRIBE DETAIL t
DESCRIBE HISTORY t
DESCRIBE FORMATTED t
DESCRIBE DATABASE default
DESCRIBE FUNCTION abs
DESCRIBE QUERY SELECT 1
EXPLAIN SELECT 1
EXPLAIN EXTENDED SELECT * FROM t
EXPLAIN FORMATTED SELECT * FROM t
EXPLAIN COST SELECT * FROM t
SELECT * FROM main.default.t
SELECT `order`, `a``b` FROM `my table`
SELECT explode(array(1, 2)) AS x
SELECT a, x FROM t LATERAL VIEW explode(b) u AS x
SELECT a, k, v FROM t LATERAL VIEW OUTER explode(m) u AS k, v
SELECT transform(a, x -> x + 1), filter(a, x -> x > 1), aggregate(a, 0, (s, x) -> s + x) FROM t
SELECT a.b, a['k'], a[0], a:b.c, a:b::int FROM t
SELECT named_struct('a', 1), struct(1, 2), map('k', 1), array(1, 2)
SELECT * FROM t TABLESAMPLE (10 PERCENT)
SELECT * FROM t VERSION AS OF 3
SELECT * FROM t TIMESTAMP AS OF '2020-01-01'
SELECT a FROM t QUALIFY row_number() OVER (PARTITION BY b ORDER BY c) = 1
SELECT * FROM VALUES (1, 'a'), (2, 'b') AS v(x, y)
SELECT /*+ BROADCAST(u) */ * FROM t JOIN u ON t.a = u.a
SELECT /*+ REPARTITION(3, a) */ * FROM t
SELECT date_trunc('month', a), date_format(b, 'yyyy'), datediff(c, d), current_date(), to_timestamp(e) FROM t
SELECT 1L, 2S, 1.5BD, 1e5, X'1F', r'\\d', 'it\\'s', "double"
SELECT * FROM t PIVOT (sum(a) FOR b IN ('x', 'y'))
SELECT * FROM range(10)
SELECT a RLIKE 'x', a ILIKE 'y', a <=> b, a DIV b FROM t LIMIT 1
SELECT collect_list(a), percentile_approx(b, 0.5), count_if(c), max_by(d, e), any_value(f) FROM t
SELECT get_json_object(a, '$.b'), from_json(c, 'x INT'), to_json(struct(d)) FROM t
SELECT :name, ?
WITH c(x, y) AS (SELECT 1, 2) SELECT * FROM c
SELECT * EXCEPT (a) FROM t
SELECT a FROM t SORT BY a
SELECT a FROM t DISTRIBUTE BY a
SELECT a FROM t CLUSTER BY a
SELECT try_cast(a AS INT), a::string, ifnull(b, 0), if(c, 1, 2), nvl(d, 1) FROM t
SELECT window(a, '1 hour').start FROM t
SELECT * FROM t LEFT SEMI JOIN u ON t.a = u.a
SELECT * FROM t LEFT ANTI JOIN u ON t.a = u.a
SELECT INTERVAL 1 DAY, INTERVAL '1' MONTH, DATE '2020-01-01', TIMESTAMP '2020-01-01 00:00:00'
SELECT * FROM table_changes('t', 1)
SELECT * FROM system.information_schema.tables
SELECT sum(a) FILTER (WHERE b > 1), grouping(a) FROM t GROUP BY a WITH ROLLUP
SELECT 2020_x FROM 2020_sales
""",
}


def _joined(text: str) -> list[str]:
    """One statement a line; a line that begins with a blank goes on with the one before."""
    statements: list[str] = []
    for line in text.strip("\n").splitlines():
        if line.startswith(" "):
            statements[-1] += "\n" + line
        else:
            statements.append(line)
    return statements


HONEST = [
    (dialect, statement)
    for dialect, own in BY_DIALECT.items()
    for text in (EVERYWHERE, own)
    for statement in _joined(text)
]


@pytest.mark.parametrize(("dialect", "statement"), HONEST)
def test_a_read_passes(dialect: str, statement: str) -> None:
    verdict = judge(statement, dialect)
    assert verdict.kind is Kind.READ, (verdict.code, verdict.reason)
    assert verdict.code is verdict.reason is verdict.line is verdict.column is None

"""Honest queries in Spark's and Databricks' SQL, by what they use: every one is a read."""

from __future__ import annotations

import pytest

from dbmcp_core.guard import judge
from dbmcp_core.statement import Kind

#: A ␤ stands for the end of a line.
HONEST = {
    "plain selects": r"""
SELECT 1
SELECT 1 AS one, 'x' two, true, null, 1.5, 1e3, -2, +3
select a from t
SELECT a, b AS c FROM main.sales.orders AS o WHERE o.a > 1 AND NOT (b = 2 OR c <=> NULL)
SELECT ALL a FROM t
SELECT DISTINCT a, b FROM t
SELECT t.*, u.a FROM t, u
SELECT `Order ID`, `käse`, `a``b`, `a.b`, `select` FROM `my schema`.`my table`
SELECT `1st`, `a-b`, `a;b`, `DROP TABLE x` FROM `2024`.`t-1`
SELECT a FROM main.`my-schema`.`my table`
SELECT a FROM t LIMIT 10
SELECT a FROM t LIMIT ALL
SELECT a FROM t LIMIT 10 OFFSET 5
SELECT a FROM t OFFSET 5
SELECT a FROM t LIMIT 5 + 5
SELECT a FROM t ORDER BY a ASC NULLS FIRST, b DESC NULLS LAST
SELECT a FROM t ORDER BY ALL DESC
SELECT * FROM t ORDER BY ALL
SELECT a FROM t SORT BY a DESC
SELECT a FROM t DISTRIBUTE BY a
SELECT a FROM t CLUSTER BY a, b
SELECT 1 WHERE 1 = 1
SELECT count(*) FROM t
SELECT count(*) FROM t;
  SELECT 1  ;  ␤
-- a comment␤SELECT 1
SELECT 1 -- DELETE FROM t; DROP TABLE t
SELECT 1 --
SELECT 1 --␤ -- two␤
/* DELETE FROM t */ SELECT /* ; */ 1 /* DROP */
SELECT a -- the a␤, b -- the b␤FROM t
SELECT 'DELETE FROM t; DROP TABLE t' AS s
SELECT "INSERT INTO t" AS s, 'it''s', 'it\'s', "a ""b"" c", 'a\\'
SELECT 'a' 'b' "c" AS joined
SELECT r'\d+', R"\w", r'C:\tmp' AS raw
SELECT '/* not a comment */', '-- nor this', "`x`"
SELECT 'line␤break'
SELECT 'tab\tand\u0041'
SELECT '日本語', 'emoji 🐍', 'ß'
SELECT '$100', '$', '#1', '100%', 'a\b', '{x}'
SELECT X'1F', x'00', X"ff"
SELECT 1Y, 2S, 3L, 4.0F, 5.0D, 6.1BD, 1e-5, .5, 5.
SELECT DATE'2024-01-01', DATE "2024-01-01", TIMESTAMP '2024-01-01 10:00:00'
SELECT TIMESTAMP_NTZ'2024-01-01', TIMESTAMP_LTZ '2024-01-01'
SELECT INTERVAL 1 DAY, INTERVAL '1' MONTH, INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1 02:03:04' DAY TO SECOND
SELECT INTERVAL 3 DAYS 2 HOURS, INTERVAL -1 WEEK, INTERVAL '3 days 2 hours', -INTERVAL '1' DAY
SELECT d + INTERVAL 1 DAY, d - INTERVAL '2' HOURS, 2 * INTERVAL 1 DAY FROM t
SELECT a AS `x y`, b `z` FROM t
SELECT (a, b) FROM t
SELECT (SELECT max(a) FROM t), (SELECT 1)
SELECT current_date, current_timestamp, current_user, localtimestamp()
SELECT current_date(), now(), current_timezone(), session_user()
/* outer /* inner; DELETE FROM t */ still out */ SELECT 1
SELECT 1 /* a /* b */ /* c */ d */
SELECT replace('a', 'b', 'c') AS replaced
SELECT X 'F0', x "0F"
SELECT system.builtin.abs(-1)
""",
    "words that elsewhere begin something else": r"""
SELECT delete, update, insert, merge, set, drop FROM t
SELECT t.delete, t.create, t.reset FROM t
SELECT a AS `update` FROM t
SELECT add, list, cache, refresh, use, call, copy, load, get, put FROM t
SELECT date, timestamp, year, month, day, hour, type, key, value, name, id, data, source, target, status FROM t
SELECT begin, end, start, stop, comment, version, format, location, options, path FROM t
SELECT user, role, group_id, owner, `grant`, volume, share, catalog FROM t
SELECT text, json, csv, parquet, delta, avro FROM t
SELECT text.a FROM notes text
SELECT first, last, any, some, every, left, right, char FROM t
SELECT show, describe, explain, analyze, optimize, vacuum, restore FROM t
SELECT t.text FROM t
SELECT max(t.update) FROM t
SELECT a FROM updates
SELECT a FROM deletes JOIN inserts USING (id)
SELECT transform FROM t
SELECT map, reduce, using_id FROM t
SELECT * FROM main.default.call
SELECT truncate FROM t
SELECT a FROM create_log
SELECT * FROM t AS set
WITH update AS (SELECT 1) SELECT * FROM update
""",
    "joins": r"""
SELECT * FROM a JOIN b ON a.id = b.id
SELECT * FROM a INNER JOIN b USING (id, k)
SELECT * FROM a LEFT JOIN b ON a.id = b.id RIGHT JOIN c ON b.id = c.id
SELECT * FROM a FULL OUTER JOIN b ON a.id = b.id
SELECT * FROM a LEFT OUTER JOIN b ON a.id = b.id
SELECT * FROM a SEMI JOIN b ON a.id = b.id
SELECT * FROM a LEFT SEMI JOIN b USING (id)
SELECT * FROM a ANTI JOIN b ON a.id = b.id
SELECT * FROM a LEFT ANTI JOIN b ON a.id = b.id
SELECT * FROM a CROSS JOIN b
SELECT * FROM a NATURAL JOIN b
SELECT * FROM a NATURAL LEFT OUTER JOIN b
SELECT * FROM a, b, c WHERE a.id = b.id
SELECT * FROM (a JOIN b ON a.id = b.id) JOIN c ON c.id = a.id
SELECT * FROM a JOIN (SELECT * FROM b) c ON a.id = c.id
SELECT * FROM a JOIN LATERAL (SELECT * FROM b WHERE b.id = a.id) c ON true
SELECT * FROM a LEFT JOIN LATERAL (SELECT max(x) AS m FROM b WHERE b.id = a.id) c ON true
SELECT * FROM a, LATERAL (SELECT a.x + 1 AS y), LATERAL (SELECT y + 1 AS z)
SELECT * FROM a CROSS JOIN LATERAL explode(a.xs) AS e(x)
SELECT * FROM a, LATERAL explode(a.xs)
SELECT * FROM a JOIN b
SELECT * FROM a LEFT JOIN b USING (id) WHERE b.id IS NULL
SELECT * FROM a JOIN b ON a.id = b.id AND a.day BETWEEN b.valid_from AND b.valid_to
""",
    "grouping": r"""
SELECT a, sum(b) FROM t GROUP BY a HAVING sum(b) > 1
SELECT a, sum(b) FROM t GROUP BY ALL
SELECT a, b, sum(c) FROM t GROUP BY GROUPING SETS ((a, b), (a), ())
SELECT a, b, sum(c) FROM t GROUP BY ROLLUP (a, b)
SELECT a, b, sum(c) FROM t GROUP BY CUBE (a, b)
SELECT a, b, sum(c) FROM t GROUP BY a, b WITH ROLLUP
SELECT a, b, sum(c) FROM t GROUP BY a, b WITH CUBE
SELECT a, b, sum(c) FROM t GROUP BY a, b GROUPING SETS ((a, b), (a))
SELECT a, cube FROM t
SELECT a, sum(b) FROM t GROUP BY a, ROLLUP (b, c)
SELECT a, grouping(a), grouping_id() FROM t GROUP BY CUBE (a)
SELECT sum(a) FILTER (WHERE b > 1), count(*) FILTER (WHERE c) FROM t
SELECT count(DISTINCT a), count(DISTINCT a, b), sum(DISTINCT a), count(ALL a) FROM t
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a DESC), percentile_disc(0.9) WITHIN GROUP (ORDER BY a) FROM t
SELECT listagg(a, ', ') WITHIN GROUP (ORDER BY b), string_agg(DISTINCT a, ',') FROM t
SELECT mode() WITHIN GROUP (ORDER BY a) FROM t
SELECT first(a, true), last(a) IGNORE NULLS, any_value(a), max_by(a, b), min_by(a, b, 3) FROM t
SELECT approx_count_distinct(a), approx_percentile(a, array(0.5, 0.9), 100), approx_top_k(a, 5) FROM t
SELECT hll_sketch_estimate(hll_sketch_agg(a)), bitmap_count(bitmap_construct_agg(a)) FROM t
SELECT a FROM t GROUP BY 1 HAVING count(*) > 1 ORDER BY 1
SELECT every(a), some(b), bool_or(c), bit_xor(d), kurtosis(e), regr_slope(x, y) FROM t
""",
    "windows": r"""
SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM t
SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM t
SELECT sum(a) OVER (ORDER BY b RANGE BETWEEN INTERVAL 7 DAYS PRECEDING AND CURRENT ROW) FROM t
SELECT sum(a) OVER (PARTITION BY a) / sum(a) OVER () FROM t
SELECT lag(a, 1, 0) OVER w, lead(a) OVER w FROM t WINDOW w AS (PARTITION BY b ORDER BY c)
SELECT nth_value(a, 2) IGNORE NULLS OVER (ORDER BY b), ntile(4) OVER (ORDER BY b) FROM t
SELECT cume_dist() OVER (ORDER BY b) FROM t
SELECT lag(a) RESPECT NULLS OVER (ORDER BY b) FROM t
SELECT a FROM t QUALIFY row_number() OVER (PARTITION BY a ORDER BY b) = 1
SELECT a, rank() OVER (ORDER BY sum(b) DESC) AS r FROM t GROUP BY a QUALIFY r <= 3
SELECT sum(a) OVER (DISTRIBUTE BY b SORT BY c) FROM t
SELECT sum(a) OVER w FROM t WINDOW w AS (PARTITION BY b), v AS (ORDER BY c)
SELECT window.start, window.end, count(*) FROM t GROUP BY window(ts, '1 hour', '30 minutes')
SELECT window_time(window), session_window(ts, '5 minutes') FROM t GROUP BY window(ts, '1 hour')
""",
    "CTEs": r"""
WITH a AS (SELECT 1 AS x) SELECT * FROM a
WITH a(x, y) AS (SELECT 1, 2), b AS (SELECT x FROM a) SELECT * FROM a JOIN b USING (x)
WITH a AS (WITH b AS (SELECT 1 AS x) SELECT * FROM b) SELECT * FROM a
WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT * FROM r
WITH RECURSIVE r(n) MAX RECURSION LEVEL 50 AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT * FROM r
WITH a AS (SELECT 1) (SELECT * FROM a)
WITH a AS (SELECT 1) SELECT * FROM a UNION ALL SELECT * FROM a ORDER BY 1 LIMIT 1
SELECT * FROM (WITH a AS (SELECT 1 AS x) SELECT x FROM a)
SELECT (WITH a AS (SELECT 1 AS x) SELECT max(x) FROM a)
WITH a AS (VALUES (1, 2)) TABLE a
WITH a AS (TABLE t) SELECT * FROM a
WITH a AS (FROM t SELECT a) FROM a
WITH `a b` AS (SELECT 1) SELECT * FROM `a b`
WITH t AS (SELECT * FROM main.sales.t) SELECT * FROM t
""",
    "set operations, VALUES, TABLE, FROM first": r"""
SELECT 1 UNION SELECT 2 UNION ALL SELECT 3
SELECT 1 INTERSECT SELECT 1 EXCEPT SELECT 2 MINUS SELECT 3
SELECT 1 UNION DISTINCT SELECT 2
SELECT 1 INTERSECT ALL SELECT 1
SELECT 1 EXCEPT ALL SELECT 2
(SELECT 1)
((SELECT 1 UNION SELECT 2) INTERSECT SELECT 1)
(SELECT a FROM t ORDER BY a LIMIT 1) UNION ALL (SELECT b FROM u)
VALUES 1, 2, 3
VALUES (1, 'a'), (2, 'b')
VALUES (1, 'a'), (2, 'b') AS v(x, y)
SELECT * FROM VALUES (1, 2), (3, 4)
SELECT * FROM VALUES 1, 2 AS v(x)
SELECT x FROM (VALUES (1), (2)) AS v(x) WHERE x > 1
VALUES (1), (2) ORDER BY 1 LIMIT 1
VALUES (current_date(), array(1, 2))
TABLE t
TABLE main.sales.orders
TABLE t ORDER BY a LIMIT 5
TABLE t UNION ALL TABLE u
SELECT * FROM (TABLE t)
FROM t
FROM t SELECT a
FROM t SELECT a, count(*) GROUP BY a
FROM t SELECT a WHERE b > 1
FROM t JOIN u USING (id) SELECT t.a WHERE u.b = 1
FROM (SELECT 1 AS a) SELECT a
FROM t LATERAL VIEW explode(xs) e AS x SELECT x
""",
    "pipes": r"""
FROM t |> SELECT a
FROM t |> WHERE a > 1 |> SELECT a, b AS c |> LIMIT 5
FROM t |> EXTEND a + 1 AS b, upper(c) AS d
FROM t |> SET a = a + 1
FROM t |> DROP a, b
FROM t |> AS x |> SELECT x.a
FROM t |> AGGREGATE sum(a) AS s GROUP BY b
FROM t |> AGGREGATE count(*)
FROM t |> ORDER BY a DESC |> LIMIT 1 OFFSET 2
FROM t |> JOIN u USING (id)
FROM t |> LEFT JOIN u ON t.id = u.id |> WHERE u.id IS NULL
FROM t |> UNION ALL (SELECT * FROM u)
FROM t |> EXCEPT DISTINCT SELECT * FROM u
FROM t |> PIVOT (sum(a) FOR b IN (1, 2))
FROM t |> UNPIVOT (v FOR k IN (a, b))
FROM t |> TABLESAMPLE (10 PERCENT)
FROM t |> SELECT sum(a) OVER w WINDOW w AS (PARTITION BY b)
SELECT a FROM t |> WHERE a > 1
TABLE t |> WHERE a > 1
VALUES (1, 2) AS v(a, b) |> SELECT a
WITH c AS (FROM t |> SELECT a) FROM c |> LIMIT 1
SELECT * FROM (FROM t |> WHERE a > 1)
""",
    "pivots, samples, time travel, table functions": r"""
SELECT * FROM t PIVOT (sum(a) AS s, avg(a) AS m FOR b IN ('x' AS x, 'y'))
SELECT * FROM t PIVOT (sum(a) FOR (b, c) IN (('x', 1) AS x1, ('y', 2)))
SELECT * FROM t UNPIVOT INCLUDE NULLS (v FOR k IN (a AS `A`, b))
SELECT * FROM t UNPIVOT ((v, w) FOR k IN ((a, b) AS `ab`, (c, d))) AS u
SELECT * FROM (SELECT a, b, c FROM t) PIVOT (max(c) FOR b IN (1, 2)) AS p
SELECT * FROM t TABLESAMPLE (10 PERCENT)
SELECT * FROM t TABLESAMPLE (100 ROWS)
SELECT * FROM t TABLESAMPLE (BUCKET 1 OUT OF 10)
SELECT * FROM t TABLESAMPLE (10 PERCENT) REPEATABLE (42)
SELECT * FROM t TABLESAMPLE SYSTEM (10 PERCENT)
SELECT * FROM t VERSION AS OF 3
SELECT * FROM t VERSION AS OF '3'
SELECT * FROM t FOR VERSION AS OF 3
SELECT * FROM t TIMESTAMP AS OF '2024-01-01'
SELECT * FROM t FOR SYSTEM_TIME AS OF '2024-01-01'
SELECT * FROM t FOR TIMESTAMP AS OF current_timestamp() - INTERVAL 1 DAY
SELECT * FROM t TIMESTAMP AS OF date_sub(current_date(), 1)
SELECT * FROM t@v3
SELECT * FROM main.sales.t@v3 AS x
SELECT * FROM t@20240101000000000
SELECT * FROM t VERSION AS OF 1 AS old JOIN t AS new USING (id)
SELECT * FROM table_changes('main.sales.t', 1, 5)
SELECT * FROM table_changes('t', '2024-01-01', '2024-02-01') WHERE _change_type = 'delete'
SELECT * FROM range(10)
SELECT id FROM range(1, 10, 2, 4) AS r(id)
SELECT * FROM explode(array(1, 2)) AS t(x)
SELECT * FROM posexplode(array(1, 2))
SELECT * FROM inline(array(struct(1, 'a')))
SELECT * FROM stack(2, 1, 2, 3, 4) AS s(a, b)
SELECT * FROM json_tuple('{"a": 1}', 'a')
SELECT * FROM variant_explode(parse_json('[1, 2]'))
SELECT * FROM t, LATERAL variant_explode(t.v) AS e
SELECT t.a, e.value FROM t, LATERAL variant_explode_outer(t.v:items) e
SELECT * FROM event_log(TABLE(main.sales.t))
SELECT * FROM sql_keywords()
SELECT explode(sequence(1, 3))
SELECT stack(2, 'a', 1, 'b', 2) AS (k, v) FROM t
SELECT inline(xs) AS (a, b) FROM t
SELECT * FROM t LATERAL VIEW explode(xs) e
SELECT a, k, v FROM t LATERAL VIEW OUTER explode(m) e AS k, v WHERE k > 1
SELECT * FROM t LATERAL VIEW explode(xs) a AS x LATERAL VIEW posexplode(ys) b AS p, y
SELECT * FROM t LATERAL VIEW json_tuple(j, 'a', 'b') j AS a, b
SELECT * FROM t LATERAL VIEW inline(xs) e AS a, b
SELECT * FROM t SYSTEM_VERSION AS OF 3
SELECT * FROM t FOR SYSTEM_VERSION AS OF 3
SELECT * FROM t SYSTEM_TIME AS OF '2024-01-01'
SELECT * FROM t TIMESTAMP AS OF (SELECT max(day) FROM u)
SELECT * FROM t LATERAL VIEW explode(m) e k, v LATERAL VIEW OUTER json_tuple(v, 'a', 'b') j a, b
SELECT * FROM t LATERAL VIEW explode(xs) e AS x WHERE x > 1
""",
    "stars": r"""
SELECT * EXCEPT (a, b) FROM t
SELECT t.* EXCEPT (a) FROM t
SELECT * EXCEPT (s.x) FROM t
SELECT count(t.*) FROM t
SELECT struct(*) FROM t
SELECT coalesce(*) FROM t
SELECT s.* FROM t
""",
    "types and operators": r"""
SELECT a::INT, b::decimal(10,2), c::timestamp::date, '1'::bigint FROM t
SELECT CAST(a AS ARRAY<INT>), CAST(m AS MAP<STRING, ARRAY<INT>>), CAST(s AS STRUCT<a: INT, b: STRING>) FROM t
SELECT CAST(a AS STRUCT<a INT COMMENT 'x', b: STRING NOT NULL>) FROM t
SELECT try_cast('x' AS INT), CAST(NULL AS VOID), CAST(a AS VARIANT), CAST(a AS TIMESTAMP_NTZ) FROM t
SELECT CAST('1' AS INTERVAL DAY TO SECOND), CAST(1 AS INTERVAL YEAR) FROM t
SELECT CAST(a AS STRING COLLATE UNICODE_CI) FROM t
SELECT a DIV b, a % b, a ^ b, a & b, a | b, ~a, !b, a || b, a == b, a != b, a <> b, a !> b FROM t
SELECT a << 2, a >> 1, a >>> 1 FROM t
SELECT a IS NULL, a IS NOT NULL, a IS TRUE, a IS NOT FALSE, a IS UNKNOWN, a IS DISTINCT FROM b FROM t
SELECT a IS NOT DISTINCT FROM b FROM t
SELECT a IN (1, 2), a NOT IN (SELECT x FROM u), (a, b) IN ((1, 2), (3, 4)) FROM t
SELECT a LIKE 'x%', a NOT LIKE '_', a ILIKE 'X%', a LIKE 'x/%' ESCAPE '/' FROM t
SELECT a LIKE ANY ('x', 'y'), a LIKE ALL ('x', 'y'), a ILIKE SOME ('x', 'y'), a NOT ILIKE ANY ('z') FROM t
SELECT a RLIKE 'x', a REGEXP r'^\d+$', a NOT RLIKE 'y', regexp(a, 'x'), rlike(a, 'x') FROM t
SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END, CASE WHEN a > 1 THEN 1 END FROM t
SELECT EXISTS (SELECT 1 FROM u WHERE u.id = t.id) FROM t
SELECT a FROM t WHERE NOT EXISTS (SELECT * FROM u WHERE u.id = t.id)
SELECT a COLLATE UTF8_BINARY, 'x' COLLATE UNICODE_CI_AI FROM t
SELECT a['x'], b[0], c.d.e, f['a'].b[1], m['k']['l'] FROM t
SELECT s.`odd name`.x, s['odd name'] FROM t
SELECT array(1, 2), map('a', 1), struct(1, 'a'), struct(1 AS a), named_struct('a', 1)
SELECT (1, 'a').col1, array(struct(1 AS a)).a
""",
    "JSON paths and variants": r"""
SELECT raw:owner FROM t
SELECT raw:owner.name, raw:OWNER['name'], raw:['owner'], raw:`zip code` FROM t
SELECT raw:store.book[0].title, raw:store.book[*].isbn, raw:store.bicycle.price::double FROM t
SELECT t.raw:a.b[0]::int AS x FROM t WHERE raw:a.c::string = 'x'
SELECT parse_json('{"a": {"b": [1]}}'):a.b[0]::int
SELECT variant_get(v, '$.a', 'INT'), try_variant_get(v, '$.b', 'STRING'), is_variant_null(v:a) FROM t
SELECT schema_of_variant(v), to_variant_object(s), variant_explode(v), schema_of_variant_agg(v) FROM t
SELECT from_json(j, 'a INT, b ARRAY<STRING>'), to_json(struct(a)), get_json_object(j, '$.a[0]') FROM t
SELECT from_json(j, schema_of_json('{"a": 1}'), map('mode', 'PERMISSIVE')) FROM t
SELECT json_array_length(j), json_object_keys(j), from_csv(c, 'a INT'), to_csv(s) FROM t
""",
    "functions of every kind": r"""
SELECT transform(xs, x -> x + 1), transform(xs, (x, i) -> x + i), filter(xs, x -> x IS NOT NULL) FROM t
SELECT aggregate(xs, 0, (acc, x) -> acc + x, acc -> acc * 10), reduce(xs, 0, (s, x) -> s + x) FROM t
SELECT exists(xs, x -> x > 1), forall(xs, x -> x > 1), zip_with(xs, ys, (x, y) -> x + y) FROM t
SELECT map_filter(m, (k, v) -> k > v), transform_keys(m, (k, v) -> upper(k)) FROM t
SELECT map_zip_with(m, n, (k, a, b) -> a) FROM t
SELECT array_sort(xs, (l, r) -> CASE WHEN l < r THEN -1 ELSE 1 END) FROM t
SELECT filter(xs, x -> exists(ys, y -> y = x)) FROM t
SELECT transform(xs, x -> named_struct('a', x.a, 'b', x.b)).a FROM t
SELECT date_format(d, 'yyyy-MM-dd'), to_date('2024', 'yyyy'), trunc(d, 'MM'), date_trunc('HOUR', ts) FROM t
SELECT last_day(d) FROM t
SELECT dateadd(MONTH, 1, d), date_add(MONTH, 1, d), datediff(DAY, a, b), date_diff(HOUR, a, b) FROM t
SELECT timestampadd(DAY, 1, ts) FROM t
SELECT extract(DOW FROM d), extract(WEEK FROM d), extract(YEAROFWEEK FROM d), date_part('minute', ts) FROM t
SELECT make_date(2024, 1, 1), make_timestamp(2024, 1, 1, 0, 0, 0), make_interval(1, 2), make_dt_interval(1) FROM t
SELECT unix_timestamp(ts), from_unixtime(0), timestamp_seconds(1), unix_millis(ts), to_utc_timestamp(ts, 'UTC') FROM t
SELECT year(d), quarter(d), month(d), weekofyear(d), dayofweek(d), dayofyear(d), hour(ts), minute(ts) FROM t
SELECT second(ts) FROM t
SELECT months_between(a, b), next_day(d, 'MON'), add_months(d, -1), date_sub(d, 7), datediff(a, b) FROM t
SELECT substring(a FROM 2 FOR 3), substr(a, 2), position('x' IN a), overlay(a PLACING 'x' FROM 1 FOR 2) FROM t
SELECT trim(LEADING 'x' FROM a) FROM t
SELECT left(a, 2), right(a, 2), charindex('x', a), instr(a, 'x'), locate('x', a, 2), split_part(a, '.', 1) FROM t
SELECT concat_ws('-', a, b), format_number(a, 2), lpad(a, 5), rpad(a, 5, 'x'), repeat(a, 2), reverse(a) FROM t
SELECT soundex(a) FROM t
SELECT regexp_extract(a, '(\\w+)', 1), regexp_extract_all(a, r'\d'), regexp_replace(a, 'x', 'y') FROM t
SELECT regexp_count(a, 'x'), regexp_substr(a, 'x') FROM t
SELECT upper(a), lower(a), initcap(a), ascii(a), chr(65), translate(a, 'x', 'y'), levenshtein(a, b) FROM t
SELECT sentences(a) FROM t
SELECT startswith(a, 'x'), endswith(a, 'y'), contains(a, 'z'), btrim(a), char_length(a), octet_length(a) FROM t
SELECT bit_length(a) FROM t
SELECT to_char(a, '999'), to_number('1', '9'), try_to_number('x', '9'), to_binary('ff', 'hex'), hex(a) FROM t
SELECT unhex('ff'), base64(a), unbase64('eA==') FROM t
SELECT encode(a, 'utf-8'), decode(b, 'utf-8'), decode(a, 1, 'x', 2, 'y'), url_encode(a), url_decode(a) FROM t
SELECT parse_url(u, 'HOST') FROM t
SELECT md5(a), sha1(a), sha2(a, 256), crc32(a), xxhash64(a), hash(a), uuid(), aes_encrypt(a, k), mask(a) FROM t
SELECT abs(a), ceil(a, 1), floor(a), round(a, 2), bround(a), sqrt(a), cbrt(a), exp(a), ln(a), log(2, a) FROM t
SELECT log10(a), power(a, 2), sign(a) FROM t
SELECT rand(), rand(42), randn(), random(), uniform(1, 10), randstr(5), greatest(1, 2), least(1, 2) FROM t
SELECT pmod(a, 3), factorial(5) FROM t
SELECT sin(a), cos(a), tan(a), atan2(a, b), degrees(a), radians(a), pi(), e(), hypot(a, b) FROM t
SELECT width_bucket(a, 0, 10, 5), conv('ff', 16, 10) FROM t
SELECT try_divide(a, 0), try_add(a, b), try_subtract(a, b), try_multiply(a, b), try_mod(a, 0) FROM t
SELECT try_to_timestamp(a), try_element_at(m, 'x') FROM t
SELECT coalesce(a, b), nvl(a, b), nvl2(a, b, c), nullif(a, b), ifnull(a, b), if(a, b, c), iff(a, b, c) FROM t
SELECT nanvl(a, 0), zeroifnull(a), nullifzero(a) FROM t
SELECT array_contains(xs, 1), array_distinct(xs), array_union(xs, ys), array_position(xs, 1) FROM t
SELECT arrays_zip(xs, ys), slice(xs, 1, 2), flatten(xss), size(xs), cardinality(xs), element_at(xs, 1) FROM t
SELECT array_remove(xs, 1), sort_array(xs, false), shuffle(xs), get(xs, 0) FROM t
SELECT map_keys(m), map_values(m), map_entries(m), map_concat(m, n), map_from_arrays(a, b) FROM t
SELECT map_from_entries(a), str_to_map('a:1'), map_contains_key(m, 'a') FROM t
SELECT typeof(a), version(), input_file_name(), current_catalog(), current_schema(), current_database() FROM t
SELECT user(), is_member('x'), is_account_group_member('x') FROM t
SELECT assert_true(a > 1), raise_error('x'), equal_null(a, b), isnull(a), isnotnull(a), isnan(a) FROM t
SELECT luhn_check('1') FROM t
SELECT count_if(a > 1), bool_and(b), stddev_samp(a), var_pop(a), corr(a, b), covar_samp(a, b), skewness(a) FROM t
SELECT histogram_numeric(a, 5), median(a), mode(a) FROM t
SELECT h3_longlatash3(1.0, 2.0, 5), h3_polyfillash3(g, 5), st_distance(st_point(1, 2), st_point(3, 4)) FROM t
SELECT st_astext(g) FROM t
SELECT `abs`(-1), `upper`('x')
SELECT xpath_string('<a>b</a>', 'a'), xpath('<a>b</a>', 'a/text()')
SELECT collation('x'), getdate(), curdate(), dayname(d), monthname(d) FROM t
SELECT convert_timezone('UTC', 'Europe/Berlin', ts) FROM t
SELECT to_timestamp(a, 'yyyy'), to_timestamp_ntz(a), to_timestamp_ltz(a), date_from_unix_date(1) FROM t
SELECT unix_date(d), timestamp(a), date(a), string(a), int(a), bigint(a), double(a), boolean(a) FROM t
SELECT sum(a) AS `sum(a)`, max(struct(a, b)).b, min(named_struct('x', a)) FROM t
SELECT approx_top_k_estimate(approx_top_k_accumulate(a)), kll_sketch_agg_double(a) FROM t
SELECT theta_sketch_estimate(theta_sketch_agg(a)) FROM t
SELECT bit_count(a), getbit(a, 1), shiftleft(a, 1), shiftright(a, 1), bit_get(a, 1), spark_partition_id() FROM t
SELECT monotonically_increasing_id() FROM t
SELECT sequence(DATE'2024-01-01', DATE'2024-12-31', INTERVAL 1 MONTH)
SELECT from_xml(x, 'a INT, b STRING'), schema_of_xml('<a/>'), xpath(x, 'a/b') FROM t
SELECT from_avro(b, '{"type": "int"}'), to_avro(a) FROM t
SELECT hmac(k, m, 'SHA-256'), to_base32(a), jaro_winkler_similarity(a, b), vector_cosine_similarity(v, w) FROM t
SELECT variant_set(v, '$.a', 1), variant_delete(v, '$.a'), variant_insert(v, '$.b', 2) FROM t
""",
    "parameters and hints": r"""
SELECT * FROM t WHERE a = ? AND b IN (?, ?)
SELECT * FROM t WHERE a = :a AND b BETWEEN :lo AND :hi LIMIT :n
SELECT :a::int, :b + 1, array(:c, ?) FROM t
SELECT * FROM t WHERE d >= :start AND d < :end
SELECT /*+ BROADCAST(b) */ * FROM a JOIN b USING (id)
SELECT /*+ MAPJOIN(a), MERGE(b) */ * FROM a JOIN b USING (id)
SELECT /*+ SHUFFLE_HASH(a) */ /*+ REPARTITION(3) */ * FROM a JOIN b USING (id)
SELECT /*+ REPARTITION_BY_RANGE(3, c) */ * FROM t
SELECT /*+ REBALANCE */ * FROM t
SELECT /*+ REBALANCE(c) */ * FROM t
SELECT /*+ COALESCE(1) */ a FROM t
SELECT /*+ RANGE_JOIN(a, 10) */ * FROM a JOIN b ON a.x BETWEEN b.l AND b.h
SELECT /*+ SKEW('orders') */ * FROM orders, customers
SELECT /*+ SKEW('orders', 'o_custId', (0, 1)) */ * FROM orders, customers
SELECT /*+ MAPJOIN(`main.sales.t`) */ * FROM t JOIN u USING (id)
""",
    "information schema and system tables": r"""
SELECT * FROM information_schema.tables
SELECT table_name FROM main.information_schema.columns WHERE column_name ILIKE '%id'
SELECT * FROM system.information_schema.table_privileges
SELECT * FROM system.billing.usage WHERE usage_date >= current_date() - INTERVAL 30 DAYS
SELECT * FROM system.query.history LIMIT 10
SELECT * FROM system.access.table_lineage
SELECT * FROM samples.nyctaxi.trips
SELECT * FROM hive_metastore.default.t
SELECT * FROM live.t
""",
    "SHOW": r"""
SHOW TABLES
SHOW TABLES IN main.sales
SHOW TABLES FROM main.sales LIKE 'o*|c*'
SHOW TABLES IN sales 'o*'
SHOW TABLE EXTENDED IN sales LIKE 'o*'
SHOW TABLE EXTENDED LIKE 'o*'
SHOW VIEWS
SHOW VIEWS IN main.sales LIKE 'v*'
SHOW SCHEMAS
SHOW SCHEMAS IN main LIKE 's*'
SHOW DATABASES
SHOW DATABASES LIKE 'x*'
SHOW CATALOGS
SHOW CATALOGS LIKE 'm*'
SHOW COLUMNS IN main.sales.orders
SHOW COLUMNS FROM orders FROM sales
SHOW COLUMNS IN orders IN main.sales
SHOW CREATE TABLE main.sales.orders
SHOW CREATE TABLE orders AS SERDE
SHOW PARTITIONS orders
SHOW PARTITIONS orders PARTITION (a = 1)
SHOW TBLPROPERTIES orders
SHOW TBLPROPERTIES orders ('delta.minReaderVersion')
SHOW TBLPROPERTIES orders (delta.x)
SHOW FUNCTIONS
SHOW SYSTEM FUNCTIONS LIKE 'a*'
SHOW USER FUNCTIONS IN main.sales
SHOW ALL FUNCTIONS IN main.sales LIKE 'x*'
SHOW FUNCTIONS LIKE 'date_*'
SHOW CURRENT SCHEMA
SHOW CURRENT NAMESPACE
SHOW PROCEDURES
""",
    "DESCRIBE and EXPLAIN": r"""
DESCRIBE orders
DESC orders
DESC main.sales.orders
DESCRIBE TABLE orders
DESCRIBE TABLE EXTENDED main.sales.orders
DESCRIBE EXTENDED orders AS JSON
DESCRIBE TABLE EXTENDED orders AS JSON
DESCRIBE FORMATTED orders
DESCRIBE orders amount
DESCRIBE EXTENDED orders orders.amount
DESCRIBE orders PARTITION (d = '2024-01-01')
DESCRIBE TABLE orders PARTITION (a = 1, b = 'x')
DESCRIBE DETAIL main.sales.orders
DESCRIBE HISTORY main.sales.orders
DESC HISTORY orders
DESCRIBE SCHEMA sales
DESCRIBE SCHEMA EXTENDED main.sales
DESCRIBE DATABASE EXTENDED sales
DESCRIBE CATALOG main
DESCRIBE FUNCTION abs
DESCRIBE FUNCTION EXTENDED date_add
DESCRIBE FUNCTION 'abs'
DESCRIBE FUNCTION >=
DESCRIBE FUNCTION main.sales.f
DESCRIBE VOLUME main.sales.v
DESCRIBE QUERY SELECT a, b FROM t
DESC QUERY WITH c AS (SELECT 1 AS x) SELECT * FROM c
DESCRIBE QUERY VALUES (1)
DESCRIBE QUERY TABLE t
DESCRIBE QUERY FROM t SELECT a
DESCRIBE SELECT 1
DESCRIBE CONNECTION c
DESCRIBE SHARE s
EXPLAIN SELECT * FROM t
EXPLAIN EXTENDED SELECT a FROM t JOIN u USING (id)
EXPLAIN FORMATTED WITH c AS (SELECT 1) SELECT * FROM c
EXPLAIN COST SELECT * FROM t
EXPLAIN CODEGEN SELECT * FROM t
EXPLAIN FROM t SELECT a
EXPLAIN VALUES (1)
EXPLAIN TABLE t
EXPLAIN (SELECT 1)
""",
    "what Databricks takes, and Spark by itself doesn't": r"""
SELECT array(), map()
SELECT current_date(), now(), current_timezone(), session_user(), current_metastore(), current_version()
SELECT * FROM t WHERE a = $1 AND b = $2
SELECT col_日本 FROM t
SELECT größe FROM t
SELECT collect_list(DISTINCT a), collect_set(b), array_agg(a ORDER BY b) FROM t
SELECT 1 GROUP BY ()
SELECT a FROM t UNION BY NAME SELECT b AS a FROM u
SELECT ?::int, v?::int FROM t
SELECT v:a::int, v?::string FROM t
SELECT a BETWEEN 1 AND 2, a NOT BETWEEN 1 AND 2, a BETWEEN SYMMETRIC 2 AND 1 FROM t
SELECT a FROM t WHERE a > ALL (SELECT x FROM u)
SELECT a FROM t WHERE a = ANY (SELECT x FROM u)
SELECT ts AT TIME ZONE 'Europe/Berlin' FROM t
SELECT t.v?::int FROM t WHERE a = ?::int
SHOW GRANTS ON TABLE main.sales.orders
SHOW GRANTS `alice@example.com` ON SCHEMA main.sales
SHOW GRANT ON CATALOG main
SHOW GROUPS
SHOW USERS
SHOW VOLUMES IN main.sales
SHOW CONNECTIONS
SHOW SHARES
SHOW RECIPIENTS
SHOW PROVIDERS
SHOW STORAGE CREDENTIALS
SHOW EXTERNAL LOCATIONS
SHOW LOCKS ON t
SHOW TABLES DROPPED
SHOW TABLES DROPPED IN main.sales LIMIT 10
SHOW MATERIALIZED VIEWS
SHOW POLICIES ON TABLE t
DESCRIBE HISTORY orders LIMIT 5
DESCRIBE CATALOG EXTENDED main
DESCRIBE EXTERNAL LOCATION x
DESCRIBE STORAGE CREDENTIAL x
EXPLAIN LOGICAL SELECT * FROM t
""",
}


@pytest.mark.parametrize(
    "text", [line.replace("␤", "\n") for text in HONEST.values() for line in text.strip("\n").splitlines()]
)
def test_a_read(text: str) -> None:
    verdict = judge(text, "databricks")
    assert verdict.kind is Kind.READ, verdict.reason

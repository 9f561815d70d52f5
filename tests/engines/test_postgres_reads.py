"""Reads as people and models write them, on sample databases: none is refused, and each gives what the driver gives.

The driver's own connection is asked beside us, row for row. Known answers come from two formulations that must agree.
"""

# ruff: noqa: E501 - one read a line

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbmcp_core import Client, Limits, connect
from dbmcp_core.testing.servers import PostgresServer

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

#: By database, one a line.
READS = {
    "pagila": r"""
SELECT * FROM actor ORDER BY actor_id
TABLE category
TABLE ONLY language
VALUES (1, 'a'), (2, 'b')
VALUES (1), (2), (3) ORDER BY 1 DESC LIMIT 2
SELECT
SELECT FROM actor LIMIT 3
SELECT 1 AS a, 1 AS a
SELECT a.*, a.first_name FROM actor a ORDER BY actor_id FETCH FIRST 5 ROWS ONLY
SELECT rating, count(*) FROM film GROUP BY rating ORDER BY count(*) DESC, 1 FETCH FIRST 2 ROWS WITH TIES
SELECT film_id FROM film ORDER BY length, film_id OFFSET 10 ROWS FETCH NEXT 5 ROWS ONLY
SELECT * FROM film ORDER BY film_id LIMIT ALL OFFSET 995
SELECT rating::text, count(*) FILTER (WHERE length > 120) AS long, avg(rental_rate)::numeric(10, 2) FROM film GROUP BY 1 ORDER BY 1
SELECT rating, language_id, count(*), grouping(rating, language_id) FROM film GROUP BY GROUPING SETS ((rating), (language_id), ()) ORDER BY 1, 2
SELECT rating, rental_duration, sum(length) FROM film GROUP BY ROLLUP (rating, rental_duration) ORDER BY 1, 2
SELECT rating, rental_duration, sum(length) FROM film GROUP BY CUBE (rating, rental_duration) ORDER BY 1, 2
SELECT rating, count(*) FROM film GROUP BY DISTINCT rating ORDER BY 1
SELECT title, rank() OVER (PARTITION BY rating ORDER BY length DESC, film_id) AS r FROM film ORDER BY film_id LIMIT 20
SELECT film_id, sum(length) OVER w, lag(title) OVER w, first_value(title) OVER w, ntile(4) OVER w, percent_rank() OVER w FROM film WINDOW w AS (PARTITION BY rating ORDER BY film_id) ORDER BY film_id LIMIT 30
SELECT film_id, avg(length) OVER (ORDER BY film_id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM film ORDER BY 1 LIMIT 10
SELECT film_id, count(*) OVER (ORDER BY length RANGE BETWEEN 5 PRECEDING AND 5 FOLLOWING EXCLUDE CURRENT ROW) FROM film ORDER BY 1 LIMIT 10
SELECT film_id, count(*) OVER (ORDER BY length GROUPS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES) FROM film ORDER BY 1 LIMIT 10
SELECT DISTINCT ON (customer_id) customer_id, amount, payment_date FROM payment ORDER BY customer_id, payment_date DESC, payment_id LIMIT 20
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY amount), percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY amount), mode() WITHIN GROUP (ORDER BY amount) FROM payment
SELECT rank(100) WITHIN GROUP (ORDER BY length) FROM film
WITH top AS (SELECT customer_id, sum(amount) AS total FROM payment GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5) SELECT c.first_name, t.total FROM top t JOIN customer c USING (customer_id) ORDER BY 2 DESC, 1
WITH a AS MATERIALIZED (SELECT 1 AS n), b AS NOT MATERIALIZED (SELECT n + 1 AS n FROM a) SELECT * FROM a NATURAL FULL JOIN b ORDER BY 1
WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 100) SELECT sum(n) FROM t
WITH RECURSIVE g(a, b) AS (VALUES (1, 2), (2, 3), (3, 1)), p AS (SELECT a, b FROM g WHERE a = 1 UNION ALL SELECT g.a, g.b FROM g JOIN p ON g.a = p.b) CYCLE a SET is_cycle USING path SELECT a, b, is_cycle FROM p
WITH RECURSIVE t(id, up) AS (SELECT 1, NULL::int UNION ALL SELECT id + 1, id FROM t WHERE id < 5) SEARCH DEPTH FIRST BY id SET ordering SELECT id, up FROM t ORDER BY ordering
SELECT f.title, l.* FROM film f CROSS JOIN LATERAL (SELECT count(*) AS copies FROM inventory i WHERE i.film_id = f.film_id) l ORDER BY f.film_id LIMIT 5
SELECT f.film_id, x.n FROM film f LEFT JOIN LATERAL generate_series(1, f.film_id) AS x(n) ON true WHERE f.film_id < 4 ORDER BY 1, 2
SELECT c.name, f.title FROM category c, LATERAL (SELECT title FROM film JOIN film_category USING (film_id) WHERE category_id = c.category_id ORDER BY film_id LIMIT 1) f ORDER BY 1
SELECT * FROM film_category fc JOIN category USING (category_id) AS j WHERE j.category_id = 1 ORDER BY film_id LIMIT 3
SELECT * FROM film f LEFT OUTER JOIN inventory i ON i.film_id = f.film_id WHERE i.film_id IS NULL ORDER BY f.film_id LIMIT 5
SELECT count(*) FROM film FULL OUTER JOIN language ON film.language_id = language.language_id
SELECT count(*) FROM store CROSS JOIN staff
SELECT * FROM (store JOIN staff USING (store_id)) ORDER BY 1
SELECT first_name FROM actor INTERSECT ALL SELECT first_name FROM customer ORDER BY 1 LIMIT 10
(SELECT first_name FROM actor EXCEPT SELECT first_name FROM customer) ORDER BY 1 LIMIT 10
SELECT 1 UNION (SELECT 2 UNION ALL SELECT 2) ORDER BY 1
((SELECT 1))
SELECT * FROM (VALUES (1, 'x'), (2, NULL)) AS v (a, b) ORDER BY a
SELECT * FROM (SELECT 1 AS a) AS sub (renamed)
SELECT count(*) FROM payment TABLESAMPLE BERNOULLI (100)
SELECT count(*) > 0 FROM payment TABLESAMPLE SYSTEM (100) REPEATABLE (7)
SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY['a', 'b'])) WITH ORDINALITY AS r (n, t, o)
SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b', 'c']) WITH ORDINALITY AS u (a, b, i)
SELECT generate_series(1, 3), generate_series(1, 2)
SELECT d::date FROM generate_series('2024-01-30'::timestamp, '2024-02-02', '1 day') d
SELECT unnest(special_features) AS f, count(*) FROM film GROUP BY f ORDER BY f
SELECT special_features[1], special_features[1:2], array_length(special_features, 1), cardinality(special_features) FROM film ORDER BY film_id LIMIT 5
SELECT title FROM film WHERE special_features @> ARRAY['Trailers'] AND NOT special_features && '{Commentaries}' ORDER BY film_id LIMIT 5
SELECT title FROM film WHERE 'Trailers' = ANY (special_features) ORDER BY 1 LIMIT 5
SELECT title FROM film WHERE length > ALL (SELECT length FROM film WHERE rating = 'G') ORDER BY 1
SELECT title FROM film WHERE film_id = SOME (ARRAY[1, 2, 3]) ORDER BY 1
SELECT title FROM film WHERE (film_id, language_id) IN ((1, 1), (2, 1)) ORDER BY 1
SELECT title FROM film WHERE (rating, length) > ('PG', 180) ORDER BY film_id LIMIT 5
SELECT title FROM film WHERE ROW(film_id, language_id) = ROW(1, 1)
SELECT ROW(1, 'a', NULL), (1, 2), ROW(actor.*) FROM actor ORDER BY actor_id LIMIT 2
SELECT (a).first_name, a FROM actor a ORDER BY actor_id LIMIT 2
SELECT ARRAY[[1, 2], [3, 4]], ARRAY[1, 2] || 3, array_agg(actor_id ORDER BY actor_id) FROM actor WHERE actor_id < 4
SELECT array_agg(DISTINCT rating ORDER BY rating DESC) FROM film
SELECT ARRAY(SELECT actor_id FROM actor ORDER BY 1 LIMIT 3)
SELECT array_position(ARRAY['a', 'b'], 'b'), array_remove(ARRAY[1, 2, 1], 1), array_to_string(ARRAY[1, NULL, 3], ',', '*'), string_to_array('a,b', ',')
SELECT string_agg(first_name, ', ' ORDER BY first_name) FROM actor WHERE actor_id < 10
SELECT json_agg(a ORDER BY actor_id) FROM (SELECT actor_id, first_name FROM actor LIMIT 2) a
SELECT json_build_object('a', 1, 'b', json_build_array(1, 'x', NULL)), jsonb_build_object('k', ARRAY[1, 2])
SELECT to_jsonb(a) - 'last_update', row_to_json(a.*)::text FROM actor a ORDER BY actor_id LIMIT 2
SELECT '{"a": {"b": [1, 2, 3]}}'::jsonb -> 'a' -> 'b' ->> 1, '{"a": {"b": 1}}'::json #>> '{a,b}', '{"a": 1}'::jsonb #> ARRAY['a']
SELECT '{"a": 1, "b": 2}'::jsonb ? 'a', '{"a": 1}'::jsonb ?| ARRAY['x', 'a'], '{"a": 1}'::jsonb ?& ARRAY['a', 'b']
SELECT '{"a": 1}'::jsonb @> '{"a": 1}', '{"a": 1}'::jsonb <@ '{"a": 1, "b": 2}', '[1, 2]'::jsonb || '[3]', '{"a": 1, "b": 2}'::jsonb #- '{a}'
SELECT '{"a": [1, 2, 3]}'::jsonb @? '$.a[*] ? (@ > 2)', '{"a": [1, 2]}'::jsonb @@ '$.a[*] > 1'
SELECT jsonb_path_query('{"a": [{"x": 1}, {"x": 5}]}', '$.a[*] ? (@.x > $min).x', '{"min": 2}')
SELECT jsonb_path_query_array('[1, 2, 3]', '$[*] ? (@ >= 2)'), jsonb_path_exists('{"a": 1}', '$.a')
SELECT ('{"a": [10, 20]}'::jsonb)['a'][1]
SELECT * FROM jsonb_each_text('{"a": 1, "b": null}') ORDER BY key
SELECT * FROM json_to_recordset('[{"a": 1, "b": "x"}, {"a": 2}]') AS t (a int, b text)
SELECT * FROM jsonb_to_record('{"a": 1}') AS t (a int, b text)
SELECT jsonb_set('{"a": 1}', '{b}', '2', true), jsonb_insert('[1]', '{0}', '0'), jsonb_strip_nulls('{"a": null}'), jsonb_pretty('{"a": 1}'), jsonb_typeof('null')
SELECT jsonb_object_agg(rating, n ORDER BY rating) FROM (SELECT rating, count(*) AS n FROM film GROUP BY 1) q
SELECT int4range(1, 10) * int4range(5, 15), '[1,5)'::int4range @> 3, int4range(1, 3) && int4range(3, 5), lower('[2024-01-01,2024-02-01)'::daterange), isempty('empty'::int4range)
SELECT '{[1,3),[5,9)}'::int4multirange, range_agg(r) FROM (VALUES ('[1,2]'::int4range), ('[3,4]')) v (r)
SELECT (DATE '2024-01-01', DATE '2024-02-01') OVERLAPS (DATE '2024-01-15', INTERVAL '1 month')
SELECT title FROM film WHERE fulltext @@ to_tsquery('english', 'drama & !boring') ORDER BY film_id LIMIT 5
SELECT title, ts_rank(fulltext, q) FROM film, plainto_tsquery('database') q WHERE fulltext @@ q ORDER BY 2 DESC, 1 LIMIT 5
SELECT ts_headline('english', description, websearch_to_tsquery('"epic drama" or -cat'), 'StartSel=<, StopSel=>') FROM film ORDER BY film_id LIMIT 2
SELECT to_tsvector('simple', 'a b') || setweight(to_tsvector('c'), 'A'), 'a <-> b'::tsquery, phraseto_tsquery('fat cats')
SELECT first_name FROM actor WHERE first_name ~ '^A.*N$' OR first_name ~* 'zz' OR first_name !~ '[A-Z]' ORDER BY 1
SELECT regexp_replace('abc123', '\d+', '#', 'g'), regexp_matches('foobarbequebaz', '(bar)(beque)'), regexp_split_to_array('a, b', ',\s*'), substring('foobar' FROM 'o(.)b')
SELECT (regexp_match(email, '(.*)@(.*)'))[2] FROM customer ORDER BY customer_id LIMIT 3
SELECT substring('foobar' SIMILAR '%#"o_b#"%' ESCAPE '#'), 'abc' SIMILAR TO '(a|b)%', 'a_c' LIKE 'a\_c', 'abc' ILIKE 'A%' ESCAPE '!', 'x' NOT LIKE ALL (ARRAY['a%', 'b%'])
SELECT 'abc' ^@ 'a', 'abc' ~~ 'a%', 'abc' !~~* 'A%'
SELECT position('b' IN 'abc'), overlay('abcdef' PLACING 'XX' FROM 2 FOR 3), trim(BOTH 'x' FROM 'xax'), substring('hello' FROM 2 FOR 3), extract(epoch FROM INTERVAL '1 day'), ltrim('  a'), btrim('xax', 'x')
SELECT upper('a'), initcap('hello world'), lpad('7', 3, '0'), repeat('ab', 3), reverse('abc'), split_part('a,b,c', ',', 2), translate('12345', '143', 'ax'), format('%s-%I-%L', 'a', 'B c', 'd''e'), concat_ws('-', 1, NULL, 2), left('abc', -1), right('abc', 2), strpos('abc', 'c'), chr(65), ascii('A'), md5('a'), quote_ident('a b'), quote_literal('a''b'), to_hex(255), encode('\xdead', 'hex'), decode('aGk=', 'base64'), length('äöü'), octet_length('äöü'), char_length('abc'), starts_with('abc', 'a')
SELECT 'a' || 'b' || 1, 'a''b', E'a\tb\\n', $$it's$$, $tag$a $$ b$tag$, U&'\0041', B'101', X'1F', N'x'
SELECT 'con' AS no_continuation
SELECT now() - now(), age(TIMESTAMP '2024-03-01', TIMESTAMP '2024-01-31'), date_trunc('month', TIMESTAMP '2024-02-29 12:34'), date_part('dow', DATE '2024-02-29'), extract(isoyear FROM DATE '2024-12-30'), DATE '2024-02-29' + 1, DATE '2024-03-01' - DATE '2024-02-01', DATE '2024-02-29' + INTERVAL '1 year', make_date(2024, 2, 29), make_interval(days => 3), to_char(TIMESTAMP '2024-02-29 13:00', 'YYYY-MM-DD HH24:MI'), to_date('29.02.2024', 'DD.MM.YYYY'), to_timestamp(0) AT TIME ZONE 'UTC', INTERVAL '1' DAY, INTERVAL '1 2' DAY TO HOUR, date_bin('15 minutes', TIMESTAMP '2024-01-01 00:20', TIMESTAMP '2024-01-01'), isfinite(DATE 'infinity'), justify_days(INTERVAL '40 days')
SELECT TIMESTAMPTZ '2024-01-01 00:00+00' AT TIME ZONE 'Asia/Tokyo', TIME WITH TIME ZONE '10:00+02', TIMESTAMP WITH TIME ZONE '2024-01-01 00:00:00+00', timezone('UTC', TIMESTAMPTZ '2024-01-01 00:00+00')
SELECT CURRENT_DATE = now()::date, LOCALTIME IS NOT NULL, CURRENT_TIMESTAMP(0) IS NOT NULL, LOCALTIMESTAMP(3) IS NOT NULL, current_user, session_user, current_catalog = current_database(), current_schema, user
SELECT date_trunc('month', payment_date) AS month, sum(amount) FROM payment GROUP BY 1 ORDER BY 1
SELECT CASE WHEN length > 120 THEN 'long' WHEN length IS NULL THEN 'unknown' ELSE 'short' END AS kind, count(*) FROM film GROUP BY 1 ORDER BY 1
SELECT CASE rating WHEN 'G' THEN 1 ELSE 0 END FROM film ORDER BY film_id LIMIT 5
SELECT COALESCE(NULL, 1), NULLIF(1, 1), GREATEST(1, 3, 2), LEAST(1, NULL), num_nulls(1, NULL)
SELECT 1 IS DISTINCT FROM NULL, NULL IS NOT DISTINCT FROM NULL, true IS NOT UNKNOWN, NOT true OR false, NULL ISNULL, 1 NOTNULL, 1 BETWEEN SYMMETRIC 3 AND 0
SELECT 5 / 2, 5 % 2, 2 ^ 10, |/ 25, ||/ 27, @ -5, 91 & 15, 32 | 3, 17 # 5, ~ 1, 1 << 4, -8 >> 1, 5 != 4, mod(5, 3), round(2.5), trunc(-2.7, 0), ceil(1.1), div(7, 2), power(2, 3), sqrt(4), ln(1), log(100), sign(-3), width_bucket(5, 0, 10, 5), gcd(12, 8), 1e3, .5, 5., 0.1 + 0.2
SELECT 1::text, '1'::int, CAST('2024-01-01' AS date), int '5', float8 'NaN', '1,2'::point IS NULL, 1::numeric(5, 2), 'abc'::varchar(2), 'f'::bool, '{1,2}'::int[], '10.0.0.1'::inet, 'a'::"char", NULL::json, 3::money IS NOT NULL, 1.5::real, 'x'::bytea, bit '101'
SELECT 'a' < 'B' COLLATE "C", 'ä' COLLATE "C" > 'z', first_name COLLATE "C" FROM actor ORDER BY last_name COLLATE "C" DESC, first_name COLLATE "POSIX" ASC NULLS LAST LIMIT 5
SELECT first_name, last_name FROM customer ORDER BY last_name USING >, first_name USING < LIMIT 5
SELECT film_id, length FROM film ORDER BY length DESC NULLS LAST, film_id ASC NULLS FIRST LIMIT 5
SELECT * FROM ONLY payment ORDER BY payment_id LIMIT 5
SELECT count(*) FROM ONLY (payment)
SELECT count(*) FROM payment*
SELECT tableoid::regclass, count(*) FROM payment GROUP BY 1 ORDER BY 1::text
SELECT ctid, xmin IS NOT NULL, tableoid = 'actor'::regclass FROM actor ORDER BY actor_id LIMIT 2
SELECT count(*), count(DISTINCT customer_id), min(amount), max(amount), sum(amount), avg(amount), stddev(amount), variance(amount), bool_and(amount >= 0), every(true), corr(amount, customer_id), regr_slope(amount, customer_id) FROM payment
SELECT customer_id, sum(amount) FROM payment GROUP BY customer_id HAVING sum(amount) > 180 ORDER BY 2 DESC, 1
SELECT EXISTS (SELECT 1 FROM film WHERE length > 500), NOT EXISTS (SELECT FROM film)
SELECT (SELECT max(amount) FROM payment) AS most, (SELECT count(*) FROM film WHERE film.language_id = l.language_id) FROM language l ORDER BY language_id
SELECT name, (SELECT array_agg(title ORDER BY title) FROM (SELECT title FROM film f JOIN film_category c USING (film_id) WHERE c.category_id = k.category_id ORDER BY title LIMIT 2) t) FROM category k ORDER BY name
SELECT * FROM film_list ORDER BY fid LIMIT 3
SELECT * FROM sales_by_store
SELECT * FROM customer_list ORDER BY id LIMIT 3
SELECT * FROM legacy.rental LIMIT 1
SELECT 'DELETE FROM film; DROP TABLE film' AS a
SELECT 1 -- ; DELETE FROM film
SELECT /* INSERT INTO film /* nested; */ VALUES (1) */ 1
SELECT 1 AS "update", 2 AS "DELETE", 3 AS "select", 4 AS "a;b", 5 AS "it's", 6 AS "say ""hi"" to it"
SELECT 1 AS insert, 2 AS update, 3 AS delete, 4 AS truncate, 5 AS merge, 6 AS copy, 7 AS call, 8 AS set, 9 AS show, 10 AS lock, 11 AS begin, 12 AS commit, 13 AS drop, 14 AS alter, 15 AS execute, 16 AS comment, 17 AS index, 18 AS view, 19 AS key, 20 AS value, 21 AS type, 22 AS name, 23 AS role, 24 AS sequence, 25 AS notify, 26 AS listen, 27 AS replace
SELECT q.insert, q.update FROM (SELECT 1 AS insert, 2 AS update) q
SELECT insert, update, delete FROM (SELECT 1 AS insert, 2 AS update, 3 AS delete) q WHERE insert = 1 AND delete > update ORDER BY update
SELECT rental.last_update AS update FROM rental ORDER BY rental_id LIMIT 1
SELECT count(*) AS total, sum(amount) total_amount, max(amount) "Größte Zahlung" FROM payment
SELECT replace('update', 'up', 'down'), 'insert into' LIKE '%into%', lower('DELETE')
SELECT current_setting('server_version_num')::int > 120000, version() LIKE 'PostgreSQL%', pg_typeof(1), current_database() IS NOT NULL, inet_server_port() IS NOT NULL, pg_backend_pid() > 0, txid_current_if_assigned()
SELECT pg_size_pretty(pg_total_relation_size('film')), pg_relation_size('film') > 0, pg_table_size('film') > 0, pg_indexes_size('film') > 0
SELECT has_table_privilege('film', 'SELECT'), pg_get_viewdef('film_list'::regclass) LIKE '%SELECT%', obj_description('film'::regclass), col_description('film'::regclass, 1), format_type(23, NULL), to_regclass('nope'), 'film'::regclass::oid > 0
SELECT pg_get_functiondef(oid) LIKE 'CREATE%' FROM pg_proc WHERE proname = 'film_in_stock'
SELECT md5(random()::text) IS NOT NULL, gen_random_uuid() IS NOT NULL, clock_timestamp() > now() - INTERVAL '1 hour'
SELECT * FROM generate_series(1, 5) n WHERE random() >= 0 ORDER BY n
SELECT (xpath('/a/text()', '<a>x</a>'::xml))[1]::text, xmlelement(name a, xmlattributes(1 AS b), 'c'), xmlforest(1 AS a, 2 AS b), xml_is_well_formed('<a/>')
SELECT XMLPARSE(CONTENT '<a>1</a>'), xmlserialize(CONTENT '<a/>'::xml AS text), XMLCONCAT('<a/>', '<b/>'), xmlpi(name php, 'x'), XMLPARSE(DOCUMENT '<a/>')
SELECT x.* FROM XMLTABLE('/r/i' PASSING xml '<r><i a="1">x</i><i a="2">y</i></r>' COLUMNS a int PATH '@a', t text PATH '.') x
SELECT xmlagg(x) FROM (VALUES ('<a/>'::xml), ('<b/>')) v (x)
SELECT IS_JSON FROM (SELECT 1 AS is_json) q
SELECT NORMALIZE('é'), 'é' IS NFC NORMALIZED, NORMALIZE('x', NFD)
SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'
SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_name = 'film' ORDER BY ordinal_position
SELECT tc.constraint_name, kcu.column_name, ccu.table_name FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu USING (constraint_name) JOIN information_schema.constraint_column_usage ccu USING (constraint_name) WHERE tc.constraint_type = 'FOREIGN KEY' AND tc.table_name = 'inventory' ORDER BY 1
SELECT routine_name FROM information_schema.routines WHERE routine_schema = 'public' ORDER BY 1
SELECT n.nspname AS "Schema", c.relname AS "Name", CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'i' THEN 'index' END AS "Type", pg_catalog.pg_get_userbyid(c.relowner) AS "Owner" FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', '') AND n.nspname !~ '^pg_toast' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1, 2
SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname OPERATOR(pg_catalog.~) '^(film)$' COLLATE pg_catalog.default AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef), a.attnotnull, a.attidentity FROM pg_catalog.pg_attribute a WHERE a.attrelid = 'film'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
SELECT c2.relname, i.indisprimary, i.indisunique, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true), pg_catalog.pg_get_constraintdef(con.oid, true) FROM pg_catalog.pg_class c, pg_catalog.pg_class c2, pg_catalog.pg_index i LEFT JOIN pg_catalog.pg_constraint con ON (conrelid = i.indrelid AND conindid = i.indexrelid AND contype IN ('p', 'u', 'x')) WHERE c.oid = 'film'::regclass AND c.oid = i.indrelid AND i.indexrelid = c2.oid ORDER BY i.indisprimary DESC, c2.relname
SELECT d.datname, pg_catalog.pg_encoding_to_char(d.encoding), pg_catalog.array_to_string(d.datacl, E'\n') FROM pg_catalog.pg_database d ORDER BY 1
SELECT r.rolname, r.rolsuper, r.rolcreaterole FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1
SELECT p.proname, pg_catalog.pg_get_function_result(p.oid), pg_catalog.pg_get_function_arguments(p.oid), CASE p.prokind WHEN 'a' THEN 'agg' WHEN 'w' THEN 'window' WHEN 'p' THEN 'proc' ELSE 'func' END FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public' ORDER BY 1, 3
SELECT e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid WHERE t.typname = 'mpaa_rating' ORDER BY e.enumsortorder
SELECT schemaname, relname, n_live_tup >= 0 FROM pg_stat_user_tables ORDER BY 1, 2
SELECT * FROM pg_indexes WHERE schemaname = 'public' ORDER BY tablename, indexname
SELECT attname, n_distinct FROM pg_stats WHERE tablename = 'film' ORDER BY 1
SELECT name, setting, unit FROM pg_settings WHERE name IN ('work_mem', 'max_connections') ORDER BY 1
SELECT relation::regclass::text, mode FROM pg_locks WHERE relation = 'film'::regclass
SELECT count(*) > 0 FROM pg_stat_activity WHERE state IS NOT NULL
SELECT usename, application_name FROM pg_stat_activity WHERE pid = -1
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY 1, 2 LIMIT 5
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'payment'::regclass ORDER BY 1
SELECT extname FROM pg_extension ORDER BY 1
SELECT viewname, length(definition) > 0 FROM pg_views WHERE schemaname = 'public' ORDER BY 1
SELECT sequencename, last_value FROM pg_sequences ORDER BY 1
SHOW server_version
SHOW search_path
SHOW TIME ZONE
SHOW transaction_isolation
SHOW TRANSACTION ISOLATION LEVEL
SHOW SESSION AUTHORIZATION
SHOW "DateStyle"
EXPLAIN SELECT * FROM film WHERE film_id = 1
EXPLAIN VERBOSE SELECT 1
EXPLAIN (COSTS off) SELECT * FROM film JOIN language USING (language_id)
EXPLAIN (FORMAT JSON, COSTS false) SELECT 1
EXPLAIN (VERBOSE, COSTS off, SETTINGS) WITH a AS (SELECT 1) SELECT * FROM a
EXPLAIN (ANALYZE false) SELECT 1
EXPLAIN DELETE FROM film WHERE film_id = 1
EXPLAIN (COSTS OFF) UPDATE film SET length = 1 WHERE film_id = 1
EXPLAIN (COSTS OFF) INSERT INTO language (name) VALUES ('x')
EXPLAIN (ANALYZE false, COSTS off) DELETE FROM film WHERE film_id = 1
EXPLAIN (ANALYZE off, COSTS off) UPDATE film SET length = 1
EXPLAIN (COSTS OFF) TABLE film
EXPLAIN (COSTS OFF) VALUES (1)
SELECT count(*) FROM film;
  SELECT 1 ;
SELECT 1
/* a /* nested */ comment */ SELECT count(*) FROM film
select Count(*) fRoM FILM
SELECT "film"."title" FROM "public"."film" WHERE "film"."film_id" = 1
SELECT f.title FROM public.film AS f WHERE f.title = 'ACADEMY DINOSAUR'
SELECT film.* FROM film, language WHERE film.language_id = language.language_id AND film_id < 3 ORDER BY 1
SELECT x FROM (SELECT 1 x) y
SELECT a.first_name||' '||a.last_name AS "full name", count(*)FROM actor a JOIN film_actor USING(actor_id)GROUP BY 1 ORDER BY 2 DESC,1 LIMIT 3
SELECT title FROM film WHERE title LIKE 'A%' AND length BETWEEN 60 AND 90 AND rating IN ('G', 'PG') AND description IS NOT NULL ORDER BY title LIMIT 5
SELECT * FROM film WHERE release_year = 2006 AND film_id = 1
SELECT picture IS NULL FROM staff
SELECT nullif(picture, '') FROM staff ORDER BY staff_id
SELECT sum(amount) FROM payment WHERE payment_date >= DATE '2007-02-01' AND payment_date < DATE '2007-02-01' + INTERVAL '1 month'
SELECT customer_id, max(payment_date) AS "last", now() > max(payment_date) AS past FROM payment GROUP BY customer_id ORDER BY 1 LIMIT 3
SELECT group_concat(first_name) IS NOT NULL FROM actor
""",
    "chinook": r"""
SELECT ar.name, count(*) AS albums FROM artist ar JOIN album al ON al.artist_id = ar.artist_id GROUP BY ar.artist_id, ar.name ORDER BY albums DESC, ar.name LIMIT 10
SELECT billing_country, sum(total) AS revenue FROM invoice GROUP BY billing_country ORDER BY revenue DESC, 1
SELECT e.first_name || ' ' || e.last_name AS employee, m.last_name AS manager FROM employee e LEFT JOIN employee m ON e.reports_to = m.employee_id ORDER BY e.employee_id
WITH RECURSIVE chain AS (SELECT employee_id, last_name, 1 AS level FROM employee WHERE reports_to IS NULL UNION ALL SELECT e.employee_id, e.last_name, level + 1 FROM employee e JOIN chain c ON e.reports_to = c.employee_id) SELECT * FROM chain ORDER BY level, employee_id
SELECT g.name, round(sum(il.unit_price * il.quantity), 2) AS sales, round(100.0 * sum(il.quantity) / sum(sum(il.quantity)) OVER (), 2) AS share FROM invoice_line il JOIN track USING (track_id) JOIN genre g USING (genre_id) GROUP BY g.genre_id, g.name ORDER BY sales DESC, 1
SELECT to_char(invoice_date, 'YYYY-MM') AS month, sum(total), sum(sum(total)) OVER (ORDER BY to_char(invoice_date, 'YYYY-MM')) AS running FROM invoice GROUP BY 1 ORDER BY 1
SELECT name, milliseconds / 60000.0 AS minutes, bytes FROM track WHERE composer IS NULL AND unit_price <> 0.99 ORDER BY track_id LIMIT 10
SELECT c.customer_id, c.email FROM customer c WHERE NOT EXISTS (SELECT 1 FROM invoice i WHERE i.customer_id = c.customer_id AND i.total > 10) ORDER BY 1
SELECT p.name, count(pt.track_id) FROM playlist p LEFT JOIN playlist_track pt USING (playlist_id) GROUP BY p.playlist_id ORDER BY 2 DESC, p.playlist_id
SELECT * FROM (SELECT track_id, name, row_number() OVER (PARTITION BY genre_id ORDER BY milliseconds DESC, track_id) AS rn FROM track) t WHERE rn = 1 ORDER BY track_id
SELECT DISTINCT country FROM customer WHERE state IS NOT NULL ORDER BY country
SELECT * FROM playlist_track ORDER BY playlist_id, track_id
SELECT invoice_date::date, count(*) FROM invoice GROUP BY 1 HAVING count(*) > 1 ORDER BY 1
SELECT name FROM track WHERE name ILIKE '%love%' OR name ~ '[^\x01-\x7F]' ORDER BY track_id
SELECT media_type_id, name, count(*) OVER () FROM media_type ORDER BY 1
SELECT json_agg(json_build_object('artist', name, 'albums', (SELECT json_agg(title ORDER BY album_id) FROM album al WHERE al.artist_id = a.artist_id)) ORDER BY artist_id) FROM artist a WHERE artist_id <= 3
""",
    "northwind": r"""
SELECT c.company_name, o.order_id, o.order_date, sum(od.unit_price * od.quantity * (1 - od.discount))::numeric(12, 2) AS total FROM customers c JOIN orders o USING (customer_id) JOIN order_details od USING (order_id) GROUP BY 1, 2, 3 ORDER BY total DESC, 2 LIMIT 10
SELECT * FROM products WHERE discontinued = 1 OR units_in_stock < reorder_level ORDER BY product_id
SELECT category_name, description, octet_length(picture) FROM categories ORDER BY category_id
SELECT s.company_name, count(p.*) FROM suppliers s LEFT JOIN products p USING (supplier_id) GROUP BY s.supplier_id, 1 ORDER BY 2 DESC, 1
SELECT ship_country, avg(shipped_date - order_date) AS days, count(*) FILTER (WHERE shipped_date > required_date) AS late FROM orders GROUP BY 1 ORDER BY 1
SELECT e.last_name, count(DISTINCT t.territory_id), string_agg(DISTINCT r.region_description, ', ' ORDER BY r.region_description) FROM employees e JOIN employee_territories et USING (employee_id) JOIN territories t USING (territory_id) JOIN region r USING (region_id) GROUP BY e.employee_id, 1 ORDER BY 1
SELECT photo, notes, birth_date, age(DATE '2020-01-01', birth_date) FROM employees ORDER BY employee_id
SELECT product_name, unit_price, unit_price - avg(unit_price) OVER (PARTITION BY category_id) AS diff, dense_rank() OVER (ORDER BY unit_price DESC) FROM products ORDER BY product_id
SELECT * FROM order_details ORDER BY order_id, product_id
SELECT extract(year FROM order_date) AS y, extract(quarter FROM order_date) AS q, count(*) FROM orders GROUP BY ROLLUP (1, 2) ORDER BY 1, 2
SELECT customer_id FROM customers EXCEPT SELECT customer_id FROM orders ORDER BY 1
SELECT a.company_name, b.company_name, a.city FROM customers a JOIN customers b ON a.city = b.city AND a.customer_id < b.customer_id ORDER BY 3, 1, 2
SELECT contact_name, phone, fax, region FROM customers WHERE region IS NULL AND fax NOT LIKE '(%' ORDER BY 1
""",
    "sakila": r"""
SELECT * FROM film ORDER BY film_id LIMIT 100
SELECT * FROM actor_info ORDER BY actor_id LIMIT 20
SELECT * FROM sales_by_film_category ORDER BY 1
SELECT * FROM film_list ORDER BY fid LIMIT 20
SELECT * FROM nicer_but_slower_film_list ORDER BY fid LIMIT 5
SELECT * FROM staff_list
SELECT payment_id, amount, payment_date FROM ONLY payment ORDER BY payment_id LIMIT 50
SELECT c.name, sum(p.amount) FROM payment p JOIN rental r USING (rental_id) JOIN inventory i USING (inventory_id) JOIN film_category fc USING (film_id) JOIN category c USING (category_id) GROUP BY 1 ORDER BY 2 DESC
SELECT release_year, special_features, fulltext, rating FROM film WHERE rating = 'PG-13'::mpaa_rating ORDER BY film_id LIMIT 20
SELECT co.country, count(*) FROM customer JOIN address USING (address_id) JOIN city USING (city_id) JOIN country co USING (country_id) GROUP BY 1 ORDER BY 2 DESC, 1
SELECT f.title, a.first_name FROM film f JOIN film_actor fa ON f.film_id = fa.film_id JOIN actor a ON a.actor_id = fa.actor_id WHERE f.film_id <= 5 ORDER BY 1, 2, a.actor_id
SELECT customer_id, rental_date, lead(rental_date) OVER (PARTITION BY customer_id ORDER BY rental_date, rental_id) - rental_date FROM rental ORDER BY rental_id LIMIT 50
SELECT extract(hour FROM rental_date)::int AS h, count(*) FROM rental GROUP BY h ORDER BY h
SELECT rental_id, return_date - rental_date AS kept FROM rental ORDER BY rental_id LIMIT 5
SELECT GREATEST(rental_date, return_date) FROM rental WHERE rental_id < 4 ORDER BY rental_id
""",
}
#: What can't stand in a line.
LINES = [
    "SELECT 'con'\n    'catenated'",
    "-- first\n-- second\n(SELECT 1)",
    "/* leading */ -- and more\nSELECT 1",
    "/* a /* nested */ comment */\tSELECT\r\n1\f+ 1 ;\n-- the end",
    "/**/" * 500 + "SELECT 1",
    "/* /* SELECT */ */" * 50 + "SHOW search_path",
    "SELECT $$\nDELETE FROM film;\n$$ AS text",
]
FILES = {
    "chinook": ("chinook/Chinook_PostgreSql.sql.gz",),
    "northwind": ("northwind/postgresql-northwind.sql.gz",),
    "pagila": ("pagila/pagila-schema.sql.gz", "pagila/pagila-data.sql.gz"),
    "sakila": ("sakila/postgres-sakila-schema.sql.gz", "sakila/postgres-sakila-insert-data-using-copy.sql.gz"),
}
#: Rows by table, from the description of the sample data.
COUNTS = {
    "chinook": "album 347 artist 275 customer 59 employee 8 genre 25 invoice 412 invoice_line 2240 media_type 5"
    " playlist 18 playlist_track 8715 track 3503",
    "northwind": "categories 8 customers 91 employees 9 employee_territories 49 order_details 2155 orders 830"
    " products 77 region 4 shippers 6 suppliers 29 territories 53 us_states 51",
    "pagila": "actor 200 address 603 category 16 city 600 country 109 customer 599 film 1000 film_actor 5462"
    " film_category 1000 inventory 4581 payment 16044 rental 16044 payment_p0000_default 612 payment_p2007_01 1707"
    " payment_p2007_02 3117 payment_p2007_03 4190 payment_p2007_04 3470 payment_p2007_05 2194 payment_p2007_06 598"
    " payment_p2007_07_max 156",
    "sakila": "actor 200 address 603 category 16 city 600 country 109 customer 599 film 1000 film_actor 5462"
    " film_category 1000 inventory 4581 payment 16049 rental 16044 language 6 staff 2 store 2",
}
#: Two ways to ask the same, by database.
SAME = {
    "pagila": [
        ("SELECT count(*) FROM film WHERE film_id NOT IN (SELECT film_id FROM inventory)",
         "SELECT count(*) FROM film LEFT JOIN inventory i USING (film_id) WHERE i.inventory_id IS NULL"),
        ("SELECT sum(amount) FROM payment",
         "SELECT sum(s) FROM (SELECT customer_id, sum(amount) AS s FROM payment GROUP BY 1) q"),
        ("SELECT max(length) FROM film", "SELECT length FROM film ORDER BY length DESC NULLS LAST LIMIT 1"),
        ("SELECT DISTINCT rating FROM film ORDER BY 1", "SELECT rating FROM film GROUP BY rating ORDER BY rating"),
        ("SELECT customer_id, amount FROM (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY amount DESC, payment_id) n FROM payment) q WHERE n = 1 ORDER BY 1",
         "SELECT DISTINCT ON (customer_id) customer_id, amount FROM payment ORDER BY customer_id, amount DESC, payment_id"),
        ("SELECT count(*) FILTER (WHERE rating = 'G') FROM film", "SELECT count(*) FROM film WHERE rating = 'G'"),
        ("SELECT sum(n) FROM generate_series(1, 1000) n",
         "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 1000) SELECT sum(n) FROM t"),
        ("SELECT first_name FROM actor INTERSECT SELECT first_name FROM customer ORDER BY 1",
         "SELECT DISTINCT a.first_name FROM actor a WHERE EXISTS (SELECT FROM customer c WHERE c.first_name = a.first_name) ORDER BY 1"),
        ("SELECT count(*) FROM payment", "SELECT sum(n) FROM (SELECT count(*) AS n FROM payment GROUP BY tableoid) q"),
        ("SELECT title FROM film WHERE length > ALL (SELECT length FROM film WHERE rating = 'G') ORDER BY 1",
         "SELECT title FROM film WHERE length > (SELECT max(length) FROM film WHERE rating = 'G') ORDER BY 1"),
        ("SELECT name, count(*) FROM category JOIN film_category USING (category_id) GROUP BY 1 ORDER BY 1",
         "SELECT name, (SELECT count(*) FROM film_category f WHERE f.category_id = c.category_id) FROM category c ORDER BY 1"),
        ("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) FROM payment",
         "SELECT amount FROM payment ORDER BY amount OFFSET 8021 LIMIT 1"),
    ],
    "chinook": [
        ("SELECT count(*) FROM track WHERE composer IS NULL", "SELECT count(*) - count(composer) FROM track"),
        ("SELECT sum(total) FROM invoice", "SELECT sum(unit_price * quantity) FROM invoice_line"),
        ("SELECT count(DISTINCT billing_country) FROM invoice", "SELECT count(*) FROM (SELECT DISTINCT billing_country FROM invoice) q"),
        ("SELECT name FROM artist EXCEPT SELECT a.name FROM artist a JOIN album USING (artist_id) ORDER BY 1",
         "SELECT DISTINCT name FROM artist a WHERE NOT EXISTS (SELECT FROM album b JOIN artist c USING (artist_id) WHERE c.name = a.name) ORDER BY 1"),
        ("SELECT invoice_id, sum(total) OVER (ORDER BY invoice_id) FROM invoice ORDER BY 1",
         "SELECT i.invoice_id, (SELECT sum(total) FROM invoice j WHERE j.invoice_id <= i.invoice_id) FROM invoice i ORDER BY 1"),
        ("SELECT string_agg(name, ',' ORDER BY name) FROM genre", "SELECT array_to_string(ARRAY(SELECT name FROM genre ORDER BY name), ',')"),
        ("SELECT avg(milliseconds) FROM track", "SELECT sum(milliseconds)::numeric / count(*) FROM track"),
        ("SELECT last_name FROM employee WHERE reports_to IS NULL", "SELECT last_name FROM employee e WHERE NOT EXISTS (SELECT FROM employee m WHERE m.employee_id = e.reports_to)"),
    ],
    "northwind": [
        ("SELECT count(*) FROM orders WHERE shipped_date IS NULL", "SELECT count(*) - count(shipped_date) FROM orders"),
        ("SELECT customer_id FROM customers EXCEPT SELECT customer_id FROM orders ORDER BY 1",
         "SELECT c.customer_id FROM customers c LEFT JOIN orders o ON o.customer_id = c.customer_id WHERE o.order_id IS NULL ORDER BY 1"),
        ("SELECT sum(quantity) FROM order_details", "SELECT sum(q) FROM (SELECT order_id, sum(quantity) AS q FROM order_details GROUP BY order_id) s"),
        ("SELECT min(order_date), max(order_date) FROM orders", "SELECT (SELECT order_date FROM orders ORDER BY 1 LIMIT 1), (SELECT order_date FROM orders ORDER BY 1 DESC LIMIT 1)"),
        ("SELECT count(*) FROM products WHERE discontinued = 1", "SELECT sum(discontinued) FROM products"),
        ("SELECT ship_country, count(*) FROM orders GROUP BY 1 HAVING count(*) > 50 ORDER BY 1",
         "SELECT * FROM (SELECT ship_country, count(*) AS n FROM orders GROUP BY 1) q WHERE n > 50 ORDER BY 1"),
    ],
    "sakila": [
        ("SELECT count(*) FROM rental WHERE return_date IS NULL", "SELECT count(*) - count(return_date) FROM rental"),
        ("SELECT sum(amount) FROM payment", "SELECT sum(amount * n) FROM (SELECT amount, count(*) AS n FROM payment GROUP BY amount) q"),
        ("SELECT count(*) FROM film CROSS JOIN language", "SELECT (SELECT count(*) FROM film) * (SELECT count(*) FROM language)"),
        ("SELECT unnest(special_features) AS f, count(*) FROM film GROUP BY 1 ORDER BY 1",
         "SELECT f, count(*) FROM film, unnest(special_features) f GROUP BY f ORDER BY f"),
    ],
}  # fmt: skip


class Sample:
    """One sample database, and two ways to ask it: ours and the driver's."""

    def __init__(self, client: Client, driver: psycopg.Connection[Any]) -> None:
        self.client, self.driver = client, driver

    def check(self, text: str) -> None:
        """Compare what both give for *text*, row for row."""
        ours = self.client.query(text, limits=Limits(max_rows=100_000))
        cursor = self.driver.execute(text.encode())
        theirs = cursor.fetchall()
        assert not ours.truncated
        assert [column.name for column in ours.columns] == [column.name for column in cursor.description or ()]
        assert len(ours.rows) == len(theirs)
        result = cursor.pgresult
        assert result is not None
        for number, (our_row, their_row) in enumerate(zip(ours.rows, theirs, strict=True)):
            for place, (value, other) in enumerate(zip(our_row, their_row, strict=True)):
                written = result.get_value(number, place)
                same = type(value) is type(other) and value == other
                assert same or (written is not None and _is_text(value, written.decode())), (value, other, written)


def _is_text(value: object, written: str) -> bool:
    """Tell whether *value* is what the server wrote: as its text, or as a list, a number or a document of it."""
    return written in (value, str(value)) or (isinstance(value, float) and value != value and written == "NaN")


@pytest.fixture(scope="module")
def sample(postgres_server: PostgresServer) -> Iterator[Callable[[str], Sample]]:
    """Return what loads a sample database at its first use, or skips by name where its files are not there."""
    loaded: dict[str, Sample] = {}
    settings: list[dict[str, Any]] = []

    def load(name: str) -> Sample:
        if name not in loaded:
            packed = [DATA / file for file in FILES[name]]
            if missing := [path for path in packed if not path.is_file()]:
                pytest.skip(f"sample data {missing[0].name} is not beside this checkout")
            script = b"\n".join(gzip.decompress(path.read_bytes()) for path in packed)
            if name == "chinook":  # it makes a database of its own
                script = script.partition(b"\\c chinook;")[2]
            made = postgres_server.create_database()
            settings.append(made)
            # Pagila was dumped from a newer server; what an older one doesn't know of it is harmless.
            postgres_server.execute(io.BytesIO(b"\\set ON_ERROR_STOP off\n" + script), made["database"])
            driver = psycopg.connect(
                host=made["host"],
                port=made["port"],
                user=made["user"],
                password=made["password"],
                dbname=made["database"],
                options="-c statement_timeout=20s -c default_transaction_read_only=on",
                autocommit=True,
            )
            loaded[name] = Sample(connect(postgres_server.url_for(made["database"])), driver)
        return loaded[name]

    yield load
    for one in loaded.values():
        one.client.close()
        one.driver.close()
    postgres_server.start()
    for made in settings:
        postgres_server.drop_database(made["database"])


_CASES = [(name, text) for name, texts in READS.items() for text in texts.strip().splitlines()]


def test_there_are_reads_of_every_feature() -> None:
    assert len(_CASES) > 200


@pytest.mark.parametrize(("name", "text"), [*_CASES, *(("pagila", text) for text in LINES)], ids=lambda text: text[:60])
def test_a_read_gives_what_the_driver_gives(sample: Callable[[str], Sample], name: str, text: str) -> None:
    sample(name).check(text)


@pytest.mark.parametrize("name", COUNTS)
def test_every_table_has_the_rows_that_it_should(sample: Callable[[str], Sample], name: str) -> None:
    client, parts = sample(name).client, COUNTS[name].split()
    found = {table: client.query(f"SELECT count(*) FROM {table}").rows[0][0] for table in parts[::2]}
    assert found == dict(zip(parts[::2], map(int, parts[1::2]), strict=True))


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_is_the_number_of_rows_read_page_by_page(sample: Callable[[str], Sample], name: str) -> None:
    client, parts = sample(name).client, COUNTS[name].split()
    for table, count in zip(parts[::2], map(int, parts[1::2]), strict=True):
        pages = client.pages(f"SELECT * FROM {table}", limits=Limits(max_rows=1_500))
        assert (table, sum(len(page) for page in pages)) == (table, count)


@pytest.mark.parametrize(("name", "one", "other"), [(n, *pair) for n, pairs in SAME.items() for pair in pairs])
def test_two_ways_to_ask_have_one_answer(sample: Callable[[str], Sample], name: str, one: str, other: str) -> None:
    client = sample(name).client
    assert client.query(one).rows == client.query(other).rows

"""What the catalogue is asked before a read may run: a volatile function has many ways to be called."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbmcp_core.guard import judge
from dbmcp_core.statement import Kind, RefusalCode, Verdict
from dbmcp_postgres.functions import Functions

SAKILA = Path(__file__).resolve().parents[3] / "shared" / "data" / "sakila"

#: Everything here raises the notice RAN when it runs; what may not, writes, sleeps or notifies.
ATTACKER = """
CREATE TABLE log (at timestamptz DEFAULT now());
CREATE TABLE item (id int, name text, sold int);
INSERT INTO item VALUES (1, 'pen', 3), (2, 'ink', 5);
CREATE SCHEMA other;

CREATE FUNCTION bump() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE FUNCTION s(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN $1; END$$;
CREATE FUNCTION twice(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN $1 * 2; END$$;
CREATE FUNCTION dated(date) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE FUNCTION "Mixed Case"() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE FUNCTION "Übung"() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE FUNCTION a_name_of_sixty_three_letters_that_the_server_cuts_off_behind_x()
    RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE FUNCTION other.hidden() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE FUNCTION other.length(text) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE FUNCTION rows_of() RETURNS SETOF item LANGUAGE plpgsql
    AS $$BEGIN RAISE NOTICE 'RAN'; RETURN QUERY SELECT * FROM item; END$$;
CREATE FUNCTION many(VARIADIC int[]) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE FUNCTION logged(item) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE FUNCTION anything(anyelement) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE FUNCTION with_more(int, int DEFAULT 2) RETURNS int LANGUAGE plpgsql
    AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE FUNCTION stable_but(a int DEFAULT bump()) RETURNS int STABLE LANGUAGE plpgsql AS $$BEGIN RETURN a; END$$;
CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS $$INSERT INTO log DEFAULT VALUES; SELECT 1$$;
CREATE FUNCTION sleeps() RETURNS void LANGUAGE sql AS $$SELECT pg_sleep(100)$$;
CREATE FUNCTION notifies() RETURNS void LANGUAGE sql AS $$SELECT pg_notify('a', 'b')$$;
CREATE PROCEDURE proc() LANGUAGE sql AS $$INSERT INTO log DEFAULT VALUES$$;

CREATE FUNCTION step(int, int) RETURNS int STRICT LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN $1 + $2; END$$;
CREATE FUNCTION ending(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN $1; END$$;
CREATE AGGREGATE total (int) (SFUNC = step, STYPE = int, INITCOND = '0');
CREATE AGGREGATE ended (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', FINALFUNC = ending);
CREATE AGGREGATE slid (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0',
    MSFUNC = step, MINVFUNC = int4mi, MSTYPE = int, MINITCOND = '0');
CREATE FUNCTION collect(int, anyelement) RETURNS int LANGUAGE plpgsql
    AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE AGGREGATE ordered (ORDER BY anyelement) (SFUNC = collect, STYPE = int, INITCOND = '0');

CREATE FUNCTION op(text, int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 1; END$$;
CREATE OPERATOR <-> (LEFTARG = text, RIGHTARG = int, FUNCTION = op);
CREATE OPERATOR other.= (LEFTARG = text, RIGHTARG = int, FUNCTION = op);

CREATE TYPE coin AS (cents int);
CREATE FUNCTION coin_eq(coin, coin) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN true; END$$;
CREATE OPERATOR = (LEFTARG = coin, RIGHTARG = coin, FUNCTION = coin_eq);
CREATE FUNCTION coin_plus(coin, int) RETURNS coin LANGUAGE plpgsql
    AS $$BEGIN RAISE NOTICE 'RAN'; RETURN $1; END$$;
CREATE OPERATOR + (LEFTARG = coin, RIGHTARG = int, FUNCTION = coin_plus);
CREATE TABLE purse (id int, holds coin);
INSERT INTO purse VALUES (1, ROW(5));
CREATE VIEW purses AS SELECT * FROM purse;
CREATE FUNCTION a_purse() RETURNS SETOF purse STABLE LANGUAGE plpgsql
    AS $$BEGIN RETURN QUERY SELECT * FROM purse; END$$;

CREATE TYPE note AS ENUM ('small');
CREATE FUNCTION note_of(int) RETURNS note LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 'small'; END$$;
CREATE CAST (int AS note) WITH FUNCTION note_of(int);
CREATE FUNCTION note_text(note) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN 'note'; END$$;
CREATE CAST (note AS text) WITH FUNCTION note_text(note) AS IMPLICIT;
CREATE FUNCTION note_json(note) RETURNS json LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN '1'; END$$;
CREATE CAST (note AS json) WITH FUNCTION note_json(note);
CREATE TABLE wallet (id int, holds note);
INSERT INTO wallet VALUES (1, 'small');

CREATE TYPE jewel AS ENUM ('red');
CREATE FUNCTION jewel_json(jewel) RETURNS json LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN '1'; END$$;
CREATE CAST (jewel AS json) WITH FUNCTION jewel_json(jewel);
CREATE TABLE safe (id int, holds jewel);
INSERT INTO safe VALUES (1, 'red');

CREATE FUNCTION checks(text) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'RAN'; RETURN true; END$$;
CREATE DOMAIN email AS text CHECK (checks(VALUE));
CREATE DOMAIN slow AS text CHECK (pg_notify('a', VALUE) IS NOT NULL);
CREATE TABLE person (id int, email email);
INSERT INTO person VALUES (1, 'a');
CREATE TABLE team (id int, emails email[]);
INSERT INTO team VALUES (1, '{a}');
CREATE FUNCTION takes(email) RETURNS int STABLE LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$;
"""

#: Each really calls a volatile function, and the guard alone takes each for a read.
ATTACKS = (
    "SELECT bump()",
    "SELECT public.bump()",
    "SELECT att.public.bump()",
    "SELECT BUMP ()",
    'SELECT "bump"()',
    'SELECT "public" . "bump" /* ( */ ()',
    "SELECT bump\n-- a comment\n()",
    'SELECT "Mixed Case"()',
    "SELECT Übung()",
    "SELECT A_NAME_OF_SIXTY_THREE_LETTERS_THAT_THE_SERVER_CUTS_OFF_BEHIND_X_AND_MORE()",
    "SELECT a_name_of_sixty_three_letters_that_the_server_cuts_off_behind_xy()",
    "SELECT other.hidden()",
    "SELECT other.length('a')",
    "SELECT * FROM bump()",
    "SELECT * FROM item, LATERAL twice(item.id) x",
    "SELECT * FROM ROWS FROM (bump(), generate_series(1, 2)) x",
    "SELECT r.* FROM rows_of() AS r",
    "SELECT (rows_of()).name",
    "SELECT many(1, 2)",
    "SELECT many(VARIADIC ARRAY[1, 2])",
    "SELECT 1 WHERE bump() = 1",
    "SELECT 1 LIMIT bump()",
    "SELECT 1 ORDER BY bump()",
    "SELECT id, count(*) FROM item GROUP BY id HAVING bump() = 1",
    "SELECT sum(id) OVER (ORDER BY bump()) FROM item",
    "SELECT count(*) FILTER (WHERE bump() = 1) FROM item",
    "SELECT CASE WHEN id = 1 THEN bump() END FROM item",
    "WITH x AS (SELECT bump()) SELECT * FROM x",
    "VALUES (bump())",
    "SELECT ARRAY(SELECT bump())",
    "SELECT stable_but()",
    "SELECT with_more(1)",
    "SELECT writes()",
    "SELECT sleeps()",
    "SELECT notifies()",
    "SELECT 7 %s(3)",
    "EXPLAIN ANALYZE SELECT bump()",
    # aggregates
    "SELECT total(id) FROM item",
    "SELECT total(id) OVER () FROM item",
    "SELECT ended(id) FROM item",
    "SELECT slid(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM item",
    "SELECT ordered() WITHIN GROUP (ORDER BY id) FROM item",
    # without brackets
    "SELECT (5).twice",
    "SELECT ('5'::int).twice",
    "SELECT item.logged FROM item",
    "SELECT i.logged FROM item i",
    "SELECT public.item.logged FROM public.item",
    "SELECT (i).logged FROM item AS i",
    "SELECT (SELECT i FROM item i LIMIT 1).logged",
    'SELECT i."logged" FROM item i',
    "SELECT 1 FROM item i WHERE i.logged = 1",
    "SELECT i.anything FROM item i",
    "SELECT x.anything FROM (SELECT 1) x",
    "SELECT g.twice FROM generate_series(1, 2) g",
    "SELECT g.twice FROM generate_series(1, 2) AS g",
    "SELECT generate_series.twice FROM generate_series(1, 2)",
    "SELECT d.twice FROM CAST(5 AS int) AS d",
    "SELECT d.dated FROM current_date AS d",
    "SELECT g.twice FROM abs((1)) g",
    "SELECT g.twice FROM abs((SELECT 1)) AS g",
    "SELECT u.twice FROM item, LATERAL abs(item.id) AS u",
    "SELECT (ARRAY[1, 2])[1].twice",
    "SELECT (x.a)[1].twice FROM (SELECT ARRAY[1] AS a) x",
    "SELECT x.a[1].twice FROM (SELECT ARRAY[1] AS a) x",
    "SELECT (5).with_more",
    "SELECT (5).many",
    "SELECT (5).total",
    # operators
    "SELECT 'a' <-> 5",
    "SELECT 'a' OPERATOR(public.<->) 5",
    "SELECT 'a'::text OPERATOR(other.=) 5",
    "SELECT holds + 1 FROM purse",
    "SELECT a.id FROM purse a JOIN purse b ON a.holds = b.holds",
    "SELECT a.id FROM purses a JOIN purses b USING (holds)",
    "SELECT 1 FROM purse WHERE holds IN (SELECT holds FROM purse)",
    "SELECT nullif(holds, holds) FROM a_purse()",
    # casts
    "SELECT 5::note",
    "SELECT 5::public.note",
    'SELECT 5::"note"',
    "SELECT CAST(5 AS note)",
    "SELECT ARRAY[5]::note[]",
    "SELECT length(holds) FROM wallet",
    "SELECT holds::text FROM wallet",
    "SELECT to_json(holds) FROM wallet",
    "SELECT row_to_json(wallet) FROM wallet",
    "SELECT json_agg(holds) FROM safe",
    # domains
    "SELECT 'a'::email",
    "SELECT CAST('a' AS email)",
    "SELECT CAST('a' AS public.email)",
    "SELECT email('a')",
    "SELECT ARRAY['a']::email[]",
    "SELECT '{a}'::_email",
    "SELECT ROW(1, 'a')::person",
    "SELECT '(1,a)'::person",
    "SELECT takes('a')",
    'SELECT * FROM json_populate_record(NULL::person, \'{"email": "a"}\')',
    'SELECT json_populate_record(p, \'{"email": "a"}\') FROM (SELECT * FROM person) p',
    'SELECT * FROM json_to_record(\'{"a": "b"}\') AS x(a email)',
    'SELECT * FROM json_to_record(\'{"b": "b"}\') x(a int, b public.email)',
    "SELECT x.b FROM (SELECT '<a><b>x</b></a>'::xml AS v) y, xmltable('/a' PASSING y.v COLUMNS b email) x",
    "SELECT domain_in('a'::cstring, 'email'::regtype, -1) IS NULL",
    "SELECT 'a'::slow",
    "SELECT lag(email, 1, 'b') OVER () FROM person",
    "SELECT array_append(ARRAY[email], 'b') FROM person",
    "SELECT id FROM team WHERE emails = '{a}'",
    "SELECT emails || '{a}' FROM team",
    # built in, and on no list
    "SELECT pg_current_logfile()",
    "SELECT pg_catalog.pg_isolation_test_session_is_blocked(1, '{}')",
)

#: In the same database, which is full of traps.
INNOCENT = (
    "SELECT * FROM item",
    "SELECT i.id, i.name, i.sold FROM item i WHERE i.name = 'pen' ORDER BY i.sold DESC",
    "SELECT count(*), max(sold) AS bump FROM item",
    "SELECT x.bump FROM (SELECT id AS bump FROM item) x",
    "SELECT x.twice FROM (SELECT id AS twice FROM item) x",
    "WITH twice AS (SELECT 1 AS id) SELECT twice.id FROM twice",
    "SELECT length(name) FROM item",
    "SELECT 'bump()', '5::note', $$ bump() $$ FROM item -- bump()",
    "SELECT email FROM person",
    "SELECT p.email FROM person p WHERE p.email LIKE '%@%' AND p.email <> 'a'",
    "SELECT email AS email, lower(email) AS e FROM person ORDER BY email",
    "SELECT (SELECT email AS email FROM person LIMIT 1)",
    "SELECT count(DISTINCT email), string_agg(email, ', ' ORDER BY email) FROM person",
    "SELECT id FROM safe",
    "SELECT id, emails FROM team WHERE id = 5",
    "SELECT lower('a'), count(*) FROM person WHERE id IN (1, 2)",
    "SELECT 1 + 1, 'a' || 'b', 2 = 2",
    "SELECT sum(id) OVER (PARTITION BY name ORDER BY id) FROM item",
    "SELECT * FROM pg_proc WHERE proname = 'bump'",
)

EXTENSIONS = ("pgcrypto", "uuid-ossp", "hstore", "pg_trgm", "citext", "tablefunc", "tsm_system_rows", "unaccent")

OWN = """
CREATE FUNCTION full_name(actor) RETURNS text STABLE LANGUAGE sql AS $$SELECT $1.first_name || ' ' || $1.last_name$$;
CREATE FUNCTION discounted(numeric, percent int DEFAULT 10) RETURNS numeric IMMUTABLE LANGUAGE sql
    AS $$SELECT $1 * (100 - percent) / 100$$;
CREATE AGGREGATE product (numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1');
CREATE FUNCTION random(int, int) RETURNS int LANGUAGE sql AS $$SELECT 1$$;
CREATE SCHEMA compat;
CREATE FUNCTION compat.to_char(date) RETURNS text LANGUAGE sql AS $$SELECT 'a'$$;
CREATE FUNCTION first_name(int) RETURNS text LANGUAGE sql AS $$SELECT 'a'$$;
"""

HONEST = (
    "SELECT 1",
    "SELECT * FROM actor",
    "SELECT f.title, count(*) FROM film f JOIN film_actor fa USING (film_id) GROUP BY f.title ORDER BY 2 DESC LIMIT 10",
    "SELECT a.first_name, a.full_name, (a).last_name FROM actor a",
    "SELECT c.first_name FROM customer c JOIN rental r ON r.customer_id = c.customer_id",
    (
        "SELECT rank() OVER (PARTITION BY rating ORDER BY length DESC NULLS LAST), lag(title) OVER w FROM film "
        "WINDOW w AS (ORDER BY film_id ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)"
    ),
    (
        "SELECT rating, count(*) FILTER (WHERE length > 100), percentile_cont(0.5) WITHIN GROUP (ORDER BY length) "
        "FROM film GROUP BY GROUPING SETS ((rating), ())"
    ),
    "SELECT mode() WITHIN GROUP (ORDER BY rating) FROM film",
    "SELECT product(rental_rate) FROM film WHERE film_id < 5",
    "SELECT discounted(amount), discounted(amount, percent => 20) FROM payment LIMIT 3",
    "SELECT special_features[1], array_length(special_features, 1), 'Trailers' = ANY (special_features) FROM film",
    "SELECT title FROM film WHERE special_features @> ARRAY['Trailers'] OR special_features && '{Commentaries}'",
    "SELECT title FROM film WHERE fulltext @@ to_tsquery('english', 'dog & !cat')",
    "SELECT ts_headline(title, q), ts_rank(fulltext, q) FROM film, plainto_tsquery('dog') q WHERE fulltext @@ q",
    "SELECT '{\"a\": [1, 2]}'::jsonb -> 'a' ->> 0, '{\"a\": 1}'::jsonb @> '{\"a\": 1}', jsonb_build_object('a', 1)",
    "SELECT * FROM jsonb_to_recordset('[{\"a\": 1}]') AS x(a int, b text)",
    "SELECT (jsonb_each('{\"a\": 1}')).key, x.value FROM jsonb_each_text('{\"a\": 1}') x",
    "SELECT jsonb_path_query('{\"a\": 1}', '$.a'), jsonb_agg(actor), row_to_json(actor.*) FROM actor GROUP BY 2, 3",
    "SELECT * FROM generate_series(1, 3) g, generate_series(now(), now() + interval '1 day', '1 hour') AS h(x)",
    "SELECT g.g, u.x, u.n FROM generate_series(1, 2) g, unnest(ARRAY[1, 2]) WITH ORDINALITY AS u(x, n)",
    "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n) FROM t",
    (
        "SELECT int4range(1, 5) && int4range(3, 8), '[2020-01-01,2021-01-01)'::daterange @> current_date, "
        "lower(int4range(1, 2))"
    ),
    "SELECT title FROM film WHERE title % 'ACADEMY' OR similarity(title, 'a') > 0.3 OR title ILIKE '%dog%'",
    "SELECT title FROM film WHERE title SIMILAR TO '(A|B)%' AND title ~* '^a' AND title NOT LIKE 'Z%' ESCAPE '!'",
    "SELECT encode(digest('a', 'sha256'), 'hex'), crypt('a', gen_salt('md5')), gen_random_uuid(), gen_random_bytes(4)",
    "SELECT uuid_generate_v4(), uuid_generate_v1(), uuid_generate_v5(uuid_ns_dns(), 'a')",
    "SELECT 'a=>1'::hstore -> 'a', hstore('a', 'b') || 'c=>d', (each('a=>1'::hstore)).value",
    "SELECT 'A'::citext = 'a', unaccent('é')",
    (
        "SELECT date_trunc('month', rental_date), extract(year FROM rental_date), age(rental_date), rental_date AT "
        "TIME ZONE 'UTC', rental_date::date + 1, to_char(rental_date, 'YYYY') FROM rental LIMIT 3"
    ),
    (
        "SELECT make_date(2020, 1, 1), interval '1 day' * 3, date '2020-01-01', (DATE '2020-01-01', interval '1 "
        "day') OVERLAPS (DATE '2020-01-01', DATE '2020-02-01')"
    ),
    "SELECT random(), clock_timestamp(), timeofday(), statement_timestamp(), transaction_timestamp(), now()",
    (
        "SELECT pg_size_pretty(pg_total_relation_size('film')), pg_relation_size('film'), pg_table_size('film'), "
        "pg_indexes_size('film'), pg_database_size(current_database())"
    ),
    (
        "SELECT has_table_privilege('film', 'SELECT'), obj_description('film'::regclass), "
        "col_description('film'::regclass, 1)"
    ),
    "SELECT pg_get_viewdef('film_list'::regclass), pg_get_functiondef('full_name(actor)'::regprocedure)",
    "SELECT pg_get_indexdef(indexrelid) FROM pg_index LIMIT 1",
    "SELECT current_setting('work_mem'), version(), current_database(), current_schema(), current_user, session_user",
    (
        "SELECT pg_is_in_recovery(), pg_current_wal_lsn(), pg_backend_pid(), inet_client_addr(), "
        "pg_postmaster_start_time()"
    ),
    "SELECT pid, state, query, pg_blocking_pids(pid) FROM pg_stat_activity",
    "SELECT * FROM pg_locks l JOIN pg_class c ON c.oid = l.relation",
    "SELECT relname, n_live_tup, pg_stat_get_live_tuples(relid) FROM pg_stat_user_tables",
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT * FROM film TABLESAMPLE BERNOULLI (10) REPEATABLE (1)",
    "SELECT * FROM film TABLESAMPLE SYSTEM (10)",
    "SELECT * FROM film TABLESAMPLE system_rows (10)",
    "SELECT normal_rand(3, 5, 3)",
    "SELECT 7 % 3, -5, 2 ^ 3, 5 & 1, 1 << 2, ~1, 'a' < 'b', 1 <> 2, 1 != 2",
    (
        "SELECT CAST(amount AS numeric(10, 2)), amount::int, int '5', float8(amount), cast(amount AS double "
        "precision) FROM payment"
    ),
    "SELECT coalesce(NULL, 1), greatest(1, 2), nullif(1, 2), CASE 1 WHEN 1 THEN 'a' END",
    (
        "SELECT substring('abc' FROM 2 FOR 1), trim(BOTH 'x' FROM 'xax'), position('a' IN 'ba'), overlay('abc' "
        "PLACING 'x' FROM 1)"
    ),
    "SELECT string_agg(title, ', ' ORDER BY title), array_agg(DISTINCT rating), bool_and(length > 3) FROM film",
    "SELECT * FROM film_list",
    "SELECT * FROM actor_info LIMIT 1",
    "SELECT * FROM sales_by_store",
    "TABLE actor",
    "VALUES (1, 'a'), (2, 'b')",
    "SHOW work_mem",
    "SELECT DISTINCT ON (rating) rating, title FROM film ORDER BY rating, length DESC",
    "SELECT title FROM film UNION SELECT first_name FROM actor EXCEPT SELECT last_name FROM customer",
    (
        "SELECT f.film_id FROM film f WHERE EXISTS (SELECT 1 FROM inventory i WHERE i.film_id = f.film_id) AND "
        "f.rating IN ('PG', 'G') AND f.length BETWEEN 50 AND 100 AND (f.film_id, f.length) > (1, 2) AND "
        "f.description IS DISTINCT FROM f.title"
    ),
    (
        "SELECT * FROM customer c, LATERAL (SELECT sum(p.amount) AS total FROM payment p WHERE p.customer_id = "
        "c.customer_id) x WHERE x.total > 100"
    ),
    "EXPLAIN SELECT * FROM film WHERE film_id = 5",
    "EXPLAIN (ANALYZE, BUFFERS) SELECT count(*) FROM film",
    "SELECT currval('actor_actor_id_seq'), lastval(), pg_sequence_last_value('actor_actor_id_seq')",
    "SELECT * FROM pg_partition_tree('payment')",
    "SELECT xpath('/a', '<a/>'::xml), xmlelement(NAME a, 'b')",
)


class Catalogue:
    """A server's catalogue, with the number of times that it was asked."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.connection = psycopg.connect(
            host=settings["host"],
            port=settings["port"],
            user=settings["user"],
            password=settings.get("password") or "",
            dbname=settings["database"],
            autocommit=True,
        )
        self.asked = 0
        self.functions = Functions(self.fetch)

    def fetch(self, query: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        self.asked += 1
        return psycopg.RawCursor(self.connection).execute(query.encode(), params).fetchall()

    def run(self, script: str) -> None:
        self.connection.execute(script.encode())

    def judge(self, text: str) -> Verdict:
        return self.functions.judge(text, judge(text, "postgres"))


@pytest.fixture
def catalogue(postgres_settings: dict[str, Any]) -> Iterator[Catalogue]:
    """The catalogue of an empty database."""
    catalogue = Catalogue(postgres_settings)
    yield catalogue
    catalogue.connection.close()


def attacks(database: str) -> list[str]:
    return [re.sub(r"\batt\.public\b", f'"{database}".public', attack) for attack in ATTACKS]


def test_no_way_to_call_a_volatile_function_is_a_read(catalogue: Catalogue, postgres_settings: dict[str, Any]) -> None:
    catalogue.run(ATTACKER)
    texts = attacks(postgres_settings["database"])
    verdicts = {text: catalogue.judge(text) for text in texts}
    assert [text for text, verdict in verdicts.items() if verdict.kind is Kind.READ] == []
    # Others would say nothing about this module.
    assert [text for text in texts if judge(text, "postgres").kind is not Kind.READ] == []
    assert {verdict.code for verdict in verdicts.values()} == {RefusalCode.UNSAFE_FUNCTION}


def test_statements_beside_traps_are_reads_and_run_none_of_them(catalogue: Catalogue) -> None:
    catalogue.run(ATTACKER)
    notices: list[str | None] = []
    catalogue.connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    for text in INNOCENT:
        assert (text, catalogue.judge(text).reason) == (text, None)
        catalogue.run(text)
    assert notices == []


def test_the_attacks_are_real(catalogue: Catalogue, postgres_settings: dict[str, Any]) -> None:
    catalogue.run(ATTACKER)
    notices: list[str | None] = []
    catalogue.connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    quiet = []
    for text in attacks(postgres_settings["database"]):
        if re.search(r"writes|sleeps|notifies|slow|pg_", text):
            continue
        notices.clear()
        catalogue.run(text)
        quiet += [text] if "RAN" not in notices else []
    assert quiet == []


def test_honest_statements_are_reads(catalogue: Catalogue) -> None:
    script = SAKILA / "postgres-sakila-schema.sql.gz"
    if not script.is_file():
        pytest.skip(f"sample data sakila is not beside this checkout ({script})")
    with gzip.open(script, "rt", encoding="utf-8") as file:
        catalogue.run(file.read())
    catalogue.run("RESET search_path")
    for extension in EXTENSIONS:
        catalogue.run(f'CREATE EXTENSION "{extension}"')
    catalogue.run(OWN)
    refused = {text: verdict.reason for text in HONEST if (verdict := catalogue.judge(text)).kind is not Kind.READ}
    assert refused == {}


def test_a_refusal_says_what_where_and_what_to_do(catalogue: Catalogue) -> None:
    catalogue.run(ATTACKER)
    verdict = catalogue.judge("SELECT 1,\n  public.bump()")
    assert (verdict.kind, verdict.line, verdict.column) == (Kind.UNKNOWN, 2, 10)
    assert verdict.reason is not None
    assert verdict.reason.startswith("public.bump() is VOLATILE")
    assert "declare it STABLE or name it in safe_functions" in verdict.reason
    verdict = catalogue.judge("SELECT total(id) FROM item")
    assert verdict.reason is not None
    assert verdict.reason.startswith("public.total() calls public.step(), which is VOLATILE")


@pytest.mark.parametrize("name", ["bump", "public.bump"])
def test_what_the_operator_declared_safe_may_be_called(catalogue: Catalogue, name: str) -> None:
    catalogue.run(ATTACKER)
    catalogue.functions = Functions(catalogue.fetch, [name])
    assert catalogue.judge("SELECT bump()").kind is Kind.READ
    assert catalogue.judge("SELECT bump(), twice(1)").kind is Kind.UNKNOWN


def test_only_reads_are_asked_about(catalogue: Catalogue) -> None:
    for text in ("DELETE FROM item", "SELECT pg_sleep(1)", "SELECT 1", "SHOW work_mem", ""):
        verdict = judge(text, "postgres")
        assert catalogue.functions.judge(text, verdict) is verdict
    assert catalogue.asked == 0


def test_one_question_is_enough_and_holds_for_a_while(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.run("CREATE TABLE item (id int); CREATE FUNCTION f(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT 1'")
    now = 1_000.0
    monkeypatch.setattr("dbmcp_postgres.functions.time.monotonic", lambda: now)
    for number in range(3):
        assert catalogue.judge(f"SELECT f(id) FROM item WHERE id = {number}").kind is Kind.READ
    assert catalogue.asked == 1
    catalogue.run("ALTER FUNCTION f(int) VOLATILE")
    now += 60
    assert catalogue.judge("SELECT f(id) FROM item WHERE id = 3").kind is Kind.UNKNOWN


def test_many_threads_may_ask_at_once(postgres_settings: dict[str, Any]) -> None:
    catalogues = [Catalogue(postgres_settings) for _ in range(4)]
    catalogues[0].run("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    shared = Functions(lambda query, params: local.catalogue.fetch(query, params))
    local = threading.local()
    kinds: list[Kind] = []

    def work(catalogue: Catalogue) -> None:
        local.catalogue = catalogue
        for number in range(300):
            text = f"SELECT f() AS n{number}"
            kinds.append(shared.judge(text, judge(text, "postgres")).kind)

    threads = [threading.Thread(target=work, args=(catalogue,)) for catalogue in catalogues]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for catalogue in catalogues:
        catalogue.connection.close()
    assert kinds == [Kind.UNKNOWN] * 1_200


def test_a_temporary_function_is_asked_about(catalogue: Catalogue) -> None:
    catalogue.run("CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    assert catalogue.judge("SELECT pg_temp.mine()").kind is Kind.UNKNOWN

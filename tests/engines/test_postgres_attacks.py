"""What PostgreSQL can be attacked with, by an account that may do everything; nothing of the server may differ after.

Every attack is sent by all the doors of a read-only source. Then by none of them: straight at the engine, without the
guard, to see what its own locks hold.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbmcp_core import (
    Client,
    CursorExpired,
    DbmcpError,
    Limits,
    Refused,
    Running,
    Statement,
    connect,
)
from dbmcp_core.guard.vocabulary import words
from dbmcp_core.testing import drain
from dbmcp_core.testing.servers import PostgresServer
from dbmcp_postgres import Postgres
from dbmcp_postgres.database import PostgresDatabase

PATIENCE_S = 10.0

SETUP = """
CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw; CREATE EXTENSION file_fdw; CREATE EXTENSION tablefunc;
CREATE EXTENSION xml2; CREATE EXTENSION adminpack; CREATE EXTENSION lo; CREATE EXTENSION pageinspect;
CREATE EXTENSION amcheck; CREATE EXTENSION pg_prewarm; CREATE EXTENSION pg_surgery; CREATE EXTENSION pg_visibility;
CREATE EXTENSION pg_walinspect; CREATE EXTENSION pg_stat_statements;
CREATE TABLE item (id int PRIMARY KEY, name text, price numeric DEFAULT 1);
INSERT INTO item SELECT n, 'name ' || n, n FROM generate_series(1, 500) n;
CREATE TABLE log (at timestamptz DEFAULT now(), what text);
CREATE TABLE big AS SELECT n AS id, repeat('x', 100) AS pad FROM generate_series(1, 20000) n;
CREATE SEQUENCE counter;
CREATE VIEW names AS SELECT id, name FROM item;
CREATE VIEW guarded AS SELECT * FROM item;
CREATE RULE writing AS ON UPDATE TO guarded DO INSTEAD DELETE FROM item;
CREATE MATERIALIZED VIEW kept AS SELECT count(*) FROM item;
CREATE INDEX item_name ON item USING gin (to_tsvector('simple', name));
CREATE SCHEMA private;
CREATE TYPE pair AS (a int, b int);

CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS $$INSERT INTO log (what) VALUES ('x'); SELECT 1$$;
CREATE FUNCTION private.hides() RETURNS int LANGUAGE sql AS $$INSERT INTO log (what) VALUES ('x'); SELECT 1$$;
CREATE FUNCTION "Odd Name"() RETURNS int LANGUAGE sql AS $$INSERT INTO log (what) VALUES ('x'); SELECT 1$$;
CREATE FUNCTION counts(int) RETURNS int LANGUAGE sql AS $$SELECT nextval('counter'); SELECT $1$$;
CREATE FUNCTION of_row(item) RETURNS int LANGUAGE sql AS $$INSERT INTO log (what) VALUES ('x'); SELECT 1$$;
CREATE FUNCTION of_pair(pair) RETURNS int LANGUAGE sql AS $$INSERT INTO log (what) VALUES ('x'); SELECT 1$$;
CREATE FUNCTION of_any(anyelement) RETURNS int LANGUAGE plpgsql AS $$BEGIN PERFORM writes(); RETURN 1; END$$;
CREATE FUNCTION many(VARIADIC int[]) RETURNS int LANGUAGE sql AS $$SELECT writes()$$;
CREATE FUNCTION some_rows() RETURNS SETOF item LANGUAGE sql AS $$DELETE FROM item RETURNING *$$;
CREATE FUNCTION with_default(a int DEFAULT writes()) RETURNS int STABLE LANGUAGE sql AS $$SELECT a$$;
CREATE FUNCTION over(text, int) RETURNS int LANGUAGE sql AS $$SELECT writes()$$;
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = int, FUNCTION = over);
CREATE FUNCTION before(pair) RETURNS int LANGUAGE sql AS $$SELECT writes()$$;
CREATE OPERATOR @# (RIGHTARG = pair, FUNCTION = before);
CREATE FUNCTION to_pair(int) RETURNS pair LANGUAGE sql AS $$SELECT writes(); SELECT ROW($1, 1)::pair$$;
CREATE CAST (int AS pair) WITH FUNCTION to_pair(int);
CREATE FUNCTION checked(int) RETURNS bool LANGUAGE plpgsql AS $$BEGIN PERFORM writes(); RETURN true; END$$;
CREATE DOMAIN watched AS int CHECK (checked(VALUE));
CREATE FUNCTION step(int, int) RETURNS int LANGUAGE sql AS $$SELECT writes(); SELECT $1$$;
CREATE AGGREGATE adds (int) (SFUNC = step, STYPE = int, INITCOND = '0');
CREATE PROCEDURE proceeds() LANGUAGE sql AS $$INSERT INTO log (what) VALUES ('x')$$;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}', dbname '{database}');
CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user '{user}', password '{password}');
CREATE FOREIGN TABLE far_log (at timestamptz, what text) SERVER far OPTIONS (table_name 'log');
CREATE FOREIGN TABLE file_lines (line text) SERVER files OPTIONS (filename '/etc/passwd', delimiter E'\\x01');
SELECT lo_create(4711), lo_put(4711, 0, 'secret');
"""

#: By class, one a line. ``{folder}`` is one that the server may write to, ``{dsn}`` leads back to this database.
ATTACKS = {
    "write": """
INSERT INTO log (what) VALUES ('x')
INSERT INTO log (what) SELECT name FROM item
INSERT INTO log (what) VALUES ('x') RETURNING what
INSERT INTO item (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'x'
INSERT INTO far_log (what) VALUES ('x')
UPDATE item SET name = 'x'
UPDATE ONLY item SET name = 'x' WHERE id = 1 RETURNING *
UPDATE guarded SET name = 'x'
DELETE FROM item
DELETE FROM ONLY item USING big WHERE item.id = big.id RETURNING item.*
TRUNCATE item
TRUNCATE TABLE ONLY item RESTART IDENTITY CASCADE
MERGE INTO item USING big ON item.id = big.id WHEN MATCHED THEN DELETE
MERGE INTO item t USING (VALUES (1)) v (id) ON t.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (9000, 'x')
WITH gone AS (DELETE FROM item RETURNING *) SELECT count(*) FROM gone
WITH gone AS MATERIALIZED (DELETE FROM item RETURNING *) SELECT 1
WITH new AS (INSERT INTO log (what) VALUES ('x') RETURNING *) TABLE new
WITH new AS (UPDATE item SET name = 'x' RETURNING *) SELECT * FROM item
WITH a AS (SELECT 1), b AS (DELETE FROM item) SELECT * FROM a
WITH a AS (WITH b AS (DELETE FROM item RETURNING 1) SELECT * FROM b) SELECT * FROM a
WITH RECURSIVE a AS (DELETE FROM item RETURNING id) SELECT * FROM a
WITH a AS (SELECT 1) INSERT INTO log (what) SELECT 'x' FROM a
WITH a AS (SELECT 1) DELETE FROM item
WITH a AS (SELECT 1) UPDATE item SET name = 'x'
SELECT * FROM (DELETE FROM item RETURNING *) d
SELECT * FROM item WHERE id IN (DELETE FROM item RETURNING id)
SELECT (INSERT INTO log (what) VALUES ('x') RETURNING 1)
SELECT nextval('counter')
SELECT setval('counter', 99)
SELECT setval('counter', 99, false) FROM item LIMIT 1
SELECT pg_catalog.nextval('public.counter'::regclass)
SELECT "nextval"('counter')
SELECT * FROM nextval('counter')
SELECT 1 WHERE nextval('counter') > 0
SELECT id FROM item ORDER BY nextval('counter')
VALUES (nextval('counter'))
UPDATE pg_class SET relname = 'x' WHERE relname = 'log'
DELETE FROM pg_catalog.pg_proc
INSERT INTO pg_description VALUES (1, 1, 0, 'x')
""",
    "define": """
CREATE TABLE made (a int)
CREATE TEMP TABLE made (a int)
CREATE TEMPORARY TABLE item AS SELECT 1 AS id
CREATE UNLOGGED TABLE made AS TABLE item
CREATE TABLE made AS SELECT * FROM item
SELECT * INTO made FROM item
SELECT 1 AS a INTO TEMP made
SELECT 1 AS a INTO TABLE made
SELECT id INTO UNLOGGED made FROM item
WITH a AS (SELECT 1 AS n) SELECT n INTO made FROM a
SELECT 1 UNION SELECT 2 INTO made
CREATE VIEW made AS SELECT 1
CREATE OR REPLACE VIEW names AS SELECT 1 AS id, 'x' AS name
CREATE TEMP VIEW item AS SELECT 1
CREATE FUNCTION made() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE OR REPLACE FUNCTION public.lower(text) RETURNS text LANGUAGE sql AS 'SELECT 1'
CREATE FUNCTION pg_temp.made() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE INDEX made ON item (name)
CREATE INDEX CONCURRENTLY made ON item (name)
CREATE RULE made AS ON SELECT TO log DO INSTEAD SELECT 1
CREATE SCHEMA made CREATE TABLE t (a int)
CREATE TYPE made AS ENUM ('a')
CREATE SEQUENCE made
CREATE EVENT TRIGGER made ON ddl_command_start EXECUTE FUNCTION writes()
DROP TABLE item
DROP SCHEMA public CASCADE
DROP OWNED BY CURRENT_USER
ALTER TABLE item ADD COLUMN extra int
ALTER TABLE item DISABLE TRIGGER ALL
ALTER TABLE item ENABLE ROW LEVEL SECURITY
ALTER SEQUENCE counter RESTART 99
ALTER VIEW names RENAME TO gone
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC
COMMENT ON TABLE item IS 'x'
SECURITY LABEL ON TABLE item IS 'x'
REFRESH MATERIALIZED VIEW kept
REINDEX TABLE item
CLUSTER item USING item_pkey
VACUUM item
VACUUM (FULL, ANALYZE) item
ANALYZE
ANALYZE item (name)
IMPORT FOREIGN SCHEMA public FROM SERVER far INTO private
""",
    "stacked": """
SELECT 1; DELETE FROM item
SELECT 1;DROP TABLE item;--
SELECT 1; SELECT 2
; DELETE FROM item
SELECT 1 /* ; */ ; DELETE FROM item
SELECT ';' ; DELETE FROM item
SELECT $$;$$ ; DELETE FROM item
SELECT 1;; DELETE FROM item
COMMIT; DELETE FROM item
COMMIT; BEGIN READ WRITE; DELETE FROM item; COMMIT
ROLLBACK; DELETE FROM item; BEGIN
SELECT 1; COMMIT; DROP TABLE item
SET TRANSACTION READ WRITE; DELETE FROM item
CREATE FUNCTION made() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END
""",
    "transaction": """
BEGIN
BEGIN READ WRITE
START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ WRITE
COMMIT
COMMIT AND CHAIN
END
ABORT
ROLLBACK
ROLLBACK AND CHAIN
SAVEPOINT a
RELEASE SAVEPOINT a
ROLLBACK TO SAVEPOINT a
PREPARE TRANSACTION 'a'
COMMIT PREPARED 'a'
SET TRANSACTION READ WRITE
SET TRANSACTION SNAPSHOT '00000003-0000001B-1'
SET CONSTRAINTS ALL DEFERRED
""",
    "session": """
SET search_path = private
SET LOCAL statement_timeout = 0
SET statement_timeout = 0
SET SESSION default_transaction_read_only = off
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
SET TIME ZONE 'Asia/Tokyo'
SET NAMES 'LATIN1'
SET ROLE pg_monitor
SET SESSION AUTHORIZATION DEFAULT
RESET ALL
RESET statement_timeout
DISCARD ALL
DISCARD TEMP
SELECT set_config('search_path', 'private', false)
SELECT set_config('statement_timeout', '0', true)
SELECT set_config('transaction_read_only', 'off', false)
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'default_transaction_read_only'
SELECT pg_catalog.set_config('role', 'pg_monitor', false)
SELECT * FROM set_config('a.b', 'c', false)
UPDATE pg_settings SET setting = '0' WHERE name = 'statement_timeout'
SELECT setseed(0.5)
PREPARE made AS SELECT 1
PREPARE made AS DELETE FROM item
EXECUTE made
DEALLOCATE ALL
LISTEN attack
UNLISTEN *
NOTIFY attack, 'x'
SELECT pg_notify('attack', 'x')
DECLARE made CURSOR FOR SELECT 1
DECLARE made CURSOR WITH HOLD FOR SELECT * FROM item
DECLARE made BINARY SCROLL CURSOR WITH HOLD FOR SELECT * FROM item FOR UPDATE
FETCH ALL FROM made
FETCH 1 FROM dbmcp
MOVE FORWARD ALL FROM dbmcp
CLOSE ALL
CLOSE dbmcp
LOAD 'auto_explain'
SELECT pg_export_snapshot()
SELECT pg_stat_clear_snapshot()
""",
    "lock": """
SELECT * FROM item FOR UPDATE
SELECT * FROM item FOR NO KEY UPDATE
SELECT * FROM item FOR SHARE
SELECT * FROM item FOR KEY SHARE
SELECT * FROM item FOR UPDATE NOWAIT
SELECT * FROM item FOR UPDATE OF item SKIP LOCKED
SELECT * FROM (SELECT * FROM item FOR UPDATE) q
WITH a AS (SELECT * FROM item FOR SHARE) SELECT * FROM a
SELECT 1 WHERE EXISTS (SELECT FROM item FOR UPDATE)
TABLE item FOR UPDATE
(SELECT * FROM item) FOR UPDATE
SELECT * FROM item/**/FOR/**/UPDATE
LOCK TABLE item
LOCK item IN ACCESS EXCLUSIVE MODE NOWAIT
LOCK TABLE ONLY item IN SHARE MODE
SELECT pg_advisory_lock(1)
SELECT pg_advisory_lock_shared(1, 2)
SELECT pg_advisory_xact_lock(1)
SELECT pg_try_advisory_lock(id) FROM item
SELECT pg_try_advisory_xact_lock(1)
SELECT pg_advisory_unlock_all()
SELECT * FROM pg_advisory_lock(1)
SELECT (SELECT pg_advisory_lock(1))
SELECT pg_catalog.pg_advisory_lock(1)
SELECT pg_catalog."pg_advisory_lock"(1)
SELECT bt_index_check('item_pkey')
SELECT bt_index_parent_check('item_pkey', true)
""",
    "function": """
SELECT writes()
SELECT public.writes()
SELECT "writes"()
SELECT WRITES ( )
SELECT public . writes ( )
SELECT/**/writes/**/()
SELECT * FROM writes()
SELECT * FROM writes() AS w (a)
SELECT * FROM item, LATERAL writes()
SELECT * FROM item CROSS JOIN LATERAL (SELECT writes()) w
SELECT * FROM ROWS FROM (writes(), generate_series(1, 2)) WITH ORDINALITY
SELECT 1 WHERE writes() = 1
SELECT count(*) FROM item GROUP BY writes()
SELECT count(*) FROM item HAVING writes() = 1
SELECT id FROM item ORDER BY writes()
SELECT id FROM item LIMIT writes()
SELECT id FROM item OFFSET (SELECT writes())
SELECT id FROM item FETCH FIRST (writes()) ROWS ONLY
SELECT DISTINCT ON (writes()) id FROM item
SELECT CASE WHEN true THEN writes() END
SELECT coalesce(NULL, writes())
SELECT ARRAY[writes()]
SELECT ARRAY(SELECT writes())
SELECT ROW(writes())
SELECT (ROW(writes())).f1
SELECT sum(id) FILTER (WHERE writes() = 1) FROM item
SELECT sum(id) OVER (PARTITION BY writes()) FROM item
SELECT sum(id) OVER w FROM item WINDOW w AS (ORDER BY writes())
VALUES (writes())
SELECT private.hides()
SELECT private."hides"()
SELECT "Odd Name"()
SELECT counts(1)
SELECT counts(a => 1)
SELECT with_default()
SELECT many(1, 2, 3)
SELECT many(VARIADIC ARRAY[1])
SELECT * FROM some_rows()
SELECT (some_rows()).id
SELECT of_row(item) FROM item
SELECT of_row(item.*) FROM item
SELECT item.of_row FROM item
SELECT i.of_row FROM item AS i
SELECT (i).of_row FROM item AS i
SELECT (item.*).of_row FROM item
SELECT ROW(1, 2)::pair::text, (ROW(1, 2)::pair).of_pair
SELECT of_any(1)
SELECT 'a'::text === 1
SELECT 'a' OPERATOR(public.===) 1
SELECT @# ROW(1, 2)::pair
SELECT 1::pair
SELECT CAST(1 AS pair)
SELECT pair(1)
SELECT 1::watched
SELECT '1'::watched
SELECT CAST('1' AS public.watched)
SELECT watched '1'
SELECT * FROM json_to_record('{{"a": 1}}') AS r (a watched)
SELECT * FROM json_populate_recordset(NULL::pair, '[]'), (SELECT 1::watched) w
SELECT adds(id) FROM item
SELECT adds(id) OVER () FROM item
SELECT * FROM crosstab('SELECT 1, 2, writes()') AS c (a int, b int)
SELECT pg_catalog.int4pl(1, writes())
EXPLAIN SELECT writes()
EXPLAIN (VERBOSE) SELECT writes()
CALL proceeds()
SELECT proceeds()
DO $$BEGIN DELETE FROM item; END$$
DO LANGUAGE plpgsql 'BEGIN PERFORM writes(); END'
""",
    "large object": """
SELECT lo_create(0)
SELECT lo_creat(-1)
SELECT lo_from_bytea(0, 'x')
SELECT lo_put(4711, 0, 'x')
SELECT lo_unlink(4711)
SELECT lo_open(4711, 131072)
SELECT lo_truncate(lo_open(4711, 131072), 0)
SELECT lowrite(lo_open(4711, 131072), 'x')
SELECT loread(lo_open(4711, 262144), 100)
SELECT lo_get(4711)
SELECT lo_import('/etc/passwd')
SELECT lo_export(4711, '{folder}/out')
SELECT * FROM pg_largeobject
SELECT data FROM pg_catalog.pg_largeobject
""",
    "file": """
COPY item TO '{folder}/out'
COPY (SELECT 1) TO '{folder}/out'
COPY item TO STDOUT
COPY item FROM '{folder}/in'
COPY item FROM STDIN
COPY log (what) FROM '/etc/passwd'
SELECT pg_read_file('/etc/passwd')
SELECT pg_read_file('postgresql.conf', 0, 100)
SELECT pg_read_binary_file('/etc/passwd')
SELECT * FROM pg_read_file('PG_VERSION')
SELECT pg_ls_dir('.')
SELECT * FROM pg_ls_dir('{folder}')
SELECT * FROM pg_ls_logdir()
SELECT * FROM pg_ls_waldir()
SELECT * FROM pg_ls_tmpdir()
SELECT * FROM pg_ls_archive_statusdir()
SELECT * FROM pg_stat_file('PG_VERSION')
SELECT pg_file_write('{folder}/out', 'x', false)
SELECT pg_file_rename('{folder}/in', '{folder}/out')
SELECT pg_file_unlink('{folder}/in')
SELECT pg_file_sync('PG_VERSION')
SELECT * FROM pg_logdir_ls() AS l (a timestamp, b text)
CREATE FOREIGN TABLE made (line text) SERVER files OPTIONS (filename '/etc/passwd')
SELECT * FROM pg_get_wal_records_info('0/1000028', '0/2000000')
SELECT get_raw_page('item', 0)
SELECT * FROM heap_page_items(get_raw_page('item', 0))
SELECT xslt_process('<a/>', '<b/>')
""",
    "exec": """
COPY item TO PROGRAM 'touch {folder}/out'
COPY log (what) FROM PROGRAM 'id'
COPY (SELECT 1) TO PROGRAM 'cat > {folder}/out'
CREATE EXTENSION hstore
CREATE EXTENSION IF NOT EXISTS plpython3u
DROP EXTENSION dblink
ALTER EXTENSION lo UPDATE
CREATE LANGUAGE plperlu
CREATE FUNCTION made(text) RETURNS int LANGUAGE C AS '/lib/x86_64-linux-gnu/libc.so.6', 'system'
CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION writes())
""",
    "net": """
SELECT dblink('{dsn}', 'DELETE FROM item')
SELECT * FROM dblink('{dsn}', 'SELECT 1') AS d (a int)
SELECT * FROM public.dblink('{dsn}', 'DELETE FROM item RETURNING id') AS d (a int)
SELECT dblink_exec('{dsn}', 'DELETE FROM item')
SELECT dblink_connect('made', '{dsn}')
SELECT dblink_connect_u('made', '{dsn}')
SELECT dblink_send_query('made', 'DELETE FROM item')
SELECT dblink_open('made', 'c', 'SELECT 1')
SELECT dblink_disconnect()
SELECT dblink_get_connections()
SELECT dblink_build_sql_insert('item', '1', 1, '{{1}}', '{{2}}')
SELECT postgres_fdw_disconnect_all()
SELECT * FROM postgres_fdw_get_connections()
CREATE SERVER made FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1')
ALTER SERVER far OPTIONS (SET host '127.0.0.2')
CREATE SUBSCRIPTION made CONNECTION '{dsn}' PUBLICATION p
CREATE PUBLICATION made FOR ALL TABLES
""",
    "admin": """
SELECT pg_terminate_backend({victim})
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = {victim}
SELECT pg_terminate_backend({victim}, 100)
SELECT pg_cancel_backend({victim})
SELECT pg_reload_conf()
SELECT pg_rotate_logfile()
SELECT pg_switch_wal()
SELECT pg_create_restore_point('x')
SELECT pg_create_physical_replication_slot('made', true)
SELECT pg_create_logical_replication_slot('made', 'pgoutput')
SELECT pg_drop_replication_slot('made')
SELECT pg_replication_slot_advance('made', '0/1')
SELECT pg_copy_physical_replication_slot('made', 'made2')
SELECT pg_logical_slot_get_changes('made', NULL, NULL)
SELECT pg_logical_emit_message(false, 'a', 'b')
SELECT pg_replication_origin_create('made')
SELECT pg_replication_origin_session_setup('made')
SELECT pg_backup_start('x')
SELECT pg_backup_stop()
SELECT pg_promote()
SELECT pg_wal_replay_pause()
SELECT pg_stat_reset()
SELECT pg_stat_reset_shared('bgwriter')
SELECT pg_stat_reset_single_table_counters('item'::regclass)
SELECT pg_stat_reset_slru('Notify')
SELECT pg_stat_statements_reset()
SELECT pg_log_backend_memory_contexts({victim})
SELECT pg_import_system_collations('pg_catalog')
SELECT gin_clean_pending_list('item_name')
SELECT brin_summarize_new_values('item_name')
SELECT pg_prewarm('item')
SELECT pg_truncate_visibility_map('item')
SELECT heap_force_kill('item'::regclass, ARRAY['(0,1)']::tid[])
SELECT heap_force_freeze('item'::regclass, ARRAY['(0,1)']::tid[])
ALTER SYSTEM SET work_mem = '1MB'
ALTER SYSTEM RESET ALL
ALTER DATABASE {database} SET work_mem = '1MB'
ALTER ROLE CURRENT_USER SET statement_timeout = 0
ALTER ROLE ALL SET search_path = private
ALTER USER CURRENT_USER PASSWORD 'x'
CREATE ROLE made SUPERUSER LOGIN
CREATE USER made
DROP ROLE pg_monitor
GRANT ALL ON item TO PUBLIC
REVOKE ALL ON item FROM PUBLIC
GRANT pg_write_server_files TO CURRENT_USER
REASSIGN OWNED BY CURRENT_USER TO pg_monitor
CREATE DATABASE made
DROP DATABASE {database}
CREATE TABLESPACE made LOCATION '{folder}'
CHECKPOINT
""",
    "SQL in a string": """
SELECT query_to_xml('DELETE FROM item RETURNING id', true, true, '')
SELECT query_to_xml('SELECT writes()', true, true, '')
SELECT query_to_xmlschema('SELECT writes()', true, true, '')
SELECT query_to_xml_and_xmlschema('SELECT writes()', true, true, '')
SELECT cursor_to_xml('dbmcp', 1, true, true, '')
SELECT table_to_xml('pg_authid', true, true, '')
SELECT schema_to_xml('pg_catalog', true, true, '')
SELECT database_to_xml(true, true, '')
SELECT * FROM ts_stat('SELECT to_tsvector(writes()::text)')
SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery FROM writes()')
SELECT * FROM crosstab('DELETE FROM item RETURNING id, name, name') AS c (a int, b text)
SELECT * FROM crosstab('SELECT 1, 2, 3', 'SELECT writes()') AS c (a int, b int)
SELECT * FROM crosstab2('SELECT ''1'', ''2'', writes()::text')
SELECT * FROM connectby('item', 'id', 'name', '1', 0) AS c (a text, b text, d int)
SELECT * FROM xpath_table('id', 'name', 'item', '/a', 'writes() = 1') AS x (a int, b text)
SELECT * FROM item WHERE id = (SELECT count(*) FROM query_to_xml('SELECT 1', true, true, ''))
""",
    "credentials": """
SELECT rolpassword FROM pg_authid
SELECT * FROM pg_catalog.pg_authid
SELECT * FROM "pg_authid"
TABLE pg_authid
TABLE ONLY pg_authid
SELECT a FROM pg_authid AS a
SELECT (SELECT rolpassword FROM pg_authid LIMIT 1)
SELECT * FROM item, pg_authid
SELECT * FROM item WHERE EXISTS (SELECT FROM pg_authid WHERE rolpassword LIKE 'SCRAM%')
WITH a AS (SELECT * FROM pg_authid) SELECT * FROM a
SELECT passwd FROM pg_shadow
SELECT * FROM pg_user_mapping
SELECT umoptions FROM pg_user_mappings
SELECT * FROM information_schema.user_mapping_options
SELECT * FROM pg_hba_file_rules
SELECT * FROM pg_hba_file_rules()
SELECT * FROM pg_ident_file_mappings
SELECT * FROM pg_file_settings
SELECT pg_show_all_file_settings()
SELECT subconninfo FROM pg_subscription
SELECT * FROM pg_statistic
EXPLAIN SELECT * FROM pg_authid
""",
    "explain": """
EXPLAIN ANALYZE DELETE FROM item
EXPLAIN ANALYZE VERBOSE UPDATE item SET name = 'x'
EXPLAIN (ANALYZE) INSERT INTO log (what) VALUES ('x')
EXPLAIN (ANALYZE true, FORMAT JSON) DELETE FROM item
EXPLAIN (analyze 1) DELETE FROM item
EXPLAIN (COSTS off, "analyze" on) DELETE FROM item
EXPLAIN (ANALYZE false, ANALYZE true) DELETE FROM item
EXPLAIN (ANALYZE, TIMING off) WITH a AS (DELETE FROM item RETURNING 1) SELECT * FROM a
EXPLAIN ANALYZE CREATE TABLE made AS SELECT 1
EXPLAIN CREATE TABLE made AS SELECT 1
EXPLAIN ANALYZE SELECT writes()
EXPLAIN/**/ANALYZE/**/DELETE FROM item
EXPLAIN ANALYZE EXECUTE made
EXPLAIN DECLARE made CURSOR WITH HOLD FOR SELECT 1
EXPLAIN (ANALYZE) SELECT * FROM item FOR UPDATE
EXPLAIN ANALYZE DELETE FROM ONLY (item)
EXPLAIN (ANALYZE off, ANALYZE on) DELETE FROM item
""",
    "asked of the server": """
SELECT rolpassword FROM ONLY (pg_authid)
SELECT * FROM ONLY (pg_catalog.pg_user_mapping)
SELECT passwd FROM pg_shadow ORDER BY passwd USING >
SELECT umoptions FROM pg_user_mappings ORDER BY 1 USING >
SELECT * FROM ONLY ("pg_largeobject")
SELECT writes() FROM ONLY (item)
SELECT item.of_row FROM ONLY (item)
SELECT (item).of_row FROM ONLY (item)
SELECT (item.*).of_row FROM item ORDER BY id USING >
SELECT 1::watched FROM ONLY (item)
SELECT watched '1' FROM ONLY (item)
SELECT 1::pair FROM ONLY (item)
SELECT 'a'::text === 1 FROM ONLY (item)
SELECT adds(id) FROM ONLY (item)
SELECT "Odd Name"() FROM ONLY (item)
SELECT nextval('counter') FROM ONLY (item)
SELECT id FROM item ORDER BY nextval('counter') USING >
SELECT insert, lo_get(4711) FROM (SELECT 1 AS insert) q
SELECT insert, pg_read_file('/etc/passwd') FROM (SELECT 1 AS insert) q
SELECT XMLPARSE(CONTENT pg_read_file('PG_VERSION'))
SELECT XMLPARSE(CONTENT query_to_xml('SELECT writes()', true, true, '')::text)
SELECT XMLPARSE(DOCUMENT '<a/>'), pg_sleep(1)
SELECT pg_advisory_lock(1) FROM ONLY (item)
SELECT set_config('search_path', 'private', false) FROM ONLY (item)
SELECT * FROM ONLY (item) FOR UPDATE
SELECT * FROM item ORDER BY id USING > FOR SHARE
SELECT * INTO made FROM ONLY (item)
SELECT * FROM ONLY (item); DELETE FROM item
WITH a AS (DELETE FROM item RETURNING id) SELECT * FROM ONLY (item)
WITH a AS (SELECT * FROM ONLY (item)) DELETE FROM item
DELETE FROM ONLY (item)
UPDATE ONLY (item) SET name = 'x'
TRUNCATE ONLY (item)
LOCK ONLY (item)
DECLARE made CURSOR WITH HOLD FOR SELECT * FROM ONLY (item)
COPY (SELECT * FROM ONLY (item)) TO PROGRAM 'touch {folder}/out'
CREATE TABLE made AS SELECT * FROM ONLY (item)
EXPLAIN ANALYZE SELECT writes() FROM ONLY (item)
SELECT * FROM XMLTABLE('/a' PASSING pg_read_file('PG_VERSION')::xml COLUMNS a int PATH 'b' DEFAULT writes())
SELECT * FROM ROWS FROM (json_to_record('{{}}') AS (a watched))
""",
}
#: What can't stand in a line, or is about how the text is written.
TRICKS = [
    "/* /* */ DELETE FROM item -- */",
    "/* a /* b */ c */ DELETE FROM item",
    "--\nDELETE FROM item",
    "-- SELECT 1\rDELETE FROM item",
    "SELECT 1 --\r; DELETE FROM item",
    "SELECT 1 -- \u2028; DELETE FROM item",
    "SELECT 1 -- \x85 ; DELETE FROM item\n; DELETE FROM item",
    "SELECT 1\x00; DELETE FROM item",
    "SELECT 1; \x00 DELETE FROM item",
    "\ufeffDELETE FROM item",
    "\ufeffSELECT 1; DELETE FROM item",
    "SELECT\u00a01; DELETE FROM item",
    "DELETE\u00a0FROM item",
    "DE\u200bLETE FROM item",
    "SELECT\u3000writes()",
    "SELECT \u200bwrites()",
    "SELECT $$a$$; DELETE FROM item; --$$",
    "SELECT $a$ $b$ $a$; DELETE FROM item --$b$",
    "SELECT $$'$$; DELETE FROM item; SELECT '$$'",
    "SELECT '\\'; DELETE FROM item; --'",
    "SELECT E'\\'; DELETE FROM item; --', 'x'; DELETE FROM item",
    "SELECT E'a' \n 'b\\'; DELETE FROM item; --'",
    "SELECT 'a'\n'; DELETE FROM item; --'; DELETE FROM item",
    'SELECT U&"writ\\0065s"()',
    "SELECT U&\"writ!0065s\" UESCAPE '!' ()",
    "SELECT U&'a' UESCAPE ''''; DELETE FROM item",
    'SELECT * FROM U&"pg_\\0061uthid"',
    'SELECT "a;b"; DELETE FROM item',
    'SELECT 1 AS "a""; DELETE FROM item --"; DELETE FROM item',
    "SELECT 1 \\; DELETE FROM item",
    "\\copy item to program 'id'",
    "\\! id",
    "SELECT 1 \\gexec",
    "select 1 as x where 1=1; delete from item where 1=1 /*",
    "DeLeTe\tFrOm\nitem",
    "(DELETE FROM item)",
    "((SELECT 1); DELETE FROM item)",
    "SELECT x'41'; DELETE FROM item",
    "SELECT B'1'/**/;/**/DELETE/**/FROM/**/item",
    "SELECT 1e1into made FROM item",
    "SELECT 1.into made FROM item",
    "SELECT 1INTO made FROM item",
    "SELECT 'a'INTO made FROM item",
    "/*+ Set(statement_timeout 0) */ SELECT 1",
    "SELECT \uff57rites()",
    "\uff24ELETE FROM item",
    "SELECT * FROM item FOR U\u0050DATE",
    "SELECT '\ud800'; DELETE FROM item",
    "/**/" * 300 + "DELETE FROM item",
    "CREATE FUNCTION made() RETURNS int LANGUAGE sql AS $$SELECT 1; DELETE FROM item$$; DELETE FROM item",
]
#: What a read may ask, and mustn't take long over.
BOMBS = [
    "SELECT count(*) FROM generate_series(1, 10000000000)",
    "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "WITH RECURSIVE r(n) AS (SELECT 1::numeric UNION ALL SELECT n * 2 FROM r) SELECT max(n) FROM r",
    "WITH RECURSIVE r(t) AS (SELECT 'aaaaaaaaaa' UNION ALL SELECT t || t FROM r) SELECT max(length(t)) FROM r",
    "SELECT length(repeat(repeat('x', 1000), 100000000))",
    "SELECT sum(length(repeat('x', 100000000))) FROM generate_series(1, 1000)",
    "SELECT count(*) FROM big a, big b, big c WHERE a.pad LIKE '%' || b.pad || c.pad",
    "SELECT 9999999999::numeric ^ 9999999",
    "SELECT factorial(100000)",
    "SELECT sum(length((2::numeric ^ 10000 * id)::text)) FROM big",
    "SELECT count(*) FROM big WHERE repeat('a', 5000) || 'b' ~ '(a|aa)*c'",
    "SELECT count(*) FROM regexp_matches(repeat('a', 20000), '(a*)*(a*)*b', 'g')",
    "SELECT array_agg(a.pad || b.pad) IS NULL FROM big a, big b",
    "SELECT length(string_agg(a.pad, b.pad)) FROM big a, big b",
    "SELECT jsonb_agg(a) IS NULL FROM big a, big b",
    "SELECT count(DISTINCT a.id * b.id) FROM big a, big b",
    "SELECT a.id FROM big a, big b ORDER BY a.pad || b.pad DESC LIMIT 1",
    "SELECT sum(cardinality(array_fill(id, ARRAY[10000000]))) FROM big",
    "SELECT count(*) FROM generate_series('1000-01-01'::timestamp, '9999-01-01', '1 second')",
    "SELECT count(lpad('x', 100000000 + id) = rpad('x', 100000000)) FROM big",
    "SELECT pg_sleep(100)",
    "SELECT pg_sleep_for('1 hour')",
    "SELECT pg_sleep_until('2999-01-01')",
    "SELECT 1 FROM item WHERE id IN (" + ", ".join(map(str, range(40_000))) + ") AND pg_sleep(9) IS NULL",
    "SELECT " + "(" * 2_000 + "1" + ")" * 2_000,
    "SELECT " + "-" * 1 + " -" * 3_000 + "1",
    "SELECT 1" + " + 1" * 30_000,
    "SELECT ARRAY" + "[" * 3_000 + "1" + "]" * 3_000,
    "SELECT " + "CASE WHEN true THEN " * 1_000 + "1" + " END" * 1_000,
    "SELECT " + "coalesce(" * 1_000 + "1" + ")" * 1_000,
    "SELECT * FROM " + "(SELECT * FROM " * 500 + "item" + ") q" * 500,
]

Watch = Callable[[], dict[str, object]]


def attacks(settings: dict[str, Any], folder: Path, victim: int) -> list[tuple[str, str]]:
    """Every attack with its class, as it is sent."""
    dsn = "host=127.0.0.1 port={port} dbname={database} user={user} password={password}".format(**settings)
    fill = {"folder": folder, "dsn": dsn, "victim": victim, "database": settings["database"]}
    named = [(name, line) for name, lines in ATTACKS.items() for line in lines.strip().splitlines()]
    return [(name, line.format(**fill)) for name, line in named] + [("trick", text) for text in TRICKS]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the server, which runs as somebody else, may write to."""
    path = Path(tempfile.mkdtemp(prefix="dbmcp-attacks-"))
    path.chmod(0o777)
    put_back(path)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def put_back(folder: Path) -> None:
    """Make *folder* as it was before an attack."""
    for path in folder.iterdir():
        path.unlink()
    (folder / "in").write_text("9999\tx\t1\n")


@pytest.fixture(scope="module")
def target(postgres_server: PostgresServer) -> Iterator[dict[str, Any]]:
    """Settings of the database under attack."""
    if not postgres_server.is_private:
        pytest.skip("attacks by a superuser are for a server of the tests' own")
    there = postgres_server.execute("SELECT name FROM pg_available_extensions").split()
    if missing := set(re.findall(r"CREATE EXTENSION (\w+)", SETUP)) - set(there):
        pytest.skip(f"this PostgreSQL comes without {', '.join(sorted(missing))}")
    settings = postgres_server.create_database()
    postgres_server.execute(SETUP.format(**settings), settings["database"])
    yield settings
    postgres_server.start()
    postgres_server.drop_database(settings["database"])


def admin(settings: dict[str, Any]) -> psycopg.Connection[Any]:
    """A connection beside us, of the driver alone."""
    return psycopg.connect(
        host=settings["host"],
        port=settings["port"],
        user=settings["user"],
        password=settings["password"],
        dbname=settings["database"],
        application_name="watcher",
        autocommit=True,
    )


@pytest.fixture
def victim(target: dict[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    with admin(target) as connection:
        yield connection


_CATALOGUES = sorted(
    words(
        """pg_class pg_proc pg_attribute pg_type pg_namespace pg_extension pg_constraint pg_trigger pg_rewrite pg_cast
        pg_description pg_operator pg_index pg_policy pg_publication pg_subscription pg_event_trigger pg_foreign_server
        pg_user_mapping pg_default_acl pg_collation pg_language pg_authid pg_auth_members pg_database pg_tablespace
        pg_db_role_setting pg_replication_origin pg_shseclabel pg_largeobject pg_largeobject_metadata"""
    )
)
_TABLES = ("item", "log", "kept")
_PICTURE = [
    *(f"SELECT '{t}', count(*)::text, sum(hashtext(t::text)::int8)::text FROM {t} t" for t in _TABLES),
    *(f"SELECT '{c}', count(*)::text, sum(xmin::text::int8)::text FROM {c}" for c in _CATALOGUES),
    "SELECT 'big', count(*)::text, '' FROM big",
    "SELECT 'counter', last_value::text, is_called::text FROM counter",
    "SELECT 'settings', string_agg(name || setting, ',' ORDER BY name), '' FROM pg_settings WHERE source <> 'default'",
    "SELECT 'file settings', count(*)::text, '' FROM pg_file_settings",
    "SELECT 'configuration loaded', pg_conf_load_time()::text, ''",
    "SELECT 'slots', count(*)::text, '' FROM pg_replication_slots",
    "SELECT 'prepared', count(*)::text, '' FROM pg_prepared_xacts",
    "SELECT 'statistics', max(stats_reset)::text, '' FROM pg_stat_database",
    "SELECT 'bgwriter', max(stats_reset)::text, '' FROM pg_stat_bgwriter",
    "SELECT 'statements', max(stats_reset)::text, '' FROM pg_stat_statements_info",
    """SELECT 'others', string_agg(pid::text, ',' ORDER BY pid), '' FROM pg_stat_activity
    WHERE application_name = 'watcher' AND datname = current_database()""",
    "SELECT 'folder of data', string_agg(f, ',' ORDER BY f), '' FROM pg_ls_dir('.') f",
]
_LEFT_OVER = """
SELECT 'session', pid::text, state || ' ' || query FROM pg_stat_activity
WHERE datname = current_database() AND application_name <> 'watcher' AND state <> 'idle'
UNION ALL
SELECT 'lock', l.pid::text, l.locktype || ' ' || l.mode FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE a.datname = current_database() AND a.application_name <> 'watcher'
"""


@pytest.fixture
def watch(target: dict[str, Any], folder: Path) -> Iterator[Watch]:
    """Return what takes a picture of the whole server, as far as an attack could change it."""
    with admin(target) as connection:
        notified: list[str] = []
        connection.add_notify_handler(lambda notice: notified.append(notice.channel))
        connection.execute("LISTEN attack")
        everything = " UNION ALL ".join(_PICTURE)

        def look() -> dict[str, object]:
            picture: dict[str, object] = {name: rest for name, *rest in connection.execute(everything)}
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            picture["files"] = [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]
            picture["notified"] = list(notified)
            picture["left over"] = left_over(connection)
            return picture

        yield look


def left_over(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Sessions and locks of ours that are still there a moment later."""
    moment = threading.Event()
    for _ in range(1_000):
        found = connection.execute(_LEFT_OVER).fetchall()
        if not found:
            break
        moment.wait(0.01)
    return found


def changed(before: dict[str, object], after: dict[str, object]) -> list[str]:
    return [name for name in before if before[name] != after[name]]


@pytest.fixture
def client(postgres_server: PostgresServer, target: dict[str, Any]) -> Iterator[Client]:
    with connect(postgres_server.url_for(target["database"])) as found:
        yield found


def test_there_are_attacks_of_every_class() -> None:
    assert sum(len(lines.strip().splitlines()) for lines in ATTACKS.values()) + len(TRICKS) + len(BOMBS) > 400


def test_no_attack_passes_the_road_or_changes_anything(
    client: Client, target: dict[str, Any], folder: Path, victim: psycopg.Connection[Any], watch: Watch
) -> None:
    before = watch()
    wrong = []
    for name, text in attacks(target, folder, victim.info.backend_pid):
        for attempt in (client.query, client.execute, client.explain):
            try:
                attempt(text)
            except Refused:
                continue
            except DbmcpError as exc:
                wrong.append(f"{name}: {attempt.__name__}: {text}: reached the database: {exc.code} {exc}")
            else:
                wrong.append(f"{name}: {attempt.__name__}: {text}: passed")
        if difference := changed(before, watch()):
            wrong.append(f"{name}: {text}: changed {difference}")
    assert wrong == []
    assert victim.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize("text", BOMBS, ids=lambda text: text[:50])
def test_a_bomb_ends_soon(client: Client, watch: Watch, text: str) -> None:
    before = watch()
    try:
        client.query(text, limits=Limits(timeout_s=0.2))
    except DbmcpError as exc:
        assert exc.code != "database_error"  # noqa: PT017 - a quick server may run it
    assert changed(before, watch()) == []
    assert client.query("SELECT 1").rows == ((1,),)


# Without the guard

_SESSION = """
SELECT 'lock', locktype || mode FROM pg_locks
WHERE pid = pg_backend_pid() AND locktype NOT IN ('virtualxid', 'relation')
UNION ALL
SELECT 'setting', name || '=' || setting FROM pg_settings
WHERE source = 'session' AND name NOT IN ('transaction_read_only', 'transaction_isolation', 'transaction_deferrable')
UNION ALL
SELECT 'temporary', relname FROM pg_class WHERE relpersistence = 't' AND NOT pg_is_other_temp_schema(relnamespace)
UNION ALL
SELECT 'prepared', name FROM pg_prepared_statements
UNION ALL
SELECT 'cursor', name FROM pg_cursors WHERE name <> 'dbmcp' AND name <> ''
UNION ALL
SELECT 'channel', pg_listening_channels()
UNION ALL
SELECT 'user', user || session_user
ORDER BY 1, 2
"""


@pytest.fixture
def engine(target: dict[str, Any]) -> Iterator[PostgresDatabase]:
    """The open database itself, below guard and policies."""
    settings = Postgres.settings.build({**target, "timeout_s": 1}, where="test")
    with Postgres().open(settings) as database:
        yield database


def send(engine: PostgresDatabase, text: str, timeout_s: float = 0.5) -> list[tuple[Any, ...]]:
    running = Running()
    with running.within(timeout_s):
        return drain(engine.query(Statement(text), running))


#: What no transaction keeps: files, other sessions, the server's own state. Only the guard stands before it, and the
#: account: one that is no superuser may do none of it.
_OWN_WAY = re.compile("dblink|heap_force")
_BEYOND = {"files", "configuration loaded", "slots", "statistics", "bgwriter", "statements", "others"}


def test_the_engines_own_locks_hold_without_the_guard(
    engine: PostgresDatabase, target: dict[str, Any], folder: Path, watch: Watch
) -> None:
    session = send(engine, _SESSION)
    wrong = []
    with admin(target) as connection:
        pid = connection.info.backend_pid
        for name, text in attacks(target, folder, pid):
            before = watch()
            with contextlib.suppress(DbmcpError):
                send(engine, text)
            difference = set(changed(before, watch()))
            if difference - _BEYOND and not _OWN_WAY.search(text):
                wrong.append(f"{name}: {text}: changed {difference}")
            if (now := send(engine, _SESSION)) != session:
                wrong.append(f"{name}: {text}: left {now}")
            if "files" in difference:
                put_back(folder)
            if "item" in difference:
                with admin(target) as other:
                    other.execute("INSERT INTO item SELECT n, 'name ' || n, n FROM generate_series(1, 500) n")
    assert wrong == []


# Nobody waits for a read

_CHANGES = [
    "ALTER TABLE item ALTER price SET DEFAULT 1",
    "ALTER TABLE item ADD COLUMN extra int; ALTER TABLE item DROP COLUMN extra",
    "TRUNCATE item",
    "DROP TABLE item CASCADE",
    "REINDEX TABLE item",
    "LOCK TABLE item",
    "VACUUM FULL item",
    "CREATE INDEX CONCURRENTLY made ON item (name)",
    "DROP MATERIALIZED VIEW kept",
    "ALTER VIEW names RENAME TO named",
]


@pytest.fixture
def tables(postgres_server: PostgresServer, target: dict[str, Any]) -> Iterator[None]:
    """Put ``item`` and what is made of it back, whatever a test did to it."""
    yield
    remake = SETUP[SETUP.index("CREATE TABLE item") : SETUP.index("CREATE TABLE log")]
    views = "CREATE VIEW names AS SELECT id, name FROM item; CREATE MATERIALIZED VIEW kept AS SELECT count(*) FROM item"
    drop = "DROP VIEW IF EXISTS named; DROP TABLE IF EXISTS item CASCADE; DROP MATERIALIZED VIEW IF EXISTS kept;"
    postgres_server.execute(f"{drop} {remake} {views}", target["database"])


@pytest.mark.usefixtures("tables")
def test_no_lock_outlives_an_attack(
    client: Client, engine: PostgresDatabase, target: dict[str, Any], folder: Path
) -> None:
    with admin(target) as other:
        other.execute("SET lock_timeout = '3s'")
        for name, text in attacks(target, folder, 0):
            if name == "lock":
                with pytest.raises(Refused):
                    client.query(text)
                with contextlib.suppress(DbmcpError):
                    send(engine, text)
                other.execute("ALTER TABLE item ALTER price SET DEFAULT 1")
                assert other.execute("SELECT pg_try_advisory_lock(1), pg_try_advisory_lock(1, 2)").fetchone() == (
                    True,
                    True,
                )
                other.execute("SELECT pg_advisory_unlock_all()")


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("change", _CHANGES)
def test_a_parked_result_gives_way(client: Client, target: dict[str, Any], change: str) -> None:
    text = "SELECT * FROM item, names, kept"
    cursors = [client.query(text, limits=Limits(max_rows=5)).cursor for _ in range(2)]
    assert None not in cursors
    with admin(target) as other:
        for part in ["SET lock_timeout = '3s'", *change.split("; ")]:
            if part.startswith("LOCK"):
                other.execute(f"BEGIN; {part}; COMMIT")
            else:
                other.execute(part)
    for cursor in cursors:
        with pytest.raises(CursorExpired):
            client.read_on(str(cursor))
    assert client.query("SELECT 1").rows == ((1,),)


def test_a_parked_result_that_is_in_nobodys_way_stays(client: Client, target: dict[str, Any]) -> None:
    page = client.query("SELECT id FROM big ORDER BY id", limits=Limits(max_rows=5))
    with admin(target) as other:
        other.execute("SET lock_timeout = '3s'")
        cursor = client.query("SELECT * FROM log, item", limits=Limits(max_rows=0)).cursor
        other.execute("CREATE TABLE beside (a int); DROP TABLE beside; INSERT INTO big VALUES (0, 'x')")
        other.execute("DELETE FROM big WHERE id = 0")
    assert cursor is None
    assert client.read_on(str(page.cursor), limits=Limits(max_rows=3)).rows == ((6,), (7,), (8,))

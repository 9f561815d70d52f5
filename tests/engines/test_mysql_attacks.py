"""Attacks as root on a read-only source, by class: none passes, nothing changes; then the same without the guard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import Statement
from dbmcp_core.config import Source
from dbmcp_core.errors import DbmcpError
from dbmcp_core.executor import Executor
from dbmcp_core.registry import Registry
from dbmcp_core.running import Running
from dbmcp_core.testing.base import drain
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.servers import MariaDBServer
from dbmcp_mysql import MySQL

OBJECTS = """
CREATE TABLE t (a INT PRIMARY KEY, b TEXT);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
CREATE TABLE m (a INT) ENGINE = MyISAM;
INSERT INTO m VALUES (1);
CREATE SEQUENCE s;
CREATE VIEW v AS SELECT a FROM t;
CREATE VIEW counting AS SELECT NEXTVAL(s) AS n;
CREATE PROCEDURE p() DELETE FROM t;
CREATE PROCEDURE dropping() DROP TABLE t;
DELIMITER //
CREATE FUNCTION writes() RETURNS INT BEGIN INSERT INTO t VALUES (9, 'x'); RETURN 1; END //
CREATE FUNCTION lies() RETURNS INT READS SQL DATA BEGIN INSERT INTO t VALUES (9, 'x'); RETURN 1; END //
CREATE FUNCTION modifying() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM m; RETURN 1; END //
CREATE FUNCTION settings() RETURNS INT BEGIN SET GLOBAL max_connections = 77; RETURN 1; END //
CREATE FUNCTION counts() RETURNS INT RETURN NEXTVAL(s) //
CREATE FUNCTION locks() RETURNS INT RETURN GET_LOCK('dbmcp', 0) //
CREATE FUNCTION calls() RETURNS INT RETURN settings() //
CREATE FUNCTION exports() RETURNS INT BEGIN SELECT 1 INTO OUTFILE '{folder}/f'; RETURN 1; END //
DELIMITER ;
"""

ATTACKS: dict[str, str] = {
    "rows": """
DELETE FROM t
DELETE FROM m
UPDATE t SET b = 'x'
INSERT INTO t VALUES (3, 'x')
INSERT INTO m VALUES (3)
INSERT INTO t SET a = 4
INSERT IGNORE INTO t VALUES (1, 'x')
INSERT INTO t VALUES (1, 'x') ON DUPLICATE KEY UPDATE b = 'x'
INSERT INTO t VALUES (5, 'x') RETURNING a
REPLACE INTO t VALUES (1, 'x')
TRUNCATE t
DELETE t FROM t JOIN m USING (a)
UPDATE t JOIN m USING (a) SET b = 'x'
WITH c AS (SELECT 1) DELETE FROM t
LOAD DATA INFILE '/etc/hostname' INTO TABLE t
LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t
LOAD XML INFILE '/etc/hostname' INTO TABLE t
ANALYZE DELETE FROM t
ANALYZE FORMAT=JSON UPDATE t SET b = 'x'
EXPLAIN ANALYZE DELETE FROM t
/* SELECT */ DELETE FROM t
-- SELECT\\nDELETE FROM t
(DELETE FROM t)
DELETE HISTORY FROM t
""",
    "definitions": """
CREATE TABLE x (a INT)
CREATE TABLE x AS SELECT * FROM t
CREATE TABLE x LIKE t
CREATE TEMPORARY TABLE x (a INT)
CREATE OR REPLACE TABLE t (a INT)
DROP TABLE t
DROP TABLE IF EXISTS t, m
DROP VIEW v
ALTER TABLE t ADD c INT
ALTER TABLE t ENGINE = MyISAM
RENAME TABLE t TO x
CREATE INDEX i ON t (b(5))
CREATE VIEW x AS SELECT 1
CREATE OR REPLACE VIEW v AS SELECT 2 AS a
CREATE SEQUENCE x
ALTER SEQUENCE s RESTART 50
CREATE DATABASE dbmcp_x
DROP DATABASE mysql
CREATE PROCEDURE x() SELECT 1
CREATE FUNCTION x() RETURNS INT RETURN 1
DROP FUNCTION writes
CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 'x'
CREATE EVENT x ON SCHEDULE EVERY 1 SECOND DO DELETE FROM t
CREATE SERVER x FOREIGN DATA WRAPPER mysql OPTIONS (HOST '127.0.0.1')
CREATE PACKAGE x AS FUNCTION f RETURN INT; END
""",
    "several": """
SELECT 1; DELETE FROM t
SELECT 1;DROP TABLE t
SELECT 1; SELECT 2
SELECT ';' ; DELETE FROM t
SELECT 1 /*! ; DELETE FROM t */
SELECT 1 /*!50000 ; DROP TABLE t */
SELECT 1 /*M! ; DROP TABLE t */
SELECT 1 -- \\n; DELETE FROM t
SELECT 1 #\\n; DELETE FROM t
SELECT 'a\\\\'; DELETE FROM t; -- '
DELIMITER // SELECT 1 // DELETE FROM t
""",
    "transactions": """
COMMIT
ROLLBACK
BEGIN
START TRANSACTION READ WRITE
SET TRANSACTION READ WRITE
SET SESSION TRANSACTION READ WRITE
SET SESSION tx_read_only = 0
SAVEPOINT x
XA START 'x'
BEGIN NOT ATOMIC DELETE FROM t; END
SET STATEMENT tx_read_only = 0 FOR DELETE FROM t
SET STATEMENT max_statement_time = 0 FOR SELECT 1
""",
    "strings": """
PREPARE x FROM 'DELETE FROM t'
EXECUTE IMMEDIATE 'DELETE FROM t'
EXECUTE IMMEDIATE CONCAT('DROP', ' TABLE t')
EXECUTE x
CALL p()
CALL dropping()
DEALLOCATE PREPARE x
""",
    "functions": """
SELECT writes()
SELECT modifying()
SELECT settings()
SELECT counts()
SELECT calls()
SELECT locks()
SELECT exports()
SELECT a FROM t WHERE writes()
SELECT a FROM t ORDER BY settings()
SELECT * FROM (SELECT settings() AS x) y
SELECT `settings`()
SELECT settings ()
SELECT IF(1, settings(), 2)
VALUES (settings())
EXPLAIN SELECT settings()
SHOW TABLES WHERE settings()
SELECT lies()
SELECT NEXTVAL(s)
SELECT NEXT VALUE FOR s
SELECT SETVAL(s, 100)
SELECT * FROM counting
DO settings()
SELECT LAST_INSERT_ID(7)
SELECT sys_exec('id')
""",
    "files": """
SELECT LOAD_FILE('/etc/passwd')
SELECT 1 INTO OUTFILE '{folder}/x'
SELECT * FROM t INTO OUTFILE '{folder}/x'
SELECT 'x' INTO DUMPFILE '{folder}/x'
TABLE t INTO OUTFILE '{folder}/x'
(SELECT 1 INTO OUTFILE '{folder}/x')
SELECT 1 UNION SELECT 2 INTO OUTFILE '{folder}/x'
SELECT 1 /*!50000 INTO OUTFILE '{folder}/x' */
SELECT '<?php' LIMIT 1 INTO OUTFILE '{folder}/x' LINES TERMINATED BY 'x'
SET GLOBAL general_log_file = '{folder}/x'
CREATE TABLE x (a INT) DATA DIRECTORY = '{folder}'
""",
    "server": """
SET GLOBAL max_connections = 77
SET @@global.max_connections = 77
SET PERSIST max_connections = 77
SET PASSWORD = PASSWORD('x')
SET NAMES latin1
SET @x = 1
SET ROLE NONE
SELECT @x := 1
SELECT 1 INTO @x
SELECT a INTO @x FROM t LIMIT 1
CREATE USER x
CREATE ROLE x
ALTER USER CURRENT_USER() IDENTIFIED BY 'x'
GRANT ALL ON *.* TO x
REVOKE ALL ON *.* FROM x
DROP USER root
FLUSH PRIVILEGES
FLUSH TABLES WITH READ LOCK
RESET MASTER
RESET QUERY CACHE
CHANGE MASTER TO MASTER_HOST = 'x'
START SLAVE
PURGE BINARY LOGS TO 'x'
INSTALL SONAME 'ha_blackhole'
UNINSTALL SONAME 'ha_sequence'
SHUTDOWN
KILL 1
KILL QUERY 1
BINLOG 'x'
USE mysql
HELP 'select'
SIGNAL SQLSTATE '45000'
""",
    "locks": """
SELECT * FROM t FOR UPDATE
SELECT * FROM t LOCK IN SHARE MODE
SELECT * FROM t FOR UPDATE SKIP LOCKED
LOCK TABLES t WRITE
LOCK TABLES t READ
UNLOCK TABLES
SELECT GET_LOCK('dbmcp', 0)
SELECT RELEASE_ALL_LOCKS()
HANDLER t OPEN
HANDLER t READ FIRST
BACKUP STAGE START
BACKUP LOCK t
SELECT SLEEP(60)
SELECT BENCHMARK(1000000000, MD5('x'))
""",
    "maintenance": """
OPTIMIZE TABLE t
ANALYZE TABLE t
ANALYZE TABLE t PERSISTENT FOR ALL
CHECK TABLE t
REPAIR TABLE m
CHECKSUM TABLE t
CACHE INDEX m IN x
LOAD INDEX INTO CACHE m
SELECT * FROM t PROCEDURE ANALYSE()
""",
    "secrets": """
SELECT * FROM mysql.user
SELECT * FROM `mysql`.`global_priv`
SELECT u.* FROM mysql . user u
SHOW CREATE USER CURRENT_USER()
""",
}
#: Not tried without the guard: they would end the server, its account or other sessions.
TOO_MUCH = ("SHUTDOWN", "KILL", "RESET", "PURGE", "FLUSH", "BACKUP", "SLEEP", "BENCHMARK", "GLOBAL", "@@global")
TOO_MUCH += ("settings", "calls", "PASSWORD", "USER", "DATABASE", "SONAME", "PERSIST", "MASTER", "SLAVE")


def attacks(folder: Path) -> list[str]:
    lines = [line for text in ATTACKS.values() for line in text.strip().split("\n")]
    return [line.replace("\\n", "\n").replace("{folder}", str(folder)) for line in lines]


class World:
    """A server's databases, accounts, settings and files, as far as an attack could change them."""

    def __init__(self, server: MariaDBServer, database: str, folder: Path) -> None:
        self.server, self.database, self.folder = server, database, folder
        server.execute(OBJECTS.replace("{folder}", str(folder)), database)

    def snapshot(self) -> tuple[str, ...]:
        ask = (
            "CHECKSUM TABLE t, m; SELECT * FROM s; SHOW CREATE TABLE t; SHOW CREATE TABLE m; SHOW CREATE VIEW v",
            "SELECT table_schema, table_name, engine FROM information_schema.tables ORDER BY 1, 2",
            "SELECT routine_schema, routine_name FROM information_schema.routines ORDER BY 1, 2",
            "SELECT trigger_name FROM information_schema.triggers; SELECT event_name FROM information_schema.events",
            "SELECT user, host, password FROM mysql.user ORDER BY 1, 2; SELECT * FROM mysql.servers",
            "SHOW DATABASES; SELECT @@max_connections, @@general_log_file, IS_FREE_LOCK('dbmcp')",
            "SELECT plugin_name FROM information_schema.plugins ORDER BY 1",
        )
        found = [self.server.execute(text, self.database) for text in ask]
        return (*found, *sorted(path.name for path in self.folder.iterdir()))


@pytest.fixture
def world(mysql_server: MariaDBServer, mysql_settings: dict[str, Any], tmp_path: Path) -> World:
    tmp_path.chmod(0o777)
    return World(mysql_server, mysql_settings["database"], tmp_path)


@pytest.fixture
def reader(mysql_settings: dict[str, Any]) -> Iterator[Caller]:
    engine = MySQL()
    settings = engine.settings.build({**mysql_settings, "read_only": True, "timeout_s": 5}, where="test")
    executor = Executor(Registry(), [Source("main", engine, settings, "test")])
    yield Caller(executor)
    executor.close()


def test_there_are_enough_attacks() -> None:
    assert len(attacks(Path())) >= 110


#: Reads that call what can't write in a read-only session: the server itself stops these.
SERVERS_OWN = ("SELECT lies()", "SELECT * FROM counting")


def test_no_attack_passes_or_changes_anything(world: World, reader: Caller) -> None:
    before = world.snapshot()
    passed = []
    for text in attacks(world.folder):
        try:
            reader.query(text)
        except DbmcpError as exc:
            if text not in SERVERS_OWN and "connection" in exc.code:
                passed.append(f"{text}: {exc}")
        else:
            passed.append(text)
    assert passed == []
    assert world.snapshot() == before
    with pytest.raises(DbmcpError):
        reader.execute("DELETE FROM t")


def test_without_the_guard_the_server_keeps_rows_and_definitions(world: World, mysql_settings: dict[str, Any]) -> None:
    """Even then a read changes no row and no definition; files, settings and waits are the guard's to stop."""
    engine = MySQL()
    settings = engine.settings.build({**mysql_settings, "timeout_s": 5}, where="test")
    before = world.snapshot()
    ran = []
    with engine.open(settings) as database:
        for text in attacks(world.folder):
            if any(word in text for word in TOO_MUCH):
                continue
            try:
                drain(database.query(Statement(text), Running()))
            except DbmcpError:
                continue
            ran.append(text)
    # What ran without changing anything that outlives it, but for the files.
    for path in world.folder.iterdir():
        path.unlink()
    print("only the guard stops:", *ran, sep="\n  ")
    assert world.snapshot() == before
    assert not [text for text in ran if text.split()[0] in ("DELETE", "UPDATE", "INSERT", "DROP", "ALTER", "CREATE")]


def test_locks_and_variables_end_with_the_call_even_without_the_guard(
    world: World, mysql_settings: dict[str, Any]
) -> None:
    engine = MySQL()
    with engine.open(engine.settings.build(mysql_settings, where="test")) as database:
        for text in (
            "SELECT GET_LOCK('dbmcp', 0)",
            "SELECT @x := 5",
            "HANDLER t OPEN",
            "SET @@sql_mode = 'ANSI_QUOTES'",
        ):
            drain(database.query(Statement(text), Running()))
        rows = drain(database.query(Statement("SELECT @x, @@sql_mode LIKE '%ANSI%'"), Running()))
    assert rows == [(None, 0)]
    assert world.server.execute("SELECT IS_FREE_LOCK('dbmcp')") == "1"
    world.server.execute("SET lock_wait_timeout = 5; ALTER TABLE t ADD c INT", world.database)


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        ("RETURNS INT RETURN 1 + 1", True),
        ("RETURNS VARCHAR(20) RETURN CONCAT('a', UPPER('b'))", True),
        ("RETURNS INT BEGIN RETURN 2; END", True),
        ("RETURNS INT READS SQL DATA BEGIN DECLARE n INT; SELECT count(*) INTO n FROM t; RETURN n; END", True),
        ("RETURNS INT DETERMINISTIC BEGIN DECLARE n INT DEFAULT 3; RETURN n; END", True),
        ("RETURNS INT NO SQL BEGIN RETURN 2; END", True),
        ("RETURNS INT BEGIN DECLARE n INT; SELECT count(*) INTO n FROM t; RETURN n; END", False),
        ("RETURNS INT RETURN SLEEP(0)", False),
        ("RETURNS INT RETURN settings()", False),
        ("RETURNS INT DETERMINISTIC MODIFIES SQL DATA RETURN 1", False),
    ],
)
def test_a_stored_function_passes_when_it_is_known_to_read(
    world: World, reader: Caller, mysql_settings: dict[str, Any], body: str, passes: bool
) -> None:
    world.server.execute(f"DELIMITER //\nCREATE FUNCTION mine() {body} //", world.database)
    for text in ("SELECT mine()", f"SELECT {world.database}.mine()", "SELECT `MINE` ()"):
        if passes:
            assert len(reader.query(text).rows) == 1
        else:
            with pytest.raises(DbmcpError) as caught:
                reader.query(text)
            assert caught.value.code == "unsafe_function"
    engine = MySQL()
    settings = engine.settings.build({**mysql_settings, "safe_functions": "mine"}, where="test")
    executor = Executor(Registry(), [Source("main", engine, settings, "test")])
    assert len(Caller(executor).query("SELECT mine()").rows) == 1
    executor.close()


def test_a_hash_of_a_password_is_not_shown(reader: Caller, mysql_server: MariaDBServer) -> None:
    shown = str(reader.query("SHOW GRANTS").rows)
    hashes = mysql_server.execute("SELECT authentication_string FROM mysql.user WHERE user = 'root'").split()
    assert "GRANT ALL PRIVILEGES" in shown
    assert not [one for one in hashes if one in shown]


def test_the_servers_own_database_gives_no_secret_to_a_bare_name(mysql_settings: dict[str, Any]) -> None:
    engine = MySQL()
    settings = engine.settings.build({**mysql_settings, "database": "mysql"}, where="test")
    executor = Executor(Registry(), [Source("main", engine, settings, "test")])
    for text in ("SELECT * FROM user", "SELECT * FROM global_priv", "SELECT * FROM `User` u"):
        with pytest.raises(DbmcpError) as caught:
            Caller(executor).query(text)
        assert caught.value.code == "not_a_read"
    assert Caller(executor).query("SELECT count(*) >= 0 FROM time_zone").rows == ((1,),)
    executor.close()

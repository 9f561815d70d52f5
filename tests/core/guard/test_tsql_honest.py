"""What people honestly ask SQL Server, by class: the guard takes each for a read."""

# ruff: noqa: E501 - a corpus reads best with one statement a line

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dbmcp_core.guard import judge
from dbmcp_core.statement import Kind

#: One statement a line; a line that begins with a blank goes on from the one before.
HONEST = {
    "top, paging and sampling": r"""
SELECT TOP 10 name FROM dbo.product ORDER BY price DESC
SELECT TOP (10) WITH TIES name, price FROM dbo.product ORDER BY price
SELECT TOP 5 WITH TIES name FROM dbo.product ORDER BY price
SELECT TOP 10 PERCENT name FROM dbo.product ORDER BY price
SELECT TOP (10.5) PERCENT WITH TIES name FROM dbo.product ORDER BY price
SELECT TOP (@n) name FROM dbo.product
SELECT TOP (?) name FROM dbo.product
SELECT TOP (SELECT COUNT(*) / 2 FROM dbo.product) name FROM dbo.product
SELECT TOP (2 + 3) name FROM dbo.product
SELECT DISTINCT TOP 3 category FROM dbo.product
SELECT ALL name FROM dbo.product
SELECT name FROM dbo.product ORDER BY id OFFSET 20 ROWS FETCH NEXT 10 ROWS ONLY
SELECT name FROM dbo.product ORDER BY id OFFSET 1 ROW FETCH FIRST 1 ROW ONLY
SELECT name FROM dbo.product ORDER BY (SELECT NULL) OFFSET 0 ROWS
SELECT name FROM dbo.product ORDER BY id OFFSET @skip ROWS FETCH NEXT @take ROWS ONLY
SELECT name FROM dbo.product ORDER BY id OFFSET ? ROWS FETCH NEXT ? ROWS ONLY
SELECT name FROM dbo.product ORDER BY id OFFSET (@page - 1) * 10 ROWS FETCH NEXT 10 ROWS ONLY
SELECT name FROM dbo.product TABLESAMPLE (10 PERCENT)
SELECT name FROM dbo.product TABLESAMPLE SYSTEM (1000 ROWS) REPEATABLE (42)
SELECT TOP 1 name FROM dbo.product ORDER BY NEWID()
""",
    "common table expressions": r"""
WITH c AS (SELECT id FROM dbo.product) SELECT * FROM c
;WITH c AS (SELECT id FROM dbo.product) SELECT * FROM c
WITH a (id, n) AS (SELECT id, COUNT(*) FROM dbo.line GROUP BY id), b AS (SELECT id FROM a WHERE n > 1) SELECT * FROM b
WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i FROM n OPTION (MAXRECURSION 0)
WITH tree AS (
  SELECT id, parent_id, 0 AS depth, CAST(name AS nvarchar(max)) AS path FROM dbo.category WHERE parent_id IS NULL
  UNION ALL
  SELECT c.id, c.parent_id, t.depth + 1, t.path + N' > ' + c.name FROM dbo.category AS c JOIN tree AS t ON t.id = c.parent_id
 ) SELECT * FROM tree ORDER BY path
WITH dates AS (SELECT CAST('2024-01-01' AS date) AS d UNION ALL SELECT DATEADD(day, 1, d) FROM dates WHERE d < '2024-12-31') SELECT d FROM dates OPTION (MAXRECURSION 366)
WITH c AS (SELECT TOP 5 * FROM dbo.product ORDER BY price DESC) SELECT c.name, s.name FROM c LEFT JOIN dbo.supplier AS s ON s.id = c.supplier_id
WITH [delete] AS (SELECT 1 AS a) SELECT a FROM [delete]
WITH x AS (SELECT ROW_NUMBER() OVER (PARTITION BY email ORDER BY id) AS r, email FROM dbo.customer) SELECT email FROM x WHERE r > 1
WITH c AS (SELECT 1 AS a UNION SELECT 2 EXCEPT SELECT 3) SELECT a FROM c
""",
    "window functions": r"""
SELECT ROW_NUMBER() OVER (ORDER BY (SELECT NULL)) AS n, name FROM dbo.product
SELECT RANK() OVER (PARTITION BY category ORDER BY price DESC), DENSE_RANK() OVER (ORDER BY price) FROM dbo.product
SELECT NTILE(4) OVER (ORDER BY price), PERCENT_RANK() OVER (ORDER BY price), CUME_DIST() OVER (ORDER BY price) FROM dbo.product
SELECT LAG(price) OVER (ORDER BY id), LEAD(price, 2, 0) OVER (PARTITION BY category ORDER BY id) FROM dbo.product
SELECT LAG(price) IGNORE NULLS OVER (ORDER BY id) FROM dbo.product
SELECT FIRST_VALUE(price) OVER (ORDER BY id), LAST_VALUE(price) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM dbo.product
SELECT SUM(price) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM dbo.product
SELECT SUM(price) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM dbo.product
SELECT AVG(price) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM dbo.product
SELECT SUM(price) OVER (ORDER BY id RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM dbo.product
SELECT SUM(price) OVER (PARTITION BY YEAR(sold), MONTH(sold)) FROM dbo.sale
SELECT COUNT(*) OVER () AS total, name FROM dbo.product
SELECT SUM(price) OVER w, AVG(price) OVER (w ROWS UNBOUNDED PRECEDING) FROM dbo.product WINDOW w AS (PARTITION BY category ORDER BY id)
SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY price) OVER (PARTITION BY category) FROM dbo.product
SELECT PERCENTILE_DISC(0.9) WITHIN GROUP (ORDER BY price DESC) OVER () FROM dbo.product
SELECT APPROX_PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY price) FROM dbo.product
SELECT SUM(SUM(price)) OVER (ORDER BY category) FROM dbo.product GROUP BY category
""",
    "joins, apply and pivot": r"""
SELECT * FROM a INNER JOIN b ON b.id = a.id
SELECT * FROM a LEFT JOIN b ON b.id = a.id AND b.deleted = 0
SELECT * FROM a FULL OUTER JOIN b ON b.id = a.id
SELECT * FROM a CROSS JOIN b
SELECT * FROM (a INNER JOIN b ON b.id = a.id) LEFT JOIN c ON c.id = b.id
SELECT * FROM a LEFT JOIN (b INNER JOIN c ON c.id = b.id) ON b.id = a.id
SELECT * FROM a LEFT JOIN b JOIN c ON c.id = b.id ON b.id = a.id
SELECT * FROM a INNER LOOP JOIN b ON b.id = a.id
SELECT * FROM a LEFT MERGE JOIN b ON b.id = a.id
SELECT * FROM a INNER HASH JOIN b ON b.id = a.id
SELECT * FROM a INNER REMOTE JOIN b ON b.id = a.id
SELECT c.name, o.total FROM customer AS c CROSS APPLY (SELECT TOP (3) total FROM orders AS o WHERE o.customer_id = c.id ORDER BY total DESC) AS o
SELECT c.name, o.total FROM customer c OUTER APPLY dbo.orders_of(c.id) o
SELECT c.name, v.k, v.x FROM customer AS c CROSS APPLY (VALUES ('a', c.a), ('b', c.b)) AS v (k, x)
SELECT c.name, s.value FROM customer AS c CROSS APPLY STRING_SPLIT(c.tags, ',') AS s
SELECT category, [2023], [2024] FROM (SELECT category, yr, amount FROM sale) AS s PIVOT (SUM(amount) FOR yr IN ([2023], [2024])) AS p
SELECT category, p.[2023] FROM sale PIVOT (MAX(amount) FOR yr IN ([2023])) p ORDER BY category
SELECT id, kind, amount FROM sale UNPIVOT (amount FOR kind IN (net, tax)) AS u
SELECT id, kind, amount FROM (SELECT id, net, tax FROM sale) p UNPIVOT (amount FOR kind IN ([net], [tax])) AS u WHERE amount > 0
SELECT * FROM a, b, c WHERE a.id = b.id AND b.id = c.id
SELECT * FROM shop.dbo.a JOIN archive.dbo.a AS old ON old.id = a.id
SELECT * FROM shop..a
SELECT * FROM .a
SELECT 1 WHERE 1 = 1
""",
    "grouping and aggregates": r"""
SELECT category, COUNT(*), COUNT(DISTINCT supplier_id), MIN(price), MAX(price), AVG(price * 1.0) FROM product GROUP BY category HAVING COUNT(*) > 1
SELECT a, b, SUM(c) FROM t GROUP BY ROLLUP (a, b)
SELECT a, b, SUM(c) FROM t GROUP BY CUBE (a, b)
SELECT a, b, SUM(c) FROM t GROUP BY GROUPING SETS ((a, b), (a), ())
SELECT a, b, SUM(c) FROM t GROUP BY GROUPING SETS (ROLLUP (a, b), CUBE (a))
SELECT a, b, SUM(c) FROM t GROUP BY a, b WITH ROLLUP
SELECT a, b, SUM(c) FROM t GROUP BY a, b WITH CUBE
SELECT GROUPING(a), GROUPING_ID(a, b), SUM(c) FROM t GROUP BY CUBE (a, b)
SELECT SUM(c) FROM t GROUP BY ()
SELECT STRING_AGG(name, ', ') FROM product
SELECT category, STRING_AGG(CAST(name AS nvarchar(max)), N'; ') WITHIN GROUP (ORDER BY name ASC) AS names FROM product GROUP BY category
SELECT STDEV(a), STDEVP(a), VAR(a), VARP(a), CHECKSUM_AGG(b), COUNT_BIG(*), APPROX_COUNT_DISTINCT(a) FROM t
SELECT COUNT(ALL a), SUM(DISTINCT b) FROM t
SELECT DATEPART(year, sold), SUM(amount) FROM sale GROUP BY DATEPART(year, sold) ORDER BY 1
SELECT SUM(CASE WHEN paid = 1 THEN amount ELSE 0 END) AS paid, SUM(IIF(paid = 0, amount, 0)) AS unpaid FROM sale
""",
    "conversions and text": r"""
SELECT CAST('1' AS int), CAST(1 AS nvarchar(10)), CAST(a AS decimal(38, 10)), CAST(a AS varbinary(max)), CAST(a AS datetimeoffset(7)) FROM t
SELECT CONVERT(varchar(10), GETDATE(), 120), CONVERT(date, '20240229', 112), CONVERT(varbinary(8), '0x1F', 1), CONVERT(nvarchar(max), a, 1) FROM t
SELECT TRY_CAST('x' AS int), TRY_CONVERT(date, 'x', 103), TRY_PARSE('1,5' AS decimal(10, 2) USING 'de-DE'), PARSE('1' AS int USING 'en-US')
SELECT FORMAT(GETDATE(), 'yyyy-MM-dd', 'en-US'), FORMAT(1234.5, 'N2'), FORMAT(price, 'C', 'de-DE') FROM product
SELECT IIF(a > 1, 'x', 'y'), CHOOSE(2, 'a', 'b', 'c'), NULLIF(a, 0), COALESCE(a, b, c), ISNULL(a, 0) FROM t
SELECT LEN(a), DATALENGTH(a), LEFT(a, 1), RIGHT(a, 1), SUBSTRING(a, 1, 2), CHARINDEX('x', a, 2), PATINDEX('%[0-9]%', a) FROM t
SELECT REPLACE(a, 'x', 'y'), STUFF(a, 1, 1, ''), REPLICATE('0', 5), REVERSE(a), SPACE(3), TRANSLATE(a, 'abc', 'xyz') FROM t
SELECT LTRIM(a), RTRIM(a), TRIM(a), TRIM('.,! ' FROM a), TRIM(BOTH 'x' FROM a), LTRIM(a, '0') FROM t
SELECT UPPER(a), LOWER(a), ASCII('A'), CHAR(65), UNICODE(N'é'), NCHAR(233), SOUNDEX(a), DIFFERENCE(a, b), QUOTENAME(a), QUOTENAME(a, '''') FROM t
SELECT CONCAT(a, b, NULL), CONCAT_WS(', ', a, b), a + ' ' + b, STR(1.5, 10, 2), STRING_ESCAPE(a, 'json') FROM t
SELECT a COLLATE Latin1_General_100_CI_AS_SC_UTF8 FROM t ORDER BY a COLLATE Latin1_General_BIN2
SELECT a FROM t WHERE a COLLATE database_default = b COLLATE database_default
SELECT a FROM t WHERE name LIKE N'%50!%%' ESCAPE '!'
SELECT a FROM t WHERE name LIKE '[a-c]%' AND name NOT LIKE '[^x]_'
SELECT value, ordinal FROM STRING_SPLIT(N'a,b,c', N',', 1) ORDER BY ordinal
SELECT CONVERT(varchar(50), DECRYPTBYKEY(a)) FROM t
SELECT BASE64_ENCODE(0x01), BASE64_DECODE('AQ==')
SELECT COMPRESS('a'), CAST(DECOMPRESS(COMPRESS('a')) AS varchar(10))
SELECT HASHBYTES('SHA2_256', 'a'), CHECKSUM('a'), BINARY_CHECKSUM(*) FROM t
SELECT REGEXP_REPLACE(a, 'x+', 'y'), REGEXP_SUBSTR(a, '[0-9]+'), REGEXP_COUNT(a, 'x') FROM t
SELECT a FROM t WHERE REGEXP_LIKE(a, '^[a-z]+$')
""",
    "dates and numbers": r"""
SELECT GETDATE(), GETUTCDATE(), SYSDATETIME(), SYSUTCDATETIME(), SYSDATETIMEOFFSET(), CURRENT_TIMESTAMP
SELECT DATEADD(MONTH, -1, GETDATE()), DATEADD(dd, 1, a), DATEDIFF(hh, a, b), DATEDIFF_BIG(ms, a, b), DATENAME(weekday, a), DATEPART(iso_week, a) FROM t
SELECT DATEADD(month, DATEDIFF(month, 0, GETDATE()), 0)
SELECT EOMONTH(GETDATE(), -1), DATEFROMPARTS(2024, 2, 29), DATETIMEFROMPARTS(2024, 2, 29, 1, 2, 3, 0), DATETIME2FROMPARTS(2024, 2, 29, 1, 2, 3, 0, 7)
SELECT TIMEFROMPARTS(1, 2, 3, 0, 0), SMALLDATETIMEFROMPARTS(2024, 2, 29, 1, 2), DATETIMEOFFSETFROMPARTS(2024, 2, 29, 1, 2, 3, 0, 2, 0, 7)
SELECT DATETRUNC(month, sold), DATETRUNC(iso_week, sold), DATE_BUCKET(week, 2, sold) FROM sale
SELECT sold AT TIME ZONE 'UTC' AT TIME ZONE 'Central European Standard Time' FROM sale
SELECT SWITCHOFFSET(SYSDATETIMEOFFSET(), '+02:00'), TODATETIMEOFFSET(GETDATE(), '-05:00')
SELECT YEAR(a), MONTH(a), DAY(a), ISDATE('2024-02-30') FROM t
SELECT {d '2024-02-29'}, {t '01:02:03'}, {ts '2024-02-29 01:02:03'}
SELECT {fn UCASE('a')}, {fn CURDATE()}
SELECT ABS(-1), CEILING(1.5), FLOOR(1.5), ROUND(1.55, 1, 1), POWER(2, 10), SQRT(2), SQUARE(3), EXP(1), LOG(10), LOG(8, 2), LOG10(100), SIGN(-1)
SELECT PI(), SIN(1), COS(1), TAN(1), COT(1), ASIN(1), ACOS(1), ATAN(1), ATN2(1, 2), DEGREES(1), RADIANS(180)
SELECT 7 / 2, 7 % 2, 7.0 / 2, 6 & 3, 6 | 3, 6 ^ 3, ~6, -6, +6, 1e3, .5, 5., 0xFF, $12.50, -$1
SELECT LEFT_SHIFT(1, 3), RIGHT_SHIFT(8, 1), BIT_COUNT(7), GET_BIT(7, 1), SET_BIT(0, 1), 1 << 2, 8 >> 1
SELECT RAND(), RAND(42), NEWID(), ISNUMERIC('1')
SELECT GREATEST(1, 2, 3), LEAST(1, 2, 3)
SELECT value FROM GENERATE_SERIES(1, 10)
SELECT s.value FROM GENERATE_SERIES(1, 100, 5) AS s
""",
    "predicates and sets": r"""
SELECT a FROM t WHERE a IS NULL OR b IS NOT NULL
SELECT a FROM t WHERE a IS DISTINCT FROM b
SELECT a FROM t WHERE a IS NOT DISTINCT FROM NULL
SELECT a FROM t WHERE a <> 1 AND a != 2 AND a !< 3 AND a !> 4
SELECT a FROM t WHERE a BETWEEN 1 AND 2 AND b NOT BETWEEN 3 AND 4
SELECT a FROM t WHERE a IN (1, 2, 3) AND b NOT IN (SELECT b FROM u)
SELECT a FROM t WHERE EXISTS (SELECT * FROM u WHERE u.a = t.a) AND NOT EXISTS (SELECT 1 FROM v)
SELECT a FROM t WHERE a >= ALL (SELECT a FROM u) AND a = SOME (SELECT a FROM v) OR a < ANY (SELECT a FROM w)
SELECT a FROM t WHERE (a = 1 AND b = 2) OR NOT (c = 3)
SELECT a FROM t UNION SELECT a FROM u ORDER BY a
SELECT a FROM t UNION ALL (SELECT a FROM u EXCEPT SELECT a FROM v)
(SELECT a FROM t) INTERSECT (SELECT a FROM u)
SELECT * FROM (VALUES (1, N'a'), (2, N'b')) AS v (id, name)
SELECT (SELECT MAX(a) FROM t) AS m, (SELECT COUNT(*) FROM u WHERE u.id = t.id) AS n FROM t
SELECT CASE a WHEN 1 THEN 'one' WHEN 2 THEN 'two' END, CASE WHEN a > 1 THEN 'x' ELSE NULL END FROM t
SELECT a FROM t WHERE CONTAINS(description, N'"steel" NEAR "tool"')
SELECT a FROM t WHERE CONTAINS((name, description), 'FORMSOF (INFLECTIONAL, run)')
SELECT a FROM t WHERE CONTAINS(*, 'word')
SELECT a FROM t WHERE FREETEXT(description, 'vital safety components')
SELECT f.[KEY], f.[RANK], t.name FROM t INNER JOIN FREETEXTTABLE(t, *, 'bread', 10) AS f ON t.id = f.[KEY]
SELECT k.[RANK] FROM CONTAINSTABLE(t, name, 'ISABOUT (a WEIGHT (.8), b WEIGHT (.2))') AS k
""",
    "json": r"""
SELECT JSON_VALUE(doc, '$.name'), JSON_QUERY(doc, '$.items'), ISJSON(doc), JSON_MODIFY(doc, '$.x', 1) FROM t
SELECT JSON_VALUE(doc, 'strict $.items[0].price') FROM t WHERE ISJSON(doc) = 1
SELECT [key], value, type FROM OPENJSON(N'{"a": 1, "b": [2]}')
SELECT j.* FROM t CROSS APPLY OPENJSON(t.doc, '$.items') WITH (id int '$.id', name nvarchar(100) '$.name', rest nvarchar(max) '$.rest' AS JSON) AS j
SELECT * FROM OPENJSON(@doc) WITH (id int, name nvarchar(50))
SELECT id, name FROM t FOR JSON AUTO
SELECT id AS 'order.id', name AS 'order.name' FROM t FOR JSON PATH, ROOT('orders'), INCLUDE_NULL_VALUES, WITHOUT_ARRAY_WRAPPER
SELECT (SELECT id FROM u WHERE u.t_id = t.id FOR JSON PATH) AS lines FROM t FOR JSON PATH
SELECT JSON_OBJECT('a': 1, 'b': name), JSON_ARRAY(1, 2, NULL) FROM t
SELECT JSON_OBJECT('a': 1 ABSENT ON NULL), JSON_ARRAY(1, NULL NULL ON NULL)
SELECT JSON_VALUE(doc, '$.n' RETURNING int), JSON_QUERY(doc, '$.tags' WITH ARRAY WRAPPER) FROM t
SELECT JSON_PATH_EXISTS(doc, '$.a') FROM t
SELECT JSON_OBJECTAGG(name: id), JSON_ARRAYAGG(id) FROM t
""",
    "xml": r"""
SELECT id, name FROM t FOR XML AUTO
SELECT id, name FROM t FOR XML RAW('row'), ELEMENTS XSINIL, ROOT('rows')
SELECT id AS '@id', name AS 'name' FROM t FOR XML PATH('item'), ROOT('items'), TYPE
SELECT 1 AS Tag, NULL AS Parent, id AS [row!1!id] FROM t FOR XML EXPLICIT
SELECT id FROM t FOR XML AUTO, ELEMENTS, XMLSCHEMA, BINARY BASE64
SELECT STUFF((SELECT ', ' + name FROM u WHERE u.t_id = t.id ORDER BY name FOR XML PATH(''), TYPE).value('.', 'nvarchar(max)'), 1, 2, '') AS names FROM t
SELECT doc.value('(/order/@id)[1]', 'int'), doc.query('/order/lines'), doc.exist('/order[@paid="1"]') FROM t
SELECT n.c.value('@sku', 'varchar(20)') FROM t CROSS APPLY t.doc.nodes('/order/line') AS n(c)
SELECT CAST('<a/>' AS xml), CAST(doc AS nvarchar(max)) FROM t
SELECT CAST('<a>1</a>' AS xml).value('(/a)[1]', 'int')
SELECT x.doc.value('declare namespace n="urn:x"; (/n:a)[1]', 'int') FROM x
WITH XMLNAMESPACES ('urn:x' AS n) SELECT doc.value('(/n:a)[1]', 'int') FROM t
WITH XMLNAMESPACES (DEFAULT 'urn:x') SELECT doc.query('/a') FROM t
""",
    "temporal, spatial, hierarchies, graphs": r"""
SELECT * FROM dbo.price FOR SYSTEM_TIME AS OF '2024-01-01T00:00:00'
SELECT * FROM dbo.price FOR SYSTEM_TIME AS OF @at AS p WHERE p.id = 1
SELECT * FROM dbo.price FOR SYSTEM_TIME FROM '2024-01-01' TO '2024-02-01'
SELECT * FROM dbo.price FOR SYSTEM_TIME BETWEEN '2024-01-01' AND '2024-02-01' WHERE id = 1
SELECT * FROM dbo.price FOR SYSTEM_TIME CONTAINED IN ('2024-01-01', '2024-02-01')
SELECT p.* FROM dbo.price FOR SYSTEM_TIME ALL AS p
SELECT location.STAsText(), location.STDistance(geography::Point(47.6, -122.3, 4326)), location.Lat, location.Long FROM place
SELECT geometry::STGeomFromText('POINT (1 2)', 0).STX
SELECT geography::STGeomFromText('POINT(-122 47)', 4326).ToString()
SELECT geometry::UnionAggregate(shape) FROM place
SELECT a.shape.STIntersection(b.shape).STArea() FROM place AS a JOIN place AS b ON a.shape.STIntersects(b.shape) = 1
SELECT node.ToString(), node.GetLevel(), node.GetAncestor(1).ToString() FROM org WHERE node.IsDescendantOf(hierarchyid::Parse('/1/')) = 1
SELECT hierarchyid::GetRoot().ToString()
SELECT CAST('/1/2/' AS hierarchyid)
SELECT p.name FROM person AS p, likes, restaurant AS r WHERE MATCH(p-(likes)->r)
SELECT p.name FROM person AS p, likes AS l, person AS q WHERE MATCH(p<-(l)-q AND q-(l)->p) AND p.id = 1
SELECT STRING_AGG(q.name, '->') WITHIN GROUP (GRAPH PATH) FROM person AS p, likes FOR PATH AS l, person FOR PATH AS q WHERE MATCH(SHORTEST_PATH(p(-(l)->q){1,3}))
SELECT $node_id, name FROM person
SELECT $IDENTITY, $ROWGUID FROM t
SELECT $PARTITION.ByYear(sold), COUNT(*) FROM sale GROUP BY $PARTITION.ByYear(sold)
""",
    "hints and options": r"""
SELECT a FROM t WITH (NOLOCK)
SELECT a FROM t (NOLOCK)
SELECT a FROM t AS x WITH (NOLOCK) JOIN u AS y WITH (READUNCOMMITTED) ON y.id = x.id
SELECT a FROM t WITH (READPAST)
SELECT a FROM t WITH (READCOMMITTED)
SELECT a FROM t WITH (READCOMMITTEDLOCK)
SELECT a FROM t WITH (SNAPSHOT)
SELECT a FROM t WITH (NOWAIT)
SELECT a FROM t WITH (INDEX (ix_a))
SELECT a FROM t WITH (INDEX = ix_a)
SELECT a FROM t WITH (INDEX (1), NOLOCK)
SELECT a FROM t WITH (FORCESEEK)
SELECT a FROM t WITH (FORCESEEK (ix_a (a, b)))
SELECT a FROM t WITH (FORCESCAN, NOLOCK)
SELECT a FROM t WITH (NOEXPAND)
SELECT a FROM t WITH (INDEX = ix_a, NOLOCK) WHERE a !< 5
SELECT a FROM t OPTION (RECOMPILE)
SELECT a FROM t OPTION (MAXDOP 1, RECOMPILE)
SELECT a FROM t OPTION (HASH JOIN, MERGE UNION, FORCE ORDER, FAST 10)
SELECT a FROM t OPTION (OPTIMIZE FOR UNKNOWN)
SELECT a FROM t WHERE b = @b OPTION (OPTIMIZE FOR (@b = 5))
SELECT a FROM t WHERE b = @b OPTION (OPTIMIZE FOR (@b UNKNOWN))
SELECT a FROM t OPTION (QUERYTRACEON 4199)
SELECT a FROM t OPTION (USE HINT ('DISABLE_OPTIMIZER_ROWGOAL'))
SELECT a FROM t OPTION (USE HINT ('FORCE_LEGACY_CARDINALITY_ESTIMATION', 'ENABLE_PARALLEL_PLAN_PREFERENCE'), MAXDOP 2)
SELECT a FROM t OPTION (LABEL = 'report')
SELECT a FROM t OPTION (KEEPFIXED PLAN, EXPAND VIEWS, ROBUST PLAN)
SELECT a FROM t OPTION (MAX_GRANT_PERCENT = 10)
SELECT a FROM t OPTION (LOOP JOIN, CONCAT UNION, ORDER GROUP)
SELECT a FROM t OPTION (TABLE HINT (t, INDEX (ix_a)))
""",
    "names and quotes": r"""
SELECT [a b], [c]]d], [x.y], [delete], [from] FROM [my table]
SELECT "a b", "c""d", "select" FROM "my table"
SELECT [t].[a], t."b" FROM [dbo].[t] AS [t]
SELECT a AS [my; alias], b AS 'DROP TABLE t', c "DELETE FROM x" FROM t
SELECT total = SUM(a), [count] = COUNT(*), 'n' = MAX(b) FROM t
SELECT N'DELETE FROM t; DROP TABLE t', '-- no comment', '/* no comment */', 'it''s', N'𝄞 é €'
SELECT 'a' 'b'
SELECT '?' AS question, a FROM t WHERE b = ?
SELECT 'EXEC xp_cmdshell ''dir''' AS text
SELECT '{call sp_who}' AS a, '}' AS b, '{' AS c
SELECT '%s' AS a, '50%' AS b, ':name' AS c, '@x' AS d
SELECT a FROM t -- DELETE FROM t
SELECT a /* ; DELETE FROM t */ FROM t
SELECT a /* nested /* comment */ DROP TABLE t */ FROM t
-- first a comment
 SELECT a FROM t
/* a comment */ SELECT a FROM t /* another */;
SELECT a FROM t;
SELECT a FROM t ;;
SELECT größe, 名前, naïve FROM straße
SELECT a#, b$, _c, @d, #e.f FROM #e
SELECT a FROM ##shared
SELECT a FROM tempdb.dbo.#e
SELECT update_date, insert_user, is_deleted, created_at, execute_count, droppings, setting, [set] FROM t
SELECT t.[into], t.[exec], t.[use] FROM t
SELECT x.commit_id, y.kill_count, z.merge_id FROM x, y, z
SELECT status, type, level, name, value, date, user_id, [key], [order], [user], [group] FROM t
SELECT output, source, target, action, state, open_date, close_date, [open], [close] FROM t
SELECT go FROM t
SELECT a AS go FROM t
SELECT 1 AS a, 2 AS b
  FROM t
  WHERE a = 1
 ORDER BY a
""",
    "catalogue and server": r"""
SELECT * FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'dbo'
SELECT * FROM shop.INFORMATION_SCHEMA.COLUMNS ORDER BY TABLE_NAME, ORDINAL_POSITION
SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM INFORMATION_SCHEMA.ROUTINES
SELECT name, create_date FROM sys.databases
SELECT o.name, o.type_desc, c.name, TYPE_NAME(c.user_type_id) FROM sys.objects o JOIN sys.columns c ON c.object_id = o.object_id
SELECT i.name, ic.key_ordinal, COL_NAME(ic.object_id, ic.column_id) FROM sys.indexes AS i JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id
SELECT OBJECT_SCHEMA_NAME(parent_object_id), OBJECT_NAME(parent_object_id), name FROM sys.foreign_keys
SELECT value FROM sys.extended_properties WHERE class = 1 AND name = 'MS_Description'
SELECT * FROM fn_listextendedproperty(NULL, 'schema', 'dbo', 'table', 't', 'column', DEFAULT)
SELECT * FROM sys.fn_listextendedproperty(default, default, default, default, default, default, default)
SELECT definition FROM sys.sql_modules WHERE definition LIKE '%EXEC%'
SELECT OBJECT_ID(N'dbo.t', N'U'), OBJECT_DEFINITION(1), OBJECTPROPERTY(1, 'IsTable'), COLUMNPROPERTY(1, 'a', 'IsIdentity'), INDEXPROPERTY(1, 'i', 'IsUnique')
SELECT SERVERPROPERTY('ProductVersion'), DATABASEPROPERTYEX('shop', 'Status'), @@VERSION, @@SERVERNAME, @@LANGUAGE, @@DATEFIRST, @@MAX_PRECISION
SELECT @@ROWCOUNT, @@TRANCOUNT, @@SPID, @@IDENTITY, SCOPE_IDENTITY(), IDENT_CURRENT('t'), IDENT_SEED('t'), IDENT_INCR('t')
SELECT DB_NAME(), DB_ID('shop'), SCHEMA_NAME(), USER_NAME(), SUSER_SNAME(), ORIGINAL_LOGIN(), HOST_NAME(), APP_NAME()
SELECT CURRENT_USER, SESSION_USER, SYSTEM_USER, USER
SELECT IS_MEMBER('db_owner'), IS_SRVROLEMEMBER('sysadmin'), HAS_PERMS_BY_NAME('dbo.t', 'OBJECT', 'SELECT')
SELECT * FROM sys.fn_my_permissions(NULL, 'DATABASE')
SELECT * FROM fn_my_permissions('dbo.t', 'OBJECT')
SELECT * FROM fn_builtin_permissions(DEFAULT)
SELECT * FROM sys.fn_helpcollations()
SELECT s.session_id, s.login_name, r.status, r.wait_type FROM sys.dm_exec_sessions AS s LEFT JOIN sys.dm_exec_requests AS r ON r.session_id = s.session_id
SELECT TOP 10 qs.total_worker_time, st.text FROM sys.dm_exec_query_stats AS qs CROSS APPLY sys.dm_exec_sql_text(qs.sql_handle) AS st ORDER BY 1 DESC
SELECT * FROM sys.dm_exec_query_stats AS qs CROSS APPLY sys.dm_exec_query_plan(qs.plan_handle) AS p
SELECT * FROM sys.dm_db_index_usage_stats WHERE database_id = DB_ID()
SELECT * FROM sys.dm_db_index_physical_stats(DB_ID(), OBJECT_ID('dbo.t'), NULL, NULL, 'LIMITED')
SELECT * FROM sys.dm_db_missing_index_details
SELECT * FROM sys.dm_os_wait_stats ORDER BY wait_time_ms DESC
SELECT SUM(p.rows) FROM sys.partitions AS p WHERE p.object_id = OBJECT_ID('dbo.t') AND p.index_id IN (0, 1)
SELECT * FROM sys.dm_exec_describe_first_result_set(N'SELECT a FROM t', NULL, 0)
SELECT name FROM sys.sequences
SELECT name, current_value FROM sys.sequences
SELECT name, base_object_name FROM sys.synonyms
SELECT * FROM sys.procedures AS p WHERE p.name LIKE 'usp[_]%'
SELECT * FROM sys.triggers
SELECT * FROM sys.server_principals
SELECT COL_LENGTH('dbo.t', 'a'), STATS_DATE(1, 1), FILEPROPERTY('f', 'SpaceUsed')
SELECT name FROM sysobjects WHERE xtype = 'U'
SELECT name, physical_name, size FROM sys.database_files
""",
    "changes, functions and odds": r"""
SELECT * FROM CHANGETABLE(CHANGES dbo.t, 0) AS c
SELECT * FROM CHANGETABLE(VERSION dbo.t, (id), (1)) AS c
SELECT CHANGE_TRACKING_CURRENT_VERSION(), CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('dbo.t'))
SELECT k.[KEY] FROM CONTAINSTABLE(shop.dbo.t, *, 'word') AS k
SELECT p.doc.value('(/a)[1]', 'int'), dbo.t.doc.exist('/a') FROM dbo.t AS p
SELECT * FROM cdc.fn_cdc_get_all_changes_dbo_t(0x01, 0x02, N'all')
SELECT dbo.full_name(first, last) FROM customer
SELECT shop.dbo.full_name(first, last) FROM customer
SELECT [dbo].[full name](first) FROM customer
SELECT * FROM dbo.orders_of(5) AS o
SELECT * FROM dbo.orders_of(DEFAULT)
SELECT value FROM dbo.split('a,b', ',')
SELECT id FROM dbo.split(@ids)
SELECT r.value FROM dbo.replace(a, 'b') AS r
SELECT dbo.len(a), dbo.format(b) FROM t
SELECT SESSION_CONTEXT(N'tenant'), CONTEXT_INFO(), CONNECTIONPROPERTY('net_transport'), XACT_STATE(), ERROR_MESSAGE()
SELECT SQL_VARIANT_PROPERTY(v, 'BaseType') FROM t
SELECT ISNULL(NULLIF(LTRIM(RTRIM(name)), ''), '(none)') AS name FROM t
SELECT * FROM t WHERE sold >= DATEADD(day, -30, CAST(GETDATE() AS date)) AND sold < CAST(GETDATE() AS date)
SELECT COUNT(*) FROM t WHERE GETDATE() BETWEEN valid_from AND ISNULL(valid_to, '9999-12-31')
SELECT VECTOR_DISTANCE('cosine', a, b) FROM t
SELECT TEXTPTR(a), TEXTVALID('t.a', TEXTPTR(a)) FROM t
SELECT CERTENCODED(1), KEY_GUID('k'), IS_OBJECTSIGNED('OBJECT', 1, 'certificate', 0x01) FROM t
SELECT a FROM t ORDER BY CASE WHEN a IS NULL THEN 1 ELSE 0 END, a DESC
SELECT NULL AS a, DEFAULT_TYPE = 1
SELECT @@CURSOR_ROWS, @@FETCH_STATUS, @@ERROR, @@OPTIONS, @@LOCK_TIMEOUT, @@NESTLEVEL, @@DBTS
""",
}


def texts(corpus: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (name, text.replace("\x00", "\n"))
        for name, part in corpus.items()
        for text in part.strip("\n").replace("\n ", "\x00").split("\n")
    ]


@pytest.mark.parametrize(("name", "text"), texts(HONEST))
def test_an_honest_question_is_a_read(name: str, text: str) -> None:
    verdict = judge(text, "tsql")
    assert verdict.kind is Kind.READ, f"{name}: {verdict.reason}"


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("SELECT k.[KEY] FROM CONTAINSTABLE(shop.dbo.secret, *, 'x') AS k", "shop.dbo.secret"),
        ("SELECT * FROM CHANGETABLE(CHANGES [dbo].[secret], 0) AS c", "dbo.secret"),
        ("SELECT * FROM [freetexttable](secret, a, 'x') AS f", "secret"),
        ("WITH XMLNAMESPACES ('urn:x' AS n) SELECT a FROM secret", "secret"),
        ("SELECT a FROM secret OPTION (USE HINT ('x'))", "secret"),
    ],
)
def test_no_table_is_read_unnamed(text: str, table: str) -> None:
    assert [str(name) for name in judge(text, "tsql").tables] == [table]


def test_a_function_with_the_name_of_a_known_one_keeps_its_name() -> None:
    assert judge("SELECT dbo.split(@ids), dbo.parse(a) FROM t", "tsql").functions == {"dbo.split", "dbo.parse"}


@pytest.mark.parametrize(("name", "views"), [("instnwnd", 16), ("instpubs", 1)])
def test_every_view_of_microsofts_samples_is_a_read(sample: Callable[[str], Path], name: str, views: int) -> None:
    raw = sample(f"northwind/sqlserver-{name}.sql").read_bytes()
    script = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1")
    verdicts = [judge(batch, "tsql") for batch in re.split(r"(?im)^\s*go\s*$", script)]
    assert not any(verdict.kind is Kind.READ for verdict in verdicts)  # a script that makes a database reads nothing
    bodies = re.findall(r"(?ims)^\s*create\s+view\s+.+?\s+as\s+(.*?)^\s*go\s*$", script)
    assert len(bodies) == views
    assert [judge(body, "tsql").reason for body in bodies] == [None] * views

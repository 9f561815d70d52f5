"""What a verdict says beside its kind, and what judging promises."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from dbmcp_core.errors import ConfigError
from dbmcp_core.guard import DIALECTS, MAX_CHARACTERS, judge, tree
from dbmcp_core.guard.lexer import LexError, lex
from dbmcp_core.schema import TableName
from dbmcp_core.statement import Kind, RefusalCode


def _tables(text: str, dialect: str) -> set[str]:
    return {str(table) for table in judge(text, dialect).tables}


@pytest.mark.parametrize(
    ("dialect", "text", "tables"),
    [
        ("postgres", "SELECT * FROM a JOIN b.c USING (x) WHERE y IN (SELECT z FROM d.e.f)", "a b.c d.e.f"),
        ("postgres", 'SELECT * FROM "A b", "S"."T"', "A b|S.T"),
        ("postgres", "WITH a AS (SELECT * FROM b) SELECT * FROM a", "b"),
        ("postgres", "WITH t AS (SELECT * FROM t) SELECT * FROM t", "t"),
        ("postgres", "WITH RECURSIVE t AS (SELECT 1 UNION SELECT * FROM t) SELECT * FROM t", ""),
        ("sqlite", "WITH t AS (SELECT 1 UNION SELECT * FROM t) SELECT * FROM t", ""),
        ("tsql", "WITH t AS (SELECT 1 AS n UNION ALL SELECT n FROM t) SELECT * FROM t", ""),
        ("postgres", "SELECT * FROM a WHERE EXISTS (WITH a AS (SELECT 1) SELECT * FROM a)", "a"),
        ("postgres", "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM b", "b"),
        ("postgres", 'WITH "T" AS (SELECT 1) SELECT * FROM t', "t"),
        ("duckdb", 'WITH "T" AS (SELECT 1) SELECT * FROM t', ""),
        ("postgres", "WITH a AS (SELECT 1) SELECT * FROM public.a", "public.a"),
        ("postgres", "SELECT * FROM generate_series(1, 2) AS g", ""),
        ("postgres", "TABLE t", "t"),
        ("postgres", "EXPLAIN DELETE FROM t", "t"),
        ("postgres", "INSERT INTO a SELECT * FROM b", "a b"),
        ("postgres", "UPDATE a SET x = 1 FROM b WHERE a.y = b.y", "a b"),
        ("postgres", "WITH d AS (DELETE FROM a RETURNING *) SELECT * FROM d", "a"),
        ("postgres", "CREATE TABLE a AS SELECT * FROM b", "a b"),
        ("sqlite", "REPLACE INTO a VALUES (1)", "a"),
        ("sqlite", "PRAGMA table_info(a)", "a"),
        ("mysql", "SHOW COLUMNS FROM a", "a"),
        ("mysql", "DESCRIBE a.b", "a.b"),
        ("mysql", "RENAME TABLE a TO b", "a"),
        ("mysql", "OPTIMIZE TABLE a.b", "a.b"),
        ("tsql", "SELECT * FROM a.b.c", "a.b.c"),
        ("tsql", "SELECT * FROM a..c", "a.c"),
        ("duckdb", "FROM a SELECT b", "a"),
        ("duckdb", "SUMMARIZE a", "a"),
        ("databricks", "DESCRIBE DETAIL a.b.c", "a.b.c"),
        ("databricks", "SHOW CREATE TABLE a.b", "a.b"),
    ],
)
def test_tables(dialect: str, text: str, tables: str) -> None:
    assert _tables(text, dialect) == set(filter(None, tables.split("|" if "|" in tables else " ")))


def test_a_table_keeps_its_spelling_and_its_parts() -> None:
    assert judge('SELECT * FROM Db."My Schema".T', "postgres").tables == {TableName("T", "My Schema", "Db")}


@pytest.mark.parametrize(
    ("dialect", "text", "functions"),
    [
        ("sqlite", "SELECT LENGTH(a), ifnull(b, 1), Random(), count(*) FROM t", "length ifnull random count"),
        ("postgres", 'SELECT s.F(1), "G"(2), pg_catalog.lower(x)', "s.f g pg_catalog.lower"),
        ("postgres", "SELECT * FROM f(1), LATERAL g(2) AS h(a)", "f g"),
        ("postgres", "WITH c(a) AS (SELECT 1) SELECT a IN (1), (a) FROM c WHERE EXISTS (SELECT 1)", ""),
        ("postgres", "SELECT sum(a) OVER (ORDER BY b), CAST(c AS varchar(3)) FROM t", "sum cast"),
        ("duckdb", "SELECT 'a'.upper()", "upper"),
        ("mysql", "SELECT REPLACE(a, 'b', 'c')", "replace"),
        ("databricks", "SELECT explode(a) FROM t LATERAL VIEW inline(b) x AS c", "explode inline"),
    ],
)
def test_functions_are_named_as_written(dialect: str, text: str, functions: str) -> None:
    assert judge(text, dialect).functions == set(functions.split())


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("SELECT 1;\n DROP TABLE t", 2, 2),
        ("SELECT a,\n  pg_sleep(1)", 2, 3),
        ("/* a\nb */ DELETE FROM t", 2, 6),
        ("EXPLAIN ANALYZE\nDELETE FROM t", 2, 1),
        ("SELECT 1\n/*+ Set(a 1) */", 2, 1),
        ("SELECT *\nFROM pg_shadow", 2, 6),
    ],
)
def test_positions_count_from_one(text: str, line: int, column: int) -> None:
    verdict = judge(text, "postgres")
    assert (verdict.line, verdict.column) == (line, column)


def test_reasons_name_the_construct() -> None:
    assert judge("DELETE FROM t", "sqlite").reason == "DELETE changes rows"
    expected = "pg_sleep() is not allowed in a read: it holds the session"
    assert judge("SELECT pg_sleep(1)", "postgres").reason == expected
    assert judge("SELECT 1; SELECT 2", "sqlite").reason == "2 statements: only one is allowed"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("text", ["", "  \n", ";", "-- a", "/* a */", "; ; -- a"])
def test_nothing_is_empty(text: str, dialect: str) -> None:
    verdict = judge(text, dialect)
    assert (verdict.kind, verdict.code) == (Kind.UNKNOWN, RefusalCode.EMPTY)


def test_an_unknown_dialect_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ConfigError, match=r"oracle.*postgres"):
        judge("SELECT 1", "oracle")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
        "SELECT " + "(" * 100 + "1" + ")" * 100,
        "SELECT " + "NOT " * 5_000 + "1",
        "SELECT " + "CASE WHEN 1 THEN " * 2_000 + "1" + " END" * 2_000,
        "EXPLAIN " * 5_000 + "SELECT 1",
        "[" * 20_000,
        "$a$" * 20_000 + "b",
        "SELECT 1 " + "a " * 70_000,
        "x" * (MAX_CHARACTERS + 1),
    ],
    ids=range(9),
)
def test_too_deep_or_too_long_is_unparsable(text: str, dialect: str) -> None:
    verdict = judge(text, dialect)
    assert verdict.kind is Kind.UNKNOWN
    assert verdict.code is not None


def test_a_long_statement_passes() -> None:
    in_list = ", ".join(map(str, range(5_000)))
    assert judge(f"SELECT * FROM t WHERE a IN ({in_list})", "postgres").kind is Kind.READ
    assert judge("SELECT '" + "x" * 900_000 + "'", "postgres").kind is Kind.READ


def test_a_verdict_is_kept() -> None:
    text = "SELECT a FROM t WHERE b = 4711"
    assert judge(text, "sqlite") is judge(text, "sqlite")


def test_sqlite_leaves_what_the_parser_does_not_know_to_the_engine() -> None:
    # SQLite accepts this; where only our parser fails, the verdict must say so and not "no read".
    verdict = judge("SELECT 1 FROM t WHERE a NOT GLOB 'x' ESCAPE ISNULL", "sqlite")
    assert (verdict.kind, verdict.code) == (Kind.UNKNOWN, RefusalCode.UNPARSABLE)


@pytest.mark.parametrize(
    ("text", "says"),
    [("SELECT a FROM\nGROUP BY a", "but got 'GROUP BY'"), ("SELECT a FROM", "but got the end")],
)
def test_what_the_parser_says_is_told_in_words(text: str, says: str) -> None:
    reason = judge(text, "duckdb").reason
    assert says in reason
    assert "Token" not in reason


def test_nothing_is_logged_or_printed(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        for dialect in DIALECTS:
            for text in ("ALTER TABLE t FROBNICATE x", "VACUUM t", "SELECT a -> 'b['' c', x[1] FROM t", "GRANT x TO y"):
                judge(text, dialect)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_others_still_hear_sqlglot(caplog: pytest.LogCaptureFixture) -> None:
    judge("SELECT 1", "postgres")
    logging.getLogger("sqlglot").warning("hear me")
    assert "hear me" in caplog.text


def test_importing_the_guard_does_not_import_sqlglot() -> None:
    code = "import sys, dbmcp_core.guard; sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("dialect", "text", "kind"),
    [
        ("sqlite", "INSERT INTO t VALUES (1)", Kind.WRITE),
        ("sqlite", "WITH c AS (SELECT 1) UPDATE t SET a = 1 RETURNING *", Kind.WRITE),
        ("sqlite", "CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM u; DELETE FROM v; END;", Kind.DEFINE),
        ("mysql", "CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT CASE 1 WHEN 1 THEN 2 END; END IF; END", Kind.DEFINE),
        ("tsql", "CREATE PROCEDURE p AS SELECT 1; DELETE FROM t; SELECT 2", Kind.DEFINE),
        ("postgres", "CREATE FUNCTION f() RETURNS int AS $$ DELETE FROM t; SELECT 1; $$ LANGUAGE sql", Kind.DEFINE),
        ("postgres", "INSERT INTO t SELECT pg_read_file('x')", Kind.ADMIN),
        ("postgres", "INSERT INTO t VALUES (nextval('s'))", Kind.WRITE),
        ("databricks", "INSERT INTO t (a, b) VALUES (1, my_udf(2))", Kind.WRITE),
        ("tsql", "MERGE t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET b = 1;", Kind.WRITE),
        ("tsql", "MERGE t USING u ON t.a = u.a WHEN NOT MATCHED THEN INSERT (a) VALUES (1);", Kind.WRITE),
        ("tsql", "CREATE TABLE t (a int REFERENCES u ON DELETE CASCADE)", Kind.DEFINE),
        ("tsql", "DELETE FROM t DROP TABLE u", Kind.UNKNOWN),
        ("tsql", "DROP TABLE IF EXISTS t", Kind.DEFINE),
        ("tsql", "DROP INDEX IF EXISTS [i] ON t", Kind.DEFINE),
        ("tsql", "ALTER TABLE t DROP COLUMN IF EXISTS a", Kind.DEFINE),
        ("tsql", "DROP TABLE t IF EXISTS (SELECT 1) SELECT 2", Kind.UNKNOWN),
        ("tsql", "DROP TABLE IF EXISTS t IF 1 = 1 SELECT 2", Kind.UNKNOWN),
    ],
)
def test_kinds_of_changes(dialect: str, text: str, kind: Kind) -> None:
    assert judge(text, dialect).kind is kind


@pytest.mark.parametrize(
    ("lexed", "parsed"),
    [
        ("SELECT 'a', b", "SELECT  'a' b"),  # a quote that begins elsewhere
        ("SELECT 'ab'", "SELECT 'a'b"),  # … ends elsewhere
        ("SELECT 'a b'", "SELECT  a b "),  # … isn't one
        ("SELECT  a b ", "SELECT 'a b'"),  # … is one to the parser only
        ("SELECT 1 - 1", "SELECT 1 --1"),  # a comment for the parser only
        ("SELECT 'a' b ", "SELECT 'a''b'"),
    ],
)
def test_the_parser_must_see_the_quotes_that_the_server_sees(lexed: str, parsed: str) -> None:
    with pytest.raises(LexError):
        tree.parse(parsed, lex(lexed, "postgres").lexemes, "postgres")


def test_templates_are_no_comments() -> None:
    # The parser skips {# … #} as a comment of a template language; no server does.
    assert judge("SELECT 1 {# + 'a' #}", "postgres").code is RefusalCode.AMBIGUOUS


@pytest.mark.parametrize("dialect", ["postgres", "duckdb"])
@pytest.mark.parametrize("text", ["SELECT f($1,$2)", "SELECT f($1,$2),f($1,$2)", "SELECT lower($1)||$2||$3"])
def test_dollars_of_placeholders_that_touch_begin_no_text(dialect: str, text: str) -> None:
    assert judge(text, dialect).kind is Kind.READ
    assert judge(f"{text}; DELETE FROM t WHERE f($1,$2)", dialect).code is RefusalCode.MULTIPLE
    assert judge("INSERT INTO t VALUES ($1,$2),($1,$3)", dialect).kind is Kind.WRITE

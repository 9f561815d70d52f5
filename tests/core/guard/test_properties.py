"""What holds for any text: judging never fails, blanks and comments change nothing, and SQLite agrees."""

from __future__ import annotations

import contextlib
import random
import re
import sqlite3
import string

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbmcp_core.guard import DIALECTS, judge
from dbmcp_core.guard.lexer import Part, lex
from dbmcp_core.statement import Kind

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

dialects = st.sampled_from(DIALECTS)
PIECES = [
    *("SELECT", "FROM", "WHERE", "INTO", "UPDATE", "DELETE", "INSERT", "DROP", "TABLE", "t", "u", "a", "b", "1", "'x'"),
    *("'it''s'", '"q"', "`w`", "[v]", "(", ")", ",", ";", ".", "*", "=", "--", "/*", "*/", "+", "-", "#", "$$", "$a$"),
    *("@x", ":=", "?", "%s", ":n", "WITH", "AS", "UNION", "ALL", "FOR", "EXPLAIN", "ANALYZE", "PRAGMA", "SHOW"),
    *("DESCRIBE", "load_extension", "pg_sleep", "sleep", "\\", "\n", "\r", "\0", "BEGIN", "END", "CASE", "WHEN"),
    *("THEN", "VALUES", "RETURNING", "SET", "E'\\'", "x'00'", "1e5", "{a}", "||", "::", "/*!", "/*+", "ATTACH"),
    *("VACUUM", "CREATE", "REPLACE", "OR", "COPY", "IN", "CAST", "(", ")", "1.", "$1", "NEXT VALUE FOR"),
]
texts = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=20).map(" ".join))
READS = {
    "SELECT a, count(*) FROM t JOIN u USING (b) WHERE c = 'x;y' AND d IN (1, 2) GROUP BY a ORDER BY 2",
    "WITH c AS (SELECT 1 AS x) SELECT upper('it''s'), x FROM c UNION ALL SELECT 'DELETE', 2",
    "SELECT CASE WHEN a > 1.5 THEN replace(b, 'x', 'y') ELSE NULL END FROM t",
}
reads = st.sampled_from(sorted(READS))


@quick
@given(texts, dialects)
def test_judging_never_fails(text: str, dialect: str) -> None:
    verdict = judge(text, dialect)
    assert (verdict.kind is Kind.READ) == (verdict.code is None) == (verdict.reason is None)


@quick
@given(reads, dialects, st.randoms(use_true_random=False))
def test_a_read_stays_one_with_other_blanks_comments_and_case(text: str, dialect: str, chance: random.Random) -> None:
    blanks = [" ", "\n", "\t", " /* DELETE; ' */ ", " -- it's; DROP\n", "/**/", "\r\n"]
    mutated = "".join(
        chance.choice(blanks)
        if piece == " "
        else piece
        if piece[0] == "'"
        else chance.choice([piece, piece.swapcase()])
        for piece in re.findall(r"'(?:[^']|'')*'|\s|[^\s']+", text)
    )
    assert judge(mutated, dialect).kind is Kind.READ, mutated
    assert judge(mutated + " ; -- end", dialect).kind is Kind.READ


@quick
@given(reads, dialects, texts)
def test_a_read_and_more_is_none(text: str, dialect: str, more: str) -> None:
    verdict = judge(f"{text};{more}", dialect)
    if verdict.kind is Kind.READ:
        # Only blanks, comments and semicolons may follow.
        assert {lexeme.part for lexeme in lex(more, dialect).lexemes} <= {Part.END}


@quick
@given(dialects, st.text(string.printable, max_size=30))
def test_what_stands_in_a_quote_is_no_statement(dialect: str, content: str) -> None:
    quoted = content.replace("\\", "").replace("'", "''").replace("${", "")
    assert judge(f"SELECT '{quoted}' AS a", dialect).kind is Kind.READ


def _snapshot(connection: sqlite3.Connection) -> list[str]:
    state = list(connection.iterdump())
    for pragma in ("user_version", "application_id", "journal_mode", "foreign_keys", "query_only", "database_list"):
        state += map(str, connection.execute(f"PRAGMA {pragma}").fetchall())
    return state


STATEMENTS = """
SELECT * FROM t; DELETE FROM t
DELETE FROM t WHERE a = 1
WITH c AS (SELECT 1) DELETE FROM t
INSERT INTO t VALUES (9, 'z') RETURNING *
SELECT 1 /* /* */ ; DELETE FROM t -- */
SELECT '; DELETE FROM t --' , "a" FROM t
SELECT [a], `b` FROM t -- ; DROP TABLE t
PRAGMA user_version = 5
PRAGMA user_version(5)
PRAGMA table_info(t)
EXPLAIN DELETE FROM t
EXPLAIN QUERY PLAN SELECT * FROM t
CREATE TABLE x AS SELECT 1
REPLACE INTO t VALUES (1, 'y')
UPDATE t SET b = replace(b, 'x', 'y')
VALUES (1), (2)
ATTACH ':memory:' AS m
SELECT replace(b, 'x', 'y') FROM t WHERE a IN (SELECT a FROM u)
DROP TABLE IF EXISTS u
SELECT * FROM pragma_user_version
SELECT $a FROM t
ALTER TABLE t ADD COLUMN c
SAVEPOINT s
""".strip().splitlines()


EDGES = ["'", '"', "`", "[", "]", "/*", "*/", "--", ";", "\n", "\r", "(", ")", "\\", "\x0b"]


def _mutated(chance: random.Random) -> str:
    """Splice and stir statements: pieces of two, doubled, dropped or swapped."""
    pieces = [re.findall(r"\w+|\s+|.", chance.choice(STATEMENTS)) for _ in range(chance.choice((1, 1, 2)))]
    words = [word for piece in pieces for word in piece]
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(words))
        kind = chance.randrange(4)
        if kind == 0:
            words.insert(at, chance.choice(EDGES))
        elif kind == 1 and len(words) > 1:
            del words[at]
        elif kind == 2:
            words.insert(at, chance.choice(words))
        else:
            words[at] = words[at].swapcase()
    return "".join(words)


def test_sqlite_agrees_that_a_read_changes_nothing() -> None:
    chance = random.Random(20240501)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (2, 'y'); CREATE TABLE u (a)")
    before, reads_seen = _snapshot(connection), 0
    for text in STATEMENTS + [_mutated(chance) for _ in range(1_500)]:
        if judge(text, "sqlite").kind is not Kind.READ:
            continue
        reads_seen += 1
        try:
            # Each statement of the text would run, if there were more than one.
            connection.executescript(text)
        except sqlite3.Error:
            continue
        finally:
            assert not connection.in_transaction, text
        assert _snapshot(connection) == before, text
    assert reads_seen > 100
    connection.close()


class _Any(dict[str, int]):
    """A value for every placeholder."""

    def __missing__(self, key: str) -> int:
        return 1


def test_sqlite_agrees_about_the_number_of_statements() -> None:
    chance = random.Random(7)
    connection = sqlite3.connect(":memory:")
    counted = 0
    for _ in range(1_500):
        text = _mutated(chance)
        if "\0" in text or judge(text, "sqlite").code is not None:
            continue
        counted += 1
        with contextlib.suppress(sqlite3.OperationalError, sqlite3.IntegrityError, sqlite3.DataError):
            # More than one statement would be a ProgrammingError or, before Python 3.12, a Warning.
            connection.execute(text, _Any())
    assert counted > 100
    connection.close()

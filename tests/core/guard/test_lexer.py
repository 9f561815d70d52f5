"""The lexer cuts a text as its server does."""

from __future__ import annotations

import pytest

from dbmcp_core.guard.lexer import RULES, LexError, Part, lex
from dbmcp_core.statement import RefusalCode


def _cut(text: str, dialect: str) -> list[tuple[str, str]]:
    return [(lexeme.part.name.lower(), lexeme.text) for lexeme in lex(text, dialect).lexemes]


@pytest.mark.parametrize("dialect", RULES)
def test_words_quotes_numbers_and_operators(dialect: str) -> None:
    quote = "`" if dialect in ("mysql", "databricks") else '"'
    assert _cut(f"SELECT {quote}A b{quote}, 'it''s', 1.5e3 ;", dialect) == [
        ("word", "select"),
        ("quoted", "A b"),
        ("op", ","),
        ("string", "it's"),
        ("op", ","),
        ("number", "1.5e3"),
        ("end", ";"),
    ]


@pytest.mark.parametrize("dialect", RULES)
def test_comments_turn_into_blanks_of_the_same_length(dialect: str) -> None:
    text = "SELECT 1 -- it's; \n/* a\nb */ , 2"
    lexed = lex(text, dialect)
    assert lexed.blanked == "SELECT 1          \n    \n     , 2"
    assert len(lexed.blanked) == len(text)
    assert [text[lexeme.start : lexeme.end] for lexeme in lexed.lexemes] == ["SELECT", "1", ",", "2"]


@pytest.mark.parametrize(
    ("dialect", "text", "expected"),
    [
        ("postgres", "/* a /* b */ c */ x", ["x"]),
        ("duckdb", "/* a /* b */ c */ x", ["x"]),
        ("tsql", "/* a /* b */ c */ x", ["x"]),
        ("sqlite", "/* a /* b */ c", ["c"]),
        ("mysql", "/* a /* b */ c", ["c"]),
        ("mysql", "5--1", ["5", "-", "-", "1"]),
        ("mysql", "5 -- 1", ["5"]),
        ("mysql", "5 --\t1", ["5"]),
        ("mysql", "5 --", ["5"]),
        ("mysql", "5 # 1\n6", ["5", "6"]),
        ("postgres", "5 # 1", ["5", "#", "1"]),
        ("sqlite", "5--1", ["5"]),
        ("postgres", "a$b$c$b$", ["a$b$c$b$"]),
        ("postgres", "$$a;'$$", ["a;'"]),
        ("postgres", "$x$a$$b$x$", ["a$$b"]),
        ("postgres", "$1 $2", ["$1", "$2"]),
        ("postgres", "'a\\' 1", ["a\\", "1"]),
        ("postgres", "E'a\\' 1'", ["a\\' 1"]),
        ("postgres", "somee'a\\' 1", ["somee", "a\\", "1"]),
        ("mysql", "'a\\' 1'", ["a\\' 1"]),
        ("mysql", '"a\\" 1"', ['a\\" 1']),
        ("databricks", "r'a\\' 1", ["a\\", "1"]),
        ("databricks", "'a\\' 1'", ["a\\' 1"]),
        ("tsql", "[a]]b] [c[d]", ["a]b", "c[d"]),
        ("sqlite", "[a[b] [c]", ["a[b", "c"]),
        ("tsql", "@a @@b #c", ["@a", "@@b", "#c"]),
        ("mysql", "2020_a 1ex 0x1F", ["2020_a", "1ex", "0x1F"]),
        ("databricks", "1L 1.5BD", ["1l", "1", ".", "5bd"]),
        ("postgres", "%s %(a)s", ["%s", "%(a)s"]),
        ("sqlite", "?1 :a @b $c", ["?1", ":a", "@b", "$c"]),
        ("postgres", "a[1:2] 1..3 .5 1_000", ["a", "[", "1", ":", "2", "]", "1", ".", ".3", ".5", "1_000"]),
        ("postgres", "größe 日本 नमस्ते", ["größe", "日本", "नमस्ते"]),
    ],
)
def test_what_a_server_makes_of_it(dialect: str, text: str, expected: list[str]) -> None:
    assert [lexeme.text for lexeme in lex(text, dialect).lexemes] == expected


@pytest.mark.parametrize(
    ("dialect", "text", "position", "code"),
    [
        ("postgres", "SELECT 'a", 7, RefusalCode.UNPARSABLE),
        ("postgres", "SELECT $a$ $b$", 7, RefusalCode.UNPARSABLE),
        ("tsql", "SELECT [a", 7, RefusalCode.UNPARSABLE),
        ("mysql", "SELECT `a", 7, RefusalCode.UNPARSABLE),
        ("sqlite", "SELECT /* a", 7, RefusalCode.AMBIGUOUS),
        ("sqlite", "SELECT '\0'", 8, RefusalCode.AMBIGUOUS),
        ("sqlite", "SELECT '\ud800'", 8, RefusalCode.AMBIGUOUS),
        ("sqlite", "SELECT -- a\rb", 11, RefusalCode.AMBIGUOUS),
        ("mysql", "SELECT /*!1*/", 7, RefusalCode.AMBIGUOUS),
        ("mysql", "SELECT /*M!1*/", 7, RefusalCode.AMBIGUOUS),
        ("mysql", "SELECT /*+ SET_VAR(a=1) */ 1", 7, RefusalCode.NOT_A_READ),
        ("databricks", "SELECT '${a}'", 8, RefusalCode.AMBIGUOUS),
        ("databricks", "SELECT /* /* */", 7, RefusalCode.AMBIGUOUS),
        ("databricks", "SELECT /* /*+ a */ */ 1", 10, RefusalCode.AMBIGUOUS),
        ("databricks", "SELECT /*+ a('b', \"c\") */ 1", 7, RefusalCode.AMBIGUOUS),
        ("postgres", "SELECT 1a", 7, RefusalCode.AMBIGUOUS),
        ("mysql", "SELECT 1e5x", 7, RefusalCode.AMBIGUOUS),
        ("tsql", "SELECT 1.x", 9, RefusalCode.AMBIGUOUS),
        ("mysql", "SELECT %(a')s", 7, RefusalCode.AMBIGUOUS),
        ("postgres", 'SELECT U&"a"', 7, RefusalCode.AMBIGUOUS),
        ("sqlite", "SELECT $a(1)", 7, RefusalCode.AMBIGUOUS),
        ("postgres", "SELECT\u3000 1", 6, RefusalCode.AMBIGUOUS),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(dialect: str, text: str, position: int, code: RefusalCode) -> None:
    with pytest.raises(LexError) as caught:
        lex(text, dialect)
    assert (caught.value.position, caught.value.code) == (position, code)


def test_a_line_comment_may_end_with_a_carriage_return_before_its_newline() -> None:
    assert _cut("SELECT 1 -- a\r\n, 2", "sqlite")[-1] == ("number", "2")


def test_every_lexeme_is_where_it_says() -> None:
    text = "SELECT 'a' /* x */ || \"b\" FROM t WHERE c = $1"
    for lexeme in lex(text, "postgres").lexemes:
        spelled = text[lexeme.start : lexeme.end]
        assert spelled.lower().strip("'\"") == lexeme.text
        assert lexeme.part is not Part.END

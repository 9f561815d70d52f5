"""The words alone are a lock of their own: each entry works without the tree, and none goes missing unnoticed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pytest

from dbmcp_core.guard import judge, reading, tables, words
from dbmcp_core.guard.lexer import lex
from dbmcp_core.statement import Kind

NEVER = [(dialect, word) for dialect, listed in words._NEVER.items() for word in sorted(listed)]
SECRETS = [(dialect, name) for dialect, listed in tables._SECRETS.items() for name in sorted(listed)]


def _digest(entries: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(sorted(map(str, entries))).encode()).hexdigest()[:16]


def test_no_list_shrinks_unnoticed() -> None:
    """Whoever changes a list on purpose changes its digest here."""
    assert {
        "never": _digest(NEVER),
        "secrets": _digest(SECRETS),
        "phrases": _digest(words._PHRASES),
        "locks": _digest(words._TSQL_LOCKS),
        "effects": _digest((node.__name__, *effect) for node, effect in reading._EFFECTS.items()),
    } == {
        "never": "818d99dc2099cf47",
        "secrets": "92d618d6847534ee",
        "phrases": "3a6201e441c15279",
        "locks": "791ea12f0a1073ec",
        "effects": "daae08132dc0547d",
    }


@pytest.mark.parametrize(("dialect", "word"), NEVER)
def test_a_reserved_word_never_stands_bare_in_a_read(dialect: str, word: str) -> None:
    assert list(words.check_words(lex(f"SELECT a FROM t {word.upper()} u", dialect).lexemes, dialect))
    assert judge(f"SELECT a FROM t {word}", dialect).kind is not Kind.READ


@pytest.mark.parametrize(("dialect", "word"), NEVER)
def test_a_reserved_word_may_be_a_name_in_quotes(dialect: str, word: str) -> None:
    quote = "`" if dialect in ("mysql", "databricks") else '"'
    assert judge(f"SELECT {quote}{word}{quote} FROM t", dialect).kind is Kind.READ


@pytest.mark.parametrize("phrase", [" ".join(phrase) for phrase, _, _ in words._PHRASES])
def test_a_phrase_is_found_by_its_words(phrase: str) -> None:
    assert list(words.check_words(lex(f"SELECT a {phrase} b", "duckdb").lexemes, "databricks"))


@pytest.mark.parametrize("lock", sorted(words._TSQL_LOCKS))
def test_a_locking_hint_is_found(lock: str) -> None:
    assert judge(f"SELECT a FROM t WITH ({lock})", "tsql").kind is Kind.WRITE


@pytest.mark.parametrize(("dialect", "name"), SECRETS)
def test_a_catalog_of_secrets_is_refused(dialect: str, name: str) -> None:
    for text in (f"SELECT * FROM {name}", f"SELECT a FROM t JOIN {name.upper()} AS x ON x.a = t.a"):
        assert judge(text, dialect).kind is Kind.ADMIN


def test_postgres_attributes_are_calls() -> None:
    assert judge("SELECT (t).lo_unlink FROM t", "postgres").kind is Kind.WRITE
    assert judge("SELECT t.lo_unlink FROM t", "postgres").kind is Kind.READ

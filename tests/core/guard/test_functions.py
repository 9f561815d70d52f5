"""Every function on the lists is refused, and no list shrinks unnoticed."""

from __future__ import annotations

import hashlib

import pytest

from dbmcp_core.guard import judge
from dbmcp_core.guard.functions import UNSAFE, is_unsafe
from dbmcp_core.guard.spark import SPARK_FUNCTIONS
from dbmcp_core.statement import Kind, RefusalCode

LISTED = [(dialect, name) for dialect, groups in UNSAFE.items() for group in groups for name in group.names]
#: How many there are, and a digest of their names: whoever changes a list on purpose changes this line with it.
FROZEN = {
    "postgres": (130, "1db6c06caa94d640"),
    "mysql": (40, "b5f4884e2a862058"),
    "sqlite": (27, "7fd278e072f5ff59"),
    "duckdb": (48, "dd11f702cb22dfe2"),
    "tsql": (26, "2d5622989bd50b48"),
    "databricks": (26, "8b2ceb7f017584eb"),
}


def _example(name: str) -> str:
    return name.partition("(")[0].replace("*", "x")


def _arguments(name: str) -> str:
    return ", ".join("1" * max(name.count("x,") + 1, 1)) if "(" in name else "1"


@pytest.mark.parametrize(("dialect", "name"), LISTED)
def test_a_listed_function_is_refused_however_it_is_called(dialect: str, name: str) -> None:
    called, given = _example(name), _arguments(name)
    quote = "`" if dialect in ("mysql", "databricks") else '"'
    for text in (
        f"SELECT {called}({given})",
        f"SELECT a FROM t WHERE b = {called.upper()} ({given})",
        f"SELECT {quote}{called}{quote}/* x */({given})",
        f"SELECT * FROM {called}({given})",
        f"WITH c AS (SELECT s.{called}({given})) SELECT * FROM c",
    ):
        verdict = judge(text, dialect)
        assert verdict.kind not in (Kind.READ, Kind.UNKNOWN), text
        assert verdict.code is RefusalCode.UNSAFE_FUNCTION, text


@pytest.mark.parametrize("dialect", UNSAFE)
def test_no_list_shrinks_unnoticed(dialect: str) -> None:
    names = sorted(name for listed, name in LISTED if listed == dialect)
    assert len(names) == len(set(names))
    assert (len(names), hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]) == FROZEN[dialect]


def test_nothing_is_both_known_to_be_safe_and_unsafe() -> None:
    unsafe = [_example(name) for dialect, name in LISTED if dialect == "databricks" and not set("*(") & set(name)]
    assert not SPARK_FUNCTIONS & set(unsafe)


@pytest.mark.parametrize("name", sorted(SPARK_FUNCTIONS - {"table_changes"}))
def test_a_function_of_spark_passes(name: str) -> None:
    given = "a" if is_unsafe(name, "databricks", arguments=2) else "a, b"
    verdict = judge(f"SELECT {name}({given}) FROM t", "databricks")
    # The parser asks some for other arguments; none is unsafe.
    assert verdict.code in (None, RefusalCode.UNPARSABLE)


@pytest.mark.parametrize(
    ("dialect", "call"),
    [
        ("mysql", "LAST_INSERT_ID()"),
        ("mysql", "IS_FREE_LOCK('a')"),
        ("postgres", "currval('s')"),
        ("postgres", "pg_relation_size('t')"),
        ("postgres", "my_function(1)"),
        ("postgres", "txid_current()"),
        ("sqlite", "my_function(1)"),
        ("duckdb", "current_setting('threads')"),
        ("tsql", "dbo.my_function(1)"),
        ("databricks", "system.builtin.abs(1)"),
        ("databricks", "from_xml(x, 'a INT')"),
        ("databricks", "from_avro(x, concat('a', 'b'))"),
        ("databricks", "schema_of_xml('<a/>')"),
    ],
)
def test_what_is_not_unsafe_passes(dialect: str, call: str) -> None:
    assert judge(f"SELECT {call}", dialect).kind is Kind.READ

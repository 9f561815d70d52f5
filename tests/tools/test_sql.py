"""SQL with ``$name`` and ``:name``: what is a reference, what is bound, what is wrong with a text."""

from __future__ import annotations

import sqlite3

import pytest

from dbmcp_core.binding import bind
from dbmcp_core.errors import ArgumentsInvalid
from dbmcp_core.sqlite.binding import bindable
from dbmcp_core.statement import RefusalCode, Statement
from dbmcp_core.tools.model import Parameter, TypeSpec
from dbmcp_core.tools.sql.code import sql_code

DIALECTS = ("databricks", "duckdb", "mysql", "postgres", "sqlite", "tsql")


def parameters(*names: str) -> list[Parameter]:
    return [Parameter(name=name, type="string") for name in names]


def messages(text: str, dialect: str, *names: str) -> list[str]:
    return [message for _, message in sql_code(text, parameters(*names), dialect).problems()]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_both_styles_are_bound_on_every_engine(dialect: str) -> None:
    code = sql_code("SELECT * FROM t WHERE a = $a AND b = :b AND c = $a; -- $c\n", parameters("a", "b"), dialect)
    assert code.problems() == []
    assert code.check(dialect, read_only=True) == []
    statement = code.statement({"a": 1, "b": 2})
    assert ":b" not in statement.text
    if dialect == "duckdb":
        assert statement == Statement("SELECT * FROM t WHERE a = $a AND b = $b AND c = $a; -- $c\n", {"a": 1, "b": 2})
        assert bind(statement, dialect, "$name") == statement
        return
    assert sorted(set(statement.params)) == [1, 2]
    assert "$a" not in statement.text
    style = "$" if dialect == "postgres" else "?"
    assert len(bind(statement, dialect, style).params) >= 2


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (
            "postgres",
            "SELECT 'it''s $b', $$ $b $$, $t$ :b $t$, \"$b\", x::b, a[1:b], E'\\'$b' -- $b\n /* :b /* $b */ */",
        ),
        ("mysql", "SELECT 'a\\'$b', \"$b\", `$b`, @b # $b\n"),
        ("tsql", "SELECT [$b], N'$b', @b, $5"),
        ("databricks", "SELECT col:b, r'\\', '$b'"),
        ("duckdb", "SELECT {'a': 1, 'b':2}, data->>'$.b', x[1:b], $$ $b $$"),
        ("sqlite", "SELECT json_extract(x, '$.b'), [$b], `:b`"),
    ],
)
def test_what_looks_like_a_reference_and_is_none(dialect: str, text: str) -> None:
    code = sql_code(text, [], dialect)
    assert code.problems() == []
    assert code.statement({}) == Statement(text)


def test_a_reference_right_after_a_colon_or_bracket() -> None:
    statement = sql_code("SELECT {'b':$a}, [$a], ($a)", parameters("a"), "duckdb").statement({"a": 7})
    assert statement == Statement("SELECT {'b':$a}, [$a], ($a)", {"a": 7})


def test_parameters_that_differ_in_case_alone_have_numbers() -> None:
    statement = sql_code("SELECT $a, $A", parameters("a", "A"), "duckdb").statement({"a": 7, "A": 8})
    assert statement == Statement("SELECT $1, $2", (7, 8))


def test_names_may_differ_in_case() -> None:
    assert sql_code("SELECT $User_ID", parameters("user_id"), "duckdb").problems() == []


def test_undeclared_and_unused() -> None:
    code = sql_code("SELECT\n $nam", parameters("name"), "duckdb")
    assert code.problems()[1] == (("parameters", 0), "parameter 'name' is not used in the code")
    assert "line 2: '$nam' is no parameter" in code.problems()[0][1]


@pytest.mark.parametrize("text", ["SELECT ?", "SELECT ?1", "SELECT $1", "SELECT @x"])
def test_placeholders_without_names(text: str) -> None:
    assert "has no name" in messages(text, "sqlite")[0]


def test_a_question_mark_of_json_on_postgres_is_an_operator() -> None:
    assert messages("SELECT * FROM t WHERE data ? 'key' AND x = $x", "postgres", "x") == []


def test_an_empty_text() -> None:
    assert messages(" \n", "duckdb") == ["the code is empty"]


def test_a_value_that_is_missing() -> None:
    with pytest.raises(ArgumentsInvalid, match=r"\$a"):
        sql_code("SELECT $a", parameters("a"), "sqlite").statement({})


@pytest.mark.parametrize("text", ["SELECT $a; DELETE FROM t", "SELECT FROM WHERE $a (", "VACUUM $a"])
@pytest.mark.parametrize("read_only", [True, False])
def test_check_refuses(text: str, read_only: bool) -> None:
    assert len(sql_code(text, parameters("a"), "sqlite").check("sqlite", read_only=read_only)) == 1


@pytest.mark.parametrize("text", ["DELETE FROM t WHERE a = $a", "CREATE TABLE t AS SELECT $a AS a"])
def test_writes_are_for_tools_that_do_not_say_they_only_read(text: str) -> None:
    code = sql_code(text, parameters("a"), "sqlite")
    assert code.check("sqlite", read_only=False) == []
    [(path, message)] = code.check("sqlite", read_only=True)
    assert path == ()
    assert "readOnlyHint" in message


def test_what_an_engine_decides_on_itself_is_tolerated() -> None:
    code = sql_code("SELECT * FROM read_csv('a.csv')", [], "duckdb")
    assert len(code.check("duckdb", read_only=True)) == 1
    assert code.check("duckdb", read_only=True, tolerate={RefusalCode.UNSAFE_FUNCTION}) == []


@pytest.mark.parametrize(
    ("dialect", "bound"),
    [
        *((one, '["b", "ä"]') for one in ("sqlite", "mysql", "tsql")),
        *((one, ["b", "ä"]) for one in ("duckdb", "postgres")),
    ],
)
def test_lists_are_what_the_engine_takes(dialect: str, bound: object) -> None:
    params = sql_code("SELECT $a", parameters("a"), dialect).statement({"a": ["b", "ä"]}).params
    assert params == ({"a": bound} if dialect == "duckdb" else (bound,))


def test_a_path_into_a_parameter_is_none_of_another_on_databricks() -> None:
    code = sql_code("SELECT $a:b.c, $a::int, parse_json($a):d", parameters("a"), "databricks")
    assert code.problems() == code.check("databricks", read_only=True) == []
    assert code.statement({"a": "1"}).text == "SELECT (?):b.c, ?::int, parse_json(?):d"


def test_nested_lists_are_json_on_postgres() -> None:
    assert sql_code("SELECT $a", parameters("a"), "postgres").statement({"a": [{"b": 1}]}).params == ('[{"b": 1}]',)


@pytest.mark.parametrize(("items", "bound"), [("object", "[]"), ("array", "[]"), ("string", [])])
def test_an_empty_list_is_bound_as_a_full_one_would_be(items: str, bound: object) -> None:
    declared = [Parameter(name="a", type="array", items=TypeSpec(type=items))]
    for dialect in ("postgres", "databricks"):
        assert sql_code("SELECT $a", declared, dialect).statement({"a": []}).params == (bound,)


def test_a_nan_is_no_json() -> None:
    with pytest.raises(ArgumentsInvalid, match="JSON"):
        sql_code("SELECT $a", parameters("a"), "sqlite").statement({"a": [float("nan")]})


def test_it_runs() -> None:
    statement = sql_code("SELECT $a || ' ' || :b || $a", parameters("a", "b"), "sqlite").statement({"a": "'", "b": ";"})
    values = bindable(statement.text, statement.params)
    assert sqlite3.connect(":memory:").execute(statement.text, values).fetchone() == ("' ;'",)


def test_samples_hold_the_whole_statement() -> None:
    assert sql_code("SELECT $a", parameters("a"), "duckdb").samples() == [Statement("SELECT $a", {"a": None})]

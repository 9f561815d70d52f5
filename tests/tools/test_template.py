"""SQL written with Jinja: what is bound, what is written, which branches are judged; and prompts."""

from __future__ import annotations

import sqlite3
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmcp_core.errors import ArgumentsInvalid
from dbmcp_core.sqlite.binding import bindable
from dbmcp_core.tools.model import Parameter, Prompt
from dbmcp_core.tools.sql.prompts import prompt_messages, prompt_problems
from dbmcp_core.tools.sql.template import JinjaCode, jinja_code

DIALECTS = ("databricks", "duckdb", "mysql", "postgres", "sqlite", "tsql")
SHOP = """SELECT name FROM product WHERE shop = $shop
{% if name %} AND name LIKE {{ '%' ~ name ~ '%' }}{% endif %}
{% if ids is not none %} AND id IN ({{ ids | inlist }}){% endif %}
{% for word in words %}{% if loop.first %} AND ({% endif %}
note = {{ word }}{% if not loop.last %} OR {% else %}){% endif %}{% endfor %}
ORDER BY {{ sort | identifier('name', 'p.price') }} {{ direction | keyword('ASC', 'DESC') }}"""
SHOP_PARAMETERS: dict[str, Any] = {
    "shop": "string",
    "name": {"type": "string", "default": None},
    "ids": {"type": "array", "items": {"type": "integer"}, "default": None},
    "words": {"type": "array", "items": {"type": "string"}},
    "sort": "string",
    "direction": "string",
}


def code(text: str, dialect: str = "sqlite", **specs: Any) -> JinjaCode:
    parameters = [
        Parameter.model_validate({"name": name, **({"type": spec} if isinstance(spec, str) else spec)})
        for name, spec in specs.items()
    ]
    return jinja_code(text, parameters, dialect)


def messages(text: str, dialect: str = "sqlite", *, read_only: bool = True, **specs: Any) -> list[str]:
    template = code(text, dialect, **specs)
    return [message for _, message in template.problems() or template.check(dialect, read_only=read_only)]


def on_sqlite(text: str, arguments: dict[str, Any], **specs: Any) -> Any:
    statement = code(text, "sqlite", **specs).statement(arguments)
    return sqlite3.connect(":memory:").execute(statement.text, bindable(statement.text, statement.params)).fetchall()


def on_duckdb(text: str, arguments: dict[str, Any], **specs: Any) -> Any:
    statement = code(text, "duckdb", **specs).statement(arguments)
    return duckdb.connect().execute(statement.text, list(statement.params)).fetchall()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_template_with_everything(dialect: str) -> None:
    template = code(SHOP, dialect, **SHOP_PARAMETERS)
    assert template.problems() == []
    assert template.check(dialect, read_only=True) == []
    given = {"shop": "s", "name": "O'x", "ids": [1, 2], "words": ["w", "v"], "sort": "p.price", "direction": "desc"}
    statement = template.statement(given)
    assert list(statement.params) == ["s", "%O'x%", 1, 2, "w", "v"]
    assert "O'x" not in statement.text
    assert statement.text.endswith(" DESC")
    assert len({one.text for one in template.samples()}) > 10


@pytest.mark.parametrize(
    ("dialect", "written"),
    [("postgres", '"A"."b""c"'), ("mysql", '`A`.`b"c`'), ("databricks", '`A`.`b"c`'), ("tsql", '[A].[b"c]')],
)
def test_identifiers_are_quoted_as_the_engine_does(dialect: str, written: str) -> None:
    template = code("SELECT {{ x | identifier('A.b\"c') }}", dialect, x="string")
    assert template.statement({"x": 'A.b"c'}).text == f"SELECT {written}"


def test_an_enum_is_the_list_of_identifiers() -> None:
    template = code("SELECT {{ x | identifier }} FROM t", x={"type": "string", "enum": ["a", "b"]})
    assert template.problems() == []
    assert template.statement({"x": "b"}).text == "SELECT `b` FROM t"
    with pytest.raises(ArgumentsInvalid, match="only 'a', 'b'"):
        template.statement({"x": "c"})


@pytest.mark.parametrize("run", [on_sqlite, on_duckdb])
@pytest.mark.parametrize("brackets", ["IN {{ ids | inlist }}", "IN ({{ ids | inlist }})"])
@pytest.mark.parametrize("value", ["1", "NULL", "'a'"])
def test_no_item_is_in_an_empty_list(run: Any, brackets: str, value: str) -> None:
    text = f"SELECT {value} {brackets}, {value} NOT {brackets}"
    assert run(text, {"ids": []}, ids="array") == [(False, True)]


def test_an_empty_list_on_postgres_has_the_type_of_its_left_side() -> None:
    template = code("SELECT 1 WHERE a IN ({{ x | inlist }}) AND b NOT IN {{ x | inlist }}", "postgres", x="array")
    assert template.check("postgres", read_only=True) == []
    assert template.statement({"x": []}).text == "SELECT 1 WHERE a  = ANY ('{}') AND b  <> ALL ('{}')"


@pytest.mark.parametrize("run", [on_sqlite, on_duckdb])
@given(
    value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    others=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=4),
)
def test_values_come_back_as_they_are_and_are_never_in_the_text(run: Any, value: str, others: list[str]) -> None:
    specs = {"a": "string", "b": "array"}
    text = (
        "{% set c = a ~ '/' ~ a %}SELECT {{ a }}, {{ c }}, $a, {{ b | join(',') }}, {{ a if a else a }}"
        "{% for x in b %}, {{ x | upper }}{% endfor %}, {{ a }} IN {{ b | inlist }}"
    )
    upper = [one.upper() for one in others]
    [row] = run(text, {"a": value, "b": others}, **specs)
    assert list(row[:-1]) == [value, f"{value}/{value}", value, ",".join(others), value, *upper]
    assert bool(row[-1]) is (value in others)
    marked = f"<<{value}>>"
    assert marked not in code(text, **specs).statement({"a": marked, "b": [marked]}).text


@pytest.mark.parametrize(
    "text",
    [
        "SELECT '{{ a }}'",
        'SELECT "{{ a }}"',
        "SELECT `{{ a }}`",
        "SELECT [{{ a }}]",
        "SELECT 1 -- {{ a }}\n",
        "SELECT /* {{ a }} */ 1",
        "SELECT 1 FROM tab{{ a }}",
        "SELECT {{ a }}tab",
        "SELECT {{ a }}{{ a }}",
        "SELECT 1{{ a }}",
        "SELECT '{% if a == 'x' %}{{ a }}{% endif %}'",
    ],
)
def test_a_value_in_a_place_where_none_is(text: str) -> None:
    assert any("inside of quotes, a comment or another word" in one for one in messages(text, a="string"))
    with pytest.raises(Exception, match="inside of quotes"):
        code(text, a="string").statement({"a": "x"})


def test_a_value_in_a_dollar_quote() -> None:
    assert "inside of quotes" in messages("SELECT $$ {{ a }} $$", "postgres", a="string")[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SELECT\n{{ b }}, {{ a }}", "line 2: 'b' is no parameter"),
        ("SELECT 1", "'a' is not used"),
        ("SELECT {{ a }}\n{% if a %}", "line 2: "),
        ("SELECT {{ a }}, $b", "'$b' is no parameter"),
        ("SELECT {{ a }}, ?", "has no name"),
        ("SELECT {{ a }}, $__1", "'$__1' is no parameter"),
        ("SELECT {{ a }}; SELECT 2", "one statement"),
        ("SELECT {{ a }}\n{% if a == 'q' %}; DROP TABLE t{% endif %}", "line 2: a tool runs one statement"),
        ("{% if a == 'q' %}DELETE FROM t WHERE x = {{ a }}{% else %}SELECT 1{% endif %}", "readOnlyHint"),
        ("{% if a == 'q' and a == 'p' %}DELETE FROM t{% else %}SELECT {{ a }}{% endif %}", "readOnlyHint"),
        ("SELECT 1{% for x in a %} FROM{% endfor %}", "can't be looped over"),
        ("SELECT {{ a | inlist }}", "'inlist' wants a list"),
        ("SELECT 1 WHERE 1 IN (2, {{ [a] | inlist }})", "right after IN"),
        ("SELECT {{ a | identifier }}", "wants the names"),
        ("SELECT {{ a | keyword('OR 1=1') }}", "can't be written as a keyword"),
        ("SELECT {{ a | keyword(a) }}", "as plain texts"),
    ],
)
def test_problems(text: str, problem: str) -> None:
    assert any(problem in one for one in messages(text, a="string"))


def test_a_write_is_for_tools_that_do_not_say_they_only_read() -> None:
    assert messages("DELETE FROM t WHERE a = {{ a }}", read_only=False, a="string") == []


def test_conditions_that_exclude_each_other_are_no_problem() -> None:
    text = "SELECT {{ a }} AS x{% if a %} ORDER BY x{% endif %}{% if not a %} ORDER BY 1{% endif %}"
    assert messages(text, a="string") == []


def test_a_parameter_that_is_not_given_is_none() -> None:
    assert on_sqlite("SELECT {{ a }}, {{ a is defined }}, {{ a is none }}", {}, a="string") == [(None, 1, 1)]


def test_data_is_reached_into_by_key_alone() -> None:
    text = "SELECT {{ a.b }}, {{ a['c'][0] }}, {{ a.x | default('d') }}, {{ a.items }}"
    assert on_sqlite(text, {"a": {"b": 1, "c": [2], "items": 3}}, a="object") == [(1, 2, "d", 3)]


def prompt(text: str, *names: str) -> Prompt:
    parameters = [{"name": name, "type": "string"} for name in names]
    return Prompt.model_validate({"name": "p", "parameters": parameters, "messages": [{"prompt": text}]})


def test_a_prompt_is_text() -> None:
    text = "{% macro m(x) %}<{{ x }}>{% endmacro %}{% for x in a %}{{ loop.index }}{{ m(x.b) | upper }}{% endfor %}"
    assert prompt_problems(prompt(text, "a")) == []
    assert prompt_messages(prompt(text, "a"), {"a": [{"b": "c{{ d }}"}]}) == [
        {"role": "user", "type": "text", "prompt": "1<C{{ D }}>"}
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{{ b }}", "'b' is no parameter"), ("x\n{% if a %}", "line 2"), ("{% include 'x' %}", "other templates")],
)
def test_problems_of_a_prompt(text: str, problem: str) -> None:
    [(path, message)] = prompt_problems(prompt(text, "a"))
    assert path == ("messages", 0, "prompt")
    assert problem in message


def test_a_prompt_names_a_value_that_is_missing() -> None:
    with pytest.raises(ArgumentsInvalid, match="no attribute 'b'"):
        prompt_messages(prompt("{{ a.b }}", "a"), {"a": {}})

"""Templates and values that try to get out of the sandbox, into the text, or to use up the machine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmcp_core.errors import ArgumentsInvalid, DbmcpError, LimitExceeded
from dbmcp_core.tools.model import Parameter, Prompt
from dbmcp_core.tools.sql.prompts import prompt_messages, prompt_problems
from dbmcp_core.tools.sql.template import JinjaCode, jinja_code

HOSTILE = [
    "'; DROP TABLE t; --",
    "{{ 7 * 7 }}",
    "{% raw %}{{ a }}",
    "$a",
    "$__1",
    ":a",
    "?",
    "\0",
    "\ud800",
    "\u02bc OR 1=1",
    "\uff07; DELETE",
    "*/ DELETE /*",
    "\\' OR 1=1 --",
    "{0.__class__}",
    "%(a)s",
    "\u202e'",
]
FORBIDDEN = [
    "{% set x %}{{ a }}{% endset %}SELECT {{ x }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}SELECT {{ m(a) }}",
    "{% filter upper %}SELECT {{ a }}{% endfilter %}",
    "{% call a() %}{{ a }}{% endcall %}",
    "{% autoescape true %}SELECT {{ a }}{% endautoescape %}",
    "{% include a %}",
    "{% import a as b %}",
    "{% from a import b %}",
    "{% extends a %}",
    "{% block b %}{{ a }}{% endblock %}",
    "{% for x in a recursive %}{{ loop(x) }}{% endfor %}",
    "{% set a.b = 1 %}SELECT {{ a }}",
    "{% with b = a %}{{ b }}{% endwith %}",
    "{% do a.append(1) %}",
    *[
        f"SELECT {{{{ {expression} }}}}"
        for expression in (
            "a | safe",
            "a | e",
            "a | attr('__class__')",
            "a | format(1)",
            "a | xmlattr",
            "a | map('attr', '__class__')",
            "a | groupby('__class__')",
            "a | selectattr('__class__')",
            "a | pprint",
            "a | dictsort",
            "a | indent(1000000000)",
            "a | center(1000000000)",
            "a.format(a)",
            "a.__class__()",
            "''.join(a)",
            "a.__init__.__globals__['os'].popen('id').read()",
            "self",
            "self.__init__",
            "cycler(1)",
            "namespace(b=1)",
            "lipsum()",
            "joiner(a)",
            "dict(b=a)",
            "range(*a)",
            "a ** 9",
            "2 ** 999999999",
            "a | inlist | upper",
            "(a | identifier('b')) ~ 'c'",
            "a | identifier('b') if a",
        )
    ],
]


def code(text: str) -> JinjaCode:
    return jinja_code(text, [Parameter(name="a", type="string")], "sqlite")


@pytest.mark.parametrize("text", FORBIDDEN)
def test_what_is_on_no_list_is_refused_before_it_is_rendered(text: str) -> None:
    assert code(text).problems()
    with pytest.raises(DbmcpError):
        code(text).statement({"a": "x"})


@pytest.mark.parametrize("attribute", ["__class__", "__mro__", "upper", "format", "format_map", "real", "items"])
@pytest.mark.parametrize("value", ["x", 1, 1.5, None, [1], True])
def test_nothing_has_attributes(attribute: str, value: Any) -> None:
    for text in (f"SELECT {{{{ a.{attribute} }}}}", f"SELECT {{{{ a['{attribute}'] }}}}"):
        with pytest.raises(ArgumentsInvalid):
            code(text).statement({"a": value})


def test_the_loop_has_its_items_alone() -> None:
    with pytest.raises(ArgumentsInvalid, match="__class__"):
        code("SELECT 1{% for x in a %}, {{ x }}, {{ loop.__class__ }}{% endfor %}").statement({"a": [1]})


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "expression",
    [
        "a",
        "a ~ a",
        "a | upper",
        "a | replace('x', a)",
        "[a] | join(a)",
        "a | tojson",
        "a if a else 1",
        "{a: a}",
        "a[:]",
    ],
)
def test_a_hostile_value_is_bound(value: str, expression: str) -> None:
    template = code(f"SELECT {{{{ {expression} }}}}")
    assert template.statement({"a": value}).text == "SELECT ?1"


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_keys_are_bound(value: str) -> None:
    template = code("SELECT 1{% for k in a %}, {{ k }}{% endfor %}{% for k, v in a | items %}, {{ k ~ v }}{% endfor %}")
    statement = template.statement({"a": {value: value}})
    assert statement.text == "SELECT 1, ?1, ?2"
    assert statement.params == (value, value * 2)


@pytest.mark.parametrize("value", [*HOSTILE, "b`", "B", "", None, 1, ["b"]])
@pytest.mark.parametrize("filtered", ["identifier('b')", "keyword('b')"])
def test_only_listed_names_are_written(value: Any, filtered: str) -> None:
    if value == "B" and filtered.startswith("keyword"):
        return  # its case is the template's
    with pytest.raises(ArgumentsInvalid, match="only 'b'"):
        code(f"SELECT {{{{ a | {filtered} }}}}").statement({"a": value})


@pytest.mark.parametrize(
    "text",
    [
        "SELECT {{ 'x' * 1000000000 }}",
        "SELECT {{ [1] * 1000000000 }}",
        "SELECT {{ '%1000000000d' % 1 }}",
        "SELECT {{ range(1000000000) }}",
        "SELECT 1{% for x in range(1000) %}{% for y in range(1000) %}{% endfor %}{% endfor %}",
        "SELECT 1{% for x in range(999) %}{% for y in range(99) %}, {{ y }}{% endfor %}{% endfor %}",
        "{% set x = 'xxxxxxxx' %}" + "{% set x = x ~ x %}" * 40 + "SELECT {{ x }}",
        "{% set x = [1] %}" + "{% set x = x + x %}" * 40 + "SELECT {{ x }}",
        "{% set x = [1] %}" + "{% set x = [x, x] %}" * 40 + "SELECT {{ x }}",
        "{% set x = 9 %}" + "{% set x = x * x %}" * 40 + "SELECT {{ x }}",
        "{% set x = 'xxxxxxxx' %}" + "{% set x = x | replace('x', x) %}" * 9 + "SELECT {{ x }}",
        "SELECT 1{% for x in range(1000) %}" + "x" * 2_000 + "{% endfor %}",
        "{% set s = 'x' %}"
        + "{% set s = s ~ s %}" * 20
        + "{% set l = [s] %}"
        + "{% set l = l + l %}" * 10
        + "SELECT {{ l }}",
        "{% set s = 'x' %}" + "{% set s = s ~ s %}" * 17 + "{% set l = [s] * 9 %}SELECT {{ l }}",
        "{% set s = 'x' %}" + "{% set s = s ~ s %}" * 19 + "SELECT {{ {'a': s, 'b': [s, s]} | tojson }}",
    ],
)
def test_what_grows_is_stopped(text: str) -> None:
    with pytest.raises((LimitExceeded, ArgumentsInvalid)):
        jinja_code(text, [], "sqlite").statement({})


@pytest.mark.parametrize("text", ["SELECT {{ " + "(" * 5_000 + "a", "{% if a %}" * 2_000, "SELECT {{ " + "9" * 9_999])
def test_what_is_nested_too_deep_is_a_problem(text: str) -> None:
    assert code(text).problems()


PROMPTS = [
    "{{ ''.__class__.__mro__ }}",
    "{{ a | attr('__class__') }}",
    "{{ a.format(1) }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ a.format_map({}) }}",
    "{{ self.__init__.__globals__ }}",
    "{{ range.__globals__ }}",
    "{{ dbmcp_tick.__init__ }}",
    "{{ cycler.__init__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ namespace(x=1) }}",
    "{% include a %}",
    "{{ 'x' * 1000000000 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 9 ** 999999999 }}",
    "{{ 'x' | center(1000000000) }}",
    "{{ 'x'.ljust(1000000000) }}",
    "{{ '%1000000000d' | format(1) }}",
    "{% for x in range(9999) %}{% for y in range(9999) %}{% endfor %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% set x = 'xxxxxxxx' %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}",
    "{% for x in range(9999) %}" + "x" * 200 + "{% endfor %}",
]


@pytest.mark.parametrize("text", PROMPTS)
def test_a_prompt_stays_in_its_sandbox(text: str) -> None:
    prompt = Prompt.model_validate(
        {"name": "p", "parameters": [{"name": "a", "type": "string"}], "messages": [{"prompt": text}]}
    )
    prompt_problems(prompt)
    with pytest.raises(DbmcpError):
        prompt_messages(prompt, {"a": "{0.__class__}"})


@pytest.mark.parametrize("value", HOSTILE)
def test_a_prompts_values_are_no_templates(value: str) -> None:
    prompt = Prompt.model_validate(
        {"name": "p", "parameters": [{"name": "a", "type": "string"}], "messages": [{"prompt": "{{ a }}"}]}
    )
    assert prompt_messages(prompt, {"a": value})[0]["prompt"] == value


@pytest.mark.parametrize(
    "expression", ["d[a]", "d['x' ~ a]", "[1][a]", "a[a]", "a.b", "a | int", "a | float", "a + 1", "a < 1", "a | sum"]
)
def test_an_error_shows_no_value(expression: str) -> None:
    parameters = [Parameter(name=name, type="string") for name in "ad"]
    template = jinja_code(f"SELECT {{{{ {expression} }}}}, {{{{ d }}}}", parameters, "sqlite")
    with pytest.raises(ArgumentsInvalid) as raised:
        template.statement({"a": "s3cr3t", "d": {"x": 1}})
    assert "s3cr3t" not in str(raised.value)


BRANCHES = """SELECT id, {{ a }}, {{ a ~ b | join('-') }}, {{ o.x | default('none') }} -- a comment
FROM t WHERE 1 = 1
{%- if flag %} AND name LIKE {{ '%' ~ a ~ '%' }}{% elif a %} AND name = {{ a }}{% else %} AND name IS NULL{% endif %}
{% for x in b if x is not none %} OR x = {{ x }} {% if loop.last %}OR NULL{% endif %}{% else %} OR 2 = 2{% endfor %}
 AND id IN ({{ b | inlist }}) {# {{ a }} #}{% raw %}{% endraw %}
ORDER BY {{ sort | identifier('id', 'na"me', 'a.b') }} {{ way | keyword('ASC', 'DESC') }}"""
NAMES = ("a", "b", "o", "flag", "sort", "way")
TEXTS = st.text(min_size=1) | st.sampled_from(HOSTILE)


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb", "postgres", "mysql", "tsql", "databricks"])
@given(
    first=TEXTS, other=TEXTS, items=st.lists(TEXTS, max_size=4), others=st.lists(TEXTS, min_size=4), flag=st.booleans()
)
def test_the_text_depends_on_the_way_and_never_on_values(
    dialect: str, first: str, other: str, items: list[str], others: list[str], flag: bool
) -> None:
    template = jinja_code(BRANCHES, [Parameter(name=name, type="string") for name in NAMES], dialect)
    choices = {"flag": flag, "sort": 'na"me', "way": "asc", "o": {"x": 1}}
    one = template.statement({**choices, "a": first, "b": items})
    two = template.statement({**choices, "a": other, "b": others[: len(items)], "o": {"x": [other]}})
    assert one.text == two.text
    assert len(one.params) == len(two.params)

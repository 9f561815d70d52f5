"""Files to definitions: every key checked, all problems at once, each with its line and the nearest known key."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dbmcp_core.tools.files import definitions as files
from dbmcp_core.tools.files import documents
from dbmcp_core.tools.files.definitions import File
from dbmcp_core.tools.model import Prompt, Resource, Tool
from dbmcp_core.tools.problems import Place

Write = Callable[[str, str], Path]

TOOL = """\
mxcp: 1
tool:
  name: orders
  description: Orders of one customer
  parameters:
    - name: customer
      type: integer
      minimum: 1
  return:
    type: array
  source:
    code: SELECT * FROM purchase WHERE customer_id = $customer
"""


def read(text: str) -> File:
    return files.read(Path("orders.yml"), text)


def told(text: str) -> list[str]:
    return [f"{problem.place.line}:{problem.place.column} {problem.message}" for problem in read(text).problems]


def test_a_tool() -> None:
    file = read(TOOL)
    assert file.problems == []
    tool = file.definitions[0].definition
    assert isinstance(tool, Tool)
    assert (tool.name, tool.code_language, tool.parameters[0].minimum) == ("orders", "sql", 1)
    assert not tool.parameters[0].has_default
    assert file.definitions[0].subject == "tool:orders"


def test_a_default_of_null_is_one() -> None:
    file = read(TOOL.replace("minimum: 1", "default: null"))
    assert file.definitions[0].definition.parameters[0].has_default


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("minimum: 1", "minimun: 1", "8:7 unknown key 'minimun' (did you mean 'minimum'?)"),
        ("description: Orders", "descripton: Orders", "4:3 unknown key 'descripton' (did you mean 'description'?)"),
        ("mxcp: 1", "mxcp: 2", "1:1 version 2 of the format isn't known; 'mxcp: 1' is"),
        ("mxcp: 1", "mxpc: 1", "1:1 unknown key 'mxpc' (did you mean 'mxcp'?)"),
        ("type: integer", "type: integr", "7:7 'type' wants one of string, number, integer, boolean, array, object"),
        ("    type: array", "    type: 123", "10:5 'type' wants one of"),
        ("name: customer", "name: customer id", "6:7 'name' wants a letter or underscore"),
        ("name: orders", "name: orders!", "3:3 'name' wants up to 64 letters"),
        ("minimum: 1", "minLength: -1", "8:7 'minLength' wants at least 0, not -1"),
        ("minimum: 1", "uniqueItems: 1", "8:7 'uniqueItems' wants true or false, not 1"),
        ("code: SELECT", "code: [SELECT", "13:1 not valid YAML"),
        ("code: SELECT", "file: x.sql\n    code: SELECT", "12:5 'file' stands beside 'code'"),
        ("    type: array", "    type: array\n    items: [1]", "11:5 'items' wants a mapping, not a list"),
    ],
)
def test_a_mistake_is_told_with_its_place(before: str, after: str, expected: str) -> None:
    assert before in TOOL
    (problem,) = told(TOOL.replace(before, after, 1))
    assert problem.startswith(expected)


def test_all_mistakes_are_told_at_once() -> None:
    text = TOOL.replace("minimum", "minimun").replace("name: orders", "nam: orders").replace("mxcp", "mxpc")
    assert len(told(text)) == 4  # the name is missing as well


def test_a_mistake_deep_inside_has_its_own_line() -> None:
    nested = (
        "    type: array\n    items:\n      type: object\n      properties:\n        total:\n          typ: number\n"
    )
    assert told(TOOL.replace("    type: array\n", nested)) == [
        "14:9 'type' is missing",
        "15:11 unknown key 'typ' (did you mean 'type'?)",
    ]


def test_a_key_twice() -> None:
    (problem,) = told(TOOL + "  name: again\n")
    assert problem == "13:3 the key 'name' stands here twice"


@pytest.mark.parametrize("text", ["", "- a\n", "tool\n", "42", "!!python/object:os.system {}", "mxcp: 1\n"])
def test_what_is_no_definition(text: str) -> None:
    file = read(text)
    assert len(file.problems) == 1
    assert file.definitions == []


def test_dates_stay_texts() -> None:
    text = TOOL.replace(
        "type: integer\n      minimum: 1", "type: string\n      format: date\n      default: 2024-02-29"
    )
    assert read(text).definitions[0].definition.parameters[0].default == "2024-02-29"


def test_several_definitions_in_a_file() -> None:
    file = read(
        """
        dbmcp: 1
        tools:
          - {name: a, source: {code: SELECT 1}}
          - {name: b, source: {code: SELECT 2}, connection: crm}
        resources:
          - {uri: "shop://orders/{id}", parameters: [{name: id, type: integer}], source: {code: SELECT $id}}
        prompts:
          - {name: hello, messages: [{prompt: Hello}]}
        policies:
          - {match: "tool:a*", input: [{condition: "user.role != 'admin'", action: deny}]}
        """
    )
    assert file.problems == []
    assert [one.subject for one in file.definitions] == [
        "tool:a",
        "tool:b",
        "resource:shop://orders/{id}",
        "prompt:hello",
    ]
    assert [type(one.definition) for one in file.definitions] == [Tool, Tool, Resource, Prompt]
    assert file.rules[0].policy.match == "tool:a*"


def test_a_problem_in_a_list_of_definitions() -> None:
    assert told("dbmcp: 1\ntools:\n  - name: a\n    source: {code: SELECT 1}\n  - name: b\n    sourc: {}\n") == [
        "5:5 'source' is missing",
        "6:5 unknown key 'sourc' (did you mean 'source'?)",
    ]


class TestSharedTypes:
    REFERENCE = """
    dbmcp: 1
    types:
      money: {type: number, minimum: 0}
      order: {type: object, properties: {total: {$ref: "#/types/money"}}}
    tool:
      name: order
      parameters:
        - {name: least, $ref: "#/types/money", description: At least this}
      return: {$ref: "#/types/order"}
      source: {code: "SELECT $least AS total"}
    """

    def test_a_reference_in_the_file(self) -> None:
        file = read(self.REFERENCE)
        assert file.problems == []
        tool = file.definitions[0].definition
        assert (tool.parameters[0].type, tool.parameters[0].minimum) == ("number", 0)
        assert tool.parameters[0].description == "At least this"
        assert tool.returns is not None
        assert tool.returns.properties["total"].minimum == 0

    def test_a_reference_to_another_file(self, write: Write) -> None:
        write("types.yml", "dbmcp: 1\ntypes:\n  money: {$ref: '#/types/number'}\n  number: {type: number}\n")
        path = write(
            "order.yml",
            """
            dbmcp: 1
            tool:
              name: order
              parameters: [{name: least, $ref: "types.yml#/types/money"}]
              source: {code: SELECT $least}
            """,
        )
        file = files.read(path)
        assert file.problems == []
        assert file.definitions[0].definition.parameters[0].type == "number"

    @pytest.mark.parametrize(
        ("reference", "expected"),
        [
            ("#/types/mony", "leads nowhere: there is no type 'mony' (did you mean 'money'?)"),
            ("other.yml#/types/money", "leads to other.yml, which can't be read"),
            ("money", "wants '#/types/NAME'"),
        ],
    )
    def test_one_that_leads_nowhere(self, reference: str, expected: str) -> None:
        (problem,) = told(
            self.REFERENCE.replace('{name: least, $ref: "#/types/money"', f"{{name: least, $ref: '{reference}'")
        )
        assert problem.startswith(f"9:25 '$ref' {expected}")

    def test_one_that_leads_back_to_itself(self) -> None:
        text = "dbmcp: 1\ntypes:\n  a: {$ref: '#/types/b'}\n  b: {$ref: '#/types/a'}\ntool:\n  name: x\n"
        problems = told(text + "  return: {$ref: '#/types/a'}\n  source: {code: SELECT 1}\n")
        assert any("does one refer to itself?" in problem for problem in problems)


class TestHostileFiles:
    def test_aliases_that_multiply(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
        _, problems = documents.read(Path("bomb.yml"), "\n".join(lines))
        assert "more than 100,000 values" in problems[0].message

    def test_an_alias_inside_of_itself(self) -> None:
        _, problems = documents.read(Path("loop.yml"), "a: &a [1, *a]\n")
        assert "inside of what it stands for" in problems[0].message

    @pytest.mark.parametrize("text", ["[" * 100_000, "- " * 30_000 + "x", "{a: " * 5_000])
    def test_nesting(self, text: str) -> None:
        _, problems = documents.read(Path("deep.yml"), text)
        assert "not valid YAML" in problems[0].message

    @pytest.mark.parametrize("tag", ["!!python/object/apply:os.system [id]", "!include secret.yml", "!!binary aGk="])
    def test_tags(self, tag: str) -> None:
        _, problems = documents.read(Path("tag.yml"), f"a: {tag}\n")
        assert "is not allowed" in problems[0].message

    def test_a_huge_file(self, write: Write) -> None:
        _, problems = documents.read(write("huge.yml", "#" * (1 << 20) + "\na: 1\n"))
        assert "larger than" in problems[0].message

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / "latin.yml"
        path.write_bytes(b"name: caf\xe9\n")
        _, problems = documents.read(path)
        assert problems[0].message == "is not UTF-8 (line 1); save it as UTF-8"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, text) for text in ("12:30", "12:30:00.5", "01234", "-010")],
        *[("1_000", 1000), ("0", 0), ("10", 10), ("0x1f", 31), ("0.5", 0.5), ("1.5e+3", 1500.0), ("-0", 0)],
    ],
)
def test_a_number_is_what_it_looks_like(text: str, value: Any) -> None:
    assert documents.read(Path("x.yml"), f"a: {text}\n")[0].value == {"a": value}


class TestAnchors:
    def test_an_alias_is_what_it_stands_for(self) -> None:
        text = "base: &base {a: 1, b: [x]}\nfirst: *base\nsecond: {<<: *base, a: 2}\nword: &w text\nagain: [*w, *w]\n"
        document, problems = documents.read(Path("x.yml"), text)
        assert problems == []
        assert document.value == yaml.safe_load(text)

    def test_of_several_mappings_the_first_is_the_strongest(self) -> None:
        text = "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {z: 3, <<: [*a, *b]}\n"
        document, _ = documents.read(Path("x.yml"), text)
        assert document.value["c"] == {"x": 1, "y": 2, "z": 3} == yaml.safe_load(text)["c"]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a: *nothing\n", "the alias 'nothing' stands for nothing before it"),
            ("a: &x 1\nb: &x 2\n", "the anchor 'x' is set twice"),
            ("a: {<<: [1]}\n", "'<<' wants a mapping"),
            ("a: 1\n---\nb: 2\n", "a second document begins here"),
            ("? [a, b]\n: 1\n", "a key wants to be a text"),
            ("!!python/name:os.system a: 1\n", "is not allowed"),
        ],
    )
    def test_what_is_wrong_with_one(self, text: str, message: str) -> None:
        _, problems = documents.read(Path("x.yml"), text)
        assert message in problems[0].message


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(_values, st.sampled_from([None, True, False]), st.sampled_from([None, "'", '"', "|", ">"]))
def test_whatever_yaml_is_written_is_read_as_its_library_reads_it(
    value: object, flow: bool | None, style: str | None
) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, default_style=style)
    document, problems = documents.read(Path("x.yml"), text)
    assert problems == []
    assert document.value == yaml.safe_load(text) == value


@given(_values)
def test_every_value_has_a_place_where_it_is_written(value: object) -> None:
    text = yaml.safe_dump({"root": value}, default_flow_style=False)
    document, _ = documents.read(Path("x.yml"), text)
    lines = text.splitlines()
    assert document.place(("root",)).line == 1
    if isinstance(value, dict):
        places = [document.place(("root", key)) for key in value]
        assert len(set(places)) == len(places)
        assert all(place.line <= len(lines) for place in places)


@pytest.mark.parametrize("text", ["", "~", "null", "yes", "1", "1.5", "0x1f", "'1'", ".inf", "[]", "! 1", "a: 1"])
def test_yaml_means_what_it_means_to_its_library(text: str) -> None:
    document, problems = documents.read(Path("x.yml"), text)
    assert problems == []
    assert document.value == yaml.safe_load(text)


def test_types_that_refer_to_others_twice_each_end() -> None:
    types = "".join(
        f"  a{n}: {{type: object, properties: {{b: {{$ref: '#/types/a{n + 1}'}}, c: {{$ref: '#/types/a{n + 1}'}}}}}}\n"
        for n in range(25)
    )
    text = "dbmcp: 1\ntool:\n  name: t\n  return: {$ref: '#/types/a0'}\n  source: {code: SELECT 1}\n"
    file = files.read(Path("t.yml"), f"{text}types:\n{types}  a25: {{type: string}}\n")
    assert any("'$ref' is one of too many" in problem.message for problem in file.problems)


def test_a_definition_whose_type_leads_nowhere_is_wrong_itself() -> None:
    text = (
        "dbmcp: 1\ntools:\n- name: t\n  return: {$ref: '#/types/gone'}\n  source: {code: SELECT 1}\n"
        "- name: u\n  source: {code: SELECT 1}\n"
    )
    file = files.read(Path("t.yml"), text)
    assert [problem.subject for problem in file.problems] == ["tool:t"]  # else it is there, and hides nothing


def test_what_has_no_end_or_no_beginning_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yml")
    (tmp_path / "zero.yml").symlink_to("/dev/zero")
    (tmp_path / "loop.yml").symlink_to("loop.yml")
    (tmp_path / "wide.yml").write_text("dbmcp: 1\n", encoding="utf-16")
    told = {path.name: files.read(path).problems[0].message for path in tmp_path.iterdir()}
    assert told == {
        "pipe.yml": "is no file",
        "zero.yml": "is no file",
        "loop.yml": "can't be read: Too many levels of symbolic links",
        "wide.yml": "is UTF-16; save it as UTF-8",
    }


def test_the_name_of_a_file_makes_no_line_of_its_own() -> None:
    assert str(Place(Path("a\nb\x1b[1m\udcffé.yml"))) == "a\\nb\\x1b[1m\\udcffé.yml:1:1"

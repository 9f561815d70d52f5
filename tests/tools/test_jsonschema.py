"""The schemas that clients are told: valid, without loss, and of one mind with what is checked."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from dbmcp_core.errors import ArgumentsInvalid, ResultInvalid
from dbmcp_core.tools.model import Parameter, Policies, ReturnType
from dbmcp_core.tools.policies.rules import PolicySet
from dbmcp_core.tools.sql.shape import is_plain
from dbmcp_core.tools.types.checker import Checker, check_result, convert
from dbmcp_core.tools.types.formats import FORMATS
from dbmcp_core.tools.types.jsonschema import input_schema, output_schema, wrapped
from dbmcp_core.tools.user import ANONYMOUS

EVERY_KEY: dict[str, Any] = {
    "type": "object",
    "description": "An order.",
    "properties": {
        "state": {"type": "string", "enum": ["open", "paid"], "description": "Its state.", "examples": ["open"]},
        "code": {"type": "string", "pattern": "^[A-Z]{2}$", "minLength": 2, "maxLength": 2},
        "mail": {"type": "string", "format": "email", "sensitive": True},
        "day": {"type": "string", "format": "date", "default": "2024-02-29"},
        "at": {"type": "string", "format": "date-time"},
        "price": {"type": "number", "minimum": 0.5, "exclusiveMaximum": 100, "multipleOf": 0.01},
        "count": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9, "multipleOf": 3},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3, "uniqueItems": True},
        "more": {"type": "object", "additionalProperties": {"type": "boolean"}},
    },
    "required": ["state"],
    "additionalProperties": False,
}


def parameter(**keys: Any) -> Parameter:
    return Parameter.model_validate({"name": "p", **keys})


def returns(**keys: Any) -> ReturnType:
    return ReturnType.model_validate(keys)


def out(**keys: Any) -> dict[str, Any]:
    schema = output_schema(returns(**keys))
    assert schema is not None
    Draft202012Validator.check_schema(schema)
    return schema


def test_an_input_schema_loses_nothing() -> None:
    schema = input_schema([parameter(**EVERY_KEY)])
    Draft202012Validator.check_schema(schema)
    wanted = json.loads(json.dumps(EVERY_KEY))
    wanted["properties"]["mail"] = {"type": "string", "format": "email", "x-sensitive": True}
    assert schema == {
        "type": "object",
        "properties": {"p": wanted},
        "required": ["p"],
        "additionalProperties": False,
    }


def test_a_parameter_with_a_default_is_optional_and_null_is_no_value() -> None:
    schema = input_schema([parameter(type="string", default=None), parameter(type="integer", default=3)])
    assert "required" not in schema
    assert input_schema([parameter(type="string", default=None)])["properties"] == {"p": {"type": "string"}}
    assert schema["properties"]["p"] == {"type": "integer", "default": 3}


def test_no_parameters_are_an_object_without_any() -> None:
    assert input_schema([]) == {"type": "object", "properties": {}, "additionalProperties": False}


def test_arrays_have_items_and_timestamps_a_format_that_there_is() -> None:
    assert input_schema([parameter(type="array")])["properties"]["p"] == {"type": "array", "items": {}}
    stamp = input_schema([parameter(type="string", format="timestamp")])["properties"]["p"]
    assert stamp == {"type": "string", "format": "date-time", "x-format": "timestamp"}


def test_what_yaml_read_as_a_date_is_told_as_a_text() -> None:
    day = dt.date(2024, 2, 29)
    schema = input_schema([parameter(type="string", format="date", default=day, examples=[day], enum=[day])])
    assert schema["properties"]["p"] == {
        "type": "string",
        "format": "date",
        "default": "2024-02-29",
        "examples": ["2024-02-29"],
        "enum": ["2024-02-29"],
    }
    json.dumps(schema)


def test_results_that_are_no_objects_are_wrapped() -> None:
    assert output_schema(None) is None
    assert wrapped(None)
    assert wrapped(returns(type="array"))
    assert not wrapped(returns(type="object"))
    assert out(type="integer") == {
        "type": "object",
        "properties": {"result": {"type": ["integer", "null"]}},
        "required": ["result"],
        "additionalProperties": False,
    }
    assert out(type="object", required=["a"]) == {"type": "object", "required": ["a"]}


def test_an_output_schema_says_only_what_every_reader_can_check() -> None:
    properties = out(**EVERY_KEY)["properties"]
    assert properties["state"]["enum"] == ["open", "paid", None]
    assert properties["mail"] == {"type": ["string", "null"], "x-format": "email", "x-sensitive": True}
    assert properties["at"] == {"type": ["string", "null"], "x-format": "date-time"}
    assert properties["price"]["x-multipleOf"] == 0.01
    assert properties["count"]["multipleOf"] == 3
    assert properties["code"]["pattern"] == "^[A-Z]{2}$"


@pytest.mark.parametrize(
    ("pattern", "portable"),
    [
        ("^[A-Z]{2,3}$", True),
        (r"^[\w.\-]+\.[a-z]+(?:x|y)?$", True),
        (r"\d+\/\d+", True),
        ("(?i)abc", False),
        ("(?P<n>a)", False),
        (r"\@", False),
        (r"a\Z", False),
        ("[[]", False),
        ("{", False),
        ("a]", False),
    ],
)
def test_a_pattern_that_a_client_may_not_compile_is_only_told(pattern: str, portable: bool) -> None:
    schema = out(type="string", pattern=pattern)["properties"]["result"]
    assert schema["pattern" if portable else "x-pattern"] == pattern
    taken = input_schema([parameter(type="string", pattern=pattern)])["properties"]["p"]
    assert taken["pattern" if portable else "x-pattern"] == pattern


@pytest.mark.parametrize("pattern", ["[", "(", "*", "a{3,1}"])
def test_a_pattern_that_nobody_can_compile_spoils_no_list(pattern: str) -> None:
    schema = input_schema([parameter(type="string", pattern=pattern)])
    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["p"] == {"type": "string", "x-pattern": pattern}


def test_fields_that_policies_take_away_are_not_promised() -> None:
    row: dict[str, Any] = {
        "type": "object",
        "properties": {
            "id": {"type": "integer", "minimum": 1, "description": "Whose", "sensitive": True},
            "pay": {"type": "number"},
            "pin": {"type": "string", "sensitive": True},
        },
        "required": ["id", "pay", "pin"],
    }
    schema = output_schema(returns(type="array", items=row), omitted=["pay"], masked=["id"])
    assert schema is not None
    items = schema["properties"]["result"]["items"]
    assert items["required"] == ["id", "pin"]
    assert items["properties"]["id"] == {"description": "Whose", "x-sensitive": True}
    Draft202012Validator(schema).validate({"result": [{"id": "****", "pin": "1"}]})
    schema = output_schema(returns(type="array", items=row), without_sensitive=True)
    assert schema is not None
    assert schema["properties"]["result"]["items"]["required"] == ["pay"]


# The schema and the checks are of one mind

_LIMITS = st.integers(-5, 5)
_STRINGS = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 5),
        "pattern": st.sampled_from(["^a", "b$", "[0-9]", r"^\w*$", "."]),
        "enum": st.lists(st.text(max_size=3), min_size=1, unique=True),
    },
)
_NUMBERS = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={
        "minimum": _LIMITS,
        "maximum": _LIMITS | st.just(2.5),
        "exclusiveMinimum": _LIMITS,
        "exclusiveMaximum": _LIMITS,
        "multipleOf": st.integers(1, 4),
    },
)
_SCALARS = _STRINGS | _NUMBERS | st.just({"type": "boolean"})


def _compounds(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    arrays = st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": inner,
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 3),
            "uniqueItems": st.booleans(),
        },
    )
    objects = st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "required": st.lists(st.sampled_from("abc"), max_size=2),
            "additionalProperties": st.booleans() | inner,
        },
    )
    return arrays | objects


_SPECS = st.recursive(_SCALARS, _compounds, max_leaves=4)
_VALUES = st.recursive(
    st.booleans() | st.integers(-6, 6) | st.floats(-6, 6) | st.text("ab1\n", max_size=5) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=6,
)


def _formed(text: object, read: Any) -> bool:
    if isinstance(text, str):
        read(text)
    return True


_CHECKER = FormatChecker(())
for _name, _read in FORMATS.items():
    _CHECKER.checks(_name, ValueError)(lambda value, read=_read: _formed(value, read))


@given(_SPECS, st.data())
def test_what_the_schema_takes_is_taken_as_it_is(keys: dict[str, Any], data: st.DataObject) -> None:
    value = data.draw(_VALUES)
    given_parameter = parameter(**keys)
    if Draft202012Validator(input_schema([given_parameter])).is_valid({"p": value}):
        assert convert([given_parameter], {"p": value})["p"] == value


@given(_SPECS, st.data())
def test_what_is_taken_and_needed_no_conversion_the_schema_takes(keys: dict[str, Any], data: st.DataObject) -> None:
    value = data.draw(_VALUES)
    given_parameter = parameter(**keys)
    try:
        taken = convert([given_parameter], {"p": value})["p"]
    except ArgumentsInvalid:
        return
    if "null" not in json.dumps(taken):  # null passes where nothing constrains it, whatever the schema says
        Draft202012Validator(input_schema([given_parameter])).validate({"p": taken})


@given(_SPECS, st.data())
def test_a_result_that_is_told_satisfies_its_schema(keys: dict[str, Any], data: st.DataObject) -> None:
    value = data.draw(_VALUES)
    declared = returns(**keys)
    try:
        result = check_result(declared, value)
    except ResultInvalid:
        return
    if result is None and not wrapped(declared):  # which no door that has to send an object passes
        return
    schema = output_schema(declared)
    assert schema is not None
    Draft202012Validator(schema).validate({"result": result} if wrapped(declared) else result)


def _marked(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda keys, mark: {**keys, **mark}, inner, st.sampled_from([{}, {}, {"sensitive": True}]))


_MARKED = st.recursive(_marked(_SCALARS), lambda inner: _marked(_compounds(inner)), max_leaves=5)


def _fitting(spec: dict[str, Any] | None) -> st.SearchStrategy[Any]:
    """Values of a type, though not all within its limits."""
    if spec is None:
        return st.integers(-2, 2)
    if spec["type"] == "array":
        return st.lists(_fitting(spec.get("items")), max_size=3)
    if spec["type"] == "object":
        extra = spec.get("additionalProperties", True)
        known = {name: _fitting(inner) for name, inner in spec.get("properties", {}).items()}
        more = {} if extra is False else {"d": _fitting(extra if isinstance(extra, dict) else None)}
        needed = {name: known.get(name, more.get("d", st.none())) for name in spec.get("required", ())}
        optional = {name: one for name, one in {**known, **more}.items() if name not in needed}
        return st.fixed_dictionaries(needed, optional=optional)
    if spec.get("enum"):
        return st.sampled_from(spec["enum"])
    return {"string": st.text("ab1", max_size=3), "boolean": st.booleans()}.get(spec["type"], st.integers(-6, 6))


_FIELDS = st.lists(
    st.sampled_from(["a", "A", "b", "c", "d", "a.b", "a.a", "b.c", "a.b.c", "col"]), min_size=1, max_size=2
)
_RULES = st.one_of(
    st.builds(lambda fields: {"action": "mask_fields", "fields": fields}, _FIELDS),
    st.builds(lambda fields: {"action": "filter_fields", "fields": fields}, _FIELDS),
    st.just({"action": "filter_sensitive_fields"}),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.filter_too_much])
@given(_MARKED, st.lists(_RULES, min_size=1, max_size=2), st.data())
def test_what_policies_leave_of_a_result_satisfies_the_schema(
    keys: dict[str, Any], rules: list[dict[str, Any]], data: st.DataObject
) -> None:
    declared = returns(**keys)
    try:
        result = check_result(declared, data.draw(_fitting(keys)))
    except ResultInvalid:
        return
    policies = PolicySet(
        Policies.model_validate({"output": [{"condition": "true", **rule} for rule in rules]}), returns=declared
    )
    left, _ = policies.apply_output(result, ANONYMOUS, column="col" if is_plain(declared) else None)
    if left is None and not wrapped(declared):
        return
    omitted, masked, without_sensitive = policies.hidden()
    schema = output_schema(declared, omitted=omitted, masked=masked, without_sensitive=without_sensitive)
    assert schema is not None
    Draft202012Validator(schema).validate({"result": left} if wrapped(declared) else left)


@given(st.sampled_from(["email", "uri", "date"]), st.text(max_size=20) | st.dates().map(str) | st.emails())
def test_formats_in_both_schemas_are_those_that_are_checked(form: str, text: str) -> None:
    declared = parameter(type="string", format=form)
    checked = Draft202012Validator(input_schema([declared]), format_checker=_CHECKER).is_valid({"p": text})
    try:
        convert([declared], {"p": text})
    except ArgumentsInvalid:
        assert not checked
    else:
        assert checked


def test_one_checker_does_for_both_ways() -> None:
    checker = Checker([parameter(type="integer")], returns(type="array", items={"type": "number"}))
    assert checker.convert({"p": "3"}) == {"p": 3}
    assert checker.check([Decimal("0.5"), None]) == [0.5, None]

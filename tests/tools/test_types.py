"""What callers send becomes values to bind; what comes back becomes JSON; both as the types say, or refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmcp_core.errors import ArgumentsInvalid, ResultInvalid
from dbmcp_core.tools.model import Parameter, TypeSpec
from dbmcp_core.tools.types.checker import Checker, check_result, convert, spec_problems, to_json_ready


def parameter(**keys: Any) -> Parameter:
    return Parameter.model_validate({"name": "p", **keys})


def spec(**keys: Any) -> TypeSpec:
    return TypeSpec.model_validate(keys)


def taken(value: Any, **keys: Any) -> Any:
    return convert([parameter(**keys)], {"p": value})["p"]


def refused(value: Any, **keys: Any) -> str:
    with pytest.raises(ArgumentsInvalid) as caught:
        taken(value, **keys)
    assert caught.value.code == "invalid_arguments"
    return caught.value.message


def result_refused(value: Any, **keys: Any) -> str:
    with pytest.raises(ResultInvalid) as caught:
        check_result(spec(**keys), value)
    return caught.value.message


def _compounds(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner) | st.dictionaries(st.text(), inner)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_OF_DATABASES = st.decimals() | st.dates() | st.times() | st.datetimes() | st.timedeltas() | st.uuids() | st.binary()


# The way in


@pytest.mark.parametrize(
    ("type_name", "sent", "bound"),
    [
        ("string", "a", "a"),
        ("string", 2662, "2662"),
        ("string", 2.5, "2.5"),
        ("string", True, "true"),
        ("string", Decimal("1.50"), "1.50"),
        ("string", dt.date(2024, 2, 29), "2024-02-29"),
        ("number", "42", 42.0),
        ("number", "4.2e1", 42.0),
        ("number", " 7 ", 7.0),
        ("number", "0.1", 0.1),
        ("number", 2**53 + 1, 2**53 + 1),
        ("number", str(2**64 + 1), 2**64 + 1),
        ("number", "0.1000000000000000000001", Decimal("0.1000000000000000000001")),
        ("integer", 3.0, 3),
        ("integer", "3", 3),
        ("integer", "3.0", 3),
        ("integer", "4.2e1", 42),
        ("integer", 2**64 + 1, 2**64 + 1),
        ("integer", "9007199254740993", 9007199254740993),
        ("boolean", "true", True),
        ("boolean", "No", False),
        ("boolean", 1, True),
        ("boolean", "0", False),
        ("array", "[1, 2]", [1, 2]),
        ("array", (1, 2), [1, 2]),
        ("object", '{"a": [true, null]}', {"a": [True, None]}),
    ],
)
def test_what_is_plainly_meant_is_converted(type_name: str, sent: Any, bound: Any) -> None:
    value = taken(sent, type=type_name)
    assert value == bound
    assert type(value) is type(bound)


@pytest.mark.parametrize(
    ("type_name", "sent"),
    [
        ("string", [1]),
        ("string", {"a": 1}),
        ("string", math.nan),
        ("string", b"bytes"),
        ("number", "1,000"),
        ("number", "1_000"),
        ("number", "0x10"),
        ("number", "NaN"),
        ("number", "inf"),
        ("number", ""),
        ("number", "٣"),
        ("number", True),
        ("number", math.inf),
        ("number", Decimal("NaN")),
        ("number", Decimal("sNaN")),
        ("number", "1e999999"),
        ("integer", 3.5),
        ("integer", "3.5"),
        ("integer", True),
        ("integer", "abc"),
        ("integer", "1e999999"),
        ("integer", "9" * 5_000),
        ("boolean", "banana"),
        ("boolean", 2),
        ("boolean", ""),
        ("boolean", 0.5),
        ("boolean", []),
        ("array", "a, b"),
        ("array", '{"a": 1}'),
        ("array", {"a": 1}),
        ("array", 1),
        ("array", "[NaN]"),
        ("array", [math.nan]),
        ("array", "[1e999]"),
        ("array", "[" + "1" * 5_000 + "]"),
        ("array", '[{"a": 1, "a": 2}]'),
        ("object", "[1]"),
        ("object", "not JSON"),
        ("object", '{"a": 1, "a": 1}'),
        ("object", '{"b": [{"a": 1, "\\u0061": 2}]}'),
        ("object", {1: 2}),
        ("object", {"a": {1: 2}}),
        ("object", [["a", 1]]),
    ],
)
def test_what_is_not_plainly_meant_is_refused_with_its_place(type_name: str, sent: Any) -> None:
    assert refused(sent, type=type_name).startswith("Wrong arguments: p")


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 1_000 + "1" + "}" * 1_000])
def test_deep_texts_are_refused_and_break_nothing(text: str) -> None:
    for type_name in ("array", "object"):
        assert "p " in refused(text, type=type_name)


def test_a_key_that_stands_twice_is_told() -> None:
    assert "each of its keys once" in refused('{"role": "user", "role": "admin"}', type="object")
    assert "each of its keys once" in result_refused('{"role": "user", "role": "admin"}', type="object")


def test_deep_and_endless_values_are_refused() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    endless: list[Any] = []
    endless.append(endless)
    assert "deeper" in refused(deep, type="array")
    assert "deeper" in refused(endless, type="array")
    assert "NaN" in refused([Decimal("sNaN"), {1}], type="array", uniqueItems=True)
    assert "deeper" in refused([1, deep], type="array", uniqueItems=True, enum=[[1]])
    assert "deeper" in result_refused([1, deep], type="array", uniqueItems=True)


@pytest.mark.parametrize(
    ("form", "sent", "bound"),
    [
        ("date", "2024-02-29", dt.date(2024, 2, 29)),
        ("time", "09:30:00", dt.time(9, 30)),
        ("time", "09:30", dt.time(9, 30)),
        ("time", "09:30:00.25Z", dt.time(9, 30, 0, 250_000, dt.UTC)),
        ("date-time", "2024-02-29T09:30:00Z", dt.datetime(2024, 2, 29, 9, 30, tzinfo=dt.UTC)),
        (
            "date-time",
            "2024-02-29 09:30:00-08:30",
            dt.datetime(2024, 2, 29, 9, 30, tzinfo=dt.timezone(-dt.timedelta(hours=8, minutes=30))),
        ),
        ("date-time", "2024-02-29T09:30:00", dt.datetime(2024, 2, 29, 9, 30)),  # noqa: DTZ001 - no zone was given
        ("date-time", "2024-02-29", dt.datetime(2024, 2, 29)),  # noqa: DTZ001 - no zone was given
        ("timestamp", "2024-02-29T09:30:00Z", dt.datetime(2024, 2, 29, 9, 30, tzinfo=dt.UTC)),
        ("timestamp", 1_700_000_000, dt.datetime(2023, 11, 14, 22, 13, 20, tzinfo=dt.UTC)),
        ("timestamp", "-0.5", dt.datetime(1969, 12, 31, 23, 59, 59, 500_000, dt.UTC)),
        ("duration", "P1Y2M", "P1Y2M"),
        ("duration", "PT0.5S", "PT0.5S"),
        ("duration", "P2W", "P2W"),
        ("email", "ada+x@mail.example.org", "ada+x@mail.example.org"),
        ("email", "müller@bücher.example", "müller@bücher.example"),
        ("uri", "https://user@example.org:8080/a%20b?q=1#f", "https://user@example.org:8080/a%20b?q=1#f"),
        ("uri", "urn:isbn:0451450523", "urn:isbn:0451450523"),
        ("uri", "http://[2001:db8::1]/", "http://[2001:db8::1]/"),
        ("uri", "file:///etc/hosts", "file:///etc/hosts"),
    ],
)
def test_formats_are_read_and_dates_bound_as_such(form: str, sent: Any, bound: Any) -> None:
    value = taken(sent, type="string", format=form)
    assert value == bound
    assert getattr(value, "tzinfo", None) == getattr(bound, "tzinfo", None)


@pytest.mark.parametrize(
    ("form", "sent"),
    [
        ("date", "2024-02-30"),
        ("date", "20240229"),
        ("date", "2024-2-9"),
        ("date", "2024-02-29\n"),
        ("date", "0000-01-01"),
        ("date", "\uff12024-02-29"),
        ("time", "25:00:00"),
        ("time", "24:00:00"),
        ("time", "9:30"),
        ("date-time", "2024-02-30T00:00:00Z"),
        ("date-time", "2024-02-29T09:30:00+25:00"),
        ("date-time", "2024-02-29T09:30:00+01:99"),
        ("date-time", "2024-W05"),
        ("date-time", "yesterday"),
        ("timestamp", "99999999999999999"),
        ("timestamp", "999999999999"),
        ("duration", "P"),
        ("duration", "PT"),
        ("duration", "1 day"),
        ("duration", "P1H"),
        ("email", "ada"),
        ("email", "ada@"),
        ("email", "a da@example.org"),
        ("email", "ada@example..org"),
        ("email", "ada@-example.org"),
        ("email", ".ada@example.org"),
        ("email", "ada@example.org\n"),
        ("email", "a" * 65 + "@example.org"),
        ("uri", "example.org/path"),
        ("uri", "//example.org"),
        ("uri", "http:// example.org"),
        ("uri", "http://example.org/%zz"),
        ("uri", "http://exa mple.org"),
        ("uri", "http://example.org/é"),
        ("uri", "http://[::1/"),
        ("uri", "\\\\server\\share"),
    ],
)
def test_what_is_not_of_its_format_is_refused(form: str, sent: str) -> None:
    assert refused(sent, type="string", format=form).startswith("Wrong arguments: p wants")


@pytest.mark.parametrize(
    ("keys", "good", "bad"),
    [
        ({"type": "string", "minLength": 2}, ["ab", "🦆🦆"], ["a", "🦆"]),
        ({"type": "string", "maxLength": 2}, ["ab", "🦆🦆", 12], ["abc", 123]),
        ({"type": "string", "enum": ["a", "1"]}, ["a", 1], ["b", "A"]),
        ({"type": "integer", "enum": [1, 2]}, [1, "2", 1.0], [3, "x"]),
        ({"type": "number", "enum": [0.1]}, [0.1, "0.1", Decimal("0.1")], [0.2]),
        ({"type": "integer", "minimum": 1, "maximum": 3}, [1, 3, "2"], [0, 4, "4"]),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, [0.5], [0, 1]),
        ({"type": "number", "maximum": 0.1}, [0.1, "0.1"], ["0.1000000000000000000001", 0.2]),
        ({"type": "number", "multipleOf": 0.1}, [0.3, 1.1, "19.9", 4], [0.25, "0.30000000000000000001"]),
        ({"type": "number", "multipleOf": 0.01}, [19.99, 1.15, 1e15], [0.001]),
        ({"type": "integer", "multipleOf": 3}, [9, 0, -3, 3 * 2**64], [10, 3 * 2**64 + 1]),
        ({"type": "array", "minItems": 1, "maxItems": 2}, [[1], "[1, 2]"], [[], [1, 2, 3]]),
        (
            {"type": "array", "uniqueItems": True},
            [[1, True, "1"], [{"a": 1}, {"a": True}], [[1], [2]], [0, False, None]],
            [[1, 1.0], [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [[1], [1]]],
        ),
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, [["a", "b"]], [["1", 1]]),
        (
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            [{"a": 1}, {"a": "1", "b": [None]}],
            [{}, {"a": "x"}, {"b": 1}],
        ),
        (
            {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
            [{}, {"a": 1}],
            [{"b": 1}],
        ),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, [{"x": "1"}], [{"x": "y"}]),
    ],
)
def test_every_constraint_is_checked(keys: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    for value in good:
        taken(value, **keys)
    for value in bad:
        refused(value, **keys)


def test_values_inside_are_converted_and_bound() -> None:
    keys = {
        "type": "object",
        "properties": {"days": {"type": "array", "items": {"type": "string", "format": "date"}}},
        "additionalProperties": {"type": "string", "format": "date"},
    }
    value = taken('{"days": ["2024-02-29"], "else": "2024-03-01"}', **keys)
    assert value == {"days": [dt.date(2024, 2, 29)], "else": dt.date(2024, 3, 1)}


def test_times_that_are_one_moment_are_two_texts() -> None:
    moments = ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00"]
    items = {"type": "string", "format": "date-time"}
    assert len(taken(moments, type="array", items=items, uniqueItems=True)) == 2


def test_all_problems_come_at_once_with_their_paths() -> None:
    filters = {
        "type": "array",
        "items": {"type": "object", "properties": {"age": {"type": "integer"}}, "additionalProperties": False},
    }
    parameters = [
        Parameter.model_validate({"name": "filters", **filters}),
        Parameter.model_validate({"name": "region", "type": "string"}),
    ]
    with pytest.raises(ArgumentsInvalid) as caught:
        convert(parameters, {"filters": [{"age": "abc"}, {"agee": 1}], "regoin": "eu"})
    assert caught.value.details["problems"] == [
        "filters[0].age wants a whole number, not 'abc'",
        "filters[1].agee isn't a property that it has",
        "region is missing",
        "'regoin' isn't a parameter (did you mean 'region'?)",
    ]
    assert "; ".join(caught.value.details["problems"]) in caught.value.message  # type: ignore[arg-type]


def test_a_million_problems_make_a_short_message() -> None:
    with pytest.raises(ArgumentsInvalid) as caught:
        taken(["x"] * 1_000_000, type="array", items={"type": "integer"})
    assert len(caught.value.message) < 5_000
    with pytest.raises(ArgumentsInvalid) as caught:
        convert([parameter(type="string", default="")], {f"name {n}": 1 for n in range(2_000)})
    assert len(caught.value.message) < 5_000
    assert caught.value.details["count"] == 2_000


def test_long_values_and_names_are_cut() -> None:
    assert len(refused("x" * 100_000, type="integer")) < 200
    assert len(refused({"k" * 100_000: "x"}, type="object", additionalProperties={"type": "integer"})) < 300


@pytest.mark.parametrize(
    ("keys", "sent"),
    [
        ({"type": "string", "sensitive": True, "maxLength": 3}, "hunter2"),
        ({"type": "string", "sensitive": True, "enum": ["a"]}, "hunter2"),
        ({"type": "integer", "sensitive": True}, "hunter2"),
        ({"type": "string", "sensitive": True, "format": "date"}, "hunter2"),
        ({"type": "object", "sensitive": True, "additionalProperties": {"type": "integer"}}, {"hunter2": "x"}),
        ({"type": "object", "sensitive": True, "additionalProperties": False}, {"hunter2": "x"}),
        ({"type": "object", "sensitive": True, "properties": {"a": {"type": "integer"}}}, {"a": "hunter2"}),
        ({"type": "array", "sensitive": True, "items": {"type": "integer"}}, ["hunter2"]),
        ({"type": "object", "properties": {"pin": {"type": "string", "sensitive": True}}}, '{"pin": "hunter2"'),
        ({"type": "array", "items": {"type": "string", "sensitive": True}}, "hunter2"),
    ],
)
def test_a_sensitive_value_never_shows(keys: dict[str, Any], sent: Any) -> None:
    with pytest.raises(ArgumentsInvalid) as caught:
        taken(sent, **keys)
    assert "hunter2" not in f"{caught.value} {caught.value.details} {caught.value.__cause__!r}"
    with pytest.raises(ResultInvalid) as failed:
        check_result(spec(**keys), sent)
    assert "hunter2" not in f"{failed.value} {failed.value.details} {failed.value.__cause__!r}"


def test_numbers_past_every_double_are_held_against_their_limits() -> None:
    assert taken(10**5_000, type="integer", minimum=0.5, multipleOf=2.5) == 10**5_000
    assert taken(10**5_000, type="number") == 10**5_000
    assert "more than 70 digits" in refused(10**5_000, type="integer", maximum=3)
    assert len(taken(10**5_000, type="string")) == 5_001
    assert "double" in result_refused(10**5_000, type="integer")


# Null and defaults


def test_defaults_fill_in_converted_and_are_nobody_elses() -> None:
    checker = Checker([parameter(type="string", format="date", default="2024-02-29")])
    assert checker.convert({}) == {"p": dt.date(2024, 2, 29)}
    listed = Checker([parameter(type="array", default=[1])])
    listed.convert({})["p"].append(2)
    assert listed.convert({}) == {"p": [1]}
    nothing = Checker([parameter(type="integer", minimum=1, default=None)])
    assert nothing.convert({}) == nothing.convert({"p": None}) == {"p": None}


def test_null_stands_for_a_default_and_passes_where_nothing_constrains() -> None:
    assert taken(None, type="integer", default=10) == 10
    assert taken(None, type="string") is None
    assert taken(None, type="string", format="date") is None
    assert "null" in refused(None, type="string", enum=["a"])
    assert "null" in refused(None, type="integer", maximum=3)
    assert taken(None, type="string", enum=["a", None]) is None


def test_a_default_that_does_not_fit_is_told_and_never_bound() -> None:
    with pytest.raises(ArgumentsInvalid, match="the default of p wants at most 3"):
        convert([parameter(type="integer", maximum=3, default=9)], {})


def test_properties_get_no_defaults() -> None:
    keys = {"type": "object", "properties": {"limit": {"type": "integer", "default": 5}}}
    assert taken({}, **keys) == {}


def test_arguments_that_are_no_object_are_refused() -> None:
    with pytest.raises(ArgumentsInvalid, match="must be an object, not a list"):
        convert([], [])  # type: ignore[arg-type]


@given(st.recursive(_SCALARS, _compounds))
def test_whatever_is_sent_is_taken_or_refused(value: Any) -> None:
    for type_name in ("string", "number", "integer", "boolean", "array", "object"):
        try:
            taken(value, type=type_name)
        except ArgumentsInvalid as exc:
            assert str(exc)  # noqa: PT017 - both ways are right


@given(st.integers() | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_a_number_as_text_is_that_number(value: int | Decimal) -> None:
    bound = taken(str(value), type="number")
    assert Decimal(repr(bound) if isinstance(bound, float) else bound) == value


# The way out


@pytest.mark.parametrize(
    ("keys", "value", "form"),
    [
        ({"type": "string"}, "a", "a"),
        ({"type": "string"}, dt.date(2024, 2, 29), "2024-02-29"),
        ({"type": "string", "format": "date"}, dt.datetime(2024, 2, 29), "2024-02-29"),  # noqa: DTZ001
        ({"type": "string", "format": "date-time"}, dt.datetime(2024, 2, 29, 9, 30), "2024-02-29T09:30:00"),  # noqa: DTZ001
        ({"type": "string", "format": "time"}, dt.time(9, 30), "09:30:00"),
        ({"type": "string", "format": "duration"}, dt.timedelta(days=1, seconds=90.5), "P1DT1M30.5S"),
        ({"type": "string"}, uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({"type": "string"}, Decimal("1.50"), "1.50"),
        ({"type": "number"}, Decimal("19.99"), 19.99),
        ({"type": "number"}, 7, 7),
        ({"type": "number"}, math.nan, None),
        ({"type": "number", "multipleOf": 0.01}, Decimal("19.99"), 19.99),
        ({"type": "integer"}, Decimal("7.00"), 7),
        ({"type": "integer"}, 3.0, 3),
        ({"type": "integer"}, 2**60, 2**60),
        ({"type": "boolean"}, 1, True),
        ({"type": "array"}, (1, Decimal("0.5")), [1, 0.5]),
        ({"type": "array", "items": {"type": "integer"}}, {1}, [1]),
        ({"type": "object"}, '{"a": 1.5}', {"a": 1.5}),
        ({"type": "object"}, {"a": None, "d": dt.date(2024, 1, 1)}, {"a": None, "d": "2024-01-01"}),
        ({"type": "object", "required": ["a"]}, None, None),
        ({"type": "string", "enum": ["a"]}, None, None),
    ],
)
def test_results_become_json(keys: dict[str, Any], value: Any, form: Any) -> None:
    result = check_result(spec(**keys), value)
    assert result == form
    assert type(result) is type(form)
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ({"type": "string"}, 7),
        ({"type": "string"}, True),
        ({"type": "string"}, b"x"),
        ({"type": "string"}, "\ud800"),
        ({"type": "string", "format": "email"}, "nobody"),
        ({"type": "string", "format": "date"}, "29.02.2024"),
        ({"type": "string", "pattern": "^a"}, "b"),
        ({"type": "string", "enum": ["a"]}, "b"),
        ({"type": "number"}, "7"),
        ({"type": "number"}, True),
        ({"type": "number"}, math.inf),
        ({"type": "number"}, Decimal("12345678901234567.89")),
        ({"type": "integer"}, 2**53 + 1),
        ({"type": "integer"}, 2.5),
        ({"type": "integer"}, Decimal("2.5")),
        ({"type": "integer"}, True),
        ({"type": "boolean"}, 2),
        ({"type": "boolean"}, "true"),
        ({"type": "array"}, {"a": 1}),
        ({"type": "array", "minItems": 1}, []),
        ({"type": "object"}, [{"a": 1}]),
        ({"type": "object", "required": ["a"]}, {}),
        ({"type": "object", "additionalProperties": False}, {"a": 1}),
        ({"type": "object"}, {"a": object()}),
        ({"type": "object"}, {"1": 1, 1: 2}),
        ({"type": "object"}, {object(): 1}),
        ({"type": "array"}, [{object()}]),
    ],
)
def test_results_of_another_kind_are_refused(keys: dict[str, Any], value: Any) -> None:
    assert result_refused(value, **keys).startswith("The result isn't what is declared: result")


def test_a_number_beyond_doubles_says_what_to_do_and_a_setting_rounds_it() -> None:
    large = Decimal("12345678901234567.89")
    assert "cast it to text" in result_refused(large, type="number")
    assert check_result(spec(type="number"), large, decimals="float") == float(large)
    for kind in ("integer", "number"):  # an identifier must not become its neighbour's
        assert check_result(spec(type=kind), 2**63 - 1, decimals="float") == 2**63 - 1
    assert to_json_ready([2**63 - 1], "float") == [2**63 - 1]
    assert check_result(spec(type="string"), large) == str(large)
    assert to_json_ready([large, 2**53 + 1, Decimal("0.1")]) == [str(large), str(2**53 + 1), 0.1]


def test_ten_problems_of_a_result_are_told_the_rest_counted() -> None:
    rows = {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}}}
    message = result_refused([{"id": "secret"}] * 30, **rows)
    assert "result[0].id wants a whole number, not a text; " in message
    assert message.endswith("; and 20 more.")
    assert "secret" not in message


@dataclasses.dataclass
class Point:
    x: int
    y: Decimal


class Failing(Mapping[str, int]):
    """A mapping whose own code fails, and with a text that must not show."""

    def __getitem__(self, key: str) -> int:
        return 1

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("secret")


def test_what_can_t_be_read_is_refused() -> None:
    with pytest.raises(ResultInvalid, match=r"it can't be read: RuntimeError\.$"):
        to_json_ready({"a": Failing()})
    message = result_refused({"a": Failing()}, type="object", properties={"a": {"type": "object"}})
    assert "result.a can't be read: RuntimeError" in message
    assert "secret" not in message


def test_what_functions_return_is_opened() -> None:
    assert to_json_ready({"at": Point(1, Decimal("0.5")), 1: {2}}) == {"at": {"x": 1, "y": 0.5}, "1": [2]}
    assert to_json_ready({"n": math.nan, "i": math.inf, "b": b"\x00"}) == {
        "n": None,
        "i": "Infinity",
        "b": {"$bytes": "00"},
    }
    assert to_json_ready([math.inf, Decimal("-Infinity")], "float") == [None, None]
    assert check_result(spec(type="number", minimum=0), -math.inf, decimals="float") is None
    with pytest.raises(ResultInvalid, match=r"builtins\.object"):
        to_json_ready([object()])
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ResultInvalid, match="deeper"):
        to_json_ready(endless)


@given(st.recursive(_SCALARS | _OF_DATABASES, _compounds))
def test_every_value_of_a_database_becomes_json(value: Any) -> None:
    json.dumps(to_json_ready(value), allow_nan=False)


# Definitions


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"type": "integer", "minLength": 1}, ("minLength",)),
        ({"type": "integer", "format": "date"}, ("format",)),
        ({"type": "string", "minimum": 1}, ("minimum",)),
        ({"type": "string", "properties": {}}, ("properties",)),
        ({"type": "object", "items": {"type": "string"}}, ("items",)),
        ({"type": "string", "minLength": 3, "maxLength": 2}, ("maxLength",)),
        ({"type": "integer", "minimum": 3, "maximum": 2}, ("maximum",)),
        ({"type": "number", "exclusiveMinimum": 2, "exclusiveMaximum": 2}, ("exclusiveMaximum",)),
        ({"type": "string", "pattern": "("}, ("pattern",)),
        ({"type": "string", "pattern": r"\p{L}"}, ("pattern",)),
        ({"type": "string", "enum": []}, ("enum",)),
        ({"type": "string", "enum": ["a", "a"]}, ("enum", 1)),
        ({"type": "number", "enum": [1, 1.0]}, ("enum", 1)),
        ({"type": "string", "enum": ["a", True]}, ("enum", 1)),
        ({"type": "integer", "enum": ["1"]}, ("enum", 0)),
        ({"type": "string", "default": False}, ("default",)),
        ({"type": "integer", "maximum": 3, "default": 4}, ("default",)),
        ({"type": "string", "format": "date", "examples": ["2024-02-28", "2024-02-30"]}, ("examples", 1)),
        ({"type": "object", "required": ["b"], "additionalProperties": False}, ("required", 0)),
        ({"type": "array", "items": {"type": "string", "maximum": 1}}, ("items", "maximum")),
        ({"type": "object", "properties": {"a": {"type": "string", "pattern": "["}}}, ("properties", "a", "pattern")),
    ],
)
def test_what_is_wrong_with_a_type_is_told_at_its_place(keys: dict[str, Any], path: tuple[str | int, ...]) -> None:
    assert [found for found, _ in spec_problems(spec(**keys), ("return",))] == [("return", *path)]


@pytest.mark.parametrize(
    "keys",
    [
        {"type": "string", "enum": ["a", None], "default": None},
        {"type": "string", "format": "date", "default": dt.date(2024, 1, 1), "examples": [dt.date(2024, 1, 2)]},
        {"type": "integer", "minimum": 1, "maximum": 1, "default": 1, "examples": [None]},
        {"type": "array"},
        {"type": "object", "required": ["else"]},
        {"type": "number", "multipleOf": 0.1, "examples": [0.3]},
    ],
)
def test_a_sound_type_has_no_problems(keys: dict[str, Any]) -> None:
    assert spec_problems(spec(**keys)) == []


def test_a_sensitive_default_is_not_told() -> None:
    ((_, message),) = spec_problems(spec(type="integer", sensitive=True, default="hunter2"))
    assert "hunter2" not in message


def test_null_stays_null_where_a_project_of_mxcp_says_so() -> None:
    parameters = [Parameter(name="limit", type="integer", default=10)]
    assert Checker(parameters).convert({"limit": None}) == {"limit": 10}
    assert Checker(parameters, keeps_null=True).convert({"limit": None}) == {"limit": None}
    assert Checker(parameters, keeps_null=True).convert({}) == {"limit": 10}


@pytest.mark.parametrize("limits", [{"enum": ["asc", "desc"]}, {"minLength": 1}, {"pattern": "^[a-z]+$"}])
def test_null_slips_through_no_limit_in_a_project_of_mxcp(limits: dict[str, Any]) -> None:
    parameters = [Parameter(name="order", type="string", default="asc", **limits)]
    assert Checker(parameters, keeps_null=True).convert({"order": None}) == {"order": "asc"}
    nullable = [Parameter(name="order", type="string", default=None, **limits)]
    assert Checker(nullable, keeps_null=True).convert({"order": None}) == {"order": None}


@pytest.mark.parametrize(
    ("interval", "iso"),
    [
        ("1 day 02:00:00", "P1DT2H"),
        ("1 year 2 months 3 days 04:05:06.500", "P1Y2M3DT4H5M6.5S"),
        ("1 mon", "P1M"),
        ("00:00:00", "PT0S"),
        ("300:00:01", "PT300H1S"),
        ("P1W", "P1W"),
        (dt.timedelta(days=1, seconds=1), "P1DT1S"),
    ],
)
def test_an_interval_as_engines_spell_it_is_a_duration(interval: Any, iso: str) -> None:
    assert check_result(spec(type="string", format="duration"), interval) == iso


@pytest.mark.parametrize("text", ["1 day -02:00:00", "-1 days", "", "1 fortnight", "2:3"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert "duration" in result_refused(text, type="string", format="duration")

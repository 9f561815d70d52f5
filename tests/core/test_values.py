from __future__ import annotations

import array
import datetime as dt
import enum
import ipaddress
import json
import math
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmcp_core import values
from dbmcp_core.database import batch_bytes
from dbmcp_core.errors import UnsupportedError
from dbmcp_core.values import UndecodedText, from_json, register, size, to_json, to_text, tokens

any_text = st.text(st.characters(exclude_categories=()))  # lone surrogates too
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.integers(2**53 - 3, 2**53 + 3)
    | st.floats()
    | any_text
    | st.binary()
    | st.binary().map(UndecodedText)
)
keys = any_text | st.sampled_from(["$integer", "$object", "$map", "$", "$$"])
nested = st.recursive(
    scalars, lambda item: st.lists(item) | st.dictionaries(keys, item) | st.dictionaries(st.integers(), item)
)


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 2**60


class Name(enum.StrEnum):
    ANNA = "anna"


def exactly(value: Any) -> Any:
    """Make a value comparable by type too, NaN and -0.0 with themselves only."""
    if isinstance(value, list):
        return list, [exactly(item) for item in value]
    if isinstance(value, dict):
        return dict, [(exactly(key), exactly(item)) for key, item in value.items()]
    return type(value), repr(value)


@given(nested)
def test_json_form_survives_json_text(value: Any) -> None:
    text = json.dumps(to_json(value), allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert exactly(from_json(json.loads(text))) == exactly(value)


@given(nested)
def test_plain_form_is_valid_unicode(value: Any) -> None:
    to_text(value).encode("utf-8")


@pytest.mark.parametrize(
    ("value", "text", "form"),
    [
        (None, "", None),
        (True, "true", True),
        (7, "7", 7),
        (2**53 - 1, "9007199254740991", 2**53 - 1),
        (2**53, "9007199254740992", {"$integer": "9007199254740992"}),
        (-(2**53), "-9007199254740992", {"$integer": "-9007199254740992"}),
        (1.0, "1.0", 1.0),
        (1e300, "1e+300", 1e300),
        (math.inf, "Infinity", {"$float": "Infinity"}),
        (-math.inf, "-Infinity", {"$float": "-Infinity"}),
        (math.nan, "NaN", {"$float": "NaN"}),
        ("é", "é", "é"),
        ("a\udc80", "text'61edb280'", {"$text": "61edb280"}),
        (b"\x00\xff", "x'00ff'", {"$bytes": "00ff"}),
        (bytearray(b"\x01"), "x'01'", {"$bytes": "01"}),
        (memoryview(b"\x01"), "x'01'", {"$bytes": "01"}),
        (UndecodedText(b"caf\xe9"), "undecoded'636166e9'", {"$undecoded": "636166e9"}),
        (Decimal("1.50"), "1.50", "1.50"),
        (Decimal("0E-10"), "0.0000000000", "0.0000000000"),
        (Decimal("1E+30"), "1E+30", "1E+30"),
        (Decimal("sNaN"), "NaN", "NaN"),
        (dt.date(1, 2, 3), "0001-02-03", "0001-02-03"),
        (dt.time(1, 2, 3, 4), "01:02:03.000004", "01:02:03.000004"),
        (dt.datetime(2024, 2, 29, 12), "2024-02-29 12:00:00", "2024-02-29 12:00:00"),  # noqa: DTZ001 - none is meant
        (dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC), "2024-02-29 12:00:00+00:00", "2024-02-29 12:00:00+00:00"),
        (dt.timedelta(hours=10, minutes=30), "10:30:00", "10:30:00"),
        (dt.timedelta(days=1, microseconds=500000), "1 day 00:00:00.5", "1 day 00:00:00.5"),
        (dt.timedelta(days=-1, hours=-2), "-1 days -02:00:00", "-1 days -02:00:00"),
        (dt.timedelta(microseconds=-1), "-00:00:00.000001", "-00:00:00.000001"),
        (dt.timedelta(0), "00:00:00", "00:00:00"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000001"),
        (ipaddress.ip_address("10.0.0.1"), "10.0.0.1", "10.0.0.1"),
        (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8", "10.0.0.0/8"),
        ([1, None, "a"], '[1,null,"a"]', [1, None, "a"]),
        ((2**60,), '[{"$integer":"1152921504606846976"}]', [{"$integer": "1152921504606846976"}]),
        ({"b", "a"}, '["a","b"]', ["a", "b"]),
        (array.array("d", [0.5, 1.0]), "[0.5,1.0]", [0.5, 1.0]),
        ({"a": b"\x01"}, '{"a":{"$bytes":"01"}}', {"a": {"$bytes": "01"}}),
        ({"$oid": "1"}, '{"$object":{"$oid":"1"}}', {"$object": {"$oid": "1"}}),
        ({"$a": 1, "b": 2}, '{"$a":1,"b":2}', {"$a": 1, "b": 2}),
        ({1: "a"}, '{"$map":[[1,"a"]]}', {"$map": [[1, "a"]]}),
        (Colour.RED, "red", "red"),
        (Level.HIGH, "1152921504606846976", {"$integer": "1152921504606846976"}),
        (Name.ANNA, "anna", "anna"),
    ],
)
def test_each_kind_has_its_forms(value: Any, text: str, form: Any) -> None:
    assert to_text(value) == text
    assert exactly(to_json(value)) == exactly(form)


def test_integers_past_pythons_limit_for_digits_leave_and_come_back() -> None:
    huge = 10**5000
    assert to_text(huge) == "1" + 5000 * "0"
    assert from_json(to_json(-huge)) == -huge


def test_forms_are_of_the_plain_types() -> None:
    class Text(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "something else"

    assert type(to_json(Text("a"))) is str
    assert to_text(Text("a")) == "a"


def test_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match=r"builtins\.complex") as caught:
        to_text([1j])
    assert caught.value.details == {"type": "builtins.complex"}


def test_kind_is_registered_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_KINDS", dict(values._KINDS))
    monkeypatch.setattr(values, "_found", {})
    register("builtins.complex", lambda value: [value.real, value.imag])
    assert to_text(1j) == "[0.0,1.0]"
    assert to_json(1j) == [0.0, 1.0]
    assert size(1j) == len("[0.0,1.0]")


def test_vector_that_lists_itself_is_refused() -> None:
    class Strange:
        def tolist(self) -> Any:
            return self

    with pytest.raises(UnsupportedError, match="Strange"):
        to_json(Strange())


def test_timedelta_with_nanoseconds_is_refused() -> None:
    class Fine(dt.timedelta):
        nanoseconds = 1

    with pytest.raises(UnsupportedError, match="nanoseconds"):
        to_text(Fine(1))


def test_unknown_mark_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"\$date"):
        from_json({"$date": "2024-01-01"})


@given(any_text | st.binary() | st.binary().map(UndecodedText))
def test_size_of_text_and_bytes_is_exact(value: Any) -> None:
    text = value if isinstance(value, str) else to_text(value)
    assert size(value) == len(text.encode("utf-8", "surrogatepass"))


@given(nested)
def test_size_is_near_the_plain_form(value: Any) -> None:
    assert isinstance(size(value), int)
    if isinstance(value, int | float):
        assert abs(size(value) - len(to_text(value))) <= 5


def test_size_of_other_kinds() -> None:
    assert size(None) == 0
    assert size(dt.date(2024, 1, 1)) == 10
    assert size(uuid.UUID(int=1)) == 36
    assert size(Decimal("1.50")) == 4


@pytest.mark.parametrize(
    ("text", "o200k"),
    [
        ("", 0),
        ("AlbumId:INTEGER,Title:TEXT\n1,For Those About To Rock We Salute You\n2,Balls to the Wall\n", 28),
        ("1,2024-01-02 10:11:12,12345.67,true\n" * 10, 200),
    ],
)
def test_tokens_are_near_those_of_o200k(text: str, o200k: int) -> None:
    assert 0.8 * o200k <= tokens(text) <= 1.35 * o200k


@given(any_text, any_text)
def test_tokens_grow_with_the_text(first: str, second: str) -> None:
    assert 0 <= tokens(first) <= tokens(first + "\n" + second)


def test_a_batch_is_weighed_whatever_it_holds() -> None:
    small, large = [(1, "x", None)], [(Decimal(1), ["y" * 10_000], dt.date(2024, 1, 1))]
    assert batch_bytes(small) < 100
    assert 10_000 < batch_bytes(large) < 11_000

"""Tests that definitions carry: what each assertion takes, and that each can fail."""

from __future__ import annotations

from typing import Any

import pytest

from dbmcp_core.tools.model import Test
from dbmcp_core.tools.review.expectations import differences

ROWS = [{"id": 1, "name": "tea"}, {"id": 2, "name": "pot"}]


@pytest.mark.parametrize(
    ("value", "assertion", "holds"),
    [
        (ROWS, {"result": ROWS}, True),
        (ROWS, {"result": ROWS[:1]}, False),
        (ROWS, {"result": list(reversed(ROWS))}, False),
        (1, {"result": 1.0}, True),
        (1, {"result": True}, False),
        ("1", {"result": 1}, False),
        (0, {"result": False}, False),
        ({"a": 1}, {"result": {"a": 1, "b": None}}, False),
        (ROWS, {"result_contains": {"id": 1}}, True),
        (ROWS, {"result_contains": {"id": 3}}, False),
        (ROWS[0], {"result_contains": {"name": "tea"}}, True),
        (ROWS[0], {"result_contains": {"nane": None}}, False),
        ([1, 2], {"result_contains": 2}, True),
        ([1, 2], {"result_contains": 3}, False),
        (ROWS, {"result_not_contains": ["email"]}, True),
        (ROWS, {"result_not_contains": ["email", "name"]}, False),
        (ROWS[0], {"result_not_contains": ["name"]}, False),
        (ROWS, {"result_contains_item": {"id": 2}}, True),
        (ROWS, {"result_contains_item": {"id": 2, "name": "tea"}}, False),
        (ROWS[0], {"result_contains_item": {"id": 1}}, False),
        (ROWS, {"result_contains_all": [{"id": 2}, {"id": 1}]}, True),
        (ROWS, {"result_contains_all": [{"id": 2}, {"id": 3}]}, False),
        (ROWS, {"result_length": 2}, True),
        (ROWS, {"result_length": 0}, False),
        (5, {"result_length": 1}, False),
        ([], {"result_length": 0}, True),
        ("a cup of tea", {"result_contains_text": "cup"}, True),
        (ROWS, {"result_contains_text": "pot"}, True),
        (ROWS, {"result_contains_text": "cup"}, False),
        (ROWS, {"result_length": 2, "result_contains": {"id": 9}}, False),
    ],
)
def test_each_assertion_holds_and_fails(value: Any, assertion: dict[str, Any], holds: bool) -> None:
    test = Test.model_validate({"name": "x", "arguments": [], **assertion})
    assert (list(differences(value, test)) == []) is holds

"""Patterns find what JSON Schema finds, and no text makes them run long."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmcp_core.tools.types import linear, patterns


def finds(pattern: str, text: str) -> bool:
    search, _ = patterns.compiled(pattern)
    return bool(search(text))


@pytest.mark.parametrize(
    ("pattern", "found", "not_found"),
    [
        ("b", ["abc"], ["ac"]),
        ("^a$", ["a"], ["a\n", "ba"]),
        (r"^\d+$", ["12"], ["٣", ""]),
        (r"^\w+$", ["a_1"], ["é"]),
        (r"^\s$", [" ", "\u00a0", "\u2003"], ["a"]),
        (r"^[\s]$", ["\u00a0"], ["a"]),
        (r"^\S$", ["a"], ["\u00a0"]),
        ("^.$", ["a", "é"], ["\n", "\r", "\u2028"]),
        (r"^(?<year>[0-9]{4})-\k<year>$", ["2024-2024"], ["2024-2025"]),
        (r"^(?P<year>[0-9]{4})$", ["2024"], ["20245"]),
        (r"^\u00e9\u{1F986}$", ["é🦆"], ["e"]),
        ("^(?i:abc)$", ["ABC"], ["abd"]),
        ("(?i)^abc$", ["aBC"], ["abd"]),
        ("^[[]$", ["["], ["]"]),
        (r"^[a&&b~~|]+$", ["&~|"], ["c"]),
        (r"^[^$.]$", ["a"], ["$", "."]),
        (r"^a\$$", ["a$"], ["a"]),
        (r"^a\/b$", ["a/b"], ["a-b"]),
        (r"^(?=.*\d)(?=.*[a-z]).{8,}$", ["abcdefg1"], ["abcdefgh", "a1"]),
        (r"^([a-z0-9]+-)*[a-z0-9]+$", ["a-b-c", "a"], ["a-", "A"]),
    ],
)
def test_a_pattern_finds_what_json_schema_finds(pattern: str, found: list[str], not_found: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [text for text in found if not finds(pattern, text)] == []
        assert [text for text in not_found if finds(pattern, text)] == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^(a+)+$", "a" * 5_000 + "b"),
        ("^(a|aa)+$", "a" * 5_000 + "b"),
        ("^(a|a)*$", "a" * 5_000 + "b"),
        (r"^(\w+\s?)*$", "a" * 5_000 + "!"),
        ("(x+x+)+y", "x" * 5_000),
        ("a+$", "a" * 20_000 + "b"),
        (".*.*.*=", "x" * 5_000),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 5_000),
        ("^(a?){50}a{50}$", "a" * 49),
    ],
)
def test_no_text_makes_a_search_long(pattern: str, text: str) -> None:
    # Going back and trying again, most of these wouldn't end within the life of the machine.
    _, longest = patterns.compiled(pattern)
    assert len(text) <= longest + 1
    assert not finds(pattern, text)


def test_what_only_pythons_matcher_can_do_is_kept_short() -> None:
    assert patterns.compiled(r"^(a+)+\1$")[1] < 30
    assert patterns.compiled(r"^(?=.*\d).*$")[1] == 500


@pytest.mark.parametrize("pattern", ["(", "[", "a**", r"\p{L}", "(?<n>a", "a{2,1}", "(" * 5_000])
def test_what_cannot_be_read_says_why(pattern: str) -> None:
    with pytest.raises(ValueError, match="isn't a regular expression that can be used"):
        patterns.compiled(pattern)


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[a-c]", r"\d", r"\w", r"\b", "^", r"\Z", r"\s", "1", ""])
_EXPRESSIONS = st.recursive(
    _ATOMS,
    lambda inner: (
        st.builds("(?:{})(?:{})".format, inner, inner)
        | st.builds("(?:{}|{})".format, inner, inner)
        | st.builds("(?:{}){}".format, inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "{2,}"]))
    ),
    max_leaves=6,
)


@given(st.sampled_from(["", "(?i)", "(?s)"]), _EXPRESSIONS, st.text("abAB1 \n", max_size=8))
def test_both_matchers_find_the_same(flags: str, pattern: str, text: str) -> None:
    expected = re.search(flags + pattern, text, re.ASCII) is not None
    assert linear.matcher(flags + pattern)(text) is expected

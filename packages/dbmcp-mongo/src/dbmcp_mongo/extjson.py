"""Extended JSON: objects such as ``{"$oid": "…"}`` as the values that they mean. https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from dbmcp_mongo.constructors import CONSTRUCTORS, binary, date, milliseconds

__all__ = ["decoded"]


def decoded(value: dict[str, Any]) -> Any:
    """Return what *value* means, itself where it is no mark of Extended JSON.

    Raises:
        ValueError: It has a mark, and what belongs to it can't be read.
    """
    mark = next(iter(value), "")
    if not isinstance(mark, str) or not mark.startswith("$"):
        return value
    if set(value) == {"$binary", "$type"}:
        return _binary({"base64": value["$binary"], "subType": value["$type"]})
    if mark == "$ref" and "$id" in value and value.keys() <= {"$ref", "$id", "$db"}:
        return CONSTRUCTORS["DBRef"](list(value.values()) if list(value)[1] == "$id" else [])
    if len(value) != 1 or mark not in _MARKS or not _is_mark(mark, value[mark]):
        return value
    try:
        return _MARKS[mark](value[mark])
    except (ValueError, TypeError, KeyError, OverflowError) as exc:
        raise ValueError(f"{{{mark}: …}} {exc if isinstance(exc, ValueError) else 'has another shape'}") from None


def _is_mark(mark: str, content: Any) -> bool:
    """Say whether a word that other things are called too is a mark here."""
    return mark != "$uuid" or isinstance(content, str)


def _call(name: str, kinds: type | tuple[type, ...] = str) -> Callable[[Any], Any]:
    def construct(content: Any) -> Any:
        if not isinstance(content, kinds):
            raise ValueError("wants a text")  # noqa: TRY004 - told with its place, like the others
        return CONSTRUCTORS[name]([content])

    return construct


def _date(content: Any) -> Any:
    if isinstance(content, str):
        return date(content)
    if isinstance(content, int) and not isinstance(content, bool):
        return milliseconds(content)
    raise ValueError("wants a text or milliseconds")


def _double(content: Any) -> float:
    if content in ("Infinity", "-Infinity", "NaN"):
        return float(content)
    return float(CONSTRUCTORS["Double"]([content]))


def _binary(content: Mapping[str, Any]) -> Any:
    if set(content) != {"base64", "subType"}:
        raise ValueError("wants base64 and subType")
    subtype = int(content["subType"], 16) if isinstance(content["subType"], str) else int(content["subType"])
    if not 0 <= subtype <= 255:
        raise ValueError("wants a subType of one byte")
    try:
        return binary(subtype, base64.b64decode(content["base64"], validate=True))
    except binascii.Error:
        raise ValueError("wants base64") from None


def _regex(content: Mapping[str, Any]) -> Any:
    if set(content) - {"pattern", "options"}:
        raise ValueError("wants pattern and options")
    return CONSTRUCTORS["RegExp"]([content["pattern"], content.get("options", "")])


def _only_one(name: str) -> Callable[[Any], Any]:
    def construct(content: Any) -> Any:
        if content != 1:
            raise ValueError("wants 1")
        return CONSTRUCTORS[name]([])

    return construct


_MARKS: dict[str, Callable[[Any], Any]] = {
    "$oid": _call("ObjectId"),
    "$date": _date,
    "$numberLong": _call("NumberLong", (str, int)),
    "$numberInt": _call("NumberInt", (str, int)),
    "$numberDouble": _double,
    "$numberDecimal": _call("NumberDecimal"),
    "$uuid": _call("UUID"),
    "$binary": _binary,
    "$timestamp": lambda content: CONSTRUCTORS["Timestamp"]([content]),
    "$regularExpression": _regex,
    "$minKey": _only_one("MinKey"),
    "$maxKey": _only_one("MaxKey"),
}

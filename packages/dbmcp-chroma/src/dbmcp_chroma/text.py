"""From the text of a statement to the object that it is: strict JSON, with placeholders where values stand."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

from dbmcp_core.statement import Params, RefusalCode, Statement

__all__ = ["DEPTH", "BoundObject", "ReadError", "read_object"]

#: Characters of a text. Many vectors are better given as parameters.
_MOST = 16 * 2**20
#: How deep a text may be nested; deeper ones end Chroma's process, and Python's stack.
DEPTH = 40
#: A key takes its colon along, so that ``"a":true`` has no placeholder in it.
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+"(?:\s*+:)?|(?P<bracket>[\[\]{}])|(?P<constant>NaN|-?Infinity)'
    r"|(?P<place>\?|\$[0-9]++|:[A-Za-z_]\w*+)",
    re.DOTALL,
)
_EXAMPLE = '{"collection": "articles", "query_texts": ["solar power"], "n_results": 5}'


class ReadError(Exception):
    """The text is no statement; where it goes wrong is told."""

    def __init__(
        self,
        message: str,
        line: int | None = None,
        column: int | None = None,
        *,
        code: RefusalCode = RefusalCode.UNPARSABLE,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.code = code


class BoundObject(dict[str, Any]):
    """An object that came as a parameter: a value, which must not become an operator of a filter."""


def read_object(statement: Statement) -> dict[str, Any]:
    """Return the one object that *statement* is, its parameters in their places.

    Raises:
        ReadError: saying what is wrong with the text, and where.
    """
    text = statement.text
    if len(text) > _MOST:
        raise ReadError(f"The text has more than {_MOST // 2**20} MiB; give vectors as parameters")
    if not text.strip():
        raise ReadError("There is no statement", code=RefusalCode.EMPTY)
    found = _Text(text, statement.params).value()
    if not isinstance(found, dict) or isinstance(found, BoundObject):
        raise ReadError(f"A statement is one JSON object, such as {_EXAMPLE}", 1, 1)
    return found


class _Text:
    def __init__(self, text: str, params: Params) -> None:
        self._text = text
        self._params = params
        self._used: set[int | str] = set()
        self._values: list[Any] = []
        #: Where text was put in for a placeholder: its place, and by how much it is longer.
        self._shifts: list[tuple[int, int]] = []

    def value(self) -> Any:
        bound = self._bound()
        values = iter(self._values)
        try:
            # Constants come in the order of the text, and all that there are now stand for parameters.
            decoder = json.JSONDecoder(parse_constant=lambda _: next(values), object_pairs_hook=_unique)
            start = len(bound) - len(bound.lstrip())
            found, end = decoder.raw_decode(bound, start)
        except json.JSONDecodeError as exc:
            self._fail(f"This is no JSON: {_plain(exc.msg)}", self._original(exc.pos))
        except RecursionError:
            raise ReadError(f"Nested more than {DEPTH} deep") from None
        except ReadError:
            raise
        except ValueError:  # Python's own limit
            raise ReadError("A number has too many digits") from None
        self._end(bound, end)
        return found

    def _end(self, bound: str, end: int) -> None:
        rest = bound[end:].strip()
        if rest not in ("", ";"):
            place = self._original(len(bound) - len(bound[end:].lstrip()))
            self._fail("Only one statement is allowed", place, RefusalCode.MULTIPLE)
        known = self._params.keys() if isinstance(self._params, Mapping) else range(len(self._params))
        unused = [key for key in known if key not in self._used]
        if unused:
            raise ReadError(
                f"{len(unused)} of {len(self._params)} parameters have no placeholder; write ?, $1 or :name where a"
                " value belongs"
            )

    def _bound(self) -> str:
        """Return the text with a constant for each placeholder, and keep their values."""
        pieces, at, length, depth, number = [], 0, 0, 0, 0
        for match in _TOKEN.finditer(self._text):
            if match["bracket"]:
                depth += 1 if match["bracket"] in "[{" else -1
                if depth > DEPTH:
                    self._fail(f"Nested more than {DEPTH} deep", match.start())
            elif match["constant"]:
                self._fail(f"{match['constant']} is no JSON, and no number that Chroma takes", match.start())
            elif match["place"]:
                number += match["place"] == "?"
                self._values.append(self._parameter(match["place"], number, match.start()))
                piece = self._text[at : match.start()]
                pieces += [piece, "NaN"]
                length += len(piece) + 3
                self._shifts.append((length, 3 - len(match["place"])))
                at = match.end()
        return "".join([*pieces, self._text[at:]])

    def _parameter(self, place: str, number: int, at: int) -> Any:
        key: int | str = number - 1 if place == "?" else int(place[1:6]) - 1 if place[0] == "$" else place[1:]
        params = self._params
        if isinstance(key, str) is not isinstance(params, Mapping):
            how = "by name" if isinstance(key, str) else "in order"
            self._fail(f"The placeholder {place} wants parameters {how}", at)
        if isinstance(params, Mapping):
            if key not in params:
                self._fail(f"There is no parameter for the placeholder {place}", at)
        elif not isinstance(key, int) or not 0 <= key < len(params):
            self._fail(f"There is no parameter for the placeholder {place}", at)
        self._used.add(key)
        return _value(params[key], f"the parameter {place}")  # type: ignore[index]  # told apart above

    def _original(self, at: int) -> int:
        return at - sum(shift for place, shift in self._shifts if place <= at)

    def _fail(self, message: str, at: int, code: RefusalCode = RefusalCode.UNPARSABLE) -> NoReturn:
        line = self._text.count("\n", 0, at) + 1
        raise ReadError(message, line, at - self._text.rfind("\n", 0, at), code=code)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ReadError(f"The key {name[:60]!r} is there twice in one object", code=RefusalCode.AMBIGUOUS)
        found[name] = value
    return found


def _plain(said: str) -> str:
    return said[:1].lower() + said[1:]


def _value(value: Any, where: str, depth: int = 0) -> Any:
    """Return a parameter as the value that JSON would have had."""
    if depth > DEPTH:
        raise ReadError(f"Nested more than {DEPTH} deep, in {where}")
    if value is None or isinstance(value, (bool, str, int, float)):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ReadError(f"A key is a text, in {where}")
        return BoundObject({key: _value(item, where, depth + 1) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return [_value(item, where, depth + 1) for item in value]
    if isinstance(value, (dt.date, dt.time)):  # JSON has it as text, and texts of one form can be compared
        return value.isoformat()
    if isinstance(value, Decimal):
        raise ReadError(f"No double has all digits of {where}, and Chroma has no other numbers; give it as a text")
    if hasattr(value, "tolist"):  # numpy's
        return _value(value.tolist(), where, depth + 1)
    raise ReadError(f"Chroma has no value of the type {type(value).__name__}, as {where} is")

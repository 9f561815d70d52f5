"""The literals of mongosh and of Extended JSON as BSON values. Nothing is evaluated: there are no names to look up."""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bson import Int64
from bson.code import Code
from bson.regex import Regex

from dbmcp_core.statement import Params, RefusalCode
from dbmcp_mongo import extjson
from dbmcp_mongo.command import Places
from dbmcp_mongo.constructors import CONSTRUCTORS, PLAIN, decimal128
from dbmcp_mongo.scanner import ReadError, Scanner

__all__ = ["Bound", "Literals"]

#: MongoDB itself takes documents nested up to 100 deep.
_DEPTH = 100
_NUMBER = re.compile(
    r"(?P<hex>0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+)"
    r"|(?P<big>[0-9]++)n\b"
    r"|(?P<integer>[0-9]++)(?P<rest>\.[0-9]*+(?:[eE][-+]?[0-9]++)?|[eE][-+]?[0-9]++)?"
    r"|(?P<point>\.[0-9]++(?:[eE][-+]?[0-9]++)?)"
)
_REGEX = re.compile(
    r"/(?![*/])(?P<pattern>(?:[^/\\\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*+\])++)/(?P<flags>\w*)"
)
_WORDS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
}
_CLASSES = frozenset({"Long", "Int32", "Double", "Decimal128", "ObjectId", "Date", "Binary"})
_OPERATORS = "+-*/%&|^<>=?!~"
#: Bounds of a 64-bit integer.
_LEAST, _MOST = -(2**63), 2**63 - 1


class Bound(str):
    """A text that came as a parameter: a value, which must not become a field path where it begins with ``$``."""

    __slots__ = ()


class Literals:
    """A parser of values.

    Args:
        scanner: The text, and where the values begin in it.
        params: What the placeholders ``?``, ``$1`` and ``:name`` stand for.
        skip: How many of them, from the first, are for something else.
        blind: Whether placeholders and constructors are None: only the form of the text is looked for.
    """

    def __init__(self, scanner: Scanner, params: Params = (), *, skip: int = 0, blind: bool = False) -> None:
        self.scanner = scanner
        self._params = params
        self._next = skip
        self._skip = skip
        self._blind = blind
        self._used: set[int | str] = set(range(skip))
        self._depth = 0
        self.places = Places()

    def check_all_used(self) -> None:
        """Raise if there are parameters that no placeholder took."""
        known = self._params.keys() if isinstance(self._params, Mapping) else range(len(self._params))
        unused = [key for key in known if key not in self._used]
        if unused:
            raise ReadError(
                f"{len(unused)} of {len(self._params)} parameters have no placeholder; write ?, $1 or :name where a"
                " value belongs"
            )

    def value(self) -> Any:
        """Pass and return one value."""
        scanner = self.scanner
        character = scanner.peek()
        start = scanner.at
        value = self._value(character)
        self._no_operator(start)
        return value

    def _value(self, character: str) -> Any:
        if character in ("{", "["):
            return self._nested(character)
        if character and character in "\"'`":
            return self.scanner.string()
        if character == "/":
            return self._regex()
        if character.isdigit() or (character and character in "+-."):
            return self._number()
        if character and character in "?:$":
            return self._placeholder(character)
        return self._named()

    def _no_operator(self, start: int) -> None:
        character = self.scanner.peek()
        if character and character in _OPERATORS:
            self.scanner.fail(
                "Nothing is evaluated here, no arithmetic either; write the value itself. Of dates the server computes:"
                " {$expr: {$gt: ['$at', {$dateSubtract: {startDate: '$$NOW', unit: 'day', amount: 7}}]}}",
                start,
            )
        if character and character in "([":
            self.scanner.fail("A value can't be called or indexed here; write the value itself")
        if character == ".":
            self.scanner.fail("A value has no methods or properties here; write the value itself")

    def _nested(self, character: str) -> Any:
        if self._depth >= _DEPTH:
            self.scanner.fail(f"Nested more than {_DEPTH} deep", code=RefusalCode.UNPARSABLE)
        self._depth += 1
        try:
            return self.document() if character == "{" else self._array()
        finally:
            self._depth -= 1

    def _array(self) -> list[Any]:
        scanner, items = self.scanner, []
        scanner.at += 1
        while not scanner.take("]"):
            if scanner.peek() == ",":
                scanner.fail("An array has a gap; write null, or leave the comma out")
            items.append(self.value())
            if not scanner.take(","):
                scanner.expect("]", "or ',' in an array")
                break
        return items

    def document(self) -> Any:
        """Pass and return an object; one of Extended JSON's becomes the value that it means."""
        scanner = self.scanner
        found: dict[str, Any] = {}
        start = scanner.at
        scanner.expect("{", "before an object")
        while not scanner.take("}"):
            key = self._key(found)
            if not scanner.take(":"):
                scanner.fail(f"Expected ':' after the key {key[:60]!r}, not {scanner.found()}")
            found[key] = self.value()
            if not scanner.take(","):
                scanner.expect("}", "or ',' in an object")
                break
        try:
            return found if self._blind else extjson.decoded(found)
        except ValueError as exc:
            scanner.fail(str(exc), start)

    def _key(self, found: dict[str, Any]) -> str:
        scanner = self.scanner
        character = scanner.peek()
        start = scanner.at
        if character and character in "\"'":
            key = scanner.string()
        elif (word := scanner.word()) is not None:
            key = word
        elif character.isdigit():
            key = str(self._number())
        else:
            scanner.fail(f"Expected a key, not {scanner.found()}")
        if key in found:
            scanner.fail(f"The key {key[:60]!r} is there twice; keep one, or combine them with $and", start)
        if key == "__proto__":
            scanner.fail("'__proto__' is no field for a shell", start, code=RefusalCode.AMBIGUOUS)
        if "\0" in key:
            scanner.fail("A key can't have a NUL in it", start)
        self.places.add(found, key, start)
        return key

    def _number(self) -> int | float:
        scanner, start = self.scanner, self.scanner.at
        sign = scanner.text[start] if scanner.text[start] in "+-" else ""
        scanner.at += len(sign)
        scanner.peek()
        if scanner.text.startswith("Infinity", scanner.at):
            scanner.at += len("Infinity")
            return float(f"{sign}inf")
        match = _NUMBER.match(scanner.text, scanner.at)
        if match is None:
            scanner.fail(f"Expected a number, not {scanner.found()}", start)
        scanner.at = match.end()
        following = scanner.text[scanner.at : scanner.at + 1]
        if following.isalnum() or following in ("_", "$"):
            scanner.fail("This number can't be read", start)
        if match["big"]:
            return Int64(self._integer(sign, int(match["big"][:20]), start))
        if match["hex"]:
            return self._integer(sign, int(match["hex"], 0), start)
        digits = match["integer"]
        if digits is None or match["rest"]:
            return float(sign + match[0])
        if len(digits) > 1 and digits[0] == "0":
            scanner.fail(
                "A number that begins with 0 could be octal; leave the 0 out", start, code=RefusalCode.AMBIGUOUS
            )
        if len(digits) > 20:
            self._too_large(start)
        return self._integer(sign, int(digits), start)

    def _integer(self, sign: str, number: int, start: int) -> int:
        number = -number if sign == "-" else number
        if not _LEAST <= number <= _MOST:
            self._too_large(start)
        return number

    def _too_large(self, start: int) -> None:
        self.scanner.fail(
            "This integer has more than 64 bits; write NumberDecimal('…') for every digit, or 1e30 for a float",
            start,
            code=RefusalCode.AMBIGUOUS,
        )

    def _regex(self) -> Regex[str]:
        scanner, start = self.scanner, self.scanner.at
        match = _REGEX.match(scanner.text, start)
        if match is None:
            scanner.fail("This regular expression can't be read")
        scanner.at = match.end()
        try:
            return CONSTRUCTORS["RegExp"]([match["pattern"], match["flags"]])  # type: ignore[no-any-return]
        except ValueError as exc:
            scanner.fail(f"A regular expression {exc}", start)

    def _named(self) -> Any:
        scanner, start = self.scanner, self.scanner.at
        word = scanner.word()
        is_new = word == "new"
        if is_new:
            word = scanner.word()
        if word is None:
            scanner.fail(f"Expected a value, not {scanner.found()}", start)
        if word in _WORDS and not is_new:
            return _WORDS[word]
        if word == "undefined":
            scanner.fail("'undefined' could be null or no field; write one of them", start, code=RefusalCode.AMBIGUOUS)
        word = self._constructor(word)
        if scanner.peek() != "(":
            if word in PLAIN or (is_new and word in CONSTRUCTORS):  # ``new Date`` is ``new Date()``
                return None if self._blind else self._made(word, [], start)
            scanner.fail(f"{word[:60]!r} is a variable, and there are none; write the value, a text in quotes", start)
        if word == "Date" and not is_new:
            code = RefusalCode.AMBIGUOUS
            scanner.fail("Date() without new is a text; write new Date(…) or ISODate(…)", start, code=code)
        return self._constructed(word, start)

    def _constructor(self, word: str) -> str:
        """Return the whole name of a constructor that is a method of another, as ``Long.fromString``."""
        scanner = self.scanner
        if scanner.peek() == "." and word in _CLASSES:
            scanner.at += 1
            return f"{word}.{scanner.word() or ''}"
        return word

    def _constructed(self, word: str, start: int) -> Any:
        scanner = self.scanner
        if word not in CONSTRUCTORS:
            scanner.fail(f"{word[:60]!r} is no kind of value here; functions are not run", start)
        arguments = self.arguments()
        return None if self._blind else self._made(word, arguments, start)

    def _made(self, word: str, arguments: list[Any], start: int) -> Any:
        scanner = self.scanner
        try:
            return CONSTRUCTORS[word](arguments)
        except (ValueError, TypeError, OverflowError) as exc:
            scanner.fail(f"{word}(…) {exc}", start)

    def arguments(self) -> list[Any]:
        """Pass and return the values between round brackets."""
        scanner, values = self.scanner, []
        scanner.expect("(", "before arguments")
        while not scanner.take(")"):
            values.append(self.value())
            if not scanner.take(","):
                scanner.expect(")", "or ',' between arguments")
                break
        return values

    def _placeholder(self, character: str) -> Any:
        scanner, start = self.scanner, self.scanner.at
        scanner.at += 1
        match = re.compile(r"\w*").match(scanner.text, scanner.at)
        name = match[0] if match else ""
        scanner.at += len(name)
        if (character == "?") != (not name):
            scanner.fail("Expected a value; placeholders are ?, $1 and :name", start)
        params = self._params
        if self._blind:
            return None
        if isinstance(params, Mapping):
            key: int | str = name
            known = name in params
        else:
            key = int(name) - 1 + self._skip if name.isdecimal() and len(name) < 6 else self._next
            if name and not name.isdecimal():
                scanner.fail(f"The placeholder {character}{name} wants parameters by name", start)
            self._next += not name
            known = self._skip <= int(key) < len(params)
        if not known:
            scanner.fail(f"There is no parameter for the placeholder {character}{name}", start)
        self._used.add(key)
        try:
            return _bound(params[key], 0)  # type: ignore[index]
        except ValueError as exc:
            scanner.fail(f"The parameter of {character}{name} {exc}", start)


def _bound(value: Any, depth: int) -> Any:
    """Return a parameter as a value: Extended JSON is taken, an operator is not."""
    if depth > _DEPTH:
        raise ValueError(f"is nested more than {_DEPTH} deep")
    if isinstance(value, Mapping):
        found = extjson.decoded({key: _bound(item, depth + 1) for key, item in value.items()})
        if isinstance(found, dict):
            for key in found:
                if not isinstance(key, str) or key.startswith("$") or "\0" in key:
                    raise ValueError(f"has the key {key!r}; a parameter is a value, operators belong into the text")
        return found
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return [_bound(item, depth + 1) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    """Return a value of Python as BSON has it."""
    match value:
        case Code():
            raise ValueError("is code, which is not taken")
        case str():
            return Bound(value)
        case int() if not _LEAST <= value <= _MOST:
            raise ValueError("is an integer of more than 64 bits; give it as a text")
        case decimal.Decimal():
            try:
                return decimal128(str(value))
            except ValueError as exc:
                raise ValueError(f"{exc}; give it as a text") from None
        case dt.date() if not isinstance(value, dt.datetime):
            return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
        case dt.time():  # of which BSON has none
            return Bound(value.isoformat())
    return value

"""How each kind of value leaves, without loss, and the way back.

A value has two forms: *plain* text, for a CSV field or a cell of a table (``to_text``), and a *json* value
(``to_json``; ``from_json`` leads back). The type of the column, in the header, says what the text of a number, a
date or a UUID is.

======================  ===============================================  =======================================
kind                    plain                                            json
======================  ===============================================  =======================================
``None``                empty                                            ``null``
``bool``                ``true``, ``false``                              the same
``int``                 digits                                           number to ±(2**53 - 1), beyond it
                                                                         ``{"$integer": "9007199254740993"}``
``float``               ``repr``: ``1.0``, ``1e+300``, ``-0.0``;         number;
                        ``NaN``, ``Infinity``, ``-Infinity``             ``{"$float": "NaN"}``, …
``str``                 itself                                           string
``str`` with surrogates ``text'61eda080'`` (UTF-8 with the surrogates)   ``{"$text": "61eda080"}``
bytes                   ``x'00ff'``                                      ``{"$bytes": "00ff"}``
``UndecodedText``       ``undecoded'636166e9'``                          ``{"$undecoded": "636166e9"}``
``Decimal``             every digit: ``1.50``, ``1E+30``, ``NaN``        string
date, time, datetime    ISO 8601, a space before the time, the offset    string
                        if it has one: ``2024-02-29 12:00:00+01:00``
``timedelta``           ``-1 days -02:00:00.5``: each part with its      string
                        sign, as PostgreSQL prints and reads it
UUID, IP address        their text                                       string
list, tuple, set        JSON text of the json form                       array (a set in order of its JSON text)
vector (``.tolist()``)  as a list                                        array
dict                    JSON text of the json form                       object
enum                    as its value                                     as its value
======================  ===============================================  =======================================

In json, an object with a single key that begins with ``$`` is one of these marks. A dict of that shape is wrapped,
``{"$object": {"$oid": "…"}}``, and one with a key that is no text becomes ``{"$map": [[key, value], …]}``.

A kind that is not in the table is refused, by name: its ``str`` could be a rounding or a Python repr. ``register``
adds one.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from dbmcp_core.errors import UnsupportedError

__all__ = [
    "UndecodedText",
    "converted",
    "from_json",
    "has_surrogates",
    "parse_int",
    "register",
    "size",
    "to_json",
    "to_text",
    "tokens",
]

#: Integers up to here are exact in every reader of JSON.
MAX_SAFE_INTEGER = 2**53 - 1


class UndecodedText(bytes):
    """Text that is not valid in its database's encoding, as the bytes that are stored."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"UndecodedText({super().__repr__()})"


class _Kind(NamedTuple):
    text: Callable[[Any], str]
    json: Callable[[Any], Any]
    convert: Callable[[Any], Any] | None = None  # to a value of another kind, where it leaves as that


def to_text(value: Any) -> str:
    """Return the plain form of *value*.

    Raises:
        UnsupportedError: Nobody said how this kind of value leaves.
    """
    return (_found.get(type(value)) or _find(type(value))).text(value)


def to_json(value: Any) -> Any:
    """Return the json form of *value*.

    Raises:
        UnsupportedError: Nobody said how this kind of value leaves.
    """
    return (_found.get(type(value)) or _find(type(value))).json(value)


def from_json(value: Any) -> Any:
    """Return the value that has this json form.

    What leaves as a string (a decimal, a date) comes back as that string, a tuple or a set as a list.

    Raises:
        ValueError: The form has a mark that ``to_json`` doesn't write.
    """
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _is_marked(value):
        ((mark, content),) = value.items()
        if mark not in _MARKS:
            raise ValueError(f"unknown mark {mark!r} in a json form")
        return _MARKS[mark](content)
    return _from_object(value)


def converted(value: Any) -> Any:
    """Return what *value* leaves as, where that is another value (an enum's value, a vector's list), else itself.

    Raises:
        UnsupportedError: Nobody said how this kind of value leaves.
    """
    convert = (_found.get(type(value)) or _find(type(value))).convert
    return value if convert is None else convert(value)


def has_surrogates(text: str) -> bool:
    """Return whether *text* has lone surrogates, so that it can't be written as UTF-8."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def register(kind: str, convert: Callable[[Any], Any]) -> None:
    """Say how a kind of value leaves: as what *convert* makes of it.

    Args:
        kind: The class by its full name, ``"bson.objectid.ObjectId"``, so that nobody has to import it for this. It
            covers the subclasses too.
        convert: Returns, without loss, a value of a kind that is known.
    """
    _KINDS[kind] = _converted(convert)
    _found.clear()


def size(value: Any) -> int:
    """Estimate the bytes of *value*'s plain form in UTF-8; exact for text and bytes."""
    if type(value) is str:
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    sizer = _SIZES.get(type(value))
    return sizer(value) if sizer is not None else _size_of_other(value)


def tokens(text: str) -> int:
    """Estimate the tokens of *text* for a model; rather high than low.

    It is calibrated on OpenAI's o200k_base: 58 samples of tables as CSV, documents, identifiers, dates, numbers and ten
    languages. All are within -10 % and +35 %, the tables of Chinook, Sakila and Northwind (from 1 kB) within 15 %.
    Other models cut text in other ways: it is an estimate, not a bill.
    """
    data = text.encode("utf-8", "surrogatepass").translate(_CLASSES, _CONTINUATIONS)
    count = data.count
    triples = count(b"000")
    digits = data.replace(b"000", b"3") if triples else data
    # Up to three digits are a token: the triples, then what is left of each run of digits.
    groups = triples + digits.count(b"0") - digits.count(b"00")
    weight = 125 * groups + sum([weight * count(pattern) for pattern, weight in _WEIGHTS])
    if not text.isascii():
        weight += sum([weight * count(pattern) for pattern, weight in _WEIGHTS_BEYOND_ASCII])
    return -(-weight // 100)


def _classes() -> bytes:
    table = bytearray(b"." * 256)
    table[0x61:0x7B] = b"a" * 26
    table[0x41:0x5B] = b"A" * 26
    table[0x30:0x3A] = b"0" * 10
    table[0x20], table[0x0A] = b" \n"
    # The first byte of a character says what script it is of, roughly.
    table[0xC0:0xC8] = b"l" * 8  # Latin with accents
    table[0xC8:0xE0] = b"r" * 24  # Greek, Cyrillic, Hebrew, Arabic
    table[0xE0:0xE2] = b"h" * 2  # India, Thailand, Vietnamese
    table[0xE2:0xF0] = b"z" * 14  # China, Japan, Korea, signs
    table[0xF0:0xF8] = b"e" * 8  # emoji, rare scripts
    return bytes(table)


_CLASSES = _classes()
_CONTINUATIONS = bytes(range(0x80, 0xC0))
#: Tokens in hundredths: of a character of a class, or of one class following another.
_WEIGHTS = (
    (b"a", 19),
    (b"A", 50),
    (b".", 56),
    (b"\n", 97),
    (b" 0", 315),
    (b" a", 32),
    (b"aA", 120),
    (b"0a", 76),
)
_WEIGHTS_BEYOND_ASCII = ((b"l", 32), (b"r", 32), (b"h", 39), (b"z", 69), (b"e", 196))


# Numbers and text


def parse_int(text: str) -> int:
    """Return the integer that *text* spells, however long it is."""
    try:
        return int(text)
    except ValueError:  # past Python's limit for digits, which Decimal doesn't have
        if not re.fullmatch("[-+]?[0-9]+", text):
            raise
        return int(Decimal(text))


def _int_text(value: int) -> str:
    try:
        return int.__repr__(value)
    except ValueError:  # past Python's limit for digits
        return format(Decimal(value), "f")


def _int_json(value: int) -> Any:
    if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return int(value)
    return {"$integer": _int_text(value)}


def _float_text(value: float) -> str:
    if math.isfinite(value):
        return float.__repr__(value)  # not repr(): numpy's float is a float with a repr of its own
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _float_json(value: float) -> Any:
    return float(value) if math.isfinite(value) else {"$float": _float_text(value)}


def _decimal_text(value: Decimal) -> str:
    if value.is_nan():
        return "NaN"
    text = str(value)
    # A zero of NUMERIC(20, 10) is 0E-10 for Python and 0.0000000000 for everybody else.
    return format(value, "f") if "E-" in text and len(text) < 64 and value.adjusted() > -64 else text


def _str_text(value: str) -> str:
    if has_surrogates(value):
        return f"text'{_surrogate_hex(value)}'"
    return str.__str__(value)


def _str_json(value: str) -> Any:
    if has_surrogates(value):
        return {"$text": _surrogate_hex(value)}
    return str.__str__(value)


def _surrogate_hex(value: str) -> str:
    return value.encode("utf-8", "surrogatepass").hex()


def _timedelta_text(value: dt.timedelta) -> str:
    if getattr(value, "nanoseconds", 0):  # pandas
        raise UnsupportedError(f"No lossless form is known for the nanoseconds of a {_name(type(value))}.")
    sign = "-" if value.days < 0 else ""
    span = abs(value)
    minutes, seconds = divmod(span.seconds, 60)
    fraction = f".{span.microseconds:06}".rstrip("0") if span.microseconds else ""
    clock = f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{fraction}"
    if not span.days:
        return clock
    days = f"{sign}{span.days} {'day' if span.days == 1 and not sign else 'days'}"
    return f"{days} {clock}" if span.seconds or span.microseconds else days


def _datetime_text(value: dt.datetime) -> str:
    return value.isoformat(" ")


# Values made of values

_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _json_text(value: Any) -> str:
    return _dumps(to_json(value))


def _set_json(value: Any) -> list[Any]:
    return sorted((to_json(item) for item in value), key=_dumps)


def _dict_json(value: dict[Any, Any]) -> dict[str, Any]:
    if not all(isinstance(key, str) and not has_surrogates(key) for key in value):
        return {"$map": [[to_json(key), to_json(item)] for key, item in value.items()]}
    form = {str.__str__(key): to_json(item) for key, item in value.items()}
    return {"$object": form} if _is_marked(form) else form


def _is_marked(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith("$")


def _from_object(value: dict[str, Any]) -> dict[str, Any]:
    return {key: from_json(item) for key, item in value.items()}


# The table

_array = _Kind(_json_text, lambda value: [to_json(item) for item in value])


def _as_text(text: Callable[[Any], str]) -> _Kind:
    return _Kind(text, text)


def _marked(mark: str, text: str) -> _Kind:
    return _Kind(lambda value: f"{text}'{value.hex()}'", lambda value: {mark: value.hex()})


def _converted(convert: Callable[[Any], Any]) -> _Kind:
    return _Kind(lambda value: to_text(convert(value)), lambda value: to_json(convert(value)), convert)


#: By name, so that a kind costs no import before there is a value of it.
_KINDS: dict[str, _Kind] = {
    "builtins.NoneType": _Kind(lambda _: "", lambda value: value),
    "builtins.bool": _Kind(lambda value: "true" if value else "false", lambda value: value),
    "builtins.int": _Kind(_int_text, _int_json),
    "builtins.float": _Kind(_float_text, _float_json),
    "builtins.str": _Kind(_str_text, _str_json),
    "builtins.bytes": _marked("$bytes", "x"),
    "builtins.bytearray": _marked("$bytes", "x"),
    "builtins.memoryview": _marked("$bytes", "x"),
    "builtins.list": _array,
    "builtins.tuple": _array,
    "builtins.set": _Kind(_json_text, _set_json),
    "builtins.frozenset": _Kind(_json_text, _set_json),
    "builtins.dict": _Kind(_json_text, _dict_json),
    "dbmcp_core.values.UndecodedText": _marked("$undecoded", "undecoded"),
    "decimal.Decimal": _as_text(_decimal_text),
    "datetime.date": _as_text(lambda value: str(value.isoformat())),
    "datetime.time": _as_text(lambda value: str(value.isoformat())),
    "datetime.datetime": _as_text(_datetime_text),
    "datetime.timedelta": _as_text(_timedelta_text),
    "uuid.UUID": _as_text(str),
    "ipaddress.IPv4Address": _as_text(str),
    "ipaddress.IPv6Address": _as_text(str),
    "ipaddress._BaseNetwork": _as_text(str),
    "enum.Enum": _converted(lambda value: value.value),
    # Their .tolist() is a bare number where they count nanoseconds.
    "numpy.datetime64": _as_text(lambda value: str(value).replace("T", " ") if str(value) != "NaT" else "NaT"),
}

_found: dict[type, _Kind] = {}

_MARKS: dict[str, Callable[[Any], Any]] = {
    "$integer": parse_int,
    "$float": float,
    "$text": lambda content: bytes.fromhex(content).decode("utf-8", "surrogatepass"),
    "$bytes": bytes.fromhex,
    "$undecoded": UndecodedText.fromhex,
    "$object": _from_object,
    "$map": lambda content: {from_json(key): from_json(item) for key, item in content},
}


def _find(kind: type) -> _Kind:
    names = [_name(base) for base in kind.__mro__]
    if "enum.Enum" in names:  # first: a StrEnum is a str, an IntEnum an int
        names = ["enum.Enum"]
    known = next((_KINDS[name] for name in names if name in _KINDS), None)
    if known is None:
        if not hasattr(kind, "tolist") or "numpy.timedelta64" in names:
            raise UnsupportedError(
                f"No lossless form is known for values of {names[0]}.",
                hint="The engine says one with dbmcp_core.values.register(); or cast the column to text.",
                details={"type": names[0]},
            )
        known = _converted(_listed)
    _found[kind] = known
    return known


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _listed(vector: Any) -> Any:
    if getattr(getattr(vector, "dtype", None), "kind", "") in {"M", "m"}:  # numpy's times would be bare numbers
        return list(vector) if vector.ndim else vector[()]
    value = vector.tolist()
    if type(value) is type(vector):  # numpy's longdouble has no Python brother
        raise UnsupportedError(f"No lossless form is known for values of {_name(type(vector))}.")
    return value


# Sizes


def _size_of_items(value: Any) -> int:
    return sum(map(size, value)) + len(value) + 2


_SIZES: dict[type, Callable[[Any], int]] = {
    type(None): lambda _: 0,
    bool: lambda _: 5,
    int: lambda value: value.bit_length() * 1234 // 4096 + 1,  # log10(2)
    float: lambda value: len(repr(value)),
    bytes: lambda value: 2 * len(value) + 3,
    UndecodedText: lambda value: 2 * len(value) + 11,
    bytearray: lambda value: 2 * len(value) + 3,
    memoryview: lambda value: 2 * value.nbytes + 3,
    list: _size_of_items,
    tuple: _size_of_items,
    dict: lambda value: _size_of_items(value) + _size_of_items(value.values()),
    dt.date: lambda _: 10,
    dt.time: lambda _: 15,
    dt.datetime: lambda _: 32,
    Decimal: lambda value: len(str(value)),
}


def _size_of_other(value: Any) -> int:
    return size(to_text(value))

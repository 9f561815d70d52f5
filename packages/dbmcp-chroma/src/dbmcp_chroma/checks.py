"""Checks of single values, each telling the place in the statement where something is wrong."""

from __future__ import annotations

import math
import re
from typing import Any, NoReturn

from dbmcp_chroma.text import ReadError
from dbmcp_core.statement import RefusalCode
from dbmcp_core.values import has_surrogates

__all__ = ["fail", "flag", "is_number", "name", "number", "scalar", "text", "texts", "vectors"]

#: What Chroma's integers hold; beyond it makes a float of them, without a word.
_LEAST, _MOST = -(2**63), 2**63 - 1
#: The largest number of the kind that vectors are made of.
_LARGEST = 3.4028234663852886e38
#: Texts of one statement, numbers of one vector.
_TEXTS, _DIMENSIONS = 50_000, 100_000
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,510}[a-zA-Z0-9]")


def fail(path: str, message: str, code: RefusalCode = RefusalCode.UNPARSABLE) -> NoReturn:
    """Raise, saying that *message* is so at *path*."""
    raise ReadError(f"{path}: {message}" if path else message, code=code)


def shown(value: Any) -> str:
    """Return *value* as an error tells it: by its type, and short."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value) if len(repr(value)) <= 40 else f"{repr(value)[:40]}…"


def text(value: Any, path: str, *, most: int = 10_000_000, empty: bool = True) -> str:
    """Return *value* if it is a text that can be sent."""
    if not isinstance(value, str):
        fail(path, f"wants a text, not {shown(value)}")
    if not value and not empty:
        fail(path, "is empty")
    if len(value) > most:
        fail(path, f"has {len(value):,} characters; {most:,} are allowed")
    if has_surrogates(value):
        fail(path, "has half a character (a lone surrogate), which can't be stored")
    return value


def name(value: Any, path: str) -> str:
    """Return *value* if it can name a collection."""
    found = text(value, path, most=512)
    if not _NAME.fullmatch(found) or ".." in found:
        fail(path, "a collection's name has 3 to 512 letters, digits, '.', '_' or '-', a letter or digit at both ends")
    return found


def texts(value: Any, path: str, *, empty: bool = True, one: bool = True) -> list[str]:
    """Return a list of texts; a text alone, where *one* is good too, is a list of one."""
    if isinstance(value, str) and one:
        value = [value]
    if not isinstance(value, list):
        fail(path, f"wants a list of texts, not {shown(value)}")
    if not value:
        fail(path, "is an empty list")
    if len(value) > _TEXTS:
        fail(path, f"has {len(value):,} items; {_TEXTS:,} are allowed")
    return [text(item, f"{path}[{number}]", empty=empty) for number, item in enumerate(value)]


def is_number(value: Any) -> bool:
    """Return whether *value* is a number, which a truth value isn't."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def number(value: Any, path: str, least: int, most: int) -> int:
    """Return *value* if it is a whole number between *least* and *most*."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        fail(path, f"wants a whole number, not {shown(value)}")
    if not least <= value <= most:
        fail(path, f"wants a number from {least:,} to {most:,}, not {shown(value)}")
    return value


def flag(value: Any, path: str) -> bool:
    """Return *value* if it is true or false."""
    if not isinstance(value, bool):
        fail(path, f"wants true or false, not {shown(value)}")
    return value


def scalar(value: Any, path: str) -> str | int | float | bool:
    """Return *value* if it is one that metadata can have."""
    if isinstance(value, str):
        return text(value, path)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not _LEAST <= value <= _MOST:
            fail(path, "the integer doesn't fit 64 bits: Chroma would round it; give it as a text")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            fail(path, "the number is not finite")
        return value
    fail(path, f"wants a text, a number, true or false, not {shown(value)}")


def vectors(value: Any, path: str) -> list[list[float]]:
    """Return a list of vectors of one length; a vector alone is a list of one."""
    if not isinstance(value, list):
        fail(path, f"wants a list of vectors, not {shown(value)}")
    if not value:
        fail(path, "is an empty list")
    if is_number(value[0]):
        value = [value]
    found = [vector(item, f"{path}[{place}]") for place, item in enumerate(value)]
    for place, item in enumerate(found):
        if len(item) != len(found[0]):
            fail(f"{path}[{place}]", f"has {len(item)} numbers, the first vector has {len(found[0])}")
    return found


def vector(value: Any, path: str) -> list[float]:
    """Return *value* if it is a vector."""
    if not isinstance(value, list):
        fail(path, f"wants a vector, a list of numbers, not {shown(value)}")
    if not value:
        fail(path, "is an empty vector")
    if len(value) > _DIMENSIONS:
        fail(path, f"has {len(value):,} numbers; {_DIMENSIONS:,} are allowed")
    for place, item in enumerate(value):
        if not is_number(item):
            fail(f"{path}[{place}]", f"wants a number, not {shown(item)}")
        if not abs(item) <= _LARGEST:  # NaN isn't either
            fail(f"{path}[{place}]", "is not a finite number of 32 bits, which vectors are made of")
    return [float(item) for item in value]

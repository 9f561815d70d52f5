"""The types that SQL Server sends as its .NET code keeps them, as text: hierarchyid, geometry, geography.

The text is what ``ToString()`` gives. The formats are those of Microsoft's [MS-SSCLRT]. What isn't understood in full
stays bytes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["DECODERS"]

#: First value of each range, and its bits: ``x`` is a bit of the value, ``T`` ends a level (or, as 0, a dot).
_LABELS = (
    (-281479271682120, "000100xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT"),
    (-4294971464, "000101xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT"),
    (-4168, "000110xxxxx0xxx0x1xxxT"),
    (-72, "0010xx0x1xxxT"),
    (-8, "00111xxxT"),
    (0, "01xxT"),
    (4, "100xxT"),
    (8, "101xxxT"),
    (16, "110xx0x1xxxT"),
    (80, "1110xxx0xxx0x1xxxT"),
    (1104, "11110xxxxx0xxx0x1xxxT"),
    (5200, "111110xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT"),
    (4294972496, "111111xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT"),
)
_Z, _M, _ONE_POINT, _ONE_LINE = 1, 2, 8, 16
_POINT, _LINE, _POLYGON, _COLLECTION = 1, 2, 3, 7
_SHAPES = {
    1: "POINT", 2: "LINESTRING", 3: "POLYGON", 4: "MULTIPOINT", 5: "MULTILINESTRING", 6: "MULTIPOLYGON",
    7: "GEOMETRYCOLLECTION",
}  # fmt: skip


def _hierarchy(raw: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in raw)
    text, at = "/", 0
    while "1" in bits[at:]:
        first, pattern = _label(bits[at:])
        found = bits[at : at + len(pattern)]
        value = int("".join(bit for bit, mark in zip(found, pattern, strict=True) if mark == "x"), 2)
        ends = found[-1] == "1"
        text += f"{first + value - (not ends)}{'/' if ends else '.'}"
        at += len(pattern)
    if len(bits) - at >= 8 or not text.endswith("/"):
        raise ValueError("not a hierarchyid")
    return text


def _label(bits: str) -> tuple[int, str]:
    for first, pattern in _LABELS:
        if len(bits) >= len(pattern) and all(mark in ("x", "T", bit) for bit, mark in zip(bits, pattern, strict=False)):
            return first, pattern
    raise ValueError("not a hierarchyid")


class _Spatial(NamedTuple):
    """What a value holds: points as text, where each figure begins, and shapes as (parent, figure, kind)."""

    points: list[str]
    figures: list[int]
    shapes: list[tuple[int, int, int]]

    def text(self, index: int, *, named: bool = True) -> str:
        """Return one shape with all in it."""
        _, _, kind = self.shapes[index]
        name = f"{_SHAPES[kind]} " if named else ""
        inner = [n for n, (parent, _, _) in enumerate(self.shapes) if parent == index]
        if inner:
            return f"{name}({', '.join(self.text(n, named=kind == _COLLECTION) for n in inner)})"
        figures = [f"({', '.join(points)})" for points in self._figures(index)]
        if not figures:
            return f"{name}EMPTY"
        return name + (f"({', '.join(figures)})" if kind == _POLYGON else figures[0])

    def _figures(self, index: int) -> list[list[str]]:
        first = self.shapes[index][1]
        if first < 0:
            return []
        end = next((figure for _, figure, _ in self.shapes[index + 1 :] if figure >= 0), len(self.figures))
        starts = [*self.figures, len(self.points)]
        return [self.points[starts[n] : starts[n + 1]] for n in range(first, end)]


def _spatial(raw: bytes, *, is_geography: bool) -> str:
    reader = _Reader(raw)
    reader.take("i")  # the SRID, which ToString doesn't show either
    version, properties = reader.take("BB")
    if version not in (1, 2):
        raise ValueError("not a known version")
    simple = properties & (_ONE_POINT | _ONE_LINE)
    count = 1 if properties & _ONE_POINT else 2 if simple else reader.count()
    points = [reader.take("dd") for _ in range(count)]
    more = [[reader.take("d")[0] for _ in range(count)] for bit in (_Z, _M) if properties & bit]
    found = _Spatial([_point(xy, [m[n] for m in more], is_geography) for n, xy in enumerate(points)], [], [])
    if simple:
        found.figures.append(0)
        found.shapes.append((-1, 0, _POINT if properties & _ONE_POINT else _LINE))
    else:
        found.figures.extend(reader.take("Bi")[1] for _ in range(reader.count()))
        for _ in range(reader.count()):
            parent, figure, kind = reader.take("iiB")
            found.shapes.append((parent, figure, kind))
    if reader.at != len(raw) or any(kind not in _SHAPES for *_, kind in found.shapes):
        raise ValueError("curves, or not what was expected")
    return found.text(0)


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0

    def take(self, form: str) -> tuple[int, ...]:
        found = struct.unpack_from(f"<{form}", self.raw, self.at)
        self.at += struct.calcsize(f"<{form}")
        return found

    def count(self) -> int:
        (number,) = self.take("i")
        if not 0 <= number <= len(self.raw):
            raise ValueError("not a number of parts")
        return number


def _point(xy: tuple[float, ...], more: list[float], is_geography: bool) -> str:
    x, y = reversed(xy) if is_geography else xy
    return " ".join(map(_number, [x, y, *more]))


def _number(value: float) -> str:
    if math.isnan(value):
        return "NULL"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _text(decode: Callable[[bytes], str]) -> Callable[[bytes], str | bytes]:
    def convert(raw: bytes) -> str | bytes:
        try:
            return decode(raw)
        except (ValueError, struct.error, IndexError, RecursionError):
            return bytes(raw)  # the value all the same, without loss

    return convert


#: By the type's name. What can't be decoded stays bytes.
DECODERS: dict[str, Callable[[bytes], str | bytes]] = {
    "hierarchyid": _text(_hierarchy),
    "geometry": _text(lambda raw: _spatial(raw, is_geography=False)),
    "geography": _text(lambda raw: _spatial(raw, is_geography=True)),
}

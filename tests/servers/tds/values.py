"""Values on the wire of TDS 7.4: how results are described and written, and how parameters are read."""

# ruff: noqa: DTZ001 - most of these types have no zone

from __future__ import annotations

import datetime as dt
import re
import struct
import uuid
from decimal import Decimal, DefaultContext, setcontext
from typing import Any, NamedTuple

__all__ = ["Reader", "Type", "cell", "describe", "named", "of_duckdb", "text8", "text16"]

DefaultContext.prec = 60  # in every thread to come: a decimal has 38 digits
setcontext(DefaultContext)
COLLATION = bytes.fromhex("0904d00034")
_DAY_ONE = dt.date(1, 1, 1)
_PLP_NULL = b"\xff" * 8
_FIXED = {"bit": (0x68, 1), "tinyint": (0x26, 1), "smallint": (0x26, 2), "int": (0x26, 4), "bigint": (0x26, 8)}
_FIXED |= {"real": (0x6D, 4), "float": (0x6D, 8), "money": (0x6E, 8), "smallmoney": (0x6E, 4), "datetime": (0x6F, 8)}
_FIXED |= {"smalldatetime": (0x6F, 4), "uniqueidentifier": (0x24, 16)}
_SCALED = {"time": 0x29, "datetime2": 0x2A, "datetimeoffset": 0x2B}
#: DuckDB's types that have another name in T-SQL.
_DUCKDB = {
    "BOOLEAN": "bit", "TINYINT": "smallint", "UTINYINT": "tinyint", "SMALLINT": "smallint", "INTEGER": "int",
    "BIGINT": "bigint", "USMALLINT": "int", "UINTEGER": "bigint", "FLOAT": "real", "DOUBLE": "float",
    "VARCHAR": "nvarchar", "BLOB": "varbinary", "DATE": "date", "TIME": "time", "UUID": "uniqueidentifier",
    "TIMESTAMP": "datetime2", "TIMESTAMP_NS": "datetime2", '"NULL"': "int",
    "TIMESTAMP WITH TIME ZONE": "datetimeoffset",
}  # fmt: skip


class Type(NamedTuple):
    """A type of T-SQL: its name, its size (-1 for max) or precision, its scale."""

    name: str
    size: int = -1
    scale: int = 7


def of_duckdb(name: str) -> Type:
    """Return the type that a DuckDB type of this name goes out as."""
    if match := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", name):
        return Type("decimal", int(match[1]), int(match[2]))
    if name in ("HUGEINT", "UHUGEINT", "UBIGINT"):
        return Type("decimal", 38, 0)
    return Type(_DUCKDB.get(name, "nvarchar"))


def named(text: str) -> Type:
    """Return the type that T-SQL spells so: ``decimal(10, 2)``."""
    name, *numbers = re.findall(r"\w+", text.lower())
    numbers = [-1 if number == "max" else int(number) for number in numbers]
    if name in ("decimal", "numeric"):
        return Type("decimal", *(numbers or [18]), *([] if len(numbers) > 1 else [0]))
    if name in _SCALED:
        return Type(name, -1, numbers[0] if numbers else 7)
    return Type({"timestamp": "rowversion", "integer": "int"}.get(name, name), numbers[0] if numbers else -1)


def text8(text: str) -> bytes:
    """A text behind its length in one byte."""
    return bytes([len(text.encode("utf-16-le")) // 2]) + text.encode("utf-16-le")


def text16(text: str) -> bytes:
    """A text behind its length in two bytes."""
    data = text.encode("utf-16-le")
    return struct.pack("<H", len(data) // 2) + data


def describe(kind: Type) -> bytes:
    """Return TYPE_INFO."""
    if kind.name in _FIXED:
        return bytes(_FIXED[kind.name])
    if kind.name == "decimal":
        return bytes([0x6A, 17, kind.size, kind.scale])
    if kind.name == "date":
        return b"\x28"
    if kind.name in _SCALED:
        return bytes([_SCALED[kind.name], kind.scale])
    if kind.name in ("varbinary", "binary", "image"):
        return b"\xa5\xff\xff"
    if kind.name == "rowversion":
        return b"\xad\x08\x00"
    if kind.name == "xml":
        return b"\xf1\x00"
    if kind.name in ("hierarchyid", "geometry", "geography"):
        return b"\xf0\xff\xff" + text8("db") + text8("sys") + text8(kind.name) + text16(f"{kind.name}, Version=11")
    if kind.name == "sql_variant":
        return b"\x62" + struct.pack("<I", 8009)
    return (b"\xa7" if kind.name in ("varchar", "char", "text") else b"\xe7") + b"\xff\xff" + COLLATION


def cell(kind: Type, value: Any) -> bytes:
    """Return *value*, one of Python's or a text as T-SQL has it, as a cell of type *kind*."""
    write = _WRITERS.get(kind.name, _write_text)
    return write(kind, value)


def _plp(data: bytes | None) -> bytes:
    if data is None:
        return _PLP_NULL
    body = struct.pack("<I", len(data)) + data if data else b""
    return struct.pack("<Q", len(data)) + body + b"\0\0\0\0"


def _sized(data: bytes | None) -> bytes:
    return b"\0" if data is None else bytes([len(data)]) + data


def _write_text(kind: Type, value: Any) -> bytes:
    encoding = "cp1252" if kind.name in ("varchar", "char", "text") else "utf-16-le"
    return _plp(None if value is None else str(value).encode(encoding, "replace" if encoding == "cp1252" else "strict"))


def _write_bytes(_: Type, value: Any) -> bytes:
    return _plp(None if value is None else value if isinstance(value, bytes) else bytes.fromhex(str(value)))


def _write_int(kind: Type, value: Any) -> bytes:
    size = _FIXED[kind.name][1]
    return _sized(
        None if value is None else int(value).to_bytes(size, "little", signed=kind.name not in ("tinyint", "bit"))
    )


def _write_float(kind: Type, value: Any) -> bytes:
    return _sized(None if value is None else struct.pack("<f" if kind.name == "real" else "<d", float(value)))


def _write_decimal(kind: Type, value: Any) -> bytes:
    if value is None:
        return b"\0"
    number = int(Decimal(value).scaleb(kind.scale).to_integral_value())
    return _sized(bytes([number >= 0]) + abs(number).to_bytes(16, "little"))


def _write_money(kind: Type, value: Any) -> bytes:
    if value is None:
        return b"\0"
    number = int(Decimal(value).scaleb(4))
    if kind.name == "smallmoney":
        return _sized(struct.pack("<i", number))
    return _sized(struct.pack("<iI", number >> 32, number & 0xFFFFFFFF))


def _date(text: str) -> bytes:
    return (dt.date.fromisoformat(text) - _DAY_ONE).days.to_bytes(3, "little")


def _time(text: str, scale: int) -> bytes:
    clock, _, fraction = text.partition(".")
    hours, minutes, seconds = (int(part) for part in [*clock.split(":"), "0"][:3])
    ticks = ((hours * 60 + minutes) * 60 + seconds) * 10**scale + int((fraction + "0" * scale)[:scale] or 0)
    return ticks.to_bytes(3 if scale < 3 else 4 if scale < 5 else 5, "little")


def _write_time(kind: Type, value: Any) -> bytes:
    """Write dates and times from their text, which may have more digits than Python's values."""
    if value is None:
        return b"\0"
    text = str(value)
    if kind.name == "date":
        return _sized(_date(text[:10]))
    if kind.name == "time":
        return _sized(_time(text, kind.scale))
    day, clock = text[:10], text[11:].replace(" ", "") or "00:00:00"
    if kind.name == "datetime2":
        return _sized(_time(clock, kind.scale) + _date(day))
    if kind.name == "datetimeoffset":
        found = re.fullmatch(r"([\d:.]+)(?:([+-])(\d\d):?(\d\d)?)?", clock)
        assert found is not None, text
        minutes = (int(found[3] or 0) * 60 + int(found[4] or 0)) * (-1 if found[2] == "-" else 1)
        whole, _, fraction = found[1].partition(".")
        moment = dt.datetime.fromisoformat(f"{day} {whole}") - dt.timedelta(minutes=minutes)
        clock = f"{moment:%H:%M:%S}.{fraction}"
        return _sized(_time(clock, kind.scale) + _date(f"{moment:%Y-%m-%d}") + struct.pack("<h", minutes))
    days = (dt.date.fromisoformat(day) - dt.date(1900, 1, 1)).days
    if kind.name == "smalldatetime":
        return _sized(struct.pack("<HH", days, int.from_bytes(_time(clock, 0), "little") // 60))
    return _sized(struct.pack("<iI", days, round(int.from_bytes(_time(clock, 3), "little") * 0.3)))


def _write_uuid(_: Type, value: Any) -> bytes:
    return _sized(None if value is None else uuid.UUID(str(value)).bytes_le)


def _write_rowversion(_: Type, value: Any) -> bytes:
    return b"\xff\xff" if value is None else b"\x08\x00" + bytes.fromhex(str(value)).rjust(8, b"\0")


def _write_variant(_: Type, value: Any) -> bytes:
    """Write an integer or a text inside of a sql_variant."""
    if value is None:
        return struct.pack("<I", 0)
    if re.fullmatch(r"-?\d+", str(value)):
        body = b"\x38\x00" + struct.pack("<i", int(value))
    else:
        data = str(value).encode("utf-16-le")
        body = b"\xe7\x07" + COLLATION + struct.pack("<H", 8000) + data
    return struct.pack("<I", len(body)) + body


_WRITERS = dict.fromkeys(("bit", "tinyint", "smallint", "int", "bigint"), _write_int)
_WRITERS |= dict.fromkeys(("real", "float"), _write_float) | dict.fromkeys(("money", "smallmoney"), _write_money)
_WRITERS |= dict.fromkeys(("date", "time", "datetime2", "datetimeoffset", "datetime", "smalldatetime"), _write_time)
_WRITERS |= dict.fromkeys(("varbinary", "binary", "image", "hierarchyid", "geometry", "geography"), _write_bytes)
_WRITERS |= {"decimal": _write_decimal, "uniqueidentifier": _write_uuid, "rowversion": _write_rowversion}
_WRITERS |= {"sql_variant": _write_variant}


class Reader:
    """What is left of a message."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def take(self, size: int) -> bytes:
        """Return the next *size* bytes."""
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        """Return the next unsigned number."""
        return int.from_bytes(self.take(size), "little")

    def text(self, size: int) -> str:
        """Return a text behind its length in *size* bytes."""
        return self.take(self.number(size) * 2).decode("utf-16-le", "surrogatepass")

    def value(self) -> Any:
        """Return a parameter's value, read by the TYPE_INFO before it."""
        kind = self.number(1)
        if kind in (0x26, 0x68, 0x6D, 0x6E, 0x6F, 0x24):
            self.take(1)
            return _read_sized(kind, self.take(self.number(1)))
        if kind in (0x6A, 0x6C):
            scale = self.take(3)[2]
            data = self.take(self.number(1))
            sign = 1 if data[:1] == b"\1" else -1
            return Decimal(sign * int.from_bytes(data[1:], "little")).scaleb(-scale) if data else None
        if kind in (0x28, 0x29, 0x2A, 0x2B):
            scale = self.number(1) if kind != 0x28 else 0
            return _read_time(kind, scale, self.take(self.number(1)))
        if kind in (0xA5, 0xAD, 0xA7, 0xAF, 0xE7, 0xEF):
            return self._long(kind)
        if kind in (0x22, 0x23, 0x63):
            self.take(4 if kind == 0x22 else 9)
            size = self.number(4)
            data = self.take(size) if size != 0xFFFFFFFF else None
            return data if data is None or kind == 0x22 else data.decode("utf-16-le" if kind == 0x63 else "cp1252")
        raise ValueError(f"a parameter of type {kind:#x}")

    def _long(self, kind: int) -> Any:
        size = self.number(2)
        if kind not in (0xA5, 0xAD):
            self.take(5)
        if size == 0xFFFF:
            data = b""
            if self.number(8) == 2**64 - 1:
                return None
            while part := self.number(4):
                data += self.take(part)
        else:
            length = self.number(2)
            if length == 0xFFFF:
                return None
            data = self.take(length)
        if kind in (0xA5, 0xAD):
            return data
        return data.decode("utf-16-le", "surrogatepass") if kind in (0xE7, 0xEF) else data.decode("cp1252")


def _read_sized(kind: int, data: bytes) -> Any:
    if not data:
        return None
    if kind in (0x26, 0x68):
        number = int.from_bytes(data, "little", signed=len(data) > 1)
        return bool(number) if kind == 0x68 else number
    if kind == 0x6D:
        return struct.unpack("<f" if len(data) == 4 else "<d", data)[0]
    if kind == 0x24:
        return uuid.UUID(bytes_le=data)
    if kind == 0x6E:
        high, low = struct.unpack("<iI", data) if len(data) == 8 else (0, int.from_bytes(data, "little"))
        return Decimal((high << 32) + low).scaleb(-4)
    days, ticks = struct.unpack("<iI" if len(data) == 8 else "<HH", data)
    unit = {"milliseconds": ticks * 10 // 3} if len(data) == 8 else {"minutes": ticks}
    return dt.datetime(1900, 1, 1) + dt.timedelta(days=days, **unit)


def _read_time(kind: int, scale: int, data: bytes) -> Any:
    if not data:
        return None
    if kind == 0x28:
        return _DAY_ONE + dt.timedelta(days=int.from_bytes(data, "little"))
    clock = data[: 3 if scale < 3 else 4 if scale < 5 else 5]
    moment = dt.datetime(1, 1, 1) + dt.timedelta(microseconds=int.from_bytes(clock, "little") * 10**6 // 10**scale)
    if kind == 0x29:
        return moment.time()
    rest = data[len(clock) :]
    moment += dt.timedelta(days=int.from_bytes(rest[:3], "little"))
    if kind == 0x2A:
        return moment
    zone = dt.timezone(dt.timedelta(minutes=struct.unpack("<h", rest[3:])[0]))
    return moment.replace(tzinfo=dt.UTC).astimezone(zone)

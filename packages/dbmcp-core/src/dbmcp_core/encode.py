"""Rows as text: CSV, JSON, Markdown and a plain table.

CSV and JSON lose nothing; ``from_csv`` and ``dbmcp_core.values.from_json`` lead back. Markdown and the table are to
be looked at.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import Any

from dbmcp_core import values
from dbmcp_core.statement import Column
from dbmcp_core.values import UndecodedText, to_text

__all__ = ["FORMATS", "from_csv", "invisible", "to_csv", "to_json", "to_json_text", "to_markdown", "to_table"]

Row = Sequence[Any]

_NUMBER = r"(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?"
_WORD = "(?i:[-+]?nan|[-+]?inf(?:inity)?|true|false|null)"
_MARK = r"(?:x|undecoded|text)'[0-9a-fA-F]*+'"
#: What reads as something else than text, for us and for the many other readers of CSV. The look ahead is for speed.
_LOOKALIKE = rf"(?=[-+.0-9nNiItTfFxu])(?:[-+]?{_NUMBER}|{_WORD}|{_MARK})"


# CSV


def to_csv(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    r"""Return a header line and a line for each row, every line ended by ``\n``; see RFC 4180 for the quotes.

    The header has ``name:type`` for each column, ``name`` where the type is not known. In a name, ``:`` is ``\:``; in
    both, ``\`` is ``\\`` and a lone surrogate ``\udc80``. The whole field is quoted where CSV wants it
    (``"price:NUMERIC(10,2)"``) and where it is empty.

    In the rows, what is not quoted is:

    - nothing: NULL (a line without a comma is one cell, so an empty line is the NULL of a single column),
    - ``true``, ``false``, an integer, a float by its ``repr`` (so with a point or an exponent), ``NaN``,
      ``Infinity``, ``-Infinity``,
    - ``x'00ff'``, ``undecoded'636166e9'`` or ``text'eda080'``: bytes, undecoded text, text with lone surrogates,
    - the plain form of another kind (``dbmcp_core.values``): a decimal, a date, a UUID,
    - any other text.

    Text is quoted where it is empty, has a comma, a quote or a line end, begins or ends with a space or a tab, or would
    read as one of the others: a number in any usual notation, the words above and ``null`` in any case, a mark.
    """
    head = ",".join([_heading(column.name, column.type) for column in columns])
    if len(rows) <= _FEW:
        if set(map(len, rows)) - {len(columns)}:
            raise ValueError("a row doesn't have the columns of the header")
        lines = [",".join(map(_cell, row)) for row in rows]
        return "\n".join([head, *lines, ""])
    return "\n".join(chain([head], *[_csv_lines(columns, chunk) for chunk in _chunks(rows)], [""]))


def from_csv(text: str) -> tuple[tuple[Column, ...], list[tuple[Any, ...]]]:
    """Return the columns and rows of a text that ``to_csv`` wrote.

    ``None``, bool, int, float, text, bytes and ``UndecodedText`` come back as they were. A decimal comes back as an int
    or a float where that is as exact, else as a ``Decimal``; other kinds as their plain text.

    Raises:
        ValueError: The text is no CSV, or a row doesn't have the columns of the header.
    """
    records = _records(text)
    head = next(records, [])
    columns = tuple(_column(quoted if quoted is not None else plain) for plain, quoted in head)
    if head == [("", None)]:  # a name would be quoted
        columns = ()
    rows = []
    for number, record in enumerate(records, 1):
        if len(record) != len(columns) and (columns or record != [("", None)]):
            raise ValueError(f"row {number} has {len(record)} cells for {len(columns)} columns")
        rows.append(tuple(_value(*cell) for cell in record) if columns else ())
    return columns, rows


#: Below this, looking at each cell is faster than looking at each column.
_FEW = 8
#: Values that come so many times on average are encoded once.
_TIMES = 8
#: Rows that are turned into columns at once: few enough to stay in the processor's cache.
_CHUNK = 1_000


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    return (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))


def _csv_lines(columns: Sequence[Column], rows: Sequence[Row]) -> Iterable[str]:
    texts = [_csv_column(cells) for _, cells in zip(columns, zip(*rows, strict=True), strict=True)]
    if len(texts) == 1:
        return texts[0]
    return map(",".join, zip(*texts, strict=True)) if texts else [""] * len(rows)


def _csv_column(cells: Sequence[Any]) -> Sequence[str]:
    kinds = set(map(type, cells))
    if len(kinds) == 1:
        kind = kinds.pop()
        encode = _COLUMNS.get(kind)
        if encode is not None:
            return encode(cells) if kind is float else _each_once(encode, cells)  # 0.0 == -0.0
    elif len(kinds) == 2 and type(None) in kinds:
        filled = iter(_csv_column([cell for cell in cells if cell is not None]))
        return ["" if cell is None else next(filled) for cell in cells]
    return list(map(_cell, cells))


def _each_once(encode: Callable[[Sequence[Any]], Sequence[str]], cells: Sequence[Any]) -> Sequence[str]:
    """Return what *encode* makes of *cells*; where a few values come again and again, it looks at each but once."""
    few = set(cells)
    if len(few) * _TIMES > len(cells):
        return encode(cells)
    values = list(few)
    return list(map(dict(zip(values, encode(values), strict=True)).__getitem__, cells))


def _ints(cells: Sequence[int]) -> list[str]:
    try:
        return list(map(repr, cells))
    except ValueError:  # past Python's limit for digits
        return list(map(to_text, cells))


def _floats(cells: Sequence[float]) -> list[str]:
    finite = math.isfinite(sum(cells))  # or the sum ran over; then each is looked at
    return list(map(repr if finite else to_text, cells))


_odd_line = re.compile(rf"\n(?: |(?:{_LOOKALIKE})?+\n)").search


def _texts(cells: Sequence[str]) -> Sequence[str]:
    lines = "\n".join(["", *cells, ""])
    if (
        lines.count("\n") != len(cells) + 1
        or '"' in lines
        or " \n" in lines
        or "\t" in lines
        or _odd_line(lines)
        or values.has_surrogates(lines)
    ):
        return list(map(_text_cell, cells))
    if "," in lines or "\r" in lines:
        return [f'"{cell}"' if "," in cell or "\r" in cell else cell for cell in cells]
    return cells


_needs_quotes = re.compile(rf"(?:{_LOOKALIKE})?\Z|[ \t]|[^,\"\r\n]*+(?:[,\"\r\n]|(?<=[ \t])\Z)").match


def _text_cell(cell: str) -> str:
    if values.has_surrogates(cell):
        return to_text(cell)  # a mark, which is not quoted
    return _quoted(cell) if _needs_quotes(cell) else cell


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _other_cell(value: Any) -> str:
    if isinstance(value, str):
        return _text_cell(str.__str__(value))
    leaves_as = values.converted(value)
    if leaves_as is not value:
        return _cell(leaves_as)
    text = to_text(value)  # a decimal, a date, …: not quoted even where it looks like a number
    return _quoted(text) if _is_breaking(text) else text


def _cell(value: Any) -> str:
    return (_CELLS.get(type(value)) or _other_cell)(value)


_is_breaking = re.compile(r"[,\"\r\n]").search

_CELLS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    str: _text_cell,
    int: to_text,
    float: to_text,
    bool: to_text,
}
_COLUMNS: dict[type, Callable[[Sequence[Any]], Sequence[str]]] = {
    type(None): lambda cells: [""] * len(cells),
    str: _texts,
    int: _ints,
    float: _floats,
    bool: lambda cells: ["true" if cell else "false" for cell in cells],
}


@lru_cache(maxsize=1024)
def _heading(name: str, kind: str) -> str:
    field = _escaped(name).replace(":", r"\:") + (f":{_escaped(kind)}" if kind else "")
    return _quoted(field) if _needs_quotes(field) else field


def _escaped(text: str) -> str:
    return re.sub("[\ud800-\udfff]", lambda match: rf"\u{ord(match[0]):04x}", text.replace("\\", r"\\"))


_name_and_type = re.compile(r"((?:[^\\:]|\\.)*)(?::(.*))?", re.DOTALL).fullmatch


def _column(field: str) -> Column:
    match = _name_and_type(field)
    if match is None:
        raise ValueError(f"{field!r} is no name:type of a header")
    return Column(_unescaped(match[1]), _unescaped(match[2] or ""))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(?:u([0-9a-f]{4})|(.))", lambda match: match[2] or chr(int(match[1], 16)), text, flags=re.DOTALL)


_field = re.compile(r"""(?:"([^"]*(?:""[^"]*)*)"|([^,"\r\n]*))(,|\r?\n|\Z)""").match


def _records(text: str) -> Iterator[list[tuple[str, str | None]]]:
    """Yield the lines as fields, each as what stands unquoted and what stands quoted (or ``None``)."""
    record: list[tuple[str, str | None]] = []
    at, end = 0, len(text)
    while at < end:
        match = _field(text, at)
        if match is None:
            raise ValueError(f"no field of a CSV at character {at}")
        quoted, plain, stop = match.groups()
        record.append((plain or "", None if quoted is None else quoted.replace('""', '"')))
        at = match.end()
        if stop != ",":
            yield record
            record = []
    if record:  # the text ended with a comma
        yield [*record, ("", None)]


_WORDS = {"": None, "true": True, "false": False, "NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_is_number = re.compile(f"[-+]?{_NUMBER}").fullmatch
_is_integer = re.compile("[-+]?[0-9]+").fullmatch
_marked = re.compile(r"(x|undecoded|text)'((?:[0-9a-f]{2})*)'").fullmatch


def _value(plain: str, quoted: str | None) -> Any:
    if quoted is not None:
        return quoted
    if plain in _WORDS:
        return _WORDS[plain]
    if _is_integer(plain):
        return values.parse_int(plain)
    if _is_number(plain):
        return _inexact(plain)
    if match := _marked(plain):
        content = bytes.fromhex(match[2])
        if match[1] == "text":
            return content.decode("utf-8", "surrogatepass")
        return content if match[1] == "x" else UndecodedText(content)
    return plain


def _inexact(text: str) -> float | Decimal:
    value, exact = float(text), Decimal(text)
    return value if repr(value) == text or (math.isfinite(value) and Decimal(repr(value)) == exact) else exact


# JSON


def to_json(columns: Sequence[Column], rows: Sequence[Row]) -> dict[str, Any]:
    """Return ``{"columns": [{"name": …, "type": …}], "rows": [[…]]}`` with the json form of each value."""
    return {
        "columns": [{"name": values.to_json(column.name), "type": values.to_json(column.type)} for column in columns],
        "rows": list(chain.from_iterable(map(_json_rows, _chunks(rows)))),
    }


def to_json_text(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Return ``to_json`` as compact JSON text."""
    return _dumps(to_json(columns, rows))


_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False).encode


def _json_rows(rows: Sequence[Row]) -> list[list[Any]]:
    columns = list(zip(*rows, strict=True))
    safe = [_is_json(column) for column in columns]
    if all(safe):
        return list(map(list, rows))
    forms = [column if done else map(values.to_json, column) for column, done in zip(columns, safe, strict=True)]
    return list(map(list, zip(*forms, strict=True)))


def _is_json(cells: Sequence[Any]) -> bool:
    """Whether every cell is its own json form."""
    kinds = set(map(type, cells))
    return kinds <= _SAFE.keys() and all(
        _SAFE[kind](cells if len(kinds) == 1 else [cell for cell in cells if type(cell) is kind]) for kind in kinds
    )


_SAFE: dict[type, Callable[[Sequence[Any]], bool]] = {
    type(None): lambda _: True,
    bool: lambda _: True,
    int: lambda cells: min(cells) >= -values.MAX_SAFE_INTEGER and max(cells) <= values.MAX_SAFE_INTEGER,
    float: lambda cells: all(map(math.isfinite, cells)),
    str: lambda cells: not values.has_surrogates("".join(cells)),
}


# For people


def to_markdown(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    r"""Return a table in GitHub's Markdown; numbers are at the right, NULL is ``*NULL*``.

    In text, what Markdown or HTML would act on is escaped by ``\``, a line end is ``<br>``, and other characters that
    don't show are shown as in ``to_table``. So no cell ends the table, loads a picture or passes for NULL.
    """
    heads = [_markdown_text(to_text(column.name)) for column in columns]
    rules = ["---:" if right else "---" for right in _at_right(columns, rows)]
    lines = [["*NULL*" if cell is None else _markdown_text(to_text(cell)) for cell in row] for row in rows]
    return "".join([f"| {' | '.join(line)} |\n" for line in (heads, rules, *lines)])


def to_table(columns: Sequence[Column], rows: Sequence[Row], width: int | None = None) -> str:
    """Return a table in aligned plain text; numbers are at the right, NULL is ``NULL``, the text NULL ``'NULL'``.

    Characters that don't show are shown: controls by their picture (``␊`` for a line end), others as ``<U+202E>``.

    Args:
        columns: The header.
        rows: The rows.
        width: Columns of the terminal. The widest cells are cut to fit, with ``…``; ``None`` cuts nothing.
    """
    if not columns:
        return "\n" * (len(rows) + 2)
    lines = [
        [_shown(to_text(column.name)) for column in columns],
        *([_table_cell(cell) for cell in row] for row in rows),
    ]
    widths = [max(map(_columns_of, column)) for column in zip(*lines, strict=True)]
    if width is not None:
        widths = _fitted(widths, width - 2 * (len(widths) - 1))
    right = _at_right(columns, rows)
    lines.insert(1, ["-" * wide for wide in widths])
    return "".join(["  ".join(map(_aligned, line, widths, right)).rstrip() + "\n" for line in lines])


def _at_right(columns: Sequence[Column], rows: Sequence[Row]) -> list[bool]:
    kinds = map(set, zip(*(map(type, row) for row in rows), strict=True)) if rows else ({None} for _ in columns)
    return [bool(kind - {type(None)}) and kind <= {int, float, Decimal, type(None)} for kind in kinds]


_ACTIVE = re.compile(r"[\\|`*\[\]<&~]|\b_|_\b")
#: Beyond the controls: turns of direction, characters of no width, annotations, tags, variation selectors.
_UNSEEN = r"\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\U000e0100-\U000e01ef"
_hidden = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029{_UNSEEN}]")


def _markdown_text(text: str) -> str:
    escaped = _ACTIVE.sub(r"\\\g<0>", text).replace("\r\n", "\n")
    return "<br>".join(
        _hidden.sub(lambda match: _picture(match[0]).replace("<", r"\<"), x) for x in escaped.split("\n")
    )


def _table_cell(value: Any) -> str:
    if value is None:
        return "NULL"
    text = _shown(to_text(value))
    return f"'{text}'" if text.strip("'") == "NULL" else text


def _shown(text: str) -> str:
    return text if text.isascii() and text.isprintable() else _hidden.sub(lambda match: _picture(match[0]), text)


def _picture(character: str) -> str:
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else f"<{_code(character)}>"


def _columns_of(text: str) -> int:
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _fitted(widths: Sequence[int], room: int) -> list[int]:
    """Shrink the widest columns alike until all fit; none below three."""
    limit = max(widths)
    while limit > 3 and sum(min(wide, limit) for wide in widths) > room:
        limit -= 1
    return [min(wide, limit) for wide in widths]


def _aligned(text: str, width: int, right: bool) -> str:
    if _columns_of(text) > width:
        while _columns_of(text) > width - 1:
            text = text[:-1]
        text += "…"
    room = " " * (width - _columns_of(text))
    return room + text if right else text + room


# Hidden characters

_CONTROLS = bytes(code for code in [*range(0x20), 0x7F] if code not in b"\t\n\r")
_concealed = re.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_UNSEEN}]")


def invisible(text: str) -> tuple[str, ...]:
    r"""Return the names of the characters in *text* that a reader doesn't see, such as ``("U+202E",)``.

    They are the controls other than ``\t``, ``\n`` and ``\r``, those that turn the direction of text, of no width, or
    only format (word joiner, annotation), byte order marks, tags and the supplementary variation selectors: what can
    carry text past a human. Each is named once, in order of its code.
    """
    if text.isascii():
        data = text.encode()
        if len(data.translate(None, _CONTROLS)) == len(data):
            return ()
    return tuple(map(_code, sorted(set(_concealed.findall(text)))))


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"


#: The encodings by name; each takes the columns and the rows.
FORMATS: Mapping[str, Callable[[Sequence[Column], Sequence[Row]], str]] = MappingProxyType(
    {"csv": to_csv, "json": to_json_text, "markdown": to_markdown, "table": to_table}
)

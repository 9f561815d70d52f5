"""What the commands write. A terminal is never handed a control character of somebody's data."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import IO, Any, Literal

from dbmcp_core import Column, encode

__all__ = ["Colour", "note", "table", "write", "write_json", "write_line", "write_table"]

#: A column that has less room than this on a terminal is no use; the rows stand below each other then.
_LEAST_WIDTH = 6

Colour = Literal["red", "yellow", "green", "blue"]
_CODES: dict[Colour, int] = {"red": 31, "green": 32, "yellow": 33, "blue": 34}


def write(text: str, stream: IO[str] | None = None) -> None:
    """Write *text* as it is; to a terminal, with the characters shown that would act on it or that can't be seen."""
    stream = stream or sys.stdout
    text = _seen(text) if stream.isatty() else text
    try:
        stream.write(text)
    except UnicodeEncodeError:  # a file's name that is no UTF-8, or a terminal that knows few letters
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _seen(text: str) -> str:
    hidden = {int(name[2:], 16): f"<{name}>" for name in encode.invisible(text)}
    return text.translate({**hidden, ord("\r"): "\N{SYMBOL FOR CARRIAGE RETURN}"})


def write_line(*parts: str | tuple[str, Colour]) -> None:
    """Write a line of *parts*, some of them in a colour where that is shown: on a terminal, unless NO_COLOR is set."""
    shows = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    for part in parts:
        text, colour = part if isinstance(part, tuple) else (part, None)
        if shows and colour is not None:
            sys.stdout.write(f"\x1b[{_CODES[colour]}m{_seen(text)}\x1b[0m")
        else:
            write(text)
    sys.stdout.write("\n")


def note(text: str) -> None:
    """Say *text* beside the output."""
    sys.stdout.flush()
    write(f"{text}\n", sys.stderr)


def write_json(value: Any) -> None:
    """Write *value* for a program: one JSON text."""
    write(f"{json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None)}\n")


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a small table of our own."""
    write_table([Column(head) for head in heads], [tuple(row) for row in rows])


def write_table(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    """Write rows to look at: with rich on a terminal, in plain aligned text elsewhere."""
    width = shutil.get_terminal_size().columns
    if not columns or not sys.stdout.isatty():
        write(encode.to_table(columns, rows))
    elif len(columns) * (_LEAST_WIDTH + 3) > width:
        for number, row in enumerate(rows, 1):
            pairs = [(column.name, cell) for column, cell in zip(columns, row, strict=True)]
            write(f"row {number}\n{_body(encode.to_table([Column('name'), Column('value')], pairs))}")
    else:
        _rich_table(columns, rows)


def _rich_table(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    texts = []
    for place, column in enumerate(columns):
        cells = [row[place] for row in rows]
        head, _, *lines = encode.to_table([column], [(cell,) for cell in cells]).split("\n")  # safe, each on one line
        numbers = {int, float, Decimal} >= {type(cell) for cell in cells} - {type(None)}
        shown.add_column(Text(head.strip()), justify="right" if numbers else "left", overflow="fold")
        texts.append([Text(line, "dim" if cell is None else "") for line, cell in zip(lines, cells, strict=False)])
    for line in zip(*texts, strict=True):
        shown.add_row(*line)
    Console(highlight=False).print(shown)


def _body(text: str) -> str:
    return text.split("\n", 2)[2]

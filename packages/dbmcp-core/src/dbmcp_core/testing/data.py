"""One tiny data set as Python values: two related tables, and the values that databases like to change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["AUTHOR", "BLOBS", "BOOK", "FLOATS", "INTEGERS", "TEXTS", "VIEW", "Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the data set: its columns with the kind of each (``integer``, ``float``, ``text``), and its rows.

    The first column is the primary key. ``references`` is a column and the table whose key it holds.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Any, ...], ...]
    references: tuple[str, str] | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in their order."""
        return tuple(name for name, _ in self.columns)


AUTHOR = Table(
    "author",
    (("id", "integer"), ("name", "text")),
    ((1, "Ada Lovelace"), (2, "Conan O'Brien"), (3, "Žofia 李 🐍"), (4, "; DROP TABLE book --")),
)

#: Titles are unique. ``price`` has a NULL, and ``title`` has the empty text, which is something else.
BOOK = Table(
    "book",
    (("id", "integer"), ("author_id", "integer"), ("title", "text"), ("price", "float")),
    (
        (1, 1, "Notes", 12.5),
        (2, 1, "More notes", None),
        (3, 2, 'The "quoted" one', 0.0),
        (4, 3, "", -1.25),
        (5, 3, "line\nbreak, comma", 1e100),
        (6, 4, "back\\slash 'n' quote", 0.1),
    ),
    references=("author_id", "author"),
)

#: A view over ``book`` with its ``id`` and ``title``, where there are views.
VIEW = "book_title"

INTEGERS = (0, 1, -1, 2**31 - 1, -(2**31), 2**53 - 1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63))
FLOATS = (0.0, 1.0, -1.5, 0.1, 1 / 3, 1e-300, 1.7976931348623157e308, 5e-324, 123456789.987654321)
TEXTS = (
    "",
    " ",
    "  padded  ",
    "NULL",
    "null",
    "it's",
    "''",
    '"double"',
    "back\\slash",
    "\\'; DROP TABLE book; --",
    "/* comment */ -- too",
    "%s %(name)s :name $1 ? ?1 @p1 {brace} {{twice}} ${env}",
    "tab\tnew\nline\r\nreturn",
    "Ünïcödé ß ﬁ",
    "e\u0301 is not é",
    "李小龙 กขค עברית العربية",
    "👩‍👩‍👧‍👦 🐍",
    "\ufeffmark \u200bzero \u202eright",
    "x" * 100_000,
)
BLOBS = (b"", b"\x00", b"\xff\xfe\x00\x01", bytes(range(256)), b"text", b"\x00" * 70_000)

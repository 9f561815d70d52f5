"""One rendering of a template: literal text and placeholders. No value is ever part of the text.

A placeholder is written ``$__1``, ``$__2``, …; afterwards each must stand in the text where the server sees a
placeholder, once, or the rendering is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from dbmcp_core.errors import ArgumentsInvalid, LimitExceeded
from dbmcp_core.tools.sql.expressions import Budget, Scope, evaluate
from dbmcp_core.tools.sql.filters import MAX_TEXT, Missing, weighed
from dbmcp_core.tools.sql.grammar import SPECIAL

__all__ = ["Rendering"]

MAX_PLACEHOLDERS = 10_000
#: Characters before an ``inlist`` that are looked at for its IN.
_TAIL = 200
_AFTER_IN = re.compile(r"(?<![\w$])(?P<not>NOT\s+)?IN\s*(?P<open>\(\s*)?\Z", re.IGNORECASE)
#: No row at all, of a type that compares with every other: then IN is false and NOT IN true, for NULL too.
_NO_ROW = {
    "mysql": "SELECT NULL FROM DUAL WHERE 1 = 0",
    "tsql": "SELECT CAST(NULL AS nvarchar(1)) WHERE 1 = 0",
}
_QUOTES = {"mysql": "``", "databricks": "``", "tsql": "[]", "sqlite": "``"}


class Rendering:
    """Renders one tree once, for one dialect. ``forced`` decides branches by node instead of their conditions."""

    def __init__(
        self,
        dialect: str,
        allowed: Mapping[int, tuple[str, ...]],
        forced: Mapping[int, bool] | None = None,
    ) -> None:
        self._dialect = dialect
        self._allowed = allowed
        self._forced = forced
        self._budget = Budget()
        self._size = 0
        #: Pieces of the text, each with the line of the template that it comes from.
        self.pieces: list[tuple[str, int]] = []
        self.values: dict[str, Any] = {}
        #: Which ways were gone, by node.
        self.taken: set[tuple[int, bool]] = set()

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(piece for piece, _ in self.pieces)

    def body(self, statements: Iterable[Any], scope: Scope) -> None:
        """Render *statements*."""
        for node in statements:
            self._budget.step()
            getattr(self, f"_render_{type(node).__name__.lower()}")(node, scope)

    def _render_output(self, node: Any, scope: Scope) -> None:
        for child in node.nodes:
            if type(child).__name__ == "TemplateData":
                self._write(child.data, child.lineno)
            elif type(child).__name__ == "Filter" and child.name in SPECIAL:
                value = self._evaluate(child.node, scope)
                getattr(self, f"_write_{child.name}")(child, value)
            else:
                value = self._evaluate(child, scope)
                # DuckDB knows a list there.
                if isinstance(value, (list, tuple)) and self._dialect != "duckdb" and _AFTER_IN.search(self._tail()):
                    raise _unfit("a list after IN wants '| inlist'", child.lineno)
                self._write(self._placeholder(value, child.lineno), child.lineno)

    def _render_if(self, node: Any, scope: Scope) -> None:
        for one in (node, *node.elif_):
            if self._decide(one, scope):
                return self.body(one.body, scope)
        return self.body(node.else_, scope)

    def _decide(self, node: Any, scope: Scope) -> bool:
        forced = (self._forced or {}).get(id(node))
        way = bool(self._evaluate(node.test, scope)) if forced is None else forced
        self.taken.add((id(node), way))
        return way

    def _render_for(self, node: Any, scope: Scope) -> None:
        items = self._items(node, scope)
        self.taken.add((id(node), bool(items)))
        if not items:
            return self.body(node.else_, scope)
        for index, item in enumerate(items):
            self._budget.step()
            inside = Scope(scope, {"loop": _loop(items, index)})
            self._assign(node.target, item, inside)
            self.body(node.body, inside)
        return None

    def _items(self, node: Any, scope: Scope) -> list[Any]:
        if (forced := (self._forced or {}).get(id(node))) is not None:
            return [None] if forced else []
        value = self._evaluate(node.iter, scope)
        if value is None and self._forced is not None:
            return []
        if not isinstance(value, (list, tuple, dict)):
            raise _unfit(f"a {type(value).__name__} can't be looped over", node.lineno)
        if node.test is None:
            return list(value)
        kept = []
        for item in value:
            self._budget.step()
            inside = Scope(scope, {})
            self._assign(node.target, item, inside)
            if self._evaluate(node.test, inside):
                kept.append(item)
        return kept

    def _render_assign(self, node: Any, scope: Scope) -> None:
        self._assign(node.target, self._evaluate(node.node, scope), scope)

    def _assign(self, target: Any, value: Any, scope: Scope) -> None:
        if type(target).__name__ == "Name":
            scope.set(target.name, value)
            return
        if value is None and self._forced is not None:
            value = [None] * len(target.items)
        if not isinstance(value, (list, tuple)) or len(value) != len(target.items):
            raise _unfit(f"{len(target.items)} values are wanted", target.lineno)
        for name, item in zip(target.items, value, strict=True):
            scope.set(name.name, item)

    def _evaluate(self, node: Any, scope: Scope) -> Any:
        try:
            value = evaluate(node, scope, self._budget)
            if isinstance(value, Missing):
                raise _unfit(f"there is no {value.name!r}", node.lineno)
        except ArgumentsInvalid:
            if self._forced is None:
                raise
            return None  # a branch is looked at whose values nobody has
        return value

    # What is written

    def _write(self, text: str, line: int) -> None:
        self._size += len(text)
        if self._size > MAX_TEXT:
            raise LimitExceeded("The template writes too much.")
        self.pieces.append((text, line))

    def _placeholder(self, value: Any, line: int) -> str:
        name = f"__{len(self.values) + 1}"
        if len(self.values) >= MAX_PLACEHOLDERS:
            raise LimitExceeded(f"Line {line} of the template: more than {MAX_PLACEHOLDERS:,} values.")
        self.values[name] = weighed(value)
        return f"${name}"

    def _write_inlist(self, node: Any, value: Any) -> None:
        if value is None and self._forced is not None:
            value = [None]
        if not isinstance(value, (list, tuple)):
            raise _unfit("'inlist' wants a list", node.lineno)
        before = _AFTER_IN.search(self._tail())
        if before is None:
            raise _unfit("'inlist' comes right after IN, or IN (", node.lineno)
        opening, closing = ("", "") if before["open"] else ("(", ")")
        if value:
            for index, item in enumerate(value):
                self._write((opening if index == 0 else ", ") + self._placeholder(item, node.lineno), node.lineno)
            self._write(closing, node.lineno)
        elif self._dialect == "postgres":  # a subquery's NULL would be a text there, and compare with nothing else
            self._retract(len(before[0]))
            quantified = "<> ALL" if before["not"] else "= ANY"
            self._write(f" {quantified} {'(' if before['open'] else opening}'{{}}'{closing}", node.lineno)
        else:
            no_row = _NO_ROW.get(self._dialect, "SELECT NULL WHERE 1 = 0")
            self._write(f"{opening}{no_row}{closing}", node.lineno)

    def _tail(self) -> str:
        """Return the end of what was written, long enough for a keyword."""
        found: list[str] = []
        size = 0
        for piece, _ in reversed(self.pieces):
            found.append(piece)
            size += len(piece)
            if size >= _TAIL:
                break
        return "".join(reversed(found))[-_TAIL:]

    def _retract(self, count: int) -> None:
        """Take back the last *count* characters, whichever pieces they are in."""
        while count > 0:
            text, line = self.pieces.pop()
            kept = text[: max(0, len(text) - count)]
            count -= len(text) - len(kept)
            if kept:
                self.pieces.append((kept, line))

    def _write_identifier(self, node: Any, value: Any) -> None:
        quotes = _QUOTES.get(self._dialect, '""')
        opening, closing = quotes[0], quotes[1]
        parts = self._chosen(node, value).split(".")
        quoted = ".".join(opening + part.replace(closing, closing * 2) + closing for part in parts)
        self._write(quoted, node.lineno)

    def _write_keyword(self, node: Any, value: Any) -> None:
        self._write(self._chosen(node, value), node.lineno)

    def _chosen(self, node: Any, value: Any) -> str:
        """Return the name that *value* is, as the definition spells it."""
        choices = self._allowed[id(node)]
        if value is None and self._forced is not None:
            return choices[0]
        for choice in choices:
            same = choice == value or (node.name == "keyword" and str(value).lower() == choice.lower())
            if isinstance(value, str) and same:
                return choice
        raise _unfit(f"only {', '.join(map(repr, choices))} can be written here", node.lineno)


def _unfit(message: str, line: int) -> ArgumentsInvalid:
    return ArgumentsInvalid(f"Line {line} of the template: {message}.", details={"line": line})


def _loop(items: list[Any], index: int) -> dict[str, Any]:
    last = len(items) - 1
    loop = {
        "index": index + 1,
        "index0": index,
        "revindex": last - index + 1,
        "revindex0": last - index,
        "first": index == 0,
        "last": index == last,
        "length": last + 1,
    }
    if index > 0:
        loop["previtem"] = items[index - 1]
    if index < last:
        loop["nextitem"] = items[index + 1]
    return loop

"""What a template's expressions may do, and what they come to: plain data in, plain data out.

Nothing here is Python's: no attribute is looked up, no method is called, no object but numbers, texts, dates, lists
and dicts is ever met. What isn't on a list in this module can't be written in a template, and each step is counted.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dbmcp_core.errors import ArgumentsInvalid, LimitExceeded
from dbmcp_core.tools.sql.filters import FILTERS, MAX_TEXT, TESTS, Missing, sized, text_of

if TYPE_CHECKING:
    from jinja2 import nodes

__all__ = ["Budget", "Forbidden", "Scope", "evaluate", "expression_fault"]

MAX_STEPS = 100_000
MAX_RANGE = 1_000
_MAX_BITS = 4_096
#: Characters or items that are a step more.
_STEP_SIZE = 256


class Forbidden(Exception):
    """The template holds something that no template may."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class Budget:
    """Steps that are left to one rendering."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self._left = steps

    def step(self, value: Any = None) -> None:
        """Count one step, and more where it made something large."""
        self._left -= 1 + (len(value) // _STEP_SIZE if isinstance(value, (str, list, tuple, dict)) else 0)
        if self._left < 0:
            raise LimitExceeded("The template takes too many steps.", hint="Loop over shorter lists.")


class Scope:
    """The names that an expression sees: those set here, over those around."""

    def __init__(self, around: Scope | None, values: Mapping[str, Any]) -> None:
        self._around = around
        self._values = dict(values)

    def get(self, name: str) -> Any:
        """Return the value of *name*, or what stands for a missing one."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope._values:
                return scope._values[name]
            scope = scope._around
        return Missing(name)

    def set(self, name: str, value: Any) -> None:
        """Set *name* in this scope."""
        self._values[name] = value


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
    "in": lambda left, right: left in right,
    "notin": lambda left, right: left not in right,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
}


def evaluate(node: nodes.Expr, scope: Scope, budget: Budget) -> Any:
    """Return what *node* comes to.

    Raises:
        ArgumentsInvalid: The values don't fit the expression; the line is among the details.
        LimitExceeded: It is too much.
    """
    try:
        value = _EVALUATE[type(node).__name__](node, scope, budget)
    except (ArithmeticError, TypeError, ValueError, LookupError) as exc:
        raise ArgumentsInvalid(f"Line {node.lineno} of the template: {exc}.", details={"line": node.lineno}) from exc
    budget.step(value)
    return value


def _present(value: Any) -> Any:
    if isinstance(value, Missing):
        raise LookupError(f"there is no {value.name!r}")  # noqa: TRY004 - it isn't there
    return value


def _value(node: Any, scope: Scope, budget: Budget) -> Any:
    return _present(evaluate(node, scope, budget))


def _binary(node: Any, scope: Scope, budget: Budget) -> Any:
    return _calculated(type(node).__name__, evaluate(node.left, scope, budget), evaluate(node.right, scope, budget))


def _calculated(kind: str, left: Any, right: Any) -> Any:
    left, right = _present(left), _present(right)
    pair = (left, right)
    if kind == "Add" and (all(isinstance(one, str) for one in pair) or all(isinstance(one, list) for one in pair)):
        return sized(left + right)
    # Only numbers: a text or list times a number is a way to fill the memory, and % would format.
    if not all(isinstance(one, (int, float, Decimal)) and not isinstance(one, bool) for one in pair):
        raise TypeError("only numbers can be calculated with; ~ joins texts")
    if any(isinstance(one, int) and one.bit_length() > _MAX_BITS for one in pair):
        raise ValueError("the number is too large")
    if any(isinstance(one, Decimal) for one in pair) and any(isinstance(one, float) for one in pair):
        left, right = (Decimal(str(one)) if isinstance(one, float) else one for one in pair)
    return _ARITHMETIC[kind](left, right)


def _name(node: Any, scope: Scope, _budget: Budget) -> Any:
    return scope.get(node.name)


def _const(node: Any, _scope: Scope, _budget: Budget) -> Any:
    return node.value


def _list(node: Any, scope: Scope, budget: Budget) -> Any:
    return _weighed([_value(item, scope, budget) for item in node.items], budget)


def _dict(node: Any, scope: Scope, budget: Budget) -> Any:
    return _weighed({_value(pair.key, scope, budget): _value(pair.value, scope, budget) for pair in node.items}, budget)


def _weighed(value: Any, budget: Budget) -> Any:
    """Count all that is in *value*: one that holds another twice, which holds another twice, is soon endless."""
    stack: list[Any] = [value]
    while stack:
        one = stack.pop()
        for item in one.values() if isinstance(one, dict) else one:
            budget.step()
            if isinstance(item, (list, tuple, dict)):
                stack.append(item)
    return value


def _compare(node: Any, scope: Scope, budget: Budget) -> bool:
    left = _value(node.expr, scope, budget)
    for operand in node.ops:
        right = _value(operand.expr, scope, budget)
        if not _COMPARE[operand.op](left, right):
            return False
        left = right
    return True


def _and(node: Any, scope: Scope, budget: Budget) -> Any:
    left = _value(node.left, scope, budget)
    return _value(node.right, scope, budget) if left else left


def _or(node: Any, scope: Scope, budget: Budget) -> Any:
    left = _value(node.left, scope, budget)
    return left or _value(node.right, scope, budget)


def _not(node: Any, scope: Scope, budget: Budget) -> bool:
    return not _value(node.node, scope, budget)


def _signed(node: Any, scope: Scope, budget: Budget) -> Any:
    zero_from = "Sub" if type(node).__name__ == "Neg" else "Add"
    return _calculated(zero_from, 0, evaluate(node.node, scope, budget))


def _conditional(node: Any, scope: Scope, budget: Budget) -> Any:
    if _value(node.test, scope, budget):
        return evaluate(node.expr1, scope, budget)
    return None if node.expr2 is None else evaluate(node.expr2, scope, budget)


def _concat(node: Any, scope: Scope, budget: Budget) -> str:
    return str(sized("".join(text_of(_value(part, scope, budget)) for part in node.nodes)))


def _getattr(node: Any, scope: Scope, budget: Budget) -> Any:
    return _item(_value(node.node, scope, budget), node.attr, node.attr)


def _getitem(node: Any, scope: Scope, budget: Budget) -> Any:
    value = _value(node.node, scope, budget)
    if type(node.arg).__name__ != "Slice":
        # A key that was computed may be a value that nobody should read in an error.
        shown = node.arg.value if type(node.arg).__name__ == "Const" else "such item"
        return _item(value, _value(node.arg, scope, budget), shown)
    if not isinstance(value, (str, list, tuple)):
        raise TypeError("only a text or a list has slices")
    bounds = [
        None if part is None else _value(part, scope, budget) for part in (node.arg.start, node.arg.stop, node.arg.step)
    ]
    return value[slice(*bounds)]


def _item(value: Any, key: Any, shown: Any) -> Any:
    """Return an item of plain data; nothing has attributes."""
    if isinstance(value, dict):
        return value.get(key, Missing(str(shown)))
    if isinstance(value, (list, tuple, str)) and isinstance(key, int) and not isinstance(key, bool):
        return value[key] if -len(value) <= key < len(value) else Missing(str(shown))
    raise TypeError(f"a {type(value).__name__} has no {shown!r}")


def _filter(node: Any, scope: Scope, budget: Budget) -> Any:
    value = evaluate(node.node, scope, budget)
    if node.name not in ("default", "d"):
        _present(value)
    for _ in value if isinstance(value, (list, tuple, dict)) else ():
        budget.step()
    return sized(FILTERS[node.name](value, *_arguments(node, scope, budget), **_keywords(node, scope, budget)))


def _test(node: Any, scope: Scope, budget: Budget) -> bool:
    value = evaluate(node.node, scope, budget)
    if node.name not in ("defined", "undefined"):
        _present(value)
    return bool(TESTS[node.name](value, *_arguments(node, scope, budget)))


def _arguments(node: Any, scope: Scope, budget: Budget) -> list[Any]:
    return [_value(one, scope, budget) for one in node.args]


def _keywords(node: Any, scope: Scope, budget: Budget) -> dict[str, Any]:
    return {one.key: _value(one.value, scope, budget) for one in node.kwargs}


def _call(node: Any, scope: Scope, budget: Budget) -> list[int]:
    bounds = _arguments(node, scope, budget)
    if not bounds or not all(isinstance(one, int) for one in bounds):
        raise TypeError("range() wants integers")
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise LimitExceeded(f"range() gives up to {MAX_RANGE:,} numbers.")
    return list(numbers)


_EVALUATE: dict[str, Callable[[Any, Scope, Budget], Any]] = {
    "And": _and,
    "Call": _call,
    "Compare": _compare,
    "Concat": _concat,
    "CondExpr": _conditional,
    "Const": _const,
    "Dict": _dict,
    "Filter": _filter,
    "Getattr": _getattr,
    "Getitem": _getitem,
    "List": _list,
    "Name": _name,
    "Neg": _signed,
    "Not": _not,
    "Or": _or,
    "Pos": _signed,
    "Test": _test,
    "Tuple": _list,
    **dict.fromkeys(_ARITHMETIC, _binary),
}
_PARTS = frozenset({"Operand", "Pair", "Keyword", "Slice"})


def expression_fault(node: nodes.Node) -> None:
    """Raise Forbidden where *node*, or what is in it, is on no list here."""
    for one in _walk(node):
        kind = type(one).__name__
        if kind not in _EVALUATE and kind not in _PARTS:
            raise Forbidden(f"{kind} can't be used in SQL", one.lineno)
        _check_called(one, kind)


def _check_called(one: Any, kind: str) -> None:
    if kind == "Call" and (type(one.node).__name__ != "Name" or one.node.name != "range"):
        raise Forbidden("nothing but range() can be called", one.lineno)
    if kind in ("Call", "Filter", "Test") and (one.dyn_args is not None or one.dyn_kwargs is not None):
        raise Forbidden("* and ** can't be used in SQL", one.lineno)
    if kind in ("Call", "Test") and one.kwargs:
        raise Forbidden("a keyword can't be used here", one.lineno)
    if kind == "Filter" and one.node is None:
        raise Forbidden("a block can't be filtered in SQL", one.lineno)
    if kind == "Filter" and one.name not in FILTERS:
        raise Forbidden(_no_filter(one.name), one.lineno)
    if kind == "Filter" and one.name == "map" and (one.args or [word.key for word in one.kwargs] != ["attribute"]):
        raise Forbidden("'map' takes attribute='…' and nothing else", one.lineno)
    if kind == "Test" and one.name not in TESTS:
        raise Forbidden(f"there is no test {one.name!r} here", one.lineno)
    if kind == "Const" and isinstance(one.value, str) and len(one.value) > MAX_TEXT:
        raise Forbidden("the text is too long", one.lineno)


def _no_filter(name: str) -> str:
    if name in ("safe", "e", "escape", "forceescape"):
        return f"{name!r} has no meaning here: every value is bound, never part of the text"
    if name in ("inlist", "identifier", "keyword"):
        return f"{name!r} comes last in an expression that is written out: {{{{ value | {name} }}}}"
    return f"there is no filter {name!r} here"


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        if type(one).__name__ == "Call":  # its name is checked by itself, and is no parameter
            stack += [*one.args, *(keyword.value for keyword in one.kwargs)]  # type: ignore[attr-defined]
        else:
            stack += one.iter_child_nodes()

"""What may stand in a template that writes SQL, checked before it is ever rendered."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from dbmcp_core.settings import nearest
from dbmcp_core.tools.model import Parameter
from dbmcp_core.tools.sql.expressions import Forbidden, expression_fault

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

__all__ = ["SPECIAL", "Grammar", "parsed"]

#: Filters that write something else than one bound value; they come last in an output, and nowhere else.
SPECIAL = frozenset({"inlist", "identifier", "keyword"})
_KEYWORD = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*")
_STATEMENTS = {
    "Macro": "a macro",
    "CallBlock": "a call block",
    "FilterBlock": "a filter block",
    "AssignBlock": "a set block",
    "Include": "include",
    "Import": "import",
    "FromImport": "import",
    "Extends": "extends",
    "Block": "a block",
    "ScopedEvalContextModifier": "autoescape",
}


@cache
def _environment() -> Environment:
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # costs more than a server may take to start

    environment = ImmutableSandboxedEnvironment(keep_trailing_newline=True, loader=None, optimized=False)
    environment.globals.clear()
    return environment


def parsed(text: str) -> nodes.Template:
    """Return the tree of *text*; nothing of it is compiled or run.

    Raises:
        Forbidden: It is no template, with the line.
    """
    from jinja2 import TemplateSyntaxError

    try:
        return _environment().parse(text)
    except TemplateSyntaxError as exc:
        raise Forbidden(str(exc.message), exc.lineno) from exc
    except (RecursionError, ValueError, OverflowError) as exc:
        raise Forbidden("the template is nested too deep, or holds a number that is too long", 1) from exc


class Grammar:
    """Walks a template once: raises for what may not be there, and notes which names it uses."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._parameters = {parameter.name: parameter for parameter in parameters}
        self.used: set[str] = set()
        self.undeclared: list[tuple[str, int]] = []
        #: What each ``identifier`` and ``keyword`` may become, by the node.
        self.allowed: dict[int, tuple[str, ...]] = {}
        self.texts: set[str] = set()
        self.numbers: set[float] = set()
        #: The places where a rendering can go one way or another.
        self.branches: list[nodes.If | nodes.For] = []

    def body(self, statements: Iterable[nodes.Node], known: frozenset[str]) -> frozenset[str]:
        """Check *statements*, and return the names that are known after them."""
        for node in statements:
            known = self._statement(node, known)
        return known

    def _statement(self, node: Any, known: frozenset[str]) -> frozenset[str]:
        kind = type(node).__name__
        if kind == "Output":
            for child in node.nodes:
                self._output(child, known)
            return known
        if kind == "If":
            return self._if(node, known)
        if kind == "For":
            return self._for(node, known)
        if kind == "Assign":
            self._expression(node.node, known)
            return known | set(self._targets(node.target))
        raise Forbidden(f"{_STATEMENTS.get(kind, kind)} can't be used in SQL", node.lineno)

    def _if(self, node: Any, known: frozenset[str]) -> frozenset[str]:
        self.branches.append(node)
        self._expression(node.test, known)
        after = self.body(node.body, known)
        for other in node.elif_:
            after |= self._if(other, known)
        return after | self.body(node.else_, known)

    def _for(self, node: Any, known: frozenset[str]) -> frozenset[str]:
        if node.recursive:
            raise Forbidden("a loop can't be recursive", node.lineno)
        self.branches.append(node)
        self._expression(node.iter, known)
        inside = known | set(self._targets(node.target))
        if node.test is not None:
            self._expression(node.test, inside)
        self.body(node.body, inside | {"loop"})
        self.body(node.else_, known)
        return known

    def _targets(self, target: Any) -> list[str]:
        kind = type(target).__name__
        if kind == "Name":
            if target.name == "loop":
                raise Forbidden("'loop' is the name of the loop itself", target.lineno)
            return [target.name]
        if kind == "Tuple" and all(type(item).__name__ == "Name" for item in target.items):
            return [name for item in target.items for name in self._targets(item)]
        raise Forbidden("only names can be set", target.lineno)

    def _output(self, node: Any, known: frozenset[str]) -> None:
        kind = type(node).__name__
        if kind == "TemplateData":
            return
        if kind == "Filter" and node.name in SPECIAL:
            if node.node is None or node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
                raise Forbidden(f"{node.name!r} takes a value and plain texts", node.lineno)
            if node.name == "inlist" and node.args:
                raise Forbidden("'inlist' takes no arguments", node.lineno)
            if node.name != "inlist":
                self.allowed[id(node)] = self._choices(node)
                self.texts.update(self.allowed[id(node)])
            self._expression(node.node, known)
            return
        self._expression(node, known)

    def _choices(self, node: Any) -> tuple[str, ...]:
        given = node.args[0].items if len(node.args) == 1 and type(node.args[0]).__name__ == "List" else node.args
        if not all(type(one).__name__ == "Const" and isinstance(one.value, str) and one.value for one in given):
            raise Forbidden(f"{node.name!r} takes its names as plain texts: {node.name}('a', 'b')", node.lineno)
        choices = tuple(one.value for one in given) or self._enumerated(node)
        wrong = [one for one in choices if node.name == "keyword" and not _KEYWORD.fullmatch(one)]
        wrong += [one for one in choices if "\0" in one or not all(one.split("."))]
        if wrong:
            raise Forbidden(f"{wrong[0]!r} can't be written as a {node.name}", node.lineno)
        return choices

    def _enumerated(self, node: Any) -> tuple[str, ...]:
        """Return the enum of the parameter that *node* is about: those are then the names that are allowed."""
        inner = node.node
        parameter = self._parameters.get(inner.name) if type(inner).__name__ == "Name" else None
        values = (parameter.enum if parameter is not None else None) or []
        if not values or not all(isinstance(value, str) and value for value in values):
            raise Forbidden(
                f"{node.name!r} wants the names that are allowed: {node.name}('a', 'b'), or a parameter with an enum",
                node.lineno,
            )
        return tuple(values)

    def _expression(self, node: Any, known: frozenset[str]) -> None:
        expression_fault(node)
        for name, line in _names(node):
            if name in known:
                self.used.add(name)
            else:
                self.undeclared.append((name, line))
        for value in _constants(node):
            if isinstance(value, str):
                self.texts.add(value)
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                self.numbers.add(value)


def _names(node: Any) -> list[tuple[str, int]]:
    from jinja2 import nodes

    found = [*node.find_all(nodes.Name), *([node] if isinstance(node, nodes.Name) else [])]
    called = {id(call.node) for call in node.find_all(nodes.Call)}
    if isinstance(node, nodes.Call):
        called.add(id(node.node))
    return [(one.name, one.lineno) for one in found if id(one) not in called]


def _constants(node: Any) -> list[Any]:
    from jinja2 import nodes

    return [one.value for one in node.find_all(nodes.Const)]


def undeclared_problem(name: str, line: int, known: Collection[str] | Mapping[str, Any]) -> str:
    """Return what to say of a name that nobody declared."""
    return f"line {line}: {name!r} is no parameter{nearest(name, known)}"

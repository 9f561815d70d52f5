"""The messages of a prompt: Jinja in a sandbox, bounded. Values become part of the text, which is for a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from dbmcp_core.errors import ArgumentsInvalid, LimitExceeded, ToolFailed
from dbmcp_core.settings import nearest
from dbmcp_core.tools.model import Message, Prompt
from dbmcp_core.tools.sql.checking import Problem

if TYPE_CHECKING:
    from jinja2 import Environment, Template, nodes

__all__ = ["prompt_messages", "prompt_problems"]

MAX_CHARACTERS = 1 << 20
MAX_STEPS = 100_000
_MAX_RANGE = 10_000
#: The widths and counts that filters may be given.
_WIDTHS = {
    "batch": 1_000,
    "center": 1_000,
    "indent": 100,
    "round": 300,
    "slice": 1_000,
    "truncate": 1_000_000,
    "wordwrap": 1_000_000,
}
_MAX_CACHED = 512
_TICK = "dbmcp_tick"
#: Jinja's filters that give the same text for the same values, and reach nothing but those.
_FILTERS = frozenset(
    """abs batch capitalize center count d default dictsort e escape first float groupby indent int items join last
    length list lower map max min reject rejectattr replace reverse round safe select selectattr slice sort string
    striptags sum title tojson trim truncate unique upper urlencode wordcount wordwrap""".split()  # noqa: SIM905 - words in a row are easier to read
)
#: Methods that take no width and give no more than they were given.
_METHODS = {
    str: frozenset(
        """capitalize casefold count endswith find isalpha isdigit islower isupper lower lstrip removeprefix
        removesuffix rstrip split splitlines startswith strip title upper""".split()  # noqa: SIM905
    ),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
}


def prompt_messages(prompt: Prompt, arguments: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the messages for these arguments: each its ``role``, ``type`` and ``prompt``.

    Raises:
        ArgumentsInvalid: The values don't fit what a template does with them.
        LimitExceeded: It takes too long, or grows too large.
        ToolFailed: A template has problems.
    """
    values = {**{parameter.name: None for parameter in prompt.parameters}, **arguments}
    return [
        {"role": message.role, "type": message.type, "prompt": _rendered(message, index, values)}
        for index, message in enumerate(prompt.messages)
    ]


def prompt_problems(prompt: Prompt) -> list[Problem]:
    """Return what is wrong with the templates of *prompt*: their syntax, and names that are no parameters."""
    from jinja2 import TemplateError
    from jinja2.meta import find_undeclared_variables

    names = [parameter.name for parameter in prompt.parameters]
    problems: list[Problem] = []
    for index, message in enumerate(prompt.messages):
        path = ("messages", index, "prompt")
        try:
            tree = _parsed(message.prompt)
            undeclared = find_undeclared_variables(tree) - set(names) - {_TICK, "range"}
            problems += [(path, f"{name!r} is no parameter{nearest(name, names)}") for name in sorted(undeclared)]
            _environment().compile(tree)
        except TemplateError as exc:
            line = getattr(exc, "lineno", None)
            problems.append((path, f"line {line}: {exc.message}" if line else str(exc.message)))
        except (RecursionError, ValueError, OverflowError):
            problems.append((path, "the template is nested too deep, or holds a number that is too long"))
    return problems


def _rendered(message: Message, index: int, values: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError

    if "{" not in message.prompt:
        return message.prompt
    where = f"Message {index + 1}"
    try:
        template = _compiled(message.prompt)
    except (TemplateError, RecursionError, ValueError, OverflowError) as exc:
        raise ToolFailed(f"{where} of the prompt can't be used: {exc}.") from exc
    try:
        return _bounded(template, values)
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as exc:
        raise ArgumentsInvalid(f"{where} of the prompt can't be written for these values: {exc}.") from exc
    except RecursionError as exc:
        raise LimitExceeded(f"{where} of the prompt goes too deep.") from exc


def _bounded(template: Template, values: Mapping[str, Any]) -> str:
    pieces: list[str] = []
    size = 0
    for piece in template.generate({**values, _TICK: _Ticks()}):
        size += len(piece)
        if size > MAX_CHARACTERS:
            raise LimitExceeded(f"The prompt is longer than {MAX_CHARACTERS:,} characters.")
        pieces.append(piece)
    return "".join(pieces)


class _Ticks:
    """Counts what a template does over and over; written out, it is nothing."""

    def __init__(self) -> None:
        self._left = MAX_STEPS

    def __str__(self) -> str:
        self._left -= 1
        if self._left < 0:
            raise LimitExceeded("The prompt's template takes too many steps.", hint="Loop over shorter lists.")
        return ""


def _parsed(text: str) -> nodes.Template:
    """Return the tree of *text*, in which every loop and macro counts its rounds."""
    from jinja2 import TemplateSyntaxError, nodes

    tree = _joins(_environment().parse(text))
    for outside in (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends):
        if found := tree.find(outside):
            raise TemplateSyntaxError("a prompt can't take in other templates", found.lineno)
    for kind in (nodes.For, nodes.Macro, nodes.CallBlock):
        for node in tree.find_all(kind):
            tick = nodes.Output([nodes.Name(_TICK, "load", lineno=node.lineno)], lineno=node.lineno)
            node.body.insert(0, tick)  # type: ignore[attr-defined]
    return tree


@cache
def _environment() -> Environment:
    from jinja2 import StrictUndefined
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Sandbox(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"+", "*", "**", "%"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            numbers = all(isinstance(one, (int, float)) for one in (left, right))
            if operator == "**" or (operator in "*%" and not numbers):
                raise SecurityError(f"{operator!r} can't be used on these values")
            if operator == "*" and any(isinstance(one, int) and one.bit_length() > 4_096 for one in (left, right)):
                raise SecurityError("the number is too large")
            result = super().call_binop(context, operator, left, right)
            if isinstance(result, (str, list, tuple)) and len(result) > MAX_CHARACTERS:
                raise LimitExceeded("A value of the prompt is too large.")
            return result

        def wrap_str_format(self, value: Any) -> None:
            """Leave ``str.format`` to what follows: a width in it could fill the memory."""

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            allowed = next((names for kind, names in _METHODS.items() if isinstance(obj, kind)), None)
            if callable(value):
                return allowed is not None and attr in allowed
            return super().is_safe_attribute(obj, attr, value)

    environment = Sandbox(undefined=StrictUndefined, loader=None, autoescape=False)
    environment.globals = {"range": lambda *bounds: _range(*bounds)}
    environment.filters = {name: _limited(environment.filters[name]) for name in _FILTERS}
    environment.filters.update(join=_joined, replace=_replaced)
    return environment


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > _MAX_RANGE:
        raise LimitExceeded(f"range() gives up to {_MAX_RANGE:,} numbers.")
    return numbers


def _limited(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return *function*, which then refuses a width or a count that would fill the memory."""

    most = _WIDTHS.get(function.__name__.removeprefix("sync_").removeprefix("do_"), math.inf)

    @wraps(function)
    def limited(*args: Any, **kwargs: Any) -> Any:
        for one in (*args[1:], *kwargs.values()):
            if isinstance(one, int) and not -most <= one <= most:
                raise LimitExceeded(f"This filter takes numbers up to {most:,.0f}.")
        return _small(function(*args, **kwargs))

    return limited


def _small(result: Any) -> Any:
    if isinstance(result, (str, list, tuple, dict)) and len(result) > MAX_CHARACTERS:
        raise LimitExceeded("A value of the prompt is too large.")
    return result


def _joined(value: Any, d: Any = "", attribute: Any = None) -> str:
    items = [item if attribute is None else item[attribute] for item in value]
    parts, between = [str(item) for item in items], str(d)
    if sum(map(len, parts)) + len(between) * len(parts) > MAX_CHARACTERS:
        raise LimitExceeded("A value of the prompt is too large.")
    return between.join(parts)


def _replaced(value: Any, old: str, new: str, count: int = -1) -> str:
    text = str(value)
    if (text.count(old) + 1) * len(new) > MAX_CHARACTERS:
        raise LimitExceeded("A value of the prompt is too large.")
    return text.replace(old, new, count)


def _joins(tree: nodes.Template) -> nodes.Template:
    """Return *tree* with ``a ~ b`` as a bounded join."""
    from jinja2 import nodes
    from jinja2.visitor import NodeTransformer

    class Joins(NodeTransformer):
        def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja's name
            parts = nodes.List([self.visit(part) for part in node.nodes], lineno=node.lineno)
            return nodes.Filter(parts, "join", [], [], None, None, lineno=node.lineno)

    return Joins().visit(tree)  # type: ignore[no-any-return]


_templates: dict[str, Template] = {}


def _compiled(text: str) -> Template:
    found = _templates.get(text)
    if found is None:
        if len(_templates) >= _MAX_CACHED:
            _templates.clear()
        found = _templates[text] = _environment().from_string(_parsed(text))
    return found

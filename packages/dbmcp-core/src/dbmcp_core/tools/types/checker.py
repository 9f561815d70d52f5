"""Types at work: what a caller sent becomes values to bind, what came back becomes JSON, and all of it is checked.

::

    checker = Checker(tool.parameters, tool.returns)  # once; it is made ready at its first use
    arguments = checker.convert({"limit": "10"})      # {"limit": 10, "region": "eu"}; or ArgumentsInvalid
    answer = checker.check(rows)                      # or ResultInvalid

docs/tools-types.md says what is taken for what.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from dbmcp_core.errors import ArgumentsInvalid, ResultInvalid
from dbmcp_core.settings import nearest
from dbmcp_core.tools.model import Parameter, TypeSpec
from dbmcp_core.tools.types.inbound import bound, take
from dbmcp_core.tools.types.nodes import MAX_SHOWN, Node, Problems, shown
from dbmcp_core.tools.types.outbound import Decimals, give, to_json_ready
from dbmcp_core.tools.types.specs import spec_problems

__all__ = ["Checker", "Decimals", "check_result", "convert", "spec_problems", "to_json_ready"]

#: Problems that an error tells in words.
_MAX_ARGUMENT_PROBLEMS, _MAX_RESULT_PROBLEMS = 50, 10


def convert(parameters: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of all *parameters*, from what a caller gave; a ``Checker`` does the same faster.

    Raises:
        ArgumentsInvalid: with everything that is wrong.
    """
    return Checker(parameters).convert(given)


def check_result(spec: TypeSpec, value: Any, *, decimals: Decimals = "exact") -> Any:
    """Return *value* as JSON can say it and *spec* has it; a ``Checker`` does the same faster.

    Raises:
        ResultInvalid: with everything that is wrong.
    """
    return Checker((), spec).check(value, decimals=decimals)


class Checker:
    """The types of one definition, made ready for many calls; any number of threads may use it.

    Args:
        parameters: What it takes.
        returns: What it returns, if that is declared.
        keeps_null: Whether null given for a parameter with a default is null, as in MXCP, and not the default; where
            something limits the value, null doesn't slip through, and means the default all the same.
    """

    def __init__(
        self, parameters: Sequence[Parameter], returns: TypeSpec | None = None, *, keeps_null: bool = False
    ) -> None:
        self._parameters = parameters
        self._spec = returns
        self._keeps_null = keeps_null

    def convert(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of all parameters, in the order of the definition.

        A parameter that isn't given, or given as null though its default is another value, has its default.

        Raises:
            ArgumentsInvalid: with everything that is wrong; no value of a sensitive parameter shows.
        """
        if not isinstance(given, Mapping):
            raise ArgumentsInvalid(f"The arguments must be an object, not {shown(given)}.")
        problems = Problems(_MAX_ARGUMENT_PROBLEMS)
        found: dict[str, Any] = {}
        for name, parameter in self._inputs.items():
            value = given.get(name)
            if name not in given or (value is None and parameter.fills_in and not self._keeps(parameter)):
                found[name] = parameter.default(problems)
                continue
            before = problems.count
            value = take(parameter.node, value, (name,), problems)
            found[name] = bound(parameter.node, value) if problems.count == before else None
        if not self._inputs.keys() >= given.keys():
            self._add_unknown(given, problems)
        if problems.count:
            raise ArgumentsInvalid(f"Wrong arguments: {problems}.", details=_details(problems))
        return found

    def check(self, value: Any, *, decimals: Decimals = "exact") -> Any:
        """Return *value* as JSON can say it and the declared type has it.

        Raises:
            ResultInvalid: with what is wrong, at most ten in words; no value shows.
        """
        node = self._returns
        if node is None:
            return to_json_ready(value, decimals)
        problems = Problems(_MAX_RESULT_PROBLEMS, "result")
        result = give(node, value, (), problems, decimals)
        if problems.count:
            raise ResultInvalid(f"The result isn't what is declared: {problems}.", details=_details(problems))
        return result

    def _keeps(self, parameter: _Input) -> bool:
        return self._keeps_null and parameter.node.takes_null

    @cached_property
    def _inputs(self) -> dict[str, _Input]:
        return {parameter.name: _Input(parameter) for parameter in self._parameters}

    @cached_property
    def _returns(self) -> Node | None:
        return Node(self._spec) if self._spec is not None else None

    def _add_unknown(self, given: Mapping[str, Any], problems: Problems) -> None:
        for name in given:
            if name in self._inputs:
                continue
            if problems.full:
                problems.count += 1
                continue
            remedy = nearest(str(name)[:MAX_SHOWN], self._inputs)
            problems.add((), f"{shown(name)} isn't a parameter{remedy or '; there are none'}")


class _Input:
    """One parameter, with its default made ready."""

    def __init__(self, parameter: Parameter) -> None:
        self.node = Node(parameter)
        self.name = parameter.name
        self.has_default = parameter.has_default
        #: Whether null stands for the default, which is another value.
        self.fills_in = parameter.has_default and parameter.default is not None
        self._value: Any = None
        self._problems = Problems(_MAX_ARGUMENT_PROBLEMS)
        if self.fills_in:
            value = take(self.node, parameter.default, (self.name,), self._problems)
            self._value = value if self._problems.count else bound(self.node, value)

    def default(self, problems: Problems) -> Any:
        """Return the value for a parameter that isn't given; nobody else has it, so that it may be changed."""
        if not self.has_default:
            problems.add((self.name,), "is missing")
        for text in self._problems.texts:
            problems.add((), f"the default of {text}")
        return copy.deepcopy(self._value) if isinstance(self._value, (list, dict)) else self._value


def _details(problems: Problems) -> dict[str, object]:
    return {"problems": problems.texts, "count": problems.count}

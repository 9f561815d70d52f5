"""Policies: who may call, and what they get to see.

A rule is a condition in CEL and what follows where it is true. One that can't be answered denies: a rule that nobody
can evaluate protects something all the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Literal, NoReturn

from dbmcp_core.errors import PolicyDenied
from dbmcp_core.tools.model import Definition, Parameter, Policies, PolicyRule, ProjectPolicy, ReturnType, TypeSpec
from dbmcp_core.tools.policies.cel import Condition, ConditionFailed, Values
from dbmcp_core.tools.policies.condition import USER, Reading, nearest, read
from dbmcp_core.tools.policies.fields import MASK, filtered, folded, has_sensitive, masked, without_sensitive
from dbmcp_core.tools.user import User

__all__ = ["Decision", "PolicySet", "applies", "names_of", "policies_for", "project_problems"]

#: What the result is called in a condition.
RESPONSE = "response"
#: How many values, nested ones counted, a condition may be asked of: a caller's, and a result's.
_MOST_ARGUMENTS = 20_000
_MOST_RESPONSE = 1_000_000
_KINDS = ("tool", "resource", "prompt")

Path = tuple[str | int, ...]
Problems = list[tuple[Path, str]]
Outcome = Literal["passed", "denied", "failed", "filtered", "masked"]
_OUTCOMES: dict[str, Outcome] = {
    "filter_fields": "filtered",
    "filter_sensitive_fields": "filtered",
    "mask_fields": "masked",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one rule, for records."""

    condition: str
    action: str
    reason: str | None
    outcome: Outcome

    def __str__(self) -> str:
        # A client is shown an error's details as texts; the condition is not for it to read.
        return f"{self.action}: {self.outcome}"


class PolicySet:
    """The rules for one definition: those of the project, then its own. One more can only be stricter.

    Making one costs nothing; conditions are compiled when they are first needed, and kept.

    Args:
        policies: The rules, in their order.
        parameters: What input conditions may ask for, beside ``user``.
        returns: What the definition returns, with its sensitive parts.
    """

    def __init__(
        self, *policies: Policies, parameters: Sequence[Parameter] = (), returns: ReturnType | None = None
    ) -> None:
        self._policies = policies
        self._input = [rule for one in policies for rule in one.input]
        self._output = [rule for one in policies for rule in one.output]
        self._parameters = parameters
        self._returns = returns

    def __bool__(self) -> bool:
        """Return whether there is any rule at all."""
        return bool(self._input or self._output)

    def problems(self) -> Problems:
        """Return what is wrong with the conditions, each with its path inside the definition.

        A rule of the project's, which stands in no definition, has the empty path. This compiles: the first time in a
        process some 20 ms, then about half a millisecond a rule. Nothing is let through where nobody asks: a rule that
        doesn't compile denies.
        """
        return [
            _placed(policies, side, place, message)
            for policies, side, place, condition, specs in self._conditions()
            for message in condition.problems or self._mistakes(condition, specs)
        ]

    def _conditions(self) -> Iterator[tuple[Policies, str, int, Condition, Mapping[str, TypeSpec | None]]]:
        """Yield every condition with its place, and the types of what it can ask for."""
        specs: dict[str, Mapping[str, TypeSpec | None]] = {
            "input": {one.name: one for one in self._parameters if one.name != USER},
            "output": {RESPONSE: self._returns},
        }
        compiled = {"input": iter(self._input_conditions), "output": iter(self._output_conditions)}
        for policies in self._policies:
            for side, conditions in compiled.items():
                for place in range(len(getattr(policies, side))):
                    yield policies, side, place, next(conditions), specs[side]

    @staticmethod
    def _mistakes(condition: Condition, specs: Mapping[str, TypeSpec | None]) -> list[str]:
        """Return what a condition that compiles gets wrong about the values that it will be asked of."""
        from dbmcp_core.tools.policies.declared import declared, items_of, mismatches, strangers

        reading, items = condition.reading, items_of(condition.reading, specs)
        known = {**_unbound(reading, specs), **items}
        unknown = [message for name, spec in known.items() for message in strangers(reading, name, spec, sure=True)]
        return unknown or mismatches(reading, declared(specs), items, exact=RESPONSE not in specs)

    def warnings(self) -> Problems:
        """Return what is most likely not meant so, though it is safe."""
        from dbmcp_core.tools.policies.declared import items_of, never, strangers

        found: Problems = [
            (("parameters", place, "name"), f"no condition can ask for a parameter called {USER!r}: it is the caller")
            for place, parameter in enumerate(self._parameters)
            if parameter.name == USER and self._input
        ]
        for policies, side, place, condition, specs in self._conditions():
            reading = condition.reading
            slips = never(reading, specs)
            for name, spec in {**_unbound(reading, specs), **items_of(reading, specs)}.items():
                slips += strangers(reading, name, spec, sure=False)
            found += [_placed(policies, side, place, message) for message in slips]
        return found + self._idle_rules(sure=False)

    def hidden(self) -> tuple[frozenset[str], frozenset[str], bool]:
        """Return which fields an answer may lack, which may be masked, and whether what is sensitive may be missing."""
        omitted = {name for rule in self._output if rule.action == "filter_fields" for name in rule.fields}
        covered = {name for rule in self._output if rule.action == "mask_fields" for name in rule.fields}
        without = any(rule.action == "filter_sensitive_fields" for rule in self._output)
        return frozenset(omitted), frozenset(covered), without

    def check_input(self, arguments: Mapping[str, Any], user: User) -> list[Decision]:
        """Return what the rules say about a call with *arguments*, as they were converted.

        Raises:
            PolicyDenied: A condition is true, or can't be answered. ``details["decisions"]`` has what was asked so far.
        """
        if not self._input:
            return []
        decisions: list[Decision] = []
        # The user comes last: whatever the parameters are called, the caller is who they are.
        values = Values({**arguments, USER: user.as_condition()}, _MOST_ARGUMENTS)
        _ask(self._input, self._input_conditions, values, decisions)
        return decisions

    def apply_output(self, value: Any, user: User, *, column: str | None = None) -> tuple[Any, list[Decision]]:
        """Return what *user* may see of *value*, and what the rules say.

        Every condition is asked of the whole result, whatever other rules take out of it. *value* is not changed.
        Where it is what one column holds, without a name, *column* is that column's.

        Raises:
            PolicyDenied: As ``check_input`` has it.
        """
        if not self._output:
            return value, []
        decisions: list[Decision] = []
        values = Values({RESPONSE: value, USER: user.as_condition()}, _MOST_RESPONSE)
        true = _ask(self._output, self._output_conditions, values, decisions)
        for rule in true:
            try:
                value = self._applied(rule, value, column)
            except Exception:  # noqa: BLE001 - a result that can't be cut isn't shown
                _deny(rule, "failed", "a rule could not be applied to the result", decisions)
        return value, decisions

    @cached_property
    def _input_conditions(self) -> list[Condition]:
        names = {parameter.name for parameter in self._parameters} | {USER}
        return [Condition(rule.condition, names) for rule in self._input]

    @cached_property
    def _output_conditions(self) -> list[Condition]:
        return [Condition(rule.condition, (USER, RESPONSE)) for rule in self._output]

    def _applied(self, rule: PolicyRule, value: Any, column: str | None) -> Any:
        if column is not None and folded(column) in {folded(name) for name in rule.fields}:
            spec = self._returns.items if self._returns and self._returns.type == "array" else self._returns
            # What stands in its place has to be of its type, or null.
            hidden = MASK if rule.action == "mask_fields" and spec is not None and spec.type == "string" else None
            if self._returns is not None and self._returns.type == "array":
                return [hidden] * len(value) if isinstance(value, list) else value
            return hidden
        if rule.action == "filter_fields":
            return filtered(value, rule.fields)
        if rule.action == "mask_fields":
            return masked(value, rule.fields)
        return without_sensitive(self._returns, value)

    def strays(self) -> Problems:
        """Return the fields that rules would hide, and that no result can have: what they were meant for is shown."""
        return self._idle_rules(sure=True)

    def _idle_rules(self, *, sure: bool) -> Problems:
        return [
            (("policies", "output", place, *path), message)
            for policies in self._policies
            if not isinstance(policies, ProjectPolicy)
            for place, rule in enumerate(policies.output)
            for path, message in self._idle(rule, sure=sure)
        ]

    def _idle(self, rule: PolicyRule, *, sure: bool) -> Problems:
        """Return why *rule* has nothing to do: for *sure*, or most likely."""
        returns = self._returns
        if rule.action == "filter_sensitive_fields":
            is_idle = not sure and not has_sensitive(returns)
            return [(("action",), "nothing in 'return' is marked as sensitive")] if is_idle else []
        row = returns.items if returns and returns.type == "array" else returns
        if not rule.fields or row is None:
            return []
        if row.type not in ("object", "array"):
            return []  # it is the column that a rule names then
        known = {folded(name) for name in row.properties}
        return [
            (("fields", place), f"'return' has no field {field!r}{nearest(field, row.properties)}")
            for place, field in enumerate(rule.fields)
            if folded(field) not in known and folded(field.partition(".")[0]) not in known
            # What else a result may have is anybody's guess, but one that is almost a known one was meant to be that.
            if sure == (row.additional_properties is False) and (sure or "did you" in nearest(field, row.properties))
        ]


def _unbound(reading: Reading, specs: Mapping[str, TypeSpec | None]) -> dict[str, TypeSpec | None]:
    """Return *specs* without those whose names a macro of the condition gives to something else."""
    return {name: spec for name, spec in specs.items() if name not in reading.bound}


def applies(policy: ProjectPolicy, kind: str, *names: str) -> bool:
    """Return whether a project's *policy* is for the definition of that kind that any of *names* is a name of.

    A pattern without a kind is for all kinds. Upper and lower case are the same: a rule too many is the safe mistake.
    """
    return any(
        fnmatchcase(name.casefold(), pattern.casefold())
        for pattern in _patterns(policy)
        for one in names
        for name in (f"{kind}:{one}", one)
    )


def policies_for(definition: Definition, project: Iterable[ProjectPolicy] = ()) -> PolicySet:
    """Return the rules for *definition*: those of the project that are for it, then its own."""
    fitting = [policy for policy in project if applies(policy, definition.kind, *names_of(definition))]
    return PolicySet(*fitting, definition.policies, parameters=definition.parameters, returns=definition.returns)


def project_problems(policy: ProjectPolicy, among: Iterable[Definition] = ()) -> Problems:
    """Return what is wrong with a project's policy: in itself, and for those of *among* that it is for."""
    found: Problems = [(("match",), message) for message in _pattern_problems(_patterns(policy))]
    fitting = [one for one in among if applies(policy, one.kind, *names_of(one))]
    for side, rules in (("input", policy.input), ("output", policy.output)):
        for place, rule in enumerate(rules):
            names: Collection[str] = read(rule.condition).names if side == "input" else (USER, RESPONSE)
            wrong = Condition(rule.condition, {*names, USER}).problems or _for_definitions(rule, side, fitting)
            found += [((side, place, "condition"), message) for message in wrong]
    return found


def _for_definitions(rule: PolicyRule, side: str, definitions: Sequence[Definition]) -> list[str]:
    """Return what is wrong with *rule* for some of *definitions*, each with those that it is wrong for."""
    found: dict[str, list[str]] = {}
    policies = Policies.model_validate({side: [rule]})
    for one in definitions:
        for _, message in PolicySet(policies, parameters=one.parameters, returns=one.returns).problems():
            found.setdefault(message.partition(";")[0], []).append(f"{one.kind}:{one.key}")
    return [
        message if len(names) == len(definitions) > 1 else f"for {names[0]}{_more(len(names) - 1)}: {message}"
        for message, names in found.items()
    ]


def _more(count: int) -> str:
    return f" and {count} more" if count else ""


def names_of(definition: Definition) -> set[str]:
    """Return what a project's patterns know *definition* by."""
    return {definition.key, getattr(definition, "name", None) or definition.key}


def _patterns(policy: ProjectPolicy) -> list[str]:
    return [policy.match] if isinstance(policy.match, str) else policy.match


def _pattern_problems(patterns: list[str]) -> list[str]:
    if not patterns:
        return ["without a pattern it is for nothing; '*' is everything"]
    found = []
    for pattern in patterns:
        kind = re.match(r"(\w+):(?!//)", pattern)
        if kind and kind[1] not in _KINDS:
            found.append(f"there is no kind {kind[1]!r}{nearest(kind[1], _KINDS)}")
    return found


def _placed(policies: Policies, side: str, place: int, message: str) -> tuple[Path, str]:
    if isinstance(policies, ProjectPolicy):
        return (), f"the project's policy for {', '.join(_patterns(policies))}, {side} rule {place + 1}: {message}"
    return ("policies", side, place, "condition"), message


def _ask(
    rules: list[PolicyRule], conditions: list[Condition], values: Values, decisions: list[Decision]
) -> list[PolicyRule]:
    """Return the rules whose condition is true, in their order; add to *decisions*, or deny."""
    true = []
    for rule, condition in zip(rules, conditions, strict=True):
        try:
            holds = condition.holds(values)
        except ConditionFailed as failure:
            _deny(rule, "failed", f"a condition could not be evaluated: {failure}", decisions)
        if holds and rule.action == "deny":
            _deny(rule, "denied", rule.reason or "a policy denies this", decisions)
        outcome: Outcome = _OUTCOMES[rule.action] if holds else "passed"
        decisions.append(Decision(rule.condition, rule.action, rule.reason, outcome))
        if holds:
            true.append(rule)
    return true


def _deny(rule: PolicyRule, outcome: Outcome, why: str, decisions: list[Decision]) -> NoReturn:
    decisions.append(Decision(rule.condition, rule.action, rule.reason, outcome))
    hint = "Whoever wrote the policy has to correct it; until then it denies." if outcome == "failed" else None
    # From nothing: what went wrong inside can quote the values.
    raise PolicyDenied(f"Policy enforcement failed: {why}", hint=hint, details={"decisions": list(decisions)}) from None

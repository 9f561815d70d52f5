"""Regular expressions in time that grows with the length of the text alone.

Python's own matcher goes back and tries again, which for ``^(a+)+$`` doubles its time with every letter, and nobody can
stop it. This one follows all ways at once. It is slower where the other is good, and has no groups to look into, no
looking around and no back references; ``patterns`` says which of the two is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from re import _constants as op  # type: ignore[attr-defined]  # what the parser's tree is made of
from re import _parser  # type: ignore[attr-defined]  # the standard library's own; there is no public one
from typing import Any, NamedTuple

__all__ = ["Unsupported", "is_risky", "matcher"]

#: States that one expression may have; counted repetitions are written out.
_MAX_STATES = 2_000
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_SPACE = frozenset(" \t\n\r\f\v")
_DIGIT = frozenset("0123456789")
_CATEGORIES = {
    op.CATEGORY_DIGIT: (_DIGIT, True),
    op.CATEGORY_NOT_DIGIT: (_DIGIT, False),
    op.CATEGORY_WORD: (_WORD, True),
    op.CATEGORY_NOT_WORD: (_WORD, False),
    op.CATEGORY_SPACE: (_SPACE, True),
    op.CATEGORY_NOT_SPACE: (_SPACE, False),
}
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT)

_Takes = Callable[[str], bool]


class Unsupported(ValueError):
    """The expression has something that can't be followed this way, or is too large."""


class _State(NamedTuple):
    """What a state takes, or where it may stand; and the states that follow. Without either it only leads on."""

    takes: _Takes | None
    at: Any
    following: list[int]


def is_risky(pattern: str) -> bool:
    """Return whether Python's matcher may take time that no length of text makes harmless: a repetition in one."""
    return _is_nested(_parser.parse(pattern, re.ASCII), repeated=False)


def _is_nested(items: Iterable[Any], *, repeated: bool) -> bool:
    for kind, argument in items:
        if kind in _REPEATS or kind is op.POSSESSIVE_REPEAT:
            least, most, body = argument
            varies = most > 1 and most != least
            if (repeated and varies) or _is_nested(body, repeated=repeated or most > 1):
                return True
        elif kind is op.BRANCH:
            if repeated or any(_is_nested(branch, repeated=repeated) for branch in argument[1]):
                return True
        elif any(_is_nested(part, repeated=repeated) for part in _parts(argument)):
            return True
    return False


def _parts(argument: Any) -> list[Any]:
    parts = argument if isinstance(argument, tuple) else (argument,)
    return [part for part in parts if isinstance(part, _parser.SubPattern)]


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what says whether a text has a match of *pattern*, which is Python's, with ASCII classes, anywhere.

    Raises:
        Unsupported: This one can't be followed so.
    """
    tree = _parser.parse(pattern, re.ASCII)
    if tree.state.flags & ~(re.ASCII | re.DOTALL | re.IGNORECASE):
        raise Unsupported("flags")
    builder = _Builder(tree.state.flags)
    start = builder.sequence(tree, builder.end)
    return lambda text: _has_match(builder.states, start, text)


def _has_match(states: list[_State], start: int, text: str) -> bool:
    ways: list[int] = []
    for place in range(len(text) + 1):
        here = _reached(states, [*ways, start], text, place)
        if 0 in here:
            return True
        if place < len(text):
            letter = text[place]
            ways = [state.following[0] for number in here if (state := states[number]).takes and state.takes(letter)]
    return False


def _reached(states: list[_State], numbers: list[int], text: str, place: int) -> set[int]:
    """Return the states that *numbers* lead to without a letter, at this place of the text."""
    found: set[int] = set()
    while numbers:
        number = numbers.pop()
        if number in found:
            continue
        found.add(number)
        state = states[number]
        if state.takes is None and (state.at is None or _stands(state.at, text, place)):
            numbers += state.following
    return found


def _stands(where: Any, text: str, place: int) -> bool:
    if where in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
        return place == 0
    if where is op.AT_END_STRING:
        return place == len(text)
    before = place > 0 and text[place - 1] in _WORD
    after = place < len(text) and text[place] in _WORD
    return (before != after) == (where is op.AT_BOUNDARY)


class _Builder:
    """Makes the states of an expression, from its end to its beginning."""

    end = 0
    _PLACES = (op.AT_BEGINNING, op.AT_BEGINNING_STRING, op.AT_END_STRING, op.AT_BOUNDARY, op.AT_NON_BOUNDARY)

    def __init__(self, flags: int) -> None:
        self.states = [_State(None, None, [])]
        self._any_letter = bool(flags & re.DOTALL)
        self._ignores_case = bool(flags & re.IGNORECASE)

    def sequence(self, items: Any, following: int) -> int:
        """Return the first state of *items*, after which comes *following*."""
        for kind, argument in reversed(list(items)):
            following = self._item(kind, argument, following)
        return following

    def _add(self, takes: _Takes | None, at: Any, following: list[int]) -> int:
        if len(self.states) >= _MAX_STATES:
            raise Unsupported("size")
        self.states.append(_State(takes, at, following))
        return len(self.states) - 1

    def _item(self, kind: Any, argument: Any, following: int) -> int:
        if kind in _REPEATS:
            least, most, body = argument
            return self._repeat(least, most, body, following)
        if kind is op.BRANCH:
            return self._add(None, None, [self.sequence(branch, following) for branch in argument[1]])
        if kind is op.SUBPATTERN and not argument[1] and not argument[2]:
            return self.sequence(argument[3], following)
        if kind is op.AT and argument in self._PLACES:
            return self._add(None, argument, [following])
        return self._add(self._letters(kind, argument), None, [following])

    def _repeat(self, least: int, most: int, body: Any, following: int) -> int:
        if most is op.MAXREPEAT:
            start = self._add(None, None, [following])
            self.states[start].following.append(self.sequence(body, start))
        else:
            start = following
            for _ in range(most - least):
                start = self._add(None, None, [following, self.sequence(body, start)])
        for _ in range(least):
            start = self.sequence(body, start)
        return start

    def _letters(self, kind: Any, argument: Any) -> _Takes:
        takes = self._exact(kind, argument)
        if not self._ignores_case:
            return takes
        if kind is op.NOT_LITERAL or (kind is op.IN and argument[0][0] is op.NEGATE):
            return lambda letter: takes(letter) and takes(letter.lower()) and takes(letter.upper())
        return lambda letter: takes(letter) or takes(letter.lower()) or takes(letter.upper())

    def _exact(self, kind: Any, argument: Any) -> _Takes:
        if kind is op.ANY:
            return (lambda _: True) if self._any_letter else (lambda letter: letter != "\n")
        if kind is op.IN:
            negated = argument[0][0] is op.NEGATE
            members = [self._exact(*member) for member in argument[negated:]]
            return lambda letter: any(member(letter) for member in members) != negated
        if kind is op.CATEGORY and argument in _CATEGORIES:
            known, wanted = _CATEGORIES[argument]
            return lambda letter: (letter in known) == wanted
        if kind is op.RANGE:
            low, high = map(chr, argument)
            return lambda letter: low <= letter <= high
        if kind in (op.LITERAL, op.NOT_LITERAL):
            own, same = chr(argument), kind is op.LITERAL
            return lambda letter: (letter == own) == same
        raise Unsupported(str(kind))

"""The text of a condition: what it names, and what can be said against it before it is ever evaluated.

This cuts the text into words only; the language itself is the library's business (``dbmcp_core.tools.policies.cel``).
Where the two should differ, a name is missed, the library doesn't know it either, and the rule denies.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from dbmcp_core.tools.user import ANONYMOUS

__all__ = ["OPERATORS", "USER", "USER_ATTRIBUTES", "Reading", "faults", "is_plain_name", "nearest", "read"]

#: The name of the caller in a condition. A parameter of that name can't be reached: nobody may say who they are.
USER = "user"
USER_ATTRIBUTES = tuple(ANONYMOUS.as_condition())

_TOKEN = re.compile(
    r"""
      (?P<space> \s+ | //[^\n]* )
    | (?P<string>
        (?:[rR][bB]?|[bB][rR]) (?: \"{3}.*?\"{3} | '{3}.*?'{3} | "[^"\n]*" | '[^'\n]*' )
      | [bB]? (?: \"{3}(?:\\.|[^\\])*?\"{3} | '{3}(?:\\.|[^\\])*?'{3} | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' ) )
    | (?P<number> [0-9][0-9A-Za-z_]* )
    | (?P<name> [A-Za-z_][0-9A-Za-z_]* | `[^`\n]*` )
    | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_LITERALS = frozenset({"true", "false", "null", "in"})
_MACROS = frozenset({"all", "exists", "exists_one", "existsOne", "filter", "map"})
#: Names that stand for types.
_TYPES = frozenset({"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"})
#: Names that a condition can't use as they are; a parameter that has one is called otherwise in what is compiled.
_TAKEN = _TYPES | {
    *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "namespace"),
    *("package", "return", "var", "void", "while"),
}
#: What other languages have for operators of CEL's.
OPERATORS = {
    **dict.fromkeys(("and", "AND", "And"), "&&"),
    **dict.fromkeys(("or", "OR", "Or"), "||"),
    **dict.fromkeys(("not", "NOT", "Not"), "!"),
    **dict.fromkeys(("None", "NULL", "nil"), "null"),
    **dict.fromkeys(("True", "TRUE"), "true"),
    **dict.fromkeys(("False", "FALSE"), "false"),
}
#: What follows a list of which one item's field is asked for.
_ITEM = re.compile(r"\[[0-9]+\]\.")
#: Beginnings of names that belong to the language.
_LANGUAGE = frozenset({"google"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What a condition names."""

    #: Names that stand for a value, those bound by a macro (``x`` in ``list.all(x, …)``) among them.
    names: frozenset[str]
    #: The names that a macro binds.
    bound: frozenset[str]
    #: The tokens: kind, text, and whether it is a name that stands for a value.
    tokens: tuple[tuple[str, str, bool], ...]

    @property
    def patterns(self) -> list[str]:
        """The literals that ``matches`` is called with."""
        words, _ = self._words()
        return [
            literal
            for (_, name), (_, bracket), (kind, literal), (_, end) in zip(
                words, words[1:], words[2:], words[3:], strict=False
            )
            if name == "matches" and bracket == "(" and kind == "string" and end == ")"
        ]

    def _words(self) -> tuple[list[tuple[str, str]], list[bool]]:
        """Return the tokens without spaces, and for each whether it is a name that stands for a value."""
        words = [token for token in self.tokens if token[0] != "space"]
        return [(kind, text) for kind, text, _ in words], [is_value for _, _, is_value in words]

    def unknown(self, variables: Iterable[str]) -> list[str]:
        """Return the names that are none of *variables*."""
        return sorted(self.names - self.bound - _TYPES - _LANGUAGE - set(variables))

    def renamed(self, variables: Collection[str]) -> dict[str, str]:
        """Return what each of *variables* that is mentioned is called in ``text``."""
        return {name: _free(name, variables) if name in _TAKEN else name for name in self.names if name in variables}

    def text(self, called: dict[str, str]) -> str:
        """Return the condition with each variable called as *called* says."""
        return "".join(called.get(text, text) if is_value else text for _, text, is_value in self.tokens)

    def checked_text(self, called: dict[str, str], rows: Mapping[str, str]) -> tuple[str, list[int]]:
        """Return ``text`` for a checker that knows fields as variables, and where each of its characters comes from.

        ``has(a.b)`` asks for a field, whatever its value is. *rows* has what an item of a list is called, by the name
        that a macro gives to it, or by that of the list: ``row.id`` and ``list[0].id`` are fields of it.
        """
        pieces: list[str] = []
        places: list[int] = []
        at, before, skipped = 0, ["", ""], 0
        for index, (kind, text, is_value) in enumerate(self.tokens):
            after = "".join(text for _, text, _ in self.tokens[index + 1 : index + 5])
            word = called.get(text, text) if is_value else text
            if skipped:
                word, skipped = "", skipped - 1
            elif is_value and text in rows and (text in self.bound or _ITEM.match(after)):
                if text not in self.bound:
                    word, skipped = rows[text], 3
                elif after.startswith("."):
                    word = rows[text]
            pieces.append(f"dyn({word})" if is_value and before == ["has", "("] else word)
            places += [at] * len(pieces[-1])
            at += len(text)
            if kind != "space":
                before = [before[1], text]
        return "".join(pieces), places

    def loops(self) -> dict[str, str]:
        """Return the lists that macros go through, ``order.lines``, by the names that they give to the items.

        A name that is given to items of two lists, or of what isn't a name alone, isn't among them.
        """
        words, _ = self._words()
        found: dict[str, set[str]] = {}
        for at, (_, text) in enumerate(words):
            if text in _MACROS and _word(words, at - 1)[1] == "." and _word(words, at + 1)[1] == "(":
                start = at - 2
                while _word(words, start - 1) == ("sign", ".") and _word(words, start - 2)[0] == "name":
                    start -= 2
                path, is_path = _text_of(words[start : at - 1]), _word(words, start)[0] == "name"
                is_whole = _word(words, start - 1)[1] not in (".", ")", "]")
                found.setdefault(words[at + 2][1], set()).add(path if is_path and is_whole else "")
        return {name: lists.pop() for name, lists in found.items() if len(lists) == 1 and "" not in lists}

    def fields_of(self, name: str) -> list[str]:
        """Return the fields that are asked of the value *name*, which a macro may bind: ``row.id``."""
        words, values = self._words()
        found = [_attribute(words, at) for at, yes in enumerate(values) if yes and words[at][1] == name]
        return [field for field in found if field is not None]

    def asked_of(self, name: str) -> list[str]:
        """Return what is asked of the value *name*: ``user.role``, ``user["role"]``, ``"role" in user``."""
        return [] if name in self.bound else self.fields_of(name)

    def compared(self) -> Iterator[tuple[tuple[str, ...], str, bool]]:
        """Yield which values are compared with which texts: ``order.kind == 'a'``, ``kind in ['a', 'b']``.

        Each comes with the names that lead to the value, and whether the text is looked for in it, as in
        ``'a' in kinds``.
        """
        words, values = self._words()
        for at, is_value in enumerate(values):
            if not is_value or words[at][1] in self.bound:
                continue
            path, end = _path(words, at)
            is_whole = _word(words, at - 1)[1] in _BEGINS
            after, is_last = _signs(words, end), _word(words, end)[1] in _ENDS
            if is_whole and after in ("==", "!=") and _word(words, end + 3)[1] in _ENDS:
                yield from ((path, text, False) for text in _literals(words, end + 2, end + 3))
            elif is_whole and after == "in[":
                close = next((place for place in range(end, len(words)) if words[place][1] == "]"), end)
                yield from ((path, text, False) for text in _literals(words, end + 2, close))
            elif is_last and _word(words, at - 1)[1] == "in":
                yield from ((path, text, True) for text in _literals(words, at - 2, at - 1))
            elif is_last and _signs(words, at - 2) in ("==", "!="):
                yield from ((path, text, False) for text in _literals(words, at - 3, at - 2))


def read(text: str) -> Reading:
    """Return what the condition *text* names."""
    cut = [(str(match.lastgroup), match.group()) for match in _TOKEN.finditer(text)]
    words = [token for token in cut if token[0] != "space"]
    values = [_is_value(words, at) for at in range(len(words))]
    names = frozenset(word for (_, word), is_value in zip(words, values, strict=True) if is_value)
    bound = frozenset(_bound(words))
    marks = iter(values)
    tokens = tuple((kind, word, False if kind == "space" else next(marks)) for kind, word in cut)
    return Reading(names, bound, tokens)


def faults(reading: Reading, variables: Collection[str]) -> list[str]:
    """Return what is wrong with a condition, as far as its names tell."""
    unknown = reading.unknown(variables)
    words = [f"CEL has no {name!r}; write {OPERATORS[name]}" for name in unknown if name in OPERATORS]
    if _assigns(reading):
        words.append("'=' compares nothing; write ==")
    if words:
        return words  # what else is unknown may only follow from it
    found = [f"there is no {name!r} here{nearest(name, variables)}" for name in unknown]
    return found + [
        f"user has no {name!r}{nearest(name, USER_ATTRIBUTES)}"
        for name in dict.fromkeys(reading.asked_of(USER))
        if name not in USER_ATTRIBUTES
    ]


def _assigns(reading: Reading) -> bool:
    signs = ["", *(text for _, text, _ in reading.tokens), ""]
    return any(
        sign == "=" and signs[place] not in ("=", "!", "<", ">") and signs[place + 2] != "="
        for place, sign in enumerate(signs[1:-1])
    )


def is_plain_name(name: str) -> bool:
    """Return whether a condition can name something so, as it is."""
    return name.isascii() and name.isidentifier() and name not in _LITERALS


def nearest(name: str, known: Collection[str]) -> str:
    """Return a question for the name that was meant, or the names there are."""
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.55)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there is {', '.join(sorted(known))}" if known else ""


def _free(name: str, others: Collection[str]) -> str:
    while name in others or name in _TAKEN:
        name += "_"
    return name


def _word(words: list[tuple[str, str]], at: int) -> tuple[str, str]:
    return words[at] if 0 <= at < len(words) else ("", "")


def _is_value(words: list[tuple[str, str]], at: int) -> bool:
    """Return whether the word is a name that stands for a value: no function, no field, no key word."""
    kind, text = words[at]
    if kind != "name" or text in _LITERALS or text.startswith("`"):
        return False
    if _word(words, at + 1)[1] == "(":
        return False
    # A field follows something; a dot that follows nothing only says that the name is one of the outermost.
    return not (_word(words, at - 1)[1] == "." and _ends_a_value(*_word(words, at - 2)))


def _ends_a_value(kind: str, text: str) -> bool:
    return text in (")", "]", "}") or (kind in ("name", "string", "number") and text not in _LITERALS)


def _bound(words: list[tuple[str, str]]) -> list[str]:
    return [
        words[at + 2][1]
        for at in range(1, len(words) - 3)
        if words[at][1] in _MACROS
        and words[at - 1][1] == "."
        and words[at + 1][1] == "("
        and words[at + 2][0] == "name"
        and words[at + 3][1] == ","
    ]


def _attribute(words: list[tuple[str, str]], at: int) -> str | None:
    """Return what is asked of the value at the word *at*, if anything is, and if the text alone tells."""
    after = _word(words, at + 1)[1]
    kind, text = _word(words, at + 2)
    if after == "." and kind == "name":
        return None if _word(words, at + 3)[1] == "(" else text.strip("`")
    if after == "[" and kind == "string" and _word(words, at + 3)[1] == "]":
        return _plain(text)
    if after == "[" and _ITEM.match(_text_of(words[at + 1 : at + 5])) and _word(words, at + 5)[0] == "name":
        return _word(words, at + 5)[1].strip("`")
    kind, text = _word(words, at - 2)
    if after not in (".", "[") and _word(words, at - 1)[1] == "in" and kind == "string":
        return _plain(text)
    return None


#: What may come before and after a comparison of which neither side is a part of more.
_BEGINS = frozenset({"", "(", "[", ",", "&", "|", "?", ":"})
_ENDS = frozenset({"", ")", "]", ",", "&", "|", "?", ":"})


def _path(words: list[tuple[str, str]], at: int) -> tuple[tuple[str, ...], int]:
    """Return the names of the value at *at*, ``order.to.city``, and where the next word is."""
    path, end = [words[at][1]], at + 1
    while words[end : end + 1] == [("sign", ".")] and _word(words, end + 1)[0] == "name":
        path.append(words[end + 1][1].strip("`"))
        end += 2
    return tuple(path), end


def _text_of(words: list[tuple[str, str]]) -> str:
    return "".join(text for _, text in words)


def _signs(words: list[tuple[str, str]], at: int) -> str:
    return _word(words, at)[1] + _word(words, at + 1)[1]


def _literals(words: list[tuple[str, str]], start: int, end: int) -> list[str]:
    found = (_plain(text) for kind, text in words[max(start, 0) : end] if kind == "string")
    return [text for text in found if text is not None]


def _plain(literal: str) -> str | None:
    """Return the text of a string literal that has no escapes or prefix."""
    return literal[1:-1] if literal[0] in "\"'" and "\\" not in literal and literal[:3] not in ('"""', "'''") else None

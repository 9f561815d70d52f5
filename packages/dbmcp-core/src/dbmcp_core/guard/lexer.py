"""How each server cuts a text into words: comments, quotes, numbers, names and semicolons, as data.

The guard reads text with these rules alone. The parser gets to see the text with its comments blanked out, and must
then agree about every quote; so a comment or a string that the two would end at different places can't hide anything.
Where versions or settings of one server differ from each other, the text is refused as ambiguous instead.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import NamedTuple

from dbmcp_core.guard.vocabulary import words
from dbmcp_core.statement import RefusalCode

__all__ = ["RULES", "Lexed", "Lexeme", "LexError", "Part", "Rules", "lex"]


class Part(Enum):
    """The kinds of lexemes."""

    WORD = auto()  # keyword or bare name
    QUOTED = auto()  # name in quotes
    STRING = auto()
    NUMBER = auto()
    PARAM = auto()  # a placeholder that is no plain word
    END = auto()  # ;
    OP = auto()  # any other single character


class Lexeme(NamedTuple):
    """One lexeme. ``text`` is a word in lower case, a name or a string without its quotes, else as it stands."""

    part: Part
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Tell whether this is one of these bare words."""
        return self.part is Part.WORD and self.text in words

    def is_op(self, char: str) -> bool:
        """Tell whether this is that character."""
        return self.part is Part.OP and self.text == char


class Lexed(NamedTuple):
    """The lexemes of a text, and the text with every comment turned into blanks of the same length."""

    lexemes: list[Lexeme]
    blanked: str


class LexError(Exception):
    """The text is refused for how it is written."""

    def __init__(self, code: RefusalCode, reason: str, position: int) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.position = position


@dataclass(frozen=True, slots=True)
class Rules:
    """What one server takes for a comment, a quote, a name and a placeholder. All but the flags are patterns."""

    string: str
    quoted: str
    word: str = r"(?:[A-Za-z_]|[^\x00-\x7f])(?:[\w$]|[^\x00-\x7f])*+"
    param: str | None = None
    line_comment: str = r"--[^\n]*+"
    #: Whether block comments nest.
    nested: bool = True
    #: What opens a quote. Where it does not, having tried the whole quotes, the text ends inside of one.
    unclosed: str = "['\"`]"
    #: Characters that are nothing but trouble outside of quotes.
    illegal: str = "\\"
    #: Whether a bare name may begin with digits, so that ``1e5x`` is one name.
    digit_words: bool = False
    #: Hints that only steer the optimizer; ``None`` where a hint is a comment like any other.
    hints: frozenset[str] | None = None
    #: What else than plain names such a hint may hold.
    in_hints: str = r"(?!)"
    #: Forms that other versions, settings or the parser read differently, each with the reason for refusing it.
    ambiguous: tuple[tuple[str, str], ...] = ()
    #: The same, but wherever they stand: the server looks for them even inside of quotes and comments.
    ambiguous_anywhere: tuple[tuple[str, str], ...] = ()


_PLAIN = r"'(?:[^']|'')*+'"
_ESCAPED = r"'(?:[^'\\]|\\.|'')*+'"
_DOUBLE = r'"(?:[^"]|"")*+"'
_ESCAPED_DOUBLE = r'"(?:[^"\\]|\\.|"")*+"'
_BACKTICK = r"`(?:[^`]|``)*+`"
_BRACKET = r"\[(?:[^\]]|\]\])*+\]"
_TAG = r"\$(?:(?:[A-Za-z_]|[^\x00-\x7f])(?:\w|[^\x00-\x7f])*+)?\$"
_DOLLAR = rf"(?P<tag>{_TAG}).*?(?P=tag)"
_FORMAT = r"%s(?!\w)|%\(\w+\)s(?!\w)"
_ESCAPED_CONTINUED = (
    rf"[eE]{_ESCAPED}(?:\s|--[^\n]*\n)*+'",
    "a string with escapes goes on on the next line; servers and parsers differ about escapes there",
)
#: Drivers take all up to the bracket for the placeholder's name, servers and parsers would see a quote begin.
_QUOTE_IN_PLACEHOLDER = (r"%\([^)]*['\"`][^)]*\)", "a driver could take this for a placeholder that swallows a quote")
_UNICODE_NAME = (r'[uU]&"', "a name spelled with Unicode escapes hides what it names")
_MYSQL_HINTS = words(
    """bka no_bka bnl no_bnl hash_join no_hash_join index no_index group_index no_group_index join_index no_join_index
    order_index no_order_index index_merge no_index_merge mrr no_mrr no_icp icp no_range_optimization join_fixed_order
    join_order join_prefix join_suffix merge no_merge derived_condition_pushdown no_derived_condition_pushdown
    semijoin no_semijoin subquery skip_scan no_skip_scan qb_name split_materialized no_split_materialized rowid_filter
    no_rowid_filter firstmatch loosescan dupsweedout materialization intoexists"""
)
_SPARK_HINTS = words(
    """broadcast broadcastjoin mapjoin merge mergejoin shufflemerge shuffle_merge shuffle_hash shuffle_replicate_nl
    coalesce repartition repartition_by_range rebalance skew range_join"""
)

RULES: dict[str, Rules] = {
    "sqlite": Rules(
        string=rf"[xX]{_PLAIN}|{_PLAIN}",
        # A bracket name ends at the first bracket: it has no escape.
        quoted=rf"{_DOUBLE}|{_BACKTICK}|\[[^\]]*+\]",
        unclosed=r"['\"`\[]",
        param=r"\?\d*+|[:@$]\w+",
        nested=False,
        illegal="\\#",
        ambiguous=((r"[:@$#]\w+(?:::|\()", "SQLite reads a Tcl variable there, with all up to its closing bracket"),),
    ),
    "duckdb": Rules(
        string=rf"[eE]{_ESCAPED}|[xXbBnN]{_PLAIN}|{_PLAIN}|{_DOLLAR}",
        quoted=_DOUBLE,
        unclosed=rf"['\"`]|{_TAG}",
        param=rf"\$\w+|{_FORMAT}",
        ambiguous=(_ESCAPED_CONTINUED, _UNICODE_NAME, _QUOTE_IN_PLACEHOLDER),
    ),
    "postgres": Rules(
        string=rf"[eE]{_ESCAPED}|(?:[xXbBnN]|[uU]&){_PLAIN}|{_PLAIN}|{_DOLLAR}",
        quoted=_DOUBLE,
        unclosed=rf"['\"`]|{_TAG}",
        param=rf"\$\d+|{_FORMAT}",
        ambiguous=(
            _ESCAPED_CONTINUED,
            _UNICODE_NAME,
            _QUOTE_IN_PLACEHOLDER,
            (r"/\*\+(?:(?!\*/)[\s\S])*?\b[sS][eE][tT]\s*\(", "pg_hint_plan takes settings from such a comment"),
        ),
    ),
    "mysql": Rules(
        string=rf"[nN]{_ESCAPED}|[xXbB]{_PLAIN}|{_ESCAPED}|{_ESCAPED_DOUBLE}",
        quoted=_BACKTICK,
        word=r"(?:[A-Za-z_$]|[^\x00-\x7f])(?:[\w$]|[^\x00-\x7f])*+",
        param=_FORMAT,
        # Two dashes begin a comment only where a blank, a control character or the end of the text follows.
        line_comment=r"--(?=[\s\x00-\x1f\x7f]|\Z)[^\n]*+|#[^\n]*+",
        nested=False,
        illegal="\\",
        digit_words=True,
        hints=_MYSQL_HINTS,
        ambiguous=((r"/\*M?!", "MySQL runs what stands in such a comment"), _QUOTE_IN_PLACEHOLDER),
    ),
    "tsql": Rules(
        string=rf"[nN]{_PLAIN}|{_PLAIN}",
        quoted=rf"{_BRACKET}|{_DOUBLE}",
        unclosed=r"['\"`\[]",
        word=r"(?:[A-Za-z_@#]|[^\x00-\x7f])(?:[\w@#$]|[^\x00-\x7f])*+",
        param=_FORMAT,
    ),
    "databricks": Rules(
        string=rf"[rR](?:'[^']*+'|\"[^\"]*+\")|[xX](?:{_PLAIN}|{_DOUBLE})|{_ESCAPED}|{_ESCAPED_DOUBLE}",
        quoted=_BACKTICK,
        word=r"(?:[A-Za-z_]|[^\x00-\x7f])(?:\w|[^\x00-\x7f])*+",
        param=rf"\$\d+(?!\w)|{_FORMAT}",
        illegal="\\$#",
        digit_words=True,
        hints=_SPARK_HINTS,
        in_hints=r"'[\w\s,.()=-]*+'|`[\w\s.-]*+`",
        ambiguous=((r"--[^\n]*\\\r?\n", "Spark goes on with this comment on the next line"),),
        ambiguous_anywhere=((r"\$\{", "Spark replaces ${…} with a setting before it reads the statement"),),
    ),
}

_NUMBER = (
    r"0[xX][0-9A-Fa-f_]*+|0[bB][01_]++|0[oO][0-7_]++"
    r"|(?:\d[\d_]*+(?:\.(?:\d[\d_]*+)?(?!\.))?|\.\d[\d_]*+)(?:[eE][+-]?\d[\d_]*+)?"
)
#: Ends a line for some readers and not for others.
_ODD_LINE_END = re.compile("[\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
#: What is left of a number of Spark after its dot: ``5bd`` of ``1.5BD``.
_SPARK_NUMBER = re.compile(r"\d+(?:e\d+)?(?:bd|[dflsy])\Z")
_FLOAT_AND_WORD = re.compile(r"\d+e\d+\D")
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd"})
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_NOT_LINE_BREAK = re.compile(r"[^\n]")
_HINT = re.compile(r"[\w\s,.@()=]*+\Z")
_HINT_NAME = re.compile(r"(?<![\w@.])([A-Za-z_]\w*)\s*\(")


@cache
def _compiled(dialect: str) -> tuple[re.Pattern[str], re.Pattern[str] | None, re.Pattern[str] | None]:
    rules = RULES[dialect]
    digits = r"|(?P<DIGITWORD>\d(?:[\w$]|[^\x00-\x7f])*+)" if rules.digit_words else ""
    param = f"|(?P<PARAM>{rules.param})" if rules.param else ""
    pattern = (
        rf"(?P<SPACE>[ \t\r\n\f]++)|(?P<LINE>{rules.line_comment})|(?P<BLOCK>/\*)"
        rf"|(?P<STRING>{rules.string})|(?P<QUOTED>{rules.quoted}){param}"
        rf"|(?P<NUMBER>(?:{_NUMBER})(?![\w$]|[^\x00-\x7f])){digits}|(?P<WORD>{rules.word})"
        rf"|(?P<UNCLOSED>{rules.unclosed})|(?P<END>;)|(?P<OP>[!#-&(-/:<-@\[-_{{-~])"
    )
    anywhere = [form for form, _ in rules.ambiguous_anywhere]
    here = [form for form, _ in rules.ambiguous]
    return (
        re.compile(pattern, re.DOTALL),
        re.compile("|".join(f"({form})" for form in here)) if here else None,
        re.compile("|".join(f"({form})" for form in anywhere)) if anywhere else None,
    )


def lex(text: str, dialect: str) -> Lexed:
    """Cut *text* as the server of *dialect* does.

    Raises:
        LexError: Servers or parsers could read the text in more than one way, or a quote isn't closed.
    """
    rules = RULES[dialect]
    token, ambiguous, anywhere = _compiled(dialect)
    _check_characters(text)
    if anywhere and (match := anywhere.search(text)):
        raise _ambiguous(rules.ambiguous_anywhere, match)
    lexemes: list[Lexeme] = []
    pieces: list[str] = []
    position, size = 0, len(text)
    while position < size:
        if ambiguous and (match := ambiguous.match(text, position)):
            raise _ambiguous(rules.ambiguous, match)
        match = token.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        group, end = match.lastgroup or "", match.end()
        if group == "UNCLOSED":
            raise LexError(RefusalCode.UNPARSABLE, "A quote is not closed", position)
        if group == "BLOCK":
            end = _block_end(text, position, rules)
        elif group == "LINE":
            _check_line_comment(match[0], position)
        if group in ("BLOCK", "LINE"):
            pieces.append(_NOT_LINE_BREAK.sub(" ", text[position:end]))
        else:
            pieces.append(match[0])
            if group != "SPACE":
                lexemes.append(_lexeme(group, match[0], position, rules))
                _check_number(lexemes)
        position = end
    return Lexed(lexemes, "".join(pieces))


def _lexeme(group: str, text: str, start: int, rules: Rules) -> Lexeme:
    end = start + len(text)
    if group in ("WORD", "DIGITWORD"):
        _check_word(text, start)
        return Lexeme(Part.WORD, text.lower(), start, end)
    if group in ("STRING", "QUOTED"):
        return Lexeme(Part[group], _unquoted(text), start, end)
    if group == "OP" and text in rules.illegal:
        raise LexError(RefusalCode.AMBIGUOUS, f"{text!r} means nothing to this database here", start)
    return Lexeme(Part[group], text, start, end)


def _unquoted(text: str) -> str:
    opening = next(i for i, char in enumerate(text) if char in "'\"`[$")
    closing = text[-1]
    if closing == "$":
        tag = text.index("$", opening + 1) + 1 - opening
        return text[opening + tag : -tag]
    return text[opening + 1 : -1].replace(closing * 2, closing)


def _check_characters(text: str) -> None:
    if match := re.search("[\x00\ud800-\udfff]", text):
        raise LexError(
            RefusalCode.AMBIGUOUS, "A NUL or half a character: a server may stop reading there", match.start()
        )


def _check_line_comment(comment: str, start: int) -> None:
    if match := _ODD_LINE_END.search(comment.removesuffix("\r")):
        reason = "A comment holds a line end that not every reader takes for one"
        raise LexError(RefusalCode.AMBIGUOUS, reason, start + match.start())


def _check_word(text: str, start: int) -> None:
    """Refuse letters that turn into others: a long s is a letter of keywords to some readers only."""
    if text.isascii():
        return
    for offset, char in enumerate(text):
        if char.isascii() or char == "ß":  # SS in capitals, but no keyword of a server
            continue
        folded = unicodedata.normalize("NFKC", char) + char.lower() + char.upper()
        is_letter = unicodedata.category(char) in _LETTERS
        if not is_letter or any(c.isascii() for c in folded):
            reason = f"U+{ord(char):04X} is a letter to some readers and a blank or another letter to others"
            raise LexError(RefusalCode.AMBIGUOUS, reason, start + offset)


def _check_number(lexemes: list[Lexeme]) -> None:
    """Refuse ``1.into`` and ``1e5into``: some servers take them for a number and a keyword."""
    last = lexemes[-1]
    if last.part is not Part.WORD or _SPARK_NUMBER.match(last.text):
        return
    after_number = (
        len(lexemes) > 2
        and lexemes[-3].part is Part.NUMBER
        and lexemes[-2].is_op(".")
        and lexemes[-3].end == lexemes[-2].start == last.start - 1
    )
    if after_number or _FLOAT_AND_WORD.match(last.text):
        raise LexError(RefusalCode.AMBIGUOUS, "A number runs into a word", last.start)


def _block_end(text: str, start: int, rules: Rules) -> int:
    depth, position = 0, start
    while edge := _BLOCK_EDGE.search(text, position):
        position = edge.end()
        if edge[0] == "*/":
            depth -= 1
        elif depth and rules.hints is not None and text.startswith("+", position):
            raise LexError(
                RefusalCode.AMBIGUOUS, "A hint in a comment may be a comment of its own or not", edge.start()
            )
        elif depth == 0 or rules.nested:
            depth += 1
        if depth == 0:
            _check_hint(text[start:position], start, rules)
            return position
    raise LexError(RefusalCode.AMBIGUOUS, "A comment is not closed", start)


def _check_hint(comment: str, start: int, rules: Rules) -> None:
    if rules.hints is None or not comment.startswith("/*+"):
        return
    hint = comment[3:-2]
    if not _HINT.match(re.sub(rules.in_hints, "", hint)):
        raise LexError(RefusalCode.AMBIGUOUS, "A hint holds more than plain names", start)
    for name in _HINT_NAME.findall(hint):
        if name.lower() not in rules.hints:
            # SET_VAR, MAX_EXECUTION_TIME and RESOURCE_GROUP change settings, our own limits among them.
            raise LexError(RefusalCode.NOT_A_READ, f"The hint {name} is not known to steer the optimizer only", start)


def _ambiguous(forms: tuple[tuple[str, str], ...], match: re.Match[str]) -> LexError:
    reason = next(why for form, why in forms if re.match(form, match[0]))
    return LexError(RefusalCode.AMBIGUOUS, reason, match.start())


def _unreadable(text: str, position: int) -> LexError:
    char = text[position]
    if char.isdigit():
        return LexError(RefusalCode.AMBIGUOUS, "A number runs into a word", position)
    return LexError(RefusalCode.AMBIGUOUS, f"U+{ord(char):04X} is a blank to some readers and not to others", position)

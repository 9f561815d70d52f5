"""T-SQL beyond the parser's grammar: clauses that can only read, judged here by a grammar of their own.

What fits is taken out of the text before it is parsed, or put in a form that the parser knows. What doesn't fit stays,
and the parser refuses it. Words, calls and locks are judged on the whole text all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sqlglot import Token, TokenType, exp

from dbmcp_core.guard.finding import Finding
from dbmcp_core.guard.lexer import Lexeme, Part
from dbmcp_core.guard.reading import offset_of
from dbmcp_core.guard.vocabulary import words
from dbmcp_core.guard.words import calls
from dbmcp_core.statement import Kind, RefusalCode

__all__ = ["check_read", "named_arguments", "rename_calls", "simplified", "without_use"]

_NAME = r"(?:[\w#$]+|\[\])(?: \. (?:[\w#$]+|\[\]))*"
_TABLE_HINT = (
    rf"(?:nolock|readuncommitted|readcommitted|readcommittedlock|readpast|snapshot|nowait|noexpand|forcescan"
    rf"|forceseek(?: \( {_NAME} \( {_NAME}(?: , {_NAME})* \) \))?|index (?:\( {_NAME}(?: , {_NAME})* \)|= {_NAME}))"
)
_FOR_VALUE = r"@ (?:unknown|= (?:[-+] )?(?:''|0|null))"
_HINT = "|".join(
    (
        r"(?:hash|order) group|(?:concat|hash|merge) union|(?:loop|merge|hash) join|force order|expand views",
        r"(?:keep|keepfixed|robust) plan|recompile|no_performance_spool|ignore_nonclustered_columnstore_index",
        r"disable_optimized_plan_forcing|(?:force|disable) (?:externalpushdown|scaleoutexecution)",
        r"(?:fast|maxdop|maxrecursion|querytraceon) [0@]|(?:max|min)_grant_percent = 0",
        rf"optimize for unknown|optimize for \( {_FOR_VALUE}(?: , {_FOR_VALUE})* \)",
        r"parameterization (?:simple|forced)|label = ''|use plan ''|use hint \( ''(?: , '')* \)",
        rf"table hint \( {_NAME}(?: ,? {_TABLE_HINT})* \)|for timestamp as of ''",
    )
)
_OPTION = re.compile(rf"option \( (?:{_HINT})(?: , (?:{_HINT}))* \)")
_NAMESPACE = rf"(?:default ''|'' as {_NAME})"
_NAMESPACES = re.compile(rf"xmlnamespaces \( {_NAMESPACE}(?: , {_NAMESPACE})* \)")
#: The pattern of a graph: names and arrows; no calls of functions, no values. AND is a name here.
_GRAPH = re.compile(rf"match \( (?:(?:{_NAME}|[-<>(),+{{}}]) )++\)")
_PARSES = ("PARSE", "TRY_PARSE")
#: Functions that take the name of a table for their first argument.
_OF_TABLES = words("changetable containstable freetexttable semantickeyphrasetable semanticsimilaritytable")
_OF_TABLES |= words("semanticsimilaritydetailstable")
#: Methods of columns, which may stand behind a column's name in full; else four parts lead to another server.
_METHODS = re.compile(
    r"value|query|nodes|exist|st\w+|tostring|getlevel|getancestor|getdescendant|getreparentedvalue|isdescendantof"
)


class _Cut(NamedTuple):
    """Lexemes from ``first`` up to ``end`` that the parser sees as ``text`` instead."""

    first: int
    end: int
    text: str = ""


def simplified(source: str, lexemes: Sequence[Lexeme]) -> tuple[str, list[Lexeme]]:
    """Return the text that the parser gets, every position as it was, and the lexemes that are left in it."""
    kept = list(lexemes)
    cuts = [cut for index in range(len(lexemes)) if (cut := _cut(lexemes, index)) is not None]
    last = len(lexemes)
    for cut in sorted(cuts, reverse=True):
        if cut.end > last:  # within one that is cut already
            continue
        start, end = lexemes[cut.first].start, lexemes[cut.end - 1].end
        source = source[:start] + cut.text.ljust(end - start) + source[end:]
        del kept[cut.first : cut.end]
        last = cut.first
    return source, kept


def without_use(lexemes: Sequence[Lexeme]) -> Sequence[Lexeme]:
    """Return *lexemes* without the USE of ``OPTION (USE HINT ('…'))``, which changes no database."""
    for index, one in enumerate(lexemes):
        if one.is_word("option") and (cut := _option(lexemes, index)) is not None:
            return [*lexemes[: cut.first], *(lexeme for lexeme in lexemes[cut.first :] if not lexeme.is_word("use"))]
    return lexemes


def rename_calls(tokens: Sequence[Token], known: Callable[[str], bool]) -> None:
    """Have the parser take ``dbo.split(a)`` for a function of somebody's own, and not for the one that it knows."""
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if after.token_type is not TokenType.L_PAREN:
            continue
        if before.token_type is TokenType.DOT and known(token.text.upper()):
            token.token_type, token.text = TokenType.VAR, f"own_{token.text}"
        elif token.text.upper() in _PARSES and before.token_type not in (TokenType.DOT, TokenType.DCOLON):
            token.text = "TRY_CAST"  # ``PARSE(a AS decimal(10, 2))``, of which the parser knows no type with brackets


def check_read(tree: exp.Expr, lexemes: Sequence[Lexeme]) -> Iterator[Finding]:
    """Yield what the parser takes for a query and SQL Server doesn't, and what assigns to variables."""
    first = next((lexeme for lexeme in lexemes if not lexeme.is_op("(")), lexemes[0])
    if not first.is_word("select", "with"):
        yield Finding(Kind.UNKNOWN, "A query begins with SELECT or WITH", first.start, RefusalCode.UNPARSABLE)
    for index, lexeme in enumerate(lexemes):
        if lexeme.is_word("fetch") and not _is_clause(lexemes, index):
            yield Finding(Kind.ADMIN, "FETCH reads a cursor", lexeme.start)
    for call in calls(lexemes):
        if _is_remote(call.full):
            reason = f"{call.full}() is on another server"
            yield Finding(Kind.ADMIN, reason, call.offset, RefusalCode.UNSAFE_FUNCTION)
    for select in tree.find_all(exp.Select):
        if not select.expressions:
            yield Finding(Kind.UNKNOWN, "SELECT needs to say what", first.start, RefusalCode.UNPARSABLE)
        for column in select.expressions:
            if isinstance(column, exp.EQ) and isinstance(column.this, exp.Parameter):
                yield Finding(Kind.ADMIN, "SELECT @… = … sets a variable", offset_of(column))


def _is_clause(lexemes: Sequence[Lexeme], index: int) -> bool:
    """Tell whether a FETCH belongs to ``OFFSET 0 ROWS FETCH NEXT 5 ROWS ONLY``."""
    following = lexemes[index + 1 : index + 2]
    return lexemes[index - 1].is_word("row", "rows") and bool(following) and following[0].is_word("next", "first")


def _is_remote(full: str) -> bool:
    """Tell whether the name of a call leads to another server: ``server.db.schema.f``."""
    parts = full.split(".")
    return len(parts) > 3 and not _METHODS.fullmatch(parts[-1])


def named_arguments(lexemes: Sequence[Lexeme]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the tables that are named in an argument, their parts from the last to the first, and where."""
    for index, lexeme in enumerate(lexemes[:-2]):
        if lexeme.text.lower() in _OF_TABLES and lexemes[index + 1].is_op("("):
            start = index + 2 + lexemes[index + 2].is_word("changes", "version")
            parts = [""]
            for part in lexemes[start:]:
                if part.is_op("."):
                    parts.insert(0, "")
                elif part.part in (Part.WORD, Part.QUOTED) and not parts[0]:
                    parts[0] = part.text
                else:
                    break
            if parts[0]:
                yield tuple(parts), lexemes[start].start


def _option(lexemes: Sequence[Lexeme], index: int) -> _Cut | None:
    """OPTION with hints that only steer the optimizer, at the statement's end."""
    if lexemes[index].is_word("option") and _closing(lexemes, index + 1) == len(lexemes) - 1:
        return _Cut(index, len(lexemes)) if _OPTION.fullmatch(_spelled(lexemes[index:])) else None
    return None


def _namespaces(lexemes: Sequence[Lexeme], index: int) -> _Cut | None:
    """Take ``WITH XMLNAMESPACES ('urn:x' AS n)`` out, and leave the WITH for what follows a comma."""
    if index or not lexemes[0].is_word("with") or (end := _closing(lexemes, 2)) is None:
        return None
    if not _NAMESPACES.fullmatch(_spelled(lexemes[1 : end + 1])):
        return None
    goes_on = end + 1 < len(lexemes) and lexemes[end + 1].is_op(",")
    return _Cut(1, end + 2) if goes_on else _Cut(0, end + 1)


def _comparison(lexemes: Sequence[Lexeme], index: int) -> _Cut | None:
    """``!<`` and ``!>``."""
    if not lexemes[index].is_op("!") or index + 1 == len(lexemes) or lexemes[index + 1].start != lexemes[index].end:
        return None
    other = {"<": ">=", ">": "<="}.get(lexemes[index + 1].text)
    return _Cut(index, index + 2, other) if other else None


def _index_hint(lexemes: Sequence[Lexeme], index: int) -> _Cut | None:
    """``WITH (INDEX = i)``; INDEX is reserved and can't be a column."""
    if re.match(rf"index = {_NAME} [,)]", _spelled(lexemes[index : index + 8])) is None:
        return None
    end = index + 2
    while not lexemes[end].is_op(",") and not lexemes[end].is_op(")"):
        end += 1
    return _Cut(index + 1, end)


def _graph(lexemes: Sequence[Lexeme], index: int) -> _Cut | None:
    """``WHERE MATCH(a-(b)->c)``, a condition like any other."""
    if not lexemes[index].is_word("match") or (end := _closing(lexemes, index + 1)) is None:
        return None
    is_pattern = _GRAPH.fullmatch(_spelled(lexemes[index : end + 1])) is not None
    return _Cut(index, end + 1, "(1=1)") if is_pattern else None


def _changes(lexemes: Sequence[Lexeme], index: int) -> _Cut | None:
    """``CHANGETABLE(CHANGES t, 0)``; the table's name is read by ``named_arguments``."""
    found = re.match(r"changetable \( (?:changes|version) ", _spelled(lexemes[index : index + 4]))
    return _Cut(index + 2, index + 3) if found else None


#: By the word or character that each begins with.
_FINDERS: dict[str, Callable[[Sequence[Lexeme], int], _Cut | None]] = {
    "option": _option,
    "with": _namespaces,
    "!": _comparison,
    "index": _index_hint,
    "match": _graph,
    "changetable": _changes,
}
#: Words that are left out, but for the bracket that may have to follow.
_LEFT_OUT = {
    "using": re.compile(r"using (?:''|@|\?)(?= \))"),  # PARSE(a AS date USING 'de-DE')
    "absent": re.compile(r"absent on null(?= \))"),  # JSON_OBJECT('a': b ABSENT ON NULL)
    "null": re.compile(r"null on null(?= \))"),
    "returning": re.compile(r"returning \w+(?: \( 0(?: , 0)? \))?(?= \))"),  # JSON_VALUE(a, '$.b' RETURNING int)
    "with": re.compile(r"with array wrapper(?= \))"),  # JSON_QUERY(a, '$' WITH ARRAY WRAPPER)
    "within": re.compile(r"within group \( graph path \)"),
    "for": re.compile(r"for path(?! \()"),  # FROM likes FOR PATH AS l
}
_LONGEST = 8


def _cut(lexemes: Sequence[Lexeme], index: int) -> _Cut | None:
    lexeme = lexemes[index]
    if lexeme.part not in (Part.WORD, Part.OP):
        return None
    if (pattern := _LEFT_OUT.get(lexeme.text)) and (
        found := pattern.match(_spelled(lexemes[index : index + _LONGEST]))
    ):
        return _Cut(index, index + found[0].count(" ") + 1)
    find = _FINDERS.get(lexeme.text)
    return find(lexemes, index) if find else None


def _closing(lexemes: Sequence[Lexeme], index: int) -> int | None:
    """Return where the bracket that opens at *index* is closed."""
    if index >= len(lexemes) or not lexemes[index].is_op("("):
        return None
    level = 0
    for at in range(index, len(lexemes)):
        level += lexemes[at].is_op("(") - lexemes[at].is_op(")")
        if level == 0:
            return at
    return None


def _spelled(lexemes: Sequence[Lexeme]) -> str:
    """Return *lexemes* with a blank between two, what is in quotes and numbers put in one form."""
    forms = {Part.STRING: "''", Part.QUOTED: "[]", Part.NUMBER: "0"}
    return " ".join(
        "@" if one.part is Part.WORD and one.text[0] == "@" else forms.get(one.part, one.text) for one in lexemes
    )

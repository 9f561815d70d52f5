"""The road from a text to a verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from sqlglot import exp
from sqlglot.errors import SqlglotError

from dbmcp_core.guard import reading, tree, tsql
from dbmcp_core.guard.commands import judge_command
from dbmcp_core.guard.finding import Finding, Look
from dbmcp_core.guard.lexer import Lexeme, LexError, Part, lex
from dbmcp_core.guard.tables import check_name, check_tables, table_name, tables_in_strings
from dbmcp_core.guard.words import calls, check_calls, check_words, second_statement, verb
from dbmcp_core.schema import TableName
from dbmcp_core.statement import Kind, RefusalCode, Verdict

__all__ = ["judge", "judge_words"]

#: Beyond these, the parser takes seconds, or the whole stack.
_MAX_LEXEMES = 60_000
_MAX_DEPTH = 150
_NOT_LINE_BREAK = re.compile(r"[^\n]")
_ROUTINES = ("trigger", "procedure", "function", "event", "proc")


def judge(text: str, dialect: str) -> Verdict:
    """Return what *text* does in *dialect*, one of those known."""
    try:
        lexed = lex(text, dialect)
        return _judge_text(lexed.lexemes, lexed.blanked, dialect).verdict(text)
    except LexError as error:
        kind = Kind.ADMIN if error.code is RefusalCode.NOT_A_READ else Kind.UNKNOWN
        return Look([Finding(kind, error.reason, error.position, error.code)]).verdict(text)
    except Exception as error:  # noqa: BLE001  # whatever the parser trips over, the answer is no
        reason, line, column = tree.failure(error)
        return Verdict(Kind.UNKNOWN, code=RefusalCode.UNPARSABLE, reason=reason, line=line, column=column)


def judge_words(text: str, dialect: str, tables: Iterable[TableName]) -> Verdict:
    """Return what the words of *text* alone say, for a query that the database's own parser takes and ours doesn't.

    *tables* are those that the database found in it.
    """
    try:
        statements = _split(lex(text, dialect).lexemes, dialect)
        if len(statements) != 1:
            return judge(text, dialect)
        (lexemes,) = statements
        _check_size(lexemes)
        change = verb(lexemes, dialect) or judge_command(lexemes, dialect, lambda _: Look())
        if change is not None or not _begins_query(lexemes):
            return judge(text, dialect)
    except LexError:
        return judge(text, dialect)
    look = Look([*check_words(lexemes, dialect), *check_calls(lexemes, dialect, None)], set(tables))
    for table in look.tables:
        look.add(check_name(tuple(part for part in (table.name, table.schema) if part is not None), dialect))
    look.functions |= {call.full for call in calls(lexemes) if not call.is_keyword}
    return look.verdict(text)


def _begins_query(lexemes: Sequence[Lexeme]) -> bool:
    first = next((lexeme for lexeme in lexemes if not lexeme.is_op("(")), lexemes[0])
    return first.is_word("select", "with", "values", "table")


def _judge_text(lexemes: Sequence[Lexeme], blanked: str, dialect: str) -> Look:
    statements = _split(lexemes, dialect)
    if not statements:
        return Look([Finding(Kind.UNKNOWN, "The text holds no statement", None, RefusalCode.EMPTY)])
    if len(statements) > 1:
        reason = f"{len(statements)} statements: only one is allowed"
        return Look([Finding(Kind.UNKNOWN, reason, statements[1][0].start, RefusalCode.MULTIPLE)])
    _check_size(statements[0])
    return _judge_statement(statements[0], blanked, dialect)


def _split(lexemes: Sequence[Lexeme], dialect: str) -> list[list[Lexeme]]:
    """Return the statements that are not empty. The body of a trigger or routine belongs to its statement."""
    statements: list[list[Lexeme]] = [[]]
    blocks = 0
    for index, lexeme in enumerate(lexemes):
        current = statements[-1]
        if lexeme.part is Part.END and not (blocks > 0 and _has_body(current)) and not _is_batch(current, dialect):
            statements.append([])
            blocks = 0
            continue
        current.append(lexeme)
        blocks += _opens_block(lexemes, index)
    return [statement for statement in statements if statement]


def _opens_block(lexemes: Sequence[Lexeme], index: int) -> int:
    """Return 1 where a block of statements or a CASE begins, -1 where it ends."""
    if lexemes[index].is_word("begin", "case"):
        return 0 if index and lexemes[index - 1].is_word("end") else 1
    if lexemes[index].is_word("end"):
        following = lexemes[index + 1] if index + 1 < len(lexemes) else None
        return 0 if following and following.is_word("if", "loop", "while", "repeat", "for") else -1
    return 0


def _has_body(statement: Sequence[Lexeme]) -> bool:
    return bool(statement) and statement[0].is_word("create") and _names_routine(statement)


def _is_batch(statement: Sequence[Lexeme], dialect: str) -> bool:
    """Tell whether all that follows in the text is the body of this T-SQL routine."""
    is_definition = bool(statement) and statement[0].is_word("create", "alter")
    return dialect == "tsql" and is_definition and _names_routine(statement)


def _names_routine(statement: Sequence[Lexeme]) -> bool:
    return any(lexeme.is_word(*_ROUTINES) for lexeme in statement[1:10])


def _check_size(lexemes: Sequence[Lexeme]) -> None:
    if len(lexemes) > _MAX_LEXEMES:
        reason = f"The statement has more than {_MAX_LEXEMES:,} words"
        raise LexError(RefusalCode.UNPARSABLE, reason, lexemes[_MAX_LEXEMES].start)
    level = 0
    for lexeme in lexemes:
        if lexeme.part is Part.OP:
            level += (lexeme.text in "([{") - (lexeme.text in ")]}")
            if level > _MAX_DEPTH:
                raise LexError(RefusalCode.UNPARSABLE, "The statement is nested too deeply to be parsed", lexeme.start)


def _judge_statement(lexemes: Sequence[Lexeme], blanked: str, dialect: str) -> Look:
    command = judge_command(lexemes, dialect, lambda start: _judge_statement(lexemes[start:], blanked, dialect))
    if command is not None:
        return command
    # The parser gets this statement alone, at its place in the text, so that positions stay right.
    start, end = lexemes[0].start, lexemes[-1].end
    source = _NOT_LINE_BREAK.sub(" ", blanked[:start]) + blanked[start:end]
    change = verb(lexemes, dialect)
    return _judge_read(lexemes, source, dialect) if change is None else _judge_change(lexemes, source, dialect, change)


def _judge_read(lexemes: Sequence[Lexeme], source: str, dialect: str) -> Look:
    look = Look(list(check_words(tsql.without_use(lexemes) if dialect == "tsql" else lexemes, dialect)))
    try:
        root = tree.parse(source, lexemes, dialect)
    except SqlglotError:
        look.findings += check_calls(lexemes, dialect, None)
        if not look.findings:
            raise
        return look  # the words alone tell more than "can't be parsed"
    look.findings += reading.check_tree(root, is_read=True)
    if dialect == "tsql":
        look.findings += tsql.check_read(root, lexemes)
        _add_arguments(look, lexemes)
    names = reading.alias_offsets(root)
    look.findings += check_calls(lexemes, dialect, names)
    look.functions |= {call.full for call in calls(lexemes) if not call.is_keyword and call.offset not in names}
    _add_tables(look, check_tables(root, source, dialect, is_read=True))
    if dialect == "databricks":
        _add_tables(look, tables_in_strings(lexemes))
    return look


def _judge_change(lexemes: Sequence[Lexeme], source: str, dialect: str, change: Finding) -> Look:
    look = Look([change])
    look.findings += check_calls(lexemes, dialect, None)
    if dialect == "tsql":
        look.findings += second_statement(lexemes)
    try:
        root = tree.parse(source, lexemes, dialect)
    except (SqlglotError, RecursionError):
        root = None
    if root is None or isinstance(root, exp.Command):
        look.tables |= _target(lexemes)
    else:
        look.findings += reading.check_tree(root, is_read=False)
        _add_tables(look, check_tables(root, source, dialect, is_read=False))
    names = reading.alias_offsets(root) if root is not None else frozenset()
    look.functions |= {call.full for call in calls(lexemes) if not call.is_keyword and call.offset not in names}
    return look


def _add_tables(look: Look, tables: Iterable[TableName | Finding]) -> None:
    for found in tables:
        if isinstance(found, TableName):
            look.tables.add(found)
        else:
            look.add(found)


def _add_arguments(look: Look, lexemes: Sequence[Lexeme]) -> None:
    for parts, offset in tsql.named_arguments(lexemes):
        look.tables.add(table_name(parts))
        look.add(check_name(parts, "tsql", offset))


def _target(lexemes: Sequence[Lexeme]) -> set[TableName]:
    """Return the name after TABLE, INTO or the like, for statements that can't be parsed in full."""
    for index, (lexeme, following) in enumerate(pairwise(lexemes)):
        is_mark = lexeme.is_word(
            "table", "view", "into", "update", "from", "index", "truncate", "exists", "replace", "insert"
        )
        if (
            not is_mark
            or following.part not in (Part.WORD, Part.QUOTED)
            or following.is_word("if", "table", "only", "into", "or", "ignore")
        ):
            continue
        parts = [following.text]  # the last one first
        rest = list(lexemes[index + 2 : index + 6])
        while len(rest) > 1 and rest[0].is_op(".") and rest[1].part in (Part.WORD, Part.QUOTED):
            parts.insert(0, rest[1].text)
            rest = rest[2:]
        return {TableName(*parts[:3])}
    return set()

"""What the guard's verdict becomes for a statement of a tool, and for one of a client, where tools may do more."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection

from dbmcp_core import Kind, RefusalCode, TableName, Verdict
from dbmcp_core.guard import judge
from dbmcp_core.guard.lexer import Lexeme, LexError, Part, lex
from dbmcp_core.guard.vocabulary import words

__all__ = ["judge_client", "judge_tool"]

#: What only tools may call; the values of secrets don't show in it.
_TOOLS_CALL = words("duckdb_secrets which_secret")
#: Functions that read files or addresses.
_READERS = re.compile(
    r"read_\w+|parquet_\w+|sniff_csv|glob|st_read|st_read_meta|st_drivers|(?:iceberg|delta|sqlite|postgres|mysql)_\w+"
)
_MOST = 100


def judge_tool(text: str, verdict: Verdict, *, reads_files: bool) -> Verdict:
    """Return the guard's verdict as if what a tool may read were tables and plain functions.

    The guard says where the first thing stands that it doesn't allow. If a tool may do that, the text is judged again
    with a harmless name in its place, until the guard allows it all, or finds what nobody may do.
    """
    verdict = _without_secrets(text, verdict)
    hidden, tables, functions = text, set[TableName](), set[str]()
    for _ in range(_MOST):
        if verdict.code is not RefusalCode.UNSAFE_FUNCTION and not _is_secrets(verdict):
            break
        lexeme = _at(hidden, verdict)
        if lexeme is None or not _may(lexeme, reads_files=reads_files):
            break
        if lexeme.part is Part.STRING:
            tables.add(TableName(text[lexeme.start + 1 : lexeme.end - 1]))
        elif _is_call(hidden, lexeme):
            functions.add(lexeme.text.lower())
        else:
            tables.add(TableName(lexeme.text))
        hidden = f"{hidden[: lexeme.start]}{'f' * (lexeme.end - lexeme.start)}{hidden[lexeme.end :]}"
        verdict = judge(hidden, "duckdb")
    if hidden is text:
        return verdict
    return dataclasses.replace(
        verdict,
        tables=frozenset({one for one in verdict.tables if one.name.strip("f")} | tables),
        functions=frozenset({one for one in verdict.functions if one.strip("f")} | functions),
    )


def judge_client(text: str, verdict: Verdict, *, tools_alone: Collection[str]) -> Verdict:
    """Return the verdict on a client's statement: it may not call what is for tools alone."""
    for function in sorted(verdict.functions):
        if function.rpartition(".")[2] in tools_alone:
            reason = f"{function}() is for the project's tools alone"
            return dataclasses.replace(verdict, kind=Kind.ADMIN, code=RefusalCode.UNSAFE_FUNCTION, reason=reason)
    return _without_secrets(text, verdict)


def _without_secrets(text: str, verdict: Verdict) -> Verdict:
    """Refuse CREATE SECRET and DROP SECRET: they would change what other statements sign in with."""
    if verdict.kind not in (Kind.DEFINE, Kind.WRITE):
        return verdict
    try:
        lexemes = lex(text, "duckdb").lexemes
    except LexError:
        return verdict
    head = [lexeme.text.lower() for lexeme in lexemes[:6] if lexeme.part is Part.WORD]
    if head[:1] in (["create"], ["drop"], ["alter"]) and "secret" in head[1:5]:
        return dataclasses.replace(
            verdict, kind=Kind.ADMIN, code=RefusalCode.ADMIN, reason=f"{head[0].upper()} SECRET changes secrets"
        )
    return verdict


def _is_secrets(verdict: Verdict) -> bool:
    return verdict.kind is Kind.ADMIN and "holds secrets" in (verdict.reason or "")


def _at(text: str, verdict: Verdict) -> Lexeme | None:
    """Return the word that the verdict points to."""
    if verdict.line is None or verdict.column is None:
        return None
    start = 0
    for _ in range(verdict.line - 1):
        start = text.index("\n", start) + 1
    start += verdict.column - 1
    try:
        return next((lexeme for lexeme in lex(text, "duckdb").lexemes if lexeme.start == start), None)
    except LexError:
        return None


def _is_call(text: str, lexeme: Lexeme) -> bool:
    return text[lexeme.end :].lstrip().startswith("(")


def _may(lexeme: Lexeme, *, reads_files: bool) -> bool:
    name = lexeme.text.lower()
    if name in _TOOLS_CALL:
        return True
    if lexeme.part in (Part.STRING, Part.QUOTED):
        return reads_files
    return reads_files and bool(_READERS.fullmatch(name))

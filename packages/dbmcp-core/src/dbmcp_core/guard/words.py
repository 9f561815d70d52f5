"""What can be told from the words alone, whatever a parser makes of them: verbs, calls, locks, misplaced keywords.

This is the second opinion on every read. A word that the server reserves can't be a name unless it is quoted, so
where one that begins a change turns up bare, the statement is no read, even if the parser took it for an alias.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dbmcp_core.guard.finding import Finding
from dbmcp_core.guard.functions import MANY, is_known, is_unsafe
from dbmcp_core.guard.lexer import Lexeme, Part
from dbmcp_core.guard.vocabulary import words
from dbmcp_core.statement import Kind, RefusalCode

__all__ = ["Call", "calls", "check_calls", "check_words", "second_statement", "verb"]


_VERBS: dict[Kind, frozenset[str]] = {
    Kind.WRITE: words("insert update delete merge replace truncate upsert"),
    Kind.DEFINE: words("create alter drop comment rename undrop"),
    Kind.ADMIN: words(
        """set reset pragma grant revoke deny begin start commit rollback end abort savepoint release prepare execute
        exec deallocate fetch move close open listen unlisten notify lock unlock vacuum analyze analyse optimize
        optimise repair check checksum cluster refresh reindex checkpoint discard call do kill use attach detach
        install export import flush purge change stop shutdown restart clone cache uncache clear add msck fsck
        reorg restore reconfigure dbcc backup waitfor print raiserror throw revert disable enable send receive get put
        remove sync xa signal resignal binlog reassign security handler load unload help list
        setuser save apply bulk readtext writetext updatetext generate force wait repack"""
    ),
    # Blocks hold statements of their own, which nothing here judges.
    Kind.UNKNOWN: words("declare if while loop repeat for goto return break continue case go iterate leave"),
}
_VERB_KINDS = {word: kind for kind, words in _VERBS.items() for word in words}
#: Things whose definition is about accounts, servers or files, not about tables.
_ADMIN_OBJECTS = words(
    """user role login group server extension subscription publication database system credential secret tablespace
    language foreign endpoint certificate resource instance share recipient connection external storage catalog
    provider assembly logfile undo wrapper policy audit availability event trigger_all cryptographic master symmetric
    asymmetric service route remote workload authorization"""
)
_MODIFIERS = words("or replace alter temp temporary global local unlogged materialized if not exists definer")

#: Reserved by the server and never part of a read there. Before a bracket some are functions: ``REPLACE(a, b, c)``.
_NEVER: dict[str, frozenset[str]] = {
    "sqlite": words("into alter commit create delete drop insert set transaction update table add"),
    "duckdb": words("into create do returning"),
    "postgres": words("into create grant do returning"),
    "mysql": words(
        """into alter call create delete drop grant kill load procedure purge rename revoke trigger unlock update
        insert replace signal resignal"""
    ),
    "tsql": words(
        """into alter backup begin break checkpoint close commit continue create dbcc deallocate declare delete
        deny drop dump exec execute goto grant if insert kill load open print raiserror readtext reconfigure restore
        return revert revoke rollback save set setuser shutdown truncate update updatetext use waitfor while
        writetext add tran transaction trigger procedure proc"""
    ),
    "databricks": words("into"),
}
_CALLABLE = words("insert replace truncate update")
_TSQL_ROUTINES = ("procedure", "proc", "function", "trigger")
#: The reserved words that belong to a T-SQL statement beside its verb; one that isn't listed may hold any.
_TSQL_PARTS: dict[str, frozenset[str]] = {
    "insert": words("into"),
    "update": words("set"),
    "delete": frozenset(),
    "truncate": frozenset(),
    "merge": words("into insert update delete set"),
    "create": words("add set create into trigger delete update alter load"),
    "alter": words("add set drop alter trigger delete update"),
    "drop": words("trigger procedure proc"),
}
#: Hints of T-SQL that keep or widen locks; their names are of no other use.
_TSQL_LOCKS = words("updlock xlock tablock tablockx holdlock serializable repeatableread paglock rowlock")
_PHRASES: tuple[tuple[tuple[str, ...], str, Kind], ...] = (
    (("next", "value", "for"), "NEXT VALUE FOR changes a sequence", Kind.WRITE),
    (("for", "update"), "FOR UPDATE locks rows", Kind.WRITE),
    (("for", "share"), "FOR SHARE locks rows", Kind.WRITE),
    (("for", "browse"), "FOR BROWSE is about changing what is read", Kind.WRITE),
    (("for", "no", "key", "update"), "FOR NO KEY UPDATE locks rows", Kind.WRITE),
    (("for", "key", "share"), "FOR KEY SHARE locks rows", Kind.WRITE),
    (("in", "share", "mode"), "LOCK IN SHARE MODE locks rows", Kind.WRITE),
    (("(", "insert", "into"), "INSERT changes rows", Kind.WRITE),
    (("(", "delete", "from"), "DELETE changes rows", Kind.WRITE),
    (("(", "merge", "into"), "MERGE changes rows", Kind.WRITE),
    (("execute", "immediate"), "EXECUTE IMMEDIATE runs SQL from a string", Kind.ADMIN),
)

#: Words that stand before a bracket without being called.
_NO_CALL = words(
    """select from where and or not in exists any some all on using values over partition by as with group order
    having limit offset fetch when then else case union except intersect distinct filter within join apply lateral
    tablesample top option pivot unpivot for sets recursive materialized returning into is like ilike between escape
    similar set check key default references unique primary index force ignore use against percent bernoulli
    repeatable rows window qualify columns exclude operator collate xor regexp rlike describe explain analyze
    summarize end sample asof inner outer cross full natural table view return interval_type only
    varchar nvarchar varbinary decimal numeric dec varying bit float bigint integer int smallint tinyint
    datetime2 datetimeoffset"""
)


#: The same, but only behind the first word of each pair.
_NO_CALL_BEHIND = frozenset({("include", "nulls"), ("exclude", "nulls"), ("tablesample", "system"), ("as", "of")})


class Call(NamedTuple):
    """A name before a bracket. ``name`` is its last part, ``full`` has the schema where one is written."""

    name: str
    full: str
    offset: int
    arguments: int
    is_keyword: bool


def verb(lexemes: Sequence[Lexeme], dialect: str) -> Finding | None:
    """Return what the first word does, or ``None`` where it doesn't begin a change."""
    first = lexemes[0]
    if first.is_word("copy"):
        return _copy(lexemes)
    kind = _VERB_KINDS.get(first.text) if first.part is Part.WORD else None
    if kind is None:
        return None
    kind = _refined(kind, lexemes, dialect)
    what = {
        Kind.WRITE: "changes rows",
        Kind.DEFINE: "changes definitions",
        Kind.ADMIN: "is about the session, the server or its files",
        Kind.UNKNOWN: "begins statements that can't be told apart here",
    }[kind]
    return Finding(kind, f"{first.text.upper()} {what}", first.start)


def _refined(kind: Kind, lexemes: Sequence[Lexeme], dialect: str) -> Kind:
    first, words = lexemes[0].text, [lexeme.text for lexeme in lexemes[1:] if lexeme.part is Part.WORD]
    if kind is Kind.DEFINE:
        target = next((word for word in words if word not in _MODIFIERS), "")
        return Kind.ADMIN if target in _ADMIN_OBJECTS else kind
    if first == "load" and words[:1] == ["data"]:
        return Kind.WRITE
    if first == "bulk" and words[:1] == ["insert"]:
        return Kind.WRITE
    if first == "begin" and dialect == "tsql" and words[:1] not in (["tran"], ["transaction"]):
        return Kind.UNKNOWN
    return kind


def _copy(lexemes: Sequence[Lexeme]) -> Finding:
    """Return what a COPY does: only one that takes rows from the client or a file is a write."""
    outside = [lexeme for level, lexeme in _depth(lexemes) if level == 0]
    if any(lexeme.is_word("to", "program") for lexeme in outside):
        return Finding(Kind.ADMIN, "COPY TO writes a file or runs a program", lexemes[0].start)
    return Finding(Kind.WRITE, "COPY FROM changes rows", lexemes[0].start)


def _depth(lexemes: Sequence[Lexeme]) -> Iterator[tuple[int, Lexeme]]:
    """Yield each lexeme with the number of round brackets around it."""
    level = 0
    for lexeme in lexemes:
        level -= lexeme.is_op(")")
        yield level, lexeme
        level += lexeme.is_op("(")


def check_words(lexemes: Sequence[Lexeme], dialect: str) -> Iterator[Finding]:
    """Yield what must not stand in a read, by the words alone."""
    never = _NEVER[dialect]
    for index, lexeme in enumerate(lexemes):
        if lexeme.part is Part.OP and lexeme.text == ":" and dialect == "mysql" and _next_is(lexemes, index, "="):
            yield Finding(Kind.ADMIN, ":= sets a variable of the session", lexeme.start)
        if not (lexeme.part is Part.WORD or lexeme.is_op("(")) or _is_member(lexemes, index):
            continue
        if dialect == "databricks" and lexeme.text == "using" and _part_at(lexemes, index + 1) is Part.STRING:
            yield Finding(Kind.ADMIN, "USING with a string runs a program", lexeme.start)
        yield from _phrases(lexemes, index)
        if lexeme.text in never and not (lexeme.text in _CALLABLE and _next_is(lexemes, index, "(")):
            if not (dialect == "duckdb" and _is_unpivot(lexemes, index)):
                yield _misplaced(lexemes, index)
        elif dialect == "tsql" and lexeme.text in _TSQL_LOCKS:
            yield Finding(Kind.WRITE, f"The hint {lexeme.text.upper()} locks rows or the table", lexeme.start)


def second_statement(lexemes: Sequence[Lexeme]) -> Iterator[Finding]:
    """Yield where a second statement begins in T-SQL, which needs no semicolon between two."""
    first = lexemes[0].text
    if first in ("create", "alter") and any(lexeme.is_word(*_TSQL_ROUTINES) for lexeme in lexemes[:6]):
        return  # the rest of the batch is the routine's
    allowed = set(_TSQL_PARTS.get(first, _NEVER["tsql"]))
    for index, lexeme in enumerate(lexemes[1:], 1):
        if lexeme.part is not Part.WORD or lexeme.text not in _NEVER["tsql"] or _is_member(lexemes, index):
            continue
        if lexeme.text == "if" and first in ("drop", "alter") and _is_if_exists(lexemes, index):
            continue
        if lexeme.text in ("exec", "execute") and first == "insert":
            yield Finding(Kind.ADMIN, "EXECUTE runs a procedure", lexeme.start)
        elif lexeme.text not in allowed:
            reason = f"{lexeme.text.upper()} begins a second statement: only one is allowed"
            yield Finding(Kind.UNKNOWN, reason, lexeme.start, RefusalCode.MULTIPLE)
        elif first != "merge" and lexeme.text in ("set", "into"):
            allowed.discard(lexeme.text)


def _is_if_exists(lexemes: Sequence[Lexeme], index: int) -> bool:
    """Tell ``DROP TABLE IF EXISTS a`` from a second statement ``IF EXISTS (…) …``, which has a bracket there."""
    after = lexemes[index + 1 : index + 3]
    return len(after) == 2 and after[0].is_word("exists") and after[1].part in (Part.WORD, Part.QUOTED)


def _misplaced(lexemes: Sequence[Lexeme], index: int) -> Finding:
    lexeme = lexemes[index]
    if lexeme.text == "into":
        return _into(lexemes, index)
    kind = _VERB_KINDS.get(lexeme.text, Kind.ADMIN)
    if lexeme.text == "returning" or (lexeme.text == "set" and any(w.is_word("update") for w in lexemes[:index])):
        kind = Kind.WRITE  # a part of what is a write already
    return Finding(kind, f"{lexeme.text.upper()} does not belong into a read", lexeme.start)


def _into(lexemes: Sequence[Lexeme], index: int) -> Finding:
    before = lexemes[index - 1] if index else None
    after = lexemes[index + 1] if index + 1 < len(lexemes) else None
    if before and before.is_word("insert", "replace", "merge", "ignore"):
        return Finding(Kind.WRITE, f"{before.text.upper()} INTO changes rows", lexemes[index].start)
    if after and after.is_word("outfile", "dumpfile"):
        return Finding(Kind.ADMIN, f"INTO {after.text.upper()} writes a file of the server", lexemes[index].start)
    if after and after.text.startswith("@"):
        return Finding(Kind.ADMIN, "INTO sets a variable of the session", lexemes[index].start)
    return Finding(Kind.DEFINE, "SELECT INTO makes a table", lexemes[index].start)


def _phrases(lexemes: Sequence[Lexeme], index: int) -> Iterator[Finding]:
    for phrase, reason, kind in _PHRASES:
        if lexemes[index].text == phrase[0]:
            found = lexemes[index : index + len(phrase)]
            if [lexeme.text for lexeme in found if lexeme.part in (Part.WORD, Part.OP)] == list(phrase):
                code = RefusalCode.UNSAFE_FUNCTION if phrase[0] == "next" else RefusalCode.NOT_A_READ
                yield Finding(kind, reason, lexemes[index].start, code)


def _is_member(lexemes: Sequence[Lexeme], index: int) -> bool:
    """Tell whether the lexeme stands after a dot, where any word is a name."""
    return index > 0 and lexemes[index - 1].is_op(".")


def _is_unpivot(lexemes: Sequence[Lexeme], index: int) -> bool:
    """Tell whether this is the INTO of DuckDB's ``UNPIVOT … INTO NAME n VALUE v``."""
    words = [lexeme.text for lexeme in lexemes[index : index + 4]]
    return words[:2] == ["into", "name"] and words[3:] == ["value"]


def _part_at(lexemes: Sequence[Lexeme], index: int) -> Part | None:
    return lexemes[index].part if index < len(lexemes) else None


def _next_is(lexemes: Sequence[Lexeme], index: int, char: str) -> bool:
    return index + 1 < len(lexemes) and lexemes[index + 1].is_op(char)


def calls(lexemes: Sequence[Lexeme]) -> Iterator[Call]:
    """Yield every name that stands before a bracket: each function that is called, however it is quoted."""
    for index in range(len(lexemes) - 1):
        name = lexemes[index]
        # A string counts as a name: with ANSI_QUOTES or the like, it is one.
        if name.part not in (Part.WORD, Part.QUOTED, Part.STRING) or not lexemes[index + 1].is_op("("):
            continue
        parts, first = [name.text.lower()], index
        while first >= 2 and lexemes[first - 1].is_op("."):
            if lexemes[first - 2].part in (Part.WORD, Part.QUOTED):
                first -= 2
                parts.insert(0, lexemes[first].text.lower())
            elif lexemes[first - 2].is_op("."):  # ``db..f``: the schema is left out
                first -= 1
                parts.insert(0, "")
            else:
                break
        is_keyword = name.part is Part.STRING or (len(parts) == 1 and _is_keyword(lexemes, index))
        yield Call(parts[-1], ".".join(parts), name.start, _arguments(lexemes, index + 1), is_keyword)


def _arguments(lexemes: Sequence[Lexeme], index: int) -> int:
    """Return how many arguments stand in the bracket that opens there; a ``*`` may be any number of them."""
    if index + 1 < len(lexemes) and lexemes[index + 1].is_op(")"):
        return 0
    depth, commas = 0, 0
    for place in range(index, len(lexemes)):
        lexeme = lexemes[place]
        if lexeme.part is Part.OP:
            depth += (lexeme.text in "([{") - (lexeme.text in ")]}")
            commas += depth == 1 and lexeme.text == ","
            if depth == 1 and lexeme.text == "*" and lexemes[place - 1].text in ("(", ",", "."):
                return MANY
            if depth == 0:
                break
    return commas + 1


def _is_keyword(lexemes: Sequence[Lexeme], index: int) -> bool:
    name, before = lexemes[index], lexemes[index - 1] if index else None
    if name.part is not Part.WORD:
        return False
    return name.text in _NO_CALL or (
        before is not None and before.part is Part.WORD and (before.text, name.text) in _NO_CALL_BEHIND
    )


def check_calls(lexemes: Sequence[Lexeme], dialect: str, names: frozenset[int] | None) -> Iterator[Finding]:
    """Yield the calls that a read may not make.

    *names* are the offsets of names that are no calls. ``None`` says that this isn't known: then only the functions
    that are known to be unsafe are of interest.
    """
    for call in calls(lexemes):
        if group := is_unsafe(call.name, dialect, arguments=call.arguments):
            yield _unsafe(call.full, group.why, group.kind, call.offset)
        elif names is not None and not call.is_keyword and call.offset not in names and not _is_known(call, dialect):
            why = "nothing is known about it, and this database has no other lock"
            yield _unsafe(call.full, why, Kind.UNKNOWN, call.offset)
    if dialect == "postgres":
        yield from _attribute_calls(lexemes)


def _is_known(call: Call, dialect: str) -> bool:
    # A function of a schema of one's own may have the name of a built-in.
    return is_known(call.name if call.full.removeprefix("system.builtin.") == call.name else call.full, dialect)


def _attribute_calls(lexemes: Sequence[Lexeme]) -> Iterator[Finding]:
    """PostgreSQL takes ``(row).f`` for ``f(row)``."""
    for index in range(2, len(lexemes)):
        name = lexemes[index]
        if name.part in (Part.WORD, Part.QUOTED) and lexemes[index - 1].is_op(".") and lexemes[index - 2].is_op(")"):
            group = is_unsafe(name.text.lower(), "postgres")
            if group:
                yield _unsafe(name.text.lower(), group.why, group.kind, name.start)


def _unsafe(name: str, why: str, kind: Kind, offset: int) -> Finding:
    reason = f"{name}() is not allowed in a read: it {why}"
    if kind is Kind.UNKNOWN:
        reason = f"{name}() is not allowed in a read: {why}"
    return Finding(kind, reason, offset, RefusalCode.UNSAFE_FUNCTION)

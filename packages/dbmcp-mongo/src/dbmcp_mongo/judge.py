"""What a command does, and whether all of it is known to: fields, stages and operators, at every depth."""

from __future__ import annotations

from typing import Any, NoReturn

from bson.code import Code

from dbmcp_core.schema import TableName
from dbmcp_core.settings import nearest
from dbmcp_core.statement import Kind, RefusalCode, Statement, Verdict
from dbmcp_mongo.allowed import DEFINES, OPERATORS, READS, REFUSED, STAGES, UPDATE_STAGES, WRITES
from dbmcp_mongo.command import FIELDS, Command, Document
from dbmcp_mongo.literals import Bound
from dbmcp_mongo.reader import ReadError, read

__all__ = ["judge"]

#: Stages that name a collection, and the field that does.
_FROM = {"$lookup": "from", "$graphLookup": "from", "$unionWith": "coll"}
#: Fields that are filters, where a text that begins with ``$`` is only a text.
_FILTERS = frozenset({"filter", "query", "q", "$match"})
#: Fields whose content is data.
_DATA = frozenset({"documents", "$literal"})


class _Refused(Exception):
    def __init__(self, kind: Kind, code: RefusalCode, reason: str, word: str | None = None) -> None:
        super().__init__(reason)
        self.word = word
        self.kind = kind
        self.code = code
        self.reason = reason


def judge(statement: Statement) -> tuple[Verdict, Command | None]:
    """Return the verdict on *statement*, and its command where it has one that may run."""
    try:
        command = read(statement)
    except ReadError as exc:
        kind = Kind.ADMIN if exc.code is RefusalCode.ADMIN else Kind.UNKNOWN
        code = RefusalCode.NOT_A_READ if exc.code is RefusalCode.ADMIN else exc.code
        return Verdict(kind, code=code, reason=_cut(exc.message), line=exc.line, column=exc.column), None
    look = _Look()
    try:
        for document in (command.document, *command.more):
            look.command(document)
    except _Refused as exc:
        line, column = _place(statement.text, exc.word)
        return Verdict(
            exc.kind, frozenset(look.tables), frozenset(look.words), exc.code, _cut(exc.reason), line, column
        ), None
    kind = look.kind
    refusal = None if kind is Kind.READ else RefusalCode.NOT_A_READ
    reason = None if kind is Kind.READ else f"The command {command.name!r} changes the database"
    return Verdict(kind, frozenset(look.tables), frozenset(look.words), refusal, reason), command


def _cut(reason: str) -> str:
    """Return *reason* without the middle of it where a name in it is as long as a book."""
    return reason if len(reason) <= 1_500 else f"{reason[:500]} … {reason[-500:]}"


class _Look:
    """One walk over all command documents of a statement."""

    def __init__(self) -> None:
        self.kind = Kind.READ
        self.tables: set[TableName] = set()
        self.words: set[str] = set()

    def command(self, document: Document) -> None:
        name = next(iter(document))
        fields = FIELDS.get(name)
        if fields is None:
            reason = f"The command {name!r} is not for here; there are {', '.join(sorted(FIELDS))}"
            raise _Refused(Kind.ADMIN, RefusalCode.NOT_A_READ, reason)
        for key in document.keys() - {name}:
            if key not in fields:
                _refuse(f"The command {name!r} has no field {key!r} here{nearest(key, fields)}")
        self._target(name, document)
        self._notice(name)
        if name == "explain":
            self._explained(document["explain"])
            return
        for key, value in document.items():
            if key != name:
                self._walk(value, key, in_filter=key in _FILTERS, in_data=key in _DATA)
        self._pipelines(name, document)

    def _notice(self, name: str) -> None:
        kind = Kind.DEFINE if name in DEFINES else Kind.WRITE if name in WRITES else Kind.READ
        if name not in READS | WRITES | DEFINES:  # FIELDS and these lists are one
            raise _Refused(Kind.ADMIN, RefusalCode.NOT_A_READ, f"The command {name!r} is not for here")
        if kind is not Kind.READ:
            self.kind = kind

    def _target(self, name: str, document: Document) -> None:
        target = document[name]
        if name in ("listCollections", "dbStats", "ping"):
            if target != 1:
                _refuse(f"The command {name!r} takes 1 for its value")
        elif name == "aggregate" and target == 1:
            pipeline = document.get("pipeline")
            if not (isinstance(pipeline, list) and pipeline and set(pipeline[0]) == {"$documents"}):
                _refuse("A pipeline of the database begins with $documents; name a collection")
        elif name != "explain":
            self._table(target)
        if "viewOn" in document:
            self._table(document["viewOn"])

    def _explained(self, inner: Any) -> None:
        if not isinstance(inner, dict) or next(iter(inner), None) not in ("find", "aggregate", "count", "distinct"):
            _refuse("Only find, aggregate, count and distinct are explained")
        self.command(inner)

    def _table(self, name: Any) -> None:
        if not isinstance(name, str) or not name or "\0" in name or "$" in name or name.startswith(".") or ".." in name:
            _refuse("A collection is named by a text without '$'")
        if name.startswith("system."):
            _refuse(f"{name!r} is the server's own collection")
        self.tables.add(TableName(str(name)))

    def _pipelines(self, name: str, document: Document) -> None:
        if name == "aggregate" or (name in ("create", "collMod") and "pipeline" in document):
            self._pipeline(document.get("pipeline"), is_database=document[name] == 1)
        changes = [document.get("update")] if name == "findAndModify" else []
        if name in ("update", "delete"):
            entries = document.get("updates" if name == "update" else "deletes")
            if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
                _refuse(f"The command {name!r} wants an array of objects")
            changes += [one.get("u") for one in entries]
        for change in changes:
            if isinstance(change, list):
                for stage in change:
                    self._stage(stage, UPDATE_STAGES)

    def _pipeline(self, pipeline: Any, *, is_database: bool = False) -> None:
        if not isinstance(pipeline, list):
            _refuse("A pipeline is an array of stages")
        for number, stage in enumerate(pipeline):
            self._stage(stage, STAGES if number == 0 and is_database else STAGES - {"documents"})

    def _stage(self, stage: Any, known: frozenset[str]) -> None:
        if not isinstance(stage, dict) or len(stage) != 1:
            _refuse("A stage is an object with one key, as in {$match: {…}}")
        ((name, content),) = stage.items()
        if name[1:] not in known or not name.startswith("$"):
            _refuse_word(name, f"{name!r} is no stage here", [f"${word}" for word in known])
        if name in _FROM:
            self._joined(name, content)
        if name == "$facet":
            for pipeline in _object(content, name).values():
                self._pipeline(pipeline)
        if name in ("$rankFusion", "$scoreFusion"):
            pipelines = _object(_object(content, name).get("input"), name).get("pipelines")
            for pipeline in _object(pipelines, name).values():
                self._pipeline(pipeline)

    def _joined(self, name: str, content: Any) -> None:
        if isinstance(content, str) and name == "$unionWith":
            content = {"coll": content}
        content = _object(content, name)
        pipeline = content.get("pipeline")
        own = isinstance(pipeline, list) and bool(pipeline) and isinstance(pipeline[0], dict)
        own = own and set(pipeline[0]) == {"$documents"} and name != "$graphLookup"
        if _FROM[name] in content or not own:
            self._table(content.get(_FROM[name]))
        if pipeline is not None:
            self._pipeline(pipeline, is_database=own)

    def _walk(self, value: Any, key: str, *, in_filter: bool, in_data: bool) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                self._word(name)
                filtering = name in _FILTERS or (in_filter and name != "$expr")
                self._walk(inner, name, in_filter=filtering, in_data=in_data or name in _DATA)
        elif isinstance(value, list):
            for inner in value:
                self._walk(inner, key, in_filter=in_filter, in_data=in_data)
        elif isinstance(value, Code):
            raise _Refused(Kind.UNKNOWN, RefusalCode.UNSAFE_FUNCTION, "Code is not run here")
        elif isinstance(value, Bound) and value.startswith("$") and not (in_filter or in_data):
            _refuse("A parameter that begins with '$' would be the name of a field here; write {$literal: ?}")

    def _word(self, name: Any) -> None:
        if not isinstance(name, str):
            _refuse("A key is a text")
        if not name.startswith("$"):
            return
        if name not in OPERATORS and name != "$documents":
            _refuse_word(name, f"The operator {name!r} is not known here", OPERATORS)
        self.words.add(name.lower())


def _object(content: Any, name: str) -> Document:
    if not isinstance(content, dict):
        _refuse(f"{name} wants an object")
    return content


def _place(text: str, word: str | None) -> tuple[int | None, int | None]:
    """Return line and column of the first place where *word* stands, if it stands there as it is."""
    at = text.find(word) if word else -1
    if at < 0:
        return None, None
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _refuse(reason: str, word: str | None = None) -> NoReturn:
    raise _Refused(Kind.UNKNOWN, RefusalCode.UNPARSABLE, reason, word)


def _refuse_word(name: str, reason: str, known: Any) -> NoReturn:
    why = REFUSED.get(name)
    if why is None:
        _refuse(f"{reason}{nearest(name, known) if len(name) < 40 else ''}", name)
    if "writes" in why:
        raise _Refused(Kind.ADMIN, RefusalCode.NOT_A_READ, f"{name} {why}, and is not for here", name)
    raise _Refused(Kind.UNKNOWN, RefusalCode.UNSAFE_FUNCTION, f"{name} {why}, and is not for here", name)

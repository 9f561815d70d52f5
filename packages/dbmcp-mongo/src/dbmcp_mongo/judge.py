"""What a command does, and whether all of it is known to: fields, stages and operators, at every depth."""

from __future__ import annotations

from typing import Any, NoReturn

from bson.code import Code

from dbmcp_core.schema import TableName
from dbmcp_core.settings import nearest
from dbmcp_core.statement import Kind, RefusalCode, Statement, Verdict
from dbmcp_mongo.allowed import DEFINES, OPERATORS, READS, REFUSED, STAGES, UPDATE_STAGES, WRITES
from dbmcp_mongo.command import FIELDS, Command, Document, Places
from dbmcp_mongo.literals import Bound
from dbmcp_mongo.reader import ReadError, read

__all__ = ["judge"]

#: Stages that name a collection, and the field that does.
_FROM = {"$lookup": "from", "$graphLookup": "from", "$unionWith": "coll"}
#: All fields of such a stage: with others, some servers read another database.
_JOINS = {
    "$lookup": frozenset({"from", "localField", "foreignField", "let", "pipeline", "as"}),
    "$graphLookup": frozenset(
        {"from", "startWith", "connectFromField", "connectToField", "as", "maxDepth", "depthField"}
        | {"restrictSearchWithMatch"}
    ),
    "$unionWith": frozenset({"coll", "pipeline"}),
}
#: Where a filter stands, in which a text that begins with ``$`` is only a text: a field, behind the one that it is in
#: (nothing: in the command itself). The same words elsewhere may be names of somebody's fields.
_FILTERS = frozenset(
    [
        ("", "filter"),
        ("", "query"),
        ("", "arrayFilters"),
        ("", "validator"),
        ("", "min"),
        ("", "max"),
        ("updates", "q"),
        ("updates", "arrayFilters"),
        ("deletes", "q"),
        ("indexes", "partialFilterExpression"),
        ("$geoNear", "query"),
        ("$vectorSearch", "filter"),
        ("$graphLookup", "restrictSearchWithMatch"),
    ]
)
#: Operators that are always followed by a filter.
_FILTERING = frozenset({"$match", "$elemMatch"})
#: Where data stands, and where a change that is no pipeline does: its texts are data too.
_DATA = frozenset({("", "documents"), ("", "comment")})
_CHANGES = frozenset({("updates", "u"), ("", "update")})


class _Refused(Exception):
    def __init__(
        self, kind: Kind, code: RefusalCode, reason: str, word: str | None = None, owner: Document | None = None
    ) -> None:
        super().__init__(reason)
        self.word = word
        self.owner = owner
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
        line, column = _place(statement.text, command.places, exc)
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
            raise _Refused(Kind.ADMIN, RefusalCode.NOT_A_READ, reason, name)
        for key in document:
            if key not in fields and key != name:
                _refuse(f"The command {name!r} has no field {key!r} here{nearest(key, fields)}", key)
        self._target(name, document)
        self._notice(name)
        if name == "explain":
            self._explained(document["explain"])
            return
        for key, value in document.items():
            if key != name:
                self._walk(value, key, in_filter=("", key) in _FILTERS, in_data=_is_data("", key, value))
        self._pipelines(name, document)

    def _notice(self, name: str) -> None:
        kind = Kind.DEFINE if name in DEFINES else Kind.WRITE if name in WRITES else Kind.READ
        if name not in READS | WRITES | DEFINES:  # FIELDS and these lists are one
            raise _Refused(Kind.ADMIN, RefusalCode.NOT_A_READ, f"The command {name!r} is not for here")
        if kind is not Kind.READ:
            self.kind = kind

    def _target(self, name: str, document: Document) -> None:
        target = document[name]
        if name in ("listCollections", "dbStats", "ping", "buildInfo"):
            if target != 1:
                _refuse(f"The command {name!r} takes 1 for its value", name)
        elif name == "aggregate" and target == 1:
            pipeline = document.get("pipeline")
            if not _has_documents(pipeline):
                _refuse("A pipeline of the database begins with $documents; name a collection")
        elif name != "explain":
            self._table(target)
        if "viewOn" in document:
            self._table(document["viewOn"])

    def _explained(self, inner: Any) -> None:
        name = next(iter(inner), None) if isinstance(inner, dict) else None
        if name not in ("find", "aggregate", "count", "distinct"):
            _refuse("Only find, aggregate, count and distinct are explained", name or "explain")
        self.command(inner)

    def _table(self, name: Any) -> None:
        if not isinstance(name, str) or not name or "\0" in name or "$" in name or name.startswith(".") or ".." in name:
            _refuse("A collection is named by a text without '$'", name if isinstance(name, str) else None)
        if name.startswith("system."):
            _refuse(f"{name!r} is the server's own collection", name)
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
            second = list(stage)[1] if isinstance(stage, dict) and len(stage) > 1 else None
            _refuse("A stage is an object with one key, as in {$match: {…}}", second, stage if second else None)
        ((name, content),) = stage.items()
        if name[1:] not in known or not name.startswith("$"):
            _refuse_word(name, f"{name!r} is no stage here", [f"${word}" for word in known], stage)
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
        for key in content:
            if key not in _JOINS[name]:
                _refuse(f"{name} has no field {key!r} here{nearest(key, _JOINS[name])}", key)
        own = _has_documents(pipeline) and name != "$graphLookup"
        if _FROM[name] in content or not own:
            self._table(content.get(_FROM[name]))
        if pipeline is not None:
            self._pipeline(pipeline, is_database=own)

    def _walk(self, value: Any, key: str, *, in_filter: bool, in_data: bool) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                self._word(name, value)
                filtering = name in _FILTERING or (key, name) in _FILTERS or (in_filter and name != "$expr")
                self._walk(inner, name, in_filter=filtering, in_data=in_data or _is_data(key, name, inner))
        elif isinstance(value, list):
            for inner in value:
                self._walk(inner, key, in_filter=in_filter, in_data=in_data)
        elif isinstance(value, Code):
            raise _Refused(Kind.UNKNOWN, RefusalCode.UNSAFE_FUNCTION, "Code is not run here")
        elif isinstance(value, Bound) and value.startswith("$") and not (in_filter or in_data):
            _refuse("A parameter that begins with '$' would be the name of a field here; write {$literal: ?}", key)

    def _word(self, name: Any, owner: Document) -> None:
        if not isinstance(name, str):
            _refuse("A key is a text")
        if not name.startswith("$"):
            return
        if name not in OPERATORS and name != "$documents":
            _refuse_word(name, f"The operator {name!r} is not known here", OPERATORS, owner)
        self.words.add(name.lower())


def _is_data(parent: str, name: str, value: Any) -> bool:
    is_change = (parent, name) in _CHANGES and isinstance(value, dict)
    return name == "$literal" or (parent, name) in _DATA or is_change


def _has_documents(pipeline: Any) -> bool:
    """Say whether a pipeline brings its own documents, so that it needs no collection."""
    first = pipeline[0] if isinstance(pipeline, list) and pipeline else None
    return isinstance(first, dict) and set(first) == {"$documents"}


def _object(content: Any, name: str) -> Document:
    if not isinstance(content, dict):
        _refuse(f"{name} wants an object")
    return content


def _place(text: str, places: Places, refused: _Refused) -> tuple[int | None, int | None]:
    """Return line and column of what was refused: a key, or a word that stands in the text as it is."""
    if refused.word is None:
        return None, None
    at = places.find(refused.owner, refused.word)
    at = text.find(refused.word) if at is None else at
    if at < 0:
        return None, None
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _refuse(reason: str, word: str | None = None, owner: Document | None = None) -> NoReturn:
    raise _Refused(Kind.UNKNOWN, RefusalCode.UNPARSABLE, reason, word, owner)


def _refuse_word(name: str, reason: str, known: Any, owner: Document | None = None) -> NoReturn:
    why = REFUSED.get(name)
    if why is None:
        _refuse(f"{reason}{nearest(name, known) if len(name) < 40 else ''}", name, owner)
    kind, code = Kind.UNKNOWN, RefusalCode.UNSAFE_FUNCTION
    if "writes" in why:
        kind, code = Kind.ADMIN, RefusalCode.NOT_A_READ
    raise _Refused(kind, code, f"{name} {why}, and is not for here", name, owner)

"""The text of mongosh: ``db.users.find({…}).sort({…})`` and its like, read and never run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

from dbmcp_core.settings import nearest
from dbmcp_core.statement import RefusalCode
from dbmcp_mongo import methods
from dbmcp_mongo.command import FIELDS, Command
from dbmcp_mongo.literals import Literals
from dbmcp_mongo.scanner import ReadError

__all__ = ["read_shell"]

#: Methods of a cursor that are fields of its command …
_FIELDS = {
    name: name
    for name in [
        "sort",
        "limit",
        "skip",
        "hint",
        "collation",
        "batchSize",
        "maxTimeMS",
        "comment",
        "min",
        "max",
        "allowDiskUse",
        "returnKey",
        "showRecordId",
        "let",
        "allowPartialResults",
    ]
} | {"project": "projection", "projection": "projection", "showDiskLoc": "showRecordId"}
#: … those that may be asked for without a value …
_SWITCHES = frozenset({"allowDiskUse", "returnKey", "showRecordId", "showDiskLoc", "allowPartialResults"})
#: … those that only say how a program gets the rows …
_PLAIN = frozenset({"toArray", "pretty"})
#: … those that say which server is asked, and how sure it has to be, which the source's settings decide …
_SOURCES_OWN = frozenset({"readPref", "readConcern"})
#: … those that are further stages where a pipeline comes before …
_STAGES = {name: name for name in ("sort", "limit", "skip", "match", "project")} | {"projection": "project"}
#: … and those that count them.
_COUNTING = frozenset({"count", "size", "itcount"})
_SHOW = re.compile(r"\s*show\s+(?:collections|tables)[\s;]*")
#: Methods whose arguments are code.
_CODE = frozenset({"forEach", "map", "filter", "reduce"})
#: How a script begins, and what would do in its place.
_OPENINGS = {
    **dict.fromkeys(("var", "let", "const", "return"), "there are no variables; write what comes behind it alone"),
    **dict.fromkeys(
        ("print", "printjson", "console", "tojson"), "answers are shown by themselves; write what is in it"
    ),
    **dict.fromkeys(("use", "show", "rs", "sh"), "a source is one database, and other ones are sources of their own"),
}


def read_shell(literals: Literals) -> Command:
    """Read one statement of mongosh to the end of the text."""
    scanner = literals.scanner
    if _SHOW.fullmatch(scanner.text):
        return _list_collections([])
    start = scanner.at
    word = scanner.word()
    if word == "await":  # what comes behind is the same
        start, word = scanner.at, scanner.word()
    if word != "db":
        _refuse_opening(literals, word or "", start)
    command = _Reader(literals).read()
    while scanner.take(";"):
        pass
    if scanner.peek():
        scanner.fail("Only one statement is allowed", code=RefusalCode.MULTIPLE)
    return command


def _refuse_opening(literals: Literals, word: str, start: int) -> NoReturn:
    why = _OPENINGS.get(word)
    if why is None:
        literals.scanner.fail("A statement begins with 'db', as in db.users.find({})", start)
    code = RefusalCode.ADMIN if "source" in why else RefusalCode.UNPARSABLE
    literals.scanner.fail(f"{word!r} is not for here: {why}, as in db.users.find({{}})", start, code=code)


class _Reader:
    def __init__(self, literals: Literals) -> None:
        self.literals = literals
        self.scanner = literals.scanner
        self._explain: Any = None
        self._explained_at: int | None = None

    def read(self) -> Command:
        """Read what comes after ``db``."""
        names: list[str] = []
        while True:
            start = self.scanner.at
            if self.scanner.take("["):
                name = self.literals.value()
                self.scanner.expect("]", "after the name of a collection")
                names.append(self._collection_name(name, start))
                continue
            self.scanner.expect(".", "after 'db' and the names behind it")
            start = self.scanner.at
            word = self._name()
            if self.scanner.peek() != "(":
                names.append(self._collection_name(word, start))
                continue
            self._no_code(word, start)
            arguments = self.literals.arguments()
            if word == "getCollection" or (not names and word == "collection"):
                if len(arguments) != 1:
                    self.scanner.fail(f"{word}() wants one name", start)
                names.append(self._collection_name(arguments[0], start))
            elif names and word == "explain":
                self._explain, self._explained_at = (arguments or [None])[0], start
            else:
                collection = ".".join(names) if names else None
                return self._finish(self._call(collection, word, arguments, start))

    def _no_code(self, word: str, start: int) -> None:
        """Refuse a method by its name where what it wants in brackets can't be read."""
        if word in _CODE:
            self.scanner.fail(f"{word}() runs code; leave it out: every row is in the answer", start)

    def _name(self) -> str:
        self.scanner.peek()
        match = re.compile(r"[\w$-]+").match(self.scanner.text, self.scanner.at)
        if match is None:
            self.scanner.fail(f"Expected a name, not {self.scanner.found()}")
        if "-" in match[0]:
            self.scanner.fail(
                f"{match[0]!r} could be a subtraction; write db.getCollection('{match[0]}')", code=RefusalCode.AMBIGUOUS
            )
        self.scanner.at = match.end()
        return match[0]

    def _collection_name(self, name: Any, start: int) -> str:
        if not isinstance(name, str):
            self.scanner.fail("The name of a collection is a text in quotes", start)
        if name == "__proto__":
            self.scanner.fail("'__proto__' is no collection for a shell", start, code=RefusalCode.AMBIGUOUS)
        return name

    def _call(self, collection: str | None, word: str, arguments: list[Any], start: int) -> Command:
        try:
            if collection is None:
                return _database_method(word, arguments)
            if word == "findAndModify":
                if len(arguments) != 1 or not isinstance(arguments[0], dict):
                    raise ReadError("findAndModify() wants one object, as in {query: {…}, update: {$set: {…}}}")
                return methods.named(word, collection, arguments[0])
            if word == "aggregate" and len(arguments) > 1 and _is_stages(arguments):
                arguments = [arguments]
            if word == "createIndex" and len(arguments) == 3 and isinstance(arguments[2], (str, int)):
                arguments = arguments[:2]  # a commit quorum, of the write's waiting
            if word == "update" and len(arguments) in (3, 4) and all(isinstance(one, bool) for one in arguments[2:]):
                arguments = [*arguments[:2], dict(zip(("upsert", "multi"), arguments[2:], strict=False))]
            return methods.build(word, collection, arguments)
        except ReadError as exc:
            self.scanner.fail(exc.message, start, code=exc.code)

    def _finish(self, command: Command) -> Command:
        """Read the methods of the cursor."""
        given: set[str] = set()
        while self.scanner.take("."):
            start = self.scanner.at
            word = self._name()
            if self.scanner.peek() != "(":
                self.scanner.fail(_property(word), start)
            self._no_code(word, start)
            arguments = self.literals.arguments()
            try:
                if word == "explain":
                    self._explain, self._explained_at = (arguments or [None])[0], start
                else:
                    command = self._cursor_method(command, word, arguments, given)
            except ReadError as exc:
                self.scanner.fail(exc.message, start, code=exc.code)
        if self.scanner.peek() == "[":
            self.scanner.fail("An answer can't be indexed; write .skip(n).limit(1)")
        return self._with_plan(command)

    def _with_plan(self, command: Command) -> Command:
        if self._explained_at is None:
            return command
        try:
            return methods.explained(command, self._explain)
        except ReadError as exc:
            self.scanner.fail(exc.message, self._explained_at, code=exc.code)

    def _cursor_method(self, command: Command, word: str, arguments: list[Any], given: set[str]) -> Command:
        if command.shape != "cursor" or command.name not in ("find", "aggregate", "listIndexes"):
            if word in _PLAIN and not arguments:
                return command
            raise ReadError(f"There is no method {word!r} on what comes before it")
        other = _otherwise(command, word, arguments, given)
        if other is not None:
            return other
        known = _FIELDS if command.name == "find" else {k: k for k in FIELDS["aggregate"] & _FIELDS.keys()}
        field = known.get(word)
        if field is None:
            raise ReadError(f"There is no method {word!r} on a cursor here{nearest(word, [*known, *_PLAIN])}")
        if field in given:
            raise ReadError(f"{word}() is there twice; keep one", code=RefusalCode.AMBIGUOUS)
        given.add(field)
        arguments = _ordered(word, arguments)
        if len(arguments) > 1 or (not arguments and word not in _SWITCHES):
            raise ReadError(f"{word}() wants one value")
        if field in command.document:
            raise ReadError(f"{field!r} is given twice; keep one", code=RefusalCode.AMBIGUOUS)
        if field == "limit":
            return methods.limited(command, arguments[0])
        return command.with_fields(**{field: arguments[0] if arguments else True})


def _otherwise(command: Command, word: str, arguments: list[Any], given: set[str]) -> Command | None:
    """Return the command of a method that is no field of it, None for the others."""
    if word in _PLAIN or word in _SOURCES_OWN:
        return command
    if word in ("next", "tryNext") and not arguments:
        return _first(command)
    if command.name == "aggregate" and (word in _STAGES or word == "itcount"):
        return _with_stage(command, word, arguments)
    if word in _COUNTING and command.name == "find":
        return _counted(command, word, arguments, given)
    return None


def _ordered(word: str, arguments: list[Any]) -> list[Any]:
    """Return the arguments of a ``sort()`` as one object, those of others as they are."""
    if word != "sort" or not arguments or (len(arguments) > 1 and not isinstance(arguments[0], str)):
        return arguments
    return [methods.order(*arguments[:2]), *arguments[2:]]


def _property(word: str) -> str:
    if word == "length":
        return "'length' is read from the answer; leave it out, and write db.users.countDocuments({…})"
    return f"{word!r} is read from the answer, not asked of the database; leave it out"


def _first(command: Command) -> Command:
    """Return the command of a cursor's first document."""
    if command.name == "find":
        return command.with_fields(limit=1, singleBatch=True)
    return _with_stage(command, "limit", [1]) if command.name == "aggregate" else command


def _with_stage(command: Command, word: str, arguments: list[Any]) -> Command:
    """Return a pipeline with what a method of its cursor asks for behind its other stages."""
    if word == "itcount":
        stages: list[Any] = [{"$group": {"_id": None, "n": {"$sum": 1}}}]
        return replace(command.with_fields(pipeline=[*command.document["pipeline"], *stages]), shape="count")
    arguments = _ordered(word, arguments)
    if len(arguments) != 1:
        raise ReadError(f"{word}() wants one value")
    return command.with_fields(pipeline=[*command.document["pipeline"], {f"${_STAGES[word]}": arguments[0]}])


def _counted(command: Command, word: str, arguments: list[Any], given: set[str]) -> Command:
    document = command.document
    if word == "count" and given & {"limit", "skip"} and not arguments:
        raise ReadError(
            "count() behind limit() or skip(): write size() to count within them, countDocuments() to count all",
            code=RefusalCode.AMBIGUOUS,
        )
    apply = word != "count" or (bool(arguments) and arguments[0] is True)
    kept = {"limit", "skip"} if apply else set()
    kept |= {"hint", "collation", "maxTimeMS", "comment"}
    rest = {key: value for key, value in document.items() if key in kept}
    return Command("count", {"count": document["find"], "query": document["filter"], **rest}, "count")


def _is_stages(arguments: list[Any]) -> bool:
    return all(isinstance(one, dict) and len(one) == 1 and next(iter(one)).startswith("$") for one in arguments)


def _database_method(word: str, arguments: list[Any]) -> Command:
    make = _DATABASE.get(word)
    if make is None:
        code = RefusalCode.ADMIN if word in _ADMIN else RefusalCode.UNPARSABLE
        what = "is not for here: the source names its database" if word in _ADMIN else "isn't known"
        raise ReadError(f"db.{word}() {what}; there are {', '.join(sorted(_DATABASE))}", code=code)
    return make(arguments)


_ADMIN = frozenset(
    [
        "getSiblingDB",
        "adminCommand",
        "dropDatabase",
        "eval",
        "getMongo",
        "createUser",
        "dropUser",
        "grantRolesToUser",
        "shutdownServer",
        "fsyncLock",
        "killOp",
        "currentOp",
        "setProfilingLevel",
        "auth",
        "logout",
        "watch",
        "cloneDatabase",
        "copyDatabase",
        "updateUser",
    ]
)


def _run_command(arguments: list[Any]) -> Command:
    from dbmcp_mongo.forms import raw_command

    (one,) = arguments if len(arguments) == 1 else (None,)
    if isinstance(one, str) and one in ("ping", "dbStats", "listCollections", "buildInfo"):
        one = {one: 1}
    if not isinstance(one, dict):
        raise ReadError("runCommand() wants one command, as in {find: 'users', filter: {}}")
    return raw_command(one)


def _list_collections(arguments: list[Any]) -> Command:
    query, names_only = (*arguments, {}, False)[:2] if len(arguments) < 2 else arguments[:2]
    if len(arguments) > 3 or not isinstance(query, (dict, type(None))) or not isinstance(names_only, bool):
        raise ReadError("getCollectionInfos() wants a filter, and maybe whether names are enough")
    document = {"listCollections": 1, "filter": query or {}, "cursor": {}, **({"nameOnly": True} if names_only else {})}
    return Command("listCollections", document, "cursor")


def _names(arguments: list[Any]) -> Command:
    return _list_collections(arguments).with_fields(nameOnly=True)


def _create(arguments: list[Any]) -> Command:
    name, options = (*arguments, {})[:2] if 0 < len(arguments) < 3 else (None, None)
    if not isinstance(name, str) or not isinstance(options, dict) or "create" in options:
        raise ReadError("createCollection() wants a name, and maybe options")
    return Command("create", {"create": name, **options})


def _create_view(arguments: list[Any]) -> Command:
    options = arguments[3] if len(arguments) == 4 else {}
    if len(arguments) not in (3, 4) or not isinstance(options, dict) or not options.keys() <= {"collation"}:
        raise ReadError("createView() wants a name, the collection, a pipeline and maybe a collation")
    return Command("create", {"create": arguments[0], "viewOn": arguments[1], "pipeline": arguments[2], **options})


def _stats(arguments: list[Any]) -> Command:
    scale = arguments[0] if arguments else None
    scale = scale.get("scale") if isinstance(scale, dict) else scale
    return Command("dbStats", {"dbStats": 1, **({"scale": scale} if scale else {})})


def _aggregate(arguments: list[Any]) -> Command:
    command = methods.build("aggregate", "-", arguments)
    return replace(command, document={**command.document, "aggregate": 1})


_DATABASE: dict[str, Callable[[list[Any]], Command]] = {
    "runCommand": _run_command,
    "getCollectionNames": _names,
    "getCollectionInfos": _list_collections,
    "createCollection": _create,
    "createView": _create_view,
    "aggregate": _aggregate,
    "stats": _stats,
    "version": lambda _: Command("buildInfo", {"buildInfo": 1}, "version"),
    "serverBuildInfo": lambda _: Command("buildInfo", {"buildInfo": 1}),
}

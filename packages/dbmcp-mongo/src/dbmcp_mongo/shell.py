"""The text of mongosh: ``db.users.find({…}).sort({…})`` and its like, read and never run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

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
    ]
} | {"project": "projection", "projection": "projection"}
#: … those that only say how a program gets the rows …
_PLAIN = frozenset({"toArray", "pretty"})
#: … and those that count them.
_COUNTING = frozenset({"count", "size", "itcount"})
_SHOW = re.compile(r"\s*show\s+(?:collections|tables)\s*;?\s*")


def read_shell(literals: Literals) -> Command:
    """Read one statement of mongosh to the end of the text."""
    scanner = literals.scanner
    if _SHOW.fullmatch(scanner.text):
        return _list_collections([])
    word = scanner.word()
    if word != "db":
        scanner.fail("A statement begins with 'db', as in db.users.find({})", 0)
    command = _Reader(literals).read()
    scanner.take(";")
    if scanner.peek():
        scanner.fail("Only one statement is allowed", code=RefusalCode.MULTIPLE)
    return command


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
            if word in ("findAndModify",):
                return methods.named(word, collection, arguments[0] if arguments else {})
            if word == "aggregate" and len(arguments) > 1 and _is_stages(arguments):
                arguments = [arguments]
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
                self.scanner.fail(f"{word!r} is read from the answer, not asked of the database; leave it out", start)
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
        if word in _PLAIN:
            return command
        if word in _COUNTING and command.name == "find":
            return _counted(command, word, arguments, given)
        known = _FIELDS if command.name == "find" else {k: k for k in FIELDS["aggregate"] & _FIELDS.keys()}
        field = known.get(word)
        if field is None:
            raise ReadError(f"There is no method {word!r} on a cursor here{nearest(word, [*known, *_PLAIN])}")
        if field in given:
            raise ReadError(f"{word}() is there twice; keep one", code=RefusalCode.AMBIGUOUS)
        given.add(field)
        if len(arguments) > 1 or (not arguments and word not in ("allowDiskUse", "returnKey", "showRecordId")):
            raise ReadError(f"{word}() wants one value")
        if field in command.document:
            raise ReadError(f"{field!r} is given twice; keep one", code=RefusalCode.AMBIGUOUS)
        return command.with_fields(**{field: arguments[0] if arguments else True})


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
    if isinstance(one, str) and one in ("ping", "dbStats", "listCollections"):
        one = {one: 1}
    if not isinstance(one, dict):
        raise ReadError("runCommand() wants one command, as in {find: 'users', filter: {}}")
    return raw_command(one)


def _list_collections(arguments: list[Any]) -> Command:
    query = arguments[0] if arguments else {}
    document = {"listCollections": 1, "filter": query, "cursor": {}}
    return Command("listCollections", document, "cursor")


def _names(arguments: list[Any]) -> Command:
    return _list_collections(arguments).with_fields(nameOnly=True)


def _create(arguments: list[Any]) -> Command:
    if not arguments or not isinstance(arguments[0], str) or len(arguments) > 2:
        raise ReadError("createCollection() wants a name, and maybe options")
    return Command("create", {"create": arguments[0], **(arguments[1] if len(arguments) == 2 else {})})


def _create_view(arguments: list[Any]) -> Command:
    if len(arguments) != 3:
        raise ReadError("createView() wants a name, the collection and a pipeline")
    return Command("create", {"create": arguments[0], "viewOn": arguments[1], "pipeline": arguments[2]})


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
    "stats": lambda _: Command("dbStats", {"dbStats": 1}),
}

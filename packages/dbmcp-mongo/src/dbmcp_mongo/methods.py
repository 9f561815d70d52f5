"""The methods of collections, as mongosh and the drivers have them, and the commands that they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bson import ObjectId

from dbmcp_core.settings import nearest
from dbmcp_core.statement import RefusalCode
from dbmcp_mongo.command import FIELDS, Command, Document
from dbmcp_mongo.scanner import ReadError

__all__ = ["ALIASES", "METHODS", "Method", "build", "explained", "known", "limited", "named", "order", "plain_names"]
__all__ += ["with_id"]

Arguments = dict[str, Any]
#: Other names of arguments, as drivers and people write them.
ALIASES = {
    "project": "projection",
    "fields": "projection",
    "query": "filter",
    "q": "filter",
    "doc": "document",
    "docs": "documents",
    "u": "update",
    "field": "key",
    "stages": "pipeline",
    "document": "documents",
    "replacement": "update",
    "key": "keys",
    "name": "index",
    "indexName": "index",
    "ops": "operations",
    "requests": "operations",
}
#: Options that say how to wait for a write, or name what the source's settings decide; taken, without a meaning here.
_IGNORED = frozenset({"writeConcern", "w", "j", "noCursorTimeout", "readConcern", "readPreference"})

#: Options that belong to the whole command, not to one of its updates.
_SHARED = ("let", "bypassDocumentValidation", "comment")


#: What does for methods that are not here.
_INSTEAD = {
    **dict.fromkeys(("dataSize", "storageSize", "totalIndexSize", "totalSize", "isCapped"), "it is in stats()"),
    **dict.fromkeys(
        ("exists", "getFullName", "getName", "validate", "latencyStats"),
        "db.getCollectionInfos() and stats() tell of a collection",
    ),
    "getIndexKeys": "getIndexes() has the keys",
    "save": "write replaceOne({_id: …}, {…}, {upsert: true}), or insertOne({…})",
    "mapReduce": "it runs code; write aggregate([{$group: {…}}])",
    "group": "it runs code; write aggregate([{$group: {…}}])",
    "watch": "it waits for changes without end",
}

#: Directions of a sort, as drivers take them.
_WAYS = {"asc": 1, "ascending": 1, "1": 1, "desc": -1, "descending": -1, "-1": -1}


class Method(NamedTuple):
    """A method: the names of its arguments in order, the required ones counted, its options, what makes its command."""

    positional: tuple[str, ...]
    required: int
    options: frozenset[str]
    build: Callable[[str, Arguments], Command]


def build(name: str, collection: str, arguments: Sequence[Any]) -> Command:
    """Return the command of ``db.collection.name(*arguments)``."""
    method = _method(name)
    positional = method.positional
    most = len(positional) + (1 if method.options else 0)
    if not method.required <= len(arguments) <= most:
        raise ReadError(f"{name}() wants {_count(method.required, most)} arguments, not {len(arguments)}")
    found = dict(zip(positional, arguments, strict=False))
    if len(arguments) > len(positional):
        options = arguments[-1]
        if options is not None and not isinstance(options, dict):
            raise ReadError(f"The options of {name}() are an object")
        found |= _options(name, options or {}, found)
    return method.build(collection, found)


def named(name: str, collection: str, given: Mapping[str, Any]) -> Command:
    """Return the command of a method whose arguments are given by name."""
    method = _method(name)
    found = _options(name, {key: value for key, value in given.items() if key != "options"}, {})
    options = given.get("options")
    if options is not None and not isinstance(options, dict):
        raise ReadError(f"The options of {name} are an object")
    found |= _options(name, options or {}, found)
    missing = [one for one in method.positional[: method.required] if one not in found]
    if missing:
        raise ReadError(f"{name} wants {missing[0]!r}")
    return method.build(collection, found)


def known(name: str) -> frozenset[str]:
    """Return the names of all arguments and options of a method."""
    method = METHODS[name]
    return method.options.union(method.positional)


def plain_names(name: str, given: Iterable[str]) -> list[str | None]:
    """Return the names of the arguments of a method that *given* stands for, None for those that it doesn't have."""
    names, found = known(name) | {"options"} | _IGNORED, []
    for key in given:
        plain = key if key in names else ALIASES.get(key)
        found.append(plain if plain in names else None)
    return found


def _method(name: str) -> Method:
    method = METHODS.get(name)
    if method is None:
        instead = _INSTEAD.get(name)
        hint = f"; {instead}" if instead else nearest(name, METHODS)
        raise ReadError(f"There is no method {name!r} here{hint}", code=RefusalCode.NOT_A_READ)
    return method


def _options(name: str, options: Mapping[str, Any], found: Mapping[str, Any]) -> Arguments:
    names = known(name)
    taken: Arguments = {}
    for key, value in options.items():
        plain = key if key in names else ALIASES.get(key, key)
        if key in _IGNORED:
            continue
        if plain not in names:
            raise ReadError(f"{name} has no option {key!r}{nearest(key, names)}")
        if plain in found or plain in taken:
            raise ReadError(f"{plain!r} of {name} is given twice", code=RefusalCode.AMBIGUOUS)
        taken[plain] = value
    return taken


def _count(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"


def _object(value: Any, what: str, *, empty: bool = True) -> Document:
    if value is None and empty:
        return {}
    if not isinstance(value, dict):
        raise ReadError(f"{what} is an object, as in {{name: 'Ada'}}")
    return value


def _some(arguments: Arguments, *without: str) -> Document:
    return {key: value for key, value in arguments.items() if key not in without and value is not None}


def order(keys: Any, way: Any = 1) -> Document:
    """Return the order that ``sort()`` was asked for, in the shell's form or a driver's: ``[['a', 'desc']]``."""
    if isinstance(keys, str):
        keys = {keys: way}
    elif isinstance(keys, list):
        pairs = [(one, 1) if isinstance(one, str) else one for one in keys]
        if not all(isinstance(one, (list, tuple)) and len(one) == 2 and isinstance(one[0], str) for one in pairs):
            raise ReadError("sort() wants an object, as in {name: 1, age: -1}")
        keys = dict(pairs)
    keys = _object(keys, "The order of a sort", empty=False)
    return {key: _WAYS.get(one.lower(), one) if isinstance(one, str) else one for key, one in keys.items()}


def limited(command: Command, limit: Any) -> Command:
    """Return a find with a limit; a negative one is, as in drivers, its amount in a single batch."""
    if isinstance(limit, (int, float)) and not isinstance(limit, bool) and limit < 0:
        return command.with_fields(limit=type(limit)(-limit), singleBatch=True)
    return command.with_fields(limit=limit)


def _filter(value: Any) -> Document:
    """Return a filter; a bare ObjectId is that of the document."""
    return {"_id": value} if isinstance(value, ObjectId) else _object(value, "A filter")


def _is_options(projection: Any) -> bool:
    """Say whether a second argument of find looks like the options that drivers take there."""
    if not isinstance(projection, dict) or not projection or not projection.keys() <= FIELDS["find"]:
        return False
    return any(isinstance(one, dict) or (isinstance(one, int) and one > 1) for one in projection.values())


def _find(collection: str, arguments: Arguments) -> Command:
    if _is_options(arguments.get("projection")):
        raise ReadError(
            "The second argument could be a projection or options; write find({…}).project({…}).sort({…}).limit(5)",
            code=RefusalCode.AMBIGUOUS,
        )
    document = {"find": collection, "filter": _filter(arguments.get("filter"))} | _some(arguments, "filter", "limit")
    if "sort" in document:
        document["sort"] = order(document["sort"])
    command = Command("find", document, "cursor")
    return limited(command, arguments["limit"]) if arguments.get("limit") is not None else command


def _find_one(collection: str, arguments: Arguments) -> Command:
    return _find(collection, arguments).with_fields(limit=1, singleBatch=True)


def _aggregate(collection: str, arguments: Arguments) -> Command:
    pipeline = arguments.get("pipeline", [])
    pipeline = [pipeline] if isinstance(pipeline, dict) else pipeline
    if not isinstance(pipeline, list):
        raise ReadError("A pipeline is an array of stages")
    size = arguments.get("batchSize")
    document = {"aggregate": collection, "pipeline": pipeline, "cursor": {"batchSize": size} if size else {}}
    command = Command("aggregate", document | _some(arguments, "pipeline", "cursor", "batchSize", "explain"), "cursor")
    verbosity = arguments.get("explain")
    return explained(command, None if verbosity is True else verbosity) if verbosity else command


def explained(command: Command, verbosity: Any = None) -> Command:
    """Return the command that explains *command*."""
    if isinstance(verbosity, dict) and set(verbosity) <= {"verbosity"}:
        verbosity = verbosity.get("verbosity")
    if verbosity is None or isinstance(verbosity, bool):  # what the shell takes true and false for
        verbosity = "allPlansExecution" if verbosity else "queryPlanner"
    if verbosity not in ("queryPlanner", "executionStats", "allPlansExecution"):
        raise ReadError("explain() wants 'queryPlanner', 'executionStats' or 'allPlansExecution'")
    return Command("explain", {"explain": command.document, "verbosity": verbosity})


def _count_documents(collection: str, arguments: Arguments) -> Command:
    stages: list[Document] = [{"$match": _object(arguments.get("filter"), "A filter")}]
    stages += [{f"${name}": arguments[name]} for name in ("skip", "limit") if name in arguments]
    stages.append({"$group": {"_id": None, "n": {"$sum": 1}}})
    rest = _some(arguments, "filter", "skip", "limit")
    return Command("aggregate", {"aggregate": collection, "pipeline": stages, "cursor": {}} | rest, "count")


def _count_command(collection: str, arguments: Arguments) -> Command:
    query = _object(arguments.get("filter"), "A filter")
    document = {"count": collection, **({"query": query} if query else {})}
    return Command("count", document | _some(arguments, "filter"), "count")


def _distinct(collection: str, arguments: Arguments) -> Command:
    if not isinstance(arguments["key"], str):
        raise ReadError("distinct() wants the name of a field, a text")
    query = _object(arguments.get("filter"), "A filter")
    document = {"distinct": collection, "key": arguments["key"], "query": query}
    return Command("distinct", document | _some(arguments, "key", "filter"), "values")


def _insert_one(collection: str, arguments: Arguments) -> Command:
    if isinstance(arguments["document"], list):
        raise ReadError("insertOne() wants one document; insertMany() takes an array of them")
    document = _object(arguments["document"], "A document", empty=False)
    return _insert(collection, {**arguments, "documents": [document]})


def _insert_many(collection: str, arguments: Arguments) -> Command:
    if not isinstance(arguments["documents"], list):
        raise ReadError("insertMany() wants an array of documents; insertOne() takes one")
    return _insert(collection, arguments)


def _insert(collection: str, arguments: Arguments) -> Command:
    documents = arguments["documents"]
    many = documents if isinstance(documents, list) else [documents]
    if not many:
        raise ReadError("There is no document to insert")
    documents = [with_id(_object(one, "A document", empty=False)) for one in many]
    document = {"insert": collection, "documents": documents, "ordered": arguments.get("ordered", True)}
    return Command("insert", document | _some(arguments, "documents", "document", "ordered"))


def with_id(document: Document) -> Document:
    """Return *document* with an ``_id``, made up where it has none, as every driver does."""
    return document if "_id" in document else {"_id": ObjectId(), **document}


def _updating(*, multi: bool, replacing: bool = False) -> Callable[[str, Arguments], Command]:
    def make(collection: str, arguments: Arguments) -> Command:
        update = {
            "q": _object(arguments["filter"], "A filter", empty=False),
            "u": _change(arguments["update"], replacing=replacing),
            "multi": bool(arguments.get("multi", multi)),
            **_some(arguments, "filter", "update", "multi", *_SHARED),
        }
        rest: Document = {key: arguments[key] for key in _SHARED if key in arguments}
        return Command("update", {"update": collection, "updates": [update], **rest})

    return make


def _change(change: Any, *, replacing: bool | None) -> Any:
    """Return *change* if it is operators, or a whole document for a replacement; None is either."""
    if isinstance(change, list) and change and not replacing:
        return change
    operators = [key.startswith("$") for key in _object(change, "A change", empty=False)]
    if replacing is False and not (operators and all(operators)):
        raise ReadError("An update has operators, as in {$set: {…}}; replaceOne() takes a whole document")
    if replacing is True and any(operators):
        raise ReadError("A replacement is a whole document; updateOne() takes operators")
    return change


def _deleting(limit: int) -> Callable[[str, Arguments], Command]:
    def make(collection: str, arguments: Arguments) -> Command:
        just_one = arguments.get("justOne")
        just_one = just_one.get("justOne") if isinstance(just_one, dict) else just_one
        delete = {
            "q": _object(arguments["filter"], "A filter", empty=False),
            "limit": 1 if just_one else limit,
            **_some(arguments, "filter", "justOne", *_SHARED),
        }
        rest: Document = {key: arguments[key] for key in _SHARED if key in arguments}
        return Command("delete", {"delete": collection, "deletes": [delete], **rest})

    return make


#: Older words for ``returnDocument: 'after'``, and what they are then.
_AFTER = {"returnNewDocument": True, "new": True, "returnOriginal": False}


def _modifying(*, replacing: bool | None, removing: bool = False) -> Callable[[str, Arguments], Command]:
    def make(collection: str, arguments: Arguments) -> Command:
        after = arguments.get("returnDocument")
        after = after.lower() if isinstance(after, str) else after
        if after not in (None, "before", "after"):
            raise ReadError("returnDocument is 'before' or 'after'")
        document: Document = {"findAndModify": collection, "query": _object(arguments.get("filter"), "A filter")}
        if removing or arguments.get("remove"):
            document["remove"] = True
        elif "update" not in arguments:
            raise ReadError("findAndModify() wants an update, or remove: true")
        else:
            document["update"] = _change(arguments["update"], replacing=replacing)
            document["new"] = after == "after" or any(arguments.get(name) is wanted for name, wanted in _AFTER.items())
        if arguments.get("projection"):
            document["fields"] = arguments["projection"]
        used = ("filter", "update", "remove", "projection", "returnDocument", *_AFTER)
        return Command("findAndModify", document | _some(arguments, *used))

    return make


_BULK = {"insertOne", "updateOne", "updateMany", "replaceOne", "deleteOne", "deleteMany"}


def _bulk(collection: str, arguments: Arguments) -> Command:
    operations = arguments["operations"]
    if not isinstance(operations, list) or not operations:
        raise ReadError("bulkWrite() wants an array of operations, as in [{insertOne: {document: {…}}}]")
    commands = []
    for operation in operations:
        if not isinstance(operation, dict) or len(operation) != 1 or not _BULK & operation.keys():
            raise ReadError(f"An operation of bulkWrite() is an object with one of {', '.join(sorted(_BULK))}")
        ((name, given),) = operation.items()
        given = _object(given, name, empty=False)
        given = {"update" if key == "replacement" else key: value for key, value in given.items()}
        if name == "insertOne" and "document" not in given:  # as the drivers take it too
            given = {"document": given}
        command = named(name, collection, given)
        commands.append(command.with_fields(ordered=arguments.get("ordered", True)))
    first, *more = commands
    return Command(first.name, first.document, more=tuple(one.document for one in more))


def _create_indexes(collection: str, arguments: Arguments) -> Command:
    keys = arguments["keys"]
    options = _some(arguments, "keys", "comment")
    indexes = [
        {"key": (key := _object(one, "The key of an index", empty=False)), "name": _index_name(key), **options}
        for one in (keys if isinstance(keys, list) else [keys])
    ]
    return Command("createIndexes", {"createIndexes": collection, "indexes": indexes})


def _index_name(key: Document) -> str:
    return "_".join(f"{name}_{int(way) if isinstance(way, float) else way}" for name, way in key.items())


def _drop_index(collection: str, arguments: Arguments) -> Command:
    index = arguments.get("index", "*")
    if not isinstance(index, (str, dict, list)):
        raise ReadError("dropIndex() wants the name of an index, or its key")
    return Command("dropIndexes", {"dropIndexes": collection, "index": index})


def _stats(collection: str, arguments: Arguments) -> Command:
    scale = arguments.get("scale")
    scale = scale.get("scale") if isinstance(scale, dict) else scale
    return Command("collStats", {"collStats": collection, **({"scale": scale} if scale else {})})


def _plain(name: str, shape: str = "document") -> Callable[[str, Arguments], Command]:
    return lambda collection, arguments: Command(name, {name: collection, **_some(arguments)}, shape)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FIND = FIELDS["find"] - {"singleBatch", "filter"}
_COUNT = _words("limit skip hint collation maxTimeMS comment")
_UPDATE = _words("upsert arrayFilters collation hint let bypassDocumentValidation comment sort")
_DELETE = _words("collation hint let comment")
_MODIFY = _words("sort projection upsert arrayFilters collation hint let bypassDocumentValidation comment maxTimeMS")
_RETURN = _AFTER.keys() | {"returnDocument"}
_INDEX = _words(
    """name unique sparse expireAfterSeconds partialFilterExpression collation background hidden weights
    default_language language_override textIndexVersion 2dsphereIndexVersion bits min max wildcardProjection comment"""
)

METHODS: dict[str, Method] = {
    "find": Method(("filter", "projection"), 0, _FIND - {"projection"}, _find),
    "findOne": Method(("filter", "projection"), 0, _FIND - {"projection", "limit"}, _find_one),
    "aggregate": Method(("pipeline",), 0, FIELDS["aggregate"] - {"pipeline"} | {"batchSize", "explain"}, _aggregate),
    "countDocuments": Method(("filter",), 0, _COUNT, _count_documents),
    "count": Method(("filter",), 0, _COUNT, _count_command),
    "estimatedDocumentCount": Method((), 0, _words("maxTimeMS comment"), _count_command),
    "distinct": Method(("key", "filter"), 1, _words("collation maxTimeMS comment hint"), _distinct),
    "getIndexes": Method((), 0, frozenset(), _plain("listIndexes", "cursor")),
    "getIndices": Method((), 0, frozenset(), _plain("listIndexes", "cursor")),
    "getIndexSpecs": Method((), 0, frozenset(), _plain("listIndexes", "cursor")),
    "stats": Method(("scale",), 0, frozenset(), _stats),
    "insertOne": Method(("document",), 1, _words("bypassDocumentValidation comment"), _insert_one),
    "insertMany": Method(("documents",), 1, _words("ordered bypassDocumentValidation comment"), _insert_many),
    "insert": Method(("documents",), 1, _words("ordered bypassDocumentValidation comment"), _insert),
    "updateOne": Method(("filter", "update"), 2, _UPDATE, _updating(multi=False)),
    "updateMany": Method(("filter", "update"), 2, _UPDATE - {"sort"}, _updating(multi=True)),
    "replaceOne": Method(("filter", "update"), 2, _UPDATE - {"arrayFilters"}, _updating(multi=False, replacing=True)),
    "deleteOne": Method(("filter",), 1, _DELETE, _deleting(1)),
    "deleteMany": Method(("filter",), 1, _DELETE, _deleting(0)),
    "remove": Method(("filter", "justOne"), 1, frozenset(), _deleting(0)),
    "findOneAndUpdate": Method(("filter", "update"), 2, _MODIFY | _RETURN, _modifying(replacing=False)),
    "findOneAndReplace": Method(("filter", "update"), 2, _MODIFY | _RETURN, _modifying(replacing=True)),
    "findOneAndDelete": Method(("filter",), 1, _MODIFY - {"upsert"}, _modifying(replacing=None, removing=True)),
    "findAndModify": Method((), 0, _MODIFY | _words("filter update remove new"), _modifying(replacing=None)),
    "bulkWrite": Method(("operations",), 1, _words("ordered"), _bulk),
    "createIndex": Method(("keys",), 1, _INDEX, _create_indexes),
    "ensureIndex": Method(("keys",), 1, _INDEX, _create_indexes),
    "createIndexes": Method(("keys",), 1, _INDEX, _create_indexes),
    "dropIndex": Method(("index",), 1, frozenset(), _drop_index),
    "dropIndexes": Method(("index",), 0, frozenset(), _drop_index),
    "drop": Method((), 0, frozenset(), _plain("drop")),
}
METHODS["update"] = Method(("filter", "update"), 2, _UPDATE | {"multi"}, _updating(multi=False))

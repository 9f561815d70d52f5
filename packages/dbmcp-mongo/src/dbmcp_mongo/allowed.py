"""What may reach the server: stages, and operators of filters, expressions and updates. What isn't here isn't sent."""

from __future__ import annotations

from dbmcp_mongo.command import FIELDS

__all__ = [
    "COMPARISONS",
    "DEFINES",
    "KNOWN_COMMANDS",
    "OPERATORS",
    "READS",
    "REFUSED",
    "STAGES",
    "UPDATE_STAGES",
    "WRITES",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


READS = _words("find aggregate count distinct listIndexes listCollections collStats dbStats ping buildInfo explain")
WRITES = _words("insert update delete findAndModify")
DEFINES = _words("createIndexes dropIndexes create collMod drop")

#: Commands that are recognised to be refused by name.
KNOWN_COMMANDS = frozenset(FIELDS) | _words(
    """mapReduce mapreduce eval $eval group findandmodify dropDatabase renameCollection getMore killCursors killOp
    currentOp shutdown fsync compact validate reIndex createUser dropUser updateUser usersInfo grantRolesToUser
    createRole dropRole getParameter setParameter getCmdLineOpts getLog hostInfo serverStatus profile logRotate
    listDatabases connectionStatus convertToCapped cloneCollectionAsCapped copydb applyOps replSetStepDown
    replSetReconfig killSessions killAllSessions bulkWrite top hello isMaster saslStart authenticate
    moveChunk shardCollection enableSharding setFeatureCompatibilityVersion connPoolStats dbHash filemd5 data_size
    dataSize createSearchIndexes updateSearchIndex dropSearchIndex commitTransaction abortTransaction endSessions"""
)

#: Stages that read, without their dollar.
STAGES = _words(
    """addFields bucket bucketAuto collStats count densify documents facet fill geoNear graphLookup group indexStats
    limit listSearchIndexes lookup match project rankFusion redact replaceRoot replaceWith sample scoreFusion search
    searchMeta set setWindowFields skip sort sortByCount unionWith unset unwind vectorSearch"""
)
UPDATE_STAGES = _words("addFields set project unset replaceRoot replaceWith")

#: Why some words are refused, for those who ask for them.
REFUSED = {
    "$out": "writes a collection",
    "$merge": "writes a collection",
    "$where": "runs code",
    "$function": "runs code",
    "$accumulator": "runs code",
    "$changeStream": "waits for changes without end",
    "$changeStreamSplitLargeEvent": "waits for changes without end",
    "$currentOp": "shows other people's statements",
    "$listSessions": "shows other people's sessions",
    "$listLocalSessions": "shows other people's sessions",
    "$planCacheStats": "shows other people's statements",
    "$queryStats": "shows other people's statements",
    "$querySettings": "shows the server's settings",
    "$listSampledQueries": "shows other people's statements",
    "$shardedDataDistribution": "shows other databases",
    "$listClusterCatalog": "shows other databases",
}

_FILTERS = _words(
    """eq ne gt gte lt lte in nin and or nor not exists type expr jsonSchema mod regex options text search language
    caseSensitive diacriticSensitive geoIntersects geoWithin near nearSphere geometry maxDistance minDistance box
    center centerSphere polygon uniqueDocs all elemMatch size bitsAllClear bitsAllSet bitsAnyClear bitsAnySet comment
    rand sampleRate meta slice natural ref id db alwaysTrue alwaysFalse"""
)
#: Those that a field is compared with.
COMPARISONS = frozenset(
    f"${word}" for word in _words("eq ne gt gte lt lte in nin exists not type regex options all size elemMatch mod")
)
_EXPRESSIONS = _words(
    """abs acos acosh add addToSet allElementsTrue anyElementTrue arrayElemAt arrayToObject asin asinh atan
    atan2 atanh avg binarySize bitAnd bitNot bitOr bitXor bottom bottomN bsonSize ceil cmp concat concatArrays cond
    convert cos cosh covariancePop covarianceSamp createObjectId dateAdd dateDiff dateFromParts dateFromString
    dateSubtract dateToParts dateToString dateTrunc dayOfMonth dayOfWeek dayOfYear degreesToRadians denseRank derivative
    divide documentNumber exp expMovingAvg filter first firstN floor getField hour ifNull indexOfArray indexOfBytes
    indexOfCP integral isArray isNumber isoDayOfWeek isoWeek isoWeekYear last lastN let linearFill literal ln locf log
    log10 ltrim map max maxN median mergeObjects meta millisecond min minN minute minMaxScaler month multiply
    objectToArray percentile pow push radiansToDegrees range rank reduce regexFind regexFindAll regexMatch replaceAll
    replaceOne reverseArray round rtrim second setDifference setEquals setField setIntersection setIsSubset setUnion
    shift sigmoid similarityCosine similarityDotProduct similarityEuclidean sin sinh slice sortArray split sqrt
    stdDevPop stdDevSamp strLenBytes strLenCP strcasecmp substr substrBytes substrCP subtract sum switch tan tanh toBool
    toDate toDecimal toDouble toHashedIndexKey toInt toLong toLower toObjectId toString toUUID toUpper top topN trim
    trunc tsIncrement tsSecond unsetField week year zip score scoreDetails subtype toArray toObject"""
)
_UPDATES = _words(
    """currentDate inc min max mul rename set setOnInsert unset addToSet pop pull push pullAll each position slice sort
    bit"""
)
#: ``$**`` is the key of an index on every field.
OPERATORS = frozenset(f"${word}" for word in (_FILTERS | _EXPRESSIONS | _UPDATES | STAGES | {"**"}) - {"documents"})

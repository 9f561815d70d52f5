"""Malformed and hostile statements through the read road, with a recorder on the wire."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dbmcp_core.config import Source
from dbmcp_core.errors import DbmcpError, StatementRefused
from dbmcp_core.executor import Executor
from dbmcp_core.registry import Registry
from dbmcp_core.statement import Statement
from dbmcp_core.testing import Caller

pymongo = pytest.importorskip("pymongo")

from pymongo import monitoring  # noqa: E402

from dbmcp_mongo import Mongo, client  # noqa: E402
from dbmcp_mongo.allowed import READS  # noqa: E402
from dbmcp_mongo.judge import judge  # noqa: E402

#: What a driver says to a server on its own behalf.
GREETINGS = {"hello", "ping", "endSessions", "getMore", "killCursors"}
#: What may stand in a command beside its own fields, from the driver.
DRIVERS = {"$db", "lsid", "$clusterTime", "$readPreference"}

HOSTILE = [
    "db.u.find({\\u0024where: '1'})",
    "db.u.find({'\\u0024where': '1'})",
    "db.u.find({'\\x24where': '1'})",
    "db.u.find({'$\\u0077here': '1'})",
    'db.u.find({"\\u{24}where": \'1\'})',
    "db.u.find({$wh\\u0065re: '1'})",
    "db.u.find({$Where:'1'})",
    "db.u.find({'$where\\0': '1'})",
    "db.u.find({'$where ': '1'})",
    "db.u.find({[`$where`]: '1'})",
    "db.u.find({['$where']: '1'})",
    "db.u.find({`$where`: '1'})",
    "db.u.find({...{$where:'1'}})",
    "db.u.find('this.a == 1')",
    "db.u.find('1')",
    'db.u.find(function() { return true })',
    "db.u.find({$and:[{$or:[{$where:'1'}]}]})",
    "db.u.find({a:{$elemMatch:{$where:'1'}}})",
    "db.u.find({$expr:{$where:'1'}})",
    "db.u.countDocuments({$where:'1'})",
    "db.u.count({$where:'1'})",
    "db.u.distinct('a',{$where:'1'})",
    "db.u.findOne({$where:'1'})",
    "db.u.aggregate([{$match:{$where:'1'}}])",
    "db.u.aggregate([{$facet:{x:[{$match:{$where:'1'}}]}}])",
    "db.u.aggregate([{$lookup:{from:'o',pipeline:[{$match:{$where:'1'}}],as:'x'}}])",
    "db.u.aggregate([{$graphLookup:{from:'o',startWith:'$a',connectFromField:'a',connectToField:'b',as:'x',restrictSearchWithMatch:{$where:'1'}}}])",
    "db.u.aggregate([{$geoNear:{near:[0,0],distanceField:'d',query:{$where:'1'}}}])",
    "db.u.find({}, {a:{$function:{body:'x',args:[],lang:'js'}}})",
    "db.u.find({}, {a:{$elemMatch:{$where:'1'}}})",
    'db.u.find().sort({$where:1})',
    'db.u.find().project({x:{$function:{}}})',
    "db.u.find().min({$where:'1'})",
    "db.u.find().let({x:{$function:{body:'',args:[],lang:'js'}}})",
    'db.u.find().hint({$where:1})',
    'db.u.find().collation({$where:1})',
    'db.u.find().comment({$where:1})',
    "db.u.find({a:{$literal:{$where:'1'}}})",
    "db.u.aggregate([{$project:{a:{$literal:{$where:'1'}}}}])",
    "db.u.aggregate([{$match:{$expr:{$function:{body:'x',args:[],lang:'js'}}}}])",
    'db.u.aggregate([{$group:{_id:1,x:{$accumulator:{}}}}])',
    'db.u.aggregate([{$setWindowFields:{sortBy:{a:1},output:{x:{$function:{}}}}}])',
    "db.u.aggregate([{$bucket:{groupBy:'$a',boundaries:[0,1],output:{x:{$accumulator:{}}}}}])",
    "db.u.aggregate([{$out:'x'}])",
    "db.u.aggregate([{$out:{db:'admin',coll:'x'}}])",
    "db.u.aggregate([{$merge:{into:'x'}}])",
    "db.u.aggregate([{$unionWith:{coll:'o',pipeline:[{$out:'x'}]}}])",
    "db.u.aggregate([{$lookup:{from:'o',pipeline:[{$lookup:{from:'p',pipeline:[{$out:'x'}],as:'y'}}],as:'x'}}])",
    "db.u.aggregate([{$facet:{a:[{$merge:'x'}]}}])",
    "db.u.aggregate([{$match:{}},{'$\\u006fut':'x'}])",
    "db.u.aggregate({$out:'x'})",
    "db.u.aggregate({$match:{}},{$out:'x'})",
    "db.u.explain().aggregate([{$out:'x'}])",
    "db.u.aggregate([{$out:'x'}],{explain:true})",
    "db.u.aggregate([{$match:{},$out:'x'}])",
    "db.u.aggregate([[{$out:'x'}]])",
    "db.u.aggregate([{$facet:{a:{$out:'x'}}}])",
    "db.u.aggregate([{$rankFusion:{input:{pipelines:{a:[{$out:'x'}]}}}}])",
    "db.u.aggregate([{$scoreFusion:{input:{pipelines:{a:[{$match:{$where:'1'}}]}}}}])",
    'db.u.aggregate([{$fill:{output:{a:{value:{$function:{}}}}}}])',
    "db.u.mapReduce('a','b',{out:'x'})",
    'db.u.mapReduce(function(){emit(1,1)},function(){},{out:{inline:1}})',
    "db.runCommand({mapReduce:'u',map:'x',reduce:'y',out:{inline:1}})",
    "db.runCommand({mapreduce:'u'})",
    "db.runCommand({'map\\u0052educe':'u',map:'x',reduce:'y',out:'z'})",
    "db.eval('1')",
    "db.runCommand({eval:'1'})",
    "db.runCommand({$eval:'1'})",
    "db.runCommand({'$eval':'1'})",
    "db.runCommand({eval: Code('1')})",
    'db.u.group({})',
    "db.getSiblingDB('admin').u.find()",
    "db.getMongo().getDB('admin').u.find()",
    'db.getMongo()',
    "db.getSisterDB('admin').u.find()",
    "db.getDB('x').u.find()",
    "Mongo('h').getDB('x').u.find()",
    "new Mongo('h')",
    "connect('h')",
    "load('x.js')",
    "require('fs')",
    'process.exit()',
    'quit()',
    'exit',
    'sleep(1)',
    'while(1){}',
    'db.u.find().forEach(function(d){db.u.remove(d)})',
    'db.u.find().forEach(d=>db.u.deleteOne(d))',
    'db.u.find().map(x=>x)',
    'db.u.find().addOption(2)',
    'db.u.find().tailable()',
    'db.u.find().noCursorTimeout()',
    'db.u.find({}, {}, {tailable:true})',
    'db.u.find({}, {}, {awaitData:true})',
    'db.u.find().maxAwaitTimeMS(1)',
    'db.u.find().oplogReplay()',
    'db.u.watch()',
    'db.watch()',
    'db.u.aggregate([{$changeStream:{}}])',
    'db.u.aggregate([{$currentOp:{}}])',
    'db.aggregate([{$currentOp:{allUsers:true}}])',
    'db.aggregate([{$listLocalSessions:{}}])',
    'db.u.aggregate([{$planCacheStats:{}}])',
    'db.u.aggregate([{$queryStats:{}}])',
    'db.u.aggregate([{$listSessions:{}}])',
    'db.system.users.find()',
    "db['system.users'].find()",
    "db.getCollection('system.js').find()",
    "db.getCollection('admin.$cmd').find()",
    "db.$cmd.findOne({eval:'1'})",
    "db.getCollection('$cmd').findOne({shutdown:1})",
    "db['$cmd.sys.inprog'].find()",
    "db.u.aggregate([{$lookup:{from:'system.users',pipeline:[],as:'x'}}])",
    "db.u.aggregate([{$unionWith:'system.profile'}])",
    "db.u.aggregate([{$lookup:{from:{db:'admin',coll:'u'},pipeline:[],as:'x'}}])",
    "db.u.aggregate([{$graphLookup:{from:'system.users',startWith:1,connectFromField:'a',connectToField:'b',as:'c'}}])",
    "db.u.aggregate([{$facet:{a:[{$unionWith:{coll:'system.users'}}]}}])",
    "db.getCollection('u\\0').find()",
    "db.getCollection('').find()",
    'db.getCollection(1).find()',
    'db.getCollection({}).find()',
    "db.u.find({__proto__:{$where:'1'}})",
    "db.u.find({'__proto__':{a:1}})",
    "db.u.find({a:1,a:{$where:'1'}})",
    "db.u.find({a:1,'\\u0061':2})",
    'db.u.find({a:${b}})',
    'db.u.find({a:`${db.dropDatabase()}`})',
    "db.u.find({a:'x'+'y'})",
    'db.u.find({a:1}.b)',
    "db.u.find(x={$where:'1'})",
    'db.u.find({a:(1)})',
    'db.u.find(({}))',
    '(db.u.find())',
    'var x = db.u.find()',
    'let x=1;db.u.find()',
    'const c = db.u.find(); c',
    'db.u.find(),db.u.drop()',
    'db.u.find()\ndb.u.drop()',
    'db.u.find()\n\ndb.u.drop()',
    'if(true) db.u.drop()',
    '{db.u.drop()}',
    '!db.u.drop()',
    'db.u.find() || db.u.drop()',
    'db.u.find()/*;*/;db.u.drop()',
    '//x\u2028db.u.drop()',
    '//x\rdb.u.drop()',
    '/**/db.u.drop()',
    'db.u.find(//x\n);db.u.drop()',
    'db.u.explain().remove({})',
    'db.u.explain().update({}, {$set:{a:1}})',
    "db.u.explain('executionStats').deleteMany({})",
    'db.u.explain().findAndModify({remove:true,query:{}})',
    'db.u.explain().insertOne({})',
    'db.u.find().explain().remove({})',
    "db.runCommand({explain:{delete:'u',deletes:[{q:{},limit:0}]},verbosity:'executionStats'})",
    "db.runCommand({explain:{update:'u',updates:[{q:{},u:{$set:{a:1}}}]}})",
    "db.runCommand({explain:{findAndModify:'u',remove:true}})",
    "db.runCommand({explain:{explain:{find:'u'}}})",
    "db.runCommand({explain:{aggregate:'u',pipeline:[{$out:'x'}],cursor:{}}})",
    "db.runCommand({explain:{mapReduce:'u'}})",
    "db.runCommand({explain:{find:'u',$db:'admin'}})",
    "db.runCommand({explain:{find:'u',filter:{$where:'1'}}})",
    "db.runCommand({find:'u',$db:'admin'})",
    "db.runCommand({find:'u',lsid:{id:UUID()}})",
    "db.runCommand({find:'u',txnNumber:1})",
    "db.runCommand({find:'u',startTransaction:true})",
    "db.runCommand({find:'u',autocommit:false})",
    "db.runCommand({find:'u',readConcern:{level:'majority'}})",
    "db.runCommand({find:'u',writeConcern:{w:1}})",
    "db.runCommand({find:'u',$readPreference:{mode:'primary'}})",
    "db.runCommand({find:'u',$clusterTime:{}})",
    "db.runCommand({find:'u',tailable:true})",
    "db.runCommand({find:'u',awaitData:true})",
    "db.runCommand({find:'u',noCursorTimeout:true})",
    "db.runCommand({find:'u',bypassDocumentValidation:true})",
    "db.runCommand({aggregate:'u',pipeline:[],cursor:{},bypassDocumentValidation:true})",
    "db.runCommand({aggregate:'u',pipeline:[],cursor:{},fromMongos:true})",
    "db.runCommand({aggregate:'u',pipeline:[],cursor:{},collectionUUID:UUID()})",
    'db.runCommand({aggregate:1,pipeline:[{$currentOp:{}}],cursor:{}})',
    "db.runCommand({aggregate:1,pipeline:[{$documents:[{a:1}]},{$out:'x'}],cursor:{}})",
    "db.runCommand({aggregate:'$cmd.aggregate',pipeline:[],cursor:{}})",
    "db.runCommand({find:{$eq:'u'}})",
    "db.runCommand({find:UUID('00112233-4455-6677-8899-aabbccddeeff')})",
    "db.runCommand({count:'u',query:{$where:'1'}})",
    "db.runCommand({getMore:NumberLong(1),collection:'u'})",
    "db.runCommand({distinct:'u',key:'a',query:{$where:'1'}})",
    "db.runCommand({listCollections:1,filter:{$where:'1'}})",
    'db.runCommand({listCollections:1,filter:{$expr:{$function:{}}}})',
    "db.getCollectionInfos({$where:'1'})",
    "db.getCollectionNames({$where:'1'})",
    "db.runCommand({find:'u',let:{x:{$function:{body:'',args:[],lang:'js'}}}})",
    'db.u.aggregate([],{let:{x:{$function:{}}}})',
    'db.u.aggregate([],{bypassDocumentValidation:true})',
    "db.runCommand({listIndexes:'system.users'})",
    "db.runCommand({collStats:'system.users'})",
    "db.runCommand({dbStats:1,$db:'admin'})",
    'db.adminCommand({listDatabases:1})',
    'db.runCommand({listDatabases:1})',
    'db.runCommand({serverStatus:1})',
    "db.runCommand({getParameter:'*'})",
    "db.runCommand({find:'u',filter:{},find:'v'})",
    "db.runCommand({filter:{},delete:'u',find:'u',deletes:[]})",
    '{"find":"u","delete":"u","deletes":[{"q":{},"limit":0}]}',
    '{"delete":"u","find":"u","deletes":[{"q":{},"limit":0}]}',
    '{"collection":"u","operation":{"find":{"\\u0024where":"1"}}}',
    '{"collection":"u","\\u0024where":"1"}',
    '{"collection":"u","match":{"$where":"1"},"limit":1}',
    '{"collection":"u","$match":{},"$out":"x"}',
    '{"collection":"u","match":{},"out":"x"}',
    '{"collection":"u","match":{},"merge":{"into":"x"}}',
    '{"collection":"u","facet":{"a":[{"$out":"x"}]}}',
    '{"collection":"u","operation":"mapReduce"}',
    '{"collection":"u","operation":"eval"}',
    '{"collection":"u","operation":{"method":"drop"}}',
    '{"collection":"u","operation":{"args":[{}],"method":"deleteMany"}}',
    '{"collection":"u","operation":{"runCommand":{"shutdown":1}}}',
    '{"collection":"system.users","age":1}',
    '{"collection":"$cmd","filter":{"shutdown":1}}',
    'use admin\ndb.u.find()',
    'show dbs',
    'show users',
    'show profile',
    'help',
    'it',
    'db.u.drop()',
    "db.u.renameCollection('x')",
    'db.u.convertToCapped(1)',
    "db.u.copyTo('x')",
    'db.u.validate()',
    'db.u.reIndex()',
    'db.u.initializeOrderedBulkOp()',
    'db.u.save({})',
    'db.createUser({})',
    'db.shutdownServer()',
    'db.fsyncLock()',
    'db.killOp(1)',
    'db.setProfilingLevel(2)',
    "db.u.find().constructor.constructor('return process')()",
    'db.constructor',
    "db['__proto__'].find()",
    'db.__proto__.find()',
    'db.toString()',
    'db.u.find.call(db)',
    "db.u['find']({})",
    "db['getCollection']('u').find()",
    "db['dropDatabase']()",
    "db['u'+'v'].find()",
    'db[x].find()',
    'db?.u.find()',
    'db.u?.find()',
    'db.u.find({}).then(x=>x)',
    'db.u.insertOne({})',
    'db.u.createIndex({a:1})',
    "db.u.find({a:Code('1')})",
    "db.u.find({a:{$code:'1'}})",
    "db.u.find({a:{$code:'1',$scope:{}}})",
    "db.u.find({$where:Code('1')})",
    "db.u.find({$where:{$code:'1'}})",
    'db.u.find({$where:function(){return 1}})',
    "db.u.aggregate([{$lookup:{from:'o',let:{x:{$function:{}}},pipeline:[],as:'x'}}])",
    'db.u.find({a:/x\\u0024/e})',
    "db.u.find({$text:{$search:'x',$where:'1'}})",
    "db.u.find({$jsonSchema:{properties:{a:{$where:'1'}}}})",
]  # fmt: skip

LARGE = {
    "deep objects": "db.u.find(" + "{a:" * 5_000 + "1" + "}" * 5_000 + ")",
    "deep arrays": "db.u.find({a: " + "[" * 100_000 + "]" * 100_000 + "})",
    "deep operators": "db.u.find(" + "{$and:[" * 3_000 + "{}" + "]}" * 3_000 + ")",
    "deep facets": "db.u.aggregate([" + "{$facet:{a:[" * 2_000 + "]}}" * 2_000 + "])",
    "an open string": "db.u.find({a: '" + "x" * 1_000_000,
    "an open comment": "/*" + "*" * 1_000_000,
    "many comments": "/**/" * 250_000,
    "many names": "db" + ".a" * 500_000,
    "many methods": "db.u.find()" + ".sort({a: 1})" * 80_000,
    "many backslashes": "db.u.find({a: '" + "\\" * 1_000_001 + "'})",
    "an open regular expression": "db.u.find({a: /" + "(a+" * 300_000,
    "an open class": "db.u.find({a: /" + "[" * 1_000_000,
    "many digits": "db.u.find({a: " + "9" * 1_000_000 + "})",
    "many exponents": "db.u.find({a: 1e" + "9" * 1_000_000 + "x})",
    "many signs": "db.u.find({a: " + "-" * 1_000_000 + "1})",
    "many keys": "db.u.find({" + ",".join(f"k{n}: 1" for n in range(80_000)) + ", $where: '1'})",
    "many of one key": "db.u.find({" + "a: 1," * 200_000 + "})",
    "many brackets": "(" * 1_000_000,
    "many dollars": "db.u.find({" + "$" * 1_000_000 + ": 1})",
    "many spaces": "db.u.find(" + " " * 1_000_000 + "{$where: 1})",
    "a long date": "db.u.find({a: ISODate('" + "2" * 1_000_000 + "')})",
    "a long decimal": "db.u.find({a: NumberDecimal('" + "1" * 1_000_000 + "')})",
    "a long number in quotes": "db.u.find({a: NumberLong('" + "1" * 1_000_000 + "')})",
    "a long name of a method": "db.u." + "x" * 1_000_000 + "()",
    "a long name of an option": "db.u.find({}, {}, {" + "x" * 1_000_000 + ": 1})",
    "a long operator": "db.u.find({$" + "x" * 1_000_000 + ": 1})",
    "NUL": "db.u.find({a: 1})\0",
    "half a pair": "db.u.find({a: '\ud800'})",
}

MALFORMED = [
    ("db.u.aggregate([{$limit: 1}, {$match: {}, $limit: 5}])", 1, 43, "one key"),
    ("db.u.aggregate([\n  {$match: {a: '$where'}},\n  {$match: {$where: '1'}}\n])", 3, 13, "runs code"),
    ("db.u.find({'\\u0024where': '1'})", 1, 12, "runs code"),
    ("db.u.find({a: '$nope', $nope: 1})", 1, 24, "$nope"),
    ("db.runCommand({shutdown: 1})", 1, 16, "'shutdown'"),
    ('{"find": "u", "$db": "admin"}', 1, 15, "'$db'"),
    ('{"explain": {"delete": "u", "deletes": []}}', 1, 14, "explained"),
    ("db.u.explain().deleteMany({})", 1, 16, "explained"),
    ("db['system.users'].find()", 1, 5, "server's own"),
    ("db.aggregate([1])", None, None, "$documents"),
    ("db.u.find({}).forEach(printjson)", 1, 15, "every row is in the answer"),
    ("db.u.find().map(d => d.a)", 1, 13, "every row is in the answer"),
    ("printjson(db.u.findOne())", 1, 1, "shown by themselves"),
    ("const x = db.u.find()", 1, 1, "no variables"),
    ("use admin", 1, 1, "sources of their own"),
    ("show dbs", 1, 1, "sources of their own"),
    ("rs.status()", 1, 1, "sources of their own"),
    ("db.u.find().toArray().length", 1, 23, "countDocuments"),
    ("db.u.dataSize()", 1, 6, "stats()"),
    ("db.u.save({_id: 1})", 1, 6, "replaceOne"),
    ("db.u.find({a: {$gt: new Date(Date.now() - 864e5)}})", 1, 30, "$dateSubtract"),
    ("db.u.insertOne([{a: 1}])", 1, 6, "insertMany"),
    ("db.u.findAndModify({query: {a: 1}})", 1, 6, "wants an update"),
    ("db.u.findAndModify({a: 1}, {$set: {b: 1}})", 1, 6, "wants one object"),
    ("db.u.findAndModify('a')", 1, 6, "wants one object"),
    ("db.createCollection('x', 5)", 1, 4, "maybe options"),
    ("db.createCollection('x', {create: 'y'})", 1, 4, "maybe options"),
    ("db.getCollectionInfos({}, 'x')", 1, 4, "wants a filter"),
    ("5", 1, 1, "begins with 'db'"),
    ("db.u.insertMany({a: 1})", 1, 6, "insertOne"),
    ("db", 1, 3, "'.'"),
    ("db.", 1, 4, "name"),
    ("db.users", 1, 9, "'.'"),
    ("db.users.find", 1, 14, "'.'"),
    ("db.users.find(", 1, 15, "value"),
    ("db.users.find({", 1, 16, "key"),
    ("db.users.find({a", 1, 17, "':'"),
    ("db.users.find({a:", 1, 18, "value"),
    ("db.users.find({a: 1", 1, 20, "'}'"),
    ("db.users.find({a: 1}", 1, 21, "')'"),
    ("db.users.find({a: 1}))", 1, 22, "one statement"),
    ("db.users.find({a: 1}}", 1, 21, "')'"),
    ("db.users.find({a: 1 b: 2})", 1, 21, "','"),
    ("db.users.find({a: 1,, b: 2})", 1, 21, "key"),
    ("db.users.find({a = 1})", 1, 18, "':'"),
    ("db.users.find({a; 1})", 1, 17, "':'"),
    ("db.users.find({a: [1, 2})", 1, 24, "']'"),
    ("db.users.find({a: 'x\n'})", 1, 19, "no end"),
    ('db.users.find({"a: 1})', 1, 16, "no end"),
    ("db.users.find({\n  a: 1\n  b: 2\n})", 3, 3, "','"),
    ("db.users.find({\r\n  a: 1,\r\n  a: 2\r\n})", 3, 3, "twice"),
    ("db.users\n  .fnd({})", 2, 4, "'find'"),
    ("db.users.find({})\n.srot({a: 1})", 2, 2, "'sort'"),
    ("db.users.find({}).sort()", 1, 19, "one value"),
    ("db.users.find({}).sort({a: 1}, {b: 1})", 1, 19, "one value"),
    ("db.users.find({}, {}, {}, {})", 1, 10, "arguments"),
    ("db.users.find([])", 1, 10, "object"),
    ("db.users.find('x')", 1, 10, "object"),
    ("db.users.aggregate('x')", 1, 10, "array"),
    ("db.users.distinct()", 1, 10, "arguments"),
    ("db.users.distinct({})", 1, 10, "name of a field"),
    ("db.users.updateOne({a: 1})", 1, 10, "arguments"),
    ("db.users.insertMany([])", 1, 10, "no document"),
    ("db.users.insertOne('x')", 1, 10, "object"),
    ("db.users.bulkWrite([{insert: {}}])", 1, 10, "insertOne"),
    ("db.users.createIndex('a')", 1, 10, "object"),
    ("db.users.find({_id: ObjectId(5)})", 1, 21, "24"),
    ("db.users.find({_id: ObjectId('65a1b2c3d4e5f6a7b8c9d0eg')})", 1, 21, "24"),
    ("db.users.find({a: ISODate('yesterday')})", 1, 19, "2024-02-29"),
    ("db.users.find({a: ISODate('2024-02-30')})", 1, 19, "ISODate"),
    ("db.users.find({a: new Date('01/02/2024')})", 1, 19, "2024-02-29"),
    ("db.users.find({a: NumberLong('x')})", 1, 19, "whole number"),
    ("db.users.find({a: NumberInt(3000000000)})", 1, 19, "whole number"),
    ("db.users.find({a: NumberDecimal('x')})", 1, 19, "34 digits"),
    ("db.users.find({a: BinData(0, 'x')})", 1, 19, "base64"),
    ("db.users.find({a: UUID('x')})", 1, 19, "32"),
    ("db.users.find({a: Timestamp(1)})", 1, 19, "counter"),
    ("db.users.find({a: /x})", 1, 19, "regular expression"),
    ("db.users.find({a: 1.2.3})", 1, 22, "itself"),
    ("db.users.find({a: 12abc})", 1, 19, "number"),
    ("db.users.find({a: True})", 1, 19, "variable"),
    ("db.users.find({a: None})", 1, 19, "variable"),
    ("db.users.find({a: “x”})", 1, 19, "value"),
    ("db.users.find({a: {$gt 5}})", 1, 24, "':'"),
    ("db.users.find({a: {$gtt: 5}})", 1, 20, "'$gt'"),
    ("db.users.find({a: {gt: 5}}).sort(a: 1)", 1, 34, "variable"),
    ("db.users.find({a: 5}).limit(5).limit(6)", 1, 32, "twice"),
    ("db.users.aggregate([{$macth: {}}])", 1, 22, "'$match'"),
    ("db.users.aggregate([{$match: {}}, {$matchh: {}}])", 1, 36, "'$match'"),
    ("db.users.find().explain('everything')", 1, 17, "executionStats"),
    ("db.users.find({}, {projection: {name: 1}})", 1, 10, "projection or options"),
    ("db.users.find({}, {sort: {a: 1}, limit: 5})", 1, 10, "projection or options"),
    ("db.users.findOne({}, {limit: 5})", 1, 10, "projection or options"),
    ("users.find({})", 1, 1, "'db'"),
    ("DB.users.find({})", 1, 1, "'db'"),
    ("SELECT * FROM users", 1, 1, "'db'"),
    ("db.users.find({}) limit 5", 1, 19, "one statement"),
    ('{"find": "users", "filter": {"a": }}', 1, 35, "value"),
    ('{"collection": "users"', 1, 23, "'}'"),
    ('{"collection" "users"}', 1, 15, "':'"),
    ('{"collection": "users", "pipeline": {"$match": 1}, "age": 2}', 1, 1, "option 'age'"),
    ('{"fnid": "users", "filter": {}}', 1, 1, "Which collection"),
    ('"users"', 1, 1, "'db'"),
]


class Recorder(monitoring.CommandListener):
    """All commands that the driver sends."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.documents.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...

    def take(self) -> list[dict[str, Any]]:
        """Return what came since the last time, without greetings."""
        found, self.documents = self.documents, []
        return [one for one in found if next(iter(one)) not in GREETINGS]


@dataclass(frozen=True)
class Wire:
    caller: Caller
    recorder: Recorder
    database: Any

    def contents(self) -> dict[str, list[Any]]:
        return {name: list(self.database[name].find().sort("_id")) for name in self.database.list_collection_names()}


@pytest.fixture(scope="module")
def wire(mongo_uri: str) -> Iterator[Wire]:
    """A writable source, so that only the read road stands between a statement and the database."""
    engine, name, recorder = Mongo(), f"dbmcp_{secrets.token_hex(6)}", Recorder()
    settings = engine.settings.build({"uri": mongo_uri, "database": name, "read_only": False}, where="test")
    executor = Executor(Registry(), [Source("main", engine, settings, "test")])
    raw: Any = pymongo.MongoClient(mongo_uri)
    fixed = client._fixed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "_fixed", lambda one: {**fixed(one), "event_listeners": [recorder]})
        try:
            for collection in ("u", "o", "users", "x"):
                raw[name][collection].insert_many([{"_id": n, "a": "a" * n} for n in range(3)])
            Caller(executor).query("db.u.find()")
            yield Wire(Caller(executor), recorder, raw[name])
        finally:
            executor.close()
            raw.drop_database(name)
            raw.close()


def _named(texts: list[str]) -> list[Any]:
    return [pytest.param(text, id=str(number)) for number, text in enumerate(texts)]


@pytest.mark.parametrize("text", _named(HOSTILE))
def test_nothing_hostile_is_sent(wire: Wire, text: str) -> None:
    before = wire.contents()
    wire.recorder.take()
    with pytest.raises(StatementRefused) as caught:
        wire.caller.query(text)
    assert wire.recorder.take() == []
    assert wire.contents() == before
    assert caught.value.code


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_nothing_large_is_sent_and_it_is_refused_in_short(wire: Wire, text: str) -> None:
    wire.recorder.take()
    with pytest.raises(DbmcpError) as caught:
        wire.caller.query(text)
    assert wire.recorder.take() == []
    assert len(str(caught.value)) < 3_000


#: Where a parameter would be the name of somebody's field, and not a text; the word before it could be one of ours.
PATHS = [
    "db.u.aggregate([{$project: {x: ?}}])",
    "db.u.aggregate([{$project: {filter: ?}}])",
    "db.u.aggregate([{$project: {query: ?}}])",
    "db.u.aggregate([{$project: {q: ?}}])",
    "db.u.aggregate([{$project: {documents: ?}}])",
    "db.u.aggregate([{$project: {comment: ?, validator: ?}}])",
    "db.u.aggregate([{$addFields: {filter: {query: {$concat: [?, 'x']}}}}])",
    "db.u.aggregate([{$group: {_id: ?}}])",
    "db.u.aggregate([{$lookup: {from: 'o', let: {query: ?}, pipeline: [], as: 'x'}}])",
    "db.u.aggregate([{$documents: [{documents: ?}]}])",
    "db.u.find({}, {filter: ?})",
    "db.u.find({$expr: {$eq: [?, 'a']}})",
    "db.u.find({$expr: {$let: {vars: {filter: ?}, in: '$$filter'}}})",
    "db.u.find().let({query: ?})",
    "db.u.updateOne({}, [{$set: {filter: ?}}])",
    "db.u.updateOne({}, [{$set: {update: {u: ?}}}])",
    "db.u.findOneAndUpdate({}, [{$set: {update: ?}}])",
    "db.createView('v', 'u', [{$project: {validator: ?}}])",
]


@pytest.mark.parametrize("text", PATHS)
def test_a_parameter_is_nobodys_field(text: str) -> None:
    params = ["$password"] * text.count("?")
    verdict, command = judge(Statement(text, params))
    assert command is None
    assert "would be the name of a field" in str(verdict.reason)


@pytest.mark.parametrize(
    "text",
    [
        "db.u.find({a: ?})",
        "db.u.find({$or: [{a: {$in: [?]}}]})",
        "db.u.find({}, {a: {$elemMatch: {b: ?}}})",
        "db.u.find().comment(?)",
        "db.u.find().hint({a: 1}).min({a: ?})",
        "db.u.distinct('a', {b: ?})",
        "db.u.countDocuments({a: ?})",
        "db.u.aggregate([{$match: {a: ?}}])",
        "db.u.aggregate([{$geoNear: {near: [0, 0], distanceField: 'd', query: {a: ?}}}])",
        "db.u.aggregate([{$project: {a: {$literal: ?}}}])",
        "db.u.insertOne({a: ?})",
        "db.u.updateOne({a: ?}, {$set: {price: 1}})",
        "db.u.updateOne({a: 1}, {$set: {price: ?}})",
        "db.u.updateMany({}, {$push: {tags: {$each: [?]}}})",
        "db.u.updateOne({}, {$set: {'a.$[x].b': 1}}, {arrayFilters: [{'x.c': ?}]})",
        "db.u.replaceOne({}, {price: ?})",
        "db.u.findOneAndUpdate({a: 1}, {$set: {price: ?}})",
        "db.u.bulkWrite([{updateOne: {filter: {a: ?}, update: {$set: {price: 5}}}}])",
        "db.u.deleteMany({a: ?})",
    ],
)
def test_a_text_with_a_dollar_is_a_value_where_values_are(text: str) -> None:
    verdict, command = judge(Statement(text, ["$5.00"]))
    assert command is not None, verdict.reason


@pytest.mark.parametrize("stage", [
    "{$unionWith: {coll: 'x', db: 'admin'}}",
    "{$lookup: {from: 'x', db: 'admin', pipeline: [], as: 'y'}}",
    "{$facet: {a: [{$unionWith: {coll: 'x', db: 'admin', pipeline: []}}]}}",
    "{$graphLookup: {from: 'x', db: 'admin', startWith: '$a', connectFromField: 'a', connectToField: 'b', as: 'c'}}",
])  # fmt: skip
def test_a_stage_names_no_other_database(stage: str) -> None:
    verdict, command = judge(Statement(f"db.u.aggregate([{stage}])"))
    assert command is None
    assert "'db'" in str(verdict.reason)
    assert verdict.column == f"db.u.aggregate([{stage}])".index("db: ") + 1


@pytest.mark.parametrize(("text", "line", "column", "word"), MALFORMED)
def test_what_is_malformed_is_told_with_its_place(text: str, line: int, column: int, word: str) -> None:
    verdict, command = judge(Statement(text))
    assert command is None
    assert (verdict.line, verdict.column) == (line, column), verdict.reason
    assert word in str(verdict.reason)


@pytest.mark.parametrize(
    "text",
    [
        "db.u.find()",
        "db.u.find({a: 'a'}, {a: 1}).sort({a: 1}).limit(2).batchSize(1)",
        "db.u.find({a: /(a+)+$/})",
        "db.u.find({a: {$regex: '(a+)+$'}})",
        "db.u.find({' $where': '1'})",
        "db.u.find({a: '$where'})",
        "db.u.find({}, {}, {noCursorTimeout: true})",
        "db.u.find({constructor: {prototype: 1}})",
        "db.u.find({a: DBRef('x', 1, 'admin')})",
        "db.u.find().maxTimeMS(999999999)",
        "db.u.findOne()",
        "db.u.countDocuments({})",
        "db.u.estimatedDocumentCount()",
        "db.u.distinct('a')",
        "db.u.aggregate([{$lookup: {from: 'o', pipeline: [{$unionWith: 'x'}], as: 'y'}}], {maxTimeMS: 0})",
        "db.aggregate([{$documents: [{a: 1}]}])",
        "db.u.getIndexes()",
        "db.u.stats()",
        "db.stats()",
        "show collections",
        "db.getCollectionInfos()",
        "db.u.find({a: 1}).explain('executionStats')",
        '{"collection": "u", "operation": {"find": {"a": 1}}}',
        '{"collection": "u", "match": {}, "count": "n"}',
        "db.runCommand('ping')",
    ],
)
def test_a_read_sends_one_reading_command_with_a_time_limit(wire: Wire, text: str) -> None:
    before = wire.contents()
    wire.recorder.documents.clear()
    wire.caller.query(text)
    sent = [one for one in wire.recorder.documents if next(iter(one)) not in GREETINGS - {"ping"}]
    (command,) = sent
    name = next(iter(command))
    assert name in READS
    assert command["$db"] == wire.database.name
    assert 0 < command["maxTimeMS"] <= 32_000
    assert not command.keys() & {"writeConcern", "txnNumber", "startTransaction", "noCursorTimeout", "tailable"}
    assert {key for key in command if key.startswith("$")} <= DRIVERS
    assert wire.contents() == before


def test_a_plan_and_a_schema_have_a_time_limit_too(wire: Wire) -> None:
    wire.recorder.take()
    wire.caller.executor.explain("main", Statement("db.u.find()"))
    (plan,) = wire.recorder.take()
    assert plan["maxTimeMS"] == 32_000
    wire.caller.table("u")
    looks = [one for one in wire.recorder.take() if next(iter(one)) in ("find", "count", "aggregate")]
    assert looks
    assert {one["maxTimeMS"] for one in looks} == {32_000}

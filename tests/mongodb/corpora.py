"""What the gate must refuse, each with the effect it has when nobody refuses it; and as much that it must pass.

The hostile ones run against `people` (100 documents), `secret` (one document) and an administrator's connection. An
effect is looked for in the database or in the answer; what this engine does not execute is marked so and counted apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Doc = dict[str, Any]
PERSON = "quiet.person@example.org"
SEED: dict[str, list[Doc]] = {
    "people": [
        {"_id": n, "email": PERSON, "city": ["Leeds", "York"][n % 2], "age": n, "tags": ["a", "b"],
         "home": {"street": "Mill Lane", "geo": {"type": "Point", "coordinates": [n / 10, 50]}}}
        for n in range(100)
    ],
    "orders": [{"_id": n, "person_id": n % 100, "total": n * 1.5, "at": None} for n in range(200)],
    "secret": [{"_id": 1, "word": "abracadabra"}],
}  # fmt: skip
CHANGED, TOLD, WORKED = "changed", "told", "worked"
"""Effects: the database's contents differ; the answer tells of the server or of others; code or a foreign place ran."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """A command, its effect, and whether the engine at hand executes it at all."""

    name: str
    command: Doc
    effect: str = CHANGED
    executed: bool = True
    database: str = ""
    undo: tuple[Doc, ...] = field(default=())


def _agg(*stages: Doc, of: Any = "people") -> Doc:
    return {"aggregate": of, "pipeline": list(stages), "cursor": {}}


OUT, MERGE = {"$out": "stolen"}, {"$merge": {"into": "stolen"}}
SET = {"$set": {"age": -1}}
CODE: dict[str, Any] = {"$function": {"body": "function() { return 1 }", "args": [], "lang": "js"}}
ACCUMULATE: dict[str, Any] = {"$accumulator": {"init": "function() { return 0 }", "accumulate": "function(s) { return s }",
                                               "accumulateArgs": [], "merge": "function(a, b) { return a }", "lang": "js"}}  # fmt: skip

HOSTILE: list[Hostile] = [
    Hostile("insert", {"insert": "people", "documents": [{"_id": 1000}]}),
    Hostile("update", {"update": "people", "updates": [{"q": {}, "u": SET, "multi": True}]}),
    Hostile("update by pipeline", {"update": "people", "updates": [{"q": {}, "u": [SET], "multi": True}]}),
    Hostile("upsert", {"update": "people", "updates": [{"q": {"_id": 2000}, "u": SET, "upsert": True}]}),
    Hostile("delete", {"delete": "people", "deletes": [{"q": {}, "limit": 0}]}),
    Hostile("findAndModify", {"findAndModify": "people", "query": {"_id": 1}, "update": SET}),
    Hostile("findAndModify that removes", {"findAndModify": "people", "query": {"_id": 1}, "remove": True}),
    Hostile("drop", {"drop": "secret"}),
    Hostile("dropDatabase", {"dropDatabase": 1}),
    Hostile("create", {"create": "stolen"}),
    Hostile("create a view", {"create": "stolen", "viewOn": "secret", "pipeline": []}),
    Hostile("createIndexes", {"createIndexes": "people", "indexes": [{"key": {"age": 1}, "name": "x"}]}),
    Hostile("dropIndexes", {"dropIndexes": "people", "index": "city_1"}),
    Hostile("deleteIndexes", {"deleteIndexes": "people", "index": "city_1"}),
    Hostile("collMod", {"collMod": "people", "validator": {"age": {"$lt": 0}}}),
    Hostile("renameCollection", {"renameCollection": "{db}.secret", "to": "{db}.stolen"}, database="admin"),
    Hostile("createUser", {"createUser": "intruder", "pwd": "x-Secret-4711", "roles": [{"role": "readAnyDatabase", "db": "admin"}]},
            WORKED, database="admin", undo=({"dropUser": "intruder"},)),
    Hostile("$out", _agg(OUT)),
    Hostile("$out after stages", _agg({"$match": {}}, {"$project": {"email": 1}}, OUT)),
    Hostile("$out into another database", _agg({"$out": {"db": "{db}", "coll": "stolen"}})),
    Hostile("$merge", _agg(MERGE)),
    Hostile("$merge over the source", _agg({"$set": {"age": -1}}, {"$merge": {"into": "people", "whenMatched": "replace"}})),
    Hostile("$merge by its pipeline", _agg({"$merge": {"into": "people", "whenMatched": [SET]}}), executed=False),
    Hostile("$merge into another database", _agg({"$merge": {"into": {"db": "{db}", "coll": "stolen"}}})),
    Hostile("$out behind a view's name", _agg({"$match": {"_id": 2}}, {"$unionWith": "secret"}, OUT)),
    Hostile("$merge after $group", _agg({"$group": {"_id": "$city"}}, MERGE)),
    Hostile("$merge after $lookup", _agg({"$lookup": {"from": "secret", "pipeline": [], "as": "s"}}, MERGE)),
    Hostile("$merge after $facet", _agg({"$facet": {"a": [{"$limit": 1}]}}, MERGE)),
    Hostile("a command's name in capitals", {"INSERT": "people", "documents": [{"_id": 1001}]}, executed=False),
    Hostile("delete in capitals", {"DELETE": "people", "deletes": [{"q": {}, "limit": 0}]}, executed=False),
    Hostile("listDatabases", {"listDatabases": 1}, TOLD, database="admin"),
    Hostile("usersInfo", {"usersInfo": 1}, TOLD, database="admin"),
    Hostile("connectionStatus", {"connectionStatus": 1, "showPrivileges": True}, TOLD),
    Hostile("currentOp", {"currentOp": 1}, TOLD, database="admin"),
    Hostile("$currentOp", _agg({"$currentOp": {}}, of=1), TOLD, database="admin"),
    Hostile("$indexStats", _agg({"$indexStats": {}}), TOLD),
    Hostile("$collStats", _agg({"$collStats": {"storageStats": {}}}), TOLD),
    Hostile("collStats", {"collStats": "secret"}, TOLD),
    Hostile("dbStats", {"dbStats": 1}, TOLD),
    Hostile("listCollections", {"listCollections": 1}, TOLD),
    Hostile("listIndexes", {"listIndexes": "people"}, TOLD),
    Hostile("hello", {"hello": 1}, TOLD),
    Hostile("explain of a delete", {"explain": {"delete": "people", "deletes": [{"q": {}, "limit": 0}]}}, TOLD),
    Hostile("validate", {"validate": "people"}, TOLD),
    Hostile("killOp", {"killOp": 1, "op": "10000000001:1"}, WORKED, database="admin"),
    Hostile("killCursors", {"killCursors": "people", "cursors": [123]}, TOLD),
    Hostile("endSessions", {"endSessions": []}, WORKED),
    Hostile("a cursor kept open", {"find": "people", "batchSize": 1}, "cursor"),
    Hostile("no time limit of ours", {"find": "people", "maxTimeMS": 100_000, "limit": 1}, TOLD),
    Hostile("compact", {"compact": "people"}, WORKED),
    Hostile("system.indexes through the back door", {"count": "system.views"}, TOLD),
    Hostile("a view over secret then read", _agg({"$documents": [{"a": 1}]}, of=1), TOLD),
    Hostile("$where", {"find": "people", "filter": {"$where": "true"}}, WORKED, executed=False),
    Hostile("$where below $or", {"find": "people", "filter": {"$or": [{"$and": [{"$where": "true"}]}]}}, WORKED, executed=False),
    Hostile("$where as code", {"find": "people", "filter": {"$where": {"$code": "function() { return true }"}}}, WORKED, executed=False),
    Hostile("$function", {"find": "people", "filter": {"$expr": CODE}}, WORKED, executed=False),
    Hostile("$function in $project", _agg({"$project": {"x": {"$cond": [True, CODE, 1]}}}), WORKED, executed=False),
    Hostile("$function in a projection", {"find": "people", "projection": {"x": CODE}}, WORKED, executed=False),
    Hostile("$function in $lookup.let", _agg({"$lookup": {"from": "orders", "let": {"a": CODE}, "pipeline": [], "as": "x"}}), WORKED, executed=False),
    Hostile("$function in $switch", _agg({"$set": {"x": {"$switch": {"branches": [{"case": CODE, "then": 1}]}}}}), WORKED, executed=False),
    Hostile("$function in $map", _agg({"$set": {"x": {"$map": {"input": "$tags", "in": CODE}}}}), WORKED, executed=False),
    Hostile("$accumulator", _agg({"$group": {"_id": None, "x": ACCUMULATE}}), WORKED, executed=False),
    Hostile("$accumulator in $bucket", _agg({"$bucket": {"groupBy": "$age", "boundaries": [0, 200], "output": {"x": ACCUMULATE}}}), WORKED, executed=False),
    Hostile("$out in $facet", _agg({"$facet": {"a": [OUT]}}), executed=False),
    Hostile("$merge in $lookup.pipeline", _agg({"$lookup": {"from": "orders", "pipeline": [MERGE], "as": "x"}}), executed=False),
    Hostile("$out in $unionWith", _agg({"$unionWith": {"coll": "orders", "pipeline": [OUT]}}), executed=False),
    Hostile("$merge in $facet in $lookup", _agg({"$lookup": {"from": "orders", "pipeline": [{"$facet": {"a": [MERGE]}}], "as": "x"}}), executed=False),
    Hostile("$lookup from another database", _agg({"$lookup": {"from": {"db": "admin", "coll": "system.users"}, "pipeline": [], "as": "x"}}), TOLD, executed=False),
    Hostile("$unionWith another database", _agg({"$unionWith": {"db": "admin", "coll": "system.users"}}), TOLD, executed=False),
    Hostile("mapReduce", {"mapReduce": "people", "map": "function() {}", "reduce": "function() {}", "out": "stolen"}, executed=False),
    Hostile("eval", {"eval": "db.people.drop()"}, executed=False),
    Hostile("$eval", {"$eval": "db.people.drop()"}, executed=False),
    Hostile("bulkWrite", {"bulkWrite": 1, "ops": [{"delete": 0, "filter": {}, "multi": True}], "nsInfo": [{"ns": "people"}]}, executed=False),
    Hostile("$listSessions", _agg({"$listSessions": {}}, of=1), TOLD, executed=False, database="admin"),
    Hostile("$planCacheStats", _agg({"$planCacheStats": {}}), TOLD, executed=False),
    Hostile("$changeStream", _agg({"$changeStream": {}}), TOLD, executed=False),
    Hostile("a tailable cursor", {"find": "people", "tailable": True, "awaitData": True}, TOLD),
    Hostile("shutdown", {"shutdown": 1}, executed=False, database="admin"),
    Hostile("fsync with a lock", {"fsync": 1, "lock": True}, executed=False, database="admin"),
    Hostile("setParameter", {"setParameter": 1, "logLevel": 5}, executed=False, database="admin"),
    Hostile("getLog", {"getLog": "global"}, TOLD, executed=False, database="admin"),
    Hostile("getParameter", {"getParameter": "*"}, TOLD, executed=False, database="admin"),
    Hostile("profile", {"profile": 2}, WORKED, executed=False),
    Hostile("cloneCollectionAsCapped", {"cloneCollectionAsCapped": "people", "toCollection": "stolen", "size": 100_000}, executed=False),
    Hostile("copydb", {"copydb": 1, "fromdb": "{db}", "todb": "stolen"}, executed=False, database="admin"),
    Hostile("applyOps", {"applyOps": [{"op": "d", "ns": "people", "o": {}}]}, executed=False, database="admin"),
    Hostile("replSetStepDown", {"replSetStepDown": 60}, executed=False, database="admin"),
]  # fmt: skip


def _find(**given: Any) -> Doc:
    return {"find": "people", **given}


def _pipe(*stages: Doc) -> Doc:
    return {"aggregate": "people", "pipeline": list(stages)}


def _value(**expressions: Any) -> Doc:
    return _pipe({"$project": expressions})


BENIGN: list[Doc] = [
    _find(), _find(limit=3), _find(skip=2, limit=3, sort={"age": -1}), _find(projection={"city": 1, "_id": 0}),
    _find(filter={"age": {"$gt": 3, "$lte": 50}}), _find(filter={"city": {"$in": ["Leeds", "Bath"]}}),
    _find(filter={"city": {"$nin": ["Leeds"]}, "age": {"$ne": 4}}), _find(filter={"$or": [{"age": 1}, {"city": "York"}]}),
    _find(filter={"$nor": [{"age": 1}], "$and": [{"age": {"$gte": 0}}]}), _find(filter={"city": {"$regex": "^l", "$options": "i"}}),
    _find(filter={"tags": {"$all": ["a", "b"]}}), _find(filter={"tags": {"$size": 2}}),
    _find(filter={"tags": {"$elemMatch": {"$eq": "a"}}}), _find(filter={"home.street": {"$exists": True}}),
    _find(filter={"age": {"$type": "int"}}), _find(filter={"age": {"$mod": [7, 0]}}), _find(filter={"age": {"$not": {"$gt": 4}}}),
    _find(filter={"$expr": {"$gt": ["$age", 10]}}), _find(projection={"tags": {"$slice": 1}}),
    _find(filter={"at": {"$gt": {"$date": "2024-01-01T00:00:00Z"}}}), _find(filter={"_id": {"$oid": "65e000000000000000000001"}}),
    _find(filter={"age": {"$numberLong": "5"}}), _find(filter={"age": {"$bitsAllSet": 1}}), _find(hint="city_1", filter={"city": "York"}),
    _find(filter={"name": "people.where $where in a value"}), _find(filter={"home.geo": {"$geoWithin": {"$center": [[0, 50], 2]}}}),
    {"count": "people"}, {"count": "people", "query": {"city": "York"}}, {"count": "people", "skip": 1, "limit": 5},
    {"distinct": "people", "key": "city"}, {"distinct": "people", "key": "home.street", "query": {"age": {"$lt": 9}}},
    _find(comment="delete and $out are only words"), _find(limit=1, comment="function() {}"), _find(comment={"why": ["a look"]}, singleBatch=True, allowDiskUse=True),
    {**_pipe({"$sort": {"age": 1}}), "allowDiskUse": True, "comment": 5}, {"count": "people", "comment": "x"},
    {"distinct": "people", "key": "city", "comment": "x"},
    _pipe(), _pipe({"$match": {"age": {"$lt": 5}}}), _pipe({"$group": {"_id": "$city", "n": {"$sum": 1}, "oldest": {"$max": "$age"}}}),
    _pipe({"$group": {"_id": None, "all": {"$addToSet": "$city"}, "some": {"$push": "$age"}}}), _pipe({"$count": "n"}),
    _pipe({"$sortByCount": "$city"}), _pipe({"$sort": {"age": 1}}, {"$skip": 2}, {"$limit": 2}), _pipe({"$sample": {"size": 2}}),
    _pipe({"$unwind": "$tags"}), _pipe({"$unwind": {"path": "$tags", "preserveNullAndEmptyArrays": True}}), _pipe({"$unset": "email"}),
    _pipe({"$addFields": {"next": {"$add": ["$age", 1]}}}), _pipe({"$replaceRoot": {"newRoot": "$home"}}), _pipe({"$replaceWith": "$home"}),
    _pipe({"$bucket": {"groupBy": "$age", "boundaries": [0, 50, 100]}}), _pipe({"$facet": {"a": [{"$count": "n"}], "b": [{"$limit": 1}]}}),
    _pipe({"$lookup": {"from": "orders", "localField": "_id", "foreignField": "person_id", "as": "orders"}}),
    _pipe({"$lookup": {"from": "orders", "let": {"p": "$_id"}, "pipeline": [{"$match": {"$expr": {"$eq": ["$person_id", "$$p"]}}}], "as": "o"}}),
    _pipe({"$unionWith": "orders"}), _pipe({"$unionWith": {"coll": "orders", "pipeline": [{"$limit": 1}]}}),
    _pipe({"$graphLookup": {"from": "orders", "startWith": "$_id", "connectFromField": "_id", "connectToField": "person_id", "as": "g", "maxDepth": 1}}),
    _pipe({"$setWindowFields": {"partitionBy": "$city", "sortBy": {"age": 1}, "output": {"r": {"$rank": {}}}}}),
    _pipe({"$redact": {"$cond": [{"$gt": ["$age", 5]}, "$$KEEP", "$$PRUNE"]}}),
    _value(x={"$concat": ["$city", "-", "$home.street"]}), _value(x={"$toUpper": "$city"}), _value(x={"$ifNull": ["$nickname", "none"]}),
    _value(x={"$map": {"input": "$tags", "as": "t", "in": {"$toUpper": "$$t"}}}), _value(x={"$filter": {"input": "$tags", "cond": {"$eq": ["$$this", "a"]}}}),
    _value(x={"$reduce": {"input": "$tags", "initialValue": "", "in": {"$concat": ["$$value", "$$this"]}}}),
    _value(x={"$switch": {"branches": [{"case": {"$lt": ["$age", 9]}, "then": "young"}], "default": "old"}}),
    _value(x={"$literal": "$city"}), _value(x={"$convert": {"input": "$age", "to": "string", "onError": None}}), _value(x={"$objectToArray": "$home"}),
    _value(x={"$dateToString": {"date": "$$NOW", "format": "%Y"}}), _value(x={"$arrayElemAt": ["$tags", 0]}), _value(x={"$mergeObjects": ["$home", {"a": 1}]}),
]  # fmt: skip

UNCLEAR: dict[str, str] = {
    "no JSON": "db.people.find()", "a list": "[1]", "a number": "5", "nothing": "", "empty": "{}", "SQL": "SELECT 1",
    "a field twice": '{"find": "people", "find": "secret"}',
    "twice deep inside": '{"find": "people", "filter": {"a": 1, "a": {"$where": "1"}}}',
    "very deep": '{"find": "people", "filter": ' + '{"$and": [' * 200 + "{}" + "]}" * 200 + "}",
    "deeper than Python": '{"find": "people", "filter": ' + '{"a":' * 20_000 + "1" + "}" * 20_000 + "}",
    "too long": '{"find": "people", "filter": {"a": "' + "x" * 70_000 + '"}}',
    "a wrong type": '{"find": 1}', "a filter that is a list": '{"find": "people", "filter": []}',
    "an unknown field": '{"find": "people", "filtre": {}}', "a negative limit": '{"find": "people", "limit": -5}',
    "a stage that is a string": '{"aggregate": "people", "pipeline": ["$out"]}',
    "a pipeline that is a document": '{"aggregate": "people", "pipeline": {"$out": "x"}}',
    "code as a value": '{"find": "people", "filter": {"a": {"$code": "function() {}"}}}',
    "code with a scope": '{"find": "people", "filter": {"a": {"$code": "f", "$scope": {}}}}',
    "a reference abroad": '{"find": "people", "filter": {"a": {"$ref": "x", "$id": 1, "$db": "admin"}}}',
    "system.users": '{"find": "system.users"}', "system.js": '{"find": "system.js"}', "System.users": '{"find": "System.users"}',
    "system by $lookup": '{"aggregate": "people", "pipeline": [{"$lookup": {"from": "system.views", "as": "x", "pipeline": []}}]}',
    "system by $unionWith": '{"aggregate": "people", "pipeline": [{"$unionWith": "system.profile"}]}',
    "system by $graphLookup": '{"aggregate": "people", "pipeline": [{"$graphLookup": {"from": "system.users", "startWith": 1, "connectFromField": "a", "connectToField": "b", "as": "c"}}]}',
    "a cursor's namespace": '{"find": "$cmd"}', "a NUL": '{"find": "people\\u0000.x"}', "the command second": '{"filter": {}, "find": "people"}',
    "$literal hiding": '{"aggregate": "people", "pipeline": [{"$project": {"x": {"$literal": {"$function": {}}}}}]}',
    "$out spelt apart": '{"aggregate": "people", "pipeline": [{"$OUT": "x"}]}',
    "a join without a name": '{"aggregate": "people", "pipeline": [{"$lookup": {"pipeline": [], "as": "x"}}]}',
    "many stages": '{"aggregate": "people", "pipeline": [' + ",".join(['{"$match": {}}'] * 200) + "]}",
    "code in a comment": '{"find": "people", "comment": {"$where": "1"}}',
    "a writing stage in a comment": '{"find": "people", "comment": [{"$out": "x"}]}',
    "a comment first": '{"comment": "x", "find": "people"}',
    "a comment called find": '{"find": "people", "Comment": "x"}',
    "a command in singleBatch": '{"find": "people", "singleBatch": {"insert": "x"}}',
    "disk use that is a number": '{"aggregate": "people", "pipeline": [], "allowDiskUse": 1}',
    "one batch of a pipeline": '{"aggregate": "people", "pipeline": [], "singleBatch": true}',
    "disk use of a count": '{"count": "people", "allowDiskUse": true}',
    "hidden in a list": '{"find": "people", "filter": {"$or": [[[{"$where": "1"}]]]}}',
}  # fmt: skip

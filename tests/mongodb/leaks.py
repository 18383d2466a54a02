"""Attempts to get a classified value of a document past the mask, and plain questions that must not be masked."""

from __future__ import annotations

from typing import Any

Doc = dict[str, Any]
EMAIL = "ada.lovelace@example.org"
CARD = "4111111111111111"
_NAMES = ("Grace Hopper", "Alan Turing", "Edsger Dijkstra", "Barbara Liskov", "Donald Knuth", "Frances Allen", "John Backus",
          "Radia Perlman", "Tony Hoare", "Jean Sammet", "Ken Thompson", "Mary Keller", "Niklaus Wirth", "Karen Jones")  # fmt: skip
PEOPLE: list[Doc] = [
    {"_id": 1, "email": EMAIL, "full_name": "Ada Lovelace", "card_number": CARD, "country": "UK", "age": 36, "c4": EMAIL,
     "notes": f"call {EMAIL}", "contact": {"email": EMAIL, "city": "London"}, "mails": [EMAIL, "x@example.com"],
     "history": [{"mail": EMAIL, "year": 1842}], "size": {"w": 1, "h": 2}, "tags": ["a", "b"], "seldom": EMAIL},
    *(
        {"_id": n, "email": f"{name.lower().replace(' ', '.')}@example.com", "full_name": name,
         "card_number": "5500005555555559", "country": ("UK", "US", "NL")[n % 3], "age": 30 + n,
         "c4": f"{name.lower().replace(' ', '.')}@example.com", "notes": f"call {name.lower().replace(' ', '.')}@example.com",
         "contact": {"email": f"{name.split()[0].lower()}@example.com", "city": "Leeds"}, "mails": [f"m{n}@example.com"],
         "history": [{"mail": f"h{n}@example.com", "year": 1900 + n}], "size": {"w": n, "h": n}, "tags": ["a"]}
        for n, name in enumerate(_NAMES, 2)
    ),
]  # fmt: skip
ORDERS: list[Doc] = [
    {"_id": n, "person_id": n % 15 + 1, "total": n * 1.5, "status": ("new", "paid")[n % 2]} for n in range(60)
]


def _find(**given: Any) -> Doc:
    return {"find": "people", **given}


def _pipe(*stages: Doc, of: str = "people") -> Doc:
    return {"aggregate": of, "pipeline": list(stages)}


def _value(expression: Any) -> Doc:
    return _pipe({"$project": {"_id": 0, "country": expression}})


def _join(**given: Any) -> Doc:
    return {"$lookup": {"from": "people", "as": "total", **given}}


_BY_ID = {"localField": "person_id", "foreignField": "_id"}
LEAKS: list[Doc] = [
    _find(), _find(projection={"email": 1}), _find(projection={"country": "$email"}), _find(projection={"age": 0}),
    _find(projection={"contact": 1}), _find(projection={"contact.email": 1}), _find(projection={"mails": {"$slice": 1}}),
    _find(projection={"history": {"$elemMatch": {"year": 1842}}}), _find(projection={"history.mail": 1}), _find(projection={"c4": 1}),
    _find(projection={"notes": 1}), _find(projection={"seldom": 1}), _find(filter={"email": {"$regex": "^ada"}}, projection={"full_name": 1}),
    _find(projection={"x": {"$toUpper": "$email"}}), _find(projection={"contact": {"city": "$contact.email"}}),
    {"find": "view"}, {"find": "view", "projection": {"reach": 1}}, {"aggregate": "view", "pipeline": [{"$project": {"x": "$reach"}}]},
    {"distinct": "people", "key": "email"}, {"distinct": "people", "key": "contact.email"}, {"distinct": "people", "key": "mails"},
    {"distinct": "people", "key": "history.mail"}, {"distinct": "view", "key": "reach"}, {"distinct": "people", "key": "contact"},
    _value("$email"), _value({"$concat": ["", "$email"]}), _value({"$substrCP": ["$email", 0, 12]}), _value({"$toLower": "$full_name"}),
    _value({"$split": ["$email", "@"]}), _value({"$ifNull": ["$email", "x"]}), _value({"$cond": [True, "$email", "$country"]}),
    _value({"$cond": {"if": True, "then": "$card_number", "else": 1}}), _value({"$switch": {"branches": [{"case": True, "then": "$email"}]}}),
    _value({"$objectToArray": "$contact"}), _value({"$objectToArray": "$$ROOT"}), _value("$$ROOT"), _value("$$CURRENT.email"), _value("$$ROOT.email"),
    _value({"$mergeObjects": ["$size", "$contact"]}), _value({"$mergeObjects": [{"a": 1}, {"city": "$email"}]}), _value([["$email"]]), _value({"age": "$email"}),
    _value({"$map": {"input": "$mails", "in": "$$this"}}), _value({"$map": {"input": ["$email"], "as": "country", "in": "$$country"}}),
    _value({"$map": {"input": [1], "in": "$email"}}), _value({"$filter": {"input": "$mails", "cond": True}}),
    _value({"$reduce": {"input": "$mails", "initialValue": "", "in": {"$concat": ["$$value", "$$this"]}}}),
    _value({"$reduce": {"input": [1], "initialValue": "$email", "in": "$$value"}}),
    _value({"$let": {"vars": {"country": "$email"}, "in": "$$country"}}), _value({"$let": {"vars": {"c": "$contact"}, "in": "$$c.email"}}),
    _value({"$arrayElemAt": ["$mails", 0]}), _value({"$first": "$mails"}), _value({"$slice": ["$mails", 1]}), _value({"$concatArrays": [["a"], "$mails"]}),
    _value({"$replaceAll": {"input": "$email", "find": "@", "replacement": "@"}}), _value({"$trim": {"input": "$email"}}),
    _value({"$regexFind": {"input": "$email", "regex": ".*"}}), _value({"$toString": "$card_number"}), _value({"$getField": "email"}),
    _value({"$getField": {"field": "email", "input": "$contact"}}), _value({"$getField": {"field": "email", "input": "$$ROOT"}}),
    _value({"$reduce": {"input": {"$objectToArray": "$contact"}, "initialValue": "", "in": {"$concat": ["$$value", "$$this.k", "$$this.v"]}}}),
    _value({"$arrayToObject": [[{"k": "x", "v": "$email"}]]}), _value({"$arrayToObject": [[{"k": "$full_name", "v": 1}]]}),
    _pipe({"$replaceRoot": {"newRoot": {"$arrayToObject": [[{"k": "$full_name", "v": 1}]]}}}),
    _pipe({"$replaceWith": {"$arrayToObject": [[{"k": "$full_name", "v": "$country"}]]}}),
    _pipe({"$replaceRoot": {"newRoot": "$contact"}}), _pipe({"$replaceRoot": {"newRoot": {"country": "$email"}}}),
    _pipe({"$replaceWith": {"$mergeObjects": ["$contact", {"a": 1}]}}), _pipe({"$replaceRoot": {"newRoot": "$$ROOT"}}),
    _pipe({"$group": {"_id": "$email"}}), _pipe({"$group": {"_id": None, "total": {"$max": "$email"}}}), _pipe({"$group": {"_id": {"country": "$email"}}}),
    _pipe({"$group": {"_id": "$country", "age": {"$push": "$$ROOT"}}}), _pipe({"$group": {"_id": "$country", "age": {"$addToSet": "$email"}}}),
    _pipe({"$group": {"_id": "$country", "age": {"$first": "$contact"}}}), _pipe({"$sortByCount": "$email"}), _pipe({"$sortByCount": {"$toLower": "$email"}}),
    _pipe({"$bucket": {"groupBy": "$age", "boundaries": [0, 99], "output": {"age": {"$push": "$email"}}}}),
    _pipe({"$bucketAuto": {"groupBy": "$email", "buckets": 2}}), _pipe({"$unwind": "$mails"}, {"$project": {"mails": 1}}), _pipe({"$unwind": "$history"}),
    _pipe({"$set": {"country": "$email"}}, {"$project": {"country": 1}}), _pipe({"$addFields": {"size.w": "$email"}}, {"$project": {"size": 1}}),
    _pipe({"$addFields": {"size": {"w": "$email"}}}, {"$project": {"x": "$size.w"}}), _pipe({"$set": {"age": "$email"}}, {"$group": {"_id": "$age"}}),
    _pipe({"$unset": ["email"]}), _pipe({"$unset": "country"}, {"$project": {"x": "$email"}}), _pipe({"$facet": {"country": [{"$project": {"email": 1}}]}}),
    _pipe({"$facet": {"a": [{"$limit": 1}]}}, {"$unwind": "$a"}, {"$replaceRoot": {"newRoot": "$a"}}), _pipe({"$facet": {"a": [{"$sortByCount": "$email"}]}}),
    _pipe(_join(**_BY_ID), of="orders"), _pipe(_join(**_BY_ID), {"$project": {"status": "$total.email"}}, of="orders"),
    _pipe(_join(**_BY_ID), {"$unwind": "$total"}, {"$replaceRoot": {"newRoot": "$total"}}, of="orders"),
    _pipe(_join(pipeline=[{"$project": {"x": "$email"}}]), {"$limit": 1}, of="orders"),
    _pipe({"$lookup": {"from": "orders", "let": {"e": "$email"}, "pipeline": [{"$project": {"status": "$$e"}}, {"$limit": 1}], "as": "tags"}}, {"$project": {"tags": 1}}),
    _pipe({"$unionWith": "people"}, {"$project": {"status": "$email"}}, of="orders"), _pipe({"$unionWith": {"coll": "people", "pipeline": [{"$project": {"status": "$email"}}]}}, of="orders"),
    _pipe({"$graphLookup": {"from": "people", "startWith": "$person_id", "connectFromField": "_id", "connectToField": "_id", "as": "total"}}, of="orders"),
    _pipe({"$setWindowFields": {"sortBy": {"_id": 1}, "output": {"age": {"$first": "$email", "window": {"documents": ["unbounded", "current"]}}}}}, {"$project": {"age": 1}}),
    _pipe({"$setWindowFields": {"sortBy": {"_id": 1}, "output": {"age": {"$shift": {"output": "$email", "by": 0}}}}}, {"$project": {"age": 1}}),
    _pipe({"$redact": "$$KEEP"}, {"$project": {"email": 1}}), _pipe({"$fill": {"sortBy": {"_id": 1}, "output": {"seldom": {"method": "locf"}}}}, {"$project": {"seldom": 1}}),
    _pipe({"$project": {"contact": 1}}, {"$project": {"x": "$contact.email"}}), _pipe({"$project": {"a": {"b": "$email"}}}, {"$project": {"c": "$a.b"}}),
    _pipe({"$project": {"x": {"$toInt": "$full_name"}}}), _pipe({"$project": {"x": {"$toDate": "$email"}}}), _pipe({"$project": {"x": {"$toObjectId": "$email"}}}),
    {"find": "people", "filter": {"$expr": {"$eq": [{"$toInt": "$email"}, 1]}}}, {"find": "late"}, {"aggregate": "late", "pipeline": [{"$project": {"x": "$new.email"}}]},
    {"find": "late", "projection": {"home": 1}}, {"aggregate": "late", "pipeline": [{"$project": {"a": {"$objectToArray": "$home"}}}]},
]  # fmt: skip
"""`late` is written to after its fields were looked at."""

BENIGN: list[tuple[Doc, tuple[str, ...]]] = [
    (_find(projection={"country": 1, "age": 1}), ("_id", "age", "country")), (_find(projection={"size": 1, "_id": 0}), ("size",)),
    (_find(projection={"contact.city": 1, "_id": 0}), ("contact",)), (_find(projection={"tags": 1}), ("_id", "tags")),
    ({"find": "orders"}, ("_id", "person_id", "status", "total")), (_find(filter={"email": EMAIL}, projection={"age": 1}), ("_id", "age")),
    ({"count": "people"}, ("count",)), ({"count": "people", "query": {"email": EMAIL}}, ("count",)), ({"distinct": "people", "key": "country"}, ("country",)),
    ({"distinct": "people", "key": "contact.city"}, ("contact.city",)), ({"distinct": "people", "key": "history.year"}, ("history.year",)),
    (_pipe({"$group": {"_id": "$country", "n": {"$sum": 1}}}), ("_id", "n")), (_pipe({"$group": {"_id": {"c": "$country"}, "a": {"$avg": "$age"}}}), ("_id", "a")),
    (_pipe({"$group": {"_id": None, "all": {"$addToSet": "$country"}}}), ("_id", "all")), (_pipe({"$count": "people"}), ("people",)),
    (_pipe({"$sortByCount": "$country"}), ("_id", "count")), (_pipe({"$project": {"x": {"$toUpper": "$country"}}}), ("_id", "x")),
    (_pipe({"$project": {"x": {"$concat": ["$country", "-", "$contact.city"]}}}), ("_id", "x")), (_pipe({"$project": {"n": {"$size": "$tags"}}}), ("_id", "n")),
    (_pipe({"$project": {"p": {"a": "$age", "s": "$size"}}}), ("_id", "p")), (_pipe({"$unwind": "$tags"}, {"$project": {"tags": 1}}), ("_id", "tags")),
    (_pipe({"$set": {"next": {"$add": ["$age", 1]}}}, {"$project": {"next": 1}}), ("_id", "next")), (_pipe({"$unwind": "$history"}, {"$project": {"y": "$history.year"}}), ("_id", "y")),
    (_pipe({"$replaceRoot": {"newRoot": "$size"}}), ("h", "w")), (_pipe({"$replaceRoot": {"newRoot": {"a": "$age"}}}), ("a",)),
    (_pipe({"$facet": {"n": [{"$count": "x"}], "c": [{"$group": {"_id": "$country", "k": {"$sum": 1}}}]}}), ("c", "n")),
    (_pipe({"$lookup": {"from": "orders", "localField": "_id", "foreignField": "person_id", "as": "orders"}}, {"$project": {"orders": 1}}), ("_id", "orders")),
    (_pipe({"$lookup": {"from": "orders", "localField": "_id", "foreignField": "person_id", "as": "o"}}, {"$project": {"n": {"$size": "$o"}}}), ("_id", "n")),
    (_pipe({"$unionWith": "orders"}, of="orders"), ("_id", "person_id", "status", "total")), (_pipe({"$bucket": {"groupBy": "$age", "boundaries": [0, 99]}}), ("_id", "count")),
    (_pipe({"$setWindowFields": {"sortBy": {"age": 1}, "output": {"r": {"$rank": {}}}}}, {"$project": {"r": 1}}), ("_id", "r")),
    (_pipe({"$project": {"x": {"$map": {"input": "$tags", "in": {"$toUpper": "$$this"}}}}}), ("_id", "x")), ({"find": "view", "projection": {"country": 1}}, ("_id", "country")),
]  # fmt: skip

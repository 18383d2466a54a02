"""Hostile MongoDB commands, and reads that must pass, by someone who has not seen the gate."""

# A probe is a command whose answer comes to differ; it is asked of the database at hand.
# {database} and {other} are the database at hand and another; {lsid} is another client's session.

RESULT = "the command's own answer is the effect"
SLOW = "runs beyond the time limit"
CURSOR = "a cursor is left open on the server"

_ROWS = '{"aggregate": "t", "pipeline": [{"$group": {"_id": null, "n": {"$sum": 1}, "a": {"$sum": "$amount"}}}], "cursor": {}}'
_COPY = '{"count": "outsider_copy"}'
_OTHER = '{"aggregate": "t", "pipeline": [{"$unionWith": {"coll": "outsider_copy"}}, {"$count": "n"}], "cursor": {}}'
_COLLECTIONS = '{"listCollections": 1, "nameOnly": true}'
_INDEXES = '{"listIndexes": "t"}'
_USERS = '{"usersInfo": 1, "$db": "admin"}'
_DATABASES = '{"listDatabases": 1, "nameOnly": true}'
_OPTIONS = '{"listCollections": 1, "filter": {"name": "t"}}'
_PARAMETER = '{"getParameter": 1, "notablescan": 1}'
_PROFILE = '{"profile": -1}'

DOCUMENTS: tuple[str, ...] = (
    '{"insert": "t", "documents": [{"_id": 1, "name": "ada", "amount": 10, "tags": ["a", "b"]}, '
    '{"_id": 2, "name": "bob", "amount": 20, "tags": ["b"]}, {"_id": 3, "name": "cyd", "amount": 30, "tags": []}, '
    '{"_id": 4, "name": "dan", "amount": 40, "at": {"$date": "2024-01-02T03:04:05Z"}}, '
    '{"_id": 5, "name": "eve", "amount": 50, "place": {"type": "Point", "coordinates": [1, 2]}}]}',
    '{"insert": "u", "documents": [{"_id": 1, "t_id": 1, "note": "first"}, {"_id": 2, "t_id": 3, "note": "second"}]}',
    '{"createIndexes": "t", "indexes": [{"key": {"name": 1}, "name": "name_1"}, '
    '{"key": {"place": "2dsphere"}, "name": "place_2dsphere"}]}',
)

HOSTILE: tuple[tuple[str, str, str], ...] = (
    # Writes
    ("insert", '{"insert": "t", "documents": [{"_id": 11}]}', _ROWS),
    ("insert_unordered", '{"insert": "t", "ordered": false, "documents": [{"_id": 1}, {"_id": 12}]}', _ROWS),
    ("update", '{"update": "t", "updates": [{"q": {}, "u": {"$set": {"amount": 0}}, "multi": true}]}', _ROWS),
    ("update_pipeline", '{"update": "t", "updates": [{"q": {"_id": 1}, "u": [{"$set": {"amount": 0}}]}]}', _ROWS),
    (
        "update_upsert",
        '{"update": "t", "updates": [{"q": {"_id": 99}, "u": {"$inc": {"amount": 1}}, "upsert": true}]}',
        _ROWS,
    ),
    ("delete", '{"delete": "t", "deletes": [{"q": {}, "limit": 0}]}', _ROWS),
    ("find_and_modify", '{"findAndModify": "t", "query": {"_id": 1}, "remove": true}', _ROWS),
    ("find_and_modify_lower", '{"findandmodify": "t", "query": {"_id": 1}, "update": {"$set": {"amount": 0}}}', _ROWS),
    (
        "bulk_write",
        '{"bulkWrite": 1, "ops": [{"delete": 0, "filter": {}, "multi": true}], "nsInfo": [{"ns": '
        '"{database}.t"}], "$db": "admin"}',
        _ROWS,
    ),
    ("apply_ops", '{"applyOps": [{"op": "d", "ns": "{database}.t", "o": {"_id": 1}}]}', _ROWS),
    ("delete_named_find", '{"delete": "t", "find": "t", "deletes": [{"q": {}, "limit": 0}]}', _ROWS),
    ("find_second", '{"deletes": [{"q": {}, "limit": 0}], "find": "t", "delete": "t"}', _ROWS),
    ("comment_first", '{"comment": "find", "delete": "t", "deletes": [{"q": {}, "limit": 0}]}', _ROWS),
    ("capitalised", '{"Delete": "t", "deletes": [{"q": {}, "limit": 0}]}', _ROWS),
    ("capitals", '{"DELETE": "t", "deletes": [{"q": {}, "limit": 0}]}', _ROWS),
    ("space_in_name", '{" delete": "t", "deletes": [{"q": {}, "limit": 0}]}', _ROWS),
    ("null_in_name", '{"find\\u0000delete": "t"}', _ROWS),
    ("duplicate_keys", '{"find": "t", "find": "t", "delete": "t", "deletes": [{"q": {}, "limit": 0}]}', _ROWS),
    ("escaped_name", '{"\\u0064elete": "t", "deletes": [{"q": {}, "limit": 0}]}', _ROWS),
    (
        "extended_value",
        '{"delete": "t", "deletes": [{"q": {"_id": {"$numberInt": "1"}}, "limit": {"$numberInt": "1"}}]}',
        _ROWS,
    ),
    ("byte_order_mark", '\ufeff{"delete": "t", "deletes": [{"q": {}, "limit": 0}]}', _ROWS),
    ("two_documents", '{"find": "t"}{"delete": "t", "deletes": [{"q": {}, "limit": 0}]}', _ROWS),
    ("list_of_pairs", '[["delete", "t"], ["deletes", [{"q": {}, "limit": 0}]]]', _ROWS),
    ("query_wrapper", '{"$query": {"delete": "t", "deletes": [{"q": {}, "limit": 0}]}}', _ROWS),
    (
        "query_wrapper_plain",
        '{"query": {"delete": "t", "deletes": [{"q": {}, "limit": 0}]}, "$readPreference": {}}',
        _ROWS,
    ),
    # $out and $merge
    ("out", '{"aggregate": "t", "pipeline": [{"$out": "outsider_copy"}], "cursor": {}}', _COPY),
    (
        "out_database",
        '{"aggregate": "t", "pipeline": [{"$out": {"db": "{database}", "coll": "outsider_copy"}}], "cursor": {}}',
        _COPY,
    ),
    ("out_after_match", '{"aggregate": "t", "pipeline": [{"$match": {"_id": 1}}, {"$out": "t"}], "cursor": {}}', _ROWS),
    ("out_escaped", '{"aggregate": "t", "pipeline": [{"\\u0024out": "outsider_copy"}], "cursor": {}}', _COPY),
    (
        "out_duplicate_key",
        '{"aggregate": "t", "pipeline": [{"$match": {}}], "pipeline": [{"$out": "outsider_copy"}], "cursor": {}}',
        _COPY,
    ),
    (
        "out_beside_match",
        '{"aggregate": "t", "pipeline": [{"$match": {}, "$out": "outsider_copy"}], "cursor": {}}',
        _COPY,
    ),
    ("out_as_object", '{"aggregate": "t", "pipeline": {"0": {"$out": "outsider_copy"}}, "cursor": {}}', _COPY),
    ("out_single_stage", '{"aggregate": "t", "pipeline": {"$out": "outsider_copy"}, "cursor": {}}', _COPY),
    (
        "out_timeseries",
        '{"aggregate": "t", "pipeline": [{"$out": {"db": "{database}", "coll": "outsider_copy", '
        '"timeseries": {"timeField": "at"}}}], "cursor": {}}',
        _COPY,
    ),
    (
        "out_uncollated_aggregate",
        '{"aggregate": 1, "pipeline": [{"$documents": [{"_id": 1}]}, {"$out": "outsider_copy"}], "cursor": {}}',
        _COPY,
    ),
    ("merge", '{"aggregate": "t", "pipeline": [{"$merge": "outsider_copy"}], "cursor": {}}', _COPY),
    (
        "merge_into",
        '{"aggregate": "t", "pipeline": [{"$match": {"_id": 1}}, {"$merge": {"into": {"db": "{database}", '
        '"coll": "outsider_copy"}, "on": "_id", "whenMatched": "replace"}}], "cursor": {}}',
        _COPY,
    ),
    (
        "merge_self",
        '{"aggregate": "t", "pipeline": [{"$set": {"amount": 0}}, {"$merge": {"into": "t"}}], "cursor": {}}',
        _ROWS,
    ),
    (
        "merge_pipeline",
        '{"aggregate": "t", "pipeline": [{"$merge": {"into": "t", "whenMatched": [{"$set": '
        '{"amount": 0}}]}}], "cursor": {}}',
        _ROWS,
    ),
    (
        "merge_batch_zero",
        '{"aggregate": "t", "pipeline": [{"$merge": "outsider_copy"}], "cursor": {"batchSize": 0}}',
        _COPY,
    ),
    (
        "out_in_facet",
        '{"aggregate": "t", "pipeline": [{"$facet": {"a": [{"$out": "outsider_copy"}]}}], "cursor": {}}',
        _COPY,
    ),
    (
        "merge_in_facet_lookup",
        '{"aggregate": "t", "pipeline": [{"$facet": {"a": [{"$lookup": {"from": "u", "as": "x", '
        '"pipeline": [{"$merge": "outsider_copy"}]}}]}}], "cursor": {}}',
        _COPY,
    ),
    (
        "out_in_lookup",
        '{"aggregate": "t", "pipeline": [{"$lookup": {"from": "u", "let": {"i": "$_id"}, "pipeline": '
        '[{"$out": "outsider_copy"}], "as": "x"}}], "cursor": {}}',
        _COPY,
    ),
    (
        "out_in_union",
        '{"aggregate": "t", "pipeline": [{"$unionWith": {"coll": "u", "pipeline": [{"$out": '
        '"outsider_copy"}]}}], "cursor": {}}',
        _COPY,
    ),
    (
        "merge_in_union_nested",
        '{"aggregate": "t", "pipeline": [{"$unionWith": {"coll": "u", "pipeline": [{"$unionWith": '
        '{"coll": "t", "pipeline": [{"$merge": "outsider_copy"}]}}]}}], "cursor": {}}',
        _COPY,
    ),
    (
        "out_explained",
        '{"explain": {"aggregate": "t", "pipeline": [{"$out": "outsider_copy"}], "cursor": {}}, '
        '"verbosity": "executionStats"}',
        _COPY,
    ),
    (
        "out_explain_flag",
        '{"aggregate": "t", "pipeline": [{"$out": "outsider_copy"}], "explain": false, "cursor": {}}',
        _COPY,
    ),
    # Explained writes
    (
        "explain_delete",
        '{"explain": {"delete": "t", "deletes": [{"q": {}, "limit": 0}]}, "verbosity": "allPlansExecution"}',
        _ROWS,
    ),
    (
        "explain_update",
        '{"explain": {"update": "t", "updates": [{"q": {}, "u": {"$set": {"amount": 0}}, "multi": true}]}}',
        _ROWS,
    ),
    ("explain_find_and_modify", '{"explain": {"findAndModify": "t", "query": {"_id": 1}, "remove": true}}', _ROWS),
    ("explain_twice", '{"explain": {"explain": {"delete": "t", "deletes": [{"q": {}, "limit": 0}]}}}', _ROWS),
    ("explain_other_database", '{"explain": {"find": "t", "$db": "admin"}}', RESULT),
    # JavaScript
    ("where", '{"find": "t", "filter": {"$where": "sleep(20000) || true"}}', SLOW),
    ("where_nested", '{"find": "t", "filter": {"$or": [{"_id": 1}, {"$and": [{"$where": "while(1);"}]}]}}', SLOW),
    ("where_code", '{"find": "t", "filter": {"$where": {"$code": "while(1);"}}}', SLOW),
    ("where_scope", '{"find": "t", "filter": {"$where": {"$code": "return x", "$scope": {"x": true}}}}', RESULT),
    ("where_count", '{"count": "t", "query": {"$where": "true"}}', RESULT),
    ("where_distinct", '{"distinct": "t", "key": "name", "query": {"$nor": [{"$where": "false"}]}}', RESULT),
    ("where_match", '{"aggregate": "t", "pipeline": [{"$match": {"$where": "true"}}], "cursor": {}}', RESULT),
    (
        "where_graph_lookup",
        '{"aggregate": "t", "pipeline": [{"$graphLookup": {"from": "t", "startWith": "$_id", '
        '"connectFromField": "_id", "connectToField": "_id", "as": "x", "restrictSearchWithMatch": {"$where": "true"}}}], '
        '"cursor": {}}',
        RESULT,
    ),
    ("where_escaped", '{"find": "t", "filter": {"\\u0024where": "true"}}', RESULT),
    (
        "function",
        '{"aggregate": "t", "pipeline": [{"$addFields": {"x": {"$function": {"body": "function() { return 1 }", '
        '"args": [], "lang": "js"}}}}], "cursor": {}}',
        RESULT,
    ),
    (
        "function_expr",
        '{"find": "t", "filter": {"$expr": {"$function": {"body": "function() { while (1); }", "args": [], '
        '"lang": "js"}}}}',
        SLOW,
    ),
    (
        "function_projection",
        '{"find": "t", "projection": {"x": {"$function": {"body": "function() { return 1 }", "args": '
        '[], "lang": "js"}}}}',
        RESULT,
    ),
    (
        "function_let",
        '{"find": "t", "filter": {}, "let": {"x": {"$function": {"body": "function() { return 1 }", "args": '
        '[], "lang": "js"}}}}',
        RESULT,
    ),
    (
        "function_deep",
        '{"aggregate": "t", "pipeline": [{"$project": {"x": {"$map": {"input": "$tags", "in": {"$cond": '
        '[true, {"$function": {"body": "function() { return 1 }", "args": [], "lang": "js"}}, 0]}}}}}], "cursor": {}}',
        RESULT,
    ),
    (
        "accumulator",
        '{"aggregate": "t", "pipeline": [{"$group": {"_id": null, "x": {"$accumulator": {"init": "function() '
        '{ return 0 }", "accumulate": "function(s) { return s }", "accumulateArgs": [], "merge": "function(a) { return a }", '
        '"lang": "js"}}}}], "cursor": {}}',
        RESULT,
    ),
    (
        "accumulator_window",
        '{"aggregate": "t", "pipeline": [{"$bucketAuto": {"groupBy": "$_id", "buckets": 2, "output": '
        '{"x": {"$accumulator": {"init": "function() {}", "accumulate": "function() {}", "accumulateArgs": [], "merge": '
        '"function() {}", "lang": "js"}}}}}], "cursor": {}}',
        RESULT,
    ),
    (
        "map_reduce",
        '{"mapReduce": "t", "map": "function() { emit(1, 1) }", "reduce": "function(k, v) { return 1 }", '
        '"out": "outsider_copy"}',
        _COPY,
    ),
    (
        "map_reduce_inline",
        '{"mapreduce": "t", "map": "function() {}", "reduce": "function() {}", "out": {"inline": 1}}',
        RESULT,
    ),
    ("eval", '{"$eval": "db.t.drop()"}', _ROWS),
    ("eval_plain", '{"eval": "db.t.drop()", "nolock": true}', _ROWS),
    ("group", '{"group": {"ns": "t", "key": {"_id": 1}, "$reduce": "function() {}", "initial": {}}}', RESULT),
    # Definitions
    ("create", '{"create": "outsider_made"}', _COLLECTIONS),
    ("create_view", '{"create": "outsider_view", "viewOn": "t", "pipeline": []}', _COLLECTIONS),
    ("drop", '{"drop": "t"}', _COLLECTIONS),
    ("drop_database", '{"dropDatabase": 1}', _COLLECTIONS),
    ("rename", '{"renameCollection": "{database}.t", "to": "{database}.outsider_moved", "$db": "admin"}', _COLLECTIONS),
    ("clone_capped", '{"cloneCollectionAsCapped": "t", "toCollection": "outsider_copy", "size": 1000}', _COLLECTIONS),
    ("convert_capped", '{"convertToCapped": "t", "size": 1000}', _OPTIONS),
    ("create_indexes", '{"createIndexes": "t", "indexes": [{"key": {"amount": 1}, "name": "outsider"}]}', _INDEXES),
    ("drop_indexes", '{"dropIndexes": "t", "index": "*"}', _INDEXES),
    ("delete_indexes", '{"deleteIndexes": "t", "index": "name_1"}', _INDEXES),
    ("reindex", '{"reIndex": "t"}', RESULT),
    ("coll_mod", '{"collMod": "t", "index": {"name": "name_1", "hidden": true}}', _INDEXES),
    ("coll_mod_validator", '{"collMod": "t", "validator": {"amount": {"$gt": 0}}}', _OPTIONS),
    ("compact", '{"compact": "t", "force": true}', RESULT),
    ("validate_full", '{"validate": "t", "full": true, "repair": true}', RESULT),
    ("create_search_indexes", '{"createSearchIndexes": "t", "indexes": [{"definition": {}}]}', RESULT),
    (
        "create_user",
        '{"createUser": "outsider", "pwd": "Outsider-1", "roles": [{"role": "readAnyDatabase", "db": '
        '"admin"}], "$db": "admin"}',
        _USERS,
    ),
    ("update_user", '{"updateUser": "outsider", "pwd": "x"}', _USERS),
    ("grant_roles", '{"grantRolesToUser": "outsider", "roles": ["root"]}', _USERS),
    ("create_role", '{"createRole": "outsider", "privileges": [], "roles": []}', RESULT),
    ("drop_all_users", '{"dropAllUsersFromDatabase": 1}', RESULT),
    # Server, other sessions
    ("set_parameter", '{"setParameter": 1, "notablescan": true, "$db": "admin"}', _PARAMETER),
    ("profile", '{"profile": 2, "slowms": 0}', _PROFILE),
    ("profile_sample", '{"profile": -1, "slowms": 0, "sampleRate": 1}', _PROFILE),
    ("shutdown", '{"shutdown": 1, "force": true, "$db": "admin"}', RESULT),
    ("fsync_lock", '{"fsync": 1, "lock": true}', RESULT),
    ("fsync_unlock", '{"fsyncUnlock": 1}', RESULT),
    ("log_rotate", '{"logRotate": 1}', RESULT),
    ("kill_op", '{"killOp": 1, "op": 1, "$db": "admin"}', RESULT),
    ("kill_cursors", '{"killCursors": "t", "cursors": [{"$numberLong": "1"}]}', RESULT),
    ("get_more", '{"getMore": {"$numberLong": "1"}, "collection": "t"}', RESULT),
    ("kill_sessions", '{"killAllSessions": []}', RESULT),
    ("kill_sessions_pattern", '{"killAllSessionsByPattern": [{}]}', RESULT),
    ("end_sessions", '{"endSessions": [{"id": {"$uuid": "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"}}]}', RESULT),
    ("start_session", '{"startSession": 1}', RESULT),
    ("refresh_sessions", '{"refreshSessions": []}', RESULT),
    ("step_down", '{"replSetStepDown": 60, "force": true}', RESULT),
    ("repl_reconfig", '{"replSetReconfig": {"_id": "x", "version": 2, "members": []}, "force": true}', RESULT),
    ("repl_freeze", '{"replSetFreeze": 120}', RESULT),
    ("set_compatibility", '{"setFeatureCompatibilityVersion": "6.0", "confirm": true}', RESULT),
    ("set_default_concern", '{"setDefaultRWConcern": 1, "defaultWriteConcern": {"w": 1}}', RESULT),
    ("shard_collection", '{"shardCollection": "{database}.t", "key": {"_id": 1}, "$db": "admin"}', RESULT),
    ("balancer_stop", '{"balancerStop": 1}', RESULT),
    ("set_index_filter", '{"planCacheSetFilter": "t", "query": {}, "indexes": []}', RESULT),
    ("plan_cache_clear", '{"planCacheClear": "t"}', RESULT),
    (
        "query_settings",
        '{"setQuerySettings": {"find": "t", "$db": "{database}"}, "settings": {"reject": true}}',
        RESULT,
    ),
    ("oidc", '{"logout": 1}', RESULT),
    ("authenticate", '{"authenticate": 1, "user": "x", "mechanism": "MONGODB-X509"}', RESULT),
    ("sasl_start", '{"saslStart": 1, "mechanism": "PLAIN", "payload": ""}', RESULT),
    ("invalidate_user_cache", '{"invalidateUserCache": 1}', RESULT),
    ("drop_connections", '{"dropConnections": 1, "hostAndPort": ["127.0.0.1:1"]}', RESULT),
    ("sleep", '{"sleep": 1, "secs": 30}', SLOW),
    ("fail_point", '{"configureFailPoint": "failCommand", "mode": "alwaysOn"}', RESULT),
    ("god_insert", '{"godinsert": "t", "obj": {"_id": 77}}', _ROWS),
    ("test_deleted", '{"emptycapped": "t"}', _ROWS),
    # Another database, session, transaction
    ("database_override", '{"find": "outsider_copy", "$db": "{other}"}', RESULT),
    ("database_override_admin", '{"listDatabases": 1, "$db": "admin"}', RESULT),
    ("database_override_users", '{"find": "system.users", "$db": "admin"}', RESULT),
    ("session", '{"find": "t", "lsid": {"id": {"$uuid": "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"}}}', RESULT),
    (
        "transaction",
        '{"find": "t", "lsid": {"id": {"$uuid": "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"}}, "txnNumber": '
        '{"$numberLong": "1"}, "autocommit": false, "startTransaction": true}',
        RESULT,
    ),
    ("commit_transaction", '{"commitTransaction": 1, "txnNumber": {"$numberLong": "1"}, "autocommit": false}', RESULT),
    ("abort_transaction", '{"abortTransaction": 1}', RESULT),
    ("write_concern", '{"find": "t", "writeConcern": {"w": 0}}', RESULT),
    ("read_concern", '{"find": "t", "readConcern": {"level": "linearizable"}, "maxTimeMS": 0}', RESULT),
    (
        "after_cluster_time",
        '{"find": "t", "readConcern": {"level": "local", "afterClusterTime": {"$timestamp": {"t": '
        '4294967295, "i": 1}}}}',
        SLOW,
    ),
    ("read_preference", '{"find": "t", "$readPreference": {"mode": "secondary"}}', RESULT),
    ("no_time_limit", '{"find": "t", "maxTimeMS": 2147483647}', RESULT),
    ("no_cursor_timeout", '{"find": "t", "noCursorTimeout": true, "batchSize": 1}', CURSOR),
    ("left_cursor", '{"find": "t", "batchSize": 1}', CURSOR),
    ("left_cursor_zero", '{"aggregate": "t", "pipeline": [], "cursor": {"batchSize": 0}}', CURSOR),
    ("tailable", '{"find": "t", "tailable": true, "awaitData": true, "maxTimeMS": 60000}', CURSOR),
    ("exhaust", '{"find": "t", "exhaust": true, "batchSize": 1}', CURSOR),
    ("internal_request_resume", '{"find": "t", "$_requestResumeToken": true, "hint": {"$natural": 1}}', RESULT),
    ("change_stream", '{"aggregate": "t", "pipeline": [{"$changeStream": {}}], "cursor": {}}', CURSOR),
    (
        "change_stream_cluster",
        '{"aggregate": 1, "pipeline": [{"$changeStream": {"allChangesForCluster": true}}], '
        '"cursor": {}, "$db": "admin"}',
        CURSOR,
    ),
    (
        "current_op",
        '{"aggregate": 1, "pipeline": [{"$currentOp": {"allUsers": true}}], "cursor": {}, "$db": "admin"}',
        RESULT,
    ),
    (
        "list_local_sessions",
        '{"aggregate": 1, "pipeline": [{"$listLocalSessions": {"allUsers": true}}], "cursor": {}}',
        RESULT,
    ),
    (
        "list_sessions",
        '{"aggregate": "system.sessions", "pipeline": [{"$listSessions": {"allUsers": true}}], "cursor": '
        '{}, "$db": "config"}',
        RESULT,
    ),
    (
        "lookup_other_database",
        '{"aggregate": "t", "pipeline": [{"$lookup": {"from": {"db": "local", "coll": "oplog.rs"}, '
        '"localField": "_id", "foreignField": "_id", "as": "x"}}], "cursor": {}}',
        RESULT,
    ),
    (
        "union_other_database",
        '{"aggregate": "t", "pipeline": [{"$unionWith": {"db": "admin", "coll": "system.users"}}], "cursor": {}}',
        RESULT,
    ),
    ("collection_with_dollar", '{"find": "$cmd.sys.inprog"}', RESULT),
    (
        "unknown_stage",
        '{"aggregate": "t", "pipeline": [{"$_internalInhibitOptimization": {}}, {"$outsiderStage": {}}], "cursor": {}}',
        RESULT,
    ),
    (
        "internal_apply_oplog",
        '{"aggregate": "t", "pipeline": [{"$_internalApplyOplogUpdate": {"oplogUpdate": {"$v": 2, '
        '"diff": {"u": {"amount": 0}}}}}], "cursor": {}}',
        RESULT,
    ),
    ("from_router", '{"aggregate": "t", "pipeline": [], "cursor": {}, "fromMongos": true, "needsMerge": true}', RESULT),
    (
        "bypass_validation",
        '{"aggregate": "t", "pipeline": [{"$out": "outsider_copy"}], "bypassDocumentValidation": true, "cursor": {}}',
        _COPY,
    ),
    (
        "disk_use",
        '{"aggregate": "t", "pipeline": [{"$sort": {"x": 1}}], "allowDiskUse": true, "writeConcern": {"w": 1}, '
        '"cursor": {}}',
        RESULT,
    ),
    # Denial
    (
        "bomb_range",
        '{"aggregate": "t", "pipeline": [{"$project": {"x": {"$size": {"$map": {"input": {"$range": [0, '
        '3000000]}, "in": {"$map": {"input": {"$range": [0, 3000000]}, "in": "$$this"}}}}}}}], "cursor": {}}',
        SLOW,
    ),
    (
        "bomb_regex",
        '{"aggregate": "t", "pipeline": [{"$match": {"$expr": {"$regexMatch": {"input": '
        '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "regex": "^(a+)+$"}}}}], "cursor": {}}',
        SLOW,
    ),
    (
        "bomb_lookup",
        '{"aggregate": "t", "pipeline": [{"$lookup": {"from": "t", "pipeline": [{"$lookup": {"from": "t", '
        '"pipeline": [{"$lookup": {"from": "t", "pipeline": [{"$lookup": {"from": "t", "pipeline": [{"$lookup": {"from": '
        '"t", "pipeline": [{"$lookup": {"from": "t", "pipeline": [{"$lookup": {"from": "t", "pipeline": [], "as": "g"}}], '
        '"as": "f"}}], "as": "e"}}], "as": "d"}}], "as": "c"}}], "as": "b"}}], "as": "a"}}, {"$unwind": "$a"}, {"$unwind": '
        '"$a.b"}, {"$unwind": "$a.b.c"}, {"$unwind": "$a.b.c.d"}, {"$unwind": "$a.b.c.d.e"}, {"$count": "n"}], '
        '"cursor": {}}',
        SLOW,
    ),
)

BENIGN: tuple[tuple[str, str], ...] = (
    ("find", '{"find": "t"}'),
    ("find_filter", '{"find": "t", "filter": {"amount": {"$gt": 10}}}'),
    ("find_sorted", '{"find": "t", "filter": {}, "sort": {"amount": -1}, "limit": 2, "skip": 1}'),
    ("find_projection", '{"find": "t", "projection": {"name": 1, "_id": 0}}'),
    ("find_or", '{"find": "t", "filter": {"$or": [{"_id": 1}, {"name": "bob"}]}}'),
    ("find_and_nor", '{"find": "t", "filter": {"$and": [{"_id": {"$ne": 1}}, {"$nor": [{"name": "bob"}]}]}}'),
    ("find_in", '{"find": "t", "filter": {"_id": {"$in": [1, 2]}, "name": {"$nin": ["x"]}}}'),
    ("find_regex", '{"find": "t", "filter": {"name": {"$regex": "^a", "$options": "i"}}}'),
    (
        "find_regex_extended",
        '{"find": "t", "filter": {"name": {"$regularExpression": {"pattern": "^a", "options": ""}}}}',
    ),
    ("find_exists_type", '{"find": "t", "filter": {"at": {"$exists": true, "$type": "date"}}}'),
    ("find_date", '{"find": "t", "filter": {"at": {"$gte": {"$date": "2024-01-01T00:00:00Z"}}}}'),
    ("find_object_id", '{"find": "t", "filter": {"_id": {"$oid": "507f1f77bcf86cd799439011"}}}'),
    ("find_long", '{"find": "t", "filter": {"amount": {"$numberLong": "10"}}}'),
    ("find_decimal", '{"find": "t", "filter": {"amount": {"$gt": {"$numberDecimal": "10.5"}}}}'),
    ("find_array", '{"find": "t", "filter": {"tags": {"$all": ["a", "b"], "$size": 2}}}'),
    ("find_elem_match", '{"find": "t", "filter": {"tags": {"$elemMatch": {"$eq": "a"}}}}'),
    ("find_mod", '{"find": "t", "filter": {"amount": {"$mod": [20, 0]}, "_id": {"$not": {"$lt": 2}}}}'),
    ("find_expr", '{"find": "t", "filter": {"$expr": {"$gt": ["$amount", {"$multiply": ["$_id", 5]}]}}}'),
    ("find_bits", '{"find": "t", "filter": {"amount": {"$bitsAllSet": 2}}}'),
    (
        "find_near",
        '{"find": "t", "filter": {"place": {"$near": {"$geometry": {"type": "Point", "coordinates": [1, 2]}, '
        '"$maxDistance": 1000}}}}',
    ),
    ("find_geo_within", '{"find": "t", "filter": {"place": {"$geoWithin": {"$centerSphere": [[1, 2], 0.1]}}}}'),
    ("find_hint", '{"find": "t", "filter": {"name": "ada"}, "hint": "name_1"}'),
    ("find_comment", '{"find": "t", "comment": "delete and $out are only words"}'),
    ("find_word_value", '{"find": "t", "filter": {"name": "$out"}}'),
    ("find_word_field", '{"find": "t", "filter": {"delete": 1, "insert.update": 2}}'),
    ("find_dotted", '{"find": "t", "filter": {"place.type": "Point"}}'),
    ("find_slice", '{"find": "t", "projection": {"tags": {"$slice": 1}}}'),
    ("find_computed", '{"find": "t", "projection": {"double": {"$multiply": ["$amount", 2]}}}'),
    ("find_single", '{"find": "t", "singleBatch": true, "limit": 1}'),
    ("count", '{"count": "t"}'),
    ("count_query", '{"count": "t", "query": {"amount": {"$gt": 10}}, "limit": 3}'),
    ("distinct", '{"distinct": "t", "key": "name"}'),
    ("distinct_query", '{"distinct": "t", "key": "tags", "query": {"_id": {"$lt": 3}}}'),
    ("aggregate", '{"aggregate": "t", "pipeline": [], "cursor": {}}'),
    (
        "aggregate_match_group",
        '{"aggregate": "t", "pipeline": [{"$match": {"amount": {"$gt": 10}}}, {"$group": {"_id": '
        '"$name", "sum": {"$sum": "$amount"}, "avg": {"$avg": "$amount"}, "first": {"$first": "$_id"}, "max": {"$max": "$_id"},'
        ' "all": {"$push": "$_id"}, "set": {"$addToSet": "$name"}}}], "cursor": {}}',
    ),
    (
        "aggregate_sort_limit",
        '{"aggregate": "t", "pipeline": [{"$sort": {"_id": 1}}, {"$skip": 1}, {"$limit": 2}], "cursor": {}}',
    ),
    (
        "aggregate_project",
        '{"aggregate": "t", "pipeline": [{"$project": {"upper": {"$toUpper": "$name"}, "cond": {"$cond": '
        '[{"$gt": ["$amount", 20]}, "high", "low"]}, "none": {"$ifNull": ["$x", 0]}}}], "cursor": {}}',
    ),
    (
        "aggregate_set_unset",
        '{"aggregate": "t", "pipeline": [{"$set": {"x": 1}}, {"$unset": "name"}, {"$addFields": '
        '{"y": {"$add": ["$x", 1]}}}], "cursor": {}}',
    ),
    (
        "aggregate_unwind",
        '{"aggregate": "t", "pipeline": [{"$unwind": {"path": "$tags", "preserveNullAndEmptyArrays": '
        'true}}], "cursor": {}}',
    ),
    (
        "aggregate_lookup",
        '{"aggregate": "u", "pipeline": [{"$lookup": {"from": "t", "localField": "t_id", "foreignField": '
        '"_id", "as": "t"}}], "cursor": {}}',
    ),
    (
        "aggregate_lookup_pipeline",
        '{"aggregate": "u", "pipeline": [{"$lookup": {"from": "t", "let": {"i": "$t_id"}, '
        '"pipeline": [{"$match": {"$expr": {"$eq": ["$_id", "$$i"]}}}, {"$project": {"name": 1}}], "as": "t"}}], '
        '"cursor": {}}',
    ),
    (
        "aggregate_facet",
        '{"aggregate": "t", "pipeline": [{"$facet": {"n": [{"$count": "n"}], "top": [{"$sort": {"amount": '
        '-1}}, {"$limit": 1}]}}], "cursor": {}}',
    ),
    ("aggregate_union", '{"aggregate": "t", "pipeline": [{"$unionWith": "u"}], "cursor": {}}'),
    (
        "aggregate_union_pipeline",
        '{"aggregate": "t", "pipeline": [{"$unionWith": {"coll": "u", "pipeline": [{"$match": '
        '{"_id": 1}}]}}], "cursor": {}}',
    ),
    (
        "aggregate_graph_lookup",
        '{"aggregate": "u", "pipeline": [{"$graphLookup": {"from": "t", "startWith": "$t_id", '
        '"connectFromField": "_id", "connectToField": "_id", "as": "x"}}], "cursor": {}}',
    ),
    (
        "aggregate_bucket",
        '{"aggregate": "t", "pipeline": [{"$bucket": {"groupBy": "$amount", "boundaries": [0, 25, 100], '
        '"default": "other", "output": {"n": {"$sum": 1}}}}], "cursor": {}}',
    ),
    (
        "aggregate_bucket_auto",
        '{"aggregate": "t", "pipeline": [{"$bucketAuto": {"groupBy": "$amount", "buckets": 2}}], "cursor": {}}',
    ),
    ("aggregate_sort_by_count", '{"aggregate": "t", "pipeline": [{"$sortByCount": "$name"}], "cursor": {}}'),
    ("aggregate_count", '{"aggregate": "t", "pipeline": [{"$count": "n"}], "cursor": {}}'),
    (
        "aggregate_replace_root",
        '{"aggregate": "t", "pipeline": [{"$replaceRoot": {"newRoot": {"n": "$name"}}}, '
        '{"$replaceWith": {"m": "$n"}}], "cursor": {}}',
    ),
    ("aggregate_sample", '{"aggregate": "t", "pipeline": [{"$sample": {"size": 2}}], "cursor": {}}'),
    (
        "aggregate_window",
        '{"aggregate": "t", "pipeline": [{"$setWindowFields": {"sortBy": {"_id": 1}, "output": {"total": '
        '{"$sum": "$amount", "window": {"documents": ["unbounded", "current"]}}}}}], "cursor": {}}',
    ),
    (
        "aggregate_geo_near",
        '{"aggregate": "t", "pipeline": [{"$geoNear": {"near": {"type": "Point", "coordinates": [1, '
        '2]}, "distanceField": "d", "spherical": true}}], "cursor": {}}',
    ),
    ("aggregate_index_stats", '{"aggregate": "t", "pipeline": [{"$indexStats": {}}], "cursor": {}}'),
    ("aggregate_coll_stats", '{"aggregate": "t", "pipeline": [{"$collStats": {"count": {}}}], "cursor": {}}'),
    ("aggregate_documents", '{"aggregate": 1, "pipeline": [{"$documents": [{"a": 1}]}], "cursor": {}}'),
    (
        "aggregate_array_operators",
        '{"aggregate": "t", "pipeline": [{"$project": {"a": {"$filter": {"input": "$tags", "cond": '
        '{"$ne": ["$$this", "b"]}}}, "b": {"$map": {"input": "$tags", "as": "x", "in": {"$concat": ["$$x", "!"]}}}, "c": '
        '{"$reduce": {"input": {"$ifNull": ["$tags", []]}, "initialValue": "", "in": {"$concat": ["$$value", "$$this"]}}}}}], '
        '"cursor": {}}',
    ),
    (
        "aggregate_dates",
        '{"aggregate": "t", "pipeline": [{"$match": {"at": {"$exists": true}}}, {"$project": {"y": {"$year": '
        '"$at"}, "s": {"$dateToString": {"date": "$at", "format": "%Y-%m"}}, "t": {"$dateTrunc": {"date": "$at", "unit": '
        '"month"}}}}], "cursor": {}}',
    ),
    (
        "aggregate_switch",
        '{"aggregate": "t", "pipeline": [{"$project": {"x": {"$switch": {"branches": [{"case": {"$lt": '
        '["$amount", 30]}, "then": "low"}], "default": "high"}}}}], "cursor": {}}',
    ),
    ("aggregate_literal", '{"aggregate": "t", "pipeline": [{"$project": {"x": {"$literal": "$out"}}}], "cursor": {}}'),
    (
        "aggregate_let",
        '{"aggregate": "t", "pipeline": [{"$match": {"$expr": {"$eq": ["$_id", "$$i"]}}}], "let": {"i": 1}, '
        '"cursor": {}}',
    ),
    (
        "aggregate_disk",
        '{"aggregate": "t", "pipeline": [{"$sort": {"amount": 1}}], "allowDiskUse": true, "cursor": {}}',
    ),
    (
        "aggregate_field_called_merge",
        '{"aggregate": "t", "pipeline": [{"$project": {"merge": "$out", "out": "$merge"}}], "cursor": {}}',
    ),
    ("explain_find", '{"explain": {"find": "t", "filter": {"name": "ada"}}, "verbosity": "queryPlanner"}'),
    ("explain_aggregate", '{"explain": {"aggregate": "t", "pipeline": [{"$match": {"_id": 1}}], "cursor": {}}}'),
    ("list_collections", '{"listCollections": 1}'),
    ("list_indexes", '{"listIndexes": "t"}'),
    ("db_stats", '{"dbStats": 1}'),
    ("coll_stats", '{"collStats": "t"}'),
    ("ping", '{"ping": 1}'),
    ("build_info", '{"buildInfo": 1}'),
    ("hello", '{"hello": 1}'),
)

FORM_ONLY = frozenset(
    ("byte_order_mark", "two_documents", "list_of_pairs", "duplicate_keys", "out_duplicate_key", "null_in_name")
)
"""What a reader of JSON could take wrongly; a driver can't send it."""
NOT_EXECUTED = frozenset(
    (
        "bulk_write apply_ops delete_named_find find_second comment_first capitalised capitals space_in_name "
        "query_wrapper query_wrapper_plain out_after_match out_beside_match out_as_object out_single_stage "
        "out_timeseries merge_pipeline out_in_facet merge_in_facet_lookup out_in_lookup out_in_union "
        "merge_in_union_nested explain_find_and_modify explain_twice where where_nested where_code "
        "where_scope where_count where_distinct where_match where_graph_lookup where_escaped function "
        "function_expr function_projection function_let function_deep accumulator accumulator_window "
        "map_reduce map_reduce_inline eval eval_plain group clone_capped convert_capped reindex validate_full "
        "create_search_indexes update_user grant_roles create_role drop_all_users set_parameter profile "
        "profile_sample shutdown fsync_lock fsync_unlock log_rotate kill_op get_more kill_sessions "
        "kill_sessions_pattern start_session refresh_sessions step_down repl_reconfig repl_freeze "
        "set_compatibility set_default_concern shard_collection balancer_stop set_index_filter "
        "plan_cache_clear query_settings oidc authenticate sasl_start invalidate_user_cache drop_connections "
        "sleep fail_point god_insert test_deleted commit_transaction abort_transaction after_cluster_time "
        "tailable exhaust internal_request_resume change_stream change_stream_cluster list_local_sessions "
        "list_sessions lookup_other_database union_other_database unknown_stage internal_apply_oplog "
        "from_router bomb_regex bomb_lookup"
    ).split()
)
"""Commands that the engine at hand answers with an error, or without the effect."""
BOUNDED = frozenset(("bomb_range", "bomb_regex", "bomb_lookup"))
"""Reads that pass, as nothing in them is more than too much; they end, or are stopped, within their time limit."""
ADVISED = frozenset(
    (
        "aggregate_index_stats aggregate_coll_stats aggregate_documents "
        "explain_find explain_aggregate list_collections list_indexes db_stats coll_stats ping "
        "build_info hello"
    ).split()
)
"""Reads that have a tool or a form of their own, which the refusal names."""

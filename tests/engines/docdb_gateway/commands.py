"""Which function of the engine executes which command; what is not here is not executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import bson
from bson.raw_bson import RawBSONDocument

from tests.engines.docdb_gateway.errors import not_found
from tests.engines.docdb_gateway.wire import Request

ENVELOPE = {
    "lsid", "$db", "txnNumber", "autocommit", "startTransaction", "$clusterTime", "$readPreference", "readConcern",
    "writeConcern", "apiVersion", "apiStrict", "apiDeprecationErrors", "maxTimeMS", "$configServerState",
}  # fmt: skip
PAGES = {
    "find": "find_cursor_first_page",
    "aggregate": "aggregate_cursor_first_page",
    "listcollections": "list_collections_cursor_first_page",
    "listindexes": "list_indexes_cursor_first_page",
}
WRITES = {"insert": "insert", "update": "update", "delete": "delete"}
OF_DATABASE = {
    "count": "SELECT document FROM documentdb_api.count_query($1, $2)",
    "distinct": "SELECT document FROM documentdb_api.distinct_query($1, $2)",
    "validate": "SELECT document FROM documentdb_api.validate($1, $2)",
    "create": "SELECT documentdb_api.create_collection_view($1, $2)",
    "findandmodify": "SELECT p_result FROM documentdb_api.find_and_modify($1, $2, NULL)",
    "createindexes": "SELECT documentdb_api_internal.create_indexes_non_concurrently($1, $2, true)",
    "dropindexes": "CALL documentdb_api.drop_indexes($1, $2, NULL)",
    "deleteindexes": "CALL documentdb_api.drop_indexes($1, $2, NULL)",
}
OF_SERVER = {
    "listdatabases": "list_databases", "renamecollection": "rename_collection", "currentop": "current_op_command",
    "killop": "kill_op", "createuser": "create_user", "updateuser": "update_user", "dropuser": "drop_user",
    "usersinfo": "users_info", "connectionstatus": "connection_status", "createrole": "create_role",
    "updaterole": "update_role", "droprole": "drop_role", "rolesinfo": "roles_info", "compact": "compact",
}  # fmt: skip
NEED_DATABASE = {"killop", "compact", "currentop"}
EXPLAINED = {
    "find": "find", "aggregate": "pipeline", "count": "count", "distinct": "distinct", "update": "update",
    "delete": "delete", "findandmodify": "find_and_modify",
}  # fmt: skip
Shape = Literal["document", "page", "write", "indexes", "dropped", "plan"]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its values, and what it returns."""

    sql: str
    values: tuple[Any, ...]
    shape: Shape = "document"


def specification(document: Mapping[str, Any], keep: str = "") -> bytes:
    """Return a command's document without what is the wire's own business."""
    return bson.encode({name: value for name, value in document.items() if name not in ENVELOPE or name == keep})


def statement(request: Request) -> Statement:
    """Return the SQL that executes a command.

    Raises:
        CommandError: 59, the engine does not execute it.
    """
    name, database, document = request.command.lower(), request.database, request.document
    if name in PAGES:
        columns = "cursorpage, continuation, persistconnection, cursorid"
        sql = f"SELECT {columns} FROM documentdb_api.{PAGES[name]}($1, $2)"
        return Statement(sql, (database, specification(document)), "page")
    if name in WRITES:
        sql = f"SELECT p_result FROM documentdb_api.{WRITES[name]}($1, $2, NULL, NULL)"
        return Statement(sql, (database, specification(document)), "write")
    if name in OF_DATABASE:
        shape: Shape = "indexes" if name == "createindexes" else "document"
        return Statement(OF_DATABASE[name], (database, specification(document)), shape)
    if name in OF_SERVER:
        sql = f"SELECT documentdb_api.{OF_SERVER[name]}($1)"
        return Statement(sql, (specification(document, "$db" if name in NEED_DATABASE else ""),))
    return _by_name(request, name, float(document.get("scale", 1)))


def _by_name(request: Request, name: str, scale: float) -> Statement:
    """Return the SQL of a command whose function takes names in place of a document."""
    database, target = request.database, request.document[request.command]
    if name == "collmod":
        return Statement(
            "SELECT documentdb_api.coll_mod($1, $2, $3)", (database, target, specification(request.document))
        )
    if name == "collstats":
        return Statement("SELECT documentdb_api.coll_stats($1, $2, $3)", (database, target, scale))
    if name == "dbstats":
        return Statement("SELECT documentdb_api.db_stats($1, $2, false)", (database, scale))
    if name == "drop":
        sql = "SELECT documentdb_api.drop_collection($1, $2, NULL, NULL, false)"
        return Statement(sql, (database, target), "dropped")
    if name == "dropdatabase":
        return Statement("SELECT documentdb_api.drop_database($1, NULL)", (database,), "dropped")
    if name == "explain" and isinstance(target, RawBSONDocument):
        return _explained(request, target)
    raise not_found(request.command)


def _explained(request: Request, target: RawBSONDocument) -> Statement:
    inner = next(iter(target))
    function = EXPLAINED.get(inner.lower())
    if function is None:
        raise not_found(f"explain {inner}")
    options = "FORMAT JSON" if request.document.get("verbosity") == "queryPlanner" else "ANALYZE, FORMAT JSON"
    sql = f"EXPLAIN ({options}) SELECT document FROM documentdb_api_catalog.bson_aggregation_{function}($1, $2)"
    return Statement(sql, (request.database, specification(target)), "plan")

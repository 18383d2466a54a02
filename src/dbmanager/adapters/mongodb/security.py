"""Runs MongoDB's checks: facts come from a command's reply, or from the schema model and samples."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dbmanager.adapters.facets import Unsupported
from dbmanager.adapters.mongodb.catalog import MongoCatalog
from dbmanager.adapters.mongodb.checks import CHECKS
from dbmanager.adapters.mongodb.commands import parse
from dbmanager.adapters.mongodb.fields import values_at
from dbmanager.adapters.mongodb.query import MongoQuery
from dbmanager.adapters.mongodb.session import Sessions
from dbmanager.adapters.mongodb.values import cell, document_of, short_text
from dbmanager.errors import InvalidStatement, PermissionDenied, UnsupportedCapability
from dbmanager.model.findings import FactRows, QueryCheck
from dbmanager.model.queries import Cell
from dbmanager.model.schema import Table, TypeKind

LONG_ARRAY = 1_000
MANY_INDEXES = 20
LARGE_BYTES = 8 * 1024 * 1024
MIN_VALUES = 20
TOLD_ONLY_BY_SOME = {"MG-029": "mechanisms"}
"""Checks whose facts need a field that not every server gives."""
_NUMBER = re.compile(r"-?\d{1,15}(\.\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d.*)?")
_NUMERIC = frozenset(("int", "long", "double", "decimal"))
Facts = Iterator[dict[str, Cell]]


class MongoSecurity:
    """The `Security` facet."""

    def __init__(self, sessions: Sessions, query: MongoQuery, catalog: MongoCatalog) -> None:
        self._sessions = sessions
        self._query = query
        self._catalog = catalog

    def checks(self) -> tuple[QueryCheck, ...]:
        """Return the checks of both packs in id order."""
        return CHECKS

    async def facts(self, check: QueryCheck) -> FactRows | Unsupported:
        """Run a check's command on `admin`, or gather the facts that its query names (`facts:mixed_types`)."""
        if check.query == "facts:oplog":
            return await self._oplog()
        if check.query.startswith("facts:"):
            return tuple(await self._of_design(check.query.removeprefix("facts:")))
        try:
            rows = await self._of_server(check.query)
        except UnsupportedCapability:
            return Unsupported("the server does not execute this command")
        except PermissionDenied:
            return Unsupported("the user may not run this command (role clusterMonitor or userAdminAnyDatabase)")
        except InvalidStatement:
            return Unsupported("the server does not take this command's options")
        needed = TOLD_ONLY_BY_SOME.get(check.id)
        if needed and not any(needed in row for row in rows):
            return Unsupported(f"the server does not tell users' {needed}")
        return rows

    async def _oplog(self) -> FactRows | Unsupported:
        """Return how many hours the oplog reaches back."""
        ends = []
        for order in (1, -1):
            command = {"find": "oplog.rs", "sort": {"$natural": order}, "limit": 1, "projection": {"ts": 1, "_id": 0}}
            try:
                reply = await self._sessions.command(command, database="local", seconds=10)
            except (UnsupportedCapability, PermissionDenied, InvalidStatement):
                return Unsupported("the user may not read the oplog (role read on the database local)")
            ends += [int(document["ts"].time) for document in reply["cursor"]["firstBatch"]]
        if len(ends) < 2:
            return Unsupported("the server has no oplog: it is no member of a replica set")
        return ({"hours": (ends[1] - ends[0]) / 3_600},)

    async def _of_server(self, query: str) -> FactRows:
        """Return the users or roles of a reply, else the reply itself as the one row."""
        command = parse(query)
        database = None if "profile" in command else "admin"
        reply = await self._sessions.command(command, database=database, seconds=None)
        rows = reply["users"] if "users" in reply else reply["roles"] if "rolesInfo" in command else [reply]
        return tuple({name: cell(value) for name, value in row.items()} for row in rows)

    async def _of_design(self, fact: str) -> list[dict[str, Cell]]:
        tables = list((await self._catalog.read_schema()).base_tables())
        if fact in DECLARED:
            return [row for table in tables for row in DECLARED[fact](table, tables)]
        found: list[dict[str, Cell]] = []
        for table in tables:
            documents = await self._catalog.documents(table.name, count=200)
            found += SAMPLED[fact](table, documents)
        return found


def _options(table: Table) -> Mapping[str, Any]:
    return document_of(table.definition) if table.definition else {}


def _unvalidated(table: Table, tables: list[Table]) -> Facts:
    if not table.checks:
        yield {"object": table.name, "fields": len(table.columns)}


def _warning_validators(table: Table, tables: list[Table]) -> Facts:
    if table.checks and _options(table).get("validationAction") == "warn":
        yield {
            "object": table.name, "action": "warn",
            "statement": short_text({"collMod": table.name, "validationAction": "error"}),
            "inverse": short_text({"collMod": table.name, "validationAction": "warn"}),
        }  # fmt: skip


def _mixed_types(table: Table, tables: list[Table]) -> Facts:
    for column in table.columns:
        words = [word for word in column.types if word != "null"]
        if len(words) > 1 and not set(words) <= _NUMERIC:
            yield {"object": f"{table.name}.{column.name}", "types": ", ".join(words)}


def _unindexed_references(table: Table, tables: list[Table]) -> Facts:
    """A field called `customer_id`, `customerId` or `customer` with ids refers to the collection customers."""
    names = {other.name.casefold(): other for other in tables}
    leading = {index.keys[0].name for index in table.indexes if index.keys}
    for column in table.columns:
        stem = re.sub(r"(_id|Id|_ref)$", "", column.name.rpartition(".")[2]).casefold()
        is_named = stem != column.name.rpartition(".")[2].casefold() or "objectId" in column.types
        parent = next((names[n] for n in (stem, stem + "s", stem + "es", stem[:-1] + "ies") if n in names), None)
        if not is_named or parent is None or parent is table or column.name == "_id" or column.name in leading:
            continue
        name = column.name + "_1"
        yield {
            "object": f"{table.name}.{column.name}", "refers_to": parent.name,
            "statement": short_text({"createIndexes": table.name, "indexes": [{"key": {column.name: 1}, "name": name}]}),
            "inverse": short_text({"dropIndexes": table.name, "index": name}),
        }  # fmt: skip


def _redundant_indexes(table: Table, tables: list[Table]) -> Facts:
    plain = [i for i in table.indexes if i.method == "btree" and not i.unique and i.where is None]
    for index in plain:
        spec = document_of(index.definition) if index.definition else {}
        if "expireAfterSeconds" in spec or spec.get("sparse"):
            continue
        wider = [o for o in table.indexes if o is not index and o.method == "btree" and o.where is None
                 and len(o.keys) > len(index.keys) and o.keys[: len(index.keys)] == index.keys
                 and "sparse" not in (o.definition or "")]  # fmt: skip
        if wider:
            yield {
                "object": f"{table.name}.{index.name}", "covered_by": wider[0].name,
                "statement": short_text({"dropIndexes": table.name, "index": index.name}),
                "inverse": short_text({"createIndexes": table.name, "indexes": [spec]}),
            }  # fmt: skip


def _long_arrays(table: Table, documents: list[dict[str, Any]]) -> Facts:
    for column in table.columns:
        if column.type.kind is not TypeKind.ARRAY or "." in column.name:
            continue
        longest = max((len(d[column.name]) for d in documents if isinstance(d.get(column.name), list)), default=0)
        if longest > LONG_ARRAY:
            yield {"object": f"{table.name}.{column.name}", "longest": longest}


def _many_indexes(table: Table, tables: list[Table]) -> Facts:
    if len(table.indexes) > MANY_INDEXES:
        yield {"object": table.name, "indexes": len(table.indexes)}


def _large_documents(table: Table, documents: list[dict[str, Any]]) -> Facts:
    from bson import encode

    largest = max((len(encode(document)) for document in documents), default=0)
    if largest > LARGE_BYTES:
        yield {"object": table.name, "largest_bytes": largest, "sampled": len(documents)}


def _texts(form: re.Pattern[str]) -> Callable[[Table, list[dict[str, Any]]], Facts]:
    def facts(table: Table, documents: list[dict[str, Any]]) -> Facts:
        for column in table.columns:
            if "string" not in column.types or _is_code(column.name):
                continue
            values = [value for d in documents for value in values_at(d, column.name) if isinstance(value, str)]
            if len(values) >= MIN_VALUES and all(form.fullmatch(value) for value in values):
                yield {"object": f"{table.name}.{column.name}", "values": len(values)}

    return facts


def _is_code(name: str) -> bool:
    """Whether digits are a name there and no number."""
    words = ("zip", "post", "phone", "code", "sku", "isbn", "iban", "account", "card", "_id", "number")
    return any(word in name.casefold() for word in words)


DECLARED: dict[str, Callable[[Table, list[Table]], Facts]] = {
    "unvalidated": _unvalidated, "warning_validators": _warning_validators, "mixed_types": _mixed_types,
    "unindexed_references": _unindexed_references, "redundant_indexes": _redundant_indexes,
    "many_indexes": _many_indexes,
}  # fmt: skip
SAMPLED: dict[str, Callable[[Table, list[dict[str, Any]]], Facts]] = {
    "long_arrays": _long_arrays, "large_documents": _large_documents, "text_numbers": _texts(_NUMBER), "text_dates": _texts(_DATE),
}  # fmt: skip

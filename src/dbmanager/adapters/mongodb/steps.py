"""Turns a command document that someone wrote into a change step with inverse, probe and before-image."""

from __future__ import annotations

from typing import Any, Protocol

from bson.objectid import ObjectId

from dbmanager.adapters.facets import Emission
from dbmanager.adapters.mongodb.commands import READS, Document, parse
from dbmanager.adapters.mongodb.values import document_of, short_text, text_of
from dbmanager.errors import InvalidStatement, nearest
from dbmanager.model.changes import ChangeStep, Probe
from dbmanager.model.schema import DatabaseSchema, Index, Table

ADMINISTRATION = frozenset(
    "createUser updateUser dropUser grantRolesToUser revokeRolesFromUser createRole updateRole dropRole grantRolesToRole "
    "revokeRolesFromRole grantPrivilegesToRole revokePrivilegesFromRole dropAllUsersFromDatabase dropDatabase setParameter "
    "setFeatureCompatibilityVersion setDefaultRWConcern compact".split()
)
"""Commands about users, rights, the server or the whole database rather than about a collection."""
OF_ADMIN = frozenset("setParameter setFeatureCompatibilityVersion setDefaultRWConcern renameCollection".split())
"""Commands that are run on the database `admin`."""
_COMMANDS = frozenset("insert update delete create drop createIndexes dropIndexes collMod renameCollection".split())
_WAITS = "the collection, while it is changed"


class IndexEmit(Protocol):
    """What this module needs of the emitter."""

    def drop_index(self, table: Table, index: Index, *, online: bool = False) -> Emission:
        """Emit the drop, with the index's re-creation as inverse."""
        ...


class Steps:
    """Makes steps for one database."""

    def __init__(self, database: str, emit: IndexEmit) -> None:
        self._database = database
        self._emit = emit

    def step(self, schema: DatabaseSchema, statement: str, inverse: str | None, title: str | None) -> ChangeStep:
        """Return the step of one command; what can't be undone is left without an inverse.

        Raises:
            InvalidStatement: it is no command that changes anything, or names what is not there.
        """
        document = parse(statement)
        name = next(iter(document))
        base: dict[str, Any] = {
            "title": title or f"{name} {document[name]}"[:80],
            "statement": statement.strip(),
            "inverse": (inverse,) if inverse else (),
            "lock": _WAITS,
            "transactional": False,
        }
        if name in ADMINISTRATION:
            risk = "high" if name.startswith("drop") else "medium"
            return ChangeStep.model_validate(
                {**base, "access": "admin", "risk": risk, "lock": "as the server takes it"}
            )
        if name not in _COMMANDS:
            raise _unknown(name)
        make = getattr(self, f"_{name}")
        return ChangeStep.model_validate({**base, **make(schema, document, base)})

    def _insert(self, schema: DatabaseSchema, document: Document, base: Document) -> Document:
        """Give every document an `_id`, so that the insert can be told, repeated and undone."""
        rows = document.get("documents")
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise InvalidStatement("insert wants documents, a list of at least one")
        rows = [row if "_id" in row else {"_id": ObjectId(), **row} for row in rows]
        ids = [row["_id"] for row in rows]
        collection = _name(document, "insert")
        undo = {"delete": collection, "deletes": [{"q": {"_id": {"$in": ids}}, "limit": 0}]}
        return {
            "statement": text_of({**document, "documents": rows}),
            "lock": "the documents inserted",
            "transactional": True,
            "inverse": base["inverse"] or (text_of(undo),),
            "postcondition": Probe(
                statement=text_of({"count": collection, "query": {"_id": {"$in": ids}}}), expected=len(ids)
            ),
        }

    def _update(self, schema: DatabaseSchema, document: Document, base: Document) -> Document:
        change = _only(document, "updates")
        keeps = not change.get("upsert") and not base["inverse"]
        return self._rows(schema, document, "update", change, keeps)

    def _delete(self, schema: DatabaseSchema, document: Document, base: Document) -> Document:
        return self._rows(schema, document, "delete", _only(document, "deletes"), not base["inverse"])

    def _rows(self, schema: DatabaseSchema, document: Document, verb: str, change: Document, keeps: bool) -> Document:
        """Updates and deletes keep the documents that match, before they change them."""
        table = _there(schema, _name(document, verb))
        query = change.get("q")
        if not isinstance(query, dict):
            raise InvalidStatement(f"{verb} wants q, the filter of the documents to change")
        image = {"find": table.name, "filter": query, **({"collation": c} if (c := change.get("collation")) else {})}
        return {
            "risk": "medium" if query else "high",
            "lock": "the documents changed",
            "transactional": True,
            "before_image": text_of(image) if keeps else None,
            "payload": {"table": table.name},
        }

    def _create(self, schema: DatabaseSchema, document: Document, base: Document) -> Document:
        name = _name(document, "create")
        return {
            "inverse": base["inverse"] or (short_text({"drop": name}),),
            "postcondition": _exists(name, 1),
        }

    def _drop(self, schema: DatabaseSchema, document: Document, base: Document) -> Document:
        name = _there(schema, _name(document, "drop")).name
        return {"risk": "high", "postcondition": _exists(name, 0)}

    def _createIndexes(self, schema: DatabaseSchema, document: Document, base: Document) -> Document:  # noqa: N802
        table = _there(schema, _name(document, "createIndexes"))
        specs = document.get("indexes")
        if not isinstance(specs, list) or not specs or not all(isinstance(s, dict) and s.get("key") for s in specs):
            raise InvalidStatement('createIndexes wants indexes, e.g. [{"key": {"status": 1}, "name": "status_1"}]')
        named = [{**spec, "name": spec.get("name") or _index_name(spec["key"])} for spec in specs]
        names = [str(spec["name"]) for spec in named]
        known = {index.name for index in table.indexes}
        if known & set(names):
            raise InvalidStatement(f"{table.name} has an index {sorted(known & set(names))[0]!r} already")
        undo = short_text({"dropIndexes": table.name, "index": names if len(names) > 1 else names[0]})
        return {
            "statement": short_text({**document, "indexes": named}),
            "lock": "reads and writes go on",
            "inverse": base["inverse"] or (undo,),
            "postcondition": _indexed(table.name, names, len(names)),
        }

    def _dropIndexes(self, schema: DatabaseSchema, document: Document, base: Document) -> Document:  # noqa: N802
        table = _there(schema, _name(document, "dropIndexes"))
        given: Any = document.get("index")
        asked = [index.name for index in table.indexes if not index.backs_constraint] if given == "*" else (
            given if isinstance(given, list) else [given]
        )  # fmt: skip
        by_name = {index.name: index for index in table.indexes}
        missing = [name for name in asked if name not in by_name]
        if missing or not asked:
            raise InvalidStatement(
                f"{table.name} has no index {missing[0] if missing else given!r}", object_name=table.name,
                hint=f"Give names. Valid: {', '.join(by_name)}.", next_actions=("describe_schema",),
            )  # fmt: skip
        undo = tuple(text for name in asked for text in self._emit.drop_index(table, by_name[name]).inverse)
        return {
            "lock": "the collection, for a moment",
            "inverse": base["inverse"] or undo,
            "postcondition": _indexed(table.name, asked, 0),
        }

    def _collMod(self, schema: DatabaseSchema, document: Document, base: Document) -> Document:  # noqa: N802
        """Undo by the options there were; an index's option by its definition."""
        table = _there(schema, _name(document, "collMod"))
        before = document_of(table.definition) if table.definition else {}
        undo: Document = {"collMod": table.name}
        for option, default in (("validator", {}), ("validationLevel", "strict"), ("validationAction", "error")):
            if option in document:
                undo[option] = before.get(option, default)
        changed = document.get("index")
        if isinstance(changed, dict):
            index = next((i for i in table.indexes if i.name == changed.get("name")), None)
            spec = document_of(index.definition) if index is not None and index.definition else {}
            if "expireAfterSeconds" in changed and "expireAfterSeconds" in spec:
                undo["index"] = {"name": spec["name"], "expireAfterSeconds": spec["expireAfterSeconds"]}
        covered = set(document) <= set(undo)
        return {"risk": "medium", "inverse": base["inverse"] or ((short_text(undo),) if covered else ())}

    def _renameCollection(self, schema: DatabaseSchema, document: Document, base: Document) -> Document:  # noqa: N802
        old, new = _name(document, "renameCollection"), str(document.get("to", ""))
        prefix = self._database + "."
        if not old.startswith(prefix) or not new.startswith(prefix):
            raise InvalidStatement(
                "renameCollection wants full names within this database", hint=f"Write {prefix}old and {prefix}new."
            )
        _there(schema, old.removeprefix(prefix))
        replaces = bool(document.get("dropTarget"))
        undo = (short_text({"renameCollection": new, "to": old}),)
        return {
            "risk": "high" if replaces else "medium",
            "inverse": base["inverse"] or (() if replaces else undo),
            "postcondition": None if replaces else _exists(new.removeprefix(prefix), 1),
        }


def _unknown(name: str) -> InvalidStatement:
    if name in READS:
        return InvalidStatement("a read is no change", hint="Run it as a query.", next_actions=("run_query",))
    known = sorted(_COMMANDS | ADMINISTRATION)
    near = nearest(name, known)
    hint = (f"Did you mean {near!r}? " if near else "") + f"Valid: {', '.join(known)}."
    return InvalidStatement(f"{name!r} is not a command that a change may hold", hint=hint)


def _name(document: Document, verb: str) -> str:
    name = document[verb]
    if not isinstance(name, str) or not name:
        raise InvalidStatement(f"{verb} wants the name of a collection")
    return name


def _there(schema: DatabaseSchema, name: str) -> Table:
    table = schema.find(name)
    if table is None:
        raise InvalidStatement(f"there is no collection {name!r}", object_name=name, next_actions=("describe_schema",))
    return table


def _only(document: Document, part: str) -> Document:
    changes = document.get(part)
    if not isinstance(changes, list) or len(changes) != 1 or not isinstance(changes[0], dict):
        raise InvalidStatement(f"a step holds exactly one entry of {part}", hint="Give each its own step.")
    return changes[0]


def _exists(name: str, expected: int) -> Probe:
    return Probe(statement='{"listCollections": 1, "nameOnly": true}', parameters=(name,), expected=expected)


def _indexed(collection: str, names: list[str], expected: int) -> Probe:
    return Probe(statement=short_text({"listIndexes": collection}), parameters=tuple(names), expected=expected)


def _index_name(key: Document) -> str:
    return "_".join(f"{name}_{value}" for name, value in key.items())

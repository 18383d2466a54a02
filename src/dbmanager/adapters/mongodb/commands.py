"""Statements: one command document as Extended JSON text, read into closed models."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from bson import json_util
from bson.errors import BSONError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dbmanager.adapters.mongodb.values import RELAXED
from dbmanager.errors import InvalidStatement, nearest

MAX_BYTES = 64_000
MAX_DEPTH = 60
Document = dict[str, Any]
Collation = Annotated[Document | None, Field(description="Language rules of comparing")]
Hint = Annotated[str | Document | None, Field(description="Index to use")]
Whole = Annotated[int, Field(ge=0, le=2**31 - 1)]


class _Command(BaseModel):
    """A closed command; its first field is its name and the collection."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class Find(_Command):
    """Documents of one collection."""

    find: str
    filter: Document = {}
    projection: Document = {}
    sort: Document = {}
    skip: Whole = 0
    limit: Whole = 0
    hint: Hint = None
    collation: Collation = None
    let: Document | None = None


class Aggregate(_Command):
    """What a pipeline makes of one collection."""

    aggregate: str
    pipeline: list[Document]
    cursor: Document = {}
    hint: Hint = None
    collation: Collation = None
    let: Document | None = None


class Count(_Command):
    """How many documents of one collection match."""

    count: str
    query: Document = {}
    skip: Whole = 0
    limit: Whole = 0
    hint: Hint = None
    collation: Collation = None


class Distinct(_Command):
    """The different values of one field."""

    distinct: str
    key: str
    query: Document = {}
    collation: Collation = None


Read = Find | Aggregate | Count | Distinct
READS: dict[str, type[_Command]] = {"find": Find, "aggregate": Aggregate, "count": Count, "distinct": Distinct}
SET_HERE = frozenset(
    "maxTimeMS batchSize singleBatch comment readConcern writeConcern cursor.batchSize allowDiskUse tailable awaitData "
    "noCursorTimeout allowPartialResults lsid txnNumber $db $readPreference oplogReplay returnKey showRecordId explain".split()
)
"""Fields of the protocol that this server sets itself, or leaves out."""


LEFT_OUT: dict[str, dict[str, type]] = {
    "find": {"comment": object, "singleBatch": bool, "allowDiskUse": bool},
    "aggregate": {"comment": object, "allowDiskUse": bool},
    "count": {"comment": object},
    "distinct": {"comment": object},
}
"""Fields that change no document of the answer: taken by type and not sent, as each statement bears our own comment,
batches are cut to the page, and whether a sort may use the disk is the server's own setting."""


def without_left_out(document: Document) -> Document:
    """Return a read without the fields that need not be sent.

    Raises: InvalidStatement when one is not of its type.
    """
    name = next(iter(document))
    known = LEFT_OUT.get(name, {})
    for field, kind in known.items():
        if field in document and not isinstance(document[field], kind):
            raise InvalidStatement(f"{name}: {field} is not true or false", hint=f"Correct {field}, or leave it out.")
    return {field: value for field, value in document.items() if field not in known}


def parse(text: str) -> Document:
    """Return the one document of a statement.

    Raises:
        InvalidStatement: it is too long, no JSON object, nested too deeply, or names a field twice.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise InvalidStatement("the statement is longer than 64 kB", hint="Write a narrower one.")
    try:
        found = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise _too_deep() from None
    except (ValueError, TypeError, OverflowError, BSONError):
        raise InvalidStatement(
            "the statement is not one document in (Extended) JSON",
            hint='Write e.g. {"find": "orders", "filter": {"status": "open"}, "limit": 10}.',
        ) from None
    if not isinstance(found, dict) or not found:
        raise InvalidStatement(
            "the statement is not one command document", hint='Write e.g. {"find": "orders", "limit": 10}.'
        )
    if depth_of(found) > MAX_DEPTH:
        raise _too_deep()
    return found


def _object(pairs: list[tuple[str, Any]]) -> Any:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidStatement(f"the field {twice!r} is given twice in one document", hint="Give it once.")
    return json_util.object_pairs_hook(pairs, RELAXED)


def _too_deep() -> InvalidStatement:
    return InvalidStatement(f"the statement is nested deeper than {MAX_DEPTH} levels", hint="Write it flatter.")


def depth_of(value: Any) -> int:
    """Return how many documents and lists stand in each other at most; without recursion."""
    deepest, stack = 0, [(value, 1)]
    while stack:
        item, level = stack.pop()
        deepest = max(deepest, level)
        inner: Iterable[Any] = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        stack += [(part, level + 1) for part in inner]
    return deepest


ModelT = TypeVar("ModelT", bound=BaseModel)


def shaped(model: type[ModelT], document: Document) -> ModelT:
    """Return a command as its model.

    Raises:
        InvalidStatement: a field is unknown (naming the nearest), missing or of a wrong type.
    """
    valid = list(model.model_fields)
    for name in document:
        if name not in valid:
            if name in SET_HERE:
                raise InvalidStatement(
                    f"the field {name!r} is set by the server", hint=f"Leave it out. Valid: {', '.join(valid)}."
                )
            near = nearest(name, valid)
            hint = (f"Did you mean {near!r}? " if near else "") + f"Valid: {', '.join(valid)}."
            raise InvalidStatement(f"{valid[0]} has no field {name!r}", hint=hint)
    try:
        return model.model_validate(document)
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"][:2] if part not in ("str", "dict"))
        raise InvalidStatement(f"{valid[0]}: {where}: {first['msg']}", hint=f"Valid: {', '.join(valid)}.") from None

"""The gate: four commands, listed stages and operators at any depth, collections of this database only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from bson.code import Code
from bson.dbref import DBRef

from dbmanager.adapters.mongodb.commands import READS, Read, parse, shaped, without_left_out
from dbmanager.adapters.mongodb.operators import ADVICE, ALLOWED, COMMAND_ADVICE, WRITES
from dbmanager.errors import InvalidStatement, StatementRefused, nearest

MAX_STAGES = 100
_PROPOSE = "Reads only here: propose the change as a change set, so that it is reviewed and approved."
_JOINS = {"$lookup": "from", "$graphLookup": "from", "$unionWith": "coll"}


def parse_read(text: str) -> Read:
    """Return the read that a statement is.

    Raises:
        StatementRefused: it is no read, or holds what a read may not; says what to use instead.
        InvalidStatement: it is not understood.
    """
    document = parse(text)
    name = next(iter(document))
    if name not in READS:
        raise _refused_command(name, document)
    _check(document)
    document = without_left_out(document)
    command = cast(Read, shaped(READS[name], document))
    _check_collection(document[name])
    pipeline = document.get("pipeline", ())
    if len(pipeline) > MAX_STAGES:
        raise StatementRefused(f"the pipeline has more than {MAX_STAGES} stages", hint="Write a shorter one.")
    if document.get("cursor"):
        raise InvalidStatement("the size of batches is set by the server", hint="Leave cursor out.")
    return command


def _refused_command(name: str, document: dict[str, Any]) -> StatementRefused:
    folded = name.casefold()
    inner = [other for other in document if other in READS]
    if folded in WRITES:
        return StatementRefused(f"{name} is not a read", hint=_PROPOSE, next_actions=("propose_change",))
    if folded in COMMAND_ADVICE:
        hint, actions = COMMAND_ADVICE[folded]
        return StatementRefused(f"{name} is not run as a query", hint=hint, next_actions=actions)
    if inner:
        hint = f"The command's name comes first: begin with {inner[0]!r}."
    else:
        near = nearest(name, READS)
        hint = (f"Did you mean {near!r}? " if near else "") + f"Reads are: {', '.join(READS)}."
    return StatementRefused(f"{name!r} is not one of the commands that are run as a query", hint=hint)


def _check(document: dict[str, Any]) -> None:
    """Walk every document and list without recursion; refuse code, unlisted operators and foreign collections."""
    for key, value in _entries(document):
        if isinstance(value, Code):
            raise StatementRefused("the statement holds code", hint=ADVICE["$where"])
        if isinstance(value, DBRef) and value.database is not None:
            raise StatementRefused("a reference names another database", hint="Compare with the _id alone.")
        if key is None or not key.startswith("$"):
            continue
        if key not in ALLOWED:
            raise _refused_operator(key)
        if key in _JOINS:
            _check_join(key, value)


def _entries(document: dict[str, Any]) -> Iterator[tuple[str | None, Any]]:
    """Yield every key with its value, and every item of a list with None, at any depth."""
    stack: list[Any] = [document]
    while stack:
        item = stack.pop()
        pairs = item.items() if isinstance(item, dict) else ((None, part) for part in item)
        for key, value in pairs:
            yield key, value
            if isinstance(value, dict | list):
                stack.append(value)


def _refused_operator(name: str) -> StatementRefused:
    if name in ADVICE:
        actions = ("propose_change",) if name in ("$out", "$merge") else ()
        return StatementRefused(f"{name} is not allowed in a read", hint=ADVICE[name], next_actions=actions)
    near = nearest(name, ALLOWED)
    hint = f"Did you mean {near!r}? " if near else ""
    return StatementRefused(
        f"{name[:80]!r} is not one of the stages and operators that a read may use",
        hint=f"{hint}What is not listed is not run; write it with the ordinary ones.",
    )


def _check_join(stage: str, value: Any) -> None:
    """A join reads a collection of this database, by its plain name."""
    named = value if isinstance(value, str) else value.get(_JOINS[stage]) if isinstance(value, dict) else None
    if named is None and isinstance(value, dict) and "pipeline" in value and stage in ("$lookup", "$unionWith"):
        raise StatementRefused(
            f"{stage} names no collection", hint=f"Give {_JOINS[stage]!r}, a collection of this database."
        )
    if isinstance(value, dict) and "db" in value:
        raise StatementRefused(f"{stage} names another database", hint="Connect to it under a name of its own.")
    if not isinstance(named, str):
        raise StatementRefused(
            f"{stage} does not name a collection plainly", hint="Give the name of a collection of this database."
        )
    _check_collection(named)


def _check_collection(name: str) -> None:
    if not name or "\0" in name or "$" in name:
        raise StatementRefused("the name of the collection is not valid", hint="describe_schema lists collections.",
                               next_actions=("describe_schema",))  # fmt: skip
    if name.split(".", 1)[0].casefold() == "system":
        raise StatementRefused(
            f"{name!r} is a collection of the server's own", hint="Describe the schema, or run the checks, instead.",
            next_actions=("describe_schema", "check_database"),
        )  # fmt: skip

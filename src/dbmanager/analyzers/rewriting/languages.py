"""What the gate of rewrites asks of a language: SQL of any dialect, or MongoDB's commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dbmanager.analyzers.rewriting.answers import difference
from dbmanager.analyzers.rewriting.databases import Generator, SmallDatabase
from dbmanager.analyzers.rewriting.equivalence import proof_of
from dbmanager.analyzers.rewriting.hints import hints_of
from dbmanager.analyzers.rewriting.pipelines import commands
from dbmanager.analyzers.rewriting.pipelines.answers import document_difference
from dbmanager.analyzers.rewriting.pipelines.collections import CollectionGenerator, SmallCollections
from dbmanager.analyzers.rewriting.pipelines.hints import hints_of_commands
from dbmanager.analyzers.rewriting.pipelines.oddities import oddities
from dbmanager.analyzers.rewriting.pipelines.promises import promise_of_command
from dbmanager.analyzers.rewriting.promises import Promise, has_clock, promise_of, unlike_bounds
from dbmanager.model.rewrites import Answer
from dbmanager.model.schema import DatabaseSchema

_ODD = (AttributeError, KeyError, TypeError, ValueError)
"""What comes of a stage that is not built as it should be; the engine says what is wrong with it."""
Small = SmallDatabase | SmallCollections


class Maker(Protocol):
    """Makes small databases one after another."""

    def empty(self) -> Any:
        """Return the database with nothing in it."""
        ...

    def made(self, number: int) -> Any:
        """Return a database; the same for the same seed and number."""
        ...


class Language(Protocol):
    """Thinks about the statements of one language."""

    @property
    def reached_rows(self) -> int:
        """A bound of rows up to this is passed often enough by small databases."""
        ...

    def promise(self, statement: str) -> Promise | None:
        """Return what a statement promises; None where it is not understood."""
        ...

    def proof(self, original: str, rewritten: str) -> tuple[str, ...]:
        """Return the ids of the rules that prove both equal; empty where they prove nothing."""
        ...

    def maker(self, statements: Sequence[str], seed: int) -> Maker | str:
        """Return what makes small databases for statements, or why there is nothing to make."""
        ...

    def differ(self, original: Answer, rewritten: Answer, promise: Promise) -> str | None:
        """Return how answers differ; None where they are the same, empty where they can't be compared."""
        ...

    def oddities(self, database: Small) -> list[str]:
        """Return what a counter-example has and nothing of the user's was seen to have; that may be what it takes."""
        ...

    def unlike_bounds(self, original: str, rewritten: str) -> tuple[str, ...]:
        """Return numbers of rows that only one of two statements bounds or skips."""
        ...

    def has_clock(self, statement: str) -> bool:
        """Whether the time of asking matters."""
        ...


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL of one dialect."""

    dialect: str
    schema: DatabaseSchema
    reached_rows: int = 3

    def promise(self, statement: str) -> Promise | None:
        """Return what a statement promises."""
        return promise_of(statement, self.dialect, self.schema)

    def proof(self, original: str, rewritten: str) -> tuple[str, ...]:
        """Return the ids of the rules that prove both equal."""
        return proof_of(original, rewritten, self.dialect, self.schema) or ()

    def maker(self, statements: Sequence[str], seed: int) -> Generator | str:
        """Return a generator of rows for the tables that the statements name."""
        hints = hints_of(tuple(statements), self.dialect, self.schema)
        if hints is None:
            return "the statements are not understood as a whole"
        return _unfilled(hints.elsewhere, bool(hints.tables)) or Generator(self.schema, hints, self.dialect, seed)

    def differ(self, original: Answer, rewritten: Answer, promise: Promise) -> str | None:
        """Compare rows."""
        return difference(original, rewritten, promise, folds_case=self.dialect == "mysql")

    def oddities(self, database: Small) -> list[str]:
        """Tell nothing: rows keep to what is declared."""
        return []

    def unlike_bounds(self, original: str, rewritten: str) -> tuple[str, ...]:
        """Return numbers of LIMIT, OFFSET and FETCH."""
        return unlike_bounds(original, rewritten, self.dialect)

    def has_clock(self, statement: str) -> bool:
        """Whether the time of asking matters."""
        return has_clock(statement, self.dialect)


@dataclass(frozen=True, slots=True)
class Pipelines:
    """MongoDB's find, aggregate, count and distinct."""

    schema: DatabaseSchema
    reached_rows: int = 10

    def promise(self, statement: str) -> Promise | None:
        """Return what a command promises."""
        command = commands.command_of(statement)
        try:
            return promise_of_command(command) if command is not None else None
        except _ODD:
            return None

    def proof(self, original: str, rewritten: str) -> tuple[str, ...]:
        """Prove nothing: there are no rules for pipelines."""
        return ()

    def maker(self, statements: Sequence[str], seed: int) -> CollectionGenerator | str:
        """Return a generator of documents for the collections that the commands name."""
        read = [commands.command_of(statement) for statement in statements]
        try:
            hints = hints_of_commands([command for command in read if command is not None], self.schema)
        except _ODD:
            return "the commands are not understood as a whole"
        return _unfilled(hints.elsewhere, True) or CollectionGenerator(self.schema, hints, seed)

    def differ(self, original: Answer, rewritten: Answer, promise: Promise) -> str | None:
        """Compare documents."""
        return document_difference(original, rewritten, promise)

    def oddities(self, database: Small) -> list[str]:
        """Tell of fields that are missing or of a type that no sampled document has."""
        return oddities(database, self.schema) if isinstance(database, SmallCollections) else []

    def unlike_bounds(self, original: str, rewritten: str) -> tuple[str, ...]:
        """Return numbers of $limit and $skip."""
        one, other = commands.command_of(original), commands.command_of(rewritten)
        if one is None or other is None:
            return ()
        left, right = commands.bounds_of(one), commands.bounds_of(other)
        return tuple(sorted((left - right) + (right - left)))

    def has_clock(self, statement: str) -> bool:
        """Whether the time of asking matters."""
        return commands.reads_clock(statement)


def language_of(dialect: str, schema: DatabaseSchema) -> Language:
    """Return the language of a connection's statements."""
    return Pipelines(schema) if dialect == "mongodb" else Sql(dialect, schema)


def _unfilled(elsewhere: Iterable[str], has_tables: bool) -> str:
    named = ", ".join(dict.fromkeys(elsewhere))
    if named:
        return f"{named} can't be filled with rows of ours"
    return "" if has_tables else "no table is read"

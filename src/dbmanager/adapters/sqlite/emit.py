"""SQLite DDL from the schema model."""

from __future__ import annotations

import re

from dbmanager.adapters.facets import Emission, Hiding, TypeMapping, Unsupported
from dbmanager.adapters.sql.keyed import keyed_columns
from dbmanager.adapters.sql.names import quote
from dbmanager.adapters.sql.steps import sql_change_step
from dbmanager.adapters.sql.untranslated import check_of, default_of
from dbmanager.adapters.sqlite.alter import alter_table, changes_values
from dbmanager.model.changes import ChangeStep
from dbmanager.model.indexing import IndexMeans, SearchKind
from dbmanager.model.queries import Scalar
from dbmanager.model.schema import Column, DatabaseSchema, DataType, ForeignKey, Index, Table, TypeKind
from dbmanager.model.schema_difference import TableDifference

_SAME = {
    TypeKind.INTEGER: "INTEGER",
    TypeKind.FLOAT: "REAL",
    TypeKind.TEXT: "TEXT",
    TypeKind.BINARY: "BLOB",
}
_EMULATED = {
    TypeKind.DECIMAL: ("DECIMAL_TEXT", "kept as text, exact; arithmetic needs a cast"),
    TypeKind.BOOLEAN: ("BOOLEAN", "kept as 0 and 1"),
    TypeKind.DATE: ("DATE", "kept as ISO text"),
    TypeKind.TIME: ("TIME", "kept as ISO text"),
    TypeKind.TIMESTAMP: ("TIMESTAMP", "kept as ISO text"),
    TypeKind.INTERVAL: ("TEXT", "kept as ISO 8601 text"),
    TypeKind.UUID: ("UUID_TEXT", "kept as text"),
    TypeKind.JSON: ("JSON_TEXT", "kept as text; json functions read it"),
    TypeKind.ENUM: ("TEXT", "kept as text; the values are not enforced"),
    TypeKind.ARRAY: ("JSON_TEXT", "kept as a JSON array"),
    TypeKind.NETWORK: ("TEXT", "kept as text"),
}
_LARGEST = "SQLite's integers end at 2^63 - 1"
_LITERAL = re.compile(r"^(NULL|TRUE|FALSE|CURRENT_(TIME|DATE|TIMESTAMP)|[-+]?\d+(\.\d+)?|'(?:[^']|'')*')$", re.I)


class SqliteEmit:
    """The `Emit` facet."""

    dialect = "sqlite"
    row_lock = ""
    has_schemas = False
    references_inline = True
    index_means = IndexMeans(include=True, partial=True, expressions=True, holds_row_key=True)

    def change_step(
        self, schema: DatabaseSchema, statement: str, *, inverse: str | None = None, title: str | None = None
    ) -> ChangeStep:
        """Return the step of one SQL statement."""
        return sql_change_step(self, schema, statement, inverse, title)

    def drop_index_statement(self, table: Table, name: str) -> str:
        """Return the statement that drops an index by name."""
        return f"DROP INDEX {self.quote(table.schema, name)}"

    def quote(self, *names: str | None) -> str:
        """Return a quoted identifier; a schema name is left out, since a file has one."""
        return quote(names[-1])

    def map_type(self, type_: DataType) -> TypeMapping:
        """Say how SQLite holds a type."""
        if type_.kind is TypeKind.INTEGER and type_.unsigned and type_.bits == 64:
            return TypeMapping("emulated", "DECIMAL_TEXT", f"kept as text, exact: {_LARGEST}")
        if type_.kind in _SAME:
            length = f"({type_.length})" if type_.length and type_.kind is TypeKind.TEXT else ""
            word = f"VARCHAR{length}" if length else _SAME[type_.kind]
            return TypeMapping("representable", word)
        if type_.kind in _EMULATED:
            word, reason = _EMULATED[type_.kind]
            return TypeMapping("emulated", word, reason)
        return TypeMapping("emulated", "TEXT", f"{type_.native} has no counterpart; kept as text")

    def create_table(self, table: Table, *, source_engine: str, with_foreign_keys: bool = True) -> Emission:
        """Emit the table; references go inside, since SQLite can't add them later."""
        native = source_engine == "sqlite"
        records: list[tuple[str, TypeMapping]] = []
        key = table.primary_key.columns if table.primary_key else ()
        lines = [self._column(table, column, native, key, records) for column in table.columns]
        if key and not self._inline_key(table, key):
            named = native and table.primary_key and table.primary_key.name
            lines.append(
                (f"CONSTRAINT {quote(named)} " if named else "") + f"PRIMARY KEY ({', '.join(map(quote, key))})"
            )
        for unique in table.uniques:
            name = f"CONSTRAINT {quote(unique.name)} " if native and unique.name else ""
            lines.append(f"{name}UNIQUE ({', '.join(map(quote, unique.columns))})")
        for check in table.checks:
            if native:
                lines.append((f"CONSTRAINT {quote(check.name)} " if check.name else "") + f"CHECK ({check.expression})")
            else:
                records.append(check_of(source_engine, check))
        if with_foreign_keys:
            lines += [_reference(reference) for reference in table.foreign_keys]
        options = [o.upper().replace("_", " ") for o in table.options if native and o in ("without_rowid", "strict")]
        body = ",\n  ".join(lines)
        statement = f"CREATE TABLE {quote(table.name)} (\n  {body}\n){' ' + ', '.join(options) if options else ''}"
        return Emission((statement,), (f"DROP TABLE {quote(table.name)}",), tuple(records))

    def _inline_key(self, table: Table, key: tuple[str, ...]) -> bool:
        return len(key) == 1 and table.column(key[0]).identity is not None

    def _column(
        self, table: Table, column: Column, native: bool, key: tuple[str, ...], records: list[tuple[str, TypeMapping]]
    ) -> str:
        mapping = self.map_type(column.type)
        if not native and column.type.kind is TypeKind.INTEGER and column.name in keyed_columns(table):
            mapping = TypeMapping("emulated" if column.type.unsigned and column.type.bits == 64 else "representable",
                                  "INTEGER", f"in a key it stays an integer: {_LARGEST}, larger values are refused")  # fmt: skip
        if not native and mapping.status != "representable":
            records.append((column.name, mapping))
        parts = [quote(column.name), column.type.native if native else mapping.sql]
        if self._inline_key(table, key) and column.name == key[0]:
            parts[1] = "INTEGER"
            parts.append("PRIMARY KEY" + (" AUTOINCREMENT" if native and "autoincrement" in table.options else ""))
        if not column.nullable and not (self._inline_key(table, key) and column.name == key[0]):
            parts.append("NOT NULL")
        if column.generated is not None and native:
            parts.append(f"GENERATED ALWAYS AS ({column.generated})")
        if column.default is not None and column.identity is None:
            if native:
                parts.append(f"DEFAULT ({column.default})")
            elif _LITERAL.match(column.default):
                parts.append(f"DEFAULT {column.default}")
            else:
                records.append(default_of(column))
        return " ".join(part for part in parts if part)

    def create_index(self, table: Table, index: Index, *, online: bool = False) -> Emission:
        """Emit the index; SQLite has no non-blocking form and no INCLUDE, whose columns become keys."""
        records: list[tuple[str, TypeMapping]] = []
        keys = [(k.name if k.is_expression else quote(k.name)) + (" DESC" if k.descending else "") for k in index.keys]
        if index.include:
            keys += [quote(name) for name in index.include if not index.unique]
            records.append((index.name, TypeMapping("emulated", "", "INCLUDE columns became keys")))
        where = f" WHERE {index.where}" if index.where else ""
        unique = "UNIQUE " if index.unique else ""
        statement = f"CREATE {unique}INDEX {quote(index.name)} ON {quote(table.name)} ({', '.join(keys)}){where}"
        return Emission((statement,), (f"DROP INDEX {quote(index.name)}",), tuple(records))

    def drop_index(self, table: Table, index: Index, *, online: bool = False) -> Emission:
        """Emit the drop; the inverse is the index as it was written."""
        again = (index.definition,) if index.definition else self.create_index(table, index).statements
        return Emission((f"DROP INDEX {quote(index.name)}",), again)

    def special_index(
        self, table: Table, column: str, kind: SearchKind, expression: str | None = None
    ) -> Index | Unsupported:
        """Say that there is none."""
        return Unsupported("SQLite has no other kinds of index but virtual tables")

    def hide_index(self, table: Table, index: Index) -> Hiding | Unsupported:
        """Say that it can't be done."""
        return Unsupported("SQLite has no hidden indexes")

    def add_foreign_key(self, table: Table, key: ForeignKey) -> Emission | Unsupported:
        """Say that SQLite can't."""
        return Unsupported("SQLite adds references only when the table is created; rebuild the table instead")

    def alter_table(self, difference: TableDifference) -> Emission | Unsupported:
        """Emit what adds columns, or builds the table anew."""

        def define(table: Table, column: Column) -> str:
            return self._column(table, column, True, table.primary_key.columns if table.primary_key else (), [])

        return alter_table(
            difference,
            lambda table: self.create_table(table, source_engine="sqlite").statements[0],
            define,
            lambda table, index: self.create_index(table, index).statements[0],
        )

    def changes_values(self, before: Column, after: Column) -> str | None:
        """Return the condition of a text that a number's column would change."""
        return changes_values(before, after)

    def index_exists_probe(self, table: Table, index_name: str) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query giving 1 while the index exists."""
        return (
            "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = ? AND tbl_name = ?",
            (index_name, table.name),
        )

    def table_exists_probe(self, table: Table) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query giving 1 while the table exists."""
        return "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", (table.name,)

    def create_schema(self, name: str) -> Emission | Unsupported:
        """SQLite files hold one schema."""
        return Unsupported(f"SQLite has no schema {name!r}: a file holds one schema")

    def schema_exists_probe(self, name: str) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query giving 1 for `main`."""
        return "SELECT ? = 'main'", (name,)


def _reference(key: ForeignKey) -> str:
    name = f"CONSTRAINT {quote(key.name)} " if key.name else ""
    referred = f"{quote(key.referred_table)} ({', '.join(map(quote, key.referred_columns))})"
    actions = "".join(
        f" ON {event} {action}"
        for event, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update))
        if action != "NO ACTION"
    )
    deferred = " DEFERRABLE INITIALLY DEFERRED" if key.deferrable else ""
    return f"{name}FOREIGN KEY ({', '.join(map(quote, key.columns))}) REFERENCES {referred}{actions}{deferred}"

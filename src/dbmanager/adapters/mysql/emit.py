"""MySQL and MariaDB DDL from the schema model."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from dbmanager.adapters.facets import Emission, Hiding, TypeMapping, Unsupported
from dbmanager.adapters.mysql.alter import alter_table
from dbmanager.adapters.mysql.carrying import changes_values
from dbmanager.adapters.mysql.collations import nearest_collation
from dbmanager.adapters.mysql.facts import ServerFacts
from dbmanager.adapters.mysql.tables import name_of
from dbmanager.adapters.sql.keyed import keyed_columns
from dbmanager.adapters.sql.steps import sql_change_step
from dbmanager.adapters.sql.untranslated import check_of, default_of, generated
from dbmanager.model.changes import ChangeStep
from dbmanager.model.indexing import PLAIN, SearchKind
from dbmanager.model.queries import Scalar
from dbmanager.model.schema import Column, DatabaseSchema, DataType, ForeignKey, Index, Table, TypeKind
from dbmanager.model.schema_difference import TableDifference

_INTEGERS = {8: "tinyint", 16: "smallint", 24: "mediumint", 32: "int", 64: "bigint"}
_LITERAL = re.compile(r"^(NULL|TRUE|FALSE|CURRENT_TIMESTAMP|[-+]?\d+(\.\d+)?|'(?:[^'\\]|'')*')$", re.I)
_ROWS = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b", re.I)
_ALONE = re.compile(
    r"^\s*(CREATE|ALTER|DROP|RENAME|TRUNCATE|GRANT|REVOKE|ANALYZE|OPTIMIZE|SET|FLUSH|INSTALL|UNINSTALL)\b", re.I
)
KEY_CHARACTERS = 191
"""What text of no stated length is cut to in a key: four such columns of four-byte characters fit 3,072 bytes."""
_TABLE = " DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"


class MysqlEmit:
    """The `Emit` facet."""

    dialect = "mysql"
    row_lock = " FOR UPDATE"
    has_schemas = False
    references_inline = False
    index_means = PLAIN

    def __init__(self, server: Callable[[], ServerFacts | None] = lambda: None) -> None:
        """Take what tells the server's facts once they are known; before that nothing is fitted to its product."""
        self._server = server

    def change_step(
        self, schema: DatabaseSchema, statement: str, *, inverse: str | None = None, title: str | None = None
    ) -> ChangeStep:
        """Return the step of one SQL statement; whatever is no change of rows commits by itself."""
        step = sql_change_step(self, schema, statement, inverse, title)
        alone = _ALONE.match(re.sub(r"/\*.*?\*/|--\s[^\n]*\n?|#[^\n]*\n?", " ", step.statement, flags=re.DOTALL))
        return step.model_copy(update={"transactional": False}) if alone else step

    def drop_index_statement(self, table: Table, name: str) -> str:
        """Return the statement that drops an index by name."""
        return f"DROP INDEX {self.quote(name)} ON {self.quote(table.name)}"

    def quote(self, *names: str | None) -> str:
        """Return a quoted, dotted identifier."""
        return name_of(*names)

    def map_type(self, type_: DataType) -> TypeMapping:
        """Say how MySQL holds a type of another engine."""
        kind = type_.kind
        if kind is TypeKind.INTEGER:
            return TypeMapping("representable", _INTEGERS.get(type_.bits or 64, "bigint"))
        if kind is TypeKind.DECIMAL:
            return _decimal(type_)
        if kind is TypeKind.TEXT:
            return TypeMapping("representable", _text(type_))
        if kind is TypeKind.BINARY:
            short = type_.length is not None and type_.length <= 16_000
            return TypeMapping("representable", f"varbinary({type_.length})" if short else "longblob")
        if kind is TypeKind.TIMESTAMP and type_.with_time_zone:
            return TypeMapping("emulated", "datetime(6)", "kept in UTC without its zone")
        if kind is TypeKind.ENUM:
            return TypeMapping("emulated", "varchar(255)", "the values are not enforced")
        if kind is TypeKind.ARRAY:
            return TypeMapping("emulated", "json", "kept as a JSON array")
        plain = {
            TypeKind.FLOAT: "float" if type_.bits == 32 else "double",
            TypeKind.BOOLEAN: "tinyint(1)",
            TypeKind.DATE: "date",
            TypeKind.TIMESTAMP: "datetime(6)",
            TypeKind.JSON: "json",
        }.get(kind)
        if plain is not None:
            return TypeMapping("representable", plain)
        emulated = {
            TypeKind.TIME: ("time(6)", "a zone is not kept") if type_.with_time_zone else ("time(6)", ""),
            TypeKind.UUID: ("char(36)", "kept as its text"),
            TypeKind.NETWORK: ("varchar(64)", "kept as its text"),
            TypeKind.INTERVAL: ("varchar(64)", "kept as its text"),
        }.get(kind, ("longtext", f"{type_.native or 'a value of any type'} is kept as text"))
        return TypeMapping("emulated" if emulated[1] else "representable", *emulated)

    def create_table(self, table: Table, *, source_engine: str, with_foreign_keys: bool = True) -> Emission:
        """Emit the table with its keys, unique constraints and checks."""
        native = source_engine == "mysql"
        records: list[tuple[str, TypeMapping]] = []
        keyed = keyed_columns(table)
        lines = [self._column(column, native, column.name in keyed, records) for column in table.columns]
        if table.primary_key:
            lines.append(f"PRIMARY KEY ({_names(table.primary_key.columns)})")
        lines += [f"UNIQUE KEY {name_of(u.name) if u.name else ''}({_names(u.columns)})" for u in table.uniques]
        for check in table.checks:
            if native:
                named = f"CONSTRAINT {name_of(check.name)} " if check.name else ""
                lines.append(f"{named}CHECK ({check.expression})" + ("" if check.validated else " NOT ENFORCED"))
            else:
                records.append(check_of(source_engine, check))
        if with_foreign_keys:
            lines += [_reference(key) for key in table.foreign_keys]
        body = ",\n  ".join(lines)
        return Emission(
            (f"CREATE TABLE {name_of(table.name)} (\n  {body}\n){self._options(table, native, records)}",),
            (f"DROP TABLE {name_of(table.name)}",),
            tuple(records),
        )

    def _options(self, table: Table, native: bool, records: list[tuple[str, TypeMapping]]) -> str:
        if not native:
            return _TABLE
        comment = f" COMMENT={_quoted(table.comment)}" if table.comment else ""
        partitions = ""
        if table.partition_key and table.partitions:
            partitions = f" PARTITION BY {table.partition_key}" + _partitions(table)
        options = [self._option(table, option, records) for option in table.options]
        return "".join(f" {option}" for option in options) + comment + partitions

    def _option(self, table: Table, option: str, records: list[tuple[str, TypeMapping]]) -> str:
        word, _, collation = option.partition("=")
        return f"{word}={self._collation(table.name, collation, records)}" if word == "COLLATE" else option

    def _collation(self, object_name: str, collation: str, records: list[tuple[str, TypeMapping]]) -> str:
        """Return a collation that the server has, with a record where it is not the one asked for."""
        server = self._server()
        found = nearest_collation(collation, server) if server is not None else None
        if found is None:
            return collation
        reason = f"the server has no {collation}; {found[0]} is the nearest: {found[1]}"
        records.append((object_name, TypeMapping("emulated", found[0], reason)))
        return found[0]

    def _column(self, column: Column, native: bool, in_key: bool, records: list[tuple[str, TypeMapping]]) -> str:
        mapping = self.map_type(column.type)
        if not native and in_key and mapping.sql in ("longtext", "longblob", "json"):
            cut = f"var{'binary' if mapping.sql == 'longblob' else 'char'}({KEY_CHARACTERS})"
            mapping = TypeMapping("emulated", cut, f"a key takes at most {KEY_CHARACTERS} characters")
        if not native and mapping.status != "representable":
            records.append((column.name, mapping))
        parts = [name_of(column.name), column.type.native if native else mapping.sql]
        if native and column.collation and column.type.native != "json":
            parts.append(f"COLLATE {self._collation(column.name, column.collation, records)}")
        if column.generated is not None and native:
            expression, _, kept = column.generated.rpartition(" ")
            parts.append(f"GENERATED ALWAYS AS ({expression}) {kept}")
        if not column.nullable:
            parts.append("NOT NULL")
        elif "timestamp" in parts[1]:
            parts.append("NULL")
        if column.identity is not None:
            parts.append("AUTO_INCREMENT")
        elif column.generated is not None and not native:
            records.append(generated(column))
        elif column.generated is None and column.default is not None:
            self._default(column, native, mapping, parts, records)
        if native and column.comment:
            parts.append(f"COMMENT {_quoted(column.comment)}")
        return " ".join(parts)

    def _default(
        self,
        column: Column,
        native: bool,
        mapping: TypeMapping,
        parts: list[str],
        records: list[tuple[str, TypeMapping]],
    ) -> None:
        default = str(column.default)
        if native:
            parts.append(f"DEFAULT {default}")
        elif not _LITERAL.match(default):
            records.append(default_of(column))
        elif mapping.sql.startswith("datetime") and default.upper() == "CURRENT_TIMESTAMP":
            parts.append("DEFAULT CURRENT_TIMESTAMP(6)")
        elif mapping.sql in ("longtext", "longblob", "json"):
            parts.append(f"DEFAULT ({default})")
        else:
            parts.append(f"DEFAULT {default}")

    def create_index(self, table: Table, index: Index, *, online: bool = False) -> Emission:
        """Emit the index; online the server must build it while writes go on, or refuse."""
        texts = {c.name for c in table.columns if self._is_long(c)}
        parts = [
            _key(key.name, key.is_expression, key.name in texts) + (" DESC" if key.descending else "")
            for key in index.keys
        ]
        kind = {"fulltext": "FULLTEXT ", "spatial": "SPATIAL "}.get(index.method, "UNIQUE " if index.unique else "")
        how = " USING HASH" if index.method == "hash" else ""
        statement = f"CREATE {kind}INDEX {name_of(index.name)}{how} ON {name_of(table.name)} ({', '.join(parts)})"
        if index.where:
            record = TypeMapping("emulated", statement, f"the index covers all rows, not only those with {index.where}")
            if index.unique:
                record = TypeMapping("rejected", "", f"no unique index over a part of the rows ({index.where})")
                return Emission((), (), ((index.name, record),))
            return Emission((statement,), (self.drop_index_statement(table, index.name),), ((index.name, record),))
        return Emission((statement + _online(online),), (self._drop(table, index, online),))

    def _is_long(self, column: Column) -> bool:
        return column.type.native.lower().endswith(("text", "blob")) or (
            column.type.kind in (TypeKind.TEXT, TypeKind.BINARY) and column.type.length is None
        )

    def drop_index(self, table: Table, index: Index, *, online: bool = False) -> Emission:
        """Emit the drop; the inverse makes the index anew."""
        again = self.create_index(table, index, online=online).statements
        return Emission((self._drop(table, index, online),), again)

    def _drop(self, table: Table, index: Index, online: bool) -> str:
        if online:
            return f"ALTER TABLE {name_of(table.name)} DROP INDEX {name_of(index.name)}, ALGORITHM=INPLACE, LOCK=NONE"
        return self.drop_index_statement(table, index.name)

    def special_index(
        self, table: Table, column: str, kind: SearchKind, expression: str | None = None
    ) -> Index | Unsupported:
        """Say that there is none."""
        return Unsupported("not built for MySQL and MariaDB yet: FULLTEXT serves words alone")

    def hide_index(self, table: Table, index: Index) -> Hiding | Unsupported:
        """Emit INVISIBLE (MySQL 8) or IGNORED (MariaDB 10.6): the index is kept up to date and no plan reads it."""
        server = self._server()
        has = server.has if server is not None else frozenset[str]()
        words = ("INVISIBLE", "VISIBLE", "IS_VISIBLE", "NO") if "statistics.is_visible" in has else None
        words = ("IGNORED", "NOT IGNORED", "IGNORED", "YES") if "statistics.ignored" in has else words
        if words is None:
            return Unsupported("this server has no hidden indexes: MySQL has them from 8.0, MariaDB from 10.6")
        hide, show, column, value = words
        head = f"ALTER TABLE {name_of(table.name)} "
        altered = f"{head}ALTER INDEX {name_of(index.name)}"
        probe = (
            "SELECT COUNT(DISTINCT INDEX_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() "  # noqa: S608
            f"AND INDEX_NAME = ? AND TABLE_NAME = ? AND {column} = '{value}'"
        )
        return Hiding(f"{altered} {hide}", f"{altered} {show}", (probe, (index.name, table.name)), head)

    def add_foreign_key(self, table: Table, key: ForeignKey) -> Emission | Unsupported:
        """Emit the reference; it is checked over all rows when it is added, and gets an index where there is none."""
        name = key.name or f"{table.name}_{'_'.join(key.columns)}_fk"[:64]
        on = name_of(table.name)
        body = _reference(replace(key, name=name))
        own = {index.name for index in table.indexes if index.backs_constraint and index.name == name}
        made = any(i.column_names[: len(key.columns)] == key.columns for i in table.indexes if i.name not in own)
        undo = [
            f"ALTER TABLE {on} DROP FOREIGN KEY {name_of(name)}" + ("" if made else f", DROP INDEX {name_of(name)}")
        ]
        return Emission((f"ALTER TABLE {on} ADD {body}",), tuple(undo))

    def alter_table(self, difference: TableDifference) -> Emission | Unsupported:
        """Emit one ALTER TABLE."""
        return alter_table(difference, lambda column: self._column(column, True, False, []))

    def changes_values(self, before: Column, after: Column) -> str | None:
        """Return the condition of a value that is rounded or cut."""
        return changes_values(before, after)

    def index_exists_probe(self, table: Table, index_name: str) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query giving 1 while an index of that name exists."""
        return (
            "SELECT COUNT(DISTINCT INDEX_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() "
            "AND INDEX_NAME = ? AND TABLE_NAME = ?",
            (index_name, table.name),
        )

    def table_exists_probe(self, table: Table) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query giving 1 while the table exists."""
        return (
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? "
            "AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')",
            (table.name,),
        )

    def create_schema(self, name: str) -> Emission | Unsupported:
        """Say that a schema would be another database."""
        return Unsupported(f"MySQL has no schemas inside a database; {name} would be another database: connect to it")

    def schema_exists_probe(self, name: str) -> tuple[str, tuple[Scalar, ...]]:
        """Return a query giving 1 while the connection's database has the name."""
        return "SELECT DATABASE() = ?", (name,)


def _online(online: bool) -> str:
    return " ALGORITHM=INPLACE LOCK=NONE" if online else ""


def _decimal(type_: DataType) -> TypeMapping:
    if type_.precision is None:
        return TypeMapping(
            "emulated", "decimal(65, 30)", "a number has at most 35 digits before and 30 after the point"
        )
    scale = max(0, type_.scale or 0)
    if type_.precision > 65 or scale > 30:
        return TypeMapping(
            "emulated", f"varchar({type_.precision + 2})", "kept as its text: more digits than a decimal has"
        )
    return TypeMapping("representable", f"decimal({type_.precision}, {scale})")


def _text(type_: DataType) -> str:
    return f"varchar({type_.length})" if type_.length is not None and 0 < type_.length <= 4_000 else "longtext"


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(name_of(name) for name in columns)


def _key(name: str, is_expression: bool, is_long: bool) -> str:
    if is_expression:
        return name
    return name_of(name) + (f"({KEY_CHARACTERS})" if is_long else "")


def _quoted(text: str | None) -> str:
    return "'" + str(text).replace("\\", "\\\\").replace("'", "''") + "'"


def _partitions(table: Table) -> str:
    method = str(table.partition_key).split(" ", 1)[0].upper()
    if method.startswith(("HASH", "KEY", "LINEAR")):
        return f" PARTITIONS {len(table.partitions)}"
    word = "LESS THAN" if method.startswith("RANGE") else "IN"
    parts = []
    for part in table.partitions:
        bound = part.bound if part.bound == "MAXVALUE" and word == "LESS THAN" else f"({part.bound})"
        parts.append(f"PARTITION {name_of(part.name)} VALUES {word} {bound}")
    return f" ({', '.join(parts)})"


def _reference(key: ForeignKey) -> str:
    name = f"CONSTRAINT {name_of(key.name)} " if key.name else ""
    referred = f"{name_of(key.referred_schema, key.referred_table)} ({_names(key.referred_columns)})"
    actions = "".join(
        f" ON {event} {action}"
        for event, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update))
        if action not in ("NO ACTION", "SET DEFAULT")
    )
    return f"{name}FOREIGN KEY ({_names(key.columns)}) REFERENCES {referred}{actions}"

"""The steps that make tables as designed, in an order that works: what goes first, then tables, then what joins them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dbmanager.adapters.facets import Adapter, Emission, Emit, need
from dbmanager.analyzers.schema_diff.parts import index_part, parts, reference_part
from dbmanager.errors import UnsupportedCapability
from dbmanager.model.changes import ChangeStep
from dbmanager.model.schema import DatabaseSchema, ForeignKey, Index, Table, TableKind
from dbmanager.model.schema_difference import TableDifference
from dbmanager.phases.optimization.implementation.design import Design
from dbmanager.phases.optimization.implementation.obstacles import would_change
from dbmanager.phases.optimization.implementation.steps import PART
from dbmanager.services.schema_steps import schema_steps


class Making:
    """Makes the steps of one plan."""

    def __init__(self, adapter: Adapter, emit: Emit, connection: str, design: Design, present: DatabaseSchema) -> None:
        self._adapter, self._emit, self._connection = adapter, emit, connection
        self._design, self._present = design, present
        self._taken = {key.name for table in present.tables for key in table.foreign_keys}

    async def steps(self, made: Sequence[Table], altered: Sequence[TableDifference]) -> list[ChangeStep]:
        """Return the steps.

        Raises: UnsupportedCapability naming what can't be altered on this engine.
        """
        found: list[ChangeStep] = []
        for name in dict.fromkeys([one.name for one in self._design.statements if one.sort == "schema"]):
            found += await schema_steps(self._adapter, self._emit, name)
        for one in altered:
            found += self._taken_away(one)
        found += [step for one in altered for step in self._altered(one)]
        found += [self._made(table) for table in self._in_given_order(made)]
        for one in altered:
            found += self._indexes(one)
        for one in altered if not self._emit.references_inline else ():
            found += [self._reference(one.after, key) for key in one.references_added]
        found += [step for table in made for step in self._later_references(table)]
        return found + self._views()

    def _in_given_order(self, tables: Sequence[Table]) -> list[Table]:
        places = {id(table): self._design.statements.index(self._design.of(table)[0]) for table in tables}
        return sorted(tables, key=lambda table: places[id(table)])

    def _parts(self, table: Table) -> set[str]:
        return set(parts(table, self._present.engine))

    def _taken_away(self, one: TableDifference) -> list[ChangeStep]:
        steps = []
        for key in one.references_dropped if not self._emit.references_inline else ():
            emission = need(self._emit.add_foreign_key(one.before, key), one.before.name)
            part = reference_part(key, one.before.schema)
            steps.append(self._step(
                one.before, f"drop {part} of {one.before.name}", emission.inverse, emission.statements, lacks=[part]
            ))  # fmt: skip
        for index in one.indexes_dropped:
            emission = self._emit.drop_index(one.before, index, online=_goes_on(one.before, index))
            steps.append(self._step(
                one.before, f"drop {index.name}", emission.statements, emission.inverse, lacks=[index_part(index)]
            ))  # fmt: skip
        return steps

    def _altered(self, one: TableDifference) -> list[ChangeStep]:
        inline = self._emit.references_inline and bool(one.references_added or one.references_dropped)
        if not (one.alters or inline):
            return []
        emission = need(self._emit.alter_table(one), one.before.name)
        before, after = self._bare(one.before), self._bare(one.after)
        retyped = any(old.type.native != new.type.native for old, new in one.columns_changed)
        return [
            self._step(
                one.before, f"alter {one.before.name}: {_summary(one)}", emission.statements, emission.inverse,
                has=sorted(after - before), lacks=sorted(before - after),
                risk="high" if one.columns_dropped else "medium",
                rewrites=retyped or len(emission.statements) > len(one.columns_added),
                spares=would_change(self._adapter, self._emit, one),
            )
        ]  # fmt: skip

    def _bare(self, table: Table) -> set[str]:
        """Return the parts that altering the table itself decides."""
        keys = table.foreign_keys if self._emit.references_inline else ()
        return self._parts(replace(table, indexes=(), foreign_keys=keys))

    def _made(self, table: Table) -> ChangeStep:
        texts = [one.text for one in self._design.of(table) if one.sort not in ("reference", "view")]
        later = any(one.sort == "reference" for one in self._design.of(table))
        emission = self._emit.create_table(table, source_engine=self._adapter.engine)
        has = self._parts(replace(table, foreign_keys=()) if later else table)
        return self._step(table, f"create table {table.name}", texts, emission.inverse, has=sorted(has), makes=True)

    def _indexes(self, one: TableDifference) -> list[ChangeStep]:
        steps = []
        for index in one.indexes_added:
            emission = self._emit.create_index(one.after, index, online=_goes_on(one.before, index))
            _require_kept(emission)
            steps.append(self._step(
                one.after, f"create {index.name}", emission.statements, emission.inverse, has=[index_part(index)]
            ))  # fmt: skip
        return steps

    def _reference(self, table: Table, key: ForeignKey) -> ChangeStep:
        named = replace(key, name=None) if key.name in self._taken else key
        emission = need(self._emit.add_foreign_key(table, named), table.name)
        part = reference_part(key, table.schema)
        return self._step(table, f"add {part} to {table.name}", emission.statements, emission.inverse, has=[part])

    def _later_references(self, table: Table) -> list[ChangeStep]:
        """Return a step for each reference that the design adds after the table."""
        texts = [one for one in self._design.of(table) if one.sort == "reference"]
        added = {columns for one in texts for columns in one.columns}
        keys = [key for key in table.foreign_keys if tuple(name.casefold() for name in key.columns) in added]
        return [self._reference(table, key) for key in keys]

    def _views(self) -> list[ChangeStep]:
        emit, steps = need(self._adapter.steps, self._connection), []
        for one in self._design.statements:
            if one.sort == "view" and self._present.find(one.name, one.schema) is None:
                name = one.name if one.schema is None else f"{one.schema}.{one.name}"
                undo = f"DROP VIEW {one.written}"
                steps.append(emit.change_step(self._present, one.text, inverse=undo, title=f"create view {name}"))
        return steps

    def _step(
        self, table: Table, title: str, statements: Iterable[str], inverse: Iterable[str], *, has: Sequence[str] = (),
        lacks: Sequence[str] = (), makes: bool = False, risk: str = "low", rewrites: bool = False,
        spares: Sequence[tuple[str, str]] = (),
    ) -> ChangeStep:  # fmt: skip
        run, undo = list(statements), list(inverse)
        concurrent = any("CONCURRENTLY" in text for text in run)
        lock = (
            "SHARE UPDATE EXCLUSIVE (reads and writes go on)"
            if concurrent
            else "the table is locked while it is altered"
        )
        return ChangeStep.model_validate({
            "title": title, "kind": PART, "statement": ";\n".join(run), "inverse": undo, "risk": risk,
            "lock": "" if makes else lock, "rewrites_table": rewrites, "transactional": not concurrent,
            "payload": {
                "statements": run, "inverse": undo, "schema": table.schema, "table": table.name, "has": list(has),
                "lacks": list(lacks), "makes": makes, "spares": [list(one) for one in spares],
            },
        })  # fmt: skip


def _goes_on(table: Table, index: Index) -> bool:
    """Whether the index can be made and dropped while writes go on: not of all partitions at once, nor of other kinds."""
    return table.kind is not TableKind.PARTITIONED and index.method not in ("fulltext", "spatial")


def _require_kept(emission: Emission) -> None:
    """Refuse an index that this engine would make otherwise than designed.

    Raises: UnsupportedCapability.
    """
    for name, mapping in emission.records:
        raise UnsupportedCapability(f"index {name} can't be made as designed: {mapping.reason}", object_name=name)


def _summary(one: TableDifference) -> str:
    said = [f"add {column.name}" for column in one.columns_added]
    said += [f"drop {column.name}" for column in one.columns_dropped]
    said += [f"change {new.name}" for _, new in one.columns_changed]
    said += ["another primary key"] if one.primary_key_changed else []
    said += ["other options"] if one.options_changed else []
    constraints = len(one.uniques_added) + len(one.uniques_dropped) + len(one.checks_added) + len(one.checks_dropped)
    constraints += len(one.references_added) + len(one.references_dropped)
    return ", ".join([*said, *([f"{constraints} constraints"] if constraints else [])][:8])

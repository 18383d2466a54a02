"""What must be done to one table so that it is as a design says."""

from __future__ import annotations

from dataclasses import dataclass

from dbmanager.model.schema import CheckConstraint, Column, ForeignKey, Index, Table, UniqueConstraint


@dataclass(frozen=True, slots=True)
class TableDifference:
    """A table as it is and as it will be, and the parts by which the two differ.

    Attributes:
        before: the table as it stands on the target.
        after: the table as it will stand: the design's parts, and those of `before` that are kept beside them.
        kept: a sentence for every part of `before` that the design doesn't have and that stays.
    """

    before: Table
    after: Table
    columns_added: tuple[Column, ...] = ()
    columns_dropped: tuple[Column, ...] = ()
    columns_changed: tuple[tuple[Column, Column], ...] = ()
    primary_key_changed: bool = False
    uniques_added: tuple[UniqueConstraint, ...] = ()
    uniques_dropped: tuple[UniqueConstraint, ...] = ()
    references_added: tuple[ForeignKey, ...] = ()
    references_dropped: tuple[ForeignKey, ...] = ()
    checks_added: tuple[CheckConstraint, ...] = ()
    checks_dropped: tuple[CheckConstraint, ...] = ()
    indexes_added: tuple[Index, ...] = ()
    indexes_dropped: tuple[Index, ...] = ()
    options_changed: bool = False
    kept: tuple[str, ...] = ()

    @property
    def alters(self) -> bool:
        """Whether the table itself changes, its indexes and references aside."""
        return bool(
            self.columns_added or self.columns_dropped or self.columns_changed or self.primary_key_changed
            or self.uniques_added or self.uniques_dropped or self.checks_added or self.checks_dropped or self.options_changed
        )  # fmt: skip

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done."""
        return not (
            self.alters or self.references_added or self.references_dropped or self.indexes_added or self.indexes_dropped
        )  # fmt: skip

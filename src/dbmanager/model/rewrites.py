"""What two statements answer, as it is compared: on small generated databases whole, on real data as digests only."""

from __future__ import annotations

from dataclasses import dataclass

from dbmanager.model.queries import ResultColumn, Row


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement answered on a small database.

    Attributes:
        rows: with numbers in one form, so that 1 and 1.00 are equal.
        problem: why there is no answer, in the engine's words; empty when there is one.
    """

    columns: tuple[ResultColumn, ...]
    rows: tuple[Row, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Digest:
    """What a statement answered on real data, without any value of it.

    Attributes:
        bag: the same for the same rows in any order.
        loose: as `bag`, with fractions rounded to 7 digits: sums of floats depend on the order of adding.
        sequence: of the columns that it is ordered by, in the order of the rows.
        is_complete: whether it ended before the limit of rows.
    """

    columns: tuple[ResultColumn, ...]
    rows: int
    bag: int
    loose: int
    sequence: str
    is_complete: bool

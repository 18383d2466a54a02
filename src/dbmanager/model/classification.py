"""What kind of data a column holds, and how sure we are; evidence is counted, values are never kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Certainty = Literal["certain", "likely", "possible"]


class Level(StrEnum):
    """How much harm disclosure does."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


@dataclass(frozen=True, slots=True)
class Label:
    """The classification of one column.

    Attributes:
        type: what it holds (`email`, `phone`, `person_name`, `card_number`, `secret` ...).
        regimes: `PII`, `GDPR-9`, `PCI`, `PHI`, `SECRET`.
        evidence: counts by source, e.g. `{"name": 1, "pattern": 197, "sampled": 200}`.
        confirmed: a person said so; kept when automatic labels are made anew.
    """

    schema: str | None
    table: str
    column: str
    type: str
    level: Level
    certainty: Certainty
    regimes: tuple[str, ...] = ()
    evidence: Mapping[str, int] = field(default_factory=dict)
    confirmed: bool = False

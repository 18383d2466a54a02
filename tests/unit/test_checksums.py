"""Values that mean the same have one spelling; values that differ keep differing."""

from __future__ import annotations

import pytest

from dbmanager.model.schema import DataType, TypeKind
from dbmanager.services.checksums import normal

MOMENT = DataType(TypeKind.TIMESTAMP, "timestamptz")
SAME = ["2026-01-02 03:04:05", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05+00", "2026-01-02 03:04:05.000+00:00"]
OTHER = [
    "2026-01-02 03:04:06", "2026-01-02 03:04:05.001", "2026-01-02 03:04:05+01", "2026-01-02 03:04:50", "infinity",
]  # fmt: skip


@pytest.mark.parametrize("text", SAME)
def test_a_moment_has_one_spelling(text: str) -> None:
    assert normal(text, MOMENT) == SAME[0]


@pytest.mark.parametrize("text", OTHER)
def test_another_moment_stays_another(text: str) -> None:
    assert normal(text, MOMENT) != SAME[0]

"""Columns are classified well on tables and names that were written by somebody who had not seen the classifier."""

from __future__ import annotations

import pytest

from tests.classification.labelled import STYLES, Style, real_names, tables
from tests.classification.score import score_names, score_style

LEAST_F1: dict[Style, float] = {"plain": 0.95, "misleading": 0.80, "anonymous": 0.80}
LEAST_F1_OF_NAMES = 0.85


@pytest.mark.parametrize("style", STYLES)
def test_sensitive_columns_are_found_and_others_left_alone(style: Style) -> None:
    score = score_style(style)
    assert score.crashes == []
    assert score.f1 >= LEAST_F1[style], f"precision {score.precision:.3f}, recall {score.recall:.3f}"


def test_a_harmless_column_whose_name_only_mentions_a_sensitive_word_is_left_alone() -> None:
    assert [one.place for one in score_style("misleading").false_hits] == []


def test_names_alone_tell_most_of_well_known_schemas() -> None:
    score = score_names()
    assert score.f1 >= LEAST_F1_OF_NAMES, f"precision {score.precision:.3f}, recall {score.recall:.3f}"


def test_there_are_enough_tables_columns_locales_and_names() -> None:
    made = tables("plain")
    kinds = [kind for one in made for kind in one.kinds.values()]
    assert len(made) >= 40
    assert len(kinds) >= 400
    assert 0.4 < sum(kind is not None for kind in kinds) / len(kinds) < 0.6
    assert len(list(real_names())) >= 200
    assert all(120 <= len(one.sample.rows) <= 200 for one in made)


def test_each_style_names_the_same_values() -> None:
    plain, misleading, anonymous = (tables(style) for style in STYLES)
    for one, two, three in zip(plain, misleading, anonymous, strict=True):
        assert one.sample.rows == two.sample.rows == three.sample.rows

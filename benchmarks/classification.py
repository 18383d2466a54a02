"""Column classification beside peers, on tables whose author had not seen the classifier."""

from __future__ import annotations

from typing import Any

import anyio.to_thread

from benchmarks.outcome import Outcome, Size
from benchmarks.peers import DATAHUB, PRESIDIO, Peer, ask
from benchmarks.place import Place
from tests.classification.labelled import Style, tables
from tests.classification.score import score_style

SETTING = """\
56 tables with 655 columns, 351 of them sensitive, in 31 locales, labelled by somebody who had not seen the classifier \
(`tests/classification`). F1 is over columns: found means that the column would be masked. On the first run, before \
anything was learnt from these tables, the classifier had 89.5, 78.7 and 78.8. Presidio is asked with its pattern \
recognisers alone, 40 values a column, a column being found when half of its values are an entity as a whole; names \
and places would want a language model. DataHub's classifier is asked with its default weights and threshold, without its model of names as well. Both are \
asked on the same machine in the same run, in environments of their own."""
STYLES: tuple[Style, ...] = ("plain", "misleading", "anonymous")


def _columns(style: Style) -> tuple[list[dict[str, Any]], list[bool]]:
    asked, truth = [], []
    for one in tables(style):
        for column in one.table.columns:
            values = [str(value) for value in one.sample.values(column.name)]
            asked.append({"table": one.table.name, "name": column.name, "values": values})
            truth.append(one.kinds[column.name] is not None)
    return asked, truth


def f1_of(found: list[bool], truth: list[bool]) -> float:
    """Return the harmonic mean of precision and recall, 0-1."""
    hits = sum(f and t for f, t in zip(found, truth, strict=True))
    return 2 * hits / max(1, sum(found) + sum(truth))


async def measure(place: Place) -> Outcome:
    """Classify the tables under every style of names; peers under the styles that make a difference to them."""
    sizes: list[Size] = []
    for style in STYLES:
        score = score_style(style)
        sizes.append(Size(f"ours, {style} names", 100 * score.f1, "% F1"))
        sizes.append(Size(f"ours, {style} names, time", score.milliseconds, "ms a column", limit=15))
    for peer, style in ((PRESIDIO, "anonymous"), (DATAHUB, "plain"), (DATAHUB, "anonymous")):
        sizes += await anyio.to_thread.run_sync(_ask, peer, style)
    return Outcome("classification", "Column classification", SETTING, sizes=tuple(sizes))


def _ask(peer: Peer, style: Style) -> list[Size]:
    asked, truth = _columns(style)
    answer = ask(peer, asked)
    return [
        Size(f"{peer.name}, {style} names", 100 * f1_of(answer["found"], truth), "% F1"),
        Size(f"{peer.name}, {style} names, time", 1_000 * answer["seconds"] / len(asked), "ms a column"),
    ]

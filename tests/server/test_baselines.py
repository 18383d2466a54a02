"""What clients are told at the start is what was reviewed, and stays small."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from benchmarks import surface
from benchmarks.tool_list import MAX_BYTES, MAX_TOKENS, MAX_TOOLS


@pytest.fixture(scope="module")
def live() -> dict[str, surface.Listing]:
    return surface.read_live()


@pytest.mark.parametrize("name", surface.LISTS)
def test_each_list_is_the_committed_one(live: dict[str, surface.Listing], name: str) -> None:
    known = surface.committed(name)
    entries = [{key: entry[key] for key in ("name", "bytes", "sha256")} for entry in known["entries"]]
    assert [asdict(entry) for entry in live[name].entries] == entries, "run `make baselines` and review the diff"
    assert live[name].total_bytes == known["total"]["bytes"]


def test_the_tool_list_fits_its_bounds() -> None:
    total = surface.committed("tools_list")["total"]
    assert total["entries"] <= MAX_TOOLS
    assert total["bytes"] <= MAX_BYTES
    assert total["tokens"] <= MAX_TOKENS


def test_the_tokens_of_a_baseline_add_up_to_about_its_total() -> None:
    """The total holds the list's own brackets too; a count that was edited by hand stands out."""
    known = surface.committed("tools_list")
    added = sum(entry["tokens"] for entry in known["entries"])
    assert abs(known["total"]["tokens"] - added) <= 2 * len(known["entries"]) + 10

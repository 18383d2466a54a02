"""What the server's lists cost a client before the first question: bytes and tokens."""

from __future__ import annotations

from typing import Any

from benchmarks import surface, tokens
from benchmarks.outcome import Outcome, Size
from benchmarks.place import Place

MAX_BYTES = 48_000
MAX_TOKENS = 12_000
MAX_TOOLS = 40
SETTING = """\
The lists as the server sends them, as compact JSON, counted with gpt-tokenizer in the o200k vocabulary. The committed \
form, entry by entry, is in [baselines](baselines); a test compares it with the running server, `make baselines` writes \
it anew."""


def _total(name: str, listing: surface.Listing) -> dict[str, Any]:
    """Return the size of a list; where nothing can count, the baseline's tokens, which a test holds to be the same."""
    try:
        counts = tokens.count([*listing.texts, listing.whole])
    except tokens.TokenizerMissing:
        found = surface.committed(name)
        known = [(entry["name"], entry["sha256"]) for entry in found["entries"]]
        if known != [(entry.name, entry.sha256) for entry in listing.entries]:
            raise
        counts = [*(entry["tokens"] for entry in found["entries"]), found["total"]["tokens"]]
    total: dict[str, Any] = surface.baseline(listing, counts)["total"]
    return total


def _sizes(name: str, listing: surface.Listing) -> tuple[Size, ...]:
    method, _ = surface.LISTS[name]
    total, limited = _total(name, listing), name == "tools_list"
    return (
        Size(f"{method}, entries", total["entries"], "", MAX_TOOLS if limited else None),
        Size(f"{method}, size", total["bytes"], "bytes", MAX_BYTES if limited else None),
        Size(f"{method}, tokens", total["tokens"], "tokens", MAX_TOKENS if limited else None),
    )


async def measure(place: Place) -> Outcome:
    """Ask a running server for its lists."""
    sizes = tuple(size for name, listing in surface.read_live().items() for size in _sizes(name, listing))
    return Outcome("tool_list", "What a client is told at the start", SETTING, sizes=sizes)

"""Writes the committed baselines of the server's lists: `make baselines`. The diff is what a reviewer reads."""

from __future__ import annotations

import json

from benchmarks import surface, tokens


def main() -> None:
    """Read the lists from a running server, count their tokens and write one file for each."""
    surface.BASELINES.mkdir(parents=True, exist_ok=True)
    for name, listing in surface.read_live().items():
        found = surface.baseline(listing, tokens.count([*listing.texts, listing.whole]))
        file = surface.BASELINES / f"{name}.json"
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
        total = found["total"]
        print(f"{name}: {total['entries']} entries, {total['bytes']:,} bytes, {total['tokens']:,} tokens")


if __name__ == "__main__":
    main()

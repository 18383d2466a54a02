"""What a client is told about the server: its lists as they come over the wire, and their committed baselines."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.host import CHECKOUT
from benchmarks.wire import WireClient

BASELINES = CHECKOUT / "docs" / "baselines"
LISTS = {
    "tools_list": ("tools/list", "tools"),
    "prompts_list": ("prompts/list", "prompts"),
    "resources_list": ("resources/list", "resources"),
    "resource_templates_list": ("resources/templates/list", "resourceTemplates"),
}
"""Baseline's name: the method, and the key of its result."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One listed thing: its size as compact JSON, and a digest that changes with any letter of it."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One list: its entries in the order they are sent, the size of the whole, and the texts behind both."""

    entries: tuple[Entry, ...]
    total_bytes: int
    texts: tuple[str, ...]
    whole: str


def read_live() -> dict[str, Listing]:
    """Start the server without configuration and return its lists by baseline name."""
    command = [sys.executable, "-m", "dbmanager_server.cli", "serve"]
    with tempfile.TemporaryDirectory() as folder, WireClient(command, Path(folder), {"HOME": folder}) as client:
        client.initialize()
        return {name: _listing(_all(client, method, key), key) for name, (method, key) in LISTS.items()}


def _all(client: WireClient, method: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.request(method, **cursor)
        found += page[key]
        if not page.get("nextCursor"):
            return found
        cursor = {"cursor": page["nextCursor"]}


def _listing(found: list[dict[str, Any]], key: str) -> Listing:
    texts = tuple(_compact(entry) for entry in found)
    entries = tuple(
        Entry(entry["name"], len(text.encode()), hashlib.sha256(text.encode()).hexdigest())
        for entry, text in zip(found, texts, strict=True)
    )
    whole = _compact({key: found})
    return Listing(entries, len(whole.encode()), texts, whole)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def baseline(listing: Listing, counts: list[int]) -> dict[str, Any]:
    """Return the committed form; `counts` are the tokens of each entry and then of the whole."""
    *each, whole = counts
    return {
        "tokenizer": "o200k",
        "total": {"entries": len(each), "bytes": listing.total_bytes, "tokens": whole},
        "entries": [{**asdict(entry), "tokens": tokens} for entry, tokens in zip(listing.entries, each, strict=True)],
    }


def committed(name: str) -> dict[str, Any]:
    """Return a baseline from the checkout."""
    found: dict[str, Any] = json.loads((BASELINES / f"{name}.json").read_text("utf-8"))
    return found

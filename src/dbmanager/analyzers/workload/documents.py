"""Lines of JSON as they come: what is no document, or nested beyond reading, is none."""

from __future__ import annotations

import json
from typing import Any


def document(line: str) -> dict[str, Any] | None:
    """Return the document that a line holds; None where it holds something else."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None

"""The facet that tells the figures of a moment."""

from __future__ import annotations

from typing import Protocol

from dbmanager.adapters.facets.capability import Unsupported
from dbmanager.model.metrics import MetricMoment


class Metrics(Protocol):
    """Measures what a database holds and has counted."""

    async def moment(self) -> MetricMoment | Unsupported:
        """Return the figures of now: a few reads of catalog and counters, at most 100 tables, no table scanned.

        What the role may not see is named in `not_told` with the reason.
        """
        ...

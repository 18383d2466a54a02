"""The facet that writes the engine's own way of backing up as a script, for a person or a timer to run without us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dbmanager.adapters.facets.capability import Unsupported


@dataclass(frozen=True, slots=True)
class BackupScript:
    """A script that runs where the engine's client programs are; `ending` of its file without the dot."""

    ending: str
    text: str


class BackupScripts(Protocol):
    """Writes backup scripts. No secret stands in one: it takes them where the programs look for them."""

    def script(self, connection_name: str) -> BackupScript | Unsupported:
        """Return the script of a connection; it demands encryption as the connection does, where the programs can."""
        ...

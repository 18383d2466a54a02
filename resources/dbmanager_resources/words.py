"""The argument words of the commands: which are valid, and the error that names them and the nearest."""

from __future__ import annotations

from collections.abc import Sequence

from dbmanager.errors import InvalidChoice

FOCUS = ("requirements", "architecture", "performance", "security", "quality", "governance", "migration", "recovery")
DEPTH = ("quick", "deep")
ANALYSIS_FORMAT = ("text", "json", "report")
TYPE = ("database",)
DESIGN_FORMAT = ("diagram", "spec", "code")
FEATURE = ("database-optimization", "data-migration", "data-governance", "backup-recovery")
SWITCH = ("true", "false")
_SWITCHED = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}


def chosen(what: str, given: str, valid: Sequence[str], default: str) -> str:
    """Return the valid word that was meant; the default for an empty one, capitals and underscores don't matter.

    Raises: InvalidChoice naming the valid words and the nearest.
    """
    word = given.strip().casefold().replace("_", "-") or default
    if word not in valid:
        raise InvalidChoice.of(what, given.strip(), valid)
    return word


def switched(what: str, given: str, default: str) -> bool:
    """Return what a switch says. Raises: InvalidChoice."""
    word = given.strip().casefold()
    return chosen(what, _SWITCHED.get(word, word), SWITCH, default) == "true"

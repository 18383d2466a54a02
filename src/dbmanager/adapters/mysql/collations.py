"""Collations that MySQL and MariaDB do not share, and the nearest that the other one has.

Source: MySQL manual 12.10.1, Unicode Character Sets; MariaDB manual, Supported Character Sets and Collations.
"""

from __future__ import annotations

import re

from dbmanager.adapters.mysql.facts import ServerFacts

HAS_UCA_1400 = 101_000
"""MariaDB 10.10 brought the collations of Unicode 14."""
_OF_MYSQL = re.compile(r"utf8mb4_(?:(?P<language>\w+)_)?0900_(?P<rules>bin|a[is]_c[is])(?:_ks)?")
_OF_MARIADB = re.compile(r"utf8mb4_uca1400_(?:(?P<language>(?!nopad)[a-z]+\d?)_)?(?:nopad_)?(?P<rules>a[is]_c[is])")
_REST = {
    "utf8mb4_thai_520_w2": ("utf8mb4_0900_ai_ci", "without the order of the language (thai)"),
    "utf8mb4_myanmar_ci": ("utf8mb4_0900_ai_ci", "without the order of the language (myanmar)"),
    "utf8mb4_croatian_mysql561_ci": ("utf8mb4_croatian_ci", "rules of a later MySQL"),
}
"""Other collations of MariaDB that MySQL lacks."""
_UNPADDED = re.compile(r"(?P<rest>\w+?)_nopad(?P<kind>_bin|_ci)")


def nearest_collation(name: str, server: ServerFacts) -> tuple[str, str] | None:
    """Return the collation that stands in for one the server lacks, and what differs; None when it has it itself."""
    if server.product == "mariadb":
        found = _OF_MYSQL.fullmatch(name)
        return _in_mariadb(found, server.version_number) if found else None
    if name in _REST:
        return _REST[name]
    found = _OF_MARIADB.fullmatch(name)
    if found:
        rules = "as_cs" if found["rules"] == "ai_cs" else found["rules"]
        return f"utf8mb4_0900_{rules}", "rules of Unicode 9 instead of 14" + _lost(found["language"])
    found = _UNPADDED.fullmatch(name)
    if found and (found["rest"], found["kind"]) == ("utf8mb4", "_bin"):
        return "utf8mb4_0900_bin", "compares the same way"
    return (found["rest"] + found["kind"], "trailing spaces do not count in comparisons") if found else None


def _in_mariadb(found: re.Match[str], version_number: int) -> tuple[str, str]:
    rules = found["rules"]
    if rules == "bin":
        return "utf8mb4_nopad_bin", "compares the same way"
    if version_number >= HAS_UCA_1400:
        return f"utf8mb4_uca1400_nopad_{rules}", "rules of Unicode 14 instead of 9" + _lost(found["language"])
    if rules == "as_cs":
        return "utf8mb4_nopad_bin", "sorts by code point" + _lost(found["language"])
    differs = "rules of Unicode 5.2 instead of 9, accents and case do not count"
    return "utf8mb4_unicode_520_nopad_ci", differs + _lost(found["language"])


def _lost(language: str | None) -> str:
    return f", without the order of the language ({language})" if language else ""

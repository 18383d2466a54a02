"""Checks over how keys are designed, judged by the catalog's groups."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from dbmanager.adapters.redis.checks.facts import GROUPS, REDIS
from dbmanager.model.findings import Check, FactRows, Fix, Problem, QueryCheck, Severity
from dbmanager.model.queries import Cell

BIG_BYTES = 1_000_000
BIG_ELEMENTS = 10_000
PACKED_ENTRIES = 512
_FLEETING = re.compile(
    r"(^|[:/|#._\-])(cache|cached|session|sessions|sess|tmp|temp|lock|locks|otp|ratelimit|throttle|captcha)([:/|#._\-*]|$)"
)

_PERSONAL = re.compile(
    r"(?i)(?:.*[_.\- ])?(?:e[_\-]?mail|phone|mobile|telephone|ssn|iban|passport|birth[_\-]?(?:date|day)|dob|"
    r"(?:first|last|full|sur)[_\-]?name|street|address|postcode|zip)(?:[_\-](?:address|number|no))?"
)
"""Names of fields that hold what identifies a person; a check has no values to look at, which `classify_data` has."""


def _number(value: Cell) -> int:
    return int(str(value))


def _big_keys(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if _number(row["largest_bytes"]) > BIG_BYTES and _number(row["keys"]) > 1:
            yield Problem(
                str(row["group"]), {"largest_bytes": row["largest_bytes"], "largest_elements": row["largest_elements"]},
                fix=Fix("Split the value over several keys; delete it with UNLINK, never with DEL."),
            )  # fmt: skip


def _everything(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if _number(row["keys"]) == 1 and _number(row["largest_elements"]) > BIG_ELEMENTS:
            yield Problem(
                str(row["group"]), {"elements": row["largest_elements"], "bytes": row["largest_bytes"]},
                fix=Fix("Split it by time or by a hash of the member, or bound it (LTRIM, XTRIM, ZREMRANGEBYRANK)."),
            )  # fmt: skip


def _no_ttl(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if _FLEETING.search(str(row["group"]).lower()) and _number(row["without_ttl"]):
            yield Problem(
                str(row["group"]), {"sampled": row["sampled"], "without_ttl": row["without_ttl"]},
                fix=Fix("Write such keys with an expiry (SET ... EX), and give the present ones one by EXPIRE."),
            )  # fmt: skip


def _kept_for_ever(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        fields = row["fields"]
        personal = [field for field in fields if _PERSONAL.fullmatch(str(field))] if isinstance(fields, list) else []
        if personal and _number(row["without_ttl"]):
            yield Problem(
                str(row["group"]), {"fields": personal, "sampled": row["sampled"], "without_ttl": row["without_ttl"]},
                fix=Fix("Decide how long such data is needed, and write it with an expiry of that length."),
            )  # fmt: skip


def _spelled_differently(facts: FactRows) -> Iterator[Problem]:
    spellings: dict[str, set[str]] = defaultdict(set)
    for row in facts:
        found = re.match(r"([A-Za-z]+)([:/|#._\-])", str(row["group"]))
        if found:
            spellings[found[1].lower().rstrip("s")].add(found[1] + found[2])
    for forms in spellings.values():
        if len(forms) > 1:
            yield Problem(
                ", ".join(f"{form}*" for form in sorted(forms)), {"spellings": len(forms)},
                fix=Fix("Choose one spelling and one separator, and rename the others."),
            )  # fmt: skip


def _unpacked(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        packed, unpacked = _number(row["hashes_packed"]), _number(row["hashes_unpacked"])
        if unpacked and (packed or _number(row["smallest_unpacked"]) <= PACKED_ENTRIES):
            yield Problem(
                str(row["group"]), {"packed": packed, "unpacked": unpacked, "fields": row["smallest_unpacked"]},
                fix=Fix("Keep long values out of these hashes, or raise hash-max-listpack-value: packed hashes take a fraction."),
            )  # fmt: skip


def _mixed(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        kinds = row["types"]
        if isinstance(kinds, list) and len(kinds) > 1 and row["group"] != "*":
            yield Problem(
                str(row["group"]),
                {"types": kinds},
                fix=Fix("Give each kind of value its own prefix: half of the commands fail."),
            )


KEYS: tuple[QueryCheck, ...] = (
    Check("RD-022", Severity.MEDIUM, REDIS, "Personal data without an expiry",
          "What nobody deletes is kept for ever, against the purpose it was collected for.",
          "GDPR article 5 (1) e; Redis manual, EXPIRE", _kept_for_ever, GROUPS),
    Check("RD-101", Severity.MEDIUM, REDIS, "Big keys",
          "Reading, moving or deleting one of them stops every other client for that long.",
          "Redis manual, Diagnosing latency issues", _big_keys, GROUPS, pack="schema"),
    Check("RD-102", Severity.MEDIUM, REDIS, "Fleeting data without an expiry",
          "It fills the memory until something else is evicted for it.", "Redis manual, EXPIRE", _no_ttl, GROUPS,
          pack="schema"),
    Check("RD-103", Severity.LOW, REDIS, "One thing spelled in several ways",
          "Patterns, access rules and people miss half of the keys.", "Redis manual, Keys and values", _spelled_differently,
          GROUPS, pack="schema"),
    Check("RD-104", Severity.LOW, REDIS, "Hashes that lost their compact form",
          "Above hash-max-listpack-entries or -value a hash takes several times the memory.",
          "Redis manual, Memory optimization", _unpacked, GROUPS, pack="schema"),
    Check("RD-105", Severity.MEDIUM, REDIS, "One pattern, several types",
          "Commands fail with WRONGTYPE depending on the key.", "Redis manual, Data types", _mixed, GROUPS, pack="schema"),
    Check("RD-106", Severity.MEDIUM, REDIS, "One key holds everything",
          "It can't be spread over nodes, expires as a whole, and every client waits for it.",
          "Redis manual, Diagnosing latency issues", _everything, GROUPS, pack="schema"),
)  # fmt: skip

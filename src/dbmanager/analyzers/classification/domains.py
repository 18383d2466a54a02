"""Closed sets of values (gender, blood groups, faiths ...) and what the spread of dates and numbers tells."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from dbmanager.analyzers.classification.names import fold
from dbmanager.analyzers.classification.values import NEARLY_ALL, Values

_FORMS = (re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d\d?)[-/.](?P<d>\d\d?)([T ].*)?"),
          re.compile(r"(?P<d>\d\d?)[./-](?P<m>\d\d?)[./-](?P<y>\d{4})"),
          re.compile(r"(?P<m>\d\d?)/(?P<d>\d\d?)/(?P<y>\d{4})"), re.compile(r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)"))  # fmt: skip
ADULT, OLD, SPREAD = 10, 105, 35
LEAST_DATES = 15
MOST_DIFFERENT = 40


@dataclass(frozen=True, slots=True)
class Domain:
    """A closed set: `must` holds what only this kind has, of which at least two must turn up; `weak` proves nothing."""

    kind: str
    values: frozenset[str]
    must: frozenset[str]


@lru_cache(maxsize=1)
def domains() -> tuple[Domain, ...]:
    """Return the sets of `data/domains.toml`, read once."""
    data = tomllib.loads(files(__package__).joinpath("data", "domains.toml").read_text(encoding="utf-8"))
    return tuple(
        Domain(kind, frozenset(map(_plain, sets["values"])) | frozenset(map(_plain, sets["must"])),
               frozenset(map(_plain, sets["must"])))
        for kind, sets in data.items()
    )  # fmt: skip


def _plain(text: str) -> str:
    return re.sub(
        r"[\W_]+", " ", fold(text).replace("+", "plus").replace("-", "minus" if len(text) < 6 else " ")
    ).strip()


def domain_of(values: Values) -> tuple[str, int] | None:
    """Return the kind of a closed set that nearly all rows' values are in, and how many are."""
    if not 2 <= values.distinct <= MOST_DIFFERENT:
        return None
    plain: Counter[str] = Counter()
    for text, count in values.counts.items():
        plain[_plain(text)] += count
    total = sum(plain.values())
    for domain in domains():
        inside = {text: count for text, count in plain.items() if text in domain.values}
        if sum(inside.values()) >= NEARLY_ALL * total and len(inside.keys() & domain.must) >= 2:
            return domain.kind, sum(inside.values())
    return None


def years(texts: Sequence[str]) -> list[dt.date]:
    """Return the dates that the values are, in the usual spellings; others are left out."""
    return [found for text in texts if (found := _date(text)) is not None]


def is_date(text: str) -> bool:
    """Whether a text is a date of the last or this century in one of the usual spellings."""
    found = _date(text)
    return found is not None and 1900 <= found.year <= 2100


def _date(text: str) -> dt.date | None:
    for form in _FORMS:
        match = form.fullmatch(text)
        if match:
            try:
                return dt.date(int(match["y"]), int(match["m"]), int(match["d"]))
            except ValueError:
                continue
    return None


def are_birth_dates(values: Values) -> bool:
    """Whether dates lie as the births of grown people do: over more than a generation, hardly any of late."""
    dates = years(values.texts)
    if len(dates) < max(LEAST_DATES, 0.9 * len(values.texts)):
        return False
    today = dt.date.today()
    ages = sorted((today - date).days / 365.25 for date in dates)
    trimmed = ages[len(ages) // 20 : len(ages) - len(ages) // 20]
    if trimmed[0] < ADULT or trimmed[-1] > OLD or trimmed[-1] - trimmed[0] < SPREAD:
        return False
    at_new_year = sum(1 for date in dates if (date.month, date.day) == (1, 1))
    return at_new_year < len(dates) / 2 and len({date.month for date in dates}) >= 6

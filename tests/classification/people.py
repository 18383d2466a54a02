"""Invented people, one per row, so that the columns of a table agree with each other as they do in real data."""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

from faker import Faker

_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ",
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya i yi ye g".split(),
        strict=True,
    )
)
_GREEK = dict(
    zip("αβγδεζηθικλμνξοπρστυφχψως", "a v g d e z i th i k l m n x o p r s t y f ch ps o s".split(), strict=True)
)
_LETTERS = str.maketrans(
    {key: "" if value == "-" else value for key, value in (_CYRILLIC | _GREEK).items()}
    | {"ß": "ss", "ø": "o", "æ": "ae", "ł": "l", "đ": "d", "ı": "i"}
)
_PROVIDERS = ("gmail.com", "outlook.com", "yahoo.com", "example.org", "proton.me")


def latin(text: str) -> str:
    """Spell a name with a-z only, or empty when it cannot be (Chinese, Japanese, Korean)."""
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).translate(_LETTERS)
    return re.sub("[^a-z]", "", plain)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a row is about."""

    first: str
    last: str
    full: str
    gender: str
    born: date
    email: str
    username: str


def person(fake: Faker, rng: random.Random) -> Person:
    """Invent one of the locale: the e-mail address is made from the name in most rows, as in real data."""
    gender = rng.choice("MF")
    first = fake.first_name_male() if gender == "M" else fake.first_name_female()
    last = fake.last_name_male() if gender == "M" else fake.last_name_female()
    together = last + first if fake.locales[0] == "zh_CN" else f"{last} {first}"
    full = together if fake.locales[0] in ("zh_CN", "ja_JP", "ko_KR", "hu_HU") else f"{first} {last}"
    born = date(1938, 1, 1) + timedelta(days=int(rng.triangular(0, 25_500, 16_000)))
    return Person(first, last, full, gender, born, _email(fake, rng, first, last), _username(rng, first, last, born))


def _email(fake: Faker, rng: random.Random, first: str, last: str) -> str:
    given, family = latin(first), latin(last)
    if not given or not family or rng.random() < 0.15:
        return str(fake.ascii_free_email())
    domain = rng.choice(_PROVIDERS) if rng.random() < 0.7 else str(fake.domain_name())
    forms = (
        f"{given}.{family}",
        f"{given[0]}{family}",
        f"{given}{rng.randint(1, 99)}",
        f"{family}.{given}",
        f"{given}_{family}",
    )
    return f"{rng.choice(forms)}@{domain}"


def _username(rng: random.Random, first: str, last: str, born: date) -> str:
    given, family = latin(first) or "user", latin(last) or "x"
    forms = (
        f"{given[0]}{family}",
        f"{given}{born.year % 100:02d}",
        f"{family}{given[0]}",
        f"{given}_{family[:3]}",
        f"x{given}x{rng.randint(1, 999)}",
    )
    return rng.choice(forms)

"""Judges a column by its values alone: the maximum of independent evidence, with vetoes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dbmanager.analyzers.classification import checksums, patterns
from dbmanager.analyzers.classification.domains import are_birth_dates, domain_of, is_date
from dbmanager.analyzers.classification.values import Values
from dbmanager.model.classification import Certainty
from dbmanager.model.schema import Column, TypeKind

LEAST_VALUES = 3
LEAST_CHECKED = 8
"""Different values that a check digit must fit before it decides."""
EMBEDDED_RATIO = 0.02
NUMBERS = (TypeKind.INTEGER, TypeKind.DECIMAL)
MOMENTS = (TypeKind.DATE, TypeKind.TIMESTAMP)
UNFIT = (TypeKind.BOOLEAN, TypeKind.UUID, TypeKind.TIME, TypeKind.INTERVAL)
STRICT = frozenset(("email", "secret", "card_number", "bank_account", "ip_address", "device_id", "crypto_wallet"))
"""Kinds whose form is so strict that values overrule a name."""
_DIGITS = re.compile(r"[\d ./-]{7,16}")
_TITLE = re.compile(r"(?i)(^|\b)(dr|mr|mrs|ms|miss|prof|herr|frau|mme|mlle|sr|sra|srta|dott|sig|ing|dipl|univ|pan|pani)\.? \w|"
                    r"\b(jr|sr|phd|ph\.d|md|dds|dvm|msc|bsc|mba|ii|iii|b\.sc|m\.a)\.?$")  # fmt: skip
_NAME = re.compile(r"(?:[^\W\d_][\w'’.-]*,? ){1,5}[^\W\d_][\w'’.-]*\.?")
_REVERSED = re.compile(r"([^\W\d_][\w'’ -]+), ([^\W\d_]['\w’ .-]{2,})")
_TOKEN = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9_\-+/=]{32,}")
_STRONG = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^\w\s])\S{6,32}")
_WEAK = re.compile(
    r"(?=.*[A-Za-z])(?=.*[\d!*?@#$%&^+~])[A-Za-z0-9!*?@#$%&^+=~.]{5,24}[!*?@#$%&^+~]|[A-Za-z]{3,}\d{2,}[!*?@#$%&]"
)
_LOGIN = re.compile(r"[a-z][a-z0-9]*([._]?[a-z0-9]+)*")
_EAST_NAME = re.compile(
    r"[一-龠々ヶ]{2,4}|[一-龠々ぁ-んァ-ンー]{1,4}[ 　][一-龠々ぁ-んァ-ンー]{1,5}|[가-힣]{1,2} ?[가-힣]{1,3}"
)
_PARTICLES = frozenset("de da do dos das del della di du la le van von der den ten ter zu bin ibn al el y e of".split())
_MANY = 25
_POSTCODE_US = re.compile(r"\d{5}(-\d{4})?")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the values say: a kind, how surely, and by how many values of which source of evidence."""

    kind: str
    certainty: Certainty
    source: str
    count: int


def judge_values(column: Column, values: Values) -> Verdict | None:
    """Return what the values alone say a column holds, or None. Never decided by fewer than three values."""
    kind = column.type.kind
    if not values.texts or values.total < LEAST_VALUES or kind in UNFIT:
        return None
    if kind in MOMENTS:
        return Verdict("birth_date", "likely", "distribution", len(values.texts)) if are_birth_dates(values) else None
    if kind is TypeKind.FLOAT:
        return None
    if values.is_technical() or values.nearly_all(is_date):
        return Verdict("birth_date", "likely", "distribution", len(values.texts)) if are_birth_dates(values) else None
    if kind in NUMBERS:
        return _numbers(values)
    return _forms(values) or _checked(values) or _likely(values)


def _forms(values: Values) -> Verdict | None:
    """Judge by anchored forms that hardly anything else has."""
    for kind, is_kind in patterns.CERTAIN:
        count = _mixed(kind, values) or values.nearly_all(is_kind)
        if not count or (kind == "ip_address" and values.share(patterns.looks_like_version) > 0.6):
            continue
        if kind == "bank_account" and not is_sure_bank(values):
            return Verdict(kind, "likely", "pattern", count)
        if kind == "phone" and (checked := _checked(values)) is not None:
            return checked
        is_chance = values.distinct == 1 and kind in ("card_number", "device_id")
        return Verdict(kind, "likely" if is_chance else "certain", "pattern", count)
    return None


def is_sure_bank(values: Values) -> bool:
    """Whether the numbers are IBANs; a bank's identifier alone is other short codes' form too."""
    return bool(values.nearly_all(checksums.is_iban))


def _mixed(kind: str, values: Values) -> int:
    """Count phones and streets, which are written in many ways: all of the kind's wide form, enough of its strict one."""
    if kind == "address" and (count := _streets(values)):
        return count
    wide, strict, enough = _MIXED.get(kind, (None, None, 1.0))
    if wide is None or strict is None or values.distinct < LEAST_CHECKED or values.share(strict) < enough:
        return 0
    return values.nearly_all(wide)


def _streets(values: Values) -> int:
    """Count streets: by their words even where the number is missing, or by names and house numbers that all differ."""
    if values.distinct < LEAST_CHECKED:
        return 0
    if values.share(patterns.names_street) >= 0.75:
        return len(values.texts)
    named = [
        name for text in values.texts if (name := patterns.street_of(text)) and name[0].isupper() and not name.isupper()
    ]
    if len(named) < 0.85 * len(values.texts) or len(set(named)) < 0.8 * len(named):
        return 0
    return len(named) if values.share(patterns.names_street) >= 0.02 or len(set(named)) >= 0.9 * len(named) else 0


_MIXED: Mapping[str, tuple[Callable[[str], object], Callable[[str], object], float]] = {
    "phone": (patterns.may_be_phone, patterns.is_phone, 0.4),
    "address": (patterns.may_be_address, patterns.is_address, 0.3),
}


def _checked(values: Values) -> Verdict | None:
    """Judge by check digits of national numbers, which no number of an article may have as well."""
    first = Counter(re.sub(r"\d", "0", text) for text in values.texts[:10]).most_common(1)[0][0]
    sample = next(text for text in values.texts if re.sub(r"\d", "0", text) == first)
    checks = checksums.national_checks(sample)
    routing = values.nearly_all(checksums.is_routing_number) if len(sample) == 9 else 0
    if values.distinct < LEAST_CHECKED or not (checks or routing):
        return None
    is_article = bool(values.nearly_all(checksums.is_article)) and not sample.startswith("756")
    found = [(values.nearly_all(check), has_digit) for check, has_digit in checks]
    sure = max((count for count, has_digit in found if has_digit), default=0)
    if sure and not is_article:
        return Verdict("national_id", "certain", "checksum", sure)
    if routing and not is_article:
        return Verdict("bank_account", "likely", "checksum", routing)
    weak = max((count for count, _ in found), default=0)
    return Verdict("national_id", "likely", "pattern", weak) if weak and not is_article else None


def _numbers(values: Values) -> Verdict | None:
    """Judge whole numbers: only what proves itself by a check digit, or a region's plan of phone numbers."""
    if values.distinct < LEAST_CHECKED:
        return None
    for kind, check in (("card_number", checksums.is_card), ("device_id", checksums.is_imei)):
        if count := values.nearly_all(check):
            return Verdict(kind, "certain", "checksum", count)
    return _checked(values) or _national_phone(values)


def _likely(values: Values) -> Verdict | None:
    for judge in (
        _domain,
        _codes,
        _national_phone,
        _birth_dates,
        _illnesses,
        _titled,
        _full_names,
        _opaque,
        _usernames,
    ):
        found = judge(values)
        if found is not None:
            return found
    return None


def _domain(values: Values) -> Verdict | None:
    found = domain_of(values)
    return Verdict(found[0], "likely", "enumeration", found[1]) if found else None


def _birth_dates(values: Values) -> Verdict | None:
    return Verdict("birth_date", "likely", "distribution", len(values.texts)) if are_birth_dates(values) else None


def _national_phone(values: Values) -> Verdict | None:
    """Judge plain digits by the plans of some thirty countries: one of them must take nearly all values."""
    if values.distinct < LEAST_CHECKED or not values.nearly_all(_is_digits) or values.nearly_all(checksums.is_article):
        return None
    if any("." in text and text.replace(".", "").isdigit() and text.count(".") == 1 for text in values.texts[:5]):
        return None
    few = Values(values.texts[:12], values.distinct, (), values.total)
    international = checksums.national_phone_check("ZZ")
    for region in checksums.REGIONS:
        check = checksums.national_phone_check(region)
        if check is None or international is None:
            return None
        if few.nearly_all(check) and (count := values.nearly_all(check)):
            return Verdict("phone", "likely", "pattern", count)
    if international is not None and few.nearly_all(lambda text: len(text) > 10 and international("+" + text)):
        count = values.nearly_all(lambda text: international("+" + text))
        return Verdict("phone", "likely", "pattern", count) if count else None
    return None


def _is_digits(text: str) -> bool:
    return bool(_DIGITS.fullmatch(text)) and 7 <= sum(c.isdigit() for c in text) <= 13


def _codes(values: Values) -> Verdict | None:
    """Judge postcodes, plates and diagnosis codes: forms that other codes have too, so their letters must vary."""
    letters = {re.sub(r"[^A-Z]", "", text) for text in values.texts}
    varied = len(letters) > len(values.texts) / 2
    if values.distinct >= LEAST_CHECKED:
        if count := values.nearly_all(patterns.POSTCODE.fullmatch):
            is_lettered = any(map(str.isalpha, "".join(values.texts)))
            if varied or not is_lettered:
                return Verdict("postcode", "likely", "pattern", count)
        if values.nearly_all(_POSTCODE_US.fullmatch) and any("-" in text for text in values.texts):
            return Verdict("postcode", "likely", "pattern", len(values.texts))
        if varied and (count := values.nearly_all(patterns.PLATE.fullmatch) or values.nearly_all(patterns.is_vin_form)):
            return Verdict("vehicle", "likely", "pattern", count)
        count = values.nearly_all(patterns.ICD.fullmatch)
        if count and len(letters) >= 5 and values.share(lambda text: "." in text) > 0.3:
            return Verdict("health", "likely", "pattern", count)
    return None


def _titled(values: Values) -> Verdict | None:
    """Judge full names: words in capitals of which some bear a title, or surname, comma and given names."""
    if values.distinct < LEAST_CHECKED:
        return None
    if values.nearly_all(_NAME.fullmatch) and values.nearly_all(_is_capitalised, least=0.8):
        titled = sum(1 for text in values.texts if _TITLE.search(text))
        if titled >= max(2, EMBEDDED_RATIO * len(values.texts)):
            return Verdict("person_name", "likely", "pattern", titled)
    if count := values.nearly_all(_REVERSED.fullmatch):
        behind = {text.partition(", ")[2] for text in values.texts}
        before = {text.partition(", ")[0] for text in values.texts}
        if min(len(behind), len(before)) > len(values.texts) / 3:
            return Verdict("person_name", "likely", "pattern", count)
    return None


def _is_capitalised(text: str) -> bool:
    words = [word for word in text.split() if len(word) > 3]
    return all(word[0].isupper() or not word[0].isascii() for word in words)


def _illnesses(values: Values) -> Verdict | None:
    """Judge names of illnesses by what they are made of."""
    found = sum(1 for text in values.texts if patterns.is_medical(text))
    is_likely = values.distinct >= LEAST_VALUES and found >= 0.35 * len(values.texts)
    return Verdict("health", "likely", "pattern", found) if is_likely else None


def _full_names(values: Values) -> Verdict | None:
    """Judge full names by how they vary: two or three capitalised words, hardly a first or a last one repeated.

    Titles, products and companies repeat their words (`Manager`, `Chair`, `Ltd`); so do places.
    """
    if values.distinct < max(_MANY, 0.75 * sum(values.counts.values())):
        return None
    if count := values.nearly_all(_EAST_NAME.fullmatch):
        end = Counter(text[-1] for text in values.texts).most_common(1)[0][1]
        begins = {text[0] for text in values.texts}
        is_name = end < 0.25 * len(values.texts) and len(begins) < 0.75 * len(values.texts)
        return Verdict("person_name", "likely", "pattern", count) if is_name else None
    parts = [[word for word in text.split() if word.casefold() not in _PARTICLES] for text in values.texts]
    named = [words for text, words in zip(values.texts, parts, strict=True)
             if 2 <= len(words) <= 4 and _NAME.fullmatch(text) and _is_capitalised(text)]  # fmt: skip
    if len(named) < 0.88 * len(values.texts):
        return None
    first, last = Counter(words[0] for words in named), Counter(words[-1] for words in named)
    most = max(first.most_common(1)[0][1], last.most_common(1)[0][1])
    if min(len(first), len(last)) < 0.5 * len(named) or most > max(3, 0.07 * len(named)):
        return None
    return Verdict("person_name", "likely", "distribution", len(named))


def _usernames(values: Values) -> Verdict | None:
    """Judge login names: lower-case, all different, no common stem, some with a number behind."""
    if values.distinct < max(_MANY, 0.93 * sum(values.counts.values())) or not values.nearly_all(_LOGIN.fullmatch):
        return None
    stems = {re.sub(r"[\d._]+", "", text) for text in values.texts}
    ended = values.share(lambda text: text[-1].isdigit() or "_" in text or "." in text)
    varied = len(stems) >= 0.85 * len(values.texts) and sum(map(len, stems)) >= 5 * len(stems)
    return Verdict("username", "likely", "distribution", len(values.texts)) if varied and ended >= 0.25 else None


def _opaque(values: Values) -> Verdict | None:
    """Judge long random tokens and strong passwords, each of its own shape."""
    if values.distinct < max(LEAST_VALUES, 0.95 * len(values.texts)):
        return None
    if count := values.nearly_all(_TOKEN.fullmatch):
        return Verdict("secret", "likely", "pattern", count)
    shapes = {re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"\d", "0", text))) for text in values.texts}
    if len(shapes) > 0.8 * len(values.texts) and (count := values.nearly_all(_STRONG.fullmatch)):
        return Verdict("secret", "likely", "pattern", count)
    marks = {text[-1] for text in values.texts}
    if len(marks) >= LEAST_VALUES and (count := values.nearly_all(_WEAK.fullmatch)):
        return Verdict("secret", "likely", "pattern", count)
    return None


def is_free_text(values: Values) -> int:
    """Return how many values hold a person's address, number or titled name inside; 0 when hardly any do."""
    inside = sum(1 for text in values.texts if patterns.holds_person(text))
    return inside if inside and inside >= EMBEDDED_RATIO * len(values.texts) else 0


def contradicts(kind: str, values: Values) -> bool:
    """Whether plenty of values show that a name does not say what is there."""
    plausible = _PLAUSIBLE.get(kind)
    if plausible is None or len(values.texts) < LEAST_CHECKED:
        return False
    if kind in ("gender", "marital_status"):
        return values.distinct > 20
    if kind == "secret":
        return values.distinct <= 2 and len(values.texts) <= 2
    return values.share(plausible) < 0.2


def _letters(text: str) -> bool:
    return sum(c.isalpha() for c in text) >= len(text) / 2 and not any(c.isdigit() for c in text)


def _has_digits(count: int) -> Callable[[str], bool]:
    return lambda text: sum(c.isdigit() for c in text) >= count


_PLAUSIBLE: Mapping[str, Callable[[str], object]] = {
    "email": lambda text: "@" in text,
    "phone": _has_digits(5),
    "person_name": _letters,
    "ip_address": lambda text: text.count(".") >= 3 or text.count(":") >= 2,
    "card_number": lambda text: _has_digits(12)(text) or re.fullmatch(r"\W*\d{4}", text) or "*" in text,
    "card_code": re.compile(r"\d{3,4}").fullmatch,
    "bank_account": lambda text: _has_digits(2)(text) or checksums.is_bic(text),
    "national_id": _has_digits(3),
    "birth_date": lambda text: _has_digits(4)(text) and not any(c.isalpha() and c not in "TZ" for c in text),
    "age": re.compile(r"1?\d{1,2}|\d{1,2}-\d{1,2}|\d{1,2}\+").fullmatch,
    "postcode": lambda text: any(c.isdigit() for c in text) and len(text) <= 12,
    "location": re.compile(r"[^A-Za-z]*\d+[.,]\d+[^A-Za-z]*|POINT.*|\{.*", re.I).fullmatch,
    "username": lambda text: " " not in text and len(text) <= 64 and not re.fullmatch(r"[\d:. TZ-]+", text),
    "device_id": lambda text: len(text) >= 8,
    "vehicle": lambda text: 4 <= len(text) <= 20,
    "address": lambda text: len(text) >= 3,
    "gender": lambda text: len(text) <= 24,
    "marital_status": lambda text: len(text) <= 40,
    "salary": _has_digits(1),
    "secret": lambda text: True,
}

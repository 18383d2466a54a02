"""Numbers that prove themselves by a check digit; national ones by python-stdnum, phones by phonenumbers (extras)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import cast

_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_CARD = re.compile(r"(4\d{12}(\d{3}){0,2}|(5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(0[0-5]|[68]\d)\d{11,16}|6(011|5\d\d|4[4-9]\d)\d{12,15}"
                   r"|35(2[89]|[3-8]\d)\d{12,15}|(50|5[6-9]|6\d)\d{10,17})")  # fmt: skip
_IMEI = re.compile(r"(01|35|86|98|99|45|91)\d{13}")
_BIC = re.compile(r"[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
_COUNTRIES = frozenset(
    "AD AE AL AM AR AT AU AZ BA BE BG BH BR BY CA CH CL CN CO CR CY CZ DE DK DO DZ EC EE EG ES FI FO FR GB GE GI GR HK HR HU ID "
    "IE IL IN IS IT JO JP KR KW KZ LB LI LT LU LV MA MC MD ME MK MT MU MX MY NG NL NO NZ OM PE PH PK PL PT QA RO RS RU SA SE "
    "SG SI SK SM TH TN TR TW UA US UY VN ZA".split()
)
_GROUPS = re.compile(r"[ -]")
_BASE58 = re.compile(r"[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{11,71}")
_ABA_WEIGHTS = (3, 7, 1, 3, 7, 1, 3, 7, 1)
Check = Callable[[str], bool]


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if position % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def is_card(text: str) -> bool:
    """Whether a text is a payment card's number: an issuer's range, a possible length and the Luhn digit."""
    digits = _GROUPS.sub("", text)
    return bool(digits.isascii() and _CARD.fullmatch(digits)) and len(set(digits)) > 1 and luhn(digits)


def is_imei(text: str) -> bool:
    """Whether a text is a mobile device's number."""
    digits = _GROUPS.sub("", text)
    return bool(digits.isascii() and _IMEI.fullmatch(digits)) and luhn(digits)


def is_iban(text: str) -> bool:
    """Whether a text is an IBAN: mod 97 over the rearranged number is 1."""
    plain = text.replace(" ", "").upper()
    if not (plain.isascii() and _IBAN.fullmatch(plain)):
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def is_vin(text: str) -> bool:
    """Whether a vehicle number's ninth place is its check digit (only some makers' are)."""
    values = {**{c: int(c) for c in "0123456789"}, **dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", _VIN_VALUES, strict=True))}
    total = sum(values[char] * weight for char, weight in zip(text, _VIN_WEIGHTS, strict=True))
    return text[8] == "0123456789X"[total % 11]


def is_bitcoin(text: str) -> bool:
    """Whether a text has a Bitcoin address's form; checked wholly where python-stdnum is installed."""
    if not _BASE58.fullmatch(text):
        return False
    check = _stdnum("bitcoin")
    return check is None or check(text)


def is_routing_number(text: str) -> bool:
    """Whether a text is a routing number of a bank of the United States."""
    if not (text.isascii() and text.isdigit() and len(text) == len(_ABA_WEIGHTS)) or text.startswith("00"):
        return False
    sum_ = sum(int(digit) * weight for digit, weight in zip(text, _ABA_WEIGHTS, strict=True))
    return sum_ % 10 == 0 and (int(text[:2]) <= 12 or 21 <= int(text[:2]) <= 32 or 61 <= int(text[:2]) <= 72)


def is_bic(text: str) -> bool:
    """Whether a text has the form of a bank's identifier, with a country's letters in their place."""
    return bool(_BIC.fullmatch(text)) and text[4:6] in _COUNTRIES


def is_article(text: str) -> bool:
    """Whether a text is an article's or a book's number (EAN, ISBN), which no personal number may be mistaken for."""
    digits = _GROUPS.sub("", text)
    if (
        not digits[:-1].isdigit()
        or not (digits[-1].isdigit() or digits[-1] in "Xx")
        or len(digits) not in (8, 10, 12, 13, 14)
    ):
        return False
    if len(digits) == 10:
        total = sum((10 - at) * (10 if char in "Xx" else int(char)) for at, char in enumerate(digits))
        return total % 11 == 0
    if not digits[-1].isdigit():
        return False
    return sum(int(char) * (3 if at % 2 else 1) for at, char in enumerate(reversed(digits))) % 10 == 0


_VIN_VALUES = (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
NATIONAL: tuple[tuple[str, str], ...] = (
    ("ar.cuit", r"\d{2}-?\d{8}-?\d"), ("at.vnr", r"\d{4} ?\d{6}"), ("au.tfn", r"\d{3} ?\d{3} ?\d{2,3}"),
    ("be.nn", r"\d{2}[.]?\d{2}[.]?\d{2}[- ]?\d{3}[. ]?\d{2}"), ("bg.egn", r"\d{10}"),
    ("br.cpf", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}"), ("ca.sin", r"\d{3}[- ]?\d{3}[- ]?\d{3}"),
    ("ch.ssn", r"756\.?\d{4}\.?\d{4}\.?\d{2}"), ("cl.rut", r"\d{1,2}\.?\d{3}\.?\d{3}-?[\dK]"),
    ("cn.ric", r"\d{17}[\dX]"), ("co.nit", r"\d{3}\.?\d{3}\.?\d{3}-\d"), ("cz.rc", r"\d{6}/?\d{3,4}"),
    ("de.idnr", r"\d{2} ?\d{3} ?\d{3} ?\d{3}"), ("dk.cpr", r"\d{6}-?\d{4}"), ("do.cedula", r"\d{3}-?\d{7}-?\d"),
    ("ec.ci", r"\d{9}-?\d"), ("ee.ik", r"\d{11}"), ("es.dni", r"\d{8}-?[A-Z]"), ("es.nie", r"[XYZ]-?\d{7}-?[A-Z]"),
    ("fi.hetu", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]"), ("fr.nir", r"[12] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}"),
    ("fr.nif", r"[0-3]\d ?\d{2} ?\d{3} ?\d{3} ?\d{3}"), ("gb.nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}"),
    ("gb.utr", r"\d{10}"), ("gr.amka", r"\d{11}"), ("hr.oib", r"\d{11}"), ("ie.pps", r"\d{7}[A-W][AHWTX]?"),
    ("il.idnr", r"\d{9}"), ("in_.aadhaar", r"\d{4}[ -]?\d{4}[ -]?\d{4}"), ("is_.kennitala", r"\d{6}-?\d{4}"),
    ("it.codicefiscale", r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]"), ("kr.rrn", r"\d{6}-?\d{7}"),
    ("jp.in_", r"\d{4}[ -]?\d{4}[ -]?\d{4}"),
    ("lt.asmens", r"\d{11}"), ("lv.pvn", r"\d{6}-?\d{5}"), ("mx.curp", r"[A-Z]{4}\d{6}[A-Z]{6}[0-9A-Z]\d"),
    ("mx.rfc", r"[A-Z&Ñ]{4}-?\d{6}-?[0-9A-Z]{3}"), ("my.nric", r"\d{6}-\d{2}-\d{4}"), ("nl.bsn", r"\d{9}|\d{4}\.\d{2}\.\d{3}"),
    ("no.fodselsnummer", r"\d{6} ?\d{5}"), ("nz.ird", r"\d{2,3}-?\d{3}-?\d{3}"), ("pk.cnic", r"\d{5}-?\d{7}-?\d"),
    ("pl.nip", r"\d{3}-?\d{3}-?\d{2}-?\d{2}"), ("pl.pesel", r"\d{11}"), ("pt.nif", r"\d{3} ?\d{3} ?\d{3}"),
    ("pt.cc", r"\d{8} ?\d ?[A-Z0-9]{2}\d"), ("ro.cnp", r"\d{13}"), ("ru.inn", r"\d{12}"), ("se.personnummer", r"(\d{2})?\d{6}[-+]?\d{4}"),
    ("si.emso", r"\d{13}"), ("sk.rc", r"\d{6}/?\d{3,4}"), ("th.pin", r"\d-?\d{4}-?\d{5}-?\d{2}-?\d"),
    ("tr.tckimlik", r"\d{11}"), ("us.itin", r"9\d{2}-\d{2}-\d{4}"), ("ua.rntrc", r"\d{10}"), ("uy.rut", r"\d{12}"),
    ("za.idnr", r"\d{6} ?\d{4} ?\d{2} ?\d|\d{13}"),
)  # fmt: skip
"""Modules of python-stdnum for the numbers of persons, each with the form that is worth a closer look."""
_FORMS = tuple((name, re.compile(form, re.I)) for name, form in NATIONAL)
_HAS_NO_CHECK = frozenset(("dk.cpr", "my.nric", "us.itin", "mx.rfc"))


def national_checks(first: str) -> list[tuple[Check, bool]]:
    """Return the checks of national numbers that a value's form could pass; True for one that has a check digit."""
    found: list[tuple[Check, bool]] = []
    for name, form in _FORMS:
        if form.fullmatch(first) and (check := _stdnum(name)) is not None:
            found.append((check, name not in _HAS_NO_CHECK))
    return found


@lru_cache(maxsize=128)
def _stdnum(name: str) -> Check | None:
    try:
        is_valid = cast(Check, import_module(f"stdnum.{name}").is_valid)
    except ImportError:
        return None

    def check(text: str) -> bool:
        try:
            return is_valid(text)
        except ValueError:  # some modules let a form slip through that they can't compute with
            return False

    return check


REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "PL", "SE", "NO", "DK", "FI", "CZ", "PT", "BR", "MX", "AR", "TR", "RU",
           "UA", "IN", "JP", "CN", "KR", "AU", "CH", "AT", "BE", "RO", "HU", "GR", "IL", "ZA", "VN", "ID", "TH")  # fmt: skip


@lru_cache(maxsize=64)
def national_phone_check(region: str) -> Check | None:
    """Return whether a text is a valid number of a region's plan, or None without the extra."""
    try:
        import phonenumbers
    except ImportError:
        return None

    def is_valid(text: str) -> bool:
        try:
            return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
        except phonenumbers.NumberParseException:
            return False

    return is_valid

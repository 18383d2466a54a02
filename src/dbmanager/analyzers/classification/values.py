"""Value evidence: anchored patterns and checksums over sampled values; whole values only."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}", re.I)
_PHONE = re.compile(r"(\+|00)\d[\d ().\-/]{6,18}\d|\(?0\d{1,4}\)?[ \-/.]\d[\d \-/.]{4,12}\d|\(\d{3}\) ?\d{3}-\d{4}")
_SEPARATED = re.compile(r"\d{3}[-. ]\d{3}[-. ]\d{4}")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)")
_IPV6 = re.compile(r"[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){4,7}", re.I)
_SSN = re.compile(r"(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_SECRETS = re.compile(
    r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}|\$argon2(id|i|d)\$.+|pbkdf2_sha256\$.+|\$6\$.+|"
    r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|sk_(live|test)_[A-Za-z0-9]{16,}|"
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*"
)
_EMBEDDED = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}|\+\d[\d ()-]{7,16}\d")
_STREET = re.compile(
    r"\d{1,5} [\w.' ]+ (street|st|road|rd|avenue|ave|lane|ln|drive|dr|way|boulevard|blvd|court|ct|place|pl)\.?"
    r"|[\w.\- ]+(straße|strasse|str\.|weg|platz|gasse|allee) \d{1,4}[a-z]?|(rue|avenue|calle|via|plaza) [\w' ]+,? \d+",
    re.I,
)


def _luhn(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    if not (digits.isdigit() and 13 <= len(digits) <= 19 and digits[0] in "23456" and len(set(digits)) > 1):
        return False
    total = 0
    for position, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if position % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _iban(text: str) -> bool:
    plain = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(plain):
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def _phone(text: str) -> bool:
    return bool(_PHONE.fullmatch(text) or _SEPARATED.fullmatch(text)) and 7 <= sum(c.isdigit() for c in text) <= 15


def _ip(text: str) -> bool:
    return bool(_IPV4.fullmatch(text) and not text.startswith("0.")) or bool(_IPV6.fullmatch(text))


MATCHERS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("email", lambda text: bool(_EMAIL.fullmatch(text))),
    ("secret", lambda text: bool(_SECRETS.fullmatch(text))),
    ("card_number", _luhn),
    ("bank_account", _iban),
    ("national_id", lambda text: bool(_SSN.fullmatch(text))),
    ("phone", _phone),
    ("ip_address", _ip),
    ("address", lambda text: bool(_STREET.fullmatch(text))),
)


def matched(texts: Sequence[str]) -> dict[str, int]:
    """Return how many of the values are, as a whole, of each kind."""
    counts = {kind: sum(1 for text in texts if is_kind(text)) for kind, is_kind in MATCHERS}
    return {kind: count for kind, count in counts.items() if count}


def embedded(texts: Sequence[str]) -> int:
    """Return how many longer values hold an e-mail address or an international phone number somewhere inside."""
    return sum(1 for text in texts if _EMBEDDED.search(text))


def local_parts(texts: Sequence[str]) -> list[str]:
    """Return the part before `@` of each value, folded; empty where there is none."""
    return [text.partition("@")[0].casefold() if "@" in text else "" for text in texts]

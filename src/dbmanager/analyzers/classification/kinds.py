"""The kinds of personal and secret data with their level and regimes, as data."""

from __future__ import annotations

from dataclasses import dataclass

from dbmanager.model.classification import Level


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of classified data.

    Attributes:
        level: how much harm disclosure does.
        regimes: `PII`, `GDPR-9` (special categories, Art. 9), `PCI`, `PHI`, `SECRET`.
        text_only: a numeric or date column can't hold it, whatever its name.
    """

    type: str
    level: Level
    regimes: tuple[str, ...]
    text_only: bool = True


C, R = Level.CONFIDENTIAL, Level.RESTRICTED
KINDS: dict[str, Kind] = {
    kind.type: kind
    for kind in (
        Kind("email", C, ("PII", "PHI")),
        Kind("phone", C, ("PII", "PHI"), text_only=False),
        Kind("person_name", C, ("PII", "PHI")),
        Kind("address", C, ("PII", "PHI")),
        Kind("postcode", C, ("PII", "PHI"), text_only=False),
        Kind("birth_date", C, ("PII", "PHI"), text_only=False),
        Kind("age", Level.INTERNAL, ("PII",), text_only=False),
        Kind("national_id", R, ("PII", "PHI"), text_only=False),
        Kind("card_number", R, ("PCI", "PII"), text_only=False),
        Kind("card_code", R, ("PCI",), text_only=False),
        Kind("bank_account", R, ("PII", "PHI"), text_only=False),
        Kind("crypto_wallet", R, ("PII",)),
        Kind("ip_address", C, ("PII", "PHI")),
        Kind("device_id", C, ("PII", "PHI"), text_only=False),
        Kind("location", C, ("PII",), text_only=False),
        Kind("vehicle", C, ("PII", "PHI")),
        Kind("secret", R, ("SECRET",)),
        Kind("username", C, ("PII",)),
        Kind("salary", C, ("PII",), text_only=False),
        Kind("health", R, ("PHI", "GDPR-9"), text_only=False),
        Kind("special_category", R, ("GDPR-9",)),
        Kind("gender", C, ("PII",), text_only=False),
        Kind("marital_status", C, ("PII",)),
        Kind("nationality", C, ("PII",)),
        Kind("free_text", C, ("PII",)),
    )
}

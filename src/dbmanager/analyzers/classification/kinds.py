"""The kinds of personal and secret data, with their level, regimes and name tokens, as data."""

from __future__ import annotations

from dataclasses import dataclass

from dbmanager.model.classification import Level


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of classified data.

    Attributes:
        names: token sequences that name it; a sequence matches when its tokens stand next to each other.
        text_only: a numeric column can't hold it, whatever its name.
    """

    type: str
    level: Level
    regimes: tuple[str, ...]
    names: tuple[str, ...]
    text_only: bool = True


C, R = Level.CONFIDENTIAL, Level.RESTRICTED
KINDS: dict[str, Kind] = {
    kind.type: kind
    for kind in (
        Kind("email", C, ("PII",), ("email", "e mail", "mail", "correo", "courriel", "emailaddress", "mailadresse")),
        Kind(
            "phone",
            C,
            ("PII",),
            ("phone", "telephone", "mobile", "cell", "fax", "telefon", "telefono", "handy", "tel", "msisdn", "gsm"),
            text_only=False,
        ),
        Kind(
            "person_name",
            C,
            ("PII",),
            (
                "first name",
                "firstname",
                "last name",
                "lastname",
                "surname",
                "given name",
                "family name",
                "full name",
                "fullname",
                "middle name",
                "maiden name",
                "vorname",
                "nachname",
                "prenom",
                "apellido",
                "apellidos",
                "nome completo",
                "cognome",
                "fname",
                "lname",
                "person name",
                "customer name",
                "contact name",
                "cardholder",
                "holder name",
                "recipient",
                "patient name",
                "employee name",
            ),
        ),
        Kind(
            "address",
            C,
            ("PII",),
            (
                "address",
                "street",
                "addr",
                "strasse",
                "adresse",
                "direccion",
                "rue",
                "indirizzo",
                "calle",
                "address line",
                "line1",
                "house number",
                "address1",
                "address2",
            ),
        ),
        Kind("postcode", C, ("PII",), ("zip", "zipcode", "postcode", "postal code", "plz", "postal"), text_only=False),
        Kind(
            "birth_date",
            C,
            ("PII", "PHI"),
            (
                "birth",
                "birthday",
                "birthdate",
                "dob",
                "date of birth",
                "geburtsdatum",
                "naissance",
                "nacimiento",
                "born",
            ),
            text_only=False,
        ),
        Kind(
            "national_id",
            R,
            ("PII",),
            (
                "ssn",
                "social security",
                "national id",
                "passport",
                "tax id",
                "taxid",
                "nino",
                "personnummer",
                "pesel",
                "cpf",
                "dni",
                "nif",
                "bsn",
                "steuer id",
                "ausweis",
                "driver license",
                "licence number",
                "fiscal code",
            ),
            text_only=False,
        ),
        Kind(
            "card_number",
            R,
            ("PCI", "PII"),
            ("card number", "cardnumber", "credit card", "pan", "cc number", "ccnumber", "card no", "kreditkarte"),
            text_only=False,
        ),
        Kind("card_code", R, ("PCI",), ("cvv", "cvc", "cvv2", "cvc2", "security code"), text_only=False),
        Kind(
            "bank_account",
            R,
            ("PII",),
            ("iban", "bank account", "account number", "sort code", "routing number", "bic"),
            text_only=False,
        ),
        Kind("ip_address", C, ("PII",), ("ip", "ip address", "ipaddr", "remote addr", "client ip")),
        Kind("location", C, ("PII",), ("latitude", "longitude", "lat", "lng", "lon", "geolocation"), text_only=False),
        Kind(
            "secret",
            R,
            ("SECRET",),
            (
                "password",
                "passwd",
                "pwd",
                "passwort",
                "contrasena",
                "secret",
                "api key",
                "apikey",
                "token",
                "private key",
                "password hash",
                "access key",
                "otp",
                "pin",
                "salt",
                "credential",
                "auth key",
            ),
        ),
        Kind("username", C, ("PII",), ("username", "user name", "login", "nickname", "screen name", "account name")),
        Kind("salary", C, ("PII",), ("salary", "wage", "gehalt", "income", "compensation"), text_only=False),
        Kind(
            "health",
            R,
            ("PHI", "GDPR-9"),
            (
                "diagnosis",
                "medication",
                "allergy",
                "allergies",
                "blood type",
                "blood group",
                "disability",
                "icd",
                "mrn",
            ),
        ),
        Kind(
            "special_category",
            R,
            ("GDPR-9",),
            ("religion", "ethnicity", "race", "political", "sexual orientation", "trade union", "biometric"),
        ),
        Kind("gender", C, ("PII",), ("gender", "sex", "geschlecht")),
        Kind("free_text", C, ("PII",), ()),
    )
}

NEGATIVE_TAILS = frozenset(
    "count type sent verified template policy version length status flag enabled format opened clicked bounced "
    "attempts reset changed valid expiry expires method provider domain required allowed preference optin subscribed "
    "at on limit size total index code kind label".split()
)
"""Words after a name that make the column about the thing rather than the thing itself (`email_sent_count`)."""

NEGATIVE_HEADS = frozenset("is has num number_of n count total max min avg allow require".split())

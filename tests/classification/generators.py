"""What a column may hold: a generator for each sort of value, with the kind that it truly is, or None."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import random
import string
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from faker import Faker
from stdnum import luhn

from dbmanager.model.queries import Cell
from dbmanager.model.schema import DataType, TypeKind
from tests.classification.national_ids import MAKERS, digits
from tests.classification.people import Person
from tests.classification.words import BRANDS, HEALTH, LISTS, NOTES, PLAIN_NOTES, PRODUCTS


@dataclass(frozen=True, slots=True)
class Row:
    """What a value is made from: the row's person and where its numbers start."""

    number: int
    person: Person
    fake: Faker
    rng: random.Random
    start: int

    @property
    def language(self) -> str:
        """The language of the locale, of two letters."""
        return str(self.fake.locales[0])[:2]


Make = Callable[[Row], Cell]
TEXT = DataType(TypeKind.TEXT, "varchar(255)", length=255)
LONG = DataType(TypeKind.TEXT, "text")
INTEGER = DataType(TypeKind.INTEGER, "bigint", bits=64)
DECIMAL = DataType(TypeKind.DECIMAL, "numeric(12,2)", precision=12, scale=2)
FLOAT = DataType(TypeKind.FLOAT, "double precision", bits=64)
DATE = DataType(TypeKind.DATE, "date")
TIMESTAMP = DataType(TypeKind.TIMESTAMP, "timestamp", with_time_zone=False)
BOOLEAN = DataType(TypeKind.BOOLEAN, "boolean")
JSON = DataType(TypeKind.JSON, "json")
UUID = DataType(TypeKind.UUID, "uuid")


@dataclass(frozen=True, slots=True)
class Generator:
    """How values of a sort are made and what they are."""

    make: Make
    kind: str | None
    type: DataType = field(default=TEXT)


def _card(rng: random.Random) -> str:
    prefix, length = rng.choice([("4", 16), ("51", 16), ("55", 16), ("37", 15), ("6011", 16), ("4", 16)])
    body = prefix + "".join(rng.choices(string.digits, k=length - len(prefix) - 1))
    return body + str(luhn.calc_check_digit(body))


def _spaced(card: str) -> str:
    return " ".join(card[start : start + 4] for start in range(0, len(card), 4))


def _order16(rng: random.Random) -> str:
    """Sixteen digits that are no card: a date, a shop and a serial."""
    return f"20{rng.randint(21, 24)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randint(1, 9):02d}{rng.randint(0, 999_999):06d}"


def _ean(rng: random.Random, prefix: str) -> str:
    body = prefix + "".join(rng.choices(string.digits, k=12 - len(prefix)))
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return body + str(-total % 10)


def _aba(rng: random.Random) -> str:
    body = f"{rng.randint(1, 12):02d}" + "".join(rng.choices(string.digits, k=6))
    total = sum(int(digit) * weight for digit, weight in zip(body, (3, 7, 1, 3, 7, 1, 3, 7), strict=True))
    return body + str(-total % 10)


def _imei(rng: random.Random) -> str:
    body = "35" + "".join(rng.choices(string.digits, k=12))
    return body + str(luhn.calc_check_digit(body))


_VIN = {**{letter: value for value, letter in enumerate("ABCDEFGH", 1)}, **dict(zip("JKLMN", range(1, 6), strict=True)),
        "P": 7, "R": 9, **dict(zip("STUVWXYZ", range(2, 10), strict=True)), **{digit: int(digit) for digit in string.digits}}  # fmt: skip


def _vin(rng: random.Random) -> str:
    body = rng.choice(["1HG", "WBA", "WVW", "JTD", "VF1"]) + "".join(
        rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", k=5)
    )
    text = body + "0" + "".join(rng.choices("ABCDEFGHJKLMNPRSTVWXY0123456789", k=2)) + digits(rng, 6)
    rest = (
        sum(_VIN[c] * w for c, w in zip(text, (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2), strict=True)) % 11
    )
    return text[:8] + ("X" if rest == 10 else str(rest)) + text[9:]


_PLATES = {"de": "{A}{A}-{B}{B} {1}{2}{3}", "en": "{A}{A}{1}{2} {B}{B}{C}", "us": "{1}{A}{B}{C}{2}{3}{4}"}


def _plate(row: Row) -> str:
    letters = row.rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=3)
    numbers = row.rng.choices("123456789", k=4)
    form = _PLATES["us" if row.fake.locales[0] == "en_US" else row.language if row.language in _PLATES else "de"]
    return _filled(form, letters, numbers)


def _filled(form: str, letters: list[str], numbers: list[str]) -> str:
    for mark, value in zip("ABC", letters, strict=True):
        form = form.replace("{" + mark + "}", value)
    for mark, value in zip("1234", numbers, strict=True):
        form = form.replace("{" + mark + "}", value)
    return form


def _base58(rng: random.Random, length: int) -> str:
    return "".join(rng.choices("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", k=length))


def _btc(rng: random.Random) -> str:
    payload = b"\x00" + rng.randbytes(20)
    payload += hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(payload, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[rest] + text
    return "1" + text


def _segment(data: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def _jwt(row: Row) -> str:
    head = _segment({"alg": "HS256", "typ": "JWT"})
    body = _segment({"sub": str(row.number), "iat": 1_700_000_000 + row.number})
    return f"{head}.{body}.{base64.urlsafe_b64encode(row.rng.randbytes(32)).decode().rstrip('=')}"


def _pem(rng: random.Random) -> str:
    body = base64.b64encode(rng.randbytes(160)).decode()
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----"


def _password(row: Row) -> str:
    word = row.rng.choice(["Sunshine", "dragon", "Letmein", "qwerty", "P@ssw0rd", "Summer", "monkey", "Welcome"])
    return f"{word}{row.rng.randint(1, 2030)}{row.rng.choice('!?#$&*')}"


def _bcrypt(rng: random.Random) -> str:
    alphabet = "./" + string.ascii_letters + string.digits
    return "$2b$12$" + "".join(rng.choices(alphabet, k=53))


def _listed(name: str) -> Make:
    def make(row: Row) -> Cell:
        lists = LISTS[name]
        return row.rng.choice(lists.get(row.language, lists["en"]))

    return make


def _event(row: Row) -> date:
    return date(2019, 1, 1) + timedelta(days=row.rng.randint(0, 2_100))


def _moment(row: Row) -> datetime:
    return datetime(2019, 1, 1, tzinfo=UTC) + timedelta(seconds=row.rng.randint(0, 180_000_000))


def _note(row: Row) -> str:
    texts = NOTES.get(row.language, NOTES["en"])
    phone = row.fake.phone_number()
    return row.rng.choice(texts).format(full=row.person.full, last=row.person.last, email=row.person.email, phone=phone)


def _json_person(row: Row) -> Cell:
    person = row.person
    document = {"user": {"name": person.full, "email": person.email}, "source": row.rng.choice(["web", "app", "shop"])}
    return json.dumps(document, ensure_ascii=False)


def _json_card(row: Row) -> Cell:
    return json.dumps({"step": "pay", "card": {"number": _card(row.rng), "exp": "11/27"}, "ok": row.rng.random() < 0.9})


def _json_config(row: Row) -> Cell:
    return json.dumps({"retries": row.rng.randint(0, 5), "mode": row.rng.choice(["fast", "safe"]), "tags": ["a", "b"]})


def _mrn(row: Row) -> str:
    return f"MRN{row.start % 1000:03d}{row.rng.randint(10_000, 99_999)}"


def _ipv6(rng: random.Random) -> str:
    return str(ipaddress.IPv6Address((0x2001_0DB8 << 96) | rng.getrandbits(80)))


def _iban(row: Row) -> str:
    try:
        return str(row.fake.iban())
    except AttributeError:
        return str(Faker("de_DE").iban())


def _postcode(row: Row) -> str:
    return str(row.fake.postcode())


_SURROGATE = {6: 100_000, 9: 412_000_000, 10: 1_035_000_000}


def _surrogate(length: int) -> Make:
    return lambda row: _SURROGATE[length] + row.start + row.number * (3 if length > 6 else 1)


GENERATORS: dict[str, Generator] = {
    **{name: Generator(lambda row, make=maker: make(row.rng, row.person), "national_id") for name, maker in MAKERS.items()},  # type: ignore[misc]
    "email": Generator(lambda r: r.person.email, "email"),
    "email_any": Generator(lambda r: r.fake.ascii_company_email(), "email"),
    "phone": Generator(lambda r: r.fake.phone_number(), "phone"),
    "phone_e164": Generator(lambda r: r.rng.choice(["+4479", "+9198", "+4915"]) + digits(r.rng, 8), "phone"),
    "first": Generator(lambda r: r.person.first, "person_name"),
    "last": Generator(lambda r: r.person.last, "person_name"),
    "full": Generator(lambda r: r.person.full, "person_name"),
    "full_upper": Generator(lambda r: r.person.full.upper(), "person_name"),
    "other_full": Generator(lambda r: r.fake.name(), "person_name"),
    "full_comma": Generator(lambda r: f"{r.person.last}, {r.person.first}", "person_name"),
    "street": Generator(lambda r: str(r.fake.street_address()).replace("\n", ", "), "address"),
    "postcode": Generator(_postcode, "postcode"),
    "dob": Generator(lambda r: r.person.born.isoformat(), "birth_date", DATE),
    "dob_text": Generator(lambda r: f"{r.person.born:%d.%m.%Y}", "birth_date"),
    "dob_fr": Generator(lambda r: f"{r.person.born:%d/%m/%Y}", "birth_date"),
    "dob_int": Generator(lambda r: int(f"{r.person.born:%Y%m%d}"), "birth_date", INTEGER),
    "card": Generator(lambda r: _card(r.rng), "card_number"),
    "card_spaced": Generator(lambda r: _spaced(_card(r.rng)), "card_number"),
    "cvv": Generator(lambda r: f"{r.rng.randint(0, 999):03d}", "card_code", DataType(TypeKind.TEXT, "char(3)", length=3)),
    "iban": Generator(_iban, "bank_account"),
    "bic": Generator(lambda r: r.rng.choice(["DEUTDEFF", "COBADEFFXXX", "BNPAFRPP", "SOGEFRPPXXX", "INGDDEFF", "GENODEF1", "UNCRITMM"]) if r.rng.random() < 0.8 else "".join(r.rng.choices(string.ascii_uppercase, k=4)) + "DEFF", "bank_account"),
    "aba": Generator(lambda r: _aba(r.rng), "bank_account"),
    "account_no": Generator(lambda r: digits(r.rng, r.rng.choice([10, 11, 12])), "bank_account"),
    "btc": Generator(lambda r: _btc(r.rng), "crypto_wallet"),
    "eth": Generator(lambda r: "0x" + r.rng.randbytes(20).hex(), "crypto_wallet"),
    "ipv4": Generator(lambda r: f"{r.rng.choice([10, 82, 91, 172, 185, 203])}.{r.rng.randint(0, 255)}.{r.rng.randint(0, 255)}.{r.rng.randint(1, 254)}", "ip_address"),
    "ipv6": Generator(lambda r: _ipv6(r.rng), "ip_address"),
    "mac": Generator(lambda r: ":".join(f"{byte:02x}" for byte in r.rng.randbytes(6)), "device_id"),
    "imei": Generator(lambda r: _imei(r.rng), "device_id"),
    "lat": Generator(lambda r: round(r.rng.uniform(36.0, 59.0), 6), "location", FLOAT),
    "lng": Generator(lambda r: round(r.rng.uniform(-9.0, 24.0), 6), "location", FLOAT),
    "vin": Generator(lambda r: _vin(r.rng), "vehicle"),
    "plate": Generator(_plate, "vehicle"),
    "bcrypt": Generator(lambda r: _bcrypt(r.rng), "secret"),
    "password_plain": Generator(_password, "secret"),
    "api_key": Generator(lambda r: base64.urlsafe_b64encode(r.rng.randbytes(30)).decode(), "secret"),
    "aws_secret": Generator(lambda r: base64.b64encode(r.rng.randbytes(30)).decode(), "secret"),
    "jwt": Generator(_jwt, "secret", LONG),
    "github_token": Generator(lambda r: "ghp_" + "".join(r.rng.choices(string.ascii_letters + string.digits, k=36)), "secret"),
    "pem": Generator(lambda r: _pem(r.rng), "secret", LONG),
    "username": Generator(lambda r: r.person.username, "username"),
    "salary": Generator(lambda r: f"{r.rng.randint(220, 1400) * 50 + r.rng.choice([0, 0, 25])}.00", "salary", DECIMAL),
    "diagnosis": Generator(lambda r: r.rng.choice(HEALTH["diagnosis"].get(r.language, HEALTH["diagnosis"]["en"])), "health"),
    "allergy": Generator(lambda r: r.rng.choice(HEALTH["allergy"].get(r.language, HEALTH["allergy"]["en"])), "health"),
    "icd": Generator(lambda r: r.rng.choice(["E11.9", "I10", "J45.909", "F32.1", "M54.5", "K21.0", "C50.9", "B20", "Z34.0", "G40.3", "N18.3"]), "health"),
    "blood": Generator(lambda r: r.rng.choice(["A+", "A-", "B+", "B-", "AB+", "AB-", "0+", "O-", "O+"]), "health"),
    "mrn": Generator(_mrn, "health"),
    **{name: Generator(_listed(name), "special_category") for name in ("religion", "ethnicity", "orientation", "politics")},
    "gender": Generator(_listed("gender"), "gender"),
    "marital": Generator(_listed("marital"), "marital_status"),
    "nationality": Generator(_listed("nationality"), "nationality"),
    "note": Generator(_note, "free_text", LONG),
    "json_person": Generator(_json_person, "email", JSON),
    "json_card": Generator(_json_card, "card_number", JSON),
    "age": Generator(lambda r: 2024 - r.person.born.year, None, INTEGER),
    "city": Generator(lambda r: r.fake.city(), None),
    "country": Generator(lambda r: r.fake.country(), None),
    "company": Generator(lambda r: r.fake.company(), None),
    "job": Generator(lambda r: r.fake.job(), None),
    "product": Generator(lambda r: r.rng.choice(PRODUCTS), None),
    "brand": Generator(lambda r: r.rng.choice(BRANDS), None),
    "order16": Generator(lambda r: _order16(r.rng), None),
    "ean13": Generator(lambda r: _ean(r.rng, r.rng.choice(["40", "50", "761"])), None),
    "isbn13": Generator(lambda r: _ean(r.rng, "978"), None),
    "epoch": Generator(lambda r: int(_moment(r).timestamp()), None, INTEGER),
    "epoch_ms": Generator(lambda r: int(_moment(r).timestamp() * 1000) + r.rng.randint(0, 999), None, INTEGER),
    "pk": Generator(lambda r: r.number + 1, None, INTEGER),
    "surrogate6": Generator(_surrogate(6), None, INTEGER),
    "surrogate9": Generator(_surrogate(9), None, INTEGER),
    "surrogate10": Generator(_surrogate(10), None, INTEGER),
    "version3": Generator(lambda r: f"{r.rng.randint(1, 12)}.{r.rng.randint(0, 20)}.{r.rng.randint(0, 9)}", None),
    "version4": Generator(lambda r: f"{r.rng.randint(1, 12)}.{r.rng.randint(0, 9)}.{r.rng.randint(0, 30)}.{r.rng.randint(0, 99)}", None),
    "md5": Generator(lambda r: r.rng.randbytes(16).hex(), None),
    "sha1": Generator(lambda r: r.rng.randbytes(20).hex(), None),
    "sha256": Generator(lambda r: r.rng.randbytes(32).hex(), None),
    "uuid": Generator(lambda r: str(uuid.UUID(bytes=r.rng.randbytes(16), version=4)), None, UUID),
    "sku": Generator(lambda r: f"{r.rng.choice(['AB', 'KX', 'PR', 'TS'])}-{r.rng.randint(1000, 9999)}-{r.rng.choice('SMLX')}", None),
    "event_date": Generator(lambda r: _event(r).isoformat(), None, DATE),
    "event_int": Generator(lambda r: int(f"{_event(r):%Y%m%d}"), None, INTEGER),
    "event_ts": Generator(lambda r: _moment(r).strftime("%Y-%m-%dT%H:%M:%S"), None, TIMESTAMP),
    "month": Generator(lambda r: r.rng.randint(1, 12), None, INTEGER),
    "month_text": Generator(lambda r: f"{r.rng.randint(2020, 2024)}-{r.rng.randint(1, 12):02d}", None),
    "year": Generator(lambda r: r.rng.randint(1998, 2024), None, INTEGER),
    "period": Generator(lambda r: f"{(y := r.rng.randint(2012, 2023))}/{y + 1}", None),
    "amount": Generator(lambda r: f"{r.rng.lognormvariate(5, 1.2):.2f}", None, DECIMAL),
    "amount_small": Generator(lambda r: f"{r.rng.uniform(4, 90):.2f}", None, DECIMAL),
    "percent": Generator(lambda r: round(r.rng.uniform(0, 100), 1), None, FLOAT),
    "temperature": Generator(lambda r: round(r.rng.gauss(21, 3), 2), None, FLOAT),
    "quantity": Generator(lambda r: r.rng.randint(0, 120), None, INTEGER),
    "big_quantity": Generator(lambda r: r.rng.randint(90, 250_000), None, INTEGER),
    "flag": Generator(lambda r: r.rng.choice("YN"), None),
    "bool": Generator(lambda r: r.rng.random() < 0.6, None, BOOLEAN),
    "grade": Generator(lambda r: r.rng.randint(1, 5), None, INTEGER),
    "sentence": Generator(lambda r: r.fake.sentence(), None, LONG),
    "note_plain": Generator(lambda r: r.rng.choice(PLAIN_NOTES.get(r.language, PLAIN_NOTES["en"])), None, LONG),
    "json_config": Generator(_json_config, None, JSON),
    "url": Generator(lambda r: f"https://cdn.example.com/{r.rng.choice(['img', 'assets', 'p'])}/{r.rng.randbytes(5).hex()}.png", None),
    "booking": Generator(lambda r: "".join(r.rng.choices(string.ascii_uppercase + string.digits, k=6)), None),
    "ticket": Generator(lambda r: f"SUP-{r.start % 900 + r.number}", None),
    "tracking": Generator(lambda r: f"1Z{r.rng.choice(['999AA1', 'E8W234', 'A44V09'])}{r.rng.randint(10**9, 10**10 - 1)}", None),
    "room": Generator(lambda r: f"{r.rng.randint(1, 40)}{r.rng.choice('ABCDEF')}", None),
    "flight": Generator(lambda r: f"{r.rng.choice(['BA', 'LH', 'AF', 'KL'])}{r.rng.randint(100, 2999)}", None),
    "course": Generator(lambda r: f"{r.rng.choice(['MATH', 'CS', 'HIST', 'BIO'])}{r.rng.randint(100, 499)}", None),
    "hs_code": Generator(lambda r: f"{r.rng.randint(10, 97)}{r.rng.randint(10, 99)}.{r.rng.randint(10, 99)}", None),
    "repo": Generator(lambda r: f"{r.rng.choice(['platform', 'web', 'infra'])}/{r.rng.choice(['api', 'shop', 'deploy', 'docs'])}", None),
    "hostname": Generator(lambda r: f"{r.rng.choice(['srv', 'sw', 'ap', 'node'])}-{r.rng.choice(['ber', 'muc', 'par'])}-{r.rng.randint(1, 99):02d}", None),
    "logline": Generator(lambda r: f"[{_moment(r):%H:%M:%S}] {r.rng.choice(['INFO', 'WARN'])} step {r.rng.randint(1, 40)} finished in {r.rng.randint(3, 900)} ms", None, LONG),
    **{
        name: Generator(_listed(name), None)
        for name in "status category colour currency language browser card_brand department meal network plan region role ship_method building".split()
    },
}  # fmt: skip

"""National identifiers with valid check digits: bodies are made here, python-stdnum says which candidates hold."""

from __future__ import annotations

import importlib
import random
import string
from collections.abc import Callable
from functools import cache

from stdnum import luhn

from tests.classification.people import Person, latin

Maker = Callable[[random.Random, Person], str]


@cache
def _valid(module: str) -> Callable[[str], bool]:
    found: Callable[[str], bool] = importlib.import_module(f"stdnum.{module}").is_valid
    return found


def digits(rng: random.Random, count: int) -> str:
    """Return so many random digits, the first not 0."""
    return str(rng.randint(1, 9)) + "".join(rng.choices(string.digits, k=count - 1)) if count else ""


def _tried(module: str, candidate: Maker) -> Maker:
    def make(rng: random.Random, person: Person) -> str:
        for _ in range(20_000):
            text = candidate(rng, person)
            if _valid(module)(text):
                return text
        raise AssertionError(f"no valid {module}")

    return make


def _free(rng: random.Random, count: int) -> str:
    return "".join(rng.choices(string.digits, k=count))


def _pesel(rng: random.Random, p: Person) -> str:
    month = p.born.month + (20 if p.born.year >= 2000 else 0)
    return f"{p.born:%y}{month:02d}{p.born:%d}{_free(rng, 5)}"


def _egn(rng: random.Random, p: Person) -> str:
    month = p.born.month + (40 if p.born.year >= 2000 else 0)
    return f"{p.born:%y}{month:02d}{p.born:%d}{_free(rng, 4)}"


def _rodne_cislo(rng: random.Random, p: Person) -> str:
    month = p.born.month + (50 if p.gender == "F" else 0)
    return f"{p.born:%y}{month:02d}{p.born:%d}/{_free(rng, 3 if p.born.year < 1954 else 4)}"


def _hetu(rng: random.Random, p: Person) -> str:
    sign = "A" if p.born.year >= 2000 else "-"
    return f"{p.born:%d%m%y}{sign}{rng.randint(2, 899):03d}{rng.choice('0123456789ABCDEFHJKLMNPRSTUVWXY')}"


def _rrn(rng: random.Random, p: Person) -> str:
    century = (1 if p.gender == "M" else 2) + (2 if p.born.year >= 2000 else 0)
    return f"{p.born:%y%m%d}-{century}{_free(rng, 6)}"


def _nir(rng: random.Random, p: Person) -> str:
    body = (
        f"{1 if p.gender == 'M' else 2}{p.born:%y%m}{rng.randint(10, 95):02d}{rng.randint(1, 400):03d}{_free(rng, 3)}"
    )
    return f"{body}{97 - int(body) % 97:02d}"


def _cnp(rng: random.Random, p: Person) -> str:
    century = (1 if p.gender == "M" else 2) + (4 if p.born.year >= 2000 else 0)
    return f"{century}{p.born:%y%m%d}{rng.randint(1, 40):02d}{_free(rng, 4)}"


def _codice_fiscale(rng: random.Random, p: Person) -> str:
    letters = [(latin(name).replace("a", "").replace("e", "").upper() + "XXX")[:3] for name in (p.last, p.first)]
    day = p.born.day + (40 if p.gender == "F" else 0)
    place = rng.choice(["H501", "F205", "L219", "D612", "A944"])
    body = f"{''.join(letters)}{p.born:%y}{'ABCDEHLMPRST'[p.born.month - 1]}{day:02d}{place}"
    return body + rng.choice(string.ascii_uppercase)


def _curp(rng: random.Random, p: Person) -> str:
    body = "".join(rng.choices("BCDFGHJKLM", k=1)) + "A" + "".join(rng.choices("BCDFGHJKLM", k=2))
    sex = "H" if p.gender == "M" else "M"
    tail = "A" if p.born.year >= 2000 else "0"
    return f"{body}{p.born:%y%m%d}{sex}{rng.choice(['DF', 'JC', 'NL', 'OC'])}{''.join(rng.choices('BCDFGH', k=3))}{tail}{_free(rng, 1)}"


def _be_nn(rng: random.Random, p: Person) -> str:
    return f"{p.born:%y.%m.%d}-{rng.randint(1, 997):03d}.{_free(rng, 2)}"


def _amka(rng: random.Random, p: Person) -> str:
    return f"{p.born:%d%m%y}{_free(rng, 5)}"


def _za_id(rng: random.Random, p: Person) -> str:
    return f"{p.born:%y%m%d}{_free(rng, 4)}08{_free(rng, 1)}"


def _personnummer(rng: random.Random, p: Person) -> str:
    serial = _free(rng, 3)
    return f"{p.born:%Y%m%d}-{serial}{luhn.calc_check_digit(f'{p.born:%y%m%d}{serial}')}"


def _cpr(rng: random.Random, p: Person) -> str:
    return f"{p.born:%d%m%y}-{rng.choice('0123') if p.born.year < 2000 else '4'}{_free(rng, 3)}"


def _nino(rng: random.Random, p: Person) -> str:
    return f"{rng.choice('ABCEGHJKLMPRSTWXYZ')}{rng.choice('ABCEGHJKLMPRSTWXYZ')} {_free(rng, 2)} {_free(rng, 2)} {_free(rng, 2)} {rng.choice('ABCD')}"


def _ssn(rng: random.Random, p: Person) -> str:
    return (
        f"{rng.choice([n for n in range(1, 899) if n != 666]):03d}-{rng.randint(1, 99):02d}-{rng.randint(1, 9999):04d}"
    )


def _uk_licence(rng: random.Random, p: Person) -> str:
    family = (latin(p.last).upper() + "99999")[:5]
    month = p.born.month + (50 if p.gender == "F" else 0)
    return f"{family}{p.born.year // 10 % 10}{month:02d}{p.born:%d}{p.born.year % 10}{latin(p.first)[:1].upper()}9{rng.choice('9ABJ')}{rng.choice('AFKRTZ')}{rng.choice('ABCXYZ')}"


def _aadhaar(rng: random.Random, p: Person) -> str:
    text = digits(rng, 11).replace("1", "2", 1) + _free(rng, 1)
    return f"{text[:4]} {text[4:8]} {text[8:]}"


def _pan_in(rng: random.Random, p: Person) -> str:
    letters = "".join(rng.choices(string.ascii_uppercase, k=3))
    return f"{letters}P{(latin(p.last) or 'x')[0].upper()}{_free(rng, 4)}{rng.choice(string.ascii_uppercase)}"


MAKERS: dict[str, Maker] = {
    "pesel": _tried("pl.pesel", _pesel),
    "egn": _tried("bg.egn", _egn),
    "rodne_cislo": _tried("cz.rc", _rodne_cislo),
    "hetu": _tried("fi.hetu", _hetu),
    "rrn": _tried("kr.rrn", _rrn),
    "nir": _nir,
    "cnp": _tried("ro.cnp", _cnp),
    "codice_fiscale": _tried("it.codicefiscale", _codice_fiscale),
    "curp": _tried("mx.curp", _curp),
    "be_nn": _tried("be.nn", _be_nn),
    "amka": _tried("gr.amka", _amka),
    "za_id": _tried("za.idnr", _za_id),
    "personnummer": _tried("se.personnummer", _personnummer),
    "cpr": _tried("dk.cpr", _cpr),
    "nino": _nino,
    "ssn": _tried("us.ssn", _ssn),
    "uk_licence": _uk_licence,
    "aadhaar": _tried("in_.aadhaar", _aadhaar),
    "pan_in": _pan_in,
    "fodselsnummer": _tried("no.fodselsnummer", lambda rng, p: f"{p.born:%d%m%y}{_free(rng, 5)}"),
    "bsn": _tried("nl.bsn", lambda rng, p: digits(rng, 9)),
    "steuerid": _tried("de.idnr", lambda rng, p: _steuerid(rng)),
    "dni": _tried("es.dni", lambda rng, p: digits(rng, 8) + rng.choice("TRWAGMYFPDXBNJZSQVHLCKE")),
    "nie": _tried("es.nie", lambda rng, p: rng.choice("XYZ") + _free(rng, 7) + rng.choice("TRWAGMYFPDXBNJZSQVHLCKE")),
    "cpf": _tried("br.cpf", lambda rng, p: f"{_free(rng, 3)}.{_free(rng, 3)}.{_free(rng, 3)}-{_free(rng, 2)}"),
    "pt_nif": _tried("pt.nif", lambda rng, p: rng.choice("12") + _free(rng, 8)),
    "tckimlik": _tried("tr.tckimlik", lambda rng, p: digits(rng, 11)),
    "inn": _tried("ru.inn", lambda rng, p: f"{rng.randint(1, 89):02d}{_free(rng, 10)}"),
    "rnokpp": _tried("ua.rntrc", lambda rng, p: digits(rng, 10)),
    "oib": _tried("hr.oib", lambda rng, p: _free(rng, 11)),
    "ric": _tried("cn.ric", lambda rng, p: f"{rng.choice(['110101', '310104', '440305', '330106'])}{p.born:%Y%m%d}{_free(rng, 3)}{rng.choice('0123456789X')}"),
    "avs": _tried("ch.ssn", lambda rng, p: f"756.{_free(rng, 4)}.{_free(rng, 4)}.{_free(rng, 2)}"),
    "sin": _tried("ca.sin", lambda rng, p: f"{rng.choice('12345679')}{_free(rng, 2)}-{_free(rng, 3)}-{_free(rng, 3)}"),
    "tfn": _tried("au.tfn", lambda rng, p: f"{digits(rng, 3)} {_free(rng, 3)} {_free(rng, 3)}"),
    "il_id": _tried("il.idnr", lambda rng, p: digits(rng, 9)),
    "rut": _tried("cl.rut", lambda rng, p: f"{rng.randint(5, 25)}.{_free(rng, 3)}.{_free(rng, 3)}-{rng.choice('0123456789K')}"),
    "th_pin": _tried("th.pin", lambda rng, p: f"{rng.randint(1, 8)}{_free(rng, 12)}"),
    "nric": lambda rng, p: _nric(rng),
    "my_number": lambda rng, p: _my_number(rng),
    "passport_de": lambda rng, p: "C" + "".join(rng.choices("0123456789CFGHJKLMNPRTVWXYZ", k=8)),
    "passport_gb": lambda rng, p: digits(rng, 9),
    "passport_in": lambda rng, p: rng.choice("ABCGHJKLMNPRSTUVWZ") + digits(rng, 7),
    "ca_licence": lambda rng, p: rng.choice("ABCDEFNY") + _free(rng, 7),
}  # fmt: skip


def _steuerid(rng: random.Random) -> str:
    chosen = rng.sample(string.digits, 9)
    body = [*chosen, rng.choice(chosen)]
    rng.shuffle(body)
    return "".join(body) + _free(rng, 1) if body[0] != "0" else _steuerid(rng)


def _nric(rng: random.Random) -> str:
    body = _free(rng, 7)
    total = sum(int(digit) * weight for digit, weight in zip(body, (2, 7, 6, 5, 4, 3, 2), strict=True))
    return f"S{body}{'JZIHGFEDCBA'[total % 11]}"


def _my_number(rng: random.Random) -> str:
    body = _free(rng, 11)
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11
    return body + str(0 if rest <= 1 else 11 - rest)

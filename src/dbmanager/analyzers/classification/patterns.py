"""Anchored patterns: a value is of a kind as a whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable

from dbmanager.analyzers.classification import checksums
from dbmanager.analyzers.classification.names import fold

Match = Callable[[str], object]
_EMAIL = re.compile(r"[^\s@<>,;\"']{1,64}@[^\W_]([\w-]*[^\W_])?(\.[^\W_]([\w-]*[^\W_])?)*\.[^\W\d_]{2,}", re.I)
_PHONE = re.compile(
    r"(\+|00)[1-9][\d ().\-/]{6,18}\d|\(?0\d{1,4}\)?[ \-/.]\(?\d[\d \-/.()]{4,12}\d|\(\d{2,5}\)[ -]?\d{2,5}[ -]\d{3,5}"
    r"|(\+?1[ .-])?\(?[2-9]\d\d\)?[ .-][2-9]\d\d[ .-]\d{4}|\d{2,4}([ .-]\d{2,3}){3,4}|\d{2,4}-\d{3,4}-\d{4}"
    r"|(\+|00)?[\d ().\-/]{7,18} ?(x|ext\.?|#) ?\d{1,6}|\+[1-9]\d{7,14}"
)
_MAYBE_PHONE = re.compile(r"\+?[\d(]\+?[\d() ./\-–]{5,22}( ?(x|ext\.?|#) ?\d{1,6})?")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(/\d\d?|:\d{2,5})?")
_IPV6 = re.compile(r"(?=.*:.*:)[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(/\d{1,3}|%\w+)?", re.I)
_TIME = re.compile(r"\d{1,2}:\d\d(:\d\d)?")
_MAC = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}|([0-9a-f]{4}\.){2}[0-9a-f]{4}", re.I)
_SSN = re.compile(r"(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
_NINO = re.compile(
    r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]?", re.I
)  # fmt: skip
_LICENCE_UK = re.compile(r"[A-Z]{1,5}9{0,4}\d{6}[A-Z][A-Z9]\d[A-Z]{2}")
_NRIC = re.compile(r"[STFGM]\d{7}[A-Z]")
_MRN = re.compile(r"(MRN|UHID|HN|IPP)[-# ]?\d{5,10}", re.I)
_PAN_INDIA = re.compile(r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]")
_SECRET = re.compile(
    r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}|\$argon2(id|i|d)\$.+|\{?(pbkdf2|scrypt|bcrypt|argon2|SSHA|CRYPT|MD5|SHA)[\w-]*"
    r"[$:}].+|\$[156y]\$.+|\$P\$.{31}|SCRAM-SHA-256\$.+|md5[0-9a-f]{32}|\*[0-9A-F]{40}|"
    r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|(AKIA|ASIA|AROA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{20,}|"
    r"(sk|pk|rk|whsec)_(live|test)?_?[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{20,}|xox[abpors]-[\w-]{10,}|AIza[\w-]{35}|"
    r"ya29\.[\w-]+|glpat-[\w-]{20}|npm_\w{36}|SG\.[\w-]{16,}\.[\w-]{16,}|Bearer \S{12,}|"
    r"(ssh-(rsa|ed25519|dss)|ecdsa-sha2-\S+) [A-Za-z0-9+/=]{40,}.*|otpauth://\S+|"
    r"\w+://[^\s:/@]+:[^\s@]+@\S+|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*"
)
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_ETHEREUM = re.compile(r"0x[0-9a-f]{40}", re.I)
ICD = re.compile(r"[A-TV-Z]\d[0-9AB](\.[0-9A-Z]{1,4})?")
_COORDINATES = re.compile(r"-?\d{1,2}\.\d{3,}\s*[,; ]\s*-?\d{1,3}\.\d{3,}|POINT ?\(-?\d+\.\d+ -?\d+\.\d+\)", re.I)
PLATE = re.compile(
    r"[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2}[ -]?\d{1,4}[EH]?|[A-Z]{2}\d\d ?[A-Z]{3}|[A-Z]{2}-\d{3}-[A-Z]{2}|\d{4} [B-DF-HJ-NP-TV-Z]{3}|"
    r"[A-Z]{2} ?\d{3} ?[A-Z]{2}|\d{2}-[A-Z]{3}-\d|\d[A-Z]{3}\d{3}|[A-Z]{2}[ -]?\d{2}[ -]?[A-Z]{1,2}[ -]?\d{4}"
)
POSTCODE = re.compile(
    r"(GIR ?0AA|[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2})|[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d|[1-9]\d{3} ?[A-Z]{2}|"
    r"\d{2}-\d{3}|\d{5}-\d{3}|\d{4}-\d{3}|〒?\d{3}-\d{4}|\d{5}-\d{4}|\d{3} \d{2}"
)
_STREETS = frozenset(
    "street st road rd avenue ave lane ln drive dr way boulevard blvd court ct place pl square sq terrace crescent close "
    "highway hwy parkway pkwy circle cir trail ridge loop walk row apt suite unit po box rue allee impasse chemin quai "
    "place route calle avenida avda plaza paseo camino carretera cuesta ronda glorieta via viale piazza corso vicolo "
    "contrada strada largo borgo rua travessa praca alameda rodovia estrada av strasse str weg platz gasse ring damm ufer "
    "straat laan plein gracht kade singel dreef steeg ulica ul aleja al osiedle os plac pl gatan gata vagen vag grand "
    "gade vej alle gate vei veien katu tie kuja polku ulice trida namesti utca ut ter korut bulevardul bd soseaua "
    "sokak sok sk cadde caddesi cad mah mahallesi bulvari ulitsa prospekt pereulok улица ул проспект пер переулок пр "
    "бульвар шоссе вулиця вул jalan jl duong nagar marg colonia col duy rd. odos leoforos".split()
)
_STREETS |= frozenset(
    "passarela quadra vila viela recanto residencial setor trecho viaduto vereda ladeira lagoa jardim esplanada condominio "
    "conjunto chacara favela morro nucleo parque patio praia drumul aleea bulevardul intrarea calea piata fundatura "
    "площа набережна провулок узвіз проспект площадь переулок набережная тупик алея expressway mews gardens grove hill "
    "rise view chaussee cours esplanade sentier villa lungo lungomare rampa salita vico bd. pza plza cra carrera "
    "transversal diagonal pje pasaje barrio urb manzana".split()
)
_COMPOUND_STREET = re.compile(
    r"(strasse|str|weg|platz|gasse|allee|ring|damm|ufer|hof|straat|laan|pad|steeg|kade|plein|singel|dreef|gatan|gata|grand|"
    r"vagen|veien|vegen|vei|veg|gade|vej|gate|lokka|svingen|bakken|haugen|tunet|kroken|katu|tie|kuja|polku|raitti|"
    r"gracht|utca|sokak|caddesi)$"
)
_NUMBER_BEHIND = re.compile(r"(?P<name>[^\d,]{3,}?),? \d{1,4} ?[a-zA-Zа-яα-ω]?(/\d+\w?)?")
_NUMBER_BEFORE = re.compile(r"\d{1,5}[a-zA-Z]?,? (?P<name>[^\W\d_]\S* [^\W\d_]\S*( \S+)*)")
_EAST_STREET = re.compile(
    r"丁目|番地|[路街巷道弄]\w{0,6}[号座]?$|\d+号|[一-龠]+[区市町村]\S*\d|[로길] ?\d|도 .*시|시 .*구"
)
_NUMBERED = re.compile(r"\d")
_VERSION_PART = 100


def is_address(text: str) -> bool:
    """Whether a text is a street with a number, by the words for streets in some twenty languages."""
    return bool(_NUMBERED.search(text)) and names_street(text)


def names_street(text: str) -> bool:
    """Whether a text holds a word for a street, or is written as streets of East Asia are."""
    if len(text) > _LONGEST_ADDRESS:
        return False
    words = [word.strip(".,") for word in fold(text).replace(",", " ").replace("\n", " ").split()]
    if 1 < len(words) <= _MOST_WORDS and any(_is_street(words, at) for at in range(len(words))):
        return True
    return bool(_EAST_STREET.search(text))


def _is_street(words: list[str], at: int) -> bool:
    """Whether a word is for a street; one of everyday English counts only behind a name, as in `Savile Row`."""
    word = words[at]
    if word in _EVERYDAY:
        return at > 0 and words[at - 1].isalpha() and len(words) - at <= _BEHIND
    return word in _STREETS or bool(_COMPOUND_STREET.search(word))


def street_of(text: str) -> str | None:
    """Return the name in a text of a name and a house number, in either order; None for other texts."""
    match = _NUMBER_BEHIND.fullmatch(text) or _NUMBER_BEFORE.fullmatch(text)
    return match["name"] if match is not None else None


def is_ip(text: str) -> bool:
    """Whether a text is an address of IPv4 or IPv6."""
    if _IPV4.fullmatch(text):
        return not text.startswith("0.")
    return bool(_IPV6.fullmatch(text)) and not _TIME.fullmatch(text) and not _MAC.fullmatch(text)


def is_phone(text: str) -> bool:
    """Whether a text is written as a phone number: international, or national with separators."""
    return bool(_PHONE.fullmatch(text)) and 7 <= sum(c.isdigit() for c in text) <= 15 and not _SSN.fullmatch(text)


def may_be_phone(text: str) -> bool:
    """Whether a text could be a phone number: nothing but digits and what separates them."""
    return bool(_MAYBE_PHONE.fullmatch(text)) and 7 <= sum(c.isdigit() for c in text) <= 18


def may_be_address(text: str) -> bool:
    """Whether a text could be a street with a number: a few words, at least one with a letter, and some digits."""
    words = text.split()
    return 2 <= len(words) <= 16 and bool(_NUMBERED.search(text)) and any(c.isalpha() for c in text)


def looks_like_version(text: str) -> bool:
    """Whether four dotted numbers are small, as in versions rather than addresses."""
    return all(part.isdigit() and int(part) < _VERSION_PART for part in text.split("."))


_LONGEST_ADDRESS = 160
_MOST_WORDS, _BEHIND = 12, 5
_EVERYDAY = frozenset(
    "row close place court square box po unit drive way view rise hill loop trail circle walk route grand".split()
)
CERTAIN: tuple[tuple[str, Match], ...] = (
    ("email", _EMAIL.fullmatch),
    ("secret", _SECRET.fullmatch),
    ("device_id", _MAC.fullmatch),
    ("national_id", _SSN.fullmatch),
    ("ip_address", is_ip),
    ("card_number", checksums.is_card),
    ("device_id", checksums.is_imei),
    ("bank_account", checksums.is_iban),
    ("crypto_wallet", lambda text: _ETHEREUM.fullmatch(text) or checksums.is_bitcoin(text)),
    ("vehicle", lambda text: _VIN.fullmatch(text) and checksums.is_vin(text)),
    ("phone", is_phone),
    ("location", _COORDINATES.fullmatch),
    ("address", is_address),
    ("national_id", _NINO.fullmatch),
    ("national_id", _PAN_INDIA.fullmatch),
    ("national_id", _LICENCE_UK.fullmatch),
    ("national_id", _NRIC.fullmatch),
    ("health", _MRN.fullmatch),
    ("bank_account", checksums.is_bic),
)
"""Forms that hardly anything else has, in the order in which they are tried."""
_INSIDE = re.compile(
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}|\+[1-9]\d[\d ()-]{6,16}\d|\b\d{3}-\d{2}-\d{4}\b|"
    r"\b\(?[2-9]\d\d\)?[ .-]\d{3}[ .-]\d{4}\b|\b(?:Mr|Mrs|Ms|Dr|Herr|Frau|Mme|Sr|Sra|Sig|Prof)\.? [A-Z]\w+"
)
_CARD_INSIDE = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")
_IBAN_INSIDE = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b")


_MEDICAL = re.compile(
    r"(itis|osis|osen|ose|emia|aemia|anemie|amie|ämie|oma|ome|karzinom|pathy|pathie|patia|algia|algie|plegia|plegie|penia|trophy|"
    r"uria|itus|iasis|megaly|stenosis|stenose|sclerosis|sklerose)\b|\b(fracture|fraktur|frattura|fractura|syndrome|syndrom|"
    r"infection|infektion|infezione|disease|krankheit|maladie|malattia|enfermedad|disorder|diabetes|diabete|cancer|krebs|"
    r"asthma|asthme|asma|hypertension|hypertonie|migraine|migrane|epilepsy|epilepsie|depression|pneumonia|influenza|reflux|"
    r"allergy|allergie|stroke|sepsis|hernia|ulcer|tumor|tumour|failure|insufficiency|insuffisance|insuffizienz)",
    re.I,
)


def is_medical(text: str) -> bool:
    """Whether a text names an illness, by the endings and words that such names are made of."""
    return bool(_MEDICAL.search(text))


def holds_person(text: str) -> bool:
    """Whether a longer text holds an address, number or titled name of a person somewhere inside."""
    if not any(c.isalpha() for c in text):
        return False
    if _INSIDE.search(text):
        return True
    if any(checksums.is_card(found) for found in _CARD_INSIDE.findall(text)):
        return True
    return any(checksums.is_iban(found) for found in _IBAN_INSIDE.findall(text))


def is_vin_form(text: str) -> bool:
    """Whether a text has a vehicle number's form, letters and digits, whatever its check digit."""
    return bool(_VIN.fullmatch(text)) and any(c.isalpha() for c in text) and any(c.isdigit() for c in text)

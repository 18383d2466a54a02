"""Judges columns by the columns beside them, row by row: what no single column shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from dbmanager.analyzers.classification.domains import years
from dbmanager.analyzers.classification.judge import Verdict
from dbmanager.analyzers.classification.names import fold
from dbmanager.analyzers.classification.values import Values
from dbmanager.model.schema import Column, Table, TypeKind
from dbmanager.model.statistics import Sample

LEAST_ROWS = 10
RATIO = 0.6
LEAST_DIFFERENT = 3
MOST_ROWS = 120
_WORD = re.compile(r"[^\W\d_]{2,}")
_DIGIT = re.compile(r"\d")
_CODE = re.compile(r"\d{3,4}")
_POST = re.compile(r"\d{4,8}|\d{3} ?\d{2}|[A-Z]{1,2}-?\d{4,5}")
_FINE = re.compile(r"-?\d{1,3}\.\d{4,}")


@dataclass(frozen=True, slots=True)
class _Rows:
    """The sampled cells as texts by column, empty where null or nested."""

    texts: Mapping[str, tuple[str, ...]]

    def pairs(self, one: str, other: str) -> list[tuple[str, str]]:
        return [(a, b) for a, b in zip(self.texts[one], self.texts[other], strict=True) if a and b]


def judge_neighbours(table: Table, sample: Sample, kinds: Mapping[str, str]) -> dict[str, Verdict]:
    """Return verdicts over columns that nothing else judged.

    Args:
        table: as declared.
        sample: rows of it; columns are compared within a row.
        kinds: what is known so far, column → kind.
    """
    rows = _Rows({
        name: tuple("" if row[at] is None or isinstance(row[at], dict | list) else str(row[at]) for row in sample.rows[:MOST_ROWS])
        for at, name in enumerate(sample.columns)
    })  # fmt: skip
    found: dict[str, Verdict] = {}
    known = dict(kinds)
    for judge in (_names_in_mail, _names_in_names, _whole_names, _names_in_names, _name_pairs, _births_in_ids, _card_codes, _postcodes,
                  _coordinates):  # fmt: skip
        for name, verdict in judge(table, rows, known):
            if name not in known:
                known[name], found[name] = verdict.kind, verdict
    return found


_LATIN = {
    ord(letter): latin
    for letter, latin in zip(
        "абвгдежзиклмнопрстуфхцчшщыэюяьъіїєґαβγδεζηθικλμνξοπρσςτυφχψω",
        "a b v g d e zh z i k l m n o p r s t u f kh ts ch sh shch y e yu ya   i i ie g "
        "a v g d e z i th i k l m n x o p r s s t y f ch ps o".split(" "), strict=False,
    )
}  # fmt: skip
"""How names of Cyrillic and Greek letters are spelt in addresses."""
Judged = Iterator[tuple[str, Verdict]]


def _open(table: Table, rows: _Rows, known: Mapping[str, str], *kinds: TypeKind) -> list[Column]:
    return [c for c in table.columns if c.name not in known and c.name in rows.texts and c.type.kind in kinds]


def _of_kind(rows: _Rows, known: Mapping[str, str], kind: str) -> list[str]:
    return [name for name, found in known.items() if found == kind and name in rows.texts]


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(fold(text).translate(_LATIN)) if len(word) > 2}


def _agree(pairs: Sequence[tuple[str, str]], test: Callable[[str, str], object], *, least: float = RATIO) -> int:
    """Return in how many rows two cells agree, 0 when in too few, or when one value makes up the agreement."""
    if len(pairs) < LEAST_ROWS:
        return 0
    hits = [one for one, other in pairs if test(one, other)]
    return len(hits) if len(hits) >= least * len(pairs) and len(set(hits)) >= LEAST_DIFFERENT else 0


def _names_in_mail(table: Table, rows: _Rows, known: Mapping[str, str]) -> Judged:
    """A value stands in the e-mail address of its row: a person's name, or the address's whole local part."""
    for mail in _of_kind(rows, known, "email"):
        for column in _open(table, rows, known, TypeKind.TEXT):
            pairs = [(fold(v), fold(m.partition("@")[0])) for v, m in rows.pairs(column.name, mail)]
            if count := _agree(pairs, lambda value, local: value == local):
                yield column.name, Verdict("username", "certain", "neighbour", count)
            elif count := _agree(
                pairs, lambda value, local: not _DIGIT.search(value) and any(word in local for word in _words(value))
            ):
                yield column.name, Verdict("person_name", "certain", "neighbour", count)


def _names_in_names(table: Table, rows: _Rows, known: Mapping[str, str]) -> Judged:
    """A value shares a word with a known name of its row."""
    for name in _of_kind(rows, known, "person_name") + _of_kind(rows, known, "username"):
        for column in _open(table, rows, known, TypeKind.TEXT):
            pairs = rows.pairs(column.name, name)
            shares = _agree(
                pairs, lambda value, name: not _DIGIT.search(value) and _words(value) & _words(name), least=0.8
            )
            if count := shares:
                yield column.name, Verdict("person_name", "likely", "neighbour", count)


def _whole_names(table: Table, rows: _Rows, known: Mapping[str, str]) -> Judged:
    """Two columns make up a third: given name, surname and full name."""
    open_ = [c.name for c in _open(table, rows, known, TypeKind.TEXT) if _is_wordy(rows.texts[c.name])]
    for whole in open_:
        for one, other in combinations([name for name in open_ if name != whole], 2):
            triples = [(_words(w), _words(a), _words(b)) for w, a, b in
                       zip(rows.texts[whole], rows.texts[one], rows.texts[other], strict=True) if w and a and b]  # fmt: skip
            hits = sum(1 for w, a, b in triples if a and b and a != b and a | b == w)
            if len(triples) >= LEAST_ROWS and hits >= 0.8 * len(triples):
                for name in (whole, one, other):
                    yield name, Verdict("person_name", "likely", "neighbour", hits)


def _is_wordy(texts: Sequence[str]) -> bool:
    filled = [text for text in texts if text]
    return len(filled) >= LEAST_ROWS and len(set(filled)) > len(filled) / 4 and not any(c.isdigit() for c in filled[0])


def _name_pairs(table: Table, rows: _Rows, known: Mapping[str, str]) -> Judged:
    """Two columns side by side of single capitalised words that vary, in a table of people: given name and surname."""
    if "person_name" in known.values() or not set(known.values()) & _OF_PEOPLE:
        return
    open_ = {c.name for c in _open(table, rows, known, TypeKind.TEXT) if _is_varied_word(rows.texts[c.name])}
    for one, other in pairwise(column.name for column in table.columns):
        if one in open_ and other in open_:
            for name in (one, other):
                yield name, Verdict("person_name", "likely", "neighbour", len(rows.pairs(one, other)))
            return


_OF_PEOPLE = frozenset(("email", "phone", "birth_date", "national_id", "gender", "marital_status", "address", "health"))
_SINGLE = re.compile(r"[^\W\d_][\w'’-]*( [^\W\d_][\w'’-]*)?")


def _is_varied_word(texts: Sequence[str]) -> bool:
    filled = [text for text in texts if text]
    fit = [text for text in filled if _SINGLE.fullmatch(text) and (text[0].isupper() or not text[0].isascii())]
    return len(filled) >= LEAST_ROWS and len(fit) >= 0.9 * len(filled) and len(set(fit)) >= 0.45 * len(fit)


def _births_in_ids(table: Table, rows: _Rows, known: Mapping[str, str]) -> Judged:
    """A date stands inside the national number of its row."""
    for id_ in _of_kind(rows, known, "national_id"):
        for column in _open(table, rows, known, TypeKind.DATE, TypeKind.TEXT, TypeKind.TIMESTAMP):
            if count := _agree(rows.pairs(column.name, id_), _is_born_in):
                yield column.name, Verdict("birth_date", "certain", "neighbour", count)


def _is_born_in(date: str, id_: str) -> bool:
    dates = years([date[:10]])
    digits = re.sub(r"\D", "", id_)
    return bool(dates) and any(dates[0].strftime(form) in digits for form in ("%y%m%d", "%d%m%y", "%Y%m%d", "%d%m%Y"))


def _card_codes(table: Table, rows: _Rows, known: Mapping[str, str]) -> Judged:
    """Three or four random digits beside a card's number are its security code."""
    for card in _of_kind(rows, known, "card_number"):
        for column in _open(table, rows, known, TypeKind.TEXT, TypeKind.INTEGER):
            pairs = rows.pairs(column.name, card)
            count = _agree(pairs, lambda code, _: _CODE.fullmatch(code), least=0.85)
            short = sum(1 for code, _ in pairs if len(code) == 3)
            if count and short > len(pairs) / 2 and len({code for code, _ in pairs}) > len(pairs) / 2:
                yield column.name, Verdict("card_code", "likely", "neighbour", count)


def _postcodes(table: Table, rows: _Rows, known: Mapping[str, str]) -> Judged:
    """Varied codes of four to six digits beside a street are postcodes; one beside a street suffices."""
    for street in _of_kind(rows, known, "address"):
        if "postcode" in known.values():
            return
        for column in _near(table, street, _open(table, rows, known, TypeKind.TEXT, TypeKind.INTEGER)):
            pairs = rows.pairs(column.name, street)
            count = _agree(pairs, lambda code, _: _POST.fullmatch(code), least=0.9)
            codes = Values.of([code for code, _ in pairs])
            if count and not codes.are_sequential() and codes.distinct > len(pairs) / 3:
                yield column.name, Verdict("postcode", "likely", "neighbour", count)


def _near(table: Table, name: str, columns: Sequence[Column]) -> list[Column]:
    order = [column.name for column in table.columns]
    return [column for column in columns if abs(order.index(column.name) - order.index(name)) <= 3]


def _coordinates(table: Table, rows: _Rows, known: Mapping[str, str]) -> Judged:
    """Two fine numbers side by side, one within ±90 and one within ±180, that are more than shares of one."""
    columns = list(table.columns)
    for one, other in pairwise(columns):
        if not {one.name, other.name} <= set(rows.texts) or {one.name, other.name} & set(known):
            continue
        pairs = rows.pairs(one.name, other.name)
        count = _agree(pairs, lambda a, b: _FINE.fullmatch(a) and _FINE.fullmatch(b), least=0.85)
        if count and _are_places([(float(a), float(b)) for a, b in pairs if _FINE.fullmatch(a) and _FINE.fullmatch(b)]):
            for column in (one, other):
                yield column.name, Verdict("location", "likely", "neighbour", count)


def _are_places(pairs: Sequence[tuple[float, float]]) -> bool:
    lows, highs = [abs(a) for a, _ in pairs], [abs(b) for _, b in pairs]
    return max(lows) <= 90 and max(highs) <= 180 and min(max(lows), max(highs)) > 2

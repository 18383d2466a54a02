from __future__ import annotations

from collections.abc import Sequence

import pytest

from dbmanager.analyzers.classification.classify import classify_table
from dbmanager.analyzers.classification.names import kind_of_name
from dbmanager.model.queries import Cell, Row
from dbmanager.model.schema import Column, DataType, Table, TypeKind
from dbmanager.model.statistics import Sample

TEXT = DataType(TypeKind.TEXT, "text")


def _labels(names: list[str], rows: Sequence[tuple[object, ...]], table: str = "t") -> dict[str, tuple[str, str]]:
    described = Table(table, None, tuple(Column(name, TEXT) for name in names))
    sample = Sample(tuple(names), tuple(rows))  # type: ignore[arg-type]
    return {label.column: (label.type, label.certainty) for label in classify_table(described, sample)}


@pytest.mark.parametrize(
    "name",
    ["email_sent_count", "email_verified", "phone_type", "address_id", "is_email", "password_reset_at", "scenario_code",
     "ACADEMIC_YEAR_CODE", "acid_level", "incident_count", "ip_count", "token_limit", "product_name", "description"],
)  # fmt: skip
def test_names_about_the_thing_are_not_the_thing(name: str) -> None:
    assert kind_of_name("orders", name) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [("email", "email"), ("EmailAddress", "email"), ("correo_electronico", "email"), ("firstName", "person_name"),
     ("nachname", "person_name"), ("geburtsdatum", "birth_date"), ("password_hash", "secret"), ("iban", "bank_account"),
     ("billing_zip", "postcode"), ("prénom", "person_name"), ("creditCardNumber", "card_number")],
)  # fmt: skip
def test_names_of_many_languages_and_cases_are_known(name: str, kind: str) -> None:
    assert kind_of_name("customers", name) == kind


def test_meaningless_and_misleading_names_are_found_by_values() -> None:
    rows = [
        (
            f"user{n}@example.org",
            f"+44 20 7946 {n:04}",
            ("4111111111111111", "5500005555555559")[n % 2],
            "DE89370400440532013000",
            f"{n}",
        )
        for n in range(30)
    ]
    found = _labels(["c1", "color_code", "x7", "remark", "n"], rows)
    assert found == {
        "c1": ("email", "certain"),
        "color_code": ("phone", "certain"),
        "x7": ("card_number", "certain"),
        "remark": ("bank_account", "certain"),
    }


def test_a_name_is_found_by_its_neighbour_the_email_address() -> None:
    people = [("Greta", "Jansen"), ("Omar", "Haddad"), ("Lucia", "Ferri"), ("Piotr", "Nowak")]
    rows = [(f"{a}.{b}{n}@example.org".lower(), a, "blue") for n in range(10) for a, b in people]
    assert _labels(["m", "c2", "c3"], rows)["c2"] == ("person_name", "certain")
    assert "c3" not in _labels(["m", "c2", "c3"], rows)


def test_one_hit_among_many_values_is_nothing() -> None:
    rows: list[tuple[object, ...]] = [(f"order {n}",) for n in range(40)]
    rows[7] = ("4111111111111111",)
    assert _labels(["reference"], rows) == {}


def test_free_text_with_addresses_inside_is_found() -> None:
    rows = [
        (f"please call back about order {n}" + (", mail ann@example.org" if n % 5 == 0 else ""),) for n in range(40)
    ]
    assert _labels(["body"], rows)["body"][0] == "free_text"


def test_evidence_counts_never_hold_values() -> None:
    described = Table("t", None, (Column("email", TEXT),))
    sample = Sample(("email",), tuple((f"very.secret{n}@example.org",) for n in range(20)))
    assert "secret" not in repr(classify_table(described, sample))


def _column(name: str, values: Sequence[Cell], kind: TypeKind = TypeKind.TEXT, table: str = "t") -> str | None:
    described = Table(table, None, (Column(name, DataType(kind, kind.value)),))
    labels = classify_table(described, Sample((name,), tuple((value,) for value in values)))
    return labels[0].type if labels and labels[0].certainty != "possible" else None


_BROWSERS = ("Safari", "Chrome", "Firefox", "Edge")


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("ACADEMIC_YEAR_CODE", [f"{1990 + n % 30}" for n in range(60)], TypeKind.TEXT),
        ("ACADEMIC_YEAR_CODE", [1990 + n % 30 for n in range(60)], TypeKind.INTEGER),
        ("scenario_code", [f"SCN-{100 + n}" for n in range(60)], TypeKind.TEXT),
        ("acid_level", [f"{n % 9}.{n % 7}" for n in range(60)], TypeKind.TEXT),
        ("incident_count", [n % 13 for n in range(60)], TypeKind.INTEGER),
        ("browser", [_BROWSERS[n % 4] for n in range(60)], TypeKind.TEXT),
        ("email_verified", [n % 2 for n in range(60)], TypeKind.INTEGER),
        ("version", [f"{n % 4}.{n % 10}.{n % 7}.{n % 3}" for n in range(60)], TypeKind.TEXT),
        ("seen_at", [1_700_000_000 + n * 86_417 for n in range(60)], TypeKind.INTEGER),
        ("ordered_on", [f"202{n % 5}-0{n % 9 + 1}-1{n % 9}" for n in range(60)], TypeKind.DATE),
        ("order_no", [4_000_000_000_000_000 + n * 7_919 for n in range(60)], TypeKind.INTEGER),
        ("hash", [f"{n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128):032x}" for n in range(60)], TypeKind.TEXT),
        ("isbn", ["9780306406157", "9783161484100", "9780131103627", "9780201633610", "9780262033848",
                  "9780596007126", "9781491950357", "9780132350884"], TypeKind.TEXT),
        ("label", [f"row number {n} of a table that is wide" for n in range(60)], TypeKind.TEXT),
        ("label", [f"row {n}" for n in range(60)], TypeKind.TEXT),
        ("label", [f"box {n} closed" for n in range(60)], TypeKind.TEXT),
        ("customer_number", [910_000_000 + n * 101 for n in range(60)], TypeKind.INTEGER),
    ],
)  # fmt: skip
def test_what_catalog_products_are_known_to_mistake_is_left_alone(
    name: str, values: Sequence[Cell], kind: TypeKind
) -> None:
    assert _column(name, values, kind) is None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["123-45-6789", "219-09-9999", "457-55-5462", "078-05-1120"], "national_id"),
        ([f"+49 170 123{n:04}" for n in range(30)], "phone"),
        ([f"192.168.{n}.{200 - n}" for n in range(30)], "ip_address"),
        (["male", "female"] * 20, "gender"),
        (["A+", "O-", "AB+", "B-", "O+"] * 8, "health"),
        (["verheiratet", "ledig", "geschieden"] * 8, "marital_status"),
        (["Roman Catholic", "Muslim", "Buddhist", "None"] * 8, "special_category"),
        ([f"{1940 + n}-0{n % 9 + 1}-1{n % 9}" for n in range(60)], "birth_date"),
        ([f"{n} Long Street" for n in range(30)], "address"),
        ([f"Lange Straße {n}" for n in range(30)], "address"),
        (["SW1A 1AA", "M1 1AE", "EC1A 1BB", "CR2 6XH", "DN55 1PT", "W1A 0AX", "B33 8TH", "L1 8JQ"], "postcode"),
        ([f"$2b$12${'abcdefghijklmnopqrstuv'}{n:031}" for n in range(9)], "secret"),
        (["44051401359", "02070803628", "92010512345"[:10] + "9", "44051401359"] * 3, None),
    ],
)  # fmt: skip
def test_values_alone_say_what_they_are(values: Sequence[Cell], kind: str | None) -> None:
    assert _column("c9", values) == kind


def test_a_short_name_counts_only_alone_and_a_general_one_only_with_its_table() -> None:
    assert kind_of_name("orders", "market_cap") is None
    assert kind_of_name("passports", "number") == "national_id"
    assert kind_of_name("invoices", "number") is None
    assert kind_of_name("customers", "name") == "person_name"
    assert kind_of_name("products", "nombre") is None
    assert kind_of_name("t", "kundenemail") == "email"
    assert kind_of_name("t", "emailsentcount") is None


def test_a_comment_names_a_kind_unless_it_is_about_counts() -> None:
    for comment, kind in (("E-mail address of the customer", "email"), ("number of e-mails sent, count", None)):
        described = Table("t", None, (Column("x1", TEXT, comment=comment),))
        assert [label.type for label in classify_table(described, None)] == ([kind] if kind else [])


def test_a_birth_date_is_found_inside_the_number_beside_it() -> None:
    ids = ["44051401359", "02270803624", "90090515836", "55030101193", "49040501580", "81010200131", "92032100157",
           "85071512347", "79110300122", "60021900134", "61123100158", "75062800143"]  # fmt: skip
    dates = [f"19{i[:2]}-{i[2:4]}-{i[4:6]}" for i in ids]
    described = Table("t", None, (Column("pesel", TEXT), Column("c4", DataType(TypeKind.DATE, "date"))))
    labels = classify_table(described, Sample(("pesel", "c4"), tuple(zip(ids, dates, strict=True))))
    assert {label.column: label.type for label in labels}["c4"] == "birth_date"


def test_documents_are_judged_by_what_stands_at_their_paths() -> None:
    described = Table("t", None, (Column("payload", DataType(TypeKind.JSON, "jsonb")),))
    rows: tuple[Row, ...] = tuple(({"contact": {"email": f"p{n}@example.org"}, "n": n},) for n in range(20))
    (label,) = classify_table(described, Sample(("payload",), rows))
    assert (label.type, label.evidence["paths"]) == ("email", 1)

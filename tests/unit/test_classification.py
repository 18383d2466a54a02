from __future__ import annotations

from collections.abc import Sequence

import pytest

from dbmanager.analyzers.classification.classify import classify_table
from dbmanager.analyzers.classification.names import kind_of_name
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

"""Labelled tables for column classification: seeded, thirty locales, the same tables under three styles of names."""

from __future__ import annotations

import itertools
import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from faker import Faker

from dbmanager.model.queries import Cell
from dbmanager.model.schema import Column, PrimaryKey, Table, TypeKind
from dbmanager.model.statistics import Sample
from tests.classification.generators import GENERATORS, Generator, Row
from tests.classification.people import person

Style = Literal["plain", "misleading", "anonymous"]
STYLES: tuple[Style, ...] = ("plain", "misleading", "anonymous")
SEED = 20_261
_NULL_RATIO = 0.04
_DIRTY_TEXT = ("n/a", "-", "unknown", "TEST", "?", "xxx", "tbd")
_DATA = tomllib.loads((Path(__file__).parent / "tables.toml").read_text(encoding="utf-8"))

HARMLESS_NAMES: dict[TypeKind, tuple[str, ...]] = {
    TypeKind.TEXT: tuple(
        "colour stage segment batch label_code ref_text descr attr_1 module slot category payload variant item_group channel "
        "topic bucket theme source_tag shelf model_line edition season track status_text grade".split()
    ),
    TypeKind.DATE: ("created_on", "valid_from", "due_date", "shipped_on"),
    TypeKind.INTEGER: ("qty", "total_count", "seq", "weight_g"),
    TypeKind.DECIMAL: ("price", "discount", "vat_amount"),
    TypeKind.FLOAT: ("ratio", "score", "factor"),
    TypeKind.JSON: ("settings", "options", "layout"),
}
"""What sensitive columns are called under the misleading style, by their type."""

TRAP_NAMES: dict[str, tuple[str, ...]] = {
    "boolean": ("email_verified", "phone_confirmed", "has_passport", "password_expired", "card_present"),
    "flag": ("is_address_valid", "email_opt_in", "gender_required", "password_reset_flag"),
    "date": ("email_verified_at", "password_changed_at", "card_issued_on", "address_updated_at", "passport_checked_on"),
    "integer": (
        "email_sent_count", "phone_calls_count", "password_reset_count", "address_count", "card_swipes_count", "name_length",
        "patient_visit_count", "iban_check_count", "email_id", "phone_id", "address_id",
    ),
    "number": ("card_fee_amount", "phone_charge_total", "email_cost", "address_tax_rate", "salary_band_pct", "iban_fee"),
    "place": ("iban_country", "ip_country", "passport_office_city", "bank_city", "phone_country"),
    "company": ("bank_name", "email_provider", "phone_carrier_name", "card_issuer_name"),
    "product": ("phone_model", "card_product_name", "device_model_name", "password_app_title"),
    "hash": ("email_message_uuid", "card_art_hash", "avatar_checksum", "password_policy_version_hash", "address_list_md5"),
    "code": ("email_campaign_code", "phone_sku", "ip_stack_version", "email_client_version", "card_order_no", "address_format"),
    "sentence": ("email_template", "email_subject", "password_policy_text", "address_help_text", "gender_report_title"),
    "json": ("email_settings", "phone_options", "card_layout"),
    "word": ("email_status", "phone_type", "address_type", "card_type", "passport_status", "password_policy", "gender_policy", "user_role"),
}  # fmt: skip
"""What harmless columns are called under the misleading style: a sensitive word that the tail takes back."""

_TRAP_OF_GENERATOR = {
    "city": "place", "country": "place", "region": "place", "company": "company", "job": "word", "product": "product", "brand": "product",
    "flag": "flag", "uuid": "hash", "md5": "hash", "sha1": "hash", "sha256": "hash", "sentence": "sentence", "note_plain": "sentence",
    "logline": "sentence", "url": "sentence", "order16": "code", "ean13": "code", "isbn13": "code", "version3": "code", "version4": "code",
    "sku": "code", "booking": "code", "ticket": "code", "tracking": "code", "room": "code", "flight": "code", "course": "code",
    "hs_code": "code", "repo": "code", "hostname": "code", "period": "code", "month_text": "code", "json_config": "json",
}  # fmt: skip
_TRAP_OF_TYPE = {
    TypeKind.BOOLEAN: "boolean", TypeKind.DATE: "date", TypeKind.TIMESTAMP: "date", TypeKind.INTEGER: "integer",
    TypeKind.DECIMAL: "number", TypeKind.FLOAT: "number", TypeKind.TEXT: "word",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labelled:
    """One table with its sampled rows and what each column truly is; None: not sensitive."""

    table: Table
    sample: Sample
    kinds: dict[str, str | None]
    generators: dict[str, str]


@cache
def tables(style: Style, seed: int = SEED) -> tuple[Labelled, ...]:
    """Return every table of `tables.toml` under a style of names; the values are the same under each."""
    return tuple(_labelled(number, design, style, seed) for number, design in enumerate(_DATA["table"], 1))


def _labelled(number: int, design: dict[str, str], style: Style, seed: int) -> Labelled:
    rng = random.Random(f"{seed}/{design['name']}")
    fake = Faker(design["locale"])
    fake.seed_instance(rng.randrange(2**32))
    parts = [text.split("=") for text in design["columns"].split()]
    sorts = [sort for _, sort in parts]
    names = _names(style, [name for name, _ in parts], sorts, random.Random(f"{seed}/{style}/{number}"))
    name = f"t{number}" if style == "anonymous" else design["name"] if style == "plain" else f"lookup_{number}"
    columns = tuple(_column(name, column, sort, style) for column, sort in zip(names, sorts, strict=True))
    key = PrimaryKey((names[0],)) if sorts[0].startswith(("pk", "surrogate", "uuid")) else None
    made = [_row(line, fake, rng, sorts, number * 137) for line in range(rng.randint(120, 200))]
    return Labelled(
        Table(name, "public", columns, primary_key=key, row_estimate=rng.randint(5_000, 900_000)),
        Sample(tuple(names), _spoiled(made, sorts, key is not None, rng)),
        {column: GENERATORS[sort].kind for column, sort in zip(names, sorts, strict=True)},
        dict(zip(names, sorts, strict=True)),
    )


def _row(line: int, fake: Faker, rng: random.Random, sorts: list[str], start: int) -> list[Cell]:
    row = Row(line, person(fake, rng), fake, rng, start)
    return [GENERATORS[sort].make(row) for sort in sorts]


def _spoiled(
    rows: list[list[Cell]], sorts: list[str], has_key: bool, rng: random.Random
) -> tuple[tuple[Cell, ...], ...]:
    """Put NULLs into 3-5 % of the cells and a dirty value or two into each column of text."""
    for position, sort in enumerate(sorts):
        if has_key and position == 0:
            continue
        for line in rng.sample(range(len(rows)), k=max(3, round(len(rows) * _NULL_RATIO))):
            rows[line][position] = None
        if GENERATORS[sort].type.kind is TypeKind.TEXT:
            for line in rng.sample(range(len(rows)), k=rng.randint(1, 2)):
                rows[line][position] = rng.choice(_DIRTY_TEXT)
    return tuple(tuple(row) for row in rows)


def _column(table: str, name: str, sort: str, style: Style) -> Column:
    comment = _DATA["comment"].get(f"{table}.{name}") if style == "plain" else None
    return Column(name, GENERATORS[sort].type, comment=comment)


def _names(style: Style, plain: list[str], sorts: list[str], rng: random.Random) -> list[str]:
    if style == "plain":
        return plain
    if style == "anonymous":
        return [f"c{place}" for place in range(1, len(plain) + 1)]
    taken: set[str] = set()
    return [_misleading(GENERATORS[sort], sort, taken, rng) for sort in sorts]


def _misleading(generator: Generator, sort: str, taken: set[str], rng: random.Random) -> str:
    if generator.kind:
        pool = HARMLESS_NAMES[generator.type.kind]
    else:
        pool = TRAP_NAMES[_TRAP_OF_GENERATOR.get(sort) or _TRAP_OF_TYPE[generator.type.kind]]
    offered = itertools.chain(rng.sample(pool, k=len(pool)), (f"{name}_{n}" for n in range(2, 9) for name in pool))
    name = next(name for name in offered if name not in taken)
    taken.add(name)
    return name


def real_names() -> Iterator[tuple[str, str, str | None]]:
    """Yield (table, column, kind or None) of schemas that many people run."""
    data = tomllib.loads((Path(__file__).parent / "real_names.toml").read_text(encoding="utf-8"))
    for names in data.values():
        for kind, columns in names.items():
            for full in columns.split():
                table, _, column = full.partition(".")
                yield table, column, None if kind == "none" else kind

"""A schema of many tables that both engines take as it is written: seeded, so that every run reads the same."""

from __future__ import annotations

import random

TABLES = 1_000
SEED = 20_26
TYPES = ("INTEGER", "BIGINT", "TEXT", "VARCHAR(80)", "NUMERIC(12,2)", "TIMESTAMP", "DATE", "BOOLEAN", "CHAR(2)")
PLAIN_COLUMNS = 11
INDEXES = 4


def script(tables: int = TABLES, seed: int = SEED) -> str:
    """Return DDL of `tables` tables with 14 columns, two references, a check and four indexes each."""
    chance = random.Random(seed)
    return "\n".join(_table(number, chance) for number in range(1, tables + 1))


def _table(number: int, chance: random.Random) -> str:
    name = f"entity_{number:04d}"
    parents = [f"entity_{chance.randint(1, number):04d}" for _ in range(2)]
    columns = ["id INTEGER PRIMARY KEY"]
    columns += [f"parent_{place} INTEGER REFERENCES {parent} (id)" for place, parent in enumerate(parents)]
    columns += [_column(place, chance) for place in range(PLAIN_COLUMNS)]
    columns.append(f"CONSTRAINT {name}_check CHECK (id > {chance.randint(-9, 0)})")
    return f"CREATE TABLE {name} ({', '.join(columns)});\n" + "\n".join(_indexes(name, chance))


def _column(place: int, chance: random.Random) -> str:
    kind = chance.choice(TYPES)
    default = " DEFAULT 0" if kind in ("INTEGER", "BIGINT") and chance.random() < 0.5 else ""
    return f"field_{place:02d} {kind}{default}{' NOT NULL' if chance.random() < 0.4 else ''}"


def _indexes(name: str, chance: random.Random) -> list[str]:
    found = []
    for place in range(INDEXES):
        keys = [f"field_{number:02d}" for number in chance.sample(range(PLAIN_COLUMNS), chance.choice((1, 2)))]
        where = f" WHERE {keys[0]} IS NOT NULL" if chance.random() < 0.1 else ""
        unique = "UNIQUE " if place == 0 else ""
        found.append(f"CREATE {unique}INDEX {name}_ix{place} ON {name} ({', '.join(keys)}){where};")
    return found

"""A schema of many tables, as SQLite and PostgreSQL or as MySQL and MariaDB take it: seeded, every run reads the same."""

from __future__ import annotations

import random
import re

TABLES = 1_000
SEED = 20_26
TYPES = ("INTEGER", "BIGINT", "TEXT", "VARCHAR(80)", "NUMERIC(12,2)", "TIMESTAMP", "DATE", "BOOLEAN", "CHAR(2)")
PLAIN_COLUMNS = 11
INDEXES = 4
_INDEX = re.compile(r"CREATE (UNIQUE )?INDEX (\w+) ON \w+ \(([^)]*)\)")


def script(tables: int = TABLES, seed: int = SEED, *, mysql: bool = False) -> str:
    """Return DDL of `tables` tables with 14 columns, two references, a check and four indexes each.

    For MySQL references and indexes stand in the table, texts are indexed by a prefix and no index has a condition.
    """
    chance = random.Random(seed)
    return "\n".join((_mysql_table if mysql else _table)(number, chance) for number in range(1, tables + 1))


def _table(number: int, chance: random.Random) -> str:
    name = f"entity_{number:04d}"
    parents = [f"entity_{chance.randint(1, number):04d}" for _ in range(2)]
    columns = ["id INTEGER PRIMARY KEY"]
    columns += [f"parent_{place} INTEGER REFERENCES {parent} (id)" for place, parent in enumerate(parents)]
    columns += [_column(place, chance) for place in range(PLAIN_COLUMNS)]
    columns.append(f"CONSTRAINT {name}_check CHECK (id > {chance.randint(-9, 0)})")
    return f"CREATE TABLE {name} ({', '.join(columns)});\n" + "\n".join(_indexes(name, chance))


def _mysql_table(number: int, chance: random.Random) -> str:
    lines = _table(number, chance).splitlines()
    head = re.sub(r"(parent_\d INTEGER) REFERENCES \w+ \(id\)", r"\1", lines[0])
    parents = re.findall(r"(parent_\d) INTEGER REFERENCES (\w+) \(id\)", lines[0])
    texts = set(re.findall(r"(field_\d+) TEXT", head))
    parts = [f"FOREIGN KEY ({column}) REFERENCES {parent} (id)" for column, parent in parents]
    for line in lines[1:]:
        unique, name, keys = _INDEX.findall(line)[0]
        prefixed = ", ".join(f"{key}(40)" if key in texts else key for key in keys.split(", "))
        parts.append(f"{unique}KEY {name} ({prefixed})")
    return f"{head.removesuffix(');')}, {', '.join(parts)});"


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

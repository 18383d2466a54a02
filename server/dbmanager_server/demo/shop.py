"""Generates shops as SQLite files from a seed: one flawed, another flawed otherwise, one clean."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

FIRST = ("Anna Ben Clara David Elena Felix Greta Hugo Ines Jonas Karla Leon Mara Nils Olga Paul Rosa Samir Tessa Umar "
         "Vera Willem Xenia Yusuf Zoe Amir Bianca Carlos Daria Emil Fatima Georg Hana Igor Julia Kofi Lena Marek").split()  # fmt: skip
LAST = ("Abel Brandt Castillo Dubois Eriksen Fischer Garcia Hoffmann Ivanov Jansen Kowalski Larsen Moreau Nowak Okafor "
        "Petrov Quinn Rossi Schmidt Tanaka Urban Vogel Weber Xu Yilmaz Zimmer Adeyemi Bauer Conti Diaz").split()  # fmt: skip
STREETS = "Oak Mill Station Church Garden River Hill Park Market School".split()
CITIES = ("Ashford", "Brookfield", "Carlton", "Dunmore", "Eastvale", "Fairview", "Glenwood", "Harwick", "Iverton",
          "Kingsley", "Lakeside", "Milford")  # fmt: skip
COLOURS = "red blue green black white grey".split()
THINGS = "Lamp Chair Desk Kettle Mug Rug Shelf Vase Clock Mirror Basket Blanket".split()
WORDS = "fine solid arrived late colour as shown sturdy too small very happy would buy again box was open".split()


@dataclass(frozen=True, slots=True)
class Shop:
    """A generated shop: its file and the queries its application runs."""

    path: Path
    queries: tuple[str, ...]
    rows: int


def make_shop(kind: str, path: Path, *, seed: int = 1, scale: float = 1.0) -> Shop:
    """Write a shop of that kind (`flawed`, `other`, `clean`); the same seed gives the same rows.

    A scale of 1.0 makes about 240,000 rows.
    """
    path.unlink(missing_ok=True)
    path.touch(mode=0o600 if kind == "clean" else 0o644)
    path.chmod(0o600 if kind == "clean" else 0o644)
    raw = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF"):
            raw.execute(f"PRAGMA {pragma}")
        raw.execute("BEGIN")
        queries = _KINDS[kind](raw, random.Random(seed), scale)
        raw.execute("COMMIT")
        tables = [row[0] for row in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = sum(raw.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables)  # noqa: S608 - ours
    finally:
        raw.close()
    return Shop(path, queries, rows)


def _skewed(rng: random.Random, most: int) -> int:
    """Return 1 to `most`, small numbers far more often, as a shop's best sellers and regulars are."""
    return min(most, int(rng.paretovariate(0.9) * most / 60) + 1)


def _moment(rng: random.Random) -> str:
    return f"20{rng.randint(21, 25)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02} {rng.randint(6, 22):02}:{rng.randint(0, 59):02}:00"


def _luhn(rng: random.Random) -> str:
    digits = [4] + [rng.randint(0, 9) for _ in range(14)]
    total = sum(d if i % 2 else (d * 2 - 9 if d * 2 > 9 else d * 2) for i, d in enumerate(digits))
    return "".join(map(str, digits)) + str(-total % 10)


def _fill(raw: sqlite3.Connection, table: str, columns: int, rows: Iterator[tuple[object, ...]]) -> None:
    raw.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)  # noqa: S608 - our own names


def _review(rng: random.Random) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(3, 12)))


def _flawed(raw: sqlite3.Connection, rng: random.Random, scale: float) -> tuple[str, ...]:
    people, orders, products = int(12_000 * scale), int(50_000 * scale), int(2_000 * scale)
    raw.execute("""CREATE TABLE customers (id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, last_name TEXT NOT NULL,
        email TEXT NOT NULL, phone1 TEXT, phone2 TEXT, phone3 TEXT, c4 TEXT, color_code TEXT, joined TEXT NOT NULL)""")
    raw.execute("""CREATE TABLE addresses (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id),
        street TEXT NOT NULL, zip TEXT NOT NULL, city TEXT NOT NULL)""")
    raw.execute("""CREATE TABLE products (id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
        tags TEXT, price REAL NOT NULL)""")
    raw.execute("""CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id),
        address_id INTEGER NOT NULL REFERENCES addresses(id), ordered_at TEXT NOT NULL, status TEXT NOT NULL, channel TEXT)""")
    raw.execute("""CREATE TABLE order_lines (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders(id),
        product_id INTEGER NOT NULL REFERENCES products(id), quantity INTEGER NOT NULL, unit_price REAL NOT NULL)""")
    raw.execute("""CREATE TABLE payments (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders(id),
        x7 TEXT, amount REAL NOT NULL, paid_at TEXT NOT NULL)""")
    raw.execute("""CREATE TABLE reviews (id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL, customer_id INTEGER NOT NULL,
        rating INTEGER NOT NULL, body TEXT)""")
    raw.execute("CREATE INDEX ix_orders_channel ON orders (channel)")

    def phone() -> str | None:
        return f"+44 20 {rng.randint(1000, 9999)} {rng.randint(1000, 9999)}" if rng.random() < 0.5 else None

    def customers() -> Iterator[tuple[object, ...]]:
        for number in range(1, people + 1):
            first, last = rng.choice(FIRST), rng.choice(LAST)
            mail = f"{first}.{last}{number}@example.{rng.choice(('com', 'org', 'net'))}".lower()
            other = f"{last}{rng.randint(1, 999)}@mail{rng.randint(1, 9)}.example".lower()
            yield (
                number,
                first,
                last,
                mail,
                phone(),
                phone(),
                phone(),
                other,
                f"+1 555 {rng.randint(100, 999)} {rng.randint(1000, 9999)}",
                _moment(rng)[:10],
            )

    def addresses() -> Iterator[tuple[object, ...]]:
        for number in range(1, int(people * 1.25) + 1):
            zip_ = rng.randint(0, 399)
            owner = number if number <= people else rng.randint(1, people)
            yield (
                number,
                owner,
                f"{rng.randint(1, 180)} {rng.choice(STREETS)} Street",
                f"Z{zip_:04}",
                CITIES[zip_ % len(CITIES)],
            )

    _fill(raw, "customers", 10, customers())
    _fill(raw, "addresses", 5, addresses())
    _fill(raw, "products", 5, ((n, f"SKU-{n:05}", f"{rng.choice(COLOURS).title()} {rng.choice(THINGS)} {n}",
          ",".join(rng.sample(COLOURS, rng.randint(2, 4))), round(rng.uniform(3, 300), 2)) for n in range(1, products + 1)))  # fmt: skip
    _fill(raw, "orders", 6, ((n, _skewed(rng, people), rng.randint(1, people), _moment(rng),
          rng.choices(("done", "open", "sent", "returned"), (85, 5, 8, 2))[0], rng.choice(("web", "app", "store")))
          for n in range(1, orders + 1)))  # fmt: skip
    _fill(raw, "order_lines", 5, ((n, (n - 1) // 2 + 1, _skewed(rng, products), rng.randint(1, 4), round(rng.uniform(3, 300), 2))
          for n in range(1, orders * 2 + 1)))  # fmt: skip
    _fill(
        raw,
        "payments",
        5,
        ((n, n, _luhn(rng), round(rng.uniform(5, 900), 2), _moment(rng)) for n in range(1, int(orders * 0.9) + 1)),
    )
    _fill(raw, "reviews", 5, ((n, _skewed(rng, products), rng.randint(1, people) if rng.random() > 0.01 else people + n,
          rng.choices((5, 4, 3, 2, 1), (45, 30, 12, 6, 7))[0], _review(rng)) for n in range(1, int(20_000 * scale) + 1)))  # fmt: skip
    return (
        "SELECT * FROM orders WHERE customer_id = 42 ORDER BY ordered_at DESC",
        "SELECT o.id, l.product_id, l.quantity FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE o.id = 1234",
        "SELECT sum(amount) FROM payments WHERE order_id = 4321",
        "SELECT p.name, avg(r.rating) FROM products p JOIN reviews r ON r.product_id = p.id WHERE p.sku = 'SKU-00077' GROUP BY p.name",
        "SELECT street, zip, city FROM addresses WHERE customer_id = 99",
        "SELECT id, customer_id FROM orders WHERE status = 'open' AND ordered_at >= '2025-06-01' ORDER BY ordered_at",
    )


def _other(raw: sqlite3.Connection, rng: random.Random, scale: float) -> tuple[str, ...]:
    people, orders = int(15_000 * scale), int(90_000 * scale)
    raw.execute(
        """CREATE TABLE kunden (kunde_id INTEGER PRIMARY KEY, anzeige TEXT NOT NULL, farbe TEXT, geburtsdatum TEXT)"""
    )
    raw.execute(
        """CREATE TABLE artikel (artikel_id INTEGER PRIMARY KEY, bezeichnung TEXT NOT NULL, preis_cent INTEGER NOT NULL)"""
    )
    raw.execute("""CREATE TABLE bestellungen (bestellung_id INTEGER PRIMARY KEY, kunde_id INTEGER NOT NULL REFERENCES kunden(kunde_id),
        datum TEXT NOT NULL)""")
    raw.execute(
        """CREATE TABLE positionen (bestellung_id INTEGER NOT NULL, artikel_id INTEGER NOT NULL, menge INTEGER NOT NULL)"""
    )
    raw.execute("CREATE INDEX ix_kunde ON bestellungen (kunde_id)")
    raw.execute("CREATE INDEX ix_kunde_datum ON bestellungen (kunde_id, datum)")
    raw.execute("CREATE INDEX ix_kunde_kopie ON bestellungen (kunde_id)")
    _fill(raw, "kunden", 4, ((n, f"{rng.choice(FIRST)}.{rng.choice(LAST)}{n}@beispiel.de".lower(), rng.choice(COLOURS),
          f"{rng.randint(1940, 2004)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}") for n in range(1, people + 1)))  # fmt: skip
    _fill(
        raw,
        "artikel",
        3,
        ((n, f"{rng.choice(THINGS)} {n}", rng.randint(100, 90_000)) for n in range(1, int(1_500 * scale) + 1)),
    )
    _fill(raw, "bestellungen", 3, ((n, _skewed(rng, people), _moment(rng)) for n in range(1, orders + 1)))
    _fill(
        raw,
        "positionen",
        3,
        (
            (rng.randint(1, orders), _skewed(rng, int(1_500 * scale)), rng.randint(1, 5))
            for _ in range(int(110_000 * scale))
        ),
    )
    return (
        "SELECT * FROM bestellungen WHERE kunde_id = 7 ORDER BY datum",
        "SELECT a.bezeichnung, p.menge FROM positionen p JOIN artikel a ON a.artikel_id = p.artikel_id WHERE p.bestellung_id = 55",
    )


def _clean(raw: sqlite3.Connection, rng: random.Random, scale: float) -> tuple[str, ...]:
    accounts, orders, products = int(10_000 * scale), int(70_000 * scale), int(1_500 * scale)
    raw.execute("CREATE TABLE accounts (id INTEGER PRIMARY KEY, tier TEXT NOT NULL, joined_on TEXT NOT NULL) STRICT")
    raw.execute(
        "CREATE TABLE products (id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, title TEXT NOT NULL, price_cents INTEGER NOT NULL) STRICT"
    )
    raw.execute("""CREATE TABLE orders (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES accounts(id),
        ordered_at TEXT NOT NULL) STRICT""")
    raw.execute("""CREATE TABLE order_lines (order_id INTEGER NOT NULL REFERENCES orders(id), line_no INTEGER NOT NULL,
        product_id INTEGER NOT NULL REFERENCES products(id), quantity INTEGER NOT NULL, PRIMARY KEY (order_id, line_no)) STRICT, WITHOUT ROWID""")
    _fill(
        raw,
        "accounts",
        3,
        ((n, rng.choice(("basic", "plus", "pro")), _moment(rng)[:10]) for n in range(1, accounts + 1)),
    )
    _fill(
        raw,
        "products",
        4,
        ((n, f"SKU-{n:05}", f"{rng.choice(THINGS)} {n}", rng.randint(100, 90_000)) for n in range(1, products + 1)),
    )
    _fill(raw, "orders", 3, ((n, _skewed(rng, accounts), _moment(rng)) for n in range(1, orders + 1)))
    _fill(
        raw,
        "order_lines",
        4,
        ((n, line, _skewed(rng, products), rng.randint(1, 4)) for n in range(1, orders + 1) for line in (1, 2)),
    )
    raw.execute("CREATE INDEX ix_orders_account ON orders (account_id, ordered_at)")
    raw.execute("CREATE INDEX ix_order_lines_product ON order_lines (product_id)")
    return (
        "SELECT * FROM orders WHERE account_id = 7 ORDER BY ordered_at",
        "SELECT p.title, l.quantity FROM order_lines l JOIN products p ON p.id = l.product_id WHERE l.order_id = 55",
        "SELECT count(*) FROM order_lines WHERE product_id = 12",
    )


_KINDS: dict[str, Callable[[sqlite3.Connection, random.Random, float], tuple[str, ...]]] = {
    "flawed": _flawed,
    "other": _other,
    "clean": _clean,
}

"""A small shop on any engine, with flaws that every phase finds."""

from __future__ import annotations

from typing import Any

PEOPLE = 4_000
ORDERS = 20_000
LOOKUP = "SELECT sum(total) FROM orders WHERE customer_id = 42"
PERSON = "quiet.person"

SQLITE = f"""
CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL, city TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), total REAL,
  phone1 TEXT, phone2 TEXT, placed_at TEXT);
INSERT INTO customers SELECT value, '{PERSON}' || value || '@example.org', 'Leeds' FROM
  (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {PEOPLE}) SELECT value FROM n);
INSERT INTO orders SELECT value, value % {PEOPLE} + 1, value * 1.5, '+44 20 7946 0958', NULL, '2026-01-02 03:04:05' FROM
  (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {ORDERS}) SELECT value FROM n);
"""
POSTGRESQL = f"""
CREATE TABLE customers (id integer PRIMARY KEY, email text NOT NULL, city text);
CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customers(id), total float8,
  phone1 text, phone2 text, placed_at timestamp);
INSERT INTO customers SELECT g, '{PERSON}' || g || '@example.org', 'Leeds' FROM generate_series(1, {PEOPLE}) g;
INSERT INTO orders SELECT g, g % {PEOPLE} + 1, g * 1.5, '+44 20 7946 0958', NULL, '2026-01-02 03:04:05'
  FROM generate_series(1, {ORDERS}) g;
CREATE EXTENSION hypopg;
ANALYZE;
"""

_DIGITS = "(" + " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10)) + ")"
_NUMBERS = (
    f"(SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS g FROM {_DIGITS} AS a, {_DIGITS} AS b, "
    f"{_DIGITS} AS c, {_DIGITS} AS e, {_DIGITS} AS f) AS s"
)
MYSQL = f"""
CREATE TABLE customers (id integer PRIMARY KEY, email varchar(200) NOT NULL, city text);
CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer NOT NULL, total double,
  phone1 varchar(40), phone2 varchar(40), placed_at datetime);
INSERT INTO customers SELECT g, concat('{PERSON}', g, '@example.org'), 'Leeds' FROM {_NUMBERS} WHERE g <= {PEOPLE};
INSERT INTO orders SELECT g, g % {PEOPLE} + 1, g * 1.5, '+44 20 7946 0958', NULL, '2026-01-02 03:04:05'
  FROM {_NUMBERS} WHERE g <= {ORDERS};
ANALYZE TABLE customers, orders;
"""
"""Without a declared reference: InnoDB would make the index that the third phase is to find missing."""

MONGODB_LOOKUP: dict[str, Any] = {
    "aggregate": "orders",
    "pipeline": [{"$match": {"customer_id": 42}}, {"$group": {"_id": None, "total": {"$sum": "$total"}}}],
}


def fill_mongodb(database: Any) -> None:
    """Make the shop of documents; `database` is the driver's."""
    wanted = {"bsonType": "object", "required": ["customer_id"], "properties": {"customer_id": {"bsonType": "int"}}}
    database.create_collection("orders", validator={"$jsonSchema": wanted})
    database.customers.insert_many(
        {"_id": n, "email": f"{PERSON}{n}@example.org", "city": "Leeds"} for n in range(1, PEOPLE + 1)
    )
    database.orders.insert_many(
        {"_id": n, "customer_id": n % PEOPLE + 1, "total": n * 1.5, "phone1": "+44 20 7946 0958",
         "placed_at": "2026-01-02 03:04:05"}
        for n in range(1, ORDERS + 1)
    )  # fmt: skip

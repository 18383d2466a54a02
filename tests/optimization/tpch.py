"""The schema of TPC-H with some of its queries, after the public specification, and a few thousand seeded rows."""

from __future__ import annotations

import datetime as dt
import random

SCHEMA = """
CREATE TABLE nation (n_nationkey integer PRIMARY KEY, n_name char(25) NOT NULL, n_regionkey integer NOT NULL);
CREATE TABLE supplier (s_suppkey integer PRIMARY KEY, s_name char(25) NOT NULL, s_address varchar(40) NOT NULL,
  s_nationkey integer NOT NULL REFERENCES nation, s_acctbal numeric(15,2) NOT NULL);
CREATE TABLE part (p_partkey integer PRIMARY KEY, p_name varchar(55) NOT NULL, p_brand char(10) NOT NULL,
  p_container char(10) NOT NULL, p_size integer NOT NULL);
CREATE TABLE partsupp (ps_partkey integer NOT NULL REFERENCES part, ps_suppkey integer NOT NULL REFERENCES supplier,
  ps_availqty integer NOT NULL, ps_supplycost numeric(15,2) NOT NULL, PRIMARY KEY (ps_partkey, ps_suppkey));
CREATE TABLE orders (o_orderkey integer PRIMARY KEY, o_orderstatus char(1) NOT NULL, o_orderdate date NOT NULL,
  o_orderpriority char(15) NOT NULL);
CREATE TABLE lineitem (l_orderkey integer NOT NULL REFERENCES orders, l_partkey integer NOT NULL,
  l_suppkey integer NOT NULL, l_linenumber integer NOT NULL, l_quantity numeric(15,2) NOT NULL,
  l_extendedprice numeric(15,2) NOT NULL, l_shipdate date NOT NULL, l_commitdate date NOT NULL,
  l_receiptdate date NOT NULL, PRIMARY KEY (l_orderkey, l_linenumber),
  FOREIGN KEY (l_partkey, l_suppkey) REFERENCES partsupp);
"""
Q4 = """
select o_orderpriority, count(*) as order_count from orders
where o_orderdate >= date '1993-07-01' and o_orderdate < date '1993-07-01' + interval '3' month
  and exists (select * from lineitem where l_orderkey = o_orderkey and l_commitdate < l_receiptdate)
group by o_orderpriority order by o_orderpriority
"""
Q17 = """
select sum(l_extendedprice) / 7.0 as avg_yearly from lineitem, part
where p_partkey = l_partkey and p_brand = 'Brand#23' and p_container = 'MED BOX'
  and l_quantity < (select 0.2 * avg(l_quantity) from lineitem where l_partkey = p_partkey)
"""
Q20 = """
select s_name, s_address from supplier, nation
where s_suppkey in (
    select ps_suppkey from partsupp
    where ps_partkey in (select p_partkey from part where p_name like 'forest%')
      and ps_availqty > (select 0.5 * sum(l_quantity) from lineitem
        where l_partkey = ps_partkey and l_suppkey = ps_suppkey
          and l_shipdate >= date '1994-01-01' and l_shipdate < date '1994-01-01' + interval '1' year))
  and s_nationkey = n_nationkey and n_name = 'CANADA'
order by s_name
"""
Q21 = """
select s_name, count(*) as numwait from supplier, lineitem l1, orders, nation
where s_suppkey = l1.l_suppkey and o_orderkey = l1.l_orderkey and o_orderstatus = 'F'
  and l1.l_receiptdate > l1.l_commitdate
  and exists (select * from lineitem l2 where l2.l_orderkey = l1.l_orderkey and l2.l_suppkey <> l1.l_suppkey)
  and not exists (select * from lineitem l3 where l3.l_orderkey = l1.l_orderkey and l3.l_suppkey <> l1.l_suppkey
    and l3.l_receiptdate > l3.l_commitdate)
  and s_nationkey = n_nationkey and n_name = 'SAUDI ARABIA'
group by s_name order by numwait desc, s_name limit 100
"""
NATIONS = ("CANADA", "SAUDI ARABIA", "FRANCE", "PERU")


def rows(seed: int = 7, suppliers: int = 40, parts: int = 120, orders: int = 900) -> str:
    """Return statements that fill the tables."""
    rng = random.Random(seed)
    day = dt.date(1992, 1, 1)
    found = [_insert("nation", [f"({n}, '{name}', {n % 2})" for n, name in enumerate(NATIONS)])]
    found.append(
        _insert("supplier", [f"({n}, 'Supplier#{n:09}', 'street {n}', {n % 4}, {n}.50)" for n in range(suppliers)])
    )
    names, boxes = ("forest green", "blue sky", "forest", "red"), ("MED BOX", "JUMBO", "SM CASE")
    found.append(_insert("part", [
        f"({n}, '{rng.choice(names)}', 'Brand#2{n % 4}', '{rng.choice(boxes)}', {n % 50})" for n in range(parts)
    ]))  # fmt: skip
    offers = [(part, supplier) for part in range(parts) for supplier in rng.sample(range(suppliers), 4)]
    found.append(_insert("partsupp", [f"({p}, {s}, {rng.randint(1, 90)}, 1.00)" for p, s in offers]))
    dates = [day + dt.timedelta(days=rng.randrange(2_300)) for _ in range(orders)]
    found.append(_insert("orders", [
        f"({n}, '{rng.choice('FFOP')}', '{date}', '{n % 5}-PRIORITY')" for n, date in enumerate(dates)
    ]))  # fmt: skip
    lines = []
    for order, date in enumerate(dates):
        for number in range(rng.randint(1, 6)):
            part, supplier = rng.choice(offers)
            shipped = date + dt.timedelta(days=rng.randint(1, 60))
            due, received = (
                date + dt.timedelta(days=rng.randint(30, 90)),
                shipped + dt.timedelta(days=rng.randint(1, 60)),
            )
            quantity = rng.choice((1, 2, 10, 30, 50))
            lines.append(
                f"({order}, {part}, {supplier}, {number}, {quantity}, {quantity * 9}.90, '{shipped}', '{due}', '{received}')"
            )
    found.append(_insert("lineitem", lines))
    return "\n".join(found)


def _insert(table: str, values: list[str]) -> str:
    return f"INSERT INTO {table} VALUES {', '.join(values)};"

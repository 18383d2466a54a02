"""A second workload, of whole other templates than TPC-H: a courier's parcels, scans, invoices and claims.

Written after the advisor was tuned on TPC-H, and not looked at before it was measured. Rows are drawn by the server from a
fixed seed, with skew (few customers send most parcels), correlation (scans follow the day of posting) and NULLs.
"""

from __future__ import annotations

SCRIPT = """
CREATE EXTENSION hypopg;
SELECT setseed(0.42);
CREATE TABLE depots (depot_id int PRIMARY KEY, town text NOT NULL, region text NOT NULL, opened date NOT NULL);
INSERT INTO depots SELECT i, 'town ' || i, 'region ' || i % 12, date '1990-01-01' + i * 37 FROM generate_series(1, 300) AS i;
CREATE TABLE customers (customer_id int PRIMARY KEY, name text NOT NULL, email text NOT NULL, depot_id int NOT NULL,
  class char(1) NOT NULL, since date NOT NULL, closed date);
INSERT INTO customers SELECT i, 'customer ' || i, 'c' || i || '@example.org', 1 + floor(random() * 300)::int,
  chr(65 + floor(power(random(), 3) * 5)::int), date '2015-01-01' + floor(random() * 3000)::int,
  CASE WHEN random() < 0.06 THEN date '2023-01-01' + floor(random() * 500)::int END FROM generate_series(1, 40000) AS i;
CREATE TABLE couriers (courier_id int PRIMARY KEY, depot_id int NOT NULL, name text NOT NULL, hired date NOT NULL);
INSERT INTO couriers SELECT i, 1 + i % 300, 'courier ' || i, date '2010-01-01' + i FROM generate_series(1, 4000) AS i;
CREATE TABLE parcels (parcel_id bigint PRIMARY KEY, sender int NOT NULL, receiver_depot int NOT NULL, posted timestamp NOT NULL,
  service text NOT NULL, weight_g int NOT NULL, price numeric(8, 2) NOT NULL, insured boolean NOT NULL, delivered timestamp);
INSERT INTO parcels SELECT i, 1 + floor(power(random(), 4) * 40000)::int, 1 + floor(random() * 300)::int,
  timestamp '2023-01-01' + i * interval '70 seconds' + random() * interval '1 day',
  (ARRAY['standard', 'standard', 'standard', 'express', 'night'])[1 + floor(random() * 5)::int], 50 + floor(power(random(), 2) * 20000)::int,
  round((3 + random() * 40)::numeric, 2), random() < 0.1,
  CASE WHEN random() < 0.97 THEN timestamp '2023-01-02' + i * interval '70 seconds' + random() * interval '4 days' END
  FROM generate_series(1, 400000) AS i;
CREATE TABLE scans (scan_id bigint PRIMARY KEY, parcel_id bigint NOT NULL, depot_id int NOT NULL, courier_id int,
  at timestamp NOT NULL, kind text NOT NULL);
INSERT INTO scans SELECT row_number() OVER (), p.parcel_id, 1 + floor(random() * 300)::int,
  CASE WHEN k = 3 THEN 1 + floor(random() * 4000)::int END, p.posted + k * interval '9 hours' + random() * interval '5 hours',
  (ARRAY['accepted', 'sorted', 'handed over'])[k] FROM parcels AS p CROSS JOIN generate_series(1, 3) AS k;
CREATE TABLE invoices (invoice_id int PRIMARY KEY, customer_id int NOT NULL, month date NOT NULL, amount numeric(10, 2) NOT NULL,
  paid date);
INSERT INTO invoices SELECT i, 1 + floor(power(random(), 2) * 40000)::int, date '2023-01-01' + (i % 12) * 30,
  round((random() * 900)::numeric, 2), CASE WHEN random() < 0.9 THEN date '2023-02-01' + i % 400 END
  FROM generate_series(1, 120000) AS i;
CREATE TABLE claims (claim_id int PRIMARY KEY, parcel_id bigint NOT NULL, opened timestamp NOT NULL, state text NOT NULL,
  sum numeric(8, 2) NOT NULL);
INSERT INTO claims SELECT i, 1 + floor(random() * 400000)::bigint, timestamp '2023-01-05' + i * interval '45 minutes',
  (ARRAY['open', 'paid', 'refused', 'refused'])[1 + floor(random() * 4)::int], round((random() * 300)::numeric, 2)
  FROM generate_series(1, 12000) AS i;
VACUUM ANALYZE;
"""
QUERIES = {
    1: "SELECT s.at, s.kind, d.town FROM scans AS s JOIN depots AS d USING (depot_id) WHERE s.parcel_id = 123456 ORDER BY s.at",
    2: """SELECT count(*), sum(price) FROM parcels WHERE sender = 77 AND posted >= '2023-05-01' AND posted < '2023-06-01'""",
    3: """SELECT p.parcel_id, p.posted FROM parcels AS p WHERE p.sender = 1234 AND p.delivered IS NULL
        ORDER BY p.posted DESC LIMIT 20""",
    4: """SELECT d.region, count(*) AS parcels, avg(p.weight_g) FROM parcels AS p JOIN depots AS d ON d.depot_id = p.receiver_depot
        WHERE p.posted BETWEEN '2023-07-01' AND '2023-07-08' GROUP BY d.region ORDER BY parcels DESC""",
    5: """SELECT c.name, sum(i.amount) AS due FROM customers AS c JOIN invoices AS i USING (customer_id)
        WHERE i.paid IS NULL AND i.month < '2023-10-01' GROUP BY c.customer_id, c.name ORDER BY due DESC LIMIT 25""",
    6: """SELECT k.courier_id, count(*) FROM scans AS s JOIN couriers AS k ON k.courier_id = s.courier_id
        WHERE k.depot_id = 17 AND s.at >= '2023-08-01' AND s.at < '2023-09-01' GROUP BY k.courier_id""",
    7: """SELECT customer_id, email FROM customers WHERE lower(email) = 'c4711@example.org'""",
    8: """SELECT p.service, count(*) FROM claims AS l JOIN parcels AS p USING (parcel_id)
        WHERE l.state = 'open' AND l.opened > '2023-09-01' GROUP BY p.service""",
    9: """SELECT p.parcel_id FROM parcels AS p WHERE p.insured AND p.posted >= '2023-11-01'
        AND NOT EXISTS (SELECT 1 FROM scans AS s WHERE s.parcel_id = p.parcel_id AND s.kind = 'handed over')""",
    10: """SELECT date_trunc('day', at) AS day, count(*) FROM scans WHERE depot_id = 42 AND kind = 'sorted'
        AND at >= '2023-04-01' AND at < '2023-05-01' GROUP BY day ORDER BY day""",
    11: """SELECT c.class, count(DISTINCT p.parcel_id), sum(p.price) FROM customers AS c JOIN parcels AS p ON p.sender = c.customer_id
        WHERE c.depot_id = 5 GROUP BY c.class""",
    12: """SELECT parcel_id, weight_g FROM parcels WHERE service = 'night' AND weight_g > 19000 ORDER BY weight_g DESC LIMIT 50""",
    13: """SELECT i.month, sum(i.amount) FROM invoices AS i WHERE i.customer_id IN
        (SELECT customer_id FROM customers WHERE class = 'E' AND closed IS NULL) GROUP BY i.month ORDER BY i.month""",
    14: """SELECT c.customer_id, c.name FROM customers AS c LEFT JOIN parcels AS p ON p.sender = c.customer_id
        AND p.posted >= '2023-10-01' WHERE c.depot_id = 9 AND p.parcel_id IS NULL""",
    15: """SELECT avg(extract(epoch FROM delivered - posted)) FROM parcels WHERE receiver_depot = 8 AND service = 'express'
        AND posted >= '2023-03-01' AND posted < '2023-04-01'""",
    16: """SELECT l.claim_id, l.sum FROM claims AS l WHERE l.sum > (SELECT 2 * avg(p.price) FROM parcels AS p
        WHERE p.service = 'express' AND p.insured) AND l.state = 'paid'""",
    17: """SELECT s.depot_id, count(*) FROM scans AS s WHERE s.kind = 'accepted' AND s.at >= '2023-12-01' GROUP BY s.depot_id
        HAVING count(*) > 50 ORDER BY 2 DESC""",
    18: """SELECT p.parcel_id, max(s.at) FROM parcels AS p JOIN scans AS s USING (parcel_id)
        WHERE p.sender = 3 AND p.posted >= '2023-09-01' GROUP BY p.parcel_id ORDER BY 2 DESC LIMIT 10""",
    19: """SELECT customer_id, count(*), max(amount) FROM invoices WHERE amount > 890 GROUP BY customer_id ORDER BY 3 DESC LIMIT 10""",
    20: """SELECT d.town, k.name FROM depots AS d JOIN couriers AS k USING (depot_id) WHERE d.region = 'region 3'
        AND k.hired > '2020-01-01' ORDER BY d.town, k.name""",
}

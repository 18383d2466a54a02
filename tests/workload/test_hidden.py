"""No value is shown, wherever a file or a command holds it: in dumps, texts that are not closed, quotes of other kinds."""

from __future__ import annotations

import pytest

from dbmanager.analyzers.workload.files import of_file
from dbmanager.analyzers.workload.gathering import reading_of, understood

LONG = ", ('x', 'y')" * 6_000
FILES = [
    ("postgres", "SET x = 1;\nCOPY people (id, name) FROM stdin;\n1\tZebedee\t2\n2\tZebedee Quill\n\\.\n\nSELECT 1;\n"),
    ("postgres", "to whom it concerns: the word is Zebedee; that is all"),
    ("postgres", f"INSERT INTO t VALUES ('C:\\', 'Zebedee'){LONG};"),
    ("mysql", f'INSERT INTO t VALUES ("a\\"b", "Zebedee"){LONG};'),
    ("sqlite", 'SELECT * FROM t WHERE a = "Zebedee" AND b IN ("x", "Zebedee"); INSERT INTO t VALUES ("Zebedee");'),
]


@pytest.mark.parametrize(("dialect", "text"), FILES)
def test_a_file_that_holds_a_value_is_told_of_without_it(dialect: str, text: str) -> None:
    workload = understood(of_file(text.encode(), dialect), dialect)
    shown = [reading_of(statement.text, dialect).shown for statement in workload.statements]
    told = " ".join((*shown, *(text for text, _ in workload.skipped)))
    assert told
    assert "Zebedee" not in told


SHOWN = [
    ("postgres", "SELECT * FROM t WHERE a = 'C:\\' AND b = 'Zebedee' AND c = 'cut", "SELECT * FROM t WHERE a = ? AND b = ? AND c = ?"),
    ("postgres", "SELECT 4111_1111_1111_1111", "SELECT ?"),
    ("mysql", 'SELECT * FROM t WHERE a = "se\\"Zebedee', "SELECT * FROM t WHERE a = ?"),
    ("sqlite", 'SELECT "a" FROM "t" WHERE "t"."a" = "u"."b" AND c = "Zebedee"', 'SELECT "a" FROM "t" WHERE "t"."a" = "u"."b" AND c = ?'),
    ("redis", "AUTH Zebedee:1", '["AUTH", "*"]'),
    ("redis", "GET user:Zebedee", '["GET", "user:*"]'),
    ("mongodb", '{"find": "t", "filter": {"hash": "$2b$12$Zebedee"}}', '{"find": "t", "filter": {"hash": "?"}}'),
    ("mongodb", '{"find": "t", "filter": {"name": "$Zebedee"}}', '{"find": "t", "filter": {"name": "?"}}'),
    ("mongodb", '{"aggregate": "t", "pipeline": [{"$match": {"a": "$Zebedee"}}, {"$group": {"_id": "$a.b", "n": {"$sum": "$c"}}}]}',
     '{"aggregate": "t", "pipeline": [{"$match": {"a": "?"}}, {"$group": {"_id": "$a.b", "n": {"$sum": "$c"}}}]}'),
    ("mongodb", '{"find": "t", "filter": {"$expr": {"$eq": ["$a", {"$literal": "$Zebedee"}]}}}',
     '{"find": "t", "filter": {"$expr": {"$eq": ["$a", {"$literal": "?"}]}}}'),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "text", "shown"), SHOWN)
def test_what_is_shown_holds_names_and_paths_alone(dialect: str, text: str, shown: str) -> None:
    assert reading_of(text, dialect).shown == shown

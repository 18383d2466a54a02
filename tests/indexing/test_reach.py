"""What is tried on a copy can reach nothing else."""

from __future__ import annotations

import pytest

from dbmanager.adapters.sql.confined import beyond
from dbmanager.phases.optimization.proving import reach_of

TRIED = [
    ("postgres", 'CREATE INDEX CONCURRENTLY "i" ON "public"."t" ("a") INCLUDE ("b") WHERE "c" IS NULL'),
    ("postgres", "CREATE UNIQUE INDEX CONCURRENTLY i ON t (lower(a))"),
    ("postgres", "DROP INDEX CONCURRENTLY public.i"),
    ("mysql", "CREATE INDEX `i` ON `t` (`a`) ALGORITHM=INPLACE LOCK=NONE"),
    ("mysql", "ALTER TABLE `t` DROP INDEX `i`, ALGORITHM=INPLACE, LOCK=NONE"),
    ("mysql", "ALTER TABLE `t` ALTER INDEX `i` IGNORED"),
    ("mysql", "ALTER TABLE t ALTER INDEX i NOT IGNORED"),
    ("sqlite", 'CREATE INDEX "i" ON "t" ("a" DESC)'),
]
NOT_TRIED = [
    ("postgres", "CREATE INDEX i ON t (evil(a))"),
    ("postgres", "CREATE INDEX i ON t ((lock = evil(a)))"),
    ("postgres", "CREATE INDEX i ON t (a) WHERE evil(a); DROP TABLE t"),
    ("postgres", "DROP INDEX CONCURRENTLY i; DROP TABLE t"),
    ("mysql", "CREATE INDEX i ON t ((lock = sleep(5)))"),
    ("mysql", "CREATE INDEX i ON t ((evil(a))) ALGORITHM=INPLACE"),
    ("mysql", "ALTER TABLE `other`.`t` DROP INDEX `i`"),
    ("mysql", "ALTER TABLE `t` DROP INDEX `i`, DATA DIRECTORY='/etc'"),
    ("mysql", "CREATE INDEX i ON other.t (a) LOCK=NONE"),
    ("sqlite", "CREATE INDEX elsewhere.i ON t (a)"),
]


@pytest.mark.parametrize(("dialect", "statement"), TRIED)
def test_statements_about_one_index_are_tried(dialect: str, statement: str) -> None:
    assert reach_of(statement, lambda text: beyond(text, dialect)) is None


@pytest.mark.parametrize(("dialect", "statement"), NOT_TRIED)
def test_what_may_reach_further_is_not(dialect: str, statement: str) -> None:
    assert reach_of(statement, lambda text: beyond(text, dialect)) is not None

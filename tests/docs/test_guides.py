"""Guides: every rule names a check or a tool that exists, every check stands in a guide, the versions are those of the tests."""

from __future__ import annotations

import re
import sqlite3

import dbmanager_server.app  # noqa: F401 - registers every tool
import pytest
from dbmanager_resources.guides import guides, versions
from dbmanager_tools.house import REGISTRY

from scripts.reference.checks import checks
from tests.engines.mysql_family import MySqlServer
from tests.engines.postgresql import PostgresServer
from tests.engines.redis import RedisServer

CHECKS = {row.check.id for rows in checks().values() for row in rows}
RULES = [rule for guide in guides().values() for rule in guide.rules]
ID = re.compile(r"\b(?:LINT|PG|SQ|MY|MG|RD)-\d{3}\b")


@pytest.mark.promise("G2")
def test_every_rule_names_what_tests_it() -> None:
    assert len(RULES) > 25
    for rule in RULES:
        assert rule.checks or rule.tools, rule.rule
        assert set(rule.checks) <= CHECKS, rule.rule
        assert set(rule.tools) <= set(REGISTRY), rule.rule
        assert rule.rule.endswith(".")
        assert rule.reason.endswith(".")


@pytest.mark.promise("G2")
def test_every_check_is_a_rule_of_some_guide() -> None:
    assert CHECKS - {check for rule in RULES for check in rule.checks} == set()


@pytest.mark.promise("G1")
def test_every_way_from_a_symptom_to_a_fix_gathers_evidence_by_tools_that_exist() -> None:
    ways = [guide for guide in guides().values() if not guide.rules]
    asked = "performance integrity migration security slow resource scalability growth".split()
    assert all(any(word in guide.name for guide in ways) for word in asked)
    for guide in ways:
        assert {tool for tool, _ in guide.evidence} <= set(REGISTRY), guide.name
        assert set(ID.findall(guide.text())) <= CHECKS, guide.name
        assert len(guide.causes) >= 4
        assert len(guide.evidence) >= 3


def test_a_guides_text_says_rule_reason_check_and_version() -> None:
    text = guides()["best-practices-governance"].text()
    assert "PG-016" in text
    assert f"postgresql {versions()['postgresql'][0]}" in text
    assert f"mariadb {versions()['mariadb'][0]}" in text


def _said(engine: str, version: str) -> None:
    assert any(version.startswith(f"{known}.") or version == known for known in versions()[engine]), version


def test_the_versions_are_those_that_tests_run_on(
    pg_server: PostgresServer, mysql_server: MySqlServer, mariadb_server: MySqlServer, redis_server: RedisServer
) -> None:
    _said("sqlite", sqlite3.sqlite_version)
    _said("postgresql", pg_server.run_sql("postgres", "SHOW server_version").split()[0])
    _said("mysql", mysql_server.run_sql("mysql", "SELECT version()"))
    _said("mariadb", mariadb_server.run_sql("mysql", "SELECT version()").split("-")[0])
    _said("redis", re.findall(r"redis_version:(\S+)", redis_server.run("INFO", "server"))[0])

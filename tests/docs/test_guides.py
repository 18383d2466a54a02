"""Guides: every rule is tested by something that exists, and every check of the registry is explained by a guide."""

from __future__ import annotations

import re

import dbmanager_server.app  # noqa: F401 - its tools register themselves
import pytest
from dbmanager_resources import guidance
from dbmanager_tools.house import REGISTRY
from pydantic import ValidationError

from dbmanager.adapters.registry import ENGINES
from dbmanager.analyzers.schema_lint.lint import RULES
from scripts.reference.checks import checks_of
from tests.engine_versions import VERSIONS
from tests.tool_engines import TABLE

GUIDES = {name: guidance.guide(name) for name in guidance.names()}
CHECKS = {check.id for engine in ENGINES for check in checks_of(engine)} | {rule.id for rule in RULES}
TROUBLES = {
    "performance-problems", "integrity-problems", "migration-problems", "security-problems", "slow-queries", "resource-use",
    "scalability", "data-growth",
}  # fmt: skip
PRACTICES = {"design", "performance", "migration", "governance", "recovery"}
TOOL_LIKE = re.compile(rf"\b({'|'.join(sorted({name.partition('_')[0] for name in REGISTRY}))})_[a-z_]+\b")
LONGEST = 4_500


@pytest.mark.promise("G1")
def test_every_trouble_goes_from_symptom_over_evidence_and_cause_to_a_fix() -> None:
    assert {name for name, guide in GUIDES.items() if guide.symptoms} == TROUBLES
    for name in TROUBLES:
        text = guidance.guide_text(name)
        for symptom in GUIDES[name].symptoms:
            part = text[text.index(f"## {symptom.symptom}") + 3 :].partition("\n## ")[0]
            looks, causes = part.partition("Likely causes:")[::2]
            assert [look.what for look in symptom.evidence if look.what not in looks] == []
            assert [cause.fix for cause in symptom.causes if f"{cause.cause}: {cause.fix}" not in causes] == []


@pytest.mark.promise("G2")
def test_every_best_practice_has_a_reason_a_test_and_engines_where_it_was_shown() -> None:
    assert {name for name, guide in GUIDES.items() if guide.rules} == PRACTICES
    for name in PRACTICES:
        text = guidance.guide_text(name)
        for rule in GUIDES[name].rules:
            shown = guidance.proven().where(rule.checks, rule.tools)
            assert shown, rule.rule
            assert f"**{rule.rule}** {rule.reason} Tested by " in text
            assert f"({', '.join(shown)})" in text
        for engine in guidance.proven().where(GUIDES[name].checks, GUIDES[name].tools):
            assert f"{engine} {', '.join(VERSIONS[engine])}" in text


@pytest.mark.parametrize("name", sorted(GUIDES))
@pytest.mark.promise("G1", "G2")
def test_what_a_guide_names_exists(name: str) -> None:
    assert GUIDES[name].checks <= CHECKS
    assert GUIDES[name].tools <= set(REGISTRY)
    text = guidance.guide_text(name)
    assert {found.group() for found in TOOL_LIKE.finditer(text)} <= set(REGISTRY)
    assert len(text) <= LONGEST


@pytest.mark.promise("G2")
def test_every_check_of_the_registry_is_explained_by_a_best_practice() -> None:
    assert CHECKS - frozenset[str]().union(*(GUIDES[name].checks for name in PRACTICES)) == frozenset()


def test_where_something_was_shown_is_what_registry_and_tests_say() -> None:
    known = guidance.proven()
    assert set(known.checks) == CHECKS
    assert set(known.tools) == set(REGISTRY)
    for engine, tools in TABLE.items():
        for tool, how in tools.items():
            assert (engine in known.tools[tool]) == (how.state == "tested")
    assert known.where(["RD-001"], []) == ["redis"]
    assert known.where(["MY-001"], []) == ["mysql", "mariadb"]


@pytest.mark.parametrize(
    "given",
    [
        {"rule": "r", "reason": "x"},
        {"rule": "r", "checks": ["LINT-001"]},
        {"rule": "r", "reason": "x", "checks": ["LINT-001"], "proven": ["PostgreSQL 99"]},
    ],
    ids=["nothing tests it", "no reason", "a key that is not known"],
)
def test_an_incomplete_rule_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        guidance.Rule.model_validate(given)

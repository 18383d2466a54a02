"""Alerts: they fire late and end late, are told once each way, and again until somebody has heard."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dbmanager.analyzers.alerting.judge import AlertState, advanced, judge, judged
from dbmanager.analyzers.alerting.rules import STANDARD, rules_for
from dbmanager.errors import ConfigurationError
from dbmanager.model.configuration import AlertRule, Configuration, MonitoringSettings
from dbmanager.model.metrics import MetricMoment, gathered
from dbmanager.phases.optimization.collecting import kept, told
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.container import Services
from dbmanager.services.notices import Courier
from tests.monitoring.receivers import Mailbox, Posted, mail_server, webhook

pytestmark = pytest.mark.anyio
START = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
RULE = AlertRule(metric="connections_used", part_of="connections_max", above=0.85, clear=0.75, after=3, clear_after=2)
Open = Callable[..., Services]


def _moment(number: int, used: float | None, **more: float) -> MetricMoment:
    figures = [("connections_used", used), ("connections_max", 100), *more.items()]
    return MetricMoment(START + dt.timedelta(minutes=number), gathered(figures))


def _walk(values: Sequence[float], rule: AlertRule = RULE) -> list[bool]:
    state, seen = AlertState("r", ""), []
    for number, value in enumerate(values):
        state = advanced(rule, state, value, float(number))
        seen.append(state.is_firing)
    return seen


def test_it_fires_after_three_moments_beyond_and_ends_after_two_well_within() -> None:
    assert _walk([0.9, 0.9, 0.8, 0.9, 0.9, 0.9, 0.8, 0.7, 0.8, 0.7, 0.7, 0.9]) == [
        *[False] * 5, *[True] * 5, False, False,
    ]  # fmt: skip


def test_a_figure_that_swings_between_the_bounds_changes_nothing() -> None:
    assert set(_walk([0.84, 0.76] * 50)) == {False}
    assert set(_walk([0.9] * 3 + [0.84, 0.76] * 50)[3:]) == {True}


def test_a_rule_below_works_the_other_way_round() -> None:
    rule = AlertRule(metric="free_bytes", below=10, clear=20, after=1, clear_after=1)
    assert _walk([11, 9, 15, 20, 15], rule) == [False, True, True, False, False]


@given(st.lists(st.floats(0, 1), max_size=80))
def test_a_change_needs_as_many_moments_in_a_row_as_the_rule_says(values: list[float]) -> None:
    seen = [False, *_walk(values)]
    for n in range(1, len(seen)):
        if seen[n] and not seen[n - 1]:
            assert all(value > 0.85 for value in values[n - 3 : n])
        if seen[n - 1] and not seen[n]:
            assert all(value <= 0.75 for value in values[n - 2 : n])


def test_a_counter_is_judged_by_its_rate_and_a_reset_says_nothing() -> None:
    rule = AlertRule(metric="evicted_keys", above=10)
    one, two = (_moment(n, 1, evicted_keys=value) for n, value in ((0, 1_000), (1, 1_900)))
    assert judged(rule, one, two) == {"": 15.0}
    assert judged(rule, two, one) == {}
    assert judged(rule, None, two) == {}


def test_what_is_gone_is_quiet_and_what_was_not_told_stays_as_it_was() -> None:
    rule = AlertRule(metric="sequence_used_ratio", above=0.8, clear_after=1)
    firing = {("r", "s"): AlertState("r", "s", is_firing=True, value=0.9)}
    gone = MetricMoment(START, ())
    assert [s.is_firing for s in judge({"r": rule}, firing, None, gone)] == [False]
    hidden = MetricMoment(START, (), (("sequence_used_ratio", "no right"),))
    assert [s.is_firing for s in judge({"r": rule}, firing, None, hidden)] == [True]


def test_own_rules_take_the_place_of_standard_ones_and_hold_where_they_say() -> None:
    own = AlertRule(metric="deadlocks", above=5, connections=("a",))
    settings = MonitoringSettings(rules={"deadlocks": own})
    assert rules_for(settings, "a")["deadlocks"] is own
    assert "deadlocks" not in rules_for(settings, "b")
    assert set(rules_for(MonitoringSettings(standard_rules=False), "a")) == set()
    assert all(rule.advice for rule in STANDARD.values())


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"metric": "conections_used", "above": 1}, "did you mean connections_used"),
        ({"metric": "deadlocks"}, "above or below"),
        ({"metric": "deadlocks", "above": 1, "below": 2}, "above or below"),
        ({"metric": "deadlocks", "above": 1, "clear": 2}, "beyond the bound"),
    ],
)
def test_a_rule_that_can_not_be_judged_is_refused(rule: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        AlertRule.model_validate(rule)


def test_a_password_is_not_sent_in_clear() -> None:
    email = {"host": "h", "sender": "a@x", "to": ["b@x"], "user": "u", "security": "none", "password": {"env": "X"}}
    with pytest.raises(ValidationError, match="without encryption"):
        MonitoringSettings.model_validate({"email": email})


@pytest.fixture
def hook() -> Iterator[Posted]:
    with webhook() as posted:
        yield posted


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
async def open_services(tmp_path: Path) -> AsyncIterator[Open]:
    opened: list[Services] = []

    def open_(monitoring: dict[str, Any]) -> Services:
        configuration = Configuration.model_validate({"store": {"data_dir": "state"}, "monitoring": monitoring})
        opened.append(Services(LoadedConfiguration(configuration, (), tmp_path)))
        return opened[-1]

    yield open_
    for services in opened:
        await services.close()


async def _after(services: Services, moment: MetricMoment) -> list[str]:
    settings = services.loaded.configuration.monitoring
    await kept(services.metrics, services.alerts, settings, "shop", moment)
    return await told(services.alerts, Courier(settings, services.loaded.base, services.redactor), settings, "shop")


async def test_an_alert_is_posted_and_mailed_once_when_it_fires_and_once_when_it_ends(
    open_services: Open, hook: Posted, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "hook-secret-token")
    services = open_services(
        {
            "webhook": {"url": f"http://127.0.0.1:{hook.port}/hook", "token": {"env": "HOOK_TOKEN"}},
            "email": {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "sender": "db@example.org",
                      "to": ["ann@example.org", "bob@example.org"]},
        }
    )  # fmt: skip
    for number, used in enumerate([90, 91, 92, 93, 94, 60, 60, 60, 60]):
        assert await _after(services, _moment(number, used)) == []
    assert [(body["alert"], body["status"], body["value"]) for body in hook.bodies] == [
        ("connections_scarce", "firing", 0.92), ("connections_scarce", "resolved", 0.6),
    ]  # fmt: skip
    assert hook.tokens == ["Bearer hook-secret-token"] * 2
    assert hook.bodies[0]["since"] == "2026-05-01T00:02:00+00:00"
    assert [mail["Subject"] for mail in mailbox.mails] == [
        "[warning] shop: connections_scarce fires", "[warning] shop: connections_scarce has ended",
    ]  # fmt: skip
    assert mailbox.recipients == ["ann@example.org", "bob@example.org"] * 2
    assert "connections_used of connections_max is 0.92" in str(mailbox.mails[0])
    assert "hook-secret-token" not in services.redactor.text("Bearer hook-secret-token")


async def test_a_receiver_that_is_down_is_told_and_tried_again(
    open_services: Open, hook: Posted, mailbox: Mailbox
) -> None:
    services = open_services(
        {
            "webhook": {"url": f"http://127.0.0.1:{hook.port}/"},
            "email": {
                "host": "127.0.0.1",
                "port": mailbox.port,
                "security": "none",
                "sender": "a@x.org",
                "to": ["b@x.org"],
            },
            "rules": {"many": {"metric": "connections_used", "above": 50, "after": 1}},
        }
    )
    hook.status, mailbox.refuses = 500, "550 not from you"
    assert await _after(services, _moment(0, 60)) == ["webhook: HTTP 500", "email: SMTPSenderRefused 550"]
    hook.status = 302
    assert await _after(services, _moment(1, 60)) == ["webhook: HTTP 302", "email: SMTPSenderRefused 550"]
    hook.status, mailbox.refuses = 200, ""
    assert await _after(services, _moment(2, 60)) == []
    assert await _after(services, _moment(3, 60)) == []
    assert [body["status"] for body in hook.bodies] == ["firing"]
    assert len(mailbox.mails) == 1


async def test_a_name_with_line_ends_makes_no_header_of_its_own(open_services: Open, mailbox: Mailbox) -> None:
    email = {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "sender": "a@x.org", "to": ["b@x.org"]}
    rules = {"big": {"metric": "table_bytes", "above": 1, "after": 1}}
    services = open_services({"email": email, "rules": rules})
    moment = MetricMoment(START, gathered([("table_bytes", 5, "t\r\nBcc: eve@x.org")]))
    assert await _after(services, moment) == []
    assert mailbox.mails[0]["Bcc"] is None
    assert mailbox.recipients == ["b@x.org"]


async def test_an_address_that_is_a_secret_comes_by_reference_and_shows_nowhere(
    open_services: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "http://127.0.0.1:1/secret-path")
    rules = {"many": {"metric": "connections_used", "above": 50, "after": 1}}
    services = open_services({"webhook": {"secret_url": {"env": "HOOK"}}, "rules": rules})
    problems = await _after(services, _moment(0, 60))
    assert problems == ["webhook: ConnectError"]
    assert "secret-path" not in json.dumps(problems)


async def test_http_beyond_loopback_is_refused(open_services: Open) -> None:
    rules = {"many": {"metric": "connections_used", "above": 50, "after": 1}}
    services = open_services({"webhook": {"url": "http://hooks.example.org/"}, "rules": rules})
    with pytest.raises(ConfigurationError, match="https"):
        await _after(services, _moment(0, 60))

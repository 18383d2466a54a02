"""Delivers alerts: posted as JSON to a webhook, sent as mail. Figures and names of objects, never a row's value."""

from __future__ import annotations

import datetime as dt
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio.to_thread

from dbmanager.analyzers.alerting.judge import AlertState
from dbmanager.errors import ConfigurationError
from dbmanager.model.configuration import AlertRule, EmailSettings, MonitoringSettings, SecretReference, WebhookSettings
from dbmanager.services.connections import LOCAL_HOSTS, fetch_secret
from dbmanager.services.policy.redaction import Redactor

if TYPE_CHECKING:
    import httpx2

PATIENCE_SECONDS = 15.0
AUTHENTICATED = 235


@dataclass(frozen=True, slots=True)
class Notice:
    """A change of an alert's state, to be told."""

    connection: str
    state: AlertState
    rule: AlertRule

    @property
    def title(self) -> str:
        """One line."""
        word = "fires" if self.state.is_firing else "has ended"
        of = f" ({self.state.object})" if self.state.object else ""
        return f"{self.connection}: {self.state.rule}{of} {word}"

    @property
    def text(self) -> str:
        """What was measured, against which bound, and what to do."""
        rule = self.rule
        figure = rule.metric + (f" of {rule.part_of}" if rule.part_of else "")
        bound = f"above {rule.above:g}" if rule.above is not None else f"below {rule.below:g}"
        return f"{figure} is {self.state.value:.6g}; the alert fires {bound}. {rule.advice}".strip()

    def payload(self) -> dict[str, Any]:
        """Return the notice as a webhook gets it."""
        return {
            "source": "dbmanager", "connection": self.connection, "alert": self.state.rule, "object": self.state.object,
            "status": "firing" if self.state.is_firing else "resolved", "severity": self.rule.severity, "metric": self.rule.metric,
            "part_of": self.rule.part_of, "value": self.state.value, "above": self.rule.above, "below": self.rule.below,
            "since": dt.datetime.fromtimestamp(self.state.since, dt.UTC).isoformat(timespec="seconds"),
            "title": self.title, "text": self.text,
        }  # fmt: skip


class Courier:
    """Delivers notices by what is configured."""

    def __init__(self, settings: MonitoringSettings, base: Path, redactor: Redactor) -> None:
        self._settings = settings
        self._base = base
        self._redactor = redactor

    async def deliver(self, notices: Sequence[Notice]) -> list[str]:
        """Deliver notices, and return what went wrong, by channel; empty when every channel took them all."""
        problems = []
        if notices and self._settings.webhook is not None:
            problems += [f"webhook: {why}" for why in await self._post(self._settings.webhook, notices)]
        if notices and self._settings.email is not None:
            email = self._settings.email
            password = self._secret("monitoring.email.password", email.password)
            why = await anyio.to_thread.run_sync(
                _mailed, email, password, [_message(email, one) for one in notices], self._base
            )
            problems += [f"email: {why}"] if why else []
        return problems

    def _secret(self, key: str, reference: SecretReference | None) -> str | None:
        if reference is None:
            return None
        value = fetch_secret(key, reference, None, self._base).get_secret_value()
        self._redactor.learn(value)
        return value

    async def _post(self, webhook: WebhookSettings, notices: Sequence[Notice]) -> list[str]:
        import httpx2

        url = webhook.url or self._secret("monitoring.webhook.secret_url", webhook.secret_url) or ""
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOCAL_HOSTS):
            raise ConfigurationError("the webhook's address is no https address", hint="http is for loopback alone.")
        token = self._secret("monitoring.webhook.token", webhook.token)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx2.AsyncClient(timeout=PATIENCE_SECONDS, follow_redirects=False, headers=headers) as client:
            return [why for notice in notices if (why := await _posted(client, url, notice))]


async def _posted(client: httpx2.AsyncClient, url: str, notice: Notice) -> str | None:
    import httpx2

    try:
        answer = await client.post(url, json=notice.payload())
    except httpx2.HTTPError as problem:
        return type(problem).__name__  # its text holds the address, which may be a secret
    return None if answer.is_success else f"HTTP {answer.status_code}"


def _message(settings: EmailSettings, notice: Notice) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = settings.sender, ", ".join(settings.to)
    # A table may be called anything that its owner likes, line ends included.
    message["Subject"] = " ".join(f"[{notice.rule.severity}] {notice.title}".split())
    since = dt.datetime.fromtimestamp(notice.state.since, dt.UTC).isoformat(timespec="seconds")
    message.set_content(f"{notice.title}\n\n{notice.text}\n\nSince {since}.\n")
    return message


def _mailed(settings: EmailSettings, password: str | None, messages: Sequence[EmailMessage], base: Path) -> str | None:
    """Send messages over one connection; return what went wrong by its kind, without the server's own words.

    Over TLS the server's certificate and name are verified before it is told anything.
    """
    try:
        context = ssl.create_default_context(cafile=None if settings.ca_file is None else base / settings.ca_file)
    except OSError:
        return "the file of ca_file can't be read"
    connect: Callable[[], smtplib.SMTP] = lambda: smtplib.SMTP(settings.host, settings.port, timeout=PATIENCE_SECONDS)  # noqa: E731
    if settings.security == "tls":
        connect = lambda: smtplib.SMTP_SSL(settings.host, settings.port, timeout=PATIENCE_SECONDS, context=context)  # noqa: E731
    try:
        with connect() as server:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.user is not None and password is not None:
                _log_in(server, settings.user, password)
            for message in messages:
                server.send_message(message)
    except smtplib.SMTPResponseException as problem:
        return f"{type(problem).__name__} {problem.smtp_code}"
    except (smtplib.SMTPException, OSError) as problem:
        return type(problem).__name__
    return None


def _log_in(server: smtplib.SMTP, user: str, password: str) -> None:
    """Log in; smtplib's own login knows ASCII alone, so a password beyond it goes by PLAIN in UTF-8 (RFC 4616)."""
    if f"{user}{password}".isascii():
        server.login(user, password)
        return
    server.ehlo_or_helo_if_needed()
    if "PLAIN" not in server.esmtp_features.get("auth", "").upper().split():
        raise smtplib.SMTPNotSupportedError
    code, answer = server.docmd("AUTH", "PLAIN " + b64encode(f"\0{user}\0{password}".encode()).decode())
    if code != AUTHENTICATED:
        raise smtplib.SMTPAuthenticationError(code, answer)

"""Alerts by mail over TLS: to a real mail server with a certificate of a private authority, and to none that is not it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from dbmanager.analyzers.alerting.judge import AlertState
from dbmanager.model.configuration import AlertRule, MonitoringSettings
from dbmanager.services.notices import Courier, Notice
from dbmanager.services.policy.redaction import Redactor
from tests.engines.certificates import Issued, issue
from tests.engines.instance import free_port

pytestmark = pytest.mark.anyio
SECRET = "mail-Secret 4711/ü"
NOTICE = Notice("shop", AlertState("big", "", True, 0, 5.0, 1.79e9), AlertRule(metric="database_bytes", above=1))


@dataclass
class Server:
    """What a mail server got: the passwords that it was told, and whether each mail came over TLS."""

    port: int = 0
    passwords: list[str] = field(default_factory=list)
    mails: list[tuple[bool, list[str], bytes]] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        assert server.transport is not None
        over_tls = server.transport.get_extra_info("ssl_object") is not None
        self.mails.append((over_tls, list(envelope.rcpt_tos), content))
        return "250 taken"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.passwords.append(data.password.decode())
        return AuthResult(success=data.password.decode() == SECRET, handled=False)


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return what starts mail servers: with `starttls` or `tls`, or with neither."""
    with ExitStack() as stack:

        def start(issued: Issued | None, kind: str) -> Server:
            server = Server(free_port())
            context = None
            if issued is not None:
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(issued.certificate, issued.key)
            controller = Controller(
                server, hostname="127.0.0.1", port=server.port, authenticator=server.authenticate,
                auth_require_tls=kind == "starttls", ssl_context=context if kind == "tls" else None,
                tls_context=context if kind == "starttls" else None, require_starttls=kind == "starttls",
            )  # fmt: skip
            controller.start()
            stack.callback(controller.stop)
            return server

        yield start


async def _sent(
    folder: Path, monkeypatch: pytest.MonkeyPatch, port: int, secret: str = SECRET, **more: str
) -> Sequence[str]:
    monkeypatch.setenv("MAIL_PASSWORD", secret)
    email = {"host": "127.0.0.1", "port": port, "user": "alerts", "password": {"env": "MAIL_PASSWORD"}, "sender": "db@example.org",
             "to": ["ann@example.org"], **more}  # fmt: skip
    settings = MonitoringSettings.model_validate({"email": email})
    return await Courier(settings, folder, Redactor()).deliver([NOTICE])


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_mail_goes_over_tls_with_a_password_by_reference_to_a_server_of_a_private_authority(
    security: str, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(issue(tmp_path, "127.0.0.1"), security)
    assert await _sent(tmp_path, monkeypatch, server.port, security=security, ca_file="authority.pem") == []
    ((over_tls, to, content),) = server.mails
    assert (over_tls, to, server.passwords) == (True, ["ann@example.org"], [SECRET])
    assert b"Subject: [warning] shop: big fires" in content


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_whose_authority_is_unknown_gets_neither_password_nor_mail(
    security: str, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(issue(tmp_path, "127.0.0.1"), security)
    told = await _sent(tmp_path, monkeypatch, server.port, security=security)
    assert told == ["email: SSLCertVerificationError"]
    (tmp_path / "other").mkdir()
    issue(tmp_path / "other", "127.0.0.1")
    told = await _sent(tmp_path, monkeypatch, server.port, security=security, ca_file="other/authority.pem")
    assert told == ["email: SSLCertVerificationError"]
    assert (server.passwords, server.mails) == ([], [])


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_of_another_host_is_refused(
    security: str, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(issue(tmp_path, "mail.example.org"), security)
    told = await _sent(tmp_path, monkeypatch, server.port, security=security, ca_file="authority.pem")
    assert told == ["email: SSLCertVerificationError"]
    assert server.passwords == []


async def test_a_server_that_offers_no_starttls_is_not_told_the_password(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(None, "none")
    assert await _sent(tmp_path, monkeypatch, server.port) == ["email: SMTPNotSupportedError"]
    assert (server.passwords, server.mails) == ([], [])


async def test_a_wrong_password_is_told_by_its_code_without_the_password(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(issue(tmp_path, "127.0.0.1"), "starttls")
    told = await _sent(tmp_path, monkeypatch, server.port, secret="wrong-4711", ca_file="authority.pem")
    assert told == ["email: SMTPAuthenticationError 535"]
    assert server.mails == []


async def test_an_authority_s_file_that_is_not_there_is_told(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(issue(tmp_path, "127.0.0.1"), "tls")
    told = await _sent(tmp_path, monkeypatch, server.port, security="tls", ca_file="absent.pem")
    assert told == ["email: the file of ca_file can't be read"]

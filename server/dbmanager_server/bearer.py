"""Bearer tokens: configured ones by their digest, and JWTs of an external issuer by signature, audience and expiry."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
import jwt
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier

from dbmanager.errors import ConfigurationError, ScopeMissing
from dbmanager.model.configuration import HttpSettings, JwtSettings, Scope
from dbmanager.services.connections import fetch_secret
from dbmanager.services.policy.redaction import Redactor
from dbmanager.services.principal import Principal, process_user, scopes_of

SHORTEST = 32
REFETCH_SECONDS = 10.0
"""An unknown key makes the issuer be asked again, at most so often."""
LONGEST_HOST = 70
LONGEST_SUBJECT = 120
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    digest: bytes
    name: str
    scopes: frozenset[Scope]


class Bearer(TokenVerifier):
    """Tells whose a token is. It never keeps a token: only digests of the configured ones."""

    def __init__(self, known: Sequence[_Known], issuer: Issuer | None) -> None:
        self._known = known
        self._issuer = issuer

    @classmethod
    def configured(cls, settings: HttpSettings, base: Path, redactor: Redactor) -> Bearer:
        """Return the verifier of a configuration; tokens are fetched from where it says.

        Raises: ConfigurationError for a source that gives none, a short token, one that two principals have, or the name of
            the user that this process runs as.
        """
        known: list[_Known] = []
        for name, one in settings.tokens.items():
            if name == process_user().name:
                raise ConfigurationError(
                    f"http.tokens.{name} is named like the user that this server runs as, whose jobs and answers it would share",
                    hint="Give the token another name.",
                )
            key = f"http.tokens.{name}.token"
            token = fetch_secret(key, one.token, None, base).get_secret_value()
            if len(token) < SHORTEST:
                raise ConfigurationError(f"{key} is shorter than {SHORTEST} characters", hint="Make a random one.")
            redactor.learn(token)
            digest = hashlib.sha256(token.encode()).digest()
            if any(hmac.compare_digest(digest, other.digest) for other in known):
                raise ConfigurationError(f"{key} is another principal's token as well", hint="Give each its own.")
            known.append(_Known(digest, name, scopes_of(one.scopes)))
        return cls(known, Issuer(settings.jwt, settings.url, base) if settings.jwt is not None else None)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return whose a token is, None for one that is not good; every configured one is compared."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        found: _Known | None = None
        for known in self._known:
            if hmac.compare_digest(digest, known.digest):
                found = known
        if found is not None:
            return AccessToken(token="", client_id=found.name, subject=found.name, scopes=sorted(found.scopes))
        return None if self._issuer is None else await self._issuer.verified(token)


class Issuer:
    """Verifies JWTs of one issuer. Keys of a JWKS address are kept for five minutes."""

    def __init__(self, settings: JwtSettings, url: str | None, base: Path) -> None:
        self._settings = settings
        self._audience = settings.audience or url
        if self._audience is None:
            raise ConfigurationError("http.jwt needs http.url, or an audience", hint="Set http.url to /mcp's address.")
        self._host = urlsplit(settings.issuer).hostname or settings.issuer
        self._key: Any = None
        self._client: jwt.PyJWKClient | None = None
        self._fetched = -REFETCH_SECONDS
        self._fetching = threading.Lock()
        if settings.key_file is not None:
            self._key = _public_key(base / settings.key_file)
        elif settings.jwks_url is not None:
            place = urlsplit(settings.jwks_url)
            if place.scheme != "https" and not (place.scheme == "http" and place.hostname in LOOPBACK):
                raise ConfigurationError("http.jwt.jwks_url must begin with https://", hint="Keys must not be forged.")
            self._client = jwt.PyJWKClient(settings.jwks_url, cache_keys=False, lifespan=300, timeout=10)

    async def verified(self, token: str) -> AccessToken | None:
        """Return whose a JWT is; None when anything about it is wrong."""
        try:
            key = self._key or await anyio.to_thread.run_sync(self._signing_key, token)
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=list(self._settings.algorithms), audience=self._audience,
                issuer=self._settings.issuer, leeway=self._settings.leeway_seconds,
                options={"require": ["exp", "aud", "iss", "sub"]},
            )  # fmt: skip
        except jwt.PyJWKClientConnectionError:
            _log.warning("the keys of the issuer could not be fetched; its tokens are refused")
            return None
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        subject = str(claims["sub"])
        if not subject.isprintable() or not 0 < len(subject) <= LONGEST_SUBJECT or len(self._host) > LONGEST_HOST:
            return None
        name = f"{subject}@{self._host}"
        client = str(claims.get("client_id") or claims.get("azp") or name)
        return AccessToken(
            token="", client_id=client, subject=name, scopes=sorted(scopes_of(_words(claims))),
            expires_at=int(claims["exp"]) + self._settings.leeway_seconds, resource=self._audience,
            claims={"iss": self._settings.issuer},
        )  # fmt: skip

    def _signing_key(self, token: str) -> Any:
        """Return the issuer's key that a token names; the issuer is asked anew at most every ten seconds."""
        assert self._client is not None
        wanted = jwt.get_unverified_header(token).get("kid")
        with self._fetching:  # those that come meanwhile wait for the keys and are not refused
            return self._named(wanted)

    def _named(self, wanted: object) -> Any:
        assert self._client is not None
        for refresh in (False, True):
            if refresh or self._client.jwk_set_cache is None or self._client.jwk_set_cache.get() is None:
                if time.monotonic() - self._fetched < REFETCH_SECONDS:
                    break
                self._fetched = time.monotonic()
            for key in self._client.get_signing_keys(refresh=refresh):
                if key.key_id == wanted:
                    return key.key
        raise jwt.InvalidKeyError("no key of the issuer's has signed this")


def _public_key(file: Path) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return load_pem_public_key(file.read_bytes())
    except (OSError, ValueError):
        raise ConfigurationError(
            f"http.jwt.key_file {file} holds no public key", hint="Give a PEM file that begins BEGIN PUBLIC KEY."
        ) from None


def _words(claims: dict[str, Any]) -> list[str]:
    """Return the words of the scope claim, by either of its two usual names."""
    found = claims.get("scope", claims.get("scp", ""))
    return [
        str(word) for word in (found.split() if isinstance(found, str) else found if isinstance(found, list) else ())
    ]


def bearer_principal() -> Principal:
    """Return whose token the present request carries.

    Raises: ScopeMissing when it carries none, so that nothing is done for nobody.
    """
    token = get_access_token()
    if token is None or token.subject is None:
        raise ScopeMissing("this request carries no token")
    return Principal(token.subject, scopes_of(token.scopes))

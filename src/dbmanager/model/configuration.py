"""Configuration: named connections and their bounds. The model passes names; URLs and passwords stay here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from dbmanager.model.metrics import DEFINITIONS

Access = Literal["read_only", "read_write", "admin"]
Scope = Literal["read", "write", "admin"]
Environment = Literal["development", "staging", "production"]
ApprovalMode = Literal["person", "client"]
ScratchMode = Literal["none", "private", "server"]
Engine = Literal["sqlite", "postgresql", "mysql", "mongodb", "redis"]


_CREDENTIALS = re.compile(r"(?<=://)[^/]*@|(?<=[?&])(password|user)=[^&]*")


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """Show addresses without the credentials that people put into them."""
        for name, value in super().__repr_args__():
            yield name, _CREDENTIALS.sub("...", value) if name == "url" and isinstance(value, str) else value


class LimitSettings(_Closed):
    """Bounds on every read of a connection."""

    max_rows: Annotated[int, Field(ge=1, le=100_000)] = Field(1_000, description="Rows a query answers with")
    max_bytes: Annotated[int, Field(ge=1_000, le=10_000_000)] = Field(
        150_000, description="Bytes of JSON a query answers with"
    )
    max_cell_bytes: Annotated[int, Field(ge=16, le=1_000_000)] = Field(
        8_192, description="Bytes kept of one value before it is clipped"
    )
    timeout_seconds: Annotated[float, Field(gt=0, le=3_600)] = Field(
        30.0, description="Time after which the engine stops a statement"
    )
    lock_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        5.0, description="Time after which waiting for a lock is given up"
    )


class TlsSettings(_Closed):
    """Encryption to the server."""

    mode: Literal["disable", "require", "verify-ca", "verify-full"] = Field(
        "verify-full",
        description="`verify-full` checks certificate and host name, `verify-ca` the certificate, `require` neither",
    )
    ca_file: Path | None = Field(None, description="PEM file of the authority; the system's store when absent")

    @model_validator(mode="after")
    def _authority_is_used(self) -> TlsSettings:
        """An authority that is named must count; `require` would not look at it."""
        if self.ca_file is not None and self.mode in ("disable", "require"):
            raise ValueError(f"ca_file has no effect with mode {self.mode!r}; use verify-ca or verify-full")
        return self


class SshSettings(_Closed):
    """An SSH server through which the database is reached; its key must be known."""

    host: str = Field(description="Host of the SSH server")
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(22, description="Port of the SSH server")
    user: str | None = Field(None, description="User there; the system's own when absent")
    key_file: Path | None = Field(None, description="Private key; the agent's and the usual files when absent")
    known_hosts: Path | None = Field(None, description="File of known server keys; `~/.ssh/known_hosts` when absent")


class SecretReference(_Closed):
    """Where a password comes from; exactly one source."""

    env: str | None = Field(None, description="Name of an environment variable")
    file: Path | None = Field(None, description="File whose first line is the password")
    keyring: str | None = Field(None, description="`service/user` in the system's keyring")
    command: tuple[str, ...] | None = Field(None, description="Program and arguments that print the password")


class ConnectionSettings(_Closed):
    """One database that may be named in a tool call."""

    url: str = Field(description="Engine URL without a password, e.g. `postgresql://app@db.example/shop`")
    password: SecretReference | None = Field(None, description="Where the password comes from")
    access: Access = Field(
        "read_only", description="What may be done at all; roles, grants and server settings want `admin`"
    )
    environment: Environment = Field("development", description="How much harm a mistake does")
    approval: ApprovalMode | None = Field(
        None, description="Who approves changes; `person` for staging and production unless set"
    )
    limits: LimitSettings = Field(default_factory=LimitSettings, description="Bounds on reads")
    tls: TlsSettings | None = Field(None, description="Encryption; required beyond loopback unless disabled here")
    ssh: SshSettings | None = Field(None, description="Tunnel to the host and port of the url")
    schemas: tuple[str, ...] = Field(
        (),
        description="PostgreSQL schemas that are described, checked and copied; all when empty. Rights are the role's",
    )
    scratch: Literal[False, "private", "server"] | None = Field(
        None,
        description="Where throw-away databases are made: `server` beside this one where the role may, `private` only in "
        "an own instance on this machine, false nowhere; `server` in development and else `private` unless set",
    )
    masking: bool = Field(True, description="Mask classified values; reading with it off is recorded in the audit log")

    @property
    def approval_mode(self) -> ApprovalMode:
        """Who approves: as configured, else a person except in development."""
        return self.approval or ("client" if self.environment == "development" else "person")

    @property
    def scratch_mode(self) -> ScratchMode:
        """Where throw-away databases are made: as configured, else beside the source in development alone."""
        if self.scratch is False:
            return "none"
        return self.scratch or ("server" if self.environment == "development" else "private")


class StoreSettings(_Closed):
    """Where the server keeps projects, changes and the audit log."""

    url: str | None = Field(None, description="SQLAlchemy URL; SQLite in the user's data folder when absent")
    password: SecretReference | None = Field(None, description="Where the password of `url` comes from")
    key: SecretReference | None = Field(
        None,
        description="Secret of 32 characters or more that keys are derived from, where several machines share a store",
    )
    data_dir: Path | None = Field(None, description="Folder for backups, results and keys")


class WorkerSettings(_Closed):
    """How much a worker process does at a time."""

    slots: int = Field(2, ge=1, le=16, description="Jobs that one worker process runs at a time")
    per_connection: int = Field(1, ge=1, le=4, description="Jobs on one connection at a time, over all workers")


class TokenSettings(_Closed):
    """A bearer token; its name in the table is its principal's, in the audit log and in approvals."""

    token: SecretReference = Field(description="Where the token comes from; 32 characters or more")
    scopes: tuple[Scope, ...] = Field(
        ("read",), description="What it may do at most: the lesser of this and a connection's access counts"
    )


class JwtSettings(_Closed):
    """Tokens of an external issuer: signed JWTs with `sub`, `exp`, `aud` and `scope`."""

    issuer: str = Field(description="The `iss` of its tokens, and where clients are sent to get one")
    jwks_url: str | None = Field(None, description="Where its public keys are; https beyond loopback")
    key_file: Path | None = Field(None, description="Instead: a PEM file with its public key")
    audience: str | None = Field(None, description="The `aud` of tokens for this server; `http.url` when absent")
    algorithms: tuple[Literal["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"], ...] = Field(
        ("RS256", "ES256"), min_length=1, description="Signatures that are taken"
    )
    leeway_seconds: Annotated[int, Field(ge=0, le=300)] = Field(30, description="Difference of clocks that is borne")

    @model_validator(mode="after")
    def _one_key(self) -> JwtSettings:
        """Keys come from one place."""
        if (self.jwks_url is None) is (self.key_file is None):
            raise ValueError("give jwks_url or key_file, exactly one of them")
        return self


class HttpSettings(_Closed):
    """Serving over HTTP; beyond loopback it takes tokens, and TLS or a proxy that does it."""

    url: str | None = Field(
        None, description="Address that clients know, e.g. `https://db.example/mcp`; what JWTs are issued for"
    )
    tokens: Annotated[dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")], TokenSettings], Field()] = Field(
        default_factory=dict, description="Bearer tokens by the name of their principal"
    )
    jwt: JwtSettings | None = Field(None, description="Tokens of an external issuer")
    tls_cert: Path | None = Field(None, description="PEM file of this server's certificate and those above it")
    tls_key: Path | None = Field(None, description="PEM file of its key")
    behind_proxy: bool = Field(False, description="A proxy in front does TLS; `allowed_hosts` must be given then")
    trusted_proxies: tuple[str, ...] = Field(
        ("127.0.0.1",), description="Addresses whose X-Forwarded headers are believed, with `behind_proxy`"
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Host headers that are taken, `name:*` for any port; loopback's own when bound there"
    )
    allowed_origins: tuple[str, ...] = Field((), description="Origin headers of browsers that are taken")
    responses: Literal["stream", "json"] = Field(
        "stream",
        description="`stream` sends progress and notices a client that leaves; `json` answers in one piece always",
    )
    max_body_bytes: Annotated[int, Field(ge=1_000, le=64_000_000)] = Field(4_194_304, description="Largest request")
    requests_per_minute: Annotated[int, Field(ge=1, le=100_000)] = Field(
        600, description="Requests of one principal in the long run, or of one address without a token"
    )
    burst: Annotated[int, Field(ge=1, le=10_000)] = Field(60, description="How many of them may come at once")
    max_concurrent: Annotated[int, Field(ge=1, le=10_000)] = Field(
        64, description="Requests under way at a time, over all principals"
    )
    request_timeout_seconds: Annotated[float, Field(gt=0, le=86_400)] = Field(
        600.0, description="After that a request's statement is stopped; longer work takes background=true"
    )

    @model_validator(mode="after")
    def _both_halves(self) -> HttpSettings:
        """A certificate needs its key, and the other way round."""
        if (self.tls_cert is None) is not (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together")
        return self

    @property
    def wants_tokens(self) -> bool:
        """Whether a request needs a bearer token."""
        return bool(self.tokens) or self.jwt is not None


class AlertRule(_Closed):
    """When a figure is worth waking somebody: it fires after some moments beyond a bound, and ends well within it."""

    metric: str = Field(description="A figure's name; of counters the rate per second is judged")
    part_of: str | None = Field(None, description="Judge the figure as part of this one, e.g. `connections_max`")
    above: float | None = Field(None, description="Fires beyond this bound; either this or `below`")
    below: float | None = Field(None, description="Fires under this bound")
    clear: float | None = Field(None, description="Ends within this bound; the firing one when absent")
    after: Annotated[int, Field(ge=1, le=100)] = Field(3, description="Moments beyond the bound until it fires")
    clear_after: Annotated[int, Field(ge=1, le=100)] = Field(3, description="Moments within `clear` until it ends")
    severity: Literal["warning", "critical"] = Field("warning", description="How much it matters")
    connections: tuple[str, ...] = Field((), description="Judged for these connections; for all when empty")
    advice: str = Field("", max_length=300, description="What to do, said with the alert")

    @model_validator(mode="after")
    def _can_be_judged(self) -> AlertRule:
        """A rule needs a figure that exists, one bound, and an end that lies within it."""
        for name in filter(None, (self.metric, self.part_of)):
            if name not in DEFINITIONS:
                near = get_close_matches(name, DEFINITIONS, n=1)
                raise ValueError(f"no figure is called {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
        if (self.above is None) is (self.below is None):
            raise ValueError("give above or below, exactly one of them")
        if self.clear is not None and (
            (self.above is not None and self.clear > self.above) or (self.below is not None and self.clear < self.below)
        ):
            raise ValueError("clear lies beyond the bound: the alert would end while it fires")
        return self


class WebhookSettings(_Closed):
    """Where alerts are posted as JSON."""

    url: str | None = Field(None, description="Address; https beyond loopback")
    secret_url: SecretReference | None = Field(
        None, description="Instead: where an address comes from that is a secret"
    )
    token: SecretReference | None = Field(None, description="Where a bearer token comes from")

    @model_validator(mode="after")
    def _one_address(self) -> WebhookSettings:
        """An address comes from one place."""
        if (self.url is None) is (self.secret_url is None):
            raise ValueError("give url or secret_url, exactly one of them")
        return self


class EmailSettings(_Closed):
    """The mail server through which alerts are sent."""

    host: str = Field(description="Host of the mail server")
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(587, description="Its port")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="`starttls` asks for encryption, `tls` begins with it, `none` only without a password"
    )
    user: str | None = Field(None, description="User there")
    password: SecretReference | None = Field(None, description="Where its password comes from")
    ca_file: Path | None = Field(None, description="PEM file of its authority; the system's store when absent")
    sender: str = Field(description="Address that alerts come from")
    to: tuple[str, ...] = Field(min_length=1, description="Addresses that alerts go to")

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> EmailSettings:
        """A password is sent encrypted only."""
        if self.security == "none" and self.password is not None:
            raise ValueError("a password is not sent without encryption; use starttls or tls")
        if self.password is not None and self.user is None:
            raise ValueError("a password needs a user")
        return self


class MonitoringSettings(_Closed):
    """What `dbmanager collect` judges, and whom it tells."""

    standard_rules: bool = Field(True, description="Judge the rules that come with the package, too")
    rules: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")], AlertRule], Field()] = Field(
        default_factory=dict, description="Alert rules by name; one of a standard rule's name takes its place"
    )
    disk_bytes: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict, description="Bytes that a connection's database can grow to; no SQL tells that"
    )
    webhook: WebhookSettings | None = Field(None, description="Post alerts there")
    email: EmailSettings | None = Field(None, description="Mail alerts")


class Configuration(_Closed):
    """The whole of `dbmanager.toml`."""

    connections: dict[str, ConnectionSettings] = Field(default_factory=dict, description="Databases by name")
    store: StoreSettings = Field(default_factory=StoreSettings, description="The server's own state")
    worker: WorkerSettings = Field(default_factory=WorkerSettings, description="Long work")
    http: HttpSettings = Field(default_factory=HttpSettings, description="What `serve --http` heeds")
    monitoring: MonitoringSettings = Field(
        default_factory=MonitoringSettings, description="Alert rules, and where alerts go"
    )
    log: Literal["none", "json"] = Field(
        "none", description="`json` writes a line on stderr for every call: who, what, how long; never values"
    )
    backup_dir: Path | None = Field(None, description="Where backups go; inside the data folder when absent")


class ResolvedUrl(BaseModel):
    """A connection's address with the password held apart, redacted by type."""

    model_config = ConfigDict(frozen=True)

    engine: Engine
    scheme: str = Field("", description="As written, e.g. `mongodb+srv` or `rediss`")
    hosts: str = Field("", description="Every host and port as written; MongoDB takes several")
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: SecretStr | None = None
    database: str
    options: dict[str, str] = Field(default_factory=dict)

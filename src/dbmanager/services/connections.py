"""Named connections: resolves addresses and secrets, opens adapters on first use, closes them all."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import anyio
import anyio.to_thread
from pydantic import SecretStr

from dbmanager.adapters.facets import Adapter
from dbmanager.adapters.facets.adapter import Pooled
from dbmanager.adapters.registry import ENGINES, engine_of_scheme, open_adapter
from dbmanager.errors import ConfigurationError, InvalidChoice, NotFound, nearest
from dbmanager.model.configuration import Configuration, ConnectionSettings, Engine, ResolvedUrl, SecretReference
from dbmanager.services.places import DEFAULT_PORTS, place_of
from dbmanager.services.policy.redaction import Redactor

if TYPE_CHECKING:
    from dbmanager.services.tunnels import Tunnel

COMMAND_TIMEOUT_SECONDS = 30.0
_DEFAULT_DATABASE = {"redis": "0"}

LOCAL_HOSTS = frozenset((None, "", "localhost", "127.0.0.1", "::1"))


class Connections:
    """The databases of one configuration. One adapter per name, opened lazily, shared by concurrent callers."""

    def __init__(self, configuration: Configuration, base: Path, redactor: Redactor | None = None) -> None:
        self._configuration = configuration
        self._base = base
        self._redactor = redactor or Redactor()
        self._adapters: dict[str, Adapter] = {}
        self._tunnels: dict[str, Tunnel] = {}
        self._opening = anyio.Lock()

    def names(self) -> list[str]:
        """Return the configured names, sorted."""
        return sorted(self._configuration.connections)

    def settings(self, name: str) -> ConnectionSettings:
        """Return a connection's settings, or raise `NotFound` listing the names and the nearest."""
        found = self._configuration.connections.get(name)
        if found is None:
            raise NotFound.of("connection", name, self.names())
        return found

    async def adapter(self, name: str) -> Adapter:
        """Return the adapter of a connection; the engine itself is contacted on the first statement."""
        settings = self.settings(name)
        async with self._opening:
            await self._drop_cut(name)
            if name not in self._adapters:
                url = await anyio.to_thread.run_sync(resolve, name, settings, self._base)
                if url.password is not None:
                    self._redactor.learn(url.password.get_secret_value())
                self._adapters[name] = open_adapter(name, await self._tunnelled(name, url), settings)
            return self._adapters[name]

    def is_local(self, name: str) -> bool:
        """Whether the server runs on this machine by its address: a file or loopback, and no tunnel to another."""
        settings = self.settings(name)
        url = resolve(name, settings.model_copy(update={"password": None}), self._base)
        return settings.ssh is None and (
            url.engine == "sqlite" or url.host in LOCAL_HOSTS or str(url.host).startswith("/")
        )

    def are_one(self, name: str, other: str) -> bool:
        """Whether two names lead to one database, by their addresses; no password is fetched and nothing is asked."""
        places = []
        for each in (name, other):
            settings = self.settings(each)
            url = resolve(each, settings.model_copy(update={"password": None}), self._base)
            places.append(place_of(url, settings.ssh))
        return places[0].is_same(places[1])

    def pool_use(self) -> dict[str, tuple[int, int]]:
        """Return, for each connection in use whose driver tells, how many of its connections are busy and idle."""
        found = {name: adapter.pool_use() for name, adapter in self._adapters.items() if isinstance(adapter, Pooled)}
        return {name: use for name, use in found.items() if use is not None}

    async def close(self) -> None:
        """Close every adapter that was opened."""
        adapters, self._adapters = list(self._adapters.values()), {}
        tunnels, self._tunnels = list(self._tunnels.values()), {}
        for adapter in adapters:
            await adapter.close()
        for tunnel in tunnels:
            await tunnel.close()

    async def _drop_cut(self, name: str) -> None:
        """Forget the adapter of a tunnel that was cut, so that both are opened anew."""
        tunnel = self._tunnels.get(name)
        if tunnel is not None and not tunnel.is_open:
            del self._tunnels[name]
            await self._adapters.pop(name).close()

    async def _tunnelled(self, name: str, url: ResolvedUrl) -> ResolvedUrl:
        """Return the address that the driver takes: the tunnel's where one is configured."""
        settings = self.settings(name)
        if settings.ssh is None:
            return url
        from dbmanager.services.tunnels import open_tunnel, refuse_unverifiable, through

        refuse_unverifiable(name, settings)
        port = url.port or DEFAULT_PORTS.get(url.engine)
        tunnel = await open_tunnel(name, settings.ssh, url.model_copy(update={"port": port}), self._base)
        self._tunnels[name] = tunnel
        return through(tunnel, url)


def resolve(name: str, settings: ConnectionSettings, base: Path) -> ResolvedUrl:
    """Split a connection's URL and fetch its password from where the configuration says.

    Raises:
        ConfigurationError: the URL or the secret's source is unusable; the sentence names the key.
    """
    key = f"connections.{name}.url"
    try:
        parts = urlsplit(settings.url)
        hosts = parts.netloc.rpartition("@")[2]
        port = parts.port if "," not in hosts else None
    except ValueError:
        raise ConfigurationError(f"{key} is not a URL", hint="Write e.g. postgresql://app@host/database.") from None
    if not parts.scheme:
        raise ConfigurationError(f"{key} has no engine", hint="Begin it with sqlite:/// or postgresql://.")
    try:
        engine = engine_of_scheme(parts.scheme)
    except InvalidChoice as unknown:
        raise ConfigurationError(f"{key}: {unknown.message}", hint=unknown.hint) from None
    options = _known_options(f"connections.{name}", engine, dict(parse_qsl(parts.query, keep_blank_values=True)))
    if engine == "sqlite":
        return ResolvedUrl(engine="sqlite", database=str(_sqlite_path(key, parts.netloc, parts.path, base)))
    database = unquote(parts.path.lstrip("/")) or _DEFAULT_DATABASE.get(engine, "")
    if not database:
        raise ConfigurationError(f"{key} names no database", hint="End it with /database.")
    inline = unquote(parts.password) if parts.password is not None else None
    return ResolvedUrl(
        engine=cast(Engine, engine),
        scheme=parts.scheme.lower(),
        hosts=hosts,
        host=(parts.hostname if "," not in hosts else hosts.partition(",")[0].partition(":")[0]) or "localhost",
        port=port,
        user=unquote(parts.username) if parts.username else None,
        password=_password(name, settings.password, inline, base),
        database=database,
        options=options,
    )


def _known_options(key: str, engine: str, options: Mapping[str, str]) -> dict[str, str]:
    """Return the options as the adapter spells them.

    Raises: ConfigurationError for one that it would leave unheeded: a safety setting must not be taken for one that holds.
    """
    known = {option.casefold(): option for option in ENGINES[engine].options}
    for option in options:
        if option.casefold() not in known:
            near = nearest(option, known.values())
            tls = (
                f"Encryption is set in {key}.tls." if option.casefold().startswith(("ssl", "tls")) else "Leave it out."
            )
            raise ConfigurationError(
                f"{key}.url has the option {option!r}, which is not heeded"
                + (f"; did you mean {near!r}?" if near else ""),
                hint=f"{tls} Options of {engine}: {', '.join(known.values()) or 'none'}.",
            )
    return {known[option.casefold()]: value for option, value in options.items()}


def _sqlite_path(key: str, netloc: str, path: str, base: Path) -> Path:
    if netloc:
        raise ConfigurationError(
            f"{key} has a host where SQLite has none", hint="Write three slashes: sqlite:///file.db."
        )
    text = unquote(path)[1:]
    if not text or text == ":memory:":
        raise ConfigurationError(f"{key} names no file", hint="Write sqlite:///path/to/file.db.")
    file = Path(text).expanduser()
    return file if file.is_absolute() else (base / file).resolve()


def _password(name: str, reference: SecretReference | None, inline: str | None, base: Path) -> SecretStr | None:
    if reference is None:
        return SecretStr(inline) if inline is not None else None
    return fetch_secret(f"connections.{name}.password", reference, inline, base)


def fetch_secret(key: str, reference: SecretReference, inline: str | None, base: Path) -> SecretStr:
    """Return what a secret's reference leads to; `key` names it in errors, `inline` is what the url held as well.

    Raises: ConfigurationError.
    """
    given = [field for field in ("env", "file", "keyring", "command") if getattr(reference, field) is not None]
    if len(given) != 1 or inline is not None:
        raise ConfigurationError(
            f"{key} must name exactly one source" + (", and the url must hold no password then" if inline else ""),
            hint="Use one of env, file, keyring, command.",
        )
    value = {"env": _from_env, "file": _from_file, "keyring": _from_keyring, "command": _from_command}[given[0]](
        f"{key}.{given[0]}", reference, base
    )
    return SecretStr(value)


def _from_env(key: str, reference: SecretReference, base: Path) -> str:
    value = os.environ.get(reference.env or "")
    if value is None:
        raise ConfigurationError(f"{key}: environment variable {reference.env} is not set", hint="Set it.")
    return value


def _from_file(key: str, reference: SecretReference, base: Path) -> str:
    path = base / (reference.file or "")
    try:
        return path.read_text("utf-8").splitlines()[0]
    except (OSError, IndexError, UnicodeDecodeError):
        raise ConfigurationError(
            f"{key}: {path} cannot be read or is empty", hint="Put the password on its first line."
        ) from None


def _from_keyring(key: str, reference: SecretReference, base: Path) -> str:
    try:
        import keyring
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"{key} needs the package keyring", hint="Run: pip install 'dbmanager-mcp[keyring]'"
        ) from None
    service, _, user = (reference.keyring or "").partition("/")
    value: str | None = keyring.get_password(service, user)
    if value is None:
        raise ConfigurationError(f"{key}: the keyring holds nothing for {reference.keyring}", hint="Store it there.")
    return value


def _from_command(key: str, reference: SecretReference, base: Path) -> str:
    command = list(reference.command or ())
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_SECONDS, check=True, cwd=base
        )
    except (OSError, IndexError, subprocess.SubprocessError):
        program = command[0] if command else "(empty)"
        raise ConfigurationError(
            f"{key}: {program} did not print a password", hint="Run it by hand; it must exit with 0."
        ) from None
    return done.stdout.rstrip("\r\n")

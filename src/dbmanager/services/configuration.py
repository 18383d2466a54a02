"""Reads the configuration: files, environment, `--url`; every mistake becomes one sentence naming key and fix."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from dbmanager.errors import ConfigurationError, nearest
from dbmanager.model.configuration import Configuration

FILE_NAME = "dbmanager.toml"
PREFIX = "DBMANAGER_"
RESERVED = frozenset({"DBMANAGER_CONFIG", "DBMANAGER_AUDIT_KEY"})
RESERVED_PREFIXES = ("DBMANAGER_TEST_",)


@dataclass(frozen=True, slots=True)
class LoadedConfiguration:
    """The configuration, and where it came from (`base` is what relative paths are relative to).

    `arguments` and `environment` make another process of ours load the same; addresses go by environment, since
    arguments can be read by every user of the machine.
    """

    configuration: Configuration
    sources: tuple[str, ...]
    base: Path
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


def user_file() -> Path:
    """Return the per-user configuration file's place, whether or not it exists."""
    import platformdirs

    return Path(platformdirs.user_config_dir("dbmanager")) / FILE_NAME


def candidates(path: Path | None, environ: Mapping[str, str], folder: Path) -> tuple[Path | None, Path, Path]:
    """Return the files that decide, the first that is there alone: the named one, the project's, the user's."""
    named = path or (Path(environ["DBMANAGER_CONFIG"]) if environ.get("DBMANAGER_CONFIG") else None)
    return named, folder / FILE_NAME, user_file()


def load(
    *,
    path: Path | None = None,
    urls: tuple[str, ...] = (),
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> LoadedConfiguration:
    """Return the configuration: `path`, else the project's file, else the user's; then environment; then URLs.

    Args:
        path: what `--config` named; it must exist.
        urls: what `--url` named; the first becomes the connection `main`, later ones `main2`, `main3` ...
        environ: the environment, `os.environ` when absent.
        folder: the project folder, the working directory when absent.

    Raises:
        ConfigurationError: a file, key or value is not usable; the sentence names it and what would be.
    """
    environ = os.environ if environ is None else environ
    folder = folder or Path.cwd()
    data: dict[str, Any] = {}
    sources: list[str] = []
    base = folder
    named, *usual = candidates(path, environ, folder)
    chosen = named or next((place for place in usual if place is not None and place.is_file()), None)
    if chosen is not None:
        data, base = _read(chosen), chosen.resolve().parent
        sources.append(str(chosen))
    connections = data.setdefault("connections", {})
    if not isinstance(connections, dict):
        raise ConfigurationError("connections must be tables", hint="Write [connections.NAME] with a url key.")
    passed: dict[str, str] = {}
    for number, url in enumerate(urls, 1):
        name = "main" if number == 1 else f"main{number}"
        if name in connections:
            raise ConfigurationError(
                f"--url would replace connection {name!r} of {chosen}", hint="Rename it there, or leave out --url."
            )
        connections[name] = {"url": url}
        passed[f"{PREFIX}CONNECTIONS__{name.upper()}__URL"] = url
        sources.append("--url")
    for variable, value in sorted(environ.items()):
        if variable.startswith(PREFIX) and variable not in RESERVED and not variable.startswith(RESERVED_PREFIXES):
            _override(data, variable, value)
            sources.append(variable)
    if environ.get("DATABASE_URL") and "default" not in connections:
        connections["default"] = {"url": environ["DATABASE_URL"]}
        sources.append("DATABASE_URL")
    arguments = ("--config", str(chosen.resolve())) if chosen is not None else ()
    try:
        return LoadedConfiguration(Configuration.model_validate(data), tuple(sources), base, arguments, passed)
    except ValidationError as invalid:
        raise ConfigurationError(
            "; ".join(_sentence(dict(error), data) for error in invalid.errors(include_url=False, include_input=True)),
            object_name=sources[0] if sources else None,
            hint="Correct it; nothing was started with a guessed value.",
        ) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"configuration file {path} does not exist", hint="Give --config an existing file, or leave it out."
        ) from None
    except (OSError, UnicodeDecodeError) as unreadable:
        raise ConfigurationError(f"configuration file {path} cannot be read: {unreadable}") from None
    except tomllib.TOMLDecodeError as malformed:
        raise ConfigurationError(f"{path} is not valid TOML: {malformed}", hint="Correct that line.") from None


def _override(data: dict[str, Any], variable: str, value: str) -> None:
    """Set one nested key from a variable such as `DBMANAGER_CONNECTIONS__SHOP__ACCESS`."""
    parts = [part.lower() for part in variable.removeprefix(PREFIX).split("__")]
    known = list(Configuration.model_fields)
    if parts[0] not in known or not all(parts):
        near = nearest(parts[0], known)
        raise ConfigurationError(
            f"environment variable {variable} sets no known key",
            object_name=variable,
            hint=(f"Did you mean {PREFIX}{near.upper()}...? " if near else "")
            + f"Write e.g. {PREFIX}CONNECTIONS__NAME__ACCESS=read_write.",
        )
    target = data
    for part in parts[:-1]:
        key = next((existing for existing in target if existing.lower() == part), part)
        target = target.setdefault(key, {})
        if not isinstance(target, dict):
            raise ConfigurationError(f"environment variable {variable} goes below {key!r}, which is no table")
    target[next((existing for existing in target if existing.lower() == parts[-1]), parts[-1])] = _literal(value)


def _literal(text: str) -> Any:
    """Read a value as TOML where it is a number, boolean, list or table; else keep the text."""
    if text[:1] in "[{" or text in ("true", "false") or text.replace(".", "", 1).lstrip("-").isdigit():
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _sentence(error: dict[str, Any], data: object) -> str:
    """Turn one of pydantic's complaints into a sentence naming key, value and fix; secrets are not repeated."""
    location = [str(part) for part in error["loc"]]
    key = ".".join(location)
    if error["type"] == "extra_forbidden":
        valid = _fields_at(Configuration, location[:-1])
        near = nearest(location[-1], valid)
        return f"{key} is not a known key" + (f", did you mean {near!r}?" if near else f"; valid: {', '.join(valid)}")
    if error["type"] == "literal_error":
        given, expected = str(error["input"]), str(error["ctx"]["expected"])
        near = nearest(given, [word.strip("' ") for word in expected.replace(" or ", ",").split(",")])
        return (
            f"{key} = {given!r} is not valid" + (f", did you mean {near!r}?" if near else "") + f" (one of {expected})"
        )
    if error["type"] == "missing":
        return f"{key} is missing; add it"
    return f"{key}: {error['msg']}"


def _fields_at(model: type[BaseModel], location: list[str]) -> list[str]:
    """Return the keys valid at a place of the configuration."""
    current: Any = model
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = _unwrap(current.model_fields[part].annotation) if part in current.model_fields else None
        elif get_origin(current) is dict:
            current = get_args(current)[1]
    if get_origin(current) is dict:
        current = get_args(current)[1]
    return sorted(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _unwrap(annotation: Any) -> Any:
    """Return the model inside `Model | None`, or the annotation itself."""
    models = [a for a in get_args(annotation) if isinstance(a, type) and issubclass(a, BaseModel)]
    return models[0] if models and get_origin(annotation) is not dict else annotation

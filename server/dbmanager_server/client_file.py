"""Writes a client's configuration: our entries into the file that is there, and nothing of it lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel

from dbmanager.errors import ConfigurationError, InvalidChoice
from dbmanager.model.configuration import SecretReference
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager_server.clients import COMPANIONS, ClientFormat, Launch, Scope

SERVER = "dbmanager"
SQLITE = "sqlite:///"


def launch_of(loaded: LoadedConfiguration, config: Path | None, urls: Iterable[str], *, shared: bool) -> Launch:
    """Return how this server is started for a configuration.

    Args:
        loaded: names the environment variables that passwords are read from; the client has to pass them.
        config: named by an absolute path, since clients start servers in folders of their own choice.
        urls: databases without a configuration.
        shared: whether the file is checked in with a project; the program is then named without its path.
    """
    program = shutil.which(sys.argv[0]) or shutil.which(SERVER)
    command = SERVER if shared or program is None else str(Path(program).absolute())
    arguments = ["serve"]
    if config is not None:
        arguments += ["--config", str(config.resolve())]
    elif not shared:
        arguments += loaded.arguments  # the file that was found here, which a client in another folder would not find
    for url in urls:
        arguments += ["--url", _lasting(url)]
    return Launch(command, tuple(arguments), tuple(dict.fromkeys(_variables(loaded.configuration))))


def _lasting(url: str) -> str:
    """Return an address as it may stand in a file: a SQLite file by its whole path, a password never."""
    parts = urlsplit(url)
    words = {name.casefold() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if parts.password is not None or any(part in word for word in words for part in ("pass", "pwd", "secret", "token")):
        raise ConfigurationError(
            "the address holds a password, which would stand in the client's file in clear",
            object_name="--url",
            hint="Name the database in dbmanager.toml with password = { env = ... } and give --config.",
        )
    head, path = url[: len(SQLITE)], url[len(SQLITE) :]
    return f"{head}{Path(path).absolute()}" if head == SQLITE and not path.startswith(("/", ":")) else url


def _variables(part: object) -> Iterator[str]:
    """Yield the environment variables that a configuration reads secrets from."""
    if isinstance(part, SecretReference):
        if part.env is not None:
            yield part.env
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _variables(getattr(part, name))
    elif isinstance(part, dict):
        for value in part.values():
            yield from _variables(value)


def file_of(client: ClientFormat, scope: Scope | None) -> tuple[Path, Scope]:
    """Return the client's file and its scope; the first that the client knows where none is asked for."""
    chosen = next(iter(client.places)) if scope is None else scope
    if chosen not in client.places:
        raise InvalidChoice.of(f"scope of {client.title}", chosen, client.places)
    return client.places[chosen](), chosen


def addition(client: ClientFormat, launch: Launch, companions: Iterable[str]) -> dict[str, Any]:
    """Return the file's content where there is none yet: our entry and those of the chosen companions."""
    launches = {SERVER: launch, **{name: COMPANIONS[name] for name in companions}}
    content: dict[str, Any] = {client.key: {name: client.entry(one) for name, one in launches.items()}}
    asked = [question for one in launches.values() for question in client.asked(one)]
    return {**content, "inputs": asked} if asked else content


def merged(text: str, added: dict[str, Any], file: Path, *, replace: bool) -> str:
    """Return a file's text with our entries added; everything else stays, in its order and with its indentation.

    Raises:
        ConfigurationError: the file is no JSON object, holds comments, or has other entries under our names and
            `replace` is not given.
    """
    content = _parsed(text, file)
    for key, value in added.items():
        there = content.setdefault(key, type(value)())
        if type(there) is not type(value):
            raise ConfigurationError(
                f"{key} in {file} is no {type(value).__name__}", hint="Mend it, then run this again."
            )
        if isinstance(value, list):
            ids = {item["id"] for item in there if isinstance(item, dict) and "id" in item}
            there += [item for item in value if item["id"] not in ids]
            continue
        for name, entry in value.items():
            if name in there and there[name] != entry and not replace:
                raise ConfigurationError(
                    f"{file} has another server {name!r} already",
                    object_name=name,
                    hint="Give --replace to put this one in its place, or edit the file.",
                )
            there[name] = entry
    return json.dumps(content, indent=_indent(text), ensure_ascii=False) + "\n"


def _parsed(text: str, file: Path) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_float=_as_written, parse_constant=_as_written)
        json.dumps(found).encode("ascii")
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as problem:
        raise ConfigurationError(
            f"{file} can't be rewritten without losing something ({problem}): comments, for one, or a key that is there twice",
            hint="Run this without --write and paste what it prints.",
        ) from None
    if not isinstance(found, dict):
        raise ConfigurationError(
            f"{file} holds no JSON object", hint="Run this without --write and see what it prints."
        )
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _as_written(number: str) -> float:
    """Return a number that will be written as it was read; raise ValueError for any other."""
    found = float(number)
    if json.dumps(found) != number:
        raise ValueError(f"the number {number} would be written otherwise")
    return found


def _indent(text: str) -> int | str:
    found = re.search(r"^([ \t]+)\S", text, re.M)
    return found.group(1) if found else 2


def write(file: Path, added: dict[str, Any], *, replace: bool) -> Path | None:
    """Add our entries to a file, as a whole or not at all; return where the earlier one was kept, if there was one.

    Raises: ConfigurationError when it can't be kept whole, or somebody else has changed it meanwhile.
    """
    target = file.resolve()
    before = target.read_bytes() if target.exists() else b""
    try:
        there = before.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{file} is not UTF-8", hint="Run this without --write and paste what it prints."
        ) from None
    text = merged(there, added, file, replace=replace)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = _made(target, "new", text.encode(), target.stat().st_mode & 0o777 if target.exists() else 0o600)
    try:
        kept = _made(target, "before-dbmanager", before, target.stat().st_mode & 0o777) if before else None
        if (target.read_bytes() if target.exists() else b"") != before:
            raise ConfigurationError(f"{file} was changed by somebody else meanwhile", hint="Run this again.")
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    return kept


def _made(target: Path, ending: str, content: bytes, mode: int) -> Path:
    """Make a file beside the target under a name that nobody has: no link that lies there is followed."""
    for number in range(1_000):
        path = target.with_name(f"{target.name}.{ending}{number or ''}")
        try:
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(made, "wb") as opened:
            opened.write(content)
        path.chmod(mode)
        return path
    raise ConfigurationError(f"there are too many copies beside {target}", hint="Remove old ones.")

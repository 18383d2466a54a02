"""Answers of earlier starts: what a client asks first is answered from a file while the SDK is still being loaded.

Nothing here is derived: a result is kept as the live server sent it, under the very request that it answered, and holds
only as long as every file that the server was made from is the same. Imported before anything else, so it stays lean.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

METHODS = frozenset(
    ("initialize", "server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list")
)
"""Requests whose answers depend on nothing but the code, the command line, the configuration and the request."""
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
PASSING = frozenset(("progressToken", "traceparent", "tracestate", "baggage"))
"""Keys of `_meta` that differ from request to request and change no list."""
KNOWN = "io.modelcontextprotocol/"
"""Other keys of `_meta` may hold anything: such a request is left to the live server."""
LONGEST_REQUEST = 20_000
MOST_ENTRIES = 64
MOST_FILES = 100
FORMAT = 1


def place(arguments: Iterable[str]) -> str:
    """Return the file for a command line: one for each folder, environment of ours and Python."""
    ours = sorted((k, v) for k, v in os.environ.items() if k.startswith("DBMANAGER_") or k == "DATABASE_URL")
    parts = json.dumps([FORMAT, sys.prefix, sys.version, os.getcwd(), list(arguments), ours])
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "dbmanager", "start", hashlib.sha256(parts.encode()).hexdigest()[:24] + ".json")


def signature(path: str) -> list[int] | None:
    """Return what changes with a file or a folder's list of files; None when it is absent."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_mtime_ns, found.st_size]


class Exchange:
    """One session's requests so far, as far as they decide an answer: names the same request the same way again."""

    def __init__(self) -> None:
        self._handshake = ""
        self._open = False

    def name(self, message: object) -> str | None:
        """Return the request's name, or None where its answer is not kept. Every message must be shown, in order."""
        if not isinstance(message, dict):
            return None
        method, params = message.get("method"), message.get("params")
        if method == "notifications/initialized":
            self._open = bool(self._handshake)
        if method not in METHODS or message.keys() - {"jsonrpc", "id", "method", "params"} or not _is_id(message):
            return None
        if params is not None and not isinstance(params, dict):
            return None
        meta = (params or {}).get("_meta")
        modern = isinstance(meta, dict) and VERSION_KEY in meta
        if not modern and method != "initialize" and not self._open:
            return None
        lasting = _lasting(params)
        if lasting is False:
            return None
        written = json.dumps([self._handshake, method, lasting], sort_keys=True)
        if len(written) > LONGEST_REQUEST:
            return None
        name = hashlib.sha256(written.encode()).hexdigest()  # a client's words are not kept
        if method == "initialize":
            self._handshake, self._open = name, False
        return name


def _is_id(message: Mapping[str, Any]) -> bool:
    found = message.get("id")
    return message.get("jsonrpc") == "2.0" and isinstance(found, (str, int)) and not isinstance(found, bool)


def _lasting(params: dict[str, Any] | None) -> object:
    """Return what of the parameters decides the answer; False where that can't be told."""
    if params is None or not isinstance(params.get("_meta"), dict):
        return params
    lasting = {key: value for key, value in params["_meta"].items() if key not in PASSING}
    return False if any(not key.startswith(KNOWN) for key in lasting) else {**params, "_meta": lasting}


class Snapshot:
    """Results by the names of their requests, in one file."""

    def __init__(self, file: str, files: dict[str, list[int] | None], results: dict[str, str]) -> None:
        self._file = file
        self._files = files
        self._results = results

    @classmethod
    def stored(cls, file: str) -> Snapshot | None:
        """Return what an earlier start has kept; None when there is nothing, or any file behind it has changed."""
        try:
            if not _ours(file):
                return None
            with open(file, encoding="utf-8") as opened:
                content = json.load(opened)
            files, results = content["files"], content["results"]
            if any(signature(path) != kept for path, kept in files.items()):
                return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return cls(file, files, results)

    @classmethod
    def begun(cls, file: str, paths: Iterable[str]) -> Snapshot:
        """Return an empty one that holds as long as these files stay as they are."""
        return cls(file, {path: signature(path) for path in paths}, {})

    def answer(self, name: str, id_: str | int) -> str | None:
        """Return the line that answers a request, without its end."""
        result = self._results.get(name)
        return None if result is None else f"{_head(id_)}{result}}}"

    def keep(self, name: str, id_: str | int, line: str) -> bool:
        """Remember the line that the live server answered; False when it is no result or known already."""
        head = _head(id_)
        if name in self._results or not line.startswith(head):
            return False
        while len(self._results) >= MOST_ENTRIES:
            del self._results[next(iter(self._results))]
        self._results[name] = line[len(head) : -1]
        return True

    def save(self) -> None:
        """Write the file as a whole; a folder that can't be written leaves starts as slow as they were."""
        beside = f"{self._file}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._file), mode=0o700, exist_ok=True)
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
                json.dump({"files": self._files, "results": self._results}, opened)
            os.replace(beside, self._file)
            _prune(os.path.dirname(self._file))
        except OSError:
            return

    def discard(self) -> None:
        """Remove the file: the live server answered otherwise."""
        self._results.clear()
        try:
            os.unlink(self._file)
        except OSError:
            return


def _prune(folder: str) -> None:
    """Remove the files of command lines that were not used for the longest."""
    kept = sorted(os.scandir(folder), key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in kept[MOST_FILES:]:
        os.unlink(entry.path)


def _head(id_: str | int) -> str:
    return f'{{"jsonrpc":"2.0","id":{json.dumps(id_, ensure_ascii=False)},"result":'


def _ours(file: str) -> bool:
    """Whether nobody else may have written it."""
    if sys.platform == "win32":
        return False
    found = os.stat(file)
    return found.st_uid == os.getuid() and not found.st_mode & 0o022

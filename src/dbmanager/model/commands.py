r"""Commands that are lists of arguments (Redis): how they are written as text, and how bytes become text and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from dbmanager.errors import InvalidStatement

MAX_ARGUMENTS = 10_000
MAX_TEXT = 4_000_000
_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "b": b"\b", "a": b"\a"}
_HEX = re.compile(r"\\x((?:[0-9a-f]{2})*)")
_HINT = 'Write one command as a JSON list of its arguments, e.g. ["HGETALL", "user:1"].'


def parse_command(text: str) -> tuple[bytes, ...]:
    r"""Return a command's arguments, the command word first and as written.

    Text is a JSON list of strings and numbers, where `{"hex": "00ff"}` stands for bytes that are no text, or a line in
    redis-cli's quoting.

    Raises: InvalidStatement when it is neither, or holds more than one command.
    """
    stripped = text.strip()
    if not stripped or len(stripped) > MAX_TEXT:
        raise InvalidStatement("there is no command" if not stripped else "the command is too long", hint=_HINT)
    arguments = _from_json(stripped) if stripped.startswith("[") else _from_line(stripped)
    if not arguments or not arguments[0]:
        raise InvalidStatement("the command has no name", hint=_HINT)
    if len(arguments) > MAX_ARGUMENTS:
        raise InvalidStatement(f"the command has more than {MAX_ARGUMENTS} arguments", hint="Split it.")
    return arguments


def write_command(arguments: Iterable[str | bytes | int]) -> str:
    """Return the JSON text of a command; `parse_command` gives the same bytes back."""
    parts: list[object] = []
    for argument in arguments:
        if isinstance(argument, bytes):
            try:
                parts.append(argument.decode())
            except UnicodeDecodeError:
                parts.append({"hex": argument.hex()})
        else:
            parts.append(str(argument))
    return json.dumps(parts, ensure_ascii=False)


def to_text(value: bytes) -> str:
    r"""Return bytes as text; what is no UTF-8, or begins with `\x` itself, as `\x` and hex digits, so nothing is lost."""
    if not value.startswith(b"\\x"):
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    return "\\x" + value.hex()


def to_bytes(text: str) -> bytes:
    """Return the bytes that `to_text` was given."""
    found = _HEX.fullmatch(text)
    return bytes.fromhex(found[1]) if found else text.encode()


def _from_json(text: str) -> tuple[bytes, ...]:
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidStatement("the list of arguments is no JSON", hint=_HINT) from None
    return tuple(_argument(part, number) for number, part in enumerate(parts))


def _argument(part: object, number: int) -> bytes:
    match part:
        case bool() | None:
            pass
        case str():
            try:
                return part.encode()
            except UnicodeEncodeError:
                raise InvalidStatement(f"argument {number} holds half a character", hint=_HINT) from None
        case int() | float():
            return repr(part).encode()
        case dict() if list(part) == ["hex"] and re.fullmatch(r"(?:[0-9a-fA-F]{2})*", str(part["hex"])):
            return bytes.fromhex(str(part["hex"]))
    raise InvalidStatement(
        f"argument {number} is neither a string nor a number", hint='Bytes are written {"hex": "00ff"}; ' + _HINT
    )


def _from_line(line: str) -> tuple[bytes, ...]:
    if "\n" in line or "\r" in line:
        raise InvalidStatement("a statement is one command on one line", hint="Run each command on its own.")
    arguments, at = [], 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        argument, at = _word(line, at)
        arguments.append(argument)
    return tuple(arguments)


def _word(line: str, at: int) -> tuple[bytes, int]:
    found, quote = bytearray(), ""
    while at < len(line):
        char = line[at]
        if quote and char == quote:
            if at + 1 < len(line) and not line[at + 1].isspace():
                raise InvalidStatement("a closing quote must be followed by a space", hint=_HINT)
            return bytes(found), at + 1
        if quote and char == "\\" and at + 1 < len(line):
            piece, at = _escaped(line, at, quote)
            found += piece
            continue
        if not quote and char in "\"'":
            quote = char
        elif not quote and char.isspace():
            return bytes(found), at
        else:
            found += char.encode()
        at += 1
    if quote:
        raise InvalidStatement("a quote is not closed", hint=_HINT)
    return bytes(found), at


def _escaped(line: str, at: int, quote: str) -> tuple[bytes, int]:
    r"""Return what a backslash inside quotes stands for; single quotes know only `\'`."""
    following = line[at + 1]
    if quote == "'":
        return (b"'", at + 2) if following == "'" else (b"\\", at + 1)
    if following == "x" and re.fullmatch(r"[0-9a-fA-F]{2}", line[at + 2 : at + 4]):
        return bytes.fromhex(line[at + 2 : at + 4]), at + 4
    return _ESCAPES.get(following, following.encode()), at + 2

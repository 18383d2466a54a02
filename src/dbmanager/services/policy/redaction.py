"""Keeps passwords out of every text that leaves, whatever path they took."""

from __future__ import annotations

from typing import TypeVar, cast
from urllib.parse import quote

from pydantic import JsonValue

SHORTEST = 4
MARK = "[redacted]"
ValueT = TypeVar("ValueT")


class Redactor:
    """Learns secrets as they are resolved and strikes them out of texts, in plain and URL-encoded spelling.

    Secrets shorter than 4 characters are not struck out (they would shred ordinary text); the type-level redaction
    of `SecretStr` still keeps them out of every message of ours.
    """

    def __init__(self) -> None:
        self._spellings: list[str] = []

    def learn(self, secret: str) -> None:
        """Remember a secret; longer spellings are struck out first."""
        if len(secret) >= SHORTEST:
            spellings = {secret, quote(secret), quote(secret, safe=""), *self._spellings}
            self._spellings = sorted(spellings, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return the text without any secret."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, MARK)
        return text

    def value(self, value: ValueT) -> ValueT:
        """Return a JSON value with every string in it redacted."""
        return cast(ValueT, self._value(cast(JsonValue, value))) if self._spellings else value

    def _value(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self._value(item) for key, item in value.items()}
        return value

"""Stand-ins for classified values: equal values have equal tokens, and a token may come back as a parameter."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections import OrderedDict

from dbmanager.errors import InvalidStatement
from dbmanager.model.queries import Cell, Scalar
from dbmanager.services import principal

MAX_KEPT = 200_000
MAX_LENGTH = 512
TOKEN = re.compile(r"\[[a-z_]+:[0-9a-f]{10}\]")
_FILTERS = frozenset(("filter", "query"))
_COMPUTING = frozenset(("$expr", "$where", "$function", "$jsonSchema", "$regex"))


class Tokens:
    """Makes tokens with a key of this process, and remembers which value the latest 200,000 stand for.

    The memory is this process's only: it is never written down, and a token of another process is refused. Each
    principal has tokens of its own, so that what one was given tells another nothing.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._values: OrderedDict[tuple[str, str], Scalar] = OrderedDict()

    def token(self, kind: str, value: Cell) -> Cell:
        """Return the stand-in for a value: deterministic for process and principal, not reversible; NULL stays NULL."""
        if value is None:
            return None
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
        whose = principal.current().name
        named = f"{whose}\0{kind}\0{text}".encode("utf-8", "replace")
        digest = hmac.new(self._key, named, hashlib.sha256).hexdigest()
        token = f"[{kind}:{digest[:10]}]"
        if not isinstance(value, list | dict) and len(text) <= MAX_LENGTH:
            self._values[whose, token] = value
            self._values.move_to_end((whose, token))
            if len(self._values) > MAX_KEPT:
                self._values.popitem(last=False)
        return token

    def resolved(self, parameters: tuple[Scalar, ...]) -> tuple[tuple[Scalar, ...], bool]:
        """Return the parameters with tokens replaced by what they stand for, and whether there were any.

        Raises: InvalidStatement for a token that this process did not give, or gave too long ago.
        """
        found = tuple(self._value(one) if _is_token(one) else one for one in parameters)
        return found, any(map(_is_token, parameters))

    def resolved_command(self, statement: str) -> tuple[str, bool]:
        """Return a command document with the tokens in its filters replaced; anywhere else a token is refused.

        A value that a filter compares with never reaches the answer; one that is projected would.
        """
        if TOKEN.search(statement) is None:
            return statement, False
        try:
            document = json.loads(statement)
        except ValueError:
            return statement, False
        return json.dumps(self._command(document), ensure_ascii=False), True

    def _command(self, document: Cell) -> Cell:
        """Fill the filters of a command: those of its own, and of `$match` stages; a token anywhere else is refused."""
        if not isinstance(document, dict):
            return self._refused(document)
        return {
            name: self._filled(inner) if name in _FILTERS
            else self._stages(inner) if name == "pipeline" else self._refused(inner)
            for name, inner in document.items()
        }  # fmt: skip

    def _stages(self, stages: Cell) -> Cell:
        if not isinstance(stages, list):
            return self._refused(stages)
        return [
            {name: self._filled(inner) if name == "$match" else self._refused(inner) for name, inner in stage.items()}
            if isinstance(stage, dict)
            else self._refused(stage)
            for stage in stages
        ]

    def _filled(self, value: Cell) -> Cell:
        """Fill a filter; below an expression a token is refused, since that can compute with it."""
        if isinstance(value, dict):
            return {
                name: self._refused(inner) if name in _COMPUTING else self._filled(inner)
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [self._filled(inner) for inner in value]
        return self._value(value) if _is_token(value) else value

    def _refused(self, value: Cell) -> Cell:
        """Return a value in which there is no token.

        Raises: InvalidStatement for one.
        """
        if TOKEN.search(json.dumps(value, ensure_ascii=False)):
            raise InvalidStatement(
                "a token may stand in a filter, a query or $match, as a whole value and not below $expr"
            )
        return value

    def _value(self, token: Cell) -> Scalar:
        key = (principal.current().name, str(token))
        if key not in self._values:
            raise InvalidStatement(
                f"the token {token} was not given by this server since it started", object_name=str(token),
                hint="Read the column again and use the token given there.",
            )  # fmt: skip
        return self._values[key]


def _is_token(value: Cell) -> bool:
    return isinstance(value, str) and TOKEN.fullmatch(value) is not None

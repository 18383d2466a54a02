"""The one error tree: what happened, on which object, who can fix it, what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar, Literal

FixedBy = Literal["caller", "person", "administrator", "developer"]


class DbManagerError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    fixed_by: ClassVar[FixedBy] = "caller"
    retry: ClassVar[bool] = False

    def __init__(
        self,
        message: str | None = None,
        *,
        object_name: str | None = None,
        hint: str | None = None,
        next_actions: Iterable[str] = (),
    ) -> None:
        """Describe one failure.

        Args:
            message: what happened; the class docstring when absent. Never contains a row's value.
            object_name: the table, connection, key or change it happened to.
            hint: what to do about it, in one sentence.
            next_actions: symbolic actions (`describe_schema`, `propose_change`); the tool layer names the tools.
        """
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.object_name = object_name
        self.hint = hint
        self.next_actions = tuple(next_actions)
        super().__init__(self.message)

    def sentence(self) -> str:
        """Return the failure as one self-contained text for a person or a model."""
        parts = [self.message.rstrip(".") + "."]
        if self.object_name and self.object_name not in self.message:
            parts.insert(0, f"{self.object_name}:")
        if self.hint:
            parts.append(self.hint)
        return " ".join(parts)

    def facts(self) -> dict[str, object]:
        """Return what a program can act on, JSON-safe: code, who can fix it, whether to try again, next actions."""
        return {
            "code": self.code, "fixed_by": self.fixed_by, "retry": self.retry, "next_actions": list(self.next_actions)
        }  # fmt: skip


class ConfigurationError(DbManagerError):
    """The configuration is not usable."""

    code = "configuration"
    fixed_by = "person"


class InvalidChoice(DbManagerError):
    """That is not one of the valid choices."""

    code = "invalid_choice"

    @classmethod
    def of(cls, what: str, given: str, valid: Iterable[str], **details: object) -> InvalidChoice:
        """Build the error that lists the valid choices and the nearest one."""
        choices = sorted(valid)
        near = nearest(given, choices)
        hint = (f"Did you mean {near!r}? " if near else "") + f"Valid: {', '.join(choices[:40]) or '(none)'}."
        return cls(f"{what} {given!r} does not exist", object_name=what, hint=hint)


class NotFound(InvalidChoice):
    """No object of that name exists."""

    code = "not_found"


class MissingDriver(DbManagerError):
    """The driver for this engine is not installed."""

    code = "missing_driver"
    fixed_by = "person"


class ConnectionFailed(DbManagerError):
    """The database could not be reached."""

    code = "connection_failed"
    fixed_by = "person"
    retry = True


class AuthenticationFailed(ConnectionFailed):
    """The database refused the role or its password."""

    code = "authentication_failed"
    retry = False


class PermissionDenied(DbManagerError):
    """The connected role lacks a privilege."""

    code = "permission_denied"
    fixed_by = "administrator"


class AccessDenied(DbManagerError):
    """This connection's configured access does not allow that."""

    code = "access_denied"
    fixed_by = "person"


class ScopeMissing(DbManagerError):
    """The token does not hold the scope that this needs."""

    code = "insufficient_scope"
    fixed_by = "person"


class StatementRefused(DbManagerError):
    """The read-only gate refused the statement."""

    code = "statement_refused"


class InvalidStatement(DbManagerError):
    """The database could not understand the statement."""

    code = "invalid_statement"


class StatementFailed(DbManagerError):
    """The database could not carry out the statement."""

    code = "statement_failed"


class ConstraintViolated(StatementFailed):
    """The statement would break a constraint."""

    code = "constraint_violated"


class QueryTimeout(StatementFailed):
    """The statement was stopped at its time limit."""

    code = "query_timeout"


class LockTimeout(StatementFailed):
    """A lock was not granted within its time limit."""

    code = "lock_timeout"
    retry = True


class ResourceExhausted(StatementFailed):
    """The server ran out of a resource."""

    code = "resource_exhausted"
    fixed_by = "administrator"
    retry = True


class UnsupportedCapability(DbManagerError):
    """This engine cannot do that."""

    code = "unsupported"


class StaleChange(DbManagerError):
    """The database has changed since the change set was planned."""

    code = "stale_change"


class ApprovalRequired(DbManagerError):
    """The change set has not been approved."""

    code = "approval_required"
    fixed_by = "person"


class InvalidTransition(DbManagerError):
    """The object is not in a state that allows this."""

    code = "invalid_transition"


class Irreversible(DbManagerError):
    """The change cannot be rolled back."""

    code = "irreversible"


class AuditUnavailable(DbManagerError):
    """The audit log cannot be written, so nothing else may be."""

    code = "audit_unavailable"
    fixed_by = "administrator"


class StoreError(DbManagerError):
    """The server's own store is not usable."""

    code = "store"
    fixed_by = "administrator"


class VerificationFailed(DbManagerError):
    """What was written is not what was meant."""

    code = "verification_failed"


class ToolMissing(DbManagerError):
    """A program that the engine needs is not on PATH."""

    code = "tool_missing"
    fixed_by = "administrator"


def nearest(given: str, choices: Iterable[str]) -> str | None:
    """Return the choice most alike to what was given, or None when nothing is close."""
    by_fold = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(given.casefold(), list(by_fold), n=1, cutoff=0.6)
    return by_fold[close[0]] if close else None

"""Approvals: bound to a plan's hash, given by a person or, where the connection trusts it, through the client."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import time
from typing import Literal

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from dbmanager.errors import ApprovalRequired, StoreError
from dbmanager.model.changes import ApprovalRecord, ChangeSet
from dbmanager.model.configuration import ApprovalMode
from dbmanager.services import principal
from dbmanager.services.audit import AuditLog
from dbmanager.services.store import Store, now
from dbmanager.services.tables import APPROVALS, SPENT_TOKENS

Method = Literal["terminal", "elicitation", "confirm_token"]
VALID_FOR = dt.timedelta(hours=8)
TOKEN_SECONDS = 900


class Approvals:
    """Records approvals and answers whether one stands. A tool argument can redeem a token and do nothing else."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit

    async def approve(self, change: ChangeSet, *, approver: str, method: Method, mode: ApprovalMode) -> ApprovalRecord:
        """Record an approval of this very plan for eight hours.

        Raises:
            ApprovalRequired: the connection wants a person and the method does not prove one.
            ScopeMissing: whoever acts may not do what the change does.
        """
        principal.current().require(principal.needed_by(change), f"approving {change.id}")
        if mode == "person" and not principal.proves_person(method):
            raise _person_needed(change)
        given = dt.datetime.now(dt.UTC)
        record = ApprovalRecord(change.plan_hash, approver, method, given, given + VALID_FOR)
        await self._audit.record(
            "approve", change.id, "done", {"plan_hash": change.plan_hash, "by": approver, "method": method}
        )
        async with self._store.write() as connection:
            await connection.execute(delete(APPROVALS).where(APPROVALS.c.change_id == change.id))
            await connection.execute(
                insert(APPROVALS).values(
                    change_id=change.id,
                    plan_hash=record.plan_hash,
                    approver=approver,
                    method=method,
                    given_at=given.isoformat(),
                    expires_at=record.expires_at.isoformat(),
                )
            )
        return record

    async def standing(self, change_id: str) -> ApprovalRecord | None:
        """Return the recorded approval, expired or not."""
        async with self._store.read() as connection:
            row = (await connection.execute(select(APPROVALS).where(APPROVALS.c.change_id == change_id))).first()
        if row is None:
            return None
        return ApprovalRecord(
            row.plan_hash,
            row.approver,
            row.method,
            dt.datetime.fromisoformat(row.given_at),
            dt.datetime.fromisoformat(row.expires_at),
        )

    async def require(self, change: ChangeSet) -> ApprovalRecord:
        """Return the approval of this plan, or raise `ApprovalRequired`."""
        found = await self.standing(change.id)
        if found is None:
            raise ApprovalRequired(f"change {change.id} has not been approved", object_name=change.id)
        if found.plan_hash != change.plan_hash:
            raise ApprovalRequired(
                f"change {change.id} was altered after it was approved", object_name=change.id, hint="Approve it anew."
            )
        if found.expires_at <= dt.datetime.now(dt.UTC):
            raise ApprovalRequired(
                f"the approval of {change.id} has expired", object_name=change.id, hint="Approve it anew."
            )
        return found

    def issue_token(self, change: ChangeSet, mode: ApprovalMode) -> str:
        """Return a confirm token for this plan and principal, good once and for 15 minutes; never on a `person` connection."""
        if mode == "person":
            raise _person_needed(change)
        expires = int(time.time()) + TOKEN_SECONDS
        return f"{expires}.{self._signature(change, expires)}"

    async def redeem(self, change: ChangeSet, token: str, mode: ApprovalMode) -> ApprovalRecord:
        """Turn a token into an approval.

        Raises:
            ApprovalRequired: the token is another plan's or principal's, expired, spent or invented; or a person is wanted.
            ScopeMissing: whoever acts may not do what the change does.
        """
        if mode == "person":
            raise _person_needed(change)
        principal.current().require(principal.needed_by(change), f"approving {change.id}")
        head, _, signature = token.partition(".")
        expires = int(head) if head.isascii() and head.isdigit() and len(head) < 15 else 0
        if not hmac.compare_digest(signature.encode(), self._signature(change, expires).encode()):
            raise ApprovalRequired(
                f"the confirm token does not belong to change {change.id} as it is now", object_name=change.id,
                hint="Review the change again and use the token given there.",
            )  # fmt: skip
        if expires < time.time():
            raise ApprovalRequired("the confirm token has expired", object_name=change.id, hint="Review it again.")
        try:
            async with self._store.write() as connection:
                digest = hashlib.sha256(token.encode()).hexdigest()
                if (await connection.execute(select(SPENT_TOKENS).where(SPENT_TOKENS.c.digest == digest))).first():
                    raise ApprovalRequired(
                        "the confirm token was used before", object_name=change.id, hint="Review again."
                    )
                await connection.execute(insert(SPENT_TOKENS).values(digest=digest))
        except (IntegrityError, StoreError):
            raise ApprovalRequired("the confirm token could not be redeemed", object_name=change.id) from None
        return await self.approve(
            change, approver=f"{principal.current().name}, by its client at {now()}", method="confirm_token", mode=mode
        )

    def _signature(self, change: ChangeSet, expires: int) -> str:
        message = f"{change.id}\0{change.plan_hash}\0{expires}\0{principal.current().name}".encode()
        digest = hmac.new(self._store.key("token"), message, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:18]).decode()


def _person_needed(change: ChangeSet) -> ApprovalRequired:
    return ApprovalRequired(
        f"connection {change.plan.connection!r} wants a person's approval for change {change.id}",
        object_name=change.id,
        hint=f"A person reviews and approves it in a terminal: dbmanager approve {change.id}",
    )

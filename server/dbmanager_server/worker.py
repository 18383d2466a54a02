"""The worker: a process of its own that does jobs under leases and survives the client."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

import anyio

from dbmanager.errors import DbManagerError, StoreError
from dbmanager.model.jobs import Job, JobState, Outcome
from dbmanager.services import principal
from dbmanager.services.container import Services
from dbmanager.services.jobs import LEASE_SECONDS

LOOK_SECONDS = 0.5
SEEN_SECONDS = 2.0
ResultT = TypeVar("ResultT")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Worker:
    """Takes up jobs until it is told to stop or, with a limit, has been idle for that long.

    Attributes:
        idle_seconds: leaves after that long without a job; None stays.
    """

    services: Services
    idle_seconds: float | None = None
    owner: str = field(default_factory=lambda: f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}")
    _busy: int = field(default=0, init=False)
    _last_work: float = field(default_factory=time.monotonic, init=False)

    async def run(self) -> None:
        """Work; jobs that were cut short by a signal go back into the queue."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._be_seen, group.cancel_scope)
                for _ in range(self.services.loaded.configuration.worker.slots):
                    group.start_soon(self._take_up)
        finally:
            with anyio.CancelScope(shield=True):
                await self.services.jobs.worker_gone(self.owner)

    async def _be_seen(self, scope: anyio.CancelScope) -> None:
        """Say now and then that this worker is alive; end it once it has been idle for long enough."""
        while True:
            await _despite_store(self.services.jobs.worker_seen(self.owner))
            await anyio.sleep(SEEN_SECONDS)
            idle = 0.0 if self._busy else time.monotonic() - self._last_work
            if self.idle_seconds is not None and idle > self.idle_seconds:
                scope.cancel()
                return

    async def _take_up(self) -> None:
        while True:
            job = await _despite_store(self.services.jobs.claim(self.owner))
            if job is None:
                await anyio.sleep(LOOK_SECONDS)
                continue
            self._busy += 1
            try:
                await self._do(job)
            finally:
                self._busy -= 1
                self._last_work = time.monotonic()

    async def _do(self, job: Job) -> None:
        jobs = self.services.jobs
        _log.warning("%s %s begun, attempt %d", job.id, job.kind, job.attempts)
        state, outcome = JobState.CANCELLED, Outcome("Cancelled. What it had done stands.")
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._hold, job, group.cancel_scope)
                state, outcome = await self._carry_out(job)
                group.cancel_scope.cancel()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await jobs.release(job.id, self.owner)
            raise
        await jobs.finish(job.id, self.owner, state, outcome)
        _log.warning("%s %s", job.id, state.value)

    async def _carry_out(self, job: Job) -> tuple[JobState, Outcome]:
        redact = self.services.redactor.text

        async def progress(done: float, total: float | None = None, message: str | None = None) -> None:
            await _despite_store(self.services.jobs.report(job.id, self.owner, done, total, redact(message or "")))

        try:
            with principal.acting(principal.read(job.principal)):
                outcome = await self.services.jobs.handler(job.kind)(self.services, job.arguments, progress)
        except DbManagerError as problem:
            told = redact(f"{problem.code}: {problem.sentence()}")
            return JobState.FAILED, Outcome(told, {"error": problem.facts()})
        except Exception as fault:  # the top of the worker: one job's fault must not end the others
            _log.exception("%s failed by a fault of this program", job.id)
            return JobState.FAILED, Outcome(f"It failed by a fault of this program ({type(fault).__name__}).")
        return JobState.DONE, Outcome(redact(outcome.text), self.services.redactor.value(outcome.facts))

    async def _hold(self, job: Job, scope: anyio.CancelScope) -> None:
        """Renew the lease; stop the work when it was lost or when someone asked for it."""
        renewed = time.monotonic()
        while True:
            await anyio.sleep(LOOK_SECONDS)
            found = await _despite_store(self.services.jobs.get(job.id))
            if found is not None and found.cancel_requested:
                scope.cancel()
                return
            if time.monotonic() - renewed <= LEASE_SECONDS / 4:
                continue
            kept = await _despite_store(self.services.jobs.renew(job.id, self.owner))
            if kept is False or (kept is None and time.monotonic() - renewed > LEASE_SECONDS):
                scope.cancel()
                return
            renewed = time.monotonic() if kept else renewed


async def _despite_store(call: Awaitable[ResultT]) -> ResultT | None:
    """Return what the store answers, None while it can't be used: a store that is busy must end no work."""
    try:
        return await call
    except StoreError as problem:
        _log.warning("the store could not be used: %s", problem.sentence())
        return None


async def work(services: Services, idle_seconds: float | None) -> None:
    """Run a worker until it is idle, or until SIGINT or SIGTERM; then close everything."""
    try:
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                    async for _ in signals:
                        group.cancel_scope.cancel()
                        return

            if os.name == "posix":
                group.start_soon(watch)
            group.start_soon(clean_up, services)
            await Worker(services, idle_seconds).run()
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await services.close()


async def clean_up(services: Services) -> None:
    """Drop the scratch databases of processes that are gone, beside the work."""
    try:
        for told in await services.scratches.clean():
            _log.warning("%s", services.redactor.text(told))
    except DbManagerError as problem:
        _log.warning("scratch databases were not looked after: %s", services.redactor.text(problem.sentence()))

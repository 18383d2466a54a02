"""Everything one running server holds, made on first use so that starting costs nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbmanager.errors import ConfigurationError, InvalidStatement
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.connections import Connections
from dbmanager.services.policy.redaction import Redactor

if TYPE_CHECKING:
    from dbmanager.services.alerts import AlertBook
    from dbmanager.services.approvals import Approvals
    from dbmanager.services.audit import AuditLog
    from dbmanager.services.backups import Backups
    from dbmanager.services.box import SealedBox
    from dbmanager.services.changes import Changes
    from dbmanager.services.jobs import Jobs
    from dbmanager.services.markers import Markers
    from dbmanager.services.metric_history import MetricHistory
    from dbmanager.services.policy.decisions import Decisions
    from dbmanager.services.policy.labels import LabelBook
    from dbmanager.services.policy.masking import Masker
    from dbmanager.services.projects import Projects
    from dbmanager.services.reading import Reader
    from dbmanager.services.results import Results
    from dbmanager.services.reviews import Reviews
    from dbmanager.services.scratch import Scratches
    from dbmanager.services.store import Store
    from dbmanager.services.workloads import Workloads


class Services:
    """Connections, policy, store, audit, changes, projects and jobs of one process."""

    def __init__(
        self,
        loaded: LoadedConfiguration,
        *,
        step_handlers: Callable[[Changes], None] = lambda _: None,
        job_handlers: Callable[[Jobs], None] = lambda _: None,
        start_worker: Callable[[Path], None] = lambda _: None,
    ) -> None:
        """Hold what a process needs; nothing is opened yet.

        Args:
            loaded: the configuration.
            step_handlers: registers the phases' own kinds of change step.
            job_handlers: registers the phases' kinds of job.
            start_worker: starts a worker process that leaves its log at the given path.
        """
        self.loaded = loaded
        self._step_handlers = step_handlers
        self._job_handlers = job_handlers
        self._start_worker = start_worker
        self.redactor = Redactor()
        self.connections = Connections(loaded.configuration, loaded.base, self.redactor)

    @cached_property
    def data_dir(self) -> Path:
        """The folder of store, keys, backups and results; made 0700 on first use."""
        configured = self.loaded.configuration.store.data_dir
        if configured is None:
            import platformdirs

            configured = Path(platformdirs.user_data_dir("dbmanager"))
        folder = configured if configured.is_absolute() else self.loaded.base / configured
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.name == "posix":
            folder.chmod(0o700)
        return folder

    @cached_property
    def labels(self) -> LabelBook:
        """Classification labels by table."""
        from dbmanager.services.policy.labels import LabelBook

        return LabelBook(self.decisions)

    @cached_property
    def decisions(self) -> Decisions:
        """What people decided about classified data."""
        from dbmanager.services.policy.decisions import Decisions

        return Decisions(self.store)

    @cached_property
    def masker(self) -> Masker:
        """The masking exit."""
        from dbmanager.services.policy.masking import Masker
        from dbmanager.services.policy.tokens import Tokens

        return Masker(self.labels, self.decisions, Tokens(), lambda: self.audit)

    @cached_property
    def reader(self) -> Reader:
        """Bounded, masked reads."""
        from dbmanager.services.reading import Reader

        return Reader(self.connections, self.masker, lambda: self.audit)

    @cached_property
    def store(self) -> Store:
        """The server's own state."""
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        from dbmanager.services.connections import fetch_secret
        from dbmanager.services.store import Store

        settings, base = self.loaded.configuration.store, self.loaded.base
        try:
            url = make_url(settings.url) if settings.url is not None else None
        except (ArgumentError, ValueError):
            raise ConfigurationError(
                "store.url is no SQLAlchemy URL", hint="Write postgresql+asyncpg://user@host/database, or leave it out."
            ) from None
        if settings.password is not None and url is not None:
            password = fetch_secret("store.password", settings.password, url.password, base).get_secret_value()
            self.redactor.learn(password)
            url = url.set(password=password)
        shared = fetch_secret("store.key", settings.key, None, base).get_secret_value() if settings.key else None
        if shared is not None:
            self.redactor.learn(shared)
        return Store(self.data_dir, url, secret=shared.encode() if shared is not None else None)

    @cached_property
    def audit(self) -> AuditLog:
        """The audit log."""
        from dbmanager.services.audit import AuditLog

        return AuditLog(self.store)

    @cached_property
    def approvals(self) -> Approvals:
        """Approvals of change sets."""
        from dbmanager.services.approvals import Approvals

        return Approvals(self.store, self.audit)

    @cached_property
    def changes(self) -> Changes:
        """Change sets; what phases registered carries out their own kinds of step."""
        from dbmanager.services.changes import Changes
        from dbmanager.services.policy.steps import register as policy_steps

        changes = Changes(self.store, self.audit, self.approvals, self.connections, self.backups)
        policy_steps(changes, self.decisions)
        self._step_handlers(changes)
        return changes

    @cached_property
    def jobs(self) -> Jobs:
        """Long work for the worker."""
        from dbmanager.services.jobs import Jobs

        jobs = Jobs(self.store, per_lane=self.loaded.configuration.worker.per_connection)
        self._job_handlers(jobs)
        return jobs

    @cached_property
    def markers(self) -> Markers:
        """What tells that a job or a change set stands otherwise than before."""
        from dbmanager.services.markers import Markers

        return Markers(self.store)

    @cached_property
    def results(self) -> Results:
        """Long answers kept for reading on."""
        from dbmanager.services.results import Results

        return Results(self.store)

    @cached_property
    def box(self) -> SealedBox:
        """What seals and tags values that the store keeps."""
        from dbmanager.services.box import SealedBox

        return SealedBox(self.store)

    @cached_property
    def scratches(self) -> Scratches:
        """Throw-away databases."""
        from dbmanager.services.scratch import Scratches

        return Scratches(self.store, self.box, self.connections)

    @cached_property
    def workloads(self) -> Workloads:
        """What databases were asked, at several moments."""
        from dbmanager.services.workloads import Workloads

        return Workloads(self.store)

    @cached_property
    def metrics(self) -> MetricHistory:
        """What databases measured, over time."""
        from dbmanager.services.metric_history import MetricHistory

        return MetricHistory(self.store)

    @cached_property
    def alerts(self) -> AlertBook:
        """How alerts stand."""
        from dbmanager.services.alerts import AlertBook

        return AlertBook(self.store)

    @cached_property
    def reviews(self) -> Reviews:
        """What the last reviews found."""
        from dbmanager.services.reviews import Reviews

        return Reviews(self.store)

    @cached_property
    def projects(self) -> Projects:
        """Projects and their evidence."""
        from dbmanager.services.projects import Projects

        return Projects(self.store)

    @cached_property
    def backups(self) -> Backups:
        """The registry of backups."""
        from dbmanager.services.backups import Backups

        configured = self.loaded.configuration.backup_dir
        folder = self.loaded.base / configured if configured else self.data_dir / "backups"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Backups(self.store, folder)

    def export_folder(self, name: str) -> Path:
        """Return a folder of that name below the project folder, for deliverables.

        Raises: InvalidStatement when the name leads elsewhere.
        """
        folder = (self.loaded.base / name).resolve()
        if not name or self.loaded.base.resolve() not in folder.parents:
            raise InvalidStatement(
                f"folder {name!r} is not below the project folder", hint="Give a plain name such as database-system."
            )
        return folder

    def project_file(self, name: str, *, most_bytes: int) -> bytes:
        """Return the bytes of a file below the project folder, for reading statements.

        Raises: InvalidStatement when the name leads elsewhere, to no file, or to more bytes than that.
        """
        file = (self.loaded.base / name).resolve()
        if not name or self.loaded.base.resolve() not in file.parents or not file.is_file():
            raise InvalidStatement(
                f"{name!r} is no file below the project folder", object_name=name,
                hint="Copy it there, and give its path from the folder of dbmanager.toml.",
            )  # fmt: skip
        with file.open("rb") as opened:
            data = opened.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise InvalidStatement(
                f"{name!r} is larger than {most_bytes:,} bytes", object_name=name, hint="Give a part of it."
            )
        return data

    async def keep_evidence(self, project: str | None, kind: str, title: str, payload: Mapping[str, Any]) -> None:
        """Add evidence to a project, when one was named."""
        if project is not None:
            await self.projects.keep(project, kind, title, payload)

    async def ensure_worker(self) -> None:
        """Start a worker process unless one is alive."""
        if not await self.jobs.has_worker():
            self._start_worker(self.data_dir / "worker.log")

    async def close(self) -> None:
        """Close everything that was opened."""
        await self.connections.close()
        if "store" in self.__dict__:
            await self.store.close()

"""Everything one running server holds, made on first use so that starting costs nothing."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dbmanager.services.configuration import LoadedConfiguration
from dbmanager.services.connections import Connections
from dbmanager.services.policy.redaction import Redactor

if TYPE_CHECKING:
    from dbmanager.services.policy.labels import LabelBook
    from dbmanager.services.policy.masking import Masker
    from dbmanager.services.reading import Reader

ResultT = TypeVar("ResultT")


class Services:
    """Connections, policy, store, audit, changes, projects and jobs of one process."""

    def __init__(self, loaded: LoadedConfiguration) -> None:
        self.loaded = loaded
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

        return LabelBook()

    @cached_property
    def masker(self) -> Masker:
        """The masking exit."""
        from dbmanager.services.policy.masking import Masker

        return Masker(self.labels)

    @cached_property
    def reader(self) -> Reader:
        """Bounded, masked reads."""
        from dbmanager.services.reading import Reader

        return Reader(self.connections, self.masker)

    async def close(self) -> None:
        """Close everything that was opened."""
        await self.connections.close()

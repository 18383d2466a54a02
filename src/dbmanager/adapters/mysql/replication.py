"""How a replica stands, in the columns of either product: MySQL says source and replica, MariaDB master and slave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dbmanager.adapters.mysql.wire import Wire

STATUS = {"mysql": "SHOW REPLICA STATUS", "mariadb": "SHOW ALL SLAVES STATUS"}


@dataclass(frozen=True, slots=True)
class Channel:
    """One source that a replica follows.

    Attributes:
        threads: `Yes`, `No` or `Connecting` of the one that fetches and the one that applies.
        behind_seconds: None while it can't be told, since a thread stands still.
    """

    name: str
    threads: tuple[str, str]
    behind_seconds: float | None
    told: Mapping[str, object]

    @property
    def is_running(self) -> bool:
        """Whether both threads run."""
        return set(self.threads) == {"Yes"}


def channel(row: Mapping[str, object]) -> Channel:
    """Return a row of the status under MySQL's names."""
    told = {
        name.lower().replace("slave_", "replica_").replace("_master", "_source"): value for name, value in row.items()
    }
    behind = told.get("seconds_behind_source")
    return Channel(
        str(told.get("channel_name") or told.get("connection_name") or ""),
        (str(told.get("replica_io_running")), str(told.get("replica_sql_running"))),
        None if behind is None else float(str(behind)), told,
    )  # fmt: skip


async def channels(raw: Wire, product: str) -> list[Channel]:
    """Return every source that this server follows; empty on a server that is no replica.

    Raises: DriverError where the account may not see it (REPLICATION CLIENT; MariaDB: REPLICA MONITOR).
    """
    await raw.begin_stream(STATUS[product])
    names = [str(field.name) for field in raw._result.fields] if raw.busy else []
    found = []
    while names and (row := await raw.next_row()) is not None:
        found.append(channel(dict(zip(names, row, strict=True))))
    return found

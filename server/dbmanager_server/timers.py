"""What a timer of the system runs, since a server on stdio is not there at night: systemd units, lines of a crontab."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from dbmanager_server.clients import Launch

NAME = "dbmanager-collect"
MINUTES = (1, 2, 5, 10, 15, 20, 30, 60)
"""Each divides an hour, so that cron can say it as well."""


def command_of(launch: Launch, connections: Sequence[str]) -> tuple[str, ...]:
    """Return the collecting command of how a server is started: `serve` gives way to `collect`."""
    return (launch.command, "collect", *launch.args[1:], *(("--", *connections) if connections else ()))


def systemd_units(command: Sequence[str], folder: Path, minutes: int, variables: Sequence[str]) -> dict[str, str]:
    """Return the service and its timer by file name, for a user's own units or the system's.

    Source: systemd.service(5), systemd.timer(5), systemd.time(7); `%` and `$` are doubled as they ask.
    """
    secrets = "".join(
        f"# {name} must be set: put it into a file of mode 0600 and name it in EnvironmentFile=\n" for name in variables
    )
    service = (
        "[Unit]\nDescription=Measure databases, keep the figures, tell alerts\nAfter=network-online.target\nWants=network-online.target\n\n"
        f"[Service]\nType=oneshot\nExecStart={' '.join(map(_word, command))}\nWorkingDirectory={_path(folder)}\n{secrets}"
        "Nice=10\nTimeoutStartSec=300\nNoNewPrivileges=yes\nPrivateTmp=yes\nUMask=0077\n"
    )
    timer = (
        f"[Unit]\nDescription=Measure databases every {minutes} minutes\n\n"
        f"[Timer]\nOnCalendar={_calendar(minutes)}\nRandomizedDelaySec=20\nAccuracySec=5\nPersistent=no\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )
    return {f"{NAME}.service": service, f"{NAME}.timer": timer}


def cron_line(command: Sequence[str], folder: Path, minutes: int, variables: Sequence[str]) -> str:
    """Return a line for `crontab -e`; cron reads `%` as a line end, so it is escaped. Source: crontab(5)."""
    notes = "".join(
        f"# {name} must be set: add a line {name}=... above, or read it from a file\n" for name in variables
    )
    when = "0 * * * *" if minutes == 60 else f"*/{minutes} * * * *" if minutes > 1 else "* * * * *"
    line = f"cd {shlex.quote(str(folder))} && {shlex.join(command)}".replace("%", "\\%")
    return f"{notes}{when} {line}\n"


def _calendar(minutes: int) -> str:
    return "*-*-* *:00:00" if minutes == 60 else f"*-*-* *:00/{minutes}:00"


def _word(word: str) -> str:
    """Quote one word of ExecStart."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if escaped != word or any(c in word for c in " '\t;") else word


def _path(folder: Path) -> str:
    return str(folder).replace("%", "%%")

"""The script that backs up a PostgreSQL database by PostgreSQL's own means."""

from __future__ import annotations

from dbmanager.adapters.facets import BackupScript, Unsupported

SCRIPT = """#!/bin/sh
# Back up a PostgreSQL database: backup.sh TARGET. Takes PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE.
set -eu
pg_dump --format=custom --file="$1"
pg_restore --list "$1" > /dev/null
"""


class PostgresBackupScripts:
    """The `BackupScripts` facet."""

    def script(self, connection_name: str) -> BackupScript | Unsupported:
        """Return the script; it names no address and takes all from its caller."""
        return BackupScript("sh", SCRIPT)

"""The script that backs up a Redis database by Redis's own means."""

from __future__ import annotations

from dbmanager.adapters.facets import BackupScript, Unsupported

SCRIPT = """#!/bin/sh
# Back up a Redis server: backup.sh TARGET. Takes REDIS_HOST, REDIS_PORT, REDIS_USER, and the password in REDISCLI_AUTH.
set -eu
redis-cli -h "${REDIS_HOST:-127.0.0.1}" -p "${REDIS_PORT:-6379}" --user "${REDIS_USER:-default}" --no-auth-warning --rdb "$1"
test "$(head -c 5 "$1")" = REDIS
"""


class RedisBackupScripts:
    """The `BackupScripts` facet."""

    def script(self, connection_name: str) -> BackupScript | Unsupported:
        """Return the script; it names no address and takes all from its caller."""
        return BackupScript("sh", SCRIPT)

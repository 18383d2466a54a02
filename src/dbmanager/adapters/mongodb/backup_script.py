"""The script that backs up a MongoDB database by MongoDB's own means."""

from __future__ import annotations

from dbmanager.adapters.facets import BackupScript, Unsupported

SCRIPT = """#!/bin/sh
# Back up a MongoDB database: backup.sh TARGET CONFIG. CONFIG is a file of mode 600 with the line "uri: mongodb://...".
set -eu
mongodump --config="$2" --archive="$1" --gzip
mongorestore --config="$2" --archive="$1" --gzip --dryRun
"""


class MongoBackupScripts:
    """The `BackupScripts` facet."""

    def script(self, connection_name: str) -> BackupScript | Unsupported:
        """Return the script; it names no address and takes all from its caller."""
        return BackupScript("sh", SCRIPT)

"""The script that backs up a SQLite database by SQLite's own means."""

from __future__ import annotations

from dbmanager.adapters.facets import BackupScript, Unsupported

SCRIPT = '''#!/usr/bin/env python3
"""Back up an SQLite database while it is in use: backup.py DATABASE TARGET. Exits non-zero when the copy is damaged."""

import sqlite3
import sys

source = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
target = sqlite3.connect(sys.argv[2])
source.backup(target, pages=-1)
verdict = target.execute("PRAGMA integrity_check(1)").fetchone()[0]
source.close()
target.close()
sys.exit(0 if verdict == "ok" else f"the copy is damaged: {verdict}")
'''


class SqliteBackupScripts:
    """The `BackupScripts` facet."""

    def script(self, connection_name: str) -> BackupScript | Unsupported:
        """Return the script; it names no address and takes all from its caller."""
        return BackupScript("py", SCRIPT)

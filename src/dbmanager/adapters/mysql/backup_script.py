"""The script that backs up a MySQL or MariaDB database with whichever dump program is there."""

from __future__ import annotations

import shlex

from dbmanager.adapters.facets import BackupScript, Unsupported
from dbmanager.adapters.mysql.tls import client_options
from dbmanager.model.configuration import ConnectionSettings, ResolvedUrl

SCRIPT = """#!/bin/sh
# Back up a MySQL or MariaDB database: backup.sh TARGET DATABASE. Host, port, user and password come from the option
# file named by MYSQL_OPTIONS (mode 600, section [client]). Encryption is demanded as the connection demands it.
# FLOAT values are dumped with the six digits that the server prints; DOUBLE and DECIMAL keep all of theirs.
set -eu
target=$1 database=$2
dump=$(command -v mariadb-dump || command -v mysqldump)
if "$dump" --version | grep -q MariaDB; then set -- {mariadb}; else set -- {mysql}; fi
"$dump" --defaults-extra-file="$MYSQL_OPTIONS" "$@" --single-transaction --routines --triggers --events --hex-blob \
  "$database" > "$target"
tail -n 1 "$target" | grep -q "Dump completed"
"""


class MysqlBackupScripts:
    """The `BackupScripts` facet."""

    def __init__(self, url: ResolvedUrl, settings: ConnectionSettings) -> None:
        self._url = url
        self._settings = settings

    def script(self, connection_name: str) -> BackupScript | Unsupported:
        """Return the script; what it demands of encryption stands last, so that no option file takes it back."""
        demands = {product: self._demand(product) for product in ("mariadb", "mysql")}
        return BackupScript("sh", SCRIPT.format(**demands))

    def _demand(self, product: str) -> str:
        options = client_options(self._url, self._settings, product)
        return shlex.join(f"--{option}" for option in options)

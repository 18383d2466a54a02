"""A child that outlives us for a moment: when its pipe closes, it ends our connections on the server.

MySQL and MariaDB do not notice that a client is gone while they compute. The parent writes one line with the login, then
`+ID` and `-ID` as its connections come and go. Run as `python -m dbmanager.adapters.mysql.watchdog`.
"""

from __future__ import annotations

import json
import ssl
import sys
from typing import Any, TextIO


def main(lines: TextIO) -> None:
    """Read until the pipe closes, then kill what is left."""
    import pymysql  # ready before it is needed

    first = lines.readline()
    if not first.strip():
        return
    login: dict[str, Any] = json.loads(first)
    threads: set[int] = set()
    for line in lines:
        number = int(line[1:])
        (threads.add if line[0] == "+" else threads.discard)(number)
    if threads:
        _kill(pymysql, login, threads)


def _kill(pymysql: Any, login: dict[str, Any], threads: set[int]) -> None:
    tls = login.pop("tls")
    context = None
    if tls is not None:
        context = ssl.create_default_context(cafile=tls["ca_file"])
        context.check_hostname = tls["check_hostname"]
        context.verify_mode = ssl.VerifyMode(tls["verify_mode"])
    raw = pymysql.connect(**login, ssl=context, connect_timeout=5, read_timeout=5, write_timeout=5)
    try:
        with raw.cursor() as cursor:
            cursor.execute("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = SUBSTRING_INDEX(USER(), '@', 1)")
            ours = {int(row[0]) for row in cursor.fetchall()}
            for number in threads & ours:
                try:
                    cursor.execute(f"KILL {number}")
                except pymysql.err.MySQLError:
                    continue
    finally:
        raw.close()


if __name__ == "__main__":
    main(sys.stdin)

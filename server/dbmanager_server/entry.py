"""Where the process begins: what a client waits for is answered before the rest is loaded."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run the command line; `serve` on standard streams answers from an earlier start's snapshot meanwhile."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["serve"] and not any(word.startswith(("--http", "--help")) for word in arguments):
        from dbmanager_server import front

        signal.signal(signal.SIGINT, _leave)  # until the server has its own: nothing is open yet that wants closing
        front.begin(arguments[1:])
    try:
        from dbmanager_server.cli import main as command_line
    except KeyboardInterrupt:
        os._exit(130)
    command_line()


def _leave(_number: int, _frame: object) -> None:
    os._exit(130)


if __name__ == "__main__":
    main()

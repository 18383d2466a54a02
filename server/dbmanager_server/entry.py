"""Where the process begins: what a client waits for is answered before the rest is loaded."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; `serve` on standard streams answers from an earlier start's snapshot meanwhile."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["serve"] and not any(word.startswith(("--http", "--help")) for word in arguments):
        from dbmanager_server import front

        front.begin(arguments[1:])
    try:
        from dbmanager_server.cli import main as command_line
    except KeyboardInterrupt:
        os._exit(130)
    command_line()


if __name__ == "__main__":
    main()

"""A process of its own that applies a change set: `python -m tests.services.applying FOLDER CHANGE`."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from dbmanager.errors import DbManagerError
from tests.services.conftest import make_services


async def main(folder: Path, change: str) -> int:
    address = folder / "address"
    services = make_services(
        folder, **({"url": address.read_text(), "password": {"env": "PW"}} if address.exists() else {})
    )
    try:
        await services.changes.apply(change)
    except DbManagerError as problem:
        print(problem.code)
        return 3
    finally:
        await services.close()
    return 0


if __name__ == "__main__":
    sys.exit(anyio.run(main, Path(sys.argv[1]), sys.argv[2]))

"""What the server's first answers come from: our code, the packages beside it, and the configuration."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from dbmanager.services.configuration import candidates
from dbmanager_server.snapshot import Snapshot, place

PACKAGES = ("dbmanager", "dbmanager_server", "dbmanager_tools", "dbmanager_resources")
KINDS = (".py", ".toml")


def new_snapshot(arguments: Iterable[str], config: Path | None) -> Snapshot:
    """Return an empty snapshot for this command line: it holds until any file of its origins changes."""
    files = [str(file.absolute()) for file in candidates(config, os.environ, Path.cwd()) if file is not None]
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return Snapshot.begun(place(arguments), (*files, *sorted(folders), *_sources()))


def _sources() -> Iterator[str]:
    for package in PACKAGES:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            yield from sorted(str(file) for file in Path(folder).rglob("*") if file.suffix in KINDS)

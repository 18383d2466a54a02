"""The files that `export_deliverables` wrote, and no others."""

from __future__ import annotations

import anyio

from dbmanager.errors import NotFound
from dbmanager.services.container import Services

FOLDER = "database-system"
LONGEST = 400_000
"""Characters of one file that are read."""


async def files(services: Services) -> list[str]:
    """Return the paths of the exported files, sorted; links that lead out of the folder are left out."""
    root = await anyio.Path(services.export_folder(FOLDER)).resolve()
    found = []
    async for file in root.rglob("*"):
        inside = root in (await file.resolve()).parents
        if inside and await file.is_file() and not file.name.startswith("."):
            found.append(file.relative_to(root).as_posix())
    return sorted(found)


async def read(services: Services, path: str) -> str:
    """Return one exported file, within bounds.

    Raises: NotFound for a path that is no exported file, wherever it leads.
    """
    root = await anyio.Path(services.export_folder(FOLDER)).resolve()
    file = await (root / path).resolve()
    if root not in file.parents or file.name.startswith(".") or not await file.is_file():
        raise NotFound(f"deliverable {path!r} does not exist", hint="dbm://deliverables lists them.")
    text = await file.read_text("utf-8")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n{len(text) - LONGEST} characters left out."

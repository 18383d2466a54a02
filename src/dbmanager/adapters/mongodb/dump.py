"""A dump of a database in one file: a ZIP of a BSON stream per collection and a manifest of options and indexes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio.to_thread
import bson
from bson.raw_bson import RawBSONDocument

from dbmanager.adapters.facets import Progress
from dbmanager.adapters.mongodb.catalog import MongoCatalog
from dbmanager.adapters.mongodb.query import MongoQuery
from dbmanager.adapters.mongodb.session import OWN_SECONDS, RAW, Document, Sessions
from dbmanager.adapters.mongodb.values import document_of, text_of
from dbmanager.errors import VerificationFailed

MANIFEST = "manifest.json"
BATCH_BYTES = 4_000_000
BATCH_DOCUMENTS = 1_000
_VALIDATION = ("validator", "validationLevel", "validationAction")


async def write_dump(
    sessions: Sessions, query: MongoQuery, catalog: MongoCatalog, destination: Path, progress: Progress | None
) -> bool:
    """Write every collection; return whether they are of one snapshot. The database is only read."""
    collections = await catalog.collections()
    counts: dict[str, int] = {}
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        async with sessions.transaction() as session:
            for number, facts in enumerate(collections):
                if progress is not None:
                    await progress(number, len(collections), f"dumping {facts.name}")
                if facts.type != "view":
                    documents = query.each({"find": facts.name}, session=session, codec=RAW)
                    counts[facts.name] = await _write(archive, number, documents)
            consistent = session is not None
        manifest = {
            "format": 1,
            "database": sessions.database,
            "consistent": consistent,
            "collections": [
                {"name": f.name, "type": f.type, "options": f.options, "indexes": list(f.indexes),
                 "entry": _entry(number), "documents": counts.get(f.name, 0)}
                for number, f in enumerate(collections)
            ],
        }  # fmt: skip
        archive.writestr(MANIFEST, text_of(manifest))
    return consistent


def _entry(number: int) -> str:
    return f"{number:06}.bson"


async def _write(archive: zipfile.ZipFile, number: int, documents: Any) -> int:
    count, waiting, size = 0, [], 0
    with archive.open(_entry(number), "w", force_zip64=True) as stream:
        async for document in documents:
            waiting.append(document.raw)
            size += len(document.raw)
            count += 1
            if size > BATCH_BYTES:
                await anyio.to_thread.run_sync(stream.write, b"".join(waiting))
                waiting, size = [], 0
        await anyio.to_thread.run_sync(stream.write, b"".join(waiting))
    return count


async def read_dump(sessions: Sessions, database: str, path: Path) -> None:
    """Make the collections, documents, indexes and views of a dump in an empty database.

    Raises: VerificationFailed when a stream holds another number of documents than the manifest says.
    """
    with zipfile.ZipFile(path) as archive:
        manifest = document_of(archive.read(MANIFEST).decode())
        entries = sorted(manifest["collections"], key=lambda entry: str(entry["type"]) == "view")
        for entry in entries:
            await _make(sessions, database, archive, entry)


async def _make(sessions: Sessions, database: str, archive: zipfile.ZipFile, entry: Document) -> None:
    name, options = entry["name"], dict(entry["options"])
    validation = {option: options.pop(option) for option in _VALIDATION if option in options}
    await sessions.command({"create": name, **options}, database=database)
    if entry["type"] == "view":
        return
    count = 0
    with archive.open(entry["entry"]) as stream:
        for batch in _batches(stream):
            await _insert(sessions, database, name, batch)
            count += len(batch)
    if count != entry["documents"]:
        raise VerificationFailed(f"{name} holds {count} documents, {entry['documents']} were dumped", object_name=name)
    specs = [dict(spec) for spec in entry["indexes"] if spec["name"] != "_id_"]
    for spec in specs:
        await sessions.command({"createIndexes": name, "indexes": [spec]}, database=database)
    if validation:
        await sessions.command({"collMod": name, **validation}, database=database)


async def _insert(sessions: Sessions, database: str, name: str, batch: list[RawBSONDocument]) -> None:
    reply = await sessions.command({"insert": name, "documents": batch}, database=database, seconds=OWN_SECONDS)
    if reply.get("writeErrors"):
        raise VerificationFailed(f"a document of {name} could not be restored", object_name=name)


def _batches(stream: Any) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    size = 0
    for document in bson.decode_file_iter(stream, RAW):
        batch.append(document)
        size += len(document.raw)
        if size > BATCH_BYTES or len(batch) >= BATCH_DOCUMENTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch

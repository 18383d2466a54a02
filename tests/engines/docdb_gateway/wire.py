"""MongoDB's wire protocol: OP_MSG, and OP_QUERY for the first `isMaster` of a driver.

Source: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
CHECKSUM, MORE_TO_COME = 1, 2
RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Request:
    """One command; values stay undecoded BSON, so that nothing is lost on the way to the engine."""

    id: int
    legacy: bool
    quiet: bool
    document: dict[str, Any]

    @property
    def command(self) -> str:
        """The command's name is the first key."""
        return next(iter(self.document))

    @property
    def database(self) -> str:
        """The database that the command is for."""
        return str(self.document.get("$db", "admin"))


async def read(reader: asyncio.StreamReader) -> Request | None:
    """Return the next request, None when the client has gone."""
    try:
        size, id_, _, opcode = struct.unpack("<iiii", await reader.readexactly(16))
        body = await reader.readexactly(size - 16)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    if opcode == OP_MSG:
        return _message(id_, body)
    if opcode == OP_QUERY:
        name_end = body.index(b"\0", 4)
        document = _top_level(body[name_end + 9 :])
        return Request(id_, True, False, {**document, "$db": body[4:name_end].decode().split(".")[0]})
    return None


def reply(request: Request, document: bytes | Mapping[str, Any]) -> bytes:
    """Return the message that answers a request."""
    encoded = document if isinstance(document, bytes) else bson.encode(document)
    if request.legacy:
        opcode, payload = OP_REPLY, struct.pack("<iqii", 8, 0, 0, 1) + encoded
    else:
        opcode, payload = OP_MSG, struct.pack("<IB", 0, 0) + encoded
    return struct.pack("<iiii", 16 + len(payload), next(_ids), request.id, opcode) + payload


def _message(id_: int, body: bytes) -> Request:
    flags = struct.unpack_from("<I", body)[0]
    position, end = 4, len(body) - (4 if flags & CHECKSUM else 0)
    document: dict[str, Any] = {}
    sequences: dict[str, Any] = {}
    while position < end:
        size = struct.unpack_from("<i", body, position + 1)[0]
        section = body[position + 1 : position + 1 + size]
        if body[position] == 0:
            document = _top_level(section)
        else:
            name_end = section.index(b"\0", 4)
            sequences[section[4:name_end].decode()] = _documents(section[name_end + 1 :])
        position += 1 + size
    return Request(id_, False, bool(flags & MORE_TO_COME), {**document, **sequences})


def _top_level(data: bytes) -> dict[str, Any]:
    size = struct.unpack_from("<i", data)[0]
    return dict(RawBSONDocument(data[:size], RAW).items())


def _documents(data: bytes) -> list[RawBSONDocument]:
    found, position = [], 0
    while position < len(data):
        size = struct.unpack_from("<i", data, position)[0]
        found.append(RawBSONDocument(data[position : position + size], RAW))
        position += size
    return found

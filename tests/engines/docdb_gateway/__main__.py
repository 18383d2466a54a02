"""Run the gateway: `python -m tests.engines.docdb_gateway FOLDER OWNER PORT`, FOLDER holding the engine's socket."""

from __future__ import annotations

import asyncio
import datetime
import os
import signal
import socket
import sys
from typing import Any

from tests.engines.docdb_gateway import wire
from tests.engines.docdb_gateway.engine import Answer, Engine
from tests.engines.docdb_gateway.errors import CommandError
from tests.engines.docdb_gateway.login import Login
from tests.engines.docdb_gateway.pool import Pool

# `isdbgrid` is how a router calls itself: drivers then permit transactions without a replica set.
HELLO = {
    "ismaster": True, "isWritablePrimary": True, "msg": "isdbgrid", "helloOk": True, "maxBsonObjectSize": 16 << 20,
    "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 25_000, "minWireVersion": 0, "maxWireVersion": 21,
    "logicalSessionTimeoutMinutes": 30, "readOnly": False, "ok": 1.0,
}  # fmt: skip
VERSIONS = "SELECT documentdb_api.binary_extended_version(), current_setting('server_version')"


class Gateway:
    """The listening side: one conversation per connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._engine = Engine(pool)
        self._build: dict[str, Any] = {}

    async def learn(self) -> None:
        """Ask the engine what it is, for `buildInfo`."""
        async with self._pool.borrowed(None) as connection:
            documentdb, server = await connection.fetchrow(VERSIONS)
        self._build = {
            "version": "7.0.0", "versionArray": [7, 0, 0, 0], "gateway": "docdb_gateway", "documentdb": documentdb,
            "postgresql": server, "maxBsonObjectSize": 16 << 20, "ok": 1.0,
        }  # fmt: skip

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a connection's requests in order; when the client goes, so does the statement it waits for."""
        requests: asyncio.Queue[wire.Request | None] = asyncio.Queue()
        answering = asyncio.create_task(self._answer_all(requests, writer))
        awaited = False
        while request := await wire.read(reader):
            awaited = not request.quiet
            requests.put_nowait(request)
        requests.put_nowait(None)
        if awaited:
            answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        writer.close()

    async def _answer_all(self, requests: asyncio.Queue[wire.Request | None], writer: asyncio.StreamWriter) -> None:
        login = Login(self._pool)
        while request := await requests.get():
            answer = await self._answer(login, request)
            if not request.quiet:
                writer.write(wire.reply(request, answer))
                await writer.drain()

    async def _answer(self, login: Login, request: wire.Request) -> Answer:
        try:
            name = request.command.lower()
            if name in ("hello", "ismaster"):
                return _hello(request)
            if name == "ping":
                return {"ok": 1.0}
            if name == "buildinfo":
                return self._build
            if name == "saslstart":
                return await login.start(request.document)
            if name == "saslcontinue":
                return await login.proceed(request.document)
            if login.user is None:
                raise CommandError(13, "Unauthorized", f"Command {request.command} requires authentication")
            return await self._engine.run(login.user, request)
        except CommandError as error:
            return error.document
        except Exception as error:  # the last resort: a fault of the gateway is an answer, and said to be one
            return CommandError(1, "InternalError", f"gateway: {type(error).__name__}: {error}").document


def _hello(request: wire.Request) -> Answer:
    now = datetime.datetime.now(datetime.UTC)
    mechanisms = {"saslSupportedMechs": ["SCRAM-SHA-256"]} if "saslSupportedMechs" in request.document else {}
    return {**HELLO, "localTime": now, **mechanisms}


def _ready() -> None:
    notify = os.environ.get("NOTIFY_SOCKET")
    if notify:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(b"READY=1", notify)


async def main(folder: str, owner: str, port: int) -> None:
    """Serve until SIGTERM."""
    gateway, ended = Gateway(Pool(folder, owner)), asyncio.Event()
    await gateway.learn()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await asyncio.start_server(gateway.converse, "127.0.0.1", port)
    _ready()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

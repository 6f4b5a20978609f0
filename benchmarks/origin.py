"""The origin: a small HTTP server on 127.0.0.1 that has the benchmark's files, for url mode.

    python -m benchmarks.origin FILES

is a companion, whose introduction tells the port.
"""

import asyncio
import os
import sys
import threading
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.companions import obey
from benchmarks.files import read_files

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Conversation(asyncio.Protocol):
    """One connection, kept alive: a whole answer, made beforehand, for every request."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's, which has no such base

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, self._received = self._received.split(b"\r\n\r\n", 1)
            self._transport.write(self._answers.get(head.split(b" ", 2)[1], NOT_FOUND))


def answers(folder: Path) -> dict[bytes, bytes]:
    """Path -> whole response."""
    return {
        f"/{file.name}".encode(): b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
        % (len(file.data), file.data)
        for file in read_files(folder)
    }


async def serve(folder: Path) -> None:
    prepared = answers(folder)
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(prepared), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    threading.Thread(target=_until_told_to_end, args=(port,)).start()
    await server.serve_forever()


def _until_told_to_end(port: int) -> None:
    obey({}, port=port)
    os._exit(0)


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))

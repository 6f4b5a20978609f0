"""The callers: a closed loop over HTTP, in one light process, so that the cores are left to the server.

    python -m benchmarks.callers THUMBNAILS LARGE

is a companion. A caller has one connection, and sends its next request when it has its answer.
"""

import asyncio
import gc
import random
import sys
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter, process_time

import uvloop

from benchmarks.companions import BenchmarkError, Document, obey
from benchmarks.files import read_files
from benchmarks.requests import Request, Shape, make_requests

ANSWER_TIMEOUT_S = 60.0
EXCERPT_BYTES = 150
CALL_STRIDE = 13  # callers start at different files, and fifties at different fifties


class Callers:
    """So many callers of each group, for a time."""

    def __init__(self, requests: dict[Shape, list[Request]]) -> None:
        self._requests = requests

    def call(self, command: Document) -> Document:
        """Run groups of callers side by side against a port.

        `groups` are {"shape", "callers", "pause_s"}: a caller waits a random time of at most `pause_s`
        between an answer and its next request, so that it does not keep step with the server.
        `seconds` are until the last request begins; those that were begun are finished, and counted.
        """
        gc.disable()
        try:
            return uvloop.run(self._call(command))
        except TimeoutError:
            raise BenchmarkError(f"an answer took more than {ANSWER_TIMEOUT_S:g} s") from None
        except (OSError, EOFError) as error:
            raise BenchmarkError(f"a connection broke off: {error}") from error
        finally:
            gc.enable()

    async def _call(self, command: Document) -> Document:
        cpu_s, began = process_time(), perf_counter()
        until = began + command["seconds"]
        groups = [
            asyncio.gather(
                *(
                    _caller(command["port"], self._turns(group["shape"], number), until, group["pause_s"])
                    for number in range(group["callers"])
                )
            )
            for group in command["groups"]
        ]
        answered = await asyncio.gather(*groups)
        return {
            "seconds": perf_counter() - began,
            "cpu_s": process_time() - cpu_s,
            "groups": [
                {
                    "images": sum(images for images, _ in callers),
                    "latencies_s": [latency for _, latencies in callers for latency in latencies],
                }
                for callers in answered
            ],
        }

    def _turns(self, shape: Shape, caller: int) -> Iterator[Request]:
        requests = self._requests[shape]
        return islice(cycle(requests), caller * CALL_STRIDE % len(requests), None)


async def _caller(
    port: int, requests: Iterator[Request], until: float, pause_s: float
) -> tuple[int, list[float]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies_s: list[float] = []
    images = 0
    async with asyncio.timeout(ANSWER_TIMEOUT_S + until - perf_counter()):
        while (began := perf_counter()) < until:
            request = next(requests)
            writer.write(request.message)
            await _read_answer(reader)
            latencies_s.append(perf_counter() - began)
            images += request.images
            if pause_s:
                await asyncio.sleep(random.uniform(0, pause_s))
    writer.close()
    return images, latencies_s


async def _read_answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    body = await reader.readexactly(int(length))
    if not head.startswith(b"HTTP/1.1 200") or b'"error"' in body:
        what = body[max(0, body.find(b'"error"')) :][:EXCERPT_BYTES]
        raise BenchmarkError(f"an answer is not what it should be: {head[:EXCERPT_BYTES]!r} {what!r}")


def main(thumbnails: str, large: str) -> None:
    (photograph,) = read_files(Path(large))
    callers = Callers(make_requests(read_files(Path(thumbnails)), photograph))
    gc.freeze()
    obey({"call": callers.call})


if __name__ == "__main__":
    main(*sys.argv[1:])

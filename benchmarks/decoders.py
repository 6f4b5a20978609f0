"""The best decoders: how long the quickest of the libraries takes for a large file, and does no more.

A JPEG is decoded at a quarter of its size, as `logo_detection.decode` has it of one of 12 MP; a PNG has no
other size than its own.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

import pyvips
from PIL import Image

TIMES = 3
SCALE = 4
JPEG = b"\xff\xd8"
LOADERS = ("VipsForeignLoadJpeg", "VipsForeignLoadPng")


def best_decoder_ms(data: bytes) -> float:
    """Milliseconds of the quickest: the median of a few times, of each decoder by turns."""
    decoders = list(_decoders(data))
    taken: list[list[float]] = [[] for _ in decoders]
    with _loaders_in_reach():
        for _ in range(TIMES):
            for times, decode in zip(taken, decoders, strict=True):
                times.append(_ms(decode))
    return min(map(median, taken))


@contextmanager
def _loaders_in_reach() -> Iterator[None]:
    """Within the block, libvips reads what `logo_detection.decode` forbids it in this process."""
    for loader in LOADERS:
        pyvips.operation_block_set(loader, False)
    try:
        yield
    finally:
        for loader in LOADERS:
            pyvips.operation_block_set(loader, True)


def _ms(decode: Callable[[], object]) -> float:
    began = perf_counter()
    decode()
    return 1000 * (perf_counter() - began)


def _decoders(data: bytes) -> Iterator[Callable[[], object]]:
    yield lambda: _pillow(data)
    options = {"shrink": SCALE} if data.startswith(JPEG) else {}
    yield lambda: pyvips.Image.new_from_buffer(data, "", access="sequential", **options).write_to_memory()


def _pillow(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:  # noqa: TID251  what the benchmark has just written
        image.draft("RGB", (image.width // SCALE, image.height // SCALE))
        image.load()

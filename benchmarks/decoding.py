"""How long decoding takes, by format and size, and what a JPEG draft costs in pixels.

python -m benchmarks.decoding
"""

import io
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from benchmarks.files import photograph
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec, Pixels

RUNS = 15
SIZES = {"thumbnail": (330, 220), "12 MP": (4000, 3000)}
ENCODINGS: dict[str, dict[str, Any]] = {
    "jpeg": {"format": "JPEG", "quality": 85},
    "png": {"format": "PNG", "compress_level": 1},
    "webp": {"format": "WEBP", "quality": 80, "method": 0},
    "gif": {"format": "GIF"},
    "bmp": {"format": "BMP"},
    "tiff": {"format": "TIFF", "compression": "tiff_lzw"},
}


def encoded(image: Image.Image, options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def measured(data: bytes) -> tuple[float, Pixels]:
    """Median milliseconds, and the pixels."""
    times = []
    for _ in range(RUNS):
        began = perf_counter()
        pixels = load_image(data, ImageSpec())
        times.append(1000 * (perf_counter() - began))
    return median(times), pixels


def main() -> None:
    print(f"{'':12}{'format':8}{'ms':>8}")
    for name, (width, height) in SIZES.items():
        image = photograph(width, height)
        for kind, options in ENCODINGS.items():
            print(f"{name:12}{kind:8}{measured(encoded(image, options))[0]:8.1f}")
    data = encoded(photograph(*SIZES["12 MP"]), ENCODINGS["jpeg"])
    drafted_ms, drafted = measured(data)
    with patch.object(JpegImageFile, "draft", lambda *_: None):
        whole_ms, whole = measured(data)
    print(f"12 MP JPEG: {drafted_ms:.0f} ms drafted, {whole_ms:.0f} ms whole; ", end="")
    print(f"pixels differ by {np.abs(drafted - whole).mean():.2f} of 255 on average")


if __name__ == "__main__":
    main()

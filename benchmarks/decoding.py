"""How long decoding takes, by format and size, and what a JPEG draft costs in pixels.

python -m benchmarks.decoding [--output FILE]
"""

import argparse
import io
import json
from pathlib import Path
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
DIFFERENCE = "mean difference of pixels, of 255"
Row = dict[str, str | float | None]
SIZES = {"thumbnail": (330, 220), "12 MP": (4000, 3000)}
ENCODINGS: dict[str, dict[str, Any]] = {
    "jpeg": {"format": "JPEG", "quality": 85},
    "progressive jpeg": {"format": "JPEG", "quality": 85, "progressive": True},
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


def decode_times() -> list[Row]:
    """Of every size and encoding."""
    return [
        {"picture": f"{name}, {kind}", "ms": round(measured(encoded(image, options))[0], 1), DIFFERENCE: None}
        for name, size in SIZES.items()
        for image in [photograph(*size)]
        for kind, options in ENCODINGS.items()
    ]


def draft_gain() -> Row:
    """A large JPEG without its draft, and what the draft changes."""
    data = encoded(photograph(*SIZES["12 MP"]), ENCODINGS["jpeg"])
    _, drafted = measured(data)
    with patch.object(JpegImageFile, "draft", lambda *_: None):
        whole_ms, whole = measured(data)
    difference = float(np.abs(drafted - whole).mean())
    return {
        "picture": "12 MP, jpeg, without a draft",
        "ms": round(whole_ms, 1),
        DIFFERENCE: round(difference, 2),
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoding", description="Measure decoding.")
    parser.add_argument("--output", type=Path, help="a JSON file to write, too")
    options = parser.parse_args(arguments)
    table = [*decode_times(), draft_gain()]
    for row in table:
        print("  ".join(f"{name}: {value}" for name, value in row.items() if value is not None))
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps({"table": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()

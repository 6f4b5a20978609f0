"""References: how far our pictures of SVGs are from those of MediaWiki's renderer, rsvg-convert.

    python -m tests.references FILE.svg …

prints the mean difference of each file, in levels of 255 at 224x224 on white, the largest first. Needs
Debian's package librsvg2-bin. Of Debian 12 that is librsvg 2.54.7, older than the one inside libvips. The two
differ rightly where the newer one reads more (an image inside an SVG whose media type is unknown is sniffed),
and where their decoders differ (Debian's has none for WebP; the one inside libvips has none for GIF and WebP,
so that it is handed a PNG).

`raster_reference` is what ImageMagick, MediaWiki's renderer of most rasters, draws (Debian's imagemagick);
`tests/soak/test_references.py` compares ours with it.
"""

import io
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec
from logo_detection.errors import ItemError

SIDE = 224
OVERSAMPLING = 3
CLOSE = 2.0  # levels of 255, on average
TIMEOUT_S = 30
UNLIKE = 255.0  # one of the two shows nothing at all


def reference(data: bytes) -> NDArray[np.float32] | None:
    """float32[224, 224, 3] by rsvg-convert; None if it does not read the file."""
    size = str(SIDE * OVERSAMPLING)
    command = ["rsvg-convert", "--width", size, "--height", size, "--unlimited"]
    ran = subprocess.run(command, input=data, capture_output=True, timeout=TIMEOUT_S, check=False)
    if ran.returncode:
        return None
    drawn = Image.open(io.BytesIO(ran.stdout)).convert("RGBA")
    white = Image.new("RGB", drawn.size, "white")
    white.paste(drawn, mask=drawn)
    return np.asarray(white.reduce(OVERSAMPLING), np.float32)


def raster_reference(data: bytes, kind: str) -> NDArray[np.float32] | None:
    """float32[224, 224, 3] by ImageMagick, of a file's first picture; None if it draws nothing.

    `kind` is the format, as ImageMagick names it.
    """
    command = ["/usr/bin/convert", f"{kind}:-[0]", "-auto-orient", "-background", "white", "-flatten"]
    command += ["-resize", f"{SIDE}x{SIDE}!", "-depth", "8", "rgb:-"]
    ran = subprocess.run(command, input=data, capture_output=True, timeout=TIMEOUT_S, check=False)
    if len(ran.stdout) != SIDE * SIDE * 3:
        return None
    return np.frombuffer(ran.stdout, np.uint8).reshape(SIDE, SIDE, 3).astype(np.float32)


def ours(data: bytes) -> NDArray[np.float32] | None:
    """float32[224, 224, 3] by the service; None if it does not read the file."""
    try:
        return load_image(data, ImageSpec())
    except ItemError:
        return None


def difference(data: bytes) -> float:
    """Mean levels of 255; 0 if neither reads the file, UNLIKE if one does."""
    left, right = ours(data), reference(data)
    if left is None or right is None:
        return 0.0 if left is right else UNLIKE
    return float(np.abs(left - right).mean())


def differences(files: Mapping[str, bytes]) -> dict[str, float]:
    """Of several files by name, the largest first."""
    found = {name: difference(data) for name, data in files.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


if __name__ == "__main__":
    for name, levels in differences({path: Path(path).read_bytes() for path in sys.argv[1:]}).items():
        print(f"{levels:8.2f}  {name}")  # noqa: T201

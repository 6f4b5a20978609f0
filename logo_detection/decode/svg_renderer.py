"""SVG rendered by librsvg, MediaWiki's own renderer, through libvips.

librsvg opens no file and no connection that a document names: it gets bytes without an address. libvips runs
in the calling thread, keeps no operation, and has no loader but the one for SVG.
"""

import re
from base64 import b64encode
from collections.abc import Callable

import numpy as np
import pyvips
from numpy.typing import NDArray

from logo_detection.decode.svg import Root, read_root, with_known_encoding
from logo_detection.decode.svg_bounds import check_bounds, embedded_image
from logo_detection.errors import ImageCorrupt, ImageTooManyPixels, ItemError

# uint8[height, width, 4], not premultiplied.
RGBA = NDArray[np.uint8]
# A PNG of an image in another format that was admitted; it raises ItemError of what cannot be decoded.
ToPng = Callable[[bytes], bytes]

MAX_SIDE = 2000  # px: libvips draws a larger picture in tiles of this size, each from the whole document
MAX_LONG_SIDE = 32_767  # px, of a picture whose other side has 1: the most that cairo draws
_HUGE_BYTES = 10_000_000  # from here on a token may exceed what libxml2 takes without being told

# CSS counts 96 px an inch, MediaWiki's renderer too. libvips scales from 72.
_DPI = 96
_VIPS_SCALE = 72 / _DPI

# librsvg shows these, the one inside libvips was built without their decoders.
_WITHOUT_DECODER = re.compile(rb"data:image/(?:gif|webp);base64,[A-Za-z0-9+/=\s]+", re.IGNORECASE)

_OUT_OF_MEMORY = ("out of memory", "NoMemory")

pyvips.cache_set_max(0)
pyvips.concurrency_set(1)
for blocked, state in (("VipsForeign", True), ("VipsForeignLoadSvg", False)):
    pyvips.operation_block_set(blocked, state)


def render(data: bytes, width: int, height: int, to_png: ToPng) -> RGBA:
    """The picture, of its own aspect and transparent where bare.

    It has at least width x height px, to be shrunk to exactly that, unless a side would exceed MAX_SIDE.

    Raises:
        ImageCorrupt: librsvg does not read it, or it is beyond `svg_bounds`.
        ImageTooManyPixels: the images inside it are too large, or the memory did not suffice.
    """
    data = with_known_encoding(data)
    root = read_root(data)
    if root is None:
        raise ImageCorrupt
    check_bounds(data)
    data = _WITHOUT_DECODER.sub(lambda url: _as_png(url[0], to_png), data)
    try:
        return _pixels(_open(data, root, (width, height)))
    except pyvips.Error as error:
        # The message may quote the document, so that it ends here.
        is_memory = any(reason in str(error) for reason in _OUT_OF_MEMORY)
        raise (ImageTooManyPixels if is_memory else ImageCorrupt) from None


def _open(data: bytes, root: Root, least: tuple[int, int]) -> pyvips.Image:
    """The document, scaled, not yet drawn. Mostly librsvg sees the size that the root's attributes say."""
    if root.is_sized:
        scale = _scale((root.width, root.height), least)
        image = _load(data, scale)
        if abs(image.width - root.width * scale) <= 1 and abs(image.height - root.height * scale) <= 1:
            return image
    natural = _load(data, 1)
    # A document without a size would be drawn unscaled in the corner of a larger picture.
    size = "" if root.is_sized else f":root{{width:{natural.width}px;height:{natural.height}px}}"
    return _load(data, _scale((natural.width, natural.height), least), size)


def _as_png(url: bytes, to_png: ToPng) -> bytes:
    """The data: URL of the same picture as a PNG; as it is, and so not shown, where it is broken."""
    image = embedded_image(url.decode())
    try:
        return b"data:image/png;base64," + b64encode(to_png(image)) if image else url
    except ItemError:
        return url


def _scale(size: tuple[float, float], least: tuple[int, int]) -> float:
    wanted = max(pixels / side for pixels, side in zip(least, size, strict=True))
    scale = max(min(wanted, MAX_SIDE / max(size)), 1 / min(size))
    if scale * max(size) > MAX_LONG_SIDE:
        raise ImageCorrupt
    return scale


def _load(data: bytes, scale: float, stylesheet: str = "") -> pyvips.Image:
    return pyvips.Image.svgload_buffer(
        data, dpi=_DPI, scale=scale * _VIPS_SCALE, stylesheet=stylesheet, unlimited=len(data) > _HUGE_BYTES
    )


def _pixels(image: pyvips.Image) -> RGBA:
    """Drawn in this thread, through a region: an image's own methods start threads, which a fork loses."""
    drawn = pyvips.Region.new(image).fetch(0, 0, image.width, image.height)
    return np.frombuffer(drawn, np.uint8).reshape(image.height, image.width, 4)

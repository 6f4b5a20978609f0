"""Bit fields: the pixels of a BMP whose channels have the bits of a mask each, of any width and order."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from logo_detection.decode.bmp import BmpMasks
from logo_detection.errors import ImageCorrupt

Words = NDArray[np.uint16] | NDArray[np.uint32]
"""[height, width]: a pixel each."""

_BAND_PIXELS = 2**17  # that are taken apart at a time, at 40 bytes each


def decode_bit_fields(data: bytes, masks: BmpMasks) -> Image.Image:
    """RGBA, or RGB where there is no alpha, or all of it is 0, as writers leave it that know of none.

    Raises:
        ImageCorrupt: The file has fewer rows than its header says, or a colour has no mask.
    """
    if not all(masks.channels[:3]):
        raise ImageCorrupt
    rows = _rows(data, masks)
    alpha = masks.channels[3]
    opaque = not alpha or not any((band & alpha).any() for band in _bands(rows))
    channels = masks.channels[:3] if opaque else masks.channels
    image = Image.new("RGB" if opaque else "RGBA", (masks.width, masks.height))
    top = 0
    for band in _bands(rows):
        image.paste(Image.fromarray(np.dstack([_channel(band, mask) for mask in channels])), (0, top))
        top += len(band)
    return image


def _rows(data: bytes, masks: BmpMasks) -> Words:
    """[height, width], from the top; a view of the file. A row has whole words of 32 bits."""
    pixel_bytes = masks.depth // 8
    stride = -(-masks.width * pixel_bytes // 4) * 4
    if masks.at + stride * masks.height > len(data):
        raise ImageCorrupt
    stored = np.frombuffer(data, np.uint8, stride * masks.height, masks.at).reshape(masks.height, stride)
    words = stored[:, : masks.width * pixel_bytes].view("<u2" if masks.depth == 16 else "<u4")
    return words if masks.top_down else words[::-1]


def _bands(rows: Words) -> list[Words]:
    step = max(1, _BAND_PIXELS // rows.shape[1])
    return [rows[top : top + step] for top in range(0, len(rows), step)]


def _channel(band: Words, mask: int) -> NDArray[np.uint8]:
    """0..255 of the bits below one mask."""
    lowest = (mask & -mask).bit_length() - 1
    highest = mask >> lowest
    values = (band & mask) >> lowest
    return np.asarray(np.rint(values * (255 / highest)), np.uint8)

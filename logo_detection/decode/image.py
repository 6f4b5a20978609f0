"""Decoding: from an image's bytes to the pixels that a model sees, the same way in training and serving."""

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from PIL import Image

from logo_detection.decode import svg_renderer
from logo_detection.decode.header import DecodeLimits, Format, Header, first_gif_frame, read_header
from logo_detection.decode.raster import (
    TRANSPOSITIONS,
    Raster,
    plain_rows,
    read_raster,
    rgb_rows,
    upright_size,
)
from logo_detection.decode.spec import ImageSpec, Pixels
from logo_detection.errors import ImageCorrupt, ImageTooManyPixels, ImageUnsupported, ItemError

# A JPEG is decoded at the smallest eighth, quarter or half of its size that is at least this many times
# the target: a 12 MP photograph takes 23 ms instead of 100, and its pixels move by 0.2 of 255 on average
# (at 1 times the target: 18 ms, and 0.8).
_DRAFT_FACTOR = 2

# An SVG is rendered at this many times the target, which is what MediaWiki's thumbnail of 330 px has. (Twice
# costs 25 ms and not 16 in the median of 150 logos, for pixels that are 0.3 and not 0.4 of 255 from exact.)
_SVG_FACTOR = 1.5

# Pixels that are converted and shrunk at a time: 12 MB of them. Fewer are not faster, and more copies of the
# filter are computed, one a band: what matters for very wide images.
_BAND_PIXELS = 2**20

_TENSORFLOW_FORMATS = (Format.JPEG, Format.PNG, Format.GIF, Format.BMP)

_FILTER = Image.Resampling.BILINEAR


def load_image(data: bytes, spec: ImageSpec, limits: DecodeLimits = DecodeLimits()) -> Pixels:  # noqa: B008
    """The gate, then `decode`: float32[height, width, 3], 0..255, of one file's bytes. Raises ItemError."""
    return decode(data, read_header(data, limits), spec)


def decode(data: bytes, header: Header, spec: ImageSpec) -> Pixels:
    """Decode an image that the gate admitted.

    For one thread of a process at a time: meanwhile `warnings` is mute (what Pillow thinks of odd files).

    Returns:
        float32[height, width, 3], RGB, 0..255, C-contiguous.

    Raises:
        ImageCorrupt: no decoder reads it, or it is not what its header says.
        ImageTooManyPixels: the memory ran out after all.
    """
    decoder = _with_tensorflow if spec.decoder == "tensorflow" else _with_pillow
    with _item_errors_only():
        return decoder(data, header, spec)


def load_thumbnail(data: bytes, side: int, limits: DecodeLimits = DecodeLimits()) -> Pixels:  # noqa: B008
    """An image for people to look at: of its own shape, upright, on white. Raises ItemError.

    Returns:
        float32[height, width, 3], 0..255; the longer of height and width is `side`.
    """
    header = read_header(data, limits)
    with _item_errors_only():
        svg = header.format is Format.SVG
        width, height = (header.width, header.height) if svg else upright_size(data, header)
    scale = side / max(width, height)
    spec = ImageSpec(height=max(1, round(scale * height)), width=max(1, round(scale * width)))
    return decode(data, header, spec)


def open_picture(
    data: bytes,
    side: int,
    vector_side: int,
    limits: DecodeLimits = DecodeLimits(),  # noqa: B008
) -> Image.Image:
    """An image to be drawn upon or changed, of its own shape and upright.

    RGBA where it may be transparent, as every SVG may, else RGB. The longer side has at most `side` pixels,
    and that of an SVG exactly `vector_side`. Raises ItemError.
    """
    header = read_header(data, limits)
    with _item_errors_only():
        if header.format is Format.SVG:
            return _vector_picture(data, header, vector_side)
        raster = read_raster(data, header, draft=(side, side))
        picture = plain_rows(raster, 0, raster.image.height)
        picture.thumbnail((side, side))
        turn = TRANSPOSITIONS.get(raster.orientation)
        return picture if turn is None else picture.transpose(turn)


def _vector_picture(data: bytes, header: Header, side: int) -> Image.Image:
    scale = side / max(header.width, header.height)
    width, height = (max(1, round(scale * length)) for length in (header.width, header.height))
    drawn = Image.fromarray(svg_renderer.render(data, width, height, _to_png))
    return drawn if drawn.size == (width, height) else drawn.resize((width, height), _FILTER)


def _to_png(data: bytes) -> bytes:
    """A raster image that stands inside an SVG. Raises ItemError."""
    header = read_header(data, DecodeLimits())
    if header.format is Format.SVG:  # one that says to be a GIF, and would be rendered within this rendering
        raise ImageUnsupported
    with _item_errors_only():
        raster = read_raster(data, header)
        png = io.BytesIO()
        plain_rows(raster, 0, raster.image.height).save(png, "PNG", compress_level=1)
        return png.getvalue()


@contextlib.contextmanager
def _item_errors_only() -> Iterator[None]:
    """No warnings, and no exceptions but ItemErrors."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ItemError:
        raise
    except MemoryError as error:
        raise ImageTooManyPixels(out_of_memory=True) from error
    # On hostile bytes Pillow raises OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError,
    # OverflowError, AssertionError, struct.error, zlib.error and more, and documents none of it.
    except Exception as error:
        raise ImageCorrupt from error


def _with_pillow(data: bytes, header: Header, spec: ImageSpec) -> Pixels:
    raster = _read(data, header, spec, draft=(_DRAFT_FACTOR * spec.width, _DRAFT_FACTOR * spec.height))
    turned = spec.exif_orientation
    size = (spec.height, spec.width) if turned and raster.lies else (spec.width, spec.height)
    small = _squashed(raster, size, spec.alpha)
    if turned and raster.orientation in TRANSPOSITIONS:
        small = small.transpose(TRANSPOSITIONS[raster.orientation])
    return np.asarray(small, np.float32)


def _read(data: bytes, header: Header, spec: ImageSpec, draft: tuple[int, int] | None = None) -> Raster:
    if header.format is not Format.SVG:
        return read_raster(data, header, draft)
    width, height = round(_SVG_FACTOR * spec.width), round(_SVG_FACTOR * spec.height)
    image = Image.fromarray(svg_renderer.render(data, width, height, _to_png))
    return Raster(image, image.size)


def _squashed(raster: Raster, size: tuple[int, int], alpha: Literal["white", "drop"]) -> Image.Image:
    """RGB of `size`, from the raster's region.

    Composites on white first and shrinks then, so that no hidden colour bleeds into an edge. Does it
    band by band, so that there is never a converted copy of the whole: a resize is a pass along the
    rows and one along the columns, and the first can be had in bands.
    """
    width, height = raster.image.size
    right, bottom = raster.region
    shrinks = width > size[0]  # else both passes wait: widened rows would only cost memory
    narrow = Image.new("RGB", (size[0] if shrinks else width, height))
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        band = rgb_rows(raster, top, min(top + rows, height), alpha)
        if shrinks:
            band = band.resize((size[0], band.height), _FILTER, (0, 0, right, band.height))
        narrow.paste(band, (0, top))
    return narrow.resize(size, _FILTER, (0, 0, size[0] if shrinks else right, bottom))


def _with_tensorflow(data: bytes, header: Header, spec: ImageSpec) -> Pixels:
    """As Keras 3.2.1 reads a training set, and so LiftWing's server a request.

    What that cannot decode (TIFF, SVG, WebP; some JPEG, PNG and BMP) has no score to be equal to, so
    that Pillow's pixels will do for it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    image: Any = None
    if header.format in _TENSORFLOW_FORMATS:
        # TensorFlow would unpack all frames of a GIF, and then look at the first.
        file = first_gif_frame(data) if header.format is Format.GIF else data
        image = _decoded_by_tensorflow(file)
    if image is None:
        raster = _read(data, header, spec)
        image = np.asarray(rgb_rows(raster, 0, raster.image.height, spec.alpha))
    size = (spec.height, spec.width)
    with _tensorflow_memory_errors():
        small = tf.image.resize(image, size, method=spec.filter, antialias=spec.antialias)
    return np.asarray(small.numpy(), np.float32)


def _decoded_by_tensorflow(file: bytes) -> Any:
    """uint8[height, width, 3], as a tensor; None where TensorFlow cannot decode the file."""
    import tensorflow as tf

    with _tensorflow_memory_errors():
        try:
            return tf.io.decode_image(file, channels=3, expand_animations=False)
        except tf.errors.ResourceExhaustedError:
            raise
        except tf.errors.OpError:
            return None


@contextlib.contextmanager
def _tensorflow_memory_errors() -> Iterator[None]:
    """Raise MemoryError where TensorFlow has an exception of its own."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError from error

"""Decoding: from an image's bytes to the pixels that a model sees, the same way in training and serving."""

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from typing import Any, Literal, cast

import numpy as np
from PIL import ExifTags, Image, ImageChops
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from logo_detection.decode import svg_renderer
from logo_detection.decode.header import DecodeLimits, Format, Header, first_gif_frame, read_header
from logo_detection.decode.spec import ImageSpec, Pixels
from logo_detection.errors import ImageCorrupt, ImageTooManyPixels, ImageUnsupported, ItemError

# The gate owns the limit. Pillow's own would warn from 89 megapixels on, within what the gate admits.
Image.MAX_IMAGE_PIXELS = None

# By class and not by `Image.open`, which would ask 40 plugins (that of EPS runs Ghostscript), and hands
# a JPEG with several pictures to another class, with a warning where its index is broken.
_PLUGINS: dict[Format, type[ImageFile]] = {
    Format.JPEG: JpegImageFile,
    Format.PNG: PngImageFile,
    Format.GIF: GifImageFile,
    Format.WEBP: WebPImageFile,
    Format.BMP: BmpImageFile,
    Format.TIFF: TiffImageFile,
}

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

_LYING = 5  # orientations from here on exchange width and height
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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
        width, height = _upright_size(data, header)
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
        image = _open(data, header, ImageSpec())
        image.draft(None, (side, side))
        image.load()
        picture = _plain(_conventional(image), _extrema(image))
        picture.thumbnail((side, side))
        orientation = _orientation(image)
        return picture.transpose(_TRANSPOSITIONS[orientation]) if orientation in _TRANSPOSITIONS else picture


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
        image = _open(data, header, ImageSpec())
        image.load()
        png = io.BytesIO()
        _plain(_conventional(image), _extrema(image)).save(png, "PNG", compress_level=1)
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
    image = _open(data, header, spec)
    drafted = image.draft(None, (_DRAFT_FACTOR * spec.width, _DRAFT_FACTOR * spec.height))
    image.load()
    # A draft's last column and row may hold less than a whole pixel of the image.
    right, bottom = drafted[1][2:] if drafted else image.size
    orientation = _orientation(image) if spec.exif_orientation else 1
    width, height = (spec.height, spec.width) if orientation >= _LYING else (spec.width, spec.height)
    small = _squashed(_conventional(image), (right, bottom), (width, height), spec.alpha)
    if orientation in _TRANSPOSITIONS:
        small = small.transpose(_TRANSPOSITIONS[orientation])
    return np.asarray(small, np.float32)


def _open(data: bytes, header: Header, spec: ImageSpec) -> Image.Image:
    """Pillow's view of the file, its pixels not yet read. Raises ImageCorrupt if it is not as admitted."""
    if header.format is Format.SVG:
        width, height = round(_SVG_FACTOR * spec.width), round(_SVG_FACTOR * spec.height)
        return Image.fromarray(svg_renderer.render(data, width, height, _to_png))
    image = _PLUGINS[header.format](io.BytesIO(data))
    # Sorted, because Pillow reports the size of a TIFF as its orientation will have turned it.
    if sorted(image.size) != sorted((header.width, header.height)):
        raise ImageCorrupt
    return image


def _upright_size(data: bytes, header: Header) -> tuple[int, int]:
    """Width and height as EXIF asks for the image to be shown."""
    if header.format is Format.SVG:
        return header.width, header.height
    image = _open(data, header, ImageSpec())
    width, height = image.size
    # Pillow tells the size of a TIFF as it will be upright.
    lying = header.format is not Format.TIFF and _orientation(image) >= _LYING
    return (height, width) if lying else (width, height)


def _orientation(image: Image.Image) -> int:
    """EXIF's 1 to 8. It is 1 for a TIFF, whose pixels Pillow has turned by now."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # broken metadata, of which there are as many kinds, costs the turn, not the image
        return 1
    return value if value in _TRANSPOSITIONS else 1


def _conventional(image: Image.Image) -> Image.Image:
    """CMYK with 0 for no ink. Adobe inverts it in a JPEG, which says so; Pillow takes all for Adobe's."""
    if image.mode == "CMYK" and isinstance(image, JpegImageFile) and "adobe" not in image.info:
        return ImageChops.invert(image)
    return image


def _squashed(
    image: Image.Image, region: tuple[float, float], size: tuple[int, int], alpha: Literal["white", "drop"]
) -> Image.Image:
    """RGB of `size`, from the columns and rows of `region`.

    Composites on white first and shrinks then, so that no hidden colour bleeds into an edge. Does it
    band by band, so that there is never a converted copy of the whole: a resize is a pass along the
    rows and one along the columns, and the first can be had in bands.
    """
    extrema = _extrema(image)
    shrinks = image.width > size[0]  # else both passes wait: widened rows would only cost memory
    width = size[0] if shrinks else image.width
    narrow = Image.new("RGB", (width, image.height))
    rows = max(1, _BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        band = _rgb(image.crop((0, top, image.width, min(top + rows, image.height))), extrema, alpha)
        if shrinks:
            band = band.resize((width, band.height), _FILTER, (0, 0, region[0], band.height))
        narrow.paste(band, (0, top))
    return narrow.resize(size, _FILTER, (0, 0, width if shrinks else region[0], region[1]))


def _extrema(image: Image.Image) -> tuple[float, float] | None:
    """Least and greatest value of a grey image of 32 bits or floats."""
    if image.mode not in ("I", "F"):
        return None
    low, high = cast(tuple[float, float], image.getextrema())
    return low, high


def _rgb(
    band: Image.Image, extrema: tuple[float, float] | None, alpha: Literal["white", "drop"]
) -> Image.Image:
    plain = _plain(band, extrema)
    if plain.mode == "RGB" or alpha == "drop":
        return plain.convert("RGB")
    white = Image.new("RGB", plain.size, "white")
    white.paste(plain, mask=plain)
    return white


def _plain(band: Image.Image, extrema: tuple[float, float] | None) -> Image.Image:
    """RGBA of what has transparency, and RGB of all else."""
    if band.mode.startswith("I;16") or extrema:
        band = _eight_bits(band, extrema)
    return band.convert("RGBA" if band.has_transparency_data else "RGB")


def _eight_bits(band: Image.Image, extrema: tuple[float, float] | None) -> Image.Image:
    """Grey of 8 bits; Pillow itself would clip.

    Of 16 bits, the upper 8, as Pillow does with RGB of 16. Of 32 bits or floats, which have no agreed
    white, the distance between the image's extremes.
    """
    values = np.asarray(band)
    if extrema is None:
        grey = Image.fromarray((values >> 8).astype(np.uint8))
        transparent = band.info.get("transparency")
        if transparent is not None:
            opaque = Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
            grey = Image.merge("LA", (grey, opaque))
        return grey
    low, high = extrema
    with np.errstate(all="ignore"):
        scaled = (values.astype(np.float64) - low) * (255 / (high - low or 1))
    return Image.fromarray(np.nan_to_num(scaled).clip(0, 255).astype(np.uint8))


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
        opened = _open(data, header, spec)
        opened.load()
        image = np.asarray(_rgb(_conventional(opened), _extrema(opened), spec.alpha))
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

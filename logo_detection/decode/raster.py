"""Rasters: from an admitted file's bytes to Pillow's image, corrected where Pillow differs from viewers."""

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from logo_detection.decode import bmp, jpeg, png
from logo_detection.decode.bitfields import decode_bit_fields
from logo_detection.decode.header import Format, Header
from logo_detection.errors import ImageCorrupt, ImageUnsupported

# The gate owns the limit. Pillow's own would warn from 89 megapixels on, within what the gate admits.
Image.MAX_IMAGE_PIXELS = None

# Pillow's own reading of uncompressed TIFFs takes bytes for samples of 16 bits where each channel has a plane
# of its own, and knows no subsampled chroma.
TiffImagePlugin.READ_LIBTIFF = True

# Greys that libtiff reads and that Pillow has no mode for: white at 0, or of 12 bits. `Raster` says how they
# become eight.
for _order in (TiffImagePlugin.II, TiffImagePlugin.MM):
    for _photometric in (0, 1):
        TiffImagePlugin.OPEN_INFO[(_order, _photometric, (1,), 1, (12,), ())] = ("I;16", "I;12")
TiffImagePlugin.OPEN_INFO[(TiffImagePlugin.MM, 0, (1,), 1, (16,), ())] = ("I;16B", "I;16B")

_LYING = 5  # orientations from here on exchange width and height
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Raster:
    """A decoded picture.

    Attributes:
        image: In any of Pillow's modes; a TIFF's is upright.
        region: Right and bottom of the part that is the picture: a draft's last column and row may hold less
            than a whole pixel of it.
        orientation: EXIF's 1 to 8, of how the image lies.
        depth: Bits of a grey sample of more than 8. Floats, of mode F, are from 0 to 1.
        white_is_zero: Whether such greys have white at 0.
    """

    image: Image.Image
    region: tuple[float, float]
    orientation: int = 1
    depth: int = 16
    white_is_zero: bool = False

    @property
    def lies(self) -> bool:
        """Whether width and height are to be exchanged."""
        return self.orientation >= _LYING


def read_raster(data: bytes, header: Header, draft: tuple[int, int] | None = None) -> Raster:
    """Decode a file; a JPEG perhaps at a half, quarter or eighth of its size that is at least `draft`.

    Raises:
        ImageCorrupt: Rows of pixels are missing, or it is not what its header says.
        ImageUnsupported: A kind of its format that is not read.
        Exception: Whatever Pillow raises on hostile bytes, which is undocumented.
    """
    match header.format:
        case Format.JPEG:
            return _jpeg(data, header, draft)
        case Format.PNG:
            return _png(data, header)
        case Format.GIF:
            return _gif(data, header)
        case Format.WEBP:
            return _whole(_loaded(WebPImageFile(io.BytesIO(data)), header))
        case Format.BMP:
            return _bmp(data, header)
        case Format.TIFF:
            return _tiff(data, header)
        case Format.SVG:
            raise ImageUnsupported


def upright_size(data: bytes, header: Header) -> tuple[int, int]:
    """Width and height of an admitted raster as it is to be shown."""
    width, height = header.width, header.height
    if header.format is Format.TIFF:
        return _open_tiff(data).size  # Pillow tells it as it will be upright
    if header.format is Format.JPEG and _orientation(JpegImageFile(io.BytesIO(data))) >= _LYING:
        return height, width
    return width, height


def _loaded(image: ImageFile, header: Header) -> ImageFile:
    """The image with its pixels. Raises ImageCorrupt before they are read if its size is another one."""
    # Sorted, because Pillow reports the size of a TIFF as its orientation will have turned it.
    if sorted(image.size) != sorted((header.width, header.height)):
        raise ImageCorrupt
    image.load()
    return image


def _whole(image: Image.Image) -> Raster:
    return Raster(image, image.size)


# Bits of no meaning, and a restart marker, after which a decoder takes them for the next part of the pixels.
_JPEG_FILLING = b"\x5a\x35\xa6\xc3" * 64
_JPEG_TWIN_END = b"".join(_JPEG_FILLING + bytes((0xFF, 0xD0 + i)) for i in range(8)) + jpeg.END_MARKER


def _jpeg(data: bytes, header: Header, draft: tuple[int, int] | None) -> Raster:
    """A JPEG without its end marker is whole if other bytes in place of the missing ones change nothing."""
    if _has_end(data):
        return _drafted(data, header, draft)
    if not jpeg.has_all_scans(data):
        raise ImageCorrupt
    data = data.rstrip(b"\xff")  # half of the marker
    raster = _drafted(data + jpeg.END_MARKER, header, draft)
    twin = _drafted(data + _JPEG_TWIN_END, header, draft)
    if raster.image.tobytes() != twin.image.tobytes():
        raise ImageCorrupt
    return raster


def _has_end(data: bytes) -> bool:
    return any(segment.marker == jpeg.END for segment in jpeg.segments(data))


def _drafted(data: bytes, header: Header, draft: tuple[int, int] | None) -> Raster:
    image = JpegImageFile(io.BytesIO(data))
    if image.size != (header.width, header.height):
        raise ImageCorrupt
    drafted = image.draft(None, draft) if draft else None
    image.load()
    return Raster(image, drafted[1][2:] if drafted else image.size, _orientation(image))


def _orientation(image: JpegImageFile) -> int:
    """EXIF's alone: `getexif` would ask XMP as well, which no viewer heeds."""
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        value = exif.get(ExifTags.Base.Orientation)
    except Exception:  # broken metadata, of which there are as many kinds, costs the turn, not the image
        return 1
    return value if value in TRANSPOSITIONS else 1


def _png(data: bytes, header: Header) -> Raster:
    picture = png.read_picture(data)
    image = _loaded(PngImageFile(io.BytesIO(picture.file)), header)
    # Pillow leaves rows that are missing at zero.
    if (picture.layout.interlaced or _last_row_is_zero(image)) and not png.has_all_rows(picture):
        raise ImageCorrupt
    return _whole(_keyed(image, picture.key, picture.file) if picture.key else image)


def _last_row_is_zero(image: Image.Image) -> bool:
    return not np.asarray(image.crop((0, image.height - 1, *image.size))).any()


_BAND_PIXELS = 2**20


def _keyed(upper: Image.Image, key: tuple[int, int, int], file: bytes) -> Image.Image:
    """RGBA, transparent where all 16 bits are the key's. `upper` has the upper eight of each sample."""
    lower = PngImageFile(io.BytesIO(file))
    # The upper byte of what is stored the other way round.
    lower.tile = [tile._replace(args="RGB;16L") for tile in lower.tile]
    lower.load()
    opaque = Image.new("L", upper.size)
    rows = max(1, _BAND_PIXELS // upper.width)
    for top in range(0, upper.height, rows):
        box = (0, top, upper.width, min(top + rows, upper.height))
        high, low = (np.asarray(image.crop(box), np.uint16) for image in (upper, lower))
        different = (high << 8 | low) != np.asarray(key, np.uint16)
        opaque.paste(Image.fromarray(different.any(axis=-1).astype(np.uint8) * 255), (0, top))
    upper.putalpha(opaque)
    return upper


def _gif(data: bytes, header: Header) -> Raster:
    """What the first frame leaves bare of the screen is transparent, also if no colour is."""
    image = GifImageFile(io.BytesIO(data))
    frame = image.tile[0].extents
    _loaded(image, header)
    if frame is None or frame == (0, 0, *image.size) or "transparency" in image.info:
        return _whole(image)
    canvas = Image.new("RGBA", image.size)
    canvas.paste(image.crop(frame).convert("RGBA"), frame)
    return _whole(canvas)


def _bmp(data: bytes, header: Header) -> Raster:
    masks = bmp.read_masks(data)
    if masks:
        return _whole(decode_bit_fields(data, masks))
    return _whole(_loaded(BmpImageFile(io.BytesIO(bmp.with_whole_header(data))), header))


_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_SAMPLE_FORMAT = 258, 262, 339
_TIFF_WHITE_IS_ZERO, _TIFF_SIGNED = 0, 2


def _tiff(data: bytes, header: Header) -> Raster:
    image = _open_tiff(data)
    tags = image.tag_v2
    bits = tags.get(_TIFF_BITS, (1,))[0]
    # Modes of fewer bits are seen as they should be.
    white_is_zero = tags.get(_TIFF_PHOTOMETRIC) == _TIFF_WHITE_IS_ZERO and image.mode[0] in "IF"
    if _TIFF_SIGNED in tags.get(_TIFF_SAMPLE_FORMAT, ()):
        raise ImageUnsupported("a TIFF of signed samples is not read")
    return Raster(_loaded(image, header), image.size, depth=bits, white_is_zero=white_is_zero)


def _open_tiff(data: bytes) -> TiffImageFile:
    """Raises ImageUnsupported if Pillow has no mode for its samples, or no decoder for their coding."""
    try:
        image = TiffImageFile(io.BytesIO(data))
    except SyntaxError as error:
        if isinstance(error.__cause__, KeyError):
            raise ImageUnsupported("this kind of TIFF is not read") from error
        raise
    image.info.pop("xmp", None)  # or Pillow would turn the image as that says, which no viewer does
    return image


def rgb_rows(raster: Raster, top: int, bottom: int, alpha: Literal["white", "drop"]) -> Image.Image:
    """RGB of some rows of a raster, on white where it is transparent; or as if it were opaque."""
    plain = plain_rows(raster, top, bottom)
    if plain.mode == "RGB" or alpha == "drop":
        return plain.convert("RGB")
    white = Image.new("RGB", plain.size, "white")
    white.paste(plain, mask=plain)
    return white


def plain_rows(raster: Raster, top: int, bottom: int) -> Image.Image:
    """RGBA of some rows of what has transparency, and RGB of all else."""
    rows = raster.image.crop((0, top, raster.image.width, bottom))
    if rows.mode.startswith(("I", "F")):
        rows = _eight_bits(rows, raster)
    if rows.mode == "La":  # Pillow converts it to LA alone
        rows = rows.convert("LA")
    return rows.convert("RGBA" if rows.has_transparency_data else "RGB")


def _eight_bits(rows: Image.Image, raster: Raster) -> Image.Image:
    """The upper eight bits of grey samples, as Pillow does with RGB of 16; Pillow itself would clip."""
    values = np.asarray(rows)
    if rows.mode == "F":
        grey = np.rint(np.nan_to_num(values * 255.0, posinf=255, neginf=0).clip(0, 255)).astype(np.uint8)
    else:
        grey = (values >> raster.depth - 8).astype(np.uint8)  # also of 32 bits, whose sign falls away
    image = Image.fromarray(255 - grey if raster.white_is_zero else grey)
    transparent = rows.info.get("transparency")
    if transparent is None:
        return image
    opaque = Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
    return Image.merge("LA", (image, opaque))

"""Files to upload, of every kind: the same red disc on white, so that each has about the same score."""

import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

from tests.images import encode, png_chunk, svg

MAX_SERVED_BYTES = 2**20
DJVU_ENCODER = "c44"  # of djvulibre-bin
ENCODER_TIMEOUT_S = 60


def disc(width: int = 800, height: int = 600) -> Image.Image:
    """A red disc on white."""
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).ellipse((width // 4, height // 4, 3 * width // 4, 3 * height // 4), fill="red")
    return image


def files() -> dict[str, bytes]:
    """Name -> content. What is called large is not served as it is."""
    large_png = _large_png(disc())
    return {
        "small.jpg": encode(disc(), "JPEG"),
        "large.jpg": _large_jpeg(disc()),
        "small.png": encode(disc(), "PNG"),
        "narrow.png": encode(disc(100, 75), "PNG"),
        "large-narrow.png": _large_png(disc(200, 150)),
        "small.gif": encode(disc(), "GIF"),
        "small.svg": svg('<circle cx="50" cy="50" r="25" fill="red"/>'),
        "small.webp": encode(disc(), "WEBP"),
        "large.tif": encode(disc(), "TIFF"),
        "pages.tif": _pages(compression="tiff_lzw"),
        "large-pages.tif": _pages(),
        "small.djvu": _djvu(disc()),
        "small.pdf": encode(disc(), "PDF"),
        "large.bmp": encode(disc(), "BMP"),
        "broken.png": large_png[:1000],
    }


def _large_jpeg(image: Image.Image) -> bytes:
    """With 17 comments of 64 KiB."""
    content = encode(image, "JPEG")
    comment = b"\xff\xfe\xff\xff" + b" " * 0xFFFD
    return content[:2] + comment * 17 + content[2:]


def _large_png(image: Image.Image) -> bytes:
    """With a text of 1 MiB."""
    content = encode(image, "PNG")
    end = content.rindex(b"IEND") - 4
    return content[:end] + png_chunk(b"tEXt", b"Comment\0" + b" " * MAX_SERVED_BYTES) + content[end:]


def _pages(**options: str) -> bytes:
    return encode(
        disc(), "TIFF", save_all=True, append_images=[Image.new("RGB", (800, 600), "blue")], **options
    )


def _djvu(image: Image.Image) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        drawn, made = Path(folder, "a.ppm"), Path(folder, "a.djvu")
        image.save(drawn)
        subprocess.run([DJVU_ENCODER, drawn, made], check=True, timeout=ENCODER_TIMEOUT_S)
        return made.read_bytes()

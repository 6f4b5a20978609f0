"""The benchmark's files: thumbnails as UploadWizard sends them, and one large photograph; always the same."""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

THUMBNAILS = 200
THUMBNAIL_WIDTH = 330  # pixels; one of the widths that Commons keeps thumbnails in
HEIGHTS = (186, 220, 248, 330, 440)  # pixels: 16:9, 3:2, 4:3, square, 3:4
OTHER_KIND_EVERY = 4  # one JPEG in four is a drawing, one PNG in four a photograph (a screenshot, say)
LARGE_SIZE = (4000, 3000)
LARGE_MAX_BYTES = 4 * 2**20
PNG_BITS = 6  # of a channel: makes the large PNG 2 MB
GRAIN = 13  # of 255: makes the large photograph about 3 MB, as a camera's
SCENES, SCENE_SIZE = 10, (500, 500)
_OVERSAMPLING = 3


@dataclass(frozen=True, slots=True)
class File:
    """A name, which says the format, and the bytes."""

    name: str
    data: bytes


def thumbnails(count: int = THUMBNAILS) -> list[File]:
    """Thumbnails of 330 pixels' width: by turns PNG (mostly drawings) and JPEG (mostly photographs)."""
    return [_thumbnail(number) for number in range(count)]


def large_files() -> list[File]:
    """12 megapixels and at most 4 MiB each: a photograph as JPEG, the same progressively, a plain one as PNG.

    A PNG of the photograph would have 25 MB.
    """
    image = large_photograph()
    plain = photograph(LARGE_SIZE[0] // 4, LARGE_SIZE[1] // 4, seed=0).resize(LARGE_SIZE)
    files = [
        File("large.jpg", _encoded(image, format="JPEG", quality=85)),
        File("progressive.jpg", _encoded(image, format="JPEG", quality=85, progressive=True)),
        File("large.png", _encoded(ImageOps.posterize(plain, PNG_BITS), format="PNG")),
    ]
    assert all(len(file.data) <= LARGE_MAX_BYTES for file in files)
    return files


def large_photograph() -> Image.Image:
    """12 megapixels with detail at every scale."""
    width, height = LARGE_SIZE
    rng = np.random.default_rng(0)
    smooth = np.asarray(photograph(width // 4, height // 4, seed=0).resize(LARGE_SIZE), np.int16)
    grain = rng.integers(-GRAIN, GRAIN + 1, (height, width, 1), np.int16)
    return Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8))


def write_files(files: list[File], folder: Path) -> None:
    """Put files where the benchmark's other processes read them."""
    for file in files:
        (folder / file.name).write_bytes(file.data)


def read_files(folder: Path) -> list[File]:
    """The files of a folder, by name."""
    return [File(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]


def photograph(width: int, height: int, seed: int = 1) -> Image.Image:
    """Something like a photograph: detail at every scale."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(1, 10):
        noise = rng.normal(size=(2**octave, 2**octave, 3)).astype(np.float32)
        layers = [
            np.asarray(Image.fromarray(noise[..., band]).resize((width, height), Image.Resampling.BICUBIC))
            for band in range(3)
        ]
        total += np.stack(layers, -1) * 0.6**octave
    low, high = np.percentile(total, [1, 99])
    return Image.fromarray(((total - low) / (high - low) * 255).clip(0, 255).astype(np.uint8))


def drawing(width: int, height: int, seed: int, mode: str) -> Image.Image:
    """Something like a logo: a few plain shapes with smooth edges, on white (RGB) or on nothing (RGBA)."""
    rng = np.random.default_rng(seed)
    size = np.array([width, height]) * _OVERSAMPLING
    image = Image.new(mode, (int(size[0]), int(size[1])), "white" if mode == "RGB" else (0, 0, 0, 0))
    pencil = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(3, 12))):
        corners = np.sort(rng.uniform(0.05, 0.95, (2, 2)), axis=0) * size
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        draw = (pencil.ellipse, pencil.rectangle)[int(rng.integers(2))]
        draw([float(value) for value in corners.ravel()], fill=colour)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _thumbnail(number: int) -> File:
    is_png, pair = number % 2 == 0, number // 2
    is_drawing = is_png != (pair % OTHER_KIND_EVERY == 0)
    size = (THUMBNAIL_WIDTH, HEIGHTS[pair % len(HEIGHTS)])
    if not is_drawing:
        image = _detail(*size, seed=number)
    else:
        image = drawing(*size, seed=number, mode="RGBA" if is_png and pair % 2 else "RGB")
    if is_png:
        return File(f"{number:03}.png", _encoded(image, format="PNG"))
    return File(f"{number:03}.jpg", _encoded(image, format="JPEG", quality=85))


def _detail(width: int, height: int, seed: int) -> Image.Image:
    """A part of one of a few photographs: to make each anew would take most of a minute."""
    rng = np.random.default_rng(seed)
    whole = _scene(seed % SCENES)
    left, top = (
        int(rng.integers(side - part)) for side, part in zip(whole.size, (width, height), strict=True)
    )
    return whole.crop((left, top, left + width, top + height))


@cache
def _scene(seed: int) -> Image.Image:
    return photograph(*SCENE_SIZE, seed)


def _encoded(image: Image.Image, **options: str | int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **options)  # type: ignore[arg-type]
    return buffer.getvalue()

"""The golden set: a few small files in awkward formats, and the scores that every path must give them.

All are drawn here, so that they are nobody's: one picture, and one logo-like mark, in every
format that is read.

    python -m release.golden --model model_artifacts/logo-detection

scores an artifact's set anew, where decoding changed what the model sees, and writes the manifest's hashes.
"""

import argparse
import io
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageDraw

from logo_detection.artifact import Artifact, hash_files, load_artifact, read_manifest, write_manifest
from logo_detection.classifier import Precision, load_classifier
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import Pixels
from logo_detection.errors import ImageUnsupported

DIRECTORY = "golden"
EXPECTED = "expected.json"
EXPECTED_INT8 = "expected-int8.json"
EXIF_ORIENTATION = 0x0112
ROTATED_90 = 6

MARK = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 160">
  <path fill="#c2185b" d="M40 130 L85 30 L130 130 Z"/>
  <circle cx="165" cy="85" r="45" fill="#00796b" fill-opacity=".8"/>
</svg>
"""


def write_images(directory: Path) -> None:
    """Draw the set into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in draw_images().items():
        (directory / name).write_bytes(data)


def read_images(artifact: Path) -> dict[str, bytes]:
    """The set's files by name, in their order."""
    paths = sorted(path for path in (artifact / DIRECTORY).iterdir() if path.suffix != ".json")
    return {path.name: path.read_bytes() for path in paths}


def decode_images(artifact: Artifact) -> dict[str, Pixels]:
    """The set's pictures by name, but those that the artifact's specification has no decoder for."""
    pixels = {}
    for name, data in read_images(artifact.path).items():
        with suppress(ImageUnsupported):  # LiftWing's reads no SVG
            pixels[name] = load_image(data, artifact.spec)
    return pixels


def write_expected(artifact: Artifact, precision: Precision = "f32") -> None:
    """Score the set and write `expected.json`, or `expected-int8.json`: file -> label -> probability.

    Raises:
        ArtifactError: The artifact has no such model, or this CPU is not for it.
    """
    classifier = load_classifier(artifact.model_source("auto", precision))
    expected = {
        name: dict(zip(artifact.labels, map(float, classifier.score(pixels)), strict=True))
        for name, pixels in decode_images(artifact).items()
    }
    name = EXPECTED_INT8 if precision == "int8" else EXPECTED
    (artifact.path / DIRECTORY / name).write_text(json.dumps(expected, indent=2) + "\n")


def score_again(directory: Path) -> dict[str, float]:
    """Write the expected scores of an artifact anew, and its manifest over what lies there now.

    Returns:
        The largest change of any label's probability, by file.

    Raises:
        ArtifactError: It is not what its manifest says.
    """
    artifact = load_artifact(directory)
    before = _read_expected(artifact)
    write_expected(artifact)
    if artifact.int8:
        write_expected(artifact, "int8")
    manifest = read_manifest(directory)
    write_manifest(directory, manifest.model_copy(update={"files": hash_files(directory)}))
    return {
        name: max(abs(score - before.get(name, {}).get(label, 0.0)) for label, score in scores.items())
        for name, scores in _read_expected(artifact).items()
    }


def _read_expected(artifact: Artifact) -> dict[str, dict[str, float]]:
    """Nothing where the set was never scored."""
    path = artifact.path / DIRECTORY / EXPECTED
    expected: dict[str, dict[str, float]] = json.loads(path.read_text()) if path.exists() else {}
    return expected


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m release.golden", description="Score a golden set anew.")
    parser.add_argument("--model", type=Path, required=True, help="artifact directory, which is changed")
    for name, change in score_again(parser.parse_args(arguments).model).items():
        sys.stdout.write(f"{change:9.6f}  {name}\n")


def draw_images() -> dict[str, bytes]:
    """File name -> bytes, each at most 20 kB."""
    landscape, mark = draw_landscape(240, 160), draw_mark(200)
    upright = Image.Exif()
    upright[EXIF_ORIENTATION] = ROTATED_90
    flat = Image.new("RGB", mark.size, "white")
    flat.paste(mark, mask=mark)
    return {
        "cmyk.jpg": encode(landscape.convert("CMYK"), "JPEG", quality=80),
        "rotated.jpg": encode(
            landscape.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=85, exif=upright
        ),
        "grey-16-bit.png": encode(deepen(landscape.resize((90, 60))), "PNG"),
        "palette-alpha.png": encode(mark.quantize(32), "PNG"),
        "alpha.webp": encode(mark, "WEBP", quality=80),
        "animated.gif": encode(
            flat.quantize(16), "GIF", save_all=True, append_images=[landscape.resize(flat.size).quantize(16)]
        ),
        "mark.bmp": encode(flat.resize((72, 72)), "BMP"),
        "landscape.tif": encode(landscape, "TIFF", compression="tiff_lzw"),
        "one-bit.png": encode(flat.convert("1"), "PNG"),
        "mark.svg": MARK.encode(),
    }


def encode(image: Image.Image, image_format: str, **options: object) -> bytes:
    """The file that Pillow writes for an image."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def deepen(image: Image.Image) -> Image.Image:
    """The same picture in 16-bit grey."""
    grey = image.convert("L")
    return Image.frombytes("I;16", grey.size, b"".join(bytes((0x80, value)) for value in grey.tobytes()))


def draw_mark(size: int) -> Image.Image:
    """A ring and a bar on transparency, RGBA."""
    image = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(image)
    draw.ellipse((size * 0.1, size * 0.1, size * 0.9, size * 0.9), outline="#1565c0", width=size // 8)
    draw.rounded_rectangle((size * 0.3, size * 0.42, size * 0.7, size * 0.58), size // 20, fill="#ef6c00")
    return image


def draw_landscape(width: int, height: int) -> Image.Image:
    """A sky, a sun and two hills, RGB."""
    sky = Image.linear_gradient("L").resize((width, height))
    image = Image.composite(Image.new("RGB", sky.size, "#fbe9c6"), Image.new("RGB", sky.size, "#4a86c5"), sky)
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.65, height * 0.1, width * 0.8, height * 0.33), fill="#fff3b0")
    draw.ellipse((-width * 0.3, height * 0.5, width * 0.7, height * 1.8), fill="#4c7a3d")
    draw.ellipse((width * 0.35, height * 0.62, width * 1.4, height * 1.9), fill="#365c30")
    return image


if __name__ == "__main__":
    main()

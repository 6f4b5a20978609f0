"""What the training tests share: a set of a few images, and pictures that are quick to make."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# Warnings of third parties about themselves, which nothing here can mend.
NOISE = (
    # Keras reads TensorFlow's variables in NumPy 1's way.
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning",
    # Keras's ONNX exporter asks NumPy for `np.object`.
    "ignore:In the future `np.object` will be defined:FutureWarning",
)

SOURCES = {
    "logo": (("brand", "acme/logos@1"), ("brand", "other/logos@2")),
    "out_of_domain": (("photo", "acme/photos@3"), ("photo", "other/photos@4")),
}
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 40">{shapes}</svg>"""
SHAPE = '<circle cx="{}" cy="{}" r="{}" fill="rgb({},{},{})"/>'


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for noise in NOISE:
                item.add_marker(pytest.mark.filterwarnings(noise))


def draw_photo(path: Path, seed: int) -> None:
    """Soft patches of colour, unlike those of any other seed."""
    patches = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    Image.fromarray(patches).resize((90, 60), Image.Resampling.BICUBIC).save(path, quality=85)


def draw_logo(path: Path, seed: int) -> None:
    """A few discs, unlike those of any other seed."""
    rng = np.random.default_rng(seed)
    places = rng.integers((5, 5, 4, 0, 0, 0), (55, 35, 12, 200, 200, 200), (5, 6))
    path.write_text(SVG.format(shapes="".join(SHAPE.format(*place) for place in places)))


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen files with a manifest: two sources of logos, two of photos, four images each."""
    directory = tmp_path_factory.mktemp("data")
    rows = []
    for label, sources in SOURCES.items():
        for category, source in sources:
            for index in range(4):
                owner = source.partition("/")[0]
                suffix = "svg" if label == "logo" else "jpg"
                path = directory / label / category / f"{owner}-{index}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                if suffix == "svg":
                    draw_logo(path, 10 * len(owner) + index)
                else:
                    draw_photo(path, 10 * len(owner) + index)
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                original = f"{owner}{index}.{suffix}"
                rows.append(
                    [path.relative_to(directory).as_posix(), label, category, source, original, "CC0", digest]
                )
    with (directory / "manifest.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "category", "source", "original", "license", "sha256"])
        table.writerows(rows)
    return directory

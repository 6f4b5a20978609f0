"""What the training tests share: a set of a few images, and pictures that are quick to make."""

import csv
import hashlib
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

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
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 40">
  <circle cx="{x}" cy="20" r="14" fill="#c21"/>
</svg>"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for noise in NOISE:
                item.add_marker(pytest.mark.filterwarnings(noise))


def draw_photo(path: Path, seed: int) -> None:
    image = Image.radial_gradient("L").convert("RGB").resize((90, 60))
    ImageDraw.Draw(image).rectangle((seed, seed, seed + 30, seed + 20), fill=(seed * 9 % 256, 90, 40))
    image.save(path, quality=85)


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
                    path.write_text(SVG.format(x=10 + 3 * index + len(owner)))
                else:
                    draw_photo(path, index + len(owner))
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

"""Sets of images for the pipelines' tests, and a recipe that tells them apart in seconds."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from tests.harness.process import ROOT
from tests.wiki import mark, photo

WIDTH = 330  # pixels
PHOTOS = 1_000  # seeds of photos; those below are of marks


def write_images(directory: Path, count: int) -> Path:
    """So many marks and so many photos, which a glance tells apart, with a manifest; its path."""
    rows = []
    for label, draw, first in (("logo", mark, 0), ("out_of_domain", photo, PHOTOS)):
        (directory / label).mkdir(parents=True)
        for index in range(count):
            name = f"{label}/{index}.png"
            (directory / name).write_bytes(draw(first + index, WIDTH))
            rows.append([name, label, f"category of {label}"])
    manifest = directory / "images.csv"
    with manifest.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "category"])
        table.writerows(rows)
    return manifest


def write_colours(directory: Path, count: int) -> Path:
    """Red logos and blue pictures, which the artifact of `tests.models` tells apart, in folders; the root."""
    for label, channel in (("logo", 0), ("out_of_domain", 2)):
        (directory / label).mkdir(parents=True)
        for index in range(count):
            pixels = np.zeros((20, 20, 3), np.uint8)
            pixels[..., channel] = 255 - index
            Image.fromarray(pixels).save(directory / label / f"{index}.png")
    return directory


def brief_recipe() -> str:
    """`quick.toml` without its drawings, and with one stage of small images."""
    text = (ROOT / "training/recipes/quick.toml").read_text()
    head, drawings, network = text.index("[[stages]]"), text.index("[variants]"), text.index("[network]")
    stage = "[[stages]]\nsize = 64\nimages = 640\nbatch = 16\nrate = 5e-3\nlast_rate = 1e-4\n\n"
    variants = text[drawings : text.index("[drawn]")]
    return text[:head] + stage + variants + text[network:]

"""Duplicates: copies are found, however degraded, and simple marks are not taken for copies."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from datasets.duplicates import BLOCK, Fingerprint, alike, drop_duplicates, fingerprint, near_duplicates
from datasets.manifest import Example
from datasets.splits import Split

SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200">
  <path d="M40 160 L150 30 L260 160 Z" fill="#1450a0"/><circle cx="150" cy="110" r="35" fill="#fc2"/>
</svg>"""


def described(path: Path, label: str = "logo") -> Example:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Example(path, label, "brand", "acme/logos@1", path.name, "CC0", "", digest)


def mark(size: tuple[int, int] = (300, 200)) -> Image.Image:
    """What `SVG` shows, drawn."""
    scale = 3  # for smooth edges
    picture = Image.new("RGB", (300 * scale, 200 * scale), "white")
    draw = ImageDraw.Draw(picture)
    draw.polygon([(x * scale, y * scale) for x, y in ((40, 160), (150, 30), (260, 160))], fill="#1450a0")
    draw.ellipse([v * scale for v in (115, 75, 185, 145)], fill="#ffcc22")
    return picture.resize(size, Image.Resampling.LANCZOS)


def photo(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    return Image.fromarray(coarse).resize((400, 300), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("small.png", lambda: mark((150, 100))),
        ("large.png", lambda: mark((1200, 800))),
        ("degraded.jpg", lambda: mark()),
        ("palette.gif", lambda: mark().quantize(16)),
        ("modern.webp", lambda: mark()),
    ],
)
def test_a_copy_in_another_format_or_size_is_a_near_duplicate(
    tmp_path: Path, name: str, made: Callable[[], Image.Image]
) -> None:
    (tmp_path / "original.svg").write_text(SVG)
    made().save(tmp_path / name, quality=60)
    examples = [described(tmp_path / "original.svg")], [described(tmp_path / name)]
    assert near_duplicates(*examples, workers=1) == [(0, 0)]


def test_simple_marks_on_white_and_recoloured_flags_are_no_near_duplicates(tmp_path: Path) -> None:
    def draw(name: str, kind: str, *colours: str) -> None:
        picture = Image.new("RGB", (300, 200), "white")
        pen = ImageDraw.Draw(picture)
        if kind == "stripes":
            for index, colour in enumerate(colours):
                pen.rectangle((index * 100, 0, index * 100 + 99, 199), fill=colour)
        elif kind == "triangle":
            pen.polygon([(150, 30), (60, 170), (240, 170)], fill=colours[0])
        else:
            getattr(pen, kind)((80, 30, 220, 170), fill=colours[0])
        picture.save(tmp_path / f"{name}.png")

    draw("france", "stripes", "#000091", "#ffffff", "#e1000f")
    draw("mali", "stripes", "#14b53a", "#fcd116", "#ce1126")
    draw("ireland", "stripes", "#169b62", "#ffffff", "#ff883e")
    draw("italy", "stripes", "#009246", "#ffffff", "#ce2b37")
    draw("disc", "ellipse", "#c01020")
    draw("disc-blue", "ellipse", "#1020c0")
    draw("square", "rectangle", "#c01020")
    draw("triangle", "triangle", "#c01020")
    examples = [described(path) for path in sorted(tmp_path.iterdir())]
    found = near_duplicates(examples, examples, workers=1)
    assert found == [(index, index) for index in range(len(examples))]


def test_white_on_white_and_what_cannot_be_read_have_no_near_duplicate(tmp_path: Path) -> None:
    Image.new("RGB", (50, 50), "white").save(tmp_path / "blank.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert fingerprint(tmp_path / "blank.png") is None
    assert fingerprint(tmp_path / "broken.png") is None
    assert fingerprint(tmp_path / "missing.png") is None


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    """A photo, its copy to the byte, its copy to the eye, and two others."""
    paths = {name: tmp_path / f"{name}.jpg" for name in ("photo", "copy", "degraded", "second", "third")}
    for name, seed, quality in (("photo", 1, 90), ("degraded", 1, 40), ("second", 2, 90), ("third", 3, 90)):
        photo(seed).save(paths[name], quality=quality)
    paths["copy"].write_bytes(paths["photo"].read_bytes())
    return paths


def test_near_duplicates_of_training_pictures_leave_validation(pictures: dict[str, Path]) -> None:
    names = ("photo", "second"), ("copy", "degraded", "third")
    parts = Split(*(tuple(described(pictures[name]) for name in side) for side in names))
    clean = drop_duplicates(parts, workers=2)
    assert clean.training == parts.training
    assert [item.path.stem for item in clean.validation] == ["third"]


def test_a_file_that_is_there_twice_is_trained_on_once(pictures: dict[str, Path]) -> None:
    parts = Split(tuple(described(pictures[name]) for name in ("photo", "second", "copy", "degraded")), ())
    assert [item.path.stem for item in drop_duplicates(parts, workers=1).training] == [
        "photo",
        "second",
        "degraded",
    ]


def test_a_file_with_two_labels_is_on_neither_side(
    pictures: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    training = described(pictures["photo"]), described(pictures["second"])
    validation = described(pictures["copy"], "out_of_domain"), described(pictures["third"])
    clean = drop_duplicates(Split(training, validation), workers=1)
    assert [item.path.stem for item in clean.training + clean.validation] == ["second", "third"]
    assert "1 files have two labels" in caplog.text


def test_ten_thousand_pictures_are_compared_in_seconds() -> None:
    rng = np.random.default_rng(1)
    prints: list[Fingerprint | None] = [
        Fingerprint(rng.integers(0, 256, 16 * 16 * 3, np.uint8), 0.0) for _ in range(10_000)
    ]
    assert len(prints) > BLOCK
    started = time.monotonic()
    assert list(alike(prints[:5000], prints[5000:])) == []
    assert list(alike(prints[3:4], prints)) == [(0, 3)]
    assert time.monotonic() - started < 20

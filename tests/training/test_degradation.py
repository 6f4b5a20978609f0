"""Degradation: no class can be told by its files, and nothing vanishes."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from synthetic.stateless_random import seeded
from training.degradation import degrade_logo, degrade_photo, encode_degraded, flatten, is_light, recode


def mark(ink: str) -> Image.Image:
    image = Image.new("RGBA", (120, 80))
    ImageDraw.Draw(image).ellipse((20, 10, 100, 70), fill=ink)
    return image


@pytest.mark.parametrize("ink", ["white", "#f4f4f4", "#ffffe0", "black", "#c2185b"])
def test_a_logo_can_be_seen_on_every_background_it_is_given(ink: str) -> None:
    for seed in range(40):
        page = degrade_logo(seeded(seed), mark(ink))
        assert np.asarray(page).std(axis=(0, 1)).max() > 6, seed


def test_a_white_logo_is_flattened_on_a_dark_page_and_others_on_white() -> None:
    assert is_light(mark("white"))
    assert flatten(mark("white")).getpixel((0, 0)) != (255, 255, 255)
    assert flatten(mark("navy")).getpixel((0, 0)) == (255, 255, 255)


def test_both_classes_come_in_the_same_codecs_and_sizes() -> None:
    photo = Image.effect_noise((400, 300), 60).convert("RGB")

    def forms(pictures: list[Image.Image]) -> tuple[dict[str | None, int], float]:
        files = [
            Image.open(io.BytesIO(encode_degraded(seeded(index), item)))
            for index, item in enumerate(pictures)
        ]
        counts: dict[str | None, int] = {}
        for file in files:
            counts[file.format] = counts.get(file.format, 0) + 1
        return counts, float(np.median([max(file.size) for file in files]))

    logos = forms([degrade_logo(seeded("logo", index), mark("teal")) for index in range(120)])
    photos = forms([degrade_photo(seeded("photo", index), photo) for index in range(120)])
    for counts, size in (logos, photos):
        assert set(counts) == {"PNG", "JPEG", "WEBP"}
        assert counts["PNG"] > 30
        assert counts["JPEG"] > 30
        assert 100 < size < 500


def test_a_degradation_depends_on_its_seed_alone() -> None:
    first, again, other = (
        encode_degraded(seeded(seed), degrade_logo(seeded(seed), mark("teal"))) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_recodings_are_a_png_and_a_jpeg_of_one_picture() -> None:
    files = recode(flatten(mark("teal")))
    assert [Image.open(io.BytesIO(data)).format for data in files.values()] == ["PNG", "JPEG"]

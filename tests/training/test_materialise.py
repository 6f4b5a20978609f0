"""Materialise: what training reads is what the server would see."""

from pathlib import Path

import numpy as np
import pytest

from logo_detection.image import ImageSpec, load_image
from training.datasets import read_examples
from training.generators.catalogue import Drawing
from training.materialise import Task, is_whole, make, materialise, read_shard
from training.plan import AS_IT_IS
from training.presentation import recodings

SMALL = ImageSpec(32, 32)


def test_rows_hold_the_pixels_that_the_server_decodes() -> None:
    drawing = Drawing("flag", "flat", 3)
    rows = make(Task(drawing, AS_IT_IS, 1), SMALL)
    files = recodings(drawing.draw())
    assert [row.recoding for row, _ in rows] == list(files) == ["png", "jpeg"]
    for row, pixels in rows:
        np.testing.assert_array_equal(pixels, np.round(load_image(files[row.recoding], SMALL)))


def test_a_shard_keeps_the_order_of_its_tasks_and_can_be_read_again(images: Path, tmp_path: Path) -> None:
    examples = read_examples(images)
    tasks = [Task(example, variant, 7) for example in examples[::4] for variant in range(2)]
    made = materialise([*tasks, Task(Drawing("plain", "solid", 1), 0, 7)], SMALL, tmp_path, workers=1)
    assert made.images.shape == (9, 32, 32, 3)
    assert made.images.dtype == np.uint8
    assert [row.label for row in made.rows] == ["logo"] * 4 + ["out_of_domain"] * 5
    assert [row.name for row in made.rows[:8:2]] == [example.path.name for example in examples[::4]]
    assert made.rows[-1].source == "generated/solid"
    again = read_shard(tmp_path)
    assert again.rows == made.rows
    np.testing.assert_array_equal(again.images, made.images)


def test_a_file_that_cannot_be_read_is_left_out(
    images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    example = read_examples(images)[0]
    broken = tmp_path / "broken.svg"
    broken.write_text("<svg")
    assert make(Task(type(example)(broken, *_rest(example)), 0, 1), SMALL) == []
    assert "broken.svg" in caplog.text


def _rest(example: object) -> list[str]:
    return [
        getattr(example, name) for name in ("label", "category", "source", "original", "licence", "sha256")
    ]


def test_a_shard_without_its_table_is_not_whole(tmp_path: Path) -> None:
    assert not is_whole(tmp_path)
    materialise([Task(Drawing("plain", "gradient", 1), 0, 7)], SMALL, tmp_path, workers=1)
    assert is_whole(tmp_path)

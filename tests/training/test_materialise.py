"""Materialise: what training reads is what the server would see."""

import struct
import zlib
from pathlib import Path

import numpy as np

from datasets.manifest import Example, read_examples
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec
from synthetic.catalogue import Drawing
from training.degradation import FORMS, recode
from training.materialise import (
    DEGRADED,
    UNDEGRADED,
    ImageTask,
    LeftOutImage,
    MaterialisedImage,
    materialise,
    materialise_all,
)

SMALL = ImageSpec(32, 32)


def logo(path: Path) -> Example:
    return Example(path, "logo", "brand", "s", "o", "", "", "1")


def made(task: ImageTask) -> MaterialisedImage:
    result = materialise(task, SMALL)
    assert isinstance(result, MaterialisedImage)
    return result


def test_pixels_are_those_that_the_server_decodes() -> None:
    drawing = Drawing("flag", "flat", 3)
    result = made(ImageTask(drawing, UNDEGRADED, 0, 1))
    assert result.files == recode(drawing.draw())
    assert list(result.pixels) == ["png", "jpeg"]
    for recoding, pixels in result.pixels.items():
        assert pixels.dtype == np.uint8
        np.testing.assert_array_equal(pixels, np.round(load_image(result.files[recoding], SMALL)))


def test_a_training_picture_is_degraded_once_in_every_form(images: Path) -> None:
    for example in read_examples(images)[::4]:
        for form in FORMS:
            assert list(made(ImageTask(example, form, 0, 1)).files) == [DEGRADED]


def test_two_examples_become_another_picture(images: Path) -> None:
    first, second, *_ = (example for example in read_examples(images) if example.label == "logo")
    alone = made(ImageTask(first, "drawn", 1, 1)).files
    assert made(ImageTask(first, "drawn", 1, 1, second)).files != alone


def test_a_file_that_cannot_be_read_is_left_out_with_its_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.svg"
    broken.write_text("<svg")
    result = materialise(
        ImageTask(Example(broken, "logo", "brand", "s", "o", "", "", "1"), "logo", 0, 1), SMALL
    )
    assert isinstance(result, LeftOutImage)
    assert result.picture == str(broken)
    assert result.reason


def test_a_file_that_the_server_would_not_admit_is_left_out_undecoded(tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 10_000, 8, 2, 0, 0, 0)
    large.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + header + struct.pack(">I", zlib.crc32(header)))
    result = materialise(
        ImageTask(Example(large, "logo", "brand", "s", "o", "", "", "1"), "logo", 0, 1), SMALL
    )
    assert isinstance(result, LeftOutImage)
    assert result.reason.startswith("ImageTooManyPixels: ")


def test_an_example_that_shows_nothing_is_left_out_but_a_drawing_may_be_plain(tmp_path: Path) -> None:
    blank = tmp_path / "blank.svg"
    blank.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 40"/>')
    result = materialise(
        ImageTask(Example(blank, "logo", "brand", "s", "o", "", "", "1"), UNDEGRADED, 0, 1), SMALL
    )
    assert isinstance(result, LeftOutImage)
    assert result.reason == "shows nothing"
    made(ImageTask(Drawing("plain", "solid", 1), UNDEGRADED, 0, 1))


def test_several_processes_keep_the_order_of_their_tasks() -> None:
    tasks = [ImageTask(Drawing("plain", "gradient", number), "drawn", 0, 7) for number in range(40)]
    results = list(materialise_all(tasks, SMALL, 2, "training"))
    assert [result.task for result in results] == tasks
    np.testing.assert_array_equal(made(tasks[33]).pixels[DEGRADED], _pixels(results[33]))


def _pixels(result: MaterialisedImage | LeftOutImage) -> np.ndarray:
    assert isinstance(result, MaterialisedImage)
    return result.pixels[DEGRADED]

"""A small artifact whose scores can be told beforehand: red is a logo, blue is none, grey is undecided."""

from pathlib import Path

import pytest
from PIL import Image

from tests.images import png
from tests.models import tiny_onnx, write_artifact


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("artifact")
    tiny_onnx(directory / "model.onnx")
    return write_artifact(directory)


def one_colour(colour: str, width: int = 40, height: int = 30) -> bytes:
    return png(Image.new("RGB", (width, height), colour))

"""The heat maps of the worst errors: of the right pictures, in the right colours."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper
from PIL import Image

from datasets.manifest import read_examples
from evaluation.evaluate import main
from evaluation.outcomes import score_examples
from evaluation.overlays import EXPLAINED, OVERLAY_PIXELS, add_overlays
from evaluation.pictures import Picture, WorstErrors, worst
from logo_detection.artifact import load_artifact
from tests.evaluation.sets import BLUE, RED, picture, plain_set, write_set
from tests.models import tiny_onnx, write_artifact


def half_red() -> bytes:
    """The left half is red, the right one blue."""
    image = Image.new("RGB", (224, 224), BLUE)
    image.paste(RED, (0, 0, 112, 224))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def found_worst(artifact: Path, data: Path, shown: int = 24) -> WorstErrors:
    loaded = load_artifact(artifact)
    return worst(score_examples(loaded, read_examples(data), workers=1), loaded.labels, shown)


def pixels_of(one: Picture) -> NDArray[np.float32]:
    assert one.overlay is not None
    with Image.open(
        io.BytesIO(base64.b64decode(one.overlay.removeprefix("data:image/jpeg;base64,")))
    ) as image:
        assert (image.format, image.size) == ("JPEG", (OVERLAY_PIXELS, OVERLAY_PIXELS))
        return np.asarray(image, np.float32)


@pytest.fixture
def inexplicable(tmp_path: Path) -> Path:
    """The small model, ended by what no heat map can see through."""
    model = onnx.load(tiny_onnx(tmp_path / "model.onnx"))
    model.graph.node[-1].output[0] = "sound"
    model.graph.node.append(helper.make_node("Abs", ["sound"], ["scores"]))
    onnx.save(model, tmp_path / "model.onnx")
    return write_artifact(tmp_path)


def test_a_place_is_orange_where_it_speaks_for_a_logo_and_blue_where_against(
    artifact: Path, tmp_path: Path
) -> None:
    data = write_set(tmp_path, {"logo/a.png": picture(RED), "out_of_domain/half.png": half_red()})
    explained = add_overlays(found_worst(artifact, data), load_artifact(artifact), workers=2)
    (half,) = explained.others
    red, _, blue = np.moveaxis(pixels_of(half), -1, 0)
    assert (red[:, :60] > blue[:, :60]).all()
    assert (blue[:, 100:] > red[:, 100:]).all()


def test_an_overlay_stands_with_its_own_picture_and_changes_nothing_else(
    artifact: Path, tmp_path: Path
) -> None:
    found = found_worst(artifact, plain_set(tmp_path))
    explained = add_overlays(found, load_artifact(artifact), workers=2)
    for kind, before in ((explained.others, found.others), (explained.targets, found.targets)):
        assert tuple(replace(one, overlay=None) for one in kind) == before
        for one in kind:
            red, _, blue = pixels_of(one).mean(axis=(0, 1))
            assert (red > blue) == (one.score > 0.5), one.example.path.name


def test_the_worst_alone_are_explained(artifact: Path, tmp_path: Path) -> None:
    files = {f"out_of_domain/{number}.png": picture((200 - number, 0, 0)) for number in range(EXPLAINED + 3)}
    found = found_worst(artifact, write_set(tmp_path, {"logo/a.png": picture(RED), **files}))
    explained = add_overlays(found, load_artifact(artifact), workers=1)
    has_one = [one.overlay is not None for one in explained.others]
    assert has_one == [True] * EXPLAINED + [False] * 3


def test_a_picture_that_is_gone_has_none_and_costs_no_other(artifact: Path, tmp_path: Path) -> None:
    data = plain_set(tmp_path)
    found = found_worst(artifact, data)
    (data / "logo" / "brand" / "missed.png").unlink()
    explained = add_overlays(found, load_artifact(artifact), workers=1)
    missing = [one.example.path.name for one in (*explained.targets, *explained.others) if not one.overlay]
    assert missing == ["missed.png"]


def test_nothing_to_explain_starts_no_worker(artifact: Path) -> None:
    none = WorstErrors((), ())
    assert add_overlays(none, load_artifact(artifact), workers=0) == none


def test_a_model_without_heat_maps_gets_none(inexplicable: Path, tmp_path: Path) -> None:
    data = plain_set(tmp_path / "data")
    found = found_worst(inexplicable, data)
    assert add_overlays(found, load_artifact(inexplicable), workers=1) == found


def test_scores_from_elsewhere_are_not_explained(artifact: Path, tmp_path: Path) -> None:
    data = plain_set(tmp_path / "data")
    common = ["--model", str(artifact), "--data", str(data), "--workers", "1"]
    assert main([*common, "--output", str(tmp_path / "own")]) == 0
    table = str(tmp_path / "own" / "predictions.csv")
    assert main([*common, "--output", str(tmp_path / "other"), "--scores", table]) == 0
    own, other = ((tmp_path / name / "report.html").read_text() for name in ("own", "other"))
    assert own.count('class="overlay"') == 8
    assert "orange places speak for" in own
    assert 'class="overlay"' not in other
    assert "orange places speak for" not in other

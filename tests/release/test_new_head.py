"""A new head in a model's files: every runtime has it, and what does not agree is not published."""

from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from logo_detection.artifact import Artifact, Calibration, load_artifact
from logo_detection.decode.spec import LIFTWING_SPEC
from logo_detection.errors import ArtifactError
from logo_detection.head import Head
from release.model_card import Facts
from release.new_head import check_head, own_head, replace_in_onnx, write_artifact
from tests.harness.process import ROOT

LIFTWINGS = ROOT / "tests" / "liftwing" / "small.keras"
LABELS = ("out_of_domain", "a", "b")


def random_head(source: Artifact, classes: int) -> Head:
    rng = np.random.default_rng(3)
    width = len(own_head(source).weights)
    return Head(
        rng.normal(size=(width, classes)).astype(np.float32), rng.normal(size=classes).astype(np.float32)
    )


def facts(source: Artifact) -> Facts:
    return Facts("renewed", "2", LABELS, source.spec, Calibration(base_rate=0.3), {}, {})


def test_a_model_with_another_head_has_other_classes_and_its_own_card(artifact: Path, tmp_path: Path) -> None:
    source = load_artifact(artifact)
    head = random_head(source, 3)
    made = write_artifact(source, head, facts(source), tmp_path)
    assert (made.labels, made.version) == (LABELS, "2")
    assert set(made.model_files) == {"openvino"}
    np.testing.assert_array_equal(own_head(made).weights, head.weights)
    np.testing.assert_array_equal(own_head(made).bias, head.bias)
    assert check_head(source, head, made) < 1e-5
    assert (tmp_path / "golden" / "expected.json").is_file()
    assert "probabilities of `out_of_domain`, `a`, `b`" in (tmp_path / "MODEL_CARD.md").read_text()


def test_a_model_that_does_not_have_the_head_is_not_published(artifact: Path, tmp_path: Path) -> None:
    source = load_artifact(artifact)
    made = write_artifact(source, random_head(source, 3), facts(source), tmp_path)
    other = Head(random_head(source, 3).weights + 1, np.array([0, 1, 2], np.float32))
    with pytest.raises(ArtifactError, match="the new head and the model with it differ by"):
        check_head(source, other, made)


def test_a_head_takes_the_place_of_an_earlier_one_and_leaves_nothing_of_it(
    artifact: Path, tmp_path: Path
) -> None:
    copytree(artifact, tmp_path / "copy")
    path = tmp_path / "copy" / "model.onnx"
    before = path.stat().st_size
    wide = random_head(load_artifact(artifact), 1000)
    replace_in_onnx(path, wide, path)
    assert path.stat().st_size > before + wide.weights.nbytes
    replace_in_onnx(path, random_head(load_artifact(artifact), 2), path)
    assert path.stat().st_size < before + 1000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_liftwings_own_file_can_have_another_head(tmp_path: Path) -> None:
    source = load_artifact(LIFTWINGS)
    made = write_artifact(source, random_head(source, 3), facts(source), tmp_path)
    assert set(made.model_files) == {"keras"}
    assert made.spec == LIFTWING_SPEC
    assert made.labels == LABELS

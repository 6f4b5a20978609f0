"""The network: the preset's, without its hub."""

from pathlib import Path

import numpy as np

from training.model import build_backbone, build_classifier, load_pretrained
from training.recipe import Network

TINY = Network((1, 1), (8, 8), (8, 12), (1, 2), (0, 0.25), (1, 2), ("fused", "unfused"))


def test_the_backbone_has_the_parameters_of_the_preset() -> None:
    assert build_backbone(None).count_params() == 5_919_312


def test_scores_are_probabilities_at_every_size() -> None:
    model = build_classifier(build_backbone(None, TINY), 3, 0.2)
    for size in (32, 48):
        scores = np.asarray(model(np.full((2, size, size, 3), 128, np.float32)))
        assert scores.shape == (2, 3)
        np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


def test_a_backbone_can_begin_with_the_weights_of_another(tmp_path: Path) -> None:
    first, second = build_backbone(32, TINY), build_backbone(32, TINY)
    first.save_weights(tmp_path / "backbone.weights.h5")
    load_pretrained(second, str(tmp_path / "backbone.weights.h5"))
    for ours, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)

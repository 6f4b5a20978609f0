"""Folding: a calibrated model scores what temperature scaling says, in every runtime."""

from pathlib import Path

import numpy as np
import pytest

from evaluation.calibration import apply_temperature
from release.folding import fold_temperature
from tests.training.recipes import tiny_recipe
from training.model import build

IMAGES = np.random.default_rng(0).uniform(0, 255, (5, 32, 32, 3)).astype(np.float32)


@pytest.mark.parametrize("temperature", [0.5, 1.7])
def test_a_folded_temperature_is_an_applied_one(tmp_path: Path, temperature: float) -> None:
    model, _ = build(tiny_recipe(tmp_path), 32)
    head = model.get_layer("scores")
    kernel, _ = head.get_weights()
    head.set_weights([30 * kernel, np.array([0.5, -0.5])])
    before = np.asarray(model(IMAGES))
    fold_temperature(model, temperature)
    np.testing.assert_allclose(model(IMAGES), apply_temperature(before, temperature), atol=1e-6)
    assert not np.allclose(model(IMAGES), before, atol=1e-3)


def test_a_temperature_is_positive(tmp_path: Path) -> None:
    model, _ = build(tiny_recipe(tmp_path), 32)
    for temperature in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="positive"):
            fold_temperature(model, temperature)

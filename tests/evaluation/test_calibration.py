"""Calibration: known temperatures are found again; probabilities that mean what they say have no error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax

from evaluation.calibration import (
    LEAST_TEMPERATURE,
    apply_temperature,
    calibration_error,
    fit_temperature,
    prior_weights,
    reliability_bins,
)

logits = arrays(np.float64, st.tuples(st.integers(2, 30), st.integers(2, 4)), elements=st.floats(-15, 15))


@given(logits, st.integers(0, 2**32 - 1))
def test_a_temperature_is_positive_whatever_the_scores(values: np.ndarray, seed: int) -> None:
    truth = np.random.default_rng(seed).integers(values.shape[1], size=len(values))
    assert fit_temperature(softmax(values, axis=1), truth) > 0


@given(logits, st.floats(0.1, 10))
def test_another_temperature_leaves_the_likeliest_class(values: np.ndarray, temperature: float) -> None:
    scores = softmax(values, axis=1)
    scaled = apply_temperature(scores, temperature)
    chosen = scaled[np.arange(len(scaled)), scores.argmax(axis=1)]
    np.testing.assert_allclose(chosen, scaled.max(axis=1), rtol=1e-9)  # ties may fall either way
    np.testing.assert_allclose(scaled.sum(axis=1), 1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_known_temperature_is_found_again(temperature: float, classes: int) -> None:
    rng = np.random.default_rng(7)
    honest = rng.normal(scale=2, size=(20_000, classes))
    truth = (rng.random((20_000, 1)) > softmax(honest, axis=1).cumsum(axis=1)).sum(axis=1)
    too_sharp = softmax(honest * temperature, axis=1)
    assert fit_temperature(too_sharp, truth) == pytest.approx(temperature, rel=0.05)


def test_what_was_scaled_is_scaled_back() -> None:
    scores = softmax(np.random.default_rng(1).normal(size=(5, 3)), axis=1)
    np.testing.assert_allclose(apply_temperature(apply_temperature(scores, 3.0), 1 / 3), scores)


def test_the_fit_follows_the_weights() -> None:
    sure = np.tile([0.1, 0.9], (10, 1))
    truth = np.array([1] * 8 + [0] * 2)
    too_sure = fit_temperature(sure, truth)
    as_right_as_it_says = fit_temperature(sure, truth, prior_weights(truth, (0.1, 0.9)))
    assert as_right_as_it_says == pytest.approx(1, rel=1e-3)
    assert too_sure == pytest.approx(np.log(9) / np.log(4), rel=1e-3)


def test_scores_that_are_always_right_are_not_sharpened_for_ever() -> None:
    always_right = np.array([[0.6, 0.4], [0.3, 0.7]])
    assert fit_temperature(always_right, np.array([0, 1])) >= LEAST_TEMPERATURE


def test_a_score_of_nothing_has_a_logarithm() -> None:
    certain = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], np.float32)
    assert np.isfinite(fit_temperature(certain, np.array([0, 1, 1])))
    assert np.isfinite(apply_temperature(certain, 2.0)).all()


def test_a_temperature_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        apply_temperature(np.array([[0.5, 0.5]]), 0)


def test_weights_make_the_priors() -> None:
    truth = np.array([0] * 9 + [1])
    weights = prior_weights(truth, (0.5, 0.5))
    assert weights.sum() == pytest.approx(10)
    assert weights[truth == 1].sum() == pytest.approx(5)
    assert prior_weights(truth, (0.9, 0.1)) == pytest.approx(np.ones(10))
    assert prior_weights(truth, (0.5, 0.25, 0.25)).sum() == pytest.approx(
        10
    )  # no image is of the third class


def test_scores_that_mean_what_they_say_have_no_calibration_error() -> None:
    scores = np.full(100, 0.25)
    is_logo = np.arange(100) < 25
    assert calibration_error(scores, is_logo) == pytest.approx(0)
    assert calibration_error(scores, ~is_logo) == pytest.approx(0.5)


def test_the_error_is_of_the_base_rate_that_the_weights_make() -> None:
    scores = np.full(100, 0.5)
    is_logo = np.arange(100) < 25
    weights = prior_weights(is_logo.astype(int), (0.5, 0.5))
    assert calibration_error(scores, is_logo) == pytest.approx(0.25)
    assert calibration_error(scores, is_logo, weights) == pytest.approx(0)


def test_a_score_of_one_falls_into_the_last_bin_and_empty_bins_are_left_out() -> None:
    scores, is_logo = np.array([1.0, 0.99, 0.0]), np.array([True, False, False])
    assert calibration_error(scores, is_logo) == pytest.approx((1.99 - 1) / 3)
    first, last = reliability_bins(scores, is_logo)
    assert (first.low, first.images, first.share_right) == (0.0, 1, 0.0)
    assert (last.high, last.images, last.share_right) == (1.0, 2, 0.5)

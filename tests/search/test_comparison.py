"""Comparisons: the noise of the seeds decides whether a gain is shown."""

import pytest

from search.comparison import gain_of


def test_a_gain_of_every_seed_is_shown_and_one_within_the_noise_is_not() -> None:
    clear = gain_of([0.80, 0.82, 0.81, 0.79, 0.80], [0.85, 0.86, 0.86, 0.84, 0.86])
    assert clear.mean == pytest.approx(0.05)
    assert clear.low > 0.04
    noise = gain_of([0.80, 0.82, 0.81, 0.79, 0.80], [0.86, 0.78, 0.84, 0.77, 0.83])
    assert noise.mean == pytest.approx(0.012)
    assert noise.low < 0 < noise.high


def test_the_interval_is_student_s() -> None:
    # Of five differences with mean 0.3 and standard deviation 0.1581, t(0.975, 4) = 2.7764.
    gain = gain_of([0.0] * 5, [0.1, 0.2, 0.3, 0.4, 0.5])
    assert gain.low == pytest.approx(0.3 - 2.7764 * 0.15811 / 5**0.5, abs=1e-4)
    assert gain.high - gain.mean == pytest.approx(gain.mean - gain.low)

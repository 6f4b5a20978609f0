"""The loss: Keras's cross entropy of each example, which a class's weight multiplies."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.loss import example_losses

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0], [-100.0, 100.0, 0.0]], np.float32)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(
    "targets", [np.eye(3), np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6]])]
)
def test_it_is_the_cross_entropy_of_labels_and_of_mixtures(targets: np.ndarray, smoothing: float) -> None:
    targets = targets.astype(np.float32)
    losses = example_losses(targets, LOGITS, (1.0, 1.0, 1.0), smoothing)
    expected = keras.losses.categorical_crossentropy(
        targets, LOGITS, from_logits=True, label_smoothing=smoothing
    )
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    assert np.isfinite(losses).all()


def test_an_example_counts_as_its_class_does() -> None:
    mixed = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]], np.float32)
    equal, weighed = (
        example_losses(mixed, LOGITS, weights, 0.0) for weights in ((1.0,) * 3, (1.0, 2.0, 0.5))
    )
    np.testing.assert_allclose(weighed / tf.constant(equal), (1.0, 2.0, 0.5), rtol=1e-6)

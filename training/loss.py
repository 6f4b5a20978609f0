"""The loss: how far a model's scores are from what they should be."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def example_losses(targets: Any, logits: Any, class_weights: Sequence[float], label_smoothing: float) -> Any:
    """The cross entropy of each example, float32[N].

    Args:
        targets: What the scores should be, float32[N, classes]: one-hot labels, or a mixture of these with a
            teacher's scores.
        logits: The model's, float32[N, classes].
        class_weights: What an example of each class counts; its class is the one with the highest target.
        label_smoothing: The share of the targets that is spread evenly over all classes
            (https://arxiv.org/abs/1512.00567).
    """
    smooth = targets * (1 - label_smoothing) + label_smoothing / len(class_weights)
    weights = tf.gather(tf.constant(class_weights, tf.float32), tf.argmax(targets, axis=1))
    return weights * tf.nn.softmax_cross_entropy_with_logits(smooth, logits)

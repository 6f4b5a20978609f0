"""Folding: a temperature becomes part of the last layer, so that what is exported is calibrated by itself.

softmax((x W + b) / T) = softmax(x (W / T) + b / T); see https://arxiv.org/abs/1706.04599.
"""

from typing import Any

from logo_detection.head import find_in_keras


def fold_temperature(model: Any, temperature: float) -> None:
    """Divide the logits of a model by a temperature, in place.

    Raises:
        ValueError: The temperature is not positive.
        HeadNotFound: The model does not end with a dense layer and a softmax.
    """
    if not temperature > 0:
        raise ValueError(f"a temperature is positive, and not {temperature}")
    head = find_in_keras(model)
    head.set_weights([values / temperature for values in head.get_weights()])

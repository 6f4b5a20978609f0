"""The evaluation of a new head on its hold-out, and the temperature that is folded into it for serving."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.arrays import Floats
from evaluation.base_rates import BASE_RATES
from evaluation.evaluate import evaluate_scores
from evaluation.outcomes import Outcome, align, group_numbers
from evaluation.report import Evaluation
from evaluation.temperature import TemperatureChoice, choose_temperature
from heads.labels import Plan
from logo_detection.artifact import Calibration
from logo_detection.head import Head, probabilities

UNTRAINED_BIAS = -1e4
"""The logit of `out_of_domain` where no image has that label: its probability is 0 at any temperature."""


@dataclass(frozen=True, slots=True)
class HoldoutResult:
    """The evaluation of a new head.

    Attributes:
        outcomes: Of the hold-out, and of the labelled images that have no features.
        evaluation: The metrics of these.
        calibration: The temperature, and the share of each class for which the probabilities are calibrated.
        temperature: How the temperature was chosen.
    """

    outcomes: tuple[Outcome, ...]
    evaluation: Evaluation
    calibration: Calibration
    temperature: TemperatureChoice


def evaluate_holdout(
    plan: Plan,
    logits_of: Mapping[str, Floats],
    unusable: Sequence[Outcome] = (),
    base_rates: Sequence[float] = BASE_RATES,
) -> HoldoutResult:
    """Choose the temperature on the hold-out, and measure the head with it.

    Args:
        plan: Which images were trained on, and which are held out.
        logits_of: Of each image of the hold-out, by name: float64[train labels].
        unusable: Images without a score, which are counted.
        base_rates: Shares of a class among uploads, at which thresholds are told.

    Raises:
        EvaluationError: The hold-out has images of one class only.
    """
    examples = plan.holdout_examples
    logits = np.array([logits_of[example.original] for example in examples])
    truth = np.array([plan.train_labels.index(example.label) for example in examples])
    share = 1 / len(plan.train_labels)
    chosen = choose_temperature(
        probabilities(logits),
        truth,
        plan.train_labels,
        [share] * len(plan.train_labels),
        group_numbers(examples),
    )
    scores = _of_all(plan, probabilities(logits / chosen.temperature))
    outcomes = [
        Outcome(one, tuple(row), None) for one, row in zip(examples, scores.tolist(), strict=True)
    ] + list(unusable)
    evaluation = evaluate_scores(align(outcomes, plan.labels), plan.labels, base_rates)
    calibration = Calibration(base_rate=share, temperature=chosen.temperature)
    return HoldoutResult(tuple(outcomes), evaluation, calibration, chosen)


def balanced_accuracy(plan: Plan, logits_of: Mapping[str, Floats]) -> float:
    """The mean, over the classes of the hold-out, of the share of their images that a head tells right.

    Args:
        plan: Which images are held out.
        logits_of: As `evaluate_holdout` has them.
    """
    right: dict[str, list[bool]] = {}
    for example in plan.holdout_examples:
        told = plan.train_labels[int(np.argmax(logits_of[example.original]))]
        right.setdefault(example.label, []).append(told == example.label)
    return float(np.mean([np.mean(each) for each in right.values()]))


def serving_head(plan: Plan, head: Head, temperature: float) -> Head:
    """A head for all classes of a plan, divided by a temperature.

    Where no image is labelled `out_of_domain`, that class has a probability of 0.
    """
    weights = np.zeros((len(head.weights), len(plan.labels)), np.float32)
    bias = np.full(len(plan.labels), UNTRAINED_BIAS, np.float32)
    trained = [plan.labels.index(label) for label in plan.train_labels]
    weights[:, trained] = head.weights / temperature
    bias[trained] = head.bias / temperature
    return Head(weights, bias)


def _of_all(plan: Plan, scores: Floats) -> Floats:
    """Probabilities of the train labels, as probabilities of all classes: float64[N, classes]."""
    found = np.zeros((len(scores), len(plan.labels)))
    found[:, [plan.labels.index(label) for label in plan.train_labels]] = scores
    return found

"""What a new head is worth on the images that judge, and the temperature with which it serves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.arrays import Floats
from evaluation.calibration import fit_temperature, prior_weights
from evaluation.evaluate import evaluate_scores
from evaluation.metrics import measure
from evaluation.outcomes import Outcome, align
from evaluation.report import Evaluation
from heads.labels import Plan
from logo_detection.artifact import Calibration
from logo_detection.head import Head, probabilities

UNTAUGHT_BIAS = -1e4
"""Of `out_of_domain` where no image is of it: a logit whose probability is 0, at any temperature."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the new head is worth.

    Attributes:
        outcomes: Of the images that judge, and of the labelled ones that have no features.
        evaluation: Their metrics.
        calibration: The temperature, folded in, and the share of each class that the probabilities hold for.
        errors: Of the calibration, before and after.
    """

    outcomes: tuple[Outcome, ...]
    evaluation: Evaluation
    calibration: Calibration
    errors: Mapping[str, float]


def judge(plan: Plan, logits_of: Mapping[str, Floats], unusable: Sequence[Outcome] = ()) -> Judged:
    """The temperature with which a head serves, and what it is then worth on a plan's images.

    Args:
        plan: What was taught, and what judges.
        logits_of: Of each image that judges, by name: float64[taught].
        unusable: What has no score, to be counted.

    Raises:
        EvaluationError: They are not of two classes.
    """
    logits = np.array([logits_of[example.original] for example in plan.judged])
    truth = np.array([plan.taught.index(example.label) for example in plan.judged])
    share = 1 / len(plan.taught)
    weights = prior_weights(truth, [share] * len(plan.taught))
    temperature = fit_temperature(probabilities(logits), truth, weights)
    before, after = (_of_all(plan, probabilities(logits / t)) for t in (1.0, temperature))
    outcomes = [
        Outcome(one, tuple(row), None) for one, row in zip(plan.judged, after.tolist(), strict=True)
    ] + list(unusable)
    evaluation = evaluate_scores(align(outcomes, plan.labels), plan.labels)
    errors = dict(zip(("ece_before", "ece_after"), _calibration_errors(plan, before, after), strict=True))
    return Judged(tuple(outcomes), evaluation, Calibration(base_rate=share, temperature=temperature), errors)


def serving_head(plan: Plan, head: Head, temperature: float) -> Head:
    """A head for all classes of a plan, at a temperature; `out_of_domain` never, where none was taught."""
    weights = np.zeros((len(head.weights), len(plan.labels)), np.float32)
    bias = np.full(len(plan.labels), UNTAUGHT_BIAS, np.float32)
    taught = [plan.labels.index(label) for label in plan.taught]
    weights[:, taught] = head.weights / temperature
    bias[taught] = head.bias / temperature
    return Head(weights, bias)


def _of_all(plan: Plan, scores: Floats) -> Floats:
    """Probabilities of the classes that were taught, as those of all: float64[N, classes]."""
    found = np.zeros((len(scores), len(plan.labels)))
    found[:, [plan.labels.index(label) for label in plan.taught]] = scores
    return found


def _calibration_errors(plan: Plan, *scores: Floats) -> list[float]:
    truth = np.array([plan.labels.index(example.label) for example in plan.judged])
    categories = [example.category for example in plan.judged]
    return [measure(each, truth, plan.labels, categories).balanced_calibration_error for each in scores]

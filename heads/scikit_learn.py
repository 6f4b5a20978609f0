"""Training a head by scikit-learn, in this process: for features that fit into memory.

It is the same multinomial logistic regression as Spark ML's, with the same weights of classes, the same folds
and the same scale of regParam, and needs no Java. Why both: docs/decisions/two-engines-for-heads.md.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from evaluation.arrays import Floats, Ints
from evaluation.calibration import log_loss
from heads.labels import Plan, folds_of, in_every_fold, train_weights
from logo_detection.head import Head, probabilities

REG_PARAMS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""The strengths of L2 that are tried."""

UNTUNED_REG_PARAM = 0.01
"""Where there are too few images to compare."""

FOLDS = 3
ITERATIONS = 1_000
LEAST_DEVIATION = 1e-6
"""Of a feature: one that is always the same says nothing."""

ABSENT = -1e4
"""The logit of a class that a fold has no image of."""


@dataclass(frozen=True, slots=True)
class LocalHead:
    """A trained head.

    Attributes:
        head: For the train labels, in the plan's order.
        logits: Of the hold-out's images, by name: float64[train labels].
        reg_param: The strength of L2 that it was trained with.
        tuning: For each that was compared, its mean log loss over the folds.
    """

    head: Head
    logits: Mapping[str, Floats]
    reg_param: float
    tuning: tuple[Mapping[str, float], ...]


def train_head(
    features: Mapping[str, Floats], plan: Plan, seed: int, each: Callable[[], object] = lambda: None
) -> LocalHead:
    """Train on a plan's examples with the strength of L2 that does best in FOLDS, and score the hold-out.

    Args:
        features: float32[width] of every image, by `Example.original`.
        plan: Which images are trained on, and which are held out.
        seed: Of the folds.
        each: Called when one more of `len(REG_PARAMS) + 1` trainings is done.
    """
    given = np.stack([features[example.original] for example in plan.train_examples])
    truth, weights = train_weights(plan)
    folds = np.array(folds_of(plan.train_examples, FOLDS, seed))
    comparable = np.isin(truth, in_every_fold(plan, FOLDS, seed))
    tuning = []
    for reg_param in REG_PARAMS:
        losses = []
        for fold in range(FOLDS):
            train, tested = folds != fold, (folds == fold) & comparable
            if len(np.unique(truth[train])) < 2 or not tested.any():
                continue  # of a handful of images
            head = _fit(given[train], truth[train], weights[train], reg_param, len(plan.train_labels))
            scores = probabilities(head.logits(given[tested]))
            losses.append(log_loss(scores, truth[tested], weights[tested]))
        if losses:
            tuning.append({"reg_param": reg_param, "log_loss": float(np.mean(losses))})
        each()
    best = min(tuning, key=lambda tried: tried["log_loss"])["reg_param"] if tuning else UNTUNED_REG_PARAM
    head = _fit(given, truth, weights, best, len(plan.train_labels))
    each()
    logits = {
        example.original: np.asarray(head.logits(features[example.original][None])[0], np.float64)
        for example in plan.holdout_examples
    }
    return LocalHead(head, logits, best, tuple(tuning))


def _fit(features: Floats, truth: Ints, weights: Floats, reg_param: float, classes: int) -> Head:
    """A head of standardised features, whose weights are those for features as they are."""
    middle, scale = features.mean(axis=0), np.maximum(features.std(axis=0), LEAST_DEVIATION)
    strength = 1 / (reg_param * len(truth))  # Spark's loss is a mean, scikit-learn's a sum
    model = LogisticRegression(C=strength, max_iter=ITERATIONS)
    # Of matrices so small, threads wait for each other most of the time.
    # A head that is not at its minimum after ITERATIONS is a head like others: the folds judge it.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((features - middle) / scale, truth, sample_weight=weights)
    present, coefficients, bias = model.classes_, model.coef_, model.intercept_
    if len(present) == 2:  # one row of coefficients, for the second class
        coefficients, bias = np.vstack([-coefficients, coefficients]) / 2, np.array([-bias[0], bias[0]]) / 2
    found = Head(np.zeros((features.shape[1], classes), np.float32), np.full(classes, ABSENT, np.float32))
    found.weights[:, present] = (coefficients / scale).T
    found.bias[present] = bias - middle @ found.weights[:, present]
    return found

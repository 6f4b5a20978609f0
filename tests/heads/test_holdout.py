"""A new head is evaluated on its hold-out, and serves with the temperature fitted there."""

import numpy as np
import pytest

from evaluation.errors import EvaluationError
from heads.holdout import evaluate_holdout, serving_head
from heads.labels import Plan, make_plan
from logo_detection.head import Head, probabilities
from tests.heads.test_labels import examples

LABELS = ("out_of_domain", "a", "b", "c")


@pytest.fixture
def plan() -> Plan:
    return make_plan(examples({"a": 40, "b": 40, "c": 40}), 0.5, 1, ())


def sure_logits(plan: Plan, sureness: float) -> dict[str, np.ndarray]:
    """Of the right class, but for every fifth image, whose class is taken for the next."""
    found = {}
    for number, example in enumerate(plan.holdout_examples):
        right = plan.train_labels.index(example.label)
        called = (right + 1) % 3 if number % 5 == 0 else right
        found[example.original] = sureness * np.eye(3)[called]
    return found


def test_a_head_that_is_too_sure_of_itself_is_cooled_down(plan: Plan) -> None:
    result = evaluate_holdout(plan, sure_logits(plan, 20.0))
    metrics = result.evaluation.by_recoding["as is"]
    assert metrics.accuracy == pytest.approx(0.8, abs=0.02)
    assert result.calibration.temperature > 5
    assert result.calibration.base_rate == pytest.approx(1 / 3)
    assert result.temperature.error_before == pytest.approx(0.2, abs=0.02)
    assert result.temperature.error_after < 0.1


def test_the_serving_head_has_the_temperature_in_it_and_gives_no_probability_to_a_class_without_examples(
    plan: Plan,
) -> None:
    rng = np.random.default_rng(1)
    head = Head(rng.normal(size=(6, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32))
    features = rng.normal(size=(9, 6)).astype(np.float32)
    served = probabilities(serving_head(plan, head, 2.5).logits(features))
    assert plan.labels == LABELS
    assert (served[:, 0] == 0).all()
    np.testing.assert_allclose(served[:, 1:], probabilities(head.logits(features) / 2.5), atol=1e-6)


def test_images_of_the_target_and_of_something_else_are_needed(plan: Plan) -> None:
    others = Plan(
        plan.labels, plan.train_examples, tuple(one for one in plan.holdout_examples if one.label != "a")
    )
    with pytest.raises(EvaluationError, match="images of a and of something else are needed"):
        evaluate_holdout(others, sure_logits(others, 2.0))

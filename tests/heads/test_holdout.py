"""What a new head is worth, and what it serves with."""

import numpy as np
import pytest

from evaluation.errors import EvaluationError
from heads.holdout import judge, serving_head
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
    for number, example in enumerate(plan.judged):
        right = plan.taught.index(example.label)
        called = (right + 1) % 3 if number % 5 == 0 else right
        found[example.original] = sureness * np.eye(3)[called]
    return found


def test_a_head_that_is_too_sure_of_itself_is_cooled_down(plan: Plan) -> None:
    judged = judge(plan, sure_logits(plan, 20.0))
    metrics = judged.evaluation.by_recoding["as is"]
    assert metrics.accuracy == pytest.approx(0.8, abs=0.02)
    assert judged.calibration.temperature > 5
    assert judged.calibration.base_rate == pytest.approx(1 / 3)
    assert judged.errors["ece_before"] == pytest.approx(0.2, abs=0.02)
    assert judged.errors["ece_after"] < 0.02


def test_the_serving_head_has_the_temperature_in_it_and_never_says_what_was_not_taught(plan: Plan) -> None:
    rng = np.random.default_rng(1)
    head = Head(rng.normal(size=(6, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32))
    features = rng.normal(size=(9, 6)).astype(np.float32)
    served = probabilities(serving_head(plan, head, 2.5).logits(features))
    assert plan.labels == LABELS
    assert (served[:, 0] == 0).all()
    np.testing.assert_allclose(served[:, 1:], probabilities(head.logits(features) / 2.5), atol=1e-6)


def test_images_of_the_target_and_of_something_else_are_needed(plan: Plan) -> None:
    others = Plan(plan.labels, plan.learnt, tuple(one for one in plan.judged if one.label != "a"))
    with pytest.raises(EvaluationError, match="images of a and of something else are needed"):
        judge(others, sure_logits(others, 2.0))

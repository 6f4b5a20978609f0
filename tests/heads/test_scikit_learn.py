"""A head that is trained in this process: it tells classes apart, and is for features as they are."""

import numpy as np
import pytest

from heads.labels import Plan, make_plan
from heads.scikit_learn import REG_PARAMS, UNTUNED_REG_PARAM, train_head
from logo_detection.head import probabilities
from tests.heads.test_labels import examples

WIDTH = 20


def features_of(plan: Plan, noise: float = 0.3) -> dict[str, np.ndarray]:
    """Of each image a place of its class, far from 0, with one feature that says nothing and large ones."""
    rng = np.random.default_rng(1)
    centres = {label: rng.normal(size=WIDTH) for label in plan.labels}
    scale = np.geomspace(0.01, 100, WIDTH)
    found = {}
    for example in (*plan.train_examples, *plan.holdout_examples):
        place = centres[example.label] + noise * rng.normal(size=WIDTH)
        place[3] = 5
        found[example.original] = (place * scale + 7).astype(np.float32)
    return found


@pytest.mark.parametrize("labels", [("a", "b"), ("a", "b", "c")])
def test_classes_are_told_apart_and_the_logits_are_the_heads(labels: tuple[str, ...]) -> None:
    plan = make_plan(examples(dict.fromkeys(labels, 30)), 0.4, 1, ())
    features, told = features_of(plan), []
    trained = train_head(features, plan, 1, lambda: told.append(1))
    assert len(told) == len(REG_PARAMS) + 1
    assert trained.head.weights.shape == (WIDTH, len(labels))
    assert [tried["reg_param"] for tried in trained.tuning] == list(REG_PARAMS)
    assert trained.reg_param == min(trained.tuning, key=lambda tried: tried["log_loss"])["reg_param"]
    for example in plan.holdout_examples:
        logits = trained.logits[example.original]
        np.testing.assert_allclose(
            trained.head.logits(features[example.original][None])[0], logits, rtol=1e-5
        )
        assert plan.train_labels[int(np.argmax(logits))] == example.label
        assert probabilities(logits[None]).max() > 0.5


def test_a_class_of_a_few_images_does_not_stop_it() -> None:
    plan = make_plan(examples({"a": 30, "b": 2}), 0.4, 1, ())
    trained = train_head(features_of(plan), plan, 1)
    assert np.isfinite(trained.head.weights).all()
    assert trained.reg_param in (*REG_PARAMS, UNTUNED_REG_PARAM)


def test_a_head_that_stops_before_its_minimum_is_compared_like_others_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("heads.scikit_learn.ITERATIONS", 2)
    plan = make_plan(examples({"a": 30, "b": 30, "c": 30}), 0.4, 1, ())
    trained = train_head(features_of(plan), plan, 1)  # a warning would be an error here
    assert np.isfinite(trained.head.weights).all()
    assert len(trained.tuning) == len(REG_PARAMS)

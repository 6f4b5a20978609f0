"""The choice of a head's settings: tiny classes do not decide it, and time is not spent without end."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from batch.spark import Session
from heads.holdout import balanced_accuracy
from heads.labels import Plan, as_examples, class_weights, make_plan, small_classes, with_digests
from heads.retraining import _warn_of_a_worse_head
from heads.spark_ml import CONF, UNTUNED, Search, Setting, TrainedHead, train_head
from logo_detection.head import Head

FEATURES = 16
LARGE, SMALL = ("a", "b", "c"), ("w", "x", "y", "z")
ABSURD = Setting(1.0, 0.5)  # takes every weight away


def plan_with_tiny_classes() -> Plan:
    """Three classes of 60 images, and four of 5, of which 4 belong together: most folds have none of them."""
    rows = [
        {"filename": f"{label}{n}", "label": label, "group": f"{label}{n}"}
        for label in LARGE
        for n in range(60)
    ]
    rows += [
        {"filename": f"{label}{n}", "label": label, "group": f"{label}{n > 0}"}
        for label in SMALL
        for n in range(5)
    ]
    found = as_examples(rows, "labels.csv", "label", None)
    return make_plan(with_digests([(example, name) for name, example in found.items()]), 0.2, 0, ())


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    with Session(conf=CONF, workers=2).open() as session:
        yield session


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    """Features of every image: its class's own place, and noise."""
    generator, labels = np.random.default_rng(1), (*LARGE, *SMALL)
    places = generator.normal(size=(len(labels), FEATURES))
    names = [f"{label}{n}" for label in labels for n in range(60 if label in LARGE else 5)]
    features = [places[labels.index(name[0])] + generator.normal(scale=0.7, size=FEATURES) for name in names]
    table = pa.table({"filename": names, "features": pa.array(map(list, features), pa.list_(pa.float32()))})
    return spark.createDataFrame(table)


@pytest.mark.slow
def test_tiny_classes_do_not_choose_the_settings(spark: SparkSession, rows: DataFrame) -> None:
    plan, lines = plan_with_tiny_classes(), list[str]()
    trained = train_head(spark, rows, plan, Search((UNTUNED, ABSURD), 3, 20, 0, at_once=2, say=lines.append))
    assert (trained.settings["reg_param"], trained.settings["elastic_net_param"]) == UNTUNED
    assert [tried["reg_param"] for tried in trained.tuning] == [0.01, 1.0]
    assert trained.tuning[0]["log_loss"] < trained.tuning[1]["log_loss"] < 2
    assert balanced_accuracy(plan, trained.logits) > 0.8
    assert trained.untuned_logits is None
    assert [line.partition(":")[0] for line in lines] == ["1 of 2", "2 of 2"]


@pytest.mark.slow
def test_no_setting_is_tried_when_the_time_is_up(spark: SparkSession, rows: DataFrame) -> None:
    plan, lines = plan_with_tiny_classes(), list[str]()
    search = Search((ABSURD, UNTUNED), 2, 5, 0, time_budget_s=1e-6, say=lines.append)
    trained = train_head(spark, rows, plan, search)
    assert len(trained.tuning) == 1
    assert lines[-1] == "1 settings were not tried: the time is up"
    assert trained.untuned_logits is not None
    assert balanced_accuracy(plan, trained.untuned_logits) > balanced_accuracy(plan, trained.logits)


def test_a_tuned_head_that_is_worse_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_with_tiny_classes()
    right = {one.original: np.eye(7)[plan.train_labels.index(one.label)] for one in plan.holdout_examples}
    wrong = {name: -logits for name, logits in right.items()}
    head = Head(np.zeros((FEATURES, 7), np.float32), np.zeros(7, np.float32))
    _warn_of_a_worse_head(plan, TrainedHead(head, right, {}, (), untuned_logits=wrong))
    _warn_of_a_worse_head(plan, TrainedHead(head, right, {}, ()))
    assert capsys.readouterr().err == ""
    _warn_of_a_worse_head(plan, TrainedHead(head, wrong, {}, (), untuned_logits=right))
    said = capsys.readouterr().err
    assert "WARNING: the tuned head has a balanced accuracy of 0.000 on the hold-out" in said
    assert "it would be 1.000" in said


def test_small_classes_are_named_and_do_not_weigh_more_than_larger_ones() -> None:
    plan = plan_with_tiny_classes()
    counts = Counter(example.label for example in plan.train_examples)
    named = ", ".join(f"{label} ({counts[label]})" for label in SMALL)
    (line,) = small_classes(plan)
    assert line.startswith(f"fewer than 10 images to train on: {named};")
    shares = class_weights([400, 10, 4])
    assert shares.sum() == pytest.approx(1)
    assert shares[0] == shares[1] == pytest.approx(2.5 * shares[2])

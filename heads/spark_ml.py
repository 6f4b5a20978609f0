"""Training a head by Spark ML: logistic regression on the features of a table that `--embed` wrote.

    table of features ⋈ labels -> LogisticRegression, of the best settings that were tried -> weights, bias

Spark standardises features while it trains, and gives coefficients for features that are not standardised:
these are a dense layer's weights as they are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import inf
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.ml.classification import LogisticRegression, LogisticRegressionModel
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as everybody has it

from batch.errors import BatchError
from batch.rows import FEATURES
from batch.spark_inputs import broadcast_if_small, literal_path
from batch.table_columns import FILENAME, check_columns
from datasets.progress import Waiting
from heads.labels import Plan, folds_of, in_every_fold, train_weights
from logo_detection.head import Head, probabilities

SAMPLED = 64
"""Rows that are compared with a head, to tell whether the features are those of its model."""

PROBABILITY_TOLERANCE = 1e-3
"""Of a probability, between the table's and the same computed from its features: bfloat16 would pass."""

USUAL_FIT_S = 15.0
"""Seconds of a training of some thousands of images."""

HOLDOUT_FOLD = -1
"""In place of a fold: the images of the hold-out."""

CONF = (
    ("spark.driver.memory", "2g"),
    ("spark.ui.showConsoleProgress", "false"),  # of hundreds of passes
    ("spark.sql.parquet.columnarReaderBatchSize", "1024"),
    ("spark.sql.execution.arrow.maxRecordsPerBatch", "10000"),
)


LOG_LOSS_EPSILON = 1e-3
"""The least probability that log loss sees: one image costs 7 at most, however sure the head was."""


class Setting(NamedTuple):
    """What a head is trained with."""

    reg_param: float
    elastic_net_param: float


UNTUNED = Setting(0.01, 0.0)


@dataclass(frozen=True, slots=True)
class Search:
    """The settings to try, and how.

    Attributes:
        settings: One is trained with; several are compared first.
        folds: In which they are compared.
        iterations: Of a training, at most.
        seed: Of the folds.
        at_once: Folds to train at a time.
        time_budget_s: After so many seconds, no further setting is tried.
        say: Told of the progress, a line at a time.
    """

    settings: tuple[Setting, ...]
    folds: int
    iterations: int
    seed: int
    at_once: int = 1
    time_budget_s: float = inf
    say: Callable[[str], None] = print


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """What a table has for a filename: the digest of its features, or the code of its error."""

    digest: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class TrainedHead:
    """A trained head.

    Attributes:
        head: For the train labels, in the plan's order.
        logits: Of the hold-out's images, by name: float64[train labels], as Spark ML computes them.
        settings: regParam, elasticNetParam, how many iterations it took.
        tuning: For each setting that was tried, its mean log loss over the folds and the standard deviation.
        untuned_logits: As `logits`, of a head with the settings that are used without tuning; None where the
            head has these.
    """

    head: Head
    logits: Mapping[str, NDArray[np.float64]]
    settings: Mapping[str, Any]
    tuning: tuple[Mapping[str, float], ...]
    untuned_logits: Mapping[str, NDArray[np.float64]] | None = None


def read_labels(spark: SparkSession, path: str) -> Iterable[dict[str, Any]]:
    """The rows of a table of labels in Parquet."""
    return (row.asDict() for row in spark.read.parquet(literal_path(spark, path)).toLocalIterator())


def read_features(spark: SparkSession, path: str, version: str) -> DataFrame:
    """A table's rows of one model version.

    Raises:
        BatchError: It has no features, or those of other models.
    """
    table = spark.read.parquet(literal_path(spark, path))
    if FEATURES.name not in table.columns:
        raise BatchError(f"{path} has no column {FEATURES.name}: write it with logo-batch --embed")
    check_columns(path, table.columns, FILENAME, "scores", "error", "model_version")
    rows = table.where(F.col("model_version") == version)
    if rows.isEmpty():
        versions = sorted(str(row[0]) for row in table.select("model_version").distinct().collect())
        raise BatchError(
            f"{path} has features of model {', '.join(versions) or 'none'}, and not of {version}"
        )
    return rows


def check_same_head(rows: DataFrame, path: str, head: Head, labels: Sequence[str]) -> None:
    """Check that a head makes the table's own scores of a few of its features.

    Raises:
        BatchError: It makes others, or the table has no features.
    """
    scored = rows.where(F.col("error").isNull()).select(FEATURES.name, "scores").limit(SAMPLED).collect()
    if not scored:
        raise BatchError(f"{path} has errors only")
    width = len(head.weights)
    for row in scored:
        if len(row[0] or ()) != width:
            raise BatchError(f"{path} has {len(row[0] or ()):,} features an image; the model has {width:,}")
    computed = probabilities(head.logits(np.array([row[0] for row in scored], np.float32)))
    written = np.array([[row[1].get(label, np.nan) for label in labels] for row in scored])
    if not np.abs(computed - written).max() <= PROBABILITY_TOLERANCE:
        raise BatchError(f"{path} has features of another model of the same version: its scores are others")


def find_features(spark: SparkSession, rows: DataFrame, names: Iterable[str]) -> dict[str, FeatureRow]:
    """What the table has for each filename.

    Raises:
        BatchError: It has several inputs of one filename, of which labels do not say which they mean.
    """
    wanted = spark.createDataFrame(pa.table({FILENAME: pa.array(list(names), pa.string())}))
    digest = F.hex(F.xxhash64(FEATURES.name))
    joined = rows.join(broadcast_if_small(wanted), FILENAME).select(FILENAME, digest.alias("digest"), "error")
    found: dict[str, FeatureRow] = {}
    for row in joined.toLocalIterator():
        features = FeatureRow(None if row["error"] else row["digest"], row["error"])
        if found.setdefault(row[FILENAME], features) != features:
            raise BatchError(
                f"the table has several inputs called {row[FILENAME]}: labels cannot tell them apart"
            )
    return found


def train_head(spark: SparkSession, rows: DataFrame, plan: Plan, search: Search) -> TrainedHead:
    """Train on a plan's examples, by `class_weights`, and compute the hold-out's logits."""
    labelled = rows.join(broadcast_if_small(_planned(spark, plan, search)), FILENAME).dropDuplicates(
        [FILENAME]
    )
    vector = array_to_vector(F.col(FEATURES.name)).alias("vector")
    frame = labelled.select(FILENAME, "fold", "weight", vector, _label(plan))
    # A pass over the data is a task for each part: as many as there are cores, and not the 200 of a join.
    frame = frame.repartition(spark.sparkContext.defaultParallelism).persist()
    try:
        training = frame.where(F.col("fold") != HOLDOUT_FOLD)
        held_out = frame.where(F.col("fold") == HOLDOUT_FOLD)
        is_search = len(search.settings) > 1
        tuning = _tuning(training, search, _compared(plan, search)) if is_search else ()
        chosen = min(tuning, key=lambda tried: tried["log_loss"]) if tuning else search.settings[0]._asdict()
        setting = Setting(chosen["reg_param"], chosen["elastic_net_param"])
        with Waiting("training the head", USUAL_FIT_S):
            model = _estimator(setting, search).fit(training)
            logits, untuned_logits = _logits(model, held_out), None
        if tuning and setting != UNTUNED:
            untuned_logits = _logits(_estimator(UNTUNED, search).fit(training), held_out)
    finally:
        frame.unpersist()
    weights = np.ascontiguousarray(model.coefficientMatrix.toArray().T, np.float32)
    return TrainedHead(
        Head(weights, np.asarray(model.interceptVector.toArray(), np.float32)),
        logits,
        {
            "reg_param": model.getRegParam(),
            "elastic_net_param": model.getElasticNetParam(),
            "iterations": model.summary.totalIterations,
        },
        tuning,
        untuned_logits,
    )


def _logits(model: LogisticRegressionModel, frame: DataFrame) -> dict[str, NDArray[np.float64]]:
    """By filename: float64[train labels]."""
    told = model.transform(frame).select(FILENAME, vector_to_array(F.col("rawPrediction"))).toArrow()
    names, logits = (column.to_pylist() for column in told.columns)
    return {name: np.array(values, np.float64) for name, values in zip(names, logits, strict=True)}


def _estimator(setting: Setting, search: Search) -> LogisticRegression:
    return LogisticRegression(
        featuresCol="vector",
        labelCol="index",
        weightCol="weight",
        family="multinomial",
        maxIter=search.iterations,
        regParam=setting.reg_param,
        elasticNetParam=setting.elastic_net_param,
    )


def _tuning(training: DataFrame, search: Search, classes: Sequence[int]) -> tuple[dict[str, float], ...]:
    """The log loss of each setting in the time that there is; the first one is tried in any case.

    Args:
        training: The train examples, each with its fold.
        search: Which settings.
        classes: Those that are compared by: the others are not in every fold.
    """
    # PySpark's types lack logLoss, its code has it.
    loss = MulticlassClassificationEvaluator(
        metricName="logLoss",  # type: ignore[arg-type]
        labelCol="index",
        weightCol="weight",
        eps=LOG_LOSS_EPSILON,
    )

    def fold_loss(setting: Setting, fold: int) -> float:
        model = _estimator(setting, search).fit(training.where(F.col("fold") != fold))
        tested = training.where((F.col("fold") == fold) & F.col("index").isin(*classes))
        return float(loss.evaluate(model.transform(tested)))

    began, tried = monotonic(), list[dict[str, float]]()
    with ThreadPoolExecutor(min(search.at_once, search.folds)) as threads:
        for number, setting in enumerate(search.settings, 1):
            losses = list(threads.map(partial(fold_loss, setting), range(search.folds)))
            tried.append(
                {**setting._asdict(), "log_loss": float(np.mean(losses)), "deviation": float(np.std(losses))}
            )
            elapsed_s, rest = monotonic() - began, len(search.settings) - number
            left_s = min(elapsed_s / number * rest, max(search.time_budget_s - elapsed_s, 0.0))
            search.say(
                f"{number} of {len(search.settings)}: regParam {setting.reg_param:g}, elasticNetParam"
                f" {setting.elastic_net_param:g}: log loss {tried[-1]['log_loss']:.4f}"
                f" ({elapsed_s:.0f} s, about {left_s:.0f} s left)"
            )
            if elapsed_s > search.time_budget_s and number < len(search.settings):
                search.say(f"{len(search.settings) - number} settings were not tried: the time is up")
                break
    return tuple(tried)


def _compared(plan: Plan, search: Search) -> list[int]:
    return in_every_fold(plan, search.folds, search.seed)


def _planned(spark: SparkSession, plan: Plan, search: Search) -> DataFrame:
    """Name, class, weight and fold of every image that the plan names."""
    truth, weights = train_weights(plan)
    is_search = len(search.settings) > 1
    folds = folds_of(plan.train_examples, search.folds, search.seed) if is_search else [0] * len(truth)
    planned = {
        FILENAME: [example.original for example in (*plan.train_examples, *plan.holdout_examples)],
        "class": [*truth.astype(float), *[0.0] * len(plan.holdout_examples)],
        "weight": [*weights, *[1.0] * len(plan.holdout_examples)],
        "fold": pa.array([*folds, *[HOLDOUT_FOLD] * len(plan.holdout_examples)], pa.int32()),
    }
    return spark.createDataFrame(pa.table(planned))


def _label(plan: Plan) -> Any:
    """The class's column, with the names of all classes: a fold may lack one of them."""
    attributes = {"ml_attr": {"type": "nominal", "name": "index", "vals": list(plan.train_labels)}}
    return F.col("class").alias("index", metadata=attributes)

"""Training a head by Spark ML: logistic regression on the features of a table that `--embed` wrote.

    table of features ⋈ labels -> LogisticRegression, or a CrossValidator around it -> weights, bias

Spark standardises features while it trains, and gives coefficients for features that are not standardised:
these are a dense layer's weights as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.ml.classification import LogisticRegression, LogisticRegressionModel
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, ParamGridBuilder
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as everybody has it

from batch.errors import BatchError
from batch.rows import FEATURES
from batch.spark_inputs import broadcast_if_small, literal_path
from batch.table_columns import FILENAME, check_columns
from evaluation.calibration import prior_weights
from heads.labels import Plan, folds_of
from logo_detection.head import Head, probabilities

SAMPLED = 64
"""Rows that are compared with a head, to tell whether the features are those of its model."""

PROBABILITY_TOLERANCE = 1e-3
"""Of a probability, between the table's and the same computed from its features: bfloat16 would pass."""

HOLDOUT_FOLD = -1
"""In place of a fold: the images of the hold-out."""

CONF = (
    ("spark.driver.memory", "2g"),
    ("spark.ui.showConsoleProgress", "false"),  # of hundreds of passes
    ("spark.sql.parquet.columnarReaderBatchSize", "1024"),
    ("spark.sql.execution.arrow.maxRecordsPerBatch", "10000"),
)


@dataclass(frozen=True, slots=True)
class Search:
    """The settings to try: every regParam with every elasticNetParam, in `folds` folds."""

    reg_params: tuple[float, ...]
    elastic_nets: tuple[float, ...]
    folds: int
    iterations: int
    seed: int
    at_once: int = 1


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
    """

    head: Head
    logits: Mapping[str, NDArray[np.float64]]
    settings: Mapping[str, Any]
    tuning: tuple[Mapping[str, float], ...]


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
    """Train on a plan's examples, with equal weight for each class, and compute the hold-out's logits."""
    labelled = rows.join(broadcast_if_small(_planned(spark, plan, search)), FILENAME).dropDuplicates(
        [FILENAME]
    )
    vector = array_to_vector(F.col(FEATURES.name)).alias("vector")
    frame = labelled.select(FILENAME, "fold", "weight", vector, _label(plan))
    # A pass over the data is a task for each part: as many as there are cores, and not the 200 of a join.
    frame = frame.repartition(spark.sparkContext.defaultParallelism).persist()
    try:
        training = frame.where(F.col("fold") != HOLDOUT_FOLD)
        model, tuning = (
            _tuned(training, search) if _is_search(search) else (_estimator(search).fit(training), ())
        )
        held_out = model.transform(frame.where(F.col("fold") == HOLDOUT_FOLD))
        told = held_out.select(FILENAME, vector_to_array(F.col("rawPrediction"))).toArrow()
    finally:
        frame.unpersist()
    weights = np.ascontiguousarray(model.coefficientMatrix.toArray().T, np.float32)
    names, logits = (column.to_pylist() for column in told.columns)
    return TrainedHead(
        Head(weights, np.asarray(model.interceptVector.toArray(), np.float32)),
        {name: np.array(values, np.float64) for name, values in zip(names, logits, strict=True)},
        {
            "reg_param": model.getRegParam(),
            "elastic_net_param": model.getElasticNetParam(),
            "iterations": model.summary.totalIterations,
        },
        tuning,
    )


def _is_search(search: Search) -> bool:
    return len(search.reg_params) * len(search.elastic_nets) > 1


def _estimator(search: Search) -> LogisticRegression:
    return LogisticRegression(
        featuresCol="vector",
        labelCol="index",
        weightCol="weight",
        family="multinomial",
        maxIter=search.iterations,
        regParam=search.reg_params[0],
        elasticNetParam=search.elastic_nets[0],
    )


def _tuned(
    training: DataFrame, search: Search
) -> tuple[LogisticRegressionModel, tuple[dict[str, float], ...]]:
    estimator = _estimator(search)
    grid = (
        ParamGridBuilder()
        .addGrid(estimator.regParam, list(search.reg_params))
        .addGrid(estimator.elasticNetParam, list(search.elastic_nets))
        .build()
    )
    # PySpark's types lack logLoss, its code has it.
    loss = MulticlassClassificationEvaluator(
        metricName="logLoss",  # type: ignore[arg-type]
        labelCol="index",
        weightCol="weight",
    )
    validator = CrossValidator(
        estimator=estimator,
        estimatorParamMaps=grid,
        evaluator=loss,
        numFolds=search.folds,
        foldCol="fold",
        seed=search.seed,
        parallelism=search.at_once,
    )
    found: CrossValidatorModel = validator.fit(training)
    tried = tuple(
        {
            "reg_param": params[estimator.regParam],
            "elastic_net_param": params[estimator.elasticNetParam],
            "log_loss": mean,
            "deviation": deviation,
        }
        for params, mean, deviation in zip(grid, found.avgMetrics, found.stdMetrics, strict=True)
    )
    best = found.bestModel
    assert isinstance(best, LogisticRegressionModel)  # noqa: S101  for mypy: what the estimator makes
    return best, tried


def _planned(spark: SparkSession, plan: Plan, search: Search) -> DataFrame:
    """Name, class, weight and fold of every image that the plan names."""
    index = {label: number for number, label in enumerate(plan.train_labels)}
    truth = np.array([index[example.label] for example in plan.train_examples])
    weights = prior_weights(truth, [1 / len(index)] * len(index))
    folds = (
        folds_of(plan.train_examples, search.folds, search.seed) if _is_search(search) else [0] * len(truth)
    )
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

"""The rows: a job's results as they are written, one for each input."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from batch.inputs import Entry
from batch.target import Target
from logo_detection.classifier import Precision
from logo_detection.errors import ItemError
from logo_detection.pool.messages import Scored

SCHEMA = pa.schema(
    [
        pa.field("filename", pa.string(), nullable=False),
        pa.field("input", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("prediction", pa.float64()),
        pa.field("out_of_domain", pa.float64()),
        pa.field("scores", pa.map_(pa.string(), pa.float64())),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("format", pa.string()),
        pa.field("error", pa.string()),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("scored_at", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)

KEY = ("input", "filename")
"""The columns by which a row is recognised: together they are `Entry.key`."""

FEATURES = pa.field("features", pa.list_(pa.field("element", pa.float32())))
"""The column that `--embed` adds: what the model's head is given of an image; null with an error."""

SPARK_SCHEMA = (
    "filename string, input string, target string, prediction double, out_of_domain double,"
    " scores map<string, double>, width int, height int, format string, error string,"
    " model_version string, scored_at timestamp"
)

PARTITIONS = ("target", "format", "error", "model_version")
"""Columns that an output may be partitioned by: those of few values."""

OUTCOME_SCORED = "scored"


def version_in(version: str, precision: Precision) -> str:
    """A model's version as rows have it: of any other precision than f32, with that as a build's metadata.

    Scores differ by precision, so rows of two are kept apart as those of two models are.
    """
    return version if precision == "f32" else f"{version}+{precision}"


@dataclass(frozen=True, slots=True)
class RowSchema:
    """The columns of a job's rows, and the values that all of them share: model version and target.

    With `embed`, rows have a column with the features of their images.
    """

    model_version: str
    target: Target
    embed: bool = False

    @property
    def schema(self) -> pa.Schema:
        """The columns of a row."""
        return SCHEMA.append(FEATURES) if self.embed else SCHEMA

    @property
    def spark_schema(self) -> str:
        """The same columns, in Spark's notation."""
        return f"{SPARK_SCHEMA}, features array<float>" if self.embed else SPARK_SCHEMA

    def batch(self, rows: list[dict[str, Any]]) -> pa.RecordBatch:
        """Rows as a record batch of Arrow."""
        return pa.RecordBatch.from_pylist(rows, schema=self.schema)

    def row(self, entry: Entry, outcome: Scored | ItemError) -> dict[str, Any]:
        """An input's row, in the columns of `schema`; without a score it has its error's code."""
        row: dict[str, Any] = dict.fromkeys(self.schema.names)
        row |= {
            "filename": entry.filename,
            "input": entry.input,
            "target": self.target.name,
            "model_version": self.model_version,
            "scored_at": datetime.now(UTC),
        }
        if isinstance(outcome, ItemError):
            return row | {"error": outcome.code}
        if self.embed:
            row["features"] = np.frombuffer(outcome.features, "<f4")
        return row | {
            "prediction": self.target.prediction(outcome),
            "out_of_domain": self.target.out_of_domain(outcome),
            "scores": list(zip(self.target.labels, outcome.scores, strict=True)),
            "width": outcome.width,
            "height": outcome.height,
            "format": outcome.format,
        }


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a job's inputs.

    Attributes:
        before: What the rows that were there when the job began had come to.
        outcomes: How many inputs were scored since, and how many have each error.
        models: How many times the model was loaded for that.
    """

    before: Counter[str]
    outcomes: Counter[str]
    models: int


def tally_rows(rows: Iterable[dict[str, Any]]) -> Counter[str]:
    """How many rows have a score, and how many each error."""
    return Counter(row["error"] or OUTCOME_SCORED for row in rows)

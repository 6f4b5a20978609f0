"""The Python worker of a Spark executor: batches of inputs in, batches of rows out.

    task -> Python worker (used again for the next task) -> batch scorer -> one fenced worker

Spark runs a Python worker per core, and each keeps one batch scorer. So the model is loaded once in the life
of a Python worker, and not for every batch or task.
"""

import asyncio
import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark import SparkFiles
from pyspark.accumulators import Accumulator, AccumulatorParam

from batch.batch_scorer import BatchScorer, ScorerConfig
from batch.inputs import Entry
from batch.rows import tally_rows


@dataclass(frozen=True, slots=True)
class Counters:
    """What the driver sees of a job while it runs. A task that Spark repeats counts twice."""

    outcomes: Accumulator[Counter[str]]
    models: Accumulator[int]


def score_batches(
    batches: Iterator[pa.RecordBatch], config: bytes, counters: Counters
) -> Iterator[pa.RecordBatch]:
    """Rows for inputs, as `DataFrame.mapInArrow` wants it.

    Args:
        batches: With the fields of `Entry` for columns.
        config: A pickled `ScorerConfig`, whose model's files were added to the job by their names.
        counters: Told of every batch.

    Raises:
        WorkerStartError: The model cannot be loaded here.
    """
    loaded = _kept_scorer.cache_info().misses
    scorer = _kept_scorer(config)
    counters.models.add(_kept_scorer.cache_info().misses - loaded)
    for batch in batches:
        rows = scorer.rows(batch)
        counters.outcomes.add(tally_rows(rows))
        yield scorer.row_schema.batch(rows)


class _KeptScorer:
    """A batch scorer with an event loop of its own, which runs while a batch is scored."""

    def __init__(self, config: ScorerConfig) -> None:
        self.row_schema = config.row_schema
        self._runner = asyncio.Runner()
        self._scorer = BatchScorer(config)
        self._runner.run(self._scorer.__aenter__())

    def rows(self, batch: pa.RecordBatch) -> list[dict[str, Any]]:
        # One at a time: a batch as Python's objects would be all its images, twice.
        one_by_one = (batch.slice(index, 1) for index in range(batch.num_rows))
        entries = (Entry(**row) for one in one_by_one for row in one.to_pylist())
        return self._runner.run(self._collect(entries))

    async def _collect(self, entries: Iterator[Entry]) -> list[dict[str, Any]]:
        return [row async for row in self._scorer.rows(entries)]


# The one thing here that outlives the call that made it: Spark gives a Python worker no other place to keep
# something from task to task. It ends with the process, and the fenced worker with it.
@lru_cache(maxsize=1)
def _kept_scorer(pickled: bytes) -> _KeptScorer:
    config: ScorerConfig = pickle.loads(pickled)  # noqa: S301  the driver's, like the code that runs here
    path = SparkFiles.get(Path(config.model.path).name)
    return _KeptScorer(replace(config, model=replace(config.model, path=path)))


class Tallies(AccumulatorParam[Counter[str]]):
    """Adds counts. Executors have this module, and not what the driver alone needs."""

    def zero(self, value: Counter[str]) -> Counter[str]:
        return Counter()

    def addInPlace(self, value1: Counter[str], value2: Counter[str]) -> Counter[str]:  # noqa: N802  Spark's
        return value1 + value2

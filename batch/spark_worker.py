"""The Python worker of a Spark executor: batches of inputs in, batches of rows out.

    task -> Python worker (used again for the next task) -> its desk -> one fenced worker with the model

Spark runs a Python worker per core, and each keeps one desk: the model is loaded once for as long as the
Python worker lives, and not for every batch or task.
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
from pyspark.accumulators import Accumulator

from batch.batch_scorer import Desk, Scorer
from batch.inputs import Entry
from batch.rows import count_outcomes


@dataclass(frozen=True, slots=True)
class Counters:
    """What the driver sees of a job while it runs. A task that Spark repeats counts twice."""

    outcomes: Accumulator[Counter[str]]
    models: Accumulator[int]


def score_batches(
    batches: Iterator[pa.RecordBatch], scorer: bytes, counters: Counters
) -> Iterator[pa.RecordBatch]:
    """Rows for inputs, as `DataFrame.mapInArrow` wants it.

    Args:
        batches: With the fields of `Entry` for columns.
        scorer: A pickled `Scorer`, whose model's file was added to the job by its name.
        counters: Told of every batch.

    Raises:
        WorkerStartError: The model cannot be loaded here.
    """
    loaded = _desk.cache_info().misses
    desk = _desk(scorer)
    counters.models.add(_desk.cache_info().misses - loaded)
    for batch in batches:
        rows = desk.rows(batch)
        counters.outcomes.add(count_outcomes(rows))
        yield desk.judgement.batch(rows)


class _StandingDesk:
    """A desk in an event loop of its own, which runs while there is something to score."""

    def __init__(self, scorer: Scorer) -> None:
        self.judgement = scorer.judgement
        self._runner = asyncio.Runner()
        self._desk = Desk(scorer)
        self._runner.run(self._desk.__aenter__())

    def rows(self, batch: pa.RecordBatch) -> list[dict[str, Any]]:
        # One at a time: a batch as Python's objects would be all its images, twice.
        one_by_one = (batch.slice(index, 1) for index in range(batch.num_rows))
        entries = (Entry(**row) for one in one_by_one for row in one.to_pylist())
        return self._runner.run(self._collect(entries))

    async def _collect(self, entries: Iterator[Entry]) -> list[dict[str, Any]]:
        return [row async for row in self._desk.rows(entries)]


# The one thing here that outlives the call that made it: Spark gives a Python worker no other place to keep
# something from task to task. It ends with the process, and the fenced worker with it.
@lru_cache(maxsize=1)
def _desk(pickled: bytes) -> _StandingDesk:
    scorer: Scorer = pickle.loads(pickled)  # noqa: S301  the driver's, like the code that runs here
    path = SparkFiles.get(Path(scorer.model.path).name)
    return _StandingDesk(replace(scorer, model=replace(scorer.model, path=path)))

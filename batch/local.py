"""The local engine: a job on this machine, with a bar that shows how far it is."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import aclosing
from typing import Any, Self

import pyarrow as pa
from tqdm import tqdm

from batch import sources
from batch.batch_scorer import Desk, Scorer
from batch.inputs import Entry
from batch.output import Output
from batch.rows import Judgement, Tally, count_outcomes
from batch.sources import Source


def score_locally(source: Source, output: Output, scorer: Scorer, rows_per_file: int) -> Tally:
    """Write the rows that the output lacks; what is scored is written also where the job is interrupted.

    Raises:
        BatchError: The source or the output is not usable.
        WorkerStartError: No worker comes up.
    """
    with output.locked():
        done = output.done(scorer.judgement)
        total = sources.count(source)
        waiting = (entry for entry in sources.entries(source) if entry.name not in done)
        bar = tqdm(total=total, initial=min(len(done), total), unit=" files", disable=None, smoothing=0)
        with bar, Parts(output, scorer.judgement, rows_per_file) as parts:
            asyncio.run(_score(waiting, scorer, parts, bar))
        return Tally(len(done), parts.outcomes, scorer.workers)


class Parts:
    """Rows on their way to the output: so many in a file, the last ones when the block ends."""

    def __init__(self, output: Output, judgement: Judgement, rows_per_file: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._output = output
        self._judgement = judgement
        self._rows_per_file = rows_per_file
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write()

    def add(self, row: dict[str, Any]) -> None:
        """Take one row."""
        self._rows.append(row)
        if len(self._rows) >= self._rows_per_file:
            self._write()

    def _write(self) -> None:
        if self._rows:
            self._output.add(pa.Table.from_batches([self._judgement.batch(self._rows)]))
            self.outcomes += count_outcomes(self._rows)
            self._rows = []


async def _score(waiting: Iterable[Entry], scorer: Scorer, parts: Parts, bar: Any) -> None:
    async with Desk(scorer) as desk, aclosing(desk.rows(waiting)) as rows:
        async for row in rows:
            parts.add(row)
            bar.update()

"""The local engine: a job on this machine, with a progress bar."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import aclosing
from typing import Any, Self

import pyarrow as pa
from tqdm import tqdm

from batch import sources
from batch.batch_scorer import BatchScorer, ScorerConfig
from batch.inputs import Entry
from batch.output import Output
from batch.rows import RowSchema, Tally, tally_rows
from batch.sources import InputSource


def score_locally(
    source: InputSource,
    output: Output,
    config: ScorerConfig,
    rows_per_file: int,
    retry: Collection[str] = (),
) -> Tally:
    """Write the rows that the output lacks. An interrupted job writes the rows that it has.

    Args:
        source: What is scored.
        output: Where the rows go.
        config: How to score.
        rows_per_file: At most.
        retry: Codes of errors; rows that have one are scored anew.

    Raises:
        BatchError: The source or the output is not usable.
        WorkerStartError: No worker comes up.
    """
    with output.locked():
        output.forget(config.row_schema, retry)
        done = output.done(config.row_schema)
        total = sources.count_entries(source)
        waiting = (entry for entry in sources.entries(source) if entry.key not in done.keys)
        bar = tqdm(total=total, initial=min(len(done.keys), total), unit=" files", disable=None, smoothing=0)
        with bar, RowWriter(output, config.row_schema, rows_per_file) as writer:
            asyncio.run(_score(waiting, config, writer, bar))
        return Tally(done.outcomes, writer.outcomes, config.workers)


class RowWriter:
    """Writes rows to the output: `rows_per_file` in each file, the last ones when the block ends."""

    def __init__(self, output: Output, row_schema: RowSchema, rows_per_file: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._output = output
        self._row_schema = row_schema
        self._rows_per_file = rows_per_file
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write()

    def add(self, row: dict[str, Any]) -> None:
        """Add one row."""
        self._rows.append(row)
        if len(self._rows) >= self._rows_per_file:
            self._write()

    def _write(self) -> None:
        if self._rows:
            self._output.add(pa.Table.from_batches([self._row_schema.batch(self._rows)]))
            self.outcomes += tally_rows(self._rows)
            self._rows = []


async def _score(waiting: Iterable[Entry], config: ScorerConfig, writer: RowWriter, bar: Any) -> None:
    async with BatchScorer(config) as scorer, aclosing(scorer.rows(waiting)) as rows:
        async for row in rows:
            writer.add(row)
            bar.update()

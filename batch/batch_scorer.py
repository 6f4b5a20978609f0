"""The batch scorer: makes a row of each entry. Both engines score by it.

Entry -> its bytes -> a fenced worker -> Result -> row
"""

from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any, Self

from batch.inputs import Entry, as_input
from batch.rows import RowSchema
from logo_detection.classifier import ModelSource
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.fetch.fetcher import Fetcher
from logo_detection.fetch.policy import FetchPolicy
from logo_detection.files import MAX_FILE_BYTES
from logo_detection.pool.messages import WorkerConfig
from logo_detection.pool.pool import ScoringPool
from logo_detection.scoring import AHEAD_PER_WORKER, DECODE_TIMEOUT_S, MAX_HELD_BYTES, Input, score_all

AHEAD_FOR_FETCHES = 16
"""Inputs to have under way beside those of the workers: URLs that are fetched meanwhile."""


def inputs_under_way(workers: int) -> int:
    """How many inputs to have under way at a time for a number of scoring processes."""
    return AHEAD_FOR_FETCHES + AHEAD_PER_WORKER * workers


@dataclass(frozen=True, slots=True)
class ScorerConfig:
    """A batch scorer's model, row schema, processes and fetch policy."""

    model: ModelSource
    row_schema: RowSchema
    policy: FetchPolicy
    workers: int = 1
    decode_timeout_s: float = DECODE_TIMEOUT_S


class BatchScorer:
    """A pool of scoring processes and a fetcher, for an `async with` block in one event loop."""

    def __init__(self, config: ScorerConfig) -> None:
        worker = WorkerConfig(config.model, max_image_bytes=MAX_FILE_BYTES)
        self._config = config
        self._pool = ScoringPool(worker, workers=config.workers, decode_timeout_s=config.decode_timeout_s)
        self._memory = ByteBudget(MAX_HELD_BYTES)
        self._fetcher = Fetcher(config.policy, self._memory)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Load the model.

        Raises:
            WorkerStartError: No worker comes up.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._pool)
            await stack.enter_async_context(self._fetcher)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Kill the workers."""
        await self._stack.aclose()

    async def rows(self, entries: Iterable[Entry]) -> AsyncGenerator[dict[str, Any], None]:
        """A row for each entry, in their order, in the columns of `RowSchema.schema`."""
        under_way: deque[Entry] = deque()
        inputs = self._inputs(entries, under_way)
        ahead = inputs_under_way(self._config.workers)
        async with aclosing(score_all(inputs, self._pool, ahead=ahead)) as results:
            async for result in results:
                yield self._config.row_schema.row(under_way.popleft(), result.outcome)

    def _inputs(self, entries: Iterable[Entry], under_way: deque[Entry]) -> Iterator[Input]:
        """The inputs of entries, each of which is added to those under way: results come in their order."""
        for entry in entries:
            under_way.append(entry)
            yield as_input(entry, fetcher=self._fetcher, memory=self._memory)

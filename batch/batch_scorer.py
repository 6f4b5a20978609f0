"""The desk: where entries become rows. Both engines score here and nowhere else.

Entry -> its bytes -> a fenced worker -> Result -> row
"""

from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from batch.inputs import Entry, as_input
from batch.rows import Judgement
from logo_detection.classifier import ModelSource
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.fetch.fetcher import Fetcher
from logo_detection.fetch.policy import FetchPolicy
from logo_detection.files import MAX_FILE_BYTES
from logo_detection.pool.messages import WorkerConfig
from logo_detection.pool.pool import ScoringPool
from logo_detection.scoring import AHEAD_PER_WORKER, DECODE_TIMEOUT_S, MAX_HELD_BYTES, score_all

AHEAD_FOR_FETCHES = 16


@dataclass(frozen=True, slots=True)
class Scorer:
    """What scores: a model, so many processes, and what may be fetched for them."""

    model: ModelSource
    judgement: Judgement
    policy: FetchPolicy
    workers: int = 1
    decode_timeout_s: float = DECODE_TIMEOUT_S


class Desk:
    """A pool of scoring processes and a fetcher, for an `async with` block in one event loop."""

    def __init__(self, scorer: Scorer) -> None:
        config = WorkerConfig(scorer.model, max_image_bytes=MAX_FILE_BYTES)
        self._scorer = scorer
        self._pool = ScoringPool(config, workers=scorer.workers, decode_timeout_s=scorer.decode_timeout_s)
        self._memory = ByteBudget(MAX_HELD_BYTES)
        self._fetcher = Fetcher(scorer.policy, self._memory)
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
        """A row for each entry, in their order, in the columns of `Judgement.schema`."""
        inputs = map(partial(as_input, fetcher=self._fetcher, memory=self._memory), entries)
        ahead = AHEAD_FOR_FETCHES + AHEAD_PER_WORKER * self._scorer.workers
        async with aclosing(score_all(inputs, self._pool, ahead=ahead)) as results:
            async for result in results:
                yield self._scorer.judgement.row(result)

"""Scoring: inputs in, one result for each out, in their order, however many there are.

    Input -> its bytes -> a worker of the pool -> Result

So many inputs are under way at a time: enough to keep the workers and the fetcher busy, and no
more than the byte budget behind `Input.open` lets hold their bytes.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

from logo_detection.classifier import Contrast
from logo_detection.errors import DeadlineExceeded, ItemError
from logo_detection.fetch.upload_stash import Open, read_or_thumbnail
from logo_detection.pool.messages import Scored, Task
from logo_detection.pool.pool import ScoringPool

SCORE_DECIMALS = 4
"""Of a score that people and callers are shown. Tables keep all of it."""

AHEAD_PER_WORKER = 4
"""Inputs to have under way for each worker: one is scored, and the next ones are read meanwhile."""

MAX_HELD_BYTES = 128 * 2**20
"""A byte budget that lets so many be read, the largest files among them."""

DECODE_TIMEOUT_S = 30.0
"""For one input in a worker, where nobody waits: a verdict must not depend on what else the machine does."""

INPUT_TIMEOUT_S = 300.0
"""For one input, from the moment it is under way. It ends only what nothing else ended: a worker
that is never replaced, a file on a network disk that is gone."""


@dataclass(frozen=True, slots=True)
class Input:
    """Something to score.

    Attributes:
        name: What its result is called.
        open: Gives the bytes, which are held for the length of the block; raises ItemError.
        open_thumbnail: After that, gives those of a thumbnail, where the format of the others is not read.
    """

    name: str
    open: Open
    open_thumbnail: Open | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an input."""

    name: str
    outcome: Scored | ItemError


OnScored = Callable[[int, bytes, Scored], Awaitable[None]]
"""Called with the number (from 0), the bytes and the scores of every scored input; it may await."""


async def score_all(
    inputs: Iterable[Input],
    pool: ScoringPool,
    *,
    ahead: int,
    on_scored: OnScored | None = None,
    contrast: Contrast | None = None,
    thumbnail_side: int = 0,
) -> AsyncGenerator[Result, None]:
    """Score inputs.

    Whoever leaves early closes the generator (`contextlib.aclosing`): that cancels what is under way.

    Args:
        inputs: Taken one by one, as they are needed.
        pool: Entered already.
        ahead: How many are under way at a time, at the most.
        on_scored: See `OnScored`.
        contrast: Asks for an explanation of every score.
        thumbnail_side: Asks for a thumbnail of every image, of so many pixels; 0: for none.

    Yields:
        One result per input, in the order of the inputs.
    """
    ask = partial(Task, contrast=contrast, thumbnail_side=thumbnail_side)
    score = partial(_score, pool=pool, flow=object(), on_scored=on_scored, ask=ask)
    under_way: deque[asyncio.Task[Result]] = deque()
    try:
        for number, item in enumerate(inputs):
            if len(under_way) == ahead:
                yield await under_way.popleft()
            under_way.append(asyncio.create_task(score(number, item)))
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _score(
    number: int,
    item: Input,
    pool: ScoringPool,
    flow: object,
    on_scored: OnScored | None,
    ask: Callable[[bytes], Task],
) -> Result:
    async def read(data: bytes) -> Scored:
        scored = await pool.score(ask(data), flow)
        if on_scored is not None:
            await on_scored(number, data, scored)
        return scored

    try:
        async with asyncio.timeout(INPUT_TIMEOUT_S):
            scored = await read_or_thumbnail(item.open, item.open_thumbnail, read)
    except ItemError as error:
        # A traceback holds the frames that it went through, and those hold the bytes.
        return Result(item.name, error.with_traceback(None))
    except TimeoutError:
        return Result(item.name, DeadlineExceeded())
    return Result(item.name, scored)

"""The service: items in, one result per item out. No HTTP here, and no JSON."""

import asyncio
import logging
from collections import Counter
from collections.abc import Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from string import whitespace

from yarl import URL

from logo_detection.artifact import OUT_OF_DOMAIN
from logo_detection.classifier import Contrast
from logo_detection.errors import (
    DeadlineExceeded,
    ImageTooLarge,
    InternalError,
    ItemError,
    UrlNotAllowed,
)
from logo_detection.fetch.fetcher import Credentials, Fetcher, RemoteFile
from logo_detection.fetch.upload_stash import read_or_thumbnail
from logo_detection.heat_map import NO_HEAT_MAP
from logo_detection.pool.messages import Scored, Task
from logo_detection.pool.pool import ScoringPool
from model_server.admission import Admission
from model_server.errors import NotExplainable
from model_server.metrics import Metrics
from model_server.schema import Inline, InlineBytes, Item, ItemResult, Score, Timing, Url
from model_server.trace_context import TraceContext

log = logging.getLogger(__name__)

PIECE_CHARS = 2**20
NO_DATA = f"{whitespace}=".encode()  # what base64 may have beside its digits


@dataclass(frozen=True, slots=True)
class Call:
    """What a request brings beside its items: who asks, until when, in which trace, and whether to explain.

    `deadline` is on the event loop's clock, in seconds.
    """

    deadline: float
    credentials: Credentials | None
    explain: bool = False
    trace: TraceContext | None = None


class LogoService:
    """Admits a request, gets each file, has it scored, and answers in input order."""

    def __init__(
        self,
        *,
        pool: ScoringPool,
        fetcher: Fetcher,
        admission: Admission,
        metrics: Metrics,
        labels: Sequence[str],
        image_max_bytes: int,
    ) -> None:
        self._pool = pool
        self._fetcher = fetcher
        self._admission = admission
        self._metrics = metrics
        self._index = {label: index for index, label in enumerate(labels)}
        self._image_max_bytes = image_max_bytes

    async def predict(self, items: Sequence[Item], call: Call) -> list[ItemResult]:
        """Score every item of a request; a bad one costs itself alone.

        Raises:
            NotExplainable: Explanations are asked for, and the model has none.
            Overloaded: The images do not fit beside those already admitted, or would come too late.
        """
        if call.explain and not self._pool.explains:
            raise NotExplainable(f"this model cannot be explained: {NO_HEAT_MAP}")
        flow = object()  # one per request: workers and fetches are shared fairly among requests
        time_left_s = call.deadline - asyncio.get_running_loop().time()
        with self._admission.admit(len(items), time_left_s):
            results = await asyncio.gather(*(self._answer(item, flow, call) for item in items))
        self._metrics.items_answered(results)
        return results

    async def _answer(self, item: Item, flow: Hashable, call: Call) -> ItemResult:
        clock = _Clock(item)
        try:
            async with asyncio.timeout_at(call.deadline):
                scored = await self._score_item(item, flow, call, clock)
        except TimeoutError:
            return ItemResult(item, DeadlineExceeded(), clock.waited())
        except ItemError as error:
            # A traceback holds the frames that it went through, and those the bytes of the file.
            return ItemResult(item, error.with_traceback(None), clock.failed())
        except Exception:  # nothing that goes wrong with one file may cost the others their answer
            log.exception("a file could not be scored for a reason that is ours")
            return ItemResult(item, InternalError(), clock.failed())
        return ItemResult(item, self._score(item, scored), clock.scored(scored))

    async def _score_item(self, item: Item, flow: Hashable, call: Call, clock: "_Clock") -> Scored:
        contrast = self._contrast(item) if call.explain else None
        match item.source:
            case Inline() | InlineBytes():
                task = self._inline(item.source, contrast)
                clock.fetched()
                return await self._pool.score(task, flow)
            case Url(parsed=url):
                if isinstance(url, UrlNotAllowed):
                    raise url
                return await self._score_url(url, flow, call, clock, contrast)

    def _contrast(self, item: Item) -> Contrast:
        return Contrast(self._index[item.target], self._index[OUT_OF_DOMAIN])

    async def _score_url(
        self, url: URL, flow: Hashable, call: Call, clock: "_Clock", contrast: Contrast | None
    ) -> Scored:
        """Score a file; or its thumbnail, if it is in the upload stash and its format is not read."""
        trace = call.trace.headers if call.trace else {}
        file = self._fetcher.file(url, flow=flow, credentials=call.credentials, trace=trace)
        clock.follow(file)

        def open_thumbnail() -> AbstractAsyncContextManager[bytes]:
            thumbnail = file.open_thumbnail()
            clock.begin()
            return thumbnail

        return await read_or_thumbnail(
            file.open,
            open_thumbnail,
            partial(self._score_file, flow=flow, clock=clock, contrast=contrast),
        )

    async def _score_file(
        self, body: bytes, flow: Hashable, clock: "_Clock", contrast: Contrast | None
    ) -> Scored:
        self._metrics.file_fetched(len(body))
        clock.fetched(len(body))
        return await self._pool.score(Task(body, contrast=contrast), flow)

    def _inline(self, source: Inline | InlineBytes, contrast: Contrast | None) -> Task:
        if isinstance(source, InlineBytes):
            if len(source.data) > self._image_max_bytes:
                raise ImageTooLarge
            return Task(source.data, contrast=contrast)
        text = source.base64
        # To count is only worth it where the length leaves room for doubt: a body may have 64 MiB of text.
        if len(text) * 3 // 4 > self._image_max_bytes and _decodes_to_more(text, self._image_max_bytes):
            raise ImageTooLarge
        return Task(text, is_base64=True, contrast=contrast)

    def _score(self, item: Item, scored: Scored) -> Score:
        return Score(
            target=scored.scores[self._index[item.target]],
            out_of_domain=scored.scores[self._index[OUT_OF_DOMAIN]],
            classes=scored.scores,
            format=scored.format,
            width=scored.width,
            height=scored.height,
            explanation=scored.explanation,
        )


def _decodes_to_more(base64: str, max_bytes: int) -> bool:
    """Whether base64 text stands for more bytes: three for four characters, white space and padding aside.

    It stops where it knows: all of 60 MiB of text would hold the event loop up for 0.15 s.
    """
    characters = 0
    for at in range(0, len(base64), PIECE_CHARS):
        characters += len(base64[at : at + PIECE_CHARS].encode().translate(None, NO_DATA))
        if characters * 3 // 4 > max_bytes:
            return True
    return False


class _Clock:
    """The stages of one item. What ends without a score took its time in the last stage that it began."""

    def __init__(self, item: Item) -> None:
        self._now = asyncio.get_running_loop().time
        self._is_fetched = isinstance(item.source, Url)
        self._began = self._now()
        self._fetched = 0.0
        self._fetched_bytes = 0
        self._file: RemoteFile | None = None

    def follow(self, file: RemoteFile) -> None:
        """Count the requests that are sent for a file."""
        self._file = file

    def begin(self) -> None:
        """Get a thumbnail in the file's place: what came before counts as fetching, too."""
        self._fetched = 0.0

    def fetched(self, size_bytes: int = 0) -> None:
        self._fetched = self._now()
        self._fetched_bytes = size_bytes

    def scored(self, scored: Scored) -> Timing:
        return self._timing(queue_s=scored.queue_s, decode_s=scored.decode_s, score_s=scored.score_s)

    def failed(self) -> Timing:
        """An image that a worker refused, or died on: how long it waited there is not told apart."""
        return self._timing(decode_s=self._since_fetched())

    def waited(self) -> Timing:
        """An image that no worker had finished at the deadline."""
        return self._timing(queue_s=self._since_fetched())

    def _timing(self, queue_s: float = 0.0, decode_s: float = 0.0, score_s: float = 0.0) -> Timing:
        attempts = self._file.attempts if self._file else 0
        return Timing(self._fetch_s(), queue_s, decode_s, score_s, self._fetched_bytes, attempts)

    def _fetch_s(self) -> float:
        return (self._fetched or self._now()) - self._began if self._is_fetched else 0.0

    def _since_fetched(self) -> float:
        return self._now() - self._fetched if self._fetched else 0.0


def count_outcomes(results: Sequence[ItemResult]) -> dict[str, int]:
    """How many items came to which outcome, `scored` or an error's code."""
    return dict(Counter(result.code or "scored" for result in results))


def find_errors(results: Sequence[ItemResult]) -> dict[str, list[int]]:
    """Which items came to which error: code -> their indices in the request."""
    found: dict[str, list[int]] = {}
    for index, result in enumerate(results):
        if result.code:
            found.setdefault(result.code, []).append(index)
    return found

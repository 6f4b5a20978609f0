"""The model as KServe knows it: `kserve.Model` over a `LogoService`, for whatever protocol."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import kserve

from logo_detection.fetch.fetcher import Credentials
from model_server.answers import measure_latency
from model_server.http.request_context import current_request
from model_server.protocols import Answer, Parse, Parsed
from model_server.schema import ItemResult
from model_server.service import Call, LogoService, count_outcomes, find_errors
from model_server.stages import describe_slowest, describe_stages

Headers = dict[str, str]
Engine = AbstractAsyncContextManager[object]


class LogoModel(kserve.Model):
    """Parses a body by its protocol (see `RawDataPlane`), has it scored, and renders the answer.

    Args:
        name: In the URL.
        service: Scores a request's files.
        engine: Holds the workers and the fetcher, once they are ready.
        has_live_workers: Reads whether there are workers still.
        metadata: What V2 says of the model.
    """

    def __init__(
        self,
        name: str,
        *,
        service: LogoService,
        engine: Engine,
        has_live_workers: Callable[[], bool],
        metadata: dict[str, Any],
    ) -> None:
        super().__init__(name)
        self.ready = True  # what KServe calls ready; `healthy` is the truth
        self._service = service
        self._engine = engine
        self._has_live_workers = has_live_workers
        self.metadata = metadata
        self._warm = False
        self._draining = False

    async def start_engine(self) -> None:
        """Hold the workers and the fetcher until this is cancelled.

        Raises:
            LogoDetectionError: A worker does not come up.
        """
        async with self._engine:
            self._warm = True
            try:
                await asyncio.Event().wait()
            finally:
                self._warm = False

    def drain(self) -> None:
        """Be not ready any more, while requests that come all the same are served."""
        self._draining = True

    @property
    def warm(self) -> bool:
        """Whether every worker has warmed up once, and there are workers still: requests are served."""
        return self._warm and self._has_live_workers()

    @property
    def takes_requests(self) -> bool:
        """Whether requests should be sent here: it is warm, and not going down."""
        return self.warm and not self._draining

    async def healthy(self) -> bool:
        """`takes_requests`, as KServe asks for it."""
        return self.takes_requests

    async def preprocess(self, parse: Parse, headers: Headers | None = None) -> Parsed:
        """Parse the body in the request's context. Files are fetched and decoded by `predict`, one by one."""
        return parse(current_request.get().take_body(), headers or {})

    async def predict(
        self, request: Parsed, headers: Headers | None = None
    ) -> tuple[Parsed, list[ItemResult]]:
        """Score every item of the request."""
        return request, await self._service.predict(request.items, _call(headers or {}))

    async def explain(
        self, request: Parsed, headers: Headers | None = None
    ) -> tuple[Parsed, list[ItemResult]]:
        """Score every item of the request, and explain its score."""
        return request, await self._service.predict(request.items, _call(headers or {}, explain=True))

    async def postprocess(
        self, result: tuple[Parsed, list[ItemResult]], headers: Headers | None = None
    ) -> Answer:
        """Render the answer. Its status goes into the request's context: KServe's routes answer 200 alone."""
        request, results = result
        context = current_request.get()
        latency = measure_latency(results, asyncio.get_running_loop().time() - context.started)
        answer = request.render(results, latency)
        context.status, context.latency = answer.status, latency
        context.items, context.failed = count_outcomes(results), find_errors(results)
        context.stages, context.slowest = describe_stages(results), describe_slowest(results)
        return answer


def _call(headers: Headers, *, explain: bool = False) -> Call:
    credentials = Credentials(headers.get("authorization"), headers.get("cookie"))
    context = current_request.get()
    return Call(context.deadline, credentials, explain, context.trace)

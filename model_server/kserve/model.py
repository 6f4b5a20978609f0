"""The model as KServe knows it: `kserve.Model` over a `LogoService`, bytes in and bytes out."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import kserve
import orjson

from logo_detection.fetch.fetcher import Credentials
from model_server.answers import render_response
from model_server.http.request_context import current_request
from model_server.schema import ItemResult, PredictRequest
from model_server.service import Call, LogoService, count_outcomes, find_errors

Headers = dict[str, str]
Engine = AbstractAsyncContextManager[object]
Parse = Callable[[bytes | bytearray], PredictRequest]


class LogoModel(kserve.Model):
    """Parses a body (see `RawDataPlane`), has it scored, and renders the answer.

    Args:
        name: In the URL.
        service: Scores a request's files.
        engine: Holds the workers and the fetcher, once they are ready.
        has_live_workers: Reads whether there are workers still.
        parse: Turns a body into a request.
    """

    def __init__(
        self,
        name: str,
        *,
        service: LogoService,
        engine: Engine,
        has_live_workers: Callable[[], bool],
        parse: Parse,
    ) -> None:
        super().__init__(name)
        self.ready = True  # what KServe calls ready; `healthy` is the truth
        self._service = service
        self._engine = engine
        self._has_live_workers = has_live_workers
        self._parse = parse
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

    async def preprocess(self, _: bytes, headers: Headers | None = None) -> PredictRequest:
        """Parse the body in the request's context. Files are fetched and decoded by `predict`, one by one."""
        return self._parse(current_request.get().take_body())

    async def predict(
        self, payload: PredictRequest, headers: Headers | None = None
    ) -> tuple[PredictRequest, list[ItemResult]]:
        """Score every item of the request."""
        call = Call(current_request.get().deadline, _credentials(headers or {}))
        return payload, await self._service.predict(payload, call)

    async def postprocess(
        self, result: tuple[PredictRequest, list[ItemResult]], headers: Headers | None = None
    ) -> bytes:
        """Render the answer. Its status goes into the request's context: KServe's routes answer 200 alone."""
        request, results = result
        context = current_request.get()
        total_s = asyncio.get_running_loop().time() - context.started
        context.status, document = render_response(results, total_s=total_s, debug=request.debug)
        context.items, context.latency = count_outcomes(results), document["latency"]
        context.failed = find_errors(results)
        return orjson.dumps(document)


def _credentials(headers: Headers) -> Credentials:
    return Credentials(headers.get("authorization"), headers.get("cookie"))

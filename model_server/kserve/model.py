"""KServe: the model and the server as LiftWing's platform knows them. Nothing else imports KServe.

What KServe 0.21 does badly is overridden at its own seams: the data plane neither decodes the
body (it compares the Content-Type exactly) nor calls an unready server ready; `Server.start` holds
the workers and the fetcher for as long as requests are served; its handlers of last resort, which
show exception texts to callers, are never reached.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import kserve
import orjson
import uvicorn
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from kserve.model_server import app
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.rest.server import RESTServer
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from logo_detection.fetch.fetcher import Credentials
from model_server.admission import Admission
from model_server.errors import ModelUnknown, NotReady, RequestError, RequestMalformed, ServerFault
from model_server.http.connection import KEEP_ALIVE_S, HTTPProtocol
from model_server.http.drain import DrainingServer
from model_server.http.request_context import current_exchange
from model_server.http.request_middleware import Edge, render_refusal
from model_server.schema import ItemResult, PredictRequest, render_response
from model_server.service import Call, LogoService, count_outcomes, find_errors

Headers = dict[str, str]
Engine = AbstractAsyncContextManager[object]
Parse = Callable[[bytes | bytearray], PredictRequest]


class Unscored(RequestError):
    """No file of a request was scored: the answer is complete, but its status is not 200."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__("no file could be scored")
        self.status = status
        self.body = body


class LogoModel(kserve.Model):
    """`kserve.Model` over a `LogoService`: bytes in (see `RawDataPlane`), bytes out.

    Args:
        name: In the URL.
        service: Scores a request's files.
        engine: Holds the workers and the fetcher, once they are ready.
        is_staffed: Reads whether there are workers still.
        parse: Turns a body into a request.
    """

    def __init__(
        self,
        name: str,
        *,
        service: LogoService,
        engine: Engine,
        is_staffed: Callable[[], bool],
        parse: Parse,
    ) -> None:
        super().__init__(name)
        self.ready = True  # what KServe calls ready; `healthy` is the truth
        self._service = service
        self._engine = engine
        self._is_staffed = is_staffed
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
        return self._warm and self._is_staffed()

    @property
    def takes_requests(self) -> bool:
        """Whether requests should be sent here: it is warm, and not going down."""
        return self.warm and not self._draining

    async def healthy(self) -> bool:
        """`takes_requests`, as KServe asks for it."""
        return self.takes_requests

    async def preprocess(self, _: bytes, headers: Headers | None = None) -> PredictRequest:
        """Parse the exchange's body. The fetching and decoding belong to `predict`, item by item."""
        return self._parse(current_exchange.get().take_body())

    async def predict(
        self, payload: PredictRequest, headers: Headers | None = None
    ) -> tuple[PredictRequest, list[ItemResult]]:
        """Score every item of the request."""
        call = Call(current_exchange.get().deadline, _credentials(headers or {}))
        return payload, await self._service.predict(payload, call)

    async def postprocess(
        self, result: tuple[PredictRequest, list[ItemResult]], headers: Headers | None = None
    ) -> bytes:
        """Render the answer.

        Raises:
            Unscored: None of the files was scored.
        """
        request, results = result
        exchange = current_exchange.get()
        total_s = asyncio.get_running_loop().time() - exchange.started
        status, document = render_response(results, total_s=total_s, debug=request.debug)
        exchange.items, exchange.latency = count_outcomes(results), document["latency"]
        exchange.failed = find_errors(results)
        body = orjson.dumps(document)
        if status != 200:
            raise Unscored(status, body)
        return body


class RawDataPlane(DataPlane):
    """KServe's data plane, with the body left as it came and readiness told truly."""

    def decode(self, body: bytes, headers: Headers, *_: Any, **__: Any) -> tuple[bytes, dict[str, Any]]:
        """Leave decoding to the model: KServe's own refuses nothing, and trusts the Content-Type."""
        return body, {}

    def encode(
        self, model_name: str, response: bytes, headers: Headers, req_attributes: Any
    ) -> tuple[bytes, Headers]:
        """The model's bytes are JSON already."""
        return response, {"content-type": "application/json"}

    async def ready(self) -> bool:
        """True. KServe's own always is, and its answer where it is not logs a traceback.

        Raises:
            NotReady: With a Retry-After.
        """
        if not all([await model.healthy() for model in self.model_registry.get_models().values()]):
            raise NotReady("the model is warming up, going down, or without workers; try again shortly")
        return True

    async def model_ready(self, model_name: str, disable_predictor_health_check: bool = False) -> bool:
        """True.

        Args:
            model_name: From the URL.
            disable_predictor_health_check: KServe says so where it asks in order to predict: a model that
                goes down still does.

        Raises:
            ModelUnknown: It has another name. KServe logs a traceback for that, too.
            NotReady: With a Retry-After.
        """
        model = self.model_registry.get_model(model_name)
        if model is None:
            raise ModelUnknown(f"Model with name {model_name} does not exist.")
        return (disable_predictor_health_check and model.warm) or await self.ready()


@dataclass(frozen=True, slots=True)
class Listening:
    """How the server listens, and how it ceases to.

    Attributes:
        port: TCP, on all addresses.
        max_connections: Open at once.
        drain_delay_s: Seconds after SIGTERM for which requests are still taken.
        grace_period_s: Seconds for those in flight after that.
    """

    port: int
    max_connections: int
    drain_delay_s: float
    grace_period_s: int


class Server(kserve.ModelServer):
    """KServe's server for one model and REST, with a `start` of its own, made of KServe's public parts.

    KServe's `start` handles signals by unloading the model while requests are in flight, has no way to
    give uvicorn a protocol or more patience, and leaves uvloop unused with one process.
    """

    def __init__(self, listening: Listening, admission: Admission, edge: dict[str, Any]) -> None:
        super().__init__(http_port=listening.port, workers=1, enable_grpc=False, enable_latency_logging=False)
        self.dataplane = RawDataPlane(model_registry=self.registered_models)
        self._listening = listening
        self._admission = admission
        self._edge = edge

    def start(self, models: list[LogoModel]) -> None:
        """Serve until SIGTERM, and then until what is in flight has been answered.

        Raises:
            LogoDetectionError: The workers did not come up.
        """
        (model,) = models
        model.enable_latency_logging = self.enable_latency_logging
        self.register_model(model)
        config = self._configure()
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(self._run(model, config))

    def _configure(self) -> uvicorn.Config:
        rest = RESTServer(
            "kserve.model_server:app",
            self.dataplane,
            self.model_repository_extension,
            self._listening.port,
            grace_period=self._listening.grace_period_s,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        rest.create_application()
        app.user_middleware.clear()  # KServe's takes times for a log that is silent
        app.add_exception_handler(Exception, _fault)  # KServe's shows the exception's text to the caller
        rest.config.app = Edge(app, admission=self._admission, **self._edge)
        rest.config.proxy_headers = False  # nobody asks who the caller is
        rest.config.http = partial(
            HTTPProtocol, max_connections=self._listening.max_connections, metrics=self._edge["metrics"]
        )
        rest.config.ws = "none"  # it would bypass the edge
        config: uvicorn.Config = rest.config
        return config

    async def _run(self, model: LogoModel, config: uvicorn.Config) -> None:
        http = DrainingServer(
            config,
            admission=self._admission,
            delay_s=self._listening.drain_delay_s,
            on_signal=model.drain,
        )
        holding = asyncio.ensure_future(model.start_engine())
        serving = asyncio.ensure_future(http.serve())
        await asyncio.wait((holding, serving), return_when=asyncio.FIRST_COMPLETED)
        http.should_exit = True
        await serving
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding


def serve(
    model: LogoModel,
    *,
    listening: Listening,
    admission: Admission,
    edge: dict[str, Any],
    description: dict[str, Any],
) -> None:
    """Configure KServe's application, and run its server behind the edge: see `Server.start`."""
    app.openapi = lambda: description  # KServe's own promises what is closed here
    app.router.default_response_class = JSONResponse  # KServe's choice warns of its deprecation
    app.router.redirect_slashes = False  # it would redirect to whatever Host the caller names
    for error in (RequestError, HTTPException, RequestValidationError):
        app.add_exception_handler(error, _HANDLERS[error])
    Server(listening, admission, edge).start([model])


def _credentials(headers: Headers) -> Credentials:
    return Credentials(headers.get("authorization"), headers.get("cookie"))


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101  registered for these alone
    if isinstance(error, Unscored):
        return Response(error.body, error.status, media_type="application/json")
    if exchange := current_exchange.get(None):  # a probe has none
        exchange.refused = error.reason()
    status, headers, body = render_refusal(error)
    return Response(body, status, {name.decode(): value.decode() for name, value in headers})


async def _fault(request: Request, _: Exception) -> Response:
    return await _refuse(request, ServerFault("internal error"))  # the edge sees the exception, and logs it


async def _no_such_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    body = orjson.dumps({"error": str(error.detail).lower()})
    return Response(body, error.status_code, error.headers, media_type="application/json")


async def _malformed(request: Request, _: Exception) -> Response:
    return await _refuse(
        request, RequestMalformed("the request does not have the shape that this route expects")
    )


_HANDLERS = {RequestError: _refuse, HTTPException: _no_such_route, RequestValidationError: _malformed}

"""KServe: the model and the server as LiftWing's platform knows them. Nothing else imports KServe.

What KServe 0.21 does badly is overridden at its own seams: the data plane neither decodes the
body (it compares the Content-Type exactly) nor calls an unready server ready; the engine hook
holds the workers and the fetcher for as long as the server runs; its handlers of last resort,
which show exception texts to callers, are never reached.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import kserve
import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from kserve.model_server import app
from kserve.protocol.dataplane import DataPlane
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from logo_detection.errors import LogoDetectionError
from logo_detection.fetch import Credentials
from model_server.edge import Edge, render_refusal
from model_server.errors import ModelUnknown, NotReady, RequestError, RequestMalformed
from model_server.exchange import current_exchange
from model_server.schema import ItemResult, PredictRequest, render_response
from model_server.service import Call, LogoService, count_outcomes

Headers = dict[str, str]
Engine = AbstractAsyncContextManager[object]


class Unscored(RequestError):
    """No file of a request was scored: the answer is complete, but its status is not 200."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__("no file could be scored")
        self.status = status
        self.body = body


class LogoModel(kserve.Model):
    """`kserve.Model` over a `LogoService`: bytes in (see `RawDataPlane`), bytes out."""

    def __init__(
        self, name: str, *, service: LogoService, engine: Engine, parse: Callable[[bytes], PredictRequest]
    ) -> None:
        super().__init__(name)
        self.ready = True  # KServe registers ready models only; `healthy` is the truth
        self.engine = True
        self.failure: LogoDetectionError | None = None
        self._service = service
        self._engine = engine
        self._parse = parse
        self._warm = False
        self._stopped = asyncio.Event()

    def start(self) -> None:
        """Nothing: KServe would set `ready` here, before the engine runs."""

    async def start_engine(self) -> None:
        """Hold the workers and the fetcher until the server has drained, or is told to stop before.

        A worker that does not come up ends the server: `failure` says why.
        """
        holding = asyncio.ensure_future(self._hold_engine())
        stopping = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait((holding, stopping), return_when=asyncio.FIRST_COMPLETED)
        holding.cancel()
        stopping.cancel()
        try:
            await holding
        except asyncio.CancelledError:
            pass
        except LogoDetectionError as error:
            self.failure = error
            signal.raise_signal(signal.SIGTERM)

    async def _hold_engine(self) -> None:
        async with self._engine:
            self._warm = True
            try:
                await asyncio.Event().wait()  # until it is cancelled
            finally:
                self._warm = False

    def stop_engine(self) -> None:
        """Let `start_engine` end; KServe calls this when the last request has been answered."""
        self._stopped.set()

    async def healthy(self) -> bool:
        """Whether every worker has warmed up, and the server is not going down."""
        return self._warm

    async def preprocess(self, payload: bytes, headers: Headers | None = None) -> PredictRequest:
        """Parse. The fetching and decoding belong to `predict`, item by item."""
        return self._parse(payload)

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
            raise NotReady("the model is warming up; try again shortly")
        return True

    async def model_ready(self, model_name: str, disable_predictor_health_check: bool = False) -> bool:
        """True.

        Raises:
            ModelUnknown: It has another name. KServe logs a traceback for that, too.
            NotReady: With a Retry-After.
        """
        if self.model_registry.get_model(model_name) is None:
            raise ModelUnknown(f"Model with name {model_name} does not exist.")
        return await self.ready()


def serve(model: LogoModel, *, port: int, grace_period_s: int, edge: dict[str, Any]) -> None:
    """Run KServe's server until SIGTERM, and then until what is in flight has been answered."""
    app.router.default_response_class = JSONResponse  # KServe's choice warns of its deprecation
    app.router.redirect_slashes = False  # it would redirect to whatever Host the caller names
    app.add_middleware(Edge, **edge)
    for error in (RequestError, HTTPException, RequestValidationError):
        app.add_exception_handler(error, _HANDLERS[error])
    server = kserve.ModelServer(
        http_port=port,
        workers=1,
        enable_grpc=False,
        enable_latency_logging=False,
        grace_period=grace_period_s,
    )
    server.dataplane = RawDataPlane(model_registry=server.registered_models)
    server.start([model])


def _credentials(headers: Headers) -> Credentials:
    return Credentials(headers.get("authorization"), headers.get("cookie"))


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101  registered for these alone
    if isinstance(error, Unscored):
        return Response(error.body, error.status, media_type="application/json")
    status, headers, body = render_refusal(error)
    return Response(body, status, {name.decode(): value.decode() for name, value in headers})


async def _no_such_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    body = orjson.dumps({"error": str(error.detail).lower()})
    return Response(body, error.status_code, error.headers, media_type="application/json")


async def _malformed(request: Request, _: Exception) -> Response:
    return await _refuse(
        request, RequestMalformed("the request does not have the shape that this route expects")
    )


_HANDLERS = {RequestError: _refuse, HTTPException: _no_such_route, RequestValidationError: _malformed}

"""The server as KServe knows it: its data plane, its REST application, and how they start and end.

What KServe 0.21 does badly is overridden at its own seams: the data plane neither decodes the body (it
compares the Content-Type exactly) nor calls an unready server ready; `Server.start` holds the workers and the
fetcher for as long as requests are served; `handlers` replaces the handlers that show exception texts to
callers.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import kserve
import uvicorn
from kserve.constants.constants import PredictorProtocol
from kserve.model_server import app
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.rest.server import RESTServer
from starlette.responses import JSONResponse

from model_server.admission import Admission
from model_server.errors import ModelUnknown, NotReady
from model_server.http.connection import KEEP_ALIVE_S, BoundedConnection
from model_server.http.drain import DrainingServer
from model_server.http.request_middleware import App
from model_server.kserve.handlers import add_handlers
from model_server.kserve.model import Headers, LogoModel
from model_server.protocols import Answer, Parse


class RawDataPlane(DataPlane):
    """KServe's data plane, with the body left as it came and readiness told truly.

    Args:
        model_registry: KServe's.
        protocols: What parses a body, by KServe's name for the protocol.
    """

    def __init__(self, model_registry: Any, protocols: Mapping[str, Parse]) -> None:
        super().__init__(model_registry=model_registry)
        self._protocols = protocols

    def decode(
        self,
        body: bytes,
        headers: Headers,
        protocol_version: str = PredictorProtocol.REST_V1.value,
        model_name: str | None = None,
    ) -> tuple[Parse, dict[str, Any]]:
        """Leave decoding to the model, and tell it how: KServe's own trusts the Content-Type."""
        return self._protocols[protocol_version], {}

    def encode(
        self, model_name: str, response: Answer, headers: Headers, req_attributes: Any
    ) -> tuple[bytes, Headers]:
        """The model's answer is bytes already."""
        return response.body, response.headers

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
        drain_delay_s: Seconds after SIGTERM for which requests are still taken.
        grace_period_s: Seconds for those in flight after that.
    """

    port: int
    drain_delay_s: float
    grace_period_s: int


class Server(kserve.ModelServer):
    """KServe's server for one model and REST, with a `start` of its own, made of KServe's public parts.

    KServe's `start` handles signals by unloading the model while requests are in flight, has no way to give
    uvicorn a connection class or a longer keep-alive, and leaves uvloop unused with one process.

    Args:
        listening: How it listens.
        admission: Knows which requests there are when it drains.
        middleware: Wraps KServe's application.
        connection: Makes what reads one connection; uvicorn gives it the rest of its arguments.
        protocols: What parses a body, by the protocol's number in the route.
    """

    def __init__(
        self,
        listening: Listening,
        *,
        admission: Admission,
        middleware: Callable[[App], App],
        connection: Callable[..., BoundedConnection],
        protocols: Mapping[str, Parse],
    ) -> None:
        super().__init__(http_port=listening.port, workers=1, enable_grpc=False, enable_latency_logging=False)
        self.dataplane = RawDataPlane(self.registered_models, protocols)
        self._listening = listening
        self._admission = admission
        self._middleware = middleware
        self._connection = connection

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

    def describe(self, document: dict[str, Any]) -> None:
        """Serve this OpenAPI document: KServe's own promises what is closed here."""
        app.openapi = lambda: document

    def _configure(self) -> uvicorn.Config:
        app.router.default_response_class = JSONResponse  # KServe's choice warns of its deprecation
        app.router.redirect_slashes = False  # it would redirect to whatever Host the caller names
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
        add_handlers(app)
        rest.config.app = self._middleware(app)
        rest.config.proxy_headers = False  # nobody asks who the caller is
        rest.config.http = self._connection
        rest.config.ws = "none"  # it would bypass the middleware
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

"""The server as KServe knows it: its REST application, and how it starts and ends.

What KServe 0.21 does badly is overridden at its own seams: `data_plane` neither decodes the body (KServe's
compares the Content-Type exactly) nor calls an unready server ready; `inference_routes` come before KServe's
routes of V1, and with `v2_endpoints` replace those of V2; `Server.start` holds workers and fetcher for
as long as requests are served; `handlers` replaces the handlers that show exception texts to callers;
`page_routes` puts the page before KServe's answer at `/`.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import kserve
import uvicorn
from fastapi import FastAPI
from kserve.model_server import app
from kserve.protocol.rest.server import RESTServer, metrics_handler
from kserve.protocol.rest.v1_endpoints import register_v1_endpoints
from starlette.responses import JSONResponse

from model_server.admission import Admission
from model_server.http.connection import KEEP_ALIVE_S, BoundedConnection
from model_server.http.drain import DrainingServer
from model_server.http.request_middleware import App
from model_server.kserve.data_plane import RawDataPlane
from model_server.kserve.handlers import add_handlers
from model_server.kserve.inference_routes import inference_routes
from model_server.kserve.model import LogoModel
from model_server.kserve.page_routes import add_page_routes
from model_server.kserve.v2_endpoints import add_v2_routes
from model_server.page.assets import Assets
from model_server.protocols import Parse


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


class Beside(Protocol):
    """What serves another protocol in the same process."""

    async def start(self) -> None:
        """Listen."""

    async def stop(self) -> None:
        """Take no more requests, and wait for those in flight."""

    async def run(self) -> None:
        """Serve until `stop`."""


class NothingBeside:
    """HTTP is all that is served."""

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""

    async def run(self) -> None:
        """Do nothing until this is cancelled."""
        await asyncio.Event().wait()


class _RESTServer(RESTServer):
    """KServe's, with our own routes where files are sent, and for V2."""

    def _register_endpoints(self, app: FastAPI) -> None:
        app.router.routes[:0] = inference_routes(self.dataplane)
        app.add_api_route("/", self.dataplane.live)
        app.add_api_route("/metrics", metrics_handler)
        register_v1_endpoints(app, self.dataplane, self.model_repository_extension)
        add_v2_routes(app, self.dataplane)


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
        page: The assets of the page; none where there is no page.
    """

    def __init__(
        self,
        listening: Listening,
        *,
        admission: Admission,
        middleware: Callable[[App], App],
        connection: Callable[..., BoundedConnection],
        protocols: Mapping[str, Parse],
        page: Assets,
    ) -> None:
        super().__init__(http_port=listening.port, workers=1, enable_grpc=False, enable_latency_logging=False)
        self.dataplane = RawDataPlane(self.registered_models, protocols)
        self._listening = listening
        self._admission = admission
        self._middleware = middleware
        self._connection = connection
        self._page = page

    def start(self, models: list[LogoModel], beside: Beside | None = None) -> None:
        """Serve until SIGTERM, and then until what is in flight has been answered.

        Args:
            models: One.
            beside: Serves another protocol meanwhile.

        Raises:
            LogoDetectionError: The workers did not come up.
        """
        (model,) = models
        model.enable_latency_logging = self.enable_latency_logging
        self.register_model(model)
        config = self._configure()
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(self._run(model, config, beside or NothingBeside()))

    def describe(self, document: dict[str, Any]) -> None:
        """Serve this OpenAPI document: KServe's own promises what is closed here."""
        app.openapi = lambda: document

    def _configure(self) -> uvicorn.Config:
        app.router.default_response_class = JSONResponse  # KServe's choice warns of its deprecation
        app.router.redirect_slashes = False  # it would redirect to whatever Host the caller names
        rest = _RESTServer(
            "kserve.model_server:app",
            self.dataplane,
            self.model_repository_extension,
            self._listening.port,
            grace_period=self._listening.grace_period_s,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        add_page_routes(app, self._page, self.dataplane)
        rest.create_application()
        app.user_middleware.clear()  # KServe's takes times for a log that is silent
        add_handlers(app)
        rest.config.app = self._middleware(app)
        rest.config.proxy_headers = False  # nobody asks who the caller is
        rest.config.http = self._connection
        rest.config.ws = "none"  # it would bypass the middleware
        config: uvicorn.Config = rest.config
        return config

    async def _run(self, model: LogoModel, config: uvicorn.Config, beside: Beside) -> None:
        http = DrainingServer(
            config,
            admission=self._admission,
            delay_s=self._listening.drain_delay_s,
            on_signal=model.drain,
            stop_beside=beside.stop,
        )
        await beside.start()
        holding = asyncio.ensure_future(model.start_engine())
        serving = asyncio.ensure_future(http.serve())
        running = asyncio.ensure_future(beside.run())
        await asyncio.wait((holding, serving, running), return_when=asyncio.FIRST_COMPLETED)
        http.should_exit = True
        await serving
        for task in (running, holding):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

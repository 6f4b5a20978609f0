"""What V2 says of server and model; `inference_routes` has the route that carries files."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request

from model_server.kserve.data_plane import RawDataPlane

Document = dict[str, Any]

MODEL = "/models/{model_name}"
VERSION = "/versions/{model_version}"


def add_v2_routes(app: FastAPI, dataplane: RawDataPlane) -> None:
    """Serve V2 from a data plane."""
    endpoints = V2Endpoints(dataplane)
    router = APIRouter(prefix="/v2")
    for model in (MODEL, MODEL + VERSION):
        router.add_api_route(f"{model}/ready", endpoints.model_ready)
        router.add_api_route(model, endpoints.model)
    router.add_api_route("/health/live", endpoints.live)
    router.add_api_route("/health/ready", endpoints.ready)
    router.add_api_route("", endpoints.server)
    app.include_router(router)


class V2Endpoints:
    """What FastAPI calls. Where a version is named, it has to be the one that is served.

    What a path names is read from the request itself: FastAPI would take a version, which not every path has,
    from the query, too.
    """

    def __init__(self, dataplane: RawDataPlane) -> None:
        self._dataplane = dataplane

    async def server(self) -> Document:
        """What the server is."""
        return self._dataplane.metadata()

    async def live(self) -> Document:
        """Whether the process answers."""
        return {"live": True}

    async def ready(self) -> Document:
        """Whether the server is ready; raises where it is not."""
        return {"ready": await self._dataplane.ready()}

    async def model(self, request: Request) -> Document:
        """What the model is."""
        return await self._dataplane.model_metadata(self._model_name(request))

    async def model_ready(self, request: Request) -> Document:
        """Whether the model is ready; raises where it is not."""
        name = self._model_name(request)
        return {"name": name, "ready": await self._dataplane.model_ready(name)}

    def _model_name(self, request: Request) -> str:
        name: str = request.path_params["model_name"]
        self._dataplane.check_version(name, request.path_params.get("model_version"))
        return name

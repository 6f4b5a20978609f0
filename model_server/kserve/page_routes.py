"""The routes of the page: at `/` for those who accept HTML, where all others get KServe's own answer."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from starlette.responses import JSONResponse

from model_server.kserve.data_plane import RawDataPlane
from model_server.page.assets import HEADERS, ROOT, Asset, Assets, accepts_html

Endpoint = Callable[[Request], Awaitable[Response]]


def add_page_routes(app: FastAPI, assets: Assets, dataplane: RawDataPlane) -> None:
    """Serve the page; before KServe's routes are added, since the first one that matches is taken."""
    for path, asset in assets.items():
        endpoint = _page_or_live(asset, dataplane) if path == ROOT else _always(asset)
        app.add_api_route(path, endpoint)


def _always(asset: Asset) -> Endpoint:
    async def answer(_: Request) -> Response:
        return Response(asset.body, headers=HEADERS, media_type=asset.media_type)

    return answer


def _page_or_live(asset: Asset, dataplane: RawDataPlane) -> Endpoint:
    vary = {"vary": "accept"}

    async def answer(request: Request) -> Response:
        if accepts_html(",".join(request.headers.getlist("accept"))):
            return Response(asset.body, headers=HEADERS | vary, media_type=asset.media_type)
        return JSONResponse(await dataplane.live(), headers=vary)

    return answer

"""The routes that carry files, in the place of KServe's own.

Like KServe's they go through the data plane, and so through `kserve.Model`. They are Starlette's and not
FastAPI's, whose work for each request (finding parameters, solving dependencies) cost more than parsing the
body; and KServe's parser of V2 takes images for UTF-8 and shows their bytes.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from kserve.constants.constants import PredictorProtocol
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from model_server.kserve.data_plane import EXPLAIN, RawDataPlane
from model_server.kserve.model import Headers
from model_server.protocols import Answer

Infer = Callable[[str, Headers], Awaitable[Answer]]

V1_MODEL = "/v1/models/{model_name}"
V2_MODEL = "/v2/models/{model_name}"


def inference_routes(dataplane: RawDataPlane) -> list[BaseRoute]:
    """V1's `:predict` and `:explain`, and V2's `infer`; what is asked for most comes first."""
    v1 = partial(_predict, dataplane, PredictorProtocol.REST_V1.value)
    v2 = partial(_predict, dataplane, PredictorProtocol.REST_V2.value)
    paths: list[tuple[str, Infer]] = [
        (f"{V1_MODEL}:predict", v1),
        (f"{V2_MODEL}/infer", v2),
        (f"{V2_MODEL}/versions/{{model_version}}/infer", v2),
        (f"{V1_MODEL}:explain", partial(_explain, dataplane)),
    ]
    return [Route(path, _endpoint(dataplane, infer), methods=["POST"]) for path, infer in paths]


def _endpoint(dataplane: RawDataPlane, infer: Infer) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        name = request.path_params["model_name"]
        dataplane.check_version(name, request.path_params.get("model_version"))
        await dataplane.model_ready(name, disable_predictor_health_check=True)
        headers = dict(request.headers.items())
        body, answer_headers = dataplane.encode(name, await infer(name, headers), headers, {})
        return Response(body, headers=answer_headers)

    return answer


async def _predict(dataplane: RawDataPlane, protocol: str, name: str, headers: Headers) -> Answer:
    parse, _ = dataplane.decode(b"", headers, protocol)
    answer: Answer
    answer, _ = await dataplane.infer(name, parse, headers)
    return answer


async def _explain(dataplane: RawDataPlane, name: str, headers: Headers) -> Answer:
    parse, _ = dataplane.decode(b"", headers, EXPLAIN)
    answer, _ = await dataplane.explain(name, parse, headers)
    return answer

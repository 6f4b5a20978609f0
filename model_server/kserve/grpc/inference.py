"""The methods of `inference.GRPCInferenceService`, over KServe's data plane: V2's routes, as calls of gRPC.

A call of ModelInfer has a request context, is admitted, counted and logged as a request of HTTP is; its
status there is the one that V2 answers over REST.
"""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus

import grpc
from grpc.aio import ServicerContext
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb

from logo_detection.fetch.byte_budget import ByteBudget, Lease
from model_server.admission import Admission
from model_server.errors import STATUS, NotReady, RequestError, RequestMalformed, ServerFault
from model_server.http.request_context import RequestContext, current_request
from model_server.http.request_middleware import ANSWER_S, choose_request_id, record
from model_server.kserve.data_plane import RawDataPlane
from model_server.kserve.grpc.calls import NO_MESSAGE, asking, unary
from model_server.kserve.grpc.intake import Intake
from model_server.kserve.grpc.messages import decode_infer, describe_model, describe_server
from model_server.metrics import CLIENT_CLOSED, Metrics
from model_server.protocols import Answer, Parsed
from model_server.trace_context import continue_trace

SERVICE: str = pb.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name
MODEL_INFER = f"/{SERVICE}/ModelInfer"
Parse = Callable[[pb.ModelInferRequest], Parsed]

log = logging.getLogger(__name__)


class Inference:
    """What gRPC calls. Where a version is named, it has to be the one that is served.

    Args:
        dataplane: KServe's, with the model behind it.
        parse: Turns a request into items.
        max_items: How many files a request may have.
        intake: Reads messages.
        admission: Knows whether there is room.
        byte_budget: Counts messages.
        metrics: Count requests.
        request_timeout_s: How long one may take, if its caller does not say less.
        slow_request_s: One that takes so long tells of its slowest file in the log.
    """

    def __init__(
        self,
        dataplane: RawDataPlane,
        *,
        parse: Parse,
        max_items: int,
        intake: Intake,
        admission: Admission,
        byte_budget: ByteBudget,
        metrics: Metrics,
        request_timeout_s: float,
        slow_request_s: float,
    ) -> None:
        self._dataplane = dataplane
        self._parse = parse
        self._max_items = max_items
        self._intake = intake
        self._admission = admission
        self._byte_budget = byte_budget
        self._metrics = metrics
        self._request_timeout_s = request_timeout_s
        self._slow_request_s = slow_request_s

    def handlers(self) -> dict[str, grpc.RpcMethodHandler]:
        """By the methods' names. Those that load and unload models are not served."""
        kinds = {
            "ServerLive": (pb.ServerLiveRequest, self._live),
            "ServerReady": (pb.ServerReadyRequest, self._ready),
            "ServerMetadata": (pb.ServerMetadataRequest, self._server),
            "ModelReady": (pb.ModelReadyRequest, self._model_ready),
            "ModelMetadata": (pb.ModelMetadataRequest, self._model),
        }
        asked = {name: asking(self._intake, *kind) for name, kind in kinds.items()}
        return {"ModelInfer": unary(self._infer), **asked}

    async def _live(self, _: pb.ServerLiveRequest, call: ServicerContext) -> pb.ServerLiveResponse:
        return pb.ServerLiveResponse(live=True)

    async def _ready(self, _: pb.ServerReadyRequest, call: ServicerContext) -> pb.ServerReadyResponse:
        try:
            return pb.ServerReadyResponse(ready=await self._dataplane.ready())
        except NotReady:
            return pb.ServerReadyResponse(ready=False)

    async def _server(self, _: pb.ServerMetadataRequest, call: ServicerContext) -> pb.ServerMetadataResponse:
        return describe_server(self._dataplane.metadata())

    async def _model_ready(self, asked: pb.ModelReadyRequest, call: ServicerContext) -> pb.ModelReadyResponse:
        self._dataplane.check_version(asked.name, asked.version or None)
        try:
            return pb.ModelReadyResponse(ready=await self._dataplane.model_ready(asked.name))
        except NotReady:
            return pb.ModelReadyResponse(ready=False)

    async def _model(self, asked: pb.ModelMetadataRequest, call: ServicerContext) -> pb.ModelMetadataResponse:
        self._dataplane.check_version(asked.name, asked.version or None)
        return describe_model(await self._dataplane.model_metadata(asked.name))

    async def _infer(self, call: ServicerContext) -> bytes:
        answer = await self._recorded(call)
        if answer.status == HTTPStatus.GATEWAY_TIMEOUT:
            raise TimeoutError
        return answer.body

    async def _recorded(self, call: ServicerContext) -> Answer:
        """Answer a request, count it, and write its line of log."""
        headers = _headers(call)
        now = asyncio.get_running_loop().time()
        request_id = choose_request_id(headers.get("x-request-id", ""))
        context = RequestContext(
            request_id,
            now,
            now + self._time_s(call),
            trace=continue_trace(headers.get("traceparent", "").encode(errors="replace")),
            slow_s=self._slow_request_s,
        )
        call.set_trailing_metadata((("x-request-id", request_id),))
        status: int = CLIENT_CLOSED
        try:
            answer = await self._serve(call, headers, context)
            status = answer.status
            return answer
        except RequestError as error:
            context.refused, status = error.reason(), STATUS[type(error)]
            raise
        except TimeoutError:
            status = HTTPStatus.GATEWAY_TIMEOUT
            raise
        except Exception as error:
            log.exception("unexpected error", extra={"fields": {"request_id": request_id}})
            context.refused, status = ServerFault.reason(), STATUS[ServerFault]
            raise ServerFault("internal error") from error
        finally:
            record(self._metrics, context, status, f"gRPC {MODEL_INFER}")

    async def _serve(self, call: ServicerContext, headers: dict[str, str], context: RequestContext) -> Answer:
        self._admission.check_room()
        async with self._byte_budget.lease() as lease:
            message = decode_infer(await self._read(call, lease, context.deadline), self._max_items)
            name = message.model_name
            self._dataplane.check_version(name, message.model_version or None)
            await self._dataplane.model_ready(name, True)
            parsed = self._parse(message)
            del message  # its elements alone are needed
            current_request.set(context)
            answer: Answer
            answer, _ = await self._dataplane.infer(name, lambda *_: parsed, headers)
        return answer

    async def _read(self, call: ServicerContext, lease: Lease, deadline: float) -> bytes:
        message = await self._intake.read(call, lease, deadline)
        if message is None:
            raise RequestMalformed(NO_MESSAGE)
        return message

    def _time_s(self, call: ServicerContext) -> float:
        """How long the request may take: as long as its caller waits, if that is less."""
        left_s: float | None = call.time_remaining()
        if left_s is None:
            return self._request_timeout_s
        return min(self._request_timeout_s, max(0.0, left_s - ANSWER_S))


def _headers(call: ServicerContext) -> dict[str, str]:
    """The caller's metadata, as headers of HTTP; of repeated ones the first counts."""
    pairs = reversed(call.invocation_metadata() or ())
    return {name: value for name, value in pairs if isinstance(value, str)}
